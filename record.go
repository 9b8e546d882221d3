package entente

import (
	"maps"
	"slices"
	"strconv"
)

// Record tells what the ledger keeps of a command that was decided: the event of the main
// log, and those that the logs of partners have of the same act, each with For set. Ids and
// salts are the caller's to give, as is [Event.Shared]. An event of no kind is not kept: the
// command keeps account of the node's own work, and changes nothing for anybody.
func Record(c Command, f Facts, ch Change) (Event, []Event) {
	e := recordOf(c, f, ch)
	if e.Kind == "" {
		return e, nil
	}
	if ch.Removal != nil && ch.Removal.Confirmed == 0 {
		e.Kind, e.Result = e.Kind+"-ask", ch.Removal.What
	}
	e.Time, e.By = FormatMicros(f.Now), f.by(ch)
	if e.Case == "" {
		e.Case = f.Actor.Case
	}
	if w, ok := c.(interface{ why() string }); ok && e.Reason == "" {
		e.Reason = w.why()
	}
	return e, f.shared(c, ch, e)
}

// by is who acts, with the mandate that the decision rests on.
func (f Facts) by(ch Change) *By {
	b := &By{Account: f.Actor.Account.ID, Local: f.Actor.Local, Organisation: f.Actor.Account.Organisation, Role: string(ch.Receipt.Mandate.Role), Mandate: ch.Receipt.Mandate.ID}
	if f.Actor.Local {
		b.Organisation = f.Home.ID
		if f.Home.ID == "" && ch.Home != nil {
			b.Organisation = ch.Home.ID
		}
	}
	return b
}

// shared are the events that partners' logs have of an act: of what a partner did itself, and
// of what changes its own standing here. What home decides about objects is not among them;
// its effect on feeds shows in what is delivered.
func (f Facts) shared(c Command, ch Change, main Event) []Event {
	if _, ok := c.(Acknowledge); ok || through(c) != "" {
		main.For = f.Actor.Account.Organisation
		return []Event{main}
	}
	brief := Event{Kind: main.Kind, Time: main.Time, By: &By{Organisation: f.Home.ID}}
	switch {
	case len(ch.EraseEvents) > 0:
		var out []Event
		_, of := erasedEvents(ch.EraseEvents)
		for _, partner := range slices.Sorted(maps.Keys(of)) {
			e := brief
			e.For, e.Erased, e.Count = partner, of[partner], len(of[partner])
			out = append(out, e)
		}
		return out
	case ch.Stop != nil:
		if ch.Stop.LiftedBy == "" && (ch.Stop.Ratified != 0 || ch.Stop.LiftAsked != 0) {
			return nil // it changes nothing for the partner
		}
		brief.For, brief.About = ch.Stop.Organisation, map[string]string{"stop": ch.Stop.ID}
		return []Event{brief}
	case ch.Account != nil && ch.Account.Organisation != f.Home.ID:
		brief.For, brief.About = ch.Account.Organisation, map[string]string{"account": ch.Account.ID}
		return []Event{brief}
	case f.Account != nil && f.Account.Organisation != f.Home.ID && main.About["account"] == f.Account.ID:
		brief.For, brief.About = f.Account.Organisation, map[string]string{"account": f.Account.ID}
		return []Event{brief}
	case ch.Witnessing != nil && main.Text != "" && main.About["partner"] != "" && ch.Witnessing.Policy == nil: // a key of its own
		brief.For, brief.Text = main.About["partner"], main.Text
		return []Event{brief}
	case ch.Agreement != nil && f.Life != nil:
		return ch.Agreement.StateShown(&f.Life.Agreement, f.Home.ID, f.Now)
	}
	return nil
}

func through(c Command) string {
	switch c := c.(type) {
	case Submit:
		return c.Through
	case DeleteObject:
		return c.Through
	}
	return ""
}

// StateShown is what members' logs have of a change of the agreement: its state, and the
// terms in force.
func (a *Agreement) StateShown(was *Agreement, home string, now int64) []Event {
	if !a.Listed() && !was.Listed() || a.State == was.State && a.Version == was.Version {
		return nil
	}
	var out []Event
	for _, m := range a.Terms.Members {
		if m.Organisation != home {
			out = append(out, Event{Kind: "agreement", Time: FormatMicros(now), By: &By{Organisation: home}, For: m.Organisation,
				About: map[string]string{"agreement": a.ID}, Result: string(a.State), Terms: &TermsRef{Hash: a.Hash.String(), Version: a.Version}})
		}
	}
	return out
}

func about(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

// recordOf has the row of each command.
func recordOf(c Command, f Facts, ch Change) Event {
	id := ch.Receipt.ID
	switch c := c.(type) {
	case Submit:
		return f.recordSubmit("submit", c, ch)
	case AddDissent:
		e := f.recordSubmit("dissent", c.Submit(), ch)
		return e
	case StrikeDissent:
		return Event{Kind: "dissent-strike", About: about("object", string(c.Dissent)), Reason: c.Reason}
	case DeleteObject:
		return Event{Kind: "delete", About: about("collection", c.Collection, "agreement", c.Through, "object", string(c.Object)), Count: ch.Receipt.Deleted}
	case PutStatus, PutProgress, NoteCleared:
		return Event{}
	case PlaceStop:
		return Event{Kind: "stop", About: about("stop", id, "partner", c.Organisation), Reason: c.Reason, Basis: c.Basis}
	case RatifyStop, AskLift, Lift:
		return recordStop(c, ch)
	case DeclareInterest:
		return Event{Kind: "conflict-declare", About: about("conflict", id, "account", c.Account, "of", c.About), Reason: c.Reason}
	case EndInterest:
		return Event{Kind: "conflict-end", About: about("conflict", c.Interest)}
	case SetFloor:
		return Event{Kind: "floor", About: about("collection", c.Collection), Result: c.Floor.String(), Reason: c.Reason}
	case TakeDecision:
		e := Event{Kind: "decide", About: about("agreement", c.Agreement, "object", string(c.Object), "decision", id), Result: c.Action.String(), Reason: c.Text}
		return f.recordVersion(e, c.Digest)
	case RestrictObject:
		to := c.To.String()
		if c.Withdraw {
			to = "withdraw"
		}
		return Event{Kind: "restrict", About: about("object", string(c.Object), "restriction", id), Result: to, Reason: c.Reason}
	case LiftRestriction:
		return Event{Kind: "restrict-lift", About: about("restriction", c.Restriction), Reason: c.Reason}
	case RecordConsent:
		return Event{Kind: "permission", About: about("object", string(ch.Consent.Object), "agreement", ch.Consent.Agreement, "permission", id, "originator", ch.Consent.Originator),
			Reason: ch.Consent.Purpose, Text: ch.Consent.Said}
	case ProposeStanding:
		return Event{Kind: "standing-propose", About: about("agreement", c.Agreement, "standing", id, "source", c.Source, "type", c.Type), Result: c.Ceiling.String(), Reason: c.Text}
	case AgreeStanding:
		return Event{Kind: "standing-agree", About: about("standing", c.Order)}
	case EndStanding:
		return Event{Kind: "standing-end", About: about("standing", c.Order)}
	}
	if e := recordKeeping(c, f, ch); e.Kind != "" {
		return e
	}
	if e := recordAgreement(c, ch); e.Kind != "" {
		return e
	}
	if e := recordReview(c, ch); e.Kind != "" {
		return e
	}
	return recordRunNode(c, f, ch)
}

// recordSubmit counts what came in by what became of it.
func (f Facts) recordSubmit(kind string, c Submit, ch Change) Event {
	e := Event{Kind: kind, About: about("collection", c.Collection, "agreement", c.Through), Count: len(c.Versions), Dissent: ch.dissents(), Rules: map[string]Counted{}}
	salts := make(map[Digest][]byte, len(ch.Contents))
	for _, all := range f.Known {
		for _, k := range all {
			if len(k.Salt) > 0 { // else it is new, or was erased
				salts[k.Digest] = k.Salt
			}
		}
	}
	for _, n := range ch.Contents {
		salts[n.Version.Digest] = n.Salt
	}
	by := map[string][]Commitment{}
	for _, r := range ch.Receipt.Results {
		if salt, ok := salts[r.Digest]; ok {
			by[r.Outcome.String()] = append(by[r.Outcome.String()], Commit(salt, r.Digest))
			continue
		}
		n := e.Rules[r.Outcome.String()]
		n.Count++
		e.Rules[r.Outcome.String()] = n
	}
	for outcome, all := range by {
		n := *CountVersions(all)
		n.Count += e.Rules[outcome].Count
		e.Rules[outcome] = n
	}
	return e
}

// dissents counts the opinions and notes of dissent of a submission.
func (ch Change) dissents() int {
	seen := map[ObjectID]bool{}
	for _, d := range ch.Dissent {
		seen[d.Dissent] = true
	}
	return len(seen)
}

// recordVersion adds the commitment to the version that was decided about.
func (f Facts) recordVersion(e Event, d Digest) Event {
	if f.Case == nil || d == (Digest{}) {
		return e
	}
	for i := range f.Case.Concerns {
		if h := f.Case.Concerns[i].held(d); h != nil && len(h.Salt) > 0 {
			e.Versions = CountVersions([]Commitment{Commit(h.Salt, d)})
			return e
		}
	}
	return e
}

func recordStop(c Command, ch Change) Event {
	e := Event{About: about("stop", ch.Stop.ID, "partner", ch.Stop.Organisation)}
	switch c := c.(type) {
	case RatifyStop:
		e.Kind = "stop-ratify"
	case AskLift:
		e.Kind, e.Reason, e.Result = "stop-lift-ask", c.Reason, c.Backlog
	case Lift:
		e.Kind, e.Result = "stop-lift", c.Backlog
	}
	return e
}

// recordKeeping has what is preserved and what is erased.
func recordKeeping(c Command, f Facts, ch Change) Event {
	switch c := c.(type) {
	case PreserveObjects:
		e := Event{Kind: "preserve", Count: len(c.Objects), Case: c.Case, Reason: c.Reason}
		if len(c.Objects) == 1 {
			e.About = about("object", string(c.Objects[0]))
		}
		return e
	case AskLiftPreserve:
		return Event{Kind: "preserve-lift-ask", Case: c.Case, Reason: c.Reason}
	case LiftPreserve:
		return Event{Kind: "preserve-lift", Case: c.Case}
	case ProposeErasure:
		return Event{Kind: "erase-propose", About: about("erasure", ch.Receipt.ID, "object", string(c.Object), "event", c.Event), Basis: c.Basis, Case: c.Case, Reason: c.Reason,
			Versions: f.Keeping.commitments(ch.Erasure)}
	case ConfirmErasure:
		if len(ch.EraseEvents) > 0 {
			e := Event{Kind: "erase", About: about("erasure", c.Erasure), Basis: ch.Erasure.Basis, Case: ch.Erasure.Case, Count: 1}
			e.Erased, _ = erasedEvents(ch.EraseEvents)
			return e
		}
		return Event{Kind: "erase-confirm", About: about("erasure", c.Erasure, "object", string(ch.Erasure.Object)), Basis: ch.Erasure.Basis, Count: ch.Receipt.Deleted,
			Versions: f.Keeping.commitments(ch.Erasure)}
	case ExpireEvents:
		e := Event{Kind: "erase", Result: "retention", Count: len(ch.EraseEvents)}
		e.Erased, _ = erasedEvents(ch.EraseEvents)
		return e
	case RemoveBytes:
		return Event{Kind: "erase", About: about("erasure", c.Erasure)}
	}
	return Event{}
}

// TermsTold names a version of terms with what they are for and with whom, which figures need.
func TermsTold(hash Digest, version int64, t *Terms) *TermsRef {
	r := &TermsRef{Hash: hash.String(), Version: version, Purpose: t.Purpose}
	for _, m := range t.Members {
		r.Members = append(r.Members, m.Organisation)
	}
	return r
}

// recordAgreement has the steps of agreements.
func recordAgreement(c Command, ch Change) Event {
	e := Event{}
	switch c := c.(type) {
	case DraftTerms:
		e.Kind = "agreement-draft"
	case ProposeAgreement:
		e.Kind, e.Reason = "agreement-propose", c.Reason
	case AcceptAgreement:
		e.Kind, e.Text, e.About = "agreement-accept", c.Said, about("partner", c.Organisation)
	case ActivateAgreement:
		e.Kind, e.Reason, e.Result = "agreement-activate", c.Reason, c.Backlog
	case AmendAgreement:
		e.Kind, e.Reason = "agreement-amend", c.Reason
	case DropAmendment:
		e.Kind, e.Reason = "agreement-drop", c.Reason
	case SuspendAgreement:
		e.Kind, e.Reason, e.Text, e.About = "agreement-suspend", c.Reason, c.Said, about("partner", c.Organisation)
	case RestoreAgreement:
		e.Kind, e.Reason, e.Result = "agreement-restore", c.Reason, c.Backlog
	case EndAgreement:
		e.Kind, e.Reason, e.Text, e.About = "agreement-end", c.Reason, c.Said, about("partner", c.Organisation)
	default:
		return e
	}
	if e.About == nil {
		e.About = map[string]string{}
	}
	if a := ch.Agreement; a != nil {
		e.About["agreement"] = a.ID
	}
	if s := ch.Step; s != nil {
		e.Terms = &TermsRef{Hash: s.Hash.String(), Version: s.Version}
	}
	if v := ch.TermsVersion; v != nil {
		e.Terms = TermsTold(v.Hash, v.Number, &v.Terms)
	}
	return e
}

// recordRunNode has what operators do.
func recordRunNode(c Command, f Facts, ch Change) Event {
	id := ch.Receipt.ID
	switch c := c.(type) {
	case Establish:
		return Event{Kind: "establish", About: about("organisation", id)}
	case AddRoot:
		return Event{Kind: "root-add", About: about("root", c.Root.Name)}
	case EditRoot:
		return Event{Kind: "root-edit", About: about("root", c.Root)}
	case RemoveRoot:
		return Event{Kind: "root-remove", About: about("root", c.Root)}
	case AddCollection:
		return Event{Kind: "collection-add", About: about("collection", id)}
	case EditCollection:
		return Event{Kind: "collection-edit", About: about("collection", c.Collection)}
	case RemoveCollection:
		return Event{Kind: "collection-remove", About: about("collection", c.Collection)}
	case AddPartner:
		return Event{Kind: "partner-add", About: about("partner", id)}
	case EditPartner:
		return Event{Kind: "partner-edit", About: about("partner", c.Organisation)}
	case GiveMandate:
		return Event{Kind: "role-give", About: about("account", c.Account, "mandate", id), Result: string(c.Role)}
	case EndMandate:
		return Event{Kind: "role-end", About: about("mandate", c.Mandate)}
	case AddAccount:
		return Event{Kind: "account-add", About: about("account", id)}
	case SetPassword:
		return Event{Kind: "account-password", About: about("account", c.Account)}
	case DisableAccount:
		if c.Enable {
			return Event{Kind: "account-enable", About: about("account", c.Account)}
		}
		return Event{Kind: "account-disable", About: about("account", c.Account)}
	case AddToken:
		return Event{Kind: "token-add", About: about("account", c.Account, "token", id)}
	case RemoveToken:
		return Event{Kind: "token-remove", About: about("token", c.Token)}
	case AddCertificate:
		return Event{Kind: "certificate-add", About: about("account", c.Account, "certificate", id)}
	case RemoveCertificate:
		return Event{Kind: "certificate-remove", About: about("certificate", c.Certificate)}
	case SetGrant:
		return Event{Kind: "grant", About: about("account", c.Account, "collection", c.Collection), Result: "read=" + strconv.FormatBool(c.Read) + " write=" + strconv.FormatBool(c.Write)}
	case AddRemote:
		return Event{Kind: "remote-add", About: about("remote", id, "collection", c.Remote.Collection)}
	case RemoveRemote:
		return Event{Kind: "remote-remove", About: about("remote", c.Remote)}
	// The node completes these two, and enters them by itself: see ledgerkeys.go.
	case SetRetention:
		return Event{Kind: "retention", About: about("class", string(c.Class)), Result: c.Period.String(), Reason: c.Reason}
	case RotateLedgerKey:
		return Event{Kind: "key", Reason: c.Reason}
	case RenewLedger:
		return Event{Kind: "discontinuity", Reason: c.Cause}
	}
	return recordWitnessing(c)
}
