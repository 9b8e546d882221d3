package entente_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"entente"
)

// dutiesTable writes the table of who may do what, as docs/guide.md has it.
func dutiesTable() string {
	var b strings.Builder
	b.WriteString("| what |")
	for _, r := range entente.Roles() {
		fmt.Fprintf(&b, " %s |", r)
	}
	b.WriteString(" without sign-in, on the node's machine |\n|---|")
	b.WriteString(strings.Repeat("---|", len(entente.Roles())+1))
	b.WriteString("\n")
	yes := map[bool]string{true: "yes", false: "–"}
	for _, d := range entente.Duties() {
		fmt.Fprintf(&b, "| %s |", d.Act)
		for _, r := range entente.Roles() {
			fmt.Fprintf(&b, " %s |", yes[slices.Contains(d.Roles, r)])
		}
		fmt.Fprintf(&b, " %s |\n", yes[d.Owner])
	}
	return b.String()
}

// The guide shows the table that the program goes by.
func TestDutiesAreDocumented(t *testing.T) {
	guide, err := os.ReadFile("docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := dutiesTable(); !strings.Contains(string(guide), want) {
		t.Errorf("docs/guide.md does not have this table:\n%s", want)
	}
}

// The reviewer reads, writes findings and recommends, and does nothing else, the node's owner decides nothing for the
// organisation, and each act has somebody who may do it.
func TestDuties(t *testing.T) {
	for _, d := range entente.Duties() {
		if len(d.Roles) == 0 {
			t.Errorf("nobody may %s", d.Act)
		}
		if slices.Contains(d.Roles, entente.Reviewer) != (d.Act == entente.ReadAll || d.Act == entente.Review) {
			t.Errorf("the reviewer and %q", d.Act)
		}
		if d.Owner != (d.Act == entente.RunNode || d.Act == entente.ReadAll) {
			t.Errorf("the owner and %q", d.Act)
		}
	}
	if _, err := entente.Authorise(entente.Facts{Actor: entente.Actor{Account: entente.Account{Mandates: []entente.Mandate{{Role: "king"}}}}}, "abdicate"); entente.KindOf(err) != entente.Forbidden {
		t.Errorf("an act that is not in the table: %v", err)
	}
}

// Every act by every role, at every time, as Authorise and May judge it.
func TestAuthorise(t *testing.T) {
	home := entente.Organisation{ID: "home", Home: true}
	person := func(r entente.Role) entente.Account {
		return entente.Account{ID: "p", Organisation: home.ID, Mandates: []entente.Mandate{
			{ID: "early", Role: r, From: 10, Until: 20}, {ID: "late", Role: r, From: 30}}}
	}
	for _, d := range entente.Duties() {
		for _, r := range entente.Roles() {
			for at, held := range map[int64]string{5: "", 10: "early", 19: "early", 20: "", 29: "", 30: "late", 1 << 60: "late"} {
				want := slices.Contains(d.Roles, r) && held != ""
				f := entente.Facts{Now: at, Home: home, Actor: entente.Actor{Account: person(r), At: at}}
				m, err := entente.Authorise(f, d.Act, "partner")
				if (err == nil) != want || err == nil && m.ID != held || f.Actor.May(d.Act) != want {
					t.Errorf("%s, %q at %d: %+v, %v", r, d.Act, at, m, err)
				}
				if !want {
					if entente.KindOf(err) != entente.Forbidden {
						t.Errorf("%s, %q at %d: %v", r, d.Act, at, err)
					}
					continue
				}
				for what, change := range map[string]func(*entente.Facts){
					"a partner's account": func(f *entente.Facts) { f.Actor.Account.Organisation = "partner" },
					"a disabled account":  func(f *entente.Facts) { f.Actor.Account.Disabled = true },
					"recused": func(f *entente.Facts) {
						f.Interests = []entente.Interest{{Account: "p", About: "partner"}}
					},
				} {
					f := f
					change(&f)
					if _, err := entente.Authorise(f, d.Act, "partner"); entente.KindOf(err) != entente.Forbidden {
						t.Errorf("%s may %q: %v", what, d.Act, err)
					}
				}
				f.Interests = []entente.Interest{
					{Account: "p", About: "partner", Declared: 1, Ended: 2}, {Account: "p", About: "another"}, {Account: "q", About: "partner"}}
				if _, err := entente.Authorise(f, d.Act, "partner", "third"); err != nil {
					t.Errorf("conflicts that are over, about others, or of others: %v", err)
				}
			}
		}
		_, err := entente.Authorise(entente.Facts{Home: home, Actor: entente.LocalActor()}, d.Act, "partner")
		if (err == nil) != d.Owner || err != nil && entente.KindOf(err) != entente.Unauthenticated {
			t.Errorf("the owner and %q: %v", d.Act, err)
		}
	}
}
