package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

type orderView struct {
	ID        string `json:"id"`
	Agreement string `json:"agreement"`
	Source    string `json:"source"`
	Type      string `json:"type"`
	Ceiling   string `json:"up_to"`
	State     string `json:"state"` // proposed, holds, ended, or ran out
	By        string `json:"by"`
	At        string `json:"at"`
	By2       string `json:"agreed_by,omitempty"`
	At2       string `json:"agreed,omitempty"`
	Until     string `json:"until"`
	EndedBy   string `json:"ended_by,omitempty"`
	Ended     string `json:"ended,omitempty"`
	Text      string `json:"reason"`
}

func viewOrder(o entente.StandingRelease, names map[string]string, now int64) orderView {
	v := orderView{ID: o.ID, Agreement: names[o.Agreement], Source: names[o.Source], Type: o.Type, Ceiling: "tlp:" + o.Ceiling.String(),
		By: names[o.By], At: when(o.At), By2: names[o.By2], At2: when(o.At2), Until: when(o.Until), EndedBy: names[o.EndedBy], Ended: when(o.Ended), Text: o.Text}
	switch {
	case o.Ended != 0:
		v.State = "ended"
	case now >= o.Until:
		v.State = "ran out"
	case o.By2 == "":
		v.State = "proposed"
	default:
		v.State = "holds"
	}
	return v
}

func (a *app) standingCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "standing",
		Short: "Approve in advance, for volume: standing releases",
		Long: `Where the terms ask two people to approve, a standing release lets objects of one
source and type go up to a marking, in one agreement, without asking for each. One
releaser proposes it, a second agrees; it holds for 90 days at most and is ended
earlier by either. What was released under it stays. "entente preview standing" shows
what would go.`,
	}
	cmd.AddCommand(a.standingAdd(), a.standingAgree(), a.standingEnd(), a.standingList())
	return cmd
}

func (a *app) standingAdd() *cobra.Command {
	var o orderFlags
	var reason string
	cmd := &cobra.Command{
		Use:     "add AGREEMENT",
		Short:   "Propose a standing release",
		Example: `  entente --as ann standing add north --source home --type indicator --up-to tlp:amber --until 2027-01-31 --reason "feed of the sensor net"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.get()
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				k, err := n.Concerns(ctx, who, args[0], "")
				if err != nil {
					return err
				}
				p, err := n.PartnerNamed(ctx, who, o.source)
				if err != nil {
					return err
				}
				c.Agreement, c.Source, c.Text = k.Concerns[0].ID, p.ID, reason
				r, err := n.Do(ctx, who, c)
				if err != nil {
					return err
				}
				return a.printOrder(ctx, n, who, args[0], r.ID, "Proposed; a second person agrees: entente standing agree "+args[0]+" "+r.ID)
			})
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "the justification (required)")
	cmd.MarkFlagRequired("reason")
	return cmd
}

// orderFlags say what a standing release lets go, and for how long.
type orderFlags struct{ source, kind, ceiling, until string }

func (o *orderFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.source, "source", "", "the organisation that the objects come from, home too (required)")
	f.StringVar(&o.kind, "type", "", "the object type (required)")
	f.StringVar(&o.ceiling, "up-to", "", "up to which marking, as tlp:amber (required)")
	f.StringVar(&o.until, "until", "", "when it ends, within 90 days, as 2027-01-31 (required)")
	for _, name := range []string{"source", "type", "up-to", "until"} {
		cmd.MarkFlagRequired(name)
	}
}

// get is what the flags ask for, but for the organisation, which they name.
func (o *orderFlags) get() (c entente.ProposeStanding, err error) {
	c.Type = o.kind
	if c.Ceiling, err = level("up-to", o.ceiling); err == nil {
		c.Until, err = moment("until", o.until)
	}
	return c, err
}

func (a *app) standingAgree() *cobra.Command {
	var why entente.Why
	cmd := &cobra.Command{
		Use:     "agree AGREEMENT ID",
		Short:   "Agree to a standing release, as a second person",
		Example: "  entente --as bob standing agree north 7f0c3a52-6f1e-4c57-9d3b-6a54d1c0a001",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, entente.AgreeStanding{Why: why, Order: args[1]}); err != nil {
					return err
				}
				if err := n.Settle(ctx, args[0], nil); err != nil {
					return err
				}
				return a.printOrder(ctx, n, who, args[0], args[1], "It holds now, for what waits too.")
			})
		},
	}
	cmd.Flags().StringVar(&why.Reason, "reason", "", "why, in words that others can check later")
	return cmd
}

func (a *app) standingEnd() *cobra.Command {
	var why entente.Why
	cmd := &cobra.Command{
		Use:     "end AGREEMENT ID",
		Short:   "End a standing release, or take back what was proposed",
		Example: "  entente --as ann standing end north 7f0c3a52-6f1e-4c57-9d3b-6a54d1c0a001",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if _, err := n.Do(ctx, who, entente.EndStanding{Why: why, Order: args[1]}); err != nil {
					return err
				}
				return a.printOrder(ctx, n, who, args[0], args[1], "Ended. What was released under it stays.")
			})
		},
	}
	cmd.Flags().StringVar(&why.Reason, "reason", "", "why, in words that others can check later")
	return cmd
}

func (a *app) printOrder(ctx context.Context, n *node.Node, who entente.Actor, agreement, id, text string) error {
	all, names, err := n.StandingReleases(ctx, who, agreement)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID == id {
			v := viewOrder(o, names, n.Now())
			return a.print(v, func(w io.Writer) { writeOrders(w, []orderView{v}); fmt.Fprintln(w, plain(text)) })
		}
	}
	return entente.Errorf(entente.NotFound, "%q has no standing release %q", agreement, id)
}

func writeOrders(w io.Writer, all []orderView) {
	rows := [][]string{{"STATE", "OBJECTS", "FROM", "UP TO", "UNTIL", "BY", "REASON", "ID"}}
	for _, v := range all {
		by := v.By
		if v.By2 != "" {
			by += " and " + v.By2
		}
		rows = append(rows, []string{v.State, plain(v.Type), plain(v.Source), v.Ceiling, v.Until, plain(by), plain(v.Text), v.ID})
	}
	table(w, rows)
}

func (a *app) standingList() *cobra.Command {
	return &cobra.Command{
		Use:   "list AGREEMENT",
		Short: "List standing releases, those that ended included",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, names, err := n.StandingReleases(ctx, who, args[0])
				if err != nil {
					return err
				}
				views := []orderView{}
				for _, o := range all {
					views = append(views, viewOrder(o, names, n.Now()))
				}
				return a.print(map[string]any{"standing": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no standing releases.")
						return
					}
					writeOrders(w, views)
				})
			})
		},
	}
}

type permissionView struct {
	ID         string           `json:"id"`
	Object     entente.ObjectID `json:"object"`
	Agreement  string           `json:"agreement"`
	Originator string           `json:"originator"`
	Said       string           `json:"said"`
	Purpose    string           `json:"purpose"`
	Until      string           `json:"until,omitempty"`
	By         string           `json:"recorded_by"`
	At         string           `json:"at"`
}

func viewPermission(k entente.Consent, names map[string]string) permissionView {
	return permissionView{k.ID, k.Object, names[k.Agreement], names[k.Originator], k.Said, k.Purpose, when(k.Until), names[k.Account], when(k.At)}
}

func (a *app) permissionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "permission",
		Short: "Record that an originator lets an object go on to another agreement",
		Long: `What came through one agreement goes on to another only if its marking and the terms
allow that, or if its originator permits it. Where the originator has no node that
signs, a releaser records who said so, and how. "entente preview permission" shows
what would go.`,
	}
	cmd.AddCommand(a.permissionAdd(), a.permissionList())
	return cmd
}

func (a *app) permissionAdd() *cobra.Command {
	var agreement, originator, said, purpose, until string
	cmd := &cobra.Command{
		Use:     "add ID --for AGREEMENT --originator PARTNER --said TEXT --purpose TEXT",
		Short:   "Record a permission",
		Example: `  entente --as ann permission add indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --for south --originator "North CERT" --said "duty officer, by telephone" --purpose "takedown"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := entente.RecordConsent{Said: said, Purpose: purpose}
			var err error
			if c.Object, err = entente.ParseObjectID(args[0]); err != nil {
				return err
			}
			if c.Until, err = moment("until", until); err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				k, err := n.Concerns(ctx, who, agreement, c.Object)
				if err != nil {
					return err
				}
				p, err := n.PartnerNamed(ctx, who, originator)
				if err != nil {
					return err
				}
				c.Agreement, c.Originator = k.Concerns[0].ID, p.ID
				r, err := n.Do(ctx, who, c)
				if err != nil {
					return err
				}
				if err := n.Settle(ctx, agreement, nil); err != nil {
					return err
				}
				v := map[string]any{"id": r.ID, "object": c.Object, "agreement": k.Concerns[0].Name, "originator": p.Name}
				return a.print(v, func(w io.Writer) {
					fmt.Fprintf(w, "Recorded that %s lets %s go to %s (%s).\n", plain(p.Name), c.Object, plain(k.Concerns[0].Name), r.ID)
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&agreement, "for", "", "the agreement that it may go to (required)")
	f.StringVar(&originator, "originator", "", "the partner that permits it (required)")
	f.StringVar(&said, "said", "", "who said so for it, and how (required)")
	f.StringVar(&purpose, "purpose", "", "for what (required)")
	f.StringVar(&until, "until", "", "when it ends, as 2027-01-31; what has entered by then stays")
	for _, name := range []string{"for", "originator", "said", "purpose"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

func (a *app) permissionList() *cobra.Command {
	return &cobra.Command{
		Use:   "list AGREEMENT",
		Short: "List the permissions for an agreement",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, names, err := n.Permissions(ctx, who, args[0])
				if err != nil {
					return err
				}
				views := []permissionView{}
				rows := [][]string{{"OBJECT", "ORIGINATOR", "SAID", "PURPOSE", "UNTIL", "AT"}}
				for _, k := range all {
					v := viewPermission(k, names)
					views = append(views, v)
					rows = append(rows, []string{string(v.Object), plain(v.Originator), plain(v.Said), plain(v.Purpose), v.Until, v.At})
				}
				return a.print(map[string]any{"permissions": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no permissions.")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}
