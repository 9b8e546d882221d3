package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente"
)

var benchObjects = flag.Int("bench.objects", 100_000, "objects that each layout of BenchmarkKeys takes in")

// keyLayout is one way to key contents and lines, on SQLite.
type keyLayout struct {
	name   string
	schema []string
	tables []bulk
	rows   func(n int64, id, stamp string, digest [32]byte, body []byte) [][]any // one per table
}

// keyLayouts are the layouts that docs/design/001-storage.md compares.
func keyLayouts() []keyLayout {
	kind := func(names ...string) (out []column) {
		for _, n := range names {
			out = append(out, column{name: n})
		}
		return out
	}
	micros := func(stamp string) int64 {
		in, err := entente.ParseInstant(stamp)
		if err != nil {
			panic(err)
		}
		return in.Micros
	}
	line := `CREATE TABLE line (feed BIGINT, seq BIGINT, content BIGINT, source BIGINT, added BIGINT, type BIGINT, spec BIGINT,
		gone BIGINT, newer BIGINT, later BIGINT, rival BIGINT, PRIMARY KEY (feed, seq)) WITHOUT ROWID`
	lineIndexes := []string{`CREATE UNIQUE INDEX line_added ON line (feed, added)`, `CREATE INDEX line_content ON line (content, feed)`, `CREATE INDEX line_type ON line (feed, type, seq)`}
	lineBulk := bulk{table: "line", columns: lineBulk.columns}
	lineRow := func(n int64, id string) []any {
		return []any{int64(1), n, n, int64(1), 1_700_000_000_000_000 + n, typeKey(entente.ObjectID(id).Type()), int64(21), int64(0), int64(0), int64(0), int64(0)}
	}
	return []keyLayout{
		{
			name: "text keys, clustered by them",
			schema: []string{
				`CREATE TABLE content (id TEXT, modified TEXT, digest TEXT, body BLOB, PRIMARY KEY (id, modified, digest)) WITHOUT ROWID`,
				`CREATE TABLE line (feed TEXT, added TEXT, id TEXT, modified TEXT, digest TEXT, type TEXT, PRIMARY KEY (feed, added)) WITHOUT ROWID`,
				`CREATE INDEX line_version ON line (feed, id, modified)`, `CREATE INDEX line_type ON line (feed, type, added)`,
			},
			tables: []bulk{{table: "content", columns: kind("id", "modified", "digest", "body")}, {table: "line", columns: kind("feed", "added", "id", "modified", "digest", "type")}},
			rows: func(n int64, id, stamp string, d [32]byte, body []byte) [][]any {
				return [][]any{{id, stamp, hex.EncodeToString(d[:]), body},
					{"91a7b528-80eb-42ed-a74d-c6fbd5a26116", entente.FormatMicros(1_700_000_000_000_000 + n), id, stamp, hex.EncodeToString(d[:]), entente.ObjectID(id).Type()}}
			},
		},
		{
			name: "numbered contents, text in the version's index",
			schema: append([]string{`CREATE TABLE content (content INTEGER PRIMARY KEY, id TEXT, stamp TEXT, digest BLOB, body BLOB)`,
				`CREATE UNIQUE INDEX content_version ON content (id, stamp, digest)`, line}, lineIndexes...),
			tables: []bulk{{table: "content", columns: kind("content", "id", "stamp", "digest", "body")}, lineBulk},
			rows: func(n int64, id, stamp string, d [32]byte, body []byte) [][]any {
				return [][]any{{n, id, stamp, d[:], body}, lineRow(n, id)}
			},
		},
		{
			name: "numbered contents, folded id and whole digest in the index (chosen)",
			schema: append([]string{`CREATE TABLE content (content INTEGER PRIMARY KEY, okey BIGINT, micros BIGINT, rest TEXT, digest BLOB, id TEXT, spec BIGINT, stamp TEXT, body BLOB)`,
				`CREATE UNIQUE INDEX content_version ON content (okey, micros, rest, digest)`, line}, lineIndexes...),
			tables: []bulk{{table: "content", columns: contentBulk.columns}, lineBulk},
			rows: func(n int64, id, stamp string, d [32]byte, body []byte) [][]any {
				return [][]any{{n, entente.ObjectID(id).Fold(), micros(stamp), "", d[:], id, int64(21), stamp, body}, lineRow(n, id)}
			},
		},
		{
			name: "the same, with a folded digest",
			schema: append([]string{`CREATE TABLE content (content INTEGER PRIMARY KEY, okey BIGINT, micros BIGINT, dkey BIGINT, digest BLOB, id TEXT, spec BIGINT, stamp TEXT, body BLOB)`,
				`CREATE UNIQUE INDEX content_version ON content (okey, micros, dkey)`, line}, lineIndexes...),
			tables: []bulk{{table: "content", columns: kind("content", "okey", "micros", "dkey", "digest", "id", "spec", "stamp", "body")}, lineBulk},
			rows: func(n int64, id, stamp string, d [32]byte, body []byte) [][]any {
				return [][]any{{n, entente.ObjectID(id).Fold(), micros(stamp), entente.ObjectID(d[:]).Fold(), d[:], id, int64(21), stamp, body}, lineRow(n, id)}
			},
		},
	}
}

// BenchmarkKeys takes the same objects (900 bytes, ids and digests without order) into
// each layout, in durable batches of 1,000, and reports objects/s and bytes on disk per
// object beyond the body. Run it with -benchtime 1x.
func BenchmarkKeys(b *testing.B) {
	for _, l := range keyLayouts() {
		b.Run(strings.ReplaceAll(l.name, " ", "_"), func(b *testing.B) {
			for range b.N {
				benchKeys(b, l, *benchObjects)
			}
		})
	}
}

func benchKeys(b *testing.B, l keyLayout, objects int) {
	ctx := context.Background()
	path := filepath.Join(b.TempDir(), "x.db")
	p, err := sqliteOpen(path)
	if err != nil {
		b.Fatal(err)
	}
	defer p.close()
	for _, s := range l.schema {
		if _, err := p.write.Exec(s); err != nil {
			b.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	body := make([]byte, 900)
	b.ResetTimer()
	for n := 0; n < objects; {
		rows := make([][][]any, len(l.tables))
		for range 1000 {
			n++
			id := fmt.Sprintf("indicator--%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint64()&(1<<48-1))
			d := sha256.Sum256([]byte(id))
			stamp := entente.FormatMicros(1_600_000_000_000_000 + r.Int64N(1e14))
			for i, row := range l.rows(int64(n), id, stamp, d, body) {
				rows[i] = append(rows[i], row)
			}
		}
		tx, err := p.write.BeginTx(ctx, nil)
		if err != nil {
			b.Fatal(err)
		}
		for i, t := range l.tables {
			if _, err := sqliteInsert(ctx, &Tx{tx: tx}, t, rows[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(objects)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
	if err := checkpoint(p.write); err != nil {
		b.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(st.Size())/float64(objects)-900, "extra-B/object")
}

func checkpoint(db *sql.DB) error {
	_, err := db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	if err == nil {
		err = db.Close()
	}
	return err
}
