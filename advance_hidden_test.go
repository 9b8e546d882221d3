package entente_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// lines writes all lines that the feeds ever had, with all that readers can tell of them.
func (w *feedWorld) lines() []string {
	of := map[int64]*entente.Version{}
	for _, l := range w.log {
		of[w.contents[l.v.Digest]] = l.v
	}
	var out []string
	for place := range w.known {
		for _, known := range w.known[place] {
			for _, k := range known {
				content := k.Content
				if s, ok := w.stamped[content]; ok {
					content = s
				}
				for _, l := range k.Lines {
					out = append(out, fmt.Sprintf("%d %4d %s %s %x by %s added %d gone %d newer %d later %d", place, l.Seq, of[content].ID, of[content].Modified.Text, of[content].Digest[:3], l.Source,
						l.Added, l.Gone, l.Newer, l.Spec))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// entered tells whether a submission ever was in its feed.
func (w *feedWorld) entered(i int) bool {
	l := &w.log[i]
	for _, k := range w.known[l.place][l.v.ID] {
		content := k.Content
		if s, ok := w.stamped[content]; ok {
			content = s
		}
		if content == w.contents[l.v.Digest] && slices.ContainsFunc(k.Lines, func(line entente.Line) bool { return line.Source == l.source }) {
			return true
		}
	}
	return false
}

// happening is a submission, or the departure of one, or a restriction.
type happening struct {
	logged
	leaves   int // 1 and more: which of the submissions leaves, -1: nothing happens
	restrict *entente.Restriction
	terms    *entente.Terms // others are in force, and all is judged again
}

// lives lives through a history, and gives what the feeds had after each event.
func (w *feedWorld) lives(all []happening) (after [][]string) {
	at := map[int]int{} // of the events in the log
	for i, h := range all {
		switch n, held := at[h.leaves-1]; {
		case h.terms != nil:
			w.again(*h.terms)
		case h.restrict != nil:
			w.restrict[h.v.ID] = h.restrict
			w.touch(h.v.ID)
		case h.leaves == 0 && !w.holds(h.logged):
			at[i] = len(w.log)
			h.arrived = int64(i+1) * 1000
			w.submit(h.logged)
			w.take(1)
		case h.leaves > 0 && held:
			w.log[n].deleted = true
			w.touch(w.log[n].v.ID)
		default:
			w.now += 10 // as the others take
		}
		after = append(after, w.lines())
	}
	return after
}

// What never enters, though its marking is within the terms, changes nothing of what does: not
// what stands, not the order, not the times. It may wait, be held back by another content of
// its version, or say who made the object.
func TestAdvanceWithoutWhatNeverEnters(t *testing.T) {
	sources := []string{"home", "a", "b"}
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 2).Draw(t, "places")
		drawn := func(which string) entente.Terms {
			return entente.Terms{Highest: entente.TLPGreen, WithdrawOlder: rapid.Bool().Draw(t, which+"withdraw older"), OpenReferences: rapid.IntRange(0, 2).Draw(t, which+"open") == 0,
				Unmarked: rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPGreen}).Draw(t, which+"unmarked")}
		}
		terms := drawn("")
		open := terms.Unmarked == entente.TLPNone // whether what is unmarked was kept back by that
		objects := pool[:rapid.IntRange(1, 3).Draw(t, "objects")]
		var all []happening
		for n := range rapid.IntRange(2, 12).Draw(t, "events") {
			if n > 0 && rapid.IntRange(0, 5).Draw(t, "leaves") == 0 {
				all = append(all, happening{leaves: rapid.IntRange(1, n).Draw(t, "which")})
				continue
			}
			if rapid.IntRange(0, 7).Draw(t, "amends") == 0 {
				other := drawn("other ")
				all, open = append(all, happening{terms: &other}), open || other.Unmarked == entente.TLPNone
				continue
			}
			v := entente.Version{ID: rapid.SampledFrom(objects).Draw(t, "id"), Spec: entente.Spec21, Modified: day(rapid.IntRange(1, 3).Draw(t, "day")),
				Markings: []entente.ObjectID{entente.TLPGreen.Definition()}}
			if rapid.Bool().Draw(t, "names") {
				v.CreatedBy = identity(rapid.SampledFrom(sources).Draw(t, "whom"))
			}
			switch rapid.IntRange(0, 9).Draw(t, "marking") {
			case 0:
				v.Markings = []entente.ObjectID{entente.TLPRed.Definition()}
			case 1, 2, 3:
				v.Markings = nil
			}
			if rapid.IntRange(0, 2).Draw(t, "refers") == 0 {
				v.References = rapid.SliceOfNDistinct(rapid.SampledFrom(pool[:4]), 0, 2, rapid.ID).Draw(t, "references")
			}
			var restrict *entente.Restriction
			if rapid.IntRange(0, 11).Draw(t, "restricts") == 0 {
				restrict = rapid.SampledFrom([]*entente.Restriction{{}, {To: entente.TLPAmber}, {Withdraw: true}}).Draw(t, "restriction")
			}
			all = append(all, happening{restrict: restrict, logged: logged{place: rapid.IntRange(0, places-1).Draw(t, "place"), source: rapid.SampledFrom(sources).Draw(t, "source"),
				v: sealed(v, rapid.IntRange(1, 2).Draw(t, "variant"))}})
		}
		with := newFeedWorld(t, places, terms)
		want := with.lives(all)
		for i, h := range all {
			if h.terms != nil {
				continue
			}
			red := h.leaves == 0 && slices.Contains(h.v.Markings, entente.TLPRed.Definition())
			if h.leaves != 0 || h.restrict != nil || red || len(h.v.Markings) == 0 && open {
				continue
			}
			n := slices.IndexFunc(with.log, func(l logged) bool { return l.arrived == int64(i+1)*1000 })
			if n < 0 || with.entered(n) {
				continue
			}
			// The same again from its source was nothing new, and without it would be.
			if slices.ContainsFunc(all[i+1:], func(o happening) bool {
				return o.leaves == 0 && o.restrict == nil && o.terms == nil && o.source == h.source && o.place == h.place && o.v.Digest == h.v.Digest
			}) {
				continue
			}
			less := slices.Clone(all)
			less[i].leaves = -1
			without := newFeedWorld(t, places, terms)
			for at, got := range without.lives(less) {
				if !slices.Equal(got, want[at]) {
					t.Fatalf("event %d never enters, and without it after event %d:\n%v\nwith it:\n%v\n%v", i+1, at+1, join(got), join(want[at]), logText(with))
				}
			}
		}
	})
}

// An object that is there already closes no circle: what refers to it need not come with a
// further version of it, and stands in order when that leaves.
func TestAdvanceOrdersBesideWhatIsThere(t *testing.T) {
	green := []entente.ObjectID{entente.TLPGreen.Definition()}
	w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen})
	there, first, last := madeID("tool", "there"), madeID("tool", "first"), madeID("tool", "last")
	put := func(id entente.ObjectID, n int, refs ...entente.ObjectID) {
		w.submit(logged{source: "home", v: sealed(entente.Version{ID: id, Spec: entente.Spec21, Modified: day(n), Markings: green, References: refs}, 1)})
		w.take(1)
	}
	put(there, 2)
	put(last, 1, first)
	put(there, 1, last)
	put(first, 1, there)
	w.log[2].deleted = true
	w.touch(there)
	var got []entente.ObjectID
	for _, e := range w.live() {
		got = append(got, e.v.ID)
	}
	if want := []entente.ObjectID{there, first, last}; !slices.Equal(got, want) {
		t.Errorf("%v stand, in this order; want %v", got, want)
	}
}

// When all is judged again, what enters does so in the order in which it came, and not when its object was first
// heard of: that may have been by something that never enters.
func TestAdvanceAgainInTheOrderOfWhatEnters(t *testing.T) {
	green := []entente.ObjectID{entente.TLPGreen.Definition()}
	for _, hidden := range []bool{false, true} {
		w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen})
		first, late := madeID("tool", "first"), madeID("tool", "late")
		put := func(v entente.Version) {
			v.Spec = entente.Spec21
			w.submit(logged{source: "home", v: sealed(v, 1)})
			w.take(1)
		}
		if hidden {
			put(entente.Version{ID: late, Modified: day(1), Markings: green, References: []entente.ObjectID{madeID("tool", "nowhere")}})
		}
		put(entente.Version{ID: first, Modified: day(1)})
		put(entente.Version{ID: late, Modified: day(2)})
		w.again(entente.Terms{Highest: entente.TLPGreen, Unmarked: entente.TLPGreen})
		var got []entente.ObjectID
		for _, e := range w.live() {
			got = append(got, e.v.ID)
		}
		if want := []entente.ObjectID{first, late}; !slices.Equal(got, want) {
			t.Errorf("hidden %v: %v stand, in this order; want %v", hidden, got, want)
		}
	}
}

// When all is judged again, an entry that comes into view before its turn is looked at in its turn: what it refers to
// may have left before it came into view.
func TestAdvanceAgainLooksAtWhatCameIntoView(t *testing.T) {
	w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPAmberStrict})
	maker, made := madeID("identity", "maker"), madeID("tool", "made")
	put := func(id entente.ObjectID, n int, tlp entente.TLP, refs ...entente.ObjectID) {
		w.submit(logged{source: "home", v: sealed(entente.Version{ID: id, Spec: entente.Spec21, Modified: day(n), Markings: []entente.ObjectID{tlp.Definition()}, References: refs}, 1)})
		w.take(1)
	}
	put(maker, 1, entente.TLPAmberStrict)
	put(made, 2, entente.TLPAmberStrict)
	put(made, 1, entente.TLPGreen, maker)
	if live := w.live(); len(live) != 3 {
		t.Fatalf("%d stand, and 3 may", len(live))
	}
	w.again(entente.Terms{Highest: entente.TLPAmber})
	for _, e := range w.live() {
		t.Errorf("%s of %s stands without what it refers to", e.v.ID, e.v.Modified.Text)
	}
}

// What only moves behind what it refers to, as references are closed, stands as it did: it had its approval.
func TestClosingMovesWhatStands(t *testing.T) {
	w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen, OpenReferences: true})
	refers, to := madeID("tool", "refers"), madeID("tool", "to")
	for _, v := range []entente.Version{{ID: refers, References: []entente.ObjectID{to}}, {ID: to}} {
		v.Spec, v.Modified, v.Markings = entente.Spec21, day(1), []entente.ObjectID{entente.TLPGreen.Definition()}
		w.submit(logged{source: "home", v: sealed(v, 1)})
		w.take(1)
	}
	w.again(entente.Terms{Highest: entente.TLPGreen, Approval: entente.TLPGreen})
	var got []entente.ObjectID
	for _, e := range w.live() {
		got = append(got, e.v.ID)
	}
	if want := []entente.ObjectID{to, refers}; !slices.Equal(got, want) {
		t.Errorf("%v stand, in this order; want %v", got, want)
	}
}

// What only moves has its place before what came earlier and never had it.
func TestWhatMovesKeepsItsPlace(t *testing.T) {
	green, amber := []entente.ObjectID{entente.TLPGreen.Definition()}, []entente.ObjectID{entente.TLPAmber.Definition()}
	w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen, OpenReferences: true})
	id, to := madeID("tool", "two contents"), madeID("tool", "to")
	for n, v := range []entente.Version{{ID: id, Markings: amber}, {ID: id, Markings: green, References: []entente.ObjectID{to}}, {ID: to, Markings: green}} {
		v.Spec, v.Modified = entente.Spec21, day(1)
		w.submit(logged{source: "home", v: sealed(v, n)})
		w.take(1)
	}
	w.again(entente.Terms{Highest: entente.TLPAmber})
	for _, e := range w.live() {
		if e.v.ID == id && e.v.Markings[0] != green[0] {
			t.Error("the other content took the place of what stood and had to move")
		}
	}
	if live := w.live(); len(live) != 2 {
		t.Errorf("%d stand, and 2 may", len(live))
	}
}

// A circle of references that has to move as references are closed is back as a whole, and further changes leave it.
func TestClosingMovesCircles(t *testing.T) {
	for size := 2; size <= 5; size++ {
		w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen, OpenReferences: true})
		var ids []entente.ObjectID
		for n := range size {
			ids = append(ids, madeID("tool", fmt.Sprint("in a circle ", n)))
		}
		last := madeID("tool", "comes last")
		for n := range size + 1 {
			v := entente.Version{ID: last, Spec: entente.Spec21, Modified: day(1), Markings: []entente.ObjectID{entente.TLPGreen.Definition()}}
			if n < size {
				v.ID, v.References = ids[n], []entente.ObjectID{ids[(n+1)%size], last}
			}
			w.submit(logged{source: "home", v: sealed(v, 1)})
			w.take(1)
		}
		for _, open := range []bool{false, false, true, false} {
			w.again(entente.Terms{Highest: entente.TLPGreen, OpenReferences: open})
			if live := w.live(); len(live) != size+1 {
				t.Errorf("of a circle of %d and what it refers to %d stand", size, len(live))
			}
		}
	}
}

// As references are closed, what comes into view by that is held to it too.
func TestClosingHoldsWhatComesIntoView(t *testing.T) {
	w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen, OpenReferences: true})
	id, nowhere := madeID("tool", "two versions"), madeID("tool", "nowhere")
	for _, n := range []int{2, 1} {
		w.submit(logged{source: "home", v: sealed(entente.Version{ID: id, Spec: entente.Spec21, Modified: day(n), References: []entente.ObjectID{nowhere},
			Markings: []entente.ObjectID{entente.TLPGreen.Definition()}}, n)})
		w.take(1)
	}
	w.again(entente.Terms{Highest: entente.TLPGreen})
	if live := w.live(); len(live) != 0 {
		t.Errorf("%d stand, though what they refer to is nowhere", len(live))
	}
}

// Many versions of one object have each their own turn: all leave, and all come again in their order.
func TestAdvanceAgainOfManyVersions(t *testing.T) {
	const versions = 300
	w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPAmber})
	for n := range versions {
		v := entente.Version{ID: madeID("tool", "many"), Spec: entente.Spec21, Modified: day(1), Markings: []entente.ObjectID{entente.TLPAmber.Definition()}}
		v.Modified.Micros += int64(n)
		w.submit(logged{source: "home", v: sealed(v, n)})
	}
	w.take(versions)
	for _, c := range []struct {
		highest entente.TLP
		want    int
	}{{entente.TLPGreen, 0}, {entente.TLPAmber, versions}, {entente.TLPAmber, versions}} {
		w.again(entente.Terms{Highest: c.highest})
		live := w.live()
		if len(live) != c.want || !slices.IsSortedFunc(live, func(x, y liveEntry) int { return cmp.Compare(x.v.Modified.Micros, y.v.Modified.Micros) }) {
			t.Fatalf("up to %s %d stand, and %d may", c.highest, len(live), c.want)
		}
	}
}

// Dissent of home's that may not go binds nothing, also where another has released something by the same id.
func TestHiddenDissentBindsNothing(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen})
		w.dissents = true
		about, before, opinion := madeID("tool", "about"), madeID("tool", "before"), madeID("opinion", "opinion")
		put := func(source string, id entente.ObjectID, n int, tlp entente.TLP, refs ...entente.ObjectID) {
			w.submit(logged{source: source, v: sealed(entente.Version{ID: id, Type: strings.Split(string(id), "--")[0], Spec: entente.Spec21, Modified: day(n),
				Markings: []entente.ObjectID{tlp.Definition()}, References: refs}, 1)})
			w.take(1)
		}
		if hidden {
			put("home", opinion, 1, entente.TLPRed, about)
		}
		put("home", before, 1, entente.TLPGreen, about)
		put("a", opinion, 2, entente.TLPGreen, about)
		put("home", about, 1, entente.TLPGreen)
		var got []entente.ObjectID
		for _, e := range w.live() {
			got = append(got, e.v.ID)
		}
		if want := []entente.ObjectID{about, before, opinion}; !slices.Equal(got, want) {
			t.Errorf("hidden dissent %v: %v stand, in this order; want %v", hidden, got, want)
		}
	}
}
