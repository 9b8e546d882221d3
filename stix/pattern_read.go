package stix

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// patternReader reads a pattern by recursive descent. Each method reads one thing from
// its place on; those that give a bool give false once something cannot be read, and
// fail has noted why.
type patternReader struct {
	src     string
	at      int // the next byte
	depth   int // of parentheses
	pattern *Pattern
	own     []byte // becomes that of the pattern

	hard, soft         int // where the first fault of either kind is, -1 for none
	hardText, softText string
}

// fail notes what cannot be read, and gives false.
func (r *patternReader) fail(at int, format string, args ...any) bool {
	if r.hard < 0 {
		r.hard, r.hardText = at, fmt.Sprintf(format, args...)
	}
	return false
}

// want fails with what is expected at the place.
func (r *patternReader) want(what string) bool {
	return r.fail(r.at, "%s is expected, not %s", what, r.found())
}

// tolerate notes what is wrong, yet leaves no doubt about what is meant.
func (r *patternReader) tolerate(at int, format string, args ...any) {
	if r.soft < 0 {
		r.soft, r.softText = at, fmt.Sprintf(format, args...)
	}
}

// place makes an error of an offset.
func (r *patternReader) place(at int, text string) *PatternError {
	before := r.src[:at]
	line := 1 + strings.Count(before, "\n")
	begin := strings.LastIndexByte(before, '\n') + 1
	return &PatternError{Offset: at, Line: line, Column: 1 + utf8.RuneCountInString(before[begin:]), Text: text}
}

// found describes what stands at the place.
func (r *patternReader) found() string {
	rest := r.src[r.at:]
	if rest == "" {
		return "the end of the pattern"
	}
	n := 0
	for n < len(rest) && n < 80 && wordByte(rest[n]) {
		n++
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(rest)
		return strconv.Quote(rest[:n])
	}
	word := strconv.Quote(clip(rest[:n]))
	if upper := strings.ToUpper(rest[:n]); upper != rest[:n] && isKeyword(upper) {
		return word + " (keywords are written in capitals)"
	}
	return word
}

// isKeyword reports whether a word has a meaning of its own in patterns.
func isKeyword(word string) bool {
	switch word {
	case "AND", "OR", "NOT", "FOLLOWEDBY", "LIKE", "MATCHES", "ISSUPERSET", "ISSUBSET", "EXISTS", "LAST",
		"IN", "START", "STOP", "SECONDS", "WITHIN", "REPEATS", "TIMES", "true", "false":
		return true
	}
	return false
}

// wordByte reports whether c can be part of a name or a keyword.
func wordByte(c byte) bool {
	return c|0x20-'a' < 26 || c-'0' < 10 || c == '_' || c == '-'
}

// space passes over white space (STIX 2.1 §9.1) and comments.
func (r *patternReader) space() {
	for r.at < len(r.src) {
		switch c := r.src[r.at]; {
		case c == ' ' || c >= '\t' && c <= '\r':
			r.at++
		case c > ' ' && c < utf8.RuneSelf && c != '/':
			return
		case c == '/':
			n := comment(r.src[r.at:])
			if n == 0 {
				return
			}
			r.at += n
		default:
			char, n := utf8.DecodeRuneInString(r.src[r.at:])
			if !unicode.IsSpace(char) {
				return
			}
			r.at += n
		}
	}
}

// comment gives the length of the comment that s begins with, 0 if it is none.
func comment(s string) int {
	switch {
	case strings.HasPrefix(s, "//"):
		if n := strings.IndexAny(s, "\r\n"); n >= 0 {
			return n
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if n := strings.Index(s[2:], "*/"); n >= 0 {
			return n + 4
		}
	}
	return 0
}

// peek is the next byte that is not white space, 0 at the end.
func (r *patternReader) peek() byte {
	if r.at < len(r.src) {
		if c := r.src[r.at]; c > '/' && c < utf8.RuneSelf {
			return c
		}
		r.space()
		if r.at < len(r.src) {
			return r.src[r.at]
		}
	}
	return 0
}

// take passes over one byte if it is c.
func (r *patternReader) take(c byte) bool {
	if r.peek() == c && c != 0 {
		r.at++
		return true
	}
	return false
}

// keyword passes over a word.
func (r *patternReader) keyword(word string) bool {
	if r.peek() != word[0] || !strings.HasPrefix(r.src[r.at:], word) {
		return false
	}
	end := r.at + len(word)
	if end < len(r.src) && wordByte(r.src[end]) {
		return false
	}
	r.at = end
	return true
}

// whole reads the whole pattern.
func (r *patternReader) whole() bool {
	root, ok := r.joined(nodeFollowedBy, false)
	if !ok {
		return false
	}
	if r.peek(); r.at < len(r.src) {
		return r.want("AND, OR, FOLLOWEDBY, a qualifier or the end of the pattern")
	}
	r.pattern.root = root
	return true
}

// joined reads operands joined by one operator, or by those that bind stronger: between
// observations, or inside one of them.
func (r *patternReader) joined(by nodeKind, inside bool) (uint32, bool) {
	left, ok := r.operand(by, inside)
	for ok && r.keyword(nodeWords[by]) {
		var right uint32
		if right, ok = r.operand(by, inside); ok {
			left = r.join(by, left, right)
		}
	}
	return left, ok
}

func (r *patternReader) operand(of nodeKind, inside bool) (uint32, bool) {
	switch {
	case of != nodeAnd:
		return r.joined(of+1, inside)
	case inside:
		return r.comparison()
	}
	return r.observation()
}

// join adds right to left if left is joined by the same operator: operators go from left
// to right (STIX 2.1 §9.5.3), so parentheses around the first operands change nothing.
func (r *patternReader) join(by nodeKind, left, right uint32) uint32 {
	p := r.pattern
	if p.nodes[left].kind != by {
		left = r.node(patternNode{kind: by, first: left, last: left})
	}
	n := &p.nodes[left]
	p.nodes[n.last].next = right
	n.last = right
	return left
}

func (r *patternReader) node(n patternNode) uint32 {
	r.pattern.nodes = append(r.pattern.nodes, n)
	return uint32(len(r.pattern.nodes) - 1)
}

// enter passes over an opening parenthesis.
func (r *patternReader) enter() bool {
	if r.depth == MaxPatternDepth {
		return r.fail(r.at, "parentheses are nested deeper than %d levels", MaxPatternDepth)
	}
	r.depth++
	r.at++
	return true
}

func (r *patternReader) leave() bool {
	r.depth--
	return r.take(')') || r.want("an operator or )")
}

// observation reads an observation expression with its qualifiers (STIX 2.1 §9.5).
func (r *patternReader) observation() (uint32, bool) {
	var n uint32
	ok := false
	switch r.peek() {
	case '[':
		r.at++
		if n, ok = r.joined(nodeOr, true); !ok {
			return 0, false
		}
		if !r.take(']') {
			return 0, r.want("AND, OR or ]")
		}
		n = r.node(patternNode{kind: nodeObservation, first: n})
	case '(':
		if !r.enter() {
			return 0, false
		}
		if n, ok = r.joined(nodeFollowedBy, false); !ok || !r.leave() {
			return 0, false
		}
	default:
		return 0, r.want("an observation in [ ] or ( )")
	}
	return r.qualifiers(n)
}

// qualifiers reads what follows an observation expression (STIX 2.1 §9.5.1).
func (r *patternReader) qualifiers(n uint32) (uint32, bool) {
	seen := 0
	for {
		c := r.peek()
		at := r.at
		q := patternNode{first: n, value: uint32(len(r.pattern.constants))}
		ok := true
		switch {
		case c == 'R' && r.keyword("REPEATS"):
			q.kind = nodeRepeats
			ok = r.positive(false) && (r.keyword("TIMES") || r.want("TIMES"))
		case c == 'W' && r.keyword("WITHIN"):
			q.kind = nodeWithin
			ok = r.positive(true) && (r.keyword("SECONDS") || r.want("SECONDS"))
		case c == 'S' && r.keyword("START"):
			q.kind = nodeStartStop
			ok = r.moment() && (r.keyword("STOP") || r.want("STOP")) && r.moment()
		default:
			return n, true
		}
		if !ok {
			return 0, false
		}
		if seen&(1<<q.kind) != 0 {
			r.tolerate(at, "an observation expression has one %s only; put what it is of in parentheses", nodeWords[q.kind])
		}
		seen |= 1 << q.kind
		q.valueTo = uint32(len(r.pattern.constants))
		n = r.node(q)
	}
}
