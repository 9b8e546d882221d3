package node

import (
	"context"
	"slices"

	"entente"
	"entente/stix"
	"entente/store"
)

// Explained is what an agreement makes of an object, and why.
type Explained struct {
	Agreement   entente.Agreement
	Object      entente.ObjectID
	Submissions []ExplainedSubmission // by collection and position
	Decisions   []entente.Decision    // about it in this agreement, oldest first
	Restriction *entente.Restriction  // what home's restrictions come to, nil for none
	Consents    []entente.Consent
	// WaitedFor are objects that wait for this one, at most [waitedForMost].
	WaitedFor []entente.ObjectID
	Names     map[string]string // of organisations, collections, accounts and agreements, by id
}

// ExplainedSubmission is one submission with the verdict about it.
type ExplainedSubmission struct {
	entente.Explanation
	Collection string // id
	Feed       string // id
	// Ahead tells that the feed has not been carried on to it yet; what is told of it is what
	// comes of it then.
	Ahead bool
}

const waitedForMost = 100

// Explain tells what the release rule says of every submission of an object in an
// agreement, by all eight rules, and where each stands, for who holds a role at home or
// reads everything. It judges by the state of this moment, as the applier is about to.
func (n *Node) Explain(ctx context.Context, a entente.Actor, agreement string, id entente.ObjectID) (Explained, error) {
	if err := mayKnowPartners(a); err != nil {
		return Explained{}, err
	}
	var out Explained
	err := n.view(ctx, a, func(t *store.Tx) error {
		g, err := agreementNamed(ctx, t, agreement)
		if err != nil {
			return err
		}
		if out, err = n.explained(ctx, t, g, id); err != nil {
			return err
		}
		out.Names, err = allNames(ctx, t)
		return err
	})
	if err == nil && len(out.Submissions) == 0 {
		err = entente.Errorf(entente.NotFound, "no collection that %q covers holds %s", out.Agreement.Name, id)
	}
	return out, err
}

func agreementNamed(ctx context.Context, t *store.Tx, name string) (*entente.Agreement, error) {
	g, err := t.Agreement(ctx, name)
	if err == nil && g == nil {
		err = entente.Errorf(entente.NotFound, "there is no agreement %q; \"entente agreement list\" shows those there are", name)
	}
	return g, err
}

// explained explains in one state.
func (n *Node) explained(ctx context.Context, t *store.Tx, g *entente.Agreement, id entente.ObjectID) (Explained, error) {
	out := Explained{Agreement: *g, Object: id}
	lib, err := n.present(ctx, t, g)
	if err != nil {
		return out, err
	}
	c, err := n.circumstances(ctx, t, g, lib)
	if err != nil {
		return out, err
	}
	all, m, err := entente.Explain(c, lib, id)
	if err != nil {
		return out, err
	}
	for _, e := range all {
		f := g.Feeds[e.Place]
		out.Submissions = append(out.Submissions, ExplainedSubmission{Explanation: e, Collection: f.Collection, Feed: f.ID, Ahead: e.Seq > f.Seen})
	}
	out.Decisions, out.Restriction, out.Consents = m.Decisions, m.Restriction, m.Consents
	out.WaitedFor, err = lib.WaitingFor(id, waitedForMost)
	return out, err
}

// present is a library of the present state of an agreement: all counts that the accept
// logs hold.
func (n *Node) present(ctx context.Context, t *store.Tx, g *entente.Agreement) (*store.Library, error) {
	at := make([]int64, len(g.Feeds))
	for i, f := range g.Feeds {
		at[i] = f.LogHead
	}
	return t.Library(ctx, store.LibraryOptions{Agreement: g, Window: store.NewWindow(at), Settled: at, Parse: stix.Reread, Follower: searchJob, ReferenceKey: referenceKey})
}

// allNames gives the names of organisations, collections, accounts and agreements by id.
func allNames(ctx context.Context, t *store.Tx) (map[string]string, error) {
	names, err := organisationNames(ctx, t)
	if err != nil {
		return nil, err
	}
	collections, err := t.Collections(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range collections {
		names[c.ID] = c.Name
	}
	accounts, err := t.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		names[a.ID] = a.Name
	}
	agreements, err := t.AgreementNames(ctx)
	for id, name := range agreements {
		names[id] = name
	}
	return names, err
}

// Sight is whether a partner can see an object through one agreement, and why.
type Sight struct {
	Agreement string // name; "" where the partner is in none that could show it
	Sees      bool
	Since     int64       // microseconds since 1970: when its entry was added, 0 without one
	Version   string      // as TAXII names it
	Stamp     entente.TLP // what its copy is marked with, [entente.TLPNone] for none
	Ruling    entente.Ruling
	Rule      entente.Rule   // the first that refuses it, 0 for none
	Reason    entente.Reason // of that
	Why       string         // in a sentence
	Contested bool           // it is seen without dissent of home or its maker, that is not released
	Evidence  Evidence       // that the partner has it
	position  int64          // of its entry
}

// WhoSees is one partner with what it can see of an object.
type WhoSees struct {
	Partner entente.Organisation
	Sees    bool // through some agreement
	Through []Sight
}

// Who tells for every partner whether it can see an object, and why or why not.
func (n *Node) Who(ctx context.Context, a entente.Actor, id entente.ObjectID) ([]WhoSees, error) {
	if err := mayKnowPartners(a); err != nil {
		return nil, err
	}
	var out []WhoSees
	err := n.view(ctx, a, func(t *store.Tx) error {
		partners, err := t.Organisations(ctx)
		if err != nil {
			return err
		}
		agreements, err := t.Agreements(ctx)
		if err != nil {
			return err
		}
		epochs, err := epochsOf(ctx, t)
		if err != nil {
			return err
		}
		explained := map[string]Explained{}
		for i := range agreements {
			if explained[agreements[i].ID], err = n.explained(ctx, t, &agreements[i], id); err != nil {
				return err
			}
		}
		for _, p := range partners {
			if p.Home {
				continue
			}
			w := WhoSees{Partner: p}
			stopped := t.Door(ctx, p.ID)
			for i := range agreements {
				g := &agreements[i]
				m, ok := g.Terms.Member(p.ID)
				if !ok {
					continue
				}
				s, place := sight(explained[g.ID])
				if s.Sees {
					gaps, err := t.Gaps(ctx, p.ID, g.Feeds[place].Feed)
					if err != nil {
						return err
					}
					door := g.Open(p.ID, n.now())
					switch {
					case stopped != nil:
						s.Sees, s.Why = false, "it stands in the feed, but the partner is stopped"
					case !m.Receives():
						s.Sees, s.Why = false, "it stands in the feed, but this member contributes only, and reads nothing"
					case slices.ContainsFunc(gaps, func(k entente.Gap) bool { return k.After < s.position && s.position <= k.UpTo }):
						s.Sees, s.Why = false, "it entered the feed while the partner was stopped, and the choice of backlog left it out"
					case door != nil:
						s.Sees, s.Why = false, "it stands in the feed, but the door is shut: "+entente.PublicText(door)
					}
				}
				if s.position != 0 {
					if s.Evidence, err = evidence(ctx, t, p.ID, g.Feeds[place].ID, s.position, epochs); err != nil {
						return err
					}
				}
				w.Sees = w.Sees || s.Sees
				w.Through = append(w.Through, s)
			}
			if len(w.Through) == 0 {
				w.Through = []Sight{{Why: "it is a member of no agreement"}}
			}
			out = append(out, w)
		}
		return nil
	})
	return out, err
}

// sight is what an agreement shows of an object, with the place of the feed: its newest entry, else the verdict about the
// submission that came nearest to being released.
func sight(x Explained) (s Sight, place int) {
	s.Agreement = x.Agreement.Name
	if len(x.Submissions) == 0 {
		s.Why, s.Ruling = "none of the collections that the agreement covers holds it", entente.Withheld
		return s, 0
	}
	var best *ExplainedSubmission
	better := func(e *ExplainedSubmission) bool {
		switch {
		case best == nil:
			return true
		case (e.Entry != nil) != (best.Entry != nil):
			return e.Entry != nil
		case e.Entry != nil:
			return e.Entry.Line.Newer == 0 && (best.Entry.Line.Newer != 0 || e.Entry.Line.Seq > best.Entry.Line.Seq)
		}
		return e.Verdict.Ruling < best.Verdict.Ruling
	}
	for i := range x.Submissions {
		if e := &x.Submissions[i]; better(e) {
			best = e
		}
	}
	s.Version, s.Stamp, s.Ruling = best.VersionName(), best.Verdict.Stamp, best.Verdict.Ruling
	for _, step := range best.Verdict.Steps {
		if step.Ruling == best.Verdict.Ruling && step.Ruling != entente.Released {
			s.Rule, s.Reason, s.Why = step.Rule, step.Reason, step.Saw
			break
		}
	}
	head := x.Agreement.Feeds[best.Place].Head
	switch {
	case best.Entry != nil && best.Entry.Line.Seq <= head:
		s.Sees, s.Since, s.Why, s.position = true, best.Entry.Line.Added, "it stands in the feed", best.Entry.Line.Seq
		s.Rule, s.Reason, s.Contested = 0, entente.NoReason, best.Verdict.Contested
	case best.Entry != nil || best.Verdict.Ruling == entente.Released && !best.Contested:
		s.Why = "it is about to enter the feed"
	case best.Contested:
		s.Why = "another submission has its place"
	}
	return s, best.Place
}

// VersionName is the version as TAXII names it.
func (e *ExplainedSubmission) VersionName() string {
	if text := e.Version.Stamp().Text; text != "" {
		return text
	}
	return entente.FormatMicros(e.Arrived)
}
