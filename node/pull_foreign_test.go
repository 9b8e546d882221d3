package node

import (
	"cmp"
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
	sessions map[string][]foreignEntry // what each cursor that is spent by use still has to give
	forget   bool                      // the next cursor that comes is not known any more
}

type foreignEntry struct {
	id, version, object string
	added               int64
}

type faults struct {
	Cap         int    // entries of a page at most; 0 for what the request's limit says
	Cursor      string // good, none, same, circle, dead, dying, spent, keyed
	Endless     bool   // "more" even on the last page
	Hollow      bool   // an empty page with a cursor before each page
	Undated     bool   // no X-TAXII-Date-Added headers
	Shuffled    bool   // pages by cursor come in another order
	Deaf        bool   // added_after is not heeded
	Group       int    // so many entries share a date
	Strict      bool   // 400 for limit and match[version]=all
	Manifest    bool   // there is one
	Bare        bool   // the manifest has no cursor, as the standard has it, and heeds limit
	Flaky       int    // each so many-th request fails or breaks off; 0 for none
	Gzip        bool
	ContentType string
	Twice       bool // each page repeats its first object
	Comma       bool // the list of a page has a comma too many
}

func newForeign(t testing.TB, f faults) *foreign {
	s := &foreign{faults: f, uses: map[string]int{}, sessions: map[string][]foreignEntry{}}
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
		limit, _ := strconv.Atoi(q.Get("limit"))
		return s.objects(w, all, q.Get("next"), limit)
	case path == "manifest/" && s.Manifest:
		from, _ := strconv.Atoi(q.Get("next"))
		var records []string
		to := min(from+7, len(all))
		if limit, err := strconv.Atoi(q.Get("limit")); err == nil && s.Bare {
			to = min(limit, len(all))
		}
		for _, e := range all[min(from, to):to] {
			records = append(records, fmt.Sprintf(`{"id":%q,"date_added":%q,"version":%q}`, e.id, taxii.Timestamp(e.added), e.version))
		}
		more := ""
		if to < len(all) && s.Bare {
			more = `"more":true,`
		} else if to < len(all) {
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
func (s *foreign) objects(w http.ResponseWriter, all []foreignEntry, next string, limit int) (string, bool) {
	if s.Cursor == "spent" || s.Cursor == "keyed" {
		return s.odd(w, all, next, limit)
	}
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
	most := s.most(limit)
	pages := (len(all) + most - 1) / most
	var some []foreignEntry
	if !hollow && page < pages {
		which := page
		if s.Shuffled && s.Cursor != "none" && s.Cursor != "same" && s.Cursor != "circle" {
			which = pages - 1 - page
		}
		some = all[which*most : min((which+1)*most, len(all))]
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

// odd pages as two servers do that are often met. One gives the same cursor with every
// page and moves on with each use, whether the page arrives or not. The other's cursor is
// the last entry's date and id: further versions of that id with that date are passed over.
func (s *foreign) odd(w http.ResponseWriter, all []foreignEntry, next string, limit int) (string, bool) {
	left := all
	if s.Cursor == "keyed" {
		slices.SortStableFunc(left, func(a, b foreignEntry) int { return cmp.Or(cmp.Compare(a.added, b.added), cmp.Compare(a.id, b.id)) })
		left = slices.DeleteFunc(left, func(e foreignEntry) bool { return fmt.Sprint(e.added, " ", e.id) <= next })
	} else if next != "" {
		var known bool
		if left, known = s.sessions[next]; !known {
			w.WriteHeader(http.StatusBadRequest)
			return "", false
		}
	}
	some := left[:min(s.most(limit), len(left))]
	left = left[len(some):]
	var objects []string
	for _, e := range some {
		objects = append(objects, e.object)
	}
	if len(some) > 0 && !s.Undated {
		w.Header().Set("X-TAXII-Date-Added-First", taxii.Timestamp(some[0].added))
		w.Header().Set("X-TAXII-Date-Added-Last", taxii.Timestamp(some[len(some)-1].added))
	}
	more := ""
	switch {
	case len(left) == 0:
		delete(s.sessions, next)
	case s.Cursor == "keyed":
		last := some[len(some)-1]
		more = fmt.Sprintf(`"more":true,"next":"%d %s",`, last.added, last.id)
	default:
		if next == "" {
			next = fmt.Sprint("session ", s.requests)
		}
		s.sessions[next] = left
		more = fmt.Sprintf(`"more":true,"next":%q,`, next)
	}
	return "{" + more + `"objects":[` + strings.Join(objects, ",") + "]}", true
}

func (s *foreign) most(limit int) int {
	if s.Cap > 0 {
		return s.Cap
	}
	return limit
}

func (s *foreign) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// reachable tells whether all of the collection can be had from this server at all.
func (f faults) reachable() bool {
	byCursor := f.Cursor == "good" || (f.Cursor == "spent" && f.Flaky == 0)
	byDate := f.Cursor != "spent" && !f.Undated && !f.Deaf && max(f.Group, 1) < f.Cap && !f.Shuffled
	return f.Manifest || ((byCursor || byDate) && !f.Comma)
}
