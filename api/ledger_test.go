package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// logOf reads the whole log that an account reads, as a monitor would, and checks it with
// nothing but the library of the Go checksum database.
type logOf struct {
	w    *world
	as   string
	base string // /ledger or /ledger/E

	origin string
	size   int64
	root   tlog.Hash
	note   string
	events []entente.Event
}

func (w *world) readLog(as, base string) *logOf {
	w.t.Helper()
	l := &logOf{w: w, as: as, base: base}
	l.note = l.get("/checkpoint")
	lines := strings.SplitN(l.note, "\n", 4)
	l.origin = lines[0]
	_, err := fmt.Sscan(lines[1], &l.size)
	w.must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	w.must(err)
	copy(l.root[:], root)
	var hashes hashStore
	for from := int64(0); from < l.size; from += 256 {
		width := min(256, l.size-from)
		bundle, events := l.get("/tile/entries/"+part(from/256, width)), strings.Split(strings.TrimSuffix(l.get("/events/"+part(from/256, width)), "\n"), "\n")
		if int64(len(bundle)) != width*34 || int64(len(events)) != width {
			w.t.Fatalf("%d bytes and %d events for %d entries", len(bundle), len(events), width)
		}
		for i := range width {
			entry := bundle[34*i:][:34]
			if binary.BigEndian.Uint16([]byte(entry)) != 32 {
				w.t.Fatalf("entry %d is not of 32 bytes", from+i)
			}
			var line struct {
				Salt  string
				Event json.RawMessage
			}
			w.must(json.Unmarshal([]byte(events[i]), &line))
			salt, err := hex.DecodeString(line.Salt)
			w.must(err)
			if sum := sha256.Sum256(append(salt, line.Event...)); string(sum[:]) != entry[2:] {
				w.t.Fatalf("event %d is not that of its entry: %s", from+i, events[i])
			}
			var e entente.Event
			w.must(json.Unmarshal(line.Event, &e))
			l.events = append(l.events, e)
			more, err := tlog.StoredHashes(from+i, []byte(entry[2:]), hashes)
			w.must(err)
			hashes = append(hashes, more...)
		}
		// The tile of the leaves is that of the entries.
		tile := l.get("/tile/0/" + part(from/256, width))
		for i := range width {
			if got := tile[32*i:][:32]; got != string(hashes[tlog.StoredHashIndex(0, from+i)][:]) {
				w.t.Fatalf("leaf %d: %x", from+i, got)
			}
		}
	}
	got, err := tlog.TreeHash(l.size, hashes)
	w.must(err)
	if got != l.root {
		w.t.Fatalf("the root of %d entries is %s; the checkpoint has %s", l.size, got, l.root)
	}
	return l
}

type hashStore []tlog.Hash

func (h hashStore) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	for _, i := range at {
		out = append(out, h[i])
	}
	return out, nil
}

func part(n, width int64) string {
	name := fmt.Sprintf("%03d", n)
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}

func (l *logOf) get(rest string) string {
	l.w.t.Helper()
	r := l.w.get(l.as, l.base+rest)
	if r.status != 200 {
		l.w.t.Fatalf("%s%s: %d %s", l.base, rest, r.status, r.body)
	}
	return r.body
}

// proves checks a receipt of an entry.
func (l *logOf) proves(receipt string, index int64, entry []byte) bool {
	head, note, ok := strings.Cut(receipt, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || note != l.note || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", index) {
		return false
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		b, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return false
		}
		proof = append(proof, tlog.Hash(b))
	}
	return tlog.CheckRecord(proof, l.size, l.root, index, tlog.RecordHash(entry)) == nil
}

func (w *world) firstEvent() string {
	w.t.Helper()
	return w.readLog("operator", "/ledger").events[0].ID
}

// A partner reads its own log, home's operator the main log, and each can be checked; what
// one may not read is what is not there.
func TestLogsOverHTTP(t *testing.T) {
	w := newWorld(t, Config{})
	w.partner()
	for range 3 {
		w.get("visitor", "/api1/")
	}
	w.must(w.node.CatchUpLedger(t.Context()))
	own, main := w.readLog("visitor", "/ledger"), w.readLog("operator", "/ledger")
	if !strings.HasPrefix(own.origin, main.origin+"/") {
		t.Errorf("the partner's log is %s, the main log %s", own.origin, main.origin)
	}
	for _, e := range own.events {
		if e.For == "" {
			t.Errorf("an event of the main log is in a partner's: %+v", e)
		}
	}
	for i, e := range own.events {
		for _, path := range []string{fmt.Sprintf("/proof/%d", i), "/proof?event=" + e.ID} {
			if !own.proves(own.get(path), int64(i), []byte(own.get(fmt.Sprintf("/tile/entries/%s", part(0, own.size)))[34*i+2:][:32])) {
				t.Errorf("%s proves nothing", path)
			}
		}
	}
	// Reading a log does not make it longer, not even asking for what it has not.
	for _, path := range []string{"/ledger/tile/0/000.p/255", "/ledger/tile/1/000", "/ledger/tile/9/000", "/ledger/tile/0/x001/000", "/ledger/events/001", "/ledger/tile/entries/000",
		"/ledger/tile/0/0", "/ledger/tile/0/000.p/0", "/ledger/tile/0/000.p/256", "/ledger/tile/0/-01", "/ledger/tile/x/000", "/ledger/proof/999", "/ledger/proof/99999999999999999999",
		"/ledger/2/checkpoint", "/ledger/9223372036854775807/checkpoint", "/ledger/proof?event=" + main.events[0].ID, "/ledger/proof?event=x", "/ledger/2/proof/0"} {
		if r := w.get("visitor", path); r.status != 404 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/ledger/proof/", "/ledger/proof", "/ledger/proof/-1", "/ledger/proof/+1", "/ledger/proof/01", "/ledger/proof/1?event=x", "/ledger/proof?event=%zz"} {
		if r := w.get("visitor", path); r.status != 400 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	w.must(w.node.CatchUpLedger(t.Context()))
	if again := w.get("visitor", "/ledger/1/checkpoint/"); again.body != own.note {
		t.Errorf("reading has made the log longer: %s", again.body)
	}
	if r := w.do(request{method: "POST", path: "/ledger/checkpoint", as: "visitor"}); r.status != 405 || r.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", r.status, r.header)
	}
	// For who reads no log there is none: neither with a good path nor with a bad one.
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
		for _, path := range []string{"checkpoint", "tile/0/000.p/1", "proof/0", "proof/x", "1/checkpoint", "events/000.p/1"} {
			a, b := w.raw(request{method: method, path: "/ledger/" + path, as: "stranger"}), w.raw(request{method: method, path: "/ledger/nothing/" + path, as: "stranger"})
			if a != b || !strings.Contains(a, "404") {
				t.Errorf("%s %s:\n%s\n%s", method, path, a, b)
			}
		}
	}
	if !bytes.Contains([]byte(w.get("", "/ledger/checkpoint").body), []byte("sign in")) {
		t.Error("nobody needs to sign in")
	}
}

// Events of more than one bundle.
func TestLongLogOverHTTP(t *testing.T) {
	w := newWorld(t, Config{})
	for range 300 {
		w.get("operator", "/api1/nothing/")
	}
	w.must(w.node.CatchUpLedger(t.Context()))
	if l := w.readLog("operator", "/ledger"); l.size < 300 {
		t.Errorf("%d entries", l.size)
	} else if r := w.get("operator", "/ledger/tile/1/000.p/1"); r.status != 200 || len(r.body) != 32 {
		t.Errorf("the tile above: %d", r.status)
	}
}
