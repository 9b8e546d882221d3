package stix

import (
	"errors"
	"io"
	"strconv"

	entente "entente"
)

// MaxObject is the default limit on the length of one object, in bytes.
const MaxObject = 16 << 20

// Form is the shape of the input as a whole.
type Form uint8

// The forms of input that [Reader] understands.
const (
	Unknown  Form = iota // nothing has been read yet
	Object               // a single STIX object
	Bundle               // a STIX bundle (STIX 2.1 §8, STIX 2.0 Part 1 §5)
	Envelope             // a TAXII envelope (TAXII 2.1 §3.7)
	Array                // a JSON array of objects
	Lines                // one value after another, on lines of their own or not
)

// String names the form in plain words.
func (f Form) String() string {
	return [...]string{"nothing", "a STIX object", "a STIX bundle", "a TAXII envelope", "a JSON array", "a sequence of JSON values"}[f]
}

// Item is one element of the input.
type Item struct {
	// Raw are the exact bytes of the element, without the white space around it. They
	// begin and end one JSON value; whether what is between is JSON, [Parse] tells.
	// They are valid until the following call of [Reader.Next]. Nil if Err is set.
	Raw []byte
	// Index counts the elements from 0, those with Err included.
	Index int
	// Offset is where the element begins: bytes of the input after decompression.
	Offset int64
	// Line is the line on which the element begins, from 1.
	Line int64
	// Err says why the element cannot be given: an [*entente.Error] of kind TooLarge or
	// Invalid. The elements after it are not affected.
	Err error
}

// state is what the reader does next.
type state uint8

const (
	atStart    state = iota // detect form and compression
	atTop                   // between values at the top
	atLine                  // at the beginning of a line, in line mode
	inElements              // inside an array of objects
	inMembers               // behind the array of a bundle or an envelope
)

// Reader splits input into objects, one at a time. Its memory is bounded by the largest
// object and the limit, not by the input. It detects: a STIX bundle, a TAXII envelope, a
// JSON array, a single object, and values one after another, with or without line
// breaks; each plain or compressed with gzip or zstd, with or without a byte order mark.
//
// A member "objects" that is an array makes the value at the top a container, unless an
// earlier "type" or "id" says that the value is something else than a bundle. If that
// comes to light only after the array, reading ends in an error.
//
// Where the first line holds one complete object and further lines follow, each line is
// read on its own, and a broken line costs no other line. That first line must be at
// most 1 MiB long; beyond it, values are told apart by their brackets alone.
//
// A Reader must not be used from several goroutines at once.
type Reader struct {
	src    source
	strict bool // nothing but one envelope

	state  state
	form   Form
	top    container
	values int  // values begun at the top
	first  bool // the next element is the first of its array
	index  int
	err    error
}

// NewReader reads any of the input forms from r. Nothing is read before the first Next.
func NewReader(r io.Reader) *Reader {
	t := &tattler{r: r}
	return &Reader{src: source{r: t, below: t, keep: -1, limit: MaxObject}}
}

// NewEnvelopeReader reads the body of a TAXII POST: one TAXII envelope (TAXII 2.1 §3.7,
// §5.4), not compressed, and nothing else. Unknown members of the envelope are ignored;
// an envelope without objects gives no items. A bundle, a bare object or an array end in
// an error of kind Unprocessable, what is not JSON in one of kind Invalid, and here that
// goes for JSON that is broken inside an object too, because the body is one document.
//
// A bundle is told by its "type" or "id". If both stand after "objects", the error comes
// after the items: a caller that may act on a proper envelope only reads to io.EOF first.
func NewEnvelopeReader(r io.Reader) *Reader {
	rd := NewReader(r)
	rd.strict = true
	return rd
}

// SetMaxObject sets the most bytes that one object may have, in place of [MaxObject].
// A longer one becomes an item with an error. It must be called before the first Next.
func (r *Reader) SetMaxObject(bytes int) { r.src.limit = int64(bytes) }

// SetMaxTotal sets the most bytes that the input may have after decompression; 0, the
// default, is any number. Reading beyond it ends in an error of kind TooLarge.
// It must be called before the first Next.
func (r *Reader) SetMaxTotal(bytes int64) { r.src.total = bytes }

// Form is what the input has turned out to be so far. A bundle whose "type" stands after
// its objects counts as an envelope until that is read.
func (r *Reader) Form() Form { return r.form }

// Next gives the next element. At the clean end of the input the error is io.EOF. Any
// other error concerns the input as a whole: it is an [*entente.Error] whose text says
// what is wrong, at which byte, and after how many objects; it comes after every element
// before that place was given, and it comes again on every further call.
func (r *Reader) Next() (Item, error) {
	for r.err == nil {
		r.src.keep = -1 // the last item is given up
		var item Item
		var ok bool
		switch r.state {
		case atStart:
			r.start()
		case atTop:
			item, ok = r.atTop()
		case atLine:
			item, ok = r.line()
		case inElements:
			item, ok = r.element()
		case inMembers:
			item, ok = r.members()
		}
		if ok {
			item.Index = r.index
			r.index++
			return item, nil
		}
	}
	return Item{}, r.err
}

// start opens the input and decides between line mode and structure.
func (r *Reader) start() {
	r.src.open(!r.strict)
	r.state = atTop
	c, ok := r.src.space()
	if !ok {
		if r.src.err == io.EOF {
			r.fail(entente.Invalid, r.src.offset(), "the input is empty: nothing but white space")
			return
		}
		r.broken("the input cannot be read")
		return
	}
	if c == '{' && !r.strict && r.lined() {
		r.form = Lines
		r.state = atLine
	}
}

// atTop reads the beginning of a value that stands by itself, or the end of the input.
func (r *Reader) atTop() (Item, bool) {
	c, ok := r.src.space()
	switch {
	case !ok && r.src.err == io.EOF:
		if r.strict && r.form != Envelope {
			r.fail(entente.Unprocessable, r.src.offset(), "a TAXII envelope is expected")
			return Item{}, false
		}
		r.err = io.EOF
	case !ok:
		r.broken("the input cannot be read")
	case r.strict && r.values > 0:
		r.fail(entente.Invalid, r.src.offset(), "there is more after the envelope")
	case c == '{':
		r.begin(Object)
		return r.object()
	case c == '[' && r.strict:
		r.refuse("a JSON array was posted")
	case c == '[':
		r.begin(Array)
		r.src.pos++
		r.state, r.first = inElements, true
		r.top = container{array: true}
	default:
		r.fail(entente.Invalid, r.src.offset(), "this is not JSON with STIX objects: it goes on with %s, where { or [ is expected", quoted(c))
	}
	return Item{}, false
}

// begin notes that a value begins at the top.
func (r *Reader) begin(f Form) {
	r.values++
	if r.values == 1 {
		r.form = f
	} else {
		r.form = Lines
	}
}

// give makes an item of an extent whose bytes are still in the window.
func (r *Reader) give(e extent) (Item, bool) {
	item := Item{Offset: e.from, Line: e.line}
	switch {
	case e.large:
		item.Err = entente.Errorf(entente.TooLarge, "the object at byte %d is longer than %d bytes", e.from, r.src.limit)
	case e.deep:
		item.Err = entente.Errorf(entente.Invalid, "the object at byte %d is nested deeper than %d levels", e.from, MaxDepth)
	default:
		item.Raw = r.src.bytes(e.from, e.to)
	}
	return item, true
}

// fail ends reading with an error that concerns the input as a whole.
func (r *Reader) fail(kind entente.Kind, offset int64, format string, args ...any) {
	err := entente.Errorf(kind, format, args...)
	err.Public += ": at byte " + strconv.FormatInt(offset, 10) + ", after " + plural(r.index, "object")
	r.err = err
}

// broken ends reading because the input ended or failed inside something.
func (r *Reader) broken(where string) {
	at := r.src.offset()
	cause := r.src.err
	var known *entente.Error
	switch {
	case errors.As(r.src.below.err, &known):
		r.err = r.src.below.err
		return
	case cause == io.EOF:
		r.fail(entente.Invalid, at, "%s: the input breaks off", where)
	case cause == errTotal:
		r.fail(entente.TooLarge, at, "the input is longer than %d bytes", r.src.total)
	case r.src.below.err != nil:
		r.fail(entente.Invalid, at, "%s: reading the input failed", where)
	case errors.Is(cause, io.ErrUnexpectedEOF):
		r.fail(entente.Invalid, at, "%s: the %s data break off", where, r.src.form)
	case r.src.form != "":
		r.fail(entente.Invalid, at, "%s: the %s data are damaged", where, r.src.form)
	default:
		r.fail(entente.Invalid, at, "%s: reading the input failed", where)
	}
	var e *entente.Error
	if errors.As(r.err, &e) {
		if cause == io.EOF {
			cause = io.ErrUnexpectedEOF // nobody may take this for the clean end
		}
		e.Err = cause
	}
}

// refuse ends reading of what is not an envelope.
func (r *Reader) refuse(what string) {
	r.fail(entente.Unprocessable, r.src.offset(),
		"%s, where a TAXII envelope is expected: send {\"objects\": [ … ]} with the objects in it (TAXII 2.1 §3.7)", what)
}

func quoted(c byte) string { return strconv.QuoteToASCII(string([]byte{c})) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
