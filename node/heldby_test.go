package node

import (
	"fmt"
	"strings"
	"testing"

	"entente"
)

// settleAs takes a step of an agreement's life as somebody, and waits for it.
func (s *sharing) settleAs(a entente.Actor, name string, c entente.Command) {
	s.Helper()
	s.doAs(a, c)
	s.must(s.n.Settle(s.Context(), name, nil))
}

// held tells what the partner had been offered at a moment: the ends of ids, and whether the door was open.
func (s *sharing) held(at int64) string {
	s.Helper()
	all, _, err := s.n.HeldBy(s.Context(), entente.LocalActor(), s.partner, at, 100)
	s.must(err)
	if len(all) != 1 {
		s.Fatalf("holdings: %+v", all)
	}
	text := []string{}
	for _, f := range all[0].Feeds {
		if int(f.Count) != len(f.Entries) {
			s.Errorf("%d entries are counted, and %d listed", f.Count, len(f.Entries))
		}
		for _, e := range f.Entries {
			text = append(text, string(e.ID[len(e.ID)-2:]))
		}
	}
	if all[0].Why != "" {
		text = append(text, "shut")
	}
	return strings.Join(text, " ")
}

func TestHeldBy(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		start := s.n.now()
		clock := start
		s.n.now = func() int64 { clock++; return clock }
		var want []string
		var at []int64
		note := func(text string) { // what is held from now on until the next note
			clock += 1_000_000
			at, want = append(at, clock), append(want, text)
			clock += 1_000_000
		}
		a := s.agreement("north")
		note("")
		s.take(malware(1, green), malware(2, green))
		s.expect("north", "01 02")
		note("01 02")
		s.settleAs(ann, "north", entente.RestrictObject{Object: idOf("malware", 1), Withdraw: true, Reason: "r"})
		note("02")
		s.take(malware(3, green))
		s.expect("north", "02 03")
		note("02 03")
		s.settleAs(ann, "north", entente.SuspendAgreement{Agreement: a.ID, Reason: "r"})
		note("02 03 shut")
		s.take(malware(4, green))
		s.doAs(bob, entente.LiftRestriction{Restriction: s.restriction(idOf("malware", 1)), Reason: "r"})
		note("02 03 shut")
		s.doAs(ann, entente.AcceptAgreement{Agreement: a.ID, Organisation: s.partner, Hash: a.Hash, Said: "by letter"})
		s.settleAs(ann, "north", entente.RestoreAgreement{Agreement: a.ID, Backlog: "all", Reason: "r"})
		note(s.live("north"))
		stop := s.doAs(ann, entente.PlaceStop{Organisation: s.partner, Reason: "r", Basis: "b"})
		before := s.live("north")
		note(before + " shut")
		s.take(malware(5, green))
		s.live("north")
		note(before + " shut")
		s.doAs(ann, entente.AskLift{Stop: stop, Reason: "r", Backlog: "none"})
		s.doAs(bob, entente.Lift{Stop: stop, Backlog: "none"})
		note(before) // what came during the stop was left out
		who, err := s.n.Who(s.Context(), ann, idOf("malware", 5))
		s.must(err)
		if len(who) != 1 || who[0].Sees || !strings.Contains(who[0].Through[0].Why, "left it out") {
			s.Errorf("who sees what came during the stop: %+v", who)
		}
		s.take(malware(6, green))
		s.live("north")
		note(before + " 06")
		for i := range at {
			if got := s.held(at[i]); got != want[i] {
				s.Errorf("at moment %d it held %q, not %q", i, got, want[i])
			}
		}
		if got := s.held(start - 3600_000_000); got != "shut" {
			s.Errorf("before the agreement it held %q", got)
		}
	})
}

func (s *sharing) restriction(id entente.ObjectID) string {
	s.Helper()
	all, _, err := s.n.Restrictions(s.Context(), entente.LocalActor(), id)
	s.must(err)
	if len(all) != 1 {
		s.Fatal(fmt.Sprint(all))
	}
	return all[0].ID
}
