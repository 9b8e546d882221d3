package storetest

import (
	"context"
	"testing"

	"entente/store"
)

// testServed holds that what an organisation was sent of a feed is told as stretches that do not
// overlap, for it and that feed alone.
func testServed(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	ctx := context.Background()
	for _, r := range [][2]int64{{3, 4}, {1, 1}, {2, 3}, {9, 9}, {4, 4}} {
		for org, more := range map[string]int64{"north": 0, "south": 20} {
			if err := h.st.Update(ctx, func(tx *store.Tx) error {
				return tx.PutServed(ctx, store.Served{Organisation: org, Feed: "f", First: r[0] + more, Last: r[1] + more, At: 1, Log: 1, Index: r[0]})
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.view(func(ctx context.Context, tx *store.Tx) error {
		for _, x := range []struct {
			organisation, feed string
			want               [][2]int64
		}{{"north", "f", [][2]int64{{1, 4}, {9, 9}}}, {"south", "f", [][2]int64{{21, 24}, {29, 29}}}, {"north", "g", nil}, {"east", "f", nil}} {
			got, err := tx.ServedRuns(ctx, []string{x.organisation}, x.feed)
			if err != nil {
				return err
			}
			same(t, x.organisation+" "+x.feed, got, x.want)
		}
		got, err := tx.ServedRuns(ctx, []string{"north", "south", "east"}, "f")
		if err == nil {
			same(t, "all of them", got, [][2]int64{{1, 4}, {9, 9}, {21, 24}, {29, 29}})
		}
		return err
	})
}
