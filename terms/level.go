package terms

import (
	"strings"

	"entente"
)

// levelWord is the word for a level, and none where there is no level.
func levelWord(t entente.TLP, none string) string {
	word, err := t.MarshalText()
	if err != nil || len(word) == 0 {
		return none
	}
	return string(word)
}

// parseLevel reads a level in upper or lower case. Terms write it in full: what several
// sign has one spelling, and not the shorter ones that a query may use.
func parseLevel(s string) (entente.TLP, bool) {
	if !strings.HasPrefix(strings.ToLower(s), "tlp:") || strings.Contains(s, " ") {
		return entente.TLPNone, false
	}
	return entente.ParseTLP(s)
}

// flows are the words for directions, by [entente.Flow].
var flows = [...]string{"none", entente.Receives: "receives", entente.Contributes: "contributes", entente.Both: "both"}

func flowWord(f entente.Flow) string {
	if int(f) >= len(flows) {
		return flows[0]
	}
	return flows[f]
}
