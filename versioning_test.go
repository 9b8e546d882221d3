package entente_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente"
)

const (
	alice = "identity--00000000-0000-4000-8000-00000000000a"
	bob   = "identity--00000000-0000-4000-8000-00000000000b"
)

// one makes a version of the one object of these tests. Days are of January 2026; day 0
// leaves a time out.
func one(spec entente.Spec, modified, created int, by entente.ObjectID, revoked bool, contents string) *entente.Version {
	v := &entente.Version{ID: "tool--00000000-0000-4000-8000-000000000001", Type: "tool", Spec: spec, CreatedBy: by, Revoked: revoked}
	at := func(day int) (in entente.Instant) {
		if day > 0 {
			in, _ = entente.ParseInstant(fmt.Sprintf("2026-01-%02dT00:00:00.000Z", day))
		}
		return in
	}
	v.Modified, v.Created = at(modified), at(created)
	v.Digest = sha256.Sum256(fmt.Appendf(nil, "%d %d %d %s %v %s", spec, modified, created, by, revoked, contents))
	return v
}

func TestBreaches(t *testing.T) {
	v := func(modified, created int, by entente.ObjectID, revoked bool) *entente.Version {
		return one(entente.Spec21, modified, created, by, revoked, "")
	}
	two := func(modified int, by entente.ObjectID, revoked bool) *entente.Version {
		return one(entente.Spec20, modified, 1, by, revoked, "")
	}
	for _, tc := range []struct {
		name string
		all  []*entente.Version // one after another
		want []string           // of each: properties, "" for none
	}{
		{"versions by one creator", []*entente.Version{v(1, 1, alice, false), v(2, 1, alice, false), v(3, 1, alice, true)}, []string{"", "", ""}},
		{"and in any order", []*entente.Version{v(3, 1, alice, true), v(1, 1, alice, false), v(2, 1, alice, false)}, []string{"", "", ""}},
		{"another's version", []*entente.Version{v(1, 1, alice, false), v(2, 1, bob, false)}, []string{"", "created_by_ref"}},
		{"another's version that came first", []*entente.Version{v(2, 1, bob, false), v(1, 1, alice, false)}, []string{"", "created_by_ref"}},
		{"another's version, and then the creator's", []*entente.Version{v(1, 1, alice, false), v(2, 1, bob, false), v(3, 1, alice, false)}, []string{"", "created_by_ref", ""}},
		{"nobody's version", []*entente.Version{v(1, 1, alice, false), v(2, 1, "", false)}, []string{"", "created_by_ref"}},
		{"who comes out later", []*entente.Version{v(1, 1, "", false), v(2, 1, alice, false)}, []string{"", ""}},
		{"who comes out later, and then another", []*entente.Version{v(1, 1, "", false), v(2, 1, alice, false), v(3, 1, bob, false)}, []string{"", "", "created_by_ref"}},
		{"nobody ever", []*entente.Version{v(1, 1, "", false), v(2, 1, "", true)}, []string{"", ""}},
		{"created changed", []*entente.Version{v(1, 1, alice, false), v(3, 2, alice, false), v(4, 1, alice, false)}, []string{"", "created", ""}},
		{"created left out", []*entente.Version{v(1, 1, alice, false), v(3, 0, alice, false), v(4, 1, alice, false)}, []string{"", "", ""}},
		{"the first came last, and tells another created", []*entente.Version{v(3, 2, alice, false), v(2, 1, alice, false)}, []string{"", "created"}},
		{"after the revocation", []*entente.Version{v(2, 1, alice, true), v(3, 1, alice, false), v(4, 1, alice, true)}, []string{"", "modified", "modified"}},
		{"before the revocation", []*entente.Version{v(2, 1, alice, true), v(1, 1, alice, false)}, []string{"", ""}},
		{"a revocation that came after a later version", []*entente.Version{v(3, 1, alice, false), v(2, 1, alice, true)}, []string{"", "revoked"}},
		{"another's revocation is none", []*entente.Version{v(1, 1, alice, false), v(2, 1, bob, true), v(3, 1, alice, false)}, []string{"", "created_by_ref", ""}},
		{"the same version, revoked", []*entente.Version{v(2, 1, alice, false), v(2, 1, alice, true)}, []string{"", "revoked"}},
		{"again", []*entente.Version{v(1, 1, alice, false), v(2, 1, bob, false), v(1, 1, alice, false), v(2, 1, bob, false)}, []string{"", "created_by_ref", "", "created_by_ref"}},
		{"both specifications", []*entente.Version{two(1, alice, false), v(1, 1, alice, false), two(2, alice, false), v(2, 1, alice, false)}, []string{"", "", "", ""}},
		{"revoked in one specification", []*entente.Version{v(1, 1, alice, true), two(2, alice, false)}, []string{"", "modified"}},
		{"all at once", []*entente.Version{v(2, 1, alice, true), v(3, 2, bob, false)}, []string{"", "created_by_ref created modified"}},
		{"observables have no versions", []*entente.Version{v(0, 0, "", false), one(entente.Spec21, 0, 0, "", true, "other")}, []string{"", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make([]string, len(tc.all))
			w := newWorld()
			for i, v := range tc.all {
				r, err := w.do(t, entente.Submit{Versions: []*entente.Version{v}})
				if err != nil {
					t.Fatal(err)
				}
				got[i] = properties(r.Results[0].Breaches)
				for _, b := range r.Results[0].Breaches {
					want := "STIX 2.1 §3."
					if v.Spec == entente.Spec20 {
						want = "STIX 2.0 Part 1 §3."
					}
					if b.Severity != entente.Warning || !strings.HasPrefix(b.Section, want) {
						t.Errorf("%+v", b)
					}
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Fatal(d)
			}
		})
	}
}

func properties(bs []entente.Finding) string {
	var all []string
	for _, b := range bs {
		all = append(all, b.Property)
	}
	return strings.Join(all, " ")
}

// A version that was deleted counts no more: a mistaken revocation can be taken out.
func TestDeletedVersionsAreNoHistory(t *testing.T) {
	w := newWorld()
	wrong := one(entente.Spec21, 2, 1, alice, true, "")
	for _, c := range []entente.Command{
		entente.Submit{Versions: []*entente.Version{one(entente.Spec21, 1, 1, alice, false, ""), wrong}},
		entente.DeleteObject{Object: wrong.ID, Versions: entente.VersionFilter{Exact: []entente.Instant{wrong.Modified}}},
	} {
		if _, err := w.do(t, c); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.do(t, entente.Submit{Versions: []*entente.Version{one(entente.Spec21, 3, 1, alice, false, "")}})
	if err != nil || len(r.Results[0].Breaches) > 0 {
		t.Fatalf("%v: %+v", err, r.Results)
	}
	if at := entente.Revocation(w.known[wrong.ID]); at >= 0 {
		t.Fatalf("revoked by content %d", at)
	}
}

func drawOne(t *rapid.T) *entente.Version {
	day := rapid.IntRange(0, 4)
	return one(rapid.SampledFrom([]entente.Spec{entente.Spec20, entente.Spec21, entente.Spec21}).Draw(t, "spec"),
		day.Draw(t, "modified"), day.Draw(t, "created"), rapid.SampledFrom([]entente.ObjectID{"", alice, bob}).Draw(t, "by"),
		rapid.Bool().Draw(t, "revoked"), rapid.SampledFrom([]string{"", "x"}).Draw(t, "contents"))
}

// A creator who keeps the rules is never reported, in whatever order and batches the
// versions come.
func TestWellMadeHistoryIsNotReported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.SliceOfNDistinct(rapid.IntRange(2, 28), 1, 12, rapid.ID[int]).Draw(t, "days")
		last := slices.Max(days)
		ends := rapid.Bool().Draw(t, "revoked at the end")
		named := rapid.IntRange(0, 29).Draw(t, "named from this day on")
		var all []*entente.Version
		for _, d := range days {
			by := entente.ObjectID("")
			if d >= named {
				by = alice
			}
			all = append(all, one(entente.Spec21, d, 1, by, ends && d == last, ""))
		}
		w := newWorld()
		for len(all) > 0 {
			n := rapid.IntRange(1, len(all)).Draw(t, "batch")
			r, err := w.do(t, entente.Submit{Versions: all[:n]})
			if err != nil {
				t.Fatal(err)
			}
			for _, res := range r.Results {
				if len(res.Breaches) > 0 {
					t.Fatalf("version %s: %+v", res.Version, res.Breaches)
				}
			}
			all = all[n:]
		}
	})
}

// What is wrong between two versions is told, whichever comes first.
func TestOneOfTwoIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawOne(t), drawOne(t)
		told := func(all ...*entente.Version) string {
			w := newWorld()
			r, err := w.do(t, entente.Submit{Versions: all})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Results[0].Breaches) > 0 {
				t.Fatalf("the first of all: %+v", r.Results[0])
			}
			return strings.ReplaceAll(properties(r.Results[1].Breaches), "modified", "revoked")
		}
		first, second := told(a, b), told(b, a)
		if a.Key() == b.Key() {
			return // of one moment, the one that came first is the measure
		}
		if first != second {
			t.Fatalf("%+v\n%+v\ntold %q one way and %q the other", a, b, first, second)
		}
	})
}

// The rules only report: what becomes of a version, and what is shown, does not depend on
// them; and a batch is told the same as its versions one by one.
func TestBreachesOnlyReport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(drawOne), 1, 10).Draw(t, "versions")
		silent := make([]*entente.Version, len(all))
		for i, v := range all {
			c := *v
			c.CreatedBy, c.Revoked = "", false
			silent[i] = &c
		}
		batch, quiet, single := newWorld(), newWorld(), newWorld()
		r, err := batch.do(t, entente.Submit{Versions: all})
		if err != nil {
			t.Fatal(err)
		}
		s, err := quiet.do(t, entente.Submit{Versions: silent})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range all {
			one, err := single.do(t, entente.Submit{Versions: []*entente.Version{v}})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r.Results[i], one.Results[0]); d != "" {
				t.Fatalf("in a batch and alone (-batch +alone): %s", d)
			}
			if got, want := r.Results[i].Outcome, s.Results[i].Outcome; got != want {
				t.Fatalf("%+v: %v, and %v without its creator", v, got, want)
			}
		}
		if d := cmp.Diff(quiet.shown(), batch.shown()); d != "" {
			t.Fatal(d)
		}
	})
}

// Intake of what is new, and of what is there already, reads nothing to compare with; and
// of an object with very many versions it reads a few.
func TestComparedIsLittle(t *testing.T) {
	w := newWorld()
	var all []*entente.Version
	for day := range 28 {
		all = append(all, one(entente.Spec21, day+1, 1, alice, false, ""))
	}
	if got := (entente.Submit{Versions: all}).Compared(w.facts().Known); len(got) != 0 {
		t.Fatalf("new: %v", got)
	}
	if _, err := w.do(t, entente.Submit{Versions: all[:1]}); err != nil {
		t.Fatal(err)
	}
	if got := (entente.Submit{Versions: all[:1]}).Compared(w.facts().Known); len(got) != 0 {
		t.Fatalf("again: %v", got)
	}
	if got := (entente.Submit{Versions: all[1:2]}).Compared(w.facts().Known); len(got) != 1 {
		t.Fatalf("a second version: %v", got)
	}
	if _, err := w.do(t, entente.Submit{Versions: all}); err != nil {
		t.Fatal(err)
	}
	got := (entente.Submit{Versions: all}).Compared(w.facts().Known)
	if len(got) != 16 || got[0] != 1 || got[15] != 28 {
		t.Fatalf("many: %v", got)
	}
}
