package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// rootView is an API root as the command line shows it.
type rootView struct {
	Name             string `json:"name"`
	Path             string `json:"path"`
	Title            string `json:"title"`
	Description      string `json:"description,omitempty"`
	MaxContentLength int64  `json:"max_content_length"`
	PageMax          int64  `json:"page_max"` // 0 for what the server allows
	ReadOnly         bool   `json:"read_only"`
	Default          bool   `json:"default"`
	Collections      int    `json:"collections"`
}

// rootViews lists all API roots, the default first.
func rootViews(ctx context.Context, n *node.Node, who entente.Actor) ([]rootView, error) {
	all, err := n.Roots(ctx, who)
	if err != nil {
		return nil, err
	}
	cols, err := n.AllCollections(ctx, who)
	if err != nil {
		return nil, err
	}
	out := make([]rootView, len(all))
	for i, r := range all {
		out[i] = rootView{Name: r.Name, Path: "/" + r.Name + "/", Title: r.Title, Description: r.Description,
			MaxContentLength: r.MaxContentLength, PageMax: r.PageMax, ReadOnly: r.ReadOnly, Default: i == 0}
		for _, c := range cols {
			if c.Root == r.Name {
				out[i].Collections++
			}
		}
	}
	return out, nil
}

func (a *app) rootCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "root",
		Short: "Add, list, edit and remove API roots",
		Long: `An API root is a group of collections under one path, /NAME/, with settings of
its own. A node begins with one, /api1/. One is the default, which discovery
names and everybody who signs in may see; of the others an account sees those
in which it sees a collection.

A root keeps its name, and a collection its root: both are in the addresses that
clients hold. To change either, make a new one and import into it.`,
	}
	cmd.AddCommand(a.rootAdd(), a.rootList(), a.rootEdit(), a.rootRemove())
	return cmd
}

// rootFlags are the settings of an API root.
type rootFlags struct {
	title, description string
	most, page         int64
	readOnly           bool
}

func (f *rootFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.title, "title", "", "what clients show people")
	s.StringVar(&f.description, "description", "", "what the root is for")
	s.Int64Var(&f.most, "max-content-length", node.DefaultMaxContentLength, "the longest body of a POST, in bytes")
	s.Int64Var(&f.page, "page-max", 0, "the most objects of a page; 0 for what the server allows, which is never exceeded")
	s.BoolVar(&f.readOnly, "read-only", false, "accounts cannot add or delete; home itself can, with import and pull")
}

func (a *app) rootAdd() *cobra.Command {
	var f rootFlags
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an API root",
		Long: `Adds an API root under the path /NAME/. A name has 1 to 64 lower-case letters,
digits, and after the first character - and _. It cannot be changed later.`,
		Example: `  entente root add banks --title "Banks" --max-content-length 8388608
  entente collection add Phishing --root banks --alias phishing`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := entente.Root{Name: args[0], Title: f.title, Description: f.description,
				MaxContentLength: f.most, PageMax: f.page, ReadOnly: f.readOnly}
			if !cmd.Flags().Changed("title") {
				r.Title = r.Name
			}
			return a.with(cmd, mayCreate, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, entente.AddRoot{Root: r}); err != nil {
					return err
				}
				return a.printRoot(ctx, n, who, r.Name, "Added")
			})
		},
	}
	f.add(cmd)
	return cmd
}

// printRoot shows an API root after what was done with it.
func (a *app) printRoot(ctx context.Context, n *node.Node, who entente.Actor, name, done string) error {
	all, err := rootViews(ctx, n, who)
	if err != nil {
		return err
	}
	for _, v := range all {
		if v.Name == name {
			return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "%s API root %s\n", done, v.Path) })
		}
	}
	return entente.Errorf(entente.NotFound, "the API root %q was removed by somebody else", name)
}

func (a *app) rootList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List API roots with their settings",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				views, err := rootViews(ctx, n, who)
				if err != nil {
					return err
				}
				rows := [][]string{{"PATH", "TITLE", "COLLECTIONS", "LONGEST BODY", "PAGE", "STATE"}}
				for _, v := range views {
					page, state := "", ""
					if v.PageMax > 0 {
						page = fmt.Sprint(v.PageMax)
					}
					if v.ReadOnly {
						state = "read-only"
					}
					if v.Default {
						state = joined(state, "default")
					}
					rows = append(rows, []string{v.Path, plain(v.Title), fmt.Sprint(v.Collections), fmt.Sprint(v.MaxContentLength), page, state})
				}
				return a.print(map[string]any{"roots": views}, func(w io.Writer) { table(w, rows) })
			})
		},
	}
}

func joined(before, more string) string {
	if before == "" {
		return more
	}
	return before + ", " + more
}

func (a *app) rootEdit() *cobra.Command {
	var f rootFlags
	var asDefault bool
	cmd := &cobra.Command{
		Use:   "edit NAME",
		Short: "Change an API root's settings, or make it the default",
		Example: `  entente root edit banks --default
  entente root edit banks --read-only        # and --read-only=false opens it again`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			edit := entente.EditRoot{Root: args[0], Default: asDefault}
			for flag, put := range map[string]func(){
				"title":              func() { edit.Title = &f.title },
				"description":        func() { edit.Description = &f.description },
				"max-content-length": func() { edit.MaxContentLength = &f.most },
				"page-max":           func() { edit.PageMax = &f.page },
				"read-only":          func() { edit.ReadOnly = &f.readOnly },
			} {
				if cmd.Flags().Changed(flag) {
					put()
				}
			}
			if edit == (entente.EditRoot{Root: args[0]}) {
				return usagef("say what to change: --title, --description, --max-content-length, --page-max, --read-only or --default")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, edit); err != nil {
					return err
				}
				return a.printRoot(ctx, n, who, edit.Root, "Changed")
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asDefault, "default", false, "make it the default, in place of the one that is")
	return cmd
}

func (a *app) rootRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Remove an API root that holds no collection",
		Long: `Removes an API root. Its collections must be gone, and another root must be the
default.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				r, err := n.Do(ctx, who, entente.RemoveRoot{Root: args[0]})
				if err != nil {
					return err
				}
				return a.print(map[string]any{"name": r.ID, "removed": true}, func(w io.Writer) { fmt.Fprintf(w, "Removed API root /%s/\n", r.ID) })
			})
		},
	}
}
