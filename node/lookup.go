package node

import (
	"context"
	"net/netip"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// Limits of a look-up.
const (
	MaxLookupValues  = 1000 // values of one look-up
	MaxLookupMatches = 1000 // objects for one value
)

// Lookup is what is known of one value.
type Lookup struct {
	Value   string            // as it was given
	As      []stix.Observable // what it may be
	Matches []ValueMatch      // newest first
	More    bool              // there are more matches
}

// ValueMatch is an object that names a value, or a range that holds it.
type ValueMatch struct {
	Match
	Named stix.Observable // what the object names
}

// LookupValues finds, for each of many values, the latest versions of indicators,
// observables and observed data that name it, or a range of addresses around it, in the
// collections that the account may read. The index follows the collections like search.
func (n *Node) LookupValues(ctx context.Context, a entente.Actor, values []string, limit int) ([]Lookup, error) {
	if len(values) > MaxLookupValues {
		return nil, entente.Errorf(entente.TooLarge, "%d values are too many for one look-up; at most %d", len(values), MaxLookupValues)
	}
	limit = min(max(limit, 1), MaxLookupMatches)
	out := make([]Lookup, len(values))
	var keys []int64
	for i, v := range values {
		out[i] = Lookup{Value: v, As: stix.NormalizeValue(v)}
		for _, wanted := range wantedValues(out[i].As) {
			keys = append(keys, store.ValueKey(wanted))
		}
	}
	err := n.view(ctx, a, func(t *store.Tx) error {
		names, err := n.readable(ctx, t, a)
		if err != nil {
			return err
		}
		var feeds []int64
		for feed := range names {
			feeds = append(feeds, feed)
		}
		found, err := t.WithValues(ctx, keys, feeds, limit+1)
		if err != nil {
			return err
		}
		r, err := reviewingOf(ctx, t, a)
		if err != nil {
			return err
		}
		for key, all := range found {
			if found[key], err = r.found(all); err != nil {
				return err
			}
		}
		for i := range out {
			out[i].gather(found, names, limit)
		}
		return nil
	})
	return out, err
}

// wantedValues lists what an object may name for it to be about one of the values: the
// values themselves, and every range that holds one that is an address or a range.
func wantedValues(as []stix.Observable) []string {
	var out []string
	add := func(s string) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, o := range as {
		add(o.Value)
		if !o.Prefix.IsValid() {
			continue
		}
		for bits := o.Prefix.Bits() - 1; bits >= 0; bits-- {
			if p, err := o.Prefix.Addr().Prefix(bits); err == nil {
				add(p.String())
			}
		}
	}
	return out
}

// gather picks the matches of one value out of what was found for all, newest first. A
// key may be shared by chance: each object is asked what it names.
func (l *Lookup) gather(found map[int64][]store.Found, names map[int64]entente.Collection, limit int) {
	var mine []store.Found
	for _, wanted := range wantedValues(l.As) {
		mine = append(mine, found[store.ValueKey(wanted)]...)
	}
	slices.SortFunc(mine, func(a, b store.Found) int { return int(b.Content - a.Content) })
	mine = slices.CompactFunc(mine, func(a, b store.Found) bool { return a.Content == b.Content })
	for _, f := range mine {
		named, ok := l.namedBy(f.Entry.Bytes)
		if !ok {
			continue
		}
		if len(l.Matches) == limit {
			l.More = true
			return
		}
		m := ValueMatch{Match: Match{Entry: f.Entry}, Named: named}
		for _, feed := range f.Feeds {
			m.Collections = append(m.Collections, Placement{Collection: names[feed].ID, Name: names[feed].Name, Added: f.Entry.Added})
		}
		l.Matches = append(l.Matches, m)
	}
}

// namedBy finds what an object names that is this value or a range around it; the
// narrowest, if there are several.
func (l *Lookup) namedBy(object []byte) (best stix.Observable, ok bool) {
	for _, o := range stix.Observables(object) {
		for _, want := range l.As {
			if o.Value != want.Value && !within(want.Prefix, o.Prefix) {
				continue
			}
			if !ok || o.Prefix.Bits() > best.Prefix.Bits() {
				best, ok = o, true
			}
		}
	}
	return best, ok
}

func within(inner, outer netip.Prefix) bool {
	return inner.IsValid() && outer.IsValid() && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
