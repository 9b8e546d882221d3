package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

var postgresDialect = &dialect{
	name: "postgres",
	ledgerSize: `SELECT CAST(COALESCE(SUM(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
		WHERE s.nspname = current_schema() AND c.relkind = 'r' AND c.relname LIKE 'ledger\_%'`,
	open:     postgresOpen,
	view:     &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	unsynced: postgresUnsynced,
	words: strings.NewReplacer("{blob}", "BYTEA", "{clustered}", "", "{number}", "BIGINT PRIMARY KEY",
		"{empty}", "''::bytea", "{random}", "uuid_send(gen_random_uuid())"),
	searchSchema: []string{
		`CREATE TABLE search (content BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)`,
		`CREATE INDEX search_words ON search USING GIN (words)`,
	},
	inboxSchema: []string{inboxSchema},
	markSchema:  []string{markSchema},
	ints: func(param string, set []int64) (string, any) {
		return "(SELECT unnest(" + param + "::bigint[]) AS n)", set
	},
	carrying: postgresCarrying,
	among: func(column, param string, set []int64) (string, any) {
		return column + " = ANY(" + param + "::bigint[])", set
	},
	texts: func(param string, set []string) (string, any) { return "(SELECT unnest(" + param + "::text[]))", set },
	// Of the columns that statements choose by; the others would cost ten times as much.
	analyze:      []string{`ANALYZE content (content, okey, micros)`, `ANALYZE line`, `ANALYZE value (vkey, content)`},
	indexAnew:    []string{`DELETE FROM follower WHERE name = 'search'`},
	by:           func(string) string { return "" }, // it has statistics
	share:        ` FOR KEY SHARE`,
	hold:         ` FOR UPDATE`,
	insert:       postgresInsert,
	marks:        postgresMarks,
	searchPut:    postgresSearchPut,
	searchDrop:   postgresSearchDrop,
	beforeSearch: `SET LOCAL enable_bitmapscan = on`,
	searchFrom:   `(SELECT content FROM search WHERE words @@ $1::tsquery ORDER BY content DESC)`,
	searchTerms:  postgresTerms,
	catalogue:    postgresCatalogue,
	indexes:      `SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname`,
	searchRows:   `search`,
	stage:        postgresStage,
	retry:        func(err error) bool { return postgresCode(err, "40001", "40P01", "55P03") },
	unique:       func(err error) bool { return postgresCode(err, "23505") },
	full:         func(err error) bool { return postgresCode(err, "53100") },
	unwritable:   func(err error) bool { return postgresCode(err, "58030") },
	exists:       func(err error) bool { return postgresCode(err, "42P07", "23505") },
}

func postgresOpen(url string) (pools, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return pools{}, err
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(postgresPlans))
	db.SetMaxOpenConns(8 * runtime.GOMAXPROCS(0))
	db.SetMaxIdleConns(4 * runtime.GOMAXPROCS(0))
	if err := db.Ping(); err != nil {
		db.Close()
		return pools{}, fmt.Errorf("PostgreSQL does not answer: %w", err)
	}
	return pools{db, db, db, db}, nil
}

// postgresPlans tells the planner what these statements are: few rows by an index and in
// its order, joined one by one. By statistics that are older than the last minute's intake
// it would choose otherwise, and read and sort a whole table for a page. Compiling pays for
// none of them. Full text alone is read by bitmaps: see beforeSearch.
func postgresPlans(ctx context.Context, conn *pgx.Conn) error {
	for _, setting := range []string{"jit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan"} {
		// Engines that speak the same protocol have other planners, and may not know it.
		var unknown *pgconn.PgError
		if _, err := conn.Exec(ctx, `SET `+setting+` = off`); err != nil && !errors.As(err, &unknown) {
			return err
		}
	}
	return nil
}

// postgresUnsynced has the commit of one transaction not wait for the journal, which is written
// in order: what is durable later has it before.
func postgresUnsynced(ctx context.Context, db *sql.DB) (*sql.Tx, func(), error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	if _, err := tx.ExecContext(ctx, `SET LOCAL synchronous_commit = off`); err != nil {
		_ = tx.Rollback()
		return nil, nil, err
	}
	return tx, func() {}, nil
}

// postgresInsert sends each column as one array: nearly as fast as COPY, and it can
// pass over conflicts.
func postgresInsert(ctx context.Context, t *Tx, b bulk, rows [][]any) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	var names, arrays []string
	args := make([]any, len(b.columns))
	for i, c := range b.columns {
		names = append(names, c.name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, c.kind))
		switch c.kind {
		case "bigint":
			args[i] = columnOf[int64](rows, i)
		case "text":
			args[i] = columnOf[string](rows, i)
		case "bytea":
			args[i] = columnOf[[]byte](rows, i)
		}
	}
	list := strings.Join(names, ", ")
	text := "INSERT INTO " + b.table + " (" + list + ") SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")"
	if b.conflict != "" {
		text += " ON CONFLICT (" + b.conflict + ") DO NOTHING"
	}
	res, err := t.exec(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func columnOf[T any](rows [][]any, i int) []T {
	out := make([]T, len(rows))
	for n, r := range rows {
		out[n] = r[i].(T)
	}
	return out
}

func postgresMarks(ctx context.Context, t *Tx, feed int64, column string, pairs [][2]int64) error {
	feeds, seqs, values := make([]int64, len(pairs)), make([]int64, len(pairs)), make([]int64, len(pairs))
	for i, p := range pairs {
		feeds[i], seqs[i], values[i] = feed, p[0], p[1]
	}
	// The feed is a column like the others: of a constant the planner, when it has no
	// statistics of a feed yet, thinks that it has one line, and goes through all of them
	// for each pair.
	_, err := t.exec(ctx, `UPDATE line SET `+column+` = m.value
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS m(feed, seq, value) WHERE line.feed = m.feed AND line.seq = m.seq`, feeds, seqs, values)
	return err
}

// postgresCarrying pairs contents and feeds: of two sets the planner would join one and hold
// all lines of the feeds against the other, one by one.
func postgresCarrying(contents, feeds []int64) (from, where string, args []any) {
	pairs := [2][]int64{}
	for _, c := range contents {
		for _, f := range feeds {
			pairs[0], pairs[1] = append(pairs[0], c), append(pairs[1], f)
		}
	}
	return `unnest($1::bigint[], $2::bigint[]) AS m(content, feed) JOIN line l ON l.content = m.content AND l.feed = m.feed`, "", []any{pairs[0], pairs[1]}
}

func postgresSearchPut(ctx context.Context, t *Tx, texts []SearchText) error {
	contents, words := make([]int64, len(texts)), make([]string, len(texts))
	for i, x := range texts {
		contents[i], words[i] = x.Content, postgresVector(x.Words)
	}
	_, err := t.exec(ctx, `INSERT INTO search (content, words)
		SELECT t.content, t.words::tsvector FROM unnest($1::bigint[], $2::text[]) AS t(content, words)
		ON CONFLICT (content) DO NOTHING`, contents, words)
	return err
}

// postgresVector writes words with their places as the text of a tsvector. The words are
// cut already, see [Words]; to_tsvector would cut them again, which costs as much as all
// the rest. Places end at 16,383 there, as they do in to_tsvector.
func postgresVector(words string) string {
	const most, room = 16383, 1 << 20 // a tsvector may have 1 MB: of more, the beginning counts
	b := make([]byte, 0, len(words)*2)
	place, size := 0, 0
	for word := range strings.FieldsSeq(words) {
		if len(word) > postgresWord {
			continue
		}
		place = min(place+1, most)
		if size += len(word) + 8; size > room*3/4 {
			break
		}
		b = append(append(b, word...), ':')
		b = append(strconv.AppendInt(b, int64(place), 10), ' ')
	}
	return string(b)
}

func postgresSearchDrop(ctx context.Context, t *Tx, contents []int64) error {
	_, err := t.exec(ctx, `DELETE FROM search WHERE content = ANY($1::bigint[])`, contents)
	return err
}

// postgresWord is the longest word that the engine takes, in bytes.
const postgresWord = 2046

// postgresTerms writes terms in tsquery's language. The words hold letters and digits
// only, so nothing in them can be an operator. What has a word that is too long to be kept
// is nowhere: an empty query finds nothing.
func postgresTerms(terms []Term) string {
	var parts []string
	for _, t := range terms {
		if slices.ContainsFunc(t.Words, func(w string) bool { return len(w) > postgresWord }) {
			return ""
		}
		p := "'" + strings.Join(t.Words, "' <-> '") + "'"
		if t.Prefix {
			p += ":*"
		}
		parts = append(parts, "("+p+")")
	}
	return strings.Join(parts, " & ")
}

func postgresCode(err error, codes ...string) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}
