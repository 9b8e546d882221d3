package node

import (
	"context"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// ObjectVersion is one stored content of an object, as the person who looks may see it.
type ObjectVersion struct {
	Version     string // as TAXII names it
	Spec        entente.Spec
	Digest      entente.Digest
	Collections []Placement       // where it stands, of those that the account may read
	Contested   bool              // other contents exist for the same id and version
	Current     bool              // the contents that a collection serves for this version
	Latest      bool              // the newest version of a collection
	Revokes     bool              // by this version the object's creator revoked it, with all its versions
	Breaches    []entente.Finding // of the rules of versioning, beside the others where it stands
	Marking     entente.Marking   // the effective one, by the definitions that the account may read
	Bytes       []byte            // none where they were erased, and where Facts
	Facts       bool              // a reviewer is shown no more than this: see [entente.ReviewReads]
	// Erasure is the confirmed erasure that is about it, nil for none.
	Erasure *entente.Erasure
	// Preserved are the references of the cases under which it is kept although no collection
	// has it any more; only who reads everything is shown such versions.
	Preserved []string
	sources   []string // ids of the organisations that supplied it
}

// Placement says where a version stands.
type Placement struct {
	Collection string // id
	Name       string
	Added      int64 // microseconds since 1970
	Deleted    bool  // it was deleted from there
}

// Object gives every content of an object that stands in a collection the account may
// read, oldest version first. NotFound where there is none.
func (n *Node) Object(ctx context.Context, a entente.Actor, id entente.ObjectID) ([]ObjectVersion, error) {
	var out []ObjectVersion
	err := n.view(ctx, a, func(t *store.Tx) error {
		names, err := n.readable(ctx, t, a)
		if err != nil {
			return err
		}
		held, err := t.Object(ctx, id)
		if err != nil {
			return err
		}
		for i := range held {
			if v, ok := stix.Versioning(held[i].Bytes); ok {
				held[i].Versioning = &v
			}
		}
		out = seen(held, names)
		if a.May(entente.ReadAll) {
			kept, err := keptAlone(ctx, t, id, held)
			if err != nil {
				return err
			}
			out = append(out, kept...)
		}
		if err := tellErased(ctx, t, a, id, held, out); err != nil {
			return err
		}
		if err := markAll(ctx, t, out, names); err != nil {
			return err
		}
		r, err := reviewingOf(ctx, t, a)
		for i := range out {
			ok, wrong := r.reads(out[i].Bytes)
			if wrong != nil {
				return wrong
			}
			if !ok {
				out[i].Bytes, out[i].Facts = nil, true
			}
		}
		return err
	})
	if err == nil && len(out) == 0 {
		err = entente.Errorf(entente.NotFound, "there is no object %s in any collection that you may read", id)
	}
	return out, err
}

// readable gives the collections an account may read, by the number of their feed.
func (n *Node) readable(ctx context.Context, t *store.Tx, a entente.Actor) (map[int64]entente.Collection, error) {
	all, err := n.visible(ctx, t, a)
	if err != nil {
		return nil, err
	}
	out := map[int64]entente.Collection{}
	for _, acc := range all {
		if acc.CanRead {
			out[acc.Feed] = acc.Collection
		}
	}
	return out, nil
}

// seen keeps what stands in readable collections, and tells which contents contest each
// other: within one collection, contents of one version beside those that hold its place.
func seen(held []store.Held, names map[int64]entente.Collection) []ObjectVersion {
	var out []ObjectVersion
	histories := historiesOf(held, names)
	for i, h := range held {
		v := ObjectVersion{Version: h.Stamp, Spec: h.Spec, Digest: h.Digest, Bytes: h.Bytes}
		for _, l := range h.Lines {
			c, ok := names[l.Feed]
			if !ok {
				continue
			}
			if v.Version == "" {
				v.Version = entente.FormatMicros(l.Added)
			}
			if !slices.Contains(v.sources, l.Source) {
				v.sources = append(v.sources, l.Source)
			}
			v.Current = v.Current || l.Live()
			v.Latest = v.Latest || (l.Live() && l.Newer == 0 && l.Spec == 0)
			p := Placement{Collection: c.ID, Name: c.Name, Added: l.Added, Deleted: l.Gone != 0}
			// A deletion and what was appended again for the same content are one placement.
			if i := slices.IndexFunc(v.Collections, func(q Placement) bool { return q.Collection == p.Collection }); i >= 0 {
				if v.Collections[i].Deleted {
					v.Collections[i] = p
				}
				continue
			}
			v.Collections = append(v.Collections, p)
			history := histories[l.Feed]
			v.Revokes = v.Revokes || history.revocation == i
			for _, b := range history.breaches[i] {
				if !slices.Contains(v.Breaches, b) {
					v.Breaches = append(v.Breaches, b)
				}
			}
		}
		if len(v.Collections) > 0 {
			out = append(out, v)
		}
	}
	for i := range out {
		for j := range out {
			if i != j && out[i].Version == out[j].Version && out[i].Spec == out[j].Spec {
				out[i].Contested = true
			}
		}
	}
	return out
}

// history is what the rules of versioning say of an object as one feed has it.
type history struct {
	breaches   [][]entente.Finding // of each content
	revocation int                 // the content that revokes the object, -1 for none
}

func historiesOf(held []store.Held, names map[int64]entente.Collection) map[int64]history {
	out := map[int64]history{}
	for feed := range names {
		known := make([]entente.Known, len(held))
		there := false
		for i, h := range held {
			known[i] = h.Known
			for _, l := range h.Lines {
				if l.Feed == feed {
					known[i].Lines = append(known[i].Lines, l.Line)
					there = true
				}
			}
		}
		if there {
			out[feed] = history{entente.AllBreaches(known), entente.Revocation(known)}
		}
	}
	return out
}

// Match is one object that a search found.
type Match struct {
	Entry       entente.Entry
	Collections []Placement
}

// Search finds the latest versions of objects by their words, newest first, in the given
// collections or, where none is given, in all that the account may read.
func (n *Node) Search(ctx context.Context, a entente.Actor, text string, collections []string, limit int) ([]Match, error) {
	terms := store.ParseTerms(text)
	if len(terms) == 0 {
		return nil, entente.Errorf(entente.Invalid, "there is no word to search for in %q; a word has letters or digits", text)
	}
	var out []Match
	err := n.view(ctx, a, func(t *store.Tx) error {
		names, err := n.readable(ctx, t, a)
		if err != nil {
			return err
		}
		var feeds []int64
		for feed, c := range names {
			if len(collections) == 0 || slices.Contains(collections, c.ID) {
				feeds = append(feeds, feed)
			}
		}
		found, err := t.Search(ctx, terms, feeds, limit)
		if err != nil {
			return err
		}
		r, err := reviewingOf(ctx, t, a)
		if err != nil {
			return err
		}
		if found, err = r.found(found); err != nil {
			return err
		}
		for _, f := range found {
			m := Match{Entry: f.Entry}
			for _, feed := range f.Feeds {
				m.Collections = append(m.Collections, Placement{Collection: names[feed].ID, Name: names[feed].Name, Added: f.Entry.Added})
			}
			out = append(out, m)
		}
		return nil
	})
	return out, err
}
