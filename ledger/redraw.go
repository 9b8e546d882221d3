package ledger

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"entente"
)

// Fits tells whether an event of the main log is among those that a draw is from: by its
// kind, and by the agreement that it, or an event that it names in a partner's log, is about.
// concerned has the entries of partners' logs that are about that agreement.
func (d Draw) Fits(kind string, raw []byte, concerned map[string]bool) (bool, error) {
	if d.Kind != "" && kind != d.Kind {
		return false, nil
	}
	if d.Agreement == "" {
		return true, nil
	}
	e, err := readWhole(raw)
	if err != nil || e.About["agreement"] == d.Agreement {
		return err == nil, err
	}
	for _, s := range e.Shared {
		if concerned[s.Entry] {
			return true, nil
		}
	}
	return false, nil
}

func readWhole(raw []byte) (e entente.Event, err error) {
	if err = json.Unmarshal(raw, &e); err != nil {
		err = entente.Wrap(entente.Invalid, err, "an event of the ledger cannot be read")
	}
	return e, err
}

// Concerned adds an entry of a partner's log to those that are about the draw's agreement, if it is.
func (d Draw) Concerned(to map[string]bool, entry [EntrySize]byte, raw []byte) error {
	if d.Agreement == "" {
		return nil
	}
	e, err := readWhole(raw)
	if err == nil && e.About["agreement"] == d.Agreement {
		to[hex.EncodeToString(entry[:])] = true
	}
	return err
}

// Redraw draws again, from an export, the sample that an event of it announced, while it
// verifies the export. NotFound if there is no such event; Conflict, with what it drew, if
// the event tells of other events than are drawn. Events that were erased since can be drawn
// where the draw is from all, else they cannot be found any more.
func Redraw(ctx context.Context, files Files, o Options, id string) (Draw, *Sampler, error) {
	var announced *entente.Event
	var epoch int
	var index int64
	find := o
	find.Each = func(e Entered) error {
		if e.Partner != "" || e.Event.ID != id {
			return nil
		}
		x, err := readWhole(e.Raw)
		announced, epoch, index = &x, e.Epoch, e.Index
		return err
	}
	report, err := Verify(ctx, files, find)
	if err != nil {
		return Draw{}, nil, err
	}
	if announced == nil {
		return Draw{}, nil, entente.Errorf(entente.NotFound, "the main log has no event %s", clip(id))
	}
	d, err := DrawOf(*announced)
	if err != nil {
		return d, nil, err
	}
	if d.Of.Origin != Origin(report.Home.ID, epoch, "") {
		return d, nil, entente.Errorf(entente.Invalid, "the sample is drawn from %s, which is not the log that announced it", clip(d.Of.Origin))
	}
	if d.Of.Size > index {
		return d, nil, entente.Errorf(entente.Conflict, "the sample is drawn from %d events, and was announced as the one at %d: its words were not chosen after the checkpoint", d.Of.Size, index)
	}
	// The events that it is drawn from are those of the checkpoint.
	root, err := RootOf(ctx, tileFiles{files, LogDir(epoch, ""), report.Sizes[d.Of.Origin]}, d.Of.Size)
	if err != nil {
		return d, nil, err
	}
	if root != d.Of.Root {
		return d, nil, entente.Errorf(entente.Conflict, "the sample is drawn from a log of %d entries with the root %s; the export's has %s", d.Of.Size, d.Of.Root, root)
	}
	concerned := map[string]bool{}
	if d.Agreement != "" {
		o.Each = func(e Entered) error {
			if e.Partner == "" {
				return nil
			}
			return d.Concerned(concerned, e.Entry, e.Raw)
		}
		if _, err := Verify(ctx, files, o); err != nil {
			return d, nil, err
		}
	}
	s := NewSampler(d)
	o.Each = func(e Entered) error {
		if e.Partner != "" || e.Epoch != epoch {
			return nil
		}
		fits, err := d.Fits(e.Event.Kind, e.Raw, concerned)
		if fits && err == nil {
			s.Offer(e.Index, e.Entry, e.Raw)
		}
		return err
	}
	o.Gone = func(e Entered) error {
		if e.Partner == "" && e.Epoch == epoch && d.Kind == "" && d.Agreement == "" {
			s.Offer(e.Index, e.Entry, nil)
		}
		return nil
	}
	if _, err := Verify(ctx, files, o); err != nil {
		return d, nil, err
	}
	if s.List() != announced.List || s.Result() != announced.Result {
		return d, s, entente.Errorf(entente.Conflict, "the event tells of %s with the list %s; drawn again, it is %s with the list %s (%d events of the ledger were erased)",
			clip(announced.Result), clip(announced.List), s.Result(), s.List(), report.Erased)
	}
	return d, s, nil
}
