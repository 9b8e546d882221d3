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
	InVocabulary                      // it belongs to a vocabulary; only where the terms name any
)

// Advanced is what an [Advance] wants written.
type Advanced struct {
	Feeds    []Change     // per feed of the agreement that moves: lines, marks, the new head
	Contents []NewContent // stamped copies that the store does not have
	Stamped  []Stamped    // which of the new lines carry copies
	Settled  []ObjectID   // objects whose waits are replaced by those of Waits
	Waits    []Wait
	HeldBack []HeldBack // submissions of the steps that the rule withholds
	Due      []Due      // objects to be judged again at a time
	In       []ObjectID // objects of which something entered
	Entered  int        // entries appended
	Left     int        // entries withdrawn
	Anew     *Anew      // for [Anew.Add]; nil where [Circumstances.Anew] is
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
	Fresh   bool  // it came with one of the steps
	until   int64 // see [Due]
}

// HeldBack is a submission that the rule withholds.
type HeldBack struct {
	Place   int
	Content int64
	Reason  Reason
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
	n := 0
	for _, step := range steps {
		n += len(step)
	}
	a := newAdvance(c, lib, n)
	arriving, err := a.foresee(steps)
	if err != nil {
		return Advanced{}, err
	}
	for i, ids := range steps {
		if c.Anew != nil {
			a.ends = slices.Clone(c.Ends[i])
			arriving[i] = a.turns(ids, c.Ends[i+1])
		}
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
	// kept are objects that left for what they refer to, while what came of that is not
	// settled. What enters again by then stands as it did: it only has another place.
	kept    []*advancing
	shaken  map[ObjectID]bool // of which something left that references may have stood on
	made    map[int64]bool    // copies that are among out.Contents
	ends    []int64           // up to where submissions have had their turn: see [Anew]
	mark    int               // of the present look at what may enter
	out     Advanced
	front   [1]*advancing // see arrive
	reached []*advancing  // see reach
}

// newAdvance begins one; about how many objects it will be is only a hint.
func newAdvance(c *Circumstances, lib Library, about int) *advance {
	own := *c
	a := &advance{c: &own, known: c.Define, lib: lib, objects: make(map[ObjectID]*advancing, about), presence: make(map[ObjectID]Presence, about),
		asked: make(map[ObjectID]bool, about), awaiting: map[ObjectID][]*advancing{}, dissented: map[ObjectID][]*advancing{},
		shaken: map[ObjectID]bool{}, made: map[int64]bool{}}
	own.Define, own.Present, own.Telling = a.define, nil, false
	if c.Anew != nil {
		a.out.Anew = &Anew{left: map[int64]struct{}{}, early: map[int64][]ObjectID{}, referred: map[int64]struct{}{}}
	}
	for _, f := range c.Agreement.Feeds {
		a.journals = append(a.journals, newFeedJournal(f, c.Now, about/len(c.Agreement.Feeds)))
	}
	return a
}

// advancing is one object under way.
type advancing struct {
	kept     map[resting]bool // see [advance.kept]
	m        *Matter
	later    []Submission // still to come, in order
	dissent  []Dissent    // about it, of whatever source
	founding founding     // of what stands
	told     *told        // of what stands or has stood; nil until a contest asks
	creator  string       // the organisation that made it, "" unknown
	// What settling it came to.
	candidates []candidate
	waits      []Wait
	withheld   []HeldBack // of the steps
	settled    bool
	// In the present look at what may enter:
	mark     int
	was      string // the creator before
	hopes    int    // candidates that nothing rules out yet
	replaced bool   // something of it gave way to another content
	winners  []*candidate
	// Most objects have one version that is new.
	oneWinner    [1]*candidate
	oneCandidate [1]candidate
}

// candidate is a submission that the rule lets go, references apart.
type candidate struct {
	s       *Submission // nil when it has entered
	verdict Verdict
	without []ObjectID // of verdict.With, what it goes without: see unbind
	dead    bool       // something that it needs cannot enter now
	watch   ObjectID   // when this comes it is looked at again
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
	all, coming := make([]advancing, len(ms)), 0
	for _, m := range ms {
		for i := range m.Submissions {
			if m.Submissions[i].Step > 0 {
				coming++
			}
		}
	}
	later := make([]Submission, 0, coming)
	for i, m := range ms {
		o := &all[i]
		o.m, o.dissent, o.winners, o.later = m, m.Dissent, o.oneWinner[:0], later[len(later):]
		at := 0
		for _, s := range m.Submissions {
			if s.Step > 0 {
				o.later = append(o.later, s)
				continue
			}
			m.Submissions[at] = s
			at++
		}
		later = later[:len(later)+len(o.later)]
		o.later = o.later[:len(o.later):len(o.later)]
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
		if len(o.later) > 0 && (wakes(o.m.ID) || !a.there(o.m.ID) && a.promising(o)) {
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
					if a.unasked(id) && !fixed(id) {
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
	return slices.ContainsFunc(o.later, func(s Submission) bool {
		return !slices.ContainsFunc(s.Version.References, func(id ObjectID) bool {
			return !fixed(id) && !a.there(id) && a.objects[id] == nil
		})
	})
}

// before tells which of two submissions came first.
func (s *Submission) before(o *Submission) bool { return s.arrival(o) < 0 }

func (s *Submission) arrival(o *Submission) int {
	return cmp.Or(cmp.Compare(s.Arrived, o.Arrived), cmp.Compare(s.Place, o.Place), cmp.Compare(s.Seq, o.Seq))
}

// change is the result.
func (a *advance) change() Advanced {
	for _, j := range a.journals {
		if c := j.change(); c.Head != 0 {
			a.out.Feeds = append(a.out.Feeds, c)
			a.out.Entered += len(c.Lines)
		}
	}
	a.refersNow()
	for id, o := range a.objects {
		if o == nil {
			continue
		}
		if o.mark == 0 { // what was only asked what it can provide is as it was
			continue
		}
		a.out.Settled = append(a.out.Settled, id)
		a.undecided(o)
		for _, w := range o.waits {
			if w.until > 0 {
				a.out.Due = append(a.out.Due, Due{id, w.until})
			}
		}
		a.out.Waits = append(a.out.Waits, o.waits...)
		a.out.HeldBack = append(a.out.HeldBack, o.withheld...)
		for i := range o.candidates {
			c := &o.candidates[i]
			missing := a.missing(c)
			if len(missing) == 0 { // another content has its place
				continue
			}
			w := Wait{Object: id, Place: c.s.Place, Seq: c.s.Seq, Content: c.s.Content, Reason: AwaitsReferences, Awaits: missing, Fresh: c.s.Step > 0}
			if until := a.dueWithout(o, c.s, c.verdict.With); until > 0 {
				a.out.Due = append(a.out.Due, Due{id, until})
				if !slices.ContainsFunc(missing, func(id ObjectID) bool { return !slices.Contains(c.verdict.With, id) }) {
					w.Reason = AwaitsDissent
				}
			}
			a.out.Waits = append(a.out.Waits, w)
		}
	}
	slices.SortFunc(a.out.Stamped, func(x, y Stamped) int { return cmp.Or(cmp.Compare(x.Place, y.Place), cmp.Compare(x.Seq, y.Seq)) })
	a.out.Stamped = slices.Compact(a.out.Stamped)
	slices.Sort(a.out.Settled)
	slices.SortFunc(a.out.Due, func(x, y Due) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.Object, y.Object)) })
	a.out.Due = slices.Compact(a.out.Due)
	slices.SortFunc(a.out.Waits, func(x, y Wait) int {
		return cmp.Or(cmp.Compare(x.Place, y.Place), cmp.Compare(x.Seq, y.Seq), cmp.Compare(x.Reason, y.Reason))
	})
	return a.out
}
