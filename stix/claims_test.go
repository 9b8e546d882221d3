package stix_test

import (
	"strings"
	"testing"

	"entente/stix"
)

func TestClaims(t *testing.T) {
	for raw, want := range map[string][2]string{
		`{"type":"indicator","id":"malware--1","modified":"m","created":"c"}`: {"malware--1", "m"},
		`{"created":"c","x":{"id":"inner"},"id":"a","id":"b"}`:                {"a", "c"},
		`{"id":7,"modified":null}`:                                            {"", ""},
		`{"id":"a","modified":"m","broken`:                                    {"a", "m"},
		"{\"id\":\"a\xff\"}":                                                  {"a\ufffd", ""},
		`{"id":"` + strings.Repeat("a", 1000) + `"}`:                          {"", ""},
		`[]`: {"", ""},
		``:   {"", ""},
	} {
		if id, version := stix.Claims([]byte(raw)); id != want[0] || version != want[1] {
			t.Errorf("%.60s: %q, %q", raw, id, version)
		}
	}
}
