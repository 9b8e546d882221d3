package stix

import (
	"fmt"
	"unicode/utf8"

	entente "entente"
)

const (
	// MaxPattern is the most bytes that a pattern may have. The standard sets no limit;
	// indicators that list thousands of values stay under it.
	MaxPattern = 1 << 20
	// MaxPatternDepth is how deep parentheses may stand in one another.
	MaxPatternDepth = 64
)

// Pattern is a parsed STIX pattern (STIX 2.1 §9). It never changes, and several
// goroutines may use it at once.
//
// It is kept flat, in three lists that refer to one another by index and to its text by
// offset: a pattern of the usual size fits into the room that it brings along, costs one
// allocation, and gives the garbage collector little to look at.
type Pattern struct {
	src       string // as it was parsed
	own       string // what its texts say where src has it in another form
	nodes     []patternNode
	steps     []patternPart
	constants []patternPart
	root      uint32

	room struct {
		nodes     [6]patternNode
		steps     [6]patternPart
		constants [4]patternPart
	}
}

// nodeKind is what a node of a pattern is. The operators that join come first, in the
// order of their precedence, the weakest first (STIX 2.1 §9.5.3). Between comparisons
// and between observations the same AND and OR stand; where a node is tells which.
type nodeKind uint8

const (
	nodeFollowedBy  nodeKind = iota
	nodeOr                   //
	nodeAnd                  //
	nodeObservation          // [ … ] around its child
	nodeRepeats              // a qualifier of its child, as the two after it
	nodeWithin               //
	nodeStartStop            //
	nodeComparison           // a path, an operator and constants
)

// keywords of nodes.
var nodeWords = [...]string{
	nodeFollowedBy: "FOLLOWEDBY", nodeOr: "OR", nodeAnd: "AND",
	nodeRepeats: "REPEATS", nodeWithin: "WITHIN", nodeStartStop: "START",
}

// operator is a comparison operator (STIX 2.1 §9.6.1).
type operator uint8

const (
	opEqual operator = iota
	opNotEqual
	opGreater
	opLess
	opGreaterOrEqual
	opLessOrEqual
	opIn
	opLike
	opMatches
	opSubset
	opSuperset
	opExists
)

var operatorWords = [...]string{
	opEqual: "=", opNotEqual: "!=", opGreater: ">", opLess: "<", opGreaterOrEqual: ">=",
	opLessOrEqual: "<=", opIn: "IN", opLike: "LIKE", opMatches: "MATCHES",
	opSubset: "ISSUBSET", opSuperset: "ISSUPERSET", opExists: "EXISTS",
}

// patternNode is a node of the tree.
type patternNode struct {
	kind nodeKind
	op   operator
	not  bool
	// Of a comparison, its path: steps from first to last, the type of object the first
	// of them. Of anything else its children: first, and last of one that joins.
	first, last uint32
	// The constants of a comparison or a qualifier.
	value, valueTo uint32
	// The next child of the same parent, 0 if there is none: 0 is always a first one.
	next uint32
}

// patternPart is a step of an object path (STIX 2.1 §9.7) or a constant (§9.2).
type patternPart struct {
	from, to uint32 // its text: a string as what it says, others as between their quotes
	kind     partKind
	own      bool // the text is in Pattern.own, not in src
}

type partKind uint8

const (
	stepName  partKind = iota // a type, property or key
	stepIndex                 // [n]
	stepAny                   // [*]
	constString
	constInteger
	constFloat
	constBoolean
	constHex
	constBinary
	constTimestamp
)

// text is what a part says.
func (p *Pattern) text(part patternPart) string {
	if part.own {
		return p.own[part.from:part.to]
	}
	return p.src[part.from:part.to]
}

// PatternError says where a pattern is wrong. [ParsePattern] gives it as the cause of an
// [entente.Error].
type PatternError struct {
	Offset int    // bytes before the place
	Line   int    // from 1
	Column int    // characters from the beginning of the line, from 1
	Text   string // what is wrong and what is expected
}

// Error gives the place and the text.
func (e *PatternError) Error() string {
	return fmt.Sprintf("line %d, column %d (byte %d): %s", e.Line, e.Column, e.Offset, e.Text)
}

// ParsePattern reads a pattern of the STIX patterning language (STIX 2.1 §9). An error is
// an [*entente.Error] of kind Invalid, or TooLarge beyond [MaxPattern], with a
// [*PatternError] as its cause.
//
// Beyond the text of the standard it takes what the published grammars take: comments
// (/* … */ and // to the end of the line), == for =, <> for !=, a plus sign before a
// number, a fraction without digits before its point, an empty set, and, as STIX 2.0 has
// it, strings after START and STOP. [Pattern.String] writes these the standard's way. A
// regular expression is not looked into.
func ParsePattern(s string) (*Pattern, error) {
	p := new(Pattern)
	fault, _ := p.parse(s)
	if fault == nil {
		return p, nil
	}
	kind := entente.Invalid
	if len(s) > MaxPattern {
		kind = entente.TooLarge
	}
	return nil, &entente.Error{Kind: kind, Public: "the pattern is wrong at " + fault.Error(), Err: fault}
}

// parse reads s into p, which must be new. It gives what is wrong with s, and whether p
// holds what s says nevertheless: a fault that leaves no doubt about what was meant, such
// as a backslash that escapes nothing, does not hide the values in a pattern.
func (p *Pattern) parse(s string) (fault *PatternError, usable bool) {
	r := patternReader{src: s, pattern: p, soft: -1, hard: -1}
	switch {
	case len(s) > MaxPattern:
		r.fail(MaxPattern, "the pattern is longer than %d bytes", MaxPattern)
	case !utf8.ValidString(s):
		r.fail(firstInvalid(s), "this is not UTF-8")
	default:
		p.src = s
		p.nodes, p.steps, p.constants = p.room.nodes[:0], p.room.steps[:0], p.room.constants[:0]
		usable = r.whole()
		p.own = string(r.own)
	}
	switch {
	case r.soft >= 0 && (r.hard < 0 || r.soft < r.hard):
		return r.place(r.soft, r.softText), usable
	case r.hard >= 0:
		return r.place(r.hard, r.hardText), usable
	}
	return nil, usable
}

func firstInvalid(s string) int {
	for i, c := range s {
		if c == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return len(s)
}

// readablePattern is the rule that the pattern of an indicator can be read (STIX 2.1 §4.7,
// §9).
func readablePattern(c *checker, k int, _ string) {
	pattern := c.stixPattern(k)
	if pattern == 0 {
		return
	}
	fault, _ := new(Pattern).parse(c.string(pattern))
	if fault != nil {
		section := "STIX 2.1 §9"
		if c.two {
			section = "STIX 2.0 Part 5"
		}
		c.warn(pattern, section, "at %s", fault.Error())
	}
}
