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

// revive appends again what a deletion brings back into the view of readers.
func (j *journal) revive(id ObjectID) {
	back := hiddenFirst(j.known[id], j.creators[id])
	for _, b := range back {
		j.mark(&j.known[id][b.at].Lines[b.line], MarkGone, j.head)
	}
	for _, b := range back {
		j.enter(id, b.at, b.source)
	}
}

// revived is a line that is to be appended again.
type revived struct {
	at, line int // in known, and among its lines
	seq      int64
	source   string
}

// hiddenFirst finds the lines of an object that readers ought to get, and that are hidden
// behind what is gone: the newest version that its holder has of a specification, and the
// whole of a specification when nothing of a later one is left. They come by position.
func hiddenFirst(known []Known, creator string) []revived {
	holder := holderOf(known, creator)
	latest := Spec(0)
	newest := map[Spec]*Line{}
	keys := map[Spec]StampKey{}
	var live []revived
	for i := range known {
		k := &known[i]
		for n := range k.Lines {
			l := &k.Lines[n]
			if !l.Live() {
				continue
			}
			live = append(live, revived{i, n, l.Seq, l.Source})
			if l.Source != holder {
				continue
			}
			latest = max(latest, k.Spec)
			if c := k.Key.Compare(keys[k.Spec]); newest[k.Spec] == nil || c > 0 || c == 0 && l.Seq > newest[k.Spec].Seq {
				newest[k.Spec], keys[k.Spec] = l, k.Key
			}
		}
	}
	var out []revived
	for _, r := range live {
		l, spec := &known[r.at].Lines[r.line], known[r.at].Spec
		if r.source == holder && (l.Newer != 0 && l == newest[spec] || l.Spec != 0 && spec == latest) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b revived) int { return cmp.Compare(a.seq, b.seq) })
	return out
}
