package entente

import (
	"slices"
	"strings"
)

// Act is something that a role allows. The set is closed: see [Duties].
type Act string

// The acts.
const (
	RunNode         Act = "run the node: accounts, roles, partners' entries, collections, rights, remotes, backups"
	ReadAll         Act = "read everything"
	Author          Act = "dissent, and draft tear-lines"
	DraftAgreement  Act = "draft agreements"
	SettleAgreement Act = "propose, accept, activate, amend, suspend, restore and end agreements"
	DecideRelease   Act = "approve, refuse, keep and withdraw; standing and urgent releases"
	Restrict        Act = "restrict and recall objects"
	StopPartner     Act = "stop a partner; ratify and lift a stop"
	Permit          Act = "grant permissions to share onward"
	Preserve        Act = "preserve objects under a case; lift that"
	Erase           Act = "erase versions under a legal basis"
	Review          Act = "write findings, and recommend to suspend"
)

// Duty is one row of the table of who may do what.
type Duty struct {
	Act   Act
	Roles []Role // each of them is enough
	// Owner lets the operating system's owner of the node do it without signing in. What
	// decides for the organisation needs a name.
	Owner bool
}

// Duties is the one table of who may do what. What is not in it nobody may do.
func Duties() []Duty {
	return []Duty{
		{RunNode, []Role{Operator}, true},
		{ReadAll, []Role{Reviewer, Operator}, true},
		{Author, []Role{Analyst, Releaser}, false},
		{DraftAgreement, []Role{Analyst, Releaser}, false},
		{SettleAgreement, []Role{Releaser}, false},
		{DecideRelease, []Role{Releaser}, false},
		{Restrict, []Role{Releaser}, false},
		{StopPartner, []Role{Releaser}, false},
		{Permit, []Role{Releaser}, false},
		{Preserve, []Role{Releaser}, false},
		{Erase, []Role{Releaser}, false},
		{Review, []Role{Reviewer}, false},
	}
}

// roles names the roles that allow it, each of which is enough.
func (d Duty) roles() string {
	var names []string
	for _, r := range d.Roles {
		names = append(names, string(r))
	}
	return strings.Join(names, " or ")
}

func dutyOf(act Act) Duty {
	for _, d := range Duties() {
		if d.Act == act {
			return d
		}
	}
	return Duty{Act: act}
}

// mandate finds a mandate of the actor's that allows a duty at the actor's moment.
func (a Actor) mandate(d Duty) (Mandate, bool) {
	if a.Account.Disabled {
		return Mandate{}, false
	}
	for _, r := range d.Roles {
		for _, m := range a.Account.Mandates {
			if m.Role == r && m.Holds(a.At) {
				return m, true
			}
		}
	}
	return Mandate{}, false
}

// May tells whether the actor's roles allow an act at its moment. For what is about an
// organisation or an agreement, and for every decision, see [Authorise].
func (a Actor) May(act Act) bool {
	d := dutyOf(act)
	if a.Local {
		return d.Owner
	}
	_, ok := a.mandate(d)
	return ok
}

// Authorise checks that the actor may do an act now: it is signed in with an account of
// home (the node's owner may do without where the table says so), holds a role that
// allows the act, and has declared no conflict about any of the organisations and
// agreements in about (ids). It gives the mandate that the decision rests on, which is
// the zero one for the node's owner.
//
// It needs the facts Now, Actor, Home and Interests.
func Authorise(f Facts, act Act, about ...string) (Mandate, error) {
	d := dutyOf(act)
	a := f.Actor
	a.At = f.Now
	if a.Local {
		if d.Owner {
			return Mandate{}, nil
		}
		return Mandate{}, Errorf(Unauthenticated, "this decides for your organisation, and is done under a name: sign in with --as NAME, as somebody with the role %s", d.roles())
	}
	if a.Account.Organisation != f.Home.ID {
		return Mandate{}, Errorf(Forbidden, "only accounts of the organisation that runs this node may do that")
	}
	m, ok := a.mandate(d)
	switch {
	case !ok && act == RunNode:
		return Mandate{}, Errorf(Forbidden, "only an operator of this node may do that")
	case !ok && len(d.Roles) > 0:
		return Mandate{}, Errorf(Forbidden, "only somebody who holds the role %s now may do that; an operator gives roles (entente account role give)", d.roles())
	case !ok:
		return Mandate{}, Errorf(Forbidden, "nobody may do that")
	}
	for _, i := range f.Interests {
		if i.Account == a.Account.ID && i.Ended == 0 && slices.Contains(about, i.About) {
			return Mandate{}, Errorf(Forbidden, "you are recused: you declared a conflict about this on %s; somebody else decides", FormatMicros(i.Declared))
		}
	}
	return m, nil
}
