package entente

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Field is a place in [Terms]: a key of the terms file, and in a list or among the
// members which one.
type Field struct {
	Key string // as the terms file writes it, "organisation" and the like for a member; "" for no field
	At  int    // from 0; -1 for the key as a whole
}

// Clash is what is wrong with terms: one value, or two that contradict each other.
type Clash struct {
	A    Field
	B    Field  // the other of two, with the key "" where A alone is wrong
	Text string // what is wrong and what to do about it
}

// Bounds of terms. They keep the file readable by those who sign it.
const (
	MaxMembers = 500    // of an agreement
	MaxListed  = 256    // collections, vocabularies, types or labels of one key
	MaxAgeDays = 36_500 // a hundred years
	maxLabel   = 256    // bytes
	maxPurpose = 16_384 // bytes
)

// The moments that validity may name, in microseconds since 1970: the years 2000 to 9999.
const (
	firstValid = 946_684_800_000_000
	lastValid  = 253_402_300_799_999_999
)

// observableTypes are the types of cyber-observable objects of STIX 2.1 (§6). They have
// neither labels nor a confidence (§3.2).
var observableTypes = []string{"artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message", "file",
	"ipv4-addr", "ipv6-addr", "mac-addr", "mutex", "network-traffic", "process", "software", "url", "user-account",
	"windows-registry-key", "x509-certificate"}

// linkTypes are the types whose objects must refer to others, and say nothing without them (STIX
// 2.1 §4.3, §4.13, §4.15, §4.17, §5, §7.1).
var linkTypes = []string{"grouping", "language-content", "note", "opinion", "relationship", "report", "sighting"}

// Check finds what is wrong with terms: values out of range, and values that contradict
// each other or can never apply, since whoever signs them would believe that they do. It is
// empty for terms that may be proposed.
func (t *Terms) Check() []Clash {
	c := new(clashes)
	c.texts(t)
	c.members(t)
	c.lists(t)
	c.markings(t)
	c.limits(t)
	c.dissent(t)
	c.validity(t)
	if len(t.Collections) == 0 {
		c.dialogue(t)
	}
	return c.all
}

// clashes gathers what [Terms.Check] finds.
type clashes struct{ all []Clash }

func wholeKey(key string) Field { return Field{Key: key, At: -1} }

func (c *clashes) one(a Field, format string, args ...any) { c.two(a, Field{}, format, args...) }

func (c *clashes) two(a, b Field, format string, args ...any) {
	c.all = append(c.all, Clash{A: a, B: b, Text: fmt.Sprintf(format, args...)})
}

func (c *clashes) texts(t *Terms) {
	if err := CheckRootName(t.Name); err != nil {
		c.one(wholeKey("name"), "the name of an agreement is that of its API root: %s", PublicText(err))
	}
	if t.Title == "" {
		c.one(wholeKey("title"), "give the agreement a title, such as title = \"Banking fraud, Example CERT and members\"")
	}
	if strings.TrimSpace(t.Purpose) == "" {
		c.one(wholeKey("purpose"), "say in purpose what the shared may be used for; it is recorded with all that is shared")
	}
	c.text("title", t.Title, 4*MaxName, true)
	c.text("community", t.Community, 4*MaxName, true)
	c.text("purpose", t.Purpose, maxPurpose, false)
}

func (c *clashes) text(key, s string, most int, line bool) {
	if err := checkText(key, s, most); err != nil {
		c.one(wholeKey(key), "%s", PublicText(err))
	} else if line && strings.ContainsFunc(s, unicode.IsControl) {
		c.one(wholeKey(key), "the %s is one line without control characters", key)
	}
}

func (c *clashes) members(t *Terms) {
	switch {
	case len(t.Members) == 0:
		c.one(wholeKey("member"), "name at least one [[member]]; home itself is always one and is not listed")
	case len(t.Members) > MaxMembers:
		c.one(wholeKey("member"), "an agreement has at most %d members; make two of it", MaxMembers)
		return
	}
	first := map[string]int{}
	for i, m := range t.Members {
		at := func(key string) Field { return Field{Key: key, At: i} }
		if !IsUUID(m.Organisation) {
			c.one(at("organisation"), "name the organisation, or give its id, which is a UUID")
		} else if k, ok := first[m.Organisation]; ok {
			c.two(at("organisation"), Field{"organisation", k}, "this organisation is a member already; join the two into one [[member]]")
		} else {
			first[m.Organisation] = i
		}
		switch {
		case m.Flow > Both:
			c.one(at("direction"), "direction is \"receives\", \"contributes\" or \"both\"")
		case len(t.Collections) == 0 && m.Flow != 0:
			c.two(at("direction"), wholeKey("collections"), "there is no collection that the member could receive or contribute to; "+
				"take out direction for an agreement of dialogue only, or name collections")
		case len(t.Collections) > 0 && m.Flow == 0:
			c.one(at("direction"), "say which way data go: direction = \"receives\", \"contributes\" or \"both\"")
		}
		if m.Client && m.Flow == Contributes {
			c.two(at("client"), at("direction"), "client says what may be sent on to the member, and a member that only contributes is sent nothing; "+
				"take out client, or make direction \"both\"")
		}
	}
}

func (c *clashes) lists(t *Terms) {
	c.list("collections", t.Collections, "is not an id of a collection, which is a UUID", IsUUID)
	c.list("vocabularies", t.Vocabularies, "is not an id of a collection, which is a UUID", IsUUID)
	c.list("types", t.Types, "is not a type of STIX objects: lower-case letters, digits and hyphens, such as \"threat-actor\"", releasableType)
	c.list("except_types", t.ExceptTypes, "is not a type of STIX objects: lower-case letters, digits and hyphens, such as \"threat-actor\"", releasableType)
	c.list("labels", t.Labels, "is not a label: one line of 1 to 256 bytes", isLabel)
	c.list("except_labels", t.ExceptLabels, "is not a label: one line of 1 to 256 bytes", isLabel)
	c.overlap("types", t.Types, "except_types", t.ExceptTypes, "the type {} is released by the one and kept back by the other; take it out of one of them")
	c.overlap("labels", t.Labels, "except_labels", t.ExceptLabels, "the label {} is asked for by the one and kept back by the other; take it out of one of them")
	c.overlap("vocabularies", t.Vocabularies, "collections", t.Collections,
		"a vocabulary is what every member has already, and this collection is released as well; what is withheld of it would count as known. Take it out of one of them")
}

// releasableType tells whether objects of a type can be in a feed; a bundle is only a container.
func releasableType(s string) bool { return validType(s) && s != "bundle" }

func isLabel(s string) bool {
	return s != "" && checkText("label", s, maxLabel) == nil && !strings.ContainsFunc(s, unicode.IsControl)
}

func (c *clashes) list(key string, list []string, wrong string, ok func(string) bool) {
	if len(list) > MaxListed {
		c.one(wholeKey(key), "%s has at most %d elements", key, MaxListed)
		return
	}
	first := map[string]int{}
	for i, s := range list {
		if k, twice := first[s]; twice {
			c.two(Field{key, i}, Field{key, k}, "this is in %s twice; take one of them out", key)
			continue
		}
		first[s] = i
		if !ok(s) {
			c.one(Field{key, i}, "%q %s", clip(s), wrong)
		}
	}
}

func (c *clashes) overlap(key string, list []string, other string, others []string, text string) {
	at := map[string]int{}
	for i, s := range others {
		at[s] = i
	}
	for i, s := range list {
		if k, ok := at[s]; ok {
			c.two(Field{key, i}, Field{other, k}, "%s", strings.ReplaceAll(text, "{}", fmt.Sprintf("%q", clip(s))))
		}
	}
}

func (c *clashes) markings(t *Terms) {
	none := len(t.Collections) == 0
	switch {
	case t.Highest >= TLPRed:
		c.one(wholeKey("highest"), "TLP:RED is for named persons and never enters a feed; highest is \"tlp:amber+strict\" at most")
	case t.Highest == TLPNone && !none:
		c.one(wholeKey("highest"), "say what the strictest marking is that is released: highest = \"tlp:clear\", \"tlp:green\", \"tlp:amber\" or \"tlp:amber+strict\"")
	}
	if none || t.Highest == TLPNone {
		return // what the others would be stricter than is not known
	}
	if t.Unmarked > t.Highest {
		c.two(wholeKey("unmarked"), wholeKey("highest"), "what is unmarked would be stamped more strictly than the highest that is released, so all of it would be withheld; "+
			"lower unmarked, raise highest, or write unmarked = \"withhold\"")
	}
	if t.Approval > t.Highest {
		c.two(wholeKey("approval"), wholeKey("highest"), "approval would never be asked for, since nothing as strict is released; "+
			"lower approval, raise highest, or write approval = \"never\"")
	}
	for i, m := range t.Members {
		if m.Client && t.Highest == TLPClear {
			c.two(Field{"client", i}, wholeKey("highest"), "client says that what others sent under TLP:GREEN or AMBER may go on to the member, and nothing as strict is released; "+
				"take out client, or raise highest")
		}
	}
}

func (c *clashes) limits(t *Terms) {
	if t.Confidence < 0 || t.Confidence > 100 {
		c.one(wholeKey("confidence"), "confidence is a whole number from 0 to 100")
	}
	if t.AgeDays < 0 || t.AgeDays > MaxAgeDays {
		c.one(wholeKey("age"), "age is a number of days from 1 to %d, such as \"30d\"", MaxAgeDays)
	}
	if onlyOf(t.Types, observableTypes) {
		const cause = "all of types are observables, which have none in STIX 2.1; "
		if t.NeedConfidence {
			c.two(wholeKey("need_confidence"), wholeKey("types"), "nothing would be released, as confidence is needed and %stake out need_confidence, or name other types", cause)
		} else if t.Confidence > 0 {
			c.two(wholeKey("confidence"), wholeKey("types"), "confidence would never be looked at: %stake it out, or name other types", cause)
		}
		if t.AgeDays > 0 {
			c.two(wholeKey("age"), wholeKey("types"), "age would never be looked at: all of types are observables, which say nothing of when they were modified; take it out, or name other types")
		}
		if len(t.Labels) > 0 {
			c.two(wholeKey("labels"), wholeKey("types"), "nothing would be released, as a label is needed and %stake out labels, or name other types", cause)
		}
		if len(t.ExceptLabels) > 0 {
			c.two(wholeKey("except_labels"), wholeKey("types"), "except_labels would never apply: %stake it out, or name other types", cause)
		}
	}
	switch {
	case t.OpenReferences && len(t.Vocabularies) > 0:
		c.two(wholeKey("vocabularies"), wholeKey("references"), "vocabularies say which references need not be released, and with references = \"open\" none need be; take out one of them")
	case !t.OpenReferences && len(t.Vocabularies) == 0 && onlyOf(t.Types, linkTypes):
		c.two(wholeKey("types"), wholeKey("references"), "objects of these types only speak of others, and would wait for ever for those, which are of no type that is released; "+
			"add the types that they refer to, name vocabularies, or write references = \"open\"")
	}
}

// dissent finds what keeps all dissent back where it is required: it comes as opinions, and as
// notes with a label.
func (c *clashes) dissent(t *Terms) {
	if !t.RequireDissent || len(t.Collections) == 0 {
		return
	}
	const cause = "dissent would be waited for in vain, 72 hours each time: "
	named := func(typ string) bool { return len(t.Types) == 0 || slices.Contains(t.Types, typ) }
	left := func(typ string) int { return slices.Index(t.ExceptTypes, typ) }
	released := func(typ string) bool { return named(typ) && left(typ) < 0 }
	label := slices.Index(t.ExceptLabels, DissentLabel)
	switch {
	case released("opinion"), released("note") && label < 0:
	case released("note"):
		c.two(wholeKey("dissent"), Field{"except_labels", label}, cause+"opinions are not released, and by that label a note is dissent; take it out of except_labels, or write dissent = \"carry\"")
	case !named("opinion") && !named("note"):
		c.two(wholeKey("dissent"), wholeKey("types"), cause+"it is an opinion or a note, and neither is released; add both to types, or write dissent = \"carry\"")
	default:
		c.two(wholeKey("dissent"), Field{"except_types", max(left("opinion"), left("note"))}, cause+"it is an opinion or a note, and neither is released; take both out of except_types, or write dissent = \"carry\"")
	}
}

// onlyOf tells whether there are types, and all of them are among others.
func onlyOf(types, others []string) bool {
	return len(types) > 0 && !slices.ContainsFunc(types, func(s string) bool { return !slices.Contains(others, s) })
}

func (c *clashes) validity(t *Terms) {
	ok := true
	moment := func(key string, at int64) {
		if at != 0 && (at < firstValid || at > lastValid) {
			ok = false
			c.one(wholeKey(key), "%s is a day or moment of the years 2000 to 9999", key)
		}
	}
	moment("valid_from", t.ValidFrom)
	moment("valid_until", t.ValidUntil)
	if ok && t.ValidUntil != 0 && t.ValidUntil <= t.ValidFrom {
		c.two(wholeKey("valid_until"), wholeKey("valid_from"), "the agreement would end before it begins; make valid_until later than valid_from")
	}
}

// dialogue finds what an agreement without collections has no use for.
func (c *clashes) dialogue(t *Terms) {
	given := []struct {
		key   string
		there bool
	}{
		{"vocabularies", len(t.Vocabularies) > 0}, {"highest", t.Highest != TLPNone}, {"unmarked", t.Unmarked != TLPNone},
		{"types", len(t.Types) > 0}, {"except_types", len(t.ExceptTypes) > 0},
		{"labels", len(t.Labels) > 0}, {"except_labels", len(t.ExceptLabels) > 0},
		{"confidence", t.Confidence != 0}, {"need_confidence", t.NeedConfidence}, {"age", t.AgeDays != 0},
		{"references", t.OpenReferences}, {"onward", t.Onward}, {"approval", t.Approval != TLPNone},
		{"stricter", t.WithdrawOlder}, {"dissent", t.RequireDissent}, {"review", t.ReviewContent},
	}
	for _, g := range given {
		if g.there {
			c.two(wholeKey(g.key), wholeKey("collections"), "without collections nothing is released, so %s never applies; take it out for an agreement of dialogue only, or name collections", g.key)
		}
	}
	for i, m := range t.Members {
		if m.Client {
			c.two(Field{"client", i}, wholeKey("collections"), "without collections nothing is released, so client never applies; take it out for an agreement of dialogue only, or name collections")
		}
	}
}
