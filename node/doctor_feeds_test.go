package node

import (
	"slices"
	"strings"
	"testing"

	"entente"
	"entente/store/storetest"
)

// The doctor finds what is wrong with release feeds: copies, and what entries rest on.
func TestDoctorOfFeeds(t *testing.T) {
	const lines = `(SELECT feed FROM release_feed)`
	for engine, url := range storetest.URLs() {
		for name, c := range map[string]struct {
			says   string
			damage []string
		}{
			"nothing":                 {"", nil},
			"a copy of nothing":       {"line 2 is said to carry a stamped copy", []string{`UPDATE stamped SET original = 4711`}},
			"a copy of another":       {"is said to carry a stamped copy", []string{`UPDATE stamped SET original = (SELECT content FROM line WHERE feed = ` + lines + ` AND seq = 1)`}},
			"a copy that is nowhere":  {"line 9 is said to carry a stamped copy", []string{`UPDATE stamped SET seq = 9`}},
			"what is no copy":         {"nobody has submitted what it carries", []string{`DELETE FROM stamped`}},
			"a submission that left":  {"has the line 1, and nobody has submitted", []string{`UPDATE line SET gone = 2 WHERE feed <> ` + lines + ` AND seq = 1`}},
			"another source":          {"has the line 1, and nobody has submitted", []string{`UPDATE line SET source = 2 WHERE feed = ` + lines + ` AND seq = 1`}},
			"a line that never moved": {"line 7 is said to have come into view again", []string{`INSERT INTO moved (feed, seq, before) VALUES (` + lines + `, 7, 1)`}},
			"a change beyond it":      {"lines up to 7 made visible", []string{`INSERT INTO flip (feed, begins, ends, base) VALUES (` + lines + `, 0, 7, 1)`}},
			"a change of nothing":     {"lines up to 1 made visible", []string{`INSERT INTO flip (feed, begins, ends, base) VALUES (` + lines + `, 1, 1, 1)`}},
			"no time for a line":      {"after the feed's last time", []string{`UPDATE line SET added = 2305843009213693952 + seq WHERE feed = ` + lines}},
		} {
			t.Run(engine+" "+name, func(t *testing.T) {
				u := url(t)
				s := newSharing(t, u, func(t *entente.Terms) { t.Unmarked = entente.TLPGreen })
				s.take(malware(1, green), malware(2, `"description":"d"`))
				s.expect("north", "01 02")
				storetest.Damage(t, u, c.damage...)
				ex, err := s.n.Doctor(t.Context(), entente.LocalActor(), nil)
				s.must(err)
				if c.says == "" && !ex.Sound || c.says != "" && !slices.ContainsFunc(ex.Complaints, func(k Complaint) bool { return !k.Warning && strings.Contains(k.Text, c.says) }) {
					t.Errorf("%+v", ex.Complaints)
				}
			})
		}
	}
}
