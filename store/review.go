package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"entente"
)

// The kinds of rows of the table review.
const (
	reviewNote           = "note"
	reviewRecommendation = "recommendation"
	reviewRemoval        = "removal"
)

// applyReview writes what reviewers do, and what is done about them.
func (t *Tx) applyReview(ctx context.Context, c entente.Change) error {
	put := func(kind, id, about string, at int64, v any) error {
		body, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO review (id, kind, about, at, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
			id, kind, about, at, body)
		return err
	}
	var err error
	if n := c.ReviewNote; n != nil {
		err = put(reviewNote, n.ID, n.Subject, n.At, n)
	}
	if r := c.Recommendation; r != nil && err == nil {
		err = put(reviewRecommendation, r.ID, "", r.At, r)
	}
	if r := c.Removal; r != nil && err == nil {
		err = put(reviewRemoval, r.ID, r.Account, r.At, r)
	}
	if k := c.AccountKey; k != nil && err == nil {
		_, err = t.exec(ctx, `INSERT INTO account_key (account, pubkey, added, added_by) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account) DO UPDATE SET pubkey = excluded.pubkey, added = excluded.added, added_by = excluded.added_by`, k.Account, []byte(k.Key), k.Added, k.By)
	}
	return err
}

func reviewed[T any](ctx context.Context, t *Tx, where string, args ...any) ([]T, error) {
	rows, err := t.query(ctx, `SELECT body FROM review WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var body []byte
		var v T
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// ReviewNotes lists findings about a subject, or about all where that is "": the latest
// first, at most limit.
func (t *Tx) ReviewNotes(ctx context.Context, subject string, limit int) ([]entente.ReviewNote, error) {
	return reviewed[entente.ReviewNote](ctx, t, `kind = $1 AND (about = $2 OR $2 = '') ORDER BY at DESC, id LIMIT $3`, reviewNote, subject, limit)
}

// Recommendations lists the recommendations to suspend, oldest first.
func (t *Tx) Recommendations(ctx context.Context) ([]entente.Recommendation, error) {
	return reviewed[entente.Recommendation](ctx, t, `kind = $1 ORDER BY at, id`, reviewRecommendation)
}

// Removals lists what would shut a reviewer out, or any of them where account is "", oldest
// first; what was done and what nobody did in time included.
func (t *Tx) Removals(ctx context.Context, account string) ([]entente.Removal, error) {
	return reviewed[entente.Removal](ctx, t, `kind = $1 AND (about = $2 OR $2 = '') ORDER BY at, id`, reviewRemoval, account)
}

// AccountKey gives the key with which a person signs, nil if none is registered.
func (t *Tx) AccountKey(ctx context.Context, account string) (*entente.AccountKey, error) {
	k := &entente.AccountKey{Account: account}
	err := t.queryRow(ctx, `SELECT pubkey, added, added_by FROM account_key WHERE account = $1`, account).Scan((*[]byte)(&k.Key), &k.Added, &k.By)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return k, err
}

// reviewFacts reads what a command of reviewers rests on, or one that may shut one out, and
// keeps anybody else from deciding about the same.
func (t *Tx) reviewFacts(ctx context.Context, f *entente.Facts, c entente.Command) (err error) {
	if err := t.holdPeople(ctx); err != nil {
		return err
	}
	account, keyOf := "", ""
	switch c := c.(type) {
	case entente.AddReviewNote:
		keyOf = f.Actor.Account.ID
		f.SubjectKnown, err = t.subjectKnown(ctx, c.Subject)
	case entente.Recommend:
		err = t.suspendFacts(ctx, f, c.Partner, c.Agreement)
	case entente.AnswerRecommendation:
		if f.Recommendation, err = first(reviewed[entente.Recommendation](ctx, t, `id = $1 AND kind = $2`, c.Recommendation, reviewRecommendation)); err == nil && f.Recommendation != nil {
			err = t.suspendFacts(ctx, f, f.Recommendation.Partner, f.Recommendation.Agreement)
		}
	case entente.SetAccountKey:
		account, keyOf = c.Account, c.Account
	case entente.SetPassword:
		account = c.Account
	case entente.RemoveToken:
		if f.Token, err = t.tokenWhere(ctx, `id = $1`, c.Token); f.Token != nil {
			account = f.Token.Account
		}
	case entente.RemoveCertificate:
		if f.Certificate, err = t.certificateWhere(ctx, `id = $1`, c.Certificate); f.Certificate != nil {
			account = f.Certificate.Account
		}
	}
	if err == nil && keyOf != "" {
		var k *entente.AccountKey
		if k, err = t.AccountKey(ctx, keyOf); k != nil {
			f.AccountKey = k.Key
		}
	}
	if err == nil && account != "" {
		if f.Account, err = t.accountWhere(ctx, `id = $1`, account); err == nil {
			f.Removals, err = t.Removals(ctx, account)
		}
	}
	return err
}

// suspendFacts reads how what is to be suspended stands.
func (t *Tx) suspendFacts(ctx context.Context, f *entente.Facts, partner, agreement string) (err error) {
	if partner != "" {
		if f.Organisations, err = t.Organisations(ctx); err == nil {
			f.Stops, err = t.stopsWhere(ctx, `organisation = $1`, partner)
		}
		return err
	}
	f.Life, err = t.Life(ctx, agreement)
	return err
}

// subjectKnown tells whether there is an event or an object.
func (t *Tx) subjectKnown(ctx context.Context, id string) (bool, error) {
	if entente.IsUUID(id) {
		_, e, err := t.LedgerEntry(ctx, id)
		return e != nil, err
	}
	if _, err := entente.ParseObjectID(id); err != nil {
		return false, nil
	}
	held, err := t.Object(ctx, entente.ObjectID(id))
	return len(held) > 0, err
}
