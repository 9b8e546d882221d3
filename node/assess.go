package node

import (
	"context"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// MaxAssessed is how many relationships of an object, and how many opinions about what is
// claimed of it, are put side by side at most.
const MaxAssessed = 500

// Assessed is what is claimed about an object, within what an account may read.
type Assessed struct {
	Object        entente.ObjectID
	Matters       []entente.Assessment
	Organisations map[string]string // the names of those that are sources
	Accounts      map[string]string // the names of those who struck dissent
	More          bool              // there are more claims or opinions than are shown
}

// Assessments puts side by side what is claimed about an object, by the versions that stand
// in collections which the account may read. NotFound where there is none. Relationships and
// opinions are found by the index, which follows the collections like search; dissent at once.
//
// Design: docs/design/014-dissent.md.
func (n *Node) Assessments(ctx context.Context, a entente.Actor, id entente.ObjectID) (Assessed, error) {
	out := Assessed{Object: id}
	err := n.view(ctx, a, func(t *store.Tx) error {
		r := assessing{ctx: ctx, t: t, held: map[entente.ObjectID]bool{}, more: &out.More}
		var err error
		if r.names, err = n.readable(ctx, t, a); err != nil {
			return err
		}
		if r.shown, err = reviewingOf(ctx, t, a); err != nil {
			return err
		}
		if err := r.read(id); err != nil {
			return err
		}
		if len(r.claims) == 0 {
			return entente.Errorf(entente.NotFound, "there is no object %s in any collection that you may read", id)
		}
		subject, relationship := id, ""
		for _, c := range r.claims {
			if c.Statement.Relationship != "" {
				subject, relationship = c.Statement.From, c.Statement.Relationship
			}
		}
		if err := r.referring([]entente.ObjectID{subject}, func(s entente.Statement) bool {
			return s.From == subject && (relationship == "" || s.Relationship == relationship)
		}); err != nil {
			return err
		}
		var about []entente.ObjectID
		for _, c := range r.claims {
			about = append(about, c.Version.ID)
		}
		slices.Sort(about)
		about = slices.Compact(about)
		if err := r.referring(about, func(s entente.Statement) bool { return s.Stance != entente.NoStance }); err != nil {
			return err
		}
		for _, id := range about {
			dissent, err := t.Dissents(ctx, id, MaxAssessed)
			if err != nil {
				return err
			}
			if err := r.read(dissent...); err != nil {
				return err
			}
		}
		strikes, err := r.strikes()
		if err != nil {
			return err
		}
		out.Matters = entente.Assess(id, r.claims, strikes)
		if out.Organisations, err = organisationNames(ctx, t); err == nil {
			out.Accounts, err = strikers(ctx, t, strikes)
		}
		return err
	})
	return out, err
}

// assessing is the reading of claims, all of one state.
type assessing struct {
	ctx    context.Context
	t      *store.Tx
	names  map[int64]entente.Collection
	shown  *reviewing
	held   map[entente.ObjectID]bool // what was read
	claims []entente.Claimed
	more   *bool
}

// read takes in all versions of objects that stand in readable collections, by who supplied them.
func (r *assessing) read(ids ...entente.ObjectID) error {
	for _, id := range ids {
		if r.held[id] {
			continue
		}
		r.held[id] = true
		contents, err := r.t.Object(r.ctx, id)
		if err != nil {
			return err
		}
		for _, h := range contents {
			v, _ := stix.Parse(h.Bytes)
			if v == nil {
				continue // damage, for the doctor to tell
			}
			if ok, err := r.shown.reads(h.Bytes); err != nil || !ok {
				if err != nil {
					return err
				}
				continue
			}
			statement, _ := stix.StatementOf(h.Bytes)
			var sources []string
			for _, l := range h.Lines {
				if _, ok := r.names[l.Feed]; !ok || l.Gone != 0 || slices.Contains(sources, l.Source) {
					continue
				}
				sources = append(sources, l.Source)
				r.claims = append(r.claims, entente.Claimed{Version: v, Source: l.Source, Arrived: l.Added, Statement: statement})
			}
		}
	}
	return nil
}

// referring takes in objects that refer to one of some others and state what is wanted.
func (r *assessing) referring(to []entente.ObjectID, wanted func(entente.Statement) bool) error {
	var keys, feeds []int64
	for _, id := range to {
		if key, ok := referenceKey(id); ok {
			keys = append(keys, key)
		}
	}
	for feed := range r.names {
		feeds = append(feeds, feed)
	}
	found, err := r.t.WithValues(r.ctx, keys, feeds, MaxAssessed+1)
	if err != nil {
		return err
	}
	var ids []entente.ObjectID
	for _, all := range found {
		*r.more = *r.more || len(all) > MaxAssessed
		for _, f := range all {
			if s, ok := stix.StatementOf(f.Entry.Bytes); ok && wanted(s) {
				ids = append(ids, f.Entry.ID)
			}
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > MaxAssessed {
		*r.more, ids = true, ids[:MaxAssessed]
	}
	return r.read(ids...)
}

// strikes reads the strikes of all opinions and notes that were taken in.
func (r *assessing) strikes() ([]entente.Strike, error) {
	ids := []entente.ObjectID{}
	for _, c := range r.claims {
		if c.Statement.Stance != entente.NoStance {
			ids = append(ids, c.Version.ID)
		}
	}
	return r.t.Strikes(r.ctx, ids)
}

// strikers gives the names of those who struck dissent.
func strikers(ctx context.Context, t *store.Tx, strikes []entente.Strike) (map[string]string, error) {
	out := map[string]string{}
	if len(strikes) == 0 {
		return out, nil
	}
	all, err := t.Accounts(ctx)
	for _, acc := range all {
		if slices.ContainsFunc(strikes, func(s entente.Strike) bool { return s.Account == acc.ID }) {
			out[acc.ID] = acc.Name
		}
	}
	return out, err
}
