package selftest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"entente"
	"entente/api"
	"entente/ledger"
	"entente/node"
	"entente/store"
)

// side is one of the two nodes, with its server.
type side struct {
	st     *store.Store
	node   *node.Node
	base   string
	random stream             // what the node draws
	mu     sync.Mutex         //
	own    map[string]*stream // what answers to an account carry, by its id
	end    []func()
}

// pair is two nodes with one clock. The second one lives through what is hidden as well.
type pair struct {
	clock  atomic.Int64 // microseconds since 1970; it stands still but for visible steps
	sides  [2]*side
	boss   [2]entente.Actor // two people of home who decide; the same on both nodes
	home   string           // id of home's organisation
	client *http.Client
	dir    string
}

const beginning = 1_780_000_000_000_000

// newPair makes two nodes.
func newPair(ctx context.Context, o Options, seed string) (*pair, error) {
	dir, err := os.MkdirTemp("", "entente-selftest-")
	if err != nil {
		return nil, err
	}
	p := &pair{dir: dir, client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4}}}
	p.clock.Store(beginning)
	for i := range p.sides {
		s := &side{own: map[string]*stream{}}
		p.sides[i] = s
		if err := p.open(ctx, s, i, o, seed); err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	if err := errors.Join(p.people(ctx), p.keys(ctx)); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// keys has both nodes enter what there is into their ledgers, which draws the key that signs these: later
// the one that has lived through more would draw another.
func (p *pair) keys(ctx context.Context) error {
	for _, s := range p.sides {
		s.random.set("keys")
		if err := s.node.CatchUpLedger(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *pair) open(ctx context.Context, s *side, i int, o Options, seed string) error {
	url, drop, err := store.Scratch(ctx, o.DB, filepath.Join(p.dir, fmt.Sprintf("node%d.db", i)))
	if err != nil {
		return err
	}
	s.end = append(s.end, drop)
	if s.st, err = store.Open(ctx, store.Options{URL: url}); err != nil {
		return err
	}
	s.end = append(s.end, func() { s.st.Close() })
	s.random.set(seed + " open")
	log := slog.New(slog.DiscardHandler)
	s.node, err = node.Open(ctx, s.st, node.Config{Now: p.clock.Load, Random: &s.random, RandomFor: s.randomFor, Salts: saltOf, Log: log, MaxContentLength: 1 << 20})
	if err != nil {
		return err
	}
	server, err := api.New(s.node, api.Config{}, log)
	if err != nil {
		return err
	}
	handler := server.Handler()
	if o.Wrap != nil {
		handler = o.Wrap(handler, s.node, i)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.Serve(l) }()
	s.base = "http://" + l.Addr().String()
	s.end = append(s.end, func() { srv.Close(); <-ended })
	return nil
}

// randomFor is what answers to an account carry that is random: the same on both nodes.
func (s *side) randomFor(account string) io.Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own[account] == nil {
		s.own[account] = &stream{seed: "account " + account}
	}
	return s.own[account]
}

// verify holds the ledger of each node against what else the node has: whatever it lived
// through, an outsider must find it sound.
func (p *pair) verify(ctx context.Context) error {
	for i, s := range p.sides {
		if _, err := s.node.VerifyLedger(ctx, entente.LocalActor(), ledger.Options{}); err != nil {
			return fmt.Errorf("the ledger of node %d: %w", i, err)
		}
	}
	return nil
}

func (p *pair) close() error {
	p.client.CloseIdleConnections()
	for _, s := range p.sides {
		if s == nil {
			continue
		}
		for i := len(s.end) - 1; i >= 0; i-- {
			s.end[i]()
		}
	}
	return os.RemoveAll(p.dir)
}

// both does a command on both nodes, which must come to the same.
func (p *pair) both(ctx context.Context, seed string, a entente.Actor, c entente.Command) (entente.Receipt, error) {
	var got [2]entente.Receipt
	for i, s := range p.sides {
		s.random.set(seed)
		var err error
		if got[i], err = s.node.Do(ctx, a, c); err != nil {
			return got[i], fmt.Errorf("%T: %w", c, err)
		}
	}
	if got[0].ID != got[1].ID {
		return got[0], fmt.Errorf("%T made %s on one node and %s on the other", c, got[0].ID, got[1].ID)
	}
	return got[0], nil
}

// people makes the two who decide at home.
func (p *pair) people(ctx context.Context) error {
	all, err := p.sides[0].node.Organisations(ctx, entente.LocalActor())
	if err != nil {
		return err
	}
	p.home = all[0].ID
	for i, name := range []string{"first", "second"} {
		r, err := p.both(ctx, name, entente.LocalActor(), entente.AddAccount{Name: name, Roles: []entente.Role{entente.Releaser}})
		if err != nil {
			return err
		}
		secret := sha256.Sum256([]byte(name))
		if _, err := p.both(ctx, name+" token", entente.LocalActor(), entente.AddToken{Account: r.ID, Hash: secret}); err != nil {
			return err
		}
		if p.boss[i], err = p.sides[0].node.SignInToken(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// request is what somebody asks over HTTP.
type request struct {
	method, path string
	header       map[string]string
	token        string
	body         []byte
}

func (r request) String() string {
	text := r.method + " " + r.path
	for name, value := range r.header {
		text += "\n" + name + ": " + value
	}
	if len(r.body) > 0 {
		text += "\n\n" + string(r.body)
	}
	return text
}

// ask asks one node.
func (p *pair) ask(ctx context.Context, s *side, r request) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, s.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return newAnswer(resp.StatusCode, resp.Header, body), err
}
