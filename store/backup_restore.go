package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"entente"
)

// RestoreOptions say how a backup is read back.
type RestoreOptions struct {
	// Progress is told how many of the backup's bytes were read, of the twofold of its
	// size: it is read once to be checked and once to be taken. It may be nil.
	Progress func(done, total int64)
}

// positionsLost is by how much a restored feed's head moves on. Positions that were given
// after the backup was made are known to clients (in cursors) and must not be given a
// second time: a client would take what is new for what it has read.
const positionsLost = 1 << 40

// Restore reads a backup of size bytes into a database that holds nothing yet. It is there
// as a whole or not at all: the backup is checked before anything is made, and until all
// of it is in, nothing can be opened as a node.
func Restore(ctx context.Context, o Options, in io.ReaderAt, size int64, r RestoreOptions) (BackupInfo, error) {
	d := sqliteDialect
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		d = postgresDialect
	}
	if r.Progress == nil {
		r.Progress = func(int64, int64) {}
	}
	info, err := checkBackup(ctx, in, size, func(done int64) { r.Progress(done, 2*size) })
	if err != nil {
		return info, err
	}
	if newest := len(d.migrations()); info.Schema < 1 || info.Schema > newest {
		return info, entente.Errorf(entente.Conflict,
			"the backup has schema %d, and this release of Entente knows schemas up to %d; restore it with the release that wrote it, or a newer one", info.Schema, newest)
	}
	st, err := d.stage(o.URL)
	if err != nil {
		return info, err
	}
	one := side{db: st.db, gate: make(gate, 1)}
	s := &Store{d: d, write: one, read: one}
	l := loader{info: info, options: r, from: &counted{r: io.NewSectionReader(in, 0, size-trailer), sum: sha256.New()}, size: size, ctx: ctx}
	if err := s.wrap(s.once(ctx, one, l.load)); err != nil {
		st.drop()
		return info, err
	}
	return info, st.keep()
}

// trailer is the length of what follows the stream: a digest and [backupEnd].
const trailer = sha256.Size + int64(len(backupEnd))

// staging is a database that is not in its place yet.
type staging struct {
	db   *sql.DB
	keep func() error // puts it there, for good
	drop func()       // takes it away
}

// notABackup and damaged are what is wrong with a file.
func notABackup() error {
	return entente.Errorf(entente.Invalid, "this is not a backup of Entente: \"entente backup\" writes one")
}

func damaged(why string) error {
	return entente.Errorf(entente.Invalid, "the backup is damaged: %s; nothing was restored; use another copy of it", why)
}

// checkBackup reads a whole backup and holds it against its digest.
func checkBackup(ctx context.Context, in io.ReaderAt, size int64, progress func(done int64)) (BackupInfo, error) {
	c := &counted{r: io.NewSectionReader(in, 0, max(0, size-trailer)), sum: sha256.New()}
	info, err := readInfo(bufio.NewReaderSize(io.NewSectionReader(in, 0, size), 1<<16))
	if err != nil {
		return info, err
	}
	end := make([]byte, trailer)
	if _, err := in.ReadAt(end, max(0, size-trailer)); size < trailer || err != nil && err != io.EOF {
		return info, damaged("it cannot be read to its end")
	}
	if !bytes.HasSuffix(end, []byte(backupEnd)) {
		return info, damaged("it was cut off, or something was added to it")
	}
	buf := make([]byte, 1<<20)
	for {
		_, err := c.Read(buf)
		progress(c.n)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return info, entente.Wrap(entente.Unavailable, err, "the backup cannot be read: "+err.Error())
		}
	}
	if !bytes.Equal(c.sum.Sum(nil), end[:sha256.Size]) {
		return info, damaged("it does not fit its SHA-256")
	}
	c.sum.Write(end)
	info.Digest = hex.EncodeToString(c.sum.Sum(nil))
	return info, nil
}

// readInfo reads the first line.
func readInfo(r *bufio.Reader) (BackupInfo, error) {
	var info BackupInfo
	begin := []byte(`{"format":"` + backupFormat + `",`)
	if got, _ := r.Peek(len(begin)); !bytes.Equal(got, begin) {
		return info, notABackup()
	}
	line, err := r.ReadSlice('\n')
	if err != nil || json.Unmarshal(line, &info) != nil {
		return info, damaged("its first line cannot be read")
	}
	if info.Version != backupVersion {
		return info, entente.Errorf(entente.Conflict,
			"the backup has format %d, and this release of Entente reads format %d; use a newer release", info.Version, backupVersion)
	}
	return info, nil
}

// loader reads the stream of a backup into an empty database.
type loader struct {
	info    BackupInfo
	options RestoreOptions
	from    *counted
	size    int64
	ctx     context.Context
}

func (l *loader) load(t *Tx) error {
	have, err := t.tables(l.ctx)
	if err != nil {
		return err
	}
	if len(have) > 0 {
		return entente.Errorf(entente.Conflict, "the database is not empty: it has the table %q; a backup is restored into an empty one only", have[0].name)
	}
	if err := t.makeSchema(l.ctx, l.info.Schema); err != nil {
		return err
	}
	if have, err = t.tables(l.ctx); err != nil {
		return err
	}
	head := bufio.NewReaderSize(l.from, 1<<18)
	if _, err := readInfo(head); err != nil {
		return err
	}
	u := newUnpacker(head)
	rows := map[string]int64{}
	for {
		x, more, err := u.next()
		if err != nil {
			return damaged(err.Error())
		}
		if !more {
			break
		}
		if slices.Contains(indexTables, x.name) { // earlier releases kept it
			if rows[x.name], err = skipRows(u, x); err != nil {
				return err
			}
			continue
		}
		i := slices.IndexFunc(have, func(h table) bool { return h.name == x.name })
		if i < 0 || derived(x.name) || !slices.Equal(have[i].columns, x.columns) {
			return entente.Errorf(entente.Conflict, "the backup's table %q is not one that this release of Entente knows as schema %d", x.name, l.info.Schema)
		}
		if rows[x.name], err = l.table(t, u, x); err != nil {
			return err
		}
	}
	if !maps.Equal(rows, l.info.Rows) {
		return damaged(fmt.Sprintf("it says %v and holds %v rows", l.info.Rows, rows))
	}
	for _, h := range have {
		if _, ok := rows[h.name]; !ok && !derived(h.name) {
			return damaged(fmt.Sprintf("table %q is missing in it", h.name))
		}
	}
	return l.settle(t)
}

// makeSchema makes the tables as they were at a version of the schema. Whoever opens the
// database brings it up to date.
func (t *Tx) makeSchema(ctx context.Context, version int) error {
	steps := []string{`CREATE TABLE schema_version (version BIGINT PRIMARY KEY)`}
	for n, migration := range t.s.d.migrations()[:version] {
		steps = append(append(steps, migration...), fmt.Sprintf(`INSERT INTO schema_version (version) VALUES (%d)`, n+1))
	}
	for _, step := range steps {
		if _, err := t.tx.ExecContext(ctx, t.s.d.words.Replace(step)); err != nil {
			return err
		}
	}
	return nil
}

// Rows are written so many, or so many bytes, at a time.
const (
	restoreRows  = 1000
	restoreBytes = 4 << 20
)

func (l *loader) table(t *Tx, u *unpacker, x table) (int64, error) {
	var n int64
	var size int
	var batch [][]any
	for {
		values, more, err := u.row(x, n)
		if err != nil {
			return n, damaged(err.Error())
		}
		if values != nil {
			batch, size = append(batch, values), size+more
			n++
		}
		if len(batch) > 0 && (values == nil || len(batch) == restoreRows || size >= restoreBytes) {
			if _, err := t.s.d.insert(l.ctx, t, bulk{table: x.name, columns: x.columns}, batch); err != nil {
				return n, l.refused(t, x, err)
			}
			batch, size = batch[:0], 0
			l.options.Progress(l.size+l.from.n, 2*l.size)
		}
		if values == nil {
			return n, nil
		}
	}
}

// skipRows reads past a table.
func skipRows(u *unpacker, x table) (n int64, err error) {
	for {
		values, _, err := u.row(x, n)
		if err != nil {
			return n, damaged(err.Error())
		}
		if values == nil {
			return n, nil
		}
		n++
	}
}

// refused tells rows that the tables do not take from an engine that cannot work now.
func (l *loader) refused(t *Tx, x table, err error) error {
	if t.s.d.unique(err) {
		return damaged(fmt.Sprintf("table %s holds a row twice", x.name))
	}
	return err
}

// settle moves the heads of the feeds past what may have been given since the backup.
func (l *loader) settle(t *Tx) error {
	have, err := t.tables(l.ctx)
	if err != nil {
		return err
	}
	steps := []string{`UPDATE feed SET head = head + ` + strconv.FormatInt(positionsLost, 10)}
	if slices.ContainsFunc(have, func(x table) bool { return x.name == "release_feed" }) {
		// What was staged was not visible, and must not become it by that: the change is begun anew.
		const beyond = ` > (SELECT f.head FROM feed f WHERE f.feed = line.feed) AND feed IN (SELECT r.feed FROM release_feed r)`
		steps = slices.Concat([]string{`DELETE FROM stamped WHERE seq > (SELECT f.head FROM feed f WHERE f.feed = stamped.feed)`, `DELETE FROM line WHERE seq` + beyond, `UPDATE line SET gone = 0 WHERE gone <> 0 AND gone` + beyond,
			`UPDATE line SET newer = 0 WHERE newer` + beyond, `UPDATE line SET later = 0 WHERE later` + beyond}, steps,
			[]string{`UPDATE release_feed SET tail = (SELECT f.head FROM feed f WHERE f.feed = release_feed.feed)`})
	}
	if slices.ContainsFunc(have, func(x table) bool { return x.name == "witness_key" }) {
		// A witness must not forget what it cosigned, and that may be more than is here: it cosigns
		// nothing until an operator gives it keys again.
		steps = append(steps, `DELETE FROM witness_key`)
	}
	for _, q := range steps {
		if _, err := t.tx.ExecContext(l.ctx, q); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(have, func(x table) bool { return x.name == "ledger_log" }) {
		// What the ledger had beyond this is not here. So nothing is entered before that is declared.
		said := fmt.Sprintf("restored from the backup of %s, SHA-256 %s", l.info.Made, l.info.Digest)
		if _, err := t.tx.ExecContext(l.ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, restoredSetting, []byte(said)); err != nil {
			return err
		}
	}
	return l.ctx.Err()
}

// counted counts and sums what is read through it.
type counted struct {
	r   io.Reader
	n   int64
	sum hash.Hash
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	c.sum.Write(b[:n])
	return n, err
}
