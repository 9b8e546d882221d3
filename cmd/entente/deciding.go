package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// deciding is one of the commands by which a releaser decides about an object.
type deciding struct {
	action entente.Action
	use    string
	short  string
	long   string
	done   string // what to say, with the object and the agreement in it
	why    string // the reason of the example
	whole  bool   // it may be about the object as a whole
}

const decidingLong = `

Where several versions of the object fit, --version (as "entente explain" names it)
or --digest says which is meant. The decision acts before the command ends; where it
takes something out of a feed, the agreement's readers wait until that is done.`

func (a *app) decidingCmds() []*cobra.Command {
	var out []*cobra.Command
	for _, d := range []deciding{
		{entente.Approve, "approve", "Approve the release of a version",
			`Lets a version go to an agreement's members, where the terms or a choice of backlog
hold it back until somebody says so. Where the terms ask for approval it takes two
people; each gives a reason. What was withdrawn or refused before needs both again.

An approval never makes a marking laxer: the other rules hold as before.`, "Approved %s for %s.", "the source agrees", false},
		{entente.Refuse, "refuse", "Refuse the release of a version",
			`Says that a version that waits is not released. Approvals that it had count no more.`, "Refused %s for %s.", "it would give the source away", false},
		{entente.Keep, "keep", "Keep older versions although a newer one is stricter",
			`When a newer version of an object is stricter than the terms, older versions stay in
the feed until somebody decides: keep them, "withdraw" them, or replace them by a
"tearline". The decision counts for that newer version, and for no later one.`, "The older versions of %s stay in %s.", "agreed with the source", false},
		{entente.Withdraw, "withdraw", "Take an object out of a feed",
			`Takes an object out of an agreement's feeds, and everything there that refers to it.
Where a newer version is stricter than the terms, this decides about the older ones
because of that version; else it is about the object as a whole, and no version of it
enters again until it is approved. --whole says the latter in any case.

What partners have received they keep: this takes back what they are offered.`, "Withdrew %s from %s.", "a false alarm", true},
		{entente.Urgent, "urgent", "Release a version now, to be reviewed within 24 hours",
			`Releases a version that waits for approval on one person's word. A second person
reviews that within 24 hours ("entente review"); if nobody does, "doctor", "queue" and
the metrics raise an alarm, and it stays released.`, "Released %s to %s as urgent; a second person reviews it within 24 hours.", "they are under attack now", false},
		{entente.Reviewed, "review", "Review an urgent release, as a second person",
			`Says that a second person has looked at an urgent release and stands by it. Whoever
does not withdraws the object instead.`, "Reviewed the urgent release of %s in %s.", "it was urgent indeed", false},
	} {
		cmd := a.decidingCmd(d)
		if d.action == entente.Reviewed {
			cmd.AddCommand(a.reviewCmds()...)
		}
		out = append(out, cmd)
	}
	return out
}

func (a *app) decidingCmd(d deciding) *cobra.Command {
	var agreement, reason, version, digest, preview string
	var whole bool
	cmd := &cobra.Command{
		Use:     d.use + " ID --for AGREEMENT --reason TEXT",
		Short:   d.short,
		Long:    d.long + decidingLong,
		Example: fmt.Sprintf("  entente --as ann %s indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --for north --reason %q", d.use, d.why),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				k, err := n.Concerns(ctx, who, agreement, id)
				if err != nil {
					return err
				}
				c := entente.TakeDecision{Agreement: k.Concerns[0].ID, Object: id, Action: d.action, Text: reason}
				c.Preview = preview
				if d.action == entente.Reviewed {
					owedVersions(k)
				}
				v, err := chooseVersion(k, d, version, digest, whole)
				if err != nil {
					return err
				}
				if v != nil {
					c.Digest = v.Digest
				}
				r, err := n.Do(ctx, who, c)
				if err != nil {
					return err
				}
				return a.told(ctx, n, who, k.Concerns[0].Name, c, r.ID, d)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&agreement, "for", "", "the agreement, by name or id (required)")
	f.StringVar(&reason, "reason", "", "the justification, in words that somebody else can check (required)")
	f.StringVar(&version, "version", "", "the version that is meant, where several fit")
	f.StringVar(&digest, "digest", "", "the version that is meant, by its SHA-256")
	f.StringVar(&preview, "preview", "", "token of a preview: refuse if anything has moved since")
	if d.whole {
		f.BoolVar(&whole, "whole", false, "the object as a whole, whatever version comes")
	}
	cmd.MarkFlagRequired("for")
	cmd.MarkFlagRequired("reason")
	return cmd
}

// chooseVersion finds the version that a decision is about, nil for the object as a whole.
func chooseVersion(k *entente.Case, d deciding, version, digest string, whole bool) (*entente.HeldVersion, error) {
	c := &k.Concerns[0]
	if whole && (version != "" || digest != "") {
		return nil, usagef("--whole is about every version; leave --version and --digest out")
	}
	if len(c.Held) == 0 {
		return nil, entente.Errorf(entente.NotFound, "no collection that %q covers holds %s", c.Name, k.Object)
	}
	if version != "" || digest != "" {
		var found []*entente.HeldVersion
		for i := range c.Held {
			h := &c.Held[i]
			if (version == "" || h.Stamp == version) && (digest == "" || strings.EqualFold(strings.TrimPrefix(digest, "sha256:"), h.Digest.String())) {
				found = append(found, h)
			}
		}
		return oneVersion(c, found)
	}
	if whole {
		return nil, nil
	}
	var first, second []*entente.HeldVersion // what is surely meant, and what may be
	for i := range c.Held {
		h := &c.Held[i]
		switch d.action {
		case entente.Approve, entente.Refuse, entente.Urgent:
			if h.Waits == entente.AwaitsApproval {
				first = append(first, h)
			}
			if !h.Stands {
				second = append(second, h)
			}
		case entente.Keep, entente.Withdraw, entente.Tearline:
			if h.Waits == entente.AwaitsDecision {
				first = append(first, h)
			}
		case entente.Reviewed:
			if entente.Tally(k.Decisions, h.Digest).Owed != nil {
				first = append(first, h)
			}
		}
	}
	switch {
	case len(first) > 0:
		return oneVersion(c, first)
	case d.whole:
		return nil, nil
	case len(second) == 0:
		second = pointers(c.Held) // what is wrong with it the rules tell better
	}
	return oneVersion(c, second)
}

// owedVersions adds versions that are not there any more, and whose urgent release waits for a
// review.
func owedVersions(k *entente.Case) {
	c := &k.Concerns[0]
	for _, d := range entente.Owed(k.Decisions) {
		if !slices.ContainsFunc(c.Held, func(h entente.HeldVersion) bool { return h.Digest == d.Digest }) {
			c.Held = append(c.Held, entente.HeldVersion{Digest: d.Digest, Stamp: "a version that is gone"})
		}
	}
}

func pointers(all []entente.HeldVersion) []*entente.HeldVersion {
	var out []*entente.HeldVersion
	for i := range all {
		out = append(out, &all[i])
	}
	return out
}

func oneVersion(c *entente.Concern, found []*entente.HeldVersion) (*entente.HeldVersion, error) {
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		found = pointers(c.Held)
	}
	var all []string
	for _, h := range found {
		all = append(all, h.Stamp+" (sha256:"+h.Digest.String()+")")
	}
	return nil, entente.Errorf(entente.Conflict, "say which version is meant, by --version or --digest; there are %s", strings.Join(all, ", "))
}

// told carries the feeds on, and tells what a decision came to.
func (a *app) told(ctx context.Context, n *node.Node, who entente.Actor, agreement string, c entente.TakeDecision, id string, d deciding) error {
	if err := n.Settle(ctx, agreement, nil); err != nil {
		return err
	}
	x, err := n.Explain(ctx, who, agreement, c.Object)
	if d.action == entente.Reviewed && entente.KindOf(err) == entente.NotFound { // it is gone, and the review was owed
		x.Agreement.Name, err = agreement, nil
	}
	if err != nil {
		return err
	}
	stands, why := false, ""
	for i := range x.Submissions {
		e := &x.Submissions[i]
		if c.Digest != (entente.Digest{}) && e.Version.Digest != c.Digest {
			continue
		}
		if e.Entry != nil {
			stands = true
			continue
		}
		if s := blocking(e); s != nil {
			why = s.Saw
		}
	}
	v := map[string]any{"decision": id, "agreement": x.Agreement.Name, "object": c.Object, "action": d.action.String(), "stands": stands}
	if c.Digest != (entente.Digest{}) {
		v["digest"] = c.Digest.String()
	}
	if !stands && why != "" {
		v["why"] = why
	}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, d.done+"\n", c.Object, plain(x.Agreement.Name))
		switch {
		case d.action != entente.Approve && d.action != entente.Urgent:
		case stands:
			fmt.Fprintln(w, "It stands in the feed now.")
		case why != "":
			fmt.Fprintf(w, "It is not in the feed yet: %s.\n", plain(why))
		}
	})
}

// blocking is the first rule that keeps a submission back, nil for none.
func blocking(e *node.ExplainedSubmission) *entente.Step {
	for i := range e.Verdict.Steps {
		if s := &e.Verdict.Steps[i]; s.Ruling != entente.Released && s.Ruling == e.Verdict.Ruling {
			return s
		}
	}
	return nil
}
