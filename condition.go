package entente

import (
	"cmp"
	"slices"
)

// Condition is one match field of the TAXII 2.1 interoperability tests: an object meets it
// by any one of the values. Conditions are joined by AND.
type Condition struct {
	Field  string   // the name of a [ConditionField]
	Values []string // at least one, each in the form of the field's kind, sorted, each once
}

// MatchKind is what the values of a match field are: how they are written in a
// [Condition], and when a value of an object equals them.
type MatchKind uint8

// The kinds of values.
const (
	MatchText    MatchKind = iota // any string; equal letter by letter
	MatchHex                      // a string in lower case; equal whatever the case within ASCII
	MatchInteger                  // decimal, within ±(2^53-1), without leading zeros; equal as numbers
	MatchBoolean                  // true or false
	MatchInstant                  // a STIX timestamp with at least six fraction digits; equal as moments
	MatchID                       // a STIX identifier
	MatchTLP                      // a level of TLP: see [ParseTLP]
)

// MatchPlace is where in an object a match field looks.
type MatchPlace uint8

// The places.
const (
	OnTop      MatchPlace = iota // a property of the object itself: its value, or an element of its list
	Inside                       // the same of a property of that name anywhere below the top
	References                   // every property whose name ends in _ref or _refs, at any depth
	Markings                     // object_marking_refs, and the marking_ref of granular markings
)

// MatchBound is how a value of an object is held against those of a condition.
type MatchBound uint8

// The bounds.
const (
	Equal   MatchBound = iota
	AtLeast            // a condition has one value: the lowest
	AtMost             // a condition has one value: the highest
)

// ConditionField says what one match field means.
type ConditionField struct {
	Name     string // as in match[NAME]
	Property string // the property, "" for References and Markings
	Place    MatchPlace
	Kind     MatchKind
	Bound    MatchBound
	Absent   string // the value that an object without the property has by the standard, "" for none
	Indexed  bool   // objects are found by its values, and need not be looked through
}

// conditionFields are the fields of the interoperability tests, by name.
var conditionFields = makeConditionFields()

// FindConditionField finds a field by its name.
func FindConditionField(name string) (ConditionField, bool) {
	i, ok := slices.BinarySearchFunc(conditionFields, name, func(f ConditionField, name string) int { return cmp.Compare(f.Name, name) })
	if !ok {
		return ConditionField{}, false
	}
	return conditionFields[i], true
}

// ConditionFields lists all fields, by name.
func ConditionFields() []ConditionField { return slices.Clone(conditionFields) }

func makeConditionFields() []ConditionField {
	var out []ConditionField
	add := func(f ConditionField, names ...string) {
		for _, name := range names {
			f.Name, f.Property = name, name
			out = append(out, f)
		}
	}
	// Properties of the object itself; those that name it are indexed.
	add(ConditionField{}, "account_type", "context", "data_type", "encryption_algorithm", "identity_class", "opinion", "pattern",
		"pattern_type", "primary_motivation", "region", "relationship_type", "resource_level", "result", "sophistication", "subject")
	add(ConditionField{Indexed: true}, "name", "value")
	add(ConditionField{Kind: MatchInteger}, "confidence", "dst_port", "number", "src_port")
	add(ConditionField{Kind: MatchBoolean, Absent: "false"}, "revoked") // STIX 2.1 §3.2, STIX 2.0 Part 1 §3.1
	// Lists of the object itself.
	add(ConditionField{}, "architecture_execution_envs", "capabilities", "extension_types", "implementation_languages",
		"indicator_types", "infrastructure_types", "labels", "malware_types", "personal_motivations", "report_types", "roles",
		"secondary_motivations", "sectors", "threat_actor_types", "tool_types")
	add(ConditionField{Indexed: true}, "aliases")
	// Properties inside it.
	add(ConditionField{Place: Inside}, "address_family", "integrity_level", "pe_type", "phase_name", "service_status",
		"service_type", "socket_type", "source_name", "start_type")
	add(ConditionField{Place: Inside, Indexed: true}, "external_id", "SSDEEP", "TLSH")
	add(ConditionField{Place: Inside, Kind: MatchHex, Indexed: true}, "MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256", "SHA3-512")
	out = append(out,
		ConditionField{Name: "tlp", Place: Markings, Kind: MatchTLP},
		ConditionField{Name: "relationships-all", Place: References, Kind: MatchID, Indexed: true})
	// Ranges.
	bounded := func(bound MatchBound, suffix string, kind MatchKind, properties ...string) {
		for _, p := range properties {
			out = append(out, ConditionField{Name: p + suffix, Property: p, Kind: kind, Bound: bound})
		}
	}
	bounded(AtLeast, "-gte", MatchInteger, "confidence", "number", "src_port", "dst_port")
	bounded(AtMost, "-lte", MatchInteger, "confidence", "number", "src_port", "dst_port")
	bounded(AtLeast, "-gte", MatchInstant, "modified", "valid_until")
	bounded(AtMost, "-lte", MatchInstant, "modified", "valid_from")
	slices.SortFunc(out, func(a, b ConditionField) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
