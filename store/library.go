package store

import (
	"cmp"
	"context"
	"math"
	"slices"

	"entente"
)

// Library reads what an [entente.Advance] of one agreement asks for. All of it is of the one
// state that its transaction sees, which must be a [Store.View].
type Library struct {
	t     *Tx
	ctx   context.Context
	a     *entente.Agreement
	w     *Window
	parse func([]byte, entente.Digest) *entente.Version
	// versions are by content those that were parsed beside those of the window; erased are those
	// of the window whose bytes were removed since it was read.
	versions map[int64]*entente.Version
	erased   map[int64]bool

	logs, feeds map[int64]int // the numbers of accept logs and of release feeds, with their places
	numbers     []int64       // of both
	vocabulary  []int64       // home feeds of the vocabularies
	settled     []int64       // by place: positions of the log up to which submissions count
	stamps      bool          // whether there are stamped copies at all
	moves       bool          // whether anything in an accept log came into view again
	waits       bool          // whether anything waits
	decided     bool          // whether anything was ever decided that concerns objects
	follower    string
	refKey      func(entente.ObjectID) (key int64, ok bool)
	standing    *Standing
	reach       int64 // no referrers are told of contents beyond it
}

// Standing remembers objects that stand in an agreement's feeds, for as long as nobody but
// its owner moves these.
type Standing struct {
	folds map[int64]struct{}
	whole bool // nothing else stands
}

// maxStanding bounds what is remembered.
const maxStanding = 2_000_000

// Add notes objects that stand.
func (s *Standing) Add(ids ...entente.ObjectID) {
	if s.folds == nil || len(s.folds) > maxStanding {
		s.Forget()
		s.folds = map[int64]struct{}{}
	}
	for _, id := range ids {
		s.folds[id.Fold()] = struct{}{}
	}
}

// Forget forgets everything: something has left.
func (s *Standing) Forget() { *s = Standing{} }

// Begin forgets everything, and notes whether the feeds are empty: then whatever stands will
// be what is added.
func (s *Standing) Begin(a *entente.Agreement) {
	s.Forget()
	s.whole = !slices.ContainsFunc(a.Feeds, func(f entente.ReleaseFeed) bool { return f.Tail > 0 })
}

// none tells that nothing of an object stands.
func (s *Standing) none(id entente.ObjectID) bool { return s != nil && s.whole && !s.has(id) }

func (s *Standing) has(id entente.ObjectID) bool {
	_, ok := s.folds[id.Fold()]
	return ok
}

// LibraryOptions say what a [Library] is of.
type LibraryOptions struct {
	Agreement *entente.Agreement
	Window    *Window // as [Tx.Window] gave it
	// Settled are by place the positions of the accept logs up to which submissions count.
	Settled []int64
	// Parse reads a version's bytes, of which the digest is known. They are its own to keep.
	Parse func([]byte, entente.Digest) *entente.Version
	// Follower fills the index of values; ReferenceKey is the key in it of references to an
	// object, false where it has none.
	Follower     string
	ReferenceKey func(entente.ObjectID) (int64, bool)
	Standing     *Standing
	// Reach bounds the contents of which referrers are told by their numbers, 0 for no bound: see
	// [Window.Reach].
	Reach int64
}

// Library prepares to read for an advance.
func (t *Tx) Library(ctx context.Context, o LibraryOptions) (*Library, error) {
	l := &Library{t: t, ctx: ctx, a: o.Agreement, w: o.Window, parse: o.Parse, settled: o.Settled, follower: o.Follower, refKey: o.ReferenceKey,
		versions: map[int64]*entente.Version{}, logs: map[int64]int{}, feeds: map[int64]int{}, standing: o.Standing, reach: cmp.Or(o.Reach, math.MaxInt64)}
	for place, f := range o.Agreement.Feeds {
		l.logs[f.Log], l.feeds[f.Feed] = place, place
		l.numbers = append(l.numbers, f.Log, f.Feed)
	}
	for _, id := range o.Agreement.Terms.Vocabularies {
		c, err := t.collectionByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if c != nil {
			l.vocabulary = append(l.vocabulary, c.Feed)
		}
	}
	if err := l.forget(); err != nil {
		return nil, err
	}
	copies, err := t.numbers(ctx, `SELECT content FROM stamped LIMIT 1`)
	if err != nil {
		return nil, err
	}
	moved, err := t.numbers(ctx, `SELECT seq FROM moved LIMIT 1`)
	if err != nil {
		return nil, err
	}
	l.moves = len(moved) > 0
	waits, err := t.numbers(ctx, `SELECT seq FROM pending WHERE agreement = $1 LIMIT 1`, o.Agreement.Num)
	if err != nil {
		return nil, err
	}
	decided, err := t.numbers(ctx, `SELECT 1 FROM (SELECT 1 AS n FROM (SELECT 1 AS n FROM decision WHERE agreement = $1 LIMIT 1) AS a
		UNION ALL SELECT 1 FROM (SELECT 1 AS n FROM restriction LIMIT 1) AS b UNION ALL SELECT 1 FROM (SELECT 1 AS n FROM consent LIMIT 1) AS c
		UNION ALL SELECT 1 FROM (SELECT 1 AS n FROM dissent LIMIT 1) AS d) AS x`, o.Agreement.Num)
	l.stamps, l.waits, l.decided = len(copies) > 0, len(waits) > 0, len(decided) > 0
	return l, err
}

// Waits tells whether anything waits in the agreement.
func (l *Library) Waits() bool { return l.waits }

// Matters is for [entente.Library].
func (l *Library) Matters(ids []entente.ObjectID) ([]*entente.Matter, error) {
	all := make([]*entente.Matter, len(ids))
	at := make(map[entente.ObjectID]*entente.Matter, len(ids))
	for i, id := range ids {
		all[i] = &entente.Matter{ID: id}
		at[id] = all[i]
	}
	held, err := l.contents(ids, at)
	if err != nil {
		return nil, err
	}
	originals, err := l.copies(held)
	if err != nil {
		return nil, err
	}
	if err := l.lines(held, originals, at); err != nil {
		return nil, err
	}
	if err := l.bodies(all); err != nil {
		return nil, err
	}
	return all, l.decisions(ids, at)
}

// heldContent is one content with its object.
type heldContent struct {
	content int64
	id      entente.ObjectID
	spec    entente.Spec
	key     entente.StampKey
}

// contents reads what contents there are of some objects; of those of the window it was
// read ahead.
func (l *Library) contents(ids []entente.ObjectID, wanted map[entente.ObjectID]*entente.Matter) (map[int64]heldContent, error) {
	out := make(map[int64]heldContent, len(ids))
	var unread []entente.ObjectID
	for _, id := range ids {
		if at, ok := l.w.contents[id]; ok {
			for _, c := range at {
				out[c.content] = c
			}
		} else {
			unread = append(unread, id)
		}
	}
	if len(unread) == 0 {
		return out, nil
	}
	return out, l.t.contentsOf(l.ctx, unread, func(c heldContent) {
		if wanted[c.id] != nil { // else another id of the same fold
			out[c.content] = c
		}
	})
}

func (t *Tx) contentsOf(ctx context.Context, ids []entente.ObjectID, each func(heldContent)) error {
	in, arg := t.s.d.ints("$1", folds(ids))
	return t.contentsWhere(ctx, `okey IN `+in, arg, each)
}

func (t *Tx) contentsWhere(ctx context.Context, condition string, arg any, each func(heldContent)) error {
	rows, err := t.query(ctx, `SELECT content, id, spec, micros, rest FROM content WHERE `+condition, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c heldContent
		var id string
		if err := rows.Scan(&c.content, &id, &c.spec, &c.key.Micros, &c.key.Rest); err != nil {
			return err
		}
		c.id = entente.ObjectID(id)
		each(c)
	}
	return rows.Err()
}

// entry names a line of a feed.
type entry struct{ feed, seq int64 }

// copies adds the stamped copies of contents that the feeds carry to them, and gives for
// the lines that carry them the content as it was submitted.
func (l *Library) copies(held map[int64]heldContent) (map[entry]int64, error) {
	if !l.stamps || len(held) == 0 {
		return nil, nil
	}
	in, arg := l.t.s.d.ints("$1", keysOf(held))
	of, arg2 := l.t.s.d.ints("$2", l.feedNumbers())
	rows, err := l.t.query(l.ctx, `SELECT feed, seq, content, original FROM stamped WHERE original IN `+in+` AND feed IN `+of, arg, arg2)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[entry]int64{}
	for rows.Next() {
		var e entry
		var content, original int64
		if err := rows.Scan(&e.feed, &e.seq, &content, &original); err != nil {
			return nil, err
		}
		c := held[original]
		c.content = content
		held[content], out[e] = c, original
	}
	return out, rows.Err()
}

func keysOf[V any](m map[int64]V) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// lines reads the lines that carry some contents: submissions in the accept logs, entries in
// the feeds. What the logs have of the window's contents was read with it.
func (l *Library) lines(held map[int64]heldContent, originals map[entry]int64, at map[entente.ObjectID]*entente.Matter) error {
	if len(held) == 0 || len(l.numbers) == 0 {
		return nil
	}
	all := map[entry]entente.Line{} // of the accept logs
	each := func(feed int64, x entente.Line) {
		h := held[x.Content]
		m := at[h.id]
		if place, ok := l.feeds[feed]; ok {
			of := x.Content
			if o, ok := originals[entry{feed, x.Seq}]; ok {
				of = o
			}
			if e := (entente.Standing{Place: place, Line: x, Of: of, Spec: h.spec, Key: h.key}); x.Gone == 0 {
				m.Standing = append(m.Standing, e)
			} else {
				m.HasLeft(e)
			}
			return
		}
		if l.moves {
			all[entry{feed, x.Seq}] = x
		}
		place := l.logs[feed]
		if x.Seq > l.settled[place] || x.Gone != 0 && x.Gone <= l.settled[place] {
			return
		}
		m.Submissions = append(m.Submissions, entente.Submission{Place: place, Seq: x.Seq, Content: x.Content, Key: h.key, Source: x.Source,
			Arrived: x.Added, Step: l.step(place, x.Seq)})
	}
	var known, others []int64
	for content := range held {
		lines, ok := l.w.lines[content]
		if !ok {
			others = append(others, content)
			continue
		}
		if !l.standing.none(held[content].id) {
			known = append(known, content)
		}
		for _, x := range lines {
			each(x.log, x.Line)
		}
	}
	for _, of := range []struct{ contents, feeds []int64 }{{known, l.feedNumbers()}, {others, l.numbers}} {
		if len(of.contents) == 0 {
			continue
		}
		slices.Sort(of.contents)
		if err := l.t.carried(l.ctx, of.contents, of.feeds, each); err != nil {
			return err
		}
	}
	if err := l.unmove(at, all); err != nil {
		return err
	}
	var submissions []*entente.Submission
	for _, m := range at {
		sortMatter(m)
		for i := range m.Submissions {
			submissions = append(submissions, &m.Submissions[i])
		}
	}
	return l.origins(submissions)
}

// unmove has submissions that came into view again stand where they came first.
func (l *Library) unmove(at map[entente.ObjectID]*entente.Matter, all map[entry]entente.Line) error {
	if !l.moves {
		return nil
	}
	seqs := map[int64]bool{}
	for e := range all {
		seqs[e.seq] = true
	}
	d := l.t.s.d
	in, arg := d.ints("$1", keysOf(seqs))
	rows, err := l.t.query(l.ctx, `SELECT feed, seq, before FROM moved WHERE seq IN `+in, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	before := map[entry]int64{}
	for rows.Next() {
		var e entry
		var seq int64
		if err := rows.Scan(&e.feed, &e.seq, &seq); err != nil {
			return err
		}
		before[e] = seq
	}
	for _, m := range at {
		for i := range m.Submissions {
			s := &m.Submissions[i]
			for log := l.a.Feeds[s.Place].Log; before[entry{log, s.Seq}] != 0; {
				first, ok := all[entry{log, before[entry{log, s.Seq}]}]
				if !ok || first.Content != s.Content {
					break
				}
				s.Seq, s.Arrived, s.Step = first.Seq, first.Added, l.step(s.Place, first.Seq)
			}
		}
	}
	return rows.Err()
}

// step is which step of the window brings a line of an accept log, 0 for none.
func (l *Library) step(place int, seq int64) int {
	if seq <= l.w.From[place] || seq > l.w.UpTo[place] {
		return 0
	}
	for _, b := range l.w.Batches[place] {
		if seq <= b.Last {
			return b.Step
		}
	}
	return 0
}
