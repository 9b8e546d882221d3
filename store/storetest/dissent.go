package storetest

import (
	"context"
	"fmt"
	"testing"

	"entente"
	"entente/store"
)

// dissenting makes a version of the n-th opinion, about the n-th tools.
func dissenting(n int, modified, contents string, about ...int) *entente.Version {
	v := version("opinion", n, modified, contents)
	for _, a := range about {
		v.Dissent = append(v.Dissent, version("tool", a, "", "").ID)
	}
	return v
}

// testDissent holds what a library tells of dissent: what counts, by whom, and what does not
// any more: struck, deleted, or replaced by a newer version of its source.
func testDissent(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c, other := h.collection("C"), h.collection("Other")
	h.do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Analyst}})
	home := h.people().Organisations[0].ID
	a := entente.Agreement{Num: 1, ID: h.id(), Name: "circle", State: entente.Draft,
		Feeds: []entente.ReleaseFeed{{ID: h.id(), Collection: c.ID, Feed: 900, Log: c.Feed}}}
	tool := func(n int) entente.ObjectID { return version("tool", n, "", "").ID }
	check := func(when string, n int, want ...entente.ObjectID) {
		t.Helper()
		var got []entente.ObjectID
		h.view(func(ctx context.Context, tx *store.Tx) error {
			parse := func(b []byte, _ entente.Digest) *entente.Version { return &entente.Version{Bytes: b} }
			w, err := tx.Window(ctx, &a, []int64{1000}, []int64{1000}, 1, parse)
			if err != nil {
				return err
			}
			lib, err := tx.Library(ctx, store.LibraryOptions{Agreement: &a, Settled: []int64{1000}, Window: w, Parse: parse})
			if err != nil {
				return err
			}
			ms, err := lib.Matters([]entente.ObjectID{tool(n)})
			if err != nil {
				return err
			}
			for _, d := range ms[0].Dissent {
				if d.Source != home || d.Since == 0 {
					t.Fatalf("%s: %+v", when, d)
				}
				got = append(got, d.Object)
			}
			return nil
		})
		same(t, fmt.Sprintf("%s, about %d", when, n), got, want)
	}
	one, two := dissenting(1, jan, "a", 1, 2), dissenting(2, jan, "a", 1)
	h.submit(c, version("tool", 1, jan, "a"), one)
	check("one", 1, one.ID)
	check("one", 2, one.ID)
	check("one", 3)
	h.submit(c, one, one, two) // again, and twice in a batch
	check("two", 1, one.ID, two.ID)
	h.submit(other, dissenting(3, jan, "a", 3))
	check("in another collection", 3, dissenting(3, "", "").ID)

	// A newer version of its source says what it says now; an older one that comes later does not.
	h.submit(c, dissenting(2, feb, "agrees"), dissenting(2, "2025-12-01T00:00:00Z", "older", 1))
	check("a newer version agrees", 1, one.ID)
	h.submit(c, dissenting(2, mar, "again", 2))
	check("and dissents again", 1, one.ID)
	check("from another", 2, one.ID, two.ID)
	h.do(entente.DeleteObject{Collection: c.ID, Object: two.ID})
	check("deleted", 2, one.ID)

	strike := entente.StrikeDissent{Dissent: one.ID, Reason: "it rested on a forged report"}
	if _, err := h.try(h.signedIn("ann"), strike); entente.KindOf(err) != entente.NotFound {
		t.Fatalf("struck by somebody who may not read it: %v", err)
	}
	h.do(entente.SetGrant{Account: h.signedIn("ann").Account.ID, Collection: c.ID, Read: true})
	if _, err := h.try(entente.LocalActor(), strike); entente.KindOf(err) != entente.Unauthenticated {
		t.Fatalf("struck without a name: %v", err)
	}
	id := h.doAs("ann", strike)
	check("struck", 1)
	check("struck", 2)
	want := entente.Strike{ID: id, Object: one.ID, Organisation: home, Account: h.signedIn("ann").Account.ID, Role: entente.Analyst, At: h.now, Reason: strike.Reason}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Strikes(ctx, []entente.ObjectID{one.ID, two.ID})
		same(t, "strikes", got, []entente.Strike{want})
		if err != nil {
			return err
		}
		all, err := tx.Dissents(ctx, tool(1), 10)
		same(t, "what is struck stays", all, []entente.ObjectID{one.ID, two.ID})
		if err != nil {
			return err
		}
		all, err = tx.Dissents(ctx, "", 2)
		same(t, "the first two of all", all, []entente.ObjectID{one.ID, two.ID})
		return err
	})
	h.submit(c, dissenting(1, mar, "a newer version of what is struck", 1))
	check("struck for good", 1)
	if _, err := h.try(h.signedIn("ann"), strike); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("struck twice: %v", err)
	}

	// Adding needs no right to write, but to read.
	add := dissenting(9, jan, "a", 1)
	if _, err := h.try(h.signedIn("ann"), entente.AddDissent{Collection: other.ID, Version: add}); entente.KindOf(err) != entente.NotFound {
		t.Fatalf("into a collection that is not seen: %v", err)
	}
	h.doAs("ann", entente.AddDissent{Collection: c.ID, Version: add})
	check("added", 1, add.ID)
	// With the collections goes what was said in them.
	h.do(entente.RemoveCollection{Collection: c.ID, EvenIfFull: true})
	h.do(entente.RemoveCollection{Collection: other.ID, EvenIfFull: true})
	for more := true; more; {
		if err := h.st.Update(context.Background(), func(tx *store.Tx) error {
			s, err := tx.Sweep(context.Background(), 100)
			more = s.More
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		all, err := tx.Dissents(ctx, "", 10)
		same(t, "after the sweep", len(all), 0)
		return err
	})
}
