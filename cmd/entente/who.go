package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

type sightView struct {
	Agreement string `json:"agreement,omitempty"`
	Sees      bool   `json:"sees"`
	Since     string `json:"since,omitempty"`
	Version   string `json:"version,omitempty"`
	Stamp     string `json:"stamp,omitempty"`
	Rule      string `json:"rule,omitempty"` // the first that refuses it
	Reason    string `json:"reason,omitempty"`
	Why       string `json:"why"`
	Without   bool   `json:"without_dissent,omitempty"` // it is seen without dissent that is not released
	evidenceView
}

// evidenceView is how far it is known that a partner has something: offered, served,
// acknowledged.
type evidenceView struct {
	Evidence     string `json:"evidence,omitempty"`
	Served       string `json:"served,omitempty"` // for the first time
	Log          string `json:"log,omitempty"`    // epoch and index of the entry of the partner's log that tells so
	Acknowledged string `json:"acknowledged,omitempty"`
}

func viewEvidence(e node.Evidence) evidenceView {
	v := evidenceView{Evidence: e.Grade()}
	if e.Served != 0 {
		v.Served, v.Log, v.Acknowledged = when(e.Served), fmt.Sprintf("%d/%d", e.Log, e.Entry), when(e.Acknowledged)
	}
	return v
}

// String tells it behind an entry.
func (v evidenceView) String() string {
	switch {
	case v.Served == "":
		return v.Evidence
	case v.Acknowledged == "":
		return fmt.Sprintf("served %s, entry %s of its log", v.Served, v.Log)
	}
	return fmt.Sprintf("acknowledged %s, served %s, entry %s of its log", v.Acknowledged, v.Served, v.Log)
}

type whoView struct {
	Partner string      `json:"partner"`
	ID      string      `json:"id"`
	Sees    bool        `json:"sees"`
	Through []sightView `json:"through"`
}

func (a *app) whoCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "who ID",
		Short: "Tell which partners can see an object and why, and which cannot and why",
		Long: `Tells for every partner through which agreement it can see an object, since when and
how it is stamped, and whether it goes without dissent that is not released; or what keeps it from the partner: the first rule that refuses it,
a stop, a suspension, or that nothing the partner is a member of covers it.`,
		Example: "  entente who indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := n.Who(ctx, who, id)
				if err != nil {
					return err
				}
				views := []whoView{}
				for _, p := range all {
					v := whoView{Partner: p.Partner.Name, ID: p.Partner.ID, Sees: p.Sees}
					for _, s := range p.Through {
						x := sightView{Agreement: s.Agreement, Sees: s.Sees, Since: when(s.Since), Version: s.Version, Why: s.Why, Reason: s.Reason.String(), Without: s.Contested}
						if s.Since != 0 {
							x.evidenceView = viewEvidence(s.Evidence)
						}
						if s.Rule != 0 {
							x.Rule = s.Rule.String()
						}
						if s.Stamp != entente.TLPNone {
							x.Stamp = "tlp:" + s.Stamp.String()
						}
						v.Through = append(v.Through, x)
					}
					views = append(views, v)
				}
				return a.print(map[string]any{"object": id, "partners": views}, func(w io.Writer) { writeWho(w, views) })
			})
		},
	}
}

func writeWho(w io.Writer, all []whoView) {
	if len(all) == 0 {
		fmt.Fprintln(w, "There are no partners.")
	}
	for _, v := range all {
		can := "cannot see it"
		if v.Sees {
			can = "can see it"
		}
		fmt.Fprintf(w, "%s %s\n", plain(v.Partner), can)
		for _, s := range v.Through {
			switch {
			case s.Sees:
				how := ""
				if s.Stamp != "" {
					how = ", stamped " + s.Stamp
				}
				if s.Without {
					how += ", contested: without dissent that is not released"
				}
				fmt.Fprintf(w, "  through %s since %s%s; %s\n", plain(s.Agreement), s.Since, how, s.evidenceView)
			case s.Agreement == "":
				fmt.Fprintf(w, "  %s\n", plain(s.Why))
			case s.Rule != "":
				fmt.Fprintf(w, "  not through %s, by the rule of %s: %s\n", plain(s.Agreement), s.Rule, plain(s.Why))
			default:
				fmt.Fprintf(w, "  not through %s: %s\n", plain(s.Agreement), plain(s.Why))
			}
		}
	}
}

type heldFeedView struct {
	ID         string          `json:"id"`
	Collection string          `json:"collection"`
	Head       int64           `json:"head"`
	Count      int64           `json:"count"`
	Entries    []heldEntryView `json:"entries"`
}

type heldEntryView struct {
	Object  entente.ObjectID `json:"object"`
	Version string           `json:"version"`
	Digest  string           `json:"digest"`
	Added   string           `json:"added"`
	evidenceView
}

type holdingView struct {
	Agreement string         `json:"agreement"`
	AsOf      string         `json:"as_of,omitempty"` // the last moment at which the door was open
	Shut      string         `json:"shut,omitempty"`  // why it was shut at the moment itself
	Feeds     []heldFeedView `json:"feeds"`
}

func (a *app) heldByCmd() *cobra.Command {
	var at string
	var limit int
	cmd := &cobra.Command{
		Use:   "held-by PARTNER",
		Short: "Tell what a partner had been offered at a moment",
		Long: `Lists what stood in a partner's feeds at a moment, so far as it could read them then.
Where the door was shut (a suspension, a stop), it is what the partner could see when
it was open last. Beside each entry stands the evidence that the partner has it:
offered, it could fetch it; served, it was sent to an account of it, with the first
time and the entry of its log of the ledger that tells so; acknowledged, the partner
has signed that it has its log up to there ("entente ledger receipt").`,
		Example: `  entente held-by "North CERT" --at 2026-11-01T12:00:00Z`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			moment, err := moment("at", at)
			if err != nil {
				return err
			}
			if limit < 0 || limit > 1_000_000 {
				return usagef("--limit is between 0 and 1000000")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if moment == 0 {
					moment = n.Now()
				}
				all, names, err := n.HeldBy(ctx, who, args[0], moment, limit)
				if err != nil {
					return err
				}
				views := viewHoldings(all, names)
				return a.print(map[string]any{"partner": args[0], "at": when(moment), "agreements": views}, func(w io.Writer) { writeHoldings(w, views, limit) })
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the moment, as 2026-11-01 or 2026-11-01T12:00:00Z; without it, now")
	cmd.Flags().IntVar(&limit, "limit", 100, "the most entries of each feed to list; counts are of all")
	return cmd
}

func viewHoldings(all []node.Holding, names map[string]string) []holdingView {
	views := []holdingView{}
	for _, h := range all {
		v := holdingView{Agreement: h.Agreement, AsOf: when(h.AsOf), Shut: h.Why, Feeds: []heldFeedView{}}
		for _, f := range h.Feeds {
			x := heldFeedView{ID: f.ID, Collection: names[f.Collection], Head: f.Head, Count: f.Count, Entries: []heldEntryView{}}
			for i, e := range f.Entries {
				x.Entries = append(x.Entries, heldEntryView{e.ID, e.Stamp, e.Digest.String(), when(e.Added), viewEvidence(f.Evidence[i])})
			}
			v.Feeds = append(v.Feeds, x)
		}
		views = append(views, v)
	}
	return views
}

func writeHoldings(w io.Writer, all []holdingView, limit int) {
	if len(all) == 0 {
		fmt.Fprintln(w, "It has been a member of no agreement.")
	}
	for _, h := range all {
		fmt.Fprintf(w, "%s", plain(h.Agreement))
		switch {
		case h.AsOf == "":
			fmt.Fprintf(w, ": nothing; it had never been open to it (%s)\n", plain(h.Shut))
			continue
		case h.Shut != "":
			fmt.Fprintf(w, ", as of %s, when it was open last (%s)", h.AsOf, plain(h.Shut))
		}
		fmt.Fprintln(w)
		for _, f := range h.Feeds {
			fmt.Fprintf(w, "  from %s: %s\n", plain(f.Collection), plural(int(f.Count), "entry", "entries"))
			var rows [][]string
			for _, e := range f.Entries {
				rows = append(rows, []string{"    " + e.Added, string(e.Object), plain(e.Version), e.evidenceView.String()})
			}
			table(w, rows)
			if limit > 0 && f.Count > int64(len(f.Entries)) {
				fmt.Fprintf(w, "    and %d more; --limit lists more than %d\n", f.Count-int64(len(f.Entries)), limit)
			}
		}
	}
}
