package stix

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
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
	return files
}

// corpus are objects to run on: the published ones by file, or generated ones.
func corpus(tb testing.TB) map[string][][]byte {
	tb.Helper()
	all := map[string][][]byte{}
	for _, file := range realFiles(tb) {
		f, err := os.Open(file)
		if err != nil {
			tb.Fatal(err)
		}
		r := NewReader(f)
		raws, _, err := readAll(r)
		f.Close()
		if err != nil || r.Form() != Bundle {
			tb.Fatalf("%s: %v, %v", file, r.Form(), err)
		}
		all[filepath.Base(file)] = raws
	}
	if len(all) == 0 {
		tb.Log("no published data beside the repository: running on generated objects")
		all["generated"] = generated(2000)
	}
	return all
}

// readAll reads to the end: the bytes of the good items, all items, and the error if it
// is not io.EOF.
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
			raws = append(raws, bytes.Clone(item.Raw))
		}
		item.Raw = nil
		items = append(items, item)
	}
}

// generated makes objects of the size and variety of a published knowledge base: names,
// descriptions of some hundred words with escapes, references, and relationships.
func generated(n int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	id := func(kind string) string {
		return fmt.Sprintf("%s--%08x-%04x-4%03x-8%03x-%012x", kind, random.Uint32(), random.Uint32()&0xffff,
			random.Uint32()&0xfff, random.Uint32()&0xfff, random.Uint64()&0xffffffffffff)
	}
	words := strings.Fields(`the adversary may use a service account to reach engineering stations and change
		set points of controllers (Citation: Example 2024) \n\nDetection: monitor \"write\" requests, caf\u00e9 größer`)
	prose := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[random.IntN(len(words))])
			b.WriteByte(' ')
		}
		return b.String()
	}
	raws := make([][]byte, n)
	for i := range raws {
		common := fmt.Sprintf(`"spec_version": "2.1", "created": "2020-05-21T17:43:26.%03dZ", "modified": "2024-04-11T00:00:00.000Z",
            "created_by_ref": "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5", "object_marking_refs": [ "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9" ],
            "x_example_version": "1.%d", "x_example_deprecated": false`, i%1000, i%10)
		switch i % 5 {
		case 0:
			raws[i] = fmt.Appendf(nil, `{ "type": "attack-pattern", "id": "%s", "name": "Technique %d", %s,
            "description": "%s", "kill_chain_phases": [ { "kill_chain_name": "example-chain", "phase_name": "impact" } ],
            "external_references": [ { "source_name": "example-source", "external_id": "T%04d", "url": "https://example.org/T%04d" },
                { "source_name": "Example 2024", "description": "%s" } ], "x_example_platforms": [ "Control Server", "Station" ] }`,
				id("attack-pattern"), i, common, prose(280), i, i, prose(20))
		case 1:
			raws[i] = fmt.Appendf(nil, `{ "type": "indicator", "id": "%s", %s, "pattern_type": "stix", "pattern": "[domain-name:value = 'host%d.example.org']",
            "valid_from": "2024-01-01T00:00:00Z", "labels": [ "malicious-activity" ], "confidence": %d }`, id("indicator"), common, i, i%101)
		default:
			raws[i] = fmt.Appendf(nil, `{ "type": "relationship", "id": "%s", %s, "relationship_type": "uses",
            "source_ref": "%s", "target_ref": "%s", "description": "%s",
            "external_references": [ { "source_name": "Example 2024", "url": "https://example.org/%d" } ] }`,
				id("relationship"), common, id("malware"), id("attack-pattern"), prose(60), i)
		}
	}
	return raws
}

// forms writes objects in each form that a Reader takes.
var forms = []struct {
	name  string
	form  Form
	write func(raws [][]byte) []byte
}{
	{"bundle", Bundle, func(raws [][]byte) []byte {
		return fmt.Appendf(nil, "{\"type\": \"bundle\", \"id\": \"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d\",\n \"objects\": [%s]}\n", bytes.Join(raws, []byte(" ,\n")))
	}},
	{"bundle of 2.0, type last", Bundle, func(raws [][]byte) []byte {
		return fmt.Appendf(nil, `{"spec_version":"2.0","objects":[%s],"x_other":{"objects":[1]},"type":"bundle"}`, bytes.Join(raws, []byte(",")))
	}},
	{"envelope", Envelope, func(raws [][]byte) []byte {
		return fmt.Appendf(nil, "\ufeff{\"more\":false,\"o\\u0062jects\":[\r\n%s\r\n],\"next\":\"a]b\"}", bytes.Join(raws, []byte(",")))
	}},
	{"array", Array, func(raws [][]byte) []byte {
		return fmt.Appendf(nil, "\n[ %s ]", bytes.Join(raws, []byte(",")))
	}},
	{"concatenated", Lines, func(raws [][]byte) []byte { return bytes.Join(raws, nil) }},
	{"lines", Lines, func(raws [][]byte) []byte { return append(bytes.Join(raws, []byte("\n")), '\n') }},
	{"lines of Windows, blank ones between", Lines, func(raws [][]byte) []byte { return bytes.Join(raws, []byte("\r\n \r\n")) }},
}

var compressions = []struct {
	name string
	pack func([]byte) []byte
}{
	{"plain", func(b []byte) []byte { return b }},
	{"gzip", gzipped},
	{"two gzip members", func(b []byte) []byte { return append(gzipped(b[:len(b)/2]), gzipped(b[len(b)/2:])...) }},
	{"zstd", func(b []byte) []byte {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			panic(err)
		}
		return w.EncodeAll(b, nil)
	}},
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}
