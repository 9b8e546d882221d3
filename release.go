package entente

import (
	"fmt"
	"slices"
)

// Submission is a version that a source put into a covered collection: what the release
// rule judges.
type Submission struct {
	Place   int   // which of the agreement's feeds its collection belongs to
	Seq     int64 // its position in the collection's accept log
	Content int64 // its number in the store
	Key     StampKey
	Source  string // the organisation that put it there
	Via     string // id of the agreement through which it came, "" if not through one
	Author  string // id of the account that submitted it
	Arrived int64  // microseconds since 1970
	Step    int    // which step of an [Advance] brings it, 0 for what was there before
	Version *Version
}

// Standing is a version that stands in a release feed.
type Standing struct {
	Place int
	Line  Line  // Line.Content is what readers get
	Of    int64 // the content as it was submitted: another one where the copy is stamped
	Spec  Spec
	Key   StampKey
}

// Matter is one object with everything that its release through one agreement rests on.
type Matter struct {
	ID          ObjectID
	Submissions []Submission // what stands in the covered collections, by place and position
	Standing    []Standing   // what stands in the feeds, by place and position
	Restriction *Restriction // home's own, nil for none
	Decisions   []Decision   // about it in this agreement, oldest first
	Consents    []Consent    // permissions about it, of originators
	Dissent     []Dissent    // that home or its creator's organisation holds, not struck

	strict map[string]*Submission // see strictest
	left   map[resting]bool       // see HasLeft
}

// HasLeft notes that an entry stood in a feed, and does no more. Readers have seen it: what it
// rests on goes on to tell who made the object.
func (m *Matter) HasLeft(x Standing) {
	if m.left == nil {
		m.left = map[resting]bool{}
	}
	m.left[x.resting()] = true
}

// Circumstances are what releases through one agreement rest on beside the object.
type Circumstances struct {
	Now       int64 // microseconds since 1970
	Home      string
	Agreement *Agreement
	Floors    []TLP // of the feeds' collections, by place
	// Define says what a marking definition is on an object that a source supplied, by the
	// covered collections: see [DefinitionFor].
	Define func(id ObjectID, source string) Definition
	Owner  func(identity ObjectID) string // whose STIX identity this is: an organisation's id, "" unknown
	Others map[string]*Terms              // terms of the other agreements through which something came, by id
	Orders []StandingRelease              // standing releases that hold for this agreement
	// Present tells whether references to an object are no loose ends: it stands in one of
	// the feeds, or every member has it. Where it is nil rule 6 is left to the caller.
	Present func(ObjectID) bool
	// Copy gives the copy of a submission that is stamped with a marking: its number in the
	// store, and the version where the store has none yet.
	Copy func(*Submission, TLP) (content int64, made *Version, err error)
	// Closing tells that what stands may refer to what is not there, or not before it: the terms
	// before these did not ask for it.
	Closing bool
	// Anew tells that all that the logs hold is judged again, over several advances: nil if not.
	// Ends are then by place the positions of the logs before the first step, and after each.
	Anew *Anew
	Ends [][]int64
	// Telling has each rule say what it saw, and all rules asked although one has refused.
	Telling bool
}

// Restrict adds a restriction: of several, what is strictest counts.
func (m *Matter) Restrict(r Restriction) {
	if m.Restriction == nil {
		m.Restriction = &r
		return
	}
	if m.Restriction.To < r.To {
		m.Restriction.To, m.Restriction.Reason = r.To, r.Reason
	}
	if r.Withdraw && !m.Restriction.Withdraw {
		m.Restriction.Withdraw, m.Restriction.Reason = true, r.Reason
	}
}

// Release is the release rule: it judges whether a submission goes to an agreement's
// members, denies by default, and is the only place that decides it. Matter is the object's.
func Release(s *Submission, m *Matter, c *Circumstances) Verdict {
	return judge(s, m, c, slices.ContainsFunc(m.Standing, func(x Standing) bool { return x.rests(s) }))
}

var rules = [...]func(*releasing) Step{
	(*releasing).scope, (*releasing).marking, (*releasing).onward, (*releasing).limits,
	(*releasing).versions, (*releasing).closure, (*releasing).approval, (*releasing).dissent,
}

// judge is [Release] for who knows whether the submission is what stands in its feed.
func judge(s *Submission, m *Matter, c *Circumstances, stands bool) Verdict {
	r := releasing{s: s, m: m, c: c, t: &c.Agreement.Terms, stands: stands}
	for _, rule := range rules {
		step := rule(&r)
		if step.Ruling > Released || c.Telling {
			r.out.Steps = append(r.out.Steps, step)
		}
		if step.Ruling > r.out.Ruling {
			r.out.Ruling, r.out.Reason = step.Ruling, step.Reason
		}
		if r.out.Ruling == Withheld && !c.Telling {
			break
		}
	}
	if r.out.Ruling == Withheld { // what would go with it does not matter
		r.out.Stamp, r.out.With, r.out.Contested = TLPNone, nil, false
	}
	return r.out
}

// releasing is one submission under judgement.
type releasing struct {
	s      *Submission
	m      *Matter
	c      *Circumstances
	t      *Terms
	out    Verdict
	stands bool // it is what stands in its feed now
	// effective is the marking that counts, with what stands in for none.
	effective Marking
}

func (r *releasing) pass(rule Rule, format string, args ...any) Step {
	return r.step(rule, Released, NoReason, format, args...)
}

func (r *releasing) step(rule Rule, status Ruling, reason Reason, format string, args ...any) Step {
	s := Step{Rule: rule, Ruling: status, Reason: reason}
	if r.c.Telling {
		s.Saw = fmt.Sprintf(format, args...)
	}
	return s
}

// rests tells whether an entry rests on a submission.
func (x *Standing) rests(s *Submission) bool {
	return x.Place == s.Place && x.Of == s.Content && x.Line.Source == s.Source
}

func (r *releasing) scope() Step {
	feed := r.c.Agreement.Feeds[r.s.Place]
	if !r.t.Covers(feed.Collection) {
		return r.step(RuleScope, Withheld, NotCovered, "the terms do not cover the collection")
	}
	// What came through the agreement itself needs no receiver but its members.
	if feed.skips(r.s) && !r.stands && r.decided(Approve) == 0 {
		return r.step(RuleScope, Withheld, LeftOut, "it came before the agreement was in force or while it was suspended, and the choice of backlog left it out")
	}
	return r.pass(RuleScope, "the terms cover the collection")
}

// effectiveMarking is the marking that counts for any submission of the object, with what
// the terms put in place of none. Where it is stricter than what the object says of itself,
// the copy that is served is stamped with it: receivers know nothing of home's floors and
// restrictions, and take an unmarked object for CLEAR.
func (r *releasing) effectiveMarking(s *Submission) (m Marking, stamp TLP) {
	v := s.Version
	m = EffectiveMarking(v, r.define(s), TLPNone, TLPNone)
	whole := m.TLP
	if len(v.Granular) > 0 { // marks on parts do not mark the object
		only := *v
		only.Granular = nil
		whole = EffectiveMarking(&only, r.define(s), TLPNone, TLPNone).TLP
	}
	restricted := TLPNone
	if k := r.m.Restriction; k != nil {
		restricted = k.To
	}
	if v.Type == "marking-definition" { // needs none, and floors give it none
		m.TLP = max(m.TLP, restricted)
		return m, TLPNone
	}
	holds := max(whole, r.c.Floors[s.Place])
	// A restriction makes stricter and never lets go: what is unmarked stays unmarked.
	if holds == TLPNone {
		if r.t.Unmarked == TLPNone {
			return Marking{PAP: m.PAP, Unknown: m.Unknown}, TLPNone
		}
		holds = r.t.Unmarked
		if via := r.c.Others[s.Via]; via != nil {
			holds = max(holds, via.Unmarked)
		}
	}
	holds = max(holds, restricted)
	m.TLP = max(m.TLP, holds)
	if holds > whole { // it is not what the object says of itself as a whole
		stamp = m.TLP
	}
	return m, stamp
}

func (r *releasing) define(s *Submission) func(ObjectID) Definition {
	return func(id ObjectID) Definition { return r.c.Define(id, s.Source) }
}

// markingVerdict is rule 2 for any submission of the object.
func (r *releasing) markingVerdict(s *Submission) (Marking, TLP, Step) {
	m, stamp := r.effectiveMarking(s)
	k := r.m.Restriction
	var step Step
	switch {
	case k != nil && k.Withdraw:
		step = r.step(RuleMarking, Withheld, Restricted, "home has withdrawn the object: %s", k.Reason)
	case len(m.Unknown) > 0 && r.c.Define(m.Unknown[0], s.Source).Missing:
		step = r.step(RuleMarking, Pending, AwaitsReferences, "its marking %s is not here yet", m.Unknown[0])
		step.Awaits = m.Unknown[:1]
	case len(m.Unknown) > 0:
		step = r.step(RuleMarking, Withheld, UnknownMarking, "no rule is known for its marking %s", m.Unknown[0])
	case s.Version.Type == "marking-definition" && m.TLP == TLPNone:
		step = r.pass(RuleMarking, "a marking definition needs no marking")
	case m.TLP == TLPNone:
		step = r.step(RuleMarking, Withheld, Unmarked, "it is not marked, and the terms say nothing of unmarked objects")
	case m.TLP > r.t.Highest || m.TLP == TLPRed:
		reason := TooStrict
		if k != nil && k.To == m.TLP {
			reason = Restricted
		}
		step = r.step(RuleMarking, Withheld, reason, "its marking is %s, and the terms release up to %s", m.TLP, r.t.Highest)
	case stamp != TLPNone:
		step = r.pass(RuleMarking, "it goes with the marking %s, which is stricter than its own", stamp)
	default:
		step = r.pass(RuleMarking, "its marking is %s, and the terms release up to %s", m.TLP, r.t.Highest)
	}
	return m, stamp, step
}

func (r *releasing) marking() Step {
	var step Step
	r.effective, r.out.Stamp, step = r.markingVerdict(r.s)
	return step
}

// onward is rule 3. What came through this agreement is addressed to its members.
func (r *releasing) onward() Step {
	via := r.s.Via
	switch {
	case via == r.c.Agreement.ID:
		return r.pass(RuleOnward, "it came through this agreement and is addressed to its members")
	case via == "":
		return r.pass(RuleOnward, "it is home's to share")
	}
	for _, k := range r.m.Consents {
		if k.Agreement == r.c.Agreement.ID && k.Originator == r.s.Source && (k.Until == 0 || r.c.Now < k.Until || r.stands) {
			return r.pass(RuleOnward, "its originator permitted it for %q", k.Purpose)
		}
	}
	terms := r.c.Others[via]
	if terms == nil || !terms.Onward {
		return r.step(RuleOnward, Withheld, NotOnward, "it came through another agreement, whose terms let nothing go on; its originator may permit it")
	}
	to := OnwardTo{SameCommunity: terms.Community != "" && terms.Community == r.t.Community, Client: true}
	for _, member := range r.t.Members {
		if member.Receives() && !member.Client {
			to.Client = false
		}
	}
	// Marking definitions carry no information to be kept from anybody.
	if r.s.Version.Type != "marking-definition" && !r.effective.PermitsOnward(to) {
		return r.step(RuleOnward, Withheld, NotOnward, "it came through another agreement, and %s does not let it go on to every member here", r.effective.TLP)
	}
	return r.pass(RuleOnward, "it came through another agreement, and %s lets it go on to every member here", r.effective.TLP)
}

// limits is rule 4. Age counts when it is judged, and takes nothing out of a feed.
func (r *releasing) limits() Step {
	v, t := r.s.Version, r.t
	if v.Type == "marking-definition" {
		return r.pass(RuleLimits, "a marking definition has no limits")
	}
	switch {
	case len(t.Types) > 0 && !slices.Contains(t.Types, v.Type), slices.Contains(t.ExceptTypes, v.Type):
		return r.step(RuleLimits, Withheld, WrongType, "the terms do not release objects of type %s", v.Type)
	case len(t.Labels) > 0 && !anyOf(t.Labels, v.Labels):
		return r.step(RuleLimits, Withheld, WrongLabels, "it has none of the labels that the terms ask for")
	case anyOf(t.ExceptLabels, v.Labels):
		return r.step(RuleLimits, Withheld, WrongLabels, "it has a label that the terms leave out")
	case v.Confidence < 0 && t.NeedConfidence:
		return r.step(RuleLimits, Withheld, LowConfidence, "it states no confidence, which the terms ask for")
	case v.Confidence >= 0 && v.Confidence < t.Confidence:
		return r.step(RuleLimits, Withheld, LowConfidence, "its confidence is %d, and the terms ask for %d", v.Confidence, t.Confidence)
	}
	if t.AgeDays > 0 && !v.Stamp().IsZero() && !r.stands {
		if old := r.c.Now - v.Stamp().Micros; old > int64(t.AgeDays)*dayMicros {
			return r.step(RuleLimits, Withheld, TooOld, "it is %d days old, and the terms release up to %d", old/dayMicros, t.AgeDays)
		}
	}
	return r.pass(RuleLimits, "type, labels, confidence and age are within the terms")
}

const dayMicros = 24 * 3600 * 1_000_000

func anyOf(wanted, has []string) bool {
	return slices.ContainsFunc(wanted, func(s string) bool { return slices.Contains(has, s) })
}

// versions is rule 5: no newer version of the same source may be stricter than the terms.
func (r *releasing) versions() Step {
	newer := r.stricter()
	if newer == nil {
		return r.pass(RuleVersions, "no newer version of its source is stricter than the terms")
	}
	if r.stands {
		switch r.keptBeside(newer) {
		case Keep:
			return r.pass(RuleVersions, "a newer version is stricter than the terms; it was decided to keep this one")
		case NoAction:
			if !r.t.WithdrawOlder {
				return r.pass(RuleVersions, "a newer version is stricter than the terms; this one stays until somebody decides")
			}
		}
	}
	return r.step(RuleVersions, Withheld, StricterNewer, "a newer version of its source, %s, is stricter than the terms", stampOf(newer))
}

// stricter finds the newest submission of the same source, newer than this one, that its
// marking keeps back.
func (r *releasing) stricter() *Submission {
	if len(r.m.Submissions) < 2 {
		return nil
	}
	if at := r.m.strictest(r)[r.s.Source]; at != nil && at.Content != r.s.Content && at.after(r.s) {
		return at
	}
	return nil
}

// strictest gives per source the newest submission that its marking keeps back, for good or until its definition comes. It is worked
// out once for an object: some have a thousand versions.
func (m *Matter) strictest(r *releasing) map[string]*Submission {
	if m.strict == nil {
		m.strict = map[string]*Submission{}
		for i := range m.Submissions {
			s := &m.Submissions[i]
			if last := m.strict[s.Source]; last != nil && !s.after(last) {
				continue
			}
			if _, _, step := r.markingVerdict(s); step.Ruling != Released {
				m.strict[s.Source] = s
			}
		}
	}
	return m.strict
}

// after tells whether a submission is of a newer version than another of the same source.
// Without moments of their own, what came later is newer.
func (s *Submission) after(o *Submission) bool {
	if c := s.Key.Compare(o.Key); c != 0 || s.Key.Micros != Unversioned {
		return c > 0
	}
	return s.Arrived > o.Arrived || s.Arrived == o.Arrived && s.Seq > o.Seq
}

func stampOf(s *Submission) string {
	if text := s.Version.Stamp().Text; text != "" {
		return text
	}
	return FormatMicros(s.Arrived)
}
