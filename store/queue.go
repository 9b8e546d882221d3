package store

import (
	"context"
	"strings"

	"entente"
)

// QueueCount counts what waits in an agreement for one reason.
type QueueCount struct {
	Agreement int64 // number
	Reason    entente.Reason
	Count     int64
	Oldest    int64 // when the first of them came in, microseconds since 1970
}

// QueueEntry is one version that waits in an agreement.
type QueueEntry struct {
	Agreement int64 // number
	Object    entente.ObjectID
	Digest    entente.Digest
	Stamp     string // the version as TAXII names it
	Source    string // id of the organisation
	Reason    entente.Reason
	Arrived   int64 // microseconds since 1970
	Awaits    int64 // how many objects it waits for
	Feed, Seq int64
}

// QueueQuery asks for a page of what waits.
type QueueQuery struct {
	Agreement int64          // number, 0 for all
	Reason    entente.Reason // [entente.NoReason] for all
	After     *QueueEntry    // the last one of the page before
	Limit     int
}

const queueFrom = ` FROM pending p JOIN release_feed r ON r.feed = p.feed JOIN collection k ON k.id = r.collection
	JOIN line l ON l.feed = k.feed AND l.seq = p.seq`

func (q QueueQuery) where(args *query) string {
	var where []string
	if q.Agreement != 0 {
		where = append(where, `p.agreement = `+args.arg(q.Agreement))
	}
	if q.Reason != entente.NoReason {
		where = append(where, `p.reason = `+args.arg(int64(q.Reason)))
	}
	if a := q.After; a != nil {
		at, feed := args.arg(a.Arrived), args.arg(a.Feed)
		where = append(where, `(l.added > `+at+` OR l.added = `+at+` AND (p.feed > `+feed+` OR p.feed = `+feed+` AND p.seq > `+args.arg(a.Seq)+`))`)
	}
	if len(where) == 0 {
		return ``
	}
	return ` WHERE ` + strings.Join(where, ` AND `)
}

// QueueCounts counts what waits, by agreement and reason.
func (t *Tx) QueueCounts(ctx context.Context, agreement int64) ([]QueueCount, error) {
	args := &query{}
	where := QueueQuery{Agreement: agreement}.where(args)
	rows, err := t.query(ctx, `SELECT p.agreement, p.reason, COUNT(*), MIN(l.added)`+queueFrom+where+` GROUP BY p.agreement, p.reason ORDER BY p.agreement, p.reason`, args.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []QueueCount
	for rows.Next() {
		var c QueueCount
		if err := rows.Scan(&c.Agreement, &c.Reason, &c.Count, &c.Oldest); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Queue lists what waits, in the order in which it came in.
func (t *Tx) Queue(ctx context.Context, q QueueQuery) ([]QueueEntry, error) {
	args := &query{}
	where := q.where(args)
	rows, err := t.query(ctx, `SELECT p.agreement, c.id, c.digest, c.stamp, o.id, p.reason, l.added, p.feed, p.seq,
		(SELECT COUNT(*) FROM awaits w WHERE w.feed = p.feed AND w.seq = p.seq)`+queueFrom+`
		JOIN content c ON c.content = p.content JOIN organisation o ON o.num = l.source`+where+`
		ORDER BY l.added, p.feed, p.seq LIMIT `+args.arg(q.Limit), args.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []QueueEntry
	for rows.Next() {
		var e QueueEntry
		var digest []byte
		if err := rows.Scan(&e.Agreement, &e.Object, &digest, &e.Stamp, &e.Source, &e.Reason, &e.Arrived, &e.Feed, &e.Seq, &e.Awaits); err != nil {
			return nil, err
		}
		copy(e.Digest[:], digest)
		if e.Stamp == "" {
			e.Stamp = entente.FormatMicros(e.Arrived)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// FeedBehind is by how many lines of its collection a release feed is behind.
type FeedBehind struct {
	Agreement int64  // number
	Feed      string // id
	Lines     int64  // of the accept log, that the feed has not judged
}

// FeedsBehind counts what the feeds of an agreement have not judged yet, or for the number 0
// those of all agreements that are active: only these are to be judged. Feeds that have judged
// everything are left out.
func (t *Tx) FeedsBehind(ctx context.Context, agreement int64) ([]FeedBehind, error) {
	// A restore leaves a wide gap in the positions; then the lines themselves are counted.
	rows, err := t.query(ctx, `SELECT r.agreement, r.id, CASE WHEN g.head - r.seen < $1 THEN g.head - r.seen
			ELSE (SELECT COUNT(*) FROM line l WHERE l.feed = g.feed AND l.seq > r.seen) END
		FROM release_feed r JOIN agreement a ON a.num = r.agreement JOIN collection k ON k.id = r.collection JOIN feed g ON g.feed = k.feed
		WHERE g.head > r.seen AND (r.agreement = $2 OR $2 = 0 AND a.state = $3)`, int64(positionsLost), agreement, string(entente.Active))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []FeedBehind
	for rows.Next() {
		var b FeedBehind
		if err := rows.Scan(&b.Agreement, &b.Feed, &b.Lines); err != nil {
			return nil, err
		}
		if b.Lines > 0 {
			out = append(out, b)
		}
	}
	return out, rows.Err()
}

// waitingFrom has what waits in an agreement ($1) for a reason ($2).
const waitingFrom = ` FROM pending p JOIN content c ON c.content = p.content WHERE p.agreement = $1 AND p.reason = $2`

// WaitingBy lists the objects that wait in an agreement, by its number, for one reason, in the
// order in which they are judged again where an [entente.TouchWaiting] asks for it.
func (t *Tx) WaitingBy(ctx context.Context, agreement int64, reason entente.Reason) ([]entente.ObjectID, error) {
	found, err := t.strings(ctx, `SELECT DISTINCT c.id`+waitingFrom+` ORDER BY c.id`, agreement, int64(reason))
	return objectIDs(found), err
}

// WaitingFor lists objects that wait for an object, in no order and not itself, at most limit.
func (l *Library) WaitingFor(id entente.ObjectID, limit int) ([]entente.ObjectID, error) {
	found, err := l.t.strings(l.ctx, `SELECT DISTINCT c.id FROM awaits w JOIN pending p ON p.feed = w.feed AND p.seq = w.seq
		JOIN content c ON c.content = p.content WHERE w.agreement = $1 AND w.okey = $2 AND c.id <> $3 ORDER BY c.id LIMIT $4`, l.a.Num, id.Fold(), string(id), limit)
	return objectIDs(found), err
}

// ReviewDecisions lists the urgent releases and their reviews of all agreements, oldest first.
func (t *Tx) ReviewDecisions(ctx context.Context) ([]entente.Decision, error) {
	return t.decisionsWhere(ctx, `d.action IN (5, 6)`) // [entente.Urgent], [entente.Reviewed]
}

// HeadAt gives the position of a feed that readers saw as its last at a moment, in
// microseconds since 1970: of the last entry that was there, or departure.
func (t *Tx) HeadAt(ctx context.Context, feed, at int64) (int64, error) {
	head, err := t.lastAt(ctx, feed, at)
	if err != nil {
		return 0, err
	}
	left, err := t.numbers(ctx, `SELECT seq FROM departure WHERE feed = $1 AND at <= $2 ORDER BY seq DESC LIMIT 1`, feed, at)
	if err == nil && len(left) == 1 {
		head = max(head, left[0])
	}
	return head, err
}

// liveAt is in SQL what a reader of a feed sees at a head of its lines l, but for those in gaps.
func liveAt(q *query, feed, head int64, gaps []entente.Gap) string {
	at := q.arg(head)
	live := `l.feed = ` + q.arg(feed) + ` AND l.seq <= ` + at + ` AND l.rival = 0 AND (l.gone = 0 OR l.gone > ` + at + `)`
	for _, g := range gaps {
		live += ` AND NOT (l.seq > ` + q.arg(g.After) + ` AND l.seq <= ` + q.arg(g.UpTo) + `)`
	}
	return live
}

// LiveAt counts the entries that a reader of a feed saw at a head, but for those in the
// gaps, and lists the first of them by position: at most limit.
func (t *Tx) LiveAt(ctx context.Context, feed, head int64, gaps []entente.Gap, limit int) (count int64, out []entente.Entry, err error) {
	q := &query{}
	live := ` FROM line l JOIN content c ON c.content = l.content WHERE ` + liveAt(q, feed, head, gaps)
	if err := t.queryRow(ctx, `SELECT COUNT(*)`+live, q.args...).Scan(&count); err != nil {
		return 0, nil, err
	}
	text := `SELECT l.seq, ` + addedOf + `, c.id, c.spec, c.stamp, c.digest, c.salt` + live + ` ORDER BY l.seq LIMIT ` + q.arg(limit)
	rows, err := t.query(ctx, text, q.args...)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows.Scan, false)
		if err != nil {
			return 0, nil, err
		}
		out = append(out, e)
	}
	return count, out, rows.Err()
}

// LiveSeqs gives the positions of those entries, in order.
func (t *Tx) LiveSeqs(ctx context.Context, feed, head int64, gaps []entente.Gap, each func(seq int64)) error {
	q := &query{}
	rows, err := t.query(ctx, `SELECT l.seq FROM line l WHERE `+liveAt(q, feed, head, gaps)+` ORDER BY l.seq`, q.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return err
		}
		each(seq)
	}
	return rows.Err()
}
