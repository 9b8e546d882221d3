package stix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	entente "entente"
)

// TestCanonicalNumbers runs the samples of RFC 8785 Appendix B.
func TestCanonicalNumbers(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0",
		0x8000000000000000: "0",
		0x0000000000000001: "5e-324",
		0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308",
		0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23",
		0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000",
		0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332",
		0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334",
		0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333",
		0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		f := math.Float64frombits(bits)
		for _, text := range []string{strconv.FormatFloat(f, 'e', 20, 64), strconv.FormatFloat(f, 'g', -1, 64), strconv.FormatFloat(f, 'f', -1, 64)} {
			got, err := Canonical([]byte(text))
			if err != nil || string(got) != want {
				t.Errorf("%016x as %s: %s, %v; want %s", bits, text, got, err, want)
			}
		}
	}
}

func TestCanonicalForms(t *testing.T) {
	for _, test := range []struct{ name, raw, want string }{
		// RFC 8785 §3.2.2 and §3.2.3
		{"primitives", `{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		{"names as UTF-16", `{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
			"\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
		{"names that begin alike", `{"ab":1,"a":2,"":3,"a\u0000":4,"😀a":5,"😀":6,"😁":7}`, `{"":3,"a":2,"a\u0000":4,"ab":1,"😀":6,"😀a":5,"😁":7}`},
		{"controls", `["\u0000\u0001\b\t\n\u000b\f\r\u001f\u007f\u2028\u2029/"]`, "[\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\u2028\u2029/\"]"},
		{"nested", ` { "b" : [ { "z" : 1 , "y" : { } } , [ ] ] , "a" : -0 } `, `{"a":0,"b":[{"y":{},"z":1},[]]}`},
		{"integers", `[0,-0,-1,100,999999999999999,1000000000000000,-999999999999999]`, `[0,0,-1,100,999999999999999,1000000000000000,-999999999999999]`},
		{"a string", ` "a" `, `"a"`},
	} {
		got, err := Canonical([]byte(test.raw))
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", test.name, got, err, test.want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct{ raw, want string }{
		{`{"a":1,"a":2}`, "a: this name is there twice"},
		{`{"a":{"b":[{"c":1,"\u0063":2}]}}`, "a.b[0].c: this name is there twice"},
		{"\"\xff\"", "UTF-8"}, {"{\"\xc3\":1}", "UTF-8"}, {"\"\xed\xa0\x80\"", "UTF-8"},
		{`"\ud800"`, "surrogate"}, {`"\udc00\ud800"`, "surrogate"}, {`"\ud800\u0061"`, "surrogate"},
		{``, "not JSON"}, {`{`, "not JSON"}, {`[1,]`, "not JSON"}, {`{"a":1,}`, "not JSON"}, {`{a:1}`, "not JSON"}, {`01`, "not JSON"},
		{`1.`, "not JSON"}, {`.5`, "not JSON"}, {`+1`, "not JSON"}, {`1e`, "not JSON"}, {`-`, "not JSON"}, {`tru`, "not JSON"}, {`nulll`, "not JSON"},
		{`[1] 2`, "not JSON"}, {"\"\n\"", "not JSON"}, {`"\x41"`, "not JSON"}, {`"\u12"`, "not JSON"}, {`'a'`, "not JSON"}, {"[1\v]", "not JSON"},
		{"\ufeff{}", "not JSON"}, {`[1 2]`, "not JSON"}, {`{"a" 1}`, "not JSON"}, {`{"a":}`, "not JSON"}, {`NaN`, "not JSON"},
		{`1e999`, "range"}, {deep(MaxDepth + 1), "deeper than 100"}, {deep(200_000), "deeper than 100"}, {strings.Repeat("[", 1_000_000), "deeper than 100"},
	} {
		got, err := Canonical([]byte(test.raw))
		if err == nil || entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60q: %s, %v; want %q", test.raw, got, err, test.want)
		}
	}
	if _, err := Canonical([]byte(deep(MaxDepth))); err != nil {
		t.Error(err)
	}
}

// oracle is the canonical form by the JSON decoder, which shares nothing with ours but
// how a double is written.
func oracle(raw []byte) ([]byte, bool) {
	v := jsontext.Value(bytes.Clone(raw))
	err := v.Canonicalize()
	return v, err == nil
}

// agree compares our verdict and form with the oracle's. The oracle allows more: depth,
// and numbers beyond a double's range.
func agree(t interface{ Fatalf(string, ...any) }, raw []byte) {
	got, err := Canonical(raw)
	want, ok := oracle(raw)
	switch {
	case err == nil && !ok:
		t.Fatalf("%q: taken, but the decoder refuses it", raw)
	case err == nil && !bytes.Equal(got, want):
		t.Fatalf("%q: %s, but the decoder says %s", raw, got, want)
	case err != nil && ok && depth(raw) <= MaxDepth && !strings.Contains(err.Error(), "range"):
		t.Fatalf("%q: %v, but the decoder takes it", raw, err)
	}
}

func TestCanonicalAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(anyJSON(4).Draw(t, "json"))
		agree(t, raw)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			if len(raw) == 0 {
				break
			}
			i := rapid.IntRange(0, len(raw)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "change") {
			case 0:
				raw = append(raw[:i:i], raw[i+1:]...)
			case 1:
				raw[i] = rapid.Byte().Draw(t, "byte")
			case 2:
				raw = append(raw[:i:i], append([]byte{rapid.SampledFrom([]byte(`"\{}[],:0-.eEu dD`+"\xed\xa0")).Draw(t, "byte")}, raw[i:]...)...)
			}
		}
		agree(t, raw)
	})
}

func TestCanonicalOfCorpus(t *testing.T) {
	t.Parallel()
	for file, raws := range corpus(t) {
		for i, raw := range raws {
			if i%4 != 0 && !strings.Contains(file, "18.1") {
				continue // the releases repeat one another
			}
			got, err := Canonical(raw)
			want, ok := oracle(raw)
			if err != nil || !ok || !bytes.Equal(got, want) {
				t.Fatalf("%s: %v\n got %s\nwant %s", file, err, got, want)
			}
			again, err := Canonical(got)
			if err != nil || !bytes.Equal(again, got) {
				t.Fatalf("%s: the canonical form changes when it is taken again", file)
			}
		}
	}
}

// TestDigestOfSpellings: order of members, white space and escapes do not change a digest,
// any other change does.
func TestDigestOfSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inner := anyObject(3).Draw(t, "object")
		raw := `{"type":"x-a","id":"x-a--5d0092c5-5f74-4287-9642-33f4c354e56d","x_a":` + inner + `,"x_b":0}`
		v, findings := Parse([]byte(raw))
		if v == nil {
			t.Fatalf("%s: %v", raw, findings)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		other, _ := Parse([]byte(respell(raw, random)))
		if other == nil || other.Digest != v.Digest {
			t.Fatalf("%s\n%s\nhave two digests", raw, respell(raw, random))
		}
		changed, _ := Parse([]byte(strings.Replace(raw, `"x_b":0`, `"x_b":1`, 1)))
		if changed.Digest == v.Digest {
			t.Fatalf("two objects have one digest")
		}
	})
}

// respell writes JSON in another way that means the same.
func respell(raw string, random *rand.Rand) string {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(err)
	}
	var out strings.Builder
	var write func(v any)
	space := func() { out.WriteString([]string{"", " ", "\n\t", "\r\n"}[random.IntN(4)]) }
	str := func(s string) {
		out.WriteByte('"')
		for _, r := range s {
			switch {
			case r < 0x10000 && random.IntN(2) == 0:
				fmt.Fprintf(&out, `\u%04X`, r)
			case r == '"' || r == '\\' || r < ' ':
				fmt.Fprintf(&out, `\u%04x`, r)
			default:
				out.WriteRune(r)
			}
		}
		out.WriteByte('"')
	}
	write = func(v any) {
		space()
		switch v := v.(type) {
		case map[string]any:
			names := make([]string, 0, len(v))
			for name := range v {
				names = append(names, name)
			}
			sort.Strings(names)
			random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			out.WriteByte('{')
			for i, name := range names {
				if i > 0 {
					out.WriteByte(',')
				}
				space()
				str(name)
				space()
				out.WriteByte(':')
				write(v[name])
			}
			out.WriteByte('}')
		case []any:
			out.WriteByte('[')
			for i, e := range v {
				if i > 0 {
					out.WriteByte(',')
				}
				write(e)
			}
			out.WriteByte(']')
		case string:
			str(v)
		case json.Number:
			text := v.String()
			if !strings.ContainsAny(text, "eE") {
				text += []string{"", "e0", "E+00"}[random.IntN(3)]
			}
			out.WriteString(text)
		default:
			fmt.Fprint(&out, map[any]string{nil: "null", true: "true", false: "false"}[v])
		}
		space()
	}
	write(v)
	return out.String()
}
