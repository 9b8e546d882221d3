package store

import (
	"cmp"
	"context"
	"math"
	"slices"

	"entente"
)

// ContentValue is one thing by which a content is found, as a key: an observable value
// that it names, or a value by which a filter finds it. See [ValueKey].
type ContentValue struct {
	Content int64
	Key     int64
}

// ValueKey is the key of a value in the index of values: 64 bits of its SHA-256. Two
// values may share one; whoever finds by it looks into the content. Values of filters have
// a NUL in them and observable values have none, so that neither is taken for the other.
func ValueKey(value string) int64 { return entente.ObjectID(value).Fold() }

var valueBulk = bulk{
	table:    "value",
	columns:  []column{{"vkey", "bigint"}, {"content", "bigint"}},
	conflict: "vkey, content",
}

// PutValues adds values to the index; again does no harm. They are sorted, so that what
// lies together is written together.
func (t *Tx) PutValues(ctx context.Context, values []ContentValue) error {
	slices.SortFunc(values, func(a, b ContentValue) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Content, b.Content))
	})
	values = slices.Compact(values)
	const most = 10_000 // rows take eight times the memory of values
	for some := range slices.Chunk(values, most) {
		rows := make([][]any, len(some))
		for i, v := range some {
			rows[i] = []any{v.Key, v.Content}
		}
		if _, err := t.s.d.insert(ctx, t, valueBulk, rows); err != nil {
			return err
		}
	}
	return nil
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

// withValue reads contents by a key, newest first, and then the lines that show them: in
// two steps, since an engine that misjudges how many there are would go through the lines.
func (t *Tx) withValue(ctx context.Context, key int64, feeds []int64, limit int) ([]Found, error) {
	const most = 500 // contents at a time; of most values there are a few
	var out []Found
	for before := int64(math.MaxInt64); len(out) < limit; {
		contents, err := t.numbers(ctx, `SELECT content FROM value WHERE vkey = $1 AND content < $2 ORDER BY content DESC LIMIT $3`, key, before, most)
		if err != nil || len(contents) == 0 {
			return out, err
		}
		before = contents[len(contents)-1]
		some, err := t.shown(ctx, contents, feeds, limit-len(out))
		if err != nil {
			return nil, err
		}
		if out = append(out, some...); len(contents) < most {
			break
		}
	}
	return out, nil
}

// shown gives those of some contents that are live and the last of their object in one of
// the given feeds, newest first, at most limit.
func (t *Tx) shown(ctx context.Context, contents, feeds []int64, limit int) ([]Found, error) {
	q := &query{}
	rows, err := t.query(ctx, `SELECT l.seq, `+addedOf+`, c.id, c.spec, c.stamp, c.digest, c.salt, c.body, l.content, l.feed
		FROM line l JOIN content c ON c.content = l.content
		WHERE l.content IN `+q.ints(t.s.d, contents)+` AND l.gone = 0 AND l.rival = 0 AND l.newer = 0 AND l.later = 0 AND l.feed IN `+q.ints(t.s.d, feeds)+`
		ORDER BY l.content DESC, l.feed LIMIT `+q.arg(limit*len(feeds)), q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanFound(rows, limit)
}
