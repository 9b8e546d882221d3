package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"

	"entente"
)

// EventRow is an event as the store keeps it.
type EventRow struct {
	ID           string // UUID
	At           int64  // microseconds since 1970
	Organisation string // the partner in whose log it goes, "" for the main log
	Kind         string
	Salt, Body   []byte
}

func eventBulk(table string) bulk {
	return bulk{table: table, columns: []column{{"at", "bigint"}, {"id", "bytea"}, {"organisation", "text"}, {"kind", "text"}, {"salt", "bytea"}, {"body", "bytea"}},
		conflict: "at, id"}
}

// PutEvents keeps events together with what else the transaction writes, until they are
// entered into the ledger.
func (t *Tx) PutEvents(ctx context.Context, all []EventRow) error {
	return t.s.faulty("events", func() error { return t.putEvents(ctx, "event_out", all) })
}

// PutInbox keeps events durably whose only effect is an answer. It does not wait for who
// writes anything else. It is Unavailable while the ledger is known to have a fault.
func (s *Store) PutInbox(ctx context.Context, all []EventRow) error {
	return s.faulty("inbox", func() error {
		return s.update(ctx, s.inbox, func(t *Tx) error {
			m, err := t.ledgerMark(ctx)
			if err == nil && m.Fault != "" {
				err = entente.Errorf(entente.Unavailable, "the ledger has a fault: %s", m.Fault)
			}
			if err != nil {
				return err
			}
			return t.putEvents(ctx, "event_in", all)
		})
	})
}

func (t *Tx) putEvents(ctx context.Context, table string, all []EventRow) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([][]any, len(all))
	for i, e := range all {
		id, err := uuidBytes(e.ID)
		if err != nil {
			return err
		}
		rows[i] = []any{e.At, id, e.Organisation, e.Kind, e.Salt, e.Body}
	}
	_, err := t.s.d.insert(ctx, t, eventBulk(table), rows)
	return err
}

// EventsOut lists events that wait beside their effects, oldest first, at most limit.
func (t *Tx) EventsOut(ctx context.Context, limit int) ([]EventRow, error) {
	return t.eventRows(ctx, `SELECT at, id, organisation, kind, salt, body FROM event_out ORDER BY at, id LIMIT $1`, limit)
}

// Inbox lists events that wait in the inbox, oldest first, at most limit.
func (s *Store) Inbox(ctx context.Context, limit int) (all []EventRow, err error) {
	err = s.update(ctx, s.inbox, func(t *Tx) (err error) {
		all, err = t.eventRows(ctx, `SELECT at, id, organisation, kind, salt, body FROM event_in ORDER BY at, id LIMIT $1`, limit)
		return err
	})
	return all, err
}

func (t *Tx) eventRows(ctx context.Context, text string, args ...any) ([]EventRow, error) {
	rows, err := t.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []EventRow
	for rows.Next() {
		var e EventRow
		var id []byte
		if err := rows.Scan(&e.At, &id, &e.Organisation, &e.Kind, &e.Salt, &e.Body); err != nil {
			return nil, err
		}
		e.ID = uuidText(id)
		out = append(out, e)
	}
	return out, rows.Err()
}

// OldestInInbox is the time of the event that waits longest in the inbox, 0 if none does. It
// waits for nobody.
func (s *Store) OldestInInbox(ctx context.Context) (int64, error) {
	var at int64
	err := s.inbox.db.QueryRowContext(ctx, `SELECT at FROM event_in ORDER BY at, id LIMIT 1`).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return at, s.wrap(err)
}

// DropEventsOut takes events away that were entered into the ledger.
func (t *Tx) DropEventsOut(ctx context.Context, all []EventRow) error {
	return t.s.faulty("events-drop", func() error {
		return t.overwriting(ctx, func() error { return t.dropEvents(ctx, "event_out", all) }) // they may be erased later
	})
}

// DropInbox takes events out of the inbox that were entered into the ledger. It does not wait
// for the disk: one that is there again is known to have been entered, see [Tx.Entered].
func (s *Store) DropInbox(ctx context.Context, all []EventRow) error {
	if len(all) == 0 {
		return nil
	}
	return s.faulty("inbox-drop", func() error {
		return s.update(ctx, s.inbox.withoutSync(), func(t *Tx) error { return t.dropEvents(ctx, "event_in", all) })
	})
}

func (t *Tx) dropEvents(ctx context.Context, table string, all []EventRow) error {
	for _, e := range all {
		id, err := uuidBytes(e.ID)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM `+table+` WHERE at = $1 AND id = $2`, e.At, id); err != nil {
			return err
		}
	}
	return nil
}

// Commitments gives the commitments to some contents.
func (t *Tx) Commitments(ctx context.Context, contents []int64) (map[int64]entente.Commitment, error) {
	out := make(map[int64]entente.Commitment, len(contents))
	if len(contents) == 0 {
		return out, nil
	}
	in, arg := t.s.d.ints("$1", contents)
	rows, err := t.query(ctx, `SELECT content, salt, digest FROM content WHERE content IN `+in, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var content int64
		var salt, digest []byte
		if err := rows.Scan(&content, &salt, &digest); err != nil {
			return nil, err
		}
		var d entente.Digest
		copy(d[:], digest)
		out[content] = entente.Commit(salt, d)
	}
	return out, rows.Err()
}

// PageCommitments gives the commitments to what the entries of a release feed carry, by
// position.
func (t *Tx) PageCommitments(ctx context.Context, feed int64, seqs []int64) (map[int64]entente.Commitment, error) {
	out := make(map[int64]entente.Commitment, len(seqs))
	if len(seqs) == 0 {
		return out, nil
	}
	in, arg := t.s.d.among("l.seq", "$2", seqs)
	rows, err := t.query(ctx, `SELECT l.seq, c.salt, c.digest, k.commitment FROM line l JOIN content c ON c.content = l.content
		LEFT JOIN committed k ON k.feed = l.feed AND k.seq = l.seq WHERE l.feed = $1 AND `+in, feed, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var salt, digest, kept []byte
		if err := rows.Scan(&seq, &salt, &digest, &kept); err != nil {
			return nil, err
		}
		out[seq] = commitmentOf(salt, digest, kept)
	}
	return out, rows.Err()
}

// commitmentOf is the commitment to what a line carries: the one that was kept, where the
// content was erased.
func commitmentOf(salt, digest, kept []byte) (c entente.Commitment) {
	if copy(c[:], kept) == len(c) {
		return c
	}
	var d entente.Digest
	copy(d[:], digest)
	return entente.Commit(salt, d)
}

// keepCommitments keeps what the ledger has of the lines of release feeds that carry a
// content which is about to be erased.
func (t *Tx) keepCommitments(ctx context.Context, content int64) error {
	known, err := t.Commitments(ctx, []int64{content})
	if err != nil {
		return err
	}
	c := known[content]
	_, err = t.exec(ctx, `INSERT INTO committed (feed, seq, commitment) SELECT l.feed, l.seq, $2 FROM line l`+t.s.d.by("line_content")+`
		JOIN release_feed r ON r.feed = l.feed WHERE l.content = $1 ON CONFLICT (feed, seq) DO NOTHING`, content, c[:])
	return err
}

// uuidBytes and uuidText turn a UUID into its 16 bytes and back.
func uuidBytes(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return nil, entente.Errorf(entente.Internal, "%q is no UUID", s)
	}
	return b, nil
}

func uuidText(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
