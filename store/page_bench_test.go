package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"entente"
	"entente/store"
	"entente/store/storetest"
)

// BenchmarkPage reads a feed of 50,000 lines from beginning to end in pages of 1,000,
// with the bytes of 900 each, and reports entries/s.
func BenchmarkPage(b *testing.B) {
	const lines, limit = 50_000, 1000
	for engine, newURL := range storetest.URLs() {
		b.Run(engine, func(b *testing.B) {
			ctx := context.Background()
			st := storetest.Open(b, newURL(b))
			bare, err := store.NewBare(ctx, st)
			if err != nil {
				b.Fatal(err)
			}
			for n := 0; n < lines; n += limit {
				versions := make([]*entente.Version, limit)
				for i := range versions {
					id := fmt.Sprintf("indicator--00000000-0000-4000-8000-%012d", n+i)
					v := &entente.Version{ID: entente.ObjectID(id), Type: "indicator", Spec: entente.Spec21, Bytes: make([]byte, 900)}
					v.Modified, _ = entente.ParseInstant("2026-01-01T00:00:00.000Z")
					v.Digest = sha256.Sum256([]byte(id))
					versions[i] = v
				}
				if err := bare.Insert(ctx, versions); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			read := 0
			for b.Loop() {
				for after, more := int64(0), true; more; {
					err := st.View(ctx, func(t *store.Tx) error {
						p, err := t.Page(ctx, store.FeedQuery{Feed: 1, After: after, Head: lines, Limit: limit, BytesOnly: true})
						after, more = p.Next, p.More
						read += len(p.Entries)
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
