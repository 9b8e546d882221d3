package entente

import (
	"iter"
	"slices"
	"strings"
)

// refersTo gives each object that a candidate refers to and may not enter without.
func (a *advance) refersTo(c *candidate) iter.Seq[ObjectID] {
	return func(yield func(ObjectID) bool) {
		if a.c.Agreement.Terms.OpenReferences {
			return
		}
		for _, id := range c.s.Version.References {
			if id != c.s.Version.ID && !fixed(id) && !yield(id) {
				return
			}
		}
	}
}

// needs gives each object that a candidate may not enter without.
func (a *advance) needs(c *candidate) iter.Seq[ObjectID] {
	return func(yield func(ObjectID) bool) {
		for id := range a.refersTo(c) {
			if !yield(id) {
				return
			}
		}
		for _, id := range c.verdict.With {
			if !slices.Contains(c.without, id) && !yield(id) {
				return
			}
		}
	}
}

// fixed tells whether an object is there by the standards: the definitions of TLP and PAP.
func fixed(id ObjectID) bool {
	if !strings.HasPrefix(string(id), "marking-definition--") {
		return false
	}
	if _, ok := TLPOf(id); ok {
		return true
	}
	_, ok := PAPOf(id)
	return ok
}

// there tells whether an object stands in a feed, or every member has it.
func (a *advance) there(id ObjectID) bool {
	if o := a.objects[id]; o != nil {
		return len(o.m.Standing) > 0 || a.presence[id]&InVocabulary != 0
	}
	return a.presence[id] != 0
}

func (a *advance) missing(c *candidate) []ObjectID {
	var out []ObjectID
	for id := range a.needs(c) {
		if !a.there(id) {
			out = append(out, id)
		}
	}
	return out
}

// unasked tells that the library has to tell where an object is. What is loaded tells by
// itself whether it stands, but not whether it belongs to a vocabulary.
func (a *advance) unasked(id ObjectID) bool {
	if _, ok := a.presence[id]; ok {
		return false
	}
	return a.objects[id] == nil || len(a.c.Agreement.Terms.Vocabularies) > 0
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

// waiters brings in what waits for objects that are not there, and gives it.
func (a *advance) waiters(ids []ObjectID) ([]*advancing, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var unknown []ObjectID
	for _, id := range ids {
		if !a.asked[id] {
			a.asked[id] = true
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		asked := make(map[ObjectID]bool, len(unknown))
		for _, id := range unknown {
			asked[id] = true
		}
		found, err := a.lib.Waiting(unknown)
		if err != nil {
			return nil, err
		}
		if err := a.load(found); err != nil {
			return nil, err
		}
		for _, id := range found {
			if o := a.objects[id]; o != nil {
				a.noteWaiting(o, asked)
			}
		}
	}
	var out []*advancing
	for _, id := range ids {
		out = append(out, a.awaiting[id]...)
	}
	return out, nil
}

// noteWaiting notes for which of the objects another may wait.
func (a *advance) noteWaiting(o *advancing, asked map[ObjectID]bool) {
	for i := range o.m.Submissions {
		for _, id := range o.m.Submissions[i].Version.References {
			if asked[id] {
				a.await(o, []ObjectID{id})
			}
		}
	}
	for _, d := range o.dissent {
		if asked[d.Object] {
			a.await(o, []ObjectID{d.Object})
		}
	}
}

// reach finds what may enter together with the objects of the front: what waits for them,
// over any distance. Nothing else can, since before the front became new nothing could:
// whatever enters now needs one of the front. So what a candidate needs that is neither
// there nor reached cannot enter now.
func (a *advance) reach(front []*advancing) ([]*advancing, error) {
	a.mark++
	all := a.reached[:0]
	defer func() { a.reached = all }()
	for level := front; len(level) > 0; {
		from := len(all)
		for _, o := range level {
			if o.mark == a.mark {
				continue
			}
			o.mark, o.hopes = a.mark, 0
			if !o.settled {
				if err := a.settle(o); err != nil {
					return nil, err
				}
			}
			all = append(all, o)
		}
		if err := a.providers(all[from:]); err != nil {
			return nil, err
		}
		var on []ObjectID
		for _, o := range all[from:] {
			for i := range o.candidates {
				if c := &o.candidates[i]; !a.hopeless(o, c) {
					o.hopes++
				}
			}
			if o.hopes > 0 && !a.there(o.m.ID) {
				on = append(on, o.m.ID)
			}
		}
		var err error
		if level, err = a.waiters(on); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// providers brings in what the candidates of objects need, and is not there.
func (a *advance) providers(objects []*advancing) error {
	var refs []ObjectID
	for _, o := range objects {
		for i := range o.candidates {
			for id := range a.needs(&o.candidates[i]) {
				if a.unasked(id) {
					refs = append(refs, id)
				}
			}
		}
	}
	if err := a.ask(refs); err != nil {
		return err
	}
	return a.load(slices.DeleteFunc(refs, a.there))
}

// hopeless tells, and notes, that a candidate needs something of which nothing may enter.
func (a *advance) hopeless(o *advancing, c *candidate) bool {
	c.dead = false
	for id := range a.needs(c) {
		if a.there(id) {
			continue
		}
		p := a.objects[id]
		if p != nil && !p.settled {
			// Nothing of it stands, so nothing can fail: only entries ask for copies.
			_ = a.settle(p)
		}
		if p == nil || len(p.candidates) == 0 {
			a.dies(o, c, id)
			return true
		}
	}
	return false
}

// dies rules out that a candidate enters now, and has it looked at again when what it lacks
// comes.
func (a *advance) dies(o *advancing, c *candidate, lacks ObjectID) {
	c.dead = true
	if c.watch != lacks {
		c.watch = lacks
		a.await(o, []ObjectID{lacks})
	}
}

// enter lets in every candidate of which all references are there, or enter too: the
// largest such set, so that a circle of references enters as a whole.
// What it gives is to be looked at again.
func (a *advance) enter(front []*advancing) (again []*advancing, err error) {
	var all []*advancing
	for found := true; found; found = a.unbind(all) { // each round lets something go without
		if all, err = a.reach(front); err != nil {
			return nil, err
		}
		a.close(all)
	}
	a.rebind(all)
	entering := all[:0]
	for _, o := range all {
		if o.hopes == 0 {
			continue
		}
		o.was = o.creator
		if a.contest(o); len(o.winners) > 0 {
			entering = append(entering, o)
		} else {
			a.entered(o)
		}
	}
	if len(entering) == 1 && len(entering[0].winners) == 1 {
		if err := a.append(entering[0], entering[0].winners[0]); err != nil {
			return nil, err
		}
		return a.haveEntered(entering)
	}
	for _, group := range a.order(entering) {
		for _, e := range group {
			if err := a.append(e.o, e.c); err != nil {
				return nil, err
			}
		}
	}
	return a.haveEntered(entering)
}

// haveEntered settles what of objects is left after something entered, and gives what is to
// be looked at again.
func (a *advance) haveEntered(all []*advancing) (again []*advancing, err error) {
	for _, o := range all {
		a.entered(o)
		if o.moot() || o.replaced { // what was replaced is a candidate again, and makes its claim
			o.replaced = false
			if err := a.settle(o); err != nil {
				return nil, err
			}
			again = append(again, o)
		}
	}
	return again, nil
}

// entered drops the candidates of an object that have entered. Those that another holds the
// place of stay: what they say counts where contests are decided.
func (a *advance) entered(o *advancing) {
	if a.reclaim(o) || o.creator != o.was {
		a.rearrange(o, make([]int64, len(a.journals)), true)
	}
	o.candidates = slices.DeleteFunc(o.candidates, func(c candidate) bool { return c.s == nil })
}

// entering is a candidate on its way into a feed.
type entering struct {
	o *advancing
	c *candidate
}

// close leaves alive the largest set of candidates that need nothing but each other and
// what is there, by ruling out those that need something else until nothing changes.
func (a *advance) close(all []*advancing) {
	var users map[ObjectID][]entering
	var dead []*advancing
	die := func(e entering, lacks ObjectID) {
		a.dies(e.o, e.c, lacks)
		if e.o.hopes--; e.o.hopes == 0 {
			dead = append(dead, e.o)
		}
	}
	for _, o := range all {
		for i := range o.candidates {
			c := &o.candidates[i]
			if c.dead {
				continue
			}
			for id := range a.needs(c) {
				if a.there(id) {
					continue
				}
				if p := a.objects[id]; p.mark != a.mark || p.hopes == 0 {
					die(entering{o, c}, id)
					break
				}
				if users == nil {
					users = map[ObjectID][]entering{}
				}
				users[id] = append(users[id], entering{o, c})
			}
		}
	}
	for len(dead) > 0 {
		id := dead[len(dead)-1].m.ID
		dead = dead[:len(dead)-1]
		if a.there(id) {
			continue
		}
		for _, u := range users[id] {
			if !u.c.dead {
				die(u, id)
			}
		}
	}
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
		if made != nil && !a.made[content] {
			a.made[content] = true
			a.out.Contents = append(a.out.Contents, NewContent{Content: content, Version: made})
		}
	}
	id := o.m.ID
	at := j.content(id, content, s.Version.Spec, s.Key)
	var first []int64
	if i := slices.IndexFunc(o.m.Standing, func(x Standing) bool { return x.takenBy(s) }); i >= 0 {
		first = a.gone(o, o.m.Standing[i:i+1])
	}
	line := j.enter(id, at, s.Source)
	x := Standing{Place: s.Place, Line: line, Of: s.Content, Spec: s.Version.Spec, Key: s.Key}
	o.m.Standing = append(o.m.Standing, x)
	a.stamped(&x)
	if !o.founding.add(s) {
		o.founding = founding{}
	}
	if o.told != nil {
		o.told.add(s)
	}
	if o.replaced = o.replaced || first != nil; first != nil {
		a.rearrange(o, first, false)
	}
	if a.referring != nil {
		a.refers(o, s)
	}
	a.out.In = append(a.out.In, id)
	a.enteredEarly(o, s)
	c.s = nil // it stands
	return nil
}
