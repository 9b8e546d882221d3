//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"entente"
	"entente/node"
	"entente/store/storetest"
)

// diskEnv names the directory on which [TestFullDisk] mounts a small disk of its own,
// in the process that it starts for that.
const diskEnv = "ENTENTE_TEST_DISK"

// smallDisk is the size of that disk, in bytes: several times what is put there.
const smallDisk = 192 << 20

// TestFullDisk lets a node run out of room in the middle of batches from several clients.
// What was acknowledged is there, byte for byte, and nothing else; the answer says what is
// the matter; the same process goes on once there is room again, and nothing is found
// wrong with what it holds.
//
// A limit on the size of files, which can be set anywhere, stands for the disk in one run.
// The other has a disk in memory, which takes the right to mount one: root has it, and on
// many systems everybody in a name space of their own. "make test" says by diskEnv that
// it must be there.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(diskEnv); filepath.IsAbs(dir) {
		onSmallDisk(t, dir)
		return
	}
	t.Run("a limit on the size of files", func(t *testing.T) {
		f := newFullDisk(t, t.TempDir())
		f.fill = func() { f.limitFiles(f.walSize() + roomLeft) }
		f.squeeze = func() { f.limitFiles(f.walSize()) }
		f.free = func() { f.limitFiles(-1) }
		f.full = "the files of the database cannot be written"
		f.limited = func(cmd *exec.Cmd) {
			cmd.Args = append([]string{"sh", "-c", `ulimit -f 1; exec "$@"`, "sh"}, cmd.Args...)
			cmd.Path = "/bin/sh"
		}
		f.run()
	})
	t.Run("a disk", func(t *testing.T) {
		dir := t.TempDir()
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		inner := exec.Command(exe, "-test.run=^TestFullDisk$", "-test.v", "-test.timeout=5m")
		inner.Env = append(os.Environ(), diskEnv+"="+dir)
		inner.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			inner.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			}
		}
		out, err := inner.CombinedOutput()
		switch {
		case err == nil && bytes.Contains(out, []byte("--- PASS: TestFullDisk")):
			t.Logf("%s", out)
		case os.Getenv(diskEnv) == "" && (errors.Is(err, syscall.EPERM) || bytes.Contains(out, []byte(noDisk))):
			t.Logf("no disk can be mounted here, so only the limit on files was tried: %v %s", err, out)
		default:
			t.Errorf("%v\n%s", err, out)
		}
	})
}

const noDisk = "the small disk cannot be mounted"

// onSmallDisk runs in a process of its own, whose mounts nobody else sees.
func onSmallDisk(t *testing.T, dir string) {
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(smallDisk))
	}
	if err != nil {
		t.Fatalf("%s: %v", noDisk, err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	f := newFullDisk(t, dir)
	ballast := filepath.Join(dir, "ballast")
	room := func() int64 {
		var s syscall.Statfs_t
		f.must(syscall.Statfs(dir, &s))
		return int64(s.Bavail) * s.Bsize
	}
	load := func(leave int64) { // takes all room but that much
		b, err := os.OpenFile(ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		f.must(err)
		defer b.Close()
		for room() > leave {
			if _, err := b.Write(make([]byte, min(64<<10, max(1, room()-leave)))); err != nil {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatal(err)
				}
				return
			}
		}
	}
	f.fill = func() { load(roomLeft) }
	f.squeeze = func() { load(0) }
	f.free = func() { f.must(os.Remove(ballast)) }
	f.full = "the disk under the database is full"
	f.limited = func(*exec.Cmd) {}
	f.run()
}

// roomLeft is how much room is left when the disk is about to be full: more than a batch
// of 1,000 objects takes, and less than four.
const roomLeft = 6 << 20

// fullDisk is a node on a disk that gets full.
type fullDisk struct {
	t      *testing.T
	data   string
	objs   string // path of the collection
	base   string
	token  string
	client *http.Client
	cmd    *exec.Cmd
	log    *killLog

	fill    func()          // leaves so little room that the next requests find too little
	squeeze func()          // leaves none
	free    func()          // gives all of it back
	limited func(*exec.Cmd) // makes a command find no room
	full    string          // what the node says

	mu   sync.Mutex
	held map[string]string // what must be there, by id
	next int
}

func newFullDisk(t *testing.T, dir string) *fullDisk {
	f := &fullDisk{t: t, data: filepath.Join(dir, "node"), held: map[string]string{}, client: &http.Client{Timeout: time.Minute}}
	t.Cleanup(f.client.CloseIdleConnections)
	f.command("collection", "add", "Full", "--alias", "full")
	f.command("account", "add", "filler", "--service")
	f.command("grant", "filler", "Full", "read,write")
	f.token = strings.TrimSpace(f.command("account", "token", "filler"))
	f.objs = "/api1/collections/full/"
	f.start()
	return f
}

func (f *fullDisk) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fullDisk) prepare(args ...string) (cmd *exec.Cmd, errors *bytes.Buffer) {
	cmd = exec.Command("entente", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.data, "ENTENTE_DATA=" + f.data}
	errors = &bytes.Buffer{}
	cmd.Stderr = errors
	return cmd, errors
}

func (f *fullDisk) command(args ...string) string {
	f.t.Helper()
	cmd, stderr := f.prepare(args...)
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("entente %v: %v\n%s%s", args, err, out, stderr)
	}
	return string(out)
}

func (f *fullDisk) start() {
	f.t.Helper()
	f.cmd, _ = f.prepare("serve", "--http", "--json", "--listen", "127.0.0.1:0", "--log-level", "warn")
	f.log = &killLog{}
	f.cmd.Stderr = f.log
	out, err := f.cmd.StdoutPipe()
	f.must(err)
	f.must(f.cmd.Start())
	cmd := f.cmd
	f.t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var v struct{ URL string }
	if err != nil || json.Unmarshal(line, &v) != nil {
		f.t.Fatalf("the node does not start: %v\n%s", err, f.log)
	}
	f.base = v.URL
}

// walSize is the size of the write-ahead log, the file that grows first.
func (f *fullDisk) walSize() int64 {
	st, err := os.Stat(filepath.Join(f.data, "entente.db-wal"))
	f.must(err)
	return st.Size()
}

// limitFiles lets the server write no file beyond so many bytes; -1 for any size.
func (f *fullDisk) limitFiles(most int64) {
	limit := syscall.Rlimit{Cur: uint64(most), Max: ^uint64(0)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(f.cmd.Process.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		f.t.Fatal(errno)
	}
}

// objects makes n objects that nobody has made before.
func (f *fullDisk) objects(n int) (ids, bodies []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.next++
		id := fmt.Sprintf("tool--00000000-0000-4000-8000-%012x", f.next)
		ids = append(ids, id)
		bodies = append(bodies, fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"%s","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"ballast number%d","x_ballast":"%s"}`,
			id, f.next, strings.Repeat("0", 3000)))
	}
	return ids, bodies
}

func (f *fullDisk) request(method, path string, body []byte) (int, http.Header, []byte) {
	f.t.Helper()
	req, err := http.NewRequest(method, f.base+path, bytes.NewReader(body))
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+f.token)
	req.Header.Set("Accept", taxiiType)
	if method == "POST" {
		req.Header.Set("Content-Type", taxiiType)
	}
	res, err := f.client.Do(req)
	if err != nil {
		f.t.Errorf("%s %s: %v\n%s", method, path, err, f.log)
		return 0, nil, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Errorf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, res.Header, text
}

var takenBefore = regexp.MustCompile(`of the (\d+) objects that were dealt with before, (\d+) are in and 0 were refused`)

// post posts n objects, and takes note of what the answer says of them.
func (f *fullDisk) post(n int) (status int, before int) {
	f.t.Helper()
	ids, bodies := f.objects(n)
	status, header, text := f.request("POST", f.objs+"objects/", []byte(`{"objects":[`+strings.Join(bodies, ",")+`]}`))
	in := n
	if status != http.StatusAccepted {
		in = 0
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") != "5" || !bytes.Contains(text, []byte(f.full)) || !bytes.Contains(text, []byte("nothing of this step was kept")) {
			f.t.Errorf("%d %v %s", status, header, text)
		}
		if m := takenBefore.FindSubmatch(text); m != nil {
			in, _ = strconv.Atoi(string(m[2]))
			before = in
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range in {
		f.held[ids[i]] = bodies[i]
	}
	return status, before
}

// check holds what is there against what was acknowledged.
func (f *fullDisk) check() {
	f.t.Helper()
	got := map[string]string{}
	for next := "limit=1000"; next != ""; {
		status, _, text := f.request("GET", f.objs+"objects/?"+next, nil)
		var p killPage
		if err := json.Unmarshal(text, &p); err != nil || status != 200 {
			f.t.Fatalf("%d %.300s", status, text)
		}
		for _, raw := range p.Objects {
			var o struct{ ID string }
			f.must(json.Unmarshal(raw, &o))
			got[o.ID] = string(raw)
		}
		if next = ""; p.More {
			next = "limit=1000&next=" + p.Next
		}
	}
	if !maps.Equal(got, f.held) {
		f.t.Errorf("%d objects are there, and %d were acknowledged", len(got), len(f.held))
	}
}

// unproven asks for a page while the disk is full: where its event finds no room it is not
// sent, and that is said.
func (f *fullDisk) unproven() {
	f.t.Helper()
	status, _, text := f.request("GET", f.objs+"objects/?limit=10", nil)
	if status != 200 && (status != 503 || !strings.Contains(string(text), "nothing is sent without proof")) {
		f.t.Errorf("%d %.300s", status, text)
	}
}

func (f *fullDisk) run() {
	t := f.t
	// Clients that post as fast as they can, until each has found the disk full.
	var wg, going sync.WaitGroup
	partly := make([]int, 3)
	going.Add(len(partly))
	for i := range partly {
		wg.Go(func() {
			for n := 0; ; n++ {
				status, before := f.post(1500)
				if n == 0 {
					going.Done()
				}
				if status != http.StatusAccepted {
					partly[i] = before
					return
				}
			}
		})
	}
	going.Wait()
	f.fill()
	wg.Wait()
	if t.Failed() {
		t.Fatalf("the node's log:\n%s", f.log)
	}
	t.Logf("of requests that found no room, %v objects were in; %d in all", partly, len(f.held))
	// What room is left within the files is used up, until not a single object fits.
	f.squeeze()
	for _, n := range []int{100, 10, 1} {
		for {
			if status, _ := f.post(n); status != http.StatusAccepted {
				break
			}
		}
	}
	f.unproven()
	for _, path := range []string{"/healthz", "/readyz", "/taxii2/"} {
		if status, _, text := f.request("GET", path, nil); status != 200 {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	f.wait("a background job that found no room", func() bool {
		return strings.Contains(f.log.String(), `msg="background job failed; it will be tried again" job=search`) && strings.Contains(f.log.String(), f.full)
	})
	f.commands()

	// There is room again.
	f.free()
	if status, _ := f.post(1500); status != http.StatusAccepted {
		t.Errorf("with room again: %d", status)
	}
	f.check()
	f.search()
	f.doctor()
	f.must(f.cmd.Process.Signal(syscall.SIGTERM))
	if err := f.cmd.Wait(); err != nil {
		t.Errorf("the node ended with %v\n%s", err, f.log)
	}

	// Killed on a full disk, it starts on it, and has what it had.
	f.start()
	f.fill()
	if status, before := f.post(4000); status != http.StatusServiceUnavailable || before == 0 {
		t.Errorf("a request that is larger than the room: %d, and %d objects of it were in", status, before)
	}
	f.squeeze()
	f.must(f.cmd.Process.Kill())
	_ = f.cmd.Wait()
	f.start()
	f.unproven()
	f.free()
	if status, _ := f.post(10); status != http.StatusAccepted {
		t.Errorf("after a start on a full disk: %d", status)
	}
	f.check()
	f.doctor()
}

// search waits until the search index has caught up, and looks for every object.
func (f *fullDisk) search() {
	f.t.Helper()
	ctx := f.t.Context()
	st := storetest.Open(f.t, filepath.Join(f.data, "entente.db"))
	defer st.Close()
	n, err := node.Open(ctx, st, node.Config{})
	f.must(err)
	f.wait("search that has caught up", func() bool {
		left, err := n.SearchLag(ctx)
		f.must(err)
		return left == 0
	})
	found, err := n.Search(ctx, entente.LocalActor(), "ballast", nil, 1<<20)
	f.must(err)
	if len(found) != len(f.held) {
		f.t.Errorf("the search finds %d objects, and %d are there", len(found), len(f.held))
	}
}

func (f *fullDisk) doctor() {
	f.t.Helper()
	if out := f.command("doctor"); !strings.Contains(out, "sound") {
		f.t.Errorf("%s", out)
	}
}

// commands tries a backup and an import for which there is no room: they say so, and
// leave nothing.
func (f *fullDisk) commands() {
	f.t.Helper()
	_, bodies := f.objects(1)
	for want, args := range map[string][]string{
		"the backup cannot be written": {"backup", filepath.Join(filepath.Dir(f.data), "x.backup")},
		f.full:                         {"import", "--collection", "full", "-"},
	} {
		cmd, stderr := f.prepare(args...)
		cmd.Stdin = strings.NewReader(bodies[0])
		f.limited(cmd)
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 7 || !strings.Contains(stderr.String(), want) {
			f.t.Errorf("entente %v without room: %v\n%s", args, err, stderr)
		}
	}
	left, err := os.ReadDir(filepath.Dir(f.data))
	f.must(err)
	for _, e := range left {
		if strings.Contains(e.Name(), "backup") {
			f.t.Errorf("it left %s", e.Name())
		}
	}
}

// wait waits for a condition, within reason.
func (f *fullDisk) wait(what string, met func() bool) {
	f.t.Helper()
	for range 600 {
		if met() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.t.Fatalf("there never was %s; the node's log:\n%s", what, f.log)
}
