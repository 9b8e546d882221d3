package node_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"entente"
	"entente/node"
)

const pactFile = `name = "pact"
title = "Pact"
purpose = "Defence"
collections = ["A"]
highest = "tlp:green"
[[member]]
organisation = "Partner"
direction = "receives"
`

// pact is a node with a person who decides, and an agreement that its partner has accepted.
type pact struct {
	*testing.T
	n       *node.Node
	who     entente.Actor
	id      string
	partner string
}

func newPact(t *testing.T, n *node.Node) *pact {
	t.Helper()
	p := &pact{T: t, n: n}
	p.who = entente.LocalActor()
	collection(t, n, "A")
	p.partner = p.do(entente.AddPartner{Name: "Partner"})
	ann := p.do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}})
	all, err := n.Accounts(t.Context(), entente.LocalActor())
	if err != nil {
		t.Fatal(err)
	}
	for _, acc := range all {
		if acc.ID == ann {
			p.who = entente.Actor{Account: acc.Account, At: n.Now()}
		}
	}
	v, problems, err := n.ReadTerms(t.Context(), p.who, []byte(pactFile))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	p.id = p.do(entente.DraftTerms{Terms: v})
	p.do(entente.ProposeAgreement{Agreement: p.id})
	p.accept()
	return p
}

func (p *pact) do(c entente.Command) string {
	p.Helper()
	r, err := p.n.Do(p.Context(), p.who, c)
	if err != nil {
		p.Fatalf("%T: %v", c, err)
	}
	return r.ID
}

func (p *pact) accept() {
	p.Helper()
	g := p.look()
	p.do(entente.AcceptAgreement{Agreement: p.id, Organisation: p.partner, Hash: g.OnTable().Hash, Said: "by letter"})
}

func (p *pact) look() node.AgreementInfo {
	p.Helper()
	g, err := p.n.AgreementNamed(p.Context(), p.who, "pact")
	if err != nil {
		p.Fatal(err)
	}
	return g
}

// settled waits for what is under way, and gives the entries that readers see.
func (p *pact) settled() int64 {
	p.Helper()
	if err := p.n.Settle(p.Context(), p.id, nil); err != nil {
		p.Fatal(err)
	}
	var entries int64
	for _, n := range p.look().Entries {
		entries += n
	}
	return entries
}

func (p *pact) take(from, to int) {
	p.Helper()
	var objects []string
	for i := from; i < to; i++ {
		objects = append(objects, strings.Replace(tool(i, "x"), `"name"`, `"object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],"name"`, 1))
	}
	if rep, _, err := intake(p.T, p.n, reread(p.T, p.n, "A"), strings.NewReader(bundle(objects...))); err != nil || rep.Refused > 0 {
		p.Fatal(rep, err)
	}
}

// TestSuspendedInTheMiddle holds that a change which is called off before or while it is
// made leaves nothing behind: nobody sees any of it, and the choice of backlog that it had
// made counts no more.
func TestSuspendedInTheMiddle(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, another func() *node.Node) {
		p := newPact(t, n)
		p.take(0, 3)
		p.do(entente.ActivateAgreement{Agreement: p.id, Backlog: "none"})
		p.do(entente.SuspendAgreement{Agreement: p.id, Reason: "not yet"})
		if got := p.settled(); got != 0 || p.look().State != entente.Proposed {
			t.Fatalf("%d entries, %s", got, p.look().State)
		}
		p.accept()
		p.do(entente.ActivateAgreement{Agreement: p.id, Backlog: "all"})
		if got := p.settled(); got != 3 || p.look().State != entente.Active {
			t.Fatalf("%d entries, %s", got, p.look().State)
		}
		p.do(entente.SuspendAgreement{Agreement: p.id, Reason: "r"})
		p.take(3, 2500)
		if got := p.settled(); got != 3 {
			t.Fatalf("%d entries while it is suspended", got)
		}
		p.accept()
		p.do(entente.RestoreAgreement{Agreement: p.id, Backlog: "none", Reason: "r"})
		// Called off from within, by another process, once a part is staged.
		called := false
		err := n.Settle(t.Context(), p.id, func(done, total int64) {
			if !called && done > 0 {
				called = true
				if _, err := another().Do(context.Background(), p.who, entente.SuspendAgreement{Agreement: p.id, Reason: "again"}); err != nil {
					t.Error(err)
				}
			}
		})
		if g := p.look(); err != nil || !called || g.State != entente.Suspended || g.Work != nil || g.History[len(g.History)-1].CalledOff != "restore" {
			t.Fatalf("%v, %t, %+v", err, called, g.Agreement)
		}
		if got := p.settled(); got != 3 {
			t.Fatalf("%d entries of a change that was called off", got)
		}
		p.accept()
		p.do(entente.RestoreAgreement{Agreement: p.id, Backlog: "all", Reason: "r"})
		if got := p.settled(); got != 2500 || p.look().State != entente.Active {
			t.Fatalf("%d entries, %s", got, p.look().State)
		}
		p.do(entente.SetFloor{Collection: reread(t, n, "A").ID, Floor: entente.TLPAmber, Reason: "r"})
		if g := p.look(); !g.Closed || g.Open(p.partner, n.Now()) == nil {
			t.Fatalf("open while a floor is raised: %+v", g.Agreement)
		}
		if got := p.settled(); got != 0 || p.look().Closed {
			t.Fatalf("%d entries above the floor", got)
		}
		p.do(entente.EndAgreement{Agreement: p.id, Reason: "r"})
		if err := n.Settle(t.Context(), p.id, nil); err != nil || p.look().State != entente.Ended {
			t.Fatal(err, p.look().State)
		}
	})
}

// TestWhoSeesAgreements holds that only who holds a role at home does, and that terms name
// what is there.
func TestWhoSeesAgreements(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		p := newPact(t, n)
		ctx := t.Context()
		theirs := entente.Actor{Account: entente.Account{ID: "x", Organisation: p.partner, Service: true}, At: n.Now()}
		for _, a := range []entente.Actor{theirs, {Account: entente.Account{ID: "y", Organisation: p.who.Account.Organisation}, At: n.Now()}} {
			_, list := n.Agreements(ctx, a)
			_, one := n.AgreementNamed(ctx, a, "pact")
			_, none := n.AgreementNamed(ctx, a, "nothing")
			_, _, read := n.ReadTerms(ctx, a, []byte(pactFile))
			_, cover := n.CollectionToCover(ctx, a, "A")
			for i, err := range []error{list, one, none, read, cover} {
				if entente.KindOf(err) != entente.Forbidden {
					t.Errorf("%d: %v", i, err)
				}
			}
		}
		if all, err := n.Agreements(ctx, p.who); err != nil || len(all) != 1 || all[0].Title(p.partner) != "Partner" {
			t.Fatal(all, err)
		}
		if _, err := n.AgreementNamed(ctx, p.who, "nothing"); entente.KindOf(err) != entente.NotFound {
			t.Fatal(err)
		}
		for _, tc := range [][2]string{{`"A"`, `"Z"`}, {`"Partner"`, `"home"`}, {`"Partner"`, `"Nobody"`}} {
			_, problems, err := n.ReadTerms(ctx, p.who, []byte(strings.Replace(pactFile, tc[0], tc[1], 1)))
			if err != nil || len(problems) != 1 || !strings.Contains(fmt.Sprint(problems), strings.Trim(tc[1], `"`)) {
				t.Errorf("%s: %v, %v", tc[1], problems, err)
			}
		}
	})
}
