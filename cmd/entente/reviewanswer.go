package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) reviewAnswer() *cobra.Command {
	var reason, basis string
	var suspend, decline bool
	cmd := &cobra.Command{
		Use:   "answer ID --suspend|--decline --reason TEXT",
		Short: "Answer a recommendation to suspend, as a releaser",
		Long: `Answers a reviewer's recommendation. With --suspend the agreement is suspended at
once, or the partner stopped, unless that is so already; a stop needs its legal basis
(--basis), and a second person to ratify it. With --decline everything goes on. Either
way the reason stands in the ledger.`,
		Example: `  entente --as ann review answer 1b4e28ba-2fa1-4d33-883f-0016d3cca427 --decline --reason "the approvals are there; see the events of 3 May"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if suspend == decline {
				return usagef("say one of --suspend and --decline")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				answer := entente.AnswerRecommendation{Recommendation: args[0], Suspend: suspend, Reason: reason}
				_, err := n.Do(ctx, who, answer)
				if suspend && entente.KindOf(err) == entente.Conflict { // nothing is suspended yet
					if err = a.follow(ctx, n, who, args[0], reason, basis); err == nil {
						_, err = n.Do(ctx, who, answer)
					}
				}
				if err != nil {
					return err
				}
				return a.printRecommendation(ctx, n, who, args[0])
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&suspend, "suspend", false, "suspend the agreement, or stop the partner")
	f.BoolVar(&decline, "decline", false, "let everything go on")
	f.StringVar(&reason, "reason", "", "why, in words that others can check (required)")
	f.StringVar(&basis, "basis", "", "the legal basis, where a partner is stopped")
	cmd.MarkFlagRequired("reason")
	return cmd
}

// follow does what a recommendation asks for.
func (a *app) follow(ctx context.Context, n *node.Node, who entente.Actor, id, reason, basis string) error {
	all, err := n.Reviews(ctx, who, "")
	if err != nil {
		return err
	}
	for _, r := range all.Recommendations {
		switch {
		case r.ID != id:
			continue
		case r.Answered != 0:
			return entente.Errorf(entente.Conflict, "that recommendation was answered at %s", when(r.Answered))
		case r.Agreement != "":
			_, err = n.Do(ctx, who, entente.SuspendAgreement{Agreement: r.Agreement, Reason: reason})
		case basis == "":
			return usagef("a stop on a partner needs its legal basis: --basis TEXT")
		default:
			_, err = n.Do(ctx, who, entente.PlaceStop{Organisation: r.Partner, Reason: reason, Basis: basis})
		}
		return err
	}
	return entente.Errorf(entente.NotFound, "there is no recommendation %q; \"entente review list\" shows those there are", id)
}

func (a *app) accountKey() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Register the key with which a person signs findings",
		Long: `A reviewer may sign his findings with an Ed25519 key of his own, of which the node
knows the public half alone. A reviewer's key is replaced by two operators, who give
the same command one after the other.`}
	cmd.AddCommand(&cobra.Command{
		Use:   "add NAME FILE",
		Short: "Register a public key (PEM), in place of a former one",
		Example: `  openssl genpkey -algorithm ed25519 -out eve.key
  openssl pkey -in eve.key -pubout -out eve.pub
  entente account key add eve eve.pub`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				pem, err := readSmall(args[1])
				if err != nil {
					return err
				}
				key, err := node.ReadPublicKey(pem)
				if err != nil {
					return err
				}
				r, err := n.Do(ctx, who, entente.SetAccountKey{Account: acc.ID, Key: key})
				if err != nil {
					return err
				}
				v := map[string]any{"account": acc.Name, "key": fmt.Sprintf("%x", key)}
				return a.doneOrAsked(v, r, func(w io.Writer) {
					fmt.Fprintf(w, "%s signs with the key %x\n", plain(acc.Name), key)
				})
			})
		},
	})
	return cmd
}

// doneOrAsked prints what was done, or that a second person is needed: see [entente.Removal].
func (a *app) doneOrAsked(v map[string]any, r entente.Receipt, text func(io.Writer)) error {
	if r.Waits {
		v["waits"] = true
	}
	return a.print(v, func(w io.Writer) {
		if r.Waits {
			fmt.Fprintln(w, "Nothing has changed yet: this concerns a reviewer, and a second operator does it, with the same command within seven days.")
			return
		}
		text(w)
	})
}
