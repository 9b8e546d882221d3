package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"entente"
	"entente/ledger"
	"entente/node"
	"entente/store"
	"entente/store/storetest"
)

// town is some nodes, each served as a witness over loopback.
type town struct {
	*testing.T
	clock atomic.Int64
}

type townNode struct {
	*node.Node
	path string
	url  string
	vkey string      // as a witness
	lost atomic.Bool // what it answers does not arrive, though it was done
}

func newTown(t *testing.T) *town {
	w := &town{T: t}
	w.clock.Store(1_767_225_600_000_000)
	return w
}

func (w *town) node(name string) *townNode {
	w.Helper()
	path := filepath.Join(w.TempDir(), "node.db")
	st, err := store.Open(w.Context(), store.Options{URL: path})
	w.must(err)
	n, err := node.Open(w.Context(), st, node.Config{Home: name, Now: func() int64 { return w.clock.Add(1) }})
	w.must(err)
	x := &townNode{Node: n, path: path}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/witness/add-checkpoint" {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		a, err := n.AddCheckpoint(r.Context(), body)
		if err != nil || x.lost.Load() {
			panic(http.ErrAbortHandler)
		}
		rw.Header().Set("Content-Type", a.ContentType)
		rw.WriteHeader(a.Status)
		_, _ = rw.Write(a.Body)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.Cleanup(func() { srv.Close(); st.Close() })
	x.url = srv.URL + "/witness"
	x.vkey, err = n.WitnessKey(w.Context(), entente.LocalActor())
	w.must(err)
	return x
}

func (w *town) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// know has one node witness the main log of another, or the log of one of its partners.
func (w *town) know(witness, of *townNode, partner string) {
	w.Helper()
	key, err := of.LogKey(w.Context(), entente.LocalActor(), partner)
	w.must(err)
	_, err = witness.WitnessLog(w.Context(), entente.LocalActor(), key)
	w.must(err)
}

func policyOf(quorum string, witnesses ...*townNode) []byte {
	var b bytes.Buffer
	var names []string
	for i, x := range witnesses {
		fmt.Fprintf(&b, "witness w%d %s %s\n", i, x.vkey, x.url)
		names = append(names, fmt.Sprintf("w%d", i))
	}
	fmt.Fprintf(&b, "group g %s %s\nquorum g\n", quorum, strings.Join(names, " "))
	return b.Bytes()
}

func (w *town) act(x *townNode, name string) {
	w.Helper()
	_, err := x.Do(w.Context(), entente.LocalActor(), entente.AddCollection{Name: name})
	w.must(err)
	w.must(x.CatchUpLedger(w.Context()))
}

// cosigned tells how many of the witnesses have signed the checkpoint that is served.
func (w *town) cosigned(x *townNode, by ...*townNode) (n int) {
	w.Helper()
	f, err := x.LogCheckpoint(w.Context(), entente.LocalActor(), 0)
	w.must(err)
	key, err := x.LogKey(w.Context(), entente.LocalActor(), "")
	w.must(err)
	own, err := ledger.ParseVerifier(key)
	w.must(err)
	for _, y := range by {
		v, err := ledger.ParseVerifier(y.vkey)
		w.must(err)
		_, sigs, err := ledger.OpenCheckpoint(f.Bytes, own, v)
		w.must(err)
		n += len(sigs) - 1
	}
	return n
}

// Two nodes witness each other, and come to rest.
func TestNodesWitnessEachOther(t *testing.T) {
	w := newTown(t)
	a, b := w.node("A"), w.node("B")
	w.act(a, "one")
	w.act(b, "one")
	for _, x := range [][2]*townNode{{a, b}, {b, a}} {
		w.know(x[1], x[0], "")
		w.must(x[0].SetPolicy(t.Context(), entente.LocalActor(), "", policyOf("all", x[1])))
		w.must(x[0].CatchUpLedger(t.Context()))
	}
	for _, x := range []*townNode{a, b} {
		w.must(x.CatchUpLedger(t.Context()))
		w.must(x.CatchUpWitnesses(t.Context()))
	}
	for _, x := range []*townNode{a, b} {
		w.must(x.CatchUpLedger(t.Context()))
		all, err := x.Policies(t.Context(), entente.LocalActor())
		w.must(err)
		if len(all) != 1 || all[0].Size == 0 || all[0].Witnessed != all[0].Size {
			t.Errorf("%+v", all)
		}
	}
	if w.cosigned(a, b) != 1 || w.cosigned(b, a) != 1 {
		t.Error("what is served is not cosigned")
	}
	// It goes on from there, many entries later.
	for i := range 30 {
		w.act(a, fmt.Sprint("more ", i))
	}
	if w.cosigned(a, b) != 0 {
		t.Error("a new checkpoint is cosigned already")
	}
	w.must(a.CatchUpWitnesses(t.Context()))
	if w.cosigned(a, b) != 1 {
		t.Error("a later checkpoint is not cosigned")
	}
}

// A witness whose answer is lost has cosigned all the same: the next request begins there.
func TestAnswerOfAWitnessIsLost(t *testing.T) {
	w := newTown(t)
	a, b := w.node("A"), w.node("B")
	w.act(a, "one")
	w.know(b, a, "")
	w.must(a.SetPolicy(t.Context(), entente.LocalActor(), "", policyOf("all", b)))
	w.must(a.CatchUpLedger(t.Context()))
	b.lost.Store(true)
	if err := a.CatchUpWitnesses(t.Context()); entente.KindOf(err) != entente.Unavailable {
		t.Errorf("%v", err)
	}
	b.lost.Store(false)
	logs, err := b.WitnessedLogs(t.Context(), entente.LocalActor())
	w.must(err)
	if len(logs) != 1 || logs[0].Size == 0 {
		t.Fatalf("%+v", logs)
	}
	w.act(a, "two")
	w.must(a.CatchUpWitnesses(t.Context()))
	if w.cosigned(a, b) != 1 {
		t.Error("it is not cosigned")
	}
}

// A quorum of two of three: one that is away does no harm, two do.
func TestQuorumOfWitnesses(t *testing.T) {
	w := newTown(t)
	a, by := w.node("A"), []*townNode{w.node("B"), w.node("C"), w.node("D")}
	w.act(a, "one")
	for _, x := range by {
		w.know(x, a, "")
	}
	w.must(a.SetPolicy(t.Context(), entente.LocalActor(), "", policyOf("2", by...)))
	w.must(a.CatchUpLedger(t.Context()))
	by[0].lost.Store(true)
	by[1].lost.Store(true)
	if err := a.CatchUpWitnesses(t.Context()); err == nil || w.cosigned(a, by...) != 0 {
		t.Errorf("one of two is enough: %v", err)
	}
	by[1].lost.Store(false)
	w.must(a.CatchUpWitnesses(t.Context()))
	if n := w.cosigned(a, by...); n != 2 {
		t.Errorf("%d have cosigned", n)
	}
}

// A node that forks its history and shows two witnesses two heads is found by the first of
// them that sees the other head, and by the node itself.
func TestForkIsFound(t *testing.T) {
	w := newTown(t)
	a, b, c := w.node("A"), w.node("B"), w.node("C")
	w.act(a, "one")
	w.know(b, a, "")
	w.know(c, a, "")
	backup := filepath.Join(t.TempDir(), "copy.db")
	w.must(a.SetPolicy(t.Context(), entente.LocalActor(), "", policyOf("all", b)))
	w.act(a, "both")
	w.must(a.CatchUpWitnesses(t.Context()))
	// The same node, twice.
	twin := w.copy(a, backup)
	w.act(a, "shown to B")
	w.act(twin, "shown to C")
	w.must(a.CatchUpWitnesses(t.Context()))
	w.must(twin.SetPolicy(t.Context(), entente.LocalActor(), "", policyOf("all", c)))
	w.must(twin.CatchUpLedger(t.Context()))
	w.must(twin.CatchUpWitnesses(t.Context()))
	// Now each witness is shown the other head.
	w.must(twin.SetPolicy(t.Context(), entente.LocalActor(), "", policyOf("all", b, c)))
	w.must(twin.CatchUpLedger(t.Context()))
	w.must(twin.CatchUpWitnesses(t.Context()))
	if n := w.cosigned(twin, b, c); n != 0 {
		t.Errorf("%d have cosigned in public what is a fork", n)
	}
	var metrics bytes.Buffer
	w.must(twin.Metrics().Write(&metrics))
	if !strings.Contains(metrics.String(), "entente_ledger_fork_alarms 1\n") {
		t.Error("the node does not tell of the fork")
	}
}

// copy opens a copy of a node as it is now.
func (w *town) copy(of *townNode, path string) *townNode {
	w.Helper()
	storetest.Damage(w.T, of.path, `VACUUM INTO '`+path+`'`)
	st, err := store.Open(w.Context(), store.Options{URL: path})
	w.must(err)
	n, err := node.Open(context.Background(), st, node.Config{Now: func() int64 { return w.clock.Add(1) }})
	w.must(err)
	w.Cleanup(func() { st.Close() })
	return &townNode{Node: n, path: path}
}

// With proof = witnessed a page waits until the partner's own log is witnessed, by the
// witnesses that its own policy names and no others.
func TestWitnessedProof(t *testing.T) {
	w := newTown(t)
	a, b, c := w.node("A"), w.node("B"), w.node("C")
	do := func(c entente.Command) string {
		t.Helper()
		r, err := a.Do(t.Context(), entente.LocalActor(), c)
		w.must(err)
		return r.ID
	}
	partner := do(entente.AddPartner{Name: "Partner"})
	do(entente.AddToken{Account: do(entente.AddAccount{Name: "feed", Organisation: partner, Service: true}), Hash: sha256.Sum256([]byte("secret"))})
	who, err := a.SignInToken(t.Context(), "secret")
	w.must(err)
	in := entente.Access{Through: &entente.Through{Agreement: "11111111-1111-4111-8111-111111111111", Witnessed: true}}
	in.ID = "22222222-2222-4222-8222-222222222222"
	deliver := func() error {
		return a.Deliver(t.Context(), who, in, "/{root}/collections/{collection}/objects", node.Query{}, entente.Page{})
	}
	w.must(deliver())
	w.must(a.CatchUpLedger(t.Context()))
	w.must(deliver()) // the event is young
	w.clock.Add(61_000_000)
	refused := func(when string) {
		t.Helper()
		if err := deliver(); entente.KindOf(err) != entente.Unavailable {
			t.Errorf("%s: %v", when, err)
		}
	}
	refused("without any policy")
	w.know(b, a, "")
	w.must(a.SetPolicy(t.Context(), entente.LocalActor(), "", policyOf("all", b)))
	w.must(a.CatchUpWitnesses(t.Context()))
	refused("with the main log witnessed")
	w.know(c, a, "Partner")
	w.must(a.SetPolicy(t.Context(), entente.LocalActor(), "Partner", policyOf("all", c)))
	w.must(a.CatchUpLedger(t.Context()))
	c.lost.Store(true)
	if err := a.CatchUpWitnesses(t.Context()); err == nil {
		t.Error("a witness that is away does no harm")
	}
	refused("with a witness that is away")
	var metrics bytes.Buffer
	w.must(a.Metrics().Write(&metrics))
	if !strings.Contains(metrics.String(), "entente_unwitnessed_refusals_total 3\n") || !strings.Contains(metrics.String(), "entente_ledger_unwitnessed_seconds 6") {
		t.Error("the figures tell nothing")
	}
	c.lost.Store(false)
	w.must(a.CatchUpWitnesses(t.Context()))
	w.must(deliver())
	in.Through.Witnessed = false
	w.clock.Add(3600_000_000)
	w.must(a.CatchUpLedger(t.Context()))
	w.must(deliver())
	w.must(a.CatchUpLedger(t.Context()))
	w.must(a.CatchUpWitnesses(t.Context()))
	in.Through.Witnessed = true
	w.must(deliver())
	w.clock.Add(61_000_000)
	refused("while nothing is entered into the log")
	// B has been shown nothing of the partner's log.
	logs, err := b.WitnessedLogs(t.Context(), entente.LocalActor())
	w.must(err)
	if len(logs) != 1 || strings.Contains(logs[0].Origin, partner) {
		t.Errorf("%+v", logs)
	}
}

// A witness that was restored may have forgotten what it cosigned, and cosigns nothing.
func TestRestoredWitness(t *testing.T) {
	w := newTown(t)
	a, b := w.node("A"), w.node("B")
	w.act(a, "one")
	w.know(b, a, "")
	var copied bytes.Buffer
	_, err := b.Backup(t.Context(), entente.LocalActor(), &copied, nil)
	w.must(err)
	url := filepath.Join(t.TempDir(), "node.db")
	_, err = node.Restore(t.Context(), store.Options{URL: url}, bytes.NewReader(copied.Bytes()), int64(copied.Len()), nil)
	w.must(err)
	st, err := store.Open(t.Context(), store.Options{URL: url})
	w.must(err)
	defer st.Close()
	n, err := node.Open(t.Context(), st, node.Config{})
	w.must(err)
	if all, err := n.WitnessedLogs(t.Context(), entente.LocalActor()); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := b.WitnessedLogs(t.Context(), entente.LocalActor()); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
