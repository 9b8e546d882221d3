package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"entente"
	"entente/store"
	"entente/taxii"
)

// manifestBatch is how many manifest records are compared at a time.
const manifestBatch = 500

// verify compares the server's manifest, from where this pull began, with what is held,
// and takes what is missing one by one. It gives the latest date added that the manifest
// tells, and whether nothing is missing for certain; it is not certain where the server
// has no manifest.
func (p *pull) verify(ctx context.Context) (newest int64, sure bool, err error) {
	m := manifestWalk{p: p, after: p.st.From, cursors: map[uint64]struct{}{}, sure: true}
	err = m.walk(ctx)
	var said *taxii.ServerError
	if errors.As(err, &said) && !passing(said.Status) {
		p.remark("the server has no manifest that could be read")
		return m.newest, false, nil
	}
	return m.newest, m.sure, err
}

// passing reports whether a status tells of something that may be over the next time.
func passing(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// manifestWalk reads a manifest by the same rules as pages, in small: a record has its
// date, so that going on by date is exact but for dates that fill a page.
type manifestWalk struct {
	p       *pull
	after   int64
	next    string
	cursors map[uint64]struct{}
	seen    traces
	newest  int64
	largest int
	sure    bool
	batch   []taxii.ManifestRecord
}

func (m *manifestWalk) walk(ctx context.Context) error {
	limit, restarted := m.p.limit, false
	for stale := 0; stale <= maxStale; {
		var fresh bool
		var count int
		var last int64
		end, err := m.p.c.Manifest(ctx, m.p.at, taxii.Selection{AddedAfter: m.after, Limit: limit, Next: m.next, Match: m.p.match}, func(r taxii.ManifestRecord) error {
			count++
			fresh = m.seen.add(traceOf([]byte(r.ID+" "+r.Version))) || fresh
			if at, err := taxii.ParseTimestamp(r.DateAdded); err == nil {
				last = max(last, at)
			}
			if m.batch = append(m.batch, r); len(m.batch) < manifestBatch {
				return nil
			}
			return m.compare(ctx)
		})
		if err != nil && m.next != "" && taxii.CursorLost(err) && !restarted {
			restarted, m.next, m.after = true, "", m.p.st.From
			clear(m.cursors)
			continue
		}
		if err != nil {
			return err
		}
		m.newest, m.largest = max(m.newest, last), max(m.largest, count)
		stale = staleness(stale, count, fresh)
		if !end.More {
			return m.compare(ctx)
		}
		if key := traceOf([]byte(end.Next)); end.Next != "" {
			if _, again := m.cursors[key]; !again || (fresh && end.Next == m.next) { // new, or moved on by its use
				m.cursors[key], m.next = struct{}{}, end.Next
				continue
			}
		}
		m.next = ""
		switch {
		case last-tick > m.after:
			m.after = last - tick
		case last > m.after && limit > 0 && count >= limit && limit < maxLimit:
			limit *= 8 // the page has but one date, and a larger one may hold all of it
		case last > m.after:
			m.after, m.sure = last, m.sure && count < m.largest
		default:
			m.sure = m.sure && count == 0
			return m.compare(ctx)
		}
	}
	m.sure = false
	return m.compare(ctx)
}

// compare takes from the server what of the batch is not held.
func (m *manifestWalk) compare(ctx context.Context) error {
	missing, err := m.missing(ctx)
	if err != nil {
		return err
	}
	var last string
	for _, r := range missing {
		if r.ID == last { // all versions came with the first
			continue
		}
		last = r.ID
		refused := m.p.rep.Refused
		good, err := m.p.object(ctx, r.ID)
		if err != nil {
			return err
		}
		if !good && m.p.rep.Refused > refused && len(m.p.refused) < maxRefused {
			m.p.refused[traceOf([]byte(r.ID))] = struct{}{} // whatever it calls itself
		}
	}
	if len(missing) > 0 {
		if missing, err = m.missing(ctx); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		m.p.remark("the manifest lists versions that the server does not give, as " + fmt.Sprintf("%.60s %.40s", missing[0].ID, missing[0].Version))
		m.sure = false
	}
	m.batch = m.batch[:0]
	return nil
}

// missing lists the records of the batch that are neither held nor were refused.
func (m *manifestWalk) missing(ctx context.Context) ([]taxii.ManifestRecord, error) {
	var ids []entente.ObjectID
	for _, r := range m.batch {
		ids = append(ids, entente.ObjectID(r.ID))
	}
	var held map[entente.ObjectID][]entente.StampKey
	err := m.p.n.st.View(ctx, func(t *store.Tx) error {
		c, err := t.CollectionsNamed(ctx, m.p.r.Collection)
		if err != nil {
			return err
		}
		if len(c) != 1 {
			return noCollection()
		}
		held, err = t.HeldVersions(ctx, c[0].Feed, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(m.batch), func(r taxii.ManifestRecord) bool {
		if _, refused := m.p.refused[traceOf([]byte(r.ID))]; refused {
			return true
		}
		in, err := entente.ParseInstant(r.Version)
		return slices.ContainsFunc(held[entente.ObjectID(r.ID)], func(k entente.StampKey) bool {
			return err != nil || k.Micros == entente.Unversioned || k == entente.StampKey{Micros: in.Micros, Rest: in.Rest}
		})
	}), nil
}

// object takes all versions of one object that the pull asks for, and reports whether any
// could be taken. One that the server does not have any more is none.
func (p *pull) object(ctx context.Context, id string) (good bool, err error) {
	s := taxii.Selection{Match: url.Values{}}
	for _, field := range []string{"version", "spec_version"} { // all that is defined here (§5.6)
		if p.match.Has(field) {
			s.Match[field] = p.match[field]
		}
	}
	for stale := 0; stale < 3; {
		t, err := p.takeIn(ctx, func() (*taxii.PageReader, error) { return p.c.Object(ctx, p.at, id, s) })
		if entente.KindOf(err) == entente.NotFound || (s.Next != "" && taxii.CursorLost(err)) {
			return good, nil
		}
		if err != nil {
			return good, err
		}
		good = good || t.good > 0
		if stale++; t.fresh {
			stale = 0
		}
		switch {
		case !t.more:
			return good, nil
		case t.next != "":
			s.Next = t.next
		case t.Last > s.AddedAfter:
			s.AddedAfter, s.Next = t.Last, ""
		default:
			return good, nil
		}
	}
	return good, nil
}
