package selftest

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestAcrossPairs holds the statistic to both: it finds what every pair of nodes shows, however
// small, and not what pairs differ by each in its own way, however large.
func TestAcrossPairs(t *testing.T) {
	const pairs, requests, runs = 10, 300, 1000
	r := rand.New(rand.NewPCG(1, 1))
	// share is how often the one of two nodes takes longer, which does so with a probability.
	share := func(probability float64) (longer float64) {
		for range requests {
			if r.Float64() < probability {
				longer += 1. / requests
			}
		}
		return longer
	}
	for _, c := range []struct {
		name        string
		leak        float64 // by which the probability is off one half in every pair
		own         float64 // by which it is off besides in each pair, in either direction
		least, most int     // of the runs that tell of a leak
	}{
		{"nothing", 0, 0, 0, 1},
		{"each pair in its own way", 0, 0.1, 0, 5},
		{"a leak", 0.08, 0, 970, runs},
		{"a leak among what pairs differ by", 0.12, 0.05, 850, runs},
		{"a leak the other way", -0.08, 0, 970, runs},
	} {
		found := 0
		for range runs {
			var longer []float64
			for range pairs {
				longer = append(longer, share(0.5+c.leak+c.own*r.NormFloat64()))
			}
			if _, z := acrossPairs(longer, requests); z > 5 || z < -5 {
				found++
			}
		}
		if found < c.least || found > c.most {
			t.Errorf("%s: told in %d of %d runs, want %d to %d", c.name, found, runs, c.least, c.most)
		}
	}
}

// TestTimes asks a few times. The control delays the answers of the node with hidden objects, in
// whichever place that is, and no other; so not one of its medians is below the delay.
func TestTimes(t *testing.T) {
	const delay = 2 * time.Millisecond
	told := 0
	all, err := Times(t.Context(), TimingOptions{Pairs: 2, Requests: 10, Visible: 5, Hidden: 20, Seed: 1, Delay: delay,
		Progress: func(done, total int) {
			if told++; done > total || (done == total) != (told == 2*len(timedKinds)) {
				t.Errorf("%d of %d requests", done, total)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(timedKinds) || told != 2*len(timedKinds) {
		t.Fatalf("%d kinds, told %d times", len(all), told)
	}
	for _, k := range all {
		if k.With < delay || k.Without <= 0 || k.Longer < 0 || k.Longer > 1 {
			t.Errorf("%+v", k)
		}
	}
}
