package entente

import "testing"

func TestDecideRemotes(t *testing.T) {
	local := Facts{Actor: LocalActor(), Now: 7, NewID: "new", Collection: &Collection{ID: "c"}}
	good := Remote{Name: "r", Collection: "c", Root: "https://x.example/api/", There: "t", ID: "forged", Progress: Progress{Taken: 1}}
	ch, err := Decide(AddRemote{good}, local)
	if err != nil || ch.Remote.ID != "new" || ch.Remote.Created != 7 || ch.Remote.Progress.Taken != 0 || ch.Receipt.ID != "new" {
		t.Errorf("%+v, %v", ch, err)
	}
	with := func(f func(*Remote, *Facts)) (Command, Facts) {
		r, facts := good, local
		f(&r, &facts)
		return AddRemote{r}, facts
	}
	type refused struct {
		command Command
		facts   Facts
		kind    Kind
	}
	cases := map[string]refused{
		"removing what is not there": {RemoveRemote{"x"}, local, NotFound},
		"progress of nothing":        {PutProgress{Remote: "x"}, local, NotFound},
	}
	for name, c := range map[string]struct {
		kind Kind
		f    func(*Remote, *Facts)
	}{
		"no operator":    {Forbidden, func(_ *Remote, f *Facts) { f.Actor = Actor{} }},
		"no name":        {Invalid, func(r *Remote, _ *Facts) { r.Name = "" }},
		"a name again":   {Conflict, func(_ *Remote, f *Facts) { f.NameTaken = true }},
		"no collection":  {NotFound, func(_ *Remote, f *Facts) { f.Collection = nil }},
		"no server":      {Invalid, func(r *Remote, _ *Facts) { r.Root = "" }},
		"no place there": {Invalid, func(r *Remote, _ *Facts) { r.There = "" }},
		"too often":      {Invalid, func(r *Remote, _ *Facts) { r.Every = MinEvery - 1 }},
	} {
		command, facts := with(c.f)
		cases[name] = refused{command, facts, c.kind}
	}
	for name, c := range cases {
		if _, err := Decide(c.command, c.facts); err == nil || KindOf(err) != c.kind {
			t.Errorf("%s: %v; want %s", name, err, c.kind)
		}
	}
	local.Remote = &Remote{ID: "r", Name: "kept"}
	ch, err = Decide(PutProgress{Remote: "r", Progress: Progress{Sent: 3, Refusals: make([]RemoteRefusal, MaxRefusals+1)}}, local)
	if err != nil || ch.Remote.Name != "kept" || ch.Remote.Progress.Sent != 3 || len(ch.Remote.Progress.Refusals) != MaxRefusals {
		t.Errorf("%+v, %v", ch, err)
	}
	if ch, err := Decide(RemoveRemote{"r"}, local); err != nil || ch.RemoveRemote != "r" {
		t.Errorf("%+v, %v", ch, err)
	}
}
