package store_test

import (
	"context"
	"fmt"
	"testing"

	"entente/store"
	"entente/store/storetest"
)

// The engine's own check finds nothing wrong with an index that is written between two
// checks on one connection.
func TestEngineCheckBetweenWrites(t *testing.T) {
	ctx := context.Background()
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			st := storetest.Open(t, newURL(t))
			for round := range 60 {
				var texts []store.SearchText
				for i := range 20 {
					texts = append(texts, store.SearchText{Content: int64(round*10 + i), Words: fmt.Sprint("word", round, " more", i)})
				}
				read := store.Reading{From: int64(round), To: int64(round) + 1}
				if err := st.UpdateIndex(ctx, func(t *store.Tx) error { return t.PutSearch(ctx, "x", 1, read, texts) }); err != nil {
					t.Fatal(err)
				}
				err := st.View(ctx, func(tx *store.Tx) error {
					said, err := tx.EngineCheck(ctx)
					if len(said) > 0 {
						t.Fatalf("round %d: %q", round, said)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
