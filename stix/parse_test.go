package stix

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	entente "entente"
)

func line(f entente.Finding) string {
	return fmt.Sprintf("%s | %s | %s | %s", f.Severity, f.Property, f.Section, f.Text)
}

// TestParseValid takes one object or more of each type, with every property that the
// tables know, and wants nothing said of any.
func TestParseValid(t *testing.T) {
	f, err := os.Open("testdata/valid.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raws, _, err := readAll(NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	used := map[*property]bool{}
	for _, raw := range raws {
		v, findings := Parse(raw)
		if v == nil || len(findings) > 0 {
			t.Errorf("%s", raw)
			for _, f := range findings {
				t.Errorf("\t%s", line(f))
			}
			continue
		}
		s := shapes21[v.Type]
		if v.Spec == entente.Spec20 {
			s = shapes20[v.Type]
		}
		var members map[string]any
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		if s != nil {
			use(s, members, used)
		}
	}
	for spec, table := range map[string]map[string]*shape{"2.1": shapes21, "2.0": shapes20} {
		for name, s := range table {
			unused(t, spec+" "+name, s, used)
		}
	}
	for name, class := range classes {
		if class != custom && shapes21[name] == nil {
			t.Errorf("%s has no table", name)
		}
	}
}

// use marks which rows of a shape's table an object has.
func use(s *shape, members map[string]any, used map[*property]bool) {
	for name, value := range members {
		p := s.byName[name]
		if p == nil {
			continue
		}
		used[p] = true
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, v := range list {
			inner, ok := v.(map[string]any)
			switch {
			case ok && p.kind == isObject:
				use(p.shape, inner, used)
			case ok && p.kind == isExtensions:
				for name, e := range inner {
					if p.known[name] != nil {
						use(p.known[name], e.(map[string]any), used)
					}
				}
			}
		}
	}
}

func unused(t *testing.T, path string, s *shape, used map[*property]bool) {
	for _, p := range s.order {
		if !used[p] && !(p.name == "extensions" || p.name == "spec_version") {
			t.Errorf("no example has %s.%s", path, p.name)
		}
		if p.shape != nil {
			unused(t, path+"."+p.name, p.shape, used)
		}
		for name, e := range p.known {
			unused(t, path+"."+name, e, used)
		}
	}
}

// TestParseFindings reads testdata/findings.txt: an object, then what is said of it.
func TestParseFindings(t *testing.T) {
	f, err := os.Open("testdata/findings.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var raw string
	var want []string
	check := func() {
		if raw == "" {
			return
		}
		v, findings := Parse([]byte(raw))
		got := make([]string, len(findings))
		fault := false
		for i, f := range findings {
			got[i] = line(f)
			fault = fault || f.Severity == entente.Fault
		}
		if fault != (v == nil) {
			t.Errorf("%s\nversion %v with a fault: %v", raw, v, fault)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s\ngot\n%s\nwant\n%s\n", raw, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		raw, want = "", nil
	}
	n := 0
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		switch text := scanner.Text(); {
		case text == "" || strings.HasPrefix(text, "#"):
		case strings.HasPrefix(text, "error | "), strings.HasPrefix(text, "warning | "):
			want = append(want, text)
		default:
			check()
			raw = text
			n++
		}
	}
	check()
	if n < 100 {
		t.Errorf("only %d cases", n)
	}
}

// TestParseCorpus compares what is read from real objects with what encoding/json finds.
func TestParseCorpus(t *testing.T) {
	t.Parallel()
	for file, raws := range corpus(t) {
		warnings := 0
		for _, raw := range raws {
			v, findings := Parse(raw)
			if v == nil {
				t.Fatalf("%s: %v: %s", file, findings, raw)
			}
			warnings += len(findings)
			var o map[string]any
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			list := func(name string) []string {
				var all []string
				for _, e := range listOf(o[name]) {
					all = append(all, e.(string))
				}
				return all
			}
			str := func(name string) string { s, _ := o[name].(string); return s }
			confidence := -1
			if f, ok := o["confidence"].(float64); ok {
				confidence = int(f)
			}
			markings := make([]string, len(v.Markings))
			for i, m := range v.Markings {
				markings[i] = string(m)
			}
			if string(v.ID) != str("id") || v.Type != str("type") || v.Spec.String() != str("spec_version") || v.Created.Text != str("created") ||
				v.Modified.Text != str("modified") || string(v.CreatedBy) != str("created_by_ref") || v.Revoked != (o["revoked"] == true) ||
				v.Confidence != confidence || !slices.Equal(v.Labels, list("labels")) || !slices.Equal(markings, list("object_marking_refs")) {
				t.Fatalf("%s: %+v\n%s", file, v, raw)
			}
			if !bytes.Equal(v.Bytes, raw) {
				t.Fatalf("%s: the bytes of %s are not its bytes", file, v.ID)
			}
			if held := Held(raw); !reflect.DeepEqual(held, v) {
				t.Fatalf("%s: held it is %+v, not %+v", file, held, v)
			}
			compareReferences(t, v, o)
		}
		t.Logf("%s: %d objects, %d warnings", file, len(raws), warnings)
	}
}

func listOf(v any) []any { all, _ := v.([]any); return all }

// compareReferences compares with a naive walk.
func compareReferences(t interface{ Fatalf(string, ...any) }, v *entente.Version, all any) {
	var want []entente.ObjectID
	var take func(v any)
	take = func(v any) {
		switch v := v.(type) {
		case string:
			if id, err := entente.ParseObjectID(v); err == nil {
				want = append(want, id)
			}
		case []any:
			for _, e := range v {
				take(e)
			}
		}
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, e := range v {
				if strings.HasSuffix(name, "_ref") || strings.HasSuffix(name, "_refs") {
					take(e)
				}
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(all)
	slices.Sort(want)
	want = slices.Compact(want)
	got := slices.Clone(v.References)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("%s refers to\n%v, not\n%v", v.ID, got, want)
	}
}

func TestParseReferences(t *testing.T) {
	id := rapid.Map(rapid.IntRange(0, 40), func(n int) string {
		return fmt.Sprintf(`"tool--%08d-0000-4000-8000-00000000000%d"`, n, n%10)
	})
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) string
		value = func(depth int) string {
			switch rapid.IntRange(0, 3).Draw(t, "kind") * min(depth, 1) {
			case 1:
				all := make([]string, rapid.IntRange(0, 12).Draw(t, "length"))
				for i := range all {
					all[i] = value(depth - 1)
				}
				return "[" + strings.Join(all, ",") + "]"
			case 2, 3:
				var all []string
				for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b_ref", "c_refs", `d\u005fref`, "_ref", "ref", "e_refs_", "object_refs"}), 0, 5, rapid.ID[string]).Draw(t, "names") {
					all = append(all, `"`+name+`":`+value(depth-1))
				}
				return "{" + strings.Join(all, ",") + "}"
			}
			if rapid.IntRange(0, 5).Draw(t, "other") == 0 {
				return rapid.SampledFrom([]string{`""`, `"tool--1"`, "5", "null", `"0"`}).Draw(t, "no id")
			}
			return id.Draw(t, "id")
		}
		raw := `{"type":"x-a","id":"x-a--5d0092c5-5f74-4287-9642-33f4c354e56d","x":` + value(4) + `,"y_refs":` + value(3) + `}`
		v, findings := Parse([]byte(raw))
		if v == nil {
			t.Fatalf("%s: %v", raw, findings)
		}
		var all any
		if err := json.Unmarshal([]byte(raw), &all); err != nil {
			t.Fatal(err)
		}
		compareReferences(t, v, all)
	})
}

// TestIdentifier holds the fast reading of identifiers to entente.ParseObjectID.
func TestIdentifier(t *testing.T) {
	const uuid = "5d0092c5-5f74-4287-9642-33f4c354e56d"
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "-", "--", "tool", "x--y", uuid, strings.ToUpper(uuid), uuid[:35], "é", strings.Repeat("b", 249)}), 0, 6).Draw(t, "parts"), "")
		raw, _ := json.Marshal(s)
		c := checker{tape: &tape{}}
		if !c.read(raw) {
			t.Fatal("cannot be read")
		}
		got, ok := c.identifier(0)
		want, err := entente.ParseObjectID(s)
		if ok != (err == nil) || got != want {
			t.Fatalf("%q: %q %v, %v", s, got, ok, err)
		}
	})
}
