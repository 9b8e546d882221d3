package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"entente/taxii"
)

// walk reads all pages of a path by next, with the parameters on the first page and
// whatever again gives on the following ones.
func (w *world) walk(as, path, first string, again func(next string) string) (objects []string, sizes []int) {
	w.t.Helper()
	query := first
	for range 100 {
		r := w.get(as, path+"?"+query)
		if r.status != 200 {
			w.t.Fatalf("%s?%s: %d %s", path, query, r.status, r.body)
		}
		page := decode[struct {
			More     bool         `json:"more"`
			Next     string       `json:"next"`
			Objects  []rawMessage `json:"objects"`
			Versions []rawMessage `json:"versions"`
		}](w.t, r)
		if page.More != (page.Next != "") {
			w.t.Fatalf("more %v with next %q", page.More, page.Next)
		}
		list := slices.Concat(page.Objects, page.Versions)
		sizes = append(sizes, len(list))
		for _, o := range list {
			objects = append(objects, string(o))
		}
		if !page.More {
			return objects, sizes
		}
		query = again(page.Next)
	}
	w.t.Fatal("the pages do not end")
	return nil, nil
}

// Every way to page that a client may know gives the same objects in the same order (§3.5).
func TestPaging(t *testing.T) {
	w := newWorld(t, Config{PageMax: 4})
	var want []string
	for i := range 11 {
		want = append(want, indicator(i, i))
	}
	w.post("editor", want...)
	check := func(name string, got []string, sizes []int, wantSizes ...int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d objects, want %d\n%s", name, len(got), len(want), got)
		}
		if !slices.Equal(sizes, wantSizes) {
			t.Errorf("%s: pages of %v, want %v", name, sizes, wantSizes)
		}
	}
	path := w.at("objects/")
	next := func(n string) string { return "next=" + n }
	got, sizes := w.walk("reader", path, "", next)
	check("no limit", got, sizes, 4, 4, 3)
	got, sizes = w.walk("reader", path, "limit=100", next)
	check("over the cap", got, sizes, 4, 4, 3)
	got, sizes = w.walk("reader", path, "limit=3", next)
	check("the cursor keeps the limit", got, sizes, 3, 3, 3, 2)
	got, sizes = w.walk("reader", path, "limit=2&match[type]=indicator", func(n string) string { return "limit=4&match[type]=indicator&next=" + n })
	check("another limit, filters sent again", got, sizes, 2, 4, 4, 1)
	got, sizes = w.walk("reader", path, "match[version]=all&added_after=2020-01-01T00:00:00Z", func(n string) string { return "match[version]=all&next=" + n })
	check("some filters sent again", got, sizes, 4, 4, 3)

	// Without next, by added_after: no two entries share a date.
	var all []string
	after := "2020-01-01T00:00:00.000000Z"
	for range 10 {
		r := w.get("reader", path+"?limit=3&added_after="+after)
		for _, o := range decode[served](t, r).Objects {
			all = append(all, string(o))
		}
		if !strings.Contains(r.body, `"more":true`) {
			break
		}
		after = r.header.Get("X-Taxii-Date-Added-Last")
	}
	check("by added_after", all, nil)

	// Manifest, object and versions are paged as well.
	records, sizes := w.walk("reader", w.at("manifest/"), "limit=4", next)
	if len(records) != 11 || !slices.Equal(sizes, []int{4, 4, 3}) {
		t.Errorf("manifest: pages of %v", sizes)
	}
	var versions []string
	for m := range 5 {
		versions = append(versions, indicator(0, m+20))
	}
	w.post("editor", versions...)
	got, sizes = w.walk("reader", w.at("objects/"+indicatorID(0)+"/"), "limit=2&match[version]=all", next)
	if !slices.Equal(got[1:], versions) || !slices.Equal(sizes, []int{2, 2, 2}) {
		t.Errorf("object: %v in pages of %v", got, sizes)
	}
	got, sizes = w.walk("reader", w.at("objects/"+indicatorID(0)+"/versions/"), "limit=4", next)
	if !slices.Equal(sizes, []int{4, 2}) || got[5] != `"`+minute(24)+`"` || got[0] != `"`+minute(0)+`"` {
		t.Errorf("versions: %v in pages of %v", got, sizes)
	}
}

// A cursor belongs to its endpoint, collection, object and filters; a retry gives the same
// bytes; it holds in another process and is judged anew each time.
func TestCursors(t *testing.T) {
	w := newWorld(t, Config{})
	w.post("editor", indicator(1, 0), indicator(1, 1), indicator(2, 0), indicator(3, 0))
	path := w.at("objects/")
	r := w.get("reader", path+"?limit=1&match[version]=all")
	next := decode[served](t, r).Next
	page := w.get("reader", path+"?next="+next)
	if page.status != 200 {
		t.Fatal(page.body)
	}
	if again := w.get("reader", path+"?next="+next); again.body != page.body {
		t.Errorf("a retry differs:\n%s\n%s", again.body, page.body)
	}
	if first := w.get("reader", path+"?limit=1&match[version]=all"); first.body != r.body {
		t.Error("the same request gives another cursor")
	}
	for name, c := range map[string]struct {
		as, path string
		want     int
	}{
		"another endpoint":   {"reader", w.at("manifest/") + "?next=" + next, 400},
		"another collection": {"operator", "/api1/collections/" + w.other + "/objects/?next=" + next, 400},
		"an object":          {"reader", w.at("objects/"+indicatorID(1)+"/") + "?next=" + next, 400},
		"another filter":     {"reader", path + "?match[version]=last&next=" + next, 400},
		"another filter 2":   {"reader", path + "?match[type]=indicator&limit=3&next=" + next, 400},
		"altered":            {"reader", path + "?next=" + next[:len(next)-2] + "AA", 400},
		"shortened":          {"reader", path + "?next=" + next[:20], 400},
		"the alias":          {"reader", "/api1/collections/shelf/objects/?next=" + next, 200},
		"another account":    {"editor", path + "?next=" + next, 200},
		"one who may not":    {"writer", path + "?next=" + next, 403},
		"one who sees not":   {"stranger", path + "?next=" + next, 404},
	} {
		if r := w.get(c.as, c.path); r.status != c.want {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.body, c.want)
		}
	}
	one := decode[served](t, w.get("reader", w.at("objects/"+indicatorID(1)+"/")+"?limit=1&match[version]=all")).Next
	if r := w.get("reader", w.at("objects/"+indicatorID(2)+"/")+"?next="+one); r.status != 400 {
		t.Errorf("the cursor of another object: %d", r.status)
	}

	before := w.base
	var err error
	w.server, err = New(w.node, Config{}, w.server.log)
	w.must(err)
	w.serve()
	if w.base == before {
		t.Fatal("not another server")
	}
	if again := w.get("reader", path+"?next="+next); again.body != page.body {
		t.Errorf("another server gives another page:\n%s\n%s", again.body, page.body)
	}
}

// What is exact is served exactly, and ascending by date (§3.3).
func TestExactBytes(t *testing.T) {
	w := newWorld(t, Config{})
	odd := []string{
		`{ "type" : "x-odd", "id":"x-odd--00000000-0000-4000-8000-000000000001","spec_version":"2.1", "created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00.123456789Z", "n": 1.50e1, "s":"\u00e9\/é", "nested":{"b":1,"a":[ ]} }`,
		`{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"198.51.100.3"}`,
		indicator(9, 9),
	}
	st := w.post("editor", odd...)
	if st.SuccessCount != 3 {
		t.Fatalf("%+v", st)
	}
	r := w.get("reader", w.at("objects/"))
	if want := `{"objects":[` + strings.Join(odd, ",") + "]}\n"; r.body != want {
		t.Errorf("%s\n%s", r.body, want)
	}
	type manifest struct {
		Objects []taxii.ManifestRecord `json:"objects"`
	}
	m := decode[manifest](t, w.get("reader", w.at("manifest/"))).Objects
	for i, s := range st.Successes {
		if m[i].ID != s.ID || m[i].Version != s.Version || m[i].MediaType != "application/stix+json;version=2.1" {
			t.Errorf("manifest %+v, status %+v", m[i], s)
		}
		if i > 0 && m[i].DateAdded <= m[i-1].DateAdded {
			t.Errorf("dates %s, %s", m[i-1].DateAdded, m[i].DateAdded)
		}
	}
	if m[0].Version != "2020-01-01T00:00:00.123456789Z" || m[1].Version != m[1].DateAdded {
		t.Errorf("versions %q, %q", m[0].Version, m[1].Version)
	}
	if r.header.Get("X-Taxii-Date-Added-First") != m[0].DateAdded || r.header.Get("X-Taxii-Date-Added-Last") != m[2].DateAdded {
		t.Errorf("headers %v", r.header)
	}
	for _, version := range []string{m[0].Version, m[1].Version} {
		one := w.get("reader", w.at("objects/")+"?match[version]="+url.QueryEscape(version))
		if n := len(decode[served](t, one).Objects); n != 1 {
			t.Errorf("version %s: %d objects", version, n)
		}
	}
}

func TestFilters(t *testing.T) {
	w := newWorld(t, Config{})
	malware := `{"type":"malware","spec_version":"2.1","id":"malware--00000000-0000-4000-8000-000000000001","created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00Z","is_family":false}`
	old := `{"type":"tool","id":"tool--00000000-0000-4000-8000-000000000001","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"t","labels":["x"]}`
	if st := w.post("editor", indicator(1, 0), indicator(1, 1), indicator(1, 2), malware, old); st.SuccessCount != 5 {
		t.Fatalf("%+v", st)
	}
	one := w.at("objects/" + indicatorID(1) + "/")
	for query, want := range map[string]int{
		"":                                 3,
		"match[version]=last":              3,
		"match[version]=first":             3,
		"match[version]=all":               5,
		"match[version]=first,last":        4,
		"match[version]=" + minute(1):      1,
		"match[version]=2020-01-01T00:01Z": -400,
		"match[type]=indicator":            1,
		"match[type]=indicator,malware":    2,
		"match[type]=x-unheard-of":         0,
		"match[spec_version]=2.0":          1,
		"match[spec_version]=2.1":          2,
		"match[spec_version]=2.0,2.1":      3,
		"match[spec_version]=4.0":          0,
		"match[id]=" + indicatorID(1):      1,
		"match[id]=" + indicatorID(1) + ",malware--00000000-0000-4000-8000-000000000001": 2,
		"match[id]=" + indicatorID(1) + "&match[type]=malware":                           0,
		"added_after=2026-01-01T00:00:00.000000Z":                                        3,
		"added_after=2025-12-31T19:00:00-05:00":                                          3,
		"added_after=2036-01-01T00:00:00Z":                                               0,
	} {
		r := w.get("reader", w.at("objects/")+"?"+query)
		if want < 0 {
			if r.status != -want {
				t.Errorf("%s: %d", query, r.status)
			}
			continue
		}
		if n := len(decode[served](t, r).Objects); n != want {
			t.Errorf("%s: %d objects, want %d", query, n, want)
		}
	}
	for query, want := range map[string]string{
		"":                                 "200 1",
		"match[version]=all":               "200 3",
		"match[version]=" + minute(1):      "200 1",
		"match[version]=" + minute(9):      "404 0",
		"match[spec_version]=2.0":          "404 0",
		"match[type]=malware":              "200 1",
		"added_after=2036-01-01T00:00:00Z": "200 0",
		"added_after=2036-01-01T00:00:00Z&match[version]=" + minute(9): "404 0",
	} {
		r := w.get("reader", one+"?"+query)
		if got := fmt.Sprintf("%d %d", r.status, strings.Count(r.body, `"type"`)); got != want {
			t.Errorf("object, %s: %s, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"":                                 `{"versions":["` + minute(0) + `","` + minute(1) + `","` + minute(2) + `"]}`,
		"added_after=2036-01-01T00:00:00Z": `{}`,
		"match[version]=last":              `{"versions":["` + minute(0) + `","` + minute(1) + `","` + minute(2) + `"]}`,
		"match[spec_version]=2.0":          `{}`,
	} {
		if r := w.get("reader", one+"versions/?"+query); r.body != want+"\n" {
			t.Errorf("versions, %s: %s, want %s", query, r.body, want)
		}
	}
}
