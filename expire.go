package entente

import (
	"slices"
	"strconv"
	"time"
)

// KeptEvent is an event of the main log as far as it matters for erasing it.
type KeptEvent struct {
	ID      string
	Kind    string
	At      int64  // microseconds since 1970
	Partner string // the partner in whose log it stands, "" for the main log
	Entry   string // hexadecimal
	Erased  bool   // its bytes are gone
	Case    string
	Object  ObjectID // that it is about, "" for none
	Shared  []Share
	// PreservedBy is a case under which it is preserved: its own, or one that its object belongs to.
	PreservedBy string
}

// RetentionOf tells to what class a kind of event belongs. What no row names was decided by
// somebody.
func RetentionOf(kind string) Retention {
	for class, kinds := range retentionKinds() {
		if slices.Contains(kinds, kind) {
			return class
		}
	}
	return KeepDecisions
}

func retentionKinds() map[Retention][]string {
	return map[Retention][]string{
		// Without these a ledger does not verify, or what is missing in it is not told.
		KeepForever:     {"judge", "flip", "unstage", "heads", "key", "discontinuity", "erase", "inbox-lost"},
		KeepDisclosures: {"submit", "dissent", "delete", "deliver", "deny", "acknowledge"},
		KeepAccess:      {"sign-in", "sign-in-failed", "read"},
		KeepConfiguration: {"establish", "root-add", "root-edit", "root-remove", "collection-add", "collection-edit", "collection-remove", "partner-add", "partner-edit",
			"role-give", "role-end", "account-add", "account-password", "account-enable", "account-disable", "token-add", "token-remove", "certificate-add",
			"certificate-remove", "grant", "remote-add", "remote-remove", "retention", "account-key", "partner-key-add", "partner-key-remove", "policy",
			"witness-add", "witness-remove"},
	}
}

// Period is for how long something is kept, by the calendar.
type Period struct {
	N    int
	Unit byte // 'd' days, 'm' months, 'y' years; 0 for ever
}

// LegalFloor is how long logs of decisions and disclosures are kept at least (28 CFR 23.20,
// Law Enforcement Directive Art. 25 as it is applied).
func LegalFloor() Period { return Period{3, 'y'} }

// ParsePeriod reads a period: 90d, 18m, 3y, or forever. Invalid for anything else, and for more
// than 100 years.
func ParsePeriod(s string) (Period, error) {
	if s == "forever" {
		return Period{}, nil
	}
	if len(s) > 1 {
		p := Period{Unit: s[len(s)-1]}
		n, err := strconv.Atoi(s[:len(s)-1])
		if p.N = n; err == nil && n > 0 && strconv.Itoa(n) == s[:len(s)-1] && n <= map[byte]int{'d': 36500, 'm': 1200, 'y': 100}[p.Unit] {
			return p, nil
		}
	}
	return Period{}, Errorf(Invalid, "%q is no period such as 90d, 18m, 3y or forever; 100 years are the most", clip(s))
}

// String writes what [ParsePeriod] reads.
func (p Period) String() string {
	if p.Unit == 0 {
		return "forever"
	}
	return strconv.Itoa(p.N) + string(p.Unit)
}

// Ago is the moment that lies the period before now; false where it is for ever. Both are in
// microseconds since 1970.
func (p Period) Ago(now int64) (int64, bool) {
	t := time.UnixMicro(now).UTC()
	switch p.Unit {
	case 'd':
		return t.AddDate(0, 0, -p.N).UnixMicro(), true
	case 'm':
		return t.AddDate(0, -p.N, 0).UnixMicro(), true
	case 'y':
		return t.AddDate(-p.N, 0, 0).UnixMicro(), true
	}
	return 0, false
}

// shorter tells whether the period is shorter than another, seen from now.
func (p Period) shorter(o Period, now int64) bool {
	a, ends := p.Ago(now)
	b, otherEnds := o.Ago(now)
	return ends && (!otherEnds || a > b)
}

// SetRetention says for how long events of a class are kept. Until it is said, all are kept.
type SetRetention struct {
	Class  Retention
	Period Period
	// EvenBelowLaw confirms a period that is shorter than [LegalFloor] asks for; Reason says why.
	EvenBelowLaw bool
	Reason       string
}

// ExpireEvents erases events whose time is over. Those of them whose time is not, or that
// are preserved, stay. The node gives it to itself.
type ExpireEvents struct {
	Events []string // ids, at most [MaxExpire]
}

// MaxExpire is how many events one command erases: their entries stand in one event.
const MaxExpire = 500

func (SetRetention) command() {}
func (ExpireEvents) command() {}

func decideSetRetention(c SetRetention, f Facts) (Change, error) {
	if !slices.Contains(Retentions(), c.Class) {
		return Change{}, Errorf(Invalid, "there is no class %q that a time can be set for; the classes are decision, disclosure, access and configuration", clip(string(c.Class)))
	}
	if err := checkText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	if (c.Class == KeepDecisions || c.Class == KeepDisclosures) && c.Period.shorter(LegalFloor(), f.Now) {
		if !c.EvenBelowLaw {
			return Change{}, Errorf(Conflict, "events of the class %s are kept for %s at least, as laws ask for; where they do not, say so, with the reason (--even-below-law)", c.Class, LegalFloor())
		}
		if err := requireText("reason", c.Reason, maxDescription); err != nil {
			return Change{}, err
		}
	}
	return Change{Retain: map[Retention]Period{c.Class: c.Period}}, nil
}

// expired tells that an event may be erased because its time is over.
func (e *KeptEvent) expired(set map[Retention]Period, now int64) bool {
	class := RetentionOf(e.Kind)
	ago, ends := set[class].Ago(now)
	return class != KeepForever && ends && e.At < ago && e.PreservedBy == "" && !e.Erased && e.Partner == ""
}

func decideExpire(c ExpireEvents, f Facts) (Change, error) {
	if len(c.Events) > MaxExpire {
		return Change{}, Errorf(Invalid, "%d events are more than are erased at once; %d are", len(c.Events), MaxExpire)
	}
	all := slices.DeleteFunc(slices.Clone(f.Expiring), func(e KeptEvent) bool { return !e.expired(f.Retain, f.Now) })
	if len(all) == 0 {
		return Change{}, Errorf(Conflict, "none of these events has passed its time")
	}
	return Change{EraseEvents: all, Receipt: Receipt{Deleted: len(all)}}, nil
}

// freeEvent refuses to erase events that must stay.
func freeEvent(e *KeptEvent) error {
	switch {
	case e == nil:
		return Errorf(NotFound, "the ledger has no event of that id; what was done in the last second is not in it yet")
	case e.Erased:
		return Errorf(Conflict, "that event was erased already")
	case e.Partner != "":
		return Errorf(Invalid, "that is the event in the log of a partner; name the one of the main log that shares it, and both are erased")
	case RetentionOf(e.Kind) == KeepForever:
		return Errorf(Conflict, "an event of the kind %q is never erased: the ledger rests on it, and it names no person", e.Kind)
	case e.PreservedBy != "":
		return Errorf(Conflict, "that event is preserved under the case %q; two people lift that (entente preserve lift)", e.PreservedBy)
	}
	return nil
}

// erasedEvents tell, for the event of an erasure, what was erased: in the main log, and by
// partner in the logs of partners.
func erasedEvents(all []KeptEvent) (main []ErasedEvent, of map[string][]ErasedEvent) {
	of = map[string][]ErasedEvent{}
	for _, e := range all {
		main = append(main, ErasedEvent{Entry: e.Entry, Shared: e.Shared})
		for _, s := range e.Shared {
			main = append(main, ErasedEvent{Entry: s.Entry})
			of[s.Partner] = append(of[s.Partner], ErasedEvent{Entry: s.Entry})
		}
	}
	return main, of
}
