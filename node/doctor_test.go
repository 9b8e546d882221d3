package node_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

func examine(t *testing.T, n *node.Node) node.Examination {
	t.Helper()
	steps := int64(-1)
	ex, err := n.Doctor(context.Background(), entente.LocalActor(), func(done, total int64) {
		if done < steps || done > total {
			t.Errorf("step %d of %d after %d", done, total, steps)
		}
		steps = done
	})
	if err != nil {
		t.Fatal(err)
	}
	return ex
}

// A node that was only ever changed through its door is sound, whatever happened to it.
func TestDoctorFindsNothing(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			url := newURL(t)
			n := openNode(t, url)
			if ex := examine(t, n); !ex.Sound || ex.Warnings > 0 {
				t.Fatalf("a new node: %+v", ex)
			}
			history(t, n, rand.Uint64())
			for range 2 {
				ex := examine(t, n)
				if !ex.Sound || ex.Warnings > 0 || ex.Contents == 0 || ex.Lines < ex.Contents || ex.Feeds != 3 {
					t.Fatalf("%+v", ex)
				}
				if err := n.CatchUp(context.Background(), nil); err != nil {
					t.Fatal(err)
				}
			}
			for to, toURL := range storetest.URLs() {
				url := toURL(t)
				if err := restore(url, backup(t, n)); err != nil {
					t.Fatal(err)
				}
				if ex := examine(t, openNode(t, url)); !ex.Sound || ex.Warnings > 0 {
					t.Fatalf("restored into %s: %+v", to, ex)
				}
			}
			if _, err := n.Doctor(context.Background(), entente.Actor{}, nil); entente.KindOf(err) != entente.Forbidden {
				t.Fatal(err)
			}
		})
	}
}

// damages are what can be wrong with a database, and what the doctor must say of it. One
// database bears each of them.
func damages() []damage {
	const (
		one = `(SELECT MIN(content) FROM content WHERE stamp = '2026-02-01T00:00:00Z')`
		two = `(SELECT MIN(content) FROM content WHERE stamp = '2026-02-02T00:00:00Z')`
	)
	return []damage{
		{"other bytes", "content", "its bytes have the digest", []string{`UPDATE content SET body = (SELECT body FROM content WHERE content = ` + two + `) WHERE content = ` + one}},
		{"no bytes", "content", "its bytes are not a STIX object", []string{`UPDATE content SET body = digest WHERE content = ` + one}},
		{"digest", "content", "they are not what came in", []string{`UPDATE content SET digest = (SELECT digest FROM content WHERE content = ` + two + `) WHERE content = ` + one}},
		{"id", "content", "its id is tool--0", []string{`UPDATE content SET id = 'tool--00000000-0000-4000-8000-000000000777' WHERE content = ` + one}},
		{"fold", "content", "its key of its id is 7", []string{`UPDATE content SET okey = 7 WHERE content = ` + one}},
		{"moment", "content", "its moment is {7 ", []string{`UPDATE content SET micros = 7 WHERE content = ` + one}},
		{"stamp", "content", "its version is x, and its bytes say 2026-02-01T00:00:00Z", []string{`UPDATE content SET stamp = 'x' WHERE content = ` + one}},
		{"specification", "content", "its specification is 20, and its bytes say 21", []string{`UPDATE content SET spec = 20 WHERE content = ` + one}},
		{"orphan", "content", "is in no collection", []string{`DELETE FROM line WHERE content = ` + one}},
		{"twice", "content", "is stored twice", []string{`DROP INDEX content_version`,
			`INSERT INTO content SELECT 999999999, okey, micros, rest, digest, id, spec, stamp, body, salt FROM content WHERE content = ` + one,
			`INSERT INTO line SELECT feed, 2000, 999999999, source, added + 999999999, type, spec, gone, newer, later, rival FROM line WHERE content = ` + one}},
		{"content missing", "feed", "does not exist", []string{`DELETE FROM content WHERE content = ` + one}},
		{"head", "feed", "is not between 1 and the head 0", []string{`UPDATE feed SET head = 0`}},
		{"last time", "feed", "after the feed's last time", []string{`UPDATE feed SET added = 5`}},
		{"time", "feed", "and the line before it at", []string{`UPDATE line SET added = 5 WHERE content = ` + one}},
		{"source", "feed", "its source 77 is no organisation", []string{`UPDATE line SET source = 77 WHERE content = ` + one}},
		{"type", "feed", "its type or specification is not that of tool--", []string{`UPDATE line SET type = 77 WHERE content = ` + one}},
		{"line's specification", "feed", "its type or specification is not that of tool--", []string{`UPDATE line SET spec = 20 WHERE content = ` + one}},
		{"newer", "state", "newer is 0, and the rules say", []string{`UPDATE line SET newer = 0 WHERE content = ` + one}},
		{"later", "state", "later is 1, and the rules say 0", []string{`UPDATE line SET later = 1 WHERE content = ` + one}},
		{"rival", "state", "rival is 1, and the rules say 0", []string{`UPDATE line SET rival = 1 WHERE content = ` + one}},
		{"gone", "state", "hidden behind a newer version, and none is shown", []string{
			`UPDATE line SET gone = (SELECT MAX(head) FROM feed) WHERE content = ` + two}},
		{"gone before it came", "state", "gone from position 1 on", []string{`UPDATE line SET gone = 1 WHERE content = ` + one}},
		{"feed missing", "reference", `collection "A" has the feed`, []string{`DELETE FROM feed`}},
		{"lines of nothing", "reference", "lines belong to it", []string{`UPDATE line SET feed = 9999 WHERE content = ` + one}},
		{"feed of nothing", "reference", "feed 5000 belongs to no collection", []string{`INSERT INTO feed (feed, head, added) VALUES (5000, 0, 0)`}},
		{"release feed without lines", "reference", "has the feed 5001, which does not exist", []string{`INSERT INTO release_feed (feed, agreement, collection, id, tail, seen, skips) VALUES (5001, 1, 'c', 'f', 0, 0, (SELECT body FROM content LIMIT 1))`}},
		{"release feed of nothing", "reference", "belongs to the agreement number 7, which does not exist", []string{`INSERT INTO release_feed (feed, agreement, collection, id, tail, seen, skips) VALUES (1, 7, 'c', 'f', 0, 0, (SELECT body FROM content LIMIT 1))`}},
		{"terms of nothing", "reference", "version 1 of terms belongs to the agreement number 7", []string{`INSERT INTO terms (agreement, version, hash, body, source, made) SELECT 7, 1, body, body, body, 1 FROM content LIMIT 1`}},
		{"step of nothing", "reference", "step 1 belongs to the agreement number 7", []string{`INSERT INTO step (agreement, step, body) SELECT 7, 1, body FROM content LIMIT 1`}},
		{"member that is nobody", "reference", "a member of the agreement number 7 is the organisation nobody", []string{`INSERT INTO member (organisation, agreement) VALUES ('nobody', 7)`}},
		{"terms in force", "reference", `the agreement "pact" has version 3 of its terms in force`, []string{`INSERT INTO agreement (num, id, name, state, terms, closed, work, created) SELECT 7, 'a', 'pact', 'active', 3, 0, body, 1 FROM content LIMIT 1`}},
		{"no terms", "reference", `the agreement "pact" has no terms`, []string{`INSERT INTO agreement (num, id, name, state, terms, closed, work, created) SELECT 7, 'a', 'pact', 'draft', 0, 0, body, 1 FROM content LIMIT 1`}},
		{"series of agreements", "reference", "numbers of agreements are given out from 3 on, and 7 exists", []string{`INSERT INTO series (name, last) VALUES ('agreement', 3)`,
			`INSERT INTO agreement (num, id, name, state, terms, closed, work, created) SELECT 7, 'a', 'pact', 'draft', 0, 0, body, 1 FROM content LIMIT 1`}},
		{"follower", "reference", `follower "search" is beyond the head of the collection "A"`, []string{`UPDATE follower SET seq = seq + 1`}},
		{"series", "reference", "numbers of contents are given out from 0 on", []string{`UPDATE series SET last = 0`}},
		{"series of feeds", "reference", "numbers of feeds are given out from 0 on", []string{`UPDATE series SET last = 0`}},
		{"account of nobody", "reference", `account "siem" belongs to the organisation nobody`, []string{`UPDATE account SET organisation = 'nobody'`}},
		{"role", "reference", `there is no role "king"`, []string{`INSERT INTO mandate (id, account, role, begins, ends, given_by, given, ended_by, ended) SELECT id || '/king', id, 'king', 1, 0, '', 1, '', 0 FROM account`}},
		{"mandate of nobody", "reference", "is held by the account nobody", []string{`INSERT INTO mandate (id, account, role, begins, ends, given_by, given, ended_by, ended) VALUES ('m', 'nobody', 'analyst', 1, 0, '', 1, '', 0)`}},
		{"conflict of nobody", "reference", "was declared by the account nobody", []string{`INSERT INTO interest (id, account, about, reason, declared_by, declared, ended_by, ended) VALUES ('i', 'nobody', 'x', 'r', '', 1, '', 0)`}},
		{"identity of nobody", "reference", "the identity identity--x belongs to the organisation nobody", []string{`INSERT INTO own_identity (id, organisation) VALUES ('identity--x', 'nobody')`}},
		{"stop on nobody", "reference", "is on the organisation nobody", []string{`INSERT INTO stop (id, organisation, reason, basis, placed_by, placed, ratified_by, ratified, review, lift_by, lift_asked, lift_reason, lift_backlog, lifted_by, lifted)
			VALUES ('s', 'nobody', 'r', 'b', '', 1, 'x', 1, 0, '', 0, '', '', '', 0)`}},
		{"series of organisations", "reference", "numbers of organisations are given out from 0 on", []string{`UPDATE series SET last = 0`}},
		{"name", "reference", "begins or ends with a blank", []string{`UPDATE account SET name = ' siem'`}},
		{"token of nobody", "reference", "belongs to the account nobody", []string{`UPDATE token SET account = 'nobody'`}},
		{"token", "reference", "has no SHA-256", []string{`UPDATE token SET hash = (SELECT value FROM setting WHERE 1 = 0 UNION ALL SELECT body FROM content LIMIT 1)`}},
		{"right of nobody", "reference", "belongs to the account nobody", []string{`UPDATE permission SET account = 'nobody'`}},
		{"right to nothing", "reference", "has a right to the collection nowhere", []string{`UPDATE permission SET collection = 'nowhere'`}},
		{"root", "reference", `is in the API root "nowhere"`, []string{`UPDATE collection SET root = 'nowhere'`}},
		{"no root", "reference", "there are 0 API roots", []string{`DELETE FROM root`}},
		{"root's name", "reference", `"taxii2" cannot be an API root`, []string{`UPDATE root SET name = 'taxii2' WHERE name = 'banks'`}},
		{"root's length", "reference", "the longest body", []string{`UPDATE root SET max_content = 0`}},
		{"status of no root", "reference", `answers a POST to the API root "gone"`, []string{`INSERT INTO status (id, account, root, requested, body) VALUES ('s', 'a', 'gone', 0, (SELECT value FROM setting LIMIT 1))`}},
		{"certificate of nobody", "reference", "belongs to the account nobody", []string{`UPDATE certificate SET account = 'nobody'`}},
		{"certificate", "reference", "has no SHA-256", []string{`UPDATE certificate SET pin = (SELECT body FROM content LIMIT 1)`}},
		{"alias's index", "schema", "index collection_alias is missing", []string{`DROP INDEX collection_alias`}},
		{"root's column", "schema", "table root has the columns", []string{`ALTER TABLE root DROP COLUMN page_max`}},
		{"home", "reference", "0 organisations are home", []string{`UPDATE organisation SET home = 0`}},
		{"lease", "lease", `the job "sweep" is taken until`, []string{`INSERT INTO lease (name, holder, expires) VALUES ('sweep', 'x', 9000000000000000)`}},
		{"index", "schema", "index line_type is missing", []string{`DROP INDEX line_type`}},
		{"table", "schema", "table status is missing", []string{`DROP TABLE status`}},
		{"column", "schema", "table token has the columns", []string{`ALTER TABLE token DROP COLUMN note`}},
		{"value", "index", "the index of values lacks 1 of its 1 values", []string{`DELETE FROM value`}},
		{"value of a filter", "index", "the index of values lacks 1 of its 2 values", []string{fmt.Sprintf(`DELETE FROM value WHERE vkey = %d`, store.ValueKey("value\x00198.51.100.3"))}},
		{"other value", "index", "values for it that it does not name", []string{`INSERT INTO value (vkey, content) VALUES (7, ` + one + `)`}},
		{"value of nothing", "reference", "value 7 is said to be in the content 999999", []string{`INSERT INTO value (vkey, content) VALUES (7, 999999)`}},
		{"follower of nothing", "reference", "remembers a position in the feed 777", []string{`INSERT INTO follower (name, feed, seq) VALUES ('search', 777, 1)`}},
		{"full text", "index", "full text does not have it", []string{`DELETE FROM search`}},
		{"full text of nothing", "reference", "full text has the content 999999", []string{`INSERT INTO search (@content, words) VALUES (999999, 'words')`}},
	}
}

type damage struct {
	name, check, says string
	statements        []string
}

func TestDoctorNamesDamage(t *testing.T) {
	ctx := context.Background()
	origin := openNode(t, storetest.URLs()["sqlite"](t))
	a := collection(t, origin, "A")
	version := func(day int, name string) string {
		return fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z","modified":"2026-02-0%dT00:00:00Z","name":%q}`, day, name)
	}
	address := `{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"198.51.100.3"}`
	if rep, _, err := intake(t, origin, a, strings.NewReader(strings.Join([]string{tool(5, "other"), version(1, "one"), version(2, "two"), version(2, "contested"), address}, "\n"))); err != nil || rep.Refused > 0 {
		t.Fatal(rep, err)
	}
	for _, c := range []entente.Command{entente.AddAccount{Name: "siem"}} {
		r, err := origin.Do(ctx, entente.LocalActor(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []entente.Command{
			entente.AddToken{Account: r.ID}, entente.SetGrant{Account: r.ID, Collection: a.ID, Read: true},
			entente.AddCertificate{Account: r.ID, Expires: origin.Now() + 1_000_000},
			entente.AddRoot{Root: entente.Root{Name: "banks", Title: "Banks", MaxContentLength: 1}},
		} {
			if _, err := origin.Do(ctx, entente.LocalActor(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := origin.CatchUp(ctx, nil); err != nil {
		t.Fatal(err)
	}
	good := backup(t, origin)
	for engine, newURL := range storetest.URLs() {
		for _, d := range damages() {
			t.Run(engine+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				url := newURL(t)
				if err := restore(url, good); err != nil {
					t.Fatal(err)
				}
				n := openNode(t, url)
				if err := n.CatchUp(ctx, nil); err != nil {
					t.Fatal(err)
				}
				key := map[string]string{"sqlite": "rowid", "postgres": "content"}[engine]
				for _, s := range d.statements {
					s = strings.ReplaceAll(s, "@content", key)
					if engine == "postgres" {
						s = strings.ReplaceAll(s, "'words'", "to_tsvector('words')")
					}
					storetest.Damage(t, url, s)
				}
				ex := examine(t, n)
				if !slices.ContainsFunc(ex.Complaints, func(c node.Complaint) bool { return c.Check == d.check && strings.Contains(c.Text, d.says) }) {
					t.Fatalf("%+v", ex)
				}
				if len(ex.Complaints) > 12 || ex.Sound != (ex.Faults == 0) {
					t.Errorf("%+v", ex)
				}
			})
		}
	}
}

// Whatever byte of a SQLite file is changed, the doctor ends, and says so where a page is
// broken.
func TestDoctorOfABrokenFile(t *testing.T) {
	n := openNode(t, storetest.URLs()["sqlite"](t))
	history(t, n, 4)
	b := backup(t, n)
	path := filepath.Join(t.TempDir(), "entente.db")
	if err := restore(path, b); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 8192
	found := 0
	for at := page; at < len(whole); at += page {
		bad := bytes.Clone(whole)
		copy(bad[at:], strings.Repeat("\xa5", 64))
		broken := filepath.Join(t.TempDir(), "entente.db")
		if err := os.WriteFile(broken, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint("page ", at/page), func(t *testing.T) {
			st, err := openStore(broken)
			if err != nil {
				found++ // refused at once
				return
			}
			defer st.Close()
			n, err := node.Open(context.Background(), st, node.Config{})
			if err != nil {
				found++
				return
			}
			if ex := examine(t, n); !ex.Sound {
				found++
			}
		})
	}
	if pages := len(whole)/page - 1; found < pages*9/10 {
		t.Fatalf("%d of %d broken pages were found", found, pages)
	}
}

// However much is wrong, the report stays short and counts it all.
func TestDoctorIsBrief(t *testing.T) {
	url := storetest.URLs()["sqlite"](t)
	n := openNode(t, url)
	var objects []string
	for i := range 1200 {
		objects = append(objects, tool(i, "x"))
	}
	if _, _, err := intake(t, n, collection(t, n, "C"), strings.NewReader(bundle(objects...))); err != nil {
		t.Fatal(err)
	}
	storetest.Damage(t, url, `UPDATE content SET stamp = 'x'`)
	ex := examine(t, n)
	if ex.Faults != 1200 || ex.Counts["content"] != 1200 || len(ex.Complaints) != 25 {
		t.Fatalf("%d faults, %v, %d listed", ex.Faults, ex.Counts, len(ex.Complaints))
	}
}

func openStore(path string) (*store.Store, error) {
	return store.Open(context.Background(), store.Options{URL: path})
}

// While others write, delete, remove collections and search follows, no examination finds
// anything, and every backup is of one moment.
func TestDoctorAndBackupBesideWriters(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, another func() *node.Node) {
		ctx, stop := context.WithCancel(context.Background())
		local := entente.LocalActor()
		c := collection(t, n, "C")
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		other := another()
		wg.Go(func() { other.Run(ctx) })
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				var objects []string
				for k := range 20 {
					objects = append(objects, tool((i+k)%40, fmt.Sprint("x", i%7)))
				}
				if _, err := other.Intake(ctx, local, c.ID, stix.NewReader(strings.NewReader(bundle(objects...))), node.IntakeOptions{Undelete: true}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				d := entente.DeleteObject{Collection: c.ID, Object: entente.ObjectID(fmt.Sprintf("tool--00000000-0000-4000-8000-%012d", i%40))}
				if _, err := other.Do(ctx, local, d); err != nil && ctx.Err() == nil && entente.KindOf(err) != entente.NotFound {
					t.Error(err)
				}
			}
		})
		for range 4 {
			if ex := examine(t, n); !ex.Sound {
				t.Fatalf("%+v", ex)
			}
			url := storetest.URLs()["sqlite"](t)
			if err := restore(url, backup(t, n)); err != nil {
				t.Fatal(err)
			}
			if ex := examine(t, openNode(t, url)); !ex.Sound {
				t.Fatalf("restored: %+v", ex)
			}
		}
	})
}
