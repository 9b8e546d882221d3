package stix

import (
	"slices"
	"strings"

	entente "entente"
)

// rule is a condition on an object as a whole, or on several of its properties. It names
// the section of the type that it belongs to.
type rule func(c *checker, k int, section string)

// oneOf wants at least one of some properties.
func oneOf(names ...string) rule {
	return func(c *checker, k int, section string) {
		for _, name := range names {
			if c.member(k, name) > 0 {
				return
			}
		}
		c.warn(k, section, "at least one of these is required: %s", strings.Join(names, ", "))
	}
}

// exactlyOneOf wants one of two properties and not both.
func exactlyOneOf(a, b string) rule {
	return func(c *checker, k int, section string) {
		switch first, second := c.member(k, a), c.member(k, b); {
		case first == 0 && second == 0:
			c.warn(k, section, "%s or %s is required", a, b)
		case first > 0 && second > 0:
			c.warn(second, section, "it stands beside %s, where one of the two is allowed", a)
		}
	}
}

// with wants the others wherever the first is.
func with(name string, others ...string) rule {
	return func(c *checker, k int, section string) {
		if c.member(k, name) == 0 {
			return
		}
		for _, other := range others {
			if c.member(k, other) == 0 {
				c.warn(c.member(k, name), section, "%s is required with it", other)
			}
		}
	}
}

// notBefore wants that the moment of later is not before that of earlier.
func notBefore(earlier, later string) rule { return order(earlier, later, false) }

// after wants that the moment of later is after that of earlier.
func after(earlier, later string) rule { return order(earlier, later, true) }

func order(earlier, later string, strictly bool) rule {
	return func(c *checker, k int, section string) {
		a, ok := c.moment(k, earlier)
		if !ok {
			return
		}
		b, ok := c.moment(k, later)
		if !ok {
			return
		}
		switch order := b.Compare(a); {
		case order < 0:
			c.warn(c.member(k, later), section, "%s is before %s, which is %s", clip(b.Text), earlier, clip(a.Text))
		case order == 0 && strictly:
			c.warn(c.member(k, later), section, "%s is not after %s", clip(b.Text), earlier)
		}
	}
}

func (c *checker) moment(k int, name string) (entente.Instant, bool) {
	i := c.member(k, name)
	if i == 0 || c.nodes[i].kind != '"' {
		return entente.Instant{}, false
	}
	in, err := entente.ParseInstant(c.string(i))
	return in, err == nil
}

// onlyWhere wants that a property is there only where a boolean has a value, or, if absent
// is allowed, is not there.
func onlyWhere(name, flag string, value byte) rule {
	return func(c *checker, k int, section string) {
		i, f := c.member(k, name), c.member(k, flag)
		if i > 0 && f > 0 && c.nodes[f].kind != value && (c.nodes[f].kind == 't' || c.nodes[f].kind == 'f') {
			c.warn(i, section, "it is not allowed where %s is %s", flag, c.raw(f))
		}
	}
}

// besides wants at least one property other than those named.
func besides(names ...string) rule {
	return func(c *checker, k int, section string) {
		for i, end := c.children(k); i < end; i = c.after(i) {
			if !slices.Contains(names, string(c.nameOf(i))) {
				return
			}
		}
		if len(names) == 0 {
			c.warn(k, section, "it is empty, where at least one property is required")
			return
		}
		c.warn(k, section, "at least one property is required besides %s", strings.Join(names, ", "))
	}
}

// familyName wants a name for a family of malware (STIX 2.1 §4.11.1).
func familyName(c *checker, k int, section string) {
	if f := c.member(k, "is_family"); f > 0 && c.nodes[f].kind == 't' && c.member(k, "name") == 0 {
		c.lacks(k, "name", section)
	}
}

// place wants a location to say where it is (STIX 2.1 §4.10.1).
func place(c *checker, k int, section string) {
	if c.member(k, "region") == 0 && c.member(k, "country") == 0 && (c.member(k, "latitude") == 0 || c.member(k, "longitude") == 0) {
		c.warn(k, section, "region, country, or latitude and longitude are required")
	}
}

// theTLP are the four TLP 1 markings, which nobody may change or add to (STIX 2.1
// §7.2.1.4, STIX 2.0 Part 1 §4.1.4).
var theTLP = map[string]string{
	"white": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
	"green": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
	"amber": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
	"red":   "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}

const theTLPCreated = "2017-01-20T00:00:00.000Z"

// marking checks what a marking definition defines.
func marking(c *checker, k int, section string) {
	definition := c.member(k, "definition")
	if definition == 0 || c.nodes[definition].kind != '{' {
		c.fixed(k, "", section)
		return
	}
	switch kind := c.member(k, "definition_type"); {
	case kind == 0 || c.nodes[kind].kind != '"':
		c.fixed(k, "", section)
	case string(c.raw(kind)) == "tlp":
		tlp := c.member(definition, "tlp")
		if tlp == 0 || c.nodes[tlp].kind != '"' {
			c.lacks(definition, "tlp", section)
			c.fixed(k, "", section)
			return
		}
		c.fixed(k, c.string(tlp), section)
	case string(c.raw(kind)) == "statement":
		if s := c.member(definition, "statement"); s == 0 || c.nodes[s].kind != '"' {
			c.lacks(definition, "statement", section)
		}
		c.fixed(k, "", section)
	default:
		c.fixed(k, "", section) // other types are allowed, if not advised
	}
}

// fixed compares a marking definition of a TLP colour, "" for none, with the fixed ones.
func (c *checker) fixed(k int, colour, section string) {
	id := c.member(k, "id")
	if id == 0 {
		return
	}
	if !c.two {
		section = "STIX 2.1 §7.2.1.4"
	}
	own := ""
	for name, fixed := range theTLP {
		if strings.EqualFold(fixed, c.string(id)) {
			own = name
		}
	}
	switch {
	case own == "" && colour == "":
	case own == "":
		c.warn(id, section, "this is not the marking definition of TLP %s: the four of TLP are fixed, nobody may make another", clip(colour))
	case own != colour:
		c.warn(id, section, "this id belongs to TLP %s, whose definition may not be changed", own)
	default:
		if created, ok := c.moment(k, "created"); ok && created.Text != theTLPCreated {
			c.warn(c.member(k, "created"), section, "the fixed definition of TLP %s says %s", own, theTLPCreated)
		}
	}
}

// translations wants each language's part of a language-content object to be an object
// (STIX 2.1 §7.1.1).
func translations(c *checker, k int, section string) {
	contents := c.member(k, "contents")
	if contents == 0 || c.nodes[contents].kind != '{' {
		return
	}
	for i, end := c.children(contents); i < end; i = c.after(i) {
		if name := c.nameOf(i); !languageTag(name) {
			c.warn(i, section, "%q is not a language code, such as en or de-CH", clip(string(name)))
		}
		if got := c.nodes[i].kind; got != '{' {
			c.warn(i, section, "it is %s, not an object with the properties in this language", kindName(got))
		}
	}
}

// macAddress wants a MAC-48 address in lower case with colons (STIX 2.1 §6.10.1).
func macAddress(c *checker, k int, section string) {
	value := c.member(k, "value")
	if value == 0 || c.nodes[value].kind != '"' {
		return
	}
	raw := c.raw(value)
	ok := len(raw) == 17
	for i := 0; ok && i < len(raw); i++ {
		if i%3 == 2 {
			ok = raw[i] == ':'
		} else {
			ok = raw[i]-'0' <= 9 || raw[i]-'a' <= 5
		}
	}
	if !ok {
		c.warn(value, section, "it is not six pairs of hexadecimal digits in lower case with colons between them")
	}
}

// wholeHive wants the hive of a registry key written out (STIX 2.1 §6.17.1).
func wholeHive(c *checker, k int, section string) {
	key := c.member(k, "key")
	if key == 0 || c.nodes[key].kind != '"' {
		return
	}
	hive, _, _ := strings.Cut(c.string(key), "\\")
	if whole := map[string]string{
		"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKCR": "HKEY_CLASSES_ROOT", "HKU": "HKEY_USERS", "HKCC": "HKEY_CURRENT_CONFIG",
	}[strings.ToUpper(hive)]; whole != "" {
		c.warn(key, section, "the hive is to be written out: %s", whole)
	}
}

// relationshipName wants the characters that a type of relationship may have (STIX 2.1
// §5.1.2, STIX 2.0 Part 2 §3.1).
func relationshipName(c *checker, k int, section string) {
	kind := c.member(k, "relationship_type")
	if kind == 0 || c.nodes[kind].kind != '"' {
		return
	}
	for _, b := range c.raw(kind) {
		if b-'0' > 9 && b-'a' > 25 && b != '-' {
			c.warn(kind, section, "%q has other characters than a-z, 0-9 and -", clip(c.string(kind)))
			return
		}
	}
}
