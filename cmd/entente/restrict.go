package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

type restrictionView struct {
	ID       string           `json:"id"`
	Object   entente.ObjectID `json:"object"`
	To       string           `json:"to,omitempty"` // a level of TLP
	Withdraw bool             `json:"withdraw"`
	Reason   string           `json:"reason"`
	By       string           `json:"by"`
	At       string           `json:"at"`
	LiftedBy string           `json:"lifted_by,omitempty"`
	Lifted   string           `json:"lifted,omitempty"`
	LiftedAs string           `json:"lift_reason,omitempty"`
	Holds    bool             `json:"holds"`
}

func viewRestriction(r entente.Restriction, names map[string]string) restrictionView {
	v := restrictionView{ID: r.ID, Object: r.Object, Withdraw: r.Withdraw, Reason: r.Reason, By: names[r.Account], At: when(r.At),
		LiftedBy: names[r.LiftedBy], Lifted: when(r.Lifted), LiftedAs: r.LiftedAs, Holds: r.Lifted == 0}
	if r.To != entente.TLPNone {
		v.To = "tlp:" + r.To.String()
	}
	return v
}

func (v restrictionView) what() string {
	if v.Withdraw {
		return "withdrawn"
	}
	return "restricted to " + v.To
}

func (a *app) restrictCmd() *cobra.Command {
	var to, reason, preview string
	var withdraw bool
	cmd := &cobra.Command{
		Use:   "restrict ID --to MARKING|--withdraw --reason TEXT",
		Short: "Handle an object more strictly than it is marked, or recall it",
		Long: `Restricts an object in every agreement at once, whatever version comes: --to joins a
marking with its own, --withdraw takes it out of every feed. What refers to it leaves
with it. Feeds in which readers see it are closed until that is done, which is before
the command ends. "entente preview restrict" shows beforehand what it does.

One releaser restricts; another lifts ("entente restrict lift"). Partners keep what
they have received: a restriction takes back what they are offered.`,
		Example: `  entente --as ann restrict indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --to tlp:amber --reason "names a source"
  entente --as ann restrict indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --withdraw --reason "false"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := entente.RestrictObject{Withdraw: withdraw, Reason: reason}
			c.Preview = preview
			var err error
			if c.Object, err = entente.ParseObjectID(args[0]); err != nil {
				return err
			}
			if c.To, err = level("to", to); err != nil {
				return err
			}
			return a.restricting(cmd, c.Object, func(ctx context.Context, n *node.Node, who entente.Actor) (string, error) {
				r, err := n.Do(ctx, who, c)
				return r.ID, err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "the marking that is joined with its own, as tlp:amber")
	f.BoolVar(&withdraw, "withdraw", false, "take it out of every feed")
	f.StringVar(&reason, "reason", "", "why, in words that a second person can check (required)")
	f.StringVar(&preview, "preview", "", "token of a preview: refuse if anything has moved since")
	cmd.MarkFlagRequired("reason")
	cmd.AddCommand(a.restrictLift(), a.restrictList())
	return cmd
}

// level reads a flag that is a level of TLP; "" is none.
func level(flag, s string) (entente.TLP, error) {
	if s == "" {
		return entente.TLPNone, nil
	}
	t, ok := entente.ParseTLP(s)
	if !ok {
		return t, usagef("--%s %q is no level of TLP, such as tlp:amber", flag, s)
	}
	return t, nil
}

// restricting does something about a restriction, and has it act at once.
func (a *app) restricting(cmd *cobra.Command, id entente.ObjectID, do func(context.Context, *node.Node, entente.Actor) (string, error)) error {
	return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
		made, err := do(ctx, n, who)
		if err != nil {
			return err
		}
		k, err := n.Concerns(ctx, who, "", id)
		if err != nil {
			return err
		}
		agreements := []string{}
		for _, c := range k.Concerns {
			if len(c.Held) == 0 && !c.Stands {
				continue
			}
			if err := n.Settle(ctx, c.ID, nil); err != nil {
				return err
			}
			agreements = append(agreements, c.Name)
		}
		all, names, err := n.Restrictions(ctx, who, id)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.ID != made {
				continue
			}
			v := viewRestriction(r, names)
			out := struct {
				restrictionView
				Agreements []string `json:"agreements"` // that were judged again
			}{v, agreements}
			return a.print(out, func(w io.Writer) {
				if v.Holds {
					fmt.Fprintf(w, "%s is %s (%s).", id, v.what(), v.ID)
				} else {
					fmt.Fprintf(w, "%s is not %s any more.", id, v.what())
				}
				fmt.Fprintf(w, " It was judged again in %s.\n", plural(len(agreements), "agreement", "agreements"))
			})
		}
		return nil
	})
}

func (a *app) restrictLift() *cobra.Command {
	var reason, restriction, preview string
	cmd := &cobra.Command{
		Use:   "lift ID --reason TEXT",
		Short: "Lift a restriction, as a second person",
		Long: `Lifts a restriction of an object. Whoever restricted it does not lift that. What the
rule lets go then enters the feeds again, as new entries.`,
		Example: `  entente --as bob restrict lift indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --reason "cleared with the source"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return err
			}
			return a.restricting(cmd, id, func(ctx context.Context, n *node.Node, who entente.Actor) (string, error) {
				all, _, err := n.Restrictions(ctx, who, id)
				if err != nil {
					return "", err
				}
				var found []entente.Restriction
				for _, r := range all {
					if r.ID == restriction || restriction == "" && r.Lifted == 0 {
						found = append(found, r)
					}
				}
				switch {
				case len(found) == 0:
					return "", entente.Errorf(entente.NotFound, "there is no such restriction of %s; \"entente restrict list\" shows those there are", id)
				case len(found) > 1:
					return "", entente.Errorf(entente.Conflict, "%d restrictions of %s hold; \"entente restrict list\" shows them, and --restriction names one", len(found), id)
				}
				c := entente.LiftRestriction{Restriction: found[0].ID, Reason: reason}
				c.Preview = preview
				r, err := n.Do(ctx, who, c)
				return r.ID, err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "why (required)")
	f.StringVar(&restriction, "restriction", "", "id of the restriction, where several hold")
	f.StringVar(&preview, "preview", "", "token of a preview: refuse if anything has moved since")
	cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) restrictList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [ID]",
		Short: "List restrictions, those that were lifted included",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var id entente.ObjectID
			if len(args) == 1 {
				var err error
				if id, err = entente.ParseObjectID(args[0]); err != nil {
					return err
				}
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, names, err := n.Restrictions(ctx, who, id)
				if err != nil {
					return err
				}
				views := []restrictionView{}
				for _, r := range all {
					views = append(views, viewRestriction(r, names))
				}
				return a.print(map[string]any{"restrictions": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no restrictions.")
						return
					}
					rows := [][]string{{"OBJECT", "STATE", "BY", "AT", "REASON", "ID"}}
					for _, v := range views {
						state := v.what()
						if !v.Holds {
							state = "lifted " + v.Lifted
						}
						rows = append(rows, []string{string(v.Object), state, plain(v.By), v.At, plain(v.Reason), v.ID})
					}
					table(w, rows)
				})
			})
		},
	}
}
