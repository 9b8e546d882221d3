package node

import (
	"testing"

	"pgregory.net/rapid"
)

// Runs are the set of what was put into them, in its shortest form.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() (r runs, has map[int64]bool) {
			has = map[int64]bool{}
			for range rapid.IntRange(0, 12).Draw(t, "runs") {
				from := rapid.Int64Range(1, 40).Draw(t, "from")
				to := from + rapid.Int64Range(0, 8).Draw(t, "more")
				r = r.add(from, to)
				for i := from; i <= to; i++ {
					has[i] = true
				}
			}
			return r, has
		}
		a, inA := draw()
		b, inB := draw()
		var n int
		for i, x := range a {
			if x[1] < x[0] || i > 0 && x[0] <= a[i-1][1]+1 {
				t.Fatalf("%v", a)
			}
			for at := x[0]; at <= x[1]; at++ {
				if n++; !inA[at] {
					t.Fatalf("%d was not put into %v", at, a)
				}
			}
		}
		if n != len(inA) {
			t.Fatalf("%v has %d, want %d", a, n, len(inA))
		}
		want := int64(0)
		for at := int64(60); at > 0; at-- {
			if inB[at] && !inA[at] {
				want = at
			}
		}
		if got := a.lacks(b); got != want {
			t.Fatalf("%v lacks %d of %v, want %d", a, got, b, want)
		}
	})
}
