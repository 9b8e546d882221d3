package entente_test

import (
	"testing"

	"entente"
)

func TestDoorOfAgreements(t *testing.T) {
	const member, other = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	const open = entente.Partial // stands for no error
	terms := entente.Terms{Members: []entente.Member{{Organisation: member, Flow: entente.Receives}}, ValidFrom: 100, ValidUntil: 200}
	for _, tc := range []struct {
		name    string
		state   entente.AgreementState
		version int64
		closed  bool
		who     string
		now     int64
		want    entente.Kind
		endless bool // the terms have no validity
	}{
		{name: "active", state: entente.Active, version: 1, who: member, now: 150, want: open},
		{name: "first moment", state: entente.Active, version: 1, who: member, now: 100, want: open},
		{name: "before it begins", state: entente.Active, version: 1, who: member, now: 99, want: entente.Forbidden},
		{name: "last moment", state: entente.Active, version: 1, who: member, now: 199, want: open},
		{name: "ran out", state: entente.Active, version: 1, who: member, now: 200, want: entente.Forbidden},
		{name: "without validity", state: entente.Active, version: 1, who: member, now: 1 << 60, want: open, endless: true},
		{name: "draft", state: entente.Draft, who: member, now: 150, want: entente.NotFound},
		{name: "proposed", state: entente.Proposed, who: member, now: 150, want: entente.NotFound},
		{name: "suspended", state: entente.Suspended, version: 1, who: member, now: 150, want: entente.Forbidden},
		{name: "ended", state: entente.Ended, version: 1, who: member, now: 150, want: entente.Forbidden},
		{name: "ended before it was in force", state: entente.Ended, who: member, now: 150, want: entente.NotFound},
		{name: "closed", state: entente.Active, version: 1, closed: true, who: member, now: 150, want: entente.Unavailable},
		{name: "closed and suspended", state: entente.Suspended, version: 1, closed: true, who: member, now: 150, want: entente.Forbidden},
		{name: "no member", state: entente.Active, version: 1, who: other, now: 150, want: entente.NotFound},
		{name: "no member, closed", state: entente.Active, version: 1, closed: true, who: other, now: 150, want: entente.NotFound},
		{name: "no member, suspended", state: entente.Suspended, version: 1, who: other, now: 150, want: entente.NotFound},
		{name: "no member, ended", state: entente.Ended, version: 1, who: other, now: 150, want: entente.NotFound},
		{name: "nobody", state: entente.Active, version: 1, who: "", now: 150, want: entente.NotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := entente.Agreement{State: tc.state, Version: tc.version, Terms: terms, Closed: tc.closed}
			if tc.endless {
				a.Terms.ValidFrom, a.Terms.ValidUntil = 0, 0
			}
			err := a.Open(tc.who, tc.now)
			if err == nil && tc.want == open {
				return
			}
			if err == nil || entente.KindOf(err) != tc.want {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
}
