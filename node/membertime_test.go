package node

import (
	"encoding/json"
	"testing"

	"entente"
	"entente/ledger"
	"entente/store"
)

// TestMembersEventsKeepTheirTime: what else waits to be entered, an applier's turn of another agreement for
// instance, moves an agreement's event on in the main log, and not in a member's.
func TestMembersEventsKeepTheirTime(t *testing.T) {
	onEngines(t, nil, func(s *sharing) {
		now := s.n.now()
		s.n.now = func() int64 { return now }
		s.take(malware(1, green))
		s.expect("north", "01") // its turn waits to be entered
		s.agree("south", nil)
		var events []store.EventRow
		s.must(s.n.st.View(s.Context(), func(tx *store.Tx) (err error) {
			events, err = tx.EventsOut(s.Context(), 1000)
			return err
		}))
		told := 0
		for _, r := range events {
			var e entente.Event
			s.must(json.Unmarshal(r.Body, &e))
			if e.Kind == "flip" && e.Time == entente.FormatMicros(now) {
				s.Error("nothing waited before the flip: it could not be moved on")
			}
			if e.Kind == "agreement" && e.Result == "active" && e.About["agreement"] == s.agreement("south").ID {
				if told++; e.Time != entente.FormatMicros(now) {
					s.Errorf("it is %s, and the member's log says %s", entente.FormatMicros(now), e.Time)
				}
			}
		}
		if told == 0 {
			s.Error("the member is not told that the agreement is in force")
		}
		s.must(s.n.CatchUpLedger(s.Context()))
		_, err := s.n.VerifyLedger(s.Context(), entente.LocalActor(), ledger.Options{})
		s.must(err)
	})
}
