package selfcert

import (
	"crypto/tls"
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
	var seen [2]os.FileInfo
	s.load = func(time.Time) (*tls.Certificate, error) {
		// The state from before reading: a change in between is seen the next time.
		state := [2]os.FileInfo{state(certFile), state(keyFile)}
		c, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, err
		}
		seen = state
		return &c, nil
	}
	s.due = func(time.Time, *tls.Certificate) bool {
		return changed(seen[0], state(certFile)) || changed(seen[1], state(keyFile))
	}
	_, err := s.Certificate()
	return s, err
}

// state is what tells a file from another or from itself at another time, nil where there
// is none.
func state(file string) os.FileInfo {
	info, err := os.Stat(file)
	if err != nil {
		return nil
	}
	return info
}

// changed compares two states. A file that took another's place within the clock's tick,
// at the same length, is told by being another file.
func changed(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a != b
	}
	return !os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime())
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
