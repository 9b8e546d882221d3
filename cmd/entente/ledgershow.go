package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// entryView is an event at its place.
type entryView struct {
	Log    string          `json:"log"` // its origin
	Index  int64           `json:"index"`
	Entry  string          `json:"entry"`
	Erased bool            `json:"erased,omitempty"`
	Salt   string          `json:"salt,omitempty"`
	Event  json.RawMessage `json:"event,omitempty"`
}

func viewEntry(e node.LedgerEntry) entryView {
	return entryView{Log: e.Origin, Index: e.Index, Entry: e.Entry, Erased: e.Erased, Salt: e.Salt, Event: e.Raw}
}

func logFlags(cmd *cobra.Command, at *node.LedgerAt) {
	cmd.Flags().StringVar(&at.Partner, "partner", "", "in the log of this partner, not in the main log")
	cmd.Flags().Int64Var(&at.Epoch, "epoch", 0, "in this epoch, from 1; without it, the present one")
}

func (a *app) ledgerShow() *cobra.Command {
	var at node.LedgerAt
	cmd := &cobra.Command{
		Use:   "show ID|INDEX",
		Short: "Show an event: by its id, or by the index of its entry",
		Long: `Shows an event with its place in the ledger. By the id of an event of the main log
and --partner it shows the event that the same act has in the partner's log.`,
		Example: "  entente ledger show 0\n  entente ledger show 6d2b9c1e-2f53-4a8e-9f6d-3c1b0a7e5d42 --partner \"Delta CERT\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				e, err := n.ShowLedger(ctx, who, at, args[0])
				if err != nil {
					return err
				}
				return a.print(viewEntry(e), func(w io.Writer) {
					fmt.Fprintf(w, "entry %d of the %s\n  %s\n", e.Index, e.Log(), e.Entry)
					if e.Erased {
						fmt.Fprintln(w, "Its event was erased; an event of the kind \"erase\" tells so.")
						return
					}
					fmt.Fprintf(w, "salt\n  %s\n", e.Salt)
					writeIndented(w, e.Raw)
				})
			})
		},
	}
	logFlags(cmd, &at)
	return cmd
}

func (a *app) ledgerTail() *cobra.Command {
	var at node.LedgerAt
	var count int
	var follow bool
	cmd := &cobra.Command{
		Use:     "tail",
		Short:   "List the last events of a log, and with --follow those that come",
		Example: "  entente ledger tail -n 20\n  entente ledger tail --partner \"Delta CERT\" --follow",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 || count > 1000 {
				return usagef("--lines is from 1 to 1000")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				return a.tail(ctx, n, who, at, count, follow)
			})
		},
	}
	logFlags(cmd, &at)
	cmd.Flags().IntVarP(&count, "lines", "n", 10, "how many events, up to 1000")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until it is ended")
	return cmd
}

// followEach is how often a log that is followed is looked at.
const followEach = time.Second

func (a *app) tail(ctx context.Context, n *node.Node, who entente.Actor, at node.LedgerAt, count int, follow bool) error {
	all, next, err := n.TailLedger(ctx, who, at, -1, count)
	if err != nil {
		return err
	}
	a.listEvents(all)
	tick := time.NewTicker(followEach)
	defer tick.Stop()
	for follow {
		select {
		case <-ctx.Done():
			return nil // that is how it ends
		case <-tick.C:
		}
		for more := true; more; {
			if all, next, err = n.TailLedger(ctx, who, at, next, 1000); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			more = len(all) > 0
			a.listEvents(all)
		}
	}
	return nil
}

// listEvents writes a line for each event; with --json an object on a line.
func (a *app) listEvents(all []node.LedgerEntry) {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false) // the event's bytes are what its entry is of
	for _, e := range all {
		if a.json {
			_ = enc.Encode(viewEntry(e)) // whoever closed the output knows
			continue
		}
		fmt.Fprintf(a.out, "%6d  %s\n", e.Index, plain(eventLine(e)))
	}
}

// eventLine says in a line what happened.
func eventLine(e node.LedgerEntry) string {
	if e.Erased {
		return "erased"
	}
	var of entente.Event
	if err := json.Unmarshal(e.Raw, &of); err != nil {
		return e.Kind
	}
	words := []string{of.Time, of.Kind}
	if of.By != nil {
		switch {
		case of.By.Local:
			words = append(words, "by the owner")
		case of.By.Account != "":
			words = append(words, "by "+of.By.Account)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of.About)) {
		words = append(words, name+" "+of.About[name])
	}
	if of.Count > 0 {
		words = append(words, plural(of.Count, "version", "versions"))
	}
	for _, s := range []string{of.Result, of.Endpoint} {
		if s != "" {
			words = append(words, s)
		}
	}
	if of.Reason != "" {
		words = append(words, fmt.Sprintf("%q", shorten(of.Reason, 60)))
	}
	if len(of.Shared) > 0 {
		words = append(words, "in "+plural(len(of.Shared), "partner's log", "partners' logs"))
	}
	return strings.Join(words, "  ")
}

func (a *app) ledgerProve() *cobra.Command {
	var at node.LedgerAt
	var output string
	cmd := &cobra.Command{
		Use:   "prove ID|INDEX",
		Short: "Write the proof that an event stands in the ledger",
		Long: `Writes a proof (c2sp.org/tlog-proof@v1) that an entry stands in its log, with the
signed checkpoint that it leads to. With --partner and the id of an event of the main
log it is about the event that the same act has in the partner's log: a receipt for
the partner, who has the event and its salt (GET /ledger/events/…).`,
		Example: `  entente ledger prove 6d2b9c1e-2f53-4a8e-9f6d-3c1b0a7e5d42 --partner "Delta CERT" -o receipt.txt`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				e, p, err := n.ProveLedger(ctx, who, at, args[0])
				if err != nil {
					return err
				}
				if output == "" && !a.json {
					_, err := a.out.Write(p.Marshal())
					return err
				}
				if output != "" {
					if err := os.WriteFile(output, p.Marshal(), 0o600); err != nil {
						return entente.Wrap(entente.Unavailable, err, "the proof cannot be written: "+err.Error())
					}
				}
				return a.print(map[string]any{"log": e.Origin, "index": e.Index, "entry": e.Entry, "proof": string(p.Marshal())}, func(w io.Writer) {
					fmt.Fprintf(w, "Wrote %s: entry %d of the %s\n  %s\n", output, e.Index, e.Log(), e.Entry)
				})
			})
		},
	}
	logFlags(cmd, &at)
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write; without it, standard output")
	return cmd
}

type logStatsView struct {
	Log     string           `json:"log"`
	Partner string           `json:"partner,omitempty"`
	Entries int64            `json:"entries"`
	Kinds   map[string]int64 `json:"kinds"`
}

func (a *app) ledgerStats() *cobra.Command {
	return &cobra.Command{
		Use:     "stats",
		Short:   "Count the events by kind and partner, and what they take on disk",
		Example: "  entente ledger stats --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				s, err := n.LedgerStats(ctx, who)
				if err != nil {
					return err
				}
				logs := []logStatsView{}
				for _, l := range s.Logs {
					logs = append(logs, logStatsView{l.Origin, l.Partner, l.Size, l.Kinds})
				}
				v := map[string]any{"logs": logs, "entries": s.Entries, "bytes": s.Bytes, "bytesOnDisk": s.OnDisk, "bytesPerEvent": s.PerEvent(),
					"waiting": s.Waiting, "lagSeconds": float64(s.Lag) / 1e6}
				return a.print(v, func(w io.Writer) { writeLedgerStats(w, s) })
			})
		},
	}
}

func writeLedgerStats(w io.Writer, s node.LedgerStats) {
	for _, l := range s.Logs {
		name := "Main log"
		if l.Partner != "" {
			name = "Log of " + l.Partner
		}
		fmt.Fprintf(w, "%s, epoch %d: %s\n", plain(name), l.Epoch, plural(int(l.Size), "event", "events"))
		for _, kind := range slices.Sorted(maps.Keys(l.Kinds)) {
			fmt.Fprintf(w, "  %8d  %s\n", l.Kinds[kind], plain(kind))
		}
	}
	fmt.Fprintf(w, "%s in all: %s on disk, %s for each\n", plural(int(s.Entries), "event", "events"), byteSize(s.OnDisk), byteSize(s.PerEvent()))
	if s.Waiting > 0 {
		fmt.Fprintf(w, "%s waiting to be entered, the oldest for %.1f s\n", plural(int(s.Waiting), "event is", "events are"), float64(s.Lag)/1e6)
	}
}
