package entente

import (
	"slices"
	"strings"
)

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

// tlpNames are the names of the levels, as [TLP.String] gives them.
var tlpNames = [...]string{"none", "clear", "green", "amber", "amber+strict", "red"}

// tlpDefinitions are the marking definitions of each level: of TLP 2.0 (FIRST, 2022; its
// STIX extension) first, then, where there is one, of TLP 1 (STIX 2.1 §7.2.1.4).
var tlpDefinitions = [...][]ObjectID{
	TLPClear:       {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"},
	TLPGreen:       {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"},
	TLPAmber:       {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"},
	TLPAmberStrict: {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"},
	TLPRed:         {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"},
}

// tlpOf is tlpDefinitions the other way round.
var tlpOf = func() map[ObjectID]TLP {
	all := map[ObjectID]TLP{}
	for t, ids := range tlpDefinitions {
		for _, id := range ids {
			all[id] = TLP(t)
		}
	}
	return all
}()

// String is the name of the level: none, clear, green, amber, amber+strict or red.
func (t TLP) String() string {
	if int(t) < len(tlpNames) {
		return tlpNames[t]
	}
	return "no level of TLP"
}

// ParseTLP reads the name of a level in upper or lower case, with or without "TLP:" before
// it; "white" is clear. A blank may stand for the plus sign, which is what a query makes of
// it. There is no name for [TLPNone].
func ParseTLP(s string) (TLP, bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(s), "tlp:"), " ", "+")
	if name == "white" {
		return TLPClear, true
	}
	i := slices.Index(tlpNames[TLPClear:], name)
	if i < 0 {
		return TLPNone, false
	}
	return TLPClear + TLP(i), true
}

// Definitions gives the marking definitions that state the level, TLP 2.0 before TLP 1. It
// is nil for [TLPNone].
func (t TLP) Definitions() []ObjectID {
	if int(t) < len(tlpDefinitions) {
		return slices.Clone(tlpDefinitions[t])
	}
	return nil
}

// Definition gives the marking definition of TLP 2.0 that states the level, which is what
// objects are stamped with; "" for [TLPNone].
func (t TLP) Definition() ObjectID {
	if t == TLPNone || int(t) >= len(tlpDefinitions) {
		return ""
	}
	return tlpDefinitions[t][0]
}

// TLPOf gives the level that a marking definition states by its id: the definitions of TLP
// are fixed, and nobody may make another (STIX 2.1 §7.2.1.4). An id that is written otherwise, in
// capitals say, is another one: receivers that compare ids see no level there.
func TLPOf(id ObjectID) (TLP, bool) {
	t, ok := tlpOf[id]
	return t, ok
}

// MarshalText writes the level as terms and answers do: "tlp:amber+strict", and nothing for
// [TLPNone].
func (t TLP) MarshalText() ([]byte, error) {
	switch {
	case t == TLPNone:
		return []byte{}, nil
	case int(t) >= len(tlpNames):
		return nil, Errorf(Internal, "%d is no level of TLP", t)
	}
	return []byte("tlp:" + tlpNames[t]), nil
}

// UnmarshalText reads what [ParseTLP] reads; an empty text is [TLPNone]. Invalid for others.
func (t *TLP) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = TLPNone
		return nil
	}
	level, ok := ParseTLP(string(text))
	if !ok {
		return Errorf(Invalid, "%q is no level of TLP: give tlp:clear, tlp:green, tlp:amber, tlp:amber+strict or tlp:red", clip(string(text)))
	}
	*t = level
	return nil
}
