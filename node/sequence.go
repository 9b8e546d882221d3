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
	waits, err := n.eventsWait(ctx)
	if err != nil || !waits {
		return err
	}
	return n.holding(ctx, sequenceJob, leaseFor, func(ctx context.Context) error {
		for {
			more, err := n.sequenceOnce(ctx)
			if err != nil || !more {
				return err
			}
		}
	})
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
	var out []store.EventRow
	err = n.st.View(ctx, func(t *store.Tx) (err error) {
		out, err = t.EventsOut(ctx, 1)
		return err
	})
	return len(out) > 0, err
}

// sequenceOnce enters what waits, or the oldest part of it.
func (n *Node) sequenceOnce(ctx context.Context) (more bool, err error) {
	inbox, moreIn, err := wholeActs(ctx, n.st.Inbox)
	if err != nil {
		return false, err
	}
	err = n.st.Update(ctx, func(t *store.Tx) error {
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
		inbox = in
		fresh := slices.DeleteFunc(slices.Clone(in), func(e store.EventRow) bool { return entered[e.ID] })
		if err := n.enter(ctx, t, append(fresh, out...)); err != nil {
			return err
		}
		return t.DropEventsOut(ctx, out)
	})
	if err != nil {
		return false, err
	}
	return more, n.st.DropInbox(ctx, inbox)
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
func (n *Node) enter(ctx context.Context, t *store.Tx, all []store.EventRow) error {
	slices.SortFunc(all, func(a, b store.EventRow) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	by := map[string][]store.EventRow{}
	for _, e := range all {
		by[e.Organisation] = append(by[e.Organisation], e)
	}
	w, err := n.scribe(ctx, t)
	if err != nil {
		return err
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
			return err
		}
		notePages(pages, l, by[org])
		heads.Logs = append(heads.Logs, entente.LogHead{Partner: org, Root: hex.EncodeToString(l.Root), Size: l.Size})
	}
	main := by[""]
	if len(heads.Logs) > 0 {
		now := n.now()
		heads.Time = entente.FormatMicros(now)
		r, err := n.eventRow(now, heads, n.random)
		if err != nil {
			return err
		}
		main = append(main, r)
	}
	if len(main) == 0 {
		return nil
	}
	if _, err = w.append(ctx, t, "", main); err != nil {
		return err
	}
	return served(ctx, t, main, pages)
}

// scribe writes the logs of the present epoch.
type scribe struct {
	home  string
	epoch int64
	key   ledger.Key
}

func (n *Node) scribe(ctx context.Context, t *store.Tx) (scribe, error) {
	home, err := t.Home(ctx)
	if err != nil {
		return scribe{}, err
	}
	keys, err := t.LedgerKeys(ctx)
	if err != nil {
		return scribe{}, err
	}
	if len(keys) == 0 {
		seed := make([]byte, ledger.SeedSize)
		if _, err := io.ReadFull(n.random, seed); err != nil {
			return scribe{}, err
		}
		k := store.LedgerKey{Epoch: 1, Generation: 1, Seed: seed}
		if err := t.AddLedgerKey(ctx, k); err != nil {
			return scribe{}, err
		}
		keys = append(keys, k)
	}
	last := keys[len(keys)-1]
	key, err := ledger.NewKey(last.Seed)
	return scribe{home: home.ID, epoch: last.Epoch, key: key}, err
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
	was, err := t.LedgerLog(ctx, w.epoch, organisation)
	if err != nil {
		return nil, err
	}
	if was == nil {
		if was, err = t.AddLedgerLog(ctx, w.epoch, organisation); err != nil {
			return nil, err
		}
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
	if now.Note, err = (ledger.Checkpoint{Origin: originOf(w.home, w.epoch, organisation), Size: now.Size, Root: root}).Sign(w.key); err != nil {
		return nil, err
	}
	tiles := make([]store.LedgerTile, len(changed))
	for i, x := range changed {
		tiles[i] = store.LedgerTile{Level: x.Level, Index: x.Index, Hashes: x.Hashes}
	}
	return &now, t.AppendLedger(ctx, was, &now, entries, tiles)
}
