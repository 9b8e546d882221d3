package stix

import (
	"slices"

	"github.com/go-json-experiment/json"

	entente "entente"
)

// dissent reads what an opinion against something (STIX 2.1 §4.15) or a note marked as
// dissent (§4.13) is about. Whoever revokes one dissents no more.
func (c *checker) dissent(v *entente.Version) {
	switch {
	case v.Type == "opinion":
		if !entente.ParseStance(c.text(0, "opinion")).Against() {
			return
		}
	case v.Type != "note" || !slices.Contains(v.Labels, entente.DissentLabel):
		return
	}
	if !v.Revoked && v.Spec != entente.Spec20 {
		v.Dissent = c.identifiers(0, "object_refs")
	}
}

// text is what the string of a member says, "" where there is none.
func (c *checker) text(k int, name string) string {
	if at := c.member(k, name); at > 0 && c.nodes[at].kind == '"' {
		return c.string(at)
	}
	return ""
}

// identifiers reads the identifiers of a list, each once.
func (c *checker) identifiers(k int, name string) []entente.ObjectID {
	at := c.member(k, name)
	if at == 0 || c.nodes[at].kind != '[' {
		return nil
	}
	var out []entente.ObjectID
	seen := map[entente.ObjectID]bool{}
	for i, end := c.children(at); i < end; i = c.after(i) {
		if c.nodes[i].kind != '"' {
			continue
		}
		if id, ok := c.identifier(i); ok && !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// StatementOf reads what an object that [Parse] has taken states beside its common
// properties: a relationship (STIX 2.1 §5.1), an opinion (§4.15) or a note (§4.13). It is
// false for any other type, and for what cannot be read.
func StatementOf(raw []byte) (entente.Statement, bool) {
	s := getScratch()
	defer s.put()
	if !s.tape.read(raw) || s.tape.nodes[0].kind != '{' {
		return entente.Statement{}, false
	}
	c := checker{tape: &s.tape}
	reference := func(name string) entente.ObjectID {
		if at := c.member(0, name); at > 0 && c.nodes[at].kind == '"' {
			id, _ := c.identifier(at)
			return id
		}
		return ""
	}
	switch c.text(0, "type") {
	case "relationship":
		x := entente.Statement{Relationship: c.text(0, "relationship_type"), From: reference("source_ref"), To: reference("target_ref")}
		return x, x.From != "" && x.To != ""
	case "opinion":
		return entente.Statement{Stance: entente.ParseStance(c.text(0, "opinion")), Text: c.text(0, "explanation"), About: c.identifiers(0, "object_refs")}, true
	case "note":
		x := entente.Statement{Text: c.text(0, "content"), About: c.identifiers(0, "object_refs")}
		if at := c.member(0, "labels"); at > 0 && c.nodes[at].kind == '[' {
			for i, end := c.children(at); i < end; i = c.after(i) {
				if c.nodes[i].kind == '"' && c.string(i) == entente.DissentLabel {
					x.Stance = entente.Disagree
				}
			}
		}
		return x, true
	}
	return entente.Statement{}, false
}

// DissentDraft is dissent that is about to be written.
type DissentDraft struct {
	ID        string // UUID
	Note      bool   // a note marked as dissent, not an opinion
	Strongly  bool   // strongly-disagree; of an opinion
	About     entente.ObjectID
	Text      string
	Authors   []string
	CreatedBy entente.ObjectID // "" for none
	Marking   entente.ObjectID // "" for none
	Now       int64            // microseconds since 1970
}

// Object writes the dissent as a STIX object of version 2.1.
func (d DissentDraft) Object() ([]byte, error) {
	at := entente.FormatMicros(d.Now)
	o := struct {
		Type        string   `json:"type"`
		Spec        string   `json:"spec_version"`
		ID          string   `json:"id"`
		CreatedBy   string   `json:"created_by_ref,omitempty"`
		Created     string   `json:"created"`
		Modified    string   `json:"modified"`
		Labels      []string `json:"labels,omitempty"`
		Content     string   `json:"content,omitempty"`
		Explanation string   `json:"explanation,omitempty"`
		Authors     []string `json:"authors,omitempty"`
		Opinion     string   `json:"opinion,omitempty"`
		About       []string `json:"object_refs"`
		Markings    []string `json:"object_marking_refs,omitempty"`
	}{Type: "opinion", Spec: "2.1", CreatedBy: string(d.CreatedBy), Created: at, Modified: at, Authors: d.Authors, About: []string{string(d.About)}}
	switch {
	case d.Note:
		o.Type, o.Content, o.Labels = "note", d.Text, []string{entente.DissentLabel}
	case d.Strongly:
		o.Opinion, o.Explanation = "strongly-disagree", d.Text
	default:
		o.Opinion, o.Explanation = "disagree", d.Text
	}
	o.ID = o.Type + "--" + d.ID
	if d.Marking != "" {
		o.Markings = []string{string(d.Marking)}
	}
	return json.Marshal(o)
}
