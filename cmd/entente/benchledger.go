package main

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/api"
	"entente/node"
)

func (b *bench) ledgerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Measure what the ledger costs: intake and pages with it and without, in turns",
		Long: `Measures, in one process and in turns, what a node does with its ledger and
without: intake, and pages of 100 objects over HTTP with one client and with 16. A page is
sent once its event is durable, so the time that the disk takes for that is printed
beside. Then how fast events are entered into the logs, and what one takes on disk.

With --db the PostgreSQL server named must allow databases to be made.`,
		Example: "  entente bench ledger --objects 100000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.objects < 10_000 {
				return usagef("--objects must be 10000 or more")
			}
			b.db = b.a.db
			if !cmd.Flags().Changed("db") {
				b.db = ""
			}
			return b.inPlace(cmd.Context(), b.disk, b.ledgerIntake, b.ledgerPages)
		},
	}
	cmd.Flags().IntVar(&b.objects, "objects", 100_000, "how many objects")
	return cmd
}

const (
	intakeWithout = "intake without the ledger"
	intakeWith    = "intake with the ledger"
)

// ledgerRounds is how often each measurement is made on either side, in turns: the machine
// may have other work.
const ledgerRounds = 5

// median is the middle one of several rates.
func median(rates []float64) float64 {
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// ledgerIntake measures intake in turns.
func (b *bench) ledgerIntake(ctx context.Context) error {
	var rates [2][]float64
	each := b.objects / ledgerRounds
	var worlds [2]*sharing
	for i := range worlds {
		s, end, err := b.worldOf(ctx, []string{"without", "with"}[i], node.Config{Unrecorded: i == 0})
		if err != nil {
			return err
		}
		defer end()
		worlds[i] = s
	}
	for round := range ledgerRounds {
		for i, s := range worlds {
			rate, err := s.intake(ctx, round*each, each)
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], rate)
			if err := s.n.CatchUp(ctx, nil); err != nil { // so that it does not go on beside the other's turn
				return err
			}
		}
	}
	b.add(figure{Name: intakeWithout, Value: median(rates[0]), Unit: "objects/s"})
	b.add(b.of(figure{Name: intakeWith, Value: median(rates[1]), Unit: "objects/s"}, intakeWithout))
	return nil
}

// ledgerPages measures pages in turns, from one database by two nodes.
func (b *bench) ledgerPages(ctx context.Context) error {
	s, end, err := b.world(ctx, "pages")
	if err != nil {
		return err
	}
	defer end()
	if _, err := s.intake(ctx, 0, 10_000); err != nil {
		return err
	}
	if err := s.n.CatchUp(ctx, nil); err != nil {
		return err
	}
	without, err := node.Open(ctx, s.st, node.Config{Unrecorded: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	secret, path, err := s.pageReader(ctx)
	if err != nil {
		return err
	}
	var get [2]func(clients int, during time.Duration) (float64, times, error)
	for i, n := range []*node.Node{without, s.n} {
		base, stop, err := serveBench(n)
		if err != nil {
			return err
		}
		defer stop()
		get[i] = func(clients int, during time.Duration) (float64, times, error) {
			return getPages(ctx, base+path, secret, clients, during)
		}
	}
	if err := s.n.CatchUpLedger(ctx); err != nil {
		return err
	}
	size, err := s.sizeOf(ctx, "pages.db")
	if err != nil {
		return err
	}
	sent := 0
	for _, clients := range []int{1, 16} {
		names := []string{"pages without their events, ", "pages with their events, "}
		for i := range names {
			names[i] += map[int]string{1: "one client", 16: "16 clients"}[clients]
		}
		var rates [2][]float64
		var waits [2]times
		for range ledgerRounds {
			for i := range get {
				rate, t, err := get[i](clients, 600*time.Millisecond)
				if err != nil {
					return err
				}
				rates[i], waits[i] = append(rates[i], rate), append(waits[i], t...)
				if i == 1 {
					sent += len(t)
				}
			}
		}
		b.add(figure{Name: names[0], Value: median(rates[0]), Unit: "pages/s"})
		b.add(b.of(figure{Name: names[1], Value: median(rates[1]), Unit: "pages/s"}, names[0]))
		b.add(figure{Name: names[0] + ", median", Value: waits[0].at(0.5), Unit: "ms"})
		b.add(figure{Name: names[1] + ", median", Value: waits[1].at(0.5), Unit: "ms"})
	}
	if err := s.n.CatchUpLedger(ctx); err != nil {
		return err
	}
	after, err := s.sizeOf(ctx, "pages.db")
	if err != nil {
		return err
	}
	if b.db == "" {
		b.add(figure{Name: "on disk for an event of a page", Value: float64(after-size) / float64(sent), Unit: "bytes"})
	}
	return b.entered(ctx, s)
}

// entered measures the sequencer: events that lie in the inbox.
func (b *bench) entered(ctx context.Context, s *sharing) error {
	const events = 20_000
	account := entente.Actor{Account: entente.Account{ID: s.who.Account.ID, Organisation: s.who.Account.Organisation}}
	var wg sync.WaitGroup
	began := time.Now()
	for range 50 {
		wg.Go(func() {
			for range events / 50 {
				s.n.Deny(ctx, account, "bench", "GET /nothing/", entente.Errorf(entente.NotFound, "nothing"))
			}
		})
	}
	wg.Wait()
	if err := s.n.CatchUpLedger(ctx); err != nil {
		return err
	}
	b.add(figure{Name: "events kept and entered, 50 at once", Value: events / time.Since(began).Seconds(), Unit: "events/s"})
	return nil
}

// pageReader makes an account that reads, and gives its secret and the path of a page.
func (s *sharing) pageReader(ctx context.Context) (secret, path string, err error) {
	c, err := s.n.CollectionNamed(ctx, entente.LocalActor(), "bench")
	if err != nil {
		return "", "", err
	}
	if secret, err = s.n.NewSecret(); err != nil {
		return "", "", err
	}
	r, err := s.n.Do(ctx, entente.LocalActor(), entente.AddAccount{Name: "reader", Service: true})
	for _, cmd := range []entente.Command{entente.AddToken{Account: r.ID, Hash: sha256.Sum256([]byte(secret))}, entente.SetGrant{Account: r.ID, Collection: c.ID, Read: true}} {
		if err == nil {
			_, err = s.n.Do(ctx, entente.LocalActor(), cmd)
		}
	}
	return secret, "/api1/collections/" + c.ID + "/objects/?limit=100", err
}

// serveBench serves a node over the loopback interface.
func serveBench(n *node.Node) (base string, stop func(), err error) {
	server, err := api.New(n, api.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, entente.Wrap(entente.Unavailable, err, "no port can be had: "+err.Error())
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), func() { cancel(); <-ended }, nil
}

// getPages asks for a page again and again.
func getPages(ctx context.Context, url, secret string, clients int, during time.Duration) (rate float64, all times, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	waits, errs := make([]times, clients), make([]error, clients)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			for errs[i] == nil && time.Since(began) < during {
				start := time.Now()
				errs[i] = getPage(ctx, client, url, secret, io.Discard)
				waits[i] = append(waits[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	for i := range clients {
		all = append(all, waits[i]...)
		if errs[i] != nil {
			err = errs[i]
		}
	}
	return float64(len(all)) / took.Seconds(), all, err
}

func getPage(ctx context.Context, client *http.Client, url, secret string, into io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Accept", taxiiType)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(into, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return entente.Errorf(entente.Internal, "GET %s: status %d", url, res.StatusCode)
	}
	return nil
}

// sizeOf is what a database has on disk, in bytes, once its journal is written into it.
func (s *sharing) sizeOf(ctx context.Context, name string) (int64, error) {
	if s.db != "" {
		return 0, nil
	}
	if _, err := s.st.Flush(ctx); err != nil {
		return 0, err
	}
	st, err := os.Stat(filepath.Join(s.dir, name))
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
