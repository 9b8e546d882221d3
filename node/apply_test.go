package node

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
	"entente/terms"
)

// sharing is a node with one partner and one agreement over one collection.
type sharing struct {
	testing.TB
	n       *Node
	shelf   string
	partner string
}

func newSharing(t testing.TB, url string, change func(*entente.Terms)) *sharing {
	t.Helper()
	ctx := t.Context()
	st, err := store.Open(ctx, store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	n, err := Open(ctx, st, Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &sharing{TB: t, n: n}
	s.shelf = s.do(entente.AddCollection{Name: "Shelf"})
	s.partner = s.do(entente.AddPartner{Name: "North CERT"})
	s.agree("north", change)
	return s
}

func (s *sharing) do(c entente.Command) string {
	s.Helper()
	r, err := s.n.Do(s.Context(), entente.LocalActor(), c)
	if err != nil {
		s.Fatalf("%T: %v", c, err)
	}
	return r.ID
}

// agree makes an agreement that is active, with all of the backlog.
func (s *sharing) agree(name string, change func(*entente.Terms)) {
	s.Helper()
	s.begin(name, change)
	s.must(s.n.Settle(s.Context(), name, nil))
}

// begin makes an agreement that is about to become active, and gives its number.
func (s *sharing) begin(name string, change func(*entente.Terms)) int64 {
	s.Helper()
	ctx := s.Context()
	t := entente.Terms{Name: name, Title: name, Purpose: "test", Highest: entente.TLPGreen, Collections: []string{s.shelf},
		Members: []entente.Member{{Organisation: s.partner, Flow: entente.Both}}}
	if change != nil {
		change(&t)
	}
	num, err := s.n.st.Reserve(ctx, "agreement", 1, 0)
	s.must(err)
	feed, err := s.n.st.Reserve(ctx, "feed", 1, 0)
	s.must(err)
	id, _ := s.n.NewID()
	feedID, _ := s.n.NewID()
	a := entente.Agreement{Num: num, ID: id, Name: name, State: entente.Proposed, Terms: t, Hash: terms.Hash(t), Created: s.n.Now(),
		Feeds: []entente.ReleaseFeed{{ID: feedID, Collection: s.shelf, Feed: feed}},
		Work:  &entente.Work{To: entente.Active, Version: 1, Step: entente.AgreementStep{At: s.n.Now(), Action: entente.StepActivate, From: entente.Proposed, To: entente.Active, Version: 1}}}
	s.must(s.n.st.Update(ctx, func(tx *store.Tx) error {
		return tx.Apply(ctx, entente.Change{Agreement: &a, TermsVersion: &entente.TermsVersion{Number: 1, Hash: a.Hash, Canonical: terms.Canonical(t), File: []byte{}, Made: a.Created}})
	}))
	return num
}

func (s *sharing) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *sharing) take(objects ...string) {
	s.Helper()
	_, err := s.n.Intake(s.Context(), entente.LocalActor(), s.shelf, stix.NewReader(strings.NewReader(strings.Join(objects, "\n"))), IntakeOptions{
		Each: func(r ItemResult) { s.must(r.Err) },
	})
	s.must(err)
}

// live lists what stands in an agreement's feeds: the end of each id, in order.
func (s *sharing) live(name string) string {
	s.Helper()
	var out []string
	s.must(s.n.Settle(s.Context(), name, nil))
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		a, err := t.Agreement(context.Background(), name)
		if err != nil {
			return err
		}
		for _, f := range a.Feeds {
			p, err := t.Page(s.Context(), store.FeedQuery{Feed: f.Feed, Head: f.Head, Limit: 1000, Filter: entente.Filter{
				Versions: entente.VersionFilter{All: true}, Specs: []entente.Spec{entente.Spec20, entente.Spec21}}})
			if err != nil {
				return err
			}
			for _, e := range p.Entries {
				out = append(out, string(e.ID[len(e.ID)-2:]))
			}
		}
		return nil
	}))
	return strings.Join(out, " ")
}

const green = `"object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]`
const red = `"object_marking_refs":["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]`

func malware(n int, marking string) string {
	return fmt.Sprintf(`{"type":"malware","spec_version":"2.1","id":"malware--00000000-0000-4000-8000-0000000000%02d","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"m","is_family":false,%s}`, n, marking)
}

func link(n, from, to int, marking string) string {
	return fmt.Sprintf(`{"type":"relationship","spec_version":"2.1","id":"relationship--00000000-0000-4000-8000-0000000000%02d","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","relationship_type":"uses","source_ref":"malware--00000000-0000-4000-8000-0000000000%02d","target_ref":"malware--00000000-0000-4000-8000-0000000000%02d",%s}`, n, from, to, marking)
}

func TestApplier(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newSharing(t, url(t), nil)
			s.take(link(50, 1, 2, green), malware(1, green), malware(3, red))
			s.expect("north", "01")
			s.take(malware(2, green), link(51, 1, 3, green))
			s.expect("north", "01 02 50")
			s.do(entente.DeleteObject{Collection: s.shelf, Object: "malware--00000000-0000-4000-8000-000000000001"})
			s.expect("north", "02")
			s.agree("south", func(t *entente.Terms) { t.OpenReferences = true })
			s.expect("south", "50 02 51")
		})
	}
}

func (s *sharing) expect(name, want string) {
	s.Helper()
	if got := s.live(name); got != want {
		s.Errorf("the feed of %s has %q, not %q", name, got, want)
	}
}

// A version that its source has followed with a stricter one does not go when an agreement
// is put in force later, whichever of them came first (rule 5).
func TestActivationJudgesByAllThatIsHeld(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newSharing(t, url(t), nil)
			newer := strings.Replace(malware(1, red), `"modified":"2026-01-01`, `"modified":"2026-01-02`, 1)
			s.take(malware(1, green), malware(2, green), link(3, 1, 2, green))
			s.take(newer)
			if got := s.live("north"); got != "01 02 03" {
				t.Fatalf("where it came while the agreement was in force: %q stand", got)
			}
			s.agree("south", nil)
			if got := s.live("south"); got != "02" {
				t.Fatalf("where it was there before: %q stand", got)
			}
		})
	}
}

// The metric tells how many positions of accept logs wait to be judged.
func TestFeedLag(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newSharing(t, url(t), nil)
			says := func(want string) {
				t.Helper()
				_, err := s.n.FeedLag(t.Context())
				s.must(err)
				var b strings.Builder
				s.must(s.n.Metrics().Write(&b))
				if !strings.Contains(b.String(), "\nentente_feed_lag_positions "+want+"\n") {
					t.Errorf("the lag is not %s:\n%s", want, b.String())
				}
			}
			says("0")
			s.take(malware(1, green), malware(2, red))
			says("2")
			s.must(s.n.Settle(t.Context(), "north", nil))
			says("0")
		})
	}
}

// After a restore positions go on beyond a gap (see store.Restore). What is behind is told in
// lines of the collection all the same: those that came since the feed's last turn, before the
// restore and after it.
func TestBehindAfterRestore(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			ctx := t.Context()
			s := newSharing(t, url(t), nil)
			s.take(malware(1, green), malware(2, green), malware(3, green))
			s.must(s.n.Settle(ctx, "north", nil))
			s.take(malware(4, red), malware(5, green))
			behind := func(n *Node, want int64) {
				t.Helper()
				lag, err := n.FeedLag(ctx)
				s.must(err)
				q, err := n.Queue(ctx, entente.LocalActor(), QueueOptions{Agreement: "north", Limit: 1})
				s.must(err)
				g, err := n.AgreementNamed(ctx, entente.LocalActor(), "north")
				s.must(err)
				if own := g.Behind[g.Feeds[0].ID]; lag != want || q.Behind != want || own != want {
					t.Errorf("the node is %d lines behind, the queue says %d, the agreement %d; want %d", lag, q.Behind, own, want)
				}
			}
			behind(s.n, 2)
			var kept bytes.Buffer
			_, err := s.n.Backup(ctx, entente.LocalActor(), &kept, nil)
			s.must(err)
			again := url(t)
			_, err = Restore(ctx, store.Options{URL: again}, bytes.NewReader(kept.Bytes()), int64(kept.Len()), nil)
			s.must(err)
			st, err := store.Open(ctx, store.Options{URL: again})
			s.must(err)
			t.Cleanup(func() { st.Close() })
			s.n, err = Open(ctx, st, Config{})
			s.must(err)
			behind(s.n, 2)
			s.take(malware(6, green))
			behind(s.n, 3)
			s.must(s.n.Settle(ctx, "north", nil))
			behind(s.n, 0)
			if got := s.live("north"); got != "01 02 03 05 06" {
				t.Errorf("%q stand", got)
			}
		})
	}
}
