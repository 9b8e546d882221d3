package node_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store/storetest"
)

// matchable writes n objects, one on a line: indicators of about 900 bytes, and one in ten
// a relationship from an indicator to one of a hundred tools, an address, or a malware of
// one of 200 names and two aliases.
func matchable(n int) []byte {
	var b bytes.Buffer
	i := -1
	for line := range bytes.Lines(generated(n)) {
		i++
		id := fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
		const head = `{"type":"%s","spec_version":"2.1","id":"%s--%s",`
		const times = `"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",`
		switch i % 30 {
		case 0:
			fmt.Fprintf(&b, head+times+`"relationship_type":"indicates","source_ref":"indicator--%s","target_ref":"%s"}`+"\n", "relationship", "relationship", id, id, toolID(i/30%100))
		case 10:
			fmt.Fprintf(&b, head+`"value":"198.51.%d.%d"}`+"\n", "ipv4-addr", "ipv4-addr", id, i/256%256, i%256)
		case 20:
			fmt.Fprintf(&b, head+times+`"is_family":true,"name":"Family %d","aliases":["Alias %d"]}`+"\n", "malware", "malware", id, i/30%200, i/30%2)
		default:
			b.Write(line)
		}
	}
	return b.Bytes()
}

func toolID(n int) string { return fmt.Sprintf("tool--00000000-0000-4000-8000-%012x", n) }

// BenchmarkMatch reads a page of 100 by several conditions from 200,000 objects that the
// index has, and reports how many times as long as an unfiltered page each takes, and, of
// those that nothing meets, how long the longest page of a whole reading takes.
func BenchmarkMatch(b *testing.B) {
	const objects = 200_000
	input := matchable(objects)
	for engine, newURL := range storetest.URLs() {
		ctx, who := context.Background(), entente.LocalActor()
		n, err := node.Open(ctx, storetest.Open(b, newURL(b)), node.Config{})
		if err != nil {
			b.Fatal(err)
		}
		r, err := n.Do(ctx, who, entente.AddCollection{Name: "C"})
		if err != nil {
			b.Fatal(err)
		}
		if rep, err := n.Intake(ctx, who, r.ID, stix.NewReader(bytes.NewReader(input)), node.IntakeOptions{}); err != nil || rep.Added != objects {
			b.Fatalf("%+v, %v", rep, err)
		}
		if err := n.CatchUp(ctx, nil); err != nil {
			b.Fatal(err)
		}
		in, err := n.CollectionNamed(ctx, who, "C")
		if err != nil {
			b.Fatal(err)
		}
		plain := 0.0
		for _, c := range []struct {
			name  string
			where []entente.Condition
		}{
			{"unfiltered", nil},
			{"value", []entente.Condition{{Field: "value", Values: []string{"198.51.0.10"}}}},
			{"name", []entente.Condition{{Field: "name", Values: []string{"Family 7"}}}},
			{"relationships-all", []entente.Condition{{Field: "relationships-all", Values: []string{toolID(7)}}}},
			{"alias of thousands", []entente.Condition{{Field: "aliases", Values: []string{"Alias 1"}}}},
			{"name of none", []entente.Condition{{Field: "name", Values: []string{"Nobody"}}}},
			{"creator of most", []entente.Condition{{Field: "relationships-all", Values: []string{"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff"}}}},
			{"confidence of most", []entente.Condition{{Field: "confidence-gte", Values: []string{"50"}}}},
			{"confidence of none", []entente.Condition{{Field: "confidence-gte", Values: []string{"90"}}}},
		} {
			b.Run(engine+"/"+c.name, func(b *testing.B) {
				found, after := 0, int64(0)
				for b.Loop() {
					p, err := n.Feed(ctx, who, in, node.Query{Filter: entente.Filter{Conditions: c.where}, After: after, Limit: 100, Bodies: true})
					if err != nil {
						b.Fatal(err)
					}
					if found = len(p.Entries); found == 0 { // what is not indexed is looked through to its end
						after = p.Next
					}
				}
				took := b.Elapsed().Seconds() / float64(b.N)
				if c.where == nil {
					plain = took
				}
				b.ReportMetric(took/plain, "of-unfiltered")
				b.ReportMetric(float64(found), "found")
			})
		}
	}
}
