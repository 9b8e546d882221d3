package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"math"

	"entente"
)

const retainSetting = "retention"

// Retain reads for how long events are kept, by class. What is not in it is kept for ever.
func (t *Tx) Retain(ctx context.Context) (map[entente.Retention]entente.Period, error) {
	body, err := t.Setting(ctx, retainSetting)
	out := map[entente.Retention]entente.Period{}
	if err != nil || len(body) == 0 {
		return out, err
	}
	var said map[entente.Retention]string
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	for class, text := range said {
		if out[class], err = entente.ParsePeriod(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Tx) applyRetain(ctx context.Context, c entente.Change) error {
	if len(c.Retain) == 0 {
		return nil
	}
	all, err := t.Retain(ctx)
	if err != nil {
		return err
	}
	said := map[entente.Retention]string{}
	for class, p := range all {
		said[class] = p.String()
	}
	for class, p := range c.Retain {
		said[class] = p.String()
	}
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, retainSetting, body)
	return err
}

// keptEvents reads what it matters to know of some events before they are erased; what the
// ledger does not have is left out.
func (t *Tx) keptEvents(ctx context.Context, ids []string) ([]entente.KeptEvent, error) {
	logs, err := t.LedgerLogs(ctx)
	if err != nil {
		return nil, err
	}
	partners := map[int64]string{}
	for _, l := range logs {
		partners[l.Num] = l.Organisation
	}
	var out []entente.KeptEvent
	for _, id := range ids {
		log, e, err := t.LedgerEntry(ctx, id)
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue
		}
		k := entente.KeptEvent{ID: e.ID, Kind: e.Kind, At: e.At, Partner: partners[log], Entry: hex.EncodeToString(e.Entry), Erased: e.Erased()}
		if !k.Erased {
			var body entente.Event
			if err := json.Unmarshal(e.Body, &body); err != nil {
				return nil, err
			}
			k.Case, k.Object, k.Shared = body.Case, entente.ObjectID(body.About["object"]), body.Shared
			if k.PreservedBy, err = t.eventPreserved(ctx, k); err != nil {
				return nil, err
			}
		}
		out = append(out, k)
	}
	return out, nil
}

// eventPreserved tells under which case an event is preserved, "" for none.
func (t *Tx) eventPreserved(ctx context.Context, e entente.KeptEvent) (string, error) {
	var all []entente.Preserved
	if e.Case != "" {
		under, err := t.PreservedUnder(ctx, e.Case)
		if err != nil {
			return "", err
		}
		all = under
	}
	if e.Object != "" {
		of, err := t.Preserved(ctx, []entente.ObjectID{e.Object})
		if err != nil {
			return "", err
		}
		all = append(all, of...)
	}
	for _, p := range all {
		if p.Holds() {
			return p.Case, nil
		}
	}
	return "", nil
}

// eraseEvents removes the bytes and salts of events of the main log, and of those that they
// share in the logs of partners. Their entries stay, so every proof holds.
func (t *Tx) eraseEvents(ctx context.Context, c entente.Change) error {
	if len(c.EraseEvents) == 0 {
		return nil
	}
	const gone = `UPDATE ledger_entry SET salt = substr(salt, 1, 0), body = substr(body, 1, 0) WHERE `
	one := func(text string, args ...any) error {
		res, err := t.exec(ctx, gone+text, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return entente.Errorf(entente.Conflict, "an event that is to be erased is not in all of its logs yet; try again")
		}
		return nil
	}
	return t.overwriting(ctx, func() error {
		for _, e := range c.EraseEvents {
			id, err := uuidBytes(e.ID)
			if err != nil {
				return err
			}
			if err := one(`id = $1`, id); err != nil {
				return err
			}
			for _, s := range e.Shared {
				entry, err := hex.DecodeString(s.Entry)
				if err != nil {
					return err
				}
				if err := one(`at = $1 AND entry = $2 AND log IN (SELECT num FROM ledger_log WHERE organisation = $3)`, e.At, entry, s.Partner); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// EventPlace is where a search for old events goes on.
type EventPlace struct {
	At, Log, Index int64
}

// FirstEvent is where it begins.
func FirstEvent() EventPlace { return EventPlace{At: math.MinInt64} }

// OldEvents lists ids and kinds of events of main logs from before a time that have their
// bytes, oldest first, at most limit; next is where to go on.
func (t *Tx) OldEvents(ctx context.Context, before int64, after EventPlace, limit int) (all []EventRow, next EventPlace, err error) {
	rows, err := t.query(ctx, `SELECT e.at, e.log, e.idx, e.id, e.kind FROM ledger_entry e JOIN ledger_log l ON l.num = e.log
		WHERE e.at < $1 AND e.at >= $2 AND (e.at > $2 OR e.log > $3 OR e.log = $3 AND e.idx > $4) AND l.organisation = '' AND length(e.salt) > 0
		ORDER BY e.at, e.log, e.idx LIMIT $5`, before, after.At, after.Log, after.Index, limit)
	if err != nil {
		return nil, after, err
	}
	defer rows.Close()
	next = after
	for rows.Next() {
		var e EventRow
		var id []byte
		if err := rows.Scan(&next.At, &next.Log, &next.Index, &id, &e.Kind); err != nil {
			return nil, after, err
		}
		e.At, e.ID = next.At, uuidText(id)
		all = append(all, e)
	}
	return all, next, rows.Err()
}
