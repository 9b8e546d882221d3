package stix_test

import (
	"bytes"
	"encoding/json"
	"reflect"
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

// Nothing is mended but the fault, and nothing changes but the one value.
func FuzzMendSpecVersion(f *testing.F) {
	f.Add([]byte(`{"type":"tool","spec_version":"tool","id":"tool--00000000-0000-4000-8000-000000000001","name":"n"}`))
	f.Add([]byte(` {"spec_version" : "x" , "type":"x","a":["]",{"type":"y"}]}`))
	f.Add([]byte(`{"type":"a","type":"b","spec_version":"a","spec_version":"b"}`))
	f.Add([]byte(`{"type":null,"spec_version":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole := stix.MendSpecVersion(raw)
		if whole == nil {
			return
		}
		i := bytes.Index(whole, []byte(`"2.1"`))
		if i < 0 {
			t.Fatalf("%q became %q", raw, whole)
		}
		var before, after map[string]any
		if json.Unmarshal(raw, &before) != nil {
			return // names twice, or text that is no UTF-8: Parse refuses it all the same
		}
		if err := json.Unmarshal(whole, &after); err != nil || after["spec_version"] != "2.1" {
			t.Fatalf("%q became %q: %v", raw, whole, err)
		}
		if before["spec_version"] != before["type"] {
			t.Errorf("%q does not have the fault", raw)
		}
		delete(before, "spec_version")
		delete(after, "spec_version")
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q", raw, whole)
		}
	})
}
