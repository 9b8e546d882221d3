package selftest

import (
	"os"
	"strconv"
	"testing"
)

func TestNoDifference(t *testing.T) {
	n := 20
	if s := os.Getenv("ENTENTE_TRIALS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	seed := uint64(1)
	if s := os.Getenv("ENTENTE_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	r, err := Run(t.Context(), Options{Trials: n, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	if r.Difference != nil {
		t.Fatal(r.Difference)
	}
	t.Logf("%+v", r)
}
