package taxii

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"

	"entente"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Selection says which page of a collection is asked for.
type Selection struct {
	AddedAfter int64      // microseconds since 1970: only what was added strictly after; 0 for all
	Limit      int        // the most entries that are wanted, 0 to leave it to the server
	Next       string     // the cursor that the page before gave, "" for the beginning
	Match      url.Values // match fields without "match[…]", as type or version (§3.4.1)
}

// query is the query of a request. A cursor goes with all the rest repeated (§3.5).
func (s Selection) query() string {
	q := url.Values{}
	for field, values := range s.Match {
		q["match["+field+"]"] = slices.Clone(values)
	}
	if s.AddedAfter != 0 {
		q.Set("added_after", Timestamp(s.AddedAfter))
	}
	if s.Limit > 0 {
		q.Set("limit", strconv.Itoa(s.Limit))
	}
	if s.Next != "" {
		q.Set("next", s.Next)
	}
	return q.Encode()
}

// Dates are what the headers X-TAXII-Date-Added-First and -Last tell (§3.2), in
// microseconds since 1970; 0 where a header is missing or cannot be read.
type Dates struct{ First, Last int64 }

// PageReader is a page of a collection as it comes in. Reading gives its objects, the
// exact bytes of each, as one JSON array; a page without objects gives an empty one.
type PageReader struct {
	Dates
	split *splitter
	a     *answer
}

// Read reads the objects. The error is io.EOF at the end of a page that is complete.
func (p *PageReader) Read(b []byte) (int, error) {
	n, err := p.split.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = p.a.broken(err)
	} else if err != nil && entente.KindOf(err) == entente.Unprocessable {
		err = p.a.notTAXII(err)
	}
	return n, err
}

// More tells, once the page has been read to its end, whether the server says that there
// is another one, and by which cursor. A cursor counts even where "more" is left out.
func (p *PageReader) More() (more bool, next string) {
	return p.split.more || (!p.split.moreGiven && p.split.next != ""), p.split.next
}

// Close ends the page, read or not.
func (p *PageReader) Close() error { return p.a.Close() }

func (c *Client) page(ctx context.Context, u *url.URL, s Selection, list string) (*PageReader, error) {
	u.RawQuery = s.query()
	a, err := c.do(ctx, "GET", u, nil)
	if err != nil {
		return nil, err
	}
	if err := a.open(c.cfg.MaxPage); err != nil {
		a.Close()
		return nil, err
	}
	p := &PageReader{a: a, split: newSplitter(a, list)}
	for header, to := range map[string]*int64{"X-TAXII-Date-Added-First": &p.First, "X-TAXII-Date-Added-Last": &p.Last} {
		if at, err := ParseTimestamp(a.header.Get(header)); err == nil {
			*to = at
		}
	}
	return p, nil
}

// Objects asks for a page of a collection's objects (§5.4). It must be closed.
func (c *Client) Objects(ctx context.Context, at Place, s Selection) (*PageReader, error) {
	return c.page(ctx, at.url("objects"), s, "objects")
}

// Object asks for a page of the versions of one object (§5.6). It must be closed.
func (c *Client) Object(ctx context.Context, at Place, id string, s Selection) (*PageReader, error) {
	return c.page(ctx, at.url("objects", id), s, "objects")
}

// ListEnd is what is known once a page of a list was read.
type ListEnd struct {
	Dates
	More bool
	Next string
}

// Manifest asks for a page of a collection's manifest (§5.3) and gives each record to
// each, whose error ends the reading.
func (c *Client) Manifest(ctx context.Context, at Place, s Selection, each func(ManifestRecord) error) (ListEnd, error) {
	return records(c, ctx, at.url("manifest"), s, "objects", each)
}

// ObjectVersions asks for a page of the names of an object's versions (§5.8).
func (c *Client) ObjectVersions(ctx context.Context, at Place, id string, s Selection, each func(version string) error) (ListEnd, error) {
	return records(c, ctx, at.url("objects", id, "versions"), s, "versions", each)
}

func records[T any](c *Client, ctx context.Context, u *url.URL, s Selection, name string, each func(T) error) (ListEnd, error) {
	p, err := c.page(ctx, u, s, name)
	if err != nil {
		return ListEnd{}, err
	}
	defer p.Close()
	d := jsontext.NewDecoder(p, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	fail := func(err error) (ListEnd, error) {
		var typed *entente.Error
		if errors.As(err, &typed) {
			return ListEnd{}, typed
		}
		return ListEnd{}, p.a.notTAXII(err)
	}
	if _, err := d.ReadToken(); err != nil {
		return fail(err)
	}
	for d.PeekKind() != ']' {
		var item T
		if err := json.UnmarshalDecode(d, &item); err != nil {
			return fail(err)
		}
		if err := each(item); err != nil {
			return ListEnd{}, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return fail(err)
	}
	if _, err := io.Copy(io.Discard, p); err != nil {
		return fail(err)
	}
	more, next := p.More()
	return ListEnd{Dates: p.Dates, More: more, Next: next}, nil
}
