package entente

// decideSubmit appends to the accept log what this source had not submitted before.
//
// Per object and specification the newest version is the one that readers get by
// default. Of two contents for one version the one that came first stays, and the other
// is kept beside it as contested: a version never changes. An object without a moment of
// its own (most observables) has no versions to contest; its latest new contents replace.
// A version that the source had deleted stays deleted, unless the command says otherwise:
// nobody wants last week's file to bring back what was taken out this week.
func decideSubmit(c Submit, f Facts) (Change, error) {
	if err := MaySubmit(c, f); err != nil {
		return Change{}, err
	}
	j := newJournal(f)
	j.out.Batch.Account = f.Actor.Account.ID
	j.out.Receipt.Results = make([]Result, len(c.Versions))
	for i, v := range c.Versions {
		if c.Through == "" {
			j.out.Receipt.Results[i] = j.submit(v, f.Home.ID, c.Undelete)
		} else {
			j.out.Batch.Via = f.Through.Num
			j.out.Receipt.Results[i] = j.contribute(v, f.Actor.Account.Organisation)
		}
	}
	return j.change(), nil
}

// MaySubmit tells whether the actor may submit to the collection at all, by the facts
// about the two and the agreement alone: before a long input is read.
func MaySubmit(c Submit, f Facts) error {
	f.Actor.At = f.Now
	if c.Through != "" {
		_, err := f.contributor(c.Collection)
		return err
	}
	a, err := access(f)
	switch {
	case err != nil:
		return err
	case a.Shut:
		return errShut()
	case !a.CanWrite:
		return Errorf(Forbidden, "this account may not write to the collection")
	}
	return nil
}

// submit takes in one version from home.
func (j *journal) submit(v *Version, source string, undelete bool) Result {
	if erased(j.known[v.ID], v.Digest) { // what two people erased comes back by no undelete
		return Result{ID: v.ID, Version: v.Stamp().Text, Digest: v.Digest, Outcome: Erased}
	}
	if !undelete && deletedBy(j.known[v.ID], v, source) {
		return Result{ID: v.ID, Version: v.Stamp().Text, Digest: v.Digest, Outcome: Deleted}
	}
	at, line, held := j.take(v, source)
	known := j.known[v.ID]
	res := Result{ID: v.ID, Version: v.Stamp().Text, Digest: v.Digest, Outcome: Unchanged}
	if !held {
		res.Outcome = Added
	}
	res.Breaches = Breaches(known, at, !held)
	if res.Version == "" {
		res.Version = FormatMicros(line.Added)
	}
	if line.Rival != 0 {
		if current := contentsAt(known, line.Rival); current != v.Digest {
			res.Current = current
			if !held {
				res.Outcome = Contested
			}
		}
	}
	return res
}

// take appends a line for a version, unless one from the source stands: held. It gives the
// line, and which of the known contents it carries.
func (j *journal) take(v *Version, source string) (at int, line Line, held bool) {
	known := j.known[v.ID]
	if at = find(known, v.Digest); at < 0 {
		at = len(known)
		known = append(known, Known{Content: j.next, Digest: v.Digest, Spec: v.Spec, Key: v.Key()})
		j.known[v.ID] = known
		j.out.Contents = append(j.out.Contents, NewContent{Content: j.next, Version: v})
		j.next++
	}
	known[at].Versioning, known[at].CreatedBy = v.Versioning(), v.CreatedBy
	if line, held = heldFrom(known[at].Lines, source); !held && known[at].Erased {
		line = j.conceal(v.ID, at, source)
		j.out.Said = append(j.out.Said, SaidOf{known[at].Content, *v.Versioning()})
	} else if !held {
		j.findCreator(v.ID, source, v.CreatedBy)
		line = j.enter(v.ID, at, source)
		if len(j.owners) > 0 {
			// Who made the object may be known only now; then what it supplied comes to light.
			j.head++
			if !j.uncover(v.ID) {
				j.head--
			}
		}
	}
	return at, line, held
}

func find(known []Known, d Digest) int {
	for i := range known {
		if known[i].Digest == d {
			return i
		}
	}
	return -1
}

// deletedBy tells that a source had this version and deleted it: lines of its own are
// there, and none of them stands any more.
func deletedBy(known []Known, v *Version, source string) bool {
	deleted := false
	for i := range known {
		k := &known[i]
		same := k.Digest == v.Digest || k.Spec == v.Spec && k.Key == v.Key() && k.Key.Micros != Unversioned
		for _, l := range k.Lines {
			if same && l.Source == source {
				if l.Gone == 0 {
					return false
				}
				deleted = true
			}
		}
	}
	return deleted
}

// heldFrom finds the line by which a source's submission stands.
func heldFrom(lines []Line, source string) (Line, bool) {
	for _, l := range lines {
		if l.Source == source && l.Gone == 0 {
			return l, true
		}
	}
	return Line{}, false
}

// contentsAt finds what the line at a position carries.
func contentsAt(known []Known, seq int64) Digest {
	for _, k := range known {
		for _, l := range k.Lines {
			if l.Seq == seq {
				return k.Digest
			}
		}
	}
	return Digest{}
}
