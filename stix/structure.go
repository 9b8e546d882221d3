package stix

import (
	"strings"

	entente "entente"
)

// spec decides to which version of the standard the object was written. Without
// spec_version a cyber-observable is of 2.1 and anything else of 2.0 (STIX 2.1 §3.2). A
// custom type is of 2.1 if it uses what only 2.1 has: a declared extension, or having no
// created, as only cyber-observables may.
func (c *checker) spec(v *entente.Version, k int) {
	v.Spec = entente.Spec20
	switch {
	case k > 0:
		if !c.mustBe(k, '"', "a string") {
			return
		}
		switch s := c.string(k); s {
		case "2.0":
		case "2.1":
			v.Spec = entente.Spec21
		default:
			c.fault(k, "STIX 2.1 §3.2", "%q is not a version of STIX that is understood: 2.0 or 2.1", clip(s))
		}
	case classes[v.Type] == observable:
		v.Spec = entente.Spec21
	case classes[v.Type] == custom && (v.Created.IsZero() || c.declares("")):
		v.Spec = entente.Spec21
	}
	c.two = v.Spec == entente.Spec20
}

// structure checks the object against the tables.
func (c *checker) structure(v *entente.Version) {
	s := shapes21[v.Type]
	if c.two {
		s = shapes20[v.Type]
		if two := shapes21[v.Type]; s == nil && two != nil {
			// STIX 2.0 has no such type; what 2.1 says of it is then the best measure.
			c.add(entente.Warning, "spec_version", "STIX 2.1 §3.2", "it is not 2.1, and STIX 2.0 does not know the type %q", []any{v.Type})
			s, c.two = two, false
		}
	}
	if s == nil {
		s = c.customShape(v)
	}
	c.objectType = v.Type
	c.members(0, s)
	if v.Spec == entente.Spec21 && s.byName["created"] != nil && c.member(0, "spec_version") == 0 {
		c.lacks(0, "spec_version", "STIX 2.1 §3.2") // it is of 2.1 by its extension
	}
	c.versioning(v, s)
	c.report()
}

// customShape is what is known of a type that is not in the standard.
func (c *checker) customShape(v *entente.Version) *shape {
	declared := c.declares("")
	section := "STIX 2.1 §11.2.1"
	if c.two {
		section = "STIX 2.0 Part 1 §7.2"
	}
	t := v.Type
	switch {
	case len(t) < 3 || t[0] == '-' || t[len(t)-1] == '-' || strings.Contains(t, "--"):
		c.add(entente.Warning, "type", section, "%q is not a well-formed type: at least 3 characters, single hyphens between words", []any{clip(t)})
	case !declared && !strings.HasPrefix(t, "x-"):
		c.add(entente.Warning, "type", section, "%q is not a type of the standard: declare it in an extension, or begin it with x-", []any{clip(t)})
	}
	c.open = true
	switch {
	case c.two:
		return shapeCustom20
	}
	sco, others := c.declares("new-sco"), c.declares("new-sdo") || c.declares("new-sro")
	if sco && !others || sco == others && v.Created.IsZero() {
		return shapeCustomObservable
	}
	return shapeCustom
}

// versioning checks created, modified and the kinds of their references.
func (c *checker) versioning(v *entente.Version, s *shape) {
	section := "STIX 2.1 §3.6.1"
	if c.two {
		section = "STIX 2.0 Part 1 §3.4"
	}
	if !v.Created.IsZero() && !v.Modified.IsZero() && v.Modified.Compare(v.Created) < 0 {
		c.add(entente.Warning, "modified", section, "%s is before created, which is %s", []any{v.Modified.Text, v.Created.Text})
	}
	if s.byName["created"] != nil {
		c.precise("created", v.Created)
	}
	if s.byName["modified"] != nil {
		c.precise("modified", v.Modified)
	}
	if v.CreatedBy != "" && !strings.HasPrefix(string(v.CreatedBy), "identity--") {
		section := "STIX 2.1 §3.2"
		if c.two {
			section = "STIX 2.0 Part 1 §3.1"
		}
		c.add(entente.Warning, "created_by_ref", section, "%q is not an identity", []any{clip(string(v.CreatedBy))})
	}
	for _, list := range [...]struct {
		name string
		n    int
	}{{"labels", len(v.Labels)}, {"object_marking_refs", len(v.Markings)}, {"granular_markings", len(v.Granular)}} {
		if list.n == 0 {
			if k := c.member(0, list.name); k > 0 {
				c.warn(k, c.data(sectionLists), emptyList)
			}
		}
	}
	for _, m := range v.Markings {
		c.isMarking("object_marking_refs", m)
	}
	for _, g := range v.Granular {
		c.isMarking("granular_markings", g.Marking)
	}
}

// precise wants milliseconds at least (STIX 2.1 §3.2).
func (c *checker) precise(name string, in entente.Instant) {
	const milliseconds = len("2006-01-02T15:04:05.000Z")
	if !in.IsZero() && len(in.Text) < milliseconds {
		section := "STIX 2.1 §3.2"
		if c.two {
			section = "STIX 2.0 Part 1 §3.1"
		}
		c.add(entente.Warning, name, section, "%s is not precise to the millisecond", []any{in.Text})
	}
}

func (c *checker) isMarking(where string, id entente.ObjectID) {
	if id != "" && !strings.HasPrefix(string(id), "marking-definition--") {
		section := "STIX 2.1 §7.2.2"
		if c.two {
			section = "STIX 2.0 Part 1 §4.2"
		}
		c.add(entente.Warning, where, section, "%q is not a marking definition", []any{clip(string(id))})
	}
}
