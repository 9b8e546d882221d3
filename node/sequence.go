package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"entente"
	"entente/ledger"
	"entente/store"
)

const (
	sequenceJob   = "ledger"
	sequenceBatch = 1000
	// sequenceRest is how long events gather before they are entered together: each turn writes
	// the right edge of the trees anew. An event is in its log within a second.
	sequenceRest = 200 * time.Millisecond
)

// runSequencer enters events into the ledger until ctx ends.
func (n *Node) runSequencer(ctx context.Context) {
	for ctx.Err() == nil {
		if err := n.Sequence(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errLeased) {
			n.log.Error("events could not be entered into the ledger; it will be tried again", "error", err)
		}
		rest := time.NewTimer(sequenceRest)
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
		}
		t := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-n.sequence:
		}
		t.Stop()
	}
}

// Sequence enters the events that wait into the logs, until none is left that waited when it
// began. Where another process is at it, that is told by an error.
func (n *Node) Sequence(ctx context.Context) error {
	if err := n.declareRestored(ctx); err != nil {
		return err
	}
	waits, err := n.eventsWait(ctx)
	if err != nil || !waits {
		return err
	}
	return n.holdingAs(ctx, sequenceJob, leaseFor, n.sequenceAll)
}

// sequenceAll enters what waits, for who holds the sequencer's lease.
func (n *Node) sequenceAll(ctx context.Context, holder string) error {
	for {
		more, err := n.sequenceOnce(ctx, holder)
		if err != nil || !more {
			return err
		}
	}
}

// CatchUpLedger enters the events that wait now into the logs; while another process is at
// it, it waits for that one.
func (n *Node) CatchUpLedger(ctx context.Context) error {
	for {
		err := n.Sequence(ctx)
		if !errors.Is(err, errLeased) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (n *Node) eventsWait(ctx context.Context) (bool, error) {
	in, err := n.st.Inbox(ctx, 1)
	if err != nil || len(in) > 0 {
		return len(in) > 0, err
	}
	if m, err := n.st.LedgerMark(ctx); err != nil || m.Fault != "" {
		return true, err
	}
	var out []store.EventRow
	err = n.st.View(ctx, func(t *store.Tx) (err error) {
		out, err = t.EventsOut(ctx, 1)
		return err
	})
	return len(out) > 0, err
}

// sequenceOnce enters what waits, or the oldest part of it.
func (n *Node) sequenceOnce(ctx context.Context, holder string) (more bool, err error) {
	mark, err := n.catchUpMark(ctx)
	if err != nil {
		return false, err
	}
	inbox, moreIn, err := wholeActs(ctx, n.st.Inbox)
	if err != nil {
		return false, err
	}
	var head *store.LedgerLog
	var taken []store.EventRow
	var lost bool
	err = n.st.Update(ctx, func(t *store.Tx) error {
		// Who was stopped for long may have lost the lease: then it is written by another.
		if err := t.HoldLease(ctx, sequenceJob, holder); err != nil {
			lost = entente.KindOf(err) == entente.Conflict
			return err
		}
		head, lost = nil, false
		if err := n.noteLostInbox(ctx, t, mark); err != nil {
			return err
		}
		out, moreOut, err := wholeActs(ctx, t.EventsOut)
		if err != nil {
			return err
		}
		in := inbox
		if in, out = together(in, moreIn, out, moreOut); len(in)+len(out) == 0 {
			return nil
		}
		more = moreIn || moreOut
		ids := make([]string, len(in))
		for i, e := range in {
			ids[i] = e.ID
		}
		entered, err := t.Entered(ctx, ids) // and not taken out of the inbox, as the process died
		if err != nil {
			return err
		}
		taken = in
		fresh := slices.DeleteFunc(slices.Clone(in), func(e store.EventRow) bool { return entered[e.ID] })
		if head, err = n.enter(ctx, t, append(fresh, out...)); err != nil {
			return err
		}
		return t.DropEventsOut(ctx, out)
	})
	switch {
	case lost:
		return false, errLeased
	case err != nil:
	case mark.Fault != "":
		err = n.mend(ctx)
	case head != nil:
		err = n.st.PutLedgerMark(ctx, markOf(head), false)
	}
	if err != nil {
		return false, n.noteUnfit(ctx, err)
	}
	return more, n.st.DropInbox(ctx, taken)
}

// wholeActs reads the oldest events of a queue, and tells whether it has more. The events of
// an act have one time and stay together: what the logs say of each other is never in between.
func wholeActs(ctx context.Context, read func(context.Context, int) ([]store.EventRow, error)) (all []store.EventRow, more bool, err error) {
	for limit := sequenceBatch; ; limit *= 4 {
		if all, err = read(ctx, limit); err != nil || len(all) < limit {
			return all, false, err
		}
		last := all[len(all)-1].At
		if i := slices.IndexFunc(all, func(e store.EventRow) bool { return e.At == last }); i > 0 {
			return all[:i], true, nil
		}
	}
}

// together cuts two queues, each in order, to the part that is complete: what one of them has
// beyond the end of the other's part waits, if the other has more.
func together(in []store.EventRow, moreIn bool, out []store.EventRow, moreOut bool) ([]store.EventRow, []store.EventRow) {
	cut := func(all, other []store.EventRow, more bool) []store.EventRow {
		if !more {
			return all
		}
		end := other[len(other)-1].At
		if i := slices.IndexFunc(all, func(e store.EventRow) bool { return e.At > end }); i >= 0 {
			return all[:i]
		}
		return all
	}
	return cut(in, out, moreOut), cut(out, in, moreIn)
}

// enter appends events to the logs that they belong to, those of partners first, as the main
// log notes how far these are.
func (n *Node) enter(ctx context.Context, t *store.Tx, all []store.EventRow) (main *store.LedgerLog, err error) {
	for i := range all {
		if r := &all[i]; r.Organisation != "" && r.Kind == "agreement" {
			if err := toldAt(r); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(all, func(a, b store.EventRow) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	by := map[string][]store.EventRow{}
	for _, e := range all {
		by[e.Organisation] = append(by[e.Organisation], e)
	}
	w, err := n.scribe(ctx, t)
	if err != nil {
		return nil, err
	}
	heads := entente.Event{Kind: "heads"}
	pages := map[string]store.Served{} // where partners' logs have deliveries, by their entries
	for _, org := range slices.Sorted(func(yield func(string) bool) {
		for org := range by {
			if !yield(org) {
				return
			}
		}
	}) {
		if org == "" {
			continue
		}
		l, err := w.append(ctx, t, org, by[org])
		if err != nil {
			return nil, err
		}
		notePages(pages, l, by[org])
		heads.Logs = append(heads.Logs, entente.LogHead{Partner: org, Root: hex.EncodeToString(l.Root), Size: l.Size})
	}
	own := by[""]
	if len(heads.Logs) > 0 {
		now := n.now()
		heads.Time = entente.FormatMicros(now)
		r, err := n.eventRow(now, heads, n.random)
		if err != nil {
			return nil, err
		}
		own = append(own, r)
	}
	if len(own) == 0 {
		return nil, nil
	}
	l, err := w.append(ctx, t, "", own)
	if err != nil {
		return nil, err
	}
	return l, served(ctx, t, own, pages)
}

// scribe writes the logs of the present epoch.
type scribe struct {
	home string
	last store.LedgerKey
	key  ledger.Key
}

// scribe makes who writes the present epoch, which begins if there is none. A ledger that was
// restored and does not say so yet, or whose key is lost, has none.
func (n *Node) scribe(ctx context.Context, t *store.Tx) (scribe, error) {
	w := scribe{home: n.home}
	if said, err := t.Restored(ctx); err != nil || said != "" {
		return w, cmp.Or(err, errUndeclared)
	}
	keys, err := t.LedgerKeys(ctx)
	if err != nil {
		return w, err
	}
	facts, err := t.LedgerFacts(ctx)
	if err != nil {
		return w, err
	}
	if len(keys) == 0 && facts.Size == 0 {
		w.last = store.LedgerKey{Epoch: 1, Generation: 1}
		if w.key, w.last.Seed, err = n.newKey(); err != nil {
			return w, err
		}
		w.last.Public = w.key.Public()
		return w, t.AddLedgerKey(ctx, w.last)
	}
	if len(keys) == 0 || keys[len(keys)-1].Epoch < facts.Epoch {
		return w, unfit("the key of epoch %d is not there; if it is lost for good, declare it: entente ledger renew --lost-key --cause TEXT", facts.Epoch)
	}
	w.last = keys[len(keys)-1]
	if w.key, err = ledger.NewKey(w.last.Seed); err != nil {
		return w, unfit("the key of epoch %d cannot be used; if it is lost for good, declare it: entente ledger renew --lost-key --cause TEXT", facts.Epoch)
	}
	return w, nil
}

// newKey draws a key, with the secret that it is made of.
func (n *Node) newKey() (ledger.Key, []byte, error) {
	seed := make([]byte, ledger.SeedSize)
	if _, err := io.ReadFull(n.random, seed); err != nil {
		return ledger.Key{}, nil, err
	}
	key, err := ledger.NewKey(seed)
	return key, seed, err
}

// originOf names a log: C2SP tlog-checkpoint asks for a name that no other log has.
func originOf(home string, epoch int64, organisation string) string {
	origin := fmt.Sprintf("entente/%s/%d", home, epoch)
	if organisation != "" {
		origin += "/" + organisation
	}
	return origin
}

// tilesOf reads the tiles of a log.
type tilesOf struct {
	t   *store.Tx
	log int64
}

// Tile is for [ledger.Tiles].
func (x tilesOf) Tile(ctx context.Context, level int, index int64) ([]byte, error) {
	return x.t.LedgerTile(ctx, x.log, level, index)
}

// append enters events into one log and signs its new head.
func (w scribe) append(ctx context.Context, t *store.Tx, organisation string, events []store.EventRow) (*store.LedgerLog, error) {
	was, err := t.LedgerLog(ctx, w.last.Epoch, organisation)
	if err != nil {
		return nil, err
	}
	if was == nil {
		if was, err = t.AddLedgerLog(ctx, w.last.Epoch, organisation); err != nil {
			return nil, err
		}
	}
	if err := fits(ctx, t, w.home, was); err != nil {
		return nil, err
	}
	leaves := make([][]byte, len(events))
	entries := make([]store.LedgerEntry, len(events))
	for i, e := range events {
		entry := EntryOf(e.Salt, e.Body)
		leaves[i] = entry[:]
		entries[i] = store.LedgerEntry{Index: was.Size + int64(i), Entry: entry[:], EventRow: e}
	}
	changed, root, err := ledger.Append(ctx, tilesOf{t, was.Num}, was.Size, leaves)
	if err != nil {
		return nil, err
	}
	now := *was
	now.Size, now.Root = was.Size+int64(len(events)), root[:]
	if now.Note, err = (ledger.Checkpoint{Origin: originOf(w.home, w.last.Epoch, organisation), Size: now.Size, Root: root}).Sign(w.key); err != nil {
		return nil, err
	}
	tiles := make([]store.LedgerTile, len(changed))
	for i, x := range changed {
		tiles[i] = store.LedgerTile{Level: x.Level, Index: x.Index, Hashes: x.Hashes}
	}
	return &now, t.AppendLedger(ctx, was, &now, entries, tiles)
}
