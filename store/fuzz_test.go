package store

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"entente"
)

// sealedBackup makes a file out of what a backup consists of, whatever that is.
func sealedBackup(t testing.TB, line, stream []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	b.Write(append(bytes.Clone(line), '\n'))
	z, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		if _, err = z.Write(stream); err == nil {
			err = z.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	return append(append(b.Bytes(), sum[:]...), backupEnd...)
}

// smallBackup is the first line and the stream of a backup of a node with one object.
func smallBackup(f *testing.F) (line, stream []byte) {
	ctx := context.Background()
	st, err := Open(ctx, Options{URL: filepath.Join(f.TempDir(), "entente.db")})
	if err != nil {
		f.Fatal(err)
	}
	defer st.Close()
	err = st.Update(ctx, func(t *Tx) error {
		for _, text := range []string{
			`INSERT INTO organisation (num, id, name, home) VALUES (1, 'o', 'home', 1)`,
			`INSERT INTO feed (feed, head, added) VALUES (1, 1, 5)`,
			`INSERT INTO collection (id, feed, root, name, alias, description, created) VALUES ('c', 1, 'api1', 'C', '', '', 1)`,
			`INSERT INTO content (content, okey, micros, rest, digest, id, spec, stamp, body)
				VALUES (1, -9, 7, '', x'00', 'tool--00000000-0000-4000-8000-000000000001', 1, '2026-01-01T00:00:00Z', '{"type":"tool","name":"a"}')`,
			`INSERT INTO line (feed, seq, content, source, added, type, spec, gone, newer, later, rival) VALUES (1, 1, 1, 1, 5, 3, 1, 0, 0, 0, 0)`,
		} {
			if _, err := t.tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	})
	var b bytes.Buffer
	if err == nil {
		_, err = st.Backup(ctx, &b, 1, nil)
	}
	if err != nil {
		f.Fatal(err)
	}
	line, rest, _ := bytes.Cut(b.Bytes(), []byte("\n"))
	var out bytes.Buffer
	if _, err := out.ReadFrom(flate.NewReader(bytes.NewReader(rest))); err != nil {
		f.Fatal(err)
	}
	return line, out.Bytes()
}

// FuzzBackup restores what bears a right digest and says anything at all: a file is
// refused, as one that is damaged, and leaves nothing; or it is a database.
func FuzzBackup(f *testing.F) {
	line, stream := smallBackup(f)
	f.Add(line, stream)
	f.Add(line, stream[:len(stream)/2])
	f.Add(line, append([]byte("T\x04lost\x00E\x00"), stream...))
	f.Add(bytes.Replace(line, []byte(`"content":1`), []byte(`"content":2`), 1), stream)
	f.Add(bytes.Replace(line, []byte(`"schema":`), []byte(`"schema":-`), 1), stream)
	f.Add(line, bytes.Replace(stream, []byte("\x00\x00\x00\x00"), []byte("\xff\xff\xff\xff"), 1))
	f.Add([]byte(`{"format":"entente-backup","version":1}`), []byte("Z"))
	dir := f.TempDir()
	b, url := sealedBackup(f, line, stream), filepath.Join(f.TempDir(), "whole.db")
	if _, err := Restore(context.Background(), Options{URL: url}, bytes.NewReader(b), int64(len(b)), RestoreOptions{}); err != nil {
		f.Fatalf("the backup that all begins with: %v", err)
	}
	f.Fuzz(func(t *testing.T, line, stream []byte) {
		ctx := context.Background()
		url := filepath.Join(dir, "entente.db")
		b := sealedBackup(t, line, stream)
		_, err := Restore(ctx, Options{URL: url}, bytes.NewReader(b), int64(len(b)), RestoreOptions{})
		if err != nil {
			if k := entente.KindOf(err); k != entente.Invalid && k != entente.Conflict {
				t.Fatalf("%v: %v", k, err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Fatalf("%v left %v", err, left)
			}
			return
		}
		st, err := Open(ctx, Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if faults, err := st.SchemaFaults(ctx); err != nil || len(faults) > 0 {
			t.Fatalf("%q, %v", faults, err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		made, err := os.ReadDir(dir)
		for _, f := range made {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzBackupStream reads streams that say anything, without a database: lengths are
// believed no further than there are bytes.
func FuzzBackupStream(f *testing.F) {
	_, stream := smallBackup(f)
	f.Add(stream)
	f.Add([]byte("T\x01a\x01\x01b\x05bytea" + "R\xff\xff\xff\xff\x03x"))
	f.Add([]byte("T\x01a\x00" + "RRRE\x03Z"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var b bytes.Buffer
		z, _ := flate.NewWriter(&b, flate.HuffmanOnly)
		_, _ = z.Write(stream)
		_ = z.Close()
		u, read := newUnpacker(&b), 0
		for {
			x, more, err := u.next()
			if err != nil || !more {
				return
			}
			read += len(x.name)
			for n := int64(0); ; n++ {
				values, size, err := u.row(x, n)
				if err != nil {
					return
				}
				if values == nil {
					break
				}
				if read += size / 8; read > len(stream) { // a number of eight bytes may be written in one
					t.Fatalf("%d bytes out of %d", read, len(stream))
				}
			}
		}
	})
}

// FuzzTerms searches for anything: there is an answer, and never a fault of the engine.
func FuzzTerms(f *testing.F) {
	for _, s := range []string{"alpha", `"drop table" alp*`, "198.51.100.7", `" " * \ % _ : & | ! ( ) <->`, "İ ß ﬁ a\u0301 \u0301 \u202e", "NEAR(a b) AND OR NOT", "\x00\xff", `'";--`, "a*b **"} {
		f.Add(s)
	}
	ctx := context.Background()
	st, err := Open(ctx, Options{URL: filepath.Join(f.TempDir(), "entente.db")})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { st.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		words := Words(text)
		if again := Words(words); again != words || !utf8.ValidString(words) || words != strings.Join(strings.Fields(words), " ") {
			t.Fatalf("the words of %q are %q, and those of them %q", text, words, again)
		}
		terms := ParseTerms(text)
		if (words == "") != (len(terms) == 0) {
			t.Fatalf("%q has the words %q and the terms %v", text, words, terms)
		}
		err := st.View(ctx, func(t *Tx) error {
			_, err := t.Search(ctx, terms, []int64{1}, 10)
			return err
		})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
