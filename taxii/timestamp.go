package taxii

import (
	"time"

	"entente"
)

// maxTimestamp bounds the text of a timestamp, for the fraction may be of any length.
const maxTimestamp = 128

// Timestamp writes a moment, in microseconds since 1970, as a TAXII timestamp: UTC, Z,
// exactly six digits of fraction (§2). The year must be within 0 to 9999.
func Timestamp(micros int64) string { return entente.FormatMicros(micros) }

// ParseTimestamp reads a moment as microseconds since 1970. The standard wants the form
// that [Timestamp] writes (§2); clients send others, so any date-time of RFC 3339 §5.6 is
// taken: any offset, a fraction of any length or none, "t" and "z" in lower case. Digits
// beyond the sixth are dropped, which does not change what is "strictly after" among
// moments of whole microseconds. A leap second, 23:59:60 UTC, is the moment after it.
//
// A blank where the sign of the offset belongs counts as "+": it is what a "+" that was
// not escaped in a query turns into. The error is of kind Invalid.
func ParseTimestamp(s string) (int64, error) {
	const form = "0000-00-00T00:00:00"
	bad := func(why string) (int64, error) {
		return 0, entente.Errorf(entente.Invalid, "%q is not a timestamp: %s; expected is YYYY-MM-DDTHH:MM:SS.ssssssZ (TAXII 2.1 §2)", clip(s), why)
	}
	if len(s) <= len(form) || len(s) > maxTimestamp {
		return bad("it is too short or too long")
	}
	for i := range len(form) {
		switch c := s[i]; {
		case form[i] == '0' && (c < '0' || c > '9'), form[i] == 'T' && c != 'T' && c != 't', (form[i] == '-' || form[i] == ':') && c != form[i]:
			return bad("its form is wrong")
		}
	}
	rest := s[len(form):]
	fraction := int64(0)
	if rest[0] == '.' {
		digits := 1
		for unit := int64(100000); digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9'; digits++ {
			fraction += int64(rest[digits]-'0') * unit
			unit /= 10
		}
		if digits == 1 {
			return bad("its fraction has no digits")
		}
		rest = rest[digits:]
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return bad("it does not end in Z or an offset")
	}
	year, month, day := number(s[0:4]), number(s[5:7]), number(s[8:10])
	hour, minute, second := number(s[11:13]), number(s[14:16]), number(s[17:19])
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60 {
		return bad("there is no such date or time")
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC).Add(-offset)
	if second == 60 && (at.Hour() != 0 || at.Minute() != 0) {
		return bad("there is no such date or time")
	}
	return at.UnixMicro() + fraction, nil
}

// parseOffset reads RFC 3339's time-offset.
func parseOffset(s string) (time.Duration, bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+00:00") || (s[0] != '+' && s[0] != '-' && s[0] != ' ') || s[3] != ':' {
		return 0, false
	}
	for _, i := range [...]int{1, 2, 4, 5} {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	hours, minutes := number(s[1:3]), number(s[4:6])
	if hours > 23 || minutes > 59 {
		return 0, false
	}
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		d = -d
	}
	return d, true
}

// number reads decimal digits that were checked to be such.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
