package entente

import (
	"errors"
	"fmt"
	"strings"
)

// Kind classifies an [Error]. It is a closed set: one table (see [Kind.HTTPStatus]
// and [Kind.ExitCode]) turns a Kind into what each front door answers.
type Kind uint8

// The kinds of failure. Unknown and forbidden things are both [NotFound], so that
// an answer never tells that something hidden exists.
const (
	Internal        Kind = iota // a fault of the node itself
	Invalid                     // the input is malformed
	Unauthenticated             // no or wrong credentials
	Forbidden                   // signed in, visible, but not allowed
	NotFound                    // does not exist, or must not be seen
	Conflict                    // contradicts what is stored
	TooLarge                    // over a stated limit
	BadMediaType                // the body's media type is not understood
	NotAcceptable               // no media type that the client accepts can be sent
	Unprocessable               // well-formed, but not what this place takes
	BadMethod                   // the method is not defined here
	Unavailable                 // cannot be done now: busy, disk full, shutting down
	Usage                       // the command line is wrong
	Partial                     // some of the work was done, some was refused
)

// kinds is the one table from a Kind to what each front door says.
var kinds = [...]struct {
	name string
	http int
	exit int
}{
	Internal:        {"internal error", 500, 1},
	Invalid:         {"invalid input", 400, 3},
	Unauthenticated: {"sign-in needed", 401, 4},
	Forbidden:       {"forbidden", 403, 4},
	NotFound:        {"not found", 404, 5},
	Conflict:        {"conflict", 409, 6},
	TooLarge:        {"too large", 413, 3},
	BadMediaType:    {"unsupported media type", 415, 3},
	NotAcceptable:   {"not acceptable", 406, 3},
	Unprocessable:   {"unprocessable", 422, 3},
	BadMethod:       {"method not allowed", 405, 3},
	Unavailable:     {"unavailable", 503, 7},
	Usage:           {"usage", 400, 2},
	Partial:         {"partly done", 422, 8},
}

// String names the kind in a few plain words.
func (k Kind) String() string { return kinds[k].name }

// HTTPStatus is the status code that answers an error of this kind.
func (k Kind) HTTPStatus() int { return kinds[k].http }

// ExitCode is the exit status of the command line for an error of this kind, 1 to 8.
func (k Kind) ExitCode() int { return kinds[k].exit }

// Error is the one error type that crosses package borders. Public may be shown to
// whoever asked; Err is for the log and never leaves the node.
type Error struct {
	Kind   Kind
	Public string
	Err    error
}

// Errorf makes an [Error] whose public text is formatted like fmt.Errorf. An error
// given for a %w verb becomes its cause, and its text becomes public.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Public: err.Error(), Err: errors.Unwrap(err)}
}

// Wrap makes an [Error] that shows public and keeps err for the log.
func Wrap(kind Kind, err error, public string) *Error {
	return &Error{Kind: kind, Public: public, Err: err}
}

// Error is the text for logs: the public part, then the cause if it adds anything.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Public
	case e.Public == "":
		return e.Err.Error()
	}
	if cause := e.Err.Error(); !strings.Contains(e.Public, cause) {
		return e.Public + ": " + cause
	}
	return e.Public
}

// Unwrap gives the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the Kind of the first [Error] in err's chain, [Internal] if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// PublicText is what may be shown of err: the public text of the first [Error] in its
// chain, or only that the node failed.
func PublicText(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Public != "" {
		return e.Public
	}
	return "the node could not do this; its log says why"
}
