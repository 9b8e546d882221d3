package store

import (
	"context"
	"encoding/json"

	"entente"
	"entente/stix"
)

// dissentCounts is the condition under which a row d of dissent, by the line l of its content
// c and the organisation o that is its source, counts: that source has not struck it, and has
// no newer version of it in the same collection, which then says what it says.
const dissentCounts = `NOT EXISTS (SELECT 1 FROM strike s WHERE s.okey = c.okey AND s.object = d.object AND s.organisation = o.id)
	AND NOT EXISTS (SELECT 1 FROM content n JOIN line m ON m.content = n.content WHERE n.okey = c.okey AND n.id = c.id
		AND m.feed = l.feed AND m.source = l.source AND m.gone = 0 AND (n.micros > c.micros OR n.micros = c.micros AND n.rest > c.rest))`

var dissentBulk = bulk{
	table:    "dissent",
	columns:  []column{{"okey", "bigint"}, {"content", "bigint"}, {"about", "text"}, {"object", "text"}},
	conflict: "okey, content",
}

// applyDissent adds what contents dissent from, and strikes.
func (t *Tx) applyDissent(ctx context.Context, c entente.Change) error {
	if len(c.Dissent) > 0 {
		rows := make([][]any, 0, len(c.Dissent))
		type key struct{ okey, content int64 }
		seen := map[key]bool{}
		for _, d := range c.Dissent {
			if k := (key{d.About.Fold(), d.Content}); !seen[k] { // a batch may bring one twice
				seen[k] = true
				rows = append(rows, []any{k.okey, k.content, string(d.About), string(d.Dissent)})
			}
		}
		if _, err := t.s.d.insert(ctx, t, dissentBulk, rows); err != nil {
			return err
		}
	}
	s := c.Strike
	if s == nil {
		return nil
	}
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO strike (id, okey, object, organisation, body) VALUES ($1, $2, $3, $4, $5)`,
		s.ID, s.Object.Fold(), string(s.Object), s.Organisation, body)
	return err
}

// Strikes lists the strikes of some opinions and notes, oldest first.
func (t *Tx) Strikes(ctx context.Context, ids []entente.ObjectID) ([]entente.Strike, error) {
	return bodies[entente.Strike](ctx, t, `SELECT body FROM strike WHERE `, ids)
}

// Dissents lists the opinions and notes that dissent from an object, or all that dissent where
// it is "", at most limit, by id. Those that count no more are among them.
func (t *Tx) Dissents(ctx context.Context, about entente.ObjectID, limit int) ([]entente.ObjectID, error) {
	q := &query{}
	text := `SELECT DISTINCT d.object FROM dissent d`
	if about != "" {
		text += ` WHERE d.okey = ` + q.arg(about.Fold()) + ` AND d.about = ` + q.arg(string(about))
	}
	found, err := t.strings(ctx, text+` ORDER BY d.object LIMIT `+q.arg(limit), q.args...)
	return objectIDs(found), err
}

// strikeFacts reads where dissent stands, whose it is, and whether home has struck it.
func (t *Tx) strikeFacts(ctx context.Context, f *entente.Facts, id entente.ObjectID) error {
	all, err := t.Strikes(ctx, []entente.ObjectID{id})
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Object == id && all[i].Organisation == f.Home.ID {
			f.Strike = &all[i]
		}
	}
	rows, err := t.query(ctx, `SELECT DISTINCT k.id, o.id FROM content c JOIN dissent d ON d.content = c.content JOIN line l`+t.s.d.by("line_content")+` ON l.content = c.content
		JOIN collection k ON k.feed = l.feed JOIN organisation o ON o.num = l.source WHERE c.okey = $1 AND c.id = $2 AND l.gone = 0`, id.Fold(), string(id))
	if err != nil {
		return err
	}
	defer rows.Close()
	var where [][2]string
	for rows.Next() {
		var at [2]string
		if err := rows.Scan(&at[0], &at[1]); err != nil {
			return err
		}
		where = append(where, at)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, at := range where {
		c, err := t.collectionByID(ctx, at[0])
		if err != nil {
			return err
		}
		g, err := t.grant(ctx, f.Actor.Account.ID, at[0])
		if err != nil {
			return err
		}
		f.Dissent = append(f.Dissent, entente.HeldDissent{Collection: *c, Grant: g, Source: at[1]})
	}
	f.Waiting, err = t.WaitingOn(ctx, nil, []entente.ObjectID{id})
	return err
}

// dissentFacts reads for which objects it matters that these versions come or go. For most
// batches, which have neither opinions nor notes, there is nothing to be read.
func (t *Tx) dissentFacts(ctx context.Context, f *entente.Facts, versions []*entente.Version) error {
	var about, ids []entente.ObjectID
	for _, v := range versions {
		about = append(about, v.Dissent...)
		if v.Type == "opinion" || v.Type == "note" {
			ids = append(ids, v.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var err error
	if f.Waiting, err = t.WaitingOn(ctx, about, ids); err != nil || f.Actor.Local || f.Actor.Account.Organisation == f.Home.ID {
		return err
	}
	for i := range f.Waiting {
		if f.Waiting[i].Creator, err = t.creator(ctx, f.Waiting[i].Object); err != nil {
			return err
		}
	}
	return nil
}

// WaitingOn lists the objects that wait in agreements: those among about, and those that wait
// for one of ids.
func (t *Tx) WaitingOn(ctx context.Context, about, ids []entente.ObjectID) ([]entente.WaitingObject, error) {
	q := &query{}
	rows, err := t.query(ctx, `SELECT p.agreement, c.id FROM pending p JOIN agreement a ON a.num = p.agreement JOIN content c ON c.content = p.content
			WHERE p.okey IN `+q.ints(t.s.d, folds(about))+`
		UNION SELECT w.agreement, c.id FROM agreement a JOIN awaits w ON w.agreement = a.num JOIN pending p ON p.feed = w.feed AND p.seq = w.seq
			JOIN content c ON c.content = p.content WHERE w.okey IN `+q.ints(t.s.d, folds(ids)), q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.WaitingObject
	for rows.Next() {
		var w entente.WaitingObject
		if err := rows.Scan(&w.Agreement, &w.Object); err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

// creator is the organisation whose identity the submission of an object names that came first
// of those that name any, "" where that is nobody known.
func (t *Tx) creator(ctx context.Context, id entente.ObjectID) (string, error) {
	held, err := t.Object(ctx, id)
	if err != nil {
		return "", err
	}
	var first int64
	var by entente.ObjectID
	for _, h := range held {
		v, ok := stix.Versioning(h.Bytes)
		for _, l := range h.Lines {
			if ok && v.CreatedBy != "" && (first == 0 || l.Added < first) {
				first, by = l.Added, v.CreatedBy
			}
		}
	}
	owner, err := t.strings(ctx, `SELECT organisation FROM own_identity WHERE id = $1`, string(by))
	if err != nil || len(owner) == 0 {
		return "", err
	}
	return owner[0], nil
}
