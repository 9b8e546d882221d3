package node

import (
	"context"
	"sync"
	"time"
)

// pace lets intake go first. While batches come in one after another, one applier of the
// process works at a time, and rests as long as it worked: so intake keeps the greater part
// of two cores and of the database's one writer, and feeds still move.
type pace struct {
	turn chan struct{} // held by the applier at work, while intake is under way

	mu   sync.Mutex
	last [sustained]time.Time // when the last batches came in, the oldest at next
	next int
}

const (
	sustained    = 4                      // so many batches
	sustainedFor = 400 * time.Millisecond // within this time are an intake that goes on
	longestRest  = 300 * time.Millisecond
)

func newPace() *pace { return &pace{turn: make(chan struct{}, 1)} }

// came notes a batch of submissions.
func (p *pace) came() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[p.next] = time.Now()
	p.next = (p.next + 1) % sustained
}

// underWay tells whether an intake goes on.
func (p *pace) underWay() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.last[p.next]) < sustainedFor
}

// besideIntake takes a turn of an applier.
func (n *Node) besideIntake(ctx context.Context, turn func() error) error {
	if !n.pace.underWay() {
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
	if err != nil || !n.pace.underWay() {
		return err
	}
	t := time.NewTimer(min(time.Since(began), longestRest))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
