package node

import (
	"context"
	"testing"

	"entente/store"
)

// Events of one moment are read together, however many they are.
func TestActsAreNotParted(t *testing.T) {
	for _, c := range []struct {
		rows  func(i int) int64 // the time of a row
		total int
		want  int
		more  bool
	}{
		{func(i int) int64 { return int64(i) }, 10, 10, false},
		{func(i int) int64 { return int64(i) }, 3 * sequenceBatch, sequenceBatch - 1, true},
		{func(i int) int64 { return int64(i / 3) }, 3 * sequenceBatch, sequenceBatch - sequenceBatch%3, true},
		{func(i int) int64 { return 7 }, 5*sequenceBatch + 1, 5*sequenceBatch + 1, false},
		{func(i int) int64 { return int64(min(i, 5) / 5) }, 2 * sequenceBatch, 5, true},
	} {
		queue := make([]store.EventRow, c.total)
		for i := range queue {
			queue[i].At = c.rows(i)
		}
		all, more, err := wholeActs(t.Context(), func(_ context.Context, limit int) ([]store.EventRow, error) {
			return queue[:min(limit, len(queue))], nil
		})
		if err != nil || len(all) != c.want || more != c.more {
			t.Errorf("of %d rows %d are read, more: %v, %v; want %d, %v", c.total, len(all), more, err, c.want, c.more)
		}
		if more && all[len(all)-1].At == queue[len(all)].At {
			t.Errorf("rows of the moment %d are parted", queue[len(all)].At)
		}
	}
}
