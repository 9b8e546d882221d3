package stix

import (
	"strconv"
	"sync"
)

// The flags of a node.
const (
	named       = 1 << iota // it is a member of an object
	escaped                 // the string holds escapes
	nameEscaped             // the name held escapes; it lies resolved in tape.names
	nameWide                // the name is not ASCII
	small                   // the number is an integer of at most 15 digits
)

// node is one JSON value. The nodes of a value lie one after another in document order,
// so that a value's descendants are those up to next.
type node struct {
	kind         byte // '{', '[', '"', '0' for a number, 't', 'f', 'n'
	flags        uint8
	name, nameTo uint32 // the name in text, without its quotes
	from, to     uint32 // the value in text, a string's without its quotes
	next         uint32 // the node after this value
}

// tape is a JSON value, parsed flat. Node 0 is the value itself.
type tape struct {
	text  []byte
	names []byte // resolved names that held escapes
	nodes []node
	order []member // working memory of canonical
}

// member is a member of an object as canonical sorts them.
type member struct {
	key  uint64 // the first eight bytes of its name, zeros behind a shorter one
	node uint32
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
	if cap(s.canonical)+24*cap(s.tape.nodes)+16*cap(s.tape.order) <= maxPooled {
		scratches.Put(s)
	}
}

// is reports whether node k is named name.
func (t *tape) is(k int, name string) bool {
	return t.nodes[k].flags&named != 0 && string(t.nameOf(k)) == name
}

// nameOf is the name of node k, its escapes resolved.
func (t *tape) nameOf(k int) []byte {
	n := &t.nodes[k]
	if n.flags&nameEscaped != 0 {
		return t.names[n.name:n.nameTo]
	}
	return t.text[n.name:n.nameTo]
}

// raw is the text of node k as it stands, a string's without quotes, escapes not resolved.
func (t *tape) raw(k int) []byte {
	n := &t.nodes[k]
	return t.text[n.from:n.to]
}

// string gives what the string of node k says.
func (t *tape) string(k int) string {
	if t.nodes[k].flags&escaped == 0 {
		return string(t.raw(k))
	}
	return string(unescape(nil, t.raw(k)))
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
		if t.nodes[i].flags&named != 0 {
			path = appendName(path, string(t.nameOf(i)))
		} else {
			path = append(strconv.AppendInt(append(path, '['), int64(index), 10), ']')
		}
		at = i
	}
	return string(path)
}
