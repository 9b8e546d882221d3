package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"entente"
	"entente/stix"
	"entente/store"
)

// An agreement's feeds follow the accept logs of the collections that it covers. One process
// at a time carries them on, under the agreement's lease; what it writes counts only if the
// feeds are still where it began, whoever holds the lease by then.
//
// Design: docs/design/012-appliers.md.

// applyLines is about how many lines of an accept log are judged at a time, and wide so many
// times more where nothing is seen before all is judged: each turn has its price.
const (
	applyLines = 1000
	wide       = 4
)

func applyJob(agreement int64) string { return fmt.Sprintf("agreement %d", agreement) }

// followAgreements carries every agreement's feeds on that is behind, several at once, and
// reports whether it worked on any: then there may be more.
func (n *Node) followAgreements(ctx context.Context) (worked bool, err error) {
	behind, err := n.agreementsBehind(ctx)
	if err != nil {
		return false, err
	}
	if len(behind) == 0 {
		n.windows.forget()
		return false, nil
	}
	return n.carryOn(ctx, behind)
}

// carryOn carries the feeds of these agreements on, and reports whether it worked on any.
func (n *Node) carryOn(ctx context.Context, behind []int64) (worked bool, err error) {
	var done atomic.Bool
	var wg sync.WaitGroup
	slots := make(chan struct{}, appliersAtOnce)
	errs := make([]error, len(behind))
	for i, num := range behind {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := n.applyHeld(ctx, num, nil)
			if !errors.Is(err, errLeased) {
				errs[i] = err
				done.Store(true)
			}
		})
	}
	wg.Wait()
	return done.Load(), errors.Join(errs...)
}

// runAppliers follows with every agreement's feeds until ctx ends.
func (n *Node) runAppliers(ctx context.Context) {
	for ctx.Err() == nil {
		worked, err := n.followAgreements(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error("feeds could not be carried on; it will be tried again", "error", err)
		}
		if worked && err == nil {
			continue // something may be left
		}
		t := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-n.apply:
		}
		t.Stop()
	}
}

// applyShare is how long one agreement is worked on before others have their turn. They have it
// earlier if it has used up half of what is kept of windows, so that they find these.
const applyShare = 300 * time.Millisecond

// appliersAtOnce is how many agreements one process works on at a time: more would only wait
// for each other to write.
const appliersAtOnce = 2

func (n *Node) agreementsBehind(ctx context.Context) (nums []int64, err error) {
	err = n.st.View(ctx, func(t *store.Tx) (err error) {
		nums, err = t.AgreementsBehind(ctx, n.now())
		return err
	})
	return nums, err
}

// Settle carries an agreement's feeds on until what there was to judge when it was called is
// judged, a change under way included. Where another process is at it, it waits for that
// one. Progress is told how many positions of the accept logs are done, and how many there are.
func (n *Node) Settle(ctx context.Context, idOrName string, progress func(done, total int64)) error {
	goals := map[int64]int64{} // by feed
	for {
		var a *entente.Agreement
		var touched []store.Touched
		err := n.st.View(ctx, func(t *store.Tx) (err error) {
			if a, err = t.Agreement(ctx, idOrName); err == nil && a != nil {
				touched, err = t.TouchedOf(ctx, a.Num, n.now(), 1)
			}
			return err
		})
		if err != nil {
			return err
		}
		if a == nil {
			return entente.Errorf(entente.NotFound, "there is no agreement %q", idOrName)
		}
		done := a.Work == nil && (a.State != entente.Active || len(touched) == 0)
		for _, f := range a.Feeds {
			if goals[f.Feed] == 0 {
				goals[f.Feed] = max(f.LogHead, 1)
			}
			done = done && (a.State != entente.Active || f.Seen >= goals[f.Feed] || f.LogHead == 0)
		}
		if done {
			return nil
		}
		if err := n.applyHeld(ctx, a.Num, progress); err != nil && !errors.Is(err, errLeased) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// SettleAll carries on every agreement's feeds until nothing is left to judge.
func (n *Node) SettleAll(ctx context.Context) error {
	for {
		behind, err := n.agreementsBehind(ctx)
		if err != nil {
			return err
		}
		if len(behind) == 0 {
			n.windows.forget()
			return nil
		}
		if _, err := n.carryOn(ctx, behind); err != nil {
			return err
		}
	}
}

// applyHeld carries an agreement's feeds on under its lease, until nothing is left to judge,
// or for about as long as [applyShare]: others want to work as well.
func (n *Node) applyHeld(ctx context.Context, num int64, progress func(done, total int64)) error {
	began := time.Now()
	return n.holdingAs(ctx, applyJob(num), leaseFor, func(ctx context.Context, holder string) error {
		p := &applier{n: n, num: num, holder: holder, progress: progress}
		defer p.drop()
		for {
			var more bool
			err := n.besideIntake(ctx, false, func() (err error) { more, err = p.once(ctx); return err })
			if err == nil && p.work != nil {
				err = p.doWork(ctx, p.work)
			}
			switch {
			case entente.KindOf(err) == entente.Conflict:
				return errLeased // somebody else has carried it on
			case errors.Is(err, store.ErrIndexBehind):
				if err := n.CatchUp(ctx, nil); err != nil {
					return err
				}
				continue
			case err != nil || !more || time.Since(began) > applyShare || p.took > windowsHeld/2:
				return err
			}
		}
	})
}

// applier carries one agreement's feeds on, under its lease.
type applier struct {
	n        *Node
	num      int64
	holder   string // of the lease
	progress func(done, total int64)
	standing store.Standing
	next     *ahead             // the window after the one at work, nil for none
	took     int                // bytes of the windows that were judged
	wide     bool               // a change is staged
	closing  bool               // see [entente.Circumstances]
	anew     *entente.Anew      // the same, while a change is staged
	reach    int64              // see [store.LibraryOptions]
	work     *entente.Agreement // one with a change under way, to be made
}

// lines is about how many lines of an accept log a turn judges.
func (p *applier) lines() int {
	if p.wide {
		return wide * p.n.windows.lines
	}
	return p.n.windows.lines
}

// once judges what comes next and writes what it came to. It reports whether there may be
// more; a change that is under way it leaves in p.work.
func (p *applier) once(ctx context.Context) (more bool, err error) {
	var r *turn
	err = p.n.st.View(ctx, func(t *store.Tx) error {
		r, p.work = nil, nil
		a, err := t.AgreementNum(ctx, p.num)
		if err != nil || a == nil {
			return err
		}
		if a.Work != nil {
			p.work = a
			return nil
		}
		if a.State != entente.Active {
			return nil
		}
		from, upTo := make([]int64, len(a.Feeds)), make([]int64, len(a.Feeds))
		for i, f := range a.Feeds {
			from[i], upTo[i] = f.Seen, f.LogHead
		}
		r, err = p.read(ctx, t, a, from, upTo)
		return err
	})
	switch {
	case err != nil:
		return false, err
	case p.work != nil:
		return true, nil
	case r == nil:
		return false, nil
	}
	return r.more, p.put(ctx, r, r.write)
}

// update writes, if no other process has taken over. Positions alone would not tell: who
// takes over a change that is staged takes it back, and stages it up to there again.
func (p *applier) update(ctx context.Context, f func(*store.Tx) error) error {
	return p.n.st.Update(ctx, func(t *store.Tx) error {
		if err := t.HoldLease(ctx, applyJob(p.num), p.holder); err != nil {
			return err
		}
		return f(t)
	})
}

// put writes what a turn came to.
func (p *applier) put(ctx context.Context, r *turn, w store.Advancing) error {
	err := p.update(ctx, func(t *store.Tx) error {
		if err := t.PutAdvance(ctx, w); err != nil {
			return err
		}
		return putJudged(ctx, t, r.events)
	})
	if err != nil {
		return err
	}
	wake(p.n.sequence)
	if w.Left > 0 {
		p.standing.Forget()
	} else {
		p.standing.Add(w.In...)
	}
	p.n.meters.applied(w.Entered, w.Left)
	r.tell(p.progress)
	return nil
}

// turn is one turn of an applier.
type turn struct {
	write  store.Advancing
	events []store.EventRow
	more   bool
	seen   []int64 // by place: up to where the logs are judged by it
	upTo   []int64 // and up to where they are to be
}

// tell reports how far the accept logs are judged.
func (r *turn) tell(progress func(done, total int64)) {
	if progress == nil {
		return
	}
	var done, total int64
	for i, seen := range r.seen {
		done, total = done+seen, total+max(r.upTo[i], seen)
	}
	progress(done, total)
}

// read judges what lies in the accept logs between two positions each, or a part of it; or
// what decisions ask to judge, which comes first. Where the logs are judged all over again,
// submissions count that stand anywhere up to the second position. It gives nil if there is
// nothing to judge.
func (p *applier) read(ctx context.Context, t *store.Tx, a *entente.Agreement, from, upTo []int64) (*turn, error) {
	r := &turn{upTo: upTo}
	anew := p.anew != nil
	now := p.n.now()
	touched, err := t.TouchedOf(ctx, a.Num, now, applyLines)
	if err != nil {
		return nil, err
	}
	var w *store.Window
	var steps [][]entente.ObjectID
	if len(touched) > 0 {
		var ids []entente.ObjectID
		for _, x := range touched {
			ids = append(ids, x.Object)
		}
		w, steps, r.more = store.NewWindow(from), [][]entente.ObjectID{ids}, true
	} else {
		var all []int64
		if anew {
			all = upTo
		}
		if w, err = p.window(ctx, t, a, from, upTo, all); err != nil {
			return nil, err
		}
		if slices.Equal(w.UpTo, from) {
			return nil, nil
		}
		p.took += w.Size()
		if steps, r.more = w.Steps, !w.Ends(upTo); r.more {
			p.next = p.n.windows.ahead(ctx, p, a, w.UpTo, upTo, all)
		}
	}
	counts := w.UpTo
	var ends [][]int64
	if anew {
		p.reach = max(p.reach, w.Reach())
		counts, ends, w = upTo, w.Positions(), w.Anew()
	}
	lib, err := t.Library(ctx, store.LibraryOptions{Agreement: a, Window: w, Settled: counts, Parse: stix.Reread,
		Follower: searchJob, ReferenceKey: referenceKey, Standing: &p.standing, Reach: p.reach})
	if err != nil {
		return nil, err
	}
	c, err := p.n.circumstances(ctx, t, a, lib)
	if err != nil {
		return nil, err
	}
	c.Closing, c.Anew, c.Ends = p.closing, p.anew, ends
	advanced, err := entente.Advance(c, lib, steps)
	if err != nil {
		return nil, err
	}
	r.seen = w.UpTo
	if err := p.n.saltContents(advanced.Contents); err != nil {
		return nil, err
	}
	r.write = store.Advancing{Agreement: a, Advanced: advanced, Seen: w.UpTo, Touched: touched, Waits: lib.Waits(), Now: now}
	r.events, err = p.n.judged(ctx, t, lib, r.write, anew)
	return r, err
}

// window is what comes next in the accept logs: as it was read ahead, or by another applier,
// else read now.
func (p *applier) window(ctx context.Context, t *store.Tx, a *entente.Agreement, from, upTo, counts []int64) (*store.Window, error) {
	if next := p.next; next != nil {
		p.next = nil
		<-next.done
		if next.mine {
			next.stop()
		}
		if next.err == nil && next.of == windowOf(a, from) && next.w.Serves(upTo, counts) {
			return next.w, nil
		}
	}
	return p.n.windows.window(ctx, t, p, a, from, upTo, counts)
}

// drop gives up what is read ahead.
func (p *applier) drop() { p.next.drop() }

func referenceKey(id entente.ObjectID) (int64, bool) {
	key, ok := stix.ReferenceKey(id)
	return store.ValueKey(key), ok
}
