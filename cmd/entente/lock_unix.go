//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"entente"
)

// lockData keeps a second server off a data directory. The lock goes with the process,
// however it ends.
func lockData(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "serve.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the data directory cannot be written: "+err.Error())
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, entente.Errorf(entente.Unavailable, "another server works on %s already; stop it, or name another directory with --data", dir)
		}
		return nil, entente.Wrap(entente.Unavailable, err, "the data directory cannot be locked: "+err.Error())
	}
	return func() { f.Close() }, nil
}
