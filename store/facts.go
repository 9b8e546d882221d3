package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

// Facts reads what [entente.Decide] needs to judge a command. For a command that moves a
// feed it first takes hold of the feed's row, so that nobody else moves it before this
// transaction ends. Now, NewID, NewFeed and NextContent are the caller's to fill.
func (t *Tx) Facts(ctx context.Context, a entente.Actor, c entente.Command) (entente.Facts, error) {
	f, err := t.actorFacts(ctx, a)
	if err != nil {
		return f, err
	}
	if f.Home, err = t.Home(ctx); err != nil {
		return f, err
	}
	switch c := c.(type) {
	case entente.AddPartner, entente.EditPartner, entente.GiveMandate, entente.EndMandate, entente.DeclareInterest, entente.EndInterest,
		entente.PlaceStop, entente.RatifyStop, entente.AskLift, entente.Lift:
		err = t.peopleFacts(ctx, &f, c)
	case entente.Submit:
		err = t.submitFacts(ctx, &f, c)
	case entente.AddDissent:
		err = t.submitFacts(ctx, &f, c.Submit())
	case entente.DeleteObject:
		if err = t.deleteFacts(ctx, &f, c); err == nil {
			err = t.dissentFacts(ctx, &f, []*entente.Version{{ID: c.Object, Type: c.Object.Type()}})
		}
	case entente.StrikeDissent:
		err = t.strikeFacts(ctx, &f, c.Dissent)
	case entente.DraftTerms, entente.ProposeAgreement, entente.AcceptAgreement, entente.ActivateAgreement, entente.AmendAgreement,
		entente.DropAmendment, entente.SuspendAgreement, entente.RestoreAgreement, entente.EndAgreement:
		err = t.agreementFacts(ctx, &f, c)
	case entente.TakeDecision, entente.RestrictObject, entente.LiftRestriction, entente.RecordConsent,
		entente.ProposeStanding, entente.AgreeStanding, entente.EndStanding:
		err = t.caseFacts(ctx, &f, c)
	case entente.PreserveObjects, entente.AskLiftPreserve, entente.LiftPreserve:
		err = t.preserveFacts(ctx, &f, c)
	case entente.ProposeErasure, entente.ConfirmErasure, entente.RemoveBytes, entente.NoteCleared:
		err = t.erasureFacts(ctx, &f, c)
	case entente.SetFloor:
		err = t.floorFacts(ctx, &f, c.Collection)
	case entente.AddRoot:
		if f.Roots, err = t.holdRoots(ctx); err == nil {
			f.Life, err = t.Life(ctx, c.Root.Name)
		}
	case entente.EditRoot:
		f.Roots, err = t.holdRoots(ctx)
	case entente.RemoveRoot:
		if f.Roots, err = t.holdRoots(ctx); err == nil {
			f.Empty, err = t.rootEmpty(ctx, c.Root)
		}
	case entente.AddCollection:
		if f.Roots, err = t.holdRoots(ctx); err == nil {
			f.Namesakes, err = t.namesakes(ctx, "", c.Name, c.Alias)
		}
	case entente.EditCollection:
		if f.Roots, err = t.holdRoots(ctx); err != nil {
			break
		}
		if f.Collection, err = t.collectionByID(ctx, c.Collection); err == nil && f.Collection != nil {
			f.Namesakes, err = t.namesakes(ctx, c.Collection, deref(c.Name), deref(c.Alias))
		}
	case entente.RemoveCollection:
		// Terms that name a collection are written while the roots are held.
		if f.Roots, err = t.holdRoots(ctx); err != nil {
			break
		}
		if f.Agreements, err = t.Agreements(ctx); err != nil {
			break
		}
		if f.Collection, err = t.collectionByID(ctx, c.Collection); err == nil && f.Collection != nil {
			f.Empty, err = t.feedEmpty(ctx, f.Collection.Feed)
		}
	case entente.AddAccount:
		f.Account, err = t.accountWhere(ctx, `name = $1`, c.Name)
		f.NameTaken = f.Account != nil
		if err == nil && c.Organisation != "" {
			f.Organisations, err = t.Organisations(ctx)
		}
	case entente.AddReviewNote, entente.Recommend, entente.AnswerRecommendation, entente.SetAccountKey, entente.SetPassword, entente.RemoveToken, entente.RemoveCertificate:
		err = t.reviewFacts(ctx, &f, c)
	case entente.AddToken:
		f.Account, err = t.accountWhere(ctx, `id = $1`, c.Account)
	case entente.AddCertificate:
		if f.Account, err = t.accountWhere(ctx, `id = $1`, c.Account); err == nil {
			f.Certificate, err = t.certificateWhere(ctx, `pin = $1`, c.Key[:])
		}
	case entente.DisableAccount:
		if err = t.holdPeople(ctx); err != nil {
			break
		}
		if f.Account, err = t.accountWhere(ctx, `id = $1`, c.Account); err == nil {
			f.Operators, err = t.operators(ctx)
		}
		if err == nil {
			f.Removals, err = t.Removals(ctx, c.Account)
		}
	case entente.SetGrant:
		if f.Account, err = t.accountWhere(ctx, `id = $1`, c.Account); err == nil {
			f.Collection, err = t.collectionByID(ctx, c.Collection)
		}
	case entente.AddRemote:
		if f.Remote, err = t.remoteWhere(ctx, `name = $1`, c.Remote.Name); err == nil {
			f.NameTaken = f.Remote != nil
			f.Collection, err = t.collectionByID(ctx, c.Remote.Collection)
		}
	case entente.RemoveRemote:
		f.Remote, err = t.remoteWhere(ctx, `id = $1`, c.Remote)
	case entente.WitnessLog, entente.DropWitnessLog, entente.SetPolicy, entente.AddPartnerKey, entente.RemovePartnerKey, entente.Acknowledge:
		err = t.witnessingFacts(ctx, &f, c)
	case entente.SetRetention:
		f.Retain, err = t.Retain(ctx)
	case entente.ExpireEvents:
		if err = t.holdPeople(ctx); err != nil {
			break
		}
		if f.Retain, err = t.Retain(ctx); err == nil {
			f.Expiring, err = t.keptEvents(ctx, c.Events)
		}
	case entente.RotateLedgerKey, entente.RenewLedger:
		f.Ledger, err = t.LedgerFacts(ctx)
	case entente.PutProgress:
		f.Remote, err = t.remoteWhere(ctx, `id = $1`, c.Remote)
	}
	return f, err
}

// actorFacts reads who acts: what the account was when it signed in may be old.
func (t *Tx) actorFacts(ctx context.Context, a entente.Actor) (entente.Facts, error) {
	f := entente.Facts{Actor: a}
	if a.Local {
		return f, nil
	}
	now, err := t.accountWhere(ctx, `id = $1`, a.Account.ID)
	if err != nil {
		return f, err
	}
	if now == nil || now.Disabled {
		return f, entente.Errorf(entente.Unauthenticated, "this account may not sign in")
	}
	f.Actor.Account = *now
	if err := t.Door(ctx, now.Organisation); err != nil {
		return f, err
	}
	if !now.Service { // who decides nothing declares no conflicts
		f.Interests, err = t.Interests(ctx, now.ID)
	}
	return f, err
}

// SubmitFacts reads what [entente.MaySubmit] needs, and holds nothing.
func (t *Tx) SubmitFacts(ctx context.Context, a entente.Actor, c entente.Submit) (entente.Facts, error) {
	f, err := t.actorFacts(ctx, a)
	if err == nil {
		f.Home, err = t.Home(ctx)
	}
	if err == nil {
		f.Collection, err = t.collectionByID(ctx, c.Collection)
	}
	if err == nil && f.Collection != nil {
		f.Grant, err = t.grant(ctx, f.Actor.Account.ID, c.Collection)
	}
	if err == nil {
		err = t.throughFacts(ctx, &f, c.Through)
	}
	return f, err
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func idsOf(vs []*entente.Version) []entente.ObjectID {
	seen := make(map[entente.ObjectID]struct{}, len(vs))
	ids := make([]entente.ObjectID, 0, len(vs))
	for _, v := range vs {
		if _, ok := seen[v.ID]; !ok {
			seen[v.ID] = struct{}{}
			ids = append(ids, v.ID)
		}
	}
	return ids
}

// feedFacts holds the home feed of a collection and reads what is known of some objects.
func (t *Tx) feedFacts(ctx context.Context, f *entente.Facts, collection string, ids []entente.ObjectID) error {
	c, err := t.collectionByID(ctx, collection)
	if err != nil || c == nil {
		return err
	}
	// The update that changes nothing takes the row's lock before anything is read.
	err = t.queryRow(ctx, `UPDATE feed SET head = head WHERE feed = $1 RETURNING head, added`, c.Feed).Scan(&c.Head, &c.LastAdded)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // removed in between
	}
	if err != nil {
		return err
	}
	f.Collection = c
	if f.Grant, err = t.grant(ctx, f.Actor.Account.ID, c.ID); err != nil {
		return err
	}
	f.Known, err = t.Known(ctx, c.Feed, ids)
	return err
}

// Known reads every stored content of some objects, with its lines in one feed.
func (t *Tx) Known(ctx context.Context, feed int64, ids []entente.ObjectID) (map[entente.ObjectID][]entente.Known, error) {
	keys := make([]int64, len(ids))
	wanted := make(map[entente.ObjectID]struct{}, len(ids))
	for i, id := range ids {
		keys[i] = id.Fold()
		wanted[id] = struct{}{}
	}
	in, arg := t.s.d.ints("$1", keys)
	rows, err := t.query(ctx, `SELECT content, id, spec, micros, rest, digest, salt, EXISTS (SELECT 1 FROM erased e WHERE e.content = content.content) FROM content WHERE okey IN `+in+t.s.d.share, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := make(map[entente.ObjectID][]entente.Known, len(ids))
	type place struct {
		id entente.ObjectID
		at int
	}
	places := map[int64]place{}
	var contents []int64
	for rows.Next() {
		var k entente.Known
		var id, rest string
		var digest []byte
		if err := rows.Scan(&k.Content, &id, &k.Spec, &k.Key.Micros, &rest, &digest, &k.Salt, &k.Erased); err != nil {
			return nil, err
		}
		oid := entente.ObjectID(id)
		if _, ok := wanted[oid]; !ok {
			continue // another id of the same fold
		}
		k.Key.Rest = rest
		copy(k.Digest[:], digest)
		places[k.Content] = place{oid, len(known[oid])}
		known[oid] = append(known[oid], k)
		contents = append(contents, k.Content)
	}
	if err := rows.Err(); err != nil || len(contents) == 0 {
		return known, err
	}
	return known, t.linesOf(ctx, feed, contents, func(l entente.Line) {
		p := places[l.Content]
		k := &known[p.id][p.at]
		k.Lines = append(k.Lines, l)
	})
}

// linesOf reads the lines of a feed that carry some contents, in no order.
func (t *Tx) linesOf(ctx context.Context, feed int64, contents []int64, each func(entente.Line)) error {
	in, arg := t.s.d.ints("$2", contents)
	rows, err := t.query(ctx, `SELECT l.seq, l.content, o.id, `+addedOf+`, l.gone, l.newer, l.later, l.rival
		FROM line l JOIN organisation o ON o.num = l.source WHERE l.feed = $1 AND l.content IN `+in, feed, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var l entente.Line
		if err := rows.Scan(&l.Seq, &l.Content, &l.Source, &l.Added, &l.Gone, &l.Newer, &l.Spec, &l.Rival); err != nil {
			return err
		}
		each(l)
	}
	return rows.Err()
}

func (t *Tx) feedEmpty(ctx context.Context, feed int64) (bool, error) {
	var n int
	err := t.queryRow(ctx, `SELECT 1 FROM line WHERE feed = $1 AND gone = 0 LIMIT 1`, feed).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	return false, err
}
