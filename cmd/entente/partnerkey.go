package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) partnerKey() *cobra.Command {
	var remove string
	cmd := &cobra.Command{
		Use:   "key PARTNER [VKEY]",
		Short: "Register a key with which a partner acknowledges what it receives, list them, or remove one",
		Long: `VKEY is a key that cosigns, NAME+HASH+BASE64, as the partner got it from "entente
ledger receipt --new-key"; it has to come by a way that you trust. What the partner
signs with it counts as acknowledged. Without VKEY its keys are listed; --remove takes
one back, and what it acknowledged stays so.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 && remove != "" {
				return usagef("add a key or remove one, not both")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				switch {
				case len(args) == 2:
					if err := n.AddPartnerKey(ctx, who, args[0], args[1]); err != nil {
						return err
					}
				case remove != "":
					p, err := n.PartnerNamed(ctx, who, args[0])
					if err != nil {
						return err
					}
					if _, err := n.Do(ctx, who, entente.RemovePartnerKey{Organisation: p.ID, Key: remove}); err != nil {
						return err
					}
				}
				keys, err := n.PartnerKeys(ctx, who, args[0])
				if err != nil {
					return err
				}
				type view struct {
					Key   string `json:"key"`
					Added string `json:"added"`
				}
				views, rows := []view{}, [][]string{{"ADDED", "KEY"}}
				for _, k := range keys {
					views, rows = append(views, view{k.Key, when(k.Added)}), append(rows, []string{when(k.Added), plain(k.Key)})
				}
				return a.print(map[string]any{"keys": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "It has no key, and so acknowledges nothing.")
						return
					}
					table(w, rows)
				})
			})
		},
	}
	cmd.Flags().StringVar(&remove, "remove", "", "a key to remove")
	return cmd
}
