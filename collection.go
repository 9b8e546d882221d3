package entente

// Collection is a named set of submissions at home, with an accept log: what came in,
// in order. Its home feed is that log, and Head its last position.
type Collection struct {
	ID          string // UUIDv4, as TAXII shows it
	Root        string // the API root it is served under
	ReadOnly    bool   // that API root's setting
	Name        string // its title, unique at home
	Alias       string // "" for none; in its root no other collection has it as name or alias
	Description string
	Floor       TLP   // joined with the markings of all that it holds; TLPNone for none
	Created     int64 // microseconds since 1970
	Feed        int64 // the number of its home feed
	Head        int64 // the last position of its home feed
	LastAdded   int64 // the last time given in its home feed, microseconds since 1970
}

// Access is a collection as one account sees it: a collection of home with its home feed,
// or, where Through is set, an agreement's release feed with its own id, number and head.
type Access struct {
	Collection
	CanRead  bool
	CanWrite bool
	// Shut tells that the account was granted writing, and the API root is read-only.
	Shut    bool
	Through *Through
}

// Through tells of which agreement a feed is that is read as a collection.
type Through struct {
	Agreement  string // id
	Collection string // id of home's collection, into which contributions go
	Staged     bool   // lines beyond the head are being made ready
	Gaps       []Gap  // what stops left out for who reads
	Witnessed  bool   // proof = "witnessed"
}

// Submits names the collection of home into which what is posted here goes, and the id of
// the agreement through which it comes, "" for none.
func (a Access) Submits() (collection, through string) {
	if a.Through == nil {
		return a.ID, ""
	}
	return a.Through.Collection, a.Through.Agreement
}

// AccessFor is the one rule of who sees a collection at home: an operator reads and
// writes all, a reviewer reads all and writes none, others what they were granted. Under an API root that is read-only nobody
// writes who comes with an account, and everybody sees what they saw.
func AccessFor(a Actor, c Collection, g Grant) Access {
	out := Access{Collection: c}
	switch {
	case a.IsOperator():
		out.CanRead, out.CanWrite = true, true
	case a.May(ReadAll):
		out.CanRead = true
	case !a.Account.Disabled && g.Account == a.Account.ID && g.Collection == c.ID:
		out.CanRead, out.CanWrite = g.Read, g.Write
	}
	if c.ReadOnly && !a.Local {
		out.CanWrite, out.Shut = false, out.CanWrite
	}
	return out
}

// Visible reports whether the account may know that the collection exists.
func (a Access) Visible() bool { return a.CanRead || a.CanWrite || a.Shut }

// Filter selects versions of a feed (TAXII 2.1 §3.4). Empty fields select all.
type Filter struct {
	AddedAfter int64 // microseconds since 1970: only what was added strictly after; 0 for all
	IDs        []ObjectID
	Types      []string
	Specs      []Spec // none: the latest specification version of each object
	Versions   VersionFilter
	// Conditions are what the objects themselves must meet, sorted by field, one for each.
	Conditions []Condition
}

// VersionFilter is TAXII's match[version]. Its zero value means the last version.
type VersionFilter struct {
	All   bool // alone
	First bool
	Last  bool
	Exact []Instant
}

// WantsLast reports whether the latest versions are among those selected.
func (f VersionFilter) WantsLast() bool {
	return f.Last || (!f.All && !f.First && len(f.Exact) == 0)
}

// Entry is one line of a feed with what is known of its version.
type Entry struct {
	Seq    int64 // position in its own feed
	Added  int64 // microseconds since 1970, strictly increasing within the feed
	ID     ObjectID
	Spec   Spec
	Stamp  string // the version as TAXII names it: modified, else created, else Added
	Digest Digest
	Salt   []byte // see [Commit]
	Bytes  []byte // nil where only the manifest was asked for
}

// Page is a run of entries of a feed.
type Page struct {
	Entries []Entry
	More    bool  // there is more after Entries
	Next    int64 // position after which to go on, where More is true
	Head    int64 // the last position that the feed showed when it was read
}

// FormatMicros writes a moment as a TAXII timestamp: UTC, exactly six fraction digits (TAXII 2.1 §2).
func FormatMicros(micros int64) string { return microsText(micros) }
