package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"entente"
)

// TestPlans holds SQLite, which has no statistics here, to the indexes that bound a page's
// cost: what selects by type, id or key must not go through the feed.
func TestPlans(t *testing.T) {
	ctx := context.Background()
	st, err := Open(ctx, Options{URL: filepath.Join(t.TempDir(), "entente.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	const through = "PRIMARY KEY (feed=? AND seq>? AND seq<?)"
	for name, c := range map[string]struct {
		filter entente.Filter
		places []int64
		by     string
	}{
		"type":           {entente.Filter{Types: []string{"tool", "malware"}}, nil, "line_type (feed=? AND type=? AND seq>? AND seq<?)"},
		"id":             {entente.Filter{IDs: []entente.ObjectID{"tool--1"}}, nil, "line_content (content=? AND feed=?)"},
		"id and type":    {entente.Filter{IDs: []entente.ObjectID{"tool--1"}, Types: []string{"tool"}}, nil, "line_content (content=? AND feed=?)"},
		"places":         {entente.Filter{}, []int64{1, 2}, "PRIMARY KEY (feed=? AND seq=?)"},
		"places by type": {entente.Filter{Types: []string{"tool"}}, []int64{1, 2}, "PRIMARY KEY (feed=? AND seq=?)"},
		"nothing":        {entente.Filter{}, nil, through},
	} {
		q := FeedQuery{Feed: 1, Head: 100, Limit: 10, Filter: c.filter}
		for _, columns := range []string{FeedQuery{Bodies: true}.columns(), `l.seq, length(c.body) AS size`} {
			text, args := q.buildFor(st.d, columns, c.places)
			var plan []string
			err := st.View(ctx, func(tx *Tx) error {
				rows, err := tx.tx.QueryContext(ctx, `EXPLAIN QUERY PLAN `+text, args...)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					var a, b, n int
					var step string
					if err := rows.Scan(&a, &b, &n, &step); err != nil {
						return err
					}
					plan = append(plan, step)
				}
				return rows.Err()
			})
			all := strings.Join(plan, "\n")
			if err != nil || !strings.Contains(all, c.by) || c.by != through && strings.Contains(all, through) {
				t.Errorf("%s: %v\n%s", name, err, all)
			}
		}
	}
}
