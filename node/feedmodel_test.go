package node

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
	"entente/terms"
)

var (
	feedTrials = flag.Int("feed-trials", 0, "how many histories TestFeedModel makes; 0 for 12 on SQLite and 4 on PostgreSQL")
	feedSeed   = flag.Uint64("feed-seed", 0, "what TestFeedModel draws its first history from; 0 for a random one")
)

// modelled is a submission as the reference knows it.
type modelled struct {
	id, typ, source, via string
	version              int // its day
	place                int // collection
	marking              entente.TLP
	refs                 []string
	seq, added           int64
	deleted              bool
}

func (m *modelled) name() string { return fmt.Sprint(m.id, " ", m.version) }

func (m *modelled) body() string {
	marks := ""
	if m.marking != entente.TLPNone {
		marks = fmt.Sprintf(`,"object_marking_refs":["%s"]`, m.marking.Definition())
	}
	refs := ""
	if len(m.refs) > 0 {
		refs = `,"x_refs":["` + strings.Join(m.refs, `","`) + `"]`
	}
	return fmt.Sprintf(`{"type":"%s","spec_version":"2.1","id":"%s","created":"2026-01-01T00:00:00Z","modified":"2026-01-%02dT00:00:00Z","name":"n","is_family":false%s%s}`,
		m.typ, m.id, m.version, refs, marks)
}

// pactModel is an agreement as the reference knows it: who is in it, and what choices of
// backlog left out.
type pactModel struct {
	name, id, partner string
	reader            entente.Actor
	skips             [2][]entente.Skip
}

// feedModel is a node, with another process on its database, and what ought to be in the
// feeds of its agreements.
type feedModel struct {
	testing.TB
	random *rand.Rand
	clock  atomic.Int64
	nodes  [2]*Node
	shelf  [2]string
	floors [2]entente.TLP
	ann    entente.Actor
	pacts  []*pactModel
	subs   []*modelled
	logged [2]int64 // how far the accept logs are known
	ids    map[string]*modelled
	stop   func()
}

func newFeedModel(t *testing.T, url string, seed uint64) *feedModel {
	m := &feedModel{TB: t, random: rand.New(rand.NewPCG(seed, 9)), ids: map[string]*modelled{}}
	m.clock.Store(1_800_000_000_000_000)
	for i := range m.nodes {
		skew := int64(i) * 90_000_000 // their clocks do not agree
		var err error
		m.nodes[i], err = Open(t.Context(), storetest.Open(t, url), Config{Now: func() int64 { return m.clock.Load() + skew }, Log: slog.New(slog.DiscardHandler)})
		m.must(err)
		m.nodes[i].windows.lines = []int{1, 3, applyLines}[m.random.IntN(3)]
	}
	for i := range m.shelf {
		m.shelf[i] = m.do(entente.LocalActor(), entente.AddCollection{Name: fmt.Sprint("Shelf ", i)})
	}
	m.ann = m.account(m.do(entente.LocalActor(), entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}}))
	m.clock.Add(30 * 24 * 3600_000_000) // her role begins before whatever the clock is set back to
	for _, name := range []string{"north", "south"} {
		p := &pactModel{name: name, partner: m.do(entente.LocalActor(), entente.AddPartner{Name: name})}
		p.reader = m.account(m.do(entente.LocalActor(), entente.AddAccount{Name: "of " + name, Organisation: p.partner, Service: true}))
		v := m.terms(p)
		p.id = m.do(m.ann, entente.DraftTerms{Terms: v})
		m.do(m.ann, entente.ProposeAgreement{Agreement: p.id})
		m.do(m.ann, entente.AcceptAgreement{Agreement: p.id, Organisation: p.partner, Hash: v.Hash, Said: "by letter"})
		m.pacts = append(m.pacts, p)
	}
	return m
}

func (m *feedModel) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func (m *feedModel) do(a entente.Actor, c entente.Command) string {
	m.Helper()
	a.At = m.nodes[0].Now()
	r, err := m.nodes[m.random.IntN(2)].Do(m.Context(), a, c)
	if err != nil {
		m.Fatalf("%T: %v", c, err)
	}
	return r.ID
}

func (m *feedModel) account(id string) entente.Actor {
	m.Helper()
	all, err := m.nodes[0].Accounts(m.Context(), entente.LocalActor())
	m.must(err)
	i := slices.IndexFunc(all, func(a AccountInfo) bool { return a.ID == id })
	return entente.Actor{Account: all[i].Account}
}

// terms draws terms for an agreement.
func (m *feedModel) terms(p *pactModel) entente.TermsVersion {
	pick := func(all ...entente.TLP) entente.TLP { return all[m.random.IntN(len(all))] }
	t := entente.Terms{Name: p.name, Title: p.name, Purpose: "test", Highest: pick(entente.TLPGreen, entente.TLPAmber), Unmarked: pick(entente.TLPNone, entente.TLPGreen),
		Collections: slices.Sorted(slices.Values(m.shelf[:])), WithdrawOlder: true, OpenReferences: m.random.IntN(5) == 0,
		Members: []entente.Member{{Organisation: p.partner, Flow: entente.Both}}}
	if m.random.IntN(2) == 0 {
		t.Types = []string{"malware"}
	}
	return entente.TermsVersion{Terms: t, Canonical: terms.Canonical(t), Hash: terms.Hash(t), File: []byte{}}
}

func agreementOf(t testing.TB, n *Node, id string) (l *entente.Life) {
	t.Helper()
	if err := n.st.View(context.Background(), func(tx *store.Tx) (err error) {
		l, err = tx.Life(context.Background(), id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return l
}

// submit takes in some versions of one source, new objects and new versions.
func (m *feedModel) submit() {
	m.Helper()
	source, actor, via := "", entente.LocalActor(), ""
	if n := m.random.IntN(4); n < 2 {
		p := m.pacts[n]
		source, actor, via = p.name, p.reader, p.id
	}
	place := m.random.IntN(2)
	var all []*modelled
	var bodies []string
	for range 1 + m.random.IntN(5) {
		n := m.random.IntN(24)
		typ := []string{"malware", "tool"}[n%2]
		// Whose an object is, and where, is told by its number; later ones take the place of
		// those that were deleted.
		who := []string{"", "", "north", "south"}[n/2%4]
		if who != source || n/8%2 != place {
			continue
		}
		id := m.number(n, typ)
		s := &modelled{id: id, typ: typ, source: source, via: via, place: place, version: 1 + m.random.IntN(3),
			marking: []entente.TLP{entente.TLPNone, entente.TLPGreen, entente.TLPGreen, entente.TLPGreen, entente.TLPAmber, entente.TLPRed}[m.random.IntN(6)]}
		for range m.random.IntN(3) {
			to := m.random.IntN(24)
			s.refs = append(s.refs, m.number(to, []string{"malware", "tool"}[to%2]))
		}
		if m.ids[s.name()] != nil || slices.ContainsFunc(all, func(o *modelled) bool { return o.id == id }) {
			continue
		}
		m.ids[s.name()] = s
		all, bodies = append(all, s), append(bodies, s.body())
	}
	if len(all) == 0 {
		return
	}
	actor.At = m.nodes[0].Now()
	taken := map[string]bool{}
	_, err := m.nodes[m.random.IntN(2)].Intake(m.Context(), actor, m.shelf[place], stix.NewReader(strings.NewReader(strings.Join(bodies, "\n"))), IntakeOptions{Through: via,
		Each: func(r ItemResult) {
			if m.must(r.Err); r.Outcome != entente.Added {
				m.Errorf("%s %s: %v", r.ID, r.Version, r.Outcome)
			}
			taken[fmt.Sprint(r.ID, " ", int(r.Version[9]-'0'))] = true
		}})
	if err != nil && (via == "" || entente.KindOf(err) == entente.Internal) {
		m.Fatal(err)
	}
	for _, s := range all {
		if !taken[s.name()] {
			delete(m.ids, s.name()) // the agreement's door was shut
			continue
		}
		m.subs = append(m.subs, s)
	}
	m.read(place)
}

// number is the id of the n-th object that is there now.
func (m *feedModel) number(n int, typ string) string {
	for life := 0; ; life++ {
		id := fmt.Sprintf("%s--00000000-0000-4000-8000-%06d%06d", typ, life, n)
		if !slices.ContainsFunc(m.subs, func(s *modelled) bool { return s.id == id && s.deleted }) {
			return id
		}
	}
}

// read takes positions and times of submissions from the accept log.
func (m *feedModel) read(place int) {
	m.Helper()
	c := m.collection(place)
	m.must(m.nodes[0].st.View(m.Context(), func(t *store.Tx) error {
		lines, err := t.Lines(m.Context(), c.Feed, m.logged[place], 100)
		for _, l := range lines {
			m.logged[place] = l.Seq
			for _, s := range m.subs {
				if s.seq == 0 && s.id == l.Carries && s.place == place {
					s.seq, s.added = l.Seq, l.Added
					break
				}
			}
		}
		return err
	}))
}

func (m *feedModel) collection(place int) *entente.Collection {
	m.Helper()
	var all []entente.Collection
	m.must(m.nodes[0].st.View(m.Context(), func(t *store.Tx) (err error) {
		all, err = t.Collections(m.Context())
		return err
	}))
	return &all[slices.IndexFunc(all, func(c entente.Collection) bool { return c.ID == m.shelf[place] })]
}
