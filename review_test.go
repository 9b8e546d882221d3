package entente_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// reviewFacts are the facts of what reviewers do, and of what would shut one out.
func (p *people) reviewFacts(f *entente.Facts, c entente.Command) {
	key := func(account string) {
		if k := p.keys[account]; k != nil {
			f.AccountKey = k.Key
		}
	}
	switch c := c.(type) {
	case entente.AddReviewNote:
		key(f.Actor.Account.ID)
		f.SubjectKnown = strings.HasPrefix(c.Subject, "known")
	case entente.Recommend:
		if c.Agreement == "agreement" {
			f.Life = &entente.Life{Agreement: entente.Agreement{ID: c.Agreement, State: p.state}}
		}
	case entente.AnswerRecommendation:
		for _, r := range p.recommended {
			if r.ID == c.Recommendation {
				f.Recommendation = &r
				f.Life = &entente.Life{Agreement: entente.Agreement{ID: r.Agreement, State: p.state}}
			}
		}
	case entente.SetAccountKey:
		f.Account = p.accounts[c.Account]
		key(c.Account)
	case entente.SetPassword:
		f.Account = p.accounts[c.Account]
	case entente.RemoveToken:
		f.Token, f.Account = &entente.Token{ID: c.Token, Account: c.Token}, p.accounts[c.Token] // an account's token has its id here
	case entente.RemoveCertificate:
		f.Certificate, f.Account = &entente.Certificate{ID: c.Certificate, Account: c.Certificate}, p.accounts[c.Certificate]
	}
	if f.Account != nil {
		for _, r := range p.removals {
			if r.Account == f.Account.ID {
				f.Removals = append(f.Removals, r)
			}
		}
	}
}

func (p *people) applyReview(ch entente.Change) {
	if ch.Removal != nil {
		p.removals = put(p.removals, *ch.Removal, func(r entente.Removal) string { return r.ID })
	}
	if ch.Recommendation != nil {
		p.recommended = put(p.recommended, *ch.Recommendation, func(r entente.Recommendation) string { return r.ID })
	}
	if ch.ReviewNote != nil {
		p.notes = append(p.notes, *ch.ReviewNote)
	}
	if ch.AccountKey != nil {
		p.keys[ch.AccountKey.Account] = ch.AccountKey
	}
}

func TestReviewNotes(t *testing.T) {
	p, local := newPeople(), entente.LocalActor()
	eve, ann, op := p.person(t, "eve", entente.Reviewer), p.person(t, "ann", entente.Releaser), p.person(t, "op", entente.Operator)
	note := entente.AddReviewNote{Subject: "known", Text: "released without its approval"}
	p.want(t, entente.Unauthenticated, "--as NAME", local, note)
	p.want(t, entente.Forbidden, "the role reviewer", p.as(ann), note)
	p.want(t, entente.Invalid, "finding is missing", p.as(eve), entente.AddReviewNote{Subject: "known"})
	p.want(t, entente.NotFound, "no event and no object", p.as(eve), entente.AddReviewNote{Subject: "x", Text: "t"})
	p.must(t, p.as(eve), note)
	if n := p.notes[0]; n.By != eve || n.Key != nil || n.Text != note.Text || n.Subject != "known" || n.At != p.now {
		t.Fatalf("%+v", n)
	}
	public, private, other := testKey(1)
	note.Signature = ed25519.Sign(private, entente.NoteStatement(eve, note.Subject, note.Text))
	p.want(t, entente.Invalid, "no key is registered", p.as(eve), note)
	p.want(t, entente.Forbidden, "only an operator", p.as(eve), entente.SetAccountKey{Account: eve, Key: public})
	p.want(t, entente.NotFound, "no such account", local, entente.SetAccountKey{Account: "x", Key: public})
	p.must(t, local, entente.SetAccountKey{Account: eve, Key: public})
	p.must(t, p.as(eve), note)
	if n := p.notes[1]; string(n.Key) != string(public[:]) || string(n.Signature) != string(note.Signature) {
		t.Fatalf("%+v", n)
	}
	p.want(t, entente.Invalid, "is to be signed", p.as(eve), entente.AddReviewNote{Subject: "known", Text: "t"})
	for _, bad := range [][]byte{ed25519.Sign(private, entente.NoteStatement(ann, note.Subject, note.Text)), ed25519.Sign(private, entente.NoteStatement(eve, "known2", note.Text)),
		ed25519.Sign(private, entente.NoteStatement(eve, note.Subject, "t")), ed25519.Sign(other, entente.NoteStatement(eve, note.Subject, note.Text)), {1}} {
		note.Signature = bad
		p.want(t, entente.Invalid, "is not signed by the key", p.as(eve), note)
	}
	// A key that is there is not replaced by one person: who did could sign as the reviewer.
	second, _, _ := testKey(2)
	p.want(t, entente.Unauthenticated, "whom nobody shuts out alone", local, entente.SetAccountKey{Account: eve, Key: second})
	p.must(t, p.as(op), entente.SetAccountKey{Account: eve, Key: second})
	if string(p.keys[eve].Key) != string(public[:]) {
		t.Fatal("one operator has replaced a reviewer's key")
	}
}

func testKey(n byte) (public [32]byte, private, another ed25519.PrivateKey) {
	private = ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('0'+n)), 32)))
	copy(public[:], private.Public().(ed25519.PublicKey))
	return public, private, ed25519.NewKeyFromSeed([]byte(strings.Repeat("z", 32)))
}

func TestRecommendations(t *testing.T) {
	p := newPeople()
	eve, ann, bob := p.person(t, "eve", entente.Reviewer), p.person(t, "ann", entente.Releaser), p.person(t, "bob", entente.Releaser)
	p.want(t, entente.Forbidden, "the role reviewer", p.as(ann), entente.Recommend{Partner: partnerID, Reason: "r"})
	p.want(t, entente.NotFound, "no such partner", p.as(eve), entente.Recommend{Partner: "x", Reason: "r"})
	p.want(t, entente.NotFound, "no such agreement", p.as(eve), entente.Recommend{Agreement: "x", Reason: "r"})
	p.want(t, entente.Invalid, "reason is missing", p.as(eve), entente.Recommend{Partner: partnerID})
	p.want(t, entente.Invalid, "between an hour", p.as(eve), entente.Recommend{Partner: partnerID, Reason: "r", Within: 1})
	of := p.must(t, p.as(eve), entente.Recommend{Partner: partnerID, Reason: "r"})
	through := p.must(t, p.as(eve), entente.Recommend{Agreement: "agreement", Reason: "r", Within: entente.MaxAnswerWithin})
	if r := p.recommended[0]; r.Due != p.now+entente.AnswerWithin || r.Overdue(r.Due) || !r.Overdue(r.Due+1) || r.By != eve {
		t.Fatalf("%+v", r)
	}
	decline := entente.AnswerRecommendation{Recommendation: of, Reason: "unfounded"}
	p.want(t, entente.Forbidden, "the role releaser", p.as(eve), decline)
	p.want(t, entente.NotFound, "no such recommendation", p.as(ann), entente.AnswerRecommendation{Recommendation: "x", Reason: "r"})
	p.want(t, entente.Invalid, "reason is missing", p.as(ann), entente.AnswerRecommendation{Recommendation: of})
	p.must(t, p.as(bob), entente.DeclareInterest{Account: bob, About: partnerID, Reason: "worked there"})
	p.want(t, entente.Forbidden, "you are recused", p.as(bob), decline)
	p.want(t, entente.Conflict, "nothing is suspended yet", p.as(ann), entente.AnswerRecommendation{Recommendation: of, Suspend: true, Reason: "r"})
	p.now += entente.AnswerWithin + 1 // late, and it counts
	p.must(t, p.as(ann), decline)
	if r := p.recommended[0]; r.Suspend || r.AnsweredBy != ann || r.Answered != p.now || r.Overdue(p.now) {
		t.Fatalf("%+v", r)
	}
	p.want(t, entente.Conflict, "was answered", p.as(ann), decline)
	answer := entente.AnswerRecommendation{Recommendation: through, Suspend: true, Reason: "r"}
	p.want(t, entente.Conflict, "nothing is suspended yet", p.as(ann), answer)
	p.state = entente.Suspended
	p.must(t, p.as(bob), answer)
	if !p.recommended[1].Suspend {
		t.Fatal("the answer is lost")
	}
	again := p.must(t, p.as(eve), entente.Recommend{Partner: partnerID, Reason: "r"})
	p.must(t, p.as(ann), entente.PlaceStop{Organisation: partnerID, Reason: "r", Basis: "b"})
	p.must(t, p.as(ann), entente.AnswerRecommendation{Recommendation: again, Suspend: true, Reason: "r"})
}

// Whatever operators, the node's owner and the clock do: a reviewer's account, mandate,
// password, tokens and certificates stay until two different operators have given the same
// command, within the time that the second has.
func TestReviewersStay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPeople()
		var who []string
		for i := range 3 {
			who = append(who, p.person(t, fmt.Sprint("op", i), entente.Operator))
		}
		eve := p.person(t, "eve", entente.Reviewer)
		who = append(who, eve, p.person(t, "ann", entente.Releaser), "")
		p.must(t, p.as(""), entente.SetPassword{Account: eve, PasswordHash: "first"})
		shut := []entente.Command{entente.DisableAccount{Account: eve}, entente.EndMandate{Mandate: eve + "/reviewer"}, entente.EndMandate{Mandate: eve + "/reviewer", At: 1 << 60},
			entente.SetPassword{Account: eve, PasswordHash: "other"}, entente.RemoveToken{Token: eve}, entente.RemoveCertificate{Certificate: eve}}
		asked := map[int]map[string]int64{} // of each command, who gave it and when last
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			p.now += rapid.SampledFrom([]int64{1, 1000, entente.RemovalWithin / 2, entente.RemovalWithin + 1}).Draw(rt, "later")
			actor, i := rapid.SampledFrom(who).Draw(rt, "who"), rapid.IntRange(0, len(shut)-1).Draw(rt, "what")
			before := *p.accounts[eve]
			waiting := len(p.removals)
			_, err := p.do(p.as(actor), shut[i])
			operator := actor != "" && actor != eve && p.accounts[actor].Name != "ann"
			if !operator {
				if err == nil {
					rt.Fatalf("%q did %+v", actor, shut[i])
				}
				continue
			}
			done := err == nil && len(p.removals) == waiting
			if done {
				second := false
				for other, at := range asked[i] {
					second = second || other != actor && p.now-at <= entente.RemovalWithin
				}
				if !second {
					rt.Fatalf("%s did %+v alone", actor, shut[i])
				}
				return // the reviewer may be gone now
			}
			if now := p.accounts[eve]; now.Disabled || now.PasswordHash != before.PasswordHash || !now.Holds(entente.Reviewer, p.now) {
				rt.Fatalf("%s: %+v, %v", actor, now, err)
			}
			if err == nil {
				if asked[i] == nil {
					asked[i] = map[string]int64{}
				}
				asked[i][actor] = p.now
			}
		}
	})
}

// What one asked for, a second one does, and it is over then.
func TestReviewersLeaveByTwo(t *testing.T) {
	p := newPeople()
	one, two := p.person(t, "one", entente.Operator), p.person(t, "two", entente.Operator)
	eve := p.person(t, "eve", entente.Reviewer)
	end := entente.EndMandate{Mandate: eve + "/reviewer"}
	p.must(t, p.as(one), end)
	p.want(t, entente.Forbidden, "a second operator", p.as(one), end)
	p.must(t, p.as(two), end)
	if p.accounts[eve].Holds(entente.Reviewer, p.now) || p.removals[0].ConfirmedBy != two {
		t.Fatalf("%+v, %+v", p.accounts[eve], p.removals)
	}
	p.must(t, p.as(one), entente.DisableAccount{Account: eve}) // no reviewer any more
	if !p.accounts[eve].Disabled {
		t.Fatal("the account is not disabled")
	}
}

// The ledger tells what was only asked for from what was done.
func TestReviewEvents(t *testing.T) {
	home := entente.Organisation{ID: homeID, Home: true}
	eve := entente.Account{ID: "eve", Organisation: homeID, Mandates: []entente.Mandate{{Role: entente.Reviewer}}}
	op := entente.Account{ID: "op", Organisation: homeID, Mandates: []entente.Mandate{{Role: entente.Operator}}}
	f := entente.Facts{Now: 5, Home: home, Account: &eve, NewID: "new", Actor: entente.Actor{Account: op}}
	kind := func(c entente.Command) string {
		ch, err := entente.Decide(c, f)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := entente.Record(c, f, ch)
		return e.Kind
	}
	if k := kind(entente.DisableAccount{Account: "eve"}); k != "account-disable-ask" {
		t.Error(k)
	}
	f.Removals = []entente.Removal{{ID: "r", Account: "eve", What: "disable the account", By: "another", At: 4}}
	if k := kind(entente.DisableAccount{Account: "eve"}); k != "account-disable" {
		t.Error(k)
	}
	f.Actor.Account, f.SubjectKnown = eve, true
	ch, err := entente.Decide(entente.AddReviewNote{Subject: "00000000-0000-4000-8000-000000000001", Text: "t"}, f)
	if err != nil {
		t.Fatal(err)
	}
	e, shared := entente.Record(entente.AddReviewNote{Subject: "00000000-0000-4000-8000-000000000001", Text: "t"}, f, ch)
	if e.Kind != "review-note" || e.About["event"] == "" || e.Text != "t" || len(shared) != 0 || e.By.Account != "eve" {
		t.Errorf("%+v, %+v", e, shared)
	}
}
