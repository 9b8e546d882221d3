package api

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"entente"
	"entente/taxii"
)

// call is one request on its way to its handler.
type call struct {
	x     *exchange
	r     *http.Request
	actor entente.Actor
	root  entente.Root   // where the path names one
	in    entente.Access // where the path names a collection
	// unrecorded says that a refusal is no denial for the ledger to keep.
	unrecorded bool
}

// handler answers a call. An error means that nothing has been written yet.
type handler func(*Server, *call) error

// route is one resource: its path without the slash at the end, what must be visible
// before anything else is said about it, and its methods. GET answers HEAD as well.
type route struct {
	path    string
	below   string // see ledgerRoutes
	reach   func(*Server, *call) error
	methods map[string]handler
	own     bool // not TAXII: the answer is plain JSON, whatever the client accepts; an error is told as by TAXII
}

// routes is the whole of TAXII 2.1 (§3.1), and what the node answers besides.
func routes() []route {
	get := func(h handler) map[string]handler { return map[string]handler{http.MethodGet: h} }
	return append(ledgerRoutes(), []route{
		{path: "/api/lookup", reach: everyone, own: true, methods: map[string]handler{
			http.MethodGet: (*Server).lookupOne, http.MethodPost: (*Server).lookupMany}},
		{path: "/api/assessments", reach: everyone, own: true, methods: get((*Server).assessments)},
		{path: "/api/openapi.json", reach: everyone, own: true, methods: get((*Server).openapi)},
		{path: "/taxii2", reach: everyone, methods: get((*Server).discovery)},
		{path: "/{root}", reach: toRoot, methods: get((*Server).apiRoot)},
		{path: "/{root}/status/{status}", reach: toRoot, methods: get((*Server).status)},
		{path: "/{root}/collections", reach: toRoot, methods: get((*Server).collections)},
		{path: "/{root}/collections/{collection}", reach: toCollection, methods: get((*Server).collection)},
		{path: "/{root}/collections/{collection}/manifest", reach: toCollection, methods: get((*Server).manifest)},
		{path: "/{root}/collections/{collection}/objects", reach: toCollection, methods: map[string]handler{
			http.MethodGet: (*Server).objects, http.MethodPost: (*Server).addObjects}},
		{path: "/{root}/collections/{collection}/objects/{object}", reach: toCollection, methods: map[string]handler{
			http.MethodGet: (*Server).object, http.MethodDelete: (*Server).deleteObject}},
		{path: "/{root}/collections/{collection}/objects/{object}/versions", reach: toCollection, methods: get((*Server).versions)},
	}...)
}

// besides are the paths that are no routes: they have their own order of errors. No API
// root can be named like the first segment of one of them, or of a route.
func (s *Server) besides() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{"/healthz": s.healthz, "/readyz": s.readyz, "/metrics": s.metrics, witnessPath: s.addCheckpoint}
}

// mux sends each path, with the slash at the end or without, to its route.
func (s *Server) mux() http.Handler {
	m := http.NewServeMux()
	for _, rt := range routes() {
		if strings.HasPrefix(rt.path, ledgerPath) {
			continue
		}
		h := s.serve(rt)
		m.HandleFunc(rt.path, h)
		m.HandleFunc(rt.path+"/{$}", h)
	}
	for at, h := range s.besides() {
		m.HandleFunc(at, h)
	}
	unknown, logs := s.serve(route{path: "unknown", reach: nowhere}), s.ledger()
	m.HandleFunc("/", unknown)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The library would redirect a path such as "//" to a clean one, and the store
		// takes no text that is not Unicode. Neither path leads anywhere.
		if p := r.URL.Path; !clean(p) || !utf8.ValidString(p) || strings.Contains(p, "\x00") {
			unknown(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, ledgerPath) {
			logs(w, r)
			return
		}
		m.ServeHTTP(w, r)
	})
}

func clean(p string) bool {
	c := path.Clean(p)
	return strings.HasPrefix(p, "/") && (p == c || p == c+"/")
}

// serve makes the handler of a route, which keeps the order in which errors come.
func (s *Server) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		x.endpoint = rt.path
		x.Header().Set("Cache-Control", "no-store")
		c := &call{x: x, r: r}
		if err := s.handle(rt, c); err != nil {
			s.recordRefusal(c, err)
			s.refuse(x, r, err)
		}
	}
}

// recordRefusal has the ledger keep that somebody who signed in was refused. Unknown and
// forbidden are one answer, and one event.
func (s *Server) recordRefusal(c *call, err error) {
	kind := entente.KindOf(err)
	if c.actor.Account.ID != "" && !c.unrecorded && (kind == entente.Forbidden || kind == entente.NotFound) {
		s.node.Deny(c.r.Context(), c.actor, c.x.endpoint, c.r.Method+" "+c.r.URL.RequestURI(), err)
	}
}

func (s *Server) handle(rt route, c *call) (err error) {
	if c.actor, err = s.signIn(c.r); err != nil {
		return err
	}
	c.x.account, c.x.accountID = c.actor.Account.Name, c.actor.Account.ID
	leave, err := s.accounts.enter(c.actor.Account.ID)
	if err != nil {
		s.meters.limited("account")
		return err
	}
	defer leave()
	if err := rt.reach(s, c); err != nil {
		return err
	}
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h, ok := rt.methods[method]
	if !ok {
		allow := slices.Sorted(maps.Keys(rt.methods))
		if slices.Contains(allow, http.MethodGet) {
			allow = append(allow, http.MethodHead)
		}
		c.x.Header().Set("Allow", strings.Join(allow, ", "))
		return entente.Errorf(entente.BadMethod, "the method is not defined for this path")
	}
	if !rt.own {
		if err := taxii.CheckAccept(c.r.Header["Accept"]); err != nil {
			return err
		}
	}
	if err := s.node.Reviewing(c.r.Context(), c.actor, rt.path, c.r.Method+" "+c.r.URL.RequestURI()); err != nil {
		return err
	}
	return h(s, c)
}

// everyone who signs in, unless the organisation is stopped.
func everyone(s *Server, c *call) error { return s.node.Admit(c.r.Context(), c.actor) }

func nowhere(s *Server, c *call) error {
	if err := everyone(s, c); err != nil {
		return err
	}
	return entente.Errorf(entente.NotFound, "there is nothing at this path")
}

func toRoot(s *Server, c *call) (err error) {
	c.root, err = s.node.Root(c.r.Context(), c.actor, c.r.PathValue("root"))
	return err
}

func toCollection(s *Server, c *call) (err error) {
	c.in, c.root, err = s.node.Collection(c.r.Context(), c.actor, c.r.PathValue("root"), c.r.PathValue("collection"))
	return err
}
