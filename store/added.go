package store

import (
	"context"
	"fmt"
)

// stagedFrom is where the times of staged lines begin: beyond any time, so that nobody finds
// them by one. The table flip tells theirs when they have become visible. So to make 300,000
// lines visible is to write one row, and no line is written twice.
const stagedFrom = 1 << 61

// StagedAdded is the time that stands for the last one of a feed while a change is staged.
func StagedAdded(tail int64) int64 { return stagedFrom + tail }

// lineAdded is in SQL when a line was added, and addedOf that of the line l. Lines that are
// staged still have none, but what stands for it.
func lineAdded(l string) string {
	return fmt.Sprintf(`CASE WHEN %[1]s.added < %[2]d THEN %[1]s.added ELSE COALESCE((SELECT fl.base FROM flip fl
		WHERE fl.feed = %[1]s.feed AND fl.ends >= %[1]s.seq ORDER BY fl.ends LIMIT 1) + %[1]s.seq, %[1]s.added) END`, l, int64(stagedFrom))
}

var addedOf = lineAdded("l")

// lastAt is in SQL what follows SELECT for the position of a feed behind which stands what was
// added after a time, NULL for none: times ascend as positions do.
func lastAt(feed, at string) string {
	return fmt.Sprintf(`MAX(seq) FROM (
		SELECT seq FROM (SELECT x.seq FROM line x WHERE x.feed = %[1]s AND x.added <= %[2]s AND x.added < %[3]d ORDER BY x.added DESC LIMIT 1) AS own
		UNION ALL SELECT CASE WHEN ends < %[2]s - base THEN ends ELSE %[2]s - base END AS seq FROM (
			SELECT fl.ends, fl.base FROM flip fl WHERE fl.feed = %[1]s AND fl.base + fl.begins < %[2]s ORDER BY fl.ends DESC LIMIT 1) AS flipped) AS last`, feed, at, int64(stagedFrom))
}

// lastAt gives that position, 0 for none.
func (t *Tx) lastAt(ctx context.Context, feed, at int64) (seq int64, err error) {
	err = t.queryRow(ctx, `SELECT COALESCE((SELECT `+lastAt("$1", "$2")+`), 0)`, feed, at).Scan(&seq)
	return seq, err
}
