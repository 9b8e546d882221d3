package selftest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"

	"entente/node"
)

// Options say how to try.
type Options struct {
	Trials int    // how many histories, 1 or more
	Seed   uint64 // what they are drawn from
	DB     string // a PostgreSQL server on which databases may be made, "" for SQLite
	// Parallel is how many pairs of nodes are tried at once; 0 for one for each processor.
	Parallel int
	// Progress is told of each trial, of one at a time. It may be nil.
	Progress func(done int)
	// Wrap stands between a node (0 or 1) and who asks it. Tests plant leaks by it, to see
	// them found; it is nil otherwise. It may be called for several pairs at once.
	Wrap func(h http.Handler, n *node.Node, which int) http.Handler
}

// Result is what came of it.
type Result struct {
	Trials     int         // that were done
	Requests   int         // that were compared
	Hidden     int         // steps that only one node lived through
	Difference *Difference // the first one, nil for none
}

// Difference is something that a partner could have told the two nodes apart by, or that
// the reference says otherwise.
type Difference struct {
	Seed     uint64 // draws this very trial, as the first of a run
	Steps    string // what had happened
	Asked    string
	One, Two string // without and with the hidden steps; or the reference and the node
}

// String tells the difference in full.
func (d *Difference) String() string {
	return fmt.Sprintf("what had happened:\n%s\nasked:\n%s\n\n---- without what is hidden, or by the reference\n%s\n\n---- with it, or by the node\n%s\n\nto repeat it: --trials 1 --seed %d",
		d.Steps, d.Asked, d.One, d.Two, d.Seed)
}

// renew is how many trials a pair of nodes lives through.
const renew = 25

// Run tries until the trials are done or a difference is found. Several pairs of nodes are tried
// at once; what comes of it is the same as if it had been one after the other.
func Run(ctx context.Context, o Options) (Result, error) {
	return newRun(o, renew).all(ctx)
}

// run is what those who try at once share.
type run struct {
	Options
	size int // how many trials are a part: those of one pair

	mu    sync.Mutex
	next  int          // of the parts, the one to be begun next
	last  int          // the one that ends it all: by a difference, an error, or as there are no more
	done  int          // trials, those included that do not count as an earlier one ended it all
	ahead map[int]part // that are done while one before them is not
	out   part         // what came of those before
	added int          // how many these are
}

// part is what came of the trials of one pair.
type part struct {
	Result
	err error
}

func newRun(o Options, size int) *run {
	r := &run{Options: o, size: size, last: (o.Trials - 1) / size, ahead: map[int]part{}}
	if r.Parallel == 0 {
		r.Parallel = runtime.GOMAXPROCS(0)
	}
	return r
}

// all does all of it.
func (r *run) all(ctx context.Context) (Result, error) {
	var wg sync.WaitGroup
	for range min(r.Parallel, r.last+1) {
		wg.Go(func() {
			for n, ok := r.begin(); ok; n, ok = r.begin() {
				r.add(n, r.try(ctx, n))
			}
		})
	}
	wg.Wait()
	return r.out.Result, r.out.err
}

// begin gives the next part. They are begun in order, so that all before the one that ends it
// are done as well.
func (r *run) begin() (n int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = r.next
	r.next++
	return n, n <= r.last
}

// add takes what came of a part, in the order of the parts up to the last one.
func (r *run) add(n int, p part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.err != nil || p.Difference != nil {
		r.last = min(r.last, n)
	}
	r.ahead[n] = p
	for r.added <= r.last {
		p, ok := r.ahead[r.added]
		if !ok {
			return
		}
		delete(r.ahead, r.added)
		r.added++
		r.out.Trials, r.out.Requests, r.out.Hidden = r.out.Trials+p.Trials, r.out.Requests+p.Requests, r.out.Hidden+p.Hidden
		r.out.Difference, r.out.err = p.Difference, p.err
	}
}

// went notes that a trial is done, and tells whether those of a part still count.
func (r *run) went(part int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if r.Progress != nil {
		r.Progress(r.done)
	}
	return part <= r.last
}

// try lives through the trials of a part, on a new pair, up to the first difference.
func (r *run) try(ctx context.Context, of int) (out part) {
	p, err := newPair(ctx, r.Options, fmt.Sprintf("pair %d", r.Seed))
	if err != nil {
		return part{err: err}
	}
	defer func() {
		if err := p.close(); out.Difference == nil {
			out.err = errors.Join(out.err, err)
		}
	}()
	for n := of * r.size; n < min((of+1)*r.size, r.Trials); n++ {
		// Each trial has a seed of its own, by which it can be the first of another run.
		seed := r.Seed + uint64(n)
		t, err := newTrial(ctx, p, rand.New(rand.NewPCG(seed, 1)), n%r.size)
		if err != nil {
			out.err = err
			return out
		}
		t.logs = rand.New(rand.NewPCG(seed, 2))
		d, err := t.run()
		out.Requests += t.requests
		for _, s := range t.h.steps {
			if s.hidden {
				out.Hidden++
			}
		}
		if err != nil {
			out.err = fmt.Errorf("seed %d: %w", seed, err)
			return out
		}
		out.Trials++
		if d != nil {
			d.Seed = seed
			out.Difference = d
			return out
		}
		if !r.went(of) {
			return out
		}
	}
	out.err = p.verify(ctx)
	return out
}

func (t *trial) difference(asked, one, two string) *Difference {
	var steps []string
	for i, s := range t.h.steps[:t.steps] {
		steps = append(steps, fmt.Sprintf("%2d. %s", i+1, s))
	}
	return &Difference{Steps: fmt.Sprintf("terms %+v\n%s", t.h.terms, strings.Join(steps, "\n")), Asked: asked, One: one, Two: two}
}
