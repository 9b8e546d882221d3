package node

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"entente/taxii"
)

// foreign is somebody else's TAXII server, with the faults that servers in the field have.
type foreign struct {
	faults
	*httptest.Server

	mu       sync.Mutex
	entries  []foreignEntry // by date
	requests int
	onAsk    func(n int) // told of each request, under no lock; may be nil
	uses     map[string]int
	forget   bool // the next cursor that comes is not known any more
}

type foreignEntry struct {
	id, version, object string
	added               int64
}

type faults struct {
	Cap         int    // entries of a page at most
	Cursor      string // good, none, same, circle, dead, dying
	Endless     bool   // "more" even on the last page
	Hollow      bool   // an empty page with a cursor before each page
	Undated     bool   // no X-TAXII-Date-Added headers
	Shuffled    bool   // pages by cursor come in another order
	Deaf        bool   // added_after is not heeded
	Group       int    // so many entries share a date
	Strict      bool   // 400 for limit and match[version]=all
	Manifest    bool   // there is one
	Flaky       int    // each so many-th request fails or breaks off; 0 for none
	Gzip        bool
	ContentType string
	Twice       bool // each page repeats its first object
	Comma       bool // the list of a page has a comma too many
}

func newForeign(t testing.TB, f faults) *foreign {
	s := &foreign{faults: f, uses: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

// add adds objects; each Group of them gets one date.
func (s *foreign) add(at int64, objects ...foreignEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range objects {
		e.added = at + int64(i/max(s.Group, 1))*10
		s.entries = append(s.entries, e)
	}
}

func (s *foreign) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	n, onAsk := s.requests, s.onAsk
	s.mu.Unlock()
	if onAsk != nil {
		onAsk(n)
	}
	w.Header().Set("Content-Type", s.ContentType)
	if s.Flaky > 0 && n%s.Flaky == 0 && n/s.Flaky%2 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, ok := s.body(w, r)
	if !ok {
		io.WriteString(w, `{"title":"no","http_status":"400"}`)
		return
	}
	if s.Flaky > 0 && n%s.Flaky == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+10))
		io.WriteString(w, body[:len(body)/2])
		panic(http.ErrAbortHandler)
	}
	if s.Gzip {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		io.WriteString(z, body)
		return
	}
	io.WriteString(w, body)
}

func (s *foreign) body(w http.ResponseWriter, r *http.Request) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/collections/c/")
	q := r.URL.Query()
	after := int64(0)
	if v := q.Get("added_after"); v != "" && !s.Deaf {
		after, _ = taxii.ParseTimestamp(v)
	}
	var all []foreignEntry
	for _, e := range s.entries {
		if e.added > after {
			all = append(all, e)
		}
	}
	switch {
	case path == "objects/" && s.Strict && (q.Has("limit") || q.Has("match[version]")):
		w.WriteHeader(http.StatusBadRequest)
		return "", false
	case path == "objects/":
		return s.objects(w, all, q.Get("next"))
	case path == "manifest/" && s.Manifest:
		from, _ := strconv.Atoi(q.Get("next"))
		var records []string
		to := min(from+7, len(all))
		for _, e := range all[min(from, to):to] {
			records = append(records, fmt.Sprintf(`{"id":%q,"date_added":%q,"version":%q}`, e.id, taxii.Timestamp(e.added), e.version))
		}
		more := ""
		if to < len(all) {
			more = fmt.Sprintf(`"more":true,"next":"%d",`, to)
		}
		return `{` + more + `"objects":[` + strings.Join(records, ",") + `]}`, true
	case strings.HasPrefix(path, "objects/"):
		id := strings.Trim(strings.TrimPrefix(path, "objects/"), "/")
		var found []string
		for _, e := range s.entries {
			if e.id == id {
				found = append(found, e.object)
			}
		}
		if len(found) > 0 {
			return `{"objects":[` + strings.Join(found, ",") + `]}`, true
		}
	}
	w.WriteHeader(http.StatusNotFound)
	return "", false
}

// objects answers with a page. A cursor is the number of the page, and has an "h" before
// it if an empty page comes first; pages of a walk by cursor may come in another order.
func (s *foreign) objects(w http.ResponseWriter, all []foreignEntry, next string) (string, bool) {
	page, hollow := 0, false
	if next != "" && s.Cursor != "same" && s.Cursor != "circle" {
		s.uses[next]++
		lost := s.forget || s.Cursor == "dead" || (s.Cursor == "dying" && s.uses[next] == 1 && len(next)%2 == 0)
		number, isHollow := strings.CutPrefix(next, "h")
		s.forget = false
		var err error
		if page, err = strconv.Atoi(strings.TrimLeft(number, "x")); err != nil || lost {
			w.WriteHeader([]int{http.StatusNotFound, http.StatusBadRequest}[s.requests%2])
			return "", false
		}
		hollow = isHollow
	}
	pages := (len(all) + s.Cap - 1) / s.Cap
	var some []foreignEntry
	if !hollow && page < pages {
		which := page
		if s.Shuffled && s.Cursor != "none" && s.Cursor != "same" && s.Cursor != "circle" {
			which = pages - 1 - page
		}
		some = all[which*s.Cap : min((which+1)*s.Cap, len(all))]
	}
	if len(some) > 0 && !s.Undated {
		w.Header().Set("X-TAXII-Date-Added-First", taxii.Timestamp(some[0].added))
		w.Header().Set("X-TAXII-Date-Added-Last", taxii.Timestamp(some[len(some)-1].added))
	}
	var objects []string
	for _, e := range some {
		objects = append(objects, e.object)
	}
	if s.Twice && len(objects) > 0 {
		objects = append(objects, objects[0])
	}
	var parts []string
	if len(objects) > 0 {
		comma := ",\n"
		if s.Comma {
			comma = ",,"
		}
		parts = append(parts, `"objects":[`+strings.Join(objects, comma)+`]`)
	}
	if page+1 < pages || hollow || s.Endless {
		parts = append(parts, `"more":true`)
	}
	if page+1 < pages || hollow {
		cursor := strings.Repeat("x", page%2) + strconv.Itoa(page+1)
		switch {
		case s.Cursor == "none":
			cursor = ""
		case s.Cursor == "same":
			cursor = "again"
		case s.Cursor == "circle":
			cursor = fmt.Sprint("c", s.requests)
		case hollow:
			cursor = strconv.Itoa(page)
		case s.Hollow:
			cursor = "h" + strconv.Itoa(page+1)
		}
		if cursor != "" {
			parts = append(parts, fmt.Sprintf(`"next":%q`, cursor))
		}
	}
	if s.requests%2 == 0 {
		slices.Reverse(parts)
	}
	return "{" + strings.Join(parts, ", ") + "}", true
}

func (s *foreign) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// reachable tells whether all of the collection can be had from this server at all.
func (f faults) reachable() bool {
	byCursor := f.Cursor == "good"
	byDate := !f.Undated && !f.Deaf && max(f.Group, 1) < f.Cap && !f.Shuffled
	return f.Manifest || ((byCursor || byDate) && !f.Comma)
}
