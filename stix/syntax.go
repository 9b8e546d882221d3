package stix

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// read parses text strictly: one JSON value (RFC 8259) of valid UTF-8 without lone
// surrogates (RFC 7493 §2.1), nested no deeper than [MaxDepth]. It reports false for
// anything else. That names are unique is for canonical to find, which sorts them.
//
// A parser of our own reads raw once, where canonicalising and then parsing took three
// passes; tests and fuzzing hold it to the verdicts of jsontext.
func (t *tape) read(text []byte) bool {
	t.text, t.nodes, t.names = text, t.nodes[:0], t.names[:0]
	if uint64(len(text)) >= 1<<32-1 {
		return false
	}
	end := t.value(t.space(0), node{}, MaxDepth)
	return end > 0 && t.space(end) == len(text)
}

// space passes over white space, eight spaces of an indentation at a time.
func (t *tape) space(i int) int {
	for ; i < len(t.text) && t.text[i] <= ' '; i++ {
		switch t.text[i] {
		case '\n':
			const spaces = 0x2020202020202020
			for i+9 <= len(t.text) && binary.LittleEndian.Uint64(t.text[i+1:]) == spaces {
				i += 8
			}
		case ' ', '\t', '\r':
		default:
			return i
		}
	}
	return i
}

// value appends the value at i as node n and gives the place after it, -1 if there is none.
func (t *tape) value(i int, n node, levels int) int {
	if i >= len(t.text) {
		return -1
	}
	at := len(t.nodes)
	end := -1
	n.kind, n.from = t.text[i], uint32(i)
	switch n.kind {
	case '"':
		var flags uint8
		if end, flags = t.str(i); end < 0 {
			return -1
		}
		n.flags |= flags & escaped
		n.from, n.to, n.next = n.from+1, uint32(end-1), uint32(at+1)
		t.nodes = append(t.nodes, n)
		return end
	case '{', '[':
		if levels == 0 {
			return -1
		}
		t.nodes = append(t.nodes, n)
		if n.kind == '{' {
			end = t.object(i+1, levels-1)
		} else {
			end = t.array(i+1, levels-1)
		}
		t.nodes[at].to, t.nodes[at].next = uint32(max(end, 0)), uint32(len(t.nodes))
		return end
	case 't':
		end = t.literal(i, "true")
	case 'f':
		end = t.literal(i, "false")
	case 'n':
		end = t.literal(i, "null")
	default:
		n.kind = '0'
		var flags uint8
		end, flags = t.numeral(i)
		n.flags |= flags
	}
	n.to, n.next = uint32(max(end, 0)), uint32(at+1)
	t.nodes = append(t.nodes, n)
	return end
}

func (t *tape) object(i, levels int) int {
	i = t.space(i)
	if i < len(t.text) && t.text[i] == '}' {
		return i + 1
	}
	for i < len(t.text) && t.text[i] == '"' {
		end, flags := t.str(i)
		if end < 0 {
			return -1
		}
		n := node{flags: named | flags&nameWide, name: uint32(i + 1), nameTo: uint32(end - 1)}
		if flags&escaped != 0 {
			n.flags |= nameEscaped | nameWide
			from := len(t.names)
			t.names = unescape(t.names, t.text[i+1:end-1])
			n.name, n.nameTo = uint32(from), uint32(len(t.names))
		}
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

func (t *tape) literal(i int, what string) int {
	if end := i + len(what); end <= len(t.text) && string(t.text[i:end]) == what {
		return end
	}
	return -1
}

// numeral passes over a number (RFC 8259 §6).
func (t *tape) numeral(i int) (end int, flags uint8) {
	from := i
	if i < len(t.text) && t.text[i] == '-' {
		i++
	}
	digits := t.digits(i)
	if digits == i || digits > i+1 && t.text[i] == '0' {
		return -1, 0
	}
	// "-0" is written "0" in canonical form, so it is not among the small ones.
	if digits-i <= 15 && !(t.text[i] == '0' && i > from) {
		flags = small
	}
	i = digits
	if i < len(t.text) && t.text[i] == '.' {
		if digits = t.digits(i + 1); digits == i+1 {
			return -1, 0
		}
		i, flags = digits, 0
	}
	if i < len(t.text) && t.text[i]|0x20 == 'e' {
		i++
		if i < len(t.text) && (t.text[i] == '+' || t.text[i] == '-') {
			i++
		}
		if digits = t.digits(i); digits == i {
			return -1, 0
		}
		i, flags = digits, 0
	}
	return i, flags
}

func (t *tape) digits(i int) int {
	for i < len(t.text) && t.text[i]-'0' <= 9 {
		i++
	}
	return i
}

// str passes over the string whose quote stands at i. It gives -1 if it does not end, or
// is not valid, and the flags escaped and nameWide.
func (t *tape) str(i int) (end int, flags uint8) {
	for i++; ; {
		i = plain(t.text, i)
		if i >= len(t.text) {
			return -1, 0
		}
		switch c := t.text[i]; {
		case c == '"':
			return i + 1, flags
		case c == '\\':
			flags |= escaped
			_, n := escape(t.text[i:])
			if n == 0 {
				return -1, 0
			}
			i += n
		case c < ' ':
			return -1, 0
		default:
			flags |= nameWide
			r, n := utf8.DecodeRune(t.text[i:])
			if r == utf8.RuneError && n == 1 {
				return -1, 0
			}
			i += n
		}
	}
}

// plain passes over bytes that stand for themselves in a string: neither quote, backslash,
// control character nor beyond ASCII. It looks at eight at a time; among those that are
// marked the lowest is right, a borrow can only mark bytes above it wrongly.
func plain(b []byte, i int) int {
	const each = 0x0101010101010101
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		control, quote, slash := x-each*' ', (x^each*'"')-each, (x^each*'\\')-each
		if marks := (control | quote | slash | x) & (each * 0x80); marks != 0 {
			return i + bits.TrailingZeros64(marks)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return i
}
