package taxii

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"entente"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ServerError is what a server answered in place of what was asked for.
type ServerError struct {
	Status      int    // of HTTP
	Title       string // of its error message (§3.6.1), "" if it gave none
	Description string
	RetryAfter  time.Duration // how long it asks to wait, 0 if it does not
}

// Error names the status and what the server said about it.
func (e *ServerError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status)))
	for i, said := range []string{e.Title, e.Description} {
		if said != "" {
			text += [...]string{": ", ", "}[i] + quote(said)
		}
	}
	return text
}

// CursorLost reports whether an error of a request with a cursor is likely to mean that
// the server does not know the cursor any more.
func CursorLost(err error) bool {
	var e *ServerError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusConflict,
		http.StatusRequestedRangeNotSatisfiable, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		return true
	}
	return false
}

// statusKind says what kind of error a status is. What is not here is Unavailable.
func statusKind(status int) entente.Kind {
	switch status {
	case http.StatusBadRequest:
		return entente.Invalid
	case http.StatusUnauthorized:
		return entente.Unauthenticated
	case http.StatusForbidden:
		return entente.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return entente.NotFound
	case http.StatusMethodNotAllowed:
		return entente.BadMethod
	case http.StatusNotAcceptable:
		return entente.NotAcceptable
	case http.StatusRequestEntityTooLarge:
		return entente.TooLarge
	case http.StatusUnsupportedMediaType:
		return entente.BadMediaType
	case http.StatusUnprocessableEntity:
		return entente.Unprocessable
	}
	return entente.Unavailable
}

// maxErrorBody is how much of an error's body is looked at.
const maxErrorBody = 64 << 10

// refusal reads an answer that is an error.
func (a *answer) refusal() error {
	e := &ServerError{Status: a.status, RetryAfter: retryAfter(a.header.Get("Retry-After"))}
	if a.open(maxErrorBody) == nil {
		body, _ := io.ReadAll(a) // whatever came
		// Members by themselves: servers disagree about the type of http_status.
		var said struct {
			Title       string `json:"title"`
			Description string `json:"description"`
		}
		if json.Unmarshal(body, &said, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil {
			e.Title, e.Description = said.Title, said.Description
		}
	}
	kind := statusKind(a.status)
	return entente.Wrap(kind, e, where(a.url)+": "+e.Error())
}

// retryAfter reads Retry-After: seconds, or a date (RFC 9110 §10.2.3).
func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n > 0 {
		return time.Duration(min(n, 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// noAnswer tells why there is no answer at all.
func noAnswer(u *url.URL, err error) error {
	var typed *entente.Error
	if errors.As(err, &typed) { // a redirect, or a certificate that is not the pinned one
		return typed
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var bad *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &bad) && len(bad.UnverifiedCertificates) > 0 {
		text := fmt.Sprintf("%s: the server's certificate is not trusted: %s", where(u), clean(err.Error(), 300))
		if errors.As(err, &unknown) {
			text += fmt.Sprintf(". Its SHA-256 fingerprint is %s; if its owner tells you the same, give it, or the authority's certificate", Fingerprint(bad.UnverifiedCertificates[0].Raw))
		}
		return &entente.Error{Kind: entente.Unavailable, Public: text, Err: errPermanent{err}}
	}
	return entente.Wrap(entente.Unavailable, err, where(u)+": no answer: "+clean(err.Error(), 300))
}

// errPermanent marks a failure that trying again does not cure.
type errPermanent struct{ error }

func (e errPermanent) Unwrap() error { return e.error }

// pause says whether a request that failed is made again, and after which time.
func (c *Client) pause(err error, try int) (time.Duration, bool) {
	var said *ServerError
	var permanent errPermanent
	var typed *entente.Error
	back := time.Duration(float64(500*time.Millisecond<<min(try-1, 10)) * (0.5 + rand.Float64()))
	back = min(back, c.cfg.MaxWait)
	switch {
	case try >= c.cfg.Tries:
		return 0, false
	case errors.As(err, &said):
		switch said.Status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
			return max(said.RetryAfter, back), said.RetryAfter <= c.cfg.MaxWait
		}
		return 0, false
	case errors.As(err, &permanent):
		return 0, false
	case errors.As(err, &typed) && typed.Err == nil: // judged here, without a cause outside
		return 0, false
	}
	return back, true
}

// quote shows what a server said: in quotation marks, without what could disturb a
// terminal or a log.
func quote(s string) string { return strconv.Quote(clean(s, 200)) }

// clean shortens foreign text to so many bytes and takes out control characters and marks
// that turn the direction of writing.
func clean(s string, most int) string {
	cut := false
	if len(s) > most {
		s, cut = strings.ToValidUTF8(s[:most], ""), true
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return '\ufffd'
		}
		return r
	}, s)
	if cut {
		s += "…"
	}
	return s
}
