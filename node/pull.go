package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"

	"entente"
	"entente/stix"
	"entente/taxii"
)

// PullOptions say who is told what while a remote runs. Fields may be nil.
type PullOptions struct {
	// Each is told of every object that came in, once its fate is certain.
	Each func(ItemResult)
	// Progress is told of further objects dealt with, and of their bytes.
	Progress func(objects int, bytes int64)
}

// PullReport tells what a pull took and what it could not.
type PullReport struct {
	IntakeReport
	Pages int `json:"pages"`
	// Incomplete tells that the server's faults may have hidden objects from this pull.
	Incomplete bool `json:"incomplete,omitempty"`
	// Remarks say what was odd about the server, each once.
	Remarks []string `json:"remarks,omitempty"`
}

// pageLimit is how many objects a pull asks for at a time.
const pageLimit = 1000

// remoteClient makes the client of a remote's server.
func remoteClient(address string, a entente.RemoteAccess) (*taxii.Client, error) {
	return taxii.NewClient(address, taxii.ClientConfig{
		User: a.User, Password: a.Password, Token: a.Token, TokenScheme: a.TokenScheme,
		CA: a.CA, Fingerprint: a.Fingerprint, Certificate: a.Certificate, Key: a.Key, AllowHTTP: a.AllowHTTP,
	})
}

// pull is one pull on its way.
type pull struct {
	n     *Node
	who   entente.Actor
	c     *taxii.Client
	at    taxii.Place
	r     *entente.Remote
	o     PullOptions
	st    entente.OpenPull
	match url.Values
	limit int
	// ours tells that the version filter is not the operator's, and may be dropped.
	ours bool

	rep     PullReport
	refused map[uint64]struct{} // what was refused, so that it is counted once
	ever    traces              // objects that came in this run
	lately  traces              // and since the last beginning
	cursors map[uint64]struct{} // cursors since the last beginning
	news    bool                // something came since then that had not come before
	moves   bool                // the server's cursors move on with each use
	forgave bool                // a page was forgiven that brought nothing by a cursor that came again
	used    bool                // st.Next was asked for once, and its page did not come
	largest int                 // objects of the largest page
	deaths  int                 // cursors that the server forgot
}

// tick is the step of TAXII's dates, in microseconds. Going on by a date goes back by it:
// entries may share a date across pages, and what comes twice is dropped.
const tick = 1

// pull works through the server's pages. Whatever the server does wrong, it comes to an
// end: see [pull.pages]. After each page it puts its state into r.Progress and
// calls keep, which makes it last; everything before that is durable then.
func (n *Node) pull(ctx context.Context, a entente.Actor, c *taxii.Client, r *entente.Remote, o PullOptions, keep func(context.Context) error) (PullReport, error) {
	root, err := url.Parse(r.Root)
	if err != nil {
		return PullReport{}, entente.Wrap(entente.Invalid, err, "the address of the API root cannot be read")
	}
	p := &pull{
		n: n, who: a, c: c, at: taxii.Place{Root: root, Collection: r.There}, r: r, o: o,
		match: url.Values{}, limit: pageLimit, refused: map[uint64]struct{}{}, cursors: map[uint64]struct{}{},
		news: true, // a cursor from before a stop is followed by a beginning that loses nothing
	}
	for _, m := range r.Match {
		p.match.Add(m.Field, m.Value)
	}
	if !p.match.Has("version") {
		p.ours = true
		p.match.Set("version", "all")
	}
	if open := r.Progress.Open; open != nil {
		p.st, p.used = *open, true
	} else {
		from := r.Since
		if r.Progress.Taken != 0 {
			from = r.Progress.Taken - tick
		}
		p.st = entente.OpenPull{From: from, Base: from, After: from}
	}
	save := func() error {
		st := p.st
		r.Progress.Open = &st
		return keep(ctx)
	}
	if err := p.pages(ctx, save); err != nil {
		return p.rep, err
	}
	if err := p.finish(ctx); err != nil {
		return p.rep, err
	}
	r.Progress.Open = nil
	return p.rep, keep(ctx)
}

// finish settles whether everything was taken, and up to which date.
func (p *pull) finish(ctx context.Context) error {
	sure := true
	if p.st.Check || p.st.Doubt || p.st.Undated {
		newest, complete, err := p.verify(ctx)
		if err != nil {
			return err
		}
		sure = complete || !(p.st.Doubt || p.st.Undated)
		if complete {
			p.st.Newest = max(p.st.Newest, newest)
		}
	}
	switch {
	case sure:
		p.r.Progress.Taken = max(p.r.Progress.Taken, p.st.Newest)
	case p.st.Doubt:
		p.rep.Incomplete = true
		p.remark("objects may be missing: the server's pages could not be followed for certain, nor checked against its manifest; the next pull looks at the same stretch again")
	default:
		p.remark("the server does not say when it added its objects: every pull reads all of them again")
	}
	return nil
}

func (p *pull) remark(text string) {
	if !slices.Contains(p.rep.Remarks, text) {
		p.rep.Remarks = append(p.rep.Remarks, text)
	}
}

// taken is what a page turned out to be.
type taken struct {
	taxii.Dates
	objects int
	good    int  // of them, those that were not refused
	fresh   bool // it brought something that had not come since the last beginning
	more    bool
	next    string
}

// breaks is how often a page whose transfer breaks off is asked for.
const breaks = 3

// page takes in the page that the state points to. A page that breaks off is asked for
// again: what came of it is in, and does no harm.
func (p *pull) page(ctx context.Context) (taken, error) {
	s := taxii.Selection{AddedAfter: p.st.After, Limit: p.limit, Next: p.st.Next, Match: p.match}
	for try := 1; ; try++ {
		t, err := p.takeIn(ctx, func() (*taxii.PageReader, error) { return p.c.Objects(ctx, p.at, s) })
		var broken *pageError
		if err == nil || ctx.Err() != nil || !errors.As(err, &broken) || try == breaks {
			if err == nil {
				p.rep.Pages++
			}
			return t, err
		}
		p.used = true
	}
}

// pageError marks a failure while a page was read, as against one of asking or storing.
type pageError struct{ error }

func (e *pageError) Unwrap() error { return e.error }

// takeIn asks for a page and takes in its objects.
func (p *pull) takeIn(ctx context.Context, ask func() (*taxii.PageReader, error)) (taken, error) {
	page, err := ask()
	if err != nil {
		return taken{}, err
	}
	defer page.Close()
	t := taken{Dates: page.Dates}
	input := stix.NewReader(&failing{PageReader: page})
	_, err = p.n.Intake(ctx, p.who, p.r.Collection, input, IntakeOptions{Mend: stix.MendSpecVersion, Each: func(r ItemResult) {
		t.objects++
		if r.Mended {
			p.remark("the server gives the type of an object as its spec_version: such objects are taken with 2.1 there")
		}
		if r.Err == nil {
			t.good++
		}
		t.fresh = p.note(r) || t.fresh
	}, Progress: func() func(int, int64) {
		var objects int
		var bytes int64
		return func(o int, b int64) {
			if p.o.Progress != nil {
				p.o.Progress(o-objects, b-bytes)
			}
			objects, bytes = o, b
		}
	}()})
	var broken *pageError
	if entente.KindOf(err) == entente.Invalid && !errors.As(err, &broken) {
		// The list is not the JSON of a list, as with a comma too many; what stands behind
		// that place cannot be told apart, but where the next page begins can be read.
		if _, end := io.Copy(io.Discard, page); end == nil {
			p.remark("a page is not JSON, and was read up to the place: " + entente.PublicText(err))
			p.st.Doubt, err = true, nil
		}
	}
	if err != nil {
		return t, err
	}
	t.more, t.next = page.More()
	p.largest = max(p.largest, t.objects)
	return t, nil
}

// failing marks the errors of reading a page.
type failing struct{ *taxii.PageReader }

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.PageReader.Read(b)
	var typed *entente.Error
	if errors.As(err, &typed) {
		err = entente.Wrap(typed.Kind, &pageError{typed}, typed.Public)
	}
	return n, err
}

// note counts an object, and reports whether it had not come since the last beginning.
func (p *pull) note(r ItemResult) bool {
	key := traceOf(r.Digest[:])
	if r.Err != nil {
		key = traceOf([]byte(r.ID + "\x00" + r.Version + "\x00" + r.Err.Error()))
	}
	added := r.Err == nil && (r.Outcome == entente.Added || r.Outcome == entente.Contested)
	fresh := p.lately.add(key) || added
	if p.ever.add(key) || added {
		p.news = true
	}
	if r.Err != nil && r.ID != "" {
		if _, again := p.refused[key]; again {
			return fresh
		}
		if len(p.refused) < maxRefused {
			p.refused[key] = struct{}{}
			p.refused[traceOf([]byte(r.ID))] = struct{}{}
		}
	}
	p.rep.Read++
	if r.Err != nil {
		p.rep.Refused++
		p.r.Progress.Refusals = appendRefusal(p.r.Progress.Refusals, r.ID, r.Version, r.Err)
	} else {
		p.rep.count(r.Outcome, r.warned())
	}
	if p.o.Each != nil {
		p.o.Each(r)
	}
	return fresh
}

// maxRefused bounds how many refused objects a pull keeps apart.
const maxRefused = 1 << 17

func appendRefusal(all []entente.RemoteRefusal, id, version string, err error) []entente.RemoteRefusal {
	if len(all) >= entente.MaxRefusals {
		return all
	}
	return append(all, entente.RemoteRefusal{ID: id, Version: version, Reason: entente.PublicText(err)})
}

// tookText counts a pull for the log.
func tookText(r PullReport) string {
	return fmt.Sprintf("%d read, %d added, %d unchanged, %d contested, %d refused", r.Read, r.Added, r.Unchanged, r.Contested, r.Refused)
}
