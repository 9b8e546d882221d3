package node

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"entente"
	"entente/ledger"
	"entente/store"
)

// LedgerEntry is an event at its place in the ledger.
type LedgerEntry struct {
	Origin  string // of the log
	Epoch   int64
	Partner string // id, "" for the main log
	Index   int64
	Entry   string // what the tree has, in hexadecimal
	Erased  bool
	Salt    string // in hexadecimal; "" where the event was erased, like what follows
	Kind    string
	Raw     []byte // the event's own bytes
}

// LedgerAt says which log of the ledger is meant.
type LedgerAt struct {
	Partner string // name or id; "" for the main log
	Epoch   int64  // 0 for the present one
}

// ledgerLook reads of the ledger what waits to be entered included. A reviewer's look is
// recorded by what it is, but for "".
func (n *Node) ledgerLook(ctx context.Context, a entente.Actor, what, asked string, f func(*store.Tx) error) error {
	if err := readAll(a); err != nil {
		return err
	}
	if what != "" {
		if err := n.Reviewing(ctx, a, "ledger/"+what, asked); err != nil {
			return err
		}
	}
	if err := n.CatchUpLedger(ctx); err != nil {
		return err
	}
	return n.view(ctx, a, f)
}

// ledgerLog finds a log.
func (n *Node) ledgerLog(ctx context.Context, t *store.Tx, at LedgerAt) (*store.LedgerLog, error) {
	partner, name := "", "main log"
	if at.Partner != "" {
		all, err := t.Organisations(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			if (o.Name == at.Partner || o.ID == at.Partner) && !o.Home {
				partner, name = o.ID, "log of "+o.Name
			}
		}
		if partner == "" {
			return nil, entente.Errorf(entente.NotFound, "there is no partner %q; \"entente partner list\" shows those there are", at.Partner)
		}
	}
	logs, err := t.LedgerLogs(ctx)
	if err != nil {
		return nil, err
	}
	epoch := at.Epoch
	if epoch == 0 && len(logs) > 0 {
		epoch = logs[len(logs)-1].Epoch
	}
	for i := range logs {
		if logs[i].Epoch == epoch && logs[i].Organisation == partner {
			return &logs[i], nil
		}
	}
	return nil, entente.Errorf(entente.NotFound, "the %s has no entry in epoch %d", name, epoch)
}

func (n *Node) ledgerEntry(home string, l *store.LedgerLog, e *store.LedgerEntry) LedgerEntry {
	out := LedgerEntry{Origin: originOf(home, l.Epoch, l.Organisation), Epoch: l.Epoch, Partner: l.Organisation, Index: e.Index, Entry: hex.EncodeToString(e.Entry)}
	if out.Erased = e.Erased(); !out.Erased {
		out.Salt, out.Kind, out.Raw = hex.EncodeToString(e.Salt), e.Kind, e.Body
	}
	return out
}

// findEntry finds an entry by the id of its event, in whatever log, or by its index in a log.
func (n *Node) findEntry(ctx context.Context, t *store.Tx, at LedgerAt, idOrIndex string) (*store.LedgerLog, *store.LedgerEntry, error) {
	if index, err := strconv.ParseInt(idOrIndex, 10, 64); err == nil {
		l, err := n.ledgerLog(ctx, t, at)
		if err != nil {
			return nil, nil, err
		}
		if index >= 0 && index < l.Size {
			all, err := t.LedgerEntries(ctx, l.Num, index, 1)
			if err != nil {
				return nil, nil, err
			}
			if len(all) == 1 && all[0].Index == index {
				return l, &all[0], nil
			}
			return nil, nil, entente.Errorf(entente.Internal, "entry %d of the log is missing; see \"entente ledger verify\"", index)
		}
		return nil, nil, entente.Errorf(entente.NotFound, "the log has %d entries, from 0 on, and none at %d", l.Size, index)
	}
	num, e, err := t.LedgerEntry(ctx, idOrIndex)
	if err != nil {
		return nil, nil, err
	}
	if e == nil {
		return nil, nil, entente.Errorf(entente.NotFound, "the ledger has no event %q; give the id of an event, or the index of an entry", idOrIndex)
	}
	logs, err := t.LedgerLogs(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := range logs {
		if logs[i].Num == num {
			return n.inLogOf(ctx, t, at, &logs[i], e)
		}
	}
	return nil, nil, entente.Errorf(entente.Internal, "event %s belongs to no log; see \"entente ledger verify\"", idOrIndex)
}

// inLogOf is, for an event of the main log, the event of the same act in a partner's log if
// one is asked for.
func (n *Node) inLogOf(ctx context.Context, t *store.Tx, at LedgerAt, l *store.LedgerLog, e *store.LedgerEntry) (*store.LedgerLog, *store.LedgerEntry, error) {
	if at.Partner == "" {
		return l, e, nil
	}
	of, err := n.ledgerLog(ctx, t, LedgerAt{Partner: at.Partner, Epoch: l.Epoch})
	if err != nil || of.Num == l.Num {
		return l, e, err
	}
	var main entente.Event
	if l.Organisation == "" && !e.Erased() {
		if err := json.Unmarshal(e.Body, &main); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range main.Shared {
		if s.Partner != of.Organisation {
			continue
		}
		entry, _ := hex.DecodeString(s.Entry)
		if own, err := t.LedgerEntryOf(ctx, of.Num, entry); err != nil || own != nil {
			return of, own, err
		}
	}
	return nil, nil, entente.Errorf(entente.NotFound, "the event %s has no counterpart in the log of %s", e.ID, at.Partner)
}

// ShowLedger finds an entry by the id of its event or by its index.
func (n *Node) ShowLedger(ctx context.Context, a entente.Actor, at LedgerAt, idOrIndex string) (out LedgerEntry, err error) {
	err = n.ledgerLook(ctx, a, "show", idOrIndex, func(t *store.Tx) error {
		home, err := t.Home(ctx)
		if err != nil {
			return err
		}
		l, e, err := n.findEntry(ctx, t, at, idOrIndex)
		if err == nil {
			out = n.ledgerEntry(home.ID, l, e)
		}
		return err
	})
	return out, err
}

// tailPage bounds how many entries are read at a time.
const tailPage = 1000

// TailLedger reads entries of a log: those from an index on, or the last ones where from is
// negative, at most limit. It gives the index that comes next. Of a reviewer who follows a log
// the first look is recorded: else each would bring an event to be looked at.
func (n *Node) TailLedger(ctx context.Context, a entente.Actor, at LedgerAt, from int64, limit int) (out []LedgerEntry, next int64, err error) {
	what := "tail"
	if from >= 0 {
		what = ""
	}
	err = n.ledgerLook(ctx, a, what, "", func(t *store.Tx) error {
		home, err := t.Home(ctx)
		if err != nil {
			return err
		}
		l, err := n.ledgerLog(ctx, t, at)
		if err != nil {
			return err
		}
		limit := min(limit, tailPage)
		if from < 0 {
			from = max(0, l.Size-int64(limit))
		}
		all, err := t.LedgerEntries(ctx, l.Num, from, limit)
		next = from + int64(len(all))
		for i := range all {
			out = append(out, n.ledgerEntry(home.ID, l, &all[i]))
		}
		return err
	})
	return out, next, err
}

// ProveLedger proves that an entry stands in its log, which has the present checkpoint. By
// the id of an event of the main log and a partner, it is the event of the same act in the
// partner's log that is proven.
func (n *Node) ProveLedger(ctx context.Context, a entente.Actor, at LedgerAt, idOrIndex string) (e LedgerEntry, p ledger.Proof, err error) {
	err = n.ledgerLook(ctx, a, "prove", idOrIndex, func(t *store.Tx) error {
		home, err := t.Home(ctx)
		if err != nil {
			return err
		}
		l, row, err := n.findEntry(ctx, t, at, idOrIndex)
		if err != nil {
			return err
		}
		e = n.ledgerEntry(home.ID, l, row)
		p = ledger.Proof{Index: row.Index, Checkpoint: l.Note}
		p.Hashes, err = ledger.ProveInclusion(ctx, tilesOf{t, l.Num}, l.Size, row.Index)
		return err
	})
	if err != nil {
		return e, p, err
	}
	// What is given out holds, whatever the tiles in the database are.
	entry, _ := hex.DecodeString(e.Entry)
	c, err := ledger.ParseCheckpoint(textOf(p.Checkpoint))
	if err != nil || !ledger.CheckInclusion(p.Hashes, c.Size, c.Root, p.Index, entry) {
		err = entente.Errorf(entente.Conflict, "the proof of entry %d of %s would not hold: the ledger is damaged; see \"entente ledger verify\"", e.Index, e.Origin)
	}
	return e, p, err
}

// LedgerStats are figures of the ledger.
type LedgerStats struct {
	Logs    []LedgerLogStats
	Entries int64
	Bytes   int64 // of events, salts, entries and tiles
	OnDisk  int64 // bytes of the tables, with indexes and what is empty in them
	Waiting int64 // events that are kept and not in a log yet
	Lag     int64 // for how long the oldest of these waits, in microseconds
}

// LedgerLogStats are figures of one log.
type LedgerLogStats struct {
	Origin  string
	Epoch   int64
	Partner string // name, "" for the main log
	Size    int64
	Kinds   map[string]int64
}

// LedgerStats counts the events of the ledger.
func (n *Node) LedgerStats(ctx context.Context, a entente.Actor) (s LedgerStats, err error) {
	if err := readAll(a); err != nil {
		return s, err
	}
	inbox, since, err := n.st.InboxWaiting(ctx)
	if err != nil {
		return s, err
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		s = LedgerStats{}
		home, err := t.Home(ctx)
		if err != nil {
			return err
		}
		names, err := organisationNames(ctx, t)
		if err != nil {
			return err
		}
		logs, err := t.LedgerLogs(ctx)
		if err != nil {
			return err
		}
		kinds, err := t.LedgerKinds(ctx)
		if err != nil {
			return err
		}
		rows, err := t.LedgerRows(ctx)
		if err != nil {
			return err
		}
		for _, l := range logs {
			x := LedgerLogStats{Origin: originOf(home.ID, l.Epoch, l.Organisation), Epoch: l.Epoch, Partner: names[l.Organisation], Size: l.Size, Kinds: map[string]int64{}}
			if l.Organisation == "" {
				x.Partner = ""
			}
			for _, k := range kinds {
				if k.Log == l.Num {
					x.Kinds[k.Kind] += k.Count
				}
			}
			s.Logs = append(s.Logs, x)
			s.Entries += l.Size
			s.Bytes += rows[l.Num].Bytes
		}
		if s.OnDisk, err = t.LedgerOnDisk(ctx); err != nil {
			return err
		}
		out, oldest, err := t.EventsWaiting(ctx)
		if err != nil {
			return err
		}
		if s.Waiting = inbox + out; since == 0 || oldest != 0 && oldest < since {
			since = oldest
		}
		if since != 0 {
			s.Lag = max(0, n.now()-since)
		}
		return nil
	})
	return s, err
}

// PerEvent is how many bytes an event takes on disk, 0 while there is none.
func (s LedgerStats) PerEvent() int64 {
	if s.Entries == 0 {
		return 0
	}
	return s.OnDisk / s.Entries
}

// Log names the log of an entry for people.
func (e LedgerEntry) Log() string {
	if e.Partner == "" {
		return fmt.Sprintf("main log, epoch %d", e.Epoch)
	}
	return fmt.Sprintf("log of partner %s, epoch %d", e.Partner, e.Epoch)
}
