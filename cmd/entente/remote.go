package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// remoteCmd completes the command of a direction: given a URL it runs a remote once, and
// below it are those that keep, run, list and forget remotes.
func (a *app) remoteCmd(d entente.Direction, cmd *cobra.Command) *cobra.Command {
	var f remoteFlags
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
			r, err := f.remote(ctx, a, n, who, d, args[0])
			if err != nil {
				return err
			}
			return a.moved(ctx, d, []entente.Remote{r}, f.quiet, func(ctx context.Context, r entente.Remote, o node.PullOptions) (node.RunReport, error) {
				return n.RunOnce(ctx, who, r, o)
			})
		})
	}
	f.add(cmd, false)
	quietFlag(cmd, &f.quiet)
	cmd.AddCommand(a.remoteAdd(d), a.remoteRun(d), a.remoteList(d), a.remoteRemove(d))
	return cmd
}

// runRemote runs a remote.
type runRemote func(context.Context, entente.Remote, node.PullOptions) (node.RunReport, error)

// moved runs remotes of one direction and tells what became of each.
func (a *app) moved(ctx context.Context, d entente.Direction, all []entente.Remote, quiet bool, run runRemote) error {
	if d == entente.Pushes {
		return a.pushed(ctx, all, quiet, run)
	}
	return a.pulled(ctx, all, quiet, run)
}

// eachRemote does remotes one after another, each with a bar that shows it at work, and
// goes on where one fails; the last error is given back. What do gives to be remarked about
// the server is shown.
func (a *app) eachRemote(ctx context.Context, all []entente.Remote, do func(entente.Remote, string, *progressbar.ProgressBar) ([]string, error)) (failed error) {
	for _, r := range all {
		name := remoteName(r)
		bar := a.progress(-1, name)
		remarks, err := do(r, name, bar)
		bar.Finish()
		for _, m := range remarks {
			a.note(bar, false, "%s: %s", name, m)
		}
		if err != nil {
			failed = err
			if len(all) > 1 && !a.json {
				fmt.Fprintln(a.err, plain(name+": "+err.Error()))
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return failed
}

func (a *app) remoteAdd(d entente.Direction) *cobra.Command {
	var f remoteFlags
	cmd := &cobra.Command{
		Use:   "add NAME URL --collection COLLECTION",
		Short: fmt.Sprintf("Keep a %s under a name, for \"run\" and for the schedule", d),
		Long: "Looks the collection up on the server, which must answer now, and keeps how it is\nreached. It runs with \"entente " + d.String() + ` run", and on its own with --every.
` + remoteHelp,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				r, err := f.remote(ctx, a, n, who, d, args[1])
				if err != nil {
					return err
				}
				r.Name = args[0]
				made, err := n.Do(ctx, who, entente.AddRemote{Remote: r})
				if err != nil {
					return err
				}
				r.ID = made.ID
				return a.print(viewRemote(r, f.collection), func(w io.Writer) {
					fmt.Fprintf(w, "Added %s %s: %scollections/%s/ (%s)\n", d, plain(r.Name), plain(r.Root), plain(r.There), plain(r.Title))
				})
			})
		},
	}
	f.add(cmd, true)
	return cmd
}

func (a *app) remoteRun(d entente.Direction) *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "run [NAME…]",
		Short: fmt.Sprintf("Run kept %ses now; all of them, if none is named", d),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := keptRemotes(ctx, n, who, d, args)
				if err != nil {
					return err
				}
				return a.moved(ctx, d, all, quiet, func(ctx context.Context, r entente.Remote, o node.PullOptions) (node.RunReport, error) {
					return n.RunRemote(ctx, who, r.ID, o)
				})
			})
		},
	}
	if d == entente.Pulls {
		cmd.Short = "Run kept pulls now; all of them, if none is named"
	}
	quietFlag(cmd, &quiet)
	return cmd
}

// keptRemotes finds the remotes of a direction that are named, or all.
func keptRemotes(ctx context.Context, n *node.Node, who entente.Actor, d entente.Direction, names []string) ([]entente.Remote, error) {
	all, err := n.Remotes(ctx, who)
	if err != nil {
		return nil, err
	}
	var out []entente.Remote
	for _, r := range all {
		if r.Direction == d && len(names) == 0 {
			out = append(out, r)
		}
	}
	for _, name := range names {
		found := false
		for _, r := range all {
			if r.Direction == d && (r.Name == name || r.ID == name) {
				out, found = append(out, r), true
			}
		}
		if !found {
			return nil, entente.Errorf(entente.NotFound, "there is no %s named %q", d, name)
		}
	}
	return out, nil
}

// remoteView is a kept pull or push as the command line shows it, without its secrets.
type remoteView struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	Direction  string        `json:"direction"`
	Root       string        `json:"api_root"`
	There      string        `json:"remote_collection"`
	Title      string        `json:"remote_title"`
	Collection string        `json:"collection"`
	SignIn     string        `json:"sign_in"`
	Every      string        `json:"every,omitempty"`
	Position   string        `json:"position,omitempty"`
	Began      string        `json:"last_began,omitempty"`
	Ended      string        `json:"last_ended,omitempty"`
	Error      string        `json:"last_error,omitempty"`
	Added      int           `json:"last_added"`
	Refused    int           `json:"last_refused"`
	Remarks    []string      `json:"last_remarks,omitempty"`
	Refusals   []pushRefusal `json:"last_refusals,omitempty"`
}

func viewRemote(r entente.Remote, collection string) remoteView {
	p := r.Progress
	v := remoteView{ID: r.ID, Name: r.Name, Direction: r.Direction.String(), Root: r.Root, There: r.There, Title: r.Title,
		Collection: collection, SignIn: "none", Error: p.Error, Added: p.Added, Refused: p.Refused, Remarks: p.Remarks}
	switch {
	case r.Access.Token != "":
		v.SignIn = "token"
	case r.Access.User != "":
		v.SignIn = "password of " + r.Access.User
	case len(r.Access.Certificate) > 0:
		v.SignIn = "certificate"
	}
	if r.Every > 0 {
		v.Every = (time.Duration(r.Every) * time.Microsecond).String()
	}
	switch {
	case r.Direction == entente.Pushes && p.Sent > 0:
		v.Position = fmt.Sprint(p.Sent)
	case p.Taken > 0:
		v.Position = entente.FormatMicros(p.Taken)
	}
	if p.Began > 0 {
		v.Began = entente.FormatMicros(p.Began)
	}
	if p.Ended > 0 {
		v.Ended = entente.FormatMicros(p.Ended)
	}
	for _, x := range p.Refusals {
		v.Refusals = append(v.Refusals, pushRefusal(x))
	}
	return v
}

func (a *app) remoteList(d entente.Direction) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what is kept, with how the last run went",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := keptRemotes(ctx, n, who, d, nil)
				if err != nil {
					return err
				}
				views := []remoteView{}
				rows := [][]string{{"NAME", "COLLECTION", "SERVER", "EVERY", "LAST RUN", "RESULT"}}
				for _, r := range all {
					name := r.Collection
					if c, err := n.CollectionNamed(ctx, who, r.Collection); err == nil {
						name = c.Name
					}
					v := viewRemote(r, name)
					views = append(views, v)
					last, result := "never", ""
					if p := r.Progress; p.Began > 0 {
						last, result = v.Began, fmt.Sprintf("%d added, %d refused", p.Added, p.Refused)
						switch {
						case p.Ended == 0:
							result = "runs, or was cut off"
						case p.Error != "":
							result = p.Error
						}
					}
					rows = append(rows, []string{plain(v.Name), plain(name), plain(shorten(remoteName(entente.Remote{Root: r.Root, There: r.There}), 60)), nameOr(v.Every, "by hand"), last, plain(shorten(result, 80))})
				}
				return a.print(map[string]any{d.String(): views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintf(w, "Nothing is kept. Add something with \"entente %s add NAME URL\".\n", d)
						return
					}
					table(w, rows)
				})
			})
		},
	}
}

func (a *app) remoteRemove(d entente.Direction) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Forget what is kept under a name, its secrets included; objects stay",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				found, err := keptRemotes(ctx, n, who, d, args)
				if err != nil {
					return err
				}
				if _, err := n.Do(ctx, who, entente.RemoveRemote{Remote: found[0].ID}); err != nil {
					return err
				}
				return a.print(map[string]any{"id": found[0].ID, "name": found[0].Name, "removed": true}, func(w io.Writer) {
					fmt.Fprintf(w, "Removed %s %s\n", d, plain(found[0].Name))
				})
			})
		},
	}
}

// remoteName is what a remote is called in output: its name, or where it leads.
func remoteName(r entente.Remote) string {
	return nameOr(r.Name, strings.TrimSuffix(r.Root, "/")+"/collections/"+r.There+"/")
}

func nameOr(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}
