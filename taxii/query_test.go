package taxii

import (
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"

	"entente"

	"pgregory.net/rapid"
)

func TestQueriesAccepted(t *testing.T) {
	for _, c := range goodQueries {
		if _, err := ParseQuery(c.at, c.raw); err != nil {
			t.Errorf("endpoint %d, %q: %v", c.at, c.raw, err)
		}
	}
}

func TestQueriesRefused(t *testing.T) {
	for _, c := range badQueries {
		q, err := ParseQuery(c.at, c.raw)
		if entente.KindOf(err) != entente.Invalid || err == nil {
			t.Errorf("endpoint %d, %q gives %+v, %v; want it refused", c.at, c.raw, q, err)
		}
	}
}

func TestQueryValues(t *testing.T) {
	parse := func(raw string) Query {
		q, err := ParseQuery(Objects, raw)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		return q
	}
	if q := parse("match[id]=" + idB + "," + idA + "," + idB); !slices.Equal(q.Filter.IDs, []entente.ObjectID{idA, idB}) {
		t.Errorf("ids %v", q.Filter.IDs)
	}
	if q := parse("match[type]=b,a,b"); !slices.Equal(q.Filter.Types, []string{"a", "b"}) {
		t.Errorf("types %v", q.Filter.Types)
	}
	// To delete, "last" and nothing are not the same: the word must be kept.
	if q := parse("match[version]=last"); !q.Filter.Versions.Last {
		t.Errorf("last: %+v", q.Filter.Versions)
	}
	if q := parse("match[version]=first,last"); !q.Filter.Versions.First || !q.Filter.Versions.Last {
		t.Errorf("first,last: %+v", q.Filter.Versions)
	}
	if q := parse("match[spec_version]=9.9"); !slices.Equal(q.Filter.Specs, []entente.Spec{noSpec}) {
		t.Errorf("an unknown specification must select nothing: %v", q.Filter.Specs)
	}
	if q := parse("match[spec_version]=9.9,2.0"); !slices.Equal(q.Filter.Specs, []entente.Spec{entente.Spec20}) {
		t.Errorf("specs %v", q.Filter.Specs)
	}
	if q := parse("added_after=1970-01-01T02:00:01+02:00"); q.Filter.AddedAfter != 1_000_000 {
		t.Errorf("added after %d", q.Filter.AddedAfter)
	}
	if q := parse("limit=99999999999999999999"); q.Limit != math.MaxInt {
		t.Errorf("limit %d", q.Limit)
	}
	if q := parse("next="); q.Next != "" {
		t.Errorf("next %q", q.Next)
	}
}

// What means the same is the same condition, so that equal requests are equal bytes.
func TestConditionValues(t *testing.T) {
	for _, c := range []struct{ raw, field, want string }{
		{"match[name]=b,a,b", "name", "a|b"},
		{"match[name]=A, a", "name", " a|A"},
		{"match[value]=a%2Cb", "value", "a|b"}, // many clients escape the comma
		{"match[labels]=%26", "labels", "&"},
		{"match[confidence]=007,7,-0", "confidence", "0|7"},
		{"match[confidence-gte]=10,9,50", "confidence-gte", "9"},
		{"match[confidence-lte]=10,9,50", "confidence-lte", "50"},
		{"match[revoked]=true,false,true", "revoked", "false|true"},
		{"match[MD5]=AB,ab,Ab", "MD5", "ab"},
		{"match[TLSH]=AB,ab", "TLSH", "AB|ab"},
		{"match[tlp]=white,clear,CLEAR", "tlp", "clear"},
		{"match[tlp]=amber+strict,amber%2Bstrict,Amber", "tlp", "amber|amber+strict"},
		{"match[modified-gte]=2026-01-01T00:00:00.10Z,2026-01-01T00:00:00.1Z,2026-01-01T00:00:01Z", "modified-gte", "2026-01-01T00:00:00.100000Z"},
		{"match[modified-lte]=2026-01-01T00:00:00.00000001Z,2026-01-01T00:00:00Z", "modified-lte", "2026-01-01T00:00:00.00000001Z"},
		{"match[relationships-all]=" + idB + "," + idA + "," + idB, "relationships-all", idA + "|" + idB},
	} {
		for _, at := range []Endpoint{Objects, Manifests} {
			q, err := ParseQuery(at, c.raw+"&match[zzz]=1")
			if err != nil || len(q.Filter.Conditions) != 1 || q.Filter.Conditions[0].Field != c.field || strings.Join(q.Filter.Conditions[0].Values, "|") != c.want {
				t.Errorf("%s gives %+v, %v; want %s of %s", c.raw, q.Filter.Conditions, err, c.want, c.field)
			}
		}
		// An endpoint for which it is not defined ignores it (TAXII 2.1 §3.4).
		if q, err := ParseQuery(Object, c.raw); err != nil || q.Filter.Conditions != nil {
			t.Errorf("%s of one object: %+v, %v", c.raw, q.Filter.Conditions, err)
		}
	}
}

// Of two mistakes always the same one is told, whatever the order of a map.
func TestQueryErrorsAreStable(t *testing.T) {
	for _, c := range []struct {
		at  Endpoint
		raw string
	}{
		{Objects, "match[a]=1&match[a]=2&match[b]=1&match[b]=2&match[c]=1&match[c]=2"},
		{Objects, "match[confidence]=x&match[name]=&match[tlp]=x&match[src_port]=y"},
		{DeleteObject, "match[a]=1&match[b]=2&match[c]=1&limit=2"},
	} {
		_, first := ParseQuery(c.at, c.raw)
		for range 50 {
			if _, err := ParseQuery(c.at, c.raw); err.Error() != first.Error() {
				t.Fatalf("%v, then %v", first, err)
			}
		}
	}
}

// drawQuery draws the parameters of a valid request, without limit and next.
func drawQuery(t *rapid.T) url.Values {
	v := url.Values{}
	set := func(name string, g *rapid.Generator[string], most int) {
		if rapid.Bool().Draw(t, name) {
			v.Set(name, strings.Join(rapid.SliceOfNDistinct(g, 1, most, rapid.ID[string]).Draw(t, "values"), ","))
		}
	}
	set("added_after", rapid.Map(rapid.Int64Range(-1e15, 4e15), Timestamp), 1)
	set("match[id]", rapid.StringMatching(`(indicator|x-[a-z0-9]{1,5})--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|malware--[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-8[0-9A-F]{3}-[0-9A-F]{12}`), 4)
	set("match[type]", rapid.StringMatching(`[a-z0-9-]{1,20}`), 4)
	set("match[spec_version]", rapid.SampledFrom([]string{"2.0", "2.1", "2.2"}), 3)
	switch rapid.IntRange(0, 2).Draw(t, "version") {
	case 1:
		v.Set("match[version]", "all")
	case 2:
		set("match[version]", rapid.StringMatching(`first|last|20[0-9][0-9]-0[1-9]-1[0-9]T0[0-9]:1[0-9]:2[0-9]\.[0-9]{0,8}[1-9]Z`), 4)
	}
	set("match[name]", rapid.StringMatching(`[A-Za-z é&=]{1,9}`), 4)
	set("match[SHA-1]", rapid.StringMatching(`[0-9A-Fa-f]{1,9}`), 4)
	set("match[confidence-gte]", rapid.StringMatching(`-?[0-9]{1,9}`), 3)
	set("match[valid_from-lte]", rapid.StringMatching(`20[0-9][0-9]-0[1-9]-1[0-9]T0[0-9]:1[0-9]:2[0-9](\.[0-9]{1,8})?Z`), 3)
	set("match[tlp]", rapid.SampledFrom([]string{"white", "clear", "amber+strict", "RED"}), 3)
	set("match[revoked]", rapid.SampledFrom([]string{"true", "false"}), 2)
	return v
}

func FuzzFilter(f *testing.F) {
	for _, c := range goodQueries {
		f.Add(byte(c.at), c.raw)
	}
	for _, c := range badQueries {
		f.Add(byte(c.at), c.raw)
	}
	s := sealer(f)
	f.Fuzz(func(t *testing.T, at byte, raw string) {
		e := Endpoint(at%5) + Objects
		q, err := ParseQuery(e, raw)
		if err != nil {
			if entente.KindOf(err) != entente.Invalid {
				t.Fatal(err)
			}
			return
		}
		text := s.Seal(Cursor{Endpoint: e, Feed: "f", Filter: q.Filter, Limit: q.Limit, After: 7})
		c, err := s.Open(text, e, "f")
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if _, err := q.Resume(c); err != nil {
			t.Fatalf("%q conflicts with itself: %v", raw, err)
		}
	})
}
