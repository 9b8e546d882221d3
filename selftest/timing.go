package selftest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"entente/node"
)

// TimingOptions say what to time.
type TimingOptions struct {
	Pairs    int    // of nodes that are made, one after another; 2 or more
	Requests int    // per pair, node and kind of request
	Visible  int    // objects that both nodes of a pair release
	Hidden   int    // objects that one node holds besides, and that the partner must not see
	Seed     uint64 // what everything is drawn from
	DB       string // as in [Options]
	// Delay is added to the answers of the node with the hidden objects: a control, by which
	// the statistic shows that it would find as much.
	Delay time.Duration
	// Progress is told of the requests done, of all. It may be nil.
	Progress func(done, total int)
}

// Timing is how the times of one kind of request compare.
type Timing struct {
	Kind          string
	Without, With time.Duration // medians of all pairs
	// Longer is the probability that the node with hidden objects takes longer than the other
	// for one and the same request: 0.5 if nothing shows.
	Longer float64
	// T is by how many standard errors Longer is off 0.5. Two nodes always differ somewhat,
	// with the same objects too (where their files lie on the disk, say), so what counts is
	// whether pair after pair differs in the same direction: see [acrossPairs].
	T float64
}

// timed are the answers of one kind of request: their times without and with hidden objects,
// and by pair of nodes how often that with took longer.
type timed struct {
	times  [2][]float64
	longer []float64
}

// Times makes pairs of nodes that release the same, one of which holds objects that may not
// show, asks both the same, and compares how long they take.
func Times(ctx context.Context, o TimingOptions) ([]Timing, error) {
	all := make([]timed, len(timedKinds))
	for n := range o.Pairs {
		if err := timePair(ctx, o, n, all); err != nil {
			return nil, err
		}
	}
	var out []Timing
	for i, k := range all {
		longer, t := acrossPairs(k.longer, o.Requests)
		out = append(out, Timing{Kind: timedKinds[i].name, Without: median(k.times[0]), With: median(k.times[1]), Longer: longer, T: t})
	}
	return out, nil
}

// timePair adds what one pair of nodes shows. The hidden objects are on the second node that
// is made, and in the next pair on the first.
func timePair(ctx context.Context, o TimingOptions, n int, all []timed) error {
	hides := 1 - n%2
	wrap := func(h http.Handler, _ *node.Node, which int) http.Handler {
		if o.Delay == 0 || which != hides {
			return h
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for began := time.Now(); time.Since(began) < o.Delay; {
			}
			h.ServeHTTP(w, r)
		})
	}
	p, err := newPair(ctx, Options{DB: o.DB, Wrap: wrap}, fmt.Sprintf("timing %d %d", o.Seed, n))
	if err != nil {
		return err
	}
	defer p.close()
	r := rand.New(rand.NewPCG(o.Seed+uint64(n), 2))
	t := &trial{pair: p, Rand: r, ctx: ctx, h: &history{terms: agreed{highest: 2}}}
	g := &generator{Rand: r, h: t.h}
	for w := range g.maker {
		g.maker[w] = g.thing("identity", nil)
	}
	if err := t.setUp(); err != nil {
		return err
	}
	shown, err := t.fill(g, o, hides)
	if err != nil {
		return err
	}
	for i, k := range timedKinds {
		longer, err := t.times(&all[i], hides, o.Requests, func() request { return k.ask(t, shown, g) })
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		all[i].longer = append(all[i].longer, longer)
		if o.Progress != nil {
			o.Progress(2*o.Requests*(n*len(timedKinds)+i+1), 2*o.Requests*o.Pairs*len(timedKinds))
		}
	}
	return nil
}

// fill gives both nodes what the partner sees, and one of them what it must not.
func (t *trial) fill(g *generator, o TimingOptions, hides int) (shown []*thing, err error) {
	take := func(x *side, n int, mark level) error {
		for n > 0 {
			var versions []version
			for range min(n, 1000) {
				of := g.thing("malware", nil)
				versions = append(versions, version{of: of, maker: of.maker, mark: mark})
			}
			n -= len(versions)
			if err := t.take(x, t.shelf, versions); err != nil {
				return err
			}
		}
		return nil
	}
	var versions []version
	for range o.Visible {
		of := g.thing("malware", nil)
		shown = append(shown, of)
		versions = append(versions, version{of: of, maker: of.maker, mark: 2})
	}
	for part := range slices.Chunk(versions, 1000) {
		for _, x := range t.sides {
			if err := t.take(x, t.shelf, part); err != nil {
				return nil, err
			}
		}
		// What is hidden comes between, as it would.
		if err := take(t.sides[hides], o.Hidden*len(part)/max(o.Visible, 1), 5); err != nil {
			return nil, err
		}
	}
	for _, x := range t.sides {
		if err := x.node.SettleAll(t.ctx); err != nil {
			return nil, err
		}
		if err := x.node.CatchUp(t.ctx, nil); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// timedKinds are the requests that are timed.
var timedKinds = []struct {
	name string
	ask  func(t *trial, shown []*thing, g *generator) request
}{
	{"page of objects", func(t *trial, _ []*thing, _ *generator) request { return t.get(t.objects(partner) + "?limit=20") }},
	{"manifest", func(t *trial, _ []*thing, _ *generator) request {
		return t.get("/" + t.root[partner] + "/collections/" + t.feed[partner] + "/manifest/?limit=20")
	}},
	{"object that is there", func(t *trial, shown []*thing, _ *generator) request {
		return t.get(t.objects(partner) + shown[t.IntN(len(shown))].id + "/")
	}},
	{"object that is hidden, or nowhere", func(t *trial, shown []*thing, g *generator) request {
		// What was hidden was made last; without anything hidden, it is an object of nobody.
		hidden := g.h.things[slices.Index(g.h.things, shown[len(shown)-1])+1:]
		if len(hidden) == 0 {
			hidden = []*thing{{id: "malware--00000000-0000-4000-8000-000000000000"}}
		}
		return t.get(t.objects(partner) + hidden[t.IntN(len(hidden))].id + "/")
	}},
	{"by type", func(t *trial, _ []*thing, _ *generator) request {
		return t.get(t.objects(partner) + "?match[type]=tool&limit=20")
	}},
	{"collection", func(t *trial, _ []*thing, _ *generator) request {
		return t.get("/" + t.root[partner] + "/collections/")
	}},
}

func (t *trial) get(path string) request {
	return request{method: "GET", path: path, token: t.token[partner], header: accepts}
}

// times asks both nodes one request after another, each of them both at once as nearly as
// that goes: who is asked second finds caches warm, so by chance it is the one or the other.
// It gives how often the one with hidden objects took longer, equal ones counted half.
func (t *trial) times(into *timed, hides, requests int, next func() request) (longer float64, err error) {
	for range requests {
		r, first := next(), t.IntN(2)
		var took [2]time.Duration // without and with
		for _, i := range []int{first, 1 - first} {
			began := time.Now()
			a, err := t.ask(t.ctx, t.sides[i], r)
			d := time.Since(began)
			if err != nil {
				return 0, err
			}
			if a.status >= 500 || bytes.Contains(a.body, []byte("panic")) {
				return 0, fmt.Errorf("%s", a)
			}
			with := 0
			if i == hides {
				with = 1
			}
			took[with] = d
			into.times[with] = append(into.times[with], float64(d))
		}
		switch {
		case took[1] > took[0]:
			longer++
		case took[1] == took[0]:
			longer += 0.5
		}
	}
	return longer / float64(requests), nil
}

func median(all []float64) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return time.Duration(all[len(all)/2])
}

// acrossPairs gives the mean of what the pairs of nodes show, each by so many requests, and by
// how many standard errors that is off one half (Student's t, with one degree of freedom less
// than there are pairs). The error is taken from how much the pairs differ among themselves,
// and is never less than chance alone would make it.
func acrossPairs(longer []float64, requests int) (mean, t float64) {
	n := float64(len(longer))
	for _, l := range longer {
		mean += l / n
	}
	variance := 0.0
	for _, l := range longer {
		variance += (l - mean) * (l - mean) / (n - 1)
	}
	variance = max(variance, 0.25/float64(requests))
	return mean, (mean - 0.5) / math.Sqrt(variance/n)
}
