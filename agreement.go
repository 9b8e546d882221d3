package entente

import "slices"

// AgreementState is where an agreement stands in its life.
type AgreementState string

// The states. Data flow in active ones only; what ended does not come back.
const (
	Draft     AgreementState = "draft"
	Proposed  AgreementState = "proposed"
	Active    AgreementState = "active"
	Suspended AgreementState = "suspended"
	Ended     AgreementState = "ended"
)

// Agreement is what home and its members agreed on, in its present state.
type Agreement struct {
	Num     int64  // its number in the store
	ID      string // UUID
	Name    string // unique; the name of its API root
	State   AgreementState
	Version int64  // of the terms in force, from 1; 0 before the first activation
	Terms   Terms  // in force; before the first activation those last written
	Hash    Digest // names the terms version
	Closed  bool   // a tightening is under way: its feeds answer 503 until it is done
	Work    *Work  // the change under way, nil for none
	Created int64  // microseconds since 1970
	Touches int64  // counts decisions: an advance that was judged before the last one does not count
	Feeds   []ReleaseFeed
}

// ReleaseFeed is what an agreement releases from one collection.
type ReleaseFeed struct {
	ID         string // UUIDv4: the id of the collection that TAXII shows
	Collection string // id of home's collection
	Log        int64  // the number of that collection's home feed, its accept log
	LogHead    int64  // the last position of the accept log
	Floor      TLP    // the collection's
	Feed       int64  // its own number
	Head       int64  // its last position that readers see
	Tail       int64  // its last position; beyond the head while a change is staged
	LastAdded  int64  // the last time given in it, microseconds since 1970
	Seen       int64  // the position of the accept log up to which it has judged
	// Skips are stretches of the accept log that choices of backlog left out.
	Skips []Skip
}

// Skip is a stretch of an accept log, the first position not included, that a choice of
// backlog left out, but for what came after a time.
type Skip struct {
	After, UpTo int64
	Since       int64 // microseconds since 1970: what came at this time or later is not left out; 0 for all is
}

// skips tells whether a choice of backlog left a submission out.
func (f *ReleaseFeed) skips(s *Submission) bool {
	for _, k := range f.Skips {
		if k.After < s.Seq && s.Seq <= k.UpTo && (k.Since == 0 || s.Arrived < k.Since) {
			return true
		}
	}
	return false
}

// Staged tells whether the feed has entries or changes that readers do not see yet.
func (f *ReleaseFeed) Staged() bool { return f.Tail > f.Head }

// Work is a change of an agreement that is made ready beyond the heads of its feeds, and
// becomes visible at once when it is done: then the agreement is in the state To, under the
// terms of Version, and Step is part of its history. It is begun by a command, and done by
// whichever process holds the agreement's lease; one that is killed is begun anew.
type Work struct {
	ID      string // UUID: work that was called off and begun again is other work
	To      AgreementState
	Version int64
	Step    AgreementStep
}

// AgreementStep is one step in the life of an agreement.
type AgreementStep struct {
	Number       int64 // from 1
	At           int64 // microseconds since 1970
	Action       string
	From, To     AgreementState
	Version      int64  // the terms that it was about
	Hash         Digest // of those
	Organisation string // id of the organisation that took it
	Account      string // id of the account that took or recorded it
	Role         Role   // the mandate that it rests on
	Said         string // who said so for an organisation without a node, and how
	Reason       string
	Backlog      string // see [ParseBacklog]; "" where there was no choice
	CalledOff    string // the action of the work under way that this step called off
}

// TermsVersion is one version of an agreement's terms.
type TermsVersion struct {
	Number    int64 // from 1
	Hash      Digest
	Terms     Terms
	Canonical []byte // what the hash is of
	File      []byte // as it was given
	Made      int64  // microseconds since 1970
}

// Touch asks that agreements judge an object again, since something about it was decided.
type Touch struct {
	Agreement int64 // number
	Object    ObjectID
	Due       int64 // not before, microseconds since 1970; 0 for at once
}

// TouchWaiting asks that an agreement judge everything again that waits for one reason.
type TouchWaiting struct {
	Agreement int64 // number
	Reason    Reason
}

// Member finds an organisation among the members.
func (t *Terms) Member(organisation string) (Member, bool) {
	i := slices.IndexFunc(t.Members, func(m Member) bool { return m.Organisation == organisation })
	if i < 0 {
		return Member{}, false
	}
	return t.Members[i], true
}

// Covers tells whether a collection is among those that the terms name.
func (t *Terms) Covers(collection string) bool { return slices.Contains(t.Collections, collection) }
