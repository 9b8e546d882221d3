package entente

import (
	"cmp"
	"strings"
	"time"
)

// Instant is a STIX timestamp: the text as it was written and the moment it means.
// STIX allows any number of fraction digits (STIX 2.1 §2.16), so a moment is whole
// microseconds plus whatever digits remain; two texts of one moment are equal.
type Instant struct {
	Text   string // as written, "" if there is none
	Micros int64  // microseconds since 1970-01-01T00:00:00Z, rounded down
	Rest   string // the fraction's digits beyond the sixth, without trailing zeros
}

// maxInstantText bounds a timestamp's length: 19 characters, a point, "Z" and the rest digits.
const maxInstantText = 128

// ParseInstant reads an RFC 3339 timestamp in UTC with the designator Z and any number
// of fraction digits (STIX 2.1 §2.16). A leap second, 23:59:60, is the moment after it.
func ParseInstant(s string) (Instant, error) {
	bad := func(why string) (Instant, error) {
		return Instant{}, Errorf(Invalid, "%q is not a STIX timestamp: %s (STIX 2.1 §2.16)", clip(s), why)
	}
	const form = "0000-00-00T00:00:00"
	if len(s) < len(form)+1 {
		return bad("it is too short for YYYY-MM-DDTHH:MM:SSZ")
	}
	if len(s) > maxInstantText {
		return bad("it has more than 128 characters")
	}
	for i := range len(form) {
		digit := s[i] >= '0' && s[i] <= '9'
		if (form[i] == '0') != digit || (form[i] != '0' && s[i] != form[i]) {
			return bad("it is not of the form YYYY-MM-DDTHH:MM:SS[.s…]Z")
		}
	}
	fraction, ok := strings.CutSuffix(s[len(form):], "Z")
	if !ok {
		return bad("it does not end in Z")
	}
	if fraction != "" {
		if fraction[0] != '.' || len(fraction) == 1 {
			return bad("its fraction is malformed")
		}
		fraction = fraction[1:]
		for i := range len(fraction) {
			if fraction[i] < '0' || fraction[i] > '9' {
				return bad("its fraction is malformed")
			}
		}
	}
	num := func(from, to int) int {
		n := 0
		for _, c := range s[from:to] {
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := num(0, 4), num(5, 7), num(8, 10)
	hour, minute, second := num(11, 13), num(14, 16), num(17, 19)
	leap := second == 60 && hour == 23 && minute == 59
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || (second > 59 && !leap) {
		return bad("there is no such date or time")
	}
	micros := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC).UnixMicro()
	unit := int64(100000)
	for i := 0; i < len(fraction) && i < 6; i++ {
		micros += int64(fraction[i]-'0') * unit
		unit /= 10
	}
	in := Instant{Text: s, Micros: micros}
	if len(fraction) > 6 {
		in.Rest = strings.TrimRight(fraction[6:], "0")
	}
	return in, nil
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// IsZero reports whether there is no timestamp at all.
func (in Instant) IsZero() bool { return in.Text == "" }

// Compare orders two moments: -1, 0 or +1. The texts play no part.
func (in Instant) Compare(other Instant) int {
	if c := cmp.Compare(in.Micros, other.Micros); c != 0 {
		return c
	}
	return cmp.Compare(in.Rest, other.Rest) // digits without trailing zeros sort as fractions
}

// microsText writes microseconds since 1970 as YYYY-MM-DDTHH:MM:SS.ssssssZ.
func microsText(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}
