package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var sqliteDialect = &dialect{
	name: "sqlite",
	ledgerSize: `SELECT CAST(COALESCE(SUM(d.pgsize), 0) AS INTEGER) FROM sqlite_master m JOIN dbstat d ON d.name = m.name AND d.aggregate = TRUE
		WHERE m.tbl_name LIKE 'ledger\_%' ESCAPE '\'`,
	open:           sqliteOpen,
	keepStatements: true,
	unsynced:       sqliteUnsynced,
	words: strings.NewReplacer("{blob}", "BLOB", "{clustered}", "WITHOUT ROWID", "{number}", "INTEGER PRIMARY KEY",
		"{empty}", "x''", "{random}", "randomblob(16)"),
	searchSchema: []string{
		`CREATE VIRTUAL TABLE search USING fts5(words, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0')`,
	},
	index: []string{
		`CREATE TABLE follower (name TEXT NOT NULL, feed BIGINT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (name, feed))`,
		`CREATE TABLE value (vkey BIGINT NOT NULL, content BIGINT NOT NULL, PRIMARY KEY (vkey, content)) {clustered}`,
		`CREATE INDEX value_content ON value (content)`,
		// Words come apart by blanks, see [Words]: "ascii" cuts there and nowhere in a word.
		`CREATE VIRTUAL TABLE search USING fts5(words, content='', contentless_delete=1, tokenize='ascii')`,
		// Room for a batch in memory, so that it becomes one segment, and eight segments before a merge.
		`INSERT INTO search (search, rank) VALUES ('hashsize', 33554432)`,
		`INSERT INTO search (search, rank) VALUES ('automerge', 8)`,
	},
	indexApart: []string{`DROP TABLE search`, `DROP TABLE value`, `DROP TABLE follower`},
	ints:       sqliteInts,
	carrying: func(contents, feeds []int64) (from, where string, args []any) {
		in, arg := sqliteInts("$1", contents)
		of, arg2 := sqliteInts("$2", feeds)
		return `line l INDEXED BY line_content`, ` WHERE l.content IN ` + in + ` AND l.feed IN ` + of, []any{arg, arg2}
	},
	among: func(column, param string, set []int64) (string, any) {
		in, arg := sqliteInts(param, set)
		return column + " IN " + in, arg
	},
	texts:       sqliteTexts,
	by:          func(index string) string { return " INDEXED BY " + index },
	insert:      sqliteInsert,
	marks:       sqliteMarks,
	searchPut:   sqliteSearchPut,
	searchDrop:  sqliteSearchDrop,
	searchFrom:  `(SELECT rowid AS content FROM search WHERE search MATCH $1 ORDER BY rowid DESC)`,
	searchTerms: sqliteTerms,
	catalogue:   sqliteCatalogue,
	indexes:     `SELECT i.name FROM pragma_table_list t JOIN pragma_index_list(t.name, t.schema) i WHERE i.origin = 'c' ORDER BY i.name`,
	// FTS5 keeps what it knows of its segments from one statement to the next. A search looks
	// whether that is still so; the check does not, and would miss segments that are merged.
	beforeCheck:   `SELECT rowid FROM search WHERE search MATCH 'a' LIMIT 1`,
	check:         `PRAGMA integrity_check(100)`,
	overwrite:     `PRAGMA secure_delete = ON`,
	overwriteLess: `PRAGMA secure_delete = FAST`,
	squeeze:       `INSERT INTO search (search) VALUES ('optimize')`,
	flush:         `PRAGMA wal_checkpoint(TRUNCATE)`,
	searchRows:    `(SELECT id AS content FROM search_docsize)`,
	stage:         sqliteStage,
	retry:         func(err error) bool { return sqliteCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) },
	unique: func(err error) bool {
		return sqliteCode(err, sqlite3.SQLITE_CONSTRAINT)
	},
	full: func(err error) bool { return sqliteCode(err, sqlite3.SQLITE_FULL) },
	unwritable: func(err error) bool {
		return sqliteCode(err, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE)
	},
	exists: func(error) bool { return false }, // transactions that write do not overlap
}

// sqliteOpen opens two writing connections, one to write (the engine has one writer) and
// one to prepare statements on meanwhile, the same for the file of the index, and a pool
// of readers of both that do not wait for a writer (write-ahead log). synchronous=FULL
// makes a commit durable before it returns; the index can be made again from what is, so
// it need not wait for the disk. What moves within the pages is overwritten where it was, so
// that an erasure finds no older copies. The rarer checkpoint (8,000 pages, 64 MiB) saves half of
// what intake would spend on it.
func sqliteOpen(path string) (pools, error) {
	var p pools
	indexed, inbox := sqliteIndexPath(path), sqliteInboxPath(path)
	for _, file := range []string{path, indexed, inbox} {
		if err := sqliteCreate(file); err != nil {
			return p, err
		}
	}
	writer := func(file string, pragmas ...string) *sql.DB {
		db := sql.OpenDB(sqliteConnector{name: sqliteName(file, pragmas...) + "&_txlock=immediate"})
		db.SetMaxOpenConns(2)
		return db
	}
	p.write = writer(path, "synchronous(FULL)", "cache_size(-49152)", "secure_delete(FAST)")
	p.index = writer(indexed, "synchronous(NORMAL)", "cache_size(-24576)", "secure_delete(FAST)")
	p.inbox = writer(inbox, "synchronous(FULL)", "cache_size(-2048)", "secure_delete(ON)") // events that are erased later
	for file, db := range map[string]*sql.DB{path: p.write, indexed: p.index, inbox: p.inbox} {
		if err := db.Ping(); err != nil {
			return pools{}, errors.Join(fmt.Errorf("%s: %w", file, err), p.close())
		}
	}
	p.read = sql.OpenDB(sqliteConnector{name: sqliteName(path, "query_only(1)", "cache_size(-4096)"), attach: indexed})
	p.read.SetMaxOpenConns(4 * runtime.GOMAXPROCS(0))
	p.read.SetMaxIdleConns(2 * runtime.GOMAXPROCS(0))
	return p, nil
}

// sqliteUnsynced has the connection wait for the disk at checkpoints alone, for one transaction.
// The journal is one file: the next commit that waits for it waits for this one as well.
func sqliteUnsynced(ctx context.Context, db *sql.DB) (*sql.Tx, func(), error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA synchronous = FULL`); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // nobody gets it again
		}
		conn.Close()
	}
	if _, err = conn.ExecContext(ctx, `PRAGMA synchronous = NORMAL`); err == nil {
		var tx *sql.Tx
		if tx, err = conn.BeginTx(ctx, nil); err == nil {
			return tx, end, nil
		}
	}
	end()
	return nil, nil, err
}

// sqliteIndexPath is where the index of a database lies: beside it.
func sqliteIndexPath(path string) string { return strings.TrimSuffix(path, ".db") + "-index.db" }

// sqliteInboxPath is where the inbox of events lies: beside it too.
func sqliteInboxPath(path string) string { return strings.TrimSuffix(path, ".db") + "-events.db" }

// sqliteName is how the driver is told of a file and what to set on each connection.
func sqliteName(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{
		"busy_timeout(15000)", "journal_mode(WAL)", "wal_autocheckpoint(8000)", "temp_store(MEMORY)",
	}, pragmas...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// sqliteConnector makes connections that see a second file beside their own.
type sqliteConnector struct{ name, attach string }

// Driver is for [driver.Connector].
func (c sqliteConnector) Driver() driver.Driver { return &sqlite.Driver{} }

// Connect is for [driver.Connector].
func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.name)
	if err != nil || c.attach == "" {
		return conn, err
	}
	file := driver.NamedValue{Ordinal: 1, Value: c.attach}
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, `ATTACH DATABASE $1 AS beside`, []driver.NamedValue{file}); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.attach, err), conn.Close())
	}
	return conn, nil
}

// sqlitePage is the size of a new database's pages in bytes. Rows of the usual kilobyte
// leave a fifth of a page of 4 KiB empty.
const sqlitePage = 8192

// sqliteCreate gives a new database its page size, which must come before all else.
func sqliteCreate(path string) error {
	if st, err := os.Stat(path); err == nil && st.Size() > 0 {
		return nil
	}
	// Made here and not by the engine, so that nobody but its owner may read it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(15000)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err = db.Exec(`PRAGMA page_size = ` + strconv.Itoa(sqlitePage)); err == nil {
		_, err = db.Exec(`PRAGMA journal_mode = WAL`)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func sqliteInts(param string, set []int64) (string, any) {
	b := []byte{'['}
	for i, n := range set {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return "(SELECT value AS n FROM json_each(" + param + "))", string(append(b, ']'))
}

func sqliteTexts(param string, set []string) (string, any) {
	b, err := json.Marshal(set)
	if err != nil { // strings always marshal
		panic(err)
	}
	return "(SELECT value FROM json_each(" + param + "))", string(b)
}

// sqliteInsert writes rows by statements of 64, 8 and 1 rows: fewer calls into the
// engine, and few enough shapes to prepare each once.
func sqliteInsert(ctx context.Context, t *Tx, b bulk, rows [][]any) (int64, error) {
	var written int64
	for _, size := range []int{64, 8, 1} {
		if len(rows) < size {
			continue
		}
		st, err := t.prepare(ctx, sqliteInsertText(b, size))
		if err != nil {
			return written, err
		}
		args := make([]any, 0, size*len(b.columns))
		for ; len(rows) >= size; rows = rows[size:] {
			args = args[:0]
			for _, r := range rows[:size] {
				args = append(args, r...)
			}
			res, err := st.ExecContext(ctx, args...)
			if err != nil {
				st.Close()
				return written, err
			}
			n, err := res.RowsAffected()
			if err != nil {
				st.Close()
				return written, err
			}
			written += n
		}
		st.Close()
	}
	return written, nil
}

func sqliteInsertText(b bulk, rows int) string {
	var names []string
	for _, c := range b.columns {
		names = append(names, c.name)
	}
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", len(names)), ",") + ")"
	text := "INSERT INTO " + b.table + " (" + strings.Join(names, ", ") + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(one+",", rows), ",")
	if b.conflict != "" {
		text += " ON CONFLICT (" + b.conflict + ") DO NOTHING"
	}
	return text
}

func sqliteMarks(ctx context.Context, t *Tx, feed int64, column string, pairs [][2]int64) error {
	st, err := t.prepare(ctx, `UPDATE line SET `+column+` = $1 WHERE feed = $2 AND seq = $3`)
	if err != nil {
		return err
	}
	defer st.Close()
	for _, p := range pairs {
		if _, err := st.ExecContext(ctx, p[1], feed, p[0]); err != nil {
			return err
		}
	}
	return nil
}

func sqliteSearchPut(ctx context.Context, t *Tx, texts []SearchText) error {
	st, err := t.prepare(ctx, `INSERT OR REPLACE INTO search (rowid, words) VALUES ($1, $2)`)
	if err != nil {
		return err
	}
	defer st.Close()
	for _, x := range texts {
		if _, err := st.ExecContext(ctx, x.Content, x.Words); err != nil {
			return err
		}
	}
	return nil
}

func sqliteSearchDrop(ctx context.Context, t *Tx, contents []int64) error {
	in, arg := sqliteInts("$1", contents)
	_, err := t.exec(ctx, `DELETE FROM search WHERE rowid IN `+in, arg)
	return err
}

// sqliteTerms writes terms in FTS5's query language: quoted strings are phrases.
func sqliteTerms(terms []Term) string {
	var parts []string
	for _, t := range terms {
		p := `"` + strings.Join(t.Words, " ") + `"`
		if t.Prefix {
			p += "*"
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, " AND ")
}

func sqliteCode(err error, codes ...int) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code() == c || e.Code()&0xff == c {
			return true
		}
	}
	return false
}
