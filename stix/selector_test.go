package stix

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const selected = `{"type":"vulnerability","spec_version":"2.1","id":"vulnerability--ee916c28-c7a4-4d0d-ad56-a8d357f89fef",` +
	`"created":"2016-02-14T00:00:00.000Z","modified":"2016-02-14T00:00:00.000Z","name":"n","description":"d",` +
	`"external_references":[{"source_name":"cve","external_id":"CVE-1"},{"source_name":"b","url":"https://example.org","hashes":{"SHA-256":"6db12788c37247f2316052e142f42f4b259d6561751e5f401a1ae2a6df9c674b"}}],` +
	`"labels":["heartbleed","has-logo"],"granular_markings":[{%s,"selectors":[%s]}]}`

func TestSelectors(t *testing.T) {
	const hits = "hits nothing: "
	for selector, want := range map[string]string{
		"description": "", "labels": "", "labels.[0]": "", "labels.[1]": "", "external_references": "", "id": "", "granular_markings": "",
		"external_references.[0].source_name": "", "external_references.[1].hashes.SHA-256": "", `desc\u0072iption`: "",

		"pattern":                      hits + "there is no pattern",
		"labels.[2]":                   hits + "there is no [2]",
		"external_references.[3]":      hits + "there is no [3]",
		"external_references.[0].hash": hits + "there is no hash",
		"description.[0]":              hits + "[0] is an index, but what stands there is a string, not a list",
		"labels.name":                  hits + "name is a name, but what stands there is a list, not an object",
		"[0]":                          hits + "[0] is an index, but what stands there is an object, not a list",
		"Description":                  hits + "there is no Description",

		"": "malformed", ".": "malformed", "labels.": "malformed", "labels..[0]": "malformed", "labels[0]": "malformed",
		"labels.[]": "malformed", "labels.[-1]": "malformed", "labels.[01]": "malformed", "labels.[0": "malformed",
		"labels.[a]": "malformed", "labels.[9999999999]": "malformed", "labels.[*]": "malformed",
	} {
		for name, entry := range map[string]string{
			"marking_ref": `"marking_ref":"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"`, "lang": `"lang":"de"`,
		} {
			v, findings := Parse(fmt.Appendf(nil, selected, entry, `"name","`+selector+`"`))
			if v == nil {
				t.Fatal(findings)
			}
			switch {
			case want == "" && len(findings) > 0:
				t.Errorf("%s of %s: %v", selector, name, findings)
			case want == "":
			case len(findings) != 1 || !strings.Contains(findings[0].Text, want) || findings[0].Section != "STIX 2.1 §7.2.3.1" ||
				findings[0].Property != "granular_markings[0].selectors[1]" || !strings.Contains(findings[0].Text, fmt.Sprintf("%q", selector)):
				t.Errorf("%s of %s: %+v, want %s", selector, name, findings, want)
			}
		}
	}
}

// TestSelectorsBounded gives selectors that each have a long way to go.
func TestSelectorsBounded(t *testing.T) {
	t.Parallel()
	const n = 20_000
	entry := `"lang":"de","x_list":[` + strings.Repeat("0,", n) + `0]`
	raw := fmt.Appendf(nil, selected, entry, strings.Repeat(fmt.Sprintf(`"granular_markings.[0].x_list.[%d]",`, n), n)+`"name"`)
	begin := time.Now()
	v, findings := Parse(raw)
	if v == nil || len(findings) == 0 || !strings.Contains(findings[len(findings)-1].Text, "too many selectors") {
		t.Errorf("%v", findings)
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
}
