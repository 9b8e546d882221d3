package api

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entente"
	"entente/store"
	"entente/store/storetest"
	"entente/taxii"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"
)

var hostileObjects = flag.Int("hostile-objects", 200_000, "how many objects the large envelope of TestHostileManyObjects has; a million by itself takes a while")

// onEngines runs a test in a world on each engine that can be tried here.
func onEngines(t *testing.T, cfg Config, most int64, f func(*world)) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) { f(newWorldOn(t, cfg, newURL(t), most)) })
	}
}

func hostileWorld(t *testing.T, cfg Config, most int64) *world {
	return newWorldOn(t, cfg, filepath.Join(t.TempDir(), "node.db"), most)
}

// stream posts a body that is never whole in memory.
func (w *world) stream(length int64, body io.Reader) reply {
	w.t.Helper()
	r, err := http.NewRequest("POST", w.base+w.at("objects/"), body)
	w.must(err)
	r.ContentLength = length
	r.Header.Set("Content-Type", taxii.MediaType)
	r.Header.Set("Authorization", "Bearer operator")
	return w.send(r)
}

// repeated is n times a text.
type repeated struct {
	text string
	n, i int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.n == 0 {
			return n, io.EOF
		}
		m := copy(p[n:], r.text[r.i:])
		n += m
		if r.i += m; r.i == len(r.text) {
			r.i, r.n = 0, r.n-1
		}
	}
	return n, nil
}

// peak gives by how many bytes the heap in use grew at most while f ran.
func peak(f func()) int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, m.HeapInuse
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	<-ended
	return int64(most - before)
}

func (w *world) serves(want ...string) {
	w.t.Helper()
	r := w.get("operator", w.at("objects/")+"?match[version]=all")
	if text := `{"objects":[` + strings.Join(want, ",") + "]}\n"; r.body != text {
		w.t.Errorf("served %.2000q\nwant   %.2000q", r.body, text)
	}
}

// Clients that send a byte now and then are let go, and are in nobody's way meanwhile.
func TestHostileSlowClients(t *testing.T) {
	w := hostileWorld(t, Config{Patience: 200 * time.Millisecond, HeaderTimeout: 200 * time.Millisecond, MaxPerAccount: 100}, 1<<20)
	var wg sync.WaitGroup
	trickle := func(c net.Conn, text string) {
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	body := halfBody + indicator(1, 0) + "," + strings.Repeat(" ", 5000) + restOfBody
	for range 20 {
		head, posted := w.open("GET"), w.open(w.posting("operator", len(body)))
		wg.Go(func() { trickle(head, " /taxii2/ HTTP/1.1\r\nHost: "+strings.Repeat("n", 5000)) })
		wg.Go(func() { trickle(posted, body) })
		wg.Go(func() {
			// What has come by then may be no request at all.
			if r, err := readReply(t, head); err == nil && r.status != 408 && r.status != 400 {
				t.Errorf("slow headers: %d", r.status)
			}
		})
		wg.Go(func() {
			r, err := readReply(t, posted)
			if err == nil && r.status != 408 {
				t.Errorf("a slow body: %d %s", r.status, r.body)
			}
		})
	}
	for range 20 {
		if r := w.get("operator", "/taxii2/"); r.status != 200 {
			t.Errorf("beside slow clients: %d %s", r.status, r.body)
		}
	}
	wg.Wait()
}

// An object of 100 MB is refused by itself: what stands around it is taken, and it is
// never in memory as a whole. Where the body may not be as long, all of it is refused.
func TestHostileLongString(t *testing.T) {
	const long = 100 << 20
	head, tail := halfBody+indicator(1, 0)+`,{"type":"tool","id":"tool--00000000-0000-4000-8000-000000000001","name":"`, `"},`+indicator(2, 0)+restOfBody
	send := func(w *world) (r reply) {
		body := io.MultiReader(strings.NewReader(head), &repeated{text: "long", n: long / 4}, strings.NewReader(tail))
		grew := peak(func() { r = w.stream(int64(len(head)+long+len(tail)), body) })
		t.Logf("the heap grew by %d MiB", grew>>20)
		if grew > 100<<20 {
			t.Errorf("the heap grew by %d MiB", grew>>20)
		}
		return r
	}
	w := hostileWorld(t, Config{}, 2*long)
	r := send(w)
	if r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	st := decode[taxii.Status](t, r)
	if st.SuccessCount != 2 || st.FailureCount != 1 || st.Failures[0].ID != "objects[1]" || !strings.Contains(st.Failures[0].Message, "longer than") {
		t.Errorf("%+v", st)
	}
	w.serves(indicator(1, 0), indicator(2, 0))

	w = hostileWorld(t, Config{}, 1<<20)
	if r := send(w); r.status != 413 {
		t.Errorf("%d %s", r.status, r.body)
	}
	w.serveNothing()
}

func (w *world) serveNothing() {
	w.t.Helper()
	if r := w.get("operator", w.at("objects/")); r.body != "{}\n" {
		w.t.Errorf("%.300s", r.body)
	}
}

// Nesting of any depth costs its object and nothing else.
func TestHostileNesting(t *testing.T) {
	w := hostileWorld(t, Config{}, 16<<20)
	var want []string
	for i, depth := range []int{90, 101, 10_000, 10_001, 1_000_000} {
		deep := strings.Replace(indicator(100+i, 0), `"pattern_type"`, `"x_deep":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`,"pattern_type"`, 1)
		objects := strings.Replace(indicator(200+i, 0), `"pattern_type"`, `"x_deep":`+strings.Repeat(`{"a":`, depth)+"0"+strings.Repeat("}", depth)+`,"pattern_type"`, 1)
		st := w.post("operator", indicator(i, 0), deep, objects, indicator(i, 1))
		if depth == 90 {
			want = append(want, indicator(i, 0), deep, objects, indicator(i, 1))
			if st.SuccessCount != 4 {
				t.Errorf("%d deep: %+v", depth, st)
			}
			continue
		}
		want = append(want, indicator(i, 0), indicator(i, 1))
		if st.SuccessCount != 2 || st.FailureCount != 2 || !strings.Contains(st.Failures[0].Message+st.Failures[1].Message, "nested deeper") {
			t.Errorf("%d deep: %+v", depth, st)
		}
	}
	w.serves(want...)
	// Beside the objects, depth is passed over; where nothing ends, the body is malformed.
	for body, status := range map[string]int{
		`{"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `,"objects":[]}`: 202,
		strings.Repeat(`{"objects":[`, 100_000):                                                  422,
		strings.Repeat("[", 1_000_000):                                                           422,
		halfBody + strings.Repeat(`{"a":`, 1_000_000):                                            422,
	} {
		if r := w.do(request{method: "POST", path: w.at("objects/"), as: "operator", body: body}); r.status != status {
			t.Errorf("%.20s…: %d %.300s, want %d", body, r.status, r.body, status)
		}
	}
}

// An envelope of very many objects is dealt with to its end, and its status does not grow
// with it beyond a limit.
func TestHostileManyObjects(t *testing.T) {
	w := hostileWorld(t, Config{}, 1<<30)
	n := *hostileObjects
	head, tail := halfBody+indicator(1, 0)+",", indicator(2, 0)+restOfBody
	var r reply
	grew := peak(func() {
		r = w.stream(int64(len(head)+3*n+len(tail)), io.MultiReader(strings.NewReader(head), &repeated{text: "{},", n: n}, strings.NewReader(tail)))
	})
	t.Logf("the heap grew by %d MiB for %d objects and an answer of %d MiB", grew>>20, n, len(r.body)>>20)
	if r.status != 202 {
		t.Fatalf("%d %.300s", r.status, r.body)
	}
	st := decode[taxii.Status](t, r)
	if st.SuccessCount != 2 || len(st.Successes) != 2 || st.FailureCount != n || len(st.Failures) != min(n, maxDetails) || st.TotalCount != n+2 {
		t.Errorf("%d and %d of %d; %d failures are told", st.SuccessCount, st.FailureCount, st.TotalCount, len(st.Failures))
	}
	if grew > 150<<20 {
		t.Errorf("the heap grew by %d MiB", grew>>20)
	}
	w.serves(indicator(1, 0), indicator(2, 0))
	if again := w.get("operator", "/api1/status/"+st.ID+"/"); again.body != r.body {
		t.Error("the status that is kept is another")
	}
}

// Timestamps of any number of digits, numbers at their limits.
func TestHostileTimesAndNumbers(t *testing.T) {
	onEngines(t, Config{}, 1<<20, func(w *world) {
		t := w.t
		var want []string
		digits := func(n int) string { return strings.Repeat("0", n-1) + "1" }
		for i, fraction := range []string{"", "." + digits(1), "." + digits(6), "." + digits(9), "." + digits(30), "." + digits(107), "." + digits(108), ".", ".1x"} {
			stamp := "2020-01-01T00:00:00" + fraction + "Z"
			o := strings.Replace(indicator(i, 0), `"modified":"`+minute(0), `"modified":"`+stamp, 1)
			st := w.post("operator", o)
			if good := len(stamp) <= 128 && i < 7; good != (st.SuccessCount == 1) {
				t.Errorf("%s: %+v", stamp, st)
			} else if good {
				want = append(want, o)
				one := w.get("operator", w.at("objects/")+"?match[version]="+stamp)
				if one.body != `{"objects":[`+o+"]}\n" || st.Successes[0].Version != stamp {
					t.Errorf("%s: %s", stamp, one.body)
				}
			}
		}
		for i, c := range []struct {
			number string
			taken  bool
		}{
			{"9007199254740991", true}, {"-9007199254740991", true}, {"9007199254740992", false}, {"-9007199254740993", false},
			{"1e15", true}, {"1e16", false}, {"1e400", false}, {"-1e400", false}, {"1e-400", true}, {"0.1000000000000000055511151231257827", true},
			{strings.Repeat("9", 1000), false}, {"0." + strings.Repeat("3", 10_000), true}, {"-0", true}, {"01", false}, {"NaN", false}, {"1e99999999999999999999", false},
		} {
			o := strings.Replace(indicator(100+i, 0), `"pattern_type"`, `"x_n":[`+c.number+`],"pattern_type"`, 1)
			r := w.do(request{method: "POST", path: w.at("objects/"), as: "operator", body: halfBody + o + restOfBody})
			if taken := r.status == 202 && decode[taxii.Status](t, r).SuccessCount == 1; taken != c.taken || r.status >= 500 {
				t.Errorf("%.40s: %d %.300s", c.number, r.status, r.body)
			}
			if c.taken {
				want = append(want, o)
			}
		}
		w.serves(want...)
	})
}

// Characters that deceive readers or that an engine cannot store are served as they came,
// and do not stop the search.
func TestHostileText(t *testing.T) {
	onEngines(t, Config{}, 4<<20, func(w *world) {
		t := w.t
		with := func(n int, member string) string {
			return strings.Replace(indicator(n, 0), `"pattern_type"`, member+`,"pattern_type"`, 1)
		}
		objects := []string{
			with(1, `"name":"alpha\u0000omega \u202egnp.exe"`),
			with(2, `"name":"alpha `+"\u202e"+`gnp.exe`+"\u2066"+`"`),
			with(3, `"labels":["alpha\u0000"],"x_\u0000":{"\u0000":"\u0000"}`),
			with(4, `"name":"alpha '; DROP TABLE content; -- \\ \" % _ : & | ! ( ) <-> *"`),
			with(5, `"name":"alpha \ufffe\uffff\ufeff\u0001\u001f\u007f\u0085\u2028"`),
			with(6, `"name":"alpha `+strings.Repeat("w", 3000)+`"`),
			with(7, `"name":"alpha `+strings.Repeat("a\u0300\u0301\u0302", 2000)+`"`),
			with(8, `"name":"alpha 𝔄𝔅 \ud835\udd04 İ ß ﬁ"`),
			with(9, `"name":"alpha `+words(20_000)+`"`),
			with(10, `"x_alpha":"alpha","X_ALPHA":"","":"","x_empty":""`),
		}
		if st := w.post("operator", objects...); st.SuccessCount != len(objects) {
			t.Fatalf("%+v", st.Failures)
		}
		w.serves(objects...)
		for name, bad := range map[string]string{
			"not UTF-8": with(20, "\"name\":\"\xff\xfe\""), "half of a pair": with(21, `"name":"\ud800"`), "a control character": with(22, "\"name\":\"\x00\""),
			"NUL in an id":   `{"type":"tool","id":"tool--\u0000"}`,
			"NUL in a type":  `{"type":"to\u0000ol","id":"tool--00000000-0000-4000-8000-000000000001"}`,
			"NUL in a stamp": strings.Replace(indicator(23, 0), minute(0), `2020\u0000`, 1),
		} {
			r := w.do(request{method: "POST", path: w.at("objects/"), as: "operator", body: halfBody + bad + restOfBody})
			if r.status == 422 && !strings.HasPrefix(name, "NUL") {
				continue // the body is no JSON
			}
			st := decode[taxii.Status](t, r)
			if st.FailureCount != 1 {
				t.Errorf("%s: %+v", name, st)
			}
			if r := w.get("operator", "/api1/status/"+st.ID+"/"); r.status != 200 || fmt.Sprint(decode[taxii.Status](t, r)) != fmt.Sprint(st) {
				t.Errorf("%s: the status is %d %q, and was %+v", name, r.status, r.body, st)
			}
		}
		ctx := t.Context()
		w.must(w.node.CatchUp(ctx, nil))
		for text, want := range map[string]int{
			"alpha": len(objects), "omega": 1, "alpha\x00omega": 1, "gnp": 2, `"drop table"`: 1, "alp*": len(objects), "'; DROP": 1, "\u202egnp": 2,
			"word5000x": 1, "\\": -1, "\x00": -1, `"`: -1, "*": -1, "alpha & !omega": 1, "( alpha )": len(objects), strings.Repeat("w", 3000): -2,
		} {
			found, err := w.node.Search(ctx, entente.LocalActor(), text, nil, 100)
			switch {
			case want == -1 && entente.KindOf(err) == entente.Invalid, want == -2 && err == nil: // engines differ on words that long
			case err != nil || len(found) != want:
				t.Errorf("search for %.40q: %d, %v; want %d", text, len(found), err, want)
			}
		}
		for _, h := range []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("opera\x00tor:x")), "Basic " + base64.StdEncoding.EncodeToString([]byte("\xff:\x00")), "Bearer %00", "Bearer \u202e"} {
			if r := w.do(request{method: "GET", path: "/taxii2/", header: map[string]string{"Authorization": h}}); r.status != 401 {
				t.Errorf("%q: %d %s", h, r.status, r.body)
			}
		}
		for _, path := range []string{"/api1/status/%00/", "/%00/", w.at("objects/%00/"), w.at("objects/tool--%E2%80%AE/"), "/api1/collections/%E2%80%AE/", "/api1/collections/" + strings.Repeat("a", 60_000) + "/"} {
			if r := w.get("operator", path); r.status != 404 {
				t.Errorf("%.60s: %d %s", path, r.status, r.body)
			}
		}
		for _, query := range []string{"match[id]=%00", "match[type]=%00", "match[version]=%00", "match[spec_version]=%00", "added_after=%00", "next=%00", "limit=%00", "match[type]=%E2%80%AE", "match[id]=" + strings.Repeat("x", 60_000)} {
			if r := w.get("operator", w.at("objects/")+"?"+query); r.status != 400 {
				t.Errorf("%.60s: %d %s", query, r.status, r.body)
			}
		}
		w.quiet()
	})
}

// words is text of n different words.
func words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "word%dx ", i)
	}
	return b.String()
}

// quiet holds that no request failed within the node.
func (w *world) quiet() {
	w.t.Helper()
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for line := range strings.Lines(w.log.text.String()) {
		if strings.Contains(line, "level=ERROR") {
			w.t.Errorf("%.500s", line)
		}
	}
}

// Cursors that this node did not give for this request are refused, in one way; one
// that it gave to another account is judged by the rights of who uses it.
func TestHostileCursors(t *testing.T) {
	w, foreign := hostileWorld(t, Config{}, 1<<20), hostileWorld(t, Config{}, 1<<20)
	w.account("reader")
	w.account("stranger")
	for _, c := range []string{w.shelf, w.other} {
		w.make(entente.SetGrant{Account: w.readers["reader"], Collection: c, Read: true})
	}
	in := func(c string) string { return "/api1/collections/" + c + "/objects/" }
	next := func(w *world, as, c, query string) string {
		for _, c := range []string{w.shelf, w.other} {
			w.do(request{method: "POST", path: in(c), as: "operator", body: halfBody + indicator(1, 0) + "," + indicator(2, 0) + "," + indicator(3, 0) + restOfBody})
		}
		n := decode[served](t, w.get(as, in(c)+"?limit=1"+query)).Next
		if n == "" {
			t.Fatal("no cursor")
		}
		return n
	}
	own := next(w, "operator", w.shelf, "")
	refused := w.get("reader", in(w.shelf)+"?next=AAAA").body
	bad := map[string]string{
		"another collection's": next(w, "operator", w.other, ""),
		"another node's":       next(foreign, "operator", foreign.shelf, ""),
		"empty of meaning":     base64.RawURLEncoding.EncodeToString(make([]byte, 100)),
		"padded":               own + "=",
		"longer":               own + "AAAA",
		"twice":                own + own,
		"very long":            strings.Repeat("A", 50_000),
		"a path":               "../../etc/passwd",
		"a blank":              own + " ",
	}
	raw, err := base64.RawURLEncoding.DecodeString(own)
	w.must(err)
	for i := range len(raw) * 8 {
		flipped := bytes.Clone(raw)
		flipped[i/8] ^= 1 << (i % 8)
		bad[fmt.Sprintf("bit %d", i)] = base64.RawURLEncoding.EncodeToString(flipped)
	}
	for i := range own {
		bad[fmt.Sprintf("first %d", i+1)] = own[:i+1]
	}
	delete(bad, fmt.Sprintf("first %d", len(own)))
	for name, c := range bad {
		if r := w.get("reader", in(w.shelf)+"?next="+url.QueryEscape(c)); r.status != 400 || r.body != refused {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	for as, want := range map[string]int{"operator": 200, "reader": 200, "stranger": 404, "nobody": 401} {
		if r := w.get(as, in(w.shelf)+"?next="+own); r.status != want {
			t.Errorf("%s: %d %s", as, r.status, r.body)
		}
	}
	w.make(entente.SetGrant{Account: w.readers["reader"], Collection: w.shelf})
	if r := w.get("reader", in(w.shelf)+"?next="+own); r.status != 404 {
		t.Errorf("a cursor outlives the right to read: %d %s", r.status, r.body)
	}
}

// A thousand collections: lists are whole and in order, and each holds its own.
func TestHostileManyCollections(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			database := newURL(t)
			manyCollections(t, newWorldOn(t, Config{}, database, 1<<20), storetest.Open(t, database))
		})
	}
}

func manyCollections(t *testing.T, w *world, st *store.Store) {
	const many = 1000
	w.account("reader")
	ids := []string{w.shelf, w.other}
	// In one transaction, for a commit takes longer than all the rest.
	w.must(st.Update(t.Context(), func(tx *store.Tx) error {
		for i := range int64(many - 2) {
			id, err := w.node.NewID()
			if err == nil {
				err = tx.Apply(t.Context(), entente.Change{Collection: &entente.Collection{
					ID: id, Root: "api1", Name: fmt.Sprint("C", i), Alias: fmt.Sprint("c", i), Created: start, Feed: 10_000 + i}})
			}
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	}))
	granted := []string{ids[2], ids[many/2], ids[many-1]}
	for i, id := range granted {
		w.make(entente.SetGrant{Account: w.readers["reader"], Collection: id, Read: true, Write: i == 0})
		r := w.do(request{method: "POST", path: "/api1/collections/" + id + "/objects/", as: "operator", body: halfBody + indicator(i, 0) + "," + indicator(9, i) + restOfBody})
		if r.status != 202 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	slices.Sort(ids)
	for as, want := range map[string][]string{"operator": ids, "reader": slices.Sorted(slices.Values(granted))} {
		var got []string
		for _, c := range decode[taxii.Collections](t, w.get(as, "/api1/collections/")).Collections {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sees %d collections, want %d", as, len(got), len(want))
		}
	}
	for i, id := range granted {
		r := w.get("reader", "/api1/collections/"+id+"/objects/")
		if r.body != halfBody+indicator(i, 0)+","+indicator(9, i)+restOfBody+"\n" {
			t.Errorf("collection %d: %s", i, r.body)
		}
	}
	for i := 0; i < many; i += 25 {
		if want, r := slices.Contains(granted, ids[i]), w.get("reader", "/api1/collections/"+ids[i]+"/"); want != (r.status == 200) || !want && r.status != 404 {
			t.Errorf("collection %s: %d", ids[i], r.status)
		}
	}
	w.must(w.node.CatchUp(t.Context(), nil))
	if found, err := w.node.Search(t.Context(), entente.LocalActor(), "198.51.100.1", nil, 10); err != nil || len(found) != 0 {
		t.Errorf("%d %v", len(found), err)
	}
}

// A thousand clients at once: each gets an answer, or is told to come again. Afterwards
// nothing is left of them.
func TestHostileManyConnections(t *testing.T) {
	w := hostileWorld(t, Config{}, 1<<20)
	for i := range 20 {
		w.post("operator", indicator(i, 0))
	}
	w.client.CloseIdleConnections()
	before := goleak.IgnoreCurrent()
	const many = 1000
	var mu sync.Mutex
	answers := map[int]int{}
	grew := peak(func() {
		var ready, wg sync.WaitGroup
		begin := make(chan struct{})
		ready.Add(many)
		for i := range many {
			wg.Go(func() {
				transport := &http.Transport{}
				defer transport.CloseIdleConnections()
				client := &http.Client{Transport: transport, Timeout: time.Minute}
				r, err := http.NewRequest("GET", w.base+w.at("objects/"), nil)
				if i%4 == 0 {
					r, err = http.NewRequest("POST", w.base+w.at("objects/"), strings.NewReader(halfBody+indicator(1000+i, 0)+restOfBody))
				}
				ready.Done()
				<-begin
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer operator")
				r.Header.Set("Content-Type", taxii.MediaType)
				res, err := client.Do(r)
				if err != nil {
					t.Errorf("no answer: %v", err)
					return
				}
				defer res.Body.Close()
				text, err := io.ReadAll(res.Body)
				var any map[string]any
				if err != nil || json.Unmarshal(text, &any) != nil {
					t.Errorf("%d, and its body %v %.100s", res.StatusCode, err, text)
				}
				if res.StatusCode >= 400 && res.Header.Get("Retry-After") == "" {
					t.Errorf("%d without Retry-After: %s", res.StatusCode, text)
				}
				mu.Lock()
				answers[res.StatusCode]++
				mu.Unlock()
			})
		}
		ready.Wait()
		close(begin)
		wg.Wait()
	})
	t.Logf("answers %v, the heap grew by %d MiB", answers, grew>>20)
	if answers[200] == 0 || answers[202] == 0 || answers[200]+answers[202]+answers[429]+answers[503] != many {
		t.Errorf("answers: %v", answers)
	}
	if grew > 512<<20 {
		t.Errorf("the heap grew by %d MiB", grew>>20)
	}
	// And a thousand that say nothing.
	var quiet []net.Conn
	for range many {
		quiet = append(quiet, w.open(""))
	}
	if r := w.get("operator", "/taxii2/"); r.status != 200 {
		t.Errorf("beside connections that say nothing: %d", r.status)
	}
	for _, c := range quiet {
		c.Close()
	}
	if got := len(decode[served](t, w.get("operator", w.at("objects/"))).Objects); got != 20+answers[202] {
		t.Errorf("%d objects are there, want %d", got, 20+answers[202])
	}
	w.client.CloseIdleConnections()
	if err := goleak.Find(before, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener")); err != nil {
		t.Error(err)
	}
	w.quiet()
}
