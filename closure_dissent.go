package entente

import (
	"slices"
	"strings"
)

// counting gives the dissent that counts for a submission: home's, and that of the
// organisation that made the object. Who made it tells what stands together with the
// submission itself, as if that had entered: what readers do not see decides nothing here.
func (a *advance) counting(o *advancing, s *Submission) []Dissent {
	if len(o.dissent) == 0 {
		return nil
	}
	o.winners = append(o.winners[:0], &candidate{s: s})
	creator := a.creatorBy(o.claimIn())
	o.winners = o.winners[:0]
	var out []Dissent
	for _, d := range o.dissent {
		if d.Source == a.c.Home || creator != "" && d.Source == creator {
			out = append(out, d)
		}
	}
	return out
}

// judgeDissent finds out which dissent about an object may go by itself. Such that has not
// come yet does not count.
func (a *advance) judgeDissent(m *Matter, all []Dissent) {
	for i := range all {
		d := &all[i]
		d.Releasable, d.coming = false, false
		o := a.objects[d.Object]
		if o == nil {
			continue
		}
		d.coming = slices.ContainsFunc(o.later, d.says(m.ID)) && !slices.ContainsFunc(o.m.Submissions, d.says(m.ID))
		without := *o.m // dissent is not dissented for this rule
		without.Dissent, without.strict = nil, nil
		says := d.says(m.ID)
		d.Releasable = slices.ContainsFunc(o.m.Submissions, func(s Submission) bool { // others may have said something by the same id
			return says(s) && Release(&s, &without, a.c).Ruling == Released
		})
	}
}

// says gives what tells of submissions of the dissent whether they are its source's word
// about an object.
func (d *Dissent) says(about ObjectID) func(Submission) bool {
	return func(s Submission) bool { return s.Source == d.Source && slices.Contains(s.Version.References, about) }
}

// heldUntil is how long dissent may hold a submission back, in microseconds since 1970.
func (o *advancing) heldUntil(dissent ObjectID, s *Submission) int64 {
	since := s.Arrived
	for _, d := range o.dissent {
		if d.Object == dissent {
			since = max(since, d.Since)
		}
	}
	return since + DissentWait
}

// holds tells whether the terms have a submission wait for dissent that cannot enter now.
func (a *advance) holds(o *advancing, s *Submission, dissent ObjectID) bool {
	return a.c.Agreement.Terms.RequireDissent && a.c.Now < o.heldUntil(dissent, s)
}

// dueWithout is when a submission may go without the next of the dissent that goes with it
// and holds it back, in microseconds since 1970, 0 if none does.
func (a *advance) dueWithout(o *advancing, s *Submission, with []ObjectID) (until int64) {
	for _, id := range with {
		if at := o.heldUntil(id, s); !a.there(id) && a.holds(o, s, id) && (until == 0 || at < until) {
			until = at
		}
	}
	return until
}

// enters tells whether something of an object stands, or enters in the present look at what
// may: while that is under way, what nothing has ruled out yet.
func (a *advance) enters(id ObjectID) bool {
	o := a.objects[id]
	return a.there(id) || o != nil && o.mark == a.mark && o.hopes > 0
}

// unbind lets candidates go without dissent that the rule lets go, and that cannot enter for
// what it refers to: as for dissent that may not be released, nobody waits for it at all, or
// for longer than 72 hours. It tells whether that changes anything.
func (a *advance) unbind(all []*advancing) (changed bool) {
	for _, o := range all {
		for i := range o.candidates {
			c := &o.candidates[i]
			if !c.dead {
				continue
			}
			for _, id := range c.verdict.With {
				if slices.Contains(c.without, id) || a.enters(id) {
					continue
				}
				if !a.holds(o, c.s, id) {
					c.without = append(c.without, id)
					changed = true
				}
			}
		}
	}
	return changed
}

// rebind has dissent that enters after all enter together with what it is about. What waits
// on waits for its dissent too.
func (a *advance) rebind(all []*advancing) {
	for _, o := range all {
		for i := range o.candidates {
			c := &o.candidates[i]
			if len(c.without) == 0 {
				continue
			}
			if c.dead {
				c.without = nil
				continue
			}
			c.without = slices.DeleteFunc(c.without, a.enters)
			c.verdict.Contested = c.verdict.Contested || len(c.without) > 0
		}
	}
}

// moot tells whether anything of an object still waits for which dissent may count: after
// something of it entered, another organisation may be the one that made it.
func (o *advancing) moot() bool {
	return len(o.dissent) > 0 && len(o.candidates)+len(o.waits) > 0
}

// wakes tells whether a rule may have something wait for an object.
func wakes(id ObjectID) bool {
	return strings.HasPrefix(string(id), "marking-definition--") || strings.HasPrefix(string(id), "opinion--") || strings.HasPrefix(string(id), "note--")
}

// wake judges again what a rule has wait for an object about which something is new, and
// gives it: for dissent that may go now, or a marking definition that has come.
func (a *advance) wake(o *advancing) ([]*advancing, error) {
	id := o.m.ID
	if !wakes(id) {
		return nil, nil
	}
	waiting, err := a.waiters([]ObjectID{id})
	if err != nil {
		return nil, err
	}
	about := a.dissented[id]
	var out []*advancing
	for _, x := range slices.Concat(about, waiting) {
		if x == o || slices.Contains(out, x) {
			continue
		}
		if x.settled && !slices.Contains(about, x) && !slices.ContainsFunc(x.waits, func(w Wait) bool { return slices.Contains(w.Awaits, id) }) {
			continue
		}
		if err := a.settle(x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}
