package node

import (
	"testing"
	"time"
)

// TestRestGoesByIntake holds how long appliers rest against how much intake there is.
func TestRestGoesByIntake(t *testing.T) {
	const turn = 100 * time.Millisecond
	for _, c := range []struct {
		name            string
		every, takes    time.Duration // of the batches
		batches         int
		later           time.Duration // after the last of them
		follows, stages time.Duration
	}{
		{"none", 0, 0, 0, 0, 0, 0},
		{"a single one", 10 * time.Millisecond, 10 * time.Millisecond, 1, 0, 0, 0},
		{"one fewer than an intake", 10 * time.Millisecond, 10 * time.Millisecond, 3, 0, 0, 0},
		{"at full speed", 20 * time.Millisecond, 20 * time.Millisecond, 9, 0, turn, turn / 2},
		{"half of the time", 20 * time.Millisecond, 10 * time.Millisecond, 9, 10 * time.Millisecond, turn, turn / 2},
		{"a tenth of it", 100 * time.Millisecond, 10 * time.Millisecond, 9, 90 * time.Millisecond, turn / 5, turn / 10},
		{"batches that are far apart", 200 * time.Millisecond, 100 * time.Millisecond, 9, 0, 0, 0},
		{"one that has ended", 20 * time.Millisecond, 20 * time.Millisecond, 9, time.Second, 0, 0},
		{"several clients", 10 * time.Millisecond, 80 * time.Millisecond, 9, 0, turn, turn / 2},
	} {
		p, now := newPace(), time.Now()
		for range c.batches {
			p.came(batchTime{now, now.Add(c.takes)})
			now = now.Add(c.every)
		}
		if c.batches > 0 {
			now = now.Add(c.takes - c.every + c.later)
		}
		share := p.share(now)
		for staging, want := range map[bool]time.Duration{false: c.follows, true: c.stages} {
			if got := rest(turn, share, staging).Round(time.Millisecond); got != want {
				t.Errorf("%s: it rests %v, %v expected (share %v)", c.name, got, want, share)
			}
		}
		if got := rest(time.Hour, share, false); got > longestRest {
			t.Errorf("%s: it rests %v", c.name, got)
		}
	}
}
