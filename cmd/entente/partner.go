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

func (a *app) partnerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "partner",
		Short: "Make partners known, and stop them",
		Long: `A partner is any organisation but home. It is made known with the STIX identities
that are its own and with services that sign in for it; what it gets is said by
agreements, and never by "entente grant".

Stopping a partner and lifting a stop are decisions of your organisation. They are
done under a name, by somebody who holds the role releaser: --as NAME.`,
	}
	cmd.AddCommand(a.partnerAdd(), a.partnerList(), a.partnerShow(), a.partnerEdit(), a.partnerAccount(),
		a.partnerKey(), a.partnerStop(), a.partnerRatify(), a.partnerLift())
	return cmd
}

func identities(texts []string) []entente.ObjectID {
	out := make([]entente.ObjectID, len(texts))
	for i, s := range texts {
		out[i] = entente.ObjectID(s)
	}
	return out
}

func (a *app) partnerAdd() *cobra.Command {
	var contact string
	var own []string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a partner known and print its id",
		Long: `Makes a partner known. --identity names a STIX identity that is the partner's own,
as its objects have it in created_by_ref; it can be given several times. An
identity belongs to one organisation.`,
		Example: `  entente partner add "Harbour ISAC" --contact "desk@harbour.example" \
      --identity identity--1f0c3a52-6f1e-4c57-9d3b-6a54d1c0a001`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mayCreate, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, entente.AddPartner{Name: args[0], Contact: contact, Identities: identities(own)}); err != nil {
					return err
				}
				return a.printPartner(ctx, n, who, args[0], func(w io.Writer, p node.PartnerInfo) {
					fmt.Fprintf(w, "Added the partner %s (%s)\n", plain(p.Name), p.ID)
					fmt.Fprintf(w, "It has no account yet: entente partner account add %q NAME\n", plain(p.Name))
				})
			})
		},
	}
	cmd.Flags().StringVar(&contact, "contact", "", "how to reach its people")
	cmd.Flags().StringArrayVar(&own, "identity", nil, "id of a STIX identity that is its own")
	return cmd
}

func (a *app) partnerEdit() *cobra.Command {
	var name, contact string
	var add, remove []string
	cmd := &cobra.Command{
		Use:   "edit PARTNER",
		Short: "Change a partner's name, contact or identities; home's too",
		Example: `  entente partner edit "Harbour ISAC" --contact "night desk: +1 555 0100"
  entente partner edit "Example CERT" --identity identity--1f0c3a52-6f1e-4c57-9d3b-6a54d1c0a002`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			edit := entente.EditPartner{Add: identities(add), Remove: identities(remove)}
			if cmd.Flags().Changed("name") {
				edit.Name = &name
			}
			if cmd.Flags().Changed("contact") {
				edit.Contact = &contact
			}
			if edit.Name == nil && edit.Contact == nil && len(add)+len(remove) == 0 {
				return usagef("say what to change: --name, --contact, --identity or --remove-identity")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				p, err := n.PartnerNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				edit.Organisation = p.ID
				if _, err := n.Do(ctx, who, edit); err != nil {
					return err
				}
				return a.printPartner(ctx, n, who, p.ID, func(w io.Writer, p node.PartnerInfo) { fmt.Fprintf(w, "Changed %s\n", plain(p.Name)) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "its new name")
	f.StringVar(&contact, "contact", "", "how to reach its people")
	f.StringArrayVar(&add, "identity", nil, "id of a STIX identity that becomes its own")
	f.StringArrayVar(&remove, "remove-identity", nil, "id of one that ceases to be")
	return cmd
}

func (a *app) partnerList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List partners, and what about them calls for somebody",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				names, all, err := accountNames(ctx, n, who)
				if err != nil {
					return err
				}
				views, alarms := []partnerView{}, []string{}
				rows := [][]string{{"NAME", "STATE", "IDENTITIES", "ACCOUNTS", "CONTACT"}}
				for _, p := range all {
					if p.Home {
						continue
					}
					v := viewPartner(p, names, n.Now())
					views = append(views, v)
					for _, x := range v.Alarms {
						alarms = append(alarms, p.Name+": "+x)
					}
					rows = append(rows, []string{plain(p.Name), stateOf(p.Stops), fmt.Sprint(len(p.Identities)), fmt.Sprint(len(p.Accounts)), shorten(plain(p.Contact), 50)})
				}
				return a.print(map[string]any{"partners": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no partners. Add one with \"entente partner add NAME\".")
						return
					}
					table(w, rows)
					for _, x := range alarms {
						fmt.Fprintf(w, "ALARM  %s\n", plain(x))
					}
				})
			})
		},
	}
}

func (a *app) partnerShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show PARTNER",
		Short: "Show a partner with its accounts and all stops there were; home too",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				return a.printPartner(ctx, n, who, args[0], nil)
			})
		},
	}
}

// printPartner shows a partner after what was done with it; text nil shows all of it.
func (a *app) printPartner(ctx context.Context, n *node.Node, who entente.Actor, name string, text func(io.Writer, node.PartnerInfo)) error {
	names, _, err := accountNames(ctx, n, who)
	if err != nil {
		return err
	}
	p, err := n.PartnerNamed(ctx, who, name)
	if err != nil {
		return err
	}
	v := viewPartner(p, names, n.Now())
	return a.print(v, func(w io.Writer) {
		if text != nil {
			text(w, p)
			return
		}
		v.write(w)
	})
}

// accountNames gives the names of all accounts by id, and the organisations.
func accountNames(ctx context.Context, n *node.Node, who entente.Actor) (map[string]string, []node.PartnerInfo, error) {
	all, err := n.Organisations(ctx, who)
	names := map[string]string{"": "the node's owner"}
	for _, p := range all {
		for _, acc := range p.Accounts {
			names[acc.ID] = acc.Name
		}
	}
	return names, all, err
}

func (a *app) partnerAccount() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Add services that sign in for a partner",
		Long: `The accounts of a partner are services. They hold no roles of home and are
granted no collections. Tokens, certificates, passwords and disabling are those of
"entente account", which lists them too.`,
	}
	cmd.AddCommand(a.partnerAccountAdd())
	return cmd
}

func (a *app) partnerAccountAdd() *cobra.Command {
	var pw passwordFlags
	cmd := &cobra.Command{
		Use:   "add PARTNER NAME",
		Short: "Add a service of a partner and print its id",
		Example: `  entente partner account add "Harbour ISAC" harbour-siem --generate
  entente account token harbour-siem --expires 90d`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				p, err := n.PartnerNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				if p.Home {
					return usagef("%q is home itself; \"entente account add\" adds its accounts", p.Name)
				}
				password, generated, err := pw.get(a, n)
				if err != nil {
					return err
				}
				add := entente.AddAccount{Name: args[1], Organisation: p.ID, Service: true}
				if password != "" {
					if add.PasswordHash, err = n.HashPassword(password); err != nil {
						return err
					}
				}
				r, err := n.Do(ctx, who, add)
				if err != nil {
					return err
				}
				v := map[string]any{"id": r.ID, "name": add.Name, "organisation": p.Name, "service": true, "has_password": password != ""}
				if generated {
					v["password"] = password
				}
				return a.print(v, func(w io.Writer) {
					fmt.Fprintf(w, "Added account %s (%s) of %s\n", plain(add.Name), r.ID, plain(p.Name))
					if generated {
						fmt.Fprintf(w, "  password  %s   (shown this once)\n", password)
					}
					if password == "" {
						fmt.Fprintf(w, "It has no password yet: use \"entente account token %s\".\n", plain(add.Name))
					}
				})
			})
		},
	}
	pw.add(cmd)
	return cmd
}

// partnerView is an organisation as the command line shows it.
type partnerView struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Home       bool               `json:"home"`
	State      string             `json:"state"` // active or stopped
	Contact    string             `json:"contact"`
	Created    string             `json:"created,omitempty"`
	Identities []entente.ObjectID `json:"identities"`
	Accounts   []string           `json:"accounts"`
	Alarms     []string           `json:"alarms"`
	Stops      []stopView         `json:"stops"`
}

func viewPartner(p node.PartnerInfo, names map[string]string, now int64) partnerView {
	v := partnerView{ID: p.ID, Name: p.Name, Home: p.Home, State: "active", Contact: p.Contact, Created: when(p.Created),
		Identities: append([]entente.ObjectID{}, p.Identities...), Accounts: []string{}, Alarms: append([]string{}, p.Alarms(now)...), Stops: []stopView{}}
	if p.Stopped() {
		v.State = "stopped"
	}
	for _, acc := range p.Accounts {
		v.Accounts = append(v.Accounts, acc.Name)
	}
	for _, s := range p.Stops {
		v.Stops = append(v.Stops, viewStop(s, names, now))
	}
	return v
}

// stateOf is whether a partner is stopped, with what about that waits for a second person.
func stateOf(stops []entente.Stop) string {
	state := "active"
	for _, s := range stops {
		switch {
		case !s.Stands():
		case s.LiftAsked != 0:
			return "stopped, lifting asked for"
		case s.Ratified == 0:
			state = "stopped, not ratified"
		case state == "active":
			state = "stopped"
		}
	}
	return state
}

func (v partnerView) write(w io.Writer) {
	fmt.Fprintf(w, "%s (%s): %s\n", plain(v.Name), v.ID, v.State)
	if v.Contact != "" {
		fmt.Fprintf(w, "  contact   %s\n", plain(v.Contact))
	}
	for _, id := range v.Identities {
		fmt.Fprintf(w, "  identity  %s\n", plain(string(id)))
	}
	if len(v.Accounts) > 0 {
		fmt.Fprintf(w, "  accounts  %s\n", plain(strings.Join(v.Accounts, ", ")))
	}
	for _, s := range v.Stops {
		s.write(w)
	}
	for _, x := range v.Alarms {
		fmt.Fprintf(w, "ALARM  %s\n", plain(x))
	}
}

// when writes a moment, "" for none.
func when(micros int64) string {
	if micros == 0 {
		return ""
	}
	return entente.FormatMicros(micros)
}
