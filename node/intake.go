package node

import (
	"bytes"
	"context"
	"io"
	"runtime"

	"entente"
	"entente/stix"
	"entente/store"
)

// IntakeOptions say how objects are taken in.
type IntakeOptions struct {
	// Each is told of every object, in the order of the input, once its fate is certain:
	// submitted and durable, or refused. It may be nil.
	Each func(ItemResult)
	// Progress is told how many bytes of objects have been dealt with so far. It may be nil.
	Progress func(objects int, bytes int64)
	// Undelete brings back versions that were deleted from the collection.
	Undelete bool
	// Through is the id of the agreement through which they come: see [entente.Submit].
	Through string
	// Mend repairs an object that would be refused for a fault of its sender that leaves no
	// doubt what it was; nil where there is none such. It may be nil itself.
	Mend func(raw []byte) []byte
}

// ItemResult is what became of one object of an intake.
type ItemResult struct {
	Index    int    // from 0, in the input
	Offset   int64  // where the object begins, in bytes
	Line     int64  // and on which line, from 1
	ID       string // for a refused object what it says of itself, "" where it says nothing
	Version  string // as TAXII names it; likewise
	Outcome  entente.Outcome
	Digest   entente.Digest
	Current  entente.Digest    // where contested: what stays current
	Err      error             // why the object was refused; Outcome means nothing then
	Warnings []entente.Finding // what it breaks by itself
	Breaches []entente.Finding // and of the rules of versioning, beside what the collection holds
	Mended   bool              // taken after a repair
}

// IntakeReport counts what became of an intake.
type IntakeReport struct {
	Read      int `json:"read"`      // objects found in the input
	Added     int `json:"added"`     // new in the collection, contested ones not counted
	Unchanged int `json:"unchanged"` // held already
	Contested int `json:"contested"` // added beside other contents of the same version
	Deleted   int `json:"deleted"`   // deleted from the collection earlier, and not brought back
	Erased    int `json:"erased"`    // erased by home, and not taken in again
	Refused   int `json:"refused"`   // not STIX
	Warned    int `json:"warned"`    // taken, though the standard is broken somewhere
}

// Batch limits of an intake: one transaction carries at most so many objects or bytes.
const (
	batchObjects = 1000
	batchBytes   = 8 << 20
	parseAtOnce  = 64 // objects that one worker parses in a go
)

// parsed is one object of the input, read and validated.
type parsed struct {
	item     stix.Item
	size     int
	version  *entente.Version
	findings []entente.Finding
	mended   bool
	claims   [2]string // id and version that a refused object says it has
}

// Intake reads objects and submits them to a collection in batches, each of them one
// transaction. Objects are parsed beside the writing. What cannot be taken is reported
// and costs no other object; if the input breaks off, all good objects before that are
// in, and the error says where. On any error the report tells what was done before it.
func (n *Node) Intake(ctx context.Context, a entente.Actor, collection string, r *stix.Reader, o IntakeOptions) (IntakeReport, error) {
	var rep IntakeReport
	// Whether the actor may write at all is judged before the input is read.
	err := n.st.View(ctx, func(t *store.Tx) error {
		c := entente.Submit{Collection: collection, Through: o.Through}
		f, err := t.SubmitFacts(ctx, a, c)
		if f.Now = n.now(); err == nil {
			err = entente.MaySubmit(c, f)
		}
		return err
	})
	if err != nil {
		return rep, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	chunks, readErr := parseAll(ctx, r, o.Mend)
	var batch []parsed
	var size, done int64
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		for _, p := range batch {
			done += int64(p.size)
		}
		err := n.submitBatch(ctx, a, collection, batch, &rep, o)
		batch, size = batch[:0], 0
		if err == nil && o.Progress != nil {
			o.Progress(rep.Read, done)
		}
		return err
	}
	for c := range chunks {
		for _, p := range <-c {
			batch = append(batch, p)
			size += int64(p.size)
			if len(batch) >= batchObjects || size >= batchBytes {
				if err := flush(); err != nil {
					stop()
					for range chunks { // let the reader end before its input is given back
					}
					return rep, err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return rep, err
	}
	return rep, <-readErr
}

// parseAll reads and parses in the background. The channel gives, in the order of the
// input, a place where each chunk's result will be; it is closed at the end of the input
// or when ctx ends. The error is there once it is closed; nil at a clean end.
func parseAll(ctx context.Context, r *stix.Reader, mend func([]byte) []byte) (<-chan chan []parsed, <-chan error) {
	workers := runtime.GOMAXPROCS(0)
	chunks := make(chan chan []parsed, 2*workers)
	slots := make(chan struct{}, workers)
	readErr := make(chan error, 1)
	go func() {
		defer close(chunks)
		for {
			items, err := readChunk(r)
			if len(items) > 0 {
				out := make(chan []parsed, 1)
				select {
				case chunks <- out:
				case <-ctx.Done():
					readErr <- ctx.Err()
					return
				}
				slots <- struct{}{}
				go func() {
					out <- parseChunk(items, mend)
					<-slots
				}()
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				if err == io.EOF { // not wrapped: that is the clean end
					err = nil
				}
				readErr <- err
				return
			}
		}
	}()
	return chunks, readErr
}

// readChunk reads some objects; a reader's bytes hold only until its next call, so they
// are copied.
func readChunk(r *stix.Reader) ([]stix.Item, error) {
	items := make([]stix.Item, 0, parseAtOnce)
	size := 0
	for len(items) < parseAtOnce && size < batchBytes/4 {
		it, err := r.Next()
		if err != nil {
			return items, err
		}
		size += len(it.Raw)
		it.Raw = bytes.Clone(it.Raw)
		items = append(items, it)
	}
	return items, nil
}

func parseChunk(items []stix.Item, mend func([]byte) []byte) []parsed {
	out := make([]parsed, len(items))
	for i, it := range items {
		out[i] = parsed{item: it, size: len(it.Raw)}
		if it.Err == nil {
			out[i].version, out[i].findings = stix.Parse(it.Raw)
			if out[i].version == nil && mend != nil {
				if whole := mend(it.Raw); whole != nil {
					out[i].version, out[i].findings = stix.Parse(whole)
					out[i].mended = out[i].version != nil
				}
			}
			if out[i].version == nil {
				out[i].claims[0], out[i].claims[1] = stix.Claims(it.Raw)
			}
		}
		out[i].item.Raw = nil
	}
	return out
}

func (n *Node) submitBatch(ctx context.Context, a entente.Actor, collection string, batch []parsed, rep *IntakeReport, o IntakeOptions) error {
	versions := make([]*entente.Version, 0, len(batch))
	for _, p := range batch {
		if p.version != nil {
			versions = append(versions, p.version)
		}
	}
	var results []entente.Result
	if len(versions) > 0 {
		receipt, err := n.Do(ctx, a, entente.Submit{Collection: collection, Versions: versions, Undelete: o.Undelete, Through: o.Through})
		if err != nil {
			return err
		}
		results = receipt.Results
	}
	for _, p := range batch {
		res := ItemResult{Index: p.item.Index, Offset: p.item.Offset, Line: p.item.Line, Warnings: p.findings, Mended: p.mended}
		rep.Read++
		if p.version == nil {
			res.Err, res.ID, res.Version = refusal(p), p.claims[0], p.claims[1]
			rep.Refused++
			n.meters.refused.Inc()
		} else {
			r := results[0]
			results = results[1:]
			res.ID, res.Version, res.Outcome, res.Digest, res.Current = string(r.ID), r.Version, r.Outcome, r.Digest, r.Current
			res.Breaches = r.Breaches
			rep.count(r.Outcome, res.warned())
		}
		if o.Each != nil {
			o.Each(res)
		}
	}
	return nil
}

// warned tells that the object was taken though it breaks the standard.
func (r ItemResult) warned() bool { return len(r.Warnings)+len(r.Breaches) > 0 }

func (rep *IntakeReport) count(o entente.Outcome, warned bool) {
	switch o {
	case entente.Added:
		rep.Added++
	case entente.Unchanged:
		rep.Unchanged++
	case entente.Contested:
		rep.Contested++
	case entente.Deleted:
		rep.Deleted++
	case entente.Erased:
		rep.Erased++
	}
	if warned {
		rep.Warned++
	}
}

// refusal says why an object was not taken: the first fault found in it.
func refusal(p parsed) error {
	if p.item.Err != nil {
		return p.item.Err
	}
	for _, f := range p.findings {
		if f.Severity == entente.Fault {
			text := f.Text
			if f.Property != "" {
				text = f.Property + ": " + text
			}
			if f.Section != "" {
				text += " (" + f.Section + ")"
			}
			return entente.Errorf(entente.Invalid, "%s", text)
		}
	}
	return entente.Errorf(entente.Invalid, "this is not a STIX object")
}
