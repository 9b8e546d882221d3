package entente

import "slices"

// Preserved is a legal hold on one object under one case: no content of the object, of any
// version, those that come later too, is erased or deleted for good while it holds. What
// readers see does not depend on it. It is lifted by two, and never deleted.
type Preserved struct {
	ID         string // of the command that began it, and the object
	Case       string // the reference of the case, see [CheckCase]
	Object     ObjectID
	Reason     string // may be ""
	By         string // id of the account that preserved it
	Role       Role
	At         int64  // microseconds since 1970
	LiftBy     string // id of the first account that wants it lifted
	LiftAsked  int64
	LiftReason string
	LiftedBy   string // id of the second
	Lifted     int64  // 0 while it holds
}

// Holds tells whether the hold is in force.
func (p Preserved) Holds() bool { return p.Lifted == 0 }

// MaxPreserve is how many objects one command may preserve.
const MaxPreserve = 1000

// PreserveObjects preserves objects that the node holds under a case. It takes one person: it
// takes nothing from anybody, and must not wait. Further objects join a case by a further
// command.
type PreserveObjects struct {
	Case    string
	Objects []ObjectID // 1 to [MaxPreserve]
	Reason  string     // may be ""
}

// AskLiftPreserve is the first of the two words that lift what is preserved under a case.
// Asked again, the later word counts.
type AskLiftPreserve struct {
	Case   string
	Reason string
}

// LiftPreserve is the second word, of another person. What joined the case after the first
// word stays preserved.
type LiftPreserve struct {
	Why
	Case string
}

func (PreserveObjects) command() {}
func (AskLiftPreserve) command() {}
func (LiftPreserve) command()    {}

// Keeping is what a command rests on that preserves or erases.
type Keeping struct {
	// Preserved are the holds on the objects that the command names, or under its case, those
	// that were lifted too, oldest first.
	Preserved []Preserved
	// Sources are the ids of the organisations that put one of the objects into a collection,
	// whatever became of it since.
	Sources []string
	// Missing are objects that a [PreserveObjects] names and of which nothing is stored.
	Missing []ObjectID

	Event    *KeptEvent    // that is to be erased, nil for none
	Erasure  *Erasure      // the one that the command names, nil for none
	Contents []KeptContent // of the object that is erased, all of them
	Logs     []LogFacts    // of the collections in which it stands or stood
	// Working tells that some agreement is being changed: what it judges was read before.
	Working bool
}

// KeptContent is one stored content of an object, with all lines that carry it.
type KeptContent struct {
	Content int64
	Digest  Digest
	Salt    []byte // see [Commit]
	Stamp   string // the version as TAXII names it, "" where it goes by the time of its coming
	Erased  bool   // its bytes are gone
	// Originals are the contents of which it is a stamped copy.
	Originals []int64
	Lines     []KeptLine
}

// KeptLine is a line that carries a content, with what tells whether somebody reads it.
type KeptLine struct {
	Line
	Head int64 // of its feed
	Log  bool  // it stands in a collection, and was submitted
	// Active tells that it stands in a release feed of an active agreement. Those of others
	// are read by nobody, and judged anew before they are.
	Active bool
}

// served tells whether some reader may be sent what the line carries.
func (l KeptLine) served() bool {
	return (l.Log || l.Active) && !l.concealed() && (l.Gone == 0 || l.Gone > l.Head)
}

// LogFacts is what one collection has of an object, as [Facts] has it for the collection that
// a command names.
type LogFacts struct {
	Collection Collection
	Known      []Known
	Owners     map[ObjectID]string
	Batches    map[int64]Batch
}

// keeping authorises an act about the objects of a command.
func (f Facts) keeping(act Act, about ...string) (*Keeping, Mandate, error) {
	k := f.Keeping
	if k == nil {
		k = &Keeping{}
	}
	m, err := Authorise(f, act, append(about, k.Sources...)...)
	return k, m, err
}

// preserved gives a hold that is in force on an object, nil if there is none.
func (k *Keeping) preserved(id ObjectID) *Preserved {
	i := slices.IndexFunc(k.Preserved, func(p Preserved) bool { return p.Object == id && p.Holds() })
	if i < 0 {
		return nil
	}
	return &k.Preserved[i]
}

func decidePreserve(c PreserveObjects, f Facts) (Change, error) {
	k, m, err := f.keeping(Preserve)
	if err != nil {
		return Change{}, err
	}
	if err := CheckCase(c.Case); err != nil {
		return Change{}, err
	}
	if err := checkText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	switch {
	case len(c.Objects) == 0:
		return Change{}, Errorf(Invalid, "say which objects are preserved")
	case len(c.Objects) > MaxPreserve:
		return Change{}, Errorf(Invalid, "%d objects are more than one command preserves; give at most %d, and the others under the same case by another", len(c.Objects), MaxPreserve)
	case len(k.Missing) > 0:
		return Change{}, Errorf(NotFound, "the node holds nothing of %s; nothing was preserved, so that a mistyped id is not taken for a hold", clip(string(k.Missing[0])))
	}
	ch := Change{Receipt: Receipt{ID: c.Case, Mandate: m}}
	done := map[ObjectID]bool{}
	for _, p := range k.Preserved {
		done[p.Object] = done[p.Object] || p.Case == c.Case && p.Holds()
	}
	for _, id := range c.Objects {
		if done[id] {
			continue
		}
		done[id] = true
		ch.Preserved = append(ch.Preserved, Preserved{ID: f.NewID + "/" + string(id), Case: c.Case, Object: id, Reason: c.Reason,
			By: f.Actor.Account.ID, Role: m.Role, At: f.Now})
	}
	if len(ch.Preserved) == 0 {
		return Change{}, Errorf(Conflict, "all of that is preserved under the case %q already", c.Case)
	}
	return ch, nil
}

// underCase gives what a command about a case finds in force under it.
func (f Facts) underCase(name string) ([]Preserved, Mandate, error) {
	k, m, err := f.keeping(Preserve)
	if err != nil {
		return nil, m, err
	}
	all := slices.DeleteFunc(slices.Clone(k.Preserved), func(p Preserved) bool { return p.Case != name || !p.Holds() })
	if len(all) == 0 {
		return nil, m, Errorf(NotFound, "nothing is preserved under the case %q", clip(name))
	}
	return all, m, nil
}

func decideAskLiftPreserve(c AskLiftPreserve, f Facts) (Change, error) {
	all, m, err := f.underCase(c.Case)
	if err != nil {
		return Change{}, err
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	for i := range all {
		all[i].LiftBy, all[i].LiftAsked, all[i].LiftReason = f.Actor.Account.ID, f.Now, c.Reason
	}
	return Change{Preserved: all, Receipt: Receipt{ID: c.Case, Mandate: m}}, nil
}

func decideLiftPreserve(c LiftPreserve, f Facts) (Change, error) {
	all, m, err := f.underCase(c.Case)
	if err != nil {
		return Change{}, err
	}
	all = slices.DeleteFunc(all, func(p Preserved) bool { return p.LiftAsked == 0 })
	switch {
	case len(all) == 0:
		return Change{}, Errorf(Conflict, "nobody has asked to lift this; lifting takes two people, and the first of them asks, with the reason")
	case slices.ContainsFunc(all, func(p Preserved) bool { return p.LiftBy == f.Actor.Account.ID }):
		return Change{}, Errorf(Forbidden, "you asked to lift this; a second person lifts it")
	}
	for i := range all {
		all[i].LiftedBy, all[i].Lifted = f.Actor.Account.ID, f.Now
	}
	return Change{Preserved: all, Receipt: Receipt{ID: c.Case, Mandate: m}}, nil
}
