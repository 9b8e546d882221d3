package taxii

import (
	"bytes"
	"testing"

	"entente"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func TestPages(t *testing.T) {
	odd := `{ "id":"` + idA + `",  "n": 1.50e1, "s":"\u00e9\/" }`
	entries := []entente.Entry{
		{Seq: 1, Added: 1_000_000, ID: idA, Spec: entente.Spec21, Stamp: "2016-11-03T12:30:59.000Z", Bytes: []byte(odd)},
		{Seq: 9, Added: 1_000_001, ID: idB, Spec: entente.Spec20, Stamp: "2016-11-03T12:30:59Z", Bytes: []byte(`{}`)},
	}
	manifest := `{"id":"` + idA + `","date_added":"1970-01-01T00:00:01.000000Z","version":"2016-11-03T12:30:59.000Z","media_type":"application/stix+json;version=2.1"},` +
		`{"id":"` + idB + `","date_added":"1970-01-01T00:00:01.000001Z","version":"2016-11-03T12:30:59Z","media_type":"application/stix+json;version=2.0"}`
	versions := `"2016-11-03T12:30:59.000Z","2016-11-03T12:30:59Z"`
	for _, c := range []struct {
		next                         string
		entries                      []entente.Entry
		envelope, manifest, versions string
	}{
		{"", nil, "{}\n", "{}\n", "{}\n"},
		{"abc", nil, `{"more":true,"next":"abc"}` + "\n", `{"more":true,"next":"abc"}` + "\n", `{"more":true,"next":"abc"}` + "\n"},
		{"", entries, `{"objects":[` + odd + ",{}]}\n", `{"objects":[` + manifest + "]}\n", `{"versions":[` + versions + "]}\n"},
		{"x", entries[1:], `{"more":true,"next":"x","objects":[{}]}` + "\n",
			`{"more":true,"next":"x","objects":[` + manifest[bytes.IndexByte([]byte(manifest), '}')+2:] + "]}\n",
			`{"more":true,"next":"x","versions":["2016-11-03T12:30:59Z"]}` + "\n"},
	} {
		var b bytes.Buffer
		if err := WriteEnvelope(&b, c.next, c.entries); err != nil || b.String() != c.envelope {
			t.Errorf("envelope %s, %v; want %s", &b, err, c.envelope)
		}
		if n := EnvelopeLength(c.next, c.entries); n != int64(b.Len()) {
			t.Errorf("length %d, want %d", n, b.Len())
		}
		if got, err := Manifest(c.next, c.entries); err != nil || string(got) != c.manifest {
			t.Errorf("manifest %s, %v; want %s", got, err, c.manifest)
		}
		if got, err := Versions(c.next, c.entries); err != nil || string(got) != c.versions {
			t.Errorf("versions %s, %v; want %s", got, err, c.versions)
		}
	}
	// The table of properties of §5.3.1 and what is written agree.
	var page struct {
		Objects []ManifestRecord `json:"objects"`
	}
	if err := json.Unmarshal([]byte(`{"objects":[`+manifest+`]}`), &page, json.RejectUnknownMembers(true)); err != nil || page.Objects[0].DateAdded != Timestamp(1_000_000) {
		t.Errorf("%v: %+v", err, page)
	}
}

type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, entente.Errorf(entente.Unavailable, "gone")
	}
	return len(p), nil
}

func TestEnvelopeStopsWhereWritingFails(t *testing.T) {
	entries := []entente.Entry{{Bytes: []byte("{}")}, {Bytes: []byte("{}")}}
	for n := range 5 {
		if err := WriteEnvelope(&broken{n}, "", entries); err == nil {
			t.Errorf("no error after %d writes", n)
		}
	}
}

func TestResources(t *testing.T) {
	for _, c := range []struct {
		resource any
		want     string
	}{
		{Discovery{Title: "t"}, `{"title":"t"}`},
		{Discovery{Title: "t", Description: "d", Contact: "c", Default: "/a/", APIRoots: []string{"/a/", "/b/"}},
			`{"title":"t","description":"d","contact":"c","default":"/a/","api_roots":["/a/","/b/"]}`},
		{APIRoot{Title: "t", Versions: []string{MediaType}, MaxContentLength: 1},
			`{"title":"t","versions":["application/taxii+json;version=2.1"],"max_content_length":1}`},
		{Collections{}, `{}`},
		{Collections{Collections: []Collection{{ID: "i", Title: "t", MediaTypes: MediaTypesSTIX()}}},
			`{"collections":[{"id":"i","title":"t","can_read":false,"can_write":false,"media_types":["application/stix+json;version=2.1","application/stix+json;version=2.0"]}]}`},
		{Status{ID: "i", Status: Complete}, `{"id":"i","status":"complete","total_count":0,"success_count":0,"failure_count":0,"pending_count":0}`},
		{Status{ID: "i", Status: Complete, TotalCount: 1, FailureCount: 1, Failures: []StatusDetail{{Message: "m"}}},
			`{"id":"i","status":"complete","total_count":1,"success_count":0,"failure_count":1,"failures":[{"id":"","version":"","message":"m"}],"pending_count":0}`},
		{NewError(404, "t", ""), `{"title":"t","http_status":"404"}`},
		{NewError(400, "t", "bad \xff <&>"), "{\"title\":\"t\",\"description\":\"bad \ufffd <&>\",\"http_status\":\"400\"}"},
	} {
		got, err := Encode(c.resource)
		if err != nil || string(got) != c.want+"\n" {
			t.Errorf("%+v gives %s, %v; want %s", c.resource, got, err, c.want)
		}
		if !jsontext.Value(got).IsValid() {
			t.Errorf("not valid JSON: %s", got)
		}
	}
	if Root("api1") != "/api1/" {
		t.Error(Root("api1"))
	}
}
