package node

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"entente"
	"entente/stix"
	"entente/store/storetest"
)

// marked writes n objects of about 700 bytes, one on a line: an identity, indicators, and
// one relationship after every two of them that joins these.
func marked(n int) []byte {
	var b bytes.Buffer
	const maker = "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff"
	fmt.Fprintf(&b, `{"type":"identity","spec_version":"2.1","id":"%s","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"Maker",%s}`+"\n", maker, green)
	r := rand.New(rand.NewPCG(3, 4))
	id := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
	}
	var last [2]string
	for i := 1; i < n; i++ {
		if i%3 == 0 {
			fmt.Fprintf(&b, `{"type":"relationship","spec_version":"2.1","id":"relationship--%s","created_by_ref":"%s","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","relationship_type":"related-to","source_ref":"%s","target_ref":"%s",%s}`+"\n",
				id(), maker, last[0], last[1], green)
			continue
		}
		last[0], last[1] = last[1], "indicator--"+id()
		fmt.Fprintf(&b, `{"type":"indicator","spec_version":"2.1","id":"%s","created_by_ref":"%s","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"n%d","description":"%s","pattern":"[ipv4-addr:value = '198.51.100.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z",%s}`+"\n",
			last[1], maker, i, bytes.Repeat([]byte("seen by a sensor "), 22), i%256, green)
	}
	return b.Bytes()
}

// BenchmarkActivate activates an agreement over 100,000 objects. Run it with -benchtime 1x.
func BenchmarkActivate(b *testing.B) {
	const objects = 100_000
	for engine, url := range storetest.URLs() {
		b.Run(engine, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s := newSharing(b, url(b), nil)
				_, err := s.n.Intake(b.Context(), entente.LocalActor(), s.shelf, stix.NewReader(bytes.NewReader(marked(objects))), IntakeOptions{})
				s.must(err)
				s.must(s.n.SettleAll(b.Context()))
				b.StartTimer()
				s.agree("south", nil)
			}
			b.ReportMetric(float64(objects)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// BenchmarkAppliers has ten agreements follow 50,000 objects. Run it with -benchtime 1x.
func BenchmarkAppliers(b *testing.B) {
	const objects, feeds = 50_000, 10
	for engine, url := range storetest.URLs() {
		b.Run(engine, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s := newSharing(b, url(b), nil)
				for i := range feeds - 1 {
					s.agree(fmt.Sprint("south ", i), nil)
				}
				_, err := s.n.Intake(b.Context(), entente.LocalActor(), s.shelf, stix.NewReader(bytes.NewReader(marked(objects))), IntakeOptions{})
				s.must(err)
				b.StartTimer()
				s.must(s.n.SettleAll(b.Context()))
			}
			b.ReportMetric(float64(feeds*objects)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
