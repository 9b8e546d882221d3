package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

func (t *Tx) witnessingFacts(ctx context.Context, f *entente.Facts, c entente.Command) (err error) {
	known := func(text string, args ...any) {
		var n []int64
		n, err = t.numbers(ctx, text, args...)
		f.KeyKnown = len(n) > 0
	}
	switch c := c.(type) {
	case entente.DropWitnessLog:
		known(`SELECT added FROM witness_key WHERE vkey = $1`, c.Key)
	case entente.RemovePartnerKey:
		known(`SELECT added FROM partner_key WHERE organisation = $1 AND vkey = $2`, c.Organisation, c.Key)
	case entente.Acknowledge:
		known(`SELECT added FROM partner_key WHERE organisation = $1 AND vkey = $2`, c.Organisation, c.Key)
	case entente.SetPolicy, entente.AddPartnerKey:
		f.Organisations, err = t.Organisations(ctx)
	}
	return err
}

func (t *Tx) applyWitnessing(ctx context.Context, c entente.Change) (err error) {
	w := c.Witnessing
	if w == nil {
		return nil
	}
	do := func(text string, args ...any) {
		if err == nil {
			_, err = t.exec(ctx, text, args...)
		}
	}
	if k := w.LogKey; k != nil {
		do(`INSERT INTO witness_key (vkey, origin, added) VALUES ($1, $2, $3) ON CONFLICT (vkey) DO NOTHING`, k.Key, k.Origin, k.Added)
	}
	if w.RemoveLogKey != "" { // what was cosigned is kept: the log may be added again
		do(`DELETE FROM witness_key WHERE vkey = $1`, w.RemoveLogKey)
	}
	if p := w.Policy; p != nil {
		do(`DELETE FROM ledger_policy WHERE organisation = $1`, p.Organisation)
		// What was witnessed under another policy says nothing about this one.
		do(`DELETE FROM ledger_witnessed WHERE log IN (SELECT num FROM ledger_log WHERE organisation = $1)`, p.Organisation)
		if len(p.Text) > 0 {
			do(`INSERT INTO ledger_policy (organisation, body) VALUES ($1, $2)`, p.Organisation, p.Text)
		}
	}
	if k := w.PartnerKey; k != nil {
		do(`INSERT INTO partner_key (organisation, vkey, added) VALUES ($1, $2, $3) ON CONFLICT (organisation, vkey) DO NOTHING`, k.Organisation, k.Key, k.Added)
	}
	if k := w.RemovePartnerKey; k != nil {
		do(`DELETE FROM partner_key WHERE organisation = $1 AND vkey = $2`, k.Organisation, k.Key)
	}
	if a := w.Acknowledgement; a != nil {
		do(`INSERT INTO ledger_ack (log, size, organisation, vkey, note, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (log, size) DO NOTHING`,
			a.Log, a.Size, a.Organisation, a.Key, a.Note, a.At)
	}
	return err
}

// WitnessKeys lists the keys of the logs that this node witnesses: of one log, or of all
// where origin is "".
func (t *Tx) WitnessKeys(ctx context.Context, origin string) ([]entente.LogKey, error) {
	rows, err := t.query(ctx, `SELECT origin, vkey, added FROM witness_key WHERE $1 = '' OR origin = $2 ORDER BY origin, added, vkey`, origin, origin)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.LogKey
	for rows.Next() {
		var k entente.LogKey
		if err := rows.Scan(&k.Origin, &k.Key, &k.Added); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// WitnessState is the last checkpoint of another node's log that this node cosigned.
type WitnessState struct {
	Size int64
	Root []byte
	At   int64 // microseconds since 1970, 0 if it never cosigned one
}

// WitnessState reads what was cosigned last of a log.
func (t *Tx) WitnessState(ctx context.Context, origin string) (WitnessState, error) {
	var s WitnessState
	err := t.queryRow(ctx, `SELECT size, root, at FROM witness_state WHERE origin = $1`, origin).Scan(&s.Size, &s.Root, &s.At)
	if errors.Is(err, sql.ErrNoRows) {
		return WitnessState{}, nil
	}
	return s, err
}

// PutWitnessState takes the place of a state that was read. It is a Conflict if another
// process has cosigned in between.
func (t *Tx) PutWitnessState(ctx context.Context, origin string, was, now WitnessState) error {
	res, err := t.exec(ctx, `INSERT INTO witness_state (origin, size, root, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, at = excluded.at WHERE witness_state.size = $5`,
		origin, now.Size, now.Root, now.At, was.Size)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return entente.Errorf(entente.Conflict, "another process has cosigned this log in between")
	}
	return nil
}

// Policies lists the policies that there are, that of the main log first.
func (t *Tx) Policies(ctx context.Context) ([]entente.Policy, error) {
	rows, err := t.query(ctx, `SELECT organisation, body FROM ledger_policy ORDER BY organisation`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.Policy
	for rows.Next() {
		var p entente.Policy
		if err := rows.Scan(&p.Organisation, &p.Text); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// Cosigned is what a witness has cosigned last of a log of home's.
type Cosigned struct {
	Log     int64
	Witness string // its verifier key
	Size    int64
	Lines   []byte // its signatures, a line each
}

// Cosigned lists what witnesses have cosigned of a log, by witness.
func (t *Tx) Cosigned(ctx context.Context, log int64) (map[string]Cosigned, error) {
	rows, err := t.query(ctx, `SELECT witness, size, lines FROM ledger_cosigned WHERE log = $1`, log)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]Cosigned{}
	for rows.Next() {
		c := Cosigned{Log: log}
		if err := rows.Scan(&c.Witness, &c.Size, &c.Lines); err != nil {
			return nil, err
		}
		out[c.Witness] = c
	}
	return out, rows.Err()
}

// PutCosigned keeps what a witness has cosigned.
func (t *Tx) PutCosigned(ctx context.Context, c Cosigned) error {
	_, err := t.exec(ctx, `INSERT INTO ledger_cosigned (log, witness, size, lines) VALUES ($1, $2, $3, $4)
		ON CONFLICT (log, witness) DO UPDATE SET size = excluded.size, lines = excluded.lines`, c.Log, c.Witness, c.Size, c.Lines)
	return err
}

// Witnessed is the last checkpoint of a log that met its policy.
type Witnessed struct {
	Log, Size int64
	Note      []byte // with the cosignatures
	At        int64  // microseconds since 1970
}

// Witnessed finds it; its Size is 0 while there is none.
func (t *Tx) Witnessed(ctx context.Context, log int64) (Witnessed, error) {
	w := Witnessed{Log: log}
	err := t.queryRow(ctx, `SELECT size, note, at FROM ledger_witnessed WHERE log = $1`, log).Scan(&w.Size, &w.Note, &w.At)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return w, err
}

// PutWitnessed keeps a checkpoint that met the policy. Where it is still the last one of the
// log, it is from now on served and exported with its cosignatures.
func (t *Tx) PutWitnessed(ctx context.Context, w Witnessed) error {
	if _, err := t.exec(ctx, `INSERT INTO ledger_witnessed (log, size, note, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (log) DO UPDATE SET size = excluded.size, note = excluded.note, at = excluded.at`, w.Log, w.Size, w.Note, w.At); err != nil {
		return err
	}
	return t.SignLedger(ctx, &LedgerLog{Num: w.Log, Size: w.Size, Note: w.Note})
}

// EntryTime tells when the entry at an index of a log came about, in microseconds since 1970;
// 0 if there is none.
func (t *Tx) EntryTime(ctx context.Context, log, index int64) (int64, error) {
	var at int64
	err := t.queryRow(ctx, `SELECT at FROM ledger_entry WHERE log = $1 AND idx = $2`, log, index).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return at, err
}

// PartnerKeys lists the keys with which a partner acknowledges, oldest first.
func (t *Tx) PartnerKeys(ctx context.Context, organisation string) ([]entente.PartnerKey, error) {
	rows, err := t.query(ctx, `SELECT organisation, vkey, added FROM partner_key WHERE organisation = $1 ORDER BY added, vkey`, organisation)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entente.PartnerKey
	for rows.Next() {
		var k entente.PartnerKey
		if err := rows.Scan(&k.Organisation, &k.Key, &k.Added); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// Acknowledged finds the first acknowledgement that covers an entry of a partner's log; its
// Size is 0 where there is none.
func (t *Tx) Acknowledged(ctx context.Context, log, index int64) (entente.Acknowledgement, error) {
	a := entente.Acknowledgement{Log: log}
	err := t.queryRow(ctx, `SELECT size, organisation, vkey, note, at FROM ledger_ack WHERE log = $1 AND size > $2 ORDER BY size LIMIT 1`, log, index).
		Scan(&a.Size, &a.Organisation, &a.Key, &a.Note, &a.At)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return a, err
}
