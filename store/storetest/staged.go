package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"entente"
	"entente/store"
)

// A feed as it was at an earlier head: what lies beyond has not happened. And a feed with
// stretches that are left out: as if what they hold had never been appended.
func testStaged(t *testing.T, open func() *store.Store) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	h := newHarness(t, open())
	c := h.collection("C")
	types := []string{"tool", "malware", "ipv4-addr"}
	draw := func() *entente.Version {
		n := r.IntN(5)
		at := fmt.Sprintf("2026-01-0%dT00:00:00Z", r.IntN(4)+1)
		if n%3 == 2 {
			at = ""
		}
		v := version(types[n%3], n, at, fmt.Sprint(r.IntN(2)))
		if r.IntN(4) == 0 {
			v.Spec = entente.Spec20
		}
		return v
	}
	jan2, _ := entente.ParseInstant("2026-01-02T00:00:00Z")
	filters := map[string]entente.Filter{
		"last": {}, "all": {Versions: entente.VersionFilter{All: true}}, "first": {Versions: entente.VersionFilter{First: true}},
		"exact": {Versions: entente.VersionFilter{Exact: []entente.Instant{jan2}}},
		"both":  {Versions: entente.VersionFilter{All: true}, Specs: []entente.Spec{entente.Spec20, entente.Spec21}},
		"type":  {Types: types[:2]}, "ids": {IDs: []entente.ObjectID{version("tool", 0, "", "").ID, version("ipv4-addr", 2, "", "").ID}},
	}
	read := func(q store.FeedQuery) (out []entente.Entry) {
		t.Helper()
		for range 1000 {
			var p entente.Page
			h.view(func(ctx context.Context, tx *store.Tx) (err error) {
				p, err = tx.Page(ctx, q)
				return err
			})
			out = append(out, p.Entries...)
			if !p.More {
				return out
			}
			q.After = p.Next
		}
		t.Fatal("the pages do not end")
		return nil
	}
	everything := &store.Match{Meets: func([]byte) bool { return true }, Lines: 3}
	type moment struct {
		head int64
		seen map[string][]entente.Entry
	}
	var past []moment
	for range 25 {
		if r.IntN(3) > 0 {
			h.submit(c, draw(), draw())
		} else {
			h.now += 1000
			_, err := h.try(entente.LocalActor(), entente.DeleteObject{Collection: c.ID, Object: draw().ID, Versions: entente.VersionFilter{Last: r.IntN(2) == 0}})
			if err != nil && entente.KindOf(err) != entente.NotFound {
				t.Fatal(err)
			}
		}
		m := moment{head: h.reread(c.ID).Head, seen: map[string][]entente.Entry{}}
		for name, f := range filters {
			m.seen[name] = read(store.FeedQuery{Feed: c.Feed, Head: m.head, Limit: 100, Filter: f})
		}
		past = append(past, m)
	}
	for _, m := range past {
		for name, f := range filters {
			q := store.FeedQuery{Feed: c.Feed, Head: m.head, Limit: 3, Filter: f, Release: true, Staged: true, Lines: 4}
			same(t, fmt.Sprintf("%s at %d", name, m.head), read(q), m.seen[name])
			q.Match = everything
			same(t, fmt.Sprintf("%s at %d, looked through", name, m.head), read(q), m.seen[name])
		}
	}
	head := past[len(past)-1].head
	all := past[len(past)-1].seen["both"]
	for range 10 {
		var gaps []entente.Gap
		for at := int64(0); at < head; {
			g := entente.Gap{After: at + r.Int64N(head/2), UpTo: 0}
			g.UpTo = g.After + 1 + r.Int64N(head/2)
			gaps, at = append(gaps, g), g.UpTo+1
		}
		in := func(e entente.Entry) bool {
			return slices.ContainsFunc(gaps, func(g entente.Gap) bool { return g.After < e.Seq && e.Seq <= g.UpTo })
		}
		want := append([]entente.Entry(nil), slices.DeleteFunc(slices.Clone(all), in)...)
		for _, match := range []*store.Match{nil, everything} {
			q := store.FeedQuery{Feed: c.Feed, Head: head, Limit: 2, Filter: filters["both"], Release: true, Gaps: gaps, Lines: 4, Match: match}
			same(t, fmt.Sprintf("everything but %v", gaps), read(q), want)
			// The last of each object is the last of those that are left: observables and what
			// has a moment alike.
			q.Filter = entente.Filter{Specs: []entente.Spec{entente.Spec21}}
			last := map[entente.ObjectID]entente.Entry{}
			for _, e := range want {
				if was, ok := last[e.ID]; e.Spec == entente.Spec21 && (!ok || e.Stamp > was.Stamp) {
					last[e.ID] = e
				}
			}
			var shown []entente.Entry
			for _, e := range want {
				if last[e.ID].Seq == e.Seq && e.Spec == entente.Spec21 {
					shown = append(shown, e)
				}
			}
			same(t, fmt.Sprintf("the last of each but %v", gaps), read(q), shown)
		}
	}
}
