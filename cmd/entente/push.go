package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

const pushHelp = `Sends what a collection of this node holds to a collection on another TAXII 2.1
server, all versions unless --match version=… says otherwise, in envelopes that
the server's limit allows. What the server refuses is listed with its reason and
costs no other object.

"entente push URL" does it once, from the beginning or from --since.
"entente push add NAME URL" keeps it: "entente push run" then sends what is new
since the last run, and with --every "entente serve" does so on its own.
` + remoteHelp

func (a *app) pushCmd() *cobra.Command {
	return a.remoteCmd(entente.Pushes, &cobra.Command{
		Use:   "push URL --collection COLLECTION",
		Short: "Send objects to another TAXII server, once or on a schedule",
		Long:  pushHelp,
		Example: `  entente push https://taxii.example.org/ --collection Phishing --user us --password-stdin < secret
  entente push add example https://taxii.example.org/api1/ -c Phishing --every 5m --token-stdin < token
  entente push run`,
	})
}

// pushSummary is what --json prints of pushes.
type pushSummary struct {
	Servers []pushedServer `json:"servers"`
	Read    int            `json:"read"`
	Taken   int            `json:"taken"`
	Pending int            `json:"pending"`
	Refused int            `json:"refused"`
}

type pushedServer struct {
	Server     string `json:"server"`
	Collection string `json:"collection"`
	node.PushReport
	Refusals []pushRefusal `json:"refusals,omitempty"`
	Error    string        `json:"error,omitempty"`
}

type pushRefusal struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Reason  string `json:"reason"`
}

// pushed runs pushes and tells what became of each.
func (a *app) pushed(ctx context.Context, all []entente.Remote, quiet bool, run runRemote) error {
	sum := pushSummary{Servers: []pushedServer{}}
	rows := [][]string{{"SERVER", "READ", "TAKEN", "PENDING", "REFUSED"}}
	failed := a.eachRemote(ctx, all, func(r entente.Remote, name string, bar *progressbar.ProgressBar) ([]string, error) {
		s := pushedServer{Server: name, Collection: r.Collection}
		did, err := run(ctx, r, node.PullOptions{
			Progress: func(_ int, bytes int64) { bar.Add64(bytes) },
			Each: func(res node.ItemResult) {
				a.note(bar, quiet, "%s: %s version %s refused: %s", name, res.ID, res.Version, entente.PublicText(res.Err))
			},
		})
		rep := *cmp.Or(did.Push, &node.PushReport{})
		s.PushReport = rep
		for _, x := range rep.Refusals {
			s.Refusals = append(s.Refusals, pushRefusal(x))
		}
		if err != nil {
			s.Error = err.Error()
		}
		sum.Servers = append(sum.Servers, s)
		sum.Read, sum.Taken, sum.Pending, sum.Refused = sum.Read+rep.Read, sum.Taken+rep.Taken, sum.Pending+rep.Pending, sum.Refused+rep.Refused
		rows = append(rows, []string{plain(name), fmt.Sprint(rep.Read), fmt.Sprint(rep.Taken), fmt.Sprint(rep.Pending), fmt.Sprint(rep.Refused)})
		return rep.Remarks, err
	})
	if err := a.print(sum, func(w io.Writer) { table(w, rows) }); err != nil {
		return err
	}
	if failed == nil && sum.Refused > 0 {
		failed = entente.Errorf(entente.Partial, "%s refused by the server; it has everything else", plural(sum.Refused, "object was", "objects were"))
	}
	return failed
}
