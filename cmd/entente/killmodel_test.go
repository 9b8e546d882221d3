package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// killObject is one version of an object as it was sent.
type killObject struct{ id, stamp, body string }

// killStep is one request of a writer: a POST of objects, or a DELETE of one object, of
// all its versions or of one.
type killStep struct {
	objects   []killObject
	id, stamp string // of a DELETE; stamp "" for all versions
}

// killBatch is how many objects of an envelope make one transaction.
const killBatch = 1000

// held is what one object of one writer should be: its versions with their bytes, and
// the versions that were deleted.
type held struct {
	versions map[string]string
	deleted  map[string]bool
}

func (h held) clone() held { return held{maps.Clone(h.versions), maps.Clone(h.deleted)} }

// post gives how one version of an object fares: the first contents stay, and what was
// deleted stays deleted.
func (h held) post(o killObject) (taken bool) {
	if h.deleted[o.stamp] {
		return false
	}
	if _, ok := h.versions[o.stamp]; !ok {
		h.versions[o.stamp] = o.body
	}
	return true
}

// remove deletes one version or, for "", all; it reports whether there was any.
func (h held) remove(stamp string) (found bool) {
	for s := range h.versions {
		if stamp == "" || s == stamp {
			delete(h.versions, s)
			h.deleted[s] = true
			found = true
		}
	}
	return found
}

// killWriter is one client's memory: what it sent and what must have become of it. Its
// ids are its own, so that its requests come in an order; some it shares with others.
// Number 1 sends large envelopes, so that kills hit them in the middle.
type killWriter struct {
	number  int
	random  *rand.Rand
	shared  *killShared
	objects map[string]held
	ids     []string     // the keys of objects
	sent    []killObject // a sample of what was sent, to send again
	pending *killStep    // sent, and not answered

	took time.Duration // for its last request
}

// killShared is what several writers write, so that nobody knows who was first: any of
// the contents that were sent may be there, and once one is, it stays.
type killShared struct {
	mu    sync.Mutex
	sent  map[string]map[string]bool // by id and version: the contents
	acked map[string]bool
	fixed map[string]string
}

func newKillShared() *killShared {
	return &killShared{sent: map[string]map[string]bool{}, acked: map[string]bool{}, fixed: map[string]string{}}
}

const sharedPrefix = "tool--ffffffff-"

func (o killObject) shared() bool { return strings.HasPrefix(o.id, sharedPrefix) }
func (o killObject) key() string  { return o.id + " " + o.stamp }

func (s *killShared) send(o killObject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent[o.key()] == nil {
		s.sent[o.key()] = map[string]bool{}
	}
	s.sent[o.key()][o.body] = true
}

func (s *killShared) ack(objects []killObject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range objects {
		if o.shared() {
			s.acked[o.key()] = true
		}
	}
}

// manySent is how many of the objects that it sent a writer remembers for sending again.
const manySent = 500

// killWord is in every object, for full-text search.
const killWord = "killword"

func (w *killWriter) object(id, stamp string) killObject {
	filler := w.random.IntN(600)
	if w.random.IntN(50) == 0 {
		filler = 8000
	}
	return killObject{id, stamp, fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":%q,"created":"2020-01-01T00:00:00.000Z","modified":%q,"name":"%s of %d","x_filler":"%x %s"}`,
		id, stamp, killWord, w.number, w.random.Uint64(), strings.Repeat("f", filler))}
}

func (w *killWriter) stamp(of int) string {
	return fmt.Sprintf("2020-01-01T00:00:%02d.000Z", w.random.IntN(of))
}

// draw makes up the next request.
func (w *killWriter) draw() *killStep {
	r := w.random
	if len(w.ids) > 0 && w.number > 1 && r.IntN(8) == 0 {
		s := &killStep{id: w.ids[r.IntN(len(w.ids))]}
		if stamps := slices.Sorted(maps.Keys(w.objects[s.id].versions)); len(stamps) > 0 && r.IntN(2) == 0 {
			s.stamp = stamps[r.IntN(len(stamps))]
		}
		return s
	}
	size := 1 + r.IntN(20)
	switch {
	case w.number == 1 && r.IntN(6) == 0: // more than one transaction
		size = killBatch + 1 + r.IntN(killBatch)
	case w.number == 1:
		size = 200 + r.IntN(killBatch-200+1)
	}
	s := &killStep{}
	for range size {
		o := w.drawObject()
		if len(w.sent) < manySent {
			w.sent = append(w.sent, o)
		} else {
			w.sent[r.IntN(len(w.sent))] = o
		}
		if o.shared() {
			w.shared.send(o)
		}
		s.objects = append(s.objects, o)
	}
	return s
}

func (w *killWriter) drawObject() killObject {
	r := w.random
	n := r.IntN(20)
	if len(w.sent) == manySent && r.IntN(4) > 0 {
		n = 2 // enough is there: little that is new
	}
	switch {
	case n < 2:
		return w.object(fmt.Sprintf("%s0000-4000-8000-%012x", sharedPrefix, r.IntN(150)), w.stamp(3))
	case n < 4 && len(w.sent) > 0: // the same again
		return w.sent[r.IntN(len(w.sent))]
	case n < 5 && len(w.sent) > 0: // other contents for the same version
		o := w.sent[r.IntN(len(w.sent))]
		return w.object(o.id, o.stamp)
	case n < 9 && len(w.ids) > 0: // a new version, be it older or newer
		return w.object(w.ids[r.IntN(len(w.ids))], w.stamp(60))
	}
	id := fmt.Sprintf("tool--%08x-0000-4000-8000-%012x", w.number, len(w.ids))
	w.ids = append(w.ids, id)
	w.objects[id] = held{map[string]string{}, map[string]bool{}}
	return w.object(id, w.stamp(60))
}

// apply does one transaction of a step to some objects.
func (s *killStep) apply(objects map[string]held, transaction int) (taken int) {
	if s.objects == nil {
		objects[s.id].remove(s.stamp)
		return 0
	}
	from := transaction * killBatch
	for _, o := range s.objects[from:min(from+killBatch, len(s.objects))] {
		if o.shared() || objects[o.id].post(o) {
			taken++
		}
	}
	return taken
}

func (s *killStep) transactions() int { return max(1, (len(s.objects)+killBatch-1)/killBatch) }

// touched are copies of the objects that a step may change.
func (w *killWriter) touched(s *killStep) map[string]held {
	out := map[string]held{}
	if s.objects == nil {
		out[s.id] = w.objects[s.id].clone()
	}
	for _, o := range s.objects {
		if _, ok := out[o.id]; !ok && !o.shared() {
			out[o.id] = w.objects[o.id].clone()
		}
	}
	return out
}

// settle finds out what became of the request that was not answered: of its transactions
// some were done, in their order, each as a whole. It gives how many, or -1 where what is
// there fits none of these.
func (w *killWriter) settle(there map[string]map[string]string) int {
	s := w.pending
	w.pending = nil
	fits := func(objects map[string]held) bool {
		for id, h := range objects {
			if !maps.Equal(h.versions, there[id]) {
				return false
			}
		}
		return true
	}
	objects := w.touched(s)
	for done := range s.transactions() + 1 {
		if done > 0 {
			s.apply(objects, done-1)
		}
		// The first fit is the least that was done; if more was, it changed nothing.
		if fits(objects) {
			maps.Copy(w.objects, objects)
			w.shared.ack(s.objects[:min(len(s.objects), done*killBatch)])
			return done
		}
	}
	return -1
}
