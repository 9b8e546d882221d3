package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"entente"
)

// BackupInfo is the first line of a backup, in JSON.
//
// Design: docs/design/004-backup.md describes the whole of the file.
type BackupInfo struct {
	Format       string           `json:"format"`  // [backupFormat]
	Version      int              `json:"version"` // of the format
	Schema       int              `json:"schema"`  // of the tables
	Engine       string           `json:"engine"`  // that it was made from; it restores into any
	Organisation string           `json:"organisation"`
	Home         string           `json:"home"` // the organisation's id
	Made         string           `json:"made"`
	Rows         map[string]int64 `json:"rows"` // per table

	Digest string `json:"-"` // SHA-256 of the whole file in hexadecimal, where it was read back
}

const (
	backupFormat  = "entente-backup"
	backupVersion = 1
	// backupEnd are the last bytes of a backup: without them it was cut off.
	backupEnd = "complete"
)

// table is one table as the engine's catalogue tells of it.
type table struct {
	name    string
	columns []column
	key     []string // columns of the primary key, in order
}

func (t table) names() string {
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// derived tables are no part of a backup: the schema's own number stands in its first
// line, leases mean nothing to another process, the index is made from the contents, and
// the inbox is emptied before, and the mark
// beside it is of this place.
func derived(name string) bool {
	return name == "schema_version" || name == "lease" || name == "event_in" || name == "ledger_mark" || slices.Contains(indexTables, name)
}

// indexTables are those of the index.
var indexTables = []string{"index_version", "follower", "value", "search"}

// tables lists the tables of the schema by name. It asks the engine, so that a table
// which a later release adds cannot be forgotten in a backup.
func (t *Tx) tables(ctx context.Context) ([]table, error) {
	rows, err := t.tx.QueryContext(ctx, t.s.d.catalogue)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []table
	keys := map[string]map[int64]string{}
	for rows.Next() {
		var name, kind, col string
		var place int64
		if err := rows.Scan(&name, &col, &kind, &place); err != nil {
			return nil, err
		}
		if n := len(out); n == 0 || out[n-1].name != name {
			out = append(out, table{name: name})
			keys[name] = map[int64]string{}
		}
		last := &out[len(out)-1]
		last.columns = append(last.columns, column{col, kindOf(kind)})
		if place > 0 {
			keys[name][place] = col
		}
	}
	for i := range out {
		for place := range int64(len(keys[out[i].name])) {
			out[i].key = append(out[i].key, keys[out[i].name][place+1])
		}
	}
	slices.SortFunc(out, func(a, b table) int { return strings.Compare(a.name, b.name) })
	return out, rows.Err()
}

// kindOf brings the engines' names of types to those of [column].
func kindOf(declared string) string {
	switch declared = strings.ToLower(declared); declared {
	case "integer", "bigint":
		return "bigint"
	case "blob", "bytea":
		return "bytea"
	}
	return declared
}

// Backup writes everything that the database holds to w, from one state of it, while
// others write. Made is the time that the backup bears, in microseconds since 1970.
// Progress is told how many rows of how many are written; it may be nil.
func (s *Store) Backup(ctx context.Context, w io.Writer, made int64, progress func(done, total int64)) (BackupInfo, error) {
	var info BackupInfo
	err := s.View(ctx, func(t *Tx) error {
		all, err := t.tables(ctx)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(x table) bool { return derived(x.name) })
		if info, err = t.backupInfo(ctx, all, made); err != nil {
			return err
		}
		p, err := newPacker(w, info)
		if err != nil {
			return err
		}
		var done, total int64
		for _, n := range info.Rows {
			total += n
		}
		for _, x := range all {
			n, err := t.pack(ctx, p, x, func() {
				if done++; progress != nil && done%256 == 0 {
					progress(done, total)
				}
			})
			if err != nil {
				return err
			}
			if n != info.Rows[x.name] {
				return entente.Errorf(entente.Internal, "table %s has %d rows and then %d within one state of the database", x.name, info.Rows[x.name], n)
			}
		}
		return p.finish()
	})
	return info, err
}

func (t *Tx) backupInfo(ctx context.Context, all []table, made int64) (BackupInfo, error) {
	home, err := t.Home(ctx)
	if err != nil {
		return BackupInfo{}, err
	}
	info := BackupInfo{
		Format: backupFormat, Version: backupVersion, Engine: t.s.d.name, Organisation: home.Name, Home: home.ID,
		Made: entente.FormatMicros(made), Rows: map[string]int64{},
	}
	if info.Schema, err = t.schemaVersion(ctx); err != nil {
		return info, err
	}
	for _, x := range all {
		var n int64
		if err := t.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+x.name).Scan(&n); err != nil {
			return info, err
		}
		info.Rows[x.name] = n
	}
	return info, nil
}

func (t *Tx) schemaVersion(ctx context.Context) (n int, err error) {
	err = t.tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_version`).Scan(&n)
	return n, err
}

// pack writes a table's rows in the order of its key, and counts them.
func (t *Tx) pack(ctx context.Context, p *packer, x table, each func()) (int64, error) {
	text := `SELECT ` + x.names() + ` FROM ` + x.name
	if len(x.key) > 0 {
		text += ` ORDER BY ` + strings.Join(x.key, `, `)
	}
	rows, err := t.tx.QueryContext(ctx, text)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	values, to := make([]any, len(x.columns)), make([]any, len(x.columns))
	for i := range values {
		to[i] = &values[i]
	}
	p.table(x)
	var n int64
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return n, err
		}
		if err := p.row(x, values); err != nil {
			return n, err
		}
		n++
		each()
	}
	p.endTable(n)
	return n, rows.Err()
}

// summed writes through to a file and keeps the digest of what went there.
type summed struct {
	to  *bufio.Writer
	sum hash.Hash
}

func newSummed(w io.Writer) *summed {
	return &summed{bufio.NewWriterSize(w, 1<<18), sha256.New()}
}

func (s *summed) Write(b []byte) (int, error) {
	n, err := s.to.Write(b)
	s.sum.Write(b[:n])
	if err != nil {
		err = entente.Wrap(entente.Unavailable, err, "the backup cannot be written: "+err.Error())
	}
	return n, err
}

// head writes the first line.
func (s *summed) head(info BackupInfo) error {
	line, err := json.Marshal(info)
	if err == nil {
		_, err = s.Write(append(line, '\n'))
	}
	return err
}

// finish ends the file.
func (s *summed) finish() error {
	_, err := fmt.Fprintf(s.to, "%s%s", s.sum.Sum(nil), backupEnd)
	if err == nil {
		err = s.to.Flush()
	}
	if err != nil {
		err = entente.Wrap(entente.Unavailable, err, "the backup cannot be written: "+err.Error())
	}
	return err
}
