package taxii

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"entente"
)

// ClientConfig says how a server is reached, and how far it is trusted. A zero field takes
// the value that its comment names.
type ClientConfig struct {
	// User and Password sign in by HTTP Basic, Token by "Authorization: Scheme Token".
	// At most one of the two is used: the token, if there is one.
	User, Password string
	Token          string
	TokenScheme    string // "Bearer"; some servers want "Token"

	// CA are certificates in PEM that the server's must lead to; the system's authorities.
	CA []byte
	// Fingerprint is the SHA-256 of the server's own certificate or, which outlives its
	// renewal, of its public key (SubjectPublicKeyInfo): 64 hexadecimal digits, with or
	// without colons. Without a CA beside it, it stands in place of authorities and names.
	Fingerprint string
	// Certificate and Key are the client's own, in PEM.
	Certificate, Key []byte
	// AllowHTTP lets credentials go over plain HTTP to a host that is not this machine.
	AllowHTTP bool

	// Patience is how long, in all, the server may keep the client waiting for one answer,
	// beyond what MinRate grants it.
	Patience time.Duration // 1 min
	// MinRate is the slowest transfer that is put up with, in bytes per second.
	MinRate int // 1024
	// MaxPage is the most bytes of one page, decompressed. Pages are read as a stream.
	MaxPage int64 // 4 GiB
	// MaxResource is the most bytes of an answer that is read as a whole.
	MaxResource int64 // 16 MiB

	// Tries is how often a request is made that fails for a reason that may pass: the
	// server is busy (429, 503), a gateway is (502, 504), the connection breaks.
	Tries int // 5
	// MaxWait is the longest wait before the next try. A server that asks for more is
	// left alone: the error is Unavailable and says until when.
	MaxWait time.Duration // 2 min
	// Wait waits between two tries; it ends early, with an error, when ctx ends.
	Wait func(ctx context.Context, d time.Duration) error // by the machine's clock

	UserAgent string // "entente"
}

// Client asks one TAXII 2.1 server. It may be used from many goroutines. Everything it
// sends goes to the scheme, host and port it was made for, wherever an answer points:
// credentials reach nobody else.
//
// An error of a method is an [entente.Error]. Where the server answered with an error,
// its cause is a [*ServerError].
type Client struct {
	cfg  ClientConfig
	base *url.URL
	http *http.Client
}

// NewClient makes a client of the server that an absolute URL names. Nothing is sent yet.
// Errors are of kind Invalid.
func NewClient(address string, c ClientConfig) (*Client, error) {
	base, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	c.withDefaults()
	if base.Scheme == "http" && (c.Token != "" || c.User != "") && !c.AllowHTTP && !isLoopback(base.Hostname()) {
		return nil, entente.Errorf(entente.Invalid, "%s is plain HTTP, which shows the password or token to the network: use https, or allow it on purpose", base.Redacted())
	}
	tlsConfig, err := c.tls()
	if err != nil {
		return nil, err
	}
	k := &Client{cfg: c, base: base}
	k.http = &http.Client{
		CheckRedirect: k.redirect,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: min(c.Patience, 15*time.Second)}).DialContext,
			TLSClientConfig:        tlsConfig,
			TLSHandshakeTimeout:    min(c.Patience, 15*time.Second),
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // it is done here, for servers that send gzip unmarked
			MaxIdleConns:           4,
			IdleConnTimeout:        30 * time.Second,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		},
	}
	return k, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *ClientConfig) withDefaults() {
	fill := func(field *time.Duration, value time.Duration) {
		if *field <= 0 {
			*field = value
		}
	}
	fill(&c.Patience, time.Minute)
	fill(&c.MaxWait, 2*time.Minute)
	if c.MinRate <= 0 {
		c.MinRate = 1024
	}
	if c.MaxPage <= 0 {
		c.MaxPage = 4 << 30
	}
	if c.MaxResource <= 0 {
		c.MaxResource = 16 << 20
	}
	if c.Tries <= 0 {
		c.Tries = 5
	}
	if c.TokenScheme == "" {
		c.TokenScheme = "Bearer"
	}
	if c.UserAgent == "" {
		c.UserAgent = "entente"
	}
	if c.Wait == nil {
		c.Wait = wait
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// parseAddress reads the URL of a server or of something on it.
func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, entente.Errorf(entente.Invalid, "%q is not a URL", clip(address))
	case (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return nil, entente.Errorf(entente.Invalid, "%q is not the URL of a TAXII server, as https://taxii.example.org/api1/ is", clip(u.Redacted()))
	case u.User != nil:
		return nil, entente.Errorf(entente.Invalid, "the URL must hold no name or password, since URLs are shown and logged: give them apart from it")
	}
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// sameServer reports whether two URLs name one scheme, host and port.
func sameServer(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && port(a) == port(b)
}

// redirect follows a few redirects of requests that only read, on the same server.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1]
	switch {
	case !sameServer(req.URL, c.base):
		return entente.Errorf(entente.Unavailable, "%s sends on to another server, %s, which is not followed: credentials are for the server that was named. If you trust it, give its URL", where(from.URL), where(req.URL))
	case via[0].Method != http.MethodGet:
		return entente.Errorf(entente.Unavailable, "%s sends on to %s: give that URL, since nothing is posted or deleted through a redirect", where(from.URL), where(req.URL))
	case len(via) >= 5:
		return entente.Errorf(entente.Unavailable, "%s sends on and on", where(via[0].URL))
	}
	return nil
}

// where is a URL as errors show it.
func where(u *url.URL) string {
	short := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return clean(short.String(), 200)
}

// do makes a request, again where that may help, and gives an answer of status 2xx. The
// body must be closed.
func (c *Client) do(ctx context.Context, method string, u *url.URL, body []byte) (*answer, error) {
	if !sameServer(u, c.base) {
		return nil, entente.Errorf(entente.Invalid, "the server names %s, which is another server than %s: nothing is sent there. If you trust it, give its URL", where(u), where(c.base))
	}
	for try := 1; ; try++ {
		a, err := c.once(ctx, method, u, body)
		if err == nil {
			return a, nil
		}
		if ctx.Err() != nil {
			return nil, entente.Wrap(entente.Unavailable, ctx.Err(), "stopped")
		}
		pause, again := c.pause(err, try)
		if !again {
			return nil, err
		}
		if c.cfg.Wait(ctx, pause) != nil {
			return nil, entente.Wrap(entente.Unavailable, ctx.Err(), "stopped")
		}
	}
}

// once makes a request one time.
func (c *Client) once(ctx context.Context, method string, u *url.URL, body []byte) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var send io.Reader
	if body != nil {
		send = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), send)
	if err != nil {
		cancel(nil)
		return nil, entente.Wrap(entente.Invalid, err, "the request cannot be made: "+err.Error())
	}
	req.Header.Set("Accept", MediaType)
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", MediaType)
	}
	switch {
	case c.cfg.Token != "":
		req.Header.Set("Authorization", c.cfg.TokenScheme+" "+c.cfg.Token)
	case c.cfg.User != "":
		req.SetBasicAuth(c.cfg.User, c.cfg.Password)
	}
	late := time.AfterFunc(c.cfg.Patience+c.earned(len(body)), func() { cancel(errSlow) })
	res, err := c.http.Do(req)
	late.Stop()
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errSlow) {
			err = errSlow
		}
		cancel(nil)
		return nil, noAnswer(u, err)
	}
	a := &answer{url: res.Request.URL, header: res.Header, status: res.StatusCode, http: res.Body, cancel: cancel, left: c.cfg.Patience, patience: c.cfg.Patience, rate: c.cfg.MinRate}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer a.Close()
		return nil, a.refusal()
	}
	return a, nil
}

// earned is the time that a transfer of so many bytes may take.
func (c *Client) earned(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(c.cfg.MinRate)
}
