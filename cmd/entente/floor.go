package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// floorFlags say how strictly all that a collection holds is handled at least.
type floorFlags struct{ floor, reason string }

func (f *floorFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.floor, "floor", "", "the least strict marking that anything in it is handled by: tlp:clear to tlp:red, or none")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why the floor is changed")
}

// get is the command that the flags ask for, nil for none.
func (f *floorFlags) get(cmd *cobra.Command) (*entente.SetFloor, error) {
	if !cmd.Flags().Changed("floor") {
		return nil, nil
	}
	level, err := parseFloor("--floor", f.floor)
	return &entente.SetFloor{Reason: f.reason, Floor: level}, err
}

// parseFloor reads a floor, or none; given tells where it was.
func parseFloor(given, s string) (entente.TLP, error) {
	if s == "none" {
		return entente.TLPNone, nil
	}
	level, ok := entente.ParseTLP(s)
	if !ok || !strings.HasPrefix(strings.ToLower(s), "tlp:") {
		return entente.TLPNone, usagef("%s %q is no marking: tlp:clear, tlp:green, tlp:amber, tlp:amber+strict, tlp:red, or none", given, s)
	}
	return level, nil
}

// editFloor changes the floor of the collection that is named, and shows it.
func (a *app) editFloor(ctx context.Context, n *node.Node, who entente.Actor, name string, set entente.SetFloor) error {
	c, err := n.CollectionToCover(ctx, who, name)
	if err != nil {
		return err
	}
	set.Collection = c.ID
	if err := a.setFloor(ctx, n, who, set); err != nil {
		return err
	}
	c.Floor = set.Floor
	v, err := viewCollection(ctx, n, entente.Access{Collection: c})
	if err != nil {
		return err
	}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "The floor of collection %s is %s\n", plain(v.Name), cmp.Or(v.Floor, "none"))
	})
}

// setFloor changes a floor, and waits until the agreements that cover the collection have
// followed.
func (a *app) setFloor(ctx context.Context, n *node.Node, who entente.Actor, set entente.SetFloor) error {
	if _, err := n.Do(ctx, who, set); err != nil {
		return err
	}
	all, err := n.Agreements(ctx, who)
	if err != nil {
		return err
	}
	for _, g := range all {
		covers := slices.ContainsFunc(g.Feeds, func(f entente.ReleaseFeed) bool { return f.Collection == set.Collection })
		if g.Work == nil || !covers {
			continue
		}
		if err := a.settle(ctx, n, who, g); err != nil {
			return err
		}
	}
	return nil
}
