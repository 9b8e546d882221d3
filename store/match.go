package store

import (
	"context"
	"slices"

	"entente"
)

// Match is what a query looks for in the bytes of versions. SQL finds candidates; Meets
// alone decides.
//
// Design: docs/design/006-filters.md says why a page costs no more than it does.
type Match struct {
	Meets func(object []byte) bool
	// Keys has a group for each condition that is indexed: a content with none of its keys
	// in the index of values does not meet it. Follower fills the index, up to its position
	// in the feed.
	Keys     [][]int64
	Follower string
	// Lines is how many lines of the feed one page looks at, and how many contents the keys
	// of a condition may have for them to be of use; 0 for [MatchLines].
	Lines int
}

// MatchLines is how many lines a page looks at; matchBytes bounds their contents.
const (
	MatchLines = 4000
	matchBytes = 8 << 20
)

// maxMatchKeys is how many keys of one condition are looked up; with more the feed is
// looked through.
const maxMatchKeys = 500

// matching reads a page of what meets conditions. It looks at a bounded part of the feed:
// where that ends before the page is full, the page is short, or empty, and the next one
// goes on behind it.
func (t *Tx) matching(ctx context.Context, q FeedQuery) (entente.Page, error) {
	s := &matcher{Tx: t, q: q, bodies: q.Bodies || q.BytesOnly, at: q.After, lines: q.Match.Lines, bytes: matchBytes}
	s.q.Bodies = true
	if s.lines <= 0 {
		s.lines = MatchLines
	}
	var err error
	if !q.Release {
		err = s.indexed(ctx)
	}
	for err == nil && s.at < q.Head && !s.ended() {
		err = s.scan(ctx)
	}
	if s.at < q.Head && !s.page.More {
		s.page.More, s.page.Next = true, s.at
	}
	return s.page, err
}

// matcher is one page in the making.
type matcher struct {
	*Tx
	q            FeedQuery
	bodies       bool  // whether the page is to have the bytes
	at           int64 // the position up to which the feed was looked at
	lines, bytes int   // what may still be looked at
	page         entente.Page
}

func (s *matcher) ended() bool { return s.page.More || s.lines <= 0 || s.bytes <= 0 }

// indexed looks at the part of the feed that the index of values knows, if the index has
// few enough contents for one of the conditions.
func (s *matcher) indexed(ctx context.Context) error {
	if len(s.q.Match.Keys) == 0 {
		return nil
	}
	followed, err := s.position(ctx, s.q.Match.Follower, s.q.Feed)
	if followed = min(followed, s.q.Head); err != nil || followed <= s.at {
		return err
	}
	contents, err := s.candidates(ctx, s.lines)
	if contents == nil || err != nil {
		return err
	}
	if len(contents) == 0 {
		s.at = followed
		return nil
	}
	lines, err := s.carrying(ctx, contents, followed)
	if lines == nil || err != nil {
		return err
	}
	return s.sparse(ctx, lines, followed)
}

// carrying gives the positions up to one at which some contents stand, in order; nil if
// they stand at very many.
func (s *matcher) carrying(ctx context.Context, contents []int64, upTo int64) ([]int64, error) {
	most := 2 * s.lines
	in, arg := s.s.d.ints("$1", contents)
	// Not in their order: it would tempt an engine to go through the feed until it has enough.
	seqs, err := s.numbers(ctx, `SELECT x.seq FROM line x`+s.s.d.by("line_content")+` WHERE x.content IN `+in+`
		AND x.feed = $2 AND x.seq > $3 AND x.seq <= $4 LIMIT $5`, arg, s.q.Feed, s.at, upTo, most+1)
	if len(seqs) > most {
		return nil, err
	}
	slices.Sort(seqs)
	return append([]int64{}, seqs...), err // not nil, if it is empty
}

// candidates gives the contents that may meet all indexed conditions, nil if each of them
// has more than most.
func (s *matcher) candidates(ctx context.Context, most int) ([]int64, error) {
	var found []int64
	for _, keys := range s.q.Match.Keys {
		if len(keys) > maxMatchKeys {
			continue
		}
		in, arg := s.s.d.ints("$1", keys)
		some, err := s.numbers(ctx, `SELECT content FROM value WHERE vkey IN `+in+` LIMIT $2`, arg, most+1)
		if err != nil {
			return nil, err
		}
		if len(some) > most {
			continue
		}
		slices.Sort(some)
		some = slices.Compact(some)
		if found != nil {
			some = slices.DeleteFunc(some, func(c int64) bool { _, in := slices.BinarySearch(found, c); return !in })
		}
		found = append([]int64{}, some...) // not nil, if it is empty
	}
	return found, nil
}

// scan looks at the next part of the feed, as many lines as are left.
func (s *matcher) scan(ctx context.Context) error {
	f := s.q.Filter
	if len(f.IDs) > 0 {
		return s.sparse(ctx, nil, s.q.Head)
	}
	upTo, err := s.window(ctx)
	if err != nil {
		return err
	}
	if n := len(f.Types); n > 0 && n <= maxTypeStreams {
		err = s.sparse(ctx, nil, upTo)
	} else {
		err = s.dense(ctx, upTo)
	}
	if upTo < s.q.Head {
		s.lines = 0
	}
	return err
}

// window is the position up to which as many lines as are left reach, whether they are
// shown or not: of the types, if there are few, else of the feed.
func (s *matcher) window(ctx context.Context) (int64, error) {
	upTo := s.q.Head
	types := s.q.Filter.Types
	if len(types) == 0 || len(types) > maxTypeStreams {
		seq, err := s.numbers(ctx, `SELECT seq FROM line WHERE feed = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT 1 OFFSET $4`,
			s.q.Feed, s.at, upTo, s.lines-1)
		return slices.Min(append(seq, upTo)), err
	}
	each := max(s.lines/len(types), 1)
	for _, name := range types {
		seq, err := s.numbers(ctx, `SELECT seq FROM line WHERE feed = $1 AND type = $2 AND seq > $3 AND seq <= $4 ORDER BY seq LIMIT 1 OFFSET $5`,
			s.q.Feed, typeKey(name), s.at, upTo, each-1)
		if err != nil {
			return 0, err
		}
		upTo = slices.Min(append(seq, upTo))
	}
	return upTo, nil
}

// dense looks at the lines up to a position as they lie, in ever larger steps: some drivers
// read all of an answer, and the first lines may fill the page.
func (s *matcher) dense(ctx context.Context, upTo int64) error {
	q := s.q
	q.Head = upTo
	for step := min(s.q.Limit, s.lines) + 1; s.at < upTo && !s.ended(); step *= 4 {
		q.After, q.Limit = s.at, min(step, s.lines)-1
		before := s.lines
		text, args := q.build(s.s.d)
		done, err := s.look(ctx, text, args...)
		if err != nil || !done {
			return err
		}
		if before-s.lines <= q.Limit { // these were all
			s.at = upTo
		}
	}
	return nil
}

// place is where a line stands, and how long its content is.
type place struct{ seq, size int64 }

// sparse looks at lines up to a position that lie apart: those given, or those of ids or
// types. It finds out which count and how long they are before it reads their bytes, so
// that no engine sorts bytes, or has more of them in memory than a part.
func (s *matcher) sparse(ctx context.Context, lines []int64, upTo int64) error {
	for step := min(s.q.Limit, s.lines) + 1; s.at < upTo && !s.ended(); step *= 4 {
		most, end, some := min(step, s.lines), upTo, lines
		if len(lines) > most {
			some, end = lines[:most], lines[most-1]
		}
		places, err := s.places(ctx, some, end, most)
		if err != nil {
			return err
		}
		all := lines != nil || len(places) < most
		for len(places) > 0 {
			seqs := part(places)
			places = places[len(seqs):]
			q := &query{}
			text := `SELECT ` + s.q.columns() + ` FROM line l JOIN content c ON c.content = l.content
				WHERE l.feed = ` + q.arg(s.q.Feed) + ` AND l.seq IN ` + q.ints(s.s.d, seqs) + ` ORDER BY l.seq`
			if done, err := s.look(ctx, text, q.args...); err != nil || !done {
				return err
			}
		}
		if all {
			s.at, lines = end, lines[len(some):]
		}
	}
	return nil
}

// places lists what SQL lets through up to a position, of some lines where they are given,
// at most so many.
func (s *matcher) places(ctx context.Context, lines []int64, upTo int64, most int) ([]place, error) {
	q := s.q
	q.After, q.Head, q.Limit = s.at, upTo, most-1
	text, args := q.buildFor(s.s.d, `l.seq, length(c.body) AS size`, lines)
	rows, err := s.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []place
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.seq, &p.size); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// part is the positions of the first places whose bytes are read at once, one at least.
func part(places []place) []int64 {
	const most, mostBytes = 200, 1 << 20
	var seqs []int64
	size := int64(0)
	for _, p := range places {
		if size += p.size; len(seqs) == most || len(seqs) > 0 && size > mostBytes {
			break
		}
		seqs = append(seqs, p.seq)
	}
	return seqs
}

// look goes through entries with their bytes, ascending. It reports whether it came to
// their end: not if the page is full, or enough was looked at.
func (s *matcher) look(ctx context.Context, text string, args ...any) (done bool, err error) {
	rows, err := s.query(ctx, text, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := s.q.scan(rows.Scan)
		if err != nil {
			return false, err
		}
		s.lines--
		s.bytes -= len(e.Bytes)
		if s.q.Match.Meets(e.Bytes) {
			if len(s.page.Entries) == s.q.Limit {
				s.page.More, s.page.Next = true, e.Seq-1
				return false, nil
			}
			if !s.bodies {
				e.Bytes = nil
			}
			s.page.Entries = append(s.page.Entries, e)
		}
		s.at = e.Seq
		if s.bytes <= 0 {
			return false, nil
		}
	}
	return true, rows.Err()
}
