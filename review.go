package entente

import (
	"crypto/ed25519"
	"encoding/hex"
	"slices"
)

// ReviewNote is a finding: what a reviewer writes about an event or an object. It changes nothing.
type ReviewNote struct {
	ID      string // UUID
	Subject string // id of an event of the ledger or of an object
	Text    string
	By      string // id of the account
	At      int64  // microseconds since 1970
	// Key and Signature are the reviewer's own, over [NoteStatement]; nothing where he has
	// no key, and the finding is bound to his account alone.
	Key, Signature []byte
}

// NoteStatement is what a reviewer signs with his own key: who finds what about what.
func NoteStatement(account, subject, text string) []byte {
	return []byte("entente/review-note/v1\n" + account + "\n" + subject + "\n" + text)
}

// Recommendation is a reviewer's word that an agreement or a partner be suspended. It stops
// nothing: a releaser answers it, and silence is shown.
type Recommendation struct {
	ID           string // UUID
	Partner      string // id, "" where it is about an agreement
	Agreement    string // id, "" where it is about a partner
	Reason       string
	By           string // id of the account
	At           int64  // microseconds since 1970
	Due          int64  // by when it is to be answered
	Suspend      bool   // the answer
	AnswerReason string
	AnsweredBy   string // id of the account
	Answered     int64  // 0 while nobody did
}

// The time in which a recommendation is to be answered, in microseconds.
const (
	AnswerWithin    = 72 * hour // where the reviewer sets no other
	MaxAnswerWithin = 90 * 24 * hour
	hour            = 3600 * 1_000_000
)

// Overdue tells that nobody answered in time.
func (r Recommendation) Overdue(now int64) bool { return r.Answered == 0 && now > r.Due }

// Removal is what would shut a reviewer out: asked for by one person, done by a second.
type Removal struct {
	ID          string // UUID
	Account     string // id of the reviewer
	What        string // what is to be done: see [Facts.byTwo]
	By          string // id of the account that asked
	At          int64  // microseconds since 1970
	ConfirmedBy string // id of the account that did it
	Confirmed   int64  // 0 while nobody did
}

// RemovalWithin is how long a second person can do what the first asked for, in microseconds.
const RemovalWithin = 7 * 24 * hour

// Stands tells that it waits for the second person.
func (r Removal) Stands(now int64) bool { return r.Confirmed == 0 && now-r.At <= RemovalWithin }

// AddReviewNote writes a finding.
type AddReviewNote struct {
	Subject   string // id of an event of the ledger or of an object
	Text      string
	Signature []byte // over [NoteStatement], by the reviewer's registered key; nothing without one
}

// Recommend recommends to suspend a partner or an agreement; one of them is given.
type Recommend struct {
	Partner, Agreement string // ids
	Reason             string
	Within             int64 // the time to answer in microseconds, 0 for [AnswerWithin]
}

// AnswerRecommendation is a releaser's answer. That it is followed is said where it was: the
// agreement does not run, or a stop stands on the partner.
type AnswerRecommendation struct {
	Recommendation string // id
	Suspend        bool
	Reason         string
}

// SetAccountKey registers the Ed25519 key with which a person signs, in place of a former one.
type SetAccountKey struct {
	Account string // id
	Key     [ed25519.PublicKeySize]byte
}

func (AddReviewNote) command()        {}
func (Recommend) command()            {}
func (AnswerRecommendation) command() {}
func (SetAccountKey) command()        {}

func decideReviewNote(c AddReviewNote, f Facts) (Change, error) {
	m, err := Authorise(f, Review)
	if err != nil {
		return Change{}, err
	}
	if err := requireText("finding", c.Text, maxDescription); err != nil {
		return Change{}, err
	}
	if !f.SubjectKnown {
		return Change{}, Errorf(NotFound, "there is no event and no object %q", clip(c.Subject))
	}
	switch {
	case f.AccountKey == nil && len(c.Signature) > 0:
		return Change{}, Errorf(Invalid, "no key is registered for you; an operator does that (entente account key add), or leave the signature out: the finding is then bound to your account")
	case f.AccountKey != nil && len(c.Signature) == 0:
		return Change{}, Errorf(Invalid, "a key is registered for you, so the finding is to be signed with it: name its file (--key FILE)")
	case f.AccountKey != nil && !ed25519.Verify(f.AccountKey, NoteStatement(f.Actor.Account.ID, c.Subject, c.Text), c.Signature):
		return Change{}, Errorf(Invalid, "the finding is not signed by the key that is registered for you, %s", hex.EncodeToString(f.AccountKey))
	}
	x := ReviewNote{ID: f.NewID, Subject: c.Subject, Text: c.Text, By: f.Actor.Account.ID, At: f.Now, Key: f.AccountKey, Signature: c.Signature}
	return Change{ReviewNote: &x, Receipt: Receipt{ID: x.ID, Mandate: m}}, nil
}

func decideRecommend(c Recommend, f Facts) (Change, error) {
	m, err := Authorise(f, Review)
	if err != nil {
		return Change{}, err
	}
	if c.Partner != "" {
		if _, err := f.partner(c.Partner); err != nil {
			return Change{}, err
		}
	} else if f.Life == nil {
		return Change{}, Errorf(NotFound, "there is no such agreement")
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	within := c.Within
	if within == 0 {
		within = AnswerWithin
	}
	if within < hour || within > MaxAnswerWithin {
		return Change{}, Errorf(Invalid, "the time to answer is between an hour and 90 days")
	}
	r := Recommendation{ID: f.NewID, Partner: c.Partner, Agreement: c.Agreement, Reason: c.Reason, By: f.Actor.Account.ID, At: f.Now, Due: f.Now + within}
	return Change{Recommendation: &r, Receipt: Receipt{ID: r.ID, Mandate: m}}, nil
}

func decideAnswer(c AnswerRecommendation, f Facts) (Change, error) {
	act, about := StopPartner, ""
	if r := f.Recommendation; r != nil {
		about = r.Partner
		if r.Agreement != "" {
			act, about = SettleAgreement, r.Agreement
		}
	}
	m, err := Authorise(f, act, about)
	switch {
	case err != nil:
		return Change{}, err
	case f.Recommendation == nil:
		return Change{}, Errorf(NotFound, "there is no such recommendation")
	case f.Recommendation.Answered != 0:
		return Change{}, Errorf(Conflict, "that recommendation was answered at %s", FormatMicros(f.Recommendation.Answered))
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	r := *f.Recommendation
	if c.Suspend && !f.followed(r) {
		return Change{}, Errorf(Conflict, "nothing is suspended yet: suspend the agreement, or stop the partner, before you answer so")
	}
	r.Suspend, r.AnswerReason, r.AnsweredBy, r.Answered = c.Suspend, c.Reason, f.Actor.Account.ID, f.Now
	return Change{Recommendation: &r, Receipt: Receipt{ID: r.ID, Mandate: m}}, nil
}

// followed tells that what a recommendation is about does not run.
func (f Facts) followed(r Recommendation) bool {
	if r.Agreement != "" {
		return f.Life != nil && f.Life.State != Active
	}
	for _, s := range f.Stops {
		if s.Organisation == r.Partner && s.Stands() {
			return true
		}
	}
	return false
}

func decideAccountKey(c SetAccountKey, f Facts) (Change, error) {
	if err := f.person(); err != nil {
		return Change{}, err
	}
	ch := Change{AccountKey: &AccountKey{Account: c.Account, Key: c.Key[:], Added: f.Now, By: f.Actor.Account.ID}, Receipt: Receipt{ID: c.Account}}
	if f.AccountKey == nil {
		return ch, nil
	}
	return f.byTwo(ch, "key "+hex.EncodeToString(c.Key[:]))
}

// AccountKey is the key with which a person signs.
type AccountKey struct {
	Account string // id
	Key     ed25519.PublicKey
	Added   int64  // microseconds since 1970
	By      string // id of the account that registered it, "" for the node's owner
}

// byTwo holds back what would shut the reviewer out whom the command is about, until a
// second operator gives the same command: nobody ends a review alone. What names the act.
// For other accounts it lets the change pass.
func (f Facts) byTwo(ch Change, what string) (Change, error) {
	a := f.Account
	if a == nil || a.Disabled || !a.Holds(Reviewer, f.Now) {
		return ch, nil
	}
	if f.Actor.Local {
		return Change{}, Errorf(Unauthenticated, "%q is a reviewer, whom nobody shuts out alone: two operators do it, each under his name; sign in with --as NAME", a.Name)
	}
	for _, r := range f.Removals {
		if r.Account != a.ID || r.What != what || !r.Stands(f.Now) {
			continue
		}
		if r.By == f.Actor.Account.ID {
			return Change{}, Errorf(Forbidden, "you asked for this at %s; a second operator does it, with the same command", FormatMicros(r.At))
		}
		r.Confirmed, r.ConfirmedBy = f.Now, f.Actor.Account.ID
		ch.Removal = &r
		return ch, nil
	}
	r := Removal{ID: f.NewID, Account: a.ID, What: what, By: f.Actor.Account.ID, At: f.Now}
	return Change{Removal: &r, Receipt: Receipt{ID: r.ID, Waits: true}}, nil
}

// Supplied is one submission of a content, as far as it matters for what a reviewer reads.
type Supplied struct {
	Home  bool   // home's own
	Terms *Terms // of the agreement through which it came, nil for none
}

// ReviewReads tells whether a reviewer reads a content, and not only what there is of it: what
// is not marked AMBER+STRICT or RED, what home submitted itself, and what came through an
// agreement whose terms say so. Markings that no level of TLP is known of do not count.
func ReviewReads(v *Version, by []Supplied) bool {
	strict := func(id ObjectID) bool {
		t, ok := TLPOf(id)
		return ok && t >= TLPAmberStrict
	}
	if !slices.ContainsFunc(v.Markings, strict) && !slices.ContainsFunc(v.Granular, func(g GranularMarking) bool { return strict(g.Marking) }) {
		return true
	}
	return slices.ContainsFunc(by, func(s Supplied) bool { return s.Home || s.Terms != nil && s.Terms.ReviewContent })
}

// recordReview has what reviewers do, and the answers.
func recordReview(c Command, ch Change) Event {
	id := ch.Receipt.ID
	switch c := c.(type) {
	case AddReviewNote:
		e := Event{Kind: "review-note", Text: c.Text, Signature: hex.EncodeToString(c.Signature), About: about("note", id, "key", hex.EncodeToString(ch.ReviewNote.Key))}
		if IsUUID(c.Subject) {
			e.About["event"] = c.Subject
		} else {
			e.About["object"] = c.Subject
		}
		return e
	case Recommend:
		return Event{Kind: "recommend", About: about("recommendation", id, "partner", c.Partner, "agreement", c.Agreement), Reason: c.Reason, Result: "by " + FormatMicros(ch.Recommendation.Due)}
	case AnswerRecommendation:
		r, result := ch.Recommendation, "decline"
		if c.Suspend {
			result = "suspend"
		}
		return Event{Kind: "recommend-answer", About: about("recommendation", id, "partner", r.Partner, "agreement", r.Agreement), Reason: c.Reason, Result: result}
	case SetAccountKey:
		return Event{Kind: "account-key", About: about("account", c.Account, "key", hex.EncodeToString(c.Key[:]))}
	}
	return Event{}
}
