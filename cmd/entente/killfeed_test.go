package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

// feeds is a node that is killed while its feeds are carried on: a collection, a partner
// that reads, a person who decides.
type feeds struct {
	*killing
	st      *store.Store // beside the program
	shelf   string
	partner string
	ann     string // account
}

const partnerToken = "partner-token"

func newFeeds(t *testing.T, engine, url string, seed uint64) *feeds {
	f := &feeds{killing: &killing{t: t, data: t.TempDir(), url: url, random: rand.New(rand.NewPCG(seed, 0)),
		client: &http.Client{Timeout: time.Minute}}}
	t.Cleanup(f.client.CloseIdleConnections)
	if engine == "sqlite" {
		f.url = filepath.Join(f.data, "entente.db")
	} else {
		f.db = url
	}
	f.st = storetest.Open(t, f.url)
	f.direct(func(ctx context.Context, n *node.Node) {
		do := func(c entente.Command) string {
			r, err := n.Do(ctx, entente.LocalActor(), c)
			f.must(err)
			return r.ID
		}
		f.shelf = do(entente.AddCollection{Name: "Shelf"})
		f.objs = "/api1/collections/" + f.shelf + "/"
		f.partner = do(entente.AddPartner{Name: "North CERT"})
		f.ann = do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}})
		for name, token := range map[string]string{"writer": killToken, "reader": partnerToken} {
			c := entente.AddAccount{Name: name, Service: true}
			if name == "reader" {
				c.Organisation = f.partner
			}
			id := do(c)
			do(entente.AddToken{Account: id, Hash: sha256.Sum256([]byte(token))})
			if name == "writer" {
				do(entente.SetGrant{Account: id, Collection: f.shelf, Read: true, Write: true})
			}
		}
	})
	return f
}

// decide does commands as ann.
func (f *feeds) decide(commands ...entente.Command) (last string) {
	f.t.Helper()
	f.direct(func(ctx context.Context, n *node.Node) {
		all, err := n.Accounts(ctx, entente.LocalActor())
		f.must(err)
		at := slices.IndexFunc(all, func(a node.AccountInfo) bool { return a.ID == f.ann })
		for _, c := range commands {
			r, err := n.Do(ctx, entente.Actor{Account: all[at].Account, At: n.Now()}, c)
			if err != nil {
				f.t.Fatalf("%T: %v", c, err)
			}
			last = r.ID
		}
	})
	return last
}

// terms reads a terms file over the shelf.
func (f *feeds) terms(name, more string) (v entente.TermsVersion) {
	f.t.Helper()
	f.direct(func(ctx context.Context, n *node.Node) {
		file := fmt.Sprintf("name = %q\ntitle = \"T\"\npurpose = \"Defence\"\ncollections = [\"Shelf\"]\nhighest = \"tlp:green\"\n%s\n[[member]]\norganisation = \"North CERT\"\ndirection = \"receives\"\n", name, more)
		var err error
		var problems any
		v, problems, err = readTerms(ctx, n, file)
		if err != nil || problems != nil {
			f.t.Fatal(err, problems)
		}
	})
	return v
}

func readTerms(ctx context.Context, n *node.Node, file string) (entente.TermsVersion, any, error) {
	v, problems, err := n.ReadTerms(ctx, entente.LocalActor(), []byte(file))
	if len(problems) > 0 {
		return v, problems, err
	}
	return v, nil, err
}

// propose brings an agreement to where it can be activated.
func (f *feeds) propose(name, more string) (id string) {
	f.t.Helper()
	v := f.terms(name, more)
	id = f.decide(entente.DraftTerms{Terms: v})
	f.decide(entente.ProposeAgreement{Agreement: id}, entente.AcceptAgreement{Agreement: id, Organisation: f.partner, Hash: v.Hash, Said: "by letter"})
	return id
}

func (f *feeds) agreement(name string) *entente.Agreement {
	f.t.Helper()
	var a *entente.Agreement
	f.must(f.st.View(f.t.Context(), func(t *store.Tx) (err error) {
		a, err = t.Agreement(f.t.Context(), name)
		return err
	}))
	return a
}

// orphaned gives back what leases the killed process held: nobody else has any.
func (f *feeds) orphaned() {
	f.t.Helper()
	f.must(f.st.Update(f.t.Context(), func(t *store.Tx) error {
		all, err := t.Leases(f.t.Context())
		if err != nil {
			return err
		}
		for _, l := range all {
			if err := t.Release(f.t.Context(), l.Job, l.Holder); err != nil {
				return err
			}
		}
		return nil
	}))
}

// ask is a request with a token.
func (f *feeds) ask(token, path string) (int, []byte) {
	f.t.Helper()
	req, err := http.NewRequest("GET", *f.base.Load()+path, nil)
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", taxiiType)
	res, err := f.client.Do(req)
	f.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	f.must(err)
	return res.StatusCode, text
}

// shown reads what the partner gets through an agreement, in order; nil where the agreement
// is closed to it.
func (f *feeds) shown(name string) []string {
	f.t.Helper()
	a := f.agreement(name)
	out := []string{}
	last := ""
	for next := "match[version]=all"; next != ""; {
		status, text := f.ask(partnerToken, "/"+name+"/collections/"+a.Feeds[0].ID+"/manifest/?limit=1000&"+next)
		if status == 404 || status == 403 || status == 503 {
			return nil
		}
		var p killPage
		if err := json.Unmarshal(text, &p); err != nil || status != 200 {
			f.t.Fatalf("%d %.300s", status, text)
		}
		for _, raw := range p.Objects {
			var e killEntry
			f.must(json.Unmarshal(raw, &e))
			if e.Added <= last {
				f.t.Fatalf("%s was added at %s, after what was added at %s", e.ID, e.Added, last)
			}
			last = e.Added
			out = append(out, e.ID+" "+e.Version)
		}
		if next = ""; p.More {
			next = "next=" + p.Next
		}
	}
	return out
}

// killWhile starts the program and kills it at a moment of what the agreement goes through;
// it reports whether the change was still under way then.
func (f *feeds) killWhile(name string, reached func(*entente.Agreement) bool) (under bool) {
	f.t.Helper()
	f.start()
	for deadline := time.Now().Add(time.Minute); ; {
		a := f.agreement(name)
		if a.Work == nil || reached(a) {
			break
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("the change of %s makes no way: %+v\n%s", name, a.Feeds, f.log)
		}
		time.Sleep(2 * time.Millisecond)
	}
	f.kill()
	f.client.CloseIdleConnections()
	return f.agreement(name).Work != nil
}

// stagedBy is reached when so many lines are staged.
func stagedBy(lines int64) func(*entente.Agreement) bool {
	return func(a *entente.Agreement) bool { return len(a.Feeds) > 0 && a.Feeds[0].Tail-a.Feeds[0].Head >= lines }
}

// rest lets the program bring the feeds to rest.
func (f *feeds) rest(name string) {
	f.t.Helper()
	f.start()
	for range 6000 {
		a := f.agreement(name)
		if a.Work == nil && a.Feeds[0].Seen == a.Feeds[0].LogHead {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatalf("%s does not come to rest: %+v\n%s", name, f.agreement(name), f.log)
}

// calm makes an agreement that nothing disturbs, and gives what its partner gets.
func (f *feeds) calm(name, more string) []string {
	f.t.Helper()
	f.decide(entente.ActivateAgreement{Agreement: f.propose(name, more), Backlog: "all"})
	f.rest(name)
	out := f.shown(name)
	f.kill()
	f.orphaned()
	return out
}

// same tells whether two feeds carry the same, and holds that in the first of them each
// relationship comes after what it joins: what was killed and begun anew may have another
// order, in which that is so as well.
func (f *feeds) same(got, want []string) bool {
	f.t.Helper()
	there := map[string]bool{}
	for _, e := range got {
		id, _, _ := strings.Cut(e, " ")
		if there[id] = true; strings.HasPrefix(id, "relationship") {
			n, err := strconv.ParseInt(id[len(id)-12:], 16, 64)
			f.must(err)
			for _, to := range feedLinks(int(n)) {
				if !there[to] {
					f.t.Fatalf("%s comes before %s, to which it refers", id, to)
				}
			}
		}
	}
	return slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)))
}

// feedID names the n-th object: every third is a tool, and every seventh a relationship.
func feedID(n int) string {
	typ := "malware"
	if n%7 == 0 {
		typ = "relationship"
	} else if n%3 == 0 {
		typ = "tool"
	}
	return fmt.Sprintf("%s--00000000-0000-4000-8000-%012x", typ, n)
}

// feedLinks are what a relationship joins: the object before it, and one that comes a
// hundred later, for which it waits.
func feedLinks(n int) []string {
	later := n + 100
	if later%7 == 0 {
		later++
	}
	return []string{feedID(n - 1), feedID(later)}
}

// feedObjects writes the objects from one number to another.
func feedObjects(from, to int) []string {
	var out []string
	for n := from; n < to; n++ {
		id := feedID(n)
		typ, _, _ := strings.Cut(id, "--")
		more := map[string]string{"malware": `"name":"n","is_family":false`, "tool": `"name":"n"`}[typ]
		if typ == "relationship" {
			links := feedLinks(n)
			more = fmt.Sprintf(`"relationship_type":"uses","source_ref":"%s","target_ref":"%s"`, links[0], links[1])
		}
		out = append(out, fmt.Sprintf(`{"type":"%s","spec_version":"2.1","id":"%s","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],%s}`,
			typ, id, more))
	}
	return out
}

const noTools = `types = ["malware", "relationship"]`

// TestKillFeeds kills a node while it activates an agreement over many objects, while it
// makes its terms tighter and wider, and while objects come in. A reader gets what was before or what
// is after, never a part; at rest every feed is that of an agreement that nothing disturbed.
func TestKillFeeds(t *testing.T) {
	const objects, kills = 12_000, 4
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			seed := *killSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("-kill-seed %d", seed)
			f := newFeeds(t, engine, newURL(t), seed)
			f.direct(func(ctx context.Context, n *node.Node) {
				_, err := n.Intake(ctx, entente.LocalActor(), f.shelf, stix.NewReader(strings.NewReader(strings.Join(feedObjects(1, objects+1), "\n"))), node.IntakeOptions{})
				f.must(err)
				f.must(n.CatchUp(ctx, nil))
			})
			whole := f.calm("calm", "")
			if len(whole) < objects*9/10 {
				t.Fatalf("%d entries", len(whole))
			}
			hit := 0
			amend := func(id, more string) {
				t.Helper()
				v := f.terms("pact", more)
				f.decide(entente.AmendAgreement{Agreement: id, Terms: v, Reason: "other types"},
					entente.AcceptAgreement{Agreement: id, Organisation: f.partner, Hash: v.Hash, Said: "by letter"},
					entente.ActivateAgreement{Agreement: id})
			}
			under := func(name string, before, after []string, open bool) {
				t.Helper()
				head := int64(0)
				if a := f.agreement(name); len(a.Feeds) > 0 {
					head = a.Feeds[0].Head
				}
				for n := range kills {
					at := int64(1)
					if n > 0 {
						at = 1 + f.random.Int64N(int64(len(whole)*11/10))
					}
					was := f.killWhile(name, stagedBy(at))
					if was {
						hit++
					}
					a := f.agreement(name)
					if was && a.Feeds[0].Head != head {
						t.Fatalf("killed at %d staged lines: the head is %d, and was %d", at, a.Feeds[0].Head, head)
					}
					f.orphaned()
					f.start()
					got := f.shown(name)
					f.kill()
					f.orphaned()
					if got != nil && !f.same(got, after) && !(open && f.same(got, before)) {
						t.Fatalf("a reader got %d entries: neither what was nor the %d of afterwards", len(got), len(after))
					}
				}
				f.rest(name)
				if got := f.shown(name); !f.same(got, after) {
					t.Fatalf("at rest %d entries are shown, want %d", len(got), len(after))
				}
				f.kill()
				f.orphaned()
			}
			pact := f.propose("pact", "")
			f.decide(entente.ActivateAgreement{Agreement: pact, Backlog: "all"})
			under("pact", nil, whole, false)

			// Tools leave, and the relationships that refer to them.
			tools := func(typ string) bool { return strings.HasPrefix(typ, "tool--") }
			fewer := f.calm("calmer", noTools)
			if len(fewer) == 0 || slices.ContainsFunc(fewer, tools) {
				t.Fatalf("%d entries", len(fewer))
			}
			amend(pact, noTools)
			under("pact", whole, fewer, false)
			// And they come back, while readers are let in.
			amend(pact, "")
			under("pact", fewer, whole, true)
			// Each change's first kill, at the first staged line, hits it; others may come late.
			if hit < 3 {
				t.Errorf("only %d kills hit a change; the test shows nothing", hit)
			}
			f.intake(objects, "pact")
			want := f.calm("calmest", "")
			f.rest("pact")
			if got := f.shown("pact"); !f.same(got, want) || len(got) <= len(whole) {
				t.Errorf("after intake %d entries are shown, want %d", len(got), len(want))
			}
			f.kill()
			f.orphaned()
			f.direct(func(ctx context.Context, n *node.Node) {
				f.must(n.CatchUp(ctx, nil))
				ex, err := n.Doctor(ctx, entente.LocalActor(), nil)
				f.must(err)
				if !ex.Sound {
					t.Errorf("the doctor found %d faults: %v", ex.Faults, ex.Complaints)
				}
			})
		})
	}
}

// intake posts objects beyond a number, and kills the program at random moments of that.
func (f *feeds) intake(from int, name string) {
	f.t.Helper()
	for range 4 {
		f.start()
		stop := make(chan struct{})
		done := make(chan int, 1)
		go func() {
			at := from
			defer func() { done <- at }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				body := `{"objects":[` + strings.Join(feedObjects(at+1, at+201), ",") + `]}`
				if !f.posted([]byte(body)) {
					return
				}
				at += 200
			}
		}()
		before := f.agreement(name).Feeds[0].Head
		for f.agreement(name).Feeds[0].Head < before+200 { // the applier is at it
			time.Sleep(5 * time.Millisecond)
		}
		f.pause(150 * time.Millisecond)
		f.kill()
		close(stop)
		from = <-done
		f.client.CloseIdleConnections()
		f.orphaned()
	}
	// What was cut off may be in as a whole or not at all: it is sent again.
	f.start()
	if !f.posted([]byte(`{"objects":[` + strings.Join(feedObjects(from+1, from+401), ",") + `]}`)) {
		f.t.Error("the last objects were not taken")
	}
	f.kill()
	f.orphaned()
}

func (f *feeds) posted(body []byte) bool {
	req, err := http.NewRequest("POST", *f.base.Load()+f.objs+"objects/", bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+killToken)
	req.Header.Set("Accept", taxiiType)
	req.Header.Set("Content-Type", taxiiType)
	res, err := f.client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == 202
}
