package store

import (
	"context"
	"database/sql"
	"errors"

	"entente"
)

// LedgerMark is how far the main log was known to be when it was last written. It lies beside
// the inbox, on SQLite in another file than the ledger: so a database that is put back to an
// earlier state is found by it.
type LedgerMark struct {
	Epoch, Size int64  // 0 where there is no mark
	Root        []byte // of the main log at that size
	Fault       string // what is wrong with the ledger, "" for nothing that is known
}

// LedgerMark reads the mark.
func (s *Store) LedgerMark(ctx context.Context) (m LedgerMark, err error) {
	err = s.update(ctx, s.inbox, func(t *Tx) (err error) {
		m, err = t.ledgerMark(ctx)
		return err
	})
	return m, err
}

func (t *Tx) ledgerMark(ctx context.Context) (m LedgerMark, err error) {
	err = t.queryRow(ctx, `SELECT epoch, size, root, fault FROM ledger_mark WHERE one = 1`).Scan(&m.Epoch, &m.Size, &m.Root, &m.Fault)
	if errors.Is(err, sql.ErrNoRows) {
		return m, nil
	}
	return m, err
}

// PutLedgerMark moves the mark. It goes back only if that is said: a process that was slow
// does not undo the mark of another.
func (s *Store) PutLedgerMark(ctx context.Context, m LedgerMark, back bool) error {
	return s.faulty("mark", func() error {
		return s.update(ctx, s.inbox, func(t *Tx) error {
			have, err := t.ledgerMark(ctx)
			if err != nil || !back && (have.Epoch > m.Epoch || have.Epoch == m.Epoch && have.Size > m.Size) {
				return err
			}
			_, err = t.exec(ctx, `INSERT INTO ledger_mark (one, epoch, size, root, fault) VALUES (1, $1, $2, $3, $4)
				ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, size = excluded.size, root = excluded.root, fault = excluded.fault`,
				m.Epoch, m.Size, present(m.Root), m.Fault)
			return err
		})
	})
}

// PutLedgerFault notes what is wrong with the ledger, so that no process goes on as if nothing
// were; "" that nothing is.
func (s *Store) PutLedgerFault(ctx context.Context, fault string) error {
	return s.update(ctx, s.inbox, func(t *Tx) error {
		_, err := t.exec(ctx, `INSERT INTO ledger_mark (one, epoch, size, root, fault) VALUES (1, 0, 0, $1, $2)
			ON CONFLICT (one) DO UPDATE SET fault = excluded.fault`, []byte{}, fault)
		return err
	})
}

// LedgerFacts tells how far the ledger is.
func (t *Tx) LedgerFacts(ctx context.Context) (entente.LedgerFacts, error) {
	var f entente.LedgerFacts
	err := t.queryRow(ctx, `SELECT epoch, size FROM ledger_log WHERE organisation = '' ORDER BY epoch DESC LIMIT 1`).Scan(&f.Epoch, &f.Size)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	return f, err
}

// LedgerEnd is the last index that a log has an entry at, -1 for none.
func (t *Tx) LedgerEnd(ctx context.Context, log int64) (int64, error) {
	var last int64
	err := t.queryRow(ctx, `SELECT idx FROM ledger_entry WHERE log = $1 ORDER BY idx DESC LIMIT 1`, log).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return -1, nil
	}
	return last, err
}

// restoredSetting holds, from a restore until it is declared, what was restored.
const restoredSetting = "ledger-restored"

// Restored tells from what the database was restored, where that is not declared in the ledger
// yet; else "".
func (t *Tx) Restored(ctx context.Context) (string, error) {
	said, err := t.Setting(ctx, restoredSetting)
	return string(said), err
}

// DeclaredRestored takes away what [Tx.Restored] tells.
func (t *Tx) DeclaredRestored(ctx context.Context) error {
	_, err := t.exec(ctx, `DELETE FROM setting WHERE name = $1`, restoredSetting)
	return err
}

// faulty does a write, and lets the test fail that asked for it: see [Options].
func (s *Store) faulty(write string, f func() error) error {
	if s.faults == nil {
		return f()
	}
	if err := s.faults(write, false); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return s.faults(write, true)
}
