package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"entente"
	"entente/ledger"
	"entente/store"
)

// A ledger is carried on only if it is what it was: each log has the root and the number of
// entries that its checkpoint says, and the main log goes on from where the mark beside the
// inbox saw it. Else nothing is entered and no page is sent, until somebody declares what
// happened ([entente.RenewLedger]), or puts back what was there.

// errUnfit tells that the ledger is not what it was.
var errUnfit = errors.New("the ledger is not what it was")

// errUndeclared tells that the database was restored, and the ledger does not say so yet.
var errUndeclared = errors.New("the database was restored from a backup, and the ledger does not say so yet")

// unfit names what is wrong.
func unfit(format string, args ...any) error {
	return entente.Wrap(entente.Unavailable, errUnfit, fmt.Sprintf(format, args...))
}

const howToDeclare = "put back what was there, or declare it: entente ledger renew --cause TEXT"

// fits holds the end of a log against its checkpoint.
func fits(ctx context.Context, t *store.Tx, home string, l *store.LedgerLog) error {
	name := originOf(home, l.Epoch, l.Organisation)
	end, err := t.LedgerEnd(ctx, l.Num)
	if err != nil {
		return err
	}
	if end != l.Size-1 {
		return unfit("the log %s has %d entries by its checkpoint, and its last one has the index %d; %s", name, l.Size, end, howToDeclare)
	}
	if l.Size == 0 {
		return nil
	}
	root, err := rootOf(ctx, t, l, l.Size)
	if err != nil {
		return err
	}
	if !bytes.Equal(root[:], l.Root) {
		return unfit("the log %s has another root by its tiles than by its row at %d entries; %s", name, l.Size, howToDeclare)
	}
	text, _, _ := strings.Cut(string(l.Note), "\n\n")
	if (ledger.Checkpoint{Origin: name, Size: l.Size, Root: root}).Text() != text+"\n" {
		return unfit("the checkpoint of the log %s is not that of its %d entries; %s", name, l.Size, howToDeclare)
	}
	return nil
}

// rootOf computes the root of a log at a size out of its tiles.
func rootOf(ctx context.Context, t *store.Tx, l *store.LedgerLog, size int64) ([32]byte, error) {
	root, err := ledger.RootOf(ctx, tilesOf{t, l.Num}, size)
	if e := (*entente.Error)(nil); errors.As(err, &e) { // other errors are of reading
		return root, unfit("a part of the tree of log %d is missing: %s; %s", l.Num, e.Public, howToDeclare)
	}
	return root, err
}

func markOf(l *store.LedgerLog) store.LedgerMark {
	return store.LedgerMark{Epoch: l.Epoch, Size: l.Size, Root: l.Root}
}

// fitsMark holds the main log against the mark. What is behind the mark was put back to an
// earlier state. It gives the log, nil while there is none.
func fitsMark(ctx context.Context, t *store.Tx, m store.LedgerMark) (*store.LedgerLog, error) {
	f, err := t.LedgerFacts(ctx)
	if err != nil {
		return nil, err
	}
	main, err := t.LedgerLog(ctx, f.Epoch, "")
	if err != nil {
		return nil, err
	}
	said, err := t.Restored(ctx)
	switch {
	case err != nil:
		return nil, err
	case said != "", m.Epoch < f.Epoch: // declared, or about to be
		return main, nil
	case m.Epoch == 1 && m.Size == 0 && f.Epoch == 0: // nothing has been entered yet
		return nil, nil
	case m.Epoch > f.Epoch || m.Size > f.Size:
		return main, unfit("the main log has %d entries in epoch %d, and had %d in epoch %d: the database was put back to an earlier state; %s", f.Size, f.Epoch, m.Size, m.Epoch, howToDeclare)
	case m.Size == 0:
		return main, nil
	}
	root, err := rootOf(ctx, t, main, m.Size)
	if err != nil {
		return main, err
	}
	if !bytes.Equal(root[:], m.Root) {
		return main, unfit("the main log had another root at %d entries in epoch %d: the database was changed, or is of another history; %s", m.Size, m.Epoch, howToDeclare)
	}
	return main, nil
}

// catchUpMark moves the mark to where the main log is, before more is entered: so that it is
// never behind by more than what is entered at once. It gives what the mark was.
func (n *Node) catchUpMark(ctx context.Context) (store.LedgerMark, error) {
	m, err := n.st.LedgerMark(ctx)
	if err != nil {
		return m, err
	}
	var main *store.LedgerLog
	if err := n.st.View(ctx, func(t *store.Tx) (err error) {
		main, err = fitsMark(ctx, t, m)
		return err
	}); err != nil {
		return m, n.noteUnfit(ctx, err)
	}
	switch {
	case main == nil || main.Size == 0:
		if m.Epoch == 0 { // from now on there is a mark, so that a lost one is missed
			err = n.st.PutLedgerMark(ctx, store.LedgerMark{Epoch: 1, Fault: m.Fault}, false)
		}
	case m.Epoch != 0 && (m.Epoch != main.Epoch || m.Size != main.Size):
		to := markOf(main)
		to.Fault = m.Fault
		err = n.st.PutLedgerMark(ctx, to, false)
	}
	return m, err
}

// mend takes a fault of the ledger back if all logs of the epoch are as they were.
func (n *Node) mend(ctx context.Context) error {
	err := n.st.View(ctx, func(t *store.Tx) error {
		logs, err := t.LedgerLogs(ctx)
		if err != nil {
			return err
		}
		for i := range logs {
			if l := &logs[i]; l.Epoch == logs[len(logs)-1].Epoch {
				if err := fits(ctx, t, n.home, l); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return n.noteUnfit(ctx, err)
	}
	return n.st.PutLedgerFault(ctx, "")
}

// noteLostInbox records, before more is entered, that the inbox is not the one that was there:
// events of pages that were sent may have been in it.
func (n *Node) noteLostInbox(ctx context.Context, t *store.Tx, m store.LedgerMark) error {
	f, err := t.LedgerFacts(ctx)
	if err != nil || f.Size == 0 || m.Epoch > 0 && m.Epoch < f.Epoch {
		return err
	}
	if said, err := t.Restored(ctx); err != nil || said != "" {
		return err
	}
	var text string
	switch {
	case m.Epoch == 0:
		text = "the inbox of events is not there any more"
	case f.Size-m.Size > 10*sequenceBatch:
		text = fmt.Sprintf("the inbox of events is an older one: its mark has %d entries", m.Size)
	default:
		return nil
	}
	now := n.now()
	e := entente.Event{Kind: "inbox-lost", Time: entente.FormatMicros(now), Count: int(f.Size), Text: text + "; pages that were sent since the last entry may have no event"}
	n.log.Error("the inbox of events was lost or replaced; the ledger says so", "entries", f.Size)
	rows, err := n.eventRows(now, e, nil)
	if err != nil {
		return err
	}
	return t.PutEvents(ctx, rows)
}

// noteUnfit notes a fault of the ledger where every process finds it.
func (n *Node) noteUnfit(ctx context.Context, err error) error {
	if !errors.Is(err, errUnfit) {
		return err
	}
	n.ledgerFits.Store(false)
	return errors.Join(err, n.st.PutLedgerFault(ctx, entente.PublicText(err)))
}

// ensureLedgerFits holds the ledger against its mark once, before this process sends a page;
// the sequencer does it later, and every process finds what it finds.
func (n *Node) ensureLedgerFits(ctx context.Context) error {
	if n.ledgerFits.Load() {
		return nil
	}
	m, err := n.st.LedgerMark(ctx)
	if err != nil {
		return err
	}
	err = n.st.View(ctx, func(t *store.Tx) error {
		main, err := fitsMark(ctx, t, m)
		if err != nil || main == nil {
			return err
		}
		return fits(ctx, t, n.home, main)
	})
	if err != nil {
		return n.noteUnfit(ctx, err)
	}
	n.ledgerFits.Store(true)
	return nil
}
