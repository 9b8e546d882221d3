package node

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"entente"
	"entente/store/storetest"
	"entente/taxii"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// eachEngine runs a test per engine, with a node on a store of its own.
func eachEngine(t *testing.T, test func(*testing.T, *Node)) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			n, err := Open(t.Context(), storetest.Open(t, newURL(t)), Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
			if err != nil {
				t.Fatal(err)
			}
			test(t, n)
		})
	}
}

// collect makes a collection.
func (n *Node) collect(t testing.TB, name string) string {
	t.Helper()
	r, err := n.Do(context.Background(), entente.LocalActor(), entente.AddCollection{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func patientClient(t testing.TB, address string) *taxii.Client {
	t.Helper()
	c, err := taxii.NewClient(address, taxii.ClientConfig{Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tool is version v of object n; versions and objects may be many, dates are the server's.
func tool(n, v int) foreignEntry {
	id := fmt.Sprintf("tool--00000000-0000-4000-8000-%012d", n)
	version := fmt.Sprintf("2026-01-01T00:%02d:%02d.%03dZ", v/60%60, v%60, n%1000)
	return foreignEntry{id: id, version: version, object: fmt.Sprintf(
		`{"type":"tool","spec_version":"2.1","id":%q,"created":"2026-01-01T00:00:00.000Z","modified":%q,"name":"n"}`, id, version)}
}

// odd are objects that are to be taken as well: of STIX 2.0, without a version, and without
// spec_version.
func odd(n int) []foreignEntry {
	hash := fmt.Sprintf("%012d", n)
	return []foreignEntry{
		{id: "ipv4-addr--00000000-0000-5000-8000-" + hash, version: "2026-01-01T00:00:00Z", object: `{"type":"ipv4-addr","id":"ipv4-addr--00000000-0000-5000-8000-` + hash + `","value":"192.0.2.1"}`},
		{id: "malware--00000000-0000-4000-8000-" + hash, version: "2026-01-01T00:00:00.000Z", object: `{"type":"malware","id":"malware--00000000-0000-4000-8000-` + hash +
			`","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"n","is_family":false}`},
	}
}

// broken are no STIX objects; the list around them is JSON.
func broken(n int) []foreignEntry {
	id := fmt.Sprintf("tool--00000000-0000-4000-8000-%012dx", n)
	return []foreignEntry{
		{id: id, version: "never", object: `{"type":"tool","id":"` + id + `"}`},
		{id: "nothing", version: "never", object: `[1]`},
		{id: fmt.Sprint("tool--twice", n), version: "never", object: `{"id":"tool--twice` + fmt.Sprint(n) + `","type":"tool","type":"tool"}`},
	}
}

// held lists a collection's versions, each as "id version".
func held(t testing.TB, n *Node, collection string) []string {
	t.Helper()
	ctx := context.Background()
	c, err := n.CollectionNamed(ctx, entente.LocalActor(), collection)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for after, more := int64(0), true; more; {
		p, err := n.Feed(ctx, entente.LocalActor(), c, Query{After: after, Limit: 1000, Bodies: true, Filter: entente.Filter{
			Versions: entente.VersionFilter{All: true}, Specs: []entente.Spec{entente.Spec20, entente.Spec21}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			out = append(out, string(e.Bytes))
		}
		more, after = p.More, p.Next
	}
	slices.Sort(out)
	return out
}

func objectsOf(entries []foreignEntry) []string {
	var out []string
	for _, e := range entries {
		if !strings.Contains(e.version, "never") {
			out = append(out, e.object)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func drawFaults(t *rapid.T) faults {
	return faults{
		Comma:       rapid.IntRange(0, 5).Draw(t, "comma") == 0,
		Cap:         rapid.IntRange(1, 6).Draw(t, "cap"),
		Cursor:      rapid.SampledFrom([]string{"good", "none", "same", "circle", "dead", "dying", "spent"}).Draw(t, "cursor"),
		Endless:     rapid.Bool().Draw(t, "endless"),
		Hollow:      rapid.Bool().Draw(t, "hollow"),
		Undated:     rapid.Bool().Draw(t, "undated"),
		Shuffled:    rapid.Bool().Draw(t, "shuffled"),
		Deaf:        rapid.IntRange(0, 3).Draw(t, "deaf") == 0,
		Group:       rapid.IntRange(1, 4).Draw(t, "group"),
		Strict:      rapid.IntRange(0, 3).Draw(t, "strict") == 0,
		Manifest:    rapid.Bool().Draw(t, "manifest"),
		Flaky:       rapid.SampledFrom([]int{0, 0, 5}).Draw(t, "flaky"),
		Gzip:        rapid.Bool().Draw(t, "gzip"),
		ContentType: rapid.SampledFrom([]string{"application/taxii+json;version=2.1", `application/taxii+json; charset="utf-8"; version="2.1"`, "application/json", "text/plain"}).Draw(t, "type"),
		Twice:       rapid.Bool().Draw(t, "twice"),
	}
}

// drawEntries makes what a server holds.
func drawEntries(t *rapid.T, from int) []foreignEntry {
	var out []foreignEntry
	for i := range rapid.IntRange(0, 16).Draw(t, "objects") {
		out = append(out, tool(from+i/2, i))
	}
	if rapid.Bool().Draw(t, "odd") {
		out = append(out, odd(from)...)
	}
	if rapid.Bool().Draw(t, "broken") {
		out = append(out, broken(from)...)
	}
	if rapid.Bool().Draw(t, "mixed") {
		out = rapid.Permutation(out).Draw(t, "order")
	}
	return out
}

// testPull is one pull of a foreign server, with what is kept between its runs.
type testPull struct {
	n    *Node
	c    *taxii.Client
	r    entente.Remote
	kept []byte // the progress, as the store would keep it
}

func (p *testPull) run(ctx context.Context) (PullReport, error) {
	r := p.r
	if p.kept != nil {
		if err := json.Unmarshal(p.kept, &r.Progress); err != nil {
			return PullReport{}, err
		}
	}
	return p.n.pull(ctx, entente.LocalActor(), p.c, &r, PullOptions{}, func(ctx context.Context) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		p.kept, err = json.Marshal(r.Progress)
		return err
	})
}

// fewer draws that many cases unless the flag asks for another number: each case here is
// a server and some pulls of it.
func fewer(t *testing.T, cases string) {
	f := flag.Lookup("rapid.checks")
	if usual := f.Value.String(); usual == f.DefValue {
		_ = f.Value.Set(cases)
		t.Cleanup(func() { _ = f.Value.Set(usual) })
	}
}

const firstDate = 1_767_225_600_000_000

// maxAsked bounds the requests of a pull in these tests: none is anywhere near without end.
const maxAsked = 4000

// TestPullAnyServer pulls from servers with faults in any combination: the pull ends, and
// everything that the server can be brought to give is taken exactly once; so is what is
// added later, by a second pull.
func TestPullAnyServer(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		fewer(t, "30")
		defer n.st.Close()
		count := 0
		rapid.Check(t, func(rt *rapid.T) {
			f := drawFaults(rt)
			if !f.reachable() {
				f.Manifest = true
			}
			s := newForeign(t, f)
			defer s.Close()
			c := patientClient(t, s.URL)
			defer c.Close()
			count++
			p := &testPull{n: n, c: c, r: entente.Remote{Collection: n.collect(t, fmt.Sprint("C", count)), Root: s.URL + "/api/", There: "c"}}
			for round := range 2 {
				s.add(firstDate+int64(round)*1000, drawEntries(rt, round*100)...)
				before := s.asked()
				rep, err := p.run(t.Context())
				if err != nil {
					rt.Fatalf("round %d: %v, %+v", round, err, rep)
				}
				if d := s.asked() - before; d > maxAsked {
					rt.Fatalf("round %d: %d requests for %d entries", round, d, len(s.entries))
				}
				want, got := objectsOf(s.entries), held(t, n, p.r.Collection)
				if !slices.Equal(got, want) {
					rt.Fatalf("round %d: %d held, %d on the server; %+v\n%s", round, len(got), len(want), rep, missingFrom(got, want))
				}
			}
		})
	})
}

func missingFrom(got, want []string) string {
	var out []string
	for _, w := range want {
		if !slices.Contains(got, w) {
			out = append(out, "missing "+w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			out = append(out, "too much "+g)
		}
	}
	return strings.Join(out[:min(5, len(out))], "\n")
}

// TestPullCutOff stops pulls at random requests and goes on from what was kept: nothing is
// lost, nothing comes twice.
func TestPullCutOff(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		fewer(t, "30")
		count := 0
		rapid.Check(t, func(rt *rapid.T) {
			f := drawFaults(rt)
			if !f.reachable() || f.Cursor == "spent" { // a page that was on its way is to be had no more
				f.Manifest = true
			}
			s := newForeign(t, f)
			defer s.Close()
			c := patientClient(t, s.URL)
			defer c.Close()
			count++
			p := &testPull{n: n, c: c, r: entente.Remote{Collection: n.collect(t, fmt.Sprint("C", count)), Root: s.URL + "/api/", There: "c"}}
			s.add(firstDate, drawEntries(rt, 0)...)
			for range rapid.IntRange(1, 4).Draw(rt, "cuts") {
				ctx, cancel := context.WithCancel(t.Context())
				at := s.asked() + rapid.IntRange(1, 12).Draw(rt, "at")
				s.mu.Lock()
				s.onAsk = func(n int) {
					if n == at {
						cancel()
					}
				}
				s.mu.Unlock()
				_, _ = p.run(ctx)
				cancel()
			}
			s.mu.Lock()
			s.onAsk = nil
			s.mu.Unlock()
			rep, err := p.run(t.Context())
			want, got := objectsOf(s.entries), held(t, n, p.r.Collection)
			if err != nil || !slices.Equal(got, want) {
				rt.Fatalf("%v: %d held, %d on the server; %+v\n%s", err, len(got), len(want), rep, missingFrom(got, want))
			}
		})
	})
}

// TestPullEachFault pulls from servers with one fault each, or with few that make one
// another worse, and checks what the pull says of them.
func TestPullEachFault(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		var all []foreignEntry
		for i := range 14 {
			all = append(all, tool(i, 0))
		}
		for name, c := range map[string]struct {
			faults
			remark string // a part of one
			most   int    // requests
		}{
			"no cursor":                        {faults{Cursor: "none", Group: 1}, "pages without a cursor", 10},
			"one date per batch":               {faults{Cursor: "none", Group: 3}, "pages without a cursor", 20},
			"a date that fills pages":          {faults{Cursor: "none", Group: 7, Manifest: true}, "pages without a cursor", 40},
			"a cursor that each use spends":    {faults{Cursor: "spent", Group: 100, Manifest: true}, "", 20},
			"a cursor without its versions":    {faults{Cursor: "keyed", Group: 100, Manifest: true}, "", 20},
			"more for ever":                    {faults{Cursor: "good", Group: 1, Endless: true}, "there is more, and gives nothing", 10},
			"the same cursor for ever":         {faults{Cursor: "same", Group: 1}, "a cursor that it gave before", 30},
			"new cursors in a circle":          {faults{Cursor: "circle", Group: 1}, "on and on without anything new", 60},
			"cursors that die":                 {faults{Cursor: "dead", Group: 1}, "forgot a cursor", 30},
			"cursors that die, disorder":       {faults{Cursor: "dying", Group: 1, Shuffled: true, Manifest: true}, "forgot a cursor", 40},
			"empty pages between":              {faults{Cursor: "good", Group: 1, Hollow: true}, "", 20},
			"no dates":                         {faults{Cursor: "good", Group: 1, Undated: true}, "no manifest", 10},
			"no dates but in the manifest":     {faults{Cursor: "good", Group: 1, Undated: true, Manifest: true}, "", 10},
			"no dates, no cursor":              {faults{Cursor: "none", Group: 1, Undated: true, Manifest: true}, "does not heed added_after, or tells no dates", 30},
			"it does not heed added_after":     {faults{Cursor: "good", Group: 1, Deaf: true}, "", 10},
			"it refuses limit and match":       {faults{Cursor: "good", Group: 1, Strict: true}, "only the latest versions", 10},
			"a comma too many":                 {faults{Cursor: "good", Group: 1, Comma: true, Manifest: true}, "a page is not JSON", 40},
			"breaks off, is busy":              {faults{Cursor: "good", Group: 1, Flaky: 2}, "", 40},
			"breaks off and compresses, twice": {faults{Cursor: "good", Group: 1, Flaky: 3, Gzip: true, Twice: true}, "", 30},
		} {
			c.Cap = 4
			s := newForeign(t, c.faults)
			bad := broken(0) // the one without an id cannot be told from another one like it
			s.add(firstDate, slices.Concat(all, odd(0), bad[:1], bad[2:])...)
			k := patientClient(t, s.URL)
			p := &testPull{n: n, c: k, r: entente.Remote{Collection: n.collect(t, name), Root: s.URL + "/api/", There: "c"}}
			rep, err := p.run(t.Context())
			if err != nil || rep.Incomplete || rep.Added != len(all)+2 || rep.Refused != 2 {
				t.Errorf("%s: %+v, %v", name, rep, err)
			}
			if d := missingFrom(held(t, n, p.r.Collection), objectsOf(s.entries)); d != "" {
				t.Errorf("%s: %s", name, d)
			}
			if text := strings.Join(rep.Remarks, "; "); !strings.Contains(text, c.remark) {
				t.Errorf("%s: remarks %q", name, text)
			}
			if s.asked() > c.most {
				t.Errorf("%s: %d requests", name, s.asked())
			}
			k.Close()
			s.Close()
		}
	})
}

// TestPullGoesOnWithALostCursor cuts a pull off after a page that is not the oldest, and
// lets the server forget the cursor meanwhile: what is older is taken all the same.
func TestPullGoesOnWithALostCursor(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		s := newForeign(t, faults{Cap: 2, Cursor: "good", Group: 1, Shuffled: true})
		s.add(firstDate, tool(1, 0), tool(2, 0), tool(3, 0), tool(4, 0), tool(5, 0), tool(6, 0))
		c := patientClient(t, s.URL)
		defer c.Close()
		p := &testPull{n: n, c: c, r: entente.Remote{Collection: n.collect(t, "C"), Root: s.URL + "/api/", There: "c"}}
		ctx, cancel := context.WithCancel(t.Context())
		s.onAsk = func(n int) {
			if n == 2 {
				cancel()
			}
		}
		if _, err := p.run(ctx); err == nil || !bytes.Contains(p.kept, []byte(`"Next":"1"`)) {
			t.Fatalf("cut off: %v, kept %s", err, p.kept)
		}
		s.mu.Lock()
		s.forget = true
		s.mu.Unlock()
		rep, err := p.run(t.Context())
		if got := held(t, n, p.r.Collection); err != nil || len(got) != 6 || rep.Incomplete {
			t.Errorf("%d held; %+v, %v", len(got), rep, err)
		}
	})
}

// TestPullSoundServer pulls from a server without faults: there is nothing to remark, each
// object costs its page, and the next pull asks for the last date only.
func TestPullSoundServer(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		s := newForeign(t, faults{Cap: 10, Cursor: "good", Group: 1, ContentType: taxii.MediaType})
		var all []foreignEntry
		for i := range 95 {
			all = append(all, tool(i, 0))
		}
		s.add(firstDate, all...)
		c := patientClient(t, s.URL)
		defer c.Close()
		p := &testPull{n: n, c: c, r: entente.Remote{Collection: n.collect(t, "C"), Root: s.URL + "/api/", There: "c"}}
		rep, err := p.run(t.Context())
		if err != nil || rep.Added != 95 || rep.Read != 95 || rep.Pages != 10 || len(rep.Remarks) > 0 || rep.Incomplete || s.asked() != 10 {
			t.Fatalf("%+v, %v after %d requests", rep, err, s.asked())
		}
		rep, err = p.run(t.Context())
		if err != nil || rep.Added != 0 || rep.Read != 1 || s.asked() != 11 {
			t.Fatalf("again: %+v, %v after %d requests", rep, err, s.asked())
		}
	})
}

// TestPullManyOfOneDate pulls what a server added at one moment, more than a page of it:
// where its pages stand on that date, or its manifest does, larger ones are asked for.
func TestPullManyOfOneDate(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		var all []foreignEntry
		for i := range pageLimit + 200 {
			all = append(all, tool(max(i, 995), i)) // the first thousand are one object's versions
		}
		for i, f := range []faults{
			{Cursor: "keyed", Group: 1 << 20, Manifest: true, Bare: true}, // by cursor, which loses some
			{Cursor: "none", Group: 1 << 20},                              // by date alone
		} {
			s := newForeign(t, f)
			s.add(firstDate, all...)
			c := patientClient(t, s.URL)
			p := &testPull{n: n, c: c, r: entente.Remote{Collection: n.collect(t, fmt.Sprint("C", i)), Root: s.URL + "/api/", There: "c"}}
			rep, err := p.run(t.Context())
			if d := missingFrom(held(t, n, p.r.Collection), objectsOf(all)); err != nil || rep.Incomplete || d != "" {
				t.Errorf("%+v: %+v, %v\n%s", f, rep, err, d)
			}
			c.Close()
		}
	})
}

// TestPullMendsSpecVersion pulls from a server that gives the type of each object as its
// spec_version: the objects are taken as what they were before.
func TestPullMendsSpecVersion(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		s := newForeign(t, faults{Cap: 10, Cursor: "good", Group: 1})
		want := tool(1, 0)
		bad, worse := want, tool(2, 0)
		bad.object = strings.Replace(want.object, `"2.1"`, `"tool"`, 1)
		worse.object = strings.Replace(worse.object, `"2.1"`, `"malware"`, 1)
		s.add(firstDate, bad, worse)
		c := patientClient(t, s.URL)
		defer c.Close()
		p := &testPull{n: n, c: c, r: entente.Remote{Collection: n.collect(t, "C"), Root: s.URL + "/api/", There: "c"}}
		rep, err := p.run(t.Context())
		if err != nil || rep.Added != 1 || rep.Refused != 1 || !strings.Contains(strings.Join(rep.Remarks, ""), "spec_version") {
			t.Errorf("%+v, %v", rep, err)
		}
		if d := missingFrom(held(t, n, p.r.Collection), []string{want.object}); d != "" {
			t.Error(d)
		}
	})
}

// TestPullTellsDoubt pulls from servers that hide objects: the pull says so and looks at
// the same stretch again.
func TestPullTellsDoubt(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		for i, f := range []faults{
			{Cap: 3, Cursor: "none", Group: 5},                // more of one date than a page holds
			{Cap: 3, Cursor: "circle", Group: 1, Deaf: true},  // the first page for ever
			{Cap: 3, Cursor: "none", Group: 1, Undated: true}, // no way on
		} {
			s := newForeign(t, f)
			s.add(firstDate, tool(1, 0), tool(2, 0), tool(3, 0), tool(4, 0), tool(5, 0), tool(6, 0))
			c := patientClient(t, s.URL)
			p := &testPull{n: n, c: c, r: entente.Remote{Collection: n.collect(t, fmt.Sprint("C", i)), Root: s.URL + "/api/", There: "c"}}
			for range 2 {
				rep, err := p.run(t.Context())
				if err != nil || !rep.Incomplete || len(rep.Remarks) == 0 || bytes.Contains(p.kept, []byte(`"Taken":1`)) {
					t.Errorf("%+v: %+v, %v; kept %s", f, rep, err, p.kept)
				}
			}
			c.Close()
		}
	})
}

// TestSchedule runs a kept pull by its schedule, and lets nobody else run it meanwhile.
func TestSchedule(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		s := newForeign(t, faults{Cap: 2, Cursor: "good", Group: 1, ContentType: taxii.MediaType})
		s.add(firstDate, tool(1, 0), tool(2, 0), tool(3, 0))
		hold, held1 := make(chan struct{}), make(chan struct{})
		var once atomic.Bool
		s.onAsk = func(int) {
			if once.CompareAndSwap(false, true) {
				close(held1)
				<-hold
			}
		}
		who := entente.LocalActor()
		add := entente.AddRemote{Remote: entente.Remote{Name: "p", Collection: n.collect(t, "C"), Root: s.URL + "/api/", There: "c", Every: entente.MinEvery, Access: entente.RemoteAccess{Token: "secret", AllowHTTP: true}}}
		if _, err := n.Do(t.Context(), who, add); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Do(t.Context(), who, add); entente.KindOf(err) != entente.Conflict {
			t.Errorf("the same name again: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = n.Run(ctx)
		}()
		<-held1
		if _, err := n.RunRemote(t.Context(), who, "p", PullOptions{}); entente.KindOf(err) != entente.Unavailable {
			t.Errorf("beside the schedule: %v", err)
		}
		close(hold)
		wait(t, func() bool {
			all, err := n.Remotes(t.Context(), who)
			return err == nil && len(all) == 1 && all[0].Progress.Ended != 0 && all[0].Progress.Taken == firstDate+20 && all[0].Access.Token != "secret"
		})
		s.add(firstDate+1000, tool(4, 0))
		wait(t, func() bool { return len(held(t, n, add.Remote.Collection)) == 4 })
		stop()
		<-ended
		if _, err := n.Do(t.Context(), who, entente.RemoveCollection{Collection: add.Remote.Collection, EvenIfFull: true}); err != nil {
			t.Fatal(err)
		}
		if all, err := n.Remotes(t.Context(), who); err != nil || len(all) != 0 {
			t.Errorf("after its collection was removed: %+v, %v", all, err)
		}
	})
}

// wait waits for a condition, with a bound that only a failure reaches.
func wait(t *testing.T, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("it does not come to pass")
}
