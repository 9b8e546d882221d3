package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"entente"
	"entente/ledger"
	"entente/store"
)

// aboutLedger tells of the commands that change the ledger itself. Their events stand at a
// place that nobody else may take in between, so they are entered at once.
func aboutLedger(c entente.Command) bool {
	switch c.(type) {
	case entente.RotateLedgerKey, entente.RenewLedger:
		return true
	}
	return false
}

// doLedger carries out a command about the ledger itself, in place of the sequencer.
func (n *Node) doLedger(ctx context.Context, a entente.Actor, c entente.Command) (r entente.Receipt, err error) {
	for {
		err = n.holdingAs(ctx, sequenceJob, leaseFor, func(ctx context.Context, holder string) error {
			// What waits is entered before. A ledger that takes nothing is what is renewed.
			if err := n.sequenceAll(ctx, holder); err != nil {
				if _, renew := c.(entente.RenewLedger); !renew || ctx.Err() != nil {
					return err
				}
			}
			var lost bool
			r, err = n.do(ctx, a, c, func(t *store.Tx) error {
				err := t.HoldLease(ctx, sequenceJob, holder)
				lost = err != nil && entente.KindOf(err) == entente.Conflict
				return err
			})
			if lost { // and not that the ledger refuses it
				return errLeased
			}
			if err != nil {
				return err
			}
			return n.markLedger(ctx)
		})
		if !errors.Is(err, errLeased) {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// markLedger sets the mark to where the ledger is, whatever it said before.
func (n *Node) markLedger(ctx context.Context) error {
	var l *store.LedgerLog
	err := n.st.View(ctx, func(t *store.Tx) error {
		f, err := t.LedgerFacts(ctx)
		if err == nil {
			l, err = t.LedgerLog(ctx, f.Epoch, "")
		}
		return err
	})
	if err != nil || l == nil {
		return err
	}
	return n.st.PutLedgerMark(ctx, markOf(l), true)
}

// enterKey completes the event of a command about the ledger itself, and enters it.
func (n *Node) enterKey(ctx context.Context, t *store.Tx, c entente.Command, f entente.Facts, e entente.Event) error {
	if c, ok := c.(entente.RenewLedger); ok {
		return n.renew(ctx, t, c, f, e)
	}
	w, err := n.scribe(ctx, t)
	if err != nil {
		return err
	}
	next := store.LedgerKey{Epoch: w.last.Epoch, Generation: w.last.Generation + 1, Size: f.Ledger.Size}
	key, seed, err := n.newKey()
	if err != nil {
		return err
	}
	next.Seed, next.Public = seed, key.Public()
	next.Endorsed = w.key.SignStatement(ledger.KeyStatement(originOf(w.home, next.Epoch, ""), next.Size, key.Public()))
	w.last, w.key = next, key
	return n.enterFirst(ctx, t, w, f.Now, e)
}

// renew begins an epoch by the event that declares it.
func (n *Node) renew(ctx context.Context, t *store.Tx, c entente.RenewLedger, f entente.Facts, e entente.Event) error {
	logs, err := t.LedgerLogs(ctx)
	if err != nil {
		return err
	}
	keys, err := t.LedgerKeys(ctx)
	if err != nil {
		return err
	}
	var last []ledger.Checkpoint
	for _, l := range logs {
		if l.Epoch != f.Ledger.Epoch || l.Size == 0 || len(last) == survivors {
			continue
		}
		text, _, _ := strings.Cut(string(l.Note), "\n\n")
		p, err := ledger.ParseCheckpoint(text + "\n")
		if err != nil {
			return entente.Errorf(entente.Conflict, "the last checkpoint of the ledger cannot be read (%s), so nothing can follow it; put the database back from a backup", entente.PublicText(err))
		}
		last, e.Checkpoints = append(last, p), append(e.Checkpoints, string(l.Note))
	}
	w := scribe{home: f.Home.ID, last: store.LedgerKey{Epoch: f.Ledger.Epoch + 1, Generation: 1}}
	if w.key, w.last.Seed, err = n.newKey(); err != nil {
		return err
	}
	w.last.Public = w.key.Public()
	if c.LostKey {
		e.Result = "lost-key"
	} else {
		i := len(keys) - 1
		if i < 0 || keys[i].Epoch != f.Ledger.Epoch {
			return entente.Errorf(entente.Conflict, "the key of epoch %d is not there, and cannot sign what follows; say --lost-key if it is lost for good", f.Ledger.Epoch)
		}
		old, err := ledger.NewKey(keys[i].Seed)
		if err != nil {
			return entente.Errorf(entente.Conflict, "the key of epoch %d cannot be used, and cannot sign what follows; say --lost-key if it is lost for good", f.Ledger.Epoch)
		}
		w.last.Endorsed = old.SignStatement(ledger.DiscontinuityStatement(originOf(w.home, w.last.Epoch, ""), w.key.Public(), last))
	}
	if err := n.enterFirst(ctx, t, w, f.Now, e); err != nil {
		return err
	}
	restored, err := t.Restored(ctx)
	if err != nil || restored == "" {
		return err
	}
	// What was staged did not survive: see [store.Restore].
	agreements, err := t.Agreements(ctx)
	if err != nil {
		return err
	}
	for i := range agreements {
		if a := &agreements[i]; a.Work != nil && len(a.Feeds) > 0 {
			if err := n.noteFeeds(ctx, t, "unstage", a, func(f entente.ReleaseFeed) int64 { return f.Head }, nil); err != nil {
				return err
			}
		}
	}
	return t.DeclaredRestored(ctx)
}

// survivors is how many checkpoints the declaration of a discontinuity holds at most, that of
// the main log first; it vouches for the partners' logs itself.
const survivors = 1000

// enterFirst enters the event with which a key begins, and keeps the key.
func (n *Node) enterFirst(ctx context.Context, t *store.Tx, w scribe, now int64, e entente.Event) error {
	e.Key, e.Signature = hex.EncodeToString(w.last.Public), hex.EncodeToString(w.last.Endorsed)
	e.About = map[string]string{"epoch": strconv.FormatInt(w.last.Epoch, 10), "generation": strconv.FormatInt(w.last.Generation, 10)}
	r, err := n.eventRow(now, e, n.random)
	if err != nil {
		return err
	}
	if err := t.AddLedgerKey(ctx, w.last); err != nil {
		return err
	}
	_, err = w.append(ctx, t, "", []store.EventRow{r})
	return err
}

// declareRestored declares that the database comes from a backup, if nobody has.
func (n *Node) declareRestored(ctx context.Context) error {
	var said string
	var f entente.LedgerFacts
	if err := n.st.View(ctx, func(t *store.Tx) (err error) {
		if said, err = t.Restored(ctx); err == nil && said != "" {
			f, err = t.LedgerFacts(ctx)
		}
		return err
	}); err != nil || said == "" {
		return err
	}
	if f.Size == 0 { // there is no ledger that would go on
		return n.st.Update(ctx, func(t *store.Tx) error { return t.DeclaredRestored(ctx) })
	}
	c := entente.RenewLedger{Cause: said}
	_, err := n.Do(ctx, entente.LocalActor(), c)
	if err != nil && entente.KindOf(err) == entente.Conflict { // the backup has no key that can sign
		c.LostKey = true
		_, err = n.Do(ctx, entente.LocalActor(), c)
	}
	return err
}

// LedgerKeyInfo is a key of the ledger, without its secret.
type LedgerKeyInfo struct {
	Epoch      int64  `json:"epoch"`
	Generation int64  `json:"generation"`
	From       int64  `json:"from"` // the size of the main log when it came into use
	Log        string `json:"log"`  // whose checkpoints the verifier key is for: "main", or the partner's name
	Verifier   string `json:"verifier"`
	Now        bool   `json:"now"` // it signs now
}

// LedgerKeys lists the verifier keys of a log, oldest first: what is given to who is to verify
// its checkpoints. Partner is "" for the main log, else the id of a partner.
func (n *Node) LedgerKeys(ctx context.Context, a entente.Actor, partner string) ([]LedgerKeyInfo, error) {
	if err := readAll(a); err != nil {
		return nil, err
	}
	var out []LedgerKeyInfo
	err := n.view(ctx, a, func(t *store.Tx) error {
		out = nil
		home, err := t.Home(ctx)
		if err != nil {
			return err
		}
		names, err := organisationNames(ctx, t)
		if err != nil {
			return err
		}
		log, ok := names[partner]
		switch {
		case partner == "":
			log = "main"
		case !ok || partner == home.ID:
			return entente.Errorf(entente.NotFound, "there is no such partner")
		}
		keys, err := t.LedgerKeys(ctx)
		if err != nil {
			return err
		}
		for i, k := range keys {
			public, err := publicOf(k)
			if err != nil {
				return err
			}
			v, err := ledger.NewVerifier(originOf(home.ID, k.Epoch, partner), public)
			if err != nil {
				return err
			}
			out = append(out, LedgerKeyInfo{Epoch: k.Epoch, Generation: k.Generation, From: k.Size, Log: log, Verifier: v.String(), Now: i == len(keys)-1})
		}
		return nil
	})
	return out, err
}

// publicOf is the public half of a key.
func publicOf(k store.LedgerKey) ([]byte, error) {
	if len(k.Public) > 0 {
		return slices.Clone(k.Public), nil
	}
	key, err := ledger.NewKey(k.Seed)
	if err != nil {
		return nil, fmt.Errorf("key %d of epoch %d: %w", k.Generation, k.Epoch, err)
	}
	return key.Public(), nil
}
