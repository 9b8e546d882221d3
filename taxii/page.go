package taxii

import (
	"io"

	"entente"

	"github.com/go-json-experiment/json/jsontext"
)

// A page begins with "more" and "next" and then has its list. The two members go
// together by construction: "more" without "next" makes the reference client ask for
// the first page for ever. The standard names "next" for envelopes only (§3.7); manifest
// and versions carry it as well, since they can be paged no other way exactly.

// WriteEnvelope writes an envelope (§3.7): the entries' bytes exactly as they are stored,
// and next as the cursor of the following page, "" if there is none. Entries without
// bytes must not be given. Nothing is collected: each object goes to w by itself.
func WriteEnvelope(w io.Writer, next string, entries []entente.Entry) error {
	if _, err := w.Write(pageHead(nil, next, "objects", len(entries) > 0)); err != nil {
		return err
	}
	comma := []byte{','}
	for i := range entries {
		if i > 0 {
			if _, err := w.Write(comma); err != nil {
				return err
			}
		}
		if _, err := w.Write(entries[i].Bytes); err != nil {
			return err
		}
	}
	_, err := w.Write(pageTail(nil, len(entries) > 0))
	return err
}

// EnvelopeLength is the number of bytes that [WriteEnvelope] writes.
func EnvelopeLength(next string, entries []entente.Entry) int64 {
	full := len(entries) > 0
	n := int64(len(pageHead(nil, next, "objects", full)) + len(pageTail(nil, full)) + max(0, len(entries)-1))
	for i := range entries {
		n += int64(len(entries[i].Bytes))
	}
	return n
}

// Manifest is the manifest resource (§5.3.1) over entries, ready to be sent.
func Manifest(next string, entries []entente.Entry) ([]byte, error) {
	return list(next, "objects", entries, func(b []byte, e *entente.Entry) ([]byte, error) {
		b = append(b, `{"id":`...)
		b, err := jsontext.AppendQuote(b, string(e.ID))
		if err != nil {
			return nil, err
		}
		b = append(b, `,"date_added":"`...)
		b = append(b, Timestamp(e.Added)...)
		b = append(b, `","version":`...)
		if b, err = jsontext.AppendQuote(b, e.Stamp); err != nil {
			return nil, err
		}
		b = append(b, `,"media_type":"`...)
		b = append(b, MediaTypeSTIX(e.Spec)...)
		return append(b, `"}`...), nil
	})
}

// Versions is the versions resource (§5.8.1) over the entries of one object, ready to be
// sent. The strings are those that the objects themselves have.
func Versions(next string, entries []entente.Entry) ([]byte, error) {
	return list(next, "versions", entries, func(b []byte, e *entente.Entry) ([]byte, error) {
		return jsontext.AppendQuote(b, e.Stamp)
	})
}

func list(next, name string, entries []entente.Entry, item func([]byte, *entente.Entry) ([]byte, error)) ([]byte, error) {
	full := len(entries) > 0
	b := pageHead(make([]byte, 0, 64+200*len(entries)), next, name, full)
	var err error
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = item(b, &entries[i]); err != nil {
			return nil, entente.Wrap(entente.Internal, err, "")
		}
	}
	return pageTail(b, full), nil
}

// pageHead appends all of a page before the first item of its list. A cursor is base64
// and needs no escaping.
func pageHead(b []byte, next, name string, full bool) []byte {
	b = append(b, '{')
	if next != "" {
		b = append(b, `"more":true,"next":"`...)
		b = append(b, next...)
		b = append(b, '"')
		if full {
			b = append(b, ',')
		}
	}
	if full {
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `":[`...)
	}
	return b
}

func pageTail(b []byte, full bool) []byte {
	if full {
		b = append(b, ']')
	}
	return append(b, "}\n"...)
}
