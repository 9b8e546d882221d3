package entente

import "slices"

// Interest is a conflict that an account declared: it is recused from decisions about the
// organisation or agreement. It is ended, and never deleted.
type Interest struct {
	ID       string // UUID
	Account  string // id
	About    string // id of an organisation or an agreement
	Reason   string
	By       string // id of the account that declared it, "" for the node's owner
	Declared int64  // microseconds since 1970
	EndedBy  string // id of the account that ended it, "" for the node's owner
	Ended    int64  // 0 while it stands
}

// DeclareInterest recuses an account. A person declares for himself; an operator may
// declare for another.
type DeclareInterest struct {
	Account string // id
	About   string // id of a partner or an agreement
	Reason  string
}

// EndInterest ends a declared conflict, which stays visible.
type EndInterest struct {
	Why
	Interest string // id
}

func (DeclareInterest) command() {}
func (EndInterest) command()     {}

// mayTell tells whether the actor may declare and end the conflicts of an account.
func (f Facts) mayTell(account string) error {
	if f.Actor.IsOperator() || f.Actor.Account.ID != "" && f.Actor.Account.ID == account {
		return nil
	}
	return Errorf(Forbidden, "a conflict is declared and ended by the person concerned, or by an operator")
}

func decideDeclare(c DeclareInterest, f Facts) (Change, error) {
	if err := f.mayTell(c.Account); err != nil {
		return Change{}, err
	}
	if err := f.person(); err != nil {
		return Change{}, err
	}
	if !f.AboutAgreement {
		if _, err := f.partner(c.About); err != nil {
			return Change{}, err
		}
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if slices.ContainsFunc(f.Interests, func(i Interest) bool { return i.Account == c.Account && i.About == c.About && i.Ended == 0 }) {
		return Change{}, Errorf(Conflict, "%q has declared a conflict about that already", f.Account.Name)
	}
	i := Interest{ID: f.NewID, Account: c.Account, About: c.About, Reason: c.Reason, By: f.Actor.Account.ID, Declared: f.Now}
	return Change{Interest: &i, Receipt: Receipt{ID: i.ID}}, nil
}

func decideEndInterest(c EndInterest, f Facts) (Change, error) {
	i := slices.IndexFunc(f.Interests, func(i Interest) bool { return i.ID == c.Interest })
	if i < 0 {
		return Change{}, Errorf(NotFound, "there is no such conflict")
	}
	to := f.Interests[i]
	if err := f.mayTell(to.Account); err != nil {
		return Change{}, err
	}
	if to.Ended != 0 {
		return Change{}, Errorf(Conflict, "that conflict was ended at %s", FormatMicros(to.Ended))
	}
	to.Ended, to.EndedBy = f.Now, f.Actor.Account.ID
	return Change{Interest: &to, Receipt: Receipt{ID: to.ID}}, nil
}
