package stix

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	entente "entente"
)

// anyJSON generates JSON values, objects among them written with all the freedom that the
// syntax leaves.
func anyJSON(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		most := 6
		if depth == 0 {
			most = 3
		}
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal")
		case 1:
			return rapid.SampledFrom([]string{"0", "-0", "17", "-3.50", "1e3", "1E-7", "9007199254740991", "0.1", "123456789012345"}).Draw(t, "number")
		case 2, 3:
			return anyString().Draw(t, "string")
		case 4:
			all := rapid.SliceOfN(anyJSON(depth-1), 0, 4).Draw(t, "list")
			return "[" + anySpace().Draw(t, "space") + strings.Join(all, " ,") + "]"
		}
		return anyObject(depth).Draw(t, "object")
	})
}

func anyObject(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(0, 5).Draw(t, "members")
		parts := make([]string, n)
		for i := range parts {
			// The number keeps names apart, whatever escapes make of the rest.
			name := anyString().Draw(t, "name")
			parts[i] = anySpace().Draw(t, "before") + name[:len(name)-1] + fmt.Sprint(i) + "\"" +
				anySpace().Draw(t, "colon") + ":" + anySpace().Draw(t, "after") + anyJSON(max(0, depth-1)).Draw(t, "value")
		}
		return "{" + strings.Join(parts, ",") + anySpace().Draw(t, "end") + "}"
	})
}

func anyString() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"a", "name", "objects", "type", "bundle", "é", "€", "😀", "\ufb33", "{", "}", "[", "]", ",", ":",
		`\"`, `\\`, `\/`, `\n`, `\u0000`, `\u00e9`, `\ud83d\ude00`, `\u005C`, "\u2028", "\x7f", "_ref", strings.Repeat("x", 40)})
	return rapid.Map(rapid.SliceOfN(piece, 0, 5), func(all []string) string { return `"` + strings.Join(all, "") + `"` })
}

func anySpace() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "", " ", "\t", "  "})
}

func TestReaderGivesBackWhatWasPut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(anyObject(3), 2, 6).Draw(t, "objects")
		raws := make([][]byte, len(parts))
		for i, p := range parts {
			// An object by itself must not look like a container.
			raws[i] = []byte(`{"type":"x-a",` + strings.TrimLeft(strings.Replace(p+" ", "{", "", 1), " \t"))
			raws[i] = bytes.TrimSpace(bytes.Replace(raws[i], []byte(",}"), []byte("}"), 1))
			if p[1:] == "}" || strings.TrimSpace(p[1:]) == "}" {
				raws[i] = []byte(`{"type":"x-a"}`)
			}
		}
		for _, form := range forms {
			whole := form.write(raws)
			c := compressions[rapid.IntRange(0, len(compressions)-1).Draw(t, "compression")]
			var input io.Reader = bytes.NewReader(c.pack(whole))
			if rapid.Bool().Draw(t, "in small pieces") {
				input = iotest.OneByteReader(input)
			}
			r := NewReader(input)
			got, items, err := readAll(r)
			if err != nil || len(got) != len(raws) || r.Form() != form.form {
				t.Fatalf("%s, %s: %d of %d objects, %v, %v\n%s", form.name, c.name, len(got), len(raws), r.Form(), err, whole)
			}
			for i := range raws {
				at := items[i].Offset
				if !bytes.Equal(got[i], raws[i]) || items[i].Index != i || !bytes.HasPrefix(whole[at:], raws[i]) {
					t.Fatalf("%s, %s: object %d is %s, not %s", form.name, c.name, i, got[i], raws[i])
				}
				if line := 1 + bytes.Count(whole[:at], []byte("\n")); items[i].Line != int64(line) {
					t.Fatalf("%s: object %d is on line %d, not %d", form.name, i, items[i].Line, line)
				}
			}
		}
	})
}

// TestReaderCut cuts each form at every byte: exactly the objects that are complete come,
// then an error; none only where what is left is a whole by itself.
func TestReaderCut(t *testing.T) {
	raws := [][]byte{[]byte(`{"type":"tool","n":"a\"}"}`), []byte(`{ "type":"x-b", "l":[{},[ ]] }`), []byte(`{"type":"x-c","e":"\\"}`)}
	for _, form := range forms {
		input := form.write(raws)
		var ends []int
		for at, i := 0, 0; i < len(raws); i++ {
			at += bytes.Index(input[at:], raws[i]) + len(raws[i])
			ends = append(ends, at)
		}
		end := len(bytes.TrimSpace(input)) // white space after the end is no loss
		end += bytes.Index(input, bytes.TrimSpace(input))
		for cut := range input {
			want := 0
			for want < len(ends) && ends[want] <= cut {
				want++
			}
			got, _, err := readAll(NewReader(bytes.NewReader(input[:cut])))
			if len(got) != want {
				t.Fatalf("%s cut at %d: %d objects, not %d: %v", form.name, cut, len(got), want, err)
			}
			clean := cut >= end
			if form.form == Lines && want > 0 {
				clean = len(bytes.TrimSpace(input[ends[want-1]:cut])) == 0
			}
			if clean != (err == nil) {
				t.Fatalf("%s cut at %d of %d: %v", form.name, cut, len(input), err)
			}
			if err != nil && (entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), fmt.Sprint("after ", want, " object"))) {
				t.Fatalf("%s cut at %d: %v", form.name, cut, err)
			}
		}
		for _, c := range compressions[1:] {
			packed := c.pack(input)
			for cut := 5; cut < len(packed); cut++ {
				got, _, err := readAll(NewReader(bytes.NewReader(packed[:cut])))
				if err == nil && c.name != "two gzip members" {
					t.Fatalf("%s as %s cut at %d of %d: no error", form.name, c.name, cut, len(packed))
				}
				for i := range got {
					if !bytes.Equal(got[i], raws[i]) {
						t.Fatalf("%s as %s cut at %d: %s", form.name, c.name, cut, got[i])
					}
				}
			}
		}
	}
}

func TestReaderForms(t *testing.T) {
	const a, b = `{"type":"tool","id":"tool--1"}`, `{"type":"x-b"}`
	long := `{"type":"x-long","a":"` + strings.Repeat("y", 300) + `"}`
	for _, test := range []struct {
		name, input string
		form        Form
		want        []string // "!" and a part of the text stands for an item's error
		err         string   // a part of the text of the last error
	}{
		{"single object", " \n" + a + "\n", Object, []string{a}, ""},
		{"observed-data with a dictionary of objects", `{"type":"observed-data","objects":{"0":{"type":"file"}}}`, Object, []string{`{"type":"observed-data","objects":{"0":{"type":"file"}}}`}, ""},
		{"dictionary of objects before the type", `{"id":"observed-data--1","objects":{"0":{}},"type":"observed-data"}`, Object, []string{`{"id":"observed-data--1","objects":{"0":{}},"type":"observed-data"}`}, ""},
		{"custom object with a list of objects", `{"type":"x-a","objects":[1]}`, Object, []string{`{"type":"x-a","objects":[1]}`}, ""},
		{"the same, told by its id", `{"id":"x-a--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[1],"type":"x-a"}`, Object, []string{`{"id":"x-a--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[1],"type":"x-a"}`}, ""},
		{"the same, told too late", `{"objects":[{}],"type":"x-a"}`, Envelope, []string{`{}`}, `of type "x-a"`},
		{"empty envelope", `{}`, Envelope, nil, ""},
		{"envelope without objects", `{"more":false}`, Envelope, nil, ""},
		{"bundle without objects", `{"type":"bundle","id":"bundle--1"}`, Bundle, nil, ""},
		{"bundle with an empty list", `{"type":"bundle","objects":[]}`, Bundle, nil, ""},
		{"bundle whose objects are no list", `{"type":"bundle","objects":{}}`, Object, nil, "not an array"},
		{"two lists", `{"objects":[` + a + `],"objects":[` + b + `]}`, Envelope, []string{a}, `"objects" is there twice`},
		{"two types", `{"type":"bundle","type":"bundle","objects":[` + a + `]}`, Object, nil, `"type" is there twice`},
		{"two types behind", `{"objects":[` + a + `],"type":"bundle","type":"bundle"}`, Bundle, []string{a}, `"type" is there twice`},
		{"empty array", `[]`, Array, nil, ""},
		{"array with a stray value", `[` + a + `, 5, "x", ` + b + `]`, Array, []string{a, "5", `"x"`, b}, ""},
		{"trailing comma", `[` + a + `,]`, Array, []string{a}, "comma is followed by ]"},
		{"missing comma", `[` + a + b + `]`, Array, []string{a}, `where , or ] is expected`},
		{"no value", `[` + a + `,,` + b + `]`, Array, []string{a}, `an object is missing`},
		{"broken inside, brackets whole", `[{"a" 1},` + b + `]`, Array, []string{`{"a" 1}`, b}, ""},
		{"brackets crossed", `[` + a + `,{"a":[1}],` + b + `]`, Array, []string{a}, `bracket`},
		{"two bundles", `{"type":"bundle","objects":[` + a + `]}` + "\n" + `{"type":"bundle","objects":[` + b + `]}`, Lines, []string{a, b}, ""},
		{"nothing", "", Unknown, nil, "empty"},
		{"white space", " \r\n\t", Unknown, nil, "empty"},
		{"a web page", "<!DOCTYPE html>", Unknown, nil, `"<"`},
		{"text behind", a + "x", Object, []string{a}, `"x"`},
		{"a broken line", a + "\n{\"a\":\n" + b + "\n}\nfoo\n" + a + " " + b + "\n" + b, Lines, []string{a, "!line 2", b, "!line 4", "!line 5", "!line 6", b}, ""},
		{"a long line", a + "\n" + long + "\n" + b + "\n", Lines, []string{a, "!longer than 200", b}, ""},
		{"a long object in a list", `{"objects":[` + a + `,` + long + `,` + b + `]}`, Envelope, []string{a, "!longer than 200", b}, ""},
		{"a long object by itself", long + b, Lines, []string{"!longer than 200", b}, ""},
		{"a long member before the list", `{"x":"` + strings.Repeat("z", 300) + `","objects":[` + a + `]}`, Envelope, []string{a}, ""},
		{"deep", `[` + a + `,` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `,` + b + `]`, Array, []string{a, "!longer than 200", b}, ""},
		{"a byte order mark", "\ufeff" + a, Object, []string{a}, ""},
		{"half a byte order mark", "\xef\xbb", Unknown, nil, "not JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(test.input))
			r.SetMaxObject(200)
			var got []string
			for {
				item, err := r.Next()
				if err != nil {
					if again, _ := r.Next(); again.Raw != nil || again.Err != nil {
						t.Error("an item after the end")
					}
					if err == io.EOF && test.err != "" || err != io.EOF && (test.err == "" || !strings.Contains(err.Error(), test.err)) {
						t.Errorf("error %v, want %q", err, test.err)
					}
					break
				}
				if item.Err != nil {
					got = append(got, "!"+item.Err.Error())
				} else {
					got = append(got, string(item.Raw))
				}
			}
			if r.Form() != test.form {
				t.Errorf("form %v, want %v", r.Form(), test.form)
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if got[i] != want && !(want[0] == '!' && got[i][0] == '!' && strings.Contains(got[i], want[1:])) {
					t.Errorf("item %d: got %q, want %q", i, got[i], want)
				}
			}
		})
	}
}

func TestEnvelopeReader(t *testing.T) {
	const a = `{"type":"tool","id":"tool--1"}`
	for _, test := range []struct {
		name, input string
		n           int
		kind        entente.Kind // Internal for none
		text        string
	}{
		{"envelope", `{"objects":[` + a + `]}`, 1, 0, ""},
		{"unknown members", `{"id":7,"x":[{}],"type":"envelope","objects":[` + a + `],"more":true}`, 1, 0, ""},
		{"no objects", `{}`, 0, 0, ""},
		{"no objects, but something", `{"x":1}`, 0, 0, ""},
		{"bundle", `{"type":"bundle","objects":[` + a + `]}`, 0, entente.Unprocessable, "STIX bundle"},
		{"bundle by its id", `{"id":"bundle--1","objects":[` + a + `],"type":"bundle"}`, 0, entente.Unprocessable, "STIX bundle"},
		{"bundle told late", `{"objects":[` + a + `],"type":"bundle"}`, 1, entente.Unprocessable, "STIX bundle"},
		{"object", a, 0, entente.Unprocessable, `of type "tool"`},
		{"array", `[` + a + `]`, 0, entente.Unprocessable, "array"},
		{"objects is no array", `{"objects":{}}`, 0, entente.Unprocessable, "not an array"},
		{"two", `{"objects":[` + a + `]}{"objects":[]}`, 1, entente.Invalid, "more after"},
		{"twice", `{"objects":[],"objects":[` + a + `]}`, 0, entente.Invalid, "twice"},
		{"broken inside", `{"objects":[` + a + `,{"a":}]}`, 1, entente.Invalid, "not JSON"},
		{"cut", `{"objects":[` + a, 1, entente.Invalid, "breaks off"},
		{"nothing", ``, 0, entente.Invalid, "empty"},
		{"compressed", string(gzipped([]byte(`{"objects":[]}`))), 0, entente.Invalid, "not JSON"},
		{"a number", `7`, 0, entente.Invalid, "not JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			raws, _, err := readAll(NewEnvelopeReader(strings.NewReader(test.input)))
			if len(raws) != test.n {
				t.Errorf("%d objects, want %d", len(raws), test.n)
			}
			if test.text == "" && err != nil || test.text != "" && (entente.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.text)) {
				t.Errorf("%v (%v), want %q (%v)", err, entente.KindOf(err), test.text, test.kind)
			}
		})
	}
}

// TestReaderFailing hands on an error of the reader below, of its own kind if it has one.
func TestReaderFailing(t *testing.T) {
	cause := errors.New("line noise")
	input := io.MultiReader(strings.NewReader(`[{"type":"a"},{`), iotest.ErrReader(cause))
	raws, _, err := readAll(NewReader(input))
	if len(raws) != 1 || !errors.Is(err, cause) || strings.Contains(entente.PublicText(err), "noise") {
		t.Errorf("%d objects, %v", len(raws), err)
	}
	own := entente.Errorf(entente.TooLarge, "the body is longer than 5 bytes")
	_, _, err = readAll(NewReader(io.MultiReader(strings.NewReader(`[{"a"`), iotest.ErrReader(own))))
	if entente.KindOf(err) != entente.TooLarge {
		t.Errorf("%v", err)
	}
	r := NewReader(strings.NewReader(`[{"type":"a"},{"type":"b"}]`))
	r.SetMaxTotal(16)
	if raws, _, err = readAll(r); len(raws) != 1 || entente.KindOf(err) != entente.TooLarge {
		t.Errorf("%d objects, %v", len(raws), err)
	}
}
