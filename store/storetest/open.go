package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"entente/store"
)

// PostgresEnv names a PostgreSQL server for tests, as postgres://…; its account must be
// allowed to create databases. Without it tests run on SQLite alone.
const PostgresEnv = "ENTENTE_TEST_POSTGRES"

// URLs gives, per engine that can be tried here, a function that makes a fresh, empty
// database and returns its URL. The database is gone when the test ends.
func URLs() map[string]func(testing.TB) string {
	out := map[string]func(testing.TB) string{"sqlite": func(t testing.TB) string { return filepath.Join(t.TempDir(), "entente.db") }}
	if server := os.Getenv(PostgresEnv); server != "" {
		out["postgres"] = func(t testing.TB) string { return postgresDatabase(t, server) }
	}
	return out
}

// Fresh gives, for an engine's URL, what [Run] wants.
func Fresh(newURL func(testing.TB) string) func(*testing.T) func() *store.Store {
	return func(t *testing.T) func() *store.Store {
		u := newURL(t)
		return func() *store.Store { return Open(t, u) }
	}
}

// Open opens a database until the test ends.
func Open(t testing.TB, url string) *store.Store {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func postgresDatabase(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s: %v", PostgresEnv, err)
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "entente_" + fmt.Sprintf("%x", randomBytes(t))
	if _, err := db.Exec(`CREATE DATABASE ` + name); err != nil {
		t.Fatalf("%s: %v", PostgresEnv, err)
	}
	t.Cleanup(func() {
		db, err := sql.Open("pgx", server)
		if err == nil {
			_, err = db.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`)
			db.Close()
		}
		if err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

func randomBytes(t testing.TB) []byte {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}
