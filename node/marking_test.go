package node_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"entente"
	"entente/node"
)

// TestObjectIsMarkedByWhatIsReadable holds that a marking betrays no definition to somebody
// who may not read it, and that one that was deleted does not count.
func TestObjectIsMarkedByWhatIsReadable(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		ctx := context.Background()
		c, d := collection(t, n, "C"), collection(t, n, "D")
		const def = entente.ObjectID("marking-definition--00000000-0000-4000-8000-00000000000a")
		object := fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z",
			"name":"t","object_marking_refs":[%q],"granular_markings":[{"marking_ref":%q,"selectors":["name"]}]}`, def, entente.TLPGreen.Definition())
		statement := fmt.Sprintf(`{"type":"marking-definition","spec_version":"2.1","id":%q,"created":"2026-01-01T00:00:00Z","definition_type":"statement","definition":{"statement":"a"}}`, def)
		put := func(to entente.Access, text string) {
			t.Helper()
			if _, _, err := intake(t, n, to, bytes.NewReader([]byte(text))); err != nil {
				t.Fatal(err)
			}
		}
		put(c, object)
		put(d, statement)
		acc, err := n.Do(ctx, entente.LocalActor(), entente.AddAccount{Name: "c"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Do(ctx, entente.LocalActor(), entente.SetGrant{Account: acc.ID, Collection: c.ID, Read: true}); err != nil {
			t.Fatal(err)
		}
		reader := entente.Actor{Account: entente.Account{ID: acc.ID}}
		hold := func(a entente.Actor, unknown ...entente.ObjectID) {
			t.Helper()
			all, err := n.Object(ctx, a, "tool--00000000-0000-4000-8000-000000000001")
			if err != nil || len(all) != 1 {
				t.Fatalf("%+v, %v", all, err)
			}
			if m := all[0].Marking; m.TLP != entente.TLPGreen || !slices.Equal(m.Unknown, unknown) {
				t.Fatalf("it is %s, not tlp:green with %s unknown", m, unknown)
			}
		}
		hold(entente.LocalActor())
		hold(reader, def)
		put(c, statement)
		hold(reader)
		// The same id with a rule beside the statement, where the reader does not look.
		put(d, statement[:len(statement)-1]+`,"x_example_handling":"eyes only"}`)
		hold(entente.LocalActor(), def)
		hold(reader)
		// Both contents are gone from D, and C has the statement alone.
		if _, err := n.Do(ctx, entente.LocalActor(), entente.DeleteObject{Collection: d.ID, Object: def}); err != nil {
			t.Fatal(err)
		}
		hold(entente.LocalActor())
		hold(reader)
	})
}
