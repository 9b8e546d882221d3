// Package node is the one door of Entente: [Node.Do] changes, [Node.Feed] and the finders
// read, [Node.Run] works in the background. It is the only place where the store and the
// rules meet.
//
// What comes in becomes a command; the facts about it are read, [entente.Decide] judges,
// and the change is written, all in one transaction.
package node

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"entente"
	"entente/store"
)

// Node is one organisation's node on an open store. It may be used from many goroutines.
type Node struct {
	st      *store.Store
	home    string // id of home's organisation: that never changes
	now     func() int64
	random  io.Reader
	forWhom func(account string) io.Reader
	log     *slog.Logger
	signIns *signIns
	meters  *meters
	wake    chan struct{} // search
	apply   chan struct{} // appliers
	preview chan struct{} // holds one for each preview under way
	pace    *pace
	windows windows

	followed, analyzed atomic.Int64 // contents that this process has followed, now and when it last analyzed

	pageLines    int
	cursorSecret [32]byte

	salts    func(entente.Digest) []byte // see Config.Salts
	inbox    inbox
	sequence chan struct{} // the sequencer

	unrecorded bool        // see Config.Unrecorded
	ledgerFits atomic.Bool // this process has held the ledger against its mark
}

// Config is what a node is made of. Zero fields take what they name.
type Config struct {
	Now    func() int64 // microseconds since 1970; the machine's clock
	Random io.Reader    // crypto/rand
	// RandomFor gives the source of the random values that answers to an account carry, by its
	// id, "" for who has not signed in. It is asked anew for each value. Random values for
	// others are not drawn from it, so that they shift nothing; nil: crypto/rand.
	RandomFor func(account string) io.Reader
	// Salts gives the salt of a content's commitment by its digest; nil: crypto/rand, which is
	// what hides contents. With it tests have two nodes agree.
	Salts func(entente.Digest) []byte
	// Unrecorded keeps no events: to measure what they cost, and for nothing else.
	Unrecorded bool
	Log        *slog.Logger // slog.Default()

	// Home names the organisation when the store has none yet: "home" if it is "".
	Home string
	// MaxContentLength bounds a request's body on the first API root when it is made, in octets; 64 MiB.
	MaxContentLength int64
	// PageLines is how many lines of a feed one page looks at; [store.PageLines], and
	// [store.MatchLines] where the filter has conditions. More makes fewer pages, each of
	// which takes longer.
	PageLines int
}

// DefaultMaxContentLength is the longest body of a POST where an API root says nothing else, in octets.
const DefaultMaxContentLength = 64 << 20

const cursorSetting = "cursor-secret"

// Open makes a node on a store. The first time, it establishes home and the API root
// "api1".
func Open(ctx context.Context, st *store.Store, c Config) (*Node, error) {
	n := &Node{
		st: st, now: c.Now, random: c.Random, forWhom: c.RandomFor, log: c.Log, signIns: newSignIns(), meters: newMeters(),
		wake: make(chan struct{}, 1), apply: make(chan struct{}, 1), preview: make(chan struct{}, 1), sequence: make(chan struct{}, 1),
		pace: newPace(), windows: windows{lines: applyLines}, pageLines: c.PageLines, salts: c.Salts, inbox: inbox{write: st.PutInbox}, unrecorded: c.Unrecorded,
	}
	if n.now == nil {
		n.now = func() int64 { return time.Now().UnixMicro() }
	}
	if n.random == nil {
		n.random = rand.Reader
	}
	if n.forWhom == nil {
		n.forWhom = func(string) io.Reader { return rand.Reader }
	}
	if n.log == nil {
		n.log = slog.Default()
	}
	var err error
	for range 2 {
		var secret []byte
		var home entente.Organisation
		err = st.View(ctx, func(t *store.Tx) (err error) {
			if secret, err = t.Setting(ctx, cursorSetting); err == nil {
				home, err = t.Home(ctx)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(secret) == len(n.cursorSecret) {
			copy(n.cursorSecret[:], secret)
			n.home = home.ID
			// Before anybody works on a restored database: what a change under way had staged is gone,
			// and the ledger has to say so before it tells of the next. The sequencer tries again.
			if err := n.declareRestored(ctx); err != nil && ctx.Err() == nil {
				n.log.Error("the ledger cannot tell yet that this database was restored", "error", err)
			}
			return n, nil
		}
		// Another process may establish the node at this moment; then its secret counts.
		if err = n.establish(ctx, c); err != nil && entente.KindOf(err) != entente.Conflict {
			return nil, err
		}
	}
	return nil, entente.Errorf(entente.Internal, "the node could not be established: %w", err)
}

func (n *Node) establish(ctx context.Context, c Config) error {
	secret := make([]byte, len(n.cursorSecret))
	if _, err := io.ReadFull(n.random, secret); err != nil {
		return err
	}
	cmd := entente.Establish{
		Organisation: c.Home,
		Root:         entente.Root{Name: "api1", Title: "Entente", MaxContentLength: c.MaxContentLength},
		Settings:     []entente.Setting{{Name: cursorSetting, Value: secret}},
	}
	if cmd.Organisation == "" {
		cmd.Organisation = "home"
	}
	if cmd.Root.MaxContentLength <= 0 {
		cmd.Root.MaxContentLength = DefaultMaxContentLength
	}
	_, err := n.Do(ctx, entente.LocalActor(), cmd)
	return err
}

// Do is the one door: it judges a command by the facts and writes what was decided, in
// one transaction. An error is an [entente.Error] and means that nothing was written.
func (n *Node) Do(ctx context.Context, a entente.Actor, c entente.Command) (entente.Receipt, error) {
	if aboutLedger(c) {
		return n.doLedger(ctx, a, c)
	}
	return n.do(ctx, a, c, func(*store.Tx) error { return nil })
}

// do is [Node.Do]; first runs at the beginning of the transaction.
func (n *Node) do(ctx context.Context, a entente.Actor, c entente.Command, first func(*store.Tx) error) (entente.Receipt, error) {
	began := time.Now()
	var reserved struct{ content, feed, organisation, agreement int64 }
	var err error
	switch c := c.(type) {
	case entente.Submit:
		// Numbers for contents are reserved outside: what is not used is a gap.
		reserved.content, err = n.st.Reserve(ctx, "content", len(c.Versions), contentsAhead)
	case entente.AddDissent:
		reserved.content, err = n.st.Reserve(ctx, "content", 1, contentsAhead)
	case entente.AddCollection:
		reserved.feed, err = n.st.Reserve(ctx, "feed", 1, 0)
	case entente.ActivateAgreement, entente.RestoreAgreement: // how many collections get a feed is not known yet
		reserved.feed, err = n.st.Reserve(ctx, "feed", entente.MaxListed, 0)
	case entente.DraftTerms:
		reserved.agreement, err = n.st.Reserve(ctx, "agreement", 1, 0)
	case entente.Establish, entente.AddPartner:
		reserved.organisation, err = n.st.Reserve(ctx, "organisation", 1, 0)
	}
	if err != nil {
		return entente.Receipt{}, err
	}
	var change entente.Change
	covered := false // whether an agreement covers the collection whose feed moves
	err = n.st.Update(ctx, func(t *store.Tx) error {
		if err := first(t); err != nil {
			return err
		}
		f, err := t.Facts(ctx, a, c)
		if err != nil {
			return err
		}
		if f.NewID, err = n.NewID(); err != nil {
			return err
		}
		for range f.NewFeeds() {
			id, err := n.NewID()
			if err != nil {
				return err
			}
			f.NewIDs = append(f.NewIDs, id)
		}
		f.NewAgreement = reserved.agreement
		f.Now, f.NewFeed, f.NextContent, f.NewOrganisation = n.now(), reserved.feed, reserved.content, reserved.organisation
		if change, err = entente.Decide(c, f); err != nil {
			return err
		}
		if err := n.saltContents(change.Contents); err != nil {
			return err
		}
		for i := range change.Empty { // others take the place of those that are erased
			if change.Empty[i].Salt, err = n.saltOf(change.Empty[i].Digest); err != nil {
				return err
			}
		}
		if err := t.Apply(ctx, change); err != nil {
			return err
		}
		if change.Head != 0 {
			if covered, err = t.Covered(ctx, change.Feed); err != nil {
				return err
			}
		}
		return n.record(ctx, t, c, f, change)
	})
	n.meters.command(c, change, err)
	if err != nil {
		n.refused(ctx, a, c, err)
		return entente.Receipt{}, err
	}
	wake(n.sequence)
	if change.Head != 0 {
		n.pace.came(batchTime{began, time.Now()})
	}
	if change.Head != 0 || len(change.Logs) > 0 {
		wake(n.wake)
	}
	if covered || len(change.Logs) > 0 || len(change.Touch) > 0 || change.Agreement != nil {
		wake(n.apply)
	}
	return change.Receipt, nil
}

// contentsAhead is how many content numbers a process reserves beyond what it needs now.
const contentsAhead = 1 << 16

// wake tells background work that there is something to do.
func wake(work chan struct{}) {
	select {
	case work <- struct{}{}:
	default:
	}
}

// Now is the node's clock, in microseconds since 1970.
func (n *Node) Now() int64 { return n.now() }

// NewID makes a UUIDv4 from the node's randomness.
func (n *Node) NewID() (string, error) { return entente.NewUUID(n.random) }

// NewIDFor makes a UUIDv4 that an answer to an account carries: see [Config.RandomFor].
func (n *Node) NewIDFor(account string) (string, error) { return entente.NewUUID(n.forWhom(account)) }

// CursorSecret is the key from which page cursors are sealed; every process on the same
// store has the same.
func (n *Node) CursorSecret() [32]byte { return n.cursorSecret }

// Metrics are the node's metrics, to which a server adds its own.
func (n *Node) Metrics() *Metrics { return n.meters.all }

// Ready reports whether the node can do its work now.
func (n *Node) Ready(ctx context.Context) error { return n.st.Ping(ctx) }

// Engine names the database engine: "sqlite" or "postgres".
func (n *Node) Engine() string { return n.st.Engine() }
