package selftest

import (
	"fmt"
	"strings"
)

// who is a party of the history. Home comes first; partner reads in the trial, other is
// another partner with an agreement of its own over the same collection.
type who int

const (
	home who = iota
	partner
	other
)

func (w who) String() string { return [...]string{"home", "partner", "other"}[w] }

// level is a marking: none, or one of TLP from clear (1) to red (5).
type level int

var levelIDs = [...]string{"", // TLP 2.0
	"94868c89-83c2-464b-929b-a1a8aa3c8487", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
	"939a9414-2ddd-4d32-a0cd-375ea402b003", "e828b379-4e03-4974-9ac4-e53a884c97c1"}

// levelIDs1 are the same of TLP 1, "" where that has none.
var levelIDs1 = [...]string{"", "613f2e26-407d-48c7-9eca-b8e91df99dc9", "34098fce-860f-48ae-8e50-ebd3cc5e41da", "f88d31f6-486f-44da-b317-01333bde0b82", "",
	"5e57c739-391a-4eb3-b6be-7d15ca92d5ed"}

var levelNames = [...]string{"unmarked", "clear", "green", "amber", "amber+strict", "red"}

// thing is an object of the history, whatever its versions.
type thing struct {
	number int
	typ    string
	id     string
	maker  *thing // the identity that its versions name as their creator, nil for none; some name another
	refs   []*thing
}

// version is one content that somebody may submit.
type version struct {
	of      *thing
	second  int // its moment: seconds after the beginning
	variant int // contents differ by it
	mark    level
	part    level // what a granular marking says, 0 for none
	told    telling
	maker   *thing // the identity that it names as its creator, nil for none
	refs    []*thing
	label   string
}

// telling is in which way a version says its marking.
type telling int

const (
	byTLP2 telling = iota
	byTLP1
	byTwo // CLEAR beside it
	ways
)

// refsOf are the ids of the definitions that say a marking.
func (w telling) refsOf(l level) []string {
	switch {
	case w == byTLP1 && levelIDs1[l] != "":
		return []string{levelIDs1[l]}
	case w == byTwo:
		return []string{levelIDs[1], levelIDs[l]}
	}
	return []string{levelIDs[l]}
}

// text is the object as it is sent.
func (v version) text() string {
	var b strings.Builder
	moment := fmt.Sprintf("2026-01-01T00:%02d:%02d.000Z", v.second/60, v.second%60)
	fmt.Fprintf(&b, `{"type":%q,"spec_version":"2.1","id":%q,"created":"2026-01-01T00:00:00.000Z","modified":%q`, v.of.typ, v.of.id, moment)
	if v.maker != nil {
		fmt.Fprintf(&b, `,"created_by_ref":%q`, v.maker.id)
	}
	switch v.of.typ {
	case "identity":
		fmt.Fprintf(&b, `,"name":"Maker %d","identity_class":"organization"`, v.variant)
	case "malware":
		fmt.Fprintf(&b, `,"name":"Malware %d","is_family":false`, v.variant)
	case "tool":
		fmt.Fprintf(&b, `,"name":"Tool %d"`, v.variant)
	case "relationship":
		fmt.Fprintf(&b, `,"relationship_type":"related-to","description":"d%d","source_ref":%q,"target_ref":%q`, v.variant, v.refs[0].id, v.refs[1].id)
	case "opinion":
		fmt.Fprintf(&b, `,"opinion":"disagree","explanation":"Opinion %d","object_refs":[%q]`, v.variant, v.refs[0].id)
	case "report":
		ids := make([]string, len(v.refs))
		for i, r := range v.refs {
			ids[i] = fmt.Sprintf("%q", r.id)
		}
		fmt.Fprintf(&b, `,"name":"Report %d","published":"2026-01-01T00:00:00Z","report_types":["threat-report"],"object_refs":[%s]`, v.variant, strings.Join(ids, ","))
	}
	if v.label != "" {
		fmt.Fprintf(&b, `,"labels":[%q]`, v.label)
	}
	if v.mark != 0 {
		fmt.Fprintf(&b, `,"object_marking_refs":["marking-definition--%s"]`, strings.Join(v.told.refsOf(v.mark), `","marking-definition--`))
	}
	if v.part != 0 {
		fmt.Fprintf(&b, `,"granular_markings":[{"marking_ref":"marking-definition--%s","selectors":["type"]}]`, levelIDs[v.part])
	}
	return b.String() + "}"
}

// needs are the objects without which the version does not go.
func (v version) needs() []*thing {
	out := v.refs
	if v.maker != nil && v.maker != v.of {
		out = append(append([]*thing{}, out...), v.maker)
	}
	return out
}

// action is what a step does.
type action int

const (
	submit  action = iota // versions into the covered collection; a partner's through its agreement
	aside                 // versions into a collection that no agreement of the partner covers
	remove                // a source deletes an object of its own
	decide                // home withdraws an object from the partner's agreement
	traffic               // the other partner reads, posts nonsense, signs in wrongly
	forAll                // home restricts an object, in every agreement, to a level or altogether
	lift                  // home lifts what it restricted of an object
	approve               // two people at home approve a version
	refuse                // one refuses it
	amend                 // other terms for the partner's agreement are in force
	pause                 // the partner's agreement is suspended, looked at, and restored
	affair                // home does something that is none of the partner's business
	stopped               // the other partner is stopped, and let in again at once unless it stays so
)

var actionNames = [...]string{"submit", "aside", "remove", "withdraw", "traffic", "restrict", "lift", "approve", "refuse", "amend", "suspend and restore", "affair", "stop"}

// step is one event of a history.
type step struct {
	hidden   bool
	by       who
	action   action
	versions []version
	object   *thing
	to       level  // of a restriction; above red: withdrawn
	kind     int    // of an affair
	terms    agreed // that are amended
	stays    bool   // a stop is not lifted at once, but by the next
	number   int    // of the visible ones, from 1: what their randomness is drawn from
}

func (s step) String() string {
	text := fmt.Sprintf("%s by %s", actionNames[s.action], s.by)
	if s.hidden {
		text = "hidden " + text
	}
	for _, v := range s.versions {
		text += fmt.Sprintf("\n    %s +%ds variant %d %s", v.of.id, v.second, v.variant, levelNames[v.mark])
		if v.part != 0 {
			text += " part " + levelNames[v.part]
		}
		if v.maker != nil {
			text += " made by " + v.maker.id[len(v.maker.id)-4:]
		}
		for _, r := range v.refs {
			text += " -> " + r.id[len(r.id)-4:]
		}
	}
	if s.object != nil {
		text += " " + s.object.id
	}
	switch {
	case s.action == forAll && s.to > 5:
		text += " out of everything"
	case s.action == forAll:
		text += " to " + levelNames[s.to]
	case s.action == amend:
		text += fmt.Sprintf(" to %+v", s.terms)
	case s.action == affair:
		text += " " + affairs[s.kind].name
	}
	if s.stays {
		text += ", who stays stopped"
	}
	return text
}

// agreed are the terms of the partner's agreement in a trial.
type agreed struct {
	highest  level // 1 to 4
	unmarked level // 0: withheld
	open     bool
	withdraw bool  // stricter = withdraw
	approval level // from which on two people approve; 0: never
	floor    level // of the collection; 0 for none
	noTools  bool  // except_types = tool
	onward   bool  // the other's agreement lets go on what came through it
	near     bool  // both are of one community
	client   bool  // the partner is a client of home's
}

// history is what happens in a trial.
type history struct {
	terms  agreed
	things []*thing
	steps  []step
}
