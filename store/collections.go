package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"entente"
)

const collectionSelect = `SELECT c.id, c.feed, c.root, COALESCE(r.read_only, 0), c.name, c.alias, c.description, c.floor, c.created, f.head, f.added
	FROM collection c JOIN feed f ON f.feed = c.feed LEFT JOIN root r ON r.name = c.root `

func scanCollection(scan func(...any) error) (entente.Collection, error) {
	var c entente.Collection
	var readOnly int64
	err := scan(&c.ID, &c.Feed, &c.Root, &readOnly, &c.Name, &c.Alias, &c.Description, &c.Floor, &c.Created, &c.Head, &c.LastAdded)
	c.ReadOnly = readOnly != 0
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

// Collection finds a collection by id, nil if there is none.
func (t *Tx) Collection(ctx context.Context, id string) (*entente.Collection, error) {
	return t.collectionByID(ctx, id)
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

// CollectionsNamed finds collections by what people call them: the one of that id, else
// all that have it as name or alias, or as "ROOT/" before their name or alias. They come
// by id.
func (t *Tx) CollectionsNamed(ctx context.Context, s string) ([]entente.Collection, error) {
	if c, err := t.collectionByID(ctx, s); c != nil || err != nil || s == "" {
		return one(c), err
	}
	return t.collectionsWhere(ctx, `c.name = $1 OR c.alias = $1 OR c.root || '/' || c.name = $1
		OR (c.alias <> '' AND c.root || '/' || c.alias = $1)`, s)
}

func one(c *entente.Collection) []entente.Collection {
	if c == nil {
		return nil
	}
	return []entente.Collection{*c}
}

// Collections lists all collections by id.
func (t *Tx) Collections(ctx context.Context) ([]entente.Collection, error) {
	return t.collectionsWhere(ctx, `1 = 1`)
}

// CollectionsOf lists the collections that an account was granted something of, by id.
func (t *Tx) CollectionsOf(ctx context.Context, account string) ([]entente.Collection, error) {
	return t.collectionsWhere(ctx, `c.id IN (SELECT p.collection FROM permission p WHERE p.account = $1)`, account)
}

func (t *Tx) collectionsWhere(ctx context.Context, where string, args ...any) ([]entente.Collection, error) {
	rows, err := t.query(ctx, collectionSelect+`WHERE `+where+` ORDER BY c.id`, args...)
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

// namesakes finds the collections other than self that have one of some names, "" for
// none, as name or as alias.
func (t *Tx) namesakes(ctx context.Context, self, name, alias string) ([]entente.Collection, error) {
	var out []entente.Collection
	for _, s := range []string{name, alias} {
		if s == "" {
			continue
		}
		some, err := t.collectionsWhere(ctx, `c.id <> $1 AND (c.name = $2 OR c.alias = $2)`, self, s)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
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
