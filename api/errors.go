package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"entente"
	"entente/taxii"
)

// limit is an answer of HTTP alone, which no Kind stands for: the client goes over a
// limit of the server, and may try again.
type limit struct {
	status int
	after  time.Duration // when to try again, 0 to say nothing
	public string
}

func (l *limit) Error() string { return l.public }

// answer is what an error is told as.
type answer struct {
	status int
	title  string
	public string
	after  time.Duration
}

// retryAfter is when to try again what cannot be done now.
const retryAfter = 5 * time.Second

// answerTo is the one place where an error becomes a status and a text.
func answerTo(err error) answer {
	var l *limit
	switch {
	case errors.As(err, &l):
		return answer{l.status, strings.ToLower(http.StatusText(l.status)), l.public, l.after}
	case errors.Is(err, context.DeadlineExceeded) && entente.KindOf(err) == entente.Internal:
		err = entente.Wrap(entente.Unavailable, err, "the node did not manage this in time; try again")
	}
	kind := entente.KindOf(err)
	a := answer{status: kind.HTTPStatus(), title: kind.String(), public: entente.PublicText(err)}
	if kind == entente.Unavailable {
		a.after = retryAfter
	}
	return a
}

// refuse answers with an error (TAXII 2.1 §3.6). Nothing must have been written yet.
// A fault of the node goes to the log with the request's id, and only that is told.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	a := answerTo(err)
	body := taxii.NewError(a.status, a.title, a.public)
	if a.status == http.StatusInternalServerError {
		account := ""
		if x, ok := w.(*exchange); ok {
			account = x.accountID
		}
		body.ErrorID = s.newID(account)
		s.log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("error_id", body.ErrorID), slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	h := w.Header()
	switch a.status {
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = []string{`Basic realm="entente", charset="UTF-8"`, `Bearer realm="entente"`}
	case http.StatusRequestTimeout:
		h.Set("Connection", "close")
	}
	if a.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.after+time.Second-1)/time.Second)))
	}
	text, err := taxii.Encode(body)
	if err != nil { // strings always encode
		text = nil
	}
	send(w, a.status, text)
}

// send writes a whole answer. An error of writing means that the client is gone.
func send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", taxii.MediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
