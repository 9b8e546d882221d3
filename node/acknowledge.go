package node

import (
	"context"

	"entente"
	"entente/ledger"
	"entente/store"
)

// MaxAcknowledgement is the longest acknowledgement that is read, in bytes.
const MaxAcknowledgement = ledger.MaxCheckpoint

// AddPartnerKey registers a key with which a partner acknowledges: a verifier key of the kind
// that cosigns (C2SP tlog-cosignature).
func (n *Node) AddPartnerKey(ctx context.Context, a entente.Actor, partner, vkey string) error {
	v, err := ledger.ParseVerifier(vkey)
	if err != nil {
		return err
	}
	if !v.Cosigns() {
		return entente.Errorf(entente.Invalid, "this is the key of a log; one that cosigns is wanted: \"entente ledger receipt --new-key FILE\" makes one")
	}
	p, err := n.PartnerNamed(ctx, a, partner)
	if err != nil {
		return err
	}
	_, err = n.Do(ctx, a, entente.AddPartnerKey{Organisation: p.ID, Key: v.String()})
	return err
}

// PartnerKeys lists the keys with which a partner acknowledges, for who reads everything.
func (n *Node) PartnerKeys(ctx context.Context, a entente.Actor, partner string) (keys []entente.PartnerKey, err error) {
	if err := readAll(a); err != nil {
		return nil, err
	}
	p, err := n.PartnerNamed(ctx, a, partner)
	if err != nil {
		return nil, err
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		keys, err = t.PartnerKeys(ctx, p.ID)
		return err
	})
	return keys, err
}

// Acknowledge takes a checkpoint of a partner's own log, signed with a key that is registered
// for the partner: it says that the partner has the log up to there, and so acknowledges what
// the log tells was delivered. The log's own signature may be missing. Forbidden without a
// good signature of a registered key, Conflict for a checkpoint that is none of the log's.
func (n *Node) Acknowledge(ctx context.Context, a entente.Actor, note []byte) (size int64, err error) {
	var ack entente.Acknowledgement
	err = n.view(ctx, a, func(t *store.Tx) error {
		of, err := n.logFor(a)
		if err != nil {
			return err
		}
		if of == "" {
			return entente.Errorf(entente.Forbidden, "only an account of a partner acknowledges, for the partner's own log")
		}
		keys, err := t.PartnerKeys(ctx, of)
		if err != nil {
			return err
		}
		ack, err = n.acknowledged(ctx, t, of, keys, note)
		return err
	})
	if err != nil {
		return 0, err
	}
	_, err = n.Do(ctx, a, entente.Acknowledge{Acknowledgement: ack})
	return ack.Size, err
}

// acknowledged holds a signed checkpoint against the partner's keys and logs.
func (n *Node) acknowledged(ctx context.Context, t *store.Tx, of string, keys []entente.PartnerKey, note []byte) (ack entente.Acknowledgement, err error) {
	var c ledger.Checkpoint
	for _, k := range keys {
		v, err := ledger.ParseVerifier(k.Key)
		if err != nil {
			return ack, entente.Errorf(entente.Internal, "a key of partner %s cannot be read: %w", of, err)
		}
		if c, err = ledger.OpenCosigned(note, v); err == nil {
			ack.Key = k.Key
			break
		}
		if entente.KindOf(err) != entente.Forbidden {
			return ack, err
		}
	}
	if ack.Key == "" {
		return ack, entente.Errorf(entente.Forbidden, "no key that is registered for your organisation has signed this checkpoint; ask the node's operator to register it")
	}
	home, err := t.Home(ctx)
	if err != nil {
		return ack, err
	}
	logs, err := t.LedgerLogs(ctx)
	if err != nil {
		return ack, err
	}
	for _, l := range logs {
		if l.Organisation != of || originOf(home.ID, l.Epoch, of) != c.Origin {
			continue
		}
		if c.Size > l.Size || c.Size == 0 {
			break
		}
		root, err := ledger.RootOf(ctx, tilesOf{t, l.Num}, c.Size)
		if err != nil {
			return ack, err
		}
		if root != c.Root {
			break
		}
		ack.Log, ack.Epoch, ack.Size, ack.Organisation, ack.Note = l.Num, l.Epoch, c.Size, of, note
		return ack, nil
	}
	return ack, entente.Errorf(entente.Conflict, "this is no checkpoint of your log here: its origin, size and root are not those of the log; if this node signed it, it has changed its history")
}

// Evidence is how far it is known that a partner received an entry of a feed, beside that it
// was offered: when it was sent for the first time, and when the partner acknowledged that.
type Evidence struct {
	Served       int64 // microseconds since 1970, 0 for never
	Log, Entry   int64 // the partner's log, by epoch, and the entry of it that tells so
	Acknowledged int64 // microseconds since 1970, 0 for not
}

// Grade names the highest grade of evidence in one word.
func (e Evidence) Grade() string {
	switch {
	case e.Acknowledged != 0:
		return "acknowledged"
	case e.Served != 0:
		return "served"
	}
	return "offered"
}

// at is the evidence that there was at a moment.
func (e Evidence) at(moment int64) Evidence {
	if e.Served > moment {
		return Evidence{}
	}
	if e.Acknowledged > moment {
		e.Acknowledged = 0
	}
	return e
}

// evidence finds it for one entry of a feed.
func evidence(ctx context.Context, t *store.Tx, partner, feed string, seq int64, epochs map[int64]int64) (e Evidence, err error) {
	s, err := t.ServedAt(ctx, partner, feed, seq)
	if err != nil || s.First == 0 {
		return e, err
	}
	ack, err := t.Acknowledged(ctx, s.Log, s.Index)
	return Evidence{Served: s.At, Log: epochs[s.Log], Entry: s.Index, Acknowledged: ack.At}, err
}

// epochsOf has the epoch of each log by its number.
func epochsOf(ctx context.Context, t *store.Tx) (map[int64]int64, error) {
	logs, err := t.LedgerLogs(ctx)
	out := make(map[int64]int64, len(logs))
	for _, l := range logs {
		out[l.Num] = l.Epoch
	}
	return out, err
}
