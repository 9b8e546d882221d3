package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store/storetest"
)

func TestMain(m *testing.M) {
	// Each check here has a store of its own. More are asked for by the flag.
	_ = flag.Set("rapid.checks", "25")
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// onEngines runs a test on a fresh node of each engine that can be tried here. More nodes
// on the same database are had by calling another.
func onEngines(t *testing.T, f func(t *testing.T, n *node.Node, another func() *node.Node)) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			url := newURL(t)
			another := func() *node.Node {
				n, err := node.Open(context.Background(), storetest.Open(t, url), node.Config{Home: "Home"})
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			f(t, another(), another)
		})
	}
}

func collection(t *testing.T, n *node.Node, name string) entente.Access {
	t.Helper()
	ctx := context.Background()
	if _, err := n.Do(ctx, entente.LocalActor(), entente.AddCollection{Name: name}); err != nil {
		t.Fatal(err)
	}
	return reread(t, n, name)
}

func reread(t *testing.T, n *node.Node, name string) entente.Access {
	t.Helper()
	c, err := n.CollectionNamed(context.Background(), entente.LocalActor(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tool(i int, name string) string {
	return fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":%q}`, i, name)
}

func bundle(objects ...string) string {
	return `{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[` + strings.Join(objects, ",\n") + `]}`
}

func intake(t *testing.T, n *node.Node, c entente.Access, in io.Reader) (node.IntakeReport, []node.ItemResult, error) {
	t.Helper()
	var each []node.ItemResult
	rep, err := n.Intake(context.Background(), entente.LocalActor(), c.ID, stix.NewReader(in), node.IntakeOptions{Each: func(r node.ItemResult) { each = append(each, r) }})
	return rep, each, err
}

func count(t *testing.T, n *node.Node, name string) int64 {
	t.Helper()
	live, _, err := n.CollectionSize(context.Background(), reread(t, n, name))
	if err != nil {
		t.Fatal(err)
	}
	return live
}

func TestIntakeKeepsOrderAndTellsOfEach(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		c := collection(t, n, "C")
		var objects []string
		for i := range 2500 { // several batches, many chunks
			objects = append(objects, tool(i, "x"))
			if i%500 == 250 {
				objects = append(objects, `{"type":"tool","id":"tool--bad"}`)
			}
		}
		rep, each, err := intake(t, n, c, strings.NewReader(bundle(objects...)))
		if err != nil {
			t.Fatal(err)
		}
		if want := (node.IntakeReport{Read: 2505, Added: 2500, Refused: 5}); rep != want {
			t.Fatalf("report %+v, want %+v", rep, want)
		}
		for i, r := range each {
			if r.Index != i || (r.Err != nil) != strings.Contains(objects[i], "bad") {
				t.Fatalf("result %d: %+v", i, r)
			}
		}
		if each[250+1].ID != "tool--bad" {
			t.Fatalf("a refused object is told by %q", each[251].ID)
		}
		p, err := n.Feed(context.Background(), entente.LocalActor(), reread(t, n, "C"), node.Query{Limit: 3000, Bodies: true})
		if err != nil || len(p.Entries) != 2500 {
			t.Fatalf("%d entries, %v", len(p.Entries), err)
		}
		for i, e := range p.Entries {
			if want := tool(i, "x"); string(e.Bytes) != want {
				t.Fatalf("entry %d holds %s", i, e.Bytes)
			}
		}
		if rep, _, err = intake(t, n, c, strings.NewReader(bundle(objects...))); err != nil || rep.Added != 0 || rep.Unchanged != 2500 {
			t.Fatalf("again: %+v, %v", rep, err)
		}
	})
}

// Wherever an input is cut, the objects before the cut are in, and the error is not taken
// for the end.
func TestIntakeOfATruncatedInput(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		whole := bundle(tool(1, "a"), tool(2, "b"), tool(3, "c"))
		for cut := 1; cut < len(whole); cut += 37 {
			name := fmt.Sprint("cut ", cut)
			rep, _, err := intake(t, n, collection(t, n, name), strings.NewReader(whole[:cut]))
			want := 0
			for _, o := range []string{tool(1, "a"), tool(2, "b"), tool(3, "c")} {
				if strings.Contains(whole[:cut], o) {
					want++
				}
			}
			if entente.KindOf(err) != entente.Invalid || rep.Added != want || count(t, n, name) != int64(want) {
				t.Fatalf("cut at %d: %+v, %v; want %d objects", cut, rep, err, want)
			}
		}
	})
}

type failing struct {
	r   io.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}

func TestIntakeOfAFailingReader(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		c := collection(t, n, "C")
		boom := errors.New("the cable came out")
		whole := bundle(tool(1, "a"), tool(2, "b"))
		rep, _, err := intake(t, n, c, failing{strings.NewReader(whole[:len(whole)-3]), boom})
		if !errors.Is(err, boom) || rep.Added != 1 {
			t.Fatalf("%+v, %v", rep, err)
		}
	})
}

func TestIntakeStopsWhenItIsNotAllowed(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		ctx := context.Background()
		c := collection(t, n, "C")
		acc, err := n.Do(ctx, entente.LocalActor(), entente.AddAccount{Name: "reader"})
		if err != nil {
			t.Fatal(err)
		}
		reader := entente.Actor{Account: entente.Account{ID: acc.ID}}
		touched := false
		in := stix.NewReader(readFunc(func([]byte) (int, error) { touched = true; return 0, io.EOF }))
		if _, err := n.Intake(ctx, reader, c.ID, in, node.IntakeOptions{}); entente.KindOf(err) != entente.NotFound || touched {
			t.Fatalf("a stranger: %v, input read: %v", err, touched)
		}
		if _, err := n.Do(ctx, entente.LocalActor(), entente.SetGrant{Account: acc.ID, Collection: c.ID, Read: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Intake(ctx, reader, c.ID, in, node.IntakeOptions{}); entente.KindOf(err) != entente.Forbidden || touched {
			t.Fatalf("a reader: %v, input read: %v", err, touched)
		}
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := n.Intake(stopped, entente.LocalActor(), c.ID, stix.NewReader(strings.NewReader(bundle(tool(1, "a")))), node.IntakeOptions{}); err == nil || count(t, n, "C") != 0 {
			t.Fatalf("with a context that has ended: %v", err)
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestSignIn(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, another func() *node.Node) {
		ctx := context.Background()
		local := entente.LocalActor()
		hash := func(pw string) string {
			h, err := n.HashPassword(pw)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		acc, err := n.Do(ctx, local, entente.AddAccount{Name: "alice", PasswordHash: hash("correct horse")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Do(ctx, local, entente.AddAccount{Name: "nopassword"}); err != nil {
			t.Fatal(err)
		}
		other := another()
		in := func(n *node.Node, name, pw string) bool {
			t.Helper()
			a, err := n.SignIn(ctx, name, pw)
			if err != nil && entente.KindOf(err) != entente.Unauthenticated {
				t.Fatal(err)
			}
			if err == nil && a.Account.ID != acc.ID {
				t.Fatalf("signed in as %+v", a)
			}
			return err == nil
		}
		for range 2 { // the second time it is remembered
			if !in(n, "alice", "correct horse") || !in(other, "alice", "correct horse") {
				t.Fatal("the right password is refused")
			}
		}
		for _, wrong := range [][2]string{{"alice", "wrong horse"}, {"Alice", "correct horse"}, {"nobody", "correct horse"}, {"alice", ""}, {"nopassword", ""}, {"", ""}} {
			if in(n, wrong[0], wrong[1]) {
				t.Fatalf("%v signs in", wrong)
			}
		}
		// What another process changes holds here at once, remembered or not.
		if _, err := other.Do(ctx, local, entente.SetPassword{Account: acc.ID, PasswordHash: hash("battery staple")}); err != nil {
			t.Fatal(err)
		}
		if in(n, "alice", "correct horse") || !in(n, "alice", "battery staple") {
			t.Fatal("the old password lives on")
		}
		if _, err := other.Do(ctx, local, entente.DisableAccount{Account: acc.ID}); err != nil {
			t.Fatal(err)
		}
		if in(n, "alice", "battery staple") {
			t.Fatal("a disabled account signs in")
		}
	})
}

func TestTokens(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		ctx := context.Background()
		local := entente.LocalActor()
		acc, err := n.Do(ctx, local, entente.AddAccount{Name: "siem", Service: true})
		if err != nil {
			t.Fatal(err)
		}
		add := func(secret string, expires int64) string {
			r, err := n.Do(ctx, local, entente.AddToken{Account: acc.ID, Hash: sha256.Sum256([]byte(secret)), Expires: expires})
			if err != nil {
				t.Fatal(err)
			}
			return r.ID
		}
		good := add("good", 0)
		add("short", n.Now()+200_000)
		in := func(secret string) bool {
			_, err := n.SignInToken(ctx, secret)
			if err != nil && entente.KindOf(err) != entente.Unauthenticated {
				t.Fatal(err)
			}
			return err == nil
		}
		if !in("good") || in("bad") || in("") {
			t.Fatal("tokens are told apart wrongly")
		}
		for start := time.Now(); in("short"); time.Sleep(10 * time.Millisecond) {
			if time.Since(start) > 10*time.Second {
				t.Fatal("a token outlives its end")
			}
		}
		if _, err := n.Do(ctx, local, entente.RemoveToken{Token: good}); err != nil || in("good") {
			t.Fatalf("a revoked token: %v", err)
		}
	})
}

// Two processes work on one database; search follows what both take in.
func TestRunFollowsAndSweeps(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, another func() *node.Node) {
		ctx, stop := context.WithCancel(context.Background())
		other := another()
		var wg sync.WaitGroup
		for _, x := range []*node.Node{n, other} {
			wg.Go(func() { x.Run(ctx) })
		}
		defer wg.Wait()
		defer stop()
		c := collection(t, n, "C")
		gone := collection(t, n, "Gone")
		for i, x := range []*node.Node{n, other} {
			for _, to := range []entente.Access{c, gone} {
				if _, _, err := intake(t, x, to, strings.NewReader(bundle(tool(i, fmt.Sprint("needle", i))))); err != nil {
					t.Fatal(err)
				}
			}
		}
		eventually(t, "search finds both", func() bool {
			found, err := n.Search(ctx, entente.LocalActor(), "needle*", nil, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(found) == 2 && len(found[0].Collections) == 2
		})
		if _, err := n.Do(ctx, entente.LocalActor(), entente.RemoveCollection{Collection: gone.ID, EvenIfFull: true}); err != nil {
			t.Fatal(err)
		}
		found, err := n.Search(ctx, entente.LocalActor(), "needle*", nil, 10)
		if err != nil || len(found) != 2 || len(found[0].Collections) != 1 {
			t.Fatalf("a removed collection shows: %+v, %v", found, err)
		}
		if err := n.Sweep(ctx, nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, "lag is nothing", func() bool {
			left, err := n.SearchLag(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return left == 0
		})
	})
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for start := time.Now(); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatal("this does not come about: " + what)
		}
	}
}

func TestObjectShowsWhatIsContested(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		ctx := context.Background()
		c, d := collection(t, n, "C"), collection(t, n, "D")
		for _, in := range []struct {
			to   entente.Access
			text string
		}{{c, tool(1, "first")}, {c, tool(1, "second")}, {d, tool(1, "second")}} {
			if _, _, err := intake(t, n, in.to, bytes.NewReader([]byte(in.text))); err != nil {
				t.Fatal(err)
			}
		}
		id := entente.ObjectID("tool--00000000-0000-4000-8000-000000000001")
		all, err := n.Object(ctx, entente.LocalActor(), id)
		if err != nil || len(all) != 2 || !all[0].Contested || !all[1].Contested {
			t.Fatalf("%+v, %v", all, err)
		}
		if len(all[0].Collections) != 1 || len(all[1].Collections) != 2 || !all[0].Current || !all[1].Current {
			t.Fatalf("C serves the first, D the second: %+v", all)
		}
		// Somebody who may read D alone learns of no contest.
		acc, err := n.Do(ctx, entente.LocalActor(), entente.AddAccount{Name: "d"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Do(ctx, entente.LocalActor(), entente.SetGrant{Account: acc.ID, Collection: d.ID, Read: true}); err != nil {
			t.Fatal(err)
		}
		all, err = n.Object(ctx, entente.Actor{Account: entente.Account{ID: acc.ID}}, id)
		if err != nil || len(all) != 1 || all[0].Contested || len(all[0].Collections) != 1 {
			t.Fatalf("a reader of D alone: %+v, %v", all, err)
		}
	})
}
