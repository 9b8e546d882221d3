package node

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entente"
	"entente/ledger"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

// marking is the marking of a submission that counts under terms.
func (m *feedModel) marking(s *modelled, t *entente.Terms) entente.TLP {
	floor := m.floors[s.place]
	switch {
	case s.marking != entente.TLPNone:
		return max(s.marking, floor)
	case floor != entente.TLPNone:
		return floor
	}
	return t.Unmarked
}

// expected is what ought to stand in an agreement's feeds: of the submissions that the terms
// let go the most that refer to nothing but each other.
func (m *feedModel) expected(p *pactModel, t *entente.Terms) map[string]*modelled {
	kept := func(s *modelled) bool {
		l := m.marking(s, t)
		return l == entente.TLPNone || l > t.Highest || l == entente.TLPRed
	}
	out := map[string]*modelled{}
	for _, s := range m.subs {
		left := slices.ContainsFunc(p.skips[s.place], func(k entente.Skip) bool {
			return k.After < s.seq && s.seq <= k.UpTo && (k.Since == 0 || s.added < k.Since)
		})
		stricter := slices.ContainsFunc(m.subs, func(o *modelled) bool { return o.id == s.id && !o.deleted && o.version > s.version && kept(o) })
		if s.deleted || left || stricter || kept(s) || s.via != "" && s.via != p.id || len(t.Types) > 0 && !slices.Contains(t.Types, s.typ) {
			continue
		}
		out[s.name()] = s
	}
	for changed := !t.OpenReferences; changed; {
		changed = false
		there := map[string]bool{}
		for _, s := range out {
			there[s.id] = true
		}
		for name, s := range out {
			if slices.ContainsFunc(s.refs, func(id string) bool { return !there[id] }) {
				delete(out, name)
				changed = true
			}
		}
	}
	return out
}

// compare holds the feeds of a node at rest against what is expected.
func (m *feedModel) compare(n *Node, when string) {
	m.Helper()
	for _, p := range m.pacts {
		l := agreementOf(m, n, p.id)
		if l.Work != nil {
			m.Fatalf("%s, %s: at rest a change is under way", when, p.name)
		}
		if l.State != entente.Active {
			continue
		}
		want := m.expected(p, &l.Terms)
		got := map[string]int{} // with the place
		lives := map[string][]int{}
		var order []*modelled
		for place, f := range l.Feeds {
			last := int64(0)
			m.must(n.st.View(m.Context(), func(t *store.Tx) error {
				page, err := t.Page(m.Context(), store.FeedQuery{Feed: f.Feed, Head: f.Head, Limit: 1000, Bodies: true, Release: true,
					Filter: entente.Filter{Versions: entente.VersionFilter{All: true}}})
				for _, e := range page.Entries {
					v, _ := stix.Parse(e.Bytes)
					name := fmt.Sprint(e.ID, " ", int(e.Stamp[9]-'0'))
					if e.Added <= last || e.Added > f.LastAdded {
						m.Errorf("%s, %s: %s was added at %d, after %d, with the feed at %d", when, p.name, name, e.Added, last, f.LastAdded)
					}
					last = e.Added
					got[name]++
					lives[string(e.ID)] = append(lives[string(e.ID)], place)
					if s := want[name]; s != nil {
						order = append(order, s)
						if tlp, _ := entente.TLPOf(v.Markings[len(v.Markings)-1]); tlp != m.marking(s, &l.Terms) {
							m.Errorf("%s, %s: %s goes with the marking %v, not %v", when, p.name, name, tlp, m.marking(s, &l.Terms))
						}
					}
				}
				return err
			}))
		}
		for name, n := range got {
			if n != 1 || want[name] == nil {
				m.Errorf("%s, %s: %s stands %d times, and ought to: %v\n%s", when, p.name, name, n, want[name] != nil, m.told(name, p, l))
			}
		}
		for name, s := range want {
			if got[name] == 0 {
				m.Errorf("%s, %s: %s does not stand; refers to %v\n%s", when, p.name, name, s.refs, m.told(name, p, l))
			}
		}
		if !l.Terms.OpenReferences {
			m.closed(when+", "+p.name, order, want, lives)
		}
	}
	// A lease that was taken before the clock stepped back holds for long, and is no damage.
	ex, err := n.Doctor(m.Context(), entente.LocalActor(), nil)
	if err != nil || slices.ContainsFunc(ex.Complaints, func(c Complaint) bool { return !c.Warning && c.Check != checkLease }) {
		m.Fatalf("%s: the doctor found %v %v", when, ex.Complaints, err)
	}
	if r, err := n.VerifyLedger(m.Context(), entente.LocalActor(), ledger.Options{}); err != nil || r.Late != 0 {
		m.Fatalf("%s: the ledger: %v; %d late", when, err, r.Late)
	}
	if m.Failed() {
		m.FailNow()
	}
}

// told tells what is known of an object, for whoever looks for the fault.
func (m *feedModel) told(name string, p *pactModel, l *entente.Life) string {
	id, _, _ := strings.Cut(name, " ")
	out := fmt.Sprintf("highest %v, unmarked %v, types %v, open %v, floors %v, skips %v\n", l.Terms.Highest, l.Terms.Unmarked, l.Terms.Types, l.Terms.OpenReferences, m.floors, p.skips)
	for _, s := range m.subs {
		if s.id == id {
			out += fmt.Sprintf("%+v\n", *s)
		}
	}
	for _, s := range l.History {
		out += fmt.Sprintf("%d %s %s\n", s.At, s.Action, s.Backlog)
	}
	return out
}

// closed holds that whatever an entry refers to came before it in its feed, stands in another
// feed, or is part of a circle with it, which enters as one.
func (m *feedModel) closed(when string, order []*modelled, want map[string]*modelled, lives map[string][]int) {
	m.Helper()
	to := map[string][]string{}
	for _, s := range want {
		to[s.id] = append(to[s.id], s.refs...)
	}
	reaches := func(from, id string) bool {
		seen := map[string]bool{from: true}
		for level := []string{from}; len(level) > 0; level = level[1:] {
			for _, next := range to[level[0]] {
				if next == id {
					return true
				}
				if !seen[next] {
					seen[next] = true
					level = append(level, next)
				}
			}
		}
		return false
	}
	before := map[string]bool{}
	for _, s := range order {
		before[s.id] = true
		for _, id := range s.refs {
			elsewhere := len(lives[id]) > 0 && lives[id][0] != lives[s.id][0]
			if !before[id] && !elsewhere && !reaches(id, s.id) {
				m.Errorf("%s: %s comes before %s, to which it refers", when, s.name(), id)
			}
		}
	}
}

// begin has both processes work in the background, until end.
func (m *feedModel) begin() {
	ctx, cancel := context.WithCancel(m.Context())
	var wg sync.WaitGroup
	for _, n := range m.nodes {
		wg.Go(func() { _ = n.Run(ctx) })
	}
	m.stop = func() {
		cancel()
		wg.Wait()
		m.stop = nil
	}
}

// rest lets the feeds come to rest. A process whose clock is behind waits for leases of the
// other; where time stands still that would be for good.
func (m *feedModel) rest() {
	m.Helper()
	if m.stop != nil {
		m.stop()
	}
	m.clock.Add(time.Minute.Microseconds())
	m.must(m.nodes[1].SettleAll(m.Context()))
}

func (m *feedModel) step() {
	m.Helper()
	p := m.pacts[m.random.IntN(2)]
	l := agreementOf(m, m.nodes[0], p.id)
	m.clock.Add(m.random.Int64N(2_000_000))
	switch n := m.random.IntN(22); {
	case n < 9:
		m.submit()
	case n < 11:
		m.delete()
	case n == 11: // a clock that is set back, or far ahead
		m.clock.Add(m.random.Int64N(7200_000_000) - 3600_000_000)
	case n < 14 && m.stop == nil:
		m.begin()
	case n < 14:
		m.stop()
	case n < 17 && m.stop != nil: // whatever is under way, the ledger fits
		if _, err := m.nodes[m.random.IntN(2)].VerifyLedger(m.Context(), entente.LocalActor(), ledger.Options{}); err != nil {
			m.Fatalf("while feeds are carried on: %v", err)
		}
	case n == 14 && l.State == entente.Active:
		m.do(m.ann, entente.SuspendAgreement{Agreement: p.id, Reason: "talks"})
	case n == 15:
		m.rest()
		place := m.random.IntN(2)
		m.floors[place] = []entente.TLP{entente.TLPNone, entente.TLPGreen, entente.TLPAmber}[m.random.IntN(3)]
		m.do(m.ann, entente.SetFloor{Collection: m.shelf[place], Floor: m.floors[place], Reason: "r"})
	case n < 18 && l.State == entente.Active && l.Work == nil:
		m.rest()
		v := m.terms(p)
		if v.Hash == l.Hash {
			return
		}
		m.do(m.ann, entente.AmendAgreement{Agreement: p.id, Terms: v, Reason: "r"})
		m.do(m.ann, entente.AcceptAgreement{Agreement: p.id, Organisation: p.partner, Hash: v.Hash, Said: "by letter"})
		m.do(m.ann, entente.ActivateAgreement{Agreement: p.id})
	case (l.State == entente.Suspended || l.State == entente.Proposed) && l.Work == nil:
		m.comeIntoForce(p, l)
	default:
		m.rest()
		m.compare(m.nodes[m.random.IntN(2)], "at rest")
	}
}

// comeIntoForce activates or restores an agreement with a choice of backlog.
func (m *feedModel) comeIntoForce(p *pactModel, l *entente.Life) {
	m.Helper()
	b := entente.Backlog{All: true}
	switch m.random.IntN(3) {
	case 0:
		b.All = false
	case 1:
		if s := m.some(); s != nil && s.added <= m.nodes[0].Now() {
			b = entente.Backlog{Since: s.added}
		}
	}
	if len(l.Accepted()) == 0 || l.State == entente.Suspended {
		m.do(m.ann, entente.AcceptAgreement{Agreement: p.id, Organisation: p.partner, Hash: l.OnTable().Hash, Said: "by letter"})
	}
	for place := range m.shelf {
		from := int64(0)
		if l.State == entente.Suspended {
			for _, f := range l.Feeds {
				if f.Collection == m.shelf[place] {
					from = f.Seen
				}
			}
		}
		upTo := m.collection(place).Head
		p.skips[place] = slices.DeleteFunc(p.skips[place], func(k entente.Skip) bool { return k.UpTo > from })
		if !b.All && upTo > from {
			p.skips[place] = append(p.skips[place], entente.Skip{After: from, UpTo: upTo, Since: b.Since})
		}
	}
	if l.State == entente.Proposed {
		m.do(m.ann, entente.ActivateAgreement{Agreement: p.id, Backlog: b.String()})
	} else {
		m.do(m.ann, entente.RestoreAgreement{Agreement: p.id, Reason: "agreed", Backlog: b.String()})
	}
}

// some is a submission that is there.
func (m *feedModel) some() *modelled {
	there := slices.DeleteFunc(slices.Clone(m.subs), func(s *modelled) bool { return s.deleted })
	if len(there) == 0 {
		return nil
	}
	return there[m.random.IntN(len(there))]
}

// delete has a source delete an object with all its versions.
func (m *feedModel) delete() {
	m.Helper()
	s := m.some()
	if s == nil {
		return
	}
	actor := entente.LocalActor()
	for _, p := range m.pacts {
		if p.name == s.source {
			actor = p.reader
		}
	}
	actor.At = m.nodes[0].Now()
	_, err := m.nodes[0].Do(m.Context(), actor, entente.DeleteObject{Collection: m.shelf[s.place], Object: entente.ObjectID(s.id), Through: s.via,
		Versions: entente.VersionFilter{All: true}, Specs: []entente.Spec{entente.Spec20, entente.Spec21}})
	switch {
	case err != nil && (s.via == "" || entente.KindOf(err) == entente.NotFound || entente.KindOf(err) == entente.Internal):
		m.Fatalf("%s: %v", s.id, err)
	case err != nil:
		return // the agreement's door is shut
	}
	for _, o := range m.subs {
		o.deleted = o.deleted || o.id == s.id
	}
	for place := range m.logged {
		m.read(place)
	}
}

// restored makes another node of a backup of this moment, and holds it against the same.
func (m *feedModel) restored(url string) {
	m.Helper()
	var out bytes.Buffer
	_, err := m.nodes[0].Backup(m.Context(), entente.LocalActor(), &out, nil)
	m.must(err)
	_, err = Restore(m.Context(), store.Options{URL: url}, bytes.NewReader(out.Bytes()), int64(out.Len()), nil)
	m.must(err)
	n, err := Open(m.Context(), storetest.Open(m, url), Config{Now: func() int64 { return m.clock.Load() + time.Hour.Microseconds() }, Log: slog.New(slog.DiscardHandler)})
	m.must(err)
	m.must(n.SettleAll(m.Context()))
	m.compare(n, "after a restore")
}

// TestFeedModel makes random histories of two agreements over two collections: home and
// partners submit and delete, terms and floors change, agreements are suspended and
// restored with every choice of backlog, clocks are set back, and two processes carry the
// feeds on, or nobody does for a while. At rest each feed has what a reference computes by
// brute force, and so has a node that was made from a backup of any moment.
func TestFeedModel(t *testing.T) {
	for engine, url := range storetest.URLs() {
		trials := *feedTrials
		if trials == 0 {
			trials = map[string]int{"sqlite": 12, "postgres": 4}[engine]
		}
		first := *feedSeed
		if first == 0 {
			first = rand.Uint64()
		}
		for n := range uint64(trials) {
			t.Run(fmt.Sprintf("%s %d", engine, first+n), func(t *testing.T) {
				t.Parallel()
				m := newFeedModel(t, url(t), first+n)
				for _, p := range m.pacts {
					m.comeIntoForce(p, agreementOf(t, m.nodes[0], p.id))
				}
				const steps = 70
				when := m.random.IntN(steps)
				for i := range steps {
					m.step()
					if i == when {
						m.restored(filepath.Join(t.TempDir(), "restored.db"))
					}
				}
				m.rest()
				m.compare(m.nodes[0], "at the end")
				if len(m.subs) == 0 || len(m.ids) == 0 {
					t.Error("nothing was submitted")
				}
			})
		}
	}
}
