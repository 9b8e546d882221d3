package entente

import (
	"cmp"
	"slices"
)

// decideDelete takes versions of an object out of a collection (TAXII 2.1 §5.7).
// Without a version filter every version goes. Where an older version thereby becomes
// the one that readers get, it is appended again, so that incremental readers see it.
//
// Home deletes what home supplied, and all that there is of an object that home made. What
// only partners supplied they delete themselves.
func decideDelete(c DeleteObject, f Facts) (Change, error) {
	if c.Through != "" {
		return decideDeleteThrough(c, f)
	}
	a, err := access(f)
	if err != nil {
		return Change{}, err
	}
	if a.Shut {
		return Change{}, errShut()
	}
	if !a.CanRead || !a.CanWrite {
		return Change{}, errDelete()
	}
	j := newJournal(f)
	j.findCreator(c.Object, "", "")
	known := j.known[c.Object]
	groups := selectVersions(known, c.Versions, c.Specs)
	if len(groups) == 0 {
		return Change{}, Errorf(NotFound, "there is no such object or version in the collection")
	}
	var lines []*Line
	var names []versionName
	for i := range known {
		for n := range known[i].Lines {
			l := &known[i].Lines[n]
			name := versionOf(&known[i], *l)
			if l.Gone == 0 && slices.Contains(groups, name) && (l.Source == f.Home.ID || j.creators[c.Object] == f.Home.ID) {
				lines = append(lines, l)
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	if len(lines) == 0 {
		return Change{}, Errorf(Forbidden, "a partner supplied this, and only the partner deletes it; to take it out of what partners get, a releaser says: entente restrict %s --withdraw", c.Object)
	}
	j.out.Batch.Account = f.Actor.Account.ID
	return j.delete(c.Object, lines, len(names), f.Collection.LastAdded), nil
}

func errDelete() error {
	return Errorf(Forbidden, "deleting needs the right to read and to write the collection")
}

// delete takes lines of an object out of the feed, which hold so many versions.
func (j *journal) delete(id ObjectID, lines []*Line, versions int, lastAdded int64) Change {
	j.head++
	for _, l := range lines {
		j.mark(l, MarkGone, j.head)
	}
	j.revive(id)
	j.out.Receipt.Deleted = versions
	ch := j.change()
	ch.Added = lastAdded
	if n := len(ch.Lines); n > 0 {
		ch.Added = ch.Lines[n-1].Added
	}
	return ch
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

// revive appends again what a deletion brings back into the view of readers: first what
// takes a place that nobody holds any more, then what was hidden behind what is gone.
func (j *journal) revive(id ObjectID) {
	back := heirs(j.known[id], j.creators[id])
	j.again(id, back)
	if len(back) == 0 {
		j.uncover(id)
		return
	}
	j.head++ // a departure has a position of its own
	if !j.uncover(id) {
		j.head--
	}
}

// uncover appends again what readers ought to get and is hidden. It tells whether anything is.
func (j *journal) uncover(id ObjectID) bool {
	back := hiddenFirst(j.known[id], j.creators[id])
	if len(back) == 0 {
		return false
	}
	j.reviving = back[0].source
	j.again(id, back)
	j.reviving = ""
	return true
}

// again appends lines of an object anew.
func (j *journal) again(id ObjectID, back []revived) {
	for _, b := range back {
		j.mark(&j.known[id][b.at].Lines[b.line], MarkGone, j.head)
	}
	for _, b := range back {
		j.enter(id, b.at, b.source)
		j.out.Lines[len(j.out.Lines)-1].Before = b.seq
		if batch, ok := j.batches[b.seq]; ok {
			j.out.Lines[len(j.out.Lines)-1].Batch = &batch
		}
	}
}

// heirs finds, for each version whose place no line holds, the line that takes it: of those
// that stand and were never shown, one of the creator's, else the one that came first.
func heirs(known []Known, creator string) []revived {
	type version struct {
		spec   Spec
		key    StampKey
		digest Digest // of what has no moment of its own
	}
	held := map[version]bool{}
	best := map[version]revived{}
	for i := range known {
		k := &known[i]
		of := version{spec: k.Spec, key: k.Key}
		if k.Key.Micros == Unversioned {
			of.digest = k.Digest
		}
		for n := range k.Lines {
			l := &k.Lines[n]
			r := revived{i, n, l.Seq, l.Source}
			if l.Gone != 0 {
				continue
			}
			if l.Rival == 0 {
				held[of] = true
				continue
			}
			if l.concealed() {
				continue
			}
			b, ok := best[of]
			mine, others := creator != "" && r.source == creator, creator != "" && b.source == creator
			if !ok || mine && !others || mine == others && r.seq < b.seq {
				best[of] = r
			}
		}
	}
	var out []revived
	for of, r := range best {
		if !held[of] {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b revived) int { return cmp.Compare(a.seq, b.seq) })
	return out
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
