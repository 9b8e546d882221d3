package terms

import (
	"slices"
	"strings"

	"entente"
)

// levels are the words for TLP in terms, by level.
var levels = [...]string{entente.TLPClear: "tlp:clear", entente.TLPGreen: "tlp:green", entente.TLPAmber: "tlp:amber",
	entente.TLPAmberStrict: "tlp:amber+strict", entente.TLPRed: "tlp:red"}

// levelWord is the word for a level, and none where there is no level.
func levelWord(t entente.TLP, none string) string {
	if t == entente.TLPNone || int(t) >= len(levels) {
		return none
	}
	return levels[t]
}

// parseLevel reads a level in upper or lower case. TLP 1 said WHITE for CLEAR.
func parseLevel(s string) (entente.TLP, bool) {
	s = strings.ToLower(s)
	if s == "tlp:white" {
		return entente.TLPClear, true
	}
	i := slices.Index(levels[:], s)
	if s == "" || i < 0 {
		return entente.TLPNone, false
	}
	return entente.TLP(i), true
}

// flows are the words for directions, by [entente.Flow].
var flows = [...]string{"none", entente.Receives: "receives", entente.Contributes: "contributes", entente.Both: "both"}

func flowWord(f entente.Flow) string {
	if int(f) >= len(flows) {
		return flows[0]
	}
	return flows[f]
}
