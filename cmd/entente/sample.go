package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"entente"
	"entente/ledger"
	"entente/node"
)

type drawnView struct {
	Index  int64           `json:"index"`
	Event  json.RawMessage `json:"event,omitempty"`
	Erased bool            `json:"erased,omitempty"`
}

type sampleView struct {
	ID         string      `json:"event"` // that announced it
	Checkpoint string      `json:"checkpoint"`
	Words      string      `json:"words"`
	Seed       string      `json:"seed"`
	Filter     string      `json:"filter"`
	Result     string      `json:"result"`
	Drawn      []drawnView `json:"drawn"`
}

func (a *app) reviewSample() *cobra.Command {
	var size int
	var kind, agreement, words, export, event string
	cmd := &cobra.Command{
		Use:   "sample --size N",
		Short: "Draw events of the ledger at random, so that anybody can draw them again",
		Long: `Draws events of the main log for a closer look. What is drawn follows from the
checkpoint of this moment and from words that are chosen after it: --words, or random
ones. An event announces both before anything is shown, so nobody can draw until he
likes the result. Whoever has an export of the ledger draws the same again:

  entente review sample --export DIR --event ID

which needs no node, and verifies the export first. docs/ledger.md has the rule.
--words of the reviewer's own, thrown with dice say, are beyond the reach of whoever
runs the node.`,
		Example: "  entente --as eve review sample --size 20\n  entente --as eve review sample --size 5 --kind decide --agreement north --words '3 5 1 6 2 2 4'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (export == "") != (event == "") {
				return usagef("--export and --event belong together")
			}
			if export != "" {
				return a.redraw(cmd.Context(), export, event)
			}
			if size < 1 {
				return usagef("say how many events are to be drawn: --size N")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				s, err := n.Sample(ctx, who, size, kind, agreement, words)
				if err != nil {
					return err
				}
				return a.printSample(s.Event, s.Draw, s.Result, s.Drawn)
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&size, "size", 0, "how many events are drawn, 10000 at most")
	f.StringVar(&kind, "kind", "", "only events of this kind, as docs/ledger.md names them")
	f.StringVar(&agreement, "agreement", "", "only events that concern this agreement, by name or id")
	f.StringVar(&words, "words", "", "words that the draw depends on, chosen now; random ones without it")
	f.StringVar(&export, "export", "", "draw again from this export of a ledger")
	f.StringVar(&event, "event", "", "id of the event that announced the sample, with --export")
	return cmd
}

// redraw draws again what an event of an export announced.
func (a *app) redraw(ctx context.Context, dir, event string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return entente.Errorf(entente.NotFound, "there is no directory %s", dir)
	}
	d, s, err := ledger.Redraw(ctx, ledger.Dir(os.DirFS(dir)), ledger.Options{}, event)
	if err != nil {
		return err
	}
	return a.printSample(event, d, s.Result(), s.Drawn())
}

func (a *app) printSample(id string, d ledger.Draw, result string, drawn []ledger.Drawn) error {
	v := sampleView{ID: id, Checkpoint: d.Of.Text(), Words: d.Words, Seed: fmt.Sprintf("%x", d.Seed()), Filter: d.Filter(), Result: result, Drawn: []drawnView{}}
	rows := [][]string{{"INDEX", "TIME", "KIND", "EVENT"}}
	for _, x := range drawn {
		v.Drawn = append(v.Drawn, drawnView{x.Index, x.Raw, len(x.Raw) == 0})
		var e entente.Event
		if len(x.Raw) > 0 {
			if err := json.Unmarshal(x.Raw, &e); err != nil {
				return entente.Wrap(entente.Internal, err, "an event of the ledger cannot be read")
			}
		} else {
			e.Kind = "(erased)"
		}
		rows = append(rows, []string{fmt.Sprint(x.Index), plain(e.Time), plain(e.Kind), plain(e.ID)})
	}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "Drew %s, from the log of %d events with the words %s; event %s announces it\n", result, d.Of.Size, plain(d.Words), id)
		table(w, rows)
	})
}
