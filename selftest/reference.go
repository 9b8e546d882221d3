package selftest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// reference works out what a partner's feed holds, from the terms and the steps alone, in
// the plainest way: everything is gone through again after each step. It shares no code
// with the product.
type reference struct {
	terms    agreed
	held     []holding
	all      []holding        // that ever came
	limits   map[*thing]level // what home restricted
	words    []word           // of those who decide, oldest first
	deleted  map[tombstone]bool
	was      map[string]bool // what ever was in the feed, by its source
	appended int             // how many entries there ever were
	order    int
	stopped  bool // the other partner is
	// While everything is judged again: what came up to turn has had its turn, and entries up to last
	// are from before. Else turn is 0.
	turn, last int
}

// word is a decision about a version, or about an object as a whole.
type word struct {
	action action
	object *thing
	text   string // of the version, "" for the whole
}

func (w word) about(h *holding) bool { return w.object == h.of && (w.text == "" || w.text == h.text()) }

// tombstone tells that a source deleted a version that it had submitted.
type tombstone struct {
	of     *thing
	second int
	by     who
}

// holding is a version that a source submitted.
type holding struct {
	version
	by    who
	came  int
	entry int   // its place among all entries ever, 0 while it is in no feed
	stamp level // what the entry is stamped with, 0 for nothing
	stood bool  // whether it was in the feed before the present event
}

func newReference(t agreed) *reference {
	return &reference{terms: t, limits: map[*thing]level{}, deleted: map[tombstone]bool{}, was: map[string]bool{}}
}

func (r *reference) clone() *reference {
	c := *r
	c.held, c.all, c.words = slices.Clone(r.held), slices.Clone(r.all), slices.Clone(r.words)
	c.limits, c.deleted, c.was = maps.Clone(r.limits), maps.Clone(r.deleted), maps.Clone(r.was)
	return &c
}

// do lives through one step.
func (r *reference) do(s step) {
	if s.action == stopped {
		r.stopped = s.stays
	}
	if s.by == other && r.stopped {
		return // it is not heard
	}
	switch s.action {
	case submit:
		for _, v := range s.versions { // one after another, also within a batch
			r.take(v, s.by)
			r.settle()
		}
	case remove:
		// Of what home has made it deletes what others supplied as well.
		maker, known := r.maker(s.object)
		everything := s.by == home && known && maker == home
		r.held = slices.DeleteFunc(r.held, func(h holding) bool {
			own := h.of == s.object && h.by == s.by
			if own {
				r.deleted[tombstone{h.of, h.second, h.by}] = true
			}
			return own || h.of == s.object && everything
		})
	case decide:
		r.words = append(r.words, word{decide, s.object, ""})
	case approve, refuse:
		r.words = append(r.words, word{s.action, s.versions[0].of, s.versions[0].text()})
	case forAll:
		r.limits[s.object] = max(r.limits[s.object], s.to)
	case amend:
		r.terms = s.terms
		r.again()
	case pause:
		r.again()
	case lift:
		delete(r.limits, s.object)
	default:
		return
	}
	r.settle()
}

// take is one submission. The same again is nothing new, and what a source has deleted it
// does not bring back by chance.
func (r *reference) take(v version, by who) {
	stands := false
	for _, h := range r.held {
		if h.by == by && h.text() == v.text() {
			return
		}
		stands = stands || h.by == by && h.of == v.of && h.second == v.second
	}
	if r.deleted[tombstone{v.of, v.second, by}] && !stands {
		return
	}
	r.order++
	r.held = append(r.held, holding{version: v, by: by, came: r.order})
	r.all = append(r.all, r.held[len(r.held)-1])
}

// marking is the level that counts, 0 if there is none, and the one that is stamped onto the
// object, 0 where it says itself what holds for it as a whole.
func (r *reference) marking(h *holding) (counts, stamp level) {
	whole := max(h.mark, r.terms.floor)
	if whole == 0 {
		whole = r.terms.unmarked
	}
	if whole == 0 {
		return 0, 0
	}
	whole = max(whole, r.limits[h.of])
	counts = max(whole, h.part)
	if whole > h.mark {
		stamp = counts
	}
	return counts, stamp
}

// within tells whether the marking lets it go at all.
func (r *reference) within(h *holding) bool {
	m, _ := r.marking(h)
	return m != 0 && m <= r.terms.highest && m < 5
}

// decided tells whether those who decide let a version go; whether it enters matters, as what
// is there has had its approval.
func (r *reference) decided(h *holding, enters bool) bool {
	withdrawn, refused, approved := false, false, false
	for _, w := range r.words {
		if !w.about(h) {
			continue
		}
		switch w.action {
		case decide:
			withdrawn, refused, approved = true, false, false
		case refuse:
			refused, approved = true, false
		case approve:
			withdrawn, refused, approved = false, false, true
		}
	}
	m, _ := r.marking(h)
	return !withdrawn && !refused && (approved || !enters || r.terms.approval == 0 || m < r.terms.approval)
}

// allowed tells whether a version may be in the feed by itself.
func (r *reference) allowed(h *holding) bool {
	if !r.within(h) || !r.decided(h, h.entry == 0 && !h.stood) || r.terms.noTools && h.of.typ == "tool" {
		return false
	}
	if h.by == other && !r.goesOn(h) {
		return false
	}
	for i := range r.held {
		n := &r.held[i]
		if n.of == h.of && n.by == h.by && n.second > h.second && !r.within(n) && (h.entry == 0 && !h.stood || r.terms.withdraw) {
			return false
		}
	}
	return true
}

// goesOn tells whether what came through the other's agreement may go on to the partner.
func (r *reference) goesOn(h *holding) bool {
	switch m, _ := r.marking(h); m {
	case 1:
		return r.terms.onward
	case 2:
		return r.terms.onward && (r.terms.near || r.terms.client)
	case 3:
		return r.terms.onward && r.terms.client
	}
	return false
}

// maker is the party that made an object: whose identity is named first by whoever came first.
func (r *reference) maker(t *thing) (who, bool) {
	return makerOf(slices.DeleteFunc(slices.Clone(r.all), func(h holding) bool { return h.of != t }))
}

// shownMaker is the same by what was in the feed ever and is held, and by those given.
func (r *reference) shownMaker(t *thing, with ...holding) (who, bool) {
	for _, h := range r.held {
		if h.of == t && r.was[h.by.String()+h.text()] {
			with = append(with, h)
		}
	}
	return makerOf(with)
}

func makerOf(all []holding) (who, bool) {
	slices.SortFunc(all, func(a, b holding) int { return cmp.Compare(a.came, b.came) })
	for _, h := range all {
		if h.by == all[0].by && h.maker != nil {
			return who(h.maker.number), true // the first things are the identities of the parties
		}
	}
	return 0, false
}

// again judges everything again, in the order in which it came: each leaves, moves and enters in its
// turn, and what stood before and has yet to have it stays until then, whatever it refers to.
func (r *reference) again() {
	r.last = r.appended
	for r.turn = 1; r.turn <= r.order; r.turn++ {
		r.settle()
	}
	r.turn = 0
}

func (r *reference) turned(h *holding) bool { return r.turn == 0 || h.came <= r.turn }

// settle brings the feed to rest.
func (r *reference) settle() {
	for i := range r.held {
		r.held[i].stood = r.held[i].entry != 0
	}
	for i := range r.held {
		h := &r.held[i]
		switch _, stamp := r.marking(h); {
		case h.entry == 0 || !r.turned(h):
		case stamp != h.stamp: // with another marking it comes anew
			h.entry, h.stood = 0, false
		case !r.allowed(h):
			h.entry = 0
		}
	}
	r.unsupported()
	for r.enter() {
		r.unsupported()
	}
}

// unsupported takes out what refers to what is not there, or came after it for want of what
// it stood on.
func (r *reference) unsupported() {
	if r.terms.open {
		return
	}
	for again := true; again; {
		again = false
		for i := range r.held {
			h := &r.held[i]
			if h.entry == 0 || !r.turned(h) && h.entry <= r.last {
				continue
			}
			for _, t := range h.needs() {
				if t != h.of && !slices.ContainsFunc(r.held, func(x holding) bool { return x.of == t && x.entry != 0 }) {
					h.entry, again = 0, true
					break
				}
			}
		}
	}
}

// enter lets in what may go: one that has its place, with all that it needs. It reports
// whether there was something.
func (r *reference) enter() bool {
	var want []*holding
	for i := range r.held {
		if h := &r.held[i]; h.entry == 0 && r.allowed(h) && (r.turned(h) || h.stood) {
			want = append(want, h)
		}
	}
	if !r.terms.open {
		for again := true; again; {
			again = false
			want = slices.DeleteFunc(want, func(h *holding) bool {
				for _, t := range h.needs() {
					if t != h.of && !slices.ContainsFunc(r.held, func(x holding) bool { return x.of == t && x.entry != 0 }) &&
						!slices.ContainsFunc(want, func(x *holding) bool { return x.of == t }) {
						again = true
						return true
					}
				}
				return false
			})
		}
	}
	var get []*holding
	for _, h := range want {
		if r.hasPlace(h, want) {
			get = append(get, h)
		}
	}
	for _, h := range get {
		for i := range r.held { // whom it takes the place from
			if x := &r.held[i]; x != h && x.entry != 0 && x.of == h.of && x.second == h.second {
				x.entry = 0
			}
		}
		r.appended++
		h.entry = r.appended
		_, h.stamp = r.marking(h)
		r.was[h.by.String()+h.text()] = true
	}
	return len(get) > 0
}

// hasPlace tells whether a version has the place of its moment. What is there gives way only to
// the maker's, which it is by what was there and by what itself says; of those that want
// to enter the maker's comes first, by what was there, then what came first.
func (r *reference) hasPlace(h *holding, want []*holding) bool {
	for _, x := range r.held {
		if x.entry != 0 && x.of == h.of && x.second == h.second {
			maker, known := r.shownMaker(h.of, *h)
			return x.text() != h.text() && known && maker == h.by && x.by != h.by && !slices.ContainsFunc(want, func(y *holding) bool {
				return y.of == h.of && y.second == h.second && y.by == h.by && y.came < h.came && y.text() != x.text()
			})
		}
	}
	maker, known := r.shownMaker(h.of)
	last := func(x *holding) int {
		switch {
		case known && x.by == maker:
			return 0
		case x.stood: // it only moves
			return 1
		}
		return 2
	}
	return !slices.ContainsFunc(want, func(x *holding) bool {
		return x != h && x.of == h.of && x.second == h.second && cmp.Or(cmp.Compare(last(x), last(h)), cmp.Compare(x.came, h.came)) < 0
	})
}

// submitted tells whether a party's submission of an object stands.
func (r *reference) submitted(by who, id string) bool {
	return slices.ContainsFunc(r.held, func(h holding) bool { return h.by == by && h.of.id == id })
}

// shown is what the partner may tell by, as a text to compare: what the feed shows, and what
// it has submitted itself, released or not.
func (r *reference) shown() string {
	var in []holding
	var b strings.Builder
	for _, h := range r.held {
		if h.entry != 0 {
			in = append(in, h)
		}
		if h.by == partner {
			fmt.Fprintf(&b, "own %s\n", h.text())
		}
	}
	slices.SortFunc(in, func(a, b holding) int { return cmp.Compare(a.entry, b.entry) })
	for _, h := range in {
		fmt.Fprintf(&b, "%d %s by %s stamp %d\n", h.entry, h.text(), h.by, h.stamp)
	}
	return b.String()
}

// live lists what the feed shows: each object's id, moment, variant and maker, sorted.
func (r *reference) live() []string {
	var out []string
	for _, h := range r.held {
		if h.entry != 0 {
			by := ""
			if h.maker != nil {
				by = h.maker.id
			}
			out = append(out, fmt.Sprintf("%s 2026-01-01T00:%02d:%02d.000Z variant %d by %s %s part %s", h.of.id, h.second/60, h.second%60, h.variant, by,
				levelNames[max(h.mark, h.stamp)], levelNames[h.part]))
		}
	}
	slices.Sort(out)
	return out
}
