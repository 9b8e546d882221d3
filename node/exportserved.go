package node

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"entente"
	"entente/ledger"
	"entente/store"
)

// deliveries are the positions of feeds that the main log tells to have been sent.
type deliveries map[sentTo]runs

type sentTo struct{ organisation, feed string }

// runs are positions, as runs that ascend and do not touch.
type runs [][2]int64

// add puts a run among the others.
func (r runs) add(from, to int64) runs {
	i, _ := slices.BinarySearchFunc(r, from, func(x [2]int64, from int64) int { return cmp.Compare(x[1]+1, from) })
	end := i
	for end < len(r) && r[end][0] <= to+1 {
		from, to = min(from, r[end][0]), max(to, r[end][1])
		end++
	}
	return slices.Replace(r, i, end, [2]int64{from, to})
}

// lacks finds a position of other that is not among these, 0 for none.
func (r runs) lacks(other runs) int64 {
	for _, x := range other {
		i, found := slices.BinarySearchFunc(r, x[0], func(y [2]int64, at int64) int {
			switch {
			case y[1] < at:
				return -1
			case y[0] > at:
				return 1
			}
			return 0
		})
		if !found {
			return x[0]
		}
		if r[i][1] < x[1] {
			return r[i][1] + 1
		}
	}
	return 0
}

// add takes an event, if it is a delivery to a partner of a feed's objects.
func (d deliveries) add(e ledger.Entered) error {
	if e.Partner != "" || e.Event.Kind != ledger.KindDeliver {
		return nil
	}
	var of entente.Event
	if err := json.Unmarshal(e.Raw, &of); err != nil {
		return err
	}
	all, _ := entente.ParseSeqs(of.Seqs) // or it had been a fault
	for _, s := range of.Shared {
		if to := (sentTo{s.Partner, of.About["feed"]}); to.feed != "" && of.Content() {
			for _, r := range all {
				d[to] = d[to].add(r[0], r[1])
			}
		}
	}
	return nil
}

// served holds what is noted to have been served against the events that say so: each row
// against the event of the partner's log that it names, and all of them against what the main
// log told. Where events were erased, there may be more.
func (x *exportFiles) served(ctx context.Context, told deliveries, erased bool) error {
	logs := map[int64]store.LedgerLog{}
	for _, l := range x.logs {
		logs[l.Num] = l
	}
	noted := deliveries{}
	var last store.Served
	for more := true; more; {
		page, err := x.t.ServedAll(ctx, last, feedPage)
		if err != nil {
			return err
		}
		for _, s := range page {
			rows, err := x.t.LedgerEntries(ctx, s.Log, s.Index, 1)
			if err != nil {
				return err
			}
			if len(rows) != 1 || rows[0].Index != s.Index || logs[s.Log].Organisation != s.Organisation || s.Last < s.First || !rows[0].Erased() && !says(rows[0], s) {
				return rowFault("ledger_served", "the entries %d to %d of feed %s are said to have been served to partner %s, at %s by entry %d of its log; that entry does not say so",
					s.First, s.Last, s.Feed, s.Organisation, entente.FormatMicros(s.At), s.Index)
			}
			to := sentTo{s.Organisation, s.Feed}
			noted[to] = noted[to].add(s.First, s.Last)
			last = s
		}
		more = len(page) == feedPage
	}
	for to, r := range told {
		if at := noted[to].lacks(r); at != 0 {
			return rowFault("ledger_served", "it does not tell that entry %d of feed %s was served to partner %s, of which the main log has a delivery", at, to.feed, to.organisation)
		}
	}
	for to, r := range noted {
		if at := told[to].lacks(r); at != 0 && !erased {
			return rowFault("ledger_served", "it tells that entry %d of feed %s was served to partner %s, of which the main log has no delivery", at, to.feed, to.organisation)
		}
	}
	return nil
}

// says tells whether an event of a partner's log is the delivery that served something.
func says(e store.LedgerEntry, s store.Served) bool {
	var of entente.Event
	return json.Unmarshal(e.Body, &of) == nil && of.Content() && of.About["feed"] == s.Feed && e.At == s.At
}
