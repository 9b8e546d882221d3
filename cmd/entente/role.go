package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) accountRole() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "role",
		Short: "Give people roles, each for a time",
		Long: `A person of home may hold roles: analyst (drafts and dissents), releaser (decides
what crosses, and stops partners), reviewer (reads everything and changes nothing) and
operator (runs the node). The guide has the whole table.

Each role is held for a time, the mandate. Mandates are ended and never deleted, so
that what a decision rested on can be looked up. Nobody gives a role to himself.`,
	}
	cmd.AddCommand(a.roleGive(), a.roleEnd(), a.roleList())
	return cmd
}

func (a *app) roleGive() *cobra.Command {
	var from, until string
	var give entente.GiveMandate
	cmd := &cobra.Command{
		Use:   "give ACCOUNT analyst|releaser|reviewer|operator",
		Short: "Let a person hold a role, from now or a later day on",
		Example: `  entente account role give ann releaser --until 2027-12-31
  entente account role give bob reviewer --from 2027-01-01T09:00:00Z --until 2027-03-31`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if give.Role, err = entente.ParseRole(args[1]); err != nil {
				return err
			}
			if give.From, err = moment("from", from); err != nil {
				return err
			}
			if give.Until, err = moment("until", until); err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				give.Account = acc.ID
				r, err := n.Do(ctx, who, give)
				if err != nil {
					return err
				}
				return a.printMandate(ctx, n, who, acc.ID, r.ID)
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "when it begins, as 2027-01-31 or 2027-01-31T12:00:00Z (UTC); without it, now")
	cmd.Flags().StringVar(&until, "until", "", "when it ends; without it, until somebody ends it")
	cmd.Flags().StringVar(&give.Reason, "reason", "", "why, in words that others can check later")
	return cmd
}

func (a *app) roleEnd() *cobra.Command {
	var at, id string
	var end entente.EndMandate
	cmd := &cobra.Command{
		Use:   "end ACCOUNT ROLE",
		Short: "End a mandate now, or set an earlier end",
		Long: `Ends a mandate. It acts on the person's next request. Where a person holds a role
now and will hold it again later, the mandate that holds now is meant; --mandate
names another. Where the role is reviewer, two operators end it, who give the same
command one after the other (--as): nobody ends a review alone.`,
		Example: `  entente account role end ann releaser
  entente account role end ann releaser --at 2027-06-30`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, err := entente.ParseRole(args[1])
			if err != nil {
				return err
			}
			end.Mandate = id
			if end.At, err = moment("at", at); err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				for _, m := range acc.Mandates { // in the order in which they begin
					over := m.Until != 0 && m.Until <= n.Now()
					if m.Role == role && !over && end.Mandate == "" {
						end.Mandate = m.ID
					}
				}
				if end.Mandate == "" {
					return entente.Errorf(entente.NotFound, "%q neither holds nor will hold the role %s", acc.Name, role)
				}
				r, err := n.Do(ctx, who, end)
				if err != nil {
					return err
				}
				if r.Waits {
					return a.doneOrAsked(map[string]any{"mandate": end.Mandate}, r, nil)
				}
				return a.printMandate(ctx, n, who, acc.ID, end.Mandate)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "when it ends, as 2027-01-31 or 2027-01-31T12:00:00Z (UTC); without it, now")
	cmd.Flags().StringVar(&end.Reason, "reason", "", "why, in words that others can check later")
	cmd.Flags().StringVar(&id, "mandate", "", "id of the mandate, where there are several")
	return cmd
}

func (a *app) roleList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [ACCOUNT]",
		Short: "List mandates, those that ended included",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := n.Accounts(ctx, who)
				if err == nil && len(args) == 1 {
					var acc node.AccountInfo
					acc, err = n.AccountNamed(ctx, who, args[0])
					all = []node.AccountInfo{acc}
				}
				if err != nil {
					return err
				}
				names, _, err := accountNames(ctx, n, who)
				if err != nil {
					return err
				}
				views := []mandateView{}
				rows := [][]string{{"ACCOUNT", "ROLE", "FROM", "UNTIL", "STATE", "GIVEN BY", "ENDED BY"}}
				for _, acc := range all {
					for _, m := range acc.Mandates {
						v := viewMandate(m, names, n.Now())
						views = append(views, v)
						rows = append(rows, []string{plain(v.Account), v.Role, v.From, v.Until, v.State, plain(v.By), plain(v.EndedBy)})
					}
				}
				return a.print(map[string]any{"mandates": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no mandates. Give one with \"entente account role give ACCOUNT ROLE\".")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}

// mandateView is a mandate as the command line shows it.
type mandateView struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Role    string `json:"role"`
	From    string `json:"from"`
	Until   string `json:"until,omitempty"`
	State   string `json:"state"` // holds, later or ended
	By      string `json:"given_by"`
	EndedBy string `json:"ended_by,omitempty"`
}

func viewMandate(m entente.Mandate, names map[string]string, now int64) mandateView {
	v := mandateView{ID: m.ID, Account: names[m.Account], Role: string(m.Role), From: when(m.From), Until: when(m.Until), State: "holds", By: names[m.By]}
	switch {
	case m.Until != 0 && m.Until <= now:
		v.State = "ended"
	case !m.Holds(now):
		v.State = "later"
	}
	if m.Ended != 0 {
		v.EndedBy = names[m.EndedBy]
	}
	return v
}

func (a *app) printMandate(ctx context.Context, n *node.Node, who entente.Actor, account, id string) error {
	names, all, err := accountNames(ctx, n, who)
	if err != nil {
		return err
	}
	for _, o := range all {
		for _, acc := range o.Accounts {
			for _, m := range acc.Mandates {
				if acc.ID == account && m.ID == id {
					v := viewMandate(m, names, n.Now())
					return a.print(v, func(w io.Writer) {
						until := "without an end"
						if v.Until != "" {
							until = "until " + v.Until
						}
						fmt.Fprintf(w, "%s: %s from %s, %s\n", plain(v.Account), v.Role, v.From, until)
					})
				}
			}
		}
	}
	return entente.Errorf(entente.NotFound, "there is no mandate %s", id)
}

// rolesText names the roles that an account holds now.
func rolesText(acc entente.Account, now int64) []string {
	out := []string{}
	for _, r := range entente.Roles() {
		if acc.Holds(r, now) {
			out = append(out, string(r))
		}
	}
	return out
}
