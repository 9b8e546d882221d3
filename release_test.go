package entente_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

// released is one submission with what its release rests on, all of it to be bent.
type released struct {
	s entente.Submission
	m entente.Matter
	c entente.Circumstances
	a entente.Agreement
	v entente.Version
}

const (
	aDay    = int64(24 * 3600 * 1_000_000)
	theNow  = int64(1_800_000_000_000_000)
	another = "another" // an agreement through which something came
)

func newReleased() *released {
	r := &released{v: entente.Version{ID: pool[0], Type: "tool", Spec: entente.Spec21, Confidence: 50, Labels: []string{"seen"},
		Markings: []entente.ObjectID{entente.TLPGreen.Definition()}, Digest: entente.Digest{1}}}
	r.v.Modified = entente.Instant{Micros: theNow - 10*aDay, Text: "then"}
	r.a = entente.Agreement{ID: "g", Feeds: []entente.ReleaseFeed{{Collection: "c0"}},
		Terms: entente.Terms{Collections: []string{"c0"}, Highest: entente.TLPAmber, Members: []entente.Member{{Organisation: "a", Flow: entente.Receives}}}}
	r.c = entente.Circumstances{Now: theNow, Home: "home", Agreement: &r.a, Floors: []entente.TLP{0},
		Define:  func(entente.ObjectID, string) entente.Definition { return entente.Definition{} },
		Others:  map[string]*entente.Terms{another: {Onward: true, Community: "x"}},
		Present: func(entente.ObjectID) bool { return false }}
	r.s = entente.Submission{Seq: 5, Content: 1, Key: r.v.Key(), Source: "home", Arrived: theNow - 5*aDay, Version: &r.v}
	r.m = entente.Matter{ID: r.v.ID}
	return r
}

func (r *released) release(telling bool) entente.Verdict {
	m, c := r.m, r.c
	m.Submissions = append([]entente.Submission{r.s}, r.m.Submissions...)
	c.Telling = telling
	return entente.Release(&r.s, &m, &c)
}

// stands lets the submission stand in the feed.
func (r *released) stands() {
	r.m.Standing = []entente.Standing{{Line: entente.Line{Seq: 1, Content: 1, Source: r.s.Source}, Of: 1, Key: r.s.Key, Spec: r.v.Spec}}
}

// newer adds a newer version of a source, marked so.
func (r *released) newer(source string, tlp entente.TLP) {
	v := r.v
	v.Modified.Micros += aDay
	v.Markings, v.Digest = []entente.ObjectID{tlp.Definition()}, entente.Digest{2}
	r.m.Submissions = append(r.m.Submissions, entente.Submission{Seq: 6, Content: 2, Key: v.Key(), Source: source, Arrived: theNow - aDay, Version: &v})
}

func (r *released) decide(account string, action entente.Action) {
	r.m.Decisions = append(r.m.Decisions, entente.Decision{Object: r.v.ID, Action: action, Account: account, Text: "so it is"})
}

func TestRelease(t *testing.T) {
	const ok, wait, no = entente.Released, entente.Pending, entente.Withheld
	for _, tc := range []struct {
		name   string
		bend   func(*released)
		ruling entente.Ruling
		reason entente.Reason
	}{
		{"plain", func(r *released) {}, ok, 0},
		// 1
		{"not covered", func(r *released) { r.a.Terms.Collections = nil }, no, entente.NotCovered},
		{"left out by backlog", func(r *released) { r.a.Feeds[0].Skips = []entente.Skip{{After: 4, UpTo: 5}} }, no, entente.LeftOut},
		{"after the skip", func(r *released) { r.a.Feeds[0].Skips = []entente.Skip{{After: 0, UpTo: 4}} }, ok, 0},
		{"since the time", func(r *released) { r.a.Feeds[0].Skips = []entente.Skip{{After: 0, UpTo: 9, Since: r.s.Arrived}} }, ok, 0},
		{"before the time", func(r *released) { r.a.Feeds[0].Skips = []entente.Skip{{After: 0, UpTo: 9, Since: r.s.Arrived + 1}} }, no, entente.LeftOut},
		{"left out, approved", func(r *released) { r.a.Feeds[0].Skips = []entente.Skip{{UpTo: 9}}; r.decide("p", entente.Approve) }, ok, 0},
		{"left out, stands", func(r *released) { r.a.Feeds[0].Skips = []entente.Skip{{UpTo: 9}}; r.stands() }, ok, 0},
		// 2
		{"too strict", func(r *released) { r.a.Terms.Highest = entente.TLPClear }, no, entente.TooStrict},
		{"unmarked", func(r *released) { r.v.Markings = nil }, no, entente.Unmarked},
		{"unmarked, stamped", func(r *released) { r.v.Markings = nil; r.a.Terms.Unmarked = entente.TLPGreen }, ok, 0},
		{"granular", func(r *released) { r.v.Granular = []entente.GranularMarking{{Marking: entente.TLPRed.Definition()}} }, no, entente.TooStrict},
		{"unknown", func(r *released) { r.v.Markings = append(r.v.Markings, pool[5]) }, no, entente.UnknownMarking},
		{"statement", func(r *released) {
			r.v.Markings = append(r.v.Markings, pool[5])
			r.c.Define = func(entente.ObjectID, string) entente.Definition {
				return entente.Definition{Kind: entente.StatementDefinition}
			}
		}, ok, 0},
		{"floor", func(r *released) { r.c.Floors[0] = entente.TLPAmberStrict }, no, entente.TooStrict},
		{"restricted", func(r *released) { r.m.Restriction = &entente.Restriction{To: entente.TLPRed} }, no, entente.Restricted},
		{"unmarked, restricted", func(r *released) {
			r.v.Markings, r.m.Restriction = nil, &entente.Restriction{To: entente.TLPGreen}
		}, no, entente.Unmarked},
		{"withdrawn by home", func(r *released) { r.m.Restriction = &entente.Restriction{Withdraw: true} }, no, entente.Restricted},
		{"red, whatever the terms", func(r *released) {
			r.v.Markings, r.a.Terms.Highest = []entente.ObjectID{entente.TLPRed.Definition()}, entente.TLPRed
			r.decide("p", entente.Approve)
			r.decide("q", entente.Urgent)
		}, no, entente.TooStrict},
		{"a definition needs no marking", func(r *released) { r.v.Type, r.v.Markings = "marking-definition", nil }, ok, 0},
		{"a definition that is marked", func(r *released) {
			r.v.Type, r.v.Markings = "marking-definition", []entente.ObjectID{entente.TLPRed.Definition()}
		}, no, entente.TooStrict},
		// 3
		{"through this agreement", func(r *released) { r.s.Via = "g" }, ok, 0},
		{"onward, green, no community", func(r *released) { r.s.Via = another }, no, entente.NotOnward},
		{"onward, green, the community", func(r *released) { r.s.Via = another; r.a.Terms.Community = "x" }, ok, 0},
		{"onward, closed terms", func(r *released) { r.s.Via = another; r.a.Terms.Community = "x"; r.c.Others[another].Onward = false }, no, entente.NotOnward},
		{"onward, amber to a client", func(r *released) {
			r.s.Via, r.v.Markings, r.a.Terms.Members[0].Client = another, []entente.ObjectID{entente.TLPAmber.Definition()}, true
		}, ok, 0},
		{"permitted", func(r *released) {
			r.s.Via = another
			r.m.Consents = []entente.Consent{{Agreement: "g", Originator: "home"}}
		}, ok, 0},
		{"permitted by another", func(r *released) {
			r.s.Via = another
			r.m.Consents = []entente.Consent{{Agreement: "g", Originator: "b"}}
		}, no, entente.NotOnward},
		{"permitted elsewhere", func(r *released) {
			r.s.Via = another
			r.m.Consents = []entente.Consent{{Agreement: "h", Originator: "home"}}
		}, no, entente.NotOnward},
		{"permission over", func(r *released) {
			r.s.Via = another
			r.m.Consents = []entente.Consent{{Agreement: "g", Originator: "home", Until: theNow}}
		}, no, entente.NotOnward},
		{"permission over, stands", func(r *released) {
			r.s.Via, r.m.Consents = another, []entente.Consent{{Agreement: "g", Originator: "home", Until: theNow}}
			r.stands()
		}, ok, 0},
		// 4
		{"type", func(r *released) { r.a.Terms.Types = []string{"report"} }, no, entente.WrongType},
		{"excepted type", func(r *released) { r.a.Terms.ExceptTypes = []string{"tool"} }, no, entente.WrongType},
		{"labels", func(r *released) { r.a.Terms.Labels = []string{"other"} }, no, entente.WrongLabels},
		{"excepted label", func(r *released) { r.a.Terms.ExceptLabels = []string{"seen"} }, no, entente.WrongLabels},
		{"confidence", func(r *released) { r.a.Terms.Confidence = 51 }, no, entente.LowConfidence},
		{"no confidence", func(r *released) { r.a.Terms.Confidence = 51; r.v.Confidence = -1 }, ok, 0},
		{"confidence needed", func(r *released) { r.a.Terms.NeedConfidence = true; r.v.Confidence = -1 }, no, entente.LowConfidence},
		{"age", func(r *released) { r.a.Terms.AgeDays = 9 }, no, entente.TooOld},
		{"age, to the day", func(r *released) { r.a.Terms.AgeDays = 10 }, ok, 0},
		{"age, stands", func(r *released) { r.a.Terms.AgeDays = 9; r.stands() }, ok, 0},
		// 5
		{"stricter newer", func(r *released) { r.newer("home", entente.TLPRed) }, no, entente.StricterNewer},
		{"stricter newer, stands", func(r *released) { r.newer("home", entente.TLPRed); r.stands() }, ok, 0},
		{"stricter newer, terms withdraw", func(r *released) { r.newer("home", entente.TLPRed); r.stands(); r.a.Terms.WithdrawOlder = true }, no, entente.StricterNewer},
		{"stricter newer, kept", func(r *released) {
			r.newer("home", entente.TLPRed)
			r.stands()
			r.a.Terms.WithdrawOlder = true
			r.m.Decisions = []entente.Decision{{Action: entente.Keep, Digest: entente.Digest{2}}}
		}, ok, 0},
		{"stricter newer, withdrawn", func(r *released) {
			r.newer("home", entente.TLPRed)
			r.stands()
			r.m.Decisions = []entente.Decision{{Action: entente.Withdraw, Digest: entente.Digest{2}}}
		}, no, entente.StricterNewer},
		{"stricter newer of another source", func(r *released) { r.newer("b", entente.TLPRed) }, ok, 0},
		{"laxer newer", func(r *released) { r.newer("home", entente.TLPClear) }, ok, 0},
		// 6
		{"a reference", func(r *released) { r.v.References = pool[1:2] }, wait, entente.AwaitsReferences},
		{"a reference that is there", func(r *released) {
			r.v.References = pool[1:2]
			r.c.Present = func(entente.ObjectID) bool { return true }
		}, ok, 0},
		{"to itself and to TLP", func(r *released) { r.v.References = []entente.ObjectID{pool[0], entente.TLPRed.Definition()} }, ok, 0},
		{"open references", func(r *released) { r.v.References = pool[1:2]; r.a.Terms.OpenReferences = true }, ok, 0},
		// 7
		{"approval", func(r *released) { r.a.Terms.Approval = entente.TLPGreen }, wait, entente.AwaitsApproval},
		{"below approval", func(r *released) { r.a.Terms.Approval = entente.TLPAmber }, ok, 0},
		{"one approval", func(r *released) { r.a.Terms.Approval = entente.TLPGreen; r.decide("p", entente.Approve) }, wait, entente.AwaitsApproval},
		{"one account twice", func(r *released) {
			r.a.Terms.Approval = entente.TLPGreen
			r.decide("p", entente.Approve)
			r.decide("p", entente.Approve)
		}, wait, entente.AwaitsApproval},
		{"two accounts", func(r *released) {
			r.a.Terms.Approval = entente.TLPGreen
			r.decide("p", entente.Approve)
			r.decide("q", entente.Approve)
		}, ok, 0},
		{"of another version", func(r *released) {
			r.a.Terms.Approval = entente.TLPGreen
			r.decide("p", entente.Approve)
			r.m.Decisions = append(r.m.Decisions, entente.Decision{Action: entente.Approve, Account: "q", Digest: entente.Digest{9}})
		}, wait, entente.AwaitsApproval},
		{"refused", func(r *released) { r.decide("p", entente.Refuse) }, no, entente.Refused},
		{"refused after two", func(r *released) {
			r.decide("p", entente.Approve)
			r.decide("q", entente.Approve)
			r.decide("r", entente.Refuse)
		}, no, entente.Refused},
		{"urgent", func(r *released) { r.a.Terms.Approval = entente.TLPGreen; r.decide("p", entente.Urgent) }, ok, 0},
		{"withdrawn", func(r *released) { r.decide("p", entente.Withdraw) }, no, entente.WithdrawnByDecision},
		{"withdrawn, approved again", func(r *released) { r.decide("p", entente.Withdraw); r.decide("p", entente.Approve) }, ok, 0},
		{"standing release", func(r *released) { r.standing(func(*entente.StandingRelease) {}) }, ok, 0},
		{"standing release over", func(r *released) { r.standing(func(o *entente.StandingRelease) { o.Until = theNow }) }, wait, entente.AwaitsApproval},
		{"standing release of one person", func(r *released) { r.standing(func(o *entente.StandingRelease) { o.By2 = "" }) }, wait, entente.AwaitsApproval},
		{"standing release ended", func(r *released) { r.standing(func(o *entente.StandingRelease) { o.Ended = 1 }) }, wait, entente.AwaitsApproval},
		{"standing release, lower ceiling", func(r *released) { r.standing(func(o *entente.StandingRelease) { o.Ceiling = entente.TLPClear }) }, wait, entente.AwaitsApproval},
		{"standing release, another source", func(r *released) { r.standing(func(o *entente.StandingRelease) { o.Source = "b" }) }, wait, entente.AwaitsApproval},
		// 8
		{"dissent carried", func(r *released) { r.dissent(false, theNow) }, ok, 0},
		{"dissent required", func(r *released) { r.dissent(false, theNow); r.a.Terms.RequireDissent = true }, wait, entente.AwaitsDissent},
		{"dissent that may go", func(r *released) { r.dissent(true, theNow); r.a.Terms.RequireDissent = true }, ok, 0},
		{"72 hours", func(r *released) { r.dissent(false, theNow-entente.DissentWait); r.a.Terms.RequireDissent = true }, ok, 0},
		{"a moment less", func(r *released) { r.dissent(false, theNow-entente.DissentWait+1); r.a.Terms.RequireDissent = true }, wait, entente.AwaitsDissent},
	} {
		r := newReleased()
		tc.bend(r)
		v, told := r.release(false), r.release(true)
		if v.Ruling != tc.ruling || v.Reason != tc.reason {
			t.Errorf("%s: %s for %q, want %s for %q", tc.name, v.Ruling, v.Reason, tc.ruling, tc.reason)
		}
		if len(told.Steps) != 8 {
			t.Fatalf("%s: %d steps are told", tc.name, len(told.Steps))
		}
		for i, s := range told.Steps {
			if s.Rule != entente.Rule(i+1) || s.Saw == "" {
				t.Errorf("%s: step %d is %+v", tc.name, i, s)
			}
		}
		told.Steps, v.Steps = nil, nil
		if !reflect.DeepEqual(v, told) {
			t.Errorf("%s: %+v, and with telling %+v", tc.name, v, told)
		}
	}
}

func (r *released) standing(bend func(*entente.StandingRelease)) {
	o := entente.StandingRelease{Source: "home", Type: "tool", Ceiling: entente.TLPGreen, From: theNow, Until: theNow + 1, By: "p", By2: "q"}
	bend(&o)
	r.c.Orders, r.a.Terms.Approval = []entente.StandingRelease{o}, entente.TLPGreen
}

func (r *released) dissent(releasable bool, since int64) {
	r.m.Dissent = []entente.Dissent{{Object: pool[6], Releasable: releasable, Since: since}}
}

// What goes with a release is told: stamps where home is stricter than the object, dissent,
// and that some stayed behind.
func TestReleaseTellsWhatGoesWithIt(t *testing.T) {
	r := newReleased()
	r.c.Floors[0] = entente.TLPAmber
	if v := r.release(false); v.Stamp != entente.TLPAmber {
		t.Errorf("the floor is stricter, and the stamp is %s", v.Stamp)
	}
	r = newReleased()
	r.dissent(true, theNow)
	if v := r.release(false); len(v.With) != 1 || v.With[0] != pool[6] || v.Contested {
		t.Errorf("with dissent that may go: %+v", v)
	}
	r.dissent(false, theNow)
	if v := r.release(false); len(v.With) != 0 || !v.Contested {
		t.Errorf("with dissent that may not go: %+v", v)
	}
	// What stands tells it too, as long as the dissent is not beside it, and is not held back.
	r.stands()
	if v := r.release(true); v.Ruling != entente.Released || !v.Contested || v.Steps[7].Saw != "it stands without dissent that is not released: it is contested" {
		t.Errorf("standing, with dissent that may not go: %+v", v)
	}
	r.dissent(true, theNow)
	if v := r.release(true); !v.Contested || len(v.With) > 0 || v.Ruling != entente.Released {
		t.Errorf("standing, with dissent that may go and is not there: %+v", v)
	}
	r.c.Present = func(id entente.ObjectID) bool { return id == pool[6] }
	if v := r.release(true); v.Contested || len(v.With) > 0 || v.Steps[7].Saw != "its dissent stands in the feed as well" {
		t.Errorf("standing, with dissent beside it: %+v", v)
	}
}

// Whatever is said of parts, readers learn what holds for the whole: they know nothing of home's floors and
// restrictions, and take what nothing marks as a whole for CLEAR.
func TestReleaseSaysWhatHoldsForTheWhole(t *testing.T) {
	level := rapid.SampledFrom([]entente.TLP{0, 1, 2, 3, 4, 5})
	rapid.Check(t, func(t *rapid.T) {
		r := newReleased()
		r.a.Terms.Highest, r.a.Terms.Unmarked = entente.TLPAmberStrict, level.Draw(t, "unmarked")
		whole, part := level.Draw(t, "whole"), level.Draw(t, "part")
		if r.v.Markings = nil; whole != 0 {
			r.v.Markings = []entente.ObjectID{whole.Definition()}
		}
		if part != 0 {
			r.v.Granular = []entente.GranularMarking{{Marking: part.Definition(), Selectors: []string{"name"}}}
		}
		r.c.Floors[0] = level.Draw(t, "floor")
		restricted := level.Draw(t, "restricted")
		if restricted != 0 {
			r.m.Restriction = &entente.Restriction{To: restricted}
		}
		holds := max(whole, r.c.Floors[0])
		if holds == 0 {
			holds = r.a.Terms.Unmarked
		}
		marked := holds != 0
		holds = max(holds, restricted)
		v := r.release(false)
		if goes := marked && max(holds, part) <= entente.TLPAmberStrict; goes != (v.Ruling == entente.Released) {
			t.Fatalf("released: %v, want %v", v.Ruling, goes)
		} else if goes && (max(whole, v.Stamp) < holds || max(whole, v.Stamp) > max(holds, part)) {
			t.Fatalf("whole %s, part %s, and %s holds: the stamp is %s", whole, part, holds, v.Stamp)
		} else if goes && v.Stamp != 0 && v.Stamp <= whole {
			t.Fatalf("stamped with %s, and it is %s by itself", v.Stamp, whole)
		}
	})
}

// Stricter markings, restrictions and terms never release more, and RED never goes.
func TestReleaseIsMonotone(t *testing.T) {
	level := rapid.SampledFrom([]entente.TLP{0, 1, 2, 3, 4, 5})
	rapid.Check(t, func(t *rapid.T) {
		draw := func() *released {
			r := newReleased()
			r.a.Terms.Unmarked = level.Draw(t, "unmarked")
			r.a.Terms.Highest = level.Draw(t, "highest")
			r.a.Terms.Approval = level.Draw(t, "approval")
			r.v.Markings = []entente.ObjectID{pool[5]}
			if m := level.Draw(t, "marking"); m > 0 {
				r.v.Markings = append(r.v.Markings, m.Definition())
			}
			r.c.Define = func(entente.ObjectID, string) entente.Definition {
				return entente.Definition{Kind: entente.StatementDefinition}
			}
			r.s.Via = rapid.SampledFrom([]string{"", "g", another}).Draw(t, "via")
			r.a.Terms.Community = rapid.SampledFrom([]string{"", "x"}).Draw(t, "community")
			for _, by := range rapid.SliceOfN(rapid.SampledFrom([]string{"p", "q"}), 0, 3).Draw(t, "approvals") {
				r.decide(by, rapid.SampledFrom([]entente.Action{entente.Approve, entente.Urgent, entente.Refuse, entente.Withdraw, entente.Keep}).Draw(t, "action"))
			}
			if rapid.Bool().Draw(t, "stands") {
				r.stands()
			}
			return r
		}
		r := draw()
		before := r.release(false)
		if again := r.release(false); !reflect.DeepEqual(before, again) {
			t.Fatalf("%+v, and then %+v", before, again)
		}
		marked := len(r.v.Markings) > 1
		more := level.Draw(t, "stricter")
		switch rapid.IntRange(0, 2).Draw(t, "what") {
		case 0:
			if !marked || more == 0 { // marking what is unmarked may well release it
				return
			}
			r.v.Markings = append(r.v.Markings, more.Definition())
		case 1:
			r.m.Restriction = &entente.Restriction{To: more, Withdraw: rapid.Bool().Draw(t, "withdraw")}
		case 2:
			r.a.Terms.Highest = min(r.a.Terms.Highest, more)
		}
		after := r.release(false)
		if after.Ruling < before.Ruling {
			t.Fatalf("%s became %s", before.Ruling, after.Ruling)
		}
		r.v.Markings = append(r.v.Markings, entente.TLPRed.Definition())
		if v := r.release(false); v.Ruling != entente.Withheld {
			t.Fatalf("RED is %s", v.Ruling)
		}
	})
}
