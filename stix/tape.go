package stix

import (
	"bytes"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// node is one JSON value. The nodes of a value lie one after another in document order,
// so that a value's descendants are those up to next.
type node struct {
	kind         byte   // '{', '[', '"', '0' for a number, 't', 'f', 'n'
	named        bool   // it is a member of an object
	escaped      bool   // the string holds escapes
	escapedName  bool   // the name holds escapes
	name, nameTo uint32 // the name in text, without its quotes
	from, to     uint32 // the value in text, a string's without its quotes
	next         uint32 // the node after this value
}

// tape is a JSON value, parsed flat. Node 0 is the value itself.
type tape struct {
	text  []byte
	nodes []node
}

// scratch is the working memory of one call.
type scratch struct {
	canonical []byte
	tape      tape
}

// scratches keeps working memory from call to call; it holds no state.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxPooled bounds what is kept: the working memory of an unusually large object is not.
const maxPooled = 1 << 20

func getScratch() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) put() {
	s.tape.text = nil
	if cap(s.canonical)+24*cap(s.tape.nodes) <= maxPooled {
		scratches.Put(s)
	}
}

// read parses text, which should be valid JSON nested no deeper than [MaxDepth]. It
// reports false where it notices that it is not; it does not notice everything.
func (t *tape) read(text []byte) bool {
	t.text, t.nodes = text, t.nodes[:0]
	if len(text) >= 1<<32-1 {
		return false
	}
	end := t.value(t.space(0), node{}, MaxDepth)
	return end > 0 && t.space(end) == len(text)
}

func (t *tape) space(i int) int {
	for i < len(t.text) && (t.text[i] == ' ' || t.text[i] == '\n' || t.text[i] == '\t' || t.text[i] == '\r') {
		i++
	}
	return i
}

// value appends the value at i as node n and gives the place after it, -1 if there is none.
func (t *tape) value(i int, n node, levels int) int {
	if i >= len(t.text) {
		return -1
	}
	at := len(t.nodes)
	n.kind, n.from = t.text[i], uint32(i)
	t.nodes = append(t.nodes, n)
	end := -1
	switch {
	case n.kind == '"':
		end, t.nodes[at].escaped = t.str(i)
		t.nodes[at].from++
		t.nodes[at].to = uint32(end - 1)
		t.nodes[at].next = uint32(at + 1)
		return end
	case n.kind == '{' && levels > 0:
		end = t.object(i+1, levels-1)
	case n.kind == '[' && levels > 0:
		end = t.array(i+1, levels-1)
	case n.kind == '-' || n.kind >= '0' && n.kind <= '9':
		t.nodes[at].kind = '0'
		fallthrough
	case n.kind == 't' || n.kind == 'f' || n.kind == 'n':
		for end = i; end < len(t.text) && !delimits(t.text[end]); {
			end++
		}
	}
	t.nodes[at].to = uint32(max(end, 0))
	t.nodes[at].next = uint32(len(t.nodes))
	return end
}

func delimits(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

func (t *tape) object(i, levels int) int {
	i = t.space(i)
	if i < len(t.text) && t.text[i] == '}' {
		return i + 1
	}
	for i < len(t.text) && t.text[i] == '"' {
		end, escaped := t.str(i)
		if end < 0 {
			return -1
		}
		n := node{named: true, escapedName: escaped, name: uint32(i + 1), nameTo: uint32(end - 1)}
		i = t.space(end)
		if i >= len(t.text) || t.text[i] != ':' {
			return -1
		}
		if i = t.value(t.space(i+1), n, levels); i < 0 {
			return -1
		}
		i = t.space(i)
		if i < len(t.text) && t.text[i] == '}' {
			return i + 1
		}
		if i >= len(t.text) || t.text[i] != ',' {
			return -1
		}
		i = t.space(i + 1)
	}
	return -1
}

func (t *tape) array(i, levels int) int {
	i = t.space(i)
	if i < len(t.text) && t.text[i] == ']' {
		return i + 1
	}
	for {
		if i = t.value(i, node{}, levels); i < 0 {
			return -1
		}
		i = t.space(i)
		if i < len(t.text) && t.text[i] == ']' {
			return i + 1
		}
		if i >= len(t.text) || t.text[i] != ',' {
			return -1
		}
		i = t.space(i + 1)
	}
}

// str passes over the string whose quote stands at i.
func (t *tape) str(i int) (end int, escaped bool) {
	i++
	for {
		quote := bytes.IndexByte(t.text[i:], '"')
		if quote < 0 {
			return -1, escaped
		}
		quote += i
		slashes := 0
		for quote-slashes > i && t.text[quote-slashes-1] == '\\' {
			slashes++
		}
		if !escaped && bytes.IndexByte(t.text[i:quote], '\\') >= 0 {
			escaped = true
		}
		if slashes%2 == 0 {
			return quote + 1, escaped
		}
		i = quote + 1
	}
}

// is reports whether node k is named name.
func (t *tape) is(k int, name string) bool {
	n := &t.nodes[k]
	return n.named && !n.escapedName && string(t.text[n.name:n.nameTo]) == name
}

// nameOf is the name of node k as it stands in the text, its escapes not resolved: no
// name of the standards needs any.
func (t *tape) nameOf(k int) []byte {
	n := &t.nodes[k]
	return t.text[n.name:n.nameTo]
}

// raw is the text of node k as it stands, a string's without quotes, escapes not resolved.
func (t *tape) raw(k int) []byte {
	n := &t.nodes[k]
	return t.text[n.from:n.to]
}

// string gives what the string of node k says.
func (t *tape) string(k int) string {
	n := &t.nodes[k]
	if !n.escaped {
		return string(t.text[n.from:n.to])
	}
	b, _ := jsontext.AppendUnquote(nil, t.text[n.from-1:n.to+1])
	return string(b)
}

// children gives the first child of node k and the node after the last one.
func (t *tape) children(k int) (first, end int) { return k + 1, int(t.nodes[k].next) }

// after is the node after k and its descendants.
func (t *tape) after(k int) int { return int(t.nodes[k].next) }

// member finds the member of object k by its name, 0 if there is none.
func (t *tape) member(k int, name string) int {
	for i, end := t.children(k); i < end; i = t.after(i) {
		if t.is(i, name) {
			return i
		}
	}
	return 0
}

// number is the value of number k.
func (t *tape) number(k int) float64 {
	f, _ := strconv.ParseFloat(string(t.raw(k)), 64)
	return f
}

// path is where node k stands: kill_chain_phases[0].phase_name.
func (t *tape) path(k int) string {
	var path []byte
	for at := 0; at != k; {
		i, end := t.children(at)
		index := 0
		for ; i < end && t.after(i) <= k; i = t.after(i) {
			index++
		}
		if i >= end {
			break
		}
		if t.nodes[i].named {
			path = appendName(path, string(t.nameOf(i)))
		} else {
			path = append(strconv.AppendInt(append(path, '['), int64(index), 10), ']')
		}
		at = i
	}
	return string(path)
}
