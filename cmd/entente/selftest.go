package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/selftest"
)

func (a *app) selftestCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "Try this build: whether what is hidden from a partner shows",
		Long: `Tries guarantees of this very build, on nodes of its own in a temporary place,
over the loopback interface. Nothing of yours is read or written.`,
	}
	cmd.AddCommand(a.noninterferenceCmd(), a.timingCmd())
	return cmd
}

func (a *app) noninterferenceCmd() *cobra.Command {
	o := selftest.Options{}
	cmd := &cobra.Command{
		Use:   "noninterference",
		Short: "Compare what a partner gets with and without hidden objects, byte by byte",
		Long: `Makes up histories: home and two partners submit, decide and delete. One node
lives through each alone; a second one through hidden additions as well: red
objects, stricter versions, relationships that straddle the border, clashing
contents, other partners' objects and traffic, stops on others. Both are asked
the same by the partner: every endpoint, cursors, submissions, deletions, and
nonsense. Every byte of the answers must be the same, the clock (the header Date)
apart; and the partner's feeds must hold what a small reference works out from
the agreements, the submissions and the decisions alone.

Several pairs of nodes are tried at once (--parallel). With TMPDIR naming a place in
memory (TMPDIR=/dev/shm) none of them waits for a disk, which takes half of the time.

The last line is "N trials, 0 differences", or the first difference comes in
full, with the seed that repeats it. Exit status 1 tells that there is one.`,
		Example: `  entente selftest noninterference --trials 300
  entente selftest noninterference --trials 1 --seed 4711
  entente selftest noninterference --db postgres://localhost/postgres`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Trials < 1 {
				return usagef("--trials must be 1 or more")
			}
			if o.Parallel < 0 {
				return usagef("--parallel must be 1 or more, or 0 for one for each processor")
			}
			// The nodes hold little and make much that is soon done with: more room saves a fifth.
			debug.SetGCPercent(400)
			if !cmd.Flags().Changed("seed") {
				o.Seed = uint64(rand.Uint32())
			}
			o.DB = a.db
			began, told := time.Now(), time.Now()
			o.Progress = func(done int) {
				if !a.json && time.Since(told) > 5*time.Second {
					told = time.Now()
					fmt.Fprintf(a.err, "%d of %d trials, no difference so far\n", done, o.Trials)
				}
			}
			r, err := selftest.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			differences := 0
			if r.Difference != nil {
				differences = 1
			}
			v := map[string]any{"trials": r.Trials, "requests": r.Requests, "hidden_steps": r.Hidden, "seed": o.Seed, "differences": differences,
				"seconds": time.Since(began).Seconds()}
			if r.Difference != nil {
				v["difference"] = r.Difference.String()
			}
			if err := a.print(v, func(w io.Writer) {
				if r.Difference != nil {
					fmt.Fprintln(w, r.Difference)
					return
				}
				fmt.Fprintf(w, "seed %d: %d requests compared, %d hidden steps, %.0f s\n", o.Seed, r.Requests, r.Hidden, time.Since(began).Seconds())
				fmt.Fprintf(w, "%d trials, 0 differences\n", r.Trials)
			}); err != nil {
				return err
			}
			if differences > 0 {
				return entente.Errorf(entente.Internal, "what is hidden shows; the difference is told above")
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&o.Trials, "trials", 100, "how many histories")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 0, "what they are drawn from; without it, chance")
	cmd.Flags().IntVar(&o.Parallel, "parallel", 0, "how many at once; 0 for one for each processor")
	return cmd
}

func (a *app) timingCmd() *cobra.Command {
	o := selftest.TimingOptions{}
	var control bool
	cmd := &cobra.Command{
		Use:   "timing",
		Short: "Compare how long answers take with and without hidden objects",
		Long: `Timing is an exception to non-interference, so it is measured. Two nodes release
the same objects to a partner; one of them holds many more that the partner must
not see. Both are asked the same at the same time, as nearly as that goes, in random
order; then the same with another pair of nodes, and so on. Told are the medians, and
the probability that the one with hidden objects takes longer: 0.5 means that nothing
shows. t is by how many standard errors that is off 0.5, as the pairs differ among
themselves: with ten pairs, beyond 5 it is hardly chance, whatever its size.

--hidden 0 shows what two nodes with the same objects differ by.
--control delays every answer of the node with hidden objects by 20 microseconds,
to show what the statistic would find.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Pairs < 2 || o.Requests < 10 || o.Visible < 1 || o.Hidden < 0 {
				return usagef("--pairs must be 2 or more, --requests 10 or more, --visible 1 or more, --hidden 0 or more")
			}
			if control {
				o.Delay = 20 * time.Microsecond
			}
			o.DB, o.Seed = a.db, 1
			told := time.Now()
			o.Progress = func(done, total int) {
				if !a.json && time.Since(told) > 5*time.Second {
					told = time.Now()
					fmt.Fprintf(a.err, "%d of %d requests\n", done, total)
				}
			}
			all, err := selftest.Times(cmd.Context(), o)
			if err != nil {
				return err
			}
			views := []map[string]any{}
			rows := [][]string{{"REQUEST", "WITHOUT", "WITH", "LONGER", "T"}}
			for _, t := range all {
				views = append(views, map[string]any{"request": t.Kind, "median_without_us": float64(t.Without) / 1000, "median_with_us": float64(t.With) / 1000, "longer": t.Longer, "t": t.T})
				rows = append(rows, []string{t.Kind, fmt.Sprintf("%.0f µs", float64(t.Without)/1000), fmt.Sprintf("%.0f µs", float64(t.With)/1000),
					fmt.Sprintf("%.3f", t.Longer), fmt.Sprintf("%+.1f", t.T)})
			}
			return a.print(map[string]any{"timings": views, "visible": o.Visible, "hidden": o.Hidden, "pairs": o.Pairs, "requests": o.Requests}, func(w io.Writer) {
				fmt.Fprintf(w, "%d pairs of nodes; %d visible objects; %d hidden ones beside them on one of each two; %d requests of each kind to each\n", o.Pairs, o.Visible, o.Hidden, o.Requests)
				table(w, rows)
			})
		},
	}
	cmd.Flags().IntVar(&o.Pairs, "pairs", 10, "pairs of nodes that are made, one after another")
	cmd.Flags().IntVar(&o.Requests, "requests", 1000, "requests of each kind to each node")
	cmd.Flags().IntVar(&o.Visible, "visible", 1000, "objects that the partner sees")
	cmd.Flags().IntVar(&o.Hidden, "hidden", 20000, "objects that it must not")
	cmd.Flags().BoolVar(&control, "control", false, "delay the answers of one node by 20 µs, to see that found")
	return cmd
}
