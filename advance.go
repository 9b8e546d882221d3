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
	Stamped  []Stamped    // which of the new lines carry copies
	Settled  []ObjectID   // objects whose waits are replaced by those of Waits
	Waits    []Wait
	Due      []Due      // objects to be judged again at a time
	In       []ObjectID // objects of which something entered
	Entered  int        // entries appended
	Left     int        // entries withdrawn
}

// Stamped tells what an entry that carries a stamped copy is the copy of.
type Stamped struct {
	Place             int
	Seq               int64
	Content, Original int64
}

// Wait is a submission that waits.
type Wait struct {
	Object  ObjectID
	Place   int
	Seq     int64 // in the accept log
	Content int64
	Reason  Reason
	Awaits  []ObjectID
	until   int64 // see [Due]
}

// Advance carries an agreement's feeds on. Each step lists objects about which something is
// new: submissions that are part of that step, departures from the accept logs, decisions.
// It keeps and changes what the library gives it.
//
// Submissions are taken one at a time, in the order in which they came, so the entries and
// their order do not depend on how the log falls into steps and calls: a version enters when
// the last thing that it waited for is there, before whatever came later. What a step has
// beside submissions is taken before them, all of it together.
func Advance(c *Circumstances, lib Library, steps [][]ObjectID) (Advanced, error) {
	own := *c
	a := &advance{c: &own, known: c.Define, lib: lib, objects: map[ObjectID]*advancing{}, presence: map[ObjectID]Presence{},
		asked: map[ObjectID]bool{}, awaiting: map[ObjectID][]*advancing{}, dissented: map[ObjectID][]*advancing{},
		shaken: map[ObjectID]bool{}, made: map[int64]bool{}}
	own.Define, own.Present, own.Telling = a.define, nil, false
	for _, f := range c.Agreement.Feeds {
		a.journals = append(a.journals, newFeedJournal(f, c.Now))
	}
	arriving, err := a.foresee(steps)
	if err != nil {
		return Advanced{}, err
	}
	for i, ids := range steps {
		if err := a.take(ids, arriving[i]); err != nil {
			return Advanced{}, err
		}
	}
	return a.change(), nil
}

// advance is an [Advance] under way.
type advance struct {
	c         *Circumstances
	known     func(ObjectID, string) Definition
	lib       Library
	objects   map[ObjectID]*advancing // nil where nothing is known of an object
	presence  map[ObjectID]Presence   // as the library told it
	asked     map[ObjectID]bool       // whether the library was asked who waits
	awaiting  map[ObjectID][]*advancing
	dissented map[ObjectID][]*advancing // what a dissent is about
	referring map[ObjectID][]*advancing // what stands and refers to an object; nil until something leaves
	journals  []*journal                // by place
	shaken    map[ObjectID]bool         // of which something left that references may have stood on
	made      map[int64]bool            // copies that are among out.Contents
	mark      int                       // of the present look at what may enter
	out       Advanced
}

// advancing is one object under way.
type advancing struct {
	m        *Matter
	later    []Submission // still to come, in order
	claim    *Submission  // which of what stands tells who made the object
	founding founding     // of what stands
	creator  string       // the organisation that made it, "" unknown
	// What settling it came to.
	candidates []candidate
	waits      []Wait
	settled    bool
	// In the present look at what may enter:
	mark    int
	was     string // the creator before
	hopes   int    // candidates that nothing rules out yet
	winners []*candidate
}

// candidate is a submission that the rule lets go, references apart.
type candidate struct {
	s       *Submission // nil when it has entered
	verdict Verdict
	dead    bool     // something that it needs cannot enter now
	watch   ObjectID // when this comes it is looked at again
}

// arrival is a submission on its way into the advance.
type arrival struct {
	o *advancing
	s *Submission
}

// define tells what a marking definition says by what has come so far.
func (a *advance) define(id ObjectID, source string) Definition {
	if o := a.objects[id]; o != nil && len(o.m.Submissions) == 0 && len(o.later) > 0 {
		return Definition{Missing: true}
	}
	return a.known(id, source)
}

// load brings objects in that are not there yet.
func (a *advance) load(ids []ObjectID) error {
	var unknown []ObjectID
	for _, id := range ids {
		if _, ok := a.objects[id]; !ok {
			a.objects[id] = nil
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	ms, err := a.lib.Matters(unknown)
	if err != nil {
		return err
	}
	var dissent []ObjectID
	for _, m := range ms {
		o := &advancing{m: m}
		at := 0
		for _, s := range m.Submissions {
			if s.Step > 0 {
				o.later = append(o.later, s)
				continue
			}
			m.Submissions[at] = s
			at++
		}
		m.Submissions = m.Submissions[:at]
		slices.SortStableFunc(o.later, func(x, y Submission) int { return cmp.Or(cmp.Compare(x.Step, y.Step), x.arrival(&y)) })
		for _, x := range m.Standing {
			j := a.journals[x.Place]
			at := j.content(m.ID, x.Line.Content, x.Spec, x.Key)
			j.known[m.ID][at].Lines = append(j.known[m.ID][at].Lines, x.Line)
		}
		a.objects[m.ID] = o
		a.reclaim(o)
		for _, d := range m.Dissent {
			dissent = append(dissent, d.Object)
			a.dissented[d.Object] = append(a.dissented[d.Object], o)
		}
	}
	// Whether dissent may go is judged by itself, so it has to be there.
	return a.load(dissent)
}

// foresee reads at once what the steps will ask for, as far as that can be told, and gives
// the submissions of each step in the order in which they came.
func (a *advance) foresee(steps [][]ObjectID) ([][]arrival, error) {
	var ids []ObjectID
	for _, step := range steps {
		ids = append(ids, step...)
	}
	if err := a.load(ids); err != nil {
		return nil, err
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	out := make([][]arrival, len(steps))
	var objects []*advancing
	for _, id := range ids {
		o := a.objects[id]
		if o == nil {
			continue
		}
		objects = append(objects, o)
		for i := range o.later {
			if s := &o.later[i]; s.Step <= len(steps) {
				out[s.Step-1] = append(out[s.Step-1], arrival{o, s})
			}
		}
	}
	for _, step := range out {
		slices.SortFunc(step, func(x, y arrival) int { return x.s.arrival(y.s) })
	}
	if err := a.provide(objects); err != nil {
		return nil, err
	}
	var coming []ObjectID
	for _, o := range objects {
		if len(o.later) > 0 && !a.there(o.m.ID) && a.promising(o) {
			coming = append(coming, o.m.ID)
		}
	}
	waiting, err := a.waiters(coming)
	if err != nil {
		return nil, err
	}
	return out, a.provide(waiting)
}

// provide reads what objects refer to: where it is, and all of it that is not there.
func (a *advance) provide(objects []*advancing) error {
	var refs []ObjectID
	for _, o := range objects {
		for _, of := range [2][]Submission{o.m.Submissions, o.later} {
			for i := range of {
				for _, id := range of[i].Version.References {
					if _, ok := a.presence[id]; !ok && !fixed(id) {
						refs = append(refs, id)
					}
				}
			}
		}
	}
	if err := a.ask(refs); err != nil {
		return err
	}
	if !a.c.Closing {
		refs = slices.DeleteFunc(refs, a.there)
	}
	return a.load(refs)
}

// promising tells whether any version of an object may enter in this advance, by what is
// known of its references.
func (a *advance) promising(o *advancing) bool {
	if o.m.ID.Type() == "marking-definition" {
		return true // others may wait to learn what it says
	}
	return slices.ContainsFunc(o.later, func(s Submission) bool {
		return !slices.ContainsFunc(s.Version.References, func(id ObjectID) bool {
			return !fixed(id) && !a.there(id) && a.objects[id] == nil
		})
	})
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
func (a *advance) take(ids []ObjectID, arriving []arrival) error {
	come := map[*advancing]bool{}
	for _, x := range arriving {
		come[x.o] = true
	}
	var front []*advancing
	for _, id := range ids {
		if o := a.objects[id]; o != nil && !come[o] {
			if err := a.settle(o); err != nil {
				return err
			}
			front = append(front, o)
		}
	}
	if err := a.carry(front); err != nil {
		return err
	}
	for _, x := range arriving {
		front, err := a.arrive(x.o)
		if err != nil {
			return err
		}
		if err := a.carry(front); err != nil {
			return err
		}
	}
	return nil
}

// carry takes out what lost what it refers to, and lets enter what may after something
// became new of the objects of the front: first all that leaves, then what enters.
func (a *advance) carry(front []*advancing) error {
	for len(front) > 0 || len(a.shaken) > 0 {
		left, err := a.cascade()
		if err != nil {
			return err
		}
		for _, o := range left {
			if err := a.settle(o); err != nil {
				return err
			}
		}
		if front = append(front, left...); len(a.shaken) > 0 {
			continue
		}
		if err := a.enter(front); err != nil {
			return err
		}
		front = nil
	}
	return nil
}

// change is the result.
func (a *advance) change() Advanced {
	for _, j := range a.journals {
		if c := j.change(); c.Head != 0 {
			a.out.Feeds = append(a.out.Feeds, c)
			a.out.Entered += len(c.Lines)
		}
	}
	for id, o := range a.objects {
		if o == nil {
			continue
		}
		a.stamped(o)
		if o.mark == 0 { // what was only asked what it can provide is as it was
			continue
		}
		a.out.Settled = append(a.out.Settled, id)
		for _, w := range o.waits {
			if w.until > 0 {
				a.out.Due = append(a.out.Due, Due{id, w.until})
			}
		}
		a.out.Waits = append(a.out.Waits, o.waits...)
		for i := range o.candidates {
			c := &o.candidates[i]
			missing := a.missing(c)
			if len(missing) == 0 { // another content has its place
				continue
			}
			a.out.Waits = append(a.out.Waits, Wait{Object: id, Place: c.s.Place, Seq: c.s.Seq, Content: c.s.Content,
				Reason: AwaitsReferences, Awaits: missing})
		}
	}
	slices.Sort(a.out.Settled)
	slices.SortFunc(a.out.Due, func(x, y Due) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.Object, y.Object)) })
	a.out.Due = slices.Compact(a.out.Due)
	slices.SortFunc(a.out.Waits, func(x, y Wait) int {
		return cmp.Or(cmp.Compare(x.Place, y.Place), cmp.Compare(x.Seq, y.Seq), cmp.Compare(x.Reason, y.Reason))
	})
	return a.out
}
