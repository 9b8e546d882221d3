package stix

import (
	"bytes"
	"io"
	"os"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	entente "entente"
)

func seeds(f *testing.F) {
	for _, name := range []string{"testdata/valid.ndjson", "testdata/findings.txt"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if line[0] == '{' || line[0] == '[' {
				f.Add(bytes.TrimSpace(line))
			}
		}
	}
	for _, s := range []string{"", "{", `{"a":1,"a":1}`, "\"\xff\"", `"\ud83d\ude00"`, `{"\ufb33":1,"\ud83d\ude00":2}`, "[[[[", "-0.0e-0", `{"":{"":""}}`, "\ufeff{}"} {
		f.Add([]byte(s))
	}
}

func FuzzCanonical(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		agree(t, raw)
		if once, err := Canonical(raw); err == nil {
			if twice, err := Canonical(once); err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("%s becomes %s, %v", once, twice, err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, findings := Parse(raw)
		text := Text(raw)
		if len(text) > MaxText {
			t.Fatalf("%d bytes of text", len(text))
		}
		if v != nil && len(v.Dissent) > 0 {
			if s, ok := StatementOf(v.Bytes); !ok || !s.Stance.Against() || !slices.Equal(s.About, v.Dissent) {
				t.Fatalf("it dissents from %v, and states %+v", v.Dissent, s)
			}
		}
		fault := false
		for _, found := range findings {
			fault = fault || found.Severity == entente.Fault
			if found.Text == "" || len(found.Text) > 4000 {
				t.Fatalf("%+v", found)
			}
		}
		if fault != (v == nil) {
			t.Fatalf("version %v with findings %v", v, findings)
		}
		id, stamp := Claims(raw)
		if !utf8.ValidString(id) || !utf8.ValidString(stamp) || len(id) > maxClaim || len(stamp) > maxClaim {
			t.Fatalf("%q and %q are claimed", id, stamp)
		}
		if v != nil && id != string(v.ID) {
			t.Fatalf("%q is claimed by %q", id, v.ID)
		}
		if v == nil {
			return
		}
		if id, err := entente.ParseObjectID(string(v.ID)); err != nil || id.Type() != v.Type {
			t.Fatalf("%q of type %q", v.ID, v.Type)
		}
		if held := Held(raw); !reflect.DeepEqual(held, v) {
			t.Fatalf("held it is %+v, not %+v", held, v)
		}
		agreeOnVersioning(t, v.Bytes)
		again, _ := Parse(v.Bytes)
		if again == nil || again.Digest != v.Digest || !bytes.Equal(again.Bytes, v.Bytes) {
			t.Fatalf("its own bytes are read as %v", again)
		}
		form, err := Canonical(raw)
		if err != nil {
			t.Fatal(err)
		}
		if of, _ := Parse(form); of == nil || of.Digest != v.Digest {
			t.Fatal("the canonical form has another digest")
		}
	})
}

func FuzzReader(f *testing.F) {
	seeds(f)
	raws := [][]byte{[]byte(`{"type":"tool","a":"\\\""}`), []byte(`{"type":"x-b","l":[{},[]]}`)}
	for _, form := range forms {
		for _, c := range compressions {
			f.Add(c.pack(form.write(raws)))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		for _, make := range []func(io.Reader) *Reader{NewReader, NewEnvelopeReader} {
			r := make(bytes.NewReader(input))
			r.SetMaxObject(4 << 10)
			r.SetMaxTotal(1 << 20)
			end := int64(0)
			for i := 0; ; i++ {
				item, err := r.Next()
				if err != nil {
					if err != io.EOF && entente.KindOf(err) == entente.Internal {
						t.Fatal(err)
					}
					break
				}
				if item.Index != i || item.Offset < end || item.Line < 1 || (item.Err == nil) != (len(item.Raw) > 0) || len(item.Raw) > 4<<10 {
					t.Fatalf("item %d: %+v", i, item)
				}
				end = item.Offset + int64(len(item.Raw))
				if raw := item.Raw; item.Err == nil && len(bytes.Trim(raw, " \t\r\n")) != len(raw) { // of JSON: others are its own fault
					t.Fatalf("%q has white space around it", raw)
				}
			}
		}
	})
}
