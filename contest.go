package entente

import (
	"cmp"
	"slices"
)

// slot is a place that one content of an object may have: a version in a feed, or for what has no
// moment of its own the content itself.
type slot struct {
	place   int
	spec    Spec
	key     StampKey
	content int64
}

// slot is the place that a submission would have.
func (s *Submission) slot() slot {
	at := slot{place: s.Place, spec: s.Version.Spec, key: s.Key}
	if s.Key.Micros == Unversioned {
		at.content = s.Content
	}
	return at
}

// slot is the place that an entry has.
func (x *Standing) slot() slot {
	at := slot{place: x.Place, spec: x.Spec, key: x.Key}
	if x.Key.Micros == Unversioned {
		at.content = x.Of
	}
	return at
}

// takenBy tells whether a submission has the place of an entry.
func (x *Standing) takenBy(s *Submission) bool { return x.slot() == s.slot() }

// holder finds the entry that holds the place of a submission, nil if none does.
func (m *Matter) holder(s *Submission) *Standing {
	at := s.slot()
	for i := range m.Standing {
		if m.Standing[i].slot() == at {
			return &m.Standing[i]
		}
	}
	return nil
}

// contest leaves of the candidates of an object that may enter those that have a place: each
// place has one. What is there keeps its place, unless the organisation that made the object
// offers another content; of what comes at once the maker's has it, else what was there and only moves, else what came first. Who
// made it is told by what stands or has stood in the feeds, and where one takes another's place
// by that together with the one. So what never gets a place decides nothing, neither about
// others that come with it nor about later ones: readers do not see it. And as what has stood
// goes on to tell, no contents replace each other by turns.
//
// What gets a place enters, also where another content replaces it in the next look, as who
// made the object is known then: it is as if they had come one after another.
func (a *advance) contest(o *advancing) {
	o.winners = o.winners[:0]
	for i := range o.candidates {
		if c := &o.candidates[i]; !c.dead {
			o.winners = append(o.winners, c)
		}
	}
	slices.SortFunc(o.winners, func(x, y *candidate) int { return x.s.arrival(y.s) })
	if !o.disputed() {
		a.claimed(o, o.claimIn())
		return
	}
	n := a.newContesting(o)
	o.winners = n.run(o.winners)
	o.replaced = o.replaced || n.more
	if len(o.winners) == 0 {
		a.claimed(o, o.claimIn())
		return
	}
	slices.SortFunc(o.winners, func(x, y *candidate) int { return x.s.arrival(y.s) })
	a.claimed(o, foundingOf(n.standing()).named)
}

// disputed tells whether two of the winners, or one and an entry, would have one place.
func (o *advancing) disputed() bool {
	if len(o.winners) < 2 {
		return len(o.winners) == 1 && o.m.holder(o.winners[0].s) != nil
	}
	taken := make(map[slot]bool, len(o.winners)+len(o.m.Standing))
	for i := range o.m.Standing {
		taken[o.m.Standing[i].slot()] = true
	}
	for _, c := range o.winners {
		at := c.s.slot()
		if taken[at] {
			return true
		}
		taken[at] = true
	}
	return false
}

// told is what tells who made an object, where that decides a contest: of what stands or has
// stood in the feeds the submission that came first, and the first that names somebody by each
// source. While feeds are carried on it only grows.
type told struct {
	first *Submission
	names map[string]*Submission
}

func (o *advancing) tells() *told {
	if o.told == nil {
		o.told = &told{names: map[string]*Submission{}}
		stands := o.m.stands()
		for i := range o.m.Submissions {
			if s := &o.m.Submissions[i]; stands(s) || o.m.left[s.resting()] {
				o.told.add(s)
			}
		}
	}
	return o.told
}

func (t *told) add(s *Submission) {
	if t.first == nil || s.before(t.first) {
		t.first = s
	}
	if last := t.names[s.Source]; s.Version.CreatedBy != "" && (last == nil || s.before(last)) {
		t.names[s.Source] = s
	}
}

// named is the claim that counts, together with a submission where that is not nil; nil if there
// is none.
func (t *told) named(with *Submission) *Submission {
	first := t.first
	if first == nil || with != nil && with.before(first) {
		first = with
	}
	if first == nil {
		return nil
	}
	named := t.names[first.Source]
	if with != nil && with.Source == first.Source && with.Version.CreatedBy != "" && (named == nil || with.before(named)) {
		named = with
	}
	return named
}

// contesting is a contest under way.
type contesting struct {
	a     *advance
	m     *Matter
	holds map[slot]holding
	told  *told
	kept  map[resting]bool // what only moves: it has its place before others
	more  bool             // something gets its place when what has just got it stands
}

// holding is what holds a place.
type holding struct {
	of     int64
	source string
	enters bool // it has just got the place, and does not stand yet
}

func (a *advance) newContesting(o *advancing) *contesting {
	n := &contesting{a: a, m: o.m, told: o.tells(), kept: o.kept, holds: make(map[slot]holding, len(o.m.Standing))}
	for i := range o.m.Standing {
		x := &o.m.Standing[i]
		n.holds[x.slot()] = holding{of: x.Of, source: x.Line.Source}
	}
	return n
}

// run gives candidates their places, in the order in which they came, until none gets one any
// more, and leaves those that have one.
func (n *contesting) run(all []*candidate) []*candidate {
	maker := n.a.creatorBy(n.told.named(nil))
	rank := func(c *candidate) int {
		switch {
		case maker != "" && c.s.Source == maker:
			return 0
		case n.kept[c.s.resting()]:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(x, y *candidate) int { return cmp.Compare(rank(x), rank(y)) })
	won := make([]bool, len(all))
	for again := true; again; {
		again, n.more = false, false
		for i, c := range all {
			if won[i] || !n.gets(c.s) {
				continue
			}
			n.holds[c.s.slot()] = holding{of: c.s.Content, source: c.s.Source, enters: true}
			n.told.add(c.s)
			won[i], again = true, true
		}
	}
	kept := all[:0]
	for i, c := range all {
		if won[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

// gets tells whether a submission gets its place now: nothing holds it, or the submission is of
// the object's maker and what holds it is not.
func (n *contesting) gets(s *Submission) bool {
	h, held := n.holds[s.slot()]
	switch {
	case !held:
		return true
	case h.of == s.Content, h.source == s.Source:
		return false // whoever repeats an entry never becomes its origin
	}
	gets := n.a.creatorBy(n.told.named(s)) == s.Source
	n.more = n.more || gets && h.enters
	return gets && !h.enters
}

// standing gives what stands in the end.
func (n *contesting) standing() []*Submission {
	var all []*Submission
	for i := range n.m.Submissions {
		s := &n.m.Submissions[i]
		if h, held := n.holds[s.slot()]; held && h.of == s.Content && h.source == s.Source {
			all = append(all, s)
		}
	}
	return all
}

// creatorBy is the organisation that a claim names as the one that made the object, "" unknown.
func (a *advance) creatorBy(claim *Submission) string {
	if claim == nil {
		return ""
	}
	return a.c.Owner(claim.Version.CreatedBy)
}
