package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

const previewLong = `Shows what a change would do before it is made: what enters the feeds of agreements,
what leaves, how much of that only because of what it refers to (cascade), and what
stays disclosed for good, since readers could see it already. It is worked out by the
appliers' own rules on what is held now, and changes nothing. Of what stays disclosed
it counts what is known to have been served: the rest was offered, and nobody fetched it.

A stop, a suspension and an end shut readers out, and leave the feeds as they are; their
previews list what cannot be read any more. Lifting a stop, or restoring an agreement, lets
readers in again; that preview takes the choice of backlog that the command takes.

The token names these positions. Given to the command that makes the change
(--preview TOKEN), it has that refuse if anything has moved since. Floors, permissions and
standing releases take none.`

// agreementPreview is "entente preview terms" and "entente preview activate" where people
// look for them.
func (a *app) agreementPreview() *cobra.Command {
	var o node.PreviewOptions
	cmd := &cobra.Command{
		Use:   "preview NAME | FILE",
		Short: "See what an activation, or other terms, would release and take back",
		Long:  previewLong + "\n\nOf an agreement it previews that what is on the table is put in force, or restored;\nof a terms file, those terms.",
		Example: `  entente agreement preview north --backlog all
  entente agreement preview north.toml --backlog none`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				o.Agreement = args[0]
				if _, err := os.Stat(args[0]); err == nil || args[0] == "-" {
					v, err := a.readTerms(ctx, n, who, args[0])
					if err != nil {
						return err
					}
					o.Agreement, o.Terms = v.Terms.Name, &v.Terms
				}
				return a.preview(ctx, n, who, o)
			})
		},
	}
	cmd.Flags().StringVar(&o.Backlog, "backlog", "", "for what comes to be covered, or was missed: none, all, or since:TIME")
	cmd.Flags().IntVar(&o.Limit, "limit", 20, "the most entries of each kind to list; counts are of all")
	return cmd
}

func (a *app) previewCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "preview",
		Short: "See what a change would do before it is made",
		Long:  previewLong,
		Example: `  entente preview terms north.toml --backlog all
  entente preview activate north --backlog since:2026-01-01T00:00:00Z
  entente preview restrict indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --to tlp:amber
  entente preview withdraw indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --for north
  entente preview stop "North CERT"
  entente preview lift "North CERT" --backlog none
  entente preview end north
  entente preview dissent indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --disagree
  entente preview floor Phishing tlp:green
  entente preview permission indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --for south --originator "North CERT"
  entente preview standing agree north 7f0c3a52-6f1e-4c57-9d3b-6a54d1c0a001`,
	}
	limit := cmd.PersistentFlags().Int("limit", 20, "the most entries of each kind to list; counts are of all")
	into := func(parent *cobra.Command) previewing {
		return func(use, short string, args cobra.PositionalArgs, options previewed) *cobra.Command {
			c := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
				if *limit < 0 || *limit > 100_000 {
					return usagef("--limit is between 0 and 100000")
				}
				return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
					o, err := options(ctx, n, who, args)
					if err != nil {
						return err
					}
					o.Limit = *limit
					return a.preview(ctx, n, who, o)
				})
			}}
			parent.AddCommand(c)
			return c
		}
	}
	sub := into(cmd)
	var backlog string
	terms := sub("terms FILE", "Other terms (amend), or those of an agreement that is not in force yet", cobra.ExactArgs(1),
		func(ctx context.Context, n *node.Node, who entente.Actor, args []string) (node.PreviewOptions, error) {
			v, err := a.readTerms(ctx, n, who, args[0])
			return node.PreviewOptions{Agreement: v.Terms.Name, Terms: &v.Terms, Backlog: backlog}, err
		})
	terms.Aliases = []string{"amend"}
	terms.Flags().StringVar(&backlog, "backlog", "", "for what comes to be covered: none, all, or since:TIME")
	activate := sub("activate AGREEMENT", "An activation, or a restoration (restore), under the terms on the table", cobra.ExactArgs(1),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			return node.PreviewOptions{Agreement: args[0], Backlog: backlog}, nil
		})
	activate.Aliases = []string{"restore"}
	activate.Flags().StringVar(&backlog, "backlog", "", "for what comes to be covered, or was missed: none, all, or since:TIME")
	sub("suspend AGREEMENT", "A suspension, or the end (end), of an agreement", cobra.ExactArgs(1),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			return node.PreviewOptions{Agreement: args[0], Shut: true}, nil
		}).Aliases = []string{"end"}
	sub("stop PARTNER", "A stop on a partner", cobra.ExactArgs(1),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			return node.PreviewOptions{Stop: args[0]}, nil
		})
	var to string
	var withdraw bool
	restrict := sub("restrict ID", "A restriction of an object", cobra.ExactArgs(1),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			c := entente.RestrictObject{Withdraw: withdraw}
			var err error
			if c.To, err = level("to", to); err != nil {
				return node.PreviewOptions{}, err
			}
			if withdraw == (to != "") {
				return node.PreviewOptions{}, usagef("say either --to or --withdraw")
			}
			c.Object, err = entente.ParseObjectID(args[0])
			return node.PreviewOptions{Restrict: &c}, err
		})
	restrict.Flags().StringVar(&to, "to", "", "the marking that is joined with its own, as tlp:amber")
	restrict.Flags().BoolVar(&withdraw, "withdraw", false, "take it out of every feed")
	var stop string
	lift := sub("lift ID | PARTNER", "The end of an object's restrictions, or of a stop on a partner", cobra.ExactArgs(1),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return node.PreviewOptions{LiftStop: args[0], StopID: stop, Backlog: backlog}, nil
			}
			if backlog != "" || stop != "" {
				return node.PreviewOptions{}, usagef("--backlog and --stop are for a stop on a partner, and %s is an object", id)
			}
			return node.PreviewOptions{Lift: id}, nil
		})
	lift.Flags().StringVar(&backlog, "backlog", "", "what of the time of the stop the partner is to get: none, all, or since:TIME")
	lift.Flags().StringVar(&stop, "stop", "", "id of the stop, where several stand")
	previewDecisions(sub)
	previewDissent(sub)
	previewFloor(sub)
	previewPermission(sub)
	previewStanding(cmd, into)
	return cmd
}
