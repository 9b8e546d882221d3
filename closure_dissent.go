package entente

import "slices"

// noteWait remembers which objects wait for others by a rule, for the steps to come.
func (a *advance) noteWait(o *advancing, ids []ObjectID) {
	for _, id := range ids {
		if !slices.Contains(a.awaiting[id], o) {
			a.awaiting[id] = append(a.awaiting[id], o)
		}
	}
}

// waitingFor adds to a queue what an earlier step left waiting, by a rule, for something in it.
// What earlier advances left waiting the library tells.
func (a *advance) waitingFor(queue []*advancing) []*advancing {
	for _, o := range slices.Clone(queue) {
		for _, w := range a.awaiting[o.m.ID] {
			waits := slices.ContainsFunc(w.waits, func(x Wait) bool { return slices.Contains(x.Awaits, o.m.ID) })
			if waits && !slices.Contains(queue, w) {
				queue = append(queue, w)
			}
		}
	}
	return queue
}

// unbind lets candidates go without dissent that the rule lets go, and that cannot enter for
// what it refers to: as for dissent that may not be released, nobody waits for it at all, or
// for longer than 72 hours. It tells whether that changes anything.
func (a *advance) unbind(all []*advancing, alive map[ObjectID][]entering) (changed bool) {
	for _, o := range all {
		for i := range o.candidates {
			c := &o.candidates[i]
			c.without = nil
			if len(c.verdict.With) == 0 || slices.ContainsFunc(alive[o.m.ID], func(e entering) bool { return e.c == c }) {
				continue
			}
			for _, id := range c.verdict.With {
				if a.there(id) || len(alive[id]) > 0 {
					continue
				}
				if until := o.m.heldUntil(id, c.s); a.c.Agreement.Terms.RequireDissent && a.c.Now < until {
					a.out.Due = append(a.out.Due, Due{o.m.ID, until})
					continue
				}
				c.without = append(c.without, id)
				changed = true
			}
		}
	}
	return changed
}

// heldUntil is how long dissent may hold a version back, in microseconds since 1970.
func (m *Matter) heldUntil(dissent ObjectID, s *Submission) int64 {
	since := s.Arrived
	for _, d := range m.Dissent {
		if d.Object == dissent {
			since = max(since, d.Since)
		}
	}
	return since + DissentWait
}

// rebind has dissent that enters after all enter together with what it is about.
func (a *advance) rebind(all []*advancing, alive map[ObjectID][]entering) {
	for _, o := range all {
		for i := range o.candidates {
			c := &o.candidates[i]
			if !slices.ContainsFunc(alive[o.m.ID], func(e entering) bool { return e.c == c }) {
				c.without = nil // it waits, for its dissent too
				continue
			}
			c.without = slices.DeleteFunc(c.without, func(id ObjectID) bool { return len(alive[id]) > 0 })
			c.verdict.Contested = c.verdict.Contested || len(c.without) > 0
		}
	}
}
