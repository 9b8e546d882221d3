package node

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente"
	"entente/ledger"
	"entente/store"
	"entente/store/storetest"
)

// ledgerNode opens a node on a database, with what it logs kept from the output.
func ledgerNode(t testing.TB, o store.Options) *Node {
	t.Helper()
	st, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	n, err := Open(context.Background(), st, Config{Home: "Home", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// act does something that has an event in the log of a partner too.
func act(t testing.TB, n *Node, partner string) {
	t.Helper()
	id, err := n.NewID()
	if err == nil {
		_, err = n.Do(t.Context(), entente.LocalActor(), entente.AddAccount{Name: id, Organisation: partner, Service: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func local(t testing.TB, n *Node, c entente.Command) entente.Receipt {
	t.Helper()
	r, err := n.Do(t.Context(), entente.LocalActor(), c)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	return r
}

// deliver sends a page as far as the ledger is concerned.
func deliver(t testing.TB, n *Node, filter string) error {
	t.Helper()
	return n.Disclose(t.Context(), entente.LocalActor(), "objects", filter, nil)
}

func verified(t testing.TB, n *Node, o ledger.Options) (ledger.Report, []ledger.Entered) {
	t.Helper()
	if err := n.CatchUpLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, all, err := ledgerOf(t, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return r, all
}

// mainNote is the checkpoint of the newest main log.
func mainNote(t testing.TB, n *Node) (note []byte) {
	t.Helper()
	if err := n.st.View(t.Context(), func(tx *store.Tx) error {
		f, err := tx.LedgerFacts(t.Context())
		if err != nil {
			return err
		}
		l, err := tx.LedgerLog(t.Context(), f.Epoch, "")
		note = l.Note
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return note
}

// A new key is signed by the one before, takes over where its event stands, and the ledger
// verifies; what was seen before is continued.
func TestRotateLedgerKey(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			n := ledgerNode(t, store.Options{URL: newURL(t)})
			partner := local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID
			act(t, n, partner)
			if err := n.CatchUpLedger(t.Context()); err != nil {
				t.Fatal(err)
			}
			seen := mainNote(t, n)
			for range 2 {
				local(t, n, entente.RotateLedgerKey{Reason: "yearly change"})
			}
			r, _ := verified(t, n, ledger.Options{}) // the log of the partner has the old key's checkpoint
			if r.Kinds["key"] != 2 || len(r.Keys) != 3 {
				t.Errorf("%d events of keys, %d keys; want 2 and 3", r.Kinds["key"], len(r.Keys))
			}
			act(t, n, partner)
			r, all := verified(t, n, ledger.Options{Seen: [][]byte{seen}})
			var e entente.Event
			for _, x := range all {
				if x.Event.Kind == "key" {
					if err := json.Unmarshal(x.Raw, &e); err != nil {
						t.Fatal(err)
					}
				}
			}
			if e.Reason != "yearly change" || e.By == nil || !e.By.Local || e.About["generation"] != "3" {
				t.Errorf("the event of the last key is %+v", e)
			}
			keys, err := n.LedgerKeys(t.Context(), entente.LocalActor(), partner)
			if err != nil || len(keys) != 3 || !keys[2].Now || keys[1].Now {
				t.Fatalf("keys %+v, %v", keys, err)
			}
			for i, k := range keys {
				if v, err := ledger.ParseVerifier(k.Verifier); err != nil || !strings.HasSuffix(v.Name(), "/1/"+partner) {
					t.Errorf("key %d is %q, %v", i, k.Verifier, err)
				}
			}
			if r.Epochs != 1 {
				t.Errorf("%d epochs", r.Epochs)
			}
		})
	}
}

func TestRotateLedgerKeyIsForOperators(t *testing.T) {
	n := ledgerNode(t, store.Options{URL: filepath.Join(t.TempDir(), "node.db")})
	ann := local(t, n, entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}}).ID
	for _, c := range []entente.Command{entente.RotateLedgerKey{Reason: "r"}, entente.RenewLedger{Cause: "c"}} {
		if _, err := n.Do(t.Context(), entente.Actor{Account: entente.Account{ID: ann}}, c); entente.KindOf(err) != entente.Forbidden {
			t.Errorf("%T by a releaser: %v", c, err)
		}
	}
	if _, err := n.Do(t.Context(), entente.LocalActor(), entente.RotateLedgerKey{}); entente.KindOf(err) != entente.Invalid {
		t.Errorf("no reason: %v", err)
	}
}

// A new epoch tells what survived, signed by the old key or not, and both epochs verify.
func TestRenewLedger(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			n := ledgerNode(t, store.Options{URL: newURL(t)})
			partner := local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID
			act(t, n, partner)
			local(t, n, entente.RenewLedger{Cause: "a test"})
			act(t, n, partner)
			r, _ := verified(t, n, ledger.Options{})
			if r.Epochs != 2 || len(r.Notes) != 0 || r.Kinds["discontinuity"] != 1 {
				t.Fatalf("%+v", r)
			}
			local(t, n, entente.RenewLedger{Cause: "key lost", LostKey: true})
			act(t, n, partner)
			r, all := verified(t, n, ledger.Options{})
			if r.Epochs != 3 || len(r.Notes) != 1 {
				t.Fatalf("%+v", r)
			}
			for _, x := range all {
				if x.Epoch == 3 && x.Index == 0 && x.Partner == "" {
					var e entente.Event
					if err := json.Unmarshal(x.Raw, &e); err != nil {
						t.Fatal(err)
					}
					if e.Kind != "discontinuity" || e.Reason != "key lost" || len(e.Checkpoints) != 2 || e.Result != "lost-key" {
						t.Errorf("the third epoch begins with %+v", e)
					}
				}
			}
		})
	}
}

// unfitLedger expects that nothing is entered and no page sent, that a new epoch mends it, and
// what the refusal names.
func unfitLedger(t *testing.T, n *Node, names string, lost bool) {
	t.Helper()
	local(t, n, entente.AddCollection{Name: "Waits"})
	err := n.CatchUpLedger(t.Context())
	if err == nil || !strings.Contains(err.Error(), names) || !strings.Contains(err.Error(), "ledger renew") {
		t.Fatalf("entered, or without a name: %v; want %q", err, names)
	}
	if err := deliver(t, n, ""); entente.KindOf(err) != entente.Unavailable {
		t.Fatalf("a page is sent: %v", err)
	}
	local(t, n, entente.RenewLedger{Cause: "declared", LostKey: lost})
	if err := deliver(t, n, ""); err != nil {
		t.Fatal(err)
	}
	if err := n.CatchUpLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Whatever of the ledger is not what it was is named, and stops it.
func TestUnfitLedger(t *testing.T) {
	for _, c := range []struct {
		name, damage, names string
		lost                bool
	}{
		{"root", `UPDATE ledger_log SET root = (SELECT root FROM ledger_log WHERE organisation <> '') WHERE organisation = ''`, "another root by its tiles", false},
		{"tile", `UPDATE ledger_tile SET hashes = substr(hashes, 33) || substr(hashes, 1, 32) WHERE log = 2`, "had another root at 4 entries", false},
		{"no tile", `DELETE FROM ledger_tile WHERE log = 2`, "part of the tree of log 2 is missing", false},
		{"size", `UPDATE ledger_log SET size = size - 1 WHERE organisation = ''`, "put back to an earlier state", false},
		{"entry", `DELETE FROM ledger_entry WHERE log = 2 AND idx = (SELECT MAX(idx) FROM ledger_entry WHERE log = 2)`, "its last one has the index", false},
		{"note", `UPDATE ledger_log SET note = (SELECT note FROM ledger_log WHERE organisation <> '') WHERE organisation = ''`, "checkpoint of the log", false},
		{"key", `DELETE FROM ledger_key`, "the key of epoch 1 is not there", true},
		{"seed", `UPDATE ledger_key SET seed = public || public`, "cannot be used", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := filepath.Join(t.TempDir(), "node.db")
			n := ledgerNode(t, store.Options{URL: url})
			act(t, n, local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID)
			if err := n.CatchUpLedger(t.Context()); err != nil {
				t.Fatal(err)
			}
			storetest.Damage(t, url, c.damage)
			unfitLedger(t, ledgerNode(t, store.Options{URL: url}), c.names, c.lost)
		})
	}
}

func copyFile(t testing.TB, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// closed opens a node for a while.
func closed(t testing.TB, url string, f func(n *Node)) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	n, err := Open(t.Context(), st, Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	f(n)
	if err := n.CatchUpLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A database that is put back as a file, without a restore, is found by the mark beside the
// inbox, before a page is sent.
func TestRolledBack(t *testing.T) {
	dir := t.TempDir()
	url := filepath.Join(dir, "entente.db")
	closed(t, url, func(n *Node) { act(t, n, local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID) })
	copyFile(t, filepath.Join(dir, "old"), url)
	var seen []byte
	closed(t, url, func(n *Node) { local(t, n, entente.AddCollection{Name: "Later"}) })
	closed(t, url, func(n *Node) { seen = mainNote(t, n) })
	copyFile(t, url, filepath.Join(dir, "old"))
	n := ledgerNode(t, store.Options{URL: url})
	if err := deliver(t, n, ""); entente.KindOf(err) != entente.Unavailable {
		t.Fatalf("a page is sent: %v", err)
	}
	unfitLedger(t, n, "put back to an earlier state", false)
	verified(t, n, ledger.Options{})
	if _, _, err := ledgerOf(t, n, ledger.Options{Seen: [][]byte{seen}}); err == nil {
		t.Error("a checkpoint that was seen before does not show what was lost")
	}
}

// Once the right database is back, the ledger goes on by itself.
func TestPutRight(t *testing.T) {
	dir := t.TempDir()
	url := filepath.Join(dir, "entente.db")
	closed(t, url, func(n *Node) {})
	copyFile(t, filepath.Join(dir, "old"), url)
	closed(t, url, func(n *Node) { local(t, n, entente.AddCollection{Name: "Later"}) })
	copyFile(t, filepath.Join(dir, "new"), url)
	copyFile(t, url, filepath.Join(dir, "old"))
	st, err := store.Open(t.Context(), store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), st, Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := deliver(t, n, ""); err == nil {
		t.Fatal("a page is sent")
	}
	st.Close()
	copyFile(t, url, filepath.Join(dir, "new"))
	n = ledgerNode(t, store.Options{URL: url})
	if err := n.CatchUpLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := deliver(t, n, ""); err != nil {
		t.Fatal(err)
	}
	if r, _ := verified(t, n, ledger.Options{}); r.Epochs != 1 {
		t.Errorf("%d epochs", r.Epochs)
	}
}

// An inbox that is lost is told in the ledger, which goes on: its trees are what they were.
func TestLostInbox(t *testing.T) {
	dir := t.TempDir()
	url := filepath.Join(dir, "entente.db")
	closed(t, url, func(n *Node) { local(t, n, entente.AddCollection{Name: "A"}) })
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(dir, "entente-events.db"+suffix))
	}
	closed(t, url, func(n *Node) { local(t, n, entente.AddCollection{Name: "B"}) })
	closed(t, url, func(n *Node) { local(t, n, entente.AddCollection{Name: "C"}) })
	n := ledgerNode(t, store.Options{URL: url})
	if r, _ := verified(t, n, ledger.Options{}); r.Kinds["inbox-lost"] != 1 || r.Kinds["collection-add"] != 3 {
		t.Errorf("%v", r.Kinds)
	}
}

// A restored node begins an epoch that tells of the backup, before it enters anything, and
// what waited is not lost.
func TestRestoredLedger(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			n := ledgerNode(t, store.Options{URL: newURL(t)})
			partner := local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID
			act(t, n, partner)
			if err := deliver(t, n, "before"); err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			info, err := n.Backup(t.Context(), entente.LocalActor(), &file, nil)
			if err != nil {
				t.Fatal(err)
			}
			seen := mainNote(t, n) // the backup has entered what waited
			local(t, n, entente.AddCollection{Name: "After"})
			lost, _ := verified(t, n, ledger.Options{Seen: [][]byte{seen}})
			after := mainNote(t, n)
			if lost.Kinds["deliver"] != 1 {
				t.Errorf("%v", lost.Kinds)
			}

			url := newURL(t)
			if _, err := Restore(t.Context(), store.Options{URL: url}, bytes.NewReader(file.Bytes()), int64(file.Len()), nil); err != nil {
				t.Fatal(err)
			}
			m := ledgerNode(t, store.Options{URL: url})
			if err := deliver(t, m, "after"); err != nil {
				t.Fatal(err)
			}
			act(t, m, partner)
			r, all := verified(t, m, ledger.Options{Seen: [][]byte{seen}})
			if r.Epochs != 2 || r.Kinds["deliver"] != 2 || r.Kinds["inbox-lost"] != 0 || len(r.Notes) != 0 {
				t.Fatalf("%+v", r)
			}
			for _, x := range all {
				if x.Epoch == 2 && x.Index == 0 && x.Partner == "" && !bytes.Contains(x.Raw, []byte("backup of "+info.Made+", SHA-256 ")) {
					t.Errorf("the epoch begins with %s", x.Raw)
				}
			}
			if _, _, err := ledgerOf(t, m, ledger.Options{Seen: [][]byte{after}}); err == nil {
				t.Error("what the backup does not have is not missed")
			}
			if err := m.CatchUpLedger(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r, _ := verified(t, m, ledger.Options{}); r.Epochs != 2 {
				t.Errorf("%d epochs", r.Epochs)
			}
		})
	}
}

// The doctor reads all of the ledger, and names what is wrong with it.
func TestDoctorOfLedger(t *testing.T) {
	for _, c := range []struct{ name, damage, names string }{
		{"nothing", `UPDATE ledger_log SET size = size`, ""},
		{"event", `UPDATE ledger_entry SET body = salt WHERE log = 1 AND idx = 0`, "event at 0 is not that of its entry"},
		{"salt", `UPDATE ledger_entry SET salt = entry WHERE log = 2 AND idx = 1`, "event at 1 is not that of its entry"},
		{"entry", `UPDATE ledger_entry SET entry = salt WHERE log = 2 AND idx = 1`, "another root by its entries"},
		{"gap", `DELETE FROM ledger_entry WHERE log = 2 AND idx = 1`, "has no entry 1"},
		{"partner's tile", `DELETE FROM ledger_tile WHERE log = 1`, "part of the tree of log 1 is missing"},
		{"partner's note", `UPDATE ledger_log SET note = substr(note, 1, length(note) - 9) || substr(note, length(note) - 10, 1) || substr(note, length(note) - 7) WHERE organisation <> ''`, "the checkpoint of the log"},
		{"key", `UPDATE ledger_key SET public = (SELECT root FROM ledger_log WHERE num = 1)`, "the checkpoint of the log"},
		{"waits", `INSERT INTO event_out SELECT at - 90000000, id, '', kind, salt, body FROM ledger_entry WHERE log = 2 AND idx = 0`, "waits to be entered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := filepath.Join(t.TempDir(), "node.db")
			n := ledgerNode(t, store.Options{URL: url})
			act(t, n, local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID)
			if err := n.CatchUpLedger(t.Context()); err != nil {
				t.Fatal(err)
			}
			storetest.Damage(t, url, c.damage)
			ex, err := n.Doctor(t.Context(), entente.LocalActor(), nil)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, x := range ex.Complaints {
				found = found || x.Check == checkLedger && strings.Contains(x.Text, c.names)
			}
			if found != (c.names != "") || c.names == "" && len(ex.Complaints) > 0 {
				t.Errorf("want %q, said %+v", c.names, ex.Complaints)
			}
		})
	}
}
