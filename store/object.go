package store

import (
	"cmp"
	"context"
	"slices"

	"entente"
)

// Held is one stored content of an object, with every line that carries it.
type Held struct {
	entente.Known
	Stamp string // modified, else created, "" for neither
	Bytes []byte // none where they were erased
	// Erasure is the id of the confirmed erasure that is about it, "" for none.
	Erasure string
	Lines   []HeldLine
}

func digestOf(b []byte) (d entente.Digest) {
	copy(d[:], b)
	return d
}

// HeldLine is a line that carries a content, and in which feed it stands.
type HeldLine struct {
	Feed int64
	entente.Line
}

// Object reads all contents of an object, oldest version first, contested contents of
// one version in the order in which they came.
func (t *Tx) Object(ctx context.Context, id entente.ObjectID) ([]Held, error) {
	rows, err := t.query(ctx, `SELECT c.content, c.spec, c.micros, c.rest, c.digest, c.stamp, c.body, COALESCE(e.erasure, '')
		FROM content c LEFT JOIN erased e ON e.content = c.content WHERE c.okey = $1 AND c.id = $2`, id.Fold(), string(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Held
	at := map[int64]int{}
	var contents []int64
	for rows.Next() {
		var h Held
		var digest []byte
		if err := rows.Scan(&h.Content, &h.Spec, &h.Key.Micros, &h.Key.Rest, &digest, &h.Stamp, &h.Bytes, &h.Erasure); err != nil {
			return nil, err
		}
		copy(h.Digest[:], digest)
		h.Erased = h.Erasure != ""
		contents = append(contents, h.Content)
		out = append(out, h)
	}
	if err := rows.Err(); err != nil || len(out) == 0 {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Held) int {
		return cmp.Or(cmp.Compare(a.Spec, b.Spec), a.Key.Compare(b.Key), cmp.Compare(a.Content, b.Content))
	})
	for i, h := range out {
		at[h.Content] = i
	}
	in, arg := t.s.d.ints("$1", contents)
	lines, err := t.query(ctx, `SELECT l.feed, l.seq, l.content, o.id, `+addedOf+`, l.gone, l.newer, l.later, l.rival
		FROM line l JOIN organisation o ON o.num = l.source WHERE l.content IN `+in+` ORDER BY l.feed, l.seq`, arg)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	for lines.Next() {
		var l HeldLine
		if err := lines.Scan(&l.Feed, &l.Seq, &l.Content, &l.Source, &l.Added, &l.Gone, &l.Newer, &l.Spec, &l.Rival); err != nil {
			return nil, err
		}
		out[at[l.Content]].Lines = append(out[at[l.Content]].Lines, l)
	}
	return out, lines.Err()
}

// Contested counts the versions of a feed of which more than one content is held.
func (t *Tx) Contested(ctx context.Context, feed int64) (int64, error) {
	var n int64
	err := t.queryRow(ctx, `SELECT COUNT(*) FROM line WHERE feed = $1 AND rival > 0 AND rival <> seq AND gone = 0`, feed).Scan(&n)
	return n, err
}
