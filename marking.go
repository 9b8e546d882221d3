package entente

// TLP is a level of the Traffic Light Protocol (FIRST, TLP 2.0), in the order of strictness.
// TLP 1 has no AMBER+STRICT, and its WHITE is CLEAR.
type TLP uint8

// The levels. TLPNone is the absence of one: the object is unmarked.
const (
	TLPNone TLP = iota
	TLPClear
	TLPGreen
	TLPAmber
	TLPAmberStrict
	TLPRed
)

// PAP is a level of the Permissible Actions Protocol, in the order of strictness. It tells
// a recipient what he may do, and gates no release.
type PAP uint8

// The levels of PAP. PAPNone is the absence of one.
const (
	PAPNone PAP = iota
	PAPClear
	PAPGreen
	PAPAmber
	PAPRed
)

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
	Kind DefinitionKind
	TLP  TLP
	PAP  PAP
}

// Marking is handling terms: one marking, or several joined.
type Marking struct {
	TLP     TLP
	PAP     PAP
	Unknown []ObjectID // marking definitions without a known rule, each once, sorted
}
