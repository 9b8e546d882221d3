package selftest

import (
	"fmt"
	"math/rand/v2"
)

// generator draws a history.
type generator struct {
	*rand.Rand
	trial int
	h     *history
	maker [3]*thing // an identity of each party's own
}

// newHistory draws the history of a trial. Whatever it draws as hidden, and may show, is
// left out: the reference tells.
func newHistory(r *rand.Rand, trial int) *history {
	g := &generator{Rand: r, trial: trial, h: &history{}}
	g.h.terms = g.terms()
	if g.IntN(4) == 0 {
		g.h.terms.floor = level(1 + g.IntN(3))
	}
	g.h.terms.onward, g.h.terms.near, g.h.terms.client = g.IntN(3) == 0, g.IntN(2) == 0, g.IntN(4) == 0 && g.h.terms.highest > 1
	for w := range g.maker {
		g.maker[w] = g.thing("identity", nil)
	}
	for range 5 + g.IntN(7) {
		g.thing([]string{"malware", "malware", "tool", "relationship", "relationship", "report", "opinion"}[g.IntN(7)], g.someMaker())
	}
	for _, t := range g.h.things {
		n := map[string]int{"relationship": 2, "report": 1 + g.IntN(3), "opinion": 1}[t.typ]
		for range n {
			t.refs = append(t.refs, g.some())
		}
	}
	ref := newReference(g.h.terms)
	visible := 0
	for range 6 + g.IntN(10) {
		s := g.step()
		before := ref.shown()
		try := ref.clone()
		try.do(s)
		if s.hidden && try.shown() != before {
			s.hidden = false // it may show: then it happens to both
		}
		if !s.hidden {
			visible++
			s.number = visible
		}
		ref = try
		g.h.steps = append(g.h.steps, s)
	}
	g.h.keepApart()
	return g.h
}

func (g *generator) terms() agreed {
	a := agreed{highest: level(1 + g.IntN(4)), open: g.IntN(6) == 0, withdraw: g.IntN(4) == 0, noTools: g.IntN(4) == 0}
	if g.IntN(3) == 0 {
		a.unmarked = level(1 + g.IntN(int(a.highest)))
	}
	if g.IntN(4) == 0 {
		a.approval = level(1 + g.IntN(int(a.highest)))
	}
	return a
}

// keepApart makes sure that what is hidden changes nothing for what comes later either: a
// hidden step whose absence would show in the end is not hidden.
func (h *history) keepApart() {
	for changed := true; changed; {
		changed = false
		all, alone := newReference(h.terms), newReference(h.terms)
		for i := range h.steps {
			s := &h.steps[i]
			all.do(*s)
			if !s.hidden {
				alone.do(*s)
			}
			if all.shown() != alone.shown() {
				// The last hidden step about any of its objects is the cause, or one before it.
				for k := i; k >= 0; k-- {
					if h.steps[k].hidden {
						h.steps[k].hidden, changed = false, true
						break
					}
				}
				break
			}
		}
	}
	n := 0
	for i := range h.steps {
		if !h.steps[i].hidden {
			n++
			h.steps[i].number = n
		}
	}
}

func (g *generator) thing(typ string, maker *thing) *thing {
	n := len(g.h.things)
	t := &thing{number: n, typ: typ, maker: maker}
	t.id = fmt.Sprintf("%s--%08x-0000-4000-8000-%012x", typ, g.trial, g.Int64N(1<<32)<<12|int64(n))
	g.h.things = append(g.h.things, t)
	return t
}

func (g *generator) someMaker() *thing {
	if g.IntN(2) == 0 {
		return nil
	}
	return g.maker[g.IntN(len(g.maker))]
}

// some draws an object that is not an identity, unless there is a reason.
func (g *generator) some() *thing { return g.h.things[g.IntN(len(g.h.things))] }

func (g *generator) version(of *thing) version {
	v := version{of: of, maker: of.maker, refs: of.refs, second: g.IntN(4), variant: g.IntN(2), mark: level(1 + g.IntN(2))}
	switch g.IntN(8) {
	case 0:
		v.mark = 0
	case 1:
		v.mark = 5
	case 2:
		v.mark = level(3 + g.IntN(2))
	}
	v.told = telling(g.IntN(int(ways)))
	if g.IntN(6) == 0 {
		v.part = level(1 + g.IntN(5))
	}
	if g.IntN(6) == 0 { // it says something else of who made the object
		v.maker = g.someMaker()
	}
	return v
}

func (g *generator) step() step {
	s := step{hidden: g.IntN(2) == 0}
	switch n := g.IntN(30); {
	case n < 14:
		s.action, s.by = submit, who(g.IntN(3))
		if g.IntN(3) > 0 {
			s.by = home
		}
		for range 1 + g.IntN(4) {
			s.versions = append(s.versions, g.version(g.some()))
		}
	case n < 16:
		s.action, s.hidden = aside, true
		for range 1 + g.IntN(3) {
			s.versions = append(s.versions, g.version(g.some()))
		}
	case n < 18:
		s.action, s.by, s.object = remove, who(g.IntN(3)), g.some()
	case n < 19:
		s.action, s.object, s.hidden = decide, g.some(), false
	case n < 20:
		s.action, s.object, s.to = forAll, g.some(), level(2+g.IntN(5))
	case n < 21:
		s.action, s.object = lift, g.some()
	case n < 23:
		s.action, s.versions = approve, []version{g.known()}
		if g.IntN(4) == 0 {
			s.action = refuse
		}
	case n < 25:
		s.action, s.by, s.hidden = traffic, other, true
	case n < 26:
		s.action, s.terms, s.hidden = amend, g.terms(), false
		t := &g.h.terms
		s.terms.floor, s.terms.onward, s.terms.near, s.terms.client = t.floor, t.onward, t.near, t.client && s.terms.highest > 1
	case n < 27:
		s.action, s.hidden = pause, false
	case n < 29:
		s.action, s.kind, s.hidden = affair, g.IntN(len(affairs)), true
	default:
		s.action, s.by, s.hidden = stopped, other, true
		s.stays = len(g.h.steps)%2 == 0
	}
	if s.by == partner {
		s.hidden = false // what the partner does itself it knows
	}
	return s
}

// known draws a version that somebody submitted, if there is one.
func (g *generator) known() version {
	var all []version
	for _, s := range g.h.steps {
		if s.action == submit {
			all = append(all, s.versions...)
		}
	}
	if len(all) == 0 || g.IntN(6) == 0 {
		return g.version(g.some())
	}
	return all[g.IntN(len(all))]
}
