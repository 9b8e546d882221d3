package stix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	entente "entente"
)

const (
	stampGreen = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
	stampRed   = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
)

func TestStamp(t *testing.T) {
	const tool = `"type":"tool","id":"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"t"`
	for raw, want := range map[string]string{
		"{" + tool + "}":                                                                         "{" + tool + `,"object_marking_refs":["` + stampGreen + `"]}`,
		" \n{ " + tool + "\r\n\t} \n":                                                            "{ " + tool + `,"object_marking_refs":["` + stampGreen + `"]` + "\r\n\t}",
		"{" + tool + `,"spec_version":"2.1","x":{"a":[]} }`:                                      "{" + tool + `,"spec_version":"2.1","x":{"a":[]},"object_marking_refs":["` + stampGreen + `"] }`,
		`{"object_marking_refs" : [] ,` + tool + `}`:                                             `{"object_marking_refs" : ["` + stampGreen + `"] ,` + tool + `}`,
		`{"object_marking_refs":[ ` + "\n" + ` ],` + tool + `}`:                                  `{"object_marking_refs":["` + stampGreen + `" ` + "\n" + ` ],` + tool + `}`,
		`{` + tool + `,"object_marking_refs":[ "` + stampRed + `" ]}`:                            `{` + tool + `,"object_marking_refs":[ "` + stampRed + `","` + stampGreen + `" ]}`,
		`{` + tool + `,"object\u005fmarking_refs":["` + stampRed + `"]}`:                         `{` + tool + `,"object\u005fmarking_refs":["` + stampRed + `","` + stampGreen + `"]}`,
		`{` + tool + `,"object_marking_refs":["` + stampRed + `","\u006d` + stampRed[1:] + `"]}`: `{` + tool + `,"object_marking_refs":["` + stampRed + `","\u006d` + stampRed[1:] + `","` + stampGreen + `"]}`,
		// In a part, or in another property, it does not mark the object.
		`{` + tool + `,"granular_markings":[{"marking_ref":"` + stampGreen + `","selectors":["name"]}],"x":{"object_marking_refs":["a"]}}`: `{` + tool + `,"granular_markings":[{"marking_ref":"` + stampGreen + `","selectors":["name"]}],"x":{"object_marking_refs":["a"]},"object_marking_refs":["` + stampGreen + `"]}`,
		// It is there.
		`{` + tool + `,"object_marking_refs":[ "` + stampGreen + `","` + stampRed + `"]}`: `{` + tool + `,"object_marking_refs":[ "` + stampGreen + `","` + stampRed + `"]}`,
		`{` + tool + `,"object_marking_refs":["\u006d` + stampGreen[1:] + `"]}`:           `{` + tool + `,"object_marking_refs":["\u006d` + stampGreen[1:] + `"]}`,
	} {
		v, err := Stamp([]byte(raw), stampGreen)
		if err != nil || string(v.Bytes) != want {
			t.Errorf("%s\nbecomes %s, %v\nnot     %s", raw, v.Bytes, err, want)
		}
	}
	for raw, why := range map[string]string{
		"": "", "[]": "", "{}": "type: it is required", `{"type":"tool","id":"tool--1"}`: "", "{" + tool + `,"object_marking_refs":"` + stampGreen + `"}`: "object_marking_refs: it is a string",
		"{" + tool + `,"object_marking_refs":[],"object_marking_refs":[]}`: "",
	} {
		if v, err := Stamp([]byte(raw), stampGreen); v != nil || entente.KindOf(err) != entente.Invalid || !strings.Contains(entente.PublicText(err), "cannot be taken as a STIX object: "+why) {
			t.Errorf("%s is stamped: %v", raw, err)
		}
	}
	for _, id := range []entente.ObjectID{"", "tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f", `a","b`, stampGreen + `"`, "marking-definition--1"} {
		if v, err := Stamp([]byte("{"+tool+"}"), id); v != nil || entente.KindOf(err) != entente.Invalid {
			t.Errorf("stamped with %s: %v", id, err)
		}
	}
}

// holdStamped holds a stamped object against its original by other means: the original
// read by encoding/json, with the marking added there.
func holdStamped(t rapid.TB, raw []byte, id entente.ObjectID) {
	before, _ := Parse(raw)
	if before == nil {
		if v, err := Stamp(raw, id); v != nil || entente.KindOf(err) != entente.Invalid {
			t.Fatalf("%s is stamped: %v", raw, err)
		}
		return
	}
	given := bytes.Clone(raw)
	v, err := Stamp(raw, id)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if !bytes.Equal(given, raw) {
		t.Fatalf("%s became %s under the caller's hand", given, raw)
	}
	markings := before.Markings
	if !slices.Contains(markings, id) {
		markings = append(slices.Clone(markings), id)
	}
	if !slices.Equal(v.Markings, markings) {
		t.Fatalf("%s is marked %s, not %s", v.Bytes, v.Markings, markings)
	}

	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	list, err := json.Marshal(markings)
	if err != nil {
		t.Fatal(err)
	}
	members["object_marking_refs"] = list
	whole, err := json.Marshal(members)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	want, err := Canonical(whole)
	if err != nil {
		t.Fatalf("%s: %v", whole, err)
	}
	if got, err := Canonical(v.Bytes); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s\nbecomes %s, %v\nnot     %s", raw, got, err, want)
	}

	same := 0
	for same < len(before.Bytes) && before.Bytes[same] == v.Bytes[same] {
		same++
	}
	if !bytes.HasSuffix(v.Bytes, before.Bytes[same:]) || len(v.Bytes)-len(before.Bytes) > len(`,"object_marking_refs":["`+string(id)+`"]`) {
		t.Fatalf("%s\nbecomes %s: more than the marking changed", before.Bytes, v.Bytes)
	}
	twice, err := Stamp(v.Bytes, id)
	if err != nil || !bytes.Equal(twice.Bytes, v.Bytes) || twice.Digest != v.Digest {
		t.Fatalf("stamped twice, %s becomes %s, %v", v.Bytes, twice.Bytes, err)
	}
}

func FuzzStamp(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) { holdStamped(t, raw, stampGreen) })
}

// TestStampLayouts draws objects in every layout that JSON allows.
func TestStampLayouts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := func() string {
			return rapid.SampledFrom([]string{"", "", " ", "\n", "\r\n\t", "                  "}).Draw(t, "space")
		}
		quote := func(s string) string { // with one letter escaped, perhaps
			if i := rapid.IntRange(0, 2*len(s)).Draw(t, "escaped"); i < len(s) {
				return fmt.Sprintf(`"%s\u%04x%s"`, s[:i], s[i], s[i+1:])
			}
			return `"` + s + `"`
		}
		members := []string{
			quote("type") + space() + ":" + space() + quote("tool"),
			quote("id") + ":" + quote("tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"),
			`"created":"2026-01-01T00:00:00Z"`,
			quote("modified") + `:"2026-01-01T00:00:00Z"`,
		}
		for _, m := range []string{
			`"spec_version":"2.1"`, `"name":"}]{[,\"\\"`, `"x_more":{"object_marking_refs":["a",["]}"]],"b":{}}`, `"confidence":1e1`,
			`"granular_markings":[{"marking_ref":"` + stampGreen + `","selectors":["name"]}]`, `"":""`,
		} {
			if rapid.Bool().Draw(t, "with") {
				members = append(members, m)
			}
		}
		if rapid.Bool().Draw(t, "marked") {
			ids := rapid.SliceOfN(rapid.SampledFrom([]string{stampRed, stampGreen, ownDefinition, ownDefinition}), 0, 4).Draw(t, "markings")
			for i, id := range ids {
				ids[i] = space() + quote(id) + space()
			}
			members = append(members, quote("object_marking_refs")+space()+":"+space()+"["+space()+strings.Join(ids, ",")+"]")
		}
		members = rapid.Permutation(members).Draw(t, "order")
		for i, m := range members {
			members[i] = space() + m + space()
		}
		raw := space() + "{" + strings.Join(members, ",") + "}" + space()
		if v, findings := Parse([]byte(raw)); v == nil {
			t.Fatalf("%s: %v", raw, findings)
		}
		holdStamped(t, []byte(raw), stampGreen)
	})
}
