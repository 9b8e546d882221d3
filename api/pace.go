package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"entente"
)

// pace is the time that a client has left to move bytes. What it moves earns it time, up
// to what it had in the beginning; what the server does in between costs it none.
type pace struct {
	left, most time.Duration
	perByte    time.Duration
}

func newPace(c Config) pace {
	return pace{left: c.Patience, most: c.Patience, perByte: time.Second / time.Duration(c.MinRate)}
}

// moved takes note that n bytes were moved while the server waited.
func (p *pace) moved(waited time.Duration, n int) {
	p.left = min(p.most, max(0, p.left-waited)+time.Duration(n)*p.perByte)
}

// body reads a request's body at the client's pace.
type body struct {
	from    io.ReadCloser
	control *http.ResponseController
	pace    pace
	got     int64
	ended   bool
}

// Read fails with a limit of 408 when the client sends too slowly.
func (b *body) Read(p []byte) (int, error) {
	began := time.Now()
	_ = b.control.SetReadDeadline(began.Add(b.pace.left)) // not every reader has deadlines: tests
	n, err := b.from.Read(p)
	b.pace.moved(time.Since(began), n)
	b.got += int64(n)
	if err == io.EOF {
		b.ended = true
	}
	// Cleared, because a deadline that passes while the node works would end the request.
	_ = b.control.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		slow := &limit{status: http.StatusRequestTimeout, public: "the body came too slowly"}
		err = entente.Wrap(entente.Unavailable, slow, slow.public)
	}
	return n, err
}

// Close is for [io.ReadCloser]; the library closes the body itself.
func (b *body) Close() error { return b.from.Close() }
