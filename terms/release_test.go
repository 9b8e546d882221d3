package terms_test

import (
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/terms"
)

// What Compare tells of a change holds for the release rule: without Tightens nothing that
// was released is kept back, and without Widens nothing that was kept back is released.
func TestCompareHoldsForTheRule(t *testing.T) {
	counts := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		old := drawReleasing(t, "old")
		new := old
		for _, k := range rapid.SliceOfN(rapid.IntRange(0, len(turns)-1), 1, 1).Draw(t, "turns") {
			turns[k](t, &new)
		}
		tightens, widens := terms.Direction(terms.Compare(old, new, nil))
		for n := range 40 {
			w := drawWorld(t)
			i := n % len(w.all)
			was, is := w.judge(old, i), w.judge(new, i)
			if was && !is {
				counts["kept back"]++
			}
			if !was && is {
				counts["released"]++
			}
			if was && !is && !tightens || !was && is && !widens {
				t.Fatalf("tightens %t, widens %t; released before %t, after %t:\n%s\n%s\n%+v", tightens, widens, was, is,
					terms.Canonical(old), terms.Canonical(new), w)
			}
		}
	})
	if counts["kept back"] == 0 || counts["released"] == 0 {
		t.Errorf("the changes change nothing: %v", counts)
	}
}

var levels = []entente.TLP{entente.TLPNone, entente.TLPClear, entente.TLPGreen, entente.TLPAmber, entente.TLPAmberStrict}

func pick[T any](t *rapid.T, from ...T) T { return rapid.SampledFrom(from).Draw(t, "pick") }

// turns each give one key another value.
var turns = []func(t *rapid.T, x *entente.Terms){
	func(t *rapid.T, x *entente.Terms) { x.Community = pick(t, "", "a", "b") },
	func(t *rapid.T, x *entente.Terms) {
		x.Collections = pick(t, nil, []string{id(11)}, []string{id(12)}, []string{id(12), id(11)})
	},
	func(t *rapid.T, x *entente.Terms) { x.Vocabularies = pick(t, nil, []string{id(13)}) },
	func(t *rapid.T, x *entente.Terms) { x.Highest = pick(t, levels[1:]...) },
	func(t *rapid.T, x *entente.Terms) { x.Unmarked = pick(t, levels...) },
	func(t *rapid.T, x *entente.Terms) {
		x.Types = pick(t, nil, []string{"tool"}, []string{"tool", "malware"})
	},
	func(t *rapid.T, x *entente.Terms) {
		x.ExceptTypes = pick(t, nil, []string{"tool"}, []string{"malware"})
	},
	func(t *rapid.T, x *entente.Terms) { x.Labels = pick(t, nil, []string{"a"}, []string{"b", "a"}) },
	func(t *rapid.T, x *entente.Terms) { x.ExceptLabels = pick(t, nil, []string{"a"}, []string{"c"}) },
	func(t *rapid.T, x *entente.Terms) { x.Confidence = pick(t, 0, 40, 80) },
	func(t *rapid.T, x *entente.Terms) { x.NeedConfidence = pick(t, false, true) },
	func(t *rapid.T, x *entente.Terms) { x.AgeDays = pick(t, 0, 1, 30) },
	func(t *rapid.T, x *entente.Terms) { x.OpenReferences = pick(t, false, true) },
	func(t *rapid.T, x *entente.Terms) { x.Onward = pick(t, false, true) },
	func(t *rapid.T, x *entente.Terms) { x.Approval = pick(t, levels...) },
	func(t *rapid.T, x *entente.Terms) { x.WithdrawOlder = pick(t, false, true) },
	func(t *rapid.T, x *entente.Terms) { x.RequireDissent = pick(t, false, true) },
	func(t *rapid.T, x *entente.Terms) {
		x.Members = nil
		for n := range 2 {
			if flow := pick(t, entente.Flow(0), entente.Receives, entente.Contributes, entente.Both); flow != 0 {
				x.Members = append(x.Members, entente.Member{Organisation: id(n + 1), Flow: flow, Client: flow != entente.Contributes && pick(t, false, true)})
			}
		}
	},
}

// drawReleasing draws terms that release rather much, so that changes show.
func drawReleasing(t *rapid.T, label string) entente.Terms {
	x := entente.Terms{Collections: []string{id(11)}, Highest: entente.TLPAmberStrict, Unmarked: entente.TLPGreen, Community: "a",
		Members: []entente.Member{{Organisation: id(1), Flow: entente.Both, Client: true}}}
	for _, k := range rapid.SliceOfN(rapid.IntRange(0, len(turns)-1), 0, 3).Draw(t, label) {
		turns[k](t, &x)
	}
	return x
}

const (
	now    = 1_800_000_000_000_000
	object = entente.ObjectID("tool--0a1b2c3d-0000-4000-8000-000000000001")
	plain  = entente.ObjectID("tool--0a1b2c3d-0000-4000-8000-000000000002")
	common = entente.ObjectID("tool--0a1b2c3d-0000-4000-8000-000000000003") // of the vocabulary
)

// world is one object as it was submitted, and what else the rule looks at.
type world struct {
	all     []entente.Submission
	stands  []entente.Standing
	dissent []entente.Dissent
	floors  []entente.TLP
	decided []entente.Decision
}

func drawWorld(t *rapid.T) world {
	w := world{floors: []entente.TLP{entente.TLPNone, pick(t, levels...)}}
	for n := range rapid.IntRange(1, 3).Draw(t, "submissions") {
		at := entente.Instant{Text: "then", Micros: now - int64(pick(t, 0, 2, 60))*86_400_000_000 - int64(n)}
		v := &entente.Version{ID: object, Type: pick(t, "tool", "malware"), Spec: entente.Spec21, Modified: at, Confidence: pick(t, -1, 20, 60, 100),
			Labels: pick(t, nil, []string{"a"}, []string{"b", "c"}), References: pick(t, nil, []entente.ObjectID{common}, []entente.ObjectID{plain}),
			Digest: entente.Digest{byte(n)}}
		if level := pick(t, append(levels, entente.TLPRed)...); level != entente.TLPNone {
			v.Markings = []entente.ObjectID{level.Definition()}
		}
		s := entente.Submission{Place: pick(t, 0, 1), Seq: int64(n + 1), Content: int64(n + 1), Key: v.Key(), Source: pick(t, id(1), id(2)),
			Via: pick(t, "", "other"), Author: id(50), Arrived: now - int64(n), Version: v}
		w.all = append(w.all, s)
		if pick(t, false, true) {
			w.stands = append(w.stands, entente.Standing{Place: s.Place, Line: entente.Line{Content: s.Content, Source: s.Source}, Of: s.Content, Spec: v.Spec, Key: s.Key})
		}
	}
	if pick(t, false, true) {
		w.dissent = []entente.Dissent{{Object: plain, Since: now - 1}}
	}
	if pick(t, false, true) {
		w.decided = []entente.Decision{{Object: object, Action: entente.Approve, Account: id(51)}, {Object: object, Action: entente.Approve, Account: id(52)}}
	}
	return w
}

// judge tells whether a submission is released, if its collection is covered at all.
func (w world) judge(x entente.Terms, i int) bool {
	feeds := []entente.ReleaseFeed{{Collection: id(11)}, {Collection: id(12)}}
	m := entente.Matter{ID: object, Standing: w.stands, Dissent: w.dissent, Decisions: w.decided}
	for _, s := range w.all {
		if x.Covers(feeds[s.Place].Collection) {
			m.Submissions = append(m.Submissions, s)
		}
	}
	c := entente.Circumstances{Now: now, Home: id(49), Agreement: &entente.Agreement{ID: "this", Terms: x, Feeds: feeds}, Floors: w.floors,
		Define: func(id entente.ObjectID, _ string) entente.Definition {
			level, ok := entente.TLPOf(id)
			if !ok {
				return entente.Definition{}
			}
			return entente.Definition{Kind: entente.TLPDefinition, TLP: level}
		},
		Owner:   func(entente.ObjectID) string { return "" },
		Others:  map[string]*entente.Terms{"other": {Onward: true, Community: "a", Unmarked: entente.TLPClear}},
		Present: func(id entente.ObjectID) bool { return id == common && len(x.Vocabularies) > 0 },
	}
	return entente.Release(&w.all[i], &m, &c).Ruling == entente.Released
}
