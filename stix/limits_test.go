package stix

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	entente "entente"
)

// repeated reads a part again and again, between a head and a tail.
type repeated struct {
	head, part, tail string
	times            int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if r.head != "" {
			c := copy(p[n:], r.head)
			n, r.head = n+c, r.head[c:]
			continue
		}
		switch {
		case r.times > 0:
			r.head = r.part
			r.times--
		case r.tail != "":
			r.head, r.tail = r.tail, ""
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
	return n, nil
}

// TestReaderMemory streams a bundle of 300 MB, and tens of MB in other forms that a reader
// could be tempted to keep.
func TestReaderMemory(t *testing.T) {
	object := `{"type":"x-a","a":"` + strings.Repeat("x", 2000) + `","b":[{"c":"\"\\"}]},`
	line := object[:len(object)-1] + "\n"
	const most = 30 << 20
	for _, test := range []struct {
		name  string
		input *repeated
		items int
		bad   int
	}{
		{"bundle", &repeated{`{"type":"bundle","objects":[`, object, `{}]}`, 10 * most / len(object)}, 10*most/len(object) + 1, 0},
		{"lines", &repeated{"", line, "", most / len(line)}, most / len(line), 0},
		{"one object too large", &repeated{`[{"a":[`, object, `{}]},{}]`, most / len(object)}, 2, 1},
		{"one object too large, by itself", &repeated{`{"type":"x-a","a":[`, object, `{}],"b":1}`, most / len(object)}, 1, 1},
		{"white space", &repeated{"[{},", strings.Repeat(" ", 5000), `{}]`, most / 4 / 5000}, 2, 0},
		{"white space behind a line", &repeated{"{\"type\":\"x-a\"}\n", strings.Repeat("\n", 5000), ``, most / 4 / 5000}, 1, 0},
		{"one long line", &repeated{"{\"type\":\"x-a\"}\n", strings.Repeat("a", 5000), "\n{}", most / 5000}, 3, 1},
		{"brackets", &repeated{"[{},", strings.Repeat("[", 5000), "", most / 10 / 5000}, 1, 0},
		{"text", &repeated{"[{},\"", strings.Repeat(`\\`, 2500), `",{}]`, most / 5000}, 3, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			r := NewReader(test.input)
			r.SetMaxObject(1 << 20)
			items, bad := 0, 0
			for {
				item, err := r.Next()
				if err != nil {
					if err != io.EOF && test.name != "brackets" {
						t.Fatal(err)
					}
					break
				}
				items++
				if item.Err != nil {
					bad++
					if entente.KindOf(item.Err) != entente.TooLarge {
						t.Fatal(item.Err)
					}
				}
			}
			runtime.ReadMemStats(&now)
			if items != test.items || bad != test.bad {
				t.Errorf("%d items, %d of them bad; want %d and %d", items, bad, test.items, test.bad)
			}
			// All that was ever allocated, not only what is still there.
			if grown := now.TotalAlloc - before.TotalAlloc; grown > 6<<20 {
				t.Errorf("%d MB were allocated", grown>>20)
			}
		})
	}
}

// TestHostile gives input that must be refused, or taken, in little time.
func TestHostile(t *testing.T) {
	t.Parallel()
	const n = 50_000
	head := `{"type":"x-a","id":"x-a--5d0092c5-5f74-4287-9642-33f4c354e56d",`
	list := func(s string) string { return "[" + strings.Repeat(s+",", n) + s + "]" }
	many := func(s string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(s)
			for j := i; j > 0; j /= 10 {
				b.WriteByte(byte('0' + j%10))
			}
			b.WriteString(`_ref":"",`)
		}
		return b.String() + `"end":0}`
	}
	for _, test := range []struct {
		name, raw string
		taken     bool
	}{
		{"markings that are none", head + `"object_marking_refs":` + list(`"x"`) + `}`, false},
		{"labels that are numbers", head + `"labels":` + list(`5`) + `}`, false},
		{"empty references", head + `"x_refs":` + list(`""`) + `}`, true},
		{"members in descending order, all references", head + many(`"\uffff`), true},
		{"empty granular markings", head + `"granular_markings":` + list(`{}`) + `}`, false},
		{"large numbers", head + `"x":` + list(`1e300`) + `}`, false},
		{"one name", head + strings.Repeat(`"x":1,`, n) + `"x":1}`, false},
		{"empty extensions", head + `"extensions":{` + many(`"e`)[1:] + `}`, false},
		{"observed data", strings.ReplaceAll(head, "x-a", "observed-data") + `"objects":{},"y_refs":` + list(`"0"`) + `,` + many(`"a`), true},
		{"depth", head + `"x":` + strings.Repeat(`{"a":`, 500_000) + "1" + strings.Repeat("}", 500_000) + `}`, false},
		{"quotes", head + `"x":"` + strings.Repeat(`\"`, 500_000) + `"}`, true},
		{"quotes far apart", head + `"x":"` + strings.Repeat(strings.Repeat("y", 80)+`\"`, 100_000) + `"}`, true},
	} {
		start := time.Now()
		raws, items, err := readAll(NewReader(strings.NewReader("[" + test.raw + ",{}]")))
		if len(items) != 2 && err == nil {
			t.Errorf("%s: %d items, %v", test.name, len(items), err)
		}
		for _, raw := range raws {
			Text(raw)
		}
		v, findings := Parse([]byte(test.raw))
		if (v != nil) != test.taken || len(findings) > maxFindings {
			t.Errorf("%s: taken %v, %d findings, the first %v", test.name, v != nil, len(findings), findings[:min(1, len(findings))])
		}
		fault := false
		for _, f := range findings {
			fault = fault || f.Severity == entente.Fault
		}
		if fault == test.taken {
			t.Errorf("%s: no fault among %d findings", test.name, len(findings))
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("%s: took %v", test.name, took)
		} else {
			t.Logf("%s: %d bytes, %v", test.name, len(test.raw), took)
		}
	}
}

// TestFaultIsNeverCut puts a fault behind more warnings than are listed.
func TestFaultIsNeverCut(t *testing.T) {
	raw := `{"a_refs":[` + strings.Repeat(`"",`, 500) + `""],"type":"tool","id":"tool--5d0092c5-5f74-4287-9642-33f4c354e56d","extensions":{` +
		strings.Repeat(`"`, 0) + `},"external_references":[` + strings.Repeat(`5,`, 500) + `5],"labels":["a"]}`
	v, findings := Parse([]byte(raw))
	if v == nil || len(findings) != maxFindings {
		t.Fatalf("%d findings", len(findings))
	}
	if last := findings[len(findings)-1]; !strings.Contains(last.Text, "more to say") {
		t.Errorf("%v", last)
	}
	c := checker{tape: &tape{}}
	c.read([]byte(raw))
	for range 100 {
		c.warn(0, "", "warning")
	}
	c.fault(0, "", "fault")
	c.fault(0, "", "fault")
	faults := 0
	for _, f := range c.findings {
		if f.Severity == entente.Fault {
			faults++
		}
	}
	if faults != 1 || len(c.findings) != maxFindings || !c.faulty {
		t.Errorf("%d faults among %d", faults, len(c.findings))
	}
}

// TestBytesAreACopy: a version does not hold on to the buffer that it was read from.
func TestBytesAreACopy(t *testing.T) {
	raw := []byte(" \n{\"type\":\"tool\", \"id\":\"tool--5d0092c5-5f74-4287-9642-33f4c354e56d\"}\r\n ")
	v, _ := Parse(raw)
	want := string(bytes.TrimSpace(raw))
	for i := range raw {
		raw[i] = 'x'
	}
	if string(v.Bytes) != want || v.ID != "tool--5d0092c5-5f74-4287-9642-33f4c354e56d" || v.Type != "tool" {
		t.Errorf("%s", v.Bytes)
	}
}
