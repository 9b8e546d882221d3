package store

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"entente"
	"entente/terms"
)

// agreementsWhere lists agreements with their feeds, by name. The condition is about the
// row a of the agreement.
func (t *Tx) agreementsWhere(ctx context.Context, where string, args ...any) ([]entente.Agreement, error) {
	rows, err := t.query(ctx, `SELECT a.num, a.id, a.name, a.state, a.terms, a.closed, a.work, a.created, a.touches, v.hash, v.body
		FROM agreement a JOIN terms v ON v.agreement = a.num AND v.version = (CASE WHEN a.terms > 0 THEN a.terms
			ELSE (SELECT MAX(w.version) FROM terms w WHERE w.agreement = a.num) END)
		WHERE `+where+` ORDER BY a.name`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Agreement
	for rows.Next() {
		var a entente.Agreement
		var closed int64
		var work, hash, body []byte
		if err := rows.Scan(&a.Num, &a.ID, &a.Name, &a.State, &a.Version, &closed, &work, &a.Created, &a.Touches, &hash, &body); err != nil {
			return nil, err
		}
		a.Closed = closed != 0
		copy(a.Hash[:], hash)
		if a.Terms, err = t.s.termsOf(a.Hash, body); err != nil {
			return nil, err
		}
		if len(work) > 0 {
			a.Work = &entente.Work{}
			if err := json.Unmarshal(work, a.Work); err != nil {
				return nil, err
			}
		}
		out = append(out, a)
	}
	if err := rows.Err(); err != nil || len(out) == 0 {
		return nil, err
	}
	return out, t.releaseFeeds(ctx, out)
}

// termsOf reads terms from their canonical form. Terms of one hash never change, so what was
// read of late is kept.
func (s *Store) termsOf(hash entente.Digest, body []byte) (entente.Terms, error) {
	s.mu.Lock()
	known, ok := s.terms[hash]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	read, err := terms.Parse(body)
	if err != nil {
		return read, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.terms) >= maxTermsKept {
		clear(s.terms)
	}
	s.terms[hash] = read
	return read, nil
}

const maxTermsKept = 1000

// releaseFeeds fills in the feeds of agreements, in the order of their collections' ids.
func (t *Tx) releaseFeeds(ctx context.Context, all []entente.Agreement) error {
	at := map[int64]*entente.Agreement{}
	nums := make([]int64, len(all))
	for i := range all {
		nums[i] = all[i].Num
		at[nums[i]] = &all[i]
	}
	in, arg := t.s.d.ints("$1", nums)
	rows, err := t.query(ctx, `SELECT r.agreement, r.id, r.collection, k.feed, g.head, k.floor, r.feed, f.head, r.tail, f.added, r.seen, r.skips
		FROM release_feed r JOIN feed f ON f.feed = r.feed JOIN collection k ON k.id = r.collection JOIN feed g ON g.feed = k.feed
		WHERE r.agreement IN `+in+` ORDER BY r.collection`, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var num int64
		var f entente.ReleaseFeed
		var skips []byte
		if err := rows.Scan(&num, &f.ID, &f.Collection, &f.Log, &f.LogHead, &f.Floor, &f.Feed, &f.Head, &f.Tail, &f.LastAdded, &f.Seen, &skips); err != nil {
			return err
		}
		if len(skips) > 0 {
			if err := json.Unmarshal(skips, &f.Skips); err != nil {
				return err
			}
		}
		a := at[num]
		a.Feeds = append(a.Feeds, f)
	}
	return rows.Err()
}

// Agreements lists all agreements by name.
func (t *Tx) Agreements(ctx context.Context) ([]entente.Agreement, error) {
	return t.agreementsWhere(ctx, `1 = 1`)
}

// AgreementsOf lists the agreements whose terms in force name a partner, by name.
func (t *Tx) AgreementsOf(ctx context.Context, organisation string) ([]entente.Agreement, error) {
	return t.agreementsWhere(ctx, `a.num IN (SELECT m.agreement FROM member m WHERE m.organisation = $1)`, organisation)
}

// AgreementsOver lists the agreements that cover a collection or once did, by name.
func (t *Tx) AgreementsOver(ctx context.Context, collection string) ([]entente.Agreement, error) {
	return t.agreementsWhere(ctx, `a.num IN (SELECT r.agreement FROM release_feed r WHERE r.collection = $1)`, collection)
}

// Agreement finds an agreement by id or name, nil if there is none.
func (t *Tx) Agreement(ctx context.Context, idOrName string) (*entente.Agreement, error) {
	return first(t.agreementsWhere(ctx, `a.id = $1 OR a.name = $1`, idOrName))
}

// AgreementNum finds an agreement by its number, nil if there is none.
func (t *Tx) AgreementNum(ctx context.Context, num int64) (*entente.Agreement, error) {
	return first(t.agreementsWhere(ctx, `a.num = $1`, num))
}

// HoldAgreement finds an agreement by id or name, and keeps it from being changed by anybody
// else before this transaction ends.
func (t *Tx) HoldAgreement(ctx context.Context, idOrName string) (*entente.Agreement, error) {
	if _, err := t.exec(ctx, `UPDATE agreement SET closed = closed WHERE id = $1 OR name = $1`, idOrName); err != nil {
		return nil, err
	}
	return t.Agreement(ctx, idOrName)
}

func first[T any](all []T, err error) (*T, error) {
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// TermsInForce gives the terms of every agreement by its id: those in force, or those last
// written before the first activation.
func (t *Tx) TermsInForce(ctx context.Context) (map[string]*entente.Terms, error) {
	rows, err := t.query(ctx, `SELECT a.id, a.num, v.version, v.hash FROM agreement a JOIN terms v ON v.agreement = a.num AND v.version = (CASE WHEN a.terms > 0 THEN a.terms
		ELSE (SELECT MAX(w.version) FROM terms w WHERE w.agreement = a.num) END)`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]*entente.Terms{}
	type unread struct {
		id           string
		num, version int64
	}
	var missing []unread
	for rows.Next() {
		var u unread
		var hash entente.Digest
		var raw []byte
		if err := rows.Scan(&u.id, &u.num, &u.version, &raw); err != nil {
			return nil, err
		}
		copy(hash[:], raw)
		t.s.mu.Lock()
		known, ok := t.s.terms[hash]
		t.s.mu.Unlock()
		if !ok {
			missing = append(missing, u)
			continue
		}
		out[u.id] = &known
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, u := range missing {
		all, err := t.TermsVersions(ctx, u.num)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if all[i].Number == u.version {
				out[u.id] = &all[i].Terms
			}
		}
	}
	return out, nil
}

// TermsVersions lists the versions of an agreement's terms, oldest first.
func (t *Tx) TermsVersions(ctx context.Context, num int64) ([]entente.TermsVersion, error) {
	rows, err := t.query(ctx, `SELECT version, hash, body, source, made FROM terms WHERE agreement = $1 ORDER BY version`, num)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.TermsVersion
	for rows.Next() {
		var v entente.TermsVersion
		var hash []byte
		if err := rows.Scan(&v.Number, &hash, &v.Canonical, &v.File, &v.Made); err != nil {
			return nil, err
		}
		copy(v.Hash[:], hash)
		if v.Terms, err = t.s.termsOf(v.Hash, v.Canonical); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// AgreementSteps lists the history of an agreement, oldest first.
func (t *Tx) AgreementSteps(ctx context.Context, num int64) ([]entente.AgreementStep, error) {
	rows, err := t.query(ctx, `SELECT step, body FROM step WHERE agreement = $1 ORDER BY step`, num)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.AgreementStep
	for rows.Next() {
		var s entente.AgreementStep
		var body []byte
		var number int64
		if err := rows.Scan(&number, &body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &s); err != nil {
			return nil, err
		}
		s.Number = number
		out = append(out, s)
	}
	return out, rows.Err()
}

// applyAgreement puts an agreement's row, its feeds and members, its new terms and its step,
// and the rows of others on which work begins.
func (t *Tx) applyAgreement(ctx context.Context, c entente.Change) error {
	for i := range c.Working {
		if err := t.putAgreement(ctx, &c.Working[i]); err != nil {
			return err
		}
	}
	a := c.Agreement
	if a == nil {
		return nil
	}
	if err := t.putAgreement(ctx, a); err != nil {
		return err
	}
	if v := c.TermsVersion; v != nil {
		if _, err := t.exec(ctx, `INSERT INTO terms (agreement, version, hash, body, source, made) VALUES ($1, $2, $3, $4, $5, $6)`,
			a.Num, v.Number, v.Hash[:], v.Canonical, v.File, v.Made); err != nil {
			return err
		}
	}
	if c.Step != nil {
		if err := t.putStep(ctx, a.Num, *c.Step); err != nil {
			return err
		}
	}
	for _, f := range a.Feeds {
		skips, err := json.Marshal(f.Skips)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO feed (feed, head, added) VALUES ($1, 0, 0) ON CONFLICT (feed) DO NOTHING`, f.Feed); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO release_feed (feed, agreement, collection, id, tail, seen, skips) VALUES ($1, $2, $3, $4, 0, $5, $6)
			ON CONFLICT (feed) DO UPDATE SET skips = excluded.skips`, f.Feed, a.Num, f.Collection, f.ID, f.Seen, skips); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) putAgreement(ctx context.Context, a *entente.Agreement) error {
	work := []byte{}
	if a.Work != nil {
		var err error
		if work, err = json.Marshal(a.Work); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, `INSERT INTO agreement (num, id, name, state, terms, closed, work, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (num) DO UPDATE SET state = excluded.state, terms = excluded.terms, closed = excluded.closed, work = excluded.work`,
		a.Num, a.ID, a.Name, string(a.State), a.Version, number(a.Closed), work, a.Created); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM member WHERE agreement = $1`, a.Num); err != nil || a.Version == 0 {
		return err
	}
	for _, m := range a.Terms.Members {
		if _, err := t.exec(ctx, `INSERT INTO member (organisation, agreement) VALUES ($1, $2)`, m.Organisation, a.Num); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) putStep(ctx context.Context, num int64, s entente.AgreementStep) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO step (agreement, step, body) VALUES ($1, (SELECT COALESCE(MAX(step), 0) + 1 FROM step WHERE agreement = $1), $2)`, num, body)
	return err
}

// applyTouch asks for objects to be judged again. A later reason takes the place of an
// earlier one, so that whoever works on that one does not strike this one out.
func (t *Tx) applyTouch(ctx context.Context, c entente.Change) error {
	counted := map[int64]bool{}
	count := func(agreement int64) error {
		if counted[agreement] {
			return nil
		}
		counted[agreement] = true
		_, err := t.exec(ctx, `UPDATE agreement SET touches = touches + 1 WHERE num = $1`, agreement)
		return err
	}
	for _, num := range c.Close {
		if _, err := t.exec(ctx, `UPDATE agreement SET closed = 1 WHERE num = $1`, num); err != nil {
			return err
		}
	}
	if w := c.Waiting; w != nil {
		mark, err := entente.NewUUID(rand.Reader)
		if err != nil {
			return err
		}
		if err := count(w.Agreement); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO touched (agreement, object, mark, due)
			SELECT DISTINCT p.agreement, c.id, $3, 0`+waitingFrom+`
			ON CONFLICT (agreement, object) DO UPDATE SET mark = excluded.mark, due = 0`, w.Agreement, int64(w.Reason), mark); err != nil {
			return err
		}
	}
	for _, x := range c.Touch {
		mark, err := entente.NewUUID(rand.Reader)
		if err != nil {
			return err
		}
		if x.Due == 0 { // else an advance itself asks for it
			if err := count(x.Agreement); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, `INSERT INTO touched (agreement, object, mark, due) VALUES ($1, $2, $3, $4)
			ON CONFLICT (agreement, object) DO UPDATE SET mark = excluded.mark,
				due = CASE WHEN excluded.due < touched.due THEN excluded.due ELSE touched.due END`,
			x.Agreement, string(x.Object), mark, x.Due); err != nil {
			return err
		}
	}
	return nil
}
