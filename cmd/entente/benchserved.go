package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"entente"
)

// benchServer is "entente serve" in a process of its own.
type benchServer struct {
	cmd      *exec.Cmd
	url      string
	password string
	ready    time.Duration // from start to ready
	client   *http.Client
}

func (b *bench) startServer(ctx context.Context, password string) (*benchServer, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &benchServer{password: password, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.cmd = exec.CommandContext(ctx, exe, "serve", "--http", "--json", "--listen", "127.0.0.1:0", "--log-level", "error", "--data", filepath.Join(b.dir, "node"))
	s.cmd.Env = append(os.Environ(), "ENTENTE_DB="+b.a.db)
	s.cmd.Stderr = b.a.err
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	s.ready = time.Since(start)
	var ready struct {
		URL      string
		Password string `json:"operator_password"`
	}
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		s.stop()
		return nil, entente.Wrap(entente.Internal, err, "the node to be measured did not start")
	}
	if s.url = ready.URL; ready.Password != "" {
		s.password = ready.Password
	}
	return s, nil
}

func (s *benchServer) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = s.cmd.Wait()
	s.client.CloseIdleConnections()
}

// rss is the server's resident memory in bytes, 0 where the system does not tell.
func (s *benchServer) rss() float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib * 1024
		}
	}
	return 0
}

func (s *benchServer) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth("operator", s.password)
	req.Header.Set("Accept", taxiiType)
	if body != nil {
		req.Header.Set("Content-Type", taxiiType)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = entente.Errorf(entente.Internal, "%s %s: status %d: %s", method, path, res.StatusCode, shorten(string(out), 300))
	}
	return out, err
}

const benchObjects = "/api1/collections/bench/objects/"

// served measures the node over HTTP.
func (b *bench) served(ctx context.Context) error {
	n, done, err := (&app{data: filepath.Join(b.dir, "node"), db: b.a.db}).open(ctx, mayCreate, nil)
	if err != nil {
		return err
	}
	_, err = n.Do(ctx, entente.LocalActor(), entente.AddCollection{Name: "bench", Alias: "bench"})
	done()
	if err != nil {
		return err
	}
	s, err := b.startServer(ctx, "")
	if err != nil {
		return err
	}
	defer func() { s.stop() }()
	for _, step := range []func(context.Context, *benchServer) error{b.intake, b.pages, b.readAll} {
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
	b.add(figure{Name: "resident memory after that", Value: s.rss() / (1 << 20), Unit: "MiB"})
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
	f := figure{Name: "intake over HTTP", Value: float64(b.objects) / took.Seconds(), Unit: "objects/s"}
	if bare := b.value("bare inserts"); bare > 0 {
		f.Of, f.Ratio = "bare inserts", f.Value/bare
	}
	b.add(f)
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
	f = figure{Name: "intake until search has caught up", Value: float64(b.objects) / all.Seconds(), Unit: "objects/s"}
	if bare := b.value("bare inserts"); bare > 0 {
		f.Of, f.Ratio = "bare inserts", f.Value/bare
	}
	b.add(f)
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
		t, err := b.ask(ctx, s, p.query, 500)
		if err != nil {
			return err
		}
		b.add(figure{Name: "page of 100, " + p.name + ", median", Value: t.at(0.5), Unit: "ms"})
		b.add(figure{Name: "page of 100, " + p.name + ", p99", Value: t.at(0.99), Unit: "ms"})
	}
	return nil
}

// ask makes the same request some times, one after another.
func (b *bench) ask(ctx context.Context, s *benchServer, query string, count int) (times, error) {
	var t times
	for i := range count + 5 {
		start := time.Now()
		if _, err := s.do(ctx, http.MethodGet, benchObjects+query, nil); err != nil {
			return nil, err
		}
		if i >= 5 { // the first ones open connections and warm caches
			t = append(t, time.Since(start))
		}
	}
	return t, nil
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
	t, err := b.ask(ctx, s, "?limit=100", 500)
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

// readAll reads the collection in pages of 1,000 by their cursors.
func (b *bench) readAll(ctx context.Context, s *benchServer) error {
	next := regexp.MustCompile(`"next": ?"([^"]*)"`)
	query, count := "?limit=1000", 0
	start := time.Now()
	for {
		out, err := s.do(ctx, http.MethodGet, benchObjects+query, nil)
		if err != nil {
			return err
		}
		count += bytes.Count(out, []byte(`"type":"indicator"`))
		m := next.FindSubmatch(out[:min(len(out), 4096)])
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
