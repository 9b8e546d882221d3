package entente

import (
	"slices"
	"strconv"
	"strings"
)

// Event is what the ledger keeps of one act: who did what, to what, on what ground, and what
// came of it. docs/ledger.md tells the fields of each kind. Its members stand in the order of
// their names, as the canonical form has them (RFC 8785 §3.2.3).
type Event struct {
	// About names what the act concerns: ids, by what they are the ids of.
	About map[string]string `json:"about,omitempty"`
	Basis string            `json:"basis,omitempty"` // the legal basis
	By    *By               `json:"by,omitempty"`
	Case  string            `json:"case,omitempty"` // the reference of the case that it belongs to
	// Checkpoints are the signed notes that survived, in the first event of a new epoch.
	Checkpoints []string      `json:"checkpoints,omitempty"`
	Count       int           `json:"count,omitempty"`
	Dissent     int           `json:"dissent,omitempty"` // opinions and notes of dissent among what was submitted
	Endpoint    string        `json:"endpoint,omitempty"`
	Entries     *Range        `json:"entries,omitempty"` // that entered a feed
	Erased      []ErasedEvent `json:"erased,omitempty"`  // events whose bytes were erased
	Feeds       []FeedHead    `json:"feeds,omitempty"`   // up to where feeds are visible
	Filter      string        `json:"filter,omitempty"`
	// For is the id of the partner in whose log the event stands, "" in the main log.
	For    string             `json:"for,omitempty"`
	Gone   *Range             `json:"gone,omitempty"` // that left a feed
	Head   int64              `json:"head,omitempty"`
	ID     string             `json:"id"`            // UUIDv4
	Key    string             `json:"key,omitempty"` // a new public key, in hexadecimal
	Kind   string             `json:"kind"`
	List   string             `json:"list,omitempty"` // see [ListDigest]
	Logs   []LogHead          `json:"logs,omitempty"`
	Reason string             `json:"reason,omitempty"` // the justification
	Result string             `json:"result,omitempty"`
	Rules  map[string]Counted `json:"rules,omitempty"` // what was judged, by what came of it
	Seqs   string             `json:"seqs,omitempty"`  // see [Seqs]
	// Shared names the entries that the same act has in the logs of partners.
	Shared []Share `json:"shared,omitempty"`
	// Signature is that of the key before, over the new one.
	Signature string    `json:"signature,omitempty"`
	Terms     *TermsRef `json:"terms,omitempty"`
	Text      string    `json:"text,omitempty"` // of a note or statement
	Time      string    `json:"time"`           // RFC 3339, UTC, six digits of a second
	Versions  *Counted  `json:"versions,omitempty"`
}

// By is who acted. In the log of a partner only the organisation is named, unless it is the
// partner's own account.
type By struct {
	Account      string `json:"account,omitempty"`
	Local        bool   `json:"local,omitempty"` // the owner of the node, at its command line
	Mandate      string `json:"mandate,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	Role         string `json:"role,omitempty"`
}

// Range are entries of a feed, and the tree over their leaves: those from one position to
// another, or those of some positions, see [Seqs].
type Range struct {
	Count int    `json:"count"`
	From  int64  `json:"from,omitempty"`
	Root  string `json:"root,omitempty"`
	Seqs  string `json:"seqs,omitempty"`
	To    int64  `json:"to,omitempty"`
}

// FeedHead is the position up to which readers see a feed.
type FeedHead struct {
	Feed string `json:"feed"`
	Head int64  `json:"head"`
}

// LogHead is how far the log of a partner was.
type LogHead struct {
	Partner string `json:"partner"`
	Root    string `json:"root"` // hexadecimal
	Size    int64  `json:"size"`
}

// ErasedEvent names an event that was erased, and what it named in the logs of partners.
type ErasedEvent struct {
	Entry  string  `json:"entry"`
	Shared []Share `json:"shared,omitempty"`
}

// Share names an entry of a partner's log.
type Share struct {
	Entry   string `json:"entry"` // hexadecimal
	Partner string `json:"partner"`
}

// TermsRef names a version of an agreement's terms.
type TermsRef struct {
	Hash string `json:"hash"`
	// Members are ids of organisations, home apart; they and the purpose are told
	// when terms are written, and when they come into force.
	Members []string `json:"members,omitempty"`
	Purpose string   `json:"purpose,omitempty"`
	Version int64    `json:"version"`
}

// Retention is for how long a kind of event is of use: what a node keeps longer or shorter
// is set for each class.
type Retention string

// The classes of retention.
const (
	KeepDecisions     Retention = "decision"      // what people decided
	KeepDisclosures   Retention = "disclosure"    // what was taken in, served and refused
	KeepAccess        Retention = "access"        // sign-ins that failed, reviewers' reads
	KeepConfiguration Retention = "configuration" // accounts, rights, collections, remotes
	KeepForever       Retention = "structure"     // what the ledger itself rests on: never erased
)

// Retentions lists the classes that can be given a time.
func Retentions() []Retention {
	return []Retention{KeepDecisions, KeepDisclosures, KeepAccess, KeepConfiguration}
}

// Content tells of a delivery that it sent the objects themselves, and not what there is of
// them only.
func (e *Event) Content() bool {
	return e.Kind == "deliver" && !strings.HasSuffix(e.Endpoint, "/manifest") && !strings.HasSuffix(e.Endpoint, "/versions")
}

// Seqs writes ascending positions as runs: "1-100,103".
func Seqs(all []int64) string {
	var b []byte
	for i := 0; i < len(all); {
		end := i
		for end+1 < len(all) && all[end+1] == all[end]+1 {
			end++
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, all[i], 10)
		if end > i {
			b = strconv.AppendInt(append(b, '-'), all[end], 10)
		}
		i = end + 1
	}
	return string(b)
}

// ParseSeqs reads what [Seqs] wrote, as runs of a first and a last position. It reports
// false for anything else.
func ParseSeqs(s string) (runs [][2]int64, ok bool) {
	if s == "" {
		return nil, true
	}
	last := int64(-1)
	for part := range strings.SplitSeq(s, ",") {
		from, to, two := strings.Cut(part, "-")
		a, ok1 := parseSeq(from)
		b, ok2 := a, true
		if two {
			b, ok2 = parseSeq(to)
		}
		// What begins right behind the run before belongs to it.
		if !ok1 || !ok2 || a < 1 || a-1 <= last || two && b <= a {
			return nil, false
		}
		runs, last = append(runs, [2]int64{a, b}), b
	}
	return runs, true
}

func parseSeq(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

// RangeOf makes the range of some entries: by the first and last position where apart is
// false, which says that the feed has no others between, else by all of them.
func RangeOf(entries map[int64]Commitment, apart bool) *Range {
	if len(entries) == 0 {
		return nil
	}
	seqs := make([]int64, 0, len(entries))
	for seq := range entries {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	leaves := make([][]byte, len(seqs))
	for i, seq := range seqs {
		leaves[i] = EntryLeaf(seq, entries[seq])
	}
	b := CountOf(leaves)
	if apart {
		return &Range{Count: b.Count, Root: b.Root, Seqs: Seqs(seqs)}
	}
	return &Range{Count: b.Count, Root: b.Root, From: seqs[0], To: seqs[len(seqs)-1]}
}
