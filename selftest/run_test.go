package selftest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"entente"
	"entente/node"
)

var (
	trials = flag.Int("trials", 20, "how many histories TestNoDifference tries on each engine")
	seed   = flag.Uint64("seed", 1, "what they are drawn from")
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// TestNoDifference is what "entente selftest noninterference" does; "make test" does it with
// more histories.
func TestNoDifference(t *testing.T) {
	for engine, db := range map[string]string{"sqlite": "", "postgres": os.Getenv("ENTENTE_TEST_POSTGRES")} {
		if engine == "postgres" && db == "" {
			continue // "make test" has a server
		}
		t.Run(engine, func(t *testing.T) {
			r, err := Run(t.Context(), Options{Trials: *trials, Seed: *seed, DB: db})
			if err != nil {
				t.Fatal(err)
			}
			if r.Difference != nil {
				t.Fatal(r.Difference)
			}
			if r.Trials != *trials || r.Hidden == 0 || r.Requests == 0 {
				t.Fatalf("%+v", r)
			}
		})
	}
}

// TestAtOnce has differences in two trials, and tries several pairs at once: the first one is
// told, with the same figures as one after the other.
func TestAtOnce(t *testing.T) {
	const trials, size, seed = 9, 3, 1
	const first, later = 4, 6
	planted := map[string]bool{} // ids of objects, of whose answers the second node says more
	for _, n := range []int{first, later} {
		for _, x := range newHistory(rand.New(rand.NewPCG(seed+uint64(n), 1)), n%size).things {
			planted[x.id] = true
		}
	}
	var want Result
	for parallel := 1; parallel <= 3; parallel++ {
		told := 0
		o := Options{Trials: trials, Seed: seed, Parallel: parallel, Progress: func(done int) { told = done }}
		o.Wrap = func(h http.Handler, _ *node.Node, which int) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if which == 1 && planted[string(object(r))] {
					w.Header().Set("X-Planted", "yes")
				}
				h.ServeHTTP(w, r)
			})
		}
		got, err := newRun(o, size).all(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Difference == nil || got.Trials != first+1 || got.Difference.Seed != seed+first || told < first {
			t.Fatalf("%d at once: %d trials, %d of them told, %v", parallel, got.Trials, told, got.Difference)
		}
		if parallel == 1 {
			want = got
		}
		if got.Requests != want.Requests || got.Hidden != want.Hidden || got.Difference.Steps != want.Difference.Steps || got.Difference.Asked != want.Difference.Asked {
			t.Errorf("%d at once: %+v, and one after the other %+v", parallel, got, want)
		}
	}
	o := Options{Trials: trials, Seed: seed, Parallel: 3}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if got, err := newRun(o, size).all(stopped); err == nil || got.Trials != 0 {
		t.Errorf("what is cut off comes to %+v, %v", got, err)
	}
}

// TestDeletionsThatUnveil has the partner delete what hidden contents of home wait behind: the
// nodes are not compared after that, as they show different things, but with the reference.
func TestDeletionsThatUnveil(t *testing.T) {
	var contested, own *thing
	tr := lived(t, agreed{highest: 4}, func(g *generator) []step {
		contested, own = g.thing("malware", nil), g.thing("malware", nil)
		return []step{
			{action: submit, by: partner, versions: []version{{of: contested, mark: 2}, {of: own, mark: 2}}},
			{action: submit, by: home, versions: []version{{of: contested, mark: 2, variant: 1}}, hidden: true},
		}
	})
	deleting := func(of *thing) string {
		return tr.removing(request{method: "DELETE", path: tr.objects(partner) + of.id + "/"}).method
	}
	if method := deleting(own); method != "DELETE" {
		t.Fatalf("%s of what nothing waits behind", method)
	}
	for _, x := range tr.sides {
		if _, err := tr.act(x, step{action: remove, by: partner, object: own}); err != nil {
			t.Fatal(err)
		}
	}
	if method := deleting(contested); method != "HEAD" {
		t.Fatalf("%s of what home's contents wait behind", method)
	}
	if d, err := tr.unveiled(); d != nil || err != nil {
		t.Fatal(d, err)
	}
	if live := tr.ref.live(); len(live) != 1 || !strings.Contains(live[0], "variant 1 by ") {
		t.Fatal("home's contents did not come into view: ", live)
	}
}

// TestOwnSubmissionsAreNotHidden has home delete what the partner submitted and what was never
// released: the partner is told so when it deletes that itself, so both nodes have to do it.
func TestOwnSubmissionsAreNotHidden(t *testing.T) {
	g := drawing(agreed{highest: 1})
	for _, c := range []struct {
		maker who
		want  bool
	}{{home, false}, {partner, true}} {
		of := g.thing("malware", g.maker[c.maker])
		mine := []version{{of: of, maker: of.maker, mark: 5}}
		g.h.steps = []step{
			{action: submit, by: home, versions: []version{{of: of, maker: of.maker, mark: 5, second: 1}}, hidden: true},
			{action: submit, by: partner, versions: mine},
			{action: remove, by: home, object: of, hidden: true},
		}
		g.h.keepApart()
		if got := g.h.steps[2].hidden; got != c.want {
			t.Errorf("home deletes what %s made: hidden %v, want %v", c.maker, got, c.want)
		}
	}
}

// TestNodesBeginAlike: what signs a partner's log is no matter of what a node has lived through.
func TestNodesBeginAlike(t *testing.T) {
	p, err := newPair(t.Context(), Options{}, "alike")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var heads [2]string
	for i, s := range p.sides {
		f, err := s.node.LogCheckpoint(t.Context(), entente.LocalActor(), 0)
		if err != nil {
			t.Fatal(err)
		}
		heads[i] = string(f.Bytes)
	}
	if heads[0] != heads[1] || heads[0] == "" {
		t.Errorf("the nodes sign alike before anything happens:\n%s\n%s", heads[0], heads[1])
	}
}

// drawing is a generator of one history, with the identities of the parties.
func drawing(terms agreed) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(1, 1)), h: &history{terms: terms}}
	for w := range g.maker {
		g.maker[w] = g.thing("identity", nil)
	}
	return g
}

// lived has a pair of nodes live through what is written down, where they must not differ from each other nor from the reference.
func lived(t *testing.T, terms agreed, write func(g *generator) []step) *trial {
	t.Helper()
	p, err := newPair(t.Context(), Options{}, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.close() })
	g := drawing(terms)
	g.h.steps = write(g)
	g.h.keepApart()
	tr, err := newTrialOf(t.Context(), p, g.Rand, 0, g.h)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range g.h.steps {
		if d, err := tr.step(s); d != nil || err != nil {
			t.Fatal(d, err)
		}
	}
	if d, err := tr.compare(); d != nil || err != nil {
		t.Fatal(d, err)
	}
	return tr
}

// TestStoppedPartnersSupplyNothing has a stopped partner be the first to say who made an object: it is
// not heard, so home, who names nobody, deletes its own of it and no more.
func TestStoppedPartnersSupplyNothing(t *testing.T) {
	for stays, want := range map[bool]int{false: 1, true: 2} {
		t.Run(fmt.Sprint("stays ", stays), func(t *testing.T) {
			tr := lived(t, agreed{highest: 4}, func(g *generator) []step {
				of, made := g.thing("malware", nil), g.maker[home]
				return []step{
					{action: submit, by: home, versions: []version{{of: made, mark: 2}}},
					{action: stopped, by: other, stays: true},
					{action: stopped, by: other, stays: stays},
					{action: submit, by: other, versions: []version{{of: of, mark: 2, maker: made}}},
					{action: submit, by: home, versions: []version{{of: of, mark: 2, second: 1}}},
					{action: submit, by: partner, versions: []version{{of: of, mark: 2, second: 2}}},
					{action: remove, by: home, object: of},
				}
			})
			if live := tr.ref.live(); len(live) != want {
				t.Errorf("%s", live)
			}
		})
	}
}

// TestFirstOfTheMakersContents: who made an object takes the place of another's content with the first of its own.
func TestFirstOfTheMakersContents(t *testing.T) {
	tr := lived(t, agreed{highest: 4}, func(g *generator) []step {
		of, made := g.thing("malware", nil), g.maker[home]
		return []step{
			{action: submit, by: home, versions: []version{{of: of, mark: 2, maker: made}}}, // waits for its maker
			{action: submit, by: partner, versions: []version{{of: of, mark: 2, second: 1, variant: 1}}},
			{action: submit, by: home, versions: []version{{of: of, mark: 1, second: 1}, {of: of, mark: 2, second: 1}}},
			{action: submit, by: home, versions: []version{{of: made, mark: 2}}},
		}
	})
	if live := tr.ref.live(); len(live) != 3 || !strings.Contains(live[2], "00:01.000Z variant 0 by  clear") {
		t.Errorf("%s", live)
	}
}

// TestStricterCopiesAreApproved: what home restricts goes on with a stricter marking only as it would go for the
// first time, with the approvals that this marking asks for.
func TestStricterCopiesAreApproved(t *testing.T) {
	for approved, want := range map[bool]int{false: 0, true: 1} {
		t.Run(fmt.Sprint("approved ", approved), func(t *testing.T) {
			tr := lived(t, agreed{highest: 4, approval: 2}, func(g *generator) []step {
				v := version{of: g.thing("malware", nil), mark: 1}
				steps := []step{{action: submit, by: home, versions: []version{v}}, {action: forAll, object: v.of, to: 2}}
				if approved {
					steps = append(steps, step{action: approve, versions: []version{v}})
				}
				return steps
			})
			if live := tr.ref.live(); len(live) != want {
				t.Errorf("%s", live)
			}
		})
	}
}

// TestTermsJudgeInTheOrderOfArrival: where other terms let two contents of a version in, and the first of them waits
// for what comes after the second, the second has the place.
func TestTermsJudgeInTheOrderOfArrival(t *testing.T) {
	tr := lived(t, agreed{highest: 2, approval: 1}, func(g *generator) []step {
		of, made := g.thing("malware", nil), g.maker[other]
		return []step{
			{action: submit, by: home, versions: []version{{of: of, mark: 1, maker: made}}},
			{action: submit, by: home, versions: []version{{of: of, mark: 2}}},
			{action: submit, by: home, versions: []version{{of: made, mark: 1}}},
			{action: amend, terms: agreed{highest: 2}},
		}
	})
	if live := tr.ref.live(); len(live) != 2 || !strings.Contains(live[1], "by  green") {
		t.Errorf("%s", live)
	}
}

// TestMakersOtherContentTakesThePlace: who made an object and repeats what another supplied of it takes no place by that, and
// does with another content.
func TestMakersOtherContentTakesThePlace(t *testing.T) {
	tr := lived(t, agreed{highest: 4, onward: true}, func(g *generator) []step {
		of, made := g.thing("malware", nil), g.maker[home]
		return []step{
			{action: submit, by: home, versions: []version{{of: made, mark: 1}}},
			{action: submit, by: other, versions: []version{{of: of, mark: 1, maker: made, variant: 1}}},
			{action: submit, by: home, versions: []version{{of: of, mark: 1, maker: made, variant: 1}}},
			{action: submit, by: home, versions: []version{{of: of, mark: 1, maker: made}}},
		}
	})
	if live := tr.ref.live(); len(live) != 2 || !strings.Contains(live[1], "variant 0") {
		t.Errorf("%s", live)
	}
}
