package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"entente"
	"entente/stix"
	"entente/taxii"

	"go.uber.org/goleak"
)

// sink is somebody else's server that takes objects, in its own way.
type sink struct {
	*httptest.Server
	most     int    // bytes of a body; more is 413
	announce int    // what it says that it takes
	poison   string // an envelope that holds this is refused as a whole
	fells    string // an envelope that holds this fells the server, which answers 500
	hates    string // an object that holds this fails
	slow     int    // so many times a status is pending
	mute     bool   // it gives no status
	down     bool   // it answers 503
	fallen   bool   // it answers 500 to every post
	downAt   int    // so does it from this post on; 0 for never

	mu       sync.Mutex
	got      []string
	posts    int
	statuses map[string][2]any // status, times still pending
}

func newSink(t *testing.T) *sink {
	s := &sink{most: 1 << 20, announce: 1 << 20, statuses: map[string][2]any{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	write := func(v any) {
		b, _ := taxii.Encode(v)
		w.Write(b)
	}
	switch {
	case s.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		if s.downAt > 0 && s.posts+1 >= s.downAt {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.posts++
		body, _ := io.ReadAll(r.Body)
		switch {
		case len(body) > s.most:
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		case s.poison != "" && bytes.Contains(body, []byte(s.poison)):
			w.WriteHeader(http.StatusUnprocessableEntity)
			write(taxii.NewError(422, "no", "poison"))
			return
		case s.fallen, s.fells != "" && bytes.Contains(body, []byte(s.fells)):
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		st := taxii.Status{ID: fmt.Sprint("s", s.posts), Status: taxii.Complete}
		items := stix.NewEnvelopeReader(bytes.NewReader(body))
		for {
			it, err := items.Next()
			if err != nil {
				break
			}
			id, version := stix.Claims(it.Raw)
			if s.hates != "" && strings.Contains(string(it.Raw), s.hates) {
				st.Failures = append(st.Failures, taxii.StatusDetail{ID: id, Version: version, Message: "hated"})
				st.FailureCount++
				continue
			}
			s.got = append(s.got, string(it.Raw))
			st.SuccessCount++
		}
		w.WriteHeader(http.StatusAccepted)
		switch {
		case s.mute:
		case s.slow > 0:
			s.statuses[st.ID] = [2]any{st, s.slow}
			write(taxii.Status{ID: st.ID, Status: taxii.Pending, PendingCount: st.SuccessCount + st.FailureCount})
		default:
			write(st)
		}
	case strings.HasPrefix(r.URL.Path, "/api/status/"):
		id := strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/status/"), "/")
		kept := s.statuses[id]
		st, left := kept[0].(taxii.Status), kept[1].(int)
		if left > 0 {
			s.statuses[id] = [2]any{st, left - 1}
			st = taxii.Status{ID: id, Status: taxii.Pending, PendingCount: 1}
		}
		write(st)
	default:
		write(taxii.APIRoot{Title: "T", MaxContentLength: int64(s.announce)})
	}
}

func (s *sink) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func fill(t *testing.T, n *Node, collection string, from, to int) (objects []string) {
	t.Helper()
	for i := from; i < to; i++ {
		objects = append(objects, tool(i, 0).object)
	}
	rep, err := n.Intake(t.Context(), entente.LocalActor(), collection, stix.NewReader(strings.NewReader(strings.Join(objects, "\n"))), IntakeOptions{})
	if err != nil || rep.Refused > 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	return objects
}

func TestPush(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		defer n.st.Close()
		id := n.collect(t, "C")
		all := fill(t, n, id, 0, 40)
		size := len(all[0])
		for name, c := range map[string]struct {
			set  func(*sink)
			want PushReport // Refusals apart
			miss []int      // objects that the server does not get
		}{
			"sound":             {func(*sink) {}, PushReport{Read: 40, Taken: 40, Envelopes: 1}, nil},
			"small envelopes":   {func(s *sink) { s.announce, s.most = 3*size+30, 3*size+30 }, PushReport{Read: 40, Taken: 40, Envelopes: 14}, nil},
			"too small for any": {func(s *sink) { s.announce = 100 }, PushReport{Read: 40, Refused: 40}, nil},
			"it takes less than it says": {func(s *sink) { s.most = 10*size + 30 },
				PushReport{Read: 40, Taken: 40, Envelopes: 4, Remarks: []string{"the server refuses envelopes as a whole (413)"}}, nil},
			"one spoils all": {func(s *sink) { s.poison = "000000000017" },
				PushReport{Read: 40, Taken: 39, Refused: 1, Remarks: []string{"the server refuses envelopes as a whole (422)"}}, []int{17}},
			"one fells the server": {func(s *sink) { s.fells = "000000000017" },
				PushReport{Read: 40, Taken: 39, Refused: 1, Remarks: []string{"the server refuses envelopes as a whole (500)"}}, []int{17}},
			"many in a row fell it": {func(s *sink) { s.fells = "00000000000" }, // 0 to 9, 10 to 99 have a digit more
				PushReport{Read: 40, Taken: 30, Refused: 10, Remarks: []string{"the server refuses envelopes as a whole (500)"}}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
			"two fail": {func(s *sink) { s.hates = "00000000001" + "1" }, PushReport{Read: 40, Taken: 39, Refused: 1, Envelopes: 1}, []int{11}},
			"pending":  {func(s *sink) { s.slow = 3 }, PushReport{Read: 40, Taken: 40, Envelopes: 1}, nil},
			"for ever": {func(s *sink) { s.slow = 1 << 30 }, PushReport{Read: 40, Taken: 39, Pending: 1, Envelopes: 1}, nil},
			"mute":     {func(s *sink) { s.mute = true }, PushReport{Read: 40, Taken: 40, Envelopes: 1}, nil},
		} {
			s := newSink(t)
			c.set(s)
			k := patientClient(t, s.URL)
			r := entente.Remote{Collection: id, Direction: entente.Pushes, Root: s.URL + "/api/", There: "c"}
			rep, err := n.push(t.Context(), entente.LocalActor(), k, &r, PullOptions{}, func(context.Context) error { return nil })
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if len(rep.Refusals) != rep.Refused || len(r.Progress.Refusals) != rep.Refused {
				t.Errorf("%s: refusals %+v, kept %+v", name, rep.Refusals, r.Progress.Refusals)
			}
			if c.want.Envelopes == 0 {
				c.want.Envelopes = rep.Envelopes
			}
			if got := fmt.Sprintf("%+v", PushReport{Read: rep.Read, Taken: rep.Taken, Pending: rep.Pending, Refused: rep.Refused, Envelopes: rep.Envelopes, Remarks: rep.Remarks}); got != fmt.Sprintf("%+v", c.want) {
				t.Errorf("%s: %s, want %+v", name, got, c.want)
			}
			var want []string
			for i, o := range all {
				if !slices.Contains(c.miss, i) && c.want.Taken > 0 {
					want = append(want, o)
				}
			}
			if !slices.Equal(s.got, want) {
				t.Errorf("%s: the server got %d objects, want %d", name, len(s.got), len(want))
			}
			k.Close()
			s.Close()
		}
	})
}

// TestPushGoesOn keeps its position: what the server has is not sent again, and what it
// could not take at the time is sent the next time.
func TestPushGoesOn(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *Node) {
		id := n.collect(t, "C")
		s := newSink(t)
		who := entente.LocalActor()
		add := entente.AddRemote{Remote: entente.Remote{Name: "p", Direction: entente.Pushes, Collection: id, Root: s.URL + "/api/", There: "c",
			Match: []entente.MatchField{{Field: "type", Value: "tool"}}}}
		if _, err := n.Do(t.Context(), who, add); err != nil {
			t.Fatal(err)
		}
		run := func() (PushReport, error) {
			r, err := n.remote(t.Context(), "p")
			if err != nil {
				t.Fatal(err)
			}
			k := patientClient(t, s.URL)
			defer k.Close()
			rep, err := n.runHeld(t.Context(), who, k, r, PullOptions{})
			return *rep.Push, err
		}
		first := fill(t, n, id, 0, 5)
		if rep, err := run(); err != nil || rep.Taken != 5 {
			t.Fatalf("%+v, %v", rep, err)
		}
		more := fill(t, n, id, 5, 8)
		s.set(func() { s.down = true })
		if rep, err := run(); entente.KindOf(err) != entente.Unavailable || rep.Taken != 0 {
			t.Fatalf("while the server is down: %+v, %v", rep, err)
		}
		if all, err := n.Remotes(t.Context(), who); err != nil || !strings.Contains(all[0].Progress.Error, "503") {
			t.Errorf("kept: %+v, %v", all, err)
		}
		s.set(func() { s.down, s.announce, s.downAt = false, 2*len(more[0])+30, s.posts+2 })
		if rep, err := run(); entente.KindOf(err) != entente.Unavailable || rep.Taken != 2 {
			t.Fatalf("while the server goes down: %+v, %v", rep, err)
		}
		s.set(func() { s.downAt = 0 })
		for range 2 {
			if _, err := run(); err != nil {
				t.Fatal(err)
			}
		}
		if want := append(first, more...); !slices.Equal(s.got, want) {
			t.Errorf("the server got %d objects, want %d", len(s.got), len(want))
		}
		fill(t, n, id, 8, 200)
		s.set(func() { s.fallen, s.announce, s.posts = true, 1<<20, 0 })
		if rep, err := run(); entente.KindOf(err) != entente.Unavailable || rep.Taken != 0 || s.posts > 3*maxFelled {
			t.Errorf("while the server falls over whatever comes: %d taken, %v after %d posts", rep.Taken, err, s.posts)
		}
		s.set(func() { s.fallen, s.fells = false, "-8000-0000000001" }) // 100 and more
		if rep, err := run(); err != nil || rep.Taken != 92 || rep.Refused != 100 {
			t.Errorf("while a hundred in a row fell the server: %d taken, %d refused, %v", rep.Taken, rep.Refused, err)
		}
		if _, err := pushFilter([]entente.MatchField{{Field: "confidence-gte", Value: "1"}}); entente.KindOf(err) != entente.Invalid {
			t.Errorf("a filter that a push does not know: %v", err)
		}
	})
}
