package entente

import (
	"slices"
	"strings"
	"time"
)

// Stop is a block on a partner: it reads and posts nothing from the next request on. It is
// placed by one person, ratified by a second within [RatifyWithin], and lifted by two.
// While any stop stands on a partner, the partner is stopped; no clock ends one.
type Stop struct {
	ID           string // UUID
	Organisation string // id of the partner
	Reason       string
	Basis        string // the legal basis
	By           string // id of the account that placed it
	At           int64  // microseconds since 1970
	RatifiedBy   string // id, "" while nobody did
	Ratified     int64
	Review       int64  // when it is to be looked at again, 0 for no date; it never lifts the stop
	LiftBy       string // id of the first account that wants it lifted
	LiftAsked    int64
	LiftReason   string
	LiftBacklog  string // what of the time of the stop the partner is to get: see [ParseBacklog]
	LiftedBy     string // id of the second
	Lifted       int64  // 0 while it stands
}

// RatifyWithin is how long a stop may stand unratified before the reviewer is alarmed, in
// microseconds. It stays all the same.
const RatifyWithin = 24 * 3600 * 1_000_000

// Stands tells whether the stop is in force.
func (s Stop) Stands() bool { return s.Lifted == 0 }

// Unratified tells that nobody has ratified a standing stop within [RatifyWithin], which
// calls for the reviewer.
func (s Stop) Unratified(now int64) bool {
	return s.Stands() && s.Ratified == 0 && now-s.At > RatifyWithin
}

// ReviewDue tells that a standing stop is to be looked at again.
func (s Stop) ReviewDue(now int64) bool { return s.Stands() && s.Review != 0 && s.Review <= now }

// DoorOpen is the one rule of whether accounts of an organisation may do anything at all,
// by the stops on it. It is asked on every request. The partner learns that it is
// stopped, and not why: that is for people to say.
func DoorOpen(o Organisation, stops []Stop) error {
	if o.Home {
		return nil
	}
	for _, s := range stops {
		if s.Organisation == o.ID && s.Stands() {
			return Errorf(Forbidden, "the exchange with your organisation is stopped: nothing is read or posted until the stop is lifted")
		}
	}
	return nil
}

// PlaceStop stops a partner from the next request on.
type PlaceStop struct {
	Organisation  string // id of a partner
	Reason, Basis string
	Review        int64 // microseconds since 1970, 0 for no date
}

// RatifyStop is a second person's word that a stop is right.
type RatifyStop struct {
	Why
	Stop string // id
}

// AskLift is the first of the two words that lift a stop. Asked again, the later word counts.
type AskLift struct {
	Stop    string // id
	Reason  string
	Backlog string // see [ParseBacklog]
}

// Lift is the second word: of another person than the one who asked, and to the same
// backlog. Both decide the same.
type Lift struct {
	Why
	Stop    string // id
	Backlog string // see [ParseBacklog]
}

func (PlaceStop) command()  {}
func (RatifyStop) command() {}
func (AskLift) command()    {}
func (Lift) command()       {}

func decidePlaceStop(c PlaceStop, f Facts) (Change, error) {
	m, err := Authorise(f, StopPartner, c.Organisation)
	if err != nil {
		return Change{}, err
	}
	if _, err := f.partner(c.Organisation); err != nil {
		return Change{}, err
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if err := requireText("legal basis", c.Basis, maxDescription); err != nil {
		return Change{}, err
	}
	if c.Review != 0 && c.Review <= f.Now {
		return Change{}, Errorf(Invalid, "the review date is past already; it says when the stop is looked at again, and never lifts it")
	}
	s := Stop{ID: f.NewID, Organisation: c.Organisation, Reason: c.Reason, Basis: c.Basis, Review: c.Review, By: f.Actor.Account.ID, At: f.Now}
	ch := Change{Stop: &s, Receipt: Receipt{ID: s.ID, Mandate: m}}
	for _, r := range f.Reach {
		ch.Gaps = append(ch.Gaps, StopGap{Stop: s.ID, Organisation: s.Organisation, Feed: r.Feed, Gap: Gap{After: r.Head}})
	}
	return ch, nil
}

// standing is a stop that the actor may decide about, with the mandate for it.
func (f Facts) standing(id string) (Stop, Mandate, error) {
	i := slices.IndexFunc(f.Stops, func(s Stop) bool { return s.ID == id })
	var about []string
	if i >= 0 {
		about = []string{f.Stops[i].Organisation}
	}
	m, err := Authorise(f, StopPartner, about...)
	switch {
	case err != nil:
		return Stop{}, m, err
	case i < 0:
		return Stop{}, m, Errorf(NotFound, "there is no such stop")
	case !f.Stops[i].Stands():
		return Stop{}, m, Errorf(Conflict, "that stop was lifted at %s", FormatMicros(f.Stops[i].Lifted))
	}
	return f.Stops[i], m, nil
}

func decideRatifyStop(c RatifyStop, f Facts) (Change, error) {
	s, m, err := f.standing(c.Stop)
	switch {
	case err != nil:
		return Change{}, err
	case s.Ratified != 0:
		return Change{}, Errorf(Conflict, "that stop was ratified at %s", FormatMicros(s.Ratified))
	case s.By == f.Actor.Account.ID:
		return Change{}, Errorf(Forbidden, "you placed this stop; a second person ratifies it")
	}
	s.Ratified, s.RatifiedBy = f.Now, f.Actor.Account.ID
	return Change{Stop: &s, Receipt: Receipt{ID: s.ID, Mandate: m}}, nil
}

func decideAskLift(c AskLift, f Facts) (Change, error) {
	s, m, err := f.standing(c.Stop)
	if err != nil {
		return Change{}, err
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	b, err := ParseBacklog(c.Backlog)
	if err != nil {
		return Change{}, err
	}
	s.LiftBy, s.LiftAsked, s.LiftReason, s.LiftBacklog = f.Actor.Account.ID, f.Now, c.Reason, b.String()
	return Change{Stop: &s, Receipt: Receipt{ID: s.ID, Mandate: m}}, nil
}

func decideLift(c Lift, f Facts) (Change, error) {
	s, m, err := f.standing(c.Stop)
	switch {
	case err != nil:
		return Change{}, err
	case s.LiftAsked == 0:
		return Change{}, Errorf(Conflict, "nobody has asked to lift this stop; lifting takes two people, and the first of them asks")
	case s.LiftBy == f.Actor.Account.ID:
		return Change{}, Errorf(Forbidden, "you asked to lift this stop; a second person lifts it")
	}
	b, err := ParseBacklog(c.Backlog)
	if err != nil {
		return Change{}, err
	}
	if b.String() != s.LiftBacklog {
		return Change{}, Errorf(Conflict, "the first person asked for the backlog %q, and two people lift a stop only where they decide the same; say that, or ask anew", s.LiftBacklog)
	}
	s.Lifted, s.LiftedBy = f.Now, f.Actor.Account.ID
	ch := Change{Stop: &s, Receipt: Receipt{ID: s.ID, Mandate: m}}
	for _, r := range f.Reach {
		ch.Gaps = append(ch.Gaps, StopGap{Stop: s.ID, Organisation: s.Organisation, Feed: r.Feed, Gap: r.LeftOut(b)})
	}
	return ch, nil
}

// FeedReach is how far a release feed is when a partner is stopped, or a stop is lifted.
type FeedReach struct {
	Feed    int64
	Head    int64
	Stopped int64 // the head when the stop was placed, 0 for a feed that was not there
	Before  int64 // the last position that was added before the moment of a choice since:TIME
}

// LeftOut is what the partner does not get of the feed by a choice of backlog when the stop is
// lifted; it is empty where nothing is to be left out.
func (r FeedReach) LeftOut(b Backlog) Gap {
	g := Gap{After: r.Stopped}
	switch {
	case b.All:
	case b.Since != 0:
		g.UpTo = min(r.Before, r.Head)
	default:
		g.UpTo = r.Head
	}
	g.UpTo = max(g.UpTo, g.After)
	return g
}

// StopGap is the [Gap] that a stop leaves in a release feed. While the stop stands its end
// is 0: nothing is read then.
type StopGap struct {
	Stop         string // id
	Organisation string // id
	Feed         int64
	Gap
}

// Backlog says what a partner gets of that which it missed: nothing, all, or what came
// in from a moment on. There is no default: whoever lets data flow again has chosen.
type Backlog struct {
	All   bool
	Since int64 // microseconds since 1970, 0 where it is all or nothing
}

// ParseBacklog reads none, all, or since: with a time of RFC 3339 after 1970.
func ParseBacklog(s string) (Backlog, error) {
	switch s {
	case "none":
		return Backlog{}, nil
	case "all":
		return Backlog{All: true}, nil
	case "":
		return Backlog{}, Errorf(Invalid, "say what is to be sent of that which is there already or was missed: --backlog none, all, or since:TIME (since:2026-01-31T12:00:00Z); there is no default")
	}
	if text, ok := strings.CutPrefix(s, "since:"); ok {
		at, err := time.Parse(time.RFC3339Nano, text)
		if micros := at.UnixMicro(); err == nil && micros > 0 {
			return Backlog{Since: micros}, nil
		}
	}
	return Backlog{}, Errorf(Invalid, "%q is no backlog: it is none, all, or since:TIME (since:2026-01-31T12:00:00Z)", clip(s))
}

// String writes a backlog as [ParseBacklog] reads it.
func (b Backlog) String() string {
	switch {
	case b.All:
		return "all"
	case b.Since != 0:
		return "since:" + FormatMicros(b.Since)
	}
	return "none"
}
