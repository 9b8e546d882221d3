package api

import (
	"fmt"
	"strings"
	"testing"

	"entente/taxii"
)

// Each object of an envelope gets its own result, and a bad one costs no other (§5.5).
func TestPost(t *testing.T) {
	w := newWorld(t, Config{})
	noID := `{"type":"indicator"}`
	twice := `{"type":"tool","type":"tool"}`
	st := w.post("writer", indicator(1, 0), noID, indicator(2, 0), twice, `7`)
	if st.TotalCount != 5 || st.SuccessCount != 2 || st.FailureCount != 3 || st.PendingCount != 0 || st.Status != taxii.Complete {
		t.Fatalf("%+v", st)
	}
	if s := st.Successes[1]; s.ID != indicatorID(2) || s.Version != minute(0) || s.Message != "" {
		t.Errorf("%+v", s)
	}
	for i, place := range []string{"objects[1]", "objects[3]", "objects[4]"} {
		if f := st.Failures[i]; f.Message == "" || f.Version == "" || (f.ID != place && !strings.Contains(f.ID, "--")) {
			t.Errorf("%+v", f)
		}
	}
	if !timestamp.MatchString(st.RequestTimestamp) {
		t.Error(st.RequestTimestamp)
	}

	// An exact duplicate is a success. Other contents for a version that is held are in too.
	again := w.post("writer", indicator(1, 0), strings.Replace(indicator(1, 0), "192.0.2.1", "192.0.2.2", 1))
	if again.SuccessCount != 2 || again.Successes[0].Message != "held already" || !strings.HasPrefix(again.Successes[1].Message, "contested") {
		t.Errorf("%+v", again)
	}

	// The status is kept, for the account that posted and no other.
	for as, want := range map[string]int{"writer": 200, "editor": 404, "operator": 404, "stranger": 404} {
		r := w.get(as, "/api1/status/"+st.ID+"/")
		if r.status != want {
			t.Errorf("status for %s: %d, want %d", as, r.status, want)
		}
		if want == 200 && fmt.Sprint(decode[taxii.Status](t, r)) != fmt.Sprint(st) {
			t.Errorf("%s\n%+v", r.body, st)
		}
	}
	if r := w.get("writer", "/api9/status/"+st.ID+"/"); r.status != 404 {
		t.Errorf("status in an unknown root: %d", r.status)
	}

	// Warnings travel in the message; the object is taken.
	warned := w.post("writer", strings.Replace(indicator(3, 0), `,"pattern_type":"stix"`, "", 1))
	if warned.SuccessCount != 1 || !strings.Contains(warned.Successes[0].Message, "warning: ") {
		t.Errorf("%+v", warned)
	}
	empty := w.post("writer")
	if empty.TotalCount != 0 || empty.Status != taxii.Complete {
		t.Errorf("%+v", empty)
	}
}

// A body that breaks off, or goes over the limit, is refused; what was good before is in,
// and the error says how much that is.
func TestPostBrokenOff(t *testing.T) {
	w := newWorld(t, Config{})
	good := indicator(1, 0) + "," + `{"type":"indicator"}` + "," + indicator(2, 0) + ","
	long := `{"objects":[` + good
	blob := strings.Repeat("x", 20000)
	for n := 0; len(long) < 1<<20; n++ {
		long += strings.Replace(indicator(100+n, 0), `"pattern_type"`, `"x_blob":"`+blob+`","pattern_type"`, 1) + ","
	}
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"inside an object":  {`{"objects":[` + good + `{"type":"indi`, 422},
		"behind an object":  {`{"objects":[` + good[:len(good)-1], 422},
		"not JSON":          {`{"objects":[` + good + `{"a":}]}`, 422},
		"the bundle's type": {`{"objects":[` + good[:len(good)-1] + `],"type":"bundle"}`, 422},
		"too long":          {long, 413},
	} {
		w := newWorld(t, Config{}) // fresh, as what is deleted below would stay deleted
		r := w.do(request{method: "POST", path: w.at("objects/"), as: "editor", body: c.body, chunked: true})
		if r.status != c.want {
			t.Errorf("%s: %d %s", name, r.status, r.body)
			continue
		}
		e := decode[taxii.Error](t, r)
		if c.want == 422 && !strings.Contains(e.Description, "of the 3 objects that were dealt with before, 2 are in and 1 were refused") {
			t.Errorf("%s: %s", name, e.Description)
		}
		if c.want == 413 && !strings.Contains(e.Description, "are in and 1 were refused") {
			t.Errorf("%s: %s", name, e.Description)
		}
		for n := range 2 {
			if r := w.do(request{method: "DELETE", path: w.at("objects/" + indicatorID(n+1) + "/"), as: "editor"}); r.status != 200 {
				t.Errorf("%s: object %d is not in: %s", name, n+1, r.body)
			}
		}
	}
	r := w.do(request{method: "POST", path: w.at("objects/"), as: "writer", body: `{"objects":[` + indicator(1, 0) + `]}`, chunked: true})
	if r.status != 202 {
		t.Errorf("a chunked body: %d %s", r.status, r.body)
	}
	exact := `{"objects":[],"x":"` + strings.Repeat("x", 1<<20-21) + `"}`
	if len(exact) != 1<<20 {
		t.Fatal(len(exact))
	}
	for _, chunked := range []bool{true, false} {
		if r := w.do(request{method: "POST", path: w.at("objects/"), as: "writer", body: exact, chunked: chunked}); r.status != 202 {
			t.Errorf("a body of just the length that is allowed: %d %s", r.status, r.body)
		}
		if r := w.do(request{method: "POST", path: w.at("objects/"), as: "writer", body: exact + " ", chunked: chunked}); r.status != 413 {
			t.Errorf("a body one byte over: %d %s", r.status, r.body)
		}
	}
}

// What was deleted answers 404 and is in no manifest (§5.7).
func TestDelete(t *testing.T) {
	w := newWorld(t, Config{})
	w.post("editor", indicator(1, 0), indicator(1, 1), indicator(1, 2), indicator(2, 0), indicator(3, 0), indicator(3, 1))
	one := w.at("objects/" + indicatorID(1) + "/")
	remove := func(path string, want int) {
		t.Helper()
		r := w.do(request{method: "DELETE", path: path, as: "editor"})
		if r.status != want || (want == 200 && (r.body != "" || r.header.Get("Content-Type") != taxii.MediaType)) {
			t.Errorf("%s: %d %q %v", path, r.status, r.body, r.header)
		}
	}
	versions := func(want ...string) {
		t.Helper()
		r := w.get("editor", one+"versions/")
		if got := `{"versions":["` + strings.Join(want, `","`) + `"]}` + "\n"; r.body != got {
			t.Errorf("%s, want %s", r.body, got)
		}
	}
	remove(one+"?match[version]="+minute(1), 200)
	versions(minute(0), minute(2))
	remove(one+"?match[version]="+minute(1), 404)
	if r := w.get("editor", one+"?match[version]="+minute(1)); r.status != 404 {
		t.Errorf("the deleted version: %d", r.status)
	}
	remove(one+"?match[version]=last", 200)
	versions(minute(0))
	remove(one+"?match[spec_version]=2.0", 404)
	remove(one, 200)
	remove(one, 404)
	for _, path := range []string{one, one + "versions/"} {
		if r := w.get("editor", path); r.status != 404 {
			t.Errorf("%s after its deletion: %d", path, r.status)
		}
	}
	remove(w.at("objects/"+indicatorID(3)+"/"), 200)
	if r := w.get("editor", w.at("manifest/?match[version]=all")); strings.Contains(r.body, indicatorID(1)) || strings.Contains(r.body, indicatorID(3)) || !strings.Contains(r.body, indicatorID(2)) {
		t.Error(r.body)
	}
}

// A bundle is no envelope, save from the one client that can send nothing else.
func TestPostBundle(t *testing.T) {
	w := newWorld(t, Config{})
	text := `{"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": [` + indicator(1, 0) + `]}`
	for _, c := range []struct {
		agent, body string
		want        int
	}{
		{"", text, 422},
		{"curl/8.0", text, 422},
		{"python-requests/2.32.0", text, 202},
		{"python-requests/2.32.0", " \n" + text, 202},
		{"python-requests/2.32.0", `{"objects":[` + indicator(1, 0) + `]}`, 202},
		{"python-requests/2.32.0", `{"type":"bundle`, 422},
		{"python-requests/2.32.0", `{}`, 202},
		{"python-requests/2.32.0", indicator(1, 0), 422},
		{"python-requests/2.32.0", `[]`, 422},
		{"python-requests/2.32.0", "", 422},
		{"python-requests/2.32.0", text + strings.Repeat(" ", 1<<20), 413},
	} {
		for _, chunked := range []bool{false, true} {
			r := w.do(request{method: "POST", path: w.at("objects/"), as: "writer", header: map[string]string{"User-Agent": c.agent}, body: c.body, chunked: chunked})
			if r.status != c.want {
				t.Errorf("%q sends %.40q: %d %s, want %d", c.agent, c.body, r.status, r.body, c.want)
			}
		}
	}
}
