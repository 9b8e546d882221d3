package store

import (
	"context"
	"encoding/json"
	"slices"

	"entente"
)

// preservedNow tells in SQL that the object of a content c is preserved.
const preservedNow = `EXISTS (SELECT 1 FROM preserved p WHERE p.okey = c.okey AND p.object = c.id AND p.lifted = 0)`

// applyPreserved puts holds on objects.
func (t *Tx) applyPreserved(ctx context.Context, c entente.Change) error {
	for _, p := range c.Preserved {
		body, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO preserved (id, reference, okey, object, lifted, body) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET lifted = excluded.lifted, body = excluded.body`,
			p.ID, p.Case, p.Object.Fold(), string(p.Object), p.Lifted, body); err != nil {
			return err
		}
		if p.Holds() {
			continue
		}
		if _, err := t.exec(ctx, `INSERT INTO unpreserved (object) VALUES ($1) ON CONFLICT (object) DO NOTHING`, string(p.Object)); err != nil {
			return err
		}
	}
	return nil
}

// applyLogs moves more feeds than one.
func (t *Tx) applyLogs(ctx context.Context, c entente.Change) error {
	for _, l := range c.Logs {
		if err := t.applyLines(ctx, l); err != nil {
			return err
		}
		if err := t.applyMarks(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// Preserved lists the holds on some objects, oldest first, those that were lifted too; on all
// objects where none is given.
func (t *Tx) Preserved(ctx context.Context, ids []entente.ObjectID) ([]entente.Preserved, error) {
	return ordered(bodies[entente.Preserved](ctx, t, `SELECT body FROM preserved WHERE `, ids))
}

// PreservedUnder lists the holds under a case, oldest first, those that were lifted too.
func (t *Tx) PreservedUnder(ctx context.Context, reference string) ([]entente.Preserved, error) {
	return ordered(jsonRows[entente.Preserved](ctx, t, `SELECT body FROM preserved WHERE reference = $1 ORDER BY id`, reference))
}

func ordered(all []entente.Preserved, err error) ([]entente.Preserved, error) {
	slices.SortStableFunc(all, func(a, b entente.Preserved) int { return int(min(max(a.At-b.At, -1), 1)) })
	return all, err
}

// preserveFacts reads what a command rests on that preserves objects, or lifts that. Preserving
// and erasing wait for each other.
func (t *Tx) preserveFacts(ctx context.Context, f *entente.Facts, c entente.Command) (err error) {
	if err := t.holdPeople(ctx); err != nil {
		return err
	}
	k := &entente.Keeping{}
	f.Keeping = k
	var ids []entente.ObjectID
	switch c := c.(type) {
	case entente.PreserveObjects:
		if len(c.Objects) == 0 || len(c.Objects) > entente.MaxPreserve {
			return nil
		}
		ids = c.Objects
		if k.Preserved, err = t.Preserved(ctx, ids); err != nil {
			return err
		}
		if k.Missing, err = t.notHeld(ctx, ids); err != nil {
			return err
		}
	case entente.AskLiftPreserve:
		k.Preserved, err = t.PreservedUnder(ctx, c.Case)
	case entente.LiftPreserve:
		k.Preserved, err = t.PreservedUnder(ctx, c.Case)
	}
	if err != nil {
		return err
	}
	if ids == nil {
		for _, p := range k.Preserved {
			ids = append(ids, p.Object)
		}
	}
	k.Sources, err = t.suppliers(ctx, ids)
	return err
}

// notHeld lists those of some objects of which nothing is stored. What is stored of the others
// is not deleted before the transaction ends.
func (t *Tx) notHeld(ctx context.Context, ids []entente.ObjectID) ([]entente.ObjectID, error) {
	in, arg := t.s.d.ints("$1", folds(ids))
	found, err := t.strings(ctx, `SELECT id FROM content WHERE okey IN `+in+t.s.d.share, arg)
	if err != nil {
		return nil, err
	}
	have := map[entente.ObjectID]bool{}
	for _, id := range found {
		have[entente.ObjectID(id)] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id entente.ObjectID) bool { return have[id] }), nil
}

// suppliers lists the organisations that have put some objects into collections.
func (t *Tx) suppliers(ctx context.Context, ids []entente.ObjectID) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	in, arg := t.s.d.ints("$1", folds(ids))
	return t.strings(ctx, `SELECT DISTINCT o.id FROM content c JOIN line l`+t.s.d.by("line_content")+` ON l.content = c.content
		JOIN organisation o ON o.num = l.source WHERE c.okey IN `+in, arg)
}

// sweepUnpreserved takes away the contents of objects which are preserved no more, as far as no
// line carries them: they were kept for that alone.
func (t *Tx) sweepUnpreserved(ctx context.Context, limit int, out *Swept) error {
	objects, err := t.strings(ctx, `SELECT object FROM unpreserved ORDER BY object LIMIT $1`, limit)
	if err != nil || len(objects) == 0 {
		return err
	}
	out.More = len(objects) == limit
	for _, object := range objects {
		id := entente.ObjectID(object)
		contents, err := t.contentsKept(ctx, id)
		if err != nil {
			return err
		}
		var numbers []int64
		for _, c := range contents {
			numbers = append(numbers, c.Content)
		}
		dropped, err := t.dropOrphans(ctx, numbers)
		if err != nil {
			return err
		}
		out.Contents = append(out.Contents, dropped...)
		if _, err := t.exec(ctx, `DELETE FROM unpreserved WHERE object = $1`, object); err != nil {
			return err
		}
	}
	return nil
}
