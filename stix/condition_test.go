package stix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	entente "entente"

	"pgregory.net/rapid"
)

const (
	clear2 = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
	white1 = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
	green1 = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
	green2 = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
	amber1 = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
	amber2 = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
	strict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
	red1   = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
	red2   = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
	idTool = "tool--00000000-0000-4000-8000-000000000001"
	md5    = "d41d8cd98f00b204e9800998ecf8427e"
)

// conditionCases are conditions, members of an object, and whether it meets them; tests
// and fuzzing share them. Every field has one that is met and one that is not: see
// TestConditionCasesAreComplete.
var conditionCases = slices.Concat([]conditionCase{
	{"name=a", `"name":"a"`, true},
	{"name=a", `"name":"A"`, false},
	{"name=a|b", `"name":"b"`, true},
	{"name=a", `"name":"\u0061"`, true},
	{"name=\u00e9", `"name":"\u00e9"`, true},
	{"name=a", `"x":{"name":"a"}`, false},
	{"name=a", `"name":["b","a"]`, true},
	{"name=a", `"name":[["a"]]`, false},
	{"name=1", `"name":1`, false},
	{"name=a", ``, false},
	{"name=a;value=b", `"name":"a","value":"b"`, true},
	{"name=a;value=b", `"name":"a","value":"c"`, false},
	{"value=198.51.100.7", `"value":"198.51.100.7"`, true},
	{"value=198.51.100.7", `"value":"198.51.100.70"`, false},
	{"confidence=50", `"confidence":50`, true},
	{"confidence=50", `"confidence":5e1`, true},
	{"confidence=50", `"confidence":50.5`, false},
	{"confidence=50", `"confidence":"50"`, false},
	{"confidence=0", ``, false},
	{"number=9007199254740991", `"number":9007199254740991`, true},
	{"number=9007199254740991", `"number":9007199254740990`, false},
	{"revoked=true", `"revoked":true`, true},
	{"revoked=true", `"revoked":false`, false},
	{"revoked=false", `"revoked":false`, true},
	{"revoked=false", ``, true},
	{"revoked=true", ``, false},
	{"revoked=false|true", ``, true},
	{"revoked=false", `"revoked":"false"`, false},
	{"labels=b", `"labels":["a","b"]`, true},
	{"labels=b", `"labels":[]`, false},
	{"labels=b", `"labels":"b"`, true},
	{"MD5=" + md5, `"hashes":{"MD5":"` + md5 + `"}`, true},
	{"MD5=" + md5, `"hashes":{"MD5":"` + strings.ToUpper(md5) + `"}`, true},
	{"MD5=" + md5, `"hashes":{"SHA-1":"` + md5 + `"}`, false},
	{"MD5=" + md5, `"MD5":"` + md5 + `"`, false},
	{"MD5=" + md5, `"extensions":{"ntfs-ext":{"alternate_data_streams":[{"name":"s","hashes":{"MD5":"` + md5 + `"}}]}}`, true},
	{"SSDEEP=3:A", `"hashes":{"SSDEEP":"3:A"}`, true},
	{"SSDEEP=3:A", `"hashes":{"SSDEEP":"3:a"}`, false},
	{"external_id=T1059", `"external_references":[{"source_name":"a"},{"source_name":"b","external_id":"T1059"}]`, true},
	{"external_id=T1059", `"external_references":[{"source_name":"T1059"}]`, false},
	{"phase_name=c2", `"kill_chain_phases":[{"kill_chain_name":"k","phase_name":"c2"}]`, true},
	{"tlp=clear", `"object_marking_refs":["` + white1 + `"]`, true},
	{"tlp=clear", `"object_marking_refs":["` + clear2 + `"]`, true},
	{"tlp=green", `"object_marking_refs":["` + green1 + `"]`, true},
	{"tlp=green", `"object_marking_refs":["` + clear2 + `","` + green2 + `"]`, true},
	{"tlp=amber", `"object_marking_refs":["` + amber1 + `"]`, true},
	{"tlp=amber", `"object_marking_refs":["` + amber2 + `"]`, true},
	{"tlp=amber", `"object_marking_refs":["` + strict + `"]`, false},
	{"tlp=amber+strict", `"object_marking_refs":["` + strict + `"]`, true},
	{"tlp=red", `"object_marking_refs":["` + red1 + `"]`, true},
	{"tlp=red", `"granular_markings":[{"lang":"en","selectors":["name"]},{"marking_ref":"` + red2 + `","selectors":["name"]}]`, true},
	{"tlp=red|green", `"object_marking_refs":["` + green1 + `"]`, true},
	{"tlp=clear", ``, false},
	{"relationships-all=" + idTool, `"target_ref":"` + idTool + `"`, true},
	{"relationships-all=" + idTool, `"object_refs":["x","` + idTool + `"]`, true},
	{"relationships-all=" + idTool, `"extensions":{"x":{"a_ref":"` + idTool + `"}}`, true},
	{"relationships-all=" + idTool, `"name":"` + idTool + `"`, false},
	{"relationships-all=" + green1, `"object_marking_refs":["` + green1 + `"]`, true},
	{"confidence-gte=50", `"confidence":50`, true},
	{"confidence-gte=50", `"confidence":49`, false},
	{"confidence-gte=50", ``, false},
	{"confidence-lte=50", `"confidence":50`, true},
	{"confidence-lte=50", `"confidence":51`, false},
	{"confidence-lte=50", ``, false},
	{"modified-gte=2026-01-01T00:00:00.000000Z", `"modified":"2026-01-01T00:00:00Z"`, true},
	{"modified-gte=2026-01-01T00:00:00.0000001Z", `"modified":"2026-01-01T00:00:00Z"`, false},
	{"modified-lte=2026-01-01T00:00:00.000000Z", `"modified":"2026-01-01T00:00:00.000000001Z"`, false},
	{"modified-lte=2026-01-01T00:00:00.000000Z", `"modified":"2025-12-31T23:59:59Z"`, true},
	{"valid_until-gte=2026-01-01T00:00:00.000000Z", `"valid_until":"2026-01-01T00:00:00.5Z"`, true},
	{"valid_until-gte=2026-01-01T00:00:00.000000Z", ``, false},
	{"valid_from-lte=2026-01-01T00:00:00.000000Z", `"valid_from":"2026-01-01T00:00:00.0Z"`, true},
	{"valid_from-lte=2026-01-01T00:00:00.000000Z", `"valid_from":"soon"`, false},
	{"no-such-field=a", `"no-such-field":"a"`, false},
}, plainCases())

type conditionCase struct {
	conditions string // field=value|value;…
	members    string
	met        bool
}

// plainCases are one of each for the fields that are nothing but a property.
func plainCases() (out []conditionCase) {
	for _, f := range entente.ConditionFields() {
		value, text := "v-1", `"v-1"`
		switch {
		case f.Place == entente.References || f.Place == entente.Markings || f.Kind == entente.MatchInstant || f.Kind == entente.MatchBoolean:
			continue
		case f.Kind == entente.MatchInteger:
			value, text = "7", "7"
		}
		member := `"` + f.Property + `":` + text
		if f.Place == entente.Inside {
			member = `"x":{"y":[{` + member + `}]}`
		}
		out = append(out, conditionCase{f.Name + "=" + value, member, true},
			conditionCase{f.Name + "=" + value, strings.ReplaceAll(member, f.Property, f.Property+"_"), false})
	}
	return out
}

// conditions reads the text of a case, whose values are in the form of their kinds.
func conditions(text string) (out []entente.Condition) {
	for part := range strings.SplitSeq(text, ";") {
		field, values, _ := strings.Cut(part, "=")
		out = append(out, entente.Condition{Field: field, Values: strings.Split(values, "|")})
	}
	return out
}

func thing(members string) []byte {
	if members != "" {
		members = "," + members
	}
	return []byte(`{"type":"x-thing","id":"x-thing--00000000-0000-4000-8000-000000000009"` + members + `}`)
}

func TestConditions(t *testing.T) {
	for _, c := range conditionCases {
		raw := thing(c.members)
		if met := NewConditions(conditions(c.conditions)).Met(raw); met != c.met {
			t.Errorf("%s meets %s: %v", raw, c.conditions, met)
		}
		checkKeys(t, raw, conditions(c.conditions))
	}
	if NewConditions(nil).Met([]byte(`[]`)) || !NewConditions(nil).Met([]byte(` {} `)) {
		t.Error("no conditions: an object meets them, and nothing else does")
	}
	for _, bad := range []string{"confidence=x", "modified-gte=x", "tlp=x", "nothing=x"} {
		if NewConditions(conditions(bad)).Met(thing(`"confidence":0,"modified":"2026-01-01T00:00:00Z","nothing":"x"`)) {
			t.Errorf("%s is met", bad)
		}
	}
}

func TestConditionCasesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range conditionCases {
		for _, k := range conditions(c.conditions) {
			seen[fmt.Sprint(k.Field, c.met)] = true
		}
	}
	fields := entente.ConditionFields()
	for _, f := range fields {
		if !seen[f.Name+"true"] || !seen[f.Name+"false"] {
			t.Errorf("%s lacks a case that is met, or one that is not", f.Name)
		}
	}
	// 22 properties, 16 lists, 19 inside, relationships-all and 12 ranges.
	if len(fields) != 70 {
		t.Errorf("%d fields, want 70", len(fields))
	}
}

// checkKeys holds the promise of keys: who meets a condition has one of its keys.
func checkKeys(t interface{ Errorf(string, ...any) }, raw []byte, all []entente.Condition) {
	keys := IndexKeys(raw)
	for _, c := range all {
		wanted := ConditionKeys(c)
		if wanted == nil || !NewConditions([]entente.Condition{c}).Met(raw) {
			continue
		}
		if !slices.ContainsFunc(wanted, func(k string) bool { return slices.Contains(keys, k) }) {
			t.Errorf("%s meets %v and has the keys %q, none of %q", raw, c, keys, wanted)
		}
	}
}

func TestConditionKeys(t *testing.T) {
	raw := thing(`"name":"n","aliases":["a","b"],"created_by_ref":"` + idTool + `","object_marking_refs":["` + green1 + `"],` +
		`"x":{"name":"inside","MD5":"AB","external_id":"e","y_refs":["` + idTool + `","0",7]},"MD5":"top"`)
	want := []string{"name\x00n", "aliases\x00a", "aliases\x00b", "relationships-all\x00" + idTool, "MD5\x00ab", "external_id\x00e", "relationships-all\x00" + idTool}
	if got := IndexKeys(raw); !slices.Equal(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
	for text, want := range map[string][]string{
		"name=a|b":                    {"name\x00a", "name\x00b"},
		"MD5=ab":                      {"MD5\x00ab"},
		"labels=a":                    nil,
		"tlp=red":                     nil,
		"confidence=1":                nil,
		"nothing=1":                   nil,
		"relationships-all=" + red1:   nil,
		"relationships-all=" + idTool: {"relationships-all\x00" + idTool},
	} {
		if got := ConditionKeys(conditions(text)[0]); !slices.Equal(got, want) {
			t.Errorf("%s has the keys %q, want %q", text, got, want)
		}
	}
	if IndexKeys([]byte(`["name"]`)) != nil {
		t.Error("keys of what is no object")
	}
}

// Whatever the object, its keys lead to it. Names and values are drawn from few, so that
// they meet.
func TestKeysLeadToTheObject(t *testing.T) {
	values := []string{"a", "A", "é", "\x00", idTool, green1, md5}
	rapid.Check(t, func(t *rapid.T) {
		var draw func(depth int) string
		draw = func(depth int) string {
			quoted := func() string { return string(appendQuoted(nil, []byte(rapid.SampledFrom(values).Draw(t, "value")))) }
			switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
			case kind > 4 || depth == 0:
				return quoted()
			case kind == 4:
				return "7"
			case kind > 2:
				var parts []string
				for range rapid.IntRange(0, 3).Draw(t, "length") {
					parts = append(parts, draw(depth-1))
				}
				return "[" + strings.Join(parts, ",") + "]"
			}
			var parts []string
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"name", "value", "MD5", "external_id", "a_ref", "b_refs", "aliases", "x"}), 0, 4, rapid.ID[string]).Draw(t, "names") {
				parts = append(parts, `"`+name+`":`+draw(depth-1))
			}
			return "{" + strings.Join(parts, ",") + "}"
		}
		raw := thing(`"x":` + draw(4) + `,"name":` + draw(2) + `,"c_refs":` + draw(2))
		for _, f := range []string{"name", "value", "MD5", "external_id", "aliases", "relationships-all"} {
			some := rapid.SliceOfN(rapid.SampledFrom(values), 1, 3).Draw(t, "values")
			for i := range some {
				if f == "MD5" {
					some[i] = foldCase(some[i])
				}
			}
			checkKeys(t, raw, []entente.Condition{{Field: f, Values: some}})
		}
	})
}

func FuzzConditions(f *testing.F) {
	for _, c := range conditionCases {
		f.Add(thing(c.members), c.conditions)
	}
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		all := conditions(text)
		if v, _ := Parse(raw); v == nil {
			all = all[:0]
		}
		met := NewConditions(all).Met(raw)
		for _, c := range all {
			if met && !NewConditions([]entente.Condition{c}).Met(raw) {
				t.Fatalf("%s meets %s, and not %v alone", raw, text, c)
			}
		}
		// A reference in a condition is an identifier, and hexadecimal digits are in lower case.
		all = slices.DeleteFunc(all, func(c entente.Condition) bool {
			field, _ := entente.FindConditionField(c.Field)
			return field.Kind == entente.MatchID || field.Kind == entente.MatchHex
		})
		checkKeys(t, raw, all)
	})
}
