package entente_test

import (
	"encoding/hex"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// Commitments to the byte: they are in signed trees, so they never change.
func TestCommitmentVectors(t *testing.T) {
	for got, want := range map[string]string{
		entente.Commit([]byte{15: 1}, entente.Digest{31: 1}).String():                                 "bda7d39b0cf34ec002b70e5a0a504cfccc1da7bb9151888009e1d94bbdb63da5",
		entente.ListDigest([]entente.Commitment{{1}, {2}}):                                            "ff55c97976a840b4ced964ed49e3794594ba3f675238b5fd25d282b60f70a194",
		entente.CountOf([][]byte{entente.EntryLeaf(258, entente.Commitment{0: 0xaa, 31: 0xbb})}).Root: "bb963c4c25cf882441754eba7534a68fd3cdf99a1425ae8c411425f22d8032de",
		hex.EncodeToString(entente.EntryLeaf(258, entente.Commitment{})[:8]):                          "0000000000000102",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Positions that are written as runs are read back, and there is one way to write them.
func TestSeqs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seqs := rapid.SliceOfNDistinct(rapid.Int64Range(1, 60), 0, 40, rapid.ID).Draw(t, "seqs")
		slices.Sort(seqs)
		if back, ok := flat(entente.Seqs(seqs)); !ok || !slices.Equal(back, seqs) {
			t.Fatalf("%s: %v", entente.Seqs(seqs), back)
		}
	})
	if got := entente.Seqs([]int64{1, 2, 3, 5, 7, 8}); got != "1-3,5,7-8" {
		t.Error(got)
	}
	for _, s := range []string{",", "0", "1,", "1-", "-1", "2-2", "2-1", "1,2", "1-3,4", "3,1", "01", "+1", "1 ", "1-9223372036854775808", "9223372036854775807,5", "-9223372036854775808", "x"} {
		if runs, ok := entente.ParseSeqs(s); ok {
			t.Errorf("%q: %v", s, runs)
		}
	}
}

func flat(s string) (all []int64, ok bool) {
	runs, ok := entente.ParseSeqs(s)
	for _, r := range runs {
		for seq := r[0]; seq <= r[1]; seq++ {
			all = append(all, seq)
		}
	}
	return all, ok
}

func FuzzParseSeqs(f *testing.F) {
	for _, s := range []string{"", "1-100,103", "9223372036854775807", "1-2,3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		runs, ok := entente.ParseSeqs(s)
		if !ok || len(runs) > 0 && runs[len(runs)-1][1] > 1000 {
			return
		}
		if all, _ := flat(s); entente.Seqs(all) != s {
			t.Fatalf("%q is read as %v", s, runs)
		}
	})
}
