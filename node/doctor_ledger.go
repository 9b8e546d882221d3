package node

import (
	"bytes"
	"context"
	"errors"
	"time"

	"entente"
	"entente/ledger"
	"entente/store"
)

// eventPatience is how long an event may wait to be entered before that is told.
const eventPatience = time.Minute

// ledger looks at all logs: the entries, the trees over them, the checkpoints and their keys;
// at the mark; and whether events are entered in time.
func (d *doctor) ledger(ctx context.Context) error {
	var home entente.Organisation
	var logs []store.LedgerLog
	var keys []store.LedgerKey
	var out []store.EventRow
	m, err := d.n.st.LedgerMark(ctx)
	if err != nil {
		return err
	}
	if err := d.n.st.View(ctx, func(t *store.Tx) (err error) {
		if home, err = t.Home(ctx); err != nil {
			return err
		}
		if logs, err = t.LedgerLogs(ctx); err != nil {
			return err
		}
		if keys, err = t.LedgerKeys(ctx); err != nil {
			return err
		}
		if out, err = t.EventsOut(ctx, 1); err != nil {
			return err
		}
		_, err = fitsMark(ctx, t, m)
		return d.unfit(err)
	}); err != nil {
		return err
	}
	if m.Fault != "" {
		d.fault(checkLedger, "nothing is entered and no page is sent, since: %s", m.Fault)
	}
	in, err := d.n.st.Inbox(ctx, 1)
	if err != nil {
		return err
	}
	for _, e := range append(in, out...) {
		if waits := time.Duration(d.n.now()-e.At) * time.Microsecond; waits > eventPatience {
			d.warn(checkLedger, "an event of %s waits to be entered into the ledger; a server does that (entente serve), or \"entente ledger keys\"", entente.FormatMicros(e.At))
		}
	}
	for i := range logs {
		if err := d.ledgerLog(ctx, home.ID, &logs[i], keys); err != nil {
			return err
		}
	}
	return nil
}

// unfit takes what is wrong with the ledger as a finding; other errors stay.
func (d *doctor) unfit(err error) error {
	if !errors.Is(err, errUnfit) {
		return err
	}
	d.fault(checkLedger, "%s", entente.PublicText(err))
	return nil
}

// ledgerLog looks at one log as far as it was: at its end as the sequencer does, then at each entry.
func (d *doctor) ledgerLog(ctx context.Context, home string, l *store.LedgerLog, keys []store.LedgerKey) error {
	name := originOf(home, l.Epoch, l.Organisation)
	if err := d.n.st.View(ctx, func(t *store.Tx) error {
		now, err := t.LedgerLog(ctx, l.Epoch, l.Organisation) // it may have grown
		if err == nil && now != nil {
			*l = *now
			err = fits(ctx, t, home, l)
		}
		return d.unfit(err)
	}); err != nil || l.Size == 0 {
		return err
	}
	var known []ledger.Verifier
	for _, k := range keys {
		if public, err := publicOf(k); err == nil && k.Epoch == l.Epoch {
			if v, err := ledger.NewVerifier(name, public); err == nil {
				known = append(known, v)
			}
		}
	}
	if _, _, err := ledger.OpenCheckpoint(l.Note, known...); err != nil {
		d.fault(checkLedger, "the checkpoint of the log %s: %s", name, entente.PublicText(err))
	}
	var tree ledger.Tree
	for tree.Size() < l.Size {
		var page []store.LedgerEntry
		if err := d.n.st.View(ctx, func(t *store.Tx) (err error) {
			page, err = t.LedgerEntries(ctx, l.Num, tree.Size(), doctorLines)
			return err
		}); err != nil {
			return err
		}
		if len(page) == 0 || page[0].Index != tree.Size() {
			d.fault(checkLedger, "the log %s has no entry %d", name, tree.Size())
			return nil
		}
		for _, e := range page {
			switch entry := EntryOf(e.Salt, e.Body); {
			case e.Index != tree.Size(): // the next page tells
			case tree.Size() == l.Size:
			case !e.Erased() && !bytes.Equal(entry[:], e.Entry):
				d.fault(checkLedger, "the log %s: the event at %d is not that of its entry", name, e.Index)
				fallthrough
			default:
				tree.Add(e.Entry)
			}
		}
	}
	if root := tree.Root(); !bytes.Equal(root[:], l.Root) {
		d.fault(checkLedger, "the log %s has another root by its entries than by its row, at %d entries", name, l.Size)
	}
	return nil
}
