package api

import (
	"bufio"
	"net/http"
	"regexp"
	"strings"

	"entente/stix"
)

// envelope makes the reader of a POST's body: one TAXII envelope of at most so many bytes,
// and nothing else (TAXII 2.1 §3.7, §5.5).
//
// There is one exception. The TAXIICollectionSink of python-stix2 wraps whatever it sends
// in a STIX bundle, as TAXII 2.0 had it, and cannot be told otherwise. It posts with the
// library requests and under that library's name, which is all that tells it from others.
// From there the beginnings of a bundle are taken for members that an envelope may have
// besides (§7.1.1). Everybody else learns from a 422 that a bundle is no envelope.
func envelope(r *http.Request, most int64) *stix.Reader {
	body := bufio.NewReaderSize(r.Body, 4<<10)
	read := stix.NewEnvelopeReader
	if strings.HasPrefix(r.UserAgent(), "python-requests/") {
		// The sink writes the type first. An error of reading comes again when it counts.
		if head, _ := body.Peek(32); bundle.Match(head) {
			read = stix.NewReader
		}
	}
	out := read(body)
	out.SetMaxTotal(most)
	return out
}

// bundle is how a bundle begins, with white space or without.
var bundle = regexp.MustCompile(`^\s*\{\s*"type"\s*:\s*"bundle"`)
