package storetest

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"entente"
	"entente/store"
	"entente/terms"
)

// agreed makes a collection, a partner, and two people: ann decides and lee drafts.
func (h *harness) agreed() (c entente.Collection, partner string) {
	h.t.Helper()
	h.do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}})
	h.do(entente.AddAccount{Name: "lee", Roles: []entente.Role{entente.Analyst}})
	return h.collection("C"), h.do(entente.AddPartner{Name: "Partner"}).ID
}

// termsOf makes terms as a command takes them.
func termsOf(name, purpose, partner string, collections ...string) entente.TermsVersion {
	t := entente.Terms{Name: name, Title: "T", Purpose: purpose, Members: []entente.Member{{Organisation: partner}}, Collections: collections}
	if len(collections) > 0 {
		t.Members[0].Flow, t.Highest = entente.Receives, entente.TLPAmber
	}
	return entente.TermsVersion{Terms: t, Canonical: terms.Canonical(t), Hash: terms.Hash(t), File: []byte("# " + purpose)}
}

func (h *harness) life(name string) *entente.Life {
	h.t.Helper()
	var l *entente.Life
	h.view(func(ctx context.Context, t *store.Tx) (err error) {
		l, err = t.Life(ctx, name)
		return err
	})
	return l
}

// put writes a change that was not decided by a command, as an applier does.
func (h *harness) put(ch entente.Change) {
	h.t.Helper()
	if err := h.st.Update(context.Background(), func(t *store.Tx) error { return t.Apply(context.Background(), ch) }); err != nil {
		h.t.Fatal(err)
	}
}

// flip does what an applier does at the end of work, without its entries.
func (h *harness) flip(name string) {
	h.t.Helper()
	l := h.life(name)
	to, w := l.Agreement, *l.Work
	for _, v := range l.Versions {
		if v.Number == w.Version {
			to.Terms = v.Terms
		}
	}
	to.State, to.Version, to.Work, to.Closed = w.To, w.Version, nil, false
	h.put(entente.Change{Agreement: &to, Step: &w.Step})
}

// testAgreements holds that agreements, their terms, histories, feeds and work are kept as
// they were decided, property by property, and come back out of a backup.
func testAgreements(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c, p := h.agreed()
	h.submit(c, version("tool", 1, "2026-01-01T00:00:00Z", "x"), version("tool", 2, "2026-01-01T00:00:00Z", "x"))
	v1 := termsOf("pact", "one", p, c.ID)
	id := h.doAs("lee", entente.DraftTerms{Terms: v1})
	v1.Number, v1.Made = 1, h.now
	ann, lee := h.signedIn("ann").Account.ID, h.signedIn("lee").Account.ID
	home := h.people().Organisations[0].ID
	want := entente.Life{
		Agreement: entente.Agreement{Num: 1, ID: id, Name: "pact", State: entente.Draft, Terms: v1.Terms, Hash: v1.Hash, Created: h.now},
		Versions:  []entente.TermsVersion{v1},
		History:   []entente.AgreementStep{{Number: 1, At: h.now, Action: "draft", To: entente.Draft, Version: 1, Hash: v1.Hash, Organisation: home, Account: lee, Role: entente.Analyst}},
	}
	same(t, "a draft", h.life("pact"), &want)
	if _, err := h.try(entente.LocalActor(), entente.AddRoot{Root: entente.Root{Name: "pact", Title: "T", MaxContentLength: 1}}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("a root of an agreement's name: %v", err)
	}
	if _, err := h.try(h.signedIn("ann"), entente.DraftTerms{Terms: termsOf("api1", "x", p)}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("an agreement of a root's name: %v", err)
	}

	step := func(s entente.AgreementStep) {
		s.Number, s.At, s.Account, s.Role = int64(len(want.History)+1), h.now, ann, entente.Releaser
		if s.Organisation == "" {
			s.Organisation = home
		}
		want.History = append(want.History, s)
	}
	h.doAs("ann", entente.ProposeAgreement{Agreement: id, Reason: "talks"})
	step(entente.AgreementStep{Action: "propose", From: entente.Draft, To: entente.Proposed, Version: 1, Hash: v1.Hash, Reason: "talks"})
	h.doAs("ann", entente.AcceptAgreement{Agreement: id, Organisation: p, Hash: v1.Hash, Said: "their head, by letter"})
	step(entente.AgreementStep{Action: "accept", From: entente.Proposed, To: entente.Proposed, Version: 1, Hash: v1.Hash, Organisation: p, Said: "their head, by letter"})
	want.State = entente.Proposed
	same(t, "accepted", h.life(id), &want)
	if _, err := h.try(entente.LocalActor(), entente.RemoveCollection{Collection: c.ID, EvenIfFull: true}); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("a collection that is proposed: %v", err)
	}

	h.doAs("ann", entente.ActivateAgreement{Agreement: id, Backlog: "none"})
	got := h.life(id)
	if len(got.Feeds) != 1 || !entente.IsUUID(got.Feeds[0].ID) || got.Feeds[0].Feed <= c.Feed || got.Work == nil || got.Work.ID == "" {
		t.Fatalf("%+v", got.Agreement)
	}
	activated := entente.AgreementStep{At: h.now, Action: "activate", From: entente.Proposed, To: entente.Active, Version: 1, Hash: v1.Hash, Organisation: home, Account: ann, Role: entente.Releaser, Backlog: "none"}
	want.Work = &entente.Work{ID: got.Work.ID, To: entente.Active, Version: 1, Step: activated}
	want.Feeds = []entente.ReleaseFeed{{ID: got.Feeds[0].ID, Collection: c.ID, Log: c.Feed, LogHead: 2, Feed: got.Feeds[0].Feed, Skips: []entente.Skip{{UpTo: 2}}}}
	same(t, "work under way", got, &want)
	h.flip(id)
	activated.Number = 4
	want.History = append(want.History, activated)
	want.State, want.Version, want.Work = entente.Active, 1, nil
	same(t, "active", h.life(id), &want)

	// New terms that take something away close the feeds; a suspension calls the work off.
	v2 := termsOf("pact", "two", p)
	h.doAs("ann", entente.AmendAgreement{Agreement: id, Terms: v2, Reason: "less"})
	v2.Number, v2.Made = 2, h.now
	want.Versions = append(want.Versions, v2)
	step(entente.AgreementStep{Action: "amend", From: entente.Active, To: entente.Active, Version: 2, Hash: v2.Hash, Reason: "less"})
	h.doAs("ann", entente.AcceptAgreement{Agreement: id, Organisation: p, Hash: v2.Hash, Said: "s"})
	step(entente.AgreementStep{Action: "accept", From: entente.Active, To: entente.Active, Version: 2, Hash: v2.Hash, Organisation: p, Said: "s"})
	same(t, "amended", h.life(id), &want)
	h.doAs("ann", entente.ActivateAgreement{Agreement: id})
	if l := h.life(id); !l.Closed || l.Work == nil || l.Terms.Purpose != "one" {
		t.Fatalf("%+v", l.Agreement)
	}
	h.doAs("ann", entente.SuspendAgreement{Agreement: id, Reason: "r"})
	step(entente.AgreementStep{Action: "suspend", From: entente.Active, To: entente.Suspended, Version: 1, Hash: v1.Hash, Reason: "r", CalledOff: "activate"})
	want.State = entente.Suspended
	same(t, "suspended", h.life(id), &want)
	h.view(func(ctx context.Context, t *store.Tx) error {
		all, err := t.AgreementsOf(ctx, p)
		same(h.t, "agreements of the partner", all, []entente.Agreement{want.Agreement})
		return err
	})

	var out bytes.Buffer
	if _, err := h.st.Backup(context.Background(), &out, h.now, nil); err != nil {
		t.Fatal(err)
	}
	url := filepath.Join(t.TempDir(), "restored.db")
	if _, err := store.Restore(context.Background(), store.Options{URL: url}, bytes.NewReader(out.Bytes()), int64(out.Len()), store.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	restored := &harness{t: t, st: Open(t, url), now: h.now, seq: 1000}
	after := restored.life(id)
	for i := range after.Feeds { // positions move on, so that none is given twice
		f := &after.Feeds[i]
		if f.Head <= want.Feeds[i].Head || f.Tail != f.Head || f.LogHead <= want.Feeds[i].LogHead {
			t.Fatalf("restored feed %+v", f)
		}
		f.Head, f.Tail, f.LogHead = want.Feeds[i].Head, want.Feeds[i].Tail, want.Feeds[i].LogHead
	}
	same(t, "restored", after, &want)

	h.doAs("ann", entente.EndAgreement{Agreement: id, Organisation: p, Said: "by telephone", Reason: "over"})
	step(entente.AgreementStep{Action: "end", From: entente.Suspended, To: entente.Ended, Version: 1, Hash: v1.Hash, Organisation: p, Said: "by telephone", Reason: "over"})
	want.State = entente.Ended
	same(t, "ended", h.life(id), &want)
	h.do(entente.RemoveCollection{Collection: c.ID, EvenIfFull: true})
}

// testFloors holds that a collection keeps its floor, and that a change of it begins work
// on the agreements that cover the collection, and on no others.
func testFloors(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c, p := h.agreed()
	other := h.collection("Other")
	h.do(entente.SetFloor{Collection: c.ID, Floor: entente.TLPGreen})
	if got := h.reread(c.ID); got.Floor != entente.TLPGreen {
		t.Fatalf("%+v", got)
	}
	for name, over := range map[string]string{"one": c.ID, "two": c.ID, "three": other.ID} {
		v := termsOf(name, "p", p, over)
		id := h.doAs("ann", entente.DraftTerms{Terms: v})
		h.doAs("ann", entente.ProposeAgreement{Agreement: id})
		h.doAs("ann", entente.AcceptAgreement{Agreement: id, Organisation: p, Hash: v.Hash, Said: "s"})
		h.doAs("ann", entente.ActivateAgreement{Agreement: id, Backlog: "all"})
		h.flip(id)
	}
	if _, err := h.try(entente.LocalActor(), entente.SetFloor{Collection: c.ID, Floor: entente.TLPAmber, Reason: "r"}); entente.KindOf(err) != entente.Unauthenticated {
		t.Fatalf("by nobody in particular: %v", err)
	}
	h.doAs("ann", entente.SetFloor{Collection: c.ID, Floor: entente.TLPAmber, Reason: "r"})
	for name, want := range map[string]bool{"one": true, "two": true, "three": false} {
		if l := h.life(name); l.Closed != want || (l.Work != nil) != want {
			t.Fatalf("%s: %+v", name, l.Agreement)
		}
	}
	if l := h.life("one"); l.Feeds[0].Floor != entente.TLPAmber || l.Work.Step.Action != "floor" || l.Work.Step.Reason != "r" {
		t.Fatalf("%+v", l.Agreement)
	}
	name := "New name"
	h.do(entente.EditCollection{Collection: c.ID, Name: &name})
	if got := h.reread(c.ID); got.Floor != entente.TLPAmber || got.Name != name {
		t.Fatalf("%+v", got)
	}
}
