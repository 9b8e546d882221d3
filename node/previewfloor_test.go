package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/stix"
	"entente/store/storetest"
)

// came holds what a change made of an agreement's feeds against what its preview said.
func came(before, after []string, p PreviewOf) error {
	if want, got := without(after, before), listedIDs(p.Entering); !slices.Equal(want, got) || int64(len(want)) != p.Enters {
		return fmt.Errorf("entered %v, and the preview said %v (%d)", want, got, p.Enters)
	}
	if want, got := without(before, after), listedIDs(p.Leaving); !slices.Equal(want, got) || int64(len(want)) != p.Leaves || p.Disclosed != p.Leaves {
		return fmt.Errorf("left %v, and the preview said %v (%d, of which disclosed %d)", want, got, p.Leaves, p.Disclosed)
	}
	return nil
}

// TestPreviewOfFloors builds worlds at random with two agreements over one collection, previews
// floors, sets them, and compares what both feeds hold then.
func TestPreviewOfFloors(t *testing.T) {
	s := newSharing(t, storetest.URLs()["sqlite"](t), nil)
	ann := s.hire("ann", entente.Releaser)
	levels := []entente.TLP{entente.TLPNone, entente.TLPClear, entente.TLPGreen, entente.TLPAmber, entente.TLPRed}
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++
		names := []string{fmt.Sprintf("one%d", world), fmt.Sprintf("two%d", world)}
		s.shelf = s.do(entente.AddCollection{Name: names[0]})
		s.n.windows.lines = rapid.SampledFrom([]int{1, 3, applyLines}).Draw(rt, "lines of a window")
		for _, name := range names {
			s.agree(name, func(t *entente.Terms) {
				t.Highest = rapid.SampledFrom([]entente.TLP{entente.TLPGreen, entente.TLPAmber}).Draw(rt, "highest")
				t.Unmarked = rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPGreen}).Draw(rt, "unmarked")
				t.Approval = rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPNone, entente.TLPAmber}).Draw(rt, "approval")
				t.OpenReferences = rapid.IntRange(0, 5).Draw(rt, "open") == 0
			})
		}
		for range rapid.IntRange(1, 4).Draw(rt, "batches") {
			var batch []string
			for range rapid.IntRange(1, 4).Draw(rt, "batch") {
				m := rapid.SampledFrom([]string{green, green, amber, red, `"labels":["x"]`}).Draw(rt, "marking")
				n := rapid.IntRange(1, 4).Draw(rt, "n")
				if rapid.IntRange(0, 2).Draw(rt, "what") == 0 {
					batch = append(batch, link(50+n, n, rapid.IntRange(1, 4).Draw(rt, "to"), m))
				} else {
					batch = append(batch, malwareAt(n, fmt.Sprintf("2026-0%d-01T00:00:00Z", rapid.IntRange(1, 4).Draw(rt, "month")), m))
				}
			}
			s.take(batch...)
		}
		s.must(s.n.SettleAll(s.Context()))
		have := entente.TLPNone
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			to := rapid.SampledFrom(levels).Draw(rt, "floor")
			c := entente.SetFloor{Collection: s.shelf, Floor: to, Reason: "r"}
			before := [][]string{s.contents(names[0]), s.contents(names[1])}
			p, err := s.n.Preview(s.Context(), ann, PreviewOptions{Floor: &c, Limit: 1000})
			if err != nil {
				rt.Fatal(err)
			}
			if p.Token != "" || len(p.Agreements) != 2 {
				rt.Fatalf("%+v", p)
			}
			for i, name := range names {
				if now := s.contents(name); !slices.Equal(before[i], now) {
					rt.Fatal("the preview changed the feeds")
				}
			}
			s.doAs(ann, c)
			s.must(s.n.SettleAll(s.Context()))
			for _, q := range p.Agreements {
				i := slices.Index(names, q.Agreement)
				if err := came(before[i], s.contents(q.Agreement), q); err != nil {
					rt.Errorf("from %v to %v in %s: %v", have, to, q.Agreement, err)
				}
				if (q.Why != "") != (to == have) {
					rt.Errorf("from %v to %v: %q", have, to, q.Why)
				}
			}
			have = to
		}
	})
}

// TestPreviewOfFloorTells previews floors where less happens than that all is judged anew.
func TestPreviewOfFloorTells(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.take(malware(1, green), malware(2, amber), link(50, 1, 1, green), malware(3, `"labels":["x"]`))
		s.expect("north", "01 50")
		s.serve(1, 1)
		amberFloor := PreviewOptions{Floor: &entente.SetFloor{Collection: s.shelf, Floor: entente.TLPAmber}}
		if p := s.foreseen(amberFloor); listed(p.Leaving) != "01* 50" || p.Disclosed != 2 || p.Served != 1 || !strings.Contains(p.Leaving[0].Why, "amber") || p.Stands != 2 {
			s.Errorf("%+v", p)
		}
		// What is not marked goes with the floor as its marking.
		if p := s.foreseen(PreviewOptions{Floor: &entente.SetFloor{Collection: s.shelf, Floor: entente.TLPGreen}}); listed(p.Entering) != "03" || p.Leaves != 0 {
			s.Errorf("%+v", p)
		}
		other := s.do(entente.AddCollection{Name: "Other"})
		p, err := s.n.Preview(s.Context(), ann, PreviewOptions{Floor: &entente.SetFloor{Collection: other, Floor: entente.TLPRed}})
		if err != nil || len(p.Agreements) != 0 {
			s.Errorf("of a collection that nobody covers: %+v, %v", p, err)
		}
		if _, err := s.n.Preview(s.Context(), ann, PreviewOptions{Floor: &entente.SetFloor{Collection: "none", Floor: entente.TLPRed}}); entente.KindOf(err) != entente.NotFound {
			s.Errorf("of a collection that there is not: %v", err)
		}
		// While it is being changed, the command refuses, and so does the preview.
		s.doAs(ann, entente.SetFloor{Collection: s.shelf, Floor: entente.TLPGreen, Reason: "r"})
		if _, err := s.n.Preview(s.Context(), ann, amberFloor); entente.KindOf(err) != entente.Conflict {
			s.Errorf("while another floor is set: %v", err)
		}
		s.expect("north", "01 50 03")
		// A suspension has it judged when it is restored.
		s.settleAs(ann, "north", entente.SuspendAgreement{Agreement: s.agreement("north").ID, Reason: "r"})
		if p := s.foreseen(amberFloor); p.Enters+p.Leaves != 0 || !strings.Contains(p.Why, "when it is restored") {
			s.Errorf("%+v", p)
		}
		before := s.contents("north")
		s.doAs(ann, entente.SetFloor{Collection: s.shelf, Floor: entente.TLPAmber, Reason: "r"})
		if !slices.Equal(before, s.contents("north")) {
			s.Error("a floor moved the feeds of an agreement that is suspended")
		}
	})
}

// TestPreviewOfAnotherStamp previews a floor by which what stands goes on as a copy with that
// marking: who has it without keeps it.
func TestPreviewOfAnotherStamp(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Highest = entente.TLPAmber }, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.take(malware(1, green), malware(2, amber))
		s.expect("north", "01 02")
		before := s.contents("north")
		c := entente.SetFloor{Collection: s.shelf, Floor: entente.TLPAmber, Reason: "r"}
		p := s.foreseen(PreviewOptions{Floor: &c})
		if listed(p.Entering) != "01" || listed(p.Leaving) != "01" || !strings.Contains(p.Leaving[0].Why, "another marking") {
			s.Errorf("%+v", p)
		}
		s.settleAs(ann, "north", c)
		if err := came(before, s.contents("north"), p); err != nil {
			s.Error(err)
		}
	})
}

// TestPreviewOfPermissions previews an originator's permission, records it, and compares.
func TestPreviewOfPermissions(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.do(entente.AddAccount{Name: "north-feed", Organisation: s.partner, Service: true})
		from, north := s.partner, s.agreement("north").ID
		var all []*entente.Version
		for _, o := range []string{malware(1, green), malware(2, amber)} {
			v, _ := stix.Parse([]byte(o))
			all = append(all, v)
		}
		s.doAs(s.signedIn("north-feed"), entente.Submit{Collection: s.shelf, Through: north, Versions: all})
		s.take(link(50, 1, 1, green), malware(3, green)) // the link waits for the object
		s.partner = s.do(entente.AddPartner{Name: "South CERT"})
		s.agree("south", nil)
		s.expect("south", "03")

		permit := func(n int, c entente.RecordConsent) PreviewOptions {
			c.Object = idOf("malware", n)
			if c.Originator == "" {
				c.Originator = from
			}
			return PreviewOptions{Agreement: "south", Permit: &c}
		}
		for what, c := range map[string]struct {
			o    PreviewOptions
			kind entente.Kind
		}{
			"of who supplied nothing":     {permit(1, entente.RecordConsent{Originator: s.partner}), entente.NotFound},
			"of home":                     {permit(3, entente.RecordConsent{Originator: s.home()}), entente.NotFound},
			"that would have ended":       {permit(1, entente.RecordConsent{Until: 1}), entente.Invalid},
			"of what there is not":        {permit(9, entente.RecordConsent{}), entente.NotFound},
			"for an agreement of nowhere": {PreviewOptions{Agreement: "east", Permit: &entente.RecordConsent{}}, entente.NotFound},
		} {
			if _, err := s.n.Preview(s.Context(), ann, c.o); entente.KindOf(err) != c.kind || err == nil {
				s.Errorf("a permission %s: %v", what, err)
			}
		}
		for n, enters := range map[int]string{1: "01 50", 2: ""} { // the other is too strict all the same
			o := permit(n, entente.RecordConsent{Said: "by telephone", Purpose: "takedown", Until: s.n.Now() + 1e12})
			before := s.contents("south")
			p := s.foreseen(o)
			if listed(p.Entering) != enters || !slices.Equal(before, s.contents("south")) {
				s.Errorf("%d: %+v", n, p)
			}
			c := *o.Permit
			c.Agreement = s.agreement("south").ID
			s.doAs(ann, c)
			s.must(s.n.Settle(s.Context(), "south", nil))
			if err := came(before, s.contents("south"), p); err != nil {
				s.Error(err)
			}
		}
		s.settleAs(ann, "south", entente.SuspendAgreement{Agreement: s.agreement("south").ID, Reason: "r"})
		if p := s.foreseen(permit(2, entente.RecordConsent{})); p.Enters != 0 || !strings.Contains(p.Why, "when it is restored") {
			s.Errorf("while it is suspended: %+v", p)
		}
		s.settleAs(ann, "south", entente.EndAgreement{Agreement: s.agreement("south").ID, Reason: "r"})
		if _, err := s.n.Preview(s.Context(), ann, permit(2, entente.RecordConsent{})); entente.KindOf(err) != entente.Conflict {
			s.Errorf("after the end: %v", err)
		}
	})
}

// TestPreviewOfStandingReleases previews standing releases that are proposed, agreed to and
// ended, does it, and compares.
func TestPreviewOfStandingReleases(t *testing.T) {
	asks := func(t *entente.Terms) { t.Highest, t.Approval = entente.TLPAmber, entente.TLPGreen }
	onEngines(t, asks, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		s.take(malware(1, green), malware(2, amber), malware(3, green), link(50, 1, 3, green), link(51, 1, 2, green))
		s.expect("north", "")
		g := s.agreement("north").ID
		c := entente.ProposeStanding{Agreement: g, Source: s.home(), Type: "malware", Ceiling: entente.TLPGreen, Until: s.n.Now() + entente.StandingMost/2, Text: "volume"}
		does := func(what string, o PreviewOptions, enters string, do func()) PreviewOf {
			t.Helper()
			o.Agreement = "north"
			before := s.contents("north")
			p := s.foreseen(o)
			if got := listed(p.Entering); got != enters || !slices.Equal(before, s.contents("north")) {
				s.Errorf("%s: %s enter, not %s: %+v", what, got, enters, p)
			}
			do()
			s.must(s.n.Settle(s.Context(), "north", nil))
			if err := came(before, s.contents("north"), p); err != nil {
				s.Errorf("%s: %v", what, err)
			}
			return p
		}
		refused := func(what string, kind entente.Kind, o PreviewOptions) {
			t.Helper()
			o.Agreement = "north"
			if _, err := s.n.Preview(s.Context(), ann, o); err == nil || entente.KindOf(err) != kind {
				s.Errorf("%s: %v", what, err)
			}
		}
		late := c
		late.Until += entente.StandingMost
		refused("for too long", entente.Invalid, PreviewOptions{Propose: &late})
		refused("of nowhere", entente.NotFound, PreviewOptions{Agree: "x"})
		var id string
		proposed := s.foreseen(PreviewOptions{Agreement: "north", Propose: &c})
		if listed(proposed.Entering) != "01 03" || proposed.Once == "" || proposed.Waits[entente.AwaitsApproval] == 0 {
			s.Errorf("proposed: %+v", proposed)
		}
		before := s.contents("north")
		if id = s.doAs(ann, c); !slices.Equal(before, s.contents("north")) {
			s.Error("a proposal alone let something go")
		}
		if p := s.foreseen(PreviewOptions{Agreement: "north", End: id}); !strings.Contains(p.Why, "only proposed") {
			s.Errorf("taken back: %+v", p)
		}
		if p := does("agreed", PreviewOptions{Agree: id}, "01 03", func() { s.doAs(bob, entente.AgreeStanding{Order: id}) }); p.Once != "" {
			s.Errorf("agreed: %+v", p)
		}
		refused("agreed again", entente.Conflict, PreviewOptions{Agree: id})
		// A second one beside it: what refers to what may go, goes; the other waits for it.
		c.Type = "relationship"
		links := s.doAs(ann, c)
		does("links", PreviewOptions{Agree: links}, "50", func() { s.doAs(bob, entente.AgreeStanding{Order: links}) })
		c.Type, c.Ceiling = "malware", entente.TLPAmber
		higher := s.doAs(ann, c)
		does("to a higher ceiling", PreviewOptions{Agree: higher}, "02 51", func() { s.doAs(bob, entente.AgreeStanding{Order: higher}) })
		if p := does("ended", PreviewOptions{End: id}, "", func() { s.doAs(ann, entente.EndStanding{Order: id}) }); !strings.Contains(p.Why, "stays") || p.Stands != 5 {
			s.Errorf("ended: %+v", p)
		}
		refused("ended again", entente.Conflict, PreviewOptions{End: id})
		s.settleAs(ann, "north", entente.SuspendAgreement{Agreement: g, Reason: "r"})
		if p := s.foreseen(PreviewOptions{Agreement: "north", Propose: &c}); p.Enters != 0 || !strings.Contains(p.Why, "when it is restored") {
			s.Errorf("while it is suspended: %+v", p)
		}
		s.settleAs(ann, "north", entente.EndAgreement{Agreement: g, Reason: "r"})
		refused("after the end", entente.Conflict, PreviewOptions{Propose: &c})
	})
}
