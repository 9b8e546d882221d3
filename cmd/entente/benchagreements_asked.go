package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"entente"
	"entente/node"
)

// beside is what goes on while an agreement is activated.
type beside struct {
	name  string        // of the intake
	what  string        // and what it is
	batch int           // objects that are taken in at a time
	each  time.Duration // from one batch to the next, 0 for as soon as the one before is in
	poll  time.Duration // from one page of the reader to the next
}

// busyActivations activate further agreements while intake goes on and a partner reads: at a
// rate that is asked for, and as fast as one client can.
func (s *sharing) busyActivations(ctx context.Context) error {
	held := s.objects
	for i, b := range []beside{
		{"steady intake", fmt.Sprintf("%d objects/s in batches of %d", s.rate, s.rateBatch), s.rateBatch, time.Duration(s.rateBatch) * time.Second / time.Duration(s.rate), 50 * time.Millisecond},
		{"full intake", "as fast as one client can, in batches of 1000", 1000, 0, 5 * time.Millisecond},
	} {
		if err := s.n.SettleAll(ctx); err != nil {
			return err
		}
		if err := s.n.CatchUp(ctx, nil); err != nil {
			return err
		}
		taken, err := s.activateBeside(ctx, fmt.Sprintf("busy-%d", i), held, b)
		if err != nil {
			return err
		}
		held += taken
	}
	return nil
}

// activateBeside activates an agreement over as many objects as are held, and gives how many
// were taken in meanwhile. Afterwards the agreement is suspended.
func (s *sharing) activateBeside(ctx context.Context, agreement string, held int, b beside) (taken int, err error) {
	working, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	var reads times
	began := time.Now()
	var took time.Duration // of intake
	others.Go(func() {
		for due := began; working.Err() == nil; due = due.Add(b.each) {
			wait(working, time.Until(due))
			if working.Err() != nil || s.take(ctx, "bench", s.gen.envelope(held+taken, b.batch)) != nil {
				break
			}
			taken += b.batch
		}
		took = time.Since(began)
	})
	others.Go(func() {
		for due := began; working.Err() == nil; due = due.Add(b.poll) {
			wait(working, time.Until(due))
			began := time.Now()
			if s.page(ctx, "first", 0) != nil {
				return
			}
			reads = append(reads, time.Since(began))
		}
	})
	err = s.agree(ctx, agreement, "bench")
	activated := time.Since(began)
	stop()
	others.Wait()
	if err != nil {
		return taken, err
	}
	for _, f := range []figure{
		{Name: fmt.Sprintf("activation beside %s (%s) and a reader (a page every %v)", b.name, b.what, b.poll), Value: float64(held) / activated.Seconds(), Unit: "objects/s"},
		{Name: "intake reached meanwhile, " + b.name, Value: float64(taken) / took.Seconds(), Unit: "objects/s"},
		{Name: "pages of another agreement read meanwhile, " + b.name, Value: float64(len(reads)) / took.Seconds(), Unit: "pages/s"},
		{Name: "page of another agreement meanwhile, median, " + b.name, Value: reads.at(0.5), Unit: "ms"},
		{Name: "page of another agreement meanwhile, p99, " + b.name, Value: reads.at(0.99), Unit: "ms"},
	} {
		s.add(f)
	}
	a, err := s.n.AgreementNamed(ctx, s.who, agreement)
	if err == nil {
		_, err = s.n.Do(ctx, s.who, entente.SuspendAgreement{Agreement: a.ID, Reason: "bench"})
	}
	return taken, err
}

// wait waits, but not beyond the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// page reads a page of 100 of an agreement's feed, behind a position.
func (s *sharing) page(ctx context.Context, agreement string, after int64) error {
	all, err := s.n.Collections(ctx, entente.LocalActor(), agreement)
	if err == nil {
		_, err = s.n.Feed(ctx, entente.LocalActor(), all[0], node.Query{After: after, Limit: 100, BytesOnly: true})
	}
	return err
}

// asked measures explanations, and a preview of terms under which everything leaves.
func (s *sharing) asked(ctx context.Context) error {
	var t times
	for i := range 200 {
		began := time.Now()
		if _, err := s.n.Explain(ctx, s.who, "first", entente.ObjectID(s.gen.id(i*7%s.objects))); err != nil {
			return err
		}
		t = append(t, time.Since(began))
	}
	s.add(figure{Name: "explain, median", Value: t.at(0.5), Unit: "ms"})
	s.add(figure{Name: "explain, p99", Value: t.at(0.99), Unit: "ms"})
	a, err := s.n.AgreementNamed(ctx, s.who, "first")
	if err != nil {
		return err
	}
	of := a.Terms
	of.Highest = entente.TLPClear
	began := time.Now()
	p, err := s.n.Preview(ctx, s.who, node.PreviewOptions{Agreement: "first", Terms: &of, Limit: 10})
	if err != nil {
		return err
	}
	if p.Agreements[0].Leaves < int64(s.objects) {
		return entente.Errorf(entente.Internal, "the preview tells that %d leave", p.Agreements[0].Leaves)
	}
	s.add(figure{Name: "preview of terms by which everything leaves", Value: time.Since(began).Seconds(), Unit: "s"})
	return nil
}

// stopped measures how long a suspension takes, after which the next request is refused.
func (s *sharing) stopped(ctx context.Context) error {
	if err := s.agree(ctx, "third", "other"); err != nil {
		return err
	}
	a, err := s.n.AgreementNamed(ctx, s.who, "third")
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := s.n.Do(ctx, s.who, entente.SuspendAgreement{Agreement: a.ID, Reason: "bench"}); err != nil {
		return err
	}
	s.add(figure{Name: "a suspension, until it is in force", Value: float64(time.Since(began).Microseconds()) / 1000, Unit: "ms"})
	return nil
}

func (s *sharing) pages(ctx context.Context) error {
	const agreement = "first"
	for _, where := range []string{"first", "last"} {
		var t times
		for range 300 {
			after := int64(0)
			if where == "last" {
				after = int64(s.objects - 100)
			}
			began := time.Now()
			if err := s.page(ctx, agreement, after); err != nil {
				return err
			}
			t = append(t, time.Since(began))
		}
		s.add(figure{Name: fmt.Sprintf("%s page of 100 of a release feed, median", where), Value: t.at(0.5), Unit: "ms"})
		s.add(figure{Name: fmt.Sprintf("%s page of 100 of a release feed, p99", where), Value: t.at(0.99), Unit: "ms"})
	}
	return nil
}
