package stix

import (
	"bytes"
	"strconv"
	"strings"

	entente "entente"
)

// Conditions are conditions on objects, made ready to be tried on many.
type Conditions struct{ tests []conditionTest }

// conditionTest is one condition with its values read.
type conditionTest struct {
	field   entente.ConditionField
	texts   map[string]struct{} // of text, hexadecimal text, booleans, identifiers
	numbers []float64
	moments []entente.Instant
	never   bool // nothing meets it
}

// NewConditions makes conditions ready. One that cannot be read, which no parser of
// requests lets through, is met by nothing.
func NewConditions(all []entente.Condition) *Conditions {
	c := &Conditions{}
	for _, k := range all {
		field, ok := entente.FindConditionField(k.Field)
		t := conditionTest{field: field, texts: map[string]struct{}{}, never: !ok}
		for _, value := range k.Values {
			t.read(value)
		}
		c.tests = append(c.tests, t)
	}
	return c
}

func (c *conditionTest) read(value string) {
	switch c.field.Kind {
	case entente.MatchInteger:
		n, err := strconv.ParseInt(value, 10, 64)
		c.numbers, c.never = append(c.numbers, float64(n)), c.never || err != nil
	case entente.MatchInstant:
		in, err := entente.ParseInstant(value)
		c.moments, c.never = append(c.moments, in), c.never || err != nil
	case entente.MatchTLP:
		level, _ := entente.ParseTLP(value)
		for _, id := range level.Definitions() {
			c.texts[string(id)] = struct{}{}
		}
	default:
		c.texts[value] = struct{}{}
	}
}

// Met reports whether an object meets all of the conditions. What is not an object that
// [Parse] could read meets none.
func (c *Conditions) Met(raw []byte) bool {
	s := getScratch()
	defer s.put()
	t := &s.tape
	if !t.read(bytes.Trim(raw, " \t\r\n")) || t.nodes[0].kind != '{' {
		return false
	}
	for i := range c.tests {
		if k := &c.tests[i]; k.never || !k.met(t) {
			return false
		}
	}
	return true
}

func (c *conditionTest) met(t *tape) bool {
	switch c.field.Place {
	case entente.OnTop:
		k := t.member(0, c.field.Property)
		if k == 0 {
			_, ok := c.texts[c.field.Absent]
			return ok && c.field.Absent != ""
		}
		return c.anyOf(t, k)
	case entente.Markings:
		return c.marked(t)
	}
	top := 1 // the next member of the object itself
	for k := 1; k < len(t.nodes); k++ {
		atTop := k == top
		if atTop {
			top = t.after(k)
		}
		if t.nodes[k].flags&named == 0 {
			continue
		}
		name, wanted := t.nameOf(k), false
		if c.field.Place == entente.References {
			wanted = namesReference(name)
		} else {
			wanted = !atTop && string(name) == c.field.Property
		}
		if wanted && c.anyOf(t, k) {
			return true
		}
	}
	return false
}

// marked looks at the markings of the object as a whole and of its parts (STIX 2.1 §7.2).
func (c *conditionTest) marked(t *tape) bool {
	if k := t.member(0, "object_marking_refs"); k > 0 && c.anyOf(t, k) {
		return true
	}
	all := t.member(0, "granular_markings")
	if all == 0 || t.nodes[all].kind != '[' {
		return false
	}
	for i, end := t.children(all); i < end; i = t.after(i) {
		if t.nodes[i].kind != '{' {
			continue
		}
		if k := t.member(i, "marking_ref"); k > 0 && c.holds(t, k) {
			return true
		}
	}
	return false
}

// anyOf tries a property's value, or the elements of its list.
func (c *conditionTest) anyOf(t *tape, k int) bool {
	if t.nodes[k].kind != '[' {
		return c.holds(t, k)
	}
	for i, end := t.children(k); i < end; i = t.after(i) {
		if c.holds(t, i) {
			return true
		}
	}
	return false
}

// holds tries one value.
func (c *conditionTest) holds(t *tape, k int) bool {
	n := &t.nodes[k]
	switch kind := c.field.Kind; {
	case kind == entente.MatchInteger:
		return n.kind == '0' && c.numbered(t.number(k))
	case kind == entente.MatchBoolean:
		_, ok := c.texts[string(t.raw(k))]
		return ok && (n.kind == 't' || n.kind == 'f')
	case n.kind != '"':
		return false
	case kind == entente.MatchInstant:
		in, err := entente.ParseInstant(t.string(k))
		return err == nil && c.timed(in)
	case kind == entente.MatchHex:
		_, ok := c.texts[foldCase(t.string(k))]
		return ok
	case n.flags&escaped == 0:
		_, ok := c.texts[string(t.raw(k))] // without a copy
		return ok
	}
	_, ok := c.texts[t.string(k)]
	return ok
}

func (c *conditionTest) numbered(f float64) bool {
	for _, want := range c.numbers {
		if bounded(c.field.Bound, f == want, f > want) {
			return true
		}
	}
	return false
}

func (c *conditionTest) timed(in entente.Instant) bool {
	for _, want := range c.moments {
		order := in.Compare(want)
		if bounded(c.field.Bound, order == 0, order > 0) {
			return true
		}
	}
	return false
}

func bounded(b entente.MatchBound, equal, greater bool) bool {
	switch b {
	case entente.AtLeast:
		return equal || greater
	case entente.AtMost:
		return !greater
	}
	return equal
}

// foldCase makes the ASCII letters of a text lower case, and nothing else.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
