package stix

import (
	"slices"
	"strings"
	"testing"

	entente "entente"
)

// What dissents: opinions that disagree and notes with the label, unless they are revoked.
func TestDissent(t *testing.T) {
	const tool, other = "tool--00000000-0000-4000-8000-000000000001", "tool--00000000-0000-4000-8000-000000000002"
	object := func(typ, rest string) string {
		return `{"type":"` + typ + `","spec_version":"2.1","id":"` + typ + `--00000000-0000-4000-8000-000000000009","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z",` + rest + `}`
	}
	refs := `"object_refs":["` + tool + `","` + other + `","` + tool + `"]`
	both := []entente.ObjectID{tool, other}
	for raw, want := range map[string][]entente.ObjectID{
		object("opinion", `"opinion":"disagree",`+refs):                                              both,
		object("opinion", `"opinion":"strongly-disagree",`+refs):                                     both,
		object("opinion", `"opinion":"strongly\u002ddisagree",`+refs):                                both,
		object("opinion", `"opinion":"neutral",`+refs):                                               nil,
		object("opinion", `"opinion":"strongly-agree",`+refs):                                        nil,
		object("opinion", `"opinion":"",`+refs):                                                      nil,
		object("opinion", `"opinion":5,`+refs):                                                       nil,
		object("opinion", refs):                                                                      nil,
		object("opinion", `"opinion":"disagree"`):                                                    nil,
		object("opinion", `"opinion":"disagree","object_refs":["x",5,["`+tool+`"],"`+other+`"]`):     {other},
		object("opinion", `"opinion":"disagree","object_refs":"`+tool+`"`):                           nil,
		object("opinion", `"revoked":true,"opinion":"disagree",`+refs):                               nil,
		object("note", `"content":"c","labels":["a","dissent"],`+refs):                               both,
		object("note", `"content":"c","labels":["Dissent"],`+refs):                                   nil,
		object("note", `"content":"c",`+refs):                                                        nil,
		object("note", `"content":"c","revoked":true,"labels":["dissent"],`+refs):                    nil,
		object("report", `"name":"n","published":"2026-01-01T00:00:00Z","labels":["dissent"],`+refs): nil,
	} {
		v, findings := Parse([]byte(raw))
		if v == nil {
			t.Errorf("%s: %v", raw, findings)
			continue
		}
		if !slices.Equal(v.Dissent, want) {
			t.Errorf("%s dissents from %v", raw, v.Dissent)
		}
		// The statement says the same, but that it does not know of revoking.
		s, ok := StatementOf([]byte(raw))
		if against := ok && s.Stance.Against() && len(s.About) > 0; !v.Revoked && against != (want != nil) {
			t.Errorf("%s states %+v", raw, s)
		}
	}
}

func TestStatementOf(t *testing.T) {
	s, ok := StatementOf([]byte(`{"type":"relationship","relationship_type":"uses","source_ref":"tool--00000000-0000-4000-8000-000000000001","target_ref":"tool--00000000-0000-4000-8000-000000000002"}`))
	if !ok || s.Relationship != "uses" || !strings.HasSuffix(string(s.From), "1") || !strings.HasSuffix(string(s.To), "2") {
		t.Errorf("%+v, %v", s, ok)
	}
	for _, raw := range []string{``, `5`, `[]`, `{}`, `{"type":"tool"}`, `{"type":"relationship"}`, `{"type":"relationship","source_ref":"x","target_ref":5}`} {
		if s, ok := StatementOf([]byte(raw)); ok {
			t.Errorf("%s states %+v", raw, s)
		}
	}
}

// What is drafted is STIX without a flaw, and dissents from what it was drafted about.
func TestDissentDraft(t *testing.T) {
	for _, d := range []DissentDraft{
		{ID: "00000000-0000-4000-8000-000000000001", Text: "why"},
		{ID: "00000000-0000-4000-8000-000000000001", Strongly: true, Text: "\u202e <&> \"", Authors: []string{"Night desk", "ü"}},
		{ID: "00000000-0000-4000-8000-000000000001", Note: true, Text: "why", CreatedBy: "identity--00000000-0000-4000-8000-000000000002",
			Marking: entente.TLPGreen.Definition(), Now: 1_767_225_600_000_001},
	} {
		d.About = "tool--00000000-0000-4000-8000-000000000003"
		raw, err := d.Object()
		if err != nil {
			t.Fatal(err)
		}
		v, findings := Parse(raw)
		if v == nil || len(findings) > 0 || !slices.Equal(v.Dissent, []entente.ObjectID{d.About}) || v.CreatedBy != d.CreatedBy {
			t.Errorf("%s: %+v, %v", raw, v, findings)
		}
		if s, _ := StatementOf(raw); s.Text != d.Text {
			t.Errorf("%s states %+v", raw, s)
		}
	}
}
