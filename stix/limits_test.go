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
		{"white space in an object", &repeated{`{"type":"x-a","a":1`, strings.Repeat(" ", 5000), `,"b":2}`, most / 4 / 5000}, 1, 1},
		{"white space at the end of an object", &repeated{`{"type":"x-a","a":1`, strings.Repeat(" ", 5000), `}{}`, most / 4 / 5000}, 1, 1},
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

// TestHostile gives input of which there can be much, and wants the time that it takes to
// grow with its length and no faster.
func TestHostile(t *testing.T) {
	const head = `{"type":"x-a","id":"x-a--5d0092c5-5f74-4287-9642-33f4c354e56d",`
	list := func(s string) func(int) string {
		return func(n int) string { return "[" + strings.Repeat(s+",", n) + s + "]" }
	}
	many := func(s string) func(int) string {
		return func(n int) string {
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
	}
	between := func(before string, middle func(int) string, behind string) func(int) string {
		return func(n int) string { return before + middle(n) + behind }
	}
	for _, test := range []struct {
		name  string
		raw   func(n int) string
		taken bool
	}{
		{"markings that are none", between(head+`"object_marking_refs":`, list(`"x"`), `}`), false},
		{"labels that are numbers", between(head+`"labels":`, list(`5`), `}`), false},
		{"empty references", between(head+`"x_refs":`, list(`""`), `}`), true},
		{"members in descending order, all references", between(head, many(`"\uffff`), ``), true},
		{"empty granular markings", between(head+`"granular_markings":`, list(`{}`), `}`), false},
		{"large numbers", between(head+`"x":`, list(`1e300`), `}`), false},
		{"one name", func(n int) string { return head + strings.Repeat(`"x":1,`, n) + `"x":1}` }, false},
		{"extensions", between(head+`"extensions":{`, many(`"e`), `}`), true},
		{"observed data", between(strings.ReplaceAll(head, "x-a", "observed-data")+`"objects":{},`, many(`"a`), ``), true},
		{"depth", func(n int) string {
			return head + `"x":` + strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) + `}`
		}, false},
		{"quotes", func(n int) string { return head + `"x":"` + strings.Repeat(`\"`, 10*n) + `"}` }, true},
		{"quotes far apart", func(n int) string { return head + `"x":"` + strings.Repeat(strings.Repeat("y", 80)+`\"`, n) + `"}` }, true},
	} {
		const small, large = 2_000, 20_000
		once := func(n int) time.Duration {
			raw := test.raw(n)
			start := time.Now()
			raws, items, err := readAll(NewReader(strings.NewReader("[" + raw + ",{}]")))
			if len(items) != 2 || err != nil {
				t.Errorf("%s: %d items, %v", test.name, len(items), err)
			}
			for _, raw := range raws {
				Text(raw)
			}
			v, findings := Parse([]byte(raw))
			fault := false
			for _, f := range findings {
				fault = fault || f.Severity == entente.Fault
			}
			if (v != nil) != test.taken || fault == test.taken || len(findings) > maxFindings {
				t.Errorf("%s: taken %v, fault %v, %d findings, the first %v", test.name, v != nil, fault, len(findings), findings[:min(1, len(findings))])
			}
			return time.Since(start)
		}
		// Ten times the length takes ten times as long, or a hundred times if a loop is
		// inside another. On a busy machine one measurement says little.
		var short, long time.Duration
		for range 5 {
			short, long = once(small), once(large)
			if long < 35*short+20*time.Millisecond {
				break
			}
		}
		if long >= 35*short+20*time.Millisecond {
			t.Errorf("%s: %v, and %v for ten times the length", test.name, short, long)
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
