package stix

import (
	"bytes"
	"net/netip"
)

// ObservableKind is what an observable value is.
type ObservableKind string

// The kinds of observable values, and how a value of each is normalised. White space
// around a value is never part of it; letters are folded within ASCII only.
const (
	KindIPv4          ObservableKind = "ipv4"               // an address, or a range masked and in CIDR notation; a mapped IPv6 address is the IPv4 one
	KindIPv6          ObservableKind = "ipv6"               // the same, in the form of RFC 5952, without a zone
	KindDomain        ObservableKind = "domain"             // lower case, no dot at the end; IDNA as it is
	KindURL           ObservableKind = "url"                // scheme and host in lower case, the rest as it is
	KindEmail         ObservableKind = "email"              // the part behind the @ as a domain, the rest as it is
	KindMAC           ObservableKind = "mac"                // lower case, colons
	KindHash          ObservableKind = "hash"               // lower case if it is hexadecimal, else as it is
	KindFileName      ObservableKind = "file-name"          // as it is
	KindPath          ObservableKind = "path"               // as it is
	KindAccount       ObservableKind = "account"            // as it is: an id, a login, a display name, a SID
	KindMutex         ObservableKind = "mutex"              // as it is
	KindRegistryKey   ObservableKind = "registry-key"       // lower case, the hive in full, no backslash at the end
	KindRegistryValue ObservableKind = "registry-value"     // as it is: the name or the data of a value
	KindASN           ObservableKind = "asn"                // decimal digits
	KindSerial        ObservableKind = "certificate-serial" // lower case without separators if it is hexadecimal
	KindCertificate   ObservableKind = "certificate-name"   // as it is: a subject or an issuer
	KindSoftware      ObservableKind = "software"           // as it is: a name or a SWID tag
	KindCPE           ObservableKind = "cpe"                // lower case
	KindProcess       ObservableKind = "process"            // as it is: a name or a service
	KindCommand       ObservableKind = "command-line"       // as it is
	KindSubject       ObservableKind = "email-subject"      // as it is
	KindMessage       ObservableKind = "message-id"         // as it is
	KindUserAgent     ObservableKind = "user-agent"         // as it is
	KindText          ObservableKind = "text"               // as it is: a value of a type that the standard does not know
)

// MaxObservable is the longest value that is an [Observable], in bytes: longer ones are
// payloads, which nobody looks up.
const MaxObservable = 4 << 10

// Observable is a value by which a version can be found.
//
// Look values up by Value: equal Values of two kinds are both what was asked for. Kind
// says what a Value is, and Prefix is for finding a range by an address within it.
type Observable struct {
	Kind      ObservableKind
	Value     string       // normalised as its kind says, never empty, without NUL
	Algorithm string       // of a hash, as STIX names it, such as "SHA-256"; "" if unknown
	Prefix    netip.Prefix // of an address (all bits) or a range, masked; else not valid
}

// Observables gives the values that an object names as observable, each (kind, value)
// once, in their order; nil if raw is not an object that [Parse] could read. These are:
//
//   - of a cyber-observable (STIX 2.1 §6), and of each that an observed-data object
//     embeds (STIX 2.0 Part 2 §2.8, STIX 2.1 §4.14): the properties that name it, hashes
//     at any depth, and what the predefined extensions name. Where it is marked as
//     defanged its values are made whole. Of one that is not in the standard, its
//     hashes, and "value" if it has that;
//   - of an indicator with a STIX pattern: the constants that a path is wanted to equal,
//     by =, IN, ISSUBSET, and LIKE without wildcards. What stands behind NOT or != is not
//     what the indicator is about. A pattern with a fault that leaves its values beyond
//     doubt counts; another gives none.
//
// An observed-data object of STIX 2.1 refers to its observables: those carry the values.
func Observables(raw []byte) []Observable {
	s := getScratch()
	defer s.put()
	t := &s.tape
	if !t.read(bytes.Trim(raw, " \t\r\n")) || t.nodes[0].kind != '{' {
		return nil
	}
	k := t.member(0, "type")
	if k == 0 || t.nodes[k].kind != '"' {
		return nil
	}
	x := extractor{tape: t}
	if objectType := t.string(k); objectType != "indicator" {
		x.version(objectType)
	} else if k := t.stixPattern(0); k > 0 {
		p := new(Pattern)
		if _, usable := p.parse(t.string(k)); usable {
			x.pattern(p)
		}
	}
	return x.found
}

// Observables gives what [Observables] gives of an indicator with this pattern.
func (p *Pattern) Observables() []Observable {
	x := extractor{}
	x.pattern(p)
	return x.found
}
