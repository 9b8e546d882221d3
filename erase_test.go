package entente_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// releasers are people of home who may preserve and erase, and one who may not.
func releaser(name string) entente.Actor {
	role := entente.Releaser
	if name == "eve" {
		role = entente.Reviewer
	}
	return entente.Actor{Account: entente.Account{ID: name, Name: name, Organisation: "home", Mandates: []entente.Mandate{{ID: "m-" + name, Role: role}}}}
}

func keepingFacts(who string, k entente.Keeping) entente.Facts {
	f := entente.Facts{Now: 5000, Actor: releaser(who), NewID: "new", Home: entente.Organisation{ID: "home", Home: true}, Keeping: &k}
	if who == "" {
		f.Actor = entente.LocalActor()
	}
	return f
}

const kept = entente.ObjectID("tool--00000000-0000-4000-8000-000000000001")

// What is preserved is lifted by two different people alone, and what came after the first
// word stays; whatever they try, in any order.
func TestPreserve(t *testing.T) {
	objects := []entente.ObjectID{kept, "tool--00000000-0000-4000-8000-000000000002", "tool--00000000-0000-4000-8000-000000000003"}
	rapid.Check(t, func(t *rapid.T) {
		all := map[string]entente.Preserved{}
		asked := map[string]string{} // by hold: who asked last
		for step := range rapid.IntRange(1, 25).Draw(t, "steps") {
			who := rapid.SampledFrom([]string{"ann", "bob", "eve", ""}).Draw(t, "who")
			file := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "case")
			k := entente.Keeping{}
			for _, p := range all {
				k.Preserved = append(k.Preserved, p)
			}
			f := keepingFacts(who, k)
			f.Now, f.NewID = int64(1000+step), fmt.Sprint("id", step)
			var c entente.Command
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				c = entente.PreserveObjects{Case: file, Objects: rapid.SliceOfN(rapid.SampledFrom(objects), 1, 3).Draw(t, "objects")}
			case 1:
				c = entente.AskLiftPreserve{Case: file, Reason: "r"}
			default:
				c = entente.LiftPreserve{Case: file}
			}
			ch, err := entente.Decide(c, f)
			if err != nil {
				continue
			}
			if who == "eve" || who == "" {
				t.Fatalf("%q did %T", who, c)
			}
			for _, p := range ch.Preserved {
				before, was := all[p.ID]
				switch c.(type) {
				case entente.PreserveObjects:
					for _, o := range all {
						if o.Object == p.Object && o.Case == p.Case && o.Holds() {
							t.Fatalf("%s is preserved twice under %s", p.Object, p.Case)
						}
					}
					if was || !p.Holds() || p.By != who {
						t.Fatalf("preserved: %+v", p)
					}
				case entente.AskLiftPreserve:
					asked[p.ID] = who
				}
				if !p.Holds() && (asked[p.ID] == "" || asked[p.ID] == who || p.LiftedBy != who) {
					t.Fatalf("lifted by %s, and asked for by %q: %+v", who, asked[p.ID], p)
				}
				if was && !before.Holds() {
					t.Fatalf("changed after it was lifted: %+v", p)
				}
				all[p.ID] = p
			}
		}
	})
}

func TestPreserveRefuses(t *testing.T) {
	holds := entente.Preserved{ID: "p", Case: "c", Object: kept, By: "ann"}
	one := []entente.ObjectID{kept}
	recused := keepingFacts("ann", entente.Keeping{Sources: []string{"north"}})
	recused.Interests = []entente.Interest{{Account: "ann", About: "north"}}
	for name, tc := range map[string]struct {
		f    entente.Facts
		c    entente.Command
		kind entente.Kind
	}{
		"no case":         {keepingFacts("ann", entente.Keeping{}), entente.PreserveObjects{Objects: one}, entente.Invalid},
		"no object":       {keepingFacts("ann", entente.Keeping{}), entente.PreserveObjects{Case: "c"}, entente.Invalid},
		"too many":        {keepingFacts("ann", entente.Keeping{}), entente.PreserveObjects{Case: "c", Objects: make([]entente.ObjectID, entente.MaxPreserve+1)}, entente.Invalid},
		"nothing held":    {keepingFacts("ann", entente.Keeping{Missing: one}), entente.PreserveObjects{Case: "c", Objects: one}, entente.NotFound},
		"held already":    {keepingFacts("ann", entente.Keeping{Preserved: []entente.Preserved{holds}}), entente.PreserveObjects{Case: "c", Objects: one}, entente.Conflict},
		"a conflict":      {recused, entente.PreserveObjects{Case: "c", Objects: one}, entente.Forbidden},
		"no reason":       {keepingFacts("ann", entente.Keeping{Preserved: []entente.Preserved{holds}}), entente.AskLiftPreserve{Case: "c"}, entente.Invalid},
		"nobody asked":    {keepingFacts("ann", entente.Keeping{Preserved: []entente.Preserved{holds}}), entente.LiftPreserve{Case: "c"}, entente.Conflict},
		"another case":    {keepingFacts("ann", entente.Keeping{Preserved: []entente.Preserved{holds}}), entente.AskLiftPreserve{Case: "d", Reason: "r"}, entente.NotFound},
		"a case of blank": {keepingFacts("ann", entente.Keeping{}), entente.PreserveObjects{Case: " c", Objects: one}, entente.Invalid},
	} {
		if _, err := entente.Decide(tc.c, tc.f); entente.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The reference of a case, and words that a command does not demand, are checked whatever the
// command is.
func TestCaseAndReason(t *testing.T) {
	f := keepingFacts("ann", entente.Keeping{})
	f.Actor.Case = "a\nb"
	if _, err := entente.Decide(entente.PreserveObjects{Case: "c", Objects: []entente.ObjectID{kept}}, f); entente.KindOf(err) != entente.Invalid {
		t.Errorf("a case that cannot be printed: %v", err)
	}
	f.Actor.Case = "2027-014"
	if _, err := entente.Decide(entente.PreserveObjects{Case: "c", Objects: []entente.ObjectID{kept}}, f); err != nil {
		t.Error(err)
	}
	for reason, kind := range map[string]entente.Kind{"because": entente.NotFound, "\x00": entente.Invalid} {
		if _, err := entente.Decide(entente.ConfirmErasure{Erasure: "x", Why: entente.Why{Reason: reason}}, f); entente.KindOf(err) != kind {
			t.Errorf("the reason %q: %v", reason, err)
		}
	}
}

func loggedAt(content int64, gone int64) entente.KeptLine {
	return entente.KeptLine{Line: entente.Line{Seq: content, Content: content, Source: "home", Gone: gone}, Head: 10, Log: true}
}

func TestErasureRefuses(t *testing.T) {
	one, two, copied := entente.Digest{1}, entente.Digest{2}, entente.Digest{3}
	held := func() entente.Keeping {
		return entente.Keeping{Contents: []entente.KeptContent{
			{Content: 1, Digest: one, Stamp: "1", Lines: []entente.KeptLine{loggedAt(1, 0)}},
			{Content: 2, Digest: two, Stamp: "2", Lines: []entente.KeptLine{loggedAt(2, 0)}},
			{Content: 3, Digest: copied, Stamp: "1", Originals: []int64{1}, Lines: []entente.KeptLine{{Line: entente.Line{Seq: 1, Content: 3}, Head: 5, Active: true}}},
		}}
	}
	with := func(change func(*entente.Keeping)) entente.Keeping {
		k := held()
		change(&k)
		return k
	}
	proposed := entente.Erasure{ID: "e", Object: kept, By: "ann", Versions: []entente.ErasedVersion{{Digest: one}}}
	confirmed := proposed
	confirmed.Confirmed, confirmed.ConfirmedBy = 7, "bob"
	removed := confirmed
	removed.Removed = 8
	propose := entente.ProposeErasure{Object: kept, Digests: []entente.Digest{one}, Basis: "b", Case: "c", Reason: "r"}
	but := func(change func(*entente.ProposeErasure)) entente.ProposeErasure {
		c := propose
		change(&c)
		return c
	}
	at := func(e entente.Erasure) entente.Keeping { return with(func(k *entente.Keeping) { k.Erasure = &e }) }
	gone := func(e entente.Erasure) entente.Keeping {
		k := at(e)
		for i := range k.Contents {
			k.Contents[i].Lines[0].Gone = 4
		}
		return k
	}
	holds := []entente.Preserved{{Case: "x", Object: kept}}
	wholly := proposed
	wholly.All = true
	for name, tc := range map[string]struct {
		who  string
		k    entente.Keeping
		c    entente.Command
		kind entente.Kind // Unknown for what is done
	}{
		"proposed":              {"ann", held(), propose, 0},
		"all of it":             {"ann", held(), but(func(c *entente.ProposeErasure) { c.All, c.Digests = true, nil }), 0},
		"no name":               {"", held(), propose, entente.Unauthenticated},
		"the reviewer":          {"eve", held(), propose, entente.Forbidden},
		"no basis":              {"ann", held(), but(func(c *entente.ProposeErasure) { c.Basis = " " }), entente.Invalid},
		"no reason":             {"ann", held(), but(func(c *entente.ProposeErasure) { c.Reason = "" }), entente.Invalid},
		"no case":               {"ann", held(), but(func(c *entente.ProposeErasure) { c.Case = "" }), entente.Invalid},
		"no version":            {"ann", held(), but(func(c *entente.ProposeErasure) { c.Digests = nil }), entente.Invalid},
		"both":                  {"ann", held(), but(func(c *entente.ProposeErasure) { c.All = true }), entente.Invalid},
		"nothing held":          {"ann", entente.Keeping{}, propose, entente.NotFound},
		"another digest":        {"ann", held(), but(func(c *entente.ProposeErasure) { c.Digests = []entente.Digest{{9}} }), entente.NotFound},
		"a stamped copy":        {"ann", held(), but(func(c *entente.ProposeErasure) { c.Digests = []entente.Digest{copied} }), entente.NotFound},
		"erased already":        {"ann", with(func(k *entente.Keeping) { k.Contents[0].Erased = true }), propose, entente.Conflict},
		"preserved":             {"ann", with(func(k *entente.Keeping) { k.Preserved = holds }), propose, entente.Conflict},
		"a copy of another too": {"ann", with(func(k *entente.Keeping) { k.Contents[0].Originals = []int64{2} }), propose, entente.Conflict},

		"confirmed":           {"bob", at(proposed), entente.ConfirmErasure{Erasure: "e"}, 0},
		"by the same":         {"ann", at(proposed), entente.ConfirmErasure{Erasure: "e"}, entente.Forbidden},
		"by the owner":        {"", at(proposed), entente.ConfirmErasure{Erasure: "e"}, entente.Unauthenticated},
		"no such":             {"bob", held(), entente.ConfirmErasure{Erasure: "e"}, entente.NotFound},
		"again":               {"bob", at(confirmed), entente.ConfirmErasure{Erasure: "e"}, entente.Conflict},
		"preserved since":     {"bob", with(func(k *entente.Keeping) { k.Erasure, k.Preserved = &proposed, holds }), entente.ConfirmErasure{Erasure: "e"}, entente.Conflict},
		"more has come since": {"bob", at(wholly), entente.ConfirmErasure{Erasure: "e"}, entente.Conflict},

		"removed":           {"", gone(confirmed), entente.RemoveBytes{Erasure: "e"}, 0},
		"not by a releaser": {"bob", gone(confirmed), entente.RemoveBytes{Erasure: "e"}, entente.Forbidden},
		"nobody confirmed":  {"", gone(proposed), entente.RemoveBytes{Erasure: "e"}, entente.Conflict},
		"removed already":   {"", gone(removed), entente.RemoveBytes{Erasure: "e"}, entente.Conflict},
		"stands in a log":   {"", at(confirmed), entente.RemoveBytes{Erasure: "e"}, entente.Conflict},
		"work under way":    {"", func() entente.Keeping { k := gone(confirmed); k.Working = true; return k }(), entente.RemoveBytes{Erasure: "e"}, entente.Conflict},
		"preserved at last": {"", func() entente.Keeping { k := gone(confirmed); k.Preserved = holds; return k }(), entente.RemoveBytes{Erasure: "e"}, entente.Conflict},
		"the copy is read":  {"", func() entente.Keeping { k := gone(confirmed); k.Contents[2].Lines[0].Gone = 0; return k }(), entente.RemoveBytes{Erasure: "e"}, entente.Conflict},
		"it leaves later":   {"", func() entente.Keeping { k := gone(confirmed); k.Contents[2].Lines[0].Gone = 6; return k }(), entente.RemoveBytes{Erasure: "e"}, entente.Conflict},
		"suspended": {"", func() entente.Keeping {
			k := gone(confirmed)
			k.Contents[2].Lines[0].Active, k.Contents[2].Lines[0].Gone = false, 0
			return k
		}(), entente.RemoveBytes{Erasure: "e"}, 0},
		"cleared":             {"", at(removed), entente.NoteCleared{Erasure: "e"}, 0},
		"cleared too early":   {"", at(confirmed), entente.NoteCleared{Erasure: "e"}, entente.Conflict},
		"cleared by somebody": {"ann", at(removed), entente.NoteCleared{Erasure: "e"}, entente.Forbidden},
	} {
		ch, err := entente.Decide(tc.c, keepingFacts(tc.who, tc.k))
		if err == nil != (tc.kind == 0) || err != nil && entente.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", name, err)
		}
		if tc.kind == 0 && name == "removed" && (len(ch.Empty) != 2 || ch.Empty[0].Content != 1 || ch.Empty[1].Content != 3) {
			t.Errorf("%s: emptied %v, not the version and its stamped copy", name, ch.Empty)
		}
		if tc.kind == 0 && name == "proposed" && (len(ch.Erasure.Versions) != 1 || len(ch.Erasing)+len(ch.Empty)+len(ch.Logs) > 0) {
			t.Errorf("%s: %+v", name, ch)
		}
	}
}

// erase has home erase a content, all the way.
func (w *sourced) erase(t *rapid.T, id entente.ObjectID, digest entente.Digest) {
	w.alter = nil
	f := w.facts()
	f.Actor = releaser("bob")
	e := entente.Erasure{ID: "e", Object: id, By: "ann", Versions: []entente.ErasedVersion{{Digest: digest}}}
	k := &entente.Keeping{Erasure: &e, Logs: []entente.LogFacts{{Collection: *f.Collection, Known: f.Known[id],
		Owners: map[entente.ObjectID]string{maker: "harbour"}}}}
	for _, x := range f.Known[id] {
		c := entente.KeptContent{Content: x.Content, Digest: x.Digest}
		for _, l := range x.Lines {
			c.Lines = append(c.Lines, entente.KeptLine{Line: l, Head: w.head, Log: true})
		}
		k.Contents = append(k.Contents, c)
	}
	f.Keeping = k
	ch, err := entente.Decide(entente.ConfirmErasure{Erasure: "e"}, f)
	if err != nil {
		t.Fatalf("confirming: %v", err)
	}
	w.apply(t, ch)
	for _, log := range ch.Logs {
		w.apply(t, log)
		w.leftBy[log.Head] = "home"
	}
	for _, ks := range w.known {
		for _, x := range ks {
			for _, l := range x.Lines {
				if _, ok := w.leftBy[l.Gone]; l.Gone != 0 && !ok {
					w.leftBy[l.Gone] = "home"
				}
			}
		}
	}
	for i := range w.known[id] {
		if x := &w.known[id][i]; x.Digest == digest {
			for _, l := range x.Lines {
				if l.Live() {
					t.Fatalf("%+v is shown after its content was erased", l)
				}
			}
			x.Versioning, x.CreatedBy = nil, "" // the bytes are gone
		}
	}
}

// A partner is told the same whether home has erased what others supplied, the very bytes that
// the partner submits among them, or has not; nothing that was erased is ever shown, and the
// states of the lines obey the rules.
func TestErasureTellsNoPartner(t *testing.T) {
	concealed := false
	rapid.Check(t, func(t *rapid.T) {
		w, alone := newSourced(), newSourced()
		var pool []*entente.Version
		for i := range 5 {
			v := drawVersion(t)
			v.ID, v.Digest[30] = kept, byte(i)
			if i%2 == 0 {
				v.CreatedBy = entente.ObjectID(fmt.Sprintf("identity--00000000-0000-4000-8000-%012d", i+7))
			}
			pool = append(pool, v)
		}
		drawVersion := func(t *rapid.T) *entente.Version { return rapid.SampledFrom(pool).Draw(t, "version") }
		for range rapid.IntRange(1, 14).Draw(t, "steps") {
			w.clock += 10
			alone.clock = w.clock
			switch who := rapid.SampledFrom([]string{"home", "mountains", "mountains", "erase"}).Draw(t, "who"); {
			case who == "erase":
				for id, ks := range w.known {
					i := slices.IndexFunc(ks, func(k entente.Known) bool {
						return !k.Erased && !slices.ContainsFunc(k.Lines, func(l entente.Line) bool { return l.Source == "mountains" })
					})
					if i >= 0 {
						w.erase(t, id, ks[i].Digest)
						break
					}
				}
			case rapid.IntRange(0, 3).Draw(t, "what") > 0:
				c := entente.Submit{Collection: "c", Versions: []*entente.Version{drawVersion(t), drawVersion(t)}}
				got := said(w.act(t, who, c))
				if who != "home" {
					if want := said(alone.act(t, who, c)); got != want {
						t.Fatalf("a submission is answered\n%s\nand without home's erasures\n%s", got, want)
					}
				}
			default:
				c := entente.DeleteObject{Collection: "c", Object: drawVersion(t).ID}
				got := said(w.act(t, who, c))
				if who != "home" {
					if want := said(alone.act(t, who, c)); got != want {
						t.Fatalf("a deletion is answered\n%s\nand without home's erasures\n%s", got, want)
					}
				}
			}
			for id, known := range w.known {
				for _, k := range known {
					for _, l := range k.Lines {
						if k.Erased && l.Live() {
							t.Fatalf("%s: %+v is shown, and was erased", id, l)
						}
						concealed = concealed || k.Erased && l.Source == "mountains"
					}
				}
				if faults := entente.CheckStates(id, known, w.head); len(faults) > 0 {
					t.Fatalf("%s: %+v", id, faults)
				}
			}
		}
	})
	if !concealed {
		t.Error("no partner submitted what had been erased: the test tries nothing")
	}
}

// Home is told, whatever it says; the partner that had supplied the bytes is told that they
// are deleted; another version comes in.
func TestErasedBytesAgain(t *testing.T) {
	w := newSourced()
	at, _ := entente.ParseInstant("2026-01-01T00:00:00Z")
	later, _ := entente.ParseInstant("2026-01-02T00:00:00Z")
	v := &entente.Version{ID: kept, Type: "tool", Spec: entente.Spec21, Modified: at, Digest: entente.Digest{1}}
	newer := &entente.Version{ID: kept, Type: "tool", Spec: entente.Spec21, Modified: later, Digest: entente.Digest{2}}
	rapid.Check(t, func(rt *rapid.T) {
		w = newSourced()
		submit := func(who string, undelete bool, v *entente.Version) entente.Outcome {
			w.clock += 10
			r, err := w.act(rt, who, entente.Submit{Collection: "c", Versions: []*entente.Version{v}, Undelete: undelete})
			if err != nil {
				rt.Fatal(err)
			}
			return r.Results[0].Outcome
		}
		first := rapid.SampledFrom([]string{"home", "harbour"}).Draw(rt, "first")
		submit(first, false, v)
		w.erase(rt, kept, v.Digest)
		want := map[string]entente.Outcome{"home": entente.Erased, "harbour": entente.Deleted}
		if first == "home" {
			want["harbour"] = entente.Added
		}
		for _, who := range []string{"home", "harbour"} {
			if got := submit(who, who == "home", v); got != want[who] {
				rt.Errorf("first from %s, again from %s: %s, want %s", first, who, got, want[who])
			}
			if got := submit(who, false, newer); got != entente.Added {
				rt.Errorf("another version from %s: %s", who, got)
			}
		}
	})
}
