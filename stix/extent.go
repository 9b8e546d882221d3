package stix

import "bytes"

// maxBrackets is the deepest nesting that is followed bracket by bracket, and what the
// JSON decoder takes at most. A deeper value is counted through without looking at the
// kinds of its brackets, so depth costs no memory.
const maxBrackets = 10_000

// outcome tells how the search for a value's end went.
type outcome uint8

const (
	whole     outcome = iota
	nothing           // there is no value here
	cut               // the input ends inside the value
	unmatched         // a bracket closes what another kind opened
)

// extent is where a value lies. It says nothing of what is between the brackets.
type extent struct {
	from, to int64
	line     int64
	outcome  outcome
	large    bool // longer than the limit: its bytes are gone
	deep     bool // nested deeper than maxBrackets
}

// value finds the end of the value that begins at pos, which must not be white space,
// and moves behind it. The bytes stay in the window while keep is set; if keep is not,
// it is set to the value's beginning. Where that is more than limit bytes, they are
// forgotten and the value is passed over.
func (s *source) value() extent {
	e := extent{from: s.offset(), line: s.line()}
	if s.keep < 0 {
		s.keep = e.from
	}
	e.outcome = s.through(&e)
	e.to = s.offset()
	if s.keep >= 0 && e.to-s.keep > s.limit {
		s.keep = -1
	}
	e.large = s.keep < 0
	return e
}

func (s *source) through(e *extent) outcome {
	if s.pos == len(s.buf) && !s.more() {
		return cut
	}
	switch s.buf[s.pos] {
	case '{', '[':
		return s.nested(e)
	case '"':
		return s.text()
	}
	return s.scalar()
}

// nested passes over an object or an array.
func (s *source) nested(e *extent) outcome {
	var objects [maxBrackets/64 + 1]uint64 // one bit per level: set for an object
	depth := 0
	for {
		for s.pos < len(s.buf) {
			switch s.buf[s.pos] {
			case '"':
				if o := s.text(); o != whole {
					return o
				}
				continue
			case '{':
				if depth < maxBrackets {
					objects[depth/64] |= 1 << (depth % 64)
				}
				depth++
			case '[':
				if depth < maxBrackets {
					objects[depth/64] &^= 1 << (depth % 64)
				}
				depth++
			case '}', ']':
				depth--
				if depth < maxBrackets && (objects[depth/64]>>(depth%64)&1 == 1) != (s.buf[s.pos] == '}') {
					return unmatched
				}
			}
			s.pos++
			if depth == 0 {
				return whole
			}
			e.deep = e.deep || depth > maxBrackets
		}
		if !s.more() {
			return cut
		}
	}
}

// text passes over a string. It relies on nothing but quotes and backslashes.
func (s *source) text() outcome {
	// The quote is looked for piece by piece: a long string with many escapes would
	// otherwise be searched to its end once for each of them.
	const piece = 4 << 10
	s.pos++
	for {
		rest := s.buf[s.pos:min(len(s.buf), s.pos+piece)]
		quote := bytes.IndexByte(rest, '"')
		if quote < 0 {
			quote = len(rest)
		}
		slash := bytes.IndexByte(rest[:quote], '\\')
		switch {
		case slash >= 0 && s.pos+slash+1 < len(s.buf):
			s.pos = s.escapes(s.pos + slash)
		case slash >= 0:
			s.pos += slash // the escaped character comes with the next read
			if !s.more() {
				s.pos = len(s.buf)
				return cut
			}
		case quote < len(rest):
			s.pos += quote + 1
			return whole
		default:
			s.pos += len(rest)
			if s.pos == len(s.buf) && !s.more() {
				return cut
			}
		}
	}
}

// escapes passes over escaped characters that are near one another, byte by byte.
func (s *source) escapes(at int) int {
	const near = 64
	for until := at + near; at < until && at+1 < len(s.buf); {
		switch s.buf[at] {
		case '"':
			return at
		case '\\':
			at += 2
			until = at + near
		default:
			at++
		}
	}
	return at
}

// scalar passes over a number, a literal, or whatever else stands there. One that the end
// of the input ends may be a part.
func (s *source) scalar() outcome {
	for from := s.offset(); ; {
		for s.pos < len(s.buf) {
			switch s.buf[s.pos] {
			case ' ', '\t', '\n', '\r', ',', ':', ']', '}', '[', '{', '"':
				if s.offset() == from {
					return nothing
				}
				return whole
			}
			s.pos++
		}
		if !s.more() {
			return cut
		}
	}
}
