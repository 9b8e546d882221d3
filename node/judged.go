package node

import (
	"context"
	"encoding/json"
	"slices"

	"entente"
	"entente/ledger"
	"entente/store"
)

// judged makes the events of a turn of an applier, one for each feed of which it judged
// something: what entered and what left, and of the rest how much which rule kept back. So
// the figures of what was withheld come from the ledger.
func (n *Node) judged(ctx context.Context, t *store.Tx, lib *store.Library, w store.Advancing, staged bool) ([]store.EventRow, error) {
	if n.unrecorded {
		return nil, nil
	}
	moved := map[int64]entente.Change{}
	need := map[int64]bool{}
	for _, c := range w.Feeds {
		moved[c.Feed] = c
		for _, l := range c.Lines {
			need[l.Content] = true
		}
	}
	for _, x := range w.HeldBack {
		need[x.Content] = true
	}
	for _, x := range w.Advanced.Waits {
		need[x.Content] = need[x.Content] || x.Fresh
	}
	contents := make([]int64, 0, len(need))
	for c, yes := range need {
		if yes {
			contents = append(contents, c)
		}
	}
	slices.Sort(contents)
	known, err := lib.Commitments(contents)
	if err != nil {
		return nil, err
	}
	for _, c := range w.Contents { // copies that are not stored yet
		known[c.Content] = entente.Commit(c.Salt, c.Version.Digest)
	}
	var rows []store.EventRow
	for place, f := range w.Agreement.Feeds {
		e := entente.Event{Kind: "judge", Time: entente.FormatMicros(w.Now), Head: w.Seen[place], Rules: rulings(w, place, known)}
		e.About = map[string]string{"agreement": w.Agreement.ID, "feed": f.ID, "collection": f.Collection}
		e.Terms = &entente.TermsRef{Hash: w.Agreement.Hash.String(), Version: w.Agreement.Version}
		if staged {
			e.Result, e.Terms.Version = "staged", w.Agreement.Work.Version
		}
		if e.Entries, e.Gone, err = moves(ctx, t, moved[f.Feed], known); err != nil {
			return nil, err
		}
		if e.Entries == nil && e.Gone == nil && len(e.Rules) == 0 {
			continue
		}
		all, err := n.eventRows(w.Now, e, nil)
		if err != nil {
			return nil, err
		}
		rows = append(rows, all...)
	}
	return rows, nil
}

// moves are the entries that a change of a feed appends, and those that it takes out.
func moves(ctx context.Context, t *store.Tx, c entente.Change, known map[int64]entente.Commitment) (entered, gone *entente.Range, err error) {
	in, out := map[int64]entente.Commitment{}, map[int64]entente.Commitment{}
	for _, l := range c.Lines {
		if in[l.Seq] = known[l.Content]; l.Gone != 0 {
			out[l.Seq] = known[l.Content]
		}
	}
	var left []int64
	for _, m := range c.Marks {
		if m.Field == entente.MarkGone {
			left = append(left, m.Seq)
		}
	}
	if len(left) > 0 {
		was, err := t.PageCommitments(ctx, c.Feed, left)
		if err != nil {
			return nil, nil, err
		}
		for seq, x := range was {
			out[seq] = x
		}
	}
	return entente.RangeOf(in, false), entente.RangeOf(out, true), nil
}

// rulings counts the submissions of a turn that did not enter by what kept them back.
func rulings(w store.Advancing, place int, known map[int64]entente.Commitment) map[string]entente.Counted {
	by := map[entente.Reason][]int64{}
	for _, x := range w.HeldBack {
		if x.Place == place {
			by[x.Reason] = append(by[x.Reason], x.Content)
		}
	}
	for _, x := range w.Advanced.Waits {
		if x.Place == place && x.Fresh {
			by[x.Reason] = append(by[x.Reason], x.Content)
		}
	}
	if len(by) == 0 {
		return nil
	}
	out := map[string]entente.Counted{}
	for reason, contents := range by {
		slices.Sort(contents)
		all := make([]entente.Commitment, len(contents))
		for i, c := range contents {
			all[i] = known[c]
		}
		out[reason.String()] = *entente.CountVersions(all)
	}
	return out
}

// noteFeeds records what happens to all feeds of an agreement together, with what members
// see of it.
func (n *Node) noteFeeds(ctx context.Context, t *store.Tx, kind string, a *entente.Agreement, head func(entente.ReleaseFeed) int64, shown []entente.Event) error {
	now := n.now()
	at, err := afterFeedEvents(ctx, t, now)
	if err != nil {
		return err
	}
	e := entente.Event{Kind: kind, About: map[string]string{"agreement": a.ID}, Result: string(a.State)}
	e.Terms = entente.TermsTold(a.Hash, a.Version, &a.Terms)
	for _, f := range a.Feeds {
		e.Feeds = append(e.Feeds, entente.FeedHead{Feed: f.ID, Head: head(f)})
	}
	// What else waits to be entered is none of the members' business, and moves their events on by nothing.
	rows, err := n.eventRowsAt(at, now, e, shown)
	if err != nil {
		return err
	}
	return t.PutEvents(ctx, rows)
}

// afterFeedEvents gives a time behind those of all events about feeds that wait to be entered
// into the ledger. The sequencer goes by times, and processes whose clocks do not agree, or a
// clock that is set back, would have it tell of a feed in another order than things happened.
func afterFeedEvents(ctx context.Context, t *store.Tx, now int64) (int64, error) {
	last, err := t.FeedEventsWait(ctx)
	return max(now, last+1), err
}

// putJudged keeps the events of a turn, in the transaction of what they tell.
func putJudged(ctx context.Context, t *store.Tx, rows []store.EventRow) error {
	if len(rows) == 0 {
		return nil
	}
	at, err := afterFeedEvents(ctx, t, rows[0].At)
	if err != nil {
		return err
	}
	rows = slices.Clone(rows)
	for i := range rows {
		if rows[i].At == at {
			continue
		}
		var e entente.Event
		if err := json.Unmarshal(rows[i].Body, &e); err != nil {
			return err
		}
		e.Time, rows[i].At = entente.FormatMicros(at), at
		if rows[i].Body, err = ledger.Canonical(e); err != nil {
			return err
		}
	}
	return t.PutEvents(ctx, rows)
}
