package store

import (
	"context"

	"entente"
)

const mandateColumns = `id, account, role, begins, ends, given_by, given, ended_by, ended`

// mandatesWhere lists mandates, those that have ended included, in the order in which they begin.
func (t *Tx) mandatesWhere(ctx context.Context, where string, args ...any) ([]entente.Mandate, error) {
	rows, err := t.query(ctx, `SELECT `+mandateColumns+` FROM mandate WHERE `+where+` ORDER BY begins, id`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Mandate
	for rows.Next() {
		var m entente.Mandate
		var role string
		if err := rows.Scan(&m.ID, &m.Account, &role, &m.From, &m.Until, &m.By, &m.Given, &m.EndedBy, &m.Ended); err != nil {
			return nil, err
		}
		m.Role = entente.Role(role)
		out = append(out, m)
	}
	return out, rows.Err()
}

const interestColumns = `id, account, about, reason, declared_by, declared, ended_by, ended`

// Interests lists the conflicts of all time that an account declared, oldest first; ""
// for all accounts.
func (t *Tx) Interests(ctx context.Context, account string) ([]entente.Interest, error) {
	if account == "" {
		return t.interestsWhere(ctx, `1 = 1`)
	}
	return t.interestsWhere(ctx, `account = $1`, account)
}

func (t *Tx) interestsWhere(ctx context.Context, where string, args ...any) ([]entente.Interest, error) {
	rows, err := t.query(ctx, `SELECT `+interestColumns+` FROM interest WHERE `+where+` ORDER BY declared, id`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Interest
	for rows.Next() {
		var i entente.Interest
		if err := rows.Scan(&i.ID, &i.Account, &i.About, &i.Reason, &i.By, &i.Declared, &i.EndedBy, &i.Ended); err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// AgreementNames gives the names of all agreements by id.
func (t *Tx) AgreementNames(ctx context.Context) (map[string]string, error) {
	rows, err := t.query(ctx, `SELECT id, name FROM agreement`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		out[id] = name
	}
	return out, rows.Err()
}

func (t *Tx) applyMandates(ctx context.Context, c entente.Change) error {
	for _, m := range c.Mandates {
		if _, err := t.exec(ctx, `INSERT INTO mandate (`+mandateColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (id) DO UPDATE SET ends = excluded.ends, ended_by = excluded.ended_by, ended = excluded.ended`,
			m.ID, m.Account, string(m.Role), m.From, m.Until, m.By, m.Given, m.EndedBy, m.Ended); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) applyInterest(ctx context.Context, c entente.Change) error {
	i := c.Interest
	if i == nil {
		return nil
	}
	_, err := t.exec(ctx, `INSERT INTO interest (`+interestColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET ended_by = excluded.ended_by, ended = excluded.ended`,
		i.ID, i.Account, i.About, i.Reason, i.By, i.Declared, i.EndedBy, i.Ended)
	return err
}

// holdPeople keeps mandates, conflicts, partners and stops from being changed by anybody
// else before this transaction ends: what is decided about one of them depends on the others
// (the last operator, a name that is taken, a stop that two people lift).
func (t *Tx) holdPeople(ctx context.Context) error {
	_, err := t.exec(ctx, `UPDATE series SET last = last WHERE name = 'organisation'`)
	return err
}

// peopleFacts reads what a command about people or partners rests on.
func (t *Tx) peopleFacts(ctx context.Context, f *entente.Facts, c entente.Command) (err error) {
	if err := t.holdPeople(ctx); err != nil {
		return err
	}
	switch c := c.(type) {
	case entente.AddPartner, entente.EditPartner:
		f.Organisations, err = t.Organisations(ctx)
	case entente.GiveMandate:
		f.Account, err = t.accountWhere(ctx, `id = $1`, c.Account)
	case entente.EndMandate:
		err = t.mandateFacts(ctx, f, c.Mandate)
	case entente.DeclareInterest:
		err = t.declareFacts(ctx, f, c)
	case entente.EndInterest:
		f.Interests, err = t.interestsWhere(ctx, `id = $1`, c.Interest)
	case entente.PlaceStop:
		if f.Organisations, err = t.Organisations(ctx); err == nil {
			f.Reach, err = t.Reach(ctx, "", "")
		}
	case entente.RatifyStop:
		f.Stops, err = t.stopsWhere(ctx, `id = $1`, c.Stop)
	case entente.AskLift:
		f.Stops, err = t.stopsWhere(ctx, `id = $1`, c.Stop)
	case entente.Lift:
		if f.Stops, err = t.stopsWhere(ctx, `id = $1`, c.Stop); err == nil {
			f.Reach, err = t.Reach(ctx, c.Stop, c.Backlog)
		}
	}
	return err
}

func (t *Tx) mandateFacts(ctx context.Context, f *entente.Facts, id string) error {
	found, err := t.mandatesWhere(ctx, `id = $1`, id)
	if err != nil || len(found) == 0 {
		return err
	}
	f.Mandate = &found[0]
	if f.Account, err = t.accountWhere(ctx, `id = $1`, found[0].Account); err == nil {
		f.Operators, err = t.operators(ctx)
	}
	if err == nil {
		f.Removals, err = t.Removals(ctx, found[0].Account)
	}
	return err
}

func (t *Tx) declareFacts(ctx context.Context, f *entente.Facts, c entente.DeclareInterest) (err error) {
	if f.Account, err = t.accountWhere(ctx, `id = $1`, c.Account); err != nil {
		return err
	}
	if f.Interests, err = t.Interests(ctx, c.Account); err != nil {
		return err
	}
	agreements, err := t.AgreementNames(ctx)
	if err != nil {
		return err
	}
	_, f.AboutAgreement = agreements[c.About]
	f.Organisations, err = t.Organisations(ctx)
	return err
}
