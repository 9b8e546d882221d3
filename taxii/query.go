package taxii

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"entente"
)

// Endpoint names the endpoints that take query parameters (§5.3 to §5.8).
type Endpoint uint8

// The endpoints with parameters. Their numbers are part of the cursors.
const (
	Objects        Endpoint = 1 + iota // GET …/objects/
	Manifests                          // GET …/manifest/
	Object                             // GET …/objects/{object-id}/
	ObjectVersions                     // GET …/objects/{object-id}/versions/
	DeleteObject                       // DELETE …/objects/{object-id}/
)

// Query is what the parameters of one request ask for.
type Query struct {
	Filter entente.Filter
	Limit  int    // the most entries wanted, 0 if the request does not say
	Next   string // the cursor to go on from, "" for the beginning

	given fieldSet // the fields of Filter that the request named
}

// fieldSet has a bit per line of the table fields.
type fieldSet uint32

// field is one query parameter that selects versions.
type field struct {
	name  string
	at    endpointSet
	parse func(f *entente.Filter, value string) error
	same  func(a, b *entente.Filter) bool
}

// endpointSet has the bit 1<<e for each endpoint e.
type endpointSet uint8

const (
	onFeeds  endpointSet = 1<<Objects | 1<<Manifests
	onPages              = onFeeds | 1<<Object | 1<<ObjectVersions
	onDelete endpointSet = 1 << DeleteObject
)

// fields is the table of what selects, where it is defined (§5.3 to §5.8) and how it is
// read. A further match field is a further line here and in the cursor's encoding; one that
// asks for what an object says is a line of [entente.ConditionFields].
var fields = [fieldCount]field{
	fieldAdded:   {"added_after", onPages, parseAdded, func(a, b *entente.Filter) bool { return a.AddedAfter == b.AddedAfter }},
	fieldID:      {"match[id]", onFeeds, parseIDs, func(a, b *entente.Filter) bool { return slices.Equal(a.IDs, b.IDs) }},
	fieldType:    {"match[type]", onFeeds, parseTypes, func(a, b *entente.Filter) bool { return slices.Equal(a.Types, b.Types) }},
	fieldVersion: {"match[version]", onFeeds | 1<<Object | onDelete, parseVersions, sameVersions},
	fieldSpec:    {"match[spec_version]", onPages | onDelete, parseSpecs, func(a, b *entente.Filter) bool { return slices.Equal(a.Specs, b.Specs) }},
}

const (
	fieldAdded = iota
	fieldID
	fieldType
	fieldVersion
	fieldSpec
	fieldCount
)

// ParseQuery reads the query of a request, undecoded, by the rules of §3.4. Lists are
// sorted and free of repetitions in the result.
//
// A parameter that is malformed or repeated is an error of kind Invalid; so is a match
// field that is repeated, known or not. Parameters and match fields that are not defined
// for the endpoint are ignored (§3.4), except by [DeleteObject]: to ignore there what
// narrows a request would delete more than was asked for. An empty "next" counts as
// absent: a common client sends that.
func ParseQuery(at Endpoint, raw string) (Query, error) {
	var q Query
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, entente.Errorf(entente.Invalid, "the query cannot be read: %s (RFC 3986 §3.4)", clip(err.Error()))
	}
	for i, f := range fields {
		if f.at&(1<<at) == 0 {
			continue
		}
		value, ok, err := single(values, f.name)
		if err != nil {
			return q, err
		}
		if !ok {
			continue
		}
		if err := f.parse(&q.Filter, value); err != nil {
			return q, err
		}
		q.given |= 1 << i
	}
	if at == DeleteObject {
		return q, nothingElse(values)
	}
	if q.Filter.Conditions, err = parseConditions(at, values); err != nil {
		return q, err
	}
	limit, ok, err := single(values, "limit")
	if err == nil && ok {
		q.Limit, err = parseLimit(limit)
	}
	if err != nil {
		return q, err
	}
	q.Next, _, err = single(values, "next")
	return q, err
}

// For narrows the query to the object that the path names. A cursor of it must be of the
// same object.
func (q *Query) For(id entente.ObjectID) {
	q.Filter.IDs = []entente.ObjectID{id}
	q.given |= 1 << fieldID
}

// Resume goes on where c stands: what the query does not name is the cursor's, and what
// it names must be what the cursor was made with, else the error is of kind Invalid.
// A limit of the query replaces the cursor's.
func (q Query) Resume(c Cursor) (Query, error) {
	for i, f := range fields {
		if q.given&(1<<i) != 0 && !f.same(&q.Filter, &c.Filter) {
			return Query{}, changed(f.name)
		}
	}
	if name := sameConditions(q.Filter.Conditions, c.Filter.Conditions); name != "" {
		return Query{}, changed(name)
	}
	q.Filter = c.Filter
	if q.Limit == 0 {
		q.Limit = c.Limit
	}
	return q, nil
}

func changed(name string) error {
	return entente.Errorf(entente.Invalid, "%s differs from the request that \"next\" goes on with: repeat it unchanged, or leave it out (TAXII 2.1 §3.5)", name)
}

func single(values url.Values, name string) (string, bool, error) {
	list, ok := values[name]
	if !ok {
		return "", false, nil
	}
	if len(list) > 1 {
		return "", false, repeated(name)
	}
	return list[0], true, nil
}

func repeated(name string) error {
	return entente.Errorf(entente.Invalid, "%s is given more than once (TAXII 2.1 §3.4)", clip(name))
}

// nothingElse refuses parameters that narrow a request and that deleting does not know.
func nothingElse(values url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		known := name == fields[fieldVersion].name || name == fields[fieldSpec].name
		narrows := strings.HasPrefix(name, "match[") || name == "added_after" || name == "limit" || name == "next"
		if narrows && !known {
			return entente.Errorf(entente.Invalid, "%s is not defined for deleting (TAXII 2.1 §5.7)", clip(name))
		}
	}
	return nil
}

// parseLimit reads a positive integer. What is beyond an int is as good as the largest:
// the server caps it anyway.
func parseLimit(s string) (int, error) {
	digits := strings.Trim(s, "0123456789") == ""
	n, err := strconv.Atoi(s)
	switch {
	case s != "" && digits && err != nil: // out of range
		return int(^uint(0) >> 1), nil
	case !digits || err != nil || n <= 0:
		return 0, entente.Errorf(entente.Invalid, "limit must be an integer greater than zero, not %q (TAXII 2.1 §3.4)", clip(s))
	}
	return n, nil
}
