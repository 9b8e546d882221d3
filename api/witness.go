package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"entente"
	"entente/node"
)

// witnessPath is where other nodes' logs ask this one to cosign (C2SP tlog-witness).
const witnessPath = "/witness/add-checkpoint"

// What one address may ask of the witness: witnessBurst requests at once, then one each
// witnessPause. A log asks once for each of its checkpoints, every few seconds.
const (
	witnessBurst = 60
	witnessPause = 100 * time.Millisecond
)

// addCheckpoint answers as a witness. Nobody signs in: what counts is the signature of the
// log. Errors are plain text, as the protocol has them.
func (s *Server) addCheckpoint(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	x.endpoint = witnessPath
	x.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		x.Header().Set("Allow", http.MethodPost)
		witnessText(x, http.StatusMethodNotAllowed, "method not allowed\n")
		return
	}
	key := newTryKey(s.client(r), witnessPath)
	if wait := s.asks.wait(key, s.now()); wait > 0 {
		s.meters.limited("witness")
		x.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		witnessText(x, http.StatusTooManyRequests, "this address asks too often\n")
		return
	}
	s.asks.failed(key, s.now()) // each counts
	body, err := io.ReadAll(http.MaxBytesReader(x, r.Body, node.MaxSubmission+1))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		body, err = make([]byte, node.MaxSubmission+1), nil // told as too large
	}
	var answer node.WitnessAnswer
	if err == nil {
		answer, err = s.node.AddCheckpoint(r.Context(), body)
	}
	if err != nil {
		a := answerTo(err)
		if a.status == http.StatusInternalServerError {
			s.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			a.public = entente.Internal.String()
		}
		if a.after > 0 {
			x.Header().Set("Retry-After", strconv.Itoa(int((a.after+time.Second-1)/time.Second)))
		}
		witnessText(x, a.status, a.public+"\n")
		return
	}
	x.Header().Set("Content-Type", answer.ContentType)
	x.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	x.WriteHeader(answer.Status)
	_, _ = x.Write(answer.Body) // an error means that the client is gone
}

func witnessText(x *exchange, status int, text string) {
	x.Header().Set("Content-Type", "text/plain; charset=utf-8")
	x.WriteHeader(status)
	_, _ = io.WriteString(x, text)
}
