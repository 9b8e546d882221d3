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
	r := &run{Options: o, parts: make([]part, (o.Trials+renew-1)/renew)}
	r.last = len(r.parts) - 1
	if r.Parallel == 0 {
		r.Parallel = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(r.Parallel, len(r.parts)) {
		wg.Go(func() { r.work(ctx) })
	}
	wg.Wait()
	var out Result
	for _, p := range r.parts[:r.last+1] {
		out.Trials, out.Requests, out.Hidden = out.Trials+p.Trials, out.Requests+p.Requests, out.Hidden+p.Hidden
		if p.err != nil {
			return out, p.err
		}
		out.Difference = p.Difference
	}
	return out, nil
}

// run is what those who try at once share.
type run struct {
	Options
	parts []part // each of one pair

	mu   sync.Mutex
	next int // of the parts, the one to be begun next
	last int // the one that ends it all: by a difference, an error, or as there are no more
	done int // trials, those included that came to nothing as an earlier one ended it all
}

// part is what came of the trials of one pair.
type part struct {
	Result
	err error
}

// work lives through pair after pair. Parts are begun in order, so that all before one that
// ends it are done as well.
func (r *run) work(ctx context.Context) {
	for {
		r.mu.Lock()
		n := r.next
		r.next++
		last := r.last
		r.mu.Unlock()
		if n > last {
			return
		}
		p := &r.parts[n]
		if p.err = r.try(ctx, n, &p.Result); p.err == nil && p.Difference == nil {
			continue
		}
		r.mu.Lock()
		r.last = min(r.last, n)
		r.mu.Unlock()
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
func (r *run) try(ctx context.Context, part int, out *Result) (err error) {
	p, err := newPair(ctx, r.Options, fmt.Sprintf("pair %d", r.Seed))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for n := part * renew; n < min((part+1)*renew, r.Trials); n++ {
		// Each trial has a seed of its own, by which it can be the first of another run.
		seed := r.Seed + uint64(n)
		t, err := newTrial(ctx, p, rand.New(rand.NewPCG(seed, 1)), n%renew)
		if err != nil {
			return err
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
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		out.Trials++
		if d != nil {
			d.Seed = seed
			out.Difference = d
			return nil
		}
		if !r.went(part) {
			return nil
		}
	}
	return p.verify(ctx)
}

func (t *trial) difference(asked, one, two string) *Difference {
	var steps []string
	for i, s := range t.h.steps[:t.steps] {
		steps = append(steps, fmt.Sprintf("%2d. %s", i+1, s))
	}
	return &Difference{Steps: fmt.Sprintf("terms %+v\n%s", t.h.terms, strings.Join(steps, "\n")), Asked: asked, One: one, Two: two}
}
