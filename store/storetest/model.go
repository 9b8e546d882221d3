package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"entente"
	"entente/store"
)

// model is what a collection shows, by the plainest means: a list and a sort. It knows
// versions with a moment of their own, of one specification.
type model struct {
	shown   []shownVersion
	deleted []shownVersion
	clock   int
}

type shownVersion struct {
	id    entente.ObjectID
	at    entente.Instant
	text  string // the stamp as written
	order int    // when it came into view
}

func (m *model) submit(v *entente.Version) {
	for _, s := range slices.Concat(m.shown, m.deleted) {
		if s.id == v.ID && s.at.Compare(v.Modified) == 0 {
			return // held, or contested: the first stays; what was deleted stays deleted
		}
	}
	m.clock++
	m.shown = append(m.shown, shownVersion{v.ID, v.Modified, v.Modified.Text, m.clock})
}

func (m *model) last(id entente.ObjectID) int {
	best := -1
	for i, s := range m.shown {
		if s.id == id && (best < 0 || s.at.Compare(m.shown[best].at) > 0) {
			best = i
		}
	}
	return best
}

func (m *model) deleteLast(id entente.ObjectID) bool {
	i := m.last(id)
	if i < 0 {
		return false
	}
	m.deleted = append(m.deleted, m.shown[i])
	m.shown = slices.Delete(m.shown, i, i+1)
	if i = m.last(id); i >= 0 { // what becomes the last comes into view again
		m.clock++
		m.shown[i].order = m.clock
	}
	return true
}

func (m *model) names(all bool, typ string) []string {
	var pick []shownVersion
	for i, s := range m.shown {
		if (all || m.last(s.id) == i) && (typ == "" || s.id.Type() == typ) {
			pick = append(pick, s)
		}
	}
	slices.SortFunc(pick, func(a, b shownVersion) int { return cmp.Compare(a.order, b.order) })
	var es []entente.Entry
	for _, s := range pick {
		es = append(es, entente.Entry{ID: s.id, Stamp: s.text})
	}
	return names(es)
}

func testModel(t *testing.T, open func() *store.Store) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	h := newHarness(t, open())
	c := h.collection("C")
	m := &model{}
	types := []string{"tool", "malware", "x-a"}
	draw := func() *entente.Version {
		n := r.IntN(6)
		at := fmt.Sprintf("2026-01-0%dT00:00:00%sZ", r.IntN(4)+1, []string{"", ".0", ".0000001"}[r.IntN(3)])
		return version(types[n%3], n, at, fmt.Sprint(r.IntN(2)))
	}
	for step := range 60 {
		if r.IntN(4) > 0 {
			var batch []*entente.Version
			for range r.IntN(5) + 1 {
				v := draw()
				batch = append(batch, v)
				m.submit(v)
			}
			h.submit(c, batch...)
		} else {
			id := draw().ID
			h.now += 1000
			_, err := h.try(entente.LocalActor(), entente.DeleteObject{Collection: c.ID, Object: id, Versions: entente.VersionFilter{Last: true}})
			if there := m.deleteLast(id); there != (err == nil) {
				t.Fatalf("step %d: delete %s: %v, the model says it is there: %v", step, id, err, there)
			}
		}
		limit := r.IntN(7) + 1
		typ := append(types, "", "")[r.IntN(5)]
		f := entente.Filter{Versions: entente.VersionFilter{All: r.IntN(2) == 0}}
		if typ != "" {
			f.Types = []string{typ}
		}
		same(t, fmt.Sprintf("step %d, %+v", step, f), names(h.page(c, f, limit)), m.names(f.Versions.All, typ))
	}
}
