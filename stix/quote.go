package stix

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// escape reads the escape that b begins with and gives its length, 0 if it is none or
// stands for half of a surrogate pair (RFC 8259 §7, RFC 7493 §2.1).
func escape(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	r := unit(b)
	switch {
	case r < 0 || r >= 0xdc00 && r <= 0xdfff:
		return 0, 0
	case r < 0xd800 || r > 0xdfff:
		return r, 6
	}
	if low := unit(b[6:]); low >= 0xdc00 && low <= 0xdfff {
		return utf16.DecodeRune(r, low), 12
	}
	return 0, 0
}

// unit reads \uXXXX, -1 if it is not there.
func unit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape appends what the inside of a valid string says.
func unescape(dst, inside []byte) []byte {
	for len(inside) > 0 {
		i := bytes.IndexByte(inside, '\\')
		if i < 0 {
			return append(dst, inside...)
		}
		dst = append(dst, inside[:i]...)
		r, n := escape(inside[i:])
		if n == 0 {
			return dst
		}
		dst = utf8.AppendRune(dst, r)
		inside = inside[i+n:]
	}
	return dst
}

// appendString appends, in its canonical form, the valid string whose inside is given.
func appendString(dst, inside []byte) []byte {
	dst = append(dst, '"')
	for len(inside) > 0 {
		i := bytes.IndexByte(inside, '\\')
		if i < 0 {
			dst = append(dst, inside...)
			break
		}
		dst = append(dst, inside[:i]...)
		r, n := escape(inside[i:])
		if n == 0 {
			break
		}
		dst = appendCharacter(dst, r)
		inside = inside[i+n:]
	}
	return append(dst, '"')
}

// appendQuoted appends text as a canonical string.
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, r := range string(text) {
		dst = appendCharacter(dst, r)
	}
	return append(dst, '"')
}

// appendCharacter escapes what must be escaped and nothing else (RFC 8785 §3.2.2.2).
func appendCharacter(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if r < ' ' {
		return append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
	}
	return utf8.AppendRune(dst, r)
}
