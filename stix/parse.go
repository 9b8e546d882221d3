package stix

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	entente "entente"
)

// maxFindings is how many findings one object is given; a last one then says that there
// were more. A fault is always among them.
const maxFindings = 64

// maxNumber is the largest magnitude of a number, 2^53-1: beyond it receivers read
// different values out of one text (RFC 7493 §2.2).
const maxNumber = 1<<53 - 1

// Parse reads one STIX object of version 2.1 or 2.0 and checks its structure. It gives
// nil if any finding is a Fault. These are faults, because what is left could not be
// named, ordered or protected: raw is not I-JSON (RFC 7493: malformed, duplicate names,
// invalid UTF-8, numbers beyond 2^53-1) or is nested deeper than [MaxDepth]; it is no
// object, or a bundle; type, id, spec_version, created or modified is malformed, or type
// or id is missing; created_by_ref, revoked, labels, confidence, object_marking_refs or
// granular_markings is of a wrong kind; a marking cannot be read. Everything else that
// breaks the standard is a Warning.
//
// Version.Bytes is a copy of raw without the white space around it. Version.Spec is
// spec_version if the object has one; if not, 2.1 for cyber-observables and 2.0 for
// everything else, whatever the bundle around it says. A custom type without it counts as
// 2.1 if it has no created, as only cyber-observables may, or declares an extension.
//
// Findings name the section that is broken. A fault in a common property names STIX 2.1
// even where the object may be of 2.0: it is found before that is known.
//
// Parse may be called from several goroutines at once.
func Parse(raw []byte) (*entente.Version, []entente.Finding) {
	raw = bytes.Trim(raw, " \t\r\n")
	s := getScratch()
	defer s.put()
	if bad := s.read(raw); bad != nil {
		return nil, []entente.Finding{*bad}
	}
	c := checker{tape: &s.tape}
	v := c.held(s, raw)
	if v == nil {
		return nil, c.findings
	}
	c.structure(v)
	if c.faulty {
		return nil, c.findings
	}
	c.deterministicID(v)
	c.selectors(v)
	return v, c.findings
}

// Held reads an object that [Parse] has taken before, and gives the same version. It says
// nothing of it, which is half of the work; nil if it is not such an object after all.
func Held(raw []byte) *entente.Version {
	raw = bytes.Trim(raw, " \t\r\n")
	s := getScratch()
	defer s.put()
	if bad := s.read(raw); bad != nil {
		return nil
	}
	c := checker{tape: &s.tape}
	return c.held(s, raw)
}

// held gives the version, nil if there is a fault.
func (c *checker) held(s *scratch, raw []byte) *entente.Version {
	if c.nodes[0].kind != '{' {
		c.fault(0, "STIX 2.1 §1.2.10", "it is %s, not a JSON object", kindName(c.nodes[0].kind))
		return nil
	}
	v := &entente.Version{Confidence: -1}
	if c.common(v); c.faulty {
		return nil
	}
	c.references(v)
	c.dissent(v)
	v.Digest = sha256.Sum256(s.canonical)
	v.Bytes = bytes.Clone(raw)
	return v
}

// checker collects what there is to say about the object on its tape.
type checker struct {
	*tape
	findings         []entente.Finding
	faulty           bool // there is a fault among them
	full             bool // there were more than maxFindings
	two              bool // the object is of STIX 2.0
	open             bool // the type is a custom one, which may have any property
	inside, insideTo int  // the nodes in the container of an observed-data object
	objectType       string
	strangers        []int // the first properties that the standard does not know
	misnamed         int   // the first of those whose name is malformed, 0 for none
}

// skips reports whether a finding of this severity would not be listed any more. Callers
// ask before they look for its path, so that a million faults cost no million searches.
func (c *checker) skips(severity entente.Severity) bool {
	return c.full && (severity == entente.Warning || c.faulty)
}

func (c *checker) add(severity entente.Severity, path, section, format string, args []any) {
	if c.skips(severity) {
		return
	}
	f := entente.Finding{Severity: severity, Property: path, Section: section, Text: fmt.Sprintf(format, args...)}
	last := maxFindings - 1
	switch {
	case len(c.findings) < last:
		c.findings = append(c.findings, f)
	case severity == entente.Fault && !c.faulty && len(c.findings) > last:
		c.findings[last-1] = f // in place of a warning
	case severity == entente.Fault && !c.faulty:
		c.findings = append(c.findings, f)
		c.full = true
	default:
		c.findings = append(c.findings, entente.Finding{Severity: entente.Warning,
			Text: "there is more to say about this object than is listed here"})
		c.full = true
	}
	c.faulty = c.faulty || severity == entente.Fault
}

// fault and warn speak about node k.
func (c *checker) fault(k int, section, format string, args ...any) {
	if !c.skips(entente.Fault) {
		c.add(entente.Fault, c.path(k), section, format, args)
	}
}

func (c *checker) warn(k int, section, format string, args ...any) {
	if !c.skips(entente.Warning) {
		c.add(entente.Warning, c.path(k), section, format, args)
	}
}

// lacks warns of a property that object k should have.
func (c *checker) lacks(k int, name, section string) {
	if c.skips(entente.Warning) {
		return
	}
	path := []byte(c.path(k))
	c.add(entente.Warning, string(appendName(path, name)), section, "it is required and missing", nil)
}

func kindName(kind byte) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	}
	return "null"
}
