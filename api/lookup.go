package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"entente"
	"entente/node"
	"entente/taxii"
)

// Limits of a look-up's request.
const (
	lookupBody  = 1 << 20 // octets
	lookupLimit = 100     // matches for each value, where the request names no limit
)

// lookupRequest is what is posted to /api/lookup.
type lookupRequest struct {
	Values []string `json:"values"`
	Limit  int      `json:"limit"`
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
	ID          string          `json:"id"`
	Version     string          `json:"version"`
	Named       string          `json:"named"` // the value or range that the object names
	Kind        string          `json:"kind"`
	Collections []lookupPlace   `json:"collections"`
	Object      json.RawMessage `json:"object"`
}

type lookupPlace struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// lookupOne looks values up that the query names: ?value=…&value=…&limit=….
func (s *Server) lookupOne(c *call) error {
	q := c.r.URL.Query()
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
	req := lookupRequest{Limit: lookupLimit}
	d := json.NewDecoder(http.MaxBytesReader(c.x, c.r.Body, lookupBody))
	d.DisallowUnknownFields()
	err := d.Decode(&req)
	if err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("there is more after the request")
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return entente.Errorf(entente.TooLarge, "the request has more than %d bytes", lookupBody)
	case err != nil:
		return entente.Wrap(entente.Invalid, err, `the request is not {"values": ["…"], "limit": 100}`)
	case req.Limit < 1:
		return entente.Errorf(entente.Invalid, "limit must be a whole number from 1 on")
	}
	return s.lookup(c, req)
}

func (s *Server) lookup(c *call, req lookupRequest) error {
	if len(req.Values) == 0 {
		return entente.Errorf(entente.Invalid, "name at least one value")
	}
	found, err := s.node.LookupValues(c.r.Context(), c.actor, req.Values, req.Limit)
	if err != nil {
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
	h := c.x.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = c.x.Write(body) // an error means that the client is gone
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
