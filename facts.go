package entente

import "math"

// Facts are what a decision rests on, read in the transaction that will apply it.
// Which fields are filled depends on the command; see [Decide].
type Facts struct {
	Now   int64 // microseconds since 1970
	Actor Actor
	NewID string // a fresh UUIDv4 for what the command makes
	// NewFeed is a fresh number for the home feed of a collection that the command makes.
	NewFeed int64
	// NewAgreement is a fresh number for an agreement that the command makes.
	NewAgreement int64
	// NewIDs are fresh UUIDv4s for the feeds that the command makes, whose numbers follow
	// each other from NewFeed: see [Facts.NewFeeds].
	NewIDs []string
	// NewOrganisation is a fresh number for an organisation that the command makes.
	NewOrganisation int64

	Home       Organisation // its ID is "" before [Establish]
	Roots      []Root       // the default first
	Collection *Collection  // the one the command names, nil if there is none
	Grant      Grant        // the actor's grant on Collection
	Account    *Account     // the one the command names, nil if there is none
	Token      *Token       // the one the command names, nil if there is none
	// Certificate is the one that the command names, by id or by key; nil if there is none.
	Certificate *Certificate
	Remote      *Remote // the one the command names, nil if there is none

	// NameTaken tells that another account or remote has the name.
	NameTaken bool
	// Namesakes are the other collections that have a name or alias which the command
	// wants to give, as name or as alias.
	Namesakes []Collection
	// Operators counts the accounts that are operators without an end: see [Account.LastingOperator].
	Operators int
	// Organisations are all of them with their identities, where the command is about one.
	Organisations []Organisation
	// Mandate is the one that the command names, nil if there is none.
	Mandate *Mandate
	// AboutAgreement tells that what a [DeclareInterest] is about is an agreement.
	AboutAgreement bool
	// Interests are the conflicts of who acts, or those that the command concerns.
	Interests []Interest
	// Stops holds the one that the command names.
	Stops []Stop
	// Life is the agreement that the command names, or the one that has the name which the
	// command wants to give; nil if there is none.
	Life *Life
	// Tightens tells that the terms on Life's table can keep back what those in force release.
	Tightens bool
	// Agreements are all of them, where the command is about a collection that they may cover.
	Agreements []Agreement
	// Collections are all of them, where the command is about terms.
	Collections []Collection
	// Reach has all release feeds, for the placing and the lifting of a stop.
	Reach []FeedReach
	// Waiting are the objects for which it matters what becomes of dissent that the command is about.
	Waiting []WaitingObject
	// Dissent is where the dissent stands that a [StrikeDissent] names, and Strike home's
	// earlier strike of it, nil for none.
	Dissent []HeldDissent
	Strike  *Strike
	// Case is what a decision about an object or a standing release is about, nil if there is none.
	Case *Case
	// Keeping is what a command rests on that preserves or erases, nil for others.
	Keeping *Keeping
	// KeyKnown tells that the key which the command names is known: as that of a log that home
	// witnesses, or of the partner.
	KeyKnown bool
	// Retain is for how long events are kept, by class, and Expiring are those that a command
	// names: where it is about that.
	Retain   map[Retention]Period
	Expiring []KeptEvent
	// Ledger is how far the ledger is, where the command is about it.
	Ledger LedgerFacts
	// SubjectKnown tells that there is the event or object that a finding is about.
	SubjectKnown bool
	// AccountKey is the key of who acts, or of Account where the command is about keys; nil for none.
	AccountKey []byte
	// Recommendation is the one that the command names, nil if there is none.
	Recommendation *Recommendation
	// Removals are those that concern Account.
	Removals []Removal
	// Empty tells that Collection, or the API root that the command names, holds nothing.
	Empty bool

	// Known holds, per object that the command concerns, every stored content with its
	// lines in the collection's home feed.
	Known map[ObjectID][]Known
	// Owners has the organisations that STIX identities belong to: of the creators of those
	// objects in Known that have lines of several sources.
	Owners map[ObjectID]string
	// Batches has the batches of the lines of Known by their positions, for a [DeleteObject].
	Batches map[int64]Batch
	// Through is the agreement that the command comes through, nil if there is none.
	Through *Agreement
	// LeftBy has the organisation that deleted something at a position of the feed: for
	// lines of Known that a partner supplied, where the command comes through an agreement.
	LeftBy map[int64]string
	// Shown holds, for a [DeleteObject] through an agreement, what the feed of that has of
	// the object, and Originals, by position, of which content a line carries a stamped copy.
	Shown     []Known
	Originals map[int64]int64
	// Gaps are what stops left out of that feed for the actor's organisation.
	Gaps []Gap
	// NextContent is the first of the content numbers reserved for new contents.
	NextContent int64
}

// Known is one stored content of an object.
type Known struct {
	Content int64 // its number in the store
	Digest  Digest
	Salt    []byte // see [Commit]
	Spec    Spec
	Key     StampKey
	Erased  bool   // an erasure of it was confirmed: its bytes are gone, or on their way
	Lines   []Line // in the feed that the command concerns

	// CreatedBy is read only for objects that have lines of several sources.
	CreatedBy ObjectID
	// Versioning is nil where it was not read; see [Submit.Compared].
	Versioning *Versioning
}

// StampKey is a version's moment as the store orders it.
type StampKey struct {
	Micros int64  // [Unversioned] where the object has neither modified nor created
	Rest   string // digits beyond the microsecond
}

// Unversioned is the Micros of a version that has no moment of its own.
const Unversioned = math.MinInt64

// Key is the version's moment for the store.
func (v *Version) Key() StampKey {
	in := v.Stamp()
	if in.IsZero() {
		return StampKey{Micros: Unversioned}
	}
	return StampKey{Micros: in.Micros, Rest: in.Rest}
}

// Line is the state of one line of a feed. The positions say from which head of the
// feed on something holds; 0 means it does not.
type Line struct {
	Seq     int64
	Content int64
	Source  string // organisation's id
	Added   int64  // microseconds since 1970
	Gone    int64  // withdrawn or deleted
	Newer   int64  // a newer version of the object is live
	Spec    int64  // a version of the object in a later specification is live
	Rival   int64  // never shown: the line at this position holds its place
}

// Live reports whether readers see the line at the feed's head.
func (l Line) Live() bool { return l.Gone == 0 && l.Rival == 0 }

// Change is what a decision wants written, all of it or nothing.
type Change struct {
	Contents []NewContent
	Lines    []NewLine // in order of Seq
	Marks    []Mark    // on lines that are already stored
	Head     int64     // the feed's new head; 0 if no feed moves
	Added    int64     // the feed's new last time
	Feed     int64     // the feed that moves

	Home *Organisation // to make
	Root *Root         // to put
	// DefaultRoot is the name of the API root that becomes the default, "" for no change.
	DefaultRoot string
	RemoveRoot  string    // name
	Settings    []Setting // to put
	Status      *Status   // to put

	Collection        *Collection   // to put
	RemoveCollection  string        // id
	Organisation      *Organisation // to put, with its identities
	Account           *Account      // to put, without its mandates
	Mandates          []Mandate     // to put
	Interest          *Interest     // to put
	Stop              *Stop         // to put
	Gaps              []StopGap     // to put
	Token             *Token        // to put
	RemoveToken       string        // id
	Certificate       *Certificate  // to put
	Witnessing        *WitnessingChange
	RemoveCertificate string  // id
	Grant             *Grant  // to put
	Remote            *Remote // to put
	RemoveRemote      string  // id

	Agreement    *Agreement           // to put, with its feeds' skips; not their positions
	TermsVersion *TermsVersion        // to add to Agreement
	Step         *AgreementStep       // to add to Agreement; its number is the store's to give
	Working      []Agreement          // to put as well: more agreements that work begins on
	Touch        []Touch              // objects to be judged again
	Waiting      *TouchWaiting        // more objects to be judged again
	Close        []int64              // numbers of agreements whose feeds are closed until Touch is judged
	Decision     *Decision            // to add
	Restriction  *Restriction         // to put
	Consent      *Consent             // to add
	Order        *StandingRelease     // to put
	Dissent      []DissentOf          // to add
	Strike       *Strike              // to add
	Batch        Batch                // of the lines
	Logs         []Change             // of more feeds that move, each with its Feed, Head, Added, Lines, Marks and Batch
	Preserved    []Preserved          // to put
	Erasure      *Erasure             // to put
	Erasing      []int64              // numbers of contents that Erasure is about from now on
	Said         []SaidOf             // to keep
	EraseEvents  []KeptEvent          // of the main log whose bytes are removed, with those that they share
	Retain       map[Retention]Period // to put
	Empty        []Emptied            // contents whose bytes are removed, by Erasure

	ReviewNote     *ReviewNote     // to add
	Recommendation *Recommendation // to put
	Removal        *Removal        // to put
	AccountKey     *AccountKey     // to put

	Receipt Receipt
}

// Batch is what is kept of a batch of submissions, or of a deletion, beside its lines.
type Batch struct {
	Account string // id of who submitted or deleted it, "" for the node's owner
	Via     int64  // number of the agreement through which it came, 0 for none
}

// Emptied is a content whose bytes are removed. What the ledger has of it was made with its
// salt; the one that takes its place is the caller's to give, as is that of a [NewContent].
type Emptied struct {
	Content int64
	Digest  Digest
	Salt    []byte
}

// SaidOf is what a version said of itself whose bytes were erased, and not stored when its
// source submitted them again: the rules of versioning hold what that source submits next
// against it.
type SaidOf struct {
	Content    int64
	Versioning Versioning
}

// DissentOf tells that a content is dissent about an object.
type DissentOf struct {
	Content int64
	Dissent ObjectID // the opinion or note
	About   ObjectID
}

// NewContent is a content to store, under a number out of those reserved.
type NewContent struct {
	Content int64
	Version *Version
	Salt    []byte // [SaltSize] random bytes
}

// NewLine is a line to append to a feed.
type NewLine struct {
	Line
	Type string
	Of   Spec // the version's own specification
	// Batch is what the line keeps of the batch in which it came first, where it comes into
	// view again; nil for the change's own.
	Batch *Batch
	// Before is the position of the line in whose place it comes into view again, 0 for what
	// is new: it is the same submission, which came when that did.
	Before int64
}

// Mark updates the state of a stored line.
type Mark struct {
	Seq   int64
	Field MarkField
	At    int64 // the head from which it holds; 0 clears
}

// MarkField names what a [Mark] sets.
type MarkField uint8

// The fields of a [Line] that change after it was written.
const (
	MarkGone MarkField = iota
	MarkNewer
	MarkSpec
)
