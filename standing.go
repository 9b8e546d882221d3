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
	switch {
	case f.organisation(c.Source) == nil:
		return Change{}, Errorf(NotFound, "there is no such organisation")
	case !validType(c.Type):
		return Change{}, Errorf(Invalid, "%q is no object type", clip(c.Type))
	case k.Terms.Approval == TLPNone:
		return Change{}, Errorf(Conflict, "the terms of %q ask for no approval, so there is nothing to approve in advance", k.Name)
	case c.Ceiling < k.Terms.Approval:
		return Change{}, Errorf(Invalid, "the terms of %q ask for approval from %s up, so a ceiling of %s would cover nothing", k.Name, k.Terms.Approval, c.Ceiling)
	case c.Ceiling > k.Terms.Highest:
		return Change{}, Errorf(Invalid, "the terms of %q release up to %s, and the ceiling is %s", k.Name, k.Terms.Highest, c.Ceiling)
	case c.Until <= f.Now:
		return Change{}, Errorf(Invalid, "the standing release would have ended before it is proposed")
	case c.Until-f.Now > StandingMost:
		return Change{}, Errorf(Invalid, "a standing release holds 90 days at most; after that two people look again")
	}
	if err := requireText("justification", c.Text, maxDescription); err != nil {
		return Change{}, err
	}
	o := StandingRelease{ID: f.NewID, Agreement: k.ID, Source: c.Source, Type: c.Type, Ceiling: c.Ceiling, Until: c.Until,
		By: f.Actor.Account.ID, At: f.Now, Text: c.Text}
	return Change{Order: &o, Receipt: Receipt{ID: o.ID, Mandate: m}}, nil
}

// ordered is the standing release that a command names, so far as it may still change.
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
	o := *f.Case.Order
	switch {
	case o.Ended != 0:
		return o, m, Errorf(Conflict, "that standing release was ended at %s", FormatMicros(o.Ended))
	case o.Until <= f.Now:
		return o, m, Errorf(Conflict, "that standing release ran out at %s", FormatMicros(o.Until))
	}
	return o, m, nil
}

func decideAgreeStanding(_ AgreeStanding, f Facts) (Change, error) {
	o, m, err := f.ordered()
	switch {
	case err != nil:
		return Change{}, err
	case o.By2 != "":
		return Change{}, Errorf(Conflict, "a second person agreed to that standing release at %s", FormatMicros(o.At2))
	case o.By == f.Actor.Account.ID:
		return Change{}, Errorf(Forbidden, "you proposed this standing release; a second person agrees to it")
	}
	k, err := f.Case.inForce()
	if err != nil {
		return Change{}, err
	}
	o.By2, o.At2, o.From = f.Actor.Account.ID, f.Now, f.Now
	return Change{Order: &o, Waiting: &TouchWaiting{Agreement: k.Num, Reason: AwaitsApproval}, Receipt: Receipt{ID: o.ID, Mandate: m}}, nil
}

func decideEndStanding(_ EndStanding, f Facts) (Change, error) {
	o, m, err := f.ordered()
	if err != nil {
		return Change{}, err
	}
	o.EndedBy, o.Ended = f.Actor.Account.ID, f.Now
	return Change{Order: &o, Receipt: Receipt{ID: o.ID, Mandate: m}}, nil
}
