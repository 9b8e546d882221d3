package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) grantCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "grant ACCOUNT COLLECTION none|read|write|read,write",
		Short: "Say what an account may do with a collection",
		Long: `Replaces what an account may do with a collection. An account that may neither
read nor write a collection does not see that it exists.`,
		Example: "  entente grant siem Phishing read",
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			var read, write bool
			if args[2] != "none" {
				for _, r := range strings.Split(args[2], ",") {
					switch r {
					case "read":
						read = true
					case "write":
						write = true
					default:
						return usagef("%q is not a right; say none, read, write or read,write", args[2])
					}
				}
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				c, err := n.CollectionNamed(ctx, who, args[1])
				if err != nil {
					return err
				}
				if _, err := n.Do(ctx, who, entente.SetGrant{Account: acc.ID, Collection: c.ID, Read: read, Write: write}); err != nil {
					return err
				}
				rights := rightsText(read, write)
				return a.print(map[string]any{"account": acc.Name, "collection": c.ID, "name": c.Name, "rights": rights}, func(w io.Writer) {
					fmt.Fprintf(w, "%s on %s: %s\n", plain(acc.Name), plain(c.Name), rights)
				})
			})
		},
	}
}
