package entente

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// StateFault is something that the state of a line says and that cannot be.
type StateFault struct {
	Seq  int64 // the line's position
	Text string
}

// CheckStates holds the states of an object's lines in one feed against the rules. It
// lets the lines come in again, in their order and with the departures that they tell of,
// and what the rules then say of each must be what is stored. Known holds every content of
// the object that the feed carries, with its lines; head is the feed's.
func CheckStates(id ObjectID, known []Known, head int64) []StateFault {
	var out []StateFault
	add := func(l Line, format string, args ...any) {
		out = append(out, StateFault{l.Seq, fmt.Sprintf(format, args...)})
	}
	known = slices.Clone(known)
	for i := range known { // what was never shown says nothing of other lines
		k := &known[i]
		shown := slices.DeleteFunc(slices.Clone(k.Lines), Line.concealed)
		if len(shown) < len(k.Lines) && !k.Erased {
			add(k.Lines[0], "a line of its contents is concealed as if they were erased, and they were not")
		}
		k.Lines = shown
	}
	if several(known) {
		return append(out, checkSources(known, head)...)
	}
	again := replay(id, known)
	for _, k := range known {
		for _, l := range k.Lines {
			want := again[l.Seq]
			if l.Gone != 0 && (l.Gone <= l.Seq || l.Gone > head) {
				add(l, "gone from position %d on, which is not between its own and the head %d", l.Gone, head)
			}
			for _, f := range []struct {
				name      string
				has, want int64
			}{{"newer", l.Newer, want.Newer}, {"later", l.Spec, want.Spec}, {"rival", l.Rival, want.Rival}} {
				if f.has != f.want {
					add(l, "%s is %d, and the rules say %d", f.name, f.has, f.want)
				}
			}
		}
	}
	return append(out, checkView(known)...)
}

// several tells that lines have more than one source. What was then put behind what rests on
// who made the object, as it was known when each line came in: lines do not tell that, so
// they are not replayed.
func several(known []Known) bool {
	first := ""
	for _, k := range known {
		for _, l := range k.Lines {
			if first != "" && l.Source != first {
				return true
			}
			first = l.Source
		}
	}
	return false
}

// checkSources holds the lines of an object that several sources supplied against what must
// be so whoever made it: each version that stands is shown once, and by default readers get
// the versions of one source.
func checkSources(known []Known, head int64) []StateFault {
	var out []StateFault
	type place struct {
		spec   Spec
		key    StampKey
		digest Digest
	}
	held, waiting := map[place]int64{}, map[place]int64{}
	first, last := map[Spec]Line{}, Line{} // what readers get by default
	for _, k := range known {
		at := place{spec: k.Spec, key: k.Key}
		if k.Key.Micros == Unversioned {
			at.digest = k.Digest
		}
		for _, l := range k.Lines {
			switch {
			case l.Gone != 0:
				if l.Gone <= l.Seq || l.Gone > head {
					out = append(out, StateFault{l.Seq, fmt.Sprintf("gone from position %d on, which is not between its own and the head %d", l.Gone, head)})
				}
				continue
			case l.Rival != 0:
				waiting[at] = l.Seq
				continue
			case held[at] != 0:
				out = append(out, StateFault{l.Seq, "two contents of its version are shown"})
			}
			held[at], last = l.Seq, l
			if l.Newer != 0 {
				continue
			}
			if o, ok := first[k.Spec]; ok {
				out = append(out, StateFault{l.Seq, fmt.Sprintf("it and line %d are both shown as the newest", o.Seq)})
			}
			first[k.Spec] = l
		}
	}
	for at, seq := range waiting {
		if held[at] == 0 {
			out = append(out, StateFault{seq, "it is held back for another content of its version, and none is shown"})
		}
	}
	if last.Seq != 0 && len(first) == 0 {
		out = append(out, StateFault{last.Seq, "it is hidden behind a newer version, and none is shown"})
	}
	return out
}

// replay gives each line, by its position, the state that the rules come to.
func replay(id ObjectID, known []Known) map[int64]Line {
	type entry struct {
		at   int // in known
		line Line
	}
	var lines []entry
	// Every line counts as stored, so that the journal looks for none among its new ones.
	j := &journal{known: map[ObjectID][]Known{id: slices.Clone(known)}, old: math.MaxInt64}
	for at, k := range known {
		j.known[id][at].Lines = nil
		for _, l := range k.Lines {
			lines = append(lines, entry{at, l})
		}
	}
	slices.SortStableFunc(lines, func(a, b entry) int { return cmp.Compare(a.line.Seq, b.line.Seq) })
	gone := map[int64]int64{}
	for _, e := range lines {
		j.live(j.known[id], func(_ *Known, l *Line) {
			if g := gone[l.Seq]; g != 0 && g < e.line.Seq {
				l.Gone = g
			}
		})
		gone[e.line.Seq] = e.line.Gone
		j.head = e.line.Seq - 1
		j.enter(id, e.at, e.line.Source)
	}
	out := map[int64]Line{}
	for _, k := range j.known[id] {
		for _, l := range k.Lines {
			out[l.Seq] = l
		}
	}
	return out
}

// checkView looks at what readers see now: where a newer version is gone, what was behind
// it must have come in again, and a contest needs the line that won it.
func checkView(known []Known) []StateFault {
	var out []StateFault
	live := liveVersions(known)
	for _, k := range known {
		for _, l := range k.Lines {
			if l.Gone != 0 {
				continue
			}
			var newer, later, winner bool
			for _, v := range live {
				other := v.seq != l.Seq && v.name.spec == k.Spec
				c := k.Key.Compare(v.key)
				newer = newer || other && (c < 0 || c == 0 && l.Seq < v.seq)
				later = later || v.name.spec > k.Spec
				winner = winner || other && c == 0
			}
			switch {
			case l.Rival != 0 && !winner && k.Key.Micros != Unversioned:
				out = append(out, StateFault{l.Seq, "it is held back for another content of its version, and none is shown"})
			case l.Rival == 0 && winner && k.Key.Micros != Unversioned:
				out = append(out, StateFault{l.Seq, "two contents of its version are shown"})
			case l.Rival == 0 && l.Newer != 0 && !newer:
				out = append(out, StateFault{l.Seq, "it is hidden behind a newer version, and none is shown"})
			case l.Rival == 0 && l.Spec != 0 && !later:
				out = append(out, StateFault{l.Seq, "it is hidden behind a version of a later specification, and none is shown"})
			}
		}
	}
	return out
}
