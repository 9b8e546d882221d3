package api

import (
	"slices"
	"strings"
	"testing"

	"entente"
	"entente/taxii"
)

// banked is a world with two more API roots: one with settings of its own and a collection
// whose alias the first root has too, and one without collections.
type banked struct {
	*world
	vault string // id of the collection in /banks/; reader may read it, writer nothing, editor both
}

func newBanked(t *testing.T, cfg Config) banked {
	w := banked{world: newWorld(t, cfg)}
	w.command(entente.AddRoot{Root: entente.Root{Name: "banks", Title: "Banks", Description: "For banks", MaxContentLength: 4096, PageMax: 2}})
	w.command(entente.AddRoot{Root: entente.Root{Name: "empty", Title: "Empty", MaxContentLength: 1 << 20}})
	w.vault = w.command(entente.AddCollection{Name: "Vault", Alias: "shelf", Root: "banks"})
	for name, g := range map[string]entente.Grant{"reader": {Read: true}, "editor": {Read: true, Write: true}} {
		g.Account, g.Collection = w.readers[name], w.vault
		w.command(entente.SetGrant(g))
	}
	return w
}

// command does what an operator does on the command line.
func (w *world) command(c entente.Command) string {
	w.t.Helper()
	r, err := w.node.Do(w.t.Context(), entente.LocalActor(), c)
	w.must(err)
	return r.ID
}

func (w banked) in(rest string) string { return "/banks/collections/" + w.vault + "/" + rest }

func (w banked) roots(as string) (names []string, first string) {
	w.t.Helper()
	d := decode[taxii.Discovery](w.t, w.get(as, "/taxii2/"))
	return d.APIRoots, d.Default
}

// Discovery names the default root to everybody, and others to those who see a collection
// in them (§4.1).
func TestRootsInDiscovery(t *testing.T) {
	w := newBanked(t, Config{})
	hold := func(first string, want map[string][]string) {
		t.Helper()
		for as, names := range want {
			if got, at := w.roots(as); !slices.Equal(got, names) || at != first {
				t.Errorf("%s: %v with the default %s, want %v with %s", as, got, at, names, first)
			}
			for _, root := range []string{"/api1/", "/banks/", "/empty/"} {
				status := 404
				if slices.Contains(names, root) {
					status = 200
				}
				for _, path := range []string{root, root + "collections/"} {
					if r := w.get(as, path); r.status != status {
						t.Errorf("%s for %s: %d, want %d", path, as, r.status, status)
					}
				}
			}
		}
	}
	hold("/api1/", map[string][]string{
		"stranger": {"/api1/"}, "writer": {"/api1/"}, "reader": {"/api1/", "/banks/"}, "editor": {"/api1/", "/banks/"},
		"operator": {"/api1/", "/banks/", "/empty/"},
	})
	w.command(entente.EditRoot{Root: "empty", Default: true})
	hold("/empty/", map[string][]string{
		"stranger": {"/empty/"}, "writer": {"/empty/", "/api1/"}, "reader": {"/empty/", "/api1/", "/banks/"},
		"operator": {"/empty/", "/api1/", "/banks/"},
	})
	w.command(entente.SetGrant{Account: w.readers["reader"], Collection: w.vault})
	w.command(entente.SetGrant{Account: w.readers["writer"], Collection: w.vault, Write: true})
	hold("/empty/", map[string][]string{"reader": {"/empty/", "/api1/"}, "writer": {"/empty/", "/api1/", "/banks/"}})
}

// Each root has its own resources, and a collection is in one of them.
func TestRootsAreApart(t *testing.T) {
	w := newBanked(t, Config{})
	w.post("editor", indicator(1, 0))
	if r := w.do(request{method: "POST", path: "/banks/collections/shelf/objects", as: "editor", body: `{"objects":[` + indicator(2, 0) + `]}`}); r.status != 202 {
		t.Fatal(r.body)
	}
	for path, want := range map[string]string{
		"/api1/":  `{"title":"Entente","versions":["application/taxii+json;version=2.1"],"max_content_length":1048576}`,
		"/banks/": `{"title":"Banks","description":"For banks","versions":["application/taxii+json;version=2.1"],"max_content_length":4096}`,
		"/banks/collections/" + w.vault + "/objects/": `{"objects":[` + indicator(2, 0) + `]}`,
		"/banks/collections/shelf/objects/":           `{"objects":[` + indicator(2, 0) + `]}`,
		"/api1/collections/shelf/objects/":            `{"objects":[` + indicator(1, 0) + `]}`,
	} {
		for _, path := range []string{path, strings.TrimSuffix(path, "/")} {
			if r := w.get("reader", path); r.status != 200 || r.body != want+"\n" {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	}
	for root, want := range map[string]string{"/api1/": w.shelf, "/banks/": w.vault} {
		all := decode[taxii.Collections](t, w.get("reader", root+"collections/")).Collections
		if len(all) != 1 || all[0].ID != want || all[0].Alias != "shelf" {
			t.Errorf("%s: %+v", root, all)
		}
	}
	one := "objects/" + indicatorID(2) + "/"
	for _, rest := range []string{"", "manifest/", "objects/", one, one + "versions/"} {
		if r := w.get("reader", w.in(rest)); r.status != 200 || strings.Contains(r.body, indicatorID(1)) {
			t.Errorf("%s: %d %s", rest, r.status, r.body)
		}
		// By the id of a collection of another root: not there.
		for _, path := range []string{"/api1/collections/" + w.vault + "/" + rest, "/banks/collections/" + w.shelf + "/" + rest} {
			if r := w.get("reader", path); r.status != 404 {
				t.Errorf("%s: %d", path, r.status)
			}
		}
	}
	if r := w.do(request{method: "DELETE", path: w.in(one), as: "editor"}); r.status != 200 {
		t.Errorf("delete: %d", r.status)
	}
	if r := w.get("reader", w.in(one)); r.status != 404 {
		t.Errorf("deleted: %d", r.status)
	}
}

// A root that an account must not see is answered like one that does not exist, byte by
// byte, on every endpoint and with every method.
func TestHiddenRootIsUnknown(t *testing.T) {
	w := newBanked(t, Config{})
	r := w.do(request{method: "POST", path: w.in("objects/"), as: "editor", body: `{"objects":[` + indicator(1, 0) + `]}`})
	status := decode[taxii.Status](t, r).ID
	body := `{"objects":[` + indicator(2, 0) + `]}`
	for _, as := range []string{"writer", "stranger", ""} {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS"} {
			for _, rest := range []string{"", "/", "/collections", "/collections/", "/status/" + status + "/", "/nothing/",
				"/collections/" + w.vault + "/", "/collections/shelf/", "/collections/" + w.vault + "/objects/", "/collections/" + w.vault + "/manifest/?limit=0",
				"/collections/" + w.vault + "/objects/" + indicatorID(1) + "/", "/collections/" + w.vault + "/objects/" + indicatorID(1) + "/versions/"} {
				ask := func(root string) string {
					q := request{method: method, path: "/" + root + rest, as: as}
					if method == "POST" {
						q.body = body
					}
					return w.raw(q)
				}
				if a, b := ask("banks"), ask("vanks"); a != b {
					t.Fatalf("%s %s as %q:\n%s\n%s", method, rest, as, a, b)
				}
			}
		}
	}
}

// The status of a POST belongs to its root, as to its account (§4.3).
func TestStatusBelongsToItsRoot(t *testing.T) {
	w := newBanked(t, Config{})
	here := decode[taxii.Status](t, w.do(request{method: "POST", path: w.in("objects/"), as: "editor", body: `{"objects":[]}`})).ID
	there := w.post("editor").ID
	for path, want := range map[string]int{
		"/banks/status/" + here: 200, "/api1/status/" + here: 404, "/banks/status/" + there: 404, "/api1/status/" + there: 200, "/empty/status/" + here: 404,
	} {
		if r := w.get("editor", path+"/"); r.status != want {
			t.Errorf("%s: %d, want %d", path, r.status, want)
		}
	}
	unknown := "/api1/status/00000000-0000-4000-8000-000000000000/"
	if a, b := w.raw(request{method: "GET", path: "/api1/status/" + here + "/", as: "editor"}), w.raw(request{method: "GET", path: unknown, as: "editor"}); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

// Each root holds its own limits: the length of a body and the size of a page.
func TestLimitsOfRoots(t *testing.T) {
	w := newBanked(t, Config{PageMax: 3})
	fill := func(n int) string { return `{"objects":[],"x":"` + strings.Repeat("x", n-21) + `"}` }
	for _, chunked := range []bool{false, true} {
		for path, most := range map[string]int{w.in("objects/"): 4096, w.at("objects/"): 1 << 20} {
			for over, want := range map[int]int{0: 202, 1: 413} {
				if r := w.do(request{method: "POST", path: path, as: "editor", body: fill(most) + strings.Repeat(" ", over), chunked: chunked}); r.status != want {
					t.Errorf("%s with %d bytes: %d %s", path, most+over, r.status, r.body)
				}
			}
		}
	}
	w.command(entente.EditRoot{Root: "banks", MaxContentLength: ptr[int64](1 << 20)})
	var objects []string
	for n := range 7 {
		objects = append(objects, indicator(n, 0))
	}
	for _, path := range []string{w.in("objects/"), w.at("objects/")} {
		if r := w.do(request{method: "POST", path: path, as: "editor", body: `{"objects":[` + strings.Join(objects, ",") + `]}`}); r.status != 202 {
			t.Fatal(r.body)
		}
	}
	// sizes reads all pages, following next, and gives the size of each.
	sizes := func(path, query string) (out []int) {
		t.Helper()
		for next := ""; ; {
			p := decode[served](t, w.get("editor", path+"?"+query+next))
			if out = append(out, len(p.Objects)); !p.More {
				return out
			}
			next = "&next=" + p.Next
		}
	}
	for _, c := range []struct {
		path, query string
		page        int64 // of /banks/
		want        []int
	}{
		{w.in("objects/"), "", 2, []int{2, 2, 2, 1}},
		{w.in("objects/"), "limit=100", 2, []int{2, 2, 2, 1}},
		{w.in("manifest/"), "limit=1", 2, []int{1, 1, 1, 1, 1, 1, 1}},
		{w.in("manifest/"), "", 2, []int{2, 2, 2, 1}},
		{w.in("objects/"), "", 0, []int{3, 3, 1}},    // what the server allows
		{w.in("objects/"), "", 1000, []int{3, 3, 1}}, // which is never exceeded
		{w.at("objects/"), "", 2, []int{3, 3, 1}},
	} {
		w.command(entente.EditRoot{Root: "banks", PageMax: &c.page})
		if got := sizes(c.path, c.query); !slices.Equal(got, c.want) {
			t.Errorf("%s?%s with pages of %d: %v, want %v", c.path, c.query, c.page, got, c.want)
		}
	}
	// A limit that is lowered between two pages holds for the next one.
	w.command(entente.EditRoot{Root: "banks", PageMax: ptr[int64](3)})
	p := decode[served](t, w.get("editor", w.in("objects/?limit=3")))
	w.command(entente.EditRoot{Root: "banks", PageMax: ptr[int64](1)})
	if p = decode[served](t, w.get("editor", w.in("objects/?next="+p.Next))); len(p.Objects) != 1 || !p.More {
		t.Errorf("%d objects on the next page", len(p.Objects))
	}
}

func ptr[T any](v T) *T { return &v }

// A read-only root takes nothing over TAXII, from an operator neither; everybody goes on
// seeing and reading what they did.
func TestReadOnlyRoot(t *testing.T) {
	w := newBanked(t, Config{})
	one := w.at("objects/" + indicatorID(1) + "/")
	w.post("writer", indicator(1, 0))
	w.command(entente.EditRoot{Root: "api1", ReadOnly: ptr(true)})
	body := `{"objects":[` + indicator(2, 0) + `]}`
	for as, want := range map[string]int{"reader": 403, "writer": 403, "editor": 403, "operator": 403, "stranger": 404} {
		for _, q := range []request{{method: "POST", path: w.at("objects/"), as: as, body: body}, {method: "DELETE", path: one, as: as}} {
			if r := w.do(q); r.status != want {
				t.Errorf("%s as %s: %d %s", q.method, as, r.status, r.body)
			}
		}
	}
	if r := w.do(request{method: "POST", path: w.at("objects/"), as: "writer", body: body}); !strings.Contains(r.body, "read-only") {
		t.Errorf("it does not say why: %s", r.body)
	}
	for as, reads := range map[string]bool{"reader": true, "writer": false, "editor": true, "operator": true} {
		c := decode[taxii.Collection](t, w.get(as, w.at("")))
		if c.CanRead != reads || c.CanWrite {
			t.Errorf("%s: %+v", as, c)
		}
		if r := w.get(as, one); (r.status == 200) != reads || !reads && r.status != 403 {
			t.Errorf("%s reads: %d", as, r.status)
		}
	}
	if r := w.do(request{method: "POST", path: w.in("objects/"), as: "editor", body: `{"objects":[]}`}); r.status != 202 {
		t.Errorf("another root: %d", r.status)
	}
	w.command(entente.EditRoot{Root: "api1", ReadOnly: ptr(false)})
	w.post("writer", indicator(2, 0))
}

// No API root can be named so that one of the server's paths hides it, or it hides one.
func TestRootNamesMeetNoRoute(t *testing.T) {
	w := newWorld(t, Config{})
	var firsts []string
	for _, rt := range routes() {
		firsts = append(firsts, strings.Split(rt.path, "/")[1])
	}
	for path := range w.server.besides() {
		firsts = append(firsts, strings.Split(path, "/")[1])
	}
	for _, first := range firsts {
		if first == "{root}" {
			continue
		}
		if err := entente.CheckRootName(first); err == nil {
			t.Errorf("a root can be named %q", first)
		}
	}
	// Segments that come behind a root's name do no harm as names.
	for _, name := range []string{"collections", "status", "objects", "manifest"} {
		w.command(entente.AddRoot{Root: entente.Root{Name: name, Title: name, MaxContentLength: 1000}})
		for _, rest := range []string{"/", "/collections/"} {
			if r := w.get("operator", "/"+name+rest); r.status != 200 {
				t.Errorf("/%s%s: %d", name, rest, r.status)
			}
		}
	}
	// Another spelling of the path is not the root.
	for _, path := range []string{"/Api1/", "/%61pi1", "/api1//", "//api1/", "/./api1/", "/x/../api1/", "/api1%2f", "/api1%00/", "/api1;x/", "/api1./"} {
		want := 404
		if path == "/%61pi1" {
			want = 200 // RFC 3986 §6.2.2.2: the same path
		}
		if r := w.get("operator", path); r.status != want {
			t.Errorf("%s: %d, want %d", path, r.status, want)
		}
	}
}

// A root without collections can go, and then it is unknown.
func TestRemovedRoot(t *testing.T) {
	w := newBanked(t, Config{})
	w.command(entente.RemoveRoot{Root: "empty"})
	if r := w.get("operator", "/empty/"); r.status != 404 {
		t.Errorf("%d", r.status)
	}
	w.command(entente.RemoveCollection{Collection: w.vault})
	w.command(entente.RemoveRoot{Root: "banks"})
	if names, first := w.roots("operator"); !slices.Equal(names, []string{"/api1/"}) || first != "/api1/" {
		t.Errorf("%v %s", names, first)
	}
}
