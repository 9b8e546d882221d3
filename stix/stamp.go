package stix

import (
	"bytes"
	"slices"

	entente "entente"
)

const markingRefs = "object_marking_refs"

// Stamp gives a copy of an object that is marked, besides, with a marking definition: its
// id stands last in object_marking_refs (STIX 2.1 §7.2.2, STIX 2.0 Part 1 §4.2), which is
// made if it is missing. Every byte of the object stays, apart from white space around it;
// the id is written into the text. An object that has the id there already is given back
// as it is. Invalid where raw is nothing that [Parse] takes, or marking is not the id of a
// marking definition.
func Stamp(raw []byte, marking entente.ObjectID) (*entente.Version, error) {
	if id, err := entente.ParseObjectID(string(marking)); err != nil || id.Type() != "marking-definition" {
		return nil, entente.Errorf(entente.Invalid, "objects are stamped with a marking definition, which %q is not", clip(string(marking)))
	}
	v, findings := Parse(raw)
	if v == nil {
		return nil, refusal(findings)
	}
	if slices.Contains(v.Markings, marking) {
		return v, nil
	}
	at, text := placeOfMarking(v.Bytes, string(marking))
	stamped, findings := Parse(slices.Concat(v.Bytes[:at], []byte(text), v.Bytes[at:]))
	if stamped == nil {
		return nil, refusal(findings)
	}
	return stamped, nil
}

// placeOfMarking tells where in an object that [Parse] took a marking is to be added, and
// the text that adds it.
func placeOfMarking(raw []byte, marking string) (at int, text string) {
	s := getScratch()
	defer s.put()
	t := &s.tape
	t.read(raw)
	k := t.member(0, markingRefs)
	if k == 0 { // behind the last member; there is one, for an object has a type
		return len(bytes.TrimRight(raw[:len(raw)-1], " \t\r\n")), `,"` + markingRefs + `":["` + marking + `"]`
	}
	first, end := t.children(k)
	if first == end {
		return int(t.nodes[k].from) + 1, `"` + marking + `"`
	}
	return int(t.nodes[end-1].to) + 1, `,"` + marking + `"` // the last of the list, a string
}

// refusal is the first fault among findings as an error.
func refusal(findings []entente.Finding) error {
	const text = "this cannot be taken as a STIX object"
	for _, f := range findings {
		if f.Severity != entente.Fault {
			continue
		}
		why := f.Text
		if f.Property != "" {
			why = f.Property + ": " + why
		}
		return entente.Errorf(entente.Invalid, "%s: %s (%s)", text, why, f.Section)
	}
	return entente.Errorf(entente.Invalid, text)
}
