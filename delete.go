package entente

import "slices"

// decideDelete takes versions of an object out of a collection (TAXII 2.1 §5.7).
// Without a version filter every version goes. Where an older version thereby becomes
// the one that readers get, it is appended again, so that incremental readers see it.
func decideDelete(c DeleteObject, f Facts) (Change, error) {
	a, err := access(f)
	if err != nil {
		return Change{}, err
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

// versionName tells versions of one object apart. A version without a moment of its own
// goes by the time at which it was added, as TAXII names it.
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

// selectVersions names the live versions that a filter hits, each once.
func selectVersions(known []Known, vf VersionFilter, specs []Spec) []versionName {
	var live []versionName
	for i := range known {
		for _, l := range known[i].Lines {
			if l.Live() && (len(specs) == 0 || slices.Contains(specs, known[i].Spec)) {
				live = append(live, versionOf(&known[i], l))
			}
		}
	}
	slices.SortFunc(live, func(a, b versionName) int {
		if a.spec != b.spec {
			return int(a.spec) - int(b.spec)
		}
		return a.key.Compare(b.key)
	})
	if vf.All || (!vf.First && !vf.Last && len(vf.Exact) == 0) {
		return live
	}
	var hit []versionName
	for i, v := range live {
		first := i == 0 || live[i-1].spec != v.spec
		last := i == len(live)-1 || live[i+1].spec != v.spec
		exact := slices.ContainsFunc(vf.Exact, func(in Instant) bool {
			return v.key == StampKey{Micros: in.Micros, Rest: in.Rest}
		})
		if vf.First && first || vf.Last && last || exact {
			hit = append(hit, v)
		}
	}
	return hit
}

// revive appends again what a deletion brings back into the view of readers: the newest
// version that is left of a specification, and the whole of a specification when nothing
// of a later one is left.
func (j *journal) revive(id ObjectID) {
	known := j.known[id]
	newest := map[Spec]versionName{}
	latest := Spec(0)
	j.live(known, func(k *Known, l *Line) {
		v := versionOf(k, *l)
		if best, ok := newest[k.Spec]; !ok || v.key.Compare(best.key) > 0 {
			newest[k.Spec] = v
		}
		latest = max(latest, k.Spec)
	})
	type again struct {
		at  int
		old Line
	}
	var back []again
	for i := range known {
		for _, l := range known[i].Lines {
			v := versionOf(&known[i], l)
			if l.Live() && (l.Newer != 0 && v == newest[v.spec] || l.Spec != 0 && v.spec == latest) {
				back = append(back, again{i, l})
			}
		}
	}
	slices.SortFunc(back, func(a, b again) int { return int(a.old.Seq - b.old.Seq) })
	gone := j.head
	for _, b := range back {
		for n := range known[b.at].Lines {
			if l := &known[b.at].Lines[n]; l.Seq == b.old.Seq {
				j.mark(l, MarkGone, gone)
			}
		}
	}
	for _, b := range back {
		j.enter(id, b.at, b.old.Source)
	}
}
