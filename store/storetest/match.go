package storetest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"entente"
	"entente/store"
)

// index lets the follower of the index of values read at most so many more lines; the key
// of a content is its name, as version makes it.
func (h *harness) index(c entente.Collection, lines int) {
	h.t.Helper()
	var read store.Reading
	h.view(func(ctx context.Context, t *store.Tx) (err error) {
		read, err = t.Followed(ctx, "search", c.Feed, store.FromStored, lines)
		return err
	})
	var values []store.ContentValue
	for _, b := range read.Bodies {
		_, rest, _ := bytes.Cut(b.Bytes, []byte(`"name":"`))
		name, _, _ := bytes.Cut(rest, []byte(`"`))
		values = append(values, store.ContentValue{Content: b.Content, Key: store.ValueKey(string(name))})
	}
	ctx := context.Background()
	if err := h.st.UpdateIndex(ctx, func(t *store.Tx) error {
		if err := t.PutValues(ctx, values); err != nil {
			return err
		}
		return t.PutSearch(ctx, "search", c.Feed, read, nil)
	}); err != nil {
		h.t.Fatal(err)
	}
}

// matches reads the positions of all that meets a condition, in pages, and checks that
// none looks at more than it may.
func (h *harness) matches(c entente.Collection, f entente.Filter, m store.Match, limit int, with string) []int64 {
	h.t.Helper()
	c = h.reread(c.ID)
	var out []int64
	meets, looked := m.Meets, 0
	m.Meets = func(object []byte) bool { looked++; return meets(object) }
	for after, pages := int64(0), 0; ; pages++ {
		looked = 0
		var p entente.Page
		h.view(func(ctx context.Context, t *store.Tx) (err error) {
			p, err = t.Page(ctx, store.FeedQuery{Feed: c.Feed, After: after, Head: c.Head, Limit: limit, Filter: f, Match: &m,
				Bodies: with == "bytes", BytesOnly: with == "bytes alone"})
			return err
		})
		if len(p.Entries) > limit || looked > max(m.Lines, 1) || p.More && p.Next <= after || pages > int(c.Head) {
			h.t.Fatalf("page %d after %d: %d entries of %d, %d looked at, %v, next %d", pages, after, len(p.Entries), limit, looked, p.More, p.Next)
		}
		for _, e := range p.Entries {
			if e.Seq <= after || p.More && e.Seq > p.Next || (e.Bytes == nil) != (with == "no bytes") || (e.ID == "") != (with == "bytes alone") || e.Added == 0 {
				h.t.Fatalf("%+v in the page between %d and %d", e, after, p.Next)
			}
			out = append(out, e.Seq)
		}
		if after = p.Next; !p.More {
			return out
		}
	}
}

// testMatches holds pages of what meets a condition against all pages and a loop, with the
// follower anywhere and budgets of every size.
func testMatches(t *testing.T, open func() *store.Store) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	h := newHarness(t, open())
	c, other := h.collection("C"), h.collection("Other")
	types := []string{"tool", "malware", "x-a"}
	letters := []string{"a", "a", "a", "b", "c", "d"}
	for step := range 120 {
		switch r.IntN(8) {
		case 0:
			h.now += 1000
			id := version(types[r.IntN(3)], r.IntN(9), "", "").ID
			if _, err := h.try(entente.LocalActor(), entente.DeleteObject{Collection: c.ID, Object: id, Versions: entente.VersionFilter{Last: true}}); err != nil && entente.KindOf(err) != entente.NotFound {
				t.Fatal(err)
			}
		case 1:
			h.index(c, 1+r.IntN(6))
		case 2:
			h.index(c, 1000)
		case 3: // contents that another collection has, and brought into the index
			h.submit(other, version(types[r.IntN(3)], r.IntN(9), jan, letters[r.IntN(6)]))
			h.index(other, 3)
		default:
			var batch []*entente.Version
			for range 1 + r.IntN(4) {
				batch = append(batch, version(types[r.IntN(3)], r.IntN(9), []string{jan, feb, mar}[r.IntN(3)], letters[r.IntN(6)]))
			}
			h.submit(c, batch...)
		}
		var f entente.Filter
		if r.IntN(2) == 0 {
			f.Versions.All = true
		}
		if r.IntN(3) == 0 {
			f.Types = types[:1+r.IntN(2)]
		}
		if r.IntN(4) == 0 {
			f.IDs = []entente.ObjectID{version(types[0], r.IntN(9), "", "").ID, version(types[1], r.IntN(9), "", "").ID}
		}
		all := h.page(c, f, 100)
		if r.IntN(4) == 0 && len(all) > 0 {
			f.AddedAfter = all[r.IntN(len(all))].Added
		}
		wanted := letters[r.IntN(6):][:1]
		if r.IntN(3) == 0 {
			wanted = append(slices.Clone(wanted), "z", "d")
		}
		meets := func(object []byte) bool {
			return slices.ContainsFunc(wanted, func(name string) bool { return bytes.Contains(object, []byte(`"name":"`+name+`"`)) })
		}
		m := store.Match{Meets: meets, Follower: "search", Lines: []int{1, 2, 3, 8, 1000}[r.IntN(5)]}
		if r.IntN(3) > 0 {
			var keys []int64
			for _, name := range wanted {
				keys = append(keys, store.ValueKey(name))
			}
			m.Keys = [][]int64{keys}
			if r.IntN(3) == 0 {
				m.Keys = append(m.Keys, append(slices.Clone(keys), store.ValueKey("a"))) // another condition
			}
		}
		var want []int64
		for _, e := range all {
			if e.Added > f.AddedAfter && meets(e.Bytes) {
				want = append(want, e.Seq)
			}
		}
		with := []string{"bytes", "bytes alone", "no bytes"}[r.IntN(3)]
		same(t, fmt.Sprintf("step %d, %+v, %v, %d lines, %s", step, f, wanted, m.Lines, with), h.matches(c, f, m, 1+r.IntN(5), with), want)
	}
}

// testMatchBytes holds pages to a size of what they look at.
func testMatchBytes(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	var want []string
	for i := range 6 {
		v := version("tool", i, jan, "a")
		v.Bytes = fmt.Appendf(nil, `{"id":%q,"name":"a","x":%q}`, v.ID, bytes.Repeat([]byte{'x'}, 5<<20))
		v.Digest = digest(v.Bytes)
		h.submit(c, v)
		want = append(want, fmt.Sprintf("tool %d %s", i, jan))
	}
	for name, f := range map[string]entente.Filter{"all": {}, "by type": {Types: []string{"tool"}}} {
		for _, keys := range [][][]int64{nil, {{store.ValueKey("a")}}} {
			pages := 0
			m := store.Match{Meets: func([]byte) bool { return true }, Keys: keys, Follower: "search"}
			c := h.reread(c.ID)
			var got []string
			for after, more := int64(0), true; more; pages++ {
				h.view(func(ctx context.Context, tx *store.Tx) error {
					p, err := tx.Page(ctx, store.FeedQuery{Feed: c.Feed, After: after, Head: c.Head, Limit: 100, Filter: f, Bodies: true, Match: &m})
					got, after, more = append(got, names(p.Entries)...), p.Next, p.More
					return err
				})
			}
			same(t, name, got, want)
			if pages != 3 { // two of 5 MiB are beyond 8 MiB
				t.Errorf("%s: %d pages", name, pages)
			}
		}
		h.index(c, 100)
	}
}
