package entente

import "slices"

// Role is what a person of home may do beyond reading and writing collections, each for
// a time: see [Mandate]. What each role may do stands in [Duties].
type Role string

// The roles.
const (
	Analyst  Role = "analyst"  // writes and drafts
	Releaser Role = "releaser" // decides what crosses, and with whom
	Reviewer Role = "reviewer" // reads everything and changes nothing
	Operator Role = "operator" // runs the node
)

// Roles lists the roles.
func Roles() []Role { return []Role{Analyst, Releaser, Reviewer, Operator} }

// ParseRole checks that s names a role.
func ParseRole(s string) (Role, error) {
	if !slices.Contains(Roles(), Role(s)) {
		return "", Errorf(Invalid, "there is no role %q; the roles are analyst, releaser, reviewer and operator", clip(s))
	}
	return Role(s), nil
}

// Mandate is a role that an account holds for a time. It is never deleted, so that
// whoever asks later what a decision rested on finds it.
type Mandate struct {
	ID      string // unique
	Account string // id
	Role    Role
	From    int64  // microseconds since 1970
	Until   int64  // microseconds since 1970, 0 for no end
	By      string // id of the account that gave it, "" for the node's owner
	Given   int64  // microseconds since 1970
	EndedBy string // id of the account that set an earlier end than was given, "" for the node's owner
	Ended   int64  // when that was done, 0 if nobody did
}

// Holds tells whether the mandate holds at a moment.
func (m Mandate) Holds(at int64) bool { return m.From <= at && (m.Until == 0 || at < m.Until) }

// overlaps tells whether two mandates have a moment in common.
func (m Mandate) overlaps(o Mandate) bool {
	return !m.void() && !o.void() && (o.Until == 0 || m.From < o.Until) && (m.Until == 0 || o.From < m.Until)
}

// void tells that the mandate was ended before it began.
func (m Mandate) void() bool { return m.Until != 0 && m.Until <= m.From }

// Holds tells whether the account holds a role at a moment, in microseconds since 1970.
func (a *Account) Holds(r Role, at int64) bool {
	return slices.ContainsFunc(a.Mandates, func(m Mandate) bool { return m.Role == r && m.Holds(at) })
}

// LastingOperator tells that the account is an operator, or will be, without an end. One
// such account stays, so that a node does not lose its operators by the mere passing of time.
func (a *Account) LastingOperator() bool {
	return !a.Disabled && slices.ContainsFunc(a.Mandates, func(m Mandate) bool { return m.Role == Operator && m.Until == 0 })
}

// GiveMandate lets a person of home hold a role for a time.
type GiveMandate struct {
	Why
	Account string // id
	Role    Role
	From    int64 // microseconds since 1970, not past; 0 for now
	Until   int64 // microseconds since 1970, 0 for no end
}

// EndMandate sets an end to a mandate, or an earlier one.
type EndMandate struct {
	Why
	Mandate string // id
	At      int64  // microseconds since 1970, not past; 0 for now
}

func (GiveMandate) command() {}
func (EndMandate) command()  {}

func decideGiveMandate(c GiveMandate, f Facts) (Change, error) {
	if err := f.person(); err != nil {
		return Change{}, err
	}
	if _, err := ParseRole(string(c.Role)); err != nil {
		return Change{}, err
	}
	if !f.Actor.Local && f.Actor.Account.ID == f.Account.ID {
		return Change{}, Errorf(Forbidden, "nobody gives a role to himself: let another operator do it")
	}
	m := Mandate{ID: f.NewID, Account: f.Account.ID, Role: c.Role, From: c.From, Until: c.Until, By: f.Actor.Account.ID, Given: f.Now}
	if m.From == 0 {
		m.From = f.Now
	}
	switch {
	case m.From < f.Now:
		return Change{}, Errorf(Invalid, "a mandate cannot begin in the past: nobody held it then; leave the beginning out for now")
	case m.Until != 0 && m.Until <= m.From:
		return Change{}, Errorf(Invalid, "the mandate would end before it begins")
	}
	for _, have := range f.Account.Mandates {
		switch {
		case !have.overlaps(m):
		case have.Role == m.Role:
			return Change{}, Errorf(Conflict, "%q holds the role %s from %s on already, in a part of that time; end that mandate first", f.Account.Name, m.Role, FormatMicros(have.From))
		case have.Role == Reviewer || m.Role == Reviewer:
			return Change{}, Errorf(Conflict, "a reviewer holds no other role at the same time: nobody reviews his own decisions; %q has the role %s", f.Account.Name, have.Role)
		}
	}
	return Change{Mandates: []Mandate{m}, Receipt: Receipt{ID: m.ID}}, nil
}

func decideEndMandate(c EndMandate, f Facts) (Change, error) {
	if f.Mandate == nil || f.Account == nil {
		return Change{}, Errorf(NotFound, "there is no such mandate")
	}
	m, at := *f.Mandate, c.At
	if at == 0 {
		at = f.Now
	}
	switch {
	case at < f.Now:
		return Change{}, Errorf(Invalid, "a mandate cannot end in the past: what was decided under it stays decided; leave the time out for now")
	case m.Until != 0 && m.Until <= f.Now:
		return Change{}, Errorf(Conflict, "that mandate ended at %s", FormatMicros(m.Until))
	case m.Until != 0 && m.Until < at:
		return Change{}, Errorf(Invalid, "that mandate ends at %s, which is earlier; to hold the role for longer a new mandate is given", FormatMicros(m.Until))
	case m.Role == Operator && m.Until == 0 && f.Account.LastingOperator() && f.Operators <= 1:
		return Change{}, lastOperator(f.Account, "end this mandate")
	}
	m.Until, m.Ended, m.EndedBy = at, f.Now, f.Actor.Account.ID
	ch := Change{Mandates: []Mandate{m}, Receipt: Receipt{ID: m.ID}}
	if m.Role != Reviewer {
		return ch, nil
	}
	what := "end the mandate " + m.ID
	if c.At != 0 {
		what += " at " + FormatMicros(c.At)
	}
	return f.byTwo(ch, what)
}

func lastOperator(a *Account, what string) error {
	return Errorf(Conflict, "%q is the last operator without an end; make another one before you %s", a.Name, what)
}

// person checks that the account which the command names is a person of home: services
// and the accounts of partners decide nothing here.
func (f Facts) person() error {
	switch {
	case f.Account == nil:
		return Errorf(NotFound, "there is no such account")
	case f.Account.Organisation != f.Home.ID:
		return Errorf(Invalid, "%q is an account of a partner: roles and conflicts are for people of home", f.Account.Name)
	case f.Account.Service:
		return Errorf(Invalid, "%q is a service: roles and conflicts are for people", f.Account.Name)
	}
	return nil
}
