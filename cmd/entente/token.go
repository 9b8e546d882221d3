package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) accountToken() *cobra.Command {
	var note, expires, revoke string
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "Make a bearer token for an account, or revoke one",
		Long: `Makes a token and prints it once. A program sends it as
"Authorization: Bearer TOKEN" (or "Token TOKEN"). "entente account list --json"
shows the ids of an account's tokens, for --revoke.`,
		Example: "  entente account token siem --note 'SIEM connector' --expires 90d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lasts, err := parsePeriod(expires)
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				if revoke != "" {
					return a.revokeToken(ctx, n, who, acc, revoke)
				}
				secret, err := n.NewSecret()
				if err != nil {
					return err
				}
				add := entente.AddToken{Account: acc.ID, Hash: sha256.Sum256([]byte(secret)), Note: note}
				if lasts > 0 {
					add.Expires = n.Now() + lasts.Microseconds()
				}
				r, err := n.Do(ctx, who, add)
				if err != nil {
					return err
				}
				return a.print(map[string]any{"id": r.ID, "account": acc.Name, "token": secret}, func(w io.Writer) {
					fmt.Fprintf(w, "%s\n", secret)
					fmt.Fprintf(a.err, "Token %s of %s, shown this once.\n", r.ID, plain(acc.Name))
				})
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "what the token is for")
	cmd.Flags().StringVar(&expires, "expires", "", "how long it holds, as 12h or 90d; without it, until it is revoked")
	cmd.Flags().StringVar(&revoke, "revoke", "", "id of a token to revoke")
	return cmd
}

func (a *app) revokeToken(ctx context.Context, n *node.Node, who entente.Actor, acc node.AccountInfo, id string) error {
	for _, k := range acc.Tokens {
		if k.ID == id {
			r, err := n.Do(ctx, who, entente.RemoveToken{Token: id})
			if err != nil {
				return err
			}
			return a.doneOrAsked(map[string]any{"id": id, "account": acc.Name, "revoked": !r.Waits}, r, func(w io.Writer) {
				fmt.Fprintf(w, "Revoked token %s of %s\n", id, plain(acc.Name))
			})
		}
	}
	return entente.Errorf(entente.NotFound, "%s has no token %q", acc.Name, id)
}

// parsePeriod reads a Go duration or whole days as 90d; "" is 0.
func parsePeriod(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	return 0, usagef("%q is not a period such as 12h or 90d", s)
}
