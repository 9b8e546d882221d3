package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"entente"
	"entente/store"
)

// keptAlone gives the contents of an object that no line carries any more, and that are there
// since it is preserved.
func keptAlone(ctx context.Context, t *store.Tx, id entente.ObjectID, held []store.Held) ([]ObjectVersion, error) {
	if !slices.ContainsFunc(held, func(h store.Held) bool { return len(h.Lines) == 0 }) {
		return nil, nil
	}
	all, err := t.Preserved(ctx, []entente.ObjectID{id})
	if err != nil {
		return nil, err
	}
	var cases []string
	for _, p := range all {
		if p.Object == id && p.Holds() {
			cases = append(cases, p.Case)
		}
	}
	var out []ObjectVersion
	for _, h := range held {
		if len(h.Lines) == 0 && len(cases) > 0 {
			out = append(out, ObjectVersion{Version: h.Stamp, Spec: h.Spec, Digest: h.Digest, Bytes: h.Bytes, Preserved: cases})
		}
	}
	return out, nil
}

// tellErased says of versions that they were erased, by what and whom. Bytes that are on their
// way out are shown to who reads everything alone.
func tellErased(ctx context.Context, t *store.Tx, a entente.Actor, id entente.ObjectID, held []store.Held, out []ObjectVersion) error {
	erasures, err := t.Erasures(ctx, []entente.ObjectID{id})
	if err != nil {
		return err
	}
	for i := range out {
		v := &out[i]
		at := slices.IndexFunc(held, func(h store.Held) bool { return h.Digest == v.Digest })
		for n := range erasures {
			if e := &erasures[n]; held[at].Erasure == e.ID {
				v.Erasure = e
			}
		}
		if v.Erasure != nil && !a.May(entente.ReadAll) {
			v.Bytes = nil
		}
	}
	return nil
}

// ErasedByNames gives the names of the accounts, by id, that erased what is among some versions
// which somebody is shown.
func (n *Node) ErasedByNames(ctx context.Context, all []ObjectVersion) (names map[string]string, err error) {
	if !slices.ContainsFunc(all, func(v ObjectVersion) bool { return v.Erasure != nil }) {
		return nil, nil
	}
	err = n.st.View(ctx, func(t *store.Tx) (err error) {
		names, err = allNames(ctx, t)
		return err
	})
	return names, err
}

// mayKnowKept checks that the actor may see what is preserved and erased: whoever reads
// everything, and whoever decides about it.
func mayKnowKept(a entente.Actor) error {
	if a.May(entente.ReadAll) || a.May(entente.Preserve) {
		return nil
	}
	return entente.Errorf(entente.Forbidden, "only a releaser, a reviewer or an operator of this node may see that")
}

// Preserved lists what is or was preserved, oldest first, under a case or, where that is "",
// under all, with the names of accounts.
func (n *Node) Preserved(ctx context.Context, a entente.Actor, reference string) (out []entente.Preserved, names map[string]string, err error) {
	if err := mayKnowKept(a); err != nil {
		return nil, nil, err
	}
	err = n.view(ctx, a, func(t *store.Tx) (err error) {
		if reference == "" {
			out, err = t.Preserved(ctx, nil)
		} else {
			out, err = t.PreservedUnder(ctx, reference)
		}
		if err == nil {
			names, err = allNames(ctx, t)
		}
		return err
	})
	if err == nil && reference != "" && len(out) == 0 {
		err = entente.Errorf(entente.NotFound, "nothing is or was preserved under the case %q; \"entente preserve list\" lists the cases", reference)
	}
	return out, names, err
}

// Erasures lists all erasures, oldest first, with the names of accounts.
func (n *Node) Erasures(ctx context.Context, a entente.Actor) (out []entente.Erasure, names map[string]string, err error) {
	if err := mayKnowKept(a); err != nil {
		return nil, nil, err
	}
	err = n.view(ctx, a, func(t *store.Tx) (err error) {
		if out, err = t.Erasures(ctx, nil); err == nil {
			names, err = allNames(ctx, t)
		}
		return err
	})
	slices.SortStableFunc(out, func(x, y entente.Erasure) int { return int(min(max(x.At-y.At, -1), 1)) })
	return out, names, err
}

// HeldVersions lists the versions that are held of an object by digest, with how TAXII names
// them, for who may propose to erase them.
func (n *Node) HeldVersions(ctx context.Context, a entente.Actor, id entente.ObjectID) (out []entente.ErasedVersion, err error) {
	if err := mayKnowKept(a); err != nil {
		return nil, err
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		held, err := t.Submitted(ctx, id)
		for _, c := range held {
			if !c.Erased {
				out = append(out, entente.ErasedVersion{Digest: c.Digest, Stamp: c.Stamp})
			}
		}
		return err
	})
	return out, err
}

// eraseJob is the background job that finishes erasures.
const eraseJob = "erase"

// ConfirmErasure confirms an erasure and finishes it as far as can be done now: the versions
// are out of every collection and feed when it returns without an error. It gives the erasure
// as it then is. What is left to do, servers do.
func (n *Node) ConfirmErasure(ctx context.Context, a entente.Actor, c entente.ConfirmErasure) (entente.Erasure, error) {
	var e entente.Erasure
	var concerned []string // agreements, by id
	if err := n.view(ctx, a, func(t *store.Tx) error {
		all, err := t.Erasures(ctx, nil)
		i := slices.IndexFunc(all, func(e entente.Erasure) bool { return e.ID == c.Erasure })
		if err != nil || i < 0 {
			return err
		}
		k, err := t.CaseOfAll(ctx, all[i].Object)
		concerned = nil
		for _, x := range k.Concerns {
			concerned = append(concerned, x.ID)
		}
		return err
	}); err != nil {
		return e, err
	}
	if _, err := n.Do(ctx, a, c); err != nil {
		return e, err
	}
	for _, id := range concerned {
		if err := n.Settle(ctx, id, nil); err != nil {
			return e, err
		}
	}
	for try := range 100 { // another process may be at it
		if err := n.holding(ctx, eraseJob, leaseFor, n.finishErasures); err != nil && !errors.Is(err, errLeased) {
			return e, err
		}
		all, _, err := n.Erasures(ctx, a)
		if err != nil {
			return e, err
		}
		e = all[slices.IndexFunc(all, func(e entente.Erasure) bool { return e.ID == c.Erasure })]
		if e.Event != "" { // done at once; the engine's journal follows when it can
			_, err = n.st.Flush(ctx)
			return e, err
		}
		if e.Cleared != 0 {
			break
		}
		select {
		case <-ctx.Done():
			return e, ctx.Err()
		case <-time.After(time.Duration(try) * time.Millisecond):
		}
	}
	return e, nil
}

// finishErasures removes the bytes of erasures that were confirmed, as soon as no reader can
// be sent them, and then what the indexes have of them. What cannot be done yet waits.
func (n *Node) finishErasures(ctx context.Context) error {
	var all []entente.Erasure
	err := n.st.View(ctx, func(t *store.Tx) (err error) {
		all, err = t.ErasuresUnderWay(ctx)
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	var errs []error
	for _, e := range all {
		err := n.finishErasure(ctx, e)
		if entente.KindOf(err) != entente.Conflict && !errors.Is(err, errLeased) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (n *Node) finishErasure(ctx context.Context, e entente.Erasure) error {
	if e.Removed == 0 {
		if _, err := n.Do(ctx, entente.LocalActor(), entente.RemoveBytes{Erasure: e.ID}); err != nil {
			return err
		}
	}
	// The follower may have read the bytes before, and write what it made of them later.
	err := n.holding(ctx, searchJob, leaseFor, func(ctx context.Context) error {
		var contents []int64
		if err := n.st.View(ctx, func(t *store.Tx) (err error) {
			contents, err = t.ErasedBy(ctx, e.ID)
			return err
		}); err != nil {
			return err
		}
		return n.st.UpdateIndex(ctx, func(t *store.Tx) error { return t.ClearIndexed(ctx, contents) })
	})
	if err != nil {
		return err
	}
	if done, err := n.st.Flush(ctx); err != nil || !done {
		return err
	}
	_, err = n.Do(ctx, entente.LocalActor(), entente.NoteCleared{Erasure: e.ID})
	return err
}
