package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"entente"
)

// exchange is one request with its answer: it sends the answer at the client's pace, and
// gathers what the log and the metrics tell.
type exchange struct {
	http.ResponseWriter
	control *http.ResponseController
	pace    pace
	body    *body

	endpoint  string // the path of the route
	account   string // the name of who signed in
	accountID string
	status    int   // 0 until the answer has begun
	sent      int64 // bytes of the answer's body
}

// Unwrap is for [http.ResponseController].
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader begins the answer. Over HTTP/1.1 the library then reads what is left of a
// body that nobody wanted, for which the client has the time it has left.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
		x.leaveBody()
	}
	x.ResponseWriter.WriteHeader(status)
}

// leaveBody gives up on what was not read of the body, and returns how long the client
// may still take to send it.
func (x *exchange) leaveBody() time.Duration {
	if x.body.ended {
		return 0
	}
	_ = x.control.SetReadDeadline(time.Now().Add(x.body.pace.left))
	return x.body.pace.left
}

// piece is how much is written at once. At the default rate and patience a client that is
// just fast enough takes 16 seconds for it.
const piece = 16 << 10

// Write sends a part of the body. It fails when the client takes it too slowly.
func (x *exchange) Write(p []byte) (n int, err error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	for len(p) > 0 && err == nil {
		var m int
		part := p[:min(piece, len(p))]
		began := time.Now()
		wait := x.pace.left
		if x.sent == 0 && n == 0 && !x.body.ended {
			wait += x.body.pace.left // the library reads before it writes
		}
		_ = x.control.SetWriteDeadline(began.Add(wait)) // not every writer has deadlines: tests
		m, err = x.ResponseWriter.Write(part)
		x.pace.moved(time.Since(began), m)
		n += m
		p = p[m:]
	}
	// Cleared, for over HTTP/2 a deadline ends the stream also while nothing is written.
	_ = x.control.SetWriteDeadline(time.Time{})
	x.sent += int64(n)
	return n, err
}

// observe is around everything: it paces the transfer, turns a panic into an answer, and
// writes the access log and the metrics. Neither tells a secret or a query.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		s.meters.working(1)
		x := &exchange{ResponseWriter: w, control: http.NewResponseController(w), pace: newPace(s.cfg), endpoint: "none"}
		x.body = &body{from: r.Body, control: x.control, pace: newPace(s.cfg), ended: r.Body == http.NoBody}
		r.Body = x.body
		x.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			fault := recover()
			if fault != nil && fault != http.ErrAbortHandler {
				s.log.Error("panic in a request", "method", r.Method, "path", r.URL.Path, "panic", fault, "stack", string(debug.Stack()))
				if x.status == 0 {
					s.refuse(x, r, entente.Errorf(entente.Internal, "")) // its text is never shown
					fault = nil
				}
			}
			x.finish()
			s.meters.working(-1)
			s.meters.done(r.Method, x, time.Since(began))
			s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", x.status),
				slog.Int64("received", x.body.got), slog.Int64("sent", x.sent), slog.Duration("took", time.Since(began)),
				slog.String("account", x.account), slog.String("client", s.client(r).String()))
			if fault != nil { // the answer is broken: cut the connection, so that nobody takes it for whole
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(x, r)
	})
}

// finish bounds what the library still does with the connection: it sends what it has
// buffered, after it has read the rest of a body that nobody wanted.
func (x *exchange) finish() {
	_ = x.control.SetWriteDeadline(time.Now().Add(x.leaveBody() + x.pace.left))
}
