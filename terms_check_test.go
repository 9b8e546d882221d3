package entente_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"entente"
)

const (
	orgA = "0a1b2c3d-0000-4000-8000-00000000000a"
	orgB = "0a1b2c3d-0000-4000-8000-00000000000b"
	colA = "0a1b2c3d-0000-4000-8000-0000000000ca"
	colB = "0a1b2c3d-0000-4000-8000-0000000000cb"
)

// goodTerms may be proposed.
func goodTerms() entente.Terms {
	return entente.Terms{Name: "banks", Title: "Banks", Purpose: "Defence of the members' networks.",
		Members:     []entente.Member{{Organisation: orgA, Flow: entente.Both}, {Organisation: orgB, Flow: entente.Contributes}},
		Collections: []string{colA}, Highest: entente.TLPAmber}
}

// talks are terms of an agreement for dialogue only.
func talks() entente.Terms {
	return entente.Terms{Name: "talks", Title: "Talks", Purpose: "Questions and answers.", Members: []entente.Member{{Organisation: orgA}}}
}

// Each case is one change to terms that pass, and the fields that must be named for it.
func TestTermsCheck(t *testing.T) {
	const day = 86_400_000_000
	many := func(n int, form string) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf(form, i))
		}
		return list
	}
	cases := map[string]struct {
		change   func(t *entente.Terms)
		want     string // "A", "A|B", more than one apart by blanks; "" for none
		dialogue bool
	}{
		"nothing": {func(t *entente.Terms) {}, "", false},
		"all that is allowed": {func(t *entente.Terms) {
			t.Community, t.Vocabularies, t.Unmarked, t.Approval = "Finance", []string{colB}, entente.TLPGreen, entente.TLPAmber
			t.Types, t.ExceptTypes, t.Labels, t.ExceptLabels = []string{"indicator", "opinion", "url"}, []string{"note"}, []string{"a b"}, []string{"c"}
			t.Confidence, t.NeedConfidence, t.AgeDays, t.Onward = 100, true, entente.MaxAgeDays, true
			t.WithdrawOlder, t.RequireDissent, t.WitnessedProof, t.ReviewContent = true, true, true, true
			t.ValidFrom, t.ValidUntil, t.Members[0].Client = 20_000*day, 20_001*day, true
		}, "", false},
		"no name":             {func(t *entente.Terms) { t.Name = "" }, "name", false},
		"a name of no root":   {func(t *entente.Terms) { t.Name = "Banks" }, "name", false},
		"a reserved name":     {func(t *entente.Terms) { t.Name = "taxii2" }, "name", false},
		"no title":            {func(t *entente.Terms) { t.Title = "" }, "title", false},
		"a title of lines":    {func(t *entente.Terms) { t.Title = "a\nb" }, "title", false},
		"a title that is bad": {func(t *entente.Terms) { t.Title = "\xff" }, "title", false},
		"no purpose":          {func(t *entente.Terms) { t.Purpose = " \n" }, "purpose", false},
		"a long purpose":      {func(t *entente.Terms) { t.Purpose = strings.Repeat("a", 20_000) }, "purpose", false},
		"a purpose of lines":  {func(t *entente.Terms) { t.Purpose = "a\nb\n" }, "", false},
		"a community of NUL":  {func(t *entente.Terms) { t.Community = "a\x00" }, "community", false},

		"no member":            {func(t *entente.Terms) { t.Members = nil }, "member", false},
		"too many members":     {func(t *entente.Terms) { t.Members = make([]entente.Member, entente.MaxMembers+1) }, "member", false},
		"a member without id":  {func(t *entente.Terms) { t.Members[1].Organisation = "x" }, "organisation[1]", false},
		"a member twice":       {func(t *entente.Terms) { t.Members[1].Organisation = orgA }, "organisation[1]|organisation[0]", false},
		"no direction":         {func(t *entente.Terms) { t.Members[1].Flow = 0 }, "direction[1]", false},
		"an unknown direction": {func(t *entente.Terms) { t.Members[1].Flow = 9 }, "direction[1]", false},
		"a client sent nothing": {func(t *entente.Terms) { t.Members[1].Client = true }, "client[1]|direction[1]",
			false},

		"a collection without id":  {func(t *entente.Terms) { t.Collections[0] = "x" }, "collections[0]", false},
		"a collection twice":       {func(t *entente.Terms) { t.Collections = []string{colA, colB, colA} }, "collections[2]|collections[0]", false},
		"too many collections":     {func(t *entente.Terms) { t.Collections = many(entente.MaxListed+1, "%d") }, "collections", false},
		"a covered vocabulary":     {func(t *entente.Terms) { t.Vocabularies = []string{colB, colA} }, "vocabularies[1]|collections[0]", false},
		"no type":                  {func(t *entente.Terms) { t.Types = []string{"indicator", "Tool"} }, "types[1]", false},
		"a bundle":                 {func(t *entente.Terms) { t.ExceptTypes = []string{"bundle"} }, "except_types[0]", false},
		"a type twice":             {func(t *entente.Terms) { t.Types = []string{"tool", "tool"} }, "types[1]|types[0]", false},
		"a type in and out":        {func(t *entente.Terms) { t.Types, t.ExceptTypes = []string{"note", "tool"}, []string{"tool"} }, "types[1]|except_types[0]", false},
		"no label":                 {func(t *entente.Terms) { t.Labels = []string{""} }, "labels[0]", false},
		"a label of lines":         {func(t *entente.Terms) { t.ExceptLabels = []string{"a\n"} }, "except_labels[0]", false},
		"a label in and out":       {func(t *entente.Terms) { t.Labels, t.ExceptLabels = []string{"a"}, []string{"b", "a"} }, "labels[0]|except_labels[1]", false},
		"red":                      {func(t *entente.Terms) { t.Highest = entente.TLPRed }, "highest", false},
		"no level at all":          {func(t *entente.Terms) { t.Highest = 99 }, "highest", false},
		"no highest":               {func(t *entente.Terms) { t.Highest = entente.TLPNone }, "highest", false},
		"unmarked too strict":      {func(t *entente.Terms) { t.Unmarked = entente.TLPAmberStrict }, "unmarked|highest", false},
		"approval that never is":   {func(t *entente.Terms) { t.Approval = entente.TLPAmberStrict }, "approval|highest", false},
		"the same is not stricter": {func(t *entente.Terms) { t.Approval, t.Unmarked = t.Highest, t.Highest }, "", false},

		"confidence of 101": {func(t *entente.Terms) { t.Confidence = 101 }, "confidence", false},
		"confidence of -1":  {func(t *entente.Terms) { t.Confidence = -1 }, "confidence", false},
		"an age too high":   {func(t *entente.Terms) { t.AgeDays = entente.MaxAgeDays + 1 }, "age", false},
		"an age below 0":    {func(t *entente.Terms) { t.AgeDays = -1 }, "age", false},
		"observables state no confidence": {func(t *entente.Terms) {
			t.NeedConfidence, t.Types, t.Confidence = true, []string{"url", "ipv4-addr"}, 50
		}, "need_confidence|types", false},
		"confidence of observables": {func(t *entente.Terms) { t.Confidence, t.Types = 1, []string{"file"} }, "confidence|types", false},
		"labels of observables": {func(t *entente.Terms) {
			t.Types, t.Labels, t.ExceptLabels = []string{"url"}, []string{"a"}, []string{"b"}
		}, "labels|types except_labels|types", false},
		"age of observables":        {func(t *entente.Terms) { t.AgeDays, t.Types = 30, []string{"file"} }, "age|types", false},
		"age of some":               {func(t *entente.Terms) { t.AgeDays, t.Types = 30, []string{"file", "tool"} }, "", false},
		"a client of what is clear": {func(t *entente.Terms) { t.Members[0].Client, t.Highest = true, entente.TLPClear }, "client[0]|highest", false},
		"a client of what is green": {func(t *entente.Terms) { t.Members[0].Client, t.Highest = true, entente.TLPGreen }, "", false},
		"dissent that no type has":  {func(t *entente.Terms) { t.RequireDissent, t.Types = true, []string{"tool", "identity"} }, "dissent|types", false},
		"dissent of one type":       {func(t *entente.Terms) { t.RequireDissent, t.Types = true, []string{"tool", "note"} }, "", false},
		"dissent that is left out": {func(t *entente.Terms) {
			t.RequireDissent, t.ExceptTypes = true, []string{"tool", "opinion", "note"}
		}, "dissent|except_types[2]", false},
		"one dissent left out": {func(t *entente.Terms) { t.RequireDissent, t.ExceptTypes = true, []string{"opinion"} }, "", false},
		"one dissent named, and left out besides": {func(t *entente.Terms) {
			t.RequireDissent, t.Types, t.ExceptTypes = true, []string{"tool", "opinion"}, []string{"note"}
		}, "", false},
		"the label of dissent left out": {func(t *entente.Terms) {
			t.RequireDissent, t.Types, t.ExceptLabels = true, []string{"tool", "note"}, []string{"a", "dissent"}
		}, "dissent|except_labels[1]", false},
		"opinions beside the label left out": {func(t *entente.Terms) {
			t.RequireDissent, t.ExceptLabels = true, []string{"dissent"}
		}, "", false},
		"what only speaks of others": {func(t *entente.Terms) { t.Types = []string{"note", "opinion", "report", "grouping", "relationship"} }, "types|references", false},
		"some are no observables":    {func(t *entente.Terms) { t.NeedConfidence, t.Types = true, []string{"url", "indicator"} }, "", false},
		"vocabularies that are not asked": {func(t *entente.Terms) {
			t.Vocabularies, t.OpenReferences = []string{colB}, true
		}, "vocabularies|references", false},
		"relationships alone":         {func(t *entente.Terms) { t.Types = []string{"relationship", "sighting"} }, "types|references", false},
		"relationships, open":         {func(t *entente.Terms) { t.Types, t.OpenReferences = []string{"relationship"}, true }, "", false},
		"relationships of vocabulary": {func(t *entente.Terms) { t.Types, t.Vocabularies = []string{"relationship"}, []string{colB} }, "", false},

		"an end before the beginning": {func(t *entente.Terms) { t.ValidFrom, t.ValidUntil = 20_000*day, 19_999*day }, "valid_until|valid_from", false},
		"no time between":             {func(t *entente.Terms) { t.ValidFrom, t.ValidUntil = 20_000*day, 20_000*day }, "valid_until|valid_from", false},
		"long ago":                    {func(t *entente.Terms) { t.ValidFrom, t.ValidUntil = 1, -1 }, "valid_from valid_until", false},

		"dialogue":                {func(t *entente.Terms) { t.Community, t.WitnessedProof, t.ValidUntil = "Finance", true, 20_000*day }, "", true},
		"dialogue of direction":   {func(t *entente.Terms) { t.Members[0].Flow = entente.Receives }, "direction[0]|collections", true},
		"dialogue of contributor": {func(t *entente.Terms) { t.Members[0].Flow = entente.Contributes }, "direction[0]|collections", true},
		"dialogue of clients":     {func(t *entente.Terms) { t.Members[0].Client = true }, "client[0]|collections", true},
		"dialogue of red":         {func(t *entente.Terms) { t.Highest = entente.TLPRed }, "highest highest|collections", true},
		"dialogue with the rest": {func(t *entente.Terms) {
			t.Vocabularies, t.Highest, t.Unmarked, t.Approval = []string{colA}, entente.TLPGreen, entente.TLPGreen, entente.TLPGreen
			t.Types, t.ExceptTypes, t.Labels, t.ExceptLabels = []string{"tool"}, []string{"note"}, []string{"a"}, []string{"b"}
			t.Confidence, t.NeedConfidence, t.AgeDays, t.Onward = 1, true, 1, true
			t.WithdrawOlder, t.RequireDissent, t.ReviewContent = true, true, true
		}, "vocabularies|collections highest|collections unmarked|collections types|collections except_types|collections labels|collections " +
			"except_labels|collections confidence|collections need_confidence|collections age|collections onward|collections approval|collections " +
			"stricter|collections dissent|collections review|collections", true},
		"dialogue with open references": {func(t *entente.Terms) { t.OpenReferences = true }, "references|collections", true},
	}
	for name, c := range cases {
		terms := goodTerms()
		if c.dialogue {
			terms = talks()
		}
		c.change(&terms)
		var got []string
		for _, clash := range terms.Check() {
			s := fieldText(clash.A)
			if clash.B.Key != "" {
				s += "|" + fieldText(clash.B)
			}
			got = append(got, s)
			if clash.Text == "" || strings.Contains(clash.Text, "%!") {
				t.Errorf("%s: the text is %q", name, clash.Text)
			}
		}
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func fieldText(f entente.Field) string {
	if f.At < 0 {
		return f.Key
	}
	return fmt.Sprintf("%s[%d]", f.Key, f.At)
}
