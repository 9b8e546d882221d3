package storetest

import (
	"bytes"
	"context"
	"testing"

	"entente"
	"entente/store"
)

// sweep takes away what is left over, index and all.
func (h *harness) sweep() {
	h.t.Helper()
	ctx := context.Background()
	for more := true; more; {
		var gone store.Swept
		if err := h.st.Update(ctx, func(tx *store.Tx) (err error) {
			gone, err = tx.Sweep(ctx, 3)
			return err
		}); err != nil {
			h.t.Fatal(err)
		}
		if err := h.st.UpdateIndex(ctx, func(tx *store.Tx) error { return tx.DropIndexed(ctx, gone) }); err != nil {
			h.t.Fatal(err)
		}
		more = gone.More
	}
}

// contents counts what is held of an object, and how many of that have bytes.
func (h *harness) contents(id entente.ObjectID) (all, full int) {
	h.t.Helper()
	h.view(func(ctx context.Context, tx *store.Tx) error {
		held, err := tx.Object(ctx, id)
		for _, x := range held {
			if all++; len(x.Bytes) > 0 {
				full++
			}
		}
		return err
	})
	return all, full
}

func (h *harness) refused(kind entente.Kind, name string, c entente.Command) {
	h.t.Helper()
	who := entente.LocalActor()
	if name != "" {
		who = h.signedIn(name)
	}
	if _, err := h.try(who, c); entente.KindOf(err) != kind || err == nil {
		h.t.Fatalf("%T by %q: %v, want %v", c, name, err, kind)
	}
}

// What is preserved stays when its collection goes, whatever else does, until two lift it.
func testPreserved(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	for _, name := range []string{"ann", "bob"} {
		h.do(entente.AddAccount{Name: name, Roles: []entente.Role{entente.Releaser}})
	}
	one := h.collection("One")
	kept, lost := version("tool", 1, jan, "kept"), version("tool", 2, jan, "lost")
	h.submit(one, kept, lost, version("tool", 1, feb, "newer"))
	h.refused(entente.NotFound, "ann", entente.PreserveObjects{Case: "a", Objects: []entente.ObjectID{kept.ID, version("tool", 9, "", "").ID}})
	h.doAs("ann", entente.PreserveObjects{Case: "a", Objects: []entente.ObjectID{kept.ID}, Reason: "r"})
	h.doAs("bob", entente.PreserveObjects{Case: "b", Objects: []entente.ObjectID{kept.ID}})
	h.refused(entente.Conflict, "ann", entente.ProposeErasure{Object: kept.ID, All: true, Basis: "b", Case: "c", Reason: "r"})
	h.do(entente.RemoveCollection{Collection: one.ID, EvenIfFull: true})
	h.sweep()
	all, _ := h.contents(kept.ID)
	none, _ := h.contents(lost.ID)
	same(t, "what is preserved and what is not", []int{all, none}, []int{2, 0})
	for i, name := range []string{"a", "b"} {
		h.doAs("ann", entente.AskLiftPreserve{Case: name, Reason: "closed"})
		h.refused(entente.Forbidden, "ann", entente.LiftPreserve{Case: name})
		h.doAs("bob", entente.LiftPreserve{Case: name})
		h.sweep()
		all, _ := h.contents(kept.ID)
		same(t, "lifted under "+name, all, 2-2*i)
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		all, err := tx.PreservedUnder(ctx, "a")
		if len(all) != 1 || all[0].Reason != "r" || all[0].LiftReason != "closed" || all[0].Holds() {
			t.Errorf("%+v", all)
		}
		return err
	})
}

// An erasure takes versions out of every collection, and their bytes; the fact stays, in a
// backup too, and the same bytes are not taken in again.
func testErased(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	for _, name := range []string{"ann", "bob"} {
		h.do(entente.AddAccount{Name: name, Roles: []entente.Role{entente.Releaser}})
	}
	one, two := h.collection("One"), h.collection("Two")
	old, gone := version("tool", 1, jan, "old"), version("tool", 1, feb, "quicksand")
	h.submit(one, old, gone)
	h.submit(two, gone, version("tool", 2, jan, "quicksand"))
	h.follow(one)
	h.follow(two)
	id := h.doAs("ann", entente.ProposeErasure{Object: gone.ID, Digests: []entente.Digest{gone.Digest}, Basis: "Act 7", Case: "c", Reason: "r"})
	h.refused(entente.Forbidden, "ann", entente.ConfirmErasure{Erasure: id})
	h.refused(entente.Conflict, "", entente.RemoveBytes{Erasure: id})
	h.refused(entente.NotFound, "bob", entente.ConfirmErasure{Erasure: "nonsense"})
	same(t, "proposed", names(h.page(one, entente.Filter{}, 9)), []string{"tool 1 " + feb})
	h.doAs("bob", entente.ConfirmErasure{Erasure: id})
	same(t, "what is behind it comes to light", names(h.page(one, entente.Filter{}, 9)), []string{"tool 1 " + jan})
	same(t, "the other collection", names(h.page(two, entente.Filter{}, 9)), []string{"tool 2 " + jan})
	again := func(what string) {
		t.Helper()
		r := h.do(entente.Submit{Collection: two.ID, Versions: []*entente.Version{gone}, Undelete: true}).Results
		same(t, what, r[0].Outcome, entente.Erased)
	}
	again("before the bytes are gone")
	all, full := h.contents(gone.ID)
	same(t, "confirmed", []int{all, full}, []int{2, 2})
	h.doAs("ann", entente.DraftTerms{Terms: termsOf("pact", "one", h.do(entente.AddPartner{Name: "Partner"}).ID, one.ID)})
	judged := h.life("pact").Touches
	h.do(entente.RemoveBytes{Erasure: id})
	if h.life("pact").Touches == judged {
		t.Error("what an agreement judged before the bytes went could be written after that")
	}
	all, full = h.contents(gone.ID)
	same(t, "removed", []int{all, full}, []int{2, 1})
	again("after that")
	h.refused(entente.Conflict, "", entente.RemoveBytes{Erasure: id})
	ctx := context.Background()
	found := func() (n int) {
		h.view(func(ctx context.Context, tx *store.Tx) error {
			in, err := tx.Contents(ctx, "search", 0, 100)
			for _, c := range in {
				if c.Removed && (c.InSearch || len(c.Values) > 0) {
					n++
				}
			}
			return err
		})
		return n
	}
	same(t, "in the index before", found(), 1)
	if err := h.st.UpdateIndex(ctx, func(tx *store.Tx) error {
		var contents []int64
		if err := h.st.View(ctx, func(tx *store.Tx) (err error) {
			contents, err = tx.ErasedBy(ctx, id)
			return err
		}); err != nil {
			return err
		}
		return tx.ClearIndexed(ctx, contents)
	}); err != nil {
		t.Fatal(err)
	}
	same(t, "in the index after", found(), 0)
	if done, err := h.st.Flush(ctx); err != nil || !done {
		t.Fatalf("flushed: %v, %v", done, err)
	}
	h.do(entente.NoteCleared{Erasure: id})
	h.refused(entente.Conflict, "", entente.NoteCleared{Erasure: id})
	h.view(func(ctx context.Context, tx *store.Tx) error {
		way, err := tx.ErasuresUnderWay(ctx)
		same(t, "under way", len(way), 0)
		if err != nil {
			return err
		}
		es, err := tx.Erasures(ctx, []entente.ObjectID{gone.ID})
		if len(es) != 1 || es[0].Basis != "Act 7" || es[0].State() != "erased" {
			t.Errorf("%+v", es)
		}
		broken, err2 := tx.BrokenRecords(ctx)
		same(t, "broken", broken, []store.Broken(nil))
		if err == nil {
			err = err2
		}
		return err
	})
	// A collection that goes takes the fact along neither.
	h.do(entente.RemoveCollection{Collection: one.ID, EvenIfFull: true})
	h.do(entente.RemoveCollection{Collection: two.ID, EvenIfFull: true})
	h.sweep()
	all, full = h.contents(gone.ID)
	same(t, "swept", []int{all, full}, []int{1, 0})
	two = h.collection("Two again")
	again("in another collection")
	var b bytes.Buffer
	if _, err := h.st.Backup(ctx, &b, h.now, nil); err != nil {
		t.Fatal(err)
	}
}
