package node

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/stix"
	"entente/store"
	"entente/store/storetest"
)

// oldWindow is a window with the logs' positions when it was read.
type oldWindow struct {
	w     *store.Window
	lines int
	upTo  []int64
}

// TestWindowsSayTheSameLater reads windows of a log at random moments while objects come,
// change, leave and come again, and holds what each tells later against one that is read then.
func TestWindowsSayTheSameLater(t *testing.T) {
	s := newSharing(t, storetest.URLs()["sqlite"](t), nil)
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++
		name := fmt.Sprintf("w%d", world)
		s.shelf = s.do(entente.AddCollection{Name: name})
		s.agree(name, nil)
		var old []oldWindow
		read := func(from, upTo []int64, lines int) (w *store.Window) {
			g := s.agreement(name)
			s.must(s.n.st.View(s.Context(), func(t *store.Tx) (err error) {
				w, err = t.Window(s.Context(), &g, from, upTo, lines, stix.Reread)
				return err
			}))
			return w
		}
		check := func() {
			for _, o := range old {
				fresh := read(o.w.From, o.w.UpTo, o.lines)
				if !reflect.DeepEqual(fresh.UpTo, o.w.UpTo) || !reflect.DeepEqual(fresh.Steps, o.w.Steps) || !reflect.DeepEqual(fresh.Batches, o.w.Batches) {
					rt.Errorf("from %v to %v: the steps were %v, and are %v", o.w.From, o.w.UpTo, o.w.Steps, fresh.Steps)
				}
				if beyond := []int64{o.upTo[0] + 1}; o.w.Serves(beyond, beyond) {
					rt.Errorf("the window from %v to %v serves who counts what was not there yet", o.w.From, o.w.UpTo)
				}
				if !o.w.Serves(o.w.UpTo, nil) || !o.w.Serves(o.upTo, o.upTo) {
					rt.Errorf("the window from %v to %v does not serve what it was read for", o.w.From, o.w.UpTo)
				}
				for _, counts := range [][]int64{o.w.UpTo, o.upTo} {
					if was, is := s.matters(name, o.w, counts), s.matters(name, fresh, counts); !reflect.DeepEqual(was, is) {
						rt.Errorf("from %v to %v, counted to %v: there was\n%v\nand is\n%v", o.w.From, o.w.UpTo, counts, was, is)
					}
				}
			}
			old = nil
		}
		for range rapid.IntRange(2, 12).Draw(rt, "steps") {
			n := rapid.IntRange(1, 3).Draw(rt, "n")
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1:
				_, err := s.n.Do(s.Context(), entente.LocalActor(), entente.DeleteObject{Collection: s.shelf, Object: idOf("malware", n)})
				if err != nil && entente.KindOf(err) != entente.NotFound {
					rt.Fatal(err)
				}
			case 2: // what a feed has judged it does not judge by windows from before
				check()
				s.must(s.n.Settle(s.Context(), name, nil))
			default:
				s.take(malwareAt(n, fmt.Sprintf("2026-0%d-01T00:00:00Z", rapid.IntRange(1, 3).Draw(rt, "month")), rapid.SampledFrom([]string{green, red}).Draw(rt, "marking")))
			}
			if f := s.agreement(name).Feeds[0]; f.LogHead > f.Seen {
				o := oldWindow{lines: rapid.SampledFrom([]int{2, 1000}).Draw(rt, "lines"), upTo: []int64{f.LogHead}}
				o.w = read([]int64{rapid.Int64Range(f.Seen, f.LogHead-1).Draw(rt, "from")}, o.upTo, o.lines)
				old = append(old, o)
			}
		}
		check()
	})
}

// matters is what a window's objects are to an agreement.
func (s *sharing) matters(name string, w *store.Window, counts []int64) (out []string) {
	s.Helper()
	g := s.agreement(name)
	s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
		lib, err := t.Library(s.Context(), store.LibraryOptions{Agreement: &g, Window: w, Settled: counts, Parse: stix.Reread, Follower: searchJob, ReferenceKey: referenceKey})
		if err != nil {
			return err
		}
		ms, err := lib.Matters([]entente.ObjectID{idOf("malware", 1), idOf("malware", 2), idOf("malware", 3)})
		for _, m := range ms {
			out = append(out, fmt.Sprint(m.ID, m.Standing))
			for _, x := range m.Submissions {
				digest := x.Version.Digest
				x.Version = nil
				out = append(out, fmt.Sprint(x, digest))
			}
		}
		return err
	}))
	return out
}

// TestWindowsAreShared lets agreements over one collection judge the same log: what one has
// read the others find, and at rest nothing is kept.
func TestWindowsAreShared(t *testing.T) {
	s := newSharing(t, storetest.URLs()["sqlite"](t), nil)
	s.agree("south", nil)
	s.take(malware(1, green), malware(2, red))
	var seen []*store.Window
	for _, name := range []string{"north", "south"} {
		g := s.agreement(name)
		s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
			p := &applier{n: s.n, num: g.Num}
			defer p.drop()
			w, err := p.window(s.Context(), t, &g, []int64{0}, []int64{g.Feeds[0].LogHead}, nil)
			seen = append(seen, w)
			return err
		}))
	}
	if seen[0] != seen[1] {
		t.Error("the second agreement read the window again")
	}
	s.must(s.n.SettleAll(s.Context()))
	s.expect("north", "01")
	s.expect("south", "01")
	if n := len(s.n.windows.all); n != 0 || s.n.windows.size != 0 {
		t.Errorf("at rest %d windows are kept, of %d bytes", n, s.n.windows.size)
	}
}

// TestWindowsAreBounded keeps more windows than there is room for.
func TestWindowsAreBounded(t *testing.T) {
	s := newSharing(t, storetest.URLs()["sqlite"](t), nil)
	long := strings.Repeat("x", 1<<20)
	for i := range 3 * windowsHeld >> 20 {
		s.take(malware(i, `"description":"`+long+`",`+green))
	}
	s.n.windows.lines = 1
	g := s.agreement("north")
	head := g.Feeds[0].LogHead
	for from := range head {
		s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
			p := &applier{n: s.n, num: g.Num}
			defer p.drop()
			_, err := p.window(s.Context(), t, &g, []int64{from}, []int64{head}, nil)
			return err
		}))
		sum := 0
		for _, r := range s.n.windows.all {
			sum += r.size
		}
		if sum != s.n.windows.size || sum > windowsHeld {
			t.Fatalf("windows of %d bytes are kept, counted as %d", sum, s.n.windows.size)
		}
	}
	if len(s.n.windows.all) < windowsHeld>>22 {
		t.Errorf("only %d windows are kept", len(s.n.windows.all))
	}
}

// TestWindowsForgetWhatIsErased has a window hold bytes that are erased before an agreement
// judges it: no entry and no copy brings them back.
func TestWindowsForgetWhatIsErased(t *testing.T) {
	onEngines(t, func(t *entente.Terms) { t.Unmarked = entente.TLPGreen }, func(s *sharing) {
		ann, bob := s.hire("ann", entente.Releaser), s.hire("bob", entente.Releaser)
		s.take(secretMalware(1), malware(2, green))
		g := s.agreement("north")
		s.must(s.n.st.View(s.Context(), func(t *store.Tx) error {
			p := &applier{n: s.n, num: g.Num}
			defer p.drop()
			_, err := p.window(s.Context(), t, &g, []int64{0}, []int64{g.Feeds[0].LogHead}, nil)
			return err
		}))
		id := s.propose(ann, idOf("malware", 1))
		s.doAs(bob, entente.ConfirmErasure{Erasure: id})
		s.doAs(entente.LocalActor(), entente.RemoveBytes{Erasure: id})
		var came int
		for s.agreement("north").Feeds[0].Seen < s.agreement("north").Feeds[0].LogHead {
			s.must(s.n.applyHeld(s.Context(), g.Num, func(int64, int64) { came = max(came, len(s.bodies(idOf("malware", 1)))) }))
		}
		s.expect("north", "02")
		if f := s.agreement("north").Feeds[0]; f.Head != 1 {
			s.Errorf("the feed came to %d, so what was erased went through it", f.Head)
		}
		for _, b := range s.bodies(idOf("malware", 1)) {
			if b != "" || came > 1 {
				s.Errorf("%d contents came to be, and this is left: %s", came, b)
			}
		}
	})
}
