package terms

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"entente"
)

// key is one key of the terms file with all that this package knows about it.
type key struct {
	name string
	// form says what values it takes, as the end of a sentence.
	form string
	// def is what holds without the key; "" where it must be given.
	def string
	// example is a value as the file writes it: the default where that can be written.
	example string
	// feeds is false for what has no use without collections.
	dialogue bool
	// help explains the key in the template, a comment line each.
	help []string

	// set reads a value into terms.
	set func(r *reader, at entente.Field, v value)
	// get writes a value that is not the default as the file does; "" for the default.
	get func(t *entente.Terms, title func(id string) string) string
	// moves tells whether a change from old to new can keep back something that was
	// released, and whether it can release something that was kept back.
	moves func(old, new *entente.Terms) (tightens, widens bool)
}

// keys are those at the top of the file, in the order in which they are written.
var keys = []key{
	{name: "name", form: "a text: lower-case letters, digits, - and _, 64 at most", example: `"example"`, dialogue: true,
		help: []string{"The agreement's name. Members find it under this name: it is the API root's path."},
		set:  func(r *reader, at entente.Field, v value) { r.text(&r.terms.Name, at, v) },
		get:  func(t *entente.Terms, _ func(string) string) string { return text(t.Name) }, moves: never},
	{name: "title", form: "a text of one line", example: `"Example agreement"`, dialogue: true,
		help: []string{"What people see in lists."},
		set:  func(r *reader, at entente.Field, v value) { r.text(&r.terms.Title, at, v) },
		get:  func(t *entente.Terms, _ func(string) string) string { return text(t.Title) }, moves: never},
	{name: "purpose", form: "a text", example: `"Defence of the members' own networks."`, dialogue: true,
		help: []string{"What the shared may be used for. It is recorded and travels with what is shared; no machine enforces it."},
		set:  func(r *reader, at entente.Field, v value) { r.text(&r.terms.Purpose, at, v) },
		get:  func(t *entente.Terms, _ func(string) string) string { return text(t.Purpose) }, moves: never},
	{name: "community", form: "a text of one line", def: "the members alone", example: `"Example sector"`, dialogue: true,
		help: []string{"The circle that TLP:GREEN means. Agreements of one community name the same."},
		set:  func(r *reader, at entente.Field, v value) { r.text(&r.terms.Community, at, v) },
		get:  func(t *entente.Terms, _ func(string) string) string { return text(t.Community) }, moves: community},
	{name: "collections", form: "a list of names of home's collections", def: "none: dialogue only", example: `["Example collection"]`, dialogue: true,
		help: []string{"The collections that are covered. Without any, the agreement is for dialogue only."},
		set:  func(r *reader, at entente.Field, v value) { r.named(&r.terms.Collections, at, v, r.names.Collection) },
		get:  func(t *entente.Terms, title func(string) string) string { return titles(t.Collections, title) }, moves: collections},
	{name: "vocabularies", form: "a list of names of home's collections", def: "none", example: `["Example vocabulary"]`,
		help: []string{"Collections whose objects every member has anyway, such as ATT&CK. What refers to them need not wait for them."},
		set:  func(r *reader, at entente.Field, v value) { r.named(&r.terms.Vocabularies, at, v, r.names.Collection) },
		get:  func(t *entente.Terms, title func(string) string) string { return titles(t.Vocabularies, title) },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return gone(old.Vocabularies, new.Vocabularies), gone(new.Vocabularies, old.Vocabularies)
		}},
	{name: "highest", form: levelForm, def: "must be given with collections", example: `"tlp:amber"`,
		help: []string{"The strictest marking that is released. TLP:RED never is."},
		set:  func(r *reader, at entente.Field, v value) { r.level(&r.terms.Highest, at, v, "") },
		get:  func(t *entente.Terms, _ func(string) string) string { return text(levelWord(t.Highest, "")) },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return new.Highest < old.Highest, new.Highest > old.Highest
		}},
	{name: "unmarked", form: `"withhold", or ` + levelForm, def: `"withhold"`, example: `"withhold"`,
		help:  []string{"What becomes of objects without a marking: withheld, or released as a copy that is stamped with this one."},
		set:   func(r *reader, at entente.Field, v value) { r.level(&r.terms.Unmarked, at, v, "withhold") },
		get:   func(t *entente.Terms, _ func(string) string) string { return text(levelWord(t.Unmarked, "")) },
		moves: unmarked},
	{name: "types", form: "a list of object types", def: "all", example: `["identity", "indicator", "malware", "relationship"]`,
		help:  []string{"The types of objects that are released, and no others."},
		set:   func(r *reader, at entente.Field, v value) { r.some(&r.terms.Types, at, v) },
		get:   func(t *entente.Terms, _ func(string) string) string { return texts(t.Types) },
		moves: func(old, new *entente.Terms) (bool, bool) { return chosen(old.Types, new.Types) }},
	{name: "except_types", form: "a list of object types", def: "none", example: `["observed-data"]`,
		help: []string{"Types of objects that are not released."},
		set:  func(r *reader, at entente.Field, v value) { r.list(&r.terms.ExceptTypes, at, v) },
		get:  func(t *entente.Terms, _ func(string) string) string { return texts(t.ExceptTypes) },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return gone(new.ExceptTypes, old.ExceptTypes), gone(old.ExceptTypes, new.ExceptTypes)
		}},
	{name: "labels", form: "a list of labels", def: "whatever the labels", example: `["share"]`,
		help:  []string{"Only what has at least one of these labels is released. Observables have no labels."},
		set:   func(r *reader, at entente.Field, v value) { r.some(&r.terms.Labels, at, v) },
		get:   func(t *entente.Terms, _ func(string) string) string { return texts(t.Labels) },
		moves: func(old, new *entente.Terms) (bool, bool) { return chosen(old.Labels, new.Labels) }},
	{name: "except_labels", form: "a list of labels", def: "none", example: `["internal"]`,
		help: []string{"What has one of these labels is not released."},
		set:  func(r *reader, at entente.Field, v value) { r.list(&r.terms.ExceptLabels, at, v) },
		get:  func(t *entente.Terms, _ func(string) string) string { return texts(t.ExceptLabels) },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return gone(new.ExceptLabels, old.ExceptLabels), gone(old.ExceptLabels, new.ExceptLabels)
		}},
	{name: "confidence", form: "a whole number from 0 to 100", def: "0", example: "0",
		help: []string{"The least confidence of what states one."},
		set:  func(r *reader, at entente.Field, v value) { r.number(&r.terms.Confidence, at, v) },
		get:  func(t *entente.Terms, _ func(string) string) string { return number(t.Confidence) },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return new.Confidence > old.Confidence, new.Confidence < old.Confidence
		}},
	{name: "need_confidence", form: "true or false", def: "false", example: "false",
		help:  []string{"Whether what states no confidence is withheld. Observables never state one."},
		set:   func(r *reader, at entente.Field, v value) { r.flag(&r.terms.NeedConfidence, at, v) },
		get:   func(t *entente.Terms, _ func(string) string) string { return flag(t.NeedConfidence) },
		moves: func(old, new *entente.Terms) (bool, bool) { return raised(old.NeedConfidence, new.NeedConfidence) }},
	{name: "age", form: `a number of days such as "30d", 36500 at most`, def: "any age", example: `"30d"`,
		help:  []string{"How long ago an object may have been modified when it is judged. What was released stays when it grows older."},
		set:   func(r *reader, at entente.Field, v value) { r.days(&r.terms.AgeDays, at, v) },
		get:   func(t *entente.Terms, _ func(string) string) string { return days(t.AgeDays) },
		moves: func(old, new *entente.Terms) (bool, bool) { return sooner(int64(old.AgeDays), int64(new.AgeDays)) }},
	{name: "references", form: `"closed" or "open"`, def: `"closed"`, example: `"closed"`,
		help: []string{"closed: what refers to an object waits until that is released too, so nothing betrays what is withheld.",
			"open: it does not wait, and its references may show that something is there."},
		set: func(r *reader, at entente.Field, v value) { r.choice(&r.terms.OpenReferences, at, v, "closed", "open") },
		get: func(t *entente.Terms, _ func(string) string) string { return choice(t.OpenReferences, "open") },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return raised(new.OpenReferences, old.OpenReferences)
		}},
	{name: "onward", form: "true or false", def: "false", example: "false",
		help: []string{"Whether what arrives through this agreement may go into others, as far as its marking allows.",
			"Without it only a permission of the originator lets it."},
		set:   func(r *reader, at entente.Field, v value) { r.flag(&r.terms.Onward, at, v) },
		get:   func(t *entente.Terms, _ func(string) string) string { return flag(t.Onward) },
		moves: func(old, new *entente.Terms) (bool, bool) { return raised(new.Onward, old.Onward) }},
	{name: "approval", form: `"never", or ` + levelForm, def: `"never"`, example: `"never"`,
		help:  []string{"From which marking up two people approve each release."},
		set:   func(r *reader, at entente.Field, v value) { r.level(&r.terms.Approval, at, v, "never") },
		get:   func(t *entente.Terms, _ func(string) string) string { return text(levelWord(t.Approval, "")) },
		moves: func(old, new *entente.Terms) (bool, bool) { return sooner(int64(old.Approval), int64(new.Approval)) }},
	{name: "stricter", form: `"ask" or "withdraw"`, def: `"ask"`, example: `"ask"`,
		help: []string{"What happens to a released version when a newer one is too strict: somebody is asked, or it is withdrawn at once."},
		set:  func(r *reader, at entente.Field, v value) { r.choice(&r.terms.WithdrawOlder, at, v, "ask", "withdraw") },
		get:  func(t *entente.Terms, _ func(string) string) string { return choice(t.WithdrawOlder, "withdraw") },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return raised(old.WithdrawOlder, new.WithdrawOlder)
		}},
	{name: "dissent", form: `"carry" or "require"`, def: `"carry"`, example: `"carry"`,
		help: []string{"Dissent about an object is released with it. Where the dissent cannot be released:",
			"carry: the object goes without it; require: it waits at most 72 hours, then goes flagged as contested."},
		set: func(r *reader, at entente.Field, v value) {
			r.choice(&r.terms.RequireDissent, at, v, "carry", "require")
		},
		get: func(t *entente.Terms, _ func(string) string) string { return choice(t.RequireDissent, "require") },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return raised(old.RequireDissent, new.RequireDissent)
		}},
	{name: "proof", form: `"local" or "witnessed"`, def: `"local"`, example: `"local"`, dialogue: true,
		help: []string{"local: what is delivered stands in home's ledger first. witnessed: a witness has countersigned the ledger as well."},
		set: func(r *reader, at entente.Field, v value) {
			r.choice(&r.terms.WitnessedProof, at, v, "local", "witnessed")
		},
		get: func(t *entente.Terms, _ func(string) string) string { return choice(t.WitnessedProof, "witnessed") },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return raised(old.WitnessedProof, new.WitnessedProof)
		}},
	{name: "review", form: `"facts" or "content"`, def: `"facts"`, example: `"facts"`,
		help: []string{"What home's reviewer reads of objects that members send under TLP:AMBER+STRICT: that they are there and what",
			"was decided about them, or their content too."},
		set: func(r *reader, at entente.Field, v value) {
			r.choice(&r.terms.ReviewContent, at, v, "facts", "content")
		},
		get:   func(t *entente.Terms, _ func(string) string) string { return choice(t.ReviewContent, "content") },
		moves: never},
	{name: "valid_from", form: momentForm, def: "at once", example: "2027-01-01", dialogue: true,
		help: []string{"From when it holds: a day begins at 00:00 UTC."},
		set:  func(r *reader, at entente.Field, v value) { r.moment(&r.terms.ValidFrom, at, v, 0) },
		get:  func(t *entente.Terms, _ func(string) string) string { return moment(t.ValidFrom) },
		moves: func(old, new *entente.Terms) (bool, bool) {
			return new.ValidFrom > old.ValidFrom, new.ValidFrom < old.ValidFrom
		}},
	{name: "valid_until", form: momentForm, def: "no end", example: "2027-12-31", dialogue: true,
		help:  []string{"Until when it holds: of a day, all of it in UTC; of a moment, up to it."},
		set:   func(r *reader, at entente.Field, v value) { r.moment(&r.terms.ValidUntil, at, v, 1) },
		get:   func(t *entente.Terms, _ func(string) string) string { return moment(t.ValidUntil) },
		moves: func(old, new *entente.Terms) (bool, bool) { return sooner(old.ValidUntil, new.ValidUntil) }},
}

// memberKeys are those of a [[member]].
var memberKeys = []key{
	{name: "organisation", form: "the name of a partner", example: `"Example CERT"`, dialogue: true,
		help: []string{"Who it is. Home is always a member and is not listed."},
		set:  func(r *reader, at entente.Field, v value) { r.organisation(at, v) }},
	{name: "direction", form: `"receives", "contributes" or "both"`, def: "must be given with collections", example: `"receives"`,
		help: []string{"receives: reads the feeds. contributes: posts to them. both: does both."},
		set:  func(r *reader, at entente.Field, v value) { r.direction(at, v) }},
	{name: "client", form: "true or false", def: "false", example: "false",
		help: []string{"Whether home serves it as a client: what others sent under TLP:GREEN or AMBER may go on to clients (TLP 2.0)."},
		set:  func(r *reader, at entente.Field, v value) { r.flag(&r.member(at).Client, at, v) }},
}

const (
	levelForm  = `"tlp:clear", "tlp:green", "tlp:amber" or "tlp:amber+strict"`
	momentForm = "a day such as 2027-12-31, or a moment such as 2027-12-31T12:00:00Z, without quotation marks"
)

// find gives a key by its name.
func find(all []key, name string) *key {
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
}

// text writes a basic string (TOML 1.0), "" for none.
func text(s string) string {
	if s == "" {
		return ""
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// texts writes a list of strings, "" for none.
func texts(list []string) string {
	if len(list) == 0 {
		return ""
	}
	written := make([]string, len(list))
	for i, s := range list {
		written[i] = text(s)
	}
	return "[" + strings.Join(written, ", ") + "]"
}

// titles writes a list of ids by their names, and by the ids where there is no name.
func titles(ids []string, title func(id string) string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = named(id, title)
	}
	return texts(names)
}

func named(id string, title func(id string) string) string {
	if title != nil {
		if name := title(id); name != "" {
			return name
		}
	}
	return id
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func days(n int) string {
	if n == 0 {
		return ""
	}
	return text(strconv.Itoa(n) + "d")
}

func flag(set bool) string {
	if !set {
		return ""
	}
	return "true"
}

func choice(set bool, word string) string {
	if !set {
		return ""
	}
	return text(word)
}

func moment(micros int64) string {
	if micros == 0 {
		return ""
	}
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
}
