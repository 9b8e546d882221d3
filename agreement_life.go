package entente

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The actions of an [AgreementStep].
const (
	StepDraft    = "draft"    // terms were written
	StepPropose  = "propose"  // home puts them on the table, and accepts them by that
	StepAccept   = "accept"   // a member accepts what is on the table
	StepActivate = "activate" // what all accepted comes into force
	StepAmend    = "amend"    // home puts new terms on the table; those in force stay until all accept
	StepDrop     = "drop"     // home takes new terms off the table
	StepSuspend  = "suspend"  // one side stops the flow, at once
	StepRestore  = "restore"  // all let it flow again
	StepEnd      = "end"      // one side ends it, at once and for good
	StepFloor    = "floor"    // the floor of a covered collection was changed
)

// Move is one row of the table of what may happen to an agreement.
type Move struct {
	Action   string
	From, To AgreementState // From is "" where there is no agreement yet
	// Work tells that the move is made ready first and takes effect when that is done: see [Work].
	Work bool
	// AtOnce tells that the move does not wait for work under way, and calls it off.
	AtOnce bool
}

// Moves is the one table of the life of agreements. What is not in it cannot happen; from
// [Ended] nothing leads on. A move takes one side where it takes something away, and all
// where it gives: an amendment and a restoration are activated or restored by home once
// every member has accepted.
func Moves() []Move {
	return []Move{
		{Action: StepDraft, To: Draft},
		{Action: StepDraft, From: Draft, To: Draft},
		{Action: StepDraft, From: Proposed, To: Draft},
		{Action: StepPropose, From: Draft, To: Proposed},
		{Action: StepAccept, From: Proposed, To: Proposed},
		{Action: StepAccept, From: Active, To: Active},
		{Action: StepAccept, From: Suspended, To: Suspended},
		{Action: StepActivate, From: Proposed, To: Active, Work: true},
		{Action: StepActivate, From: Active, To: Active, Work: true},
		{Action: StepAmend, From: Active, To: Active},
		{Action: StepAmend, From: Suspended, To: Suspended},
		{Action: StepDrop, From: Active, To: Active},
		{Action: StepDrop, From: Suspended, To: Suspended},
		{Action: StepFloor, From: Active, To: Active, Work: true},
		{Action: StepSuspend, From: Active, To: Suspended, AtOnce: true},
		{Action: StepRestore, From: Suspended, To: Active, Work: true},
		{Action: StepEnd, From: Draft, To: Ended, AtOnce: true},
		{Action: StepEnd, From: Proposed, To: Ended, AtOnce: true},
		{Action: StepEnd, From: Active, To: Ended, AtOnce: true},
		{Action: StepEnd, From: Suspended, To: Ended, AtOnce: true},
	}
}

// Life is an agreement with everything that was written and said about it.
type Life struct {
	Agreement
	Versions []TermsVersion  // of its terms, oldest first
	History  []AgreementStep // oldest first
}

// move is the row of the table for an action, or the Conflict that tells why there is none.
// A suspension calls work off that is about to let data flow, and leaves the state as it is.
func (l *Life) move(action string) (Move, error) {
	all := Moves()
	i := slices.IndexFunc(all, func(m Move) bool { return m.Action == action && m.From == l.State })
	switch {
	case i < 0 && action == StepSuspend && l.Work != nil:
		return Move{Action: action, From: l.State, To: l.State, AtOnce: true}, nil
	case i < 0:
		var can []string
		for _, m := range all {
			if m.From == l.State && m.Action != StepFloor {
				can = append(can, m.Action)
			}
		}
		if len(can) == 0 {
			return Move{}, Errorf(Conflict, "the agreement %q has ended, and what ended does not come back; draft another one", l.Name)
		}
		return Move{}, Errorf(Conflict, "the agreement %q is %s, so this cannot be done with it now; what can: %s", l.Name, l.State, strings.Join(can, ", "))
	case l.Work != nil && !all[i].AtOnce:
		return Move{}, l.Agreement.busy()
	}
	return all[i], nil
}

// busy tells what is under way.
func (a *Agreement) busy() error {
	return Errorf(Conflict, "the agreement %q is being changed (%s, since %s); wait until that is done, or suspend or end it, which calls it off",
		a.Name, a.Work.Step.Action, FormatMicros(a.Work.Step.At))
}

// OnTable is the version of the terms that the members are asked to accept, nil if there is
// none: before the first activation what was written last, while suspended the terms under
// which it would be restored, else terms that were amended and are not in force yet.
func (l *Life) OnTable() *TermsVersion {
	if len(l.Versions) == 0 || l.State == Ended {
		return nil
	}
	last := &l.Versions[len(l.Versions)-1]
	dropped := slices.ContainsFunc(l.History, func(s AgreementStep) bool { return s.Action == StepDrop && s.Version == last.Number })
	switch {
	case l.Version == 0 || !dropped && last.Number > l.Version:
		return last
	case l.State == Suspended:
		i := slices.IndexFunc(l.Versions, func(v TermsVersion) bool { return v.Number == l.Version })
		if i < 0 {
			return nil
		}
		return &l.Versions[i]
	}
	return nil
}

// Accepted gives the steps by which members accepted what is on the table, by the id of the
// organisation. A word counts for the very terms that it was given for, and until terms
// are written anew or the agreement is suspended.
func (l *Life) Accepted() map[string]AgreementStep {
	out := map[string]AgreementStep{}
	v := l.OnTable()
	if v == nil {
		return out
	}
	for _, s := range l.History {
		switch s.Action {
		case StepDraft, StepAmend, StepDrop, StepSuspend:
			clear(out)
		case StepAccept:
			if s.Version == v.Number && s.Hash == v.Hash {
				out[s.Organisation] = s
			}
		}
	}
	return out
}

// Missing lists the ids of the members of what is on the table that have not accepted it.
func (l *Life) Missing() []string {
	v := l.OnTable()
	if v == nil {
		return nil
	}
	accepted := l.Accepted()
	var out []string
	for _, m := range v.Terms.Members {
		if _, ok := accepted[m.Organisation]; !ok {
			out = append(out, m.Organisation)
		}
	}
	return out
}

// parties are the ids that a declared conflict may be about: the agreement, and the members
// of the terms in force and of those on the table.
func (l *Life) parties() []string {
	out := []string{l.ID}
	add := func(t *Terms) {
		for _, m := range t.Members {
			out = append(out, m.Organisation)
		}
	}
	add(&l.Terms)
	if v := l.OnTable(); v != nil {
		add(&v.Terms)
	}
	return out
}

// DraftTerms writes the terms of an agreement that has never been in force: of a new one,
// or new terms of one that is a draft or proposed. The agreement is the one that the terms name.
type DraftTerms struct {
	Why
	Terms TermsVersion // without its number and time
}

// ProposeAgreement puts a draft on the table, for home.
type ProposeAgreement struct {
	Agreement string // id
	Reason    string // may be ""
}

// AcceptAgreement records that a member without a node of its own accepts what is on the table.
type AcceptAgreement struct {
	Why
	Agreement    string // id
	Organisation string // id of the member
	Hash         Digest // of the terms that it accepted
	Said         string // who said so for it, and how
}

// ActivateAgreement puts in force what all members accepted: for the first time, or in
// place of what is in force.
type ActivateAgreement struct {
	Seen
	Agreement string // id
	Backlog   string // for the collections that come to be covered: see [ParseBacklog]; "" where none does
	Reason    string // may be ""
}

// AmendAgreement puts new terms on the table of an agreement that was in force.
type AmendAgreement struct {
	Agreement string       // id
	Terms     TermsVersion // without its number and time
	Reason    string
}

// DropAmendment takes amended terms off the table. Those in force stay.
type DropAmendment struct {
	Agreement string // id
	Reason    string
}

// SuspendAgreement stops the flow from the next request on. One side is enough.
type SuspendAgreement struct {
	Agreement    string // id
	Organisation string // id of the member that suspends it; "" for home
	Said         string // who said so for that member, and how; "" for home
	Reason       string
}

// RestoreAgreement lets data flow again once all members have accepted that, under the
// terms on the table: those that were in force, or amended ones.
type RestoreAgreement struct {
	Seen
	Agreement string // id
	Backlog   string // see [ParseBacklog]
	Reason    string
}

// EndAgreement ends an agreement for good. One side is enough.
type EndAgreement struct {
	Agreement    string // id
	Organisation string // id of the member that ends it; "" for home
	Said         string // who said so for that member, and how; "" for home
	Reason       string
}

func (DraftTerms) command()        {}
func (ProposeAgreement) command()  {}
func (AcceptAgreement) command()   {}
func (ActivateAgreement) command() {}
func (AmendAgreement) command()    {}
func (DropAmendment) command()     {}
func (SuspendAgreement) command()  {}
func (RestoreAgreement) command()  {}
func (EndAgreement) command()      {}

// Because tells why a step was taken, in a sentence: the reason that was given, or else what the
// step rests on. Suspending and whatever else takes away or changes what was agreed demand a
// reason. Terms are those that the step was about.
func (s *AgreementStep) Because(t *Terms) string {
	switch {
	case s.Reason != "":
		return s.Reason
	case s.Action == StepDraft || s.Action == StepPropose:
		return "the purpose of these terms: " + strings.Join(strings.Fields(t.Purpose), " ")
	case s.Action == StepAccept:
		return "the word of the member: " + s.Said
	case s.Action == StepActivate:
		return fmt.Sprintf("every member has accepted version %d of the terms", s.Version)
	}
	return ""
}

// nameOf is an organisation's name for an error text.
func (f Facts) nameOf(id string) string {
	if o := f.organisation(id); o != nil {
		return cmp.Or(o.Name, id)
	}
	return id
}
