package taxii

import (
	"encoding/base64"
	"net/url"
	"reflect"
	"testing"

	"entente"

	"pgregory.net/rapid"
)

func sealer(t testing.TB) *Sealer {
	t.Helper()
	s, err := NewSealer([32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func query(t interface{ Fatal(...any) }, at Endpoint, raw string) Query {
	q, err := ParseQuery(at, raw)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const feed = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"

// A cursor keeps the whole request: going on without parameters, with some of them or
// with all of them is the same.
func TestCursorKeepsTheRequest(t *testing.T) {
	s := sealer(t)
	rapid.Check(t, func(t *rapid.T) {
		v := drawQuery(t)
		at := rapid.SampledFrom([]Endpoint{Objects, Manifests}).Draw(t, "endpoint")
		q := query(t, at, v.Encode())
		c := Cursor{Endpoint: at, Feed: feed, Filter: q.Filter, Limit: rapid.IntRange(0, 5000).Draw(t, "limit"), After: rapid.Int64Min(0).Draw(t, "after")}
		text := s.Seal(c)
		if s.Seal(c) != text || url.QueryEscape(text) != text {
			t.Fatalf("unsteady or not safe in a URL: %q", text)
		}
		got, err := s.Open(text, at, feed)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, c) {
			t.Fatalf("got  %+v\nwant %+v", got, c)
		}
		for name := range v {
			if rapid.Bool().Draw(t, "resend "+name) {
				v.Del(name)
			}
		}
		again, err := query(t, at, v.Encode()).Resume(got)
		if err != nil || !reflect.DeepEqual(again.Filter, q.Filter) || again.Limit != c.Limit {
			t.Fatalf("%v: %+v, want %+v", err, again, q)
		}
	})
}

func TestCursorConflicts(t *testing.T) {
	s := sealer(t)
	made := query(t, Objects, "match[name]=a,b&match[type]=malware,indicator&added_after=2020-01-01T00:00:00Z&match[version]=2020-01-01T00:00:00Z")
	c, err := s.Open(s.Seal(Cursor{Endpoint: Objects, Feed: feed, Filter: made.Filter, Limit: 10, After: 5}), Objects, feed)
	if err != nil {
		t.Fatal(err)
	}
	for raw, ok := range map[string]bool{
		"":                              true,
		"limit=3":                       true,
		"match[type]=indicator,malware": true,
		"added_after=2020-01-01T01:00:00.000%2B01:00":    true,
		"match[version]=2020-01-01T00:00:00.000Z":        true,
		"match[unknown]=x":                               true,
		"match[name]=b,a":                                true,
		"match[name]=a":                                  false,
		"match[labels]=a":                                false,
		"match[type]=malware":                            false,
		"match[id]=" + idA:                               false,
		"match[spec_version]=2.1":                        false,
		"match[version]=last":                            false,
		"match[version]=all":                             false,
		"added_after=2020-01-01T00:00:00.000001Z":        false,
		"limit=3&match[type]=malware":                    false,
		"match[type]=indicator,malware&match[id]=" + idA: false,
	} {
		q, err := query(t, Objects, raw).Resume(c)
		if (err == nil) != ok || (err != nil && entente.KindOf(err) != entente.Invalid) {
			t.Errorf("%q: %v, want accepted %v", raw, err, ok)
		}
		if want := map[bool]int{true: 3, false: 10}[raw == "limit=3"]; ok && q.Limit != want {
			t.Errorf("%q: limit %d, want %d", raw, q.Limit, want)
		}
	}
	// What is the default and what is said in so many words are one request.
	c.Filter = entente.Filter{}
	if _, err := query(t, Objects, "match[version]=last").Resume(c); err != nil {
		t.Error(err)
	}
	other := query(t, Object, "")
	other.For(idB)
	c.Filter.IDs = []entente.ObjectID{idA}
	if _, err := other.Resume(c); err == nil {
		t.Error("a cursor of one object was taken for another")
	}
}

// Nothing but what was sealed for this endpoint and feed opens, and the error never says why.
func TestCursorTampering(t *testing.T) {
	s := sealer(t)
	made := query(t, Objects, "match[id]="+idA)
	text := s.Seal(Cursor{Endpoint: Objects, Feed: feed, Filter: made.Filter, After: 12345})
	_, reason := s.Open("", Objects, feed)
	refused := func(s *Sealer, text string, at Endpoint, feed string) {
		t.Helper()
		_, err := s.Open(text, at, feed)
		if err == nil || entente.KindOf(err) != entente.Invalid || err.Error() != reason.Error() {
			t.Fatalf("%q gives %v", text, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		bent := append([]byte(nil), raw...)
		bent[i/8] ^= 1 << (i % 8)
		refused(s, base64.RawURLEncoding.EncodeToString(bent), Objects, feed)
	}
	for i := range text {
		for _, c := range "Aa0-_=" {
			if bent := text[:i] + string(c) + text[i+1:]; bent != text {
				refused(s, bent, Objects, feed)
			}
		}
		refused(s, text[:i], Objects, feed)
	}
	refused(s, text+"A", Objects, feed)
	refused(s, text, Manifests, feed)
	refused(s, text, Objects, "52892447-4d7e-4f70-b94d-d7f22742ff63")
	foreign, err := NewSealer([32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	refused(foreign, text, Objects, feed)
	refused(s, foreign.Seal(Cursor{Endpoint: Objects, Feed: feed}), Objects, feed)
	form := encodeCursor(make([]byte, tagLength), Cursor{Endpoint: Objects, Feed: feed})
	form[tagLength] = conditionsForm + 1
	copy(form, s.sum(form[tagLength:]))
	if _, ok := decodeCursor(form[tagLength:]); ok {
		t.Error("a later layout was read as this one")
	}
}

// A cursor without conditions is what it was before there were any, and one with
// conditions that this release does not know is refused: to pass them over would give more
// than was asked for.
func TestCursorForms(t *testing.T) {
	plain := Cursor{Endpoint: Objects, Feed: feed, After: 1}
	old := encodeCursor(nil, plain)
	if old[0] != cursorForm {
		t.Errorf("form %d", old[0])
	}
	known := plain
	known.Filter.Conditions = []entente.Condition{{Field: "name", Values: []string{"a"}}}
	text := encodeCursor(nil, known)
	if c, ok := decodeCursor(text); !ok || !reflect.DeepEqual(c, known) {
		t.Errorf("%+v, %v", c, ok)
	}
	for name, bent := range map[string][]byte{
		"none":             append(append([]byte{conditionsForm}, old[1:]...), 0),
		"an unknown field": append(append([]byte{conditionsForm}, old[1:]...), 1, 1, 'x', 1, 1, 'a'),
		"no value":         append(append([]byte{conditionsForm}, old[1:]...), 1, 4, 'n', 'a', 'm', 'e', 0),
		"cut off":          text[:len(text)-1],
		"the old form":     append([]byte{cursorForm}, text[1:]...),
	} {
		if c, ok := decodeCursor(bent); ok {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// The length of a cursor tells nothing of position, time or limit.
func TestCursorLength(t *testing.T) {
	s := sealer(t)
	rapid.Check(t, func(t *rapid.T) {
		c := Cursor{Endpoint: Manifests, Feed: feed}
		want := len(s.Seal(c))
		c.After = rapid.Int64().Draw(t, "after")
		c.Limit = rapid.IntMin(0).Draw(t, "limit")
		c.Filter.AddedAfter = rapid.Int64().Draw(t, "added")
		if got := len(s.Seal(c)); got != want {
			t.Fatalf("%d characters, want %d", got, want)
		}
	})
}

func FuzzCursor(f *testing.F) {
	s := sealer(f)
	for _, c := range goodQueries {
		q := query(f, c.at, c.raw)
		sealed := s.Seal(Cursor{Endpoint: c.at, Feed: feed, Filter: q.Filter, Limit: q.Limit, After: 1})
		f.Add(sealed, encodeCursor(nil, Cursor{Endpoint: c.at, Feed: feed, Filter: q.Filter}))
	}
	f.Fuzz(func(t *testing.T, text string, plain []byte) {
		if c, err := s.Open(text, Objects, feed); err == nil && s.Seal(c) != text {
			t.Fatalf("%q opens and is not what was sealed", text)
		}
		// What is read from any bytes, were they authenticated, is written as it is read.
		if c, ok := decodeCursor(plain); ok {
			if c2, ok := decodeCursor(encodeCursor(nil, c)); !ok || !reflect.DeepEqual(c, c2) {
				t.Fatalf("%+v is read again as %+v", c, c2)
			}
		}
	})
}
