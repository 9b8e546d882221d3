package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

type queueCountView struct {
	Agreement string `json:"agreement"`
	Reason    string `json:"reason"`
	Count     int64  `json:"count"`
	Oldest    string `json:"oldest"`
}

type queueView struct {
	Agreement string           `json:"agreement"`
	Object    entente.ObjectID `json:"object"`
	Version   string           `json:"version"`
	Digest    string           `json:"digest"`
	Source    string           `json:"source"`
	Reason    string           `json:"reason"`
	Arrived   string           `json:"arrived"`
	Awaits    int64            `json:"awaits,omitempty"` // objects
}

type owedView struct {
	Agreement string           `json:"agreement"`
	Object    entente.ObjectID `json:"object"`
	By        string           `json:"by"`
	At        string           `json:"at"`
	Overdue   bool             `json:"overdue"` // for longer than 24 hours
	Text      string           `json:"reason"`
}

// queueReasons are the reasons for which something waits, in the order of the help.
var queueReasons = []entente.Reason{entente.AwaitsApproval, entente.AwaitsDecision, entente.AwaitsReferences, entente.AwaitsDissent}

func (a *app) queueCmd() *cobra.Command {
	var reason string
	o := node.QueueOptions{}
	cmd := &cobra.Command{
		Use:   "queue [AGREEMENT]",
		Short: "List what waits in agreements, and for what",
		Long: `Lists the versions that wait, oldest first, with counts by reason:

  approval    two people approve it, or refuse it
  decision    a newer version is stricter than the terms: keep the older ones,
              withdraw them, or replace them by a tear-line
  references  it refers to objects that are not released (yet)
  dissent     it waits up to 72 hours for dissent that cannot be released yet

Urgent releases that wait for their review, standing releases that wait for a second
person, and recommendations to suspend that wait for an answer are listed too. "entente explain" tells more of each.`,
		Example: "  entente queue\n  entente queue north --reason approval --limit 50",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Agreement = args[0]
			}
			if reason != "" {
				for _, r := range queueReasons {
					if r.String() == reason {
						o.Reason = r
					}
				}
				if o.Reason == entente.NoReason {
					return usagef("--reason %q is none of approval, decision, references and dissent", reason)
				}
			}
			if o.Limit < 1 || o.Limit > 10_000 || o.Skip < 0 || o.Skip > 10_000_000 {
				return usagef("--limit is between 1 and 10000, and --skip is not negative")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				q, err := n.Queue(ctx, who, o)
				if err != nil {
					return err
				}
				var ids []entente.ObjectID
				for _, e := range q.Entries {
					ids = append(ids, e.Object)
				}
				called, err := a.called(ctx, n, who, ids)
				if err != nil {
					return err
				}
				return a.printQueue(q, called, n.Now())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "only what waits for this: approval, decision, references or dissent")
	f.IntVar(&o.Limit, "limit", 100, "the most entries to list")
	f.IntVar(&o.Skip, "skip", 0, "so many entries are passed over, for the next page")
	return cmd
}

func (a *app) printQueue(q node.Queue, called map[entente.ObjectID]string, now int64) error {
	counts, entries, owed := []queueCountView{}, []queueView{}, []owedView{}
	for _, c := range q.Counts {
		counts = append(counts, queueCountView{q.Called[c.Agreement], c.Reason.String(), c.Count, when(c.Oldest)})
	}
	for _, e := range q.Entries {
		entries = append(entries, queueView{q.Called[e.Agreement], e.Object, e.Stamp, e.Digest.String(), q.Names[e.Source], e.Reason.String(), when(e.Arrived), e.Awaits})
	}
	for _, d := range q.Owed {
		owed = append(owed, owedView{q.Names[d.Agreement], d.Object, q.Names[d.Account], when(d.At), d.Overdue(now), d.Text})
	}
	orders := []orderView{}
	for _, s := range q.Orders {
		orders = append(orders, viewOrder(s, q.Names, now))
	}
	recommended := []recommendationView{}
	for _, r := range q.Recommended {
		recommended = append(recommended, viewRecommendation(r, q.Names, now))
	}
	v := map[string]any{"counts": counts, "entries": entries, "more": q.More, "behind": q.Behind, "urgent": owed, "standing": orders, "recommendations": recommended}
	return a.print(v, func(w io.Writer) {
		if q.Behind > 0 {
			fmt.Fprintf(w, "%s to be judged; a running \"entente serve\" does that.\n", plural(int(q.Behind), "line of a collection is", "lines of collections are"))
		}
		for _, r := range recommended {
			r.write(w)
		}
		if len(counts)+len(owed)+len(orders)+len(recommended) == 0 {
			fmt.Fprintln(w, "Nothing waits.")
			return
		}
		for _, d := range owed {
			late := ""
			if d.Overdue {
				late = ", for longer than 24 hours"
			}
			fmt.Fprintf(w, "An urgent release waits for its review%s: %s in %s, by %s at %s: %s\n", late, d.Object, plain(d.Agreement), plain(d.By), d.At, plain(d.Text))
		}
		for _, s := range orders {
			fmt.Fprintf(w, "A standing release waits for a second person: %s in %s, of %s from %s, by %s\n", s.ID, plain(s.Agreement), plain(s.Type), plain(s.Source), plain(s.By))
		}
		rows := [][]string{{"AGREEMENT", "WAITS FOR", "VERSIONS", "OLDEST"}}
		for _, c := range counts {
			rows = append(rows, []string{plain(c.Agreement), c.Reason, fmt.Sprint(c.Count), c.Oldest})
		}
		if len(counts) > 0 {
			table(w, rows)
			fmt.Fprintln(w)
		}
		rows = [][]string{{"SINCE", "AGREEMENT", "WAITS FOR", "OBJECT", "NAME", "VERSION", "FROM"}}
		for _, e := range entries {
			reason := e.Reason
			if e.Awaits > 0 {
				reason += fmt.Sprintf(" (%d)", e.Awaits)
			}
			rows = append(rows, []string{e.Arrived, plain(e.Agreement), reason, string(e.Object), called[e.Object], plain(e.Version), plain(e.Source)})
		}
		if len(entries) > 0 {
			table(w, rows)
		}
		if q.More {
			fmt.Fprintln(w, "There is more; --skip and --limit page through it.")
		}
	})
}
