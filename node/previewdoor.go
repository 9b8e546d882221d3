package node

import (
	"cmp"
	"context"
	"slices"

	"entente"
	"entente/store"
)

// Stops, suspensions and ends shut readers out, and leave the feeds as they are; lifting a stop
// lets one in again. Their previews count what readers see.

// door is a change of who reads through one agreement.
type door struct {
	g *entente.Agreement
	// partner is whom it is about, nil for all members that receive.
	partner *entente.Organisation
	// was and will say why it is shut, before and after; "" where it is open.
	was, will string
	// gaps gives what the partner has gaps for in a feed besides, after the change.
	gaps  func(entente.ReleaseFeed) (before, after []entente.Gap, err error)
	limit int
}

// told is what the change comes to for who reads.
func (d *door) told(ctx context.Context, t *store.Tx) (PreviewOf, error) {
	p := PreviewOf{Agreement: d.g.Name}
	var readers []string
	if d.partner != nil {
		p.Partner, readers = d.partner.Name, []string{d.partner.ID}
	} else {
		all, err := t.Organisations(ctx)
		if err != nil {
			return p, err
		}
		readers = idsOf(all)
	}
	var err error
	if p.Stands, err = standing(ctx, t, d.g); err != nil {
		return p, err
	}
	switch {
	case d.was != "" && d.will != "":
		p.Why = d.will
		return p, nil
	case d.was == "":
		p.Shut = true
	default:
		p.Opens = true
	}
	for _, f := range d.g.Feeds {
		if !d.g.Terms.Covers(f.Collection) {
			continue
		}
		var before, after []entente.Gap
		if d.gaps != nil {
			if before, after, err = d.gaps(f); err != nil {
				return p, err
			}
		}
		served, err := t.ServedRuns(ctx, readers, f.ID)
		if err != nil {
			return p, err
		}
		sent := runs(served)
		gaps := before
		if p.Opens {
			gaps = after
		}
		n, first, err := t.LiveAt(ctx, f.Feed, f.Head, gaps, max(d.limit-len(p.Entering)-len(p.Leaving), 0))
		if err != nil {
			return p, err
		}
		var entries []PreviewEntry
		for _, e := range first {
			entries = append(entries, PreviewEntry{Object: e.ID, Collection: f.Collection, Served: sent.has(e.Seq)})
		}
		if p.Opens {
			p.Enters, p.Entering = p.Enters+n, append(p.Entering, entries...)
			all, err := t.Entries(ctx, f.Feed, f.Head)
			if err != nil {
				return p, err
			}
			p.LeftOut += all - n
			continue
		}
		p.Leaves, p.Disclosed, p.Leaving = p.Leaves+n, p.Disclosed+n, append(p.Leaving, entries...)
		if err := t.LiveSeqs(ctx, f.Feed, f.Head, gaps, func(seq int64) {
			if sent.has(seq) {
				p.Served++
			}
		}); err != nil {
			return p, err
		}
	}
	return p, nil
}

func idsOf(all []entente.Organisation) []string {
	out := make([]string, len(all))
	for i, o := range all {
		out[i] = o.ID
	}
	return out
}

// previewShut tells what readers of an agreement lose that is suspended or ended.
func (n *Node) previewShut(ctx context.Context, t *store.Tx, g *entente.Agreement, limit int) (PreviewOf, error) {
	if g.State == entente.Ended {
		return PreviewOf{}, entente.Errorf(entente.Conflict, "the agreement %q has ended", g.Name)
	}
	const shut = "no member receives anything through it"
	d := door{g: g, limit: limit, was: shut, will: shut}
	for _, m := range g.Terms.Members { // for all that receive it is the same
		if m.Receives() {
			d.was = whyShut(g, m.Organisation, nil, n.now())
			d.will = cmp.Or(d.was, shut)
		}
	}
	return d.told(ctx, t)
}

// whyShut says why a member reads nothing through an agreement, by the stops that stand on it;
// "" where it reads. A moment at which terms are being tightened does not count.
func whyShut(g *entente.Agreement, member string, stops []entente.Stop, now int64) string {
	open := *g
	open.Closed = false
	switch err := open.Open(member, now); {
	case g.Version == 0:
		return "it is " + string(g.State) + ", and was never in force"
	case g.State == entente.Suspended:
		return "it is suspended"
	case err != nil:
		return entente.PublicText(err)
	case len(stops) > 0:
		return "a stop stands on the partner"
	}
	return ""
}

// previewPartner tells what a partner could read that is stopped, or will read again when a stop
// on it is lifted.
func (n *Node) previewPartner(ctx context.Context, t *store.Tx, o PreviewOptions, out *Preview) error {
	partners, err := partnerInfos(ctx, t)
	if err != nil {
		return err
	}
	name := cmp.Or(o.Stop, o.LiftStop)
	i := slices.IndexFunc(partners, func(p PartnerInfo) bool { return p.ID == name || p.Name == name })
	if i < 0 || partners[i].Home {
		return entente.Errorf(entente.NotFound, "there is no partner %q; \"entente partner list\" shows those there are", name)
	}
	partner := &partners[i]
	standing := slices.DeleteFunc(slices.Clone(partner.Stops), func(s entente.Stop) bool { return !s.Stands() })
	after := append(slices.Clone(standing), entente.Stop{Organisation: partner.ID})
	left := func(entente.ReleaseFeed) (entente.Gap, error) { return entente.Gap{}, nil }
	if o.LiftStop != "" {
		if after, left, err = liftOf(ctx, t, partner.Name, standing, o); err != nil {
			return err
		}
	}
	all, err := t.AgreementsOf(ctx, partner.ID)
	if err != nil {
		return err
	}
	out.Token = entente.PreviewToken(all)
	now := n.now()
	for k := range all {
		g := &all[k]
		if m, _ := g.Terms.Member(partner.ID); !m.Receives() || g.Version == 0 || g.State == entente.Ended {
			continue
		}
		d := door{g: g, partner: &partner.Organisation, limit: o.Limit}
		d.was, d.will = whyShut(g, partner.ID, standing, now), whyShut(g, partner.ID, after, now)
		d.gaps = func(f entente.ReleaseFeed) (before, after []entente.Gap, err error) {
			if before, err = t.Gaps(ctx, partner.ID, f.Feed); err != nil {
				return nil, nil, err
			}
			more, err := left(f)
			return before, append(slices.Clone(before), more), err
		}
		p, err := d.told(ctx, t)
		if err != nil {
			return err
		}
		out.Agreements = append(out.Agreements, p)
	}
	return nil
}

// liftOf gives the stops that remain when one is lifted, and what the choice of backlog leaves
// out of a feed.
func liftOf(ctx context.Context, t *store.Tx, name string, standing []entente.Stop, o PreviewOptions) (after []entente.Stop, left func(entente.ReleaseFeed) (entente.Gap, error), err error) {
	if len(standing) == 0 {
		return nil, nil, entente.Errorf(entente.Conflict, "no stop stands on %q", name)
	}
	i := slices.IndexFunc(standing, func(s entente.Stop) bool { return s.ID == o.StopID || o.StopID == "" })
	switch {
	case i < 0:
		return nil, nil, entente.Errorf(entente.NotFound, "no stop %q stands on %q; \"entente partner show\" lists those there are", o.StopID, name)
	case o.StopID == "" && len(standing) > 1:
		return nil, nil, entente.Errorf(entente.Conflict, "%d stops stand on %q; \"entente partner show\" lists them, and --stop ID names one", len(standing), name)
	}
	b, err := entente.ParseBacklog(o.Backlog)
	if err != nil {
		return nil, nil, err
	}
	reach, err := t.Reach(ctx, standing[i].ID, o.Backlog)
	if err != nil {
		return nil, nil, err
	}
	left = func(f entente.ReleaseFeed) (entente.Gap, error) {
		for _, r := range reach {
			if r.Feed == f.Feed {
				return r.LeftOut(b), nil
			}
		}
		return entente.Gap{}, nil
	}
	return slices.Delete(slices.Clone(standing), i, i+1), left, nil
}

// has tells whether a position is among them.
func (r runs) has(seq int64) bool {
	i, found := slices.BinarySearchFunc(r, seq, func(x [2]int64, seq int64) int { return cmp.Compare(x[0], seq) })
	return found || i > 0 && r[i-1][1] >= seq
}
