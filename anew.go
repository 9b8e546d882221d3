package entente

import "slices"

// Anew is what advances that judge all that the logs hold over again, one after another in the
// order of the logs, have to remember of each other.
//
// Whatever stood before is judged in its own turn. So what refers to an object that left need
// not leave at once where its turn is still to come: it does then. Otherwise, when the object
// to which all others refer leaves first, all of them were to be read and judged together.
// Nobody sees anything before all is judged.
type Anew struct {
	Tails []int64 // by place: the feed's last position before the first of them

	// left are objects that references may have lost what they stood on of, by their folds: what
	// has the same fold is only looked at once more.
	left map[int64]struct{}
	// early are objects that entered before their turn, by the folds of what they refer to: they
	// entered on what stood at that time, and leave at once if that does.
	early map[int64][]ObjectID
	// referred are the folds of what the entries of objects refer to whose turn has been: nothing
	// else has referrers that are to leave at once. Nil where it became too many.
	referred map[int64]struct{}
	many     bool
}

// maxReferred bounds what is remembered: some 20 bytes each.
const maxReferred = 4_000_000

// Add takes in what an advance came to, once that counts.
func (n *Anew) Add(o *Anew) {
	if o == nil {
		return
	}
	if n.left == nil {
		n.left, n.early, n.referred = map[int64]struct{}{}, map[int64][]ObjectID{}, map[int64]struct{}{}
	}
	for fold := range o.left {
		n.left[fold] = struct{}{}
	}
	for fold, ids := range o.early {
		n.early[fold] = append(n.early[fold], ids...)
	}
	if n.many = n.many || len(n.referred)+len(o.referred) > maxReferred; n.many {
		n.referred = nil
		return
	}
	for fold := range o.referred {
		n.referred[fold] = struct{}{}
	}
}

func (n *Anew) hasLeft(id ObjectID) bool {
	_, ok := n.left[id.Fold()]
	return ok
}

// askable are those of some objects of which the library may know referrers that leave at once:
// of what is in this advance the advance knows.
func (a *advance) askable(ids []ObjectID) []ObjectID {
	if a.c.Anew == nil || a.c.Anew.many {
		return ids
	}
	var out []ObjectID
	for _, id := range ids {
		if _, ok := a.c.Anew.referred[id.Fold()]; ok {
			out = append(out, id)
		}
	}
	return out
}

// refersNow notes what the entries refer to that there are in the end.
func (a *advance) refersNow() {
	if a.c.Anew == nil || a.c.Anew.many {
		return
	}
	for _, o := range a.objects {
		if o == nil {
			continue
		}
		for _, s := range o.resting() {
			for _, id := range s.Version.References {
				if !fixed(id) {
					a.out.Anew.referred[id.Fold()] = struct{}{}
				}
			}
		}
	}
}

// turned tells whether a submission has its turn or has had it. Until then it counts for what
// the rules say of others, and neither enters nor leaves: so the order is that in which what enters came,
// whatever else there is of its object.
func (a *advance) turned(s *Submission) bool { return a.c.Anew == nil || s.Seq <= a.ends[s.Place] }

// spared tells whether an entry does not leave yet because of what it refers to.
func (a *advance) spared(x *Standing, s *Submission) bool {
	return !a.turned(s) && x.Line.Seq <= a.c.Anew.Tails[x.Place]
}

// loosened tells whether an entry does not stand as references ask for that were open before. Of what has its place since
// then, entered or come into view, all that it refers to need only be there: it is in order, or in a circle.
func (a *advance) loosened(x *Standing, s *Submission) bool {
	if !a.c.Closing || !a.turned(s) {
		return false
	}
	if a.c.Anew == nil || x.Line.Seq <= a.c.Anew.Tails[x.Place] {
		return a.loose(x, s)
	}
	return slices.ContainsFunc(s.Version.References, func(id ObjectID) bool { return !fixed(id) && !a.there(id) })
}

// turns are the submissions of the objects of a step that have their turn by it, in the order in
// which they came.
func (a *advance) turns(ids []ObjectID, ends []int64) []arrival {
	var all []arrival
	seen := make(map[ObjectID]bool, len(ids))
	for _, id := range ids {
		o := a.objects[id]
		if o == nil || seen[id] {
			continue
		}
		seen[id] = true
		for k := range o.m.Submissions {
			if s := &o.m.Submissions[k]; !a.turned(s) && s.Seq <= ends[s.Place] {
				all = append(all, arrival{o, s})
			}
		}
	}
	slices.SortFunc(all, func(x, y arrival) int { return x.s.arrival(y.s) })
	return all
}

// turn gives a submission its turn, and the objects of which something is new by that. What else
// there is of its object is as it was: an object may have thousands of versions.
func (a *advance) turn(x arrival) ([]*advancing, error) {
	o, s := x.o, x.s
	a.ends[s.Place] = max(a.ends[s.Place], s.Seq)
	if !o.settled {
		if err := a.settle(o); err != nil {
			return nil, err
		}
	} else if err := a.rejudge(o, s); err != nil {
		return nil, err
	}
	if err := a.overdue(o, s); err != nil {
		return nil, err
	}
	woken, err := a.wake(o)
	a.front[0] = o
	return append(a.front[:1:1], woken...), err
}

// rejudge is [advance.settle] for one submission.
func (a *advance) rejudge(o *advancing, s *Submission) error {
	leaving, err := a.leaving(o, s)
	if err != nil {
		return err
	}
	a.leave(o, leaving)
	if !slices.ContainsFunc(o.m.Standing, func(x Standing) bool { return x.rests(s) }) {
		a.judge(o, s)
	}
	return nil
}

// left notes what was shaken, and gives what entered on it before its turn.
func (a *advance) left(ids []ObjectID) (early []ObjectID) {
	if a.c.Anew == nil {
		return nil
	}
	for _, id := range ids {
		a.out.Anew.left[id.Fold()] = struct{}{}
		early = append(early, a.c.Anew.early[id.Fold()]...)
	}
	return early
}

// enteredEarly notes that an object entered before its turn.
func (a *advance) enteredEarly(o *advancing, s *Submission) {
	if a.turned(s) {
		return
	}
	for _, id := range s.Version.References {
		a.out.Anew.early[id.Fold()] = append(a.out.Anew.early[id.Fold()], o.m.ID)
	}
}

// overdue takes out what has its turn and lost what it refers to before that.
func (a *advance) overdue(o *advancing, s *Submission) error {
	if a.c.Agreement.Terms.OpenReferences || len(a.c.Anew.left)+len(a.out.Anew.left) == 0 {
		return nil
	}
	gone := func(id ObjectID) bool { return a.c.Anew.hasLeft(id) || a.out.Anew.hasLeft(id) }
	var refs []ObjectID
	for _, ref := range s.Version.References {
		if !fixed(ref) && gone(ref) {
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	if len(a.c.Agreement.Terms.Vocabularies) > 0 {
		if err := a.ask(refs); err != nil {
			return err
		}
	}
	if err := a.load(refs); err != nil {
		return err
	}
	var leaving []Standing
	for _, x := range o.m.Standing {
		if x.rests(s) && a.lost(&x, s, gone) {
			leaving = append(leaving, x)
		}
	}
	if len(leaving) > 0 {
		a.keep(o, leaving)
		a.leave(o, leaving)
		a.judge(o, s)
	}
	return nil
}
