package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	stdjson "encoding/json"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"entente"
	"entente/stix"
)

// The limits of events, in bytes: a cascade that takes 300,000 entries out of a feed names
// them in some 2 MB, a usual event has less than 1 KB.
const (
	MaxEvent  = 16 << 20
	MaxEvents = 64 << 20 // of one bundle together, with their salts
)

// Canonical writes v, a value that encoding/json can write, as canonical JSON (RFC 8785):
// the bytes of an event. Invalid if it cannot be written so.
func Canonical(v any) ([]byte, error) {
	raw, err := stdjson.Marshal(v)
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "this value has no JSON form")
	}
	return stix.Canonical(raw)
}

// The kinds of event that are held against other files of an export.
const (
	KindJudge         = "judge"
	KindFlip          = "flip"
	KindUnstage       = "unstage"
	KindDeliver       = "deliver"
	KindHeads         = "heads"
	KindKey           = "key"
	KindDiscontinuity = "discontinuity"
	KindErase         = "erase"
)

// Event is what verification needs of an event.
type Event struct {
	ID     string  `json:"id"`
	Time   string  `json:"time"` // RFC 3339, UTC, with six digits
	Kind   string  `json:"kind"`
	For    string  `json:"for"` // the partner, in events of a partner's log
	Shared []Named `json:"shared"`

	body any // of the kinds above: *judged, *flipped …; nil for others
}

// Named names an entry of a partner's log.
type Named struct {
	Partner string `json:"partner"`
	Entry   string `json:"entry"` // hexadecimal
}

// about are the ids of an event that verification needs.
type about struct {
	Feed string `json:"feed"`
}

type (
	judged struct {
		About   about  `json:"about"`
		Result  string `json:"result"` // "staged" where it counts from the next flip on
		Entries struct {
			From  int64  `json:"from"`
			To    int64  `json:"to"`
			Count int64  `json:"count"`
			Root  string `json:"root"`
		} `json:"entries"`
		Gone struct {
			Count int64  `json:"count"`
			Seqs  string `json:"seqs"`
			Root  string `json:"root"`
		} `json:"gone"`
	}
	flipped struct {
		Feeds []struct {
			Feed string `json:"feed"`
			Head int64  `json:"head"`
		} `json:"feeds"`
	}
	unstaged  flipped
	delivered struct {
		About about  `json:"about"`
		Head  int64  `json:"head"`
		Seqs  string `json:"seqs"`
		Count int64  `json:"count"`
		List  string `json:"list"`
	}
	headed struct {
		Logs []struct {
			Partner string `json:"partner"`
			Size    int64  `json:"size"`
			Root    string `json:"root"`
		} `json:"logs"`
	}
	keyed struct {
		Key       string `json:"key"`
		Signature string `json:"signature"`
	}
	discontinued struct {
		Key         string   `json:"key"`
		Signature   string   `json:"signature"`
		Checkpoints []string `json:"checkpoints"`
	}
	erased struct {
		Erased []struct {
			Entry  string  `json:"entry"`
			Shared []Named `json:"shared"`
		} `json:"erased"`
	}
)

// ParseEvent reads an event. Invalid if it is not canonical JSON of the form.
func ParseEvent(raw []byte) (Event, error) {
	var e Event
	canonical, err := stix.Canonical(raw)
	if err != nil {
		return e, err
	}
	if !bytes.Equal(canonical, raw) {
		return e, entente.Errorf(entente.Invalid, "the event is not in canonical form (RFC 8785)")
	}
	// What is canonical has no name twice and is valid UTF-8; looking again costs time.
	loose := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := json.Unmarshal(raw, &e, loose); err != nil {
		return e, entente.Wrap(entente.Invalid, err, "the event has not the members of one")
	}
	if e.ID == "" || e.Kind == "" || e.Time == "" {
		return e, entente.Errorf(entente.Invalid, "the event has no id, no time or no kind")
	}
	switch e.Kind {
	case KindJudge:
		e.body = new(judged)
	case KindFlip:
		e.body = new(flipped)
	case KindUnstage:
		e.body = new(unstaged)
	case KindDeliver:
		e.body = new(delivered)
	case KindHeads:
		e.body = new(headed)
	case KindKey:
		e.body = new(keyed)
	case KindDiscontinuity:
		e.body = new(discontinued)
	case KindErase:
		e.body = new(erased)
	default:
		return e, nil
	}
	if err := json.Unmarshal(raw, e.body, loose); err != nil {
		return e, entente.Wrap(entente.Invalid, err, "the event has not the members of a "+e.Kind)
	}
	return e, nil
}

// The parts of a line of an events file.
const (
	lineSalt   = `{"salt":"`
	lineEvent  = `","event":`
	erasedLine = `{"erased":true}`
	lineHead   = len(lineSalt) + 2*EventSaltSize + len(lineEvent)
)

// AppendEventLine appends the line of an event, with its end, as an export has it.
func AppendEventLine(dst []byte, salt [EventSaltSize]byte, event []byte) []byte {
	dst = hex.AppendEncode(append(dst, lineSalt...), salt[:])
	return append(append(append(dst, lineEvent...), event...), "}\n"...)
}

// AppendErasedLine appends the line of an event that was erased.
func AppendErasedLine(dst []byte) []byte { return append(dst, erasedLine+"\n"...) }

// parseEventLine reads a line without its end: the salt followed by the event, in place,
// and where the event begins. An erased one is nil.
func parseEventLine(line []byte) (salted []byte, err error) {
	if string(line) == erasedLine {
		return nil, nil
	}
	const head = lineHead
	if len(line) < head+2 || len(line) > head+MaxEvent+1 || string(line[:len(lineSalt)]) != lineSalt ||
		string(line[head-len(lineEvent):head]) != lineEvent || line[len(line)-1] != '}' {
		return nil, fmt.Errorf("the line is not of the form %s…%s…} or %s", lineSalt, lineEvent, erasedLine)
	}
	// The salt is decoded to where the event begins, so that both are hashed at once.
	var salt [EventSaltSize]byte
	if !unhex(salt[:], line[len(lineSalt):len(lineSalt)+2*EventSaltSize]) {
		return nil, fmt.Errorf("the salt is not %d bytes in lower-case hexadecimal", EventSaltSize)
	}
	copy(line[head-EventSaltSize:], salt[:])
	return line[head-EventSaltSize : len(line)-1], nil
}

func entryOf(salted []byte) [EntrySize]byte { return sha256.Sum256(salted) }
