package ledger

import (
	"crypto/sha256"
	"slices"

	"entente"
)

// partnerLog is a partner's log while the main log of its epoch is read.
type partnerLog struct {
	*stream
	root   [32]byte
	head   int64 // the size in the last heads event
	headed int64 // the index in the main log of that event, -1 before there was one
}

// epoch reads the logs of one epoch: the main log from end to end, each partner's up to
// the size that the main log tells, then up to its own.
func (v *verifier) epoch(e ExportEpoch) error {
	main, root, err := v.open(e, e.Logs[0])
	if err != nil {
		return err
	}
	m := v.stream(main, 4*cap(v.slots))
	partners := map[string]*partnerLog{}
	for _, l := range e.Logs[1:] {
		p, root, err := v.open(e, l)
		if err != nil {
			return err
		}
		partners[l.Partner] = &partnerLog{v.stream(p, 1), root, 0, -1}
	}
	if e.Epoch > 1 && main.size == 0 {
		return main.fault(-1, "checkpoint", "the log is empty; the first event of a new epoch is its %s", KindDiscontinuity)
	}
	for index := range main.size {
		r, err := m.next()
		if err == nil {
			err = v.main(e, main, index, r, partners)
		}
		if err != nil {
			return err
		}
	}
	if err := m.finish(root); err != nil {
		return err
	}
	for i, k := range e.Keys[1:] {
		if k.From >= main.size {
			return main.fault(-1, "checkpoint", "key %d of the epoch is from size %d on, but the log has %d entries, so no event tells of it", i+1, k.From, main.size)
		}
	}
	for _, l := range e.Logs[1:] {
		p := partners[l.Partner]
		if err := v.advance(e, p, p.size); err != nil {
			return err
		}
		if err := p.finish(p.root); err != nil {
			return err
		}
		v.report.Late += p.size - p.head
	}
	// What came after the last heads may not be told yet, on either side.
	for n, a := range v.unnamed {
		if p := partners[n.partner]; a.epoch == e.Epoch && a.index >= p.head {
			delete(v.unnamed, n)
		}
	}
	var first *at
	var entry [EntrySize]byte
	for n, a := range v.named {
		if p := partners[n.partner]; a.index < p.headed && (first == nil || a.index < first.index) {
			first, entry = &a, n.entry
		}
	}
	clear(v.named)
	if first != nil {
		return main.fault(first.index, "", "it names the entry %x in a partner's log, which is not there, or which another event names too", entry)
	}
	return nil
}

// open reads the checkpoint of a log.
func (v *verifier) open(e ExportEpoch, l ExportLog) (place, [32]byte, error) {
	p := place{files: v.files, dir: LogDir(e.Epoch, l.Partner), origin: l.Origin, partner: l.Partner}
	path := p.dir + "/checkpoint"
	signed, err := readFile(v.ctx, v.files, path, MaxCheckpoint)
	if err != nil {
		return p, [32]byte{}, fileFault(l.Origin, path, err)
	}
	keys := e.verifiers(l.Origin)
	known := slices.Clone(keys)
	for _, w := range v.o.Policy.Witnesses {
		known = append(known, w.Key)
	}
	c, sigs, err := OpenCheckpoint(signed, known...)
	switch {
	case err != nil:
		return p, [32]byte{}, p.fault(-1, "checkpoint", "%s", entente.PublicText(err))
	case c.Origin != l.Origin:
		return p, [32]byte{}, p.fault(-1, "checkpoint", "it is of the log %s", clip(c.Origin))
	case l.Partner == "" && !slices.ContainsFunc(sigs, func(s Signature) bool { return s.By.String() == keys[e.keyAt(c.Size)].String() }):
		return p, [32]byte{}, p.fault(-1, "checkpoint", "it is signed by another key of the epoch than key %d, which signs at %d entries", e.keyAt(c.Size), c.Size)
	}
	if l.Partner == "" && e.Epoch == len(v.x.Epochs) {
		if !v.o.Policy.Met(sigs) {
			return p, [32]byte{}, p.fault(-1, "checkpoint", "too few witnesses of the policy have cosigned it; their quorum is %s", clip(v.o.Policy.quorum))
		}
		v.report.Witnessed = slices.DeleteFunc(slices.Clone(sigs), func(s Signature) bool { return s.By.algorithm != algorithmCosign })
	}
	p.size = c.Size
	v.logs[l.Origin] = verified{p, c.Root, keys}
	v.report.Logs++
	v.report.Entries += c.Size
	v.report.Sizes[l.Origin] = c.Size
	return p, c.Root, v.listed(path, sha256.Sum256(signed))
}

// main takes an entry of the main log.
func (v *verifier) main(e ExportEpoch, l place, index int64, r *record, partners map[string]*partnerLog) error {
	here := at{e.Epoch, "", index, l.origin}
	fault := func(format string, args ...any) error { return l.fault(index, "", format, args...) }
	if err := v.enter(here, r); err != nil {
		return err
	}
	keyHere := -1
	for i, k := range e.Keys {
		if k.From == index && i > 0 {
			keyHere = i
		}
	}
	switch {
	case keyHere >= 0 && r.event.Kind != KindKey:
		return fault("key %d of the epoch takes over here, but the event is no %s", keyHere, KindKey)
	case index == 0 && e.Epoch > 1 && r.event.Kind != KindDiscontinuity:
		return fault("the first event of a new epoch is its %s; this is %q", KindDiscontinuity, clip(r.event.Kind))
	case r.erased:
		return nil
	case r.event.For != "":
		return fault("an event of the main log is for no partner; this is for %q", clip(r.event.For))
	}
	if text := v.name(here, r.event.Shared, partners); text != "" {
		return fault("%s", text)
	}
	switch b := r.event.body.(type) {
	case *delivered:
		for _, s := range r.event.Shared {
			entry, _ := hexHash(s.Entry) // it is one, or [verifier.name] had said so
			if text := v.page(named{s.Partner, entry}, b); text != "" {
				return fault("%s", text)
			}
		}
	case *keyed:
		if keyHere < 0 || e.Keys[keyHere].Key != b.Key || e.Keys[keyHere].Signature != b.Signature {
			return fault("it tells of a key that %s does not have from size %d on", ExportFile, index)
		}
	case *discontinued:
		if index != 0 || e.Epoch == 1 {
			return fault("a %s is the first event of a new epoch, and stands nowhere else", KindDiscontinuity)
		}
		text, err := v.discontinuity(e, b)
		if err != nil {
			return err
		}
		if text != "" {
			return fault("%s", text)
		}
	case *headed:
		for _, h := range b.Logs {
			if err := v.heads(e, l, index, h.Partner, h.Size, h.Root, partners); err != nil {
				return err
			}
		}
	case *erased:
		for _, x := range b.Erased {
			entry, ok := hexHash(x.Entry)
			if !ok {
				return fault("it tells of an erasure of %q, which is no entry", clip(x.Entry))
			}
			v.told[entry] = true
			// It names in the place of the event whose names are gone, of whatever epoch.
			if text := v.name(here, x.Shared, partners); text != "" {
				return fault("%s", text)
			}
		}
	}
	if text := v.feedEvent(r.event); text != "" {
		return fault("%s", text)
	}
	return nil
}

// enter counts an entry.
func (v *verifier) enter(here at, r *record) error {
	if r.erased {
		v.report.Erased++
		v.erased[r.entry] = here
		if v.o.Gone != nil {
			return v.o.Gone(Entered{Epoch: here.epoch, Partner: here.partner, Index: here.index, Entry: r.entry})
		}
		return nil
	}
	if here.partner == "" {
		v.report.Kinds[r.event.Kind]++
	} else {
		v.report.Shared[r.event.Kind]++
	}
	if v.o.Each == nil {
		return nil
	}
	return v.o.Each(Entered{here.epoch, here.partner, here.index, r.event, r.raw, r.entry})
}
