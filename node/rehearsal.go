package node

import (
	"context"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// rehearsal carries an agreement's feeds on in memory, and writes nothing: it is the applier
// with what it would have written laid over what is there. It holds what changed, some
// hundred bytes for each object.
type rehearsal struct {
	n *Node
	t *store.Tx
	g *entente.Agreement // as it would be; its feeds move on
	// change is what is being considered about objects, nil for nothing.
	change func(*entente.Matter)
	// order is a standing release as it would be, nil for those that are there.
	order *entente.StandingRelease
	// closing is [entente.Circumstances.Closing].
	closing bool
	opens   bool // readers come in again by it

	ctx      context.Context
	base     *store.Library
	window   map[entente.ObjectID]rehearsed
	stands   map[entente.ObjectID][]entente.Standing // of objects that moved
	before   map[entente.ObjectID][]entente.Standing // what stood of them when it began
	waits    map[entente.ObjectID][]entente.Wait
	awaiting map[int64][]entente.ObjectID // who waits, by the fold of what is waited for
	refers   map[int64][]entente.ObjectID // who entered, by the fold of what it refers to
	copies   map[entente.Digest]int64
	sources  map[string]string
	anew     *entente.Anew // while the logs are judged again
	reach    int64         // see [store.LibraryOptions]
}

// rehearsed is an object as one advance has it.
type rehearsed struct {
	m      *entente.Matter
	before []entente.Standing
}

func (n *Node) rehearse(ctx context.Context, t *store.Tx, g entente.Agreement, change func(*entente.Matter)) *rehearsal {
	g.Feeds = slices.Clone(g.Feeds)
	return &rehearsal{n: n, t: t, g: &g, change: change, ctx: ctx,
		stands: map[entente.ObjectID][]entente.Standing{}, before: map[entente.ObjectID][]entente.Standing{},
		waits: map[entente.ObjectID][]entente.Wait{}, awaiting: map[int64][]entente.ObjectID{}, refers: map[int64][]entente.ObjectID{},
		copies: map[entente.Digest]int64{}, sources: map[string]string{}}
}

// logs judges the accept logs up to their heads anew.
func (r *rehearsal) logs() error {
	from, upTo := make([]int64, len(r.g.Feeds)), make([]int64, len(r.g.Feeds))
	r.anew = &entente.Anew{}
	for i, f := range r.g.Feeds {
		upTo[i] = max(f.LogHead, f.Seen)
		r.anew.Tails = append(r.anew.Tails, f.Tail)
	}
	// The logs up to their heads do not change, so the next window is read ahead, on another
	// state. What is read of the feeds' positions moves meanwhile, and is none of its business.
	as := *r.g
	as.Feeds = slices.Clone(as.Feeds)
	next := r.n.readAhead(r.ctx, &as, from, upTo, wide*r.n.windows.lines, nil)
	defer func() { next.stop(); <-next.done }()
	for {
		<-next.done
		w, err := next.w, next.err
		if err != nil || slices.Equal(w.UpTo, from) {
			return err
		}
		if next.stop(); w.More {
			next = r.n.readAhead(r.ctx, &as, w.UpTo, upTo, wide*r.n.windows.lines, nil)
		}
		r.reach = max(r.reach, w.Reach())
		if err := r.advance(w, upTo, w.Steps); err != nil {
			return err
		}
		if from = w.UpTo; !w.More {
			return nil
		}
	}
}

// touch judges some objects again, as the feeds are.
func (r *rehearsal) touch(ids ...entente.ObjectID) error {
	at := make([]int64, len(r.g.Feeds))
	for i, f := range r.g.Feeds {
		at[i] = f.Seen
	}
	return r.advance(store.NewWindow(at), at, [][]entente.ObjectID{ids})
}

func (r *rehearsal) advance(w *store.Window, counts []int64, steps [][]entente.ObjectID) error {
	var ends [][]int64
	var err error
	if r.anew != nil {
		ends, w = w.Positions(), w.Anew()
	}
	r.base, err = r.t.Library(r.ctx, store.LibraryOptions{Agreement: r.g, Window: w, Settled: counts, Parse: stix.Reread,
		Follower: searchJob, ReferenceKey: referenceKey, Reach: r.reach})
	if err != nil {
		return err
	}
	c, err := r.circumstances(r.base)
	if err != nil {
		return err
	}
	c.Closing, c.Anew, c.Ends = r.closing, r.anew, ends
	r.window = map[entente.ObjectID]rehearsed{}
	advanced, err := entente.Advance(c, r, steps)
	if err != nil {
		return err
	}
	r.keep(advanced)
	if r.anew != nil {
		r.anew.Add(advanced.Anew)
	}
	return nil
}

// circumstances are those of the node, with what is being considered.
func (r *rehearsal) circumstances(lib *store.Library) (*entente.Circumstances, error) {
	c, err := r.n.circumstances(r.ctx, r.t, r.g, lib)
	if err != nil {
		return nil, err
	}
	c.Copy = r.copy
	if r.order != nil {
		c.Orders = append(slices.DeleteFunc(c.Orders, func(o entente.StandingRelease) bool { return o.ID == r.order.ID }), *r.order)
	}
	return c, nil
}

// copy is [entente.Circumstances.Copy] without writing: copies that are not there get numbers
// of their own, below zero.
func (r *rehearsal) copy(s *entente.Submission, tlp entente.TLP) (int64, *entente.Version, error) {
	v, err := stix.Stamp(s.Version.Bytes, tlp.Definition())
	if err != nil {
		return 0, nil, err
	}
	at, ok := r.copies[v.Digest]
	if !ok {
		if at, err = r.t.CopyOf(r.ctx, v); err != nil {
			return 0, nil, err
		}
		if at == 0 {
			at = -int64(len(r.copies)) - 1
		}
		r.copies[v.Digest] = at
	}
	return at, nil, nil
}

// keep lays what an advance came to over what is there.
func (r *rehearsal) keep(a entente.Advanced) {
	for _, c := range a.Feeds {
		for i := range r.g.Feeds {
			if f := &r.g.Feeds[i]; f.Feed == c.Feed {
				f.Tail, f.LastAdded = c.Head, c.Added
			}
		}
	}
	for id, x := range r.window {
		if slices.EqualFunc(x.before, x.m.Standing, sameEntry) {
			continue
		}
		if _, ok := r.stands[id]; !ok && len(x.before) > 0 {
			r.before[id] = x.before
		}
		now := slices.Clone(x.m.Standing)
		for i := range now {
			now[i].Line.Source = r.intern(now[i].Line.Source)
			if slices.ContainsFunc(x.before, func(y entente.Standing) bool { return sameEntry(y, now[i]) }) {
				continue
			}
			for k := range x.m.Submissions {
				if s := &x.m.Submissions[k]; s.Place == now[i].Place && s.Content == now[i].Of {
					for _, ref := range s.Version.References {
						r.refers[ref.Fold()] = append(r.refers[ref.Fold()], id)
					}
					break
				}
			}
		}
		r.stands[id] = now
	}
	all := map[entente.ObjectID][]entente.Wait{}
	for _, w := range a.Waits {
		all[w.Object] = append(all[w.Object], w)
		for _, id := range w.Awaits {
			r.awaiting[id.Fold()] = append(r.awaiting[id.Fold()], w.Object)
		}
	}
	for _, id := range a.Settled {
		if _, had := r.waits[id]; had || len(all[id]) > 0 || r.base.Waits() {
			r.waits[id] = all[id]
		}
	}
	r.window = nil
}

func sameEntry(x, y entente.Standing) bool { return x.Place == y.Place && x.Line.Seq == y.Line.Seq }

func (r *rehearsal) intern(s string) string {
	if known, ok := r.sources[s]; ok {
		return known
	}
	r.sources[s] = s
	return s
}

// Matters is for [entente.Library].
func (r *rehearsal) Matters(ids []entente.ObjectID) ([]*entente.Matter, error) {
	all, err := r.base.Matters(ids)
	for _, m := range all {
		if now, ok := r.stands[m.ID]; ok {
			m.Standing = slices.Clone(now)
		}
		if r.change != nil {
			r.change(m)
		}
		r.window[m.ID] = rehearsed{m, slices.Clone(m.Standing)}
	}
	return all, err
}

// Present is for [entente.Library].
func (r *rehearsal) Present(ids []entente.ObjectID) (map[entente.ObjectID]entente.Presence, error) {
	out := map[entente.ObjectID]entente.Presence{}
	var unknown []entente.ObjectID
	for _, id := range ids {
		// What belongs to a vocabulary is to be told as well.
		if len(r.g.Terms.Vocabularies) == 0 && len(r.stands[id]) > 0 {
			out[id] = entente.InFeed
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return out, nil
	}
	found, err := r.base.Present(unknown)
	for id, p := range found {
		out[id] = p
	}
	for _, id := range unknown {
		if now, moved := r.stands[id]; moved {
			out[id] &^= entente.InFeed
			if len(now) > 0 {
				out[id] |= entente.InFeed
			}
		}
	}
	return out, err
}

// Waiting is for [entente.Library].
func (r *rehearsal) Waiting(ids []entente.ObjectID) ([]entente.ObjectID, error) {
	found, err := r.base.Waiting(ids)
	out := slices.DeleteFunc(found, func(id entente.ObjectID) bool { _, judged := r.waits[id]; return judged })
	for _, id := range ids {
		if len(r.waits[id]) > 0 {
			out = append(out, id)
		}
		for _, who := range r.awaiting[id.Fold()] {
			if len(r.waits[who]) > 0 {
				out = append(out, who)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), err
}

// Referrers is for [entente.Library].
func (r *rehearsal) Referrers(ids []entente.ObjectID) ([]entente.ObjectID, error) {
	out, err := r.base.Referrers(ids)
	for _, id := range ids {
		for _, who := range r.refers[id.Fold()] {
			if len(r.stands[who]) > 0 {
				out = append(out, who)
			}
		}
	}
	return out, err
}
