package taxii

import (
	"strings"

	"entente"
)

// MediaType is the Content-Type of every answer, errors included (§1.6.8, §3.1).
const MediaType = "application/taxii+json;version=2.1"

const (
	mediaRange   = "application/taxii+json"
	mediaVersion = "2.1"
)

// CheckAccept decides whether TAXII 2.1 may be sent to a client with these lines of the
// Accept header (RFC 9110 §12.5.1). The most specific range that fits decides, and a
// weight of 0 refuses: version=2.1 before the bare type, that before "application/*",
// that before "*/*".
//
// The standard wants an Accept header with a TAXII range in each request (§3.1). A request
// without one, or with a wildcard, is answered all the same: it accepts anything, and a
// person with a browser or curl gets an answer to read. Other versions of TAXII and other
// types are not acceptable. Parameters that the media type does not have are ignored, as
// is an element that cannot be read. The error is of kind NotAcceptable.
func CheckAccept(lines []string) error {
	best, accepted, present := 0, false, false
	for _, line := range lines {
		for element := range split(line, ',') {
			present = true
			rank, refused := rankRange(element)
			switch {
			case rank > best:
				best, accepted = rank, !refused
			case rank == best && rank > 0:
				accepted = accepted || !refused
			}
		}
	}
	if present && !accepted {
		return entente.Errorf(entente.NotAcceptable, "the Accept header allows nothing that can be sent here; this is %q", MediaType)
	}
	return nil
}

// CheckContentType decides whether a request body with these lines of the Content-Type
// header is TAXII 2.1: the media type, with version 2.1 or without one (§1.6.8.2). The
// header is required (§3.1); an error is of kind BadMediaType.
func CheckContentType(lines []string) error {
	if len(lines) == 1 {
		if rank, _ := rankRange(lines[0]); rank >= rankBare {
			return nil
		}
	}
	return entente.Errorf(entente.BadMediaType, "the Content-Type of the body must be %q", MediaType)
}

// The ranks of a media range that fits, from the least specific.
const (
	rankAny      = 1 + iota // */*
	rankType                // application/*
	rankBare                // without a version
	rankVersions            // with the version
)

// rankRange tells how specifically one element of an Accept header names TAXII 2.1, 0 if
// it does not, and whether its weight refuses it.
func rankRange(element string) (rank int, refused bool) {
	first := true
	for part := range split(element, ';') {
		if first {
			first = false
			switch strings.ToLower(part) {
			case "*/*", "*": // some HTTP libraries send a lone star
				rank = rankAny
			case "application/*":
				rank = rankType
			case mediaRange:
				rank = rankBare
			default:
				return 0, false
			}
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		value = unquote(strings.TrimSpace(value))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "q":
			refused = isZero(value)
		case "version":
			if value != mediaVersion {
				return 0, false
			}
			if rank == rankBare {
				rank = rankVersions
			}
		}
	}
	return rank, refused
}

// isZero reports whether a weight is 0. One that is malformed counts as 1: to refuse a
// client over it would help nobody.
func isZero(weight string) bool {
	return strings.Trim(weight, "0.") == "" && strings.Contains(weight, "0")
}

// split yields the parts of s between separators that stand outside quoted strings
// (RFC 9110 §5.6.4), without the white space around them; empty parts are skipped.
func split(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, from := false, 0
		for i := 0; i <= len(s); i++ {
			switch {
			case i == len(s) || (s[i] == separator && !quoted):
				if part := strings.Trim(s[from:i], " \t"); part != "" && !yield(part) {
					return
				}
				from = i + 1
			case s[i] == '"':
				quoted = !quoted
			case s[i] == '\\' && quoted:
				i++
				if i == len(s) { // a backslash ends the text: let the next turn finish
					i--
					quoted = false
				}
			}
		}
	}
}

// unquote takes the quotes and escapes off a quoted string, and leaves a token as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// clip shortens what a client sent before an error text quotes it.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
