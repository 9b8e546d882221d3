package entente

import "slices"

// newFeedJournal is the journal of a release feed. What is known of its objects comes as
// they are loaded.
func newFeedJournal(f ReleaseFeed, now int64) *journal {
	return &journal{
		out: Change{Feed: f.Feed}, known: map[ObjectID][]Known{}, creators: map[ObjectID]string{}, now: now,
		old: f.Tail, head: f.Tail, added: f.LastAdded,
	}
}

// leave takes entries of an object out of their feeds, and appends again what comes into
// view by that.
func (a *advance) leave(o *advancing, leaving []Standing) {
	for place, j := range a.journals {
		first := int64(0)
		for _, x := range leaving {
			if x.Place != place {
				continue
			}
			if first == 0 {
				j.head++
			}
			if first == 0 || x.Line.Seq < first {
				first = x.Line.Seq
			}
			j.mark(j.line(o.m.ID, x.Line.Seq), MarkGone, j.head)
			a.out.Left++
		}
		if first == 0 {
			continue
		}
		for _, r := range hiddenFirst(j.known[o.m.ID], o.creator) {
			if r.seq < first {
				first = r.seq
			}
		}
		j.revive(o.m.ID)
		a.restand(o, place)
		if !slices.ContainsFunc(o.m.Standing, func(x Standing) bool { return x.Place != place || x.Line.Seq < first }) {
			a.shaken[o.m.ID] = true
		}
	}
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
	o.m.Standing = slices.DeleteFunc(o.m.Standing, func(x Standing) bool { return x.Place == place })
	for _, k := range a.journals[place].known[o.m.ID] {
		for _, l := range k.Lines {
			if l.Live() {
				o.m.Standing = append(o.m.Standing, Standing{Place: place, Line: l, Of: of[l.Content], Spec: k.Spec, Key: k.Key})
			}
		}
	}
}

// cascade takes out what refers to objects that have left, and what refers to that, and
// gives the objects of which something left: they may enter again.
func (a *advance) cascade() ([]*advancing, error) {
	if a.c.Agreement.Terms.OpenReferences {
		return nil, nil
	}
	var out []*advancing
	for len(a.shaken) > 0 {
		shaken := a.shaken
		a.shaken = map[ObjectID]bool{}
		var ids []ObjectID
		for id := range shaken {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if err := a.ask(ids); err != nil {
			return nil, err
		}
		referrers, err := a.lib.Referrers(ids)
		if err != nil {
			return nil, err
		}
		// What entered in this advance the library does not know.
		for id, o := range a.objects {
			if len(o.m.Standing) > 0 {
				referrers = append(referrers, id)
			}
		}
		if _, err := a.load(referrers); err != nil {
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
				if s := o.m.submission(&x); s != nil && a.lost(&x, s, shaken) {
					leaving = append(leaving, x)
				}
			}
			if len(leaving) > 0 {
				a.leave(o, leaving)
				out = append(out, o)
			}
		}
	}
	return out, nil
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
func (a *advance) lost(x *Standing, s *Submission, shaken map[ObjectID]bool) bool {
	for _, id := range s.Version.References {
		if !shaken[id] || id == s.Version.ID || a.presence[id]&InVocabulary != 0 {
			continue
		}
		to := a.objects[id]
		if !slices.ContainsFunc(to.m.Standing, func(y Standing) bool { return y.Place != x.Place || y.Line.Seq < x.Line.Seq }) {
			return true
		}
	}
	return false
}

// change is what the advance came to.
func (a *advance) change() Advanced {
	for _, j := range a.journals {
		if c := j.change(); c.Head != 0 {
			a.out.Feeds = append(a.out.Feeds, c)
			a.out.Entered += len(c.Lines)
		}
	}
	for id, o := range a.objects {
		if !o.settled {
			continue
		}
		a.out.Settled = append(a.out.Settled, id)
		a.out.Waits = append(a.out.Waits, o.waits...)
		for i := range o.candidates {
			c := &o.candidates[i]
			if missing := a.missing(c); len(missing) > 0 {
				a.out.Waits = append(a.out.Waits, Wait{Object: id, Place: c.s.Place, Seq: c.s.Seq, Content: c.s.Content,
					Reason: AwaitsReferences, Awaits: missing})
			}
		}
	}
	slices.Sort(a.out.Settled)
	slices.SortFunc(a.out.Waits, func(x, y Wait) int {
		if x.Place != y.Place {
			return x.Place - y.Place
		}
		return int(x.Seq - y.Seq)
	})
	return a.out
}
