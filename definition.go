package entente

import "slices"

// DefinitionKind is what a marking definition is to the rules.
type DefinitionKind uint8

// The kinds of marking definitions. UnknownDefinition is the zero value: what nobody knows
// withholds.
const (
	UnknownDefinition   DefinitionKind = iota // no rule for it is known here
	TLPDefinition                             // one of the definitions of TLP 1 or TLP 2.0
	PAPDefinition                             // states a level of PAP
	StatementDefinition                       // a text without a rule (STIX 2.1 §7.2.1.3)
)

// Definition is what a marking definition says, as far as a rule needs it.
type Definition struct {
	Kind    DefinitionKind
	Missing bool // nobody whose word counts has supplied the definition yet
	TLP     TLP
	PAP     PAP
}

// StrictestDefinition says what a marking definition is of which several contents are held.
// Whoever may post can post another content for somebody else's definition, so none of them
// may soften what another says: one that is unknown makes it unknown, a level counts more
// than a statement, and the strictest level counts. Of nothing it makes an unknown one.
func StrictestDefinition(all []Definition) Definition {
	if len(all) == 0 {
		return Definition{}
	}
	out := Definition{Kind: StatementDefinition}
	levels := 0 // of TLP
	for _, d := range all {
		switch {
		case d.Kind == TLPDefinition:
			levels++
			out.Kind, out.TLP = TLPDefinition, max(out.TLP, d.TLP)
		case d.Kind == PAPDefinition:
			out.Kind, out.PAP = PAPDefinition, max(out.PAP, d.PAP)
		case d.Kind != StatementDefinition:
			return Definition{}
		}
	}
	if levels > 0 && levels < len(all) {
		return Definition{} // the ids of TLP are fixed: here something is amiss
	}
	return out
}

// HeldDefinition is one content of a marking definition, and who supplied it.
type HeldDefinition struct {
	Definition
	Sources []string // ids of organisations
}

// DefinitionFor says what a marking definition is on an object that source supplied. All
// contents that are held make it stricter, whoever supplied them, as [StrictestDefinition]
// says. None makes it known unless source or home supplied one: else a partner could
// supply a statement under the id of a definition that another kept to itself, and so take
// the marking off the other's objects.
func DefinitionFor(source, home string, held []HeldDefinition) Definition {
	known := false
	all := make([]Definition, 0, len(held))
	for _, h := range held {
		all = append(all, h.Definition)
		known = known || slices.Contains(h.Sources, source) || slices.Contains(h.Sources, home)
	}
	if !known {
		return Definition{Missing: true}
	}
	return StrictestDefinition(all)
}
