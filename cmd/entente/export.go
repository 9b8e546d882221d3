package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// exportPage is how many versions an export reads at a time.
const exportPage = 1000

func (a *app) exportCmd() *cobra.Command {
	var collection, output, format, versions string
	var types []string
	cmd := &cobra.Command{
		Use:   "export --collection COLLECTION",
		Short: "Write a collection's objects as a STIX bundle or NDJSON",
		Long: `Writes what a collection serves, byte for byte as it came in, to standard output
or to a file. A file is replaced only once the export is complete.`,
		Example: `  entente export --collection Phishing > phishing.json
  entente export --collection Phishing --versions all --format ndjson --output phishing.ndjson`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f := entente.Filter{Types: types}
			switch versions {
			case "last":
			case "first":
				f.Versions.First = true
			case "all":
				f.Versions.All = true
				f.Specs = []entente.Spec{entente.Spec20, entente.Spec21}
			default:
				return usagef("--versions is last, first or all, not %q", versions)
			}
			if format != "bundle" && format != "ndjson" {
				return usagef("--format is bundle or ndjson, not %q", format)
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				c, err := n.CollectionNamed(ctx, who, collection)
				if err != nil {
					return err
				}
				x := export{a: a, n: n, who: who, from: c, filter: f, bundle: format == "bundle"}
				return x.to(ctx, output)
			})
		},
	}
	cmd.Flags().StringVarP(&collection, "collection", "c", "", "name, alias or id of the collection (required)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write; without it, standard output")
	cmd.Flags().StringVar(&format, "format", "bundle", "bundle or ndjson")
	cmd.Flags().StringVar(&versions, "versions", "last", "last, first or all versions of each object")
	cmd.Flags().StringSliceVar(&types, "type", nil, "only objects of these types")
	cmd.MarkFlagRequired("collection")
	return cmd
}

// export writes a collection.
type export struct {
	a      *app
	n      *node.Node
	who    entente.Actor
	from   entente.Access
	filter entente.Filter
	bundle bool
}

// to writes to a file, or to standard output for "". With --json and a file it reports
// the count on standard output.
func (x *export) to(ctx context.Context, name string) error {
	if name == "" || name == "-" {
		_, err := x.write(ctx, x.a.out)
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".export-*")
	if err != nil {
		return entente.Wrap(entente.Unavailable, err, "the file cannot be written: "+err.Error())
	}
	defer os.Remove(tmp.Name())
	count, err := x.write(ctx, tmp)
	if err == nil {
		err = errors.Join(tmp.Chmod(0o600), tmp.Sync())
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return err
	}
	return x.a.print(map[string]any{"file": name, "objects": count}, func(w io.Writer) {
		fmt.Fprintf(w, "Wrote %s to %s\n", plural(count, "object", "objects"), name)
	})
}

func (x *export) write(ctx context.Context, to io.Writer) (int, error) {
	w := bufio.NewWriterSize(to, 1<<16)
	if x.bundle {
		id, err := x.n.NewID()
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(w, "{\"type\":\"bundle\",\"id\":\"bundle--%s\"", id)
	}
	count, after := 0, int64(0)
	bar := x.a.progress(-1, "exporting")
	defer bar.Finish()
	for more := true; more; {
		p, err := x.n.Feed(ctx, x.who, x.from, node.Query{Filter: x.filter, After: after, Limit: exportPage, Bodies: true})
		if err != nil {
			return count, err
		}
		for _, e := range p.Entries {
			x.separate(w, count)
			w.Write(e.Bytes)
			bar.Add(len(e.Bytes))
			count++
		}
		more, after = p.More, p.Next
	}
	switch {
	case x.bundle && count > 0:
		w.WriteString("\n]}\n")
	case x.bundle:
		w.WriteString("}\n") // an empty list is not allowed, a bundle without objects is (STIX 2.1 §8)
	case count > 0:
		w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		return count, entente.Wrap(entente.Unavailable, err, "the export cannot be written: "+err.Error())
	}
	return count, nil
}

func (x *export) separate(w *bufio.Writer, before int) {
	switch {
	case x.bundle && before == 0:
		w.WriteString(",\"objects\":[\n")
	case x.bundle:
		w.WriteString(",\n")
	case before > 0:
		w.WriteByte('\n')
	}
}
