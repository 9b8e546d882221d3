package ledger_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
	"entente/ledger"
)

// receipt is a proof of entry 5 of 9, its entry, and the log's key.
func receipt(t testing.TB) (ledger.Proof, []byte, ledger.Verifier) {
	t.Helper()
	k := newKey(t, 1)
	all, tiles := entries(0, 9), stored{}
	c := ledger.Checkpoint{Origin: origin, Size: 9, Root: tiles.grow(t, 0, all)}
	p := ledger.Proof{Index: 5, Checkpoint: must[[]byte](t)(c.Sign(k))}
	p.Hashes = must[[]tlog.Hash](t)(ledger.ProveInclusion(context.Background(), tiles, 9, 5))
	return p, all[5], must[ledger.Verifier](t)(k.Verifier(origin))
}

func TestProof(t *testing.T) {
	p, entry, v := receipt(t)
	text := p.Marshal()
	if want := "c2sp.org/tlog-proof@v1\nindex 5\n" + p.Hashes[0].String() + "\n"; !strings.HasPrefix(string(text), want) {
		t.Errorf("%s", text)
	}
	policy := ledger.Trust(v)
	got := must[ledger.Proof](t)(ledger.ParseProof(text))
	if c, err := got.Verify(entry, policy); err != nil || c.Size != 9 || c.Origin != origin {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := got.Verify(entries(6, 1)[0], policy); entente.KindOf(err) != entente.Conflict {
		t.Errorf("another entry: %v", err)
	}
	if _, err := got.Verify(entry, ledger.Policy{}); entente.KindOf(err) != entente.Forbidden {
		t.Errorf("no trust: %v", err)
	}
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		if p, err := ledger.ParseProof(changed); err == nil {
			if _, err := p.Verify(entry, policy); err == nil {
				t.Errorf("byte %d is changed, and nobody sees it", i)
			}
		}
	}
	p.Extra = []byte("beside")
	if got := must[ledger.Proof](t)(ledger.ParseProof(p.Marshal())); string(got.Extra) != "beside" {
		t.Errorf("%q", got.Extra)
	}
	// A log of one entry has a proof without hashes.
	one := ledger.Checkpoint{Origin: origin, Size: 1, Root: ledger.Root(entries(0, 1))}
	single := ledger.Proof{Checkpoint: must[[]byte](t)(one.Sign(newKey(t, 1)))}
	got = must[ledger.Proof](t)(ledger.ParseProof(single.Marshal()))
	if _, err := got.Verify(entries(0, 1)[0], policy); err != nil {
		t.Error(err)
	}
}

func TestParseProofRefuses(t *testing.T) {
	h := ledger.EmptyRoot().String() + "\n"
	for _, s := range []string{"", "c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v2\nindex 0\n\nx", "c2sp.org/tlog-proof@v1\n\nx",
		"c2sp.org/tlog-proof@v1\nindex 01\n\nx", "c2sp.org/tlog-proof@v1\nindex -1\n\nx", "c2sp.org/tlog-proof@v1\nindex +1\n\nx",
		"c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\nx", "c2sp.org/tlog-proof@v1\nextra !!\nindex 0\n\nx",
		"c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nx", "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nx",
		"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\nx", "c2sp.org/tlog-proof@v1\nextra AAAA\n\nx",
		"c2sp.org/tlog-proof@v1\nindex 0\n" + strings.Repeat(h, 64) + "\nx"} {
		if _, err := ledger.ParseProof([]byte(s)); entente.KindOf(err) != entente.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := ledger.ParseProof(make([]byte, ledger.MaxProof+1)); entente.KindOf(err) != entente.TooLarge {
		t.Error(err)
	}
}

func FuzzParseProof(f *testing.F) {
	p, entry, v := receipt(f)
	f.Add(p.Marshal())
	p.Extra = []byte{0}
	f.Add(p.Marshal())
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ledger.ParseProof(text)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Marshal(), text) {
			t.Fatalf("%q is read as %q", text, p.Marshal())
		}
		if _, err := p.Verify(entry, ledger.Trust(v)); err == nil && p.Index != 5 {
			t.Fatalf("%q proves it", text)
		}
	})
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]ledger.Path{
		"tile/0/000":                               {Of: ledger.OfTile, Width: 256},
		"tile/1/x001/x234/067":                     {Of: ledger.OfTile, Level: 1, Index: 1_234_067, Width: 256},
		"tile/63/x001/067.p/255":                   {Of: ledger.OfTile, Level: 63, Index: 1067, Width: 255},
		"tile/entries/999.p/1":                     {Of: ledger.OfEntries, Index: 999, Width: 1},
		"events/x001/000":                          {Of: ledger.OfEvents, Index: 1000, Width: 256},
		"events/x009/x223/x372/x036/x854/x775/807": {Of: ledger.OfEvents, Index: 9_223_372_036_854_775_807, Width: 256},
	} {
		got, err := ledger.ParsePath(path)
		if err != nil || got != want || want.String() != path {
			t.Errorf("%s: %+v, %v; %s", path, got, err, want)
		}
	}
	for _, path := range []string{"", "/tile/0/000", "tile/64/000", "tile/00/000", "tile/0/00", "tile/0/x000/000", "tile/0/1000", "tile/0/x001/x000",
		"tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p/1/", "tile/0/-01", "tile/entries/", "events/../checkpoint",
		"tile/0/x009/x223/x372/x036/x854/x775/808", "tile/-1/000", "tile/+1/000", "tile/data/000", "checkpoint"} {
		if p, err := ledger.ParsePath(path); entente.KindOf(err) != entente.NotFound {
			t.Errorf("%s: %+v, %v", path, p, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	f.Add("tile/1/x001/x234/067.p/3")
	f.Add("tile/entries/000")
	f.Add("events/000")
	f.Fuzz(func(t *testing.T, path string) {
		p, err := ledger.ParsePath(path)
		if err == nil && (p.String() != path || p.Width < 1 || p.Width > 256 || p.Index < 0 || p.Level < 0 || p.Level > 63) {
			t.Fatalf("%q is read as %+v", path, p)
		}
	})
}

func TestBundle(t *testing.T) {
	list := [][]byte{{}, []byte("a"), make([]byte, 65_535), entries(0, 1)[0]}
	b := must[[]byte](t)(ledger.EncodeBundle(list))
	if want := []byte{0, 0, 0, 1, 'a', 0xff, 0xff}; !bytes.HasPrefix(b, want) {
		t.Errorf("%x", b[:8])
	}
	got := must[[][]byte](t)(ledger.DecodeBundle(b, 4))
	for i := range list {
		if !bytes.Equal(got[i], list[i]) {
			t.Errorf("entry %d", i)
		}
	}
	for _, width := range []int{-1, 0, 3, 5, 256} {
		if _, err := ledger.DecodeBundle(b, width); entente.KindOf(err) != entente.Invalid {
			t.Errorf("width %d: %v", width, err)
		}
	}
	for _, cut := range []int{1, 2, 4, 6, len(b) - 1} {
		if _, err := ledger.DecodeBundle(b[:cut], 4); entente.KindOf(err) != entente.Invalid {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	for _, list := range [][][]byte{make([][]byte, 257), {make([]byte, 65_536)}} {
		if _, err := ledger.EncodeBundle(list); entente.KindOf(err) != entente.Invalid {
			t.Error(err)
		}
	}
}

func FuzzDecodeBundle(f *testing.F) {
	b, _ := ledger.EncodeBundle(entries(0, 3))
	f.Add(b, 3)
	f.Add([]byte{0, 0, 0}, 1)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		list, err := ledger.DecodeBundle(b, width)
		if err != nil || len(list) > ledger.TileWidth {
			return
		}
		if again, err := ledger.EncodeBundle(list); err != nil || !bytes.Equal(again, b) || len(list) != width {
			t.Fatalf("%x is read as %x, %v", b, again, err)
		}
	})
}
