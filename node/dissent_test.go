package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"

	"pgregory.net/rapid"
)

const (
	creatorIdentity = "identity--00000000-0000-4000-8000-0000000000c0"
	hour            = 3600 * 1_000_000
)

// arguing is a sharing whose partners dissent, on a clock of its own.
type arguing struct {
	*sharing
	now              int64
	home, made, evil string // ids: home, the organisation that makes objects, another one
}

func newArguing(t *testing.T, url string, change func(*entente.Terms)) *arguing {
	t.Helper()
	s := &arguing{sharing: newSharing(t, url, change), now: 1_767_225_600_000_000}
	s.n.now = func() int64 { s.now++; return s.now }
	s.made = s.do(entente.AddPartner{Name: "Maker", Identities: []entente.ObjectID{creatorIdentity}})
	s.evil = s.do(entente.AddPartner{Name: "Hostile"})
	s.must(s.n.st.View(t.Context(), func(tx *store.Tx) error {
		h, err := tx.Home(t.Context())
		s.home = h.ID
		return err
	}))
	s.submit(s.made, `{"type":"identity","spec_version":"2.1","id":"`+creatorIdentity+`","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"Maker",`+green+`}`)
	return s
}

// submit puts an object into the shelf as a source.
func (s *arguing) submit(source, object string) *entente.Version {
	s.Helper()
	v, findings := stix.Parse([]byte(object))
	if v == nil {
		s.Fatalf("%s: %v", object, findings)
	}
	ctx := context.Background()
	content, err := s.n.st.Reserve(ctx, "content", 1, contentsAhead)
	s.must(err)
	c := entente.Submit{Collection: s.shelf, Versions: []*entente.Version{v}}
	s.must(s.n.st.Update(ctx, func(t *store.Tx) error {
		f, err := t.Facts(ctx, entente.LocalActor(), c)
		if err != nil {
			return err
		}
		f.Now, f.NextContent, f.Home.ID = s.n.now(), content, source
		ch, err := entente.Decide(c, f)
		if err != nil {
			return err
		}
		return t.Apply(ctx, ch)
	}))
	return v
}

// standing lists what stands in the feed of the agreement once all is judged.
func (s *arguing) standing() map[entente.ObjectID]bool {
	s.Helper()
	ctx := context.Background()
	s.must(s.n.SettleAll(ctx))
	out := map[entente.ObjectID]bool{}
	s.must(s.n.st.View(ctx, func(t *store.Tx) error {
		a, err := t.Agreement(ctx, "north")
		if err != nil {
			return err
		}
		for after, more := int64(0), true; more; {
			p, err := t.Page(ctx, store.FeedQuery{Feed: a.Feeds[0].Feed, Head: a.Feeds[0].Head, After: after, Limit: 1000})
			if err != nil {
				return err
			}
			for _, e := range p.Entries {
				out[e.ID] = true
			}
			after, more = p.Next, p.More
		}
		return nil
	}))
	return out
}

func opinion(id, value, marking string, about ...string) string {
	return fmt.Sprintf(`{"type":"opinion","spec_version":"2.1","id":%q,"created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","opinion":%q,"object_refs":["%s"],%s}`,
		id, value, strings.Join(about, `","`), marking)
}

func uuidOf(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

func madeObject(id, marking string, maker bool) string {
	by := ""
	if maker {
		by = `"created_by_ref":"` + creatorIdentity + `",`
	}
	return fmt.Sprintf(`{"type":"malware","spec_version":"2.1","id":%q,%s"created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"m","is_family":false,%s}`, id, by, marking)
}

// Dissent goes with what it is about, and holds it back no longer than the terms say.
func TestDissentTravels(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			carry := newArguing(t, url(t), nil)
			require := newArguing(t, url(t), func(t *entente.Terms) { t.RequireDissent = true })
			object, view, missing := "malware--"+uuidOf(1), "opinion--"+uuidOf(2), "malware--"+uuidOf(3)
			expect := func(s *arguing, when string, want ...string) {
				t.Helper()
				got := s.standing()
				for _, id := range []string{object, view} {
					if got[entente.ObjectID(id)] != slices.Contains(want, id) {
						t.Errorf("%s: %s stands: %v", when, id, got[entente.ObjectID(id)])
					}
				}
			}
			// The opinion refers to something that is not there, so that it cannot go yet.
			for _, s := range []*arguing{carry, require} {
				s.submit(s.home, opinion(view, "disagree", green, object, missing))
				s.submit(s.home, madeObject(object, green, false))
			}
			expect(carry, "carry", object)
			expect(require, "require")
			require.now += 71 * hour
			expect(require, "after 71 hours")
			require.now += 2 * hour
			expect(require, "after 73 hours", object)
			contested := func(s *arguing, when string, want bool) {
				t.Helper()
				all, err := s.n.Who(t.Context(), entente.LocalActor(), entente.ObjectID(object))
				s.must(err)
				for _, w := range all {
					if w.Sees && w.Through[0].Contested != want {
						t.Errorf("%s: who sees it is told that it is contested: %v", when, w.Through[0].Contested)
					}
				}
				x, err := s.n.Explain(t.Context(), entente.LocalActor(), "north", entente.ObjectID(object))
				s.must(err)
				if v := x.Submissions[0].Verdict; v.Contested != want || v.Ruling != entente.Released {
					t.Errorf("%s: explained as %+v", when, v)
				}
			}
			contested(carry, "carry", true)
			contested(require, "require", true)
			for _, s := range []*arguing{carry, require} {
				s.submit(s.home, madeObject(missing, green, false))
			}
			expect(carry, "carry, all there", object, view)
			expect(require, "require, all there", object, view)
			contested(carry, "carry, all there", false)
			contested(require, "require, all there", false)
		})
	}
}

// A strike, a newer version and a deletion let go what waited for dissent; another's opinion
// never held it.
func TestDissentLetsGo(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			s := newArguing(t, url(t), func(t *entente.Terms) { t.RequireDissent = true })
			s.do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Analyst}})
			var ann entente.Actor
			s.must(s.n.st.View(t.Context(), func(tx *store.Tx) error {
				a, err := tx.AccountByName(t.Context(), "ann")
				ann = entente.Actor{Account: *a}
				return err
			}))
			s.do(entente.SetGrant{Account: ann.Account.ID, Collection: s.shelf, Read: true})
			for n, end := range map[int]func(id string){
				10: func(id string) {
					_, err := s.n.Do(t.Context(), ann, entente.StrikeDissent{Dissent: entente.ObjectID(id), Reason: "r"})
					s.must(err)
				},
				20: func(id string) {
					s.submit(s.home, strings.Replace(opinion(id, "agree", red, "malware--"+uuidOf(20)), `"modified":"2026-01-01`, `"modified":"2026-01-02`, 1))
				},
				30: func(id string) { s.do(entente.DeleteObject{Collection: s.shelf, Object: entente.ObjectID(id)}) },
			} {
				object, view := "malware--"+uuidOf(n), "opinion--"+uuidOf(n+1)
				s.submit(s.home, opinion(view, "strongly-disagree", red, object))
				s.submit(s.home, madeObject(object, green, true))
				if s.standing()[entente.ObjectID(object)] {
					t.Errorf("%d does not wait for dissent that may not go", n)
				}
				end(view)
				if !s.standing()[entente.ObjectID(object)] {
					t.Errorf("%d waits although its dissent counts no more", n)
				}
			}
			s.submit(s.evil, opinion("opinion--"+uuidOf(41), "strongly-disagree", red, "malware--"+uuidOf(40)))
			s.submit(s.home, madeObject("malware--"+uuidOf(40), green, true))
			if !s.standing()[entente.ObjectID("malware--"+uuidOf(40))] {
				t.Error("another's dissent holds it back")
			}
			_, err := s.n.Do(t.Context(), ann, entente.StrikeDissent{Dissent: entente.ObjectID("opinion--" + uuidOf(41)), Reason: "r"})
			if entente.KindOf(err) != entente.Forbidden {
				t.Errorf("another's dissent was struck: %v", err)
			}
		})
	}
}

// In no order of events does a version enter, where the terms require dissent, before the
// dissent of home and of its maker that was there before it entered with it, was struck, or had
// 72 hours to do so; and nothing else of the kind holds it back. Dissent that came later than a
// version that nothing held back goes after it, also where both are judged at once.
func TestDissentRequired(t *testing.T) {
	s := newArguing(t, storetest.URLs()["sqlite"](t), func(t *entente.Terms) { t.RequireDissent = true })
	s.do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Analyst, entente.Operator}})
	var ann entente.Actor
	s.must(s.n.st.View(t.Context(), func(tx *store.Tx) error {
		a, err := tx.AccountByName(t.Context(), "ann")
		ann = entente.Actor{Account: *a}
		return err
	}))
	next := 1000
	rapid.Check(t, func(r *rapid.T) {
		next += 100
		object := entente.ObjectID("malware--" + uuidOf(next))
		maker := rapid.Bool().Draw(r, "the object has a maker")
		type dissent struct {
			id      entente.ObjectID
			source  string
			may     bool // it can enter
			arrived int64
			struck  bool
		}
		var all []*dissent
		arrived, judged := int64(0), int64(0)
		entered := false
		check := func() {
			seen := max(judged, arrived)
			stands := s.standing()
			judged = s.now
			free := arrived != 0 // nothing may hold it back
			for _, d := range all {
				if d.may && stands[d.id] != stands[object] {
					r.Fatalf("%s stands: %v, what it is about: %v", d.id, stands[d.id], stands[object])
				}
				if d.struck || d.source != s.home && (!maker || d.source != s.made) {
					continue
				}
				over := arrived != 0 && s.now-max(d.arrived, arrived) >= entente.DissentWait
				if stands[object] && !entered && !stands[d.id] && !over && d.arrived <= seen {
					r.Fatalf("%s entered without %s", object, d.id)
				}
				free = free && (d.may || over)
			}
			if free && !stands[object] {
				r.Fatalf("%s is held back by nothing that may", object)
			}
			if arrived == 0 && stands[object] {
				r.Fatal("it stands before it came")
			}
			entered = stands[object]
		}
		n := 0
		r.Repeat(map[string]func(*rapid.T){
			"object": func(r *rapid.T) {
				if arrived == 0 {
					s.submit(s.home, madeObject(string(object), green, maker))
					arrived = s.now
				}
			},
			"dissent": func(r *rapid.T) {
				if n++; n > 20 {
					r.Skip("enough")
				}
				d := &dissent{id: entente.ObjectID("opinion--" + uuidOf(next+n)), source: rapid.SampledFrom([]string{s.home, s.made, s.evil}).Draw(r, "source")}
				about, marking := []string{string(object)}, green
				switch rapid.IntRange(0, 2).Draw(r, "kind") {
				case 0:
					d.may = true
				case 1:
					marking = red
				case 2:
					about = append(about, "malware--"+uuidOf(next+99)) // which never comes
				}
				s.submit(d.source, opinion(string(d.id), "disagree", marking, about...))
				d.arrived = s.now
				all = append(all, d)
			},
			"strike": func(r *rapid.T) {
				if len(all) == 0 {
					r.Skip("nothing to strike")
				}
				d := rapid.SampledFrom(all).Draw(r, "struck")
				_, err := s.n.Do(context.Background(), ann, entente.StrikeDissent{Dissent: d.id, Reason: "r"})
				switch {
				case d.source != s.home && entente.KindOf(err) == entente.Forbidden, d.struck && entente.KindOf(err) == entente.Conflict:
				case d.source == s.home && !d.struck && err == nil:
					d.struck = true
				default:
					r.Fatalf("%+v: %v", *d, err)
				}
			},
			"time":  func(r *rapid.T) { s.now += int64(rapid.IntRange(1, 40).Draw(r, "hours")) * hour },
			"judge": func(*rapid.T) { check() },
		})
		check()
	})
}
