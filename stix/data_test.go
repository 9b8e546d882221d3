package stix

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// realFiles are the published data sets beside the repository, if they are there.
func realFiles(tb testing.TB) []string {
	tb.Helper()
	var files []string
	for _, pattern := range []string{"attack-ics/*.json", "disarm/*.json", "mvt/*.stix2"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "shared", "data", pattern))
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		tb.Log("no published data beside the repository: running on generated objects only")
	}
	return files
}

func readAll(r *Reader) (raws [][]byte, items []Item, err error) {
	for {
		item, err := r.Next()
		if err == io.EOF {
			return raws, items, nil
		}
		if err != nil {
			return raws, items, err
		}
		if item.Err == nil {
			raws = append(raws, append([]byte(nil), item.Raw...))
		}
		items = append(items, item)
	}
}

func TestRealData(t *testing.T) {
	for _, file := range realFiles(t) {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		raws, _, err := readAll(NewReader(f))
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		n := map[string]int{}
		for _, raw := range raws {
			v, findings := Parse(raw)
			if v == nil {
				t.Fatalf("%s: %v", file, findings)
			}
			for _, f := range findings {
				n[f.Property+": "+f.Text]++
			}
		}
		t.Log(file, len(raws), n)
	}
}

func BenchmarkParseReal(b *testing.B) {
	var raws [][]byte
	size := 0
	for _, file := range realFiles(b) {
		f, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		r, _, _ := readAll(NewReader(f))
		raws = append(raws, r...)
		f.Close()
	}
	for _, r := range raws {
		size += len(r)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range raws {
			if v, _ := Parse(r); v == nil {
				b.Fatal()
			}
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(raws))/b.Elapsed().Seconds(), "objects/s")
}
