package entente

import "slices"

func decideActivate(c ActivateAgreement, f Facts) (Change, error) {
	l, err := f.settling(StepActivate)
	if err != nil {
		return Change{}, err
	}
	if err := c.Seen.at([]Agreement{l.Agreement}); err != nil {
		return Change{}, err
	}
	v, err := f.agreed(l)
	if err != nil {
		return Change{}, err
	}
	if err := checkText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	l.step.Reason = c.Reason
	if l.step.Backlog, err = f.cover(l, v, c.Backlog); err != nil {
		return Change{}, err
	}
	return l.begin(f, v, l.Version != 0 && f.Tightens), nil
}

func decideRestore(c RestoreAgreement, f Facts) (Change, error) {
	l, err := f.settling(StepRestore)
	if err != nil {
		return Change{}, err
	}
	if err := c.Seen.at([]Agreement{l.Agreement}); err != nil {
		return Change{}, err
	}
	v, err := f.agreed(l)
	if err != nil {
		return Change{}, err
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	l.step.Reason = c.Reason
	if l.step.Backlog, err = f.cover(l, v, c.Backlog); err != nil {
		return Change{}, err
	}
	return l.begin(f, v, false), nil // nobody comes in before it is done
}

// begin is the change that begins work. Everything is judged anew, also after a suspension,
// during which restrictions, deletions and floors may have come that the feeds are to show
// before anybody reads them.
func (l *settling) begin(f Facts, v *TermsVersion, closed bool) Change {
	to := l.Agreement
	to.Closed = closed
	to.Work = &Work{ID: f.NewID, To: l.step.To, Version: v.Number, Step: l.step}
	return Change{Agreement: &to, Receipt: l.receipt()}
}

// gained lists the collections of terms that those in force do not cover.
func (l *Life) gained(t *Terms) []string {
	return slices.DeleteFunc(slices.Clone(t.Collections), func(id string) bool { return l.Version != 0 && l.Terms.Covers(id) })
}

// Missed lists the collections of which readers have missed something when terms are put in force:
// those gained, and after a suspension all. Where there are any a backlog is to be chosen.
func (l *Life) Missed(t *Terms) []string {
	if l.State == Suspended {
		return t.Collections
	}
	return l.gained(t)
}

// NewFeeds counts the collections of what is on the table that have no feed yet. So many
// fresh ids and numbers of feeds an activation or restoration needs.
func (f Facts) NewFeeds() int {
	if f.Life == nil || f.Life.OnTable() == nil {
		return 0
	}
	n := 0
	for _, id := range f.Life.OnTable().Terms.Collections {
		if f.Life.feed(id) < 0 {
			n++
		}
	}
	return n
}

// feed is the place of a collection's feed, -1 for none.
func (a *Agreement) feed(collection string) int {
	return slices.IndexFunc(a.Feeds, func(r ReleaseFeed) bool { return r.Collection == collection })
}

// cover gives a feed to every collection of terms that has none, and applies the choice of
// backlog to the feeds of those missed: of those gained it is about all that they hold,
// of others about what came since they were judged last. It gives the choice as it is
// recorded, "" where there was none to make. A feed keeps its row when its collection is
// no longer covered: its entries leave by the rule.
func (f Facts) cover(l *settling, v *TermsVersion, backlog string) (string, error) {
	gained, missed := l.gained(&v.Terms), l.Missed(&v.Terms)
	if len(missed) == 0 {
		if backlog != "" {
			return "", Errorf(Invalid, "no collection comes to be covered by this, so there is no backlog to choose; leave it out")
		}
	}
	var b Backlog
	if len(missed) > 0 {
		var err error
		if b, err = ParseBacklog(backlog); err != nil {
			return "", err
		}
		if b.Since > f.Now {
			return "", Errorf(Invalid, "the backlog begins at %s, which is still to come; nothing was missed since then", FormatMicros(b.Since))
		}
	}
	l.Feeds = slices.Clone(l.Feeds)
	fresh := 0
	for _, id := range v.Terms.Collections {
		if l.feed(id) >= 0 {
			continue
		}
		if fresh >= len(f.NewIDs) {
			return "", Errorf(Internal, "no fresh ids for %d feeds", f.NewFeeds())
		}
		at := slices.IndexFunc(f.Collections, func(c Collection) bool { return c.ID == id })
		c := f.Collections[at] // checkCovered found it
		l.Feeds = append(l.Feeds, ReleaseFeed{ID: f.NewIDs[fresh], Collection: id, Log: c.Feed, LogHead: c.Head, Floor: c.Floor, Feed: f.NewFeed + int64(fresh)})
		fresh++
	}
	for _, id := range missed {
		r := &l.Feeds[l.feed(id)]
		from := r.Seen
		if slices.Contains(gained, id) {
			from = 0
		}
		r.Skips = skip(r.Skips, from, r.LogHead, b)
	}
	if len(missed) == 0 {
		return "", nil
	}
	return b.String(), nil
}

// skip leaves a stretch of an accept log out, but for what the backlog takes. Earlier
// choices about the same stretch, of work that was called off, count no more.
func skip(have []Skip, after, upTo int64, b Backlog) []Skip {
	out := slices.DeleteFunc(slices.Clone(have), func(k Skip) bool { return k.UpTo > after })
	if b.All || after == upTo {
		return out
	}
	return append(out, Skip{After: after, UpTo: upTo, Since: b.Since})
}

// SetFloor changes the floor of a collection. What its agreements have released is judged
// anew; where the floor rises, their feeds are closed until that is done.
type SetFloor struct {
	Collection string // id
	Floor      TLP    // [TLPNone] for none
	Reason     string // may be "" where no active agreement covers the collection
}

func (SetFloor) command() {}

// Covering lists the agreements of all that the floor of a collection is about: those in force,
// suspended ones too, that cover it, and those with a change under way that may.
func Covering(all []Agreement, collection string) []Agreement {
	return slices.DeleteFunc(slices.Clone(all), func(a Agreement) bool {
		underWay := a.Work != nil && a.feed(collection) >= 0
		return !underWay && (a.State != Active && a.State != Suspended || !a.Terms.Covers(collection))
	})
}

// JudgesFloor tells whether an agreement of [Covering] judges everything anew as soon as the
// floor changes: one that is suspended does when it is restored. While a change of it is under
// way no floor changes, which is a [Conflict].
func (a *Agreement) JudgesFloor() (bool, error) {
	if a.Work != nil {
		return false, a.busy()
	}
	return a.State == Active, nil
}

func decideSetFloor(c SetFloor, f Facts) (Change, error) {
	covering := Covering(f.Agreements, c.Collection)
	act := RunNode
	var about []string
	if len(covering) > 0 { // it decides what crosses
		act = Restrict
		for _, a := range covering {
			about = append(about, (&Life{Agreement: a}).parties()...)
		}
	}
	m, err := Authorise(f, act, about...)
	if err != nil {
		return Change{}, err
	}
	if f.Collection == nil {
		return Change{}, Errorf(NotFound, "there is no such collection")
	}
	if len(covering) > 0 {
		err = requireText("reason", c.Reason, maxDescription)
	} else {
		err = checkText("reason", c.Reason, maxDescription)
	}
	if err != nil {
		return Change{}, err
	}
	to := *f.Collection
	have := to.Floor
	to.Floor = c.Floor
	ch := Change{Collection: &to, Receipt: Receipt{ID: to.ID, Mandate: m}}
	if have == c.Floor {
		return ch, nil
	}
	// Only a lower floor in place of another cannot keep anything back: without one, what is
	// unmarked is unmarked again.
	lowers := c.Floor != TLPNone && have != TLPNone && c.Floor < have
	for _, a := range covering {
		anew, err := a.JudgesFloor()
		if err != nil {
			return Change{}, err
		}
		if anew {
			step := f.step(Move{Action: StepFloor, From: Active, To: Active}, m)
			step.Version, step.Hash, step.Reason = a.Version, a.Hash, c.Reason
			a.Work = &Work{ID: f.NewID, To: Active, Version: a.Version, Step: step}
			a.Closed = !lowers
			ch.Working = append(ch.Working, a)
		}
	}
	return ch, nil
}

// covered refuses that a collection goes which agreements rest on: those in force or
// proposed that cover it or name it as a vocabulary, or that have a feed over it.
func (f Facts) covered(collection string) error {
	for _, a := range f.Agreements {
		named := a.State != Draft && (a.Terms.Covers(collection) || slices.Contains(a.Terms.Vocabularies, collection))
		if a.State != Ended && (named || a.feed(collection) >= 0) {
			return Errorf(Conflict, "the agreement %q rests on this collection; end the agreement before you remove it", a.Name)
		}
	}
	return nil
}
