package node_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente"
	"entente/node"
)

// pattern is an indicator with one comparison.
func pattern(i int, comparison string) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","pattern":%q,"pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`, i, "["+comparison+"]")
}

func lookup(t *testing.T, n *node.Node, who entente.Actor, limit int, values ...string) []node.Lookup {
	t.Helper()
	found, err := n.LookupValues(context.Background(), who, values, limit)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func numbers(l node.Lookup) []int {
	var out []int
	for _, m := range l.Matches {
		var i int
		fmt.Sscanf(string(m.Entry.ID[len(m.Entry.ID)-12:]), "%d", &i)
		out = append(out, i)
	}
	slices.Sort(out)
	return out
}

func TestLookupFindsWhatNamesAValue(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		ctx := context.Background()
		c, hidden := collection(t, n, "C"), collection(t, n, "Hidden")
		objects := []string{
			pattern(1, "ipv4-addr:value = '198.51.100.7'"),
			pattern(2, "ipv4-addr:value ISSUBSET '198.51.100.0/24'"),
			pattern(3, "ipv4-addr:value != '198.51.100.7'"),
			pattern(4, "domain-name:value = 'Mail.Example.COM' OR url:value = 'https://mail.example.com/x'"),
			pattern(5, "file:hashes.'SHA-256' = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'"),
			`{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--00000000-0000-4000-8000-000000000006","value":"198.51.100.7"}`,
			pattern(7, "ipv6-addr:value ISSUBSET '2001:db8::/32'"),
		}
		if _, _, err := intake(t, n, c, strings.NewReader(bundle(objects...))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := intake(t, n, hidden, strings.NewReader(pattern(8, "ipv4-addr:value = '198.51.100.7'"))); err != nil {
			t.Fatal(err)
		}
		if err := n.CatchUp(ctx, nil); err != nil {
			t.Fatal(err)
		}
		acc, err := n.Do(ctx, entente.LocalActor(), entente.AddAccount{Name: "reader"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Do(ctx, entente.LocalActor(), entente.SetGrant{Account: acc.ID, Collection: c.ID, Read: true}); err != nil {
			t.Fatal(err)
		}
		reader := entente.Actor{Account: entente.Account{ID: acc.ID}}
		for value, want := range map[string][]int{
			"198.51.100.7": {1, 2, 6}, " 198.51.100.7 ": {1, 2, 6}, "198.51.100.8": {2}, "198.51.101.7": nil, "198.51.100.0/25": {2},
			"198.51.100.0/24": {2}, "198.51.0.0/16": nil, "mail.example.com": {4}, "MAIL.example.com.": {4}, "https://MAIL.example.com/x": {4},
			strings.Repeat("a", 64): {5}, "2001:db8::1": {7}, "2001:db9::1": nil, "": nil, "'; DROP TABLE value; --": nil, "\x00": nil,
		} {
			if d := cmp.Diff(want, numbers(lookup(t, n, reader, 10, value)[0])); d != "" {
				t.Errorf("%q (-want +got):\n%s", value, d)
			}
		}
		if got := numbers(lookup(t, n, entente.LocalActor(), 10, "198.51.100.7")[0]); !slices.Contains(got, 8) {
			t.Errorf("an operator sees %v", got)
		}
		one := lookup(t, n, reader, 1, "198.51.100.7", "nothing.example")
		if len(one) != 2 || len(one[0].Matches) != 1 || !one[0].More || one[1].More {
			t.Errorf("limited: %+v", one)
		}
		// A version that no longer says so is not found, nor what was deleted.
		if _, err := n.Do(ctx, entente.LocalActor(), entente.DeleteObject{Collection: c.ID, Object: "ipv4-addr--00000000-0000-4000-8000-000000000006"}); err != nil {
			t.Fatal(err)
		}
		newer := strings.Replace(pattern(1, "ipv4-addr:value = '203.0.113.1'"), `"modified":"2026-01-01`, `"modified":"2026-01-02`, 1)
		if _, _, err := intake(t, n, c, strings.NewReader(newer)); err != nil {
			t.Fatal(err)
		}
		if err := n.CatchUp(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if got := numbers(lookup(t, n, reader, 10, "198.51.100.7")[0]); !slices.Equal(got, []int{2}) {
			t.Errorf("after changes: %v", got)
		}
		if _, err := n.LookupValues(ctx, reader, make([]string, node.MaxLookupValues+1), 1); entente.KindOf(err) != entente.TooLarge {
			t.Errorf("too many values: %v", err)
		}
	})
}

// Random addresses against random ranges: what is found is what the ranges hold.
func TestLookupOfRanges(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		r := rand.New(rand.NewPCG(rand.Uint64(), 3))
		c := collection(t, n, "C")
		address := func() netip.Addr { return netip.AddrFrom4([4]byte{198, 51, byte(r.IntN(4)), byte(r.IntN(256))}) }
		var ranges []netip.Prefix
		var objects []string
		for i := range 60 {
			p, err := address().Prefix(r.IntN(17) + 16)
			if err != nil {
				t.Fatal(err)
			}
			ranges = append(ranges, p)
			objects = append(objects, pattern(i, fmt.Sprintf("ipv4-addr:value ISSUBSET '%s'", p)))
		}
		if _, _, err := intake(t, n, c, strings.NewReader(bundle(objects...))); err != nil {
			t.Fatal(err)
		}
		if err := n.CatchUp(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		var values []string
		for range 200 {
			values = append(values, address().String())
		}
		for i, l := range lookup(t, n, entente.LocalActor(), 100, values...) {
			var want []int
			for k, p := range ranges {
				if p.Contains(netip.MustParseAddr(values[i])) {
					want = append(want, k)
				}
			}
			if d := cmp.Diff(want, numbers(l)); d != "" {
				t.Fatalf("%s (-want +got):\n%s", values[i], d)
			}
		}
	})
}

// What names a value is found behind any number of versions that named it and are not the
// last any more.
func TestLookupBehindManyVersions(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		c := collection(t, n, "C")
		objects := []string{pattern(1, "domain-name:value = 'old.example'"), pattern(3, "domain-name:value = 'old.example'")}
		for i := range 1200 {
			one := pattern(2, "domain-name:value = 'old.example'")
			objects = append(objects, strings.Replace(one, `"modified":"2026-01-01T00:00:00.000Z"`, fmt.Sprintf(`"modified":"2026-02-01T00:00:00.%06dZ"`, i), 1))
		}
		if rep, _, err := intake(t, n, c, strings.NewReader(strings.Join(objects, "\n"))); err != nil || rep.Added != len(objects) {
			t.Fatal(rep, err)
		}
		if err := n.CatchUp(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if got := numbers(lookup(t, n, entente.LocalActor(), 10, "old.example")[0]); !slices.Equal(got, []int{1, 2, 3}) {
			t.Fatal(got)
		}
		if got := lookup(t, n, entente.LocalActor(), 2, "old.example")[0]; len(got.Matches) != 2 || !got.More {
			t.Fatalf("%d matches, more %v", len(got.Matches), got.More)
		}
	})
}
