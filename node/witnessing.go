package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"entente"
	"entente/ledger"
	"entente/store"
)

// The logs of this node are witnessed by others: as far as a policy says so, each log's last
// checkpoint is shown to the witnesses of its own policy, and to nobody else.

const (
	witnessJob   = "witnesses"
	witnessEvery = 2 * time.Second
	// unwitnessedFor is how old an event may be that no witnessed checkpoint covers, while the
	// terms demand one.
	unwitnessedFor = time.Minute
	witnessesAsked = 8 // at once
	maxWitnessRest = time.Minute
)

// watched is a log that has a policy.
type watched struct {
	text   entente.Policy
	policy ledger.Policy
	log    *store.LedgerLog // of the present epoch, nil while there is none
	origin string
	keys   []ledger.Verifier // of the log
	done   store.Witnessed
	by     map[string]store.Cosigned
}

// watched reads all logs that have a policy.
func (n *Node) watched(ctx context.Context, t *store.Tx) ([]watched, error) {
	all, err := t.Policies(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	home, err := t.Home(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := t.LedgerKeys(ctx)
	if err != nil {
		return nil, err
	}
	var out []watched
	for _, p := range all {
		w := watched{text: p}
		if w.policy, err = ledger.ParsePolicy(p.Text); err != nil {
			return nil, err
		}
		if len(keys) > 0 {
			epoch := keys[len(keys)-1].Epoch
			w.origin = originOf(home.ID, epoch, p.Organisation)
			if w.log, err = t.LedgerLog(ctx, epoch, p.Organisation); err != nil {
				return nil, err
			}
			for _, k := range keys {
				if key, err := ledger.NewKey(k.Seed); err == nil && k.Epoch == epoch {
					v, err := key.Verifier(w.origin)
					if err != nil {
						return nil, err
					}
					w.keys = append(w.keys, v)
				}
			}
		}
		if w.log != nil && w.log.Size > 0 {
			if w.done, err = t.Witnessed(ctx, w.log.Num); err != nil {
				return nil, err
			}
			if w.by, err = t.Cosigned(ctx, w.log.Num); err != nil {
				return nil, err
			}
		} else {
			w.log = nil
		}
		out = append(out, w)
	}
	return out, nil
}

// rests keeps from asking a witness again and again that does not answer.
type rests struct {
	mu     sync.Mutex
	until  map[string]time.Time
	next   map[string]time.Duration
	forked map[string]bool // by log and witness: those that had another history when they were asked last
}

func newRests() *rests {
	return &rests{until: map[string]time.Time{}, next: map[string]time.Duration{}, forked: map[string]bool{}}
}

func (r *rests) due(witness string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !time.Now().Before(r.until[witness])
}

func (r *rests) told(origin, witness string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.forked, origin+" "+witness); errors.Is(err, errForked) {
		r.forked[origin+" "+witness] = true
	}
	if err == nil {
		delete(r.until, witness)
		delete(r.next, witness)
		return
	}
	next := min(max(2*r.next[witness], witnessEvery), maxWitnessRest)
	r.until[witness], r.next[witness] = time.Now().Add(next), next
}

// CatchUpWitnesses shows the last checkpoints to the witnesses that have not cosigned them,
// now; while another process is at it, that is told by an error.
func (n *Node) CatchUpWitnesses(ctx context.Context) error {
	return n.holding(ctx, witnessJob, remoteLeaseFor, func(ctx context.Context) error {
		return n.askWitnesses(ctx, newRests())
	})
}

// runWitnesses has the logs witnessed until ctx ends.
func (n *Node) runWitnesses(ctx context.Context) {
	r := newRests()
	for ctx.Err() == nil {
		err := n.askDue(ctx, r)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errLeased) {
			n.log.Warn("a log could not be witnessed; it will be tried again", "error", err)
		}
		t := time.NewTimer(witnessEvery)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

// askDue asks under the lease, if there is something to ask.
func (n *Node) askDue(ctx context.Context, r *rests) error {
	var all []watched
	err := n.st.View(ctx, func(t *store.Tx) (err error) {
		all, err = n.watched(ctx, t)
		return err
	})
	if err != nil || !slices.ContainsFunc(all, watched.waits) {
		return err
	}
	return n.holding(ctx, witnessJob, remoteLeaseFor, func(ctx context.Context) error { return n.askWitnesses(ctx, r) })
}

// waits tells that the last checkpoint does not meet the policy yet.
func (w watched) waits() bool { return w.log != nil && w.done.Size != w.log.Size }

// askWitnesses goes once through all logs that have a policy.
func (n *Node) askWitnesses(ctx context.Context, r *rests) error {
	var all []watched
	if err := n.st.View(ctx, func(t *store.Tx) (err error) {
		all, err = n.watched(ctx, t)
		return err
	}); err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: ledger.SubmitTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var errs []error
	for _, w := range all {
		if !w.waits() {
			continue
		}
		errs = append(errs, n.witnessOne(ctx, client, w, r))
	}
	n.meters.all.Gauge("entente_ledger_fork_alarms").Set(float64(len(r.forked)))
	return errors.Join(append(errs, n.tellUnwitnessed(ctx))...)
}

// witnessOne shows the last checkpoint of one log to its witnesses, and keeps it with what
// they sign once the policy is met.
func (n *Node) witnessOne(ctx context.Context, client *http.Client, w watched, r *rests) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	places := make(chan struct{}, witnessesAsked)
	var fails []error
	for _, x := range w.policy.Witnesses {
		name := x.Key.String()
		mu.Lock()
		have := w.by[name]
		mu.Unlock()
		if have.Size == w.log.Size && len(have.Lines) > 0 || !r.due(name) {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			c, err := n.askWitness(ctx, client, w, x, have.Size)
			r.told(w.origin, name, err)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				w.by[name] = c
			case errors.Is(err, errForked):
				n.log.Error("a witness has another history of a log of this node: the ledger was forked or rolled back, here or before the witness", "log", w.origin, "witness", x.Name, "error", err)
			default:
				fails = append(fails, fmt.Errorf("witness %s of %s: %w", x.Name, w.origin, err))
			}
		})
	}
	wg.Wait()
	note := w.log.Note
	for _, x := range w.policy.Witnesses {
		if c := w.by[x.Key.String()]; c.Size == w.log.Size && len(c.Lines) > 0 {
			var err error
			if note, _, err = ledger.AddSignatures(note, c.Lines, x.Key); err != nil {
				return err
			}
		}
	}
	_, sigs, err := ledger.OpenCheckpoint(note, append(w.policy.Verifiers(), w.keys...)...)
	if err != nil || !w.policy.Met(sigs) {
		return errors.Join(append(fails, err)...)
	}
	return n.st.Update(ctx, func(t *store.Tx) error {
		return t.PutWitnessed(ctx, store.Witnessed{Log: w.log.Num, Size: w.log.Size, Note: note, At: n.now()})
	})
}

// errForked tells that a witness cannot be shown that a checkpoint continues what it has.
var errForked = errors.New("the witness has cosigned what this log does not continue")

// askWitness has one witness cosign the checkpoint of a log, of which it has cosigned an old
// size last. Where the witness is at another size than was thought, that is what it is shown the way from.
func (n *Node) askWitness(ctx context.Context, client *http.Client, w watched, x ledger.PolicyWitness, old int64) (c store.Cosigned, err error) {
	s := ledger.Submission{Old: old, Signed: w.log.Note}
	for range 3 {
		if s.Old > w.log.Size {
			return c, errForked
		}
		if err = n.st.View(ctx, func(t *store.Tx) (err error) {
			s.Proof, err = ledger.ProveConsistency(ctx, tilesOf{t, w.log.Num}, s.Old, w.log.Size)
			return err
		}); err != nil {
			return c, err
		}
		var lines []byte
		lines, err = ledger.Submit(ctx, client, x.URL, s, x.Key)
		var behind *ledger.Behind
		switch {
		case err == nil:
			c = store.Cosigned{Log: w.log.Num, Witness: x.Key.String(), Size: w.log.Size, Lines: lines}
			return c, n.st.Update(ctx, func(t *store.Tx) error { return t.PutCosigned(ctx, c) })
		case entente.KindOf(err) == entente.Unprocessable:
			return c, fmt.Errorf("%w: %w", errForked, err)
		case !errors.As(err, &behind):
			return c, err
		case behind.Size == s.Old: // the same size, and another root
			return c, errForked
		}
		s.Old = behind.Size
	}
	return c, err
}
