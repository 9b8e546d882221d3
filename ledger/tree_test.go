package ledger_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"entente"
	"entente/ledger"
)

// The roots that Certificate Transparency's implementations share for their eight leaves.
func TestRootVectors(t *testing.T) {
	var leaves [][]byte
	for _, s := range []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"} {
		leaf, _ := hex.DecodeString(s)
		leaves = append(leaves, leaf)
	}
	for n, want := range []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	} {
		if got := ledger.Root(leaves[:n]); fmt.Sprintf("%x", got[:]) != want {
			t.Errorf("the root of %d leaves is %x, want %s", n, got[:], want)
		}
		tiles := stored{}
		if got := tiles.grow(t, 0, leaves[:n]); fmt.Sprintf("%x", got[:]) != want {
			t.Errorf("the root of a log of %d entries is %x, want %s", n, got[:], want)
		}
	}
}

// Whatever the steps in which a log grows, its tiles and roots are those of the standard,
// and every proof holds for its own place and for no other.
func TestTreeProperties(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(1, 70), rapid.IntRange(250, 520), rapid.IntRange(65_500, 65_600)).Draw(t, "size")
		all := entries(0, size)
		tiles := stored{}
		var root tlog.Hash
		for at := 0; at < size; {
			step := rapid.IntRange(1, max(1, size)).Draw(t, "step")
			step = min(step, size-at)
			changed, r, err := ledger.Append(ctx, tiles, int64(at), all[at:at+step])
			if err != nil {
				t.Fatal(err)
			}
			tiles.put(changed)
			at, root = at+step, r
			if size < 1000 && r != naive(all[:at]) {
				t.Fatalf("the root at %d is wrong", at)
			}
		}
		if root != naive(all) || root != ledger.Root(all) {
			t.Fatalf("the root of %d entries is wrong", size)
		}
		checkTiles(t, tiles, all)
		old := rapid.IntRange(0, size).Draw(t, "old")
		oldRoot := tlog.Hash(naive(all[:old]))
		if r, err := ledger.RootOf(ctx, tiles, int64(old)); err != nil || r != oldRoot {
			t.Fatalf("the root at %d of %d: %v", old, size, err)
		}
		index := rapid.IntRange(0, size-1).Draw(t, "index")
		p, err := ledger.ProveInclusion(ctx, tiles, int64(size), int64(index))
		if err != nil || !ledger.CheckInclusion(p, int64(size), root, int64(index), all[index]) {
			t.Fatalf("inclusion of %d in %d: %v", index, size, err)
		}
		if other := (index + 1) % size; other != index && ledger.CheckInclusion(p, int64(size), root, int64(other), all[index]) {
			t.Fatalf("the proof of %d holds for %d", index, other)
		}
		c, err := ledger.ProveConsistency(ctx, tiles, int64(old), int64(size))
		if err != nil || !ledger.CheckConsistency(c, int64(size), root, int64(old), oldRoot) {
			t.Fatalf("consistency of %d with %d: %v", size, old, err)
		}
		oldRoot[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		if ledger.CheckConsistency(c, int64(size), root, int64(old), oldRoot) {
			t.Fatalf("another root at %d is taken for consistent", old)
		}
	})
}

// checkTiles holds tiles against their definition: the hash at level l and place i is the
// root of the 256^l entries from i*256^l on, and there is no other.
func checkTiles(t *rapid.T, tiles stored, all [][]byte) {
	count := 0
	for level, span := 0, 1; span <= len(all); level, span = level+1, span*256 {
		for i := 0; (i+1)*span <= len(all); i++ {
			row := tiles[[2]int64{int64(level), int64(i / 256)}]
			if h := naive(all[i*span : (i+1)*span]); len(row) < (i%256+1)*32 || !bytes.Equal(row[i%256*32:][:32], h[:]) {
				t.Fatalf("hash %d of level %d is wrong", i, level)
			}
			count++
		}
	}
	for _, row := range tiles {
		count -= len(row) / 32
	}
	if count != 0 {
		t.Fatalf("there are %d hashes too many", -count)
	}
}

// What is asked for and cannot be is refused; what a store lost is told, and never a panic.
func TestTreeRefuses(t *testing.T) {
	ctx := context.Background()
	tiles := stored{}
	all := entries(0, 700)
	root := tiles.grow(t, 0, all)
	for _, index := range []int64{-1, 700, 1 << 62} {
		if _, err := ledger.ProveInclusion(ctx, tiles, 700, index); entente.KindOf(err) != entente.Invalid {
			t.Errorf("index %d: %v", index, err)
		}
		if ledger.CheckInclusion(nil, 700, root, index, all[0]) {
			t.Errorf("index %d is taken", index)
		}
	}
	for _, old := range []int64{-1, 701} {
		if _, err := ledger.ProveConsistency(ctx, tiles, old, 700); entente.KindOf(err) != entente.Invalid {
			t.Errorf("old size %d: %v", old, err)
		}
		if ledger.CheckConsistency(nil, 700, root, old, root) {
			t.Errorf("old size %d is taken", old)
		}
	}
	if ledger.CheckConsistency(nil, 700, root, 0, root) || !ledger.CheckConsistency(nil, 700, root, 0, ledger.EmptyRoot()) {
		t.Error("every log continues the empty one, and nothing else is the empty one")
	}
	for _, cut := range [][]byte{nil, tiles[[2]int64{0, 2}][:32], append(bytes.Clone(tiles[[2]int64{0, 2}]), 0), make([]byte, ledger.TileSize+32)} {
		broken := stored{{1, 0}: tiles[[2]int64{1, 0}], {0, 2}: cut}
		if _, _, err := ledger.Append(ctx, broken, 700, all[:1]); entente.KindOf(err) != entente.Internal {
			t.Errorf("a tile of %d bytes: %v", len(cut), err)
		}
		if _, err := ledger.ProveInclusion(ctx, broken, 700, 600); err == nil {
			t.Errorf("a proof from a tile of %d bytes", len(cut))
		}
	}
}

// million is a log of 10 million entries, as tiles that are made as they are asked for:
// hashes at random do for the time that a proof takes.
type million struct{ size int64 }

func (m million) Tile(_ context.Context, level int, index int64) ([]byte, error) {
	n := min(m.size>>(8*level)-index*256, 256)
	row := make([]byte, n*32)
	r := rand.New(rand.NewPCG(uint64(level), uint64(index)))
	for i := range row {
		row[i] = byte(r.Uint32())
	}
	return row, nil
}

func BenchmarkProveInclusion(b *testing.B) {
	ctx := context.Background()
	const size = 10_000_000
	cached := stored{}
	m := million{size}
	at := func(i int) int64 { return int64(i) * 7_919_777 % size }
	for i := range 1000 {
		for level, index := 0, at(i)/256; size>>(8*level) > 0; level, index = level+1, index/256 {
			cached[[2]int64{int64(level), index}], _ = m.Tile(ctx, level, index)
			last := int64(size) >> (8 * level) / 256
			cached[[2]int64{int64(level), last}], _ = m.Tile(ctx, level, last)
		}
	}
	for i := 0; b.Loop(); i++ {
		if _, err := ledger.ProveInclusion(ctx, cached, size, at(i%1000)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	ctx := context.Background()
	tiles, size, all := stored{}, int64(0), entries(0, 1000)
	for b.Loop() {
		changed, _, err := ledger.Append(ctx, tiles, size, all)
		if err != nil {
			b.Fatal(err)
		}
		tiles.put(changed)
		size += int64(len(all))
	}
	b.ReportMetric(float64(size)/b.Elapsed().Seconds(), "entries/s")
}
