//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"entente"
	"entente/node"
	"entente/stix"
)

// TestFullDiskActivation lets a node run out of room in the middle of an activation. Readers
// of other agreements go on, the log says what is the matter, and the same process
// completes the change once there is room again.
func TestFullDiskActivation(t *testing.T) {
	const objects = 6_000
	f := newFeeds(t, "sqlite", "", rand.Uint64())
	f.direct(func(ctx context.Context, n *node.Node) {
		_, err := n.Intake(ctx, entente.LocalActor(), f.shelf, stix.NewReader(strings.NewReader(strings.Join(feedObjects(1, objects+1), "\n"))), node.IntakeOptions{})
		f.must(err)
		f.must(n.CatchUp(ctx, nil))
	})
	whole := f.calm("calm", "")
	pact := f.propose("pact", "")
	f.start()
	defer f.kill()
	disk := &fullDisk{t: t, cmd: f.cmd, log: f.log}
	disk.limitFiles(512 << 10) // for each file; answers to readers have to find room for their events meanwhile
	f.decide(entente.ActivateAgreement{Agreement: pact, Backlog: "all"})
	for range 2 { // and again each time that it is tried
		said := len(f.log.String())
		disk.wait("an error that says what is the matter", func() bool {
			text := f.log.String()[said:]
			return strings.Contains(text, "feeds could not be carried on; it will be tried again") && strings.Contains(text, "the files of the database cannot be written")
		})
	}
	if a := f.agreement("pact"); a.State != entente.Proposed || a.Work == nil || a.Feeds[0].Head != 0 {
		t.Fatalf("%+v", a)
	}
	if got := f.shown("pact"); got != nil {
		t.Errorf("%d entries are shown before the change is made", len(got))
	}
	if got := f.shown("calm"); !f.same(got, whole) {
		t.Errorf("of another agreement %d entries are shown, want %d", len(got), len(whole))
	}

	disk.limitFiles(-1)
	f.await("pact", func(a *entente.Agreement) bool { return a.Work == nil })
	if got := f.shown("pact"); !f.same(got, whole) {
		t.Errorf("%d entries, want %d", len(got), len(whole))
	}
	f.direct(func(ctx context.Context, n *node.Node) {
		ex, err := n.Doctor(ctx, entente.LocalActor(), nil)
		f.must(err)
		if !ex.Sound {
			t.Errorf("the doctor found %v", ex.Complaints)
		}
	})
}
