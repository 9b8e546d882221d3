package entente_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"entente"
)

func TestParseInstant(t *testing.T) {
	for text, good := range map[string]bool{
		"2016-01-20T12:31:12Z": true, "2016-01-20T12:31:12.1Z": true, "2016-01-20T12:31:12.123456789012345678901234567890Z": true,
		"2016-02-29T00:00:00Z": true, "2016-12-31T23:59:60Z": true, "0001-01-01T00:00:00Z": true, "9999-12-31T23:59:59.999999Z": true,
		"": false, "2016-01-20": false, "2016-01-20T12:31Z": false, "2016-01-20T12:31:12": false, "2016-01-20T12:31:12.Z": false,
		"2016-01-20T12:31:12+00:00": false, "2016-01-20t12:31:12Z": false, "2016-01-20T12:31:12z": false, "2015-02-29T00:00:00Z": false,
		"2016-13-01T00:00:00Z": false, "2016-01-20T24:00:00Z": false, "2016-01-20T12:60:00Z": false, "2016-01-20T12:31:60Z": false,
		"2016-01-20T12:31:12.1 Z": false, "+016-01-20T12:31:12Z": false, "2016-01-20T12:31:12.12a4Z": false,
		"2016-01-20T12:31:12." + strings.Repeat("1", 200) + "Z": false,
	} {
		in, err := entente.ParseInstant(text)
		if (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && in.Text != text {
			t.Errorf("%q: text %q", text, in.Text)
		}
	}
}

func TestInstantsCompareAsMoments(t *testing.T) {
	equal := [][2]string{{"2016-01-01T00:00:00Z", "2016-01-01T00:00:00.0Z"}, {"2016-01-01T00:00:00.10Z", "2016-01-01T00:00:00.1Z"},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"}, {"2016-01-01T00:00:00.1234567000Z", "2016-01-01T00:00:00.1234567Z"}}
	for _, p := range equal {
		a, _ := entente.ParseInstant(p[0])
		b, _ := entente.ParseInstant(p[1])
		if a.Compare(b) != 0 {
			t.Errorf("%s and %s differ", p[0], p[1])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (entente.Instant, time.Time) {
			at := time.Unix(rapid.Int64Range(-6e10, 2.5e11).Draw(t, name), rapid.Int64Range(0, 999999999).Draw(t, name+" ns")).UTC()
			layout := rapid.SampledFrom([]string{"2006-01-02T15:04:05.000000000Z", "2006-01-02T15:04:05.999999999Z"}).Draw(t, "layout")
			in, err := entente.ParseInstant(at.Format(layout))
			if err != nil {
				t.Fatal(err)
			}
			return in, at
		}
		a, ta := draw("a")
		b, tb := draw("b")
		if a.Compare(b) != ta.Compare(tb) {
			t.Fatalf("%s against %s: %d, want %d", a.Text, b.Text, a.Compare(b), ta.Compare(tb))
		}
	})
}

func TestFormatMicros(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-6e16, 2.5e17).Draw(t, "micros")
		in, err := entente.ParseInstant(entente.FormatMicros(micros))
		if err != nil || in.Micros != micros {
			t.Fatalf("%d became %q, %v", micros, entente.FormatMicros(micros), err)
		}
	})
}

func TestParseObjectID(t *testing.T) {
	for id, good := range map[string]bool{
		"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f":      true,
		"x-mitre-tactic--8E2E2D2B-17D4-4CBF-938F-98EE46B3CD3F": true,
		"x--y--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f":           true,
		"":            false,
		"indicator":   false,
		"indicator--": false,
		"indicator-8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f":    false,
		"Indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f":   false,
		"--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f":            false,
		"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3g":   false,
		"indicator--8e2e2d2b17d44cbf938f98ee46b3cd3f":       false,
		"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\n": false,
	} {
		got, err := entente.ParseObjectID(id)
		if (err == nil) != good {
			t.Errorf("%q: %v", id, err)
		}
		if err == nil && string(got) != id {
			t.Errorf("%q became %q", id, got)
		}
	}
}
