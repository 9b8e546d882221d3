package node

import (
	"context"

	"entente"
	"entente/stix"
	"entente/store"
)

// circumstances are what releases through an agreement rest on, all of one state.
func (n *Node) circumstances(ctx context.Context, t *store.Tx, a *entente.Agreement, lib *store.Library) (*entente.Circumstances, error) {
	home, err := t.Home(ctx)
	if err != nil {
		return nil, err
	}
	c := &entente.Circumstances{Now: n.now(), Home: home.ID, Agreement: a, Others: map[string]*entente.Terms{}}
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
	all, err := t.Agreements(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID != a.ID {
			c.Others[all[i].ID] = &all[i].Terms
		}
	}
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
		return entente.DefinitionFor(source, home.ID, held[id])
	}
	// A copy that the store has not is given as such each time: whoever asks first may want to
	// know its number only.
	type stamped struct {
		at   int64
		made *entente.Version
	}
	copies := map[entente.Digest]stamped{}
	c.Copy = func(s *entente.Submission, tlp entente.TLP) (int64, *entente.Version, error) {
		v, err := stix.Stamp(s.Version.Bytes, tlp.Definition())
		if err != nil {
			return 0, nil, err
		}
		if k, ok := copies[v.Digest]; ok {
			return k.at, k.made, nil
		}
		k := stamped{}
		if k.at, err = t.CopyOf(ctx, v); err == nil && k.at == 0 {
			k.made = v
			k.at, err = n.st.Reserve(ctx, "content", 1, contentsAhead)
		}
		if err == nil {
			copies[v.Digest] = k
		}
		return k.at, k.made, err
	}
	return c, nil
}
