package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"entente"
	"entente/ledger"
)

const origin = "entente/00000000-0000-4000-8000-000000000001/1"

// Verifier keys that other programs made, and what is none.
func TestParseVerifier(t *testing.T) {
	for _, s := range []string{
		"sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		"TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
		"remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
	} {
		v, err := ledger.ParseVerifier(s)
		if err != nil || v.String() != s || v.Name() != strings.Split(s, "+")[0] || v.IsZero() {
			t.Errorf("%s: %s, %v", s, v, err)
		}
	}
	k := newKey(t, 1)
	ours := must[ledger.Verifier](t)(k.Verifier(origin)).String()
	if theirs, err := note.NewEd25519VerifierKey(origin, k.Public()); err != nil || ours != theirs {
		t.Errorf("%s, want %s", ours, theirs)
	}
	for _, s := range []string{"", "+", "a+b", "a+00000000+", "TEST+7997405d+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
		"TEST+7997405C+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6", "TES+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
		"TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6\n", "example.com+12345678+THIS_IS_NOT_BASE64!", "example.com+12345678+AwEB",
		"a b+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6", "x+00000000+AQ=="} {
		if v, err := ledger.ParseVerifier(s); entente.KindOf(err) != entente.Invalid || !v.IsZero() {
			t.Errorf("%q: %s, %v", s, v, err)
		}
	}
	if _, err := ledger.NewKey(make([]byte, 31)); entente.KindOf(err) != entente.Invalid {
		t.Error(err)
	}
}

// A checkpoint that another implementation signed, in a public test of its witness.
func TestForeignCheckpoint(t *testing.T) {
	const name = "sigsum.org/v1/tree/985ea163f5af026723561354f51f2ebcdcf2af809ce254ccfb64aa9aadd80f90"
	signed := name + "\n1\nKgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— " + name +
		" 7BKT0gOfNZ1J0So9unY3BZtm2YkPIoNYM/dce0Z2avJDs8dxN6ts9bOSwwrVrbjm6P9K3ZxpK6jJngOG6YvGGzV/lwo=\n"
	key, _ := hex.DecodeString("52c05edad1bf5feffa81354faae59a655d9a9a1a793ed2f62c39c26c0be2aecd")
	v := must[ledger.Verifier](t)(ledger.NewVerifier(name, key))
	c, sigs, err := ledger.OpenCheckpoint([]byte(signed), v)
	if err != nil || c.Size != 1 || c.Root != (tlog.Hash{42}) || len(sigs) != 1 || sigs[0].Time != 0 {
		t.Fatalf("%+v, %v, %v", c, sigs, err)
	}
	if _, _, err := ledger.OpenCheckpoint([]byte(strings.Replace(signed, "\n1\n", "\n2\n", 1)), v); entente.KindOf(err) != entente.Forbidden {
		t.Error(err)
	}
}

func TestCheckpoint(t *testing.T) {
	k, other := newKey(t, 1), newKey(t, 2)
	v := must[ledger.Verifier](t)(k.Verifier(origin))
	c := ledger.Checkpoint{Origin: origin, Size: 3, Root: ledger.Root(entries(0, 3))}
	signed := must[[]byte](t)(c.Sign(k))
	if got, sigs, err := ledger.OpenCheckpoint(signed, v); err != nil || got != c || len(sigs) != 1 || sigs[0].By.String() != v.String() {
		t.Fatalf("%+v, %v, %v", got, sigs, err)
	}
	if n, err := note.Open(signed, note.VerifierList(v)); err != nil || n.Text != c.Text() {
		t.Error(err)
	}
	// The key of another log, another key of this log, nobody's.
	for _, known := range [][]ledger.Verifier{nil, {must[ledger.Verifier](t)(other.Verifier(origin))}, {must[ledger.Verifier](t)(k.Verifier(origin + "/x"))}} {
		if _, _, err := ledger.OpenCheckpoint(signed, known...); entente.KindOf(err) != entente.Forbidden {
			t.Errorf("%v: %v", known, err)
		}
	}
	// The key of a log that is known does not vouch for another log.
	foreign := must[[]byte](t)(note.Sign(&note.Note{Text: c.Text()}, noteSigner{must[ledger.Verifier](t)(other.Verifier("other.example")), other}))
	if _, _, err := ledger.OpenCheckpoint(foreign, must[ledger.Verifier](t)(other.Verifier("other.example")), v); entente.KindOf(err) != entente.Forbidden {
		t.Error(err)
	}
	for i := range signed {
		for _, bit := range []byte{1, 2, 4, 0x20, 0x80} {
			changed := bytes.Clone(signed)
			changed[i] ^= bit
			if _, _, err := ledger.OpenCheckpoint(changed, v); err == nil {
				t.Errorf("bit %d of byte %d is changed, and nobody sees it: %q", bit, i, changed)
			}
		}
	}
	for _, bad := range []ledger.Checkpoint{{}, {Origin: "a\nb"}, {Origin: "a", Size: -1}, {Origin: "a", Size: 0}, {Origin: "a", Size: 1, Extension: "x"}, {Origin: "a b", Size: 1}} {
		if _, err := bad.Sign(k); entente.KindOf(err) != entente.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// noteSigner signs without a look at what it signs.
type noteSigner struct {
	ledger.Verifier
	key ledger.Key
}

func (s noteSigner) Sign(text []byte) ([]byte, error) { return s.key.SignStatement(text), nil }

func TestCosignature(t *testing.T) {
	k, w := newKey(t, 1), newKey(t, 7)
	v := must[ledger.Verifier](t)(k.Verifier(origin))
	wv := must[ledger.Verifier](t)(w.CosignVerifier("witness.example/w1"))
	c := ledger.Checkpoint{Origin: origin, Size: 3, Root: ledger.Root(entries(0, 3)), Extension: "x\n"}
	signed := must[[]byte](t)(c.Sign(k))
	line := must[[]byte](t)(w.Cosign("witness.example/w1", c, 1_679_315_147))
	// By hand, from the words of the specification.
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(string(line), "— witness.example/w1 ")))
	if err != nil || len(raw) != 4+8+64 || !bytes.Equal(raw[4:12], []byte{0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb}) ||
		!ed25519.Verify(w.Public(), []byte("cosignature/v1\ntime 1679315147\n"+c.Text()), raw[12:]) {
		t.Fatalf("%s: %v", line, err)
	}
	more, added, err := ledger.AddSignatures(signed, append([]byte("— unknown.example AAAAAAAA\nnonsense\n"), line...), wv)
	if err != nil || added != 1 || !bytes.Equal(more, append(bytes.Clone(signed), line...)) {
		t.Fatalf("%s, %d, %v", more, added, err)
	}
	if again, added, err := ledger.AddSignatures(more, line, wv); err != nil || added != 0 || !bytes.Equal(again, more) {
		t.Errorf("%s, %d, %v", again, added, err)
	}
	_, sigs, err := ledger.OpenCheckpoint(more, v, wv)
	if err != nil || len(sigs) != 2 || sigs[1].Time != 1_679_315_147 {
		t.Errorf("%v, %v", sigs, err)
	}
	if _, sigs, err := ledger.OpenCheckpoint(more, v); err != nil || len(sigs) != 1 {
		t.Errorf("%v, %v", sigs, err)
	}
	// A witness's word alone makes no checkpoint of the log.
	if _, _, err := ledger.OpenCheckpoint(more, wv); entente.KindOf(err) != entente.Forbidden {
		t.Error(err)
	}
	later := c
	later.Size++
	for name, f := range map[string]func() ([]byte, error){
		"another checkpoint": func() ([]byte, error) { return w.Cosign("witness.example/w1", later, 1_679_315_147) },
		"another witness":    func() ([]byte, error) { return newKey(t, 8).Cosign("witness.example/w1", c, 1_679_315_147) },
	} {
		if _, added, err := ledger.AddSignatures(signed, must[[]byte](t)(f()), wv); err != nil || added != 0 {
			t.Errorf("%s: %d, %v", name, added, err)
		}
	}
	if _, err := w.Cosign("witness.example/w1", c, -1); entente.KindOf(err) != entente.Invalid {
		t.Error(err)
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	k := newKey(f, 1)
	v := must[ledger.Verifier](f)(k.Verifier(origin))
	c := ledger.Checkpoint{Origin: origin, Size: 3, Root: ledger.Root(entries(0, 3)), Extension: "x\n"}
	f.Add(must[[]byte](f)(c.Sign(k)))
	f.Add([]byte("a\n0\n" + ledger.EmptyRoot().String() + "\n\n— a AAAAAAAA\n"))
	for _, s := range []string{"", "\n\n", "a\n01\nx\n", "a\n-1\n" + ledger.EmptyRoot().String() + "\n", "a\n1\n\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := ledger.ParseCheckpoint(string(text)); err == nil && c.Text() != string(text) {
			t.Fatalf("%q is read as %q", text, c.Text())
		}
		if got, sigs, err := ledger.OpenCheckpoint(text, v); err == nil && (got != c || len(sigs) != 1) {
			t.Fatalf("%q is taken for signed", text)
		}
	})
}

func FuzzParseVerifier(f *testing.F) {
	f.Add("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2")
	f.Add("a+b+c")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := ledger.ParseVerifier(s); err == nil && v.String() != s {
			t.Fatalf("%q is read as %q", s, v)
		}
	})
}
