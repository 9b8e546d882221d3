package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"entente/ledger"
)

// stored keeps tiles in memory, one for each level and index, as a store does.
type stored map[[2]int64][]byte

func (s stored) Tile(_ context.Context, level int, index int64) ([]byte, error) {
	return s[[2]int64{int64(level), index}], nil
}

func (s stored) put(changed []ledger.Tile) {
	for _, t := range changed {
		s[[2]int64{int64(t.Level), t.Index}] = t.Hashes
	}
}

// grow appends entries and gives the root.
func (s stored) grow(t testing.TB, size int64, entries [][]byte) tlog.Hash {
	t.Helper()
	changed, root, err := ledger.Append(context.Background(), s, size, entries)
	if err != nil {
		t.Fatal(err)
	}
	s.put(changed)
	return root
}

// entries are n different entries of 32 bytes.
func entries(from, n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(from+i)))
		list[i] = sum[:]
	}
	return list
}

// naive is the tree hash of RFC 6962 §2.1 as the standard defines it.
func naive(leaves [][]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := naive(leaves[:k]), naive(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

// newKey is the key of a seed that n repeats.
func newKey(t testing.TB, n byte) ledger.Key {
	t.Helper()
	seed := make([]byte, ledger.SeedSize)
	for i := range seed {
		seed[i] = n
	}
	k, err := ledger.NewKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func uuid(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }
