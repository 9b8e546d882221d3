package entente

import (
	"cmp"
	"slices"
)

// Door is the one rule of who comes through an agreement at a moment, in microseconds since
// 1970: accounts of its members while it is in force (see [Agreement.Open]), and who reads
// everything at home, at any time. To others of home it is unknown: they read home's own
// collections.
func (a *Agreement) Door(who Actor, home string, now int64) error {
	who.At = now
	switch {
	case who.Account.Disabled:
		return errNoRoot()
	case !who.Local && who.Account.Organisation != home:
		return a.Open(who.Account.Organisation, now)
	case !who.May(ReadAll) || a.Version == 0:
		return errNoRoot()
	}
	return nil
}

// errNoRoot is the one answer for API roots that are unknown or must not be seen.
func errNoRoot() error { return Errorf(NotFound, "there is no such API root") }

// Listed tells whether discovery names the agreement's API root to its members: until it
// has ended. While it is suspended they find it there, and the reason at the door.
func (a *Agreement) Listed() bool { return a.Version > 0 && a.State != Ended }

// Root is the API root that the agreement is to its members. Bodies of posts have as many
// octets at most as the node's default root takes.
func (a *Agreement) Root(maxContentLength int64) Root {
	return Root{Name: a.Name, Title: cmp.Or(a.Terms.Title, a.Name), Description: a.Terms.Purpose, MaxContentLength: maxContentLength}
}

// Access is what an actor who came through the door may do with one of the agreement's
// feeds. A partner reads where the terms let it receive, and posts where they let it
// contribute; home reads, and writes into its own collections. Of is home's collection: only
// its name is shown. Gaps are those of the actor's organisation in this feed.
func (a *Agreement) Access(who Actor, home string, f ReleaseFeed, of Collection, gaps []Gap) Access {
	out := Access{
		Collection: Collection{ID: f.ID, Root: a.Name, Name: of.Name, Feed: f.Feed, Head: f.Head, LastAdded: f.LastAdded},
		Through:    &Through{Agreement: a.ID, Collection: f.Collection, Staged: f.Staged(), Gaps: gaps, Witnessed: a.Terms.WitnessedProof},
	}
	if who.Local || who.Account.Organisation == home {
		out.CanRead = true
		return out
	}
	if m, ok := a.Terms.Member(who.Account.Organisation); ok {
		out.CanRead, out.CanWrite = m.Receives(), m.Contributes()
	}
	return out
}

// Shown lists the feeds that members see, those whose collections the terms cover, by id.
func (a *Agreement) Shown() []ReleaseFeed {
	var out []ReleaseFeed
	for _, f := range a.Feeds {
		if a.Terms.Covers(f.Collection) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(x, y ReleaseFeed) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

// Gap is a stretch of a release feed, the first position not included, that is not shown to
// one partner: what was appended while it was stopped, as the choice of backlog left it out.
type Gap struct{ After, UpTo int64 }

func inGap(gaps []Gap, seq int64) bool {
	return slices.ContainsFunc(gaps, func(g Gap) bool { return g.After < seq && seq <= g.UpTo })
}
