package main

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"entente"
)

// FuzzFlags reads values of flags that are more than a word or a number.
func FuzzFlags(f *testing.F) {
	for _, s := range []string{"", "90d", "12h", "0d", "-1h", "1e9d", "36500d", "2026-01-31", "2026-01-31T12:00:00Z", "2026-02-30", "9999999999999h", "\x00", "1h\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		period, err := parsePeriod(s)
		if err == nil && (period < 0 || (period == 0) != (s == "")) {
			t.Fatalf("%q is %v", s, period)
		}
		_, sinceErr := parseSince(s)
		for _, err := range []error{err, sinceErr} {
			if err != nil && entente.KindOf(err) != entente.Usage {
				t.Fatal(err)
			}
		}
		shown := plain(s)
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, unicode.IsControl) || utf8.RuneCountInString(shorten(shown, 40)) > 40 {
			t.Fatalf("%q is shown as %q", s, shown)
		}
	})
}
