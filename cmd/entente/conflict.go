package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) accountConflict() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "conflict",
		Short: "Declare a conflict of interest, and be recused",
		Long: `Who has an interest in a partner or an agreement says so, under his own name (--as),
and is then recused from every decision about it. An operator may declare for another
with --for. A conflict that was ended stays in the list.`,
	}
	cmd.AddCommand(a.conflictDeclare(), a.conflictEnd(), a.conflictList())
	return cmd
}

// concerned finds whose conflict is meant: of the account named, else of who signed in.
func concerned(ctx context.Context, n *node.Node, who entente.Actor, name string) (id string, err error) {
	switch {
	case name != "":
		acc, err := n.AccountNamed(ctx, who, name)
		return acc.ID, err
	case who.Local:
		return "", entente.Errorf(entente.Unauthenticated, "a conflict is declared under a name: sign in with --as NAME, or say --for NAME")
	}
	return who.Account.ID, nil
}

func (a *app) conflictDeclare() *cobra.Command {
	var reason, other string
	cmd := &cobra.Command{
		Use:     "declare PARTNER|AGREEMENT",
		Short:   "Declare a conflict about a partner or an agreement",
		Example: `  entente --as ann account conflict declare "Harbour ISAC" --reason "worked there until May"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				account, err := concerned(ctx, n, who, other)
				if err != nil {
					return err
				}
				about, called, err := n.Concern(ctx, who, args[0])
				if err != nil {
					return err
				}
				r, err := n.Do(ctx, who, entente.DeclareInterest{Account: account, About: about, Reason: reason})
				if err != nil {
					return err
				}
				return a.print(map[string]any{"id": r.ID, "about": called, "reason": reason}, func(w io.Writer) {
					fmt.Fprintf(w, "Declared: recused from decisions about %s (%s)\n", plain(called), r.ID)
				})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "what the interest is (required)")
	cmd.Flags().StringVar(&other, "for", "", "the person concerned, where an operator declares it")
	cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) conflictEnd() *cobra.Command {
	var other string
	var why entente.Why
	cmd := &cobra.Command{
		Use:     "end PARTNER|AGREEMENT",
		Short:   "End a conflict; it stays in the list",
		Example: `  entente --as ann account conflict end "Harbour ISAC"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				account, err := concerned(ctx, n, who, other)
				if err != nil {
					return err
				}
				about, called, err := n.Concern(ctx, who, args[0])
				if err != nil {
					return err
				}
				all, err := n.Conflicts(ctx, who)
				if err != nil {
					return err
				}
				for _, i := range all {
					if i.Account == account && i.About == about && i.Ended == 0 {
						if _, err := n.Do(ctx, who, entente.EndInterest{Why: why, Interest: i.ID}); err != nil {
							return err
						}
						return a.print(map[string]any{"id": i.ID, "about": called, "ended": true}, func(w io.Writer) {
							fmt.Fprintf(w, "Ended the conflict about %s; it stays in the list\n", plain(called))
						})
					}
				}
				return entente.Errorf(entente.NotFound, "no conflict about %q stands", called)
			})
		},
	}
	cmd.Flags().StringVar(&other, "for", "", "the person concerned, where an operator ends it")
	cmd.Flags().StringVar(&why.Reason, "reason", "", "why, in words that others can check later")
	return cmd
}

func (a *app) conflictList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List conflicts, those that ended included",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := n.Conflicts(ctx, who)
				if err != nil {
					return err
				}
				names, _, err := accountNames(ctx, n, who)
				if err != nil {
					return err
				}
				views := []map[string]any{}
				rows := [][]string{{"ACCOUNT", "ABOUT", "DECLARED", "ENDED", "REASON"}}
				for _, i := range all {
					v := map[string]any{"id": i.ID, "account": names[i.Account], "about": i.AboutName, "about_id": i.About, "reason": i.Reason,
						"declared": when(i.Declared), "declared_by": names[i.By], "stands": i.Ended == 0}
					if i.Ended != 0 {
						v["ended"], v["ended_by"] = when(i.Ended), names[i.EndedBy]
					}
					views = append(views, v)
					rows = append(rows, []string{plain(names[i.Account]), plain(i.AboutName), when(i.Declared), when(i.Ended), shorten(plain(i.Reason), 60)})
				}
				return a.print(map[string]any{"conflicts": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "Nobody has declared a conflict.")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}
