package ledger

import (
	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// Writer writes the tiles, bundles and events of one log, from its first entry on, and
// keeps one file of each kind and level in memory.
type Writer struct {
	// Put writes a file, by its path from the directory of the log. The bytes are used
	// again when it returns.
	Put func(path string, data []byte) error

	tree   Tree
	bundle []byte
	events []byte
	tiles  [][]byte // the row of each level that is not full
}

// Add appends the entry of an event, and its line (see [AppendEventLine]).
func (w *Writer) Add(salt [EventSaltSize]byte, event []byte) error {
	if len(event) > MaxEvent {
		return entente.Errorf(entente.TooLarge, "an event has %d bytes at most; this one has %d", MaxEvent, len(event))
	}
	w.events = AppendEventLine(w.events, salt, event)
	if len(w.events) > MaxEvents {
		return entente.Errorf(entente.TooLarge, "the %d events of a bundle have %d bytes at most together", TileWidth, MaxEvents)
	}
	return w.add(Entry(salt, event))
}

// AddErased appends an entry whose event was erased.
func (w *Writer) AddErased(entry [EntrySize]byte) error {
	w.events = AppendErasedLine(w.events)
	return w.add(entry)
}

func (w *Writer) add(entry [EntrySize]byte) error {
	w.bundle = append(append(w.bundle, 0, EntrySize), entry[:]...)
	leaf := tlog.RecordHash(entry[:])
	if err := w.hash(0, leaf); err != nil {
		return err
	}
	for i, whole := range w.tree.AddHash(leaf) {
		if (i+1)%TileHeight == 0 {
			if err := w.hash((i+1)/TileHeight, whole); err != nil {
				return err
			}
		}
	}
	if w.tree.size%TileWidth == 0 {
		return w.flush(TileWidth)
	}
	return nil
}

func (w *Writer) hash(level int, h tlog.Hash) error {
	if level == len(w.tiles) {
		w.tiles = append(w.tiles, nil)
	}
	w.tiles[level] = append(w.tiles[level], h[:]...)
	if len(w.tiles[level]) < TileSize {
		return nil
	}
	index := w.tree.size>>(TileHeight*(level+1)) - 1
	if level == 0 { // the tree has this leaf in a moment
		index = w.tree.size / TileWidth
	}
	err := w.Put(Path{OfTile, level, index, TileWidth}.String(), w.tiles[level])
	w.tiles[level] = w.tiles[level][:0]
	return err
}

// flush writes the bundle and the events.
func (w *Writer) flush(width int) error {
	index := (w.tree.size - 1) / TileWidth
	if err := w.Put(Path{OfEntries, 0, index, width}.String(), w.bundle); err != nil {
		return err
	}
	err := w.Put(Path{OfEvents, 0, index, width}.String(), w.events)
	w.bundle, w.events = w.bundle[:0], w.events[:0]
	return err
}

// Close writes the partial files at the end, and gives the size and the root that the
// checkpoint must have.
func (w *Writer) Close() (size int64, root tlog.Hash, err error) {
	for level, row := range w.tiles {
		if len(row) > 0 && err == nil {
			n := len(row) / tlog.HashSize
			err = w.Put(Path{OfTile, level, w.tree.size >> (TileHeight * (level + 1)), n}.String(), row)
		}
	}
	if n := int(w.tree.size % TileWidth); n > 0 && err == nil {
		err = w.flush(n)
	}
	return w.tree.size, w.tree.Root(), err
}
