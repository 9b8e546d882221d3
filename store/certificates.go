package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

const certificateColumns = `id, account, pin, subject, note, created, expires`

func scanCertificate(scan func(...any) error) (entente.Certificate, error) {
	var c entente.Certificate
	var pin []byte
	err := scan(&c.ID, &c.Account, &pin, &c.Subject, &c.Note, &c.Created, &c.Expires)
	copy(c.Key[:], pin)
	return c, err
}

func (t *Tx) certificateWhere(ctx context.Context, where string, args ...any) (*entente.Certificate, error) {
	c, err := scanCertificate(t.queryRow(ctx, `SELECT `+certificateColumns+` FROM certificate WHERE `+where, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// AccountByCertificate is the account that signs in with a key and what is known of its
// certificate, nil if there is none. Whether it has expired is for the caller to see.
func (t *Tx) AccountByCertificate(ctx context.Context, key entente.Pin) (*entente.Account, *entente.Certificate, error) {
	c, err := t.certificateWhere(ctx, `pin = $1`, key[:])
	if err != nil || c == nil {
		return nil, nil, err
	}
	a, err := t.accountWhere(ctx, `id = $1`, c.Account)
	return a, c, err
}

// Certificates lists an account's certificates, oldest first.
func (t *Tx) Certificates(ctx context.Context, account string) ([]entente.Certificate, error) {
	rows, err := t.query(ctx, `SELECT `+certificateColumns+` FROM certificate WHERE account = $1 ORDER BY created, id`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Certificate
	for rows.Next() {
		c, err := scanCertificate(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func (t *Tx) applyCertificate(ctx context.Context, c entente.Change) error {
	if k := c.Certificate; k != nil {
		if _, err := t.exec(ctx, `INSERT INTO certificate (id, account, pin, subject, note, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET subject = excluded.subject, note = excluded.note, expires = excluded.expires`,
			k.ID, k.Account, k.Key[:], k.Subject, k.Note, k.Created, k.Expires); err != nil {
			return err
		}
	}
	if c.RemoveCertificate != "" {
		_, err := t.exec(ctx, `DELETE FROM certificate WHERE id = $1`, c.RemoveCertificate)
		return err
	}
	return nil
}
