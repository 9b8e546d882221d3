package terms_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente"
	"entente/stix"
	"entente/terms"
)

// The canonical forms of two terms, to the byte: partners sign them, so they never change.
func TestCanonicalVectors(t *testing.T) {
	cases := map[string]struct {
		terms entente.Terms
		want  string
		hash  string
	}{
		"data": {entente.Terms{Name: "banks", Title: "Bänke <&>", Purpose: "a\nb\u2028", Community: "Finance",
			Members:     []entente.Member{{Organisation: id(2), Flow: entente.Contributes}, {Organisation: id(1), Flow: entente.Both, Client: true}},
			Collections: []string{id(13), id(11)}, Vocabularies: []string{id(12)}, Highest: entente.TLPAmberStrict, Unmarked: entente.TLPGreen,
			Types: []string{"tool", "malware"}, ExceptTypes: []string{"note"}, Labels: []string{"b", "a"}, ExceptLabels: []string{"c"},
			Confidence: 50, NeedConfidence: true, AgeDays: 30, Onward: true, Approval: entente.TLPAmber, WithdrawOlder: true,
			RequireDissent: true, WitnessedProof: true, ValidFrom: 1_798_761_600_000_000, ValidUntil: 1_798_799_400_250_000},
			`{"age_days":30,"approval":"tlp:amber","collections":["` + id(11) + `","` + id(13) + `"],"community":"Finance","confidence":50,"dissent":"require",` +
				`"except_labels":["c"],"except_types":["note"],"format":"entente-terms-1","highest":"tlp:amber+strict","labels":["a","b"],` +
				`"members":[{"client":true,"direction":"both","organisation":"` + id(1) + `"},{"client":false,"direction":"contributes","organisation":"` + id(2) + `"}],` +
				`"name":"banks","need_confidence":true,"onward":true,"proof":"witnessed","purpose":"a\nb` + "\u2028" + `","references":"closed","stricter":"withdraw",` +
				`"title":"Bänke <&>","types":["malware","tool"],"unmarked":"tlp:green","valid_from":"2027-01-01T00:00:00Z",` +
				`"valid_until":"2027-01-01T10:30:00.25Z","vocabularies":["` + id(12) + `"]}`, "b237e4ac39760248d99f0b55c936d3efa3526af46ed0a751cd1e481fe065d782"},
		"dialogue": {entente.Terms{Name: "talks", Title: "Talks", Purpose: "Questions.", Members: []entente.Member{{Organisation: id(1)}}},
			`{"approval":"never","confidence":0,"dissent":"carry","format":"entente-terms-1","highest":"none",` +
				`"members":[{"client":false,"direction":"none","organisation":"` + id(1) + `"}],"name":"talks","need_confidence":false,"onward":false,` +
				`"proof":"local","purpose":"Questions.","references":"closed","stricter":"ask","title":"Talks","unmarked":"withhold"}`, "7670467c0b544a20c569988ee7f1918b8d8f7212e25cbdee6894a8ae20e2d8b3"},
	}
	for name, c := range cases {
		if got := string(terms.Canonical(c.terms)); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
		if got := terms.Hash(c.terms).String(); got != c.hash {
			t.Errorf("%s: the hash is %s", name, got)
		}
		if got, err := terms.Parse([]byte(c.want)); err != nil || !cmp.Equal(inOrder(c.terms), got) {
			t.Errorf("%s: read as %+v, %v", name, got, err)
		}
	}
}

// The form is canonical, is read back as the same, and does not know the order of sets.
func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawTerms(t)
		form := terms.Canonical(x)
		again, err := stix.Canonical(form)
		if err != nil || !bytes.Equal(form, again) {
			t.Fatalf("%s is not canonical: %v", form, err)
		}
		got, err := terms.Parse(form)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(inOrder(x), got); d != "" {
			t.Fatal(d)
		}
		shuffled := x
		shuffled.Members = rapid.Permutation(x.Members).Draw(t, "members")
		for _, list := range []*[]string{&shuffled.Collections, &shuffled.Vocabularies, &shuffled.Types, &shuffled.ExceptTypes, &shuffled.Labels, &shuffled.ExceptLabels} {
			if len(*list) > 0 {
				*list = rapid.Permutation(*list).Draw(t, "list")
			}
		}
		if terms.Hash(shuffled) != terms.Hash(x) {
			t.Fatal("the order changes the hash")
		}
	})
}

// Different terms have different hashes: a change of any one field shows.
func TestHashTellsTermsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTerms(t), drawTerms(t)
		if rapid.Bool().Draw(t, "near") {
			b = a
			change := rapid.SampledFrom(changes).Draw(t, "change")
			change.apply(&b)
		}
		if same := cmp.Equal(inOrder(a), inOrder(b)); same != (terms.Hash(a) == terms.Hash(b)) {
			t.Fatalf("same %t:\n%s\n%s", same, terms.Canonical(a), terms.Canonical(b))
		}
	})
}

// Only the canonical bytes are read.
func TestParseRefuses(t *testing.T) {
	good := string(terms.Canonical(entente.Terms{Name: "a", Title: "b", Purpose: "c", Collections: []string{"d", "e"}, ValidFrom: 1e15,
		Members: []entente.Member{{Organisation: "f", Flow: entente.Both}}}))
	if _, err := terms.Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "a blank": good + " ", "two": good + good, "cut": good[:len(good)-1],
		"another form":         strings.Replace(good, "terms-1", "terms-2", 1),
		"an unknown name":      strings.Replace(good, `"onward":false`, `"onward":false,"onwards":true`, 1),
		"a name twice":         strings.Replace(good, `"onward":false`, `"onward":true,"onward":false`, 1),
		"another case":         strings.Replace(good, `"onward"`, `"Onward"`, 1),
		"another order":        strings.Replace(good, `["d","e"]`, `["e","d"]`, 1),
		"an empty list":        strings.Replace(good, `"confidence"`, `"community":"","confidence"`, 1),
		"an unknown word":      strings.Replace(good, `"closed"`, `"ajar"`, 1),
		"an unknown level":     strings.Replace(good, `"withhold"`, `"tlp:mauve"`, 1),
		"a level in capitals":  strings.Replace(good, `"withhold"`, `"TLP:GREEN"`, 1),
		"an unknown direction": strings.Replace(good, `"both"`, `"sideways"`, 1),
		"another time":         strings.Replace(good, `"2001-09-09T01:46:40Z"`, `"2001-09-09T01:46:40.0Z"`, 1),
		"no time":              strings.Replace(good, `"2001-09-09T01:46:40Z"`, `"soon"`, 1),
		"a missing choice":     strings.Replace(good, `"onward":false,`, "", 1),
		"an escape":            strings.Replace(good, `"c"`, `"\u0063"`, 1),
		"bytes, not UTF-8":     strings.Replace(good, `"c"`, "\"\xff\"", 1),
		"a number as a text":   strings.Replace(good, `"confidence":0`, `"confidence":"0"`, 1),
		"deep":                 strings.Repeat("[", 1<<20),
	}
	for name, text := range cases {
		if text == good {
			t.Fatalf("%s changes nothing", name)
		}
		got, err := terms.Parse([]byte(text))
		if entente.KindOf(err) != entente.Invalid || !cmp.Equal(got, entente.Terms{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := terms.Parse(make([]byte, terms.MaxCanonical+1)); entente.KindOf(err) != entente.TooLarge {
		t.Errorf("too long: %v", err)
	}
}

// Every field of the terms is in the canonical form under a name of its own.
func TestCanonicalHasEveryField(t *testing.T) {
	var base, full map[string]any
	x := entente.Terms{}
	if err := json.Unmarshal(terms.Canonical(x), &base); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		y := entente.Terms{}
		c.apply(&y)
		if err := json.Unmarshal(terms.Canonical(y), &full); err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(base, full) {
			t.Errorf("%s does not show in the canonical form", c.key)
		}
		full = nil
	}
	// changes names every field but those of members.
	var named []string
	for _, c := range changes {
		named = append(named, c.key)
	}
	slices.Sort(named)
	if got, want := len(slices.Compact(named)), fieldsOfTerms(); got != want {
		t.Errorf("%d keys are changed, terms have %d fields", got, want)
	}
}
