package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"entente"
)

// TestAnewTakesOutWhatRefersToWhatLeft has other terms take out an object to which others
// refer that are judged by later turns: they leave in their own, and what refers to them and was
// judged before leaves with them. A preview says the same.
func TestAnewTakesOutWhatRefersToWhatLeft(t *testing.T) {
	for _, lines := range []int{1, 2, 1000} {
		t.Run(fmt.Sprint("windows of ", lines), func(t *testing.T) {
			onEngines(t, nil, func(s *sharing) {
				s.n.windows.lines = lines
				ann := s.hire("ann", entente.Releaser)
				made := func(n int) string {
					return strings.Replace(malware(n, green), `"name"`, `"created_by_ref":"`+string(idOf("identity", 90))+`","name"`, 1)
				}
				identity := strings.NewReplacer("malware", "identity", `,"is_family":false`, "").Replace(malware(90, green))
				s.take(link(51, 1, 12, green), link(52, 2, 3, green))
				s.take(malware(1, green), malware(2, green))
				s.take(identity, malware(3, green))
				for n := 4; n < 13; n++ {
					s.take(made(n))
				}
				s.take(link(53, 4, 5, green), link(54, 1, 2, green), strings.ReplaceAll(link(55, 53, 54, green), "malware--", "relationship--"))
				const all = "01 02 03 04 05 06 07 08 09 10 11 12 51 52 53 54 55 90"
				stands := func() string { return strings.Join(slices.Sorted(slices.Values(strings.Fields(s.live("north")))), " ") }
				if got := stands(); got != all {
					s.Fatalf("the feed has %s", got)
				}
				terms := s.agreement("north").Terms
				other := terms
				other.ExceptTypes = []string{"identity"}
				for _, to := range []struct {
					terms  entente.Terms
					expect string
					waits  int64
				}{{other, "01 02 03 52 54", 12}, {terms, all, 0}} {
					before := s.contents("north")
					p, err := s.n.Preview(s.Context(), ann, PreviewOptions{Agreement: "north", Terms: &to.terms, Limit: 100})
					s.must(err)
					s.amend("north", to.terms)
					after, q := s.contents("north"), p.Agreements[0]
					if got := stands(); got != to.expect {
						s.Errorf("the feed has %s, not %s", got, to.expect)
					}
					if want, got := without(after, before), listedIDs(q.Entering); !slices.Equal(want, got) {
						s.Errorf("entered %v, and the preview said %v", want, got)
					}
					if want, got := without(before, after), listedIDs(q.Leaving); !slices.Equal(want, got) {
						s.Errorf("left %v, and the preview said %v", want, got)
					}
					if q.Waits[entente.AwaitsReferences] != to.waits || q.Cascades != to.waits || q.Again != 0 {
						s.Errorf("%+v, and not %d that wait", q, to.waits)
					}
				}
			})
		})
	}
}
