package entente

import "fmt"

// closure is rule 6, by what is there.
func (r *releasing) closure() Step {
	if r.t.OpenReferences {
		return r.pass(RuleClosure, "the terms let references point to what is not there")
	}
	if r.c.Present == nil {
		return r.pass(RuleClosure, "references are not judged here")
	}
	var missing []ObjectID
	for _, id := range r.s.Version.References {
		if id != r.m.ID && !r.c.Closed(id) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return r.pass(RuleClosure, "everything that it refers to is there")
	}
	step := r.step(RuleClosure, Pending, AwaitsReferences, "it refers to %s", listed(missing))
	step.Awaits = missing
	return step
}

// Closed tells whether a reference is no loose end.
func (c *Circumstances) Closed(id ObjectID) bool {
	if _, fixed := TLPOf(id); fixed {
		return true
	}
	if _, fixed := PAPOf(id); fixed {
		return true
	}
	return c.Present(id)
}

func listed(ids []ObjectID) string {
	const most = 3
	text := ""
	for i, id := range ids {
		switch {
		case i == most:
			return text + fmt.Sprintf(" and %d more", len(ids)-most)
		case i > 0:
			text += ", "
		}
		text += string(id)
	}
	return text
}
