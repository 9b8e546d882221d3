package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"entente"
	"entente/node"
)

// busyActivation activates another agreement while intake goes on and a partner reads.
func (s *sharing) busyActivation(ctx context.Context) error {
	working, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	var rate float64
	var reads times
	beside.Go(func() {
		first := s.objects
		began := time.Now()
		taken := 0
		for working.Err() == nil {
			if s.take(ctx, "bench", s.gen.envelope(first+taken, 1000)) != nil {
				break
			}
			taken += 1000
		}
		rate = float64(taken) / time.Since(began).Seconds()
	})
	beside.Go(func() {
		for working.Err() == nil {
			began := time.Now()
			if s.page(ctx, "first", 0) != nil {
				return
			}
			reads = append(reads, time.Since(began))
			time.Sleep(5 * time.Millisecond)
		}
	})
	began := time.Now()
	err := s.agree(ctx, "second", "bench")
	took := time.Since(began)
	stop()
	beside.Wait()
	if err != nil {
		return err
	}
	s.add(figure{Name: "activation while intake and a reader go on", Value: float64(s.objects) / took.Seconds(), Unit: "objects/s"})
	s.add(figure{Name: "intake meanwhile", Value: rate, Unit: "objects/s"})
	s.add(figure{Name: "page of another agreement meanwhile, median", Value: reads.at(0.5), Unit: "ms"})
	s.add(figure{Name: "page of another agreement meanwhile, p99", Value: reads.at(0.99), Unit: "ms"})
	return nil
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
