package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver of database/sql
)

var postgresDialect = &dialect{
	name:  "postgres",
	open:  postgresOpen,
	view:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	words: strings.NewReplacer("{blob}", "BYTEA", "{clustered}", "", "{number}", "BIGINT PRIMARY KEY"),
	searchSchema: []string{
		`CREATE TABLE search (content BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)`,
		`CREATE INDEX search_words ON search USING GIN (words)`,
	},
	ints: func(param string, set []int64) (string, any) {
		return "(SELECT unnest(" + param + "::bigint[]) AS n)", set
	},
	texts:       func(param string, set []string) (string, any) { return "(SELECT unnest(" + param + "::text[]))", set },
	indexAnew:   []string{`DELETE FROM follower WHERE name = 'search'`},
	by:          func(string) string { return "" }, // it has statistics
	share:       ` FOR KEY SHARE`,
	hold:        ` FOR UPDATE`,
	insert:      postgresInsert,
	marks:       postgresMarks,
	searchPut:   postgresSearchPut,
	searchDrop:  postgresSearchDrop,
	searchFrom:  `(SELECT content FROM search WHERE words @@ to_tsquery('simple', $1) ORDER BY content DESC)`,
	searchTerms: postgresTerms,
	catalogue:   postgresCatalogue,
	indexes:     `SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname`,
	searchRows:  `search`,
	stage:       postgresStage,
	retry:       func(err error) bool { return postgresCode(err, "40001", "40P01", "55P03") },
	unique:      func(err error) bool { return postgresCode(err, "23505") },
	full:        func(err error) bool { return postgresCode(err, "53100") },
	unwritable:  func(err error) bool { return postgresCode(err, "58030") },
	exists:      func(err error) bool { return postgresCode(err, "42P07", "23505") },
}

func postgresOpen(url string) (pools, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return pools{}, err
	}
	db.SetMaxOpenConns(8 * runtime.GOMAXPROCS(0))
	db.SetMaxIdleConns(4 * runtime.GOMAXPROCS(0))
	if err := db.Ping(); err != nil {
		db.Close()
		return pools{}, fmt.Errorf("PostgreSQL does not answer: %w", err)
	}
	return pools{db, db, db}, nil
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
	seqs, values := make([]int64, len(pairs)), make([]int64, len(pairs))
	for i, p := range pairs {
		seqs[i], values[i] = p[0], p[1]
	}
	_, err := t.exec(ctx, `UPDATE line SET `+column+` = m.value
		FROM unnest($2::bigint[], $3::bigint[]) AS m(seq, value) WHERE line.feed = $1 AND line.seq = m.seq`, feed, seqs, values)
	return err
}

func postgresSearchPut(ctx context.Context, t *Tx, texts []SearchText) error {
	contents, words := make([]int64, len(texts)), make([]string, len(texts))
	for i, x := range texts {
		contents[i], words[i] = x.Content, x.Words
	}
	_, err := t.exec(ctx, `INSERT INTO search (content, words)
		SELECT t.content, to_tsvector('simple', t.words) FROM unnest($1::bigint[], $2::text[]) AS t(content, words)
		ON CONFLICT (content) DO NOTHING`, contents, words)
	return err
}

func postgresSearchDrop(ctx context.Context, t *Tx, contents []int64) error {
	_, err := t.exec(ctx, `DELETE FROM search WHERE content = ANY($1::bigint[])`, contents)
	return err
}

// postgresTerms writes terms in tsquery's language. The words hold letters and digits
// only, so nothing in them can be an operator.
func postgresTerms(terms []Term) string {
	var parts []string
	for _, t := range terms {
		p := strings.Join(t.Words, " <-> ")
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
