package stix_test

import (
	"strings"
	"testing"

	"entente/stix"
)

func TestMendSpecVersion(t *testing.T) {
	for raw, want := range map[string]string{
		`{"id":"a", "type":"tool","spec_version": "tool" , "x":{"spec_version":"tool"}}`: `{"id":"a", "type":"tool","spec_version": "2.1" , "x":{"spec_version":"tool"}}`,
		`{"spec_version":"x-é","type":"x-é"}`:                                            `{"spec_version":"2.1","type":"x-é"}`,
		`{"type":"tool","spec_version":"2.1"}`:                                           "",
		`{"type":"tool","spec_version":"malware"}`:                                       "",
		`{"type":"tool","x":{"spec_version":"tool"}}`:                                    "",
		`{"type":"tool","x":{"type":"tool"}}`:                                            "",
		`{"spec_version":"tool"}`:                                                        "",
		`{"type":"tool","spec_version":"tool","broken`:                                   "",
		`{"spec_version":"tool","type":"tool","x":[1,2,}`:                                "",
		`["spec_version"]`:                                                               "",
		`{}`:                                                                             "",
		``:                                                                               "",
	} {
		if got := stix.MendSpecVersion([]byte(raw)); string(got) != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

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
