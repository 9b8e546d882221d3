package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/taxii"
)

// stopView is a stop as the command line shows it. People are named by their accounts.
type stopView struct {
	ID          string `json:"id"`
	Reason      string `json:"reason"`
	Basis       string `json:"basis"`
	By          string `json:"by"`
	At          string `json:"at"`
	RatifiedBy  string `json:"ratified_by,omitempty"`
	Ratified    string `json:"ratified,omitempty"`
	Unratified  bool   `json:"unratified"` // for longer than 24 hours
	Review      string `json:"review,omitempty"`
	ReviewDue   bool   `json:"review_due"`
	LiftBy      string `json:"lift_asked_by,omitempty"`
	LiftAsked   string `json:"lift_asked,omitempty"`
	LiftReason  string `json:"lift_reason,omitempty"`
	LiftBacklog string `json:"lift_backlog,omitempty"`
	LiftedBy    string `json:"lifted_by,omitempty"`
	Lifted      string `json:"lifted,omitempty"`
	Stands      bool   `json:"stands"`
}

func viewStop(s entente.Stop, names map[string]string, now int64) stopView {
	name := func(id string) string {
		if id == "" {
			return "" // nobody yet, and not the node's owner
		}
		return names[id]
	}
	return stopView{ID: s.ID, Reason: s.Reason, Basis: s.Basis, By: name(s.By), At: when(s.At),
		RatifiedBy: name(s.RatifiedBy), Ratified: when(s.Ratified), Unratified: s.Unratified(now),
		Review: when(s.Review), ReviewDue: s.ReviewDue(now),
		LiftBy: name(s.LiftBy), LiftAsked: when(s.LiftAsked), LiftReason: s.LiftReason, LiftBacklog: s.LiftBacklog,
		LiftedBy: name(s.LiftedBy), Lifted: when(s.Lifted), Stands: s.Stands()}
}

func (v stopView) write(w io.Writer) {
	fmt.Fprintf(w, "  stop      %s, placed by %s at %s\n", v.ID, plain(v.By), v.At)
	fmt.Fprintf(w, "            reason: %s\n            basis:  %s\n", plain(v.Reason), plain(v.Basis))
	switch {
	case v.Ratified != "":
		fmt.Fprintf(w, "            ratified by %s at %s\n", plain(v.RatifiedBy), v.Ratified)
	case v.Stands:
		fmt.Fprintln(w, "            not ratified yet")
	}
	if v.Review != "" {
		fmt.Fprintf(w, "            to be reviewed by %s\n", v.Review)
	}
	if v.LiftAsked != "" {
		fmt.Fprintf(w, "            lifting asked for by %s at %s, backlog %s: %s\n", plain(v.LiftBy), v.LiftAsked, v.LiftBacklog, plain(v.LiftReason))
	}
	if v.Lifted != "" {
		fmt.Fprintf(w, "            lifted by %s at %s\n", plain(v.LiftedBy), v.Lifted)
	}
}

// moment reads a flag that is a time: a day, at its beginning in UTC, or a timestamp. "" is 0.
func moment(flag, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	text := s
	if len(s) == len("2026-01-31") {
		text += "T00:00:00Z"
	}
	at, err := taxii.ParseTimestamp(text)
	if err != nil {
		return 0, usagef("--%s %q is not a time such as 2026-01-31 or 2026-01-31T12:00:00Z", flag, s)
	}
	return at, nil
}

func (a *app) partnerStop() *cobra.Command {
	var reason, basis, review string
	cmd := &cobra.Command{
		Use:   "stop PARTNER --reason TEXT --basis TEXT",
		Short: "Stop a partner at once",
		Long: `Stops a partner: from the next request on its accounts read and post nothing. One
releaser does it; a second ratifies it ("entente partner ratify"). If nobody does
within 24 hours, "partner list", "doctor" and the metrics raise an alarm, and the
stop stays. --review is the day on which the stop is looked at again; it never
lifts it. Lifting takes two people.

The partner is told that it is stopped, and not why.`,
		Example: `  entente --as ann partner stop "Harbour ISAC" --reason "listed" --basis "Regulation 2026/1, annex" --review 2027-01-31`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := moment("review", review)
			if err != nil {
				return err
			}
			return a.onPartner(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, p node.PartnerInfo) (string, string, error) {
				r, err := n.Do(ctx, who, entente.PlaceStop{Organisation: p.ID, Reason: reason, Basis: basis, Review: at})
				return r.ID, "Stopped %s; the stop %s waits for a second person to ratify it", err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "why, in words that a second person can check (required)")
	f.StringVar(&basis, "basis", "", "the legal basis (required)")
	f.StringVar(&review, "review", "", "when the stop is looked at again, as 2027-01-31; it never lifts it")
	cmd.MarkFlagRequired("reason")
	cmd.MarkFlagRequired("basis")
	return cmd
}

func (a *app) partnerRatify() *cobra.Command {
	var id, reason string
	cmd := &cobra.Command{
		Use:     "ratify PARTNER",
		Short:   "Ratify a stop, as a second person",
		Example: `  entente --as bob partner ratify "Harbour ISAC"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPartner(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, p node.PartnerInfo) (string, string, error) {
				s, err := chooseStop(p, id, func(s entente.Stop) bool { return s.Ratified == 0 })
				if err != nil {
					return "", "", err
				}
				_, err = n.Do(ctx, who, entente.RatifyStop{Why: entente.Why{Reason: reason}, Stop: s.ID})
				return s.ID, "The stop on %s is ratified (%s)", err
			})
		},
	}
	cmd.Flags().StringVar(&id, "stop", "", "id of the stop, where several stand")
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words that others can check later")
	return cmd
}

func (a *app) partnerLift() *cobra.Command {
	var id, reason, backlog string
	var ask bool
	cmd := &cobra.Command{
		Use:   "lift PARTNER --backlog none|all|since:TIME",
		Short: "Ask for a stop to be lifted, or lift it as the second person",
		Long: `Lifting a stop takes two people, who decide the same. The first gives the reason,
and asks; the second, another person, lifts. Both say what the partner is to get of
that which it missed: --backlog none, all, or since:TIME. There is no default.

Where somebody else has asked already, this lifts; --ask asks anew instead, and the
later word counts. Whoever asked may ask anew, with another reason or backlog.`,
		Example: `  entente --as bob partner lift "Harbour ISAC" --reason "delisted" --backlog none
  entente --as ann partner lift "Harbour ISAC" --backlog none`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPartner(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, p node.PartnerInfo) (string, string, error) {
				s, err := chooseStop(p, id, entente.Stop.Stands)
				if err != nil {
					return "", "", err
				}
				if s.LiftAsked == 0 || ask || s.LiftBy == who.Account.ID && reason != "" {
					_, err = n.Do(ctx, who, entente.AskLift{Stop: s.ID, Reason: reason, Backlog: backlog})
					return s.ID, "Asked to lift the stop on %s (%s); it stays until a second person lifts it", err
				}
				_, err = n.Do(ctx, who, entente.Lift{Why: entente.Why{Reason: reason}, Stop: s.ID, Backlog: backlog})
				return s.ID, "The stop on %s is lifted (%s)", err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&id, "stop", "", "id of the stop, where several stand")
	f.StringVar(&reason, "reason", "", "why; the one who asks must say it")
	f.StringVar(&backlog, "backlog", "", "what of the time of the stop the partner is to get: none, all, or since:TIME (required)")
	f.BoolVar(&ask, "ask", false, "ask anew, in place of what was asked before")
	cmd.MarkFlagRequired("backlog")
	return cmd
}

// onPartner does something with a partner's stops; f gives the stop's id and what to say,
// with the partner's name and the id in it.
func (a *app) onPartner(cmd *cobra.Command, name string, f func(context.Context, *node.Node, entente.Actor, node.PartnerInfo) (id, text string, err error)) error {
	return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
		p, err := n.PartnerNamed(ctx, who, name)
		if err != nil {
			return err
		}
		id, text, err := f(ctx, n, who, p)
		if err != nil {
			return err
		}
		names, _, err := accountNames(ctx, n, who)
		if err != nil {
			return err
		}
		if p, err = n.PartnerNamed(ctx, who, p.ID); err != nil {
			return err
		}
		i := slices.IndexFunc(p.Stops, func(s entente.Stop) bool { return s.ID == id })
		v := map[string]any{"partner": p.Name, "id": p.ID, "stopped": p.Stopped(), "stop": viewStop(p.Stops[i], names, n.Now())}
		return a.print(v, func(w io.Writer) {
			fmt.Fprintf(w, text+"\n", plain(p.Name), id)
			if p.Stopped() && !p.Stops[i].Stands() {
				fmt.Fprintln(w, "Another stop stands: the partner stays stopped.")
			}
		})
	})
}

// chooseStop finds the stop that is meant: the one named, or the only standing one that fits.
func chooseStop(p node.PartnerInfo, id string, fits func(entente.Stop) bool) (entente.Stop, error) {
	var found []entente.Stop
	for _, s := range p.Stops {
		if s.ID == id || id == "" && s.Stands() && fits(s) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return entente.Stop{}, entente.Errorf(entente.Conflict, "%d stops on %q fit; \"entente partner show\" lists them, and --stop ID names one", len(found), p.Name)
	case id != "":
		return entente.Stop{}, entente.Errorf(entente.NotFound, "%q has no stop %q", p.Name, id)
	}
	return entente.Stop{}, entente.Errorf(entente.NotFound, "there is no such stop on %q; \"entente partner show\" lists what there was", p.Name)
}
