package store

import (
	"context"

	"entente"
	"entente/stix"
)

// submitFacts reads what a Submit rests on.
func (t *Tx) submitFacts(ctx context.Context, f *entente.Facts, c entente.Submit) error {
	if err := t.throughFacts(ctx, f, c.Through); err != nil {
		return err
	}
	if err := t.feedFacts(ctx, f, c.Collection, idsOf(c.Versions)); err != nil {
		return err
	}
	source := f.Home.ID
	if c.Through != "" {
		source = f.Actor.Account.Organisation
		if err := t.leftBy(ctx, f, source); err != nil {
			return err
		}
	}
	if err := t.creators(ctx, f, source, c.Versions); err != nil {
		return err
	}
	if err := t.dissentFacts(ctx, f, c.Versions); err != nil {
		return err
	}
	return t.versionings(ctx, f.Known, f.Compared(c))
}

// deleteFacts reads what a DeleteObject rests on.
func (t *Tx) deleteFacts(ctx context.Context, f *entente.Facts, c entente.DeleteObject) error {
	if err := t.throughFacts(ctx, f, c.Through); err != nil {
		return err
	}
	if err := t.feedFacts(ctx, f, c.Collection, []entente.ObjectID{c.Object}); err != nil || f.Collection == nil {
		return err
	}
	var seqs []int64
	for _, k := range f.Known[c.Object] {
		for _, l := range k.Lines {
			if l.Gone == 0 {
				seqs = append(seqs, l.Seq)
			}
		}
	}
	var err error
	if f.Batches, err = t.batches(ctx, f.Collection.Feed, seqs); err != nil {
		return err
	}
	if err := t.creators(ctx, f, f.Home.ID, nil); err != nil || f.Through == nil {
		return err
	}
	if err := t.leftBy(ctx, f, f.Actor.Account.Organisation); err != nil {
		return err
	}
	for _, feed := range f.Through.Feeds {
		if feed.Collection != c.Collection {
			continue
		}
		if f.Gaps, err = t.Gaps(ctx, f.Actor.Account.Organisation, feed.Feed); err != nil {
			return err
		}
		shown, err := t.Known(ctx, feed.Feed, []entente.ObjectID{c.Object})
		if err != nil {
			return err
		}
		if f.Shown = shown[c.Object]; len(f.Shown) > 0 {
			f.Originals, err = t.originals(ctx, feed.Feed, f.Shown)
			return err
		}
	}
	return nil
}

// throughFacts reads the agreement that a command comes through.
func (t *Tx) throughFacts(ctx context.Context, f *entente.Facts, agreement string) (err error) {
	if agreement != "" {
		f.Through, err = t.Agreement(ctx, agreement)
	}
	return err
}

// creators fills in who made objects, and whose those identities are, for the objects that
// have lines of another source than the given one. Versions are those that come in now.
func (t *Tx) creators(ctx context.Context, f *entente.Facts, source string, versions []*entente.Version) error {
	places := map[int64]*entente.Known{}
	several := map[entente.ObjectID]bool{}
	var contents []int64
	for id, known := range f.Known {
		for i := range known {
			for _, l := range known[i].Lines {
				several[id] = several[id] || l.Source != source
			}
		}
		for i := range known {
			if several[id] && len(known[i].Lines) > 0 {
				places[known[i].Content], contents = &known[i], append(contents, known[i].Content)
			}
		}
	}
	if len(contents) == 0 {
		return nil
	}
	in, arg := t.s.d.ints("$1", contents)
	rows, err := t.query(ctx, `SELECT content, body FROM content WHERE content IN `+in, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var content int64
		var body []byte
		if err := rows.Scan(&content, &body); err != nil {
			return err
		}
		if v, ok := stix.Versioning(body); ok && v.CreatedBy != "" {
			places[content].CreatedBy = v.CreatedBy
			names = append(names, string(v.CreatedBy))
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	for _, v := range versions {
		if several[v.ID] && v.CreatedBy != "" {
			names = append(names, string(v.CreatedBy))
		}
	}
	if len(names) == 0 {
		return nil
	}
	f.Owners, err = t.owners(ctx, names)
	return err
}

// owners gives the organisations that STIX identities belong to, as far as they do.
func (t *Tx) owners(ctx context.Context, identities []string) (map[entente.ObjectID]string, error) {
	in, arg := t.s.d.texts("$1", identities)
	rows, err := t.query(ctx, `SELECT id, organisation FROM own_identity WHERE id IN `+in, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[entente.ObjectID]string{}
	for rows.Next() {
		var id, organisation string
		if err := rows.Scan(&id, &organisation); err != nil {
			return nil, err
		}
		out[entente.ObjectID(id)] = organisation
	}
	return out, rows.Err()
}

// leftBy fills in which organisation deleted what a source supplied and is gone.
func (t *Tx) leftBy(ctx context.Context, f *entente.Facts, source string) error {
	var gone []int64
	for _, known := range f.Known {
		for _, k := range known {
			for _, l := range k.Lines {
				if l.Source == source && l.Gone != 0 {
					gone = append(gone, l.Gone)
				}
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	f.LeftBy = map[int64]string{}
	in, arg := t.s.d.ints("$1", gone)
	rows, err := t.query(ctx, `SELECT x.n, COALESCE((SELECT a.organisation FROM account a WHERE a.id = `+batchOf("account")+`), '') FROM `+in+` AS x`, arg, f.Collection.Feed)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var organisation string
		if err := rows.Scan(&seq, &organisation); err != nil {
			return err
		}
		f.LeftBy[seq] = organisation
	}
	return rows.Err()
}

// batchOf finds in SQL what the batch of the position x.n says, of the feed $2.
func batchOf(column string) string {
	return `(SELECT s.` + column + ` FROM submission s WHERE s.feed = $2 AND s.last >= x.n ORDER BY s.last LIMIT 1)`
}

// Via gives the numbers of the agreements through which lines of an accept log came, by
// position; 0 for none.
func (t *Tx) Via(ctx context.Context, feed int64, seqs []int64) (map[int64]int64, error) {
	all, err := t.batches(ctx, feed, seqs)
	out := make(map[int64]int64, len(all))
	for seq, b := range all {
		out[seq] = b.Via
	}
	return out, err
}

// batches gives what is kept of the batches in which lines of a feed came, by position.
func (t *Tx) batches(ctx context.Context, feed int64, seqs []int64) (map[int64]entente.Batch, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	in, arg := t.s.d.ints("$1", seqs)
	rows, err := t.query(ctx, `SELECT x.n, COALESCE(`+batchOf("account")+`, ''), COALESCE(`+batchOf("via")+`, 0) FROM `+in+` AS x`, arg, feed)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]entente.Batch{}
	for rows.Next() {
		var seq int64
		var b entente.Batch
		if err := rows.Scan(&seq, &b.Account, &b.Via); err != nil {
			return nil, err
		}
		out[seq] = b
	}
	return out, rows.Err()
}

// putBatches keeps of a change who submitted or deleted what it appends: a row for each run
// of positions that have it in common, named by the last of them.
func (t *Tx) putBatches(ctx context.Context, c entente.Change) error {
	put := func(last int64, b entente.Batch) error {
		_, err := t.exec(ctx, `INSERT INTO submission (feed, last, account, via) VALUES ($1, $2, $3, $4)`, c.Feed, last, b.Account, b.Via)
		return err
	}
	now := c.Batch
	for _, l := range c.Lines {
		of := c.Batch
		if l.Batch != nil {
			of = *l.Batch
		}
		if of != now {
			// A line with a batch of its own comes behind the position of what it came back by.
			if err := put(l.Seq-1, now); err != nil {
				return err
			}
			now = of
		}
	}
	return put(c.Head, now)
}

// originals gives, by the positions of lines that carry stamped copies, what was submitted.
func (t *Tx) originals(ctx context.Context, feed int64, known []entente.Known) (map[int64]int64, error) {
	var seqs []int64
	for _, k := range known {
		for _, l := range k.Lines {
			seqs = append(seqs, l.Seq)
		}
	}
	out := map[int64]int64{}
	in, arg := t.s.d.ints("$2", seqs)
	return out, t.pairs(ctx, `SELECT seq, original FROM stamped WHERE feed = $1 AND seq IN `+in, []any{feed, arg}, func(seq, original int64) { out[seq] = original })
}
