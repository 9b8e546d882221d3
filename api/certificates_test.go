package api

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"entente"
	"entente/taxii"
)

// shown makes a self-made client certificate with a key of its own, good from the world's
// beginning on, with so many bytes of a name.
func (w *world) shown(name string) tls.Certificate {
	w.t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.UnixMicro(start).Add(-time.Hour), NotAfter: time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	w.must(err)
	leaf, err := x509.ParseCertificate(der)
	w.must(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// certify lets an account sign in with a certificate, and gives the id of that.
func (w *world) certify(account string, c tls.Certificate) string {
	w.t.Helper()
	return w.command(entente.AddCertificate{Account: w.readers[account], Key: sha256.Sum256(c.Leaf.RawSubjectPublicKeyInfo), Expires: c.Leaf.NotAfter.UnixMicro()})
}

// tlsClient is one way to speak to the server.
type tlsClient struct {
	version uint16
	http2   bool
}

var tlsClients = map[string]tlsClient{
	"TLS 1.2": {tls.VersionTLS12, false}, "TLS 1.3": {tls.VersionTLS13, false},
	"TLS 1.2, HTTP/2": {tls.VersionTLS12, true}, "TLS 1.3, HTTP/2": {tls.VersionTLS13, true},
}

// with makes a client that shows certificates, and remembers TLS sessions.
func (v tlsClient) with(w *world, roots *x509.CertPool, own ...tls.Certificate) *http.Client {
	transport := &http.Transport{DisableCompression: true, ForceAttemptHTTP2: v.http2, TLSClientConfig: &tls.Config{
		RootCAs: roots, MinVersion: v.version, MaxVersion: v.version, Certificates: own, ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask asks for a path, with an Authorization header where there is one.
func (w *world) ask(c *http.Client, path, authorization string) (reply, *tls.ConnectionState) {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.base+path, nil)
	w.must(err)
	r.Header.Set("Accept", taxii.MediaType)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	res, err := c.Do(r)
	w.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	w.must(err)
	return reply{res.StatusCode, res.Header, string(body)}, res.TLS
}

// who tells by what a reply to the shelf's collection shows which account asked for it.
func who(r reply) string {
	switch {
	case r.status == 401:
		return "nobody"
	case r.status == 404:
		return "stranger"
	}
	for name, says := range map[string]string{"reader": `"can_read":true,"can_write":false`, "writer": `"can_read":false,"can_write":true`, "editor": `"can_read":true,"can_write":true`} {
		if strings.Contains(r.body, says) {
			return name
		}
	}
	return fmt.Sprint(r)
}

// A client certificate signs in (§8.2), by every version of TLS and HTTP, until it is
// removed; neither a connection nor a TLS session that goes on changes that.
func TestClientCertificate(t *testing.T) {
	w := newWorld(t, Config{})
	_, roots := w.serveTLS()
	wrong, _ := w.ask(w.client, w.at(""), "Bearer wrong")
	for name, v := range tlsClients {
		t.Run(name, func(t *testing.T) {
			mine, unknown := w.shown("mine"), w.shown("mine")
			id := w.certify("reader", mine)
			hold := func(what string, c *http.Client, authorization, want string) *tls.ConnectionState {
				t.Helper()
				r, state := w.ask(c, w.at(""), authorization)
				if got := who(r); got != want {
					t.Errorf("%s: %s, want %s", what, got, want)
				}
				if want == "nobody" && authorization == "" && len(c.Transport.(*http.Transport).TLSClientConfig.Certificates) > 0 &&
					(r.body != wrong.body || fmt.Sprint(r.header["Www-Authenticate"]) != fmt.Sprint(wrong.header["Www-Authenticate"])) {
					t.Errorf("%s: %s, and a wrong token %s", what, r.body, wrong.body)
				}
				return state
			}
			c := v.with(w, roots, mine)
			state := hold("its certificate", c, "", "reader")
			if proto := map[bool]string{false: "", true: "h2"}[v.http2]; state.Version != v.version || state.NegotiatedProtocol != proto {
				t.Fatalf("it speaks %x and %q", state.Version, state.NegotiatedProtocol)
			}
			hold("none", v.with(w, roots), "", "nobody")
			hold("an unknown one", v.with(w, roots, unknown), "", "nobody")
			hold("a token, and no certificate", v.with(w, roots), "Bearer writer", "writer")
			// An Authorization header counts alone.
			hold("another account's token", c, "Bearer writer", "writer")
			hold("a wrong token", c, "Bearer wrong", "nobody")
			hold("a header that says nothing", c, "Nothing", "nobody")
			hold("a token beside an unknown certificate", v.with(w, roots, unknown), "Bearer editor", "editor")
			hold("its certificate again", c, "", "reader")

			// Rights and the account are looked at each time, on the same connection.
			w.command(entente.SetGrant{Account: w.readers["reader"], Collection: w.shelf, Read: true, Write: true})
			hold("with other rights", c, "", "editor")
			w.command(entente.SetGrant{Account: w.readers["reader"], Collection: w.shelf, Read: true})
			w.command(entente.DisableAccount{Account: w.readers["reader"]})
			hold("disabled", c, "", "nobody")
			w.command(entente.DisableAccount{Account: w.readers["reader"], Enable: true})
			hold("enabled", c, "", "reader")

			c.CloseIdleConnections()
			if !hold("a session that goes on", c, "", "reader").DidResume {
				t.Error("the session does not go on, so this says nothing about it")
			}
			w.command(entente.RemoveCertificate{Certificate: id})
			if hold("removed, on the connection", c, "", "nobody"); t.Failed() {
				return
			}
			c.CloseIdleConnections()
			if !hold("removed, in a session that goes on", c, "", "nobody").DidResume {
				t.Error("the session does not go on, so this says nothing about it")
			}
			w.certify("editor", mine)
			c.CloseIdleConnections()
			if !hold("another account's, in a session that goes on", c, "", "editor").DidResume {
				t.Error("the session does not go on, so this says nothing about it")
			}
		})
	}
}

// The dates are held against the node's clock.
func TestClientCertificateExpires(t *testing.T) {
	w := newWorld(t, Config{})
	_, roots := w.serveTLS()
	mine := w.shown("mine")
	// What the operator added ends in an hour; the client's own has other dates.
	w.command(entente.AddCertificate{Account: w.readers["reader"], Key: sha256.Sum256(mine.Leaf.RawSubjectPublicKeyInfo), Expires: start + time.Hour.Microseconds()})
	c := tlsClients["TLS 1.3"].with(w, roots, mine)
	for at, want := range map[int64]string{start: "reader", start + 2*time.Hour.Microseconds(): "nobody", start - 2*time.Hour.Microseconds(): "nobody"} {
		w.clock.Store(at)
		if r, _ := w.ask(c, w.at(""), ""); who(r) != want {
			t.Errorf("at %s: %s, want %s", entente.FormatMicros(at), who(r), want)
		}
	}
}

// A certificate proves nothing without its key, and may not be of any size.
func TestClientCertificateIsProved(t *testing.T) {
	w := newWorld(t, Config{})
	_, roots := w.serveTLS()
	mine, other := w.shown("mine"), w.shown("other")
	w.certify("reader", mine)
	chain := func(bytes int) tls.Certificate {
		c := mine
		c.Certificate = [][]byte{mine.Certificate[0]}
		// An authority's certificate, as big as it must be.
		more := w.shown(strings.Repeat("x", bytes-len(mine.Certificate[0])-2*len(w.shown("").Certificate[0])))
		c.Certificate = append(c.Certificate, more.Certificate[0])
		return c
	}
	for name, v := range tlsClients {
		ask := func(own tls.Certificate) (string, error) {
			res, err := v.with(w, roots, own).Get(w.base + w.at(""))
			if err != nil {
				return "", err
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			return who(reply{res.StatusCode, res.Header, string(body)}), err
		}
		if got, err := ask(tls.Certificate{Certificate: mine.Certificate, PrivateKey: other.PrivateKey}); err == nil {
			t.Errorf("%s: somebody else's certificate signs in %s", name, got)
		}
		if got, err := ask(chain(maxChain / 2)); err != nil || got != "reader" {
			t.Errorf("%s: with its chain: %s, %v", name, got, err)
		}
		if got, err := ask(chain(2 * maxChain)); err == nil {
			t.Errorf("%s: with a huge chain: %s", name, got)
		}
	}
}

// Over plain HTTP no header stands for a certificate, from a trusted proxy neither.
func TestNoCertificateFromHeaders(t *testing.T) {
	w := newWorld(t, Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	mine := w.shown("mine")
	w.certify("operator", mine)
	sum := sha256.Sum256(mine.Leaf.RawSubjectPublicKeyInfo)
	text := fmt.Sprintf("%x", sum)
	for _, name := range []string{"Client-Cert", "X-Client-Cert", "X-SSL-Client-Cert", "X-SSL-Client-Verify", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "SSL_CLIENT_CERT"} {
		for _, value := range []string{text, entente.Pin(sum).String(), "SUCCESS", "operator", "Hash=" + text} {
			if r := w.do(request{method: "GET", path: "/taxii2/", header: map[string]string{name: value, "X-Forwarded-For": "192.0.2.1"}}); r.status != 401 {
				t.Errorf("%s: %s: %d", name, value, r.status)
			}
		}
	}
}

// Whoever signs in by certificate is in the log and in the bounds like everybody, and the
// metrics are an operator's by this way too.
func TestClientCertificateOfAnOperator(t *testing.T) {
	w := newWorld(t, Config{})
	_, roots := w.serveTLS()
	mine := w.shown("mine")
	w.certify("operator", mine)
	r, _ := w.ask(tlsClients["TLS 1.3"].with(w, roots, mine), "/metrics", "")
	if r.status != 200 || !strings.Contains(r.body, `entente_sign_ins_total{result="certificate"} 1`) {
		t.Errorf("%d %.200s", r.status, r.body)
	}
	if !w.logged("account=operator") {
		t.Error(w.log.text.String())
	}
}
