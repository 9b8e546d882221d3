package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"entente"
)

// applyErasure puts an erasure, marks what it is about, and removes bytes; and it keeps what
// was said of what is not taken in again.
func (t *Tx) applyErasure(ctx context.Context, c entente.Change) error {
	for _, s := range c.Said {
		said, err := json.Marshal(s.Versioning)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE erased SET said = $2 WHERE content = $1`, s.Content, said); err != nil {
			return err
		}
	}
	e := c.Erasure
	if e == nil {
		return nil
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO erasure (id, okey, object, confirmed, cleared, body) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET confirmed = excluded.confirmed, cleared = excluded.cleared, body = excluded.body`,
		e.ID, e.Object.Fold(), string(e.Object), e.Confirmed, e.Cleared, body); err != nil {
		return err
	}
	for _, content := range c.Erasing {
		if _, err := t.exec(ctx, `INSERT INTO erased (content, erasure, removed, said) VALUES ($1, $2, 0, $3) ON CONFLICT (content) DO NOTHING`, content, e.ID, []byte{}); err != nil {
			return err
		}
	}
	return t.emptyContents(ctx, c.Empty, e)
}

// emptyContents takes away everything that tells what was in some contents. That there were
// contents of that id, version and digest stays. Whatever else comes to hang on a content and
// gives it away is emptied here, and nowhere else.
func (t *Tx) emptyContents(ctx context.Context, contents []entente.Emptied, e *entente.Erasure) error {
	if len(contents) == 0 {
		return nil
	}
	// What was judged before, and is not written yet, may carry a copy of them: it is judged anew.
	if _, err := t.exec(ctx, `UPDATE agreement SET touches = touches + 1 WHERE state <> 'ended'`); err != nil {
		return err
	}
	return t.overwriting(ctx, func() error {
		for _, c := range contents {
			if err := t.keepCommitments(ctx, c.Content); err != nil {
				return err
			}
			// Without the salt nobody can tell of a commitment that it was to these bytes.
			if _, err := t.exec(ctx, `UPDATE content SET body = substr(body, 1, 0), salt = $2 WHERE content = $1`, c.Content, append([]byte{}, c.Salt...)); err != nil {
				return err
			}
			if _, err := t.exec(ctx, `DELETE FROM dissent WHERE content = $1`, c.Content); err != nil {
				return err
			}
			if _, err := t.exec(ctx, `INSERT INTO erased (content, erasure, removed, said) VALUES ($1, $2, $3, $4)
				ON CONFLICT (content) DO UPDATE SET removed = excluded.removed`, c.Content, e.ID, e.Removed, []byte{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// overwriting has the engine overwrite what f deletes, pages that become free included, where
// it would leave it in the file otherwise.
func (t *Tx) overwriting(ctx context.Context, f func() error) error {
	if t.s.d.overwrite == "" {
		return f()
	}
	if _, err := t.strings(ctx, t.s.d.overwrite); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	_, err := t.strings(ctx, t.s.d.overwriteLess)
	return err
}

// ClearIndexed takes the contents of an erasure out of the index, and overwrites what it had
// of them. Whoever calls it holds the job of the follower, which may else bring them again.
func (t *Tx) ClearIndexed(ctx context.Context, contents []int64) error {
	return t.overwriting(ctx, func() error {
		if err := t.DropIndexed(ctx, Swept{Contents: contents}); err != nil || t.s.d.squeeze == "" {
			return err
		}
		_, err := t.exec(ctx, t.s.d.squeeze)
		return err
	})
}

// Flush takes out of the engine's journals what has been overwritten since. It reports whether
// it could: not while readers look at an older state. Where the engine's journals are kept
// elsewhere (archives, replicas), they are the operator's.
func (s *Store) Flush(ctx context.Context) (bool, error) {
	if s.d.flush == "" {
		return true, nil
	}
	for _, on := range []side{s.write, s.index, s.inbox} {
		var busy, all, done int
		if err := on.db.QueryRowContext(ctx, s.d.flush).Scan(&busy, &all, &done); err != nil || busy != 0 {
			return false, s.wrap(err)
		}
	}
	return true, nil
}

// Erasures lists the erasures of some objects, by id; of all objects where none is given.
func (t *Tx) Erasures(ctx context.Context, ids []entente.ObjectID) ([]entente.Erasure, error) {
	return bodies[entente.Erasure](ctx, t, `SELECT body FROM erasure WHERE `, ids)
}

// ErasuresUnderWay lists the erasures that were confirmed and are not done.
func (t *Tx) ErasuresUnderWay(ctx context.Context) ([]entente.Erasure, error) {
	return jsonRows[entente.Erasure](ctx, t, `SELECT body FROM erasure WHERE confirmed <> 0 AND cleared = 0 ORDER BY id`)
}

// ErasedBy lists the contents whose bytes an erasure removed.
func (t *Tx) ErasedBy(ctx context.Context, erasure string) ([]int64, error) {
	return t.numbers(ctx, `SELECT content FROM erased WHERE erasure = $1 AND removed <> 0 ORDER BY content`, erasure)
}

// erasureFacts reads what the steps of an erasure rest on.
func (t *Tx) erasureFacts(ctx context.Context, f *entente.Facts, c entente.Command) (err error) {
	if err := t.holdPeople(ctx); err != nil {
		return err
	}
	k := &entente.Keeping{}
	f.Keeping = k
	var object entente.ObjectID
	var id, event string
	switch c := c.(type) {
	case entente.ProposeErasure:
		object, event = c.Object, c.Event
	case entente.ConfirmErasure:
		id = c.Erasure
	case entente.RemoveBytes:
		id = c.Erasure
	case entente.NoteCleared:
		id = c.Erasure
	}
	if id != "" {
		if k.Erasure, err = first(jsonRows[entente.Erasure](ctx, t, `SELECT body FROM erasure WHERE id = $1`, id)); err != nil || k.Erasure == nil {
			return err
		}
		object, event = k.Erasure.Object, k.Erasure.Event
	}
	if event != "" {
		k.Event, err = first(t.keptEvents(ctx, []string{event}))
		return err
	}
	if k.Preserved, err = t.Preserved(ctx, []entente.ObjectID{object}); err != nil {
		return err
	}
	switch c.(type) {
	case entente.NoteCleared:
		return nil
	case entente.RemoveBytes:
		working, err := t.numbers(ctx, `SELECT num FROM agreement WHERE length(work) > 0 LIMIT 1`)
		k.Working = len(working) > 0
		if err != nil {
			return err
		}
		return t.keptContents(ctx, k, object, t.s.d.hold)
	case entente.ConfirmErasure:
		if err := t.logFacts(ctx, f, object); err != nil {
			return err
		}
		if err := t.dissentFacts(ctx, f, []*entente.Version{{ID: object, Type: object.Type()}}); err != nil {
			return err
		}
	}
	if k.Sources, err = t.suppliers(ctx, []entente.ObjectID{object}); err != nil {
		return err
	}
	f.Case = &entente.Case{Object: object}
	if err := t.concernsOfAll(ctx, f.Case); err != nil {
		return err
	}
	return t.keptContents(ctx, k, object, t.s.d.hold)
}

// logFacts holds the collections in which an object stands or stood, and reads what they have
// of it, as for a deletion from each.
func (t *Tx) logFacts(ctx context.Context, f *entente.Facts, object entente.ObjectID) error {
	collections, err := t.strings(ctx, `SELECT id FROM collection WHERE feed IN (SELECT l.feed FROM content c JOIN line l`+t.s.d.by("line_content")+`
		ON l.content = c.content WHERE c.okey = $1 AND c.id = $2) ORDER BY feed`, object.Fold(), string(object))
	if err != nil {
		return err
	}
	for _, id := range collections {
		one := entente.Facts{Actor: f.Actor, Home: f.Home}
		if err := t.deleteFacts(ctx, &one, entente.DeleteObject{Collection: id, Object: object}); err != nil {
			return err
		}
		if one.Collection != nil {
			f.Keeping.Logs = append(f.Keeping.Logs, entente.LogFacts{Collection: *one.Collection, Known: one.Known[object], Owners: one.Owners, Batches: one.Batches})
		}
	}
	return nil
}

// keptContents reads all contents of an object, with all lines that carry them. Hold ends the
// query of the contents: see [dialect].
func (t *Tx) keptContents(ctx context.Context, k *entente.Keeping, object entente.ObjectID, hold string) error {
	rows, err := t.query(ctx, `SELECT content, digest, salt, stamp, length(body) FROM content WHERE okey = $1 AND id = $2 ORDER BY content`+hold, object.Fold(), string(object))
	if err != nil {
		return err
	}
	defer rows.Close()
	at := map[int64]int{}
	for rows.Next() {
		var c entente.KeptContent
		var digest []byte
		var size int64
		if err := rows.Scan(&c.Content, &digest, &c.Salt, &c.Stamp, &size); err != nil {
			return err
		}
		copy(c.Digest[:], digest)
		c.Erased = size == 0
		at[c.Content] = len(k.Contents)
		k.Contents = append(k.Contents, c)
	}
	if err := rows.Err(); err != nil || len(at) == 0 {
		return err
	}
	rows.Close()
	in, arg := t.s.d.ints("$1", keysOf(at))
	if err := t.pairs(ctx, `SELECT DISTINCT content, original FROM stamped WHERE content IN `+in, []any{arg}, func(content, original int64) {
		c := &k.Contents[at[content]]
		c.Originals = append(c.Originals, original)
	}); err != nil {
		return err
	}
	if err := t.keptLines(ctx, in, arg, func(l entente.KeptLine) {
		c := &k.Contents[at[l.Content]]
		c.Lines = append(c.Lines, l)
		if l.Log {
			c.Stamp = cmp.Or(c.Stamp, entente.FormatMicros(l.Added))
		}
	}); err != nil {
		return err
	}
	for i := range k.Contents {
		slices.Sort(k.Contents[i].Originals)
	}
	return nil
}

// keptLines reads the lines of all feeds that carry some contents, by feed and position.
func (t *Tx) keptLines(ctx context.Context, in string, arg any, each func(entente.KeptLine)) error {
	rows, err := t.query(ctx, `SELECT l.seq, l.content, o.id, `+addedOf+`, l.gone, l.newer, l.later, l.rival, COALESCE(f.head, 0), COALESCE(k.feed, 0), COALESCE(a.state, '')
		FROM line l`+t.s.d.by("line_content")+` JOIN organisation o ON o.num = l.source LEFT JOIN feed f ON f.feed = l.feed LEFT JOIN collection k ON k.feed = l.feed
		LEFT JOIN release_feed r ON r.feed = l.feed LEFT JOIN agreement a ON a.num = r.agreement WHERE l.content IN `+in+` ORDER BY l.feed, l.seq`, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var l entente.KeptLine
		var log int64
		var state string
		if err := rows.Scan(&l.Seq, &l.Content, &l.Source, &l.Added, &l.Gone, &l.Newer, &l.Spec, &l.Rival, &l.Head, &log, &state); err != nil {
			return err
		}
		l.Log, l.Active = log != 0, entente.AgreementState(state) == entente.Active
		each(l)
	}
	return rows.Err()
}

// Submitted reads what was submitted of an object, without its bytes: not the stamped copies.
func (t *Tx) Submitted(ctx context.Context, object entente.ObjectID) ([]entente.KeptContent, error) {
	k := &entente.Keeping{}
	err := t.keptContents(ctx, k, object, "")
	return slices.DeleteFunc(k.Contents, func(c entente.KeptContent) bool { return !c.Submitted() }), err
}
