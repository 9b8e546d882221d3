package node

import (
	"context"
	"slices"

	"entente"
	"entente/store"
)

// What a collection's floor, an originator's permission and a standing release let go or take
// back. Their commands take no token, so their previews give none.

// judgedLater is why nothing changes in an agreement that is suspended.
const judgedLater = "it is suspended, and judges everything anew when it is restored"

// previewFloor previews another floor of a collection in every agreement that it is about.
func (n *Node) previewFloor(ctx context.Context, t *store.Tx, o PreviewOptions, out *Preview) error {
	collections, err := t.Collections(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(collections, func(c entente.Collection) bool { return c.ID == o.Floor.Collection })
	if at < 0 {
		return entente.Errorf(entente.NotFound, "there is no such collection")
	}
	all, err := t.Agreements(ctx)
	if err != nil {
		return err
	}
	covering := entente.Covering(all, o.Floor.Collection)
	for i := range covering {
		g := &covering[i]
		var p PreviewOf
		if collections[at].Floor == o.Floor.Floor {
			p, err = unmoved(ctx, t, g, "that is the floor already")
		} else {
			p, err = n.underFloor(ctx, t, g, o)
		}
		if err != nil {
			return err
		}
		out.Agreements = append(out.Agreements, p)
	}
	return nil
}

// underFloor judges everything in an agreement anew with another floor of one collection.
func (n *Node) underFloor(ctx context.Context, t *store.Tx, g *entente.Agreement, o PreviewOptions) (PreviewOf, error) {
	anew, err := g.JudgesFloor()
	if err != nil {
		return PreviewOf{}, err
	}
	if !anew {
		return unmoved(ctx, t, g, judgedLater)
	}
	r := n.rehearse(ctx, t, *g, nil)
	for i := range r.g.Feeds {
		if f := &r.g.Feeds[i]; f.Collection == o.Floor.Collection {
			f.Floor = o.Floor.Floor
		}
	}
	if err := r.logs(); err != nil {
		return PreviewOf{}, err
	}
	return r.told(g, o.Limit)
}

// previewLeave previews an originator's permission, or a standing release that is proposed,
// agreed to or ended, in the agreement that it is for.
func (n *Node) previewLeave(ctx context.Context, t *store.Tx, g *entente.Agreement, o PreviewOptions) (PreviewOf, error) {
	if o.End != "" {
		order, err := orderOf(ctx, t, g, o.End)
		if err != nil {
			return PreviewOf{}, err
		}
		if _, err := order.Over("-", n.now()); err != nil {
			return PreviewOf{}, err
		}
		if order.By2 == "" {
			return unmoved(ctx, t, g, "it was only proposed, and has let nothing go")
		}
		return unmoved(ctx, t, g, "what was released under it stays; what comes from now on waits for two people, unless another one covers it")
	}
	r := n.rehearse(ctx, t, *g, nil)
	ids, once, err := r.granting(o)
	switch {
	case err != nil:
		return PreviewOf{}, err
	case g.State == entente.Suspended:
		return unmoved(ctx, t, g, judgedLater)
	}
	// So many at a time as the applier judges.
	for some := range slices.Chunk(ids, applyLines) {
		if err := r.touch(some...); err != nil {
			return PreviewOf{}, err
		}
	}
	p, err := r.told(g, o.Limit)
	p.Once = once
	return p, err
}

// granting lays what an agreement is to be given over what it has. It tells what is to be
// judged again by that, and what has to happen besides.
func (r *rehearsal) granting(o PreviewOptions) (ids []entente.ObjectID, once string, err error) {
	if err := r.g.InForce(); err != nil {
		return nil, "", err
	}
	if c := o.Permit; c != nil {
		k, err := r.t.Case(r.ctx, c.Object, []entente.Agreement{*r.g})
		if err != nil {
			return nil, "", err
		}
		as := *c
		as.Agreement = r.g.ID
		others := slices.DeleteFunc(k.Sources, func(id string) bool { return id == r.n.home }) // home needs none
		p, err := as.Permission(others, r.n.now())
		r.change = about(c.Object, func(m *entente.Matter) { m.Consents = append(slices.Clone(m.Consents), p) })
		return []entente.ObjectID{c.Object}, "", err
	}
	var order entente.StandingRelease
	if o.Propose != nil {
		once = "a second person agrees"
		order, err = o.Propose.Proposed(r.g, "first", r.n.now())
	} else {
		order, err = orderOf(r.ctx, r.t, r.g, o.Agree)
	}
	if err == nil {
		order, err = order.Agreed("second", r.n.now())
	}
	if err != nil {
		return nil, "", err
	}
	r.order = &order
	ids, err = r.t.WaitingBy(r.ctx, r.g.Num, entente.AwaitsApproval)
	return ids, once, err
}

// orderOf finds a standing release of an agreement.
func orderOf(ctx context.Context, t *store.Tx, g *entente.Agreement, id string) (entente.StandingRelease, error) {
	all, err := t.StandingReleases(ctx, g.ID)
	if err != nil {
		return entente.StandingRelease{}, err
	}
	i := slices.IndexFunc(all, func(o entente.StandingRelease) bool { return o.ID == id })
	if i < 0 {
		return entente.StandingRelease{}, entente.Errorf(entente.NotFound, "%q has no standing release %q; \"entente standing list\" shows those there are", g.Name, id)
	}
	return all[i], nil
}

// unmoved is an agreement in which nothing changes for readers, for a reason.
func unmoved(ctx context.Context, t *store.Tx, g *entente.Agreement, why string) (p PreviewOf, err error) {
	p = PreviewOf{Agreement: g.Name, Why: why}
	p.Stands, err = standing(ctx, t, g)
	return p, err
}
