package entente

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The ids of the standards, written out once more: TLP 2.0 and TLP 1.
var fixedTLP = map[ObjectID]TLP{
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": TLPClear,
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": TLPClear,
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": TLPGreen,
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": TLPGreen,
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": TLPAmber,
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": TLPAmber,
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": TLPAmberStrict,
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": TLPRed,
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": TLPRed,
}

// strangers are ids that programs in use take for levels of TLP, and ids that only look
// like one. To take them at their word would be a guess.
var strangers = []ObjectID{
	"marking-definition--613f2e26-407d-48c7-9eba-b56c171b6f0c", // "WHITE"
	"marking-definition--bab4a63c-aed9-4571-9c39-01cc457637b7", // "GREEN"
	"marking-definition--55d920b0-5207-45ab-ab64-cdc2a47fe77d", // "AMBER"
	"marking-definition--826578e1-40ad-459f-bc73-ede076f81f37", // "AMBER+STRICT"
	"marking-definition--94868C89-83C2-464B-929B-A1A8AA3C8487",
	"identity--94868c89-83c2-464b-929b-a1a8aa3c8487",
	"94868c89-83c2-464b-929b-a1a8aa3c8487",
	"",
}

const (
	someStatement = ObjectID("marking-definition--11111111-1111-4111-8111-111111111111")
	somePAP       = ObjectID("marking-definition--22222222-2222-4222-8222-222222222222")
	someUnknown   = ObjectID("marking-definition--33333333-3333-4333-8333-333333333333")
	claimsTLP     = ObjectID("marking-definition--44444444-4444-4444-8444-444444444444")
	levelless     = ObjectID("marking-definition--55555555-5555-4555-8555-555555555555")
	fixedPAP      = ObjectID("marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab") // amber
)

// someDefinitions fails the test where it is asked for an id that is known by itself.
func someDefinitions(t rapid.TB) func(ObjectID) Definition {
	return func(id ObjectID) Definition {
		if _, ok := fixedTLP[id]; ok || id == fixedPAP || id.Type() != "marking-definition" {
			t.Errorf("asked what %s is", id)
		}
		return map[ObjectID]Definition{
			someStatement: {Kind: StatementDefinition},
			somePAP:       {Kind: PAPDefinition, PAP: PAPGreen},
			claimsTLP:     {Kind: TLPDefinition, TLP: TLPClear},
			levelless:     {Kind: PAPDefinition},
		}[id]
	}
}

func TestTLPOfTheFixedDefinitions(t *testing.T) {
	total := 0
	for level := TLPNone; level <= TLPRed; level++ {
		ids := level.Definitions()
		total += len(ids)
		for _, id := range ids {
			if fixedTLP[id] != level {
				t.Errorf("%s is no definition of %s", id, level)
			}
			if got, ok := TLPOf(id); got != level || !ok {
				t.Errorf("TLPOf(%s) = %s, %t, not %s", id, got, ok, level)
			}
		}
		if level > TLPNone && level.Definition() != ids[0] {
			t.Errorf("%s is stamped with %s, not with the first of %s", level, level.Definition(), ids)
		}
	}
	if total != len(fixedTLP) {
		t.Errorf("%d definitions, not %d", total, len(fixedTLP))
	}
	if id, red := TLPAmber.Definition(), TLPRed+1; id != "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421" || TLPNone.Definition() != "" || red.Definition() != "" || red.Definitions() != nil {
		t.Errorf("stamps: %s, %q, %q", id, TLPNone.Definition(), red.Definition())
	}
	for _, id := range strangers {
		if level, ok := TLPOf(id); ok || level != TLPNone {
			t.Errorf("%s is taken for %s", id, level)
		}
	}
	TLPRed.Definitions()[0] = "changed"
	if TLPRed.Definitions()[0] == "changed" {
		t.Error("a caller changed the definitions")
	}
}

func TestParseLevels(t *testing.T) {
	for s, want := range map[string]TLP{"clear": TLPClear, "WHITE": TLPClear, "tlp:white": TLPClear, "tlp:green": TLPGreen, "Amber": TLPAmber,
		"TLP:AMBER+STRICT": TLPAmberStrict, "amber strict": TLPAmberStrict, "red": TLPRed} {
		if got, ok := ParseTLP(s); got != want || !ok {
			t.Errorf("ParseTLP(%q) = %s, %t", s, got, ok)
		}
	}
	for _, s := range []string{"", "none", "tlp:", "tlp:none", "tlp:tlp:red", "purple", "amber+", "amberstrict", " red", "pap:red", "no level of TLP"} {
		if got, ok := ParseTLP(s); got != TLPNone || ok {
			t.Errorf("ParseTLP(%q) = %s, %t", s, got, ok)
		}
	}
	for s, want := range map[string]PAP{"clear": PAPClear, "pap:white": PAPClear, "PAP:GREEN": PAPGreen, "amber": PAPAmber, "Red": PAPRed} {
		if got, ok := ParsePAP(s); got != want || !ok {
			t.Errorf("ParsePAP(%q) = %s, %t", s, got, ok)
		}
	}
	for _, s := range []string{"", "none", "pap:", "amber+strict", "tlp:red", "pap:pap:red"} {
		if got, ok := ParsePAP(s); got != PAPNone || ok {
			t.Errorf("ParsePAP(%q) = %s, %t", s, got, ok)
		}
	}
	if TLPNone.String() != "none" || PAPNone.String() != "none" || TLP(9).String() == "none" || PAP(9).String() == "none" {
		t.Error("the names of what is no level")
	}
}

func TestLevelsAsText(t *testing.T) {
	type levels struct {
		TLP TLP
		PAP PAP
	}
	for _, c := range []struct {
		levels levels
		text   string
	}{
		{levels{}, `{"TLP":"","PAP":""}`},
		{levels{TLPAmberStrict, PAPGreen}, `{"TLP":"tlp:amber+strict","PAP":"pap:green"}`},
		{levels{TLPClear, PAPClear}, `{"TLP":"tlp:clear","PAP":"pap:clear"}`},
	} {
		got, err := json.Marshal(c.levels)
		back := levels{TLPRed, PAPRed}
		if err2 := json.Unmarshal(got, &back); string(got) != c.text || err != nil || err2 != nil || back != c.levels {
			t.Errorf("%+v is written %s (%v) and read %+v (%v)", c.levels, got, err, back, err2)
		}
	}
	for _, text := range []string{`{"TLP":"tlp:purple"}`, `{"TLP":"none"}`, `{"PAP":"pap:purple"}`} {
		if err := json.Unmarshal([]byte(text), &levels{}); KindOf(err) != Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := (TLPRed + 1).MarshalText(); err == nil {
		t.Error("a level that is none was written")
	}
	if _, err := (PAPRed + 1).MarshalText(); err == nil {
		t.Error("a level that is none was written")
	}
}

func TestEffectiveMarking(t *testing.T) {
	clear, green, amber, red := TLPClear.Definition(), TLPGreen.Definition(), TLPAmber.Definitions()[1], TLPRed.Definition()
	parts := func(ids ...ObjectID) (all []GranularMarking) {
		for _, id := range ids {
			all = append(all, GranularMarking{Marking: id, Selectors: []string{"nothing.there"}})
		}
		return all
	}
	for name, c := range map[string]struct {
		v                  Version
		floor, restriction TLP
		want               Marking
	}{
		"nothing":                    {},
		"TLP 2.0":                    {v: Version{Markings: []ObjectID{green}}, want: Marking{TLP: TLPGreen}},
		"TLP 1":                      {v: Version{Markings: []ObjectID{amber}}, want: Marking{TLP: TLPAmber}},
		"the stricter":               {v: Version{Markings: []ObjectID{amber, green}}, want: Marking{TLP: TLPAmber}},
		"a part":                     {v: Version{Markings: []ObjectID{green}, Granular: parts(clear, red)}, want: Marking{TLP: TLPRed}},
		"a part of an unmarked one":  {v: Version{Granular: parts(green)}, want: Marking{TLP: TLPGreen}},
		"a language":                 {v: Version{Granular: []GranularMarking{{Lang: "de", Selectors: []string{"name"}}}}},
		"language and marking":       {v: Version{Granular: []GranularMarking{{Lang: "de", Marking: red}}}, want: Marking{TLP: TLPRed}},
		"a statement":                {v: Version{Markings: []ObjectID{someStatement}}},
		"a statement beside a level": {v: Version{Markings: []ObjectID{someStatement, clear}}, want: Marking{TLP: TLPClear}},
		"floor":                      {floor: TLPGreen, want: Marking{TLP: TLPGreen}},
		"a lower floor":              {v: Version{Markings: []ObjectID{red}}, floor: TLPGreen, want: Marking{TLP: TLPRed}},
		"restriction":                {v: Version{Markings: []ObjectID{clear}}, floor: TLPGreen, restriction: TLPAmberStrict, want: Marking{TLP: TLPAmberStrict}},
		"a restriction softens not":  {v: Version{Markings: []ObjectID{red}}, restriction: TLPClear, want: Marking{TLP: TLPRed}},
		"PAP":                        {v: Version{Markings: []ObjectID{somePAP, fixedPAP}}, want: Marking{PAP: PAPAmber}},
		"PAP in a part":              {v: Version{Granular: parts(somePAP)}, want: Marking{PAP: PAPGreen}},
		"unknown":                    {v: Version{Markings: []ObjectID{someUnknown, clear}}, want: Marking{TLP: TLPClear, Unknown: []ObjectID{someUnknown}}},
		"unknown in a part": {v: Version{Markings: []ObjectID{someUnknown, clear}, Granular: parts(someUnknown, levelless)},
			want: Marking{TLP: TLPClear, Unknown: []ObjectID{someUnknown, levelless}}},
		"TLP of somebody's own": {v: Version{Markings: []ObjectID{claimsTLP}}, want: Marking{Unknown: []ObjectID{claimsTLP}}},
		"no definition at all":  {v: Version{Markings: []ObjectID{"identity--1111"}}, want: Marking{Unknown: []ObjectID{"identity--1111"}}},
		"a marking definition": {v: Version{ID: claimsTLP, Type: "marking-definition", Markings: []ObjectID{green}},
			want: Marking{TLP: TLPGreen}},
	} {
		t.Run(name, func(t *testing.T) {
			got := EffectiveMarking(&c.v, someDefinitions(t), c.floor, c.restriction)
			if !sameMarking(got, c.want) {
				t.Errorf("%+v, not %+v", got, c.want)
			}
		})
	}
	for _, id := range strangers[:len(strangers)-1] {
		got := EffectiveMarking(&Version{Markings: []ObjectID{id, clear}}, func(ObjectID) Definition { return Definition{} }, TLPNone, TLPNone)
		if got.TLP != TLPClear || !slices.Equal(got.Unknown, []ObjectID{id}) || got.Permits(ToIndividual) {
			t.Errorf("%s gives %s", id, got)
		}
	}
}

func TestWhoMayReceive(t *testing.T) {
	all := []Recipient{ToAnyone, ToCommunity, ToClient, ToOrganisation, ToIndividual}
	onward := []OnwardTo{{}, {SameCommunity: true}, {Client: true}, {SameCommunity: true, Client: true}}
	for _, c := range []struct {
		m          Marking
		to, onward string // for each of the above
	}{
		{Marking{}, ".....", "...."},
		{Marking{PAP: PAPClear}, ".....", "...."},
		{Marking{TLP: TLPClear}, "+++++", "++++"},
		{Marking{TLP: TLPClear, PAP: PAPRed}, "+++++", "++++"},
		{Marking{TLP: TLPGreen}, ".++++", ".+++"},
		{Marking{TLP: TLPAmber}, "..+++", "..++"},
		{Marking{TLP: TLPAmberStrict}, "...++", "...."},
		{Marking{TLP: TLPRed}, "....+", "...."},
		{Marking{TLP: TLPRed + 1}, ".....", "...."},
		{Marking{TLP: TLPClear, Unknown: []ObjectID{someUnknown}}, ".....", "...."},
	} {
		to, on := "", ""
		for _, r := range all {
			to += map[bool]string{true: "+", false: "."}[c.m.Permits(r)]
		}
		for _, o := range onward {
			on += map[bool]string{true: "+", false: "."}[c.m.PermitsOnward(o)]
		}
		if to != c.to || on != c.onward {
			t.Errorf("%s permits %s and onward %s, not %s and %s", c.m, to, on, c.to, c.onward)
		}
	}
}

func TestMarkingInWords(t *testing.T) {
	for want, m := range map[string]Marking{
		"unmarked":          {},
		"tlp:amber+strict":  {TLP: TLPAmberStrict},
		"unmarked, pap:red": {PAP: PAPRed},
		"tlp:red, pap:clear, unknown " + "some--thing":                          {TLP: TLPRed, PAP: PAPClear, Unknown: []ObjectID{"some--thing"}},
		"tlp:clear, unknown a, unknown b, unknown c, unknown d, 2 more unknown": {TLP: TLPClear, Unknown: []ObjectID{"a", "b", "c", "d", "e", "f"}},
	} {
		if got := m.String(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestStrictestDefinition(t *testing.T) {
	statement, unknown := Definition{Kind: StatementDefinition}, Definition{}
	pap := func(p PAP) Definition { return Definition{Kind: PAPDefinition, PAP: p} }
	tlp := func(l TLP) Definition { return Definition{Kind: TLPDefinition, TLP: l} }
	for _, c := range []struct {
		all  []Definition
		want Definition
	}{
		{nil, unknown},
		{[]Definition{statement}, statement},
		{[]Definition{statement, statement}, statement},
		{[]Definition{statement, pap(PAPGreen)}, pap(PAPGreen)},
		{[]Definition{pap(PAPGreen), statement, pap(PAPAmber), pap(PAPClear)}, pap(PAPAmber)},
		{[]Definition{statement, unknown}, unknown},
		{[]Definition{unknown, pap(PAPRed)}, unknown},
		{[]Definition{tlp(TLPGreen), tlp(TLPRed)}, tlp(TLPRed)},
		{[]Definition{tlp(TLPGreen), statement}, unknown},
		{[]Definition{pap(PAPClear), tlp(TLPGreen)}, unknown},
		{[]Definition{statement, {Kind: StatementDefinition + 1}}, unknown},
	} {
		for range len(c.all) + 1 {
			if got := StrictestDefinition(c.all); got != c.want {
				t.Errorf("%+v make %+v, not %+v", c.all, got, c.want)
			}
			if len(c.all) > 0 {
				c.all = append(c.all[1:], c.all[0]) // whatever the order
			}
		}
	}
}

func TestDefinitionFor(t *testing.T) {
	from := func(d Definition, sources ...string) HeldDefinition { return HeldDefinition{d, sources} }
	statement, pap, unknown := Definition{Kind: StatementDefinition}, Definition{Kind: PAPDefinition, PAP: PAPAmber}, Definition{}
	for name, c := range map[string]struct {
		held []HeldDefinition
		want Definition
	}{
		"held by nobody":               {nil, unknown},
		"the source's own":             {[]HeldDefinition{from(statement, "north")}, statement},
		"home's":                       {[]HeldDefinition{from(statement, "home")}, statement},
		"another's alone":              {[]HeldDefinition{from(statement, "south")}, unknown},
		"another's as well":            {[]HeldDefinition{from(statement, "south", "north")}, statement},
		"another makes it stricter":    {[]HeldDefinition{from(statement, "north"), from(pap, "south")}, pap},
		"another makes it unknown":     {[]HeldDefinition{from(statement, "north"), from(unknown, "south")}, unknown},
		"another does not soften it":   {[]HeldDefinition{from(statement, "south"), from(unknown, "north")}, unknown},
		"others, and none of the two":  {[]HeldDefinition{from(statement, "south"), from(pap, "east")}, unknown},
		"of a source without a name":   {[]HeldDefinition{from(statement)}, unknown},
		"home beside another's levels": {[]HeldDefinition{from(pap, "south"), from(statement, "home")}, pap},
	} {
		got := DefinitionFor("north", "home", c.held)
		word := slices.ContainsFunc(c.held, func(h HeldDefinition) bool {
			return slices.Contains(h.Sources, "north") || slices.Contains(h.Sources, "home")
		})
		if got.Missing == word {
			t.Errorf("%s: missing is %v", name, got.Missing)
		}
		if got.Missing = false; got != c.want {
			t.Errorf("%s: %+v, not %+v", name, got, c.want)
		}
	}
}

func sameMarking(a, b Marking) bool {
	return a.TLP == b.TLP && a.PAP == b.PAP && slices.Equal(a.Unknown, b.Unknown)
}

// drawMarking draws from all markings, absence included.
func drawMarking(t *rapid.T, label string) Marking {
	m := Marking{TLP: TLP(rapid.IntRange(0, int(TLPRed)).Draw(t, label+" TLP")), PAP: PAP(rapid.IntRange(0, int(PAPRed)).Draw(t, label+" PAP"))}
	m.Unknown = rapid.SliceOfDistinct(rapid.SampledFrom([]ObjectID{someUnknown, claimsTLP, levelless, strangers[3]}), rapid.ID[ObjectID]).Draw(t, label+" unknown")
	slices.Sort(m.Unknown)
	return m
}

// The laws of a join (docs/design/007-markings.md).
func TestJoinLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawMarking(t, "a"), drawMarking(t, "b"), drawMarking(t, "c")
		if !sameMarking(a.Join(a), a) {
			t.Fatalf("not idempotent: %s", a)
		}
		if !sameMarking(a.Join(b), b.Join(a)) {
			t.Fatalf("not commutative: %s, %s", a, b)
		}
		if !sameMarking(a.Join(b).Join(c), a.Join(b.Join(c))) {
			t.Fatalf("not associative: %s, %s, %s", a, b, c)
		}
		if !sameMarking(a.Join(Marking{}), a) || !sameMarking(Marking{}.Join(a), a) {
			t.Fatalf("nothing is not the identity of %s", a)
		}
		joined := a.Join(b)
		if len(a.Unknown) > 0 && joined.Permits(ToIndividual) {
			t.Fatalf("%s is permitted, though %s", joined, a)
		}
		if a.TLP == TLPNone && len(a.Unknown) == 0 {
			return // not marked, so that it denies nothing to what it is joined with
		}
		for to := ToAnyone; to <= ToIndividual; to++ {
			if joined.Permits(to) && !a.Permits(to) {
				t.Fatalf("%s permits %d, %s does not", joined, to, a)
			}
		}
		for _, to := range []OnwardTo{{}, {SameCommunity: true}, {Client: true}, {SameCommunity: true, Client: true}} {
			if joined.PermitsOnward(to) && !a.PermitsOnward(to) {
				t.Fatalf("%s permits %+v onward, %s does not", joined, to, a)
			}
		}
	})
}

// TestJoinKeepsItsParts joins into a marking whose list has room, as appending would use.
func TestJoinKeepsItsParts(t *testing.T) {
	a := Marking{Unknown: append(make([]ObjectID, 0, 8), someUnknown)}
	b := Marking{Unknown: []ObjectID{someStatement}}
	one, other := a.Join(b), a.Join(Marking{Unknown: []ObjectID{somePAP}})
	if !slices.Equal(one.Unknown, []ObjectID{someStatement, someUnknown}) || !slices.Equal(other.Unknown, []ObjectID{somePAP, someUnknown}) ||
		!slices.Equal(a.Unknown, []ObjectID{someUnknown}) {
		t.Errorf("%s, %s, %s", one, other, a)
	}
}

// TestEffectiveMarkingLaws draws versions: the order and the place of references do not
// matter, TLP 1 is as good as TLP 2.0, and more markings never permit more.
func TestEffectiveMarkingLaws(t *testing.T) {
	ids := []ObjectID{someStatement, somePAP, someUnknown, claimsTLP, levelless, fixedPAP}
	for id := range fixedTLP {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rapid.Check(t, func(t *rapid.T) {
		define := someDefinitions(t)
		refs := rapid.SliceOfN(rapid.SampledFrom(ids), 0, 5).Draw(t, "refs")
		parts := rapid.SliceOfN(rapid.SampledFrom(append(ids, "")), 0, 5).Draw(t, "parts")
		floor, restriction := TLP(rapid.IntRange(0, int(TLPRed)).Draw(t, "floor")), TLP(rapid.IntRange(0, int(TLPRed)).Draw(t, "restriction"))
		var granular []GranularMarking
		want := Marking{TLP: max(floor, restriction)}
		for _, id := range slices.Concat(refs, parts) {
			level, fixed := fixedTLP[id]
			switch {
			case fixed:
				want = want.Join(Marking{TLP: level})
			case id == somePAP:
				want = want.Join(Marking{PAP: PAPGreen})
			case id == fixedPAP:
				want = want.Join(Marking{PAP: PAPAmber})
			case id != someStatement && id != "":
				want = want.Join(Marking{Unknown: []ObjectID{id}})
			}
		}
		for _, id := range parts {
			granular = append(granular, GranularMarking{Marking: id, Lang: "en"})
		}
		of := func(v Version, floor, restriction TLP) Marking {
			return EffectiveMarking(&v, define, floor, restriction)
		}
		got := of(Version{Markings: refs, Granular: granular}, floor, restriction)
		if !sameMarking(got, want) {
			t.Fatalf("%s, not %s", got, want)
		}
		shuffled := rapid.Permutation(refs).Draw(t, "shuffled")
		if again := of(Version{Markings: shuffled, Granular: granular}, restriction, floor); !sameMarking(again, got) {
			t.Fatalf("in another order it is %s, not %s", again, got)
		}
		swapped := slices.Clone(refs)
		for i, id := range swapped {
			if level, ok := fixedTLP[id]; ok {
				all := level.Definitions()
				swapped[i] = all[len(all)-1]
			}
		}
		if again := of(Version{Markings: swapped, Granular: granular}, floor, restriction); !sameMarking(again, got) {
			t.Fatalf("with TLP 1 it is %s, not %s", again, got)
		}
		for _, less := range []Marking{
			of(Version{Markings: refs}, floor, restriction), of(Version{Granular: granular}, floor, restriction),
			of(Version{Markings: refs, Granular: granular}, TLPNone, TLPNone),
		} {
			if !sameMarking(got.Join(less), got) {
				t.Fatalf("%s is laxer than %s, a part of it", got, less)
			}
		}
	})
}
