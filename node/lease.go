package node

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"entente/store"
)

// A job that works on what several processes share is done by one at a time, the one that
// holds its lease. The lease of a process that has died runs out; until then nobody does
// the job. So it is short, and renewed beside the work.
//
// A process that was stopped for longer than that may find its lease with another. It then
// gives up within a third of the time, and what it has written until then does no harm:
// the follower of search moves on from where it stood or not at all ([store.Tx.PutSearch]),
// appliers hold the lease in each transaction that writes ([store.Tx.HoldLease]), and what
// the other jobs do may be done twice. So a lease need not be durable either: a database that
// comes back after a loss of power may have forgotten who holds one, or that it was given back.
const (
	leaseFor       = 3 * time.Second
	remoteLeaseFor = 30 * time.Second // pulls and pushes wait for other servers, and nobody for them
)

// errLeased tells that another process does the job at the moment.
var errLeased = errors.New("another process does this job now")

// holding does a job under a lease of this call's own, so that not even the same process
// does it twice at once, and renews it until the job is done. If the lease is lost the
// job's context ends.
func (n *Node) holding(ctx context.Context, job string, during time.Duration, do func(context.Context) error) error {
	return n.holdingAs(ctx, job, during, func(ctx context.Context, _ string) error { return do(ctx) })
}

// holdingAs is [Node.holding] for a job that names the holder when it writes.
func (n *Node) holdingAs(ctx context.Context, job string, during time.Duration, do func(ctx context.Context, holder string) error) error {
	holder, err := n.NewID()
	if err != nil {
		return err
	}
	lease := func(ctx context.Context, take bool) (ok bool, err error) {
		err = n.st.UpdateUnsynced(ctx, func(t *store.Tx) (err error) {
			now := n.now()
			if take {
				ok, err = t.Lease(ctx, job, holder, now, now+during.Microseconds())
			} else {
				ok, err = t.RenewLease(ctx, job, holder, now+during.Microseconds())
			}
			return err
		})
		return ok, err
	}
	if ok, err := lease(ctx, true); err != nil || !ok {
		return cmp.Or(err, errLeased)
	}
	working, stop := context.WithCancel(ctx)
	var lost atomic.Bool
	var renewing sync.WaitGroup
	renewing.Go(func() {
		t := time.NewTicker(during / 3)
		defer t.Stop()
		for {
			select {
			case <-working.Done():
				return
			case <-t.C:
			}
			if ok, err := lease(working, false); err == nil && !ok {
				lost.Store(true)
				stop()
				return
			}
		}
	})
	err = do(working, holder)
	stop()
	renewing.Wait()
	if lost.Load() && err != nil {
		err = errLeased
	}
	// Given back even when ctx has ended, so that nobody waits for it to run out.
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, n.st.UpdateUnsynced(back, func(t *store.Tx) error { return t.Release(back, job, holder) }))
}
