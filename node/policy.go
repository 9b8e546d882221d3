package node

import (
	"context"
	"net/http"
	"time"

	"entente"
	"entente/ledger"
	"entente/store"
)

// SetPolicy says which witnesses a log needs (C2SP tlog-policy): the main log, or that of a
// partner, by name or id. An empty text asks for none.
func (n *Node) SetPolicy(ctx context.Context, a entente.Actor, partner string, text []byte) error {
	p := entente.Policy{Text: text}
	if partner != "" {
		of, err := n.PartnerNamed(ctx, a, partner)
		if err != nil {
			return err
		}
		p.Organisation = of.ID
	}
	if len(text) > 0 {
		read, err := ledger.ParsePolicy(text)
		if err != nil {
			return err
		}
		for _, w := range read.Witnesses {
			if w.URL == "" {
				return entente.Errorf(entente.Invalid, "the witness %s has no URL, so it could not be asked; add one to its line", w.Name)
			}
			if _, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, nil); err != nil {
				return entente.Wrap(entente.Invalid, err, "the address of the witness "+w.Name+" is none")
			}
		}
	}
	_, err := n.Do(ctx, a, entente.SetPolicy{Policy: p})
	return err
}

// LogKey is the verifier key of the log of the present epoch: the main log, or that of a
// partner, by name or id. It is what a witness of the log has to know.
func (n *Node) LogKey(ctx context.Context, a entente.Actor, partner string) (string, error) {
	if err := readAll(a); err != nil {
		return "", err
	}
	of := ""
	if partner != "" {
		p, err := n.PartnerNamed(ctx, a, partner)
		if err != nil {
			return "", err
		}
		of = p.ID
	}
	key := ""
	err := n.view(ctx, a, func(t *store.Tx) error {
		home, err := t.Home(ctx)
		if err != nil {
			return err
		}
		keys, err := t.LedgerKeys(ctx)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return entente.Errorf(entente.NotFound, "the ledger has no key yet: it is made with the first entry, as soon as the node is served")
		}
		last := keys[len(keys)-1]
		k, err := ledger.NewKey(last.Seed)
		if err != nil {
			return err
		}
		v, err := k.Verifier(originOf(home.ID, last.Epoch, of))
		key = v.String()
		return err
	})
	return key, err
}

// PolicyInfo is the policy of a log, and how far it is met.
type PolicyInfo struct {
	entente.Policy
	Origin    string // of the log of the present epoch, "" while there is none
	Size      int64  // of the log
	Witnessed int64  // size of the last checkpoint that met the policy, 0 for none
	At        int64  // when it did, microseconds since 1970
}

// Policies lists the policies of home's logs, for who reads everything.
func (n *Node) Policies(ctx context.Context, a entente.Actor) (out []PolicyInfo, err error) {
	if err := readAll(a); err != nil {
		return nil, err
	}
	err = n.view(ctx, a, func(t *store.Tx) error {
		out = nil
		all, err := n.watched(ctx, t)
		for _, w := range all {
			i := PolicyInfo{Policy: w.text}
			if w.log != nil {
				i.Origin, i.Size, i.Witnessed, i.At = w.origin, w.log.Size, w.done.Size, w.done.At
			}
			out = append(out, i)
		}
		return err
	})
	return out, err
}

// unwitnessed is since when a log has an entry that no checkpoint covers which met its
// policy, in microseconds since 1970; 0 if it has none.
func unwitnessed(ctx context.Context, t *store.Tx, l *store.LedgerLog) (int64, error) {
	w, err := t.Witnessed(ctx, l.Num)
	if err != nil || w.Size >= l.Size {
		return 0, err
	}
	return t.EntryTime(ctx, l.Num, w.Size)
}

// tellUnwitnessed tells the age of the oldest event that waits to be witnessed.
func (n *Node) tellUnwitnessed(ctx context.Context) error {
	return n.st.View(ctx, func(t *store.Tx) error {
		all, err := n.watched(ctx, t)
		oldest := int64(0)
		for _, w := range all {
			if w.log == nil {
				continue
			}
			since, err := unwitnessed(ctx, t, w.log)
			if err != nil {
				return err
			}
			if since != 0 && (oldest == 0 || since < oldest) {
				oldest = since
			}
		}
		age := 0.0
		if oldest != 0 {
			age = time.Duration((n.now() - oldest) * 1000).Seconds()
		}
		n.meters.all.Gauge("entente_ledger_unwitnessed_seconds").Set(age)
		return err
	})
}

// witnessedProof is what the terms "proof = witnessed" demand of a page for a partner: its
// log has no event older than a minute that is not witnessed, and none waits for as long to
// be entered.
func (n *Node) witnessedProof(ctx context.Context, partner string) error {
	now := n.now()
	since, err := n.st.OldestInInbox(ctx)
	if err != nil {
		return err
	}
	if since != 0 && now-since <= unwitnessedFor.Microseconds() {
		since = 0
	}
	err = n.st.View(ctx, func(t *store.Tx) error {
		keys, err := t.LedgerKeys(ctx)
		if err != nil || len(keys) == 0 {
			return err
		}
		l, err := t.LedgerLog(ctx, keys[len(keys)-1].Epoch, partner)
		if err != nil || l == nil {
			return err
		}
		if at, err := unwitnessed(ctx, t, l); err != nil || at == 0 {
			return err
		} else if since == 0 || at < since {
			since = at
		}
		return nil
	})
	if err != nil || since == 0 || now-since <= unwitnessedFor.Microseconds() {
		return err
	}
	n.meters.all.Counter("entente_unwitnessed_refusals_total").Inc()
	n.log.Error("a page was not sent: its agreement demands witnessed proof, and the partner's log is not witnessed", "partner", partner, "since", entente.FormatMicros(since))
	return entente.Errorf(entente.Unavailable, "this agreement demands that the log of what you are sent is witnessed, and it is not at the moment; try again later")
}
