package entente

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// PreviewToken names the positions that a preview of a change in some agreements rests on:
// their state and terms, how far their feeds have come, what the collections hold, and what
// was decided. At other positions it is another one.
func PreviewToken(all []Agreement) string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y Agreement) int { return cmp.Compare(x.ID, y.ID) })
	h := sha256.New()
	for i := range all {
		a := &all[i]
		fmt.Fprintf(h, "%s %s %d %s %t %d\n", a.ID, a.State, a.Version, a.Hash, a.Work != nil, a.Touches)
		for _, f := range a.Feeds {
			fmt.Fprintf(h, "%s %d %d %d %d %d\n", f.ID, f.Head, f.Tail, f.Seen, f.LogHead, f.Floor)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// UnderTerms gives an agreement as it would be with other terms in force, and a choice of
// backlog for what comes to be covered or was missed by that: what an activation or a
// restoration judges by. Feeds that are not there yet have negative numbers.
func UnderTerms(l *Life, t *Terms, collections []Collection, backlog string, now int64) (g Agreement, err error) {
	f := Facts{Now: now, Collections: collections}
	for _, id := range t.Collections {
		if !slices.ContainsFunc(collections, func(c Collection) bool { return c.ID == id }) {
			return g, Errorf(NotFound, "the terms cover the collection %s, which is not there any more", id)
		}
		if l.feed(id) < 0 {
			f.NewIDs = append(f.NewIDs, fmt.Sprintf("new-%d", len(f.NewIDs)+1))
		}
	}
	f.NewFeed = -int64(len(f.NewIDs))
	s := &settling{Life: *l}
	if _, err := f.cover(s, &TermsVersion{Terms: *t}, backlog); err != nil {
		return g, err
	}
	g = s.Agreement
	g.Terms, g.State = *t, Active
	return g, nil
}
