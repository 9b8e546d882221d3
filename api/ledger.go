package api

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"entente"
	"entente/node"
)

// ledgerPath is what all paths of the ledger begin with. Behind it may stand the number of an
// epoch.
const ledgerPath = "/ledger/"

// ledgerRoutes are the files of the log that an account reads (docs/ledger.md). Their paths
// have parts of any number of segments, so each says what those that it answers begin with.
func ledgerRoutes() []route {
	get := func(h handler) map[string]handler { return map[string]handler{http.MethodGet: h} }
	return []route{
		{path: "/ledger/checkpoint", reach: toLog, own: true, methods: get((*Server).logCheckpoint)},
		{path: "/ledger/acknowledge", reach: toLog, own: true, methods: map[string]handler{http.MethodPost: (*Server).acknowledge}},
		{path: "/ledger/tile/{level}/{index}", below: "tile/", reach: toLog, own: true, methods: get((*Server).logPart)},
		{path: "/ledger/tile/entries/{index}", below: "tile/entries/", reach: toLog, own: true, methods: get((*Server).logPart)},
		{path: "/ledger/events/{index}", below: "events/", reach: toLog, own: true, methods: get((*Server).logPart)},
		{path: "/ledger/proof", reach: toLog, own: true, methods: get((*Server).logProof)},
		{path: "/ledger/proof/{index}", below: "proof/", reach: toLog, own: true, methods: get((*Server).logProof)},
	}
}

// ledger answers the paths below [ledgerPath].
func (s *Server) ledger() http.HandlerFunc {
	type found struct {
		route
		answer http.HandlerFunc
	}
	var all []found
	for _, rt := range ledgerRoutes() {
		all = append(all, found{rt, s.serve(rt)})
	}
	unknown := s.serve(route{path: "unknown", reach: nowhere})
	return func(w http.ResponseWriter, r *http.Request) {
		_, rest := ledgerFile(r)
		answer, most := unknown, -1
		for _, f := range all {
			if rest == strings.TrimPrefix(f.path, ledgerPath) {
				answer = f.answer
				break
			}
			if f.below != "" && strings.HasPrefix(rest, f.below) && len(f.below) > most {
				answer, most = f.answer, len(f.below)
			}
		}
		answer(w, r)
	}
}

// ledgerFile parts a path into the epoch that it names, 0 for the present one, and the file.
func ledgerFile(r *http.Request) (epoch int64, rest string) {
	rest = strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, ledgerPath), "/")
	first, behind, ok := strings.Cut(rest, "/")
	if e, err := strconv.ParseInt(first, 10, 64); ok && err == nil && e > 0 && strconv.FormatInt(e, 10) == first {
		return e, behind
	}
	return 0, rest
}

// toLog is for those who read a log. That a log lacks a file refuses nobody anything: it is
// no denial, or reading a log would make it longer.
func toLog(s *Server, c *call) error {
	err := s.node.MayReadLog(c.r.Context(), c.actor)
	c.unrecorded = err == nil
	return err
}

func (s *Server) logCheckpoint(c *call) error {
	epoch, _ := ledgerFile(c.r)
	f, err := s.node.LogCheckpoint(c.r.Context(), c.actor, epoch)
	return c.file(f, err)
}

func (s *Server) logPart(c *call) error {
	epoch, path := ledgerFile(c.r)
	f, err := s.node.LogPart(c.r.Context(), c.actor, epoch, path)
	return c.file(f, err)
}

func (s *Server) logProof(c *call) error {
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return entente.Wrap(entente.Invalid, err, "the parameters cannot be read")
	}
	epoch, path := ledgerFile(c.r)
	index := strings.TrimPrefix(strings.TrimPrefix(path, "proof"), "/")
	if index != "" && q.Has("event") {
		return entente.Errorf(entente.Invalid, "name an index or an event, not both")
	}
	f, err := s.node.LogProof(c.r.Context(), c.actor, epoch, index, q.Get("event"))
	return c.file(f, err)
}

// acknowledge takes a partner's word that it has its log up to a checkpoint, and answers with
// the size.
func (s *Server) acknowledge(c *call) error {
	note, err := io.ReadAll(http.MaxBytesReader(c.x, c.r.Body, node.MaxAcknowledgement))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return entente.Errorf(entente.TooLarge, "a checkpoint has %d bytes at most", node.MaxAcknowledgement)
	}
	if err != nil {
		return err
	}
	c.unrecorded = false // who may not acknowledge is refused
	size, err := s.node.Acknowledge(c.r.Context(), c.actor, note)
	return c.file(node.LogFile{ContentType: "text/plain; charset=utf-8", Bytes: []byte(strconv.FormatInt(size, 10) + "\n")}, err)
}

// file answers with a file of a log.
func (c *call) file(f node.LogFile, err error) error {
	if err != nil {
		return err
	}
	h := c.x.Header()
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(f.Bytes)))
	c.x.WriteHeader(http.StatusOK)
	_, _ = c.x.Write(f.Bytes) // an error means that the client is gone
	return nil
}
