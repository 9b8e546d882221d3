package node

import (
	"context"
	"slices"

	"entente"
	"entente/store"
)

// looker is who reads over TAXII, with what decides whether it reads home's collections or
// what agreements release.
type looker struct {
	entente.Actor
	home string // id of the home organisation
}

func (n *Node) lookerOf(a entente.Actor) looker { return looker{a, n.home} }

// partner tells that the account belongs to a partner: it reads nothing of home's own. Every
// account that signed in has an organisation.
func (l looker) partner() bool {
	return !l.Local && l.Account.Organisation != "" && l.Account.Organisation != l.home
}

// agreementRoots lists the API roots of the agreements that the account may know of, by
// name. Those of home who read everything see what all members see.
func (n *Node) agreementRoots(ctx context.Context, t *store.Tx, l looker) ([]entente.Root, error) {
	var all []entente.Agreement
	var err error
	switch {
	case l.partner():
		all, err = t.AgreementsOf(ctx, l.Account.Organisation)
	case l.May(entente.ReadAll):
		all, err = t.Agreements(ctx)
	}
	if err != nil || len(all) == 0 {
		return nil, err
	}
	most, err := longestBody(ctx, t)
	var out []entente.Root
	for _, g := range all {
		if g.Listed() {
			out = append(out, g.Root(most))
		}
	}
	return out, err
}

// longestBody is the longest body of a POST that agreements' API roots take: that of the
// default one.
func longestBody(ctx context.Context, t *store.Tx) (int64, error) {
	roots, err := t.Roots(ctx)
	if err != nil || len(roots) == 0 {
		return DefaultMaxContentLength, err
	}
	return roots[0].MaxContentLength, nil
}

// throughDoor finds an agreement by name, for who comes through its door now.
func (n *Node) throughDoor(ctx context.Context, t *store.Tx, l looker, name string) (*entente.Agreement, entente.Root, error) {
	if !l.partner() && !l.May(entente.ReadAll) {
		return nil, entente.Root{}, noRoot()
	}
	g, err := t.Agreement(ctx, name)
	if err != nil {
		return nil, entente.Root{}, err
	}
	if g == nil || g.Name != name {
		return nil, entente.Root{}, noRoot()
	}
	if err := g.Door(l.Actor, l.home, n.now()); err != nil {
		return nil, entente.Root{}, err
	}
	most, err := longestBody(ctx, t)
	return g, g.Root(most), err
}

// accessThrough lists the feeds of an agreement as an account sees them, by id.
func accessThrough(ctx context.Context, t *store.Tx, l looker, g *entente.Agreement) ([]entente.Access, error) {
	var out []entente.Access
	for _, f := range g.Shown() {
		of, err := t.Collection(ctx, f.Collection)
		if err != nil {
			return nil, err
		}
		if of == nil {
			continue // removed while an agreement still named it
		}
		var gaps []entente.Gap
		if l.partner() {
			if gaps, err = t.Gaps(ctx, l.Account.Organisation, f.Feed); err != nil {
				return nil, err
			}
		}
		out = append(out, g.Access(l.Actor, l.home, f, *of, gaps))
	}
	return out, nil
}

// feedThrough finds one feed of an agreement by its id.
func feedThrough(ctx context.Context, t *store.Tx, l looker, g *entente.Agreement, id string) (entente.Access, error) {
	all, err := accessThrough(ctx, t, l, g)
	if err != nil {
		return entente.Access{}, err
	}
	i := slices.IndexFunc(all, func(a entente.Access) bool { return a.ID == id })
	if i < 0 {
		return entente.Access{}, noCollection()
	}
	return all[i], nil
}

// again reads anew where a release feed stands and who may read it, in the view that then
// reads the feed: a head moves together with those of the agreement's other feeds, and what
// counts is the state at the moment of the answer.
func (n *Node) again(ctx context.Context, t *store.Tx, a entente.Actor, in entente.Access) (entente.Access, error) {
	l := n.lookerOf(a)
	g, _, err := n.throughDoor(ctx, t, l, in.Root)
	if err != nil {
		return in, err
	}
	return feedThrough(ctx, t, l, g, in.ID)
}
