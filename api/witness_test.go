package api

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
	"entente/ledger"
)

// foreign is a log of another node, with a key of its own.
type foreign struct {
	w      *world
	key    ledger.Key
	origin string
	hashes hashStore
	size   int64
}

func (w *world) foreign(n byte) *foreign {
	w.t.Helper()
	key, err := ledger.NewKey(bytes.Repeat([]byte{n}, ledger.SeedSize))
	w.must(err)
	return &foreign{w: w, key: key, origin: fmt.Sprintf("log.example/%d", n)}
}

// known has the node witness the log.
func (f *foreign) known() *foreign {
	f.w.t.Helper()
	v, err := f.key.Verifier(f.origin)
	f.w.must(err)
	_, err = f.w.node.WitnessLog(f.w.t.Context(), entente.LocalActor(), v.String())
	f.w.must(err)
	return f
}

// grow appends entries, made of a text.
func (f *foreign) grow(of string, n int) *foreign {
	for range n {
		more, err := tlog.StoredHashes(f.size, []byte(of+strconv.FormatInt(f.size, 10)), f.hashes)
		f.w.must(err)
		f.hashes, f.size = append(f.hashes, more...), f.size+1
	}
	return f
}

// fork is another history from some size on.
func (f *foreign) fork(from int64) *foreign {
	g := &foreign{w: f.w, key: f.key, origin: f.origin}
	g.hashes, g.size = append(hashStore{}, f.hashes[:tlog.StoredHashCount(from)]...), from
	return g
}

func (f *foreign) head() ledger.Checkpoint {
	c := ledger.Checkpoint{Origin: f.origin, Size: f.size, Root: ledger.EmptyRoot()}
	if f.size > 0 {
		var err error
		c.Root, err = tlog.TreeHash(f.size, f.hashes)
		f.w.must(err)
	}
	return c
}

// asking is the request to cosign what the log is, with the proof from an older size.
func (f *foreign) asking(old int64) string {
	signed, err := f.head().Sign(f.key)
	f.w.must(err)
	s := ledger.Submission{Old: old, Signed: signed}
	if old > 0 && old < f.size {
		s.Proof, err = tlog.ProveTree(f.size, old, f.hashes)
		f.w.must(err)
	}
	return string(s.Marshal())
}

func (w *world) cosign(body string) reply {
	w.t.Helper()
	return w.do(request{method: "POST", path: witnessPath, body: body})
}

// Whoever asks is answered as C2SP tlog-witness says, and a fork finds no second cosignature.
func TestWitness(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.foreign(1)
	answer := func(what, body string, status int) reply {
		t.Helper()
		r := w.cosign(body)
		if r.status != status {
			t.Errorf("%s: %d %s, want %d", what, r.status, r.body, status)
		}
		return r
	}
	answer("an unknown log", f.grow("a", 3).asking(0), 404)
	f.known()
	r := answer("a first checkpoint", f.asking(0), 200)
	vkey, err := w.node.WitnessKey(t.Context(), entente.LocalActor())
	w.must(err)
	v, err := ledger.ParseVerifier(vkey)
	w.must(err)
	signed, err := f.head().Sign(f.key)
	w.must(err)
	if _, added, err := ledger.AddSignatures(signed, []byte(r.body), v); err != nil || added != 1 {
		t.Errorf("the cosignature is not good: %v %s", err, r.body)
	}
	answer("the same again", f.asking(3), 200)
	if r := answer("an older size", f.asking(0), 409); r.body != "3\n" || r.header.Get("Content-Type") != "text/x.tlog.size" {
		t.Errorf("%v %q", r.header, r.body)
	}
	longer, forked := f.fork(3).grow("a", 4), f.fork(1).grow("b", 6)
	answer("what continues it", longer.asking(3), 200)
	answer("a fork of that size", forked.asking(7), 409)
	forked.grow("b", 2)
	answer("a longer fork, with a proof of its own", forked.asking(7), 422)
	answer("a rollback", f.asking(3), 409)
	other := w.foreign(2)
	other.origin = f.origin
	answer("another's signature", other.grow("a", 9).asking(7), 403)
	answer("no request", "old x", 400)
	answer("a request that is too long", "old 0\n"+strings.Repeat("x", 1<<20), 413)
	all, err := w.node.WitnessedLogs(t.Context(), entente.LocalActor())
	if err != nil || len(all) != 1 || all[0].Size != 7 || all[0].At == 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if r := w.get("operator", "/ledger/checkpoint"); r.status != 404 {
		t.Errorf("cosigning has made an event: %d", r.status)
	}
	for range witnessBurst {
		r = w.cosign("")
	}
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("a flood is answered with %d", r.status)
	}
}

// Of many that ask at once with different continuations, one is cosigned.
func TestWitnessAtOnce(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.foreign(1).grow("a", 2).known()
	if r := w.cosign(f.asking(0)); r.status != 200 {
		t.Fatal(r.body)
	}
	var bodies []string
	for i := range 8 {
		bodies = append(bodies, f.fork(2).grow(fmt.Sprint("fork ", i), 3).asking(2))
	}
	statuses := make([]int, len(bodies))
	var wg sync.WaitGroup
	for i, body := range bodies {
		wg.Go(func() {
			r, err := w.client.Post(w.base+witnessPath, "text/plain", strings.NewReader(body))
			if err == nil {
				statuses[i] = r.StatusCode
				r.Body.Close()
			}
		})
	}
	wg.Wait()
	good := 0
	for _, s := range statuses {
		if s == 200 {
			good++
		} else if s != 409 && s != 503 {
			t.Errorf("status %d", s)
		}
	}
	if good != 1 {
		t.Errorf("%d of %v were cosigned", good, statuses)
	}
}
