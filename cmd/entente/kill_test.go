package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"entente"
	"entente/node"
	"entente/store"
	"entente/store/storetest"
)

var (
	killCount = flag.Int("kills", 0, "how often TestKill kills a node, per engine; 0 for 50 on SQLite and 20 on PostgreSQL")
	killSeed  = flag.Uint64("kill-seed", 0, "what TestKill draws its requests from; 0 for a random one")
)

// TestKill kills a node with SIGKILL, again and again and at random moments, while several
// clients write, and holds what is there afterwards against what they were told: what was
// acknowledged is there byte for byte, what is there was sent, and a request without an
// answer was done by whole transactions or not at all. Readers go on with the cursors that
// they had before a kill, and lose and repeat nothing.
//
// Every 25 kills it begins with a fresh node, so that looking at everything stays cheap.
func TestKill(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			kills := *killCount
			if kills == 0 {
				kills = map[string]int{"sqlite": 50, "postgres": 20}[engine]
			}
			seed := *killSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("%d kills, -kill-seed %d", kills, seed)
			var total killTally
			const each = 25
			for n := 0; n < kills; n += each {
				if t.Run(fmt.Sprint("node", n/each+1), func(t *testing.T) {
					k := newKilling(t, engine, newURL(t), seed+uint64(n))
					k.run(min(each, kills-n))
					total.add(&k.killTally)
				}); t.Failed() {
					return
				}
			}
			t.Logf("%s", &total)
			if total.acked == 0 || total.lost == 0 || total.resumed == 0 {
				t.Error("the kills hit nothing; the test shows nothing")
			}
		})
	}
}

// killTally counts what a run was made of.
type killTally struct {
	kills    int // all of them
	starting int // while the node was starting
	stopping int // while it was shutting down
	idle     int // with nothing under way but the search index
	acked    int // requests that were answered
	objects  int // objects in them
	lost     int // requests under way at a kill
	done     int // of these, found done
	partly   int // found done by some of their transactions
	resumed  int // cursors that readers took over a kill
	held     int // entries of the nodes at their ends
}

func (a *killTally) add(b *killTally) {
	a.kills += b.kills
	a.starting += b.starting
	a.stopping += b.stopping
	a.idle += b.idle
	a.acked += b.acked
	a.objects += b.objects
	a.lost += b.lost
	a.done += b.done
	a.partly += b.partly
	a.resumed += b.resumed
	a.held += b.held
}

func (a *killTally) String() string {
	return fmt.Sprintf("%d kills (%d at start, %d at shutdown, %d while only the search index was at work); %d requests with %d objects acknowledged; %d requests cut off, of which %d were done and %d in part; %d cursors taken over a kill; %d entries at the end",
		a.kills, a.starting, a.stopping, a.idle, a.acked, a.objects, a.lost, a.done, a.partly, a.resumed, a.held)
}

// killing is one node that is killed, with its clients.
type killing struct {
	t      *testing.T
	data   string
	db     string // "" for SQLite
	url    string // of the database
	random *rand.Rand
	objs   string // path of the collection
	client *http.Client

	mu      sync.Mutex
	cmd     *exec.Cmd
	log     *killLog
	base    atomic.Pointer[string] // the node's URL
	writers []*killWriter
	shared  *killShared
	killTally
}

// killLog is a log that is read while it is written.
type killLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *killLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *killLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const killToken = "kill-token"

func newKilling(t *testing.T, engine, url string, seed uint64) *killing {
	k := &killing{t: t, data: t.TempDir(), url: url, random: rand.New(rand.NewPCG(seed, 0)), shared: newKillShared(),
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	t.Cleanup(k.client.CloseIdleConnections)
	if engine == "sqlite" {
		k.url = filepath.Join(k.data, "entente.db")
	} else {
		k.db = url
	}
	for n := range 3 {
		k.writers = append(k.writers, &killWriter{number: n + 1, random: rand.New(rand.NewPCG(seed, uint64(n+1))), shared: k.shared, objects: map[string]held{}})
	}
	k.direct(func(ctx context.Context, n *node.Node) {
		do := func(c entente.Command) string {
			r, err := n.Do(ctx, entente.LocalActor(), c)
			k.must(err)
			return r.ID
		}
		k.objs = "/api1/collections/" + do(entente.AddCollection{Name: "Killed"}) + "/"
		id := do(entente.AddAccount{Name: "operator", Roles: []entente.Role{entente.Operator}})
		do(entente.AddToken{Account: id, Hash: sha256.Sum256([]byte(killToken))})
	})
	return k
}

func (k *killing) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// direct works on the node's data without its program.
func (k *killing) direct(f func(context.Context, *node.Node)) {
	k.t.Helper()
	ctx := context.Background()
	st, err := store.Open(ctx, store.Options{URL: k.url})
	k.must(err)
	defer st.Close()
	n, err := node.Open(ctx, st, node.Config{Log: slog.New(slog.DiscardHandler)})
	k.must(err)
	f(ctx, n)
}

// launch starts the program. The channel gives its URL once it is ready, and is closed
// when it has ended or is ready.
func (k *killing) launch() <-chan string {
	k.cmd = exec.Command("entente", "serve", "--http", "--json", "--listen", "127.0.0.1:0", "--data", k.data, "--log-level", "warn")
	k.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + k.data, "ENTENTE_DB=" + k.db}
	k.log = &killLog{}
	k.cmd.Stderr = k.log
	out, err := k.cmd.StdoutPipe()
	k.must(err)
	k.must(k.cmd.Start())
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		line, err := bufio.NewReader(out).ReadBytes('\n')
		var v struct{ URL string }
		if err == nil && json.Unmarshal(line, &v) == nil {
			ready <- v.URL
		}
	}()
	return ready
}

// start starts the program and waits until it is ready.
func (k *killing) start() {
	k.t.Helper()
	url, ok := <-k.launch()
	if !ok {
		k.cmd.Wait()
		k.t.Fatalf("the node does not start again after kill %d; its log:\n%s", k.kills, k.log)
	}
	k.base.Store(&url)
}

// kill ends the program at once.
func (k *killing) kill() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
	k.kills++
	if text := k.log.String(); strings.Contains(text, "panic") || strings.Contains(text, "DATA RACE") {
		k.t.Errorf("the node's log:\n%s", text)
	}
}

func (k *killing) pause(most time.Duration) { time.Sleep(time.Duration(k.random.Int64N(int64(most)))) }

// run kills the node so many times.
func (k *killing) run(kills int) {
	defer func() {
		if k.cmd != nil && k.cmd.ProcessState == nil {
			_ = k.cmd.Process.Kill()
			_ = k.cmd.Wait()
		}
	}()
	reading, stop := context.WithCancel(context.Background())
	defer stop()
	all := k.read(reading, "manifest/", "match[version]=all")
	latest := k.read(reading, "manifest/", "")
	for round := range kills {
		switch round % 10 {
		case 3, 7: // while it starts
			ready := k.launch()
			k.pause(120 * time.Millisecond)
			k.kill()
			k.starting++
			for range ready {
			}
			continue
		}
		k.start()
		k.check()
		// Long enough for a large envelope now and then, however slow the machine is.
		long := min(700*time.Millisecond, max(300*time.Millisecond, k.writers[0].took*3/2))
		writing, quiet := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for _, w := range k.writers {
			wg.Go(func() { k.write(writing, w) })
		}
		k.pause(long)
		switch round % 10 {
		case 2, 9: // while it shuts down
			k.must(k.cmd.Process.Signal(syscall.SIGTERM))
			k.pause(40 * time.Millisecond)
			k.stopping++
		case 5: // while nothing but the search index is at work
			quiet()
			wg.Wait()
			k.pause(60 * time.Millisecond)
			k.idle++
		}
		k.kill()
		quiet()
		wg.Wait()
		k.client.CloseIdleConnections()
	}
	k.start()
	final := k.check()
	stop() // the readers go to the end
	k.compare(<-all, final.all, "all versions")
	k.compare(<-latest, final.latest, "the latest versions")
	k.must(k.cmd.Process.Signal(syscall.SIGTERM))
	k.must(k.cmd.Wait())
	k.search()
}

// request is answered, or gives an error if the answer did not come in full.
func (k *killing) request(method, path string, body []byte) (int, http.Header, []byte, error) {
	req, err := http.NewRequest(method, *k.base.Load()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+killToken)
	req.Header.Set("Accept", taxiiType)
	if method == "POST" {
		req.Header.Set("Content-Type", taxiiType)
	}
	res, err := k.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, text, err
}

// write is one client: it writes until told to end, or until a request gets no answer.
func (k *killing) write(ctx context.Context, w *killWriter) {
	for ctx.Err() == nil {
		s := w.draw()
		w.pending = s
		method, path, want := "DELETE", "", 404
		var body []byte
		if s.objects == nil {
			path = k.objs + "objects/" + s.id + "/"
			if s.stamp != "" {
				path += "?match[version]=" + s.stamp
			}
			if h := w.objects[s.id].clone(); h.remove(s.stamp) {
				want = 200
			}
		} else {
			var parts []string
			for _, o := range s.objects {
				parts = append(parts, o.body)
			}
			method, path, want = "POST", k.objs+"objects/", 202
			body = []byte(`{"objects":[` + strings.Join(parts, ",") + `]}`)
		}
		began := time.Now()
		status, _, text, err := k.request(method, path, body)
		took := time.Since(began)
		if err != nil || status == http.StatusServiceUnavailable {
			return
		}
		if status != want {
			k.t.Errorf("writer %d: %s %s: %d %.300s, want %d", w.number, method, path, status, text, want)
			return
		}
		taken := 0
		for i := range s.transactions() {
			taken += s.apply(w.objects, i)
		}
		w.pending, w.took = nil, took
		w.shared.ack(s.objects)
		k.mu.Lock()
		k.acked++
		k.objects += len(s.objects)
		k.mu.Unlock()
		var answer struct {
			Successes int `json:"success_count"`
		}
		if method == "POST" && (json.Unmarshal(text, &answer) != nil || answer.Successes != taken) {
			k.t.Errorf("writer %d: %d objects were taken, want %d", w.number, answer.Successes, taken)
		}
	}
}

// killEntry is a line of a manifest.
type killEntry struct {
	Added   string `json:"date_added"`
	ID      string `json:"id"`
	Version string `json:"version"`
}

type killPage struct {
	More    bool              `json:"more"`
	Next    string            `json:"next"`
	Objects []json.RawMessage `json:"objects"`
}

// pages reads a path to its end.
func (k *killing) pages(path, query string) []json.RawMessage {
	k.t.Helper()
	var out []json.RawMessage
	for next := query; ; {
		status, _, text, err := k.request("GET", path+"?"+next, nil)
		k.must(err)
		var p killPage
		if err := json.Unmarshal(text, &p); err != nil || status != 200 {
			k.t.Fatalf("%s?%s: %d %.300s", path, next, status, text)
		}
		out = append(out, p.Objects...)
		if !p.More {
			return out
		}
		next = "next=" + p.Next
	}
}

// killSnapshot is all that a node shows.
type killSnapshot struct{ all, latest []killEntry }

// manifest reads a manifest, whose dates must ascend.
func (k *killing) manifest(query string) (entries []killEntry) {
	k.t.Helper()
	for _, raw := range k.pages(k.objs+"manifest/", query) {
		var e killEntry
		k.must(json.Unmarshal(raw, &e))
		if n := len(entries); n > 0 && entries[n-1].Added >= e.Added {
			k.t.Fatalf("%s was added at %s, after what was added at %s", e.ID, e.Added, entries[n-1].Added)
		}
		entries = append(entries, e)
	}
	return entries
}

// check holds all that is there against what the clients remember.
func (k *killing) check() killSnapshot {
	t := k.t
	t.Helper()
	// PostgreSQL outlives the node: a commit that the node had sent may still be under
	// way there. An empty envelope waits for whoever holds the collection.
	if status, _, text, err := k.request("POST", k.objs+"objects/", []byte(`{}`)); err != nil || status != 202 {
		t.Fatalf("%d %s %v", status, text, err)
	}
	entries, bodies := k.manifest("match[version]=all"), k.pages(k.objs+"objects/", "match[version]=all")
	if len(entries) != len(bodies) {
		t.Fatalf("%d entries of the manifest, %d objects", len(entries), len(bodies))
	}
	there := map[string]map[string]string{}
	for i, e := range entries {
		if there[e.ID] == nil {
			there[e.ID] = map[string]string{}
		}
		if _, twice := there[e.ID][e.Version]; twice {
			t.Errorf("%s of %s is there twice", e.Version, e.ID)
		}
		there[e.ID][e.Version] = string(bodies[i])
	}
	for _, w := range k.writers {
		if s := w.pending; s != nil {
			k.lost++
			switch done := w.settle(there); {
			case done < 0:
				t.Errorf("writer %d: of the request that was cut off by kill %d (%d objects, or deletion of %q %q) there is neither all nor nothing", w.number, k.kills, len(s.objects), s.id, s.stamp)
			case done == s.transactions():
				k.done++
			case done > 0:
				k.partly++
			}
		}
		for id, h := range w.objects {
			if !maps.Equal(h.versions, there[id]) {
				t.Errorf("after kill %d: %s should be there in %d versions and is in %d, or with other bytes\nwant %.300v\ngot %.300v", k.kills, id, len(h.versions), len(there[id]), h.versions, there[id])
			}
			delete(there, id)
		}
	}
	k.checkShared(there)
	latest := k.manifest("")
	k.checkLatest(entries, latest)
	k.held = len(entries)
	if t.Failed() {
		t.Fatalf("the node's log:\n%s", k.log)
	}
	return killSnapshot{entries, latest}
}

// checkShared looks at what is left: the objects that several clients write.
func (k *killing) checkShared(there map[string]map[string]string) {
	s := k.shared
	for id, versions := range there {
		for stamp, body := range versions {
			key := killObject{id: id, stamp: stamp}.key()
			if !s.sent[key][body] {
				k.t.Errorf("nobody sent %s with %.200s", key, body)
			}
			if was, ok := s.fixed[key]; ok && was != body {
				k.t.Errorf("%s was %.200s and is %.200s", key, was, body)
			}
			s.fixed[key] = body
			s.acked[key] = true // what has been seen must stay
		}
	}
	for key := range s.acked {
		if _, ok := s.fixed[key]; !ok {
			k.t.Errorf("after kill %d: %s was acknowledged and is not there", k.kills, key)
		}
		id, stamp, _ := strings.Cut(key, " ")
		if _, ok := there[id][stamp]; !ok {
			k.t.Errorf("after kill %d: %s is not there", k.kills, key)
		}
	}
}

// checkLatest holds the view of the latest versions against that of all.
func (k *killing) checkLatest(all, latest []killEntry) {
	newest := map[string]killEntry{}
	for _, e := range all {
		if e.Version > newest[e.ID].Version {
			newest[e.ID] = e
		}
	}
	for _, e := range latest {
		if newest[e.ID] != e {
			k.t.Errorf("%v is shown as the latest, want %v", e, newest[e.ID])
		}
	}
	if len(latest) != len(newest) {
		k.t.Errorf("%d objects are shown, want %d", len(latest), len(newest))
	}
}

// read pages through a manifest for as long as ctx lasts, kills or not, and then to the
// end. The channel gives what it read.
func (k *killing) read(ctx context.Context, rest, query string) <-chan []killEntry {
	out := make(chan []killEntry, 1)
	random := rand.New(rand.NewPCG(k.random.Uint64(), 0))
	go func() {
		var got []killEntry
		defer func() { out <- got }()
		first, next, failed := query, "", false
		for {
			last := ctx.Err() != nil
			limit := 1000
			if !last {
				limit = 1 + random.IntN(20)
				time.Sleep(20 * time.Millisecond) // behind the writers, and not in their way
			}
			q := first + fmt.Sprintf("&limit=%d", limit)
			if next != "" {
				q += "&next=" + next
			}
			if k.base.Load() == nil {
				continue
			}
			status, _, text, err := k.request("GET", k.objs+rest+"?"+q, nil)
			if err != nil {
				failed = next != ""
				continue // killed: the same again
			}
			var p killPage
			if status != 200 || json.Unmarshal(text, &p) != nil {
				k.t.Errorf("a reader got %d %.300s", status, text)
				return
			}
			if failed {
				failed = false
				k.mu.Lock()
				k.resumed++
				k.mu.Unlock()
			}
			for _, raw := range p.Objects {
				var e killEntry
				if err := json.Unmarshal(raw, &e); err != nil {
					k.t.Error(err)
					return
				}
				got = append(got, e)
			}
			switch {
			case p.More:
				next = p.Next
			case last:
				return
			case len(got) > 0: // nothing more for now: whatever comes after the last
				next, first = "", query+"&added_after="+got[len(got)-1].Added
			}
		}
	}()
	return out
}

// compare holds what a reader got, page by page, against what is there: all of it, in its
// order, nothing twice, and besides only what was there for a while.
func (k *killing) compare(got, want []killEntry, what string) {
	seen := map[killEntry]bool{}
	for i, e := range got {
		if i > 0 && got[i-1].Added >= e.Added {
			k.t.Errorf("the reader of %s got %v after %v", what, e, got[i-1])
		}
		seen[e] = true
		if !k.known(e) {
			k.t.Errorf("the reader of %s got %v, which nobody sent", what, e)
		}
	}
	for _, e := range want {
		if !seen[e] {
			k.t.Errorf("the reader of %s missed %v", what, e)
			return
		}
	}
}

// known reports whether a version was sent at some time.
func (k *killing) known(e killEntry) bool {
	if o := (killObject{id: e.ID, stamp: e.Version}); o.shared() {
		return k.shared.sent[o.key()] != nil
	}
	for _, w := range k.writers {
		if h, ok := w.objects[e.ID]; ok {
			_, live := h.versions[e.Version]
			return live || h.deleted[e.Version]
		}
	}
	return false
}

// search lets the search index catch up and looks for every object by its word.
func (k *killing) search() {
	// A process that was killed at it keeps the lease of the index for a moment.
	k.direct(func(ctx context.Context, n *node.Node) {
		k.must(n.CatchUp(ctx, nil))
		found, err := n.Search(ctx, entente.LocalActor(), killWord, nil, 1<<20)
		k.must(err)
		ids := map[string]bool{}
		for _, m := range found {
			ids[string(m.Entry.ID)] = true
		}
		want := 0
		for _, w := range k.writers {
			for id, h := range w.objects {
				if len(h.versions) == 0 {
					continue
				}
				want++
				if !ids[id] {
					k.t.Errorf("the search does not find %s", id)
				}
			}
		}
		for id := range ids {
			if (killObject{id: id}).shared() {
				want++
			}
		}
		if len(ids) != want {
			k.t.Errorf("the search finds %d objects, want %d", len(ids), want)
		}
	})
}

// TestKillFirstStart kills a node while it makes itself. The next start goes on from
// whatever is there, and makes what is missing once.
func TestKillFirstStart(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			for n := range 6 {
				k := &killing{t: t, data: t.TempDir(), url: newURL(t), random: rand.New(rand.NewPCG(rand.Uint64(), uint64(n)))}
				if engine == "sqlite" {
					k.url = filepath.Join(k.data, "entente.db")
				} else {
					k.db = k.url
				}
				for range 2 {
					ready := k.launch()
					k.pause(400 * time.Millisecond)
					k.kill()
					for range ready {
					}
				}
				k.start()
				k.direct(func(ctx context.Context, n *node.Node) {
					roots, err := n.Roots(ctx, entente.LocalActor())
					k.must(err)
					accounts, err := n.Accounts(ctx, entente.LocalActor())
					k.must(err)
					if len(roots) != 1 || len(accounts) != 1 || !accounts[0].LastingOperator() {
						t.Errorf("roots %v, accounts %v", roots, accounts)
					}
				})
				k.kill()
			}
		})
	}
}
