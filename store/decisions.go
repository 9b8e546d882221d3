package store

import (
	"context"
	"encoding/json"

	"entente"
)

// applyDecisions adds decisions, restrictions, permissions, standing releases, and dissent.
func (t *Tx) applyDecisions(ctx context.Context, c entente.Change) error {
	if d := c.Decision; d != nil {
		if _, err := t.exec(ctx, `INSERT INTO decision (id, agreement, okey, object, digest, action, account, role, made, text)
			VALUES ($1, (SELECT num FROM agreement WHERE id = $2), $3, $4, $5, $6, $7, $8, $9, $10)`,
			d.ID, d.Agreement, d.Object.Fold(), string(d.Object), d.Digest[:], int64(d.Action), d.Account, string(d.Role), d.At, d.Text); err != nil {
			return err
		}
	}
	if r := c.Restriction; r != nil {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO restriction (id, okey, object, lifted, body) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET lifted = excluded.lifted, body = excluded.body`,
			r.ID, r.Object.Fold(), string(r.Object), r.Lifted, body); err != nil {
			return err
		}
	}
	if k := c.Consent; k != nil {
		body, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO consent (id, okey, object, agreement, body) VALUES ($1, $2, $3, $4, $5)`,
			k.ID, k.Object.Fold(), string(k.Object), k.Agreement, body); err != nil {
			return err
		}
	}
	if o := c.Order; o != nil {
		body, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO standing (id, agreement, body) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body`, o.ID, o.Agreement, body); err != nil {
			return err
		}
	}
	return t.applyDissent(ctx, c)
}

// Decisions lists what was decided about some objects in an agreement, oldest first; about
// all objects where none is given.
func (t *Tx) Decisions(ctx context.Context, agreement int64, ids []entente.ObjectID) ([]entente.Decision, error) {
	q := &query{}
	where := `d.agreement = ` + q.arg(agreement)
	if ids != nil {
		where += ` AND d.okey IN ` + q.ints(t.s.d, folds(ids))
	}
	return t.decisionsWhere(ctx, where, q.args...)
}

func (t *Tx) decisionsWhere(ctx context.Context, where string, args ...any) ([]entente.Decision, error) {
	rows, err := t.query(ctx, `SELECT d.id, a.id, d.object, d.digest, d.action, d.account, d.role, d.made, d.text
		FROM decision d JOIN agreement a ON a.num = d.agreement WHERE `+where+` ORDER BY d.made, d.id`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Decision
	for rows.Next() {
		var d entente.Decision
		var digest []byte
		if err := rows.Scan(&d.ID, &d.Agreement, &d.Object, &digest, &d.Action, &d.Account, &d.Role, &d.At, &d.Text); err != nil {
			return nil, err
		}
		copy(d.Digest[:], digest)
		out = append(out, d)
	}
	return out, rows.Err()
}

func folds(ids []entente.ObjectID) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = id.Fold()
	}
	return out
}

// Restrictions lists home's restrictions of some objects, oldest first; of all objects where
// none is given. Those that were lifted are among them.
func (t *Tx) Restrictions(ctx context.Context, ids []entente.ObjectID) ([]entente.Restriction, error) {
	return bodies[entente.Restriction](ctx, t, `SELECT body FROM restriction WHERE `, ids)
}

// Consents lists the permissions about some objects; about all objects where none is given.
func (t *Tx) Consents(ctx context.Context, ids []entente.ObjectID) ([]entente.Consent, error) {
	return bodies[entente.Consent](ctx, t, `SELECT body FROM consent WHERE `, ids)
}

func bodies[T any](ctx context.Context, t *Tx, text string, ids []entente.ObjectID) ([]T, error) {
	q := &query{}
	if ids == nil {
		text += `1 = 1`
	} else {
		text += `okey IN ` + q.ints(t.s.d, folds(ids))
	}
	return jsonRows[T](ctx, t, text+` ORDER BY id`, q.args...)
}

// StandingReleases lists the standing releases of an agreement, those that ended included.
func (t *Tx) StandingReleases(ctx context.Context, agreement string) ([]entente.StandingRelease, error) {
	return jsonRows[entente.StandingRelease](ctx, t, `SELECT body FROM standing WHERE agreement = $1 ORDER BY id`, agreement)
}

func jsonRows[T any](ctx context.Context, t *Tx, text string, args ...any) ([]T, error) {
	rows, err := t.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var body []byte
		var v T
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
