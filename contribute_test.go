package entente_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente"
)

// sourced is a world in which home and partners act on one collection, the partners through
// agreements of their own. No feed shows anything yet.
type sourced struct {
	*world
	leftBy map[int64]string
}

func newSourced() *sourced { return &sourced{newWorld(), map[int64]string{}} }

const maker = entente.ObjectID("identity--00000000-0000-4000-8000-000000000001")

// act does a command for an organisation. A partner's comes through its agreement, which
// has its name.
func (w *sourced) act(t interface{ Fatalf(string, ...any) }, organisation string, c entente.Command) (entente.Receipt, error) {
	w.alter = func(f *entente.Facts) {
		f.Owners = map[entente.ObjectID]string{maker: "harbour"}
		f.LeftBy = maps.Clone(w.leftBy)
		if organisation == "home" {
			return
		}
		f.Actor = entente.Actor{Account: entente.Account{ID: organisation, Organisation: organisation}}
		f.Through = &entente.Agreement{Num: 7, ID: organisation, Name: organisation, State: entente.Active, Version: 1,
			Terms: entente.Terms{Collections: []string{"c"}, Members: []entente.Member{{Organisation: organisation, Flow: entente.Both}}},
			Feeds: []entente.ReleaseFeed{{Collection: "c", ID: "feed", Feed: 2}}}
	}
	if organisation != "home" {
		switch x := c.(type) {
		case entente.Submit:
			x.Through = organisation
			c = x
		case entente.DeleteObject:
			x.Through = organisation
			c = x
		}
	}
	r, err := w.do(t, c)
	for _, ks := range w.known {
		for _, k := range ks {
			for _, l := range k.Lines {
				if _, ok := w.leftBy[l.Gone]; l.Gone != 0 && !ok {
					w.leftBy[l.Gone] = organisation
				}
			}
		}
	}
	return r, err
}

// said is what a partner is told.
func said(r entente.Receipt, err error) string {
	out := fmt.Sprint(r.Deleted, entente.KindOf(err), err)
	for _, x := range r.Results {
		out += fmt.Sprintf("\n%s %s %x %s %x %+v", x.ID, x.Version, x.Digest[:2], x.Outcome, x.Current[:2], x.Breaches)
	}
	return out
}

// A partner is told the same whatever others submit and delete in between, as long as the
// object's creator deletes nothing of the partner's own; the states of the lines obey the
// rules, and nobody takes out what another supplied.
func TestSourcesAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, alone := newSourced(), newSourced()
		draw := func() *entente.Version {
			v := drawVersion(t)
			if rapid.IntRange(0, 3).Draw(t, "creator") == 0 {
				v.CreatedBy = maker
				v.Digest[31]++
			}
			return v
		}
		for range rapid.IntRange(1, 14).Draw(t, "steps") {
			w.clock += 10
			alone.clock = w.clock
			who := rapid.SampledFrom([]string{"home", "harbour", "mountains"}).Draw(t, "who")
			var c entente.Command
			if rapid.IntRange(0, 2).Draw(t, "what") > 0 {
				var batch []*entente.Version
				for range rapid.IntRange(1, 4).Draw(t, "batch") {
					batch = append(batch, draw())
				}
				c = entente.Submit{Collection: "c", Versions: batch}
			} else {
				v := drawVersion(t)
				vf := rapid.SampledFrom([]entente.VersionFilter{{}, {Last: true}, {First: true}, {Exact: []entente.Instant{v.Stamp()}}}).Draw(t, "versions")
				c = entente.DeleteObject{Collection: "c", Object: v.ID, Versions: vf}
			}
			standing := w.standing()
			got := said(w.act(t, who, c))
			if who == "mountains" { // of whom no identity is known, so that it makes no object
				if want := said(alone.act(t, who, c)); got != want {
					t.Fatalf("%T is answered\n%s\nand alone\n%s", c, got, want)
				}
			}
			after := w.standing()
			for other, lines := range standing {
				if other != who {
					if d := cmp.Diff(lines, after[other]); d != "" {
						t.Fatalf("%s changed what %s supplied: %s", who, other, d)
					}
				}
			}
			for id, known := range w.known {
				if faults := entente.CheckStates(id, known, w.head); len(faults) > 0 {
					t.Fatalf("%s: %+v", id, faults)
				}
			}
		}
	})
}

// standing lists per source the contents that stand.
func (w *sourced) standing() map[string][]string {
	out := map[string][]string{}
	for _, ks := range w.known {
		for _, k := range ks {
			for _, l := range k.Lines {
				if l.Gone == 0 {
					out[l.Source] = append(out[l.Source], fmt.Sprintf("%x", k.Digest))
				}
			}
		}
	}
	for _, all := range out {
		slices.Sort(all)
	}
	return out
}

// Home, whose identity made an object, deletes all of it; a partner's submission is then as
// if it had never been, and nothing bars it.
func TestCreatorDeletesAll(t *testing.T) {
	w := newSourced()
	at, _ := entente.ParseInstant("2026-01-01T00:00:00Z")
	v := &entente.Version{ID: "tool--00000000-0000-4000-8000-000000000001", Spec: entente.Spec21, Modified: at, CreatedBy: maker, Digest: entente.Digest{1}}
	mine := func(organisation string) {
		was := w.alter
		w.alter = func(f *entente.Facts) {
			was(f)
			f.Owners = map[entente.ObjectID]string{maker: organisation}
		}
	}
	submit, remove := entente.Submit{Collection: "c", Versions: []*entente.Version{v}}, entente.DeleteObject{Collection: "c", Object: v.ID}
	for _, who := range []string{"home", "harbour"} {
		if _, err := w.act(t, who, submit); err != nil {
			t.Fatal(err)
		}
	}
	// The object is not home's: home takes its own line, and the partner's takes the place.
	if _, err := w.act(t, "home", remove); err != nil {
		t.Fatal(err)
	}
	if got := w.standing(); len(got["home"]) != 0 || len(got["harbour"]) != 1 {
		t.Fatalf("%v", got)
	}
	if _, err := w.act(t, "home", remove); entente.KindOf(err) != entente.Forbidden {
		t.Fatalf("what only a partner supplied: %v", err)
	}
	mine("home")
	if r, err := w.do(t, remove); err != nil || r.Deleted != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.leftBy[w.head] = "home"
	if got := w.standing(); len(got) != 0 {
		t.Fatalf("%v", got)
	}
	if _, err := w.act(t, "harbour", remove); entente.KindOf(err) != entente.NotFound {
		t.Fatalf("there is nothing left: %v", err)
	}
	if r, err := w.act(t, "harbour", submit); err != nil || r.Results[0].Outcome != entente.Added {
		t.Fatalf("again: %+v, %v", r, err)
	}
}

// A line that comes into view again keeps who submitted it, and through which agreement.
func TestRevivedLinesKeepTheirBatch(t *testing.T) {
	w := newSourced()
	at, _ := entente.ParseInstant("2026-01-01T00:00:00Z")
	v := &entente.Version{ID: "tool--00000000-0000-4000-8000-000000000001", Spec: entente.Spec21, Modified: at, Digest: entente.Digest{1}}
	submit := entente.Submit{Collection: "c", Versions: []*entente.Version{v}}
	for _, who := range []string{"home", "harbour"} {
		if _, err := w.act(t, who, submit); err != nil {
			t.Fatal(err)
		}
	}
	w.alter = nil
	f := w.facts()
	f.Batches = map[int64]entente.Batch{2: {Account: "a", Via: 7}}
	ch, err := entente.Decide(entente.DeleteObject{Collection: "c", Object: v.ID}, f)
	if err != nil || len(ch.Lines) != 1 || ch.Lines[0].Batch == nil || *ch.Lines[0].Batch != f.Batches[2] {
		t.Fatalf("%+v, %v", ch.Lines, err)
	}
}
