package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// ledgerKeyCmds are the subcommands of "entente ledger" that are about its keys and epochs.
func (a *app) ledgerKeyCmds() []*cobra.Command {
	return []*cobra.Command{a.ledgerKeys(), a.ledgerRotate(), a.ledgerRenew()}
}

func (a *app) ledgerKeys() *cobra.Command {
	return &cobra.Command{
		Use:   "keys [PARTNER]",
		Short: "Show the verifier keys to give to partners and witnesses",
		Long: `Shows the keys with which the checkpoints of the ledger are verified (C2SP
signed-note verifier keys): of the main log, for witnesses and reviewers; of the
log of a partner, for that partner. Give them by a way on which they cannot be
changed. A key belongs to one log and epoch; the secret never leaves the database.`,
		Example: "  entente ledger keys\n  entente ledger keys \"Delta CERT\"",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if err := n.CatchUpLedger(ctx); err != nil { // the first entry makes the first key
					return err
				}
				partner := ""
				if len(args) == 1 {
					p, err := n.PartnerNamed(ctx, who, args[0])
					if err != nil {
						return err
					}
					partner = p.ID
				}
				keys, err := n.LedgerKeys(ctx, who, partner)
				if err != nil {
					return err
				}
				return a.print(keys, func(w io.Writer) {
					for _, k := range keys {
						until := ""
						if k.Now {
							until = ", signs now"
						}
						fmt.Fprintf(w, "epoch %d, key %d, from entry %d on%s\n  %s\n", k.Epoch, k.Generation, k.From, until, k.Verifier)
					}
				})
			})
		},
	}
}

func (a *app) ledgerRotate() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "rotate --reason TEXT",
		Short: "Give the ledger a new key, signed by the one it has",
		Long: `Gives the ledger a new key. The present key signs it, and an event tells of it at
the index from which on the new key signs; so whoever trusts the old key can trust
the new one. Checkpoints of logs that do not grow stay signed by the old key. Give
the new verifier keys ("entente ledger keys") to partners and witnesses.

If the present key is lost, or somebody else may have it, "entente ledger renew
--lost-key" begins a new epoch instead.`,
		Example: `  entente ledger rotate --reason "yearly change"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onLedger(cmd, entente.RotateLedgerKey{Reason: reason}, "The ledger has a new key:")
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why (required)")
	cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) ledgerRenew() *cobra.Command {
	var c entente.RenewLedger
	cmd := &cobra.Command{
		Use:   "renew --cause TEXT [--lost-key]",
		Short: "Declare a discontinuity, and begin a new epoch of the ledger",
		Long: `Declares that the ledger does not simply go on, and begins a new epoch with logs
and a key of its own. Its first event tells the cause and the last checkpoints that
survived, signed by the old key where there is one. Partners and witnesses see it,
and decide whether they accept it.

"entente restore" does this by itself. By hand it is for a database that was put
back to an earlier state by other means, a ledger that is damaged, and a key that
is lost or that somebody else may have (--lost-key). A server that finds the ledger
in such a state enters nothing and sends no page to anybody until this is done.`,
		Example: `  entente ledger renew --cause "disk of 3 May replaced, copy of 2 May put back"
  entente ledger renew --cause "key seen on a stolen machine" --lost-key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onLedger(cmd, c, "The ledger has a new epoch:")
		},
	}
	cmd.Flags().StringVar(&c.Cause, "cause", "", "what happened, and what is missing (required)")
	cmd.Flags().BoolVar(&c.LostKey, "lost-key", false, "the old key is lost or not to be trusted, and signs nothing more")
	cmd.MarkFlagRequired("cause")
	return cmd
}

// onLedger carries out a command about the ledger, and shows the key that it has then.
func (a *app) onLedger(cmd *cobra.Command, c entente.Command, said string) error {
	return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
		if _, err := n.Do(ctx, who, c); err != nil {
			return err
		}
		keys, err := n.LedgerKeys(ctx, entente.LocalActor(), "")
		if err != nil {
			return err
		}
		k := keys[len(keys)-1]
		return a.print(k, func(w io.Writer) {
			fmt.Fprintf(w, "%s epoch %d, key %d, from entry %d on\n  %s\nGive it to witnesses, and partners those of their logs (entente ledger keys PARTNER).\n", said, k.Epoch, k.Generation, k.From, k.Verifier)
		})
	})
}
