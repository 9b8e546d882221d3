package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// ruleView is what one rule said, as the command line shows it.
type ruleView struct {
	Rule   string             `json:"rule"`
	Ruling string             `json:"ruling"`
	Reason string             `json:"reason,omitempty"`
	Saw    string             `json:"saw"`
	Awaits []entente.ObjectID `json:"awaits,omitempty"`
	Until  string             `json:"until,omitempty"`
}

type explainedView struct {
	Version    string     `json:"version"`
	Digest     string     `json:"digest"`
	Collection string     `json:"collection"`
	Source     string     `json:"source"`
	Via        string     `json:"via,omitempty"` // the agreement through which it came
	Added      string     `json:"added"`
	Ruling     string     `json:"ruling"`
	Reason     string     `json:"reason,omitempty"`
	Stands     bool       `json:"stands"`
	Feed       string     `json:"feed"`
	Position   int64      `json:"position,omitempty"`
	Since      string     `json:"since,omitempty"`
	Stamp      string     `json:"stamp,omitempty"`
	Contested  bool       `json:"contested"`
	Without    bool       `json:"without_dissent"` // it goes without dissent that is not released
	Undecided  bool       `json:"undecided"`
	Ahead      bool       `json:"ahead"` // the feed has not come to it yet
	Rules      []ruleView `json:"rules"`
	Do         []string   `json:"do,omitempty"` // what a releaser can do
}

type decisionView struct {
	At      string `json:"at"`
	By      string `json:"by"`
	Action  string `json:"action"`
	Version string `json:"digest,omitempty"` // "" for the object as a whole
	Text    string `json:"reason"`
}

func viewExplained(x node.Explained, e *node.ExplainedSubmission) explainedView {
	v := explainedView{Version: e.VersionName(), Digest: e.Version.Digest.String(), Collection: x.Names[e.Collection], Source: x.Names[e.Source], Via: x.Names[e.Via],
		Added: when(e.Arrived), Ruling: e.Verdict.Ruling.String(), Reason: e.Verdict.Reason.String(), Feed: e.Feed,
		Contested: e.Contested, Without: e.Verdict.Contested, Undecided: e.Undecided, Ahead: e.Ahead, Do: remedies(x, e)}
	if e.Entry != nil {
		v.Stands, v.Position, v.Since = true, e.Entry.Line.Seq, when(e.Entry.Line.Added)
	}
	if e.Verdict.Stamp != entente.TLPNone {
		v.Stamp = "tlp:" + e.Verdict.Stamp.String()
	}
	for _, s := range e.Verdict.Steps {
		v.Rules = append(v.Rules, ruleView{Rule: s.Rule.String(), Ruling: s.Ruling.String(), Reason: s.Reason.String(), Saw: s.Saw, Awaits: s.Awaits, Until: when(s.Until)})
	}
	return v
}

// remedies says what a releaser can do about a submission that does not stand, in commands.
func remedies(x node.Explained, e *node.ExplainedSubmission) []string {
	of := fmt.Sprintf("%s --for %s", x.Object, x.Agreement.Name)
	if e.Undecided {
		return []string{
			"older versions stand beside it; decide what becomes of them:",
			"entente keep " + of + " --reason TEXT", "entente withdraw " + of + " --reason TEXT", "entente tearline " + of + " --name TITLE --submit COLLECTION --reason TEXT",
		}
	}
	if e.Entry != nil || e.Contested || e.Verdict.Ruling == entente.Released {
		return nil
	}
	version := fmt.Sprintf("%s --version %s", of, e.VersionName())
	for i := range x.Submissions {
		if o := &x.Submissions[i]; o.VersionName() == e.VersionName() && o.Version.Digest != e.Version.Digest {
			version = fmt.Sprintf("%s --digest %s", of, e.Version.Digest)
		}
	}
	var out []string
	for _, s := range e.Verdict.Steps { // what waits for several things needs all of them; what is withheld, one
		if s.Ruling == e.Verdict.Ruling {
			out = append(out, remedy(x, s, of, version)...)
		}
		if e.Verdict.Ruling == entente.Withheld && len(out) > 0 {
			break
		}
	}
	return out
}

// remedy says what a releaser can do about what one rule says, in commands about the object
// and about the version of it.
func remedy(x node.Explained, s entente.Step, of, version string) []string {
	switch s.Reason {
	case entente.LeftOut, entente.AwaitsApproval:
		out := []string{"entente approve " + version + " --reason TEXT"}
		if s.Reason == entente.AwaitsApproval {
			out = append(out, "entente refuse "+version+" --reason TEXT", "entente urgent "+version+" --reason TEXT (one person; reviewed within 24 hours)")
		}
		return out
	case entente.Refused, entente.WithdrawnByDecision:
		return []string{"it comes back only if it is approved anew: entente approve " + version + " --reason TEXT"}
	case entente.Restricted:
		return []string{"a second person may lift the restriction: entente restrict lift " + string(x.Object) + " --reason TEXT"}
	case entente.NotOnward:
		return []string{"its originator may permit it: entente permission add " + of + " --originator NAME --said WHO --purpose TEXT"}
	case entente.AwaitsReferences:
		var out []string
		for _, id := range s.Awaits {
			if len(out) < 5 {
				out = append(out, fmt.Sprintf("see what keeps that back: entente explain %s %s", x.Agreement.Name, id))
			}
		}
		return out
	case entente.AwaitsDissent:
		return []string{"see who dissents: entente dissent list " + string(x.Object)}
	case entente.Unmarked:
		return []string{"mark it at its source, or agree on terms that say what unmarked objects are (unmarked = \"tlp:…\")"}
	case entente.UnknownMarking:
		return []string{"no rule exists for that marking; only its creator can mark it otherwise"}
	case entente.TooStrict, entente.StricterNewer:
		return []string{"no decision makes a marking laxer; a report of your own may tell what can be told: entente tearline " + of + " --name TITLE"}
	case entente.NotCovered, entente.WrongType, entente.WrongLabels, entente.LowConfidence, entente.TooOld:
		return []string{"only other terms release it: entente agreement amend FILE --reason TEXT"}
	}
	return nil
}

func (a *app) explainCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "explain AGREEMENT ID",
		Short: "Tell why an object is released through an agreement, or why not",
		Long: `Tells of every version that the agreement's collections hold of an object what the
release rule says: each of its eight points in order with what it saw, what the version
waits for, where it stands in the feed, and what a releaser can do about it.

A verdict is released, pending (it waits for an object that it refers to, an approval,
a decision or dissent) or withheld. Nothing is released unless every rule lets it go.`,
		Example: "  entente explain north indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[1])
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				x, err := n.Explain(ctx, who, args[0], id)
				if err != nil {
					return err
				}
				var views []explainedView
				for i := range x.Submissions {
					views = append(views, viewExplained(x, &x.Submissions[i]))
				}
				decisions := []decisionView{}
				for _, d := range x.Decisions {
					v := decisionView{At: when(d.At), By: x.Names[d.Account], Action: d.Action.String(), Text: d.Text}
					if d.Digest != (entente.Digest{}) {
						v.Version = d.Digest.String()
					}
					decisions = append(decisions, v)
				}
				out := map[string]any{"agreement": x.Agreement.Name, "state": x.Agreement.State, "terms": x.Agreement.Version, "object": id,
					"submissions": views, "decisions": decisions, "waited_for_by": x.WaitedFor}
				return a.print(out, func(w io.Writer) { writeExplained(w, x, views, decisions) })
			})
		},
	}
}

func writeExplained(w io.Writer, x node.Explained, views []explainedView, decisions []decisionView) {
	fmt.Fprintf(w, "%s in %s", x.Object, plain(x.Agreement.Name))
	if x.Agreement.State != entente.Active {
		fmt.Fprintf(w, " (which is %s: nothing flows)", x.Agreement.State)
	}
	fmt.Fprintln(w)
	for _, v := range views {
		via := ""
		if v.Via != "" {
			via = " through " + plain(v.Via)
		}
		ruling := v.Ruling
		if v.Contested && v.Ruling == "released" {
			ruling = "let go by the rule, but another has its place"
		}
		fmt.Fprintf(w, "\nversion %s of %s%s, in %s: %s\n", plain(v.Version), plain(v.Source), via, plain(v.Collection), ruling)
		if slices.ContainsFunc(views, func(o explainedView) bool { return o.Version == v.Version && o.Digest != v.Digest }) {
			fmt.Fprintf(w, "  contents %s\n", v.Digest)
		}
		var rows [][]string
		for i, r := range v.Rules {
			until := ""
			if r.Until != "" {
				until = " (until " + r.Until + ")"
			}
			rows = append(rows, []string{fmt.Sprintf("  %d %s", i+1, r.Rule), r.Ruling, plain(r.Saw) + until})
		}
		table(w, rows)
		switch {
		case v.Stands && v.Stamp != "":
			fmt.Fprintf(w, "  It stands in the feed since %s, stamped %s.\n", v.Since, v.Stamp)
		case v.Stands:
			fmt.Fprintf(w, "  It stands in the feed since %s.\n", v.Since)
		case v.Contested:
			fmt.Fprintln(w, "  It does not stand in the feed: another submission has its place.")
		case v.Ruling == "released":
			fmt.Fprintln(w, "  It is about to enter the feed.")
		default:
			fmt.Fprintln(w, "  It does not stand in the feed.")
		}
		for _, d := range v.Do {
			fmt.Fprintf(w, "  -> %s\n", plain(d))
		}
	}
	if len(decisions) > 0 {
		fmt.Fprintln(w, "\nDecided:")
		for _, d := range decisions {
			fmt.Fprintf(w, "  %s  %s by %s: %s\n", d.At, d.Action, plain(d.By), plain(d.Text))
		}
	}
	if r := x.Restriction; r != nil {
		to := "withdrawn"
		if !r.Withdraw {
			to = "restricted to tlp:" + r.To.String()
		}
		fmt.Fprintf(w, "\nHome has it %s: %s\n", to, plain(r.Reason))
	}
	if len(x.WaitedFor) > 0 {
		fmt.Fprintf(w, "\n%s for this object.\n", plural(len(x.WaitedFor), "object waits", "objects wait"))
	}
}
