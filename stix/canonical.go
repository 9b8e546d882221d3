package stix

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	entente "entente"
)

// MaxDepth is the deepest nesting of arrays and objects that is taken: an object by
// itself has depth 1. The standard sets no limit; real objects stay under 10.
const MaxDepth = 100

// Canonical gives the canonical form of one JSON value (RFC 8785). It fails with kind
// Invalid if raw is not one JSON value with unique names and valid UTF-8 (RFC 7493 §2.1,
// §2.3), or is nested deeper than [MaxDepth]. Numbers beyond 2^53 are written as the
// double that is nearest, as the RFC says; [Parse] refuses them.
func Canonical(raw []byte) ([]byte, error) {
	s := getScratch()
	defer s.put()
	if fault := s.read(raw); fault != nil {
		text := fault.Text
		if fault.Property != "" {
			text = fault.Property + ": " + text
		}
		return nil, entente.Errorf(entente.Invalid, "%s (%s)", text, fault.Section)
	}
	return bytes.Clone(s.canonical), nil
}

// read parses raw and puts its canonical form into s.canonical, or says what is wrong.
func (s *scratch) read(raw []byte) *entente.Finding {
	if s.tape.read(raw) {
		s.tape.order = s.tape.order[:0]
		var ok bool
		if s.canonical, ok = s.tape.canonical(s.canonical[:0], 0); ok {
			return nil
		}
	}
	return diagnose(raw)
}

// canonical appends the canonical form of node k to dst; false if a name is there twice
// or a number is beyond what a double can hold.
func (t *tape) canonical(dst []byte, k int) ([]byte, bool) {
	switch n := &t.nodes[k]; n.kind {
	case '{':
		return t.canonicalObject(dst, k)
	case '[':
		dst = append(dst, '[')
		for i, end := t.children(k); i < end; i = t.after(i) {
			if i > k+1 {
				dst = append(dst, ',')
			}
			var ok bool
			if dst, ok = t.canonical(dst, i); !ok {
				return dst, false
			}
		}
		return append(dst, ']'), true
	case '"':
		if n.flags&escaped == 0 {
			return append(dst, t.text[n.from-1:n.to+1]...), true
		}
		return appendString(dst, t.raw(k)), true
	case '0':
		if n.flags&small != 0 {
			return append(dst, t.raw(k)...), true
		}
		f, err := strconv.ParseFloat(string(t.raw(k)), 64)
		if err != nil {
			return dst, false
		}
		return jsontext.AppendFloat(dst, f+0, 64), true
	}
	return append(dst, t.raw(k)...), true
}

// canonicalObject writes the members of object k in the order of their names as UTF-16
// (RFC 8785 §3.2.3).
func (t *tape) canonicalObject(dst []byte, k int) ([]byte, bool) {
	from, sorted := len(t.order), true
	for i, end := t.children(k); i < end; i = t.after(i) {
		t.order = append(t.order, member{t.key(i), uint32(i)})
		if at := len(t.order) - 1; at > from && sorted {
			sorted = t.compareNames(t.order[at-1], t.order[at]) < 0
		}
	}
	members := t.order[from:]
	if !sorted {
		slices.SortFunc(members, t.compareNames)
	}
	dst = append(dst, '{')
	for j, m := range members {
		if j > 0 {
			if !sorted && t.compareNames(members[j-1], m) == 0 {
				return dst, false
			}
			dst = append(dst, ',')
		}
		if n := &t.nodes[m.node]; n.flags&nameEscaped == 0 {
			dst = append(dst, t.text[n.name-1:n.nameTo+1]...)
		} else {
			dst = appendQuoted(dst, t.nameOf(int(m.node)))
		}
		dst = append(dst, ':')
		var ok bool
		// Members of members are put behind these and taken away again.
		if dst, ok = t.canonical(dst, int(m.node)); !ok {
			return dst, false
		}
	}
	t.order = t.order[:from]
	return append(dst, '}'), true
}

func (t *tape) key(k int) uint64 {
	name := t.nameOf(k)
	if len(name) >= 8 {
		return binary.BigEndian.Uint64(name)
	}
	var key uint64
	for i, c := range name {
		key |= uint64(c) << (56 - 8*i)
	}
	return key
}

// compareNames orders two members. A name that is not wide holds no zero byte, so keys
// that differ order such names rightly.
func (t *tape) compareNames(a, b member) int {
	wide := (t.nodes[a.node].flags|t.nodes[b.node].flags)&nameWide != 0
	if !wide && a.key != b.key {
		return cmp.Compare(a.key, b.key)
	}
	x, y := t.nameOf(int(a.node)), t.nameOf(int(b.node))
	if !wide {
		return bytes.Compare(x, y)
	}
	return compareUTF16(x, y)
}

// compareUTF16 orders UTF-8 strings by their UTF-16 code units. That is the order of the
// code points, but that those beyond U+FFFF come before U+E000 to U+FFFF.
func compareUTF16(x, y []byte) int {
	for len(x) > 0 && len(y) > 0 {
		a, n := utf8.DecodeRune(x)
		b, m := utf8.DecodeRune(y)
		if a != b {
			if (a >= 0x10000) != (b >= 0x10000) {
				a, b = firstUnit(a), firstUnit(b)
			}
			return cmp.Compare(a, b)
		}
		x, y = x[n:], y[m:]
	}
	return cmp.Compare(len(x), len(y))
}

func firstUnit(r rune) rune {
	if r >= 0x10000 {
		high, _ := utf16.EncodeRune(r)
		return high
	}
	return r
}

// diagnose says what is wrong with raw, which could not be read. It takes its time: the
// JSON decoder, an implementation apart from this one, finds the place and the words.
func diagnose(raw []byte) *entente.Finding {
	if depth(raw) > MaxDepth {
		return fault("", "RFC 8259 §9", "it is nested deeper than %d levels", MaxDepth)
	}
	_, err := jsontext.AppendFormat(nil, raw)
	if err == nil {
		return fault("", "RFC 7493 §2.2", "it holds a number that is beyond a double's range")
	}
	where, at := "", int64(0)
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		where, at, err = pathOf(syntactic.JSONPointer), syntactic.ByteOffset, syntactic.Err
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fault(where, "RFC 7493 §2.3", "this name is there twice in one object: near byte %d", at)
	case syntax(raw):
		return fault(where, "RFC 7493 §2.1", "a string is not valid UTF-8, or escapes half of a surrogate pair: near byte %d", at)
	}
	return fault(where, "RFC 8259 §2", "it is not JSON: %s near byte %d", strings.TrimPrefix(err.Error(), "jsontext: "), at)
}

func fault(property, section, format string, args ...any) *entente.Finding {
	return &entente.Finding{Severity: entente.Fault, Property: property, Section: section, Text: fmt.Sprintf(format, args...)}
}

// pathOf writes a JSON pointer as a property path: kill_chain_phases[0].phase_name.
func pathOf(p jsontext.Pointer) string {
	var path []byte
	for name := range p.Tokens() {
		if _, err := strconv.ParseUint(name, 10, 32); err == nil && len(path) > 0 {
			path = append(append(append(path, '['), name...), ']')
		} else {
			path = appendName(path, name)
		}
	}
	return string(path)
}

func appendName(path []byte, name string) []byte {
	if len(path) > 0 {
		path = append(path, '.')
	}
	return append(path, clip(name)...)
}

// depth is the deepest nesting of brackets in raw, or some number up to [MaxDepth] if it
// cannot be more.
func depth(raw []byte) int {
	if n := bytes.Count(raw, []byte{'{'}) + bytes.Count(raw, []byte{'['}); n <= MaxDepth {
		return n
	}
	deepest, now, in := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			in = !in
		case in && c == '\\':
			i++
		case in:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// clip shortens s for a text, so that hostile input cannot flood a log.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
