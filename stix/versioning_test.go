package stix

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What Versioning reads is what Parse reads.
func agreeOnVersioning(t *testing.T, raw []byte) {
	t.Helper()
	v, _ := Parse(raw)
	got, ok := Versioning(raw)
	switch {
	case v == nil:
		return // such bytes are never stored
	case !ok:
		t.Fatalf("it does not read %s", raw)
	}
	if d := cmp.Diff(*v.Versioning(), got); d != "" {
		t.Fatalf("%s (-Parse +Versioning): %s", raw, d)
	}
}

func TestVersioningIsWhatParseReads(t *testing.T) {
	for _, raws := range corpus(t) {
		for _, raw := range raws {
			agreeOnVersioning(t, raw)
		}
	}
	for _, raw := range []string{"", "{", "[]", "7", `{"created":7}`, `{"modified":"yesterday"}`} {
		if v, ok := Versioning([]byte(raw)); ok {
			t.Errorf("%s: %+v", raw, v)
		}
	}
}

func BenchmarkVersioning(b *testing.B) {
	for file, raws := range corpus(b) {
		b.Run(file, func(b *testing.B) {
			for i := range b.N {
				if _, ok := Versioning(raws[i%len(raws)]); !ok {
					b.Fatal("it does not read")
				}
			}
		})
	}
}
