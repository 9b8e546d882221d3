package entente

import (
	"cmp"
	"slices"
)

// decideDelete takes versions of an object out of a collection (TAXII 2.1 §5.7).
// Without a version filter every version goes. Where an older version thereby becomes
// the one that readers get, it is appended again, so that incremental readers see it.
func decideDelete(c DeleteObject, f Facts) (Change, error) {
	a, err := access(f)
	if err != nil {
		return Change{}, err
	}
	if a.Shut {
		return Change{}, errShut()
	}
	if !a.CanRead || !a.CanWrite {
		return Change{}, Errorf(Forbidden, "deleting needs the right to read and to write the collection")
	}
	j := newJournal(f)
	known := j.known[c.Object]
	groups := selectVersions(known, c.Versions, c.Specs)
	if len(groups) == 0 {
		return Change{}, Errorf(NotFound, "there is no such object or version in the collection")
	}
	j.head++
	gone := j.head
	for i := range known {
		for n := range known[i].Lines {
			l := &known[i].Lines[n]
			if l.Gone == 0 && slices.Contains(groups, versionOf(&known[i], *l)) {
				j.mark(l, MarkGone, gone)
			}
		}
	}
	j.revive(c.Object)
	j.out.Receipt.Deleted = len(groups)
	ch := j.change()
	ch.Added = f.Collection.LastAdded
	if n := len(ch.Lines); n > 0 {
		ch.Added = ch.Lines[n-1].Added
	}
	return ch, nil
}

// versionName is what TAXII names a version by. One without a moment of its own goes by
// the time at which it was added.
type versionName struct {
	spec Spec
	key  StampKey
}

func versionOf(k *Known, l Line) versionName {
	if k.Key.Micros == Unversioned {
		return versionName{k.Spec, StampKey{Micros: l.Added}}
	}
	return versionName{k.Spec, k.Key}
}

// liveVersion is a version that readers see, with what orders it: per specification by
// moment, and those without one before all others, as they came.
type liveVersion struct {
	name versionName
	key  StampKey
	seq  int64
}

// liveVersions lists what readers see of an object, oldest first per specification.
func liveVersions(known []Known) []liveVersion {
	var out []liveVersion
	for i := range known {
		k := &known[i]
		for _, l := range k.Lines {
			if l.Live() {
				out = append(out, liveVersion{versionOf(k, l), k.Key, l.Seq})
			}
		}
	}
	slices.SortFunc(out, func(a, b liveVersion) int {
		return cmp.Or(cmp.Compare(a.name.spec, b.name.spec), a.key.Compare(b.key), cmp.Compare(a.seq, b.seq))
	})
	return out
}

// selectVersions names the live versions that a filter hits.
func selectVersions(known []Known, vf VersionFilter, specs []Spec) []versionName {
	live := liveVersions(known)
	all := vf.All || (!vf.First && !vf.Last && len(vf.Exact) == 0)
	var hit []versionName
	for i, v := range live {
		if len(specs) > 0 && !slices.Contains(specs, v.name.spec) {
			continue
		}
		first := i == 0 || live[i-1].name.spec != v.name.spec
		last := i == len(live)-1 || live[i+1].name.spec != v.name.spec
		exact := slices.ContainsFunc(vf.Exact, func(in Instant) bool {
			return v.name.key == StampKey{Micros: in.Micros, Rest: in.Rest}
		})
		if all || vf.First && first || vf.Last && last || exact {
			hit = append(hit, v.name)
		}
	}
	return hit
}

// revive appends again what a deletion brings back into the view of readers: the newest
// version that is left of a specification, and the whole of a specification when nothing
// of a later one is left.
func (j *journal) revive(id ObjectID) {
	known := j.known[id]
	live := liveVersions(known)
	newest := map[Spec]int64{}
	latest := Spec(0)
	for _, v := range live {
		newest[v.name.spec] = v.seq
		latest = max(latest, v.name.spec)
	}
	type again struct {
		at  int
		old Line
	}
	var back []again
	for i := range known {
		for n := range known[i].Lines {
			l := &known[i].Lines[n]
			spec := known[i].Spec
			if l.Live() && (l.Newer != 0 && l.Seq == newest[spec] || l.Spec != 0 && spec == latest) {
				back = append(back, again{i, *l})
				j.mark(l, MarkGone, j.head)
			}
		}
	}
	slices.SortFunc(back, func(a, b again) int { return cmp.Compare(a.old.Seq, b.old.Seq) })
	for _, b := range back {
		j.enter(id, b.at, b.old.Source)
	}
}
