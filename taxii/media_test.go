package taxii

import (
	"fmt"
	"strings"
	"testing"

	"entente"

	"pgregory.net/rapid"
)

func TestAccept(t *testing.T) {
	for _, c := range acceptCases {
		err := CheckAccept(c.lines)
		if (err == nil) != c.ok {
			t.Errorf("Accept %q: %v, want accepted %v", c.lines, err, c.ok)
		}
		if err != nil && entente.KindOf(err) != entente.NotAcceptable {
			t.Errorf("Accept %q: kind %v", c.lines, entente.KindOf(err))
		}
	}
}

func TestContentType(t *testing.T) {
	for _, c := range contentTypeCases {
		err := CheckContentType(c.lines)
		if (err == nil) != c.ok {
			t.Errorf("Content-Type %q: %v, want accepted %v", c.lines, err, c.ok)
		}
		if err != nil && entente.KindOf(err) != entente.BadMediaType {
			t.Errorf("Content-Type %q: kind %v", c.lines, entente.KindOf(err))
		}
	}
}

// Whatever way the media type is written, and whatever stands beside it, it is accepted.
func TestAcceptNeverRefusesTAXII(t *testing.T) {
	blank := rapid.SampledFrom([]string{"", " ", "\t", "  "})
	noise := rapid.SampledFrom([]string{"text/html", "application/json;q=0.9", "application/taxii+json;version=2.0", `a/b;c="d,e;f\""`, "", "*/*;q=0", "garbage;;;"})
	rapid.Check(t, func(t *rapid.T) {
		b := func() string { return blank.Draw(t, "blank") }
		element := b() + rapid.SampledFrom([]string{"application/taxii+json", "Application/Taxii+JSON"}).Draw(t, "type")
		if rapid.Bool().Draw(t, "version") {
			element += b() + ";" + b() + rapid.SampledFrom([]string{"version=2.1", `version="2.1"`, "VERSION=2.1"}).Draw(t, "form")
		}
		if rapid.Bool().Draw(t, "weight") {
			element += b() + ";" + b() + fmt.Sprintf("q=0.%d", rapid.IntRange(1, 999).Draw(t, "q"))
		}
		before := rapid.SliceOfN(noise, 0, 3).Draw(t, "before")
		after := rapid.SliceOfN(noise, 0, 3).Draw(t, "after")
		line := strings.Join(append(append(before, element), after...), ",")
		if err := CheckAccept([]string{line}); err != nil {
			t.Fatalf("Accept %q: %v", line, err)
		}
	})
}

func FuzzAccept(f *testing.F) {
	for _, c := range acceptCases {
		f.Add(strings.Join(c.lines, ","))
	}
	f.Fuzz(func(t *testing.T, line string) {
		err := CheckAccept([]string{line})
		if err != nil && entente.KindOf(err) != entente.NotAcceptable {
			t.Fatal(err)
		}
		if again := CheckAccept([]string{"text/plain", line}); err == nil && again != nil && strings.Trim(line, " \t,") != "" {
			t.Fatalf("a line that is accepted alone is refused beside another: %q", line)
		}
		_ = CheckContentType([]string{line})
	})
}
