package stix

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

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
	out, fault := canonical(nil, raw)
	if fault != nil {
		text := fault.Text
		if fault.Property != "" {
			text = fault.Property + ": " + text
		}
		return nil, entente.Errorf(entente.Invalid, "%s (%s)", text, fault.Section)
	}
	return out, nil
}

// canonical appends the canonical form of raw to dst.
func canonical(dst, raw []byte) ([]byte, *entente.Finding) {
	if d := depth(raw); d > MaxDepth {
		return dst, fault("", "RFC 8259 §9", "it is nested deeper than %d levels", MaxDepth)
	}
	out, err := jsontext.AppendFormat(dst, raw, jsontext.CanonicalizeRawInts(true),
		jsontext.CanonicalizeRawFloats(true), jsontext.ReorderRawObjects(true))
	if err == nil {
		return out, nil
	}
	where, at := "", int64(0)
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		where, at, err = pathOf(syntactic.JSONPointer), syntactic.ByteOffset, syntactic.Err
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return dst, fault(where, "RFC 7493 §2.3", "this name is there twice in one object: near byte %d", at)
	case syntax(raw):
		return dst, fault(where, "RFC 7493 §2.1", "a string is not valid UTF-8, or escapes half of a surrogate pair: near byte %d", at)
	}
	return dst, fault(where, "RFC 8259 §2", "it is not JSON: %s near byte %d", strings.TrimPrefix(err.Error(), "jsontext: "), at)
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
