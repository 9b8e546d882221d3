package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/terms"
)

func (a *app) agreementCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agreement",
		Short: "Agree with partners on what is shared, and take it back",
		Long: `An agreement says what home and its members share: the collections, the way data
go, the highest marking, and for how long. Its terms are one file that people read
and sign; each version is named by a hash. Nothing crosses without an agreement
that is active.

The life of one:

  draft     somebody writes the terms            entente agreement draft NAME > pact.toml
                                                 entente agreement check pact.toml
  proposed  home puts them on the table          entente agreement propose pact.toml
            every member accepts these terms     entente agreement accept NAME --for PARTNER --said "..."
            see what it would release            entente agreement preview NAME --backlog all
  active    data flow by the rule                entente agreement activate NAME --backlog none
            new terms: all accept, then activate entente agreement amend pact.toml --reason "..."
  suspended one side stops it, at once           entente agreement suspend NAME --reason "..."
            all accept, then it is restored      entente agreement restore NAME --backlog all --reason "..."
  ended     one side ends it, for good           entente agreement end NAME --reason "..."

What gives needs all sides; what takes away needs one and waits for nothing. A
partner without a node of its own says so by other means, and home records who
said it and how: --for and --said. A member's word counts for the very terms that
it read, until there are other terms or the agreement is suspended.

--backlog says what is sent of that which the collections hold already: none,
all, or since:TIME, what came in from then on. There is no default.

Drafts are written by somebody who holds the role analyst or releaser; all other
steps are decisions of your organisation, by a releaser: --as NAME.`,
	}
	cmd.AddCommand(a.agreementDraft(), a.agreementCheck(), a.agreementPreview(), a.agreementPropose(), a.agreementAccept(), a.agreementActivate(), a.agreementAmend(),
		a.agreementSuspend(), a.agreementRestore(), a.agreementEnd(), a.agreementShow(), a.agreementHistory(), a.agreementList())
	return cmd
}

// termsFile reads a terms file, "-" for standard input.
func (a *app) termsFile(name string) ([]byte, error) {
	in := a.in
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, entente.Errorf(entente.NotFound, "there is no file %s; \"entente agreement draft NAME\" writes one to begin with", name)
		}
		if err != nil {
			return nil, entente.Wrap(entente.Invalid, err, "the terms cannot be read: "+err.Error())
		}
		defer f.Close()
		in = f
	}
	file, err := io.ReadAll(io.LimitReader(in, terms.MaxText+1))
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "the terms cannot be read: "+err.Error())
	}
	return file, nil
}

// problemView is a problem of a terms file as the command line shows it.
type problemView struct {
	Line  int    `json:"line,omitempty"`
	Line2 int    `json:"line2,omitempty"`
	Text  string `json:"text"`
}

// readTerms reads a terms file that is to be used. All that is wrong with it is told, and is
// the error.
func (a *app) readTerms(ctx context.Context, n *node.Node, who entente.Actor, name string) (entente.TermsVersion, error) {
	file, err := a.termsFile(name)
	if err != nil {
		return entente.TermsVersion{}, err
	}
	v, problems, err := n.ReadTerms(ctx, who, file)
	if err != nil || len(problems) == 0 {
		return v, err
	}
	if !a.json {
		for _, p := range problems {
			fmt.Fprintf(a.err, "%s: %s\n", plain(name), plain(p.String()))
		}
		return v, entente.Errorf(entente.Invalid, "%s in %s", plural(len(problems), "problem", "problems"), name)
	}
	return v, entente.Errorf(entente.Invalid, "%s: %s", name, problems[0])
}

func (a *app) agreementDraft() *cobra.Command {
	var o terms.TemplateOptions
	var file, reason string
	cmd := &cobra.Command{
		Use:   "draft NAME",
		Short: "Write a terms file to begin with, or keep a draft in the node",
		Long: `Writes a terms file that explains each key, for you to change. NAME becomes the
agreement's name and that of its API root, /NAME/: lower-case letters, digits, - and _.
Without --collection it is an agreement for dialogue only, and releases nothing.

With --file the terms of a file are kept in the node as a draft, which a releaser
can propose later with "entente agreement propose --kept NAME".`,
		Example: `  entente agreement draft harbour --with "Harbour ISAC" --collection Phishing > harbour.toml
  entente --as lee agreement draft harbour --file harbour.toml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := entente.CheckRootName(args[0]); err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if file != "" {
					return a.keepDraft(ctx, n, who, args[0], file, reason)
				}
				for i, m := range o.Members {
					p, err := n.PartnerNamed(ctx, who, m)
					if err != nil {
						return err
					}
					o.Members[i] = p.Name
				}
				for i, c := range o.Collections {
					in, err := n.CollectionToCover(ctx, who, c)
					if err != nil {
						return err
					}
					o.Collections[i] = in.Name
				}
				o.Name, o.Dialogue = args[0], len(o.Collections) == 0
				text := terms.Template(o)
				return a.print(map[string]any{"name": args[0], "file": string(text)}, func(w io.Writer) { _, _ = w.Write(text) })
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Members, "with", nil, "a partner that becomes a member")
	f.StringArrayVar(&o.Collections, "collection", nil, "a collection that is covered")
	f.StringVar(&o.Title, "title", "", "what people see in lists")
	f.StringVar(&o.Purpose, "purpose", "", "what the shared may be used for")
	f.StringVar(&file, "file", "", "keep the terms of this file as a draft; - is standard input")
	f.StringVar(&reason, "reason", "", "why, for the history, with --file")
	return cmd
}

func (a *app) keepDraft(ctx context.Context, n *node.Node, who entente.Actor, name, file, reason string) error {
	v, err := a.readTerms(ctx, n, who, file)
	if err != nil {
		return err
	}
	if v.Terms.Name != name {
		return entente.Errorf(entente.Invalid, "the terms in %s are named %q, and not %q", file, v.Terms.Name, name)
	}
	if _, err := n.Do(ctx, who, entente.DraftTerms{Terms: v, Why: entente.Why{Reason: reason}}); err != nil {
		return err
	}
	return a.printAgreement(ctx, n, who, name, func(w io.Writer, v agreementView) {
		fmt.Fprintf(w, "Kept the draft %s, version %d\n", v.Name, v.OnTable.Version)
	})
}

func (a *app) agreementCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Find everything that is wrong with a terms file",
		Long: `Reads a terms file and tells all that is wrong with it, each with its line; of
values that contradict each other both lines. Nothing is changed. The status is 3
if there is anything.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				if !a.json {
					v, err := a.readTerms(ctx, n, who, args[0])
					if err == nil {
						fmt.Fprintf(a.out, "%s says terms that can be proposed: %s, hash %s\n", plain(args[0]), v.Terms.Name, v.Hash)
					}
					return err
				}
				file, err := a.termsFile(args[0])
				if err != nil {
					return err
				}
				v, problems, err := n.ReadTerms(ctx, who, file)
				if err != nil {
					return err
				}
				if len(problems) == 0 {
					return a.print(map[string]any{"name": v.Terms.Name, "hash": v.Hash.String(), "problems": []problemView{}}, nil)
				}
				views := []problemView{}
				for _, p := range problems {
					views = append(views, problemView{p.Line, p.Line2, p.Text})
				}
				if err := a.print(map[string]any{"problems": views}, nil); err != nil {
					return err
				}
				return entente.Errorf(entente.Invalid, "%s in %s", plural(len(problems), "problem", "problems"), args[0])
			})
		},
	}
}

func (a *app) agreementList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List agreements with their states, those that ended too",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := n.Agreements(ctx, who)
				if err != nil {
					return err
				}
				views := []agreementView{}
				rows := [][]string{{"NAME", "STATE", "TERMS", "MEMBERS", "COLLECTIONS", "TITLE"}}
				for i := range all {
					v := viewAgreement(&all[i], n.Now())
					views = append(views, v)
					rows = append(rows, []string{v.Name, v.StateWords(), fmt.Sprint(v.Version), fmt.Sprint(len(v.Members)),
						fmt.Sprint(len(all[i].Terms.Collections)), shorten(plain(v.Title), 50)})
				}
				return a.print(map[string]any{"agreements": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "There are no agreements. Begin with \"entente agreement draft NAME\".")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}
