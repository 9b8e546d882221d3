package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"entente"
	"entente/node"
	"entente/store"
	"entente/taxii"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a node on a store of its own, served on a local port, with accounts that hold
// each of the rights. Its clock stands still but for a microsecond per look.
type world struct {
	t       *testing.T
	node    *node.Node
	server  *Server
	base    string
	client  *http.Client
	clock   *atomic.Int64
	log     *locked
	readers map[string]string // account name to account id

	shelf, other string // ids of two collections; the accounts' rights are on shelf
}

const start = 1_767_225_600_000_000 // 2026-01-01T00:00:00Z

// The accounts of a world: what each may do with the shelf. Each one's token is its name.
var rights = map[string]entente.Grant{
	"reader":   {Read: true},
	"writer":   {Write: true},
	"editor":   {Read: true, Write: true},
	"stranger": {},
}

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, clock: &atomic.Int64{}, log: &locked{}, readers: map[string]string{}}
	w.clock.Store(start)
	st, err := store.Open(ctx, store.Options{URL: filepath.Join(t.TempDir(), "node.db")})
	w.must(err)
	t.Cleanup(func() { w.must(st.Close()) })
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.node, err = node.Open(ctx, st, node.Config{Now: func() int64 { return w.clock.Add(1) }, Log: log, MaxContentLength: 1 << 20})
	w.must(err)
	op := entente.LocalActor()
	do := func(c entente.Command) string {
		r, err := w.node.Do(ctx, op, c)
		w.must(err)
		return r.ID
	}
	w.shelf = do(entente.AddCollection{Name: "Shelf", Alias: "shelf", Description: "What is shared"})
	w.other = do(entente.AddCollection{Name: "Other"})
	for name, g := range rights {
		g.Account, g.Collection = do(entente.AddAccount{Name: name, Service: true}), w.shelf
		w.readers[name] = g.Account
		do(entente.SetGrant(g))
	}
	w.readers["operator"] = do(entente.AddAccount{Name: "operator", Roles: []entente.Role{entente.Operator}})
	for name, id := range w.readers {
		do(entente.AddToken{Account: id, Hash: sha256.Sum256([]byte(name))})
	}
	w.server, err = New(w.node, cfg, log)
	w.must(err)
	w.serve()
	return w
}

// locked keeps a log that many goroutines write.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (w *world) serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := w.server // a test may replace it
	go func() { ended <- server.Serve(ctx, l) }()
	transport := &http.Transport{DisableCompression: true}
	w.base, w.client = "http://"+l.Addr().String(), &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w.t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		w.must(<-ended)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// request is one request; where as is set, it is signed in with the token of that account.
type request struct {
	method, path, as string
	header           map[string]string // "" takes a header away
	body             string
	chunked          bool
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(q request) reply {
	w.t.Helper()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
		if q.chunked {
			body = io.MultiReader(body) // hides the length
		}
	}
	r, err := http.NewRequest(q.method, w.base+q.path, body)
	w.must(err)
	r.Header.Set("Accept", taxii.MediaType)
	if q.method == "POST" {
		r.Header.Set("Content-Type", taxii.MediaType)
	}
	if q.as != "" {
		r.Header.Set("Authorization", "Bearer "+q.as)
	}
	for name, value := range q.header {
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) reply {
	w.t.Helper()
	res, err := w.client.Do(r)
	w.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	w.must(err)
	got := reply{res.StatusCode, res.Header, string(text)}
	w.described(r, got)
	return got
}

func (w *world) get(as, path string) reply {
	w.t.Helper()
	return w.do(request{method: "GET", path: path, as: as})
}

// at is a path below the shelf.
func (w *world) at(rest string) string { return "/api1/collections/" + w.shelf + "/" + rest }

// post posts objects to the shelf and gives the status.
func (w *world) post(as string, objects ...string) taxii.Status {
	w.t.Helper()
	r := w.do(request{method: "POST", path: w.at("objects/"), as: as, body: `{"objects":[` + strings.Join(objects, ",") + `]}`})
	if r.status != http.StatusAccepted {
		w.t.Fatalf("%d: %s", r.status, r.body)
	}
	return decode[taxii.Status](w.t, r)
}

// decode reads a body, which must have no members that the resource does not have.
func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.body), &v, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	return v
}

// served is what pages are read as.
type served struct {
	More    bool         `json:"more"`
	Next    string       `json:"next"`
	Objects []rawMessage `json:"objects"`
}

type rawMessage []byte

func (m *rawMessage) UnmarshalJSON(b []byte) error {
	*m = bytes.Clone(b)
	return nil
}

// indicator is a STIX object: number n in a version of minute m.
func indicator(n, m int) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"%s","created":"2020-01-01T00:00:00.000Z","modified":"%s","pattern":"[ipv4-addr:value = '192.0.2.1']","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z"}`,
		indicatorID(n), minute(m))
}

func indicatorID(n int) string { return fmt.Sprintf("indicator--00000000-0000-4000-8000-%012x", n) }

func minute(m int) string { return fmt.Sprintf("2020-01-01T%02d:%02d:00.000Z", m/60, m%60) }
