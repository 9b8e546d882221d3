package selftest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store"
	"entente/terms"
)

// trial is one history, lived through by a pair of nodes.
type trial struct {
	*pair
	*rand.Rand
	ctx      context.Context
	number   int
	h        *history
	ref      *reference // of all steps
	alone    *reference // of those that are not hidden
	shelf    string     // id of the collection that the agreements cover
	aside    string     // id of a collection that none covers
	org      [3]string  // ids of the parties; home's is not needed
	token    [3]string  // secrets of the partners' services
	root     [3]string  // names of the API roots of the partners' agreements
	feed     [3]string  // ids of their feeds
	cursors  []string   // that the partner was given
	statuses []string
	stops    map[*side][]string              // of the other partner, that stand
	limits   map[*side][]entente.Restriction // that home made
	logs     *rand.Rand                      // draws what is asked of logs, so that the rest of a trial stays what it was
	events   []string                        // of the partner's log
	logSize  int                             // of the partner's log, when it was last looked at
	requests int
	steps    int    // done
	over     bool   // all are
	unveil   []step // see removing
}

var tlps = [...]entente.TLP{entente.TLPNone, entente.TLPClear, entente.TLPGreen, entente.TLPAmber, entente.TLPAmberStrict, entente.TLPRed}

// newTrial makes the parties and their agreements on both nodes.
func newTrial(ctx context.Context, p *pair, r *rand.Rand, number int) (*trial, error) {
	return newTrialOf(ctx, p, r, number, newHistory(r, number))
}

func newTrialOf(ctx context.Context, p *pair, r *rand.Rand, number int, h *history) (*trial, error) {
	t := &trial{pair: p, Rand: r, ctx: ctx, number: number, h: h, logs: rand.New(rand.NewPCG(uint64(len(h.steps)), 2)), stops: map[*side][]string{}, limits: map[*side][]entente.Restriction{}, ref: newReference(h.terms), alone: newReference(h.terms)}
	return t, t.setUp()
}

// setUp makes what a trial needs.
func (t *trial) setUp() error {
	local := entente.LocalActor()
	do := func(what string, a entente.Actor, c entente.Command) string {
		id, err := t.do(what, a, c)
		if err != nil {
			panic(err)
		}
		return id
	}
	return guard(func() {
		t.shelf = do("shelf", local, entente.AddCollection{Name: fmt.Sprintf("Shelf %d", t.number)})
		t.aside = do("aside", local, entente.AddCollection{Name: fmt.Sprintf("Aside %d", t.number)})
		if f := t.h.terms.floor; f != 0 {
			do("floor", local, entente.SetFloor{Collection: t.shelf, Floor: tlps[f], Reason: "selftest"})
		}
		for w := partner; w <= other; w++ {
			name := fmt.Sprintf("%s %d", w, t.number)
			t.org[w] = do(name, local, entente.AddPartner{Name: name, Identities: []entente.ObjectID{entente.ObjectID(t.h.things[w].id)}})
			account := do(name+" account", local, entente.AddAccount{Name: name + " service", Organisation: t.org[w], Service: true})
			t.token[w] = fmt.Sprintf("token-%s-%d", w, t.number)
			do(name+" token", local, entente.AddToken{Account: account, Hash: sha256.Sum256([]byte(t.token[w]))})
			t.root[w] = fmt.Sprintf("%s-%d", w, t.number)
		}
		t.agree(do, partner, termsOf(t.h.terms))
		t.agree(do, other, entente.Terms{Highest: entente.TLPAmberStrict, Onward: t.h.terms.onward})
		// The first identity of the history is home's own.
		do("home", local, entente.EditPartner{Organisation: t.home, Add: []entente.ObjectID{entente.ObjectID(t.h.things[home].id)}})
	})
}

func termsOf(a agreed) entente.Terms {
	of := entente.Terms{Highest: tlps[a.highest], Unmarked: tlps[a.unmarked], OpenReferences: a.open, WithdrawOlder: a.withdraw, Approval: tlps[a.approval]}
	if a.noTools {
		of.ExceptTypes = []string{"tool"}
	}
	return of
}

func versionOf(of entente.Terms) entente.TermsVersion {
	return entente.TermsVersion{Hash: terms.Hash(of), Terms: of, Canonical: terms.Canonical(of), File: []byte("selftest")}
}

// guard turns what f panics with, if that is an error, into one.
func guard(f func()) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			e, ok := fault.(error)
			if !ok {
				panic(fault)
			}
			err = e
		}
	}()
	f()
	return nil
}

func (t *trial) do(what string, a entente.Actor, c entente.Command) (string, error) {
	r, err := t.both(t.ctx, fmt.Sprintf("trial %d %s", t.number, what), a, c)
	return r.ID, err
}

// agree makes an agreement with a partner and puts it in force.
func (t *trial) agree(do func(string, entente.Actor, entente.Command) string, w who, of entente.Terms) {
	of.Name, of.Title, of.Purpose = t.root[w], "Trial", "selftest"
	of.Members = []entente.Member{{Organisation: t.org[w], Flow: entente.Both, Client: w == partner && t.h.terms.client}}
	if t.h.terms.near {
		of.Community = "selftest"
	}
	of.Collections = []string{t.shelf}
	version := versionOf(of)
	name := t.root[w]
	id := do(name+" draft", t.boss[0], entente.DraftTerms{Terms: version})
	do(name+" propose", t.boss[0], entente.ProposeAgreement{Agreement: id})
	do(name+" accept", t.boss[0], entente.AcceptAgreement{Agreement: id, Organisation: t.org[w], Hash: version.Hash, Said: "selftest"})
	do(name+" activate", t.boss[0], entente.ActivateAgreement{Agreement: id, Backlog: "all"})
	for i, s := range t.sides {
		if err := s.node.SettleAll(t.ctx); err != nil {
			panic(err)
		}
		err := s.st.View(t.ctx, func(tx *store.Tx) error {
			a, err := tx.Agreement(t.ctx, name)
			if err == nil && i == 1 && a.Feeds[0].ID != t.feed[w] {
				err = fmt.Errorf("the feeds of %s have different ids", name)
			}
			if err == nil {
				t.feed[w] = a.Feeds[0].ID
			}
			return err
		})
		if err != nil {
			panic(err)
		}
	}
}

// run lives through the history and looks for differences.
func (t *trial) run() (*Difference, error) {
	for _, s := range t.h.steps {
		d, err := t.step(s)
		if d != nil || err != nil {
			return d, err
		}
	}
	t.over = true
	if d, err := t.walk(16); d != nil || err != nil {
		return d, err
	}
	if d, err := t.compareLogs(); d != nil || err != nil {
		return d, err
	}
	if d, err := t.compare(); d != nil || err != nil {
		return d, err
	}
	return t.unveiled()
}

// step does one step, on one node or both, and lets the appliers come to rest.
func (t *trial) step(s step) (*Difference, error) {
	t.steps++
	t.ref.do(s)
	if !s.hidden {
		t.alone.do(s)
		t.clock.Add(1_000_000 + int64(t.IntN(3_000_000)))
	}
	sides := t.sides[:]
	if s.hidden {
		sides = sides[1:]
	}
	var answers []answer
	for _, x := range sides {
		if s.hidden {
			x.random.set(fmt.Sprintf("hidden %d %d", t.number, t.steps))
		} else {
			x.random.set(fmt.Sprintf("visible %d %d", t.number, s.number))
		}
		a, err := t.act(x, s)
		if err == nil {
			err = x.node.SettleAll(t.ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("trial %d, %s: %w", t.number, s, err)
		}
		answers = append(answers, a)
	}
	if s.hidden {
		return nil, nil
	}
	if s.by == partner && !answers[0].equal(answers[1]) {
		return t.difference(s.String(), answers[0].String(), answers[1].String()), nil
	}
	return t.walk(2)
}

// act does a step on one node.
func (t *trial) act(x *side, s step) (answer, error) {
	switch s.action {
	case submit:
		if s.by != home {
			return t.ask(t.ctx, x, t.post(s.by, s.versions))
		}
		return answer{}, t.take(x, t.shelf, s.versions)
	case aside:
		return answer{}, t.take(x, t.aside, s.versions)
	case remove:
		if s.by != home {
			return t.ask(t.ctx, x, request{method: "DELETE", path: t.objects(s.by) + s.object.id + "/", token: t.token[s.by], header: accepts})
		}
		_, err := x.node.Do(t.ctx, entente.LocalActor(), entente.DeleteObject{Collection: t.shelf, Object: entente.ObjectID(s.object.id)})
		if k := entente.KindOf(err); err != nil && (k == entente.NotFound || k == entente.Forbidden) {
			err = nil // there is nothing of home's
		}
		return answer{}, err
	case decide:
		return answer{}, t.decides(x, s.object, entente.Digest{}, entente.Withdraw, t.boss[0])
	case approve:
		return answer{}, t.decides(x, s.versions[0].of, digestOf(s.versions[0]), entente.Approve, t.boss[:]...)
	case refuse:
		return answer{}, t.decides(x, s.versions[0].of, digestOf(s.versions[0]), entente.Refuse, t.boss[0])
	case forAll:
		return answer{}, t.restrict(x, s.object, s.to)
	case amend:
		return answer{}, t.amend(x, s.terms)
	case pause:
		return answer{}, t.pause(x, partner)
	case lift:
		return answer{}, t.lift(x, s.object)
	case affair:
		return answer{}, affairs[s.kind].do(t, x)
	case traffic:
		return answer{}, t.noise(x)
	}
	return answer{}, t.stop(x, s.stays)
}

func (t *trial) take(x *side, collection string, versions []version) error {
	_, err := x.node.Intake(t.ctx, entente.LocalActor(), collection, stix.NewReader(bytes.NewReader(envelope(versions))), node.IntakeOptions{})
	return err
}

func digestOf(v version) entente.Digest {
	parsed, _ := stix.Parse([]byte(v.text()))
	return parsed.Digest
}

func envelope(versions []version) []byte {
	texts := make([]string, len(versions))
	for i, v := range versions {
		texts[i] = v.text()
	}
	return []byte(`{"objects":[` + strings.Join(texts, ",") + `]}`)
}

func (t *trial) objects(w who) string {
	return "/" + t.root[w] + "/collections/" + t.feed[w] + "/objects/"
}

const mediaType = "application/taxii+json;version=2.1"

var accepts = map[string]string{"Accept": mediaType}

func (t *trial) post(w who, versions []version) request {
	return request{method: "POST", path: t.objects(w), token: t.token[w], body: envelope(versions),
		header: map[string]string{"Accept": mediaType, "Content-Type": mediaType}}
}

// noise is what the other partner, and nobody in particular, may do meanwhile.
func (t *trial) noise(x *side) error {
	for range 1 + t.IntN(3) {
		r := request{method: "GET", path: t.objects(other), token: t.token[other], header: accepts}
		switch t.IntN(5) {
		case 0:
			r.path = "/taxii2/"
		case 1:
			r.path += "?limit=1&match[version]=all"
		case 2:
			r.path = t.objects(partner)
		case 3:
			r.method, r.body, r.header = "POST", []byte(`{"objects":[{}`), map[string]string{"Accept": mediaType, "Content-Type": mediaType}
		case 4:
			r.token = "nobody's"
		}
		if _, err := t.ask(t.ctx, x, r); err != nil {
			return err
		}
	}
	return nil
}

// stop stops the other partner. Unless it is to stay stopped it is let in again, whenever it was stopped.
func (t *trial) stop(x *side, stays bool) error {
	r, err := x.node.Do(t.ctx, t.boss[0], entente.PlaceStop{Organisation: t.org[other], Reason: "selftest", Basis: "selftest"})
	if err != nil {
		return err
	}
	t.stops[x] = append(t.stops[x], r.ID)
	if stays {
		return nil
	}
	for _, id := range t.stops[x] {
		_, err1 := x.node.Do(t.ctx, t.boss[0], entente.AskLift{Stop: id, Reason: "selftest", Backlog: "all"})
		_, err2 := x.node.Do(t.ctx, t.boss[1], entente.Lift{Stop: id, Backlog: "all"})
		err = errors.Join(err, err1, err2)
	}
	delete(t.stops, x)
	return err
}
