package store

import (
	"context"

	"entente"
)

// Roots lists the API roots in their order; the first is the default.
func (t *Tx) Roots(ctx context.Context) ([]entente.Root, error) {
	rows, err := t.query(ctx, `SELECT name, title, description, max_content, page_max, read_only FROM root ORDER BY place, name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Root
	for rows.Next() {
		var r entente.Root
		var readOnly int64
		if err := rows.Scan(&r.Name, &r.Title, &r.Description, &r.MaxContentLength, &r.PageMax, &readOnly); err != nil {
			return nil, err
		}
		r.ReadOnly = readOnly != 0
		out = append(out, r)
	}
	return out, rows.Err()
}

// holdRoots lists the API roots, and keeps what depends on which there are (their order,
// collections that enter one, aliases in it) from being changed by anybody else before
// this transaction ends.
func (t *Tx) holdRoots(ctx context.Context) ([]entente.Root, error) {
	// The update that changes nothing takes the locks of the rows before anything is read.
	if _, err := t.exec(ctx, `UPDATE root SET place = place`); err != nil {
		return nil, err
	}
	return t.Roots(ctx)
}

func (t *Tx) rootEmpty(ctx context.Context, name string) (bool, error) {
	var n int64
	err := t.queryRow(ctx, `SELECT COUNT(*) FROM collection WHERE root = $1`, name).Scan(&n)
	return n == 0, err
}

func (t *Tx) applyRoot(ctx context.Context, c entente.Change) error {
	if r := c.Root; r != nil {
		if _, err := t.exec(ctx, `INSERT INTO root (name, place, title, description, max_content, page_max, read_only)
			VALUES ($1, (SELECT COALESCE(MAX(place) + 1, 0) FROM root), $2, $3, $4, $5, $6)
			ON CONFLICT (name) DO UPDATE SET title = excluded.title, description = excluded.description,
				max_content = excluded.max_content, page_max = excluded.page_max, read_only = excluded.read_only`,
			r.Name, r.Title, r.Description, r.MaxContentLength, r.PageMax, number(r.ReadOnly)); err != nil {
			return err
		}
	}
	if c.DefaultRoot != "" {
		if _, err := t.exec(ctx, `UPDATE root SET place = (SELECT MIN(place) - 1 FROM root) WHERE name = $1`, c.DefaultRoot); err != nil {
			return err
		}
	}
	if c.RemoveRoot != "" {
		// A later root of the same name is another one: answers to POSTs do not pass on to it.
		for _, q := range []string{`DELETE FROM status WHERE root = $1`, `DELETE FROM root WHERE name = $1`} {
			if _, err := t.exec(ctx, q, c.RemoveRoot); err != nil {
				return err
			}
		}
	}
	return nil
}
