package node_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store/storetest"
)

// generated writes n indicators of about 900 bytes, one on a line.
func generated(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"port", "scan", "host", "login", "mail", "proxy", "relay", "beacon", "loader", "token"}
	var b bytes.Buffer
	for i := range n {
		id := make([]byte, 16)
		for k := range id {
			id[k] = byte(r.Uint32())
		}
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		h := hex.EncodeToString(id)
		fmt.Fprintf(&b, `{"type":"indicator","spec_version":"2.1","id":"indicator--%s-%s-%s-%s-%s","created_by_ref":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff",`, h[:8], h[8:12], h[12:16], h[16:20], h[20:])
		fmt.Fprintf(&b, `"created":"2026-01-01T00:00:00.000Z","modified":"2026-02-%02dT%02d:%02d:00.%03dZ","name":"Address seen in a scan %d","description":"Seen by a sensor:`, r.IntN(28)+1, r.IntN(24), r.IntN(60), r.IntN(1000), i)
		for range 45 {
			b.WriteString(" " + words[r.IntN(len(words))])
		}
		fmt.Fprintf(&b, `","indicator_types":["malicious-activity"],"pattern":"[ipv4-addr:value = '198.51.%d.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z",`, r.IntN(256), r.IntN(256))
		b.WriteString(`"labels":["scan"],"confidence":55,"object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}` + "\n")
	}
	return b.Bytes()
}

// measured runs do on a fresh node with one collection, on each engine, and reports how many
// of n objects it deals with in a second; prepare comes before it and is not measured.
func measured(b *testing.B, n int, prepare, do func(b *testing.B, n *node.Node, collection string)) {
	for engine, newURL := range storetest.URLs() {
		b.Run(engine, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				x, err := node.Open(context.Background(), storetest.Open(b, newURL(b)), node.Config{})
				if err != nil {
					b.Fatal(err)
				}
				r, err := x.Do(context.Background(), entente.LocalActor(), entente.AddCollection{Name: "C"})
				if err != nil {
					b.Fatal(err)
				}
				prepare(b, x, r.ID)
				b.StartTimer()
				do(b, x, r.ID)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// taken takes all of an input in, which is new.
func taken(input []byte, objects int) func(*testing.B, *node.Node, string) {
	return func(b *testing.B, n *node.Node, collection string) {
		rep, err := n.Intake(context.Background(), entente.LocalActor(), collection, stix.NewReader(bytes.NewReader(input)), node.IntakeOptions{})
		if err != nil || rep.Added != objects {
			b.Fatalf("%+v, %v", rep, err)
		}
	}
}

// BenchmarkIntake takes 100,000 objects in, parsed, validated and durable in batches of
// 1,000. Full-text search, which follows, is not running. Run it with -benchtime 1x.
func BenchmarkIntake(b *testing.B) {
	const objects = 100_000
	measured(b, objects, func(*testing.B, *node.Node, string) {}, taken(generated(objects), objects))
}

// BenchmarkFollow brings full text and the index of values up to 100,000 objects that
// were taken in before. Run it with -benchtime 1x.
func BenchmarkFollow(b *testing.B) {
	const objects = 100_000
	measured(b, objects, taken(generated(objects), objects), func(b *testing.B, n *node.Node, _ string) {
		if err := n.CatchUp(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkIntakeVersions takes in the second version of each of 50,000 objects, whose
// first one has to be read for the rules of versioning.
func BenchmarkIntakeVersions(b *testing.B) {
	const objects = 50_000
	first := generated(objects)
	second := bytes.ReplaceAll(first, []byte(`"modified":"2026-02-`), []byte(`"modified":"2026-03-`))
	measured(b, objects, taken(first, objects), taken(second, objects))
}
