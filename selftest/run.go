package selftest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"entente/node"
)

// Options say how to try.
type Options struct {
	Trials int    // how many histories, 1 or more
	Seed   uint64 // what they are drawn from
	DB     string // a PostgreSQL server on which databases may be made, "" for SQLite
	// Progress is told of each trial. It may be nil.
	Progress func(done int)
	// Wrap stands between a node (0 or 1) and who asks it. Tests plant leaks by it, to see
	// them found; it is nil otherwise.
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

// renew is after how many trials a pair of nodes is made anew.
const renew = 25

// Run tries until the trials are done or a difference is found.
func Run(ctx context.Context, o Options) (Result, error) {
	var out Result
	var p *pair
	defer func() {
		if p != nil {
			_ = p.close()
		}
	}()
	for n := range o.Trials {
		if n%renew == 0 {
			if p != nil {
				if err := errors.Join(p.verify(ctx), p.close()); err != nil {
					return out, err
				}
			}
			var err error
			if p, err = newPair(ctx, o, fmt.Sprintf("pair %d", o.Seed)); err != nil {
				return out, err
			}
		}
		// Each trial has a seed of its own, by which it can be the first of another run.
		seed := o.Seed + uint64(n)
		t, err := newTrial(ctx, p, rand.New(rand.NewPCG(seed, 1)), n%renew)
		if err != nil {
			return out, err
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
			return out, fmt.Errorf("seed %d: %w", seed, err)
		}
		out.Trials++
		if d != nil {
			d.Seed = seed
			out.Difference = d
			return out, nil
		}
		if o.Progress != nil {
			o.Progress(out.Trials)
		}
	}
	if p != nil {
		return out, p.verify(ctx)
	}
	return out, nil
}

func (t *trial) difference(asked, one, two string) *Difference {
	var steps []string
	for i, s := range t.h.steps[:t.steps] {
		steps = append(steps, fmt.Sprintf("%2d. %s", i+1, s))
	}
	return &Difference{Steps: fmt.Sprintf("terms %+v\n%s", t.h.terms, strings.Join(steps, "\n")), Asked: asked, One: one, Two: two}
}
