package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// agreementStep makes a command that takes a step of the agreement which it names, and shows
// it after. Words tell what was done.
func (a *app) agreementStep(cmd *cobra.Command, name string, do func(context.Context, *node.Node, entente.Actor, node.AgreementInfo) error,
	words func(io.Writer, agreementView)) error {
	return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
		g, err := n.AgreementNamed(ctx, who, name)
		if err != nil {
			return err
		}
		if err := do(ctx, n, who, g); err != nil {
			return err
		}
		return a.printAgreement(ctx, n, who, g.ID, words)
	})
}

func (a *app) agreementPropose() *cobra.Command {
	var kept, reason string
	cmd := &cobra.Command{
		Use:   "propose FILE",
		Short: "Put terms on the table, for home",
		Long: `Keeps the terms of a file and puts them on the table. By that home accepts them;
now every member accepts the same terms: "entente agreement accept". As long as
the agreement has not been active, other terms can be proposed in their place.`,
		Example: `  entente --as ann agreement propose harbour.toml
  entente --as ann agreement propose --kept harbour`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (kept != "") {
				return usagef("name a terms file, or a draft in the node with --kept")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				name := kept
				if !who.Local && !who.May(entente.SettleAgreement) { // else a draft would stay behind
					return entente.Errorf(entente.Forbidden, "only somebody who holds the role releaser now may propose; \"entente agreement draft NAME --file FILE\" keeps the terms as a draft")
				}
				if len(args) == 1 {
					v, err := a.readTerms(ctx, n, who, args[0])
					if err != nil {
						return err
					}
					name = v.Terms.Name
					if err := keepNew(ctx, n, who, v); err != nil {
						return err
					}
				}
				g, err := n.AgreementNamed(ctx, who, name)
				if err != nil {
					return err
				}
				if _, err := n.Do(ctx, who, entente.ProposeAgreement{Agreement: g.ID, Reason: reason}); err != nil {
					return err
				}
				return a.printAgreement(ctx, n, who, g.ID, func(w io.Writer, v agreementView) {
					fmt.Fprintf(w, "Proposed %s, version %d of its terms\n  hash  %s\n", v.Name, v.OnTable.Version, v.OnTable.Hash)
					v.writeMissing(w)
				})
			})
		},
	}
	cmd.Flags().StringVar(&kept, "kept", "", "name of a draft that the node keeps")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history")
	return cmd
}

// keepNew keeps terms as a draft, unless they are the draft that is kept already.
func keepNew(ctx context.Context, n *node.Node, who entente.Actor, v entente.TermsVersion) error {
	g, err := n.AgreementNamed(ctx, who, v.Terms.Name)
	if err == nil && g.State == entente.Draft && g.Hash == v.Hash {
		return nil
	}
	if err != nil && entente.KindOf(err) != entente.NotFound {
		return err
	}
	_, err = n.Do(ctx, who, entente.DraftTerms{Terms: v})
	return err
}

func (a *app) agreementAccept() *cobra.Command {
	var member, said, hash, reason string
	cmd := &cobra.Command{
		Use:   "accept NAME --for PARTNER --said TEXT",
		Short: "Record that a member accepts what is on the table",
		Long: `Records the word of a member that has no node of its own: who said it, and how.
The word is for the terms on the table, named by their hash ("entente agreement
show"): proposed ones, amended ones, or those under which a suspended agreement is
to be restored. With --hash it is checked that they are those which the member read.`,
		Example: `  entente --as ann agreement accept harbour --for "Harbour ISAC" --said "Head of desk, signed letter of 3 May"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.agreementStep(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, g node.AgreementInfo) error {
				p, err := n.PartnerNamed(ctx, who, member)
				if err != nil {
					return err
				}
				c := entente.AcceptAgreement{Agreement: g.ID, Organisation: p.ID, Said: said, Why: entente.Why{Reason: reason}}
				if v := g.OnTable(); v != nil {
					c.Hash = v.Hash
				}
				if hash != "" {
					b, err := hex.DecodeString(strings.TrimSpace(hash))
					if err != nil || len(b) != len(c.Hash) {
						return usagef("--hash is the %d hexadecimal digits that name terms", 2*len(c.Hash))
					}
					copy(c.Hash[:], b)
				}
				_, err = n.Do(ctx, who, c)
				return err
			}, func(w io.Writer, v agreementView) {
				fmt.Fprintf(w, "Recorded: %s accepts version %d of the terms of %s\n", plain(member), v.OnTable.Version, v.Name)
				v.writeMissing(w)
			})
		},
	}
	cmd.Flags().StringVar(&member, "for", "", "the member whose word it is (required)")
	cmd.Flags().StringVar(&said, "said", "", "who said so for the member, and how (required)")
	cmd.Flags().StringVar(&hash, "hash", "", "the terms that the member read; without it, those on the table")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history")
	_ = cmd.MarkFlagRequired("for")
	_ = cmd.MarkFlagRequired("said")
	return cmd
}

// settle waits until what a step began is done, and tells how far it is.
func (a *app) settle(ctx context.Context, n *node.Node, who entente.Actor, g node.AgreementInfo) error {
	began, err := n.AgreementNamed(ctx, who, g.ID)
	if err != nil {
		return err
	}
	bar := a.counting(-1, "judging", "versions")
	err = n.Settle(ctx, g.ID, func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done)
	})
	_ = bar.Finish()
	if err != nil || began.Work == nil {
		return err
	}
	now, err := n.AgreementNamed(ctx, who, g.ID)
	if err == nil && (now.State != began.Work.To || now.Version < began.Work.Version) {
		return entente.Errorf(entente.Conflict, "it was called off meanwhile; \"entente agreement history %s\" says by whom", g.Name)
	}
	return err
}

func (a *app) agreementActivate() *cobra.Command {
	var backlog, reason, preview string
	cmd := &cobra.Command{
		Use:   "activate NAME --backlog none|all|since:TIME",
		Short: "Put in force what every member accepted",
		Long: `Puts the terms on the table in force: for the first time, or in place of what is in
force. Every member must have accepted them. All that the collections hold is judged
first, beside what goes on; then everything becomes visible at once. If the new
terms take something away, members wait (503) until that is done.

--backlog is asked for the collections that come to be covered by this, and left
out where none does. What is interrupted goes on when the command is given again,
or by itself where the node serves.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.agreementStep(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, g node.AgreementInfo) error {
				if g.Work == nil || g.Work.Step.Action != entente.StepActivate {
					if _, err := n.Do(ctx, who, entente.ActivateAgreement{Seen: entente.Seen{Preview: preview}, Agreement: g.ID, Backlog: backlog, Reason: reason}); err != nil {
						return err
					}
				}
				return a.settle(ctx, n, who, g)
			}, func(w io.Writer, v agreementView) {
				fmt.Fprintf(w, "%s is active, under version %d of its terms\n", v.Name, v.Version)
				v.writeFeeds(w)
			})
		},
	}
	cmd.Flags().StringVar(&backlog, "backlog", "", "what is sent of that which is there already: none, all, or since:TIME")
	cmd.Flags().StringVar(&preview, "preview", "", "token of a preview: refuse if anything has moved since")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history")
	return cmd
}

func (a *app) agreementAmend() *cobra.Command {
	var reason string
	var drop bool
	cmd := &cobra.Command{
		Use:   "amend FILE --reason TEXT",
		Short: "Put new terms on the table of an agreement, or take them off again",
		Long: `Puts new terms on the table of an agreement that is active or suspended. Those in
force stay in force until every member of the new terms has accepted them and
"entente agreement activate" (of a suspended one, "restore") puts them in force.
With --drop, amend NAME takes them off the table again.`,
		Example: `  entente --as ann agreement amend harbour.toml --reason "The new duty desk joins"
  entente --as ann agreement amend harbour --drop --reason "They do not agree"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if drop {
				return a.agreementStep(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, g node.AgreementInfo) error {
					_, err := n.Do(ctx, who, entente.DropAmendment{Agreement: g.ID, Reason: reason})
					return err
				}, func(w io.Writer, v agreementView) {
					fmt.Fprintf(w, "The new terms of %s are off the table; version %d stays\n", v.Name, v.Version)
				})
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				v, err := a.readTerms(ctx, n, who, args[0])
				if err != nil {
					return err
				}
				g, err := n.AgreementNamed(ctx, who, v.Terms.Name)
				if err != nil {
					return err
				}
				if _, err := n.Do(ctx, who, entente.AmendAgreement{Agreement: g.ID, Terms: v, Reason: reason}); err != nil {
					return err
				}
				return a.printAgreement(ctx, n, who, g.ID, func(w io.Writer, v agreementView) {
					fmt.Fprintf(w, "New terms of %s are on the table: version %d\n  hash  %s\n", v.Name, v.OnTable.Version, v.OnTable.Hash)
					v.writeChanges(w)
					v.writeMissing(w)
				})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words that others can check later (required)")
	cmd.Flags().BoolVar(&drop, "drop", false, "take the new terms of the agreement NAME off the table")
	return cmd
}

// oneSide are the flags of what one side does alone.
type oneSide struct{ member, said, reason string }

func (s *oneSide) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, in words that others can check later (required)")
	cmd.Flags().StringVar(&s.member, "for", "", "the member that asked for it, with --said; without it, home")
	cmd.Flags().StringVar(&s.said, "said", "", "who said so for that member, and how")
}

// organisation is the id of the side that acts, "" for home.
func (s *oneSide) organisation(ctx context.Context, n *node.Node, who entente.Actor) (string, error) {
	if s.member == "" {
		return "", nil
	}
	p, err := n.PartnerNamed(ctx, who, s.member)
	return p.ID, err
}

func (a *app) agreementSuspend() *cobra.Command {
	var side oneSide
	cmd := &cobra.Command{
		Use:   "suspend NAME --reason TEXT",
		Short: "Stop the flow of an agreement, at once",
		Long: `Stops reading and posting through an agreement from the next request on. One side
is enough. A change under way is called off. What was released before stays with
those who have it; nothing new is released until all sides have agreed to restore it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.agreementStep(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, g node.AgreementInfo) error {
				org, err := side.organisation(ctx, n, who)
				if err != nil {
					return err
				}
				_, err = n.Do(ctx, who, entente.SuspendAgreement{Agreement: g.ID, Organisation: org, Said: side.said, Reason: side.reason})
				return err
			}, func(w io.Writer, v agreementView) {
				fmt.Fprintf(w, "%s is %s; nothing is read or posted through it\n", v.Name, v.State)
			})
		},
	}
	side.add(cmd)
	return cmd
}

func (a *app) agreementRestore() *cobra.Command {
	var backlog, reason, preview string
	cmd := &cobra.Command{
		Use:   "restore NAME --backlog none|all|since:TIME --reason TEXT",
		Short: "Let data flow again, once every member has accepted that",
		Long: `Lets data flow again through an agreement that is suspended. Since the suspension
every member must have accepted the terms on the table ("entente agreement accept"):
those that were in force, or amended ones. --backlog says what is sent of that which
came in meanwhile. What was restricted or deleted meanwhile leaves before anybody reads.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.agreementStep(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, g node.AgreementInfo) error {
				if g.Work == nil || g.Work.Step.Action != entente.StepRestore {
					if _, err := n.Do(ctx, who, entente.RestoreAgreement{Seen: entente.Seen{Preview: preview}, Agreement: g.ID, Backlog: backlog, Reason: reason}); err != nil {
						return err
					}
				}
				return a.settle(ctx, n, who, g)
			}, func(w io.Writer, v agreementView) {
				fmt.Fprintf(w, "%s is active again, under version %d of its terms\n", v.Name, v.Version)
				v.writeFeeds(w)
			})
		},
	}
	cmd.Flags().StringVar(&backlog, "backlog", "", "what is sent of that which came in meanwhile: none, all, or since:TIME (required)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words that others can check later (required)")
	cmd.Flags().StringVar(&preview, "preview", "", "token of a preview: refuse if anything has moved since")
	return cmd
}

func (a *app) agreementEnd() *cobra.Command {
	var side oneSide
	cmd := &cobra.Command{
		Use:   "end NAME --reason TEXT",
		Short: "End an agreement, at once and for good",
		Long: `Ends an agreement, or takes a draft or proposal back. One side is enough. It does
not come back, and its name stays taken: its history is kept.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.agreementStep(cmd, args[0], func(ctx context.Context, n *node.Node, who entente.Actor, g node.AgreementInfo) error {
				org, err := side.organisation(ctx, n, who)
				if err != nil {
					return err
				}
				_, err = n.Do(ctx, who, entente.EndAgreement{Agreement: g.ID, Organisation: org, Said: side.said, Reason: side.reason})
				return err
			}, func(w io.Writer, v agreementView) { fmt.Fprintf(w, "%s has ended\n", v.Name) })
		},
	}
	side.add(cmd)
	return cmd
}
