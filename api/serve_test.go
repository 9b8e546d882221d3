package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"entente"
	"entente/internal/selfcert"
	"entente/taxii"
)

// logged reports whether the log holds a text.
func (w *world) logged(text string) bool {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	return strings.Contains(w.log.text.String(), text)
}

func TestHealth(t *testing.T) {
	w := newWorld(t, Config{})
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if r := w.get("", path); r.status != 200 || r.body != want || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", path, r.status, r.body)
		}
		if r := w.do(request{method: "POST", path: path}); r.status != 405 || r.header.Get("Allow") == "" {
			t.Errorf("POST %s: %d", path, r.status)
		}
	}
	w.server.draining.Store(true)
	if r := w.get("", "/readyz"); r.status != 503 || r.body != "not ready\n" {
		t.Errorf("while ending: %d %q", r.status, r.body)
	}
}

// The metrics are an operator's; for everybody else there is nothing there.
func TestMetrics(t *testing.T) {
	w := newWorld(t, Config{})
	w.get("reader", w.at("objects/?limit=1&match[type]=secret-type"))
	nothing := w.get("", "/metrics")
	if nothing.status != 404 {
		t.Errorf("without sign-in: %d", nothing.status)
	}
	for _, as := range []string{"reader", "nobody"} {
		if r := w.get(as, "/metrics"); r.status != 404 || r.body != nothing.body {
			t.Errorf("%s: %d %s", as, r.status, r.body)
		}
	}
	r := w.get("operator", "/metrics")
	for _, want := range []string{
		`entente_http_requests_total{endpoint="/{root}/collections/{collection}/objects",method="GET",status="2xx"} 1`,
		`entente_http_request_seconds_count{endpoint="/metrics"} 3`,
		`entente_http_in_flight_requests 1`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(r.body, w.shelf) || strings.Contains(r.body, "secret-type") {
		t.Error("a label holds what a client sent")
	}
	rec := httptest.NewRecorder()
	MetricsHandler(w.node).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if !strings.Contains(rec.Body.String(), "entente_http_requests_total") {
		t.Error("the handler for a listener of its own has no metrics")
	}
}

// The log names who asked for what, and holds no secret and no parameter.
func TestAccessLog(t *testing.T) {
	w := newWorld(t, Config{})
	w.get("reader", w.at("objects/?match[type]=secret-type"))
	w.do(request{method: "GET", path: "/taxii2/", header: map[string]string{"Authorization": "Bearer secret-token"}})
	if !w.logged("method=GET path="+w.at("objects/")+" status=200") || !w.logged("account=reader client=127.0.0.1") || !w.logged("status=401") {
		t.Error(w.log.text.String())
	}
	if w.logged("secret") {
		t.Error(w.log.text.String())
	}
}

// A panic is the node's fault: 500 with an id that the log has, or a broken connection if
// the answer had begun.
func TestPanic(t *testing.T) {
	w := newWorld(t, Config{})
	run := func(f http.HandlerFunc) (rec *httptest.ResponseRecorder, fault any) {
		rec = httptest.NewRecorder()
		defer func() { fault = recover() }()
		w.server.observe(f).ServeHTTP(rec, httptest.NewRequest("GET", "/x", nil))
		return rec, nil
	}
	rec, fault := run(func(http.ResponseWriter, *http.Request) { panic("a private thing") })
	e := decode[taxii.Error](t, reply{body: rec.Body.String()})
	if fault != nil || rec.Code != 500 || e.ErrorID == "" || !w.logged("error_id="+e.ErrorID) || strings.Contains(rec.Body.String(), "private") {
		t.Errorf("%v %d %s", fault, rec.Code, rec.Body)
	}
	if !w.logged("a private thing") {
		t.Error("the log does not tell of the panic")
	}
	_, fault = run(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "begun"); panic("late") })
	if fault != http.ErrAbortHandler {
		t.Errorf("%v", fault)
	}
}

// One table turns errors into answers.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		public string
		after  time.Duration
	}{
		{errors.New("private"), 500, "the node could not do this; its log says why", 0},
		{entente.Wrap(entente.Internal, errors.New("private"), ""), 500, "the node could not do this; its log says why", 0},
		{entente.Errorf(entente.NotFound, "nothing"), 404, "nothing", 0},
		{entente.Errorf(entente.Unavailable, "full"), 503, "full", retryAfter},
		{context.DeadlineExceeded, 503, "the node did not manage this in time; try again", retryAfter},
		{&limit{429, time.Minute, "slowly"}, 429, "slowly", time.Minute},
		{entente.Wrap(entente.Unavailable, &limit{408, 0, "late"}, "late"), 408, "late", 0},
	} {
		a := answerTo(c.err)
		if a.status != c.status || a.public != c.public || a.after != c.after || a.title == "" {
			t.Errorf("%v: %+v", c.err, a)
		}
	}
}

func TestConfig(t *testing.T) {
	c, err := Config{PageMax: 7}.withDefaults()
	if err != nil || c.PageMax != 7 || c.MaxRequests != 512 || c.Patience != 30*time.Second || c.Title != "Entente" {
		t.Errorf("%v %+v", err, c)
	}
	for _, bad := range []Config{{PageMax: -1}, {Grace: -1}} {
		if _, err := bad.withDefaults(); entente.KindOf(err) != entente.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// serveTLS serves the world over TLS with a self-made certificate.
func (w *world) serveTLS() (addr string, roots *x509.CertPool) {
	certs, err := selfcert.Own(w.t.TempDir(), nil, nil)
	w.must(err)
	own, err := certs.Certificate()
	w.must(err)
	roots = x509.NewCertPool()
	roots.AddCert(own.Leaf)
	cfg := w.server.cfg
	cfg.TLS = TLSConfig(certs.Get)
	w.server, err = New(w.node, cfg, w.server.log)
	w.must(err)
	w.serve()
	w.base = strings.Replace(w.base, "http:", "https:", 1)
	transport := w.client.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	transport.ForceAttemptHTTP2 = true
	return strings.TrimPrefix(w.base, "https://"), roots
}

func TestTLS(t *testing.T) {
	w := newWorld(t, Config{})
	addr, roots := w.serveTLS()
	r, err := http.NewRequest("GET", w.base+"/healthz", nil)
	w.must(err)
	res, err := w.client.Do(r)
	w.must(err)
	res.Body.Close()
	if res.TLS.Version != tls.VersionTLS13 || res.ProtoMajor != 2 {
		t.Errorf("TLS %x, %s", res.TLS.Version, res.Proto)
	}
	for _, c := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"1.2 with CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
	} {
		c.config.RootCAs = roots
		conn, err := tls.Dial("tcp", addr, c.config)
		if (err == nil) != c.ok {
			t.Errorf("TLS %s: %v", c.name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// Over HTTP/2 everything works as over HTTP/1.1: bodies, pages, slow clients.
func TestHTTP2(t *testing.T) {
	w := newWorld(t, Config{Patience: 300 * time.Millisecond})
	w.serveTLS()
	blob := strings.Replace(indicator(1, 0), `"pattern_type"`, `"x_blob":"`+strings.Repeat("x", 900_000)+`","pattern_type"`, 1)
	w.post("editor", blob)
	if r := w.get("reader", w.at("objects/")); r.body != `{"objects":[`+blob+"]}\n" {
		t.Errorf("%d, %d bytes", r.status, len(r.body))
	}
	if r := w.do(request{method: "HEAD", path: w.at("objects/"), as: "reader"}); r.status != 200 || r.header.Get("Content-Length") == "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	// A body that stops coming.
	body, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = io.WriteString(feed, halfBody) }()
	r, err := http.NewRequest("POST", w.base+w.at("objects/"), body)
	w.must(err)
	r.Header.Set("Authorization", "Bearer editor")
	r.Header.Set("Content-Type", taxii.MediaType)
	if got := w.send(r); got.status != 408 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// At shutdown what is under way is finished, within the grace; then it is cut off.
func TestShutdown(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration
		whole bool
	}{{"in time", time.Minute, true}, {"too late", 10 * time.Millisecond, false}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			server, err := New(w.node, Config{Grace: c.grace}, w.server.log)
			w.must(err)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			w.must(err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(ctx, l) }()
			w.base = "http://" + l.Addr().String()
			conn := w.open(w.posting("writer", len(halfBody)+len(restOfBody)) + halfBody)
			for len(server.requests) == 0 {
				time.Sleep(time.Millisecond)
			}
			stop()
			for !server.draining.Load() {
				time.Sleep(time.Millisecond)
			}
			if !c.whole {
				if err := <-ended; err == nil {
					t.Error("a request was cut off and nothing says so")
				}
				return
			}
			_, err = io.WriteString(conn, restOfBody)
			w.must(err)
			if r, err := readReply(t, conn); err != nil || r.status != 202 {
				t.Errorf("%v %d %s", err, r.status, r.body)
			}
			w.must(<-ended)
			if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
				t.Error("the listener is still open")
			}
		})
	}
}
