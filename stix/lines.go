package stix

import (
	"bytes"
	"io"

	entente "entente"
)

// maxFirstLine is how far the first line is looked at to recognise values on lines.
const maxFirstLine = 1 << 20

// lined reports whether the first line holds one complete object that is no container
// and something follows it. It stands at a brace and moves nothing.
func (r *Reader) lined() bool {
	s := &r.src
	from, limit := s.offset(), s.limit
	s.keep, s.limit = from, 4*maxFirstLine // what is looked at must stay
	defer func() {
		s.pos = int(from - s.base)
		s.keep, s.limit = -1, limit
	}()
	var line []byte
	for searched := 0; ; {
		window := s.buf[from-s.base:]
		if i := bytes.IndexByte(window[searched:], '\n'); i >= 0 {
			line = window[:searched+i]
			break
		}
		searched = len(window)
		if searched > maxFirstLine {
			return false
		}
		s.pos = len(s.buf)
		if !s.more() {
			return false
		}
	}
	if len(line) > maxFirstLine {
		return false
	}
	alone := NewReader(bytes.NewReader(line))
	item, err := alone.Next()
	if err != nil || item.Err != nil || alone.Form() != Object || !syntax(line) {
		return false
	}
	for s.pos = int(from-s.base) + len(line); s.offset()-from < 2*maxFirstLine; s.pos++ {
		if s.pos == len(s.buf) && !s.more() {
			return false
		}
		if c := s.buf[s.pos]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return true
		}
	}
	return true
}

// line reads the next line that is not blank, in line mode.
func (r *Reader) line() (Item, bool) {
	s := &r.src
	if _, ok := s.space(); !ok {
		if s.err != io.EOF {
			r.broken("the input cannot be read")
			return Item{}, false
		}
		r.err = io.EOF
		return Item{}, false
	}
	r.values++
	e := extent{from: s.offset(), line: s.line()}
	s.keep = e.from
	for {
		if i := bytes.IndexByte(s.buf[s.pos:], '\n'); i >= 0 {
			s.pos += i
			break
		}
		s.pos = len(s.buf)
		if !s.more() {
			break
		}
	}
	e.to = s.offset()
	if e.large = s.keep < 0 || e.to-e.from > s.limit; e.large {
		return r.give(e)
	}
	text := bytes.TrimRight(s.bytes(e.from, e.to), " \t\r")
	e.to = e.from + int64(len(text))
	if text[0] != '{' {
		return Item{Offset: e.from, Line: e.line, Err: entente.Errorf(entente.Invalid,
			"line %d is not a JSON object: it begins with %s", e.line, quoted(text[0]))}, true
	}
	inner := source{buf: text, err: io.EOF, keep: -1, limit: s.limit}
	found := inner.value()
	e.deep = found.deep
	switch {
	case found.outcome == whole && inner.pos == len(text):
		return r.give(e)
	case found.outcome == whole:
		return Item{Offset: e.from, Line: e.line, Err: entente.Errorf(entente.Invalid,
			"line %d goes on after a JSON object: at byte %d", e.line, e.from+found.to)}, true
	case found.outcome == cut && s.pos == len(s.buf) && s.err != nil:
		r.broken("inside the object on the last line")
		return Item{}, false
	}
	return Item{Offset: e.from, Line: e.line, Err: entente.Errorf(entente.Invalid,
		"line %d is not a complete JSON object", e.line)}, true
}
