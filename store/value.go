package store

import (
	"context"

	"entente"
)

// ContentValue is one observable value that a content names, as a key: [ValueKey].
type ContentValue struct {
	Content int64
	Key     int64
}

// ValueKey is the key of a normalised value in the index of values: 64 bits of its
// SHA-256. Two values may share one; whoever finds by it looks into the content.
func ValueKey(value string) int64 { return entente.ObjectID(value).Fold() }

var valueBulk = bulk{
	table:    "value",
	columns:  []column{{"vkey", "bigint"}, {"content", "bigint"}},
	conflict: "vkey, content",
}

// PutValues adds values to the index; again does no harm.
func (t *Tx) PutValues(ctx context.Context, values []ContentValue) error {
	rows := make([][]any, len(values))
	for i, v := range values {
		rows[i] = []any{v.Key, v.Content}
	}
	_, err := t.s.d.insert(ctx, t, valueBulk, rows)
	return err
}

// WithValues finds contents by the keys of values, by key; at most limit for each key,
// newest content first, of those that are live and the last of their object in one of
// the given feeds.
func (t *Tx) WithValues(ctx context.Context, keys []int64, feeds []int64, limit int) (map[int64][]Found, error) {
	out := map[int64][]Found{}
	if len(keys) == 0 || len(feeds) == 0 {
		return out, nil
	}
	hit, err := t.heldKeys(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, key := range hit {
		if out[key], err = t.withValue(ctx, key, feeds, limit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// heldKeys tells which keys are in the index at all: of many values few are.
func (t *Tx) heldKeys(ctx context.Context, keys []int64) ([]int64, error) {
	in, arg := t.s.d.ints("$1", keys)
	return t.numbers(ctx, `SELECT x.n FROM `+in+` AS x WHERE EXISTS (SELECT 1 FROM value v WHERE v.vkey = x.n)`, arg)
}

func (t *Tx) withValue(ctx context.Context, key int64, feeds []int64, limit int) ([]Found, error) {
	q := &query{}
	text := `SELECT l.seq, l.added, c.id, c.spec, c.stamp, c.digest, c.body, l.content, l.feed
		FROM value v JOIN line l ON l.content = v.content JOIN content c ON c.content = v.content
		WHERE v.vkey = ` + q.arg(key) + ` AND l.gone = 0 AND l.rival = 0 AND l.newer = 0 AND l.later = 0 AND l.feed IN ` + q.ints(t.s.d, feeds) + `
		ORDER BY v.content DESC, l.feed LIMIT ` + q.arg(limit*len(feeds))
	rows, err := t.query(ctx, text, q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanFound(rows, limit)
}
