package selftest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"entente"
	"entente/node"
)

// leaky stands before a node and betrays something. It is the same before both nodes, so
// only what is hidden can make a difference.
type leaky struct {
	n     *node.Node
	next  http.Handler
	leak  func(*leaky, *http.Request, *httptest.ResponseRecorder)
	asked atomic.Int64
}

func (l *leaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.asked.Add(1)
	if at := r.URL.Query().Get("next"); strings.Contains(at, ".") {
		q := r.URL.Query() // the counter that a cursor was given goes again
		q.Set("next", at[strings.Index(at, ".")+1:])
		r.URL.RawQuery = q.Encode()
	}
	rec := httptest.NewRecorder()
	l.next.ServeHTTP(rec, r)
	l.leak(l, r, rec)
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	if r.Method != http.MethodHead {
		w.Header()["Content-Length"] = []string{strconv.Itoa(rec.Body.Len())}
	}
	w.WriteHeader(rec.Code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(rec.Body.Bytes())
	}
}

// shelf is the collection behind the partner's agreement that a path names, nil for others.
func (l *leaky) shelf(r *http.Request) *entente.Access {
	number, ok := strings.CutPrefix(strings.Split(r.URL.Path, "/")[1], "partner-")
	if !ok {
		return nil
	}
	c, err := l.n.CollectionNamed(context.Background(), entente.LocalActor(), "Shelf "+number)
	if err != nil {
		return nil
	}
	return &c
}

// held reads all that home holds behind the partner's agreement.
func (l *leaky) held(r *http.Request, f entente.Filter) []entente.Entry {
	c := l.shelf(r)
	if c == nil {
		return nil
	}
	f.Versions.All = len(f.Versions.Exact) == 0
	p, err := l.n.Feed(context.Background(), entente.LocalActor(), *c, node.Query{Filter: f, Limit: 1000, Bodies: true})
	if err != nil {
		return nil
	}
	return p.Entries
}

// object is the id that a path names, "" for none.
func object(r *http.Request) entente.ObjectID {
	_, rest, _ := strings.Cut(r.URL.Path, "/objects/")
	id, _ := entente.ParseObjectID(strings.Split(rest, "/")[0])
	return id
}

// holds tells whether home holds the object that a path names.
func (l *leaky) holds(r *http.Request) bool {
	id := object(r)
	return id != "" && len(l.held(r, entente.Filter{IDs: []entente.ObjectID{id}})) > 0
}

// lines counts all that ever came into any collection.
func (l *leaky) lines() (n int64) {
	all, _ := l.n.AllCollections(context.Background(), entente.LocalActor())
	for _, c := range all {
		n += c.Head
	}
	return n
}

func put(rec *httptest.ResponseRecorder, body string) {
	rec.Body.Reset()
	rec.Body.WriteString(body)
}

// inject puts something at the end of the list "objects" of an answer.
func inject(rec *httptest.ResponseRecorder, what string) {
	body := rec.Body.String()
	if i := strings.LastIndex(body, "}]"); i >= 0 {
		put(rec, body[:i+1]+","+what+body[i+1:])
	}
}

var leaks = map[string]func(*leaky, *http.Request, *httptest.ResponseRecorder){
	"a global counter in a cursor": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		put(rec, strings.Replace(rec.Body.String(), `"next":"`, fmt.Sprintf(`"next":"%d.`, l.lines()), 1))
	},
	"a stamp bumped by a hidden entry": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		const name = "X-TAXII-Date-Added-Last" // spelled as in the standard
		h := map[string][]string(rec.Header())
		if entries := l.held(r, entente.Filter{}); len(h[name]) == 1 && len(entries) > 0 {
			h[name] = []string{entente.FormatMicros(entries[len(entries)-1].Added)}
		}
	},
	"a relationship to a red object": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if !strings.HasSuffix(r.URL.Path, "/objects/") || r.Method != "GET" || rec.Code != 200 {
			return
		}
		for _, e := range l.held(r, entente.Filter{Types: []string{"relationship"}}) {
			if !bytes.Contains(rec.Body.Bytes(), []byte(e.ID)) && !bytes.Contains(e.Bytes, []byte(levelIDs[5])) {
				inject(rec, string(e.Bytes))
				return
			}
		}
	},
	"a count": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if n := len(l.held(r, entente.Filter{})); n > 0 {
			rec.Header().Set("X-Total-Count", strconv.Itoa(n))
		}
	},
	"a status code": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if rec.Code == 404 && r.Method == "GET" && l.holds(r) {
			rec.Code = 403
		}
	},
	"an error text": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if rec.Code == 404 && l.holds(r) {
			put(rec, strings.Replace(rec.Body.String(), "no such object", "no such object for you", 1))
		}
	},
	"more computed before filtering": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		if limit > 0 && rec.Code == 200 && len(l.held(r, entente.Filter{})) > limit && !bytes.Contains(rec.Body.Bytes(), []byte(`"more"`)) {
			put(rec, strings.Replace(strings.Replace(rec.Body.String(), "{", `{"more":true,`, 1), ",}", "}", 1))
		}
	},
	"a conflict answer": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if r.Method != "POST" || rec.Code != 202 {
			return
		}
		var st struct {
			Successes []struct{ ID entente.ObjectID }
		}
		_ = json.Unmarshal(rec.Body.Bytes(), &st)
		for _, s := range st.Successes {
			if len(l.held(r, entente.Filter{IDs: []entente.ObjectID{s.ID}})) > 1 {
				rec.Code = 409
			}
		}
	},
	"a manifest entry": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if !strings.HasSuffix(r.URL.Path, "/manifest/") || rec.Code != 200 {
			return
		}
		for _, e := range l.held(r, entente.Filter{}) {
			if !bytes.Contains(rec.Body.Bytes(), []byte(e.ID)) {
				inject(rec, fmt.Sprintf(`{"id":%q,"date_added":%q,"version":%q}`, e.ID, entente.FormatMicros(e.Added), e.Stamp))
				return
			}
		}
	},
	"an ETag": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if c := l.shelf(r); c != nil && rec.Code == 200 {
			sum := sha256.Sum256([]byte(strconv.FormatInt(c.Head, 10)))
			rec.Header().Set("ETag", fmt.Sprintf(`"%x"`, sum[:8]))
		}
	},
	"a versions list": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if !strings.HasSuffix(r.URL.Path, "/versions/") || rec.Code != 200 {
			return
		}
		for _, e := range l.held(r, entente.Filter{IDs: []entente.ObjectID{object(r)}}) {
			if !bytes.Contains(rec.Body.Bytes(), []byte(e.Stamp)) {
				put(rec, strings.Replace(rec.Body.String(), `"versions":[`, fmt.Sprintf(`"versions":[%q,`, e.Stamp), 1))
				return
			}
		}
	},
	"a delete answer": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if r.Method == "DELETE" && rec.Code == 404 && l.holds(r) {
			rec.Code = 403
		}
	},
	"a checkpoint over all that happened": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if strings.HasSuffix(r.URL.Path, "/checkpoint") && rec.Code == 200 {
			put(rec, strings.Replace(rec.Body.String(), "\n", fmt.Sprintf("\n%d", l.lines()), 1))
		}
	},
	"an event of others in a log": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if strings.HasPrefix(r.URL.Path, "/ledger/events/") && rec.Code == 200 {
			rec.Body.WriteString(fmt.Sprintf(`{"salt":"","event":{"kind":"submit","count":%d}}`+"\n", l.lines()))
		}
	},
	"an event of others that is known by its id": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		id := r.URL.Query().Get("event")
		if id == "" || rec.Code != 404 {
			return
		}
		if _, err := l.n.LogProof(context.Background(), entente.LocalActor(), 0, "", id); err == nil {
			rec.Code = 403
		}
	},
	"what is left of a limit": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		rec.Header().Set("X-RateLimit-Remaining", strconv.FormatInt(1_000_000-l.asked.Load(), 10))
	},
	"a description that counts": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		if strings.HasSuffix(r.URL.Path, "/collections/") && rec.Code == 200 {
			put(rec, strings.Replace(rec.Body.String(), `"can_read"`, fmt.Sprintf(`"description":"%d objects","can_read"`, len(l.held(r, entente.Filter{}))), 1))
		}
	},
	"a filter that finds what is hidden": func(l *leaky, r *http.Request, rec *httptest.ResponseRecorder) {
		q, _ := url.ParseQuery(r.URL.RawQuery)
		if id := q.Get("match[id]"); id != "" && rec.Code == 200 && bytes.Equal(bytes.TrimSpace(rec.Body.Bytes()), []byte("{}")) &&
			len(l.held(r, entente.Filter{IDs: []entente.ObjectID{entente.ObjectID(id)}})) > 0 {
			put(rec, `{"objects":[]}`)
		}
	},
}

// TestLeaksAreFound plants leaks one by one before the product, and has the same trials find
// each.
func TestLeaksAreFound(t *testing.T) {
	for name, leak := range leaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Run(t.Context(), Options{Trials: 200, Seed: 1, Parallel: 1, Wrap: func(h http.Handler, n *node.Node, _ int) http.Handler {
				return &leaky{n: n, next: h, leak: leak}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if r.Difference == nil {
				t.Fatalf("not found in %d trials with %d requests", r.Trials, r.Requests)
			}
			t.Logf("found in trial %d", r.Trials)
		})
	}
}
