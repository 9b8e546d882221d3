package stix

import (
	"bytes"
	"strings"

	entente "entente"
)

// MaxText is the most that [Text] gives for one object, in bytes.
const MaxText = 64 << 10

// unsearched are properties that nobody searches by their words, at any depth;
// unsearchedAtTop those of the object itself: what names, dates and classifies it has an
// index or a filter of its own.
var (
	unsearched = map[string]bool{
		"spec_version": true, "granular_markings": true, "extension_type": true,
		"extension_types": true, "pattern_type": true, "pattern_version": true,
	}
	unsearchedAtTop = map[string]bool{
		"id": true, "type": true, "lang": true, "relationship_type": true, "definition_type": true,
	}
)

// Text gives what people search an object by: its strings at any depth, in their order, one
// per line, white space inside them as single spaces. Left out are identifiers, references,
// timestamps, binary and hexadecimal payloads, and constants such as type and pattern_type;
// names of properties are not text either. It is cut at [MaxText] bytes, and empty if raw is
// not an object that [Parse] could read.
func Text(raw []byte) string {
	s := getScratch()
	defer s.put()
	t := &s.tape
	if !t.read(bytes.Trim(raw, " \t\r\n")) || t.nodes[0].kind != '{' {
		return ""
	}
	out := make([]byte, 0, min(len(raw), MaxText))
	top := 1 // the next member of the object itself
	for k := 1; k < len(t.nodes) && len(out) < MaxText; k++ {
		atTop := k == top
		if atTop {
			top = t.after(k)
		}
		n := &t.nodes[k]
		if n.flags&named != 0 && silent(t.nameOf(k), atTop) {
			k = t.after(k) - 1 // with all that is in it
			continue
		}
		if n.kind == '"' {
			out = t.appendWords(out, k)
		}
	}
	if len(out) > MaxText {
		return strings.ToValidUTF8(string(out[:MaxText]), "")
	}
	return strings.TrimSuffix(string(out), "\n")
}

// silent reports whether a property of this name, and all inside it, is left out.
func silent(name []byte, atTop bool) bool {
	return unsearched[string(name)] || atTop && unsearchedAtTop[string(name)] || namesReference(name) ||
		bytes.HasSuffix(name, []byte("_bin")) || bytes.HasSuffix(name, []byte("_hex"))
}

// appendWords appends a string and a line break, unless nobody would search it.
func (t *tape) appendWords(out []byte, k int) []byte {
	n := &t.nodes[k]
	raw := t.raw(k)
	if cut := len(raw) - identifierTail; cut > 0 && raw[cut] == '-' && raw[cut+1] == '-' && isUUID(raw[cut+2:]) {
		return out
	}
	if len(raw) >= len("2006-01-02T15:04:05Z") && raw[4] == '-' && raw[10] == 'T' && raw[len(raw)-1] == 'Z' {
		if _, err := entente.ParseInstant(string(raw)); err == nil {
			return out
		}
	}
	if len(raw) > MaxText {
		raw = raw[:MaxText]
	}
	from := len(out)
	if n.flags&escaped == 0 {
		out = append(out, raw...)
	} else {
		out = unescape(out, raw)
	}
	out = squeeze(out, from)
	if len(out) == from {
		return out
	}
	return append(out, '\n')
}

// squeeze makes each run of white space and control characters from a place on one space.
func squeeze(b []byte, from int) []byte {
	to, space := from, true
	for _, c := range b[from:] {
		if c <= ' ' || c == 0x7f {
			if !space {
				b[to] = ' '
				to++
			}
			space = true
			continue
		}
		b[to], space = c, false
		to++
	}
	if to > from && b[to-1] == ' ' {
		to--
	}
	return b[:to]
}
