package storetest

import (
	"bytes"
	"context"
	"testing"

	"entente"
	"entente/store"
)

// testWitnessing: what this node has cosigned moves on from what was read and from nothing
// else; what others have cosigned counts for the policy under which they were asked; what a
// partner acknowledges covers what stands below.
func testWitnessing(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	ctx := context.Background()
	update := func(f func(*store.Tx) error) error { return h.st.Update(ctx, f) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	root := bytes.Repeat([]byte{1}, 32)
	put := func(was, now int64) error {
		return update(func(tx *store.Tx) error {
			return tx.PutWitnessState(ctx, "log.example", store.WitnessState{Size: was}, store.WitnessState{Size: now, Root: root, At: h.now})
		})
	}
	must(put(0, 5))
	if err := put(0, 7); entente.KindOf(err) != entente.Conflict {
		t.Errorf("from a size that is not the last: %v", err)
	}
	must(put(5, 7))
	h.do(entente.WitnessLog{Origin: "log.example", Key: "a"})
	h.do(entente.WitnessLog{Origin: "log.example", Key: "b"})
	h.do(entente.WitnessLog{Origin: "other.example", Key: "c"})
	h.do(entente.DropWitnessLog{Key: "a"})
	if _, err := h.try(entente.LocalActor(), entente.DropWitnessLog{Key: "a"}); entente.KindOf(err) != entente.NotFound {
		t.Errorf("dropped twice: %v", err)
	}
	must(h.st.View(ctx, func(tx *store.Tx) error {
		for origin, want := range map[string]int{"": 2, "log.example": 1, "none.example": 0} {
			if keys, err := tx.WitnessKeys(ctx, origin); err != nil || len(keys) != want {
				t.Errorf("keys of %q: %v, %v", origin, keys, err)
			}
		}
		s, err := tx.WitnessState(ctx, "log.example")
		if s.Size != 7 || !bytes.Equal(s.Root, root) || s.At == 0 {
			t.Errorf("%+v", s)
		}
		return err
	}))

	partner := h.do(entente.AddPartner{Name: "Partner"}).ID
	h.do(entente.SetPolicy{Policy: entente.Policy{Organisation: partner, Text: []byte("x")}})
	if _, err := h.try(entente.LocalActor(), entente.SetPolicy{Policy: entente.Policy{Organisation: "nobody", Text: []byte("x")}}); entente.KindOf(err) != entente.NotFound {
		t.Errorf("a policy for nobody: %v", err)
	}
	var log int64
	must(update(func(tx *store.Tx) error {
		l, err := tx.AddLedgerLog(ctx, 1, partner)
		if err != nil {
			return err
		}
		now := *l
		now.Size, now.Root, now.Note, log = 3, root, []byte("plain"), l.Num
		if err := tx.AppendLedger(ctx, l, &now, nil, nil); err != nil {
			return err
		}
		if err := tx.PutCosigned(ctx, store.Cosigned{Log: log, Witness: "w", Size: 2, Lines: []byte("l")}); err != nil {
			return err
		}
		if err := tx.PutCosigned(ctx, store.Cosigned{Log: log, Witness: "w", Size: 3, Lines: []byte("m")}); err != nil {
			return err
		}
		// Of an older size it is kept, and not served in place of the last one.
		return tx.PutWitnessed(ctx, store.Witnessed{Log: log, Size: 2, Note: []byte("older"), At: h.now})
	}))
	look := func(size int64, note string) {
		t.Helper()
		must(h.st.View(ctx, func(tx *store.Tx) error {
			w, err := tx.Witnessed(ctx, log)
			if err != nil {
				return err
			}
			l, err := tx.LedgerLog(ctx, 1, partner)
			if w.Size != size || string(l.Note) != note {
				t.Errorf("witnessed %d with %q, want %d with %q", w.Size, l.Note, size, note)
			}
			by, err2 := tx.Cosigned(ctx, log)
			if len(by) != 1 || by["w"].Size != 3 || string(by["w"].Lines) != "m" {
				t.Errorf("%+v", by)
			}
			if err == nil {
				err = err2
			}
			return err
		}))
	}
	look(2, "plain")
	must(update(func(tx *store.Tx) error {
		return tx.PutWitnessed(ctx, store.Witnessed{Log: log, Size: 3, Note: []byte("cosigned"), At: h.now})
	}))
	look(3, "cosigned")
	h.do(entente.SetPolicy{Policy: entente.Policy{Organisation: partner}})
	look(0, "cosigned")

	h.do(entente.AddPartnerKey{Organisation: partner, Key: "k"})
	h.do(entente.AddPartnerKey{Organisation: partner, Key: "k"})
	for _, size := range []int64{3, 2} {
		must(update(func(tx *store.Tx) error {
			return tx.Apply(ctx, entente.Change{Witnessing: &entente.WitnessingChange{
				Acknowledgement: &entente.Acknowledgement{Log: log, Size: size, Organisation: partner, Key: "k", Note: []byte("n"), At: size}}})
		}))
	}
	must(h.st.View(ctx, func(tx *store.Tx) error {
		if keys, err := tx.PartnerKeys(ctx, partner); err != nil || len(keys) != 1 {
			t.Errorf("%v, %v", keys, err)
		}
		for index, want := range map[int64]int64{0: 2, 1: 2, 2: 3, 3: 0} {
			if a, err := tx.Acknowledged(ctx, log, index); err != nil || a.Size != want {
				t.Errorf("entry %d is acknowledged by %+v, %v; want size %d", index, a, err, want)
			}
		}
		return nil
	}))
	h.do(entente.RemovePartnerKey{Organisation: partner, Key: "k"})
	if _, err := h.try(entente.LocalActor(), entente.RemovePartnerKey{Organisation: partner, Key: "k"}); entente.KindOf(err) != entente.NotFound {
		t.Errorf("removed twice: %v", err)
	}
}
