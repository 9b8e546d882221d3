package stix

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	entente "entente"
)

// sameAgain holds what [Reread] gives of an object against what [Parse] gave.
func sameAgain(t interface{ Fatalf(string, ...any) }, v *entente.Version) {
	got := Reread(v.Bytes, v.Digest)
	if !reflect.DeepEqual(got, v) {
		t.Fatalf("%s\nis read again as %+v\nwhere it was %+v", v.Bytes, got, v)
	}
}

// takenBefore are the objects of the test data that Parse takes.
func takenBefore(t *testing.T) (all [][]byte) {
	for _, name := range []string{"testdata/valid.ndjson", "testdata/findings.txt"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if v, _ := Parse(line); v != nil {
				all = append(all, bytes.Clone(v.Bytes))
			}
		}
	}
	return all
}

func TestRereadGivesWhatParseGives(t *testing.T) {
	all := takenBefore(t)
	if len(all) < 50 {
		t.Fatalf("%d objects", len(all))
	}
	for _, raw := range all {
		v, _ := Parse(raw)
		sameAgain(t, v)
	}
}

// TestRereadOfMixtures mixes the properties of objects, at the top and below.
func TestRereadOfMixtures(t *testing.T) {
	var objects []map[string]any
	for _, raw := range takenBefore(t) {
		var o map[string]any
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		o := map[string]any{}
		for name, value := range rapid.SampledFrom(objects).Draw(t, "object") {
			o[name] = value
		}
		for range rapid.IntRange(0, 4).Draw(t, "properties") {
			other := rapid.SampledFrom(objects).Draw(t, "other")
			for name, value := range other {
				if name == "type" || name == "id" || !rapid.Bool().Draw(t, name) {
					continue
				}
				if rapid.Bool().Draw(t, "below") {
					o["x_of"] = map[string]any{name: value, "is_ref": other["id"]}
				} else {
					o[name] = value
				}
			}
		}
		raw, err := json.MarshalIndent(o, "", rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := Parse(raw); v != nil {
			taken++
			sameAgain(t, v)
		}
	})
	if taken == 0 {
		t.Fatal("Parse took none of them")
	}
}

func TestRereadOfNothing(t *testing.T) {
	for _, raw := range []string{"", "[]", "{", `{"type":"tool"}`, `{"type":"tool","id":"tool--1","created":"2026-01-01T00:00:00Z"}`} {
		if v := Reread([]byte(raw), entente.Digest{}); v != nil {
			t.Errorf("%s gives %+v", raw, v)
		}
	}
}
