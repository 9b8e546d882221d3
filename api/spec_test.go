package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"entente"
	"entente/taxii"
)

// tool is a STIX object in a version of minute m, of STIX 2.0 if spec is "2.0".
func tool(spec string, n, m int, more string) string {
	says := `"spec_version":"2.1",`
	if spec == "2.0" {
		says = `"labels":["remote-access"],`
	}
	return fmt.Sprintf(`{"type":"tool",%s"id":"%s","created":"2020-01-01T00:00:00.000Z","modified":"%s","name":"t"%s}`, says, toolID(n), minute(m), more)
}

func toolID(n int) string { return fmt.Sprintf("tool--00000000-0000-4000-8000-%012x", n) }

// Objects of STIX 2.0 come in, and go out as what they are: byte for byte, by their own
// media type, and as the latest of an object where there is nothing of 2.1.
func TestSTIX20(t *testing.T) {
	w := newWorld(t, Config{})
	both20, both21, only := tool("2.0", 1, 0, ""), tool("2.1", 1, 1, ""), tool("2.0", 2, 0, ` , "x_odd":1.50`)
	white := `{"type":"marking-definition","id":"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9","created":"2017-01-20T00:00:00.000Z","definition_type":"tlp","definition":{"tlp":"white"}}`
	named := strings.Replace(white, `"id"`, `"spec_version":"2.1","name":"TLP:WHITE","id"`, 1)
	observed := `{"type":"observed-data","id":"observed-data--00000000-0000-4000-8000-000000000001","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","first_observed":"2020-01-01T00:00:00Z","last_observed":"2020-01-01T00:00:00Z","number_observed":1,"objects":{"0":{"type":"ipv4-addr","value":"192.0.2.1"},"1":{"type":"network-traffic","src_ref":"0","protocols":["tcp"]}}}`
	all := []string{both20, both21, only, white, named, observed}
	st := w.post("editor", all...)
	if st.SuccessCount != len(all) {
		t.Fatalf("%+v", st)
	}
	for i, s := range st.Successes {
		if s.Message != "" {
			t.Errorf("object %d: %s", i, s.Message)
		}
	}
	for query, want := range map[string][]string{
		"":                                         {both21, only, named, observed},
		"match[version]=all":                       {both21, only, named, observed},
		"match[version]=first":                     {both21, only, named, observed},
		"match[spec_version]=2.0":                  {both20, only, white, observed},
		"match[spec_version]=2.1":                  {both21, named},
		"match[spec_version]=2.0,2.1":              all,
		"match[spec_version]=2.1,2.0":              all,
		"match[spec_version]=1.2":                  nil,
		"match[type]=tool":                         {both21, only},
		"match[type]=tool&match[spec_version]=2.0": {both20, only},
		"match[id]=" + toolID(1):                   {both21},
		// Of what matches the rest of the request, the latest specification (§3.4.1).
		"match[version]=" + minute(0):                                 {both20, only, observed},
		"match[version]=" + minute(1):                                 {both21},
		"match[version]=" + minute(0) + "," + minute(1):               {both21, only, observed},
		"match[version]=last," + minute(0):                            {both21, only, named, observed},
		"match[version]=2017-01-20T00:00:00Z":                         {named},
		"match[version]=2017-01-20T00:00:00Z&match[spec_version]=2.0": {white},
	} {
		for _, limit := range []string{"", "1", "2"} {
			got, records := w.pages(t, query, limit)
			if g, want := strings.Join(got, "\n"), strings.Join(want, "\n"); g != want {
				t.Errorf("%q in pages of %s:\n%s\nwant\n%s", query, limit, g, want)
				continue
			}
			for i, r := range records {
				media := "application/stix+json;version=2.0"
				if strings.Contains(want[i], `"spec_version":"2.1"`) {
					media = "application/stix+json;version=2.1"
				}
				if r.MediaType != media || !strings.Contains(want[i], `"`+r.ID+`"`) || !strings.Contains(want[i], `"`+r.Version+`"`) {
					t.Errorf("%q: %+v stands for %s", query, r, want[i])
				}
			}
		}
	}
	one := w.at("objects/" + toolID(1) + "/")
	for path, want := range map[string]string{
		one:                                  both21,
		one + "?match[spec_version]=2.0":     both20,
		one + "?match[spec_version]=2.0,2.1": both20 + "," + both21,
		one + "?match[version]=" + minute(0): both20,
		one + "?match[version]=" + minute(1): both21,
		one + "?match[version]=" + minute(0) + "&match[spec_version]=2.1": "404",
		one + "versions/":                             minute(1),
		one + "versions/?match[spec_version]=2.0":     minute(0),
		one + "versions/?match[spec_version]=2.0,2.1": minute(0) + `","` + minute(1),
	} {
		r := w.get("reader", path)
		if want == "404" && r.status != 404 || want != "404" && (r.status != 200 || !strings.Contains(r.body, "["+want+"]") && !strings.Contains(r.body, `["`+want+`"]`)) {
			t.Errorf("%s: %d %s, want %s", path, r.status, r.body, want)
		}
	}
	for _, c := range decode[taxii.Collections](t, w.get("reader", "/api1/collections/")).Collections {
		if fmt.Sprint(c.MediaTypes) != "[application/stix+json;version=2.1 application/stix+json;version=2.0]" {
			t.Errorf("media types %v", c.MediaTypes)
		}
	}

	// What is left of the other specification comes to light when one is deleted, at the end
	// of the feed, where incremental readers find it.
	since := w.get("reader", w.at("objects/")).header.Get("X-Taxii-Date-Added-Last")
	w.clock.Add(1000)
	if r := w.do(request{method: "DELETE", path: one + "?match[spec_version]=2.1", as: "editor"}); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if got, _ := w.pages(t, "added_after="+url.QueryEscape(since), ""); len(got) != 1 || got[0] != both20 {
		t.Errorf("after the deletion: %q", got)
	}
}

// pages reads a collection by the cursors of pages, and the manifest beside it.
func (w *world) pages(t *testing.T, query, limit string) (objects []string, records []taxii.ManifestRecord) {
	t.Helper()
	if limit != "" {
		query += "&limit=" + limit
	}
	for next, n := "", 0; ; n++ {
		p := decode[served](t, w.get("reader", w.at("objects/")+"?"+query+"&next="+next))
		for _, o := range p.Objects {
			objects = append(objects, string(o))
		}
		if next = p.Next; p.More != (next != "") || n > 20 {
			t.Fatalf("more %v, next %q", p.More, next)
		}
		if !p.More {
			break
		}
	}
	type manifest struct {
		More    bool                   `json:"more"`
		Next    string                 `json:"next"`
		Objects []taxii.ManifestRecord `json:"objects"`
	}
	for next := ""; ; {
		p := decode[manifest](t, w.get("reader", w.at("manifest/")+"?"+query+"&next="+next))
		records = append(records, p.Objects...)
		if next = p.Next; !p.More {
			break
		}
	}
	if len(records) != len(objects) {
		t.Fatalf("%q: %d records, %d objects", query, len(records), len(objects))
	}
	return objects, records
}

// What breaks the rules of versioning beside what is held is a success that says so.
func TestPostTellsBreaches(t *testing.T) {
	w := newWorld(t, Config{})
	by := func(who int) string {
		return fmt.Sprintf(`,"created_by_ref":"identity--00000000-0000-4000-8000-%012x"`, who)
	}
	w.post("writer", tool("2.1", 1, 0, by(1)), tool("2.1", 2, 5, by(1)+`,"revoked":true`))
	st := w.post("writer", tool("2.1", 1, 1, by(2)), tool("2.1", 2, 6, by(1)), tool("2.0", 2, 7, by(1)), tool("2.1", 1, 2, by(1)))
	if st.SuccessCount != 4 {
		t.Fatalf("%+v", st)
	}
	for i, want := range []string{
		"warning: created_by_ref: identity--00000000-0000-4000-8000-000000000002 did not make the object: version 2020-01-01T00:00:00.000Z says that identity--00000000-0000-4000-8000-000000000001 did, and only the creator may make a new version of an object (STIX 2.1 §3.6)",
		"warning: modified: version 2020-01-01T00:05:00.000Z revokes the object: that is final, and no later version may be made (STIX 2.1 §3.6)",
		"warning: modified: version 2020-01-01T00:05:00.000Z revokes the object: that is final, and no later version may be made (STIX 2.0 Part 1 §3.4)",
		"",
	} {
		if got := st.Successes[i].Message; got != want {
			t.Errorf("object %d: %q, want %q", i, got, want)
		}
	}
	// The status says the same when it is asked for, and nobody else learns of it.
	if r := w.get("writer", "/api1/status/"+st.ID+"/"); fmt.Sprint(decode[taxii.Status](t, r)) != fmt.Sprint(st) {
		t.Error(r.body)
	}
	// A history in another collection is none of this one's.
	if _, err := w.node.Do(t.Context(), entente.LocalActor(), entente.SetGrant{Account: w.readers["writer"], Collection: w.other, Write: true}); err != nil {
		t.Fatal(err)
	}
	r := w.do(request{method: "POST", path: "/api1/collections/" + w.other + "/objects/", as: "writer", body: `{"objects":[` + tool("2.1", 1, 1, by(2)) + `]}`})
	if st := decode[taxii.Status](t, r); st.SuccessCount != 1 || st.Successes[0].Message != "" {
		t.Errorf("%+v", st)
	}
}
