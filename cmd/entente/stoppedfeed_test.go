package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

// TestStoppedServer has two processes on one database, of which one is stopped (SIGSTOP) in
// the middle of a change for longer than its lease. The other makes the change; the one
// that was stopped goes on and does no harm. Then both take objects in, and each is in
// the feed once.
func TestStoppedServer(t *testing.T) {
	const objects = 12_000
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			f := newFeeds(t, engine, newURL(t), rand.Uint64())
			f.direct(func(ctx context.Context, n *node.Node) {
				_, err := n.Intake(ctx, entente.LocalActor(), f.shelf, stix.NewReader(strings.NewReader(strings.Join(feedObjects(1, objects+1), "\n"))), node.IntakeOptions{})
				f.must(err)
				f.must(n.CatchUp(ctx, nil))
			})
			whole := f.calm("calm", "")
			pact := f.propose("pact", "")
			f.decide(entente.ActivateAgreement{Agreement: pact, Backlog: "all"})
			f.start()
			t.Cleanup(func() { _ = f.cmd.Process.Kill() }) // also where this test fails while it is stopped
			stopped := f.stopWhile("pact", stagedBy(2000))

			other, err := node.Open(t.Context(), f.st, node.Config{Log: slog.New(slog.DiscardHandler)})
			f.must(err)
			running, end := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = other.Run(running) })
			defer wg.Wait()
			defer end()
			// The change is made by the other process, which the stopped one meets in the middle
			// of it.
			f.await("pact", func(a *entente.Agreement) bool {
				holder := f.holder(a.Num)
				return a.Work == nil || holder != "" && holder != stopped && stagedBy(1)(a)
			})
			f.must(f.cmd.Process.Signal(syscall.SIGCONT))
			f.await("pact", func(a *entente.Agreement) bool { return a.Work == nil })
			if got := f.shown("pact"); !f.same(got, whole) {
				t.Fatalf("%d entries, want %d", len(got), len(whole))
			}

			// Both take in, each its own objects.
			wg.Go(func() {
				_, err := other.Intake(t.Context(), entente.LocalActor(), f.shelf, stix.NewReader(strings.NewReader(strings.Join(feedObjects(objects+1, objects+1501), "\n"))), node.IntakeOptions{})
				if err != nil {
					t.Error(err)
				}
			})
			for from := objects + 1501; from < objects+3001; from += 300 {
				if !f.posted([]byte(`{"objects":[` + strings.Join(feedObjects(from, from+300), ",") + `]}`)) {
					t.Errorf("objects from %d on were not taken", from)
				}
			}
			f.await("pact", func(a *entente.Agreement) bool {
				return a.Feeds[0].LogHead == objects+3000 && a.Feeds[0].Seen == a.Feeds[0].LogHead
			})
			got := f.shown("pact")
			end()
			wg.Wait()
			f.kill()
			f.orphaned()
			if want := f.calm("calmer", ""); !f.same(got, want) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
				t.Errorf("%d entries, want %d, each once", len(got), len(want))
			}
			ex, err := other.Doctor(t.Context(), entente.LocalActor(), nil)
			f.must(err)
			if !ex.Sound {
				t.Errorf("the doctor found %v", ex.Complaints)
			}
		})
	}
}

// await waits for something of an agreement.
func (f *feeds) await(name string, met func(*entente.Agreement) bool) {
	f.t.Helper()
	for deadline := time.Now().Add(4 * time.Minute); !met(f.agreement(name)); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("%s stays as it is: %+v\n%s", name, f.agreement(name), f.log)
		}
	}
}

// holder is who has the lease of an agreement, "" for nobody.
func (f *feeds) holder(num int64) (holder string) {
	f.t.Helper()
	f.must(f.st.View(f.t.Context(), func(t *store.Tx) error {
		all, err := t.Leases(f.t.Context())
		for _, l := range all {
			if l.Job == fmt.Sprint("agreement ", num) {
				holder = l.Holder
			}
		}
		return err
	}))
	return holder
}

// stopWhile stops the program in the middle of a change, at a moment when it does not hold
// the database's write lock, or that of rows which others need: they would wait for it as
// long as it is stopped. It gives who has the lease then.
func (f *feeds) stopWhile(name string, reached func(*entente.Agreement) bool) (holder string) {
	f.t.Helper()
	f.await(name, func(a *entente.Agreement) bool { return a.Work == nil || reached(a) })
	for range 1000 {
		f.must(f.cmd.Process.Signal(syscall.SIGSTOP))
		ctx, cancel := context.WithTimeout(f.t.Context(), 100*time.Millisecond)
		err := f.st.Update(ctx, func(t *store.Tx) error {
			a, err := t.HoldAgreement(ctx, name)
			if err != nil || a.Work == nil {
				return err
			}
			holder = f.holder(a.Num)
			return t.HoldLease(ctx, fmt.Sprint("agreement ", a.Num), holder)
		})
		cancel()
		if err == nil {
			break
		}
		f.must(f.cmd.Process.Signal(syscall.SIGCONT))
		time.Sleep(time.Millisecond)
	}
	if f.agreement(name).Work == nil {
		f.t.Log("the change was made before the program was stopped")
	}
	return holder
}
