package api

import (
	"bufio"
	"context"
	"net/http"
	"strconv"

	"entente"
	"entente/node"
	"entente/taxii"
)

// discovery names the API roots that the account may see (TAXII 2.1 §4.1). It asks for
// sign-in like everything else, so that a stranger learns nothing.
func (s *Server) discovery(c *call) error {
	roots, err := s.node.Roots(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	d := taxii.Discovery{Title: s.cfg.Title, Description: s.cfg.Description, Contact: s.cfg.Contact}
	for _, r := range roots {
		d.APIRoots = append(d.APIRoots, taxii.Root(r.Name))
	}
	if len(d.APIRoots) > 0 {
		d.Default = d.APIRoots[0]
	}
	return s.resource(c, http.StatusOK, d)
}

func (s *Server) apiRoot(c *call) error {
	return s.resource(c, http.StatusOK, taxii.APIRoot{
		Title: c.root.Title, Description: c.root.Description,
		Versions: []string{taxii.MediaType}, MaxContentLength: c.root.MaxContentLength,
	})
}

func (s *Server) collections(c *call) error {
	all, err := s.node.Collections(c.r.Context(), c.actor, c.root.Name)
	if err != nil {
		return err
	}
	var out taxii.Collections
	for _, a := range all {
		out.Collections = append(out.Collections, collection(a))
	}
	return s.resource(c, http.StatusOK, out)
}

func (s *Server) collection(c *call) error {
	return s.resource(c, http.StatusOK, collection(c.in))
}

func collection(a entente.Access) taxii.Collection {
	return taxii.Collection{
		ID: a.ID, Title: a.Name, Description: a.Description, Alias: a.Alias,
		CanRead: a.CanRead, CanWrite: a.CanWrite, MediaTypes: taxii.MediaTypesSTIX(),
	}
}

func (s *Server) status(c *call) error {
	st, err := s.node.Status(c.r.Context(), c.actor, c.root.Name, c.r.PathValue("status"))
	if err != nil {
		return err
	}
	return s.resource(c, http.StatusOK, status(st))
}

// resource answers with a resource as a whole.
func (s *Server) resource(c *call, code int, resource any) error {
	body, err := taxii.Encode(resource)
	if err != nil {
		return err
	}
	send(c.x, code, body)
	return nil
}

func (s *Server) objects(c *call) error {
	return s.page(c, taxii.Objects, nil, s.feed(c, true), sendEnvelope)
}

func (s *Server) manifest(c *call) error {
	return s.page(c, taxii.Manifests, nil, s.feed(c, false), sendList(taxii.Manifest))
}

func (s *Server) object(c *call) error {
	id := c.objectID()
	return s.page(c, taxii.Object, &id, s.oneObject(c), sendEnvelope)
}

func (s *Server) versions(c *call) error {
	id := c.objectID()
	read := func(ctx context.Context, q node.Query) (entente.Page, error) {
		return s.node.Versions(ctx, c.actor, c.in, id, q)
	}
	return s.page(c, taxii.ObjectVersions, &id, read, sendList(taxii.Versions))
}

// objectID is the object that the path names. What is no identifier becomes the empty
// one, which no object has, so that it is answered like any other that is not there.
func (c *call) objectID() entente.ObjectID {
	id, err := entente.ParseObjectID(c.r.PathValue("object"))
	if err != nil {
		return ""
	}
	return id
}

// reader reads a page; sender sends it, with the cursor of the next page.
type (
	reader func(context.Context, node.Query) (entente.Page, error)
	sender func(x *exchange, next string, entries []entente.Entry) error
)

func (s *Server) feed(c *call, bodies bool) reader {
	return func(ctx context.Context, q node.Query) (entente.Page, error) {
		q.BytesOnly = bodies
		return s.node.Feed(ctx, c.actor, c.in, q)
	}
}

// oneObject reads the versions of one object. If the collection has none of those that
// the request names, that is NotFound (§5.6, §5.7). If they are only not new enough, or
// on an earlier page, the page is empty.
func (s *Server) oneObject(c *call) reader {
	return func(ctx context.Context, q node.Query) (entente.Page, error) {
		p, err := s.feed(c, true)(ctx, q)
		if err != nil || len(p.Entries) > 0 {
			return p, err
		}
		held := entente.Page{}
		if q.After != 0 || q.Filter.AddedAfter != 0 {
			q.After, q.Filter.AddedAfter, q.Limit = 0, 0, 1
			held, err = s.feed(c, false)(ctx, q)
		}
		if err == nil && len(held.Entries) == 0 {
			err = entente.Errorf(entente.NotFound, "there is no such object in the collection")
		}
		return p, err
	}
}

// page answers with one page: it reads the parameters, goes on from a cursor if there is
// one, and tells where the next page begins. The headers with the dates of the first and
// last entry (§3.2) are left out where there is no entry that they could speak of.
func (s *Server) page(c *call, at taxii.Endpoint, id *entente.ObjectID, read reader, send sender) error {
	q, err := taxii.ParseQuery(at, c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	if id != nil {
		q.For(*id)
	}
	var from taxii.Cursor
	if q.Next != "" {
		if from, err = s.sealer.Open(q.Next, at, c.in.ID); err != nil {
			return err
		}
		if q, err = q.Resume(from); err != nil {
			return err
		}
	}
	most := s.cfg.PageMax
	if own := c.root.PageMax; own > 0 {
		most = min(most, int(own))
	}
	limit := most
	if q.Limit > 0 {
		limit = min(q.Limit, limit)
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), s.cfg.ReadTimeout)
	defer cancel()
	asked := node.Query{Filter: q.Filter, After: from.After, Limit: limit}
	p, err := read(ctx, asked)
	if err != nil {
		return err
	}
	if err := s.node.Deliver(ctx, c.actor, c.in, c.x.endpoint, asked, p); err != nil {
		return err
	}
	next := ""
	if p.More {
		next = s.sealer.Seal(taxii.Cursor{Endpoint: at, Feed: c.in.ID, Filter: q.Filter, Limit: min(q.Limit, most), After: p.Next})
	}
	if n := len(p.Entries); n > 0 {
		// Spelled as in the standard; Header.Set would write X-Taxii-….
		c.x.Header()["X-TAXII-Date-Added-First"] = []string{taxii.Timestamp(p.Entries[0].Added)}
		c.x.Header()["X-TAXII-Date-Added-Last"] = []string{taxii.Timestamp(p.Entries[n-1].Added)}
	}
	return send(c.x, next, p.Entries)
}

// sendEnvelope writes the objects as they are stored. If that fails the client is gone,
// or too slow; the length that was announced keeps it from taking the part for the whole.
func sendEnvelope(x *exchange, next string, entries []entente.Entry) error {
	h := x.Header()
	h.Set("Content-Type", taxii.MediaType)
	h.Set("Content-Length", strconv.FormatInt(taxii.EnvelopeLength(next, entries), 10))
	w := bufio.NewWriterSize(x, 32<<10)
	if taxii.WriteEnvelope(w, next, entries) == nil {
		_ = w.Flush()
	}
	return nil
}

func sendList(encode func(next string, entries []entente.Entry) ([]byte, error)) sender {
	return func(x *exchange, next string, entries []entente.Entry) error {
		body, err := encode(next, entries)
		if err != nil {
			return err
		}
		send(x, http.StatusOK, body)
		return nil
	}
}
