package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) eraseEvent() *cobra.Command {
	var basis, reason string
	cmd := &cobra.Command{
		Use:   "event ID --basis TEXT --case REF --reason TEXT",
		Short: "Remove the bytes of an event of the ledger under a legal basis, by two people",
		Long: `Proposes that the bytes of an event of the main log are removed, with those of the
same act in the logs of partners; nothing changes until a second person confirms it
("entente erase confirm"). Then the event and its salt are gone. Its entry stays, so
the trees, checkpoints and receipts hold, and an event tells what was erased.

Events on which the ledger rests (judge, flip, unstage, heads, key, discontinuity,
erase) are never erased; they name no person. Nor is what is preserved.

` + backupsHold,
		Example: `  entente --as ann --case 2027-015 erase event 0d3b6a54-6f1e-4c57-9d3b-d1c0a0010001 --basis "Data Protection Act, section 47" --reason "names a person"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !entente.IsUUID(args[0]) {
				return usagef("%q is no id of an event: they are UUIDs", args[0])
			}
			if a.caseRef == "" {
				return usagef("--case names the case under which this is filed; an erasure needs one")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if err := n.CatchUpLedger(ctx); err != nil {
					return err
				}
				r, err := n.Do(ctx, who, entente.ProposeErasure{Event: args[0], Basis: basis, Case: a.caseRef, Reason: reason})
				if err != nil {
					return err
				}
				return a.printErasure(ctx, n, who, r.ID, func(w io.Writer) {
					fmt.Fprintf(w, "Proposed; a second person confirms: entente --as NAME erase confirm %s\n", r.ID)
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&basis, "basis", "", "the legal basis (required)")
	f.StringVar(&reason, "reason", "", "why, in words that a second person can check (required)")
	cmd.MarkFlagRequired("basis")
	cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) retentionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Show and set for how long events of the ledger are kept",
		Long: `Shows for how long events of the ledger are kept, by class; until something is set,
all are kept for ever. What is older loses its bytes and its salt, once a day; its
entry stays, so every proof holds, and an event tells what was erased.

  decision       what people decided
  disclosure     what was taken in, served and refused
  access         failed sign-ins, reviewers' reads
  configuration  accounts, rights, collections, remotes

Events on which the ledger rests are never erased, nor is what is preserved
("entente preserve"): events of a preserved case, and about a preserved object.

` + backupsHold,
		Example: "  entente retention\n  entente retention set access 400d\n  entente retention set disclosure 3y\n  entente retention apply",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.with(cmd, mustExist, a.showRetention) },
	}
	cmd.AddCommand(a.retentionSet(), &cobra.Command{
		Use:   "apply",
		Short: "Erase the events whose time is over, now",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				erased, err := n.ApplyRetention(ctx, who)
				if err != nil {
					return err
				}
				return a.print(map[string]int{"erased": erased}, func(w io.Writer) {
					fmt.Fprintf(w, "Erased %s whose time was over.\n", plural(erased, "event", "events"))
				})
			})
		},
	})
	return cmd
}

func (a *app) retentionSet() *cobra.Command {
	var c entente.SetRetention
	cmd := &cobra.Command{
		Use:   "set CLASS PERIOD|forever",
		Short: "Set for how long events of a class are kept: 90d, 18m, 3y",
		Long: `Sets for how long events of a class are kept. What is older then is erased within a
day, or by "entente retention apply". Decisions and disclosures are kept for three
years at least; where a law says otherwise, --even-below-law with --reason.`,
		Example: `  entente retention set disclosure 3y
  entente retention set decision 1y --even-below-law --reason "Act 12 of 2026, section 3"`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			c.Class = entente.Retention(args[0])
			if c.Period, err = entente.ParsePeriod(args[1]); err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, c); err != nil {
					return err
				}
				return a.showRetention(ctx, n, who)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&c.EvenBelowLaw, "even-below-law", false, "set less than three years for decisions or disclosures")
	f.StringVar(&c.Reason, "reason", "", "why")
	return cmd
}

func (a *app) showRetention(ctx context.Context, n *node.Node, who entente.Actor) error {
	all, err := n.Retention(ctx, who)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"retention": all}, func(w io.Writer) {
		rows := [][]string{{"CLASS", "KEPT FOR", "ERASED IS WHAT IS FROM BEFORE"}}
		for _, r := range all {
			rows = append(rows, []string{string(r.Class), r.Period, r.Before})
		}
		table(w, rows)
	})
}
