package entente

// Spec is the version of the STIX standard that an object was written to.
type Spec uint8

// The specification versions that are understood, in their order.
const (
	Spec20 Spec = 20
	Spec21 Spec = 21
)

// String is the specification version as TAXII and STIX write it.
func (s Spec) String() string {
	if s == Spec20 {
		return "2.0"
	}
	return "2.1"
}

// Version is one (id, modified) of a STIX object with its exact bytes. It never changes.
type Version struct {
	ID         ObjectID
	Type       string
	Spec       Spec
	Created    Instant // zero if the object has none
	Modified   Instant // zero if the object has none
	CreatedBy  ObjectID
	Revoked    bool
	Confidence int // 0 to 100, -1 if the object states none
	Labels     []string
	Markings   []ObjectID        // object_marking_refs, in order
	Granular   []GranularMarking // granular_markings, in order
	References []ObjectID        // every value of a _ref or _refs property that is an identifier, at any depth, once each
	Dissent    []ObjectID        // what it dissents from: the objects of an opinion against them, or of a note marked as dissent
	Digest     Digest            // SHA-256 of the canonical form
	Bytes      []byte            // as they came in
}

// GranularMarking marks parts of an object (STIX 2.1 §7.2.3).
type GranularMarking struct {
	Marking   ObjectID // "" where the entry names a language
	Lang      string
	Selectors []string
}

// Stamp is the moment that names this version among those of its object: modified,
// else created. It is zero for an object with neither (most observables); the node
// then gives it the time at which it was added (TAXII 2.1 §3.4.1).
func (v *Version) Stamp() Instant {
	if !v.Modified.IsZero() {
		return v.Modified
	}
	return v.Created
}

// Severity tells a finding that refuses an object from one that only reports.
type Severity uint8

// The severities of a [Finding].
const (
	Warning Severity = iota // the object is taken; the standard is broken
	Fault                   // the bytes cannot be taken as a STIX object
)

// String is "warning" or "error".
func (s Severity) String() string {
	if s == Fault {
		return "error"
	}
	return "warning"
}

// Finding is one thing that validation has to say about an object.
type Finding struct {
	Severity Severity
	Property string // the path of the property, "" for the object as a whole
	Section  string // where the standard says so, as "STIX 2.1 §2.9"
	Text     string // what is wrong and what is expected
}
