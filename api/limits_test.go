package api

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"entente"
	"entente/taxii"
)

// open begins a request by hand and leaves its end to the test.
func (w *world) open(text string) net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	w.must(err)
	w.t.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, text)
	w.must(err)
	return c
}

// posting is the beginning of a POST whose body will have so many bytes.
func (w *world) posting(as string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer %s\r\nContent-Type: application/taxii+json\r\nContent-Length: %d\r\n\r\n", w.at("objects/"), as, length)
}

func readReply(t *testing.T, c net.Conn) (reply, error) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body)}, err
}

// working waits until the server works on so many requests: one that was begun by hand
// must be inside before others compete with it for its place.
func (w *world) working(requests int) {
	w.t.Helper()
	for range 2000 {
		if len(w.server.requests) == requests {
			w.server.accounts.mu.Lock()
			signedIn := len(w.server.accounts.active)
			w.server.accounts.mu.Unlock()
			if signedIn == requests {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Fatalf("the server never worked on %d requests", requests)
}

// await asks again until the status is the one that is waited for.
func (w *world) await(q request, status int) reply {
	w.t.Helper()
	var r reply
	for range 1000 {
		if r = w.do(q); r.status == status {
			return r
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Fatalf("%s %s: %d, and never %d", q.method, q.path, r.status, status)
	return r
}

const halfBody, restOfBody = `{"objects":[`, `]}`

// One account's requests are bounded, and do not get in the way of another's.
func TestAccountIsBounded(t *testing.T) {
	w := newWorld(t, Config{MaxPerAccount: 1})
	c := w.open(w.posting("writer", len(halfBody)+len(restOfBody)) + halfBody)
	w.working(1)
	r := w.await(request{method: "GET", path: "/taxii2/", as: "writer"}, 429)
	if r.header.Get("Retry-After") == "" || decode[taxii.Error](t, r).HTTPStatus != "429" {
		t.Errorf("%v %s", r.header, r.body)
	}
	if r := w.get("reader", "/taxii2/"); r.status != 200 {
		t.Errorf("another account: %d", r.status)
	}
	_, err := io.WriteString(c, restOfBody)
	w.must(err)
	if r, err := readReply(t, c); err != nil || r.status != 202 {
		t.Errorf("%v %d", err, r.status)
	}
	w.await(request{method: "GET", path: "/taxii2/", as: "writer"}, 200)
}

// The whole server's requests are bounded, health apart.
func TestServerIsBounded(t *testing.T) {
	w := newWorld(t, Config{MaxRequests: 1})
	c := w.open(w.posting("writer", len(halfBody)+len(restOfBody)) + halfBody)
	w.working(1)
	r := w.await(request{method: "GET", path: "/taxii2/", as: "reader"}, 503)
	if r.header.Get("Retry-After") == "" || decode[taxii.Error](t, r).HTTPStatus != "503" {
		t.Errorf("%v %s", r.header, r.body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if r := w.get("", path); r.status != 200 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	_, err := io.WriteString(c, restOfBody)
	w.must(err)
	if r, err := readReply(t, c); err != nil || r.status != 202 {
		t.Errorf("%v %d", err, r.status)
	}
	w.await(request{method: "GET", path: "/taxii2/", as: "reader"}, 200)
}

// A client that stops sending gets 408, and what it had sent is in.
func TestSlowBody(t *testing.T) {
	w := newWorld(t, Config{Patience: 100 * time.Millisecond})
	c := w.open(w.posting("editor", 10000) + `{"objects":[` + indicator(1, 0) + ",")
	r, err := readReply(t, c)
	if err != nil || r.status != 408 {
		t.Fatalf("%v %d %s", err, r.status, r.body)
	}
	if e := decode[taxii.Error](t, r); !strings.Contains(e.Description, "1 are in") {
		t.Errorf("%+v", e)
	}
	if r := w.get("editor", w.at("objects/"+indicatorID(1)+"/")); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	// A body that nobody reads does not keep the connection either.
	c = w.open("GET /taxii2/ HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer reader\r\nContent-Length: 5\r\n\r\nab")
	if r, err := readReply(t, c); err != nil || r.status != 200 {
		t.Errorf("%v %d", err, r.status)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still good")
	}
}

func TestSlowHeaders(t *testing.T) {
	w := newWorld(t, Config{HeaderTimeout: 50 * time.Millisecond})
	c := w.open("GET /taxii2/ HTTP/1.1\r\nHost: no")
	if r, err := readReply(t, c); err == nil && r.status != 408 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// A client that does not take its answer is cut off.
func TestSlowReader(t *testing.T) {
	w := newWorld(t, Config{Patience: 100 * time.Millisecond})
	const objects, size = 8, 1_000_000 // more than the buffers of both ends hold
	for n := range objects {
		w.post("editor", strings.Replace(indicator(n, 0), `"pattern_type"`, `"x_blob":"`+strings.Repeat("x", size)+`","pattern_type"`, 1))
	}
	c := w.open("")
	w.must(c.(*net.TCPConn).SetReadBuffer(4096))
	_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer reader\r\n\r\n", w.at("objects/"))
	w.must(err)
	line := regexp.MustCompile(`method=GET path=` + w.at("objects/") + ` status=200 received=0 sent=(\d+)`)
	for range 1000 {
		w.log.mu.Lock()
		found := line.FindStringSubmatch(w.log.text.String())
		w.log.mu.Unlock()
		if found != nil {
			if sent, err := strconv.Atoi(found[1]); err != nil || sent >= objects*size {
				t.Errorf("all of %d bytes were sent", sent)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the server still waits for the client")
}

func TestLargeHeaders(t *testing.T) {
	w := newWorld(t, Config{})
	if r := w.do(request{method: "GET", path: "/taxii2/?x=" + strings.Repeat("x", 200_000), as: "reader"}); r.status != 431 {
		t.Errorf("%d %s", r.status, r.body)
	}
	ids := make([]string, 1000)
	for n := range ids {
		ids[n] = indicatorID(n)
	}
	w.post("editor", indicator(1, 0), indicator(2, 0))
	many := "match[id]=" + strings.Join(ids, ",")
	r := w.get("reader", w.at("objects/")+"?limit=1&"+many)
	page := decode[served](t, r)
	if len(page.Objects) != 1 || page.Next == "" {
		t.Fatalf("%d %.200s", r.status, r.body)
	}
	if r := w.get("reader", w.at("objects/")+"?"+many+"&next="+page.Next); r.status != 200 {
		t.Errorf("a filter of 1000 ids, sent again with its cursor: %d", r.status)
	}
}

// Wrong passwords are limited per client address and account name.
func TestFailedSignInsAreLimited(t *testing.T) {
	w := newWorld(t, Config{FailedSignIns: 3, FailedPause: time.Hour, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	hash, err := w.node.HashPassword("correct horse")
	w.must(err)
	_, err = w.node.Do(t.Context(), entente.LocalActor(), entente.SetPassword{Account: w.readers["reader"], PasswordHash: hash})
	w.must(err)
	ask := func(from, name, password string) reply {
		return w.do(request{method: "GET", path: "/taxii2/", header: map[string]string{
			"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)), "X-Forwarded-For": "203.0.113.200, " + from}})
	}
	expect := func(from, name, password string, want int) reply {
		t.Helper()
		r := ask(from, name, password)
		if r.status != want {
			t.Errorf("%s from %s with %q: %d, want %d", name, from, password, r.status, want)
		}
		return r
	}
	const here, there = "198.51.100.1", "198.51.100.2"
	for range 3 {
		expect(here, "reader", "wrong", 401)
		expect(here, "nobody", "wrong", 401)
	}
	r := expect(here, "reader", "correct horse", 429)
	if after, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || after < 3500 || after > 3600 {
		t.Errorf("Retry-After: %q", r.header.Get("Retry-After"))
	}
	expect(here, "nobody", "wrong", 429)
	expect(here, "editor", "wrong", 401)
	expect(there, "reader", "correct horse", 200)
	if r := w.get("reader", "/taxii2/"); r.status != 200 {
		t.Errorf("a token: %d", r.status)
	}
	w.clock.Add(time.Hour.Microseconds())
	expect(here, "reader", "wrong", 401)
	expect(here, "reader", "correct horse", 429)
	w.clock.Add(time.Hour.Microseconds())
	expect(here, "reader", "correct horse", 200)
}

func TestTriesAreBounded(t *testing.T) {
	tr := newTries(1, time.Hour)
	now := time.Unix(1e9, 0)
	key := func(n int) tryKey { return newTryKey(netip.MustParseAddr("2001:db8::1"), strconv.Itoa(n)) }
	for n := range maxTries + 10 {
		tr.failed(key(n), now)
	}
	if len(tr.byID) != maxTries || tr.aged.Len() != maxTries {
		t.Errorf("%d and %d are remembered", len(tr.byID), tr.aged.Len())
	}
	if tr.wait(key(0), now) != 0 || tr.wait(key(maxTries), now) == 0 {
		t.Error("not the oldest one was forgotten")
	}
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff:1%eth0")
	if newTryKey(a, "x") != newTryKey(b, "x") || newTryKey(a, "x") == newTryKey(netip.MustParseAddr("2001:db8:0:1::1"), "x") {
		t.Error("an IPv6 client is a network of 64 bits")
	}
	if newTryKey(netip.MustParseAddr("::ffff:192.0.2.1"), "x") != newTryKey(netip.MustParseAddr("192.0.2.1"), "x") {
		t.Error("one IPv4 client in two forms")
	}
}

func TestClientAddress(t *testing.T) {
	s := &Server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.1", "192.0.2.1"},
		{"10.0.0.1:99", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:99", "203.0.113.9, 198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:99", "203.0.113.9, 198.51.100.1, 10.2.3.4", "198.51.100.1"},
		{"10.0.0.1:99", "203.0.113.9, garbage", "10.0.0.1"},
		{"10.0.0.1:99", "", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:99", "2001:db8::1", "2001:db8::1"},
		{"pipe", "", "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := s.client(r).String(); got != c.want {
			t.Errorf("%s forwarded for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
