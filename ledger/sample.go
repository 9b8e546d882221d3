package ledger

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"entente"
)

// KindSample is the kind of event that announces a sample.
const KindSample = "sample"

// MaxSample is the most events that one sample draws.
const MaxSample = 10_000

// Draw is a sample of the main log: what it is drawn from, and by which seed. The seed is
// made of the checkpoint and of words that were chosen after it, so neither who runs the
// node, who could not know the words when he wrote the events, nor anybody later decides
// what is drawn; and everybody can draw it again.
type Draw struct {
	Of        Checkpoint // of the main log: the events before its size can be drawn
	Words     string     // chosen after the checkpoint
	Size      int        // how many are drawn, if there are so many
	Kind      string     // only events of this kind, "" for all
	Agreement string     // only events that concern this agreement, by its id, "" for all
}

// Seed is SHA-256 over "entente/sample/v1", a line end, the text of the checkpoint, and the words.
func (d Draw) Seed() [sha256.Size]byte {
	return sha256.Sum256([]byte("entente/sample/v1\n" + d.Of.Text() + d.Words))
}

// Filter writes what is drawn, as the event says it: a query with its names in order.
func (d Draw) Filter() string {
	q := url.Values{"size": {strconv.Itoa(d.Size)}}
	if d.Kind != "" {
		q.Set("kind", d.Kind)
	}
	if d.Agreement != "" {
		q.Set("agreement", d.Agreement)
	}
	return q.Encode()
}

// DrawOf reads the draw that a sample event announces. Invalid if it announces none.
func DrawOf(e entente.Event) (Draw, error) {
	bad := func(what string) (Draw, error) {
		return Draw{}, entente.Errorf(entente.Invalid, "this event announces no sample: %s", what)
	}
	if e.Kind != KindSample || len(e.Checkpoints) != 1 {
		return bad("it is not of the kind sample, or has no checkpoint")
	}
	text, _, _ := strings.Cut(e.Checkpoints[0], "\n\n")
	c, err := ParseCheckpoint(text + "\n")
	if err != nil {
		return bad(entente.PublicText(err))
	}
	q, err := url.ParseQuery(e.Filter)
	if err != nil {
		return bad("its filter cannot be read")
	}
	d := Draw{Of: c, Words: e.Text, Kind: q.Get("kind"), Agreement: q.Get("agreement")}
	if d.Size, err = strconv.Atoi(q.Get("size")); err != nil || d.Check() != nil || d.Filter() != e.Filter {
		return bad("its filter is not of the form that draws have")
	}
	return d, nil
}

// Check checks the size. Invalid where it is out of range.
func (d Draw) Check() error {
	if d.Size < 1 || d.Size > MaxSample {
		return entente.Errorf(entente.Invalid, "a sample has between 1 and %d events", MaxSample)
	}
	return nil
}

// Drawn is one event of a sample.
type Drawn struct {
	Index int64
	Entry [EntrySize]byte
	Raw   []byte // the event, nothing where it was erased
	rank  [sha256.Size]byte
}

// Sampler draws. The rank of an event is SHA-256 over the seed and its index (8 bytes, the
// highest first); those of the lowest ranks are drawn. It keeps as much as it draws.
type Sampler struct {
	draw Draw
	seed [sha256.Size]byte
	kept []Drawn // a heap, the highest rank first
	of   int64
}

// NewSampler begins a draw.
func NewSampler(d Draw) *Sampler { return &Sampler{draw: d, seed: d.Seed()} }

// Offer takes an event of the main log that fits the draw's filter, in any order; raw is
// good during the call.
func (s *Sampler) Offer(index int64, entry [EntrySize]byte, raw []byte) {
	if index >= s.draw.Of.Size {
		return
	}
	s.of++
	d := Drawn{Index: index, Entry: entry, rank: sha256.Sum256(binary.BigEndian.AppendUint64(s.seed[:], uint64(index)))}
	if len(s.kept) == s.draw.Size {
		if bytes.Compare(d.rank[:], s.kept[0].rank[:]) >= 0 {
			return
		}
		d.Raw = bytes.Clone(raw)
		s.kept[0] = d
		s.down()
		return
	}
	d.Raw = bytes.Clone(raw)
	s.kept = append(s.kept, d)
	for i := len(s.kept) - 1; i > 0; {
		up := (i - 1) / 2
		if bytes.Compare(s.kept[up].rank[:], s.kept[i].rank[:]) >= 0 {
			return
		}
		s.kept[up], s.kept[i] = s.kept[i], s.kept[up]
		i = up
	}
}

func (s *Sampler) down() {
	for i := 0; ; {
		top := i
		for _, c := range []int{2*i + 1, 2*i + 2} {
			if c < len(s.kept) && bytes.Compare(s.kept[c].rank[:], s.kept[top].rank[:]) > 0 {
				top = c
			}
		}
		if top == i {
			return
		}
		s.kept[i], s.kept[top] = s.kept[top], s.kept[i]
		i = top
	}
}

// Of counts what could be drawn.
func (s *Sampler) Of() int64 { return s.of }

// Drawn gives what was drawn, by index.
func (s *Sampler) Drawn() []Drawn {
	out := slices.Clone(s.kept)
	slices.SortFunc(out, func(a, b Drawn) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// List is what the event says of the events that were drawn: SHA-256 over their entries, by
// index, in hexadecimal.
func (s *Sampler) List() string {
	h := sha256.New()
	for _, d := range s.Drawn() {
		h.Write(d.Entry[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Result is how many were drawn of how many.
func (s *Sampler) Result() string { return fmt.Sprintf("%d of %d", len(s.kept), s.of) }
