package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

// Home is the organisation that runs the node, without its identities; its ID is "" before
// there is one.
func (t *Tx) Home(ctx context.Context) (entente.Organisation, error) {
	o := entente.Organisation{Home: true}
	err := t.queryRow(ctx, `SELECT num, id, name, contact, created FROM organisation WHERE home = 1`).Scan(&o.Num, &o.ID, &o.Name, &o.Contact, &o.Created)
	if errors.Is(err, sql.ErrNoRows) {
		return entente.Organisation{}, nil
	}
	return o, err
}

// organisations gives every organisation's number by its id.
func (t *Tx) organisations(ctx context.Context) (map[string]int64, error) {
	rows, err := t.query(ctx, `SELECT num, id FROM organisation`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var num int64
		var id string
		if err := rows.Scan(&num, &id); err != nil {
			return nil, err
		}
		out[id] = num
	}
	return out, rows.Err()
}

// Organisations lists all organisations with their identities, home first, then by name.
func (t *Tx) Organisations(ctx context.Context) ([]entente.Organisation, error) {
	own, err := t.identities(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := t.query(ctx, `SELECT num, id, name, home, contact, created FROM organisation ORDER BY home DESC, name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Organisation
	for rows.Next() {
		var o entente.Organisation
		var home int64
		if err := rows.Scan(&o.Num, &o.ID, &o.Name, &home, &o.Contact, &o.Created); err != nil {
			return nil, err
		}
		o.Home, o.Identities = home != 0, own[o.ID]
		out = append(out, o)
	}
	return out, rows.Err()
}

// identities gives the STIX identities of each organisation's own by its id, sorted.
func (t *Tx) identities(ctx context.Context) (map[string][]entente.ObjectID, error) {
	rows, err := t.query(ctx, `SELECT id, organisation FROM own_identity ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]entente.ObjectID{}
	for rows.Next() {
		var id, organisation string
		if err := rows.Scan(&id, &organisation); err != nil {
			return nil, err
		}
		out[organisation] = append(out[organisation], entente.ObjectID(id))
	}
	return out, rows.Err()
}

func (t *Tx) applyOrganisation(ctx context.Context, c entente.Change) error {
	o := c.Organisation
	if o == nil {
		return nil
	}
	if _, err := t.exec(ctx, `INSERT INTO organisation (num, id, name, home, contact, created) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, contact = excluded.contact`,
		o.Num, o.ID, o.Name, number(o.Home), o.Contact, o.Created); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM own_identity WHERE organisation = $1`, o.ID); err != nil {
		return err
	}
	for _, id := range o.Identities {
		if _, err := t.exec(ctx, `INSERT INTO own_identity (id, organisation) VALUES ($1, $2)`, string(id), o.ID); err != nil {
			return err
		}
	}
	return nil
}

const stopColumns = `id, organisation, reason, basis, placed_by, placed, ratified_by, ratified, review,
	lift_by, lift_asked, lift_reason, lift_backlog, lifted_by, lifted`

// Stops lists the stops of all time, oldest first.
func (t *Tx) Stops(ctx context.Context) ([]entente.Stop, error) { return t.stopsWhere(ctx, `1 = 1`) }

func (t *Tx) stopsWhere(ctx context.Context, where string, args ...any) ([]entente.Stop, error) {
	rows, err := t.query(ctx, `SELECT `+stopColumns+` FROM stop WHERE `+where+` ORDER BY placed, id`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Stop
	for rows.Next() {
		var s entente.Stop
		if err := rows.Scan(&s.ID, &s.Organisation, &s.Reason, &s.Basis, &s.By, &s.At, &s.RatifiedBy, &s.Ratified, &s.Review,
			&s.LiftBy, &s.LiftAsked, &s.LiftReason, &s.LiftBacklog, &s.LiftedBy, &s.Lifted); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func (t *Tx) applyStop(ctx context.Context, c entente.Change) error {
	s := c.Stop
	if s == nil {
		return nil
	}
	_, err := t.exec(ctx, `INSERT INTO stop (`+stopColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (id) DO UPDATE SET ratified_by = excluded.ratified_by, ratified = excluded.ratified, lift_by = excluded.lift_by,
			lift_asked = excluded.lift_asked, lift_reason = excluded.lift_reason, lift_backlog = excluded.lift_backlog,
			lifted_by = excluded.lifted_by, lifted = excluded.lifted`,
		s.ID, s.Organisation, s.Reason, s.Basis, s.By, s.At, s.RatifiedBy, s.Ratified, s.Review,
		s.LiftBy, s.LiftAsked, s.LiftReason, s.LiftBacklog, s.LiftedBy, s.Lifted)
	return err
}

// Door tells whether accounts of an organisation may do anything at all now: see [entente.DoorOpen].
func (t *Tx) Door(ctx context.Context, organisation string) error {
	stops, err := t.stopsWhere(ctx, `organisation = $1 AND lifted = 0`, organisation)
	if err != nil || len(stops) == 0 {
		return err
	}
	home, err := t.Home(ctx)
	if err != nil {
		return err
	}
	return entente.DoorOpen(entente.Organisation{ID: organisation, Home: organisation == home.ID}, stops)
}
