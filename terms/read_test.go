package terms_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente"
	"entente/terms"
)

// good is a file without problems, in which 12 lines stand above the first member.
const good = `name = "banks"
title = "Banks"
purpose = """
Defence of the
members' networks."""
collections = [ # covered
  "Phishing",
  "Example collection",
]
highest = "tlp:amber"

# the members
[[member]]
organisation = "Example CERT"
direction = "both"
`

func TestRead(t *testing.T) {
	full := good[:strings.Index(good, "[[member]]")] + `
community = 'Finance'
vocabularies = ["Example vocabulary"]
unmarked = "TLP:GREEN"
types = ["indicator", "opinion", "relationship"]
except_types = []
labels = ["share"]
except_labels = ["internal"]
confidence = 5_0
need_confidence = true
age = "30d"
references = "closed"
onward = true
approval = "tlp:amber"
stricter = "withdraw"
dissent = "require"
proof = "witnessed"
review = "content"
valid_from = 2027-01-01
valid_until = 2027-01-01 12:30:00.25+02:00

[[member]]
organisation = "` + strings.ToLower(id(2)) + `"
direction = "receives"
client = true
[[member]]
direction = "contributes"
organisation = "Example ISAC"
client = false
`
	got, problems := terms.Read([]byte("\ufeff"+strings.ReplaceAll(full, "\n", "\r\n")), names)
	tell(t, problems)
	want := entente.Terms{Name: "banks", Title: "Banks", Purpose: "Defence of the\r\nmembers' networks.", Community: "Finance",
		Members:     []entente.Member{{Organisation: id(2), Flow: entente.Receives, Client: true}, {Organisation: id(3), Flow: entente.Contributes}},
		Collections: []string{id(13), id(11)}, Vocabularies: []string{id(12)}, Highest: entente.TLPAmber, Unmarked: entente.TLPGreen,
		Types: []string{"indicator", "opinion", "relationship"}, Labels: []string{"share"}, ExceptLabels: []string{"internal"},
		Confidence: 50, NeedConfidence: true, AgeDays: 30, Onward: true, Approval: entente.TLPAmber,
		WithdrawOlder: true, RequireDissent: true, WitnessedProof: true, ReviewContent: true,
		ValidFrom: 1_798_761_600_000_000, ValidUntil: 1_798_799_400_250_000}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// A day at the end is the whole day, and the same day at both ends is one day.
	got, problems = terms.Read([]byte("valid_from = 2027-01-01\nvalid_until = 2027-01-01\n"+good), names)
	tell(t, problems)
	if got.ValidUntil-got.ValidFrom != 86_400_000_000 {
		t.Errorf("from %d until %d", got.ValidFrom, got.ValidUntil)
	}
}

// Each case is put above the good file (line 1), or in place of a part of it, and gives
// problems on lines, with a part of their texts.
func TestReadProblems(t *testing.T) {
	cases := map[string]struct {
		add, from, to string // add goes on line 1; from is replaced by to
		want          []string
	}{
		"an unknown key":             {add: `colour = "tlp:red"`, want: []string{`1: terms have no key "colour"; take it out`}},
		"a key misspelt":             {add: `lables = ["a"]`, want: []string{"1: did you mean labels?"}},
		"a key misspelt and missing": {from: "highest =", to: "Highst =", want: []string{`10: terms have no key "Highst"; did you mean highest?`}},
		"a hyphen":                   {add: `except-labels = ["a"]`, want: []string{"1: did you mean except_labels?"}},
		"a key of a member":          {add: `client = true`, want: []string{"1: write it below a [[member]]"}},
		"a key above":                {from: `direction = "both"`, to: "direction = \"both\"\nonward = true", want: []string{"16: above the first [[member]]"}},
		"a member's key misspelt":    {from: "direction", to: "directon", want: []string{`15: a [[member]] has no key "directon"; did you mean direction?`}},
		"a table":                    {from: "[[member]]", to: "[limits]\na = 1\n[[member]]", want: []string{"13: no table [limits]"}},
		"a list of tables":           {from: "[[member]]", to: "[[a.b]]\nname = 1\n[[member]]", want: []string{"13: no table [[a.b]]"}},
		"a member in one bracket":    {from: "[[member]]", to: "[member]", want: []string{"13: write [[member]] with two brackets"}},
		"members in line":            {add: `member = [{organisation = "x"}]`, from: "[[member]]\norganisation = \"Example CERT\"\ndirection = \"both\"\n", want: []string{"1: write each member as [[member]]"}},
		"a dotted key":               {add: `confidence.least = 5`, want: []string{"1: confidence has no parts"}},
		"a key twice":                {add: `"title" = "Other"`, want: []string{"3+1: title is given twice"}},
		"a member's key twice":       {from: `direction = "both"`, to: "direction = \"both\"\ndirection = \"both\"", want: []string{"16+15: direction is given twice"}},
		"a number for a text":        {from: `"Banks"`, to: `7`, want: []string{"2: title takes a text of one line, not 7"}},
		"a text for a flag":          {add: `onward = "yes"`, want: []string{`1: onward takes true or false, not "yes"; for instance onward = false`}},
		"a list for a text":          {from: `"Banks"`, to: `["Banks"]`, want: []string{"2: not a list"}},
		"a table for a text":         {from: `"Banks"`, to: `{a = 1}`, want: []string{"2: not a table"}},
		"a text for a list":          {add: `types = "tool"`, want: []string{`1: types takes a list of object types, not "tool"`}},
		"a number in a list":         {add: "types = [\n\"tool\",\n5, [],\n'Tool']", want: []string{"1: not a list", "3: not 5", "4: \"Tool\" is not a type"}},
		"a fraction":                 {add: `confidence = 5.0`, want: []string{"1: confidence takes a whole number from 0 to 100, not 5.0"}},
		"a hexadecimal number":       {add: `confidence = 0x10`, want: []string{"1: not 0x10"}},
		"a number out of range":      {add: `confidence = 101`, want: []string{"1: from 0 to 100"}},
		"a negative number":          {add: `confidence = -1`, want: []string{"1: from 0 to 100"}},
		"an enormous number":         {add: `confidence = ` + strings.Repeat("9", 5000), want: []string{"1: a whole number from 0 to 100, not 9999"}},
		"an age of weeks":            {add: `age = "2w"`, want: []string{`1: age takes a number of days such as "30d"`}},
		"an age of a number":         {add: `age = 30`, want: []string{`1: not 30`}},
		"an age too high":            {add: `age = "36501d"`, want: []string{`1: from 1 to 36500`}},
		"an age of nothing":          {add: `age = "0d"`, want: []string{`1: not "0d"`}},
		"no level":                   {add: `unmarked = "amber"`, want: []string{`1: unmarked takes "withhold", or "tlp:clear"`}},
		"never for unmarked":         {add: `unmarked = "never"`, want: []string{`1: not "never"`}},
		"red":                        {from: "tlp:amber", to: "tlp:red", want: []string{"10: TLP:RED is for named persons"}},
		"a word":                     {add: `references = "half"`, want: []string{`1: references takes "closed" or "open", not "half"`}},
		"a direction":                {from: `"both"`, to: `"none"`, want: []string{`15: direction takes "receives", "contributes" or "both", not "none"`}},
		"a day in quotes":            {add: `valid_from = "2027-01-01"`, want: []string{"1: without quotation marks"}},
		"no such day":                {add: `valid_from = 2027-02-30`, want: []string{"1: "}},
		"no zone":                    {add: `valid_from = 2027-02-03T12:00:00`, want: []string{"1: write Z behind it"}},
		"nanoseconds":                {add: `valid_from = 2027-02-03T12:00:00.1234567Z`, want: []string{"1: not 2027"}},
		"a time of day":              {add: `valid_from = 12:00:00`, want: []string{"1: not 12:00:00"}},
		"the epoch":                  {add: `valid_from = 1970-01-01T00:00:00Z`, want: []string{"1: the years 2000 to 9999"}},
		"an empty list of all":       {add: `types = []`, want: []string{"1: leave types out to let all through"}},
		"an unknown organisation":    {from: "Example CERT", to: "Nobody", want: []string{`14: there is no organisation "Nobody"`}},
		"an unknown collection":      {from: `"Phishing"`, to: `"Fishing"`, want: []string{`7: there is no collection "Fishing"`}},
		"an unknown vocabulary":      {add: `vocabularies = ["a"]`, want: []string{`1: there is no collection "a"`}},

		"no name":         {from: `name = "banks"`, want: []string{"0: the name of an agreement"}},
		"no organisation": {from: `organisation = "Example CERT"`, want: []string{"13: name the organisation"}},
		"no direction":    {from: `direction = "both"`, want: []string{"13: say which way data go"}},
		"no member":       {from: good[strings.Index(good, "[[member]]"):], want: []string{"0: name at least one [[member]]"}},

		"unmarked and highest":  {add: `unmarked = "tlp:amber+strict"`, want: []string{"1+11: stamped more strictly than the highest"}},
		"approval and highest":  {add: `approval = "tlp:red"`, want: []string{"1+11: approval would never be asked for"}},
		"types and except":      {add: "types = ['tool',\n'note']\nexcept_types = [\n'note']", want: []string{"2+4: the type \"note\""}},
		"types on one line":     {add: "types = ['tool', 'tool']", want: []string{"1: in types twice"}},
		"a collection again":    {from: `"Example collection"`, to: `"` + id(13) + `"`, want: []string{"8+7: in collections twice"}},
		"a covered vocabulary":  {add: `vocabularies = ["Phishing"]`, want: []string{"1+8: a vocabulary is what every member has"}},
		"idle vocabularies":     {add: "vocabularies = ['Example vocabulary']\nreferences = 'open'", want: []string{"1+2: vocabularies say"}},
		"a lonely relationship": {add: "types = ['relationship']", want: []string{"1: would wait for ever"}},
		"need of observables":   {add: "types = ['url']\nneed_confidence = true", want: []string{"2+1: nothing would be released"}},
		"until before from":     {add: "valid_from = 2027-01-02\nvalid_until = 2027-01-01", want: []string{"2+1: would end before it begins"}},
		"a client sent nothing": {from: `"both"`, to: "\"contributes\"\nclient = true\n[[member]]\norganisation = \"Example ISAC\"\ndirection = \"both\"", want: []string{"16+15: a member that only contributes"}},
		"a member again":        {from: `"both"`, to: "\"both\"\n[[member]]\norganisation = \"Example CERT\"\ndirection = \"both\"", want: []string{"17+14: is a member already"}},
		"dialogue with data":    {from: "collections = [ # covered\n  \"Phishing\",\n  \"Example collection\",\n]\n", want: []string{"6: so highest never applies", "11: take out direction"}},
		"collections of none":   {from: "[ # covered\n  \"Phishing\",\n  \"Example collection\",\n]\n", to: "[]\n", want: []string{"7+6: so highest never applies", "12+6: take out direction"}},

		"no quotes":         {add: `references = open`, want: []string{"1: texts are written in quotation marks"}},
		"a word of true":    {add: "types = [tool]", want: []string{"1: texts are written in quotation marks"}},
		"no value":          {add: `references =`, want: []string{"1: this is no TOML: "}},
		"two slips":         {add: "references = open\n\n# fine\nonward = maybe\nconfidence = 200\nlables = 1", want: []string{"1: no TOML", "4: no TOML", "5: ", "6: "}},
		"a list left open":  {add: "types = [\n'tool'\nlabels = 5", want: []string{"3: no TOML", "3: labels takes a list"}},
		"a text left open":  {add: `references = "open`, want: []string{"1: no TOML"}},
		"behind a value":    {add: `onward = true false`, want: []string{"1: no TOML"}},
		"a control letter":  {add: "references = \"a\x01\"", want: []string{"1: no TOML"}},
		"half a surrogate":  {from: `"Banks"`, to: `"\uD800"`, want: []string{"2: no TOML"}},
		"NUL, written":      {from: `"Banks"`, to: `"\u0000"`, want: []string{"2: without NUL"}},
		"bytes, not UTF-8":  {from: "Banks", to: "B\xffnks", want: []string{"2: not UTF-8"}},
		"a purpose of none": {from: "Defence of the\nmembers' networks.", want: []string{"3: say in purpose"}},
	}
	for name, c := range cases {
		file := good
		if c.from != "" {
			if !strings.Contains(file, c.from) {
				t.Fatalf("%s: the file has no %q", name, c.from)
			}
			file = strings.Replace(file, c.from, c.to, 1)
		}
		if c.add != "" {
			file = c.add + "\n" + file
		}
		got, problems := terms.Read([]byte(file), names)
		if d := cmp.Diff(entente.Terms{}, got); d != "" && len(c.want) > 0 {
			t.Errorf("%s: terms beside problems: %s", name, d)
		}
		if len(problems) != len(c.want) {
			t.Errorf("%s: %d problems, want %d:", name, len(problems), len(c.want))
			tell(t, problems)
			continue
		}
		for i, p := range problems {
			where, text, _ := strings.Cut(c.want[i], ": ")
			line := fmt.Sprint(p.Line)
			if p.Line2 != 0 {
				line += fmt.Sprintf("+%d", p.Line2)
			}
			if line != where || !strings.Contains(p.Text, text) || strings.Contains(p.Text, "%!") || len(p.Text) > 500 {
				t.Errorf("%s: %q on %s, want %q on %s", name, p.Text, line, text, where)
			}
		}
	}
}

func TestProblemsAreWritten(t *testing.T) {
	for want, p := range map[string]terms.Problem{"a": {Text: "a"}, "line 2: a": {Line: 2, Text: "a"}, "line 3 and line 2: a": {Line: 3, Line2: 2, Text: "a"}} {
		if p.String() != want {
			t.Errorf("%q, want %q", p, want)
		}
	}
}

// What is written is read again as the same, by names and by ids.
func TestFormatReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawTerms(t)
		everything := book{}
		for n := range 20 {
			everything[id(n)] = id(n)
		}
		for name, id := range names {
			delete(everything, id)
			everything[name] = id
		}
		for _, title := range []func(string) string{names.title, nil} {
			file := terms.Format(x, title)
			got, problems := terms.Read(file, everything)
			if len(problems) > 0 {
				t.Fatalf("%s\n%s", file, problems)
			}
			if d := cmp.Diff(x, got); d != "" {
				t.Fatalf("%s\n%s", file, d)
			}
		}
	})
}

// The largest terms that pass are written, read, and have a canonical form that is read.
func TestLargestTerms(t *testing.T) {
	x := entente.Terms{Name: strings.Repeat("a", 64), Title: strings.Repeat("ä", 256), Purpose: strings.Repeat("\x01", 16_000), Community: strings.Repeat("ä", 256),
		Highest: entente.TLPGreen}
	name := map[string]string{}
	for i := range entente.MaxMembers {
		x.Members = append(x.Members, entente.Member{Organisation: id(i), Flow: entente.Receives, Client: true})
	}
	for i := range entente.MaxListed {
		x.Collections = append(x.Collections, id(1000+i))
		x.Vocabularies = append(x.Vocabularies, id(2000+i))
		x.Types = append(x.Types, fmt.Sprintf("%0250d", i))
		x.ExceptTypes = append(x.ExceptTypes, fmt.Sprintf("x%0249d", i))
		x.Labels = append(x.Labels, fmt.Sprintf("%s%03d", strings.Repeat(`"`, 253), i))
		x.ExceptLabels = append(x.ExceptLabels, fmt.Sprintf("%s%03d", strings.Repeat(`\`, 253), i))
	}
	everything := book{}
	for _, i := range slices.Concat(x.Collections, x.Vocabularies) {
		name[i] = strings.Repeat(`"`, entente.MaxName-36) + i
		everything[name[i]] = i
	}
	for _, m := range x.Members {
		name[m.Organisation] = strings.Repeat(`"`, entente.MaxName-36) + m.Organisation
		everything[name[m.Organisation]] = m.Organisation
	}
	for _, c := range x.Check() {
		t.Errorf("%+v", c)
	}
	file := terms.Format(x, func(id string) string { return name[id] })
	if got, problems := terms.Read(file, everything); len(problems) > 0 || !cmp.Equal(x, got) {
		t.Errorf("%d bytes: %d problems", len(file), len(problems))
	}
	if got, err := terms.Parse(terms.Canonical(x)); err != nil || !cmp.Equal(inOrder(x), got) {
		t.Errorf("%d bytes: %v", len(terms.Canonical(x)), err)
	}
}

// Hostile files cost a bounded amount and end in problems, of which few are told.
func TestHostileFiles(t *testing.T) {
	const size = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, file := range map[string]string{
		"too long":          strings.Repeat("#", terms.MaxText+1),
		"nested lists":      "types = " + fill("["),
		"nested tables":     "types = " + fill("{a="),
		"nested heads":      fill("["),
		"a dotted key":      fill("a.") + "a = 1",
		"a long key":        fill("a") + " = 1",
		"a long number":     "confidence = " + fill("9"),
		"a long text":       `purpose = "` + fill("a") + `"`,
		"a long label":      `labels = ["` + fill("a") + `"]`,
		"no TOML":           fill("x\n"),
		"quotes":            fill("\"\"\"\n"),
		"members":           fill("[[member]]\n"),
		"named members":     fill("[[member]]\norganisation = 'a'\n"),
		"one key":           fill("title = 'a'\n"),
		"many keys":         fill("a = 1\n"),
		"many names":        "collections = [" + fill("'a',") + "]",
		"numbers in a list": "labels = [" + fill("1,") + "]",
		"one label":         "labels = [" + fill("'a',") + "]",
		"tables":            fill("[a]\n"),
		"blank":             fill("\n"),
		"NUL":               fill("\x00"),
		"no UTF-8":          fill("\xff"),
	} {
		asked := 0
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, problems := terms.Read([]byte(file), counter{&asked})
		runtime.ReadMemStats(&after)
		if n := len(problems); n == 0 || n > 101 {
			t.Errorf("%s: %d problems", name, n)
		}
		for _, p := range problems {
			if p.Text == "" || len(p.Text) > 1000 || p.Line < 0 || p.Line2 < 0 || p.Line > strings.Count(file, "\n")+1 {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if asked > 3*entente.MaxMembers {
			t.Errorf("%s: %d names were looked up", name, asked)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 400*size {
			t.Errorf("%s: %d MiB were allocated", name, got/size)
		}
	}
}

// counter counts what is looked up, and knows nothing.
type counter struct{ asked *int }

func (c counter) Organisation(s string) (string, error) { return c.Collection(s) }
func (c counter) Collection(s string) (string, error) {
	*c.asked++
	return book{}.find("thing", "that")
}
