package stix

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var selectorForm = regexp.MustCompile(`^(\[(0|[1-9][0-9]{0,8})\]|[^.\[\]]+)(\.(\[(0|[1-9][0-9]{0,8})\]|[^.\[\]]+))*$`)

// FuzzSelector follows selectors a second time, through what the standard library reads.
func FuzzSelector(f *testing.F) {
	const object = `{"type":"x-a","labels":["a","b"],"m":{"n":[{"o":null}],"p":[[1,[2]]]},"":{"":0},"é":1}`
	for _, s := range []string{"type", "labels", "labels.[1]", "labels.[2]", "m.n.[0].o", "m.p.[0].[1].[0]", "labels.[01]", "labels.1", "", ".", "m..n", "m.[0]", "é", "labels.[999999999999]", "a[0]", "m.n.[0].o.x"} {
		f.Add([]byte(object), s)
	}
	f.Fuzz(func(t *testing.T, object []byte, selector string) {
		var v any
		tp := &tape{}
		if !tp.read(object) || tp.nodes[0].kind != '{' || json.Unmarshal(object, &v) != nil || len(selector) > 1000 {
			return
		}
		if _, err := Canonical(object); err != nil {
			return // names that are there twice, and the like: which one counts is open
		}
		left := maxSelecting
		problem := tp.selects([]byte(selector), &left)
		if left < 0 || left > maxSelecting {
			t.Fatalf("%d steps are left", left)
		}
		want := selectorForm.MatchString(selector)
		if want {
			want = follow(v, strings.Split(selector, "."))
		}
		if want != (problem == "") {
			t.Fatalf("%q in %s: %q, want it found: %v", selector, object, problem, want)
		}
	})
}

// follow reports whether the components lead to something in a value.
func follow(v any, components []string) bool {
	for _, c := range components {
		if digits, ok := strings.CutPrefix(c, "["); ok {
			list, isList := v.([]any)
			n, err := strconv.Atoi(strings.TrimSuffix(digits, "]"))
			if !isList || err != nil || n >= len(list) {
				return false
			}
			v = list[n]
			continue
		}
		object, isObject := v.(map[string]any)
		member, there := object[c]
		if !isObject || !there {
			return false
		}
		v = member
	}
	return true
}
