package node

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"entente"
	"entente/store"
)

func leaseNode(t *testing.T, url string, now func() int64) *Node {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	n, err := Open(t.Context(), st, Config{Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lease takes a job's lease as a process does that dies at once.
func (n *Node) lease(t *testing.T, job string) {
	t.Helper()
	err := n.st.Update(t.Context(), func(tx *store.Tx) error {
		ok, err := tx.Lease(t.Context(), job, "another", n.now(), n.now()+leaseFor.Microseconds())
		if !ok {
			err = errors.Join(err, errLeased)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The job of a process that has died is free again within the time by which search may be
// behind, and not before the lease has run out.
func TestJobOfADeadProcess(t *testing.T) {
	now := int64(1_767_225_600_000_000)
	n := leaseNode(t, filepath.Join(t.TempDir(), "node.db"), func() int64 { return now })
	n.lease(t, searchJob)
	nothing := func(context.Context) error { return nil }
	for _, c := range []struct {
		after time.Duration
		want  error
	}{{0, errLeased}, {leaseFor, errLeased}, {5*time.Second - time.Second, nil}} { // the job looks every second
		now += c.after.Microseconds()
		if err := n.holding(t.Context(), searchJob, leaseFor, nothing); !errors.Is(err, c.want) {
			t.Errorf("after %v: %v, want %v", c.after, err, c.want)
		}
		now -= c.after.Microseconds()
	}
}

// held is what leases there are.
func (n *Node) held(t *testing.T) []store.LeaseHeld {
	t.Helper()
	var all []store.LeaseHeld
	if err := n.st.View(t.Context(), func(tx *store.Tx) (err error) {
		all, err = tx.Leases(t.Context())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// A job that takes longer than its lease keeps it, also against its own process; when it
// is done the lease is free.
func TestLeaseIsRenewed(t *testing.T) {
	n := leaseNode(t, filepath.Join(t.TempDir(), "node.db"), nil)
	const during = 1500 * time.Millisecond
	err := n.holding(t.Context(), "job", during, func(ctx context.Context) error {
		first := n.held(t)[0].Expires
		for n.now() < first+during.Microseconds() {
			if err := n.holding(t.Context(), "job", during, func(context.Context) error { return nil }); err == nil && ctx.Err() == nil {
				t.Error("a job is done twice at once")
				return nil
			}
			if ctx.Err() != nil { // so busy a machine that it was not renewed in time
				return ctx.Err()
			}
			time.Sleep(20 * time.Millisecond)
		}
		if n.held(t)[0].Expires <= first {
			t.Error("the lease was not renewed")
		}
		return nil
	})
	if err != nil && !errors.Is(err, errLeased) {
		t.Error(err)
	}
	if left := n.held(t); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// A job whose lease another process has ends, and does not give away what is not its own.
func TestLostLease(t *testing.T) {
	var ahead time.Duration
	url := filepath.Join(t.TempDir(), "node.db")
	n := leaseNode(t, url, nil)
	other := leaseNode(t, url, func() int64 { return time.Now().Add(ahead).UnixMicro() })
	ahead = time.Hour // as if this process had been stopped meanwhile
	err := n.holding(t.Context(), "job", 300*time.Millisecond, func(ctx context.Context) error {
		other.lease(t, "job")
		<-ctx.Done()
		return entente.Errorf(entente.Unavailable, "cut off")
	})
	if !errors.Is(err, errLeased) {
		t.Errorf("%v, want that it is leased", err)
	}
	if left := n.held(t); len(left) != 1 || left[0].Job != "job" {
		t.Errorf("%v are left", left)
	}
}

// A lease that was lost is not taken again by being renewed, although it is free by now:
// another process has done a part of the job.
func TestLostLeaseStaysLost(t *testing.T) {
	n := leaseNode(t, filepath.Join(t.TempDir(), "node.db"), nil)
	const during = 300 * time.Millisecond
	err := n.holding(t.Context(), "job", during, func(ctx context.Context) error {
		if err := n.st.Update(ctx, func(tx *store.Tx) error { return tx.Release(ctx, "job", n.held(t)[0].Holder) }); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, errLeased) || len(n.held(t)) != 0 {
		t.Errorf("%v, and %v are held", err, n.held(t))
	}
}
