package store_test

import (
	"context"
	"testing"

	"entente"
	"entente/store"
	"entente/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// TestRemotes keeps what is pulled and pushed, as it was given, on every engine.
func TestRemotes(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			ctx := context.Background()
			st := storetest.Open(t, url(t))
			put := func(c entente.Change) {
				t.Helper()
				if err := st.Update(ctx, func(tx *store.Tx) error { return tx.Apply(ctx, c) }); err != nil {
					t.Fatal(err)
				}
			}
			all := func() (out []entente.Remote) {
				t.Helper()
				if err := st.View(ctx, func(tx *store.Tx) (err error) {
					out, err = tx.Remotes(ctx)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				return out
			}
			b := entente.Remote{ID: "2", Name: "b", Direction: entente.Pushes, Collection: "c", Root: "https://x.example/", There: "t", Title: "T\x00\u202e",
				Access: entente.RemoteAccess{User: "u", Password: "p\x00", Token: "t", TokenScheme: "s", CA: []byte("ca"), Fingerprint: "f", Certificate: []byte{1}, Key: []byte{0}, AllowHTTP: true},
				Match:  []entente.MatchField{{Field: "type", Value: "a,b"}}, Since: 1, Every: 2, Created: 3}
			a := entente.Remote{ID: "1", Name: "a", Collection: "c", Progress: entente.Progress{Taken: 1,
				Open: &entente.OpenPull{From: 1, Base: 2, After: 3, Next: "n\x00", Newest: 4, Check: true, Doubt: true, Undated: true}}}
			put(entente.Change{Remote: &b})
			put(entente.Change{Remote: &a})
			if d := cmp.Diff([]entente.Remote{a, b}, all()); d != "" {
				t.Fatal(d)
			}
			a.Progress = entente.Progress{Taken: 9, Sent: 8, Began: 7, Ended: 6, Error: "e", Read: 5, Added: 4, Unchanged: 3, Contested: 2, Refused: 1,
				Remarks: []string{"r"}, Refusals: []entente.RemoteRefusal{{ID: "i", Version: "v", Reason: "r"}}}
			put(entente.Change{Remote: &a})
			put(entente.Change{RemoveRemote: b.ID})
			if d := cmp.Diff([]entente.Remote{a}, all()); d != "" {
				t.Fatal(d)
			}
			err := st.Update(ctx, func(tx *store.Tx) error {
				return tx.Apply(ctx, entente.Change{Remote: &entente.Remote{ID: "3", Name: "a"}})
			})
			if entente.KindOf(err) != entente.Conflict {
				t.Errorf("a name twice: %v", err)
			}
		})
	}
}
