package api

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"entente"
	"entente/node"
	"entente/taxii"
)

// TestConformance holds each endpoint, method, header and parameter against the answer
// that TAXII 2.1 asks for, the section in brackets: of home's default API root, and of an
// agreement's.
func TestConformance(t *testing.T) {
	t.Run("home", func(t *testing.T) {
		w := newWorld(t, Config{})
		w.post("editor", indicator(1, 0), indicator(1, 5), indicator(2, 0))
		conformance(t, w, "api1", w.shelf)
	})
	t.Run("agreement", func(t *testing.T) {
		w := newTreaties(t, filepath.Join(t.TempDir(), "entente.db"), node.Config{MaxContentLength: 1 << 20})
		w.agree("pact", func(t *entente.Terms) {
			t.Unmarked, t.Members = entente.TLPGreen, nil
			for name, flow := range map[string]entente.Flow{"reader": entente.Receives, "writer": entente.Contributes, "drafter": entente.Both} {
				w.partners[name] = w.make(entente.AddPartner{Name: name})
				t.Members = append(t.Members, entente.Member{Organisation: w.partners[name], Flow: flow})
				w.service(name, w.partners[name])
			}
			w.service("stranger", w.make(entente.AddPartner{Name: "stranger"}))
		})
		w.whoami["pact"] = "drafter"
		w.posts("pact", indicator(1, 0), indicator(1, 5), indicator(2, 0))
		w.settle()
		conformance(t, w.world, "pact", w.feeds["pact"])
	})
}

// conformance tries the collection of an API root, with an account for each of the rights.
// {c} is the collection, {o} an object in it; what is tried at /api1/ is tried at the root.
func conformance(t *testing.T, w *world, root, collection string) {
	const c, o = "/api1/collections/{c}/", "/api1/collections/{c}/objects/{o}/"
	type header = map[string]string
	empty := `{"objects":[]}`
	for _, test := range []struct {
		name, as, method, path string
		header                 header
		body                   string
		want                   int
	}{
		// Endpoints and their success [3.1, 4, 5], with the slash at the end and without.
		{"discovery", "reader", "GET", "/taxii2/", nil, "", 200},
		{"api root", "reader", "GET", "/api1/", nil, "", 200},
		{"collections", "reader", "GET", "/api1/collections/", nil, "", 200},
		{"collection", "reader", "GET", c, nil, "", 200},
		{"collection by alias", "reader", "GET", "/api1/collections/shelf/", nil, "", 200},
		{"manifest", "reader", "GET", c + "manifest/", nil, "", 200},
		{"objects", "reader", "GET", c + "objects/", nil, "", 200},
		{"objects by alias", "reader", "GET", "/api1/collections/shelf/objects/", nil, "", 200},
		{"object", "reader", "GET", o, nil, "", 200},
		{"versions", "reader", "GET", o + "versions/", nil, "", 200},
		{"post", "writer", "POST", c + "objects/", nil, empty, 202},

		// Sign-in [5, 8.2.2]: 401 wherever there is none, unknown paths included.
		{"no sign-in", "", "GET", "/taxii2/", nil, "", 401},
		{"no sign-in at a collection", "", "GET", c, nil, "", 401},
		{"no sign-in at an unknown collection", "", "GET", "/api1/collections/nothing/", nil, "", 401},
		{"no sign-in anywhere", "", "PATCH", "/a/b/c/d/e/f", nil, "", 401},
		{"wrong token", "nobody", "GET", "/taxii2/", nil, "", 401},
		{"Token as taxii2-client sends it", "", "GET", "/taxii2/", header{"Authorization": "Token reader"}, "", 200},
		{"scheme in any case", "", "GET", "/taxii2/", header{"Authorization": "bEARER  reader"}, "", 200},
		{"unknown scheme", "", "GET", "/taxii2/", header{"Authorization": "Digest reader"}, "", 401},
		{"empty token", "", "GET", "/taxii2/", header{"Authorization": "Bearer "}, "", 401},
		{"malformed basic", "", "GET", "/taxii2/", header{"Authorization": "Basic ???"}, "", 401},
		{"basic without a password", "", "GET", "/taxii2/", header{"Authorization": "Basic cmVhZGVy"}, "", 401},
		{"a name that is not text", "", "GET", "/taxii2/", header{"Authorization": "Basic AP86eA=="}, "", 401},

		// Accept [1.6.8, 3.1].
		{"bare type", "reader", "GET", "/taxii2/", header{"Accept": "application/taxii+json"}, "", 200},
		{"quoted version", "reader", "GET", "/taxii2/", header{"Accept": `application/taxii+json; version="2.1"`}, "", 200},
		{"list", "reader", "GET", c + "manifest/", header{"Accept": "application/taxii+json;version=2.1,application/stix+json;version=2.1"}, "", 200},
		{"no Accept", "reader", "GET", "/taxii2/", header{"Accept": ""}, "", 200},
		{"anything", "reader", "GET", "/taxii2/", header{"Accept": "*/*"}, "", 200},
		{"TAXII 2.0", "reader", "GET", "/taxii2/", header{"Accept": "application/vnd.oasis.taxii+json; version=2.0"}, "", 406},
		{"another version", "reader", "GET", c + "objects/", header{"Accept": "application/taxii+json;version=2.0"}, "", 406},
		{"another type", "reader", "GET", "/api1/", header{"Accept": "text/html"}, "", 406},
		{"refused by weight", "reader", "GET", "/api1/collections/", header{"Accept": "application/taxii+json;q=0"}, "", 406},
		{"Accept of a post", "writer", "POST", c + "objects/", header{"Accept": "application/json"}, empty, 406},
		{"Accept of a deletion", "editor", "DELETE", o, header{"Accept": "application/json"}, "", 406},

		// Content-Type and the body [3.1, 5.5].
		{"bare content type", "writer", "POST", c + "objects/", header{"Content-Type": "application/taxii+json"}, empty, 202},
		{"quoted content type", "writer", "POST", c + "objects/", header{"Content-Type": `application/taxii+json; version="2.1"; charset=utf-8`}, empty, 202},
		{"no content type", "writer", "POST", c + "objects/", header{"Content-Type": ""}, empty, 415},
		{"JSON", "writer", "POST", c + "objects/", header{"Content-Type": "application/json"}, empty, 415},
		{"STIX", "writer", "POST", c + "objects/", header{"Content-Type": "application/stix+json;version=2.1"}, empty, 415},
		{"TAXII 2.0 body", "writer", "POST", c + "objects/", header{"Content-Type": "application/taxii+json;version=2.0"}, empty, 415},
		{"compressed", "writer", "POST", c + "objects/", header{"Content-Encoding": "gzip"}, empty, 415},
		{"identity", "writer", "POST", c + "objects/", header{"Content-Encoding": "identity"}, empty, 202},
		{"no objects member", "writer", "POST", c + "objects/", nil, `{}`, 202},
		{"custom members", "writer", "POST", c + "objects/", nil, `{"x_note":{"a":1},"objects":[]}`, 202},
		{"no body", "writer", "POST", c + "objects/", nil, "", 422},
		{"bundle", "writer", "POST", c + "objects/", nil, `{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[]}`, 422},
		{"array", "writer", "POST", c + "objects/", nil, `[]`, 422},
		{"not JSON", "writer", "POST", c + "objects/", nil, `objects`, 422},
		{"broken off", "writer", "POST", c + "objects/", nil, `{"objects":[`, 422},
		{"more behind the envelope", "writer", "POST", c + "objects/", nil, `{"objects":[]} {}`, 422},
		{"too large", "writer", "POST", c + "objects/", nil, `{"objects":[],"x":"` + strings.Repeat("x", 1<<20) + `"}`, 413},

		// Methods [8.2.1].
		{"post to discovery", "reader", "POST", "/taxii2/", nil, empty, 405},
		{"delete a collection", "editor", "DELETE", c, nil, "", 405},
		{"put objects", "editor", "PUT", c + "objects/", nil, empty, 405},
		{"patch an object", "editor", "PATCH", o, nil, "", 405},
		{"options", "editor", "OPTIONS", c, nil, "", 405},
		{"unheard of", "editor", "BREW", c, nil, "", 405},

		// What is not there [3.6].
		{"unknown path", "reader", "GET", "/", nil, "", 404},
		{"unknown long path", "reader", "GET", o + "versions/x/", nil, "", 404},
		{"unknown root", "reader", "GET", "/api9/", nil, "", 404},
		{"unknown root's collections", "reader", "GET", "/api9/collections/", nil, "", 404},
		{"unknown collection", "reader", "GET", "/api1/collections/00000000-0000-4000-8000-000000000000/", nil, "", 404},
		{"unknown collection's objects", "reader", "GET", "/api1/collections/nothing/objects/", nil, "", 404},
		{"collection in another root", "reader", "GET", "/api9/collections/{c}/", nil, "", 404},
		{"unknown object", "reader", "GET", c + "objects/indicator--ffffffff-0000-4000-8000-000000000000/", nil, "", 404},
		{"unknown object's versions", "reader", "GET", c + "objects/indicator--ffffffff-0000-4000-8000-000000000000/versions/", nil, "", 404},
		{"no object id", "reader", "GET", c + "objects/garbage/", nil, "", 404},
		{"delete an unknown object", "editor", "DELETE", c + "objects/indicator--ffffffff-0000-4000-8000-000000000000/", nil, "", 404},
		{"delete no object id", "editor", "DELETE", c + "objects/garbage/", nil, "", 404},
		{"unknown status", "reader", "GET", "/api1/status/00000000-0000-4000-8000-000000000000/", nil, "", 404},
		{"double slash", "reader", "GET", "//taxii2/", nil, "", 404},
		{"dots", "reader", "GET", "/api1/../taxii2/", nil, "", 404},
		{"escaped dots", "reader", "GET", "/api1/%2e%2e/taxii2/", nil, "", 404},
		{"NUL", "reader", "GET", "/api1/collections/%00/", nil, "", 404},
		{"no UTF-8", "reader", "GET", "/api1/collections/%ff/", nil, "", 404},

		// Permissions [5.4, 5.5, 5.7].
		{"read without the right", "writer", "GET", c + "objects/", nil, "", 403},
		{"manifest without the right", "writer", "GET", c + "manifest/", nil, "", 403},
		{"object without the right", "writer", "GET", o, nil, "", 403},
		{"garbage object without the right", "writer", "GET", c + "objects/garbage/", nil, "", 403},
		{"versions without the right", "writer", "GET", o + "versions/", nil, "", 403},
		{"write without the right", "reader", "POST", c + "objects/", nil, empty, 403},
		{"delete with read only", "reader", "DELETE", o, nil, "", 403},
		{"delete with write only", "writer", "DELETE", o, nil, "", 403},
		{"delete with neither", "stranger", "DELETE", o, nil, "", 404},
		{"read with neither", "stranger", "GET", c + "objects/", nil, "", 404},
		{"an operator reads everything", "operator", "GET", c + "objects/", nil, "", 200},

		// Parameters [3.4]. The parser has its own cases; here is that it is asked.
		{"limit 0", "reader", "GET", c + "objects/?limit=0", nil, "", 400},
		{"limit of a manifest", "reader", "GET", c + "manifest/?limit=-1", nil, "", 400},
		{"limit of an object", "reader", "GET", o + "?limit=abc", nil, "", 400},
		{"limit of versions", "reader", "GET", o + "versions/?limit=1&limit=1", nil, "", 400},
		{"limit over the cap", "reader", "GET", c + "objects/?limit=99999999999999999999", nil, "", 200},
		{"date only", "reader", "GET", c + "objects/?added_after=2020-01-01", nil, "", 400},
		{"all and last", "reader", "GET", c + "objects/?match[version]=all,last", nil, "", 400},
		{"version garbage", "reader", "GET", o + "?match[version]=garbage", nil, "", 400},
		{"delete all and last", "editor", "DELETE", o + "?match[version]=all,last", nil, "", 400},
		{"delete by type", "editor", "DELETE", o + "?match[type]=indicator", nil, "", 400},
		{"bad next", "reader", "GET", c + "objects/?next=AAAA", nil, "", 400},
		{"empty next", "reader", "GET", c + "objects/?next=", nil, "", 200},
		{"unknown fields", "reader", "GET", c + "objects/?match[colour]=red&colour=red", nil, "", 200},
		{"bad escape", "reader", "GET", c + "objects/?limit=%zz", nil, "", 400},

		// The order of errors: each of these has everything wrong from its own place on.
		{"order: sign-in", "", "BREW", "/api1/collections/nothing/objects/?limit=0", header{"Accept": "x/y"}, "", 401},
		{"order: visibility", "reader", "BREW", "/api1/collections/nothing/objects/?limit=0", header{"Accept": "x/y"}, "", 404},
		{"order: method", "reader", "BREW", c + "objects/?limit=0", header{"Accept": "x/y"}, "", 405},
		{"order: accept", "reader", "POST", c + "objects/", header{"Accept": "x/y", "Content-Type": "x/y"}, "x", 406},
		{"order: content type", "reader", "POST", c + "objects/", header{"Content-Type": "x/y"}, strings.Repeat("x", 2<<20), 415},
		{"order: length", "reader", "POST", c + "objects/", nil, strings.Repeat("x", 2<<20), 413},
		{"order: parameters", "writer", "GET", c + "objects/garbage/?limit=0", nil, "", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.path = strings.NewReplacer("{c}", collection, "{o}", indicatorID(1), "/api1/", "/"+root+"/").Replace(test.path)
			if root != "api1" {
				if strings.Contains(test.path, "/shelf/") {
					test.want = 404 // the feeds of agreements have no aliases
				}
				if test.as == "editor" {
					test.as = "drafter" // the editor is home's own
				}
			}
			q := request{method: test.method, path: test.path, as: test.as, header: test.header, body: test.body}
			r := w.do(q)
			if r.status != test.want {
				t.Fatalf("%d %s, want %d", r.status, r.body, test.want)
			}
			checkAnswer(t, q, r)
			if path, slash := strings.CutSuffix(q.path, "/"); slash && path != "" && test.method == "GET" {
				q.path = path
				if short := w.do(q); short.status != r.status || short.body != r.body {
					t.Errorf("without the slash at the end: %d %s", short.status, short.body)
				}
			}
			if test.method == "GET" {
				q.method, q.path = "HEAD", test.path
				head := w.do(q)
				if head.status != r.status || head.body != "" || head.header.Get("Content-Length") != r.header.Get("Content-Length") ||
					head.header.Get("X-Taxii-Date-Added-Last") != r.header.Get("X-Taxii-Date-Added-Last") {
					t.Errorf("HEAD gives %d %v", head.status, head.header)
				}
			}
		})
	}
}

var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)

// checkAnswer holds an answer against what goes for all of them.
func checkAnswer(t *testing.T, q request, r reply) {
	t.Helper()
	want := map[string]string{"Content-Type": taxii.MediaType, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
	for name, value := range want {
		if got := r.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if r.header.Get("Content-Length") == "" {
		t.Error("no Content-Length")
	}
	if (r.status == 401) != (len(r.header.Values("Www-Authenticate")) == 2) {
		t.Errorf("WWW-Authenticate: %q", r.header.Values("Www-Authenticate"))
	}
	if (r.status == 405) != (r.header.Get("Allow") != "") {
		t.Errorf("Allow: %q", r.header.Get("Allow"))
	}
	if r.status >= 400 {
		e := decode[taxii.Error](t, r)
		if e.Title == "" || e.Description == "" || e.HTTPStatus != strconv.Itoa(r.status) {
			t.Errorf("error body %+v", e)
		}
	}
	for _, name := range []string{"X-Taxii-Date-Added-First", "X-Taxii-Date-Added-Last"} {
		entries := r.status == 200 && q.method == "GET" && (strings.Contains(q.path, "/objects") || strings.Contains(q.path, "/manifest"))
		if got := r.header.Get(name); entries != (got != "") || (got != "" && !timestamp.MatchString(got)) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestMethodsAllowed(t *testing.T) {
	w := newWorld(t, Config{})
	for path, want := range map[string]string{
		"/taxii2/":         "GET, HEAD",
		w.at(""):           "GET, HEAD",
		w.at("objects/"):   "GET, POST, HEAD",
		w.at("objects/x/"): "DELETE, GET, HEAD",
	} {
		if r := w.do(request{method: "PUT", path: path, as: "editor"}); r.header.Get("Allow") != want {
			t.Errorf("%s: %q, want %q", path, r.header.Get("Allow"), want)
		}
	}
}

// TestResources holds the resources themselves against their tables of properties.
func TestResources(t *testing.T) {
	w := newWorld(t, Config{Title: "A node", Description: "For tests", Contact: "ops@example.net"})
	for _, c := range []struct{ as, path, want string }{
		{"reader", "/taxii2/", `{"title":"A node","description":"For tests","contact":"ops@example.net","default":"/api1/","api_roots":["/api1/"]}`},
		{"reader", "/api1/", `{"title":"Entente","versions":["application/taxii+json;version=2.1"],"max_content_length":1048576}`},
		{"reader", w.at(""), `{"id":"` + w.shelf + `","title":"Shelf","description":"What is shared","alias":"shelf","can_read":true,"can_write":false,"media_types":["application/stix+json;version=2.1","application/stix+json;version=2.0"]}`},
		{"stranger", "/api1/collections/", `{}`},
		{"reader", w.at("objects/"), `{}`},
		{"reader", w.at("manifest/"), `{}`},
	} {
		if r := w.get(c.as, c.path); r.body != c.want+"\n" {
			t.Errorf("%s for %s:\n%s\n%s", c.path, c.as, r.body, c.want)
		}
	}
	all := decode[taxii.Collections](t, w.get("operator", "/api1/collections/"))
	if len(all.Collections) != 2 || all.Collections[0].ID > all.Collections[1].ID {
		t.Errorf("%+v", all)
	}
	for as, want := range map[string][2]bool{"reader": {true, false}, "writer": {false, true}, "editor": {true, true}} {
		mine := decode[taxii.Collections](t, w.get(as, "/api1/collections/")).Collections
		if len(mine) != 1 || mine[0].ID != w.shelf || mine[0].CanRead != want[0] || mine[0].CanWrite != want[1] {
			t.Errorf("%s: %+v", as, mine)
		}
	}
	if r := w.get("reader", w.at("objects/")); r.header.Get("X-Taxii-Date-Added-First") != "" {
		t.Error("an empty page has no first entry to give the date of")
	}
}
