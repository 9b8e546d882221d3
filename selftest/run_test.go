package selftest

import (
	"flag"
	"os"
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
