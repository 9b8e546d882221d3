package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"entente"
	"entente/ledger"
	"entente/node"
)

func (a *app) ledgerWitnessCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "witness",
		Short: "Be a witness of other nodes' logs",
		Long: `A witness cosigns the checkpoints of a log, each only if it continues the one before.
Who finds two witnesses with different heads has found that a log was forked.

This node is a witness of the logs whose keys it is given, at /witness/add-checkpoint
(C2SP tlog-witness). The log's operator has to put this node's key and the address
https://HOST:PORT/witness into a policy of his.`,
	}
	key := &cobra.Command{
		Use: "key", Short: "Print this node's key as a witness", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mayCreate, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				k, err := n.WitnessKey(ctx, who)
				if err != nil {
					return err
				}
				return a.print(map[string]any{"key": k}, func(w io.Writer) { fmt.Fprintln(w, k) })
			})
		},
	}
	add := &cobra.Command{
		Use: "add VKEY", Short: "Cosign what a log signs with a key", Args: cobra.ExactArgs(1),
		Long: `VKEY is the verifier key of the log, ORIGIN+HASH+BASE64, which its operator has sent
by a way that you trust. A log that changes its key is added again with the new one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mayCreate, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				origin, err := n.WitnessLog(ctx, who, args[0])
				if err != nil {
					return err
				}
				return a.print(map[string]any{"log": origin, "key": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "This node is a witness of %s\n", plain(origin)) })
			})
		},
	}
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the logs that this node is a witness of, and what it cosigned last", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.with(cmd, mustExist, a.listWitnessed) },
	}
	remove := &cobra.Command{
		Use: "remove VKEY", Aliases: []string{"rm"}, Short: "Cosign no more what a log signs with a key", Args: cobra.ExactArgs(1),
		Long: `Takes back the key. What was cosigned last is kept: if the log is added again, it has
to continue that.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, entente.DropWitnessLog{Key: args[0]}); err != nil {
					return err
				}
				return a.print(map[string]any{"key": args[0], "removed": true}, func(w io.Writer) { fmt.Fprintln(w, "Removed the key") })
			})
		},
	}
	cmd.AddCommand(key, add, list, remove)
	return cmd
}

func (a *app) listWitnessed(ctx context.Context, n *node.Node, who entente.Actor) error {
	all, err := n.WitnessedLogs(ctx, who)
	if err != nil {
		return err
	}
	type view struct {
		Log  string `json:"log"`
		Key  string `json:"key"`
		Size int64  `json:"size"`
		Root string `json:"root,omitempty"`
		At   string `json:"at,omitempty"`
	}
	views, rows := []view{}, [][]string{{"LOG", "SIZE", "COSIGNED", "KEY"}}
	for _, l := range all {
		v := view{l.Origin, l.Key, l.Size, l.Root, when(l.At)}
		views, rows = append(views, v), append(rows, []string{plain(v.Log), fmt.Sprint(v.Size), v.At, plain(v.Key)})
	}
	return a.print(map[string]any{"logs": views}, func(w io.Writer) { table(w, rows) })
}

func (a *app) ledgerPolicyCmd() *cobra.Command {
	var partner string
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Say which witnesses have to cosign this node's logs",
		Long: `A policy names witnesses with their keys and addresses, and how many of them are
enough (C2SP tlog-policy). The main log has one, and with --partner each partner's
log its own: a log is shown to the witnesses of its own policy and to nobody else.
The main log tells of everything, if only by hashes and sizes; its witnesses should
not be partners.

  witness north entente/…/witness+0a1b2c3d+… https://node.north.example/witness
  witness south entente/…/witness+4d5e6f70+… https://node.south.example/witness
  group both all north south
  quorum both

Each witness needs the log's key first: "show" prints it.`,
	}
	set := &cobra.Command{
		Use: "set FILE", Short: "Replace the policy of a log; an empty file asks for no witness", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readShort(args[0], ledger.MaxPolicy)
			if err != nil {
				return err
			}
			return a.with(cmd, mayCreate, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if err := n.SetPolicy(ctx, who, partner, text); err != nil {
					return err
				}
				return a.print(map[string]any{"partner": partner, "set": len(text) > 0}, func(w io.Writer) {
					if len(text) == 0 {
						fmt.Fprintln(w, "No witness is asked")
						return
					}
					fmt.Fprintln(w, "Set the policy")
				})
			})
		},
	}
	show := &cobra.Command{
		Use: "show", Short: "Print the log's key, its policy, and how far it is met", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				return a.showPolicy(ctx, n, who, partner)
			})
		},
	}
	for _, c := range []*cobra.Command{set, show} {
		c.Flags().StringVar(&partner, "partner", "", "the partner whose log is meant; without it, the main log")
	}
	cmd.AddCommand(set, show)
	return cmd
}

// readShort reads a file of most bytes at most.
func readShort(name string, most int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, entente.Wrap(entente.NotFound, err, err.Error())
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	switch {
	case err != nil:
		return nil, entente.Wrap(entente.Invalid, err, err.Error())
	case len(b) > most:
		return nil, entente.Errorf(entente.TooLarge, "%s has more than %d bytes", name, most)
	}
	return b, nil
}

func (a *app) showPolicy(ctx context.Context, n *node.Node, who entente.Actor, partner string) error {
	key, err := n.LogKey(ctx, who, partner)
	if err != nil {
		return err
	}
	of := ""
	if partner != "" {
		p, err := n.PartnerNamed(ctx, who, partner)
		if err != nil {
			return err
		}
		of = p.ID
	}
	all, err := n.Policies(ctx, who)
	if err != nil {
		return err
	}
	v := struct {
		Key       string `json:"key"`
		Policy    string `json:"policy,omitempty"`
		Size      int64  `json:"size"`
		Witnessed int64  `json:"witnessed"`
		At        string `json:"at,omitempty"`
	}{Key: key}
	for _, p := range all {
		if p.Organisation == of {
			v.Policy, v.Size, v.Witnessed, v.At = string(p.Text), p.Size, p.Witnessed, when(p.At)
		}
	}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "key: %s\n", plain(v.Key))
		if v.Policy == "" {
			fmt.Fprintln(w, "There is no policy: no witness is asked.")
			return
		}
		fmt.Fprintf(w, "%d of %s witnessed", v.Witnessed, plural(int(v.Size), "entry", "entries"))
		if v.At != "" {
			fmt.Fprintf(w, ", last at %s", v.At)
		}
		fmt.Fprintf(w, "\n\n%s", plainLines(v.Policy))
	})
}
