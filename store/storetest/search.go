package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"entente"
	"entente/store"
)

func digest(b []byte) entente.Digest { return sha256.Sum256(b) }

// follow reads a collection's accept log into the full-text index, by small steps.
func (h *harness) follow(c entente.Collection) {
	h.t.Helper()
	ctx := context.Background()
	for range 1000 {
		var read store.Reading
		h.view(func(ctx context.Context, t *store.Tx) (err error) {
			read, err = t.Followed(ctx, "search", c.Feed, store.FromStored, 2)
			return err
		})
		var texts []store.SearchText
		for _, b := range read.Bodies {
			texts = append(texts, store.SearchText{Content: b.Content, Words: store.Words(string(b.Bytes))})
		}
		if err := h.st.UpdateIndex(ctx, func(t *store.Tx) error { return t.PutSearch(ctx, "search", c.Feed, read, texts) }); err != nil {
			h.t.Fatal(err)
		}
		if read.AtHead {
			return
		}
	}
	h.t.Fatal("the follower does not arrive")
}

// testFollower lets two processes read the same: what the slower one makes of it is not kept.
func testFollower(t *testing.T, open func() *store.Store) {
	ctx := context.Background()
	h, other := newHarness(t, open()), open()
	c := h.collection("C")
	h.submit(c, version("tool", 1, "2026-01-01T00:00:00Z", "alpha"), version("tool", 2, "2026-01-01T00:00:00Z", "alpha"), version("tool", 3, "2026-01-01T00:00:00Z", "alpha"))
	read := func(st *store.Store, limit int) (read store.Reading) {
		t.Helper()
		if err := st.View(ctx, func(t *store.Tx) (err error) {
			read, err = t.Followed(ctx, "search", c.Feed, store.FromStored, limit)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return read
	}
	put := func(st *store.Store, read store.Reading) entente.Kind {
		t.Helper()
		texts := []store.SearchText{{Content: read.Bodies[len(read.Bodies)-1].Content, Words: "beta"}}
		err := st.UpdateIndex(ctx, func(t *store.Tx) error { return t.PutSearch(ctx, "search", c.Feed, read, texts) })
		if err == nil {
			return 0
		}
		return entente.KindOf(err)
	}
	for _, limits := range [][2]int{{1, 2}, {2, 1}} { // without a position before, and with one
		slow, fast := read(h.st, limits[0]), read(other, limits[1])
		if k := put(other, fast); k != 0 {
			t.Fatalf("the first: %v", k)
		}
		if k := put(h.st, slow); k != entente.Conflict {
			t.Errorf("the second: %v", k)
		}
		if now := read(h.st, 10); now.From != fast.To {
			t.Errorf("the follower is at %d, want %d", now.From, fast.To)
		}
	}
	if err := h.st.View(ctx, func(tx *store.Tx) error {
		found, err := tx.Search(ctx, store.ParseTerms("beta"), []int64{c.Feed}, 10)
		same(t, "what the index has", len(found), 2)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func testSearch(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	one, two := h.collection("One"), h.collection("Two")
	put := func(c entente.Collection, n int, text string) *entente.Version {
		v := version("tool", n, jan, text)
		h.submit(c, v)
		return v
	}
	put(one, 1, "Brute force against 198.51.100.7")
	put(one, 2, "Force brute; 198.51.100.70, ÜBERFALL")
	shared := put(one, 3, "CVE-2026-0001 in mail.example.com")
	h.submit(two, shared)
	put(two, 4, "ransomware")
	// More words than an engine may keep of one text, and a longer word: the beginning counts.
	var long strings.Builder
	long.WriteString("beginning " + strings.Repeat("w", 3000))
	for i := range 150_000 {
		fmt.Fprintf(&long, " word%d", i)
	}
	put(two, 5, long.String())
	lag := func() (n int64) {
		h.view(func(ctx context.Context, tx *store.Tx) (err error) {
			n, err = tx.Lag(ctx, "search")
			return err
		})
		return n
	}
	same(t, "lag before", lag(), int64(6))
	h.follow(one)
	same(t, "lag between", lag(), int64(3))
	h.follow(two)
	same(t, "lag after", lag(), int64(0))
	search := func(text string, limit int, feeds ...int64) []string {
		var es []entente.Entry
		h.view(func(ctx context.Context, tx *store.Tx) error {
			found, err := tx.Search(ctx, store.ParseTerms(text), feeds, limit)
			for _, f := range found {
				es = append(es, f.Entry)
			}
			return err
		})
		return names(es)
	}
	n := func(nums ...string) (out []string) {
		for _, x := range nums {
			out = append(out, "tool "+x+" "+jan)
		}
		return out
	}
	for _, tc := range []struct {
		text string
		want []string
	}{
		{"brute force", n("2", "1")}, {`"brute force"`, n("1")}, {"198.51.100.7", n("1")}, {"198.51.100.7*", n("2", "1")},
		{"überfall", n("2")}, {"uberfall", nil}, {"cve-2026-0001", n("3")}, {"example.com", n("3")}, {"ransom", nil}, {"ransom*", n("4")},
		{"beginning", n("5")}, {"word77 word78", n("5")}, {strings.Repeat("v", 3000), nil}, {"beginning " + strings.Repeat("v", 3000), nil},
		{"brute ransom*", nil}, {`" ' ) OR 1=1 --`, nil}, {"AND OR NOT NEAR", nil}, {"* : ! & |", nil},
	} {
		same(t, tc.text, search(tc.text, 10, one.Feed, two.Feed), tc.want)
	}
	same(t, "in one collection", search("ransomware", 10, one.Feed), []string(nil))
	same(t, "the newest alone", search("brute", 1, one.Feed, two.Feed), n("2"))
	// What is no longer the last, or deleted, is not found.
	h.submit(one, version("tool", 1, feb, "harmless"))
	h.do(entente.DeleteObject{Collection: one.ID, Object: version("tool", 2, "", "").ID})
	h.follow(one)
	same(t, "after changes", search("brute", 10, one.Feed, two.Feed), []string(nil))
	same(t, "lag after a deletion", lag(), int64(0))
}

func testSweep(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	one, two := h.collection("One"), h.collection("Two")
	shared := version("tool", 0, jan, "shared words")
	h.submit(one, shared)
	h.submit(two, shared)
	for i := range 9 {
		h.submit(one, version("tool", i+1, jan, "own words"))
	}
	h.follow(one)
	if _, err := h.try(entente.LocalActor(), entente.RemoveCollection{Collection: one.ID}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("removing a full collection: %v", err)
	}
	h.do(entente.RemoveCollection{Collection: one.ID, EvenIfFull: true})
	ctx := context.Background()
	swept := 0
	for more := true; more; {
		var gone store.Swept
		if err := h.st.Update(ctx, func(tx *store.Tx) (err error) {
			gone, err = tx.Sweep(ctx, 3)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := h.st.UpdateIndex(ctx, func(tx *store.Tx) error { return tx.DropIndexed(ctx, gone) }); err != nil {
			t.Fatal(err)
		}
		swept, more = swept+gone.Lines, gone.More
	}
	same(t, "swept lines", swept, 10)
	h.view(func(ctx context.Context, tx *store.Tx) error {
		for i := range 10 {
			held, err := tx.Object(ctx, version("tool", i, "", "").ID)
			if err != nil {
				return err
			}
			if want := map[bool]int{true: 1, false: 0}[i == 0]; len(held) != want {
				t.Fatalf("object %d has %d contents, want %d", i, len(held), want)
			}
		}
		found, err := tx.Search(ctx, store.ParseTerms("words"), []int64{one.Feed, two.Feed}, 99)
		same(t, "found", len(found), 1)
		return err
	})
	same(t, "the other collection", names(h.page(two, entente.Filter{}, 9)), []string{"tool 0 " + jan})
	h.do(entente.AddCollection{Name: "One"}) // the name is free again
}
