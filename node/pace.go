package node

import (
	"context"
	"sync"
	"time"
)

// pace lets intake go first. While batches come in one after another, one applier of the
// process works at a time, and rests the longer the more of the time intake is at work: as long
// as its turn took, where that is half of it or more. So intake keeps the greater part of two
// cores and of the database's one writer, and feeds still move. A change under way rests half as
// long: somebody waits for it, and it ends.
type pace struct {
	turn chan struct{} // held by the applier at work, while intake is under way

	mu   sync.Mutex
	last [sustained]batchTime // of the last batches that came in, the oldest at next
	next int
}

// batchTime is when a batch of submissions began to be decided, and when it was written.
type batchTime struct{ began, ended time.Time }

const (
	sustained    = 4                      // so many batches
	sustainedFor = 400 * time.Millisecond // within this time are an intake that goes on
	longestRest  = 300 * time.Millisecond
)

func newPace() *pace { return &pace{turn: make(chan struct{}, 1)} }

// came notes a batch of submissions.
func (p *pace) came(b batchTime) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[p.next] = b
	p.next = (p.next + 1) % sustained
}

// share is how much of the time until now intake was at work, from 0 for none that goes on to 1.
func (p *pace) share(now time.Time) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := p.last[p.next]
	since := now.Sub(oldest.began)
	if now.Sub(oldest.ended) >= sustainedFor || since <= 0 {
		return 0
	}
	var worked time.Duration
	for _, b := range p.last {
		worked += b.ended.Sub(b.began)
	}
	return min(1, float64(worked)/float64(since))
}

// rest is how long an applier rests after a turn that took so long, beside an intake that has a
// share of the time.
func rest(turn time.Duration, share float64, staging bool) time.Duration {
	d := time.Duration(float64(turn) * min(1, 2*share))
	if staging {
		d /= 2
	}
	return min(d, longestRest)
}

// besideIntake takes a turn of an applier; staging tells that it is one of a change under way.
func (n *Node) besideIntake(ctx context.Context, staging bool, turn func() error) error {
	if n.pace.share(time.Now()) == 0 {
		return turn()
	}
	select {
	case n.pace.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-n.pace.turn }()
	began := time.Now()
	err := turn()
	now := time.Now()
	share := n.pace.share(now)
	if err != nil || share == 0 {
		return err
	}
	t := time.NewTimer(rest(now.Sub(began), share, staging))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
