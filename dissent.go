package entente

import "slices"

// Stance is what an opinion says about its objects (STIX 2.1 §10.23).
type Stance uint8

// The stances, from the one most against to the one most for.
const (
	NoStance Stance = iota // it says nothing for or against
	StronglyDisagree
	Disagree
	Neutral
	Agree
	StronglyAgree
)

// DissentLabel marks a note as dissent. STIX has no property of a note that says so; labels
// are what its §3.2 has for classifying an object, and every tool keeps and shows them.
const DissentLabel = "dissent"

var stanceNames = [...]string{"", "strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"}

// String is the value that an opinion has in STIX.
func (s Stance) String() string { return stanceNames[s] }

// ParseStance reads the value of an opinion; it is [NoStance] for what is none.
func ParseStance(s string) Stance { return Stance(max(slices.Index(stanceNames[:], s), 0)) }

// Against tells whether a stance is dissent.
func (s Stance) Against() bool { return s == Disagree || s == StronglyDisagree }

// For tells whether a stance agrees.
func (s Stance) For() bool { return s == Agree || s == StronglyAgree }

// AddDissent puts dissent of home's own, an opinion or a note marked as dissent, into a
// collection. Who may read the collection and has the duty to dissent needs no right to
// write there: nobody is kept from dissenting by what he was not granted.
type AddDissent struct {
	Collection string // id
	Version    *Version
}

// StrikeDissent marks dissent of home's own as struck. It is not taken away: it stays where
// it is, shown as struck, and counts no more.
type StrikeDissent struct {
	Dissent ObjectID
	Reason  string
}

// Submit is the submission by which the dissent comes in.
func (c AddDissent) Submit() Submit {
	return Submit{Collection: c.Collection, Versions: []*Version{c.Version}}
}

func (AddDissent) command()    {}
func (StrikeDissent) command() {}

// Strike is an organisation's word that dissent of its own counts no more. It is final, and
// is about all versions of it: whoever dissents again writes another opinion.
type Strike struct {
	ID           string // UUID
	Object       ObjectID
	Organisation string // id
	Account      string // id of who decided
	Role         Role   // the mandate that it rests on
	At           int64  // microseconds since 1970
	Reason       string
}

// HeldDissent tells that a source put dissent into a collection, where it stands.
type HeldDissent struct {
	Collection Collection
	Grant      Grant // the actor's
	Source     string
}

// WaitingObject is an object that waits in an agreement.
type WaitingObject struct {
	Agreement int64 // number
	Object    ObjectID
	Creator   string // the organisation that made it, "" unknown
}

// concerned has the objects judged again that wait, and that dissent of whoever submits it
// may hold back or let go: any for home, for a partner, who comes through an agreement, those
// that it made. Others' dissent touches nothing.
func (f Facts) concerned(through string) []Touch {
	source := f.Home.ID
	if through != "" {
		source = f.Actor.Account.Organisation
	}
	var out []Touch
	for _, w := range f.Waiting {
		if source == f.Home.ID || source == w.Creator {
			out = append(out, Touch{Agreement: w.Agreement, Object: w.Object})
		}
	}
	return out
}

// dissenting adds to the change of a submission what it dissents from.
func (f Facts) dissenting(ch Change, c Submit) Change {
	for i, v := range c.Versions {
		if o := ch.Receipt.Results[i].Outcome; len(v.Dissent) == 0 || o == Deleted || o == Erased || erased(f.Known[v.ID], v.Digest) {
			continue
		}
		content := int64(0)
		if at := find(f.Known[v.ID], v.Digest); at >= 0 {
			content = f.Known[v.ID][at].Content
		}
		for _, n := range ch.Contents {
			if n.Version.Digest == v.Digest && n.Version.ID == v.ID {
				content = n.Content
			}
		}
		for _, about := range v.Dissent {
			ch.Dissent = append(ch.Dissent, DissentOf{Content: content, Dissent: v.ID, About: about})
		}
	}
	ch.Touch = append(ch.Touch, f.concerned(c.Through)...)
	return ch
}

func decideAddDissent(c AddDissent, f Facts) (Change, error) {
	m, err := Authorise(f, Author)
	if err != nil {
		return Change{}, err
	}
	a, err := access(f)
	switch {
	case err != nil:
		return Change{}, err
	case !a.CanRead:
		return Change{}, Errorf(Forbidden, "this account may not read the collection")
	case len(c.Version.Dissent) == 0:
		return Change{}, Errorf(Invalid, "%s dissents from nothing: it is no opinion that disagrees, and no note with the label \"dissent\"", c.Version.ID)
	}
	f.Grant.Write = true
	ch, err := decideSubmit(c.Submit(), f)
	if err != nil {
		return Change{}, err
	}
	ch = f.dissenting(ch, c.Submit())
	ch.Receipt.ID, ch.Receipt.Mandate = string(c.Version.ID), m
	return ch, nil
}

func decideStrike(c StrikeDissent, f Facts) (Change, error) {
	m, err := Authorise(f, Author)
	if err != nil {
		return Change{}, err
	}
	held := slices.DeleteFunc(slices.Clone(f.Dissent), func(h HeldDissent) bool { return !AccessFor(f.Actor, h.Collection, h.Grant).CanRead })
	switch {
	case len(held) == 0:
		return Change{}, Errorf(NotFound, "there is no dissent %s in any collection that you may read", clip(string(c.Dissent)))
	case !slices.ContainsFunc(held, func(h HeldDissent) bool { return h.Source == f.Home.ID }):
		return Change{}, Errorf(Forbidden, "%s is dissent of another organisation, and only that may strike it", c.Dissent)
	case f.Strike != nil:
		return Change{}, Errorf(Conflict, "%s was struck at %s", c.Dissent, FormatMicros(f.Strike.At))
	}
	if err := requireText("reason", c.Reason, maxDescription); err != nil {
		return Change{}, err
	}
	s := Strike{ID: f.NewID, Object: c.Dissent, Organisation: f.Home.ID, Account: f.Actor.Account.ID, Role: m.Role, At: f.Now, Reason: c.Reason}
	return Change{Strike: &s, Touch: f.concerned(""), Receipt: Receipt{ID: s.ID, Mandate: m}}, nil
}
