package node

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"entente/ledger"
	"entente/store/storetest"
)

var ledgerFlips = flag.Int("ledger-flips", 400, "how many bytes TestFlippedBytesOfALargeExport changes, one by one")

// A file that is cut, gone, doubled or another's, and entries that are dropped, doubled or in
// another order, are found, and by the name of what is wrong.
func TestExportIsWhole(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := recorded(t, url(t), 5)
			files := exported(t, s.n)
			paths := slices.Sorted(maps.Keys(files))
			tries := 0
			try := func(what, path string, change func(x fstest.MapFS)) {
				t.Helper()
				x := maps.Clone(files)
				change(x)
				_, err := outsider(t, x, ledger.Options{})
				f := fault(t, err, what+" "+path)
				dir, _, _ := strings.Cut(path, "/tile/")
				dir, _, _ = strings.Cut(dir, "/events/")
				if dir != path && f.Log != ledger.Origin(s.home(), 1, strings.TrimPrefix(strings.TrimPrefix(dir, "1/"), "main")) {
					t.Errorf("%s %s: it is said of another log: %v", what, path, f)
				}
				tries++
			}
			put := func(x fstest.MapFS, path string, b []byte) { x[path] = &fstest.MapFile{Data: b} }
			for _, path := range paths {
				b := files[path].Data
				try("without", path, func(x fstest.MapFS) { delete(x, path) })
				try("a byte less of", path, func(x fstest.MapFS) { put(x, path, b[:len(b)-1]) })
				try("half of", path, func(x fstest.MapFS) { put(x, path, b[:len(b)/2]) })
				try("nothing of", path, func(x fstest.MapFS) { put(x, path, nil) })
				try("twice", path, func(x fstest.MapFS) { put(x, path, slices.Concat(b, b)) })
				for _, other := range paths {
					if other != path && !bytes.Equal(files[other].Data, b) && strings.Count(other, "/") == strings.Count(path, "/") {
						try(other+" in the place of", path, func(x fstest.MapFS) { put(x, path, files[other].Data) })
					}
				}
			}
			for path, n := range map[string]int{"1/main": 1, "1/" + s.partner: 2} {
				l := open(t, files, path)
				for i := range l.entries {
					for what, change := range map[string]func(l *oneLog){
						"dropped":   func(l *oneLog) { l.take(slices.Delete(l.order(), i, i+1)) },
						"doubled":   func(l *oneLog) { l.take(slices.Insert(l.order(), i, i)) },
						"too early": func(l *oneLog) { o := l.order(); l.take(slices.Insert(slices.Delete(o, i, i+1), max(0, i-n), i)) },
					} {
						if what == "too early" && i == 0 {
							continue
						}
						try(fmt.Sprintf("entry %d is %s in", i, what), path+"/events/", func(x fstest.MapFS) {
							l := open(t, files, path)
							change(&l)
							l.write(x)
						})
					}
				}
			}
			if t.Logf("%d tries", tries); tries < 150 {
				t.Error("those are few")
			}
		})
	}
}

// oneLog is a log of up to a bundle of entries, as somebody takes it apart who has no key.
type oneLog struct {
	testing.TB
	dir             string
	entries, events [][]byte
}

func open(t testing.TB, files fstest.MapFS, dir string) oneLog {
	l := oneLog{TB: t, dir: dir}
	for path, f := range files {
		switch {
		case strings.HasPrefix(path, dir+"/tile/entries/"):
			for b := f.Data; len(b) > 0; b = b[2+ledger.EntrySize:] {
				l.entries = append(l.entries, b[2:2+ledger.EntrySize])
			}
		case strings.HasPrefix(path, dir+"/events/"):
			l.events = bytes.SplitAfter(bytes.TrimSuffix(f.Data, []byte("\n")), []byte("\n"))
			l.events[len(l.events)-1] = append(bytes.Clone(l.events[len(l.events)-1]), '\n')
		}
	}
	if len(l.entries) == 0 || len(l.entries) >= ledger.TileWidth-1 || len(l.events) != len(l.entries) {
		t.Fatalf("%s has %d entries and %d events", dir, len(l.entries), len(l.events))
	}
	return l
}

func (l *oneLog) order() (all []int) {
	for i := range l.entries {
		all = append(all, i)
	}
	return all
}

func (l *oneLog) take(order []int) {
	was := *l
	l.entries, l.events = nil, nil
	for _, i := range order {
		l.entries, l.events = append(l.entries, was.entries[i]), append(l.events, was.events[i])
	}
}

// write puts all that has no signature in agreement with the entries, and the log's size in
// the checkpoint, whose signature is then wrong.
func (l *oneLog) write(x fstest.MapFS) {
	for path := range x {
		if strings.HasPrefix(path, l.dir+"/tile/") || strings.HasPrefix(path, l.dir+"/events/") {
			delete(x, path)
		}
	}
	n := len(l.entries)
	bundle, err := ledger.EncodeBundle(l.entries)
	if err != nil {
		l.Fatal(err)
	}
	var tile []byte
	for _, e := range l.entries {
		h := ledger.Root([][]byte{e})
		tile = append(tile, h[:]...)
	}
	for of, b := range map[string][]byte{ledger.OfTile: tile, ledger.OfEntries: bundle, ledger.OfEvents: bytes.Join(l.events, nil)} {
		x[l.dir+"/"+ledger.Path{Of: of, Width: n}.String()] = &fstest.MapFile{Data: b}
	}
	c, err := ledger.ParseCheckpoint(textOf(x[l.dir+"/checkpoint"].Data))
	if err != nil {
		l.Fatal(err)
	}
	was := c.Text()
	c.Size, c.Root = int64(n), ledger.Root(l.entries)
	x[l.dir+"/checkpoint"] = &fstest.MapFile{Data: bytes.Replace(x[l.dir+"/checkpoint"].Data, []byte(was), []byte(c.Text()), 1)}
}

// Whatever byte of a large export is another one, is found.
func TestFlippedBytesOfALargeExport(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := recorded(t, url(t), 180)
			files := exported(t, s.n)
			r, err := outsider(t, files, ledger.Options{})
			if err != nil || r.Entries < 2*ledger.TileWidth {
				t.Fatal(r.Entries, err)
			}
			total := 0
			var paths []string
			for _, path := range slices.Sorted(maps.Keys(files)) {
				paths, total = append(paths, path), total+len(files[path].Data)
			}
			random := rand.New(rand.NewPCG(rand.Uint64(), 1))
			for range *ledgerFlips {
				at := random.IntN(total)
				i := 0
				for ; at >= len(files[paths[i]].Data); i++ {
					at -= len(files[paths[i]].Data)
				}
				b := files[paths[i]].Data
				was := b[at]
				b[at] = byte(random.IntN(256))
				if b[at] != was {
					_, err := outsider(t, files, ledger.Options{})
					fault(t, err, fmt.Sprintf("byte %d of %s, %q in the place of %q", at, paths[i], b[at], was))
				}
				b[at] = was
			}
			if _, err := outsider(t, files, ledger.Options{}); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d entries, %d bytes", r.Entries, total)
		})
	}
}
