package node

import (
	"encoding/json"
	"strings"
	"testing"

	"entente"
	"entente/ledger"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

const strict = `"object_marking_refs":["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"]`

// named is a malware of some number, name and marking.
func named(n int, name, marking string) string {
	return strings.Replace(malware(n, marking), `"name":"m"`, `"name":"`+name+`"`, 1)
}

// Of what partners send under AMBER+STRICT a reviewer is shown that it is there, and the
// content where the terms say so, or home has it from elsewhere. Nobody else is shown less.
func TestReviewersReadFacts(t *testing.T) {
	for name, content := range map[string]bool{"facts": false, "content": true} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *entente.Terms) { t.ReviewContent = content }, func(s *sharing) {
				ctx := s.Context()
				eve, op := s.hire("eve", entente.Reviewer), s.hire("op", entente.Operator)
				theirs, through := s.contributor()
				s.flood(theirs, through, []string{named(1, "heron", strict), named(2, "heron", green), named(4, "heron", strict),
					named(5, "heron", `"granular_markings":[{"marking_ref":"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","selectors":["name"]}]`)})
				s.take(named(3, "heron", strict), named(4, "heron", strict)) // home has the last of theirs too
				s.must(s.n.CatchUp(ctx, nil))
				in, err := s.n.CollectionNamed(ctx, op, "Shelf")
				s.must(err)
				look := func(who entente.Actor, bodies bool, match string) (out string) {
					q := Query{Limit: 100, Bodies: bodies}
					if match != "" {
						q.Filter.Conditions = []entente.Condition{{Field: "name", Values: []string{match}}}
					}
					p, err := s.n.Feed(ctx, who, in, q)
					s.must(err)
					for _, e := range p.Entries {
						out += string(e.ID[len(e.ID)-1])
						if bodies != (len(e.Bytes) > 0) {
							s.Errorf("%s: bytes %q", e.ID, e.Bytes)
						}
					}
					return out
				}
				search := func(who entente.Actor) int {
					found, err := s.n.Search(ctx, who, "heron", nil, 100)
					s.must(err)
					return len(found)
				}
				seen, found := "234", 3
				if content {
					seen, found = "12345", 5
				}
				sorted := func(s string) string {
					out := ""
					for _, c := range "12345" {
						if strings.ContainsRune(s, c) {
							out += string(c)
						}
					}
					return out
				}
				for what, got := range map[string][2]string{"objects": {sorted(look(eve, true, "")), seen}, "manifest": {sorted(look(eve, false, "")), "12345"},
					"the operator's objects":           {sorted(look(op, true, "")), "12345"},
					"what is asked for by its content": {sorted(look(eve, false, "heron")), seen}} {
					if got[0] != got[1] {
						s.Errorf("%s: %s, want %s", what, got[0], got[1])
					}
				}
				if n, all := search(eve), search(op); n != found || all != 5 {
					s.Errorf("search: the reviewer finds %d, the operator %d", n, all)
				}
				for n := 1; n <= 5; n++ {
					all, err := s.n.Object(ctx, eve, idOf("malware", n))
					s.must(err)
					shown := strings.Contains(seen, string(rune('0'+n)))
					for _, v := range all {
						if v.Facts == shown || (len(v.Bytes) > 0) != shown || v.Digest == (entente.Digest{}) || len(v.Collections) == 0 || n != 2 && v.Marking.TLP < entente.TLPAmberStrict {
							s.Errorf("object %d: %+v", n, v)
						}
					}
					claims, err := s.n.Assessments(ctx, eve, idOf("malware", n))
					if (err == nil) != shown || err == nil && len(claims.Matters) > 5 {
						s.Errorf("claims of %d: %v", n, err)
					}
				}
			})
		})
	}
}

// Silence about a recommendation is told by the figures and the queue once its time is over.
func TestSilenceIsTold(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ctx := s.Context()
		eve, ann := s.hire("eve", entente.Reviewer), s.hire("ann", entente.Releaser)
		id := s.doAs(eve, entente.Recommend{Agreement: s.agreement("north").ID, Reason: "r"})
		gauge := func(want float64) {
			s.Helper()
			s.must(s.n.WatchStops(ctx))
			if got := s.n.meters.unanswered.Get(); got != want {
				s.Errorf("%v recommendations are unanswered; want %v", got, want)
			}
		}
		waiting := func(want int) {
			s.Helper()
			q, err := s.n.Queue(ctx, ann, QueueOptions{Limit: 10})
			s.must(err)
			if len(q.Recommended) != want {
				s.Errorf("the queue has %+v", q.Recommended)
			}
		}
		gauge(0)
		waiting(1)
		now := s.n.now
		s.n.now = func() int64 { return now() + entente.AnswerWithin + 1_000_000 }
		gauge(1)
		waiting(1)
		s.doAs(ann, entente.AnswerRecommendation{Recommendation: id, Reason: "no"})
		gauge(0)
		waiting(0)
	})
}

// What a sample event says is enough to draw again, from what stood in the ledger before it.
func TestSampleIsAnnounced(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newSharing(t, url(t), nil)
			ctx := t.Context()
			eve := s.hire("eve", entente.Reviewer)
			s.take(malware(1, green), malware(2, green))
			s.live("north")
			for _, o := range []struct{ kind, agreement, words string }{{"", "", ""}, {"judge", "", "dice: 3 1"}, {"", "north", "w"}} {
				got, err := s.n.Sample(ctx, eve, 3, o.kind, o.agreement, o.words)
				s.must(err)
				if len(got.Drawn) == 0 || o.words != "" && got.Draw.Words != o.words || o.words == "" && len(got.Draw.Words) != 64 {
					t.Errorf("%+v", got)
				}
				s.must(s.n.CatchUpLedger(ctx))
				s.must(s.n.st.View(ctx, func(tx *store.Tx) error {
					_, entry, err := tx.LedgerEntry(ctx, got.Event)
					if err != nil {
						return err
					}
					var e entente.Event
					if err := json.Unmarshal(entry.Body, &e); err != nil {
						return err
					}
					d, err := ledger.DrawOf(e)
					if err != nil {
						return err
					}
					if entry.Index < d.Of.Size || e.By.Account != eve.Account.ID {
						t.Errorf("the event at %d: %+v", entry.Index, e)
					}
					logs, err := tx.LedgerLogs(ctx)
					if err != nil {
						return err
					}
					again, err := draw(ctx, tx, presentLogs(logs), d)
					if err == nil && (again.List() != e.List || again.Result() != e.Result) {
						t.Errorf("drawn again: %s %s, want %s %s", again.Result(), again.List(), e.Result, e.List)
					}
					return err
				}))
			}
			if _, err := s.n.Sample(ctx, eve, 3, "", "", strings.Repeat("x", 400)); entente.KindOf(err) != entente.Invalid {
				t.Errorf("very many words: %v", err)
			}
			if _, err := s.n.Sample(ctx, eve, 0, "", "", ""); entente.KindOf(err) != entente.Invalid {
				t.Errorf("a sample of nothing: %v", err)
			}
		})
	}
}

// The report of a node counts what happened, and what happens later is not in it.
func TestReport(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Purpose = "defence" }, func(s *sharing) {
		ctx := s.Context()
		eve, ann := s.hire("eve", entente.Reviewer), s.hire("ann", entente.Releaser)
		theirs, through := s.contributor()
		s.take(malware(1, green), malware(2, green), malware(3, strict))
		s.live("north")
		s.flood(theirs, through, []string{malware(4, green)})
		s.live("north")
		in, _, err := s.n.Collection(ctx, theirs, "north", s.agreement("north").Feeds[0].ID)
		s.must(err)
		p, err := s.n.Feed(ctx, theirs, in, Query{Limit: 10, Bodies: true})
		s.must(err)
		s.must(s.n.Deliver(ctx, theirs, in, "/objects", Query{}, p))
		s.n.Deny(ctx, theirs, "/objects", "x", entente.Errorf(entente.NotFound, "x"))
		v, _ := stix.Parse([]byte(malware(1, green)))
		s.doAs(ann, entente.TakeDecision{Agreement: s.agreement("north").ID, Object: v.ID, Digest: v.Digest, Action: entente.Withdraw, Text: "t"})
		s.live("north")
		r, err := s.n.Report(ctx, eve, 0, 0)
		s.must(err)
		want := map[ledger.Figure]bool{
			{Figure: ledger.Released, Count: 3}: true, {Partner: s.partner, Purpose: "defence", Figure: ledger.Released, Count: 3}: true,
			{Figure: ledger.Withdrawn, Count: 1}: true, {Partner: s.partner, Purpose: "defence", Figure: ledger.Withdrawn, Count: 1}: true,
			{Figure: ledger.WithheldBy + "too-strict", Count: 1}: true, {Figure: ledger.Submitted, Count: 4}: true,
			{Partner: s.partner, Purpose: "defence", Figure: ledger.Submitted, Count: 1}:            true,
			{Partner: s.partner, Purpose: "defence", Figure: ledger.ServedEntries, Count: 3}:        true,
			{Partner: s.partner, Figure: ledger.Denied + "not found", Count: 1}:                     true,
			{Partner: s.partner, Purpose: "defence", Figure: ledger.Decided + "withdraw", Count: 1}: true,
			{Figure: ledger.Decided + "withdraw", Count: 1}:                                         true,
		}
		for _, f := range r.Figures {
			delete(want, f)
		}
		if len(want) > 0 {
			s.Errorf("the report lacks %v; it has %+v", want, r.Figures)
		}
		if r.Names[s.partner] != "North CERT" {
			s.Errorf("names: %v", r.Names)
		}
		to, err := entente.ParseInstant(r.To)
		s.must(err)
		s.take(malware(7, green))
		s.live("north")
		again, err := s.n.Report(ctx, eve, 0, to.Micros)
		s.must(err)
		if a, b := asJSON(s, r.Figures), asJSON(s, again.Figures); a != b {
			s.Errorf("the same time again: %s\nbefore: %s", b, a)
		}
		if _, err := s.n.Report(ctx, ann, 0, 0); entente.KindOf(err) != entente.Forbidden {
			s.Errorf("a releaser's report: %v", err)
		}
	})
}

func asJSON(s *sharing, v any) string {
	b, err := json.Marshal(v)
	s.must(err)
	return string(b)
}
