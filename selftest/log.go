package selftest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"entente"
)

// saltOf is the salt of a content's commitment, the same on both nodes: in the product it
// comes from chance, which says nothing.
func saltOf(d entente.Digest) []byte {
	sum := sha256.Sum256(append([]byte("salt "), d[:]...))
	return sum[:entente.SaltSize]
}

// rest has both nodes enter what waits into the ledger: like an entry of a feed, an event is
// compared once it is there.
func (t *trial) rest() error {
	for _, s := range t.sides {
		if err := s.node.CatchUpLedger(t.ctx); err != nil {
			return err
		}
	}
	return nil
}

// logRequest draws something to ask of the partner's own log.
func (t *trial) logRequest() (request, error) {
	if err := t.rest(); err != nil {
		return request{}, err
	}
	r := request{method: "GET", path: "/ledger/", token: t.token[partner]}
	part := fmt.Sprintf("000.p/%d", 1+t.logs.IntN(t.logSize+3))
	switch t.logs.IntN(10) {
	case 0, 1:
		r.path += "checkpoint"
	case 2:
		r.path += "tile/0/" + part
	case 3:
		r.path += "tile/entries/" + part
	case 4, 5:
		r.path += "events/" + part
	case 6:
		r.path += fmt.Sprintf("proof/%d", t.logs.IntN(t.logSize+3))
	case 7:
		r.path += "proof?event=" + t.event()
	case 8: // another's, of home's, or none
		id, err := t.stranger()
		if err != nil {
			return r, err
		}
		r.path += "proof?event=" + id
	case 9:
		r.path += []string{"1/checkpoint", "2/checkpoint", "tile/1/000", "tile/0/001", "events/000", "proof", "proof/x", "main/checkpoint"}[t.logs.IntN(8)]
	}
	return r, nil
}

func (t *trial) event() string {
	if len(t.events) == 0 || t.logs.IntN(8) == 0 {
		return "00000000-0000-4000-8000-000000000000"
	}
	return t.events[t.logs.IntN(len(t.events))]
}

// learnLog keeps what an answer tells of the log.
func (t *trial) learnLog(a answer) {
	lines := strings.Split(string(a.body), "\n")
	if a.status != 200 || len(lines) < 3 {
		return
	}
	if strings.HasPrefix(lines[0], "entente/") {
		_, _ = fmt.Sscan(lines[1], &t.logSize)
		return
	}
	t.events = append(t.events, eventIDs(lines)...)
}

// eventIDs are the ids of the events of a bundle.
func eventIDs(lines []string) (ids []string) {
	for _, line := range lines {
		var x struct{ Event struct{ ID string } }
		if json.Unmarshal([]byte(line), &x) == nil && x.Event.ID != "" {
			ids = append(ids, x.Event.ID)
		}
	}
	return ids
}

// stranger draws an event that the partner must not get at: of home's main log, on the node
// that has what is hidden.
func (t *trial) stranger() (string, error) {
	n := t.sides[1].node
	f, err := n.LogCheckpoint(t.ctx, entente.LocalActor(), 0)
	if err != nil {
		return "", err
	}
	size := int64(0)
	if _, err := fmt.Sscan(strings.Split(string(f.Bytes), "\n")[1], &size); err != nil {
		return "", err
	}
	last := (size - 1) / 256
	if f, err = n.LogPart(t.ctx, entente.LocalActor(), 0, logFile("events/", last, size-last*256)); err != nil {
		return "", err
	}
	ids := eventIDs(strings.Split(string(f.Bytes), "\n"))
	return ids[t.logs.IntN(len(ids))], nil
}

// logFile is the path of a part of a log below 256,000 entries.
func logFile(of string, n, width int64) string {
	name := fmt.Sprintf("%s%03d", of, n)
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}

// compareLogs compares all of the partner's log on both nodes.
func (t *trial) compareLogs() (*Difference, error) {
	if err := t.rest(); err != nil {
		return nil, err
	}
	d, err := t.same(request{method: "GET", path: "/ledger/checkpoint", token: t.token[partner]})
	if d != nil || err != nil {
		return t.inEvents(d), err
	}
	for from := 0; from < t.logSize; from += 256 {
		for _, of := range []string{"events/", "tile/entries/", "tile/0/"} {
			if d, err := t.same(request{method: "GET", path: "/ledger/" + logFile(of, int64(from/256), int64(min(256, t.logSize-from))), token: t.token[partner]}); d != nil || err != nil {
				return d, err
			}
		}
	}
	return nil, nil
}

// inEvents finds the events in which the log differs, which say more than hashes do.
func (t *trial) inEvents(d *Difference) *Difference {
	if d == nil {
		return nil
	}
	for n := range int64(t.logSize/256 + 1) {
		for width := int64(256); width > 0; width-- { // as much as both have
			if more, err := t.same(request{method: "GET", path: "/ledger/" + logFile("events/", n, width), token: t.token[partner]}); err == nil && more != nil && strings.HasPrefix(more.One, "200") && strings.HasPrefix(more.Two, "200") {
				return more
			}
		}
	}
	return d
}
