package ledger

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"

	"entente"
)

// LogReport is what was verified of one log.
type LogReport struct {
	Checkpoint
	Kinds  map[string]int64 // events by kind
	Erased int64            // entries whose event was erased
}

// VerifyLog checks one log alone, as a partner can get its own: the files of its directory
// in an export. It checks the tree, the checkpoint's signature by one of o.Keys, that each
// event is that of its entry, and what was seen before. What other logs and feeds would say
// is not among it. A key of the main log counts for the partners' logs of its epoch. Invalid
// if o.Keys has no key for the log; the first thing that does not fit is a Conflict whose
// cause is a [*Fault]. Other errors are of reading.
func VerifyLog(ctx context.Context, files Files, o Options) (LogReport, error) {
	ctx, cancel := context.WithCancel(ctx)
	v := &verifier{ctx: ctx, files: files, o: o, slots: make(chan struct{}, runtime.GOMAXPROCS(0)), logs: map[string]verified{},
		erased: map[[EntrySize]byte]at{}}
	v.report.Kinds = map[string]int64{}
	v.report.Shared = v.report.Kinds
	c, err := v.log()
	if err == nil {
		err = v.seen()
	}
	cancel()
	v.running.Wait()
	if f := (*Fault)(nil); errors.As(err, &f) {
		err = entente.Errorf(entente.Conflict, "%w", f)
	}
	return LogReport{c, v.report.Kinds, v.report.Erased}, err
}

func (v *verifier) log() (Checkpoint, error) {
	const path = "checkpoint"
	signed, err := readFile(v.ctx, v.files, path, MaxCheckpoint)
	if err != nil {
		return Checkpoint{}, fileFault("", path, err)
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	c, err := ParseCheckpoint(text + "\n")
	if err != nil {
		return c, &Fault{File: path, Index: -1, Text: entente.PublicText(err)}
	}
	keys := keysOf(c.Origin, v.o.Keys)
	if len(keys) == 0 {
		return c, entente.Errorf(entente.Invalid, "the checkpoint is of the log %q, and no key of it is given; ask home for it by another way", clip(c.Origin))
	}
	if c, _, err = OpenCheckpoint(signed, keys...); err != nil {
		return c, &Fault{Log: c.Origin, File: path, Index: -1, Text: entente.PublicText(err)}
	}
	l := place{files: v.files, origin: c.Origin, partner: partnerOf(c.Origin), size: c.Size}
	v.logs[c.Origin] = verified{l, c.Root, keys}
	s := v.stream(l, 4*cap(v.slots))
	for index := range l.size {
		r, err := s.next()
		if err == nil {
			err = v.enter(at{partner: l.partner, index: index, origin: l.origin}, r)
		}
		if err == nil && !r.erased && r.event.For != l.partner {
			err = l.fault(index, "", "an event of this log is for %q; this is for %q", l.partner, clip(r.event.For))
		}
		if err != nil {
			return c, err
		}
	}
	return c, s.finish(c.Root)
}

// keysOf are the known keys that sign checkpoints of a log: those of its name, and those of
// the main log of its epoch, which sign under the name of each log of the epoch.
func keysOf(origin string, known []Verifier) []Verifier {
	var keys []Verifier
	for _, k := range known {
		if main := k.Name(); k.algorithm == algorithmNote && origin != main && origin == main+"/"+partnerOf(origin) {
			k, _ = NewVerifier(origin, k.Public())
		}
		if k.Name() == origin && !slices.ContainsFunc(keys, func(o Verifier) bool { return o.String() == k.String() }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// partnerOf is the partner in an [Origin], "" for that of a main log.
func partnerOf(origin string) string {
	if parts := strings.Split(origin, "/"); len(parts) == 4 && parts[0] == "entente" {
		return parts[3]
	}
	return ""
}
