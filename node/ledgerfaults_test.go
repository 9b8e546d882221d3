package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"entente"
	"entente/ledger"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

var errFault = errors.New("this write fails, for the test")

// faulting is a short life of a node of which one write of the ledger's path fails.
type faulting struct {
	*testing.T
	n      *Node
	on     atomic.Bool  // faults are counted
	count  atomic.Int64 // of writes and commits, each before and after
	at     int64        // the one that fails, from 1 on
	failed string       // what did

	acked  map[string]bool // what was acknowledged, by the words of its event
	wanted map[string]bool // what was asked for
}

// live goes through a life in which the fault at a place occurs, 0 for none, and holds what is
// there afterwards against what was acknowledged.
func live(t *testing.T, url string, at int64) (faults int64, failed string) {
	f := &faulting{T: t, at: at, acked: map[string]bool{}, wanted: map[string]bool{}}
	ctx := t.Context()
	st, err := store.Open(ctx, store.Options{URL: url, Faults: func(write string, persisted bool) error {
		if !f.on.Load() || f.count.Add(1) != f.at {
			return nil
		}
		f.failed = write + " before it persists"
		if persisted {
			f.failed = write + " after it persists"
		}
		return errFault
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var ticks atomic.Int64 // a lease whose end cannot be written runs out soon
	now := func() int64 { return 1_767_225_600_000_000 + 200_000*ticks.Add(1) }
	if f.n, err = Open(ctx, st, Config{Home: "Home", Now: now, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	partner := local(t, f.n, entente.AddPartner{Name: "Delta CERT"}).ID
	in := local(t, f.n, entente.AddCollection{Name: "In"}).ID
	f.on.Store(true)
	do := func(words string, act func() error) {
		f.wanted[words] = true
		switch err := act(); {
		case err == nil:
			f.acked[words] = true
		case at == 0 || f.failed == "":
			t.Fatalf("%s: %v", words, err)
		}
	}
	command := func(c entente.Command) func() error {
		return func() error {
			_, err := f.n.Do(ctx, entente.LocalActor(), c)
			return err
		}
	}
	page := func(words string) { do(words, func() error { return deliver(t, f.n, words) }) }
	sequence := func() {
		if err := f.n.Sequence(ctx); err != nil && f.failed == "" {
			t.Fatal(err)
		}
	}
	submit := func(words string) {
		do(words, func() error {
			return intakeTool(f.n, in, words)
		})
	}
	do("account one", command(entente.AddAccount{Name: "account one", Organisation: partner, Service: true}))
	page("page one")
	sequence()
	submit("submit one")
	page("page two")
	do("rotate", command(entente.RotateLedgerKey{Reason: "rotate"}))
	do("account two", command(entente.AddAccount{Name: "account two", Organisation: partner, Service: true}))
	page("page three")
	do("renew", command(entente.RenewLedger{Cause: "renew"}))
	page("page four")
	do("account three", command(entente.AddAccount{Name: "account three", Organisation: partner, Service: true}))
	sequence()
	f.on.Store(false)
	f.check(in)
	return f.count.Load(), f.failed
}

// check holds the ledger against what was acknowledged, and against what has an effect.
func (f *faulting) check(in string) {
	t, ctx := f.T, f.Context()
	t.Helper()
	if err := f.n.CatchUpLedger(ctx); err != nil {
		t.Fatalf("%s: the ledger does not go on: %v", f.failed, err)
	}
	r, all, err := ledgerOf(t, f.n, ledger.Options{})
	if err != nil {
		t.Fatalf("%s: %v", f.failed, err)
	}
	if waits, err := f.n.eventsWait(ctx); err != nil || waits {
		t.Errorf("%s: events are left: %v, %v", f.failed, waits, err)
	}
	accounts, err := f.n.Accounts(ctx, entente.LocalActor())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // of accounts by id
	effect := map[string]bool{}
	for _, a := range accounts {
		names[a.ID], effect[a.Name] = a.Name, true
	}
	c, err := f.n.CollectionNamed(ctx, entente.LocalActor(), in)
	if err != nil {
		t.Fatal(err)
	}
	effect["submit one"] = c.Head > 0
	keys, err := f.n.LedgerKeys(ctx, entente.LocalActor(), "")
	if err != nil {
		t.Fatal(err)
	}
	effect["rotate"] = slices.ContainsFunc(keys, func(k LedgerKeyInfo) bool { return k.Generation == 2 })
	effect["renew"] = slices.ContainsFunc(keys, func(k LedgerKeyInfo) bool { return k.Epoch == 2 })
	told, ids := map[string]int{}, map[string]bool{}
	for _, x := range all {
		var e entente.Event
		if err := json.Unmarshal(x.Raw, &e); err != nil {
			t.Fatal(err)
		}
		if ids[e.ID] {
			t.Errorf("%s: the event %s is there twice", f.failed, e.ID)
		}
		ids[e.ID] = true
		log := " (main)"
		if x.Partner != "" {
			log = " (partner)"
		}
		switch e.Kind {
		case "account-add":
			told[names[e.About["account"]]+log]++
		case "deliver":
			told[e.Text+log]++
		case "submit":
			told["submit one"+log]++
		case "key", "discontinuity":
			told[e.Reason+log]++
		}
	}
	for words := range f.wanted {
		n := told[words+" (main)"]
		switch has, page := effect[words], strings.HasPrefix(words, "page"); {
		case f.acked[words] && n != 1:
			t.Errorf("%s: %q was acknowledged and has %d events", f.failed, words, n)
		case f.acked[words] && !page && !has:
			t.Errorf("%s: %q was acknowledged and has no effect", f.failed, words)
		case !page && has != (n == 1) || n > 1: // of a page, the event alone may be there: it was not sent
			t.Errorf("%s: %q has an effect: %v, and %d events", f.failed, words, has, n)
		case strings.HasPrefix(words, "account") && told[words+" (partner)"] != n:
			t.Errorf("%s: %q has %d events for the partner and %d of home", f.failed, words, told[words+" (partner)"], n)
		}
	}
	if r.Kinds["inbox-lost"] != 0 {
		t.Errorf("%s: an inbox is missed", f.failed)
	}
}

// TestLedgerFaults has every write of the ledger's path fail once before and once after it
// persists. No acknowledged act is without its event, no event without its effect, none is
// there twice, and the ledger verifies.
func TestLedgerFaults(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			all, _ := live(t, newURL(t), 0)
			seen := map[string]int{}
			step := int64(1)
			if engine != "sqlite" { // where a new database takes longer; the writes are the same
				step = 5
			}
			for at := int64(1); at <= all; at += step {
				if _, failed := live(t, newURL(t), at); failed != "" {
					seen[failed]++
				} else {
					t.Errorf("fault %d of %d did not occur", at, all)
				}
			}
			for _, write := range []string{"events", "events-drop", "inbox", "inbox-drop", "append", "log", "key", "mark", "commit"} {
				for _, when := range []string{" before it persists", " after it persists"} {
					if step == 1 && seen[write+when] == 0 {
						t.Errorf("no %s failed%s", write, when)
					}
				}
			}
			t.Log(fmt.Sprint(all), "faults:", slices.Sorted(maps.Keys(seen)))
		})
	}
}

// intakeTool takes an object in.
func intakeTool(n *Node, in, name string) error {
	object := `{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"` + name + `"}`
	bundle := `{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[` + object + `]}`
	_, err := n.Intake(context.Background(), entente.LocalActor(), in, stix.NewReader(strings.NewReader(bundle)), IntakeOptions{})
	return err
}
