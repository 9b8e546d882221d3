package selfcert

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Files is a certificate, with its chain, and a key in PEM files that something else
// renews. A change of either is taken over within 10 seconds; while what is there cannot
// be used, as between the writing of one file and the other, the former pair holds.
// now is the clock, nil for the real one.
func Files(certFile, keyFile string, now func() time.Time) (*Source, error) {
	if now == nil {
		now = time.Now
	}
	s := &Source{now: now}
	var seen string
	s.load = func(time.Time) (*tls.Certificate, error) {
		// The state from before reading: a change in between is seen the next time.
		state := state(certFile) + state(keyFile)
		c, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, err
		}
		seen = state
		return &c, nil
	}
	s.due = func(time.Time, *tls.Certificate) bool { return state(certFile)+state(keyFile) != seen }
	_, err := s.Certificate()
	return s, err
}

// state changes when the file does.
func state(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return "missing;"
	}
	return fmt.Sprintf("%d %d;", info.Size(), info.ModTime().UnixNano())
}

// writeFile replaces a file as a whole: a crash leaves the old one or the new one.
func writeFile(name string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
