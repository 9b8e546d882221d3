package ledger_test

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"entente"
	"entente/ledger"
)

// Files that are cut, doubled, put in another order, exchanged or taken away, in a ledger
// that is large enough for full tiles.
func TestTamperedFiles(t *testing.T) {
	h := newHome(t)
	f := h.feed()
	h.judge(f, 50)
	for i := range 600 {
		h.deliver(f, uuid(201+i%2), int64(i%50))
	}
	h.heads()
	h.write()
	if r, err := verify(t, h.files, ledger.Options{}); err != nil || r.Entries != 602+600 {
		t.Fatal(r, err)
	}
	// changed are the ways to change a file of parts, each of a length, or of lines if 0.
	parts := func(data []byte, length int) [][]byte {
		if length == 0 {
			return slices.Collect(bytes.Lines(data))
		}
		return slices.Collect(slices.Chunk(data, length))
	}
	for path, file := range h.files {
		length, log := 0, "entente/"+uuid(1)+"/1"
		if p, err := ledger.ParsePath(strings.TrimPrefix(strings.TrimPrefix(path, "1/main/"), "1/"+uuid(201)+"/")); err == nil {
			length = map[string]int{ledger.OfTile: 32, ledger.OfEntries: 34}[p.Of]
		}
		list := parts(file.Data, length)
		n := len(list)
		changes := map[string][][]byte{
			"the last dropped":  list[:n-1],
			"the first dropped": list[1:],
			"the first doubled": append([][]byte{list[0]}, list...),
			"the last doubled":  append(slices.Clone(list), list[n-1]),
			"nothing left":      nil,
		}
		if n > 1 {
			mixed := slices.Clone(list)
			mixed[0], mixed[n-1] = mixed[n-1], mixed[0]
			changes["two exchanged"] = mixed
			changes["one dropped, one doubled"] = append(slices.Clone(list[:n-1]), list[0])
		}
		for what, changed := range changes {
			data := bytes.Join(changed, nil)
			if bytes.Equal(data, file.Data) {
				continue
			}
			was := file.Data
			file.Data = data
			_, err := verify(t, h.files, ledger.Options{})
			file.Data = was
			if entente.KindOf(err) != entente.Conflict || !strings.Contains(err.Error(), path) && !(strings.HasPrefix(path, "1/") && strings.Contains(err.Error(), log)) {
				t.Errorf("%s of %s: %v", what, path, err)
			}
		}
		for _, cut := range []int{1, len(file.Data) / 2} {
			was := file.Data
			file.Data = was[:len(was)-cut]
			_, err := verify(t, h.files, ledger.Options{})
			file.Data = was
			if entente.KindOf(err) != entente.Conflict {
				t.Errorf("%s without its last %d bytes: %v", path, cut, err)
			}
		}
		delete(h.files, path)
		if _, err := verify(t, h.files, ledger.Options{}); entente.KindOf(err) != entente.Conflict || !strings.Contains(err.Error(), path+": the file is missing") {
			t.Errorf("%s is missing: %v", path, err)
		}
		h.files[path] = file
	}
	// An event takes another's place with its salt; the entries stay.
	for _, path := range []string{"1/main/events/000", "1/" + uuid(201) + "/events/000"} {
		lines := parts(h.files[path].Data, 0)
		lines[7] = lines[8]
		was := h.files[path]
		h.files[path] = &fstest.MapFile{Data: bytes.Join(lines, nil)}
		if _, err := verify(t, h.files, ledger.Options{}); err == nil || !strings.Contains(err.Error(), "entry 7: "+path) {
			t.Error(err)
		}
		h.files[path] = was
	}
	if _, err := verify(t, h.files, ledger.Options{}); err != nil {
		t.Fatal(err)
	}
}

// Any byte of a large export counts.
func TestRandomBytesCount(t *testing.T) {
	files := large(t, 1500)
	paths := slices.Sorted(maps.Keys(files))
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		path := paths[r.IntN(len(paths))]
		i, bit := r.IntN(len(files[path].Data)), byte(1)<<r.IntN(8)
		files[path].Data[i] ^= bit
		_, err := verify(t, files, ledger.Options{})
		files[path].Data[i] ^= bit
		if entente.KindOf(err) != entente.Conflict {
			t.Fatalf("bit %d of byte %d of %s: %v", bit, i, path, err)
		}
	}
	if _, err := verify(t, files, ledger.Options{}); err != nil {
		t.Fatal(err)
	}
}

// A log that grew beyond what its checkpoint says has full files in place of partial ones.
func TestFullFilesServe(t *testing.T) {
	h := newHome(t)
	for range 300 {
		h.event(h.main, "note", members{})
	}
	h.write()
	longer := newHome(t)
	for range 600 {
		longer.event(longer.main, "note", members{})
	}
	longer.write()
	for path := range h.files {
		if full, _, ok := strings.Cut(path, ".p/"); ok && longer.files[full] != nil {
			delete(h.files, path)
			h.files[full] = longer.files[full]
		}
	}
	if _, err := verify(t, h.files, ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	h.files["1/main/tile/0/001"].Data[0] ^= 1
	if _, err := verify(t, h.files, ledger.Options{}); err == nil || !strings.Contains(err.Error(), "entry 256: 1/main/tile/0/001: ") {
		t.Error(err)
	}
}

// What was seen before is continued, or the ledger was rolled back or forked.
func TestSeenBefore(t *testing.T) {
	grow := func(h *home, n int) {
		for range n {
			h.act("note", members{}, members{}, uuid(201))
			h.heads()
		}
	}
	at := func(n int) *home { // the history, up to a moment
		h := newHome(t)
		grow(h, n)
		return h
	}
	early, now, late := at(5), at(9), at(12)
	fork := at(4)
	fork.event(fork.main, "another", members{})
	grow(fork, 9)
	early.write()
	now.write()
	late.write()
	fork.write()
	partner := "1/" + uuid(201) + "/checkpoint"
	check := func(name string, files fstest.MapFS, want string, seen ...[]byte) {
		t.Helper()
		_, err := verify(t, files, ledger.Options{Seen: seen})
		expect(t, name, err, want)
	}
	check("earlier", now.files, "", early.files["1/main/checkpoint"].Data, early.files[partner].Data)
	check("the same", now.files, "", now.files["1/main/checkpoint"].Data)
	check("later", now.files, "the log has 18 entries, but a checkpoint of 24 was seen", late.files["1/main/checkpoint"].Data)
	check("a partner's, later", now.files, "the log has 9 entries, but a checkpoint of 12 was seen", late.files[partner].Data)
	check("forked", fork.files, "at 10 entries the log has the root", early.files["1/main/checkpoint"].Data)
	tiles := stored{}
	var list [][]byte
	for _, e := range early.partner[uuid(201)].entries {
		list = append(list, e[:])
	}
	tiles.grow(t, 0, list)
	receipt := ledger.Proof{Index: 2, Hashes: must[[]tlog.Hash](t)(ledger.ProveInclusion(context.Background(), tiles, 5, 2)), Checkpoint: early.files[partner].Data}
	check("a receipt", now.files, "", receipt.Marshal())
	receipt.Checkpoint = late.files[partner].Data
	check("a receipt from later", now.files, "a checkpoint of 12 was seen", receipt.Marshal())
	late.discontinue(false)
	late.write()
	check("another epoch", now.files, "the export has no such log", late.files["2/main/checkpoint"].Data)
	for name, seen := range map[string][]byte{"nonsense": []byte("x"), "a stranger's": must[[]byte](t)(ledger.Checkpoint{Origin: now.main.origin, Size: 1}.Sign(newKey(t, 9)))} {
		if _, err := verify(t, now.files, ledger.Options{Seen: [][]byte{seen}}); entente.KindOf(err) != entente.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A key that is known from elsewhere vouches for what it signed before the ledger was made anew.
	known := must[ledger.Verifier](t)(newKey(t, 9).Verifier(now.main.origin))
	if _, err := verify(t, now.files, ledger.Options{Keys: []ledger.Verifier{known}}); err == nil || !strings.Contains(err.Error(), "is none of its keys") {
		t.Error(err)
	}
	if _, err := verify(t, now.files, ledger.Options{Keys: []ledger.Verifier{must[ledger.Verifier](t)(newKey(t, 1).Verifier(now.main.origin))}}); err != nil {
		t.Error(err)
	}
}

// An export is verified over HTTP as in a directory, and what cannot be reached is no fault.
func TestVerifyOverHTTP(t *testing.T) {
	h := small(t)
	files := h.write()
	status := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		http.StripPrefix("/ledger", http.FileServerFS(files)).ServeHTTP(w, r)
	}))
	defer srv.Close()
	ctx := context.Background()
	remote := ledger.HTTP(srv.Client(), srv.URL+"/ledger/")
	r, err := ledger.Verify(ctx, remote, ledger.Options{})
	if err != nil || r.Logs != 5 {
		t.Fatal(r, err)
	}
	delete(files, "2/main/checkpoint")
	_, err = ledger.Verify(ctx, remote, ledger.Options{})
	expect(t, "missing", err, "2/main/checkpoint: the file is missing")
	status = 503
	if _, err := ledger.Verify(ctx, remote, ledger.Options{}); entente.KindOf(err) != entente.Unavailable {
		t.Error(err)
	}
	srv.Close()
	if _, err := ledger.Verify(ctx, remote, ledger.Options{}); entente.KindOf(err) != entente.Unavailable {
		t.Error(err)
	}
}

// Each event is handed out once, in the order of its log; whoever takes them can end it.
func TestEachEvent(t *testing.T) {
	h := small(t)
	files := h.write()
	next := map[string]int64{}
	kinds := map[string]int64{}
	_, err := verify(t, files, ledger.Options{Each: func(e ledger.Entered) error {
		log := ledger.Origin(uuid(1), e.Epoch, e.Partner)
		if e.Index != next[log] || !bytes.Contains(e.Raw, []byte(`"id":"`+e.Event.ID+`"`)) || e.Event.For != e.Partner {
			t.Errorf("%s %+v", log, e)
		}
		next[log]++
		kinds[e.Event.Kind]++
		return nil
	}})
	if err != nil || len(next) != 5 || kinds["deliver"] != 8 {
		t.Errorf("%v %v %v", next, kinds, err)
	}
	before := goleak.IgnoreCurrent()
	defer goleak.VerifyNone(t, before) // whoever ends early leaves nothing running
	stop := entente.Errorf(entente.Usage, "enough")
	if _, err := verify(t, files, ledger.Options{Each: func(ledger.Entered) error { return stop }}); err != stop {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ledger.Verify(ctx, ledger.Dir(files), ledger.Options{}); err == nil || entente.KindOf(err) == entente.Conflict {
		t.Error(err)
	}
}

// Whatever a home does that follows the rules is verified.
func TestAnyHistoryIsVerified(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHome(t)
		feeds := []*release{h.feed(), h.feed()}
		live := map[*release][]int64{}
		for range rapid.IntRange(0, 60).Draw(rt, "steps") {
			f := feeds[rapid.IntRange(0, 1).Draw(rt, "feed")]
			p := uuid(201 + rapid.IntRange(0, 2).Draw(rt, "partner"))
			switch rapid.IntRange(0, 8).Draw(rt, "step") {
			case 0:
				if h.main.tree.Size() > 0 { // there is nothing yet that a key could take over
					h.rotate()
				}
			case 1:
				h.discontinue(rapid.Bool().Draw(rt, "lost"))
			case 2, 3:
				h.heads()
			case 4:
				n := rapid.IntRange(1, 40).Draw(rt, "entries")
				h.judge(f, n)
				for seq := f.Head - int64(n) + 1; seq <= f.Head; seq++ {
					live[f] = append(live[f], seq)
				}
			case 5:
				if n := len(live[f]); n > 0 {
					from := rapid.IntRange(0, n-1).Draw(rt, "from")
					to := rapid.IntRange(from+1, n).Draw(rt, "to")
					h.judge(f, 0, live[f][from:to]...)
					live[f] = slices.Delete(slices.Clone(live[f]), from, to)
				}
			case 6:
				h.act("note", members{}, members{}, p, uuid(204))
			default:
				h.deliver(f, p, rapid.Int64Range(0, f.Head).Draw(rt, "after"))
			}
		}
		files := maps.Clone(h.write())
		if _, err := verify(t, files, ledger.Options{}); err != nil {
			rt.Fatal(err)
		}
	})
}

// A checkpoint of a size that no files can have is a fault, at once.
func TestHugeSize(t *testing.T) {
	for _, size := range []int64{1<<63 - 1, 1<<63 - 256, 1 << 62} {
		h := newHome(t)
		h.event(h.main, "note", members{})
		h.write()
		c := ledger.Checkpoint{Origin: h.main.origin, Size: size, Root: ledger.EmptyRoot()}
		h.files["1/main/checkpoint"] = &fstest.MapFile{Data: must[[]byte](t)(c.Sign(h.key))}
		h.sign()
		_, err := verify(t, h.files, ledger.Options{})
		expect(t, "huge", err, "tile/entries/000: the file is missing")
	}
}

// The newest main log may have to be witnessed.
func TestVerifyWitnessed(t *testing.T) {
	h := small(t)
	h.write()
	w := witnessKeys(t, 2)
	o := ledger.Options{Policy: must[ledger.Policy](t)(ledger.ParsePolicy([]byte("witness a " + w[0].String() + "\nwitness b " + w[1].String() + "\ngroup g all a b\nquorum g\n")))}
	main := h.files["2/main/checkpoint"]
	root := h.main.tree.Root()
	for i, want := range []string{"2/main/checkpoint: too few witnesses", "too few witnesses", ""} {
		r, err := verify(t, h.files, o)
		expect(t, "witnessed", err, want)
		if want == "" && (len(r.Witnessed) != 2 || r.Witnessed[1].Time != 6 || r.Witnessed[1].By.Name() != w[1].Name()) {
			t.Errorf("%+v", r.Witnessed)
		}
		main.Data = append(main.Data, must[[]byte](t)(newKey(t, byte(100+i)).Cosign("witness.example/w"+string(rune('0'+i)), ledger.Checkpoint{Origin: h.main.origin, Size: h.main.tree.Size(), Root: root}, int64(5+i)))...)
		h.sign()
	}
	if r, err := verify(t, h.files, ledger.Options{}); err != nil || len(r.Witnessed) != 0 {
		t.Error(r.Witnessed, err)
	}
}

// A writer writes the tiles that appending gives, whatever the size.
func TestWriterWritesTheTiles(t *testing.T) {
	for _, size := range []int{0, 1, 255, 256, 257, 65_535, 65_536, 66_000, 131_200} {
		files, tiles, list := fstest.MapFS{}, stored{}, entries(0, size)
		w := ledger.Writer{Put: func(path string, data []byte) error {
			if files[path] != nil {
				t.Fatalf("%s is written twice", path)
			}
			files[path] = &fstest.MapFile{Data: bytes.Clone(data)}
			return nil
		}}
		for _, e := range list {
			if err := w.AddErased([32]byte(e)); err != nil {
				t.Fatal(err)
			}
		}
		n, root, err := w.Close()
		if err != nil || n != int64(size) || root != tiles.grow(t, 0, list) {
			t.Fatal(n, root, err)
		}
		for at, row := range tiles {
			path := ledger.Path{Of: ledger.OfTile, Level: int(at[0]), Index: at[1], Width: len(row) / 32}.String()
			if f := files[path]; f == nil || !bytes.Equal(f.Data, row) {
				t.Fatalf("size %d: %s differs", size, path)
			}
			delete(files, path)
		}
		if bundles := (size + 255) / 256; len(files) != 2*bundles {
			t.Fatalf("size %d: %d files beside the tiles of %d bundles", size, len(files), bundles)
		}
	}
}

// Writing that fails is told.
func TestWriterFails(t *testing.T) {
	full := entente.Errorf(entente.Unavailable, "the disk is full")
	for fail := range 8 {
		left := fail
		w := ledger.Writer{Put: func(string, []byte) error {
			if left--; left < 0 {
				return full
			}
			return nil
		}}
		var err error
		for i := 0; i < 300 && err == nil; i++ {
			err = w.Add([32]byte{byte(i)}, []byte("{}"))
		}
		if err == nil {
			_, _, err = w.Close()
		}
		if (err != full) != (fail == 7) { // two tiles, two bundles, two of events, one tile above
			t.Errorf("after %d files: %v", fail, err)
		}
	}
	w := ledger.Writer{}
	if err := w.Add([32]byte{}, make([]byte, ledger.MaxEvent+1)); entente.KindOf(err) != entente.TooLarge {
		t.Error(err)
	}
	for i := range 4 { // together they are too many bytes for one bundle
		if err := w.Add([32]byte{}, make([]byte, ledger.MaxEvent)); (i == 3) != (entente.KindOf(err) == entente.TooLarge) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
