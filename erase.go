package entente

import (
	"cmp"
	"slices"
)

// Erasure is the removal of the bytes of some versions of an object under a legal basis: one
// person proposes it, a second confirms it. That there were such versions, and who decided
// that their bytes go, stays.
//
// Design: docs/design/018-preserve-erase.md.
type Erasure struct {
	ID       string   // UUID
	Object   ObjectID // "" where it is about an event
	Event    string   // id of the event of the ledger that it is about, "" for none
	Versions []ErasedVersion
	All      bool   // it is meant to be about all that is held of the object
	Basis    string // the legal basis
	Case     string // the reference of the case
	Reason   string
	By       string // id of the account that proposed it
	Role     Role
	At       int64 // microseconds since 1970

	ConfirmedBy   string // id of the second account
	ConfirmReason string // may be ""
	Confirmed     int64  // when; from then on no reader gets it. 0 while it is proposed
	Removed       int64  // when the bytes went out of the contents, 0 before
	Cleared       int64  // when they were out of the indexes too, 0 before
}

// ErasedVersion names a version that an [Erasure] is about.
type ErasedVersion struct {
	Digest Digest
	Stamp  string // the version as TAXII names it
}

// State is "proposed", "confirmed" (out of every feed, the bytes are still there), "removed"
// (the bytes are gone, the indexes follow) or "erased".
func (e Erasure) State() string {
	switch {
	case e.Confirmed == 0:
		return "proposed"
	case e.Removed == 0:
		return "confirmed"
	case e.Cleared == 0:
		return "removed"
	}
	return "erased"
}

// ProposeErasure is the first of the two words that erase. It changes nothing that is read.
type ProposeErasure struct {
	Object  ObjectID
	Event   string   // id of an event of the ledger, where it is about that and no object
	Digests []Digest // the versions, where not All
	All     bool     // all that are held now
	Basis   string
	Case    string
	Reason  string
}

// ConfirmErasure is the second word, of another person. The versions leave every collection
// and every release feed, and what refers to them in the feeds leaves with them.
type ConfirmErasure struct {
	Why
	Erasure string // id
}

// RemoveBytes takes the bytes of a confirmed erasure out of the contents, once no reader can be
// sent them. The node gives it to itself.
type RemoveBytes struct {
	Erasure string // id
}

// NoteCleared notes that the bytes of an erasure are out of the indexes. The node gives it to itself.
type NoteCleared struct {
	Erasure string // id
}

func (ProposeErasure) command() {}
func (ConfirmErasure) command() {}
func (RemoveBytes) command()    {}
func (NoteCleared) command()    {}

// concealed tells that the line was never shown and never will be: its bytes had been erased
// before its source submitted them.
func (l Line) concealed() bool { return l.Rival == l.Seq && l.Seq != 0 }

// conceal appends a line for bytes that were erased. The source is answered as if they had
// come in, since it must not learn from the answer what others held; they are not stored, and
// the line is never shown.
func (j *journal) conceal(id ObjectID, at int, source string) Line {
	k := &j.known[id][at]
	j.head++
	j.added = max(j.now, j.added+1)
	line := Line{Seq: j.head, Content: k.Content, Source: source, Added: j.added, Rival: j.head}
	k.Lines = append(k.Lines, line)
	j.out.Lines = append(j.out.Lines, NewLine{Line: line, Type: id.Type(), Of: k.Spec})
	return line
}

// erased tells that the bytes of a version had been held, and were erased.
func erased(known []Known, d Digest) bool {
	at := find(known, d)
	return at >= 0 && known[at].Erased
}

// suppliedOnce tells that a source had supplied a content and that none of its lines stands.
func suppliedOnce(known []Known, d Digest, source string) bool {
	lines := known[find(known, d)].Lines
	_, stands := heldFrom(lines, source)
	return !stands && slices.ContainsFunc(lines, func(l Line) bool { return l.Source == source })
}

// Submitted tells that a content was submitted, and is no mere stamped copy of one that was.
func (c *KeptContent) Submitted() bool {
	return len(c.Originals) == 0 || slices.ContainsFunc(c.Lines, func(l KeptLine) bool { return l.Log })
}

func decideProposeErasure(c ProposeErasure, f Facts) (Change, error) {
	k, m, err := f.keeping(Erase, f.parties()...)
	if err != nil {
		return Change{}, err
	}
	for _, t := range [][2]string{{"legal basis", c.Basis}, {"reason", c.Reason}} {
		if err := requireText(t[0], t[1], maxDescription); err != nil {
			return Change{}, err
		}
	}
	if err := CheckCase(c.Case); err != nil {
		return Change{}, err
	}
	if c.Event != "" {
		if err := freeEvent(k.Event); err != nil {
			return Change{}, err
		}
		e := Erasure{ID: f.NewID, Event: c.Event, Basis: c.Basis, Case: c.Case, Reason: c.Reason, By: f.Actor.Account.ID, Role: m.Role, At: f.Now}
		return Change{Erasure: &e, Receipt: Receipt{ID: e.ID, Mandate: m}}, nil
	}
	switch {
	case c.All == (len(c.Digests) > 0):
		return Change{}, Errorf(Invalid, "say which versions are erased, or that all are")
	case len(k.Contents) == 0:
		return Change{}, Errorf(NotFound, "the node holds nothing of %s", clip(string(c.Object)))
	}
	if err := k.free(c.Object); err != nil {
		return Change{}, err
	}
	e := Erasure{ID: f.NewID, Object: c.Object, All: c.All, Basis: c.Basis, Case: c.Case, Reason: c.Reason, By: f.Actor.Account.ID, Role: m.Role, At: f.Now}
	for _, d := range c.Digests {
		i := slices.IndexFunc(k.Contents, func(x KeptContent) bool { return x.Digest == d && x.Submitted() })
		switch {
		case i < 0:
			return Change{}, Errorf(NotFound, "the node holds no version of %s with the digest %s", clip(string(c.Object)), d)
		case k.Contents[i].Erased:
			return Change{}, Errorf(Conflict, "the version with the digest %s was erased already", d)
		}
	}
	for _, x := range k.Contents {
		if !x.Erased && x.Submitted() && (c.All || slices.Contains(c.Digests, x.Digest)) {
			e.Versions = append(e.Versions, ErasedVersion{x.Digest, x.Stamp})
		}
	}
	if len(e.Versions) == 0 {
		return Change{}, Errorf(Conflict, "all that was held of %s was erased already", clip(string(c.Object)))
	}
	if x := k.torn(&e); x != nil {
		return Change{}, Errorf(Conflict, "a version that you named is also what partners get of the one with the digest %s, with another marking; name both", x.Digest)
	}
	return Change{Erasure: &e, Receipt: Receipt{ID: e.ID, Mandate: m}}, nil
}

// free refuses what is preserved.
func (k *Keeping) free(id ObjectID) error {
	if p := k.preserved(id); p != nil {
		return Errorf(Conflict, "%s is preserved under the case %q, and is not erased while that holds; two people lift it (entente preserve lift)", clip(string(id)), p.Case)
	}
	return nil
}

// toErase gives the contents of an erasure that have bytes still: those of its versions, and
// the stamped copies of them.
func (k *Keeping) toErase(e *Erasure) map[int64]bool {
	of := map[int64]bool{}
	for _, x := range k.Contents {
		of[x.Content] = slices.ContainsFunc(e.Versions, func(v ErasedVersion) bool { return v.Digest == x.Digest })
	}
	out := map[int64]bool{}
	for _, x := range k.Contents {
		copied := slices.ContainsFunc(x.Originals, func(o int64) bool { return of[o] })
		if !x.Erased && (of[x.Content] || copied) {
			out[x.Content] = true
		}
	}
	return out
}

// torn finds a version that would lose its stamped copy to an erasure which does not name it.
func (k *Keeping) torn(e *Erasure) *KeptContent {
	out := k.toErase(e)
	for _, x := range k.Contents {
		for _, o := range x.Originals {
			i := slices.IndexFunc(k.Contents, func(y KeptContent) bool { return y.Content == o })
			if out[x.Content] && !out[o] && i >= 0 && !k.Contents[i].Erased {
				return &k.Contents[i]
			}
		}
	}
	return nil
}

func decideConfirmErasure(c ConfirmErasure, f Facts) (Change, error) {
	k, m, err := f.keeping(Erase, f.parties()...)
	switch {
	case err != nil:
		return Change{}, err
	case k.Erasure == nil:
		return Change{}, Errorf(NotFound, "there is no such erasure")
	}
	e := *k.Erasure
	switch {
	case e.Confirmed != 0:
		return Change{}, Errorf(Conflict, "that erasure was confirmed at %s", FormatMicros(e.Confirmed))
	case e.By == f.Actor.Account.ID:
		return Change{}, Errorf(Forbidden, "you proposed this erasure; a second person confirms it")
	}
	if e.Event != "" {
		if err := freeEvent(k.Event); err != nil {
			return Change{}, err
		}
		e.Confirmed, e.ConfirmedBy, e.ConfirmReason, e.Removed, e.Cleared = f.Now, f.Actor.Account.ID, c.Reason, f.Now, f.Now
		return Change{Erasure: &e, EraseEvents: []KeptEvent{*k.Event}, Receipt: Receipt{ID: e.ID, Mandate: m}}, nil
	}
	if err := k.free(e.Object); err != nil {
		return Change{}, err
	}
	set := k.toErase(&e)
	for _, x := range k.Contents {
		if e.All && !x.Erased && x.Submitted() && !set[x.Content] {
			return Change{}, Errorf(Conflict, "a version of %s has come in since that erasure of all its versions was proposed; look at it, and propose anew", clip(string(e.Object)))
		}
	}
	if x := k.torn(&e); x != nil {
		return Change{}, Errorf(Conflict, "since this was proposed, a version of it has become what partners get of the one with the digest %s as well; propose anew, and name both", x.Digest)
	}
	e.Confirmed, e.ConfirmedBy, e.ConfirmReason = f.Now, f.Actor.Account.ID, c.Reason
	ch := Change{Erasure: &e, Touch: f.concerned(""), Receipt: Receipt{ID: e.ID, Mandate: m}}
	for _, l := range k.Logs {
		if moved, ok := f.withdrawFrom(l, e.Object, set); ok {
			ch.Logs = append(ch.Logs, moved)
			ch.Receipt.Deleted += moved.Receipt.Deleted
		}
	}
	for content := range set {
		ch.Erasing = append(ch.Erasing, content)
	}
	slices.Sort(ch.Erasing)
	if f.Case != nil {
		ch = f.Case.touch(ch, true)
	}
	return ch, nil
}

// withdrawFrom takes contents of an object out of a collection, whoever supplied them.
func (f Facts) withdrawFrom(l LogFacts, id ObjectID, contents map[int64]bool) (Change, bool) {
	f.Collection, f.Owners, f.Batches = &l.Collection, l.Owners, l.Batches
	f.Known = map[ObjectID][]Known{id: l.Known}
	j := newJournal(f)
	j.findCreator(id, "", "")
	var lines []*Line
	var names []versionName
	known := j.known[id]
	for i := range known {
		for n := range known[i].Lines {
			line := &known[i].Lines[n]
			if line.Gone != 0 || !contents[known[i].Content] {
				continue
			}
			lines = append(lines, line)
			if name := versionOf(&known[i], *line); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(lines) == 0 {
		return Change{}, false
	}
	j.out.Batch.Account = f.Actor.Account.ID
	return j.delete(id, lines, len(names), l.Collection.LastAdded), true
}

// confirmed is the erasure that a command of the node to itself is about.
func (f Facts) confirmed() (*Keeping, Erasure, error) {
	k, _, err := f.keeping(RunNode)
	switch {
	case err != nil:
		return k, Erasure{}, err
	case k.Erasure == nil:
		return k, Erasure{}, Errorf(NotFound, "there is no such erasure")
	case k.Erasure.Confirmed == 0:
		return k, *k.Erasure, Errorf(Conflict, "nobody has confirmed that erasure")
	}
	return k, *k.Erasure, nil
}

func decideRemoveBytes(_ RemoveBytes, f Facts) (Change, error) {
	k, e, err := f.confirmed()
	if err != nil {
		return Change{}, err
	}
	if e.Removed != 0 {
		return Change{}, Errorf(Conflict, "the bytes of that erasure were removed at %s", FormatMicros(e.Removed))
	}
	if err := k.free(e.Object); err != nil { // it came in between
		return Change{}, err
	}
	if k.Working {
		return Change{}, Errorf(Conflict, "an agreement is being changed, and what it judges was read before; the bytes are removed after that")
	}
	set := k.toErase(&e)
	var out []Emptied
	for _, x := range k.Contents {
		leftover := len(x.Lines) == 0 && len(x.Originals) == 0 && !x.Erased // that a change called off left behind
		switch {
		case !set[x.Content] && !leftover:
		case slices.ContainsFunc(x.Lines, KeptLine.served):
			return Change{}, Errorf(Conflict, "some reader may still be sent what is to be erased; the bytes are removed when it has left every feed")
		default:
			out = append(out, Emptied{Content: x.Content, Digest: x.Digest})
		}
	}
	slices.SortFunc(out, func(a, b Emptied) int { return cmp.Compare(a.Content, b.Content) })
	e.Removed = f.Now
	return Change{Erasure: &e, Empty: out, Receipt: Receipt{ID: e.ID}}, nil
}

func decideNoteCleared(_ NoteCleared, f Facts) (Change, error) {
	_, e, err := f.confirmed()
	switch {
	case err != nil:
		return Change{}, err
	case e.Removed == 0 || e.Cleared != 0:
		return Change{}, Errorf(Conflict, "that erasure is %s", e.State())
	}
	e.Cleared = f.Now
	return Change{Erasure: &e, Receipt: Receipt{ID: e.ID}}, nil
}

// commitments are those to the versions of an erasure, for its event: once their salts are gone
// nobody can tell what they were to.
func (k *Keeping) commitments(e *Erasure) *Counted {
	var all []Commitment
	for _, v := range e.Versions {
		for _, x := range k.Contents {
			if x.Digest == v.Digest && len(x.Salt) > 0 {
				all = append(all, Commit(x.Salt, x.Digest))
			}
		}
	}
	return CountVersions(all)
}
