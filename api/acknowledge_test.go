package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"entente"
	"entente/ledger"
)

const receiptName = "receipts.example"

// partnerKey registers a key for the partner "Partner"; its name is as in [world.partner].
func (w *world) partnerKey(n byte) ledger.Key {
	w.t.Helper()
	key, err := ledger.NewKey(bytes.Repeat([]byte{n}, ledger.SeedSize))
	w.must(err)
	v, err := key.CosignVerifier(receiptName)
	w.must(err)
	all, err := w.node.Organisations(w.t.Context(), entente.LocalActor())
	w.must(err)
	w.must(w.node.AddPartnerKey(w.t.Context(), entente.LocalActor(), all[len(all)-1].ID, v.String()))
	return key
}

// signedBy puts a partner's signature below a checkpoint.
func signedBy(t *testing.T, key ledger.Key, note string) string {
	t.Helper()
	text, _, _ := strings.Cut(note, "\n\n")
	c, err := ledger.ParseCheckpoint(text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	line, err := key.Cosign(receiptName, c, 1_767_225_600)
	if err != nil {
		t.Fatal(err)
	}
	return note + string(line)
}

// A partner acknowledges its own log with its own key, and that is an event there.
func TestAcknowledge(t *testing.T) {
	w := newWorld(t, Config{})
	w.partner()
	key := w.partnerKey(1)
	w.get("visitor", "/api1/")
	w.must(w.node.CatchUpLedger(t.Context()))
	l := w.readLog("visitor", "/ledger")
	post := func(as, note string) reply {
		return w.do(request{method: "POST", path: "/ledger/acknowledge", as: as, body: note})
	}
	stranger, err := ledger.NewKey(bytes.Repeat([]byte{9}, ledger.SeedSize))
	w.must(err)
	mainNote := w.get("operator", "/ledger/checkpoint").body
	lines := strings.Split(l.note, "\n")
	longer := slices.Clone(lines)
	longer[1] = "99"
	other := slices.Clone(lines)
	other[2] = strings.Split(mainNote, "\n")[2]
	for what, c := range map[string]struct {
		as, note string
		status   int
	}{
		"without a signature":   {"visitor", l.note, 403},
		"by a stranger's key":   {"visitor", signedBy(t, stranger, l.note), 403},
		"the main log's":        {"visitor", signedBy(t, key, mainNote), 409},
		"longer than the log":   {"visitor", signedBy(t, key, strings.Join(longer, "\n")), 409},
		"another history":       {"visitor", signedBy(t, key, strings.Join(other, "\n")), 409},
		"by who reads no log":   {"stranger", signedBy(t, key, l.note), 404},
		"by home":               {"operator", signedBy(t, key, mainNote), 403},
		"with a text of no use": {"visitor", "\x00", 400},
	} {
		if r := post(c.as, c.note); r.status != c.status {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	if r := post("visitor", signedBy(t, key, l.note)); r.status != 200 || r.body != lines[1]+"\n" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	// The log's own signature is not needed: what counts is the partner's.
	bare, _, _ := strings.Cut(l.note, "\n\n")
	if r := post("visitor", signedBy(t, key, bare+"\n\n")); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	w.must(w.node.CatchUpLedger(t.Context()))
	after := w.readLog("visitor", "/ledger")
	i := slices.IndexFunc(after.events, func(e entente.Event) bool { return e.Kind == "acknowledge" })
	if i < 0 || after.events[i].Head != l.size || len(after.events[i].Checkpoints) != 1 || after.events[i].Checkpoints[0] != signedBy(t, key, l.note) {
		told, _ := json.Marshal(after.events)
		t.Errorf("the log does not tell of it: %s", told)
	}
}
