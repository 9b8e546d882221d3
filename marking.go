package entente

import (
	"fmt"
	"slices"
	"strings"
)

// Marking is handling terms: one marking, or several joined.
type Marking struct {
	TLP     TLP
	PAP     PAP
	Unknown []ObjectID // marking definitions without a known rule, each once, sorted
}

// Join gives the terms of what is under both markings: the stricter of each. It is
// idempotent, commutative and associative, and no join permits what a part of it denies;
// [TLPNone] is no part, but the absence of one.
func (m Marking) Join(o Marking) Marking {
	out := Marking{TLP: max(m.TLP, o.TLP), PAP: max(m.PAP, o.PAP)}
	switch {
	case len(o.Unknown) == 0:
		out.Unknown = m.Unknown
	case len(m.Unknown) == 0:
		out.Unknown = o.Unknown
	default:
		out.Unknown = slices.Concat(m.Unknown, o.Unknown)
		slices.Sort(out.Unknown)
		out.Unknown = slices.Compact(out.Unknown)
	}
	return out
}

// String tells the marking in a few words: "tlp:amber, pap:green", "unmarked". Of unknown
// definitions it names the first four.
func (m Marking) String() string {
	var parts []string
	if m.TLP == TLPNone {
		parts = append(parts, "unmarked")
	} else {
		parts = append(parts, "tlp:"+m.TLP.String())
	}
	if m.PAP != PAPNone {
		parts = append(parts, "pap:"+m.PAP.String())
	}
	const most = 4
	for i, id := range m.Unknown {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more unknown", len(m.Unknown)-most))
			break
		}
		parts = append(parts, "unknown "+clip(string(id)))
	}
	return strings.Join(parts, ", ")
}

// EffectiveMarking joins all that marks a version: its object markings, its granular
// markings (whatever they select, and whether or not it is there), the floor of the
// collection and home's restriction; either is [TLPNone] where there is none. A granular
// entry that names a language marks nothing.
//
// The definitions of TLP, and those that PAP fixes, are known by their ids. Of every other
// marking definition define tells what it is, [UnknownDefinition] where home does not hold
// it. A reference to anything else is unknown too.
func EffectiveMarking(v *Version, define func(ObjectID) Definition, floor, restriction TLP) Marking {
	m := Marking{TLP: max(floor, restriction)}
	for _, id := range v.Markings {
		m.add(id, define)
	}
	for _, g := range v.Granular {
		if g.Marking != "" {
			m.add(g.Marking, define)
		}
	}
	slices.Sort(m.Unknown)
	m.Unknown = slices.Compact(m.Unknown)
	return m
}

// add joins what one marking definition imposes, and leaves Unknown to be sorted: an object
// may name very many. Only the fixed ids make a level of TLP.
func (m *Marking) add(id ObjectID, define func(ObjectID) Definition) {
	if t, ok := TLPOf(id); ok {
		m.TLP = max(m.TLP, t)
		return
	}
	if p, ok := PAPOf(id); ok {
		m.PAP = max(m.PAP, p)
		return
	}
	if id.Type() == "marking-definition" {
		switch d := define(id); {
		case d.Kind == StatementDefinition:
			return
		case d.Kind == PAPDefinition && d.PAP != PAPNone:
			m.PAP = max(m.PAP, d.PAP)
			return
		}
	}
	m.Unknown = append(m.Unknown, id)
}

// Recipient is who would receive, from the widest circle to the narrowest. Whoever is in
// one of them is in all before it, as far as TLP is concerned: what may go to a wider
// circle may go to a narrower one.
type Recipient uint8

// The circles of TLP 2.0.
const (
	ToAnyone       Recipient = iota
	ToCommunity              // the circle that TLP:GREEN means
	ToClient                 // somebody whom the recipient's organisation serves
	ToOrganisation           // the recipient's organisation
	ToIndividual             // somebody named; never a feed
)

// Permits tells who may receive what is marked so (FIRST, TLP 2.0): CLEAR anyone; GREEN the
// community; AMBER the recipient's organisation and its clients; AMBER+STRICT the
// recipient's organisation; RED named individuals. What is unmarked, or marked by something
// unknown, nobody.
func (m Marking) Permits(to Recipient) bool {
	if len(m.Unknown) > 0 {
		return false
	}
	switch m.TLP {
	case TLPClear:
		return true
	case TLPGreen:
		return to >= ToCommunity
	case TLPAmber:
		return to >= ToClient
	case TLPAmberStrict:
		return to >= ToOrganisation
	case TLPRed:
		return to >= ToIndividual
	}
	return false
}

// OnwardTo is what somebody is to home to whom home would pass on what another originated.
type OnwardTo struct {
	SameCommunity bool // in the community in which home received it
	Client        bool // an organisation that home serves
}

// PermitsOnward tells whether a node that is not the origin may pass on what is marked so,
// by the marking alone: CLEAR to everyone; GREEN inside the community; AMBER to its own
// clients; AMBER+STRICT, RED, unmarked and unknown to nobody.
//
// A client counts as inside the community: AMBER permits him, so GREEN, which is laxer,
// does. Otherwise GREEN joined with AMBER would permit what GREEN alone denies.
func (m Marking) PermitsOnward(to OnwardTo) bool {
	if len(m.Unknown) > 0 {
		return false
	}
	switch m.TLP {
	case TLPClear:
		return true
	case TLPGreen:
		return to.SameCommunity || to.Client
	case TLPAmber:
		return to.Client
	}
	return false
}
