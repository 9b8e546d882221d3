// Package store keeps what a node holds, in SQLite or PostgreSQL: every SQL statement
// of the product is here. Both engines run one schema and one text of each statement;
// what must differ (DDL words, bulk insert, sets as parameters, full text) stands side
// by side in one dialect file per engine.
//
// The store reads facts and writes changes; it decides nothing. Times are microseconds
// since 1970 and come from the caller, as do all ids.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"time"

	"entente"
)

// Store is an open database. It may be used from many goroutines, and several
// processes may have the same database open.
type Store struct {
	d *dialect
	// On SQLite, which has one writer for a file, write, index and inbox hold one transaction each.
	write, index, inbox, read side

	faults func(write string, persisted bool) error // see Options

	mu     sync.Mutex
	blocks map[string]block // numbers reserved for this process
	terms  map[entente.Digest]entente.Terms
}

// Options say which database to open.
type Options struct {
	// URL is "postgres://…" for PostgreSQL, else the path of a SQLite file.
	URL string
	// Faults, if there is one, is told before and after each write of the ledger's path, and
	// before and after each commit of such a transaction; its error becomes that of the write.
	// It is how tests have every write fail once, before and after it persists.
	Faults func(write string, persisted bool) error
}

// Open opens a database and brings its schema up to date. A database that a newer
// release has written is refused (Conflict).
func Open(ctx context.Context, o Options) (*Store, error) {
	d := sqliteDialect
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		d = postgresDialect
	}
	var p pools
	var err error
	for try := range attempts {
		// Processes that start at once meet while the first of them makes the file, and
		// the engine does not wait for that by itself.
		if p, err = d.open(o.URL); err == nil || !d.retry(err) || sleep(ctx, try+2) != nil {
			break
		}
	}
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the database cannot be opened: "+err.Error())
	}
	s := &Store{d: d, faults: o.Faults, blocks: map[string]block{}, terms: map[entente.Digest]entente.Terms{}}
	s.write = newSide(d, p.write, nil)
	s.index, s.inbox, s.read = s.write, s.write, s.write
	if p.index != p.write {
		s.index = newSide(d, p.index, nil)
	}
	if p.inbox != p.write {
		s.inbox = newSide(d, p.inbox, nil)
	}
	if p.read != p.write {
		s.read = newSide(d, p.read, d.view)
	}
	s.read.options = d.view
	if err := s.migrate(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close releases the database.
func (s *Store) Close() error {
	for _, side := range []side{s.write, s.index, s.inbox, s.read} {
		side.statements.close()
	}
	return pools{s.write.db, s.index.db, s.inbox.db, s.read.db}.close()
}

// side is one of a store's pools of connections.
type side struct {
	db         *sql.DB
	options    *sql.TxOptions
	gate       gate
	statements *statements // nil where the driver keeps statements itself
	unsynced   bool        // see [Store.UpdateUnsynced]
}

func (s side) withoutSync() side {
	s.unsynced = true
	return s
}

func newSide(d *dialect, db *sql.DB, o *sql.TxOptions) side {
	s := side{db: db, options: o, gate: make(gate, max(1, db.Stats().MaxOpenConnections-1))}
	if d.keepStatements {
		s.statements = newStatements(db)
	}
	return s
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.d.name }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.wrap(s.read.db.QueryRowContext(ctx, `SELECT 1`).Scan(&one))
}

// Tx is a transaction. Its methods must not be used once Update or View has returned.
type Tx struct {
	s  *Store
	tx *sql.Tx
	st *statements
}

// attempts bounds how often a transaction is tried again after the engine could not
// serialise it.
const attempts = 12

// Update runs f in a transaction that writes. The whole of f runs again when the engine
// asks for a retry (SQLSTATE 40001 and 40P01, SQLite busy), so f must not act outside
// the transaction. What f returns as error rolls back.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) error {
	return s.update(ctx, s.write, f)
}

// UpdateIndex is [Store.Update] for the index alone: full text, values, and the positions
// of their follower. Nothing else can be read or written in it.
func (s *Store) UpdateIndex(ctx context.Context, f func(*Tx) error) error {
	return s.update(ctx, s.index, f)
}

// UpdateUnsynced is [Store.Update] for what may be lost when the database's machine loses its
// power, and costs nobody anything then: who holds a lease. It does not wait for the disk. What is
// written after it is not kept without it.
func (s *Store) UpdateUnsynced(ctx context.Context, f func(*Tx) error) error {
	return s.update(ctx, s.write.withoutSync(), f)
}

func (s *Store) update(ctx context.Context, on side, f func(*Tx) error) error {
	var err error
	for try := range attempts {
		if err = s.once(ctx, on, f); err == nil || !s.d.retry(err) && !errors.Is(err, errAgain) {
			break
		}
		if sleep(ctx, try) != nil {
			break
		}
	}
	return s.wrap(err)
}

// View runs f on one consistent state of the database, and of the index: the index may be
// behind the rest, or ahead of it by as much as was written while the view began.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	return s.wrap(s.once(ctx, s.read, f))
}

// errAgain asks Update to run its function again: another process wrote the same
// contents in between.
var errAgain = errors.New("written by another process in between")

func (s *Store) once(ctx context.Context, on side, f func(*Tx) error) error {
	if err := on.gate.enter(ctx); err != nil {
		return err
	}
	defer on.gate.leave()
	begin := func() (*sql.Tx, func(), error) {
		tx, err := on.db.BeginTx(ctx, on.options)
		return tx, func() {}, err
	}
	if on.unsynced {
		begin = func() (*sql.Tx, func(), error) { return s.d.unsynced(ctx, on.db) }
	}
	tx, end, err := begin()
	if err != nil {
		return err
	}
	defer end()
	defer tx.Rollback()
	if err := f(&Tx{s: s, tx: tx, st: on.statements}); err != nil {
		return err
	}
	if s.faults == nil || on.options != nil || s.d.view == nil && on.db == s.read.db {
		return tx.Commit()
	}
	return s.faulty("commit", tx.Commit)
}

// sleep waits a little longer with each try, by a random part, so that two processes do
// not collide in step.
func sleep(ctx context.Context, try int) error {
	most := big.NewInt(int64(time.Millisecond) << min(try, 8))
	n, err := rand.Int(rand.Reader, most)
	if err != nil {
		return err
	}
	t := time.NewTimer(time.Duration(n.Int64()))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// wrap turns what an engine says into the product's error. Errors that are already of
// that type pass.
func (s *Store) wrap(err error) error {
	var e *entente.Error
	switch {
	case err == nil, errors.As(err, &e), errors.Is(err, io.EOF):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return entente.Wrap(entente.Unavailable, err, "the work was cut off before it was done; nothing of this step was kept")
	case s.d.full(err):
		return entente.Wrap(entente.Unavailable, err, "the disk under the database is full; nothing of this step was kept")
	case s.d.unwritable(err):
		return entente.Wrap(entente.Unavailable, err, "the files of the database cannot be written (a quota, a limit on the size of files, a broken disk?); nothing of this step was kept")
	case s.d.unique(err):
		return entente.Wrap(entente.Conflict, err, "something of that name or id exists already")
	case s.d.retry(err), errors.Is(err, errAgain):
		return entente.Wrap(entente.Unavailable, err, "the database is busy with other writers; try again")
	}
	return entente.Wrap(entente.Internal, fmt.Errorf("database: %w", err), "")
}

// block is a run of numbers reserved in the database for one process.
type block struct{ next, end int64 }

// Reserve gives n consecutive numbers of a named series, unique among all processes,
// and returns the first. It takes ahead numbers more, so that the next calls need no
// database; what a process does not use is lost, which leaves gaps and harms nothing.
// It writes in a transaction of its own and must not be called within one.
func (s *Store) Reserve(ctx context.Context, series string, n, ahead int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.blocks[series]
	if b.end-b.next < int64(n) {
		size := int64(n + ahead)
		err := s.Update(ctx, func(t *Tx) error {
			return t.queryRow(ctx,
				`INSERT INTO series (name, last) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET last = series.last + $3 RETURNING last`,
				series, size, size).Scan(&b.end)
		})
		if err != nil {
			return 0, err
		}
		b.next, b.end = b.end-size+1, b.end+1
	}
	first := b.next
	b.next += int64(n)
	s.blocks[series] = b
	return first, nil
}
