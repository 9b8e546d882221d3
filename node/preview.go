package node

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"entente"
	"entente/store"
)

// PreviewOptions say which change is to be seen before it is made. One of those from Terms on is
// set (Backlog and StopID belong to others), or none: then it is that what is on the table of
// the agreement is activated or, after a suspension, restored.
type PreviewOptions struct {
	Agreement string // name or id; for Terms, Decide, Shut, Permit, the standing releases and an activation
	Terms     *entente.Terms
	Backlog   string // for terms and LiftStop: see [entente.ParseBacklog]
	Restrict  *entente.RestrictObject
	Lift      entente.ObjectID // all restrictions of an object that hold
	Decide    *entente.TakeDecision
	Shut      bool   // the agreement is suspended or ended
	Stop      string // name or id of the partner that is stopped
	LiftStop  string // name or id of the partner on which a stop is lifted
	StopID    string // of that stop; "" where one stands
	Dissent   *NewDissent
	Strike    entente.ObjectID // dissent of home's own
	Floor     *entente.SetFloor
	Permit    *entente.RecordConsent
	Propose   *entente.ProposeStanding
	Agree     string // id of a standing release to which a second person agrees
	End       string // id of one that is ended, or taken back
	Limit     int    // the most entries that are listed of each kind
}

// Preview is what a change would do, at the positions that the token names.
type Preview struct {
	Token      string // "" where the command takes none
	Agreements []PreviewOf
	Names      map[string]string // by id
}

// PreviewOf is what a change would do in one agreement.
type PreviewOf struct {
	Agreement string // name
	Partner   string // the name of whom it is about, "" for every reader
	Stands    int64  // entries in its feeds now
	Enters    int64  // where readers are let in again: that they read again
	Leaves    int64  // where they are shut out: that they cannot read any more
	Cascades  int64  // of those that leave: because of what they refer to
	Again     int64  // entries that are appended again, as others of their object leave
	// Disclosed counts entries that readers could see and cannot any more: whoever has them
	// keeps them. Served of these are known to have been sent to somebody.
	Disclosed, Served int64
	LeftOut           int64                    // entries that a choice of backlog, this or an earlier one, keeps from the partner
	Waits             map[entente.Reason]int64 // versions that come to wait, of what is judged
	Shut              bool                     // readers are shut out, and the feeds stay as they are
	Opens             bool                     // readers are let in again
	Why               string                   // why nothing changes for readers, "" where something does
	Once              string                   // what has to happen besides, "" for nothing
	Entering          []PreviewEntry           // the first of them by position
	Leaving           []PreviewEntry
}

// PreviewEntry is one entry that would enter or leave.
type PreviewEntry struct {
	Object     entente.ObjectID
	Collection string // id
	Cascade    bool
	Contested  bool // another entry takes its place
	Served     bool // it is known to have been sent to somebody
	Reason     entente.Reason
	Why        string
}

// Preview shows what a change would do, by the same rules and on the same state as the
// appliers: it judges and writes nothing. For who holds a role at home or reads everything.
func (n *Node) Preview(ctx context.Context, a entente.Actor, o PreviewOptions) (Preview, error) {
	if err := mayKnowPartners(a); err != nil {
		return Preview{}, err
	}
	about, err := n.considered(ctx, a, o)
	if err != nil {
		return Preview{}, err
	}
	// One at a time: each takes memory by what moves, and two states of the store at once.
	select {
	case n.preview <- struct{}{}:
		defer func() { <-n.preview }()
	case <-ctx.Done():
		return Preview{}, ctx.Err()
	}
	for {
		var out Preview
		err := n.view(ctx, a, func(t *store.Tx) (err error) {
			out = Preview{}
			if about != nil {
				err = n.previewDissent(ctx, t, o, about, &out)
			} else {
				err = n.previewIn(ctx, t, o, &out)
			}
			if err != nil {
				return err
			}
			out.Names, err = allNames(ctx, t)
			return err
		})
		if !errors.Is(err, store.ErrIndexBehind) {
			return out, err
		}
		if err := n.CatchUp(ctx, nil); err != nil {
			return out, err
		}
	}
}

func (n *Node) previewIn(ctx context.Context, t *store.Tx, o PreviewOptions, out *Preview) error {
	switch {
	case o.Restrict != nil:
		return n.previewOnAll(ctx, t, o, out, o.Restrict.Object, func(m *entente.Matter) {
			m.Restrict(entente.Restriction{Object: m.ID, To: o.Restrict.To, Withdraw: o.Restrict.Withdraw, Reason: o.Restrict.Reason})
		})
	case o.Lift != "":
		return n.previewOnAll(ctx, t, o, out, o.Lift, func(m *entente.Matter) { m.Restriction = nil })
	case o.Stop != "", o.LiftStop != "":
		return n.previewPartner(ctx, t, o, out)
	case o.Floor != nil:
		return n.previewFloor(ctx, t, o, out)
	}
	g, err := agreementNamed(ctx, t, o.Agreement)
	if err != nil {
		return err
	}
	if o.Permit != nil || o.Propose != nil || o.Agree != "" || o.End != "" {
		p, err := n.previewLeave(ctx, t, g, o)
		out.Agreements = append(out.Agreements, p)
		return err
	}
	out.Token = entente.PreviewToken([]entente.Agreement{*g})
	var r *rehearsal
	switch {
	case o.Shut:
		p, err := n.previewShut(ctx, t, g, o.Limit)
		out.Agreements = append(out.Agreements, p)
		return err
	case o.Decide != nil:
		d := entente.Decision{Agreement: g.ID, Object: o.Decide.Object, Digest: o.Decide.Digest, Action: o.Decide.Action, Account: "-", At: n.now(), Text: o.Decide.Text}
		r = n.rehearse(ctx, t, *g, about(o.Decide.Object, func(m *entente.Matter) { m.Decisions = append(m.Decisions, d) }))
		err = r.touch(o.Decide.Object)
	default:
		r, err = n.rehearseTerms(ctx, t, g, o)
	}
	if err != nil {
		return err
	}
	p, err := r.told(g, o.Limit)
	p.Opens = r.opens
	out.Agreements = append(out.Agreements, p)
	return err
}

// about confines a change to one object.
func about(id entente.ObjectID, change func(*entente.Matter)) func(*entente.Matter) {
	return func(m *entente.Matter) {
		if m.ID == id {
			change(m)
		}
	}
}

// rehearseTerms rehearses other terms, or a beginning of those that are on the table.
func (n *Node) rehearseTerms(ctx context.Context, t *store.Tx, g *entente.Agreement, o PreviewOptions) (*rehearsal, error) {
	l, err := t.Life(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	terms := o.Terms
	if terms == nil {
		v := l.OnTable()
		if v == nil {
			return nil, entente.Errorf(entente.Conflict, "nothing is on the table of %q; \"entente preview terms FILE\" shows what other terms would do", g.Name)
		}
		terms = &v.Terms
	}
	collections, err := t.Collections(ctx)
	if err != nil {
		return nil, err
	}
	as, err := entente.UnderTerms(l, terms, collections, o.Backlog, n.now())
	if err != nil {
		return nil, err
	}
	r := n.rehearse(ctx, t, as, nil)
	r.opens = l.State == entente.Suspended
	r.closing = l.Version != 0 && closes(&l.Terms, &as.Terms)
	return r, r.logs()
}

// previewOnAll previews a change about an object in every agreement in which it is.
func (n *Node) previewOnAll(ctx context.Context, t *store.Tx, o PreviewOptions, out *Preview, id entente.ObjectID, change func(*entente.Matter)) error {
	k, err := t.CaseOfAll(ctx, id)
	if err != nil {
		return err
	}
	if len(k.Sources) == 0 {
		return entente.Errorf(entente.NotFound, "no collection holds %s", id)
	}
	var all []entente.Agreement
	for i := range k.Concerns {
		g := &k.Concerns[i].Agreement
		all = append(all, *g)
		r := n.rehearse(ctx, t, *g, about(id, change))
		if err := r.touch(id); err != nil {
			return err
		}
		p, err := r.told(g, o.Limit)
		if err != nil {
			return err
		}
		out.Agreements = append(out.Agreements, p)
	}
	out.Token = entente.PreviewToken(all)
	return nil
}

// standing counts the entries that readers of an agreement see.
func standing(ctx context.Context, t *store.Tx, g *entente.Agreement) (n int64, err error) {
	for _, f := range g.Feeds {
		count, err := t.Entries(ctx, f.Feed, f.Head)
		if err != nil {
			return 0, err
		}
		n += count
	}
	return n, nil
}

// told is what a rehearsal came to, beside the agreement as it is.
func (r *rehearsal) told(g *entente.Agreement, limit int) (PreviewOf, error) {
	p := PreviewOf{Agreement: g.Name, Waits: map[entente.Reason]int64{}}
	var err error
	if p.Stands, err = standing(r.ctx, r.t, g); err != nil {
		return p, err
	}
	var in, out []previewed
	sent, err := r.sent(g)
	if err != nil {
		return p, err
	}
	for id, now := range r.stands {
		before := r.before[id]
		for _, x := range now {
			switch {
			case slices.ContainsFunc(before, func(y entente.Standing) bool { return sameEntry(x, y) }):
			case slices.ContainsFunc(before, func(y entente.Standing) bool { return sameContent(x, y) }):
				p.Again++
			default:
				p.Enters++
				in = append(in, previewed{id, x})
			}
		}
		for _, x := range before {
			if slices.ContainsFunc(now, func(y entente.Standing) bool { return sameContent(x, y) }) {
				continue
			}
			p.Leaves++
			if x.Line.Seq <= g.Feeds[x.Place].Head {
				p.Disclosed++
				if sent[x.Place].has(x.Line.Seq) {
					p.Served++
				}
			}
			if r.cascaded(id, x) {
				p.Cascades++
			}
			out = append(out, previewed{id, x})
		}
	}
	for _, all := range r.waits {
		for _, w := range all {
			p.Waits[w.Reason]++
		}
	}
	p.Entering, err = r.listed(in, limit, nil)
	if err == nil {
		p.Leaving, err = r.listed(out, limit, sent)
	}
	return p, err
}

type previewed struct {
	id entente.ObjectID
	x  entente.Standing
}

func sameContent(x, y entente.Standing) bool {
	return x.Place == y.Place && x.Line.Content == y.Line.Content && x.Line.Source == y.Line.Source
}

// cascaded tells whether an entry left because something that it refers to did: it waits for
// that now.
func (r *rehearsal) cascaded(id entente.ObjectID, x entente.Standing) bool {
	return slices.ContainsFunc(r.waits[id], func(w entente.Wait) bool {
		return w.Place == x.Place && w.Content == x.Of && w.Reason == entente.AwaitsReferences
	})
}

// sent has by place what was sent to anybody; nothing was of feeds that are not there yet.
func (r *rehearsal) sent(g *entente.Agreement) ([]runs, error) {
	all, err := r.t.Organisations(r.ctx)
	if err != nil {
		return nil, err
	}
	out := make([]runs, len(r.g.Feeds))
	for i, f := range g.Feeds {
		if out[i], err = r.t.ServedRuns(r.ctx, idsOf(all), f.ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// listed lists the first entries by position. What leaves, where it is told what of it was
// sent, is explained.
func (r *rehearsal) listed(all []previewed, limit int, sent []runs) ([]PreviewEntry, error) {
	leaving := sent != nil
	slices.SortFunc(all, func(x, y previewed) int {
		return cmp.Or(cmp.Compare(x.x.Place, y.x.Place), cmp.Compare(x.x.Line.Seq, y.x.Line.Seq))
	})
	all = all[:min(len(all), limit)]
	out := make([]PreviewEntry, 0, len(all))
	var c *entente.Circumstances
	if leaving && len(all) > 0 {
		// All counts that the logs hold, under what is being considered.
		lib, err := r.n.present(r.ctx, r.t, r.g)
		if err != nil {
			return nil, err
		}
		r.base, r.window = lib, map[entente.ObjectID]rehearsed{}
		if c, err = r.circumstances(lib); err != nil {
			return nil, err
		}
	}
	for _, p := range all {
		e := PreviewEntry{Object: p.id, Collection: r.g.Feeds[p.x.Place].Collection, Cascade: leaving && r.cascaded(p.id, p.x)}
		if leaving {
			e.Served = sent[p.x.Place].has(p.x.Line.Seq)
			told, _, err := entente.Explain(c, r, p.id)
			if err != nil {
				return nil, err
			}
			for i := range told {
				if x := &told[i]; x.Place == p.x.Place && x.Content == p.x.Of && x.Source == p.x.Line.Source {
					e.Reason, e.Contested = x.Verdict.Reason, x.Contested
					for _, s := range x.Verdict.Steps {
						if s.Ruling == x.Verdict.Ruling && s.Ruling != entente.Released {
							e.Why = s.Saw
							break
						}
					}
				}
			}
			if e.Why == "" && slices.ContainsFunc(r.stands[p.id], func(y entente.Standing) bool {
				return y.Place == p.x.Place && y.Of == p.x.Of && y.Line.Source == p.x.Line.Source
			}) {
				e.Why = "a copy with another marking takes its place"
			}
		}
		out = append(out, e)
	}
	return out, nil
}
