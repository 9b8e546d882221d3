package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// dialect is all that differs between the engines. Each engine has one value of it, in
// a file of its own; nothing else in the package asks which engine it is.
type dialect struct {
	name string
	// open opens the database for writing, for writing the index and for reading; they
	// may be one.
	open func(url string) (pools, error)
	// keepStatements tells that prepared statements are worth keeping: the driver does not.
	keepStatements bool
	// view are the options of a transaction that reads one consistent state.
	view *sql.TxOptions
	// unsynced begins a transaction whose commit does not wait for the disk. What it gives is to
	// be called after the transaction.
	unsynced func(ctx context.Context, db *sql.DB) (*sql.Tx, func(), error)
	// words replaces {blob}, {clustered} and {number} (a 64-bit primary key) in the schema.
	words *strings.Replacer
	// searchSchema makes the full-text index, among the tables of the first migration.
	searchSchema []string
	// index makes the tables of the index where it is a database of its own; nil where
	// they are tables like the others. indexApart is the migration that moved them there.
	index, indexApart []string
	// indexAnew is the migration that lets the follower begin anew, for the keys of filters;
	// where the index is a database of its own, indexVersion does that.
	indexAnew []string
	// inboxSchema is the migration that makes the inbox, where it is a table like the others.
	inboxSchema []string
	// markSchema is the one that makes the mark of the ledger, which lies beside the inbox.
	markSchema []string
	// ints turns a set of integers into an SQL expression for the right side of IN (and for
	// FROM, with the one column n), with the parameter's number, and the parameter.
	ints func(param string, set []int64) (expr string, arg any)
	// among is the condition that a column is in a set of integers, to go with another on the
	// columns before it in the same index: however wrong the engine's statistics are, its
	// cost grows with the rows of that part of the index at most, and not with those times
	// the set.
	among func(column, param string, set []int64) (condition string, arg any)
	// carrying is what comes after FROM, before other joins, and at the end, for the lines l
	// of some feeds that carry some contents: found content by content, however many lines
	// the feeds have.
	carrying func(contents, feeds []int64) (from, where string, args []any)
	// texts is ints for strings.
	texts func(param string, set []string) (expr string, arg any)
	// by follows a table's name and tells by which index it is read, where the engine would
	// not find out by itself.
	by func(index string) string
	// share and hold end a SELECT of contents: share keeps them from being deleted until
	// the transaction ends, hold also waits for those that share.
	share, hold string
	// insert writes rows in as few statements as the engine likes, and returns how many
	// were written; rows that meet a conflict on the target are left out. A target of ""
	// lets a conflict fail.
	insert func(ctx context.Context, t *Tx, b bulk, rows [][]any) (int64, error)
	// marks sets one column of lines of a feed, for pairs of (position, value).
	marks func(ctx context.Context, t *Tx, feed int64, column string, pairs [][2]int64) error
	// searchPut adds the words of contents to the full-text index; again does no harm.
	searchPut func(ctx context.Context, t *Tx, texts []SearchText) error
	// searchDrop takes contents out of the full-text index.
	searchDrop func(ctx context.Context, t *Tx, contents []int64) error
	// searchFrom is the FROM part of a search, giving a column content; its one
	// parameter, $1, is what searchTerms makes of the terms.
	searchFrom string
	// beforeSearch is to be said before a search in its transaction, "" for nothing.
	beforeSearch string
	searchTerms  func([]Term) string
	// catalogue lists what tables there are: name, column, kind, place in the primary key;
	// indexes the names of indexes.
	catalogue, indexes string
	// check is the engine's own examination of the database, "" for none; beforeCheck is a
	// query to be made before it on the same connection.
	beforeCheck, check string
	// overwrite has a connection overwrite all that is deleted, overwriteLess what costs nothing;
	// squeeze takes out of full text what was deleted from it, and flush writes the journal out
	// and empties it (busy, pages, pages done). "" where the engine does so by itself, or
	// leaves it to its operator.
	overwrite, overwriteLess, squeeze, flush string
	// ledgerSize gives the bytes that the tables of the ledger take, with their indexes.
	ledgerSize string
	// analyze gathers the statistics that the engine plans by; nil where it needs none.
	analyze []string
	// searchRows is a table with a column content of what full text has.
	searchRows string
	// stage opens an empty database to be filled by a restore and then put in its place.
	stage func(url string) (*staging, error)
	// retry, unique, full, unwritable and exists tell what an error of the engine means: try
	// again, a key is taken, no space is left, a file takes no more for another reason (a
	// quota, a limit on its size, a broken disk), a table is there already.
	retry, unique, full, unwritable, exists func(error) bool
}

// pools are the connections of a store. The index is full text, the values and how far
// their follower came: all of it is made from the contents and can be made again. On
// SQLite, which lets one writer at a time into a file, it is a file of its own, so that
// the follower and intake do not wait for each other; readers see both files as one. The
// inbox of events is a file of its own as well, so that no page waits for intake.
type pools struct{ write, index, inbox, read *sql.DB }

func (p pools) close() error {
	err := p.write.Close()
	if p.index != nil && p.index != p.write {
		err = errors.Join(err, p.index.Close())
	}
	if p.inbox != nil && p.inbox != p.write {
		err = errors.Join(err, p.inbox.Close())
	}
	if p.read != nil && p.read != p.write {
		err = errors.Join(err, p.read.Close())
	}
	return err
}

// bulk names a table, its columns in the order of the rows, and the columns of the
// constraint whose conflict is passed over.
type bulk struct {
	table    string
	columns  []column
	conflict string
}

type column struct{ name, kind string } // kind: bigint, text, bytea

// SearchText is what full-text search knows of one content.
type SearchText struct {
	Content int64
	Words   string // lower-case words apart by blanks, see [Words]
}

// Term is one part of a search: words that must follow one another; all terms must be
// found. Prefix lets the last word be the beginning of a longer one.
type Term struct {
	Words  []string
	Prefix bool
}
