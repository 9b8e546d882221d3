package selftest

import (
	"errors"
	"fmt"
	"slices"

	"entente"
	"entente/node"
	"entente/store"
)

// affairs are what home does that is none of the partner's business, whatever it is about.
var affairs = [...]struct {
	name string
	do   func(t *trial, x *side) error
}{
	{"suspends and restores another agreement", func(t *trial, x *side) error { return t.pause(x, other) }},
	{"agrees with another partner, and ends it", (*trial).agreeElsewhere},
	{"asks", (*trial).inquire},
	{"has another partner and its account", (*trial).employ},
	{"describes another collection", (*trial).describe},
	{"preserves an object", (*trial).preserve},
}

// commands does commands in turn, as the people who decide at home.
func (t *trial) commands(x *side, a entente.Actor, all ...entente.Command) error {
	for _, c := range all {
		if _, err := x.node.Do(t.ctx, a, c); err != nil {
			return fmt.Errorf("%T: %w", c, err)
		}
		if err := x.node.SettleAll(t.ctx); err != nil {
			return err
		}
	}
	return nil
}

// pause suspends a partner's agreement, has the partner meet that, and restores it.
func (t *trial) pause(x *side, w who) error {
	a, err := x.node.AgreementNamed(t.ctx, t.boss[0], t.root[w])
	if err != nil {
		return err
	}
	if err := t.commands(x, t.boss[0], entente.SuspendAgreement{Agreement: a.ID, Reason: "selftest"}); err != nil {
		return err
	}
	if got, err := t.ask(t.ctx, x, request{method: "GET", path: t.objects(w), token: t.token[w], header: accepts}); err != nil || got.status == 200 {
		return fmt.Errorf("a feed of a suspended agreement answers %s: %w", got, err)
	}
	return t.commands(x, t.boss[0],
		entente.AcceptAgreement{Agreement: a.ID, Organisation: t.org[w], Hash: a.Hash, Said: "selftest"},
		entente.RestoreAgreement{Agreement: a.ID, Backlog: "all", Reason: "selftest"})
}

// amend puts other terms in force for the partner's agreement.
func (t *trial) amend(x *side, to agreed) error {
	a, err := x.node.AgreementNamed(t.ctx, t.boss[0], t.root[partner])
	if err != nil {
		return err
	}
	of := a.Terms
	now := termsOf(to)
	of.Highest, of.Unmarked, of.OpenReferences, of.WithdrawOlder, of.Approval, of.ExceptTypes = now.Highest, now.Unmarked, now.OpenReferences, now.WithdrawOlder, now.Approval, now.ExceptTypes
	of.Members = slices.Clone(of.Members)
	for i := range of.Members {
		of.Members[i].Client = to.client && of.Members[i].Organisation == t.org[partner]
	}
	version := versionOf(of)
	if version.Hash == a.Hash {
		return nil // they are in force
	}
	return t.commands(x, t.boss[0], entente.AmendAgreement{Agreement: a.ID, Terms: version, Reason: "selftest"},
		entente.AcceptAgreement{Agreement: a.ID, Organisation: t.org[partner], Hash: version.Hash, Said: "selftest"},
		entente.ActivateAgreement{Agreement: a.ID})
}

func (t *trial) agreeElsewhere(x *side) error {
	of := entente.Terms{Name: fmt.Sprintf("elsewhere-%d-%d", t.number, t.steps), Title: "Elsewhere", Purpose: "selftest", Highest: entente.TLPAmber,
		Members: []entente.Member{{Organisation: t.org[other], Flow: entente.Receives}}, Collections: []string{t.shelf}}
	version := versionOf(of)
	r, err := x.node.Do(t.ctx, t.boss[0], entente.DraftTerms{Terms: version})
	if err != nil {
		return err
	}
	return t.commands(x, t.boss[0],
		entente.ProposeAgreement{Agreement: r.ID},
		entente.AcceptAgreement{Agreement: r.ID, Organisation: t.org[other], Hash: version.Hash, Said: "selftest"},
		entente.ActivateAgreement{Agreement: r.ID, Backlog: "all"},
		entente.EndAgreement{Agreement: r.ID, Reason: "selftest"})
}

// inquire asks what people at home ask about the partner.
func (t *trial) inquire(x *side) error {
	id := entente.ObjectID(t.h.things[t.IntN(len(t.h.things))].id)
	a, err := x.node.AgreementNamed(t.ctx, t.boss[0], t.root[partner])
	if err != nil {
		return err
	}
	looser := a.Terms
	looser.Highest = entente.TLPAmberStrict
	_, err1 := x.node.Explain(t.ctx, t.boss[0], a.Name, id)
	_, err2 := x.node.Who(t.ctx, t.boss[0], id)
	_, err3 := x.node.Queue(t.ctx, t.boss[0], node.QueueOptions{Limit: 10})
	_, err4 := x.node.Preview(t.ctx, t.boss[0], node.PreviewOptions{Agreement: a.Name, Terms: &looser, Limit: 3})
	_, _, err5 := x.node.HeldBy(t.ctx, t.boss[0], t.org[partner], 0, 10)
	for _, e := range []*error{&err1, &err2} {
		if entente.KindOf(*e) == entente.NotFound {
			*e = nil // nobody has the object
		}
	}
	return errors.Join(err1, err2, err3, err4, err5)
}

func (t *trial) employ(x *side) error {
	name := fmt.Sprintf("another %d %d", t.number, t.steps)
	r, err := x.node.Do(t.ctx, entente.LocalActor(), entente.AddPartner{Name: name})
	if err != nil {
		return err
	}
	a, err := x.node.Do(t.ctx, entente.LocalActor(), entente.AddAccount{Name: name + " service", Organisation: r.ID, Service: true})
	if err != nil {
		return err
	}
	return t.commands(x, entente.LocalActor(), entente.DisableAccount{Account: a.ID})
}

func (t *trial) describe(x *side) error {
	text := fmt.Sprintf("described %d", t.steps)
	return t.commands(x, entente.LocalActor(), entente.EditCollection{Collection: t.aside, Description: &text})
}

func (t *trial) preserve(x *side) error {
	id := entente.ObjectID(t.h.things[t.IntN(len(t.h.things))].id)
	err := t.commands(x, t.boss[0], entente.PreserveObjects{Case: fmt.Sprintf("case %d", t.number), Objects: []entente.ObjectID{id}})
	if k := entente.KindOf(err); k == entente.NotFound || k == entente.Conflict {
		return nil
	}
	return err
}

// decides has people at home decide about an object in the partner's agreement, be it there or not.
func (t *trial) decides(x *side, of *thing, digest entente.Digest, action entente.Action, people ...entente.Actor) error {
	return x.st.Update(t.ctx, func(tx *store.Tx) error {
		a, err := tx.Agreement(t.ctx, t.root[partner])
		if err != nil {
			return err
		}
		for _, who := range people {
			id, err := x.node.NewID()
			if err != nil {
				return err
			}
			object := entente.ObjectID(of.id)
			err = tx.Apply(t.ctx, entente.Change{
				Decision: &entente.Decision{ID: id, Agreement: a.ID, Object: object, Digest: digest, Action: action, Account: who.Account.ID, Role: entente.Releaser, At: x.node.Now(), Text: "selftest"},
				Touch:    []entente.Touch{{Agreement: a.Num, Object: object}},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// restrict restricts an object in every agreement, and lift lifts that.
func (t *trial) restrict(x *side, of *thing, to level) error {
	id, err := x.node.NewID()
	if err != nil {
		return err
	}
	k := entente.Restriction{ID: id, Object: entente.ObjectID(of.id), Withdraw: to > 5, Reason: "selftest", Account: t.boss[0].Account.ID, Role: entente.Releaser, At: x.node.Now()}
	if !k.Withdraw {
		k.To = tlps[to]
	}
	t.limits[x] = append(t.limits[x], k)
	return t.put(x, k)
}

func (t *trial) lift(x *side, of *thing) error {
	for i := range t.limits[x] {
		k := &t.limits[x][i]
		if k.Lifted != 0 || string(k.Object) != of.id {
			continue
		}
		k.Lifted, k.LiftedBy, k.LiftedAs = x.node.Now(), t.boss[1].Account.ID, "selftest"
		if err := t.put(x, *k); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) put(x *side, k entente.Restriction) error {
	return x.st.Update(t.ctx, func(tx *store.Tx) error {
		a, err := tx.Agreement(t.ctx, t.root[partner])
		if err != nil {
			return err
		}
		return tx.Apply(t.ctx, entente.Change{Restriction: &k, Touch: []entente.Touch{{Agreement: a.Num, Object: k.Object}}})
	})
}
