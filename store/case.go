package store

import (
	"cmp"
	"context"
	"slices"

	"entente"
)

// caseFacts reads what a decision about an object or a standing release rests on, and holds
// the agreements that it is about.
func (t *Tx) caseFacts(ctx context.Context, f *entente.Facts, c entente.Command) (err error) {
	k := &entente.Case{}
	f.Case = k
	var agreement string
	switch c := c.(type) {
	case entente.TakeDecision:
		agreement, k.Object = c.Agreement, c.Object
	case entente.RecordConsent:
		agreement, k.Object = c.Agreement, c.Object
		f.Organisations, err = t.Organisations(ctx)
	case entente.ProposeStanding:
		agreement = c.Agreement
		f.Organisations, err = t.Organisations(ctx)
	case entente.AgreeStanding:
		agreement, err = t.order(ctx, k, c.Order)
	case entente.EndStanding:
		agreement, err = t.order(ctx, k, c.Order)
	case entente.RestrictObject:
		k.Object = c.Object
	case entente.LiftRestriction:
		if k.Limits, err = first(jsonRows[entente.Restriction](ctx, t, `SELECT body FROM restriction WHERE id = $1`, c.Restriction)); k.Limits != nil {
			k.Object = k.Limits.Object
		}
	}
	if err != nil || agreement == "" && k.Object == "" {
		return err
	}
	if agreement == "" {
		return t.concernsOfAll(ctx, k)
	}
	a, err := t.HoldAgreement(ctx, agreement)
	if err != nil || a == nil {
		return err
	}
	if k.Object == "" {
		k.Concerns = []entente.Concern{{Agreement: *a}}
		return nil
	}
	if err := t.concerns(ctx, k, []entente.Agreement{*a}); err != nil {
		return err
	}
	k.Concerns = k.Concerns[:1]
	k.Decisions, err = t.Decisions(ctx, a.Num, []entente.ObjectID{k.Object})
	return err
}

// order reads a standing release and tells the id of its agreement, "" if there is none.
func (t *Tx) order(ctx context.Context, k *entente.Case, id string) (agreement string, err error) {
	// The row is held, so that two people do not agree at once.
	if _, err := t.exec(ctx, `UPDATE standing SET agreement = agreement WHERE id = $1`, id); err != nil {
		return "", err
	}
	k.Order, err = first(jsonRows[entente.StandingRelease](ctx, t, `SELECT body FROM standing WHERE id = $1`, id))
	if k.Order == nil {
		return "", err
	}
	return k.Order.Agreement, err
}

// concernsOfAll finds the agreements in which an object is, or may be.
func (t *Tx) concernsOfAll(ctx context.Context, k *entente.Case) error {
	if _, err := t.exec(ctx, `UPDATE agreement SET closed = closed WHERE state <> 'ended'`); err != nil {
		return err
	}
	return t.allConcerns(ctx, k)
}

// CaseOfAll reads how an object stands in the agreements in which it is, without holding them.
func (t *Tx) CaseOfAll(ctx context.Context, id entente.ObjectID) (*entente.Case, error) {
	k := &entente.Case{Object: id}
	return k, t.allConcerns(ctx, k)
}

func (t *Tx) allConcerns(ctx context.Context, k *entente.Case) error {
	all, err := t.agreementsWhere(ctx, `a.state <> 'ended'`)
	if err != nil {
		return err
	}
	if err := t.concerns(ctx, k, all); err != nil {
		return err
	}
	k.Concerns = slices.DeleteFunc(k.Concerns, func(c entente.Concern) bool { return len(c.Held) == 0 && !c.Stands })
	return nil
}

// Case reads how an object stands in some agreements, without holding them.
func (t *Tx) Case(ctx context.Context, id entente.ObjectID, all []entente.Agreement) (*entente.Case, error) {
	k := &entente.Case{Object: id}
	return k, t.concerns(ctx, k, all)
}

// concerns reads how the object of a case stands in some agreements.
func (t *Tx) concerns(ctx context.Context, k *entente.Case, all []entente.Agreement) error {
	contents, err := t.contentsKept(ctx, k.Object)
	if err != nil {
		return err
	}
	byContent := map[int64]int{}
	for i, h := range contents {
		byContent[h.Content] = i
	}
	originals := map[int64]int64{}
	logs := map[int64]bool{}
	var lines []HeldLine
	waits := map[[2]int64]entente.Reason{}
	if len(contents) > 0 {
		in, arg := t.s.d.ints("$1", keysOf(byContent))
		if err := t.pairs(ctx, `SELECT content, original FROM stamped WHERE content IN `+in, []any{arg}, func(a, b int64) { originals[a] = b }); err != nil {
			return err
		}
		if lines, err = t.linesCarrying(ctx, in, arg); err != nil {
			return err
		}
		if err := t.reasons(ctx, k.Object, all, waits); err != nil {
			return err
		}
		home, err := t.numbers(ctx, `SELECT feed FROM collection`)
		if err != nil {
			return err
		}
		for _, feed := range home {
			logs[feed] = true
		}
	}
	for _, l := range lines {
		if logs[l.Feed] && l.Gone == 0 && !slices.Contains(k.Sources, l.Source) {
			k.Sources = append(k.Sources, l.Source)
		}
	}
	for _, a := range all {
		c := entente.Concern{Agreement: a}
		at := map[int64]*entente.HeldVersion{}
		for _, f := range a.Feeds {
			for _, l := range lines {
				switch {
				case l.Feed == f.Log && l.Gone == 0:
					h := at[l.Content]
					if h == nil {
						x := contents[byContent[l.Content]]
						h = &entente.HeldVersion{Content: l.Content, Digest: x.Digest, Salt: x.Salt, Stamp: cmp.Or(x.stamp, entente.FormatMicros(l.Added)), Waits: waits[[2]int64{a.Num, l.Content}]}
						at[l.Content] = h
					}
					if !slices.Contains(h.Sources, l.Source) {
						h.Sources = append(h.Sources, l.Source)
					}
				case l.Feed == f.Feed && l.Seq <= f.Head && (l.Gone == 0 || l.Gone > f.Head):
					c.Stands = true
				}
			}
		}
		for _, f := range a.Feeds {
			for _, l := range lines {
				if l.Feed != f.Feed || l.Gone != 0 {
					continue
				}
				of := l.Content
				if o, ok := originals[of]; ok {
					of = o
				}
				if h := at[of]; h != nil {
					h.Stands = true
				}
			}
		}
		for _, h := range at {
			c.Held = append(c.Held, *h)
		}
		slices.SortFunc(c.Held, func(x, y entente.HeldVersion) int {
			kx, ky := contents[byContent[x.Content]].Key, contents[byContent[y.Content]].Key
			return cmp.Or(kx.Compare(ky), cmp.Compare(x.Content, y.Content))
		})
		k.Concerns = append(k.Concerns, c)
	}
	return nil
}

// contentKept is one content of an object without its bytes.
type contentKept struct {
	entente.Known
	stamp string
}

// contentsKept reads what contents there are of an object.
func (t *Tx) contentsKept(ctx context.Context, id entente.ObjectID) ([]contentKept, error) {
	rows, err := t.query(ctx, `SELECT content, micros, rest, digest, stamp, salt FROM content WHERE okey = $1 AND id = $2`, id.Fold(), string(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []contentKept
	for rows.Next() {
		var x contentKept
		var digest []byte
		if err := rows.Scan(&x.Content, &x.Key.Micros, &x.Key.Rest, &digest, &x.stamp, &x.Salt); err != nil {
			return nil, err
		}
		copy(x.Digest[:], digest)
		out = append(out, x)
	}
	return out, rows.Err()
}

// linesCarrying reads the lines of all feeds that carry some contents, the home feeds too.
func (t *Tx) linesCarrying(ctx context.Context, in string, arg any) ([]HeldLine, error) {
	rows, err := t.query(ctx, `SELECT l.feed, l.seq, l.content, o.id, `+addedOf+`, l.gone FROM line l`+t.s.d.by("line_content")+`
		JOIN organisation o ON o.num = l.source WHERE l.content IN `+in+` ORDER BY l.feed, l.seq`, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []HeldLine
	for rows.Next() {
		var l HeldLine
		if err := rows.Scan(&l.Feed, &l.Seq, &l.Content, &l.Source, &l.Added, &l.Gone); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// reasons reads why versions of an object wait, by the number of the agreement and the content.
func (t *Tx) reasons(ctx context.Context, id entente.ObjectID, all []entente.Agreement, out map[[2]int64]entente.Reason) error {
	nums := make([]int64, len(all))
	for i, a := range all {
		nums[i] = a.Num
	}
	in, arg := t.s.d.ints("$1", nums)
	rows, err := t.query(ctx, `SELECT agreement, content, reason FROM pending WHERE agreement IN `+in+` AND okey = $2`, arg, id.Fold())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var agreement, content int64
		var reason entente.Reason
		if err := rows.Scan(&agreement, &content, &reason); err != nil {
			return err
		}
		out[[2]int64{agreement, content}] = reason
	}
	return rows.Err()
}
