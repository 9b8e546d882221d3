package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// The lengths in bytes of what is committed to, and of the salts.
const (
	EntrySize       = sha256.Size // of an entry of the log
	EventSaltSize   = 32
	ContentSaltSize = 16
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

// Commitment is what the ledger has of a version: SHA-256(salt || digest).
func Commitment(salt [ContentSaltSize]byte, digest entente.Digest) [sha256.Size]byte {
	var b [ContentSaltSize + sha256.Size]byte
	copy(b[copy(b[:], salt[:]):], digest[:])
	return sha256.Sum256(b[:])
}

// FeedLeaf is the leaf that stands for an entry of a release feed in the roots of a judge
// event: its sequence number in eight bytes, the highest first, and its commitment.
func FeedLeaf(seq int64, commitment [sha256.Size]byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+sha256.Size), uint64(seq)), commitment[:]...)
}

// FeedRoot computes the root over entries of a feed, in the order of their numbers.
type FeedRoot struct{ Tree }

// Add appends an entry.
func (f *FeedRoot) Add(seq int64, commitment [sha256.Size]byte) {
	f.Tree.Add(FeedLeaf(seq, commitment))
}

// ListDigest is the list of a deliver event: SHA-256 over the commitments of the entries
// that were delivered, in their order.
func ListDigest(commitments [][sha256.Size]byte) [sha256.Size]byte {
	h := sha256.New()
	for _, c := range commitments {
		h.Write(c[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Span is a run of sequence numbers of a feed, both ends included.
type Span struct{ From, To int64 }

// FormatSpans writes sequence numbers, which ascend, as 1-100,103.
func FormatSpans(seqs []int64) string {
	var b strings.Builder
	for i := 0; i < len(seqs); {
		j := i
		for j+1 < len(seqs) && seqs[j+1] == seqs[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(seqs[i], 10))
		if j > i {
			b.WriteByte('-')
			b.WriteString(strconv.FormatInt(seqs[j], 10))
		}
		i = j + 1
	}
	return b.String()
}

// ParseSpans reads what [FormatSpans] writes: runs that ascend, from 1 on. Runs that touch
// are one for [FormatSpans], so they are refused. Invalid for anything else.
func ParseSpans(text string) ([]Span, error) {
	var spans []Span
	last := int64(-1)
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			return nil, nil
		}
		a, b, two := strings.Cut(part, "-")
		from, ok := parseSize(a)
		to := from
		if two {
			var fine bool
			to, fine = parseSize(b)
			ok = ok && fine && to > from
		}
		if !ok || from < 1 || from <= last+1 && last >= 0 {
			return nil, entente.Errorf(entente.Invalid, "%q are no sequence numbers like 1-100,103 that ascend from 1", clip(text))
		}
		spans, last = append(spans, Span{from, to}), to
	}
	return spans, nil
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
