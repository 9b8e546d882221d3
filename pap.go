package entente

import (
	"slices"
	"strings"
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

// papNames are the names of the levels, as [PAP.String] gives them.
var papNames = [...]string{"none", "clear", "green", "amber", "red"}

// papDefinitions are the marking definitions that the extension for PAP fixes ("PAP Marking
// Definition for STIX 2.1", OASIS common objects, section 2). Like those of TLP they need
// not be sent along. CLEAR has a second one, of its former name WHITE.
var papDefinitions = map[ObjectID]PAP{
	"marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92": PAPClear,
	"marking-definition--a3bea94c-b469-41dc-9cfe-d6e7daba7730": PAPClear,
	"marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9": PAPGreen,
	"marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab": PAPAmber,
	"marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e": PAPRed,
}

// String is the name of the level: none, clear, green, amber or red.
func (p PAP) String() string {
	if int(p) < len(papNames) {
		return papNames[p]
	}
	return "no level of PAP"
}

// ParsePAP reads the name of a level in upper or lower case, with or without "PAP:" before
// it; "white" is clear. There is no name for [PAPNone].
func ParsePAP(s string) (PAP, bool) {
	name := strings.TrimPrefix(strings.ToLower(s), "pap:")
	if name == "white" {
		return PAPClear, true
	}
	i := slices.Index(papNames[PAPClear:], name)
	if i < 0 {
		return PAPNone, false
	}
	return PAPClear + PAP(i), true
}

// PAPOf gives the level that a marking definition states by its id. Others state one by
// what they say, which takes the object.
func PAPOf(id ObjectID) (PAP, bool) {
	p, ok := papDefinitions[id]
	return p, ok
}

// MarshalText writes the level as answers do: "pap:amber", and nothing for [PAPNone].
func (p PAP) MarshalText() ([]byte, error) {
	switch {
	case p == PAPNone:
		return []byte{}, nil
	case int(p) >= len(papNames):
		return nil, Errorf(Internal, "%d is no level of PAP", p)
	}
	return []byte("pap:" + papNames[p]), nil
}

// UnmarshalText reads what [ParsePAP] reads; an empty text is [PAPNone]. Invalid for others.
func (p *PAP) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = PAPNone
		return nil
	}
	level, ok := ParsePAP(string(text))
	if !ok {
		return Errorf(Invalid, "%q is no level of PAP: give pap:clear, pap:green, pap:amber or pap:red", clip(string(text)))
	}
	*p = level
	return nil
}
