package stix

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	entente "entente"
)

// container is what is known of the object at the top that is being read. Until a member
// "objects" with an array appears it may be a STIX object itself, and its bytes are kept.
type container struct {
	array   bool // a JSON array, not an object
	decided bool // it is a bundle or an envelope
	large   bool // longer than the limit for an object: its bytes are gone
	start   extent
	after   bool   // a member has been read: a comma or the end comes next
	seen    uint8  // a bit for each of known
	twice   string // the first of known that came twice
	other   bool   // there are members that no envelope has
	typ, id string // values of "type" and "id", "" if they are not strings
}

// known are the members of containers (STIX 2.1 §8.1, STIX 2.0 Part 1 §5.1, TAXII 2.1
// §3.7), and the places of those that matter; of all others memberOther is the place.
var known = [...]string{"objects", "type", "id", "more", "next", "spec_version"}

const (
	memberObjects = iota
	memberType
	memberID
	memberMore
	memberNext
	memberOther = len(known)
)

func (t *container) bundle() bool {
	return t.typ == "bundle" || strings.HasPrefix(t.id, "bundle--")
}

// object reports whether what has been read so far rules out a bundle and an envelope.
func (t *container) object() bool {
	if t.typ != "" {
		return t.typ != "bundle"
	}
	if t.id == "" || strings.HasPrefix(t.id, "bundle--") {
		return false
	}
	_, err := entente.ParseObjectID(t.id)
	return err == nil
}

// note takes down one member's name and gives its place among the known ones.
func (t *container) note(name []byte) int {
	place := memberOther
	for i, k := range known {
		if string(name) == k {
			place = i
		}
	}
	t.other = t.other || place != memberMore && place != memberNext
	if place != memberOther {
		if t.seen>>place&1 == 1 && t.twice == "" {
			t.twice = known[place]
		}
		t.seen |= 1 << place
	}
	return place
}

// object reads the object at pos, which is an item itself or a container.
func (r *Reader) object() (Item, bool) {
	from := r.src.offset()
	r.top = container{start: extent{from: from, line: r.src.line()}}
	r.src.keep = from
	r.src.pos++
	return r.members()
}

// members reads the members of the object at the top, up to its end or to the array that
// makes it a container.
func (r *Reader) members() (Item, bool) {
	for r.err == nil {
		t := &r.top
		c, ok := r.src.space()
		switch {
		case !ok:
			r.broken("inside the object at the top")
			return Item{}, false
		case c == '}':
			r.src.pos++
			return r.close()
		case t.after && c != ',':
			r.fail(entente.Invalid, r.src.offset(), "found %s, where , or } is expected", quoted(c))
			return Item{}, false
		case t.after:
			r.src.pos++
			t.after = false
			if c, ok = r.src.space(); ok && c == '}' {
				r.fail(entente.Invalid, r.src.offset(), "a comma is followed by }")
				return Item{}, false
			}
		}
		if !r.member() {
			return Item{}, false
		}
	}
	return Item{}, false
}

// member reads one member; it reports false where the elements of a container begin, and
// where reading has failed.
func (r *Reader) member() bool {
	t := &r.top
	if c, ok := r.src.space(); ok && c != '"' {
		r.fail(entente.Invalid, r.src.offset(), "found %s, where the name of a member is expected", quoted(c))
		return false
	}
	name, ok := r.piece(true)
	if !ok {
		return false
	}
	place := t.note(name)
	switch c, ok := r.src.space(); {
	case !ok:
		r.broken("behind the name of a member")
		return false
	case c != ':':
		r.fail(entente.Invalid, r.src.offset(), "found %s, where : is expected", quoted(c))
		return false
	}
	r.src.pos++
	if c, _ := r.src.space(); place == memberObjects && c == '[' && r.contains() {
		return false
	}
	if r.err != nil {
		return false
	}
	value, ok := r.piece(place == memberType || place == memberID)
	if !ok {
		return false
	}
	t.after = true
	switch place {
	case memberType:
		t.typ = string(value)
	case memberID:
		t.id = string(value)
	}
	return r.plausible()
}

// piece passes over a name or a value of the object at the top. Where wanted, it gives
// what a string says until more is read, and nothing for anything else and for a string
// that is too long.
func (r *Reader) piece(wanted bool) ([]byte, bool) {
	t := &r.top
	t.large = t.large || !t.decided && r.src.keep < 0 // white space can be too long as well
	e := r.src.value()
	switch e.outcome {
	case cut:
		r.broken("inside the object at the top")
		return nil, false
	case nothing:
		r.fail(entente.Invalid, e.from, "a value is missing")
		return nil, false
	case unmatched:
		r.fail(entente.Invalid, e.to, "a bracket does not match the one that it closes")
		return nil, false
	}
	var text []byte
	if wanted && !e.large {
		if raw := r.src.bytes(e.from, e.to); raw[0] == '"' {
			text = raw[1 : len(raw)-1]
			if bytes.IndexByte(text, '\\') >= 0 {
				text = unescape(nil, text)
			}
		}
	}
	t.start.deep = t.start.deep || e.deep
	t.large = t.large || e.large
	if t.large || t.decided {
		r.src.keep = -1
	}
	return text, true
}

// contains turns the object at the top into a container, whose elements begin at pos. It
// reports false if the object is one itself, or if reading fails.
func (r *Reader) contains() bool {
	t := &r.top
	switch {
	case t.decided || (t.twice != "" && !t.object()):
		r.fail(entente.Invalid, r.src.offset(), "the member %q is there twice", t.twice)
		return false
	case r.strict && t.bundle():
		r.refuse("a STIX bundle was posted")
		return false
	case !r.strict && t.object():
		return false
	}
	t.decided, t.after = true, true
	r.src.keep = -1
	r.src.pos++
	r.state, r.first = inElements, true
	if r.values == 1 {
		r.form = Envelope
		if t.bundle() {
			r.form = Bundle
		}
	}
	return true
}

// plausible checks, after each member, what a container says of itself.
func (r *Reader) plausible() bool {
	t := &r.top
	switch {
	case r.strict && t.bundle():
		r.refuse("a STIX bundle was posted")
		return false
	case !t.decided:
		return true
	case t.twice != "":
		r.fail(entente.Invalid, r.src.offset(), "the member %q is there twice", t.twice)
		return false
	case r.strict:
		return true
	case t.typ != "" && t.typ != "bundle":
		r.fail(entente.Invalid, r.src.offset(),
			"this is an object of type %q, yet its \"objects\" stood before its type and was read as a bundle's", clip(t.typ))
		return false
	case t.typ == "bundle" && r.values == 1:
		r.form = Bundle
	}
	return true
}

// close ends the object at the top.
func (r *Reader) close() (Item, bool) {
	t := &r.top
	r.state = atTop
	if t.decided {
		return Item{}, false
	}
	listed := t.seen>>memberObjects&1 == 1
	switch {
	case r.strict && listed:
		r.fail(entente.Unprocessable, r.src.offset(), "\"objects\" of the envelope is not an array (TAXII 2.1 §3.7)")
	case r.strict && t.typ != "":
		r.refuse("a single object of type \"" + clip(t.typ) + "\" was posted")
	case t.typ == "bundle" && listed:
		r.fail(entente.Invalid, r.src.offset(), "\"objects\" of the bundle is not an array (STIX 2.1 §8.1)")
	case r.strict || !t.other:
		if r.values == 1 {
			r.form = Envelope
		}
	case t.typ == "bundle":
		if r.values == 1 {
			r.form = Bundle
		}
	default:
		e := t.start
		e.to = r.src.offset()
		e.large = t.large || r.src.keep < 0 || e.to-e.from > r.src.limit
		return r.give(e)
	}
	return Item{}, false
}

// element reads the next element of an array of objects, or its end.
func (r *Reader) element() (Item, bool) {
	c, ok := r.src.space()
	switch {
	case !ok:
		r.broken("inside the array of objects")
		return Item{}, false
	case c == ']':
		r.src.pos++
		r.state = inMembers
		if r.top.array {
			r.state = atTop
		}
		return Item{}, false
	case !r.first && c != ',':
		r.fail(entente.Invalid, r.src.offset(), "found %s, where , or ] is expected", quoted(c))
		return Item{}, false
	case !r.first:
		r.src.pos++
		if c, ok = r.src.space(); ok && c == ']' {
			r.fail(entente.Invalid, r.src.offset(), "a comma is followed by ]")
			return Item{}, false
		}
	}
	r.first = false
	e := r.src.value()
	switch {
	case e.outcome == cut:
		r.broken("inside an object")
	case e.outcome == nothing:
		r.fail(entente.Invalid, e.from, "an object is missing")
	case e.outcome == unmatched:
		r.fail(entente.Invalid, e.to, "a bracket does not match the one that it closes")
	case r.strict && !e.large && !e.deep && !syntax(r.src.bytes(e.from, e.to)):
		r.fail(entente.Invalid, e.from, "the object that begins here is not JSON")
	default:
		return r.give(e)
	}
	return Item{}, false
}

// syntax reports whether raw is one JSON value (RFC 8259), duplicate names and malformed
// UTF-8 aside: those concern one object and are for [Parse] to report.
func syntax(raw []byte) bool {
	return jsontext.Value(raw).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
