package selftest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// walk asks both nodes the same, as the partner, and compares every byte of the answers.
func (t *trial) walk(n int) (*Difference, error) {
	for range n {
		if d, err := t.same(t.request()); d != nil || err != nil {
			return d, err
		}
		if t.logs.IntN(4) > 0 {
			continue
		}
		r, err := t.logRequest()
		if err != nil {
			return nil, err
		}
		if d, err := t.same(r); d != nil || err != nil {
			return t.inEvents(d), err
		}
	}
	return nil, nil
}

// same asks both nodes one thing.
func (t *trial) same(r request) (*Difference, error) {
	var got [2]answer
	for i, s := range t.sides {
		var err error
		got[i], err = t.ask(t.ctx, s, r)
		if err == nil && (r.method == "DELETE" || r.method == "POST") {
			err = s.node.SettleAll(t.ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	t.requests++
	if strings.HasPrefix(r.path, "/ledger/") {
		t.learnLog(got[0])
	} else {
		t.learn(got[0])
	}
	if !got[0].equal(got[1]) {
		return t.difference(r.String(), got[0].String(), got[1].String()), nil
	}
	return nil, nil
}

// learn keeps what an answer gives to ask with: cursors and statuses.
func (t *trial) learn(a answer) {
	var told struct {
		Next   string `json:"next"`
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	if json.Unmarshal(a.body, &told) != nil {
		return
	}
	if told.Next != "" {
		t.cursors = append(t.cursors, told.Next)
	}
	if told.Status == "complete" {
		t.statuses = append(t.statuses, told.ID)
	}
}

// request draws something that a partner may ask, allowed or not.
func (t *trial) request() request {
	r := request{method: "GET", token: t.token[partner], header: map[string]string{"Accept": mediaType}}
	feed := "/" + t.root[partner] + "/collections/" + t.feed[partner]
	object := t.h.things[t.IntN(len(t.h.things))].id
	switch t.IntN(17) {
	case 0:
		r.path = "/taxii2/"
	case 1:
		r.path = "/" + t.root[partner] + "/"
	case 2:
		r.path = "/" + t.root[partner] + "/collections/"
	case 3:
		r.path = feed + "/"
	case 4, 5:
		r.path = feed + "/objects/" + t.query()
	case 6, 7:
		r.path = feed + "/manifest/" + t.query()
	case 8, 9:
		r.path = feed + "/objects/" + object + "/" + t.query()
	case 10:
		r.path = feed + "/objects/" + object + "/versions/" + t.query()
	case 11:
		r.method, r.path = "DELETE", feed+"/objects/"+object+"/"
		// What is hidden was drawn for a partner that deletes nothing else than its steps say,
		// and more would leave little to look at.
		if t.IntN(4) > 0 || !t.over && t.ref.submitted(partner, object) {
			r.method = "HEAD"
		}
		if r.method == "DELETE" {
			return t.removing(r)
		}
	case 12:
		r.path = "/" + t.root[partner] + "/status/" + t.status() + "/"
	case 13: // what is others'
		r.path = []string{"/api1/", "/api1/collections/", "/" + t.root[other] + "/", t.objects(other), "/nowhere/", "/api1/collections/" + t.shelf + "/objects/",
			"/" + t.root[partner] + "/collections/" + t.feed[other] + "/", "/" + t.root[partner] + "/collections/" + t.shelf + "/objects/" + object + "/"}[t.IntN(8)]
	case 14: // nonsense
		r.path = feed + "/objects/" + []string{"?limit=0", "?next=foreign", "?match[version]=never", "?added_after=yesterday", "?nothing=1", "not-an-id/", object + "/?limit=x"}[t.IntN(7)]
	case 15:
		r.path = feed + "/objects/"
		switch t.IntN(4) {
		case 0:
			r.header["Accept"] = "text/html"
		case 1:
			r.method = "PUT"
		case 2:
			r.token = "wrong"
		case 3:
			r.method, r.body, r.header["Content-Type"] = "POST", []byte("{"), mediaType
		}
	case 16:
		r.path = []string{"/api/lookup?value=198.51.100.1", "/api/openapi.json", "/metrics", "/healthz", "/api/lookup?value=" + url.QueryEscape(object)}[t.IntN(5)]
		if t.IntN(2) == 0 {
			r.header["Accept"] = "application/json"
		}
	}
	return r
}

// removing is a deletion by the partner, of which the references have to know. Where something
// hidden comes into view by it (home's contents of a version that had the partner's in its
// place, say), the two nodes may show different things from then on. Such a deletion waits
// until they have been compared, and it is only looked here.
func (t *trial) removing(r request) request {
	id := r.path[strings.Index(r.path, "/objects/")+len("/objects/") : len(r.path)-1]
	i := slices.IndexFunc(t.h.things, func(x *thing) bool { return x.id == id })
	s := step{action: remove, by: partner, object: t.h.things[i]}
	ref, alone := t.ref.clone(), t.alone.clone()
	ref.do(s)
	alone.do(s)
	if ref.shown() != alone.shown() {
		t.unveil = append(t.unveil, s)
		r.method = "HEAD"
		return r
	}
	t.ref, t.alone = ref, alone
	return r
}

// unveiled does at last, on the node that has what is hidden, the deletions by which that
// comes into view: it has to come as the reference says.
func (t *trial) unveiled() (*Difference, error) {
	x := t.sides[1]
	for i, s := range t.unveil {
		t.ref.do(s)
		x.random.set(fmt.Sprintf("unveil %d %d", t.number, i))
		_, err := t.act(x, s)
		if err == nil {
			err = x.node.SettleAll(t.ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("trial %d, %s: %w", t.number, s, err)
		}
		if d, err := t.compare(); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

func (t *trial) status() string {
	if len(t.statuses) == 0 || t.IntN(4) == 0 {
		return "00000000-0000-4000-8000-000000000000"
	}
	return t.statuses[t.IntN(len(t.statuses))]
}

// query draws parameters.
func (t *trial) query() string {
	var out []string
	if t.IntN(3) == 0 {
		out = append(out, fmt.Sprintf("limit=%d", 1+t.IntN(4)))
	}
	switch t.IntN(6) {
	case 0:
		out = append(out, "match[version]="+[]string{"all", "first", "last", "first,last", "2026-01-01T00:00:01.000Z"}[t.IntN(5)])
	case 1:
		out = append(out, "match[type]="+[]string{"malware", "relationship", "identity,report", "tool"}[t.IntN(4)])
	case 2:
		out = append(out, "match[id]="+t.h.things[t.IntN(len(t.h.things))].id)
	case 3:
		out = append(out, "added_after="+url.QueryEscape(micros(t.clock.Load()-int64(t.IntN(20_000_000)))))
	case 4:
		out = append(out, "match[spec_version]="+[]string{"2.0", "2.1", "2.0,2.1"}[t.IntN(3)])
	}
	if t.IntN(6) == 0 {
		out = append(out, []string{"match[tlp]=green", "match[relationships-all]=" + t.h.things[t.IntN(len(t.h.things))].id, "match[labels]=x", "match[name]=Tool 1"}[t.IntN(4)])
	}
	if len(t.cursors) > 0 && t.IntN(4) == 0 {
		out = append(out, "next="+url.QueryEscape(t.cursors[t.IntN(len(t.cursors))]))
	}
	if len(out) == 0 {
		return ""
	}
	return "?" + strings.ReplaceAll(strings.Join(out, "&"), " ", "%20")
}
