package selftest

import "testing"

// BenchmarkTrial lives through whole histories, what a pair of nodes costs included.
func BenchmarkTrial(b *testing.B) {
	r, err := Run(b.Context(), Options{Trials: b.N, Seed: 1_000_000})
	if err != nil || r.Difference != nil {
		b.Fatal(r.Difference, err)
	}
}
