package entente

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
	Terms   Terms  // in force, or as last proposed before the first activation
	Hash    Digest // names the terms version
	Closed  bool   // a tightening is under way: its feeds answer 503 until it is done
	Created int64  // microseconds since 1970
	Feeds   []ReleaseFeed
}

// ReleaseFeed is what an agreement releases from one collection.
type ReleaseFeed struct {
	ID         string // UUIDv4: the id of the collection that TAXII shows
	Collection string // id of home's collection
	Log        int64  // the number of that collection's home feed, its accept log
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

// Member finds an organisation among the members.
func (t *Terms) Member(organisation string) (Member, bool) {
	for _, m := range t.Members {
		if m.Organisation == organisation {
			return m, true
		}
	}
	return Member{}, false
}

// Covers tells whether a collection is among those that the terms name.
func (t *Terms) Covers(collection string) bool {
	for _, c := range t.Collections {
		if c == collection {
			return true
		}
	}
	return false
}
