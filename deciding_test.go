package entente_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// TestTally holds the count of decisions against a plain reading of what they mean.
func TestTally(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mine, other := entente.Digest{1}, entente.Digest{2}
		actions := []entente.Action{entente.Approve, entente.Approve, entente.Refuse, entente.Keep, entente.Withdraw, entente.Urgent, entente.Reviewed, entente.Tearline}
		var all []entente.Decision
		for i := range rapid.IntRange(0, 14).Draw(rt, "decisions") {
			d := entente.Decision{ID: fmt.Sprint(i), At: int64(i), Account: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "who"),
				Digest: rapid.SampledFrom([]entente.Digest{mine, mine, other}).Draw(rt, "of"), Action: rapid.SampledFrom(actions).Draw(rt, "action")}
			if d.Action == entente.Withdraw && rapid.Bool().Draw(rt, "whole") {
				d.Digest = entente.Digest{}
			}
			all = append(all, d)
		}
		about := slices.DeleteFunc(slices.Clone(all), func(d entente.Decision) bool { return d.Digest == other })
		// What is said after the last refusal or withdrawal counts.
		last := -1
		for i, d := range about {
			if d.Action == entente.Refuse || d.Action == entente.Withdraw {
				last = i
			}
		}
		who := map[string]bool{}
		urgent, spoke := false, false
		for _, d := range about[last+1:] {
			switch d.Action {
			case entente.Approve:
				who[d.Account], spoke = true, true
			case entente.Urgent:
				urgent, spoke = true, true
			}
		}
		refused := last >= 0 && about[last].Action == entente.Refuse && !spoke
		// A review is owed since the last urgent release, unless somebody else has reviewed it.
		owed := ""
		for i := len(about) - 1; i >= 0; i-- {
			if about[i].Action == entente.Urgent {
				if !slices.ContainsFunc(about[i:], func(d entente.Decision) bool { return d.Action == entente.Reviewed && d.Account != about[i].Account }) {
					owed = about[i].ID
				}
				break
			}
		}
		got := entente.Tally(all, mine)
		if len(got.Approved) != len(who) || got.Urgent != urgent || got.Refused != refused {
			rt.Fatalf("%+v comes to %+v; wanted %v, urgent %v, refused %v", about, got, who, urgent, refused)
		}
		if (got.Owed == nil) != (owed == "") || got.Owed != nil && got.Owed.ID != owed {
			rt.Fatalf("%+v: owed %+v, not %q", about, got.Owed, owed)
		}
		listed := entente.Owed(all)
		if slices.ContainsFunc(listed, func(d entente.Decision) bool { return d.ID == owed }) != (owed != "") {
			rt.Fatalf("%+v: owed %q, and listed are %+v", all, owed, listed)
		}
	})
}

// TestPreviewToken tells positions apart, and no order of agreements.
func TestPreviewToken(t *testing.T) {
	a := entente.Agreement{ID: "a", State: entente.Active, Feeds: []entente.ReleaseFeed{{ID: "f", Head: 1, LogHead: 2}}}
	b := entente.Agreement{ID: "b"}
	token := entente.PreviewToken([]entente.Agreement{a, b})
	if token != entente.PreviewToken([]entente.Agreement{b, a}) {
		t.Error("the order counts")
	}
	for name, change := range map[string]func(*entente.Agreement){
		"state":    func(a *entente.Agreement) { a.State = entente.Suspended },
		"touches":  func(a *entente.Agreement) { a.Touches++ },
		"work":     func(a *entente.Agreement) { a.Work = &entente.Work{} },
		"head":     func(a *entente.Agreement) { a.Feeds = []entente.ReleaseFeed{{ID: "f", Head: 2, LogHead: 2}} },
		"log":      func(a *entente.Agreement) { a.Feeds = []entente.ReleaseFeed{{ID: "f", Head: 1, LogHead: 3}} },
		"no feeds": func(a *entente.Agreement) { a.Feeds = nil },
	} {
		x := a
		change(&x)
		if entente.PreviewToken([]entente.Agreement{x, b}) == token {
			t.Errorf("%s does not count", name)
		}
	}
}
