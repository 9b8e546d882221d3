package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// The shape of tiles (C2SP tlog-tiles).
const (
	// TileHeight is the height of a tile in levels of the tree.
	TileHeight = 8
	// TileWidth is the number of hashes in a full tile, and of entries in a full bundle.
	TileWidth = 1 << TileHeight
	// TileSize is the length in bytes of a full tile.
	TileSize = TileWidth * tlog.HashSize
)

// Tiles reads the tiles that are stored of one log.
type Tiles interface {
	// Tile gives the hashes of the tile at a level (0 is that of the leaves) and an index,
	// one behind the other, 32 bytes each. It gives as many as there are, up to [TileWidth]:
	// hashes beyond the size that is asked about do no harm. A tile that is not there is
	// empty and no error. The bytes are not changed by who gets them.
	Tile(ctx context.Context, level int, index int64) ([]byte, error)
}

// Tile is a tile that was changed by [Append]: it takes the place of the one that was
// stored at this level and index.
type Tile struct {
	Level  int
	Index  int64
	Hashes []byte
}

// EmptyRoot is the root of a tree without leaves (RFC 6962 §2.1).
func EmptyRoot() tlog.Hash { return sha256.Sum256(nil) }

// Append adds entries behind the size that the log has. It gives the tiles that changed,
// in the order of levels and indexes, and the new root. It reads one tile of each level at
// most. Nothing is stored; whoever calls stores the tiles and the size together. Internal
// if the stored tiles hold less than the size says.
func Append(ctx context.Context, tiles Tiles, size int64, entries [][]byte) (changed []Tile, root tlog.Hash, err error) {
	hashes := make([]byte, 0, len(entries)*tlog.HashSize)
	for _, e := range entries {
		h := tlog.RecordHash(e)
		hashes = append(hashes, h[:]...)
	}
	var edge []tlog.Hash // the whole subtrees of the right edge, the smallest first
	for level, count := 0, size; count > 0 || len(hashes) > 0; level, count = level+1, count/TileWidth {
		last, err := readTile(ctx, tiles, level, count/TileWidth, int(count%TileWidth))
		if err != nil {
			return nil, root, err
		}
		index, above := count/TileWidth, []byte(nil)
		for row := append(last, hashes...); len(row) > 0; index++ {
			n := min(len(row), TileSize)
			if len(hashes) > 0 {
				changed = append(changed, Tile{level, index, row[:n:n]})
			}
			if n < TileSize {
				edge = append(edge, subtrees(row[:n])...)
			} else {
				h := wholeHash(row[:n])
				above = append(above, h[:]...)
			}
			row = row[n:]
		}
		hashes = above
	}
	return changed, fold(edge), nil
}

// RootOf computes the root that the log had at a size. Internal if the stored tiles hold
// less.
func RootOf(ctx context.Context, tiles Tiles, size int64) (tlog.Hash, error) {
	_, root, err := Append(ctx, tiles, size, nil)
	return root, err
}

// readTile reads the first width hashes of a tile, as a copy.
func readTile(ctx context.Context, tiles Tiles, level int, index int64, width int) ([]byte, error) {
	if width == 0 {
		return nil, nil
	}
	b, err := tiles.Tile(ctx, level, index)
	if err != nil {
		return nil, err
	}
	if len(b) < width*tlog.HashSize || len(b) > TileSize || len(b)%tlog.HashSize != 0 {
		return nil, entente.Errorf(entente.Internal, "tile %d of level %d has %d bytes; the log's size asks for %d hashes of %d bytes", index, level, len(b), width, tlog.HashSize)
	}
	return append(make([]byte, 0, TileSize), b[:width*tlog.HashSize]...), nil
}

// subtrees are the roots of the whole subtrees over a row of hashes, the smallest, which
// is the rightmost, first.
func subtrees(row []byte) (roots []tlog.Hash) {
	for n := len(row) / tlog.HashSize; n > 0; {
		k := n & -n
		roots = append(roots, wholeHash(row[(n-k)*tlog.HashSize:n*tlog.HashSize]))
		n -= k
	}
	return roots
}

// wholeHash is the root over a row of 2^k hashes.
func wholeHash(row []byte) tlog.Hash {
	if len(row) == tlog.HashSize {
		return tlog.Hash(row)
	}
	half := len(row) / 2
	return tlog.NodeHash(wholeHash(row[:half]), wholeHash(row[half:]))
}

// fold makes a root of the subtrees of the right edge, the smallest first.
func fold(edge []tlog.Hash) tlog.Hash {
	if len(edge) == 0 {
		return EmptyRoot()
	}
	root := edge[0]
	for _, left := range edge[1:] {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// Root is the root of the tree over a list of leaves (RFC 6962 §2.1).
func Root(leaves [][]byte) tlog.Hash {
	var t Tree
	for _, leaf := range leaves {
		t.Add(leaf)
	}
	return t.Root()
}

// Tree computes the root over leaves that come one by one, and keeps one hash for each
// level. The zero Tree is empty.
type Tree struct {
	size int64
	edge []tlog.Hash // the largest subtree first
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Add appends a leaf.
func (t *Tree) Add(leaf []byte) { t.AddHash(tlog.RecordHash(leaf)) }

// AddHash appends a leaf whose hash is known. It gives the hashes of the subtrees that
// this leaf completed, of 2, 4, 8 … leaves; they are good until the next call.
func (t *Tree) AddHash(h tlog.Hash) (whole []tlog.Hash) {
	t.size++
	for range bits.TrailingZeros64(uint64(t.size)) {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		whole = append(whole, h)
	}
	t.edge = append(t.edge, h)
	return whole
}

// Root is the root over the leaves so far.
func (t *Tree) Root() tlog.Hash {
	if t.size == 0 {
		return EmptyRoot()
	}
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.edge[i], root)
	}
	return root
}

// ProveInclusion gives the proof that the entry at an index is in the log of a size: the
// hashes from the leaf's sibling up to a child of the root (RFC 6962 §2.1.1). Invalid for
// an index that is not below the size.
func ProveInclusion(ctx context.Context, tiles Tiles, size, index int64) ([]tlog.Hash, error) {
	if index < 0 || index >= size {
		return nil, entente.Errorf(entente.Invalid, "a log of %d entries has none at index %d", size, index)
	}
	p, err := tlog.ProveRecord(size, index, reader(ctx, tiles, size))
	return p, proving(err)
}

// ProveConsistency gives the proof that the log of a size continues what it was at an
// older one (RFC 6962 §2.1.2). It is empty for two equal sizes and for the older size 0.
// Invalid if the older size is the larger one.
func ProveConsistency(ctx context.Context, tiles Tiles, old, size int64) ([]tlog.Hash, error) {
	if old < 0 || old > size {
		return nil, entente.Errorf(entente.Invalid, "a log of %d entries does not continue one of %d", size, old)
	}
	if old == 0 || old == size {
		return nil, nil
	}
	p, err := tlog.ProveTree(size, old, reader(ctx, tiles, size))
	return p, proving(err)
}

func proving(err error) error {
	if err != nil {
		return fmt.Errorf("make a proof: %w", err)
	}
	return nil
}

// reader reads hashes of the tree out of tiles, each tile once.
func reader(ctx context.Context, tiles Tiles, size int64) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		type place struct {
			level int
			index int64
		}
		read := map[place][]byte{}
		hashes := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			t := tlog.TileForIndex(TileHeight, at)
			row, ok := read[place{t.L, t.N}]
			if !ok {
				width := min(size>>(TileHeight*t.L)-t.N*TileWidth, TileWidth)
				var err error
				if row, err = readTile(ctx, tiles, t.L, t.N, int(width)); err != nil {
					return nil, err
				}
				read[place{t.L, t.N}] = row
			}
			h, err := tlog.HashFromTile(t, row, at)
			if err != nil {
				return nil, err
			}
			hashes[i] = h
		}
		return hashes, nil
	})
}

// CheckInclusion reports whether proof shows that entry stands at index in the tree with
// this size and root.
func CheckInclusion(proof []tlog.Hash, size int64, root tlog.Hash, index int64, entry []byte) bool {
	return index >= 0 && index < size && tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry)) == nil
}

// CheckConsistency reports whether proof shows that the tree with this size and root
// continues the older one.
func CheckConsistency(proof []tlog.Hash, size int64, root tlog.Hash, old int64, oldRoot tlog.Hash) bool {
	if old == 0 {
		return size >= 0 && len(proof) == 0 && oldRoot == EmptyRoot()
	}
	return old > 0 && old <= size && tlog.CheckTree(proof, size, root, old, oldRoot) == nil
}
