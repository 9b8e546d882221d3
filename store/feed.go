package store

import (
	"context"

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
	// BytesOnly leaves out of the entries all but position, time, bytes and what commits to
	// them: a page of objects needs no more, and each column costs as much as finding the row.
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
		at, err := t.lastAt(ctx, q.Feed, q.Filter.AddedAfter)
		if err != nil {
			return entente.Page{}, err
		}
		q.After = max(q.After, at)
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
		if (q.Bodies || q.BytesOnly) && len(e.Bytes) == 0 {
			continue // erased
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
		var digest []byte
		err := scan(&e.Seq, &e.Added, &digest, &e.Salt, &e.Bytes)
		copy(e.Digest[:], digest)
		return e, err
	}
	return scanEntry(scan, f.Bodies)
}

func scanEntry(scan func(...any) error, bodies bool) (entente.Entry, error) {
	var e entente.Entry
	var id string
	var digest []byte
	to := []any{&e.Seq, &e.Added, &id, &e.Spec, &e.Stamp, &digest, &e.Salt}
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
