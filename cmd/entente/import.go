package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/stix"
)

// importSummary is what --json prints of an import.
type importSummary struct {
	Collection string         `json:"collection"`
	Files      []importedFile `json:"files"`
	node.IntakeReport
}

type importedFile struct {
	File string `json:"file"`
	node.IntakeReport
	Refusals []refusalView `json:"refusals,omitempty"`
	Contests []contestView `json:"contests,omitempty"`
	Breaches []breachView  `json:"breaches,omitempty"`
	Error    string        `json:"error,omitempty"`
}

type refusalView struct {
	Object int    `json:"object"` // from 1
	ID     string `json:"id,omitempty"`
	Line   int64  `json:"line"`
	Offset int64  `json:"offset"`
	Reason string `json:"reason"`
}

type contestView struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Current string `json:"current"`
}

// breachView is one breach of the rules of versioning.
type breachView struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	breach
}

type breach struct {
	Property string `json:"property"`
	Section  string `json:"section"`
	Text     string `json:"text"`
}

func viewBreach(f entente.Finding) breach {
	return breach{Property: f.Property, Section: f.Section, Text: f.Text}
}

func (b breach) String() string { return b.Property + ": " + b.Text + " (" + b.Section + ")" }

// maxListed is how many objects of a kind are told one by one for one file or server.
const maxListed = 1000

// breaches tells how an object breaks the rules of versioning beside what is held.
func (a *app) breaches(f *importedFile, bar *progressbar.ProgressBar, quiet bool, r node.ItemResult) {
	for _, b := range r.Breaches {
		if len(f.Breaches) == maxListed {
			return
		}
		v := breachView{r.ID, r.Version, viewBreach(b)}
		f.Breaches = append(f.Breaches, v)
		a.note(bar, quiet, "%s: %s version %s: warning: %s", f.File, v.ID, v.Version, v.breach)
	}
}

func (a *app) importCmd() *cobra.Command {
	var collection string
	var create, quiet, undelete bool
	cmd := &cobra.Command{
		Use:   "import --collection COLLECTION FILE…|-",
		Short: "Take STIX objects from files into a collection",
		Long: `Takes in STIX 2.1 and 2.0: bundles, TAXII envelopes, JSON arrays, single objects
and NDJSON, plain or compressed with gzip or zstd; "-" is standard input. Files
of any size are read as a stream.

What cannot be taken as a STIX object is reported with the reason and costs no
other object; the exit status is then 8. What merely breaks the standard is
taken as it is ("entente validate" tells what). What breaks the rules of
versioning beside what the collection holds is taken too, and told: only its
creator may version or revoke an object, and to revoke it is final. Importing a
file again adds nothing. Where a file brings other contents for a version that is held already,
both are kept and reported: the ones that came first stay current. What was
deleted from the collection stays deleted, unless --undelete.`,
		Example: `  entente import --collection Phishing report.json
  curl -s https://example.com/feed.json.gz | entente import --collection Phishing -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			how := mustExist
			if create {
				how = mayCreate
			}
			return a.with(cmd, how, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				c, err := n.CollectionNamed(ctx, who, collection)
				if entente.KindOf(err) == entente.NotFound && create {
					if _, err := n.Do(ctx, who, entente.AddCollection{Name: collection}); err != nil {
						return err
					}
					c, err = n.CollectionNamed(ctx, who, collection)
				}
				if entente.KindOf(err) == entente.NotFound {
					return entente.Errorf(entente.NotFound, "there is no collection %q; add it with \"entente collection add\", or say --create", collection)
				}
				if err != nil {
					return err
				}
				return a.importFiles(ctx, n, who, c, args, quiet, undelete)
			})
		},
	}
	cmd.Flags().StringVarP(&collection, "collection", "c", "", "name, alias or id of the collection (required)")
	cmd.Flags().BoolVar(&create, "create", false, "add the collection if there is none of that name")
	cmd.Flags().BoolVar(&undelete, "undelete", false, "bring back versions that were deleted from the collection")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "do not list objects that are refused, contested or break the rules of versioning")
	cmd.MarkFlagRequired("collection")
	return cmd
}

func (a *app) importFiles(ctx context.Context, n *node.Node, who entente.Actor, c entente.Access, files []string, quiet, undelete bool) error {
	sum := importSummary{Collection: c.ID, Files: []importedFile{}}
	var failed error
	for _, name := range files {
		f := a.importFile(ctx, n, who, c, name, quiet, undelete)
		sum.Files = append(sum.Files, f.importedFile)
		sum.Read += f.Read
		sum.Added += f.Added
		sum.Unchanged += f.Unchanged
		sum.Contested += f.Contested
		sum.Deleted += f.Deleted
		sum.Erased += f.Erased
		sum.Refused += f.Refused
		sum.Warned += f.Warned
		if f.err != nil {
			failed = f.err
			if ctx.Err() != nil {
				break
			}
		}
	}
	if err := a.print(sum, func(w io.Writer) { importText(w, sum) }); err != nil {
		return err
	}
	switch {
	case failed != nil:
		return failed
	case sum.Refused > 0:
		return entente.Errorf(entente.Partial, "%s refused; everything else is in", plural(sum.Refused, "object was", "objects were"))
	}
	return nil
}

func importText(w io.Writer, sum importSummary) {
	rows := [][]string{{"FILE", "READ", "ADDED", "UNCHANGED", "CONTESTED", "DELETED", "REFUSED", "WITH WARNINGS"}}
	row := func(name string, r node.IntakeReport) {
		rows = append(rows, []string{plain(name), fmt.Sprint(r.Read), fmt.Sprint(r.Added), fmt.Sprint(r.Unchanged), fmt.Sprint(r.Contested), fmt.Sprint(r.Deleted), fmt.Sprint(r.Refused), fmt.Sprint(r.Warned)})
	}
	for _, f := range sum.Files {
		row(f.File, f.IntakeReport)
	}
	if len(sum.Files) > 1 {
		row("total", sum.IntakeReport)
	}
	table(w, rows)
}

type importOutcome struct {
	importedFile
	err error
}

func (a *app) importFile(ctx context.Context, n *node.Node, who entente.Actor, c entente.Access, name string, quiet, undelete bool) (out importOutcome) {
	out.File = name
	fail := func(err error) importOutcome {
		out.err, out.Error = err, err.Error()
		return out
	}
	in, size, err := a.openInput(name)
	if err != nil {
		return fail(err)
	}
	defer in.Close()
	bar := a.progress(size, name)
	read := progressbar.NewReader(in, bar)
	each := func(r node.ItemResult) {
		switch {
		case r.Err != nil:
			v := refusalView{Object: r.Index + 1, ID: r.ID, Line: r.Line, Offset: r.Offset, Reason: entente.PublicText(r.Err)}
			out.Refusals = append(out.Refusals, v)
			a.note(bar, quiet, "%s: object %d (line %d): refused: %s", name, v.Object, v.Line, v.Reason)
		case r.Outcome == entente.Contested:
			v := contestView{ID: r.ID, Version: r.Version, Digest: r.Digest.String(), Current: r.Current.String()}
			out.Contests = append(out.Contests, v)
			a.note(bar, quiet, "%s: %s version %s is held with other contents; both are kept (entente show %s --versions)", name, r.ID, r.Version, r.ID)
		}
		a.noteErased(bar, quiet, name, r)
		a.breaches(&out.importedFile, bar, quiet, r)
	}
	out.IntakeReport, err = n.Intake(ctx, who, c.ID, stix.NewReader(&read), node.IntakeOptions{Each: each, Undelete: undelete})
	bar.Finish()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			err = entente.Wrap(entente.Unavailable, err, "stopped")
		}
		if e := new(entente.Error); errors.As(err, &e) {
			return fail(entente.Wrap(e.Kind, e.Err, fmt.Sprintf("%s: %s (%s before that)", name, e.Public, tookText(out.IntakeReport))))
		}
		return fail(fmt.Errorf("%s: %w", name, err))
	}
	return out
}

// noteErased tells that an object was not taken in, since home erased these contents.
func (a *app) noteErased(bar *progressbar.ProgressBar, quiet bool, name string, r node.ItemResult) {
	if r.Err == nil && r.Outcome == entente.Erased {
		a.note(bar, quiet, "%s: %s version %s was erased under a legal basis, and is not taken in again (entente show %s --versions)", name, r.ID, r.Version, r.ID)
	}
}

func tookText(r node.IntakeReport) string {
	return fmt.Sprintf("%d objects read, %d added, %d unchanged", r.Read, r.Added+r.Contested, r.Unchanged)
}

// note tells the person about one object, without tearing the progress bar.
func (a *app) note(bar *progressbar.ProgressBar, quiet bool, format string, args ...any) {
	if quiet || a.json {
		return
	}
	if terminal(a.err) {
		bar.Clear()
	}
	fmt.Fprintln(a.err, plain(fmt.Sprintf(format, args...)))
}

// openInput opens a file or, for "-", standard input; the size is -1 if it is not known.
func (a *app) openInput(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(a.in), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		kind := entente.Invalid
		if errors.Is(err, os.ErrNotExist) {
			kind = entente.NotFound
		}
		return nil, 0, entente.Wrap(kind, err, err.Error())
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = fmt.Errorf("%s is a directory; name the files in it", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, entente.Wrap(entente.Invalid, err, err.Error())
	}
	if !st.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, st.Size(), nil
}
