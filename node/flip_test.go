package node

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"entente"
	"entente/store"
	"entente/store/storetest"
)

// TestFlippedTimesAgree has lines of a feed enter by changes and between them: whoever tells
// when they were added tells the same, times ascend, and who asks for what came after a time
// gets just that.
func TestFlippedTimesAgree(t *testing.T) {
	malware := func(n int, marking string) string {
		return fmt.Sprintf(`{"type":"malware","spec_version":"2.1","id":"malware--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z",%s,%s}`, n, plainMalware, marking)
	}
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newSharing(t, url(t), nil)
			s.n.windows.lines = 2
			for n := range 7 {
				s.take(malware(n, green), malware(100+n, amber))
			}
			s.agree("south", nil) // a first change
			s.take(malware(7, green), malware(8, green))
			s.must(s.n.Settle(t.Context(), "south", nil))
			terms := s.agreement("south").Terms
			terms.Highest = entente.TLPAmber
			s.amend("south", terms) // more enters
			s.take(malware(9, green), malware(109, amber))
			s.must(s.n.Settle(t.Context(), "south", nil))
			terms.Highest = entente.TLPGreen
			s.amend("south", terms) // some of it leaves
			s.amend("south", terms) // nothing is staged
			s.take(malware(10, green))
			s.must(s.n.Settle(t.Context(), "south", nil))
			s.flippedTimesAgree("south", 11)
			s.sound()
		})
	}
}

func (s *sharing) flippedTimesAgree(name string, live int) {
	s.Helper()
	f := s.agreement(name).Feeds[0]
	times := map[int64]int64{} // by position
	tells := func(who string, seq, added int64) {
		if was, ok := times[seq]; !ok || was != added {
			s.Errorf("%s tells that line %d was added at %d, others %d (%v)", who, seq, added, was, ok)
		}
	}
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		ctx := context.Background()
		lines, err := t.Lines(ctx, f.Feed, 0, 1000)
		s.must(err)
		last := int64(0)
		for _, l := range lines {
			if times[l.Seq] = l.Added; l.Added <= last || l.Added > s.n.Now() {
				s.Errorf("line %d was added at %d, the one before at %d", l.Seq, l.Added, last)
			}
			last = l.Added
		}
		if last != f.LastAdded || len(lines) < live {
			s.Errorf("%d lines, the last added at %d; the feed has %d", len(lines), last, f.LastAdded)
		}
		all := store.FeedQuery{Feed: f.Feed, Head: f.Head, Limit: 1000, Release: true, Filter: entente.Filter{Versions: entente.VersionFilter{All: true}}}
		page, err := t.Page(ctx, all)
		s.must(err)
		if len(page.Entries) != live {
			s.Errorf("%d entries, %d expected", len(page.Entries), live)
		}
		for _, e := range page.Entries {
			tells("a page", e.Seq, e.Added)
			object, err := t.Object(ctx, e.ID)
			s.must(err)
			for _, l := range object[0].Lines {
				if l.Feed == f.Feed {
					tells("an object", l.Seq, l.Added)
				}
			}
		}
		exported, err := t.ExportedLines(ctx, f.Feed, 0, f.Head, 1000)
		s.must(err)
		for _, l := range exported {
			tells("an export", l.Seq, l.Added)
		}
		held, listed, err := t.LiveAt(ctx, f.Feed, f.Head, nil, 1000)
		s.must(err)
		for _, e := range listed {
			tells("what is held", e.Seq, e.Added)
		}
		if held != int64(live) {
			s.Errorf("%d are held", held)
		}
		for _, l := range lines {
			for _, at := range []int64{l.Added - 1, l.Added, l.Added + 1} {
				q := all
				q.Filter.AddedAfter = at
				p, err := t.Page(ctx, q)
				s.must(err)
				want := slices.DeleteFunc(slices.Clone(page.Entries), func(e entente.Entry) bool { return e.Added <= at })
				if !slices.EqualFunc(p.Entries, want, func(x, y entente.Entry) bool { return x.Seq == y.Seq && x.Added == y.Added }) {
					s.Errorf("after %d come %d entries, %d expected", at, len(p.Entries), len(want))
				}
				head, err := t.HeadAt(ctx, f.Feed, at)
				s.must(err)
				if next := slices.IndexFunc(lines, func(x store.StoredLine) bool { return x.Added > at }); next > 0 &&
					(head < lines[next-1].Seq || head >= lines[next].Seq) || next == 0 && head != 0 {
					s.Errorf("at %d the head was %d", at, head)
				}
			}
		}
		return nil
	}))
}
