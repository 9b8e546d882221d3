package stix

import "slices"

// kind is what the value of a property must be.
type kind uint8

const (
	isChecked    kind = iota // a common property that common has judged already
	isAnything               //
	isString                 // STIX 2.1 §2.15
	isInteger                // §2.10
	isFloat                  // §2.6
	isBoolean                // §2.2
	isTimestamp              // §2.16
	isReference              // §2.9
	isHex                    // §2.8
	isBinary                 // §2.1
	isDictionary             // §2.3
	isHashes                 // §2.7
	isEnum                   // §2.4
	isObject                 // an object of a shape
	isExtensions             // §3.2
	isContainer              // §2.13
	isLanguage               // a tag of RFC 5646
)

// names of kinds, and the sections of STIX 2.1 that define them.
var kinds = [...]struct{ name, section string }{
	isString:     {"a string", "STIX 2.1 §2.15"},
	isInteger:    {"an integer", "STIX 2.1 §2.10"},
	isFloat:      {"a number", "STIX 2.1 §2.6"},
	isBoolean:    {"a boolean", "STIX 2.1 §2.2"},
	isTimestamp:  {"a timestamp", "STIX 2.1 §2.16"},
	isReference:  {"an identifier", "STIX 2.1 §2.9"},
	isHex:        {"a string of hexadecimal digits", "STIX 2.1 §2.8"},
	isBinary:     {"a string of Base64", "STIX 2.1 §2.1"},
	isDictionary: {"a dictionary", "STIX 2.1 §2.3"},
	isHashes:     {"a dictionary of hashes", "STIX 2.1 §2.7"},
	isEnum:       {"a string", "STIX 2.1 §2.4"},
	isObject:     {"an object", "STIX 2.1 §3.2"},
	isExtensions: {"a dictionary", "STIX 2.1 §3.2"},
	isContainer:  {"a dictionary", "STIX 2.1 §2.13"},
	isLanguage:   {"a language code", "RFC 5646 §2.1"},
}

// property is what the standard says of one property of a type.
type property struct {
	name      string
	kind      kind
	list      bool // a list of values of the kind, at least one
	required  bool
	bounded   bool
	low, high float64           // inclusive, where bounded
	values    []string          // of a closed enumeration
	open      vocabulary        // of a string, nil for none
	targets   *targets          // what a reference may point to, nil for anything
	shape     *shape            // of an isObject
	entries   string            // of an isDictionary: the kinds of its values, "" for any
	bit       uint64            // its place in shape.required, 0 if it is not
	known     map[string]*shape // of isExtensions: the predefined ones
}

// targets are the types that a reference may point to.
type targets struct {
	what string
	ok   func(objectType []byte) bool
}

// shape is what the standard says of a type of object or of a type inside objects.
type shape struct {
	section  string
	order    []*property
	byName   map[string]*property
	required uint64
	rules    []rule
}

// newShape makes a shape. Of two properties with one name the later holds.
func newShape(section string, rules []rule, groups ...[]property) *shape {
	s := &shape{section: section, rules: rules, byName: map[string]*property{}}
	for _, group := range groups {
		for _, p := range group {
			p := p
			if old := s.byName[p.name]; old != nil {
				s.order = slices.DeleteFunc(s.order, func(q *property) bool { return q == old })
			}
			s.byName[p.name] = &p
			s.order = append(s.order, &p)
		}
	}
	next := uint64(1)
	for _, p := range s.order {
		if p.required {
			p.bit = next
			s.required |= next
			next <<= 1
		}
	}
	return s
}

// The words of which the tables are made: a group of properties of one kind, optional and
// single unless needed or listed says otherwise.

func text(names ...string) []property       { return each(isString, names) }
func boolean(names ...string) []property    { return each(isBoolean, names) }
func instant(names ...string) []property    { return each(isTimestamp, names) }
func float(names ...string) []property      { return each(isFloat, names) }
func integer(names ...string) []property    { return each(isInteger, names) }
func hex(names ...string) []property        { return each(isHex, names) }
func octets(names ...string) []property     { return each(isBinary, names) }
func hashes(names ...string) []property     { return each(isHashes, names) }
func dictionary(names ...string) []property { return each(isDictionary, names) }
func language(names ...string) []property   { return each(isLanguage, names) }

// open are strings that come from an open vocabulary.
func open(v vocabulary, names ...string) []property {
	return change(text(names...), func(p *property) { p.open = v })
}

// entries are dictionaries whose values are of certain kinds: '"' for strings, '0' for
// integers, '[' for lists of strings.
func entries(of string, names ...string) []property {
	return change(dictionary(names...), func(p *property) { p.entries = of })
}

// natural are integers from 0 on.
func natural(names ...string) []property { return within(0, maxNumber, integer(names...)) }

// reference are identifiers of objects of certain types; nil allows any.
func reference(to *targets, names ...string) []property {
	return change(each(isReference, names), func(p *property) { p.targets = to })
}

// enum is a property with a closed list of values.
func enum(name string, values ...string) []property {
	return change(each(isEnum, []string{name}), func(p *property) { p.values = values })
}

// object is a property that is an object of a shape.
func object(s *shape, names ...string) []property {
	return change(each(isObject, names), func(p *property) { p.shape = s })
}

// extensions is the property of that name, with the predefined extensions of a type.
func extensions(known map[string]*shape) []property {
	return change(each(isExtensions, []string{"extensions"}), func(p *property) { p.known = known })
}

func needed(all []property) []property {
	return change(all, func(p *property) { p.required = true })
}

func listed(all []property) []property {
	return change(all, func(p *property) { p.list = true })
}

func within(low, high float64, all []property) []property {
	return change(all, func(p *property) { p.bounded, p.low, p.high = true, low, high })
}

func change(all []property, how func(*property)) []property {
	for i := range all {
		how(&all[i])
	}
	return all
}

func each(k kind, names []string) []property {
	all := make([]property, len(names))
	for i, name := range names {
		all[i] = property{name: name, kind: k}
	}
	return all
}
