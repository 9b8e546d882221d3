package api

import (
	"strings"
	"testing"
)

func attributed(n int, to string, confidence string) string {
	return `{"type":"relationship","spec_version":"2.1","id":"` + strings.Replace(indicatorID(n), "indicator", "relationship", 1) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","relationship_type":"attributed-to","source_ref":"` +
		indicatorID(1) + `","target_ref":"` + to + `"` + confidence + `}`
}

// Claims stand side by side, within what the account may read: what it may not read is
// not there, and what it may not know of is what nobody has.
func TestAssessments(t *testing.T) {
	w := newWorld(t, Config{})
	const a, b = "intrusion-set--00000000-0000-4000-8000-00000000000a", "intrusion-set--00000000-0000-4000-8000-00000000000b"
	opinion := `{"type":"opinion","spec_version":"2.1","id":"opinion--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","opinion":"disagree","explanation":"why","object_refs":["` +
		strings.Replace(indicatorID(2), "indicator", "relationship", 1) + `"]}`
	w.post("editor", indicator(1, 0), attributed(2, a, `,"confidence":85`), attributed(3, b, ""), opinion)
	r := w.do(request{method: "POST", path: "/api1/collections/" + w.other + "/objects/", as: "operator", body: `{"objects":[` + attributed(4, b, `,"confidence":20`) + `]}`})
	if r.status != 202 {
		t.Fatal(r.body)
	}
	w.must(w.node.CatchUp(t.Context(), nil))
	path := "/api/assessments?id=" + indicatorID(1)
	for as, claims := range map[string]int{"reader": 2, "editor": 2, "operator": 3} {
		got := decode[Assessments](t, w.get(as, path))
		if len(got.Matters) != 2 || len(got.Matters[1].Claims) != claims {
			t.Fatalf("%s: %+v", as, got)
		}
		first, last := got.Matters[1].Claims[0], got.Matters[1].Claims[claims-1]
		switch {
		case !got.Matters[1].Differ || got.Matters[1].Relationship != "attributed-to":
			t.Errorf("%s: %+v", as, got.Matters[1])
		case first.Target != a || *first.Confidence != 85 || first.Words["admiralty"] != "1 - Confirmed by other sources" || first.Source != "home" ||
			first.Against != 1 || len(first.Views) != 1 || first.Views[0].Text != "why" || !first.Views[0].Counts:
			t.Errorf("%s: %+v", as, first)
		case last.Target != b || last.Confidence != nil || last.Against != 0:
			t.Errorf("%s: %+v", as, last)
		}
	}
	// Who may only write, who may do nothing, and what is not there: all the same.
	want := w.get("reader", "/api/assessments?id="+indicatorID(9))
	for _, as := range []string{"writer", "stranger"} {
		got := w.get(as, path)
		if got.status != 404 || got.body != strings.ReplaceAll(want.body, indicatorID(9), indicatorID(1)) {
			t.Errorf("%s: %d %s, and for what is not there %s", as, got.status, got.body, want.body)
		}
	}
	for _, bad := range []string{"", "?id=", "?id=x", "?id=%zz", "?id=" + indicatorID(1) + "&id=" + indicatorID(2)} {
		if r := w.get("reader", "/api/assessments"+bad); r.status != 400 {
			t.Errorf("%s: %d %s", bad, r.status, r.body)
		}
	}
}
