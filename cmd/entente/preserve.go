package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

type preservedView struct {
	Case       string           `json:"case"`
	Object     entente.ObjectID `json:"object"`
	Reason     string           `json:"reason,omitempty"`
	By         string           `json:"by"`
	At         string           `json:"at"`
	LiftBy     string           `json:"lift_asked_by,omitempty"`
	LiftAsked  string           `json:"lift_asked,omitempty"`
	LiftReason string           `json:"lift_reason,omitempty"`
	LiftedBy   string           `json:"lifted_by,omitempty"`
	Lifted     string           `json:"lifted,omitempty"`
	Holds      bool             `json:"holds"`
}

func viewPreserved(p entente.Preserved, names map[string]string) preservedView {
	return preservedView{Case: p.Case, Object: p.Object, Reason: p.Reason, By: names[p.By], At: when(p.At), LiftBy: names[p.LiftBy],
		LiftAsked: when(p.LiftAsked), LiftReason: p.LiftReason, LiftedBy: names[p.LiftedBy], Lifted: when(p.Lifted), Holds: p.Holds()}
}

func (v preservedView) state() string {
	switch {
	case !v.Holds:
		return "lifted " + v.Lifted
	case v.LiftAsked != "":
		return "lift asked by " + v.LiftBy
	}
	return "holds"
}

func (a *app) preserveCmd() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "preserve CASE OBJECT...",
		Short: "Keep objects under a case from being erased or deleted for good",
		Long: `Puts a legal hold on objects, under the reference of a case. While it holds, no
version of them, those that come later too, is erased, and what is deleted, or goes
with a removed collection, keeps its bytes: "show --versions" shows it to a reviewer
and an operator. What clients and partners read does not depend on it: a deleted
object is deleted for them.

One releaser preserves; more objects join the case by the same command. Lifting takes
two ("entente preserve lift").`,
		Example: `  entente --as ann preserve "2027-014" indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --reason "letter of the court of 3 May"
  entente preserve list
  entente preserve show "2027-014"`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := entente.PreserveObjects{Case: args[0], Reason: reason}
			for _, arg := range args[1:] {
				id, err := entente.ParseObjectID(arg)
				if err != nil {
					return err
				}
				c.Objects = append(c.Objects, id)
			}
			return a.preserving(cmd, c.Case, func(ctx context.Context, n *node.Node, who entente.Actor) (string, error) {
				_, err := n.Do(ctx, who, c)
				return "Preserved under the case %s; no version is erased while that holds.", err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words that others can check later")
	cmd.AddCommand(a.preserveLift(), a.preserveList(), a.preserveShow())
	return cmd
}

// preserving does something about a case, and shows what is preserved under it then. Do gives
// what to say, with the case in it.
func (a *app) preserving(cmd *cobra.Command, reference string, do func(context.Context, *node.Node, entente.Actor) (string, error)) error {
	return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
		if who.Case == "" {
			who.Case = reference
		}
		text, err := do(ctx, n, who)
		if err != nil {
			return err
		}
		all, names, err := n.Preserved(ctx, who, reference)
		if err != nil {
			return err
		}
		return a.printPreserved(all, names, func(w io.Writer) {
			if text != "" {
				fmt.Fprintf(w, text+"\n", plain(reference))
			}
		})
	})
}

func (a *app) printPreserved(all []entente.Preserved, names map[string]string, head func(io.Writer)) error {
	views := []preservedView{}
	rows := [][]string{{"CASE", "OBJECT", "STATE", "BY", "AT", "REASON"}}
	for _, p := range all {
		v := viewPreserved(p, names)
		views = append(views, v)
		rows = append(rows, []string{plain(v.Case), string(v.Object), plain(v.state()), plain(v.By), v.At, shorten(plain(v.Reason), 60)})
	}
	return a.print(map[string]any{"preserved": views}, func(w io.Writer) {
		head(w)
		if len(views) > 0 {
			table(w, rows)
		}
	})
}

func (a *app) preserveLift() *cobra.Command {
	var reason string
	var ask bool
	cmd := &cobra.Command{
		Use:   "lift CASE",
		Short: "Ask for what is preserved under a case to be lifted, or lift it as the second person",
		Long: `Lifting takes two people. The first gives the reason, and asks; the second, another
person, lifts. What joined the case in between stays preserved. Where somebody else
has asked already, this lifts; --ask asks anew instead, and the later word counts.

What no collection has any more, and is preserved under no other case, is deleted for
good then.`,
		Example: `  entente --as ann preserve lift "2027-014" --reason "the court has closed it"
  entente --as bob preserve lift "2027-014"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.preserving(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor) (string, error) {
				all, _, err := n.Preserved(ctx, who, args[0])
				if err != nil {
					return "", err
				}
				asked := false
				for _, p := range all {
					asked = asked || p.Holds() && p.LiftAsked != 0 && p.LiftBy != who.Account.ID
				}
				if !asked || ask {
					_, err = n.Do(ctx, who, entente.AskLiftPreserve{Case: args[0], Reason: reason})
					return "Asked to lift what is preserved under the case %s; it holds until a second person lifts it.", err
				}
				if _, err = n.Do(ctx, who, entente.LiftPreserve{Why: entente.Why{Reason: reason}, Case: args[0]}); err == nil {
					err = n.Sweep(ctx, nil)
				}
				return "Lifted what was preserved under the case %s.", err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "why; the one who asks must say it")
	f.BoolVar(&ask, "ask", false, "ask anew, in place of what was asked before")
	return cmd
}

func (a *app) preserveList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what is preserved, and what was",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, names, err := n.Preserved(ctx, who, "")
				if err != nil {
					return err
				}
				return a.printPreserved(all, names, func(w io.Writer) {
					if len(all) == 0 {
						fmt.Fprintln(w, "Nothing is preserved.")
					}
				})
			})
		},
	}
}

func (a *app) preserveShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show CASE",
		Short: "Show what is or was preserved under a case",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.preserving(cmd, args[0], func(context.Context, *node.Node, entente.Actor) (string, error) { return "", nil })
		},
	}
}
