package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// collectionView is a collection as the command line shows it.
type collectionView struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Alias       string `json:"alias,omitempty"`
	Description string `json:"description,omitempty"`
	Root        string `json:"root"`
	Created     string `json:"created"`
	Versions    int64  `json:"versions"`
	Contested   int64  `json:"contested"`
	Floor       string `json:"floor,omitempty"` // "" for none
}

func viewCollection(ctx context.Context, n *node.Node, c entente.Access) (collectionView, error) {
	v := collectionView{ID: c.ID, Name: c.Name, Alias: c.Alias, Description: c.Description, Root: "/" + c.Root + "/", Created: entente.FormatMicros(c.Created)}
	if c.Floor != entente.TLPNone {
		v.Floor = "tlp:" + c.Floor.String()
	}
	var err error
	v.Versions, v.Contested, err = n.CollectionSize(ctx, c)
	return v, err
}

func (a *app) collectionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "collection",
		Short: "Add, list, edit and remove collections",
		Long: `A collection is a named set of STIX objects. TAXII clients see it under its API
root (/api1/ unless --root says otherwise) with the id that "collection add"
prints. A collection can be named by its name, its alias or its id. Aliases are
unique within one root only; ROOT/ALIAS names one of several.`,
	}
	cmd.AddCommand(a.collectionAdd(), a.collectionList(), a.collectionEdit(), a.collectionRemove())
	return cmd
}

func (a *app) collectionAdd() *cobra.Command {
	var alias, description, root string
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add a collection and print its id",
		Example: "  entente collection add Phishing --alias phishing --description 'Campaigns against banks'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mayCreate, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				r, err := n.Do(ctx, who, entente.AddCollection{Name: args[0], Alias: alias, Description: description, Root: root})
				if err != nil {
					return err
				}
				c, err := n.CollectionNamed(ctx, who, r.ID)
				if err != nil {
					return err
				}
				v, err := viewCollection(ctx, n, c)
				if err != nil {
					return err
				}
				return a.print(v, func(w io.Writer) {
					fmt.Fprintf(w, "Added collection %s\n  id     %s\n  TAXII  %scollections/%s/\n", plain(v.Name), v.ID, v.Root, v.ID)
				})
			})
		},
	}
	cmd.Flags().StringVar(&alias, "alias", "", "second name for URLs: letters, digits, - _ .")
	cmd.Flags().StringVar(&description, "description", "", "what the collection is for")
	cmd.Flags().StringVar(&root, "root", "", "API root that it is served under, for good; without it, the default one")
	return cmd
}

func (a *app) collectionList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List collections with what they hold",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := n.AllCollections(ctx, who)
				if err != nil {
					return err
				}
				slices.SortFunc(all, func(a, b entente.Access) int { return strings.Compare(a.Name, b.Name) })
				views := []collectionView{}
				rows := [][]string{{"NAME", "ALIAS", "VERSIONS", "CONTESTED", "FLOOR", "ROOT", "ID"}}
				for _, c := range all {
					v, err := viewCollection(ctx, n, c)
					if err != nil {
						return err
					}
					views = append(views, v)
					rows = append(rows, []string{plain(v.Name), v.Alias, fmt.Sprint(v.Versions), fmt.Sprint(v.Contested), v.Floor, v.Root, v.ID})
				}
				return a.print(map[string]any{"collections": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no collections. Add one with \"entente collection add NAME\".")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}

func (a *app) collectionEdit() *cobra.Command {
	var name, alias, description string
	var floor floorFlags
	cmd := &cobra.Command{
		Use:   "edit COLLECTION",
		Short: "Change a collection's name, alias, description or floor",
		Long: `Changes what a collection is called and how strictly it is handled. Its floor is
joined with the markings of all that it holds: with --floor tlp:green what is marked
CLEAR, or not at all, is handled as GREEN. Where an agreement covers the collection,
a floor decides what crosses: it is changed by a releaser (--as NAME), with a reason,
and all that was released is judged anew ("entente preview floor" shows it before).`,
		Example: `  entente collection edit Phishing --name 'Phishing against banks'
  entente --as ann collection edit Phishing --floor tlp:green --reason "Source asked for it"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			edit := entente.EditCollection{}
			for flag, field := range map[string]struct {
				to   **string
				from *string
			}{"name": {&edit.Name, &name}, "alias": {&edit.Alias, &alias}, "description": {&edit.Description, &description}} {
				if cmd.Flags().Changed(flag) {
					*field.to = field.from
				}
			}
			edits := edit != entente.EditCollection{}
			set, err := floor.get(cmd)
			if err != nil {
				return err
			}
			if !edits && set == nil {
				return usagef("say what to change: --name, --alias, --description or --floor")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if !edits { // for that one needs to see nothing of what it holds
					return a.editFloor(ctx, n, who, args[0], *set)
				}
				c, err := n.CollectionNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				edit.Collection = c.ID
				if _, err := n.Do(ctx, who, edit); err != nil {
					return err
				}
				if set != nil {
					set.Collection = c.ID
					if err := a.setFloor(ctx, n, who, *set); err != nil {
						return err
					}
				}
				if c, err = n.CollectionNamed(ctx, who, c.ID); err != nil {
					return err
				}
				v, err := viewCollection(ctx, n, c)
				if err != nil {
					return err
				}
				return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "Changed collection %s (%s)\n", plain(v.Name), v.ID) })
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "new name")
	cmd.Flags().StringVar(&alias, "alias", "", "new alias; '' takes it away")
	cmd.Flags().StringVar(&description, "description", "", "new description")
	floor.add(cmd)
	return cmd
}

func (a *app) collectionRemove() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "remove COLLECTION",
		Aliases: []string{"rm"},
		Short:   "Remove a collection and what it alone holds, for good",
		Long: `Removes a collection. It is gone for clients at once. The objects that no other
collection holds are deleted with it, for good; that needs --yes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				c, err := n.CollectionNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				live, _, err := n.CollectionSize(ctx, c)
				if err != nil {
					return err
				}
				if live > 0 && !yes {
					return entente.Errorf(entente.Conflict, "the collection %q holds %s; --yes removes it with them", c.Name, plural(int(live), "version", "versions"))
				}
				if _, err := n.Do(ctx, who, entente.RemoveCollection{Collection: c.ID, EvenIfFull: yes}); err != nil {
					return err
				}
				bar := a.counting(live, "removing", "versions")
				err = n.Sweep(ctx, func(swept int) { bar.Set(swept) })
				bar.Finish()
				if err != nil {
					return err
				}
				return a.print(map[string]any{"id": c.ID, "name": c.Name, "removed": true}, func(w io.Writer) {
					fmt.Fprintf(w, "Removed collection %s (%s)\n", plain(c.Name), c.ID)
				})
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "remove it with all that it holds")
	return cmd
}
