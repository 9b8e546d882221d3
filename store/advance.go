package store

import (
	"context"

	"entente"
)

var (
	pendingBulk = bulk{
		table: "pending",
		columns: []column{{"feed", "bigint"}, {"seq", "bigint"}, {"agreement", "bigint"}, {"content", "bigint"}, {"okey", "bigint"},
			{"reason", "bigint"}, {"since", "bigint"}},
		conflict: "feed, seq",
	}
	awaitsBulk = bulk{
		table:    "awaits",
		columns:  []column{{"agreement", "bigint"}, {"okey", "bigint"}, {"feed", "bigint"}, {"seq", "bigint"}},
		conflict: "agreement, okey, feed, seq",
	}
	stampedBulk = bulk{table: "stamped", columns: []column{{"feed", "bigint"}, {"seq", "bigint"}, {"content", "bigint"}, {"original", "bigint"}}}
)

// Advancing is what an advance came to, and what it rests on.
type Advancing struct {
	Agreement *entente.Agreement // as it was read
	entente.Advanced
	Seen    []int64   // by place: up to where the accept log is judged now
	Touched []Touched // what is judged
	Staged  bool      // readers do not see it yet
	Waits   bool      // there may be waits to be replaced
	Now     int64
}

// errMoved tells that somebody else has carried a feed on, or stored a copy, in between.
func errMoved() error {
	return entente.Errorf(entente.Conflict, "another process has carried this agreement's feeds on in between")
}

// PutAdvance writes what an advance came to. It is a Conflict, and nothing is written, if
// the feeds are not any more where the advance began, or if somebody has decided something
// about an object in between: what was just restricted must not enter.
func (t *Tx) PutAdvance(ctx context.Context, w Advancing) error {
	if !w.Staged { // what is staged is judged again before anybody sees it
		if err := t.untouched(ctx, w.Agreement); err != nil {
			return err
		}
	}
	moved := map[int64]entente.Change{}
	for _, c := range w.Feeds {
		moved[c.Feed] = c
	}
	for place, f := range w.Agreement.Feeds {
		tail := f.Tail
		if c, ok := moved[f.Feed]; ok {
			tail = c.Head
		}
		res, err := t.exec(ctx, `UPDATE release_feed SET seen = $1, tail = $2 WHERE feed = $3 AND seen = $4 AND tail = $5`,
			w.Seen[place], tail, f.Feed, f.Seen, f.Tail)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errMoved()
		}
	}
	if err := t.putCopies(ctx, w); err != nil {
		return err
	}
	for _, c := range w.Feeds {
		if err := t.putLines(ctx, c); err != nil {
			return err
		}
		if err := t.applyMarks(ctx, c); err != nil {
			return err
		}
		if w.Staged {
			continue
		}
		if err := t.putDepartures(ctx, c, w.Now); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE feed SET head = $2, added = $3 WHERE feed = $1`, c.Feed, c.Head, c.Added); err != nil {
			return err
		}
	}
	if err := t.putWaits(ctx, w); err != nil {
		return err
	}
	return t.strike(ctx, w)
}

// untouched takes hold of an agreement, and is a Conflict if somebody has decided something
// about an object in it since it was read.
func (t *Tx) untouched(ctx context.Context, a *entente.Agreement) error {
	res, err := t.exec(ctx, `UPDATE agreement SET touches = touches WHERE num = $1 AND touches = $2`, a.Num, a.Touches)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errMoved()
	}
	return nil
}

// putDepartures notes when entries leave a feed. The time is not before that of any entry
// which is there by then, so that times ascend with positions.
func (t *Tx) putDepartures(ctx context.Context, c entente.Change, now int64) error {
	at := max(now, c.Added)
	gone := map[int64]bool{}
	for _, m := range c.Marks {
		if m.Field == entente.MarkGone {
			gone[m.At] = true
		}
	}
	for _, l := range c.Lines { // it entered and left by the same change
		if l.Gone != 0 {
			gone[l.Gone] = true
		}
	}
	for seq := range gone {
		if _, err := t.exec(ctx, `INSERT INTO departure (feed, seq, at) VALUES ($1, $2, $3)`, c.Feed, seq, at); err != nil {
			return err
		}
	}
	return nil
}

// putCopies writes stamped copies, and which lines carry them.
func (t *Tx) putCopies(ctx context.Context, w Advancing) error {
	written, err := t.putContents(ctx, w.Contents)
	if err != nil {
		return err
	}
	if written != int64(len(w.Contents)) {
		return errMoved()
	}
	rows := make([][]any, len(w.Stamped))
	for i, x := range w.Stamped {
		rows[i] = []any{w.Agreement.Feeds[x.Place].Feed, x.Seq, x.Content, x.Original}
	}
	_, err = t.s.d.insert(ctx, t, stampedBulk, rows)
	return err
}

// putWaits replaces what waits of the objects that were judged.
func (t *Tx) putWaits(ctx context.Context, w Advancing) error {
	if w.Waits && len(w.Settled) > 0 {
		of, arg := t.s.d.among("okey", "$2", folds(w.Settled))
		for _, q := range []string{
			`DELETE FROM awaits WHERE EXISTS (SELECT 1 FROM pending p WHERE p.agreement = $1 AND p.` + of + ` AND p.feed = awaits.feed AND p.seq = awaits.seq)`,
			`DELETE FROM pending WHERE agreement = $1 AND ` + of,
		} {
			if _, err := t.exec(ctx, q, w.Agreement.Num, arg); err != nil {
				return err
			}
		}
	}
	var pending, awaits [][]any
	for _, x := range w.Advanced.Waits {
		feed := w.Agreement.Feeds[x.Place].Feed
		pending = append(pending, []any{feed, x.Seq, w.Agreement.Num, x.Content, x.Object.Fold(), int64(x.Reason), w.Now})
		for _, id := range x.Awaits {
			awaits = append(awaits, []any{w.Agreement.Num, id.Fold(), feed, x.Seq})
		}
	}
	if len(pending) == 0 {
		return nil
	}
	if _, err := t.s.d.insert(ctx, t, pendingBulk, pending); err != nil {
		return err
	}
	if len(awaits) == 0 {
		return nil
	}
	_, err := t.s.d.insert(ctx, t, awaitsBulk, awaits)
	return err
}

// strike takes out what was asked to be judged and is, notes what is to be judged at a
// later time, and opens the agreement again when nothing is left of a tightening.
func (t *Tx) strike(ctx context.Context, w Advancing) error {
	for _, x := range w.Touched {
		if _, err := t.exec(ctx, `DELETE FROM touched WHERE agreement = $1 AND object = $2 AND mark = $3`, w.Agreement.Num, string(x.Object), x.Mark); err != nil {
			return err
		}
	}
	var later []entente.Touch
	for _, d := range w.Due {
		later = append(later, entente.Touch{Agreement: w.Agreement.Num, Object: d.Object, Due: d.At})
	}
	if err := t.applyTouch(ctx, entente.Change{Touch: later}); err != nil || len(w.Touched) == 0 || w.Staged {
		return err
	}
	_, err := t.exec(ctx, `UPDATE agreement SET closed = 0 WHERE num = $1 AND closed <> 0 AND length(work) = 0
		AND NOT EXISTS (SELECT 1 FROM touched x WHERE x.agreement = $1 AND x.due <= $2)`, w.Agreement.Num, w.Now)
	return err
}

// CopyOf finds a content of an object by its digest, 0 if there is none.
func (t *Tx) CopyOf(ctx context.Context, v *entente.Version) (int64, error) {
	key := v.Key()
	found, err := t.numbers(ctx, `SELECT content FROM content WHERE okey = $1 AND micros = $2 AND rest = $3 AND digest = $4`, v.ID.Fold(), key.Micros, key.Rest, v.Digest[:])
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// Flip makes what is staged visible and gives it its times; seen is by place how far the
// accept logs are judged then.
func (t *Tx) Flip(ctx context.Context, a *entente.Agreement, seen []int64, now int64) error {
	for place, f := range a.Feeds {
		var head, added, tail int64
		err := t.queryRow(ctx, `SELECT f.head, f.added, r.tail FROM feed f JOIN release_feed r ON r.feed = f.feed WHERE f.feed = $1`, f.Feed).Scan(&head, &added, &tail)
		if err != nil {
			return err
		}
		if head != f.Head || tail != f.Tail {
			return errMoved()
		}
		if f.Staged() {
			base := max(now, added+1) - f.Head - 1
			if _, err := t.exec(ctx, `INSERT INTO flip (feed, begins, ends, base) VALUES ($1, $2, $3, $4)`, f.Feed, f.Head, f.Tail, base); err != nil {
				return err
			}
			if _, err := t.exec(ctx, `INSERT INTO departure (feed, seq, at) SELECT DISTINCT feed, gone, gone + $1 FROM line
				WHERE feed = $2 AND gone > $3 AND gone <> 0`, base, f.Feed, f.Head); err != nil {
				return err
			}
			added = base + f.Tail
		}
		if _, err := t.exec(ctx, `UPDATE feed SET head = $2, added = $3 WHERE feed = $1`, f.Feed, f.Tail, added); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE release_feed SET seen = $2 WHERE feed = $1`, f.Feed, seen[place]); err != nil {
			return err
		}
	}
	return nil
}

// Unstage takes back a part of what was staged and is not visible: at most about limit
// lines. It reports whether that is all.
func (t *Tx) Unstage(ctx context.Context, a *entente.Agreement, limit int64) (done bool, err error) {
	for _, f := range a.Feeds {
		var head, tail int64
		if err := t.queryRow(ctx, `SELECT f.head, r.tail FROM feed f JOIN release_feed r ON r.feed = f.feed WHERE f.feed = $1`, f.Feed).Scan(&head, &tail); err != nil {
			return false, err
		}
		if tail <= head {
			continue
		}
		to := max(head, tail-limit)
		for _, q := range []string{`DELETE FROM stamped WHERE feed = $1 AND seq > $2`, `DELETE FROM line WHERE feed = $1 AND seq > $2`} {
			if _, err := t.exec(ctx, q, f.Feed, to); err != nil {
				return false, err
			}
		}
		if to == head {
			for _, column := range []string{"gone", "newer", "later"} {
				if _, err := t.exec(ctx, `UPDATE line SET `+column+` = 0 WHERE feed = $1 AND `+column+` > $2`, f.Feed, head); err != nil {
					return false, err
				}
			}
		}
		_, err := t.exec(ctx, `UPDATE release_feed SET tail = $2 WHERE feed = $1`, f.Feed, to)
		return false, err
	}
	return true, nil
}
