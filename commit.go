package entente

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Commitment stands for a version in the ledger: the SHA-256 of the content's salt and its
// digest. It binds who gave it to those bytes, and once the salt is erased it tells nothing
// about them, not even to somebody who guesses right.
type Commitment [32]byte

// SaltSize is the length of a content's salt in bytes.
const SaltSize = 16

// Commit makes the commitment to a content.
func Commit(salt []byte, d Digest) Commitment {
	var b [SaltSize + len(d)]byte
	copy(b[copy(b[:SaltSize], salt):], d[:])
	return sha256.Sum256(b[:])
}

// String is the commitment in lower-case hexadecimal.
func (c Commitment) String() string { return hex.EncodeToString(c[:]) }

// EntryLeaf is what stands for an entry of a feed in the tree of a turn: its position (8
// bytes, the highest first) and the commitment to what it carries.
func EntryLeaf(seq int64, c Commitment) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(c)), uint64(seq)), c[:]...)
}

// Counted stands for many things in an event: how many they are, and the root of the tree
// over them, so that any of them can be shown to have been among them. The root is missing
// where there is nothing, or where only the count was kept.
type Counted struct {
	Count int    `json:"count"`
	Root  string `json:"root,omitempty"` // hexadecimal
}

// CountOf counts some leaves, in their order: the root is the Merkle tree hash
// of RFC 6962 §2.1 over them.
func CountOf(leaves [][]byte) *Counted {
	if len(leaves) == 0 {
		return nil
	}
	root := treeHash(leaves)
	return &Counted{Count: len(leaves), Root: hex.EncodeToString(root[:])}
}

// CountVersions is [CountOf] for versions.
func CountVersions(all []Commitment) *Counted {
	leaves := make([][]byte, len(all))
	for i := range all {
		leaves[i] = all[i][:]
	}
	return CountOf(leaves)
}

func treeHash(leaves [][]byte) [32]byte {
	if len(leaves) == 1 {
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	half := 1
	for half*2 < len(leaves) {
		half *= 2
	}
	left, right := treeHash(leaves[:half]), treeHash(leaves[half:])
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// ListDigest is the SHA-256 over the commitments of a page's entries in their order, in
// hexadecimal: what a delivery says of the list that it sent.
func ListDigest(all []Commitment) string {
	h := sha256.New()
	for i := range all {
		h.Write(all[i][:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
