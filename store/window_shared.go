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

// Positions are by place the positions of the logs before the first step, and after each.
func (w *Window) Positions() [][]int64 {
	if len(w.Steps) == 0 { // another step, which moves nothing
		return [][]int64{w.From, w.From}
	}
	all := make([][]int64, 1+len(w.Steps))
	all[0] = w.From
	out := all[1:]
	for i := range out {
		out[i] = slices.Clone(w.From)
	}
	for place, batches := range w.Batches {
		for k, b := range batches {
			to := len(out)
			if k+1 < len(batches) {
				to = batches[k+1].Step - 1
			}
			for i := b.Step - 1; i < to; i++ {
				out[i][place] = b.Last
			}
		}
	}
	return all
}

// Size is about how many bytes of memory the window takes.
func (w *Window) Size() int { return 4096 + w.size + 1000*len(w.versions) }

// logged is a line of an accept log.
type logged struct {
	log int64
	entente.Line
}

// arrivedIn is what a window was read from: contents, and the lines that brought them.
type arrivedIn struct {
	contents map[int64]heldContent
	lines    map[int64][]logged
	names    map[int64]string // of the sources, by number
}

func (in *arrivedIn) add(log int64, x *arrival) {
	in.contents[x.held.content] = x.held
	if name, ok := in.names[x.source]; ok { // else it is damage, and as if it were not there
		x.line.Source = name
		in.lines[x.held.content] = append(in.lines[x.held.content], logged{log, x.line})
	}
}

// gather finds all contents of the objects in a window, and all lines of the covered logs
// that carry them. Nearly always what has arrived is all there is; the indexes tell where it
// is not.
func (t *Tx) gather(ctx context.Context, w *Window, a *entente.Agreement, arrived arrivedIn) error {
	for _, c := range arrived.contents {
		if all, ok := w.contents[c.id]; ok { // else it is of a batch that is left for later
			w.contents[c.id] = append(all, c)
		}
	}
	single := make([]int64, 0, len(w.contents))
	for id, all := range w.contents {
		if len(all) == 1 {
			single = append(single, id.Fold())
		}
	}
	several, err := t.notOne(ctx, single, `SELECT COUNT(*) FROM content c WHERE c.okey = m.n`)
	if err != nil {
		return err
	}
	var again []entente.ObjectID
	for id, all := range w.contents {
		if _, more := several[id.Fold()]; more || len(all) != 1 {
			again, w.contents[id] = append(again, id), nil
		}
	}
	if len(again) > 0 {
		err = t.contentsOf(ctx, again, func(c heldContent) {
			if all, ok := w.contents[c.id]; ok { // else another id of the same fold
				w.contents[c.id] = append(all, c)
			}
		})
	}
	if err != nil {
		return err
	}
	return t.gatherLines(ctx, w, a, arrived)
}

func (t *Tx) gatherLines(ctx context.Context, w *Window, a *entente.Agreement, arrived arrivedIn) error {
	w.lines = make(map[int64][]logged, len(w.contents))
	var logs, single, again []int64
	for _, f := range a.Feeds {
		logs = append(logs, f.Log)
	}
	for _, all := range w.contents {
		for _, c := range all {
			if lines := arrived.lines[c.content]; len(lines) == 1 {
				single, w.lines[c.content] = append(single, c.content), lines
			} else {
				again = append(again, c.content)
			}
		}
	}
	of, arg := t.s.d.among("l.feed", "$2", logs)
	several, err := t.notOne(ctx, single, `SELECT COUNT(*) FROM line l`+t.s.d.by("line_content")+` WHERE l.content = m.n AND `+of, arg)
	for content := range several {
		delete(w.lines, content)
		again = append(again, content)
	}
	if err != nil || len(again) == 0 {
		return err
	}
	slices.Sort(again)
	return t.carried(ctx, again, logs, func(feed int64, x entente.Line) {
		w.lines[x.Content] = append(w.lines[x.Content], logged{feed, x})
	})
}

// notOne finds for which of some numbers a count is not 1. It is a query that gives it for
// m.n, with the parameters from $2 on.
func (t *Tx) notOne(ctx context.Context, set []int64, count string, args ...any) (map[int64]struct{}, error) {
	if len(set) == 0 {
		return nil, nil
	}
	slices.Sort(set) // as the index lies
	in, arg := t.s.d.ints("$1", set)
	found, err := t.numbers(ctx, `SELECT m.n FROM `+in+` AS m WHERE (`+count+`) <> 1`, append([]any{arg}, args...)...)
	out := make(map[int64]struct{}, len(found))
	for _, n := range found {
		out[n] = struct{}{}
	}
	return out, err
}

// carried reads the lines of some feeds that carry some contents.
func (t *Tx) carried(ctx context.Context, contents, feeds []int64, each func(feed int64, x entente.Line)) error {
	from, where, args := t.s.d.carrying(contents, feeds)
	rows, err := t.query(ctx, `SELECT l.feed, l.seq, l.content, o.id, `+addedOf+`, l.gone, l.newer, l.later, l.rival
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
