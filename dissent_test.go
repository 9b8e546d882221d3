package entente_test

import (
	"slices"
	"testing"

	"entente"
)

// What a submission of dissent writes and touches: rows for each thing that it is about, and
// of what waits only what the dissent of its source may hold back.
func TestSubmittedDissent(t *testing.T) {
	const home, maker, hostile = "home", "maker", "hostile"
	opinion := &entente.Version{ID: "opinion--1", Type: "opinion", Dissent: []entente.ObjectID{"tool--1", "tool--2"}}
	waiting := []entente.WaitingObject{{Agreement: 3, Object: "tool--1", Creator: maker}, {Agreement: 4, Object: "tool--2"}}
	held := map[entente.ObjectID][]entente.Known{"opinion--1": {{Content: 7, Lines: []entente.Line{{Seq: 1, Content: 7, Source: home}}}}}
	gone := map[entente.ObjectID][]entente.Known{"opinion--1": {{Content: 7, Lines: []entente.Line{{Seq: 1, Content: 7, Source: home, Gone: 1}}}}}
	for name, c := range map[string]struct {
		source  string
		known   map[entente.ObjectID][]entente.Known
		content int64 // of the rows, 0 for no rows
		touched []entente.ObjectID
	}{
		"home's":            {home, nil, 100, []entente.ObjectID{"tool--1", "tool--2"}},
		"the maker's":       {maker, nil, 100, []entente.ObjectID{"tool--1"}},
		"another's":         {hostile, nil, 100, nil},
		"stored before":     {home, held, 7, []entente.ObjectID{"tool--1", "tool--2"}},
		"deleted for good":  {home, gone, 0, []entente.ObjectID{"tool--1", "tool--2"}},
		"another's, stored": {hostile, held, 7, nil},
	} {
		known := map[entente.ObjectID][]entente.Known{}
		for id, all := range c.known {
			known[id] = slices.Clone(all)
		}
		actor := entente.Actor{Account: entente.Account{ID: "a", Organisation: c.source}}
		submit := entente.Submit{Collection: "c", Versions: []*entente.Version{opinion}}
		if c.source != home {
			submit.Through = "circle"
		}
		ch, err := entente.Decide(submit, entente.Facts{
			Through: &entente.Agreement{Num: 9, Version: 1, State: entente.Active, Feeds: []entente.ReleaseFeed{{Collection: "c"}},
				Terms: entente.Terms{Collections: []string{"c"}, Members: []entente.Member{{Organisation: c.source, Flow: entente.Both}}}},
			Actor: actor, Home: entente.Organisation{ID: home}, Collection: &entente.Collection{ID: "c", Feed: 1, Head: 1, LastAdded: 1},
			Grant: entente.Grant{Account: "a", Collection: "c", Write: true}, Now: 1, NextContent: 100, Known: known, Waiting: waiting,
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var touched []entente.ObjectID
		for _, x := range ch.Touch {
			touched = append(touched, x.Object)
		}
		want := []entente.DissentOf{{Content: c.content, Dissent: opinion.ID, About: "tool--1"}, {Content: c.content, Dissent: opinion.ID, About: "tool--2"}}
		if c.content == 0 {
			want = nil
		}
		if !slices.Equal(ch.Dissent, want) || !slices.Equal(touched, c.touched) {
			t.Errorf("%s: %+v, touched %v", name, ch.Dissent, touched)
		}
	}
}

// Who may dissent, and strike: with the duty, within what he may read, and home's own only.
func TestWhoMayDissent(t *testing.T) {
	ann := entente.Actor{Account: entente.Account{ID: "ann", Organisation: "home", Mandates: []entente.Mandate{{Role: entente.Analyst}}}}
	reviewer := entente.Actor{Account: entente.Account{ID: "ann", Organisation: "home", Mandates: []entente.Mandate{{Role: entente.Reviewer}}}}
	partner := entente.Actor{Account: entente.Account{ID: "ann", Organisation: "other", Mandates: ann.Account.Mandates}}
	c := entente.Collection{ID: "c", Feed: 1}
	read := entente.Grant{Account: "ann", Collection: "c", Read: true}
	opinion := &entente.Version{ID: "opinion--1", Dissent: []entente.ObjectID{"tool--1"}}
	add := entente.AddDissent{Collection: "c", Version: opinion}
	strike := entente.StrikeDissent{Dissent: "opinion--1", Reason: "r"}
	mine, theirs := entente.HeldDissent{Collection: c, Grant: read, Source: "home"}, entente.HeldDissent{Collection: c, Grant: read, Source: "other"}
	hidden := entente.HeldDissent{Collection: c, Source: "home"}
	for name, k := range map[string]struct {
		actor entente.Actor
		grant entente.Grant
		held  []entente.HeldDissent
		cmd   entente.Command
		want  entente.Kind // Partial stands for no error
	}{
		"add":                          {ann, read, nil, add, entente.Partial},
		"add, hidden collection":       {ann, entente.Grant{}, nil, add, entente.NotFound},
		"add, write only":              {ann, entente.Grant{Account: "ann", Collection: "c", Write: true}, nil, add, entente.Forbidden},
		"add, the owner":               {entente.LocalActor(), read, nil, add, entente.Unauthenticated},
		"add, a reviewer":              {reviewer, read, nil, add, entente.Forbidden},
		"add, a partner":               {partner, read, nil, add, entente.Forbidden},
		"add what agrees":              {ann, read, nil, entente.AddDissent{Collection: "c", Version: &entente.Version{ID: "opinion--1"}}, entente.Invalid},
		"strike":                       {ann, read, []entente.HeldDissent{theirs, mine}, strike, entente.Partial},
		"strike what is not there":     {ann, read, nil, strike, entente.NotFound},
		"strike what is hidden":        {ann, read, []entente.HeldDissent{hidden}, strike, entente.NotFound},
		"strike another's":             {ann, read, []entente.HeldDissent{theirs}, strike, entente.Forbidden},
		"strike, home's own is hidden": {ann, read, []entente.HeldDissent{theirs, hidden}, strike, entente.Forbidden},
		"strike, the owner":            {entente.LocalActor(), read, []entente.HeldDissent{mine}, strike, entente.Unauthenticated},
		"strike, a partner":            {partner, read, []entente.HeldDissent{mine}, strike, entente.Forbidden},
		"strike without a reason":      {ann, read, []entente.HeldDissent{mine}, entente.StrikeDissent{Dissent: "opinion--1"}, entente.Invalid},
	} {
		_, err := entente.Decide(k.cmd, entente.Facts{Actor: k.actor, Home: entente.Organisation{ID: "home"}, Collection: &c, Grant: k.grant, Dissent: k.held, Now: 1, NewID: "new"})
		if k.want == entente.Partial && err == nil {
			continue
		}
		if err == nil || entente.KindOf(err) != k.want {
			t.Errorf("%s: %v, want %q", name, err, k.want)
		}
	}
}
