package entente_test

import (
	"fmt"
	"testing"

	"entente"
)

// Chains, stars and many versions, however they lie to the order of arrival, enter as they
// must, and nothing in between is looked at over and over.
func TestAdvanceOfManyAtOnce(t *testing.T) {
	green := []entente.ObjectID{entente.TLPGreen.Definition()}
	at := func(n int) entente.ObjectID { return madeID("tool", fmt.Sprint("many", n)) }
	const n = 20_000
	for name, of := range map[string]func(i int) entente.Version{
		"a chain, the last first": func(i int) entente.Version {
			v := entente.Version{ID: at(n - i)}
			if i < n-1 {
				v.References = []entente.ObjectID{at(n - i - 1)}
			}
			return v
		},
		"a chain in a circle": func(i int) entente.Version {
			return entente.Version{ID: at(i), References: []entente.ObjectID{at((i + 1) % n)}}
		},
		"a star, the middle last": func(i int) entente.Version {
			v := entente.Version{ID: at(i)}
			if i < n-1 {
				v.References = []entente.ObjectID{at(n - 1)}
			}
			return v
		},
		"versions of one object": func(i int) entente.Version {
			v := entente.Version{ID: at(0), Modified: day(1)}
			v.Modified.Micros += int64(i % 1000)
			v.Modified.Text = fmt.Sprint(v.Modified.Micros)
			v.Confidence = i / 1000
			return v
		},
	} {
		count := n
		if name == "versions of one object" {
			count = 1000
		}
		w := newFeedWorld(t, 1, entente.Terms{Highest: entente.TLPGreen})
		w.log = make([]logged, 0, count)
		for i := range count {
			v := of(i)
			v.Spec, v.Markings = entente.Spec21, green
			s := sealed(v, 1)
			w.contents[s.Digest] = int64(i + 1)
			w.log = append(w.log, logged{seq: int64(i + 1), v: s, source: "home", arrived: int64(i + 1)})
		}
		w.taken = count
		var ids []entente.ObjectID
		seen := map[entente.ObjectID]bool{}
		for i, l := range w.log {
			w.steps[i] = 1
			if !seen[l.v.ID] {
				seen[l.v.ID] = true
				ids = append(ids, l.v.ID)
			}
		}
		if out := w.advance([][]entente.ObjectID{ids}); out.Entered != count || len(out.Waits) != 0 {
			t.Errorf("%s: %d of %d entered, %d wait", name, out.Entered, count, len(out.Waits))
		}
		if w.asked > 2*count+10 {
			t.Errorf("%s: the library was asked for %d objects", name, w.asked)
		}
	}
}

// still is a library of what does not change.
type still struct {
	matters map[entente.ObjectID]*entente.Matter
	present map[entente.ObjectID]bool
}

func (s still) Matters(ids []entente.ObjectID) ([]*entente.Matter, error) {
	out := make([]*entente.Matter, 0, len(ids))
	for _, id := range ids {
		if m := s.matters[id]; m != nil {
			out = append(out, &entente.Matter{ID: id, Submissions: append([]entente.Submission(nil), m.Submissions...)})
		}
	}
	return out, nil
}

func (s still) Present(ids []entente.ObjectID) (map[entente.ObjectID]entente.Presence, error) {
	out := make(map[entente.ObjectID]entente.Presence, len(ids))
	for _, id := range ids {
		if s.present[id] {
			out[id] = entente.InFeed
		}
	}
	return out, nil
}

func (s still) Waiting([]entente.ObjectID) ([]entente.ObjectID, error)   { return nil, nil }
func (s still) Referrers([]entente.ObjectID) ([]entente.ObjectID, error) { return nil, nil }

// BenchmarkAdvance takes steps of 1,000 new objects of which each refers to two that are there.
func BenchmarkAdvance(b *testing.B) {
	w := newFeedWorld(nil, 1, entente.Terms{Highest: entente.TLPGreen})
	lib := still{map[entente.ObjectID]*entente.Matter{}, map[entente.ObjectID]bool{}}
	var ids []entente.ObjectID
	for i := range 1000 {
		id := madeID("relationship", fmt.Sprint("bench", i))
		refs := []entente.ObjectID{madeID("tool", fmt.Sprint(i)), madeID("tool", fmt.Sprint(i%100))}
		v := sealed(entente.Version{ID: id, Spec: entente.Spec21, Modified: day(1), References: refs, Markings: []entente.ObjectID{entente.TLPGreen.Definition()}}, 1)
		lib.present[refs[0]], lib.present[refs[1]] = true, true
		lib.matters[id] = &entente.Matter{ID: id, Submissions: []entente.Submission{{Seq: int64(i + 1), Content: int64(i + 1), Key: v.Key(), Source: "home", Arrived: int64(i + 1), Step: 1, Version: v}}}
		ids = append(ids, id)
	}
	c := w.circumstances()
	b.ReportAllocs()
	for b.Loop() {
		out, err := entente.Advance(c, lib, [][]entente.ObjectID{ids})
		if err != nil || out.Entered != len(ids) {
			b.Fatalf("%v, %d entered", err, out.Entered)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/object")
}
