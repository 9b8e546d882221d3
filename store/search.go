package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"entente"
)

// Words brings text into the form that full-text search stores and looks for: runs of
// letters and digits in lower case, apart by single blanks. Both engines then cut it
// into the same words.
func Words(text string) string {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		from := len(b)
		i, b = word(text, i, b)
		if len(b) > from && i < len(text) {
			b = append(b, ' ')
		}
	}
	return strings.TrimSuffix(string(b), " ")
}

// word appends the run of word characters at text[i:] in lower case, and returns where
// the text goes on after it and after the character that ended it.
func word(text string, i int, b []byte) (int, []byte) {
	for i < len(text) {
		c := text[i]
		switch {
		case c-'a' < 26, c-'0' < 10: // most of what comes
			b = append(b, c)
		case c-'A' < 26:
			b = append(b, c+'a'-'A')
		case c < utf8.RuneSelf:
			return i + 1, b
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			if i += size; !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
				return i, b
			}
			b = utf8.AppendRune(b, unicode.ToLower(r))
			continue
		}
		i++
	}
	return i, b
}

// ParseTerms reads what a person typed: terms apart by blanks, of which all must be
// found; "…" keeps words together; a term that ends in * is the beginning of a word.
// What holds signs between its letters (198.51.100.7, cve-2026-0001) is a run of words.
func ParseTerms(s string) []Term {
	var out []Term
	add := func(part string, phrase bool) {
		prefix := !phrase && strings.HasSuffix(part, "*")
		if w := strings.Fields(Words(part)); len(w) > 0 {
			out = append(out, Term{Words: w, Prefix: prefix})
		}
	}
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			add(part, true)
			continue
		}
		for _, word := range strings.Fields(part) {
			add(word, false)
		}
	}
	return out
}

// Found is one version that a search found.
type Found struct {
	Content int64
	Entry   entente.Entry
	Feeds   []int64 // the feeds that carry it live
}

// Search finds versions by their words, newest content first, that are live and the
// last of their object in one of the given feeds; at most limit.
func (t *Tx) Search(ctx context.Context, terms []Term, feeds []int64, limit int) ([]Found, error) {
	if len(terms) == 0 || len(feeds) == 0 {
		return nil, nil
	}
	d := t.s.d
	if d.beforeSearch != "" {
		if _, err := t.tx.ExecContext(ctx, d.beforeSearch); err != nil {
			return nil, err
		}
	}
	q := &query{}
	q.arg(d.searchTerms(terms)) // $1, as searchFrom has it
	text := `SELECT l.seq, ` + addedOf + `, c.id, c.spec, c.stamp, c.digest, c.salt, c.body, l.content, l.feed
		FROM ` + d.searchFrom + ` AS s JOIN line l ON l.content = s.content JOIN content c ON c.content = s.content
		WHERE l.gone = 0 AND l.rival = 0 AND l.newer = 0 AND l.later = 0 AND l.feed IN ` + q.ints(d, feeds) + `
		ORDER BY s.content DESC, l.feed LIMIT ` + q.arg(limit*len(feeds))
	rows, err := t.query(ctx, text, q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanFound(rows, limit)
}

// scanFound reads rows that are ordered by content, at most limit contents.
func scanFound(rows *sql.Rows, limit int) ([]Found, error) {
	var out []Found
	for rows.Next() {
		var content, feed int64
		e, err := scanEntry(func(to ...any) error { return rows.Scan(append(to, &content, &feed)...) }, true)
		if err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].Content == content {
			out[n-1].Feeds = append(out[n-1].Feeds, feed)
			continue
		}
		if len(out) == limit {
			break
		}
		out = append(out, Found{Content: content, Entry: e, Feeds: []int64{feed}})
	}
	return out, rows.Err()
}

// Body is the bytes of one content, with its number.
type Body struct {
	Content int64
	Bytes   []byte
}

// Reading is what a follower has read of a feed, and not yet written.
type Reading struct {
	Bodies   []Body
	From, To int64 // the follower's positions before and after
	AtHead   bool  // nothing is left
}

// FromStored stands for the position that a follower has stored.
const FromStored = -1

// Followed reads contents that a feed's lines carry beyond a position, at most limit
// lines: beyond a follower's own, or beyond the end of what it has read and not written. It reads the accept log as it is: lines that are gone or contested too.
func (t *Tx) Followed(ctx context.Context, name string, feed, after int64, limit int) (Reading, error) {
	if after == FromStored {
		var err error
		if after, err = t.position(ctx, name, feed); err != nil {
			return Reading{}, err
		}
	}
	out := Reading{From: after, To: after}
	heads, err := t.numbers(ctx, `SELECT head FROM feed WHERE feed = $1`, feed)
	if err != nil || len(heads) == 0 {
		out.AtHead = true
		return out, err // removed in between
	}
	rows, err := t.query(ctx, `SELECT l.seq, c.content, c.body FROM line l JOIN content c ON c.content = l.content
		WHERE l.feed = $1 AND l.seq > $2 ORDER BY l.seq LIMIT $3`, feed, after, limit)
	if err != nil {
		return out, err
	}
	defer rows.Close()
	size := 0
	for rows.Next() {
		var b Body
		if err := rows.Scan(&out.To, &b.Content, &b.Bytes); err != nil {
			return out, err
		}
		out.Bodies = append(out.Bodies, b)
		if size += len(b.Bytes); size > followBytes {
			return out, rows.Close()
		}
	}
	if out.AtHead = len(out.Bodies) < limit; out.AtHead {
		out.To = heads[0] // positions of deletions carry no line
	}
	return out, rows.Err()
}

// followBytes bounds what a follower reads at a time: about so many bytes of contents.
const followBytes = 16 << 20

func (t *Tx) position(ctx context.Context, name string, feed int64) (int64, error) {
	var seq int64
	err := t.queryRow(ctx, `SELECT seq FROM follower WHERE name = $1 AND feed = $2`, name, feed).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return seq, err
}

// PutSearch adds texts to the full-text index and moves the follower that brought them.
// That is a Conflict if the follower is not any more where it began to read: another
// process has read the same, and what this one makes of it must not be kept.
func (t *Tx) PutSearch(ctx context.Context, follower string, feed int64, read Reading, texts []SearchText) error {
	res, err := t.exec(ctx, `INSERT INTO follower (name, feed, seq) VALUES ($1, $2, $3)
		ON CONFLICT (name, feed) DO UPDATE SET seq = excluded.seq WHERE follower.seq = $4`, follower, feed, read.To, read.From)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return cmp.Or(err, error(entente.Errorf(entente.Conflict, "another process has read this feed at the same time")))
	}
	return t.s.d.searchPut(ctx, t, texts)
}

// Lag counts the positions by which a follower is behind the heads of all collections' feeds.
func (t *Tx) Lag(ctx context.Context, follower string) (int64, error) {
	var n int64
	// A restore leaves a wide gap in the positions; then the lines themselves are counted.
	err := t.queryRow(ctx, `SELECT CAST(COALESCE(SUM(CASE WHEN f.head - COALESCE(w.seq, 0) < $2 THEN f.head - COALESCE(w.seq, 0)
			ELSE (SELECT COUNT(*) FROM line l WHERE l.feed = f.feed AND l.seq > COALESCE(w.seq, 0)) END), 0) AS BIGINT) FROM collection k JOIN feed f ON f.feed = k.feed
		LEFT JOIN follower w ON w.feed = f.feed AND w.name = $1 WHERE f.head > COALESCE(w.seq, 0)`, follower, int64(positionsLost)).Scan(&n)
	return n, err
}

// Behind lists the feeds that a follower has not read to their heads.
func (t *Tx) Behind(ctx context.Context, follower string) ([]int64, error) {
	return t.numbers(ctx, `SELECT f.feed FROM collection k JOIN feed f ON f.feed = k.feed LEFT JOIN follower w ON w.feed = f.feed AND w.name = $1
		WHERE f.head > COALESCE(w.seq, 0) ORDER BY f.feed`, follower)
}
