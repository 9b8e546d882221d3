package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
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
	s.cmd = exec.CommandContext(ctx, exe, "serve", "--http", "--json", "--listen", "127.0.0.1:0", "--log-level", "error", "--data", b.node)
	s.cmd.Env = append(os.Environ(), "ENTENTE_DB="+b.db)
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

// status is a size that the system tells of the server's process, in bytes; 0 where the
// system does not tell.
func (s *benchServer) status(field string) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == field {
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
