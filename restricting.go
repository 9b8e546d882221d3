package entente

import "slices"

// RestrictObject has home handle an object more strictly than it is marked, in every
// agreement at once: it is home's way to tighten and to recall.
type RestrictObject struct {
	Seen
	Object ObjectID
	// To is joined with the markings of the object. It is [TLPNone] where the object is
	// withdrawn out of every feed instead.
	To       TLP
	Withdraw bool
	Reason   string
}

// LiftRestriction ends a restriction. To restrict is safe, and one person does it at once; to lift
// loosens, so it takes a second: whoever restricted the object does not lift that. By then
// two people have looked at it, as for every release that home decides by hand.
type LiftRestriction struct {
	Seen
	Restriction string // id
	Reason      string
}

func (RestrictObject) command()  {}
func (LiftRestriction) command() {}

func decideRestrict(c RestrictObject, f Facts) (Change, error) {
	m, err := Authorise(f, Restrict, f.parties()...)
	if err != nil {
		return Change{}, err
	}
	switch {
	case c.Withdraw == (c.To != TLPNone):
		return Change{}, Errorf(Invalid, "say either to which marking the object is restricted (--to), or that it is withdrawn (--withdraw)")
	case f.Case == nil || len(f.Case.Sources) == 0:
		return Change{}, Errorf(NotFound, "no collection holds %s", clip(string(c.Object)))
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if err := c.Seen.check(f.Case); err != nil {
		return Change{}, err
	}
	r := Restriction{ID: f.NewID, Object: c.Object, To: c.To, Withdraw: c.Withdraw, Reason: c.Reason, Account: f.Actor.Account.ID, Role: m.Role, At: f.Now}
	return f.Case.touch(Change{Restriction: &r, Receipt: Receipt{ID: r.ID, Mandate: m}}, true), nil
}

func decideLiftRestriction(c LiftRestriction, f Facts) (Change, error) {
	m, err := Authorise(f, Restrict, f.parties()...)
	switch {
	case err != nil:
		return Change{}, err
	case f.Case == nil || f.Case.Limits == nil:
		return Change{}, Errorf(NotFound, "there is no such restriction")
	}
	r := *f.Case.Limits
	switch {
	case r.Lifted != 0:
		return Change{}, Errorf(Conflict, "that restriction was lifted at %s", FormatMicros(r.Lifted))
	case r.Account == f.Actor.Account.ID:
		return Change{}, Errorf(Forbidden, "you restricted this object; a second person lifts it")
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if err := c.Seen.check(f.Case); err != nil {
		return Change{}, err
	}
	r.Lifted, r.LiftedBy, r.LiftedAs = f.Now, f.Actor.Account.ID, c.Reason
	return f.Case.touch(Change{Restriction: &r, Receipt: Receipt{ID: r.ID, Mandate: m}}, false), nil
}

// RecordConsent records an originator's permission: an object that came from it through one
// agreement may go to another. Without a node that signs, somebody says so for it.
type RecordConsent struct {
	Object     ObjectID
	Agreement  string // id of the agreement that it may go to
	Originator string // id of the partner that permits it
	Said       string // who said so, and how
	Purpose    string
	Until      int64 // microseconds since 1970, 0 for no end; what has entered by then stays
}

func (RecordConsent) command() {}

func decideConsent(c RecordConsent, f Facts) (Change, error) {
	m, err := Authorise(f, Permit, append(f.parties(), c.Originator)...)
	if err != nil {
		return Change{}, err
	}
	k, err := f.Case.inForce()
	if err != nil {
		return Change{}, err
	}
	if _, err := f.partner(c.Originator); err != nil {
		return Change{}, err
	}
	if err := requireText("word of the originator (who said so for it, and how)", c.Said, maxDescription); err != nil {
		return Change{}, err
	}
	if err := requireText("purpose", c.Purpose, maxDescription); err != nil {
		return Change{}, err
	}
	p, err := c.Permission(f.Case.Sources, f.Now)
	if err != nil {
		return Change{}, err
	}
	p.ID, p.Agreement, p.Account, p.Role = f.NewID, k.ID, f.Actor.Account.ID, m.Role
	return f.Case.touch(Change{Consent: &p, Receipt: Receipt{ID: p.ID, Mandate: m}}, false), nil
}

// Permission is what the command records at a moment, in microseconds since 1970, about an
// object of some sources. It is [Invalid] where it would have ended by then, and [NotFound] if
// the originator is none of the sources.
func (c RecordConsent) Permission(sources []string, now int64) (Consent, error) {
	switch {
	case c.Until != 0 && c.Until <= now:
		return Consent{}, Errorf(Invalid, "the permission would have ended before it is recorded")
	case !slices.Contains(sources, c.Originator):
		return Consent{}, Errorf(NotFound, "that partner has supplied no version of %s; only who supplied an object permits that it goes on", clip(string(c.Object)))
	}
	return Consent{Object: c.Object, Agreement: c.Agreement, Originator: c.Originator, Said: c.Said, Purpose: c.Purpose, Until: c.Until, At: now}, nil
}
