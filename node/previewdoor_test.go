package node

import (
	"strings"
	"testing"

	"entente"
	"entente/store"
)

// foreseen previews a change, and gives what it says of the one agreement.
func (s *sharing) foreseen(o PreviewOptions) PreviewOf {
	s.Helper()
	o.Limit = 100
	p, err := s.n.Preview(s.Context(), entente.LocalActor(), o)
	s.must(err)
	if len(p.Agreements) != 1 {
		s.Fatalf("%+v", p)
	}
	return p.Agreements[0]
}

// listed gives the ends of the ids of entries, with a star where one was served.
func listed(all []PreviewEntry) string {
	var out []string
	for _, e := range all {
		id := string(e.Object)
		if id = id[len(id)-2:]; e.Served {
			id += "*"
		}
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

// serve notes that the partner was sent a stretch of the feed.
func (s *sharing) serve(from, to int64) {
	s.Helper()
	feed := s.agreement("north").Feeds[0].ID
	s.must(s.n.st.Update(s.Context(), func(t *store.Tx) error {
		return t.PutServed(s.Context(), store.Served{Organisation: s.partner, Feed: feed, First: from, Last: to, At: s.n.now(), Log: 1, Index: 1})
	}))
}

// TestPreviewOfDoors previews each change that shuts readers out or lets them in, makes it,
// and holds what the partner had before and has after against what the preview said.
func TestPreviewOfDoors(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		clock := s.n.now()
		s.n.now = func() int64 { clock += 1000; return clock }
		a := s.agreement("north")
		s.take(malware(1, green), malware(2, green), malware(3, green))
		s.expect("north", "01 02 03")
		s.serve(1, 2)
		s.serve(2, 2)

		shut := func(what string, o PreviewOptions, want string) {
			t.Helper()
			p := s.foreseen(o)
			if got := listed(p.Leaving); !p.Shut || p.Opens || got != want || p.Leaves != p.Disclosed || p.Leaves != int64(len(p.Leaving)) || p.Served != int64(strings.Count(want, "*")) {
				s.Errorf("%s: %s, not %s: %+v", what, got, want, p)
			}
			if got := s.held(s.n.now()); got != strings.ReplaceAll(want, "*", "") {
				s.Errorf("%s: the partner reads %s", what, got)
			}
		}
		nothing := func(what string, o PreviewOptions, why string) {
			t.Helper()
			if p := s.foreseen(o); p.Shut || p.Opens || p.Enters+p.Leaves+p.Disclosed != 0 || !strings.Contains(p.Why, why) {
				s.Errorf("%s: %+v", what, p)
			}
		}
		opens := func(what string, o PreviewOptions, do func(), want string) {
			t.Helper()
			p := s.foreseen(o)
			do()
			s.must(s.n.Settle(s.Context(), "north", nil))
			if got := s.held(s.n.now()); !p.Opens || got != want || listed(p.Entering) != "" && strings.ReplaceAll(listed(p.Entering), "*", "") != want && o.LiftStop != "" {
				s.Errorf("%s: the partner reads %q, not %q; foreseen was %+v", what, got, want, p)
			}
		}
		shut("stop", PreviewOptions{Stop: s.partner}, "01* 02* 03")
		shut("suspend", PreviewOptions{Agreement: "north", Shut: true}, "01* 02* 03")
		// A stop, and lifting it with each choice of backlog.
		stop := s.doAs(ann, entente.PlaceStop{Organisation: s.partner, Reason: "r", Basis: "b"})
		nothing("stop again", PreviewOptions{Stop: s.partner}, "a stop stands")
		s.take(malware(4, green))
		s.expect("north", "01 02 03 04")
		since := "since:" + entente.FormatMicros(s.n.now())
		s.take(malware(5, green))
		s.expect("north", "01 02 03 04 05")
		for backlog, want := range map[string]string{"none": "01 02 03", "all": "01 02 03 04 05", since: "01 02 03 05"} {
			p := s.foreseen(PreviewOptions{LiftStop: s.partner, Backlog: backlog})
			if got := strings.ReplaceAll(listed(p.Entering), "*", ""); !p.Opens || got != want || p.Enters+p.LeftOut != 5 || int(p.Enters) != len(p.Entering) {
				s.Errorf("lift with %s: %s, not %s: %+v", backlog, got, want, p)
			}
		}
		if _, err := s.n.Preview(s.Context(), ann, PreviewOptions{LiftStop: s.partner}); entente.KindOf(err) != entente.Invalid {
			s.Errorf("without a choice of backlog: %v", err)
		}
		second := s.doAs(bob, entente.PlaceStop{Organisation: s.partner, Reason: "r", Basis: "b"})
		if _, err := s.n.Preview(s.Context(), ann, PreviewOptions{LiftStop: s.partner, Backlog: "all"}); entente.KindOf(err) != entente.Conflict {
			s.Errorf("where two stops stand: %v", err)
		}
		nothing("lift one of two", PreviewOptions{LiftStop: s.partner, Backlog: "all", StopID: stop}, "a stop stands")
		lift := func(stop, backlog string) {
			s.doAs(ann, entente.AskLift{Stop: stop, Reason: "r", Backlog: backlog})
			s.doAs(bob, entente.Lift{Stop: stop, Backlog: backlog})
		}
		lift(second, "all")
		opens("lift", PreviewOptions{LiftStop: s.partner, Backlog: since}, func() { lift(stop, since) }, "01 02 03 05")
		if _, err := s.n.Preview(s.Context(), ann, PreviewOptions{LiftStop: s.partner, Backlog: "all"}); entente.KindOf(err) != entente.Conflict {
			s.Errorf("where no stop stands: %v", err)
		}
		shut("stop after a gap", PreviewOptions{Stop: s.partner}, "01* 02* 03 05")

		// A suspension, during which something comes and something is withdrawn.
		s.settleAs(ann, "north", entente.SuspendAgreement{Agreement: a.ID, Reason: "r"})
		nothing("suspend again", PreviewOptions{Agreement: "north", Shut: true}, "suspended")
		nothing("stop while suspended", PreviewOptions{Stop: s.partner}, "suspended")
		s.take(malware(6, green))
		s.doAs(ann, entente.RestrictObject{Object: idOf("malware", 1), Withdraw: true, Reason: "r"})
		for backlog, want := range map[string]string{"none": "", "all": "06"} {
			p := s.foreseen(PreviewOptions{Agreement: "north", Backlog: backlog})
			if listed(p.Entering) != want || listed(p.Leaving) != "01*" || !p.Opens || p.Disclosed != 1 || p.Served != 1 {
				s.Errorf("restore with %s: %+v", backlog, p)
			}
		}
		opens("restore", PreviewOptions{Agreement: "north", Backlog: "all"}, func() {
			s.doAs(ann, entente.AcceptAgreement{Agreement: a.ID, Organisation: s.partner, Hash: a.Hash, Said: "by letter"})
			s.doAs(ann, entente.RestoreAgreement{Agreement: a.ID, Backlog: "all", Reason: "r"})
		}, "02 03 05 06")

		// What leaves by a decision stays with whoever was sent it.
		p := s.foreseen(PreviewOptions{Restrict: &entente.RestrictObject{Object: idOf("malware", 2), Withdraw: true, Reason: "r"}})
		if listed(p.Leaving) != "02*" || p.Disclosed != 1 || p.Served != 1 {
			s.Errorf("restrict: %+v", p)
		}
		s.settleAs(ann, "north", entente.EndAgreement{Agreement: a.ID, Reason: "r"})
		if _, err := s.n.Preview(s.Context(), ann, PreviewOptions{Agreement: "north", Shut: true}); entente.KindOf(err) != entente.Conflict {
			s.Errorf("after the end: %v", err)
		}
	})
}
