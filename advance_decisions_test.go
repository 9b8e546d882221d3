package entente_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// drawOpinion draws an opinion about one or two objects of the pool.
func drawOpinion(t *rapid.T, places int) logged {
	return logged{
		place: rapid.IntRange(0, places-1).Draw(t, "place of opinion"), source: rapid.SampledFrom([]string{"home", "a", "b"}).Draw(t, "source of opinion"),
		v: sealed(entente.Version{ID: madeID("opinion", fmt.Sprint(rapid.IntRange(1, 2).Draw(t, "opinion"))), Modified: day(1), Spec: entente.Spec21,
			Markings:   rapid.SampledFrom([][]entente.ObjectID{{entente.TLPGreen.Definition()}, {entente.TLPRed.Definition()}}).Draw(t, "of opinion"),
			References: rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 1, 2, rapid.ID).Draw(t, "about")}, 1),
	}
}

// decided is rule 7 for a submission of a marking, written anew: whether decisions let it go.
func (w *feedWorld) decided(l *logged, stands bool, level entente.TLP) bool {
	var word, withdrawn entente.Action // the last word about its release, and about whether it stays
	approved := map[string]bool{}
	urgent := false
	for _, d := range w.decisions[l.v.ID] {
		if d.Digest != (entente.Digest{}) && d.Digest != l.v.Digest {
			continue
		}
		switch d.Action {
		case entente.Approve:
			approved[d.Account], word, withdrawn = true, d.Action, d.Action
		case entente.Urgent:
			urgent, word, withdrawn = true, d.Action, d.Action
		case entente.Refuse:
			urgent, word = false, d.Action
			clear(approved)
		case entente.Withdraw:
			urgent, word, withdrawn = false, d.Action, d.Action
			clear(approved)
		}
	}
	switch asks := w.agreement.Terms.Approval; {
	case withdrawn == entente.Withdraw, word == entente.Refuse:
		return false
	case stands, asks == entente.TLPNone, level < asks, l.v.Type == "marking-definition":
		return true
	}
	return urgent || len(approved) >= 2
}

// keeps tells whether an older version stays beside a newer one that is stricter than the terms.
func (w *feedWorld) keeps(newest *logged) bool {
	last := entente.NoAction
	for _, d := range w.decisions[newest.v.ID] {
		if d.Digest == newest.v.Digest && (d.Action == entente.Keep || d.Action == entente.Withdraw || d.Action == entente.Tearline) {
			last = d.Action
		}
	}
	return last == entente.Keep || last == entente.NoAction && !w.agreement.Terms.WithdrawOlder
}

// rests fails unless judging everything again changes nothing.
func (w *feedWorld) rests() {
	w.t.Helper()
	before := w.told()
	ids := slices.Clone(pool)
	for n := range 2 {
		ids = append(ids, madeID("opinion", fmt.Sprint(n+1)))
	}
	if out := w.touch(ids...); out.Entered+out.Left > 0 {
		w.t.Fatalf("judged again, %d enter and %d leave:\n%v\nthen:\n%v\nlog:\n%v\n%+v", out.Entered, out.Left, join(before), join(w.told()), logText(w), w.waits)
	}
}

// Whatever is decided in whatever order, the feeds hold what the rules say, and what an
// approval is missing for is pending.
func TestAdvanceOfDecisions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 2).Draw(t, "places")
		terms := drawTerms(t)
		terms.Approval = rapid.SampledFrom([]entente.TLP{0, entente.TLPClear, entente.TLPGreen, entente.TLPAmber}).Draw(t, "approval")
		contests := rapid.Bool().Draw(t, "contests")
		w := newFeedWorld(t, places, terms)
		for range rapid.IntRange(1, 20).Draw(t, "events") {
			if len(w.log) == 0 || rapid.IntRange(0, 2).Draw(t, "comes") == 0 {
				l := drawLogged(t, places)
				// Of one version of one source it would be chance which of two is the newest.
				if slices.ContainsFunc(w.log, func(o logged) bool { return (!contests || o.source == l.source) && sameVersion(o.v, l.v) }) {
					continue
				}
				w.submit(l)
				w.take(1)
			} else {
				l := rapid.SampledFrom(w.log).Draw(t, "about")
				d := entente.Decision{Object: l.v.ID, Account: rapid.SampledFrom([]string{"ann", "ben", "cem"}).Draw(t, "who"),
					Action: rapid.SampledFrom([]entente.Action{entente.Approve, entente.Approve, entente.Approve, entente.Refuse, entente.Keep, entente.Withdraw, entente.Urgent, entente.Tearline}).Draw(t, "action")}
				if rapid.Bool().Draw(t, "of the version") {
					d.Digest = l.v.Digest
				}
				w.decisions[l.v.ID] = append(w.decisions[l.v.ID], d)
				w.touch(l.v.ID)
			}
			w.check()
			live := w.live()
			for i := range w.log {
				l := &w.log[i]
				waits := slices.ContainsFunc(w.waits, func(row entente.Wait) bool {
					return row.Place == l.place && row.Seq == l.seq && row.Reason == entente.AwaitsApproval
				})
				stands := slices.ContainsFunc(live, func(e liveEntry) bool { return e.i == i })
				if waits && (stands || w.allowed(i, false)) {
					t.Fatalf("%s at %d awaits an approval, and stands: %v, needs none: %v", l.v.ID, l.seq, stands, w.allowed(i, false))
				}
			}
			w.rests()
		}
	})
}

// What waits for time alone is due, and what is due is all that time changes.
func TestAdvanceOfDues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 2).Draw(t, "places")
		terms := drawTerms(t)
		terms.RequireDissent = true
		w := newFeedWorld(t, places, terms)
		w.dissents = true
		for range rapid.IntRange(1, 16).Draw(t, "events") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				l := drawLogged(t, places)
				if rapid.Bool().Draw(t, "dissents") {
					l = drawOpinion(t, places)
				}
				contested := slices.ContainsFunc(w.log, func(o logged) bool { return sameVersion(o.v, l.v) })
				if l.arrived = w.now; !contested {
					w.submit(l)
					w.take(1)
				}
			case 2:
				w.now += int64(rapid.IntRange(1, 40).Draw(t, "hours")) * 3600 * 1_000_000
				w.overdue()
			case 3:
				id := rapid.SampledFrom(pool).Draw(t, "restricted")
				w.restrict[id] = rapid.SampledFrom([]*entente.Restriction{nil, {To: entente.TLPRed}}).Draw(t, "restriction")
				w.touch(id)
			}
			w.rests()
		}
		w.now += entente.DissentWait
		w.overdue()
		w.rests()
		w.check() // nothing is held back any more
	})
}

// overdue has judged again what is due.
func (w *feedWorld) overdue() {
	var ids []entente.ObjectID
	w.due = slices.DeleteFunc(w.due, func(d entente.Due) bool {
		if d.At > w.now {
			return false
		}
		if !slices.Contains(ids, d.Object) {
			ids = append(ids, d.Object)
		}
		return true
	})
	w.touch(ids...)
}

// Dissent that its references keep out holds a version back for 72 hours from when it came,
// to the microsecond, and enters when it can.
func TestAdvanceWaitsForDissent(t *testing.T) {
	green := []entente.ObjectID{entente.TLPGreen.Definition()}
	object, missing := madeID("tool", "object"), madeID("tool", "missing")
	made := func(id entente.ObjectID, by string, refs ...entente.ObjectID) *entente.Version {
		v := entente.Version{ID: id, Spec: entente.Spec21, Modified: day(1), Markings: green, References: refs}
		if by != "" {
			v.CreatedBy = identity(by)
		}
		return sealed(v, 1)
	}
	for _, c := range []struct {
		name, dissenter, maker string
		require, waits         bool
	}{
		{"home, carried", "home", "", false, false},
		{"home, required", "home", "", true, true},
		{"the maker, required", "a", "a", true, true},
		{"another, required", "b", "a", true, false},
		{"another, of what nobody made, required", "b", "", true, false},
	} {
		w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen, RequireDissent: c.require})
		w.dissents = true
		stands := func(id entente.ObjectID) bool {
			return slices.ContainsFunc(w.live(), func(e liveEntry) bool { return e.v.ID == id })
		}
		view := madeID("opinion", "view")
		w.submit(logged{v: made(view, "", object, missing), source: c.dissenter, arrived: 10})
		w.submit(logged{v: made(object, c.maker), source: "home", arrived: 20})
		w.take(1, 1)
		if stands(object) == c.waits || stands(view) {
			t.Errorf("%s: the object stands: %v, its dissent: %v", c.name, stands(object), stands(view))
		}
		if c.waits {
			want := []entente.Due{{Object: object, At: 20 + entente.DissentWait}}
			if !slices.Equal(w.due, want) || w.waits[0].Reason != entente.AwaitsDissent && w.waits[1].Reason != entente.AwaitsDissent {
				t.Errorf("%s: due %v, want %v; waits %+v", c.name, w.due, want, w.waits)
			}
			w.now = 20 + entente.DissentWait - 1 - 10 // touch takes 10
			if w.touch(object); stands(object) {
				t.Errorf("%s: it enters before 72 hours are over", c.name)
			}
			w.now -= 9
			if w.touch(object); !stands(object) {
				t.Errorf("%s: it waits after 72 hours", c.name)
			}
		}
		w.submit(logged{v: made(missing, ""), source: "home", arrived: w.now})
		if w.take(1); !stands(object) || !stands(view) {
			t.Errorf("%s, all there: the object stands: %v, its dissent: %v", c.name, stands(object), stands(view))
		}
	}
}

// What dissent waits for comes: both enter together, and before the 72 hours are over.
func TestAdvanceBindsDissent(t *testing.T) {
	green := []entente.ObjectID{entente.TLPGreen.Definition()}
	object, missing, view := madeID("tool", "object"), madeID("tool", "missing"), madeID("opinion", "view")
	w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen, RequireDissent: true, Approval: entente.TLPGreen})
	w.dissents = true
	for i, v := range []entente.Version{{ID: view, References: []entente.ObjectID{object, missing}}, {ID: object}, {ID: missing}} {
		v.Spec, v.Modified, v.Markings = entente.Spec21, day(1), green
		w.submit(logged{v: sealed(v, 1), source: "home", arrived: int64(10 + i)})
	}
	w.take(3)
	decide := func(id entente.ObjectID, want ...entente.ObjectID) {
		t.Helper()
		w.decisions[id] = []entente.Decision{{Object: id, Action: entente.Urgent}}
		w.touch(id)
		var got []entente.ObjectID
		for _, e := range w.live() {
			got = append(got, e.v.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after %s was released there stand %v, want %v", id, got, want)
		}
	}
	decide(object)
	decide(missing)                     // the view is about both
	decide(view, object, missing, view) // by a decision about the dissent alone, and behind both
}

// The logs of two collections may be read at different speeds: what stands holds to the rules,
// and where sources contest nothing it is the same.
func TestAdvanceOfLogsAtDifferentSpeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const places = 2
		terms := drawTerms(t)
		contests := rapid.Bool().Draw(t, "contests")
		terms.WithdrawOlder = terms.WithdrawOlder || !contests
		var log [places][]logged
		var all []logged
		for n := range rapid.IntRange(1, 14).Draw(t, "submissions") {
			l := drawLogged(t, places)
			if !contests && slices.ContainsFunc(all, func(o logged) bool { return sameVersion(o.v, l.v) }) {
				continue
			}
			l.arrived = int64(n+1) * 1000
			all = append(all, l)
			log[l.place] = append(log[l.place], l)
		}
		run := func(faster func() int) *feedWorld {
			w := newFeedWorld(t, places, terms)
			for left := log; len(left[0])+len(left[1]) > 0; {
				p := faster()
				if len(left[p]) == 0 {
					p = 1 - p
				}
				if l := left[p][0]; !w.holds(l) {
					w.submit(l)
				}
				left[p] = left[p][1:]
			}
			for _, round := range drawSplit(t, len(w.log)) {
				w.take(round...)
				w.check()
			}
			w.rests()
			return w
		}
		stands := func(w *feedWorld) []string {
			var out []string
			for _, e := range w.live() {
				out = append(out, fmt.Sprintf("%d %s %x %s", e.place, e.v.ID, e.v.Digest, e.source))
			}
			slices.Sort(out)
			return out
		}
		apart := stands(run(func() int { return rapid.IntRange(0, 1).Draw(t, "faster") }))
		if after := stands(run(func() int { return 1 })); !contests && !slices.Equal(apart, after) {
			t.Fatalf("side by side:\n%s\none after the other:\n%s", join(apart), join(after))
		}
	})
}

// Sources that name each other as those who made what they contest, in objects that refer
// to each other in circles, do not keep the feeds going round.
func TestAdvanceEndsCirclesOfClaims(t *testing.T) {
	sources := []string{"home", "a", "b"}
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 2).Draw(t, "places")
		w := newFeedWorld(t, places, entente.Terms{Highest: entente.TLPGreen})
		for n := range rapid.IntRange(1, 30).Draw(t, "events") {
			if len(w.log) > 0 && rapid.IntRange(0, 5).Draw(t, "deletes") == 0 {
				l := &w.log[rapid.IntRange(0, len(w.log)-1).Draw(t, "deleted")]
				l.deleted = true
				w.touch(l.v.ID)
			}
			at := rapid.IntRange(0, 2).Draw(t, "object")
			w.submit(logged{
				place: rapid.IntRange(0, places-1).Draw(t, "place"), source: rapid.SampledFrom(sources).Draw(t, "source"),
				v: sealed(entente.Version{ID: pool[at], Spec: entente.Spec21, Modified: day(rapid.IntRange(1, 2).Draw(t, "day")),
					Markings: []entente.ObjectID{entente.TLPGreen.Definition()}, CreatedBy: identity(rapid.SampledFrom(sources).Draw(t, "names")),
					References: rapid.SliceOfNDistinct(rapid.SampledFrom(pool[:3]), 0, 2, rapid.ID).Draw(t, "references")}, n),
			})
			w.take(1)
			w.check()
		}
		if len(w.due) > 0 {
			t.Fatalf("it went round and was ended: %v\n%s", w.due, logText(w))
		}
	})
}

// A content that gave way to its maker's goes on to claim who the maker is, in whatever steps
// the log is read.
func TestAdvanceRemembersClaims(t *testing.T) {
	run := func(rounds ...[]int) []string {
		w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen})
		for i, by := range []string{"home", "a", "b"} {
			w.submit(logged{source: by, v: sealed(entente.Version{ID: pool[0], Spec: entente.Spec21, Modified: day(1),
				Markings: []entente.ObjectID{entente.TLPGreen.Definition()}, CreatedBy: identity([]string{"a", "b", "a"}[i])}, i)})
		}
		for _, round := range rounds {
			w.take(round...)
		}
		return w.told()
	}
	apart := run([]int{1}, []int{1}, []int{1})
	if one := run([]int{3}); !slices.Equal(apart, one) || len(one) != 1 {
		t.Errorf("one by one:\n%s\nat once:\n%s", join(apart), join(one))
	}
}
