package stix

import (
	"math"
	"strconv"
	"strings"

	entente "entente"
)

// constant reads a constant (STIX 2.1 §9.2).
func (r *patternReader) constant(what string) bool {
	c := r.peek()
	quoted := r.at+1 < len(r.src) && r.src[r.at+1] == '\''
	switch {
	case c == '\'':
		return r.stringConstant(what)
	case c-'0' <= 9 || c == '-' || c == '+' || c == '.':
		return r.numeral()
	case quoted && c == 't':
		return r.moment()
	case quoted && c == 'h':
		return r.hex()
	case quoted && c == 'b':
		return r.binary()
	case c == 't' && r.keyword("true"):
		return r.keep(r.since(r.at-len("true"), constBoolean))
	case c == 'f' && r.keyword("false"):
		return r.keep(r.since(r.at-len("false"), constBoolean))
	}
	return r.want(what + " (a string in apostrophes, a number, true, false, h'…', b'…' or t'…')")
}

// keep adds a constant.
func (r *patternReader) keep(c patternPart) bool {
	r.pattern.constants = append(r.pattern.constants, c)
	return true
}

// since is the part whose text began at from and ends here.
func (r *patternReader) since(from int, kind partKind) patternPart {
	return patternPart{from: uint32(from), to: uint32(r.at), kind: kind}
}

// owned is a part whose text began at from in own and ends where that ends.
func (r *patternReader) owned(from int, kind partKind) patternPart {
	return patternPart{from: uint32(from), to: uint32(len(r.own)), kind: kind, own: true}
}

// lastText is what the last constant says.
func (r *patternReader) lastText() string {
	c := r.pattern.constants[len(r.pattern.constants)-1]
	if c.own {
		return string(r.own[c.from:c.to])
	}
	return r.src[c.from:c.to]
}

func (r *patternReader) stringConstant(what string) bool {
	if r.peek() != '\'' {
		return r.want(what)
	}
	c, ok := r.quoted(constString)
	return ok && r.keep(c)
}

// quoted reads a string whose apostrophe is next.
func (r *patternReader) quoted(kind partKind) (patternPart, bool) {
	from := r.at + 1
	rest := r.src[from:]
	end := strings.IndexByte(rest, '\'')
	if end >= 0 && strings.IndexByte(rest[:end], '\\') < 0 {
		r.at = from + end
		c := r.since(from, kind)
		r.at++
		return c, true
	}
	own := len(r.own)
	for i := 0; end >= 0 && i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\'':
			r.at = from + i + 1
			return r.owned(own, kind), true
		case c != '\\':
			r.own = append(r.own, c)
		case i+1 < len(rest) && (rest[i+1] == '\'' || rest[i+1] == '\\'):
			i++
			r.own = append(r.own, rest[i])
		default:
			// The backslash is meant to stand for itself: what else could it be.
			r.tolerate(from+i, `a backslash in a string is written \\, an apostrophe \'`)
			r.own = append(r.own, c)
		}
	}
	return patternPart{}, r.fail(r.at, "the string that begins here has no closing apostrophe")
}

// numeral reads an integer or a float.
func (r *patternReader) numeral() bool {
	from := r.at
	negative := r.src[r.at] == '-'
	if negative || r.src[r.at] == '+' {
		r.at++
	}
	digits := r.at
	r.digits()
	whole := r.src[digits:r.at]
	if r.at < len(r.src) && r.src[r.at] == '.' {
		r.at++
		fraction := r.at
		if r.digits(); r.at == fraction {
			return r.want("a digit after the point")
		}
		return r.boundary() && r.float(from)
	}
	switch {
	case whole == "":
		return r.want("a digit")
	case len(whole) > 1 && whole[0] == '0':
		return r.fail(from, "a number does not begin with 0")
	case !r.boundary():
		return false
	case beyond(whole):
		r.tolerate(from, "the integer is beyond 2^53-1 (STIX 2.1 §2.10)")
	}
	if negative && whole != "0" {
		digits--
	}
	return r.keep(r.since(digits, constInteger))
}

// beyond reports whether an integer without zeros before it is more than 2^53-1.
func beyond(digits string) bool {
	return len(digits) > 16 || len(digits) == 16 && digits > "9007199254740991"
}

func (r *patternReader) digits() {
	for r.at < len(r.src) && r.src[r.at]-'0' <= 9 {
		r.at++
	}
}

// boundary refuses a number that runs into a word, such as 12ab or 1.2.3.4.
func (r *patternReader) boundary() bool {
	if r.at < len(r.src) && (wordByte(r.src[r.at]) || r.src[r.at] == '.') {
		return r.want("the end of the number")
	}
	return true
}

// float keeps the number that begins at from as its shortest form with a point.
func (r *patternReader) float(from int) bool {
	text := r.src[from:r.at]
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return r.fail(from, "the number is beyond what a double holds (STIX 2.1 §2.6)")
	}
	if f == 0 {
		f = 0 // -0.0 is printed 0.0
	}
	var room [32]byte
	short := strconv.AppendFloat(room[:0], f, 'f', -1, 64)
	if f == math.Trunc(f) {
		short = append(short, ".0"...)
	}
	if string(short) == text {
		return r.keep(r.since(from, constFloat))
	}
	own := len(r.own)
	r.own = append(r.own, short...)
	return r.keep(r.owned(own, constFloat))
}

// positive reads the number of a qualifier.
func (r *patternReader) positive(fraction bool) bool {
	what := "a positive integer"
	if fraction {
		what = "a positive number"
	}
	c := r.peek()
	at := r.at
	if c-'0' > 9 && c != '+' && c != '.' {
		return r.want(what)
	}
	if !r.numeral() {
		return false
	}
	n := r.pattern.constants[len(r.pattern.constants)-1]
	if text := r.lastText(); n.kind == constFloat && !fraction || text == "0" || text == "0.0" {
		return r.fail(at, "%s is expected, not %s", what, clip(text))
	}
	return true
}

// literal reads what stands between apostrophes after a prefix of so many bytes. Nothing
// is escaped in it.
func (r *patternReader) literal(prefix int, kind partKind) (patternPart, bool) {
	from := r.at + prefix + 1
	end := strings.IndexByte(r.src[from:], '\'')
	if end < 0 {
		return patternPart{}, r.fail(r.at, "the constant that begins here has no closing apostrophe")
	}
	r.at = from + end
	c := r.since(from, kind)
	r.at++
	return c, true
}

// rewritten is a constant with another text.
func (r *patternReader) rewritten(c patternPart, text string) patternPart {
	if text == r.src[c.from:c.to] {
		return c
	}
	own := len(r.own)
	r.own = append(r.own, text...)
	return r.owned(own, c.kind)
}

func (r *patternReader) hex() bool {
	at := r.at
	c, ok := r.literal(1, constHex)
	if !ok {
		return false
	}
	text := r.src[c.from:c.to]
	if len(text)%2 != 0 || !digitsOnly(text) {
		r.tolerate(at, "h'…' holds an even number of hexadecimal digits")
	}
	return r.keep(r.rewritten(c, lower(text)))
}

// binary reads Base64; line feeds in it are ignored (STIX 2.1 §9.2).
func (r *patternReader) binary() bool {
	at := r.at
	c, ok := r.literal(1, constBinary)
	if !ok {
		return false
	}
	text := r.src[c.from:c.to]
	if strings.ContainsAny(text, "\r\n") {
		text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
	}
	if !base64Text(text) {
		r.tolerate(at, "b'…' holds Base64 (RFC 4648 §4)")
	}
	return r.keep(r.rewritten(c, text))
}

// moment reads t'…', or a string as STIX 2.0 writes moments after START and STOP.
func (r *patternReader) moment() bool {
	prefix := 0
	if r.peek() == 't' {
		prefix = 1
	}
	if at := r.at + prefix; at >= len(r.src) || r.src[at] != '\'' {
		return r.want("a timestamp such as t'2024-05-01T08:00:00Z'")
	}
	at := r.at
	c, ok := r.literal(prefix, constTimestamp)
	if !ok {
		return false
	}
	if _, err := entente.ParseInstant(r.src[c.from:c.to]); err != nil {
		r.tolerate(at, "%s", why(err))
	}
	return r.keep(c)
}

// lower is s with its ASCII letters in lower case, s itself if they are.
func lower(s string) string {
	for i := range len(s) {
		if s[i]-'A' < 26 {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i]-'A' < 26 {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}
