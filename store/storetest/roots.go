package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"entente"
	"entente/store"
)

func (h *harness) roots() (out []entente.Root) {
	h.t.Helper()
	h.view(func(ctx context.Context, t *store.Tx) (err error) {
		out, err = t.Roots(ctx)
		return err
	})
	return out
}

func testRoots(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	first := entente.Root{Name: "api1", Title: "T", MaxContentLength: 1000}
	banks := entente.Root{Name: "banks", Title: "Banks", Description: "D", MaxContentLength: 2000, PageMax: 7, ReadOnly: true}
	grid := entente.Root{Name: "a-grid", Title: "Grid", MaxContentLength: 1}
	h.do(entente.AddRoot{Root: banks})
	h.do(entente.AddRoot{Root: grid})
	same(t, "in the order in which they came", h.roots(), []entente.Root{first, banks, grid})
	if _, err := h.try(entente.LocalActor(), entente.AddRoot{Root: banks}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("the same again: %v", err)
	}
	h.do(entente.EditRoot{Root: "a-grid", Default: true})
	banks.Title, banks.ReadOnly = "Bänke", false
	h.do(entente.EditRoot{Root: "banks", Title: &banks.Title, ReadOnly: &banks.ReadOnly})
	same(t, "after edits", h.roots(), []entente.Root{grid, first, banks})
	h.do(entente.EditRoot{Root: "a-grid", Default: true})
	h.do(entente.EditRoot{Root: "banks", Default: true})
	h.do(entente.EditRoot{Root: "api1", Default: true})
	same(t, "another default", h.roots(), []entente.Root{first, banks, grid})

	// An alias is unique within its root, and finds one collection there.
	one := h.reread(h.do(entente.AddCollection{Name: "One", Alias: "c"}).ID)
	two := h.reread(h.do(entente.AddCollection{Name: "Two", Alias: "c", Root: "banks"}).ID)
	if one.Root != "api1" || two.Root != "banks" {
		t.Fatalf("%+v %+v", one, two)
	}
	for _, c := range []entente.AddCollection{{Name: "Three", Alias: "c", Root: "banks"}, {Name: "Three", Alias: "Two", Root: "banks"}, {Name: "c", Root: "banks"}, {Name: "Two", Root: "a-grid"}} {
		if _, err := h.try(entente.LocalActor(), c); entente.KindOf(err) != entente.Conflict {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		for root, want := range map[string]entente.Collection{"api1": one, "banks": two} {
			for _, name := range []string{want.ID, "c"} {
				if got, err := tx.CollectionIn(ctx, root, name); err != nil || got == nil || *got != want {
					t.Fatalf("%s in %s: %+v, %v", name, root, got, err)
				}
			}
			for _, name := range []string{root + "/c", root + "/" + want.Name} {
				if got, err := tx.CollectionsNamed(ctx, name); err != nil || len(got) != 1 || got[0] != want {
					t.Fatalf("%s: %+v, %v", name, got, err)
				}
			}
		}
		if got, err := tx.CollectionsNamed(ctx, "c"); err != nil || len(got) != 2 {
			t.Fatalf("c: %+v, %v", got, err)
		}
		for _, name := range []string{"", "/", "a-grid/", "a-grid/c", "banks/One"} {
			if got, err := tx.CollectionsNamed(ctx, name); err != nil || len(got) != 0 {
				t.Fatalf("%q: %+v, %v", name, got, err)
			}
		}
		return nil
	})
	shut := true
	h.do(entente.EditRoot{Root: "banks", ReadOnly: &shut})
	if !h.reread(two.ID).ReadOnly || h.reread(one.ID).ReadOnly {
		t.Fatal("read-only is not that of the collection's root")
	}

	// A root goes when it is empty, with the answers to POSTs there.
	if _, err := h.try(entente.LocalActor(), entente.RemoveRoot{Root: "banks"}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("a root with a collection: %v", err)
	}
	acc := h.do(entente.AddAccount{Name: "a"}).ID
	st := map[string]string{}
	for _, root := range []string{"api1", "banks"} {
		st[root] = h.id()
		if _, err := h.try(entente.Actor{Account: entente.Account{ID: acc}}, entente.PutStatus{Status: entente.Status{ID: st[root], Account: acc, Root: root}}); err != nil {
			t.Fatal(err)
		}
	}
	h.do(entente.RemoveCollection{Collection: two.ID})
	h.do(entente.RemoveRoot{Root: "banks"})
	same(t, "after removing one", h.roots(), []entente.Root{first, grid})
	h.do(entente.AddRoot{Root: banks})
	same(t, "and adding it again", h.roots(), []entente.Root{first, grid, banks})
	h.view(func(ctx context.Context, tx *store.Tx) error {
		for root, want := range map[string]bool{"api1": true, "banks": false} {
			if got, err := tx.Status(ctx, acc, root, st[root]); err != nil || (got != nil) != want {
				t.Fatalf("the status in %s: %+v, %v", root, got, err)
			}
		}
		return nil
	})
}

// While a root is removed by one process, another adds a collection to it: one of the two
// is refused, and nothing is left in a root that is not there.
func testRootsAtOnce(t *testing.T, open func() *store.Store) {
	a, b := newHarness(t, open()), newHarness(t, open())
	b.seq = 1_000_000 // ids of its own
	for n := range 20 {
		name := fmt.Sprintf("r%d", n)
		a.do(entente.AddRoot{Root: entente.Root{Name: name, Title: "T", MaxContentLength: 1}})
		var wg sync.WaitGroup
		var removed, added error
		wg.Go(func() { _, removed = a.try(entente.LocalActor(), entente.RemoveRoot{Root: name}) })
		wg.Go(func() { _, added = b.try(entente.LocalActor(), entente.AddCollection{Name: name, Root: name}) })
		wg.Wait()
		if (removed == nil) == (added == nil) {
			t.Fatalf("both or neither: removing %v, adding %v", removed, added)
		}
		a.view(func(ctx context.Context, tx *store.Tx) error {
			broken, err := tx.BrokenRecords(ctx)
			if len(broken) > 0 {
				t.Fatalf("%+v", broken)
			}
			return err
		})
	}
}

func testCertificates(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	siem := h.do(entente.AddAccount{Name: "siem", Service: true}).ID
	other := h.do(entente.AddAccount{Name: "other", Service: true}).ID
	add := entente.AddCertificate{Account: siem, Key: entente.Pin{7}, Subject: "CN=siem", Note: "n", Expires: h.now + 1_000_000}
	id := h.do(add).ID
	made := h.now
	if _, err := h.try(entente.LocalActor(), entente.AddCertificate{Account: other, Key: entente.Pin{7}, Expires: h.now + 1_000_000}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("another account with the key: %v", err)
	}
	second := h.do(entente.AddCertificate{Account: siem, Key: entente.Pin{8}, Expires: h.now + 1_000_000}).ID
	add.Subject, add.Expires = "CN=renewed", h.now+9_000_000
	if again := h.do(add).ID; again != id {
		t.Fatalf("the same key again is %s, and was %s", again, id)
	}
	want := entente.Certificate{ID: id, Account: siem, Key: entente.Pin{7}, Subject: "CN=renewed", Note: "n", Created: made, Expires: add.Expires}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		a, c, err := tx.AccountByCertificate(ctx, entente.Pin{7})
		if err != nil || a == nil || a.ID != siem || *c != want {
			t.Fatalf("%+v %+v, %v", a, c, err)
		}
		if a, c, err := tx.AccountByCertificate(ctx, entente.Pin{9}); a != nil || c != nil || err != nil {
			t.Fatalf("a key that is not there: %+v %+v, %v", a, c, err)
		}
		all, err := tx.Certificates(ctx, siem)
		if err != nil || len(all) != 2 || all[0] != want || all[1].ID != second {
			t.Fatalf("%+v, %v", all, err)
		}
		return nil
	})
	h.do(entente.RemoveCertificate{Certificate: id})
	if _, err := h.try(entente.LocalActor(), entente.RemoveCertificate{Certificate: id}); entente.KindOf(err) != entente.NotFound {
		t.Fatalf("removed again: %v", err)
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		if a, _, err := tx.AccountByCertificate(ctx, entente.Pin{7}); a != nil || err != nil {
			t.Fatalf("a key that was removed: %+v, %v", a, err)
		}
		return nil
	})
	add.Account = other
	h.do(add) // free for another account
}
