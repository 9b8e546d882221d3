package store

import (
	"context"
	"database/sql"
	"sync"
)

// statements keeps prepared forms of statements, as preparing one costs more than most
// of them do. PostgreSQL's driver does this by itself.
type statements struct {
	db *sql.DB

	mu   sync.Mutex
	text map[string]*sql.Stmt
}

// maxStatements bounds how many texts are kept: queries of a feed have as many texts as
// there are shapes of filters, and those come from outside.
const maxStatements = 200

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, text: map[string]*sql.Stmt{}}
}

// get gives the prepared form of a text, nil where it is one too many. It needs a
// connection beside those in transactions: see gate.
func (s *statements) get(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	st, full := s.text[text], len(s.text) >= maxStatements
	s.mu.Unlock()
	if st != nil || full {
		return st, nil
	}
	st, err := s.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.text[text]; other != nil {
		st.Close()
		return other, nil
	}
	s.text[text] = st
	return st, nil
}

func (s *statements) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.text {
		st.Close()
	}
	clear(s.text)
}

// gate lets in at most so many transactions at once. It keeps one connection of a pool
// free for preparing statements, which would wait for ever behind transactions that wait
// for it.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }

// prepared is a statement's form for this transaction, nil where there is none.
func (t *Tx) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if t.st == nil {
		return nil, nil
	}
	st, err := t.st.get(ctx, text)
	if st == nil || err != nil {
		return nil, err
	}
	return t.tx.StmtContext(ctx, st), nil
}

func (t *Tx) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	st, err := t.prepared(ctx, text)
	switch {
	case err != nil:
		return nil, err
	case st != nil:
		return st.QueryContext(ctx, args...)
	}
	return t.tx.QueryContext(ctx, text, args...)
}

func (t *Tx) queryRow(ctx context.Context, text string, args ...any) *sql.Row {
	if st, err := t.prepared(ctx, text); st != nil && err == nil {
		return st.QueryRowContext(ctx, args...)
	}
	return t.tx.QueryRowContext(ctx, text, args...) // which fails the same way, if it must
}

func (t *Tx) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	st, err := t.prepared(ctx, text)
	switch {
	case err != nil:
		return nil, err
	case st != nil:
		return st.ExecContext(ctx, args...)
	}
	return t.tx.ExecContext(ctx, text, args...)
}

// prepare is for a statement that runs many times in a row. What it gives is closed with
// the transaction at the latest.
func (t *Tx) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if st, err := t.prepared(ctx, text); st != nil || err != nil {
		return st, err
	}
	return t.tx.PrepareContext(ctx, text)
}
