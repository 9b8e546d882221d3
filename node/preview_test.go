package node

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
	"entente/terms"
)

// contents lists what stands in an agreement's feeds, sorted: id, content and source.
func (s *sharing) contents(name string) []string {
	s.Helper()
	var out []string
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		out = nil
		a, err := t.Agreement(s.Context(), name)
		if err != nil {
			return err
		}
		for place, f := range a.Feeds {
			head, err := t.HeadAt(s.Context(), f.Feed, 1<<60)
			if err != nil {
				return err
			}
			if head != f.Head {
				s.Errorf("the head of the feed is %d, and by its times %d", f.Head, head)
			}
			_, all, err := t.LiveAt(s.Context(), f.Feed, f.Head, nil, 10_000)
			if err != nil {
				return err
			}
			for _, e := range all {
				out = append(out, fmt.Sprintf("%s %x %d", e.ID, e.Digest[:4], place))
			}
		}
		return nil
	}))
	slices.Sort(out)
	return out
}

// without lists what of all is not in others, as ids.
func without(all, others []string) []string {
	var out []string
	for _, x := range all {
		if !slices.Contains(others, x) {
			id, _, _ := strings.Cut(x, " ")
			out = append(out, id)
		}
	}
	return out
}

func listedIDs(all []PreviewEntry) []string {
	var out []string
	for _, e := range all {
		out = append(out, string(e.Object))
	}
	slices.Sort(out)
	return out
}

// amend puts other terms in force, judging everything anew.
func (s *sharing) amend(name string, t entente.Terms) {
	s.Helper()
	a := s.agreement(name)
	id, _ := s.n.NewID()
	a.Work = &entente.Work{ID: id, To: entente.Active, Version: a.Version + 1,
		Step: entente.AgreementStep{At: s.n.Now(), Action: entente.StepActivate, From: entente.Active, To: entente.Active, Version: a.Version + 1}}
	s.must(s.n.st.Update(s.Context(), func(tx *store.Tx) error {
		return tx.Apply(s.Context(), entente.Change{Agreement: &a, TermsVersion: &entente.TermsVersion{Number: a.Version + 1, Terms: t,
			Hash: terms.Hash(t), Canonical: terms.Canonical(t), File: []byte{}, Made: s.n.Now()}})
	}))
	s.must(s.n.Settle(s.Context(), name, nil))
}

// TestPreviewIsWhatHappens builds worlds at random, previews a change, makes it, and compares.
func TestPreviewIsWhatHappens(t *testing.T) {
	s := newSharing(t, storetest.URLs()["sqlite"](t), nil)
	ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++
		name := fmt.Sprintf("p%d", world)
		s.shelf = s.do(entente.AddCollection{Name: name})
		drawTerms := func(t *entente.Terms) {
			t.Highest = rapid.SampledFrom([]entente.TLP{entente.TLPGreen, entente.TLPAmber}).Draw(rt, "highest")
			t.OpenReferences = rapid.IntRange(0, 5).Draw(rt, "open") == 0
			t.Approval = rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPNone, entente.TLPAmber}).Draw(rt, "approval")
			t.WithdrawOlder = rapid.Bool().Draw(rt, "withdraw older")
			t.Unmarked = rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPGreen, entente.TLPAmber}).Draw(rt, "unmarked")
			t.ExceptTypes = rapid.SampledFrom([][]string{nil, nil, {"relationship"}}).Draw(rt, "types")
		}
		s.n.windows.lines = rapid.SampledFrom([]int{1, 3, applyLines}).Draw(rt, "lines of a window")
		s.agree(name, drawTerms)
		markings := []string{green, green, green, red, amber, `"labels":["x"]`}
		var all []string
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			var batch []string
			for range rapid.IntRange(1, 4).Draw(rt, "batch") {
				m := rapid.SampledFrom(markings).Draw(rt, "marking")
				n := rapid.IntRange(1, 4).Draw(rt, "n")
				if rapid.IntRange(0, 2).Draw(rt, "what") == 0 {
					batch = append(batch, link(50+n, n, rapid.IntRange(1, 4).Draw(rt, "to"), m))
				} else {
					batch = append(batch, malwareAt(n, fmt.Sprintf("2026-0%d-01T00:00:00Z", rapid.IntRange(1, 4).Draw(rt, "month")), m))
				}
			}
			s.take(batch...)
			all = append(all, batch...)
		}
		s.must(s.n.Settle(s.Context(), name, nil))
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			g := s.agreement(name)
			o := PreviewOptions{Agreement: name, Limit: 1000}
			x, _ := stix.Parse([]byte(rapid.SampledFrom(all).Draw(rt, "object")))
			var do func() error
			switch rapid.IntRange(0, 2).Draw(rt, "change") {
			case 0:
				c := entente.RestrictObject{Object: x.ID, Reason: "r", Withdraw: rapid.Bool().Draw(rt, "withdraw")}
				if !c.Withdraw {
					c.To = rapid.SampledFrom([]entente.TLP{entente.TLPGreen, entente.TLPAmber, entente.TLPRed}).Draw(rt, "to")
				}
				o.Restrict = &c
				do = func() error { _, err := s.n.Do(s.Context(), ann, c); return err }
			case 1:
				c := entente.TakeDecision{Agreement: g.ID, Object: x.ID, Digest: x.Digest, Text: "x",
					Action: rapid.SampledFrom([]entente.Action{entente.Approve, entente.Refuse, entente.Keep, entente.Withdraw, entente.Urgent}).Draw(rt, "action")}
				o.Decide = &c
				// The preview shows one person's word as it is counted for another than those who spoke.
				who := rapid.SampledFrom([]entente.Actor{ann, bob}).Draw(rt, "who")
				do = func() error { _, err := s.n.Do(s.Context(), who, c); return err }
			default:
				t := g.Terms
				drawTerms(&t)
				o.Terms = &t
				do = func() error { s.amend(name, t); return nil }
			}
			before := s.contents(name)
			p, err := s.n.Preview(s.Context(), ann, o)
			if err != nil {
				rt.Fatal(err)
			}
			if again := s.contents(name); !slices.Equal(before, again) {
				rt.Fatal("the preview changed the feeds")
			}
			if do() != nil {
				continue // refused
			}
			s.must(s.n.Settle(s.Context(), name, nil))
			after := s.contents(name)
			var q PreviewOf
			for _, x := range p.Agreements {
				if x.Agreement == name {
					q = x
				}
			}
			if want, got := without(after, before), listedIDs(q.Entering); !slices.Equal(want, got) || int64(len(want)) != q.Enters {
				rt.Errorf("%+v: entered %v, and the preview said %v (%d)", o, want, got, q.Enters)
			}
			if want, got := without(before, after), listedIDs(q.Leaving); !slices.Equal(want, got) || int64(len(want)) != q.Leaves {
				rt.Errorf("%+v: left %v, and the preview said %v (%d)", o, want, got, q.Leaves)
			}
		}
	})
}

// TestPreviewOverWindows previews terms over logs of many windows, in which what is referred to
// comes after what refers to it, and makes them.
func TestPreviewOverWindows(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		s.n.windows.lines = 1
		ann := s.hire("ann", entente.Releaser)
		s.take(link(51, 1, 2, green))
		s.take(malware(1, amber))
		s.take(malware(2, green), malware(3, red), malware(4, green))
		s.take(link(52, 3, 4, green), link(53, 2, 4, green), link(54, 51, 51, amber))
		s.must(s.n.SettleAll(s.Context()))
		for _, highest := range []entente.TLP{entente.TLPAmber, entente.TLPGreen, entente.TLPAmber, entente.TLPClear} {
			terms := s.agreement("north").Terms
			terms.Highest = highest
			before := s.contents("north")
			p, err := s.n.Preview(s.Context(), ann, PreviewOptions{Agreement: "north", Terms: &terms, Limit: 100})
			s.must(err)
			s.amend("north", terms)
			after := s.contents("north")
			if want, got := without(after, before), listedIDs(p.Agreements[0].Entering); !slices.Equal(want, got) {
				s.Errorf("%s: entered %v, and the preview said %v", highest, want, got)
			}
			if want, got := without(before, after), listedIDs(p.Agreements[0].Leaving); !slices.Equal(want, got) {
				s.Errorf("%s: left %v, and the preview said %v", highest, want, got)
			}
		}
		s.expect("north", "")
	})
}

func TestPreviewTells(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ann := s.hire("ann", entente.Releaser)
		s.take(malware(1, green), malware(2, green), link(50, 1, 2, green), malware(3, amber))
		s.expect("north", "01 02 50")
		c := entente.RestrictObject{Object: idOf("malware", 1), To: entente.TLPAmber, Reason: "r"}
		p, err := s.n.Preview(s.Context(), ann, PreviewOptions{Restrict: &c, Limit: 10})
		s.must(err)
		if len(p.Agreements) != 1 || p.Agreements[0].Leaves != 2 || p.Agreements[0].Cascades != 1 || p.Agreements[0].Disclosed != 2 || p.Agreements[0].Stands != 3 {
			s.Fatalf("%+v", p)
		}
		l := p.Agreements[0].Leaving
		if l[0].Object != c.Object || l[0].Cascade || l[0].Reason != entente.Restricted || !l[1].Cascade || l[1].Reason != entente.AwaitsReferences {
			s.Errorf("leaving: %+v", l)
		}
		// At other positions it asks to preview again.
		s.take(malware(4, green))
		c.Preview = p.Token
		s.refuse(entente.Conflict, "preview again", ann, c)
		p, err = s.n.Preview(s.Context(), ann, PreviewOptions{Restrict: &c, Limit: 10})
		s.must(err)
		c.Preview = p.Token
		s.doAs(ann, c)
		s.expect("north", "02 04")
		terms := s.agreement("north").Terms
		terms.Highest = entente.TLPAmber
		p, err = s.n.Preview(s.Context(), ann, PreviewOptions{Agreement: "north", Terms: &terms, Limit: 10})
		s.must(err)
		if q := p.Agreements[0]; q.Enters != 3 || q.Leaves != 0 {
			s.Errorf("%+v", q)
		}
		if p, err = s.n.Preview(s.Context(), ann, PreviewOptions{Agreement: "north", Shut: true}); err != nil || p.Agreements[0].Disclosed != 2 {
			s.Errorf("%+v, %v", p, err)
		}
		if p, err = s.n.Preview(s.Context(), ann, PreviewOptions{Stop: "North CERT"}); err != nil || len(p.Agreements) != 1 || p.Agreements[0].Disclosed != 2 {
			s.Errorf("%+v, %v", p, err)
		}
	})
}

// BenchmarkPreview previews terms by which 100,000 objects enter or leave. Run it with -benchtime 1x.
func BenchmarkPreview(b *testing.B) {
	const objects = 100_000
	for name, highest := range map[string][2]entente.TLP{"enter": {entente.TLPClear, entente.TLPGreen}, "leave": {entente.TLPGreen, entente.TLPClear}} {
		b.Run(name, func(b *testing.B) {
			s := newSharing(b, storetest.URLs()["sqlite"](b), func(t *entente.Terms) { t.Highest = highest[0] })
			_, err := s.n.Intake(b.Context(), entente.LocalActor(), s.shelf, stix.NewReader(bytes.NewReader(marked(objects))), IntakeOptions{})
			s.must(err)
			s.must(s.n.SettleAll(b.Context()))
			s.must(s.n.CatchUp(b.Context(), nil))
			t := s.agreement("north").Terms
			t.Highest = highest[1]
			b.ResetTimer()
			for range b.N {
				p, err := s.n.Preview(b.Context(), entente.LocalActor(), PreviewOptions{Agreement: "north", Terms: &t, Limit: 10})
				s.must(err)
				if q := p.Agreements[0]; q.Enters+q.Leaves != objects {
					b.Fatalf("%+v", p)
				}
			}
			b.ReportMetric(float64(objects)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// TestRestamp has what stands get another stamp by other terms: the new copy is stored.
func TestRestamp(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Highest, t.Unmarked = entente.TLPAmber, entente.TLPAmber }, func(s *sharing) {
		s.take(malware(2, `"labels":["x"]`))
		s.expect("north", "02")
		t := s.agreement("north").Terms
		t.Unmarked = entente.TLPGreen
		s.amend("north", t)
		s.expect("north", "02")
	})
}
