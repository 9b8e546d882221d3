package store

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"entente"
)

// Window is a stretch of the accept logs that an agreement covers, to be judged next. It holds
// nothing of the agreement itself, and is not changed any more once it is read: appliers of
// agreements that cover the same collections share it.
type Window struct {
	Steps [][]entente.ObjectID // what is new, batch by batch in the order of arrival
	From  []int64              // by place: the position of the log before it
	UpTo  []int64              // by place: the last position of it
	// Batches are by place the ends of the batches of submissions in it, with their steps.
	Batches [][]BatchEnd
	More    bool // there is more after it

	versions map[int64]*entente.Version         // by content: what was parsed
	contents map[entente.ObjectID][]heldContent // of what is new
	lines    map[int64][]logged                 // by content of these: what the logs have of it
	known    []int64                            // by place: up to where the log was there when all this was read
	size     int                                // bytes of the contents that were parsed
	reach    int64                              // see Reach
	// commitments are those to the contents that have arrived.
	commitments map[int64]entente.Commitment
}

// BatchEnd is the last position of a batch, and the step of the window that it is.
type BatchEnd struct {
	Last int64
	Step int
}

// Touched is an object to be judged again; Mark tells the reason from a later one.
type Touched struct {
	Object entente.ObjectID
	Mark   string
}

// Window reads what comes next in the accept logs that an agreement covers, beyond the
// positions from (by place) and not beyond upTo: about limit lines at most, always whole
// batches of submissions, in the order in which they came over all logs. Parse reads a
// version's bytes, of which the digest is known; they are its own to keep.
func (t *Tx) Window(ctx context.Context, a *entente.Agreement, from, upTo []int64, limit int, parse func([]byte, entente.Digest) *entente.Version) (*Window, error) {
	w := NewWindow(from)
	for place, f := range a.Feeds {
		w.known[place] = max(f.LogHead, upTo[place])
	}
	type batch struct {
		place       int
		first, last int64
		at          int64 // when its last line was added
		ids         []entente.ObjectID
	}
	var all []batch
	arrived := arrivedIn{contents: map[int64]heldContent{}, lines: map[int64][]logged{}, names: map[int64]string{}}
	orgs, err := t.organisations(ctx)
	if err != nil {
		return w, err
	}
	for id, num := range orgs {
		arrived.names[num] = id
	}
	// What has arrived is parsed while it is looked for what else there is of it.
	var mu sync.Mutex
	var parsing sync.WaitGroup
	defer parsing.Wait()
	horizon := int64(-1) // of a log that has more than was read: what came later waits
	for place, f := range a.Feeds {
		lines, more, err := t.arrivals(ctx, f.Log, from[place], upTo[place], limit)
		if err != nil {
			return w, err
		}
		var of []batch
		for _, l := range lines.batches {
			of = append(of, batch{place: place, first: l.first, last: l.last, at: l.added, ids: l.ids})
		}
		all = append(all, of...)
		parsing.Go(func() { w.parse(lines.arrived, parse, &mu) })
		for i := range lines.arrived {
			x := &lines.arrived[i]
			arrived.add(f.Log, x)
			w.commitments[x.held.content] = x.commitment
			w.reach = max(w.reach, x.held.content)
		}
		if more && len(of) > 0 && (horizon < 0 || of[len(of)-1].at < horizon) {
			horizon = of[len(of)-1].at
		}
		w.More = w.More || more
	}
	slices.SortStableFunc(all, func(x, y batch) int { return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.place, y.place)) })
	for _, b := range all {
		if horizon >= 0 && b.at > horizon {
			w.More = true
			break
		}
		w.Steps = append(w.Steps, b.ids)
		w.UpTo[b.place] = b.last
		w.Batches[b.place] = append(w.Batches[b.place], BatchEnd{b.last, len(w.Steps)})
		for _, id := range b.ids {
			w.contents[id] = nil
		}
	}
	if len(w.contents) == 0 {
		return w, nil
	}
	return w, t.gather(ctx, w, a, arrived)
}

// parse parses what has arrived.
func (w *Window) parse(all []arrival, parse func([]byte, entente.Digest) *entente.Version, mu *sync.Mutex) {
	versions := make([]*entente.Version, len(all))
	for i := range all {
		versions[i] = parse(all[i].bytes, all[i].digest)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, v := range versions {
		if v != nil {
			w.versions[all[i].held.content] = v
			w.size += len(all[i].bytes)
		}
	}
}

// NewWindow is a window with nothing in it.
func NewWindow(from []int64) *Window {
	return &Window{From: from, UpTo: slices.Clone(from), Batches: make([][]BatchEnd, len(from)),
		versions: map[int64]*entente.Version{}, contents: map[entente.ObjectID][]heldContent{}, known: make([]int64, len(from)), commitments: map[int64]entente.Commitment{}}
}

// arriving is what was read of one log.
type arriving struct {
	batches []arrivingBatch
	arrived []arrival
}

type arrival struct {
	held       heldContent
	line       entente.Line
	source     int64 // the number of line.Source
	digest     entente.Digest
	commitment entente.Commitment
	bytes      []byte
}

type arrivingBatch struct {
	first, last, added int64
	ids                []entente.ObjectID
}

// arrivals reads whole batches of one accept log. A departure is a batch of its own, and
// ends what is read: what was there before it has to be judged before it is gone.
func (t *Tx) arrivals(ctx context.Context, log, after, upTo int64, limit int) (out arriving, more bool, err error) {
	if after >= upTo {
		return out, false, nil
	}
	end := upTo
	gone, err := t.numbers(ctx, `SELECT gone FROM line WHERE feed = $1 AND gone > $2 AND gone <= $3 AND gone <> 0 ORDER BY gone LIMIT 1`, log, after, upTo)
	if err != nil {
		return out, false, err
	}
	if len(gone) == 1 {
		end = gone[0] - 1
	}
	ends, err := t.numbers(ctx, `SELECT last FROM submission WHERE feed = $1 AND last > $2 AND last <= $3 ORDER BY last LIMIT $4`, log, after, end, limit)
	if err != nil {
		return out, false, err
	}
	rows, err := t.query(ctx, `SELECT l.seq, l.added, l.source, l.gone, l.newer, l.later, l.rival,
		c.content, c.id, c.spec, c.micros, c.rest, c.salt, c.digest, c.body FROM line l JOIN content c ON c.content = l.content
		WHERE l.feed = $1 AND l.seq > $2 AND l.seq <= $3 ORDER BY l.seq LIMIT $4`, log, after, end, 2*limit+1)
	if err != nil {
		return out, false, err
	}
	defer rows.Close()
	size, n := 0, 0
	for rows.Next() {
		var a arrival
		var id string
		var salt, digest []byte
		l := &a.line
		if err := rows.Scan(&l.Seq, &l.Added, &a.source, &l.Gone, &l.Newer, &l.Spec, &l.Rival, &a.held.content, &id, &a.held.spec, &a.held.key.Micros, &a.held.key.Rest, &salt, &digest, &a.bytes); err != nil {
			return out, false, err
		}
		a.digest = digestOf(digest)
		a.commitment = entente.Commit(salt, a.digest)
		a.held.id, l.Content = entente.ObjectID(id), a.held.content
		seq := l.Seq
		b := len(out.batches) - 1
		for len(ends) > 0 && ends[0] < seq {
			ends = ends[1:]
		}
		// A batch ends where it was noted, or where too much has come of it: logs from before
		// batches were noted have none.
		if b < 0 || seq > out.batches[b].last {
			if n >= limit || size > windowBytes {
				more = true
				break
			}
			last := end
			if len(ends) > 0 {
				last = ends[0]
			}
			out.batches = append(out.batches, arrivingBatch{first: seq, last: min(last, seq+int64(limit)-1)})
			b++
		}
		k := &out.batches[b]
		k.added = l.Added
		k.ids = append(k.ids, a.held.id)
		out.arrived = append(out.arrived, a)
		size += len(a.bytes)
		n++
	}
	if err := rows.Close(); err != nil {
		return out, false, err
	}
	switch {
	case len(out.batches) > 0:
		if !more {
			// Positions without lines at the end belong to the last batch.
			out.batches[len(out.batches)-1].last = end
			more = end < upTo
		}
		return out, more, nil
	case len(gone) == 1:
		b, err := t.departures(ctx, log, gone[0])
		out.batches = append(out.batches, b)
		return out, b.last < upTo, err
	}
	out.batches = append(out.batches, arrivingBatch{first: end, last: end})
	return out, false, nil
}

// windowBytes bounds what a window holds of one log, in bytes of contents.
const windowBytes = 16 << 20

// departures reads what left an accept log at a position.
func (t *Tx) departures(ctx context.Context, log, at int64) (arrivingBatch, error) {
	b := arrivingBatch{first: at, last: at}
	ids, err := t.strings(ctx, `SELECT DISTINCT c.id FROM line l JOIN content c ON c.content = l.content WHERE l.feed = $1 AND l.gone = $2 AND l.gone <> 0`, log, at)
	for _, id := range ids {
		b.ids = append(b.ids, entente.ObjectID(id))
	}
	slices.Sort(b.ids)
	if err != nil {
		return b, err
	}
	// What came into view again by it has its lines right behind it, and has not come anew.
	again, err := t.numbers(ctx, `SELECT seq FROM moved WHERE feed = $1 AND seq > $2 ORDER BY seq LIMIT 1000`, log, at)
	for _, seq := range again {
		if seq == b.last+1 {
			b.last = seq
		}
	}
	if err == nil {
		err = t.queryRow(ctx, `SELECT COALESCE(MAX(added), 0) FROM line WHERE feed = $1 AND seq <= $2 AND seq > $3`, log, at, at-1000).Scan(&b.added)
	}
	return b, err
}

// TouchedOf lists objects that decisions ask to judge again, at most limit, that are due.
func (t *Tx) TouchedOf(ctx context.Context, agreement, now int64, limit int) ([]Touched, error) {
	rows, err := t.query(ctx, `SELECT object, mark FROM touched WHERE agreement = $1 AND due <= $2 ORDER BY object LIMIT $3`, agreement, now, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Touched
	for rows.Next() {
		var x Touched
		if err := rows.Scan(&x.Object, &x.Mark); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// Covered tells whether an agreement has a feed of the collection with a home feed.
func (t *Tx) Covered(ctx context.Context, home int64) (bool, error) {
	n, err := t.numbers(ctx, `SELECT r.feed FROM release_feed r WHERE r.collection IN (SELECT id FROM collection WHERE feed = $1) LIMIT 1`, home)
	return len(n) > 0, err
}

// AgreementsBehind lists the numbers of active agreements for which there is something to
// judge, or that have a change under way.
func (t *Tx) AgreementsBehind(ctx context.Context, now int64) ([]int64, error) {
	return t.numbers(ctx, `SELECT a.num FROM agreement a WHERE length(a.work) > 0 OR a.state = 'active' AND (
		EXISTS (SELECT 1 FROM release_feed r JOIN collection k ON k.id = r.collection JOIN feed f ON f.feed = k.feed WHERE r.agreement = a.num AND f.head > r.seen)
		OR EXISTS (SELECT 1 FROM touched x WHERE x.agreement = a.num AND x.due <= $1)) ORDER BY a.num`, now)
}
