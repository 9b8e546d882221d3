package entente

import "cmp"

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
}

func newJournal(f Facts) *journal {
	j := &journal{
		out: Change{Feed: f.Collection.Feed}, known: f.Known, now: f.Now,
		old: f.Collection.Head, head: f.Collection.Head, added: f.Collection.LastAdded, next: f.NextContent,
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
		j.live(known, func(o *Known, l *Line) { j.order(o, l, k, &line) })
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
	// New lines follow one another without gaps, so the position tells the index.
	j.out.Lines[l.Seq-j.out.Lines[0].Seq].set(field, at)
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
