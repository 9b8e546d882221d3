package stix

import (
	"bytes"
	"os"
	"strings"
	"testing"

	entente "entente"
)

const (
	ownDefinition = "marking-definition--7a3c1b2e-0d4f-4c5a-9e6b-1f2d3c4b5a69"
	pap           = `"extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b":`
)

func TestDefinitionOf(t *testing.T) {
	const statement = `"definition_type":"statement","definition":{"statement":"Copyright 2026, Example Exchange."}`
	level := func(s string) string {
		return `"extensions":{` + pap + `{"extension_type":"property-extension","pap":` + s + `}}`
	}
	unknown, stated := entente.Definition{}, entente.Definition{Kind: entente.StatementDefinition}
	means := func(p entente.PAP) entente.Definition {
		return entente.Definition{Kind: entente.PAPDefinition, PAP: p}
	}
	for rest, want := range map[string]entente.Definition{
		statement: stated,
		`"name":"Licence","created_by_ref":"identity--0c6b4a52-6f0c-4a59-8a52-0f9a4b1c2d3e","modified":"2026-01-01T00:00:00Z",` + statement: stated,
		`"labels":["a"],"lang":"en","external_references":[{"source_name":"x"}],"extensions":{},` + statement:                               stated,
		`"x_mitre_domains":["ics-attack"],"x_mitre_attack_spec_version":"2.1.0",` + statement:                                               stated,
		`"definition":{"state\u006dent":"a"},"definition_type":"stat\u0065ment"`:                                                            stated,
		`"definition_type":"statement","definition":{"statement":"An outlp, and nothing of the kind"}`:                                      stated,
		level(`"clear"`):                          means(entente.PAPClear),
		level(`"white"`):                          means(entente.PAPClear),
		level(`"green"`):                          means(entente.PAPGreen),
		level(`"amber"`):                          means(entente.PAPAmber),
		level(`"red"`) + `,"name":"PAP:RED"`:      means(entente.PAPRed),
		`"extensions":{` + pap + `{"pap":"red"}}`: means(entente.PAPRed),
		`"extensions":{"extension\u002ddefinition--f8d78575-edfd-406e-8e84-6162a8450f5b":{"pap":"gr\u0065en"}}`: means(entente.PAPGreen),
		level(`"amber"`) + "," + statement: means(entente.PAPAmber),

		// What a name says is no rule.
		`"name":"PAP:RED"`: unknown,
		`"name":"Licence"`: unknown,
		``:                 unknown,
		// PAP, and yet not.
		level(`"black"`):                  unknown,
		level(`""`):                       unknown,
		level(`5`):                        unknown,
		`"extensions":{` + pap + `{}}`:    unknown,
		`"extensions":{` + pap + `"red"}`: unknown,
		`"extensions":[]`:                 unknown,
		`"extensions":{}`:                 unknown,
		`"extensions":{` + pap + `{"pap":"red","until":"2027"}}`: unknown,
		`"definition_type":"pap","definition":{"pap":"PAP:RED"}`: unknown,
		// Statements that are none, or hide something.
		`"definition_type":"statement"`:                                              unknown,
		`"definition":{"statement":"a"}`:                                             unknown,
		`"definition_type":"statement","definition":{}`:                              unknown,
		`"definition_type":"statement","definition":"a"`:                             unknown,
		`"definition_type":"statement","definition":{"statement":["a"]}`:             unknown,
		`"definition_type":"statement","definition":{"text":"a"}`:                    unknown,
		`"definition_type":"statement","definition":{"statement":"a","to":"nobody"}`: unknown,
		`"definition_type":"Statement","definition":{"statement":"a"}`:               unknown,
		`"definition_type":["statement"],"definition":{"statement":"a"}`:             unknown,
		`"definition_type":"x-own","definition":{"statement":"a"}`:                   unknown,
		`"classification":"restricted",` + statement:                                 unknown,
		`"x_example_handling":"eyes only",` + statement:                              unknown,
		level(`"green"`) + `,"x_example_handling":"eyes only"`:                       unknown,
		level(`"green"`) + `,"definition_type":"statement"`:                          unknown,
		`"extensions":{"extension-definition--00000000-0000-4000-8000-000000000000":{"extension_type":"property-extension"}},` + statement:               unknown,
		`"extensions":{` + pap + `{"pap":"green"},"extension-definition--00000000-0000-4000-8000-000000000000":{"extension_type":"property-extension"}}`: unknown,
		// FIRST IEP 2.0 and ACS.
		`"extensions":{"extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a":{"extension_type":"property-extension","iep_version":"2.0"}}`:    unknown,
		`"extensions":{"extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce":{"extension_type":"property-extension","identifier":"example"}}`: unknown,
		// TLP under an id that is not TLP's.
		`"name":"TLP:RED","definition_type":"tlp","definition":{"tlp":"red"}`: unknown,
		`"definition_type":"tlp","definition":{"tlp":"white"}`:                unknown,
		`"name":"TLP:CLEAR","extensions":{"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d":{"extension_type":"property-extension","tlp_2_0":"clear"}}`: unknown,
		`"x_opencti_definition_type":"TLP","x_opencti_definition":"TLP:AMBER+STRICT","definition_type":"statement","definition":{"statement":"custom"}`:            unknown,
		`"name":"TLP:AMBER+STRICT","definition_type":"statement","definition":{"statement":"custom"}`:                                                              unknown,
		`"definition_type":"statement","definition":{"statement":"Shared as \u0054lp:amber"}`:                                                                      unknown,
		`"labels":["tlp-red"],` + statement:                                      unknown,
		`"external_references":[{"source_name":"x","x_tlp":"red"}],` + statement: unknown,
	} {
		for _, spec := range []string{`,"spec_version":"2.1"`, ""} {
			raw := ` {"type":"marking-definition","id":"` + ownDefinition + `","created":"2026-01-01T00:00:00Z"` + spec
			if rest != "" {
				raw += "," + rest
			}
			v, findings := Parse([]byte(raw + "}\n"))
			if v == nil {
				t.Fatalf("%s: %v", rest, findings)
			}
			if got := DefinitionOf(v); got != want {
				t.Errorf("%s is %+v, not %+v", rest, got, want)
			}
		}
	}
}

// TestDefinitionOfFixedIDs holds that what the standards fix is known by its id, and that
// nothing else is known by what it says.
func TestDefinitionOfFixedIDs(t *testing.T) {
	parse := func(id, rest string) *entente.Version {
		kind, _, _ := strings.Cut(id, "--")
		v, findings := Parse([]byte(`{"type":"` + kind + `","spec_version":"2.1","id":"` + id + `","created":"2026-01-01T00:00:00Z"` + rest + `}`))
		if v == nil {
			t.Fatalf("%s: %v", id, findings)
		}
		return v
	}
	softer := `,"definition_type":"statement","definition":{"statement":"Share freely"}`
	for level := entente.TLPClear; level <= entente.TLPRed; level++ {
		for _, id := range level.Definitions() {
			for _, rest := range []string{"", softer, `,"definition_type":"tlp","definition":{"tlp":"white"}`} {
				if got := DefinitionOf(parse(string(id), rest)); got != (entente.Definition{Kind: entente.TLPDefinition, TLP: level}) {
					t.Errorf("%s%s is %+v", id, rest, got)
				}
			}
		}
	}
	if got := DefinitionOf(parse("marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e", softer)); got != (entente.Definition{Kind: entente.PAPDefinition, PAP: entente.PAPRed}) {
		t.Errorf("PAP:RED is %+v", got)
	}
	for _, v := range []*entente.Version{
		parse("marking-definition--826578e1-40ad-459f-bc73-ede076f81f37", `,"definition_type":"tlp","definition":{"tlp":"amber+strict"}`),
		parse("x-rule--7a3c1b2e-0d4f-4c5a-9e6b-1f2d3c4b5a69", softer),
		{ID: ownDefinition, Type: "marking-definition", Bytes: []byte("{")},
		{ID: ownDefinition, Type: "marking-definition", Bytes: []byte("[]")},
		{ID: ownDefinition, Type: "marking-definition"},
	} {
		if got := DefinitionOf(v); got != (entente.Definition{}) {
			t.Errorf("%s is %+v", v.ID, got)
		}
	}
}

// FuzzDefinition holds that no bytes make a level of TLP, and that white space and order
// do not matter.
func FuzzDefinition(f *testing.F) {
	text, err := os.ReadFile("testdata/valid.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte("marking-definition")) {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"type":"marking-definition","id":"` + ownDefinition + `","extensions":{` + pap + `{"pap":"red"}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, _ := Parse(raw)
		if v == nil {
			return
		}
		got := DefinitionOf(v)
		if _, fixed := entente.TLPOf(v.ID); fixed != (got.Kind == entente.TLPDefinition) {
			t.Fatalf("%s is %+v", raw, got)
		}
		if got.Kind != entente.UnknownDefinition && v.Type != "marking-definition" {
			t.Fatalf("%s is %+v", raw, got)
		}
		canonical, err := Canonical(v.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := Parse(canonical)
		if again == nil || DefinitionOf(again) != got {
			t.Fatalf("%s is %+v, its canonical form is not", raw, got)
		}
	})
}
