package api

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"entente"
	"entente/store/storetest"

	"github.com/go-json-experiment/json"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// description is openapi.json as a test reads it.
type description struct {
	Paths map[string]map[string]struct {
		ID        string                       `json:"operationId"`
		Summary   string                       `json:"summary"`
		Responses map[string]describedResponse `json:"responses"`
	} `json:"paths"`
	Components struct {
		Responses map[string]describedResponse `json:"responses"`
		Headers   map[string]struct {
			Required bool `json:"required"`
		} `json:"headers"`
		Schemas map[string]struct {
			Examples []rawMessage `json:"examples"`
		} `json:"schemas"`
	} `json:"components"`

	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

type describedResponse struct {
	Ref     string                       `json:"$ref"`
	Headers map[string]map[string]string `json:"headers"` // each a $ref
	Content map[string]any               `json:"content"`
}

var theDescription = sync.OnceValues(func() (*description, error) {
	d := &description{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(OpenAPI(), d); err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(OpenAPI()))
	if err != nil {
		return nil, err
	}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource("openapi.json", doc)
})

// schema holds a value against the schema at a place in the description.
func (d *description) schema(value any, place ...string) error {
	for i, p := range place {
		place[i] = strings.NewReplacer("~", "~0", "/", "~1").Replace(p)
	}
	d.mu.Lock()
	s, err := d.compiler.Compile("openapi.json#/" + strings.Join(place, "/"))
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// schemaOf holds a text of JSON against a schema of the components.
func (d *description) schemaOf(text, name string) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return d.schema(v, "components", "schemas", name)
}

// check holds a reply against what the description says of the path, and names what it is
// an instance of: "" for a path of TAXII, else the path, the method and the status.
func (d *description) check(method, path string, r reply) (what string, err error) {
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	path = d.template(path)
	item, ok := d.Paths[path]
	if !ok {
		return "", nil
	}
	bodyless := method == http.MethodHead
	if bodyless {
		method = http.MethodGet
	}
	op, ok := item[strings.ToLower(method)]
	place := []string{"paths", path, strings.ToLower(method), "responses", strconv.Itoa(r.status)}
	what = fmt.Sprint(path, " ", method, " ", r.status)
	response, known := op.Responses[strconv.Itoa(r.status)]
	switch {
	case !ok && r.status == http.StatusMethodNotAllowed:
		response, known, place, what = d.Components.Responses["BadMethod"], true, []string{"components", "responses", "BadMethod"}, "BadMethod"
	case !ok: // what comes before the method is looked at is the same for every method
		response, known = item["get"].Responses[strconv.Itoa(r.status)]
		place[2], what = "get", ""
	}
	if !known {
		return what, errors.New("the status is not described")
	}
	if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
		response, place = d.Components.Responses[name], []string{"components", "responses", name}
	}
	for name, h := range response.Headers {
		ref := strings.TrimPrefix(h["$ref"], "#/components/headers/")
		if len(r.header.Values(name)) == 0 && d.Components.Headers[ref].Required {
			return what, fmt.Errorf("there is no %s", name)
		}
		for _, v := range r.header.Values(name) {
			if err := d.schema(v, "components", "headers", ref, "schema"); err != nil {
				return what, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	given := r.header.Get("Content-Type")
	media := given
	if _, ok := response.Content[media]; !ok {
		media, _, _ = strings.Cut(given, ";")
	}
	if _, ok := response.Content[media]; !ok {
		return what, fmt.Errorf("%q is not described", given)
	}
	if bodyless {
		if r.body != "" {
			return what, errors.New("HEAD has a body")
		}
		return what, nil
	}
	var body any = r.body
	if strings.Contains(media, "json") && !strings.Contains(media, "ndjson") {
		if body, err = jsonschema.UnmarshalJSON(strings.NewReader(r.body)); err != nil {
			return what, err
		}
		if e, ok := body.(map[string]any); ok && r.status >= 400 && e["http_status"] != strconv.Itoa(r.status) {
			return what, fmt.Errorf("http_status is %v", e["http_status"])
		}
	}
	return what, d.schema(body, append(place, "content", media, "schema")...)
}

// template is the path of the description that a path of the ledger is an instance of.
func (d *description) template(path string) string {
	if _, ok := d.Paths[path]; ok || !strings.HasPrefix(path, ledgerPath) {
		return path
	}
	_, rest := ledgerFile(&http.Request{URL: &url.URL{Path: path}})
	path = ledgerPath + rest
	best, most := path, 0
	for at := range d.Paths {
		if before, _, ok := strings.Cut(at, "{"); ok && strings.HasPrefix(path, before) && len(before) > most {
			best, most = at, len(before)
		}
	}
	return best
}

// described holds every reply of every test against the description.
func (w *world) described(q *http.Request, r reply) (what string) {
	w.t.Helper()
	d, err := theDescription()
	w.must(err)
	if what, err = d.check(q.Method, q.URL.Path, r); err != nil {
		w.t.Errorf("%s %s: %d %.300s is not as described: %v", q.Method, q.URL.Path, r.status, r.body, err)
	}
	if q.Method == "POST" && r.status == 200 && q.GetBody != nil && strings.HasPrefix(q.URL.Path, "/api/") {
		sent, err := q.GetBody()
		w.must(err)
		v, err := jsonschema.UnmarshalJSON(sent)
		w.must(err)
		if err := d.schema(v, "paths", strings.TrimSuffix(q.URL.Path, "/"), "post", "requestBody", "content", "application/json", "schema"); err != nil {
			w.t.Errorf("a request was taken that is not as described: %v", err)
		}
	}
	return what
}

// Everything that is not TAXII is described, and nothing that is not there.
func TestOpenAPIDescribesTheRoutes(t *testing.T) {
	d, err := theDescription()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, rt := range routes() {
		if rt.own {
			for m := range rt.methods {
				want = append(want, rt.path+" "+strings.ToLower(m))
			}
		}
	}
	for path := range (&Server{}).besides() {
		if path == witnessPath {
			want = append(want, path+" post")
			continue
		}
		want = append(want, path+" get")
	}
	ids := map[string]bool{}
	for path, item := range d.Paths {
		for method, op := range item {
			got = append(got, path+" "+method)
			if op.ID == "" || ids[op.ID] || op.Summary == "" {
				t.Errorf("%s %s has no operationId of its own, or no summary", method, path)
			}
			ids[op.ID] = true
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("described are\n%s\nand there are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, s := range d.Components.Schemas {
		for _, x := range s.Examples {
			text := string(x)
			if err := d.schemaOf(text, name); err != nil {
				t.Errorf("an example of %s: %v", name, err)
			}
			if _, err := readLookup(strings.NewReader(text)); name == "LookupRequest" && err != nil {
				t.Errorf("an example of %s: %v", name, err)
			}
		}
	}
}

// Every answer that is described is given, and is as described: each is provoked here.
func TestOpenAPIDescribesTheAnswers(t *testing.T) {
	d, err := theDescription()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	database := filepath.Join(t.TempDir(), "node.db")
	w := newWorldOn(t, Config{}, database, 1<<20)
	w.account("reader")
	ask := func(w *world, q request, status int) {
		t.Helper()
		r := w.do(q)
		if r.status != status {
			t.Errorf("%s %.60s: %d %.300s, want %d", q.method, q.path, r.status, r.body, status)
		}
		path, _, _ := strings.Cut(q.path, "?")
		what, _ := d.check(q.method, path, r) // what is wrong is told by [world.send]
		seen[what] = true
	}
	const url = "/api/lookup?value=192.0.2.1&value=%FF&value=example.com"
	const body = `{"values":["192.0.2.1","x","192.0.2.0/24"],"limit":1}`
	get := func(w *world, as, path string, status int) {
		t.Helper()
		ask(w, request{method: "GET", path: path, as: as}, status)
		ask(w, request{method: "HEAD", path: path, as: as}, status)
	}
	post := func(w *world, as, body string, status int) {
		t.Helper()
		ask(w, request{method: "POST", path: "/api/lookup", as: as, body: body}, status)
	}
	w.post("operator", indicator(1, 0), indicator(2, 0), indicator(3, 0))
	w.must(w.node.CatchUp(t.Context(), nil))
	assessed := "/api/assessments?id=" + indicatorID(1)
	for _, as := range []string{"operator", "reader"} {
		get(w, as, url, 200)
		post(w, as, body, 200)
		get(w, as, "/api/openapi.json", 200)
	}
	get(w, "operator", assessed, 200)
	if found := w.get("operator", url).body; !strings.Contains(found, indicatorID(3)) {
		t.Errorf("nothing was found: %s", found)
	}
	if r := w.get("reader", "/api/openapi.json/"); r.body != string(OpenAPI()) {
		t.Error("another description is served")
	}
	w.must(w.node.CatchUpLedger(t.Context()))
	files := []string{"/ledger/checkpoint", "/ledger/tile/0/000.p/1", "/ledger/tile/entries/000.p/1", "/ledger/events/000.p/1", "/ledger/proof/0", "/ledger/proof?event=" + w.firstEvent()}
	for _, path := range files {
		get(w, "operator", path, 200)
		get(w, "reader", path, 404)
		get(w, "nobody", path, 401)
	}
	get(w, "operator", "/ledger/proof/x", 400)
	get(w, "operator", "/ledger/proof", 400)
	get(w, "reader", "/api/lookup", 400)
	get(w, "reader", "/api/lookup?value=%zz", 400)
	get(w, "reader", "/api/assessments?id=tool", 400)
	get(w, "operator", "/api/assessments?id="+indicatorID(9), 404)
	get(w, "reader", assessed, 404)
	get(w, "nobody", assessed, 401)
	get(w, "reader", "/api/lookup?value=a"+strings.Repeat("&value=a", 1000), 413)
	post(w, "reader", `{"values":["a"`+strings.Repeat(`,"a"`, 1000)+`]}`, 413)
	get(w, "nobody", url, 401)
	post(w, "nobody", body, 401)
	get(w, "", "/api/openapi.json", 401)
	partner, who := w.partner()
	acknowledge := func(w *world, as, note string, status int) {
		t.Helper()
		ask(w, request{method: "POST", path: "/ledger/acknowledge", as: as, body: note}, status)
	}
	key := w.partnerKey(1)
	w.must(w.node.CatchUpLedger(t.Context()))
	note := w.get("visitor", "/ledger/checkpoint").body
	acknowledge(w, "visitor", signedBy(t, key, note), 200)
	acknowledge(w, "visitor", note, 403)
	acknowledge(w, "visitor", "x", 400)
	acknowledge(w, "visitor", signedBy(t, key, strings.Replace(note, "\n", "x\n", 1)), 409)
	acknowledge(w, "visitor", strings.Repeat("x", 1<<17), 413)
	acknowledge(w, "reader", note, 404)
	acknowledge(w, "nobody", note, 401)
	_, err = w.node.Do(t.Context(), who["ann"], entente.PlaceStop{Organisation: partner, Reason: "r", Basis: "b"})
	w.must(err)
	get(w, "visitor", url, 403)
	get(w, "visitor", assessed, 403)
	post(w, "visitor", body, 403)
	get(w, "visitor", "/api/openapi.json", 403)
	for _, path := range files {
		get(w, "visitor", path, 403)
	}
	get(w, "", "/healthz", 200)
	get(w, "", "/readyz", 200)
	get(w, "operator", "/metrics", 200)
	get(w, "reader", "/metrics", 404)
	for path := range d.Paths {
		for _, method := range []string{"DELETE", "PUT", "OPTIONS", "BREW"} {
			ask(w, request{method: method, path: path, as: "operator"}, 405)
		}
	}
	for _, bad := range lookupFaults {
		post(w, "reader", bad, 400)
	}

	// What a witness answers.
	cosign := func(w *world, body string, status int) {
		t.Helper()
		ask(w, request{method: "POST", path: witnessPath, body: body}, status)
	}
	log, forged := w.foreign(1).grow("a", 2), w.foreign(2).grow("a", 2)
	forged.origin = log.origin
	cosign(w, log.asking(0), 404)
	log.known()
	cosign(w, log.asking(0), 200)
	cosign(w, log.asking(0), 409)
	cosign(w, log.fork(0).grow("b", 3).asking(2), 422)
	cosign(w, forged.asking(2), 403)
	cosign(w, "", 400)
	cosign(w, strings.Repeat("x", 1<<20), 413)
	for range witnessBurst {
		w.cosign("")
	}
	cosign(w, "", 429)

	// A body that does not come.
	slow := newWorld(t, Config{Patience: 100 * 1e6})
	r, err := readReply(t, slow.open("POST /api/lookup HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer reader\r\nContent-Length: 100\r\n\r\n{"))
	slow.must(err)
	what, err := d.check("POST", "/api/lookup", r)
	seen[what] = true
	if err != nil || r.status != 408 {
		t.Errorf("%d %s: %v", r.status, r.body, err)
	}

	// One request too many, of an account and of the server.
	for status, cfg := range map[int]Config{429: {MaxPerAccount: 1}, 503: {MaxRequests: 1}} {
		w := newWorld(t, cfg)
		w.open(w.posting("writer", 100) + halfBody)
		w.working(1)
		get(w, "writer", url, status)
		get(w, "writer", assessed, status)
		post(w, "writer", body, status)
		get(w, "writer", "/api/openapi.json", status)
		for _, path := range files {
			get(w, "writer", path, status)
		}
		acknowledge(w, "writer", note, status)
		if status == 503 {
			get(w, "writer", "/metrics", 503)
			cosign(w, "", 503)
			get(w, "", "/healthz", 200)
		}
	}

	// A fault of the node, and its end.
	storetest.Damage(t, database, `ALTER TABLE token RENAME TO lost`)
	get(w, "reader", url, 500)
	get(w, "reader", assessed, 500)
	post(w, "reader", body, 500)
	get(w, "reader", "/api/openapi.json", 500)
	for _, path := range files {
		get(w, "reader", path, 500)
	}
	acknowledge(w, "reader", note, 500)
	w.server.draining.Store(true)
	get(w, "", "/readyz", 503)

	want := map[string]bool{"BadMethod": true}
	for path, item := range d.Paths {
		for method, op := range item {
			for status := range op.Responses {
				want[path+" "+strings.ToUpper(method)+" "+status] = true
			}
		}
	}
	delete(seen, "")
	for what := range want {
		if !seen[what] {
			t.Errorf("%s is described, and never given", what)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%v\nwere given, and described are\n%v", slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(want)))
	}
}

// lookupFaults are bodies of a look-up that are refused.
var lookupFaults = []string{
	"", "values", "null", "[]", "5", `{}`, `{"values":[]}`, `{"values":null}`, `{"values":"a"}`, `{"values":[5]}`, `{"values":[null]}`, `{"values":[["a"]]}`,
	`{"values":["a"],"limit":0}`, `{"values":["a"],"limit":-1}`, `{"values":["a"],"limit":1.5}`, `{"values":["a"],"limit":"1"}`, `{"values":["a"],"limit":null}`,
	`{"Values":["a"]}`, `{"VALUES":["a"]}`, `{"value":["a"]}`, `{"values":["a"],"x":1}`, `{"values":["a"]}{}`, `{"values":["a"]`, `{"values":["a"],}`,
	`{"values":["a"],"values":["b"]}`, "{\"values\":[\"\xff\"]}", `{"values":["\ud800"]}`, `{"values":["a"],"limit":99999999999999999999}`,
}

// FuzzLookupRequest: what is taken is as the description says.
func FuzzLookupRequest(f *testing.F) {
	for _, s := range append([]string{`{"values":["198.51.100.7","x"],"limit":3}`, ` { "limit" : 1 , "values" : [ "\u0000\u202e" ] } `}, lookupFaults...) {
		f.Add([]byte(s))
	}
	d, err := theDescription()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := readLookup(bytes.NewReader(body))
		if err != nil || len(req.Values) == 0 || len(req.Values) > 1000 {
			return
		}
		if req.Limit < 1 {
			t.Fatalf("limit %d", req.Limit)
		}
		if err := d.schemaOf(string(body), "LookupRequest"); err != nil {
			t.Fatalf("%q is taken, and is not as described: %v", body, err)
		}
	})
}
