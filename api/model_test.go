package api

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"entente"
	"entente/node"
	"entente/store"
	"entente/store/storetest"
	"entente/taxii"
)

var (
	modelSteps = flag.Int("model-steps", 2000, "how many requests TestModel makes, per engine")
	modelSeed  = flag.Uint64("model-seed", 0, "what TestModel draws its requests from; 0 for a random one")
)

// newWorldOn is a world on a database, with so many bytes allowed in a request. Its clock
// stands still: a test moves it.
func newWorldOn(t *testing.T, cfg Config, database string, most int64) *world {
	t.Helper()
	return newWorldOf(t, cfg, database, node.Config{MaxContentLength: most})
}

// newWorldOf is the same with a node of its own kind.
func newWorldOf(t *testing.T, cfg Config, database string, of node.Config) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, clock: &atomic.Int64{}, log: &locked{}, readers: map[string]string{}}
	w.clock.Store(start)
	st, err := store.Open(ctx, store.Options{URL: database})
	w.must(err)
	t.Cleanup(func() { w.must(st.Close()) })
	log := slog.New(slog.NewTextHandler(w.log, nil))
	of.Now, of.Log = w.clock.Load, log
	w.node, err = node.Open(ctx, st, of)
	w.must(err)
	w.readers["operator"] = w.make(entente.AddAccount{Name: "operator", Roles: []entente.Role{entente.Operator}})
	w.make(entente.AddToken{Account: w.readers["operator"], Hash: sha256.Sum256([]byte("operator"))})
	w.shelf = w.make(entente.AddCollection{Name: "Shelf", Alias: "shelf"})
	w.other = w.make(entente.AddCollection{Name: "Other"})
	w.server, err = New(w.node, cfg, log)
	w.must(err)
	w.serve()
	return w
}

// make does a command as the node's owner and gives the id of what it made.
func (w *world) make(c entente.Command) string {
	w.t.Helper()
	r, err := w.node.Do(w.t.Context(), entente.LocalActor(), c)
	w.must(err)
	return r.ID
}

// account makes an account whose token is its name.
func (w *world) account(name string) {
	w.readers[name] = w.make(entente.AddAccount{Name: name, Service: true})
	w.make(entente.AddToken{Account: w.readers[name], Hash: sha256.Sum256([]byte(name))})
}

// ---- The reference: what a collection shows, by a list and a sort. ----

// refObject is an object as it is sent. What makes two of them the same contents, and
// when a version is, was settled when it was made up, so that nothing is parsed here.
type refObject struct {
	id, typ  string
	spec     string // "2.0" or "2.1"
	moment   string // digits that sort as the version's moment does, "" if it has none
	stamp    string // the moment as written
	contents string // equal for equal contents
	body     string
	bad      bool // no STIX: id and stamp are what it says of itself
}

// refLine is a version that readers see.
type refLine struct {
	refObject
	order int
	added int64
}

func (l *refLine) version() string {
	if l.stamp == "" {
		return refTime(l.added)
	}
	return l.stamp
}

// at is the moment by which a request may name the version.
func (l *refLine) at() string {
	if l.moment == "" {
		return refMoment(refTime(l.added))
	}
	return l.moment
}

// place is what a version is told from others by.
func (o refObject) place() string {
	if o.moment == "" {
		return o.id + " " + o.spec + " " + o.contents
	}
	return o.id + " " + o.spec + " " + o.moment
}

// refNode is a node; its contents are kept once, whoever sends them, and wherever to.
type refNode struct {
	bodies map[string]string // by contents: the bytes that came first
	now    int64
}

type refCollection struct {
	node    *refNode
	lines   []*refLine // in their order
	held    map[string]bool
	deleted map[string]bool // places
	order   int
	added   int64
}

func refTime(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// refMoment turns a timestamp into text that sorts as its moment does.
func refMoment(stamp string) string {
	whole, fraction, _ := strings.Cut(strings.TrimSuffix(stamp, "Z"), ".")
	return whole + "." + fraction + strings.Repeat("0", 40-len(fraction))
}

func (c *refCollection) enter(o refObject, shown bool) *refLine {
	c.order++
	c.added = max(c.node.now, c.added+1)
	l := &refLine{o, c.order, c.added}
	if shown {
		c.lines = append(c.lines, l)
	}
	return l
}

// submit gives how an object fares: its version, and "", "held already", "contested" or
// "deleted".
func (c *refCollection) submit(o refObject) (version, outcome string) {
	at := slices.IndexFunc(c.lines, func(l *refLine) bool { return l.place() == o.place() })
	switch {
	case c.deleted[o.place()]:
		return o.stamp, "deleted"
	case c.held[o.contents]:
		if o.stamp == "" {
			return c.lines[at].version(), "held already"
		}
		return o.stamp, "held already"
	}
	if _, ok := c.node.bodies[o.contents]; !ok {
		c.node.bodies[o.contents] = o.body
	}
	c.held[o.contents] = true
	l := c.enter(o, at < 0)
	if at >= 0 {
		return o.stamp, "contested"
	}
	return l.version(), ""
}

// refFilter is what a request selects.
type refFilter struct {
	after         int64 // added after, 0 for all
	ids, types    []string
	specs         []string
	words, exacts []string // of match[version]
}

// refEdges are, of each object, the first and the last line per specification, and its
// latest specification.
type refEdges struct {
	first, last map[[2]string]*refLine
	latest      map[string]string
}

func (c *refCollection) edges() refEdges {
	e := refEdges{map[[2]string]*refLine{}, map[[2]string]*refLine{}, map[string]string{}}
	for _, l := range c.lines {
		k := [2]string{l.id, l.spec}
		if o := e.first[k]; o == nil || l.moment < o.moment { // of one moment the earlier line
			e.first[k] = l
		}
		if o := e.last[k]; o == nil || l.moment >= o.moment {
			e.last[k] = l
		}
		e.latest[l.id] = max(e.latest[l.id], l.spec)
	}
	return e
}

func (e refEdges) newest(l *refLine) bool   { return e.last[[2]string{l.id, l.spec}] == l }
func (e refEdges) isLatest(l *refLine) bool { return e.latest[l.id] == l.spec }

func (e refEdges) hits(l *refLine, f refFilter) bool {
	return slices.Contains(f.words, "all") || slices.Contains(f.words, "first") && e.first[[2]string{l.id, l.spec}] == l ||
		slices.Contains(f.words, "last") && e.newest(l) || slices.Contains(f.exacts, l.at())
}

// latest is, of each object, the latest specification of what a filter hits.
func (c *refCollection) latest(e refEdges, f refFilter) map[string]string {
	out := map[string]string{}
	for _, l := range c.lines {
		if e.hits(l, f) {
			out[l.id] = max(out[l.id], l.spec)
		}
	}
	return out
}

// page gives at most so many lines beyond a place, and whether there are more.
func (c *refCollection) page(f refFilter, after, most int) (out []*refLine, more bool) {
	if len(f.words)+len(f.exacts) == 0 {
		f.words = []string{"last"}
	}
	e := c.edges()
	latest := c.latest(e, f)
	for _, l := range c.lines {
		if l.order <= after || f.after != 0 && l.added <= f.after || !e.hits(l, f) ||
			len(f.ids) > 0 && !slices.Contains(f.ids, l.id) || len(f.types) > 0 && !slices.Contains(f.types, l.typ) ||
			len(f.specs) == 0 && latest[l.id] != l.spec || len(f.specs) > 0 && !slices.Contains(f.specs, l.spec) {
			continue
		}
		if len(out) == most {
			return out, true
		}
		out = append(out, l)
	}
	return out, false
}

// remove deletes versions of an object; what readers see by that for the first time comes
// in again at the end.
func (c *refCollection) remove(id string, f refFilter) (found bool) {
	if len(f.words)+len(f.exacts) == 0 {
		f.words = []string{"all"}
	}
	var left, again []*refLine
	before := c.edges()
	for _, l := range c.lines {
		if l.id == id && before.hits(l, f) && (len(f.specs) == 0 || slices.Contains(f.specs, l.spec)) {
			c.deleted[l.place()] = true
			found = true
			continue
		}
		left = append(left, l)
	}
	c.lines = left
	now := c.edges()
	for _, l := range left {
		if l.id == id && (now.newest(l) && !before.newest(l) || now.isLatest(l) && !before.isLatest(l)) {
			again = append(again, l)
		}
	}
	for _, l := range again {
		c.lines = slices.DeleteFunc(slices.Clone(c.lines), func(o *refLine) bool { return o == l })
		c.enter(l.refObject, true)
	}
	return found
}

// ---- The requests. ----

// refRights says what an account may do with each collection.
type refRights map[string]string // collection: "r", "w" or "rw"

// rival drives a node and the reference with the same requests.
type rival struct {
	*world
	r           *rand.Rand
	ref         *refNode
	collections map[string]*refCollection // by id
	ids         []string                  // of the collections
	rights      map[string]refRights
	names       []string // of the accounts
	cursors     []refCursor
	dates       []int64  // times of additions
	moments     []string // texts of moments
	step        int
	counts      map[string]int
}

// refCursor is what "next" stands for.
type refCursor struct {
	text, in, at, id, query string // query: the filters that it was had with
	filter                  refFilter
	limit, after            int
}

const modelPage = 12

// TestModel makes random requests to a node and holds every answer against a reference of
// a list and a sort: status codes, bytes and their order, pages, dates, results.
func TestModel(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			seed := *modelSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("-model-seed %d", seed)
			v := newRival(t, newURL(t), seed)
			for v.step = range *modelSteps {
				if v.request(); t.Failed() {
					t.Fatalf("at request %d", v.step)
				}
			}
			t.Logf("%d requests: %v", *modelSteps, v.counts)
		})
	}
}

func newRival(t *testing.T, database string, seed uint64) *rival {
	v := &rival{world: newWorldOn(t, Config{PageMax: modelPage}, database, 1<<20), r: rand.New(rand.NewPCG(seed, 0)),
		// A second after the accounts were made: a clock set back comes not before their roles.
		ref: &refNode{bodies: map[string]string{}, now: start + 1e6}, collections: map[string]*refCollection{}, counts: map[string]int{}}
	third := v.make(entente.AddCollection{Name: "Third"})
	v.rights = map[string]refRights{
		"operator": {v.shelf: "rw", v.other: "rw", third: "rw"},
		"editor":   {v.shelf: "rw", v.other: "rw"},
		"reader":   {v.shelf: "r", v.other: "r", third: "r"},
		"writer":   {v.shelf: "w", v.other: "r"},
		"mixed":    {v.other: "w", third: "rw"},
		"stranger": {},
	}
	v.names = slices.Sorted(maps.Keys(v.rights))
	for _, name := range v.names {
		if name == "operator" {
			continue
		}
		v.account(name)
		for c, may := range v.rights[name] {
			v.make(entente.SetGrant{Account: v.readers[name], Collection: c, Read: strings.Contains(may, "r"), Write: strings.Contains(may, "w")})
		}
	}
	for _, id := range []string{v.shelf, v.other, third} {
		v.ids = append(v.ids, id)
		v.collections[id] = &refCollection{node: v.ref, held: map[string]bool{}, deleted: map[string]bool{}}
	}
	return v
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// request makes one request and compares.
func (v *rival) request() {
	switch v.r.IntN(6) {
	case 0: // several requests within one microsecond are as good as any
	case 1:
		v.ref.now -= v.r.Int64N(1000) // a clock that was set back
	default:
		v.ref.now += v.r.Int64N(1e6)
	}
	v.clock.Store(v.ref.now)
	// Mostly those who may do something, or most answers would be refusals.
	as, in := pick(v.r, "operator", "editor", "editor", pick(v.r, v.names...)), pick(v.r, v.shelf, v.shelf, v.other, pick(v.r, v.ids...))
	may := v.rights[as][in]
	switch n := v.r.IntN(20); {
	case n < 6:
		v.post(as, in, may)
	case n < 8:
		v.remove(as, in, may)
	default:
		v.read(as, in, may)
	}
}

func (v *rival) count(what string, status int) { v.counts[fmt.Sprint(what, " ", status)]++ }

// number is that of an object: among few, so that they meet again, and ever new ones.
func (v *rival) number() int { return v.step/60 + v.r.IntN(6) }

func (v *rival) id(typ string) string {
	return fmt.Sprintf("%s--00000000-0000-4000-8000-%012x", typ, v.number())
}

var modelTypes = []string{"tool", "malware", "ipv4-addr", "x-odd"}

// timestamp is one of few moments in one of several texts.
func (v *rival) timestamp() string {
	fraction := pick(v.r, "", "", ".0", ".000", ".1", ".100", ".1000000001", ".100000", ".100000000000000000000000000000", ".123456789", ".1234567")
	s := fmt.Sprintf("2021-03-04T05:06:%02d%sZ", v.r.IntN(4), fraction)
	v.moments = append(v.moments, s)
	return s
}

// object makes up an object, or what is none.
func (v *rival) object() refObject {
	if v.r.IntN(12) == 0 {
		return v.badObject()
	}
	o := refObject{typ: pick(v.r, modelTypes...), spec: "2.1"}
	o.id = v.id(o.typ)
	members := []string{`"type":"` + o.typ + `"`, `"id":"` + o.id + `"`}
	created, modified := "2020-01-01T00:00:00Z", v.timestamp()
	switch {
	case o.typ == "ipv4-addr":
		created, modified = "", ""
	case o.typ == "x-odd" && v.r.IntN(3) > 0:
		created, modified = "", ""
	case v.r.IntN(8) == 0:
		created, modified = modified, ""
	}
	if o.typ == "tool" && v.r.IntN(3) == 0 {
		o.spec = "2.0" // by saying nothing
	} else {
		members = append(members, `"spec_version":"2.1"`)
	}
	for name, s := range map[string]string{"created": created, "modified": modified} {
		if s != "" {
			members = append(members, `"`+name+`":"`+s+`"`)
		}
	}
	if o.stamp = modified; o.stamp == "" {
		o.stamp = created
	}
	if o.stamp != "" {
		o.moment = refMoment(o.stamp)
	}
	name := pick(v.r, "a", "a", "b", "é", "\u202e")
	o.contents = strings.Join([]string{o.id, o.spec, created, modified, name}, " ")
	members = append(members, `"name":`+pick(v.r, `"`+name+`"`, fmt.Sprintf(`"\u%04x"`, []rune(name)[0])))
	v.r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	o.body = "{" + strings.Join(members, pick(v.r, ",", ",", ", ", " ,\n\t")) + "}"
	return o
}

func (v *rival) badObject() refObject {
	id, stamp := v.id("tool"), v.timestamp()
	return pick(v.r,
		refObject{bad: true, body: `7`},
		refObject{bad: true, body: `{}`},
		refObject{bad: true, body: `{"type":"tool","id":5}`},
		refObject{bad: true, body: `{"type":"tool","id":"tool--x","created":"` + stamp + `"}`, id: "tool--x", stamp: stamp},
		refObject{bad: true, body: `{"type":"malware","id":"` + id + `","created":"2020-01-01T00:00:00Z","modified":"` + stamp + `"}`, id: id, stamp: stamp},
		refObject{bad: true, body: `{"type":"tool","id":"` + id + `","modified":"yesterday"}`, id: id, stamp: "yesterday"},
		refObject{bad: true, body: `{"type":"tool","id":"` + id + `","modified":"` + stamp + `","n":9007199254740993}`, id: id, stamp: stamp},
		refObject{bad: true, body: `{"type":"tool","id":"` + id + `","modified":"` + stamp + `","n":1,"n":1}`, id: id, stamp: stamp},
		refObject{bad: true, body: `{"type":"tool","id":"` + id + `","modified":"` + stamp + `","confidence":"much"}`, id: id, stamp: stamp},
	)
}

func (v *rival) post(as, in, may string) {
	var objects []refObject
	var bodies []string
	for range v.r.IntN(8) {
		o := v.object()
		objects, bodies = append(objects, o), append(bodies, o.body)
	}
	if len(objects) > 0 && v.r.IntN(3) == 0 { // and once more
		objects, bodies = append(objects, objects[0]), append(bodies, bodies[0])
	}
	q := request{method: "POST", path: "/api1/collections/" + in + "/objects/", as: as, body: `{"objects":[` + strings.Join(bodies, ",") + `]}`, chunked: v.r.IntN(2) == 0}
	want := 202
	switch {
	case may == "":
		want = 404
	case v.r.IntN(20) == 0:
		q.header, want = map[string]string{"Content-Type": "application/json"}, 415
	case !strings.Contains(may, "w"):
		want = 403
	}
	got := v.do(q)
	v.count("POST", want)
	if got.status != want {
		v.t.Errorf("%s posts %s: %d %s, want %d", as, q.body, got.status, got.body, want)
	}
	if want != 202 || got.status != 202 {
		return
	}
	st := decode[taxii.Status](v.t, got)
	c := v.collections[in]
	var successes, failures []string
	for i, o := range objects {
		if o.bad {
			if o.id == "" {
				o.id = fmt.Sprintf("objects[%d]", i)
			}
			if o.stamp == "" {
				o.stamp = refTime(v.ref.now)
			}
			failures = append(failures, o.id+" "+o.stamp+" refused")
			continue
		}
		version, outcome := c.submit(o)
		if outcome == "deleted" {
			if version == "" {
				version = refTime(v.ref.now)
			}
			failures = append(failures, o.id+" "+version+" deleted")
			continue
		}
		successes = append(successes, o.id+" "+version+" "+outcome)
	}
	v.dates = append(v.dates, c.added)
	tell := func(list []taxii.StatusDetail, otherwise string) (out []string) {
		for _, d := range list {
			word := otherwise
			for text, w := range map[string]string{"held already": "held already", "contested: ": "contested", "this version was deleted": "deleted"} {
				if strings.HasPrefix(d.Message, text) {
					word = w
				}
			}
			if word == "" && d.Message != "" && !strings.HasPrefix(d.Message, "warning: ") || word == "refused" && d.Message == "" {
				word = "a strange message: " + d.Message
			}
			out = append(out, d.ID+" "+d.Version+" "+word)
		}
		return out
	}
	if got := tell(st.Successes, ""); !slices.Equal(got, successes) || st.SuccessCount != len(successes) {
		v.t.Errorf("posted %s\nsuccesses %q\nwant      %q", q.body, got, successes)
	}
	if got := tell(st.Failures, "refused"); !slices.Equal(got, failures) || st.FailureCount != len(failures) {
		v.t.Errorf("posted %s\nfailures %q\nwant     %q", q.body, got, failures)
	}
	if st.Status != "complete" || st.TotalCount != len(objects) || st.PendingCount != 0 || st.RequestTimestamp != refTime(v.ref.now) {
		v.t.Errorf("%s", got.body)
	}
	other := pick(v.r, v.names...)
	if kept := v.get(other, "/api1/status/"+st.ID+"/"); (other == as) != (kept.status == 200) || (other == as) != (kept.body == got.body) {
		v.t.Errorf("%s asks for the status of %s: %d %s", other, as, kept.status, kept.body)
	}
}

// versionFilter draws match[version]; its second result is a text that is wrong.
func (v *rival) versionFilter(f *refFilter) (text string) {
	switch v.r.IntN(6) {
	case 0, 1:
		return ""
	case 2:
		f.words = []string{"all"}
		return "all"
	}
	var parts []string
	for _, word := range []string{"first", "last"} {
		if v.r.IntN(3) == 0 {
			f.words, parts = append(f.words, word), append(parts, word)
		}
	}
	for range v.r.IntN(3) {
		s := v.timestamp()
		if len(v.dates) > 0 && v.r.IntN(3) == 0 { // as an object without a moment is named
			c := v.collections[pick(v.r, v.ids...)]
			if len(c.lines) > 0 {
				s = pick(v.r, c.lines...).version()
			}
			s = strings.TrimSuffix(s, "Z") + pick(v.r, "", "", "0", "01")
			if !strings.Contains(s, ".") {
				s = s[:19]
			}
			s += "Z"
		}
		if !slices.Contains(f.exacts, refMoment(s)) {
			f.exacts, parts = append(f.exacts, refMoment(s)), append(parts, s)
		}
	}
	v.r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return strings.Join(parts, ",")
}

func (v *rival) specFilter(f *refFilter) string {
	switch v.r.IntN(8) {
	case 0:
		f.specs = []string{"2.0"}
	case 1:
		f.specs = []string{"2.1"}
	case 2:
		f.specs = []string{"2.1", "2.0"}
	case 3:
		f.specs = []string{"3.0"}
	}
	return strings.Join(f.specs, ",")
}

var modelNonsense = []string{"match[version]=all,last", "match[version]=never", "match[version]=", "match[spec_version]=two",
	"match[spec_version]=2.1&match[spec_version]=2.1", "match[version]=last,last", "match[version]=2021-03-04T05:06:07Z,2021-03-04T05:06:07.0Z", "%zz"}

func (v *rival) remove(as, in, may string) {
	id := v.id(pick(v.r, modelTypes...))
	c := v.collections[in]
	if len(c.lines) > 0 && v.r.IntN(4) > 0 {
		id = c.lines[max(0, len(c.lines)-1-v.r.IntN(10))].id
	}
	var f refFilter
	query := url.Values{}
	for name, value := range map[string]string{"match[version]": v.versionFilter(&f), "match[spec_version]": v.specFilter(&f)} {
		if value != "" {
			query.Set(name, value)
		}
	}
	raw, nonsense := query.Encode(), v.r.IntN(15) == 0
	if nonsense {
		raw = pick(v.r, append(modelNonsense, "match[type]=tool", "limit=1", "added_after=2020-01-01T00:00:00Z")...)
	}
	want := 200
	switch {
	case may == "":
		want = 404
	case nonsense:
		want = 400
	case may != "rw":
		want = 403
	default:
		if !c.remove(id, f) {
			want = 404
		}
	}
	v.dates = append(v.dates, c.added)
	v.count("DELETE", want)
	got := v.do(request{method: "DELETE", path: "/api1/collections/" + in + "/objects/" + id + "/?" + raw, as: as})
	if got.status != want || want == 200 && got.body != "" {
		v.t.Errorf("%s deletes %s?%s: %d %s, want %d", as, id, raw, got.status, got.body, want)
	}
}

// read draws a GET of one of the four endpoints, from the beginning or from a cursor.
func (v *rival) read(as, in, may string) {
	at := pick(v.r, "objects", "objects", "manifest", "object", "versions")
	id := ""
	if at == "object" || at == "versions" {
		id = v.id(pick(v.r, modelTypes...))
		if c := v.collections[in]; len(c.lines) > 0 && v.r.IntN(4) > 0 {
			id = c.lines[max(0, len(c.lines)-1-v.r.IntN(20))].id
		}
	}
	var f refFilter
	query := url.Values{}
	limit, after, wrong, filters := 0, 0, false, ""
	if len(v.cursors) > 0 && v.r.IntN(3) == 0 {
		c := v.cursors[max(0, len(v.cursors)-1-v.r.IntN(40))]
		query.Set("next", c.text)
		f, limit, after, filters = c.filter, c.limit, c.after, c.query
		if v.r.IntN(8) > 0 {
			in, at, id = c.in, c.at, c.id
			may = v.rights[as][in]
		}
		wrong = in != c.in || at != c.at || id != c.id
		switch v.r.IntN(6) {
		case 0: // the filters sent again
			again, err := url.ParseQuery(c.query)
			v.must(err)
			for name := range again {
				query.Set(name, again.Get(name))
			}
		case 1: // another filter
			query.Set("added_after", "2001-01-01T00:00:00Z")
			wrong = true
		case 2:
			query.Set("next", c.text[:len(c.text)-1])
			wrong = true
		}
	} else {
		set := func(name, value string) {
			if value != "" {
				query.Set(name, value)
			}
		}
		if len(v.dates) > 0 && v.r.IntN(3) == 0 {
			f.after = v.dates[max(0, len(v.dates)-1-v.r.IntN(30))] + v.r.Int64N(3) - 1
			set("added_after", strings.TrimSuffix(refTime(f.after), "Z")+pick(v.r, "Z", "Z", "999Z", "+00:00"))
		}
		if id == "" && v.r.IntN(5) == 0 {
			for range 1 + v.r.IntN(4) {
				f.ids = append(f.ids, v.id(pick(v.r, modelTypes...)))
			}
			set("match[id]", strings.Join(f.ids, ","))
		}
		if id == "" && v.r.IntN(4) == 0 {
			for range 1 + v.r.IntN(3) {
				f.types = append(f.types, pick(v.r, "x-none", pick(v.r, modelTypes...)))
			}
			set("match[type]", strings.Join(f.types, ","))
		}
		if at != "versions" {
			set("match[version]", v.versionFilter(&f))
		} else {
			f.words = []string{"all"}
		}
		set("match[spec_version]", v.specFilter(&f))
		filters = query.Encode()
	}
	if v.r.IntN(2) == 0 {
		limit = 1 + v.r.IntN(modelPage+4)
		query.Set("limit", fmt.Sprint(limit))
	}
	raw := query.Encode()
	if v.r.IntN(40) == 0 {
		raw, wrong = raw+"&"+pick(v.r, "limit=0", "limit=-1", "limit=1&limit=1", "added_after=2020-01-01", "match[spec_version]=two", "match[x]=1&match[x]=1", "next=AAAA&limit=%20"), true
	}
	v.compare(as, in, may, at, id, raw, filters, f, limit, after, wrong)
}

func (v *rival) compare(as, in, may, at, id, raw, filters string, f refFilter, limit, after int, wrong bool) {
	path := "/api1/collections/" + in + map[string]string{"objects": "/objects/", "manifest": "/manifest/", "object": "/objects/" + id + "/", "versions": "/objects/" + id + "/versions/"}[at]
	got := v.get(as, path+"?"+raw)
	say := func(format string, args ...any) {
		v.t.Errorf("%s asks %s?%s (%s):\n%s", as, path, raw, at, fmt.Sprintf(format, args...))
	}
	c, want := v.collections[in], 200
	if id != "" {
		f.ids = []string{id}
	}
	if limit = min(limit, modelPage); limit == 0 {
		limit = modelPage
	}
	lines, more := c.page(f, after, limit)
	switch {
	case may == "":
		want = 404
	case wrong:
		want = 400
	case !strings.Contains(may, "r"):
		want = 403
	case at == "object" && len(lines) == 0:
		anywhere := f
		anywhere.after = 0
		if held, _ := c.page(anywhere, 0, 1); len(held) == 0 {
			want = 404
		}
	case at == "versions" && len(lines) == 0:
		if !slices.ContainsFunc(c.lines, func(l *refLine) bool { return l.id == id }) {
			want = 404
		}
	}
	v.count(at, want)
	if got.status != want {
		say("%d %s, want %d", got.status, got.body, want)
		return
	}
	if want != 200 {
		if e := decode[taxii.Error](v.t, got); e.HTTPStatus != fmt.Sprint(want) || e.Title == "" {
			say("%s", got.body)
		}
		return
	}
	var head struct {
		Next string `json:"next"`
	}
	v.must(json.Unmarshal([]byte(got.body), &head))
	var parts []string
	first, last := "", ""
	for i, l := range lines {
		if last = refTime(l.added); i == 0 {
			first = last
		}
		switch at {
		case "manifest":
			parts = append(parts, fmt.Sprintf(`{"id":"%s","date_added":"%s","version":"%s","media_type":"application/stix+json;version=%s"}`, l.id, last, l.version(), l.spec))
		case "versions":
			parts = append(parts, `"`+l.version()+`"`)
		default:
			parts = append(parts, v.ref.bodies[l.contents])
		}
	}
	members := []string{}
	if more {
		members = append(members, `"more":true,"next":"`+head.Next+`"`)
		v.cursors = append(v.cursors, refCursor{head.Next, in, at, id, filters, f, limit, lines[len(lines)-1].order})
		if head.Next == "" {
			say("there is no next")
		}
	}
	if len(parts) > 0 {
		name := "objects"
		if at == "versions" {
			name = at
		}
		members = append(members, `"`+name+`":[`+strings.Join(parts, ",")+`]`)
		v.counts["lines of "+at] += len(parts)
	}
	if text := "{" + strings.Join(members, ",") + "}\n"; got.body != text {
		say("%swant\n%s", got.body, text)
	}
	if a, b := got.header.Get("X-TAXII-Date-Added-First"), got.header.Get("X-TAXII-Date-Added-Last"); a != first || b != last {
		say("dates %q and %q, want %q and %q", a, b, first, last)
	}
}
