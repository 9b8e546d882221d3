package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"entente"
	"entente/store"
)

const (
	jan = "2026-01-01T00:00:00Z"
	feb = "2026-02-01T00:00:00.000Z"
	mar = "2026-03-01T00:00:00.123456789Z"
)

func testContentOnce(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	one, two := h.collection("One"), h.collection("Two")
	v := version("tool", 1, jan, "a")
	h.submit(one, v, v)
	h.submit(two, v)
	if r := h.submit(two, v); r[0].Outcome != entente.Unchanged {
		t.Fatalf("again: %+v", r)
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		held, err := tx.Object(ctx, v.ID)
		if err != nil || len(held) != 1 || len(held[0].Lines) != 2 {
			t.Fatalf("held: %+v, %v; want one content with two lines", held, err)
		}
		return nil
	})
}

func testContested(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	first, second := version("tool", 1, jan, "a"), version("tool", 1, "2026-01-01T00:00:00.000Z", "b")
	h.submit(c, first)
	r := h.submit(c, second)
	if r[0].Outcome != entente.Contested || r[0].Current != first.Digest {
		t.Fatalf("the second contents: %+v", r)
	}
	for _, f := range []entente.Filter{{}, {Versions: entente.VersionFilter{All: true}}, {Versions: entente.VersionFilter{Exact: []entente.Instant{second.Modified}}}} {
		got := h.page(c, f, 10)
		if len(got) != 1 || got[0].Digest != first.Digest {
			t.Fatalf("%+v shows %v", f, names(got))
		}
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		held, err := tx.Object(ctx, first.ID)
		if err != nil || len(held) != 2 || held[1].Lines[0].Rival != held[0].Lines[0].Seq {
			t.Fatalf("held: %+v, %v", held, err)
		}
		n, err := tx.Contested(ctx, c.Feed)
		same(t, "contested", n, int64(1))
		return err
	})
}

func testPages(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	var want []string
	for i := range 23 {
		h.submit(c, version("tool", i, jan, "a"), version("tool", i, feb, "a"))
		want = append(want, fmt.Sprintf("tool %d %s", i, feb))
	}
	for _, limit := range []int{1, 2, 7, 23, 24, 100} {
		same(t, fmt.Sprintf("pages of %d", limit), names(h.page(c, entente.Filter{}, limit)), want)
	}
	// Added after any entry: exactly what comes behind it.
	all := h.page(c, entente.Filter{Versions: entente.VersionFilter{All: true}}, 50)
	for i, e := range all {
		got := h.page(c, entente.Filter{AddedAfter: e.Added, Versions: entente.VersionFilter{All: true}}, 50)
		same(t, "added after", names(got), names(all[i+1:]))
	}
	same(t, "added after the last", len(h.page(c, entente.Filter{AddedAfter: all[len(all)-1].Added + 1e9}, 5)), 0)
	// What a reader has seen stays where it is; what it gets later comes behind.
	h.do(entente.DeleteObject{Collection: c.ID, Object: version("tool", 3, "", "").ID, Versions: entente.VersionFilter{Last: true}})
	got := h.page(c, entente.Filter{}, 50)
	same(t, "the older version comes back at the end", names(got)[22], "tool 3 "+jan)
}

func testFilters(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	h.submit(c, version("tool", 1, feb, "a"), version("malware", 2, jan, "a"), version("tool", 1, jan, "a"), version("ipv4-addr", 3, "", "a"))
	h.submit(c, version("tool", 1, mar, "a"), version("ipv4-addr", 3, "", "b"), version("tool-2", 4, jan, "a"))
	id := func(v *entente.Version) entente.ObjectID { return v.ID }
	exact := func(s ...string) (f entente.VersionFilter) {
		for _, x := range s {
			in, _ := entente.ParseInstant(x)
			f.Exact = append(f.Exact, in)
		}
		return f
	}
	all := h.page(c, entente.Filter{Versions: entente.VersionFilter{All: true}}, 100)
	address := []string{all[3].Stamp, all[5].Stamp}
	for name, tc := range map[string]struct {
		f    entente.Filter
		want []string
	}{
		"nothing": {entente.Filter{}, []string{"malware 2 " + jan, "tool 1 " + mar, "ipv4-addr 3 " + address[1], "tool-2 4 " + jan}},
		"all": {entente.Filter{Versions: entente.VersionFilter{All: true}}, []string{"tool 1 " + feb, "malware 2 " + jan, "tool 1 " + jan,
			"ipv4-addr 3 " + address[0], "tool 1 " + mar, "ipv4-addr 3 " + address[1], "tool-2 4 " + jan}},
		"first":          {entente.Filter{Versions: entente.VersionFilter{First: true}}, []string{"malware 2 " + jan, "tool 1 " + jan, "ipv4-addr 3 " + address[0], "tool-2 4 " + jan}},
		"first and last": {entente.Filter{Types: []string{"tool"}, Versions: entente.VersionFilter{First: true, Last: true}}, []string{"tool 1 " + jan, "tool 1 " + mar}},
		"one moment":     {entente.Filter{Versions: exact("2026-02-01T00:00:00Z")}, []string{"tool 1 " + feb}},
		"nine digits":    {entente.Filter{Versions: exact(mar)}, []string{"tool 1 " + mar}},
		"six digits":     {entente.Filter{Versions: exact("2026-03-01T00:00:00.123456Z")}, nil},
		"added":          {entente.Filter{Versions: exact(address[0])}, []string{"ipv4-addr 3 " + address[0]}},
		"type":           {entente.Filter{Types: []string{"tool"}}, []string{"tool 1 " + mar}},
		"types":          {entente.Filter{Types: []string{"tool-2", "malware", "nothing"}}, []string{"malware 2 " + jan, "tool-2 4 " + jan}},
		"many types":     {entente.Filter{Types: []string{"tool", "a", "b", "c", "d", "e", "f", "g", "h", "malware"}}, []string{"malware 2 " + jan, "tool 1 " + mar}},
		"id":             {entente.Filter{IDs: []entente.ObjectID{id(version("tool", 1, "", ""))}}, []string{"tool 1 " + mar}},
		"ids and type":   {entente.Filter{IDs: []entente.ObjectID{id(version("tool", 1, "", "")), id(version("malware", 2, "", ""))}, Types: []string{"malware"}}, []string{"malware 2 " + jan}},
		"no such id":     {entente.Filter{IDs: []entente.ObjectID{id(version("tool", 99, "", ""))}}, nil},
		"2.0":            {entente.Filter{Specs: []entente.Spec{entente.Spec20}}, nil},
	} {
		for _, limit := range []int{1, 3, 100} {
			same(t, name, names(h.page(c, tc.f, limit)), tc.want)
		}
	}
}

func testSpecs(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	old := func(modified string) *entente.Version {
		v := version("tool", 1, modified, "2.0")
		v.Spec = entente.Spec20
		return v
	}
	both := []entente.Spec{entente.Spec20, entente.Spec21}
	h.submit(c, old(jan), old(mar))
	same(t, "2.0 alone", names(h.page(c, entente.Filter{}, 9)), []string{"tool 1 " + mar})
	h.submit(c, version("tool", 1, jan, "2.1"), version("tool", 1, feb, "2.1"))
	same(t, "the latest specification", names(h.page(c, entente.Filter{}, 9)), []string{"tool 1 " + feb})
	same(t, "2.0 asked for", names(h.page(c, entente.Filter{Specs: both[:1]}, 9)), []string{"tool 1 " + mar})
	named := func(texts ...string) entente.Filter {
		var f entente.Filter
		for _, text := range texts {
			in, err := entente.ParseInstant(text)
			if err != nil {
				t.Fatal(err)
			}
			f.Versions.Exact = append(f.Versions.Exact, in)
		}
		return f
	}
	same(t, "a version that both have", h.page(c, named(jan), 9)[0].Spec, entente.Spec21)
	same(t, "a version that 2.0 alone has", names(h.page(c, named(mar), 9)), []string{"tool 1 " + mar})
	same(t, "versions of either", names(h.page(c, named(feb, mar), 9)), []string{"tool 1 " + feb})
	same(t, "both, last", names(h.page(c, entente.Filter{Specs: both}, 9)), []string{"tool 1 " + mar, "tool 1 " + feb})
	h.do(entente.DeleteObject{Collection: c.ID, Object: old(jan).ID, Specs: both[1:]})
	same(t, "2.1 deleted", names(h.page(c, entente.Filter{Versions: entente.VersionFilter{All: true}}, 9)), []string{"tool 1 " + jan, "tool 1 " + mar})
}

func testRollback(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	ctx := context.Background()
	boom := errors.New("boom")
	first, err := h.st.Reserve(ctx, "content", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = h.st.Update(ctx, func(tx *store.Tx) error {
		f, err := tx.Facts(ctx, entente.LocalActor(), entente.Submit{Collection: c.ID, Versions: []*entente.Version{version("tool", 1, jan, "a")}})
		if err != nil {
			return err
		}
		f.Now, f.NextContent = h.now, first
		ch, err := entente.Decide(entente.Submit{Collection: c.ID, Versions: []*entente.Version{version("tool", 1, jan, "a")}}, f)
		if err != nil {
			return err
		}
		if err := tx.Apply(ctx, ch); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("Update: %v", err)
	}
	if got := h.reread(c.ID); got.Head != c.Head || len(h.page(c, entente.Filter{}, 9)) != 0 {
		t.Fatalf("something stayed: %+v", got)
	}
}

// testWritersAtOnce lets two open stores, as of two processes, write the same objects
// into the same and into different collections.
func testWritersAtOnce(t *testing.T, open func() *store.Store) {
	a := newHarness(t, open())
	shared, one, two := a.collection("Shared"), a.collection("One"), a.collection("Two")
	stores := []*store.Store{a.st, open()}
	var wg sync.WaitGroup
	const rounds, batch = 8, 25
	for p, st := range stores {
		wg.Go(func() {
			h := &harness{t: t, st: st, now: 1_700_000_000_000_000 + int64(p), seq: 1000 * (p + 1)}
			for round := range rounds {
				var vs []*entente.Version
				for i := range batch {
					vs = append(vs, version("tool", round*batch+i, jan, "a"))
				}
				for _, c := range []entente.Collection{shared, []entente.Collection{one, two}[p]} {
					if _, err := h.try(entente.LocalActor(), entente.Submit{Collection: c.ID, Versions: vs}); err != nil {
						t.Errorf("writer %d: %v", p, err)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, c := range []entente.Collection{shared, one, two} {
		if got := a.page(c, entente.Filter{Versions: entente.VersionFilter{All: true}}, 1000); len(got) != rounds*batch {
			t.Fatalf("%s holds %d, want %d", c.Name, len(got), rounds*batch)
		}
	}
	a.view(func(ctx context.Context, tx *store.Tx) error {
		held, err := tx.Object(ctx, version("tool", 0, "", "").ID)
		if err != nil || len(held) != 1 || len(held[0].Lines) != 3 {
			t.Fatalf("one content with three lines is wanted: %+v, %v", held, err)
		}
		return nil
	})
}

func testStartsAtOnce(t *testing.T, open func() *store.Store) {
	var wg sync.WaitGroup
	stores := make([]*store.Store, 4)
	for i := range stores {
		wg.Go(func() { stores[i] = open() })
	}
	wg.Wait()
	for _, st := range stores {
		if st == nil || st.Ping(context.Background()) != nil {
			t.Fatal("a store did not open beside the others")
		}
	}
}

func testHostileStrings(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection(`x'); DROP TABLE line; --`)
	for i, s := range []string{`'`, `"`, `\`, "%", "_", "\u202e", "a\x01b", "{blob}", "$1", "?"} {
		v := version("tool", i, jan, s)
		v.Bytes = fmt.Appendf(nil, `{"id":%q,"x":%q}`, v.ID, s)
		v.Digest = digest(v.Bytes)
		h.submit(c, v)
		got := h.page(c, entente.Filter{IDs: []entente.ObjectID{v.ID}, Types: []string{"tool"}}, 3)
		if len(got) != 1 || string(got[0].Bytes) != string(v.Bytes) {
			t.Fatalf("%q came back as %v", s, got)
		}
		same(t, "a type of signs", len(h.page(c, entente.Filter{Types: []string{s, "x"}}, 3)), 0)
		if _, err := h.try(entente.LocalActor(), entente.AddCollection{Name: "n" + s, Alias: s}); err == nil {
			t.Fatalf("the alias %q was taken", s)
		}
	}
}

// testLargePages holds pages to a size in bytes; nothing is lost between them.
func testLargePages(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	var want []string
	for i := range 7 {
		v := version("tool", i, jan, "a")
		v.Bytes = fmt.Appendf(nil, `{"id":%q,"x":%q}`, v.ID, bytes.Repeat([]byte{'x'}, 9<<20))
		v.Digest = digest(v.Bytes)
		h.submit(c, v)
		want = append(want, fmt.Sprintf("tool %d %s", i, jan))
	}
	c = h.reread(c.ID)
	var got []string
	pages := 0
	for after, more := int64(0), true; more; pages++ {
		var p entente.Page
		h.view(func(ctx context.Context, tx *store.Tx) (err error) {
			p, err = tx.Page(ctx, store.FeedQuery{Feed: c.Feed, After: after, Head: c.Head, Limit: 100, Bodies: true})
			return err
		})
		got = append(got, names(p.Entries)...)
		after, more = p.Next, p.More
	}
	same(t, "all pages", got, want)
	if pages < 2 || pages > len(want) {
		t.Fatalf("%d pages", pages)
	}
}

// testHiddenLines: whatever a feed hides between what a request wants, a page looks at a
// bounded part of it, and the pages together have everything.
func testHiddenLines(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	stamp := func(i int) string { return entente.FormatMicros(1_700_000_000_000_000 + int64(i)) }
	h.submit(c, version("tool", 1, stamp(0), "first"))
	for i := range 30 {
		h.submit(c, version("tool", 2, stamp(i), "again and again"))
	}
	h.submit(c, version("malware", 3, stamp(0), "last"))
	h.do(entente.DeleteObject{Collection: c.ID, Object: version("malware", 3, "", "").ID})
	h.submit(c, version("malware", 4, stamp(0), "after a deletion"))
	c = h.reread(c.ID)
	for _, f := range []entente.Filter{{}, {Types: []string{"malware"}}, {Versions: entente.VersionFilter{First: true}}, {Specs: []entente.Spec{entente.Spec20}},
		{Versions: entente.VersionFilter{Exact: []entente.Instant{version("tool", 2, stamp(29), "").Modified}}}, {AddedAfter: c.LastAdded - 1}} {
		want := h.page(c, f, 100)
		for lines := 1; lines < 40; lines += 3 {
			var got []entente.Entry
			pages := 0
			for after, more := int64(0), true; more; pages++ {
				var p entente.Page
				h.view(func(ctx context.Context, tx *store.Tx) (err error) {
					p, err = tx.Page(ctx, store.FeedQuery{Feed: c.Feed, After: after, Head: c.Head, Limit: 2, Lines: lines, Filter: f, Bodies: true})
					return err
				})
				if p.More && p.Next <= after || pages > int(c.Head) {
					t.Fatalf("%+v, %d lines: the page after %d goes on at %d", f, lines, after, p.Next)
				}
				got, after, more = append(got, p.Entries...), p.Next, p.More
			}
			same(t, fmt.Sprintf("%+v by %d lines", f, lines), names(got), names(want))
			if least := int(c.Head) / (2 * lines); f.AddedAfter == 0 && pages < least {
				t.Fatalf("%+v, %d lines: %d pages for %d positions", f, lines, pages, c.Head)
			}
		}
	}
}
