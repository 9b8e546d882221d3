package entente

import "slices"

// Action is what somebody decided about an object in an agreement.
type Action uint8

// The actions. A decision never makes a marking laxer: it lets go what the rule lets go.
const (
	NoAction Action = iota
	Approve         // release it: one of the two that the terms ask for
	Refuse          // do not
	Keep            // the older version stays although a newer one is stricter
	Withdraw        // take it out of the feed, and do not let it in again
	Urgent          // release it now, on one person's word; reviewed within a day
	Reviewed        // a second person has looked at an urgent release
	Tearline        // replace it by a report of home's own over the releasable part
)

var actionNames = [...]string{"", "approve", "refuse", "keep", "withdraw", "urgent", "reviewed", "tearline"}

// String names the action.
func (a Action) String() string { return actionNames[a] }

// ParseAction reads the name of an action.
func ParseAction(s string) (Action, bool) {
	i := slices.Index(actionNames[:], s)
	return Action(max(i, 0)), i > 0
}

// Decision is one person's decision about an object in an agreement.
type Decision struct {
	ID        string // UUID
	Agreement string // id
	Object    ObjectID
	Digest    Digest // of the version as submitted; zero where the object as a whole is meant
	Action    Action
	Account   string // id of who decided
	Role      Role   // the mandate that it rests on
	At        int64  // microseconds since 1970
	Text      string // the justification
}

// Restriction is home's own decision that an object is handled more strictly than it is
// marked. It concerns all versions and every agreement.
type Restriction struct {
	ID       string // UUID
	Object   ObjectID
	To       TLP  // joined with the object's markings; TLPNone where it is withdrawn
	Withdraw bool // out of every feed
	Reason   string
	Account  string // id of who decided
	Role     Role
	At       int64  // microseconds since 1970
	LiftedBy string // id, "" while it holds
	Lifted   int64
	LiftedAs string // why it was lifted
}

// Consent is an originator's permission that an object of its own goes to an agreement
// other than the one through which it came.
type Consent struct {
	ID         string // UUID
	Object     ObjectID
	Agreement  string // id of the agreement that it may go to
	Originator string // id of the organisation that permits it
	Said       string // who said so for it, where it has no node that signs
	Purpose    string
	Until      int64  // microseconds since 1970, 0 for no end; judged at release
	Account    string // id of who recorded it
	Role       Role
	At         int64
}

// StandingRelease is an approval in advance, for volume: of objects of one source and type
// up to a marking, by two people, for 90 days at most.
type StandingRelease struct {
	ID        string // UUID
	Agreement string // id
	Source    string // id of the organisation
	Type      string // the object type
	Ceiling   TLP
	From      int64 // microseconds since 1970
	Until     int64
	By, By2   string // ids of the two accounts; By2 is "" until the second has agreed
	At, At2   int64
	Text      string
	EndedBy   string
	Ended     int64 // 0 while it holds
}

// StandingMost is the longest that a standing release may hold, in microseconds.
const StandingMost = 90 * dayMicros

// ReviewWithin is within what time an urgent release is to be reviewed, and for how long
// dissent that cannot go yet holds a version back at most is [DissentWait], in microseconds.
const (
	ReviewWithin = dayMicros
	DissentWait  = 3 * dayMicros
)

// decided counts the accounts that decided something about this version.
func (r *releasing) decided(a Action) int {
	var who []string
	for _, d := range r.m.Decisions {
		if d.Action == a && d.about(r.s.Version) && !slices.Contains(who, d.Account) {
			who = append(who, d.Account)
		}
	}
	return len(who)
}

func (d *Decision) about(v *Version) bool { return d.Digest == Digest{} || d.Digest == v.Digest }

// keptBeside gives the last decision about the older versions that was made since a stricter
// version came: a decision counts for the version that asked for it, and no later one.
func (r *releasing) keptBeside(stricter *Submission) Action {
	last := NoAction
	for _, d := range r.m.Decisions {
		if (d.Action == Keep || d.Action == Withdraw || d.Action == Tearline) && d.Digest == stricter.Version.Digest {
			last = d.Action
		}
	}
	return last
}

// withdrawn tells whether the last word about the object as a whole is to withdraw it.
func (r *releasing) withdrawn() *Decision {
	var last *Decision
	for i := range r.m.Decisions {
		d := &r.m.Decisions[i]
		switch {
		case d.Action == Withdraw && d.about(r.s.Version):
			last = d
		case (d.Action == Approve || d.Action == Urgent) && d.about(r.s.Version):
			last = nil
		}
	}
	return last
}

// approval is rule 7. Approvals count when the version enters; what stands has them.
func (r *releasing) approval() Step {
	if d := r.withdrawn(); d != nil {
		return r.step(RuleApproval, Withheld, WithdrawnByDecision, "it was withdrawn: %s", d.Text)
	}
	t := Tally(r.m.Decisions, r.s.Version.Digest)
	switch {
	case t.Refused:
		return r.step(RuleApproval, Withheld, Refused, "its release was refused")
	case r.stands:
		return r.pass(RuleApproval, "it was let go when it entered")
	case r.t.Approval == TLPNone || r.effective.TLP < r.t.Approval || r.s.Version.Type == "marking-definition":
		return r.pass(RuleApproval, "no approval is asked for")
	case t.Urgent:
		return r.pass(RuleApproval, "it was released as urgent")
	case len(t.Approved) >= 2:
		return r.pass(RuleApproval, "two people approved it")
	}
	for i := range r.c.Orders {
		if o := &r.c.Orders[i]; o.holds(r.c.Now) && o.Source == r.s.Source && o.Type == r.s.Version.Type && r.effective.TLP <= o.Ceiling {
			return r.pass(RuleApproval, "a standing release covers it")
		}
	}
	return r.step(RuleApproval, Pending, AwaitsApproval, "from %s up two people approve; %d of 2 did", r.t.Approval, len(t.Approved))
}

// holds tells whether a standing release holds at a moment.
func (o *StandingRelease) holds(at int64) bool {
	return o.By2 != "" && o.Ended == 0 && o.From <= at && at < o.Until
}

// Dissent is an opinion against an object, or a note marked as dissent about it, held by
// home or the organisation that made the object.
type Dissent struct {
	Object ObjectID // the opinion or note
	Source string   // the organisation that holds it
	// Releasable tells that some version of its source's passes the rule in this agreement by itself,
	// references apart.
	Releasable bool
	Since      int64 // when it came, microseconds since 1970
	coming     bool  // in the present [Advance] it has yet to come
}

// dissent is rule 8. Dissent about what stands already follows by itself, and takes nothing out.
func (r *releasing) dissent() Step {
	switch {
	case len(r.m.Dissent) == 0:
		return r.pass(RuleDissent, "no dissent of home or the creator waits")
	case r.stands:
		return r.dissentBeside()
	}
	var blocked *Dissent
	for i := range r.m.Dissent {
		d := &r.m.Dissent[i]
		switch {
		case d.coming:
		case d.Releasable:
			r.out.With = append(r.out.With, d.Object)
		case blocked == nil || d.Since > blocked.Since:
			blocked = d
		}
	}
	switch {
	case blocked == nil:
		return r.pass(RuleDissent, "its dissent goes with it")
	case !r.t.RequireDissent:
		r.out.Contested = true
		return r.pass(RuleDissent, "dissent that may not be released stays behind")
	case r.c.Now-max(blocked.Since, r.s.Arrived) >= DissentWait:
		r.out.Contested = true
		return r.pass(RuleDissent, "dissent could not be released within 72 hours; it goes flagged as contested")
	}
	step := r.step(RuleDissent, Pending, AwaitsDissent, "dissent about it cannot be released yet; it waits 72 hours for that at most")
	step.Awaits, step.Until = []ObjectID{blocked.Object}, max(blocked.Since, r.s.Arrived)+DissentWait
	return step
}

// dissentBeside tells of what stands whether the dissent about it does too.
func (r *releasing) dissentBeside() Step {
	for i := range r.m.Dissent {
		d := &r.m.Dissent[i]
		if !d.coming && (!d.Releasable || r.c.Present != nil && !r.c.Present(d.Object)) {
			r.out.Contested = true
		}
	}
	if r.out.Contested {
		return r.pass(RuleDissent, "it stands without dissent that is not released: it is contested")
	}
	return r.pass(RuleDissent, "its dissent stands in the feed as well")
}
