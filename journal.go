package entente

import (
	"cmp"
	"slices"
)

// journal works out a change of one feed. It holds the objects concerned as they will
// be, so that a batch may bring several versions of one object.
type journal struct {
	out   Change
	known map[ObjectID][]Known
	now   int64
	old   int64 // the head before
	head  int64
	added int64
	next  int64 // the next content number
	// creators has the organisation that made an object, where that is known.
	creators map[ObjectID]string
	owners   map[ObjectID]string  // see [Facts.Owners]
	batches  map[int64]Batch      // see [Facts.Batches]
	leftBy   map[int64]string     // see [Facts.LeftBy]
	own      map[ObjectID][]Known // what a contributor knows of objects: see ownView
	// reviving is the source whose lines are coming in again, "" while none do: it is the
	// holder still, although its lines are gone for a moment.
	reviving string
}

func newJournal(f Facts) *journal {
	j := &journal{
		out: Change{Feed: f.Collection.Feed}, known: f.Known, now: f.Now,
		old: f.Collection.Head, head: f.Collection.Head, added: f.Collection.LastAdded, next: f.NextContent,
		creators: map[ObjectID]string{}, owners: f.Owners, batches: f.Batches, leftBy: f.LeftBy,
	}
	if j.known == nil {
		j.known = map[ObjectID][]Known{}
	}
	return j
}

// change is the result: nothing for the feed if its head did not move.
func (j *journal) change() Change {
	if j.head != j.old {
		j.out.Head, j.out.Added = j.head, j.added
	}
	return j.out
}

// Compare orders two moments of versions.
func (k StampKey) Compare(other StampKey) int {
	if c := cmp.Compare(k.Micros, other.Micros); c != 0 {
		return c
	}
	return cmp.Compare(k.Rest, other.Rest)
}

// enter appends a line for the contents at known[at] of an object, and settles with the
// object's live lines which is newer and which holds the place of a version.
func (j *journal) enter(id ObjectID, at int, source string) Line {
	known := j.known[id]
	k := &known[at]
	j.head++
	j.added = max(j.now, j.added+1)
	line := Line{Seq: j.head, Content: k.Content, Source: source, Added: j.added}
	j.live(known, func(o *Known, l *Line) {
		if o == k || (o.Spec == k.Spec && o.Key == k.Key && k.Key.Micros != Unversioned) {
			line.Rival = l.Seq
		}
	})
	if line.Rival == 0 {
		holds := j.holds(id, known, &line)
		j.live(known, func(o *Known, l *Line) {
			switch {
			case l.Source == line.Source:
				j.order(o, l, k, &line)
			case !holds:
				line.Newer = line.Seq
			case l.Newer == 0:
				j.mark(l, MarkNewer, line.Seq)
			}
		})
	}
	k.Lines = append(k.Lines, line)
	j.out.Lines = append(j.out.Lines, NewLine{Line: line, Type: id.Type(), Of: k.Spec})
	return line
}

// live calls f for every live line of an object.
func (j *journal) live(known []Known, f func(*Known, *Line)) {
	for i := range known {
		for n := range known[i].Lines {
			if l := &known[i].Lines[n]; l.Live() {
				f(&known[i], l)
			}
		}
	}
}

// holds tells whether the source of a new line is the one whose versions readers get of the
// object: the organisation that made it, else the source whose versions they get already.
// Nobody else supersedes them.
func (j *journal) holds(id ObjectID, known []Known, line *Line) bool {
	if j.reviving != "" {
		return j.reviving == line.Source
	}
	holder := holderOf(known, j.creators[id])
	return holder == "" || holder == line.Source || line.Source == j.creators[id]
}

// holderOf is the source whose versions readers get of an object, "" while there are none:
// the object's creator, else the source of what is shown, else the one that came first.
func holderOf(known []Known, creator string) string {
	shown, first, firstAt := "", "", int64(0)
	for i := range known {
		for _, l := range known[i].Lines {
			switch {
			case !l.Live():
				continue
			case l.Source == creator:
				return creator
			case l.Newer == 0:
				shown = l.Source
			}
			if first == "" || l.Seq < firstAt {
				first, firstAt = l.Source, l.Seq
			}
		}
	}
	if shown != "" {
		return shown
	}
	return first
}

// findCreator finds the organisation that made an object, where several sources supplied it:
// the one whose identity is named first by the source that came first. Later claims take an
// object from nobody, also where that source named nobody. What comes in now, from a source,
// names by. With one source nothing depends on it.
func (j *journal) findCreator(id ObjectID, source string, by ObjectID) {
	if len(j.owners) == 0 {
		return
	}
	first, firstAt, namedAt := source, int64(0), int64(0)
	for _, k := range j.known[id] {
		for _, l := range k.Lines {
			if firstAt == 0 || l.Seq < firstAt {
				first, firstAt = l.Source, l.Seq
			}
		}
	}
	if first != source {
		by = ""
	}
	for _, k := range j.known[id] {
		for _, l := range k.Lines {
			if l.Source == first && k.CreatedBy != "" && (namedAt == 0 || l.Seq < namedAt) {
				by, namedAt = k.CreatedBy, l.Seq
			}
		}
	}
	j.creators[id] = j.owners[by]
}

// order settles which of a live line and a new one is newer, and which is of the later
// specification. Of two without moments of their own, the one that comes later is newer.
func (j *journal) order(o *Known, l *Line, k *Known, line *Line) {
	switch {
	case o.Spec > k.Spec:
		line.Spec = line.Seq
	case o.Spec < k.Spec:
		if l.Spec == 0 {
			j.mark(l, MarkSpec, line.Seq)
		}
	case k.Key.Compare(o.Key) >= 0:
		if l.Newer == 0 {
			j.mark(l, MarkNewer, line.Seq)
		}
	default:
		line.Newer = line.Seq
	}
}

// mark changes a line, be it stored or one that this change appends.
func (j *journal) mark(l *Line, field MarkField, at int64) {
	l.set(field, at)
	if l.Seq <= j.old {
		j.out.Marks = append(j.out.Marks, Mark{Seq: l.Seq, Field: field, At: at})
		return
	}
	if i, ok := slices.BinarySearchFunc(j.out.Lines, l.Seq, func(n NewLine, seq int64) int { return cmp.Compare(n.Seq, seq) }); ok {
		j.out.Lines[i].set(field, at)
	}
}

func (l *Line) set(field MarkField, at int64) {
	switch field {
	case MarkGone:
		l.Gone = at
	case MarkNewer:
		l.Newer = at
	case MarkSpec:
		l.Spec = at
	}
}
