package node

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"

	"entente"
	"entente/ledger"
	"entente/store"
)

// This node as a witness for others (C2SP tlog-witness): it cosigns the checkpoints of logs
// whose keys an operator has given it, each only if it continues the one that it cosigned
// before. What it cosigns is no event: two nodes that witness each other would never rest.

// MaxSubmission is the longest request to a witness that is read, in bytes.
const MaxSubmission = ledger.MaxSubmission

const witnessSetting = "witness-key"

// witness is this node as a witness. Its key is made the first time.
func (n *Node) witness(ctx context.Context) (w ledger.Witness, err error) {
	var seed []byte
	var home entente.Organisation
	read := func(t *store.Tx) (err error) {
		if home, err = t.Home(ctx); err == nil {
			seed, err = t.Setting(ctx, witnessSetting)
		}
		return err
	}
	if err = n.st.View(ctx, read); err == nil && len(seed) == 0 {
		err = n.st.Update(ctx, func(t *store.Tx) error {
			if err := read(t); err != nil || len(seed) > 0 {
				return err
			}
			seed = make([]byte, ledger.SeedSize)
			if _, err := io.ReadFull(n.random, seed); err != nil {
				return err
			}
			return t.Apply(ctx, entente.Change{Settings: []entente.Setting{{Name: witnessSetting, Value: seed}}})
		})
	}
	if err != nil {
		return w, err
	}
	w.Name = "entente/" + home.ID + "/witness"
	w.Key, err = ledger.NewKey(seed)
	return w, err
}

// WitnessKey is the verifier key of this node as a witness: what another log's policy names.
func (n *Node) WitnessKey(ctx context.Context, a entente.Actor) (string, error) {
	if err := readAll(a); err != nil {
		return "", err
	}
	w, err := n.witness(ctx)
	if err != nil {
		return "", err
	}
	v, err := w.Key.CosignVerifier(w.Name)
	return v.String(), err
}

// WitnessLog has this node cosign the checkpoints that a key signs, a verifier key whose name
// is the origin of the log.
func (n *Node) WitnessLog(ctx context.Context, a entente.Actor, vkey string) (origin string, err error) {
	v, err := ledger.ParseVerifier(vkey)
	if err != nil {
		return "", err
	}
	if v.Cosigns() {
		return "", entente.Errorf(entente.Invalid, "this is the key of a witness; a log's is wanted, whose name is the log's origin")
	}
	_, err = n.Do(ctx, a, entente.WitnessLog{Origin: v.Name(), Key: v.String()})
	return v.Name(), err
}

// WitnessedLog is a log that this node witnesses.
type WitnessedLog struct {
	entente.LogKey
	Size int64  // of the checkpoint that it cosigned last
	Root string // hexadecimal
	At   int64  // microseconds since 1970, 0 if it never did
}

// WitnessedLogs lists them, for who reads everything.
func (n *Node) WitnessedLogs(ctx context.Context, a entente.Actor) ([]WitnessedLog, error) {
	if err := readAll(a); err != nil {
		return nil, err
	}
	var out []WitnessedLog
	err := n.view(ctx, a, func(t *store.Tx) error {
		keys, err := t.WitnessKeys(ctx, "")
		if err != nil {
			return err
		}
		for _, k := range keys {
			s, err := t.WitnessState(ctx, k.Origin)
			if err != nil {
				return err
			}
			out = append(out, WitnessedLog{k, s.Size, hex.EncodeToString(s.Root), s.At})
		}
		return nil
	})
	return out, err
}

// WitnessAnswer is what this node answers as a witness.
type WitnessAnswer struct {
	Status      int
	ContentType string
	Body        []byte
}

func witnessAnswer(a ledger.Answer) WitnessAnswer {
	return WitnessAnswer{a.Status, a.ContentType, a.Body}
}

// AddCheckpoint answers a request to cosign a checkpoint, of anybody: who may ask is a
// question of the log's key alone. What it cosigns is durable before it returns.
func (n *Node) AddCheckpoint(ctx context.Context, body []byte) (WitnessAnswer, error) {
	s, err := ledger.ParseSubmission(body)
	if err != nil {
		return witnessAnswer(ledger.AnswerError(err)), nil
	}
	origin := s.Origin()
	// A stranger's request costs a read, and no key is made for it.
	var known []entente.LogKey
	if err := n.st.View(ctx, func(t *store.Tx) (err error) {
		known, err = t.WitnessKeys(ctx, origin)
		return err
	}); err != nil {
		return WitnessAnswer{}, err
	}
	if origin == "" || len(known) == 0 {
		return witnessAnswer(ledger.Witness{}.Answer(s, nil, ledger.Checkpoint{}, 0)), nil
	}
	w, err := n.witness(ctx)
	if err != nil {
		return WitnessAnswer{}, err
	}
	var out ledger.Answer
	err = n.st.Update(ctx, func(t *store.Tx) error {
		keys, stored, was, err := witnessed(ctx, t, origin)
		if err != nil {
			return err
		}
		now := n.now()
		if out = w.Answer(s, keys, stored, now/1_000_000); out.Status != http.StatusOK {
			return nil
		}
		return t.PutWitnessState(ctx, origin, was, store.WitnessState{Size: out.State.Size, Root: out.State.Root[:], At: now})
	})
	if entente.KindOf(err) == entente.Conflict {
		err = entente.Errorf(entente.Unavailable, "another checkpoint of this log is cosigned at the moment; try again")
	}
	if err == nil {
		n.meters.all.Counter("entente_witness_requests_total", "status", http.StatusText(out.Status)).Inc()
	}
	return witnessAnswer(out), err
}

// witnessed reads the keys of a log and what was cosigned of it last.
func witnessed(ctx context.Context, t *store.Tx, origin string) (keys []ledger.Verifier, stored ledger.Checkpoint, was store.WitnessState, err error) {
	all, err := t.WitnessKeys(ctx, origin)
	if err != nil {
		return nil, stored, was, err
	}
	for _, k := range all {
		v, err := ledger.ParseVerifier(k.Key)
		if err != nil {
			return nil, stored, was, entente.Errorf(entente.Internal, "a key of the log %s cannot be read: %w", origin, err)
		}
		keys = append(keys, v)
	}
	if was, err = t.WitnessState(ctx, origin); err != nil || was.At == 0 {
		return keys, stored, was, err
	}
	stored.Origin, stored.Size = origin, was.Size
	if copy(stored.Root[:], was.Root) != len(stored.Root) || len(was.Root) != len(stored.Root) {
		return nil, stored, was, entente.Errorf(entente.Internal, "what was cosigned last of the log %s has a root of %d bytes", origin, len(was.Root))
	}
	return keys, stored, was, nil
}
