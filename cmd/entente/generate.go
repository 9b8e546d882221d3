package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// generator makes fictional indicators for measuring: about 900 bytes each, ids in no
// order, an address of its own each (RFC 3849). The n-th object is always the same.
type generator struct{ words []string }

// address is the address that the n-th object names: of 80 bits below 2001:db8::/32.
func (g generator) address(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 13))
	return fmt.Sprintf("2001:db8:%x:%x:%x:%x:0:1", r.IntN(0xffff)+1, r.IntN(0xffff)+1, r.IntN(0xffff)+1, r.IntN(0xffff)+1)
}

func newGenerator() generator {
	return generator{[]string{"port", "scan", "host", "login", "mail", "proxy", "relay", "beacon", "loader", "token", "certificate", "harbour"}}
}

// id is the identifier of the n-th object.
func (g generator) id(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], r.Uint64())
	binary.BigEndian.PutUint64(b[8:], r.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return "indicator--" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// object appends the n-th object to b.
func (g generator) object(b []byte, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 11))
	b = append(b, `{"type":"indicator","spec_version":"2.1","id":"`...)
	b = append(b, g.id(n)...)
	b = fmt.Appendf(b, `","created_by_ref":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff","created":"2026-01-01T00:00:00.000Z","modified":"2026-%02d-%02dT%02d:%02d:%02d.%03dZ"`,
		r.IntN(6)+1, r.IntN(28)+1, r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000))
	b = fmt.Appendf(b, `,"name":"Address seen in scan %d","description":"A sensor saw`, n)
	for range 46 {
		b = append(b, ' ')
		b = append(b, g.words[r.IntN(len(g.words))]...)
	}
	b = fmt.Appendf(b, `.","indicator_types":["anomalous-activity"],"pattern":"[ipv6-addr:value = '%s']","pattern_type":"stix","pattern_version":"2.1"`, g.address(n))
	return append(b, `,"valid_from":"2026-01-01T00:00:00Z","labels":["scan"],"confidence":55,"object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}`...)
}

// envelope is a TAXII envelope of the objects from first on.
func (g generator) envelope(first, count int) []byte {
	b := []byte(`{"objects":[`)
	for i := range count {
		if i > 0 {
			b = append(b, ',')
		}
		b = g.object(b, first+i)
	}
	return append(b, `]}`...)
}
