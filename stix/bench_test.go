package stix

import (
	"bytes"
	"io"
	"testing"
)

// sets are what the benchmarks run on: generated objects, so that anyone has them, and
// the published ATT&CK releases where they are at hand.
func sets(b *testing.B) map[string][][]byte {
	all := map[string][][]byte{"generated": generated(2000)}
	var attack [][]byte
	for file, raws := range corpus(b) {
		if bytes.Contains([]byte(file), []byte("attack")) {
			attack = append(attack, raws...)
		}
	}
	if attack != nil {
		all["attack"] = attack
	}
	return all
}

func onEach(b *testing.B, do func(raw []byte)) {
	for name, raws := range sets(b) {
		b.Run(name, func(b *testing.B) {
			size := 0
			for _, raw := range raws {
				size += len(raw)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, raw := range raws {
					do(raw)
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(raws))/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

func BenchmarkParse(b *testing.B) {
	onEach(b, func(raw []byte) {
		if v, _ := Parse(raw); v == nil {
			b.Fatal("refused")
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	onEach(b, func(raw []byte) {
		if _, err := Canonical(raw); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkText(b *testing.B) {
	onEach(b, func(raw []byte) { Text(raw) })
}

func BenchmarkReader(b *testing.B) {
	raws := generated(10_000)
	for i, raw := range raws {
		raws[i] = bytes.ReplaceAll(raw, []byte("\n"), nil) // else none of them fits on a line
	}
	for _, form := range forms {
		input := form.write(raws)
		b.Run(form.name, func(b *testing.B) {
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				r := NewReader(bytes.NewReader(input))
				for {
					if _, err := r.Next(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(raws))/b.Elapsed().Seconds(), "objects/s")
		})
	}
}
