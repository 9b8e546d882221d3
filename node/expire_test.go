package node

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente"
	"entente/ledger"
	"entente/store"
	"entente/store/storetest"
)

// clocked opens a node whose clock stands where now points to.
func clocked(t testing.TB, url string, now *int64) *Node {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	n, err := Open(t.Context(), st, Config{Home: "Home", Now: func() int64 { *now++; return *now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// as acts as somebody.
func as(t testing.TB, n *Node, account, reference string, c entente.Command) (entente.Receipt, error) {
	t.Helper()
	return n.Do(t.Context(), entente.Actor{Account: entente.Account{ID: account}, Case: reference}, c)
}

// events gives the ids of the main log's events of a kind.
func events(t testing.TB, n *Node, kind string) (ids []string) {
	t.Helper()
	_, all := verified(t, n, ledger.Options{})
	for _, x := range all {
		if x.Partner == "" && x.Event.Kind == kind {
			ids = append(ids, x.Event.ID)
		}
	}
	return ids
}

// An event is erased by two people, from all logs, with its salt; an event tells of it, and the
// ledger verifies.
func TestEraseEvent(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			url := newURL(t)
			n := ledgerNode(t, store.Options{URL: url})
			ann := local(t, n, entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}}).ID
			bob := local(t, n, entente.AddAccount{Name: "bob", Roles: []entente.Role{entente.Releaser}}).ID
			partner := local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID
			words := "said of a person by mistake"
			if _, err := as(t, n, ann, "", entente.PlaceStop{Organisation: partner, Reason: words, Basis: "Act 7"}); err != nil {
				t.Fatal(err)
			}
			stop := events(t, n, "stop")[0]
			before := mainNote(t, n)
			propose := func(event string) entente.ProposeErasure {
				return entente.ProposeErasure{Event: event, Basis: "Act 9", Case: "2027-1", Reason: "names a person"}
			}
			for _, kind := range []string{"heads"} {
				if _, err := as(t, n, ann, "", propose(events(t, n, kind)[0])); entente.KindOf(err) != entente.Conflict {
					t.Errorf("%s: %v", kind, err)
				}
			}
			if _, err := as(t, n, ann, "", propose("00000000-0000-4000-8000-000000000000")); entente.KindOf(err) != entente.NotFound {
				t.Errorf("no such event: %v", err)
			}
			if _, err := n.Do(t.Context(), entente.LocalActor(), propose(stop)); entente.KindOf(err) != entente.Unauthenticated {
				t.Errorf("without a name: %v", err)
			}
			r, err := as(t, n, ann, "", propose(stop))
			if err != nil {
				t.Fatal(err)
			}
			confirm := entente.ConfirmErasure{Erasure: r.ID}
			if _, err := as(t, n, ann, "", confirm); entente.KindOf(err) != entente.Forbidden {
				t.Errorf("by the same person: %v", err)
			}
			if _, err := as(t, n, bob, "", confirm); err != nil {
				t.Fatal(err)
			}
			rep, all := verified(t, n, ledger.Options{Seen: [][]byte{before}})
			if rep.Erased != 2 || rep.Kinds["erase"] != 1 || rep.Shared["erase"] != 1 || rep.Kinds["stop"] != 0 {
				t.Fatalf("%+v", rep)
			}
			for _, x := range all {
				if strings.Contains(string(x.Raw), words) {
					t.Errorf("the words are still there: %s", x.Raw)
				}
				var e entente.Event
				if err := json.Unmarshal(x.Raw, &e); err != nil {
					t.Fatal(err)
				}
				if e.Kind == "erase" && x.Partner == "" && (e.By.Account != bob || e.Basis != "Act 9" || e.Case != "2027-1") {
					t.Errorf("the erasure is told as %s", x.Raw)
				}
			}
			for _, id := range []string{stop, events(t, n, "erase")[0]} {
				if _, err := as(t, n, ann, "", propose(id)); entente.KindOf(err) != entente.Conflict {
					t.Errorf("again: %v", err)
				}
			}
			if _, err := as(t, n, bob, "", confirm); entente.KindOf(err) != entente.Conflict {
				t.Errorf("confirmed again: %v", err)
			}
		})
	}
}

// Nothing of an erased event is left in the files.
func TestErasedEventLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	n := ledgerNode(t, store.Options{URL: filepath.Join(dir, "entente.db")})
	ann := local(t, n, entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}}).ID
	bob := local(t, n, entente.AddAccount{Name: "bob", Roles: []entente.Role{entente.Releaser}}).ID
	words := "needle in the haystack"
	if err := deliver(t, n, words); err != nil {
		t.Fatal(err)
	}
	// The reason is kept nowhere but in the event.
	local(t, n, entente.SetRetention{Class: entente.KeepAccess, Reason: words})
	for _, kind := range []string{"deliver", "retention"} {
		r, err := as(t, n, ann, "", entente.ProposeErasure{Event: events(t, n, kind)[0], Basis: "b", Case: "c", Reason: "r"})
		if err != nil {
			t.Fatal(err)
		}
		who := entente.Actor{Account: entente.Account{ID: bob, Mandates: []entente.Mandate{{Role: entente.Releaser}}}, At: n.now()}
		if _, err := n.ConfirmErasure(t.Context(), who, entente.ConfirmErasure{Erasure: r.ID}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if b, err := os.ReadFile(name); err != nil || strings.Contains(string(b), words) {
			t.Errorf("%s holds what was erased, %v", filepath.Base(name), err)
		}
	}
	verified(t, n, ledger.Options{})
}

// Events go when the time of their class is over, but for those of a preserved case; what is
// left of the ledger verifies, run after run.
func TestRetention(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			now := int64(1_767_225_600_000_000) // 2026-01-01
			const day = 86_400_000_000
			n := clocked(t, newURL(t), &now)
			ann := local(t, n, entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}}).ID
			partner := local(t, n, entente.AddPartner{Name: "Delta CERT"}).ID
			c := local(t, n, entente.AddCollection{Name: "In"}).ID
			act(t, n, partner)
			act(t, n, partner)
			if err := deliver(t, n, "old"); err != nil {
				t.Fatal(err)
			}
			v, err := entente.ParseObjectID("tool--00000000-0000-4000-8000-000000000001")
			if err != nil {
				t.Fatal(err)
			}
			if err := intakeTool(n, c, "n"); err != nil {
				t.Fatal(err)
			}
			if _, err := as(t, n, ann, "2026-7", entente.PlaceStop{Organisation: partner, Reason: "kept", Basis: "Act 7"}); err != nil {
				t.Fatal(err)
			}
			if _, err := as(t, n, ann, "", entente.PreserveObjects{Case: "2026-7", Objects: []entente.ObjectID{v}}); err != nil {
				t.Fatal(err)
			}
			verified(t, n, ledger.Options{})
			seen := mainNote(t, n)
			if erased, err := n.ApplyRetention(t.Context(), entente.LocalActor()); err != nil || erased != 0 {
				t.Fatalf("by default: %d, %v", erased, err)
			}
			now += 400 * day
			if err := deliver(t, n, "new"); err != nil {
				t.Fatal(err)
			}
			if err := n.CatchUpLedger(t.Context()); err != nil {
				t.Fatal(err)
			}
			local(t, n, entente.SetRetention{Class: entente.KeepConfiguration, Period: entente.Period{N: 1, Unit: 'y'}})
			local(t, n, entente.SetRetention{Class: entente.KeepDisclosures, Period: entente.Period{N: 1, Unit: 'y'}, EvenBelowLaw: true, Reason: "Act 12"})
			local(t, n, entente.SetRetention{Class: entente.KeepDecisions, Period: entente.Period{N: 1, Unit: 'y'}, EvenBelowLaw: true, Reason: "Act 12"})
			erased, err := n.ApplyRetention(t.Context(), entente.LocalActor())
			if err != nil || erased == 0 {
				t.Fatalf("%d, %v", erased, err)
			}
			r, all := verified(t, n, ledger.Options{Seen: [][]byte{seen}})
			if r.Kinds["account-add"]+r.Kinds["submit"]+r.Kinds["partner-add"] != 0 || r.Kinds["deliver"] != 1 || r.Kinds["erase"] != 1 ||
				r.Kinds["stop"] != 1 || r.Kinds["preserve"] != 1 || r.Kinds["retention"] != 3 || r.Erased != int64(erased)+2 {
				t.Errorf("%d erased, %+v", erased, r)
			}
			for _, x := range all {
				if x.Event.Kind == "stop" && !strings.Contains(string(x.Raw), `"2026-7"`) && x.Partner == "" {
					t.Errorf("not the stop of the case: %s", x.Raw)
				}
			}
			if again, err := n.ApplyRetention(t.Context(), entente.LocalActor()); err != nil || again != 0 {
				t.Errorf("again: %d, %v", again, err)
			}
			info, err := n.Retention(t.Context(), entente.LocalActor())
			if err != nil || len(info) != 4 || info[2].Period != "forever" || info[1].Period != "1y" {
				t.Errorf("%+v, %v", info, err)
			}
			if ex, err := n.Doctor(t.Context(), entente.LocalActor(), nil); err != nil || !ex.Sound {
				t.Errorf("%+v, %v", ex, err)
			}
		})
	}
}
