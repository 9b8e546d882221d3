package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"entente"
	"entente/ledger"
	"entente/store"
)

// ExportLedger gives the files of an export of the ledger one by one, as all is at one
// moment; what waited to be entered into the logs when it was called is in them. The last
// file is the manifest: without it there is no export. put reads a file to its end.
// Progress is told how many entries of how many are written; it may be nil. Conflict, with a
// [*ledger.Fault] as its cause, if the ledger's rows contradict each other.
func (n *Node) ExportLedger(ctx context.Context, a entente.Actor, put func(path string, content io.Reader) error, progress func(done, total int64)) error {
	return faulty(n.viewLedger(ctx, a, "export", func(x *exportFiles, unfinished error) error {
		if unfinished != nil {
			return unfinished
		}
		write := func(path string) error {
			f, err := x.Open(ctx, path)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return put(path, f)
		}
		var done, total int64
		for _, l := range x.logs {
			total += l.Size
		}
		for _, path := range x.order {
			h := sha256.New()
			f, err := x.Open(ctx, path)
			if err == nil {
				err = put(path, io.TeeReader(f, h))
			}
			if err != nil {
				return err
			}
			x.sums[path] = [sha256.Size]byte(h.Sum(nil))
			dir, isLog := strings.CutSuffix(path, "/checkpoint")
			if !isLog {
				continue
			}
			for p := range ledger.Paths(x.logs[dir].Size) {
				if err := write(dir + "/" + p.String()); err != nil {
					return err
				}
				if p.Of == ledger.OfEvents {
					if done += int64(p.Width); progress != nil {
						progress(done, total)
					}
				}
			}
		}
		return write(ledger.ManifestFile)
	}))
}

// VerifyLedger checks the ledger in the database, as [ledger.Verify] checks an export of it,
// and besides that no column of its rows says otherwise than its event.
func (n *Node) VerifyLedger(ctx context.Context, a entente.Actor, o ledger.Options) (r ledger.Report, err error) {
	err = n.viewLedger(ctx, a, "verify", func(x *exportFiles, unfinished error) error {
		r, err = x.verify(ctx, o)
		return errors.Join(err, unfinished)
	})
	return r, faulty(err)
}

// verify checks what the files have, and then what stands beside the ledger.
func (x *exportFiles) verify(ctx context.Context, o ledger.Options) (ledger.Report, error) {
	told, each := deliveries{}, o.Each
	o.Each = func(e ledger.Entered) error {
		err := told.add(e)
		if err == nil && each != nil {
			err = each(e)
		}
		return err
	}
	r, err := ledger.Verify(ctx, x, o)
	if err == nil {
		err = x.served(ctx, told, r.Erased > 0)
	}
	return r, err
}

// faulty makes a fault of the ledger the error that it is to who asks.
func faulty(err error) error {
	if f := (*ledger.Fault)(nil); errors.As(err, &f) {
		return entente.Errorf(entente.Conflict, "%w", f)
	}
	return err
}

// errFeedsAhead says that feeds were carried on between the sequencer's turn and a view.
var errFeedsAhead = errors.New("feeds were carried on in between")

// viewLedger shows the ledger as it is at one moment, with all that waited when it was
// called, and feeds with nothing that the ledger does not tell of yet. What kept events from
// being entered, such as a damaged tile, is handed on as unfinished: what is there can be
// looked at nevertheless. A reviewer's look is recorded first.
func (n *Node) viewLedger(ctx context.Context, a entente.Actor, what string, f func(x *exportFiles, unfinished error) error) error {
	if err := readAll(a); err != nil {
		return err
	}
	if err := n.Reviewing(ctx, a, "ledger/"+what, ""); err != nil {
		return err
	}
	for {
		// A database that comes from a backup says so first. What keeps it from that keeps the
		// sequencer from its work as well, and is told there.
		if err := n.declareRestored(ctx); err != nil && ctx.Err() != nil {
			return err
		}
		err := n.viewLedgerOnce(ctx, a, f)
		if !errors.Is(err, errLeased) && !errors.Is(err, errFeedsAhead) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// viewLedgerOnce begins the view while it holds the sequencer's lease, right behind its
// turn: giving the lease back waits for other writers, who may be appliers.
func (n *Node) viewLedgerOnce(ctx context.Context, a entente.Actor, f func(x *exportFiles, unfinished error) error) error {
	var viewing chan error
	view := func(unfinished error) {
		begun := make(chan struct{})
		viewing = make(chan error, 1)
		go func() {
			viewing <- n.view(ctx, a, func(t *store.Tx) error {
				waits, err := t.FeedEventsWait(ctx)
				close(begun)
				if err == nil && waits != 0 && unfinished == nil {
					err = errFeedsAhead
				}
				if err != nil {
					return err
				}
				x, err := newExportFiles(ctx, t)
				if err != nil {
					return err
				}
				return f(x, unfinished)
			})
		}()
		select {
		case <-begun:
		case err := <-viewing: // it ended before it began
			viewing <- err
		}
	}
	err := n.holdingAs(ctx, sequenceJob, leaseFor, func(ctx context.Context, holder string) error {
		err := n.sequenceAll(ctx, holder)
		if ctx.Err() == nil && !errors.Is(err, errLeased) {
			view(err)
		}
		return err
	})
	if viewing == nil {
		return err
	}
	return <-viewing
}
