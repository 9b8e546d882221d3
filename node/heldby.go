package node

import (
	"context"
	"slices"

	"entente"
	"entente/store"
)

// Holding is what a partner had been offered through one agreement at a moment.
type Holding struct {
	Agreement string // name
	// AsOf is the last moment, not after the one that was asked for, at which the door was
	// open to the partner, in microseconds since 1970; 0 if it never was. What it could see
	// then it had been offered, whatever came later.
	AsOf  int64
	Why   string // why the door was shut at the moment itself, "" where it was open
	Feeds []HeldFeed
}

// HeldFeed is what stood in one feed then.
type HeldFeed struct {
	ID         string          // of the collection that TAXII shows
	Collection string          // id of home's collection
	Head       int64           // the feed's last position then
	Count      int64           // entries
	Entries    []entente.Entry // the first of them
	Evidence   []Evidence      // of each of Entries
}

// HeldBy tells what a partner had been offered at a moment, in microseconds since 1970: the
// entries that it could see in its feeds, at most limit of each feed, with counts of all.
// Names are by id.
func (n *Node) HeldBy(ctx context.Context, a entente.Actor, partner string, at int64, limit int) (out []Holding, names map[string]string, err error) {
	p, err := n.PartnerNamed(ctx, a, partner)
	if err != nil {
		return nil, nil, err
	}
	if p.Home {
		return nil, nil, entente.Errorf(entente.Invalid, "%q is home itself, and no partner", p.Name)
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		out = nil
		if names, err = allNames(ctx, t); err != nil {
			return err
		}
		epochs, err := epochsOf(ctx, t)
		if err != nil {
			return err
		}
		all, err := t.Agreements(ctx)
		if err != nil {
			return err
		}
		for _, g := range all {
			h := agreementHistory{of: g, partner: p, epochs: epochs}
			if h.versions, err = t.TermsVersions(ctx, g.Num); err != nil {
				return err
			}
			if h.steps, err = t.AgreementSteps(ctx, g.Num); err != nil {
				return err
			}
			if !h.concerns() {
				continue
			}
			held, err := h.holding(ctx, t, at, limit)
			if err != nil {
				return err
			}
			out = append(out, held)
		}
		return nil
	})
	return out, names, err
}

// agreementHistory is the life of one agreement as a partner saw it.
type agreementHistory struct {
	of       entente.Agreement
	partner  PartnerInfo
	versions []entente.TermsVersion
	steps    []entente.AgreementStep
	epochs   map[int64]int64 // of the ledger's logs
}

// concerns tells whether the partner was ever named by its terms.
func (h *agreementHistory) concerns() bool {
	return slices.ContainsFunc(h.versions, func(v entente.TermsVersion) bool {
		_, ok := v.Terms.Member(h.partner.ID)
		return ok
	})
}

// door tells whether the partner could read through the agreement at a moment, and under
// which terms.
func (h *agreementHistory) door(at int64) error {
	g := entente.Agreement{Name: h.of.Name, State: entente.Draft}
	for _, s := range h.steps {
		if s.At > at {
			break
		}
		if s.To != "" {
			g.State = s.To
		}
		switch s.Action {
		case entente.StepActivate, entente.StepRestore, entente.StepFloor:
			g.Version = s.Version
		}
	}
	for _, v := range h.versions {
		if v.Number == g.Version {
			g.Terms = v.Terms
		}
	}
	var standing []entente.Stop
	for _, s := range h.partner.Stops {
		if s.At <= at && (s.Lifted == 0 || s.Lifted > at) {
			s.Lifted = 0
			standing = append(standing, s)
		}
	}
	if err := entente.DoorOpen(h.partner.Organisation, standing); err != nil {
		return err
	}
	if g.Version == 0 {
		return entente.Errorf(entente.NotFound, "this agreement was not in force yet")
	}
	if _, member := g.Terms.Member(h.partner.ID); !member {
		return entente.Errorf(entente.NotFound, "the partner was no member by the terms in force")
	}
	if err := g.Open(h.partner.ID, at); err != nil {
		return err
	}
	if m, _ := g.Terms.Member(h.partner.ID); !m.Receives() {
		return entente.Errorf(entente.Forbidden, "this member contributes only, and reads nothing")
	}
	return nil
}

// lastOpen finds the last moment, not after another, at which the door was open; 0 for none.
func (h *agreementHistory) lastOpen(at int64) int64 {
	moments := []int64{at}
	add := func(x int64) {
		if x > 0 && x <= at {
			moments = append(moments, x-1)
		}
	}
	for _, s := range h.steps {
		add(s.At)
	}
	for _, s := range h.partner.Stops {
		add(s.At)
	}
	for _, v := range h.versions {
		add(v.Terms.ValidUntil)
	}
	slices.Sort(moments)
	for _, m := range slices.Backward(moments) {
		if h.door(m) == nil {
			return m
		}
	}
	return 0
}

func (h *agreementHistory) holding(ctx context.Context, t *store.Tx, at int64, limit int) (Holding, error) {
	out := Holding{Agreement: h.of.Name, AsOf: h.lastOpen(at)}
	if err := h.door(at); err != nil {
		out.Why = entente.PublicText(err)
	}
	if out.AsOf == 0 {
		return out, nil
	}
	for _, f := range h.of.Feeds {
		held := HeldFeed{ID: f.ID, Collection: f.Collection}
		var err error
		if held.Head, err = t.HeadAt(ctx, f.Feed, out.AsOf); err != nil {
			return out, err
		}
		held.Head = min(held.Head, f.Head)
		gaps, err := t.Gaps(ctx, h.partner.ID, f.Feed)
		if err != nil {
			return out, err
		}
		if held.Count, held.Entries, err = t.LiveAt(ctx, f.Feed, held.Head, gaps, limit); err != nil {
			return out, err
		}
		for _, e := range held.Entries {
			x, err := evidence(ctx, t, h.partner.ID, f.ID, e.Seq, h.epochs)
			if err != nil {
				return out, err
			}
			held.Evidence = append(held.Evidence, x.at(at))
		}
		out.Feeds = append(out.Feeds, held)
	}
	return out, nil
}
