package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

// ExportedFeed is a release feed as an export of the ledger has it.
type ExportedFeed struct {
	ID        string
	Agreement string // id
	Num       int64
	Head      int64
}

// ExportedFeeds lists the release feeds of all agreements, by id.
func (t *Tx) ExportedFeeds(ctx context.Context) ([]ExportedFeed, error) {
	rows, err := t.query(ctx, `SELECT r.id, a.id, r.feed, f.head FROM release_feed r JOIN agreement a ON a.num = r.agreement JOIN feed f ON f.feed = r.feed ORDER BY r.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []ExportedFeed
	for rows.Next() {
		var f ExportedFeed
		if err := rows.Scan(&f.ID, &f.Agreement, &f.Num, &f.Head); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// ExportedLine is an entry of a release feed with what is committed to. What comes after
// Erased is missing where it is true.
type ExportedLine struct {
	Seq, Added, Gone int64
	Commitment       entente.Commitment
	Erased           bool
	Salt             []byte
	Digest           entente.Digest
	ID               string
	Stamp            string // the version, as its object writes it; "" where it has none
}

// ExportedLines reads entries of a release feed beyond a position and not beyond its head,
// in their order, at most limit. What left beyond the head is there.
func (t *Tx) ExportedLines(ctx context.Context, feed, after, head int64, limit int) ([]ExportedLine, error) {
	rows, err := t.query(ctx, `SELECT l.seq, `+addedOf+`, l.gone, c.salt, c.digest, c.id, c.stamp, k.commitment FROM line l JOIN content c ON c.content = l.content
		LEFT JOIN committed k ON k.feed = l.feed AND k.seq = l.seq WHERE l.feed = $1 AND l.seq > $2 AND l.seq <= $3 ORDER BY l.seq LIMIT $4`, feed, after, head, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []ExportedLine
	for rows.Next() {
		var l ExportedLine
		var digest, kept []byte
		if err := rows.Scan(&l.Seq, &l.Added, &l.Gone, &l.Salt, &digest, &l.ID, &l.Stamp, &kept); err != nil {
			return nil, err
		}
		l.Commitment = commitmentOf(l.Salt, digest, kept)
		if l.Gone > head {
			l.Gone = 0
		}
		if copy(l.Digest[:], digest); len(kept) > 0 {
			l = ExportedLine{Seq: l.Seq, Added: l.Added, Gone: l.Gone, Commitment: l.Commitment, Erased: true}
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// FeedEventsWait tells when the last event about feeds that still waits to be entered was
// kept, in microseconds since 1970; 0 if none waits.
func (t *Tx) FeedEventsWait(ctx context.Context) (at int64, err error) {
	err = t.queryRow(ctx, `SELECT at FROM event_out WHERE kind IN ('judge', 'flip', 'unstage') ORDER BY at DESC LIMIT 1`).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return at, err
}

// LedgerRows counts what is kept of a log.
type LedgerRows struct {
	Log     int64
	Entries int64
	Tiles   int64
	Bytes   int64 // of events, salts and entries
}

// LedgerRows counts the rows of every log that has any, by its number.
func (t *Tx) LedgerRows(ctx context.Context) (map[int64]LedgerRows, error) {
	out := map[int64]LedgerRows{}
	for _, q := range []struct {
		text string
		put  func(r *LedgerRows, rows, bytes int64)
	}{
		{`SELECT log, COUNT(*), SUM(LENGTH(body) + LENGTH(salt) + LENGTH(entry)) FROM ledger_entry GROUP BY log`, func(r *LedgerRows, n, b int64) { r.Entries, r.Bytes = n, b }},
		{`SELECT log, COUNT(*), SUM(LENGTH(hashes)) FROM ledger_tile GROUP BY log`, func(r *LedgerRows, n, b int64) { r.Tiles, r.Bytes = n, r.Bytes+b }},
	} {
		rows, err := t.query(ctx, q.text)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var log, n, b int64
			if err := rows.Scan(&log, &n, &b); err != nil {
				rows.Close()
				return nil, err
			}
			r := out[log]
			r.Log = log
			q.put(&r, n, b)
			out[log] = r
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// LedgerKind is how many events of a kind a log has.
type LedgerKind struct {
	Log   int64
	Kind  string
	Count int64
	Bytes int64 // of the events themselves
}

// LedgerKinds counts the events of every log by kind.
func (t *Tx) LedgerKinds(ctx context.Context) ([]LedgerKind, error) {
	rows, err := t.query(ctx, `SELECT log, kind, COUNT(*), SUM(LENGTH(body)) FROM ledger_entry GROUP BY log, kind ORDER BY log, kind`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []LedgerKind
	for rows.Next() {
		var k LedgerKind
		if err := rows.Scan(&k.Log, &k.Kind, &k.Count, &k.Bytes); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// EventsWaiting counts the events that wait beside their effects, and tells when the oldest
// was kept, in microseconds since 1970.
func (t *Tx) EventsWaiting(ctx context.Context) (n, oldest int64, err error) {
	return n, oldest, t.queryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(at), 0) FROM event_out`).Scan(&n, &oldest)
}

// InboxWaiting is [Tx.EventsWaiting] for the inbox.
func (s *Store) InboxWaiting(ctx context.Context) (n, oldest int64, err error) {
	err = s.update(ctx, s.inbox, func(t *Tx) error {
		return t.queryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(at), 0) FROM event_in`).Scan(&n, &oldest)
	})
	return n, oldest, err
}

// ServedAll reads what was served, in the order of organisations and feeds, behind a row
// that was read before, at most limit.
func (t *Tx) ServedAll(ctx context.Context, after Served, limit int) ([]Served, error) {
	rows, err := t.query(ctx, `SELECT organisation, feed, seq, last, at, log, idx FROM ledger_served
		WHERE organisation > $1 OR organisation = $1 AND (feed > $2 OR feed = $2 AND seq > $3) ORDER BY organisation, feed, seq LIMIT $4`,
		after.Organisation, after.Feed, after.First, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Served
	for rows.Next() {
		var s Served
		if err := rows.Scan(&s.Organisation, &s.Feed, &s.First, &s.Last, &s.At, &s.Log, &s.Index); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// LedgerEntryOf finds an entry of a log by what the tree has of it, nil if there is none. It
// looks through the whole log.
func (t *Tx) LedgerEntryOf(ctx context.Context, log int64, entry []byte) (*LedgerEntry, error) {
	return first(t.ledgerEntries(ctx, `WHERE log = $1 AND entry = $2 ORDER BY idx LIMIT 1`, log, entry))
}

// ServedRuns are the stretches of a feed that some organisations were sent, first and last
// position of each, in order; none overlap or touch.
func (t *Tx) ServedRuns(ctx context.Context, organisations []string, feed string) ([][2]int64, error) {
	in, arg := t.s.d.texts("$1", organisations)
	rows, err := t.query(ctx, `SELECT seq, last FROM ledger_served WHERE organisation IN `+in+` AND feed = $2 ORDER BY seq`, arg, feed)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][2]int64
	for rows.Next() {
		var r [2]int64
		if err := rows.Scan(&r[0], &r[1]); err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && r[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], r[1])
			continue
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
