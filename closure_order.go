package entente

import (
	"iter"
	"slices"
)

// order puts what enters in order: what is referred to before what refers to it, circles as
// one group, and else by when the first of an object's versions came. Dissent comes behind
// what it is about, which does not go without it.
func (a *advance) order(objects []*advancing) [][]entering {
	if len(objects) == 1 {
		return [][]entering{group(objects)}
	}
	slices.SortFunc(objects, func(x, y *advancing) int { return x.winners[0].s.arrival(y.winners[0].s) })
	var out [][]entering
	for _, of := range a.circles(objects, a.needs) {
		bound := len(of) > 1 && slices.ContainsFunc(of, func(o *advancing) bool {
			return slices.ContainsFunc(o.winners, func(c *candidate) bool { return len(c.verdict.With) > 0 })
		})
		if !bound {
			out = append(out, group(of))
			continue
		}
		slices.SortFunc(of, func(x, y *advancing) int { return x.winners[0].s.arrival(y.winners[0].s) })
		for _, of := range a.circles(of, a.refersTo) {
			out = append(out, group(of))
		}
	}
	return out
}

// circles parts objects into those that need each other, what others need first. What is
// there already, and stays, nobody needs to come before.
func (a *advance) circles(objects []*advancing, needs func(*candidate) iter.Seq[ObjectID]) [][]*advancing {
	ids := make([]ObjectID, 0, len(objects))
	enters := make(map[ObjectID]*advancing, len(objects))
	for _, o := range objects {
		ids = append(ids, o.m.ID)
		enters[o.m.ID] = o
	}
	groups := components(ids, func(id ObjectID) []ObjectID {
		var out []ObjectID
		for _, c := range enters[id].winners {
			for to := range needs(c) {
				if o := enters[to]; o != nil && !o.stays() {
					out = append(out, to)
				}
			}
		}
		return out
	})
	out := make([][]*advancing, 0, len(groups))
	for _, g := range groups {
		var of []*advancing
		for _, id := range g {
			of = append(of, enters[id])
		}
		out = append(out, of)
	}
	return out
}

// group puts what enters of objects in order of arrival.
func group(of []*advancing) []entering {
	n := 0
	for _, o := range of {
		n += len(o.winners)
	}
	out := make([]entering, 0, n)
	for _, o := range of {
		for _, c := range o.winners {
			out = append(out, entering{o, c})
		}
	}
	slices.SortStableFunc(out, func(x, y entering) int { return x.c.s.arrival(y.c.s) })
	return out
}

// stays tells whether an entry of the object stands whose place none of the winners takes.
func (o *advancing) stays() bool {
	return slices.ContainsFunc(o.m.Standing, func(x Standing) bool {
		return !slices.ContainsFunc(o.winners, func(c *candidate) bool { return x.takenBy(c.s) })
	})
}
