package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"entente"
)

// Scratch gives the URL of a new, empty database, and what removes it again: one of its own
// on the PostgreSQL server that server names, as "postgres://…", or the SQLite file at path
// where server is "".
func Scratch(ctx context.Context, server, path string) (string, func(), error) {
	if server == "" {
		return path, func() {}, nil
	}
	at, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(at.Scheme, "postgres") {
		return "", nil, entente.Errorf(entente.Invalid, "a PostgreSQL server is named as postgres://user@host/name")
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", nil, entente.Wrap(entente.Unavailable, err, "the database server cannot be reached: "+err.Error())
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	name := "entente_scratch_" + hex.EncodeToString(b[:])
	if _, err := db.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		db.Close()
		return "", nil, entente.Wrap(entente.Unavailable, err, "no database can be made on the server: "+err.Error())
	}
	at.Path = "/" + name
	return at.String(), func() {
		_, _ = db.ExecContext(context.WithoutCancel(ctx), `DROP DATABASE `+name)
		db.Close()
	}, nil
}
