package entente_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// pool are the objects that histories are about.
var pool = func() []entente.ObjectID {
	var out []entente.ObjectID
	for i, typ := range []string{"tool", "indicator", "relationship", "report", "ipv4-addr", "marking-definition", "tool", "relationship"} {
		out = append(out, madeID(typ, fmt.Sprint("pool", i)))
	}
	return out
}()

// sealed finishes a version: equal ones get equal digests.
func sealed(v entente.Version, variant int) *entente.Version {
	v.Type = v.ID.Type()
	v.Spec = max(v.Spec, entente.Spec20)
	v.Digest = sha256.Sum256(fmt.Appendf(nil, "%s %s %s %s %v %v %d %d", v.ID, v.Spec, v.Modified.Text, v.CreatedBy, v.Markings, v.References, v.Confidence, variant))
	return &v
}

func day(n int) entente.Instant {
	at, err := entente.ParseInstant(fmt.Sprintf("2026-01-%02dT00:00:00Z", n))
	if err != nil {
		panic(err)
	}
	return at
}

// drawLogged draws a submission about the pool that need not be released.
func drawLogged(t *rapid.T, places int) logged {
	id := rapid.SampledFrom(pool).Draw(t, "id")
	v := entente.Version{ID: id, Confidence: -1, Spec: entente.Spec21}
	if id.Type() != "ipv4-addr" {
		v.Modified = day(rapid.IntRange(1, 3).Draw(t, "day"))
	}
	if rapid.IntRange(0, 9).Draw(t, "old specification") == 0 {
		v.Spec = entente.Spec20
	}
	v.References = rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, 2, rapid.ID).Draw(t, "references")
	switch tlp := rapid.SampledFrom([]entente.TLP{0, 1, 2, 2, 2, 2, 2, 3, 5}).Draw(t, "marking"); {
	case tlp > 0 && id.Type() != "marking-definition":
		v.Markings = append(v.Markings, tlp.Definition())
	case id.Type() == "marking-definition":
		v.References = nil
	}
	if rapid.IntRange(0, 5).Draw(t, "statement") == 0 && id.Type() != "marking-definition" {
		v.Markings = append(v.Markings, pool[5])
		if !slices.Contains(v.References, pool[5]) {
			v.References = append(v.References, pool[5])
		}
	}
	if rapid.Bool().Draw(t, "named") {
		v.CreatedBy = identity(rapid.SampledFrom([]string{"a", "b", "home"}).Draw(t, "creator"))
	}
	return logged{place: rapid.IntRange(0, places-1).Draw(t, "place"), source: rapid.SampledFrom([]string{"home", "a", "b"}).Draw(t, "source"),
		v: sealed(v, rapid.IntRange(1, 2).Draw(t, "variant"))}
}

func (w *feedWorld) holds(l logged) bool {
	return slices.ContainsFunc(w.log, func(o logged) bool {
		return !o.deleted && o.place == l.place && o.source == l.source && o.v.Digest == l.v.Digest
	})
}

func drawTerms(t *rapid.T) entente.Terms {
	return entente.Terms{
		Highest:       rapid.SampledFrom([]entente.TLP{entente.TLPGreen, entente.TLPGreen, entente.TLPAmber}).Draw(t, "highest"),
		Unmarked:      rapid.SampledFrom([]entente.TLP{0, 0, entente.TLPGreen}).Draw(t, "unmarked"),
		WithdrawOlder: rapid.Bool().Draw(t, "withdraw older"), OpenReferences: rapid.IntRange(0, 7).Draw(t, "open") == 0,
	}
}

// allowed is the rule for submissions of these histories, references apart: written anew.
func (w *feedWorld) allowed(i int, stands bool) bool {
	terms := &w.agreement.Terms
	level := func(l *logged) entente.TLP {
		m := entente.TLPNone
		for _, id := range l.v.Markings {
			if id == pool[5] {
				if !slices.ContainsFunc(w.log[:w.taken], func(o logged) bool { return o.v.ID == id && !o.deleted }) {
					return entente.TLPRed // unknown
				}
				continue
			}
			for tlp := entente.TLPClear; tlp <= entente.TLPRed; tlp++ {
				if slices.Contains(tlp.Definitions(), id) {
					m = max(m, tlp)
				}
			}
		}
		if m = max(m, w.floors[l.place]); m == entente.TLPNone {
			m = terms.Unmarked
		}
		if m == entente.TLPNone {
			return entente.TLPRed
		}
		if k := w.restrict[l.v.ID]; k != nil {
			if k.Withdraw {
				return entente.TLPRed
			}
			m = max(m, k.To)
		}
		return m
	}
	l := &w.log[i]
	marked := func(l *logged) bool {
		if l.v.Type == "marking-definition" {
			k := w.restrict[l.v.ID]
			return k == nil || !k.Withdraw && k.To <= terms.Highest && k.To < entente.TLPRed
		}
		return level(l) <= terms.Highest && level(l) < entente.TLPRed
	}
	if !marked(l) || slices.Contains(terms.ExceptTypes, l.v.Type) {
		return false
	}
	if !w.decided(l, stands, level(l)) {
		return false
	}
	var newest *logged
	for n := range w.log[:w.taken] {
		o := &w.log[n]
		if o.deleted || o.v.ID != l.v.ID || o.source != l.source || o.v.Digest == l.v.Digest || marked(o) {
			continue
		}
		newer := o.v.Modified.Compare(l.v.Modified) > 0
		if l.v.Modified.IsZero() {
			newer = o.arrived > l.arrived
		}
		if newer && (newest == nil || o.v.Modified.Compare(newest.v.Modified) > 0 || o.v.Modified.IsZero() && o.arrived > newest.arrived) {
			newest = o
		}
	}
	return newest == nil || stands && w.keeps(newest)
}

func sameVersion(x, y *entente.Version) bool {
	return x.Digest == y.Digest || x.ID == y.ID && x.Spec == y.Spec && !x.Modified.IsZero() && x.Modified.Compare(y.Modified) == 0
}

// check holds the feeds against the rules, by brute force.
func (w *feedWorld) check() {
	w.t.Helper()
	live := w.live()
	there := map[entente.ObjectID]bool{}
	refers := map[entente.ObjectID][]entente.ObjectID{}
	stands := map[int]bool{}
	for _, e := range live {
		there[e.v.ID] = true
		if e.i < 0 {
			w.t.Fatalf("%+v stands, and its source has deleted it", e)
		}
		stands[e.i] = true
		if !w.allowed(e.i, true) {
			w.t.Fatalf("%+v stands, and the rule does not let it", e)
		}
	}
	for _, l := range w.log[:w.taken] { // a circle may have been one when it entered
		refers[l.v.ID] = append(refers[l.v.ID], l.v.References...)
	}
	var reaches func(from, to entente.ObjectID, seen map[entente.ObjectID]bool) bool
	reaches = func(from, to entente.ObjectID, seen map[entente.ObjectID]bool) bool {
		if from == to {
			return true
		}
		if seen[from] {
			return false
		}
		seen[from] = true
		return slices.ContainsFunc(refers[from], func(id entente.ObjectID) bool { return reaches(id, to, seen) })
	}
	open := w.agreement.Terms.OpenReferences
	for n, e := range live {
		for _, id := range e.v.References {
			if open || id == e.v.ID || w.vocab[id] {
				continue
			}
			if !there[id] {
				w.t.Fatalf("%s refers to %s, which is not there", e.v.ID, id)
			}
			before := slices.ContainsFunc(live, func(o liveEntry) bool {
				return o.v.ID == id && (o.place != e.place || o.line.Seq < e.line.Seq)
			})
			if !before && !reaches(id, e.v.ID, map[entente.ObjectID]bool{}) {
				w.t.Fatalf("%s at %d refers to %s, which stands behind it and in no circle with it:\n%v", e.v.ID, e.line.Seq, id, w.told())
			}
		}
		for _, o := range live[:n] {
			if o.place == e.place && sameVersion(o.v, e.v) {
				w.t.Fatalf("%+v and %+v have one place", o, e)
			}
		}
		w.checkShown(e, live)
	}
	// Nothing is left out that could enter.
	could := map[int]bool{}
	for i := range w.log[:w.taken] {
		held := slices.ContainsFunc(live, func(e liveEntry) bool { return e.place == w.log[i].place && sameVersion(e.v, w.log[i].v) })
		if !w.log[i].deleted && !held && w.allowed(i, false) {
			could[i] = true
		}
	}
	missing := func(i int) []entente.ObjectID {
		var out []entente.ObjectID
		for _, id := range w.log[i].v.References {
			if !open && id != w.log[i].v.ID && !w.vocab[id] && !there[id] {
				out = append(out, id)
			}
		}
		return out
	}
	for i := range could {
		// A wait need not name what has gone since; it names nothing that is there.
		at := slices.IndexFunc(w.waits, func(row entente.Wait) bool {
			return row.Reason == entente.AwaitsReferences && row.Place == w.log[i].place && row.Seq == w.log[i].seq
		})
		if at < 0 || len(w.waits[at].Awaits) == 0 || slices.ContainsFunc(w.waits[at].Awaits, func(id entente.ObjectID) bool {
			return !slices.Contains(missing(i), id) && (!w.dissents || id.Type() != "opinion" || there[id])
		}) {
			w.t.Fatalf("%s at %d is pending for %v, and no wait tells of it: %+v\n%s\n%s", w.log[i].v.ID, w.log[i].seq, missing(i), w.waits, join(w.told()), logText(w))
		}
	}
	for again := true; again; {
		again = false
		for i := range could {
			for _, id := range missing(i) {
				provided := false
				for k := range could {
					provided = provided || w.log[k].v.ID == id
				}
				if !provided {
					delete(could, i)
					again = true
				}
			}
		}
	}
	for i := range could {
		w.t.Fatalf("%s of %s could enter, and does not:\n%v\n%+v", w.log[i].v.ID, w.log[i].source, w.told(), w.waits)
	}
}

// checkShown holds what readers get by default against what stands.
func (w *feedWorld) checkShown(e liveEntry, live []liveEntry) {
	w.t.Helper()
	var first, claim *logged
	var creator string
	for i := range live {
		if l := &w.log[live[i].i]; l.v.ID == e.v.ID && (first == nil || l.arrived < first.arrived) {
			first = l
		}
	}
	mine := map[string]bool{}
	latest := map[string]entente.Spec{}
	for i := range live {
		o := &live[i]
		if o.v.ID != e.v.ID {
			continue
		}
		l := &w.log[o.i]
		if l.source == first.source && l.v.CreatedBy != "" && (claim == nil || l.arrived < claim.arrived) {
			claim, creator = l, owner(l.v.CreatedBy)
		}
		if o.place == e.place {
			mine[o.source] = true
			latest[o.source] = max(latest[o.source], o.v.Spec)
		}
	}
	shown := e.line.Newer == 0 && e.line.Spec == 0
	newest := true
	for _, o := range live {
		if o.v.ID != e.v.ID || o.place != e.place || o.line.Seq == e.line.Seq {
			continue
		}
		if shown && o.line.Newer == 0 && o.line.Spec == 0 {
			w.t.Fatalf("two versions of %s are shown: %v", e.v.ID, w.told())
		}
		if o.source == e.source && o.v.Spec == e.v.Spec {
			if c := o.v.Key().Compare(e.v.Key()); c > 0 || c == 0 && o.line.Seq > e.line.Seq {
				newest = false
			}
		}
	}
	if shown && (!newest || e.v.Spec != latest[e.source]) {
		w.t.Fatalf("%s: an older version is shown: %v", e.v.ID, w.told())
	}
	if shown && mine[creator] && e.source != creator {
		w.t.Fatalf("%s: %s supersedes its creator %s: %v", e.v.ID, e.source, creator, w.told())
	}
	if !slices.ContainsFunc(live, func(o liveEntry) bool {
		return o.v.ID == e.v.ID && o.place == e.place && o.line.Newer == 0 && o.line.Spec == 0
	}) {
		w.t.Fatalf("no version of %s is shown: %v", e.v.ID, w.told())
	}
}

// drawSplit cuts a number of events into rounds of steps.
func drawSplit(t *rapid.T, n int) [][]int {
	var out [][]int
	var round []int
	for n > 0 {
		k := rapid.IntRange(1, n).Draw(t, "step")
		n -= k
		round = append(round, k)
		if rapid.Bool().Draw(t, "round") {
			out, round = append(out, round), nil
		}
	}
	if round != nil {
		out = append(out, round)
	}
	return out
}

// Whatever comes, goes and is decided, the feeds hold what the rules say, and nothing else.
func TestAdvanceHoldsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 3).Draw(t, "places")
		w := newFeedWorld(t, places, drawTerms(t))
		if rapid.Bool().Draw(t, "vocabulary") {
			w.name(rapid.SampledFrom(pool).Draw(t, "of vocabulary"))
		}
		w.floors[0] = rapid.SampledFrom([]entente.TLP{0, 0, entente.TLPGreen}).Draw(t, "floor")
		for range rapid.IntRange(1, 10).Draw(t, "events") {
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			default:
				n := 0
				for range rapid.IntRange(1, 6).Draw(t, "batch") {
					if l := drawLogged(t, places); !w.holds(l) {
						w.submit(l)
						n++
					}
				}
				for _, round := range drawSplit(t, n) {
					w.take(round...)
					w.check()
				}
			case 0:
				if len(w.log) > 0 {
					l := &w.log[rapid.IntRange(0, len(w.log)-1).Draw(t, "deleted")]
					l.deleted = true
					touched := []entente.ObjectID{l.v.ID}
					if l.v.ID == pool[5] { // what it marks is to be judged again
						touched = pool
					}
					w.touch(touched...)
				}
			case 1:
				id := rapid.SampledFrom(pool).Draw(t, "restricted")
				w.restrict[id] = rapid.SampledFrom([]*entente.Restriction{nil, {To: entente.TLPAmber}, {To: entente.TLPRed}, {To: entente.TLPGreen}, {Withdraw: true}}).Draw(t, "restriction")
				w.touch(id)
			}
			w.check()
		}
	})
}

// How the accept log falls into steps and rounds changes nothing: not what stands, not its
// order, not what readers get.
func TestAdvanceIsIndependentOfSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 3).Draw(t, "places")
		terms := drawTerms(t)
		terms.RequireDissent = rapid.Bool().Draw(t, "dissent")
		var log []logged
		for range rapid.IntRange(1, 16).Draw(t, "submissions") {
			l := drawLogged(t, places)
			if rapid.IntRange(0, 4).Draw(t, "dissents") == 0 {
				l = drawOpinion(t, places)
			}
			log = append(log, l)
		}
		run := func(split func(int) [][]int) *feedWorld {
			w := newFeedWorld(t, places, terms)
			w.dissents = true
			for _, l := range log {
				if !w.holds(l) {
					w.submit(l)
				}
			}
			for _, round := range split(len(w.log)) {
				w.take(round...)
			}
			return w
		}
		one := run(func(n int) [][]int { return slices.Repeat([][]int{{1}}, n) })
		other := run(func(n int) [][]int { return drawSplit(t, n) })
		whole := run(func(n int) [][]int { return [][]int{{n}} })
		for name, w := range map[string]*feedWorld{"split": other, "at once": whole} {
			if !slices.Equal(one.told(), w.told()) {
				t.Fatalf("one by one:\n%v\n%s:\n%v\nlog %v", join(one.told()), name, join(w.told()), logText(one))
			}
		}
	})
}

func join(lines []string) string {
	out := ""
	for _, l := range lines {
		out += l + "\n"
	}
	return out
}

func logText(w *feedWorld) string {
	out := ""
	for _, l := range w.log {
		out += fmt.Sprintf("%d %v %s %s %x by %s of %s markings %v refers %v\n", l.place, l.deleted, l.v.ID, l.v.Modified.Text, l.v.Digest[:3], l.source, owner(l.v.CreatedBy), l.v.Markings, l.v.References)
	}
	for id, all := range w.decisions {
		for _, d := range all {
			out += fmt.Sprintf("%s %s %x by %s\n", id, d.Action, d.Digest[:3], d.Account)
		}
	}
	return out
}

// Submissions that never enter do not show: what stands, and its order, is the same.
func TestAdvanceKeepsTheHiddenHidden(t *testing.T) {
	secret := []entente.ObjectID{madeID("tool", "secret"), madeID("relationship", "secret"), madeID("note", "secret")}
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 2).Draw(t, "places")
		terms := drawTerms(t)
		terms.Unmarked, terms.OpenReferences, terms.ExceptTypes = 0, false, []string{"note"}
		terms.RequireDissent = rapid.Bool().Draw(t, "dissent")
		var log, with []logged
		hide := func() {
			n := rapid.IntRange(0, 3).Draw(t, "hidden")
			for range n {
				l := drawLogged(t, places)
				l.source = "other" // a newer version of one source may count: rule 5
				if rapid.Bool().Draw(t, "claims") {
					l.v.CreatedBy = identity("b")
				}
				switch rapid.IntRange(0, 3).Draw(t, "why hidden") {
				case 0: // red
					l.v.Markings = append(slices.Clone(l.v.Markings), entente.TLPRed.Definition())
				case 1: // refers to what is not released
					l.v.References = append([]entente.ObjectID{secret[0]}, l.v.References...)
					l.v.Markings = []entente.ObjectID{entente.TLPGreen.Definition()}
				case 2: // unmarked, of an id of its own
					l.v.ID, l.v.Markings = secret[rapid.IntRange(0, 1).Draw(t, "secret")], nil
				case 3: // of a type that the terms leave out
					l.v.ID, l.v.Markings = secret[2], []entente.ObjectID{entente.TLPGreen.Definition()}
				}
				if l.v.ID.Type() == "marking-definition" {
					continue // these need no marking
				}
				if l.v.ID == secret[0] {
					l.v.Markings = []entente.ObjectID{entente.TLPRed.Definition()}
				}
				l.v = sealed(*l.v, 7)
				with = append(with, l)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "submissions") {
			hide()
			l := drawLogged(t, places)
			if rapid.IntRange(0, 3).Draw(t, "dissents") == 0 {
				l = drawOpinion(t, places)
			}
			log, with = append(log, l), append(with, l)
		}
		hide()
		run := func(log []logged) *feedWorld {
			w := newFeedWorld(t, places, terms)
			w.dissents = true
			for _, l := range log {
				if !w.holds(l) {
					w.submit(l)
				}
			}
			for _, round := range drawSplit(t, len(w.log)) {
				w.take(round...)
			}
			return w
		}
		if plain, more := run(log), run(with); !slices.Equal(plain.told(), more.told()) {
			t.Fatalf("without:\n%v\nwith:\n%v\nlog:\n%v", join(plain.told()), join(more.told()), logText(more))
		}
	})
}

// Without contests and with older versions withdrawn, what stands is a function of what is
// there: the largest set that the rule lets go and that refers to nothing outside.
func TestAdvanceAgainstTheLargestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := drawTerms(t)
		terms.WithdrawOlder = true
		w := newFeedWorld(t, 1, terms)
		for range rapid.IntRange(1, 14).Draw(t, "events") {
			switch l := drawLogged(t, 1); {
			case rapid.IntRange(0, 3).Draw(t, "delete") == 0 && len(w.log) > 0:
				l := &w.log[rapid.IntRange(0, len(w.log)-1).Draw(t, "deleted")]
				l.deleted = true
				w.touch(pool...)
			case !slices.ContainsFunc(w.log, func(o logged) bool { return sameVersion(o.v, l.v) }):
				w.submit(l)
				w.take(1)
			}
			in := map[int]bool{}
			for i := range w.log {
				in[i] = !w.log[i].deleted && w.allowed(i, false)
			}
			for again := true; again; {
				again = false
				for i := range in {
					for _, id := range w.log[i].v.References {
						if in[i] && !terms.OpenReferences && id != w.log[i].v.ID && !slices.ContainsFunc(w.log, func(o logged) bool {
							return o.v.ID == id && in[slices.IndexFunc(w.log, func(p logged) bool { return p.v == o.v })]
						}) {
							in[i], again = false, true
						}
					}
				}
			}
			got := map[int]bool{}
			for _, e := range w.live() {
				got[e.i] = true
			}
			for i := range w.log {
				if in[i] != got[i] {
					t.Fatalf("%s %s: stands %v, the reference says %v\n%v\n%v", w.log[i].v.ID, w.log[i].v.Modified.Text, got[i], in[i], join(w.told()), logText(w))
				}
			}
		}
	})
}
