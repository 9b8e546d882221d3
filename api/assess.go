package api

import (
	"net/url"

	"entente"
	"entente/node"
	"entente/taxii"
)

// Assessments is what /api/assessments answers.
type Assessments struct {
	ID      string       `json:"id"`
	Matters []Assessment `json:"matters"`
	More    bool         `json:"more"`
}

// Assessment is one matter, with what is claimed about it side by side.
type Assessment struct {
	Subject      string  `json:"subject"`
	Relationship string  `json:"relationship,omitempty"`
	Differ       bool    `json:"differ"`
	Claims       []Claim `json:"claims"`
}

// Claim is what one source claims.
type Claim struct {
	ID         string            `json:"id"`
	Version    string            `json:"version"`
	Digest     string            `json:"digest"`
	Source     string            `json:"source"`
	CreatedBy  entente.ObjectID  `json:"created_by,omitempty"`
	Target     entente.ObjectID  `json:"target,omitempty"`
	Confidence *int              `json:"confidence"`
	Words      map[string]string `json:"words"`
	Revoked    bool              `json:"revoked"`
	Newer      string            `json:"newer,omitempty"`
	For        int               `json:"for"`
	Against    int               `json:"against"`
	Views      []View            `json:"views"`
}

// View is an opinion about a claim, or a note of dissent.
type View struct {
	ID         string           `json:"id"`
	Version    string           `json:"version"`
	Source     string           `json:"source"`
	CreatedBy  entente.ObjectID `json:"created_by,omitempty"`
	Opinion    string           `json:"opinion"`
	Text       string           `json:"text"`
	Confidence *int             `json:"confidence"`
	Counts     bool             `json:"counts"`
	Revoked    bool             `json:"revoked"`
	Struck     *Strike          `json:"struck,omitempty"`
}

// Strike says who struck dissent, when and why.
type Strike struct {
	By     string `json:"by"`
	At     string `json:"at"`
	Reason string `json:"reason"`
}

// assessments answers what is claimed about an object: ?id=….
func (s *Server) assessments(c *call) error {
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return entente.Wrap(entente.Invalid, err, "the parameters cannot be read")
	}
	if len(q["id"]) != 1 {
		return entente.Errorf(entente.Invalid, "name one object, as id")
	}
	id, err := entente.ParseObjectID(q.Get("id"))
	if err != nil {
		return err
	}
	found, err := s.node.Assessments(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	body, err := taxii.Encode(ViewAssessments(found))
	if err != nil {
		return err
	}
	c.json(body)
	return nil
}

// ViewAssessments is the form in which assessments are answered.
func ViewAssessments(a node.Assessed) Assessments {
	out := Assessments{ID: string(a.Object), Matters: []Assessment{}, More: a.More}
	for _, m := range a.Matters {
		x := Assessment{Subject: string(m.Subject), Relationship: m.Relationship, Differ: m.Differ, Claims: []Claim{}}
		for _, k := range m.Claims {
			v := k.Version
			y := Claim{ID: string(v.ID), Version: versionOf(k.Claimed), Digest: v.Digest.String(), Source: a.Organisations[k.Source], CreatedBy: v.CreatedBy,
				Target: k.Statement.To, Confidence: confidence(v), Words: entente.ConfidenceWords(v.Confidence), Revoked: v.Revoked, Newer: k.Newer,
				For: k.For, Against: k.Against, Views: []View{}}
			for _, w := range k.Views {
				y.Views = append(y.Views, ViewOf(w, a.Organisations, a.Accounts))
			}
			x.Claims = append(x.Claims, y)
		}
		out.Matters = append(out.Matters, x)
	}
	return out
}

// ViewOf is the form in which a view is answered.
func ViewOf(w entente.View, organisations, accounts map[string]string) View {
	v := w.Version
	out := View{ID: string(v.ID), Version: versionOf(w.Claimed), Source: organisations[w.Source], CreatedBy: v.CreatedBy, Opinion: w.Statement.Stance.String(),
		Text: w.Statement.Text, Confidence: confidence(v), Counts: w.Counts(), Revoked: v.Revoked}
	if k := w.Struck; k != nil {
		out.Struck = &Strike{By: accounts[k.Account], At: entente.FormatMicros(k.At), Reason: k.Reason}
	}
	return out
}

// versionOf is the version as TAXII names it.
func versionOf(c entente.Claimed) string {
	if s := c.Version.Stamp().Text; s != "" {
		return s
	}
	return entente.FormatMicros(c.Arrived)
}

// confidence is what an object states, nil where it states none.
func confidence(v *entente.Version) *int {
	if v.Confidence < 0 {
		return nil
	}
	return &v.Confidence
}
