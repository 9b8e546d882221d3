package store

import (
	"context"
	"errors"
	neturl "net/url"
	"os"
	"path/filepath"
	"testing"
)

// TestUnsynced has transactions that do not wait for the disk, which succeed, fail and are cut
// off; what comes after them on the same connections waits for it, all the same.
func TestUnsynced(t *testing.T) {
	for engine, c := range map[string]struct{ server, ask, waits, not string }{
		"sqlite":   {"", `PRAGMA synchronous`, "2", "1"},
		"postgres": {os.Getenv("ENTENTE_TEST_POSTGRES"), `SHOW synchronous_commit`, "on", "off"},
	} {
		if engine == "postgres" && c.server == "" {
			continue // "make test" has a server
		}
		t.Run(engine, func(t *testing.T) {
			url, drop, err := Scratch(t.Context(), c.server, filepath.Join(t.TempDir(), "entente.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer drop()
			if c.server != "" { // a server for tests may be told to wait for nothing
				at, err := neturl.Parse(url)
				if err != nil {
					t.Fatal(err)
				}
				q := at.Query()
				q.Set("synchronous_commit", "on")
				at.RawQuery = q.Encode()
				url = at.String()
			}
			st, err := Open(t.Context(), Options{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			is := func(update func(context.Context, func(*Tx) error) error) (got string) {
				t.Helper()
				if err := update(t.Context(), func(tx *Tx) error { return tx.tx.QueryRowContext(t.Context(), c.ask).Scan(&got) }); err != nil {
					t.Fatal(err)
				}
				return got
			}
			failed := errors.New("this fails")
			for what, unsynced := range map[string]func() error{
				"that succeeds": func() error {
					if got := is(st.UpdateUnsynced); got != c.not {
						t.Errorf("it waits for the disk: %s", got)
					}
					return nil
				},
				"that fails": func() error {
					if err := st.UpdateUnsynced(t.Context(), func(*Tx) error { return failed }); !errors.Is(err, failed) {
						return err
					}
					return nil
				},
				"that is cut off": func() error {
					ctx, cut := context.WithCancel(t.Context())
					err := st.UpdateUnsynced(ctx, func(tx *Tx) error {
						cut()
						_, err := tx.exec(ctx, `DELETE FROM lease`)
						return err
					})
					if err == nil {
						return errors.New("it was not cut off")
					}
					return nil
				},
				"that begins too late": func() error {
					ctx, cut := context.WithCancel(t.Context())
					cut()
					if err := st.UpdateUnsynced(ctx, func(*Tx) error { return nil }); err == nil {
						return errors.New("it was done")
					}
					return nil
				},
			} {
				for range 20 { // what cuts off comes a little earlier or later each time
					if err := unsynced(); err != nil {
						t.Fatalf("a transaction %s: %v", what, err)
					}
					if got := is(st.Update); got != c.waits {
						t.Fatalf("after a transaction %s the next does not wait for the disk: %s", what, got)
					}
				}
			}
			// What was written so is there for who reads next.
			if err := st.UpdateUnsynced(t.Context(), func(tx *Tx) error {
				_, err := tx.Lease(t.Context(), "job", "holder", 1, 2)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := st.Update(t.Context(), func(tx *Tx) error { return tx.HoldLease(t.Context(), "job", "holder") }); err != nil {
				t.Error(err)
			}
		})
	}
}
