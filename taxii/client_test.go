package taxii

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"entente"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// foreign is a server of somebody else: it answers what a test tells it to.
type foreign struct {
	*httptest.Server
	mu   sync.Mutex
	asks []string // method, path and query of each request
}

func newForeign(t *testing.T, secure bool, h http.HandlerFunc) *foreign {
	f := &foreign{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asks = append(f.asks, r.Method+" "+r.URL.RequestURI())
		f.mu.Unlock()
		h(w, r)
	}))
	f.EnableHTTP2 = true
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func (f *foreign) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asks)
}

func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func newTestClient(t *testing.T, address string, c ClientConfig) *Client {
	t.Helper()
	if c.Wait == nil {
		c.Wait = noWait
	}
	k, err := NewClient(address, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func answers(pages map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"title":"not found","http_status":404}`)
			return
		}
		w.Header().Set("Content-Type", "application/taxii+json; version=2.1; charset=utf-8")
		io.WriteString(w, body)
	}
}

func TestClientFinds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	one := `{"collections":[{"id":"c1","title":"One","alias":"uno","can_read":true,"can_write":false,"x":[1]}]}`
	f := newForeign(t, false, answers(map[string]string{
		"/taxii2/":                 `{"title":"T","default":"/two/","api_roots":["/one/","/two/","/one/"]}`,
		"/one/":                    `{"title":"R1","versions":["application/taxii+json;version=2.1"],"max_content_length":10}`,
		"/two/":                    `{"title":"R2","versions":["application/taxii+json;version=2.1"],"max_content_length":20}`,
		"/one/collections/":        one,
		"/two/collections/":        `{"collections":[{"id":"c2","title":"Same"},{"id":"c3","title":"Same"}]}`,
		"/two/collections/hidden/": `{"id":"c4","title":"Not listed"}`,
		"/plain/":                  `{"title":"nothing here"}`,
		"/deep/er/":                `{"title":"R","versions":[],"max_content_length":1}`,
		"/deep/er/collections/":    one,
	}))
	defer f.Close()
	for _, c := range []struct{ path, wanted, found, err string }{
		{"", "One", "/one/ c1", ""},
		{"/", "uno", "/one/ c1", ""},
		{"/taxii2/", "c1", "/one/ c1", ""},
		{"/taxii2", "c3", "/two/ c3", ""},
		{"/one", "", "/one/ c1", ""},
		{"/deep/er/", "", "/deep/er/ c1", ""},
		{"/two/", "hidden", "/two/ c4", ""},
		{"/one/collections/", "", "/one/ c1", ""},
		{"/one/collections/uno/objects/?limit=1", "", "/one/ c1", ""},
		{"/two/collections/hidden", "", "/two/ c4", ""},
		{"/two/", "", "", `several collections; name one of: "Same" (c2), "Same" (c3)`},
		{"/two/", "Same", "", "several collections have the title"},
		{"", "none", "", `no collection with the id, alias or title "none"; it has: "Same" (c2), "Same" (c3), "One" (c1)`},
		{"/plain/", "", "", "no API root"},
		{"/nowhere/", "", "", `404 Not Found: "not found"`},
	} {
		k := newTestClient(t, f.URL+c.path, ClientConfig{})
		got, err := k.Find(t.Context(), c.wanted)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s %q: %+v, %v; want an error with %q", c.path, c.wanted, got, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("%s %q: %v", c.path, c.wanted, err)
		case c.err == "":
			if s := got.Place.Root.Path + " " + got.Collection; s != c.found {
				t.Errorf("%s %q: %s, want %s", c.path, c.wanted, s, c.found)
			}
		}
		k.Close()
	}
}

func TestClientKeepsCredentials(t *testing.T) {
	var leaked []string
	other := newForeign(t, false, func(w http.ResponseWriter, r *http.Request) {
		leaked = append(leaked, r.Header.Get("Authorization"))
	})
	var seen []string
	f := newForeign(t, false, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/taxii2/":
			fmt.Fprintf(w, `{"title":"T","api_roots":[%q]}`, other.URL+"/api/")
		case "/away/":
			http.Redirect(w, r, other.URL+"/", http.StatusFound)
		case "/here/":
			http.Redirect(w, r, "/there/", http.StatusMovedPermanently)
		case "/loop/":
			http.Redirect(w, r, "/loop/", http.StatusFound)
		default:
			io.WriteString(w, `{"title":"R","versions":["x"],"max_content_length":1}`)
		}
	})
	k := newTestClient(t, f.URL, ClientConfig{Token: "secret"})
	if _, err := k.Find(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("an API root on another server: %v", err)
	}
	at := func(path string) *url.URL {
		return &url.URL{Scheme: "http", Host: f.Listener.Addr().String(), Path: path}
	}
	if _, err := k.APIRoot(t.Context(), at("/away/")); err == nil || !strings.Contains(err.Error(), "not followed") {
		t.Errorf("a redirect to another server: %v", err)
	}
	if r, err := k.APIRoot(t.Context(), at("/here/")); err != nil || r.Title != "R" {
		t.Errorf("a redirect on the same server: %+v, %v", r, err)
	}
	if _, err := k.APIRoot(t.Context(), at("/loop/")); err == nil || !strings.Contains(err.Error(), "sends on and on") {
		t.Errorf("a redirect without end: %v", err)
	}
	if len(leaked) > 0 {
		t.Errorf("the other server was asked, with %q", leaked)
	}
	if !slices.Contains(seen, "/there/ Bearer secret") {
		t.Errorf("asked: %q", seen)
	}
	for address, want := range map[string]string{
		"http://203.0.113.1/":       "plain HTTP",
		"https://u:p@example.org/":  "no name or password",
		"ftp://example.org/":        "not the URL of a TAXII server",
		"example.org":               "not the URL of a TAXII server",
		"https://":                  "not the URL of a TAXII server",
		"https://example.org/%zz\n": "not a URL",
	} {
		if _, err := NewClient(address, ClientConfig{User: "u", Password: "p"}); err == nil || !strings.Contains(err.Error(), want) || entente.KindOf(err) != entente.Invalid {
			t.Errorf("%q: %v; want %q", address, err, want)
		}
	}
	if _, err := NewClient("http://203.0.113.1/", ClientConfig{User: "u", AllowHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestClientTLS(t *testing.T) {
	f := newForeign(t, true, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("protocol %s", r.Proto)
		}
		io.WriteString(w, `{"title":"R","versions":["x"],"max_content_length":1}`)
	})
	leaf := f.Certificate()
	key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	wrong := strings.Repeat("00", 32)
	for name, c := range map[string]struct {
		cfg ClientConfig
		err string
	}{
		"nothing":              {ClientConfig{}, "fingerprint is " + Fingerprint(leaf.Raw)},
		"CA":                   {ClientConfig{CA: ca}, ""},
		"fingerprint":          {ClientConfig{Fingerprint: Fingerprint(leaf.Raw)}, ""},
		"fingerprint of key":   {ClientConfig{Fingerprint: hex.EncodeToString(key[:])}, ""},
		"both":                 {ClientConfig{CA: ca, Fingerprint: "sha256:" + hex.EncodeToString(key[:])}, ""},
		"wrong":                {ClientConfig{Fingerprint: wrong}, "another one than was pinned: its SHA-256 fingerprint is " + Fingerprint(leaf.Raw)},
		"right CA, wrong hash": {ClientConfig{CA: ca, Fingerprint: wrong}, "another one than was pinned"},
	} {
		c.cfg.Wait = func(context.Context, time.Duration) error {
			t.Errorf("%s: tried again", name)
			return nil
		}
		k := newTestClient(t, f.URL, c.cfg)
		_, err := k.APIRoot(t.Context(), k.base)
		if (c.err == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v; want %q", name, err, c.err)
		}
	}
	// A client's own certificate.
	asked := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"title":%q}`, Fingerprint(r.TLS.PeerCertificates[0].Raw))
	}))
	asked.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	asked.Config.ErrorLog = log.New(io.Discard, "", 0)
	asked.StartTLS()
	defer asked.Close()
	der, err := x509.MarshalPKCS8PrivateKey(f.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ownKey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, own := range []bool{true, false} {
		cfg := ClientConfig{Fingerprint: Fingerprint(asked.Certificate().Raw), Tries: 1}
		if own {
			cfg.Certificate, cfg.Key = ca, ownKey
		}
		k := newTestClient(t, asked.URL, cfg)
		r, err := k.APIRoot(t.Context(), k.base)
		if own != (err == nil) || (own && r.Title != Fingerprint(leaf.Raw)) {
			t.Errorf("with a certificate of its own %v: %+v, %v", own, r, err)
		}
		k.Close()
	}
	for name, cfg := range map[string]ClientConfig{
		"CA": {CA: []byte("x")}, "certificate": {Certificate: []byte("x")}, "fingerprint": {Fingerprint: "12:34"},
	} {
		if _, err := NewClient(f.URL, cfg); entente.KindOf(err) != entente.Invalid || err == nil {
			t.Errorf("a %s that is none: %v", name, err)
		}
	}
}

func TestClientTriesAgain(t *testing.T) {
	var mu sync.Mutex
	var left, status int
	var header string
	fails := func(n, code int, after string) {
		mu.Lock()
		defer mu.Unlock()
		left, status, header = n, code, after
	}
	f := newForeign(t, false, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if left--; left >= 0 {
			if status == 0 { // break the connection
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Retry-After", header)
			w.WriteHeader(status)
			io.WriteString(w, `{"title":"slow \u001b[31mdown","description":"please"}`)
			return
		}
		io.WriteString(w, `{"title":"R","versions":["x"],"max_content_length":1}`)
	})
	for _, c := range []struct {
		status, failures int
		header           string
		waits            int
		longest          time.Duration // at least
		err              string
	}{
		{429, 2, "7", 2, 7 * time.Second, ""},
		{503, 4, "", 4, time.Second, ""},
		{503, 9, "", 4, time.Second, "503 Service Unavailable: \"slow \ufffd[31mdown\", \"please\""},
		{429, 1, "3600", 0, 0, "429 Too Many Requests"},
		{429, 1, "Mon, 01 Jan 1990 00:00:00 GMT", 1, 0, ""},
		{0, 2, "", 2, 0, ""},
		{0, 9, "", 4, 0, "no answer"},
		{500, 1, "", 0, 0, "500 Internal"},
		{401, 1, "", 0, 0, "401 Unauthorized"},
	} {
		fails(c.failures, c.status, c.header)
		waits, longest := 0, time.Duration(0)
		k := newTestClient(t, f.URL, ClientConfig{Wait: func(_ context.Context, d time.Duration) error {
			waits, longest = waits+1, max(longest, d)
			return nil
		}})
		_, err := k.APIRoot(t.Context(), k.base)
		if (c.err == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.err)) || waits != c.waits || longest < c.longest {
			t.Errorf("%+v: %v after %d waits up to %s", c, err, waits, longest)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	fails(1000, 503, "")
	k := newTestClient(t, f.URL, ClientConfig{Tries: 1000, Wait: func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}})
	if _, err := k.APIRoot(ctx, k.base); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while waiting: %v", err)
	}
}

func TestClientGivesUpOnTheSlow(t *testing.T) {
	hold := make(chan struct{})
	f := newForeign(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body/" {
			io.WriteString(w, `{"objects":[`)
			w.(http.Flusher).Flush()
		}
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	defer close(hold)
	k := newTestClient(t, f.URL, ClientConfig{Patience: 50 * time.Millisecond, Tries: 1})
	for _, path := range []string{"/head/", "/body/"} {
		u, _ := url.Parse(f.URL + path)
		if _, err := k.APIRoot(t.Context(), u); entente.KindOf(err) != entente.Unavailable || !errors.Is(err, errSlow) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestPages reads pages in every form that servers send.
func TestClientPages(t *testing.T) {
	var body []byte
	header := http.Header{}
	f := newForeign(t, false, func(w http.ResponseWriter, r *http.Request) {
		for k, v := range header {
			w.Header()[k] = v
		}
		w.Write(body)
	})
	k := newTestClient(t, f.URL, ClientConfig{MaxPage: 1 << 16})
	read := func() (string, bool, string, Dates, error) {
		p, err := k.Objects(t.Context(), Place{k.base, "c"}, Selection{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		b, err := io.ReadAll(iotest.OneByteReader(p))
		more, next := p.More()
		return string(b), more, next, p.Dates, err
	}
	for _, c := range []struct {
		body, objects string
		more          bool
		next          string
		err           string
	}{
		{`{}`, `[]`, false, "", ""},
		{`{"more":false}`, `[]`, false, "", ""},
		{`{"more":true,"next":"a\"b","objects":[{"a":[1,"]"]},{}]}`, `[{"a":[1,"]"]},{}]`, true, `a"b`, ""},
		{"\xef\xbb\xbf { \"objects\" : [ ] , \"more\" : true }\n", `[ ]`, true, "", ""},
		{`{"objects":null,"more":false,"next":null}`, `[]`, false, "", ""},
		{`{"objects":{"a":1},"next":12}`, `[]`, true, "12", ""},
		{`{"next":"x"}`, `[]`, true, "x", ""},
		{`{"more":false,"next":"x"}`, `[]`, false, "x", ""},
		{`{"more":"true","type":"bundle","id":"b","x":{"objects":[1],"more":false},"objects":[1]}`, `[1]`, true, "", ""},
		{`{"objects":[{"a":"\\"},"\"]"]}`, `[{"a":"\\"},"\"]"]`, false, "", ""},
		{`{"objects":[1],"objects":[2]}`, `[1][2]`, false, "", ""},
		{``, ``, false, "", "the answer is empty"},
		{`[{"type":"x"}]`, ``, false, "", `begins with "["`},
		{`<html>`, ``, false, "", "text/html"},
		{`{"objects":[{"a":1}`, `[{"a":1}`, false, "", "broke off"},
		{`{"objects":[{"a":1}]`, `[{"a":1}]`, false, "", "broke off"},
		{`{"objects" [1]}`, ``, false, "", "not the JSON"},
		{`{objects:[1]}`, ``, false, "", "not the JSON"},
		{`{"a":}`, ``, false, "", "not the JSON"},
		{`{"objects":[` + strings.Repeat(" ", 1<<16) + `]}`, `[` + strings.Repeat(" ", 1<<16-12), false, "", "longer than"},
	} {
		for _, packed := range []string{"", "gzip", "unmarked"} {
			body = []byte(c.body)
			header = http.Header{"Content-Type": {"text/html; charset=x"}, "X-Taxii-Date-Added-Last": {"2026-01-01T00:00:00Z"}}
			if packed != "" {
				var b bytes.Buffer
				z := gzip.NewWriter(&b)
				z.Write(body)
				z.Close()
				body = b.Bytes()
			}
			if packed == "gzip" {
				header.Set("Content-Encoding", "gzip")
			}
			objects, more, next, dates, err := read()
			if (c.err == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.err)) || objects != c.objects ||
				more != c.more || next != c.next || dates != (Dates{0, 1_767_225_600_000_000}) {
				t.Errorf("%.60s %s: %.60s, %v, %q, %v, %v", c.body, packed, objects, more, next, dates, err)
			}
		}
	}
}

// TestSplitter holds the splitter against a plain reading of random pages, read in random
// portions.
func TestSplitter(t *testing.T) {
	value := rapid.SampledFrom([]string{`1`, `"a"`, `"\\\""`, `{"objects":[1]}`, `[[],{}]`, `null`, `"}]"`, `-1.5e3`, `{}`})
	rapid.Check(t, func(t *rapid.T) {
		objects := rapid.SliceOfN(value, 0, 4).Draw(t, "objects")
		parts := []string{`"more":true`, `"next":"n"`}
		want := "[]"
		if rapid.Bool().Draw(t, "list") {
			want = "[" + strings.Join(objects, ",") + "]"
			parts = append(parts, `"objects": `+want)
		}
		for i, v := range rapid.SliceOfN(value, 0, 3).Draw(t, "others") {
			parts = append(parts, fmt.Sprintf(`"x%d": %s`, i, v))
		}
		parts = rapid.Permutation(parts).Draw(t, "order")
		page := "{" + strings.Join(parts, rapid.SampledFrom([]string{",", " , ", ",\n"}).Draw(t, "comma")) + "}"
		s := newSplitter(iotest.HalfReader(strings.NewReader(page)), "objects")
		got, err := io.ReadAll(iotest.OneByteReader(s))
		if err != nil || string(got) != want || !s.more || s.next != "n" {
			t.Fatalf("%s gives %s, %v %q, %v", page, got, s.more, s.next, err)
		}
		cut := rapid.IntRange(0, len(page)-1).Draw(t, "cut")
		if _, err := io.ReadAll(newSplitter(strings.NewReader(page[:cut]), "objects")); err == nil || err == io.EOF {
			t.Fatalf("%s counts as complete: %v", page[:cut], err)
		}
	})
}

func FuzzSplitter(f *testing.F) {
	for _, s := range []string{`{}`, `{"objects":[{}],"more":true,"next":"x"}`, `{"objects":null}`, `[`, "{\"a\":\"\\", `{"objects":[{"a":"\"]"}]}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		whole := newSplitter(bytes.NewReader(page), "objects")
		a, errA := io.ReadAll(whole)
		part := newSplitter(iotest.OneByteReader(bytes.NewReader(page)), "objects")
		b, errB := io.ReadAll(part)
		if !bytes.Equal(a, b) || (errA == nil) != (errB == nil) || whole.more != part.more || whole.next != part.next {
			t.Fatalf("%q: %q %v, in single bytes %q %v", page, a, errA, b, errB)
		}
	})
}

func TestClientRecordsAndWrites(t *testing.T) {
	polls := 0
	f := newForeign(t, false, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /collections/c/manifest/":
			io.WriteString(w, `{"more":true,"objects":[{"id":"a","date_added":"d","version":"v","x":1},{"id":"b"}]}`)
		case "GET /collections/c/objects/o/versions/":
			io.WriteString(w, `{"versions":["1","2"]}`)
		case "POST /collections/c/objects/":
			if r.Header.Get("Content-Type") != MediaType {
				t.Errorf("Content-Type %q", r.Header.Get("Content-Type"))
			}
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, `{"id":"s","status":"pending","total_count":1,"success_count":0,"failure_count":0,"pending_count":1}`)
		case "GET /status/s/":
			polls++
			st := Status{ID: "s", Status: Pending}
			if polls == 3 {
				st.Status, st.FailureCount, st.Failures = Complete, 1, []StatusDetail{{ID: "x", Message: "no"}}
			}
			b, _ := Encode(st)
			w.Write(b)
		case "DELETE /collections/c/objects/o/":
			if r.URL.RawQuery != "match%5Bversion%5D=all" {
				t.Errorf("delete %q", r.URL.RawQuery)
			}
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	})
	k := newTestClient(t, f.URL, ClientConfig{})
	at := Place{k.base, "c"}
	var ids []string
	end, err := k.Manifest(t.Context(), at, Selection{AddedAfter: 1, Limit: 2, Next: "n", Match: url.Values{"type": {"a,b"}}}, func(r ManifestRecord) error {
		ids = append(ids, r.ID)
		return nil
	})
	if err != nil || !end.More || end.Next != "" || !slices.Equal(ids, []string{"a", "b"}) {
		t.Errorf("%+v %q, %v", end, ids, err)
	}
	if q := f.asked()[0]; q != "GET /collections/c/manifest/?added_after=1970-01-01T00%3A00%3A00.000001Z&limit=2&match%5Btype%5D=a%2Cb&next=n" {
		t.Error(q)
	}
	var versions []string
	if _, err := k.ObjectVersions(t.Context(), at, "o", Selection{}, func(v string) error { versions = append(versions, v); return nil }); err != nil || len(versions) != 2 {
		t.Errorf("%q, %v", versions, err)
	}
	st, err := k.Add(t.Context(), at, []byte(`{"objects":[]}`))
	if err == nil {
		st, err = k.Settle(t.Context(), k.base, st, time.Minute)
	}
	if err != nil || st.Status != Complete || st.FailureCount != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	if err := k.Delete(t.Context(), at, "o", Selection{AddedAfter: 3, Match: url.Values{"version": {"all"}}}); err != nil {
		t.Error(err)
	}
	if _, err := k.Collection(t.Context(), at); err == nil || !strings.Contains(err.Error(), "418") || CursorLost(err) {
		t.Error(err)
	}
}
