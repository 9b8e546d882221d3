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
	driver := "sqlite"
	if strings.HasPrefix(url, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, text := range statements {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}
