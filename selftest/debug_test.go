package selftest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"entente"
	"entente/store"
)

func TestDebug(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	id := os.Getenv("OBJ")
	p, err := newPair(t.Context(), Options{}, fmt.Sprintf("pair %d", seed))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	tr, err := newTrial(t.Context(), p, rand.New(rand.NewPCG(seed, 1)), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range tr.h.steps {
		d, err := tr.step(s)
		fmt.Printf("== %d. %s\n", i+1, s)
		for k, x := range tr.sides {
			_ = x.st.View(t.Context(), func(tx *store.Tx) error {
				for _, th := range tr.h.things {
					if len(th.id) > 4 && th.id[len(th.id)-4:] == id {
						a, _ := tx.Agreement(t.Context(), tr.root[partner])
						for _, f := range []int64{a.Feeds[0].Log, a.Feeds[0].Feed} {
							kn, _ := tx.Known(t.Context(), f, []entente.ObjectID{entente.ObjectID(th.id)})
							for _, c := range kn[entente.ObjectID(th.id)] {
								for _, l := range c.Lines {
									fmt.Printf("   side %d feed %d content %d seq %d source %.4s gone %d newer %d rival %d added %d\n", k, f, c.Content, l.Seq, l.Source, l.Gone, l.Newer, l.Rival, l.Added%1000000000)
								}
							}
						}
					}
				}
				return nil
			})
		}
		if d != nil || err != nil {
			fmt.Println("DIFF", d, err)
			return
		}
	}
}
