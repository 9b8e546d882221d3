package store

import (
	"context"
	"slices"

	"entente"
)

// What a window holds of the accept logs is bound to positions: lines come to stand behind
// the heads that it was read at, and what leaves a log does so beyond them. So it says the
// same at any later time, for whoever judges the logs no further than they were known.

// Serves tells whether the window is what comes next for an agreement that judges its logs up
// to some positions; counts are those up to which submissions count, nil for what the window
// itself holds.
func (w *Window) Serves(upTo, counts []int64) bool {
	for place, at := range w.UpTo {
		if at > upTo[place] || counts != nil && counts[place] > w.known[place] {
			return false
		}
	}
	return true
}

// Ends tells whether nothing comes after the window up to some positions.
func (w *Window) Ends(upTo []int64) bool {
	for place, at := range w.UpTo {
		if at < upTo[place] {
			return false
		}
	}
	return true
}

// Anew is the window for who judges the logs all over again: what comes later in them
// counts already.
func (w *Window) Anew() *Window {
	own := *w
	own.Batches = make([][]BatchEnd, len(w.From))
	return &own
}

// Reach is the greatest number of a content that has arrived in the window.
func (w *Window) Reach() int64 { return w.reach }

// Positions are by step and place the positions of the logs that the step ends at.
func (w *Window) Positions() [][]int64 {
	if len(w.Steps) == 0 { // other steps, which move nothing
		return [][]int64{w.From}
	}
	out := make([][]int64, len(w.Steps))
	for i := range out {
		out[i] = slices.Clone(w.From)
	}
	for place, all := range w.Batches {
		for k, b := range all {
			to := len(out)
			if k+1 < len(all) {
				to = all[k+1].Step - 1
			}
			for i := b.Step - 1; i < to; i++ {
				out[i][place] = b.Last
			}
		}
	}
	return out
}

// Size is about how many bytes of memory the window takes.
func (w *Window) Size() int { return 4096 + w.size + 1000*len(w.versions) }

// logged is a line of an accept log.
type logged struct {
	log int64
	entente.Line
}

// gather finds all contents of the objects in a window, and gives their numbers. Those that
// have arrived in it are known; others are few, and a look at the index tells whether there
// are any.
func (t *Tx) gather(ctx context.Context, w *Window, arrived map[int64]heldContent, several *Several) ([]int64, error) {
	var others, out []int64
	each := func(c heldContent) {
		if all, ok := w.contents[c.id]; ok { // else another id of the same fold, or of a batch that is left for later
			w.contents[c.id] = append(all, c)
			out = append(out, c.content)
		}
	}
	if several != nil {
		for _, c := range arrived {
			if !several.has(c.id) {
				each(c)
			}
		}
	}
	ids := make([]entente.ObjectID, 0, len(w.contents))
	for id, all := range w.contents {
		if len(all) == 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	in, arg := t.s.d.ints("$1", folds(ids))
	contents, err := t.numbers(ctx, `SELECT content FROM content WHERE okey IN `+in, arg)
	if err != nil {
		return nil, err
	}
	for _, content := range contents {
		if c, ok := arrived[content]; ok {
			each(c)
		} else {
			others = append(others, content)
		}
	}
	if len(others) == 0 {
		return out, nil
	}
	in, arg = t.s.d.ints("$1", others)
	err = t.contentsWhere(ctx, `content IN `+in, arg, each)
	return out, err
}

// Several tells of which objects the store has several contents: those of any other that has
// arrived need not be looked for. Where all of a log is read, that is most of the work.
type Several struct{ folds map[int64]struct{} }

// has may be true of an object of the same fold as one of those.
func (s *Several) has(id entente.ObjectID) bool {
	_, ok := s.folds[id.Fold()]
	return ok
}

// maxSeveral bounds what is remembered of such objects: some 20 bytes each.
const maxSeveral = 1_000_000

// Several reads through all contents if what is to be read of accept logs, up to some
// positions, is a great part of them; nil if not.
func (t *Tx) Several(ctx context.Context, upTo []int64) (*Several, error) {
	var lines int64
	for _, at := range upTo {
		lines += at
	}
	last, err := t.numbers(ctx, `SELECT content FROM content ORDER BY content DESC LIMIT 1`)
	if err != nil || len(last) == 0 || lines < last[0]/8 {
		return nil, err
	}
	folds, err := t.numbers(ctx, `SELECT okey FROM content GROUP BY okey HAVING COUNT(*) > 1 LIMIT $1`, maxSeveral+1)
	if err != nil || len(folds) > maxSeveral {
		return nil, err
	}
	s := &Several{make(map[int64]struct{}, len(folds))}
	for _, fold := range folds {
		s.folds[fold] = struct{}{}
	}
	return s, nil
}

// loggedOf reads the lines of the covered accept logs that carry some contents.
func (t *Tx) loggedOf(ctx context.Context, a *entente.Agreement, contents []int64) (map[int64][]logged, error) {
	var logs []int64
	for _, f := range a.Feeds {
		logs = append(logs, f.Log)
	}
	out := make(map[int64][]logged, len(contents))
	slices.Sort(contents)
	return out, t.carried(ctx, contents, logs, func(feed int64, x entente.Line) {
		out[x.Content] = append(out[x.Content], logged{feed, x})
	})
}

// carried reads the lines of some feeds that carry some contents.
func (t *Tx) carried(ctx context.Context, contents, feeds []int64, each func(feed int64, x entente.Line)) error {
	from, where, args := t.s.d.carrying(contents, feeds)
	rows, err := t.query(ctx, `SELECT l.feed, l.seq, l.content, o.id, l.added, l.gone, l.newer, l.later, l.rival
		FROM `+from+` JOIN organisation o ON o.num = l.source`+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var feed int64
		var x entente.Line
		if err := rows.Scan(&feed, &x.Seq, &x.Content, &x.Source, &x.Added, &x.Gone, &x.Newer, &x.Spec, &x.Rival); err != nil {
			return err
		}
		each(feed, x)
	}
	return rows.Err()
}
