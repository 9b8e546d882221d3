package stix

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ name, raw, want string }{
		{"what people search", ` {"type":"indicator","spec_version":"2.1","id":"indicator--5d0092c5-5f74-4287-9642-33f4c354e56d",
			"created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","created_by_ref":"identity--5d0092c5-5f74-4287-9642-33f4c354e56d",
			"object_marking_refs":["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"],"lang":"en","confidence":80,"revoked":false,
			"granular_markings":[{"lang":"fr","selectors":["name"]}],"pattern_type":"stix","pattern_version":"2.1","valid_from":"2024-01-01T00:00:00Z",
			"name":"Caf\u00e9  \"drop\"\n\tzone","labels":["a","b"],"pattern":"[url:value = 'http://x.example']",
			"external_references":[{"source_name":"example","external_id":"EX-1","url":"https://example.org"}],
			"kill_chain_phases":[{"kill_chain_name":"chain","phase_name":"impact"}],"x_other":{"deep":[{"type":"inner","id":"T1"}]}}`,
			"Café \"drop\" zone\na\nb\n[url:value = 'http://x.example']\nexample\nEX-1\nhttps://example.org\nchain\nimpact\ninner\nT1"},
		{"no payloads", `{"type":"artifact","payload_bin":"AAAA","magic_number_hex":"4d5a","hashes":{"MD5":"d41d8cd98f00b204e9800998ecf8427e"},"url":"u"}`, "d41d8cd98f00b204e9800998ecf8427e\nu"},
		{"no constants of a relationship", `{"type":"relationship","relationship_type":"uses","source_ref":"malware--x","description":" d "}`, "d"},
		{"an identifier anywhere", `{"type":"x-a","x_a":["tool--5d0092c5-5f74-4287-9642-33f4c354e56d","2024-01-01T00:00:00Z","2024-01-01 and TZ","tool--5"]}`, "2024-01-01 and TZ\ntool--5"},
		{"blank strings", `{"type":"x-a","a":"","b":" \n","c":"x"}`, "x"},
		{"nothing", `{"type":"x-a"}`, ""},
		{"not an object", `["a"]`, ""},
		{"not JSON", `{"a":"b"`, ""},
	} {
		if got := Text([]byte(test.raw)); got != test.want {
			t.Errorf("%s:\n%q, want\n%q", test.name, got, test.want)
		}
	}
	for _, long := range []string{
		`{"a":"` + strings.Repeat("é", MaxText) + `"}`,
		`{"a":"x` + strings.Repeat("é", MaxText) + `"}`,
		`{"a":"` + strings.Repeat(`\u00e9`, MaxText) + `"}`,
		`{"a":[` + strings.Repeat(`"word word",`, MaxText) + `"end"]}`,
	} {
		got := Text([]byte(long))
		if len(got) > MaxText || len(got) < MaxText/8 || !utf8.ValidString(got) {
			t.Errorf("%d bytes of %d, valid: %v", len(got), len(long), utf8.ValidString(got))
		}
	}
}
