package store

import (
	"fmt"
	"strings"

	"entente"
)

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
	entry := `l.seq, ` + addedOf + ` AS added, c.id, c.spec, c.stamp, c.digest, c.salt`
	switch {
	case f.BytesOnly:
		return `l.seq, ` + addedOf + ` AS added, c.digest, c.salt, c.body`
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
			any = append(any, `(`+c+`.micros = `+q.arg(int64(entente.Unversioned))+` AND `+lineAdded(l)+` = `+m+`)`)
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
