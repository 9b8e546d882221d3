package store

import (
	"context"

	"entente"
)

// Lease takes a job's lease for a holder until a time, in microseconds since 1970. It reports whether the holder has it now. A clock that jumps can make a lease
// end early or late, never be held by two: taking it is one write.
func (t *Tx) Lease(ctx context.Context, job, holder string, now, until int64) (bool, error) {
	res, err := t.exec(ctx, `INSERT INTO lease (name, holder, expires) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires
		WHERE lease.holder = excluded.holder OR lease.expires < $4`, job, holder, until, now)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// RenewLease moves the end of a lease that the holder still has. What it has lost it does not
// take again, although it may be free by now: another may have done the job in between.
func (t *Tx) RenewLease(ctx context.Context, job, holder string, until int64) (bool, error) {
	res, err := t.exec(ctx, `UPDATE lease SET expires = $3 WHERE name = $1 AND holder = $2`, job, holder, until)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// HoldLease keeps a job's lease from being taken by another before this transaction ends. It
// is a Conflict if the holder does not have it: what is written with it is written by the
// one process that does the job, however long the others were stopped.
func (t *Tx) HoldLease(ctx context.Context, job, holder string) error {
	res, err := t.exec(ctx, `UPDATE lease SET expires = expires WHERE name = $1 AND holder = $2`, job, holder)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return entente.Errorf(entente.Conflict, "another process does this job now")
	}
	return nil
}

// Release gives a lease back, so that another process need not wait for its end.
func (t *Tx) Release(ctx context.Context, job, holder string) error {
	_, err := t.exec(ctx, `DELETE FROM lease WHERE name = $1 AND holder = $2`, job, holder)
	return err
}

// Swept is what a [Tx.Sweep] took away, for the index to drop as well.
type Swept struct {
	Lines    int
	Contents []int64 // that no line carries any more
	Feeds    []int64 // of which nothing is left
	More     bool    // there is more to sweep
}

// Sweep takes away a part of what removed collections left behind: at most limit lines,
// and those of their contents that no other line carries.
func (t *Tx) Sweep(ctx context.Context, limit int) (Swept, error) {
	var out Swept
	feeds, err := t.numbers(ctx, `SELECT feed FROM sweep ORDER BY feed`)
	if err != nil {
		return out, err
	}
	var contents []int64
	for _, feed := range feeds {
		var seqs []int64
		if err := t.pairs(ctx, `SELECT seq, content FROM line WHERE feed = $1 ORDER BY seq LIMIT $2`, []any{feed, limit}, func(seq, content int64) {
			seqs, contents = append(seqs, seq), append(contents, content)
		}); err != nil {
			return out, err
		}
		if len(seqs) == 0 {
			continue
		}
		of, arg := t.s.d.among("seq", "$2", seqs)
		if _, err := t.exec(ctx, `DELETE FROM line WHERE feed = $1 AND `+of, feed, arg); err != nil {
			return out, err
		}
		break
	}
	if len(contents) == 0 {
		if len(feeds) > 0 {
			// A collection may have been removed since the lines were looked for: its feed stays.
			if out.Feeds, err = t.numbers(ctx, `DELETE FROM sweep WHERE NOT EXISTS (SELECT 1 FROM line l WHERE l.feed = sweep.feed) RETURNING feed`); err != nil {
				return out, err
			}
		}
		return out, t.sweepUnpreserved(ctx, limit, &out)
	}
	out.Lines, out.More = len(contents), true
	out.Contents, err = t.dropOrphans(ctx, contents)
	return out, err
}

// dropOrphans deletes those of the contents that no line carries any more, and tells
// which. It holds them first, so that nobody makes a line for one in between. What is
// preserved stays, and so does the fact that something was erased.
func (t *Tx) dropOrphans(ctx context.Context, contents []int64) ([]int64, error) {
	in, arg := t.s.d.ints("$1", contents)
	if _, err := t.numbers(ctx, `SELECT content FROM content WHERE content IN `+in+t.s.d.hold, arg); err != nil {
		return nil, err
	}
	orphans, err := t.numbers(ctx, `SELECT c.content FROM content c WHERE c.content IN `+in+`
		AND NOT EXISTS (SELECT 1 FROM line l WHERE l.content = c.content) AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.content = c.content)
		AND NOT `+preservedNow, arg)
	if err != nil || len(orphans) == 0 {
		return nil, err
	}
	in, arg = t.s.d.ints("$1", orphans)
	if _, err = t.exec(ctx, `DELETE FROM dissent WHERE content IN `+in, arg); err == nil {
		_, err = t.exec(ctx, `DELETE FROM content WHERE content IN `+in, arg)
	}
	return orphans, err
}

// DropIndexed takes what a sweep took away out of the index. What a process that is
// killed in between leaves there is found by nobody: every search looks for a line.
func (t *Tx) DropIndexed(ctx context.Context, s Swept) error {
	if len(s.Contents) > 0 {
		if err := t.s.d.searchDrop(ctx, t, s.Contents); err != nil {
			return err
		}
		in, arg := t.s.d.ints("$1", s.Contents)
		if _, err := t.exec(ctx, `DELETE FROM value WHERE content IN `+in, arg); err != nil {
			return err
		}
	}
	if len(s.Feeds) == 0 {
		return nil
	}
	in, arg := t.s.d.ints("$1", s.Feeds)
	_, err := t.exec(ctx, `DELETE FROM follower WHERE feed IN `+in, arg)
	return err
}

// numbers reads a column of numbers.
func (t *Tx) numbers(ctx context.Context, text string, args ...any) ([]int64, error) {
	rows, err := t.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
