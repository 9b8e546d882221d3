package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) doctorCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that the node holds, and name what is wrong",
		Long: `Reads all that the database holds and holds it against what it must be: the
engine's own check, tables and indexes, the bytes and digests of every version,
what is shown and what is hidden and why, the order of every collection, search,
accounts and rights. It changes nothing and may run beside servers.

The exit status is 0 where nothing is wrong, and 1 where something is. Warnings
are leftovers that do no harm. What is damaged comes back from a backup, or by
importing it into a new node.`,
		Example: "  entente doctor\n  entente doctor --json > examination.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				var bar *progressbar.ProgressBar
				ex, err := n.Doctor(ctx, who, func(done, total int64) {
					if bar == nil {
						bar = a.counting(total, "checking", "steps")
					}
					bar.Set64(done)
				})
				if bar != nil {
					bar.Finish()
				}
				if err != nil {
					return err
				}
				if err := a.print(ex, func(w io.Writer) { doctorText(w, ex) }); err != nil || ex.Sound {
					return err
				}
				return entente.Errorf(entente.Internal, "%s found; the node needs care", plural(ex.Faults, "fault was", "faults were"))
			})
		},
	}
}

func doctorText(w io.Writer, ex node.Examination) {
	listed := map[string]int{}
	for _, c := range ex.Complaints {
		listed[c.Check]++
		kind := "FAULT  "
		if c.Warning {
			kind = "warning"
		}
		fmt.Fprintf(w, "%s  %-9s  %s\n", kind, c.Check, plain(c.Text))
	}
	for _, check := range slices.Sorted(maps.Keys(ex.Counts)) {
		if more := ex.Counts[check] - listed[check]; more > 0 {
			fmt.Fprintf(w, "         %-9s  … and %d more\n", check, more)
		}
	}
	fmt.Fprintf(w, "Checked %s and %s in %s (%s) in %.1f s: ", plural(int(ex.Contents), "version", "versions"), plural(int(ex.Lines), "entry", "entries"),
		plural(int(ex.Feeds), "collection", "collections"), ex.Engine, ex.Seconds)
	switch {
	case ex.Faults > 0:
		fmt.Fprintf(w, "%s, %s\n", plural(ex.Faults, "fault", "faults"), plural(ex.Warnings, "warning", "warnings"))
	case ex.Warnings > 0:
		fmt.Fprintf(w, "sound, %s\n", plural(ex.Warnings, "warning", "warnings"))
	default:
		fmt.Fprintln(w, "sound")
	}
}
