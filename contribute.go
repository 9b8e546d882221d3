package entente

import (
	"cmp"
	"slices"
)

// contributor is the feed of the agreement that a partner's command comes through, by its
// home collection; or the error for who may not contribute to it.
func (f Facts) contributor(collection string) (*ReleaseFeed, error) {
	a, feed, err := f.throughDoor(collection)
	switch {
	case err != nil:
		return nil, err
	case !a.CanWrite:
		return nil, Errorf(Forbidden, "this account may not write to the collection")
	}
	return feed, nil
}

// throughDoor finds the feed that a command comes through and what the actor may do with it.
func (f Facts) throughDoor(collection string) (Access, *ReleaseFeed, error) {
	if f.Through == nil {
		return Access{}, nil, errNoRoot()
	}
	if err := f.Through.Door(f.Actor, f.Home.ID, f.Now); err != nil {
		return Access{}, nil, err
	}
	i := slices.IndexFunc(f.Through.Feeds, func(r ReleaseFeed) bool { return r.Collection == collection })
	if i < 0 || f.Collection == nil || !f.Through.Terms.Covers(collection) {
		return Access{}, nil, errNoCollection()
	}
	feed := &f.Through.Feeds[i]
	return f.Through.Access(f.Actor, f.Home.ID, *feed, *f.Collection, f.Gaps), feed, nil
}

// contribute takes in one version from a partner. What is answered rests on nothing but what
// the partner itself submitted and deleted: not on what others hold, nor on what became of
// its submissions here.
//
// Design: docs/design/016-partners-taxii.md.
func (j *journal) contribute(v *Version, source string) Result {
	res := Result{ID: v.ID, Version: v.Stamp().Text, Digest: v.Digest}
	own, ok := j.own[v.ID]
	if !ok {
		own = ownView(j.known[v.ID], source, j.leftBy)
	}
	if deletedBy(own, v, source) || erased(j.known[v.ID], v.Digest) && suppliedOnce(j.known[v.ID], v.Digest, source) {
		res.Outcome = Deleted
		return res
	}
	if find(own, v.Digest) >= 0 {
		res.Outcome = Unchanged
	} else {
		for _, k := range own { // as they came from this source
			if k.versioned() && k.Spec == v.Spec && k.Key == v.Key() {
				res.Outcome, res.Current = Contested, k.Digest
				break
			}
		}
	}
	own = j.takeOwn(own, v, source)
	if j.own == nil {
		j.own = map[ObjectID][]Known{}
	}
	j.own[v.ID] = own
	res.Breaches = Breaches(own, find(own, v.Digest), res.Outcome != Unchanged)
	return res
}

// takeOwn takes in a version, and gives what its source then knows of the object. That is
// not worked out anew where nothing but the version came: an object may have thousands.
func (j *journal) takeOwn(own []Known, v *Version, source string) []Known {
	before := len(j.out.Lines)
	at, _, _ := j.take(v, source)
	k := j.known[v.ID][at]
	i := find(own, v.Digest)
	switch {
	case len(j.out.Lines) == before && i >= 0:
		own[i].Versioning, own[i].CreatedBy = k.Versioning, k.CreatedBy
		return own
	case len(j.out.Lines) == before+1 && i < 0 && len(k.Lines) == 1:
		return append(own, ownView([]Known{k}, source, j.leftBy)...)
	}
	return ownView(j.known[v.ID], source, j.leftBy)
}

// ownView is what a source knows of an object: the contents that it submitted, each with
// its last line, by which it stands or was deleted by the source itself, at the position at
// which it first came: what others do moves lines. They come in that order. What somebody else
// deleted (the object's creator may) is as if it had never been submitted. LeftBy is
// [Facts.LeftBy].
func ownView(known []Known, source string, leftBy map[int64]string) []Known {
	var out []Known
	for _, k := range known {
		last, first := Line{}, int64(0)
		for _, l := range k.Lines {
			if l.Source != source {
				continue
			}
			if first == 0 || l.Seq < first {
				first = l.Seq
			}
			if l.Seq > last.Seq {
				last = l
			}
		}
		if last.Seq == 0 || last.Gone != 0 && leftBy[last.Gone] != source {
			continue
		}
		last.Seq, last.Newer, last.Spec, last.Rival = first, 0, 0, 0
		k.Lines = []Line{last}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Known) int { return cmp.Compare(a.Lines[0].Seq, b.Lines[0].Seq) })
	return out
}

// Compared lists the contents whose [Known.Versioning] the decision about a Submit needs.
func (f Facts) Compared(c Submit) []int64 {
	if c.Through == "" {
		return c.Compared(f.Known)
	}
	own := map[ObjectID][]Known{}
	for id, known := range f.Known {
		if view := ownView(known, f.Actor.Account.Organisation, f.LeftBy); len(view) > 0 {
			own[id] = view
		}
	}
	return c.Compared(own)
}

// decideDeleteThrough takes out of the accept log what a partner submitted itself, released
// or not. Versions are named as the partner knows them: what has no moment of its own goes by
// the time at which its feed shows it, and has no name while it does not. Of what others
// supplied the partner is told only if it sees it.
func decideDeleteThrough(c DeleteObject, f Facts) (Change, error) {
	a, feed, err := f.throughDoor(c.Collection)
	if err != nil {
		return Change{}, err
	}
	if !a.CanRead || !a.CanWrite {
		return Change{}, errDelete()
	}
	shown := feed.shown(f.Shown, f.Gaps)
	j := newJournal(f)
	source := f.Actor.Account.Organisation
	own := ownView(j.known[c.Object], source, f.LeftBy)
	var standing []Known
	for i, k := range own {
		l := &k.Lines[0]
		if l.Gone != 0 {
			continue
		}
		l.Added = Unversioned + 1 + int64(i) // no time that anybody could name
		for _, s := range shown {
			if s.Content == k.Content || f.Originals[s.Lines[0].Seq] == k.Content {
				l.Added = s.Lines[0].Added
			}
		}
		standing = append(standing, k)
	}
	groups := selectVersions(standing, c.Versions, c.Specs)
	if len(groups) == 0 {
		if len(selectVersions(shown, c.Versions, c.Specs)) > 0 {
			return Change{}, Errorf(Forbidden, "another organisation supplied this, and only that one deletes it")
		}
		return Change{}, Errorf(NotFound, "there is no such object or version in the collection")
	}
	j.findCreator(c.Object, "", "")
	var lines []*Line
	for i := range standing {
		if !slices.Contains(groups, versionOf(&standing[i], standing[i].Lines[0])) {
			continue
		}
		of := &j.known[c.Object][slices.IndexFunc(j.known[c.Object], func(k Known) bool { return k.Content == standing[i].Content })]
		for n := range of.Lines {
			if l := &of.Lines[n]; l.Source == source && l.Gone == 0 {
				lines = append(lines, l)
			}
		}
	}
	j.out.Batch = Batch{Account: f.Actor.Account.ID, Via: f.Through.Num}
	return j.delete(c.Object, lines, len(groups), f.Collection.LastAdded), nil
}

// shown leaves of what a feed has of an object what its readers see: one line of each content.
func (f *ReleaseFeed) shown(known []Known, gaps []Gap) []Known {
	var out []Known
	for _, k := range known {
		for _, l := range k.Lines {
			if l.Seq > f.Head || l.Rival != 0 || l.Gone != 0 && l.Gone <= f.Head || inGap(gaps, l.Seq) {
				continue
			}
			l.Gone = 0 // what is staged beyond the head has not happened yet
			k.Lines = []Line{l}
			out = append(out, k)
			break
		}
	}
	return out
}
