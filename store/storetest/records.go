package storetest

import (
	"context"
	"testing"

	"entente"
	"entente/store"
)

func testMigrations(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c := h.collection("C")
	h.submit(c, version("tool", 1, "2026-01-01T00:00:00Z", "a"))
	h.st.Close()
	// Opened again, nothing is lost and nothing is made twice.
	h = newHarness(t, open())
	same(t, "after opening again", names(h.page(c, entente.Filter{}, 10)), []string{"tool 1 2026-01-01T00:00:00Z"})
}

func testAccounts(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	ctx := context.Background()
	op := h.do(entente.AddAccount{Name: "Ops", Roles: []entente.Role{entente.Operator}, PasswordHash: "x"}).ID
	siem := h.do(entente.AddAccount{Name: "siem", Service: true}).ID
	if _, err := h.try(entente.LocalActor(), entente.AddAccount{Name: "siem"}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("the same name again: %v", err)
	}
	if _, err := h.try(entente.LocalActor(), entente.AddAccount{Name: "SIEM"}); err != nil {
		t.Fatalf("names differ in case: %v", err)
	}
	c := h.collection("C")
	h.do(entente.SetGrant{Account: siem, Collection: c.ID, Read: true})
	h.do(entente.SetGrant{Account: siem, Collection: c.ID, Read: true, Write: true})
	h.do(entente.AddToken{Account: siem, Hash: [32]byte{7}, Note: "n", Expires: h.now + 5000})
	h.view(func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.AccountByName(ctx, "siem")
		if err != nil || a == nil || a.ID != siem || !a.Service || a.PasswordHash != "" {
			t.Fatalf("by name: %+v, %v", a, err)
		}
		a, k, err := tx.AccountByToken(ctx, [32]byte{7})
		if err != nil || a == nil || a.ID != siem || k.Note != "n" {
			t.Fatalf("by token: %+v %+v, %v", a, k, err)
		}
		if a, _, err := tx.AccountByToken(ctx, [32]byte{8}); a != nil || err != nil {
			t.Fatalf("by a token that is not there: %+v, %v", a, err)
		}
		g, err := tx.Grants(ctx, siem)
		if err != nil || len(g) != 1 || !g[c.ID].Read || !g[c.ID].Write {
			t.Fatalf("grants: %+v, %v", g, err)
		}
		return nil
	})
	actor := entente.Actor{Account: entente.Account{ID: siem}}
	if _, err := h.try(actor, entente.Submit{Collection: c.ID}); err != nil {
		t.Fatalf("a writer submits: %v", err)
	}
	h.do(entente.DisableAccount{Account: siem})
	if _, err := h.try(actor, entente.Submit{Collection: c.ID}); entente.KindOf(err) != entente.Unauthenticated {
		t.Fatalf("a disabled account that had signed in: %v", err)
	}
	if _, err := h.try(entente.LocalActor(), entente.DisableAccount{Account: op}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("the last operator: %v", err)
	}
	h.do(entente.SetGrant{Account: siem, Collection: c.ID})
	err := h.st.View(ctx, func(tx *store.Tx) error {
		g, err := tx.Grants(ctx, siem)
		if len(g) != 0 {
			t.Fatalf("grants after none: %+v", g)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testCollections(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	add := func(name, alias string) error {
		_, err := h.try(entente.LocalActor(), entente.AddCollection{Name: name, Alias: alias})
		return err
	}
	if err := add("One", "one"); err != nil {
		t.Fatal(err)
	}
	for _, clash := range [][2]string{{"One", ""}, {"Two", "one"}, {"one", ""}} {
		if err := add(clash[0], clash[1]); entente.KindOf(err) != entente.Conflict {
			t.Fatalf("%v beside One (one): %v", clash, err)
		}
	}
	one := h.reread("One")
	same(t, "by alias", h.reread("one").ID, one.ID)
	name, none := "Eins", ""
	h.do(entente.EditCollection{Collection: one.ID, Name: &name, Alias: &none})
	if got := h.reread(one.ID); got.Name != "Eins" || got.Alias != "" || got.Feed != one.Feed {
		t.Fatalf("edited: %+v", got)
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		for _, s := range []string{"", "One", "one", "00000000-0000-4000-8000-000000000000"} {
			if c, err := tx.CollectionIn(ctx, "api1", s); c != nil || err != nil {
				t.Fatalf("%q finds %+v, %v", s, c, err)
			}
		}
		if c, err := tx.CollectionIn(ctx, "other", one.ID); c != nil || err != nil {
			t.Fatalf("another root finds %+v, %v", c, err)
		}
		return nil
	})
}

func testStatus(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	acc := h.do(entente.AddAccount{Name: "a"}).ID
	st := entente.Status{ID: h.id(), Account: acc, Root: "api1", Requested: 10, Successes: []entente.StatusDetail{{ID: "x", Version: "v", Message: "\x00<>"}}}
	if _, err := h.try(entente.Actor{Account: entente.Account{ID: acc}}, entente.PutStatus{Status: st}); err != nil {
		t.Fatal(err)
	}
	read := func(account, root, id string) (got *entente.Status) {
		h.view(func(ctx context.Context, tx *store.Tx) (err error) {
			got, err = tx.Status(ctx, account, root, id)
			return err
		})
		return got
	}
	same(t, "status", read(acc, "api1", st.ID), &st)
	if read("other", "api1", st.ID) != nil || read(acc, "other", st.ID) != nil || read(acc, "api1", "x") != nil {
		t.Fatal("a status shows to another account or root")
	}
	err := h.st.Update(context.Background(), func(tx *store.Tx) error {
		n, err := tx.DropStatuses(context.Background(), 11)
		if n != 1 {
			t.Errorf("dropped %d", n)
		}
		return err
	})
	if err != nil || read(acc, "api1", st.ID) != nil {
		t.Fatalf("after dropping: %v", err)
	}
}

func testLeases(t *testing.T, open func() *store.Store) {
	a, b := newHarness(t, open()), newHarness(t, open())
	ctx := context.Background()
	take := func(h *harness, who string, now, until int64) (ok bool) {
		t.Helper()
		if err := h.st.Update(ctx, func(tx *store.Tx) (err error) {
			ok, err = tx.Lease(ctx, "job", who, now, until)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return ok
	}
	same(t, "leases", []bool{
		take(a, "A", 0, 100),   // free
		take(b, "B", 50, 150),  // held
		take(a, "A", 90, 200),  // renewed
		take(b, "B", 201, 300), // run out
		take(a, "A", 202, 400), // held by B now
	}, []bool{true, false, true, true, false})
	if err := b.st.Update(ctx, func(tx *store.Tx) error { return tx.Release(ctx, "job", "B") }); err != nil {
		t.Fatal(err)
	}
	if !take(a, "A", 203, 400) {
		t.Fatal("a lease that was given back is not free")
	}
}

func testSeries(t *testing.T, open func() *store.Store) {
	a, b := open(), open()
	ctx := context.Background()
	seen := map[int64]bool{}
	for i := range 40 {
		st := []*store.Store{a, b}[i%2]
		n := i%7 + 1
		first, err := st.Reserve(ctx, "s", n, 5)
		if err != nil {
			t.Fatal(err)
		}
		for k := range int64(n) {
			if first <= 0 || seen[first+k] {
				t.Fatalf("number %d was given twice, or is not positive", first+k)
			}
			seen[first+k] = true
		}
	}
}
