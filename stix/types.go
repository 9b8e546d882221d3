package stix

// class is the family of a type of object.
type class uint8

const (
	custom     class = iota // not in the standard
	domain                  // STIX 2.1 §4
	relation                // §5
	observable              // §6
	meta                    // §7
)

// classes are the types of the standard (STIX 2.1 §4 to §7).
var classes = map[string]class{
	"attack-pattern": domain, "campaign": domain, "course-of-action": domain,
	"grouping": domain, "identity": domain, "incident": domain, "indicator": domain,
	"infrastructure": domain, "intrusion-set": domain, "location": domain,
	"malware": domain, "malware-analysis": domain, "note": domain,
	"observed-data": domain, "opinion": domain, "report": domain,
	"threat-actor": domain, "tool": domain, "vulnerability": domain,

	"relationship": relation, "sighting": relation,

	"artifact": observable, "autonomous-system": observable, "directory": observable,
	"domain-name": observable, "email-addr": observable, "email-message": observable,
	"file": observable, "ipv4-addr": observable, "ipv6-addr": observable,
	"mac-addr": observable, "mutex": observable, "network-traffic": observable,
	"process": observable, "software": observable, "url": observable,
	"user-account": observable, "windows-registry-key": observable,
	"x509-certificate": observable,

	"marking-definition": meta, "language-content": meta, "extension-definition": meta,
}

// of are the targets of a reference by name.
func of(types ...string) *targets {
	what := ""
	for i, t := range types {
		if i > 0 {
			what += " or "
		}
		what += t
	}
	return &targets{what: what, ok: func(t []byte) bool {
		for _, want := range types {
			if string(t) == want {
				return true
			}
		}
		return false
	}}
}

// Targets by class. A custom type may be of any class.
var (
	toObservable = among("a cyber-observable", observable)
	toDomain     = among("a domain object", domain)
	toRelated    = among("a domain object or a cyber-observable", domain, observable)
	toSeen       = among("a cyber-observable or a relationship", observable, relation)
)

func among(what string, allowed ...class) *targets {
	return &targets{what: what, ok: func(t []byte) bool {
		c := classes[string(t)]
		for _, a := range allowed {
			if c == a {
				return true
			}
		}
		return c == custom && string(t) != "bundle"
	}}
}
