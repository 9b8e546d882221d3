package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"entente"
	"entente/ledger"
	"entente/store"
	"entente/taxii"
)

// Every act has its event in the ledger. What changes the node is kept in the transaction of
// the change; an answer is sent once its event lies durably in the inbox. The sequencer enters
// both into the logs: see [Node.Sequence].
//
// Design: docs/design/017-ledger.md.

// saltContents gives new contents the salts of their commitments.
func (n *Node) saltContents(all []entente.NewContent) error {
	for i := range all {
		salt, err := n.saltOf(all[i].Version.Digest)
		if err != nil {
			return err
		}
		all[i].Salt = salt
	}
	return nil
}

// eventRows makes rows of an act: its events in the logs of partners, and that of the main
// log, which names them. Of what a partner did itself the main log has no more than that.
func (n *Node) eventRows(now int64, main entente.Event, shared []entente.Event) ([]store.EventRow, error) {
	return n.eventRowsAt(now, now, main, shared)
}

// eventRowsAt is [Node.eventRows] where the main log has the act at another time than partners' logs. The rows wait
// together, by that time; see [toldAt].
func (n *Node) eventRowsAt(at, now int64, main entente.Event, shared []entente.Event) ([]store.EventRow, error) {
	var rows []store.EventRow
	for _, e := range shared {
		r, err := n.eventRow(now, e, n.forWhom("ledger "+e.For))
		if err != nil {
			return nil, err
		}
		r.At = at
		entry := EntryOf(r.Salt, r.Body)
		main.Shared = append(main.Shared, entente.Share{Partner: e.For, Entry: hex.EncodeToString(entry[:])})
		rows = append(rows, r)
	}
	if len(shared) == 1 && main.By != nil && main.By.Organisation == shared[0].For {
		brief := entente.Event{Kind: main.Kind, Time: main.Time, Shared: main.Shared, Result: main.Result}
		if main.Kind == "deliver" { // that the page was of the feed shows by its positions, and these stand here alone
			brief.About, brief.Endpoint, brief.Head, brief.Seqs, brief.Count, brief.List = main.About, main.Endpoint, main.Head, main.Seqs, main.Count, main.List
		}
		main = brief
	}
	r, err := n.eventRow(at, main, n.random)
	return append(rows, r), err
}

// toldAt gives an event of a partner's log the time that it tells, by which its log is ordered.
func toldAt(r *store.EventRow) error {
	var e struct{ Time string }
	if err := json.Unmarshal(r.Body, &e); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, e.Time)
	r.At = at.UnixMicro()
	return err
}

// EntryOf is what the tree of a log has of an event: the SHA-256 of its salt and its bytes.
func EntryOf(salt, event []byte) [32]byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(event)
	return [32]byte(h.Sum(nil))
}

// eventSalt is the length of an event's salt in bytes.
const eventSalt = 32

func (n *Node) eventRow(now int64, e entente.Event, random io.Reader) (store.EventRow, error) {
	id, err := entente.NewUUID(random)
	if err != nil {
		return store.EventRow{}, err
	}
	salt := make([]byte, eventSalt)
	if _, err := io.ReadFull(random, salt); err != nil {
		return store.EventRow{}, err
	}
	e.ID, e.Time = id, entente.FormatMicros(now)
	body, err := ledger.Canonical(e)
	return store.EventRow{ID: id, At: now, Organisation: e.For, Kind: e.Kind, Salt: salt, Body: body}, err
}

// record keeps, in the transaction of a change, the events of a command.
func (n *Node) record(ctx context.Context, t *store.Tx, c entente.Command, f entente.Facts, ch entente.Change) error {
	main, shared := entente.Record(c, f, ch)
	if main.Kind == "" || n.unrecorded {
		return nil
	}
	if aboutLedger(c) {
		return n.enterKey(ctx, t, c, f, main)
	}
	rows, err := n.eventRows(f.Now, main, shared)
	if err != nil {
		return err
	}
	return t.PutEvents(ctx, rows)
}

// keep has events lie durably in the inbox before it returns. Events of many calls go
// together, so that they wait for the disk once.
func (n *Node) keep(ctx context.Context, main entente.Event) error {
	if n.unrecorded {
		return nil
	}
	now := n.now()
	main.Time = entente.FormatMicros(now)
	var shared []entente.Event
	if main.For != "" {
		// Positions of a feed count what enters and leaves it unseen.
		own := main
		own.Head, own.Seqs = 0, ""
		shared, main.For = []entente.Event{own}, ""
	}
	rows, err := n.eventRows(now, main, shared)
	if err != nil {
		return err
	}
	if err = n.ensureLedgerFits(ctx); err == nil {
		err = n.inbox.put(ctx, rows)
	}
	if err != nil {
		return entente.Wrap(entente.Unavailable, err, "the ledger cannot be written, and nothing is sent without proof of it; try again")
	}
	wake(n.sequence)
	return nil
}

// inbox gathers what is to be kept durably: who comes while it is written waits for the next
// time, together with all others who do.
type inbox struct {
	write func(context.Context, []store.EventRow) error

	mu      sync.Mutex
	next    *gathered // nil while nobody waits
	writing bool
}

type gathered struct {
	rows []store.EventRow
	done chan struct{} // closed when err counts
	err  error
}

// inboxPatience is how long one write may take.
const inboxPatience = 15 * time.Second

func (b *inbox) put(ctx context.Context, rows []store.EventRow) error {
	b.mu.Lock()
	if b.next == nil {
		b.next = &gathered{done: make(chan struct{})}
	}
	g := b.next
	g.rows = append(g.rows, rows...)
	if !b.writing {
		b.writing = true
		go b.work(context.WithoutCancel(ctx))
	}
	b.mu.Unlock()
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// work writes until nobody waits.
func (b *inbox) work(ctx context.Context) {
	for {
		b.mu.Lock()
		g := b.next
		b.next = nil
		if g == nil {
			b.writing = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		limited, cancel := context.WithTimeout(ctx, inboxPatience)
		g.err = b.write(limited, g.rows)
		cancel()
		close(g.done)
	}
}

// actorBy is who asks, for an event.
func actorBy(a entente.Actor) *entente.By {
	return &entente.By{Account: a.Account.ID, Organisation: a.Account.Organisation, Local: a.Local}
}

// concerned is the partner that an account belongs to, "" for home's own.
func (n *Node) concerned(a *entente.Account) string {
	if a == nil || a.Organisation == n.home {
		return ""
	}
	return a.Organisation
}

// Deliver records that a page is about to be sent, and returns when that is durable: no
// page is sent without. Endpoint is the path that it answers, without ids.
func (n *Node) Deliver(ctx context.Context, a entente.Actor, in entente.Access, endpoint string, q Query, p entente.Page) error {
	e := entente.Event{Kind: "deliver", By: actorBy(a), Endpoint: endpoint, Filter: taxii.FilterText(q.Filter), Head: p.Head, Count: len(p.Entries)}
	e.About = map[string]string{"collection": in.ID}
	if in.Through != nil {
		e.About = map[string]string{"agreement": in.Through.Agreement, "feed": in.ID}
	}
	seqs, all := make([]int64, len(p.Entries)), make([]entente.Commitment, len(p.Entries))
	for i := range p.Entries {
		seqs[i], all[i] = p.Entries[i].Seq, entente.Commit(p.Entries[i].Salt, p.Entries[i].Digest)
	}
	e.Seqs = entente.Seqs(seqs)
	e.List = entente.ListDigest(all)
	if in.Through != nil {
		e.For = n.concerned(&a.Account)
		if in.Through.Witnessed && e.For != "" {
			if err := n.witnessedProof(ctx, e.For); err != nil {
				return err
			}
		}
	}
	return n.keep(ctx, e)
}

// Disclose records that objects are about to be shown that are no page of one feed, and
// returns when that is durable.
func (n *Node) Disclose(ctx context.Context, a entente.Actor, endpoint, asked string, entries []entente.Entry) error {
	e := entente.Event{Kind: "deliver", By: actorBy(a), Endpoint: endpoint, Text: clipAsked(asked), Count: len(entries), Case: a.Case}
	all := make([]entente.Commitment, len(entries))
	for i := range entries {
		all[i] = entente.Commit(entries[i].Salt, entries[i].Digest)
	}
	if len(all) > 0 {
		e.List = entente.ListDigest(all)
	}
	return n.keep(ctx, e)
}

// refused records that somebody asked for a change that he may not make. What comes over
// TAXII is recorded where its answer is.
func (n *Node) refused(ctx context.Context, a entente.Actor, c entente.Command, err error) {
	switch c.(type) {
	case entente.Submit, entente.DeleteObject, entente.PutStatus:
		return
	}
	if k := entente.KindOf(err); k == entente.Forbidden || k == entente.Unauthenticated {
		n.Deny(ctx, a, "command", strings.TrimPrefix(fmt.Sprintf("%T", c), "entente."), err)
	}
}

// askedKept is how many bytes of what was asked for an event keeps.
const askedKept = 300

func clipAsked(s string) string { return s[:min(len(s), askedKept)] }

// Deny records that a request was refused, of somebody who has signed in. If that cannot be
// written it is refused all the same.
func (n *Node) Deny(ctx context.Context, a entente.Actor, endpoint, asked string, refusal error) {
	e := entente.Event{Kind: "deny", By: actorBy(a), Endpoint: endpoint, Text: clipAsked(asked), Result: entente.KindOf(refusal).String()}
	n.keepOrLog(ctx, &a.Account, e)
}

// keepOrLog keeps an event that nothing waits for, for the partner too whose account it is
// about.
func (n *Node) keepOrLog(ctx context.Context, of *entente.Account, e entente.Event) {
	ctx = context.WithoutCancel(ctx)
	e.For = n.concerned(of)
	if err := n.keep(ctx, e); err != nil {
		n.log.Error("an event could not be written to the ledger", "kind", e.Kind, "error", err)
	}
}

// failedSignIn records that somebody could not sign in. What he called himself is not kept
// unless an account has that name: it may be a password in the wrong field.
func (n *Node) failedSignIn(ctx context.Context, a *entente.Account, how string) {
	n.meters.signIn("failed")
	e := entente.Event{Kind: "sign-in-failed", Endpoint: how}
	if a != nil {
		e.About = map[string]string{"account": a.ID}
	}
	n.keepOrLog(ctx, a, e)
}

// Reviewing records that a reviewer reads, before he does. Nothing is recorded of others.
func (n *Node) Reviewing(ctx context.Context, a entente.Actor, endpoint, asked string) error {
	if a.Local || !a.Account.Holds(entente.Reviewer, a.At) {
		return nil
	}
	by := actorBy(a)
	if i := slices.IndexFunc(a.Account.Mandates, func(m entente.Mandate) bool { return m.Role == entente.Reviewer && m.Holds(a.At) }); i >= 0 {
		by.Role, by.Mandate = string(entente.Reviewer), a.Account.Mandates[i].ID
	}
	return n.keep(ctx, entente.Event{Kind: "read", By: by, Endpoint: endpoint, Text: clipAsked(asked), Case: a.Case})
}

// saltOf is the salt of a new content's commitment.
func (n *Node) saltOf(d entente.Digest) ([]byte, error) {
	if n.salts != nil {
		return n.salts(d), nil
	}
	salt := make([]byte, entente.SaltSize)
	_, err := rand.Read(salt)
	return salt, err
}
