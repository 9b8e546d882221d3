package stix

import (
	"net/netip"
	"strings"
	"unicode"
)

// normalize gives the observable that a value of a kind is. A value that cannot be of
// its kind is what it looks like, so that it is found all the same.
func normalize(kind ObservableKind, s string) (Observable, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > MaxObservable || strings.IndexByte(s, 0) >= 0 {
		return Observable{}, false
	}
	o := Observable{Kind: kind, Value: s}
	switch kind {
	case kindAddress, kindAny, kindOther:
		o = recognize(kind, s)
	case KindDomain:
		if address, ok := network(s); ok {
			o = address
		} else {
			o.Value = normalDomain(s)
		}
	case KindURL:
		o.Value = normalURL(s)
	case KindEmail:
		o.Value = normalEmail(s)
	case KindMAC:
		if mac, ok := normalMAC(s); ok {
			o.Value = mac
		} else {
			o.Value = lower(s)
		}
	case KindHash:
		if digitsOnly(s) {
			o.Value = lower(s)
		}
	case KindRegistryKey:
		o.Value = normalRegistryKey(s)
	case KindASN:
		if digits, ok := normalASN(s); ok {
			o.Value = digits
		} else {
			o.Kind = KindText
		}
	case KindSerial:
		o.Value = normalSerial(s)
	case KindCPE:
		o.Value = lower(s)
	}
	return o, o.Value != ""
}

// recognize decides by the value what it is: one of those that a name or an address on a
// network can be, and where it can be anything, only what looks like nothing else.
func recognize(kind ObservableKind, s string) Observable {
	if o, ok := network(s); ok {
		return o
	}
	if mac, ok := normalMAC(s); ok {
		return Observable{Kind: KindMAC, Value: mac}
	}
	switch {
	case isURL(s):
		return Observable{Kind: KindURL, Value: normalURL(s)}
	case isEmail(s):
		return Observable{Kind: KindEmail, Value: normalEmail(s)}
	case kind != kindOther && isDomain(s):
		return Observable{Kind: KindDomain, Value: normalDomain(s)}
	case kind == kindOther && len(s) >= 32 && digitsOnly(s):
		return Observable{Kind: KindHash, Value: lower(s), Algorithm: algorithmOf(len(s))}
	}
	return Observable{Kind: KindText, Value: s}
}

// network reads an address or a range in CIDR notation.
func network(s string) (Observable, bool) {
	var p netip.Prefix
	if s == "" || s[0]-'0' > 9 && s[0]|0x20-'a' > 5 && s[0] != ':' {
		return Observable{}, false
	}
	if slash := strings.IndexByte(s, '/'); slash >= 0 {
		var err error
		if p, err = netip.ParsePrefix(s); err != nil {
			return Observable{}, false
		}
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		p = p.Masked()
	} else {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return Observable{}, false
		}
		a = a.WithZone("").Unmap()
		p = netip.PrefixFrom(a, a.BitLen())
	}
	kind := KindIPv6
	if p.Addr().Is4() {
		kind = KindIPv4
	}
	var room [64]byte
	text := room[:0]
	if p.IsSingleIP() {
		text = p.Addr().AppendTo(text)
	} else {
		text = p.AppendTo(text)
	}
	if string(text) != s {
		s = string(text)
	}
	return Observable{Kind: kind, Value: s, Prefix: p}, true
}

func normalDomain(s string) string { return lower(trimEnd(s, '.')) }

// trimEnd takes a character and white space from the end: what is normal then stays so.
func trimEnd(s string, c rune) string {
	return strings.TrimRightFunc(s, func(r rune) bool { return r == c || unicode.IsSpace(r) })
}

// normalURL puts the scheme and the host into lower case (RFC 3986 §6.2.2.1).
func normalURL(s string) string {
	i := strings.Index(s, "://")
	if i < 0 {
		return s
	}
	from := i + 3
	to := len(s)
	if n := strings.IndexAny(s[from:], "/?#\\"); n >= 0 {
		to = from + n
	}
	if n := strings.LastIndexByte(s[from:to], '@'); n >= 0 { // who signs in keeps its case
		from += n + 1
	}
	scheme, host := lower(s[:i]), lower(s[from:to])
	if scheme == s[:i] && host == s[from:to] {
		return s
	}
	return scheme + s[i:from] + host + s[to:]
}

func normalEmail(s string) string {
	i := strings.LastIndexByte(s, '@')
	if domain := normalDomain(s[i+1:]); i >= 0 && domain != s[i+1:] {
		return s[:i+1] + domain
	}
	return s
}

// normalMAC reads 6 or 8 octets in hexadecimal, with colons, hyphens, or dots after
// every second one.
func normalMAC(s string) (string, bool) {
	if len(s) < 14 || len(s) > 23 {
		return "", false
	}
	between, group := s[2], 2
	if between != ':' && between != '-' {
		if between, group = s[4], 4; between != '.' {
			return "", false
		}
	}
	out := make([]byte, 0, 23)
	octets := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case i%(group+1) == group:
			if c != between || i == len(s)-1 {
				return "", false
			}
			continue
		case c-'0' > 9 && c|0x20-'a' > 5:
			return "", false
		default:
			if len(out)%3 == 2 {
				out = append(out, ':')
			}
			if len(out)%3 == 1 {
				octets++
			}
			out = append(out, c|0x20) // digits have that bit already
		}
	}
	if octets != 6 && octets != 8 || len(out) != 3*octets-1 {
		return "", false
	}
	if string(out) == s {
		return s, true
	}
	return string(out), true
}

// hives are the short names of the roots of the registry.
var hives = map[string]string{
	"hklm": "hkey_local_machine", "hkcu": "hkey_current_user", "hkcr": "hkey_classes_root",
	"hku": "hkey_users", "hkcc": "hkey_current_config",
}

func normalRegistryKey(s string) string {
	s = trimEnd(lower(s), '\\')
	hive, rest, deeper := strings.Cut(s, `\`)
	if full := hives[hive]; full != "" {
		if s = full; deeper {
			s += `\` + rest
		}
	}
	return s
}

// normalASN reads the number of an autonomous system, with or without AS before it.
func normalASN(s string) (string, bool) {
	s = lower(s)
	if rest, ok := strings.CutPrefix(s, "as"); ok {
		s = strings.TrimSpace(strings.TrimPrefix(rest, "n"))
	}
	if s = strings.TrimLeft(s, "0"); s == "" || len(s) > 10 {
		return "", false
	}
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return "", false
		}
	}
	return s, true
}

// normalSerial joins the hexadecimal digits of a serial number.
func normalSerial(s string) string {
	digits := make([]byte, 0, 40)
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':' || c == ' ' || c == '-':
		case c-'0' > 9 && c|0x20-'a' > 5:
			return s
		default:
			digits = append(digits, c|0x20)
		}
	}
	return string(digits)
}

// digitsOnly reports whether s consists of hexadecimal digits.
func digitsOnly(s string) bool {
	for i := range len(s) {
		if c := s[i]; c-'0' > 9 && c|0x20-'a' > 5 {
			return false
		}
	}
	return true
}
