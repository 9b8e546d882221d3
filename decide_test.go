package entente_test

import (
	"strings"
	"testing"

	"entente"
)

func TestWhoMayDoWhat(t *testing.T) {
	c := &entente.Collection{ID: "c", Name: "C", Feed: 1, Head: 1, LastAdded: 1}
	reader := entente.Actor{Account: entente.Account{ID: "r", Name: "reader"}}
	operator := entente.Actor{Account: entente.Account{ID: "o", Mandates: []entente.Mandate{{Role: entente.Operator}}}}
	disabled := entente.Actor{Account: entente.Account{ID: "o", Mandates: []entente.Mandate{{Role: entente.Operator}}, Disabled: true}}
	grant := func(read, write bool) entente.Grant {
		return entente.Grant{Account: "r", Collection: "c", Read: read, Write: write}
	}
	known := map[entente.ObjectID][]entente.Known{"tool--1": {{Content: 1, Spec: entente.Spec21, Lines: []entente.Line{{Seq: 1, Content: 1}}}}}
	for _, tc := range []struct {
		name  string
		actor entente.Actor
		grant entente.Grant
		cmd   entente.Command
		want  entente.Kind // Partial stands for no error
	}{
		{"no grant, submit", reader, entente.Grant{}, entente.Submit{}, entente.NotFound},
		{"read, submit", reader, grant(true, false), entente.Submit{}, entente.Forbidden},
		{"write, submit", reader, grant(false, true), entente.Submit{}, entente.Partial},
		{"another's grant, submit", reader, entente.Grant{Account: "x", Collection: "c", Write: true}, entente.Submit{}, entente.NotFound},
		{"no grant, delete", reader, entente.Grant{}, entente.DeleteObject{Object: "tool--1"}, entente.NotFound},
		{"read, delete", reader, grant(true, false), entente.DeleteObject{Object: "tool--1"}, entente.Forbidden},
		{"write, delete", reader, grant(false, true), entente.DeleteObject{Object: "tool--1"}, entente.Forbidden},
		{"both, delete", reader, grant(true, true), entente.DeleteObject{Object: "tool--1"}, entente.Partial},
		{"both, delete what is not there", reader, grant(true, true), entente.DeleteObject{Object: "tool--2"}, entente.NotFound},
		{"operator, submit", operator, entente.Grant{}, entente.Submit{}, entente.Partial},
		{"disabled operator, submit", disabled, entente.Grant{}, entente.Submit{}, entente.NotFound},
		{"reader, add collection", reader, grant(true, true), entente.AddCollection{Name: "X"}, entente.Forbidden},
		{"operator, add collection", operator, entente.Grant{}, entente.AddCollection{Name: "X"}, entente.Partial},
		{"disabled operator, add collection", disabled, entente.Grant{}, entente.AddCollection{Name: "X"}, entente.Forbidden},
		{"local, add account", entente.LocalActor(), entente.Grant{}, entente.AddAccount{Name: "X"}, entente.Partial},
		{"reader, add account", reader, entente.Grant{}, entente.AddAccount{Name: "X"}, entente.Forbidden},
		{"own status", reader, entente.Grant{}, entente.PutStatus{Status: entente.Status{ID: "s", Account: "r"}}, entente.Partial},
		{"another's status", reader, entente.Grant{}, entente.PutStatus{Status: entente.Status{ID: "s", Account: "o"}}, entente.Forbidden},
		{"remove a full collection", operator, entente.Grant{}, entente.RemoveCollection{Collection: "c"}, entente.Conflict},
		{"remove a full collection, meant", operator, entente.Grant{}, entente.RemoveCollection{Collection: "c", EvenIfFull: true}, entente.Partial},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := entente.Decide(tc.cmd, entente.Facts{
				Actor: tc.actor, Grant: tc.grant, Collection: c, Known: known, NewID: "new", Now: 1,
				Roots: []entente.Root{{Name: "api1"}},
			})
			if tc.want == entente.Partial && err == nil {
				return
			}
			if err == nil || entente.KindOf(err) != tc.want {
				t.Fatalf("got %v, want kind %q", err, tc.want)
			}
		})
	}
}

func TestNamesAreChecked(t *testing.T) {
	for name, good := range map[string]bool{
		"siem": true, "Ops Team 7": true, "Überwachung": true,
		"": false, " x": false, "x ": false, "a:b": false, "a\nb": false, "a\u202eb": false, "\xff": false,
		strings.Repeat("ä", entente.MaxName): true, strings.Repeat("ä", entente.MaxName+1): false,
	} {
		if err := entente.CheckName("account", name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestLastOperatorStays(t *testing.T) {
	op := &entente.Account{ID: "o", Name: "op", Mandates: []entente.Mandate{{Role: entente.Operator}}}
	f := entente.Facts{Actor: entente.LocalActor(), Account: op, Operators: 1}
	if _, err := entente.Decide(entente.DisableAccount{Account: "o"}, f); entente.KindOf(err) != entente.Conflict {
		t.Fatalf("the last operator: %v", err)
	}
	f.Operators = 2
	ch, err := entente.Decide(entente.DisableAccount{Account: "o"}, f)
	if err != nil || !ch.Account.Disabled || op.Disabled {
		t.Fatalf("one of two: %+v, %v; the facts must stay as they are", ch.Account, err)
	}
}

func TestAliases(t *testing.T) {
	for alias, good := range map[string]bool{
		"": true, "phishing": true, "a.b-c_9": true, "-a": false, "a/b": false, "a b": false, "ä": false,
		"91a7b528-80eb-42ed-a74d-c6fbd5a26116": false,
	} {
		_, err := entente.Decide(entente.AddCollection{Name: "n", Alias: alias}, entente.Facts{
			Actor: entente.LocalActor(), Roots: []entente.Root{{Name: "api1"}}, NewID: "x"})
		if (err == nil) != good {
			t.Errorf("%q: %v", alias, err)
		}
	}
}

// A role counts at the moment of the decision, whenever who acts had signed in.
func TestRolesCountWhenDecided(t *testing.T) {
	actor := entente.Actor{At: 1500, Account: entente.Account{ID: "o", Mandates: []entente.Mandate{{Role: entente.Operator, From: 1000, Until: 2000}}}}
	for now, want := range map[int64]bool{999: false, 1000: true, 1999: true, 2000: false} {
		f := entente.Facts{Now: now, Actor: actor, Collection: &entente.Collection{ID: "c"}, Roots: []entente.Root{{Name: "api1"}}, NewID: "x"}
		for _, c := range []entente.Command{entente.Submit{Collection: "c"}, entente.AddCollection{Name: "n"}, entente.DeclareInterest{Account: "p"}} {
			_, err := entente.Decide(c, f)
			refused := err != nil && (entente.KindOf(err) == entente.Forbidden || strings.Contains(err.Error(), "no such collection"))
			if refused == want {
				t.Errorf("%T at %d: %v", c, now, err)
			}
		}
		if err := entente.MaySubmit(entente.Submit{Collection: "c"}, f); (err == nil) != want {
			t.Errorf("MaySubmit at %d: %v", now, err)
		}
	}
}
