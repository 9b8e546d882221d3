package taxii

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"entente"
)

// transport answers every request in one way.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzClient lets a server answer anything. The client asks nobody else, not often, and
// says what was wrong in words that can be shown.
func FuzzClient(f *testing.F) {
	for _, s := range []struct {
		status  int
		headers string
		body    string
	}{
		{200, "Content-Type: application/taxii+json;version=2.1", `{"title":"t","api_roots":["/a/","https://taxii.example.org/b/","https://elsewhere.example/c/"],"default":"/a/"}`},
		{200, "X-TAXII-Date-Added-First: 2020-01-01T00:00:00Z\nX-TAXII-Date-Added-Last: x", `{"more":true,"next":"n","objects":[{"id":"a","date_added":"d","version":"v"}]}`},
		{200, "", `{"collections":[{"id":"c","title":"C","can_read":true},{"id":"d","alias":"c"}]}`},
		{202, "", `{"id":"s","status":"pending","total_count":1,"success_count":0,"failure_count":0,"pending_count":1}`},
		{302, "Location: https://elsewhere.example/", ""},
		{302, "Location: /again/", ""},
		{401, "Www-Authenticate: Basic", `{"title":"no\u0000\u202e\n","description":5,"http_status":401}`},
		{429, "Retry-After: 99999999999999999999", "busy"},
		{503, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", "<html>"},
		{200, "Content-Type: text/html", "\x1f\x8b\x08"},
		{200, "", `{"versions":["1",2]}`},
		{200, "Content-Type: application/vnd.oasis.taxii+json; version=2.0", `{`},
	} {
		f.Add(s.status, s.headers, []byte(s.body))
	}
	f.Fuzz(func(t *testing.T, status int, headers string, body []byte) {
		if status < 200 || status > 599 || len(headers) > 1000 {
			return
		}
		header := http.Header{}
		for line := range strings.Lines(headers) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name != "" {
				header.Add(name, strings.TrimSpace(value))
			}
		}
		asked := 0
		k, err := NewClient("https://taxii.example.org/api1/", ClientConfig{Token: "secret", Tries: 2, Wait: noWait, MaxPage: 1 << 20, MaxResource: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		k.http.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if asked++; r.URL.Host != "taxii.example.org" || r.URL.Scheme != "https" {
				t.Fatalf("the client asks %s", r.URL)
			}
			return &http.Response{StatusCode: status, Header: header.Clone(), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1, Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
		})
		at := Place{k.base, "c"}
		page := func(p *PageReader, err error) error {
			if err != nil {
				return err
			}
			defer p.Close()
			objects, err := io.ReadAll(p)
			if err == nil && (!bytes.HasPrefix(objects, []byte("[")) || !bytes.HasSuffix(objects, []byte("]"))) {
				t.Fatalf("a page of %q", objects)
			}
			if len(objects) > len(body)*1100+2 {
				t.Fatalf("%d bytes out of %d", len(objects), len(body))
			}
			return err
		}
		ctx := t.Context()
		for what, do := range map[string]func() error{
			"discovery":   func() error { _, err := k.Discovery(ctx, k.base); return err },
			"root":        func() error { _, err := k.APIRoot(ctx, k.base); return err },
			"collections": func() error { _, err := k.Collections(ctx, k.base); return err },
			"find":        func() error { _, err := k.Find(ctx, "c"); return err },
			"find any":    func() error { _, err := k.Find(ctx, ""); return err },
			"objects":     func() error { return page(k.Objects(ctx, at, Selection{Next: "n"})) },
			"object":      func() error { return page(k.Object(ctx, at, "o", Selection{})) },
			"manifest": func() error {
				_, err := k.Manifest(ctx, at, Selection{}, func(ManifestRecord) error { return nil })
				return err
			},
			"versions": func() error {
				_, err := k.ObjectVersions(ctx, at, "o", Selection{}, func(string) error { return nil })
				return err
			},
			"add": func() error {
				st, err := k.Add(ctx, at, []byte(`{}`))
				if err == nil {
					_, err = k.Settle(ctx, k.base, st, time.Minute)
				}
				return err
			},
			"delete": func() error { return k.Delete(ctx, at, "o", Selection{}) },
		} {
			asked = 0
			err := do()
			if asked > 4*maxRoots+100 {
				t.Fatalf("%s: %d requests", what, asked)
			}
			if err == nil {
				continue
			}
			text := entente.PublicText(err)
			unprintable := func(r rune) bool { return !unicode.IsPrint(r) && r != '\ufffd' }
			if entente.KindOf(err) == entente.Internal || len(text) > 8000 || !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) || strings.Contains(text, "secret") {
				t.Fatalf("%s: %v: %q", what, entente.KindOf(err), text)
			}
			_ = CursorLost(err)
		}
	})
}

// FuzzAddress: what is taken for a server's address is one, and holds no secret.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"https://taxii.example.org/api1/", "http://127.0.0.1:8080", "https://u:p@taxii.example.org/", "taxii.example.org", "https://[2001:db8::1]:1/a%2fb/collections/c%20d/objects/?x=1#y", "https:///x", "javascript:alert(1)", "\x00"} {
		f.Add(s, "AB:cd")
	}
	f.Fuzz(func(t *testing.T, address, fingerprint string) {
		u, err := parseAddress(address)
		if err == nil {
			if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
				t.Fatalf("%q is taken as %q", address, u)
			}
			if root, _, known := splitAddress(u); known && !sameServer(root, u) {
				t.Fatalf("%q is split to %q", u, root)
			}
			if b := below(u, "x/y", ".."); !sameServer(b, u) || !strings.HasSuffix(b.EscapedPath(), "/x%2Fy/../") {
				t.Fatalf("below %q is %q", u, b)
			}
		} else if entente.KindOf(err) != entente.Invalid {
			t.Fatal(err)
		}
		if _, err := ParseFingerprint(fingerprint); err != nil && entente.KindOf(err) != entente.Invalid {
			t.Fatal(err)
		}
		if shown, err := ParseFingerprint(Fingerprint([]byte(fingerprint))); err != nil || shown != sha256.Sum256([]byte(fingerprint)) {
			t.Fatalf("%x, %v", shown, err)
		}
	})
}
