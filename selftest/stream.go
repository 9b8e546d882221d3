package selftest

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// stream is a source of random bytes that can be set to where another one is: it is drawn
// from a text, so two nodes that are set to the same text draw the same.
type stream struct {
	mu   sync.Mutex
	seed string
	n    uint64
	left []byte
}

// set begins anew.
func (s *stream) set(seed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seed, s.n, s.left = seed, 0, nil
}

// Read is for [io.Reader].
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := 0; at < len(p); {
		if len(s.left) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.seed), s.n))
			s.n++
			s.left = sum[:]
		}
		n := copy(p[at:], s.left)
		at, s.left = at+n, s.left[n:]
	}
	return len(p), nil
}
