package node

import (
	"maps"
	"testing"

	"entente"
	"entente/store/storetest"
)

// TestPreviewOfDissent previews dissent that is written and struck, does it, and compares what
// stands then.
func TestPreviewOfDissent(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newArguing(t, url(t), func(t *entente.Terms) { t.RequireDissent = true })
			ann := s.hire("ann", entente.Releaser)
			s.do(entente.SetGrant{Account: ann.Account.ID, Collection: s.shelf, Read: true})
			object, held, view, waits := "malware--"+uuidOf(10), "malware--"+uuidOf(20), "opinion--"+uuidOf(21), link(51, 30, 30, green)
			s.submit(s.home, madeObject(object, green, true))
			s.submit(s.home, opinion(view, "strongly-disagree", red, held))
			s.submit(s.home, madeObject(held, green, true))
			s.submit(s.home, waits)
			before := s.standing()
			if !before[entente.ObjectID(object)] || before[entente.ObjectID(held)] {
				t.Fatal(before)
			}
			for what, c := range map[string]struct {
				o      PreviewOptions
				enters int64
				waits  entente.Reason
			}{
				"written, and it goes":            {PreviewOptions{Dissent: &NewDissent{About: entente.ObjectID(object), Text: "x"}}, 1, entente.NoReason},
				"written, and it may not go":      {PreviewOptions{Dissent: &NewDissent{About: entente.ObjectID(object), Text: "x", Marking: entente.TLPRed}}, 0, entente.NoReason},
				"written about what waits":        {PreviewOptions{Dissent: &NewDissent{About: idOf("relationship", 51), Text: "x", Marking: entente.TLPRed}}, 0, entente.AwaitsDissent},
				"struck, and what it held enters": {PreviewOptions{Strike: entente.ObjectID(view)}, 1, entente.NoReason},
			} {
				c.o.Limit = 10
				p, err := s.n.Preview(t.Context(), ann, c.o)
				s.must(err)
				if len(p.Agreements) != 1 || p.Agreements[0].Enters != c.enters || p.Agreements[0].Leaves != 0 || c.waits != entente.NoReason && p.Agreements[0].Waits[c.waits] != 1 {
					t.Errorf("%s: %+v", what, p.Agreements)
				}
			}
			if after := s.standing(); !maps.Equal(before, after) {
				t.Errorf("a preview changed what stands: %v", after)
			}
			_, err := s.n.Preview(t.Context(), ann, PreviewOptions{Strike: "opinion--" + entente.ObjectID(uuidOf(99))})
			if entente.KindOf(err) != entente.NotFound {
				t.Errorf("of dissent that there is not: %v", err)
			}
			_, err = s.n.Dissent(t.Context(), ann, NewDissent{About: entente.ObjectID(object), Text: "x"})
			s.must(err)
			if n := len(s.standing()); n != len(before)+1 {
				t.Errorf("%d objects stand after dissent that goes, not one more than %d", n, len(before))
			}
			_, err = s.n.Do(t.Context(), ann, entente.StrikeDissent{Dissent: entente.ObjectID(view), Reason: "r"})
			s.must(err)
			if after := s.standing(); !after[entente.ObjectID(held)] {
				t.Errorf("what was held back does not stand: %v", after)
			}
		})
	}
}
