package stix

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	entente "entente"
)

// Sections and texts of several checks.
const (
	sectionLists        = "STIX 2.1 §2.12"
	sectionDictionaries = "STIX 2.1 §2.3"

	emptyList       = "the list is empty, where at least one value is expected"
	emptyDictionary = "the dictionary is empty, where at least one entry is expected"
)

// members checks object k against a shape.
func (c *checker) members(k int, s *shape) {
	var seen uint64
	for i, end := c.children(k); i < end; i = c.after(i) {
		p := s.byName[string(c.nameOf(i))]
		if p == nil {
			c.stranger(i, k == 0)
			continue
		}
		seen |= p.bit
		c.property(i, p, s)
	}
	if missing := s.required &^ seen; missing != 0 {
		for _, p := range s.order {
			if p.bit&missing != 0 {
				c.lacks(k, p.name, s.section)
			}
		}
	}
	for _, rule := range s.rules {
		rule(c, k, s.section)
	}
}

// property checks the value of one known property.
func (c *checker) property(k int, p *property, s *shape) {
	if !p.list {
		c.value(k, p, s)
		return
	}
	if got := c.nodes[k].kind; got != '[' {
		c.warn(k, s.section, "it is %s, not a list", kindName(got))
		return
	}
	first, end := c.children(k)
	if first == end {
		c.warn(k, c.data(sectionLists), emptyList)
	}
	for i := first; i < end; i = c.after(i) {
		c.value(i, p, s)
	}
}

// data is a section on data types: for an object of STIX 2.0, the chapter on them.
func (c *checker) data(section string) string {
	if c.two {
		return "STIX 2.0 Part 1 §2"
	}
	return section
}

// value checks one value against what its property says.
func (c *checker) value(k int, p *property, s *shape) {
	if p.kind <= isAnything {
		return
	}
	if got := c.nodes[k].kind; !p.kind.fits(got) {
		c.warn(k, s.section, "it is %s, not %s", kindName(got), kinds[p.kind].name)
		return
	}
	section := kinds[p.kind].section
	switch p.kind {
	case isInteger, isFloat:
		f := c.number(k)
		switch {
		case p.kind == isInteger && f != float64(int64(f)):
			c.warn(k, c.data(section), "%s is not an integer", c.raw(k))
		case p.bounded && f < p.low:
			c.warn(k, s.section, "%s is less than %.0f", c.raw(k), p.low)
		case p.bounded && f > p.high:
			c.warn(k, s.section, "%s is more than %.0f", c.raw(k), p.high)
		}
	case isString:
		if p.open == nil {
			break
		}
		if _, ok := p.open[string(c.raw(k))]; !ok {
			if word := p.open.means(c.string(k)); word != "" {
				c.warn(k, s.section, "%q is written %s in the vocabulary", clip(c.string(k)), word)
			}
		}
	case isTimestamp:
		if _, err := entente.ParseInstant(c.string(k)); err != nil {
			c.warn(k, c.data(section), "%s", why(err))
		}
	case isReference:
		// That it is an identifier at all, references has checked.
		raw := c.raw(k)
		if i := len(raw) - identifierTail; p.targets != nil && i > 0 && raw[i] == '-' && !p.targets.ok(raw[:i]) {
			c.warn(k, s.section, "%q is referred to, where only %s may be", clip(c.string(k)), p.targets.what)
		}
	case isHex:
		// Errata 01 wants lower case; before it, either was allowed.
		if raw := c.raw(k); !hexadecimal(raw) || len(raw)%2 != 0 || bytes.ContainsAny(raw, "ABCDEF") {
			c.warn(k, c.data(section), "it is not an even number of hexadecimal digits in lower case")
		}
	case isBinary:
		if !base64Text(c.string(k)) {
			c.warn(k, c.data(section), "it is not Base64 (RFC 4648 §4)")
		}
	case isEnum:
		if v := c.string(k); !slices.Contains(p.values, v) {
			c.warn(k, c.data(section), "%q is not one of %s", clip(v), strings.Join(p.values, ", "))
		}
	case isLanguage:
		if !languageTag(c.raw(k)) {
			c.warn(k, section, "%q is not a language code, such as en or de-CH", clip(c.string(k)))
		}
	case isDictionary:
		c.dictionary(k)
		if p.entries != "" {
			c.entries(k, p.entries, s)
		}
	case isHashes:
		c.hashes(k)
	case isObject:
		c.members(k, p.shape)
	case isExtensions:
		c.extensions(k, p.known)
	case isContainer:
		c.container(k)
	}
}

// fits reports whether a JSON value of kind got can be one of kind k.
func (k kind) fits(got byte) bool {
	switch k {
	case isInteger, isFloat:
		return got == '0'
	case isBoolean:
		return got == 't' || got == 'f'
	case isDictionary, isHashes, isObject, isExtensions, isContainer:
		return got == '{'
	}
	return got == '"'
}

// dictionary checks the keys of a dictionary (STIX 2.1 §2.3).
func (c *checker) dictionary(k int) {
	first, end := c.children(k)
	if first == end {
		c.warn(k, c.data(sectionDictionaries), emptyDictionary)
	}
	for i := first; i < end; i = c.after(i) {
		if name := c.nameOf(i); len(name) == 0 || len(name) > 250 || !keyCharacters(name) {
			c.warn(i, c.data(sectionDictionaries), "a key of a dictionary has 1 to 250 of the characters a-z, A-Z, 0-9, - and _")
		}
	}
}

// entries checks the values of a dictionary; of many that are of a wrong kind one is told.
func (c *checker) entries(k int, kinds string, s *shape) {
	for i, end := c.children(k); i < end; i = c.after(i) {
		got := c.nodes[i].kind
		ok := strings.IndexByte(kinds, got) >= 0 && (got != '0' || c.number(i) == float64(int64(c.number(i))))
		for item, end := c.children(i); ok && got == '[' && item < end; item = c.after(item) {
			ok = c.nodes[item].kind == '"'
		}
		if !ok {
			c.warn(i, s.section, "the values here are %s", map[string]string{`"`: "strings", `0`: "integers", `"0`: "strings or integers", `[`: "lists of strings"}[kinds])
			return
		}
	}
}

// languageTag tells a well-formed language tag (RFC 5646 §2.1), of whatever languages.
func languageTag(tag []byte) bool {
	first, from := true, 0
	for i := 0; i <= len(tag); i++ {
		if i < len(tag) && tag[i] != '-' {
			if digit := tag[i]-'0' <= 9; first && digit || !digit && tag[i]|0x20-'a' > 25 {
				return false
			}
			continue
		}
		length := i - from
		// The first subtag has one letter only in private and registered tags: x-…, i-….
		single := first && length == 1 && (tag[0]|0x20 != 'x' && tag[0]|0x20 != 'i' || i == len(tag))
		if length == 0 || length > 8 || single {
			return false
		}
		first, from = false, i+1
	}
	return true
}

// hashNames are the names of the vocabulary, by how they are often written (STIX 2.1 §10.7).
var hashNames = map[string]string{
	"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512", "sha3256": "SHA3-256", "sha3512": "SHA3-512",
	"ssdeep": "SSDEEP", "tlsh": "TLSH",
}

// hashName checks that the name of an algorithm is not another spelling of one that the
// vocabulary has: who looks for SHA-256 does not find sha256. STIX 2.0 wrote ssdeep.
func (c *checker) hashName(k int) {
	name := string(c.nameOf(k))
	if hashDigits[name] > 0 || len(name) > 9 {
		return
	}
	want := hashNames[strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))]
	if want != "" && want != name && !(c.two && name == "ssdeep") {
		c.warn(k, c.data("STIX 2.1 §10.7"), "this algorithm is called %s", want)
	}
}

// digits of the hashes whose length is fixed (STIX 2.1 §10.7).
var hashDigits = map[string]int{
	"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128, "SHA3-256": 64, "SHA3-512": 128,
}

func (c *checker) hashes(k int) {
	section := c.data(kinds[isHashes].section)
	c.dictionary(k)
	for i, end := c.children(k); i < end; i = c.after(i) {
		if len(c.nameOf(i)) < 3 {
			c.warn(i, section, "the name of a hashing algorithm has at least 3 characters")
		}
		c.hashName(i)
		if got := c.nodes[i].kind; got != '"' {
			c.warn(i, section, "it is %s, not a hash as a string", kindName(got))
			continue
		}
		if want := hashDigits[string(c.nameOf(i))]; want > 0 && (len(c.raw(i)) != want || !hexadecimal(c.raw(i))) {
			c.warn(i, section, "it does not have the %d hexadecimal digits of %s", want, c.nameOf(i))
		}
	}
}

// container checks the objects inside an observed-data object (STIX 2.0 Part 3 §2, STIX
// 2.1 §2.13) as far as that each has a type.
func (c *checker) container(k int) {
	section := kinds[isContainer].section
	if c.two {
		section = "STIX 2.0 Part 3 §2"
	}
	for i, end := c.children(k); i < end; i = c.after(i) {
		if got := c.nodes[i].kind; got != '{' {
			c.warn(i, section, "it is %s, not an object", kindName(got))
		} else if t := c.member(i, "type"); t == 0 || c.nodes[t].kind != '"' {
			c.lacks(i, "type", section)
		}
	}
	if first, end := c.children(k); first == end {
		c.warn(k, section, "it holds no objects")
	}
}

func hexadecimal(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 && c|0x20-'a' > 5 {
			return false
		}
	}
	return true
}

func keyCharacters(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 && c|0x20-'a' > 25 && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// base64Text checks piece by piece, so that a large payload is not decoded as a whole.
func base64Text(s string) bool {
	if len(s)%4 != 0 {
		return false
	}
	const piece = 4 << 10
	var out [piece / 4 * 3]byte
	for len(s) > piece {
		if n, err := base64.StdEncoding.Decode(out[:], []byte(s[:piece])); err != nil || n != len(out) {
			return false
		}
		s = s[piece:]
	}
	_, err := base64.StdEncoding.Decode(out[:], []byte(s))
	return err == nil && !strings.ContainsAny(s, "\r\n")
}
