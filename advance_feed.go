package entente

import "slices"

// newFeedJournal is the journal of a release feed. What is known of its objects comes as
// they are loaded; about how many there will be is only a hint.
func newFeedJournal(f ReleaseFeed, now int64, about int) *journal {
	return &journal{
		out: Change{Feed: f.Feed}, known: make(map[ObjectID][]Known, about), creators: map[ObjectID]string{}, now: now,
		old: f.Tail, head: f.Tail, added: f.LastAdded,
	}
}

// content finds or adds a content of an object.
func (j *journal) content(id ObjectID, content int64, spec Spec, key StampKey) int {
	known := j.known[id]
	at := slices.IndexFunc(known, func(k Known) bool { return k.Content == content })
	if at < 0 {
		at = len(known)
		j.known[id] = append(known, Known{Content: content, Spec: spec, Key: key})
	}
	return at
}

// leave takes entries of an object out of their feeds, and appends again what comes into
// view by that.
func (a *advance) leave(o *advancing, leaving []Standing) {
	if len(leaving) == 0 {
		return
	}
	first := a.gone(o, leaving)
	// In every feed: who made it may be told by what left this one, or by what its source
	// has deleted, of which no claim is known any more.
	a.reclaim(o)
	a.rearrange(o, first, true)
}

// gone marks entries of an object as gone, and gives by place the first position that they
// leave, 0 for none.
func (a *advance) gone(o *advancing, leaving []Standing) []int64 {
	first := make([]int64, len(a.journals))
	for _, x := range leaving {
		j := a.journals[x.Place]
		if first[x.Place] == 0 {
			j.head++
		}
		if first[x.Place] == 0 || x.Line.Seq < first[x.Place] {
			first[x.Place] = x.Line.Seq
		}
		j.mark(j.line(o.m.ID, x.Line.Seq), MarkGone, j.head)
		o.m.HasLeft(x)
		a.out.Left++
	}
	for place := range a.journals {
		if first[place] > 0 {
			a.restand(o, place)
		}
	}
	return first
}

// rearrange appends again what readers ought to get of an object and do not, where
// something is gone, or everywhere where its creator is another than before. It notes
// whether references to the object may have lost what they stood on.
func (a *advance) rearrange(o *advancing, first []int64, everywhere bool) {
	for place, j := range a.journals {
		if first[place] == 0 && !everywhere {
			continue
		}
		back := hiddenFirst(j.known[o.m.ID], o.creator)
		for _, r := range back {
			if first[place] == 0 {
				j.head++
			}
			if first[place] == 0 || r.seq < first[place] {
				first[place] = r.seq
			}
		}
		if len(back) > 0 {
			j.revive(o.m.ID)
			a.restand(o, place)
		}
	}
	if o.m.looses(first) {
		a.shaken[o.m.ID] = true
	}
}

// looses tells whether references to an object may have lost what they stood on: they need
// an entry before them in their own feed, or any in another. First is by place the first
// position that was left.
func (m *Matter) looses(first []int64) bool {
	lost := false
	for place, left := range first {
		if left == 0 {
			continue
		}
		lost = lost || !slices.ContainsFunc(m.Standing, func(x Standing) bool { return x.Place == place && x.Line.Seq < left })
	}
	return lost && (len(m.Standing) == 0 || !slices.ContainsFunc(m.Standing, func(x Standing) bool { return x.Place != m.Standing[0].Place }))
}

// line finds a line of an object by its position.
func (j *journal) line(id ObjectID, seq int64) *Line {
	for i := range j.known[id] {
		for n := range j.known[id][i].Lines {
			if l := &j.known[id][i].Lines[n]; l.Seq == seq {
				return l
			}
		}
	}
	return nil
}

// restand makes an object's entries in one feed anew from its journal.
func (a *advance) restand(o *advancing, place int) {
	of := map[int64]int64{}
	for _, x := range o.m.Standing {
		if x.Place == place {
			of[x.Line.Content] = x.Of
		}
	}
	o.founding = founding{}
	o.m.Standing = slices.DeleteFunc(o.m.Standing, func(x Standing) bool { return x.Place == place })
	for _, k := range a.journals[place].known[o.m.ID] {
		for _, l := range k.Lines {
			if l.Live() {
				x := Standing{Place: place, Line: l, Of: of[l.Content], Spec: k.Spec, Key: k.Key}
				o.m.Standing = append(o.m.Standing, x)
				a.stamped(&x)
			}
		}
	}
}

// cascade takes out what refers to objects that have left, and what refers to that, and
// gives the objects of which something left: they may enter again.
func (a *advance) cascade() ([]*advancing, error) {
	if a.c.Agreement.Terms.OpenReferences {
		clear(a.shaken)
		return nil, nil
	}
	var out []*advancing
	for len(a.shaken) > 0 {
		shaken := a.shaken
		gone := func(id ObjectID) bool { return shaken[id] }
		a.shaken = map[ObjectID]bool{}
		var ids []ObjectID
		for id := range shaken {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if len(a.c.Agreement.Terms.Vocabularies) > 0 { // else what is loaded tells where it is
			if err := a.ask(ids); err != nil {
				return nil, err
			}
		}
		var referrers []ObjectID
		if asked := a.askable(ids); len(asked) > 0 {
			var err error
			if referrers, err = a.lib.Referrers(asked); err != nil {
				return nil, err
			}
		}
		referrers = append(referrers, a.left(ids)...)
		// What entered in this advance the library does not know.
		a.refer()
		for _, id := range ids {
			for _, o := range a.referring[id] {
				referrers = append(referrers, o.m.ID)
			}
		}
		if err := a.load(referrers); err != nil {
			return nil, err
		}
		slices.Sort(referrers)
		for _, id := range slices.Compact(referrers) {
			o := a.objects[id]
			if o == nil {
				continue
			}
			var leaving []Standing
			for _, x := range o.m.Standing {
				if s := o.m.submission(&x); s != nil && !a.spared(&x, s) && a.lost(&x, s, gone) {
					leaving = append(leaving, x)
				}
			}
			if len(leaving) > 0 {
				a.keep(o, leaving)
				a.leave(o, leaving)
				out = append(out, o)
			}
		}
	}
	return out, nil
}

// keep has entries that leave for what they refer to judged as standing, if they enter again
// before this is over.
func (a *advance) keep(o *advancing, leaving []Standing) {
	if o.kept == nil {
		o.kept = map[resting]bool{}
		a.kept = append(a.kept, o)
	}
	for i := range leaving {
		o.kept[leaving[i].resting()] = true
	}
}

// unkeep ends that: what did not enter again is judged anew, as what comes anew.
func (a *advance) unkeep() error {
	kept := a.kept
	a.kept = nil
	for _, o := range kept {
		o.kept = nil
	}
	for _, o := range kept {
		if err := a.settle(o); err != nil {
			return err
		}
	}
	return nil
}

// submission is what an entry rests on, nil if that has gone.
func (m *Matter) submission(x *Standing) *Submission {
	for i := range m.Submissions {
		if x.rests(&m.Submissions[i]) {
			return &m.Submissions[i]
		}
	}
	return nil
}

// lost tells whether an entry refers to one of the objects, and nothing of that stands
// before it any more, or in another feed.
func (a *advance) lost(x *Standing, s *Submission, shaken func(ObjectID) bool) bool {
	for _, id := range s.Version.References {
		if !shaken(id) || id == s.Version.ID || a.presence[id]&InVocabulary != 0 {
			continue
		}
		to := a.objects[id] // nil where nothing is known of it
		if to == nil || !slices.ContainsFunc(to.m.Standing, func(y Standing) bool { return y.Place != x.Place || y.Line.Seq < x.Line.Seq }) {
			return true
		}
	}
	return false
}

// loose tells whether an entry refers to anything that does not stand before it, or in
// another feed, as references ask for that are not open. Two that refer to each other may.
func (a *advance) loose(x *Standing, s *Submission) bool {
	return slices.ContainsFunc(s.Version.References, func(id ObjectID) bool {
		if id == s.Version.ID || fixed(id) || a.presence[id]&InVocabulary != 0 {
			return false
		}
		to := a.objects[id]
		return to == nil || !slices.ContainsFunc(to.m.Standing, func(y Standing) bool {
			back := to.m.submission(&y)
			return y.Place != x.Place || y.Line.Seq < x.Line.Seq || back != nil && slices.Contains(back.Version.References, s.Version.ID)
		})
	})
}

// refer notes what stands by what it refers to.
func (a *advance) refer() {
	if a.referring != nil {
		return
	}
	a.referring = map[ObjectID][]*advancing{}
	for _, o := range a.objects {
		if o != nil && len(o.m.Standing) > 0 {
			for i := range o.m.Submissions {
				a.refers(o, &o.m.Submissions[i])
			}
		}
	}
}

func (a *advance) refers(o *advancing, s *Submission) {
	for _, id := range s.Version.References {
		if of := a.referring[id]; len(of) == 0 || of[len(of)-1] != o {
			a.referring[id] = append(of, o)
		}
	}
}

// stamped notes that a new line carries a copy, also where it leaves again in this advance.
func (a *advance) stamped(x *Standing) {
	if x.Of != x.Line.Content && x.Line.Seq > a.c.Agreement.Feeds[x.Place].Tail {
		a.out.Stamped = append(a.out.Stamped, Stamped{Place: x.Place, Seq: x.Line.Seq, Content: x.Line.Content, Original: x.Of})
	}
}
