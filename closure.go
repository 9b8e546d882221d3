package entente

import (
	"cmp"
	"slices"
)

// needs calls f for each object that a candidate may not enter without.
func (a *advance) needs(c *candidate, f func(ObjectID)) {
	if !a.c.Agreement.Terms.OpenReferences {
		for _, id := range c.s.Version.References {
			if id != c.s.Version.ID && !fixed(id) {
				f(id)
			}
		}
	}
	for _, id := range c.verdict.With {
		if !slices.Contains(c.without, id) {
			f(id)
		}
	}
}

// fixed tells whether an object is there by the standards: the definitions of TLP and PAP.
func fixed(id ObjectID) bool {
	if _, ok := TLPOf(id); ok {
		return true
	}
	_, ok := PAPOf(id)
	return ok
}

// there tells whether an object stands in a feed, or every member has it.
func (a *advance) there(id ObjectID) bool {
	if o := a.objects[id]; o != nil && len(o.m.Standing) > 0 {
		return true
	} else if o != nil {
		return a.presence[id]&InVocabulary != 0
	}
	return a.presence[id] != 0
}

func (a *advance) missing(c *candidate) []ObjectID {
	var out []ObjectID
	a.needs(c, func(id ObjectID) {
		if !a.there(id) {
			out = append(out, id)
		}
	})
	return out
}

// ask has the library tell of objects where they are.
func (a *advance) ask(ids []ObjectID) error {
	var unknown []ObjectID
	for _, id := range ids {
		if _, ok := a.presence[id]; !ok {
			a.presence[id] = 0
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := a.lib.Present(unknown)
	for id, p := range found {
		a.presence[id] = p
	}
	return err
}

// reach finds the objects whose candidates may enter together with those of the queue:
// what they refer to and what waits for them, over any distance.
func (a *advance) reach(queue []*advancing) ([]*advancing, error) {
	seen := map[*advancing]bool{}
	var all []*advancing
	frontier := queue
	for len(frontier) > 0 {
		var next []*advancing
		var refs, waits []ObjectID
		for _, o := range frontier {
			if seen[o] {
				continue
			}
			seen[o] = true
			if !o.settled { // it came along with another
				if err := a.settle(o); err != nil {
					return nil, err
				}
			}
			all = append(all, o)
			// Objects may wait for a definition to be supplied by their own source, though
			// another's stands.
			defines := o.m.ID.Type() == "marking-definition"
			if len(o.candidates) == 0 && !defines {
				continue
			}
			if id := o.m.ID; !a.asked[id] && (defines || !a.there(id)) {
				waits = append(waits, id)
			}
			next = append(next, a.awaiting[o.m.ID]...)
			for i := range o.candidates {
				a.needs(&o.candidates[i], func(id ObjectID) { refs = append(refs, id) })
			}
		}
		slices.Sort(refs)
		refs = slices.Compact(refs)
		if err := a.ask(refs); err != nil {
			return nil, err
		}
		for _, id := range refs {
			if a.there(id) {
				continue
			}
			if o := a.objects[id]; o != nil {
				next = append(next, o)
			} else if !a.asked[id] {
				waits = append(waits, id)
			}
		}
		for _, id := range waits {
			a.asked[id] = true
		}
		if len(waits) > 0 {
			ids, err := a.lib.Waiting(waits)
			if err != nil {
				return nil, err
			}
			loaded, err := a.load(ids)
			if err != nil {
				return nil, err
			}
			next = append(next, loaded...)
		}
		frontier = next
	}
	return all, nil
}

// enter lets in every candidate of which all references are there, or enter too: the
// largest such set, so that a circle of references enters as a whole.
func (a *advance) enter(queue []*advancing) error {
	all, err := a.reach(queue)
	if err != nil {
		return err
	}
	a.await(all)
	alive := a.close(all)
	if a.unbind(all, alive) {
		alive = a.close(all)
		a.rebind(all, alive)
	}
	for _, group := range a.order(alive) {
		for _, e := range group {
			if err := a.append(e.o, e.c); err != nil {
				return err
			}
		}
	}
	for _, o := range all {
		o.candidates = slices.DeleteFunc(o.candidates, func(c candidate) bool { return c.s == nil })
	}
	return nil
}

// await notes what objects wait for, for the steps to come.
func (a *advance) await(all []*advancing) {
	for _, o := range all {
		for i := range o.candidates {
			a.needs(&o.candidates[i], func(id ObjectID) {
				if !a.there(id) && !slices.Contains(a.awaiting[id], o) {
					a.awaiting[id] = append(a.awaiting[id], o)
				}
			})
		}
	}
}

// entering is a candidate on its way into a feed.
type entering struct {
	o *advancing
	c *candidate
}

// close gives the largest set of candidates that refer to nothing but each other and what
// is there, by taking out those that refer to something else until nothing changes.
func (a *advance) close(all []*advancing) map[ObjectID][]entering {
	alive := map[ObjectID][]entering{}
	users := map[ObjectID][]entering{}
	var dead []entering
	for _, o := range all {
		for i := range o.candidates {
			alive[o.m.ID] = append(alive[o.m.ID], entering{o, &o.candidates[i]})
		}
	}
	for _, o := range all {
		for _, e := range alive[o.m.ID] {
			e.c.open = 0
			a.needs(e.c, func(id ObjectID) {
				if a.there(id) {
					return
				}
				users[id] = append(users[id], e)
				if len(alive[id]) == 0 {
					e.c.open++
				}
			})
			if e.c.open > 0 {
				dead = append(dead, e)
			}
		}
	}
	for len(dead) > 0 {
		e := dead[len(dead)-1]
		dead = dead[:len(dead)-1]
		id := e.o.m.ID
		left := slices.DeleteFunc(alive[id], func(x entering) bool { return x.c == e.c })
		alive[id] = left
		if len(left) > 0 || a.there(id) {
			continue
		}
		for _, u := range users[id] {
			if u.c.open++; u.c.open == 1 {
				dead = append(dead, u)
			}
		}
	}
	return alive
}

// order puts what enters in order: what is referred to before what refers to it, circles as
// one group, and else by when the last of what a group needs came.
func (a *advance) order(alive map[ObjectID][]entering) [][]entering {
	var ids []ObjectID
	for id, es := range alive {
		if len(es) > 0 {
			ids = append(ids, id)
			slices.SortFunc(es, func(x, y entering) int { return x.c.s.arrival(y.c.s) })
		}
	}
	slices.SortFunc(ids, func(x, y ObjectID) int { return alive[x][0].c.s.arrival(alive[y][0].c.s) })
	edges := func(id ObjectID) []ObjectID {
		var out []ObjectID
		for _, e := range alive[id] {
			a.needs(e.c, func(to ObjectID) {
				if to != id && len(alive[to]) > 0 {
					out = append(out, to)
				}
			})
		}
		return out
	}
	groups := components(ids, edges)
	// When a group is complete: the latest arrival among what it holds and what it needs.
	ready := map[ObjectID]*Submission{}
	last := make([]*Submission, len(groups))
	at := make([]int, len(groups))
	for i, g := range groups {
		at[i] = i
		later := func(s *Submission) {
			if s != nil && (last[i] == nil || s.arrival(last[i]) > 0) {
				last[i] = s
			}
		}
		for _, id := range g {
			// An object that stands already does not make others wait for its next version.
			for _, e := range alive[id] {
				later(e.c.s)
			}
			for _, to := range edges(id) {
				later(ready[to])
			}
		}
		for _, id := range g {
			ready[id] = last[i]
		}
	}
	slices.SortStableFunc(at, func(x, y int) int { return cmp.Or(last[x].arrival(last[y]), cmp.Compare(x, y)) })
	out := make([][]entering, 0, len(groups))
	for _, i := range at {
		var group []entering
		for _, id := range groups[i] {
			group = append(group, alive[id]...)
		}
		slices.SortStableFunc(group, func(x, y entering) int { return x.c.s.arrival(y.c.s) })
		out = append(out, group)
	}
	return out
}

// append writes an entry.
func (a *advance) append(o *advancing, c *candidate) error {
	s, j := c.s, a.journals[c.s.Place]
	content := s.Content
	if c.verdict.Stamp != TLPNone {
		copied, made, err := a.c.Copy(s, c.verdict.Stamp)
		if err != nil {
			return err
		}
		content = copied
		if made != nil {
			a.out.Contents = append(a.out.Contents, NewContent{Content: content, Version: made})
			a.out.Stamped = append(a.out.Stamped, [2]int64{content, s.Content})
		}
	}
	id := o.m.ID
	at := slices.IndexFunc(j.known[id], func(k Known) bool { return k.Content == content })
	if at < 0 {
		at = len(j.known[id])
		j.known[id] = append(j.known[id], Known{Content: content, Spec: s.Version.Spec, Key: s.Key})
	}
	if c.replaces != 0 {
		x := Standing{Place: s.Place, Line: *j.line(id, c.replaces)}
		a.leave(o, []Standing{x})
	}
	line := j.enter(id, at, s.Source)
	o.m.Standing = append(o.m.Standing, Standing{Place: s.Place, Line: line, Of: s.Content, Spec: s.Version.Spec, Key: s.Key})
	a.out.In = append(a.out.In, id)
	c.s = nil // it stands
	return nil
}
