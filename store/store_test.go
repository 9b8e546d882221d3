package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"entente"
	"entente/store"
	"entente/store/storetest"
)

func TestConformance(t *testing.T) {
	if os.Getenv(storetest.PostgresEnv) == "" {
		t.Logf("%s is not set: PostgreSQL is not tried here; \"make test\" does", storetest.PostgresEnv)
	}
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) { storetest.Run(t, storetest.Fresh(url)) })
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx := context.Background()
	notADatabase := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(notADatabase, []byte("this is a text file, and long enough to be read as a page of a database, is it not?"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"a directory that is not there": filepath.Join(t.TempDir(), "no", "x.db"),
		"a directory":                   t.TempDir(),
		"not a database":                notADatabase,
		"no server":                     "postgres://127.0.0.1:1/x?connect_timeout=2",
		"a malformed URL":               "postgres://%zz",
	} {
		st, err := store.Open(ctx, store.Options{URL: url})
		if err == nil {
			st.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if k := entente.KindOf(err); k != entente.Unavailable {
			t.Errorf("%s: kind %q: %v", name, k, err)
		}
	}
}
