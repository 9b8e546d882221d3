package storetest

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"entente"
	"entente/store"
)

// signedIn is who acts with an account of that name, as it stands.
func (h *harness) signedIn(name string) entente.Actor {
	h.t.Helper()
	var a *entente.Account
	h.view(func(ctx context.Context, t *store.Tx) (err error) {
		a, err = t.AccountByName(ctx, name)
		return err
	})
	if a == nil {
		h.t.Fatalf("there is no account %s", name)
	}
	return entente.Actor{Account: *a, At: h.now}
}

// doAs is do for who signs in.
func (h *harness) doAs(name string, c entente.Command) string {
	h.t.Helper()
	h.now += 1000
	r, err := h.try(h.signedIn(name), c)
	if err != nil {
		h.t.Fatalf("%T: %v", c, err)
	}
	return r.ID
}

// people is everything that is known of people and partners.
type people struct {
	Organisations []entente.Organisation
	Accounts      []entente.Account
	Interests     []entente.Interest
	Stops         []entente.Stop
}

func (h *harness) people() (p people) {
	h.t.Helper()
	h.view(func(ctx context.Context, t *store.Tx) (err error) {
		if p.Organisations, err = t.Organisations(ctx); err != nil {
			return err
		}
		if p.Accounts, err = t.Accounts(ctx); err != nil {
			return err
		}
		if p.Interests, err = t.Interests(ctx, ""); err != nil {
			return err
		}
		p.Stops, err = t.Stops(ctx)
		return err
	})
	return p
}

// testPeople holds that partners, mandates, conflicts and stops are kept as they were
// decided, property by property, and come back out of a backup.
func testPeople(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	one, two := entente.ObjectID("identity--00000000-0000-4000-8000-000000000001"), entente.ObjectID("identity--00000000-0000-4000-8000-000000000002")
	began := h.now
	b := h.do(entente.AddPartner{Name: "Beta", Contact: "desk@beta.example", Identities: []entente.ObjectID{two, one}}).ID
	a := h.do(entente.AddPartner{Name: "Alpha"}).ID
	p := h.people()
	want := []entente.Organisation{
		{Num: 1, ID: p.Organisations[0].ID, Name: "Home", Home: true, Created: began},
		{Num: 3, ID: a, Name: "Alpha", Created: began + 2000},
		{Num: 2, ID: b, Name: "Beta", Contact: "desk@beta.example", Identities: []entente.ObjectID{one, two}, Created: began + 1000},
	}
	same(t, "organisations", p.Organisations, want)
	name := "Gamma"
	h.do(entente.EditPartner{Organisation: b, Name: &name, Remove: []entente.ObjectID{one}})
	h.do(entente.EditPartner{Organisation: want[0].ID, Add: []entente.ObjectID{one}})
	want[0].Identities, want[2].Identities, want[2].Name = []entente.ObjectID{one}, []entente.ObjectID{two}, "Gamma"
	same(t, "organisations edited", h.people().Organisations, want)

	for _, n := range []string{"ann", "bob"} {
		h.do(entente.AddAccount{Name: n})
	}
	h.do(entente.AddAccount{Name: "op", Roles: []entente.Role{entente.Operator, entente.Analyst}})
	ann := h.signedIn("ann").Account.ID
	given := entente.Mandate{Account: ann, Role: entente.Releaser, By: h.signedIn("op").Account.ID, Until: h.now + 9_000_000}
	given.ID = h.doAs("op", entente.GiveMandate{Account: ann, Role: entente.Releaser, Until: given.Until})
	given.From, given.Given = h.now, h.now
	h.doAs("op", entente.GiveMandate{Account: h.signedIn("bob").Account.ID, Role: entente.Releaser})
	same(t, "a mandate", h.signedIn("ann").Account.Mandates, []entente.Mandate{given})
	same(t, "roles of a new account", len(h.signedIn("op").Account.Mandates), 2)

	declared := entente.Interest{Account: ann, About: a, Reason: "worked there", By: ann}
	declared.ID = h.doAs("ann", entente.DeclareInterest{Account: ann, About: a, Reason: "worked there"})
	declared.Declared = h.now
	same(t, "a conflict", h.people().Interests, []entente.Interest{declared})
	if _, err := h.try(h.signedIn("ann"), entente.PlaceStop{Organisation: a, Reason: "r", Basis: "b"}); entente.KindOf(err) != entente.Forbidden {
		t.Fatalf("recused: %v", err)
	}
	h.doAs("op", entente.EndInterest{Interest: declared.ID})
	declared.Ended, declared.EndedBy = h.now, given.By
	same(t, "a conflict ended", h.people().Interests, []entente.Interest{declared})

	// A conflict can be about an agreement too.
	circle := entente.Agreement{Num: 1, ID: h.id(), Name: "circle", State: entente.Draft}
	if _, err := h.try(h.signedIn("bob"), entente.DeclareInterest{Account: h.signedIn("bob").Account.ID, About: circle.ID, Reason: "r"}); entente.KindOf(err) != entente.NotFound {
		t.Fatalf("about nothing: %v", err)
	}
	if err := h.st.Update(context.Background(), func(tx *store.Tx) error {
		return tx.Apply(context.Background(), entente.Change{Agreement: &circle})
	}); err != nil {
		t.Fatal(err)
	}
	h.doAs("bob", entente.DeclareInterest{Account: h.signedIn("bob").Account.ID, About: circle.ID, Reason: "r"})
	same(t, "conflicts", len(h.people().Interests), 2)

	bob := h.signedIn("bob").Account.ID
	s := entente.Stop{Organisation: b, Reason: "r", Basis: "b", By: ann, Review: h.now + 5_000_000}
	s.ID = h.doAs("ann", entente.PlaceStop{Organisation: b, Reason: "r", Basis: "b", Review: s.Review})
	s.At = h.now
	same(t, "a stop", h.people().Stops, []entente.Stop{s})
	h.doAs("bob", entente.RatifyStop{Stop: s.ID})
	s.RatifiedBy, s.Ratified = bob, h.now
	h.doAs("bob", entente.AskLift{Stop: s.ID, Reason: "over", Backlog: "all"})
	s.LiftBy, s.LiftAsked, s.LiftReason, s.LiftBacklog = bob, h.now, "over", "all"
	same(t, "a stop to be lifted", h.people().Stops, []entente.Stop{s})
	h.doAs("ann", entente.Lift{Stop: s.ID, Backlog: "all"})
	s.LiftedBy, s.Lifted = ann, h.now
	same(t, "a stop lifted", h.people().Stops, []entente.Stop{s})

	// A mandate that was ended acts on the next command of who had signed in before.
	signedIn := h.signedIn("ann")
	h.doAs("op", entente.EndMandate{Mandate: given.ID})
	if _, err := h.try(signedIn, entente.PlaceStop{Organisation: b, Reason: "r", Basis: "b"}); entente.KindOf(err) != entente.Forbidden {
		t.Fatalf("after the mandate: %v", err)
	}
	given.Until, given.Ended, given.EndedBy = h.now, h.now, given.By
	same(t, "a mandate ended", h.signedIn("ann").Account.Mandates, []entente.Mandate{given})
	if _, err := h.try(entente.LocalActor(), entente.EndMandate{Mandate: given.By + "/operator"}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("the last operator: %v", err)
	}

	var out bytes.Buffer
	if _, err := h.st.Backup(context.Background(), &out, h.now, nil); err != nil {
		t.Fatal(err)
	}
	url := filepath.Join(t.TempDir(), "restored.db")
	if _, err := store.Restore(context.Background(), store.Options{URL: url}, bytes.NewReader(out.Bytes()), int64(out.Len()), store.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	restored := &harness{t: t, st: Open(t, url), now: h.now, seq: 1000}
	same(t, "restored", restored.people(), h.people())
	restored.do(entente.AddPartner{Name: "Next"})
	if got := restored.people().Organisations[3]; got.Num <= 3 {
		t.Fatalf("a number that was given out is given again: %+v", got)
	}
}

// testDoor holds that a stop shuts a partner's account out of the next command and the
// next look, and nobody else; and that it comes in again once the stop is lifted.
func testDoor(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	stopped, other := h.do(entente.AddPartner{Name: "Stopped"}).ID, h.do(entente.AddPartner{Name: "Other"}).ID
	h.do(entente.AddAccount{Name: "theirs", Organisation: stopped, Service: true})
	h.do(entente.AddAccount{Name: "others", Organisation: other, Service: true})
	h.do(entente.AddAccount{Name: "ours", Service: true})
	h.do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}})
	h.do(entente.AddAccount{Name: "bob", Roles: []entente.Role{entente.Releaser}})
	before := map[string]entente.Actor{}
	for _, name := range []string{"theirs", "others", "ours", "ann"} {
		before[name] = h.signedIn(name)
	}
	check := func(when string, shut bool) {
		t.Helper()
		for name, a := range before {
			want := shut && name == "theirs"
			_, err := h.try(a, entente.PutStatus{Status: entente.Status{ID: h.id(), Account: a.Account.ID, Root: "api1"}})
			var look error
			h.view(func(ctx context.Context, tx *store.Tx) error {
				look = tx.Door(ctx, a.Account.Organisation)
				return nil
			})
			for _, err := range []error{err, look} {
				if want != (entente.KindOf(err) == entente.Forbidden && err != nil) {
					t.Fatalf("%s, %s: %v", when, name, err)
				}
			}
		}
	}
	check("before", false)
	first := h.doAs("ann", entente.PlaceStop{Organisation: stopped, Reason: "r", Basis: "b"})
	check("stopped", true)
	second := h.doAs("bob", entente.PlaceStop{Organisation: stopped, Reason: "another", Basis: "b"})
	for _, s := range []string{first, second} {
		check("until both are lifted", true)
		h.doAs("ann", entente.AskLift{Stop: s, Reason: "r", Backlog: "none"})
		check("asked", true)
		h.doAs("bob", entente.Lift{Stop: s, Backlog: "none"})
	}
	check("lifted", false)
}
