package entente

// decideSubmit appends to the accept log what this source had not submitted before.
//
// Per object and specification the newest version is the one that readers get by
// default. Of two contents for one version the one that came first stays, and the other
// is kept beside it as contested: a version never changes. An object without a moment of
// its own (most observables) has no versions to contest; its latest new contents replace.
func decideSubmit(c Submit, f Facts) (Change, error) {
	a, err := access(f)
	if err != nil {
		return Change{}, err
	}
	if !a.CanWrite {
		return Change{}, Errorf(Forbidden, "this account may not write to the collection")
	}
	j := newJournal(f)
	j.out.Receipt.Results = make([]Result, len(c.Versions))
	for i, v := range c.Versions {
		j.out.Receipt.Results[i] = j.submit(v, f.Home.ID)
	}
	return j.change(), nil
}

// submit takes in one version from one source.
func (j *journal) submit(v *Version, source string) Result {
	known := j.known[v.ID]
	at := find(known, v.Digest)
	if at < 0 {
		at = len(known)
		known = append(known, Known{Content: j.next, Digest: v.Digest, Spec: v.Spec, Key: v.Key()})
		j.known[v.ID] = known
		j.out.Contents = append(j.out.Contents, NewContent{Content: j.next, Version: v})
		j.next++
	}
	res := Result{ID: v.ID, Version: v.Stamp().Text, Digest: v.Digest, Outcome: Unchanged}
	line, held := heldFrom(known[at].Lines, source)
	if !held {
		line = j.enter(v.ID, at, source)
		res.Outcome = Added
	}
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

func find(known []Known, d Digest) int {
	for i := range known {
		if known[i].Digest == d {
			return i
		}
	}
	return -1
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
