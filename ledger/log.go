package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// Fault is the first thing of a ledger that does not fit.
type Fault struct {
	Log   string // the origin of the log, "" for what is of none
	File  string // "" if it is about no one file
	Index int64  // of the entry, -1 if it is about no one entry
	Text  string // what was expected, and what is there
}

// Error is one sentence that names the place.
func (f *Fault) Error() string {
	s := ""
	if f.Log != "" {
		s = "log " + f.Log + ": "
	}
	if f.Index >= 0 {
		s += fmt.Sprintf("entry %d: ", f.Index)
	}
	if f.File != "" {
		s += f.File + ": "
	}
	return s + f.Text
}

// fileFault is the fault of a file that could not be read, or the failure itself if it
// says nothing about the ledger.
func fileFault(log, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Fault{Log: log, File: path, Index: -1, Text: "the file is missing"}
	case errors.Is(err, errTooLong):
		return &Fault{Log: log, File: path, Index: -1, Text: errTooLong.Error()}
	}
	return fmt.Errorf("read %s: %w", path, err)
}

// record is one entry of a log with its event.
type record struct {
	entry  [EntrySize]byte
	leaf   tlog.Hash
	raw    []byte // the event, nil if it was erased
	event  Event
	erased bool
}

// place is a log of an export.
type place struct {
	files   Files
	dir     string
	origin  string
	partner string
	size    int64
}

func (l place) fault(index int64, file string, format string, args ...any) error {
	if file != "" {
		file = below(l.dir, file)
	}
	return &Fault{Log: l.origin, File: file, Index: index, Text: fmt.Sprintf(format, args...)}
}

// bundle reads a bundle with its events, and holds them against each other and against
// the tile of their leaves.
func (l place) bundle(ctx context.Context, n int64) ([]record, error) {
	width, first := fileWidth(l.size, n), n*TileWidth
	part := func(of string, limit int64) (b []byte, name string, whole bool, err error) {
		p := Path{Of: of, Index: n, Width: width}
		if b, whole, err = readPart(ctx, l.files, l.dir, p, limit); err != nil {
			err = fileFault(l.origin, below(l.dir, p.String()), err)
		}
		if whole {
			p.Width = TileWidth
		}
		return b, p.String(), whole, err
	}
	entries, name, whole, err := part(OfEntries, TileWidth*(2+EntrySize))
	if err != nil {
		return nil, err
	}
	if whole {
		entries = entries[:min(len(entries), width*(2+EntrySize))]
	}
	list, err := DecodeBundle(entries, width)
	if err != nil {
		return nil, l.fault(-1, name, "%s", entente.PublicText(err))
	}
	tile, tileName, _, err := part(OfTile, TileSize)
	if err != nil {
		return nil, err
	}
	if len(tile) < width*tlog.HashSize || len(tile) > width*tlog.HashSize && tileName == (Path{Of: OfTile, Index: n, Width: width}).String() {
		return nil, l.fault(-1, tileName, "the tile has %d bytes; the log's size asks for %d", len(tile), width*tlog.HashSize)
	}
	lines, linesName, whole, err := part(OfEvents, MaxEvents)
	if err != nil {
		return nil, err
	}
	records := make([]record, width)
	for i := range records {
		index, r := first+int64(i), &records[i]
		if len(list[i]) != EntrySize {
			return nil, l.fault(index, name, "the entry has %d bytes; an entry has %d", len(list[i]), EntrySize)
		}
		r.entry = [EntrySize]byte(list[i])
		r.leaf = tlog.RecordHash(list[i])
		if !bytes.Equal(tile[i*tlog.HashSize:][:tlog.HashSize], r.leaf[:]) {
			return nil, l.fault(index, tileName, "the tile has the hash %x; the entry in %s has %x", tile[i*tlog.HashSize:][:tlog.HashSize], name, r.leaf[:])
		}
		end := bytes.IndexByte(lines, '\n')
		if end < 0 {
			return nil, l.fault(index, linesName, "the file ends before the line of this entry, or within it; it needs %d lines", width)
		}
		if err := r.read(lines[:end], index); err != nil {
			return nil, l.fault(index, linesName, "%s", err)
		}
		lines = lines[end+1:]
	}
	if len(lines) > 0 && !whole {
		return nil, l.fault(-1, linesName, "the file goes on behind the %d lines of its entries", width)
	}
	return records, nil
}

// read takes the line of the entry.
func (r *record) read(line []byte, index int64) error {
	salted, err := parseEventLine(line)
	if err != nil || salted == nil {
		r.erased = err == nil
		return err
	}
	if got := entryOf(salted); got != r.entry {
		return fmt.Errorf("salt and event hash to %x; the entry is %x", got, r.entry)
	}
	r.raw = salted[EventSaltSize:]
	if r.event, err = ParseEvent(r.raw); err != nil {
		return errors.New(entente.PublicText(err))
	}
	return nil
}

// stream gives the entries of a log in their order, while bundles that come later are
// read on other goroutines, and computes the tree.
type stream struct {
	place
	ctx    context.Context
	queue  chan chan loaded
	now    []record
	tree   Tree
	levels [][]byte // the rows of the tiles above the leaves that are not full
}

type loaded struct {
	records []record
	err     error
}

// stream begins to read a log. ahead says how many of its bundles wait; how many are
// worked on at once, slots bound.
func (v *verifier) stream(l place, ahead int) *stream {
	s := &stream{place: l, ctx: v.ctx, queue: make(chan chan loaded, ahead)}
	v.running.Go(func() {
		defer close(s.queue)
		for n := range fileCount(l.size) {
			done := make(chan loaded, 1)
			select {
			case s.queue <- done:
			case <-v.ctx.Done():
				return
			}
			select {
			case v.slots <- struct{}{}:
			case <-v.ctx.Done():
				return
			}
			v.running.Go(func() {
				records, err := l.bundle(v.ctx, n)
				<-v.slots
				done <- loaded{records, err}
			})
		}
	})
	return s
}

// next gives the entry at the size of the tree so far, and appends it.
func (s *stream) next() (*record, error) {
	if len(s.now) == 0 {
		select {
		case done, ok := <-s.queue:
			if !ok {
				if err := s.ctx.Err(); err != nil {
					return nil, err
				}
				return nil, s.fault(s.tree.size, "", "the log ends before this entry")
			}
			select {
			case l := <-done:
				if l.err != nil {
					return nil, l.err
				}
				s.now = l.records
			case <-s.ctx.Done():
				return nil, s.ctx.Err()
			}
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		}
	}
	r := &s.now[0]
	s.now = s.now[1:]
	for i, whole := range s.tree.AddHash(r.leaf) {
		if (i+1)%TileHeight == 0 {
			if err := s.above((i+1)/TileHeight, whole); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// above takes a hash of a level above the leaves, and holds a tile that it fills against
// the file.
func (s *stream) above(level int, h tlog.Hash) error {
	for len(s.levels) < level {
		s.levels = append(s.levels, nil)
	}
	row := append(s.levels[level-1], h[:]...)
	if s.levels[level-1] = row; len(row) < TileSize {
		return nil
	}
	s.levels[level-1] = row[:0]
	return s.tile(Path{Of: OfTile, Level: level, Index: s.tree.size>>(TileHeight*(level+1)) - 1, Width: TileWidth}, row)
}

// finish holds the partial tiles and the checkpoint's root against the tree.
func (s *stream) finish(root tlog.Hash) error {
	for i, row := range s.levels {
		if len(row) > 0 {
			p := Path{Of: OfTile, Level: i + 1, Index: s.tree.size >> (TileHeight * (i + 2)), Width: len(row) / tlog.HashSize}
			if err := s.tile(p, row); err != nil {
				return err
			}
		}
	}
	if got := s.tree.Root(); got != root {
		return s.fault(-1, "checkpoint", "the root is %s; the %d entries have the root %s", root, s.tree.size, got)
	}
	return nil
}

func (s *stream) tile(p Path, want []byte) error {
	got, whole, err := readPart(s.ctx, s.files, s.dir, p, TileSize)
	if err != nil {
		return fileFault(s.origin, below(s.dir, p.String()), err)
	}
	if whole {
		got = got[:min(len(got), len(want))]
	}
	if !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		return s.fault(-1, p.String(), "the tile has %d bytes and differs at byte %d from the %d that the entries give", len(got), at, len(want))
	}
	return nil
}
