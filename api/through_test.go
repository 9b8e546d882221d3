package api

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"entente"
	"entente/node"
	"entente/store"
	"entente/store/storetest"
	"entente/taxii"
	"entente/terms"
)

// treaties is a world with two partners, each with a service and an agreement over the
// shelf: the harbour with "sea", the mountains with "hills", under which what is unmarked
// is stamped green. The editor is of home, and may read and write the shelf; ann and bob
// are releasers.
type treaties struct {
	*world
	st                 *store.Store
	partners, feeds    map[string]string // by name of the agreement: ids
	agreements, whoami map[string]string // ids by name; service by agreement
}

const microsecond, second = 1, 1_000_000

func newTreaties(t *testing.T, database string, of node.Config) *treaties {
	t.Helper()
	w := &treaties{world: newWorldOf(t, Config{}, database, of), st: storetest.Open(t, database), partners: map[string]string{}, feeds: map[string]string{},
		agreements: map[string]string{}, whoami: map[string]string{"sea": "harbour", "hills": "mountains"}}
	w.service("editor", "")
	w.make(entente.SetGrant{Account: w.readers["editor"], Collection: w.shelf, Read: true, Write: true})
	for _, name := range []string{"ann", "bob"} {
		w.person(name)
	}
	for _, name := range []string{"sea", "hills"} {
		who := w.whoami[name]
		w.partners[name] = w.make(entente.AddPartner{Name: "The " + who, Identities: []entente.ObjectID{identityOf(who)}})
		w.service(who, w.partners[name])
	}
	w.agree("sea", nil)
	w.agree("hills", func(t *entente.Terms) { t.Unmarked = entente.TLPGreen })
	return w
}

func identityOf(who string) entente.ObjectID {
	return entente.ObjectID(fmt.Sprintf("identity--00000000-0000-4000-8000-%012x", who[0]))
}

func (w *treaties) service(name, organisation string) {
	w.t.Helper()
	w.readers[name] = w.make(entente.AddAccount{Name: name, Organisation: organisation, Service: true})
	w.make(entente.AddToken{Account: w.readers[name], Hash: sha256.Sum256([]byte(name))})
}

func (w *treaties) person(name string) {
	w.t.Helper()
	w.readers[name] = w.make(entente.AddAccount{Name: name, Roles: []entente.Role{entente.Releaser}})
	w.make(entente.AddToken{Account: w.readers[name], Hash: sha256.Sum256([]byte(name))})
}

// agree makes an agreement over the shelf that is in force, with all of the backlog.
func (w *treaties) agree(name string, change func(*entente.Terms)) {
	w.t.Helper()
	ctx := w.t.Context()
	t := entente.Terms{Name: name, Title: "By the " + name, Purpose: "defence", Highest: entente.TLPGreen, Collections: []string{w.shelf},
		Members: []entente.Member{{Organisation: w.partners[name], Flow: entente.Both}}}
	if change != nil {
		change(&t)
	}
	num, err := w.st.Reserve(ctx, "agreement", 1, 0)
	w.must(err)
	feed, err := w.st.Reserve(ctx, "feed", 1, 0)
	w.must(err)
	id, err := w.node.NewID()
	w.must(err)
	w.feeds[name], err = w.node.NewID()
	w.must(err)
	w.agreements[name] = id
	a := entente.Agreement{Num: num, ID: id, Name: name, State: entente.Active, Version: 1, Terms: t, Hash: terms.Hash(t), Created: w.node.Now(),
		Feeds: []entente.ReleaseFeed{{ID: w.feeds[name], Collection: w.shelf, Feed: feed}}}
	w.apply(entente.Change{Agreement: &a, TermsVersion: &entente.TermsVersion{Number: 1, Hash: a.Hash, Canonical: terms.Canonical(t), File: []byte{}, Made: a.Created}})
	w.settle()
}

// alter changes the row of an agreement, and its terms in force.
func (w *treaties) alter(name string, change func(*entente.Agreement)) {
	w.t.Helper()
	var a *entente.Agreement
	w.must(w.st.View(w.t.Context(), func(tx *store.Tx) (err error) {
		a, err = tx.Agreement(w.t.Context(), name)
		return err
	}))
	was := a.Hash
	change(a)
	ch := entente.Change{Agreement: a}
	if a.Hash = terms.Hash(a.Terms); a.Hash != was {
		a.Version++
		ch.TermsVersion = &entente.TermsVersion{Number: a.Version, Hash: a.Hash, Canonical: terms.Canonical(a.Terms), File: []byte{}, Made: w.node.Now()}
	}
	w.apply(ch)
}

func (w *treaties) apply(c entente.Change) {
	w.t.Helper()
	w.must(w.st.Update(w.t.Context(), func(tx *store.Tx) error { return tx.Apply(w.t.Context(), c) }))
}

// settle lets a second go by, and the feeds come to rest.
func (w *treaties) settle() {
	w.t.Helper()
	w.clock.Add(second)
	w.must(w.node.SettleAll(w.t.Context()))
	w.clock.Add(second)
}

func (w *treaties) in(name, rest string) string {
	return "/" + name + "/collections/" + w.feeds[name] + "/" + rest
}

// posts posts as a partner through its agreement, or as the editor to the shelf ("").
func (w *treaties) posts(name string, objects ...string) taxii.Status {
	w.t.Helper()
	as, path := "editor", w.at("objects/")
	if name != "" {
		as, path = w.whoami[name], w.in(name, "objects/")
	}
	w.clock.Add(second)
	r := w.do(request{method: "POST", path: path, as: as, body: `{"objects":[` + strings.Join(objects, ",") + `]}`})
	if r.status != 202 {
		w.t.Fatalf("%d: %s", r.status, r.body)
	}
	return decode[taxii.Status](w.t, r)
}

// reads gives what a partner reads of its feed, or the editor of the shelf ("").
func (w *treaties) reads(name, query string) (out []string) {
	w.t.Helper()
	as, path := "editor", w.at("objects/")
	if name != "" {
		as, path = w.whoami[name], w.in(name, "objects/")
	}
	for next := ""; ; {
		r := w.get(as, path+"?limit=2&"+query+next)
		if r.status != 200 {
			w.t.Fatalf("%s: %d: %s", path, r.status, r.body)
		}
		p := decode[served](w.t, r)
		for _, o := range p.Objects {
			out = append(out, string(o))
		}
		if !p.More {
			return out
		}
		next = "&next=" + p.Next
	}
}

func (w *treaties) deletes(name string, id, query string) int {
	w.t.Helper()
	as, path := "editor", w.at("objects/")
	if name != "" {
		as, path = w.whoami[name], w.in(name, "objects/")
	}
	w.clock.Add(second)
	return w.do(request{method: "DELETE", as: as, path: path + id + "/" + query}).status
}

func (w *treaties) hold(what string, got, want []string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// report is malware number n in a version of minute m, with more properties.
func report(n, m int, more string) string {
	return fmt.Sprintf(`{"type":"malware","spec_version":"2.1","id":"%s","created":"2020-01-01T00:00:00.000Z","modified":"%s","name":"m%d","is_family":false%s}`,
		reportID(n), minute(m), n, more)
}

func reportID(n int) string { return fmt.Sprintf("malware--00000000-0000-4000-8000-%012x", n) }

const (
	greenMark = `,"object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]`
	redMark   = `,"object_marking_refs":["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]`
)

// eachTreaties runs a test on every engine.
func eachTreaties(t *testing.T, f func(*treaties)) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) { f(newTreaties(t, newURL(t), node.Config{MaxContentLength: 1 << 20})) })
	}
}

// Each partner finds its agreement as an API root of its own, and reads there what that
// releases; home's roots and collections, and other partners' agreements, it cannot tell
// from what does not exist.
func TestPartnersReadTheirAgreements(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		one, two, three := report(1, 0, greenMark), report(2, 0, ""), report(3, 0, redMark)
		w.posts("", one, two, three)
		w.settle()
		stamped := report(2, 0, greenMark)
		w.hold("sea", w.reads("sea", ""), []string{one})
		w.hold("hills", w.reads("hills", ""), []string{one, stamped})
		for as, want := range map[string][]string{"harbour": {"/sea/"}, "mountains": {"/hills/"}, "editor": {"/api1/"}, "operator": {"/api1/", "/hills/", "/sea/"}} {
			d := decode[taxii.Discovery](w.t, w.get(as, "/taxii2/"))
			if !slices.Equal(d.APIRoots, want) || d.Default != want[0] {
				w.t.Errorf("%s: %+v", as, d)
			}
		}
		root := decode[taxii.APIRoot](w.t, w.get("harbour", "/sea/"))
		if root.Title != "By the sea" || root.Description != "defence" || root.MaxContentLength != 1<<20 {
			w.t.Errorf("%+v", root)
		}
		all := decode[taxii.Collections](w.t, w.get("harbour", "/sea/collections/")).Collections
		if len(all) != 1 || all[0].ID != w.feeds["sea"] || all[0].Title != "Shelf" || all[0].Alias != "" || !all[0].CanRead || !all[0].CanWrite {
			w.t.Errorf("%+v", all)
		}
		// Who reads everything at home reads the very same, and changes nothing there.
		for _, rest := range []string{"objects/", "manifest/", "objects/" + reportID(2) + "/", "objects/" + reportID(2) + "/versions/"} {
			if a, b := w.raw(request{method: "GET", path: w.in("hills", rest), as: "mountains"}), w.raw(request{method: "GET", path: w.in("hills", rest), as: "operator"}); a != b {
				w.t.Errorf("%s:\n%s\n%s", rest, a, b)
			}
		}
		if r := w.do(request{method: "POST", path: w.in("sea", "objects/"), as: "operator", body: `{"objects":[]}`}); r.status != 403 {
			w.t.Errorf("an operator posts: %d", r.status)
		}
		if r := w.do(request{method: "DELETE", path: w.in("sea", "objects/"+reportID(1)+"/"), as: "operator"}); r.status != 403 {
			w.t.Errorf("an operator deletes: %d", r.status)
		}
		w.hidden()
	})
}

// hidden holds what accounts must not see against what does not exist, byte by byte.
func (w *treaties) hidden() {
	const unknown = "00000000-0000-4000-8000-000000000000"
	pairs := map[string][][2]string{
		"harbour": {
			{"/hills/", "/nills/"}, {"/api1/", "/npi1/"}, {"/hills/collections/", "/nills/collections/"}, {"/api1/collections/", "/npi1/collections/"},
			{w.in("hills", ""), "/nills/collections/" + unknown + "/"}, {w.at(""), "/npi1/collections/" + unknown + "/"},
			{"/sea/collections/" + w.feeds["hills"] + "/", "/sea/collections/" + unknown + "/"}, {"/sea/collections/" + w.shelf + "/", "/sea/collections/" + unknown + "/"},
			{"/sea/collections/shelf/", "/sea/collections/nhelf/"}, {"/sea/collections/Shelf/", "/sea/collections/Nhelf/"},
			{"/api1/collections/shelf/", "/api1/collections/nhelf/"}, {w.in("hills", "objects/"), "/nills/collections/" + unknown + "/objects/"},
			{"/" + w.agreements["sea"] + "/", "/" + unknown + "/"}, {"/" + w.agreements["hills"] + "/", "/" + unknown + "/"},
			{w.in("sea", "objects/"+reportID(2)+"/"), w.in("sea", "objects/"+reportID(99)+"/")},
			{w.in("sea", "objects/"+reportID(3)+"/"), w.in("sea", "objects/"+reportID(99)+"/")},
			{w.in("sea", "objects/"+reportID(3)+"/versions/"), w.in("sea", "objects/"+reportID(99)+"/versions/")},
			{"/hills/status/" + unknown + "/", "/nills/status/" + unknown + "/"},
		},
		"editor": {
			{"/hills/", "/nills/"}, {"/sea/collections/", "/nea/collections/"}, {w.in("sea", ""), "/nea/collections/" + unknown + "/"},
			{w.in("sea", "objects/"), "/nea/collections/" + unknown + "/objects/"},
		},
	}
	for as, all := range pairs {
		for _, pair := range all {
			for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PUT"} {
				for _, query := range []string{"", "?limit=0", "?next=AAAA", "?match[version]=all"} {
					ask := func(path string) string {
						q := request{method: method, path: path + query, as: as}
						if method == "POST" {
							q.body = `{"objects":[]}`
						}
						return w.raw(q)
					}
					if a, b := ask(pair[0]), ask(pair[1]); a != b {
						w.t.Errorf("%s %s%s as %s:\n%s\n%s", method, pair[0], query, as, a, b)
					}
				}
			}
		}
	}
}

// What a partner posts goes into home's collection with the partner as its source. Until it
// is released it answers 404, and the partner may delete it all the same.
func TestPartnersContribute(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		own := report(10, 0, greenMark)
		if st := w.posts("sea", own); st.SuccessCount != 1 || st.Successes[0].Message != "" {
			w.t.Fatalf("%+v", st)
		}
		at := w.in("sea", "objects/"+reportID(10)+"/")
		if r := w.get("harbour", at); r.status != 404 {
			w.t.Errorf("not released yet: %d", r.status)
		}
		if got := w.deletes("sea", reportID(10), ""); got != 200 {
			w.t.Errorf("its contributor deletes it: %d", got)
		}
		if got := w.deletes("sea", reportID(10), ""); got != 404 {
			w.t.Errorf("and again: %d", got)
		}
		if st := w.posts("sea", own); st.FailureCount != 1 || !strings.Contains(st.Failures[0].Message, "deleted") {
			w.t.Errorf("what it deleted comes back: %+v", st)
		}
		w.hold("home, after that", w.reads("", ""), nil)

		one, two := report(11, 0, greenMark), report(11, 1, greenMark)
		w.posts("sea", one)
		w.settle()
		w.posts("sea", two)
		w.settle()
		w.hold("its contributor", w.reads("sea", "match[version]=all"), []string{one, two})
		w.hold("home", w.reads("", ""), []string{two})
		w.hold("what came through one agreement is not for others", w.reads("hills", ""), nil)

		// Another partner posts the same: that is its own submission, and takes the place.
		if st := w.posts("hills", two); st.SuccessCount != 1 || st.Successes[0].Message != "" {
			w.t.Errorf("%+v", st)
		}
		w.settle()
		w.hold("the other's", w.reads("hills", ""), []string{two})
		if got := w.deletes("sea", reportID(11), ""); got != 200 {
			w.t.Errorf("deleting: %d", got)
		}
		w.settle()
		w.hold("its contributor after the deletion", w.reads("sea", ""), nil)
		w.hold("the other one", w.reads("hills", ""), []string{two})
		w.hold("home", w.reads("", "match[version]=all"), []string{two})

		// Home deletes what home supplied: not this.
		if got := w.deletes("", reportID(11), ""); got != 403 {
			w.t.Errorf("home deletes what a partner supplied: %d", got)
		}
		w.posts("", two)
		if got := w.deletes("", reportID(11), ""); got != 200 {
			w.t.Errorf("home deletes its own submission of it: %d", got)
		}
		w.settle()
		w.hold("which leaves the partner's", w.reads("", ""), []string{two})
		w.sound()
	})
}

type versionList struct {
	Versions []string `json:"versions"`
}

// What has no moment of its own goes by the time at which the partner's feed shows it: by
// that alone, and stamped copies too.
func TestPartnersNameObservables(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		address := func(n int, mark string) string {
			return fmt.Sprintf(`{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--00000000-0000-4000-8000-%012x","value":"192.0.2.%d"%s}`, n, n, mark)
		}
		for n, mark := range []string{greenMark, ""} {
			id := fmt.Sprintf("ipv4-addr--00000000-0000-4000-8000-%012x", n)
			w.posts("hills", address(n, mark))
			w.settle()
			if got := w.reads("hills", "match[id]="+id); len(got) != 1 || got[0] != address(n, greenMark) {
				w.t.Fatalf("%v", got)
			}
			log := decode[versionList](w.t, w.get("editor", w.at("objects/"+id+"/versions/"))).Versions
			feed := decode[versionList](w.t, w.get("mountains", w.in("hills", "objects/"+id+"/versions/"))).Versions
			if len(log) != 1 || len(feed) != 1 || log[0] == feed[0] {
				w.t.Fatalf("%v, %v", log, feed)
			}
			if got := w.deletes("hills", id, "?match[version]="+log[0]); got != 404 {
				w.t.Errorf("by the time in the accept log: %d", got)
			}
			if got := w.deletes("hills", id, "?match[version]="+feed[0]); got != 200 {
				w.t.Errorf("by the time in its feed: %d", got)
			}
			w.settle()
			w.hold("after that", w.reads("hills", ""), nil)
		}
	})
}

// sound holds what the store has against its own rules.
func (w *treaties) sound() {
	w.t.Helper()
	rep, err := w.node.Doctor(w.t.Context(), entente.LocalActor(), nil)
	w.must(err)
	for _, f := range rep.Complaints {
		w.t.Errorf("doctor: %+v", f)
	}
}

// A partner cannot delete, supersede or contest what others supplied, whether it sees it or
// not, and no answer tells it of what it does not see.
func TestHostilePartner(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		shown, hidden := report(1, 5, greenMark), report(2, 5, redMark)
		w.posts("", shown, hidden)
		w.settle()
		if got := w.deletes("sea", reportID(1), ""); got != 403 {
			w.t.Errorf("deletes what it sees: %d", got)
		}
		if got := w.deletes("sea", reportID(1), "?match[version]="+minute(4)); got != 404 {
			w.t.Errorf("deletes a version that is not there: %d", got)
		}
		if got := w.deletes("sea", reportID(2), ""); got != 404 {
			w.t.Errorf("deletes what it does not see: %d", got)
		}
		if got := w.deletes("sea", reportID(3), ""); got != 404 {
			w.t.Errorf("deletes what is not there: %d", got)
		}
		// The same bytes, other contents of the version, a later version, another creator.
		for _, n := range []int{1, 2} {
			marked := map[int]string{1: greenMark, 2: redMark}[n]
			for _, o := range []string{
				report(n, 5, marked), report(n, 5, marked+`,"description":"mine"`), report(n, 9, marked+`,"created_by_ref":"`+string(identityOf("harbour"))+`"`),
				report(n, 12, marked+`,"revoked":true`),
			} {
				want := w.posts("sea", strings.ReplaceAll(o, reportID(n), reportID(n+20)))
				got := w.posts("sea", o)
				plain := func(st taxii.Status, n int) string {
					return regexp.MustCompile(`00000000-0000-4000-8000-[0-9a-f]{12}`).ReplaceAllString(fmt.Sprint(st.Successes, st.Failures, st.SuccessCount), "ID")
				}
				if plain(got, n) != plain(want, n+20) {
					w.t.Errorf("the answer tells of what others hold:\n%s\n%s", plain(got, n), plain(want, n+20))
				}
			}
		}
		w.settle()
		w.hold("home", w.reads("", "match[id]="+reportID(1)), []string{shown})
		w.hold("home", w.reads("", "match[id]="+reportID(2)), []string{hidden})
		w.hold("hills", w.reads("hills", "match[id]="+reportID(1)), []string{shown})
		if got := w.reads("sea", "match[id]="+reportID(1)+"&match[version]="+minute(5)); len(got) != 1 || got[0] != shown {
			w.t.Errorf("sea: %v", got)
		}
		// It takes its own back, and only that: then it sees again what it may not delete.
		if got := w.deletes("sea", reportID(1), ""); got != 200 {
			w.t.Errorf("takes back its own: %d", got)
		}
		if got := w.deletes("sea", reportID(2), ""); got != 200 {
			w.t.Errorf("takes back what was never released: %d", got)
		}
		w.settle()
		if a, b := w.deletes("sea", reportID(1), ""), w.deletes("sea", reportID(2), ""); a != 403 || b != 404 {
			w.t.Errorf("after that: %d, %d", a, b)
		}
		w.hold("sea", w.reads("sea", "match[id]="+reportID(1)+"&match[version]=all"), []string{shown})
		w.hold("home", w.reads("", "match[version]=all&match[id]="+reportID(1)+","+reportID(2)), []string{shown, hidden})
		w.sound()
	})
}

// A cursor holds for the feed that gave it, and tells the same whoever shows another's.
func TestCursorsOfAgreements(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		for n := range 4 {
			w.posts("", report(n, 0, greenMark))
		}
		w.settle()
		next := func(as, path string) string {
			return decode[served](w.t, w.get(as, path+"?limit=1")).Next
		}
		sea, hills, home := next("harbour", w.in("sea", "objects/")), next("mountains", w.in("hills", "objects/")), next("editor", w.at("objects/"))
		if sea == "" || hills == "" || home == "" {
			w.t.Fatal("no cursor")
		}
		bad := w.get("harbour", w.in("sea", "objects/?next=AAAA"))
		for _, c := range []string{hills, home, sea[1:], sea + "A"} {
			if r := w.get("harbour", w.in("sea", "objects/?next="+c)); r.status != 400 || r.body != bad.body {
				w.t.Errorf("%s: %d %s", c, r.status, r.body)
			}
		}
		// An old one goes on where it was, over what has left and what has come.
		w.posts("", report(9, 0, greenMark))
		w.deletes("", reportID(1), "")
		w.settle()
		r := decode[served](w.t, w.get("harbour", w.in("sea", "objects/?limit=9&next="+sea)))
		var got []string
		for _, o := range r.Objects {
			got = append(got, string(o))
		}
		w.hold("an old cursor", got, []string{report(2, 0, greenMark), report(3, 0, greenMark), report(9, 0, greenMark)})
	})
}

// Conditions find what is released as it is released: a stamped copy by its stamp too. The
// index changes no page, however far it is.
func TestConditionsThroughAgreements(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		w.posts("", report(1, 0, ""), report(2, 0, greenMark), report(3, 0, redMark), report(4, 0, ""))
		w.settle()
		queries := map[string][]string{
			"match[name]=m1": {report(1, 0, greenMark)}, "match[name]=m3": nil, "match[name]=m1,m2": {report(1, 0, greenMark), report(2, 0, greenMark)},
			"match[tlp]=green": {report(1, 0, greenMark), report(2, 0, greenMark), report(4, 0, greenMark)},
			"match[relationships-all]=marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": {report(1, 0, greenMark), report(2, 0, greenMark), report(4, 0, greenMark)},
		}
		before := map[string]string{}
		for q, want := range queries {
			w.hold(q, w.reads("hills", q), want)
			before[q] = w.raw(request{method: "GET", path: w.in("hills", "objects/?"+q), as: "mountains"})
		}
		w.must(w.node.CatchUp(w.t.Context(), nil))
		for q, want := range before {
			if got := w.raw(request{method: "GET", path: w.in("hills", "objects/?"+q), as: "mountains"}); got != want {
				w.t.Errorf("%s with the index:\n%s\n%s", q, want, got)
			}
		}
	})
}

// An agreement's door is looked at on every request: what is not in force tells its members
// so, and nobody else; a tightening answers 503.
func TestDoorOfAgreements(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		w.posts("", report(1, 0, greenMark))
		w.settle()
		paths := []string{"/sea/", "/sea/collections/", w.in("sea", ""), w.in("sea", "objects/"), w.in("sea", "manifest/"), "/sea/status/00000000-0000-4000-8000-000000000000/"}
		look := func(what string, want int, header string) {
			w.t.Helper()
			for _, p := range paths {
				if r := w.get("harbour", p); r.status != want || (header != "") != (r.header.Get("Retry-After") != "") {
					w.t.Errorf("%s: %s: %d %v", what, p, r.status, r.header)
				}
				if r := w.get("mountains", p); r.status != 404 {
					w.t.Errorf("%s: %s for who is no member: %d", what, p, r.status)
				}
			}
			if r := w.do(request{method: "POST", path: w.in("sea", "objects/"), as: "harbour", body: `{"objects":[]}`}); r.status != want {
				w.t.Errorf("%s: a post: %d", what, r.status)
			}
		}
		listed := func() bool {
			return len(decode[taxii.Discovery](w.t, w.get("harbour", "/taxii2/")).APIRoots) == 1
		}
		w.alter("sea", func(a *entente.Agreement) { a.State = entente.Suspended })
		look("suspended", 403, "")
		if !listed() {
			w.t.Error("a suspended agreement is not in discovery")
		}
		w.alter("sea", func(a *entente.Agreement) { a.State = entente.Active; a.Closed = true })
		look("closed", 503, "Retry-After")
		w.alter("sea", func(a *entente.Agreement) { a.Closed = false; a.Terms.ValidFrom = w.node.Now() + 10*second })
		look("not begun", 403, "")
		w.clock.Add(10 * second)
		w.hold("begun", w.reads("sea", ""), []string{report(1, 0, greenMark)})
		w.alter("sea", func(a *entente.Agreement) { a.Terms.ValidFrom, a.Terms.ValidUntil = 0, w.node.Now()+10*second })
		w.hold("in force", w.reads("sea", ""), []string{report(1, 0, greenMark)})
		w.clock.Add(10 * second)
		look("ran out", 403, "")
		w.alter("sea", func(a *entente.Agreement) { a.Terms.ValidUntil = 0; a.State = entente.Ended })
		look("ended", 403, "")
		if listed() {
			w.t.Error("an agreement that has ended is in discovery")
		}
		w.alter("sea", func(a *entente.Agreement) {
			a.State = entente.Active
			a.Terms.Members[0].Organisation = w.partners["hills"]
		})
		if r := w.get("harbour", "/sea/"); r.status != 404 {
			w.t.Errorf("who is a member no more: %d", r.status)
		}
		if r := w.get("mountains", "/sea/"); r.status != 200 {
			w.t.Errorf("who is one now: %d", r.status)
		}
	})
}

// A member that only receives posts nothing, and one that only contributes reads nothing.
func TestFlowsOfMembers(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		w.posts("", report(1, 0, greenMark))
		w.settle()
		for flow, want := range map[entente.Flow][3]int{entente.Receives: {200, 403, 403}, entente.Contributes: {403, 202, 403}, entente.Both: {200, 202, 403}} {
			w.alter("sea", func(a *entente.Agreement) { a.Terms.Members[0].Flow = flow })
			got := [3]int{w.get("harbour", w.in("sea", "objects/")).status,
				w.do(request{method: "POST", path: w.in("sea", "objects/"), as: "harbour", body: `{"objects":[]}`}).status, w.deletes("sea", reportID(1), "")}
			c := decode[taxii.Collection](w.t, w.get("harbour", w.in("sea", "")))
			if got != want || c.CanRead != (want[0] == 200) || c.CanWrite != (want[1] == 202) {
				w.t.Errorf("%d: %v, want %v; %+v", flow, got, want, c)
			}
		}
	})
}

// What was appended while a partner was stopped comes to it by the choice of backlog.
func TestBacklogOfStops(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		act := func(who string, c entente.Command) string {
			w.t.Helper()
			a, err := w.node.SignInToken(w.t.Context(), who)
			w.must(err)
			r, err := w.node.Do(w.t.Context(), a, c)
			w.must(err)
			return r.ID
		}
		n := 0
		take := func() string {
			n++
			w.posts("", report(n, 0, greenMark))
			w.settle()
			return report(n, 0, greenMark)
		}
		want := []string{take()}
		for _, backlog := range []string{"none", "all", "since"} {
			stop := act("ann", entente.PlaceStop{Organisation: w.partners["sea"], Reason: "r", Basis: "b"})
			missed := []string{take(), take()}
			if r := w.get("harbour", w.in("sea", "objects/")); r.status != 403 {
				w.t.Errorf("stopped: %d", r.status)
			}
			choice := backlog
			if backlog == "since" {
				choice = "since:" + entente.FormatMicros(w.node.Now()-2*second) // within the second of the last
				missed = missed[1:]
			}
			if backlog != "none" {
				want = append(want, missed...)
			}
			act("ann", entente.AskLift{Stop: stop, Reason: "r", Backlog: choice})
			act("bob", entente.Lift{Stop: stop, Backlog: choice})
			want = append(want, take())
			w.hold(backlog, w.reads("sea", ""), want)
			w.hold(backlog+", looked through", w.reads("sea", "match[is_family]=false&match[tlp]=green"), want)
		}
		if got := w.reads("hills", ""); len(got) != n {
			w.t.Errorf("the other partner reads %d of %d", len(got), n)
		}
		// By id, and to delete, what was left out is not there either.
		for _, rest := range []string{"", "versions/"} {
			if r := w.get("harbour", w.in("sea", "objects/"+reportID(2)+"/"+rest)); r.status != 404 {
				w.t.Errorf("%s: %d", rest, r.status)
			}
		}
		if got := w.deletes("sea", reportID(2), ""); got != 404 {
			w.t.Errorf("deleting: %d", got)
		}
	})
}

// Two nodes of which one holds, takes in and deletes more that a partner must not see: every
// answer to the partner is the same, byte by byte.
func TestAnswersTellNothingOfTheHidden(t *testing.T) {
	var answers [2][]string
	for k := range 2 {
		streams := map[string]io.Reader{}
		w := newTreaties(t, storetest.URLs()["sqlite"](t), node.Config{MaxContentLength: 1 << 20, Random: rand.NewChaCha8([32]byte{1}), RandomFor: func(account string) io.Reader {
			if streams[account] == nil {
				streams[account] = rand.NewChaCha8(sha256.Sum256([]byte(account)))
			}
			return streams[account]
		}})
		secret := func(objects ...string) {
			if k == 1 {
				w.posts("", objects...)
				w.posts("hills", objects...)
				w.deletes("", reportID(70), "")
				w.get("mountains", w.in("hills", "objects/"))
			}
		}
		tick := start + 3600*int64(second)
		ask := func(method, rest, body string) {
			tick += 60 * second
			w.clock.Store(tick)
			w.must(w.node.SettleAll(w.t.Context()))
			got := w.raw(request{method: method, path: w.in("sea", rest), as: "harbour", body: body})
			answers[k] = append(answers[k], method+" "+rest+"\n"+got)
		}
		post := func(objects ...string) { ask("POST", "objects/", `{"objects":[`+strings.Join(objects, ",")+`]}`) }
		address := `{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--00000000-0000-4000-8000-000000000001","value":"192.0.2.1"` + greenMark + `}`
		w.clock.Store(tick)
		w.posts("", report(1, 0, greenMark))
		w.settle()
		tick += 600 * second
		secret(report(2, 0, redMark), report(5, 0, redMark), report(70, 0, redMark), strings.NewReplacer("192.0.2.1", "192.0.2.2", greenMark, redMark).Replace(address))
		post(report(2, 0, greenMark), report(5, 1, greenMark+`,"revoked":true`), report(6, 1, greenMark), address, `{"type":"malware"}`)
		secret(report(2, 5, redMark), report(6, 9, redMark), report(71, 0, ""))
		for _, rest := range []string{"", "objects/", "manifest/?match[version]=all", "objects/?match[name]=m2", "objects/" + reportID(2) + "/", "objects/" + reportID(70) + "/"} {
			ask("GET", rest, "")
		}
		post(report(2, 0, greenMark), report(2, 5, greenMark), report(6, 9, greenMark), address)
		ask("DELETE", "objects/"+reportID(70)+"/", "")
		ask("DELETE", "objects/"+reportID(2)+"/?match[version]=last", "")
		ask("DELETE", "objects/ipv4-addr--00000000-0000-4000-8000-000000000001/?match[version]=last", "")
		secret(report(2, 7, redMark))
		ask("DELETE", "objects/"+reportID(1)+"/", "")
		post(report(2, 5, greenMark), report(70, 0, greenMark))
		ask("GET", "objects/?limit=1", "")
		ask("GET", "manifest/?match[version]=all", "")
	}
	for i := range answers[0] {
		if answers[0][i] != answers[1][i] {
			t.Errorf("%s\n---\n%s", answers[0][i], answers[1][i])
		}
	}
}
