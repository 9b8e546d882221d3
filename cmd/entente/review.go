package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// reviewCmds are what a reviewer does, and how he is answered: below "review", which by
// itself reviews an urgent release.
func (a *app) reviewCmds() []*cobra.Command {
	return []*cobra.Command{a.reviewList(), a.reviewNote(), a.reviewRecommend(), a.reviewAnswer(), a.reviewSample()}
}

type noteView struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Text    string `json:"finding"`
	By      string `json:"by"`
	At      string `json:"at"`
	Signed  bool   `json:"signed"`
}

type recommendationView struct {
	ID        string `json:"id"`
	Partner   string `json:"partner,omitempty"`
	Agreement string `json:"agreement,omitempty"`
	Reason    string `json:"reason"`
	By        string `json:"by"`
	At        string `json:"at"`
	Due       string `json:"due"`
	Overdue   bool   `json:"overdue"`
	Answer    string `json:"answer,omitempty"` // suspend or decline
	Why       string `json:"answer_reason,omitempty"`
	Answerer  string `json:"answered_by,omitempty"`
	Answered  string `json:"answered,omitempty"`
}

func viewRecommendation(r entente.Recommendation, names map[string]string, now int64) recommendationView {
	v := recommendationView{ID: r.ID, Partner: names[r.Partner], Agreement: names[r.Agreement], Reason: r.Reason, By: names[r.By], At: when(r.At), Due: when(r.Due),
		Overdue: r.Overdue(now)}
	if r.Answered != 0 {
		v.Answer, v.Why, v.Answerer, v.Answered = "decline", r.AnswerReason, names[r.AnsweredBy], when(r.Answered)
		if r.Suspend {
			v.Answer = "suspend"
		}
	}
	return v
}

// subject names what is to be suspended.
func (v recommendationView) subject() string {
	if v.Agreement != "" {
		return "the agreement " + plain(v.Agreement)
	}
	return "the partner " + plain(v.Partner)
}

func (v recommendationView) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %s recommends to suspend %s: %s\n", v.At, plain(v.By), v.subject(), plain(v.Reason))
	switch {
	case v.Answer != "":
		fmt.Fprintf(w, "  %s answered at %s: %s: %s\n", plain(v.Answerer), v.Answered, v.Answer, plain(v.Why))
	case v.Overdue:
		fmt.Fprintf(w, "  NOT ANSWERED, and was to be by %s (entente review answer %s)\n", v.Due, v.ID)
	default:
		fmt.Fprintf(w, "  to be answered by %s (entente review answer %s)\n", v.Due, v.ID)
	}
}

type removalView struct {
	Account string `json:"account"`
	What    string `json:"what"`
	By      string `json:"by"`
	At      string `json:"at"`
}

func (a *app) reviewList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [EVENT|OBJECT]",
		Short: "List findings, recommendations and their answers",
		Long: `Lists what reviewers wrote, or what they wrote about one event or object; their
recommendations to suspend with the answers, or that there is none yet; and what
one operator asked for that would shut a reviewer out, until a second one does it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			subject := ""
			if len(args) == 1 {
				subject = args[0]
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				r, err := n.Reviews(ctx, who, subject)
				if err != nil {
					return err
				}
				notes, recommended, removals := []noteView{}, []recommendationView{}, []removalView{}
				for _, x := range r.Notes {
					notes = append(notes, noteView{x.ID, x.Subject, x.Text, r.Names[x.By], when(x.At), len(x.Signature) > 0})
				}
				if subject == "" {
					for _, x := range r.Recommendations {
						recommended = append(recommended, viewRecommendation(x, r.Names, n.Now()))
					}
					for _, x := range r.Removals {
						removals = append(removals, removalView{r.Names[x.Account], x.What, r.Names[x.By], when(x.At)})
					}
				}
				return a.print(map[string]any{"recommendations": recommended, "findings": notes, "removals": removals}, func(w io.Writer) {
					if len(notes)+len(recommended)+len(removals) == 0 {
						fmt.Fprintln(w, "There are no findings and no recommendations.")
					}
					for _, v := range removals {
						fmt.Fprintf(w, "%s  %s asked to shut the reviewer %s out (%s); a second operator may do it\n", v.At, plain(v.By), plain(v.Account), plain(v.What))
					}
					for _, v := range recommended {
						v.write(w)
					}
					for _, v := range notes {
						signed := ""
						if v.Signed {
							signed = ", signed"
						}
						fmt.Fprintf(w, "%s  %s%s, about %s: %s\n", v.At, plain(v.By), signed, plain(v.Subject), plain(v.Text))
					}
				})
			})
		},
	}
}

func (a *app) reviewNote() *cobra.Command {
	var text, key string
	cmd := &cobra.Command{
		Use:   "note EVENT|OBJECT --finding TEXT",
		Short: "Write a finding, as a reviewer",
		Long: `Writes a finding about an event of the ledger or an object. It becomes an event
itself, and changes nothing else. With a key of your own ("entente account key add")
it is signed by that: nobody else can have written it. The key never leaves --key FILE.`,
		Example: `  entente --as eve review note 1b4e28ba-2fa1-4d33-883f-0016d3cca427 --finding "released before the second approval" --key eve.key`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				c := entente.AddReviewNote{Subject: args[0], Text: text}
				if key != "" {
					pem, err := readSmall(key)
					if err != nil {
						return err
					}
					private, err := node.ReadPrivateKey(pem)
					if err != nil {
						return err
					}
					c.Signature = ed25519.Sign(private, entente.NoteStatement(who.Account.ID, c.Subject, c.Text))
				}
				if err := n.CatchUpLedger(ctx); err != nil { // an event of this moment may be meant
					return err
				}
				r, err := n.Do(ctx, who, c)
				if err != nil {
					return err
				}
				return a.print(map[string]any{"id": r.ID, "subject": c.Subject, "signed": len(c.Signature) > 0}, func(w io.Writer) {
					fmt.Fprintf(w, "Noted about %s (%s)\n", plain(c.Subject), r.ID)
				})
			})
		},
	}
	cmd.Flags().StringVar(&text, "finding", "", "what you found, in words that others can check (required)")
	cmd.Flags().StringVar(&key, "key", "", "file with your private Ed25519 key (PEM), where a key is registered for you")
	cmd.MarkFlagRequired("finding")
	return cmd
}

// readSmall reads a file that is a key or the like.
func readSmall(file string) ([]byte, error) { return readUpTo(file, maxCertificateFile) }

// readUpTo reads a file, and no more of it than limit bytes.
func readUpTo(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		kind := entente.Invalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = entente.NotFound
		}
		return nil, entente.Wrap(kind, err, "the file cannot be read: "+err.Error())
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "the file cannot be read: "+err.Error())
	}
	return b, nil
}

func (a *app) reviewRecommend() *cobra.Command {
	var reason, within string
	cmd := &cobra.Command{
		Use:   "recommend PARTNER|AGREEMENT --reason TEXT",
		Short: "Recommend to suspend a partner or an agreement, as a reviewer",
		Long: `Recommends to suspend an agreement, or to stop a partner. It stops nothing itself. A
releaser answers within 72 hours, or within the time that --within sets; if nobody
does, "queue", "review list", the log and the metrics say so.`,
		Example: `  entente --as eve review recommend north --reason "three releases without the approval that the terms ask for"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lasts, err := parsePeriod(within)
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				c := entente.Recommend{Reason: reason, Within: lasts.Microseconds()}
				g, err := n.AgreementNamed(ctx, who, args[0])
				if err != nil && entente.KindOf(err) != entente.NotFound {
					return err
				}
				p, noPartner := n.PartnerNamed(ctx, who, args[0])
				switch {
				case err == nil && noPartner == nil:
					return entente.Errorf(entente.Conflict, "%q is an agreement and a partner; name one by its id: %s or %s", args[0], g.ID, p.ID)
				case err == nil:
					c.Agreement = g.ID
				case noPartner == nil:
					c.Partner = p.ID
				default:
					return entente.Errorf(entente.NotFound, "there is no partner and no agreement %q", args[0])
				}
				r, err := n.Do(ctx, who, c)
				if err != nil {
					return err
				}
				return a.printRecommendation(ctx, n, who, r.ID)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words that others can check (required)")
	cmd.Flags().StringVar(&within, "within", "", "the time to answer, as 24h or 7d; 72 hours without it")
	cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) printRecommendation(ctx context.Context, n *node.Node, who entente.Actor, id string) error {
	all, err := n.Reviews(ctx, who, "")
	if err != nil {
		return err
	}
	for _, r := range all.Recommendations {
		if r.ID == id {
			v := viewRecommendation(r, all.Names, n.Now())
			return a.print(v, v.write)
		}
	}
	return entente.Errorf(entente.NotFound, "there is no recommendation %q; \"entente review list\" shows those there are", id)
}
