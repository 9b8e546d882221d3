package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente"
	"entente/node"
	"entente/store"
	"entente/store/storetest"
)

// history gives a node some collections with a random past, and returns every object that
// was ever submitted, by collection.
func history(t *testing.T, n *node.Node, seed uint64) map[string][]string {
	t.Helper()
	ctx, local := context.Background(), entente.LocalActor()
	r := rand.New(rand.NewPCG(seed, 7))
	t.Logf("seed %d", seed)
	stamp := func() string {
		return fmt.Sprintf("2026-01-0%dT00:00:00%sZ", r.IntN(3)+1, []string{"", ".5", ".000", ".0000001"}[r.IntN(4)])
	}
	draw := func() string {
		k, at, words := r.IntN(6), stamp(), fmt.Sprintf("needle%d <RTL\u202e>", r.IntN(2))
		switch r.IntN(4) {
		case 0: // without a moment of its own
			return fmt.Sprintf(`{"type":"x-thing","id":"x-thing--00000000-0000-4000-8000-%012d","spec_version":"2.1","extensions":{},"value":%q}`, k, words)
		case 1:
			return fmt.Sprintf(`{"type":"tool","id":"tool--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00Z","modified":%q,"name":%q,"labels":["l"]}`, k, at, words)
		}
		return fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00Z","modified":%q,"name":%q,"x_n":1.50}`, k, at, words)
	}
	said := map[string][]string{}
	for _, name := range []string{"A", "B", "Empty", "Gone"} {
		collection(t, n, name)
	}
	for step := range 40 {
		name := []string{"A", "A", "B", "Gone"}[r.IntN(4)]
		c := reread(t, n, name)
		if r.IntN(4) == 0 {
			d := entente.DeleteObject{Collection: c.ID, Object: entente.ObjectID(fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", []string{"tool", "x-thing"}[r.IntN(2)], r.IntN(6)))}
			d.Versions = []entente.VersionFilter{{}, {Last: true}, {First: true}}[r.IntN(3)]
			if _, err := n.Do(ctx, local, d); err != nil && entente.KindOf(err) != entente.NotFound {
				t.Fatal(err)
			}
			continue
		}
		var batch []string
		for range r.IntN(5) + 1 {
			batch = append(batch, draw())
		}
		said[name] = append(said[name], batch...)
		if rep, each, err := intake(t, n, c, strings.NewReader(strings.Join(batch, "\n"))); err != nil || rep.Refused > 0 {
			t.Fatalf("%+v %+v %v", rep, each, err)
		}
		if step == 20 {
			if err := n.CatchUp(ctx, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	delete(said, "Gone")
	if _, err := n.Do(ctx, local, entente.RemoveCollection{Collection: reread(t, n, "Gone").ID, EvenIfFull: true}); err != nil {
		t.Fatal(err)
	}
	if seed%2 == 0 { // else it is left to be swept
		if err := n.Sweep(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	acc, err := n.Do(ctx, local, entente.AddAccount{Name: "siem", Service: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []entente.Command{
		entente.AddToken{Account: acc.ID, Hash: sha256.Sum256([]byte("secret"))},
		entente.AddCertificate{Account: acc.ID, Key: entente.Pin{1}, Subject: "CN=siem", Expires: n.Now() + 1_000_000_000},
		entente.AddRoot{Root: entente.Root{Name: "banks", Title: "Banks", MaxContentLength: 7, PageMax: 8, ReadOnly: true}},
		entente.EditRoot{Root: "banks", Default: true},
		entente.SetGrant{Account: acc.ID, Collection: reread(t, n, "B").ID, Read: true},
	} {
		if _, err := n.Do(ctx, local, c); err != nil {
			t.Fatal(err)
		}
	}
	return said
}

// everything reads each collection in full, by each way of looking at it.
func everything(t *testing.T, n *node.Node) map[string][]entente.Entry {
	t.Helper()
	ctx, local := context.Background(), entente.LocalActor()
	all, err := n.AllCollections(ctx, local)
	if err != nil {
		t.Fatal(err)
	}
	both := []entente.Spec{entente.Spec20, entente.Spec21}
	out := map[string][]entente.Entry{}
	for _, c := range all {
		for way, f := range map[string]entente.Filter{
			"default": {}, "all": {Versions: entente.VersionFilter{All: true}, Specs: both}, "first": {Versions: entente.VersionFilter{First: true}},
			"type": {Types: []string{"tool"}, Specs: both},
		} {
			key := fmt.Sprint(c.ID, c.Name, c.Alias, c.Created, way)
			out[key] = []entente.Entry{}
			after := int64(0)
			for more := true; more; {
				p, err := n.Feed(ctx, local, c, node.Query{Filter: f, After: after, Limit: 3, Bodies: true})
				if err != nil {
					t.Fatal(err)
				}
				out[key] = append(out[key], p.Entries...)
				more, after = p.More, p.Next
			}
		}
	}
	return out
}

func backup(t *testing.T, n *node.Node) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := n.Backup(context.Background(), entente.LocalActor(), &b, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func restore(url string, b []byte) error {
	_, err := node.Restore(context.Background(), store.Options{URL: url}, bytes.NewReader(b), int64(len(b)), nil)
	return err
}

func openNode(t *testing.T, url string) *node.Node {
	t.Helper()
	n, err := node.Open(context.Background(), storetest.Open(t, url), node.Config{Home: "Home"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What comes back from a backup, into either engine, reads as what was backed up, down to
// positions, and goes on where that was.
func TestRestoreIsTheSameNode(t *testing.T) {
	ctx, local := context.Background(), entente.LocalActor()
	for from, fromURL := range storetest.URLs() {
		for to, toURL := range storetest.URLs() {
			t.Run(from+" to "+to, func(t *testing.T) {
				n := openNode(t, fromURL(t))
				said := history(t, n, rand.Uint64())
				want := everything(t, n)
				b := backup(t, n)
				// What comes after the backup is lost with the node, but clients have seen its
				// positions.
				a := reread(t, n, "A")
				if _, _, err := intake(t, n, a, strings.NewReader(bundle(tool(100, "lost"), tool(101, "lost")))); err != nil {
					t.Fatal(err)
				}
				lost := reread(t, n, "A").Head

				url := toURL(t)
				if err := restore(url, b); err != nil {
					t.Fatal(err)
				}
				again := openNode(t, url)
				if d := cmp.Diff(want, everything(t, again)); d != "" {
					t.Fatal(d)
				}
				if n.CursorSecret() != again.CursorSecret() {
					t.Fatal("cursors that clients hold are of no use")
				}
				for what, read := range map[string]func(*node.Node) (any, error){
					"API roots": func(x *node.Node) (any, error) { return x.Roots(ctx, local) },
					"accounts":  func(x *node.Node) (any, error) { return x.Accounts(ctx, local) },
				} {
					was, err := read(n)
					if err != nil {
						t.Fatal(err)
					}
					is, err := read(again)
					if d := cmp.Diff(was, is); err != nil || d != "" {
						t.Fatalf("%s: %v %s", what, err, d)
					}
				}
				acc, err := again.SignInToken(ctx, "secret")
				if err != nil {
					t.Fatal(err)
				}
				if sees, err := again.AllCollections(ctx, acc); err != nil || len(sees) != 1 || sees[0].Name != "B" {
					t.Fatalf("the account sees %+v, %v", sees, err)
				}
				for _, x := range []*node.Node{n, again} {
					if err := x.CatchUp(ctx, nil); err != nil {
						t.Fatal(err)
					}
				}
				for _, words := range []string{"needle0", "needle*"} {
					var found [2][]node.Match
					for i, x := range []*node.Node{n, again} {
						if found[i], err = x.Search(ctx, local, words, nil, 100); err != nil {
							t.Fatal(err)
						}
					}
					if d := cmp.Diff(found[0], found[1]); d != "" {
						t.Fatalf("search for %s: %s", words, d)
					}
				}
				for name, objects := range said {
					if rep, _, err := intake(t, again, reread(t, again, name), strings.NewReader(strings.Join(objects, "\n"))); err != nil || rep.Added+rep.Contested+rep.Refused != 0 {
						t.Fatalf("importing into %s again: %+v, %v", name, rep, err)
					}
				}
				// A client that had read what is lost gets what comes now.
				if _, _, err := intake(t, again, a, strings.NewReader(bundle(tool(102, "new")))); err != nil {
					t.Fatal(err)
				}
				p, err := again.Feed(ctx, local, reread(t, again, "A"), node.Query{After: lost, Limit: 10, Bodies: true})
				if err != nil || len(p.Entries) != 1 || !strings.HasSuffix(string(p.Entries[0].ID), "102") {
					t.Fatalf("after a cursor from before: %+v, %v", p, err)
				}
				// A backup of what came back is as good; nothing is left to be read after it.
				if err := again.CatchUp(ctx, nil); err != nil {
					t.Fatal(err)
				}
				third := filepath.Join(t.TempDir(), "x.db")
				if err := restore(third, backup(t, again)); err != nil {
					t.Fatal(err)
				}
				last := openNode(t, third)
				if left, err := last.SearchLag(ctx); err != nil || left < 1 || left > 1000 {
					t.Fatalf("search is %d behind, of at most some hundred lines (%v)", left, err)
				}
				if err := last.CatchUp(ctx, nil); err != nil {
					t.Fatal(err)
				}
				if left, err := last.SearchLag(ctx); err != nil || left != 0 {
					t.Fatalf("search is %d behind, %v", left, err)
				}
				if err := restore(url, b); entente.KindOf(err) != entente.Conflict {
					t.Fatalf("restored over a node: %v", err)
				}
			})
		}
	}
}

// A backup that was cut, changed or added to is refused, and nothing is left behind.
func TestDamagedBackups(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			n := openNode(t, storetest.URLs()["sqlite"](t))
			history(t, n, 1)
			good := backup(t, n)
			url := newURL(t)
			refused := func(what string, b []byte) {
				t.Helper()
				if k := entente.KindOf(restore(url, b)); k != entente.Invalid && k != entente.Conflict {
					t.Fatalf("%s: %v", what, restore(url, b))
				}
				if engine == "sqlite" {
					left, err := os.ReadDir(filepath.Dir(url))
					if err != nil || len(left) > 0 {
						t.Fatalf("%s: %v is left, %v", what, left, err)
					}
				}
			}
			step := max(1, len(good)/200)
			for at := 0; at < len(good); at += step {
				refused(fmt.Sprint("cut at ", at), good[:at])
				b := bytes.Clone(good)
				b[at] ^= 1 << (at % 8)
				refused(fmt.Sprint("changed at ", at), b)
			}
			for at := len(good) - 45; at < len(good); at++ {
				refused(fmt.Sprint("cut at ", at), good[:at])
				b := bytes.Clone(good)
				b[at] ^= 1 << (at % 8)
				refused(fmt.Sprint("changed at ", at), b)
			}
			refused("with more at the end", append(bytes.Clone(good), '\n'))
			refused("twice", append(bytes.Clone(good), good...))
			refused("something else", []byte(strings.Repeat("This is a text.\n", 100)))
			refused("nothing", nil)
			for what, change := range map[string][2]string{
				"a newer format": {`"version":1,`, `"version":2,`}, "a newer schema": {`"schema":`, `"schema":9`}, "other counts": {`"content":`, `"content":1`},
				"a table that is not known": {`"account":`, `"accounts":`},
			} {
				refused(what, resealed(bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)))
			}
			// The same place takes a good one.
			if err := restore(url, good); err != nil {
				t.Fatal(err)
			}
			openNode(t, url)
		})
	}
}

// resealed gives a changed backup the digest that fits it.
func resealed(b []byte) []byte {
	const end = "complete"
	body := b[:len(b)-sha256.Size-len(end)]
	sum := sha256.Sum256(body)
	return append(append(bytes.Clone(body), sum[:]...), end...)
}

// A kill in the middle of a restore leaves something that is no node, and that the next
// restore does away with.
func TestRestoreAfterAKill(t *testing.T) {
	n := openNode(t, storetest.URLs()["sqlite"](t))
	history(t, n, 2)
	url := filepath.Join(t.TempDir(), "entente.db")
	if err := os.WriteFile(url+".restoring", []byte("half of a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := restore(url, backup(t, n)); err != nil {
		t.Fatal(err)
	}
	openNode(t, url)
	for _, there := range []string{"", "-wal"} {
		url := filepath.Join(t.TempDir(), "entente.db")
		if err := os.WriteFile(url+there, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := restore(url, backup(t, n)); entente.KindOf(err) != entente.Conflict {
			t.Fatalf("beside entente.db%s: %v", there, err)
		}
	}
}

type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, fmt.Errorf("no space left on device")
	}
	return len(b), nil
}

func TestBackupThatCannotBeWritten(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		history(t, n, 3)
		_, err := n.Backup(context.Background(), entente.LocalActor(), &full{100}, nil)
		if entente.KindOf(err) != entente.Unavailable || !strings.Contains(err.Error(), "no space") {
			t.Fatal(err)
		}
		if _, err := n.Backup(context.Background(), entente.Actor{}, &full{1 << 20}, nil); entente.KindOf(err) != entente.Forbidden {
			t.Fatal(err)
		}
	})
}
