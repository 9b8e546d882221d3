package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/store"
)

func (a *app) restoreCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a node from a backup, in an empty place",
		Long: `Makes the node that a backup holds, in a data directory that has none or, with
--db, in an empty PostgreSQL database; which engine the backup came from does not
matter. Nothing is ever overwritten, and the node is there as a whole or not at
all: a truncated or damaged file is refused before anything is made.

What the node acknowledged after the backup was made is gone; the ledger begins a
new epoch that says so ("entente ledger keys" has its key). Accounts, passwords,
tokens and cursors that clients hold go on working. Certificates are not in a
backup: put the directory tls back, or clients must trust the new certificate.`,
		Example: `  entente restore --data /var/lib/entente latest.backup
  entente restore --db postgres://entente@db/entente latest.backup`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), args[0]) },
	}
}

func (a *app) restore(ctx context.Context, name string) error {
	in, size, err := a.openInput(name)
	if err != nil {
		return err
	}
	defer in.Close()
	f, ok := in.(*os.File)
	if !ok || size < 0 {
		return usagef("%s is not a file; a backup is read twice, first to check it", name)
	}
	began := time.Now()
	url := a.db
	if url == "" {
		url = filepath.Join(a.data, "entente.db")
		if err := makeData(a.data); err != nil {
			return err
		}
		unlock, err := lockData(a.data) // also against a second restore
		if err != nil {
			return err
		}
		defer unlock()
	}
	bar := a.progress(2*size, "restoring")
	info, err := node.Restore(ctx, store.Options{URL: url}, f, size, func(done, _ int64) { bar.Set64(done) })
	bar.Finish()
	if err != nil {
		return restoreError(name, err)
	}
	if err := a.indexed(ctx); err != nil {
		return err
	}
	v := viewBackup(name, info, size, began)
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "Restored the node of %s, as it was at %s: %s\n\n", plain(v.Organisation), v.Made, v.text())
		fmt.Fprint(w, strings.TrimLeft(`
What it acknowledged after that time is gone: let sources send it again. The ledger
says so by a new epoch; give its key to partners and witnesses (entente ledger keys).
Certificates are not in a backup: put the directory tls back before you start the
server, or clients must trust a new one. "entente doctor" checks what is there.
`, "\n"))
	})
}

// indexed makes the index of what was restored, so that search works at once, and has the
// ledger begin its new epoch.
func (a *app) indexed(ctx context.Context) error {
	n, done, err := a.open(ctx, mustExist, nil)
	if err != nil {
		return err
	}
	defer done()
	if err := n.CatchUpLedger(ctx); err != nil { // which declares where it comes from
		return err
	}
	return a.catchUp(ctx, n)
}

// restoreError names the file in what is wrong with it.
func restoreError(name string, err error) error {
	if entente.KindOf(err) == entente.Invalid {
		return entente.Wrap(entente.Invalid, err, name+": "+entente.PublicText(err))
	}
	return err
}
