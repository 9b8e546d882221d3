package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/api"
	"entente/internal/selfcert"
	"entente/node"
	"entente/taxii"
)

// serveOptions are the flags of "entente serve".
type serveOptions struct {
	listen   string
	plain    bool
	cert     string
	key      string
	metrics  string
	proxies  []string
	pageMax  int
	logForm  string
	logLevel string
}

func (a *app) serveCmd() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the node's server",
		Long: `Serves the node over TAXII 2.1. The first start makes everything: the data
directory, a certificate, the API root /api1/ and an operator's account whose
password is printed once.

HTTPS is the default, with a self-made certificate (DIR/tls/cert.pem, which
clients can be given as their CA) or the one that --tls-cert and --tls-key name.
--http serves plain HTTP, for the loopback interface or behind a proxy that does
the TLS. /healthz and /readyz answer everybody; /metrics answers operators, and
everybody on the address that --metrics-listen names.

With --db any number of servers may work on one PostgreSQL database, each with a
data directory of its own.`,
		Example: `  entente serve --data /var/lib/entente --listen 0.0.0.0:8443 --home "Example CERT"
  entente serve --http --listen 127.0.0.1:8080 --trusted-proxy 127.0.0.1/32`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.serve(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8443", "address and port to serve on; port 0 takes a free one")
	f.BoolVar(&o.plain, "http", false, "plain HTTP: for loopback, or behind a proxy that does the TLS")
	f.StringVar(&o.cert, "tls-cert", "", "certificate file (PEM, with its chain)")
	f.StringVar(&o.key, "tls-key", "", "private key file (PEM)")
	f.StringVar(&o.metrics, "metrics-listen", "", "serve /metrics on this address too, by plain HTTP and to everybody who reaches it")
	f.StringSliceVar(&o.proxies, "trusted-proxy", nil, "addresses (CIDR) of proxies whose X-Forwarded-For is believed")
	f.IntVar(&o.pageMax, "page-max", 0, "the most objects of a page (1000)")
	f.StringVar(&o.logForm, "log", "text", "form of the log on standard error: text or json")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	cmd.MarkFlagsMutuallyExclusive("http", "tls-cert")
	return cmd
}

func (a *app) serve(ctx context.Context, o serveOptions) error {
	log, err := a.logger(o)
	if err != nil {
		return err
	}
	if err := makeData(a.data); err != nil {
		return err
	}
	unlock, err := lockData(a.data)
	if err != nil {
		return err
	}
	defer unlock()
	// What can fail for a reason outside the node is tried before the node is made.
	l, err := listen(o.listen)
	if err != nil {
		return err
	}
	defer l.Close()
	n, done, err := a.open(ctx, mayCreate, log)
	if err != nil {
		return err
	}
	defer done()
	s, err := a.start(ctx, n, l, o, log)
	if err != nil {
		return err
	}
	password, err := firstOperator(ctx, n)
	if err == nil {
		err = a.announce(ctx, s, n, password)
	}
	if err != nil {
		s.stop()
	}
	return errors.Join(err, s.wait())
}

func (a *app) logger(o serveOptions) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return nil, usagef("--log-level is debug, info, warn or error, not %q", o.logLevel)
	}
	opt := &slog.HandlerOptions{Level: level}
	switch o.logForm {
	case "text":
		return slog.New(slog.NewTextHandler(a.err, opt)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.err, opt)), nil
	}
	return nil, usagef("--log is text or json, not %q", o.logForm)
}

// served is a running server.
type served struct {
	url     string // without a slash at the end
	root    string // the URL of the default API root, once it is announced
	cert    string // the self-made certificate's file, "" for none
	print   string // its fingerprint
	metrics string // the URL of the open metrics, "" for none
	stop    func()
	wait    func() error // until it has ended
}

// start serves a node on a listener until ctx ends, and works in the background.
func (a *app) start(ctx context.Context, n *node.Node, l net.Listener, o serveOptions, log *slog.Logger) (*served, error) {
	s := &served{}
	cfg := api.Config{PageMax: o.pageMax}
	for _, p := range o.proxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return nil, usagef("--trusted-proxy %q is not a range of addresses such as 192.0.2.0/24", p)
		}
		cfg.TrustedProxies = append(cfg.TrustedProxies, prefix)
	}
	var err error
	if cfg.TLS, err = s.certificate(a.data, l.Addr(), o, log); err != nil {
		return nil, err
	}
	scheme := "https"
	if o.plain {
		scheme = "http"
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			log.Warn("plain HTTP beyond the loopback interface shows passwords to the network; put a proxy that does TLS before it", "listen", l.Addr().String())
		}
	}
	s.url = scheme + "://" + l.Addr().String()
	srv, err := api.New(n, cfg, log)
	if err != nil {
		return nil, err
	}
	var open net.Listener
	if o.metrics != "" {
		if open, err = listen(o.metrics); err != nil {
			return nil, err
		}
		s.metrics = "http://" + open.Addr().String() + "/metrics"
	}
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 3)
	go func() { ended <- srv.Serve(run, l) }()
	go func() { ended <- n.Run(run) }()
	go func() { ended <- serveMetrics(run, open, n) }()
	s.stop = stop
	s.wait = func() error {
		var err error
		for range cap(ended) {
			if e := <-ended; e != nil {
				err = errors.Join(err, entente.Wrap(entente.Unavailable, e, "the server ended: "+e.Error()))
			}
			stop() // when one part has ended, the others must
		}
		return err
	}
	return s, nil
}

// listen opens an address, and says plainly why it cannot.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, entente.Wrap(entente.Unavailable, err, fmt.Sprintf("another program listens on %s already; choose another address with --listen", addr))
	case err != nil:
		return nil, entente.Wrap(entente.Unavailable, err, fmt.Sprintf("cannot listen on %q: %v", addr, err))
	}
	return l, nil
}

// certificate is the server's TLS, nil for plain HTTP.
func (s *served) certificate(data string, at net.Addr, o serveOptions, log *slog.Logger) (*tls.Config, error) {
	if o.plain {
		return nil, nil
	}
	if o.cert != "" {
		src, err := selfcert.Files(o.cert, o.key, nil)
		if err != nil {
			return nil, entente.Wrap(entente.Invalid, err, "the certificate cannot be used: "+err.Error())
		}
		src.Report = func(err error) {
			log.Error("the changed certificate cannot be used; the former one is served", "error", err)
		}
		return api.TLSConfig(src.Get), nil
	}
	dir := filepath.Join(data, "tls")
	src, err := selfcert.Own(dir, []string{at.String()}, nil)
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the self-made certificate cannot be used: "+err.Error())
	}
	src.Report = func(err error) {
		log.Error("the certificate cannot be renewed; the former one is served", "error", err)
	}
	c, err := src.Certificate()
	if err != nil {
		return nil, err
	}
	s.cert, s.print = filepath.Join(dir, "cert.pem"), selfcert.Fingerprint(c)
	return api.TLSConfig(src.Get), nil
}

// serveMetrics serves /metrics on a listener of its own until ctx ends; without one it
// only waits.
func serveMetrics(ctx context.Context, l net.Listener, n *node.Node) error {
	if l == nil {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", api.MetricsHandler(n))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// firstOperator makes the first operator's account, and gives its password; "" where
// there is an operator already.
func firstOperator(ctx context.Context, n *node.Node) (string, error) {
	who := entente.LocalActor()
	all, err := n.Accounts(ctx, who)
	if err != nil {
		return "", err
	}
	for _, acc := range all {
		if acc.LastingOperator() {
			return "", nil
		}
	}
	password, err := n.NewSecret()
	if err != nil {
		return "", err
	}
	hash, err := n.HashPassword(password)
	if err != nil {
		return "", err
	}
	_, err = n.Do(ctx, who, entente.AddAccount{Name: "operator", Roles: []entente.Role{entente.Operator}, PasswordHash: hash})
	if entente.KindOf(err) == entente.Conflict {
		return "", nil // another process was first, or the name is taken by somebody without the role
	}
	return password, err
}

// announce tells where to go, and on the first start how to sign in.
func (a *app) announce(ctx context.Context, s *served, n *node.Node, password string) error {
	roots, err := n.Roots(ctx, entente.LocalActor())
	if err != nil {
		return err
	}
	if s.root = s.url + "/"; len(roots) > 0 { // the doctor tells of a node without any
		s.root = s.url + taxii.Root(roots[0].Name)
	}
	if a.json {
		v := map[string]any{"ready": true, "url": s.url, "discovery": s.url + "/taxii2/", "api_root": s.root, "first_start": password != ""}
		if s.cert != "" {
			v["certificate"], v["fingerprint"] = s.cert, s.print
		}
		if s.metrics != "" {
			v["metrics"] = s.metrics
		}
		if password != "" {
			v["operator"], v["operator_password"] = "operator", password
		}
		return json.NewEncoder(a.out).Encode(v) // one line
	}
	a.announceText(a.out, s, n, password)
	return nil
}

func (a *app) announceText(w io.Writer, s *served, n *node.Node, password string) {
	fmt.Fprintf(w, "Entente is ready.\n\n  TAXII discovery  %s/taxii2/\n  API root         %s\n  data             %s (%s)\n", s.url, s.root, a.data, n.Engine())
	if s.cert != "" {
		fmt.Fprintf(w, "  certificate      %s (self-made; clients take it as their CA)\n  SHA-256          %s\n", s.cert, s.print)
	}
	if s.metrics != "" {
		fmt.Fprintf(w, "  metrics          %s\n", s.metrics)
	}
	if password == "" {
		fmt.Fprintln(w)
		return
	}
	fmt.Fprintf(w, `
This is the first start. Sign in as

  name      operator
  password  %s

It is shown this once; "entente account password operator" sets another.

Next, in another terminal%s:

  entente collection add "My collection"
  entente import --collection "My collection" FILE...
  entente account add siem --service --generate
  entente grant siem "My collection" read

What a partner gets is said by an agreement: "entente agreement --help".

`, password, a.dataHint())
}

// dataHint reminds that other commands need the same --data where it is not the default.
func (a *app) dataHint() string {
	if a.data == envOr("ENTENTE_DATA", defaultData()) && a.db == "" {
		return ""
	}
	return fmt.Sprintf(" (with ENTENTE_DATA=%q)", a.data)
}
