package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"entente"
	"entente/ledger"
)

func verify(t testing.TB, files fstest.MapFS, o ledger.Options) (ledger.Report, error) {
	t.Helper()
	return ledger.Verify(context.Background(), ledger.Dir(files), o)
}

func TestVerifySmall(t *testing.T) {
	h := small(t)
	files := h.write()
	r, err := verify(t, files, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, f := range files {
		total += len(f.Data)
	}
	t.Logf("%+v, %d bytes in %d files", r, total, len(files))
	if r.Epochs != 2 || r.Logs != 5 || r.Feeds != 2 || r.Lines != 6 || r.Pages != 4 || len(r.Keys) != 3 || len(r.Notes) != 0 || r.Late != 0 ||
		r.Kinds["judge"] != 4 || r.Shared["deliver"] != 4 || r.Shared["agreement-propose"] != 2 || r.Home.Name != "Northern CERT" {
		t.Errorf("%+v", r)
	}
}

// Each byte of an export counts.
func TestEachByteCounts(t *testing.T) {
	h := small(t)
	files := h.write()
	origins := map[string]string{}
	for _, e := range h.x.Epochs {
		for _, l := range e.Logs {
			origins[ledger.LogDir(e.Epoch, l.Partner)] = l.Origin
		}
	}
	n := 0
	for path, f := range files {
		for i := range f.Data {
			n++
			f.Data[i] ^= 1 << (i % 8)
			_, err := verify(t, files, ledger.Options{})
			f.Data[i] ^= 1 << (i % 8)
			var fault *ledger.Fault
			if entente.KindOf(err) != entente.Conflict || !errors.As(err, &fault) {
				t.Fatalf("byte %d of %s (%q): %v", i, path, f.Data[i], err)
			}
			dir, rest, _ := strings.Cut(path, "/tile")
			if rest == "" {
				dir, _, _ = strings.Cut(path, "/events")
			}
			if o := origins[dir]; o != "" && fault.Log != o || o == "" && path != ledger.ExportFile && !strings.Contains(err.Error(), path) {
				t.Fatalf("byte %d of %s (%q): %v", i, path, f.Data[i], err)
			}
		}
	}
	if n < 5000 {
		t.Errorf("only %d bytes", n)
	}
}
