package store_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"entente/store"
)

// Words is what its comment says: runs of letters, digits and marks, in lower case.
func TestWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("aZ09 .-@[`{/:éÉßİ\u0301\u202e\x00漢٣")))).Draw(t, "text")
		fields := strings.FieldsFunc(text, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
		})
		want := strings.Map(unicode.ToLower, strings.Join(fields, " "))
		if got := store.Words(text); got != want {
			t.Fatalf("%q: %q, want %q", text, got, want)
		}
	})
}

func BenchmarkWords(b *testing.B) {
	text := strings.Repeat("A sensor saw 198.51.100.7 scanning the harbour; Überfall. ", 10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		store.Words(text)
	}
}
