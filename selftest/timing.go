package selftest

import (
	"bytes"
	"cmp"
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
	Requests int    // per node and kind of request
	Visible  int    // objects that both nodes release
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
	Without, With time.Duration // medians
	// Longer is the probability that an answer of the node with hidden objects takes longer
	// than one of the other: 0.5 if nothing shows (the statistic of Mann and Whitney). Z is by
	// how many standard deviations it is off 0.5; beyond 4 or so it is no chance.
	Longer, Z float64
}

// Times asks two nodes the same in random order, one of which holds objects that may not
// show, and compares how long they take.
func Times(ctx context.Context, o TimingOptions) ([]Timing, error) {
	wrap := func(h http.Handler, _ *node.Node, which int) http.Handler {
		if o.Delay == 0 || which == 0 {
			return h
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for began := time.Now(); time.Since(began) < o.Delay; {
			}
			h.ServeHTTP(w, r)
		})
	}
	p, err := newPair(ctx, Options{DB: o.DB, Wrap: wrap}, fmt.Sprintf("timing %d", o.Seed))
	if err != nil {
		return nil, err
	}
	defer p.close()
	r := rand.New(rand.NewPCG(o.Seed, 2))
	t := &trial{pair: p, Rand: r, ctx: ctx, h: &history{terms: agreed{highest: 2}}}
	g := &generator{Rand: r, h: t.h}
	for w := range g.maker {
		g.maker[w] = g.thing("identity", nil)
	}
	if err := t.setUp(); err != nil {
		return nil, err
	}
	shown, err := t.fill(g, o)
	if err != nil {
		return nil, err
	}
	return t.times(shown, g, o)
}

// fill gives both nodes what the partner sees, and one of them what it must not.
func (t *trial) fill(g *generator, o TimingOptions) (shown []*thing, err error) {
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
		if err := take(t.sides[1], o.Hidden*len(part)/max(o.Visible, 1), 5); err != nil {
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

// times asks and compares.
func (t *trial) times(shown []*thing, g *generator, o TimingOptions) ([]Timing, error) {
	feed := t.objects(partner)
	get := func(path string) request {
		return request{method: "GET", path: path, token: t.token[partner], header: accepts}
	}
	kinds := []struct {
		name string
		ask  func() request
	}{
		{"page of objects", func() request { return get(feed + "?limit=20") }},
		{"manifest", func() request {
			return get("/" + t.root[partner] + "/collections/" + t.feed[partner] + "/manifest/?limit=20")
		}},
		{"object that is there", func() request { return get(feed + shown[t.IntN(len(shown))].id + "/") }},
		{"object that is hidden, or nowhere", func() request { return get(feed + g.h.things[len(g.h.things)-1-t.IntN(max(o.Hidden, 1))].id + "/") }},
		{"by type", func() request { return get(feed + "?match[type]=tool&limit=20") }},
		{"collection", func() request { return get("/" + t.root[partner] + "/collections/") }},
	}
	var out []Timing
	total := 2 * o.Requests * len(kinds)
	done := 0
	for _, k := range kinds {
		var times [2][]float64
		for len(times[0]) < o.Requests || len(times[1]) < o.Requests {
			i := t.IntN(2)
			if len(times[i]) == o.Requests {
				i = 1 - i
			}
			r := k.ask()
			began := time.Now()
			a, err := t.ask(t.ctx, t.sides[i], r)
			took := time.Since(began)
			if err != nil {
				return nil, err
			}
			if a.status >= 500 || bytes.Contains(a.body, []byte("panic")) {
				return nil, fmt.Errorf("%s: %s", k.name, a)
			}
			times[i] = append(times[i], float64(took))
			if done++; o.Progress != nil {
				o.Progress(done, total)
			}
		}
		longer, z := mannWhitney(times[0], times[1])
		out = append(out, Timing{Kind: k.name, Without: median(times[0]), With: median(times[1]), Longer: longer, Z: z})
	}
	return out, nil
}

func median(all []float64) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return time.Duration(all[len(all)/2])
}

// mannWhitney gives the probability that one of the second is larger than one of the first,
// equal ones counted half, and by how many standard deviations that is off one half.
func mannWhitney(first, second []float64) (larger, z float64) {
	type one struct {
		value  float64
		second bool
	}
	var all []one
	for _, v := range first {
		all = append(all, one{v, false})
	}
	for _, v := range second {
		all = append(all, one{v, true})
	}
	slices.SortFunc(all, func(x, y one) int { return cmp.Compare(x.value, y.value) })
	sum := 0.0 // of the ranks of the second
	for i := 0; i < len(all); {
		k := i
		for k < len(all) && all[k].value == all[i].value {
			k++
		}
		rank := float64(i+k+1) / 2
		for ; i < k; i++ {
			if all[i].second {
				sum += rank
			}
		}
	}
	n, m := float64(len(first)), float64(len(second))
	u := sum - m*(m+1)/2
	return u / (n * m), (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}
