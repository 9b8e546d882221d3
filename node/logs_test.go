package node_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"entente"
	"entente/node"
)

// mainLog reads the events of home's main log, oldest first.
func mainLog(t *testing.T, n *node.Node) (events []entente.Event) {
	t.Helper()
	if err := n.CatchUpLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	note, err := n.LogCheckpoint(t.Context(), entente.LocalActor(), 0)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	if _, err := fmt.Sscan(strings.Split(string(note.Bytes), "\n")[1], &size); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < size; from += 256 {
		path := fmt.Sprintf("events/%03d", from/256)
		if size-from < 256 {
			path += fmt.Sprintf(".p/%d", size-from)
		}
		f, err := n.LogPart(t.Context(), entente.LocalActor(), 0, path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(f.Bytes)) {
			var x struct{ Event entente.Event }
			if err := json.Unmarshal([]byte(line), &x); err != nil {
				t.Fatal(err)
			}
			events = append(events, x.Event)
		}
	}
	return events
}

// The event of a submission commits to what was stored, with the salts that it was stored with.
func TestSubmissionsCommit(t *testing.T) {
	onEngines(t, func(t *testing.T, n *node.Node, _ func() *node.Node) {
		c := collection(t, n, "A")
		if _, _, err := intake(t, n, c, strings.NewReader(bundle(tool(1, "one"), tool(2, "two"), tool(3, "three")))); err != nil {
			t.Fatal(err)
		}
		p, err := n.Feed(t.Context(), entente.LocalActor(), reread(t, n, "A"), node.Query{Limit: 10})
		if err != nil || len(p.Entries) != 3 {
			t.Fatal(err, len(p.Entries))
		}
		var all []entente.Commitment
		for _, e := range p.Entries {
			all = append(all, entente.Commit(e.Salt, e.Digest))
		}
		events := mainLog(t, n)
		last := events[len(events)-1]
		if got := last.Rules["added"]; last.Kind != "submit" || got != *entente.CountVersions(all) {
			t.Errorf("%+v, want the root %s", last, entente.CountVersions(all).Root)
		}
	})
}
