package store

import (
	"context"

	"entente"
)

// Reach tells how far the release feeds are, for a stop that is placed ("") or lifted with a
// choice of backlog.
func (t *Tx) Reach(ctx context.Context, stop, backlog string) ([]entente.FeedReach, error) {
	since := int64(0)
	if b, err := entente.ParseBacklog(backlog); err == nil { // else the decision refuses it
		since = b.Since
	}
	rows, err := t.query(ctx, `SELECT r.feed, f.head, COALESCE(g.begins, 0),
			COALESCE((SELECT `+lastAt("r.feed", "$1")+`), 0)
		FROM release_feed r JOIN feed f ON f.feed = r.feed LEFT JOIN stop_gap g ON g.feed = r.feed AND g.stop = $2 ORDER BY r.feed`, since-1, stop)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.FeedReach
	for rows.Next() {
		var r entente.FeedReach
		if err := rows.Scan(&r.Feed, &r.Head, &r.Stopped, &r.Before); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (t *Tx) applyGaps(ctx context.Context, c entente.Change) error {
	for _, g := range c.Gaps {
		if _, err := t.exec(ctx, `INSERT INTO stop_gap (organisation, feed, stop, begins, ends) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (organisation, feed, stop) DO UPDATE SET begins = excluded.begins, ends = excluded.ends`,
			g.Organisation, g.Feed, g.Stop, g.After, g.UpTo); err != nil {
			return err
		}
	}
	return nil
}

// Gaps lists what stops that were lifted left out of a release feed for an organisation, in
// order, those that meet as one.
func (t *Tx) Gaps(ctx context.Context, organisation string, feed int64) ([]entente.Gap, error) {
	rows, err := t.query(ctx, `SELECT begins, ends FROM stop_gap WHERE organisation = $1 AND feed = $2 AND ends > begins ORDER BY begins, ends`, organisation, feed)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Gap
	for rows.Next() {
		var g entente.Gap
		if err := rows.Scan(&g.After, &g.UpTo); err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && g.After <= out[n-1].UpTo {
			out[n-1].UpTo = max(out[n-1].UpTo, g.UpTo)
			continue
		}
		out = append(out, g)
	}
	return out, rows.Err()
}
