package api

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"entente"
	"entente/node"
	"entente/taxii"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a look-up's request.
const (
	lookupBody  = 1 << 20 // octets
	lookupLimit = 100     // matches for each value, where the request names no limit
)

// lookupRequest is what is posted to /api/lookup.
type lookupRequest struct {
	Values []string
	Limit  int
}

// lookupAnswer is what /api/lookup answers: one result for each value, in their order.
type lookupAnswer struct {
	Results []lookupResult `json:"results"`
}

type lookupResult struct {
	Value   string        `json:"value"`
	As      []string      `json:"as"`
	Matches []lookupMatch `json:"matches"`
	More    bool          `json:"more"`
}

type lookupMatch struct {
	ID          string         `json:"id"`
	Version     string         `json:"version"`
	Named       string         `json:"named"` // the value or range that the object names
	Kind        string         `json:"kind"`
	Collections []lookupPlace  `json:"collections"`
	Object      jsontext.Value `json:"object"`
}

type lookupPlace struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// lookupOne looks values up that the query names: ?value=…&value=…&limit=….
func (s *Server) lookupOne(c *call) error {
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return entente.Wrap(entente.Invalid, err, "the parameters cannot be read")
	}
	req := lookupRequest{Values: q["value"], Limit: lookupLimit}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return entente.Errorf(entente.Invalid, "limit must be a whole number from 1 on")
		}
		req.Limit = n
	}
	return s.lookup(c, req)
}

// lookupMany looks many values up: a POST of {"values": […], "limit": …}.
func (s *Server) lookupMany(c *call) error {
	req, err := readLookup(http.MaxBytesReader(c.x, c.r.Body, lookupBody))
	if err != nil {
		return err
	}
	return s.lookup(c, req)
}

// readLookup reads the body of a POST: one object of the members that it may have, each
// once, and nothing behind it.
func readLookup(body io.Reader) (lookupRequest, error) {
	var read struct { // null leaves a pointer nil
		Values []*string `json:"values"`
		Limit  *int      `json:"limit"`
	}
	limit := lookupLimit
	read.Limit = &limit
	err := json.UnmarshalRead(body, &read, json.RejectUnknownMembers(true))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return lookupRequest{}, entente.Errorf(entente.TooLarge, "the request has more than %d bytes", lookupBody)
	case err != nil, read.Limit == nil, slices.Contains(read.Values, nil):
		return lookupRequest{}, entente.Wrap(entente.Invalid, err, `the request is not {"values": ["…"], "limit": 100}`)
	case *read.Limit < 1:
		return lookupRequest{}, entente.Errorf(entente.Invalid, "limit must be a whole number from 1 on")
	}
	req := lookupRequest{Values: make([]string, len(read.Values)), Limit: *read.Limit}
	for i, v := range read.Values {
		req.Values[i] = *v
	}
	return req, nil
}

func (s *Server) lookup(c *call, req lookupRequest) error {
	if len(req.Values) == 0 {
		return entente.Errorf(entente.Invalid, "name at least one value")
	}
	found, err := s.node.LookupValues(c.r.Context(), c.actor, req.Values, req.Limit)
	if err != nil {
		return err
	}
	var shown []entente.Entry
	for _, l := range found {
		for _, m := range l.Matches {
			shown = append(shown, m.Entry)
		}
	}
	if err := s.node.Disclose(c.r.Context(), c.actor, c.x.endpoint, c.r.Method, shown); err != nil {
		return err
	}
	answer := lookupAnswer{Results: make([]lookupResult, len(found))}
	for i, l := range found {
		answer.Results[i] = lookupView(l)
	}
	body, err := taxii.Encode(answer)
	if err != nil {
		return err
	}
	c.json(body)
	return nil
}

func lookupView(l node.Lookup) lookupResult {
	v := lookupResult{Value: l.Value, As: []string{}, Matches: []lookupMatch{}, More: l.More}
	for _, o := range l.As {
		v.As = append(v.As, string(o.Kind))
	}
	for _, m := range l.Matches {
		x := lookupMatch{ID: string(m.Entry.ID), Version: m.Entry.Stamp, Named: m.Named.Value, Kind: string(m.Named.Kind), Object: m.Entry.Bytes}
		for _, p := range m.Collections {
			x.Collections = append(x.Collections, lookupPlace{ID: p.Collection, Title: p.Name})
		}
		v.Matches = append(v.Matches, x)
	}
	return v
}
