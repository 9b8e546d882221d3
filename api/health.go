package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"entente"
	"entente/node"
)

// readyWithin is how long the node may take to say that it can work.
const readyWithin = 2 * time.Second

// healthz tells that the process answers. It is open to everyone, and says no more.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	w.(*exchange).endpoint = "/healthz"
	plain(w, r, http.StatusOK, "ok\n")
}

// readyz tells whether requests should be sent here now: the store answers, and the
// server is not about to end.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	w.(*exchange).endpoint = "/readyz"
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := s.node.Ready(ctx); err != nil || s.draining.Load() {
		plain(w, r, http.StatusServiceUnavailable, "not ready\n")
		return
	}
	plain(w, r, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, r *http.Request, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		status, text = http.StatusMethodNotAllowed, "method not allowed\n"
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// metrics shows the metrics to an operator or a reviewer. To everybody else there is nothing to get.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	x.endpoint = "/metrics"
	actor, err := s.signIn(r)
	if err != nil || !actor.May(entente.ReadAll) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		plain(w, r, http.StatusNotFound, "not found\n")
		return
	}
	x.account = actor.Account.Name
	x.Header().Set("Cache-Control", "no-store")
	MetricsHandler(s.node).ServeHTTP(w, r)
}

// MetricsHandler serves a node's metrics in the text format of Prometheus to whoever asks.
// It belongs on a listener that only the monitoring reaches.
func MetricsHandler(n *node.Node) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = n.Metrics().Write(w) // an error means that the client is gone
	})
}
