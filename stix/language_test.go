package stix

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// A language code is well-formed as RFC 5646 §2.1 has it, of whatever languages.
func TestLanguageTagIsTheGrammar(t *testing.T) {
	grammar := regexp.MustCompile(`^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*|[xXiI](-[A-Za-z0-9]{1,8})+)$`)
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.StringMatching(`[a-cxXiI1_\-é]{0,4}-?[a-zX0-9-]{0,10}`).Draw(t, "tag")
		if got, want := languageTag([]byte(tag)), grammar.MatchString(tag); got != want {
			t.Fatalf("%q: %v, want %v", tag, got, want)
		}
	})
}
