package entente

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEventMembersAreInOrder holds the structs of events against the order of the canonical
// form, in which they are written (RFC 8785 §3.2.3).
func TestEventMembersAreInOrder(t *testing.T) {
	for _, v := range []any{Event{}, By{}, Range{}, FeedHead{}, LogHead{}, Share{}, TermsRef{}, ErasedEvent{}, Counted{}} {
		var names []string
		for f := range reflect.TypeOf(v).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(v).Field(f).Tag.Get("json"), ",")
			names = append(names, name)
		}
		if !slices.IsSorted(names) {
			t.Errorf("%T: %v", v, names)
		}
	}
}

// An act of a partner has one short event in the main log and the whole in the partner's; a
// stop tells the partner that it is one, and not why.
func TestWhatPartnersLogsHave(t *testing.T) {
	f := Facts{Now: 5, Home: Organisation{ID: "home"}, Actor: Actor{Account: Account{ID: "siem", Organisation: "delta"}}, Known: map[ObjectID][]Known{}}
	_, shared := Record(Submit{Collection: "c", Through: "g", Versions: []*Version{{}}}, f, Change{})
	if len(shared) != 1 || shared[0].For != "delta" || shared[0].By.Account != "siem" || shared[0].About["agreement"] != "g" {
		t.Errorf("%+v", shared)
	}
	f.Actor = Actor{Account: Account{ID: "ann", Organisation: "home"}}
	stop := Stop{ID: "s", Organisation: "delta", Reason: "a secret reason", Basis: "a law", By: "ann"}
	main, shared := Record(PlaceStop{Organisation: "delta", Reason: stop.Reason, Basis: stop.Basis}, f, Change{Stop: &stop, Receipt: Receipt{ID: "s", Mandate: Mandate{ID: "m", Role: Releaser}}})
	if main.Reason != stop.Reason || main.By.Mandate != "m" || main.By.Role != "releaser" {
		t.Errorf("%+v", main)
	}
	text, err := json.Marshal(shared)
	if err != nil || len(shared) != 1 || shared[0].For != "delta" || strings.Contains(string(text), "secret") || strings.Contains(string(text), "ann") {
		t.Errorf("%s %v", text, err)
	}
	stop.Ratified, stop.RatifiedBy = 6, "ben"
	if _, shared := Record(RatifyStop{Stop: "s"}, f, Change{Stop: &stop}); len(shared) != 0 {
		t.Errorf("a ratification changes nothing for the partner: %+v", shared)
	}
	for _, c := range []Command{PutStatus{}, PutProgress{}, NoteCleared{}} {
		if e, shared := Record(c, f, Change{}); e.Kind != "" || shared != nil {
			t.Errorf("%T is work of the node's own: %+v", c, e)
		}
	}
}

// What members see of an agreement is its state and terms in force, once they see it at all.
func TestStateShown(t *testing.T) {
	members := Terms{Members: []Member{{Organisation: "home"}, {Organisation: "delta"}, {Organisation: "echo"}}}
	state := func(s AgreementState, version int64) *Agreement {
		return &Agreement{ID: "g", State: s, Version: version, Terms: members}
	}
	for _, c := range []struct {
		was, now *Agreement
		want     int
	}{
		{state(Draft, 0), state(Proposed, 0), 0},
		{state(Proposed, 0), state(Active, 1), 2},
		{state(Active, 1), state(Active, 1), 0},
		{state(Active, 1), state(Active, 2), 2},
		{state(Active, 1), state(Suspended, 1), 2},
		{state(Suspended, 1), state(Ended, 1), 2},
		{state(Proposed, 0), state(Ended, 0), 0},
	} {
		got := c.now.StateShown(c.was, "home", 7)
		if len(got) != c.want {
			t.Errorf("%s to %s: %+v", c.was.State, c.now.State, got)
		}
		for _, e := range got {
			if e.For == "home" || e.Result != string(c.now.State) || e.By.Organisation != "home" || e.By.Account != "" {
				t.Errorf("%+v", e)
			}
		}
	}
}
