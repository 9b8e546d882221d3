package entente_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// people is a node in memory, as far as people and partners go: what the store does with
// changes, done to maps.
type people struct {
	now      int64
	ids      int
	accounts map[string]*entente.Account
	orgs     []entente.Organisation
	declared []entente.Interest
	stops    []entente.Stop

	removals    []entente.Removal
	recommended []entente.Recommendation
	keys        map[string]*entente.AccountKey
	notes       []entente.ReviewNote
	state       entente.AgreementState // of the one agreement, "agreement"
}

const partnerID, homeID = "org-partner", "org-home"

func newPeople() *people {
	return &people{now: 1000, accounts: map[string]*entente.Account{}, keys: map[string]*entente.AccountKey{}, state: entente.Active, orgs: []entente.Organisation{
		{ID: homeID, Name: "Home", Home: true}, {ID: partnerID, Name: "Partner"}}}
}

// as is who signs in with an account; "" is the node's owner.
func (p *people) as(id string) entente.Actor {
	if id == "" {
		return entente.LocalActor()
	}
	return entente.Actor{Account: *p.accounts[id], At: p.now}
}

func (p *people) do(a entente.Actor, c entente.Command) (string, error) {
	p.ids++
	f := entente.Facts{Now: p.now, Actor: a, NewID: fmt.Sprintf("id-%d", p.ids), Home: p.orgs[0], Organisations: p.orgs, Interests: p.declared, Stops: p.stops}
	for _, acc := range p.accounts {
		if acc.LastingOperator() {
			f.Operators++
		}
	}
	switch c := c.(type) {
	case entente.GiveMandate:
		f.Account = p.accounts[c.Account]
	case entente.DisableAccount:
		f.Account = p.accounts[c.Account]
	case entente.DeclareInterest:
		f.Account = p.accounts[c.Account]
	case entente.EndMandate:
		for _, acc := range p.accounts {
			for _, m := range acc.Mandates {
				if m.ID == c.Mandate {
					f.Mandate, f.Account = &m, acc
				}
			}
		}
	}
	p.reviewFacts(&f, c)
	ch, err := entente.Decide(c, f)
	if err != nil {
		return "", err
	}
	if ch.Account != nil {
		to := *ch.Account
		if have := p.accounts[to.ID]; have != nil {
			to.Mandates = have.Mandates
		}
		p.accounts[to.ID] = &to
	}
	for _, m := range ch.Mandates {
		acc := p.accounts[m.Account]
		if i := slices.IndexFunc(acc.Mandates, func(h entente.Mandate) bool { return h.ID == m.ID }); i >= 0 {
			acc.Mandates = slices.Clone(acc.Mandates)
			acc.Mandates[i] = m
		} else {
			acc.Mandates = append(slices.Clone(acc.Mandates), m)
		}
	}
	if o := ch.Organisation; o != nil {
		if i := slices.IndexFunc(p.orgs, func(h entente.Organisation) bool { return h.ID == o.ID }); i >= 0 {
			p.orgs[i] = *o
		} else {
			p.orgs = append(p.orgs, *o)
		}
	}
	if ch.Interest != nil {
		p.declared = put(p.declared, *ch.Interest, func(i entente.Interest) string { return i.ID })
	}
	if ch.Stop != nil {
		p.stops = put(p.stops, *ch.Stop, func(s entente.Stop) string { return s.ID })
	}
	p.applyReview(ch)
	return ch.Receipt.ID, nil
}

func put[T any](all []T, one T, id func(T) string) []T {
	all = slices.Clone(all)
	if i := slices.IndexFunc(all, func(x T) bool { return id(x) == id(one) }); i >= 0 {
		all[i] = one
		return all
	}
	return append(all, one)
}

func (p *people) person(t testing.TB, name string, roles ...entente.Role) string {
	t.Helper()
	id, err := p.do(p.as(""), entente.AddAccount{Name: name, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// want checks what became of a command.
func (p *people) want(t testing.TB, kind entente.Kind, part string, a entente.Actor, c entente.Command) {
	t.Helper()
	_, err := p.do(a, c)
	if err == nil || entente.KindOf(err) != kind || !strings.Contains(err.Error(), part) {
		t.Errorf("%+v: %v; want %s with %q", c, err, kind, part)
	}
}

func (p *people) must(t testing.TB, a entente.Actor, c entente.Command) string {
	t.Helper()
	id, err := p.do(a, c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return id
}

func TestOrganisations(t *testing.T) {
	p, local := newPeople(), entente.LocalActor()
	id := func(n int) entente.ObjectID {
		return entente.ObjectID(fmt.Sprintf("identity--00000000-0000-4000-8000-%012d", n))
	}
	a := p.must(t, local, entente.AddPartner{Name: "A", Contact: "desk@a.example", Identities: []entente.ObjectID{id(2), id(1), id(2)}})
	if o := p.orgs[2]; o.ID != a || o.Home || !slices.Equal(o.Identities, []entente.ObjectID{id(1), id(2)}) || o.Created != p.now {
		t.Fatalf("%+v", o)
	}
	name, long, home := "Partner", strings.Repeat("x", 5000), "other"
	p.want(t, entente.Conflict, `already an organisation named "A"`, local, entente.AddPartner{Name: "A"})
	p.want(t, entente.Conflict, "belongs to one organisation", local, entente.AddPartner{Name: "B", Identities: []entente.ObjectID{id(1)}})
	p.want(t, entente.Invalid, "is no identity", local, entente.AddPartner{Name: "B", Identities: []entente.ObjectID{"tool--00000000-0000-4000-8000-000000000001"}})
	p.want(t, entente.Invalid, "identifier", local, entente.AddPartner{Name: "B", Identities: []entente.ObjectID{"identity--x"}})
	p.want(t, entente.Invalid, "needs a name", local, entente.AddPartner{})
	p.want(t, entente.Invalid, "the contact must be", local, entente.AddPartner{Name: "B", Contact: long})
	p.want(t, entente.Conflict, "already an organisation named", local, entente.EditPartner{Organisation: a, Name: &name})
	p.want(t, entente.NotFound, "no such partner", local, entente.EditPartner{Organisation: "x"})
	p.want(t, entente.NotFound, "is no identity of", local, entente.EditPartner{Organisation: a, Remove: []entente.ObjectID{id(7)}})
	p.want(t, entente.Invalid, "home keeps the name", local, entente.EditPartner{Organisation: homeID, Name: &home})
	p.want(t, entente.Conflict, "belongs to one organisation", local, entente.EditPartner{Organisation: homeID, Add: []entente.ObjectID{id(2)}})
	var many []entente.ObjectID
	for n := range 1001 {
		many = append(many, id(n+10))
	}
	p.want(t, entente.Invalid, "at most 1000", local, entente.AddPartner{Name: "B", Identities: many})
	// Removed from one, it is free for another; home has identities too.
	p.must(t, local, entente.EditPartner{Organisation: a, Remove: []entente.ObjectID{id(1)}})
	p.must(t, local, entente.EditPartner{Organisation: homeID, Add: []entente.ObjectID{id(1)}})
	if !slices.Equal(p.orgs[0].Identities, []entente.ObjectID{id(1)}) || !slices.Equal(p.orgs[2].Identities, []entente.ObjectID{id(2)}) {
		t.Fatalf("%+v", p.orgs)
	}
	analyst := p.person(t, "analyst", entente.Analyst)
	p.want(t, entente.Forbidden, "only an operator", p.as(analyst), entente.AddPartner{Name: "B"})
}

func TestAccountsOfPartners(t *testing.T) {
	p, local := newPeople(), entente.LocalActor()
	svc := p.must(t, local, entente.AddAccount{Name: "svc", Organisation: partnerID, Service: true})
	if a := p.accounts[svc]; a.Organisation != partnerID || !a.Service {
		t.Fatalf("%+v", a)
	}
	p.want(t, entente.Invalid, "are services", local, entente.AddAccount{Name: "p", Organisation: partnerID})
	p.want(t, entente.NotFound, "no such partner", local, entente.AddAccount{Name: "p", Organisation: "x", Service: true})
	p.want(t, entente.Invalid, "roles", local, entente.AddAccount{Name: "p", Organisation: partnerID, Service: true, Roles: []entente.Role{entente.Operator}})
	p.want(t, entente.Invalid, "account of a partner", local, entente.GiveMandate{Account: svc, Role: entente.Analyst})
	p.want(t, entente.Invalid, "account of a partner", local, entente.DeclareInterest{Account: svc, About: partnerID, Reason: "r"})
	_, err := entente.Decide(entente.SetGrant{Account: svc, Collection: "c", Read: true},
		entente.Facts{Actor: local, Home: p.orgs[0], Account: p.accounts[svc], Collection: &entente.Collection{ID: "c"}})
	if entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), "partners read through agreements") {
		t.Fatalf("a grant to a partner: %v", err)
	}
}

func TestMandates(t *testing.T) {
	p, local := newPeople(), entente.LocalActor()
	op := p.person(t, "op", entente.Operator)
	ann := p.person(t, "ann")
	svc := p.must(t, local, entente.AddAccount{Name: "svc", Service: true})
	m := p.must(t, p.as(op), entente.GiveMandate{Account: ann, Role: entente.Analyst, Until: 2000})
	for at, held := range map[int64]bool{999: false, 1000: true, 1999: true, 2000: false} {
		if p.accounts[ann].Holds(entente.Analyst, at) != held {
			t.Errorf("at %d", at)
		}
	}
	p.want(t, entente.Conflict, "already", local, entente.GiveMandate{Account: ann, Role: entente.Analyst, From: 1500})
	p.want(t, entente.Conflict, "no other role", local, entente.GiveMandate{Account: ann, Role: entente.Reviewer, From: 1999})
	p.want(t, entente.Invalid, "in the past", local, entente.GiveMandate{Account: ann, Role: entente.Releaser, From: 999})
	p.want(t, entente.Invalid, "before it begins", local, entente.GiveMandate{Account: ann, Role: entente.Releaser, From: 3000, Until: 3000})
	p.want(t, entente.Invalid, "there is no role", local, entente.GiveMandate{Account: ann, Role: "king"})
	p.want(t, entente.Invalid, "is a service", local, entente.GiveMandate{Account: svc, Role: entente.Analyst})
	p.want(t, entente.NotFound, "no such account", local, entente.GiveMandate{Account: "x", Role: entente.Analyst})
	p.want(t, entente.Forbidden, "to himself", p.as(op), entente.GiveMandate{Account: op, Role: entente.Releaser})
	p.must(t, local, entente.GiveMandate{Account: ann, Role: entente.Releaser, From: 5000})
	p.must(t, local, entente.GiveMandate{Account: ann, Role: entente.Reviewer, From: 2000, Until: 5000}) // between the two

	p.want(t, entente.Conflict, "last operator", local, entente.EndMandate{Mandate: op + "/operator", At: 9000})
	p.want(t, entente.Conflict, "last operator", local, entente.DisableAccount{Account: op})
	p.want(t, entente.NotFound, "no such mandate", local, entente.EndMandate{Mandate: "x"})
	p.want(t, entente.Invalid, "in the past", local, entente.EndMandate{Mandate: m, At: 900})
	p.want(t, entente.Invalid, "which is earlier", local, entente.EndMandate{Mandate: m, At: 2500})
	p.now = 1200
	p.must(t, p.as(op), entente.EndMandate{Mandate: m})
	if got := p.accounts[ann].Mandates[0]; got.Until != 1200 || got.EndedBy != op || got.Ended != 1200 || got.By != op || got.Given != 1000 {
		t.Fatalf("%+v", got)
	}
	p.want(t, entente.Conflict, "ended at", local, entente.EndMandate{Mandate: m})
	other := p.person(t, "other", entente.Operator)
	p.must(t, p.as(other), entente.EndMandate{Mandate: op + "/operator"})
	// It acts at once, even where the account was read before.
	p.want(t, entente.Forbidden, "only an operator", p.as(op), entente.GiveMandate{Account: ann, Role: entente.Analyst})
	p.want(t, entente.Conflict, "last operator", local, entente.DisableAccount{Account: other})
}

func TestConflicts(t *testing.T) {
	p := newPeople()
	op, ann, bob := p.person(t, "op", entente.Operator), p.person(t, "ann", entente.Releaser), p.person(t, "bob", entente.Releaser)
	p.want(t, entente.Forbidden, "the person concerned", p.as(bob), entente.DeclareInterest{Account: ann, About: partnerID, Reason: "r"})
	p.want(t, entente.Invalid, "reason is missing", p.as(ann), entente.DeclareInterest{Account: ann, About: partnerID, Reason: " "})
	p.want(t, entente.NotFound, "no such partner", p.as(ann), entente.DeclareInterest{Account: ann, About: "x", Reason: "r"})
	p.want(t, entente.Invalid, "home itself", p.as(ann), entente.DeclareInterest{Account: ann, About: homeID, Reason: "r"})
	ch, err := entente.Decide(entente.DeclareInterest{Account: ann, About: "agreement", Reason: "r"},
		entente.Facts{Now: p.now, Actor: p.as(ann), Home: p.orgs[0], Account: p.accounts[ann], AboutAgreement: true})
	if err != nil || ch.Interest == nil || ch.Interest.About != "agreement" {
		t.Fatalf("about an agreement: %+v, %v", ch.Interest, err)
	}
	i := p.must(t, p.as(ann), entente.DeclareInterest{Account: ann, About: partnerID, Reason: "worked there"})
	p.want(t, entente.Conflict, "already", p.as(op), entente.DeclareInterest{Account: ann, About: partnerID, Reason: "r"})
	p.want(t, entente.Forbidden, "you are recused", p.as(ann), entente.PlaceStop{Organisation: partnerID, Reason: "r", Basis: "b"})
	p.want(t, entente.Forbidden, "the person concerned", p.as(bob), entente.EndInterest{Interest: i})
	p.must(t, p.as(op), entente.EndInterest{Interest: i})
	if got := p.declared; len(got) != 1 || got[0].Ended == 0 || got[0].EndedBy != op || got[0].By != ann {
		t.Fatalf("%+v", got)
	}
	p.want(t, entente.Conflict, "was ended", p.as(ann), entente.EndInterest{Interest: i})
	p.want(t, entente.NotFound, "no such conflict", p.as(ann), entente.EndInterest{Interest: "x"})
	p.must(t, p.as(ann), entente.PlaceStop{Organisation: partnerID, Reason: "r", Basis: "b"})
	p.must(t, p.as(op), entente.DeclareInterest{Account: ann, About: partnerID, Reason: "again"})
}

func TestStops(t *testing.T) {
	p := newPeople()
	ann, bob, eve := p.person(t, "ann", entente.Releaser), p.person(t, "bob", entente.Releaser), p.person(t, "eve", entente.Reviewer)
	place := entente.PlaceStop{Organisation: partnerID, Reason: "r", Basis: "b"}
	p.want(t, entente.Unauthenticated, "--as NAME", p.as(""), place)
	p.want(t, entente.Forbidden, "releaser", p.as(eve), place)
	p.want(t, entente.Invalid, "reason is missing", p.as(ann), entente.PlaceStop{Organisation: partnerID, Basis: "b"})
	p.want(t, entente.Invalid, "legal basis is missing", p.as(ann), entente.PlaceStop{Organisation: partnerID, Reason: "r"})
	p.want(t, entente.Invalid, "past already", p.as(ann), entente.PlaceStop{Organisation: partnerID, Reason: "r", Basis: "b", Review: p.now})
	p.want(t, entente.Invalid, "home itself", p.as(ann), entente.PlaceStop{Organisation: homeID, Reason: "r", Basis: "b"})
	p.want(t, entente.NotFound, "no such partner", p.as(ann), entente.PlaceStop{Organisation: "x", Reason: "r", Basis: "b"})
	s := p.must(t, p.as(ann), place)
	p.want(t, entente.Forbidden, "a second person", p.as(ann), entente.RatifyStop{Stop: s})
	p.must(t, p.as(bob), entente.RatifyStop{Stop: s})
	p.want(t, entente.Conflict, "was ratified", p.as(bob), entente.RatifyStop{Stop: s})
	p.want(t, entente.Conflict, "nobody has asked", p.as(bob), entente.Lift{Stop: s, Backlog: "none"})
	p.want(t, entente.Invalid, "reason is missing", p.as(bob), entente.AskLift{Stop: s, Backlog: "none"})
	p.want(t, entente.Invalid, "none, all, or since", p.as(bob), entente.AskLift{Stop: s, Reason: "r"})
	p.must(t, p.as(bob), entente.AskLift{Stop: s, Reason: "r", Backlog: "since:2026-01-31T13:00:00+01:00"})
	p.want(t, entente.Forbidden, "a second person", p.as(bob), entente.Lift{Stop: s, Backlog: "since:2026-01-31T12:00:00Z"})
	p.want(t, entente.Conflict, "decide the same", p.as(ann), entente.Lift{Stop: s, Backlog: "all"})
	p.must(t, p.as(ann), entente.Lift{Stop: s, Backlog: "since:2026-01-31T12:00:00Z"})
	for _, c := range []entente.Command{entente.RatifyStop{Stop: s}, entente.AskLift{Stop: s, Reason: "r", Backlog: "all"}, entente.Lift{Stop: s, Backlog: "all"}} {
		p.want(t, entente.Conflict, "was lifted", p.as(bob), c)
	}
	p.want(t, entente.NotFound, "no such stop", p.as(bob), entente.RatifyStop{Stop: "x"})
	if err := entente.DoorOpen(p.orgs[0], []entente.Stop{{Organisation: homeID}}); err != nil {
		t.Errorf("home: %v", err)
	}
}

// The life of stops, whatever people and the clock do: a partner is shut out exactly
// while a stop stands; no stop ends but by two different people, both releasers of home at
// the time, neither recused; time alone changes nothing but the alarms.
func TestStopLife(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPeople()
		var who []string
		for i := range 4 {
			who = append(who, p.person(t, fmt.Sprint("p", i), entente.Releaser))
		}
		who = append(who, p.person(t, "op", entente.Operator), p.must(t, p.as(""), entente.AddAccount{Name: "svc", Organisation: partnerID, Service: true}), "")
		word := rapid.SampledFrom([]string{"none", "all", "since:2026-01-31T12:00:00Z"})
		lifters := map[string][]string{} // who asked and who lifted, in order
		open := func() bool { return entente.DoorOpen(p.orgs[1], p.stops) == nil }
		rt.Repeat(map[string]func(*rapid.T){
			"time": func(rt *rapid.T) {
				before, was := slices.Clone(p.stops), open()
				p.now += rapid.Int64Range(1, 40*24*3600*1_000_000).Draw(rt, "later")
				if open() != was || !slices.Equal(before, p.stops) {
					rt.Fatal("time opened or shut the door")
				}
				for _, s := range p.stops {
					if s.Unratified(p.now) != (s.Lifted == 0 && s.Ratified == 0 && p.now > s.At+entente.RatifyWithin) {
						rt.Fatalf("the alarm of %+v at %d", s, p.now)
					}
				}
			},
			"stop": func(rt *rapid.T) {
				actor := rapid.SampledFrom(who).Draw(rt, "who")
				c := entente.PlaceStop{Organisation: partnerID, Reason: "r", Basis: "b"}
				if rapid.Bool().Draw(rt, "dated") {
					c.Review = p.now + 1000
				}
				if _, err := p.do(p.as(actor), c); err == nil && open() {
					rt.Fatal("the stop does not act at once")
				}
			},
			"people": func(rt *rapid.T) {
				acc := rapid.SampledFrom(who[:4]).Draw(rt, "whose")
				switch rapid.IntRange(0, 2).Draw(rt, "what") {
				case 0:
					for _, m := range p.accounts[acc].Mandates {
						_, _ = p.do(p.as(""), entente.EndMandate{Mandate: m.ID}) // those that ended are refused
					}
				case 1:
					_, _ = p.do(p.as(""), entente.GiveMandate{Account: acc, Role: entente.Releaser}) // refused where it is held
				default:
					_, _ = p.do(p.as(acc), entente.DeclareInterest{Account: acc, About: partnerID, Reason: "r"}) // refused where it stands
				}
			},
			"decide": func(rt *rapid.T) {
				if len(p.stops) == 0 {
					return
				}
				s := rapid.SampledFrom(p.stops).Draw(rt, "stop")
				actor := rapid.SampledFrom(who).Draw(rt, "who")
				was := open()
				var c entente.Command
				switch rapid.IntRange(0, 2).Draw(rt, "what") {
				case 0:
					c = entente.RatifyStop{Stop: s.ID}
				case 1:
					c = entente.AskLift{Stop: s.ID, Reason: "r", Backlog: word.Draw(rt, "backlog")}
				default:
					c = entente.Lift{Stop: s.ID, Backlog: word.Draw(rt, "backlog")}
				}
				_, err := p.do(p.as(actor), c)
				if err == nil {
					if actor == "" || !p.accounts[actor].Holds(entente.Releaser, p.now) ||
						slices.ContainsFunc(p.declared, func(i entente.Interest) bool { return i.Account == actor && i.Ended == 0 }) {
						rt.Fatalf("%q did %+v", actor, c)
					}
					switch c.(type) {
					case entente.AskLift:
						lifters[s.ID] = []string{actor}
					case entente.Lift:
						lifters[s.ID] = append(lifters[s.ID], actor)
					}
				}
				if _, lift := c.(entente.Lift); open() != was && !(lift && err == nil) {
					rt.Fatalf("%+v moved the door", c)
				}
			},
			"": func(rt *rapid.T) {
				stands := false
				for _, s := range p.stops {
					stands = stands || s.Lifted == 0
					if two := lifters[s.ID]; s.Lifted != 0 && (len(two) != 2 || two[0] == two[1] || s.LiftBy != two[0] || s.LiftedBy != two[1]) {
						rt.Fatalf("lifted by %v: %+v", two, s)
					}
					if s.Ratified != 0 && s.RatifiedBy == s.By {
						rt.Fatalf("ratified by who placed it: %+v", s)
					}
				}
				if open() == stands {
					rt.Fatalf("open %v while a stop stands %v", open(), stands)
				}
			},
		})
	})
}

// However mandates are given and ended: what is past never changes, no two of one role
// overlap, a reviewer holds nothing else, and an operator without an end stays.
func TestMandateLife(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPeople()
		who := []string{p.person(t, "a", entente.Operator), p.person(t, "b"), p.person(t, "c")}
		held := func(until int64) (out []string) {
			for at := int64(1000); at < until; at += 10 {
				for _, id := range who {
					for _, r := range entente.Roles() {
						if p.accounts[id].Holds(r, at) {
							out = append(out, fmt.Sprint(at, id, r))
						}
					}
				}
			}
			return out
		}
		times := rapid.Custom(func(t *rapid.T) int64 { return rapid.Int64Range(0, 40).Draw(t, "t") * 10 })
		actors := append(slices.Clone(who), "")
		rt.Repeat(map[string]func(*rapid.T){
			"change": func(rt *rapid.T) {
				p.now += times.Draw(rt, "later") / 10 * 10
				before := held(p.now)
				actor := p.as(rapid.SampledFrom(actors).Draw(rt, "actor"))
				acc := rapid.SampledFrom(who).Draw(rt, "whose")
				var c entente.Command
				if ms := p.accounts[acc].Mandates; len(ms) > 0 && rapid.Bool().Draw(rt, "end") {
					c = entente.EndMandate{Mandate: rapid.SampledFrom(ms).Draw(rt, "mandate").ID, At: times.Draw(rt, "at") + 1000}
				} else if rapid.IntRange(0, 9).Draw(rt, "disable") == 0 {
					c = entente.DisableAccount{Account: acc, Enable: rapid.Bool().Draw(rt, "enable")}
				} else {
					c = entente.GiveMandate{Account: acc, Role: rapid.SampledFrom(entente.Roles()).Draw(rt, "role"), From: times.Draw(rt, "from") + 1000, Until: times.Draw(rt, "until") + 1000}
				}
				_, _ = p.do(actor, c) // many are refused, which must change nothing either
				if after := held(p.now); !slices.Equal(before, after) {
					rt.Fatalf("%+v changed the past", c)
				}
			},
			"": func(rt *rapid.T) {
				lasting := 0
				for _, id := range who {
					a := p.accounts[id]
					if a.LastingOperator() {
						lasting++
					}
					for at := p.now; at < 2000; at += 10 {
						n, each := 0, map[entente.Role]int{}
						for _, m := range a.Mandates {
							if m.Holds(at) {
								n++
								each[m.Role]++
							}
						}
						if each[entente.Reviewer] > 0 && n > 1 || slices.ContainsFunc(entente.Roles(), func(r entente.Role) bool { return each[r] > 1 }) {
							rt.Fatalf("at %d %s holds %v", at, id, each)
						}
					}
				}
				if lasting == 0 {
					rt.Fatal("no operator stays")
				}
			},
		})
	})
}

func TestBacklogs(t *testing.T) {
	for text, want := range map[string]entente.Backlog{
		"none": {}, "all": {All: true}, "since:1970-01-01T00:00:01Z": {Since: 1_000_000}, "since:2026-01-31T13:00:00.5+01:00": {Since: 1769860800500000},
	} {
		if got, err := entente.ParseBacklog(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "None", "since:", "since:2026-01-31", "since:1970-01-01T00:00:00Z", "since:0001-01-01T00:00:00Z", "all ", "since:2026-02-30T00:00:00Z"} {
		if got, err := entente.ParseBacklog(text); entente.KindOf(err) != entente.Invalid || err == nil {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// FuzzBacklog reads what a person writes; what is read is written and read the same.
func FuzzBacklog(f *testing.F) {
	for _, s := range []string{"none", "all", "since:2026-01-31T12:00:00Z", "since:9999-12-31T23:59:59.999999999Z", "since:\x00", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := entente.ParseBacklog(s)
		if err != nil {
			if entente.KindOf(err) != entente.Invalid {
				t.Fatal(err)
			}
			return
		}
		if again, err := entente.ParseBacklog(b.String()); err != nil || again != b {
			t.Fatalf("%q is %+v, written %q and read %+v, %v", s, b, b, again, err)
		}
	})
}
