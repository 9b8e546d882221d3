package node

import (
	"context"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// Query asks for a page of a collection's home feed.
type Query struct {
	Filter entente.Filter
	After  int64 // position after which to go on, 0 for the beginning
	Limit  int   // the most entries, 1 or more
	Bodies bool  // with the versions' bytes
	// BytesOnly gives entries of position, time and bytes alone, which is faster.
	BytesOnly bool
}

// noCollection is the one answer for what is unknown and what must not be seen.
func noCollection() error {
	return entente.Errorf(entente.NotFound, "there is no such collection")
}

// noRoot is the one answer for API roots that are unknown or must not be seen.
func noRoot() error { return entente.Errorf(entente.NotFound, "there is no such API root") }

// Roots lists the API roots that an account may see; the first is the default. Accounts of
// partners see those of their agreements and nothing else; who reads everything at home sees
// home's, and behind them those of all agreements.
func (n *Node) Roots(ctx context.Context, a entente.Actor) ([]entente.Root, error) {
	var out []entente.Root
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		l := n.lookerOf(a)
		if !l.partner() {
			if out, err = n.visibleRoots(ctx, t, a); err != nil {
				return err
			}
		}
		of, err := n.agreementRoots(ctx, t, l)
		out = append(out, of...)
		return err
	})
	return out, err
}

// Root finds an API root by name. What is unknown and what the account may not see are
// the same NotFound. A member of an agreement that is not in force is told so: see
// [entente.Agreement.Open].
func (n *Node) Root(ctx context.Context, a entente.Actor, name string) (entente.Root, error) {
	var out entente.Root
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		l := n.lookerOf(a)
		if !l.partner() {
			all, err := n.visibleRoots(ctx, t, a)
			if err != nil {
				return err
			}
			if out, err = rootIn(all, name); entente.KindOf(err) != entente.NotFound {
				return err
			}
		}
		_, out, err = n.throughDoor(ctx, t, l, name)
		return err
	})
	return out, err
}

func (n *Node) visibleRoots(ctx context.Context, t *store.Tx, a entente.Actor) ([]entente.Root, error) {
	all, err := t.Roots(ctx)
	if err != nil {
		return nil, err
	}
	var seen []entente.Access
	if !a.May(entente.ReadAll) { // who sees every root anyway
		if seen, err = n.visible(ctx, t, a); err != nil {
			return nil, err
		}
	}
	return entente.VisibleRoots(a, all, seen), nil
}

func rootIn(visible []entente.Root, name string) (entente.Root, error) {
	i := slices.IndexFunc(visible, func(r entente.Root) bool { return r.Name == name })
	if i < 0 {
		return entente.Root{}, noRoot()
	}
	return visible[i], nil
}

// Collections lists the collections of an API root that an account may see, by id. A
// root that it may not see is NotFound.
func (n *Node) Collections(ctx context.Context, a entente.Actor, root string) ([]entente.Access, error) {
	var out []entente.Access
	err := n.view(ctx, a, func(t *store.Tx) error {
		l := n.lookerOf(a)
		if !l.partner() {
			roots, err := n.visibleRoots(ctx, t, a)
			if err != nil {
				return err
			}
			if _, err = rootIn(roots, root); err == nil {
				out, err = n.visible(ctx, t, a)
				out = slices.DeleteFunc(out, func(c entente.Access) bool { return c.Root != root })
			}
			if entente.KindOf(err) != entente.NotFound {
				return err
			}
		}
		g, _, err := n.throughDoor(ctx, t, l, root)
		if err == nil {
			out, err = accessThrough(ctx, t, l, g)
		}
		return err
	})
	return out, err
}

// AllCollections lists the collections of all roots that an account may see, by id.
func (n *Node) AllCollections(ctx context.Context, a entente.Actor) ([]entente.Access, error) {
	var out []entente.Access
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		out, err = n.visible(ctx, t, a)
		return err
	})
	return out, err
}

func (n *Node) visible(ctx context.Context, t *store.Tx, a entente.Actor) ([]entente.Access, error) {
	var all []entente.Collection
	var err error
	if a.May(entente.ReadAll) {
		all, err = t.Collections(ctx)
	} else {
		all, err = t.CollectionsOf(ctx, a.Account.ID)
	}
	if err != nil {
		return nil, err
	}
	return n.accessTo(ctx, t, a, all)
}

// accessTo says what an account may do with collections, and leaves out what it must not see.
func (n *Node) accessTo(ctx context.Context, t *store.Tx, a entente.Actor, all []entente.Collection) ([]entente.Access, error) {
	if n.lookerOf(a).partner() {
		return nil, nil
	}
	grants, err := t.Grants(ctx, a.Account.ID)
	if err != nil {
		return nil, err
	}
	var out []entente.Access
	for _, c := range all {
		if acc := entente.AccessFor(a, c, grants[c.ID]); acc.Visible() {
			out = append(out, acc)
		}
	}
	return out, nil
}

// Collection finds a collection of an API root by id or alias, and the root. What is
// unknown and what the account may not see are the same NotFound.
func (n *Node) Collection(ctx context.Context, a entente.Actor, root, idOrAlias string) (entente.Access, entente.Root, error) {
	var out []entente.Access
	var in entente.Root
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		l := n.lookerOf(a)
		var c *entente.Collection
		if !l.partner() {
			if c, err = t.CollectionIn(ctx, root, idOrAlias); err != nil {
				return err
			}
		}
		if c == nil {
			g, of, err := n.throughDoor(ctx, t, l, root)
			if entente.KindOf(err) == entente.NotFound {
				return noCollection() // in the words for collections that are hidden
			}
			if err != nil {
				return err
			}
			feed, err := feedThrough(ctx, t, l, g, idOrAlias)
			out, in = []entente.Access{feed}, of
			return err
		}
		if out, err = n.accessTo(ctx, t, a, []entente.Collection{*c}); err != nil {
			return err
		}
		if len(out) == 0 {
			return noCollection()
		}
		roots, err := t.Roots(ctx) // who sees a collection sees its root
		if err == nil {
			in, err = rootIn(roots, root)
		}
		return err
	})
	if err != nil {
		return entente.Access{}, entente.Root{}, err
	}
	return out[0], in, nil
}

// CollectionNamed finds a collection by id, name or alias, or by "ROOT/" and its name or
// alias. Aliases are unique within their API root only: where several collections fit,
// that is a Conflict.
func (n *Node) CollectionNamed(ctx context.Context, a entente.Actor, name string) (entente.Access, error) {
	var fit []entente.Access
	err := n.view(ctx, a, func(t *store.Tx) error {
		all, err := t.CollectionsNamed(ctx, name)
		if err == nil {
			fit, err = n.accessTo(ctx, t, a, all)
		}
		return err
	})
	switch {
	case err != nil:
		return entente.Access{}, err
	case len(fit) == 0:
		return entente.Access{}, entente.Errorf(entente.NotFound, "there is no collection %q", name)
	case len(fit) > 1:
		return entente.Access{}, entente.Errorf(entente.Conflict, "%q is the name or alias of %d collections, in the API roots %s and %s; put the root before it, as %s/%s, or take the id",
			name, len(fit), fit[0].Root, fit[1].Root, fit[0].Root, name)
	}
	return fit[0], nil
}

// Feed reads a page of a collection through its home feed, or of a release feed, in the order in which its
// entries were added. Without the right to read it is Forbidden. A page may be short, or
// empty, with more to come: see [store.PageLines] and [store.Match].
func (n *Node) Feed(ctx context.Context, a entente.Actor, in entente.Access, q Query) (entente.Page, error) {
	if !in.CanRead {
		return entente.Page{}, mayNotRead()
	}
	var p entente.Page
	match := n.match(q.Filter.Conditions)
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		f := store.FeedQuery{
			Feed: in.Feed, After: q.After, Head: in.Head, Limit: max(q.Limit, 1), Filter: q.Filter, Bodies: q.Bodies, BytesOnly: q.BytesOnly, Match: match, Lines: n.pageLines,
		}
		if in.Through != nil {
			now, err := n.again(ctx, t, a, in)
			if err != nil {
				return err
			}
			if !now.CanRead {
				return mayNotRead()
			}
			f.Head, f.Release, f.Staged, f.Gaps = now.Head, true, now.Through.Staged, now.Through.Gaps
		}
		r, err := reviewingOf(ctx, t, a)
		if err != nil {
			return err
		}
		if r != nil && match != nil { // what is met tells of the content
			f.Bodies = true
		}
		if p, err = t.Page(ctx, f); err != nil {
			return err
		}
		p.Head = f.Head
		if p.Entries, err = r.entries(p.Entries); err == nil && r != nil && !q.Bodies && !q.BytesOnly {
			for i := range p.Entries {
				p.Entries[i].Bytes = nil
			}
		}
		return err
	})
	return p, err
}

func mayNotRead() error {
	return entente.Errorf(entente.Forbidden, "this account may not read the collection")
}

// match makes conditions ready for the store: the rule itself, and the keys by which the
// index of values knows what may meet it. It is nil without conditions.
func (n *Node) match(conditions []entente.Condition) *store.Match {
	if len(conditions) == 0 {
		return nil
	}
	m := &store.Match{Meets: stix.NewConditions(conditions).Met, Follower: searchJob, Lines: n.pageLines}
	for _, c := range conditions {
		if keys := stix.ConditionKeys(c); keys != nil {
			m.Keys = append(m.Keys, valueKeys(keys))
		}
	}
	return m
}

func valueKeys(texts []string) []int64 {
	out := make([]int64, len(texts))
	for i, text := range texts {
		out[i] = store.ValueKey(text)
	}
	return out
}

// IndexedBy gives the keys under which the index of values has an object, each once and in
// order: what it names as observable, and what filters find it by.
func IndexedBy(object []byte) []int64 {
	keys := valueKeys(stix.IndexKeys(object))
	for _, o := range stix.Observables(object) {
		keys = append(keys, store.ValueKey(o.Value))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Versions reads the versions of one object that a filter lets through, without bytes.
// Where the account sees nothing of the object it is NotFound.
func (n *Node) Versions(ctx context.Context, a entente.Actor, in entente.Access, id entente.ObjectID, q Query) (entente.Page, error) {
	q.Filter.IDs, q.Filter.Versions, q.Bodies = []entente.ObjectID{id}, entente.VersionFilter{All: true}, false
	p, err := n.Feed(ctx, a, in, q)
	if err != nil || len(p.Entries) > 0 {
		return p, err
	}
	ok, err := n.Has(ctx, a, in, id)
	if err == nil && !ok {
		err = entente.Errorf(entente.NotFound, "there is no such object in the collection")
	}
	return p, err
}

// Has reports whether a collection shows any version of an object.
func (n *Node) Has(ctx context.Context, a entente.Actor, in entente.Access, id entente.ObjectID) (bool, error) {
	p, err := n.Feed(ctx, a, in, Query{Limit: 1, Filter: entente.Filter{
		IDs: []entente.ObjectID{id}, Versions: entente.VersionFilter{All: true}, Specs: []entente.Spec{entente.Spec20, entente.Spec21},
	}})
	return len(p.Entries) > 0, err
}

// Status reads the answer to an earlier POST; another account's is NotFound.
func (n *Node) Status(ctx context.Context, a entente.Actor, root, id string) (entente.Status, error) {
	var st *entente.Status
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		st, err = t.Status(ctx, a.Account.ID, root, id)
		return err
	})
	if err == nil && st == nil {
		err = entente.Errorf(entente.NotFound, "there is no such status")
	}
	if err != nil {
		return entente.Status{}, err
	}
	return *st, nil
}

// PutStatus keeps the answer to a POST for the account that posted, for a day at least.
func (n *Node) PutStatus(ctx context.Context, a entente.Actor, st entente.Status) error {
	_, err := n.Do(ctx, a, entente.PutStatus{Status: st})
	return err
}
