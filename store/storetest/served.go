package storetest

import (
	"context"
	"reflect"
	"testing"

	"entente"
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
			got, err := tx.ServedRuns(ctx, x.organisation, x.feed)
			if err != nil {
				return err
			}
			same(t, x.organisation+" "+x.feed, got, x.want)
		}
		return nil
	})
}

// testSeveral holds that a window which is told of which objects there are several contents
// says the same as one that looks for them.
func testSeveral(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c, other := h.collection("C"), h.collection("Other")
	h.submit(other, version("tool", 2, feb, "b"))
	h.submit(c, version("tool", 1, jan, "a"), version("tool", 2, jan, "a"))
	h.submit(c, version("tool", 1, feb, "b"), version("tool", 3, jan, "a"))
	a := entente.Agreement{Num: 1, ID: h.id(), Name: "circle", State: entente.Draft,
		Feeds: []entente.ReleaseFeed{{ID: h.id(), Collection: c.ID, Feed: 900, Log: c.Feed}}}
	ids := []entente.ObjectID{version("tool", 1, "", "").ID, version("tool", 2, "", "").ID, version("tool", 3, "", "").ID}
	upTo := []int64{4}
	parse := func(b []byte, _ entente.Digest) *entente.Version { return &entente.Version{Bytes: b} }
	var told [2][]*entente.Matter
	h.view(func(ctx context.Context, tx *store.Tx) error {
		several, err := tx.Several(ctx, upTo)
		if err != nil {
			return err
		}
		if several == nil {
			t.Error("nothing is told although the log is most of what there is")
		}
		if none, err := tx.Several(ctx, []int64{0}); err != nil || none != nil {
			t.Errorf("all contents were read for nothing: %v", err)
		}
		for i, s := range []*store.Several{nil, several} {
			w, err := tx.Window(ctx, &a, []int64{0}, upTo, 10, s, parse)
			if err != nil {
				return err
			}
			if w.Reach() == 0 {
				t.Error("the window tells of no content that has arrived")
			}
			same(t, "the positions before and after each step", w.Positions(), [][]int64{{0}, {2}, {4}})
			lib, err := tx.Library(ctx, store.LibraryOptions{Agreement: &a, Settled: upTo, Window: w.Anew(), Parse: parse})
			if err != nil {
				return err
			}
			if told[i], err = lib.Matters(ids); err != nil {
				return err
			}
		}
		return nil
	})
	if !reflect.DeepEqual(told[1], told[0]) {
		t.Errorf("the objects are %+v, not %+v", told[1], told[0])
	}
	if len(told[0][0].Submissions) != 2 || len(told[0][1].Submissions) != 1 || len(told[0][2].Submissions) != 1 {
		t.Errorf("submissions: %+v", told[0])
	}
}
