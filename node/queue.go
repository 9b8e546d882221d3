package node

import (
	"context"

	"entente"
	"entente/store"
)

// Queue is what waits in agreements: for an approval, a decision, dissent, or objects that
// are referred to.
type Queue struct {
	Counts  []store.QueueCount // by agreement and reason
	Entries []store.QueueEntry // oldest first
	More    bool               // there are more entries after these
	Behind  int64              // lines of the collections that active agreements have not judged yet
	// Owed are urgent releases that wait for a second person's review, of all agreements.
	Owed   []entente.Decision
	Orders []entente.StandingRelease // that wait for the second person
	// Recommended are reviewers' recommendations to suspend that nobody has answered.
	Recommended []entente.Recommendation
	Names       map[string]string // by id
	Called      map[int64]string  // names of agreements by number
}

// QueueOptions say what part of the queue is wanted.
type QueueOptions struct {
	Agreement string         // name or id, "" for all
	Reason    entente.Reason // [entente.NoReason] for all
	Skip      int            // so many entries are passed over
	Limit     int            // the most entries
}

// Queue tells what waits, for who holds a role at home or reads everything.
func (n *Node) Queue(ctx context.Context, a entente.Actor, o QueueOptions) (Queue, error) {
	if err := mayKnowPartners(a); err != nil {
		return Queue{}, err
	}
	var out Queue
	err := n.view(ctx, a, func(t *store.Tx) error {
		q := store.QueueQuery{Reason: o.Reason, Limit: o.Skip + o.Limit + 1}
		agreements, err := t.Agreements(ctx)
		if err != nil {
			return err
		}
		if o.Agreement != "" {
			g, err := agreementNamed(ctx, t, o.Agreement)
			if err != nil {
				return err
			}
			q.Agreement, agreements = g.Num, []entente.Agreement{*g}
		}
		out = Queue{Called: map[int64]string{}}
		behind, err := t.FeedsBehind(ctx, q.Agreement)
		if err != nil {
			return err
		}
		for _, g := range agreements {
			out.Called[g.Num] = g.Name
			if g.State == entente.Active {
				for _, b := range behind {
					if b.Agreement == g.Num {
						out.Behind += b.Lines
					}
				}
			}
			orders, err := t.StandingReleases(ctx, g.ID)
			if err != nil {
				return err
			}
			for _, s := range orders {
				if s.By2 == "" && s.Ended == 0 && n.now() < s.Until {
					out.Orders = append(out.Orders, s)
				}
			}
		}
		if out.Counts, err = t.QueueCounts(ctx, q.Agreement); err != nil {
			return err
		}
		if out.Entries, err = t.Queue(ctx, q); err != nil {
			return err
		}
		if len(out.Entries) > o.Skip+o.Limit {
			out.Entries, out.More = out.Entries[:o.Skip+o.Limit], true
		}
		out.Entries = out.Entries[min(o.Skip, len(out.Entries)):]
		decisions, err := t.ReviewDecisions(ctx)
		if err != nil {
			return err
		}
		for _, d := range entente.Owed(decisions) {
			if o.Agreement == "" || d.Agreement == agreements[0].ID {
				out.Owed = append(out.Owed, d)
			}
		}
		if out.Recommended, err = unanswered(ctx, t); err != nil {
			return err
		}
		out.Names, err = allNames(ctx, t)
		return err
	})
	return out, err
}

// StandingReleases lists the standing releases of an agreement, those that ended included,
// with the names that they mention.
func (n *Node) StandingReleases(ctx context.Context, a entente.Actor, agreement string) (out []entente.StandingRelease, names map[string]string, err error) {
	err = n.ofAgreement(ctx, a, agreement, func(t *store.Tx, g *entente.Agreement) error {
		if out, err = t.StandingReleases(ctx, g.ID); err == nil {
			names, err = allNames(ctx, t)
		}
		return err
	})
	return out, names, err
}

// Permissions lists the permissions of originators for an agreement.
func (n *Node) Permissions(ctx context.Context, a entente.Actor, agreement string) (out []entente.Consent, names map[string]string, err error) {
	err = n.ofAgreement(ctx, a, agreement, func(t *store.Tx, g *entente.Agreement) error {
		all, err := t.Consents(ctx, nil)
		if err != nil {
			return err
		}
		for _, k := range all {
			if k.Agreement == g.ID {
				out = append(out, k)
			}
		}
		names, err = allNames(ctx, t)
		return err
	})
	return out, names, err
}

// Restrictions lists home's restrictions of an object, or of all objects where id is "",
// those that were lifted included, with the names that they mention.
func (n *Node) Restrictions(ctx context.Context, a entente.Actor, id entente.ObjectID) (out []entente.Restriction, names map[string]string, err error) {
	if err := mayKnowPartners(a); err != nil {
		return nil, nil, err
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		var ids []entente.ObjectID
		if id != "" {
			ids = []entente.ObjectID{id}
		}
		if out, err = t.Restrictions(ctx, ids); err == nil {
			names, err = allNames(ctx, t)
		}
		return err
	})
	return out, names, err
}

// Concerns tells how an object stands in one agreement, or where that is "" in all that are
// not ended; what commands about it need to name.
func (n *Node) Concerns(ctx context.Context, a entente.Actor, agreement string, id entente.ObjectID) (out *entente.Case, err error) {
	if err := mayKnowPartners(a); err != nil {
		return nil, err
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		all, err := t.Agreements(ctx)
		if err != nil {
			return err
		}
		if agreement != "" {
			g, err := agreementNamed(ctx, t, agreement)
			if err != nil {
				return err
			}
			all = []entente.Agreement{*g}
		}
		if out, err = t.Case(ctx, id, all); err == nil && agreement != "" {
			out.Decisions, err = t.Decisions(ctx, all[0].Num, []entente.ObjectID{id})
		}
		return err
	})
	return out, err
}

func (n *Node) ofAgreement(ctx context.Context, a entente.Actor, agreement string, f func(*store.Tx, *entente.Agreement) error) error {
	if err := mayKnowPartners(a); err != nil {
		return err
	}
	return n.view(ctx, a, func(t *store.Tx) error {
		g, err := agreementNamed(ctx, t, agreement)
		if err != nil {
			return err
		}
		return f(t, g)
	})
}
