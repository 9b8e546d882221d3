package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"entente"
	"entente/ledger"
	"entente/node"
	"entente/store"
	"entente/store/storetest"
)

// entries reads a whole log of the first epoch, and holds its tree and checkpoint against them.
func entries(t *testing.T, n *node.Node, st *store.Store, organisation string) (out []entente.Event) {
	t.Helper()
	ctx := context.Background()
	if err := n.CatchUpLedger(ctx); err != nil {
		t.Fatal(err)
	}
	err := st.View(ctx, func(tx *store.Tx) error {
		l, err := tx.LedgerLog(ctx, 1, organisation)
		if err != nil || l == nil {
			return err
		}
		all, err := tx.LedgerEntries(ctx, l.Num, 0, 1<<20)
		if err != nil {
			return err
		}
		var tree ledger.Tree
		for i, e := range all {
			if e.Index != int64(i) {
				t.Fatalf("entry %d stands at %d", e.Index, i)
			}
			if want := node.EntryOf(e.Salt, e.Body); string(want[:]) != string(e.Entry) {
				t.Fatalf("entry %d is not that of its event", i)
			}
			tree.Add(e.Entry)
			var ev entente.Event
			if err := json.Unmarshal(e.Body, &ev); err != nil {
				return err
			}
			if canonical, err := ledger.Canonical(ev); err != nil || string(canonical) != string(e.Body) {
				t.Fatalf("not canonical, or with members that are not known: %s %v", e.Body, err)
			}
			out = append(out, ev)
		}
		root := tree.Root()
		if l.Size != tree.Size() || string(l.Root) != string(root[:]) || !strings.Contains(string(l.Note), fmt.Sprintf("\n%d\n%s\n", l.Size, root)) {
			t.Fatalf("the log has %d entries, and its head is of %d:\n%s", tree.Size(), l.Size, l.Note)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func kinds(all []entente.Event) (out []string) {
	for _, e := range all {
		out = append(out, e.Kind)
	}
	return out
}

// onLedger runs a test on a node of each engine, with the store below it.
func onLedger(t *testing.T, f func(t *testing.T, n *node.Node, st *store.Store, another func() *node.Node)) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			url := newURL(t)
			another := func() *node.Node {
				n, err := node.Open(context.Background(), storetest.Open(t, url), node.Config{Home: "Home"})
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			f(t, another(), storetest.Open(t, url), another)
		})
	}
}

// What changes the node has its event, in the order in which it was done; what was refused or
// changes nothing has none of its kind.
func TestCommandsHaveEvents(t *testing.T) {
	onLedger(t, func(t *testing.T, n *node.Node, st *store.Store, _ func() *node.Node) {
		ctx := context.Background()
		c := collection(t, n, "C")
		if _, _, err := intake(t, n, c, strings.NewReader(bundle(tool(1, "a"), tool(2, "b")))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := intake(t, n, c, strings.NewReader(bundle(tool(2, "b"), tool(3, "c")))); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Do(ctx, entente.LocalActor(), entente.AddCollection{Name: "C"}); err == nil {
			t.Fatal("a second collection of that name")
		}
		all := entries(t, n, st, "")
		if got, want := kinds(all), []string{"establish", "collection-add", "submit", "submit"}; !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		second := all[3]
		if second.Count != 2 || second.Rules["added"].Count != 1 || second.Rules["unchanged"].Count != 1 || second.About["collection"] != c.ID || !second.By.Local {
			t.Errorf("%+v", second)
		}
		var digest entente.Digest
		var salt []byte
		err := st.Update(ctx, func(tx *store.Tx) error { // a look that holds what it looks at
			known, err := tx.Known(ctx, c.Feed, []entente.ObjectID{"tool--00000000-0000-4000-8000-000000000003"})
			for _, k := range known["tool--00000000-0000-4000-8000-000000000003"] {
				digest, salt = k.Digest, k.Salt
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := entente.CountVersions([]entente.Commitment{entente.Commit(salt, digest)}); second.Rules["added"].Root != want.Root {
			t.Errorf("the root is %s, and that of what was added %s", second.Rules["added"].Root, want.Root)
		}
	})
}

// Pages that many ask for at once have an event each, before they are had, whichever process
// enters them.
func TestDeliveriesAreKeptFirst(t *testing.T) {
	onLedger(t, func(t *testing.T, n *node.Node, st *store.Store, another func() *node.Node) {
		ctx := context.Background()
		c := collection(t, n, "C")
		if _, _, err := intake(t, n, c, strings.NewReader(bundle(tool(1, "a"), tool(2, "b")))); err != nil {
			t.Fatal(err)
		}
		nodes := []*node.Node{n, another()}
		const each = 40
		var wg sync.WaitGroup
		for i := range each * len(nodes) {
			wg.Go(func() {
				n := nodes[i%len(nodes)]
				in := reread(t, n, "C")
				q := node.Query{Limit: 10}
				p, err := n.Feed(ctx, entente.LocalActor(), in, q)
				if err == nil {
					err = n.Deliver(ctx, entente.LocalActor(), in, "/{root}/collections/{collection}/objects", q, p)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		// Both enter while they come in.
		for _, n := range nodes {
			wg.Go(func() {
				for range 5 {
					if err := n.CatchUpLedger(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		found, ids := 0, map[string]bool{}
		for _, e := range entries(t, n, st, "") {
			if ids[e.ID] {
				t.Errorf("event %s stands twice", e.ID)
			}
			ids[e.ID] = true
			if e.Kind != "deliver" {
				continue
			}
			found++
			if e.Seqs != "1-2" || e.Count != 2 || e.Head != 2 || e.About["collection"] != c.ID || len(e.List) != 64 {
				t.Errorf("%+v", e)
			}
		}
		if found != each*len(nodes) {
			t.Errorf("%d pages were had, and %d have an event", each*len(nodes), found)
		}
	})
}

// An event that was entered, and is still in the inbox as the process died, is entered once.
func TestNothingIsEnteredTwice(t *testing.T) {
	onLedger(t, func(t *testing.T, n *node.Node, st *store.Store, _ func() *node.Node) {
		ctx := context.Background()
		n.Deny(ctx, entente.LocalActor(), "/x", "GET /x", entente.Errorf(entente.NotFound, "no"))
		waiting, err := st.Inbox(ctx, 10)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("%d wait: %v", len(waiting), err)
		}
		before := len(entries(t, n, st, ""))
		if err := st.PutInbox(ctx, waiting); err != nil {
			t.Fatal(err)
		}
		if after := entries(t, n, st, ""); len(after) != before {
			t.Errorf("%d entries, and then %d: %v", before, len(after), kinds(after))
		}
		if left, err := st.Inbox(ctx, 10); err != nil || len(left) != 0 {
			t.Errorf("%d are left: %v", len(left), err)
		}
	})
}

// A sign-in that fails is recorded with the account, and not with what was written in its place.
func TestFailedSignIns(t *testing.T) {
	onLedger(t, func(t *testing.T, n *node.Node, st *store.Store, _ func() *node.Node) {
		ctx := context.Background()
		r, err := n.Do(ctx, entente.LocalActor(), entente.AddPartner{Name: "Delta"})
		if err != nil {
			t.Fatal(err)
		}
		a, err := n.Do(ctx, entente.LocalActor(), entente.AddAccount{Name: "delta-siem", Organisation: r.ID, Service: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"delta-siem", "correct horse battery staple"} {
			if _, err := n.SignIn(ctx, name, "wrong password"); entente.KindOf(err) != entente.Unauthenticated {
				t.Fatal(err)
			}
		}
		own := entries(t, n, st, r.ID)
		if got, want := kinds(own), []string{"account-add", "sign-in-failed"}; !slices.Equal(got, want) || own[1].About["account"] != a.ID || own[1].For != r.ID {
			t.Errorf("%v %+v", got, own)
		}
		failed := 0
		for _, e := range entries(t, n, st, "") {
			if e.Kind == "sign-in-failed" {
				failed++
				if text, _ := json.Marshal(e); strings.Contains(string(text), "horse") {
					t.Errorf("%s", text)
				}
			}
		}
		if failed != 2 {
			t.Errorf("%d failed sign-ins are recorded, want 2", failed)
		}
	})
}
