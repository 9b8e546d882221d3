package node

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"entente"
	"entente/store"
)

// notePages notes where a partner's log has the deliveries that were just entered into it, by
// their entries.
func notePages(pages map[string]store.Served, l *store.LedgerLog, entered []store.EventRow) {
	for i, x := range entered {
		if x.Kind == "deliver" {
			entry := EntryOf(x.Salt, x.Body)
			pages[hex.EncodeToString(entry[:])] = store.Served{Organisation: x.Organisation, At: x.At, Log: l.Num, Index: l.Size - int64(len(entered)-i)}
		}
	}
}

// served notes what the main log's events say was served, and which entries of partners'
// logs tell of it. The events of one act are entered together.
func served(ctx context.Context, t *store.Tx, main []store.EventRow, pages map[string]store.Served) error {
	for _, x := range main {
		if x.Kind != "deliver" {
			continue
		}
		var e entente.Event
		if err := json.Unmarshal(x.Body, &e); err != nil {
			return err
		}
		runs, ok := entente.ParseSeqs(e.Seqs)
		if !ok || e.About["feed"] == "" || !e.Content() {
			continue
		}
		for _, to := range e.Shared {
			s, ok := pages[to.Entry]
			if !ok {
				continue
			}
			s.Feed = e.About["feed"]
			for _, r := range runs {
				s.First, s.Last = r[0], r[1]
				if err := t.PutServed(ctx, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
