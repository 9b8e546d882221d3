package node

import (
	"context"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// markAll fills in the effective marking of the contents of one object: of each source that
// supplied it, joined. The definitions are those that stand in readable collections, so
// that nobody learns from a marking what else is held.
func markAll(ctx context.Context, t *store.Tx, all []ObjectVersion, names map[int64]entente.Collection) error {
	home, err := t.Home(ctx)
	if err != nil {
		return err
	}
	held := map[entente.ObjectID][]entente.HeldDefinition{}
	for i := range all {
		if len(all[i].Bytes) == 0 && all[i].Erasure != nil {
			continue
		}
		v, _ := stix.Parse(all[i].Bytes)
		if v == nil {
			return entente.Errorf(entente.Internal, "a stored content cannot be read any more; \"entente doctor\" checks them all")
		}
		for _, source := range all[i].sources {
			define := func(id entente.ObjectID) entente.Definition {
				if _, ok := held[id]; !ok && err == nil {
					held[id], err = definitions(ctx, t, id, names)
				}
				return entente.DefinitionFor(source, home.ID, held[id])
			}
			all[i].Marking = all[i].Marking.Join(entente.EffectiveMarking(v, define, entente.TLPNone, entente.TLPNone))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// definitions gives what is held of a marking definition in readable collections. What was
// deleted there does not count; what is contested, and not served, does.
func definitions(ctx context.Context, t *store.Tx, id entente.ObjectID, names map[int64]entente.Collection) ([]entente.HeldDefinition, error) {
	contents, err := t.Object(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []entente.HeldDefinition
	for _, c := range contents {
		var sources []string
		for _, l := range c.Lines {
			if _, ok := names[l.Feed]; ok && l.Gone == 0 && !slices.Contains(sources, l.Source) {
				sources = append(sources, l.Source)
			}
		}
		if len(sources) > 0 && len(c.Bytes) > 0 {
			d := stix.DefinitionOf(&entente.Version{ID: id, Type: id.Type(), Bytes: c.Bytes})
			out = append(out, entente.HeldDefinition{Definition: d, Sources: sources})
		}
	}
	return out, nil
}
