package storetest

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"entente"
	"entente/store"
)

// testVersioning: what versions say of themselves reaches the decision from the bytes, for
// what stands in the collection, from whatever source, and for nothing else.
func testVersioning(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	c, other := h.collection("C"), h.collection("Other")
	const alice, bob = "identity--00000000-0000-4000-8000-00000000000a", "identity--00000000-0000-4000-8000-00000000000b"
	made := func(n int, modified, created, by string, revoked bool, filling int) *entente.Version {
		v := version("tool", n, modified, "")
		v.Created, _ = entente.ParseInstant(created)
		v.CreatedBy, v.Revoked = entente.ObjectID(by), revoked
		v.Bytes = fmt.Appendf(nil, `{"id":%q,"modified":%q,"created":%q,"created_by_ref":%q,"revoked":%v,"x_filling":%q}`, v.ID, modified, created, by, revoked, strings.Repeat("x", filling))
		v.Digest = sha256.Sum256(v.Bytes)
		return v
	}
	const jan, feb, mar, apr = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000000001Z"
	told := func(in entente.Collection, vs ...*entente.Version) string {
		out := ""
		for _, r := range h.submit(in, vs...) {
			out += "|"
			for _, b := range r.Breaches {
				out += b.Property + " "
			}
		}
		return out
	}
	same(t, "new objects", told(c, made(1, jan, jan, alice, false, 1), made(2, jan, jan, alice, true, 1), made(3, jan, jan, alice, false, 1)), "|||")
	same(t, "their next versions", told(c, made(1, feb, feb, bob, false, 1), made(2, feb, jan, alice, false, 1), made(3, feb, jan, alice, true, 1), made(4, jan, jan, bob, false, 1)),
		"|created_by_ref created |modified ||")
	same(t, "in another collection", told(other, made(1, feb, feb, bob, false, 1)), "|")
	h.do(entente.DeleteObject{Collection: c.ID, Object: made(1, jan, jan, alice, false, 1).ID})
	same(t, "after all was deleted", told(c, made(1, mar, mar, bob, false, 1)), "|")
	same(t, "after the revocation", told(c, made(3, apr, jan, alice, false, 1)), "|modified ")

	// Many versions of many objects are compared as far as the bytes go, and all come in.
	const objects, large = 8, 2 << 20
	for day := range 3 {
		var all []*entente.Version
		for n := range objects {
			all = append(all, made(10+n, fmt.Sprintf("2026-01-%02dT00:00:00Z", day+1), jan, alice, false, large))
		}
		same(t, "large versions", told(c, all...), "||||||||")
	}
	var all []*entente.Version
	for n := range objects {
		all = append(all, made(10+n, apr, jan, bob, false, 1))
	}
	// 24 of 2 MiB are held; of 32 MiB 15 are read, three of each object and one is left without.
	same(t, "beyond what is read", told(c, all...), "|created_by_ref |created_by_ref |created_by_ref |created_by_ref |created_by_ref |||")
	if got := len(h.page(c, entente.Filter{Versions: entente.VersionFilter{Exact: []entente.Instant{all[0].Modified}}}, 100)); got != objects+1 {
		t.Fatalf("%d came in", got)
	}
}
