//go:build unix

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

var importObjects = flag.Int("import-objects", 100_000, "how many objects the bundle of TestLargeImport has; 1000000 takes some minutes")

// importMemory is the most memory that an import may take, however large the file is, in
// bytes. Of it 64 MiB are SQLite's cache.
const importMemory = 512 << 20

// TestLargeImport streams a bundle of very many objects into a collection. Memory does not
// grow with it; a part of it that comes again and breaks off adds nothing and says so; nothing
// is half done.
func TestLargeImport(t *testing.T) {
	data := t.TempDir()
	run := func(in io.Reader, args ...string) (out string, status int, peak int64) {
		t.Helper()
		cmd := exec.Command("entente", append(args, "--data", data)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + data}
		cmd.Stdin = in
		var errors strings.Builder
		cmd.Stderr = &errors
		text, err := cmd.Output()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		peak = int64(usage.Maxrss)
		if runtime.GOOS != "darwin" { // where it is in bytes already
			peak <<= 10
		}
		if status = cmd.ProcessState.ExitCode(); status != 0 {
			t.Logf("entente %v: %d %.300s", args, status, errors.String())
		}
		return string(text), status, peak
	}
	type report struct{ Read, Added, Unchanged, Refused int }
	read := func(out string) (r report) {
		t.Helper()
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v in %.300s", err, out)
		}
		return r
	}

	n := *importObjects
	out, status, peak := run(&manyObjects{most: n, tail: "]}"}, "import", "--create", "--collection", "Large", "--json", "-")
	if got, want := read(out), (report{Read: n, Added: n}); got != want || status != 0 {
		t.Errorf("status %d, %+v, want %+v", status, got, want)
	}
	t.Logf("%d objects: at most %d MiB of memory", n, peak>>20)
	if peak > importMemory {
		t.Errorf("%d MiB of memory", peak>>20)
	}

	n = max(1, n/10)
	out, status, peak = run(&manyObjects{most: n, tail: `,{"type":"tool","id":"tool--`}, "import", "--collection", "Large", "--json", "-")
	if got, want := read(out), (report{Read: n, Unchanged: n}); got != want || status != 3 {
		t.Errorf("a copy that breaks off: status %d, %+v, want %+v", status, got, want)
	}
	if peak > importMemory {
		t.Errorf("%d MiB of memory for a copy", peak>>20)
	}
	if out, status, _ := run(nil, "doctor"); status != 0 {
		t.Errorf("%d %s", status, out)
	}
}

// manyObjects reads a bundle of so many objects, which is never whole in memory.
type manyObjects struct {
	most int
	tail string

	made int
	rest string
}

func (m *manyObjects) Read(p []byte) (int, error) {
	if m.rest == "" {
		switch {
		case m.made == 0:
			m.rest = `{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[`
		case m.made < m.most:
			m.rest = ","
		case m.tail == "":
			return 0, io.EOF
		default:
			m.rest, m.tail = m.tail, ""
		}
		if m.made < m.most {
			m.made++
			m.rest += fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012x","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"number%d","pattern":"[ipv4-addr:value = '198.51.%d.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`,
				m.made, m.made, m.made>>8&255, m.made&255)
		}
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}
