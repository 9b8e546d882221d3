package entente

import (
	"cmp"
	"slices"
)

// arrive takes in the next submission of an object, and gives the objects of which
// something is new by that.
func (a *advance) arrive(o *advancing) ([]*advancing, error) {
	m := o.m
	m.Submissions, o.later = append(m.Submissions, o.later[0]), o.later[1:]
	s := &m.Submissions[len(m.Submissions)-1]
	switch {
	case !o.settled || len(o.dissent) > 0 || a.stricterCame(o, s):
		if err := a.settle(o); err != nil {
			return nil, err
		}
	default:
		a.judge(o, s)
	}
	woken, err := a.wake(o)
	a.front[0] = o
	return append(a.front[:1:1], woken...), err
}

// stricterCame tells whether a new submission changes what the rule says of others of its
// object: it is the newest of its source that its marking keeps back.
func (a *advance) stricterCame(o *advancing, s *Submission) bool {
	r := releasing{s: s, m: o.m, c: a.c, t: &a.c.Agreement.Terms}
	if _, _, step := r.markingVerdict(s); step.Ruling == Released {
		return false
	}
	if o.m.strict != nil {
		if last := o.m.strict[s.Source]; last == nil || s.after(last) {
			o.m.strict[s.Source] = s
		}
	}
	return len(o.candidates)+len(o.waits)+len(o.m.Standing) > 0
}

// settle judges an object's submissions: what stands and may not leaves, what may go is a
// candidate, what waits is noted.
func (a *advance) settle(o *advancing) error {
	m := o.m
	a.begin(o)
	if len(m.Standing) > 0 {
		leaving, err := a.leaving(m)
		if err != nil {
			return err
		}
		if a.c.Closing {
			for _, x := range m.Standing {
				if s := m.submission(&x); s != nil && a.loose(&x, s) && !slices.Contains(leaving, x) {
					leaving = append(leaving, x)
				}
			}
		}
		a.leave(o, leaving)
	}
	stands := m.stands()
	for i := range m.Submissions {
		if s := &m.Submissions[i]; !stands(s) {
			a.judge(o, s)
		}
	}
	a.undecided(o)
	return nil
}

// begin makes an object ready to be judged.
func (a *advance) begin(o *advancing) {
	m := o.m
	m.strict = nil
	o.candidates, o.waits, o.withheld, o.settled = o.oneCandidate[:0], nil, nil, true
	a.judgeDissent(m, o.dissent)
}

// judge makes of a submission that does not stand what the rule says: a candidate, or
// something that waits.
func (a *advance) judge(o *advancing, s *Submission) {
	o.m.Dissent = a.counting(o, s)
	v := judge(s, o.m, a.c, o.kept[resting{s.Place, s.Content, s.Source}])
	if v.Ruling == Withheld && s.Step > 0 {
		o.withheld = append(o.withheld, HeldBack{s.Place, s.Content, v.Reason})
	}
	switch {
	case v.Ruling == Released:
		o.candidates = append(o.candidates, candidate{s: s, verdict: v})
	case v.Ruling == Pending:
		w := Wait{Object: o.m.ID, Place: s.Place, Seq: s.Seq, Content: s.Content, Reason: v.Reason, Awaits: v.Steps[0].Awaits, Fresh: s.Step > 0}
		if v.Reason == AwaitsDissent {
			w.until = v.Steps[0].Until
		}
		o.waits = append(o.waits, w)
		a.await(o, w.Awaits)
	case v.Reason == StricterNewer:
		a.awaitNewer(o, s)
	}
}

// awaitNewer notes that a submission which a newer one keeps back may go when the marking
// definition comes that makes the newer one too strict until then: that may wait for nothing
// itself, if it was refused for instance.
func (a *advance) awaitNewer(o *advancing, s *Submission) {
	newer := o.m.strict[s.Source]
	r := releasing{s: newer, m: o.m, c: a.c, t: &a.c.Agreement.Terms}
	_, _, step := r.markingVerdict(newer)
	if step.Ruling != Pending || slices.ContainsFunc(o.waits, func(w Wait) bool { return slices.Contains(w.Awaits, step.Awaits[0]) }) {
		return
	}
	o.waits = append(o.waits, Wait{Object: o.m.ID, Place: s.Place, Seq: s.Seq, Content: s.Content, Reason: AwaitsReferences, Awaits: step.Awaits})
	a.await(o, step.Awaits)
}

func (a *advance) await(o *advancing, ids []ObjectID) {
	for _, id := range ids {
		if of := a.awaiting[id]; len(of) == 0 || of[len(of)-1] != o {
			a.awaiting[id] = append(of, o)
		}
	}
}

// resting names a submission as far as entries rest on it.
type resting struct {
	place  int
	of     int64
	source string
}

// stands gives what tells of the object's submissions whether they stand.
func (m *Matter) stands() func(*Submission) bool {
	if len(m.Standing) <= 8 {
		return func(s *Submission) bool {
			return slices.ContainsFunc(m.Standing, func(x Standing) bool { return x.rests(s) })
		}
	}
	all := make(map[resting]bool, len(m.Standing))
	for i := range m.Standing {
		x := &m.Standing[i]
		all[resting{x.Place, x.Of, x.Line.Source}] = true
	}
	return func(s *Submission) bool { return all[resting{s.Place, s.Content, s.Source}] }
}

// leaving lists what stands of an object and may not: its source has deleted it, the rule
// does not let it go any more, or not with the marking that it has.
func (a *advance) leaving(m *Matter) ([]Standing, error) {
	of := make(map[resting]*Submission, len(m.Submissions))
	for i := range m.Submissions {
		s := &m.Submissions[i]
		of[resting{s.Place, s.Content, s.Source}] = s
	}
	var out []Standing
	for _, x := range m.Standing {
		s := of[resting{x.Place, x.Of, x.Line.Source}]
		stays := s != nil
		if stays {
			v := judge(s, m, a.c, true)
			content := x.Of
			if v.Stamp != TLPNone {
				var err error
				if content, _, err = a.c.Copy(s, v.Stamp); err != nil {
					return nil, err
				}
			}
			stays = v.Ruling == Released && content == x.Line.Content
		}
		if !stays {
			out = append(out, x)
		}
	}
	return out, nil
}

// undecided notes that somebody has to decide what becomes of older versions that stand
// although a newer one of their source is stricter than the terms.
func (a *advance) undecided(o *advancing) {
	if a.c.Agreement.Terms.WithdrawOlder {
		return
	}
	for source, newer := range o.m.strict {
		r := releasing{s: newer, m: o.m, c: a.c, t: &a.c.Agreement.Terms}
		if r.keptBeside(newer) != NoAction {
			continue
		}
		stands := o.m.stands()
		if slices.ContainsFunc(o.m.Submissions, func(s Submission) bool {
			return s.Source == source && s.Content != newer.Content && newer.after(&s) && stands(&s)
		}) {
			o.waits = append(o.waits, Wait{Object: o.m.ID, Place: newer.Place, Seq: newer.Seq, Content: newer.Content, Reason: AwaitsDecision})
		}
	}
}

// place tells whether what stands holds the place of a submission, and at which position
// stands what it takes the place of: the contents of the object's creator replace others'.
func (o *advancing) place(s *Submission) (replaces int64, held bool) {
	mine := o.creator != "" && s.Source == o.creator
	for i := range o.m.Standing {
		x := &o.m.Standing[i]
		switch {
		case x.Place != s.Place:
		case x.Of == s.Content:
			return 0, true // whoever repeats an entry never becomes its origin
		case x.takenBy(s):
			if !mine || x.Line.Source == o.creator {
				return 0, true
			}
			replaces = x.Line.Seq
		}
	}
	return replaces, false
}

// takenBy tells whether a submission has the version whose place an entry holds.
func (x *Standing) takenBy(s *Submission) bool {
	return x.Place == s.Place && s.Key.Micros != Unversioned && x.Spec == s.Version.Spec && x.Key == s.Key
}

// contest leaves of the candidates of an object that may enter those that have a place: one
// content for a version, and each content once. The creator's organisation comes first,
// then what stands, then what came first. Who made it tells the first claim among what
// stands and what may enter: others, that readers never see, decide nothing here.
func (a *advance) contest(o *advancing) {
	o.winners = o.winners[:0]
	for i := range o.candidates {
		if c := &o.candidates[i]; !c.dead {
			o.winners = append(o.winners, c)
		}
	}
	a.claimed(o, o.claimIn(nil)) // while it is decided
	slices.SortFunc(o.winners, func(x, y *candidate) int {
		if o.creator != "" && (x.s.Source == o.creator) != (y.s.Source == o.creator) {
			if x.s.Source == o.creator {
				return -1
			}
			return 1
		}
		return x.s.arrival(y.s)
	})
	kept, replaced := o.winners[:0], []int64(nil)
	for _, c := range o.winners {
		held := slices.ContainsFunc(kept, func(k *candidate) bool {
			return k.s.Place == c.s.Place && (k.s.Content == c.s.Content ||
				c.s.Key.Micros != Unversioned && k.s.Key == c.s.Key && k.s.Version.Spec == c.s.Version.Spec)
		})
		if !held {
			var at int64
			if at, held = o.place(c.s); at != 0 {
				replaced = append(replaced, at)
			}
		}
		if !held {
			kept = append(kept, c)
		}
	}
	o.winners = kept
	a.claimed(o, o.claimIn(replaced)) // as it will be
	slices.SortFunc(o.winners, func(x, y *candidate) int { return cmp.Compare(x.s.arrival(y.s), 0) })
}

// reclaim finds which organisation made an object, by what stands of it.
func (a *advance) reclaim(o *advancing) (changed bool) {
	o.winners = o.winners[:0]
	return a.claimed(o, o.claimIn(nil))
}

// claimIn gives the submission that names who made the object, as [Creator] has it, among
// those that stand, but for entries that are replaced, and the winners.
func (o *advancing) claimIn(replaced []int64) *Submission {
	switch x := o.m.Standing; {
	case len(x)+len(o.winners) == 0:
		return nil
	case len(x) == 0 && len(o.winners) == 1:
		return o.winners[0].s.claims()
	case len(x) == 1 && len(o.winners) == 0 && len(replaced) == 0:
		if s := o.m.submission(&x[0]); s != nil {
			return s.claims()
		}
		return nil
	}
	if len(replaced) == 0 && len(o.m.Standing) > 0 {
		if o.founding.first == nil {
			o.founding = foundingOf(o.resting(nil))
		}
		f, plain := o.founding, true
		for _, c := range o.winners {
			plain = plain && f.add(c.s)
		}
		if plain {
			return f.named
		}
	}
	all := o.resting(replaced)
	for _, c := range o.winners {
		all = append(all, c.s)
	}
	return foundingOf(all).named
}

// resting gives the submissions on which entries rest, but for entries that are replaced.
func (o *advancing) resting(replaced []int64) []*Submission {
	var all []*Submission
	if len(o.m.Standing) == 0 {
		return nil
	}
	left := *o.m
	if len(replaced) > 0 {
		left.Standing = slices.DeleteFunc(slices.Clone(left.Standing), func(x Standing) bool {
			return slices.ContainsFunc(o.winners, func(c *candidate) bool { return c.s.Place == x.Place }) && slices.Contains(replaced, x.Line.Seq)
		})
	}
	stands := left.stands()
	for i := range o.m.Submissions {
		if s := &o.m.Submissions[i]; stands(s) {
			all = append(all, s)
		}
	}
	return all
}

// founding is what tells who made an object: the submission that came first, and the first
// of its source that names somebody. It is kept while entries are only added: an object may
// have thousands.
type founding struct{ first, named *Submission }

func foundingOf(all []*Submission) founding {
	var f founding
	for _, s := range all {
		if f.first == nil || s.before(f.first) {
			f.first = s
		}
	}
	for _, s := range all {
		if s.Source == f.first.Source && s.Version.CreatedBy != "" && (f.named == nil || s.before(f.named)) {
			f.named = s
		}
	}
	return f
}

// add takes one more in; it reports false where all have to be looked at again, as another
// source comes first now.
func (f *founding) add(s *Submission) bool {
	if f.first == nil {
		return false
	}
	if s.before(f.first) {
		if s.Source != f.first.Source {
			return false
		}
		f.first = s
	}
	if s.Source == f.first.Source && s.Version.CreatedBy != "" && (f.named == nil || s.before(f.named)) {
		f.named = s
	}
	return true
}

// claims is the submission if it names who made the object, else nil.
func (s *Submission) claims() *Submission {
	if s.Version.CreatedBy == "" {
		return nil
	}
	return s
}

func (a *advance) claimed(o *advancing, claim *Submission) (changed bool) {
	creator := ""
	if claim != nil {
		creator = a.c.Owner(claim.Version.CreatedBy)
	}
	changed = creator != o.creator
	o.claim, o.creator = claim, creator
	if changed {
		for _, j := range a.journals {
			j.creators[o.m.ID] = creator
		}
	}
	return changed
}
