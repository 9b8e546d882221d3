package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"entente/node"
	"entente/taxii"
)

// Server serves a node's programs over HTTP. Make one with [New].
type Server struct {
	node   *node.Node
	cfg    Config
	log    *slog.Logger
	sealer *taxii.Sealer
	meters *meters
	tries  *tries
	asks   *tries // of the witness

	requests chan struct{} // a slot for each request that is worked on
	accounts *accounts
	draining atomic.Bool
	handler  http.Handler
}

// New makes a server of a node. Its metrics join the node's.
func New(n *node.Node, cfg Config, log *slog.Logger) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	sealer, err := taxii.NewSealer(n.CursorSecret())
	if err != nil {
		return nil, err
	}
	s := &Server{
		node: n, cfg: cfg, log: log, sealer: sealer, meters: newMeters(n.Metrics()),
		tries: newTries(cfg.FailedSignIns, cfg.FailedPause), asks: newTries(witnessBurst, witnessPause),
		requests: make(chan struct{}, cfg.MaxRequests),
		accounts: newAccounts(cfg.MaxPerAccount),
	}
	s.handler = s.observe(s.bounded(s.mux()))
	return s, nil
}

// Handler answers requests. It must be served by a [http.Server] as [Server.Serve] makes
// one, or by something else that bounds headers and idle connections.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers on l until ctx ends. Then it takes no new requests, gives those under way
// the time that Config.Grace says, cuts off what is left, and returns; the error is nil
// if nothing had to be cut off. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:                      s.handler,
		TLSConfig:                    s.cfg.TLS,
		MaxHeaderBytes:               s.cfg.MaxHeader,
		ReadHeaderTimeout:            s.cfg.HeaderTimeout,
		IdleTimeout:                  s.cfg.IdleTimeout,
		DisableGeneralOptionsHandler: true,
		// The library tells of broken handshakes and the like, which anyone can cause.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: s.cfg.MaxPerAccount, WriteByteTimeout: s.cfg.Patience},
	}
	ended := make(chan error, 1)
	go func() {
		if s.cfg.TLS != nil {
			ended <- srv.ServeTLS(l, "", "")
		} else {
			ended <- srv.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	s.draining.Store(true)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Grace)
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil {
		err = errors.Join(errors.New("requests were cut off at shutdown"), err, srv.Close())
	}
	<-ended
	return err
}

// now is the node's clock.
func (s *Server) now() time.Time { return time.UnixMicro(s.node.Now()) }

// newID names a failure in the log and in the answer to an account, by the randomness for
// that account.
func (s *Server) newID(account string) string {
	id, err := s.node.NewIDFor(account)
	if err != nil {
		return "none" // the failure is in the log all the same
	}
	return id
}
