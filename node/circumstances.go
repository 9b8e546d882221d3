package node

import (
	"context"

	"entente"
	"entente/stix"
	"entente/store"
)

// circumstances are what releases through an agreement rest on, all of one state.
func (n *Node) circumstances(ctx context.Context, t *store.Tx, a *entente.Agreement, lib *store.Library) (*entente.Circumstances, error) {
	c := &entente.Circumstances{Now: n.now(), Home: n.home, Agreement: a}
	for _, f := range a.Feeds {
		c.Floors = append(c.Floors, f.Floor)
	}
	orgs, err := t.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	owners := map[entente.ObjectID]string{}
	for _, o := range orgs {
		for _, id := range o.Identities {
			owners[id] = o.ID
		}
	}
	c.Owner = func(id entente.ObjectID) string { return owners[id] }
	if c.Others, err = t.TermsInForce(ctx); err != nil {
		return nil, err
	}
	delete(c.Others, a.ID)
	if c.Orders, err = t.StandingReleases(ctx, a.ID); err != nil {
		return nil, err
	}
	held := map[entente.ObjectID][]entente.HeldDefinition{}
	c.Define = func(id entente.ObjectID, source string) entente.Definition {
		if _, ok := held[id]; !ok {
			var all []entente.HeldDefinition
			if all, err = lib.Definitions(ctx, id, stix.DefinitionOf); err != nil {
				return entente.Definition{} // unknown, which withholds
			}
			held[id] = all
		}
		return entente.DefinitionFor(source, n.home, held[id])
	}
	// A copy may be asked for more than once, and is to be written until the store has it.
	type copied struct {
		at   int64
		made *entente.Version
	}
	copies := map[entente.Digest]copied{}
	c.Copy = func(s *entente.Submission, tlp entente.TLP) (int64, *entente.Version, error) {
		v, err := stix.Stamp(s.Version.Bytes, tlp.Definition())
		if err != nil {
			return 0, nil, err
		}
		if have, ok := copies[v.Digest]; ok {
			return have.at, have.made, nil
		}
		have := copied{}
		if have.at, err = t.CopyOf(ctx, v); err != nil {
			return 0, nil, err
		}
		if have.at == 0 {
			have.made = v
			if have.at, err = n.st.Reserve(ctx, "content", 1, contentsAhead); err != nil {
				return 0, nil, err
			}
		}
		copies[v.Digest] = have
		return have.at, have.made, nil
	}
	return c, nil
}
