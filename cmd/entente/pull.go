package main

import (
	"cmp"
	"context"
	"io"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

const pullHelp = `Takes what a collection on another TAXII 2.1 server holds into a collection of
this node, all versions unless --match version=… says otherwise. The objects
become submissions of home.

"entente pull URL" does it once, from the beginning or from --since.
"entente pull add NAME URL" keeps it: "entente pull run" then takes what is new
since the last run, and with --every "entente serve" does so on its own. The
position is stored only after everything before it, so that a pull which is cut
off goes on without loss, and what comes twice is dropped.

Servers with broken paging are survived: whatever they do, a pull ends. What it
could not take, and what was odd about the server, it says. Where objects may
have been missed, the exit status is 8 and the next run looks there again. What
the server deletes is not deleted here.
` + remoteHelp

func (a *app) pullCmd() *cobra.Command {
	return a.remoteCmd(entente.Pulls, &cobra.Command{
		Use:   "pull URL --collection COLLECTION",
		Short: "Take objects from another TAXII server, once or on a schedule",
		Long:  pullHelp,
		Example: `  entente pull https://taxii.example.org/ --collection Phishing --user us --password-stdin < secret
  entente pull add example https://taxii.example.org/api1/ -c Phishing --every 5m --token-stdin < token
  entente pull run`,
	})
}

// pullSummary is what --json prints of pulls; its shape is that of an import, with a
// server in place of a file.
type pullSummary struct {
	Collection string       `json:"collection,omitempty"`
	Files      []pulledFile `json:"files"`
	node.IntakeReport
}

type pulledFile struct {
	importedFile
	Collection string   `json:"collection"`
	Pages      int      `json:"pages"`
	Incomplete bool     `json:"incomplete"`
	Remarks    []string `json:"remarks,omitempty"`
}

// pulled runs pulls and tells what became of each.
func (a *app) pulled(ctx context.Context, all []entente.Remote, quiet bool, run runRemote) error {
	sum := pullSummary{Files: []pulledFile{}}
	shown := importSummary{}
	incomplete := false
	failed := a.eachRemote(ctx, all, func(r entente.Remote, name string, bar *progressbar.ProgressBar) ([]string, error) {
		f := pulledFile{importedFile: importedFile{File: name}, Collection: r.Collection}
		did, err := run(ctx, r, node.PullOptions{
			Progress: func(_ int, bytes int64) { bar.Add64(bytes) },
			Each: func(res node.ItemResult) {
				switch {
				case res.Err != nil:
					v := refusalView{Object: res.Index + 1, ID: res.ID, Line: res.Line, Offset: res.Offset, Reason: entente.PublicText(res.Err)}
					if len(f.Refusals) < maxListed {
						f.Refusals = append(f.Refusals, v)
						a.note(bar, quiet, "%s: %s refused: %s", name, nameOr(v.ID, "an object without id"), v.Reason)
					}
				case res.Outcome == entente.Contested && len(f.Contests) < maxListed:
					f.Contests = append(f.Contests, contestView{ID: res.ID, Version: res.Version, Digest: res.Digest.String(), Current: res.Current.String()})
					a.note(bar, quiet, "%s: %s version %s is held with other contents; both are kept (entente show %s --versions)", name, res.ID, res.Version, res.ID)
				}
				a.noteErased(bar, quiet, name, res)
				a.breaches(&f.importedFile, bar, quiet, res)
			},
		})
		rep := *cmp.Or(did.Pull, &node.PullReport{})
		f.IntakeReport, f.Pages, f.Incomplete, f.Remarks = rep.IntakeReport, rep.Pages, rep.Incomplete, rep.Remarks
		if err != nil {
			f.Error = err.Error()
		}
		incomplete = incomplete || rep.Incomplete
		sum.Files = append(sum.Files, f)
		shown.Files = append(shown.Files, f.importedFile)
		addReport(&sum.IntakeReport, rep.IntakeReport)
		return rep.Remarks, err
	})
	if len(all) == 1 {
		sum.Collection = all[0].Collection
	}
	shown.IntakeReport = sum.IntakeReport
	if err := a.print(sum, func(w io.Writer) { importText(w, shown) }); err != nil {
		return err
	}
	switch {
	case failed != nil:
		return failed
	case incomplete:
		return entente.Errorf(entente.Partial, "objects may be missing, through faults of the server's paging")
	case sum.Refused > 0:
		return entente.Errorf(entente.Partial, "%s refused; everything else is in", plural(sum.Refused, "object was", "objects were"))
	}
	return nil
}

func addReport(sum *node.IntakeReport, r node.IntakeReport) {
	sum.Read += r.Read
	sum.Added += r.Added
	sum.Unchanged += r.Unchanged
	sum.Contested += r.Contested
	sum.Deleted += r.Deleted
	sum.Erased += r.Erased
	sum.Refused += r.Refused
	sum.Warned += r.Warned
}
