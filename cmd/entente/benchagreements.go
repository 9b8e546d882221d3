package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/stix"
	"entente/store"
	"entente/terms"
)

// sharing measures agreements.
type sharing struct {
	*bench
	st  *store.Store
	who entente.Actor // who decides
	n   *node.Node
}

func (b *bench) agreementsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agreements",
		Short: "Measure what agreements cost: intake beside them, appliers, activation, pages",
		Long: `Measures, within one process: intake with no agreement, with 50 that do not cover
the collection, and with 10 that do; how fast their appliers append and when they
have caught up; how soon a new version stands in 10 feeds of an idle node;
activating an agreement over everything, idle, beside a steady intake (--rate, in
batches of --rate-batch) and beside one as fast as one client can, each with a
reader who polls pages; and pages of a partner within the process and over HTTP, idle
and while intake runs, each with its event in the ledger. The intake that was really
reached meanwhile stands beneath each activation.

With --db the PostgreSQL server named must allow databases to be made.`,
		Example: "  entente bench agreements --objects 300000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.objects < 1000 {
				return usagef("--objects must be 1000 or more")
			}
			if b.rate < 1 || b.rateBatch < 1 || b.rateBatch > 1000 {
				return usagef("--rate must be 1 or more; --rate-batch 1 to 1000")
			}
			b.db = b.a.db
			if !cmd.Flags().Changed("db") {
				b.db = ""
			}
			return b.inPlace(cmd.Context(), b.agreements)
		},
	}
	cmd.Flags().IntVar(&b.objects, "objects", 100_000, "how many objects")
	cmd.Flags().IntVar(&b.rate, "rate", 2000, "objects a second of the steady intake")
	cmd.Flags().IntVar(&b.rateBatch, "rate-batch", 250, "objects of a batch of it")
	return cmd
}

// world makes a node with a collection and a partner, and runs its background work.
func (b *bench) world(ctx context.Context, name string) (*sharing, func(), error) {
	return b.worldOf(ctx, name, node.Config{})
}

func (b *bench) worldOf(ctx context.Context, name string, c node.Config) (*sharing, func(), error) {
	url, drop, err := store.Scratch(ctx, b.db, filepath.Join(b.dir, name+".db"))
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(ctx, store.Options{URL: url})
	if err != nil {
		return nil, nil, err
	}
	s := &sharing{bench: b, st: st}
	c.Log = slog.New(slog.DiscardHandler)
	if s.n, err = node.Open(ctx, st, c); err != nil {
		return nil, nil, err
	}
	running, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { _ = s.n.Run(running) })
	end := func() {
		stop()
		background.Wait()
		st.Close()
		drop()
		_ = removeAll(b.dir, name)
	}
	for _, c := range []entente.Command{
		entente.AddCollection{Name: "bench"}, entente.AddCollection{Name: "other"}, entente.AddPartner{Name: "partner"},
		entente.AddAccount{Name: "boss", Roles: []entente.Role{entente.Releaser}},
	} {
		if err == nil {
			_, err = s.n.Do(ctx, entente.LocalActor(), c)
		}
	}
	if err == nil {
		err = s.signIn(ctx)
	}
	if err == nil {
		err = s.take(ctx, "bench", []byte(`{"objects":[{"type":"identity","spec_version":"2.1","id":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"Bench","identity_class":"organization","object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}]}`))
	}
	if err != nil {
		end()
	}
	return s, end, err
}

func (s *sharing) signIn(ctx context.Context) error {
	acc, err := s.n.AccountNamed(ctx, entente.LocalActor(), "boss")
	if err != nil {
		return err
	}
	secret, err := s.n.NewSecret()
	if err != nil {
		return err
	}
	if _, err := s.n.Do(ctx, entente.LocalActor(), entente.AddToken{Account: acc.ID, Hash: sha256.Sum256([]byte(secret))}); err != nil {
		return err
	}
	s.who, err = s.n.SignInToken(ctx, secret)
	return err
}

func (s *sharing) take(ctx context.Context, collection string, envelope []byte) error {
	c, err := s.n.CollectionNamed(ctx, entente.LocalActor(), collection)
	if err != nil {
		return err
	}
	_, err = s.n.Intake(ctx, entente.LocalActor(), c.ID, stix.NewReader(bytes.NewReader(envelope)), node.IntakeOptions{})
	return err
}

// intake takes in objects from one number on, and gives how many a second.
func (s *sharing) intake(ctx context.Context, first, count int) (float64, error) {
	var took time.Duration
	for n := 0; n < count; n += 1000 {
		envelope := s.gen.envelope(first+n, min(1000, count-n))
		began := time.Now()
		if err := s.take(ctx, "bench", envelope); err != nil {
			return 0, err
		}
		took += time.Since(began)
	}
	return float64(count) / took.Seconds(), nil
}

// agree makes an agreement over a collection, and puts it in force with all there is.
func (s *sharing) agree(ctx context.Context, name, collection string) error {
	c, err := s.n.CollectionNamed(ctx, entente.LocalActor(), collection)
	if err != nil {
		return err
	}
	p, err := s.n.PartnerNamed(ctx, entente.LocalActor(), "partner")
	if err != nil {
		return err
	}
	of := entente.Terms{Name: name, Title: name, Purpose: "bench", Highest: entente.TLPGreen, Collections: []string{c.ID},
		Members: []entente.Member{{Organisation: p.ID, Flow: entente.Receives}}}
	version := entente.TermsVersion{Hash: terms.Hash(of), Terms: of, Canonical: terms.Canonical(of), File: []byte("bench")}
	r, err := s.n.Do(ctx, s.who, entente.DraftTerms{Terms: version})
	for _, c := range []entente.Command{entente.ProposeAgreement{Agreement: r.ID},
		entente.AcceptAgreement{Agreement: r.ID, Organisation: p.ID, Hash: version.Hash, Said: "bench"},
		entente.ActivateAgreement{Agreement: r.ID, Backlog: "all"}} {
		if err == nil {
			_, err = s.n.Do(ctx, s.who, c)
		}
	}
	if err == nil {
		err = s.n.Settle(ctx, name, nil)
	}
	return err
}

const (
	aloneIntake   = "intake, no agreement"
	besideNothing = "intake, no agreement, in turns with the next"
	besideNone    = "intake beside 50 agreements over another collection"
	besideTen     = "intake beside 10 agreements over the collection"
)

func (b *bench) agreements(ctx context.Context) error {
	for _, f := range []func(context.Context) error{b.alone, b.uncovered, b.covered} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) alone(ctx context.Context) error {
	s, end, err := b.world(ctx, "alone")
	if err != nil {
		return err
	}
	defer end()
	rate, err := s.intake(ctx, 0, b.objects)
	if err != nil {
		return err
	}
	b.add(figure{Name: aloneIntake, Value: rate, Unit: "objects/s"})
	if err := s.n.CatchUp(ctx, nil); err != nil {
		return err
	}
	began := time.Now()
	if err := s.agree(ctx, "first", "bench"); err != nil {
		return err
	}
	b.add(figure{Name: "activation over all of it", Value: float64(b.objects) / time.Since(began).Seconds(), Unit: "objects/s"})
	for _, f := range []func(context.Context) error{s.pages, s.partnerPages, s.asked, s.stopped, s.busyActivations, s.partnerPagesUnderIntake} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// uncovered measures intake with and without agreements over another collection. What they cost is less than what
// a shared machine differs by from minute to minute, so each goes before the other in turn.
func (b *bench) uncovered(ctx context.Context) error {
	const turns = 6
	var rates [2][]float64
	for turn := range turns {
		for k := range 2 {
			with := (turn + k) % 2
			rate, err := b.besideOthers(ctx, with*50, b.objects/turns)
			if err != nil {
				return err
			}
			rates[with] = append(rates[with], rate)
		}
	}
	b.add(figure{Name: besideNothing, Value: median(rates[0]), Unit: "objects/s"})
	b.add(b.of(figure{Name: besideNone, Value: median(rates[1]), Unit: "objects/s"}, besideNothing))
	return nil
}

// besideOthers is the rate of an intake beside some agreements over another collection.
func (b *bench) besideOthers(ctx context.Context, agreements, objects int) (float64, error) {
	s, end, err := b.world(ctx, "beside")
	if err != nil {
		return 0, err
	}
	defer end()
	for i := range agreements {
		if err := s.agree(ctx, fmt.Sprintf("agreement-%d", i), "other"); err != nil {
			return 0, err
		}
	}
	return s.intake(ctx, 0, objects)
}

func (b *bench) covered(ctx context.Context) error {
	s, end, err := b.world(ctx, "covered")
	if err != nil {
		return err
	}
	defer end()
	const feeds = 10
	for i := range feeds {
		if err := s.agree(ctx, fmt.Sprintf("agreement-%d", i), "bench"); err != nil {
			return err
		}
	}
	began := time.Now()
	rate, err := s.intake(ctx, 0, b.objects)
	if err != nil {
		return err
	}
	b.add(b.of(figure{Name: besideTen, Value: rate, Unit: "objects/s"}, aloneIntake))
	ended := time.Now()
	if err := s.n.SettleAll(ctx); err != nil {
		return err
	}
	b.add(figure{Name: "until the 10 feeds had it all, after intake", Value: time.Since(ended).Seconds(), Unit: "s"})
	b.add(figure{Name: "appended by appliers, intake and after", Value: float64(feeds*b.objects) / time.Since(began).Seconds(), Unit: "entries/s"})
	b.add(figure{Name: "appended by appliers after intake, at least", Value: float64(feeds*b.objects) / max(time.Since(ended).Seconds(), time.Since(began).Seconds()-ended.Sub(began).Seconds()/feeds), Unit: "entries/s"})
	if err := s.n.CatchUp(ctx, nil); err != nil {
		return err
	}
	var t times
	for i := range 30 {
		time.Sleep(50 * time.Millisecond)
		before, err := s.heads(ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := s.take(ctx, "bench", s.gen.envelope(b.objects+i, 1)); err != nil {
			return err
		}
		for done := false; !done; time.Sleep(time.Millisecond) {
			now, err := s.heads(ctx)
			if err != nil {
				return err
			}
			done = !slices.ContainsFunc(before, func(h int64) bool { return slices.Contains(now, h) }) || len(now) == 0
			if time.Since(began) > 30*time.Second {
				return entente.Errorf(entente.Internal, "a new version was not in the feeds within 30 s")
			}
		}
		t = append(t, time.Since(began))
	}
	b.add(figure{Name: "a new version in 10 feeds of an idle node, median", Value: t.at(0.5), Unit: "ms"})
	b.add(figure{Name: "a new version in 10 feeds of an idle node, p90", Value: t.at(0.9), Unit: "ms"})
	return nil
}

// heads are those of all release feeds: each entry moves one.
func (s *sharing) heads(ctx context.Context) ([]int64, error) {
	all, err := s.n.Agreements(ctx, entente.LocalActor())
	var out []int64
	for _, a := range all {
		for _, f := range a.Feeds {
			out = append(out, f.Head)
		}
	}
	return out, err
}
