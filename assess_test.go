package entente_test

import (
	"fmt"
	"strings"
	"testing"

	"entente"
)

// The tables of STIX 2.1 Appendix A, at both ends of every range.
func TestConfidenceWords(t *testing.T) {
	for scale, ranges := range map[string]string{
		"words": "0 None|1-29 Low|30-69 Med|70-100 High",
		"ten":   "0-4 0|5-14 1|15-24 2|25-34 3|35-44 4|45-54 5|55-64 6|65-74 7|75-84 8|85-94 9|95-100 10",
		"admiralty": "0-19 5 - Improbable|20-39 4 - Doubtful|40-59 3 - Possibly True|60-79 2 - Probably True|" +
			"80-100 1 - Confirmed by other sources",
		"wep": "0 Impossible|1-19 Highly Unlikely/Almost Certainly Not|20-39 Unlikely/Probably Not|40-59 Even Chance|60-79 Likely/Probable|" +
			"80-99 Highly likely/Almost Certain|100 Certain",
		"dni": "0-9 Almost No Chance / Remote|10-19 Very Unlikely / Highly Improbable|20-39 Unlikely / Improbable|" +
			"40-59 Roughly Even Chance / Roughly Even Odds|60-79 Likely / Probable|80-89 Very Likely / Highly Probable|90-100 Almost Certain / Nearly Certain",
	} {
		seen := 0
		for _, r := range strings.Split(ranges, "|") {
			span, term, _ := strings.Cut(r, " ")
			var from, to int
			if n, _ := fmt.Sscanf(span, "%d-%d", &from, &to); n == 1 {
				to = from
			}
			for c := from; c <= to; c++ {
				if got := entente.ConfidenceWords(c)[scale]; got != term {
					t.Errorf("%s of %d is %q, not %q", scale, c, got, term)
				}
				seen++
			}
		}
		if seen != 101 {
			t.Errorf("%s: %d confidences were tried", scale, seen)
		}
	}
	for _, none := range []int{-1, 101} {
		if got := entente.ConfidenceWords(none); len(got) != 2 || got["words"] != "Not Specified" || got["admiralty"] != "6 - Truth cannot be judged" {
			t.Errorf("%d: %v", none, got)
		}
	}
}

// claimed makes what a source says: "id modified", with what is set besides.
func claimed(source, id, modified string, set func(*entente.Claimed)) entente.Claimed {
	at, err := entente.ParseInstant(modified)
	if err != nil {
		panic(err)
	}
	typ, _, _ := strings.Cut(id, "--")
	c := entente.Claimed{Source: source, Arrived: at.Micros, Version: &entente.Version{ID: entente.ObjectID(id), Type: typ, Spec: entente.Spec21, Modified: at, Confidence: -1}}
	copy(c.Version.Digest[:], id+modified+source)
	if set != nil {
		set(&c)
	}
	return c
}

func names(to string, confidence int) func(*entente.Claimed) {
	return func(c *entente.Claimed) {
		c.Statement = entente.Statement{Relationship: entente.Attribution, From: "campaign--1", To: entente.ObjectID(to)}
		c.Version.Confidence = confidence
	}
}

func says(s entente.Stance, about ...entente.ObjectID) func(*entente.Claimed) {
	return func(c *entente.Claimed) { c.Statement = entente.Statement{Stance: s, About: about} }
}

// told writes assessments in a short form: each matter with its claims, surest first.
func told(all []entente.Assessment) string {
	var out []string
	for _, a := range all {
		text := a.Relationship + "("
		if a.Differ {
			text = "differ " + text
		}
		for i, c := range a.Claims {
			if i > 0 {
				text += "; "
			}
			text += fmt.Sprintf("%s %s %+d-%d", c.Source, c.Version.ID, c.For, c.Against)
			if c.Version.Revoked {
				text += " revoked"
			}
			if c.Newer != "" {
				text += " newer " + c.Newer[:10]
			}
			for _, v := range c.Views {
				text += " " + v.Statement.Stance.String()
				if v.Struck != nil {
					text += " struck"
				}
			}
		}
		out = append(out, text+")")
	}
	return strings.Join(out, " ")
}

func TestAssess(t *testing.T) {
	const jan, feb, mar = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
	campaign := claimed("A", "campaign--1", jan, nil)
	one, two := claimed("A", "relationship--1", jan, names("set--a", 30)), claimed("B", "relationship--2", feb, names("set--b", 80))
	revoked := func(c *entente.Claimed) { names("set--c", 100)(c); c.Version.Revoked = true }
	uses := claimed("A", "relationship--3", jan, func(c *entente.Claimed) {
		c.Statement = entente.Statement{Relationship: "uses", From: "campaign--1", To: "tool--1"}
	})
	elsewhere := claimed("A", "relationship--4", jan, func(c *entente.Claimed) {
		c.Statement = entente.Statement{Relationship: "uses", From: "tool--1", To: "campaign--1"}
	})
	against := claimed("A", "opinion--1", jan, says(entente.StronglyDisagree, "relationship--2"))
	for name, c := range map[string]struct {
		id      entente.ObjectID
		held    []entente.Claimed
		strikes []entente.Strike
		want    string
	}{
		"nothing":       {"campaign--9", []entente.Claimed{campaign}, nil, ""},
		"one":           {"campaign--1", []entente.Claimed{campaign}, nil, "(A campaign--1 +0-0)"},
		"two sources":   {"campaign--1", []entente.Claimed{campaign, claimed("B", "campaign--1", feb, nil)}, nil, "differ (A campaign--1 +0-0 newer 2026-02-01; B campaign--1 +0-0)"},
		"its latest":    {"campaign--1", []entente.Claimed{campaign, claimed("A", "campaign--1", mar, nil), claimed("A", "campaign--1", feb, nil)}, nil, "(A campaign--1 +0-0)"},
		"attributions":  {"campaign--1", []entente.Claimed{uses, elsewhere, one, campaign, two}, nil, "(A campaign--1 +0-0) differ attributed-to(B relationship--2 +0-0; A relationship--1 +0-0) uses(A relationship--3 +0-0)"},
		"by one of two": {"relationship--1", []entente.Claimed{uses, one, campaign, two}, nil, "differ attributed-to(B relationship--2 +0-0; A relationship--1 +0-0)"},
		"revoked": {"relationship--1", []entente.Claimed{one, claimed("C", "relationship--5", mar, revoked)}, nil,
			"attributed-to(A relationship--1 +0-0; C relationship--5 +0-0 revoked)"},
		"opinions": {"relationship--1", []entente.Claimed{one, two, against, claimed("B", "opinion--2", feb, says(entente.Agree, "relationship--1", "relationship--2")),
			claimed("B", "opinion--3", mar, says(entente.Neutral, "relationship--1"))}, nil,
			"differ attributed-to(B relationship--2 +1-1 strongly-disagree agree; A relationship--1 +1-0 agree neutral)"},
		"changed its mind": {"relationship--2", []entente.Claimed{two, against, claimed("A", "opinion--1", mar, says(entente.StronglyAgree, "relationship--2"))}, nil,
			"attributed-to(B relationship--2 +1-0 strongly-agree)"},
		"handed on": {"relationship--2", []entente.Claimed{two, against, claimed("C", "opinion--1", jan, says(entente.StronglyDisagree, "relationship--2"))}, nil,
			"attributed-to(B relationship--2 +0-1 strongly-disagree strongly-disagree)"},
		"struck": {"relationship--2", []entente.Claimed{two, against}, []entente.Strike{{Object: "opinion--1", Organisation: "A"}},
			"attributed-to(B relationship--2 +0-0 strongly-disagree struck)"},
		"struck by another": {"relationship--2", []entente.Claimed{two, against}, []entente.Strike{{Object: "opinion--1", Organisation: "B"}},
			"attributed-to(B relationship--2 +0-1 strongly-disagree)"},
		"a revoked opinion": {"relationship--2", []entente.Claimed{two, claimed("A", "opinion--1", jan, func(c *entente.Claimed) { says(entente.Disagree, "relationship--2")(c); c.Version.Revoked = true })}, nil,
			"attributed-to(B relationship--2 +0-0 disagree)"},
	} {
		if got := told(entente.Assess(c.id, c.held, c.strikes)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}
