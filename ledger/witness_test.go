package ledger_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"entente"
	"entente/ledger"
)

// grown is a log of some size, and what its witness is sent.
type grown struct {
	tiles stored
	key   ledger.Key
	roots map[int64]tlog.Hash
}

func newGrown(t testing.TB, sizes ...int64) grown {
	t.Helper()
	g := grown{stored{}, newKey(t, 1), map[int64]tlog.Hash{0: ledger.EmptyRoot()}}
	at := int64(0)
	for _, size := range sizes {
		g.roots[size] = g.tiles.grow(t, at, entries(int(at), int(size-at)))
		at = size
	}
	return g
}

func (g grown) checkpoint(size int64) ledger.Checkpoint {
	return ledger.Checkpoint{Origin: origin, Size: size, Root: g.roots[size]}
}

func (g grown) submission(t testing.TB, old, size int64) ledger.Submission {
	t.Helper()
	p, err := ledger.ProveConsistency(context.Background(), g.tiles, min(old, size), size)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Submission{Old: old, Proof: p, Signed: must[[]byte](t)(g.checkpoint(size).Sign(g.key))}
}

func TestWitnessAnswers(t *testing.T) {
	g := newGrown(t, 3, 5, 300, 1000)
	keys := []ledger.Verifier{must[ledger.Verifier](t)(g.key.Verifier(origin))}
	w := ledger.Witness{Name: "witness.example/w0", Key: newKey(t, 100)}
	fork := ledger.Checkpoint{Origin: origin, Size: 5, Root: ledger.Root(entries(1, 5))}
	larger := ledger.Checkpoint{Origin: origin, Size: 1000, Root: ledger.Root(entries(1, 1000))}
	sign := func(c ledger.Checkpoint, k ledger.Key) []byte { return must[[]byte](t)(c.Sign(k)) }
	for name, c := range map[string]struct {
		s      ledger.Submission
		keys   []ledger.Verifier
		stored int64
		status int
	}{
		"first":                {g.submission(t, 0, 3), keys, 0, 200},
		"first of an empty":    {g.submission(t, 0, 0), keys, 0, 200},
		"next":                 {g.submission(t, 5, 1000), keys, 5, 200},
		"the same again":       {g.submission(t, 5, 5), keys, 5, 200},
		"unknown log":          {g.submission(t, 0, 3), nil, 0, 404},
		"another's key":        {ledger.Submission{Signed: sign(g.checkpoint(3), newKey(t, 2))}, keys, 0, 403},
		"old beyond new":       {g.submission(t, 6, 5), keys, 6, 400},
		"behind":               {g.submission(t, 3, 1000), keys, 5, 409},
		"ahead":                {g.submission(t, 5, 1000), keys, 3, 409},
		"fork at the size":     {ledger.Submission{Old: 5, Signed: sign(fork, g.key)}, keys, 5, 409},
		"fork beyond":          {ledger.Submission{Old: 5, Proof: g.submission(t, 5, 1000).Proof, Signed: sign(larger, g.key)}, keys, 5, 422},
		"no proof":             {ledger.Submission{Old: 5, Signed: sign(g.checkpoint(1000), g.key)}, keys, 5, 422},
		"a proof from nothing": {ledger.Submission{Old: 0, Proof: []tlog.Hash{{}}, Signed: sign(g.checkpoint(3), g.key)}, keys, 0, 422},
	} {
		var before ledger.Checkpoint
		if c.stored > 0 {
			before = ledger.Checkpoint{Origin: origin, Size: c.stored, Root: g.roots[c.stored]}
		}
		s, err := ledger.ParseSubmission(c.s.Marshal())
		if err != nil || s.Origin() != origin {
			t.Fatalf("%s: %v", name, err)
		}
		a := w.Answer(s, c.keys, before, 77)
		if a.Status != c.status || (a.State != ledger.Checkpoint{}) != (a.Status == 200) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		if a.Status == 409 && (a.ContentType != "text/x.tlog.size" || string(a.Body) != fmt.Sprintf("%d\n", c.stored)) {
			t.Errorf("%s: %s %q", name, a.ContentType, a.Body)
		}
		if a.Status == 200 {
			_, sigs, err := ledger.OpenCheckpoint(append(bytes.Clone(c.s.Signed), a.Body...), append(witnessKeys(t, 1), keys...)...)
			if err != nil || len(sigs) != 2 || sigs[1].Time != 77 {
				t.Errorf("%s: %v, %v", name, sigs, err)
			}
		}
	}
}

func TestParseSubmissionRefuses(t *testing.T) {
	good := string(newGrown(t, 3).submission(t, 0, 3).Marshal())
	for _, s := range []string{"", "old 0\n", strings.Replace(good, "old 0", "old 00", 1), strings.Replace(good, "old 0", "old", 1), strings.Replace(good, "old 0", "old 0 ", 1),
		strings.Replace(good, "old 0\n", "old 0\nAAAA\n", 1), strings.Replace(good, "\n3\n", "\nx\n", 1), "old 0\n\n" + origin,
		"old 0\n" + strings.Repeat(ledger.EmptyRoot().String()+"\n", 64) + good[6:]} {
		_, err := ledger.ParseSubmission([]byte(s))
		if entente.KindOf(err) != entente.Invalid || ledger.AnswerError(err).Status != 400 {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := ledger.ParseSubmission(make([]byte, ledger.MaxSubmission+1)); ledger.AnswerError(err).Status != 413 {
		t.Error(err)
	}
}

// Whatever a witness is sent, by a log that forks as it likes, all that it ever cosigned
// is one history.
func TestWitnessSeesOneHistory(t *testing.T) {
	sizes := []int64{1, 2, 7, 256, 300}
	logs := [2]grown{newGrown(t, sizes...), newGrown(t, sizes...)}
	// The second log has another entry at place 5.
	other := stored{}
	list := entries(0, 300)
	list[5] = list[6]
	at := int64(0)
	for _, size := range sizes {
		logs[1].roots[size] = other.grow(t, at, list[at:size])
		at = size
	}
	logs[1].tiles = other
	keys := []ledger.Verifier{must[ledger.Verifier](t)(logs[0].key.Verifier(origin))}
	w := ledger.Witness{Name: "witness.example/w0", Key: newKey(t, 100)}
	rapid.Check(t, func(rt *rapid.T) {
		var state ledger.Checkpoint
		var history []ledger.Checkpoint
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			g := logs[rapid.IntRange(0, 1).Draw(rt, "log")]
			old := rapid.SampledFrom(append(sizes, 0, state.Size)).Draw(rt, "old")
			a := w.Answer(g.submission(t, old, rapid.SampledFrom(sizes).Draw(rt, "size")), keys, state, 1)
			if a.Status == 200 {
				state = a.State
				history = append(history, state)
			}
		}
		of := func(g grown) bool {
			return !slices.ContainsFunc(history, func(c ledger.Checkpoint) bool { return c.Root != g.roots[c.Size] })
		}
		if !of(logs[0]) && !of(logs[1]) || !slices.IsSortedFunc(history, func(a, b ledger.Checkpoint) int { return cmp.Compare(a.Size, b.Size) }) {
			rt.Fatalf("%+v", history)
		}
	})
}

// witnessServer answers as a witness does, and keeps its state.
func witnessServer(t *testing.T, w ledger.Witness, keys ...ledger.Verifier) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	state := map[string]ledger.Checkpoint{}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		s, err := ledger.ParseSubmission(body)
		a := ledger.AnswerError(err)
		if err == nil {
			if a = w.Answer(s, keys, state[s.Origin()], 5); a.Status == 200 {
				state[s.Origin()] = a.State
			}
		}
		rw.Header().Set("Content-Type", a.ContentType)
		rw.WriteHeader(a.Status)
		rw.Write(a.Body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestSubmit(t *testing.T) {
	ctx := context.Background()
	g := newGrown(t, 3, 5)
	key := must[ledger.Verifier](t)(g.key.Verifier(origin))
	srv := witnessServer(t, ledger.Witness{Name: "witness.example/w0", Key: newKey(t, 100)}, key)
	known := witnessKeys(t, 1)[0]
	lines, err := ledger.Submit(ctx, srv.Client(), srv.URL+"/", g.submission(t, 0, 3), known)
	if err != nil {
		t.Fatal(err)
	}
	if _, sigs, err := ledger.OpenCheckpoint(append(g.submission(t, 0, 3).Signed, lines...), key, known); err != nil || len(sigs) != 2 {
		t.Errorf("%v, %v", sigs, err)
	}
	_, err = ledger.Submit(ctx, srv.Client(), srv.URL, g.submission(t, 0, 5), known)
	if b := (*ledger.Behind)(nil); entente.KindOf(err) != entente.Conflict || !errors.As(err, &b) || b.Size != 3 {
		t.Errorf("%v", err)
	}
	if _, err := ledger.Submit(ctx, srv.Client(), srv.URL, g.submission(t, 3, 5), key); entente.KindOf(err) != entente.Forbidden {
		t.Errorf("a witness that is not known: %v", err)
	}
	if _, err := ledger.Submit(ctx, srv.Client(), "http://192.0.2.1\n", ledger.Submission{}); entente.KindOf(err) != entente.Invalid {
		t.Error(err)
	}
	for status, want := range map[int]entente.Kind{404: entente.NotFound, 403: entente.Forbidden, 409: entente.Conflict, 422: entente.Unprocessable, 500: entente.Unavailable, 400: entente.Unavailable, 200: entente.Forbidden} {
		odd := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(status)
			io.WriteString(rw, "something\n")
		}))
		if _, err := ledger.Submit(ctx, odd.Client(), odd.URL, g.submission(t, 0, 3), known); entente.KindOf(err) != want {
			t.Errorf("%d: %v", status, err)
		}
		odd.Close()
		if _, err := ledger.Submit(ctx, odd.Client(), odd.URL, g.submission(t, 0, 3), known); entente.KindOf(err) != entente.Unavailable {
			t.Errorf("gone: %v", err)
		}
	}
	flood := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := rw.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	defer flood.Close()
	if _, err := ledger.Submit(ctx, flood.Client(), flood.URL, g.submission(t, 0, 3), known); entente.KindOf(err) != entente.Unavailable {
		t.Errorf("a flood: %v", err)
	}
}

func FuzzParseSubmission(f *testing.F) {
	g := newGrown(f, 3, 5)
	key := must[ledger.Verifier](f)(g.key.Verifier(origin))
	w := ledger.Witness{Name: "witness.example/w0", Key: newKey(f, 100)}
	f.Add(g.submission(f, 3, 5).Marshal())
	f.Add(g.submission(f, 0, 5).Marshal())
	f.Add([]byte("old 0\n\na\n0\n" + ledger.EmptyRoot().String() + "\n\n— a AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := ledger.ParseSubmission(body)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Marshal(), body) {
			t.Fatalf("%q is read as %q", body, s.Marshal())
		}
		if a := w.Answer(s, []ledger.Verifier{key}, g.checkpoint(3), 1); a.Status == 200 && a.State != g.checkpoint(5) && a.State != g.checkpoint(3) {
			t.Fatalf("%q is cosigned", body)
		}
	})
}
