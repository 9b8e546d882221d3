package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

// LedgerLog is one log of the ledger and how far it is.
type LedgerLog struct {
	Num          int64
	Epoch        int64
	Organisation string // the partner whose log it is, "" for the main log
	Size         int64
	Root         []byte // of the tree; nothing while the log is empty
	Note         []byte // the signed checkpoint of this size; nothing while the log is empty
}

// LedgerKey is a key that signs checkpoints of an epoch.
type LedgerKey struct {
	Epoch, Generation int64
	Seed              []byte // the secret; nothing where it is lost
	Public            []byte // the public half; nothing where an earlier release made the key
	Size              int64  // of the main log when it came into use
	Endorsed          []byte // by the key before it; nothing for the first of all
}

// LedgerEntry is an event with its place in a log.
type LedgerEntry struct {
	Index int64
	Entry []byte // what the tree has of it
	EventRow
}

// Erased tells that only the entry of the event is left.
func (e *LedgerEntry) Erased() bool { return len(e.Salt) == 0 }

// LedgerTile is a tile of a log's tree.
type LedgerTile struct {
	Level  int
	Index  int64
	Hashes []byte
}

// LedgerLogs lists all logs, by epoch, the main log of each first.
func (t *Tx) LedgerLogs(ctx context.Context) ([]LedgerLog, error) {
	return t.ledgerLogs(ctx, ``)
}

// LedgerLog finds a log by its epoch and organisation, nil if there is none.
func (t *Tx) LedgerLog(ctx context.Context, epoch int64, organisation string) (*LedgerLog, error) {
	return first(t.ledgerLogs(ctx, ` WHERE epoch = $1 AND organisation = $2`, epoch, organisation))
}

func (t *Tx) ledgerLogs(ctx context.Context, where string, args ...any) ([]LedgerLog, error) {
	rows, err := t.query(ctx, `SELECT num, epoch, organisation, size, root, note FROM ledger_log`+where+` ORDER BY epoch, organisation`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []LedgerLog
	for rows.Next() {
		var l LedgerLog
		if err := rows.Scan(&l.Num, &l.Epoch, &l.Organisation, &l.Size, &l.Root, &l.Note); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// LedgerKeys lists the keys, oldest first.
func (t *Tx) LedgerKeys(ctx context.Context) ([]LedgerKey, error) {
	rows, err := t.query(ctx, `SELECT epoch, generation, seed, size, endorsed, public FROM ledger_key ORDER BY epoch, generation`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []LedgerKey
	for rows.Next() {
		var k LedgerKey
		if err := rows.Scan(&k.Epoch, &k.Generation, &k.Seed, &k.Size, &k.Endorsed, &k.Public); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// AddLedgerKey keeps a new key.
func (t *Tx) AddLedgerKey(ctx context.Context, k LedgerKey) error {
	return t.s.faulty("key", func() error {
		_, err := t.exec(ctx, `INSERT INTO ledger_key (epoch, generation, seed, size, endorsed, public) VALUES ($1, $2, $3, $4, $5, $6)`,
			k.Epoch, k.Generation, k.Seed, k.Size, present(k.Endorsed), present(k.Public))
		return err
	})
}

// AddLedgerLog makes an empty log.
func (t *Tx) AddLedgerLog(ctx context.Context, epoch int64, organisation string) (*LedgerLog, error) {
	l := &LedgerLog{Epoch: epoch, Organisation: organisation}
	return l, t.s.faulty("log", func() error {
		err := t.queryRow(ctx, `INSERT INTO series (name, last) VALUES ('ledger', 1) ON CONFLICT (name) DO UPDATE SET last = series.last + 1 RETURNING last`).Scan(&l.Num)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO ledger_log (num, epoch, organisation, size, root, note) VALUES ($1, $2, $3, 0, $4, $5)`, l.Num, epoch, organisation, []byte{}, []byte{})
		return err
	})
}

func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

var (
	ledgerEntryBulk = bulk{table: "ledger_entry", columns: []column{{"log", "bigint"}, {"idx", "bigint"}, {"id", "bytea"}, {"at", "bigint"}, {"kind", "text"},
		{"entry", "bytea"}, {"salt", "bytea"}, {"body", "bytea"}}}
	ledgerServedBulk = bulk{table: "ledger_served", columns: []column{{"organisation", "text"}, {"feed", "text"}, {"seq", "bigint"}, {"last", "bigint"},
		{"at", "bigint"}, {"log", "bigint"}, {"idx", "bigint"}}, conflict: "organisation, feed, seq"}
)

// AppendLedger enters events into a log that has the given size before them, with the tiles
// that change by it and the checkpoint that follows. It is a Conflict if the log has another
// size by now.
func (t *Tx) AppendLedger(ctx context.Context, was, now *LedgerLog, entries []LedgerEntry, tiles []LedgerTile) error {
	return t.s.faulty("append", func() error { return t.appendLedger(ctx, was, now, entries, tiles) })
}

func (t *Tx) appendLedger(ctx context.Context, was, now *LedgerLog, entries []LedgerEntry, tiles []LedgerTile) error {
	res, err := t.exec(ctx, `UPDATE ledger_log SET size = $1, root = $2, note = $3 WHERE num = $4 AND size = $5`, now.Size, now.Root, now.Note, was.Num, was.Size)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return entente.Errorf(entente.Conflict, "another process has carried this log on in between")
	}
	rows := make([][]any, len(entries))
	for i, e := range entries {
		id, err := uuidBytes(e.ID)
		if err != nil {
			return err
		}
		rows[i] = []any{was.Num, e.Index, id, e.At, e.Kind, e.Entry, e.Salt, e.Body}
	}
	if _, err := t.s.d.insert(ctx, t, ledgerEntryBulk, rows); err != nil {
		return err
	}
	for _, x := range tiles {
		if _, err := t.exec(ctx, `INSERT INTO ledger_tile (log, level, idx, hashes) VALUES ($1, $2, $3, $4)
			ON CONFLICT (log, level, idx) DO UPDATE SET hashes = excluded.hashes`, was.Num, int64(x.Level), x.Index, x.Hashes); err != nil {
			return err
		}
	}
	return nil
}

// SignLedger replaces the checkpoint of a log by another one of the same size.
func (t *Tx) SignLedger(ctx context.Context, l *LedgerLog) error {
	_, err := t.exec(ctx, `UPDATE ledger_log SET note = $1 WHERE num = $2 AND size = $3`, l.Note, l.Num, l.Size)
	return err
}

// LedgerTile reads a tile, nothing if there is none.
func (t *Tx) LedgerTile(ctx context.Context, log int64, level int, index int64) ([]byte, error) {
	var b []byte
	err := t.queryRow(ctx, `SELECT hashes FROM ledger_tile WHERE log = $1 AND level = $2 AND idx = $3`, log, int64(level), index).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return b, err
}

// LedgerEntries reads entries of a log from an index on, at most limit.
func (t *Tx) LedgerEntries(ctx context.Context, log, from int64, limit int) ([]LedgerEntry, error) {
	return t.ledgerEntries(ctx, `WHERE log = $1 AND idx >= $2 ORDER BY idx LIMIT $3`, log, from, limit)
}

// LedgerEntry finds an entry by the id of its event, nil if there is none, and its log.
func (t *Tx) LedgerEntry(ctx context.Context, id string) (log int64, e *LedgerEntry, err error) {
	b, err := uuidBytes(id)
	if err != nil {
		return 0, nil, nil
	}
	if e, err = first(t.ledgerEntries(ctx, `WHERE id = $1`, b)); err != nil || e == nil {
		return 0, nil, err
	}
	err = t.queryRow(ctx, `SELECT log FROM ledger_entry WHERE id = $1`, b).Scan(&log)
	return log, e, err
}

func (t *Tx) ledgerEntries(ctx context.Context, where string, args ...any) ([]LedgerEntry, error) {
	rows, err := t.query(ctx, `SELECT idx, id, at, kind, entry, salt, body FROM ledger_entry `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []LedgerEntry
	for rows.Next() {
		var e LedgerEntry
		var id []byte
		if err := rows.Scan(&e.Index, &id, &e.At, &e.Kind, &e.Entry, &e.Salt, &e.Body); err != nil {
			return nil, err
		}
		e.ID = uuidText(id)
		out = append(out, e)
	}
	return out, rows.Err()
}

// Entered tells which of some events the ledger has already.
func (t *Tx) Entered(ctx context.Context, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, id := range ids {
		b, err := uuidBytes(id)
		if err != nil {
			return nil, err
		}
		n, err := t.numbers(ctx, `SELECT idx FROM ledger_entry WHERE id = $1`, b)
		if err != nil {
			return nil, err
		}
		out[id] = len(n) > 0
	}
	return out, nil
}

// Served is what an organisation was sent of a feed, for the first time.
type Served struct {
	Organisation string
	Feed         string // id
	First, Last  int64  // positions of the feed
	At           int64  // microseconds since 1970
	Log, Index   int64  // the entry that says so
}

// PutServed notes what was served, as far as it was not before.
func (t *Tx) PutServed(ctx context.Context, s Served) error {
	var have [][2]int64
	before, err := t.ServedAt(ctx, s.Organisation, s.Feed, s.First)
	if err != nil {
		return err
	}
	if before.First != 0 {
		have = append(have, [2]int64{before.First, before.Last})
	}
	rows, err := t.query(ctx, `SELECT seq, last FROM ledger_served WHERE organisation = $1 AND feed = $2 AND seq > $3 AND seq <= $4 ORDER BY seq`,
		s.Organisation, s.Feed, s.First, s.Last)
	if err != nil {
		return err
	}
	for rows.Next() {
		var r [2]int64
		if err := rows.Scan(&r[0], &r[1]); err != nil {
			rows.Close()
			return err
		}
		have = append(have, r)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return err
	}
	var fresh [][]any
	add := func(first, last int64) {
		if first <= last {
			fresh = append(fresh, []any{s.Organisation, s.Feed, first, last, s.At, s.Log, s.Index})
		}
	}
	from := s.First
	for _, r := range have {
		add(from, r[0]-1)
		from = max(from, r[1]+1)
	}
	add(from, s.Last)
	_, err = t.s.d.insert(ctx, t, ledgerServedBulk, fresh)
	return err
}

// ServedAt tells when an organisation was first sent a position of a feed, 0 for never.
func (t *Tx) ServedAt(ctx context.Context, organisation, feed string, seq int64) (Served, error) {
	s := Served{Organisation: organisation, Feed: feed}
	err := t.queryRow(ctx, `SELECT seq, last, at, log, idx FROM ledger_served WHERE organisation = $1 AND feed = $2 AND seq <= $3 ORDER BY seq DESC LIMIT 1`,
		organisation, feed, seq).Scan(&s.First, &s.Last, &s.At, &s.Log, &s.Index)
	if errors.Is(err, sql.ErrNoRows) || err == nil && s.Last < seq {
		return Served{}, nil
	}
	return s, err
}
