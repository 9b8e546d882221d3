package storetest

import (
	"database/sql"
	"strings"
	"testing"
)

// Damage runs statements on a database behind the store's back, as nothing but a fault or
// a person with a database shell would.
func Damage(t testing.TB, url string, statements ...string) {
	t.Helper()
	driver, index := "sqlite", strings.TrimSuffix(url, ".db")+"-index.db"
	if strings.HasPrefix(url, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if driver == "sqlite" {
		if _, err := db.Exec(`ATTACH DATABASE $1 AS beside`, index); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range statements {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}
