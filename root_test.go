package entente_test

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
)

func TestRootNames(t *testing.T) {
	for name, good := range map[string]bool{
		"api1": true, "banks": true, "7": true, "a-b_c": true, "collections": true, strings.Repeat("a", entente.MaxRootName): true,
		"": false, strings.Repeat("a", entente.MaxRootName+1): false, "API1": false, "-a": false, "_a": false,
		".": false, "..": false, "a.b": false, ".well-known": false, "favicon.ico": false, "a/b": false, "/a": false, "a/": false,
		"a b": false, " a": false, "a%2fb": false, "%61": false, "a?b": false, "a#b": false, "a;b": false, "a:b": false, "a\\b": false,
		"a\x00": false, "ä": false, "\u0430pi1": false, "a\u202e": false, "\xff": false, "{root}": false, "*": false,
		"taxii2": false, "taxii": false, "api": false, "healthz": false, "readyz": false, "metrics": false, "web": false, "peer": false,
	} {
		if err := entente.CheckRootName(name); (err == nil) != good || (err != nil && entente.KindOf(err) != entente.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A name that is taken has one spelling in a URL, and stays what it is in a path.
func TestRootNamesHaveOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9._%/ -]{1,8}`), rapid.StringMatching(`[a-z0-9_-]{1,70}`)).Draw(t, "name")
		if entente.CheckRootName(s) != nil {
			return
		}
		p := "/" + s
		if url.PathEscape(s) != s || path.Clean(p) != p || strings.ToLower(s) != s || strings.Count(p, "/") != 1 {
			t.Fatalf("%q is taken", s)
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestRootDecisions(t *testing.T) {
	good := entente.Root{Name: "new", Title: "New", MaxContentLength: 1000}
	with := func(f func(*entente.Root)) entente.AddRoot {
		r := good
		f(&r)
		return entente.AddRoot{Root: r}
	}
	reader := entente.Actor{Account: entente.Account{ID: "r", Name: "reader"}}
	for _, tc := range []struct {
		name  string
		actor entente.Actor
		cmd   entente.Command
		empty bool
		want  entente.Kind // Partial stands for no error
	}{
		{"add", entente.LocalActor(), entente.AddRoot{Root: good}, false, entente.Partial},
		{"add by nobody in particular", reader, entente.AddRoot{Root: good}, false, entente.Forbidden},
		{"add one that is there", entente.LocalActor(), with(func(r *entente.Root) { r.Name = "two" }), false, entente.Conflict},
		{"add a bad name", entente.LocalActor(), with(func(r *entente.Root) { r.Name = "taxii2" }), false, entente.Invalid},
		{"no title", entente.LocalActor(), with(func(r *entente.Root) { r.Title = "" }), false, entente.Invalid},
		{"a title that is no text", entente.LocalActor(), with(func(r *entente.Root) { r.Title = "\xff" }), false, entente.Invalid},
		{"a description with a NUL", entente.LocalActor(), with(func(r *entente.Root) { r.Description = "a\x00" }), false, entente.Invalid},
		{"a long description", entente.LocalActor(), with(func(r *entente.Root) { r.Description = strings.Repeat("a", 4097) }), false, entente.Invalid},
		{"no length", entente.LocalActor(), with(func(r *entente.Root) { r.MaxContentLength = 0 }), false, entente.Invalid},
		{"a length beyond all", entente.LocalActor(), with(func(r *entente.Root) { r.MaxContentLength = 1<<40 + 1 }), false, entente.Invalid},
		{"a page below nothing", entente.LocalActor(), with(func(r *entente.Root) { r.PageMax = -1 }), false, entente.Invalid},
		{"a page beyond all", entente.LocalActor(), with(func(r *entente.Root) { r.PageMax = 100_001 }), false, entente.Invalid},
		{"edit", entente.LocalActor(), entente.EditRoot{Root: "two", PageMax: ptr[int64](10)}, false, entente.Partial},
		{"edit by nobody in particular", reader, entente.EditRoot{Root: "two", Default: true}, false, entente.Forbidden},
		{"edit what is not there", entente.LocalActor(), entente.EditRoot{Root: "three", Default: true}, false, entente.NotFound},
		{"edit to a bad length", entente.LocalActor(), entente.EditRoot{Root: "two", MaxContentLength: ptr[int64](0)}, false, entente.Invalid},
		{"remove", entente.LocalActor(), entente.RemoveRoot{Root: "two"}, true, entente.Partial},
		{"remove by nobody in particular", reader, entente.RemoveRoot{Root: "two"}, true, entente.Forbidden},
		{"remove with collections", entente.LocalActor(), entente.RemoveRoot{Root: "two"}, false, entente.Conflict},
		{"remove the default", entente.LocalActor(), entente.RemoveRoot{Root: "one"}, true, entente.Conflict},
		{"remove what is not there", entente.LocalActor(), entente.RemoveRoot{Root: "three"}, true, entente.NotFound},
		{"add a collection to it", entente.LocalActor(), entente.AddCollection{Name: "X", Root: "two"}, false, entente.Partial},
		{"add a collection to none", entente.LocalActor(), entente.AddCollection{Name: "X", Root: "three"}, false, entente.NotFound},
		{"establish a bad one", entente.LocalActor(), entente.Establish{Organisation: "Home", Root: entente.Root{Name: "metrics", Title: "T", MaxContentLength: 1}}, false, entente.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := entente.Decide(tc.cmd, entente.Facts{
				Actor: tc.actor, NewID: "new", Now: 1, Empty: tc.empty,
				Roots: []entente.Root{{Name: "one", Title: "One", MaxContentLength: 1}, {Name: "two", Title: "Two", MaxContentLength: 1}},
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

// An edit changes what it names, nothing else, and leaves the facts alone.
func TestEditRoot(t *testing.T) {
	f := entente.Facts{Actor: entente.LocalActor(), Roots: []entente.Root{{Name: "one", Title: "One", Description: "D", MaxContentLength: 5, PageMax: 6}}}
	was := f.Roots[0]
	ch, err := entente.Decide(entente.EditRoot{Root: "one", Title: ptr("Eins"), ReadOnly: ptr(true)}, f)
	want := was
	want.Title, want.ReadOnly = "Eins", true
	if err != nil || *ch.Root != want || ch.DefaultRoot != "" || f.Roots[0] != was {
		t.Fatalf("%+v, %v", ch.Root, err)
	}
	if ch, err = entente.Decide(entente.EditRoot{Root: "one", Default: true}, f); err != nil || ch.DefaultRoot != "one" || *ch.Root != was {
		t.Fatalf("%+v, %v", ch, err)
	}
}

func TestNamesWithinRoots(t *testing.T) {
	roots := []entente.Root{{Name: "one"}, {Name: "two"}}
	there := entente.Collection{ID: "t", Root: "one", Name: "There", Alias: "there"}
	self := entente.Collection{ID: "s", Root: "two", Name: "Self"}
	decide := func(c entente.Command) entente.Kind {
		_, err := entente.Decide(c, entente.Facts{Actor: entente.LocalActor(), Roots: roots, NewID: "x", Collection: &self, Namesakes: []entente.Collection{there}})
		if err == nil {
			return entente.Partial
		}
		return entente.KindOf(err)
	}
	for _, tc := range []struct {
		name string
		cmd  entente.Command
		want entente.Kind
	}{
		{"a name is unique at home", entente.AddCollection{Name: "There", Root: "two"}, entente.Conflict},
		{"an alias within its root", entente.AddCollection{Name: "A", Alias: "there"}, entente.Conflict},
		{"an alias in another root", entente.AddCollection{Name: "A", Alias: "there", Root: "two"}, entente.Partial},
		{"an alias that is a name in the root", entente.AddCollection{Name: "A", Alias: "There"}, entente.Conflict},
		{"an alias that is a name in another root", entente.AddCollection{Name: "A", Alias: "There", Root: "two"}, entente.Partial},
		{"a name that is an alias in the root", entente.AddCollection{Name: "there"}, entente.Conflict},
		{"a name that is an alias in another root", entente.AddCollection{Name: "there", Root: "two"}, entente.Partial},
		{"edit: a name is unique at home", entente.EditCollection{Collection: "s", Name: ptr("There")}, entente.Conflict},
		{"edit: an alias in another root", entente.EditCollection{Collection: "s", Alias: ptr("there")}, entente.Partial},
		{"edit: no alias", entente.EditCollection{Collection: "s", Alias: ptr("")}, entente.Partial},
	} {
		if got := decide(tc.cmd); got != tc.want {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
	self.Root = "one"
	if got := decide(entente.EditCollection{Collection: "s", Alias: ptr("there")}); got != entente.Conflict {
		t.Errorf("edit: an alias within its root: %q", got)
	}
}

func TestVisibleRoots(t *testing.T) {
	all := []entente.Root{{Name: "one"}, {Name: "two"}, {Name: "three"}}
	in := func(root string, read, write, shut bool) entente.Access {
		return entente.Access{Collection: entente.Collection{Root: root}, CanRead: read, CanWrite: write, Shut: shut}
	}
	account := entente.Actor{Account: entente.Account{ID: "a"}}
	operator := entente.Actor{Account: entente.Account{ID: "o", Mandates: []entente.Mandate{{Role: entente.Operator}}}}
	for _, tc := range []struct {
		name string
		who  entente.Actor
		seen []entente.Access
		want []string
	}{
		{"nothing seen", account, nil, []string{"one"}},
		{"something in another root", account, []entente.Access{in("three", true, false, false)}, []string{"one", "three"}},
		{"to write to", account, []entente.Access{in("two", false, true, false)}, []string{"one", "two"}},
		{"to write to, if it were not shut", account, []entente.Access{in("two", false, false, true)}, []string{"one", "two"}},
		{"no rights", account, []entente.Access{in("two", false, false, false)}, []string{"one"}},
		{"operator", operator, nil, []string{"one", "two", "three"}},
		{"the command line", entente.LocalActor(), nil, []string{"one", "two", "three"}},
	} {
		var got []string
		for _, r := range entente.VisibleRoots(tc.who, all, tc.seen) {
			got = append(got, r.Name)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	if got := entente.VisibleRoots(account, nil, nil); got != nil {
		t.Errorf("%v of none", got)
	}
}

// Under a read-only root whoever has an account writes nothing, an operator neither; all
// see what they saw, and home itself goes on filling it.
func TestReadOnlyRoots(t *testing.T) {
	c := entente.Collection{ID: "c", Name: "C", Feed: 1, Head: 1, LastAdded: 1, ReadOnly: true}
	account := entente.Actor{Account: entente.Account{ID: "a"}}
	operator := entente.Actor{Account: entente.Account{ID: "o", Mandates: []entente.Mandate{{Role: entente.Operator}}}}
	known := map[entente.ObjectID][]entente.Known{"tool--1": {{Content: 1, Spec: entente.Spec21, Lines: []entente.Line{{Seq: 1, Content: 1}}}}}
	for _, tc := range []struct {
		name        string
		who         entente.Actor
		read, write bool // granted
		sees        [2]bool
		visible     bool
		want        entente.Kind
	}{
		{"reader", account, true, false, [2]bool{true, false}, true, entente.Forbidden},
		{"writer", account, false, true, [2]bool{false, false}, true, entente.Forbidden},
		{"both", account, true, true, [2]bool{true, false}, true, entente.Forbidden},
		{"neither", account, false, false, [2]bool{false, false}, false, entente.NotFound},
		{"operator", operator, false, false, [2]bool{true, false}, true, entente.Forbidden},
		{"the command line", entente.LocalActor(), false, false, [2]bool{true, true}, true, entente.Partial},
	} {
		g := entente.Grant{Account: "a", Collection: "c", Read: tc.read, Write: tc.write}
		got := entente.AccessFor(tc.who, c, g)
		if [2]bool{got.CanRead, got.CanWrite} != tc.sees || got.Visible() != tc.visible {
			t.Errorf("%s: %+v", tc.name, got)
		}
		for _, cmd := range []entente.Command{entente.Submit{Collection: "c"}, entente.DeleteObject{Collection: "c", Object: "tool--1"}} {
			_, err := entente.Decide(cmd, entente.Facts{Actor: tc.who, Grant: g, Collection: &c, Known: known, Now: 2})
			if kind := entente.KindOf(err); (err == nil) != (tc.want == entente.Partial) || err != nil && kind != tc.want {
				t.Errorf("%s, %T: %v", tc.name, cmd, err)
			}
		}
	}
}
