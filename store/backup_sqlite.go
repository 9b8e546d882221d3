package store

import (
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"entente"
)

// sqliteCatalogue lists tables, their columns, kinds and places in the primary key; no
// tables of full-text search, which are virtual and shadow.
const sqliteCatalogue = `SELECT t.name, c.name, c.type, c.pk FROM pragma_table_list t JOIN pragma_table_info(t.name, t.schema) c
	WHERE t.schema <> 'temp' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY t.name, c.cid`

// sqliteStage makes a database beside its place. It needs no journal: after a kill it is
// made again from the beginning.
func sqliteStage(path string) (*staging, error) {
	for _, name := range []string{path, path + "-wal", path + "-journal"} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return nil, entente.Errorf(entente.Conflict, "%s is there already; a backup is restored into an empty place only", name)
		}
	}
	// An index that was left behind belongs to other contents, an inbox to another ledger.
	for _, file := range []string{sqliteIndexPath(path), sqliteInboxPath(path)} {
		for _, name := range []string{file, file + "-wal", file + "-shm"} {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, entente.Wrap(entente.Unavailable, err, "a file of an earlier database cannot be taken away: "+err.Error())
			}
		}
	}
	staged := path + ".restoring"
	f, err := os.OpenFile(staged, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600) // what a kill left is of no use
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the database cannot be written: "+err.Error())
	}
	q := url.Values{"_pragma": {"page_size(" + strconv.Itoa(sqlitePage) + ")", "journal_mode(OFF)", "synchronous(OFF)", "locking_mode(EXCLUSIVE)",
		"temp_store(MEMORY)", "cache_size(-65536)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: staged}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	db.SetMaxOpenConns(1)
	drop := func() {
		db.Close()
		f.Close()
		os.Remove(staged)
	}
	keep := func() error {
		err := errors.Join(db.Close(), f.Sync(), f.Close())
		if err == nil {
			// A link, unlike a change of name, takes no place that somebody else took.
			if err = os.Link(staged, path); err != nil && !errors.Is(err, fs.ErrExist) {
				err = os.Rename(staged, path)
			}
		}
		os.Remove(staged)
		if err == nil {
			err = syncDirectory(filepath.Dir(path))
		}
		switch {
		case errors.Is(err, fs.ErrExist):
			return entente.Errorf(entente.Conflict, "%s was made by another program in the meantime; nothing was restored", path)
		case err != nil:
			return entente.Wrap(entente.Unavailable, err, "the database cannot be put in its place: "+err.Error())
		}
		return nil
	}
	return &staging{db, keep, drop}, nil
}

// syncDirectory makes a new name in a directory durable.
func syncDirectory(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
