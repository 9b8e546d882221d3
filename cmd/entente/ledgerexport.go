package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// ledgerExportView is what an export wrote.
type ledgerExportView struct {
	Directory string  `json:"directory"`
	Entries   int64   `json:"entries"`
	Files     int     `json:"files"`
	Bytes     int64   `json:"bytes"`
	Seconds   float64 `json:"seconds"`
}

func (a *app) ledgerExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export DIR",
		Short: "Write the whole ledger to a directory that anybody can check",
		Long: `Writes all logs of the ledger, with their events, and the release feeds with what
is committed to in them, as they are at one moment, to a directory that is made or
is empty. Servers go on working meanwhile. "entente ledger verify DIR" checks it on
any machine without a node; docs/ledger.md tells how to check it with other tools.
The directory is complete or it is not there.

It names partners and accounts by their ids, objects and versions by theirs, and
has the reasons that people gave. The contents of objects are not in it.`,
		Example: "  entente ledger export /evidence/ledger-$(date +%F)",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				return a.exportLedger(ctx, n, who, args[0])
			})
		},
	}
}

func (a *app) exportLedger(ctx context.Context, n *node.Node, who entente.Actor, dir string) error {
	began := time.Now()
	dir = filepath.Clean(dir)
	if err := emptyOrMissing(dir); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".entente-ledger-*") // for its owner alone
	if err != nil {
		return cannotExport(err)
	}
	defer os.RemoveAll(tmp)
	v := ledgerExportView{Directory: dir}
	var bar *progressbar.ProgressBar
	err = n.ExportLedger(ctx, who, func(path string, content io.Reader) error {
		size, err := writeNew(filepath.Join(tmp, filepath.FromSlash(path)), content)
		v.Files, v.Bytes = v.Files+1, v.Bytes+size
		return err
	}, func(done, total int64) {
		if bar == nil {
			bar = a.counting(total, "exporting", "entries")
		}
		v.Entries = done
		bar.Set64(done)
	})
	if bar != nil {
		bar.Finish()
	}
	if err == nil {
		err = takePlace(tmp, dir)
	}
	if err != nil {
		return cannotExport(err)
	}
	v.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "Wrote %s to %s: %s, %s, %.1f s\nCheck it anywhere: entente ledger verify %s\n", plural(int(v.Entries), "entry", "entries"), v.Directory,
			plural(v.Files, "file", "files"), byteSize(v.Bytes), v.Seconds, shellWord(v.Directory))
	})
}

// emptyOrMissing refuses a directory that holds something.
func emptyOrMissing(dir string) error {
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cannotExport(err)
	case len(list) > 0:
		return entente.Errorf(entente.Conflict, "%s is not empty; name a directory that is, or is not there", dir)
	}
	return nil
}

// writeNew writes a file below directories that are made as they are needed.
func writeNew(name string, content io.Reader) (int64, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(name), 0o700); err == nil {
			f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		}
	}
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, content)
	return n, errors.Join(err, f.Close())
}

// takePlace gives a finished directory its name. An empty one that is there makes way; one
// that was filled in the meantime does not.
func takePlace(tmp, dir string) error {
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// cannotExport says why an export was not written; errors of the node pass.
func cannotExport(err error) error {
	if e := new(entente.Error); errors.As(err, &e) {
		return err
	}
	return entente.Wrap(entente.Unavailable, err, "the ledger cannot be exported: "+err.Error())
}
