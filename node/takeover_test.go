package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

// fill takes in n objects that may go, as many batches.
func (s *sharing) fill(n int) {
	s.Helper()
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, `{"type":"malware","spec_version":"2.1","id":"malware--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"m","is_family":false,%s}`+"\n", i, green)
	}
	_, err := s.n.Intake(s.Context(), entente.LocalActor(), s.shelf, stix.NewReader(strings.NewReader(all.String())), IntakeOptions{
		Each: func(r ItemResult) { s.must(r.Err) },
	})
	s.must(err)
}

// beside is another process on the same database, whose clock is ahead by so much.
func (s *sharing) beside(url string, ahead time.Duration) *Node {
	s.Helper()
	n, err := Open(s.Context(), storetest.Open(s, url), Config{Now: func() int64 { return time.Now().Add(ahead).UnixMicro() }})
	s.must(err)
	return n
}

// count tells how many lines a feed of an agreement shows, and how many objects they carry.
func (s *sharing) count(name string) (lines, objects int) {
	s.Helper()
	seen := map[entente.ObjectID]bool{}
	var last int64
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		a, err := t.Agreement(s.Context(), name)
		if err != nil {
			return err
		}
		f := a.Feeds[0]
		for after := int64(0); ; {
			p, err := t.Page(s.Context(), store.FeedQuery{Feed: f.Feed, After: after, Head: f.Head, Limit: 1000, Filter: entente.Filter{Versions: entente.VersionFilter{All: true}}})
			if err != nil {
				return err
			}
			for _, e := range p.Entries {
				if e.Added <= last || e.Added > f.LastAdded {
					s.Errorf("%s was added at %d, after %d, and the feed's last time is %d", e.ID, e.Added, last, f.LastAdded)
				}
				seen[e.ID], last = true, e.Added
				lines++
			}
			if !p.More {
				return nil
			}
			after = p.Next
		}
	}))
	return lines, len(seen)
}

var errDies = errors.New("this process dies here")

// A process that was stopped in the middle of a change, for longer than its lease, finds
// that another has begun the change anew and is at an earlier point of it. It writes nothing
// more: what it went on from is not there any more.
func TestStoppedInTheMiddleOfAChange(t *testing.T) {
	const objects = 4 * applyLines
	for engine, url := range storetest.URLs() {
		for _, at := range []int{1, 3} {
			t.Run(fmt.Sprint(engine, " ", at), func(t *testing.T) {
				u := url(t)
				s := newSharing(t, u, nil)
				other := s.beside(u, time.Hour)
				s.n.windows.lines, other.windows.lines = applyLines/wide, applyLines/wide // four turns
				s.fill(objects)
				num := s.begin("south", nil)
				turns := 0
				err := s.n.applyHeld(t.Context(), num, func(int64, int64) {
					if turns++; turns != at {
						return
					}
					// The other one makes a turn or two, and is at it still when this one goes on.
					ctx, die := context.WithCancelCause(t.Context())
					others := 0
					_ = other.applyHeld(ctx, num, func(int64, int64) {
						if others++; others == 2 {
							die(errDies)
						}
					})
					if others != 2 {
						t.Errorf("the other process made %d turns", others)
					}
				})
				if !errors.Is(err, errLeased) || turns > at {
					t.Errorf("the stopped process went on for %d turns: %v", turns-at, err)
				}
				if lines, _ := s.countVisible("south"); lines != 0 {
					t.Errorf("%d lines are visible before the change is done", lines)
				}
				s.must(other.Settle(t.Context(), "south", nil))
				if lines, seen := s.count("south"); lines != objects || seen != objects {
					t.Errorf("%d lines of %d objects, want %d", lines, seen, objects)
				}
				s.sound()
			})
		}
	}
}

// countVisible is count where there may be nothing to read yet.
func (s *sharing) countVisible(name string) (lines, objects int) {
	s.Helper()
	var a *entente.Agreement
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) (err error) {
		a, err = t.Agreement(s.Context(), name)
		return err
	}))
	if a.Feeds[0].Head == 0 {
		return 0, 0
	}
	return s.count(name)
}

// sound has the doctor look at everything.
func (s *sharing) sound() {
	s.Helper()
	ex, err := s.n.Doctor(s.Context(), entente.LocalActor(), nil)
	s.must(err)
	if !ex.Sound {
		s.Errorf("the doctor found %d faults: %v", ex.Faults, ex.Complaints)
	}
}
