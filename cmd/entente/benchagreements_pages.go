package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"sync"
	"time"

	"entente"
)

// partnerReader is a partner's service that reads the first agreement over HTTP.
type partnerReader struct {
	base, secret string
	stop         func()
}

// partnerReader serves the node, and gives the partner an account.
func (s *sharing) partnerReader(ctx context.Context, name string) (r partnerReader, err error) {
	p, err := s.n.PartnerNamed(ctx, entente.LocalActor(), "partner")
	if err != nil {
		return r, err
	}
	a, err := s.n.AgreementNamed(ctx, s.who, "first")
	if err != nil {
		return r, err
	}
	if r.secret, err = s.n.NewSecret(); err != nil {
		return r, err
	}
	acc, err := s.n.Do(ctx, entente.LocalActor(), entente.AddAccount{Name: name, Organisation: p.ID, Service: true})
	if err == nil {
		_, err = s.n.Do(ctx, entente.LocalActor(), entente.AddToken{Account: acc.ID, Hash: sha256.Sum256([]byte(r.secret))})
	}
	if err != nil {
		return r, err
	}
	r.base, r.stop, err = serveBench(s.n)
	r.base += "/first/collections/" + a.Feeds[0].ID + "/objects/"
	return r, err
}

const pagesFor = 3 * time.Second

// partnerPages measures a partner's pages on an idle node, and reading the whole feed.
func (s *sharing) partnerPages(ctx context.Context) error {
	r, err := s.partnerReader(ctx, "idle reader")
	if err != nil {
		return err
	}
	defer r.stop()
	_, t, err := getPages(ctx, r.base+"?limit=100", r.secret, 1, pagesFor)
	if err != nil {
		return err
	}
	s.add(figure{Name: "page of 100 for a partner over HTTP, median", Value: t.at(0.5), Unit: "ms"})
	s.add(figure{Name: "page of 100 for a partner over HTTP, p99", Value: t.at(0.99), Unit: "ms"})
	client := &http.Client{}
	defer client.CloseIdleConnections()
	count, query, began := 0, "?limit=1000", time.Now()
	for query != "" {
		var page bytes.Buffer
		if err := getPage(ctx, client, r.base+query, r.secret, &page); err != nil {
			return err
		}
		count += bytes.Count(page.Bytes(), []byte(`"type":"indicator"`))
		query = ""
		if m := nextCursor.FindSubmatch(page.Bytes()[:min(page.Len(), 4096)]); m != nil {
			query = "?limit=1000&next=" + url.QueryEscape(string(m[1]))
		}
	}
	took := time.Since(began)
	if count != s.objects {
		return entente.Errorf(entente.Internal, "a partner read %d of %d objects", count, s.objects)
	}
	s.add(figure{Name: "reading a whole feed in pages of 1,000 over HTTP", Value: float64(count) / took.Seconds(), Unit: "objects/s"})
	return nil
}

// partnerPagesUnderIntake measures a partner's pages while intake runs as fast as one client
// can, and appliers follow.
func (s *sharing) partnerPagesUnderIntake(ctx context.Context) error {
	if err := s.n.SettleAll(ctx); err != nil {
		return err
	}
	r, err := s.partnerReader(ctx, "busy reader")
	if err != nil {
		return err
	}
	defer r.stop()
	taking, stop := context.WithCancel(ctx)
	taken, began := 0, time.Now()
	var intake sync.WaitGroup
	intake.Go(func() {
		for taking.Err() == nil && s.take(taking, "bench", s.gen.envelope(10*s.objects+taken, 1000)) == nil {
			taken += 1000
		}
	})
	_, t, err := getPages(ctx, r.base+"?limit=100", r.secret, 1, pagesFor)
	stop()
	intake.Wait()
	if err != nil {
		return err
	}
	s.add(figure{Name: "page of 100 for a partner over HTTP while intake runs, median", Value: t.at(0.5), Unit: "ms"})
	s.add(figure{Name: "page of 100 for a partner over HTTP while intake runs, p99", Value: t.at(0.99), Unit: "ms"})
	s.add(figure{Name: "intake while a partner reads", Value: float64(taken) / time.Since(began).Seconds(), Unit: "objects/s"})
	return nil
}
