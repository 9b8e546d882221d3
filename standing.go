package entente

// ProposeStanding is the first of the two words for a standing release. It begins when the
// second person agrees.
type ProposeStanding struct {
	Agreement string // id
	Source    string // id of the organisation, home too
	Type      string // the object type
	Ceiling   TLP    // up to which marking
	Until     int64  // microseconds since 1970, within [StandingMost] of now
	Text      string // the justification
}

// AgreeStanding is the second word, of another person.
type AgreeStanding struct {
	Why
	Order string // id
}

// EndStanding ends a standing release before its time, or takes back what was proposed. One
// person does it: it tightens. What was released under it stays.
type EndStanding struct {
	Why
	Order string // id
}

func (ProposeStanding) command() {}
func (AgreeStanding) command()   {}
func (EndStanding) command()     {}

func decideProposeStanding(c ProposeStanding, f Facts) (Change, error) {
	m, err := Authorise(f, DecideRelease, append(f.parties(), c.Source)...)
	if err != nil {
		return Change{}, err
	}
	k, err := f.Case.inForce()
	if err != nil {
		return Change{}, err
	}
	if f.organisation(c.Source) == nil {
		return Change{}, Errorf(NotFound, "there is no such organisation")
	}
	o, err := c.Proposed(&k.Agreement, f.Actor.Account.ID, f.Now)
	if err != nil {
		return Change{}, err
	}
	if err := requireText("justification", c.Text, maxDescription); err != nil {
		return Change{}, err
	}
	o.ID = f.NewID
	return Change{Order: &o, Receipt: Receipt{ID: o.ID, Mandate: m}}, nil
}

// Proposed is the standing release that an account proposes by the command at a moment, in
// microseconds since 1970, in an agreement that is in force. It is [Conflict] or [Invalid] where
// it does not fit the terms, or holds for too long or not at all.
func (c ProposeStanding) Proposed(a *Agreement, by string, now int64) (StandingRelease, error) {
	var err error
	switch {
	case !validType(c.Type):
		err = Errorf(Invalid, "%q is no object type", clip(c.Type))
	case a.Terms.Approval == TLPNone:
		err = Errorf(Conflict, "the terms of %q ask for no approval, so there is nothing to approve in advance", a.Name)
	case c.Ceiling < a.Terms.Approval:
		err = Errorf(Invalid, "the terms of %q ask for approval from %s up, so a ceiling of %s would cover nothing", a.Name, a.Terms.Approval, c.Ceiling)
	case c.Ceiling > a.Terms.Highest:
		err = Errorf(Invalid, "the terms of %q release up to %s, and the ceiling is %s", a.Name, a.Terms.Highest, c.Ceiling)
	case c.Until <= now:
		err = Errorf(Invalid, "the standing release would have ended before it is proposed")
	case c.Until-now > StandingMost:
		err = Errorf(Invalid, "a standing release holds 90 days at most; after that two people look again")
	}
	return StandingRelease{Agreement: a.ID, Source: c.Source, Type: c.Type, Ceiling: c.Ceiling, Until: c.Until, By: by, At: now, Text: c.Text}, err
}

// changeable is nil while a standing release may still change.
func (o *StandingRelease) changeable(now int64) error {
	switch {
	case o.Ended != 0:
		return Errorf(Conflict, "that standing release was ended at %s", FormatMicros(o.Ended))
	case o.Until <= now:
		return Errorf(Conflict, "that standing release ran out at %s", FormatMicros(o.Until))
	}
	return nil
}

// Agreed is the standing release as an account has agreed to it at a moment, in microseconds
// since 1970: it holds from then on. It is [Conflict] if it holds or is over, and [Forbidden]
// to who proposed it.
func (o StandingRelease) Agreed(by string, now int64) (StandingRelease, error) {
	err := o.changeable(now)
	switch {
	case err != nil:
	case o.By2 != "":
		err = Errorf(Conflict, "a second person agreed to that standing release at %s", FormatMicros(o.At2))
	case o.By == by:
		err = Errorf(Forbidden, "you proposed this standing release; a second person agrees to it")
	}
	o.By2, o.At2, o.From = by, now, now
	return o, err
}

// Over is the standing release as an account has ended it at a moment, in microseconds since
// 1970, or taken back what was proposed. It is [Conflict] if it is over.
func (o StandingRelease) Over(by string, now int64) (StandingRelease, error) {
	err := o.changeable(now)
	o.EndedBy, o.Ended = by, now
	return o, err
}

// ordered is the standing release that a command names.
func (f Facts) ordered() (StandingRelease, Mandate, error) {
	about := f.parties()
	if f.Case != nil && f.Case.Order != nil {
		about = append(about, f.Case.Order.Source)
	}
	m, err := Authorise(f, DecideRelease, about...)
	switch {
	case err != nil:
		return StandingRelease{}, m, err
	case f.Case == nil || f.Case.Order == nil:
		return StandingRelease{}, m, Errorf(NotFound, "there is no such standing release")
	}
	return *f.Case.Order, m, nil
}

func decideAgreeStanding(_ AgreeStanding, f Facts) (Change, error) {
	o, m, err := f.ordered()
	if err != nil {
		return Change{}, err
	}
	if o, err = o.Agreed(f.Actor.Account.ID, f.Now); err != nil {
		return Change{}, err
	}
	k, err := f.Case.inForce()
	if err != nil {
		return Change{}, err
	}
	return Change{Order: &o, Waiting: &TouchWaiting{Agreement: k.Num, Reason: AwaitsApproval}, Receipt: Receipt{ID: o.ID, Mandate: m}}, nil
}

func decideEndStanding(_ EndStanding, f Facts) (Change, error) {
	o, m, err := f.ordered()
	if err != nil {
		return Change{}, err
	}
	if o, err = o.Over(f.Actor.Account.ID, f.Now); err != nil {
		return Change{}, err
	}
	return Change{Order: &o, Receipt: Receipt{ID: o.ID, Mandate: m}}, nil
}
