package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

// hire makes a person of home with roles, who signs in from now on.
func (s *sharing) hire(name string, roles ...entente.Role) entente.Actor {
	s.Helper()
	s.do(entente.AddAccount{Name: name, Roles: roles})
	return s.signedIn(name)
}

func (s *sharing) signedIn(name string) entente.Actor {
	s.Helper()
	var acc *entente.Account
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) (err error) {
		acc, err = t.AccountByName(s.Context(), name)
		return err
	}))
	return entente.Actor{Account: *acc, At: s.n.Now()}
}

func (s *sharing) doAs(a entente.Actor, c entente.Command) string {
	s.Helper()
	r, err := s.n.Do(s.Context(), a, c)
	if err != nil {
		s.Fatalf("%T: %v", c, err)
	}
	return r.ID
}

func (s *sharing) refuse(kind entente.Kind, text string, a entente.Actor, c entente.Command) {
	s.Helper()
	_, err := s.n.Do(s.Context(), a, c)
	if entente.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), text) {
		s.Errorf("%+v: %v, not %v with %q", c, err, kind, text)
	}
}

func (s *sharing) agreement(name string) entente.Agreement {
	s.Helper()
	var a *entente.Agreement
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) (err error) {
		a, err = t.Agreement(s.Context(), name)
		return err
	}))
	return *a
}

// onEngines runs a test on a node with one agreement, on both engines.
func onEngines(t *testing.T, change func(*entente.Terms), f func(s *sharing)) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) { f(newSharing(t, url(t), change)) })
	}
}

func idOf(kind string, n int) entente.ObjectID {
	return entente.ObjectID(fmt.Sprintf("%s--00000000-0000-4000-8000-0000000000%02d", kind, n))
}

func malwareAt(n int, modified, marking string) string {
	return strings.Replace(malware(n, marking), `"modified":"2026-01-01T00:00:00Z"`, `"modified":"`+modified+`"`, 1)
}

func digestOf(object string) entente.Digest {
	v, _ := stix.Parse([]byte(object))
	return v.Digest
}

func (s *sharing) decide(action entente.Action, object string) entente.TakeDecision {
	v, _ := stix.Parse([]byte(object))
	return entente.TakeDecision{Agreement: s.agreement("north").ID, Object: v.ID, Digest: v.Digest, Action: action, Text: "seen"}
}

func TestApprovals(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Approval = entente.TLPGreen }, func(s *sharing) {
		ann, bob, cy := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser), s.hire("cy", entente.Analyst)
		one := malware(1, green)
		s.take(one, malware(2, green))
		s.expect("north", "")
		s.refuse(entente.Unauthenticated, "--as", entente.LocalActor(), s.decide(entente.Approve, one))
		s.refuse(entente.Forbidden, "releaser", cy, s.decide(entente.Approve, one))
		unsaid := s.decide(entente.Approve, one)
		unsaid.Text = " "
		s.refuse(entente.Invalid, "justification", ann, unsaid)
		whole := s.decide(entente.Approve, one)
		whole.Digest = entente.Digest{}
		s.refuse(entente.Invalid, "which version", ann, whole)
		s.refuse(entente.NotFound, "digest", ann, entente.TakeDecision{Agreement: whole.Agreement, Object: whole.Object, Digest: digestOf(malware(2, green)), Action: entente.Approve, Text: "x"})
		s.refuse(entente.NotFound, "holds", ann, s.decide(entente.Approve, malware(9, green)))

		s.doAs(ann, s.decide(entente.Approve, one))
		s.expect("north", "")
		s.refuse(entente.Conflict, "another person", ann, s.decide(entente.Approve, one))
		s.doAs(bob, s.decide(entente.Approve, one))
		s.expect("north", "01")
		s.refuse(entente.Conflict, "already", bob, s.decide(entente.Approve, one))
		s.refuse(entente.Conflict, "withdraw", bob, s.decide(entente.Refuse, one))

		// What was withdrawn comes back by two new words.
		s.doAs(ann, s.decide(entente.Withdraw, one))
		s.expect("north", "")
		s.doAs(ann, s.decide(entente.Approve, one))
		s.expect("north", "")
		s.doAs(bob, s.decide(entente.Approve, one))
		s.expect("north", "01")

		// Who declared a conflict decides no more.
		s.doAs(ann, entente.DeclareInterest{Account: ann.Account.ID, About: s.partner, Reason: "worked there"})
		s.refuse(entente.Forbidden, "recused", ann, s.decide(entente.Approve, malware(2, green)))
	})
}

func TestUrgentRelease(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Approval = entente.TLPGreen }, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		now := s.n.now
		one := malware(1, green)
		s.take(one)
		s.expect("north", "")
		s.refuse(entente.Conflict, "no urgent release", bob, s.decide(entente.Reviewed, one))
		s.doAs(ann, s.decide(entente.Urgent, one))
		s.expect("north", "01")
		s.refuse(entente.Forbidden, "second person", ann, s.decide(entente.Reviewed, one))
		q, err := s.n.Queue(s.Context(), ann, QueueOptions{Limit: 10})
		s.must(err)
		if len(q.Owed) != 1 || q.Owed[0].Overdue(s.n.Now()) {
			s.Errorf("urgent releases to review: %+v", q.Owed)
		}
		s.n.now = func() int64 { return now() + entente.ReviewWithin + 1 }
		ex, err := s.n.Doctor(s.Context(), entente.LocalActor(), nil)
		s.must(err)
		if !slices.ContainsFunc(ex.Complaints, func(f Complaint) bool { return strings.Contains(f.Text, "has not been reviewed") }) {
			s.Errorf("the doctor says nothing of the review: %+v", ex.Complaints)
		}
		s.must(s.n.WatchStops(s.Context()))
		if s.n.meters.owed.Get() != 1 {
			s.Error("no metric tells of the review")
		}
		s.doAs(bob, s.decide(entente.Reviewed, one))
		s.refuse(entente.Conflict, "no urgent release", bob, s.decide(entente.Reviewed, one))
		s.must(s.n.WatchStops(s.Context()))
		if s.n.meters.owed.Get() != 0 {
			s.Error("the metric stays")
		}
		s.expect("north", "01")
	})
}

// The review of an urgent release is owed whatever becomes of it: the object may be deleted and
// the agreement ended meanwhile. Nothing else is decided then.
func TestReviewOfWhatIsOver(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Approval = entente.TLPGreen }, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		deleted, stays := malware(1, green), malware(2, green)
		s.take(deleted, stays)
		s.doAs(ann, s.decide(entente.Urgent, deleted))
		s.doAs(ann, s.decide(entente.Urgent, stays))
		s.expect("north", "01 02")
		s.do(entente.DeleteObject{Collection: s.shelf, Object: idOf("malware", 1)})
		s.expect("north", "02")
		s.refuse(entente.Forbidden, "second person", ann, s.decide(entente.Reviewed, deleted))
		s.doAs(bob, s.decide(entente.Reviewed, deleted))
		s.refuse(entente.Conflict, "no urgent release", bob, s.decide(entente.Reviewed, deleted))
		s.doAs(ann, entente.EndAgreement{Agreement: s.agreement("north").ID, Reason: "over"})
		s.refuse(entente.Forbidden, "second person", ann, s.decide(entente.Reviewed, stays))
		s.doAs(bob, s.decide(entente.Reviewed, stays))
		s.refuse(entente.Conflict, "no urgent release", bob, s.decide(entente.Reviewed, stays))
		s.refuse(entente.Conflict, "has ended", bob, s.decide(entente.Withdraw, stays))
		q, err := s.n.Queue(s.Context(), ann, QueueOptions{Limit: 10})
		s.must(err)
		if len(q.Owed) != 0 {
			s.Errorf("urgent releases to review: %+v", q.Owed)
		}
	})
}

func TestRestriction(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		s.take(malware(1, green), malware(2, green), link(50, 1, 2, green), malware(3, red))
		s.expect("north", "01 02 50")
		s.refuse(entente.Invalid, "either", ann, entente.RestrictObject{Object: idOf("malware", 1), Reason: "r"})
		s.refuse(entente.NotFound, "holds", ann, entente.RestrictObject{Object: idOf("malware", 9), Withdraw: true, Reason: "r"})
		s.refuse(entente.Invalid, "reason", ann, entente.RestrictObject{Object: idOf("malware", 1), Withdraw: true})

		// What no reader sees closes no feed: that would tell of it.
		s.doAs(ann, entente.RestrictObject{Object: idOf("malware", 3), Withdraw: true, Reason: "r"})
		if s.agreement("north").Closed {
			s.Error("a restriction of what is not released closed the feed")
		}
		id := s.doAs(ann, entente.RestrictObject{Object: idOf("malware", 1), To: entente.TLPAmber, Reason: "named a source"})
		if a := s.agreement("north"); !a.Closed || a.Open(s.partner, s.n.Now()) == nil {
			s.Error("the feed is open before the restriction has acted")
		}
		s.expect("north", "02")
		if s.agreement("north").Closed {
			s.Error("the feed stays closed")
		}
		s.refuse(entente.Forbidden, "second person", ann, entente.LiftRestriction{Restriction: id, Reason: "r"})
		s.doAs(bob, entente.LiftRestriction{Restriction: id, Reason: "cleared"})
		s.expect("north", "02 01 50")
		s.refuse(entente.Conflict, "lifted at", bob, entente.LiftRestriction{Restriction: id, Reason: "cleared"})
	})
}

func TestStricterNewerVersion(t *testing.T) {
	for _, c := range []struct {
		action entente.Action
		want   string
	}{{entente.Keep, "01"}, {entente.Withdraw, ""}, {entente.Tearline, ""}} {
		t.Run(c.action.String(), func(t *testing.T) {
			onEngines(t, nil, func(s *sharing) {
				ann := s.hire("ann", entente.Releaser)
				newer := malwareAt(1, "2026-02-01T00:00:00Z", red)
				s.take(malware(1, green))
				s.expect("north", "01")
				s.refuse(entente.Conflict, "nobody has to decide", ann, s.decide(entente.Keep, malware(1, green)))
				s.take(newer)
				s.expect("north", "01")
				q, err := s.n.Queue(s.Context(), ann, QueueOptions{Agreement: "north", Limit: 10})
				s.must(err)
				if len(q.Entries) != 1 || q.Entries[0].Reason != entente.AwaitsDecision || q.Entries[0].Digest != digestOf(newer) || len(q.Counts) != 1 || q.Counts[0].Count != 1 {
					s.Fatalf("the queue has %+v", q)
				}
				s.doAs(ann, s.decide(c.action, newer))
				s.expect("north", c.want)
				if q, err = s.n.Queue(s.Context(), ann, QueueOptions{Limit: 10}); err != nil || len(q.Entries) != 0 {
					s.Errorf("the queue has %+v, %v", q, err)
				}
				// The next stricter version asks anew.
				s.take(malwareAt(1, "2026-03-01T00:00:00Z", red))
				s.expect("north", c.want)
				q, err = s.n.Queue(s.Context(), ann, QueueOptions{Limit: 10})
				s.must(err)
				if len(q.Entries) != len(c.want)/2 {
					s.Errorf("the queue has %+v", q)
				}
			})
		})
	}
}

func TestStandingRelease(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Approval = entente.TLPGreen }, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		s.take(malware(1, green), malware(2, green), link(50, 1, 2, green))
		s.expect("north", "")
		home := s.agreement("north")
		propose := entente.ProposeStanding{Agreement: home.ID, Source: s.home(), Type: "malware", Ceiling: entente.TLPGreen,
			Until: s.n.Now() + entente.StandingMost/2, Text: "volume"}
		for text, change := range map[string]func(*entente.ProposeStanding){
			"90 days":        func(c *entente.ProposeStanding) { c.Until = s.n.Now() + 2*entente.StandingMost },
			"ended before":   func(c *entente.ProposeStanding) { c.Until = 1 },
			"no object type": func(c *entente.ProposeStanding) { c.Type = "Malware*" },
			"release up to":  func(c *entente.ProposeStanding) { c.Ceiling = entente.TLPAmber },
			"cover nothing":  func(c *entente.ProposeStanding) { c.Ceiling = entente.TLPClear },
			"justification":  func(c *entente.ProposeStanding) { c.Text = "" },
		} {
			c := propose
			change(&c)
			s.refuse(entente.Invalid, text, ann, c)
		}
		id := s.doAs(ann, propose)
		s.expect("north", "")
		s.refuse(entente.Forbidden, "second person", ann, entente.AgreeStanding{Order: id})
		s.doAs(bob, entente.AgreeStanding{Order: id})
		s.expect("north", "01 02")
		s.take(malware(3, green))
		s.expect("north", "01 02 03")
		s.doAs(ann, entente.EndStanding{Order: id})
		s.take(malware(4, green))
		s.expect("north", "01 02 03")
		s.refuse(entente.Conflict, "ended at", bob, entente.EndStanding{Order: id})
	})
}

func (s *sharing) home() string {
	s.Helper()
	var home entente.Organisation
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) (err error) {
		home, err = t.Home(s.Context())
		return err
	}))
	return home.ID
}

// TestExplainAgreesWithTheApplier builds worlds at random, and holds what Explain says
// against what stands once the feeds have come to rest.
func TestExplainAgreesWithTheApplier(t *testing.T) {
	s := newSharing(t, storetest.URLs()["sqlite"](t), nil)
	ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++
		name := fmt.Sprintf("w%d", world)
		s.shelf = s.do(entente.AddCollection{Name: name})
		s.agree(name, func(t *entente.Terms) {
			t.Highest = rapid.SampledFrom([]entente.TLP{entente.TLPGreen, entente.TLPAmber}).Draw(rt, "highest")
			t.OpenReferences = rapid.IntRange(0, 5).Draw(rt, "open") == 0
			t.Approval = rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPNone, entente.TLPAmber, entente.TLPGreen}).Draw(rt, "approval")
			t.WithdrawOlder = rapid.Bool().Draw(rt, "withdraw older")
			t.Unmarked = rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPGreen}).Draw(rt, "unmarked")
			t.RequireDissent = rapid.Bool().Draw(rt, "require dissent")
		})
		agreement := s.agreement(name).ID
		markings := []string{green, green, green, red, amber, `"labels":["x"]`}
		var all []string
		draw := func() string {
			m := rapid.SampledFrom(markings).Draw(rt, "marking")
			n := rapid.IntRange(1, 4).Draw(rt, "n")
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0, 1:
				return link(50+n, n, rapid.IntRange(1, 4).Draw(rt, "to"), m)
			case 2:
				return opinionOn(70+n, n, m)
			}
			return malwareAt(n, fmt.Sprintf("2026-0%d-01T00:00:00Z", rapid.IntRange(1, 4).Draw(rt, "month")), m)
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0:
				if len(all) > 0 {
					x, _ := stix.Parse([]byte(rapid.SampledFrom(all).Draw(rt, "object")))
					who := rapid.SampledFrom([]entente.Actor{ann, bob}).Draw(rt, "who")
					action := rapid.SampledFrom([]entente.Action{entente.Approve, entente.Approve, entente.Refuse, entente.Keep, entente.Withdraw, entente.Urgent}).Draw(rt, "action")
					s.n.Do(s.Context(), who, entente.TakeDecision{Agreement: agreement, Object: x.ID, Digest: x.Digest, Action: action, Text: "x"}) // it may be refused
				}
			case 1:
				if len(all) > 0 {
					x, _ := stix.Parse([]byte(rapid.SampledFrom(all).Draw(rt, "object")))
					s.n.Do(s.Context(), entente.LocalActor(), entente.DeleteObject{Collection: s.shelf, Object: x.ID, Versions: entente.VersionFilter{All: true}})
				}
			case 2:
				s.must(s.n.Settle(s.Context(), name, nil))
			default:
				var batch []string
				for range rapid.IntRange(1, 4).Draw(rt, "batch") {
					batch = append(batch, draw())
				}
				s.take(batch...)
				all = append(all, batch...)
			}
		}
		s.must(s.n.Settle(s.Context(), name, nil))
		a := s.agreement(name)
		for _, o := range all {
			v, _ := stix.Parse([]byte(o))
			x, err := s.n.Explain(s.Context(), ann, name, v.ID)
			if entente.KindOf(err) == entente.NotFound && err != nil {
				continue // it was deleted
			}
			if err != nil {
				rt.Fatal(err)
			}
			entries := s.entries(a, v.ID)
			rested := 0
			for _, e := range x.Submissions {
				if len(e.Verdict.Steps) != 8 {
					rt.Errorf("%s: %d rules, not 8: %+v", v.ID, len(e.Verdict.Steps), e.Verdict.Steps)
				}
				stands := e.Entry != nil
				if stands {
					rested++
				}
				if says := e.Verdict.Ruling == entente.Released && !e.Contested; says != stands {
					rt.Errorf("%s of %s: stands %v, and explain says %v: %+v", v.ID, e.VersionName(), stands, e.Verdict.Ruling, e.Verdict)
				}
				if e.Ahead {
					rt.Errorf("%s is ahead of a feed that has come to rest", v.ID)
				}
			}
			if rested != entries {
				rt.Errorf("%s has %d entries, and explain knows of %d: %+v", v.ID, entries, rested, x.Submissions)
			}
		}
	})
}

const amber = `"object_marking_refs":["marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"]`

// opinionOn is dissent from a malware.
func opinionOn(n, about int, marking string) string {
	return fmt.Sprintf(`{"type":"opinion","spec_version":"2.1","id":"opinion--00000000-0000-4000-8000-0000000000%02d","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","opinion":"strongly-disagree","object_refs":["malware--00000000-0000-4000-8000-0000000000%02d"],%s}`, n, about, marking)
}

// entries counts the live entries of an object in an agreement's feeds.
func (s *sharing) entries(a entente.Agreement, id entente.ObjectID) (n int) {
	s.Helper()
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		n = 0
		for _, f := range a.Feeds {
			known, err := t.Known(s.Context(), f.Feed, []entente.ObjectID{id})
			if err != nil {
				return err
			}
			for _, k := range known[id] {
				for _, l := range k.Lines {
					if l.Live() {
						n++
					}
				}
			}
		}
		return nil
	}))
	return n
}

// TestDecisionWhileJudging restricts an object between the moment at which it is judged and
// the one at which it would enter: it must not.
func TestDecisionWhileJudging(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.take(malware(1, green), malware(2, green))
		a := s.agreement("north")
		p := &applier{n: s.n, num: a.Num}
		defer p.drop()
		var r *turn
		s.must(s.n.st.View(s.Context(), func(t *store.Tx) (err error) {
			r, err = p.read(s.Context(), t, &a, []int64{a.Feeds[0].Seen}, []int64{a.Feeds[0].LogHead})
			return err
		}))
		if r.write.Entered != 2 {
			s.Fatalf("%d entries would enter, not 2", r.write.Entered)
		}
		s.doAs(ann, entente.RestrictObject{Object: idOf("malware", 1), Withdraw: true, Reason: "r"})
		if err := p.put(s.Context(), r, r.write); err == nil || entente.KindOf(err) != entente.Conflict {
			s.Errorf("what was judged before the restriction was written: %v", err)
		}
		s.expect("north", "02")
	})
}

// TestDecisionWhileStaging restricts an object that is staged and not visible: it is judged
// again before the change becomes visible.
func TestDecisionWhileStaging(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.take(malware(1, green), malware(2, green))
		s.expect("north", "01 02")
		a := s.agreement("north")
		a.Work = &entente.Work{ID: "w", To: entente.Active, Version: 1, Step: entente.AgreementStep{At: s.n.Now(), Action: entente.StepActivate, From: entente.Active, To: entente.Active, Version: 1}}
		s.must(s.n.st.Update(s.Context(), func(tx *store.Tx) error { return tx.Apply(s.Context(), entente.Change{Agreement: &a}) }))
		s.must(s.n.holdingAs(s.Context(), applyJob(a.Num), leaseFor, func(_ context.Context, holder string) error {
			s.decideWhileStaging(a, holder, ann)
			return nil
		}))
		s.expect("north", "02")
		if s.agreement("north").Closed {
			s.Error("the feed stays closed")
		}
	})
}

// decideWhileStaging restricts an object between the last turn of a change and its flip.
func (s *sharing) decideWhileStaging(a entente.Agreement, holder string, ann entente.Actor) {
	s.Helper()
	st := &staging{applier: &applier{n: s.n, num: a.Num, holder: holder}, change: *a.Work}
	defer st.drop()
	for range 2 { // all is staged; the next turn would make it visible
		if more, err := st.once(s.Context()); err != nil || !more {
			break
		}
		if slices.Equal(st.at, st.upTo) {
			break
		}
	}
	var seen entente.Agreement
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		x, err := t.AgreementNum(s.Context(), a.Num)
		seen = *x
		return err
	}))
	s.doAs(ann, entente.RestrictObject{Object: idOf("malware", 1), Withdraw: true, Reason: "r"})
	s.must(s.n.CatchUp(s.Context(), nil))
	if done, err := st.flip(s.Context(), &seen); err != nil || done {
		s.Errorf("it became visible before the restriction was judged: %v, %v", done, err)
	}
	for {
		more, err := st.once(s.Context())
		s.must(err)
		if !more {
			break
		}
	}
}

// TestPermission lets a partner's object go on to another agreement once it permits that.
func TestPermission(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.do(entente.AddAccount{Name: "north-feed", Organisation: s.partner, Service: true})
		north := s.agreement("north")
		v, _ := stix.Parse([]byte(malware(1, green)))
		s.doAs(s.signedIn("north-feed"), entente.Submit{Collection: s.shelf, Through: north.ID, Versions: []*entente.Version{v}})
		s.expect("north", "01")
		from := s.partner
		s.partner = s.do(entente.AddPartner{Name: "South CERT"})
		s.agree("south", nil)
		s.expect("south", "")
		x, err := s.n.Explain(s.Context(), ann, "south", v.ID)
		s.must(err)
		if x.Submissions[0].Verdict.Reason != entente.NotOnward {
			s.Errorf("%+v", x.Submissions[0].Verdict)
		}
		c := entente.RecordConsent{Object: v.ID, Agreement: s.agreement("south").ID, Originator: from, Said: "duty officer, by telephone", Purpose: "takedown"}
		unsaid, late, other := c, c, c
		unsaid.Said, late.Until, other.Originator = "", 1, s.partner
		s.refuse(entente.Invalid, "who said so", ann, unsaid)
		s.refuse(entente.Invalid, "would have ended", ann, late)
		s.refuse(entente.NotFound, "has supplied no version", ann, other)
		s.refuse(entente.Unauthenticated, "--as", entente.LocalActor(), c)
		s.doAs(ann, c)
		s.expect("south", "01")
		all, _, err := s.n.Permissions(s.Context(), ann, "south")
		s.must(err)
		if len(all) != 1 || all[0].Said != c.Said {
			s.Errorf("%+v", all)
		}
	})
}

// TestReadsNeedARole tries everything that explains as accounts without a role.
func TestReadsNeedARole(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		s.take(malware(1, green))
		s.expect("north", "01")
		s.do(entente.AddAccount{Name: "north-feed", Organisation: s.partner, Service: true})
		nobody := s.hire("nobody")
		reviewer := s.hire("eve", entente.Reviewer)
		id := idOf("malware", 1)
		for name, read := range map[string]func(entente.Actor) error{
			"explain": func(a entente.Actor) error { _, err := s.n.Explain(s.Context(), a, "north", id); return err },
			"who":     func(a entente.Actor) error { _, err := s.n.Who(s.Context(), a, id); return err },
			"queue":   func(a entente.Actor) error { _, err := s.n.Queue(s.Context(), a, QueueOptions{Limit: 1}); return err },
			"preview": func(a entente.Actor) error {
				_, err := s.n.Preview(s.Context(), a, PreviewOptions{Lift: id})
				return err
			},
			"held-by": func(a entente.Actor) error {
				_, _, err := s.n.HeldBy(s.Context(), a, "North CERT", s.n.Now(), 1)
				return err
			},
			"standing":     func(a entente.Actor) error { _, _, err := s.n.StandingReleases(s.Context(), a, "north"); return err },
			"permissions":  func(a entente.Actor) error { _, _, err := s.n.Permissions(s.Context(), a, "north"); return err },
			"restrictions": func(a entente.Actor) error { _, _, err := s.n.Restrictions(s.Context(), a, id); return err },
			"concerns":     func(a entente.Actor) error { _, err := s.n.Concerns(s.Context(), a, "", id); return err },
		} {
			s.must(read(reviewer))
			for _, a := range []entente.Actor{nobody, s.signedIn("north-feed")} {
				if err := read(a); err == nil || entente.KindOf(err) != entente.Forbidden {
					s.Errorf("%s as %s: %v", name, a.Account.Name, err)
				}
			}
		}
		if _, err := s.n.Tearline(s.Context(), reviewer, "north", id, TearlineOptions{Name: "x"}); entente.KindOf(err) != entente.Forbidden {
			s.Errorf("a reviewer drafts: %v", err)
		}
	})
}

// A stricter version asks for a decision about older ones that stand. Where what stands is
// newer than it, there is nothing to decide.
func TestNothingToDecideBehindANewerVersion(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.take(malware(1, red))
		s.take(malwareAt(1, "2026-02-01T00:00:00Z", green))
		s.expect("north", "01")
		s.amend("north", s.agreement("north").Terms) // judges it again
		s.expect("north", "01")
		q, err := s.n.Queue(s.Context(), ann, QueueOptions{Limit: 10})
		s.must(err)
		if len(q.Entries) != 0 {
			s.Errorf("the queue has %+v", q)
		}
		x, err := s.n.Explain(s.Context(), ann, "north", entente.ObjectID("malware--00000000-0000-4000-8000-000000000001"))
		s.must(err)
		for _, v := range x.Submissions {
			if v.Undecided {
				s.Errorf("somebody is asked to decide because of %+v", v)
			}
		}
		s.refuse(entente.Conflict, "nobody has to decide", ann, s.decide(entente.Keep, malware(1, red)))
	})
}
