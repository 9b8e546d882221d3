package node

import (
	"bytes"

	"errors"
	"fmt"
	"io"

	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"entente"
	"entente/ledger"
	"entente/store"
	"entente/store/storetest"
)

// exported writes the ledger of a node into memory.
func exported(t testing.TB, n *Node) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := n.ExportLedger(t.Context(), entente.LocalActor(), func(path string, content io.Reader) error {
		b, err := io.ReadAll(content)
		if files[path] != nil {
			t.Errorf("%s is written twice", path)
		}
		files[path] = &fstest.MapFile{Data: b}
		return err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func outsider(t testing.TB, files fstest.MapFS, o ledger.Options) (ledger.Report, error) {
	t.Helper()
	return ledger.Verify(t.Context(), ledger.Dir(files), o)
}

// recorded is a node that has lived through some of everything that the ledger tells.
func recorded(t testing.TB, url string, rounds int) *sharing {
	s := newSharing(t, url, nil)
	ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
	s.take(malware(1, green), malware(2, green), malware(3, red), link(50, 1, 2, green))
	s.live("north")
	reader, _ := s.contributor()
	for i := range rounds {
		s.take(malware(10+i%40, green))
		s.live("north")
		s.reads(reader, "north")
		if i == rounds/2 {
			s.settleAs(ann, "north", entente.RestrictObject{Object: idOf("malware", 1), Withdraw: true, Reason: "r"})
		}
	}
	s.must(s.n.CatchUpLedger(s.Context()))
	s.n.Deny(s.Context(), reader, "objects", "GET /", entente.Errorf(entente.NotFound, "no"))
	stop := s.doAs(ann, entente.PlaceStop{Organisation: s.partner, Reason: "r", Basis: "b"})
	s.doAs(ann, entente.AskLift{Stop: stop, Reason: "r", Backlog: "all"})
	s.doAs(bob, entente.Lift{Stop: stop, Backlog: "all"})
	s.live("north")
	s.must(s.n.CatchUpLedger(s.Context()))
	return s
}

// reads has a partner read its feed, as it would over TAXII.
func (s *sharing) reads(a entente.Actor, agreement string) {
	s.Helper()
	in, _, err := s.n.Collection(s.Context(), a, agreement, s.agreement(agreement).Feeds[0].ID)
	s.must(err)
	q := Query{Limit: 1000, Bodies: true}
	p, err := s.n.Feed(s.Context(), a, in, q)
	s.must(err)
	s.must(s.n.Deliver(s.Context(), a, in, "/{root}/collections/{collection}/objects", q, p))
}

// fault is what is wrong with a ledger, and fails if nothing is.
func fault(t testing.TB, err error, what string) *ledger.Fault {
	t.Helper()
	var f *ledger.Fault
	if entente.KindOf(err) != entente.Conflict || !errors.As(err, &f) {
		t.Fatalf("%s: %v", what, err)
	}
	return f
}

func TestExportOfANode(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := recorded(t, url(t), 4)
			files := exported(t, s.n)
			r, err := outsider(t, files, ledger.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Epochs != 1 || r.Logs != 2 || r.Feeds != 1 || r.Lines < 7 || r.Pages != 4 || r.Late != 0 || r.Kinds["judge"] == 0 || r.Shared["deny"] != 1 || r.Shared["stop"] != 1 {
				t.Errorf("%+v", r)
			}
			own, err := s.n.VerifyLedger(t.Context(), entente.LocalActor(), ledger.Options{})
			if err != nil || fmt.Sprint(own) != fmt.Sprint(r) {
				t.Errorf("the node itself finds %+v, %v; not %+v", own, err, r)
			}
			again := exported(t, s.n)
			for path, f := range again {
				if !bytes.Equal(f.Data, files[path].Data) {
					t.Errorf("%s is different the second time", path)
				}
			}
			// One log alone, as a partner has it.
			alone := fstest.MapFS{}
			for path, f := range files {
				if path, ok := strings.CutPrefix(path, "1/"+s.partner+"/"); ok {
					alone[path] = f
				}
			}
			key, err := ledger.ParseVerifier(r.Keys[0])
			s.must(err)
			one, err := ledger.VerifyLog(t.Context(), ledger.Dir(alone), ledger.Options{Keys: []ledger.Verifier{key}, Seen: [][]byte{alone["checkpoint"].Data}})
			if err != nil || one.Kinds["deliver"] != 4 || one.Origin != ledger.Origin(r.Home.ID, 1, s.partner) {
				t.Errorf("%+v, %v", one, err)
			}
			if _, err := ledger.VerifyLog(t.Context(), ledger.Dir(alone), ledger.Options{}); entente.KindOf(err) != entente.Invalid {
				t.Errorf("without a key: %v", err)
			}
		})
	}
}

// Each column of each row of the ledger counts, and each row.
func TestEachColumnOfTheLedgerCounts(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			url := newURL(t)
			s := recorded(t, url, 2)
			db := shell(t, url)
			// The sequencer is left out: it would note for good that the ledger is not what it was.
			verify := func() error {
				return faulty(s.n.st.View(t.Context(), func(tx *store.Tx) error {
					x, err := newExportFiles(t.Context(), tx)
					if err == nil {
						_, err = x.verify(t.Context(), ledger.Options{})
					}
					return err
				}))
			}
			s.must(verify())
			origins := map[int64]string{}
			s.must(s.n.st.View(t.Context(), func(tx *store.Tx) error {
				logs, err := tx.LedgerLogs(t.Context())
				for _, l := range logs {
					origins[l.Num] = originOf(s.home(), l.Epoch, l.Organisation)
				}
				return err
			}))
			changes := 0
			for _, table := range []struct {
				name         string
				keys, others []string
			}{
				{"ledger_log", []string{"num"}, []string{"epoch", "organisation", "size", "root", "note"}},
				{"ledger_key", []string{"epoch", "generation"}, []string{"seed", "size", "endorsed", "public"}},
				{"ledger_entry", []string{"log", "idx"}, []string{"id", "at", "kind", "entry", "salt", "body"}},
				{"ledger_tile", []string{"log", "level", "idx"}, []string{"hashes"}},
				{"ledger_served", []string{"organisation", "feed", "seq"}, []string{"last", "at", "log", "idx"}},
			} {
				columns := slices.Concat(table.keys, table.others)
				for _, row := range db.rows(table.name, columns) {
					for i, column := range columns {
						changed := slices.Clone(row)
						changed[i] = otherwise(row[i])
						db.set(table.name, columns, len(table.keys), row, changed)
						what := fmt.Sprintf("%s: %s of %v", table.name, column, row[:len(table.keys)])
						f := fault(t, verify(), what)
						db.set(table.name, columns, len(table.keys), changed, row)
						changes++
						if log, ok := row[0].(int64); ok && f.Log != origins[log] && table.name != "ledger_key" && f.File == "" {
							t.Errorf("%s: found in %s: %v", what, f.Log, f)
						}
						if table.name == "ledger_entry" && i >= 2 && f.Index != row[1].(int64) && !strings.Contains(f.File, "tile/0/") {
							t.Errorf("%s: found at %d: %v", what, f.Index, f)
						}
					}
					db.drop(table.name, columns, len(table.keys), row)
					if err := verify(); entente.KindOf(err) != entente.Conflict {
						t.Fatalf("%s: the row %v is gone: %v", table.name, row[:len(table.keys)], err)
					}
					db.add(table.name, columns, row)
				}
			}
			s.must(verify())
			if t.Logf("%d changes", changes); changes < 100 {
				t.Errorf("only %d changes", changes)
			}
			// Nor does it matter that the sequencer takes nothing more.
			db.exec("UPDATE ledger_entry SET kind = 'nothing' WHERE kind = 'stop'")
			db.exec("UPDATE ledger_log SET size = size - 1, root = root WHERE organisation = ''")
			s.do(entente.AddCollection{Name: "Later"})
			_, err := s.n.VerifyLedger(t.Context(), entente.LocalActor(), ledger.Options{})
			fault(t, err, "while the sequencer takes nothing")
		})
	}
}

// otherwise is another value of the same kind.
func otherwise(v any) any {
	switch v := v.(type) {
	case int64:
		return v + 1_000_003 // where no row is
	case string:
		if v == "" {
			return "00000000-0000-4000-8000-00000000beef"
		}
		return v[:len(v)-1] + string(v[len(v)-1]^1)
	case []byte:
		b := bytes.Clone(v)
		if len(b) == 0 {
			return []byte{1}
		}
		b[len(b)/2] ^= 4
		return b
	}
	panic(fmt.Sprintf("%T", v))
}

// What waits to be entered is only as safe as the database: but rows that contradict
// themselves, or each other, are found once they are entered.
func TestEventsThatWaitMustAgree(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			columns := []string{"at", "id", "organisation", "kind", "salt", "body"}
			for i, column := range columns {
				for _, of := range []string{"main", "partner"} {
					if of == "main" && (column == "salt" || column == "body") {
						continue // nothing else knows of these
					}
					url := newURL(t)
					s := newSharing(t, url, nil)
					ann := s.hire("ann", entente.Releaser)
					s.must(s.n.CatchUpLedger(t.Context()))
					s.doAs(ann, entente.PlaceStop{Organisation: s.partner, Reason: "r", Basis: "b"})
					db := shell(t, url)
					n := 0
					for _, row := range db.rows("event_out", columns) {
						if (row[2] == "") != (of == "main") {
							continue
						}
						n++
						changed := slices.Clone(row)
						changed[i] = otherwise(row[i])
						db.set("event_out", columns, 2, row, changed)
					}
					if n != 1 {
						t.Fatalf("%d events wait in the %s log", n, of)
					}
					_, err := s.n.VerifyLedger(t.Context(), entente.LocalActor(), ledger.Options{})
					fault(t, err, column+" of an event of the "+of+" log")
				}
			}
		})
	}
}

// A database that is put back to an older state is found by whatever was kept elsewhere.
func TestRollbackIsFound(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := recorded(t, newURL(t), 2)
			var older bytes.Buffer
			_, err := s.n.Backup(t.Context(), entente.LocalActor(), &older, nil)
			s.must(err)
			s.take(malware(60, green))
			s.live("north")
			reader := s.signedIn("siem")
			s.reads(reader, "north")
			files := exported(t, s.n)
			_, receipt, err := s.n.ProveLedger(t.Context(), entente.LocalActor(), LedgerAt{Partner: s.partner}, "0")
			s.must(err)
			back := newURL(t)
			_, err = Restore(t.Context(), store.Options{URL: back}, bytes.NewReader(older.Bytes()), int64(older.Len()), nil)
			s.must(err)
			n, err := Open(t.Context(), storetest.Open(t, back), Config{})
			s.must(err)
			for what, seen := range map[string][]byte{"checkpoint": files["1/main/checkpoint"].Data, "receipt": receipt.Marshal()} {
				o := ledger.Options{Seen: [][]byte{seen}}
				if _, err := s.n.VerifyLedger(t.Context(), entente.LocalActor(), o); err != nil {
					t.Fatal(err)
				}
				_, err := n.VerifyLedger(t.Context(), entente.LocalActor(), o)
				if f := fault(t, err, what); !strings.Contains(f.Text, "rolled back") {
					t.Errorf("%s: %v", what, f)
				}
			}
			if _, err := n.VerifyLedger(t.Context(), entente.LocalActor(), ledger.Options{}); err != nil {
				t.Errorf("by itself it is sound: %v", err)
			}
		})
	}
}
