package entente_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// drawWorld lives through a random history.
func drawWorld(t *rapid.T) *world {
	w := newWorld()
	for range rapid.IntRange(1, 12).Draw(t, "steps") {
		w.clock += 10
		if rapid.IntRange(0, 3).Draw(t, "what") > 0 {
			batch := rapid.SliceOfN(rapid.Custom(drawVersion), 1, 6).Draw(t, "batch")
			if _, err := w.do(t, entente.Submit{Collection: "c", Versions: batch, Undelete: rapid.Bool().Draw(t, "undelete")}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		v := drawVersion(t)
		c := entente.DeleteObject{Collection: "c", Object: v.ID, Versions: rapid.SampledFrom([]entente.VersionFilter{
			{}, {Last: true}, {First: true}, {Exact: []entente.Instant{v.Modified}}}).Draw(t, "filter")}
		if _, err := w.do(t, c); err != nil && entente.KindOf(err) != entente.NotFound {
			t.Fatal(err)
		}
	}
	return w
}

// Whatever happened, a feed that was only ever changed by decisions has no fault; and any
// other value in newer, later or rival of any line is one.
func TestCheckStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for id, known := range w.known {
			if faults := entente.CheckStates(id, known, w.head); len(faults) > 0 {
				t.Fatalf("%s: %+v\n%+v", id, faults, known)
			}
			for i := range known {
				for n := range known[i].Lines {
					l := &known[i].Lines[n]
					was := *l
					for what, damage := range map[string]func(){
						"newer":      func() { l.Newer++ },
						"later":      func() { l.Spec++ },
						"rival":      func() { l.Rival++ },
						"no rival":   func() { l.Rival = 0 },
						"gone first": func() { l.Gone = l.Seq },
						"gone late":  func() { l.Gone = w.head + 1 },
					} {
						damage()
						if *l != was && len(entente.CheckStates(id, known, w.head)) == 0 {
							t.Fatalf("%s: %s of line %d was damaged, and nobody sees it: %+v, %+v before", id, what, was.Seq, *l, was)
						}
						*l = was
					}
				}
			}
		}
	})
}

// A version that is gone while what it hid did not come in again is found.
func TestCheckStatesFindsWhatDidNotComeBack(t *testing.T) {
	w := newWorld()
	id := entente.ObjectID("tool--00000000-0000-4000-8000-000000000001")
	for i, text := range []string{"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"} {
		at, _ := entente.ParseInstant(text)
		if _, err := w.do(t, entente.Submit{Versions: []*entente.Version{{ID: id, Spec: entente.Spec21, Modified: at, Digest: entente.Digest{byte(i)}}}}); err != nil {
			t.Fatal(err)
		}
	}
	w.head++
	w.known[id][1].Lines[0].Gone = w.head
	faults := entente.CheckStates(id, w.known[id], w.head)
	if !slices.ContainsFunc(faults, func(f entente.StateFault) bool {
		return f.Seq == 1 && f.Text == "it is hidden behind a newer version, and none is shown"
	}) {
		t.Fatalf("%+v", faults)
	}
}
