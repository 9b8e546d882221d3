package entente

import (
	"cmp"
	"slices"
)

// Library tells an [Advance] what it asks for, all of one state of the node.
type Library interface {
	// Matters reads objects as [Circumstances.Agreement] has them; those of which nothing is
	// known may be missing.
	Matters(ids []ObjectID) ([]*Matter, error)
	// Present tells where objects are for references to them.
	Present(ids []ObjectID) (map[ObjectID]Presence, error)
	// Waiting lists the objects among ids of which something waits, and those that wait for one of ids.
	Waiting(ids []ObjectID) ([]ObjectID, error)
	// Referrers lists the objects that stand in the feeds and refer to one of ids.
	Referrers(ids []ObjectID) ([]ObjectID, error)
}

// Presence tells where an object is, for references to it.
type Presence uint8

// The places where an object may be, as bits.
const (
	InFeed       Presence = 1 << iota // some version stands in one of the agreement's feeds
	InVocabulary                      // it belongs to a vocabulary that the terms name
)

// Advanced is what an [Advance] wants written.
type Advanced struct {
	Feeds    []Change     // per feed of the agreement that moves: lines, marks, the new head
	Contents []NewContent // stamped copies that the store does not have
	Stamped  [][2]int64   // the content of a copy, and of what was submitted
	Settled  []ObjectID   // objects whose waits are replaced by those of Waits
	Waits    []Wait
	Due      []Due      // objects to be judged again at a time
	In       []ObjectID // objects of which something entered
	Entered  int        // entries appended
	Left     int        // entries withdrawn
}

// Wait is a submission that waits.
type Wait struct {
	Object  ObjectID
	Place   int
	Seq     int64 // in the accept log
	Content int64
	Reason  Reason
	Awaits  []ObjectID
}

// Due is an object to be judged again at a time, in microseconds since 1970.
type Due struct {
	Object ObjectID
	At     int64
}

// Advance carries an agreement's feeds on. Each step lists objects about which something is
// new: submissions that are part of that step, departures from the accept logs, decisions.
// The entries and their order depend on what came in which order, not on how it falls into
// steps: a version enters when the last thing that it waited for is there, before whatever
// came later.
func Advance(c *Circumstances, lib Library, steps [][]ObjectID) (Advanced, error) {
	a := &advance{c: c, lib: lib, objects: map[ObjectID]*advancing{}, presence: map[ObjectID]Presence{},
		asked: map[ObjectID]bool{}, awaiting: map[ObjectID][]*advancing{}, shaken: map[ObjectID]bool{}}
	for _, f := range c.Agreement.Feeds {
		a.journals = append(a.journals, newFeedJournal(f, c.Now))
	}
	for i, ids := range steps {
		a.step = i + 1
		if err := a.take(ids); err != nil {
			return Advanced{}, err
		}
	}
	return a.change(), nil
}

// advance is an [Advance] under way.
type advance struct {
	c        *Circumstances
	lib      Library
	step     int
	objects  map[ObjectID]*advancing
	presence map[ObjectID]Presence // as the library told it
	asked    map[ObjectID]bool     // whether the library was asked who waits
	awaiting map[ObjectID][]*advancing
	journals []*journal        // by place
	shaken   map[ObjectID]bool // of which something left that references may have stood on
	out      Advanced
}

// advancing is one object under way.
type advancing struct {
	m       *Matter
	later   []Submission // of steps to come
	creator string       // the organisation that made it, "" unknown
	// What settling it came to.
	candidates []candidate
	waits      []Wait
	settled    bool // its waits are to be written
	mark       int  // of the closure that looked at it last
}

// candidate is a submission that the rule lets go, references apart.
type candidate struct {
	s        *Submission
	verdict  Verdict
	replaces int64      // position of the entry whose place it takes, 0 for none
	open     int        // references that nothing provides: while it is counted
	without  []ObjectID // dissent that cannot enter now and does not hold it back
}

// load brings objects in that are not there yet.
func (a *advance) load(ids []ObjectID) ([]*advancing, error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id ObjectID) bool { return a.objects[id] != nil })
	if len(ids) == 0 {
		return nil, nil
	}
	slices.Sort(ids)
	ms, err := a.lib.Matters(slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	out := make([]*advancing, 0, len(ms))
	for _, m := range ms {
		o := &advancing{m: m}
		at := 0
		for _, s := range m.Submissions {
			if s.Step > a.step {
				o.later = append(o.later, s)
				continue
			}
			m.Submissions[at] = s
			at++
		}
		m.Submissions = m.Submissions[:at]
		slices.SortStableFunc(o.later, func(x, y Submission) int { return cmp.Compare(x.Step, y.Step) })
		for _, x := range m.Standing {
			j := a.journals[x.Place]
			at := slices.IndexFunc(j.known[m.ID], func(k Known) bool { return k.Content == x.Line.Content })
			if at < 0 {
				at = len(j.known[m.ID])
				j.known[m.ID] = append(j.known[m.ID], Known{Content: x.Line.Content, Spec: x.Spec, Key: x.Key})
			}
			j.known[m.ID][at].Lines = append(j.known[m.ID][at].Lines, x.Line)
		}
		a.objects[m.ID] = o
		a.creator(o)
		out = append(out, o)
	}
	// Whether dissent may go is judged by itself, so it has to be there.
	var dissent []ObjectID
	for _, o := range out {
		for _, d := range o.m.Dissent {
			dissent = append(dissent, d.Object)
		}
	}
	_, err = a.load(dissent)
	return out, err
}

// creator finds which organisation made an object: the one whose identity the submission
// that came first names.
func (a *advance) creator(o *advancing) {
	o.creator = Creator(o.m, a.c.Owner)
	for _, j := range a.journals {
		j.creators[o.m.ID] = o.creator
	}
}

// Creator is the organisation whose identity is named first by the source that submitted the
// object first, "" where that is nobody known. Whoever came first: later claims, of whatever
// date, take an object from nobody, also where that source named nobody.
func Creator(m *Matter, owner func(ObjectID) string) string {
	var first, named *Submission
	for i := range m.Submissions {
		if s := &m.Submissions[i]; first == nil || s.before(first) {
			first = s
		}
	}
	for i := range m.Submissions {
		s := &m.Submissions[i]
		if s.Source == first.Source && s.Version.CreatedBy != "" && (named == nil || s.before(named)) {
			named = s
		}
	}
	if named == nil {
		return ""
	}
	return owner(named.Version.CreatedBy)
}

// before tells which of two submissions came first.
func (s *Submission) before(o *Submission) bool { return s.arrival(o) < 0 }

func (s *Submission) arrival(o *Submission) int {
	return cmp.Or(cmp.Compare(s.Arrived, o.Arrived), cmp.Compare(s.Place, o.Place), cmp.Compare(s.Seq, o.Seq))
}

// take does one step.
func (a *advance) take(ids []ObjectID) error {
	if _, err := a.load(ids); err != nil {
		return err
	}
	var queue []*advancing
	for _, id := range ids {
		if o := a.objects[id]; o != nil {
			queue = append(queue, o)
		}
	}
	queue = a.waitingFor(queue)
	for len(queue) > 0 {
		for _, o := range queue {
			if err := a.settle(o); err != nil {
				return err
			}
		}
		cascade, err := a.cascade()
		if err != nil {
			return err
		}
		if len(cascade) > 0 { // first all that leaves, then what enters
			queue = append(queue, cascade...)
			continue
		}
		if err := a.enter(queue); err != nil {
			return err
		}
		if queue, err = a.cascade(); err != nil {
			return err
		}
	}
	return nil
}

// settle judges an object's submissions as of this step: what stands and may not leaves,
// what may go is a candidate, what waits is noted.
func (a *advance) settle(o *advancing) error {
	m := o.m
	if n := slices.IndexFunc(o.later, func(s Submission) bool { return s.Step > a.step }); n != 0 && len(o.later) > 0 {
		if n < 0 {
			n = len(o.later)
		}
		m.Submissions, o.later = append(m.Submissions, o.later[:n]...), o.later[n:]
		a.creator(o)
	}
	// Others' dissent never blocks.
	m.Dissent = slices.DeleteFunc(m.Dissent, func(d Dissent) bool { return d.Source != a.c.Home && d.Source != o.creator })
	m.strict = nil
	o.candidates, o.waits, o.settled = o.candidates[:0], o.waits[:0], true
	a.judgeDissent(m)
	var leaving []Standing
	for i := range m.Standing {
		x := &m.Standing[i]
		stays, err := a.stays(x, m)
		if err != nil {
			return err
		}
		if !stays {
			leaving = append(leaving, *x)
		}
	}
	a.leave(o, leaving)
	for i := range m.Submissions {
		s := &m.Submissions[i]
		if slices.ContainsFunc(m.Standing, func(x Standing) bool { return x.rests(s) }) {
			continue
		}
		switch v := Release(s, m, a.c); {
		case v.Ruling == Released:
			o.candidates = append(o.candidates, candidate{s: s, verdict: v})
		case v.Ruling == Pending:
			w := Wait{Object: m.ID, Place: s.Place, Seq: s.Seq, Content: s.Content, Reason: v.Reason}
			w.Awaits = v.Steps[0].Awaits
			o.waits = append(o.waits, w)
			a.noteWait(o, w.Awaits)
			if v.Reason == AwaitsDissent {
				a.out.Due = append(a.out.Due, Due{m.ID, v.Steps[0].Until})
			}
		}
	}
	a.contest(o)
	a.undecided(o)
	return nil
}

// judgeDissent finds out which dissent about an object may go by itself.
func (a *advance) judgeDissent(m *Matter) {
	for i := range m.Dissent {
		d := &m.Dissent[i]
		d.Releasable = false
		if o := a.objects[d.Object]; o != nil {
			for k := range o.m.Submissions {
				without := *o.m // dissent is not dissented for this rule
				without.Dissent, without.strict = nil, nil
				if Release(&o.m.Submissions[k], &without, a.c).Ruling == Released {
					d.Releasable = true
					break
				}
			}
		}
	}
}

// stays tells whether an entry may stand as it does.
func (a *advance) stays(x *Standing, m *Matter) (bool, error) {
	at := slices.IndexFunc(m.Submissions, func(s Submission) bool { return x.rests(&s) })
	if at < 0 {
		return false, nil // its source has deleted it
	}
	s := &m.Submissions[at]
	v := Release(s, m, a.c)
	if v.Ruling == Withheld {
		return false, nil
	}
	stamped := x.Line.Content != x.Of
	if stamped != (v.Stamp != TLPNone) {
		return false, nil
	}
	if !stamped {
		return true, nil
	}
	content, _, err := a.c.Copy(s, v.Stamp)
	return content == x.Line.Content, err
}

// undecided notes that somebody has to decide what becomes of older versions that stand
// although a newer one of their source is stricter than the terms.
func (a *advance) undecided(o *advancing) {
	for source, newer := range o.m.strict {
		if a.c.Agreement.Terms.WithdrawOlder {
			continue
		}
		r := releasing{s: newer, m: o.m, c: a.c, t: &a.c.Agreement.Terms}
		if r.keptBeside(newer) != NoAction {
			continue
		}
		if slices.ContainsFunc(o.m.Standing, func(x Standing) bool { return x.Line.Source == source && x.Line.Content != newer.Content }) {
			o.waits = append(o.waits, Wait{Object: o.m.ID, Place: newer.Place, Seq: newer.Seq, Content: newer.Content, Reason: AwaitsDecision})
		}
	}
}

// contest leaves of an object's candidates those that have a place: one content for a
// version, and each content once. The creator's organisation comes first, then what stands,
// then what came first.
func (a *advance) contest(o *advancing) {
	slices.SortStableFunc(o.candidates, func(x, y candidate) int {
		mine := func(c candidate) int {
			if o.creator != "" && c.s.Source == o.creator {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(mine(x), mine(y)), x.s.arrival(y.s))
	})
	kept := o.candidates[:0]
	for _, c := range o.candidates {
		if c.has(kept) {
			continue
		}
		held := false
		for i := range o.m.Standing {
			x := &o.m.Standing[i]
			switch {
			case x.Place != c.s.Place:
			case x.Of == c.s.Content:
				held = true // it never becomes its origin
			case c.s.Key.Micros != Unversioned && x.Spec == c.s.Version.Spec && x.Key == c.s.Key:
				if o.creator != "" && c.s.Source == o.creator && x.Line.Source != o.creator {
					c.replaces = x.Line.Seq
				} else {
					held = true
				}
			}
		}
		if !held {
			kept = append(kept, c)
		}
	}
	o.candidates = kept
}

// has tells whether one of the others has the candidate's place.
func (c candidate) has(others []candidate) bool {
	return slices.ContainsFunc(others, func(o candidate) bool {
		return o.s.Place == c.s.Place && (o.s.Content == c.s.Content ||
			c.s.Key.Micros != Unversioned && o.s.Key == c.s.Key && o.s.Version.Spec == c.s.Version.Spec)
	})
}
