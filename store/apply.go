package store

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"entente"
)

var contentBulk = bulk{
	table: "content",
	columns: []column{{"content", "bigint"}, {"okey", "bigint"}, {"micros", "bigint"}, {"rest", "text"}, {"digest", "bytea"},
		{"id", "text"}, {"spec", "bigint"}, {"stamp", "text"}, {"body", "bytea"}, {"salt", "bytea"}},
	conflict: "okey, micros, rest, digest",
}

var lineBulk = bulk{
	table: "line",
	columns: []column{{"feed", "bigint"}, {"seq", "bigint"}, {"content", "bigint"}, {"source", "bigint"}, {"added", "bigint"}, {"type", "bigint"},
		{"spec", "bigint"}, {"gone", "bigint"}, {"newer", "bigint"}, {"later", "bigint"}, {"rival", "bigint"}},
}

var movedBulk = bulk{table: "moved", columns: []column{{"feed", "bigint"}, {"seq", "bigint"}, {"before", "bigint"}}}

// Apply writes what a decision wants written.
func (t *Tx) Apply(ctx context.Context, c entente.Change) error {
	for _, step := range []func(context.Context, entente.Change) error{
		t.applyHome, t.applyOrganisation, t.applyRoot, t.applyContents, t.applyLines, t.applyMarks, t.applyCollection, t.applyAccount, t.applyMandates, t.applyInterest, t.applyStop, t.applyGaps, t.applyCertificate, t.applyStatus, t.applyRemote,
		t.applyAgreement, t.applyTouch, t.applyDecisions, t.applyLogs, t.applyPreserved, t.applyErasure, t.applyRetain, t.eraseEvents, t.applyWitnessing, t.applyReview,
	} {
		if err := step(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) applyHome(ctx context.Context, c entente.Change) error {
	if h := c.Home; h != nil {
		if _, err := t.exec(ctx, `INSERT INTO organisation (num, id, name, home, created) VALUES ($1, $2, $3, $4, $5)`, h.Num, h.ID, h.Name, number(h.Home), h.Created); err != nil {
			return err
		}
	}
	for _, s := range c.Settings {
		if _, err := t.exec(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, s.Name, s.Value); err != nil {
			return err
		}
	}
	return nil
}

// typeKey is the number that stands for an object type in indexes. Two types may share
// one; whoever finds by it compares the type.
func typeKey(name string) int64 { return entente.ObjectID(name).Fold() >> 32 }

func (t *Tx) applyContents(ctx context.Context, c entente.Change) error {
	written, err := t.putContents(ctx, c.Contents)
	if err == nil && written != int64(len(c.Contents)) {
		return errAgain // another process stored one of them first: its number counts
	}
	return err
}

// putContents stores contents, but for those that are there under another number, and
// tells how many it stored.
func (t *Tx) putContents(ctx context.Context, all []entente.NewContent) (int64, error) {
	if len(all) == 0 {
		return 0, nil
	}
	rows := make([][]any, len(all))
	for i, n := range all {
		if n.Salt == nil {
			n.Salt = make([]byte, entente.SaltSize)
			if _, err := rand.Read(n.Salt); err != nil {
				return 0, err
			}
		}
		v, key := n.Version, n.Version.Key()
		rows[i] = []any{n.Content, v.ID.Fold(), key.Micros, key.Rest, v.Digest[:], string(v.ID), int64(v.Spec), v.Stamp().Text, v.Bytes, n.Salt}
	}
	return t.s.d.insert(ctx, t, contentBulk, rows)
}

func (t *Tx) applyLines(ctx context.Context, c entente.Change) error {
	if c.Head == 0 {
		return nil
	}
	if err := t.putLines(ctx, c); err != nil {
		return err
	}
	if err := t.putBatches(ctx, c); err != nil {
		return err
	}
	var moved [][]any
	for _, l := range c.Lines {
		if l.Before != 0 {
			moved = append(moved, []any{c.Feed, l.Seq, l.Before})
		}
	}
	if len(moved) > 0 {
		if _, err := t.s.d.insert(ctx, t, movedBulk, moved); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `UPDATE feed SET head = $2, added = $3 WHERE feed = $1`, c.Feed, c.Head, c.Added)
	return err
}

// putLines appends lines to a feed.
func (t *Tx) putLines(ctx context.Context, c entente.Change) error {
	if len(c.Lines) == 0 {
		return nil
	}
	orgs, err := t.organisations(ctx)
	if err != nil {
		return err
	}
	rows := make([][]any, len(c.Lines))
	for i, l := range c.Lines {
		rows[i] = []any{c.Feed, l.Seq, l.Content, orgs[l.Source], l.Added, typeKey(l.Type), int64(l.Of), l.Gone, l.Newer, l.Line.Spec, l.Rival}
	}
	_, err = t.s.d.insert(ctx, t, lineBulk, rows)
	return err
}

func (t *Tx) applyMarks(ctx context.Context, c entente.Change) error {
	for field, name := range map[entente.MarkField]string{entente.MarkGone: "gone", entente.MarkNewer: "newer", entente.MarkSpec: "later"} {
		var pairs [][2]int64
		for _, m := range c.Marks {
			if m.Field == field {
				pairs = append(pairs, [2]int64{m.Seq, m.At})
			}
		}
		if len(pairs) == 0 {
			continue
		}
		if err := t.s.d.marks(ctx, t, c.Feed, name, pairs); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) applyCollection(ctx context.Context, c entente.Change) error {
	if k := c.Collection; k != nil {
		if _, err := t.exec(ctx, `INSERT INTO collection (id, feed, root, name, alias, description, floor, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, alias = excluded.alias, description = excluded.description, floor = excluded.floor`,
			k.ID, k.Feed, k.Root, k.Name, k.Alias, k.Description, int64(k.Floor), k.Created); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO feed (feed, head, added) VALUES ($1, 0, 0) ON CONFLICT (feed) DO NOTHING`, k.Feed); err != nil {
			return err
		}
	}
	if id := c.RemoveCollection; id != "" {
		for _, q := range []string{
			`INSERT INTO sweep (feed) SELECT feed FROM collection WHERE id = $1`,
			`DELETE FROM feed WHERE feed IN (SELECT feed FROM collection WHERE id = $1)`,
			`DELETE FROM permission WHERE collection = $1`,
			`DELETE FROM remote WHERE collection = $1`,
			`DELETE FROM collection WHERE id = $1`,
		} {
			if _, err := t.exec(ctx, q, id); err != nil {
				return err
			}
		}
	}
	if g := c.Grant; g != nil {
		if _, err := t.exec(ctx, `DELETE FROM permission WHERE account = $1 AND collection = $2`, g.Account, g.Collection); err != nil {
			return err
		}
		if !g.Read && !g.Write {
			return nil
		}
		_, err := t.exec(ctx, `INSERT INTO permission (account, collection, can_read, can_write) VALUES ($1, $2, $3, $4)`,
			g.Account, g.Collection, number(g.Read), number(g.Write))
		return err
	}
	return nil
}

func (t *Tx) applyAccount(ctx context.Context, c entente.Change) error {
	if a := c.Account; a != nil {
		if _, err := t.exec(ctx, `INSERT INTO account (id, name, organisation, service, disabled, password, created)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET disabled = excluded.disabled, password = excluded.password`,
			a.ID, a.Name, a.Organisation, number(a.Service), number(a.Disabled), a.PasswordHash, a.Created); err != nil {
			return err
		}
	}
	if k := c.Token; k != nil {
		if _, err := t.exec(ctx, `INSERT INTO token (id, account, hash, note, created, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
			k.ID, k.Account, k.Hash[:], k.Note, k.Created, k.Expires); err != nil {
			return err
		}
	}
	if c.RemoveToken != "" {
		_, err := t.exec(ctx, `DELETE FROM token WHERE id = $1`, c.RemoveToken)
		return err
	}
	return nil
}

func (t *Tx) applyStatus(ctx context.Context, c entente.Change) error {
	st := c.Status
	if st == nil {
		return nil
	}
	body, err := json.Marshal(st)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO status (id, account, root, requested, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET body = excluded.body`, st.ID, st.Account, st.Root, st.Requested, body)
	return err
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
