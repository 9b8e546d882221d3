package stix

import (
	"strings"
	"testing"
)

func BenchmarkPattern(b *testing.B) {
	for _, test := range []struct{ name, pattern string }{
		{"typical", `[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'x.example']`},
		{"one value", `[domain-name:value='host17.example.org']`},
		{"hash", `[file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f']`},
		{"qualified", `([file:name = 'foo.dll' AND file:parent_directory_ref.path = 'C:\\Windows\\System32'] FOLLOWEDBY [windows-registry-key:values[*].name IN ('a', 'b')]) WITHIN 300 SECONDS`},
		{"thousand values", `[ipv4-addr:value IN ('198.51.100.7'` + strings.Repeat(`, '198.51.100.7'`, 999) + `)]`},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.SetBytes(int64(len(test.pattern)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParsePattern(test.pattern); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "patterns/s")
		})
	}
}

func BenchmarkPatternString(b *testing.B) {
	p, err := ParsePattern(`[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'x.example']`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if p.String() == "" {
			b.Fatal()
		}
	}
}
