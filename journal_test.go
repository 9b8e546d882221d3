package entente_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// world applies changes the way a store does, for one feed.
type world struct {
	known map[entente.ObjectID][]entente.Known
	head  int64
	added int64
	next  int64
	clock int64
	alter func(*entente.Facts) // what a test puts in place of it
}

func newWorld() *world {
	return &world{known: map[entente.ObjectID][]entente.Known{}, next: 1, clock: 1000}
}

func (w *world) facts() entente.Facts {
	known := map[entente.ObjectID][]entente.Known{}
	for id, ks := range w.known {
		for _, k := range ks {
			k.Lines = slices.Clone(k.Lines)
			known[id] = append(known[id], k)
		}
	}
	f := entente.Facts{
		Now: w.clock, Actor: entente.LocalActor(), Home: entente.Organisation{ID: "home", Home: true},
		Collection: &entente.Collection{ID: "c", Feed: 1, Head: w.head, LastAdded: w.added}, Known: known, NextContent: w.next,
	}
	if w.alter != nil {
		w.alter(&f)
	}
	return f
}

func (w *world) do(t interface{ Fatalf(string, ...any) }, c entente.Command) (entente.Receipt, error) {
	f := w.facts()
	if c, ok := c.(entente.Submit); ok {
		// As the store does, leave out what the decision does not ask for.
		asked := f.Compared(c)
		for _, ks := range f.Known {
			for i := range ks {
				if !slices.Contains(asked, ks[i].Content) {
					ks[i].Versioning = nil
				}
			}
		}
	}
	ch, err := entente.Decide(c, f)
	if err != nil {
		return entente.Receipt{}, err
	}
	w.apply(t, ch)
	for _, log := range ch.Logs {
		w.apply(t, log)
	}
	return ch.Receipt, nil
}

func (w *world) apply(t interface{ Fatalf(string, ...any) }, ch entente.Change) {
	for _, ks := range w.known {
		for i := range ks {
			if slices.Contains(ch.Erasing, ks[i].Content) {
				ks[i].Erased = true
			}
			if slices.ContainsFunc(ch.Empty, func(x entente.Emptied) bool { return x.Content == ks[i].Content }) {
				ks[i].Versioning, ks[i].CreatedBy = nil, ""
			}
			for _, s := range ch.Said {
				if s.Content == ks[i].Content {
					ks[i].Versioning = &s.Versioning
				}
			}
		}
	}
	ids := map[int64]entente.ObjectID{}
	for id, ks := range w.known {
		for _, k := range ks {
			ids[k.Content] = id
		}
	}
	for _, n := range ch.Contents {
		ids[n.Content] = n.Version.ID
		w.known[n.Version.ID] = append(w.known[n.Version.ID], entente.Known{Content: n.Content, Digest: n.Version.Digest, Spec: n.Version.Spec, Key: n.Version.Key(), Versioning: n.Version.Versioning(), CreatedBy: n.Version.CreatedBy})
		w.next = max(w.next, n.Content+1)
	}
	last, lastAdded := w.head, w.added
	for _, l := range ch.Lines {
		if l.Seq <= last || l.Added <= lastAdded {
			t.Fatalf("line %+v does not come after position %d, time %d", l, last, lastAdded)
		}
		last, lastAdded = l.Seq, l.Added
		ks := w.known[ids[l.Content]]
		for i := range ks {
			if ks[i].Content == l.Content {
				ks[i].Lines = append(ks[i].Lines, l.Line)
			}
		}
	}
	for _, m := range ch.Marks {
		w.mark(t, m)
	}
	if ch.Head != 0 {
		if ch.Head < last || ch.Added < lastAdded {
			t.Fatalf("head %d, %d is before the last line %d, %d", ch.Head, ch.Added, last, lastAdded)
		}
		w.head, w.added = ch.Head, ch.Added
	}
}

func (w *world) mark(t interface{ Fatalf(string, ...any) }, m entente.Mark) {
	for _, ks := range w.known {
		for i := range ks {
			for n := range ks[i].Lines {
				if l := &ks[i].Lines[n]; l.Seq == m.Seq {
					switch m.Field {
					case entente.MarkGone:
						l.Gone = m.At
					case entente.MarkNewer:
						l.Newer = m.At
					case entente.MarkSpec:
						l.Spec = m.At
					}
					return
				}
			}
		}
	}
	t.Fatalf("mark %+v on a line that does not exist", m)
}

// name tells versions apart: by their moment, or without one by their contents.
func name(v *entente.Version) string {
	if v.Stamp().IsZero() {
		return fmt.Sprint(v.ID, v.Digest)
	}
	return fmt.Sprint(v.ID, v.Spec, v.Key())
}

// deleted names the versions of which lines are there and none stands.
func (w *world) deleted() map[string]bool {
	out, stands := map[string]bool{}, map[string]bool{}
	for id, ks := range w.known {
		for _, k := range ks {
			n := fmt.Sprint(id, k.Spec, k.Key)
			if k.Key.Micros == entente.Unversioned {
				n = fmt.Sprint(id, k.Digest)
			}
			for _, l := range k.Lines {
				out[n] = true
				stands[n] = stands[n] || l.Gone == 0
			}
		}
	}
	maps.DeleteFunc(out, func(n string, _ bool) bool { return stands[n] })
	return out
}

// shown gives the contents that readers get by default, with their positions.
func (w *world) shown() map[entente.Digest]int64 {
	out := map[entente.Digest]int64{}
	for _, ks := range w.known {
		for _, k := range ks {
			for _, l := range k.Lines {
				if l.Live() && l.Newer == 0 && l.Spec == 0 {
					out[k.Digest] = l.Seq
				}
			}
		}
	}
	return out
}

// check holds the state against what it means, computed from the live lines alone.
func (w *world) check(t interface{ Fatalf(string, ...any) }) {
	for id, ks := range w.known {
		type at struct {
			k entente.Known
			l entente.Line
		}
		var live []at
		best := entente.Spec(0)
		for _, k := range ks {
			for _, l := range k.Lines {
				if l.Live() {
					live = append(live, at{k, l})
					best = max(best, k.Spec)
				}
			}
		}
		for _, a := range live {
			newest := true
			for _, b := range live {
				if a.l.Seq == b.l.Seq || a.k.Spec != b.k.Spec {
					continue
				}
				if a.k.Key == b.k.Key && a.k.Key.Micros != entente.Unversioned {
					t.Fatalf("%s: two live lines of one version: %+v %+v", id, a, b)
				}
				c := a.k.Key.Compare(b.k.Key)
				if c < 0 || c == 0 && a.l.Seq < b.l.Seq {
					newest = false
				}
			}
			if newest != (a.l.Newer == 0) {
				t.Fatalf("%s: line %+v: newest %v", id, a, newest)
			}
			if (a.k.Spec == best) != (a.l.Spec == 0) {
				t.Fatalf("%s: line %+v: latest specification is %v", id, a, best)
			}
		}
	}
}

func drawVersion(t *rapid.T) *entente.Version {
	v := &entente.Version{
		ID:   entente.ObjectID(fmt.Sprintf("tool--00000000-0000-4000-8000-%012d", rapid.IntRange(1, 3).Draw(t, "id"))),
		Spec: rapid.SampledFrom([]entente.Spec{entente.Spec20, entente.Spec21, entente.Spec21}).Draw(t, "spec"),
	}
	stamp := rapid.SampledFrom([]string{"", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.0000001Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00.5Z"}).Draw(t, "modified")
	if stamp != "" {
		v.Modified, _ = entente.ParseInstant(stamp)
	}
	v.Digest = sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d", v.ID, v.Spec, stamp, rapid.IntRange(1, 2).Draw(t, "contents")))
	return v
}

// Whatever comes in and goes, the state says the truth about the live lines; what
// readers newly get stands behind what was there; and what is held adds nothing again.
func TestFeedStateHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			w.clock += rapid.Int64Range(-50, 50).Draw(t, "clock") // clocks jump
			before, head := w.shown(), w.head
			if rapid.IntRange(0, 3).Draw(t, "what") > 0 {
				batch := rapid.SliceOfN(rapid.Custom(drawVersion), 1, 6).Draw(t, "batch")
				gone := w.deleted()
				undelete := rapid.IntRange(0, 3).Draw(t, "undelete") == 0
				r, err := w.do(t, entente.Submit{Collection: "c", Versions: batch, Undelete: undelete})
				for i, res := range r.Results {
					if _, was := gone[name(batch[i])]; (res.Outcome == entente.Deleted) != (was && !undelete) {
						t.Fatalf("%+v: %v, deleted before: %v, undelete: %v", batch[i], res.Outcome, was, undelete)
					}
				}
				if err != nil || len(r.Results) != len(batch) {
					t.Fatalf("submit: %v, %d results", err, len(r.Results))
				}
				again, err := w.do(t, entente.Submit{Collection: "c", Versions: batch})
				if err != nil {
					t.Fatal(err)
				}
				for i, res := range again.Results {
					if r.Results[i].Outcome == entente.Deleted {
						if res.Outcome != entente.Deleted {
							t.Fatalf("a deleted version came back: %+v", res)
						}
						continue
					}
					if res.Outcome != entente.Unchanged || res.Current != r.Results[i].Current && r.Results[i].Outcome == entente.Contested {
						t.Fatalf("submitted again: %+v, before %+v", res, r.Results[i])
					}
				}
			} else {
				v := drawVersion(t)
				c := entente.DeleteObject{Collection: "c", Object: v.ID}
				switch rapid.IntRange(0, 3).Draw(t, "delete") {
				case 0:
					c.Versions.Last = true
				case 1:
					c.Versions.First = true
				case 2:
					c.Versions.Exact = []entente.Instant{v.Modified}
				}
				had := len(liveOf(w.known[v.ID]))
				r, err := w.do(t, c)
				if entente.KindOf(err) != entente.NotFound && err != nil {
					t.Fatal(err)
				}
				if left := len(liveOf(w.known[v.ID])); err == nil && left != had-r.Deleted {
					t.Fatalf("%d live versions, %d deleted, %d left", had, r.Deleted, left)
				}
			}
			w.check(t)
			for d, seq := range w.shown() {
				if before[d] != seq && seq <= head {
					t.Fatalf("contents %s became visible at position %d, behind head %d", d, seq, head)
				}
			}
		}
	})
}

func liveOf(ks []entente.Known) []entente.Line {
	var out []entente.Line
	for _, k := range ks {
		for _, l := range k.Lines {
			if l.Live() {
				out = append(out, l)
			}
		}
	}
	return out
}

// One batch and the same versions one by one lead to the same state.
func TestBatchIsSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batch := rapid.SliceOfN(rapid.Custom(drawVersion), 1, 10).Draw(t, "batch")
		one, many := newWorld(), newWorld()
		if _, err := one.do(t, entente.Submit{Versions: batch}); err != nil {
			t.Fatal(err)
		}
		for _, v := range batch {
			if _, err := many.do(t, entente.Submit{Versions: []*entente.Version{v}}); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(one.shown(), many.shown()) {
			t.Fatalf("one batch shows %v, one by one %v", one.shown(), many.shown())
		}
	})
}

func TestContestedKeepsTheFirst(t *testing.T) {
	w := newWorld()
	id := entente.ObjectID("tool--00000000-0000-4000-8000-000000000001")
	at, _ := entente.ParseInstant("2026-01-01T00:00:00.000Z")
	same, _ := entente.ParseInstant("2026-01-01T00:00:00Z")
	first := &entente.Version{ID: id, Spec: entente.Spec21, Modified: at, Digest: entente.Digest{1}}
	second := &entente.Version{ID: id, Spec: entente.Spec21, Modified: same, Digest: entente.Digest{2}}
	if _, err := w.do(t, entente.Submit{Versions: []*entente.Version{first}}); err != nil {
		t.Fatal(err)
	}
	r, err := w.do(t, entente.Submit{Versions: []*entente.Version{second}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Results[0]; got.Outcome != entente.Contested || got.Current != first.Digest {
		t.Fatalf("the second contents: %+v", got)
	}
	if shown := w.shown(); len(shown) != 1 || shown[first.Digest] == 0 {
		t.Fatalf("shown: %v", shown)
	}
	// Deleting the version takes both contents, and neither comes back unless it is asked for.
	if _, err := w.do(t, entente.DeleteObject{Object: id, Versions: entente.VersionFilter{Exact: []entente.Instant{same}}}); err != nil {
		t.Fatal(err)
	}
	third := &entente.Version{ID: id, Spec: entente.Spec21, Modified: same, Digest: entente.Digest{3}}
	r, err = w.do(t, entente.Submit{Versions: []*entente.Version{second, third}})
	if err != nil || r.Results[0].Outcome != entente.Deleted || r.Results[1].Outcome != entente.Deleted {
		t.Fatalf("after the deletion: %+v, %v", r, err)
	}
	r, err = w.do(t, entente.Submit{Versions: []*entente.Version{second}, Undelete: true})
	if err != nil || r.Results[0].Outcome != entente.Added {
		t.Fatalf("brought back: %+v, %v", r, err)
	}
}
