package node

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"entente"
	"entente/store"
)

// view runs f on one state of the database, unless the organisation of the actor is
// stopped: that is read each time, so that a stop acts on the next request. Whatever an
// account can read goes through it.
func (n *Node) view(ctx context.Context, a entente.Actor, f func(*store.Tx) error) error {
	return n.st.View(ctx, func(t *store.Tx) error {
		if !a.Local {
			if err := t.Door(ctx, a.Account.Organisation); err != nil {
				return err
			}
		}
		return f(t)
	})
}

// Admit is what a request does that reads nothing of the store: it tells whether the
// organisation of the actor is stopped.
func (n *Node) Admit(ctx context.Context, a entente.Actor) error {
	return n.view(ctx, a, func(*store.Tx) error { return nil })
}

// PartnerInfo is an organisation with its stops, oldest first, and its accounts by name.
type PartnerInfo struct {
	entente.Organisation
	Stops    []entente.Stop
	Accounts []entente.Account // without their secrets
}

// Stopped tells whether a stop stands.
func (p PartnerInfo) Stopped() bool { return slices.ContainsFunc(p.Stops, entente.Stop.Stands) }

// Alarms say what about standing stops calls for somebody. Nothing of it lifts them.
func (p PartnerInfo) Alarms(now int64) []string {
	var out []string
	for _, s := range p.Stops {
		if s.Unratified(now) {
			out = append(out, fmt.Sprintf("the stop %s of %s has not been ratified within 24 hours; it stays in force", s.ID, entente.FormatMicros(s.At)))
		}
		if s.ReviewDue(now) {
			out = append(out, fmt.Sprintf("the stop %s was to be reviewed by %s; it stays in force", s.ID, entente.FormatMicros(s.Review)))
		}
	}
	return out
}

// Organisations lists all organisations, home first and partners by name, for who reads
// everything.
func (n *Node) Organisations(ctx context.Context, a entente.Actor) ([]PartnerInfo, error) {
	if err := mayKnowPartners(a); err != nil {
		return nil, err
	}
	var out []PartnerInfo
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		out, err = partnerInfos(ctx, t)
		return err
	})
	return out, err
}

func partnerInfos(ctx context.Context, t *store.Tx) ([]PartnerInfo, error) {
	all, err := t.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	stops, err := t.Stops(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := t.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]PartnerInfo, len(all))
	for i, o := range all {
		out[i].Organisation = o
		for _, s := range stops {
			if s.Organisation == o.ID {
				out[i].Stops = append(out[i].Stops, s)
			}
		}
		for _, acc := range accounts {
			if acc.PasswordHash = ""; acc.Organisation == o.ID {
				out[i].Accounts = append(out[i].Accounts, acc)
			}
		}
	}
	return out, nil
}

// mayKnowPartners checks that the actor may see the partners and their stops: whoever
// holds a role does, as each of them decides or reviews something about partners.
func mayKnowPartners(a entente.Actor) error {
	for _, d := range entente.Duties() {
		if a.May(d.Act) {
			return nil
		}
	}
	return entente.Errorf(entente.Forbidden, "only somebody who holds a role at home may see its partners; an operator gives roles (entente account role give)")
}

// PartnerNamed finds an organisation by name or id, home too.
func (n *Node) PartnerNamed(ctx context.Context, a entente.Actor, name string) (PartnerInfo, error) {
	all, err := n.Organisations(ctx, a)
	if err != nil {
		return PartnerInfo{}, err
	}
	for _, p := range all {
		if p.Name == name || p.ID == name {
			return p, nil
		}
	}
	return PartnerInfo{}, entente.Errorf(entente.NotFound, "there is no partner %q; \"entente partner list\" shows those there are", name)
}

// ConflictInfo is a declared conflict with the name of what it is about.
type ConflictInfo struct {
	entente.Interest
	AboutName string
}

// Conflicts lists the conflicts that were declared, those that ended included, oldest
// first: all for who reads everything, one's own for others.
func (n *Node) Conflicts(ctx context.Context, a entente.Actor) ([]ConflictInfo, error) {
	var out []ConflictInfo
	err := n.view(ctx, a, func(t *store.Tx) error {
		of := a.Account.ID
		if a.May(entente.ReadAll) {
			of = ""
		} else if of == "" {
			return entente.Errorf(entente.Forbidden, "sign in to see your conflicts")
		}
		all, err := t.Interests(ctx, of)
		if err != nil {
			return err
		}
		names, err := organisationNames(ctx, t)
		if err != nil {
			return err
		}
		agreements, err := t.AgreementNames(ctx)
		maps.Copy(names, agreements)
		for _, i := range all {
			out = append(out, ConflictInfo{i, names[i.About]})
		}
		return err
	})
	return out, err
}

// Concern finds what a conflict can be about, a partner or an agreement, by name or id, for
// who holds a role.
func (n *Node) Concern(ctx context.Context, a entente.Actor, name string) (id, called string, err error) {
	if err := mayKnowPartners(a); err != nil {
		return "", "", err
	}
	var fit [][2]string
	err = n.view(ctx, a, func(t *store.Tx) error {
		names, err := organisationNames(ctx, t)
		if err != nil {
			return err
		}
		agreements, err := t.AgreementNames(ctx)
		maps.Copy(names, agreements)
		for id, called := range names {
			if id == name || called == name {
				fit = append(fit, [2]string{id, called})
			}
		}
		return err
	})
	switch {
	case err != nil:
		return "", "", err
	case len(fit) == 0:
		return "", "", entente.Errorf(entente.NotFound, "there is no partner and no agreement %q; \"entente partner list\" and \"entente agreement list\" show those there are", name)
	case len(fit) > 1:
		return "", "", entente.Errorf(entente.Conflict, "%q is the name of a partner and of an agreement; give the id of the one that is meant", name)
	}
	return fit[0][0], fit[0][1], nil
}

func organisationNames(ctx context.Context, t *store.Tx) (map[string]string, error) {
	all, err := t.Organisations(ctx)
	names := map[string]string{}
	for _, o := range all {
		names[o.ID] = o.Name
	}
	return names, err
}

// WatchStops tells the figures about stops, urgent releases and recommendations that call for
// somebody: see [entente.Stop.Unratified], [entente.Owed] and [entente.Recommendation.Overdue]. It changes nothing; no clock lifts a stop.
func (n *Node) WatchStops(ctx context.Context) error {
	var stops []entente.Stop
	var decisions []entente.Decision
	var waiting []entente.Recommendation
	err := n.st.View(ctx, func(t *store.Tx) (err error) {
		if stops, err = t.Stops(ctx); err == nil {
			decisions, err = t.ReviewDecisions(ctx)
		}
		if err == nil {
			waiting, err = unanswered(ctx, t)
		}
		return err
	})
	if err != nil {
		return err
	}
	n.watchReviews(waiting)
	var standing, unratified, due float64
	for _, s := range stops {
		if s.Stands() {
			standing++
		}
		if s.Unratified(n.now()) {
			unratified++
		}
		if s.ReviewDue(n.now()) {
			due++
		}
	}
	var owed float64
	for _, d := range entente.Owed(decisions) {
		if d.Overdue(n.now()) {
			owed++
		}
	}
	if owed > n.meters.owed.Get() {
		n.log.Warn("an urgent release has not been reviewed within 24 hours; it stays released", "releases", owed)
	}
	n.meters.owed.Set(owed)
	if unratified > n.meters.unratified.Get() {
		n.log.Warn("a stop has not been ratified within 24 hours; it stays in force", "stops", unratified)
	}
	if due > n.meters.reviewDue.Get() {
		n.log.Warn("a stop is past its review date; it stays in force", "stops", due)
	}
	n.meters.stops.Set(standing)
	n.meters.unratified.Set(unratified)
	n.meters.reviewDue.Set(due)
	return nil
}
