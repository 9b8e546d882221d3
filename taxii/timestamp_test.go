package taxii

import (
	"regexp"
	"testing"
	"time"

	"entente"

	"pgregory.net/rapid"
)

func TestTimestamps(t *testing.T) {
	for _, c := range timestampCases {
		got, err := ParseTimestamp(c.text)
		switch {
		case c.micros == -1:
			if entente.KindOf(err) != entente.Invalid {
				t.Errorf("%q gives %d, %v; want it refused", c.text, got, err)
			}
		case err != nil || got != c.micros:
			t.Errorf("%q gives %d, %v; want %d", c.text, got, err, c.micros)
		}
	}
}

var taxiiTimestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)

func TestTimestampRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-62_167_219_200_000_000, 253_402_300_799_999_999).Draw(t, "micros")
		text := Timestamp(micros)
		if !taxiiTimestamp.MatchString(text) {
			t.Fatalf("%d gives %q", micros, text)
		}
		if got, err := ParseTimestamp(text); err != nil || got != micros {
			t.Fatalf("%q gives %d, %v; want %d", text, got, err, micros)
		}
	})
}

// Every form of one moment that RFC 3339 allows is read as that moment.
func TestTimestampForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-60_000_000_000_000_000, 250_000_000_000_000_000).Draw(t, "micros"))
		zone := time.FixedZone("", rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "minutes")*60)
		digits := rapid.IntRange(0, 9).Draw(t, "digits")
		layout := "2006-01-02T15:04:05"
		if digits > 0 {
			layout += "." + "000000000"[:digits]
		}
		text := at.In(zone).Format(layout + "Z07:00")
		want := at.Truncate(time.Microsecond)
		if digits < 6 {
			want, _ = time.Parse(time.RFC3339Nano, text)
		}
		if got, err := ParseTimestamp(text); err != nil || got != want.UnixMicro() {
			t.Fatalf("%q gives %d, %v; want %d", text, got, err, want.UnixMicro())
		}
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, c := range timestampCases {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		micros, err := ParseTimestamp(text)
		if err != nil {
			if entente.KindOf(err) != entente.Invalid {
				t.Fatal(err)
			}
			if _, std := time.Parse(time.RFC3339Nano, text); std == nil && len(text) < maxTimestamp {
				// The library also takes a comma for the point and hours of one digit.
				if taxiiTimestamp.MatchString(text) {
					t.Fatalf("%q is refused: %v", text, err)
				}
			}
			return
		}
		if std, stdErr := time.Parse(time.RFC3339Nano, text); stdErr == nil && std.UnixMicro() != micros {
			t.Fatalf("%q gives %d, the library %d", text, micros, std.UnixMicro())
		}
	})
}
