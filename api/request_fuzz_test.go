package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"entente"
	"entente/node"
	"entente/store"
	"entente/taxii"

	"github.com/go-json-experiment/json"
)

// FuzzRequest sends anything to a server, past what the HTTP library refuses by itself:
// the answer is one of TAXII or as openapi.json says, and never a fault of the node.
func FuzzRequest(f *testing.F) {
	const auth, post = "Authorization: Bearer filler", "Content-Type: application/taxii+json;version=2.1"
	for _, s := range [][4]string{
		{"GET", "/taxii2/", auth, ""},
		{"GET", "/taxii2", "Authorization: Basic OjpAQA==\nX-Forwarded-For: 203.0.113.9, x", ""},
		{"GET", "/api1/collections/fuzz/objects/?limit=1&match[type]=indicator,tool&match[version]=all&added_after=2020-01-01T00:00:00Z", auth, ""},
		{"GET", "/api1/collections/fuzz/objects/?next=AAAA&limit=0", auth, ""},
		{"GET", "/api1/collections/fuzz/manifest/", auth + "\nAccept: application/taxii+json;version=2.1;q=0.5, */*;q=0", ""},
		{"GET", "/api1/collections/fuzz/objects/tool--00000000-0000-4000-8000-000000000001/versions/", auth, ""},
		{"DELETE", "/api1/collections/fuzz/objects/tool--00000000-0000-4000-8000-000000000001/?match[version]=first", auth, ""},
		{"POST", "/api1/collections/fuzz/objects/", auth + "\n" + post, `{"objects":[{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-000000000001","created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00Z"},{}]}`},
		{"POST", "/api1/collections/fuzz/objects/", auth + "\n" + post + "\nUser-Agent: python-requests/2", `{"type":"bundle","objects":[{"type":"x-a"}]}`},
		{"POST", "/api1/collections/fuzz/objects/", auth + "\n" + post + "\nContent-Encoding: gzip", "\x1f\x8b"},
		{"GET", "/api1/status/00000000-0000-4000-8000-000000000001/", auth, ""},
		{"GET", "/api/lookup?value=198.51.100.7&value=2001:db8::/32&limit=2", auth, ""},
		{"POST", "/api/lookup", auth, `{"values":["198.51.100.7","\u0000"],"limit":1}`},
		{"PATCH", "/api/openapi.json/", auth, ""},
		{"HEAD", "/metrics", auth, ""},
		{"GET", "//%2e%2e/%00/%ff", auth, ""},
	} {
		f.Add(s[0], s[1], s[2], []byte(s[3]))
	}
	h, log := fuzzed(f)
	d, err := theDescription()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, target, headers string, body []byte) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || len(headers) > 4000 {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://node/", io.NopCloser(bytes.NewReader(body)))
		if err != nil {
			return
		}
		u.Scheme, u.Host = "http", "node"
		r.URL, r.RequestURI, r.RemoteAddr, r.ContentLength = u, target, "192.0.2.1:1234", int64(len(body))
		for line := range strings.Lines(headers) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				r.Header.Add(name, strings.TrimSpace(value))
			}
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		got := reply{rec.Code, rec.Header(), rec.Body.String()}
		if method == http.MethodHead {
			got.body = "" // the library sends none
		}
		if got.status < 200 || got.status >= 500 || log.text.Len() > 0 {
			t.Fatalf("%s %s: %d %s\n%s", method, target, got.status, got.body, &log.text)
		}
		if _, err := d.check(method, u.Path, got); err != nil {
			t.Fatalf("%s %s: %d %.300s is not as described: %v", method, target, got.status, got.body, err)
		}
		if got.header.Get("Content-Type") != taxii.MediaType || got.body == "" {
			return
		}
		var any map[string]any
		if err := json.Unmarshal([]byte(got.body), &any); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, target, got.status, got.body, err)
		}
		if got.status >= 400 {
			var e taxii.Error
			if err := json.Unmarshal([]byte(got.body), &e, json.RejectUnknownMembers(true)); err != nil || e.Title == "" || e.Description == "" {
				t.Fatalf("%s %s: %d %s: %v", method, target, got.status, got.body, err)
			}
		}
	})
}

// fuzzed is the handler of a node with a collection, and its log of what goes wrong.
func fuzzed(f *testing.F) (http.Handler, *locked) {
	ctx := context.Background()
	must := func(err error) {
		f.Helper()
		if err != nil {
			f.Fatal(err)
		}
	}
	st, err := store.Open(ctx, store.Options{URL: filepath.Join(f.TempDir(), "node.db")})
	must(err)
	f.Cleanup(func() { must(st.Close()) })
	text := &locked{}
	log := slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{Level: slog.LevelWarn}))
	n, err := node.Open(ctx, st, node.Config{Log: log, MaxContentLength: 1 << 20})
	must(err)
	do := func(c entente.Command) string {
		r, err := n.Do(ctx, entente.LocalActor(), c)
		must(err)
		return r.ID
	}
	in := do(entente.AddCollection{Name: "Fuzz", Alias: "fuzz"})
	who := do(entente.AddAccount{Name: "filler", Service: true})
	do(entente.SetGrant{Account: who, Collection: in, Read: true, Write: true})
	do(entente.AddToken{Account: who, Hash: sha256.Sum256([]byte("filler"))})
	s, err := New(n, Config{PageMax: 5, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, log)
	must(err)
	return s.Handler(), text
}
