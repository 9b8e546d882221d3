package node

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"entente"
	"entente/stix"
	"entente/store/storetest"
)

// BenchmarkActivateBusy activates an agreement over 20,000 objects while intake goes on.
// Run it with -benchtime 1x.
func BenchmarkActivateBusy(b *testing.B) {
	const objects = 20_000
	for engine, url := range storetest.URLs() {
		b.Run(engine, func(b *testing.B) {
			s := newSharing(b, url(b), nil)
			all := marked(10 * objects)
			lines := bytes.SplitAfter(all, []byte("\n"))
			take := func(from, to int) {
				_, err := s.n.Intake(b.Context(), entente.LocalActor(), s.shelf, stix.NewReader(bytes.NewReader(bytes.Join(lines[from:to], nil))), IntakeOptions{})
				s.must(err)
			}
			take(0, objects)
			s.must(s.n.SettleAll(b.Context()))
			ctx, stop := context.WithCancel(b.Context())
			var beside sync.WaitGroup
			beside.Go(func() { _ = s.n.Run(ctx) })
			taken := 0
			beside.Go(func() {
				for at := objects; ctx.Err() == nil && at+1000 < len(lines); at += 1000 {
					take(at, at+1000)
					taken += 1000
				}
			})
			b.ResetTimer()
			s.agree("south", nil)
			b.StopTimer()
			stop()
			beside.Wait()
			b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
			b.ReportMetric(float64(taken)/b.Elapsed().Seconds(), "taken/s")
		})
	}
}
