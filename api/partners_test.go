package api

import (
	"crypto/sha256"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"entente"
)

// partner makes a partner with the service "visitor", and the releasers ann and bob.
func (w *world) partner() (partner string, releasers map[string]entente.Actor) {
	w.t.Helper()
	do := func(c entente.Command) string {
		w.t.Helper()
		r, err := w.node.Do(w.t.Context(), entente.LocalActor(), c)
		w.must(err)
		return r.ID
	}
	partner = do(entente.AddPartner{Name: "Harbour"})
	id := do(entente.AddAccount{Name: "visitor", Organisation: partner, Service: true})
	do(entente.AddToken{Account: id, Hash: sha256.Sum256([]byte("visitor"))})
	releasers = map[string]entente.Actor{}
	for _, name := range []string{"ann", "bob"} {
		id := do(entente.AddAccount{Name: name, Roles: []entente.Role{entente.Releaser}})
		do(entente.AddToken{Account: id, Hash: sha256.Sum256([]byte(name))})
		a, err := w.node.SignInToken(w.t.Context(), name)
		w.must(err)
		releasers[name] = a
	}
	return partner, releasers
}

// Everything that a stopped partner asks is answered by the same 403, which does not say
// why, from the next request on; others are served as before; and after two people have
// lifted the stop it is served again as if nothing had been.
func TestStoppedPartner(t *testing.T) {
	w := newWorld(t, Config{})
	partner, who := w.partner()
	do := func(a entente.Actor, c entente.Command) string {
		t.Helper()
		r, err := w.node.Do(t.Context(), a, c)
		w.must(err)
		return r.ID
	}
	requests := []request{
		{method: "GET", path: "/taxii2/"}, {method: "GET", path: "/api1/"}, {method: "GET", path: "/api1/collections/"},
		{method: "GET", path: w.at("")}, {method: "GET", path: w.at("objects/")}, {method: "GET", path: w.at("manifest/")}, {method: "GET", path: w.at("objects/?limit=0")},
		{method: "GET", path: w.at("objects/" + indicatorID(1) + "/")}, {method: "DELETE", path: w.at("objects/" + indicatorID(1) + "/")},
		{method: "POST", path: w.at("objects/"), body: `{"objects":[]}`}, {method: "PUT", path: w.at("objects/")},
		{method: "GET", path: "/api1/status/00000000-0000-4000-8000-000000000000/"}, {method: "GET", path: "/none/"}, {method: "GET", path: "/none/none/none"},
		{method: "GET", path: "/api/lookup?value=192.0.2.1"}, {method: "GET", path: "/api/openapi.json"},
	}
	ask := func(as string) (out []string) {
		for _, q := range requests {
			q.as = as
			out = append(out, w.raw(q))
		}
		return out
	}
	before, reader := ask("visitor"), ask("reader")
	s := do(who["ann"], entente.PlaceStop{Organisation: partner, Reason: "the secret reason", Basis: "the secret basis"})
	for i, answer := range ask("visitor") {
		if !strings.HasPrefix(answer, "HTTP/1.1 403 ") || strings.Contains(answer, "secret") || !strings.Contains(answer, "is stopped") {
			t.Errorf("%s %s:\n%s", requests[i].method, requests[i].path, answer)
		}
	}
	clock := regexp.MustCompile(`\d{4}-\d\d-\d\dT[^"]*`) // the moment of an answer
	same := func(when string, got, want []string) {
		t.Helper()
		for i := range got {
			if clock.ReplaceAllString(got[i], "") != clock.ReplaceAllString(want[i], "") {
				t.Errorf("%s: %s %s:\n%s\n%s", when, requests[i].method, requests[i].path, got[i], want[i])
			}
		}
	}
	same("another account", ask("reader"), reader)
	if r := w.get("wrong", "/taxii2/"); r.status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", r.status)
	}
	if r := w.get("visitor", "/metrics"); r.status != http.StatusNotFound {
		t.Errorf("metrics: %d", r.status)
	}
	for _, path := range []string{"/api/lookup?value=192.0.2.1", "/api/openapi.json"} { // as the description has it
		if r := w.get("visitor", path); r.status != http.StatusForbidden {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	w.clock.Add(366 * 24 * 3600 * 1_000_000)
	if r := w.get("visitor", "/taxii2/"); r.status != http.StatusForbidden {
		t.Errorf("a year later: %d", r.status)
	}
	do(who["bob"], entente.AskLift{Stop: s, Reason: "r", Backlog: "none"})
	if r := w.get("visitor", "/taxii2/"); r.status != http.StatusForbidden {
		t.Errorf("after one word: %d", r.status)
	}
	do(who["ann"], entente.Lift{Stop: s, Backlog: "none"})
	same("after the lift", ask("visitor"), before)
}

// A reviewer reads every collection and changes none, for as long as the mandate holds.
func TestReviewer(t *testing.T) {
	w := newWorld(t, Config{})
	w.post("editor", indicator(1, 0))
	local := entente.LocalActor()
	r, err := w.node.Do(t.Context(), local, entente.AddAccount{Name: "eve"})
	w.must(err)
	eve := r.ID
	_, err = w.node.Do(t.Context(), local, entente.AddToken{Account: eve, Hash: sha256.Sum256([]byte("eve"))})
	w.must(err)
	_, err = w.node.Do(t.Context(), local, entente.SetGrant{Account: eve, Collection: w.other, Read: true, Write: true})
	w.must(err)
	if r := w.get("eve", w.at("objects/")); r.status != http.StatusNotFound {
		t.Fatalf("without the role: %d", r.status)
	}
	m, err := w.node.Do(t.Context(), local, entente.GiveMandate{Account: eve, Role: entente.Reviewer, Until: w.clock.Load() + 3600_000_000})
	w.must(err)
	if r := w.get("eve", w.at("objects/")); r.status != http.StatusOK || !strings.Contains(r.body, indicatorID(1)) {
		t.Fatalf("with the role: %d %s", r.status, r.body)
	}
	if r := w.get("eve", "/metrics"); r.status != http.StatusOK {
		t.Errorf("the metrics: %d", r.status)
	}
	for _, c := range []string{w.shelf, w.other} {
		q := request{method: "POST", path: "/api1/collections/" + c + "/objects/", as: "eve", body: `{"objects":[` + indicator(2, 0) + `]}`}
		if r := w.do(q); r.status != http.StatusForbidden {
			t.Errorf("a reviewer posts: %d %s", r.status, r.body)
		}
		q.method, q.path, q.body = "DELETE", q.path+indicatorID(1)+"/", ""
		if r := w.do(q); r.status != http.StatusForbidden {
			t.Errorf("a reviewer deletes: %d %s", r.status, r.body)
		}
	}
	w.clock.Add(3600_000_000)
	if r := w.get("eve", w.at("objects/")); r.status != http.StatusNotFound {
		t.Fatalf("after the mandate's end, %s: %d", m.ID, r.status)
	}
}
