package store

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entente"
)

// A database of the release before mandates: who was operator is one from the day on which
// the account was made, without an end; home keeps its number, and partners get others.
func TestRolesBecomeMandates(t *testing.T) {
	ctx := context.Background()
	url := filepath.Join(t.TempDir(), "entente.db")
	before := slices.IndexFunc(sqliteDialect.migrations(), func(m []string) bool {
		return slices.ContainsFunc(m, func(step string) bool { return strings.HasPrefix(step, "CREATE TABLE mandate ") })
	})
	st, err := sqliteDialect.stage(url)
	if err != nil {
		t.Fatal(err)
	}
	one := side{db: st.db, gate: make(gate, 1)}
	s := &Store{d: sqliteDialect, write: one, read: one}
	err = s.once(ctx, one, func(t *Tx) error {
		if err := t.makeSchema(ctx, before); err != nil {
			return err
		}
		for _, text := range []string{
			`INSERT INTO organisation (num, id, name, home) VALUES (1, 'o', 'Home', 1)`,
			`INSERT INTO account (id, name, organisation, service, roles, disabled, password, created) VALUES ('a', 'op', 'o', 0, 'operator', 0, '', 77)`,
			`INSERT INTO account (id, name, organisation, service, roles, disabled, password, created) VALUES ('b', 'siem', 'o', 1, '', 0, '', 78)`,
		} {
			if _, err := t.tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = st.keep()
	}
	if err != nil {
		t.Fatal(err)
	}
	up, err := Open(ctx, Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	if faults, err := up.SchemaFaults(ctx); err != nil || len(faults) > 0 {
		t.Fatalf("%q, %v", faults, err)
	}
	err = up.View(ctx, func(tx *Tx) error {
		all, err := tx.Accounts(ctx)
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		if m := all[0].Mandates; len(m) != 1 || m[0] != (entente.Mandate{ID: "a/operator", Account: "a", Role: entente.Operator, From: 77, Given: 77}) {
			t.Errorf("%+v", m)
		}
		if len(all[1].Mandates) != 0 {
			t.Errorf("%+v", all[1])
		}
		orgs, err := tx.Organisations(ctx)
		if err == nil && (len(orgs) != 1 || orgs[0].Num != 1 || !orgs[0].Home) {
			t.Errorf("%+v", orgs)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := up.Reserve(ctx, "organisation", 1, 0); err != nil || n != 2 {
		t.Errorf("the first partner's number is %d, %v", n, err)
	}
}
