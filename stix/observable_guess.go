package stix

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// NormalizeValue says what a value that somebody typed may be, the likeliest first, for
// looking it up: each Value is in the form that [Observables] gives it. A value can be
// several things (install.sh is a file and a domain), so all that it may be is given, and
// always [KindText] with the value as it was typed, by which all kinds are found that
// keep values as they are. It undoes defanging, such as hxxp and [.]. It gives nil for
// nothing but white space, for more than [MaxObservable] bytes, and for what is not UTF-8.
func NormalizeValue(s string) []Observable {
	typed := strings.TrimSpace(s)
	if !utf8.ValidString(typed) {
		return nil
	}
	text, ok := normalize(KindText, typed)
	if !ok {
		return nil
	}
	var x extractor
	s = refang(typed)
	if o, ok := network(s); ok {
		x.take(o)
	} else if a, err := netip.ParseAddrPort(s); err == nil {
		o, _ := network(a.Addr().String())
		x.take(o)
	} else if n := len(s); n > 2 && s[0] == '[' && s[n-1] == ']' {
		if o, ok := network(s[1 : n-1]); ok {
			x.take(o)
		}
	}
	if mac, ok := normalMAC(s); ok {
		x.add(KindMAC, mac, "")
	}
	if digitsOnly(s) {
		if len(s) >= 32 {
			x.add(KindHash, s, algorithmOf(len(s)))
		} else if len(s) == 12 {
			x.add(KindMAC, s[0:2]+":"+s[2:4]+":"+s[4:6]+":"+s[6:8]+":"+s[8:10]+":"+s[10:12], "")
		}
	}
	if isURL(s) {
		x.add(KindURL, s, "")
	}
	if isEmail(s) {
		x.add(KindEmail, s, "")
	}
	if isDomain(s) {
		x.add(KindDomain, s, "")
	}
	if digits, ok := normalASN(s); ok {
		x.add(KindASN, digits, "")
	}
	if key := normalRegistryKey(s); strings.HasPrefix(key, "hkey_") {
		x.add(KindRegistryKey, s, "")
	}
	if digitsOnly(normalSerial(s)) && !strings.Contains(s, "::") {
		x.add(KindSerial, s, "")
	}
	if cpe := lower(s); strings.HasPrefix(cpe, "cpe:") {
		x.add(KindCPE, cpe, "")
	}
	x.take(text)
	return x.found
}

// take takes an observable as it is.
func (x *extractor) take(o Observable) { x.found = append(x.found, o) }

// algorithmOf is the hash that is most often of so many hexadecimal digits.
func algorithmOf(digits int) string {
	switch digits {
	case 32:
		return "MD5"
	case 40:
		return "SHA-1"
	case 56:
		return "SHA-224"
	case 64:
		return "SHA-256"
	case 96:
		return "SHA-384"
	case 128:
		return "SHA-512"
	}
	return ""
}

// isURL wants a scheme (RFC 3986 §3.1) and something behind it.
func isURL(s string) bool {
	i := strings.Index(s, "://")
	if i < 1 || i+3 == len(s) || s[0]|0x20-'a' > 25 {
		return false
	}
	for _, c := range []byte(s[:i]) {
		if c|0x20-'a' > 25 && c-'0' > 9 && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isEmail(s string) bool {
	i := strings.LastIndexByte(s, '@')
	return i > 0 && !strings.ContainsAny(s[:i], " \t\r\n/") && isDomain(s[i+1:])
}

// isDomain wants two labels at least, of letters, digits, hyphens and underscores, and a
// last one that is no number. Characters beyond ASCII pass: internationalised names are
// written both ways. A first label may be the wildcard *.
func isDomain(s string) bool {
	s = strings.TrimPrefix(strings.TrimSuffix(s, "."), "*.")
	if s == "" || len(s) > 253 {
		return false
	}
	labels, label, digits := 1, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || label > 63 {
				return false
			}
			labels, label, digits = labels+1, 0, 0
			continue
		case c-'0' <= 9:
			digits++
		case c|0x20-'a' > 25 && c != '-' && c != '_' && c < utf8.RuneSelf:
			return false
		}
		label++
	}
	return labels > 1 && label > 0 && label <= 63 && digits < label
}

// defangs are the ways in which values are made harmless, and what they stand for.
var defangs = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".",
	"[:]", ":", "[://]", "://", "[@]", "@", "(@)", "@", "[at]", "@", "(at)", "@", "[/]", "/")

// refang undoes defanging.
func refang(s string) string {
	if strings.ContainsAny(s, "[({") {
		s = defangs.Replace(s)
	}
	const scheme = "hxxp"
	if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		if rest := s[len(scheme):]; strings.HasPrefix(rest, "://") || strings.HasPrefix(lower(rest[:min(4, len(rest))]), "s://") {
			return "http" + rest
		}
	}
	return s
}
