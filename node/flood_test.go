package node

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

// flood takes objects in, from a partner through an agreement or, with "", from home, and
// waits until the feeds have come to rest. What is allocated in all for that grows with the
// number of objects, and not with its square.
func (s *sharing) flood(actor entente.Actor, through string, objects []string) {
	s.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	_, err := s.n.Intake(s.Context(), actor, s.shelf, stix.NewReader(strings.NewReader(strings.Join(objects, "\n"))), IntakeOptions{Through: through,
		Each: func(r ItemResult) { s.must(r.Err) }})
	s.must(err)
	in := time.Since(began)
	s.must(s.n.SettleAll(s.Context()))
	runtime.ReadMemStats(&after)
	s.Logf("%d objects: %v to take in, %v to judge, %d MB allocated in all", len(objects), in, time.Since(began)-in, (after.TotalAlloc-before.TotalAlloc)>>20)
	if all := (after.TotalAlloc - before.TotalAlloc) >> 20; all > 600 {
		s.Errorf("%d MB were allocated for %d objects", all, len(objects))
	}
}

func flooding(typ string, n int, more string) string {
	return fmt.Sprintf(`{"type":"%s","spec_version":"2.1","id":"%s--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z",%s,%s}`, typ, typ, n, more, green)
}

const plainMalware = `"name":"m","is_family":false`

func linkTo(from, to int) string {
	return fmt.Sprintf(`"relationship_type":"uses","source_ref":"malware--00000000-0000-4000-8000-%012d","target_ref":"malware--00000000-0000-4000-8000-%012d"`, from, to)
}

// contributor is a service of the partner, and the agreement through which it posts.
func (s *sharing) contributor() (entente.Actor, string) {
	s.Helper()
	id := s.do(entente.AddAccount{Name: "siem", Organisation: s.partner, Service: true})
	all, err := s.n.Accounts(s.Context(), entente.LocalActor())
	s.must(err)
	for _, a := range all {
		if a.ID == id {
			return entente.Actor{Account: a.Account, At: s.n.Now()}, agreementOf(s, s.n, "north").ID
		}
	}
	s.Fatal("the account is not there")
	return entente.Actor{}, ""
}

// entryCount counts what stands in the feed of an agreement.
func (s *sharing) entryCount(name string) (n int64) {
	s.Helper()
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		a, err := t.Agreement(s.Context(), name)
		if err != nil {
			return err
		}
		n, err = t.Entries(s.Context(), a.Feeds[0].Feed, a.Feeds[0].Head)
		return err
	}))
	return n
}

// What is meant to cost much: each comes to rest with what it ought to, and the doctor finds
// nothing.
func TestFloods(t *testing.T) {
	versions := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`{"type":"malware","spec_version":"2.1","id":"malware--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00.%06dZ",%s,%s}`, i, plainMalware, green))
		}
		return out
	}
	for engine, url := range storetest.URLs() {
		many, star, big := 5_000, 20_000, 10_000
		if engine == "postgres" { // the rules are the same, and what they cost
			many, star, big = 1_000, 4_000, 2_000
		}
		for name, c := range map[string]struct {
			floods [][]string
			want   []int64
			// contributed tells that a partner does it, through its agreement.
			contributed bool
		}{
			"versions of one object":                {[][]string{versions(many)}, []int64{int64(many)}, false},
			"versions of one object from a partner": {[][]string{versions(many)}, []int64{int64(many)}, true},
			"a star that waits for one object": {[][]string{
				append([]string{flooding("malware", 2, plainMalware)}, each(star, func(n int) string { return flooding("relationship", n, linkTo(2, 1)) })...),
				{flooding("malware", 1, plainMalware)},
			}, []int64{1, int64(star) + 2}, true},
			"a chain, its end last": {[][]string{
				each(many, func(n int) string {
					return flooding("report", n, fmt.Sprintf(`"name":"r","published":"2026-01-01T00:00:00Z","object_refs":["report--00000000-0000-4000-8000-%012d"]`, n+1))
				}),
				{flooding("report", many, `"name":"r","published":"2026-01-01T00:00:00Z","object_refs":["malware--00000000-0000-4000-8000-000000000001"]`)},
				{flooding("malware", 1, plainMalware)},
			}, []int64{0, 0, int64(many) + 2}, false},
			"a circle": {[][]string{each(many, func(n int) string {
				return flooding("report", n, fmt.Sprintf(`"name":"r","published":"2026-01-01T00:00:00Z","object_refs":["report--00000000-0000-4000-8000-%012d"]`, (n+1)%many))
			})}, []int64{int64(many)}, false},
			"a report of everything": {[][]string{
				append(each(big-1, func(n int) string { return flooding("malware", n, plainMalware) }),
					flooding("report", 1, `"name":"r","published":"2026-01-01T00:00:00Z","object_refs":["malware--00000000-0000-4000-8000-`+strings.Join(each(big, func(n int) string { return fmt.Sprintf("%012d", n) }), `","malware--00000000-0000-4000-8000-`)+`"]`)),
				{flooding("malware", big-1, plainMalware)},
			}, []int64{int64(big) - 1, int64(big) + 1}, true},
			"references to what nobody has": {[][]string{each(many, func(n int) string { return flooding("relationship", n, linkTo(n, n+1)) })}, []int64{0}, true},
		} {
			t.Run(engine+" "+name, func(t *testing.T) {
				s := newSharing(t, url(t), nil)
				who, through := entente.LocalActor(), ""
				if c.contributed {
					who, through = s.contributor()
				}
				for i, objects := range c.floods {
					s.flood(who, through, objects)
					if got := s.entryCount("north"); got != c.want[i] {
						t.Errorf("after %d objects %d entries, want %d", len(objects), got, c.want[i])
					}
				}
			})
		}
	}
}

func each(n int, of func(int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = of(i)
	}
	return out
}

// An agreement over a collection that holds nothing, and one for dialogue that covers none,
// are put in force like any other, and are never behind.
func TestNothingToRelease(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newSharing(t, url(t), nil)
			s.expect("north", "")
			s.agree("talks", func(t *entente.Terms) {
				t.Collections, t.Highest, t.Members[0].Flow = nil, entente.TLPNone, 0
			})
			for _, name := range []string{"north", "talks"} {
				if a := agreementOf(s, s.n, name); a.State != entente.Active || a.Work != nil {
					t.Errorf("%+v", a.Agreement)
				}
			}
			behind, err := s.n.agreementsBehind(t.Context())
			s.must(err)
			if len(behind) != 0 {
				t.Errorf("%v are behind", behind)
			}
			s.take(malware(1, green))
			s.expect("north", "01")
			s.sound()
		})
	}
}
