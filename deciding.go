package entente

import (
	"cmp"
	"slices"
)

// Case is what a decision about an object, or about the standing releases of an agreement,
// rests on.
type Case struct {
	Object    ObjectID
	Concerns  []Concern        // the agreements that the command concerns
	Sources   []string         // ids of the organisations that put the object into collections
	Decisions []Decision       // about the object in the one agreement that the command names, oldest first
	Limits    *Restriction     // the restriction that the command names, nil if there is none
	Order     *StandingRelease // the standing release that the command names, nil if there is none
}

// Concern is an agreement that a command is about, as far as the object goes.
type Concern struct {
	Agreement
	Held []HeldVersion // that stand in the collections which the agreement covers, oldest first
	// Stands tells that readers see some version of the object in one of its feeds.
	Stands bool
}

// HeldVersion is a version of an object in the collections that an agreement covers.
type HeldVersion struct {
	Content int64 // its number in the store
	Digest  Digest
	Salt    []byte // see [Commit]
	Stamp   string // the version as TAXII names it
	Sources []string
	Stands  bool   // readers of the agreement see it, or its stamped copy
	Waits   Reason // why it waits there, [NoReason] if it does not
}

// held finds a version by its digest, nil if there is none.
func (c *Concern) held(d Digest) *HeldVersion {
	i := slices.IndexFunc(c.Held, func(h HeldVersion) bool { return h.Digest == d })
	if i < 0 {
		return nil
	}
	return &c.Held[i]
}

// parties are the ids that a declared conflict may be about: the agreements, their members,
// and the sources of the object.
func (c *Case) parties() []string {
	out := slices.Clone(c.Sources)
	for _, k := range c.Concerns {
		out = append(out, k.ID)
		for _, m := range k.Terms.Members {
			out = append(out, m.Organisation)
		}
	}
	return out
}

// touch is a change that has the agreements of the case judge the object again. Where
// something can leave by it that readers see, their feeds are closed until that is done;
// where they see nothing, closing would only tell them that there is something.
func (c *Case) touch(ch Change, tightens bool) Change {
	for _, k := range c.Concerns {
		ch.Touch = append(ch.Touch, Touch{Agreement: k.Num, Object: c.Object})
		if tightens && k.Stands && k.State == Active {
			ch.Close = append(ch.Close, k.Num)
		}
	}
	return ch
}

// inForce is the one agreement of the case, if decisions about objects can be taken in it.
func (c *Case) inForce() (*Concern, error) {
	if c == nil || len(c.Concerns) != 1 {
		return nil, Errorf(NotFound, "there is no such agreement")
	}
	k := &c.Concerns[0]
	if err := k.InForce(); err != nil {
		return nil, err
	}
	return k, nil
}

// InForce is nil where decisions about objects can be taken in an agreement, while it is
// suspended too; else it is a [Conflict] that says why not.
func (a *Agreement) InForce() error {
	switch a.State {
	case Active, Suspended:
		return nil
	case Ended:
		return Errorf(Conflict, "the agreement %q has ended, and what it released stays as it is; there is nothing to decide in it", a.Name)
	}
	return Errorf(Conflict, "the agreement %q is not in force yet (it is %s), so nothing waits in it; activate it first", a.Name, a.State)
}

// Seen tells a command that it is applied at the positions of a preview.
type Seen struct {
	// Preview is the token of a preview, "" for none: see [PreviewToken].
	Preview string
}

// check compares the positions of a preview with those that are there now.
func (s Seen) check(c *Case) error {
	var all []Agreement
	for _, k := range c.Concerns {
		all = append(all, k.Agreement)
	}
	return s.at(all)
}

func (s Seen) at(all []Agreement) error {
	if s.Preview != "" && s.Preview != PreviewToken(all) {
		return Errorf(Conflict, "collections or feeds have moved since that preview, so it may not be what happens now; preview again, and give the token of that")
	}
	return nil
}

// TakeDecision is one person's decision about an object in an agreement.
type TakeDecision struct {
	Seen
	Agreement string // id
	Object    ObjectID
	// Digest is of the version that is meant, as it was submitted. The zero one is the object
	// as a whole, in [Withdraw] alone: nobody approves what he has not seen.
	Digest Digest
	Action Action
	Text   string // the justification
}

func (TakeDecision) command() {}

func decideObject(c TakeDecision, f Facts) (Change, error) {
	m, err := Authorise(f, DecideRelease, f.parties()...)
	if err != nil {
		return Change{}, err
	}
	k, err := f.Case.inForce()
	if err != nil && c.Action == Reviewed && f.Case != nil && len(f.Case.Concerns) == 1 && f.Case.Concerns[0].State == Ended {
		k, err = &f.Case.Concerns[0], nil // a review is owed whatever becomes of the agreement
	}
	if err != nil {
		return Change{}, err
	}
	if err := requireText("justification", c.Text, maxDescription); err != nil {
		return Change{}, err
	}
	if len(k.Held) == 0 && c.Action != Reviewed {
		return Change{}, Errorf(NotFound, "no collection that %q covers holds %s", k.Name, clip(string(c.Object)))
	}
	if err := c.Seen.check(f.Case); err != nil {
		return Change{}, err
	}
	if err := c.allowed(f, k); err != nil {
		return Change{}, err
	}
	d := Decision{ID: f.NewID, Agreement: k.ID, Object: c.Object, Digest: c.Digest, Action: c.Action,
		Account: f.Actor.Account.ID, Role: m.Role, At: f.Now, Text: c.Text}
	ch := Change{Decision: &d, Receipt: Receipt{ID: d.ID, Mandate: m}}
	if c.Action == Reviewed { // it changes nothing that is released
		return ch, nil
	}
	return f.Case.touch(ch, c.Action == Withdraw || c.Action == Tearline), nil
}

// parties are those of the case, none where there is none.
func (f Facts) parties() []string {
	if f.Case == nil {
		return nil
	}
	return f.Case.parties()
}

// allowed tells whether the action makes sense for the version as it stands.
func (c TakeDecision) allowed(f Facts, k *Concern) error {
	h := k.held(c.Digest)
	if h == nil && c.Action == Reviewed { // or of the object, which may be deleted
		h = &HeldVersion{Digest: c.Digest}
	}
	switch {
	case c.Digest == Digest{} && c.Action == Withdraw:
		return nil
	case c.Digest == Digest{}:
		return Errorf(Invalid, "say which version is meant: a decision to %s is about one version, which you have seen", c.Action)
	case h == nil:
		return Errorf(NotFound, "no collection that %q covers holds a version of %s with the digest %s", k.Name, clip(string(c.Object)), c.Digest)
	}
	t := Tally(f.Case.Decisions, c.Digest)
	me := f.Actor.Account.ID
	switch c.Action {
	case Approve:
		switch {
		case h.Stands:
			return Errorf(Conflict, "that version stands in the feed already; there is nothing to approve")
		case slices.Contains(t.Approved, me):
			return Errorf(Conflict, "you approved this version already; the second approval is another person's")
		}
	case Refuse:
		if h.Stands {
			return Errorf(Conflict, "that version stands in the feed already; \"withdraw\" takes it out")
		}
	case Urgent:
		switch {
		case h.Stands:
			return Errorf(Conflict, "that version stands in the feed already; there is nothing to release")
		case k.Terms.Approval == TLPNone:
			return Errorf(Conflict, "the terms of %q ask for no approval, so there is nothing to be quicker than", k.Name)
		case t.Urgent:
			return Errorf(Conflict, "that version was released as urgent already")
		case t.Owed != nil:
			return Errorf(Conflict, "an earlier urgent release of that version, at %s, has not been reviewed yet; a second person reviews it first", FormatMicros(t.Owed.At))
		}
	case Keep, Tearline:
		if h.Waits != AwaitsDecision {
			return Errorf(Conflict, "nobody has to decide about older versions because of that one; \"entente queue\" shows what waits for a decision")
		}
	case Withdraw:
	case Reviewed:
		switch {
		case t.Owed == nil:
			return Errorf(Conflict, "no urgent release of that version waits for a review")
		case t.Owed.Account == me:
			return Errorf(Forbidden, "you released this as urgent; a second person reviews it")
		}
	default:
		return Errorf(Invalid, "%q is no decision about an object", c.Action)
	}
	return nil
}

// Tallied is what was decided about the release of one version, so far as it counts still.
type Tallied struct {
	Approved []string // ids of the accounts that approved it, in order
	Refused  bool
	Urgent   bool      // it was released as urgent
	Owed     *Decision // an urgent release that no second person has reviewed, nil for none
}

// Tally counts the decisions about one version, oldest first. A refusal or withdrawal sets
// aside what was said before it: what comes back needs the words of two people again. The
// review of an urgent release is owed all the same.
func Tally(all []Decision, digest Digest) Tallied {
	var t Tallied
	for i := range all {
		d := &all[i]
		if d.Digest != (Digest{}) && d.Digest != digest {
			continue
		}
		switch d.Action {
		case Refuse, Withdraw:
			t.Refused, t.Approved, t.Urgent = d.Action == Refuse, nil, false
		case Approve:
			if t.Refused = false; !slices.Contains(t.Approved, d.Account) {
				t.Approved = append(t.Approved, d.Account)
			}
		case Urgent:
			t.Refused, t.Urgent, t.Owed = false, true, d
		case Reviewed:
			if t.Owed != nil && t.Owed.Account != d.Account {
				t.Owed = nil
			}
		}
	}
	return t
}

// Owed lists the urgent releases that no second person has reviewed, oldest first, of
// decisions about any objects in any agreements, oldest first.
func Owed(all []Decision) []Decision {
	type version struct {
		agreement string
		object    ObjectID
		digest    Digest
	}
	of := map[version][]Decision{}
	for _, d := range all {
		if d.Action == Urgent || d.Action == Reviewed {
			v := version{d.Agreement, d.Object, d.Digest}
			of[v] = append(of[v], d)
		}
	}
	var out []Decision
	for v, ds := range of {
		if t := Tally(ds, v.digest); t.Owed != nil {
			out = append(out, *t.Owed)
		}
	}
	slices.SortFunc(out, func(x, y Decision) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.ID, y.ID)) })
	return out
}

// Overdue tells that an urgent release that owes a review was not reviewed within
// [ReviewWithin]. What it released stays.
func (d Decision) Overdue(now int64) bool { return now-d.At > ReviewWithin }
