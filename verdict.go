package entente

// Rule is one of the numbered points of the release rule, in their order.
type Rule uint8

// The rules. Each is told in docs/design/009-release.md.
const (
	RuleScope Rule = 1 + iota
	RuleMarking
	RuleOnward
	RuleLimits
	RuleVersions
	RuleClosure
	RuleApproval
	RuleDissent
)

var ruleNames = [...]string{"", "scope", "marking", "onward", "limits", "versions", "references", "approval", "dissent"}

// String names the rule in one word.
func (r Rule) String() string { return ruleNames[r] }

// Ruling is what a [Verdict] comes to, and what one rule says.
type Ruling uint8

// The rulings, in order: the worst of the rules' counts.
const (
	Released Ruling = iota
	Pending         // waits for a referenced object, an approval, a decision
	Withheld
)

// String is the ruling in one word.
func (s Ruling) String() string { return [...]string{"released", "pending", "withheld"}[s] }

// Reason says why a rule does not release. It is a closed set; [Reason.String] names it.
type Reason uint8

// The reasons.
const (
	NoReason Reason = iota
	NotCovered
	LeftOut // by the choice of backlog
	Unmarked
	UnknownMarking
	TooStrict
	Restricted
	NotOnward
	WrongType
	WrongLabels
	LowConfidence
	TooOld
	StricterNewer  // a newer version of the same source is stricter than the terms
	AwaitsDecision // the same, and the older version stands in the feed
	AwaitsReferences
	AwaitsApproval
	Refused
	WithdrawnByDecision
	AwaitsDissent
)

var reasonNames = [...]string{"", "not-covered", "left-out", "unmarked", "unknown-marking", "too-strict", "restricted", "not-onward", "type",
	"labels", "confidence", "age", "stricter-newer", "decision", "references", "approval", "refused", "withdrawn", "dissent"}

// String names the reason in a word that scripts may rely on.
func (r Reason) String() string { return reasonNames[r] }

// Step is what one rule says of a submission.
type Step struct {
	Rule   Rule
	Ruling Ruling
	Reason Reason
	Saw    string     // what it saw, in a sentence
	Awaits []ObjectID // what the version waits for
	Until  int64      // until when it waits at most, microseconds since 1970; 0 without end
}

// Verdict is what the release rule says of a submission, and why.
type Verdict struct {
	Ruling Ruling
	Reason Reason // of the first rule that says so
	Steps  []Step // each rule in order; without [Circumstances.Telling] those that do not release
	Stamp  TLP    // what the copy that is served is marked with, TLPNone for none
	// With are dissents that enter together with the version.
	With []ObjectID
	// Contested tells that the version goes, or stands, without dissent that it ought to have.
	Contested bool
}

// Due is an object to be judged again at a time, in microseconds since 1970.
type Due struct {
	Object ObjectID
	At     int64
}
