package node

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"net/http"

	"entente"
	"entente/taxii"
)

// maxStale is how many rounds in a row may bring nothing that had not come: so many empty
// pages, as a server may look through much that a filter leaves out; or a sixteenth of
// that in pages that have come before, since a server that goes in circles must be left.
const maxStale = 256

// staleness is what a round adds to the count against maxStale, which a fresh one ends.
func staleness(stale, objects int, fresh bool) int {
	switch {
	case fresh:
		return 0
	case objects > 0:
		return stale + 16
	}
	return stale + 1
}

// maxDeaths is how many cursors a server may forget before it is paged by date alone.
const maxDeaths = 3

// pages follows the server's pages to their end. Each round takes one page in and decides
// where the next one begins:
//
//   - by the server's cursor, as long as it gives new ones, or the same one leads on;
//   - by date, where there is no cursor or it comes again: after the page's last date, less
//     a tick, so that entries which share that date are not lost; where a whole page has
//     one date, after that date;
//   - where a cursor has died, from the last beginning, which loses nothing; and if that
//     brings nothing new, by date.
//
// Going on by date trusts the server to keep to the order of dates, so that the manifest
// is to confirm the result; likewise where pages by cursor part entries of one date, and
// where a cursor is spent by its use, since a page that got lost on its way then comes no
// more. It ends since every round must bring something that had not
// come since the last beginning (a server has but so much), there are but few
// others in a row (maxStale), and a new beginning needs news too, or a later date.
func (p *pull) pages(ctx context.Context, save func() error) error {
	for stale := 0; ; {
		t, err := p.page(ctx)
		done := false
		switch {
		case err == nil:
			stale = staleness(stale, t.objects, t.fresh)
			done = p.advance(t)
		case p.st.Next != "" && taxii.CursorLost(err) && ctx.Err() == nil:
			stale++
			done = p.cursorLost()
		case p.plainer(err):
			continue
		default:
			return err
		}
		if stale > maxStale && !done {
			stale, done = 0, p.circling()
		}
		if err := save(); err != nil || done {
			return err
		}
	}
}

// advance decides where the next page begins, or that this was the last one.
func (p *pull) advance(t taken) (done bool) {
	used := p.used
	p.used = false
	if p.st.Next != "" {
		parted := t.First != 0 && t.First <= p.st.Newest // some servers lose entries of a date that pages part
		hollow := t.objects == 0 && !t.more              // where there was to be more
		unsure := used && t.next == ""                   // the page that was asked for first may have been another
		p.st.Check = p.st.Check || parted || hollow || unsure
	}
	p.st.Newest = max(p.st.Newest, t.First, t.Last)
	if t.objects > 0 && t.Last == 0 {
		p.st.Undated = true
	}
	if !t.more {
		return true
	}
	if t.next != "" && p.deaths <= maxDeaths {
		key := traceOf([]byte(t.next))
		if _, again := p.cursors[key]; !again && t.next != p.st.Next {
			p.cursors[key] = struct{}{}
			p.st.Next = t.next
			return false
		}
		if t.next == p.st.Next && p.leadsOn(t, used) {
			return false
		}
		p.remark("the server gives a cursor that it gave before")
	}
	if t.objects == 0 && t.next == "" {
		p.remark("the server says that there is more, and gives nothing")
		p.st.Check = true
		return true
	}
	if t.next == "" {
		p.remark("the server pages without a cursor")
	}
	return p.byDate(max(t.First, t.Last), t.objects)
}

// leadsOn tells whether a cursor that comes again is one that each use moves on, as it is
// if it brings something fresh; a page that does not is forgiven it, the first one even
// before that is known.
func (p *pull) leadsOn(t taken, used bool) bool {
	if t.fresh {
		p.moves = true
		p.st.Check, p.st.Doubt = true, p.st.Doubt || used
		return true
	}
	forgiven := p.moves || !p.forgave
	p.forgave = true
	return forgiven
}

// byDate goes on after a date. Objects tells how many the page had that ended there.
func (p *pull) byDate(last int64, objects int) (done bool) {
	p.st.Next, p.st.Check = "", true
	clear(p.cursors)
	switch {
	case last-tick > p.st.After:
		p.st.After = last - tick
	case last > p.st.After:
		// The page has but one date. If it is as full as was asked for, a larger one may
		// hold all of that date. If it is as full as pages get here, entries that found no
		// room in it are passed over.
		if p.wider(objects) {
			return false
		}
		p.st.After = last
		p.st.Doubt = p.st.Doubt || objects >= p.largest
	default:
		p.remark("the server does not heed added_after, or tells no dates")
		p.st.Doubt = true
		return true
	}
	p.st.Base = p.st.After
	return false
}

// maxLimit bounds how many objects a page is asked for where one date fills pages.
const maxLimit = pageLimit << 6

// wider asks for larger pages where the server gives as many objects as it is asked for.
func (p *pull) wider(objects int) bool {
	if p.limit == 0 || objects < p.limit || p.limit >= maxLimit {
		return false
	}
	p.limit *= 8
	return true
}

// circling leaves a server's cursors when they lead to nothing new, and the server when
// dates do not either.
func (p *pull) circling() (done bool) {
	p.remark("the server goes on and on without anything new")
	if p.deaths > maxDeaths {
		p.st.Doubt = true
		return true
	}
	p.deaths = maxDeaths + 1
	return p.byDate(p.st.Newest, p.largest)
}

// cursorLost goes on without the cursor, which the server does not know any more.
func (p *pull) cursorLost() (done bool) {
	p.remark("the server forgot a cursor that it gave")
	p.st.Next = ""
	p.deaths++
	if !p.news {
		return p.byDate(p.st.Newest, p.largest)
	}
	p.news = false
	p.lately = traces{}
	clear(p.cursors)
	p.st.After = p.st.Base
	return false
}

// plainer asks for less where the server takes offence at the first request: without a
// limit, and then without a version filter that nobody asked for.
func (p *pull) plainer(err error) bool {
	var said *taxii.ServerError
	if p.rep.Pages > 0 || p.st.Next != "" || !errors.As(err, &said) || said.Status != http.StatusBadRequest {
		return false
	}
	switch {
	case p.limit > 0:
		p.limit = 0
		p.remark("the server refuses the parameter limit")
	case p.ours && p.match.Has("version"):
		p.match.Del("version")
		p.remark("the server refuses match[version]=all: only the latest versions are pulled")
	default:
		return false
	}
	return true
}

// traces tells what has come before, in 2 MiB whatever comes: it never takes what has
// come for new, and seldom the contrary.
type traces struct{ bits []uint64 }

const traceBits = 1 << 24

// add notes a key, and reports whether it is new.
func (t *traces) add(key uint64) bool {
	if t.bits == nil {
		t.bits = make([]uint64, traceBits/64)
	}
	fresh := false
	for _, h := range [...]uint64{key % traceBits, key >> 32 % traceBits} {
		word, bit := &t.bits[h/64], uint64(1)<<(h%64)
		fresh = fresh || *word&bit == 0
		*word |= bit
	}
	return fresh
}

// traceOf is a key of some bytes.
func traceOf(b []byte) uint64 {
	if len(b) == len(entente.Digest{}) {
		return binary.LittleEndian.Uint64(b)
	}
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}
