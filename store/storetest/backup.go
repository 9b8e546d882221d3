package storetest

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"entente"
	"entente/store"
)

// testBackup holds that a backup has every table of the engine but what is made anew, that
// it is the same again while nothing changes, and that it comes back.
func testBackup(t *testing.T, open func() *store.Store) {
	ctx := context.Background()
	st := open()
	h := newHarness(t, st)
	if faults, err := st.SchemaFaults(ctx); err != nil || len(faults) > 0 {
		t.Fatalf("the schema just made: %q, %v", faults, err)
	}
	c := h.collection("C")
	h.submit(c, version("tool", 1, "2026-01-01T00:00:00Z", "a"), version("tool", 1, "2026-01-02T00:00:00Z", "b"), version("x-a", 2, "", "c"))
	all := entente.Filter{Versions: entente.VersionFilter{All: true}}
	want := h.page(c, all, 10)

	write := func(st *store.Store) ([]byte, store.BackupInfo) {
		t.Helper()
		var b bytes.Buffer
		steps := 0
		info, err := st.Backup(ctx, &b, 1_700_000_000_000_000, func(done, total int64) { steps++ })
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes(), info
	}
	b, info := write(st)
	if again, _ := write(st); !bytes.Equal(b, again) {
		t.Fatal("two backups of one state differ")
	}
	if info.Rows["content"] != 3 || info.Rows["line"] != 3 || info.Rows["collection"] != 1 || info.Made != "2023-11-14T22:13:20.000000Z" {
		t.Fatalf("%+v", info)
	}
	for _, left := range []string{"schema_version", "lease", "search"} {
		if _, ok := info.Rows[left]; ok {
			t.Fatalf("%s is in the backup", left)
		}
	}
	url := filepath.Join(t.TempDir(), "restored.db")
	if _, err := store.Restore(ctx, store.Options{URL: url}, bytes.NewReader(b), int64(len(b)), store.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	restored := Open(t, url)
	if faults, err := restored.SchemaFaults(ctx); err != nil || len(faults) > 0 {
		t.Fatalf("the schema restored: %q, %v", faults, err)
	}
	same(t, "the collection restored", (&harness{t: t, st: restored}).page(c, all, 10), want)
	_, other := write(restored)
	other.Rows["setting"]-- // that it was restored, until the ledger's new epoch says so
	same(t, "rows per table, by either engine", other.Rows, info.Rows)
}
