package ledger

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// The lengths in bytes of an entry, and of the salt of its event.
const (
	EntrySize     = sha256.Size // of an entry of the log
	EventSaltSize = 32
)

// Entry is what the tree has of an event: SHA-256(salt || event). Without the salt nobody
// who guesses the event can tell that it is this one, so an event can be erased and the
// tree stays.
func Entry(salt [EventSaltSize]byte, event []byte) [EntrySize]byte {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(event)
	return [EntrySize]byte(h.Sum(nil))
}

// FeedRoot computes the root over entries of a feed, in the order of their numbers.
type FeedRoot struct{ Tree }

// Add appends an entry.
func (f *FeedRoot) Add(seq int64, c entente.Commitment) {
	f.Tree.Add(entente.EntryLeaf(seq, c))
}

// hexHash reads a hash as lower-case hexadecimal.
func hexHash(s string) (h tlog.Hash, ok bool) {
	return h, len(s) == 2*len(h) && unhex(h[:], s)
}

// unhex reads lower-case hexadecimal into dst, which it fills.
func unhex[S string | []byte](dst []byte, s S) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	for i := range dst {
		a, b := nibble(s[2*i]), nibble(s[2*i+1])
		if a|b > 15 {
			return false
		}
		dst[i] = a<<4 | b
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}
