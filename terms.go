package entente

// Terms are what the members of an agreement agreed on. They are written in one TOML file;
// their canonical JSON (RFC 8785) is what is signed, and its SHA-256 names the terms version.
type Terms struct {
	Name    string // of the agreement, and of its API root: see [CheckRootName]
	Title   string
	Purpose string // what the shared may be used for; recorded and carried, not enforced
	Members []Member
	// Community names the circle that TLP:GREEN means. Agreements of one community name
	// the same; "" is the members alone.
	Community    string
	Collections  []string // ids of home's collections that are covered; none: for dialogue
	Vocabularies []string // ids of home's collections whose objects every member has: references to them are no loose ends
	Highest      TLP      // the strictest marking that is released; TLPAmberStrict at most
	Unmarked     TLP      // what unmarked objects are stamped with; TLPNone withholds them
	Types        []string // object types that are released; none: all
	ExceptTypes  []string // object types that are not
	Labels       []string // at least one of them; none: whatever the labels
	ExceptLabels []string // none of them
	Confidence   int      // the least confidence, 0 to 100, of those that state one; 0 asks for none
	// NeedConfidence withholds what states no confidence.
	NeedConfidence bool
	AgeDays        int  // the most days since modified (or created) when it is judged; 0 asks for none
	OpenReferences bool // references = "open": what is referred to need not be there
	// Onward lets what arrives through this agreement go into others, as far as its marking
	// allows. Without it only a permission of the originator does.
	Onward         bool
	Approval       TLP  // from which marking up two people approve; TLPNone: never
	WithdrawOlder  bool // stricter = "withdraw": an older version leaves when a stricter newer one comes; else somebody is asked
	RequireDissent bool // dissent = "require": waits for dissent that cannot be released yet; else it goes without
	WitnessedProof bool // proof = "witnessed"
	// ReviewContent lets home's reviewer read what members sent under AMBER+STRICT, and not
	// only what there is of it: review = "content".
	ReviewContent bool
	ValidFrom     int64 // microseconds since 1970, 0 for at once
	ValidUntil    int64 // microseconds since 1970, 0 for no end
}

// Flow is which way data go between home and a member.
type Flow uint8

// The directions of a [Member].
const (
	Receives    Flow = 1 + iota // reads the feeds
	Contributes                 // posts to the feeds' collections
	Both
)

// Member is an organisation of an agreement. Home is a member of each of its agreements
// and is not listed.
type Member struct {
	Organisation string // id
	Flow         Flow
	// Client is an organisation that home serves: TLP:AMBER goes on to it (TLP 2.0: "its clients").
	Client bool
}

// Receives tells whether the member reads.
func (m Member) Receives() bool { return m.Flow != Contributes }

// Contributes tells whether the member posts.
func (m Member) Contributes() bool { return m.Flow != Receives }
