package terms_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente"
	"entente/terms"
)

// change is one change of each key to a value that it does not have.
type change struct {
	key   string
	apply func(t *entente.Terms)
}

var changes = []change{
	{"name", func(t *entente.Terms) { t.Name += "x" }}, {"title", func(t *entente.Terms) { t.Title += "x" }},
	{"purpose", func(t *entente.Terms) { t.Purpose += "x" }}, {"community", func(t *entente.Terms) { t.Community += "x" }},
	{"collections", func(t *entente.Terms) { t.Collections = append([]string{id(77)}, t.Collections...) }},
	{"vocabularies", func(t *entente.Terms) { t.Vocabularies = append([]string{id(78)}, t.Vocabularies...) }},
	{"highest", func(t *entente.Terms) { t.Highest = (t.Highest + 1) % entente.TLPRed }},
	{"unmarked", func(t *entente.Terms) { t.Unmarked = (t.Unmarked + 1) % entente.TLPRed }},
	{"types", func(t *entente.Terms) { t.Types = append([]string{"zz"}, t.Types...) }},
	{"except_types", func(t *entente.Terms) { t.ExceptTypes = append([]string{"zy"}, t.ExceptTypes...) }},
	{"labels", func(t *entente.Terms) { t.Labels = append([]string{"zz zz"}, t.Labels...) }},
	{"except_labels", func(t *entente.Terms) { t.ExceptLabels = append([]string{"zy zy"}, t.ExceptLabels...) }},
	{"confidence", func(t *entente.Terms) { t.Confidence = (t.Confidence + 1) % 101 }},
	{"need_confidence", func(t *entente.Terms) { t.NeedConfidence = !t.NeedConfidence }},
	{"age", func(t *entente.Terms) { t.AgeDays++ }},
	{"references", func(t *entente.Terms) { t.OpenReferences = !t.OpenReferences }},
	{"onward", func(t *entente.Terms) { t.Onward = !t.Onward }},
	{"approval", func(t *entente.Terms) { t.Approval = (t.Approval + 1) % entente.TLPRed }},
	{"stricter", func(t *entente.Terms) { t.WithdrawOlder = !t.WithdrawOlder }},
	{"dissent", func(t *entente.Terms) { t.RequireDissent = !t.RequireDissent }},
	{"proof", func(t *entente.Terms) { t.WitnessedProof = !t.WitnessedProof }},
	{"review", func(t *entente.Terms) { t.ReviewContent = !t.ReviewContent }},
	{"valid_from", func(t *entente.Terms) { t.ValidFrom += 1e15 + 1 }}, {"valid_until", func(t *entente.Terms) { t.ValidUntil += 1e15 + 1 }},
	{"member", func(t *entente.Terms) {
		t.Members = append([]entente.Member{{Organisation: id(79), Flow: entente.Both}}, t.Members...)
	}},
}

func fieldsOfTerms() int { return reflect.TypeFor[entente.Terms]().NumField() }

func TestCompareDirections(t *testing.T) {
	member := func(flow entente.Flow, client bool) func(*entente.Terms) {
		return func(t *entente.Terms) {
			t.Members = []entente.Member{{Organisation: id(1), Flow: flow, Client: client}}
		}
	}
	nothing := func(*entente.Terms) {}
	// Each case goes from old to new; the way back swaps the directions.
	cases := map[string]struct {
		old, new         func(t *entente.Terms)
		tighten, widen   bool
		oldText, newText string
	}{
		"title":           {func(t *entente.Terms) { t.Title = "a" }, func(t *entente.Terms) { t.Title = "b" }, false, false, `"a"`, `"b"`},
		"community":       {nothing, func(t *entente.Terms) { t.Community = "a" }, false, true, "the members alone", `"a"`},
		"other community": {func(t *entente.Terms) { t.Community = "a" }, func(t *entente.Terms) { t.Community = "b" }, true, true, `"a"`, `"b"`},
		"collections":     {nothing, func(t *entente.Terms) { t.Collections = []string{id(11)} }, false, true, "none: dialogue only", `["Example collection"]`},
		"other collections": {func(t *entente.Terms) { t.Collections = []string{id(99)} }, func(t *entente.Terms) { t.Collections = []string{id(11)} }, true, true,
			`["` + id(99) + `"]`, `["Example collection"]`},
		"more collections": {func(t *entente.Terms) { t.Collections = []string{id(11)} }, func(t *entente.Terms) { t.Collections = []string{id(13), id(11)} }, true, true,
			`["Example collection"]`, `["Example collection", "Phishing"]`},
		"vocabularies":   {nothing, func(t *entente.Terms) { t.Vocabularies = []string{id(12)} }, false, true, "none", `["Example vocabulary"]`},
		"highest":        {func(t *entente.Terms) { t.Highest = entente.TLPGreen }, func(t *entente.Terms) { t.Highest = entente.TLPAmber }, false, true, `"tlp:green"`, `"tlp:amber"`},
		"unmarked":       {nothing, func(t *entente.Terms) { t.Unmarked = entente.TLPClear }, false, true, `"withhold"`, `"tlp:clear"`},
		"other unmarked": {func(t *entente.Terms) { t.Unmarked = entente.TLPClear }, func(t *entente.Terms) { t.Unmarked = entente.TLPGreen }, true, false, `"tlp:clear"`, `"tlp:green"`},
		"types":          {nothing, func(t *entente.Terms) { t.Types = []string{"tool"} }, true, false, "all", `["tool"]`},
		"more types":     {func(t *entente.Terms) { t.Types = []string{"tool"} }, func(t *entente.Terms) { t.Types = []string{"tool", "note"} }, false, true, `["tool"]`, `["note", "tool"]`},
		"other types":    {func(t *entente.Terms) { t.Types = []string{"tool"} }, func(t *entente.Terms) { t.Types = []string{"note"} }, true, true, `["tool"]`, `["note"]`},
		"except_types":   {nothing, func(t *entente.Terms) { t.ExceptTypes = []string{"tool"} }, true, false, "none", `["tool"]`},
		"labels":         {nothing, func(t *entente.Terms) { t.Labels = []string{"a"} }, true, false, "whatever the labels", `["a"]`},
		"more labels":    {func(t *entente.Terms) { t.Labels = []string{"a"} }, func(t *entente.Terms) { t.Labels = []string{"b", "a"} }, false, true, `["a"]`, `["a", "b"]`},
		"except_labels":  {nothing, func(t *entente.Terms) { t.ExceptLabels = []string{"a"} }, true, false, "none", `["a"]`},
		"confidence":     {nothing, func(t *entente.Terms) { t.Confidence = 5 }, true, false, "0", "5"},
		"need":           {nothing, func(t *entente.Terms) { t.NeedConfidence = true }, true, false, "false", "true"},
		"age":            {nothing, func(t *entente.Terms) { t.AgeDays = 5 }, true, false, "any age", `"5d"`},
		"less age":       {func(t *entente.Terms) { t.AgeDays = 5 }, func(t *entente.Terms) { t.AgeDays = 4 }, true, false, `"5d"`, `"4d"`},
		"references":     {nothing, func(t *entente.Terms) { t.OpenReferences = true }, false, true, `"closed"`, `"open"`},
		"onward":         {nothing, func(t *entente.Terms) { t.Onward = true }, false, true, "false", "true"},
		"approval":       {nothing, func(t *entente.Terms) { t.Approval = entente.TLPAmber }, true, false, `"never"`, `"tlp:amber"`},
		"more approval":  {func(t *entente.Terms) { t.Approval = entente.TLPAmber }, func(t *entente.Terms) { t.Approval = entente.TLPGreen }, true, false, `"tlp:amber"`, `"tlp:green"`},
		"stricter":       {nothing, func(t *entente.Terms) { t.WithdrawOlder = true }, true, false, `"ask"`, `"withdraw"`},
		"dissent":        {nothing, func(t *entente.Terms) { t.RequireDissent = true }, true, false, `"carry"`, `"require"`},
		"proof":          {nothing, func(t *entente.Terms) { t.WitnessedProof = true }, true, false, `"local"`, `"witnessed"`},
		"review":         {nothing, func(t *entente.Terms) { t.ReviewContent = true }, false, false, `"facts"`, `"content"`},
		"valid_from":     {nothing, func(t *entente.Terms) { t.ValidFrom = 1e15 }, true, false, "at once", "2001-09-09T01:46:40Z"},
		"valid_until":    {nothing, func(t *entente.Terms) { t.ValidUntil = 1e15 }, true, false, "no end", "2001-09-09T01:46:40Z"},
		"later end":      {func(t *entente.Terms) { t.ValidUntil = 1e15 }, func(t *entente.Terms) { t.ValidUntil = 2e15 }, false, true, "2001-09-09T01:46:40Z", "2033-05-18T03:33:20Z"},

		"a reader":      {nothing, member(entente.Receives, true), true, true, "no member", "Example CERT, receives, client"},
		"a contributor": {nothing, member(entente.Contributes, false), false, true, "no member", "Example CERT, contributes"},
		"a talker":      {nothing, member(0, false), false, false, "no member", "Example CERT"},
		"a reader more": {member(entente.Contributes, false), member(entente.Both, false), true, true, "Example CERT, contributes", "Example CERT, both"},
		"posts as well": {member(entente.Receives, false), member(entente.Both, false), false, true, "Example CERT, receives", "Example CERT, both"},
		"a client":      {member(entente.Both, false), member(entente.Both, true), false, true, "Example CERT, both", "Example CERT, both, client"},
		"a client less, posts more": {member(entente.Receives, true), member(entente.Both, false), true, true, "Example CERT, receives, client",
			"Example CERT, both"},
	}
	for name, c := range cases {
		var old, new entente.Terms
		c.old(&old)
		c.new(&new)
		for _, back := range []bool{false, true} {
			want := terms.Difference{Old: c.oldText, New: c.newText, Tightens: c.tighten, Widens: c.widen}
			if back {
				old, new = new, old
				want = terms.Difference{Old: c.newText, New: c.oldText, Tightens: c.widen, Widens: c.tighten}
			}
			got := terms.Compare(old, new, names.title)
			if len(got) != 1 {
				t.Errorf("%s: %+v", name, got)
				continue
			}
			if want.Key = got[0].Key; got[0] != want {
				t.Errorf("%s, back %t: %+v, want %+v", name, back, got[0], want)
			}
		}
	}
}

// Terms differ exactly where they differ, and the way back swaps the directions.
func TestCompareFindsEveryChange(t *testing.T) {
	for _, c := range changes {
		x := entente.Terms{Members: []entente.Member{{Organisation: id(1)}}}
		y := x
		c.apply(&y)
		got := terms.Compare(x, y, nil)
		if len(got) != 1 || got[0].Key != c.key {
			t.Errorf("a change of %s is told as %+v", c.key, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTerms(t), drawTerms(t)
		there, back := terms.Compare(a, b, names.title), terms.Compare(b, a, names.title)
		if same := cmp.Equal(inOrder(a), inOrder(b)); same != (len(there) == 0) || len(there) != len(back) {
			t.Fatalf("%+v, back %+v", there, back)
		}
		for i, d := range there {
			if d.Tightens != back[i].Widens || d.Widens != back[i].Tightens || d.Old != back[i].New || d.New == "" {
				t.Fatalf("%+v, back %+v", d, back[i])
			}
		}
		tighten, widen := terms.Direction(there)
		backTighten, backWiden := terms.Direction(back)
		if tighten != backWiden || widen != backTighten {
			t.Fatalf("%+v", there)
		}
	})
}
