package entente_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente"
)

const (
	org1, org2, org3 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	col1, col2       = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-2222-4222-8222-222222222222"
)

// pact is a node in memory with one agreement: what the store and the appliers do, done to
// values, and beside it what was said, kept in another way than the product keeps it.
type pact struct {
	now   int64
	ids   int
	feeds int64
	who   entente.Actor
	life  *entente.Life
	orgs  []entente.Organisation
	cols  []entente.Collection
	came  map[string][]int64 // when each position of a collection's log came
	// What the other way of keeping says.
	word     map[string]entente.Digest // what each member accepted last, since the last suspension or new terms
	left     map[string]map[int64]bool // positions that choices in force leave out, by collection
	choosing map[string]map[int64]bool // those that work under way would
	tightens bool
}

func newPact() *pact {
	mandate := entente.Mandate{ID: "m", Account: "ann", Role: entente.Releaser}
	return &pact{now: 1_700_000_000_000_000, who: entente.Actor{Account: entente.Account{ID: "ann", Name: "ann", Organisation: homeID, Mandates: []entente.Mandate{mandate}}},
		orgs: []entente.Organisation{{ID: homeID, Name: "Home", Home: true}, {ID: org1, Name: "One"}, {ID: org2, Name: "Two"}, {ID: org3, Name: "Three"}},
		cols: []entente.Collection{{ID: col1, Name: "C1", Feed: 1}, {ID: col2, Name: "C2", Feed: 2}}, came: map[string][]int64{},
		word: map[string]entente.Digest{}, left: map[string]map[int64]bool{col1: {}, col2: {}}, choosing: map[string]map[int64]bool{}}
}

// written makes terms as a command takes them.
func written(t entente.Terms) entente.TermsVersion {
	canonical, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	return entente.TermsVersion{Terms: t, Canonical: canonical, Hash: sha256.Sum256(canonical), File: []byte("file")}
}

func termsFor(purpose string, members, collections []string) entente.Terms {
	t := entente.Terms{Name: "pact", Title: "Pact", Purpose: purpose, Collections: collections}
	if len(collections) > 0 {
		t.Highest = entente.TLPAmber
	}
	for _, m := range members {
		member := entente.Member{Organisation: m}
		if len(collections) > 0 {
			member.Flow = entente.Receives
		}
		t.Members = append(t.Members, member)
	}
	return t
}

func (k *pact) facts() entente.Facts {
	k.ids++
	k.now += 1000
	f := entente.Facts{Now: k.now, Actor: k.who, NewID: fmt.Sprintf("id-%d", k.ids), NewAgreement: 1, NewFeed: 100 + k.feeds, Home: k.orgs[0],
		Organisations: k.orgs, Collections: slices.Clone(k.cols), Roots: []entente.Root{{Name: "api1"}}, Tightens: k.tightens}
	if k.life != nil {
		l := *k.life
		l.Feeds = slices.Clone(l.Feeds)
		for i := range l.Feeds {
			l.Feeds[i].LogHead = int64(len(k.came[l.Feeds[i].Collection]))
		}
		f.Life = &l
		f.Agreements = []entente.Agreement{l.Agreement}
	}
	for i := range f.Collections {
		f.Collections[i].Head = int64(len(k.came[f.Collections[i].ID]))
	}
	for range f.NewFeeds() {
		k.ids++
		f.NewIDs = append(f.NewIDs, fmt.Sprintf("feed-%d", k.ids))
	}
	k.feeds += int64(len(f.NewIDs))
	return f
}

func (k *pact) do(c entente.Command) (entente.Change, error) {
	f := k.facts()
	if c, ok := c.(entente.SetFloor); ok {
		for i := range f.Collections {
			if f.Collections[i].ID == c.Collection {
				f.Collection = &f.Collections[i]
			}
		}
	}
	before, err := json.Marshal(f.Life)
	if err != nil {
		panic(err)
	}
	ch, err := entente.Decide(c, f)
	if after, _ := json.Marshal(f.Life); string(after) != string(before) {
		panic(fmt.Sprintf("%T changed the facts:\n%s\n%s", c, before, after))
	}
	if err != nil {
		return ch, err
	}
	if k.life == nil {
		k.life = &entente.Life{}
	}
	if ch.Agreement != nil {
		k.life.Agreement = *ch.Agreement
	}
	if ch.TermsVersion != nil {
		k.life.Versions = append(slices.Clone(k.life.Versions), *ch.TermsVersion)
	}
	if ch.Step != nil {
		k.step(*ch.Step)
	}
	for _, a := range ch.Working {
		k.life.Agreement = a
	}
	if ch.Collection != nil {
		for i := range k.cols {
			if k.cols[i].ID == ch.Collection.ID {
				k.cols[i] = *ch.Collection
			}
		}
	}
	return ch, nil
}

func (k *pact) step(s entente.AgreementStep) {
	s.Number = int64(len(k.life.History)) + 1
	k.life.History = append(slices.Clone(k.life.History), s)
}

// flip is what an applier does when work is done.
func (k *pact) flip() {
	w := k.life.Work
	for _, v := range k.life.Versions {
		if v.Number == w.Version {
			k.life.Terms, k.life.Hash = v.Terms, v.Hash
		}
	}
	k.life.State, k.life.Version, k.life.Work, k.life.Closed = w.To, w.Version, nil, false
	k.step(w.Step)
	k.judge()
}

func (k *pact) judge() {
	k.life.Feeds = slices.Clone(k.life.Feeds)
	for i := range k.life.Feeds {
		k.life.Feeds[i].Seen = int64(len(k.came[k.life.Feeds[i].Collection]))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, err error, want entente.Kind, what string) {
	t.Helper()
	if err == nil || entente.KindOf(err) != want {
		t.Fatalf("%s: got %v, want %q", what, err, want)
	}
}

// TestAgreementLife walks through a life and what is refused on the way.
func TestAgreementLife(t *testing.T) {
	k := newPact()
	v1 := written(termsFor("one", []string{org1, org2}, []string{col1}))
	k.came[col1] = []int64{10, 20, 30}
	_, err := k.do(entente.ProposeAgreement{})
	refused(t, err, entente.NotFound, "propose what is not there")
	ch, err := k.do(entente.DraftTerms{Terms: v1})
	must(t, err)
	if ch.Receipt.Mandate.ID != "m" || ch.TermsVersion.Number != 1 || ch.TermsVersion.Made != k.now {
		t.Fatalf("%+v", ch)
	}
	_, err = k.do(entente.DraftTerms{Terms: v1})
	refused(t, err, entente.Conflict, "the same draft again")
	_, err = k.do(entente.AcceptAgreement{Organisation: org1, Hash: v1.Hash, Said: "s"})
	refused(t, err, entente.Conflict, "accept a draft")
	_, err = k.do(entente.SuspendAgreement{Reason: "r"})
	refused(t, err, entente.Conflict, "suspend a draft")
	_, err = k.do(entente.ProposeAgreement{})
	must(t, err)
	_, err = k.do(entente.ActivateAgreement{Backlog: "all"})
	refused(t, err, entente.Conflict, "activate what nobody accepted")
	_, err = k.do(entente.AcceptAgreement{Organisation: org1, Hash: v1.Hash, Said: " "})
	refused(t, err, entente.Invalid, "accept without a word")
	_, err = k.do(entente.AcceptAgreement{Organisation: org3, Hash: v1.Hash, Said: "s"})
	refused(t, err, entente.Invalid, "accept for no member")
	_, err = k.do(entente.AcceptAgreement{Organisation: org1, Said: "s"})
	refused(t, err, entente.Conflict, "accept other terms")
	_, err = k.do(entente.AcceptAgreement{Organisation: org1, Hash: v1.Hash, Said: "s"})
	must(t, err)
	_, err = k.do(entente.AcceptAgreement{Organisation: org1, Hash: v1.Hash, Said: "s"})
	refused(t, err, entente.Conflict, "accept twice")
	_, err = k.do(entente.ActivateAgreement{Backlog: "all"})
	refused(t, err, entente.Conflict, "activate what one of two accepted")
	_, err = k.do(entente.AcceptAgreement{Organisation: org2, Hash: v1.Hash, Said: "s"})
	must(t, err)
	_, err = k.do(entente.ActivateAgreement{})
	refused(t, err, entente.Invalid, "activate without a backlog")
	_, err = k.do(entente.ActivateAgreement{Backlog: "since:2126-01-01T00:00:00Z"})
	refused(t, err, entente.Invalid, "a backlog from the future")
	_, err = k.do(entente.ActivateAgreement{Backlog: "none"})
	must(t, err)
	w := k.life.Work
	if k.life.State != entente.Proposed || w.To != entente.Active || w.Version != 1 || w.Step.Backlog != "none" || k.life.Closed {
		t.Fatalf("%+v", k.life.Agreement)
	}
	want := []entente.ReleaseFeed{{ID: "feed-" + fmt.Sprint(k.ids), Collection: col1, Log: 1, LogHead: 3, Feed: 100 + k.feeds - 1, Skips: []entente.Skip{{UpTo: 3}}}}
	if d := cmp.Diff(want, k.life.Feeds); d != "" {
		t.Fatal(d)
	}
	_, err = k.do(entente.ActivateAgreement{Backlog: "none"})
	refused(t, err, entente.Conflict, "activate while it is activated")
	k.flip()
	_, err = k.do(entente.ActivateAgreement{Backlog: "none"})
	refused(t, err, entente.Conflict, "activate what is active")

	// New terms: accepted by all, then put in force. What was covered is not asked about.
	v2 := written(termsFor("two", []string{org1, org3}, []string{col1}))
	_, err = k.do(entente.AmendAgreement{Terms: v2})
	refused(t, err, entente.Invalid, "amend without a reason")
	_, err = k.do(entente.AmendAgreement{Terms: v1, Reason: "r"})
	refused(t, err, entente.Conflict, "amend by what is in force")
	other := v2
	other.Terms.Name = "other"
	_, err = k.do(entente.AmendAgreement{Terms: written(other.Terms), Reason: "r"})
	refused(t, err, entente.Invalid, "rename")
	_, err = k.do(entente.AmendAgreement{Terms: v2, Reason: "r"})
	must(t, err)
	if k.life.Version != 1 || k.life.Terms.Purpose != "one" || k.life.OnTable().Number != 2 {
		t.Fatalf("%+v", k.life)
	}
	for _, o := range []string{org1, org3} {
		_, err = k.do(entente.ActivateAgreement{})
		refused(t, err, entente.Conflict, "before "+o)
		_, err = k.do(entente.AcceptAgreement{Organisation: o, Hash: v2.Hash, Said: "s"})
		must(t, err)
	}
	_, err = k.do(entente.ActivateAgreement{Backlog: "all"})
	refused(t, err, entente.Invalid, "a backlog where nothing comes to be covered")
	k.tightens = true
	_, err = k.do(entente.ActivateAgreement{})
	must(t, err)
	if w := k.life.Work; !k.life.Closed || k.life.State != entente.Active || k.life.Version != 1 || w.Version != 2 {
		t.Fatalf("%+v", k.life.Agreement)
	}
	// Suspended in the middle: called off, closed no longer, and all words are void.
	_, err = k.do(entente.SuspendAgreement{})
	refused(t, err, entente.Invalid, "suspend without a reason")
	_, err = k.do(entente.SuspendAgreement{Reason: "r", Organisation: org1})
	refused(t, err, entente.Invalid, "suspend for a member without its word")
	_, err = k.do(entente.SuspendAgreement{Reason: "r", Said: "s"})
	refused(t, err, entente.Invalid, "a word of home")
	ch, err = k.do(entente.SuspendAgreement{Reason: "r", Organisation: org1, Said: "s"})
	must(t, err)
	wantStep := entente.AgreementStep{At: k.now, Action: "suspend", From: entente.Active, To: entente.Suspended, Version: 1, Hash: v1.Hash,
		Organisation: org1, Account: "ann", Role: entente.Releaser, Said: "s", Reason: "r", CalledOff: "activate"}
	if d := cmp.Diff(&wantStep, ch.Step); d != "" {
		t.Fatal(d)
	}
	if k.life.Work != nil || k.life.Closed || len(k.life.Missing()) != 2 {
		t.Fatalf("%+v", k.life)
	}
	// The new terms are dropped; restored under the old ones.
	_, err = k.do(entente.DropAmendment{Reason: "r"})
	must(t, err)
	_, err = k.do(entente.DropAmendment{Reason: "r"})
	refused(t, err, entente.Conflict, "drop twice")
	_, err = k.do(entente.RestoreAgreement{Backlog: "all", Reason: "r"})
	refused(t, err, entente.Conflict, "restore on one side")
	for _, o := range []string{org1, org2} {
		_, err = k.do(entente.AcceptAgreement{Organisation: o, Hash: v1.Hash, Said: "s"})
		must(t, err)
	}
	_, err = k.do(entente.RestoreAgreement{Reason: "r"})
	refused(t, err, entente.Invalid, "restore without a backlog")
	_, err = k.do(entente.RestoreAgreement{Backlog: "all", Reason: "r"})
	must(t, err)
	k.flip()
	_, err = k.do(entente.RemoveCollection{Collection: col1})
	refused(t, err, entente.Forbidden, "a releaser removes a collection")
	_, err = k.do(entente.EndAgreement{Reason: "r"})
	must(t, err)
	for _, c := range []entente.Command{entente.SuspendAgreement{Reason: "r"}, entente.EndAgreement{Reason: "r"}, entente.RestoreAgreement{Backlog: "all", Reason: "r"},
		entente.DraftTerms{Terms: v2}, entente.AmendAgreement{Terms: v2, Reason: "r"}} {
		_, err = k.do(c)
		refused(t, err, entente.Conflict, fmt.Sprintf("%T after the end", c))
	}
}

// TestTermsThatAreRefused holds that no terms are kept that clash with themselves, with
// what is there, or with their hash.
func TestTermsThatAreRefused(t *testing.T) {
	good := termsFor("one", []string{org1}, []string{col1})
	for name, tc := range map[string]struct {
		change func(*entente.TermsVersion)
		want   entente.Kind
	}{
		"hash":  {func(v *entente.TermsVersion) { v.Hash[0]++ }, entente.Invalid},
		"clash": {func(v *entente.TermsVersion) { v.Terms.Approval = entente.TLPRed }, entente.Invalid},
		"unknown member": {func(v *entente.TermsVersion) {
			v.Terms.Members[0].Organisation = "44444444-4444-4444-8444-444444444444"
		}, entente.NotFound},
		"no collection": {func(v *entente.TermsVersion) { v.Terms.Collections[0] = org1 }, entente.Conflict},
		"no vocabulary": {func(v *entente.TermsVersion) { v.Terms.Vocabularies = []string{org1} }, entente.Conflict},
		"a root's name": {func(v *entente.TermsVersion) { v.Terms.Name = "api1" }, entente.Conflict},
		"an id":         {func(v *entente.TermsVersion) { v.Terms.Name = col1 }, entente.Invalid},
		"no name":       {func(v *entente.TermsVersion) { v.Terms.Name = "A B" }, entente.Invalid},
	} {
		v := written(good)
		v.Terms.Members, v.Terms.Collections = slices.Clone(good.Members), slices.Clone(good.Collections)
		tc.change(&v)
		if name != "hash" {
			v = written(v.Terms)
		}
		_, err := newPact().do(entente.DraftTerms{Terms: v})
		refused(t, err, tc.want, name)
	}
}

// TestWhoMovesAgreements holds that analysts draft, releasers decide, and nobody who
// declared a conflict about the agreement or one of its members does either.
func TestWhoMovesAgreements(t *testing.T) {
	v1, v2 := written(termsFor("one", []string{org1}, []string{col1})), written(termsFor("two", []string{org1}, []string{col1}))
	k := newPact()
	releaser, analyst := k.who, k.who
	analyst.Account.Mandates = []entente.Mandate{{Role: entente.Analyst}}
	k.who = analyst
	_, err := k.do(entente.DraftTerms{Terms: v1})
	must(t, err)
	for _, c := range []entente.Command{entente.ProposeAgreement{}, entente.AcceptAgreement{}, entente.ActivateAgreement{}, entente.AmendAgreement{},
		entente.DropAmendment{}, entente.SuspendAgreement{Reason: "r"}, entente.RestoreAgreement{}, entente.EndAgreement{Reason: "r"}} {
		_, err := k.do(c)
		refused(t, err, entente.Forbidden, fmt.Sprintf("%T by an analyst", c))
	}
	k.who = entente.LocalActor()
	_, err = k.do(entente.DraftTerms{Terms: v2})
	refused(t, err, entente.Unauthenticated, "a draft by nobody in particular")
	k.who = releaser
	_, err = k.do(entente.ProposeAgreement{})
	must(t, err)
	k.who = analyst
	_, err = k.do(entente.DraftTerms{Terms: v2})
	refused(t, err, entente.Forbidden, "an analyst takes a proposal off the table")
	k.who = releaser
	for _, about := range []string{org1, k.life.ID} {
		f := k.facts()
		f.Interests = []entente.Interest{{Account: "ann", About: about, Declared: 1}}
		_, err := entente.Decide(entente.EndAgreement{Reason: "r"}, f)
		refused(t, err, entente.Forbidden, "recused")
	}
}

// TestFloors holds that a change of a floor has every active agreement over the collection
// judged anew, and closes what may tighten.
func TestFloors(t *testing.T) {
	const none, clear, green, amber = entente.TLPNone, entente.TLPClear, entente.TLPGreen, entente.TLPAmber
	for _, tc := range []struct {
		from, to entente.TLP
		closed   bool
	}{{none, green, true}, {green, amber, true}, {amber, green, false}, {green, none, true}, {green, clear, false}} {
		k := newPact()
		k.active(t)
		k.cols[0].Floor = tc.from
		_, err := k.do(entente.SetFloor{Collection: col1, Floor: tc.to})
		refused(t, err, entente.Invalid, "without a reason")
		_, err = k.do(entente.SetFloor{Collection: col1, Floor: tc.to, Reason: "r"})
		must(t, err)
		if w := k.life.Work; k.cols[0].Floor != tc.to || w == nil || w.To != entente.Active || w.Version != 1 || w.Step.Action != "floor" || k.life.Closed != tc.closed {
			t.Fatalf("%v: %+v", tc, k.life.Agreement)
		}
		_, err = k.do(entente.SetFloor{Collection: col1, Floor: entente.TLPRed, Reason: "r"})
		refused(t, err, entente.Conflict, "while it is changed")
		k.flip()
		if ch, err := k.do(entente.SetFloor{Collection: col1, Floor: tc.to, Reason: "r"}); err != nil || k.life.Work != nil {
			t.Fatalf("no change: %+v, %v", ch, err)
		}
	}
	k := newPact()
	_, err := k.do(entente.SetFloor{Collection: col1, Floor: green})
	refused(t, err, entente.Forbidden, "a releaser runs the node")
	// While an agreement that has not been in force is being activated, what was judged
	// under the old floor would enter.
	k.proposed(t)
	_, err = k.do(entente.ActivateAgreement{Backlog: "all"})
	must(t, err)
	_, err = k.do(entente.SetFloor{Collection: col1, Floor: green, Reason: "r"})
	refused(t, err, entente.Conflict, "during the activation")
}

// proposed brings an agreement as far as all have accepted it.
func (k *pact) proposed(t testing.TB) {
	t.Helper()
	v := written(termsFor("one", []string{org1}, []string{col1}))
	for _, c := range []entente.Command{entente.DraftTerms{Terms: v}, entente.ProposeAgreement{}, entente.AcceptAgreement{Organisation: org1, Hash: v.Hash, Said: "s"}} {
		_, err := k.do(c)
		must(t, err)
	}
}

func (k *pact) active(t testing.TB) {
	t.Helper()
	k.proposed(t)
	_, err := k.do(entente.ActivateAgreement{Backlog: "all"})
	must(t, err)
	k.flip()
}

// TestCollectionsThatAgreementsRestOn holds that they stay until the agreement has ended.
func TestCollectionsThatAgreementsRestOn(t *testing.T) {
	k := newPact()
	k.active(t)
	remove := func() error {
		f := k.facts()
		f.Actor, f.Collection, f.Empty = entente.LocalActor(), &k.cols[0], true
		_, err := entente.Decide(entente.RemoveCollection{Collection: col1}, f)
		return err
	}
	refused(t, remove(), entente.Conflict, "covered")
	_, err := k.do(entente.EndAgreement{Reason: "r"})
	must(t, err)
	must(t, remove())
	_, err = entente.Decide(entente.AddRoot{Root: entente.Root{Name: "pact", Title: "T", MaxContentLength: 1}}, entente.Facts{Actor: entente.LocalActor(), Life: k.life})
	refused(t, err, entente.Conflict, "a root of an agreement's name")
}

// TestAgreementHistories runs random commands against an agreement and holds after each
// that nothing is in force which not all members accepted, that what ended stays so, that
// only a restoration with a choice of backlog follows a suspension, that one change at a
// time is under way, and that the choices of backlog leave out what they say.
func TestAgreementHistories(t *testing.T) {
	versions := []entente.TermsVersion{
		written(termsFor("one", []string{org1, org2}, []string{col1})),
		written(termsFor("two", []string{org1, org2}, []string{col1, col2})),
		written(termsFor("three", []string{org2, org3}, []string{col2})),
		written(termsFor("four", []string{org1}, nil)),
	}
	rapid.Check(t, func(t *rapid.T) {
		k := newPact()
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			v := rapid.SampledFrom(versions).Draw(t, "terms")
			org := rapid.SampledFrom([]string{org1, org2, org3}).Draw(t, "organisation")
			b := rapid.SampledFrom([]string{"", "none", "all", "since:" + entente.FormatMicros(k.now-rapid.Int64Range(0, 5000).Draw(t, "ago"))}).Draw(t, "backlog")
			hash := v.Hash
			if k.life != nil && k.life.OnTable() != nil {
				hash = k.life.OnTable().Hash // the most likely to be accepted
			}
			k.tightens = rapid.Bool().Draw(t, "tightens")
			switch rapid.IntRange(0, 15).Draw(t, "what") {
			case 0:
				k.try(t, entente.DraftTerms{Terms: v})
				k.try(t, entente.ProposeAgreement{})
			case 1:
				k.try(t, entente.ProposeAgreement{})
			case 2:
				k.try(t, entente.AcceptAgreement{Organisation: org, Hash: hash, Said: "s"})
			case 3, 4, 14: // all agree, and it is put in force
				for _, o := range []string{org1, org2, org3} {
					k.try(t, entente.AcceptAgreement{Organisation: o, Hash: hash, Said: "s"})
				}
				for _, choice := range []string{b, "none"} {
					k.try(t, entente.ActivateAgreement{Backlog: choice})
					k.try(t, entente.RestoreAgreement{Backlog: choice, Reason: "r"})
				}
			case 5, 6:
				k.try(t, entente.ActivateAgreement{Backlog: b})
			case 7:
				k.try(t, entente.AmendAgreement{Terms: v, Reason: "r"})
			case 8:
				k.try(t, entente.DropAmendment{Reason: "r"})
			case 9:
				k.try(t, entente.SuspendAgreement{Reason: "r"})
			case 10:
				k.try(t, entente.RestoreAgreement{Backlog: b, Reason: "r"})
			case 11:
				if rapid.IntRange(0, 4).Draw(t, "rarely") == 0 {
					k.try(t, entente.EndAgreement{Reason: "r"})
				}
				k.try(t, entente.SetFloor{Collection: col1, Floor: rapid.SampledFrom([]entente.TLP{0, 1, 2, 3}).Draw(t, "floor"), Reason: "r"})
			case 12:
				for _, id := range []string{col1, col2} {
					k.came[id] = append(k.came[id], k.now)
				}
				if k.life != nil && k.life.State == entente.Active && k.life.Work == nil {
					k.judge() // appliers follow active agreements
				}
			case 13, 15:
				if k.life != nil && k.life.Work != nil {
					k.done(t)
				}
			}
			k.check(t)
		}
	})
}

// try does a command, and holds what it did against what may happen.
func (k *pact) try(t *rapid.T, c entente.Command) {
	var was entente.Life
	if k.life != nil {
		was = *k.life
	}
	onTable := was.OnTable()
	_, err := k.do(c)
	if err != nil {
		if kind := entente.KindOf(err); kind == entente.Internal {
			t.Fatalf("%T: %v", c, err)
		}
		return
	}
	_, floor := c.(entente.SetFloor)
	if was.State == entente.Ended && !floor {
		t.Fatalf("%T on what has ended", c)
	}
	atOnce := false
	switch c := c.(type) {
	case entente.DraftTerms:
		if was.Version != 0 {
			t.Fatal("a draft of what was in force")
		}
		clear(k.word)
	case entente.AmendAgreement, entente.DropAmendment:
		clear(k.word)
	case entente.SuspendAgreement:
		clear(k.word)
		atOnce = true
		if k.life.State == entente.Active {
			t.Fatal("suspended, and still active")
		}
	case entente.EndAgreement:
		atOnce = true
		if k.life.State != entente.Ended {
			t.Fatal("it did not end at once")
		}
	case entente.AcceptAgreement:
		k.word[c.Organisation] = c.Hash
	case entente.ActivateAgreement:
		k.choose(onTable, &was, c.Backlog, false)
	case entente.RestoreAgreement:
		if was.State != entente.Suspended {
			t.Fatal("restored from ", was.State)
		}
		k.choose(onTable, &was, c.Backlog, true)
	}
	switch {
	case atOnce && (k.life.Work != nil || k.life.Closed):
		t.Fatalf("%T waits for work", c)
	case !atOnce && was.Work != nil && (!floor || k.life.Work.ID != was.Work.ID):
		t.Fatalf("%T while %s is under way", c, was.Work.Step.Action)
	case k.life.Work == nil && was.State != k.life.State && k.life.State == entente.Active:
		t.Fatalf("%T made it active without work", c)
	}
}

// choose notes which positions a choice of backlog leaves out once its work is done.
func (k *pact) choose(v *entente.TermsVersion, was *entente.Life, backlog string, restored bool) {
	k.choosing = map[string]map[int64]bool{}
	b, _ := entente.ParseBacklog(backlog)
	for _, id := range v.Terms.Collections {
		gained := was.Version == 0 || !was.Terms.Covers(id)
		if !gained && !restored {
			continue
		}
		left := map[int64]bool{}
		seen := int64(0)
		if !gained {
			for _, f := range was.Feeds {
				if f.Collection == id {
					seen = f.Seen
				}
			}
			for p := range k.left[id] {
				left[p] = true
			}
		}
		for p := seen + 1; p <= int64(len(k.came[id])); p++ {
			delete(left, p)
			if !b.All && (b.Since == 0 || k.came[id][p-1] < b.Since) {
				left[p] = true
			}
		}
		k.choosing[id] = left
	}
}

// done finishes the work under way.
func (k *pact) done(t *rapid.T) {
	w := *k.life.Work
	from := k.life.State
	if w.Step.Action != entente.StepFloor {
		var v entente.TermsVersion
		for _, x := range k.life.Versions {
			if x.Number == w.Version {
				v = x
			}
		}
		for _, m := range v.Terms.Members {
			if k.word[m.Organisation] != v.Hash {
				t.Fatalf("version %d comes into force, and %s has not accepted it", w.Version, m.Organisation)
			}
		}
		for id, left := range k.choosing {
			k.left[id] = left
		}
		clear(k.word) // the next change asks anew
	}
	if from == entente.Suspended && (w.Step.Action != entente.StepRestore || w.Step.Reason == "") {
		t.Fatalf("%s led out of a suspension", w.Step.Action)
	}
	k.choosing = nil
	k.flip()
}

func (k *pact) check(t *rapid.T) {
	if k.life == nil {
		return
	}
	if k.life.Closed && (k.life.Work == nil || k.life.State != entente.Active) {
		t.Fatal("closed, and nothing is under way that opens it again")
	}
	if k.life.State == entente.Active && k.life.Version == 0 || k.life.State == entente.Draft && k.life.Version != 0 {
		t.Fatalf("%s with version %d in force", k.life.State, k.life.Version)
	}
	for _, s := range k.life.History {
		taken := s.Action == entente.StepSuspend || s.Action == entente.StepEnd || s.Action == entente.StepAmend || s.Action == entente.StepRestore
		if s.At == 0 || s.Account != "ann" || s.Role != entente.Releaser || s.Organisation == "" || s.Version == 0 || s.Hash == (entente.Digest{}) || taken && s.Reason == "" {
			t.Fatalf("a step that does not say enough: %+v", s)
		}
	}
	if k.life.Work != nil {
		return
	}
	for _, f := range k.life.Feeds {
		if !k.life.Terms.Covers(f.Collection) || k.life.State != entente.Active {
			continue // nothing is judged in it
		}
		for p := int64(1); p <= f.Seen; p++ {
			out := slices.ContainsFunc(f.Skips, func(s entente.Skip) bool {
				return s.After < p && p <= s.UpTo && (s.Since == 0 || k.came[f.Collection][p-1] < s.Since)
			})
			if out != k.left[f.Collection][p] {
				t.Fatalf("position %d of %s: left out %t, chosen %t; %+v", p, f.Collection, out, k.left[f.Collection][p], f.Skips)
			}
		}
	}
}

// TestBacklogOfWhatIsCoveredAgain holds that a collection which terms left and come back to
// is chosen about as a whole, and that its feed stays the same.
func TestBacklogOfWhatIsCoveredAgain(t *testing.T) {
	k := newPact()
	k.came[col1] = []int64{10, 20, 30}
	k.active(t)
	feed := k.life.Feeds[0].ID
	for _, tc := range []struct {
		v       entente.TermsVersion
		backlog string
	}{{written(termsFor("other", []string{org1}, []string{col2})), "none"}, {written(termsFor("one again", []string{org1}, []string{col1})), "since:1970-01-01T00:00:00.000020Z"}} {
		_, err := k.do(entente.AmendAgreement{Terms: tc.v, Reason: "r"})
		must(t, err)
		_, err = k.do(entente.AcceptAgreement{Organisation: org1, Hash: tc.v.Hash, Said: "s"})
		must(t, err)
		_, err = k.do(entente.ActivateAgreement{Backlog: tc.backlog})
		must(t, err)
		k.flip()
	}
	if f := k.life.Feeds; len(f) != 2 || f[0].ID != feed || f[1].Collection != col2 {
		t.Fatalf("%+v", f)
	}
	if d := cmp.Diff([]entente.Skip{{After: 0, UpTo: 3, Since: 20}}, k.life.Feeds[0].Skips); d != "" {
		t.Fatal(d)
	}
}

// TestMovesAreDocumented holds the table of moves against the one of the design.
func TestMovesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("docs/design/011-agreements.md")
	must(t, err)
	var written []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) == 4 && cells[0] != "| action" && !strings.Contains(cells[1], "---") {
			written = append(written, strings.TrimPrefix(cells[0], "| ")+" "+strings.Replace(cells[1], "–", "", 1)+" "+cells[2])
			if work := strings.Contains(cells[3], "by work"); work != slices.ContainsFunc(entente.Moves(), func(m entente.Move) bool {
				return m.Work && m.Action == strings.TrimPrefix(cells[0], "| ") && string(m.From) == cells[1]
			}) {
				t.Errorf("work: %s", line)
			}
		}
	}
	var want []string
	for _, m := range entente.Moves() {
		want = append(want, fmt.Sprintf("%s %s %s", m.Action, m.From, m.To))
	}
	if d := cmp.Diff(want, written); d != "" {
		t.Errorf("docs/design/011-agreements.md (-table +document):\n%s", d)
	}
}

// Every step tells why: by the reason that was given, or else by what it rests on.
func TestEveryStepTellsWhy(t *testing.T) {
	terms := &entente.Terms{Purpose: "Defence of ports.\nAnd of ships."}
	given := entente.AgreementStep{Action: entente.StepPropose, Reason: "the desk asked", Version: 2}
	if got := given.Because(terms); got != "the desk asked" {
		t.Errorf("%q", got)
	}
	for action, want := range map[string]string{
		entente.StepDraft:    "the purpose of these terms: Defence of ports. And of ships.",
		entente.StepPropose:  "the purpose of these terms: Defence of ports. And of ships.",
		entente.StepAccept:   "the word of the member: letter of 3 May",
		entente.StepActivate: "every member has accepted version 2 of the terms",
	} {
		s := entente.AgreementStep{Action: action, Version: 2, Said: "letter of 3 May"}
		if got := s.Because(terms); got != want {
			t.Errorf("%s: %q, want %q", action, got, want)
		}
	}
	for _, m := range entente.Moves() {
		if s := (&entente.AgreementStep{Action: m.Action, Version: 1}); s.Because(terms) == "" && !slices.Contains([]string{entente.StepAmend, entente.StepDrop,
			entente.StepSuspend, entente.StepRestore, entente.StepEnd, entente.StepFloor}, m.Action) {
			t.Errorf("%s tells no reason, and demands none", m.Action)
		}
	}
}
