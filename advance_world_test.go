package entente_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"entente"
)

// fataler is what fails a test or a property.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// logged is one submission in the accept logs of a feedWorld.
type logged struct {
	place   int
	seq     int64
	v       *entente.Version
	source  string
	via     string
	arrived int64
	deleted bool
}

// feedWorld is a node in memory: accept logs, and the feeds of one agreement with what
// waits for them. It writes what Advance says as a store does.
type feedWorld struct {
	t         fataler
	agreement entente.Agreement
	floors    []entente.TLP
	log       []logged
	taken     int // submissions that the feeds have judged
	steps     map[int]int
	restrict  map[entente.ObjectID]*entente.Restriction
	decisions map[entente.ObjectID][]entente.Decision
	vocab     map[entente.ObjectID]bool
	dissents  bool // opinions are dissent of their sources
	contents  map[entente.Digest]int64
	stamped   map[int64]int64 // of a copy, what was submitted
	known     []map[entente.ObjectID][]entente.Known
	waits     []entente.Wait
	due       []entente.Due
	now       int64
	asked     int // objects that the library was asked for
}

func newFeedWorld(t fataler, places int, terms entente.Terms) *feedWorld {
	w := &feedWorld{t: t, steps: map[int]int{}, restrict: map[entente.ObjectID]*entente.Restriction{}, decisions: map[entente.ObjectID][]entente.Decision{},
		vocab: map[entente.ObjectID]bool{}, contents: map[entente.Digest]int64{}, stamped: map[int64]int64{}, now: 1_000_000}
	for i := range places {
		c := fmt.Sprintf("c%d", i)
		terms.Collections = append(terms.Collections, c)
		w.agreement.Feeds = append(w.agreement.Feeds, entente.ReleaseFeed{Collection: c, Feed: int64(100 + i)})
		w.known = append(w.known, map[entente.ObjectID][]entente.Known{})
	}
	w.floors = make([]entente.TLP, places)
	w.agreement.ID, w.agreement.Terms = "g", terms
	return w
}

// name has the terms name a vocabulary to which an object belongs.
func (w *feedWorld) name(id entente.ObjectID) {
	w.vocab[id] = true
	w.agreement.Terms.Vocabularies = []string{"v"}
}

// submit adds to an accept log.
func (w *feedWorld) submit(l logged) {
	l.seq = 1
	for _, o := range w.log {
		if o.place == l.place {
			l.seq = o.seq + 1
		}
	}
	if l.arrived == 0 {
		l.arrived = int64(len(w.log)+1) * 1000
	}
	if _, ok := w.contents[l.v.Digest]; !ok {
		w.contents[l.v.Digest] = int64(len(w.contents) + 1)
	}
	w.log = append(w.log, l)
}

func (w *feedWorld) submission(i int) entente.Submission {
	l := &w.log[i]
	return entente.Submission{Place: l.place, Seq: l.seq, Content: w.contents[l.v.Digest], Key: l.v.Key(), Source: l.source, Via: l.via,
		Arrived: l.arrived, Step: w.steps[i], Version: l.v}
}

func (w *feedWorld) Matters(ids []entente.ObjectID) ([]*entente.Matter, error) {
	w.asked += len(ids)
	wanted := map[entente.ObjectID]*entente.Matter{}
	for _, id := range ids {
		if wanted[id] != nil {
			w.t.Fatalf("%s is asked for twice at once", id)
		}
		wanted[id] = &entente.Matter{ID: id, Restriction: w.restrict[id], Decisions: w.decisions[id]}
	}
	for i, l := range w.log[:w.taken] {
		if l.deleted {
			continue
		}
		if m := wanted[l.v.ID]; m != nil {
			m.Submissions = append(m.Submissions, w.submission(i))
		}
		if w.dissents && l.v.Type == "opinion" {
			for _, id := range l.v.References {
				if m := wanted[id]; m != nil && !slices.ContainsFunc(m.Dissent, func(d entente.Dissent) bool { return d.Object == l.v.ID && d.Source == l.source }) {
					m.Dissent = append(m.Dissent, entente.Dissent{Object: l.v.ID, Source: l.source, Since: l.arrived})
				}
			}
		}
	}
	var out []*entente.Matter
	for _, id := range ids {
		m := wanted[id]
		slices.SortStableFunc(m.Submissions, func(x, y entente.Submission) int { return cmp.Compare(x.Place, y.Place) })
		for place := range w.known {
			for _, k := range w.known[place][id] {
				for _, l := range k.Lines {
					of := k.Content
					if s, ok := w.stamped[of]; ok {
						of = s
					}
					x := entente.Standing{Place: place, Line: l, Of: of, Spec: k.Spec, Key: k.Key}
					if l.Live() {
						m.Standing = append(m.Standing, x)
					} else {
						m.HasLeft(x)
					}
				}
			}
		}
		if len(m.Submissions)+len(m.Standing)+len(m.Dissent) > 0 {
			out = append(out, m)
		}
	}
	return out, nil
}

func (w *feedWorld) Present(ids []entente.ObjectID) (map[entente.ObjectID]entente.Presence, error) {
	out := map[entente.ObjectID]entente.Presence{}
	for _, id := range ids {
		for place := range w.known {
			for _, k := range w.known[place][id] {
				if slices.ContainsFunc(k.Lines, entente.Line.Live) {
					out[id] |= entente.InFeed
				}
			}
		}
		if w.vocab[id] {
			out[id] |= entente.InVocabulary
		}
	}
	return out, nil
}

func (w *feedWorld) Waiting(ids []entente.ObjectID) ([]entente.ObjectID, error) {
	wanted := map[entente.ObjectID]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var out []entente.ObjectID
	for _, row := range w.waits {
		if wanted[row.Object] || slices.ContainsFunc(row.Awaits, func(id entente.ObjectID) bool { return wanted[id] }) {
			out = append(out, row.Object)
		}
	}
	return out, nil
}

func (w *feedWorld) Referrers(ids []entente.ObjectID) ([]entente.ObjectID, error) {
	var out []entente.ObjectID
	for _, e := range w.live() {
		if slices.ContainsFunc(e.v.References, func(id entente.ObjectID) bool { return slices.Contains(ids, id) }) {
			out = append(out, e.v.ID)
		}
	}
	return out, nil
}

// owner knows identities of the sources.
func owner(id entente.ObjectID) string {
	for _, s := range []string{"home", "a", "b"} {
		if id == identity(s) {
			return s
		}
	}
	return ""
}

func identity(source string) entente.ObjectID {
	return madeID("identity", source)
}

func madeID(typ, name string) entente.ObjectID {
	sum := sha256.Sum256([]byte(name))
	return entente.ObjectID(fmt.Sprintf("%s--%x-%x-4%x-8%x-%x", typ, sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])[:len(typ)+2+36])
}

func (w *feedWorld) circumstances() *entente.Circumstances {
	return &entente.Circumstances{Now: w.now, Home: "home", Agreement: &w.agreement, Floors: w.floors, Owner: owner,
		Define: func(id entente.ObjectID, _ string) entente.Definition {
			for _, l := range w.log[:w.taken] {
				if l.v.ID == id && !l.deleted {
					return entente.Definition{Kind: entente.StatementDefinition}
				}
			}
			return entente.Definition{Missing: true}
		},
		Copy: func(s *entente.Submission, t entente.TLP) (int64, *entente.Version, error) {
			d := sha256.Sum256(fmt.Appendf(nil, "%x %s", s.Version.Digest, t))
			if n, ok := w.contents[d]; ok && w.stamped[n] != 0 {
				return n, nil, nil
			}
			w.contents[d] = 1_000_000 + s.Content*10 + int64(t)
			v := *s.Version
			v.Digest, v.Markings = d, append(slices.Clone(v.Markings), t.Definition())
			return w.contents[d], &v, nil
		},
	}
}

// take carries the feeds on over the next submissions of the log, in steps of these lengths.
func (w *feedWorld) take(lengths ...int) entente.Advanced {
	w.steps = map[int]int{}
	var steps [][]entente.ObjectID
	for i, n := range lengths {
		var ids []entente.ObjectID
		for range n {
			w.steps[w.taken] = i + 1
			if id := w.log[w.taken].v.ID; !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			w.taken++
		}
		steps = append(steps, ids)
	}
	out := w.advance(steps)
	w.steps = map[int]int{}
	return out
}

// again judges all that the logs hold under other terms, a few submissions at a time.
func (w *feedWorld) again(terms entente.Terms) {
	closing := w.agreement.Terms.OpenReferences && !terms.OpenReferences
	terms.Collections = w.agreement.Terms.Collections
	w.agreement.Terms = terms
	w.now += 10
	anew := &entente.Anew{}
	at := make([]int64, len(w.agreement.Feeds))
	for _, f := range w.agreement.Feeds {
		anew.Tails = append(anew.Tails, f.Tail)
	}
	for from := 0; from < w.taken; from += 2 {
		ends, ids := [][]int64{slices.Clone(at)}, []entente.ObjectID{}
		for _, l := range w.log[from:min(from+2, w.taken)] {
			at[l.place] = l.seq
			ids = append(ids, l.v.ID)
		}
		c := w.circumstances()
		c.Anew, c.Ends, c.Closing = anew, append(ends, slices.Clone(at)), closing
		out, err := entente.Advance(c, w, [][]entente.ObjectID{ids})
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		w.apply(out)
		anew.Add(out.Anew)
	}
}

// touch carries the feeds on after something else became new of objects.
func (w *feedWorld) touch(ids ...entente.ObjectID) entente.Advanced {
	return w.advance([][]entente.ObjectID{ids})
}

func (w *feedWorld) advance(steps [][]entente.ObjectID) entente.Advanced {
	w.now += 10
	out, err := entente.Advance(w.circumstances(), w, steps)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	w.apply(out)
	return out
}

func (w *feedWorld) apply(out entente.Advanced) {
	w.t.Helper()
	ids := map[int64]entente.ObjectID{}
	spec := map[int64]*entente.Version{}
	for i := range w.log {
		ids[w.contents[w.log[i].v.Digest]], spec[w.contents[w.log[i].v.Digest]] = w.log[i].v.ID, w.log[i].v
	}
	for _, n := range out.Contents { // also of copies that came and went at once
		ids[n.Content], spec[n.Content] = n.Version.ID, n.Version
	}
	for _, s := range out.Stamped {
		w.stamped[s.Content] = s.Original
	}
	for _, c := range out.Contents { // also of what came and went within the advance
		ids[c.Content], spec[c.Content] = c.Version.ID, c.Version
	}
	for copied, of := range w.stamped {
		ids[copied], spec[copied] = ids[of], spec[of]
	}
	entered := 0
	for _, ch := range out.Feeds {
		place := slices.IndexFunc(w.agreement.Feeds, func(f entente.ReleaseFeed) bool { return f.Feed == ch.Feed })
		feed := &w.agreement.Feeds[place]
		last, added := feed.Tail, feed.LastAdded
		for _, l := range ch.Lines {
			if l.Seq <= last || l.Added <= added {
				w.t.Fatalf("line %+v does not come after position %d, time %d", l, last, added)
			}
			last, added = l.Seq, l.Added
			id := ids[l.Content]
			if id == "" {
				w.t.Fatalf("line %+v has a content that nobody knows", l)
			}
			known := w.known[place][id]
			at := slices.IndexFunc(known, func(k entente.Known) bool { return k.Content == l.Content })
			if at < 0 {
				at = len(known)
				known = append(known, entente.Known{Content: l.Content, Spec: spec[l.Content].Spec, Key: spec[l.Content].Key()})
			}
			known[at].Lines = append(known[at].Lines, l.Line)
			w.known[place][id] = known
			entered++
		}
		if len(ch.Marks) > 0 {
			lines := map[int64]*entente.Line{}
			for _, known := range w.known[place] {
				for i := range known {
					for n := range known[i].Lines {
						lines[known[i].Lines[n].Seq] = &known[i].Lines[n]
					}
				}
			}
			for _, m := range ch.Marks {
				l := lines[m.Seq]
				switch {
				case l == nil || m.Seq > feed.Tail:
					w.t.Fatalf("mark %+v on a line that is not stored", m)
				case m.Field == entente.MarkGone:
					l.Gone = m.At
				case m.Field == entente.MarkNewer:
					l.Newer = m.At
				case m.Field == entente.MarkSpec:
					l.Spec = m.At
				}
			}
		}
		if ch.Head < last || ch.Added < added {
			w.t.Fatalf("head %d at %d is before the last line %d at %d", ch.Head, ch.Added, last, added)
		}
		feed.Head, feed.Tail, feed.LastAdded = ch.Head, ch.Head, ch.Added
	}
	if entered != out.Entered {
		w.t.Fatalf("%d entries were appended, and %d are told", entered, out.Entered)
	}
	settled := map[entente.ObjectID]bool{}
	for _, id := range out.Settled {
		settled[id] = true
	}
	w.waits = slices.DeleteFunc(w.waits, func(row entente.Wait) bool { return settled[row.Object] })
	for _, row := range out.Waits {
		if !settled[row.Object] {
			w.t.Fatalf("%+v waits, and is not settled", row)
		}
		w.waits = append(w.waits, row)
	}
	w.due = append(w.due, out.Due...)
}

// liveEntry is what stands in a feed.
type liveEntry struct {
	place  int
	line   entente.Line
	of     int64
	source string
	v      *entente.Version
	i      int // in the log, -1 if its submission is deleted
}

// live lists what stands, by place and position.
func (w *feedWorld) live() []liveEntry {
	type key struct {
		place  int
		of     int64
		source string
	}
	at := map[key]int{}
	of := map[int64]*entente.Version{}
	for i, l := range w.log[:w.taken] {
		of[w.contents[l.v.Digest]] = l.v
		if !l.deleted {
			at[key{l.place, w.contents[l.v.Digest], l.source}] = i + 1
		}
	}
	var out []liveEntry
	for place := range w.known {
		for _, known := range w.known[place] {
			for _, k := range known {
				for _, l := range k.Lines {
					if l.Live() {
						content := k.Content
						if s, ok := w.stamped[content]; ok {
							content = s
						}
						out = append(out, liveEntry{place, l, content, l.Source, of[content], at[key{place, content, l.Source}] - 1})
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(x, y liveEntry) int {
		return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(x.line.Seq, y.line.Seq))
	})
	return out
}

// told writes what stands, for comparison: contents, sources and what readers get, in order.
func (w *feedWorld) told() []string {
	var out []string
	for _, e := range w.live() {
		out = append(out, fmt.Sprintf("%d %s %s %x %s shown=%v", e.place, e.v.ID, e.v.Stamp().Text, e.v.Digest[:3], e.source, e.line.Newer == 0 && e.line.Spec == 0))
	}
	return out
}
