package ledger

import (
	"cmp"
	"slices"

	"entente"
)

// Figure is one figure of a report: of a partner and a purpose, of a partner whatever the
// purpose, or of all together.
type Figure struct {
	Partner string `json:"partner"` // id, "" for all together
	Purpose string `json:"purpose"` // of the terms in force, "" where there is none
	Figure  string `json:"figure"`  // what is counted
	Count   int64  `json:"count"`
}

// What is counted. The names of some go on with a rule, a reason or a kind.
const (
	Released       = "released"             // entries that entered release feeds
	Withdrawn      = "withdrawn"            // entries that left them
	WithheldBy     = "withheld: "           // versions that did not enter, by the rule
	ServedPages    = "served pages"         // pages that were sent
	ServedEntries  = "served entries"       // entries in them
	Submitted      = "submitted"            // versions that were submitted
	Denied         = "denied: "             // requests that were refused, by the kind of the refusal
	StopsPlaced    = "stops placed"         //
	StopsLifted    = "stops lifted"         //
	Decided        = "decided: "            // decisions of people about objects, by what was decided
	Unreviewed     = "urgent unreviewed"    // urgent releases that no second person had reviewed at the end
	DissentRaised  = "dissent raised"       // opinions and notes
	DissentStruck  = "dissent struck"       //
	Findings       = "findings"             // of reviewers
	Recommended    = "recommended: suspend" // by reviewers
	Answered       = "answered: "           // recommendations, by the answer
	SignInsRefused = "sign-ins refused"     //
)

// cell is where something is counted before it is known who the members of the terms are.
type cell struct {
	partner string // of what is one partner's, else ""
	terms   string // the hash of the terms, "" where there is none
	figure  string
}

// owed is an urgent release that waits for its review.
type owed struct {
	by, terms string
	counts    bool // it was released in the time of the report
}

// Figures counts what the events of a ledger tell of a time. What it needs grows with the
// number of agreements, partners and figures, and not with that of events, but for urgent
// releases that were never reviewed.
type Figures struct {
	from, to string
	cells    map[cell]int64
	terms    map[string]entente.TermsRef // by hash
	force    map[string]string           // the hash of the terms in force, by agreement
	seen     map[[2]string]string        // the same as a partner was told, by partner and agreement
	staged   map[string]map[string]int64 // what counts from the next flip on, by feed
	owed     map[[3]string]owed          // by agreement, object and version
}

// NewFigures begins to count what happened from one moment up to before another, both in
// microseconds since 1970.
func NewFigures(from, to int64) *Figures {
	return &Figures{from: entente.FormatMicros(from), to: entente.FormatMicros(to), cells: map[cell]int64{}, terms: map[string]entente.TermsRef{},
		force: map[string]string{}, seen: map[[2]string]string{}, staged: map[string]map[string]int64{}, owed: map[[3]string]owed{}}
}

// Add takes an event. Those of a log are added in their order; of different logs in any.
func (f *Figures) Add(in Entered) error {
	e, err := readWhole(in.Raw)
	if err != nil || e.Time >= f.to {
		return err
	}
	now := e.Time >= f.from
	if in.Partner != "" {
		f.ofPartner(in.Partner, e, now)
		return nil
	}
	if e.Terms != nil && len(e.Terms.Members) > 0 {
		f.terms[e.Terms.Hash] = *e.Terms
	}
	agreement := e.About["agreement"]
	add := func(partner, terms, figure string, n int64) {
		if now && n != 0 {
			f.cells[cell{partner, terms, figure}] += n
		}
	}
	switch e.Kind {
	case KindJudge, KindFlip, KindUnstage:
		f.feeds(e, add)
	case "decide":
		f.decided(e, now, add)
	case "submit", "dissent": // of a partner its own log tells
		add("", "", Submitted, int64(e.Count))
		add("", "", DissentRaised, int64(e.Dissent))
	case "dissent-strike":
		add("", "", DissentStruck, 1)
	case "deny":
		if len(e.Shared) == 0 {
			add("", "", Denied+e.Result, 1)
		}
	case "sign-in-failed":
		if len(e.Shared) == 0 {
			add("", "", SignInsRefused, 1)
		}
	case "stop":
		add(e.About["partner"], "", StopsPlaced, 1)
	case "stop-lift":
		add(e.About["partner"], "", StopsLifted, 1)
	case "review-note":
		add("", "", Findings, 1)
	case "recommend":
		add(e.About["partner"], f.force[agreement], Recommended, 1)
	case "recommend-answer":
		add(e.About["partner"], f.force[agreement], Answered+e.Result, 1)
	}
	return nil
}

// feeds counts what the events of appliers tell. What is staged counts when it is seen.
func (f *Figures) feeds(e entente.Event, add func(partner, terms, figure string, n int64)) {
	hash := ""
	if e.Terms != nil {
		hash = e.Terms.Hash
	}
	switch e.Kind {
	case KindUnstage:
		for _, h := range e.Feeds {
			delete(f.staged, h.Feed)
		}
	case KindFlip:
		f.force[e.About["agreement"]] = hash
		for _, h := range e.Feeds {
			for figure, n := range f.staged[h.Feed] {
				add("", hash, figure, n)
			}
			delete(f.staged, h.Feed)
		}
	case KindJudge:
		count := func(figure string, n int) { add("", hash, figure, int64(n)) }
		if e.Result == "staged" {
			feed := e.About["feed"]
			if f.staged[feed] == nil {
				f.staged[feed] = map[string]int64{}
			}
			count = func(figure string, n int) { f.staged[feed][figure] += int64(n) }
		} else {
			f.force[e.About["agreement"]] = hash
		}
		if e.Entries != nil {
			count(Released, e.Entries.Count)
		}
		if e.Gone != nil {
			count(Withdrawn, e.Gone.Count)
		}
		for rule, n := range e.Rules {
			count(WithheldBy+rule, n.Count)
		}
	}
}

// decided counts what people decided about objects.
func (f *Figures) decided(e entente.Event, now bool, add func(partner, terms, figure string, n int64)) {
	agreement := e.About["agreement"]
	terms := f.force[agreement]
	add("", terms, Decided+e.Result, 1)
	of := [3]string{agreement, e.About["object"]}
	if e.Versions != nil {
		of[2] = e.Versions.Root
	}
	by := ""
	if e.By != nil {
		by = e.By.Account
	}
	switch e.Result {
	case entente.Urgent.String():
		f.owed[of] = owed{by, terms, now}
	case entente.Reviewed.String():
		if o, ok := f.owed[of]; ok && o.by != by {
			delete(f.owed, of)
		}
	}
}

// ofPartner counts what the log of a partner tells of it.
func (f *Figures) ofPartner(partner string, e entente.Event, now bool) {
	agreement := e.About["agreement"]
	add := func(figure string, n int64) {
		if now && n != 0 {
			f.cells[cell{partner, f.seen[[2]string{partner, agreement}], figure}] += n
		}
	}
	switch e.Kind {
	case "agreement":
		if e.Terms != nil {
			f.seen[[2]string{partner, agreement}] = e.Terms.Hash
		}
	case KindDeliver:
		add(ServedPages, 1)
		if e.Content() {
			add(ServedEntries, int64(e.Count))
		}
	case "submit":
		add(Submitted, int64(e.Count))
		add(DissentRaised, int64(e.Dissent))
	case "deny":
		add(Denied+e.Result, 1)
	case "sign-in-failed":
		add(SignInsRefused, 1)
	}
}

// Figures gives what was counted, but for what is 0, by partner, purpose and name: each of
// all together, and of each partner by the purpose of the terms. What concerns an agreement
// counts for each of its members.
func (f *Figures) Figures() []Figure {
	all := map[Figure]int64{}
	add := func(c cell, n int64) {
		purpose := f.terms[c.terms].Purpose
		partners := f.terms[c.terms].Members
		if c.partner != "" {
			partners = []string{c.partner}
		}
		all[Figure{Figure: c.figure}] += n
		for _, p := range partners {
			all[Figure{Partner: p, Purpose: purpose, Figure: c.figure}] += n
		}
	}
	for c, n := range f.cells {
		add(c, n)
	}
	for _, o := range f.owed {
		if o.counts {
			add(cell{"", o.terms, Unreviewed}, 1)
		}
	}
	out := make([]Figure, 0, len(all))
	for x, n := range all {
		x.Count = n
		out = append(out, x)
	}
	slices.SortFunc(out, compareFigures)
	return out
}

func compareFigures(a, b Figure) int {
	return cmp.Or(cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Figure, b.Figure))
}
