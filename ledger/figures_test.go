package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entente"
	"entente/ledger"
)

// reported is a ledger of everything that a report counts: two partners, two agreements of
// different purposes, one amended to another purpose.
func reported(t testing.TB) *home {
	h := newHome(t)
	a, b := uuid(201), uuid(202)
	f, g := h.feed(), h.feed()
	g.Agreement = uuid(401)
	written := func(agreement, hash, purpose string, who ...string) {
		h.event(h.main, "agreement-draft", members{"about": members{"agreement": agreement}, "terms": members{"hash": hash, "version": 1, "purpose": purpose, "members": who}})
	}
	inForce := func(agreement, hash string, partners ...string) {
		h.act(ledger.KindFlip, members{"about": members{"agreement": agreement}, "terms": members{"hash": hash, "version": 1}, "feeds": []any{}}, members{}, partners[0])
		for _, p := range partners {
			h.act("agreement", members{}, members{"about": members{"agreement": agreement}, "terms": members{"hash": hash, "version": 1}, "result": "active"}, p)
		}
	}
	decide := func(agreement, object, what, who string) {
		h.event(h.main, "decide", members{"about": members{"agreement": agreement, "object": object}, "result": what, "by": members{"account": who},
			"versions": members{"count": 1, "root": strings.Repeat("1", 64)}})
	}
	written(uuid(400), "h1", "defence", a, b)
	written(uuid(401), "h2", "warning", b)
	inForce(uuid(400), "h1", a, b)
	inForce(uuid(401), "h2", b)
	h.judged(f, "h1", 3, members{"marking": members{"count": 4}})
	h.judged(g, "h2", 2, nil)
	h.deliver(f, a, 0)
	h.deliver(f, b, 1)
	h.deliver(g, b, 0)
	h.act("deny", members{}, members{"result": "not found"}, a)
	h.event(h.main, "deny", members{"result": "forbidden"})
	h.act("stop", members{"about": members{"partner": b}}, members{}, b)
	h.event(h.main, "stop-lift", members{"about": members{"partner": b}, "result": "all"})
	for _, what := range []string{"approve", "approve", "refuse", "urgent"} {
		decide(uuid(400), "tool--"+uuid(1), what, "ann")
	}
	decide(uuid(400), "tool--"+uuid(1), "reviewed", "ann") // by the same person: it does not count
	decide(uuid(401), "tool--"+uuid(2), "urgent", "ann")
	decide(uuid(401), "tool--"+uuid(2), "reviewed", "bob")
	h.act("submit", members{}, members{"about": members{"agreement": uuid(400)}, "count": 5, "dissent": 1}, a)
	h.event(h.main, "dissent", members{"count": 1, "dissent": 1})
	h.event(h.main, "dissent-strike", nil)
	written(uuid(400), "h3", "research", a)
	h.judged(f, "h1", 1, nil) // the old terms are in force still
	inForce(uuid(400), "h3", a)
	h.judged(f, "h3", 1, nil)
	h.deliver(f, a, 4)
	h.event(h.main, "review-note", nil)
	h.event(h.main, "recommend", members{"about": members{"agreement": uuid(400)}})
	h.event(h.main, "recommend-answer", members{"about": members{"agreement": uuid(400)}, "result": "decline"})
	h.heads()
	return h
}

// judged is a turn under some terms.
func (h *home) judged(f *release, hash string, n int, rules members) {
	m := members{"terms": members{"hash": hash, "version": 1}}
	if rules != nil {
		m["rules"] = rules
	}
	h.turn(f, m, n)
}

// The figures are those that the acts above add up to, however the logs are read.
func TestFigures(t *testing.T) {
	a, b := uuid(201), uuid(202)
	want := []ledger.Figure{
		{Figure: "answered: decline", Count: 1}, {Figure: "decided: approve", Count: 2}, {Figure: "decided: refuse", Count: 1}, {Figure: "decided: reviewed", Count: 2},
		{Figure: "decided: urgent", Count: 2}, {Figure: "denied: forbidden", Count: 1}, {Figure: "denied: not found", Count: 1}, {Figure: "dissent raised", Count: 2},
		{Figure: "dissent struck", Count: 1}, {Figure: "findings", Count: 1}, {Figure: "recommended: suspend", Count: 1}, {Figure: "released", Count: 7},
		{Figure: "served entries", Count: 8}, {Figure: "served pages", Count: 4}, {Figure: "stops lifted", Count: 1}, {Figure: "stops placed", Count: 1},
		{Figure: "submitted", Count: 6}, {Figure: "urgent unreviewed", Count: 1}, {Figure: "withheld: marking", Count: 4},

		{a, "", "denied: not found", 1},
		{a, "defence", "decided: approve", 2}, {a, "defence", "decided: refuse", 1}, {a, "defence", "decided: reviewed", 1}, {a, "defence", "decided: urgent", 1},
		{a, "defence", "dissent raised", 1}, {a, "defence", "released", 4}, {a, "defence", "served entries", 3}, {a, "defence", "served pages", 1}, {a, "defence", "submitted", 5},
		{a, "defence", "urgent unreviewed", 1}, {a, "defence", "withheld: marking", 4},
		{a, "research", "answered: decline", 1}, {a, "research", "recommended: suspend", 1}, {a, "research", "released", 1}, {a, "research", "served entries", 1}, {a, "research", "served pages", 1},

		{b, "", "stops lifted", 1}, {b, "", "stops placed", 1},
		{b, "defence", "decided: approve", 2}, {b, "defence", "decided: refuse", 1}, {b, "defence", "decided: reviewed", 1}, {b, "defence", "decided: urgent", 1},
		{b, "defence", "released", 4}, {b, "defence", "served entries", 2}, {b, "defence", "served pages", 1}, {b, "defence", "urgent unreviewed", 1}, {b, "defence", "withheld: marking", 4},
		{b, "warning", "decided: reviewed", 1}, {b, "warning", "decided: urgent", 1}, {b, "warning", "released", 2}, {b, "warning", "served entries", 2}, {b, "warning", "served pages", 1},
	}
	var all []ledger.Entered
	_, err := ledger.Verify(context.Background(), ledger.Dir(reported(t).write()), ledger.Options{Each: func(e ledger.Entered) error {
		e.Raw = slices.Clone(e.Raw)
		all = append(all, e)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(from, to int64, all []ledger.Entered) []ledger.Figure {
		f := ledger.NewFigures(from, to)
		for _, e := range all {
			if err := f.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		return f.Figures()
	}
	if got := count(0, 1<<52, all); !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("from the %dth on: %+v\nwant %+v", i, got[min(i, len(got)):], want[min(i, len(want)):])
			}
		}
	}
	// Log by log, as a node reads them.
	byLog := slices.Clone(all)
	slices.SortStableFunc(byLog, func(x, y ledger.Entered) int { return strings.Compare(x.Partner, y.Partner) })
	if got := count(0, 1<<52, byLog); !slices.Equal(got, want) {
		t.Errorf("log by log: %+v", got)
	}
	// Two times that follow each other add up, but for what is owed at the end of each.
	sum := map[ledger.Figure]int64{}
	middle := slices.IndexFunc(all, func(e ledger.Entered) bool { return e.Event.Kind == "stop" })
	at, err := entente.ParseInstant(all[middle].Event.Time)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]ledger.Figure{count(0, at.Micros, all), count(at.Micros, 1<<52, all)} {
		for _, f := range part {
			n := f.Count
			f.Count = 0
			sum[f] += n
		}
	}
	for _, f := range want {
		n := f.Count
		f.Count = 0
		if sum[f] != n {
			t.Errorf("%+v: the two parts have %d together; want %d", f, sum[f], n)
		}
	}
}

// A report holds against the export; each figure that is changed, missing or invented is named.
func TestReportIsVerified(t *testing.T) {
	h := reported(t)
	files := h.write()
	ctx := context.Background()
	r := ledger.Figured{Home: h.x.Home, From: entente.FormatMicros(0), To: entente.FormatMicros(1 << 52), Logs: map[string]int64{}, Names: map[string]string{}}
	f := ledger.NewFigures(0, 1<<52)
	rep, err := ledger.Verify(ctx, ledger.Dir(files), ledger.Options{Each: f.Add})
	if err != nil {
		t.Fatal(err)
	}
	r.Logs, r.Figures = rep.Sizes, f.Figures()
	read := func(r ledger.Figured) ledger.Figured {
		t.Helper()
		return must[ledger.Figured](t)(ledger.ParseReport(must[[]byte](t)(r.Marshal())))
	}
	check := func(r ledger.Figured) error {
		_, err := ledger.VerifyReport(ctx, ledger.Dir(files), ledger.Options{}, read(r))
		return err
	}
	if err := check(r); err != nil {
		t.Fatal(err)
	}
	for i, x := range r.Figures {
		changed := r
		changed.Figures = slices.Clone(r.Figures)
		changed.Figures[i].Count++
		missing := r
		missing.Figures = slices.Delete(slices.Clone(r.Figures), i, i+1)
		for what, bad := range map[string]ledger.Figured{"changed": changed, "missing": missing} {
			err := check(bad)
			if entente.KindOf(err) != entente.Conflict || !strings.Contains(err.Error(), fmt.Sprintf("the figure %q of partner %q for the purpose %q", x.Figure, x.Partner, x.Purpose)) {
				t.Errorf("%s %+v: %v", what, x, err)
			}
		}
	}
	invented := r
	invented.Figures = append(slices.Clone(r.Figures), ledger.Figure{Figure: "zeal", Count: 1})
	if err := check(invented); err == nil || !strings.Contains(err.Error(), `"zeal"`) {
		t.Errorf("an invented figure: %v", err)
	}
	another := r
	another.Home.ID = uuid(9)
	if err := check(another); err == nil || !strings.Contains(err.Error(), "another ledger") {
		t.Errorf("another's report: %v", err)
	}
	longer := r
	longer.Logs = map[string]int64{h.main.origin: 1 << 40}
	if err := check(longer); err == nil || !strings.Contains(err.Error(), "the export has") {
		t.Errorf("a longer log: %v", err)
	}
	for _, bad := range []string{"", "{}", `{"format":"entente-report","version":2}`, `{"format":"entente-report","version":1,"from":"x"}`} {
		if _, err := ledger.ParseReport([]byte(bad)); entente.KindOf(err) != entente.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzParseReport: what a report says is either read, and written again the same, or refused.
func FuzzParseReport(f *testing.F) {
	r := ledger.Figured{Home: ledger.ExportHome{ID: uuid(1)}, From: entente.FormatMicros(0), To: entente.FormatMicros(5), Logs: map[string]int64{"o": 1}, Figures: []ledger.Figure{{"p", "q", "released", 3}}}
	b, err := r.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ledger.ParseReport(b)
		if err != nil {
			if entente.KindOf(err) != entente.Invalid {
				t.Fatal(err)
			}
			return
		}
		out, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.ParseReport(out); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
	})
}
