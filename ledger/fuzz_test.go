package ledger_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"entente"
	"entente/ledger"
)

func TestCanonicalEvents(t *testing.T) {
	raw := must[[]byte](t)(ledger.Canonical(members{"b": 1.0, "a": "<&>\u2028", "€": nil, "\U0001f600": true, "\ufb33": []int{}}))
	if want := "{\"a\":\"<&>\u2028\",\"b\":1,\"€\":null,\"\U0001f600\":true,\"\ufb33\":[]}"; string(raw) != want {
		t.Errorf("%s, want %s", raw, want)
	}
	for _, v := range []any{make(chan int), func() {}, 1i} {
		if _, err := ledger.Canonical(v); entente.KindOf(err) != entente.Invalid {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// Entries to the byte: they are in signed trees, so they never change.
func TestEntryVector(t *testing.T) {
	got := ledger.Entry([32]byte{0: 1, 31: 2}, []byte(`{}`))
	if want := "54c63aa24013bdceadafca6986976a5a4739aebb128f8056e2df59332b120b0e"; hex.EncodeToString(got[:]) != want {
		t.Errorf("%x, want %s", got, want)
	}
	var root ledger.FeedRoot
	root.Add(258, entente.Commitment{0: 0xaa, 31: 0xbb})
	h := root.Root()
	if want := "bb963c4c25cf882441754eba7534a68fd3cdf99a1425ae8c411425f22d8032de"; hex.EncodeToString(h[:]) != want {
		t.Errorf("%x, want %s", h, want)
	}
}

func FuzzParseEvent(f *testing.F) {
	for path, file := range small(f).write() {
		if strings.Contains(path, "/events/") {
			for line := range bytes.Lines(file.Data) {
				f.Add(bytes.TrimSuffix(line, []byte("\n")))
			}
		}
	}
	f.Add([]byte(`{"erased":true}`))
	f.Add([]byte(`{"salt":"` + strings.Repeat("0", 64) + `","event":}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		was := bytes.Clone(line)
		salted, err := ledger.ParseEventLine(line)
		if err != nil {
			return
		}
		if salted == nil {
			if string(was) != `{"erased":true}` {
				t.Fatalf("%q is taken for erased", was)
			}
			return
		}
		salt, event := [32]byte(salted[:32]), bytes.Clone(salted[32:])
		if again := ledger.AppendEventLine(nil, salt, event); string(again) != string(was)+"\n" {
			t.Fatalf("%q is read as %q", was, again)
		}
		if e, err := ledger.ParseEvent(event); err == nil && (e.ID == "" || e.Kind == "" || e.Time == "") {
			t.Fatalf("%q is read as %+v", event, e)
		}
	})
}

func FuzzParseExport(f *testing.F) {
	h := small(f)
	h.write()
	f.Add(h.files[ledger.ExportFile].Data)
	f.Add([]byte(`{"format":"entente-ledger","version":1,"home":{"id":"` + uuid(1) + `","name":""},"epochs":[]}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ledger.ParseExport(b)
		if err != nil {
			return
		}
		raw, err := x.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.ParseExport(raw); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if _, err := ledger.Verify(context.Background(), ledger.Dir(fstest.MapFS{ledger.ExportFile: {Data: b}}), ledger.Options{}); err == nil {
			t.Fatal("nothing else is there")
		}
	})
}

func TestParseExportRefuses(t *testing.T) {
	h := small(t)
	h.write()
	good := string(h.files[ledger.ExportFile].Data)
	if _, err := ledger.ParseExport([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for old, changed := range map[string]string{
		`"entente-ledger"`: `"entente"`, `"version":1`: `"version":2`, `"id":"` + uuid(1): `"id":"x`, `"epoch":2`: `"epoch":3`, `"from":0`: `"from":1`,
		`"home":`: `"x":1,"home":`, `/2","partner":""`: `/2","partner":"` + uuid(9) + `"`, `/1","partner"`: `/9","partner"`, `"partner":"` + uuid(201): `"partner":"` + uuid(202),
	} {
		if !strings.Contains(good, old) {
			t.Fatal(old)
		}
		if _, err := ledger.ParseExport([]byte(strings.ReplaceAll(good, old, changed))); entente.KindOf(err) != entente.Invalid {
			t.Errorf("%s: %v", changed, err)
		}
	}
}

func TestFeedRefuses(t *testing.T) {
	h := small(t)
	files := h.write()
	path := ledger.FeedFile(uuid(500))
	good := slices.Collect(strings.Lines(string(files[path].Data)))
	if head, n, err := ledger.ReadFeed(context.Background(), ledger.Dir(files), path); err != nil || n != len(good)-1 || head.Head != 7 {
		t.Fatal(head, n, err)
	}
	for name, c := range map[string]struct {
		change func(lines []string) []string
		want   string
	}{
		"nothing":           {func([]string) []string { return nil }, "line 1: the file ends within it"},
		"no head":           {func(l []string) []string { return l[1:] }, "line 1: it is not the head"},
		"another feed":      {func(l []string) []string { l[0] = strings.Replace(l[0], uuid(500), uuid(501), 1); return l }, "line 1: it is not the head"},
		"no end":            {func(l []string) []string { l[2] = strings.TrimSpace(l[2]); return l[:3] }, "line 3: the file ends within it"},
		"nonsense":          {func(l []string) []string { l[2] = "x\n"; return l }, "line 3: it is not an entry"},
		"an unknown member": {func(l []string) []string { l[2] = strings.Replace(l[2], "{", `{"x":1,`, 1); return l }, "line 3: it is not an entry"},
		"two exchanged":     {func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }, "line 4: entry 2 stands here"},
		"one twice":         {func(l []string) []string { return slices.Insert(l, 2, l[1]) }, "line 3: entry 1 stands here"},
		"a long line":       {func(l []string) []string { l[2] = strings.Repeat("x", 20_000) + "\n"; return l }, "line 3: it is longer"},
		"another digest":    {func(l []string) []string { l[1] = strings.Replace(l[1], `"digest":"`, `"digest":"00`, 1); return l }, "line 2: the digest is not"},
		"another salt":      {func(l []string) []string { l[1] = strings.Replace(l[1], `"salt":"`, `"salt":"0`, 1); return l }, "line 2: the digest is not 32 bytes, or the salt"},
		"gone too early":    {func(l []string) []string { l[3] = strings.Replace(l[3], `"gone":7`, `"gone":2`, 1); return l }, "line 4: entry 3 is gone at 2"},
		"a time backwards":  {func(l []string) []string { l[2] = strings.Replace(l[2], "2026", "2025", 1); return l }, "line 3: entry 2 was added at 2025"},
	} {
		b := strings.Join(c.change(slices.Clone(good)), "")
		_, _, err := ledger.ReadFeed(context.Background(), ledger.Dir(fstest.MapFS{path: {Data: []byte(b)}}), path)
		var fault *ledger.Fault
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), path+": "+c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzFeed(f *testing.F) {
	for path, file := range small(f).write() {
		if strings.HasPrefix(path, "feeds/") {
			f.Add(file.Data)
		}
	}
	f.Add([]byte(`{"feed":"` + uuid(500) + `","agreement":"","head":0}` + "\n" + `{"seq":1,"added":"","gone":0,"commitment":"` + strings.Repeat("0", 64) + "\"}\n"))
	path := ledger.FeedFile(uuid(500))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, n, err := ledger.ReadFeed(context.Background(), ledger.Dir(fstest.MapFS{path: {Data: b}}), path)
		if err == nil && n != bytes.Count(b, []byte("\n"))-1 {
			t.Fatalf("%q has %d entries", b, n)
		}
	})
}

func TestManifestRefuses(t *testing.T) {
	k := newKey(t, 1)
	v := must[ledger.Verifier](t)(k.Verifier(origin))
	hashes := ledger.Hashes{"ledger.json": {1}, "feeds/x": {2}}
	signed := must[[]byte](t)(ledger.SignManifest(k, origin, []string{"ledger.json", "feeds/x"}, hashes))
	paths, got, err := ledger.OpenManifest(signed, v)
	if err != nil || !slices.Equal(paths, []string{"ledger.json", "feeds/x"}) || got["feeds/x"] != [32]byte{2} {
		t.Fatal(paths, got, err)
	}
	for _, paths := range [][]string{{"x"}, {"a b"}, {"ledger.json", "ledger.json"}} {
		if s, err := ledger.SignManifest(k, origin, paths, hashes); err == nil {
			if _, _, err = ledger.OpenManifest(s, v); entente.KindOf(err) != entente.Invalid {
				t.Errorf("%v: %v", paths, err)
			}
		}
	}
	if _, _, err := ledger.OpenManifest(append(bytes.Clone(signed), "— other.example AAAAAAAA\n"...), v); entente.KindOf(err) != entente.Invalid {
		t.Error(err)
	}
	checkpoint := must[[]byte](t)(ledger.Checkpoint{Origin: origin, Size: 1}.Sign(k))
	if _, _, err := ledger.OpenManifest(checkpoint, v); entente.KindOf(err) != entente.Invalid {
		t.Error(err)
	}
}

// FuzzManifest lets an export have any bytes as its manifest: none but the right ones are sound.
func FuzzManifest(f *testing.F) {
	h := small(f)
	files := h.write()
	right := bytes.Clone(files[ledger.ManifestFile].Data)
	f.Add(right)
	f.Add(bytes.Replace(right, []byte("ledger.json"), []byte("../ledger.json"), 1))
	f.Add(right[:len(right)/2])
	f.Add(append(bytes.Clone(right), right...))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		files := maps.Clone(files)
		files[ledger.ManifestFile] = &fstest.MapFile{Data: manifest}
		if _, err := verify(t, files, ledger.Options{}); (err == nil) != bytes.Equal(manifest, right) {
			t.Fatalf("%q: %v", manifest, err)
		}
	})
}
