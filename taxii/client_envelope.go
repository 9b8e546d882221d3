package taxii

import (
	"io"

	"entente"

	"github.com/go-json-experiment/json/jsontext"
)

// maxMember is the most bytes of a page's own members, such as "next", that are kept.
const maxMember = 64 << 10

// splitter reads a page (§3.7) as it streams by: what it gives to its reader is the list
// of objects alone, as one JSON array, and "more" and "next" are picked out around it.
// So broken objects are left to whoever judges objects, members that no envelope has do
// not matter, and neither does the order of all of them. A page without a list gives an
// empty array. "objects": null, which some servers send, is no list.
type splitter struct {
	from io.Reader
	list string // the member that holds the list

	room     []byte // what buf is a part of
	buf      []byte // read and not yet worked through
	err      error  // why no more comes from below
	step     step
	depth    int // of brackets, within a value
	text     bool
	escape   bool
	name     []byte
	value    []byte
	began    bool // the list was found
	finished bool // the page is complete
	tail     []byte

	more, moreGiven bool
	next            string
}

// step is where in the page the splitter stands.
type step uint8

const (
	beforePage step = iota
	beforeName
	inName
	beforeColon
	beforeValue
	inText   // a value that is a string
	inScalar // a number or a word
	inNested // a value in brackets that is passed over
	inList
	afterValue
	afterPage
)

func newSplitter(r io.Reader, list string) *splitter {
	return &splitter{from: r, list: list, room: make([]byte, 32<<10)}
}

// Read gives bytes of the list. It ends with io.EOF only if the page is complete, with
// io.ErrUnexpectedEOF if it breaks off, and with an [entente.Error] if it is no page.
func (s *splitter) Read(p []byte) (int, error) {
	for {
		if len(s.tail) > 0 {
			n := copy(p, s.tail)
			s.tail = s.tail[n:]
			return n, nil
		}
		if len(s.buf) == 0 {
			if s.err == nil {
				var n int
				n, s.err = s.from.Read(s.room)
				s.buf = s.room[:n]
			}
			if len(s.buf) == 0 && s.err != nil {
				return 0, s.end()
			}
		}
		n, err := s.scan(p)
		if err != nil || n > 0 {
			return n, err
		}
	}
}

// end is what the end of the bytes means.
func (s *splitter) end() error {
	switch {
	case s.err != io.EOF:
		return s.err
	case s.step == beforePage:
		return entente.Errorf(entente.Unprocessable, "the answer is empty, where a TAXII envelope is expected")
	case !s.finished:
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// scan works through the buffer until p is full or a part that is not the list begins.
func (s *splitter) scan(p []byte) (int, error) {
	n := 0
	for i, c := range s.buf {
		if s.step == inList {
			if n == len(p) {
				s.keep(i)
				return n, nil
			}
			p[n] = c
			n++
			if s.nested(c) {
				s.step = afterValue
			}
			continue
		}
		if err := s.member(c); err != nil {
			return n, err
		}
		if s.step == inList && len(s.tail) == 0 { // its opening bracket was just read
			s.tail = []byte{'['}
			s.keep(i + 1)
			return n, nil
		}
		if s.step == afterPage && !s.finished {
			s.finished = true
			if !s.began {
				s.tail = []byte("[]")
			}
		}
	}
	s.keep(len(s.buf))
	return n, nil
}

// keep drops the bytes of the buffer before i.
func (s *splitter) keep(i int) { s.buf = s.buf[i:] }

// nested follows the brackets of a value, and reports whether c is the last one.
func (s *splitter) nested(c byte) bool {
	switch {
	case s.escape:
		s.escape = false
	case s.text:
		s.escape = c == '\\'
		s.text = c != '"'
	case c == '"':
		s.text = true
	case c == '{' || c == '[':
		s.depth++
	case c == '}' || c == ']':
		s.depth--
		return s.depth == 0
	}
	return false
}

// member takes one byte of the page outside the list.
func (s *splitter) member(c byte) error {
	blank := c == ' ' || c == '\t' || c == '\n' || c == '\r'
	switch s.step {
	case beforePage:
		switch {
		case blank || c == 0xef || c == 0xbb || c == 0xbf: // a byte order mark
		case c == '{':
			s.step = beforeName
		default:
			return entente.Errorf(entente.Unprocessable, "the answer begins with %q, where a TAXII envelope is expected", string(rune(c)))
		}
	case beforeName:
		switch {
		case blank || c == ',':
		case c == '"':
			s.step, s.name = inName, append(s.name[:0], c)
		case c == '}':
			s.step = afterPage
		default:
			return s.malformed()
		}
	case inName:
		if s.kept(&s.name, c); s.closes(c) {
			s.step = beforeColon
		}
	case beforeColon:
		switch {
		case blank:
		case c == ':':
			s.step, s.value = beforeValue, s.value[:0]
		default:
			return s.malformed()
		}
	case beforeValue:
		if blank {
			break
		}
		s.value = append(s.value, c)
		switch c {
		case '"':
			s.step = inText
		case '{', '[':
			s.depth, s.text = 1, false
			s.step = inNested
			if c == '[' && plainText(s.name) == s.list {
				s.step, s.began = inList, true
			}
		case ',', '}', ']', ':':
			return s.malformed()
		default:
			s.step = inScalar
		}
	case inText:
		if s.kept(&s.value, c); s.closes(c) {
			s.take()
		}
	case inScalar:
		if !blank && c != ',' && c != '}' {
			s.kept(&s.value, c)
			break
		}
		s.take()
		return s.member(c)
	case inNested:
		if s.nested(c) {
			s.step = afterValue
		}
	case afterValue:
		switch {
		case blank:
		case c == ',':
			s.step = beforeName
		case c == '}':
			s.step = afterPage
		default:
			return s.malformed()
		}
	}
	return nil
}

func (s *splitter) malformed() error {
	return entente.Errorf(entente.Unprocessable, "the answer is not the JSON of a TAXII envelope")
}

// kept collects a name or value as long as it may be.
func (s *splitter) kept(to *[]byte, c byte) {
	if len(*to) < maxMember {
		*to = append(*to, c)
	}
}

// closes follows a string, and reports whether c ends it.
func (s *splitter) closes(c byte) bool {
	if s.escape {
		s.escape = false
		return false
	}
	s.escape = c == '\\'
	return c == '"'
}

// take notes a value that is complete.
func (s *splitter) take() {
	s.step = afterValue
	switch plainText(s.name) {
	case "more":
		v := plainText(s.value)
		s.more, s.moreGiven = v == "true" || v == "1", true
	case "next":
		if len(s.value) < maxMember && string(s.value) != "null" {
			s.next = plainText(s.value)
		}
	}
}

// plainText is what a JSON string says; anything else stands for itself.
func plainText(raw []byte) string {
	if len(raw) > 0 && raw[0] == '"' {
		if text, err := jsontext.AppendUnquote(nil, raw); err == nil {
			return string(text)
		}
	}
	return string(raw)
}
