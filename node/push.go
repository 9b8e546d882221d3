package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"entente"
	"entente/taxii"
)

// PushReport tells what a push sent and what the server said to it.
type PushReport struct {
	Read      int `json:"read"`    // versions of home's collection that were looked at
	Taken     int `json:"taken"`   // the server has them
	Pending   int `json:"pending"` // the server has not decided when it was asked last
	Refused   int `json:"refused"`
	Envelopes int `json:"envelopes"`
	// Remarks say what was odd about the server, each once.
	Remarks []string `json:"remarks,omitempty"`
	// Refusals are the objects that were refused, the first thousand of them.
	Refusals []entente.RemoteRefusal `json:"-"`
}

const (
	pushObjects  = 500     // the most objects of an envelope
	pushBytes    = 8 << 20 // and the most bytes, where the server would take more
	maxRefusals  = 1000
	statusWithin = 2 * time.Minute // how long a pending status is asked for again
	maxFelled    = 16              // so many objects in a row, each alone, that fell the server
)

// push is one push on its way.
type push struct {
	c      *taxii.Client
	at     taxii.Place
	r      *entente.Remote
	o      PullOptions
	most   int64 // bytes of an envelope
	felled int   // objects in a row that the server answered 500 to, each alone
	rep    PushReport
}

// push sends the versions behind r.Progress.Sent in envelopes. After each one that the
// server has answered it moves the position and calls keep, which makes it last.
func (n *Node) push(ctx context.Context, a entente.Actor, c *taxii.Client, r *entente.Remote, o PullOptions, keep func(context.Context) error) (PushReport, error) {
	p := &push{c: c, r: r, o: o, most: pushBytes}
	filter, err := pushFilter(r.Match)
	if err != nil {
		return p.rep, err
	}
	root, err := url.Parse(r.Root)
	if err != nil {
		return p.rep, entente.Wrap(entente.Invalid, err, "the address of the API root cannot be read")
	}
	p.at = taxii.Place{Root: root, Collection: r.There}
	about, err := c.APIRoot(ctx, root)
	if err != nil {
		return p.rep, err
	}
	if about.MaxContentLength > 0 {
		p.most = min(p.most, about.MaxContentLength)
	}
	from, err := n.CollectionNamed(ctx, a, r.Collection)
	if err != nil {
		return p.rep, err
	}
	filter.AddedAfter = r.Since
	for more := true; more; {
		page, err := n.Feed(ctx, a, from, Query{Filter: filter, After: r.Progress.Sent, Limit: pushObjects, Bodies: true})
		if err != nil {
			return p.rep, err
		}
		for len(page.Entries) > 0 {
			some := p.fitting(page.Entries)
			if err := p.send(ctx, page.Entries[:some]); err != nil {
				return p.rep, err
			}
			r.Progress.Sent = page.Entries[some-1].Seq
			page.Entries = page.Entries[some:]
			if err := keep(ctx); err != nil {
				return p.rep, err
			}
		}
		if more = page.More; more {
			r.Progress.Sent = page.Next // also where all of the page is hidden
		}
	}
	r.Progress.Sent = max(r.Progress.Sent, from.Head)
	return p.rep, keep(ctx)
}

// pushFilter selects what is pushed: all versions, unless match fields say otherwise.
func pushFilter(match []entente.MatchField) (entente.Filter, error) {
	q := url.Values{}
	for _, m := range match {
		if m.Field != "type" && m.Field != "id" && m.Field != "version" && m.Field != "spec_version" {
			return entente.Filter{}, entente.Errorf(entente.Invalid, "a push can be narrowed by type, id, version and spec_version, not by %q", m.Field)
		}
		q.Add("match["+m.Field+"]", m.Value)
	}
	if !q.Has("match[version]") {
		q.Set("match[version]", "all")
	}
	if !q.Has("match[spec_version]") {
		q.Set("match[spec_version]", "2.0,2.1")
	}
	parsed, err := taxii.ParseQuery(taxii.Objects, q.Encode())
	return parsed.Filter, err
}

// fitting is how many of the entries, one at least, an envelope may hold.
func (p *push) fitting(entries []entente.Entry) int {
	size := taxii.EnvelopeLength("", nil) + int64(len(`"objects":[]`))
	for i, e := range entries {
		if size += int64(len(e.Bytes)) + 1; size > p.most && i > 0 {
			return i
		}
	}
	return len(entries)
}

// send posts some entries. Where the server refuses an envelope as a whole, its halves are
// posted, so that one object costs no other; one that is refused alone is a refusal.
func (p *push) send(ctx context.Context, entries []entente.Entry) error {
	var body bytes.Buffer
	if err := taxii.WriteEnvelope(&body, "", entries); err != nil {
		return entente.Wrap(entente.Internal, err, "")
	}
	if int64(body.Len()) > p.most && len(entries) == 1 {
		p.count(entries, nil)
		p.refuse(entries[0], fmt.Sprintf("it is larger than the %d bytes that the server takes", p.most))
		return nil
	}
	st, err := p.c.Add(ctx, p.at, body.Bytes())
	var said *taxii.ServerError
	switch {
	case err == nil:
	case errors.As(err, &said) && wholeRefused(said.Status) && len(entries) > 1:
		p.remark(fmt.Sprintf("the server refuses envelopes as a whole (%d)", said.Status))
		half := len(entries) / 2
		if err := p.send(ctx, entries[:half]); err != nil {
			return err
		}
		return p.send(ctx, entries[half:])
	case errors.As(err, &said) && wholeRefused(said.Status):
		if said.Status == http.StatusInternalServerError {
			if p.felled++; p.felled >= maxFelled && p.down(ctx) {
				return err
			}
		}
		p.count(entries, nil)
		p.refuse(entries[0], said.Error())
		return nil
	default:
		return err
	}
	p.felled = 0
	p.rep.Envelopes++
	if st, err = p.c.Settle(ctx, p.at.Root, st, statusWithin); err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		p.remark("the server does not tell what became of an envelope: " + entente.PublicText(err))
	}
	p.count(entries, &st)
	return nil
}

// down tells whether the server answers 500 to whatever comes, an envelope without objects
// too. Some fall over objects that they do not understand; those are refusals, and many may
// stand in a row.
func (p *push) down(ctx context.Context) bool {
	_, err := p.c.Add(ctx, p.at, []byte(`{"objects":[]}`))
	var said *taxii.ServerError
	if err == nil || (errors.As(err, &said) && said.Status != http.StatusInternalServerError) {
		p.felled = 0
		return false
	}
	return true
}

// wholeRefused reports whether a status may speak of the envelope that was sent, and not of
// the account, the collection or the server.
func wholeRefused(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		return true
	}
	return false
}

// count files what a status says. What it does not name was taken: the standard has it
// name what failed and what is pending (§4.3.1).
func (p *push) count(entries []entente.Entry, st *taxii.Status) {
	bytes := int64(0)
	for _, e := range entries {
		bytes += int64(len(e.Bytes))
	}
	p.rep.Read += len(entries)
	if p.o.Progress != nil {
		p.o.Progress(len(entries), bytes)
	}
	if st == nil {
		return
	}
	for _, d := range st.Failures {
		p.refuse(entente.Entry{ID: entente.ObjectID(d.ID), Stamp: d.Version}, d.Message)
	}
	failed := max(len(st.Failures), min(st.FailureCount, len(entries)))
	p.rep.Refused += failed - len(st.Failures)
	pending := 0
	if st.Status == taxii.Pending {
		pending = min(max(len(st.Pendings), st.PendingCount), len(entries))
	}
	p.rep.Pending += pending
	p.rep.Taken += max(0, len(entries)-failed-pending)
}

func (p *push) refuse(e entente.Entry, reason string) {
	p.rep.Refused++
	if strings.TrimSpace(reason) == "" {
		reason = "the server gives no reason"
	}
	v := entente.RemoteRefusal{ID: string(e.ID), Version: e.Stamp, Reason: strings.ToValidUTF8(reason, "\ufffd")}
	if len(v.Reason) > 500 {
		v.Reason = strings.ToValidUTF8(v.Reason[:500], "") + "…"
	}
	if len(p.rep.Refusals) < maxRefusals {
		p.rep.Refusals = append(p.rep.Refusals, v)
	}
	if len(p.r.Progress.Refusals) < entente.MaxRefusals {
		p.r.Progress.Refusals = append(p.r.Progress.Refusals, v)
	}
	if p.o.Each != nil {
		p.o.Each(ItemResult{ID: v.ID, Version: v.Version, Err: entente.Errorf(entente.Invalid, "%s", v.Reason)})
	}
}

func (p *push) remark(text string) {
	if !slices.Contains(p.rep.Remarks, text) {
		p.rep.Remarks = append(p.rep.Remarks, text)
	}
}

// sentText counts a push for the log.
func sentText(r PushReport) string {
	return fmt.Sprintf("%d read, %d taken, %d pending, %d refused", r.Read, r.Taken, r.Pending, r.Refused)
}
