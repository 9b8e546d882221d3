package node

import (
	"context"
	"errors"
	"strconv"

	"entente"
	"entente/ledger"
	"entente/store"
)

// LogFile is a file of a log as it is served.
type LogFile struct {
	ContentType string
	Bytes       []byte
}

// noLog is the answer to who may read no log, and the same as for a path that is none.
func noLog() error { return entente.Errorf(entente.NotFound, "there is nothing at this path") }

// noFile is the answer where a log has no such file.
func noFile() error { return entente.Errorf(entente.NotFound, "the log has no such file") }

// MayReadLog tells whether an account reads a log at all: a partner's its own, home's own the
// main log if it reads everything. NotFound where it does not.
func (n *Node) MayReadLog(ctx context.Context, a entente.Actor) error {
	return n.view(ctx, a, func(*store.Tx) error {
		_, err := n.logFor(a)
		return err
	})
}

// logFor tells whose log an account reads, "" for the main log.
func (n *Node) logFor(a entente.Actor) (organisation string, err error) {
	switch {
	case n.lookerOf(a).partner():
		return a.Account.Organisation, nil
	case !a.May(entente.ReadAll):
		return "", noLog()
	}
	return "", nil
}

// ownLog finds the log that an account reads, of an epoch, 0 for the present one. It is
// NotFound while there is none.
func (n *Node) ownLog(ctx context.Context, t *store.Tx, a entente.Actor, epoch int64) (*store.LedgerLog, error) {
	of, err := n.logFor(a)
	if err != nil {
		return nil, err
	}
	if epoch == 0 {
		keys, err := t.LedgerKeys(ctx)
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 {
			return nil, noFile()
		}
		epoch = keys[len(keys)-1].Epoch
	}
	l, err := t.LedgerLog(ctx, epoch, of)
	if err != nil {
		return nil, err
	}
	if l == nil || l.Size == 0 {
		return nil, noFile()
	}
	return l, nil
}

// LogCheckpoint gives the last checkpoint of the log that an account reads, of an epoch, 0
// for the present one; like the others that follow, NotFound where there is none.
func (n *Node) LogCheckpoint(ctx context.Context, a entente.Actor, epoch int64) (f LogFile, err error) {
	err = n.view(ctx, a, func(t *store.Tx) error {
		l, err := n.ownLog(ctx, t, a, epoch)
		if err == nil {
			f = textFile(l.Note)
		}
		return err
	})
	return f, err
}

func textFile(b []byte) LogFile { return LogFile{"text/plain; charset=utf-8", b} }

// LogPart gives a tile, a bundle of entries or the events of a bundle, by its path (C2SP
// tlog-tiles, docs/ledger.md). A partial one is given at every width that the log has.
func (n *Node) LogPart(ctx context.Context, a entente.Actor, epoch int64, path string) (f LogFile, err error) {
	p, err := ledger.ParsePath(path)
	if err != nil {
		return f, noFile()
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		l, err := n.ownLog(ctx, t, a, epoch)
		if err != nil {
			return err
		}
		have := l.Size
		if p.Of == ledger.OfTile {
			if p.Level > 7 { // higher than 2^63 entries make
				return noFile()
			}
			have = l.Size >> (ledger.TileHeight * p.Level)
		}
		if p.Index > have/ledger.TileWidth || p.Index*ledger.TileWidth+int64(p.Width) > have {
			return noFile()
		}
		switch p.Of {
		case ledger.OfTile:
			f, err = logTile(ctx, t, l, p)
		case ledger.OfEntries:
			f, err = logEntries(ctx, t, l, p)
		default:
			f, err = logEvents(ctx, t, l, p)
		}
		return err
	})
	return f, err
}

func logTile(ctx context.Context, t *store.Tx, l *store.LedgerLog, p ledger.Path) (LogFile, error) {
	b, err := t.LedgerTile(ctx, l.Num, p.Level, p.Index)
	if err != nil {
		return LogFile{}, err
	}
	size := p.Width * (ledger.TileSize / ledger.TileWidth)
	if len(b) < size {
		return LogFile{}, lacksFile(l, p)
	}
	return LogFile{"application/octet-stream", b[:size]}, nil
}

func lacksFile(l *store.LedgerLog, p ledger.Path) error {
	return entente.Errorf(entente.Internal, "log %d of the ledger has %d entries, but not all of %s", l.Num, l.Size, p)
}

func logEntries(ctx context.Context, t *store.Tx, l *store.LedgerLog, p ledger.Path) (LogFile, error) {
	all, err := t.LedgerEntries(ctx, l.Num, p.Index*ledger.TileWidth, p.Width)
	if err != nil {
		return LogFile{}, err
	}
	if len(all) < p.Width {
		return LogFile{}, lacksFile(l, p)
	}
	entries := make([][]byte, len(all))
	for i := range all {
		entries[i] = all[i].Entry
	}
	b, err := ledger.EncodeBundle(entries)
	return LogFile{"application/octet-stream", b}, err
}

func logEvents(ctx context.Context, t *store.Tx, l *store.LedgerLog, p ledger.Path) (LogFile, error) {
	all, err := t.LedgerEntries(ctx, l.Num, p.Index*ledger.TileWidth, p.Width)
	if err != nil {
		return LogFile{}, err
	}
	if len(all) < p.Width {
		return LogFile{}, lacksFile(l, p)
	}
	var b []byte
	for i := range all {
		switch e := &all[i]; {
		case e.Erased():
			b = ledger.AppendErasedLine(b)
		case len(e.Salt) != ledger.EventSaltSize:
			return LogFile{}, entente.Errorf(entente.Internal, "the salt of entry %d of log %d of the ledger has %d bytes", e.Index, l.Num, len(e.Salt))
		default:
			b = ledger.AppendEventLine(b, [ledger.EventSaltSize]byte(e.Salt), e.Body)
		}
	}
	return LogFile{"application/x-ndjson", b}, nil
}

// LogProof proves that an entry stands in the log that an account reads: by its index, or by
// the id of its event (C2SP tlog-proof).
func (n *Node) LogProof(ctx context.Context, a entente.Actor, epoch int64, index, event string) (f LogFile, err error) {
	err = n.view(ctx, a, func(t *store.Tx) error {
		l, err := n.ownLog(ctx, t, a, epoch)
		if err != nil {
			return err
		}
		at, err := entryAt(ctx, t, l, index, event)
		if err != nil {
			return err
		}
		p := ledger.Proof{Index: at, Checkpoint: l.Note}
		if p.Hashes, err = ledger.ProveInclusion(ctx, tilesOf{t, l.Num}, l.Size, at); err == nil {
			f = textFile(p.Marshal())
		}
		return err
	})
	return f, err
}

func noEntry() error { return entente.Errorf(entente.NotFound, "the log has no such entry") }

// entryAt finds an entry of a log by its index, or by the id of its event.
func entryAt(ctx context.Context, t *store.Tx, l *store.LedgerLog, index, event string) (int64, error) {
	if event == "" {
		at, err := strconv.ParseUint(index, 10, 63)
		if errors.Is(err, strconv.ErrSyntax) || strconv.FormatUint(at, 10) != index && err == nil {
			return 0, entente.Errorf(entente.Invalid, "an index is a whole number from 0 on; or name an event: ?event=ID")
		}
		if err != nil || int64(at) >= l.Size {
			return 0, noEntry()
		}
		return int64(at), nil
	}
	log, e, err := t.LedgerEntry(ctx, event)
	switch {
	case err != nil:
		return 0, err
	case e == nil, log != l.Num:
		return 0, noEntry() // of another's log too
	}
	return e.Index, nil
}
