package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

// Setting reads a value kept under a name, nil if there is none.
func (t *Tx) Setting(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := t.queryRow(ctx, `SELECT value FROM setting WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, err
}

const accountColumns = `id, name, organisation, service, disabled, password, created`

func scanAccount(scan func(...any) error) (entente.Account, error) {
	var a entente.Account
	var service, disabled int64
	err := scan(&a.ID, &a.Name, &a.Organisation, &service, &disabled, &a.PasswordHash, &a.Created)
	a.Service, a.Disabled = service != 0, disabled != 0
	return a, err
}

func (t *Tx) accountWhere(ctx context.Context, where string, args ...any) (*entente.Account, error) {
	a, err := scanAccount(t.queryRow(ctx, `SELECT `+accountColumns+` FROM account WHERE `+where, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && !a.Service { // services hold no roles
		a.Mandates, err = t.mandatesWhere(ctx, `account = $1`, a.ID)
	}
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// AccountByName is the account of that name, nil if there is none.
func (t *Tx) AccountByName(ctx context.Context, name string) (*entente.Account, error) {
	return t.accountWhere(ctx, `name = $1`, name)
}

// AccountByToken is the account that a token's hash belongs to and the token, nil if
// there is none. Whether the token has expired is for the caller to see.
func (t *Tx) AccountByToken(ctx context.Context, hash [32]byte) (*entente.Account, *entente.Token, error) {
	k, err := t.tokenWhere(ctx, `hash = $1`, hash[:])
	if err != nil || k == nil {
		return nil, nil, err
	}
	a, err := t.accountWhere(ctx, `id = $1`, k.Account)
	return a, k, err
}

// Accounts lists all accounts by name.
func (t *Tx) Accounts(ctx context.Context) ([]entente.Account, error) {
	mandates, err := t.mandatesWhere(ctx, `1 = 1`)
	if err != nil {
		return nil, err
	}
	held := map[string][]entente.Mandate{}
	for _, m := range mandates {
		held[m.Account] = append(held[m.Account], m)
	}
	rows, err := t.query(ctx, `SELECT `+accountColumns+` FROM account ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Account
	for rows.Next() {
		a, err := scanAccount(rows.Scan)
		if err != nil {
			return nil, err
		}
		a.Mandates = held[a.ID]
		out = append(out, a)
	}
	return out, rows.Err()
}

// operators counts the accounts that are operators without an end.
func (t *Tx) operators(ctx context.Context) (int, error) {
	all, err := t.Accounts(ctx)
	n := 0
	for _, a := range all {
		if a.LastingOperator() {
			n++
		}
	}
	return n, err
}

const tokenColumns = `id, account, hash, note, created, expires`

func scanToken(scan func(...any) error) (entente.Token, error) {
	var k entente.Token
	var hash []byte
	err := scan(&k.ID, &k.Account, &hash, &k.Note, &k.Created, &k.Expires)
	copy(k.Hash[:], hash)
	return k, err
}

func (t *Tx) tokenWhere(ctx context.Context, where string, args ...any) (*entente.Token, error) {
	k, err := scanToken(t.queryRow(ctx, `SELECT `+tokenColumns+` FROM token WHERE `+where, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &k, nil
}

// Tokens lists an account's tokens, oldest first.
func (t *Tx) Tokens(ctx context.Context, account string) ([]entente.Token, error) {
	rows, err := t.query(ctx, `SELECT `+tokenColumns+` FROM token WHERE account = $1 ORDER BY created, id`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Token
	for rows.Next() {
		k, err := scanToken(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

func (t *Tx) grant(ctx context.Context, account, collection string) (entente.Grant, error) {
	g := entente.Grant{Account: account, Collection: collection}
	var read, write int64
	err := t.queryRow(ctx, `SELECT can_read, can_write FROM permission WHERE account = $1 AND collection = $2`, account, collection).Scan(&read, &write)
	if errors.Is(err, sql.ErrNoRows) {
		return g, nil
	}
	g.Read, g.Write = read != 0, write != 0
	return g, err
}

// Grants lists what an account was granted, by collection id.
func (t *Tx) Grants(ctx context.Context, account string) (map[string]entente.Grant, error) {
	rows, err := t.query(ctx, `SELECT collection, can_read, can_write FROM permission WHERE account = $1`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]entente.Grant{}
	for rows.Next() {
		g := entente.Grant{Account: account}
		var read, write int64
		if err := rows.Scan(&g.Collection, &read, &write); err != nil {
			return nil, err
		}
		g.Read, g.Write = read != 0, write != 0
		out[g.Collection] = g
	}
	return out, rows.Err()
}
