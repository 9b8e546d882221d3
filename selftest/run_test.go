package selftest

import (
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
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

// TestOnceDifferent has the histories that showed a difference, each with what was wrong.
func TestOnceDifferent(t *testing.T) {
	for seed, what := range map[uint64]string{
		2002933: "the partner deleted versions whose places home's hidden contents then took, which is no leak",
	} {
		r, err := Run(t.Context(), Options{Trials: 1, Seed: seed})
		if err != nil || r.Difference != nil {
			t.Errorf("%s: %v\n%s", what, err, r.Difference)
		}
	}
}

// TestDeletionsThatUnveil has the partner delete what hidden contents of home wait behind: the
// nodes are not compared after that, as they show different things, but with the reference.
func TestDeletionsThatUnveil(t *testing.T) {
	p, err := newPair(t.Context(), Options{}, "unveil")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	g := &generator{Rand: rand.New(rand.NewPCG(1, 1)), h: &history{terms: agreed{highest: 4}}}
	for range g.maker {
		g.thing("identity", nil)
	}
	contested, own := g.thing("malware", nil), g.thing("malware", nil)
	g.h.steps = []step{
		{action: submit, by: partner, versions: []version{{of: contested, mark: 2}, {of: own, mark: 2}}},
		{action: submit, by: home, versions: []version{{of: contested, mark: 2, variant: 1}}, hidden: true},
	}
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
	if live := tr.ref.live(); len(live) != 1 || !strings.HasSuffix(live[0], "variant 1") {
		t.Fatal("home's contents did not come into view: ", live)
	}
}
