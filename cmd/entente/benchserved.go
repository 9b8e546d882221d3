package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"entente"
)

const benchObjects = "/api1/collections/bench/objects/"

// reference measures intake on SQLite, where another engine is what the run is about.
func (b *bench) reference(ctx context.Context) error {
	if b.db == "" {
		return nil
	}
	db := b.db
	b.node, b.db = filepath.Join(b.dir, "reference"), ""
	defer func() { b.db = db }()
	s, err := b.newServer(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	start := time.Now()
	if _, err := b.post(ctx, s, 0, b.objects); err != nil {
		return err
	}
	b.add(figure{Name: onSQLite, Value: float64(b.objects) / time.Since(start).Seconds(), Unit: "objects/s"})
	return nil
}

// newServer makes a node with a collection and serves it.
func (b *bench) newServer(ctx context.Context) (*benchServer, error) {
	n, done, err := (&app{data: b.node, db: b.db}).open(ctx, mayCreate, nil)
	if err != nil {
		return nil, err
	}
	_, err = n.Do(ctx, entente.LocalActor(), entente.AddCollection{Name: "bench", Alias: "bench"})
	done()
	if err != nil {
		return nil, err
	}
	return b.startServer(ctx, "")
}

// served measures the node over HTTP.
func (b *bench) served(ctx context.Context) error {
	b.node = filepath.Join(b.dir, "node")
	s, err := b.newServer(ctx)
	if err != nil {
		return err
	}
	defer func() { s.stop() }()
	for _, step := range []func(context.Context, *benchServer) error{b.intake, b.pages, b.readAll, b.lookups} {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	// The same node once more: how long it takes to start with all that in it.
	password := s.password
	s.stop()
	if s, err = b.startServer(ctx, password); err != nil {
		return err
	}
	b.add(figure{Name: "start to ready", Value: s.ready.Seconds() * 1000, Unit: "ms"})
	if err := b.pagesUnderIntake(ctx, s); err != nil {
		return err
	}
	b.add(figure{Name: "resident memory after that", Value: s.status("VmRSS:") / (1 << 20), Unit: "MiB"})
	b.add(figure{Name: "resident memory, most", Value: s.status("VmHWM:") / (1 << 20), Unit: "MiB"})
	return nil
}

// post sends envelopes from several clients until all objects from first on are sent, or
// until ctx ends.
func (b *bench) post(ctx context.Context, s *benchServer, first, count int) (int64, error) {
	var next, sent atomic.Int64
	next.Store(int64(first))
	errs := make(chan error, b.clients)
	var wg sync.WaitGroup
	for range b.clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				from := int(next.Add(int64(b.batch))) - b.batch
				if from >= first+count {
					return
				}
				size := min(b.batch, first+count-from)
				answer, err := s.do(ctx, http.MethodPost, benchObjects, b.gen.envelope(from, size))
				if err != nil {
					if ctx.Err() == nil {
						errs <- err
					}
					return
				}
				var st struct {
					Success int `json:"success_count"`
				}
				if err := json.Unmarshal(answer, &st); err != nil || st.Success != size {
					errs <- entente.Errorf(entente.Internal, "%d of %d objects were taken (%v)", st.Success, size, err)
					return
				}
				sent.Add(int64(size))
			}
		})
	}
	wg.Wait()
	close(errs)
	return sent.Load(), <-errs
}

func (b *bench) intake(ctx context.Context, s *benchServer) error {
	start := time.Now()
	if _, err := b.post(ctx, s, 0, b.objects); err != nil {
		return err
	}
	took := time.Since(start)
	b.add(b.of(figure{Name: "intake over HTTP", Value: float64(b.objects) / took.Seconds(), Unit: "objects/s"}, bareTables, onSQLite))
	for {
		lag, err := b.lag(ctx, s)
		if err != nil {
			return err
		}
		if lag == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	all := time.Since(start)
	b.add(figure{Name: "search caught up after", Value: (all - took).Seconds(), Unit: "s"})
	b.add(b.of(figure{Name: "intake until search has caught up", Value: float64(b.objects) / all.Seconds(), Unit: "objects/s"}, bareAll, onSQLite))
	return nil
}

// lag reads the node's own metric.
func (b *bench) lag(ctx context.Context, s *benchServer) (float64, error) {
	out, err := s.do(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(out), "\n") {
		if v, ok := strings.CutPrefix(line, "entente_search_lag_entries "); ok {
			return strconv.ParseFloat(v, 64)
		}
	}
	return 0, entente.Errorf(entente.Internal, "the node does not tell how far search is behind")
}

// times are durations of requests.
type times []time.Duration

func (t times) at(q float64) float64 {
	slices.Sort(t)
	return t[min(len(t)-1, int(q*float64(len(t))))].Seconds() * 1000
}

// lastPage is the query of the last hundred objects.
func (b *bench) lastPage(ctx context.Context, s *benchServer) (string, error) {
	path, err := "/api1/collections/bench/manifest/?limit=1000", error(nil)
	var last []string
	for {
		out, e := s.do(ctx, http.MethodGet, path, nil)
		if e != nil {
			return "", e
		}
		var m struct {
			Next    string
			Objects []struct {
				Added string `json:"date_added"`
			}
		}
		if err = json.Unmarshal(out, &m); err != nil {
			return "", err
		}
		for _, o := range m.Objects {
			last = append(last, o.Added)
		}
		last = last[max(0, len(last)-101):]
		if m.Next == "" {
			return "?limit=100&added_after=" + url.QueryEscape(last[0]), nil
		}
		path = "/api1/collections/bench/manifest/?limit=1000&next=" + url.QueryEscape(m.Next)
	}
}

func (b *bench) pages(ctx context.Context, s *benchServer) error {
	last, err := b.lastPage(ctx, s)
	if err != nil {
		return err
	}
	for _, p := range []struct{ name, query string }{{"first", "?limit=100"}, {"last", last}} {
		t, err := b.ask(ctx, s, 500, func(int) string { return benchObjects + p.query })
		if err != nil {
			return err
		}
		b.add(figure{Name: "page of 100, " + p.name + ", median", Value: t.at(0.5), Unit: "ms"})
		b.add(figure{Name: "page of 100, " + p.name + ", p99", Value: t.at(0.99), Unit: "ms"})
	}
	return nil
}

// ask makes requests, one after another.
func (b *bench) ask(ctx context.Context, s *benchServer, count int, path func(n int) string) (times, error) {
	const first = 5 // these open connections and warm caches
	var t times
	for i := range count + first {
		p := path(i)
		start := time.Now()
		if _, err := s.do(ctx, http.MethodGet, p, nil); err != nil {
			return nil, err
		}
		if i >= first {
			t = append(t, time.Since(start))
		}
	}
	return t, nil
}

// lookups asks who names a value: one that an object names, and one that none does.
func (b *bench) lookups(ctx context.Context, s *benchServer) error {
	for _, p := range []struct {
		name  string
		first int
	}{{"held", 0}, {"unknown", b.objects}} {
		t, err := b.ask(ctx, s, 500, func(n int) string {
			return "/api/lookup?value=" + url.QueryEscape(b.gen.address(p.first+n*(b.objects/1000)))
		})
		if err != nil {
			return err
		}
		b.add(figure{Name: "look-up of a value, " + p.name + ", median", Value: t.at(0.5), Unit: "ms"})
		b.add(figure{Name: "look-up of a value, " + p.name + ", p99", Value: t.at(0.99), Unit: "ms"})
	}
	return nil
}

func (b *bench) pagesUnderIntake(ctx context.Context, s *benchServer) error {
	posting, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	var sent int64
	start := time.Now()
	go func() {
		var err error
		sent, err = b.post(posting, s, b.objects, 1<<30)
		ended <- err
	}()
	t, err := b.ask(ctx, s, 500, func(int) string { return benchObjects + "?limit=100" })
	took := time.Since(start)
	stop()
	if e := <-ended; err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	b.add(figure{Name: "page of 100 while intake runs, median", Value: t.at(0.5), Unit: "ms"})
	b.add(figure{Name: "page of 100 while intake runs, p99", Value: t.at(0.99), Unit: "ms"})
	b.add(figure{Name: "intake while pages are read", Value: float64(sent) / took.Seconds(), Unit: "objects/s"})
	return nil
}

// nextCursor finds the cursor of a page, which stands before its objects.
var nextCursor = regexp.MustCompile(`"next": ?"([^"]*)"`)

// readAll reads the collection in pages of 1,000 by their cursors.
func (b *bench) readAll(ctx context.Context, s *benchServer) error {
	query, count := "?limit=1000", 0
	start := time.Now()
	for {
		out, err := s.do(ctx, http.MethodGet, benchObjects+query, nil)
		if err != nil {
			return err
		}
		count += bytes.Count(out, []byte(`"type":"indicator"`))
		m := nextCursor.FindSubmatch(out[:min(len(out), 4096)])
		if m == nil {
			break
		}
		query = "?limit=1000&next=" + url.QueryEscape(string(m[1]))
	}
	took := time.Since(start)
	if count != b.objects {
		return entente.Errorf(entente.Internal, "%d of %d objects were read back", count, b.objects)
	}
	b.add(figure{Name: "reading it all in pages of 1,000", Value: float64(count) / took.Seconds(), Unit: "objects/s"})
	return nil
}
