package node_test

import (
	"context"
	"strings"
	"testing"

	"entente"
	"entente/node"
)

// What is called alike in several API roots is not guessed at.
func TestCollectionsCalledAlike(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		ctx, local := context.Background(), entente.LocalActor()
		do := func(c entente.Command) string {
			t.Helper()
			r, err := n.Do(ctx, local, c)
			if err != nil {
				t.Fatal(err)
			}
			return r.ID
		}
		do(entente.AddRoot{Root: entente.Root{Name: "banks", Title: "Banks", MaxContentLength: 1000}})
		one := do(entente.AddCollection{Name: "One", Alias: "c"})
		two := do(entente.AddCollection{Name: "Two", Alias: "c", Root: "banks"})
		three := do(entente.AddCollection{Name: "Three", Alias: "Two"}) // which is a name in another root
		for name, want := range map[string]string{
			one: one, "One": one, "api1/c": one, "api1/One": one, "banks/c": two, two: two, "Three": three, "api1/Two": three, "banks/Two": two,
		} {
			if c, err := n.CollectionNamed(ctx, local, name); err != nil || c.ID != want {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
		}
		for name, want := range map[string]entente.Kind{"c": entente.Conflict, "Two": entente.Conflict, "": entente.NotFound, "banks/One": entente.NotFound, "/c": entente.NotFound} {
			if _, err := n.CollectionNamed(ctx, local, name); entente.KindOf(err) != want {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := n.CollectionNamed(ctx, local, "c"); !strings.Contains(err.Error(), "api1/c") && !strings.Contains(err.Error(), "banks/c") {
			t.Errorf("it does not say what to write: %v", err)
		}
		// Who sees one of them only is not told of the other.
		acc := entente.Actor{Account: entente.Account{ID: do(entente.AddAccount{Name: "a"})}}
		do(entente.SetGrant{Account: acc.Account.ID, Collection: two, Read: true})
		if c, err := n.CollectionNamed(ctx, acc, "c"); err != nil || c.ID != two {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
