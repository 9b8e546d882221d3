package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"entente"
)

// Roots lists the API roots in their order; the first is the default.
func (t *Tx) Roots(ctx context.Context) ([]entente.Root, error) {
	rows, err := t.query(ctx, `SELECT name, title, description, max_content FROM root ORDER BY place, name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Root
	for rows.Next() {
		var r entente.Root
		if err := rows.Scan(&r.Name, &r.Title, &r.Description, &r.MaxContentLength); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

const collectionSelect = `SELECT c.id, c.feed, c.root, c.name, c.alias, c.description, c.created, f.head, f.added
	FROM collection c JOIN feed f ON f.feed = c.feed `

func scanCollection(scan func(...any) error) (entente.Collection, error) {
	var c entente.Collection
	err := scan(&c.ID, &c.Feed, &c.Root, &c.Name, &c.Alias, &c.Description, &c.Created, &c.Head, &c.LastAdded)
	return c, err
}

func (t *Tx) collectionWhere(ctx context.Context, where string, args ...any) (*entente.Collection, error) {
	c, err := scanCollection(t.queryRow(ctx, collectionSelect+`WHERE `+where, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func (t *Tx) collectionByID(ctx context.Context, id string) (*entente.Collection, error) {
	return t.collectionWhere(ctx, `c.id = $1`, id)
}

// CollectionIn finds a collection of an API root by id or alias, nil if there is none.
func (t *Tx) CollectionIn(ctx context.Context, root, idOrAlias string) (*entente.Collection, error) {
	if entente.IsUUID(idOrAlias) {
		return t.collectionWhere(ctx, `c.root = $1 AND c.id = $2`, root, idOrAlias)
	}
	if idOrAlias == "" {
		return nil, nil
	}
	return t.collectionWhere(ctx, `c.root = $1 AND c.alias = $2`, root, idOrAlias)
}

// CollectionNamed finds a collection by id, name or alias, in that order; nil if there is none.
func (t *Tx) CollectionNamed(ctx context.Context, s string) (*entente.Collection, error) {
	for _, where := range []string{`c.id = $1`, `c.name = $1`, `c.alias = $1 AND c.alias <> ''`} {
		if c, err := t.collectionWhere(ctx, where, s); c != nil || err != nil {
			return c, err
		}
	}
	return nil, nil
}

// Collections lists all collections by id.
func (t *Tx) Collections(ctx context.Context) ([]entente.Collection, error) {
	rows, err := t.query(ctx, collectionSelect+`ORDER BY c.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Collection
	for rows.Next() {
		c, err := scanCollection(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Live counts the lines of a feed that readers see, all versions of all objects.
func (t *Tx) Live(ctx context.Context, feed int64) (int64, error) {
	var n int64
	err := t.queryRow(ctx, `SELECT COUNT(*) FROM line WHERE feed = $1 AND gone = 0 AND rival = 0`, feed).Scan(&n)
	return n, err
}

// namesTaken tells whether another collection than self has a name or alias. Names and
// aliases share one space, so that either finds one collection.
func (t *Tx) namesTaken(ctx context.Context, f *entente.Facts, self, name, alias string) error {
	taken := func(s string) (bool, error) {
		if s == "" {
			return false, nil
		}
		c, err := t.collectionWhere(ctx, `c.id <> $1 AND (c.name = $2 OR c.alias = $2)`, self, s)
		return c != nil, err
	}
	var err error
	if f.NameTaken, err = taken(name); err != nil {
		return err
	}
	f.AliasTaken, err = taken(alias)
	return err
}

// Status reads the answer to a POST, nil if there is none of that account and root.
func (t *Tx) Status(ctx context.Context, account, root, id string) (*entente.Status, error) {
	var body []byte
	err := t.queryRow(ctx, `SELECT body FROM status WHERE id = $1 AND account = $2 AND root = $3`, id, account, root).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var st entente.Status
	return &st, json.Unmarshal(body, &st)
}

// DropStatuses forgets the answers to POSTs from before a time, in microseconds since 1970.
func (t *Tx) DropStatuses(ctx context.Context, before int64) (int64, error) {
	res, err := t.exec(ctx, `DELETE FROM status WHERE requested < $1`, before)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
