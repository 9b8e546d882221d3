// Package storetest is the conformance suite of package store: what every engine must
// do, tried on a real database of that engine.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente"
	"entente/store"
)

// Run tries an engine. Open opens the same fresh, empty database each time it is called
// within one test.
func Run(t *testing.T, fresh func(t *testing.T) (open func() *store.Store)) {
	for name, f := range map[string]func(*testing.T, func() *store.Store){
		"Migrations":     testMigrations,
		"Accounts":       testAccounts,
		"People":         testPeople,
		"Review":         testReview,
		"Door":           testDoor,
		"Agreements":     testAgreements,
		"Floors":         testFloors,
		"Dissent":        testDissent,
		"Certificates":   testCertificates,
		"Collections":    testCollections,
		"Roots":          testRoots,
		"RootsAtOnce":    testRootsAtOnce,
		"ContentOnce":    testContentOnce,
		"Contested":      testContested,
		"Pages":          testPages,
		"LargePages":     testLargePages,
		"Filters":        testFilters,
		"Specs":          testSpecs,
		"Matches":        testMatches,
		"MatchBytes":     testMatchBytes,
		"Search":         testSearch,
		"Status":         testStatus,
		"Leases":         testLeases,
		"Follower":       testFollower,
		"Sweep":          testSweep,
		"Preserved":      testPreserved,
		"Erased":         testErased,
		"Series":         testSeries,
		"Rollback":       testRollback,
		"WritersAtOnce":  testWritersAtOnce,
		"StartsAtOnce":   testStartsAtOnce,
		"HostileStrings": testHostileStrings,
		"Backup":         testBackup,
		"Versioning":     testVersioning,
		"HiddenLines":    testHiddenLines,
		"Model":          testModel,
		"Staged":         testStaged,
		"Served":         testServed,
		"Witnessing":     testWitnessing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, fresh(t))
		})
	}
}

// harness drives a store the way the node does: facts, decision, change.
type harness struct {
	t   testing.TB
	st  *store.Store
	now int64
	seq int
}

func newHarness(t testing.TB, st *store.Store) *harness {
	h := &harness{t: t, st: st, now: 1_700_000_000_000_000}
	if _, err := h.try(entente.LocalActor(), entente.Establish{Organisation: "Home", Root: entente.Root{Name: "api1", Title: "T", MaxContentLength: 1000}}); err != nil && entente.KindOf(err) != entente.Conflict {
		t.Fatal(err)
	}
	return h
}

func (h *harness) id() string {
	h.seq++
	d := digest([]byte(h.t.Name()))
	return fmt.Sprintf("%x-0000-4000-8000-%012d", d[:4], h.seq)
}

func (h *harness) try(a entente.Actor, c entente.Command) (entente.Receipt, error) {
	ctx := context.Background()
	var content, feed, organisation, agreement int64
	var err error
	switch c := c.(type) {
	case entente.Submit:
		content, err = h.st.Reserve(ctx, "content", len(c.Versions), 100)
	case entente.AddDissent:
		content, err = h.st.Reserve(ctx, "content", 1, 100)
	case entente.AddCollection:
		feed, err = h.st.Reserve(ctx, "feed", 1, 0)
	case entente.ActivateAgreement, entente.RestoreAgreement:
		feed, err = h.st.Reserve(ctx, "feed", entente.MaxListed, 0)
	case entente.DraftTerms:
		agreement, err = h.st.Reserve(ctx, "agreement", 1, 0)
	case entente.Establish, entente.AddPartner:
		organisation, err = h.st.Reserve(ctx, "organisation", 1, 0)
	}
	if err != nil {
		return entente.Receipt{}, err
	}
	id := h.id()
	var r entente.Receipt
	err = h.st.Update(ctx, func(t *store.Tx) error {
		f, err := t.Facts(ctx, a, c)
		if err != nil {
			return err
		}
		for range f.NewFeeds() {
			f.NewIDs = append(f.NewIDs, h.id())
		}
		f.NewAgreement = agreement
		f.Now, f.NewID, f.NewFeed, f.NextContent, f.NewOrganisation = h.now, id, feed, content, organisation
		ch, err := entente.Decide(c, f)
		if err != nil {
			return err
		}
		r = ch.Receipt
		return t.Apply(ctx, ch)
	})
	return r, err
}

func (h *harness) do(c entente.Command) entente.Receipt {
	h.t.Helper()
	h.now += 1000
	r, err := h.try(entente.LocalActor(), c)
	if err != nil {
		h.t.Fatalf("%T: %v", c, err)
	}
	return r
}

func (h *harness) view(f func(context.Context, *store.Tx) error) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.st.View(ctx, func(t *store.Tx) error { return f(ctx, t) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) collection(name string) entente.Collection {
	h.t.Helper()
	id := h.do(entente.AddCollection{Name: name}).ID
	return h.reread(id)
}

func (h *harness) reread(id string) entente.Collection {
	h.t.Helper()
	var c []entente.Collection
	h.view(func(ctx context.Context, t *store.Tx) (err error) {
		c, err = t.CollectionsNamed(ctx, id)
		return err
	})
	if len(c) != 1 {
		h.t.Fatalf("%d collections are called %s", len(c), id)
	}
	return c[0]
}

// version makes a version of the n-th object of a type.
func version(typ string, n int, modified, contents string) *entente.Version {
	v := &entente.Version{
		ID:   entente.ObjectID(fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, n)),
		Type: typ, Spec: entente.Spec21,
	}
	if modified != "" {
		in, err := entente.ParseInstant(modified)
		if err != nil {
			panic(err)
		}
		v.Modified = in
	}
	v.Bytes = fmt.Appendf(nil, `{"id":%q,"modified":%q,"name":%q}`, v.ID, modified, contents)
	v.Digest = sha256.Sum256(v.Bytes)
	return v
}

func (h *harness) submit(c entente.Collection, vs ...*entente.Version) []entente.Result {
	h.t.Helper()
	return h.do(entente.Submit{Collection: c.ID, Versions: vs}).Results
}

// page reads everything that a filter shows, in pages of limit, and checks that bytes
// and digests belong together and that positions and times ascend.
func (h *harness) page(c entente.Collection, f entente.Filter, limit int) []entente.Entry {
	h.t.Helper()
	c = h.reread(c.ID)
	var out []entente.Entry
	after := int64(0)
	for range 10000 {
		var p entente.Page
		h.view(func(ctx context.Context, t *store.Tx) (err error) {
			p, err = t.Page(ctx, store.FeedQuery{Feed: c.Feed, After: after, Head: c.Head, Limit: limit, Filter: f, Bodies: true})
			return err
		})
		if p.More && len(p.Entries) != limit {
			h.t.Fatalf("a page of %d where %d were asked for, and more to come", len(p.Entries), limit)
		}
		for _, e := range p.Entries {
			if e.Digest != sha256.Sum256(e.Bytes) || !bytes.Contains(e.Bytes, []byte(e.ID)) {
				h.t.Fatalf("entry %+v has other bytes: %s", e, e.Bytes)
			}
			if n := len(out); n > 0 && (e.Seq <= out[n-1].Seq || e.Added <= out[n-1].Added) {
				h.t.Fatalf("entry %+v after %+v", e, out[n-1])
			}
			out = append(out, e)
		}
		if !p.More {
			return out
		}
		after = p.Next
	}
	h.t.Fatal("the pages do not end")
	return nil
}

// names brings entries into a short form: the object's number and its version.
func names(es []entente.Entry) []string {
	var out []string
	for _, e := range es {
		n := 0
		fmt.Sscanf(string(e.ID[len(e.ID)-12:]), "%d", &n)
		out = append(out, fmt.Sprintf("%s %d %s", e.ID.Type(), n, e.Stamp))
	}
	return out
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}
