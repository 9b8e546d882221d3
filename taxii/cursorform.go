package taxii

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"entente"
)

// The first byte of a cursor's plaintext tells its layout; texts of another layout are
// refused like any foreign one. Conditions stand at the end, where there are any, so that
// cursors without them are what they always were.
const (
	cursorForm     = 1
	conditionsForm = 2
)

// encodeCursor appends the plaintext of a cursor. Position, time and limit have a fixed
// width; the rest varies with the request's own parameters only.
func encodeCursor(b []byte, c Cursor) []byte {
	form := byte(cursorForm)
	if len(c.Filter.Conditions) > 0 {
		form = conditionsForm
	}
	b = append(b, form, byte(c.Endpoint))
	b = appendText(b, c.Feed)
	b = binary.BigEndian.AppendUint64(b, uint64(c.After))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Filter.AddedAfter))
	b = binary.BigEndian.AppendUint32(b, uint32(min(c.Limit, math.MaxInt32)))
	b = binary.AppendUvarint(b, uint64(len(c.Filter.IDs)))
	for _, id := range c.Filter.IDs {
		b = appendID(b, id)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Filter.Types)))
	for _, t := range c.Filter.Types {
		b = appendText(b, t)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Filter.Specs)))
	for _, s := range c.Filter.Specs {
		b = append(b, byte(s))
	}
	v := c.Filter.Versions
	b = append(b, bit(v.All, 1)|bit(v.First, 2)|bit(v.Last, 4))
	b = binary.AppendUvarint(b, uint64(len(v.Exact)))
	for _, in := range v.Exact {
		b = binary.BigEndian.AppendUint64(b, uint64(in.Micros))
		b = appendText(b, in.Rest)
	}
	if form == conditionsForm {
		b = binary.AppendUvarint(b, uint64(len(c.Filter.Conditions)))
	}
	for _, k := range c.Filter.Conditions {
		b = binary.AppendUvarint(appendText(b, k.Field), uint64(len(k.Values)))
		for _, value := range k.Values {
			b = appendText(b, value)
		}
	}
	return b
}

func bit(set bool, value byte) byte {
	if set {
		return value
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// appendID writes an identifier with its UUID as 16 bytes, which shortens cursors of long
// lists by a third. One in upper case is kept letter for letter, under the type "".
func appendID(b []byte, id entente.ObjectID) []byte {
	t := id.Type()
	if len(id) == len(t)+2+36 {
		s := string(id[len(t)+2:])
		digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
		if raw, err := hex.DecodeString(digits); err == nil && hex.EncodeToString(raw) == digits {
			return append(appendText(b, t), raw...)
		}
	}
	return appendText(appendText(b, ""), string(id))
}

// decodeCursor reads what encodeCursor wrote. The bytes have been authenticated; the
// checks are for what another release may have written.
func decodeCursor(b []byte) (Cursor, bool) {
	r := &cursorReader{b: b}
	form := r.byte()
	if form != cursorForm && form != conditionsForm {
		return Cursor{}, false
	}
	c := Cursor{Endpoint: Endpoint(r.byte()), Feed: r.text()}
	c.After = int64(r.uint64())
	c.Filter.AddedAfter = int64(r.uint64())
	if raw := r.take(4); raw != nil {
		limit := binary.BigEndian.Uint32(raw)
		r.failed = limit > math.MaxInt32
		c.Limit = int(limit)
	}
	for range r.count() {
		c.Filter.IDs = append(c.Filter.IDs, r.id())
	}
	for range r.count() {
		c.Filter.Types = append(c.Filter.Types, r.text())
	}
	for range r.count() {
		c.Filter.Specs = append(c.Filter.Specs, entente.Spec(r.byte()))
	}
	words := r.byte()
	c.Filter.Versions = entente.VersionFilter{All: words&1 != 0, First: words&2 != 0, Last: words&4 != 0}
	for range r.count() {
		in := entente.Instant{Micros: int64(r.uint64()), Rest: r.text()}
		in.Text = instantText(in)
		c.Filter.Versions.Exact = append(c.Filter.Versions.Exact, in)
	}
	if form == conditionsForm {
		c.Filter.Conditions = r.conditions()
	}
	return c, !r.failed && len(r.b) == 0
}

// conditions reads at least one. A field that this release does not know fails: to leave
// it out would give more than was asked for.
func (r *cursorReader) conditions() []entente.Condition {
	var out []entente.Condition
	for range r.count() {
		k := entente.Condition{Field: r.text()}
		for range r.count() {
			k.Values = append(k.Values, r.text())
		}
		_, known := entente.FindConditionField(k.Field)
		r.failed = r.failed || !known || len(k.Values) == 0
		out = append(out, k)
	}
	r.failed = r.failed || len(out) == 0
	return out
}

// cursorReader reads from b and remembers if there was too little.
type cursorReader struct {
	b      []byte
	failed bool
}

func (r *cursorReader) take(n uint64) []byte {
	if r.failed || uint64(len(r.b)) < n {
		r.failed = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *cursorReader) byte() byte {
	if raw := r.take(1); raw != nil {
		return raw[0]
	}
	return 0
}

func (r *cursorReader) uint64() uint64 {
	if raw := r.take(8); raw != nil {
		return binary.BigEndian.Uint64(raw)
	}
	return 0
}

func (r *cursorReader) uvarint() uint64 {
	n, width := binary.Uvarint(r.b)
	if width <= 0 {
		r.failed = true
		return 0
	}
	r.b = r.b[width:]
	return n
}

// count reads the length of a list whose items take a byte at least.
func (r *cursorReader) count() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.failed = true
		return 0
	}
	return n
}

func (r *cursorReader) text() string { return string(r.take(r.uvarint())) }

func (r *cursorReader) id() entente.ObjectID {
	t := r.text()
	if t == "" {
		return entente.ObjectID(r.text())
	}
	raw := r.take(16)
	if raw == nil {
		return ""
	}
	h := hex.EncodeToString(raw)
	return entente.ObjectID(t + "--" + h[0:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32])
}
