package entente_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"entente"
)

var stixTimestamp = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$`)

// FuzzInstant compares timestamps with the standard library, which knows no leap second
// and drops what is smaller than a nanosecond.
func FuzzInstant(f *testing.F) {
	for _, s := range []string{"2016-01-20T12:31:12Z", "2016-01-20T12:31:12.123456789Z", "2016-01-20T12:31:12.123456789012345678901234567890Z",
		"2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2015-02-29T00:00:00Z", "2016-01-20T12:31:12,5Z", ""} {
		f.Add(s, "2016-01-20T12:31:12.1234560Z")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		in, err := entente.ParseInstant(s)
		std, stdErr := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			if entente.KindOf(err) != entente.Invalid {
				t.Fatal(err)
			}
			if stdErr == nil && stixTimestamp.MatchString(s) && len(s) <= 128 {
				t.Fatalf("%q is refused: %v", s, err)
			}
			return
		}
		if stdErr == nil && std.UnixMicro() != in.Micros {
			t.Fatalf("%q gives %d, the library %d", s, in.Micros, std.UnixMicro())
		}
		if stdErr != nil && !strings.Contains(s, "23:59:60") {
			t.Fatalf("%q is taken, and not by the library: %v", s, stdErr)
		}
		if in.Text != s || strings.HasSuffix(in.Rest, "0") {
			t.Fatalf("%q gives %+v", s, in)
		}
		to, err := entente.ParseInstant(other)
		if err != nil {
			return
		}
		if c := in.Compare(to); c != -to.Compare(in) || in.Compare(in) != 0 {
			t.Fatalf("%q and %q compare as %d", s, other, c)
		} else if at, err := time.Parse(time.RFC3339Nano, other); err == nil && stdErr == nil && std.Compare(at) != 0 && c != std.Compare(at) {
			t.Fatalf("%q and %q compare as %d, by the library as %d", s, other, c, std.Compare(at))
		}
	})
}

var stixIdentifier = regexp.MustCompile(`^[a-z0-9-]{1,250}--[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// FuzzObjectID holds identifiers against their form, written once more.
func FuzzObjectID(f *testing.F) {
	for _, s := range []string{"tool--00000000-0000-4000-8000-000000000001", "x--y--8E2E2D2B-17D4-4CBF-938F-98EE46B3CD3F", "tool--", "--", "tool--00000000-0000-4000-8000-00000000000g", "tool--00000000-0000-4000-8000-000000000001\n", "a\x00b--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := entente.ParseObjectID(s)
		if want := stixIdentifier.MatchString(s); want != (err == nil) {
			t.Fatalf("%q: %v", s, err)
		}
		if err != nil {
			if entente.KindOf(err) != entente.Invalid || len(entente.PublicText(err)) > 2000 {
				t.Fatalf("%v", err)
			}
			return
		}
		if string(id) != s || id.Type()+"--"+s[len(s)-36:] != s {
			t.Fatalf("%q is %q of type %q", s, id, id.Type())
		}
	})
}
