package entente

// Decide judges a command by the facts and says what is to be written. It is pure: the
// same command and facts give the same change. An error is an [Error] and means that
// nothing is written.
func Decide(c Command, f Facts) (Change, error) {
	f.Actor.At = f.Now // roles are held, or not, at the moment of the decision
	if err := said(c, f.Actor); err != nil {
		return Change{}, err
	}
	switch c := c.(type) {
	case Submit:
		ch, err := decideSubmit(c, f)
		if err != nil {
			return Change{}, err
		}
		return f.dissenting(ch, c), nil
	case DeleteObject:
		ch, err := decideDelete(c, f)
		if err != nil {
			return Change{}, err
		}
		ch.Touch = append(ch.Touch, f.concerned(c.Through)...)
		return ch, nil
	case AddDissent:
		return decideAddDissent(c, f)
	case StrikeDissent:
		return decideStrike(c, f)
	case PutStatus:
		if c.Status.Account != f.Actor.Account.ID {
			return Change{}, Errorf(Forbidden, "a status belongs to the account that posted")
		}
		return Change{Status: &c.Status, Receipt: Receipt{ID: c.Status.ID}}, nil
	case PlaceStop:
		return decidePlaceStop(c, f)
	case RatifyStop:
		return decideRatifyStop(c, f)
	case AskLift:
		return decideAskLift(c, f)
	case Lift:
		return decideLift(c, f)
	case DeclareInterest:
		return decideDeclare(c, f)
	case EndInterest:
		return decideEndInterest(c, f)
	case DraftTerms, ProposeAgreement, AcceptAgreement, ActivateAgreement, AmendAgreement, DropAmendment, SuspendAgreement, RestoreAgreement, EndAgreement:
		return decideAgreement(c, f)
	case SetFloor:
		return decideSetFloor(c, f)
	case TakeDecision:
		return decideObject(c, f)
	case RestrictObject:
		return decideRestrict(c, f)
	case LiftRestriction:
		return decideLiftRestriction(c, f)
	case RecordConsent:
		return decideConsent(c, f)
	case ProposeStanding:
		return decideProposeStanding(c, f)
	case AgreeStanding:
		return decideAgreeStanding(c, f)
	case EndStanding:
		return decideEndStanding(c, f)
	case PreserveObjects:
		return decidePreserve(c, f)
	case AskLiftPreserve:
		return decideAskLiftPreserve(c, f)
	case LiftPreserve:
		return decideLiftPreserve(c, f)
	case ProposeErasure:
		return decideProposeErasure(c, f)
	case ConfirmErasure:
		return decideConfirmErasure(c, f)
	case RemoveBytes:
		return decideRemoveBytes(c, f)
	case NoteCleared:
		return decideNoteCleared(c, f)
	case Acknowledge:
		return decideAcknowledge(c, f)
	case AddReviewNote:
		return decideReviewNote(c, f)
	case Recommend:
		return decideRecommend(c, f)
	case AnswerRecommendation:
		return decideAnswer(c, f)
	}
	if _, err := Authorise(f, RunNode); err != nil {
		return Change{}, err
	}
	return decideRunNode(c, f)
}

// decideRunNode judges the commands that an operator gives.
func decideRunNode(c Command, f Facts) (Change, error) {
	switch c := c.(type) {
	case Establish:
		return decideEstablish(c, f)
	case AddRoot:
		return decideAddRoot(c, f)
	case EditRoot:
		return decideEditRoot(c, f)
	case RemoveRoot:
		return decideRemoveRoot(c, f)
	case AddCollection:
		return decideAddCollection(c, f)
	case EditCollection:
		return decideEditCollection(c, f)
	case RemoveCollection:
		return decideRemoveCollection(c, f)
	case AddPartner:
		return decideAddPartner(c, f)
	case EditPartner:
		return decideEditPartner(c, f)
	case GiveMandate:
		return decideGiveMandate(c, f)
	case EndMandate:
		return decideEndMandate(c, f)
	case AddAccount:
		return decideAddAccount(c, f)
	case SetPassword:
		return decideSetPassword(c, f)
	case SetAccountKey:
		return decideAccountKey(c, f)
	case AddToken:
		return decideAddToken(c, f)
	case RemoveToken:
		if f.Token == nil {
			return Change{}, Errorf(NotFound, "there is no token %s", c.Token)
		}
		return f.byTwo(Change{RemoveToken: f.Token.ID}, "take the token "+f.Token.ID)
	case AddCertificate:
		return decideAddCertificate(c, f)
	case RemoveCertificate:
		return decideRemoveCertificate(c, f)
	case DisableAccount:
		return decideDisable(c, f)
	case SetGrant:
		return decideGrant(c, f)
	case AddRemote:
		return decideAddRemote(c, f)
	case RemoveRemote:
		return decideRemoveRemote(c, f)
	case PutProgress:
		return decidePutProgress(c, f)
	case WitnessLog, DropWitnessLog, SetPolicy, AddPartnerKey, RemovePartnerKey:
		return decideWitnessing(c, f)
	case SetRetention:
		return decideSetRetention(c, f)
	case ExpireEvents:
		return decideExpire(c, f)
	case RotateLedgerKey:
		return decideRotateLedgerKey(c, f)
	case RenewLedger:
		return decideRenewLedger(c, f)
	}
	return Change{}, Errorf(Internal, "no decision for %T", c)
}

// access is the actor's access to the collection that the command names, or the one
// answer for a collection that is unknown or must not be seen.
func access(f Facts) (Access, error) {
	if f.Collection != nil && (f.Actor.Local || f.Actor.Account.Organisation == f.Home.ID) {
		if a := AccessFor(f.Actor, *f.Collection, f.Grant); a.Visible() {
			return a, nil
		}
	}
	return Access{}, errNoCollection()
}

// errNoCollection is the one answer for collections that are unknown or must not be seen.
func errNoCollection() error { return Errorf(NotFound, "there is no such collection") }

// errShut is for who may write, and finds the API root read-only.
func errShut() error {
	return Errorf(Forbidden, "the API root of this collection is read-only: nothing is added or deleted through it")
}

func decideEstablish(c Establish, f Facts) (Change, error) {
	if f.Home.ID != "" {
		return Change{}, Errorf(Conflict, "this node is established already; its home is %q", f.Home.Name)
	}
	if err := CheckName("organisation", c.Organisation); err != nil {
		return Change{}, err
	}
	if err := CheckRoot(c.Root); err != nil {
		return Change{}, err
	}
	root := c.Root
	return Change{
		Home: &Organisation{Num: f.NewOrganisation, ID: f.NewID, Name: c.Organisation, Home: true, Created: f.Now}, Root: &root, Settings: c.Settings,
		Receipt: Receipt{ID: f.NewID},
	}, nil
}

func decideAddCollection(c AddCollection, f Facts) (Change, error) {
	if err := CheckName("collection", c.Name); err != nil {
		return Change{}, err
	}
	if err := checkAlias(c.Alias); err != nil {
		return Change{}, err
	}
	root := c.Root
	if root == "" && len(f.Roots) > 0 {
		root = f.Roots[0].Name
	}
	if f.root(root) == nil {
		return Change{}, noRoot(root)
	}
	if err := f.checkNamesakes(root, c.Name, c.Alias); err != nil {
		return Change{}, err
	}
	return Change{
		Collection: &Collection{ID: f.NewID, Root: root, Name: c.Name, Alias: c.Alias, Description: c.Description, Created: f.Now, Feed: f.NewFeed},
		Receipt:    Receipt{ID: f.NewID},
	}, nil
}

func decideEditCollection(c EditCollection, f Facts) (Change, error) {
	if f.Collection == nil {
		return Change{}, Errorf(NotFound, "there is no such collection")
	}
	to := *f.Collection
	if c.Name != nil {
		if err := CheckName("collection", *c.Name); err != nil {
			return Change{}, err
		}
		if err := f.checkNamesakes(to.Root, *c.Name, ""); err != nil {
			return Change{}, err
		}
		to.Name = *c.Name
	}
	if c.Alias != nil {
		if err := checkAlias(*c.Alias); err != nil {
			return Change{}, err
		}
		if err := f.checkNamesakes(to.Root, "", *c.Alias); err != nil {
			return Change{}, err
		}
		to.Alias = *c.Alias
	}
	if c.Description != nil {
		to.Description = *c.Description
	}
	return Change{Collection: &to, Receipt: Receipt{ID: to.ID}}, nil
}

// checkNamesakes checks a new name or alias, "" for none, of a collection in an API root.
// Names are unique at home. Within one root names and aliases share one space, so that
// there either finds one collection.
func (f Facts) checkNamesakes(root, name, alias string) error {
	for _, k := range f.Namesakes {
		switch {
		case name != "" && k.Name == name:
			return Errorf(Conflict, "there is already a collection named %q", name)
		case k.Root != root:
		case name != "" && k.Alias == name:
			return Errorf(Conflict, "there is already a collection with the alias %q in the API root %q", name, root)
		case alias != "" && (k.Alias == alias || k.Name == alias):
			return Errorf(Conflict, "there is already a collection with the name or alias %q in the API root %q", alias, root)
		}
	}
	return nil
}

// checkAlias keeps aliases usable as one segment of a URL path and apart from ids.
func checkAlias(s string) error {
	if s == "" {
		return nil
	}
	if len(s) > MaxName {
		return Errorf(Invalid, "the alias has more than %d characters", MaxName)
	}
	if IsUUID(s) {
		return Errorf(Invalid, "the alias must not look like a collection's id")
	}
	for i := range len(s) {
		c := s[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || i > 0 && (c == '-' || c == '_' || c == '.')
		if !ok {
			return Errorf(Invalid, "the alias %q may hold letters, digits, and after the first character - _ and .", clip(s))
		}
	}
	return nil
}

func decideRemoveCollection(c RemoveCollection, f Facts) (Change, error) {
	if f.Collection == nil {
		return Change{}, Errorf(NotFound, "there is no such collection")
	}
	if !f.Empty && !c.EvenIfFull {
		return Change{}, Errorf(Conflict, "the collection %q holds objects; say that they may go with it", f.Collection.Name)
	}
	if err := f.covered(f.Collection.ID); err != nil {
		return Change{}, err
	}
	return Change{RemoveCollection: f.Collection.ID, Receipt: Receipt{ID: f.Collection.ID}}, nil
}

func decideAddAccount(c AddAccount, f Facts) (Change, error) {
	if err := CheckName("account", c.Name); err != nil {
		return Change{}, err
	}
	if f.NameTaken {
		return Change{}, Errorf(Conflict, "there is already an account named %q", c.Name)
	}
	owner := f.Home.ID
	if c.Organisation != "" && c.Organisation != f.Home.ID {
		if _, err := f.partner(c.Organisation); err != nil {
			return Change{}, err
		}
		if !c.Service {
			return Change{}, Errorf(Invalid, "the accounts of partners are services: their people sign in at nodes of their own")
		}
		owner = c.Organisation
	}
	if c.Service && len(c.Roles) > 0 {
		return Change{}, Errorf(Invalid, "a service has no roles: they are for people")
	}
	ch := Change{
		Account: &Account{
			ID: f.NewID, Name: c.Name, Organisation: owner, Service: c.Service,
			PasswordHash: c.PasswordHash, Created: f.Now,
		},
		Receipt: Receipt{ID: f.NewID},
	}
	for _, r := range c.Roles {
		to := f
		to.Account = &Account{ID: f.NewID, Name: c.Name, Organisation: owner, Mandates: ch.Mandates}
		given, err := decideGiveMandate(GiveMandate{Account: f.NewID, Role: r}, to)
		if err != nil {
			return Change{}, err
		}
		given.Mandates[0].ID = f.NewID + "/" + string(r) // one fresh id makes several things
		ch.Mandates = append(ch.Mandates, given.Mandates...)
	}
	return ch, nil
}

func decideSetPassword(c SetPassword, f Facts) (Change, error) {
	if f.Account == nil {
		return Change{}, Errorf(NotFound, "there is no such account")
	}
	to := *f.Account
	to.PasswordHash = c.PasswordHash
	ch := Change{Account: &to, Receipt: Receipt{ID: to.ID}}
	if f.Account.PasswordHash == "" {
		return ch, nil
	}
	return f.byTwo(ch, "replace the password")
}

func decideAddToken(c AddToken, f Facts) (Change, error) {
	if f.Account == nil {
		return Change{}, Errorf(NotFound, "there is no such account")
	}
	if c.Expires != 0 && c.Expires <= f.Now {
		return Change{}, Errorf(Invalid, "the token would have expired before it is made")
	}
	return Change{
		Token:   &Token{ID: f.NewID, Account: f.Account.ID, Hash: c.Hash, Note: c.Note, Created: f.Now, Expires: c.Expires},
		Receipt: Receipt{ID: f.NewID},
	}, nil
}

func decideDisable(c DisableAccount, f Facts) (Change, error) {
	if f.Account == nil {
		return Change{}, Errorf(NotFound, "there is no such account")
	}
	to := *f.Account
	if !c.Enable && to.LastingOperator() && f.Operators <= 1 {
		return Change{}, lastOperator(&to, "disable it")
	}
	to.Disabled = !c.Enable
	ch := Change{Account: &to, Receipt: Receipt{ID: to.ID}}
	if c.Enable {
		return ch, nil
	}
	return f.byTwo(ch, "disable the account")
}

func decideGrant(c SetGrant, f Facts) (Change, error) {
	if f.Account == nil {
		return Change{}, Errorf(NotFound, "there is no such account")
	}
	if f.Account.Organisation != f.Home.ID {
		return Change{}, Errorf(Invalid, "%q is an account of a partner: partners read through agreements, and are granted no collections of home", f.Account.Name)
	}
	if f.Collection == nil {
		return Change{}, Errorf(NotFound, "there is no such collection")
	}
	return Change{Grant: &Grant{Account: f.Account.ID, Collection: f.Collection.ID, Read: c.Read, Write: c.Write}}, nil
}
