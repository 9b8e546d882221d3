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

// What a partner's log tells of a page is what the main log does, whichever is read first.
func TestPagesOfBothSides(t *testing.T) {
	for _, first := range []bool{true, false} {
		h := small(t)
		f := h.feeds[0]
		list := entente.ListDigest(nil)
		page := func(list string) members {
			return members{"about": members{"agreement": f.Agreement, "feed": f.Feed}, "count": 0, "list": list, "endpoint": "objects"}
		}
		main := page(list)
		main["head"] = f.Head
		h.act(ledger.KindDeliver, main, page(strings.Repeat("0", 64)), uuid(201))
		if first {
			h.heads()
		}
		if _, err := verify(t, h.write(), ledger.Options{}); entente.KindOf(err) != entente.Conflict || !strings.Contains(err.Error(), "the other log tells") {
			t.Errorf("%v", err)
		}
	}
}

// Each byte of an export counts.
func TestEachByteCounts(t *testing.T) {
	h := tiny(t)
	files := h.write()
	if _, err := verify(t, files, ledger.Options{}); err != nil {
		t.Fatal(err)
	}
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

// large is an export of some n events: six partners, feeds, deliveries.
func large(t testing.TB, n int) fstest.MapFS {
	h := newHome(t)
	var partners []string
	for i := range 6 {
		partners = append(partners, uuid(201+i))
	}
	f := h.feed()
	h.judge(f, 1000)
	for i := 0; h.main.tree.Size() < int64(n)*3/5; i++ {
		p := partners[i%len(partners)]
		switch {
		case i%50 == 0:
			h.judge(f, 100)
		case i%40 == 1:
			h.heads()
		case i%3 == 0:
			h.event(h.main, "submit", members{"by": members{"account": uuid(7), "organisation": uuid(1), "role": "analyst", "mandate": uuid(8)},
				"about": members{"collection": uuid(300)}, "versions": members{"count": 100, "root": strings.Repeat("ab", 32)}, "reason": "a routine import of the day",
				"rules": members{"marking": members{"count": 3, "root": strings.Repeat("cd", 32)}, "scope": members{"count": 97, "root": strings.Repeat("ef", 32)}}})
		default:
			h.deliver(f, p, f.Head-100)
		}
	}
	h.heads()
	return h.write()
}

func BenchmarkVerify(b *testing.B) {
	files := large(b, 100_000)
	var bytes, events int64
	for _, f := range files {
		bytes += int64(len(f.Data))
	}
	b.SetBytes(bytes)
	for b.Loop() {
		r, err := verify(b, files, ledger.Options{})
		if err != nil {
			b.Fatal(err)
		}
		events += r.Entries
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(bytes)/float64(events/int64(b.N)), "B/event")
}
