package node

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entente"
	"entente/ledger"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

const secret = "quicksandvalley"

func secretMalware(n int) string {
	return strings.Replace(malware(n, `"labels":["x"]`), `"name":"m"`, `"name":"`+secret+`"`, 1)
}

// propose has somebody propose to erase all of an object, and gives the id of the erasure.
func (s *sharing) propose(a entente.Actor, id entente.ObjectID) string {
	s.Helper()
	return s.doAs(a, entente.ProposeErasure{Object: id, All: true, Basis: "Act 7", Case: "2027-015", Reason: "names a person"})
}

func (s *sharing) erasure(id string) entente.Erasure {
	s.Helper()
	all, _, err := s.n.Erasures(s.Context(), entente.LocalActor())
	s.must(err)
	return all[slices.IndexFunc(all, func(e entente.Erasure) bool { return e.ID == id })]
}

// bodies gives the bytes of the contents that are held of an object, copies too.
func (s *sharing) bodies(id entente.ObjectID) (out []string) {
	s.Helper()
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		held, err := t.Object(s.Context(), id)
		out = nil
		for _, h := range held {
			out = append(out, string(h.Bytes))
		}
		return err
	}))
	return out
}

func (s *sharing) isSound() {
	s.Helper()
	if _, err := s.n.VerifyLedger(s.Context(), entente.LocalActor(), ledger.Options{}); err != nil {
		s.Errorf("the ledger: %v", err)
	}
	ex, err := s.n.Doctor(s.Context(), entente.LocalActor(), nil)
	s.must(err)
	if !ex.Sound || ex.Warnings > 0 {
		s.Errorf("the doctor complains: %+v", ex.Complaints)
	}
}

// filesWith lists the files below a directory that hold some bytes.
func filesWith(t testing.TB, dir, what string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(what)) {
			out = append(out, filepath.Base(f))
		}
	}
	return out
}

// What two people erase leaves every collection and feed with what refers to it, and nothing
// of its bytes is left: not in copies, indexes, free pages or the write-ahead log.
func TestErase(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			at := url(t)
			s := newSharing(t, at, func(t *entente.Terms) { t.Unmarked = entente.TLPGreen })
			ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
			other := s.do(entente.AddCollection{Name: "Other"})
			s.take(secretMalware(1), malware(2, green), link(50, 1, 2, green))
			_, err := s.n.Intake(t.Context(), entente.LocalActor(), other, stix.NewReader(strings.NewReader(secretMalware(1))), IntakeOptions{})
			s.must(err)
			var many []string
			for i := range 60 {
				many = append(many, malware(10+i%80, green))
			}
			s.take(many...)
			s.must(s.n.CatchUp(t.Context(), nil))
			before := s.live("north")
			if !strings.HasPrefix(before, "01 02 50") {
				t.Fatalf("before: %s", before)
			}
			if n := len(s.bodies(idOf("malware", 1))); n != 2 {
				t.Fatalf("%d contents, want the version and its stamped copy", n)
			}
			if engine == "sqlite" {
				if found := filesWith(t, filepath.Dir(at), secret); len(found) < 2 {
					t.Fatalf("before, the files hold it in %v alone: the test would find nothing", found)
				}
			}
			id := s.propose(ann, idOf("malware", 1))
			if s.live("north") != before {
				t.Error("a proposal changed what is read")
			}
			e, err := s.n.ConfirmErasure(t.Context(), bob, entente.ConfirmErasure{Erasure: id})
			s.must(err)
			if e.State() != "erased" || e.ConfirmedBy != bob.Account.ID {
				t.Fatalf("%+v", e)
			}
			if after := s.live("north"); after != strings.TrimPrefix(strings.Replace(before, "01 02 50", "02", 1), " ") {
				t.Errorf("after: %s", after)
			}
			for _, b := range s.bodies(idOf("malware", 1)) {
				if b != "" {
					t.Errorf("bytes are left: %s", b)
				}
			}
			found, err := s.n.Search(t.Context(), entente.LocalActor(), secret, nil, 10)
			s.must(err)
			if len(found) > 0 {
				t.Errorf("search finds %+v", found)
			}
			if engine == "sqlite" {
				if found := filesWith(t, filepath.Dir(at), secret); len(found) > 0 {
					t.Errorf("the files hold it still: %v", found)
				}
			}
			shown, err := s.n.Object(t.Context(), entente.LocalActor(), idOf("malware", 1))
			s.must(err)
			if len(shown) != 1 || shown[0].Erasure == nil || shown[0].Erasure.ID != id || len(shown[0].Bytes) > 0 || len(shown[0].Collections) != 2 {
				t.Errorf("shown: %+v", shown)
			}
			s.isSound()
			rep, err := s.n.Intake(t.Context(), entente.LocalActor(), s.shelf, stix.NewReader(strings.NewReader(secretMalware(1))), IntakeOptions{Undelete: true})
			s.must(err)
			if rep.Erased != 1 || rep.Added != 0 {
				t.Errorf("again: %+v", rep)
			}
			s.take(malwareAt(1, "2026-02-01T00:00:00Z", green))
			if after := s.live("north"); !strings.HasSuffix(after, "01 50") {
				t.Errorf("another version does not come in: %s", after)
			}
			s.isSound()
		})
	}
}

// Bytes go only when no reader can be sent them, whatever was done in between and wherever the
// process was killed; what is preserved in between stays until that is lifted.
func TestErasureWaits(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Unmarked = entente.TLPGreen }, func(s *sharing) {
		ctx := s.Context()
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		object := idOf("malware", 1)
		s.take(secretMalware(1), malware(2, green))
		if got := s.live("north"); got != "01 02" {
			s.Fatal(got)
		}
		id := s.propose(ann, object)
		s.doAs(bob, entente.ConfirmErasure{Erasure: id}) // and killed right after
		left := func() bool { return slices.ContainsFunc(s.bodies(object), func(b string) bool { return b != "" }) }
		s.must(s.n.finishErasures(ctx))
		if !left() || s.erasure(id).State() != "confirmed" {
			s.Errorf("bytes went while a feed had them: %s", s.erasure(id).State())
		}
		s.refuse(entente.Conflict, "still be sent", entente.LocalActor(), entente.RemoveBytes{Erasure: id})
		rep, err := s.n.Intake(ctx, entente.LocalActor(), s.shelf, stix.NewReader(strings.NewReader(secretMalware(1))), IntakeOptions{Undelete: true})
		s.must(err)
		if rep.Erased != 1 {
			s.Errorf("it came back before its bytes went: %+v", rep)
		}
		s.doAs(ann, entente.PreserveObjects{Case: "c", Objects: []entente.ObjectID{object}})
		if got := s.live("north"); got != "02" {
			s.Errorf("after the confirmation: %s", got)
		}
		s.must(s.n.finishErasures(ctx))
		if !left() {
			s.Error("what is preserved lost its bytes")
		}
		s.refuse(entente.Conflict, "preserved", entente.LocalActor(), entente.RemoveBytes{Erasure: id})
		shown, err := s.n.Object(ctx, entente.LocalActor(), object)
		s.must(err)
		if len(shown) != 1 || len(shown[0].Bytes) == 0 {
			s.Errorf("who reads everything is not shown what is preserved: %+v", shown)
		}
		s.isSound()
		s.doAs(ann, entente.AskLiftPreserve{Case: "c", Reason: "closed"})
		s.doAs(bob, entente.LiftPreserve{Case: "c"})
		s.must(s.n.finishErasures(ctx))
		if left() || s.erasure(id).State() != "erased" {
			s.Errorf("bytes are left: %s", s.erasure(id).State())
		}
		s.isSound()
	})
}

// An agreement that is suspended has lines that nobody reads. Bytes do not wait for it, and
// when it is restored what they were in has left, with what refers to it.
func TestEraseBesideSuspended(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Unmarked = entente.TLPGreen }, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		s.take(secretMalware(1), malware(2, green), link(50, 1, 2, green))
		if got := s.live("north"); got != "01 02 50" {
			s.Fatal(got)
		}
		a := s.agreement("north")
		s.doAs(ann, entente.SuspendAgreement{Agreement: a.ID, Reason: "r"})
		id := s.propose(ann, idOf("malware", 1))
		e, err := s.n.ConfirmErasure(s.Context(), bob, entente.ConfirmErasure{Erasure: id})
		s.must(err)
		if e.State() != "erased" {
			s.Errorf("%+v", e)
		}
		s.isSound()
		v := a.Hash
		for _, org := range []string{s.partner} {
			s.doAs(ann, entente.AcceptAgreement{Agreement: a.ID, Organisation: org, Hash: v, Said: "by letter"})
		}
		s.doAs(ann, entente.RestoreAgreement{Agreement: a.ID, Backlog: "all", Reason: "r"})
		if got := s.live("north"); got != "02" {
			s.Errorf("restored: %s", got)
		}
		s.isSound()
	})
}

// A collection that is removed takes along what is not preserved, and what is stays for who
// reads everything, until two people lift that.
func TestPreservedOutlivesItsCollection(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		ctx := s.Context()
		ann, bob, eve := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser), s.hire("eve", entente.Reviewer)
		other := s.do(entente.AddCollection{Name: "Other"})
		s.do(entente.SetGrant{Account: ann.Account.ID, Collection: other, Read: true})
		_, err := s.n.Intake(ctx, entente.LocalActor(), other, stix.NewReader(strings.NewReader(secretMalware(1)+malware(2, green))), IntakeOptions{})
		s.must(err)
		s.doAs(ann, entente.PreserveObjects{Case: "c", Objects: []entente.ObjectID{idOf("malware", 1)}})
		s.doAs(ann, entente.PreserveObjects{Case: "d", Objects: []entente.ObjectID{idOf("malware", 1)}})
		s.do(entente.DeleteObject{Collection: other, Object: idOf("malware", 1)})
		s.do(entente.RemoveCollection{Collection: other, EvenIfFull: true})
		s.must(s.n.Sweep(ctx, nil))
		if n, m := len(s.bodies(idOf("malware", 1))), len(s.bodies(idOf("malware", 2))); n != 1 || m != 0 {
			s.Fatalf("%d contents of what is preserved, %d of what is not", n, m)
		}
		shown, err := s.n.Object(ctx, eve, idOf("malware", 1))
		s.must(err)
		if len(shown) != 1 || !strings.Contains(string(shown[0].Bytes), secret) || !slices.Equal(shown[0].Preserved, []string{"c", "d"}) {
			s.Errorf("the reviewer is shown %+v", shown)
		}
		if _, err := s.n.Object(ctx, ann, idOf("malware", 1)); entente.KindOf(err) != entente.NotFound {
			s.Errorf("a releaser who may read no collection that has it: %v", err)
		}
		s.isSound()
		for _, c := range []string{"c", "d"} {
			if len(s.bodies(idOf("malware", 1))) != 1 {
				s.Errorf("it is gone although the case %s holds it", c)
			}
			s.doAs(ann, entente.AskLiftPreserve{Case: c, Reason: "closed"})
			s.doAs(bob, entente.LiftPreserve{Case: c})
			s.isSound()
			s.must(s.n.Sweep(ctx, nil))
		}
		if n := len(s.bodies(idOf("malware", 1))); n != 0 {
			s.Errorf("%d contents stay although no case holds them", n)
		}
		s.isSound()
	})
}
