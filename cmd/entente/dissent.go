package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/api"
	"entente/node"
)

func (a *app) dissentCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dissent",
		Short: "Disagree with an object, and see who disagrees",
		Long: `Dissent is an opinion (disagree, strongly-disagree) or a note with the label
"dissent", about an object: standard STIX. Dissent of home, and of the organisation
that made the object, goes with the object wherever it may go itself. Nobody takes
it away silently: only the organisation whose dissent it is may strike it, with a
reason, and what is struck stays and is shown as struck.`,
	}
	cmd.AddCommand(a.dissentAdd(), a.dissentList(), a.dissentStrike())
	return cmd
}

func (a *app) dissentAdd() *cobra.Command {
	var w writing
	cmd := &cobra.Command{
		Use:   "add ID --disagree|--strongly-disagree|--note --text TEXT",
		Short: "Dissent from an object",
		Long: `Writes an opinion about an object, or with --note a note of dissent, and submits it
under your name (--as). It is marked as the object is, unless --marking says
otherwise, so that it may go where the object goes. It needs the role analyst or
releaser, and the right to read the collection.`,
		Example: `  entente --as ann dissent add intrusion-set--4e78f46f-a023-4e5f-bc24-71b3ca22ec29 --disagree --text "the overlap in infrastructure is a shared host"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				d, err := w.draft(ctx, n, who, args[0])
				if err != nil {
					return err
				}
				r, err := n.Dissent(ctx, who, d)
				if err != nil {
					return err
				}
				return a.print(map[string]any{"id": r.ID, "about": string(d.About)}, func(w io.Writer) {
					fmt.Fprintf(w, "Added %s about %s\n", r.ID, d.About)
				})
			})
		},
	}
	w.flags(cmd)
	cmd.MarkFlagRequired("text")
	return cmd
}

// writing are the flags by which dissent is written.
type writing struct {
	disagree, strongly, note bool
	text, collection         string
	marking                  string
	authors                  []string
}

func (w *writing) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&w.disagree, "disagree", false, "an opinion that disagrees")
	f.BoolVar(&w.strongly, "strongly-disagree", false, "an opinion that strongly disagrees")
	f.BoolVar(&w.note, "note", false, "a note of dissent, where an opinion says too little")
	f.StringVar(&w.text, "text", "", "why (required)")
	f.StringVarP(&w.collection, "collection", "c", "", "the collection that it goes into; needed where the object stands in several")
	f.StringVar(&w.marking, "marking", "", "its level of TLP, as tlp:green; the object's own without it")
	f.StringArrayVar(&w.authors, "author", nil, "who holds the opinion, as STIX's authors; may be repeated")
}

// draft is the dissent that they say, about an object.
func (w *writing) draft(ctx context.Context, n *node.Node, who entente.Actor, about string) (d node.NewDissent, err error) {
	if d.About, err = entente.ParseObjectID(about); err != nil {
		return d, err
	}
	chosen := 0
	for _, f := range []bool{w.disagree, w.strongly, w.note} {
		if f {
			chosen++
		}
	}
	if chosen != 1 {
		return d, usagef("say one of --disagree, --strongly-disagree and --note")
	}
	if w.marking != "" {
		var ok bool
		if d.Marking, ok = entente.ParseTLP(w.marking); !ok {
			return d, usagef("%q is no level of TLP; say tlp:clear, tlp:green, tlp:amber, tlp:amber+strict or tlp:red", w.marking)
		}
	}
	d.Note, d.Strongly, d.Text, d.Authors = w.note, w.strongly, w.text, w.authors
	if w.collection != "" {
		c, err := n.CollectionNamed(ctx, who, w.collection)
		if err != nil {
			return d, err
		}
		d.Collection = c.ID
	}
	return d, nil
}

// dissentView is dissent in a list.
type dissentView struct {
	api.View
	About []entente.ObjectID `json:"about"`
}

func (a *app) dissentList() *cobra.Command {
	return &cobra.Command{
		Use:     "list [ID]",
		Aliases: []string{"ls"},
		Short:   "List dissent about an object, or all dissent; what is struck is in it",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var about entente.ObjectID
			if len(args) == 1 {
				var err error
				if about, err = entente.ParseObjectID(args[0]); err != nil {
					return err
				}
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, more, err := n.Dissents(ctx, who, about)
				if err != nil {
					return err
				}
				views := []dissentView{}
				rows := [][]string{{"ID", "OF", "ABOUT", "OPINION", "STATE", "TEXT"}}
				for _, d := range all {
					names, accounts := map[string]string{d.Source: d.Organisation}, map[string]string{}
					if d.Struck != nil {
						accounts[d.Struck.Account] = d.StruckBy
					}
					v := dissentView{api.ViewOf(d.View, names, accounts), d.Statement.About}
					views = append(views, v)
					on := ""
					for _, id := range v.About {
						on = joined(on, string(id))
					}
					rows = append(rows, []string{v.ID, plain(v.Source), shorten(on, 80), v.Opinion, viewState(v.View), shorten(plain(v.Text), 60)})
				}
				return a.print(map[string]any{"dissent": views, "more": more}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There is no dissent.")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}

// viewState says whether an opinion counts, and why it does not.
func viewState(v api.View) string {
	switch {
	case v.Struck != nil:
		return fmt.Sprintf("struck by %s at %s: %s", plain(v.Struck.By), v.Struck.At, shorten(plain(v.Struck.Reason), 60))
	case v.Revoked:
		return "revoked"
	}
	return "counts"
}

func (a *app) dissentStrike() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "strike ID --reason TEXT",
		Short: "Strike dissent of your own organisation; it stays, and is shown as struck",
		Long: `Marks dissent of home's own as struck: it counts no more, and holds nothing back. It
is not taken away, and says who struck it, when and why. A strike is final; whoever
dissents again writes another opinion.`,
		Example: `  entente --as ann dissent strike opinion--0b4c9c5f-31d6-4b0e-a5a1-0a2a3c2f9a11 --reason "the host was not shared after all"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, entente.StrikeDissent{Dissent: id, Reason: reason}); err != nil {
					return err
				}
				return a.print(map[string]any{"id": string(id), "struck": true, "reason": reason}, func(w io.Writer) {
					fmt.Fprintf(w, "Struck %s; it stays, and is shown as struck\n", id)
				})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it counts no more (required)")
	cmd.MarkFlagRequired("reason")
	return cmd
}
