package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"strings"
	"sync/atomic"
	"testing"

	"entente"
	"entente/node"
	"entente/store/storetest"
)

const hour = 3600 * 1_000_000 // microseconds

// people makes two releasers, a reviewer, an analyst and a service; each one's token is its name.
func people(t *testing.T, n *node.Node) {
	t.Helper()
	for name, roles := range map[string][]entente.Role{
		"ann": {entente.Releaser}, "bob": {entente.Releaser}, "eve": {entente.Reviewer}, "kim": {entente.Analyst}, "plain": nil} {
		r, err := n.Do(context.Background(), entente.LocalActor(), entente.AddAccount{Name: name, Roles: roles})
		if err == nil {
			_, err = n.Do(context.Background(), entente.LocalActor(), entente.AddToken{Account: r.ID, Hash: sha256.Sum256([]byte(name))})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func signIn(t *testing.T, n *node.Node, name string) entente.Actor {
	t.Helper()
	a, err := n.SignInToken(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A stop that nobody ratifies, or that is past its review date, is told by the doctor, the
// list and the metrics, and stays; what is done about it ends the alarm.
func TestAlarmsOfStops(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			ctx := context.Background()
			var now atomic.Int64
			now.Store(1_767_225_600_000_000)
			n, err := node.Open(ctx, storetest.Open(t, newURL(t)), node.Config{Now: now.Load, Home: "Home"})
			if err != nil {
				t.Fatal(err)
			}
			people(t, n)
			do := func(a entente.Actor, c entente.Command) string {
				t.Helper()
				r, err := n.Do(ctx, a, c)
				if err != nil {
					t.Fatal(err)
				}
				return r.ID
			}
			p := do(entente.LocalActor(), entente.AddPartner{Name: "Harbour"})
			s := do(signIn(t, n, "ann"), entente.PlaceStop{Organisation: p, Reason: "r", Basis: "b", Review: now.Load() + 72*hour})
			for _, step := range []struct {
				what             string
				later            int64
				do               entente.Command
				standing         string
				unratified, due  bool
				metricUn, metric string
			}{
				{"at once", 0, nil, "1", false, false, "0", "0"},
				{"after 24 hours", 24 * hour, nil, "1", false, false, "0", "0"},
				{"and a bit", 1, nil, "1", true, false, "1", "0"},
				{"ratified", 0, entente.RatifyStop{Stop: s}, "1", false, false, "0", "0"},
				{"past its review date", 48 * hour, nil, "1", false, true, "0", "1"},
				{"asked", 0, entente.AskLift{Stop: s, Reason: "r", Backlog: "none"}, "1", false, true, "0", "1"},
			} {
				now.Add(step.later)
				if step.do != nil {
					do(signIn(t, n, "bob"), step.do)
				}
				check := func(standing, unratified, due string, alarms int) {
					t.Helper()
					if err := n.WatchStops(ctx); err != nil {
						t.Fatal(err)
					}
					var b bytes.Buffer
					if err := n.Metrics().Write(&b); err != nil {
						t.Fatal(err)
					}
					for name, want := range map[string]string{"entente_stops_standing": standing, "entente_stops_unratified": unratified, "entente_stops_review_due": due} {
						if !strings.Contains(b.String(), "\n"+name+" "+want+"\n") {
							t.Errorf("%s: %s is not %s", step.what, name, want)
						}
					}
					ex, err := n.Doctor(ctx, entente.LocalActor(), nil)
					if err != nil || !ex.Sound || ex.Counts["stop"] != alarms {
						t.Errorf("%s: %+v, %v", step.what, ex, err)
					}
					info, err := n.PartnerNamed(ctx, signIn(t, n, "eve"), "Harbour")
					if err != nil || len(info.Alarms(now.Load())) != alarms || info.Stopped() != (standing == "1") {
						t.Errorf("%s: %+v, %v", step.what, info, err)
					}
				}
				alarms := 0
				for _, on := range []bool{step.unratified, step.due} {
					if on {
						alarms++
					}
				}
				check(step.standing, step.metricUn, step.metric, alarms)
				if step.what == "asked" {
					do(signIn(t, n, "ann"), entente.Lift{Stop: s, Backlog: "none"})
					check("0", "0", "0", 0)
				}
			}
		})
	}
}

// Who holds a role sees the partners; accounts and others' conflicts are for operators and
// reviewers; a service and a person without a role see none of it.
func TestWhoSeesPartners(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		ctx := context.Background()
		people(t, n)
		r, err := n.Do(ctx, entente.LocalActor(), entente.AddPartner{Name: "Harbour"})
		if err != nil {
			t.Fatal(err)
		}
		ann := signIn(t, n, "ann")
		if _, err := n.Do(ctx, ann, entente.DeclareInterest{Account: ann.Account.ID, About: r.ID, Reason: "r"}); err != nil {
			t.Fatal(err)
		}
		for name, sees := range map[string]struct {
			partners, accounts bool
			conflicts          int
		}{"ann": {true, false, 1}, "bob": {true, false, 0}, "eve": {true, true, 1}, "kim": {true, false, 0}, "plain": {false, false, 0}} {
			a := signIn(t, n, name)
			all, err := n.Organisations(ctx, a)
			if (err == nil) != sees.partners || err != nil && entente.KindOf(err) != entente.Forbidden {
				t.Errorf("%s and partners: %v", name, err)
			}
			for _, o := range all {
				for _, acc := range o.Accounts {
					if acc.PasswordHash != "" {
						t.Errorf("%s sees a secret of %s", name, acc.Name)
					}
				}
			}
			if _, err := n.Accounts(ctx, a); (err == nil) != sees.accounts || err != nil && entente.KindOf(err) != entente.Forbidden {
				t.Errorf("%s and accounts: %v", name, err)
			}
			_, remotes := n.Remotes(ctx, a)
			_, doctor := n.Doctor(ctx, a, nil)
			for _, err := range []error{remotes, doctor} {
				if (err == nil) != sees.accounts || err != nil && entente.KindOf(err) != entente.Forbidden {
					t.Errorf("%s and what is read by all readers: %v", name, err)
				}
			}
			if got, err := n.Conflicts(ctx, a); err != nil || len(got) != sees.conflicts {
				t.Errorf("%s and conflicts: %+v, %v", name, got, err)
			}
		}
		if _, err := n.Conflicts(ctx, entente.Actor{}); entente.KindOf(err) != entente.Forbidden {
			t.Errorf("nobody and conflicts: %v", err)
		}
	})
}
