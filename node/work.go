package node

import (
	"context"
	"slices"

	"entente"
	"entente/store"
)

// doWork makes a change of an agreement: what enters and leaves by it is staged beyond the
// heads of its feeds, and becomes visible at once, together with the new state. A change
// that was broken off is begun anew.
func (p *applier) doWork(ctx context.Context, a *entente.Agreement) error {
	began := *a.Work
	staged := slices.ContainsFunc(a.Feeds, func(f entente.ReleaseFeed) bool { return f.Staged() })
	for said := false; staged; said = true {
		err := p.update(ctx, func(t *store.Tx) error {
			done, err := t.Unstage(ctx, a, unstageLines)
			staged = !done
			if err != nil || said {
				return err
			}
			return p.n.noteFeeds(ctx, t, "unstage", a, func(f entente.ReleaseFeed) int64 { return f.Head }, nil)
		})
		if err != nil {
			return err
		}
	}
	p.standing.Begin(a)
	p.wide = true
	defer func() { p.wide, p.closing, p.anew, p.reach = false, false, nil, 0 }()
	s := &staging{applier: p, change: began}
	for {
		var more bool
		err := p.n.besideIntake(ctx, true, func() (err error) { more, err = s.once(ctx); return err })
		if err != nil || !more {
			return err
		}
	}
}

// unstageLines is how many staged lines are taken back at a time.
const unstageLines = 20_000

// staging is one change under way.
type staging struct {
	*applier
	change   entente.Work
	at, upTo []int64 // by place: how far the logs are judged, and to where they are
}

// once stages a part of the change, or flips if nothing is left. It reports whether there
// is more to do.
func (s *staging) once(ctx context.Context) (more bool, err error) {
	var r *turn
	var a *entente.Agreement
	err = s.n.st.View(ctx, func(t *store.Tx) (err error) {
		r = nil
		if a, err = t.AgreementNum(ctx, s.num); err != nil {
			return err
		}
		if a == nil || a.Work == nil || a.Work.ID != s.change.ID || a.Work.Step.At != s.change.Step.At {
			a = nil
			return nil // it was called off
		}
		was := a.Terms
		if err := s.under(ctx, t, a); err != nil {
			return err
		}
		s.closing = a.Version != 0 && closes(&was, &a.Terms)
		if s.at == nil {
			s.anew = &entente.Anew{}
			for _, f := range a.Feeds {
				s.at, s.upTo = append(s.at, 0), append(s.upTo, max(f.LogHead, f.Seen))
				s.anew.Tails = append(s.anew.Tails, f.Tail)
			}
		}
		staged := *a
		staged.Feeds = slices.Clone(a.Feeds)
		for i := range staged.Feeds {
			staged.Feeds[i].LastAdded = store.StagedAdded(staged.Feeds[i].Tail)
		}
		r, err = s.read(ctx, t, &staged, s.at, s.upTo)
		return err
	})
	if err != nil || a == nil {
		return false, err
	}
	if r == nil {
		flipped, err := s.flip(ctx, a)
		return !flipped, err
	}
	s.at = r.seen
	w := r.write
	w.Staged = true
	w.Seen = nil
	for _, f := range a.Feeds {
		w.Seen = append(w.Seen, f.Seen) // it counts when it is visible
	}
	if err := s.put(ctx, r, w); err != nil {
		return true, err
	}
	s.anew.Add(w.Anew)
	return true, nil
}

// closes tells whether what was released under terms may refer to what others ask for and is
// not there.
func closes(was, now *entente.Terms) bool {
	return !now.OpenReferences && (was.OpenReferences || slices.ContainsFunc(was.Vocabularies, func(id string) bool {
		return !slices.Contains(now.Vocabularies, id)
	}))
}

// under puts an agreement under the terms that the change brings.
func (s *staging) under(ctx context.Context, t *store.Tx, a *entente.Agreement) error {
	all, err := t.TermsVersions(ctx, a.Num)
	for _, v := range all {
		if v.Number == s.change.Version {
			a.Terms, a.Hash = v.Terms, v.Hash
		}
	}
	return err
}

// flip makes what is staged visible, with the new state. It does not if somebody has decided
// something in between: that is judged first.
func (s *staging) flip(ctx context.Context, a *entente.Agreement) (done bool, err error) {
	now := *a
	now.State, now.Version, now.Work, now.Closed = s.change.To, s.change.Version, nil, false
	step := s.change.Step
	err = s.update(ctx, func(t *store.Tx) error {
		as, err := t.HoldAgreement(ctx, a.ID) // a suspension of this moment comes before or after, and is not undone
		if err != nil {
			return err
		}
		if as == nil || as.Work == nil || as.Work.ID != s.change.ID || as.Work.Step.At != step.At {
			return entente.Errorf(entente.Conflict, "the change of the agreement was called off")
		}
		if done = as.Touches == a.Touches; !done {
			return nil
		}
		if err := t.Flip(ctx, &now, s.at, s.n.now()); err != nil {
			return err
		}
		shown := now.StateShown(a, s.n.home, s.n.now())
		if err := s.n.noteFeeds(ctx, t, "flip", &now, func(f entente.ReleaseFeed) int64 { return f.Tail }, shown); err != nil {
			return err
		}
		return t.Apply(ctx, entente.Change{Agreement: &now, Step: &step})
	})
	if err == nil {
		wake(s.n.apply)
	}
	return done, err
}
