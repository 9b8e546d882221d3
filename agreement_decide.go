package entente

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// decideAgreement judges the commands of the life of agreements.
func decideAgreement(c Command, f Facts) (Change, error) {
	switch c := c.(type) {
	case DraftTerms:
		return decideDraft(c, f)
	case ProposeAgreement:
		return decidePropose(c, f)
	case AcceptAgreement:
		return decideAccept(c, f)
	case ActivateAgreement:
		return decideActivate(c, f)
	case AmendAgreement:
		return decideAmend(c, f)
	case DropAmendment:
		return decideDrop(c, f)
	case SuspendAgreement:
		return decideTake(StepSuspend, c.Organisation, c.Said, c.Reason, f)
	case RestoreAgreement:
		return decideRestore(c, f)
	case EndAgreement:
		return decideTake(StepEnd, c.Organisation, c.Said, c.Reason, f)
	}
	return Change{}, Errorf(Internal, "no decision for %T", c)
}

// settling is a step of an agreement's life that is being decided.
type settling struct {
	Life    // what is decided changes no facts
	step    AgreementStep
	mandate Mandate
}

// settling begins a step that the actor may take, with what every step records.
func (f Facts) settling(action string) (*settling, error) {
	if f.Life == nil {
		if _, err := Authorise(f, SettleAgreement); err != nil {
			return nil, err
		}
		return nil, Errorf(NotFound, "there is no such agreement")
	}
	m, err := Authorise(f, SettleAgreement, f.Life.parties()...)
	if err != nil {
		return nil, err
	}
	l := &settling{Life: *f.Life, mandate: m}
	if err := l.take(f, action); err != nil {
		return nil, err
	}
	if v := l.OnTable(); v != nil {
		l.step.Version, l.step.Hash = v.Number, v.Hash
	} else {
		l.step.Version, l.step.Hash = l.Version, l.Hash
	}
	return l, nil
}

// take makes the step of a move, if there is one.
func (l *settling) take(f Facts, action string) error {
	move, err := l.move(action)
	l.step = f.step(move, l.mandate)
	return err
}

func (f Facts) step(move Move, m Mandate) AgreementStep {
	return AgreementStep{At: f.Now, Action: move.Action, From: move.From, To: move.To, Organisation: f.Home.ID, Account: f.Actor.Account.ID, Role: m.Role}
}

// stepped is the change that the step makes, with the agreement in the step's state.
func (l *settling) stepped() Change {
	to := l.Agreement
	to.State = l.step.To
	return Change{Agreement: &to, Step: &l.step, Receipt: l.receipt()}
}

func (l *settling) receipt() Receipt { return Receipt{ID: l.ID, Mandate: l.mandate} }

// checkTerms checks terms by themselves and against what home knows.
func (f Facts) checkTerms(v *TermsVersion) error {
	if v.Hash != sha256.Sum256(v.Canonical) {
		return Errorf(Invalid, "the hash is not that of the canonical form of the terms")
	}
	if all := v.Terms.Check(); len(all) > 0 {
		return Errorf(Invalid, "%s", all[0].Text)
	}
	if IsUUID(v.Terms.Name) {
		return Errorf(Invalid, "an agreement cannot be named like an id; choose a name that people can say")
	}
	if f.root(v.Terms.Name) != nil {
		return Errorf(Conflict, "there is already an API root %q, and an agreement is one too; choose another name", v.Terms.Name)
	}
	for _, m := range v.Terms.Members {
		if _, err := f.partner(m.Organisation); err != nil {
			return err
		}
	}
	return f.checkCovered(&v.Terms)
}

// checkCovered checks that the collections that terms name are there.
func (f Facts) checkCovered(t *Terms) error {
	for _, id := range slices.Concat(t.Collections, t.Vocabularies) {
		if !slices.ContainsFunc(f.Collections, func(c Collection) bool { return c.ID == id }) {
			return Errorf(Conflict, "the collection %s that the terms name is not there any more; write the terms anew", id)
		}
	}
	return nil
}

func decideDraft(c DraftTerms, f Facts) (Change, error) {
	v := c.Terms
	v.Number, v.Made = 1, f.Now
	l := &settling{Life: Life{Agreement: Agreement{Num: f.NewAgreement, ID: f.NewID, Name: v.Terms.Name, Created: f.Now}}}
	act := DraftAgreement
	if f.Life != nil {
		l.Life = *f.Life
		if l.State == Proposed { // the draft takes the proposal off the table
			act = SettleAgreement
		}
	}
	about := l.parties()
	for _, m := range v.Terms.Members {
		about = append(about, m.Organisation)
	}
	var err error
	if l.mandate, err = Authorise(f, act, about...); err != nil {
		return Change{}, err
	}
	if err := l.take(f, StepDraft); err != nil {
		return Change{}, err
	}
	if err := f.checkTerms(&v); err != nil {
		return Change{}, err
	}
	if have := l.OnTable(); have != nil {
		if have.Hash == v.Hash {
			return Change{}, Errorf(Conflict, "these are the terms of %q already, version %d", l.Name, have.Number)
		}
		v.Number = l.Versions[len(l.Versions)-1].Number + 1
	}
	l.step.Version, l.step.Hash, l.step.Reason = v.Number, v.Hash, c.Reason
	l.Terms, l.Hash = v.Terms, v.Hash
	ch := l.stepped()
	ch.TermsVersion = &v
	return ch, nil
}

func decidePropose(c ProposeAgreement, f Facts) (Change, error) {
	l, err := f.settling(StepPropose)
	if err != nil {
		return Change{}, err
	}
	if err := checkText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if err := l.Terms.InTime(f.Now); err != nil {
		return Change{}, err
	}
	l.step.Reason = c.Reason
	return l.stepped(), f.checkCovered(&l.Terms)
}

func decideAccept(c AcceptAgreement, f Facts) (Change, error) {
	l, err := f.settling(StepAccept)
	if err != nil {
		return Change{}, err
	}
	v := l.OnTable()
	if v == nil {
		return Change{}, Errorf(Conflict, "the agreement %q is active, and no new terms are on the table that could be accepted", l.Name)
	}
	if _, ok := v.Terms.Member(c.Organisation); !ok {
		return Change{}, Errorf(Invalid, "%q is no member by the terms on the table", f.nameOf(c.Organisation))
	}
	if c.Hash != v.Hash {
		return Change{}, Errorf(Conflict, "other terms are on the table now: version %d, %s; a member accepts what it has read", v.Number, v.Hash)
	}
	if had, ok := l.Accepted()[c.Organisation]; ok {
		return Change{}, Errorf(Conflict, "%q accepted these terms already, at %s", f.nameOf(c.Organisation), FormatMicros(had.At))
	}
	if err := requireText("word of the member (who said so for it, and how)", c.Said, maxDescription); err != nil {
		return Change{}, err
	}
	l.step.Organisation, l.step.Said, l.step.Reason = c.Organisation, c.Said, c.Reason
	return l.stepped(), nil
}

func decideAmend(c AmendAgreement, f Facts) (Change, error) {
	l, err := f.settling(StepAmend)
	if err != nil {
		return Change{}, err
	}
	v := c.Terms
	var about []string
	for _, m := range v.Terms.Members {
		about = append(about, m.Organisation)
	}
	if _, err := Authorise(f, SettleAgreement, about...); err != nil {
		return Change{}, err
	}
	if v.Terms.Name != l.Name {
		return Change{}, Errorf(Invalid, "the agreement %q keeps its name, which is that of its API root; the new terms say %q", l.Name, clip(v.Terms.Name))
	}
	if err := f.checkTerms(&v); err != nil {
		return Change{}, err
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if err := v.Terms.InTime(f.Now); err != nil {
		return Change{}, err
	}
	switch have := l.OnTable(); {
	case v.Hash == l.Hash:
		return Change{}, Errorf(Conflict, "these are the terms in force, so nothing would change; to take other new terms off the table, drop them")
	case have != nil && have.Hash == v.Hash:
		return Change{}, Errorf(Conflict, "these terms are on the table already, as version %d", have.Number)
	}
	v.Number, v.Made = l.Versions[len(l.Versions)-1].Number+1, f.Now
	l.step.Version, l.step.Hash, l.step.Reason = v.Number, v.Hash, c.Reason
	ch := l.stepped()
	ch.TermsVersion = &v
	return ch, nil
}

func decideDrop(c DropAmendment, f Facts) (Change, error) {
	l, err := f.settling(StepDrop)
	if err != nil {
		return Change{}, err
	}
	if v := l.OnTable(); v == nil || v.Number == l.Version {
		return Change{}, Errorf(Conflict, "no new terms of %q are on the table", l.Name)
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	l.step.Reason = c.Reason
	return l.stepped(), nil
}

// decideTake judges what takes something away, and so takes one side and waits for
// nothing: a suspension, and the end. Work under way is called off; what it staged beyond
// the heads was seen by nobody and is dropped by whoever staged it.
func decideTake(action, organisation, said, reason string, f Facts) (Change, error) {
	l, err := f.settling(action)
	if err != nil {
		return Change{}, err
	}
	if err := requireText("reason", reason, maxDescription); err != nil {
		return Change{}, err
	}
	if l.Version != 0 { // what is on the table beside that is not what is taken away
		l.step.Version, l.step.Hash = l.Version, l.Hash
	}
	l.step.Reason = reason
	switch {
	case organisation == "" || organisation == f.Home.ID:
		if said != "" {
			return Change{}, Errorf(Invalid, "who said so is recorded for members; say for which one")
		}
	case !slices.Contains(l.parties()[1:], organisation):
		return Change{}, Errorf(Invalid, "%q is no member of the agreement %q", f.nameOf(organisation), l.Name)
	default:
		if err := requireText("word of the member (who said so for it, and how)", said, maxDescription); err != nil {
			return Change{}, err
		}
		l.step.Organisation, l.step.Said = organisation, said
	}
	if l.Work != nil {
		l.step.CalledOff = l.Work.Step.Action
	}
	l.Work, l.Closed = nil, false
	return l.stepped(), nil
}

// InTime checks that terms have not run out at a moment, in microseconds since 1970. It is a
// Conflict if they have.
func (t *Terms) InTime(now int64) error {
	if t.ValidUntil != 0 && t.ValidUntil <= now {
		return Errorf(Conflict, "these terms ran out at %s; write terms with a later valid_until", FormatMicros(t.ValidUntil))
	}
	return nil
}

// agreed is the version on the table, once all members have accepted it.
func (f Facts) agreed(l *settling) (*TermsVersion, error) {
	v := l.OnTable()
	if v == nil {
		return nil, Errorf(Conflict, "the agreement %q is active, and no new terms are on the table that could come into force", l.Name)
	}
	if missing := l.Missing(); len(missing) > 0 {
		names := make([]string, len(missing))
		for i, id := range missing {
			names[i] = f.nameOf(id)
		}
		const shown = 10
		if more := len(names) - shown; more > 0 {
			names = append(names[:shown], "and others")
		}
		return nil, Errorf(Conflict, "this needs both sides: version %d of the terms (%s) has not been accepted by %s; record the word of each: entente agreement accept %s --for PARTNER --said TEXT", v.Number, v.Hash, strings.Join(names, ", "), l.Name)
	}
	if err := v.Terms.InTime(f.Now); err != nil {
		return nil, err
	}
	return v, f.checkCovered(&v.Terms)
}
