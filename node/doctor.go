package node

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"entente"
	"entente/store"
)

// Complaint is one thing that an examination found.
type Complaint struct {
	Check   string `json:"check"`   // what was looked at: see the checks below
	Warning bool   `json:"warning"` // a leftover that does no harm
	Text    string `json:"text"`
}

// The checks of an examination.
const (
	checkEngine  = "engine"    // the database engine's own check; reading at all
	checkSchema  = "schema"    // tables, columns, indexes
	checkContent = "content"   // bytes, digests, and what the columns say of them
	checkState   = "state"     // what lines say of each other
	checkFeed    = "feed"      // order, heads, what lines carry
	checkIndex   = "index"     // full text and values
	checkRecord  = "reference" // accounts, rights, collections, followers
	checkLease   = "lease"     // jobs of processes
	checkStop    = "stop"      // stops that call for somebody
	checkUrgent  = "urgent"    // urgent releases that were not reviewed in time
	checkLedger  = "ledger"    // entries, trees, checkpoints and keys; events that wait
)

// Examination is what was looked at and what was found.
type Examination struct {
	Sound      bool           `json:"sound"` // nothing was found but warnings
	Engine     string         `json:"engine"`
	Contents   int64          `json:"contents"`
	Lines      int64          `json:"lines"`
	Feeds      int64          `json:"feeds"`
	Faults     int            `json:"faults"`
	Warnings   int            `json:"warnings"`
	Counts     map[string]int `json:"counts"`     // of complaints, by check
	Complaints []Complaint    `json:"complaints"` // at most some of each check
	Seconds    float64        `json:"seconds"`
}

// maxComplaints bounds how many complaints of one check are listed.
const maxComplaints = 25

// Pages of an examination: each is read on one state of the database.
const (
	doctorContents = 500
	doctorObjects  = 500
	doctorLines    = 2000
)

// leaseMost is the longest that a lease may have to run: processes renew theirs long before.
const leaseMost = 10 * time.Minute

// doctor examines a node.
type doctor struct {
	n        *Node
	ex       *Examination
	told     map[string]int // complaints that are listed, by check
	done     int64
	progress func(done int64)
}

// Doctor looks at everything that the store holds and tells what is wrong. It changes
// nothing and may run beside servers: each step looks at one state of the database.
// Progress is told how many steps of how many are done; it may be nil. The error is for
// an examination that could not be made; what it finds is in the result.
func (n *Node) Doctor(ctx context.Context, a entente.Actor, progress func(done, total int64)) (Examination, error) {
	ex := Examination{Engine: n.Engine(), Counts: map[string]int{}, Complaints: []Complaint{}}
	if err := readAll(a); err != nil {
		return ex, err
	}
	began := time.Now()
	d := &doctor{n: n, ex: &ex, told: map[string]int{}}
	d.attempt(ctx, "the sizes of the tables", func() error {
		return n.st.View(ctx, func(t *store.Tx) (err error) {
			ex.Contents, ex.Lines, err = t.Sizes(ctx)
			return err
		})
	})
	total := 2*ex.Contents + ex.Lines
	d.progress = func(done int64) {
		if d.done += done; progress != nil {
			progress(min(d.done, total), total)
		}
	}
	d.progress(0)
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"the tables", d.schema}, {"the database", d.engine}, {"accounts, rights and collections", d.records}, {"leases", d.leases},
		{"contents", d.contents}, {"objects", d.objects}, {"feeds", d.feeds}, {"the ledger", d.ledger},
	} {
		d.attempt(ctx, step.name, func() error { return step.do(ctx) })
		if ctx.Err() != nil {
			return ex, entente.Wrap(entente.Unavailable, ctx.Err(), "the examination was stopped")
		}
	}
	ex.Sound = ex.Faults == 0
	ex.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return ex, nil
}

// attempt makes one step; what it cannot read is a finding, and the others go on.
func (d *doctor) attempt(ctx context.Context, name string, step func() error) {
	if err := step(); err != nil && ctx.Err() == nil {
		d.fault(checkEngine, "%s cannot be read to their end: %v", name, err)
	}
}

func (d *doctor) fault(check, format string, args ...any) {
	d.ex.Faults++
	d.add(Complaint{Check: check, Text: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(check, format string, args ...any) {
	d.ex.Warnings++
	d.add(Complaint{Check: check, Warning: true, Text: fmt.Sprintf(format, args...)})
}

func (d *doctor) add(c Complaint) {
	d.ex.Counts[c.Check]++
	if d.told[c.Check]++; d.told[c.Check] <= maxComplaints {
		d.ex.Complaints = append(d.ex.Complaints, c)
	}
}

func (d *doctor) schema(ctx context.Context) error {
	said, err := d.n.st.SchemaFaults(ctx)
	for _, s := range said {
		d.fault(checkSchema, "%s", s)
	}
	return err
}

func (d *doctor) engine(ctx context.Context) error {
	var said []string
	err := d.n.st.View(ctx, func(t *store.Tx) (err error) {
		said, err = t.EngineCheck(ctx)
		return err
	})
	for _, s := range said {
		d.fault(checkEngine, "%s says: %s", d.ex.Engine, s)
	}
	return err
}

func (d *doctor) records(ctx context.Context) error {
	var all []store.Broken
	var accounts []entente.Account
	var roots []entente.Root
	var partners []PartnerInfo
	var decisions []entente.Decision
	err := d.n.st.View(ctx, func(t *store.Tx) (err error) {
		if all, err = t.BrokenRecords(ctx); err != nil {
			return err
		}
		if accounts, err = t.Accounts(ctx); err != nil {
			return err
		}
		if partners, err = partnerInfos(ctx, t); err != nil {
			return err
		}
		if decisions, err = t.ReviewDecisions(ctx); err != nil {
			return err
		}
		roots, err = t.Roots(ctx)
		return err
	})
	for _, o := range entente.Owed(decisions) {
		if o.Overdue(d.n.now()) {
			d.warn(checkUrgent, "the urgent release of %s at %s has not been reviewed by a second person within 24 hours; it stays released", o.Object, entente.FormatMicros(o.At))
		}
	}
	for _, p := range partners {
		for _, alarm := range p.Alarms(d.n.now()) {
			d.warn(checkStop, "partner %q: %s", p.Name, alarm)
		}
	}
	for _, b := range all {
		if b.Harmless {
			d.warn(checkRecord, "%s", b.Text)
		} else {
			d.fault(checkRecord, "%s", b.Text)
		}
	}
	for _, r := range roots {
		if err := entente.CheckRoot(r); err != nil {
			d.fault(checkRecord, "API root %q: %v", r.Name, err)
		}
	}
	for _, a := range accounts {
		if err := entente.CheckName("account", a.Name); err != nil {
			d.fault(checkRecord, "account %s: %v", a.ID, err)
		}
		for _, m := range a.Mandates {
			if _, err := entente.ParseRole(string(m.Role)); err != nil {
				d.fault(checkRecord, "account %q: %v", a.Name, err)
			}
		}
	}
	return err
}

func (d *doctor) leases(ctx context.Context) error {
	var held []store.LeaseHeld
	err := d.n.st.View(ctx, func(t *store.Tx) (err error) {
		held, err = t.Leases(ctx)
		return err
	})
	for _, l := range held {
		if left := time.Duration(l.Expires-d.n.now()) * time.Microsecond; left > leaseMost {
			d.fault(checkLease, "the job %q is taken until %s: no process will do it before that", l.Job, entente.FormatMicros(l.Expires))
		}
	}
	return err
}

func (d *doctor) objects(ctx context.Context) error {
	from := int64(math.MinInt64)
	for more := true; more; {
		var page []store.ObjectStates
		heads := map[int64]store.StoredFeed{}
		err := d.n.st.View(ctx, func(t *store.Tx) error {
			feeds, err := t.Feeds(ctx)
			if err != nil {
				return err
			}
			for _, f := range feeds {
				heads[f.Feed] = f
			}
			page, from, more, err = t.Objects(ctx, from, doctorObjects)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range page {
			d.object(o, heads)
		}
	}
	return nil
}

func (d *doctor) object(o store.ObjectStates, heads map[int64]store.StoredFeed) {
	for _, c := range o.Orphans {
		d.fault(checkContent, "content %d (%s) is in no collection", c, o.ID)
	}
	for _, c := range o.Twice {
		d.fault(checkContent, "content %d (%s) is stored twice", c, o.ID)
	}
	d.progress(int64(len(o.Known)))
	for feed, known := range o.Known {
		f, ok := heads[feed]
		if !ok {
			continue // removed, and yet to be swept; else the records say so
		}
		for _, s := range entente.CheckStates(o.ID, known, f.Tail) {
			d.fault(checkState, "%s, line %d of %s: %s", feedName(f), s.Seq, o.ID, s.Text)
		}
	}
}

func feedName(f store.StoredFeed) string {
	switch {
	case f.Agreement != "":
		return fmt.Sprintf("feed %d of the agreement %q", f.Feed, f.Agreement)
	case f.Collection == "":
		return fmt.Sprintf("feed %d", f.Feed)
	}
	return fmt.Sprintf("collection %q", f.Collection)
}

func (d *doctor) feeds(ctx context.Context) error {
	var all []store.StoredFeed
	if err := d.n.st.View(ctx, func(t *store.Tx) (err error) {
		all, err = t.Feeds(ctx)
		return err
	}); err != nil {
		return err
	}
	for _, f := range all {
		d.ex.Feeds++
		if err := d.feed(ctx, f.Feed); err != nil {
			return err
		}
	}
	return nil
}

func (d *doctor) feed(ctx context.Context, feed int64) error {
	last := store.StoredLine{Line: entente.Line{Seq: math.MinInt64, Added: math.MinInt64}}
	for more := true; more; {
		var lines []store.StoredLine
		var f store.StoredFeed
		err := d.n.st.View(ctx, func(t *store.Tx) error {
			all, err := t.Feeds(ctx)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(f store.StoredFeed) bool { return f.Feed == feed })
			if i < 0 {
				return nil // removed in between
			}
			f = all[i]
			lines, err = t.Lines(ctx, feed, last.Seq, doctorLines)
			return err
		})
		if err != nil {
			return err
		}
		more = len(lines) == doctorLines
		for _, l := range lines {
			d.line(f, last, l)
			last = l
		}
		d.progress(int64(len(lines)))
	}
	return nil
}

func (d *doctor) line(f store.StoredFeed, last, l store.StoredLine) {
	at := func(format string, args ...any) {
		d.fault(checkFeed, "%s, line %d: %s", feedName(f), l.Seq, fmt.Sprintf(format, args...))
	}
	if l.Seq > f.Tail || l.Seq < 1 {
		at("its position is not between 1 and the head %d", f.Tail)
	}
	if l.Seq <= f.Head && l.Added > f.Added { // what is staged has no time yet
		at("it was added at %s, after the feed's last time %s", entente.FormatMicros(l.Added), entente.FormatMicros(f.Added))
	}
	if l.Added <= last.Added {
		at("it was added at %s, and the line before it at %s", entente.FormatMicros(l.Added), entente.FormatMicros(last.Added))
	}
	if l.Source == "" {
		at("its source %d is no organisation", l.SourceNum)
	}
	switch {
	case l.Carries == "":
		at("its content %d does not exist", l.Content)
	case l.TypeKey != l.CarriesKey || l.Of != l.CarriesOf:
		at("its type or specification is not that of %s", l.Carries)
	}
}
