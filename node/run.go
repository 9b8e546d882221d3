package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"entente"
	"entente/stix"
	"entente/store"
)

// Background work: each job is done by one process at a time, the one that holds its
// lease (see [leaseFor]).
const (
	searchJob   = "search"
	sweepJob    = "sweep"
	statusJob   = "statuses"
	searchBatch = 4000 // entries that the search follower reads at a time: each batch makes a segment of the index, to be merged later
	sweepBatch  = 1000
	statusKept  = 48 * time.Hour // TAXII 2.1 §4.3 asks for 24
)

// Run does the node's background work until ctx ends: full-text search and the index of
// values follow the accept logs, removed collections are swept, erasures are finished, old
// answers to POSTs are forgotten, and what is pulled and pushed on a schedule runs when it is due.
func (n *Node) Run(ctx context.Context) error {
	jobs := []struct {
		name  string
		every time.Duration
		woken bool
		do    func(context.Context) error
	}{
		{searchJob, time.Second, true, func(ctx context.Context) error { return n.followSearch(ctx, nil) }},
		{sweepJob, 15 * time.Second, false, func(ctx context.Context) error { return n.sweep(ctx, nil) }},
		{statusJob, time.Hour, false, n.dropStatuses},
		{eraseJob, 15 * time.Second, false, n.finishErasures},
		{retentionJob, retentionEvery, false, func(ctx context.Context) error { _, err := n.expire(ctx, entente.LocalActor()); return err }},
	}
	var wg sync.WaitGroup
	wg.Go(func() { n.watch(ctx) })
	wg.Go(func() { n.followSchedule(ctx) })
	wg.Go(func() { n.runAppliers(ctx) })
	wg.Go(func() { n.runSequencer(ctx) })
	wg.Go(func() { n.runWitnesses(ctx) })
	for _, j := range jobs {
		wg.Go(func() {
			wake := n.wake
			if !j.woken {
				wake = nil
			}
			for ctx.Err() == nil {
				if err := n.holding(ctx, j.name, leaseFor, j.do); err != nil && ctx.Err() == nil && !errors.Is(err, errLeased) {
					n.log.Error("background job failed; it will be tried again", "job", j.name, "error", err)
				}
				t := time.NewTimer(j.every)
				select {
				case <-ctx.Done():
				case <-t.C:
				case <-wake:
				}
				t.Stop()
			}
		})
	}
	wg.Wait()
	return nil
}

// watch tells the figures about stops each minute. Every process does, and without a lease:
// figures are a process's own.
func (n *Node) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := n.WatchStops(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("the figures about stops cannot be told", "error", err)
		}
		if _, err := n.FeedLag(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("the lag of feeds cannot be told", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	}
}

// CatchUp brings full-text search up to the accept logs now. While another process is at
// it, it waits for that one. Progress is told how many entries are left.
func (n *Node) CatchUp(ctx context.Context, progress func(left int64)) error {
	for {
		err := n.holding(ctx, searchJob, leaseFor, func(ctx context.Context) error { return n.followSearch(ctx, progress) })
		if !errors.Is(err, errLeased) {
			return err
		}
		left, err := n.SearchLag(ctx)
		if err != nil || left == 0 {
			return err
		}
		if progress != nil {
			progress(left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// FeedLag counts the lines of accept logs that active agreements have not judged yet.
func (n *Node) FeedLag(ctx context.Context) (left int64, err error) {
	err = n.st.View(ctx, func(t *store.Tx) error {
		left = 0
		behind, err := t.FeedsBehind(ctx, 0)
		for _, b := range behind {
			left += b.Lines
		}
		return err
	})
	if err == nil {
		n.meters.behind.Set(float64(left))
	}
	return left, err
}

// SearchLag counts the entries of accept logs that full-text search has not read yet.
func (n *Node) SearchLag(ctx context.Context) (left int64, err error) {
	err = n.st.View(ctx, func(t *store.Tx) (err error) {
		left, err = t.Lag(ctx, searchJob)
		return err
	})
	if err == nil {
		n.meters.lag.Set(float64(left))
	}
	return left, err
}

// followSearch reads the accept logs to their heads, under the lease.
func (n *Node) followSearch(ctx context.Context, progress func(left int64)) error {
	for {
		var feeds []int64
		err := n.st.View(ctx, func(t *store.Tx) (err error) {
			feeds, err = t.Behind(ctx, searchJob)
			return err
		})
		if err != nil || len(feeds) == 0 {
			n.meters.lag.Set(0)
			return err
		}
		for _, feed := range feeds {
			if err := n.followFeed(ctx, feed, progress); err != nil {
				return err
			}
		}
	}
}

// feedPart is a part of a feed made ready for the index.
type feedPart struct {
	store.Reading
	texts  []store.SearchText
	values []store.ContentValue
	err    error
}

// followFeed reads a feed to its head. While a part of it is written, the next one is read
// and made ready.
func (n *Node) followFeed(ctx context.Context, feed int64, progress func(left int64)) error {
	ctx, stop := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	read := func(after int64) <-chan feedPart {
		out := make(chan feedPart, 1)
		reading.Go(func() { out <- n.readFeed(ctx, feed, after) })
		return out
	}
	next := read(store.FromStored)
	for round := 0; ; round++ {
		if round%2 == 0 || progress != nil {
			left, err := n.SearchLag(ctx)
			if err != nil {
				return err
			}
			if progress != nil {
				progress(left)
			}
		}
		part := <-next
		if part.err != nil {
			return part.err
		}
		if !part.AtHead {
			next = read(part.To)
		}
		err := n.st.UpdateIndex(ctx, func(t *store.Tx) error {
			if err := t.PutValues(ctx, part.values); err != nil {
				return err
			}
			return t.PutSearch(ctx, searchJob, feed, part.Reading, part.texts)
		})
		if entente.KindOf(err) == entente.Conflict {
			return errLeased // the lease was lost, and another process has read the same
		}
		if err == nil {
			err = n.analyzeAfter(ctx, len(part.Bodies))
		}
		if err != nil || part.AtHead {
			return err
		}
	}
}

func (n *Node) readFeed(ctx context.Context, feed, after int64) feedPart {
	var out feedPart
	out.err = n.st.View(ctx, func(t *store.Tx) (err error) {
		out.Reading, err = t.Followed(ctx, searchJob, feed, after, searchBatch)
		return err
	})
	out.texts = make([]store.SearchText, 0, len(out.Bodies))
	for _, b := range out.Bodies {
		if len(b.Bytes) == 0 {
			continue // erased
		}
		out.texts = append(out.texts, store.SearchText{Content: b.Content, Words: store.Words(stix.Text(b.Bytes))})
		for _, key := range IndexedBy(b.Bytes) {
			out.values = append(out.values, store.ContentValue{Content: b.Content, Key: key})
		}
	}
	return out
}

// analyzeAfter counts what was followed, and lets the database gather statistics each time
// that it is three times as much as at the last time.
func (n *Node) analyzeAfter(ctx context.Context, read int) error {
	const first = 4000
	all := n.followed.Add(int64(read))
	last := n.analyzed.Load()
	if all < max(first, 3*last) || !n.analyzed.CompareAndSwap(last, all) {
		return nil
	}
	return n.st.Analyze(ctx)
}

// sweep takes away what removed collections left behind.
func (n *Node) sweep(ctx context.Context, progress func(swept int)) error {
	for total := 0; ; {
		var swept store.Swept
		err := n.st.Update(ctx, func(t *store.Tx) (err error) {
			swept, err = t.Sweep(ctx, sweepBatch)
			return err
		})
		if err == nil {
			err = n.st.UpdateIndex(ctx, func(t *store.Tx) error { return t.DropIndexed(ctx, swept) })
		}
		if err != nil || !swept.More {
			return err
		}
		total += swept.Lines
		if progress != nil {
			progress(total)
		}
	}
}

// Sweep takes away what removed collections left behind, now. Where another process is
// at it, that one goes on alone.
func (n *Node) Sweep(ctx context.Context, progress func(swept int)) error {
	err := n.holding(ctx, sweepJob, leaseFor, func(ctx context.Context) error { return n.sweep(ctx, progress) })
	if errors.Is(err, errLeased) {
		return nil
	}
	return err
}

func (n *Node) dropStatuses(ctx context.Context) error {
	return n.st.Update(ctx, func(t *store.Tx) error {
		_, err := t.DropStatuses(ctx, n.now()-statusKept.Microseconds())
		return err
	})
}
