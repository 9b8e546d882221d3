package stix

import (
	"net/netip"
	"strings"
)

// comparison reads a comparison expression (STIX 2.1 §9.6), or several in parentheses.
func (r *patternReader) comparison() (uint32, bool) {
	n := patternNode{kind: nodeComparison}
	switch r.peek() {
	case '(':
		if !r.enter() {
			return 0, false
		}
		inner, ok := r.joined(nodeOr, true)
		return inner, ok && r.leave()
	case 'N':
		n.not = r.keyword("NOT")
		if n.not && r.peek() != 'E' {
			return 0, r.want("EXISTS (before another operator, NOT stands behind the path)")
		}
		fallthrough
	case 'E':
		if r.keyword("EXISTS") {
			n.op = opExists
			return r.path(&n, "a path")
		}
		if n.not {
			return 0, r.want("EXISTS")
		}
	}
	k, ok := r.path(&n, "a comparison, such as ipv4-addr:value = '198.51.100.7',")
	if !ok {
		return 0, false
	}
	return r.compared(k)
}

// path reads an object path (STIX 2.1 §9.7) and makes a node of n with it.
func (r *patternReader) path(n *patternNode, what string) (uint32, bool) {
	p := r.pattern
	n.first = uint32(len(p.steps))
	r.peek()
	from := r.at
	if r.word(); r.at == from {
		return 0, r.want(what)
	}
	p.steps = append(p.steps, r.since(from, stepName))
	if !r.take(':') {
		return 0, r.want("the : between the type of an object and its property")
	}
	for first := true; ; first = false {
		if first || r.take('.') {
			if !r.stepName() {
				return 0, false
			}
		} else if r.peek() == '[' {
			if !r.stepIndex() {
				return 0, false
			}
		} else {
			break
		}
	}
	n.last = uint32(len(p.steps))
	return r.node(*n), true
}

// word passes over a name without quotes, and tells whether there is a hyphen in it.
func (r *patternReader) word() (hyphen bool) {
	for r.at < len(r.src) && wordByte(r.src[r.at]) {
		hyphen = hyphen || r.src[r.at] == '-'
		r.at++
	}
	return hyphen
}

// stepName reads a property name or a key.
func (r *patternReader) stepName() bool {
	c := r.peek()
	at := r.at
	var step patternPart
	switch {
	case c == '\'':
		var ok bool
		if step, ok = r.quoted(stepName); !ok {
			return false
		}
		if step.from == step.to {
			return r.fail(at, "the name of a property is empty")
		}
	case wordByte(c) && c-'0' > 9 && c != '-':
		if r.word() {
			r.tolerate(at, "a name with a hyphen stands in apostrophes: '%s'", clip(r.src[at:r.at]))
		}
		step = r.since(at, stepName)
	default:
		return r.want("the name of a property")
	}
	r.pattern.steps = append(r.pattern.steps, step)
	return true
}

// stepIndex reads [n] or [*] (STIX 2.1 §9.7.2).
func (r *patternReader) stepIndex() bool {
	r.at++
	r.peek()
	from := r.at
	kind := stepAny
	if !r.take('*') {
		kind = stepIndex
		if r.digits(); r.at == from {
			return r.want("an index from 0 on, or *,")
		}
		if text := r.src[from:r.at]; beyond(text) || len(text) > 1 && text[0] == '0' {
			return r.fail(from, "%s is not an index: an integer from 0 on without zeros before it, up to 2^53-1", clip(text))
		}
	}
	r.pattern.steps = append(r.pattern.steps, r.since(from, kind))
	return r.take(']') || r.want("]")
}

// compared reads the operator and the constants of comparison k, whose path is read.
func (r *patternReader) compared(k uint32) (uint32, bool) {
	n := &r.pattern.nodes[k]
	c := r.peek()
	if c == 'N' && r.keyword("NOT") {
		n.not = true
		c = r.peek()
	}
	if !r.operator(n, c) {
		return 0, false
	}
	n.value = uint32(len(r.pattern.constants))
	ok := false
	switch n.op {
	case opEqual, opNotEqual:
		ok = r.constant("a constant")
	case opIn:
		ok = r.set()
	case opLike, opMatches:
		ok = r.stringConstant("a string in apostrophes")
	case opSubset, opSuperset:
		ok = r.network()
	default:
		ok = r.constant("a constant")
		if last := len(r.pattern.constants) - 1; ok && r.pattern.constants[last].kind == constBoolean {
			ok = r.fail(r.at, "%s compares constants that have an order, which true and false have not", operatorWords[n.op])
		}
	}
	n.valueTo = uint32(len(r.pattern.constants))
	return k, ok
}

// operator reads a comparison operator that begins with c.
func (r *patternReader) operator(n *patternNode, c byte) bool {
	second := byte(0)
	if r.at+1 < len(r.src) {
		second = r.src[r.at+1]
	}
	length := 1
	switch c {
	case '=':
		n.op = opEqual
		if second == '=' {
			length = 2
		}
	case '!':
		n.op = opNotEqual
		if length = 2; second != '=' {
			return r.want("!=")
		}
	case '<':
		n.op = opLess
		switch second {
		case '=':
			n.op, length = opLessOrEqual, 2
		case '>':
			n.op, length = opNotEqual, 2
		}
	case '>':
		n.op = opGreater
		if second == '=' {
			n.op, length = opGreaterOrEqual, 2
		}
	default:
		for op := opIn; op <= opSuperset; op++ {
			if r.keyword(operatorWords[op]) {
				n.op = op
				return true
			}
		}
		return r.want("an operator (=, !=, <, >, <=, >=, IN, LIKE, MATCHES, ISSUBSET, ISSUPERSET)")
	}
	r.at += length
	return true
}

// set reads the constants of IN, which are of one type.
func (r *patternReader) set() bool {
	if !r.take('(') {
		return r.want("a set of constants in ( )")
	}
	first := len(r.pattern.constants)
	for !r.take(')') {
		if len(r.pattern.constants) > first && !r.take(',') {
			return r.want(", or )")
		}
		r.peek()
		at := r.at
		if !r.constant("a constant") {
			return false
		}
		all := r.pattern.constants
		if numeric(all[first].kind) != numeric(all[len(all)-1].kind) {
			r.tolerate(at, "the constants of a set are of one type")
		}
	}
	return true
}

// numeric puts both kinds of number into one type.
func numeric(k partKind) partKind {
	if k == constFloat {
		return constInteger
	}
	return k
}

// network reads an address or a range of them (STIX 2.1 §9.6.1).
func (r *patternReader) network() bool {
	r.peek()
	at := r.at
	if !r.stringConstant("an address or a range in CIDR notation, as a string in apostrophes,") {
		return false
	}
	text := r.lastText()
	var err error
	if strings.IndexByte(text, '/') >= 0 {
		_, err = netip.ParsePrefix(text)
	} else {
		_, err = netip.ParseAddr(text)
	}
	if err != nil {
		r.tolerate(at, "%q is neither an IP address nor a range in CIDR notation", clip(text))
	}
	return true
}
