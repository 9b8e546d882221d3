package entente

import "slices"

// Explanation is what the release rule says of one submission, and where that stands.
type Explanation struct {
	Submission
	Verdict Verdict   // with what each rule saw
	Entry   *Standing // its entry in the feed, nil if it has none
	// Contested tells that whatever the rule says another entry has its place: the same
	// content of another source, or another content of the same version. Holder is that entry.
	Contested bool
	Holder    *Standing
	// Undecided tells that somebody has to decide what becomes of older versions that stand
	// beside this one, which is stricter than the terms.
	Undecided bool
}

// Explain tells what the release rule says of every submission of an object, in the order
// of places and positions, and what was decided about the object. It judges as [Advance]
// does, and changes nothing: once the feeds are carried on, what it calls released stands,
// unless it is contested.
func Explain(c *Circumstances, lib Library, id ObjectID) ([]Explanation, *Matter, error) {
	a := newAdvance(c, lib, 1)
	if err := a.load([]ObjectID{id}); err != nil {
		return nil, nil, err
	}
	o := a.objects[id]
	if o == nil {
		return nil, &Matter{ID: id}, nil
	}
	a.begin(o)
	if err := a.provide([]*advancing{o}); err != nil {
		return nil, nil, err
	}
	telling := *a.c
	telling.Telling, telling.Present = true, a.there
	contest := a.newContesting(o)
	var out []Explanation
	for i := range o.m.Submissions {
		s := &o.m.Submissions[i]
		o.m.Dissent = a.counting(o, s)
		e := Explanation{Submission: *s, Verdict: Release(s, o.m, &telling)}
		for k := range o.m.Standing {
			if x := &o.m.Standing[k]; x.rests(s) && (e.Entry == nil || x.Line.Seq > e.Entry.Line.Seq) {
				e.Entry = x
			}
		}
		if e.Entry == nil {
			a.explainDissent(o, s, &e.Verdict)
			if !contest.gets(s) {
				e.Contested, e.Holder = true, o.m.holder(s)
			}
		}
		out = append(out, e)
	}
	a.undecided(o)
	for i := range out {
		e := &out[i]
		e.Undecided = slices.ContainsFunc(o.waits, func(w Wait) bool { return w.Place == e.Place && w.Seq == e.Seq && w.Reason == AwaitsDecision })
	}
	return out, o.m, nil
}

// explainDissent has a version wait for dissent that goes with it and is not there yet, as
// long as the terms have it wait.
func (a *advance) explainDissent(o *advancing, s *Submission, v *Verdict) {
	var missing []ObjectID
	for _, id := range v.With {
		if !a.there(id) && a.holds(o, s, id) {
			missing = append(missing, id)
		}
	}
	if v.Ruling != Released || len(missing) == 0 {
		return
	}
	v.Ruling, v.Reason = Pending, AwaitsDissent
	for i := range v.Steps {
		if v.Steps[i].Rule == RuleDissent {
			v.Steps[i] = Step{Rule: RuleDissent, Ruling: Pending, Reason: AwaitsDissent, Awaits: missing, Until: a.dueWithout(o, s, v.With),
				Saw: "its dissent goes with it, and waits itself, for which it waits 72 hours at most: " + listed(missing)}
		}
	}
}
