package store

import (
	"context"

	"entente"
	"entente/terms"
)

// Life reads an agreement by id or name with all that was written and said about it, nil if
// there is none.
func (t *Tx) Life(ctx context.Context, idOrName string) (*entente.Life, error) {
	a, err := t.Agreement(ctx, idOrName)
	if err != nil || a == nil {
		return nil, err
	}
	return t.lifeOf(ctx, a)
}

func (t *Tx) lifeOf(ctx context.Context, a *entente.Agreement) (*entente.Life, error) {
	l := &entente.Life{Agreement: *a}
	var err error
	if l.Versions, err = t.TermsVersions(ctx, a.Num); err != nil {
		return nil, err
	}
	l.History, err = t.AgreementSteps(ctx, a.Num)
	return l, err
}

// agreementFacts reads what a command of the life of agreements rests on, and holds the
// agreement. Where the command is about terms, it also holds the API roots, and with them
// names and collections: see [Tx.holdRoots].
func (t *Tx) agreementFacts(ctx context.Context, f *entente.Facts, c entente.Command) (err error) {
	var named string
	aboutTerms := true
	switch c := c.(type) {
	case entente.DraftTerms:
		named = c.Terms.Terms.Name
	case entente.ProposeAgreement:
		named = c.Agreement
	case entente.AmendAgreement:
		named = c.Agreement
	case entente.ActivateAgreement:
		named = c.Agreement
	case entente.RestoreAgreement:
		named = c.Agreement
	case entente.AcceptAgreement:
		named, aboutTerms = c.Agreement, false
	case entente.DropAmendment:
		named, aboutTerms = c.Agreement, false
	case entente.SuspendAgreement:
		named, aboutTerms = c.Agreement, false
	case entente.EndAgreement:
		named, aboutTerms = c.Agreement, false
	}
	if aboutTerms {
		if f.Roots, err = t.holdRoots(ctx); err != nil {
			return err
		}
		if f.Collections, err = t.Collections(ctx); err != nil {
			return err
		}
	}
	if f.Organisations, err = t.Organisations(ctx); err != nil {
		return err
	}
	a, err := t.HoldAgreement(ctx, named)
	if err != nil || a == nil {
		return err
	}
	if f.Life, err = t.lifeOf(ctx, a); err != nil {
		return err
	}
	if v := f.Life.OnTable(); v != nil {
		f.Tightens, _ = terms.Direction(terms.Compare(a.Terms, v.Terms, nil))
	}
	return nil
}

// floorFacts reads what a change of a collection's floor rests on, and holds the
// agreements that cover it.
func (t *Tx) floorFacts(ctx context.Context, f *entente.Facts, collection string) (err error) {
	if f.Collection, err = t.collectionByID(ctx, collection); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE agreement SET closed = closed
		WHERE num IN (SELECT r.agreement FROM release_feed r WHERE r.collection = $1)`, collection); err != nil {
		return err
	}
	f.Agreements, err = t.AgreementsOver(ctx, collection)
	return err
}

// Entries counts the entries of a release feed that readers see at a head.
func (t *Tx) Entries(ctx context.Context, feed, head int64) (int64, error) {
	var n int64
	err := t.queryRow(ctx, `SELECT COUNT(*) FROM line WHERE feed = $1 AND seq <= $2 AND (gone = 0 OR gone > $2) AND rival = 0`, feed, head).Scan(&n)
	return n, err
}
