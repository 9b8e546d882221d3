package store

import "context"

// LedgerOnDisk tells how many bytes the tables of the ledger take in the database, with
// their indexes.
func (t *Tx) LedgerOnDisk(ctx context.Context) (n int64, err error) {
	return n, t.queryRow(ctx, t.s.d.ledgerSize).Scan(&n)
}
