package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"entente/node"
	"entente/store"
	"entente/store/storetest"
)

func TestMain(m *testing.M) {
	// With the race detector each program would sleep a second before it ends.
	os.Setenv("GORACE", strings.TrimSpace("atexit_sleep_ms=0 "+os.Getenv("GORACE")))
	testscript.Main(m, map[string]func(){"entente": main})
}

// TestScripts runs the scripts of testdata against the real program, each in a directory
// of its own with a fresh ENTENTE_DATA. The scripts of testdata/both run on SQLite and,
// where a server is named, on PostgreSQL too.
func TestScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/*.txtar", "sqlite", nil))
}

func TestScriptsOnBothEngines(t *testing.T) {
	for engine, url := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			testscript.Run(t, scripts("testdata/both/*.txtar", engine, url))
		})
	}
}

// No script is ended half-way: "stop" is testscript's own command for that, and a server is
// ended by "shutdown".
func TestScriptsRunToTheirEnd(t *testing.T) {
	for _, glob := range []string{"testdata/*.txtar", "testdata/both/*.txtar"} {
		files, _ := filepath.Glob(glob)
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			script, _, _ := strings.Cut(string(text), "\n-- ")
			for n, line := range strings.Split(script, "\n") {
				if f := strings.Fields(line); len(f) > 0 && f[0] == "stop" {
					t.Errorf("%s:%d: what comes after stop is not tried", name, n+1)
				}
			}
		}
	}
}

func scripts(glob, engine string, url func(testing.TB) string) testscript.Params {
	files, _ := filepath.Glob(glob)
	return testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ENTENTE_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("IN30DAYS", time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly))
			files, err := filepath.Abs("demodata")
			env.Setenv("DEMODATA", files)
			if err != nil {
				return err
			}
			if engine == "postgres" {
				env.Setenv("ENTENTE_DB", url(env.T().(testing.TB)))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmdServe, "shutdown": cmdStop, "taxii": cmdTAXII, "getjson": cmdGetJSON, "gzip": cmdGzip,
			"repeat": cmdRepeat, "occupy": cmdOccupy, "bytes": cmdBytes, "keypair": cmdKeypair,
			"settle": cmdSettle, "demo": cmdDemo, "guide": cmdGuide, "flip": cmdFlip,
		},
	}
}

// cmdDemo starts "entente demo" with the arguments given, waits until it has told what to try
// next, and writes the commands of that to a file: demo FILE [ARGUMENT...]. They come to an
// end with shutdown.
func cmdDemo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: demo FILE [ARGUMENT...]")
	}
	cmd, s := background(ts, append([]string{"demo", "--json", "--listen", "127.0.0.1:0"}, args[1:]...))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		<-s.ended
	})
	var said struct{ Text string }
	lines := json.NewDecoder(out)
	for err == nil && !strings.Contains(said.Text, "Ctrl-C") {
		err = lines.Decode(&said)
	}
	go func() {
		io.Copy(io.Discard, out)
		s.err = cmd.Wait()
		close(s.ended)
	}()
	ts.Check(err)
	var commands strings.Builder
	for _, line := range strings.Split(said.Text, "\n") {
		if c, ok := strings.CutPrefix(line, "  "); ok {
			commands.WriteString(c + "\n")
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(commands.String()), 0o600))
	running.Store(ts, s)
}

// cmdGuide writes the commands that a part of docs/guide.md shows to a file: guide FILE HEADING.
func cmdGuide(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: guide FILE HEADING")
	}
	text, err := os.ReadFile("../../docs/guide.md")
	ts.Check(err)
	_, part, ok := strings.Cut(string(text), "\n## "+args[1]+"\n")
	if !ok {
		ts.Fatalf("the guide has no part %q", args[1])
	}
	part, _, _ = strings.Cut(part, "\n## ")
	var commands strings.Builder
	for i, block := range strings.Split(part, "\n```") {
		if shell, ok := strings.CutPrefix(block, "sh\n"); ok && i%2 == 1 {
			commands.WriteString(shell + "\n")
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(commands.String()), 0o600))
}

// background is the program with arguments, in the script's place, to be started.
func background(ts *testscript.TestScript, args []string) (*exec.Cmd, *server) {
	exe, err := exec.LookPath("entente")
	if err != nil {
		exe = filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "entente")
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "ENTENTE_DATA=" + ts.Getenv("ENTENTE_DATA"), "ENTENTE_DB=" + ts.Getenv("ENTENTE_DB")}
	s := &server{cmd: cmd, log: &bytes.Buffer{}, ended: make(chan struct{})}
	cmd.Stderr = s.log
	return cmd, s
}

// server is a program that a script has started.
type server struct {
	cmd   *exec.Cmd
	log   *bytes.Buffer // to be read once ended is closed
	ended chan struct{}
	err   error // how it ended
}

// cmdSettle has every feed carried on until nothing is left to judge, and every event entered
// into the ledger, as a server does.
func cmdSettle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: settle")
	}
	n, done := openNode(ts)
	defer done()
	ts.Check(n.SettleAll(context.Background()))
	ts.Check(n.CatchUpLedger(context.Background()))
}

// openNode opens the script's node.
func openNode(ts *testscript.TestScript) (*node.Node, func()) {
	url := ts.Getenv("ENTENTE_DB")
	if url == "" {
		url = filepath.Join(ts.Getenv("ENTENTE_DATA"), "entente.db")
	}
	st, err := store.Open(context.Background(), store.Options{URL: url})
	ts.Check(err)
	n, err := node.Open(context.Background(), st, node.Config{})
	ts.Check(err)
	return n, func() { st.Close() }
}

// cmdServe starts "entente serve" with the arguments given, waits until it is ready, and
// sets URL, CERT and PASSWORD.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("serve starts a server; use exec entente serve for one that must fail")
	}
	cmd, s := background(ts, append([]string{"serve", "--json", "--listen", "127.0.0.1:0"}, args...))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		<-s.ended
		ts.Logf("server's log:\n%s", s.log)
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	if err != nil {
		<-s.ended
		ts.Fatalf("the server did not start: %v", err)
	}
	var ready struct {
		URL         string
		Certificate string
		Metrics     string
		Password    string `json:"operator_password"`
	}
	ts.Check(json.Unmarshal(line, &ready))
	ts.Setenv("URL", ready.URL)
	ts.Setenv("CERT", ready.Certificate)
	ts.Setenv("METRICS", ready.Metrics)
	if ready.Password != "" {
		ts.Setenv("PASSWORD", ready.Password)
	}
	running.Store(ts, s)
}

// running are the servers that scripts have started, by script; scripts run in parallel.
var running sync.Map

// cmdStop ends the server by a signal, TERM if none is named, and waits for it.
func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	found, ok := running.Load(ts)
	if !ok {
		ts.Fatalf("no server runs")
	}
	s := found.(*server)
	sig := syscall.SIGTERM
	if len(args) == 1 && args[0] == "KILL" {
		sig = syscall.SIGKILL
	}
	ts.Check(s.cmd.Process.Signal(sig))
	select {
	case <-s.ended:
		if sig == syscall.SIGTERM && s.err != nil {
			ts.Fatalf("the server ended with %v", s.err)
		}
	case <-time.After(30 * time.Second):
		ts.Fatalf("the server does not end")
	}
}

// cmdTAXII makes a request: taxii METHOD PATH [AUTH [HEADER: VALUE | @BODYFILE]...].
// AUTH is name:password, token, cert=NAME for what keypair NAME wrote, or "-". It prints the status, the headers and the body,
// and fails for a status of 400 and above, unless negated.
func cmdTAXII(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: taxii METHOD PATH [AUTH [HEADER: VALUE | @BODYFILE]...]")
	}
	var body io.Reader
	var file string
	for _, x := range args[min(3, len(args)):] {
		if name, ok := strings.CutPrefix(x, "@"); ok {
			file = name
			body = strings.NewReader(ts.ReadFile(name))
		}
	}
	req, err := http.NewRequest(args[0], ts.Getenv("URL")+args[1], body)
	ts.Check(err)
	req.Header.Set("Accept", taxiiType)
	if file != "" {
		req.Header.Set("Content-Type", taxiiType)
	}
	var own []tls.Certificate
	if len(args) > 2 && args[2] != "-" {
		if name, ok := strings.CutPrefix(args[2], "cert="); ok {
			pair, err := tls.LoadX509KeyPair(ts.MkAbs(name+".pem"), ts.MkAbs(name+".key"))
			ts.Check(err)
			own = append(own, pair)
		} else if name, pw, ok := strings.Cut(args[2], ":"); ok {
			req.SetBasicAuth(name, pw)
		} else {
			req.Header.Set("Authorization", "Bearer "+args[2])
		}
	}
	for _, x := range args[min(3, len(args)):] {
		if name, value, ok := strings.Cut(x, ": "); ok && !strings.HasPrefix(x, "@") {
			req.Header.Set(name, value)
		}
	}
	client := &http.Client{Timeout: 30 * time.Second}
	if cert := ts.Getenv("CERT"); cert != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(ts.ReadFile(cert)))
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: own}, DisableKeepAlives: true}
	}
	res, err := client.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	var head bytes.Buffer
	res.Header.Write(&head)
	fmt.Fprintf(ts.Stdout(), "status %d\n%s\n%s\n", res.StatusCode, strings.ReplaceAll(head.String(), "\r", ""), text)
	if failed := res.StatusCode >= 400; failed != neg {
		ts.Fatalf("%s %s: status %d\n%s", args[0], args[1], res.StatusCode, text)
	}
}

// cmdKeypair makes a self-made client certificate, NAME.pem with NAME.key and its public half NAME.pub: keypair NAME [DAYS],
// good from yesterday for so many days, 365 if none are named. With the key of an earlier
// one it is that certificate renewed.
func cmdKeypair(ts *testscript.TestScript, neg bool, args []string) {
	days := 365
	if len(args) > 1 {
		fmt.Sscan(args[1], &days)
	}
	var key ed25519.PrivateKey
	if text, err := os.ReadFile(ts.MkAbs(args[0] + ".key")); err == nil {
		block, _ := pem.Decode(text)
		held, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		ts.Check(err)
		key = held.(ed25519.PrivateKey)
	} else {
		_, key, err = ed25519.GenerateKey(rand.Reader)
		ts.Check(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	from := time.Now().Add(-24 * time.Hour)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: args[0]}, NotBefore: from, NotAfter: from.AddDate(0, 0, days)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600))
}

// cmdGetJSON sets a variable to a value out of JSON: getjson VAR stdout|FILE key.key.0.key
func cmdGetJSON(ts *testscript.TestScript, neg bool, args []string) {
	var v any
	text := ts.ReadFile(args[1])
	if i := strings.Index(text, "\n\n{"); strings.HasPrefix(text, "status ") && i >= 0 {
		text = text[i:]
	}
	ts.Check(json.Unmarshal([]byte(text), &v))
	for _, k := range strings.Split(args[2], ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[k]
		case []any:
			var i int
			fmt.Sscan(k, &i)
			v = x[i]
		}
	}
	if v == nil {
		ts.Fatalf("there is no %s in %s", args[2], text)
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

// cmdGzip writes FILE compressed as OUT: gzip FILE OUT [BYTES], cut off after so many bytes.
func cmdGzip(ts *testscript.TestScript, neg bool, args []string) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, ts.ReadFile(args[0]))
	w.Close()
	out := b.Bytes()
	if len(args) > 2 {
		var n int
		fmt.Sscan(args[2], &n)
		out = out[:n]
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o600))
}

// cmdRepeat writes TEXT N times to a file, between BEFORE and AFTER: repeat FILE BEFORE TEXT N AFTER.
func cmdRepeat(ts *testscript.TestScript, neg bool, args []string) {
	var n int
	fmt.Sscan(args[3], &n)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+strings.Repeat(args[2], n)+args[4]), 0o600))
}

// cmdBytes writes a Go-quoted string to a file: bytes FILE "…".
func cmdBytes(ts *testscript.TestScript, neg bool, args []string) {
	var s string
	if _, err := fmt.Sscanf(args[1], "%q", &s); err != nil {
		ts.Fatalf("%s is not a quoted string: %v", args[1], err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(s), 0o600))
}

// cmdOccupy listens on a free port until the script ends, and sets a variable to its address.
func cmdOccupy(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// cmdFlip changes a bit of a byte of a file, which may be named by a pattern: flip FILE OFFSET.
// Once more, and the file is as it was.
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(names) != 1 {
		ts.Fatalf("%s names %d files", args[0], len(names))
	}
	var at int
	fmt.Sscan(args[1], &at)
	b, err := os.ReadFile(names[0])
	ts.Check(err)
	b[at] ^= 1
	ts.Check(os.WriteFile(names[0], b, 0o600))
}
