package store

import (
	"context"
	"fmt"
	"strings"

	"entente"
)

// FeedQuery asks for a run of a feed's lines.
type FeedQuery struct {
	Feed   int64
	After  int64 // position: only lines beyond it
	Head   int64 // position: no line beyond it
	Limit  int   // the most entries in the page, 1 or more
	Filter entente.Filter
	Bodies bool // with the versions' bytes
	// BytesOnly leaves out of the entries all but position, time and bytes: a page of
	// objects needs no more, and each column costs as much as finding the row.
	BytesOnly bool
	Match     *Match // what is looked for in the bytes, nil for nothing
	// Lines is how many positions of the feed one page looks at, 0 for [PageLines]; for a
	// page with a Match, Lines of that counts.
	Lines int
	// Release tells that it is a release feed, whose pages rest on nothing but its lines: not
	// on the index, which follows the accept logs.
	Release bool
	// Staged tells that lines beyond Head are being made ready, which must then be the feed's
	// own head: what they do to lines before it has not happened yet.
	Staged bool
	// Gaps are stretches that are not shown, and count for no bound.
	Gaps []entente.Gap

	view int64 // the head of the feed as it is read, where Head is that of a part
}

// PageLines is how many positions a page looks at, whatever it selects: a feed may hide a
// million lines between two that a request wants. Where that is not enough to fill the page
// it is short, or empty, and goes on behind them. Pages by ids need no such bound.
const PageLines = 50_000

// pageBytes bounds a page beside its limit: objects may have 16 MiB each, and a page is
// held in memory. TAXII lets a server send fewer than were asked for (TAXII 2.1 §3.4).
const pageBytes = 32 << 20

// maxTypeStreams is how many types are read each by its own index range and merged;
// with more of them the feed is scanned in its order.
const maxTypeStreams = 8

// Page reads a page of a feed in the order of its lines. Times of a feed ascend as its
// positions do, so what was added after a time begins at a position.
func (t *Tx) Page(ctx context.Context, q FeedQuery) (entente.Page, error) {
	q.view = q.Head
	if q.Filter.AddedAfter != 0 {
		seq, err := t.numbers(ctx, `SELECT seq FROM line WHERE feed = $1 AND added <= $2 ORDER BY added DESC LIMIT 1`, q.Feed, min(q.Filter.AddedAfter, stagedFrom-1))
		if err != nil {
			return entente.Page{}, err
		}
		if len(seq) == 1 {
			q.After = max(q.After, seq[0])
		}
	}
	return t.around(ctx, q)
}

// around reads a page in parts, between the gaps.
func (t *Tx) around(ctx context.Context, q FeedQuery) (entente.Page, error) {
	var out entente.Page
	size := 0
	for _, g := range q.Gaps {
		if g.UpTo <= q.After || g.After >= q.Head {
			continue
		}
		if g.After > q.After {
			part := q
			part.Head, part.Limit = g.After, q.Limit-len(out.Entries)
			p, err := t.page(ctx, part)
			out.Entries, out.More, out.Next = append(out.Entries, p.Entries...), p.More, p.Next
			for _, e := range p.Entries {
				size += len(e.Bytes)
			}
			if err != nil || p.More {
				return out, err
			}
		}
		q.After = g.UpTo
		if q.After >= q.Head {
			return out, nil
		}
		if len(out.Entries) == q.Limit || size > pageBytes {
			out.More, out.Next = true, q.After
			return out, nil
		}
	}
	q.Limit -= len(out.Entries)
	p, err := t.page(ctx, q)
	out.Entries, out.More, out.Next = append(out.Entries, p.Entries...), p.More, p.Next
	return out, err
}

func (t *Tx) page(ctx context.Context, q FeedQuery) (entente.Page, error) {
	if q.Match != nil {
		return t.matching(ctx, q)
	}
	if len(q.Filter.IDs) > 0 {
		return t.pageUpTo(ctx, q)
	}
	if q.Lines <= 0 {
		q.Lines = PageLines
	}
	var out entente.Page
	for head, again := q.Head, true; ; again = false {
		q.Head = min(head, q.After+int64(q.Lines))
		p, err := t.pageUpTo(ctx, q)
		out.Entries, out.More, out.Next = append(out.Entries, p.Entries...), p.More, p.Next
		if err != nil || p.More || q.Head == head {
			return out, err
		}
		next, err := t.numbers(ctx, `SELECT seq FROM line WHERE feed = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT 1`, q.Feed, q.Head, head)
		if err != nil || len(next) == 0 {
			return out, err
		}
		q.After, q.Limit = next[0]-1, q.Limit-len(p.Entries)
		// A restore leaves a wide gap in the positions. Behind it the same page goes on.
		if gap := q.After > q.Head; !gap || !again || q.Limit == 0 {
			out.More, out.Next = true, q.After
			return out, nil
		}
	}
}

// pageUpTo reads a page up to the query's head.
func (t *Tx) pageUpTo(ctx context.Context, q FeedQuery) (entente.Page, error) {
	text, args := q.build(t.s.d)
	rows, err := t.query(ctx, text, args...)
	if err != nil {
		return entente.Page{}, err
	}
	defer rows.Close()
	p := entente.Page{Entries: make([]entente.Entry, 0, min(q.Limit, 1024))}
	for size := 0; rows.Next(); {
		e, err := q.scan(rows.Scan)
		if err != nil {
			return p, err
		}
		n := len(p.Entries)
		if size += len(e.Bytes); n == q.Limit || n > 0 && size > pageBytes {
			p.More, p.Next = true, p.Entries[n-1].Seq
			break
		}
		p.Entries = append(p.Entries, e)
	}
	return p, rows.Err()
}

func (f FeedQuery) scan(scan func(...any) error) (entente.Entry, error) {
	if f.BytesOnly {
		var e entente.Entry
		err := scan(&e.Seq, &e.Added, &e.Bytes)
		return e, err
	}
	return scanEntry(scan, f.Bodies)
}

func scanEntry(scan func(...any) error, bodies bool) (entente.Entry, error) {
	var e entente.Entry
	var id string
	var digest []byte
	to := []any{&e.Seq, &e.Added, &id, &e.Spec, &e.Stamp, &digest}
	if bodies {
		to = append(to, &e.Bytes)
	}
	err := scan(to...)
	e.ID = entente.ObjectID(id)
	copy(e.Digest[:], digest)
	if e.Stamp == "" {
		e.Stamp = entente.FormatMicros(e.Added)
	}
	return e, err
}

// query gathers an SQL text and its parameters.
type query struct{ args []any }

// arg adds a parameter and gives its name.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

// ints and texts add a set as one parameter.
func (q *query) ints(d *dialect, set []int64) string {
	expr, v := d.ints(fmt.Sprintf("$%d", len(q.args)+1), set)
	q.args = append(q.args, v)
	return expr
}

func (q *query) texts(d *dialect, set []string) string {
	expr, v := d.texts(fmt.Sprintf("$%d", len(q.args)+1), set)
	q.args = append(q.args, v)
	return expr
}

// columns are what scan reads.
func (f FeedQuery) columns() string {
	const entry = `l.seq, l.added, c.id, c.spec, c.stamp, c.digest`
	switch {
	case f.BytesOnly:
		return `l.seq, l.added, c.body`
	case f.Bodies:
		return entry + `, c.body`
	}
	return entry
}

func (f FeedQuery) build(d *dialect) (string, []any) { return f.buildFor(d, f.columns(), nil) }

// buildFor selects columns of the lines that the filter shows, in their order, one more
// than the limit. Places, where there are some, are the only positions that count.
func (f FeedQuery) buildFor(d *dialect, columns string, places []int64) (string, []any) {
	q := &query{}
	feed := q.arg(f.Feed)
	where := []string{f.live(q, "l"), `l.seq > ` + q.arg(f.After), `l.seq <= ` + q.arg(f.Head)}
	if places != nil {
		where = append(where, `l.seq IN `+q.ints(d, places))
	}
	where = append(where, f.specs(q))
	if v := f.versions(q, d); v != "" {
		where = append(where, v)
	}
	if ids := f.Filter.IDs; len(ids) > 0 {
		keys, texts := make([]int64, len(ids)), make([]string, len(ids))
		for i, id := range ids {
			keys[i], texts[i] = id.Fold(), string(id)
		}
		// An engine without statistics would go through the feed, if it were not told.
		where = append(where, `l.seq IN (SELECT x.seq FROM line x`+d.by("line_content")+` WHERE x.feed = `+feed+`
			AND x.content IN (SELECT content FROM content WHERE okey IN `+q.ints(d, keys)+`))`, `c.id IN `+q.texts(d, texts))
	}
	limit := q.arg(f.Limit + 1)
	from := func(hint string) string {
		return `SELECT ` + columns + ` FROM line l` + hint + ` JOIN content c ON c.content = l.content WHERE l.feed = ` + feed + ` AND ` + strings.Join(where, ` AND `)
	}
	tail := ` ORDER BY l.seq LIMIT ` + limit
	types := f.Filter.Types
	switch {
	case len(types) == 0:
		return from(``) + tail, q.args
	case places != nil || len(f.Filter.IDs) > 0 || len(types) > maxTypeStreams:
		return from(``) + ` AND ` + f.anyType(q, types) + tail, q.args
	}
	var streams []string
	for _, name := range types {
		streams = append(streams, `SELECT * FROM (`+from(d.by("line_type"))+` AND `+f.anyType(q, []string{name})+tail+`) AS s`)
	}
	return `SELECT * FROM (` + strings.Join(streams, ` UNION ALL `) + `) AS m ORDER BY seq LIMIT ` + limit, q.args
}

// anyType finds by the types' keys, and compares the types themselves by the beginning
// of the id, as keys may be shared.
func (f FeedQuery) anyType(q *query, types []string) string {
	var any []string
	for _, name := range types {
		any = append(any, `(l.type = `+q.arg(typeKey(name))+` AND substr(c.id, 1, `+q.arg(len(name)+2)+`) = `+q.arg(name+"--")+`)`)
	}
	return `(` + strings.Join(any, ` OR `) + `)`
}

// specs is TAXII's match[spec_version] in SQL. Without it each object goes by the latest
// specification of what the rest of the request selects (§3.4.1). Where that names a version
// as such, a later specification may have none of it: then it does not count.
func (f FeedQuery) specs(q *query) string {
	if len(f.Filter.Specs) > 0 {
		var any []string
		for _, s := range f.Filter.Specs {
			any = append(any, `l.spec = `+q.arg(int64(s)))
		}
		return `(` + strings.Join(any, ` OR `) + `)`
	}
	v := f.Filter.Versions
	if v.All || v.WantsLast() || v.First {
		return f.unmarked(q, "later", "l1.source = l.source AND c1.spec > c.spec")
	}
	return `(l.later = 0 OR NOT EXISTS (SELECT 1 FROM content c1 JOIN line l1 ON l1.content = c1.content AND l1.feed = l.feed
		WHERE c1.okey = c.okey AND c1.id = c.id AND c1.spec > c.spec AND ` + f.live(q, "l1") + `
		AND (` + strings.Join(exact(q, v.Exact, "c1", "l1"), ` OR `) + `)))`
}

// live tells in SQL that readers see a line.
func (f FeedQuery) live(q *query, l string) string {
	if !f.Staged && len(f.Gaps) == 0 {
		return l + `.gone = 0 AND ` + l + `.rival = 0`
	}
	view := q.arg(f.view)
	text := `(` + l + `.gone = 0 OR ` + l + `.gone > ` + view + `) AND ` + l + `.rival = 0 AND ` + l + `.seq <= ` + view
	for _, g := range f.Gaps {
		text += ` AND NOT (` + l + `.seq > ` + q.arg(g.After) + ` AND ` + l + `.seq <= ` + q.arg(g.UpTo) + `)`
	}
	return text
}

// unmarked tells in SQL that nothing which readers see has put a line behind itself. The
// mark has the position of the first that did, or the line's own where it came behind what
// was there. With gaps that says little, and what puts it behind itself is looked for: by
// the condition that makes a line l1 of a content c1 one that does.
func (f FeedQuery) unmarked(q *query, mark, other string) string {
	if !f.Staged && len(f.Gaps) == 0 {
		return `l.` + mark + ` = 0`
	}
	text := `l.` + mark + ` = 0 OR l.` + mark + ` > ` + q.arg(f.view)
	if len(f.Gaps) > 0 {
		text += ` OR NOT EXISTS (SELECT 1 FROM content c1 JOIN line l1 ON l1.content = c1.content AND l1.feed = l.feed
			WHERE c1.okey = c.okey AND c1.id = c.id AND ` + other + ` AND ` + f.live(q, "l1") + `)`
	}
	return `(` + text + `)`
}

// exact are the conditions for the versions of some moments, by the names of the tables.
func exact(q *query, all []entente.Instant, c, l string) []string {
	var any []string
	for _, in := range all {
		m := q.arg(in.Micros)
		any = append(any, `(`+c+`.micros = `+m+` AND `+c+`.rest = `+q.arg(in.Rest)+`)`)
		if in.Rest == "" { // times of addition are whole microseconds
			any = append(any, `(`+c+`.micros = `+q.arg(int64(entente.Unversioned))+` AND `+l+`.added = `+m+`)`)
		}
	}
	return any
}

// versions is TAXII's match[version] in SQL, "" for all versions.
func (f FeedQuery) versions(q *query, d *dialect) string {
	v := f.Filter.Versions
	if v.All {
		return ""
	}
	var any []string
	if v.WantsLast() {
		any = append(any, f.unmarked(q, "newer", `c1.spec = c.spec
			AND (l1.source <> l.source AND l1.newer = 0 OR l1.source = l.source AND (c1.micros > c.micros
				OR c1.micros = c.micros AND (c1.rest > c.rest OR c1.rest = c.rest AND l1.seq > l.seq)))`))
	}
	if v.First {
		any = append(any, `NOT EXISTS (SELECT 1 FROM content c2 JOIN line l2 ON l2.content = c2.content AND l2.feed = l.feed
			WHERE c2.okey = c.okey AND c2.id = c.id AND c2.spec = c.spec AND `+f.live(q, "l2")+`
			AND (c2.micros < c.micros OR c2.micros = c.micros AND (c2.rest < c.rest OR c2.rest = c.rest AND l2.seq < l.seq)))`)
	}
	any = append(any, exact(q, v.Exact, "c", "l")...)
	return `(` + strings.Join(any, ` OR `) + `)`
}
