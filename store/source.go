package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"entente"
)

const remoteColumns = `id, name, collection, about, secret, progress, created`

// remoteAbout is what the column about holds: how a remote is set up, secrets apart.
type remoteAbout struct {
	Direction   entente.Direction
	Root, There string
	Title       string
	Match       []entente.MatchField
	Since       int64
	Every       int64
}

func scanRemote(scan func(...any) error) (entente.Remote, error) {
	var r entente.Remote
	var about, secret, progress []byte
	if err := scan(&r.ID, &r.Name, &r.Collection, &about, &secret, &progress, &r.Created); err != nil {
		return r, err
	}
	var a remoteAbout
	err := errors.Join(json.Unmarshal(about, &a), json.Unmarshal(secret, &r.Access), json.Unmarshal(progress, &r.Progress))
	r.Direction, r.Root, r.There, r.Title, r.Match, r.Since, r.Every = a.Direction, a.Root, a.There, a.Title, a.Match, a.Since, a.Every
	return r, err
}

func (t *Tx) remoteWhere(ctx context.Context, where string, args ...any) (*entente.Remote, error) {
	r, err := scanRemote(t.queryRow(ctx, `SELECT `+remoteColumns+` FROM remote WHERE `+where, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// Remotes lists what is pulled and pushed, by name, with its secrets.
func (t *Tx) Remotes(ctx context.Context) ([]entente.Remote, error) {
	rows, err := t.query(ctx, `SELECT `+remoteColumns+` FROM remote ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Remote
	for rows.Next() {
		r, err := scanRemote(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (t *Tx) applyRemote(ctx context.Context, c entente.Change) error {
	if r := c.Remote; r != nil {
		about, err := json.Marshal(remoteAbout{r.Direction, r.Root, r.There, r.Title, r.Match, r.Since, r.Every})
		if err != nil {
			return err
		}
		secret, err := json.Marshal(r.Access)
		if err != nil {
			return err
		}
		progress, err := json.Marshal(r.Progress)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO remote (id, name, collection, about, secret, progress, created) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET progress = excluded.progress`,
			r.ID, r.Name, r.Collection, about, secret, progress, r.Created); err != nil {
			return err
		}
	}
	if c.RemoveRemote != "" {
		_, err := t.exec(ctx, `DELETE FROM remote WHERE id = $1`, c.RemoveRemote)
		return err
	}
	return nil
}

// HeldVersions tells which versions of some objects a feed has had, deleted ones
// included, by the objects' ids.
func (t *Tx) HeldVersions(ctx context.Context, feed int64, ids []entente.ObjectID) (map[entente.ObjectID][]entente.StampKey, error) {
	keys := make([]int64, len(ids))
	for i, id := range ids {
		keys[i] = id.Fold()
	}
	in, arg := t.s.d.ints("$2", keys)
	rows, err := t.query(ctx, `SELECT c.id, c.micros, c.rest FROM content c WHERE c.okey IN `+in+`
		AND EXISTS (SELECT 1 FROM line l WHERE l.content = c.content AND l.feed = $1)`, feed, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make(map[entente.ObjectID][]entente.StampKey, len(ids))
	for rows.Next() {
		var id string
		var k entente.StampKey
		if err := rows.Scan(&id, &k.Micros, &k.Rest); err != nil {
			return nil, err
		}
		out[entente.ObjectID(id)] = append(out[entente.ObjectID(id)], k)
	}
	return out, rows.Err()
}
