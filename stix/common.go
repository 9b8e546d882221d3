package stix

import (
	"slices"
	"strings"

	entente "entente"
)

// common reads the common properties (STIX 2.1 §3.2, STIX 2.0 Part 1 §3.1) into v. What it
// cannot read is a fault: the rules of release look at these, so none may be lost.
func (c *checker) common(v *entente.Version) {
	var id, kind, spec int
	for k, end := c.children(0); k < end; k = c.after(k) {
		switch string(c.nameOf(k)) {
		case "id":
			id = k
		case "type":
			kind = k
		case "spec_version":
			spec = k
		case "created":
			v.Created = c.instant(k)
		case "modified":
			v.Modified = c.instant(k)
		case "created_by_ref":
			if c.mustBe(k, '"', "a string") {
				v.CreatedBy, _ = c.identifier(k)
			}
		case "revoked":
			if c.mustBe(k, 't', "a boolean") {
				v.Revoked = c.nodes[k].kind == 't'
			}
		case "confidence":
			c.confidence(v, k)
		case "labels":
			v.Labels = c.labels(k)
		case "object_marking_refs":
			v.Markings = c.markings(k)
		case "granular_markings":
			v.Granular = c.granular(k)
		}
		c.numbers(k)
	}
	c.name(v, kind, id)
	if !c.faulty {
		c.spec(v, spec)
	}
}

// mustBe makes a fault of node k if it is of another kind; 't' stands for both booleans.
func (c *checker) mustBe(k int, kind byte, what string) bool {
	got := c.nodes[k].kind
	if got == kind || kind == 't' && got == 'f' {
		return true
	}
	c.fault(k, "STIX 2.1 §3.2", "it is %s, not %s", kindName(got), what)
	return false
}

func (c *checker) instant(k int) entente.Instant {
	if !c.mustBe(k, '"', "a timestamp") {
		return entente.Instant{}
	}
	in, err := entente.ParseInstant(c.string(k))
	if err != nil {
		c.fault(k, "STIX 2.1 §2.16", "%s", why(err))
	}
	return in
}

func (c *checker) confidence(v *entente.Version, k int) {
	if !c.mustBe(k, '0', "an integer from 0 to 100") {
		return
	}
	n := c.number(k)
	if n < 0 || n > 100 || n != float64(int(n)) {
		c.warn(k, "STIX 2.1 §3.2", "%s is not an integer from 0 to 100; the object counts as stating no confidence", c.raw(k))
		return
	}
	v.Confidence = int(n)
}

func (c *checker) labels(k int) []string {
	if !c.mustBe(k, '[', "a list of strings") {
		return nil
	}
	var labels []string
	for i, end := c.children(k); i < end; i = c.after(i) {
		if c.mustBe(i, '"', "a string") {
			labels = append(labels, c.string(i))
		}
	}
	return labels
}

func (c *checker) markings(k int) []entente.ObjectID {
	if !c.mustBe(k, '[', "a list of identifiers") {
		return nil
	}
	var refs []entente.ObjectID
	for i, end := c.children(k); i < end; i = c.after(i) {
		refs = append(refs, c.marking(i))
	}
	return refs
}

// marking reads a reference to a marking. One that cannot be read refuses the object:
// dropping it would share what its author meant to protect.
func (c *checker) marking(k int) entente.ObjectID {
	if !c.mustBe(k, '"', "an identifier") {
		return ""
	}
	id, ok := c.identifier(k)
	if !ok {
		c.fault(k, "STIX 2.1 §7.2.2", "this marking cannot be read: %q is not an identifier", clip(c.string(k)))
	}
	return id
}

// identifierTail is the length of "--" and a UUID.
const identifierTail = 38

// identifier reads a string as entente.ParseObjectID does, and faster where it is one: a
// UUID has no two hyphens together, so the type ends where the last 38 characters begin.
func (c *checker) identifier(k int) (entente.ObjectID, bool) {
	s := c.raw(k)
	if c.nodes[k].flags&escaped != 0 {
		s = unescape(nil, s)
	}
	cut := len(s) - identifierTail
	if cut < 1 || s[cut] != '-' || s[cut+1] != '-' || !isUUID(s[cut+2:]) || !entente.ValidType(string(s[:cut])) {
		return "", false
	}
	return entente.ObjectID(s), true
}

// uuidBytes says what a byte counts in a UUID: nothing for a hexadecimal digit, one for a
// hyphen, too much for anything else.
var uuidBytes = func() (table [256]uint8) {
	for c := range table {
		switch {
		case c == '-':
			table[c] = 1
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			table[c] = 5
		}
	}
	return table
}()

// isUUID is entente.IsUUID without a branch for each byte: references are the most that
// an object of a knowledge base consists of.
func isUUID(b []byte) bool {
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return false
	}
	sum := 0
	for _, c := range b {
		sum += int(uuidBytes[c])
	}
	return sum == 4
}

// why is the reason in an error about a value, without the section that its finding names.
func why(err error) string {
	text, _, _ := strings.Cut(entente.PublicText(err), " (STIX ")
	return text
}

func (c *checker) granular(k int) []entente.GranularMarking {
	if !c.mustBe(k, '[', "a list of granular markings") {
		return nil
	}
	const section = "STIX 2.1 §7.2.3.1"
	var all []entente.GranularMarking
	for i, end := c.children(k); i < end; i = c.after(i) {
		if !c.mustBe(i, '{', "a granular marking") {
			continue
		}
		var g entente.GranularMarking
		ref, lang, selectors := c.member(i, "marking_ref"), c.member(i, "lang"), c.member(i, "selectors")
		if ref > 0 {
			g.Marking = c.marking(ref)
		}
		if lang > 0 && c.mustBe(lang, '"', "a language code") {
			if g.Lang = c.string(lang); !languageTag(c.raw(lang)) {
				c.warn(lang, section, "%q is not a language code, such as en or de-CH", clip(g.Lang))
			}
		}
		switch {
		case ref == 0 && lang == 0:
			c.fault(i, section, "this marking cannot be read: it has neither marking_ref nor lang")
		case ref > 0 && lang > 0:
			c.warn(i, section, "it has both marking_ref and lang, where one of them is expected")
		}
		switch {
		case selectors == 0:
			c.lacks(i, "selectors", section)
		case c.mustBe(selectors, '[', "a list of selectors"):
			for j, end := c.children(selectors); j < end; j = c.after(j) {
				if c.mustBe(j, '"', "a selector") {
					g.Selectors = append(g.Selectors, c.string(j))
				}
			}
			if len(g.Selectors) == 0 {
				c.warn(selectors, section, "it is empty: the marking selects nothing")
			}
		}
		all = append(all, g)
	}
	return all
}

// numbers refuses numbers under node k that receivers would read differently.
func (c *checker) numbers(k int) {
	for end := c.after(k); k < end; k++ {
		if n := &c.nodes[k]; n.kind != '0' || n.flags&small != 0 {
			continue
		}
		if f := c.number(k); f > maxNumber || f < -maxNumber {
			c.fault(k, "RFC 7493 §2.2", "%s is beyond 2^53-1, where numbers lose their exact value", c.raw(k))
		}
	}
}

// name reads type and id.
func (c *checker) name(v *entente.Version, kind, id int) {
	switch {
	case kind == 0:
		c.add(entente.Fault, "type", "STIX 2.1 §3.2", "it is required and missing", nil)
	case c.mustBe(kind, '"', "an object type"):
		v.Type = c.string(kind)
		switch {
		case v.Type == "bundle":
			c.fault(kind, "STIX 2.1 §8", "a bundle is not an object: it is read with its objects one by one")
		case !entente.ValidType(v.Type):
			c.fault(kind, "STIX 2.1 §3.1", "%q is not an object type: 1 to 250 characters of a-z, 0-9 and -", clip(v.Type))
		}
	}
	switch {
	case id == 0:
		c.add(entente.Fault, "id", "STIX 2.1 §3.2", "it is required and missing", nil)
	case c.mustBe(id, '"', "an identifier"):
		parsed, ok := c.identifier(id)
		var err error
		if !ok {
			parsed, err = entente.ParseObjectID(c.string(id))
		}
		switch {
		case err != nil:
			c.fault(id, "STIX 2.1 §2.9", "%s", why(err))
		case v.Type != "" && parsed.Type() != v.Type:
			c.fault(id, "STIX 2.1 §2.9", "it names an object of type %q, but the type is %q", clip(parsed.Type()), clip(v.Type))
		}
		v.ID = parsed
	}
}

// references collects every identifier in a property whose name ends in _ref or _refs, at
// any depth (STIX 2.1 §3.3), and warns of values there that are none.
func (c *checker) references(v *entente.Version) {
	const few = 16 // up to here, looking through the list is faster than a set
	var set map[entente.ObjectID]struct{}
	take := func(k int) {
		id, ok := c.known(v, k)
		if !ok {
			id, ok = c.identifier(k)
		}
		if !ok {
			c.notReference(k)
			return
		}
		if len(v.References) < few {
			if slices.Contains(v.References, id) {
				return
			}
		} else {
			if set == nil {
				set = make(map[entente.ObjectID]struct{}, 4*few)
				for _, r := range v.References {
					set[r] = struct{}{}
				}
			}
			if _, ok := set[id]; ok {
				return
			}
			set[id] = struct{}{}
		}
		v.References = append(v.References, id)
	}
	if v.Type == "observed-data" {
		if objects := c.member(0, "objects"); objects > 0 {
			c.inside, c.insideTo = objects, c.after(objects)
		}
	}
	for k := 1; k < len(c.nodes); k++ {
		if c.nodes[k].flags&named == 0 || !namesReference(c.nameOf(k)) {
			continue
		}
		switch c.nodes[k].kind {
		case '"':
			take(k)
		case '[':
			for i, end := c.children(k); i < end; {
				switch c.nodes[i].kind {
				case '"':
					take(i)
					i++
				case '[':
					i++ // a list in the list
				default:
					i = c.after(i)
				}
			}
		}
	}
}

// known finds the identifier at k among the creator and the markings, which were read
// before: most references are one of these, and the search is cheaper than the reading.
func (c *checker) known(v *entente.Version, k int) (entente.ObjectID, bool) {
	raw := c.raw(k)
	if len(raw) == 0 {
		return "", false
	}
	if string(v.CreatedBy) == string(raw) {
		return v.CreatedBy, true
	}
	for _, m := range v.Markings[:min(4, len(v.Markings))] {
		if string(m) == string(raw) {
			return m, true
		}
	}
	return "", false
}

func namesReference(name []byte) bool {
	n := len(name)
	if n > 0 && name[n-1] == 's' {
		n--
	}
	return n >= 4 && string(name[n-4:n]) == "_ref"
}

// notReference warns of a string that should be an identifier. The objects inside an
// observed-data object refer to one another by their keys (STIX 2.0 Part 3 §2, STIX 2.1 §2.13).
func (c *checker) notReference(k int) {
	if k > c.inside && k < c.insideTo {
		return
	}
	if len(c.raw(k)) == 0 {
		c.warn(k, c.data("STIX 2.1 §2.9"), "it is empty and refers to nothing: leave the property out")
		return
	}
	c.warn(k, c.data("STIX 2.1 §2.9"), "%q is not an identifier, so this refers to nothing", clip(c.string(k)))
}
