package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"entente"
	"entente/node"
)

func (a *app) accountCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Add and manage the accounts of people and services",
		Long: `An account is a person or a service (a program) that signs in, with a password
(HTTP Basic), a token (Bearer) or a client certificate. What it may read and
write is said with "entente grant"; what a person may decide, with "entente account
role". Services of partners are added with "entente partner account add".`,
	}
	cmd.AddCommand(a.accountAdd(), a.accountList(), a.accountToken(), a.accountCertificate(), a.accountKey(), a.accountPassword(), a.accountDisable(), a.accountRole(), a.accountConflict())
	return cmd
}

// passwordFlags are the ways to give a password.
type passwordFlags struct{ stdin, generate bool }

func (p *passwordFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from the first line of standard input")
	cmd.Flags().BoolVar(&p.generate, "generate", false, "make a password and print it once")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "generate")
}

// get gives the password, "" for none. Generated tells that the user has not seen it.
func (p *passwordFlags) get(a *app, n *node.Node) (password string, generated bool, err error) {
	switch {
	case p.generate:
		password, err = n.NewSecret()
		return password, true, err
	case p.stdin:
		line, err := bufio.NewReader(io.LimitReader(a.in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", false, entente.Wrap(entente.Invalid, err, "the password could not be read from standard input")
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", false, entente.Errorf(entente.Invalid, "standard input holds no password")
		}
		return line, false, nil
	case terminal(a.in):
		return ask(a)
	}
	return "", false, nil
}

// ask asks a person for a password, twice.
func ask(a *app) (string, bool, error) {
	read := func(prompt string) (string, error) {
		fmt.Fprint(a.err, prompt)
		b, err := term.ReadPassword(int(a.in.(*os.File).Fd()))
		fmt.Fprintln(a.err)
		return string(b), err
	}
	one, err := read("Password (empty for none): ")
	if err != nil || one == "" {
		return "", false, err
	}
	two, err := read("Again: ")
	if err == nil && one != two {
		err = entente.Errorf(entente.Invalid, "the two passwords differ")
	}
	return one, false, err
}

func (a *app) accountAdd() *cobra.Command {
	var service, operator bool
	var pw passwordFlags
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an account and print its id",
		Example: `  entente account add alice --operator
  entente account add siem --service --generate
  pass show siem | entente account add siem --service --password-stdin --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mayCreate, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				password, generated, err := pw.get(a, n)
				if err != nil {
					return err
				}
				add := entente.AddAccount{Name: args[0], Service: service}
				if operator {
					add.Roles = []entente.Role{entente.Operator}
				}
				if password != "" {
					if add.PasswordHash, err = n.HashPassword(password); err != nil {
						return err
					}
				}
				r, err := n.Do(ctx, who, add)
				if err != nil {
					return err
				}
				v := map[string]any{"id": r.ID, "name": add.Name, "service": service, "operator": operator, "has_password": password != ""}
				if generated {
					v["password"] = password
				}
				return a.print(v, func(w io.Writer) {
					fmt.Fprintf(w, "Added account %s (%s)\n", plain(add.Name), r.ID)
					if generated {
						fmt.Fprintf(w, "  password  %s   (shown this once)\n", password)
					}
					if password == "" {
						fmt.Fprintf(w, "It has no password yet: use \"entente account password %s\" or \"entente account token %s\".\n", plain(add.Name), plain(add.Name))
					}
					if !operator {
						fmt.Fprintf(w, "It sees nothing yet: use \"entente grant %s COLLECTION read\".\n", plain(add.Name))
					}
				})
			})
		},
	}
	cmd.Flags().BoolVar(&service, "service", false, "a program, not a person")
	cmd.Flags().BoolVar(&operator, "operator", false, "may run the node: reads and writes everything")
	pw.add(cmd)
	return cmd
}

func (a *app) accountList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List accounts with their rights",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := n.Accounts(ctx, who)
				if err != nil {
					return err
				}
				cols, err := n.AllCollections(ctx, who)
				if err != nil {
					return err
				}
				names := map[string]string{}
				for _, c := range cols {
					names[c.ID] = c.Name
				}
				views := []map[string]any{}
				rows := [][]string{{"NAME", "KIND", "STATE", "SIGN-IN", "RIGHTS", "ROLES", "ORGANISATION"}}
				for _, acc := range all {
					v, row := viewAccount(acc, names, n.Now())
					views, rows = append(views, v), append(rows, row)
				}
				return a.print(map[string]any{"accounts": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no accounts. Add one with \"entente account add NAME\".")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}

func viewAccount(acc node.AccountInfo, names map[string]string, now int64) (map[string]any, []string) {
	kind, state := "person", "active"
	if acc.Service {
		kind = "service"
	}
	if acc.Disabled {
		state = "disabled"
	}
	signIn, rights := []string{}, []string{}
	if acc.HasPassword {
		signIn = append(signIn, "password")
	}
	if n := len(acc.Tokens); n > 0 {
		signIn = append(signIn, plural(n, "token", "tokens"))
	}
	certificates := []map[string]any{}
	for _, c := range acc.Certificates {
		certificates = append(certificates, viewCertificate(c))
	}
	if n := len(certificates); n > 0 {
		signIn = append(signIn, plural(n, "certificate", "certificates"))
	}
	grants := []map[string]any{}
	for _, g := range acc.Grants {
		grants = append(grants, map[string]any{"collection": g.Collection, "name": names[g.Collection], "rights": rightsText(g.Read, g.Write)})
		rights = append(rights, plain(names[g.Collection])+": "+rightsText(g.Read, g.Write))
	}
	operator := acc.Holds(entente.Operator, now)
	if operator {
		rights = []string{"operator: everything"}
	}
	tokens := []map[string]any{}
	for _, k := range acc.Tokens {
		t := map[string]any{"id": k.ID, "note": k.Note, "created": entente.FormatMicros(k.Created)}
		if k.Expires != 0 {
			t["expires"] = entente.FormatMicros(k.Expires)
		}
		tokens = append(tokens, t)
	}
	v := map[string]any{"id": acc.ID, "name": acc.Name, "kind": kind, "operator": operator, "organisation": acc.OrganisationName, "roles": rolesText(acc.Account, now),
		"disabled": acc.Disabled, "has_password": acc.HasPassword, "tokens": tokens, "certificates": certificates, "grants": grants}
	return v, []string{plain(acc.Name), kind, state, strings.Join(signIn, ", "), strings.Join(rights, "; "),
		strings.Join(rolesText(acc.Account, now), ", "), plain(acc.OrganisationName)}
}

func rightsText(read, write bool) string {
	switch {
	case read && write:
		return "read,write"
	case read:
		return "read"
	case write:
		return "write"
	}
	return "none"
}

func (a *app) accountPassword() *cobra.Command {
	var pw passwordFlags
	cmd := &cobra.Command{
		Use:     "password NAME",
		Short:   "Set an account's password",
		Example: "  entente account password operator --generate",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				password, generated, err := pw.get(a, n)
				if err != nil {
					return err
				}
				if password == "" {
					return usagef("give a password: --password-stdin, --generate, or at a terminal")
				}
				hash, err := n.HashPassword(password)
				if err != nil {
					return err
				}
				r, err := n.Do(ctx, who, entente.SetPassword{Account: acc.ID, PasswordHash: hash})
				if err != nil {
					return err
				}
				v := map[string]any{"id": acc.ID, "name": acc.Name}
				if generated && !r.Waits {
					v["password"] = password
				}
				return a.doneOrAsked(v, r, func(w io.Writer) {
					fmt.Fprintf(w, "Set the password of %s\n", plain(acc.Name))
					if generated {
						fmt.Fprintf(w, "  password  %s   (shown this once)\n", password)
					}
				})
			})
		},
	}
	pw.add(cmd)
	return cmd
}

func (a *app) accountDisable() *cobra.Command {
	var enable bool
	cmd := &cobra.Command{
		Use:   "disable NAME",
		Short: "Shut an account out, or let it in again with --enable",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				r, err := n.Do(ctx, who, entente.DisableAccount{Account: acc.ID, Enable: enable})
				if err != nil {
					return err
				}
				return a.doneOrAsked(map[string]any{"id": acc.ID, "name": acc.Name, "disabled": !enable && !r.Waits}, r, func(w io.Writer) {
					if enable {
						fmt.Fprintf(w, "%s may sign in again\n", plain(acc.Name))
						return
					}
					fmt.Fprintf(w, "%s may no longer sign in\n", plain(acc.Name))
				})
			})
		},
	}
	cmd.Flags().BoolVar(&enable, "enable", false, "let it in again")
	return cmd
}
