package api

import (
	"testing"
	"time"
)

// Who is let go, and when, from 1 MB a second to a byte a second: no clock but that of the
// bytes is needed for that.
func TestPace(t *testing.T) {
	cfg, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		rate   int           // bytes per second
		every  time.Duration // how often something comes
		total  int           // of so many bytes
		served bool
		within time.Duration // how long it may take until the end, of either kind
	}{
		{"1 MB/s", 1 << 20, 10 * time.Millisecond, 64 << 20, true, 65 * time.Second},
		{"1 MB/s in bursts", 1 << 20, 20 * time.Second, 64 << 20, true, 80 * time.Second},
		{"100 KB/s", 100 << 10, 100 * time.Millisecond, 64 << 20, true, 11 * time.Minute},
		{"the slowest that is served for as long as it takes", 1 << 10, time.Second, 64 << 20, true, 19 * time.Hour},
		{"half of it, and little to send", 512, time.Second, 25 << 10, true, time.Minute},
		{"half of it", 512, time.Second, 64 << 20, false, time.Minute},
		{"100 bytes/s", 100, time.Second, 64 << 20, false, 35 * time.Second},
		{"1 byte/s", 1, time.Second, 64 << 20, false, 31 * time.Second},
		{"a burst, and then nothing", 1 << 20, 31 * time.Second, 64 << 20, false, 31 * time.Second},
	} {
		p, moved, took, served := newPace(cfg), 0, time.Duration(0), true
		for moved < c.total {
			if c.every > p.left {
				served = false
				took += p.left
				break
			}
			n := int(c.every.Seconds() * float64(c.rate))
			p.moved(c.every, n)
			moved += n
			took += c.every
		}
		if served != c.served || took > c.within {
			t.Errorf("%s: served %v after %v and %d bytes", c.name, served, took, moved)
		}
		if p.left > cfg.Patience {
			t.Errorf("%s: %v is left, more than anybody has in the beginning", c.name, p.left)
		}
	}
}
