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
	"entente/store"
)

// backupView is what a backup or a restore did.
type backupView struct {
	File         string  `json:"file"`
	Organisation string  `json:"organisation"`
	Made         string  `json:"made"`
	Versions     int64   `json:"versions"`
	Collections  int64   `json:"collections"`
	Accounts     int64   `json:"accounts"`
	Bytes        int64   `json:"bytes"`
	Seconds      float64 `json:"seconds"`
}

func viewBackup(file string, info store.BackupInfo, size int64, began time.Time) backupView {
	return backupView{
		File: file, Organisation: info.Organisation, Made: info.Made, Versions: info.Rows["content"], Collections: info.Rows["collection"],
		Accounts: info.Rows["account"], Bytes: size, Seconds: float64(time.Since(began).Milliseconds()) / 1000,
	}
}

// text says in words what the view holds.
func (v backupView) text() string {
	return fmt.Sprintf("%s in %s, %s; %s, %.1f s", plural(int(v.Versions), "version", "versions"), plural(int(v.Collections), "collection", "collections"),
		plural(int(v.Accounts), "account", "accounts"), byteSize(v.Bytes), v.Seconds)
}

// byteSize writes a number of bytes for people.
func byteSize(n int64) string {
	const units = "KMGTPE"
	if n < 1000 {
		return plural(int(n), "byte", "bytes")
	}
	f, unit := float64(n)/1000, 0
	for f >= 1000 && unit < len(units)-1 {
		f, unit = f/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", f, units[unit])
}

func (a *app) backupCmd() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all that the node holds to one file, while it runs",
		Long: `Writes the whole node, as it is at one moment, to a file that "entente restore"
reads, on SQLite and PostgreSQL alike. Servers go on working meanwhile. The file
is complete or it is not there.

The file holds secrets: hashes of passwords and tokens, the key of page cursors,
sign-ins at other servers. It is made for its owner alone; encrypt the copies
that leave the machine. Certificates (the directory tls) are not in it.`,
		Example: `  entente backup /backup/entente-$(date +%F).backup
  entente backup --force latest.backup`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				return a.backup(ctx, n, who, args[0], force)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it is there")
	return cmd
}

func (a *app) backup(ctx context.Context, n *node.Node, who entente.Actor, name string, force bool) error {
	there := entente.Errorf(entente.Conflict, "%s is there already; --force replaces it", name)
	if _, err := os.Lstat(name); err == nil && !force {
		return there
	}
	began := time.Now()
	tmp, err := os.CreateTemp(filepath.Dir(name), ".entente-backup-*") // for its owner alone
	if err != nil {
		return cannotWrite(err)
	}
	defer os.Remove(tmp.Name())
	var bar *progressbar.ProgressBar
	info, err := n.Backup(ctx, who, tmp, func(done, total int64) {
		if bar == nil {
			bar = a.counting(total, "backing up", "rows")
		}
		bar.Set64(done)
	})
	if bar != nil {
		bar.Finish()
	}
	var size int64
	if err == nil {
		if err = tmp.Sync(); err == nil {
			size, err = tmp.Seek(0, io.SeekCurrent)
		}
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = place(tmp.Name(), name, force)
	}
	if errors.Is(err, fs.ErrExist) {
		return there
	}
	if err != nil {
		return cannotWrite(err)
	}
	v := viewBackup(name, info, size, began)
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "Wrote %s: %s\nIt holds secrets; keep it as you keep the node.\n", name, v.text())
	})
}

// cannotWrite says why a backup was not written; errors of the node pass.
func cannotWrite(err error) error {
	if e := new(entente.Error); errors.As(err, &e) {
		return err
	}
	return entente.Wrap(entente.Unavailable, err, "the backup cannot be written: "+err.Error())
}

// place gives a finished file its name for good. Unless it may replace, a link keeps it
// from taking the place of a file that came there in the meantime.
func place(tmp, name string, replace bool) error {
	err := fs.ErrInvalid
	if !replace {
		if err = os.Link(tmp, name); errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err != nil {
		if err = os.Rename(tmp, name); err != nil {
			return err
		}
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
