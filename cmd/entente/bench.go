package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store"
)

// figure is one measurement, with what it is to be held against.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Of    string  `json:"of,omitempty"`    // what the ratio is of
	Ratio float64 `json:"ratio,omitempty"` // value / that, measured in the same run
}

// bench is one run of "entente bench".
type bench struct {
	a       *app
	objects int
	batch   int
	clients int
	// Of the intake beside an activation: objects a second, and of a batch.
	rate, rateBatch int
	dir             string // of this run
	node            string // the data directory of the node that is measured
	db              string // its database, "" for SQLite
	gen             generator
	figures         []figure
}

func (a *app) benchCmd() *cobra.Command {
	b := &bench{a: a, gen: newGenerator()}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a node on this machine, each figure beside what it is a ratio of",
		Long: `Makes a node in a temporary place, serves it from a process of its own, and
measures: decoding, bare inserts of the same bytes with the same indexes, intake
over HTTP with full-text search, pages (idle and while intake runs), reading the
whole collection, look-ups of values, start and memory. Each object names a value
of its own. The data are generated and fictional.

With --db the PostgreSQL database named must be empty; it is left full. Then
intake is first measured on SQLite, to have something to hold it against.
Everything is on this machine, over the loopback interface.`,
		Example: "  entente bench --objects 100000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.objects < 10*b.batch || b.batch < 1 || b.batch > 10000 || b.clients < 1 {
				return usagef("--objects must be at least ten times --batch, which is 1 to 10000; --clients at least 1")
			}
			if !cmd.Flags().Changed("db") {
				a.db = ""
			}
			b.db = a.db
			return b.run(cmd.Context())
		},
	}
	cmd.Flags().IntVar(&b.objects, "objects", 100_000, "how many objects")
	cmd.Flags().IntVar(&b.batch, "batch", 1000, "objects of an envelope")
	cmd.Flags().IntVar(&b.clients, "clients", 2, "clients that post at once")
	cmd.AddCommand((&bench{a: a, gen: b.gen}).agreementsCmd(), (&bench{a: a, gen: b.gen}).ledgerCmd())
	return cmd
}

func (b *bench) run(ctx context.Context) error {
	return b.inPlace(ctx, b.decode, b.disk, b.bare, b.reference, b.served)
}

// inPlace takes steps in a temporary place, and tells what they measured.
func (b *bench) inPlace(ctx context.Context, steps ...func(context.Context) error) error {
	dir, err := os.MkdirTemp("", "entente-bench-")
	if err != nil {
		return entente.Wrap(entente.Unavailable, err, "no temporary place can be made: "+err.Error())
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	b.tell("%d objects, %d cores, %s", b.objects, runtime.GOMAXPROCS(0), runtime.Version())
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return b.a.print(map[string]any{"objects": b.objects, "cores": runtime.GOMAXPROCS(0), "go": runtime.Version(), "engine": b.engine(), "figures": b.figures}, func(w io.Writer) {
		rows := [][]string{{"FIGURE", "VALUE", "UNIT", "RATIO", "OF"}}
		for _, f := range b.figures {
			ratio := ""
			if f.Of != "" {
				ratio = fmt.Sprintf("%.2f", f.Ratio)
			}
			rows = append(rows, []string{f.Name, fmt.Sprintf("%.4g", f.Value), f.Unit, ratio, f.Of})
		}
		table(w, rows)
	})
}

func (b *bench) engine() string {
	if b.db != "" {
		return "postgres"
	}
	return "sqlite"
}

// tell says how far the run is, to a person.
func (b *bench) tell(format string, args ...any) {
	if !b.a.json {
		fmt.Fprintf(b.a.err, format+"\n", args...)
	}
}

func (b *bench) add(f figure) {
	b.figures = append(b.figures, f)
	b.tell("  %-44s %10.4g %s", f.Name, f.Value, f.Unit)
}

// value finds a figure that was measured before.
func (b *bench) value(name string) float64 {
	for _, f := range b.figures {
		if f.Name == name {
			return f.Value
		}
	}
	return 0
}

// decode measures reading, validating and digesting on one core.
func (b *bench) decode(ctx context.Context) error {
	n := min(b.objects, 50_000)
	input := b.gen.envelope(0, n)
	start := time.Now()
	r := stix.NewReader(bytes.NewReader(input))
	count := 0
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if v, _ := stix.Parse(it.Raw); v == nil {
			return entente.Errorf(entente.Internal, "a generated object is not STIX")
		}
		count++
	}
	took := time.Since(start).Seconds()
	b.add(figure{Name: "decode, validate, digest (one core)", Value: float64(count) / took, Unit: "objects/s"})
	b.add(figure{Name: "bytes of an object", Value: float64(len(input)) / float64(n), Unit: "bytes"})
	return ctx.Err()
}

// bare measures inserts of the same rows without anything before them: into the tables,
// and into full text and the index of values. What goes there is worked out beforehand.
func (b *bench) bare(ctx context.Context) error {
	if b.db != "" {
		return nil // the database named is for the node; bare inserts would be in its way
	}
	st, err := store.Open(ctx, store.Options{URL: filepath.Join(b.dir, "bare.db")})
	if err != nil {
		return err
	}
	defer st.Close()
	bare, err := store.NewBare(ctx, st)
	if err != nil {
		return err
	}
	var tables, index time.Duration
	for n := 0; n < b.objects; n += b.batch {
		versions := make([]*entente.Version, 0, b.batch)
		var texts []store.SearchText
		var values []store.ContentValue
		for i := range min(b.batch, b.objects-n) {
			v, _ := stix.Parse(b.gen.object(nil, n+i))
			versions = append(versions, v)
			number := bare.Next() + int64(i)
			texts = append(texts, store.SearchText{Content: number, Words: store.Words(stix.Text(v.Bytes))})
			for _, key := range node.IndexedBy(v.Bytes) {
				values = append(values, store.ContentValue{Content: number, Key: key})
			}
		}
		start := time.Now()
		if err := bare.Insert(ctx, versions); err != nil {
			return err
		}
		tables += time.Since(start)
		start = time.Now()
		if err := bare.Index(ctx, texts, values); err != nil {
			return err
		}
		index += time.Since(start)
	}
	b.add(figure{Name: bareTables, Value: float64(b.objects) / tables.Seconds(), Unit: "objects/s"})
	b.add(figure{Name: bareAll, Value: float64(b.objects) / (tables + index).Seconds(), Unit: "objects/s"})
	return errors.Join(st.Close(), removeAll(b.dir, "bare"))
}

// What intake is held against.
const (
	bareTables = "bare inserts"
	bareAll    = "bare inserts, search and values too"
	onSQLite   = "intake over HTTP on SQLite"
)

// of gives a figure the first of some others that was measured as what it is a ratio of.
func (b *bench) of(f figure, names ...string) figure {
	for _, name := range names {
		if v := b.value(name); v > 0 {
			f.Of, f.Ratio = name, f.Value/v
			break
		}
	}
	return f
}

// disk measures what it takes to make one page durable.
func (b *bench) disk(context.Context) error {
	f, err := os.CreateTemp(b.dir, "disk-")
	if err != nil {
		return entente.Wrap(entente.Unavailable, err, "no file can be made: "+err.Error())
	}
	defer f.Close()
	var t times
	for range 100 {
		start := time.Now()
		if _, err := f.Write(make([]byte, 8192)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		t = append(t, time.Since(start))
	}
	b.add(figure{Name: "writing 8 KiB and syncing, median", Value: t.at(0.5), Unit: "ms"})
	return nil
}

// removeAll takes away files whose names begin with a prefix.
func removeAll(dir, prefix string) error {
	list, err := os.ReadDir(dir)
	for _, f := range list {
		if strings.HasPrefix(f.Name(), prefix) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}
