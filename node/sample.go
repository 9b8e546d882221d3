package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"

	"entente"
	"entente/ledger"
	"entente/store"
)

// ledgerBatch is how many entries of a log are read at a time.
const ledgerBatch = 2000

// eachEntry reads a log of the ledger up to a size, in order.
func eachEntry(ctx context.Context, t *store.Tx, log, size int64, f func(store.LedgerEntry) error) error {
	for from := int64(0); from < size; {
		all, err := t.LedgerEntries(ctx, log, from, int(min(ledgerBatch, size-from)))
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return entente.Errorf(entente.Internal, "the ledger ends at entry %d of %d", from, size)
		}
		for _, e := range all {
			if err := f(e); err != nil {
				return err
			}
		}
		from += int64(len(all))
	}
	return nil
}

// Sample is a sample of the main log, and the event that announced it.
type Sample struct {
	Event  string // id
	Draw   ledger.Draw
	Of     int64 // how many could be drawn
	Result string
	Drawn  []ledger.Drawn // by index
}

// Sample draws events of the main log at random, for who reads everything, and announces it
// by an event before it tells what was drawn. Words are chosen by whoever asks, "" for random
// ones; agreement is a name or id. See [ledger.Draw].
func (n *Node) Sample(ctx context.Context, a entente.Actor, size int, kind, agreement, words string) (Sample, error) {
	if err := readAll(a); err != nil {
		return Sample{}, err
	}
	if words == "" {
		b := make([]byte, 32)
		if _, err := rand.Read(b); err != nil {
			return Sample{}, err
		}
		words = hex.EncodeToString(b)
	}
	s := Sample{Draw: ledger.Draw{Size: size, Kind: kind, Words: words}}
	if err := s.Draw.Check(); err != nil {
		return s, err
	}
	if len(words) > askedKept {
		return s, entente.Errorf(entente.Invalid, "the words have more than %d bytes", askedKept)
	}
	if err := n.CatchUpLedger(ctx); err != nil {
		return s, err
	}
	var sampler *ledger.Sampler
	var note []byte
	err := n.view(ctx, a, func(t *store.Tx) error {
		if agreement != "" {
			g, err := agreementNamed(ctx, t, agreement)
			if err != nil {
				return err
			}
			s.Draw.Agreement = g.ID
		}
		logs, err := t.LedgerLogs(ctx)
		if err != nil {
			return err
		}
		logs = presentLogs(logs)
		if len(logs) == 0 || logs[0].Size == 0 {
			return entente.Errorf(entente.NotFound, "the ledger has no events yet")
		}
		note = logs[0].Note
		text, _, _ := strings.Cut(string(note), "\n\n")
		if s.Draw.Of, err = ledger.ParseCheckpoint(text + "\n"); err != nil {
			return err
		}
		sampler, err = draw(ctx, t, logs, s.Draw)
		return err
	})
	if err != nil {
		return s, err
	}
	s.Of, s.Result, s.Drawn = sampler.Of(), sampler.Result(), sampler.Drawn()
	e := entente.Event{Kind: ledger.KindSample, By: actorBy(a), Checkpoints: []string{string(note)}, Text: s.Draw.Words, Filter: s.Draw.Filter(),
		Count: len(s.Drawn), List: sampler.List(), Result: s.Result}
	s.Event, err = n.keepKnown(ctx, e)
	return s, err
}

// presentLogs keeps the logs of the last epoch, the main log first.
func presentLogs(all []store.LedgerLog) []store.LedgerLog {
	var out []store.LedgerLog
	for _, l := range all {
		if l.Epoch == all[len(all)-1].Epoch {
			out = append(out, l)
		}
	}
	return out
}

func draw(ctx context.Context, t *store.Tx, logs []store.LedgerLog, d ledger.Draw) (*ledger.Sampler, error) {
	concerned := map[string]bool{}
	if d.Agreement != "" {
		for _, l := range logs[1:] {
			if err := eachEntry(ctx, t, l.Num, l.Size, func(e store.LedgerEntry) error {
				if e.Erased() {
					return nil
				}
				return d.Concerned(concerned, [ledger.EntrySize]byte(e.Entry), e.Body)
			}); err != nil {
				return nil, err
			}
		}
	}
	s := ledger.NewSampler(d)
	return s, eachEntry(ctx, t, logs[0].Num, logs[0].Size, func(e store.LedgerEntry) error {
		fits := d.Kind == "" && d.Agreement == ""
		if !e.Erased() {
			var err error
			if fits, err = d.Fits(e.Kind, e.Body, concerned); err != nil {
				return err
			}
		}
		if fits {
			s.Offer(e.Index, [ledger.EntrySize]byte(e.Entry), e.Body)
		}
		return nil
	})
}

// Report counts what the ledger tells of a time, for who reads everything: from one moment up
// to before another, in microseconds since 1970; to is not later than now. It ends with the
// events that are in the ledger when it begins.
func (n *Node) Report(ctx context.Context, a entente.Actor, from, to int64) (ledger.Figured, error) {
	var out ledger.Figured
	if err := readAll(a); err != nil {
		return out, err
	}
	if now := n.now(); to == 0 || to > now {
		to = now
	}
	if from >= to {
		return out, entente.Errorf(entente.Invalid, "the report would end, at %s, before it begins", entente.FormatMicros(to))
	}
	if err := n.CatchUpLedger(ctx); err != nil {
		return out, err
	}
	figures := ledger.NewFigures(from, to)
	out = ledger.Figured{From: entente.FormatMicros(from), To: entente.FormatMicros(to), Logs: map[string]int64{}, Names: map[string]string{}}
	err := n.view(ctx, a, func(t *store.Tx) error {
		home, err := t.Home(ctx)
		if err != nil {
			return err
		}
		out.Home = ledger.ExportHome{ID: home.ID, Name: home.Name}
		logs, err := t.LedgerLogs(ctx)
		if err != nil {
			return err
		}
		for _, l := range logs {
			out.Logs[ledger.Origin(home.ID, int(l.Epoch), l.Organisation)] = l.Size
			if err := eachEntry(ctx, t, l.Num, l.Size, func(e store.LedgerEntry) error {
				if e.Erased() {
					return nil
				}
				return figures.Add(ledger.Entered{Epoch: int(l.Epoch), Partner: l.Organisation, Index: e.Index, Raw: e.Body})
			}); err != nil {
				return err
			}
		}
		out.Figures = figures.Figures()
		names, err := organisationNames(ctx, t)
		for _, f := range out.Figures {
			if f.Partner != "" {
				out.Names[f.Partner] = names[f.Partner]
			}
		}
		return err
	})
	return out, err
}

// keepKnown is keep for an event of home alone whose id is wanted.
func (n *Node) keepKnown(ctx context.Context, e entente.Event) (id string, err error) {
	now := n.now()
	e.Time = entente.FormatMicros(now)
	rows, err := n.eventRows(now, e, nil)
	if err != nil {
		return "", err
	}
	if err := n.inbox.put(ctx, rows); err != nil {
		return "", entente.Wrap(entente.Unavailable, err, "the ledger cannot be written, and nothing is shown without proof of it; try again")
	}
	wake(n.sequence)
	var kept entente.Event
	err = json.Unmarshal(rows[len(rows)-1].Body, &kept)
	return kept.ID, err
}
