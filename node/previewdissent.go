package node

import (
	"context"
	"math"
	"slices"

	"entente"
	"entente/store"
)

// dissenting is dissent of home's own that is considered: that is written, or struck.
type dissenting struct {
	id         entente.ObjectID
	about      []entente.ObjectID
	version    *entente.Version // nil where it is struck
	collection string           // id, of what is written
}

// considered drafts the dissent that a preview is about, nil if it is about none.
func (n *Node) considered(ctx context.Context, a entente.Actor, o PreviewOptions) (*dissenting, error) {
	switch {
	case o.Dissent != nil:
		v, collection, err := n.draftDissent(ctx, a, *o.Dissent)
		if err != nil {
			return nil, err
		}
		return &dissenting{id: v.ID, about: v.Dissent, version: v, collection: collection}, nil
	case o.Strike != "":
		return &dissenting{id: o.Strike}, nil
	}
	return nil, nil
}

// previewDissent previews dissent of home's own in every agreement that it would enter, or in
// which something waits that it holds back or lets go.
func (n *Node) previewDissent(ctx context.Context, t *store.Tx, o PreviewOptions, d *dissenting, out *Preview) error {
	home, err := t.Home(ctx)
	if err != nil {
		return err
	}
	if d.version == nil {
		k, err := t.CaseOfAll(ctx, d.id)
		if err != nil {
			return err
		}
		if !slices.Contains(k.Sources, home.ID) {
			return entente.Errorf(entente.NotFound, "home has put no dissent %s into any collection", d.id)
		}
	}
	waiting, err := t.WaitingOn(ctx, d.about, []entente.ObjectID{d.id})
	if err != nil {
		return err
	}
	all, err := t.Agreements(ctx)
	if err != nil {
		return err
	}
	var concerned []entente.Agreement
	for i := range all {
		g := &all[i]
		if g.Version == 0 || g.State == entente.Ended {
			continue
		}
		var ids []entente.ObjectID
		for _, w := range waiting {
			if w.Agreement == g.Num && (d.version == nil || slices.Contains(d.about, w.Object)) {
				ids = append(ids, w.Object)
			}
		}
		place := -1
		if d.version != nil && g.Terms.Covers(d.collection) {
			place = slices.IndexFunc(g.Feeds, func(f entente.ReleaseFeed) bool { return f.Collection == d.collection })
		}
		if place >= 0 {
			ids = append(ids, d.id)
		}
		if len(ids) == 0 {
			continue
		}
		concerned = append(concerned, *g)
		r := n.rehearse(ctx, t, *g, d.change(home.ID, n.now(), place, g))
		if err := r.touch(ids...); err != nil {
			return err
		}
		p, err := r.told(g, o.Limit)
		if err != nil {
			return err
		}
		out.Agreements = append(out.Agreements, p)
	}
	out.Token = entente.PreviewToken(concerned)
	return nil
}

// change is what becomes of objects by it: it is there, at the end of the accept log with the
// place (below 0 for one that the agreement does not cover), and counts; or it counts no more.
func (d *dissenting) change(home string, now int64, place int, g *entente.Agreement) func(*entente.Matter) {
	return func(m *entente.Matter) {
		switch {
		case d.version == nil:
			m.Dissent = slices.DeleteFunc(m.Dissent, func(x entente.Dissent) bool { return x.Object == d.id && x.Source == home })
		case slices.Contains(d.about, m.ID):
			m.Dissent = append(m.Dissent, entente.Dissent{Object: d.id, Source: home, Since: now})
		case m.ID == d.id && place >= 0:
			m.Submissions = append(m.Submissions, entente.Submission{Place: place, Seq: g.Feeds[place].LogHead + 1, Content: math.MinInt64,
				Key: d.version.Key(), Source: home, Arrived: now, Version: d.version})
		}
	}
}
