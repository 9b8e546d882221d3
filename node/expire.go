package node

import (
	"context"
	"slices"
	"time"

	"entente"
	"entente/store"
)

// retentionJob is the background job that erases events whose time is over.
const (
	retentionJob   = "retention"
	retentionEvery = 24 * time.Hour
)

// RetentionInfo is for how long events of a class are kept.
type RetentionInfo struct {
	Class  entente.Retention `json:"class"`
	Period string            `json:"period"`
	Before string            `json:"before,omitempty"` // events from before are erased
}

// Retention lists for how long events are kept.
func (n *Node) Retention(ctx context.Context, a entente.Actor) ([]RetentionInfo, error) {
	if err := readAll(a); err != nil {
		return nil, err
	}
	var out []RetentionInfo
	err := n.view(ctx, a, func(t *store.Tx) error {
		out = nil
		set, err := t.Retain(ctx)
		for _, class := range entente.Retentions() {
			i := RetentionInfo{Class: class, Period: set[class].String()}
			if ago, ends := set[class].Ago(n.now()); ends {
				i.Before = entente.FormatMicros(ago)
			}
			out = append(out, i)
		}
		return err
	})
	return out, err
}

// ApplyRetention erases the events whose time is over, now, and tells how many. While another
// process is at it, that is told by an error.
func (n *Node) ApplyRetention(ctx context.Context, a entente.Actor) (erased int, err error) {
	if !a.IsOperator() {
		return 0, entente.Errorf(entente.Forbidden, "only an operator of this node may do that")
	}
	err = n.holding(ctx, retentionJob, leaseFor, func(ctx context.Context) (err error) {
		erased, err = n.expire(ctx, a)
		return err
	})
	return erased, err
}

// expire erases batch by batch: what is old enough by its class, oldest first.
func (n *Node) expire(ctx context.Context, a entente.Actor) (erased int, err error) {
	var set map[entente.Retention]entente.Period
	if err := n.st.View(ctx, func(t *store.Tx) (err error) {
		set, err = t.Retain(ctx)
		return err
	}); err != nil {
		return 0, err
	}
	now, latest := n.now(), int64(0)
	for _, p := range set {
		if ago, ends := p.Ago(now); ends {
			latest = max(latest, ago)
		}
	}
	if latest == 0 {
		return 0, nil
	}
	defer func() {
		if erased > 0 && err == nil {
			_, err = n.st.Flush(ctx) // so that the engine's journal does not keep them
		}
	}()
	for at := store.FirstEvent(); ; {
		var page []store.EventRow
		if err := n.st.View(ctx, func(t *store.Tx) (err error) {
			page, at, err = t.OldEvents(ctx, latest, at, entente.MaxExpire)
			return err
		}); err != nil || len(page) == 0 {
			return erased, err
		}
		page = slices.DeleteFunc(page, func(e store.EventRow) bool {
			ago, ends := set[entente.RetentionOf(e.Kind)].Ago(now)
			return !ends || e.At >= ago
		})
		if len(page) == 0 {
			continue
		}
		c := entente.ExpireEvents{}
		for _, e := range page {
			c.Events = append(c.Events, e.ID)
		}
		r, err := n.Do(ctx, a, c)
		if err != nil && entente.KindOf(err) != entente.Conflict { // all of them are preserved, say
			return erased, err
		}
		erased += r.Deleted
	}
}
