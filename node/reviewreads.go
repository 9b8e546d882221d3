package node

import (
	"context"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// reviewing is what a reviewer reads the content of: see [entente.ReviewReads]. Of nil, which
// is for everybody else, it is all.
type reviewing struct {
	ctx   context.Context
	t     *store.Tx
	home  string
	terms map[int64]*entente.Terms // by the number of the agreement
	held  map[entente.ObjectID][]store.Held
}

func reviewingOf(ctx context.Context, t *store.Tx, a entente.Actor) (*reviewing, error) {
	if a.Local || !a.Account.Holds(entente.Reviewer, a.At) {
		return nil, nil
	}
	home, err := t.Home(ctx)
	if err != nil {
		return nil, err
	}
	r := &reviewing{ctx: ctx, t: t, home: home.ID, terms: map[int64]*entente.Terms{}, held: map[entente.ObjectID][]store.Held{}}
	agreements, err := t.Agreements(ctx)
	for i := range agreements {
		r.terms[agreements[i].Num] = &agreements[i].Terms
	}
	return r, err
}

// reads tells whether the content with these bytes is shown. What cannot be read has none.
func (r *reviewing) reads(bytes []byte) (bool, error) {
	if r == nil || len(bytes) == 0 {
		return true, nil
	}
	v, _ := stix.Parse(bytes)
	if v == nil || entente.ReviewReads(v, nil) {
		return true, nil
	}
	held, ok := r.held[v.ID]
	if !ok {
		var err error
		if held, err = r.t.Object(r.ctx, v.ID); err != nil {
			return false, err
		}
		if len(r.held) > 1000 { // objects come one after the other; the memory of them is bounded
			clear(r.held)
		}
		r.held[v.ID] = held
	}
	var by []entente.Supplied
	for _, h := range held {
		if h.Digest != v.Digest {
			continue
		}
		for _, l := range h.Lines {
			s := entente.Supplied{Home: l.Source == r.home}
			if !s.Home {
				via, err := r.t.Via(r.ctx, l.Feed, []int64{l.Seq})
				if err != nil {
					return false, err
				}
				s.Terms = r.terms[via[l.Seq]]
			}
			by = append(by, s)
		}
	}
	return entente.ReviewReads(v, by), nil
}

// entries leaves out entries whose content is not shown.
func (r *reviewing) entries(all []entente.Entry) ([]entente.Entry, error) {
	if r == nil {
		return all, nil
	}
	var failed error
	out := slices.DeleteFunc(all, func(e entente.Entry) bool {
		ok, err := r.reads(e.Bytes)
		if err != nil {
			failed = err
		}
		return !ok
	})
	return out, failed
}

// found leaves out what was found by its content, and is not shown.
func (r *reviewing) found(all []store.Found) ([]store.Found, error) {
	if r == nil {
		return all, nil
	}
	var failed error
	out := slices.DeleteFunc(all, func(f store.Found) bool {
		ok, err := r.reads(f.Entry.Bytes)
		if err != nil {
			failed = err
		}
		return !ok
	})
	return out, failed
}
