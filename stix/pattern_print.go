package stix

import "strings"

// String prints the pattern in one canonical form: parentheses only where they matter,
// single spaces, names in apostrophes only where they need them, numbers and constants
// the standard's way. Two texts that differ in nothing else print alike; parsing what is
// printed gives an equal pattern, if it is not beyond [MaxPattern] for the spaces.
func (p *Pattern) String() string {
	if len(p.nodes) == 0 {
		return ""
	}
	w := patternWriter{p: p, out: make([]byte, 0, 128)}
	w.expression(p.root)
	return string(w.out)
}

type patternWriter struct {
	p   *Pattern
	out []byte
}

func (w *patternWriter) text(s string) { w.out = append(w.out, s...) }

// expression prints node k and all below it.
func (w *patternWriter) expression(k uint32) {
	switch n := &w.p.nodes[k]; n.kind {
	case nodeFollowedBy, nodeOr, nodeAnd:
		w.joined(n)
	case nodeObservation:
		w.text("[")
		w.expression(n.first)
		w.text("]")
	case nodeComparison:
		w.comparison(n)
	default:
		w.qualified(k)
	}
}

func (w *patternWriter) joined(n *patternNode) {
	for k := n.first; ; {
		child := &w.p.nodes[k]
		// An operand that binds as weakly stood in parentheses.
		w.operand(k, child.kind <= n.kind)
		if k = child.next; k == 0 {
			return
		}
		w.text(" ")
		w.text(nodeWords[n.kind])
		w.text(" ")
	}
}

func (w *patternWriter) operand(k uint32, parentheses bool) {
	if parentheses {
		w.text("(")
	}
	w.expression(k)
	if parentheses {
		w.text(")")
	}
}

// qualified prints an observation expression with the qualifiers at it. One expression
// has one qualifier of a kind, so before a second one all up to there goes in
// parentheses.
func (w *patternWriter) qualified(k uint32) {
	var chain []uint32 // the qualifiers, the outermost first
	for w.p.nodes[k].kind.qualifies() {
		chain = append(chain, k)
		k = w.p.nodes[k].first
	}
	open, seen := 0, 0
	for i := len(chain) - 1; i >= 0; i-- {
		if bit := 1 << w.p.nodes[chain[i]].kind; seen&bit != 0 {
			open, seen = open+1, bit
		} else {
			seen |= bit
		}
	}
	w.text(strings.Repeat("(", open))
	w.operand(k, w.p.nodes[k].kind <= nodeAnd)
	seen = 0
	for i := len(chain) - 1; i >= 0; i-- {
		n := &w.p.nodes[chain[i]]
		if bit := 1 << n.kind; seen&bit != 0 {
			w.text(")")
			seen = bit
		} else {
			seen |= bit
		}
		w.qualifier(n)
	}
}

// qualifies reports whether a node is a qualifier.
func (k nodeKind) qualifies() bool {
	return k == nodeRepeats || k == nodeWithin || k == nodeStartStop
}

func (w *patternWriter) qualifier(n *patternNode) {
	w.text(" ")
	w.text(nodeWords[n.kind])
	w.text(" ")
	w.constant(n.value)
	switch n.kind {
	case nodeRepeats:
		w.text(" TIMES")
	case nodeWithin:
		w.text(" SECONDS")
	case nodeStartStop:
		w.text(" STOP ")
		w.constant(n.value + 1)
	}
}

func (w *patternWriter) comparison(n *patternNode) {
	if n.op == opExists {
		if n.not {
			w.text("NOT ")
		}
		w.text("EXISTS ")
		w.path(n)
		return
	}
	w.path(n)
	if n.not {
		w.text(" NOT")
	}
	w.text(" ")
	w.text(operatorWords[n.op])
	w.text(" ")
	if n.op != opIn {
		w.constant(n.value)
		return
	}
	w.text("(")
	for k := n.value; k < n.valueTo; k++ {
		if k > n.value {
			w.text(", ")
		}
		w.constant(k)
	}
	w.text(")")
}

func (w *patternWriter) path(n *patternNode) {
	steps := w.p.steps[n.first:n.last]
	w.text(w.p.text(steps[0]))
	between := ":"
	for _, s := range steps[1:] {
		switch s.kind {
		case stepName:
			w.text(between)
			if name := w.p.text(s); plainName(name) {
				w.text(name)
			} else {
				w.quoted(name)
			}
			between = "."
		default:
			w.text("[")
			w.text(w.p.text(s))
			w.text("]")
		}
	}
}

// plainName reports whether a property or key is written without apostrophes.
func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !wordByte(c) || c == '-' || i == 0 && c-'0' <= 9 {
			return false
		}
	}
	return s != "" && !isKeyword(s)
}

var constantPrefixes = [...]string{constHex: "h", constBinary: "b", constTimestamp: "t"}

func (w *patternWriter) constant(k uint32) {
	c := w.p.constants[k]
	text := w.p.text(c)
	switch c.kind {
	case constString:
		w.quoted(text)
	case constHex, constBinary, constTimestamp:
		w.text(constantPrefixes[c.kind])
		w.text("'")
		w.text(text)
		w.text("'")
	default:
		w.text(text)
	}
}

func (w *patternWriter) quoted(s string) {
	w.text("'")
	for i := range len(s) {
		if c := s[i]; c == '\'' || c == '\\' {
			w.out = append(w.out, '\\')
		}
		w.out = append(w.out, s[i])
	}
	w.text("'")
}
