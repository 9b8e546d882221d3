package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"entente"
)

// StoredContent is a content as its row has it, whether or not that is right.
type StoredContent struct {
	Content int64
	Fold    int64
	Key     entente.StampKey
	Digest  []byte
	ID      string
	Spec    int64
	Stamp   string
	Bytes   []byte
	Removed bool // an erasure has removed its bytes

	Followed bool    // the follower asked about has read it
	InSearch bool    // full text has it
	Values   []int64 // its keys in the index of values
}

// StoredLine is a line as its row has it, with what it should agree with.
type StoredLine struct {
	entente.Line
	Feed       int64
	SourceNum  int64
	TypeKey    int64
	Of         int64  // the version's specification
	Carries    string // the id of its content, "" where that is missing
	CarriesKey int64  // the type key that goes with that id
	CarriesOf  int64  // the content's specification
}

// StoredFeed is a feed as its row has it.
type StoredFeed struct {
	Feed, Head, Added int64
	Tail              int64  // the last position of a release feed where a change is staged, else the head
	Collection        string // name of the collection whose home feed it is, "" for none
	Agreement         string // name of the agreement whose release feed it is, "" for none
}

// Contents reads rows of contents beyond a number, at most limit, with what the indexes
// that the follower fills have of them.
func (t *Tx) Contents(ctx context.Context, follower string, after int64, limit int) ([]StoredContent, error) {
	if err := t.holdIndex(ctx); err != nil {
		return nil, err
	}
	rows, err := t.query(ctx, `SELECT c.content, c.okey, c.micros, c.rest, c.digest, c.id, c.spec, c.stamp, c.body, COALESCE(e.removed, 0) > 0
		FROM content c LEFT JOIN erased e ON e.content = c.content WHERE c.content > $1 ORDER BY c.content LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []StoredContent
	at := map[int64]*StoredContent{}
	var numbers []int64
	size := 0
	for size < followBytes && rows.Next() {
		var c StoredContent
		if err := rows.Scan(&c.Content, &c.Fold, &c.Key.Micros, &c.Key.Rest, &c.Digest, &c.ID, &c.Spec, &c.Stamp, &c.Bytes, &c.Removed); err != nil {
			return nil, err
		}
		size += len(c.Bytes)
		numbers, out = append(numbers, c.Content), append(out, c)
	}
	if err := rows.Err(); err != nil || len(out) == 0 {
		return nil, err
	}
	rows.Close()
	for i := range out {
		at[out[i].Content] = &out[i]
	}
	in, arg := t.s.d.ints("$1", numbers)
	for _, q := range []struct {
		text string
		args []any
		set  func(c *StoredContent, n int64)
	}{
		{`SELECT l.content, 0 FROM line l JOIN follower w ON w.feed = l.feed AND w.name = $2 AND l.seq <= w.seq WHERE l.content IN ` + in,
			[]any{arg, follower}, func(c *StoredContent, _ int64) { c.Followed = true }},
		{`SELECT s.content, 0 FROM ` + t.s.d.searchRows + ` s WHERE s.content IN ` + in, []any{arg}, func(c *StoredContent, _ int64) { c.InSearch = true }},
		{`SELECT v.content, v.vkey FROM value v WHERE v.content IN ` + in, []any{arg}, func(c *StoredContent, n int64) { c.Values = append(c.Values, n) }},
	} {
		if err := t.pairs(ctx, q.text, q.args, func(content, n int64) { q.set(at[content], n) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// holdIndex fixes the state of the index that the transaction sees, before it looks at
// anything else: where the index is a database of its own, it could otherwise be ahead of
// the contents that it is held against.
func (t *Tx) holdIndex(ctx context.Context) error {
	_, err := t.numbers(ctx, `SELECT feed FROM follower LIMIT 1`)
	return err
}

func (t *Tx) pairs(ctx context.Context, text string, args []any, each func(a, b int64)) error {
	rows, err := t.query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b int64
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		each(a, b)
	}
	return rows.Err()
}

// ObjectStates are the contents of one object, with the lines that carry them by feed.
type ObjectStates struct {
	ID      entente.ObjectID
	Known   map[int64][]entente.Known // by feed; contents that the feed does not carry are left out
	Orphans []int64                   // contents that no line carries, and that are neither preserved nor erased
	Twice   []int64                   // contents whose digest another content of the object has
}

// Objects reads objects by the fold of their id, from one on, at most limit folds; next is
// where to go on, and the end where more is false.
func (t *Tx) Objects(ctx context.Context, from int64, limit int) (out []ObjectStates, next int64, more bool, err error) {
	folds, err := t.numbers(ctx, `SELECT DISTINCT okey FROM content WHERE okey >= $1 ORDER BY okey LIMIT $2`, from, limit)
	if err != nil || len(folds) == 0 {
		return nil, 0, false, err
	}
	next = folds[len(folds)-1]
	more = len(folds) == limit && next < math.MaxInt64
	in, arg := t.s.d.ints("$1", folds)
	rows, err := t.query(ctx, `SELECT c.id, c.content, c.spec, c.micros, c.rest, c.digest, COALESCE(l.feed, 0), COALESCE(l.seq, 0), COALESCE(o.id, ''),
			COALESCE(`+addedOf+`, 0), COALESCE(l.gone, 0), COALESCE(l.newer, 0), COALESCE(l.later, 0), COALESCE(l.rival, 0), l.feed IS NULL,
			EXISTS (SELECT 1 FROM erased e WHERE e.content = c.content), l.feed IS NULL AND (`+preservedNow+` OR EXISTS (SELECT 1 FROM unpreserved u WHERE u.object = c.id))
		FROM content c LEFT JOIN line l ON l.content = c.content LEFT JOIN organisation o ON o.num = l.source
		WHERE c.okey IN `+in+` ORDER BY c.id, c.content, l.feed, l.seq`, arg)
	if err != nil {
		return nil, 0, false, err
	}
	defer rows.Close()
	digests := map[string]int64{}
	for rows.Next() {
		var id, source string
		var digest []byte
		var k entente.Known
		var l entente.Line
		var feed, spec int64
		var alone, preserved bool
		if err := rows.Scan(&id, &k.Content, &spec, &k.Key.Micros, &k.Key.Rest, &digest, &feed, &l.Seq, &source, &l.Added, &l.Gone, &l.Newer, &l.Spec, &l.Rival, &alone, &k.Erased, &preserved); err != nil {
			return nil, 0, false, err
		}
		if n := len(out); n == 0 || string(out[n-1].ID) != id {
			out = append(out, ObjectStates{ID: entente.ObjectID(id), Known: map[int64][]entente.Known{}})
			clear(digests)
		}
		o := &out[len(out)-1]
		if first, ok := digests[string(digest)]; ok && first != k.Content && !slices.Contains(o.Twice, k.Content) {
			o.Twice = append(o.Twice, k.Content)
		} else if !ok {
			digests[string(digest)] = k.Content
		}
		if alone && (k.Erased || preserved) {
			continue
		}
		if alone {
			o.Orphans = append(o.Orphans, k.Content)
			continue
		}
		k.Spec, l.Content, l.Source = entente.Spec(spec), k.Content, source
		copy(k.Digest[:], digest)
		of := o.Known[feed]
		if n := len(of); n == 0 || of[n-1].Content != k.Content {
			of = append(of, k)
		}
		of[len(of)-1].Lines = append(of[len(of)-1].Lines, l)
		o.Known[feed] = of
	}
	return out, next + 1, more, rows.Err()
}

// Feeds lists all feeds, by number.
func (t *Tx) Feeds(ctx context.Context) ([]StoredFeed, error) {
	rows, err := t.query(ctx, `SELECT f.feed, f.head, f.added, COALESCE(r.tail, f.head), COALESCE(c.name, ''), COALESCE(a.name, '')
		FROM feed f LEFT JOIN collection c ON c.feed = f.feed LEFT JOIN release_feed r ON r.feed = f.feed LEFT JOIN agreement a ON a.num = r.agreement ORDER BY f.feed`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []StoredFeed
	for rows.Next() {
		var f StoredFeed
		if err := rows.Scan(&f.Feed, &f.Head, &f.Added, &f.Tail, &f.Collection, &f.Agreement); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// Lines reads the lines of a feed beyond a position, at most limit.
func (t *Tx) Lines(ctx context.Context, feed, after int64, limit int) ([]StoredLine, error) {
	rows, err := t.query(ctx, `SELECT l.seq, l.content, l.source, COALESCE(o.id, ''), `+addedOf+`, l.type, l.spec, l.gone, COALESCE(c.id, ''), COALESCE(c.spec, 0)
		FROM line l LEFT JOIN content c ON c.content = l.content LEFT JOIN organisation o ON o.num = l.source
		WHERE l.feed = $1 AND l.seq > $2 ORDER BY l.seq LIMIT $3`, feed, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []StoredLine
	for rows.Next() {
		l := StoredLine{Feed: feed}
		if err := rows.Scan(&l.Seq, &l.Content, &l.SourceNum, &l.Source, &l.Added, &l.TypeKey, &l.Of, &l.Gone, &l.Carries, &l.CarriesOf); err != nil {
			return nil, err
		}
		l.CarriesKey = typeKey(entente.ObjectID(l.Carries).Type())
		out = append(out, l)
	}
	return out, rows.Err()
}

// Sizes counts contents and lines.
func (t *Tx) Sizes(ctx context.Context) (contents, lines int64, err error) {
	if err = t.queryRow(ctx, `SELECT COUNT(*) FROM content`).Scan(&contents); err == nil {
		err = t.queryRow(ctx, `SELECT COUNT(*) FROM line`).Scan(&lines)
	}
	return contents, lines, err
}

// Analyze lets the engine gather the statistics that it plans by. It would do so by itself
// within minutes; after a large intake that is late.
func (s *Store) Analyze(ctx context.Context) error {
	for _, text := range s.d.analyze {
		if _, err := s.write.db.ExecContext(ctx, text); err != nil {
			return s.wrap(err)
		}
	}
	return nil
}

// EngineCheck gives what the engine itself finds wrong with the database, at most 100
// things. PostgreSQL has no such check.
func (t *Tx) EngineCheck(ctx context.Context) ([]string, error) {
	if t.s.d.check == "" {
		return nil, nil
	}
	if _, err := t.strings(ctx, t.s.d.beforeCheck); err != nil {
		return nil, err
	}
	said, err := t.strings(ctx, t.s.d.check)
	return slices.DeleteFunc(said, func(s string) bool { return s == "ok" }), err
}

func (t *Tx) strings(ctx context.Context, text string, args ...any) ([]string, error) {
	rows, err := t.tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s.String)
	}
	return out, rows.Err()
}

// SchemaFaults compares the tables, columns and indexes with those that the schema makes.
func (s *Store) SchemaFaults(ctx context.Context) ([]string, error) {
	want, wantIndexes, err := blueprint(ctx)
	if err != nil {
		return nil, err
	}
	var have []table
	var indexes []string
	if err := s.View(ctx, func(t *Tx) (err error) {
		if have, err = t.tables(ctx); err == nil {
			indexes, err = t.strings(ctx, s.d.indexes)
		}
		return err
	}); err != nil {
		return nil, err
	}
	var out []string
	for _, w := range want {
		i := slices.IndexFunc(have, func(h table) bool { return h.name == w.name })
		switch {
		case i < 0:
			out = append(out, fmt.Sprintf("table %s is missing", w.name))
		case !slices.Equal(have[i].columns, w.columns) || !slices.Equal(have[i].key, w.key):
			out = append(out, fmt.Sprintf("table %s has the columns %v with the key %v, and should have %v with %v", w.name, have[i].columns, have[i].key, w.columns, w.key))
		}
	}
	for _, name := range wantIndexes {
		if !slices.Contains(indexes, name) {
			out = append(out, fmt.Sprintf("index %s is missing", name))
		}
	}
	return out, nil
}

// blueprint makes the schema in memory, and tells what tables and indexes that gives. Full
// text is left out: each engine has its own.
func blueprint(ctx context.Context) ([]table, []string, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	one := side{db: db, gate: make(gate, 1)}
	s := &Store{d: sqliteDialect, write: one, index: one, inbox: one, read: one}
	var tables []table
	var indexes []string
	if err := s.migrateOnce(ctx); err != nil {
		return nil, nil, err
	}
	err = s.View(ctx, func(t *Tx) error {
		if tables, err = t.tables(ctx); err == nil {
			tables = slices.DeleteFunc(tables, func(x table) bool {
				return x.name == "index_version" || x.name == "event_in" || x.name == "ledger_mark"
			}) // not among the rest on both engines
			indexes, err = t.strings(ctx, s.d.indexes)
		}
		return err
	})
	return tables, indexes, err
}
