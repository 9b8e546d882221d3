package entente

import "slices"

// arrive takes in the next submission of an object, and gives the objects of which
// something is new by that.
func (a *advance) arrive(x arrival) ([]*advancing, error) {
	o, m := x.o, x.o.m
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
	leaving, err := a.leaving(o, nil)
	if err != nil {
		return err
	}
	a.leave(o, leaving)
	stands := m.stands()
	for i := range m.Submissions {
		if s := &m.Submissions[i]; !stands(s) && (a.turned(s) || o.kept[s.resting()]) {
			a.judge(o, s)
		}
	}
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
	v := judge(s, o.m, a.c, o.kept[s.resting()])
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

func (s *Submission) resting() resting { return resting{s.Place, s.Content, s.Source} }
func (x *Standing) resting() resting   { return resting{x.Place, x.Of, x.Line.Source} }

// stands gives what tells of the object's submissions whether they stand.
func (m *Matter) stands() func(*Submission) bool {
	if len(m.Standing) <= 8 {
		return func(s *Submission) bool {
			return slices.ContainsFunc(m.Standing, func(x Standing) bool { return x.rests(s) })
		}
	}
	all := make(map[resting]bool, len(m.Standing))
	for i := range m.Standing {
		all[m.Standing[i].resting()] = true
	}
	return func(s *Submission) bool { return all[s.resting()] }
}

// leaving lists what stands of an object and may not: its source has deleted it, the rule
// does not let it go any more, or not with the marking that it has, or it does not stand as closed references
// ask for, and may only have to move. With only it looks at what rests on that submission.
func (a *advance) leaving(o *advancing, only *Submission) (out []Standing, err error) {
	m := o.m
	if len(m.Standing) == 0 {
		return nil, nil
	}
	of := map[resting]*Submission{}
	if only != nil {
		of[only.resting()] = only
	} else {
		for i := range m.Submissions {
			s := &m.Submissions[i]
			of[s.resting()] = s
		}
	}
	var moving []Standing
	for _, x := range m.Standing {
		s := of[x.resting()]
		if s == nil && only != nil || s != nil && !a.turned(s) {
			continue
		}
		stays := false
		if s != nil {
			if stays, err = a.stays(&x, s, m); err != nil {
				return nil, err
			}
		}
		switch {
		case !stays:
			out = append(out, x)
		case a.loosened(&x, s):
			moving = append(moving, x)
		}
	}
	if len(moving) > 0 {
		a.keep(o, moving)
	}
	return append(out, moving...), nil
}

// stays tells whether an entry may go on to stand: the rule lets it, with the marking that it has.
func (a *advance) stays(x *Standing, s *Submission, m *Matter) (bool, error) {
	v := judge(s, m, a.c, true)
	content := x.Of
	if v.Stamp != TLPNone {
		var err error
		if content, _, err = a.c.Copy(s, v.Stamp); err != nil {
			return false, err
		}
	}
	return v.Ruling == Released && content == x.Line.Content, nil
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

// reclaim finds which organisation made an object, by what stands of it.
func (a *advance) reclaim(o *advancing) (changed bool) {
	o.winners = o.winners[:0]
	return a.claimed(o, o.claimIn())
}

// claimIn gives the submission that names who made the object, as [Creator] has it, among
// those that stand and the winners.
func (o *advancing) claimIn() *Submission {
	switch x := o.m.Standing; {
	case len(x)+len(o.winners) == 0:
		return nil
	case len(x) == 0 && len(o.winners) == 1:
		return o.winners[0].s.claims()
	case len(x) == 1 && len(o.winners) == 0:
		if s := o.m.submission(&x[0]); s != nil {
			return s.claims()
		}
		return nil
	}
	if o.founding.first == nil {
		o.founding = foundingOf(o.resting())
	}
	f, plain := o.founding, true
	for _, c := range o.winners {
		plain = plain && f.add(c.s)
	}
	if plain {
		return f.named
	}
	all := o.resting()
	for _, c := range o.winners {
		all = append(all, c.s)
	}
	return foundingOf(all).named
}

// resting gives the submissions on which entries rest.
func (o *advancing) resting() []*Submission {
	var all []*Submission
	if len(o.m.Standing) == 0 {
		return nil
	}
	stands := o.m.stands()
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

func (a *advance) claimed(o *advancing, claim *Submission) (changed bool) {
	creator := a.creatorBy(claim)
	changed = creator != o.creator
	o.creator = creator
	if changed {
		for _, j := range a.journals {
			j.creators[o.m.ID] = creator
		}
	}
	return changed
}
