package ledger

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"

	"entente"
)

// name takes the entries of partners' logs that an event names.
func (v *verifier) name(here at, list []Named, partners map[string]*partnerLog) string {
	for _, s := range list {
		entry, ok := hexHash(s.Entry)
		n := named{s.Partner, entry}
		if !ok {
			return fmt.Sprintf("it names %q, which is no entry", clip(s.Entry))
		}
		_, waits := v.unnamed[n]
		before, twice := v.named[n]
		_, known := partners[s.Partner]
		switch {
		case waits:
			delete(v.unnamed, n)
		case twice:
			return fmt.Sprintf("it names the entry %x in the log of partner %s, which the event at %d names too", entry, s.Partner, before.index)
		case !known:
			return fmt.Sprintf("it names an entry in the log of partner %q, which the export does not have", clip(s.Partner))
		default:
			v.named[n] = here
		}
	}
	return ""
}

// heads takes the size and root of a partner's log, and reads it up to there.
func (v *verifier) heads(e ExportEpoch, main place, index int64, partner string, size int64, root string, partners map[string]*partnerLog) error {
	p, ok := partners[partner]
	switch {
	case !ok:
		return main.fault(index, "", "it tells the head of the log of partner %q, which the export does not have", clip(partner))
	case size < p.head:
		return main.fault(index, "", "it tells that the log of partner %s has %d entries, after it had %d", partner, size, p.head)
	case size > p.size:
		return p.fault(-1, "checkpoint", "the log has %d entries; the main log tells of %d at its entry %d", p.size, size, index)
	}
	if err := v.advance(e, p, size); err != nil {
		return err
	}
	p.head, p.headed = size, index
	if got := p.tree.Root(); hex.EncodeToString(got[:]) != root {
		return main.fault(index, "", "it tells the root %s of the log of partner %s at %d entries; they have the root %x", clip(root), partner, size, got[:])
	}
	return nil
}

// advance reads a partner's log up to a size.
func (v *verifier) advance(e ExportEpoch, p *partnerLog, size int64) error {
	for p.tree.Size() < size {
		here := at{e.Epoch, p.partner, p.tree.Size(), p.origin}
		r, err := p.next()
		if err == nil {
			err = v.enter(here, r)
		}
		if err != nil {
			return err
		}
		n := named{p.partner, r.entry}
		if _, ok := v.named[n]; ok {
			delete(v.named, n)
		} else {
			v.unnamed[n] = here
		}
		if r.erased {
			continue
		}
		if r.event.For != p.partner {
			return p.fault(here.index, "", "an event of this log is for partner %s; this is for %q", p.partner, clip(r.event.For))
		}
		text := v.feedEvent(r.event)
		if d, ok := r.event.body.(*delivered); ok && text == "" {
			text = v.page(n, d)
		}
		if text != "" {
			return p.fault(here.index, "", "%s", text)
		}
	}
	return nil
}

// page holds what both sides of a delivery tell of its page against each other, once the
// second of them is read: the main log has the positions, by which it was held against the
// feed, and the partner's log has none, as these count what is hidden from the partner too.
func (v *verifier) page(n named, d *delivered) string {
	told := fmt.Sprintf("%d entries with the list %s", d.Count, clip(d.List))
	other, ok := v.pages[n]
	if !ok {
		v.pages[n] = told
		return ""
	}
	delete(v.pages, n)
	if other != told {
		return fmt.Sprintf("it delivers %s; the other log tells of the same delivery that it has %s", told, other)
	}
	return ""
}

// feedEvent holds an event about feeds against them.
func (v *verifier) feedEvent(e Event) string {
	find := func(id string) (*feed, string) {
		if f, ok := v.feeds[id]; ok {
			return f, ""
		}
		return nil, fmt.Sprintf("it is about the feed %q, which the export does not have", clip(id))
	}
	switch b := e.body.(type) {
	case *judged:
		// A partner's log repeats what the main log has; the main log's word counts.
		if f, text := find(b.About.Feed); text != "" || e.For != "" {
			return text
		} else {
			return f.judge(b)
		}
	case *delivered:
		if b.About.Feed == "" || e.For != "" {
			return "" // of a collection of home; or what is held against the main log, see [verifier.page]
		}
		f, text := find(b.About.Feed)
		if text == "" {
			v.report.Pages++
			text = f.deliver(b)
		}
		return text
	case *unstaged:
		for _, m := range b.Feeds {
			f, text := find(m.Feed)
			if text != "" {
				return text
			}
			if e.For == "" { // a partner's copy is read at another time
				f.staged = nil
			}
		}
	case *flipped:
		for _, m := range b.Feeds {
			f, text := find(m.Feed)
			if text == "" && e.For == "" {
				text = f.flip(m.Head)
			}
			if text != "" {
				return text
			}
		}
	}
	return ""
}

// discontinuity holds the beginning of an epoch against the one before: the checkpoints
// that it tells survived are those of the export.
func (v *verifier) discontinuity(e ExportEpoch, d *discontinued) (string, error) {
	before := v.x.Epochs[e.Epoch-2]
	first := e.Keys[0]
	if d.Key != first.Key || d.Signature != first.Signature {
		return fmt.Sprintf("its key and signature are not those of the epoch's first key in %s", ExportFile), nil
	}
	var last []Checkpoint
	for i, signed := range d.Checkpoints {
		text, _, _ := strings.Cut(signed, "\n\n")
		claimed, err := ParseCheckpoint(text + "\n")
		l, ok := v.logs[claimed.Origin]
		if err != nil || !ok || i == 0 && claimed.Origin != before.Logs[0].Origin {
			return fmt.Sprintf("its checkpoint %d is none of a log of the epoch before; the first is that of the main log", i), nil
		}
		c, _, err := OpenCheckpoint([]byte(signed), l.keys...)
		if err != nil {
			return fmt.Sprintf("its checkpoint %d: %s", i, entente.PublicText(err)), nil
		}
		root := l.root
		if c.Size != l.size && c.Size <= l.size && i > 0 {
			r, err := RootOf(v.ctx, tileFiles{l.files, l.dir, l.size}, c.Size)
			if err != nil {
				return "", err
			}
			root = r
		} else if c.Size != l.size {
			return fmt.Sprintf("it tells that %d entries of %s survived; the export has %d", c.Size, c.Origin, l.size), nil
		}
		if c.Root != root {
			return fmt.Sprintf("it tells that %s survived with the root %s; the export has %x", c.Origin, c.Root, root), nil
		}
		last = append(last, c)
	}
	if len(last) == 0 {
		return "it has no checkpoint of the epoch before", nil
	}
	if d.Signature == "" {
		v.report.Notes = append(v.report.Notes, fmt.Sprintf("epoch %d begins without the signature of a key of epoch %d; that it is home's has to be known otherwise", e.Epoch, before.Epoch))
		return "", nil
	}
	sig, _ := hex.DecodeString(d.Signature)
	old := before.key(len(before.Keys)-1, before.Logs[0].Origin)
	if !ed25519.Verify(old.Public(), DiscontinuityStatement(e.Logs[0].Origin, e.key(0, e.Logs[0].Origin).Public(), last), sig) {
		return fmt.Sprintf("it is not signed by the last key of epoch %d", before.Epoch), nil
	}
	return "", nil
}
