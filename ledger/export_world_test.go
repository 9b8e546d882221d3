package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"entente"
	"entente/ledger"
)

// home keeps a ledger as a node does, and writes it as an export.
type home struct {
	t       testing.TB
	random  *rand.Rand
	files   fstest.MapFS
	x       ledger.Export
	key     ledger.Key
	keys    byte // how many there were
	main    *written
	partner map[string]*written // of this epoch
	feeds   []*release
	clock   int64
	// eraseNext leaves the next event out of the export.
	eraseNext bool
}

// written is one log.
type written struct {
	w       ledger.Writer
	tree    ledger.Tree
	dir     string
	origin  string
	told    int64 // the size in the last heads event
	entries [][32]byte
}

// release is one release feed.
type release struct {
	ledger.FeedHead
	lines       []ledger.FeedLine
	commitments []entente.Commitment
}

type members = map[string]any

func newHome(t testing.TB) *home {
	h := &home{t: t, random: rand.New(rand.NewPCG(1, 2)), files: fstest.MapFS{}}
	h.x.Home = ledger.ExportHome{ID: uuid(1), Name: "Northern CERT"}
	h.key = h.nextKey()
	h.begin("")
	return h
}

func (h *home) nextKey() ledger.Key {
	h.keys++
	return newKey(h.t, h.keys)
}

// begin begins an epoch with the key as it is.
func (h *home) begin(signature string) {
	n := len(h.x.Epochs) + 1
	h.x.Epochs = append(h.x.Epochs, ledger.ExportEpoch{Epoch: n, Keys: []ledger.ExportKey{{Key: fmt.Sprintf("%x", []byte(h.key.Public())), Signature: signature}}})
	h.partner = map[string]*written{}
	h.main = h.log("")
}

func (h *home) epoch() *ledger.ExportEpoch { return &h.x.Epochs[len(h.x.Epochs)-1] }

func (h *home) log(partner string) *written {
	e := h.epoch()
	l := &written{dir: ledger.LogDir(e.Epoch, partner), origin: ledger.Origin(h.x.Home.ID, e.Epoch, partner)}
	l.w.Put = func(path string, data []byte) error {
		h.files[l.dir+"/"+path] = &fstest.MapFile{Data: bytes.Clone(data)}
		return nil
	}
	e.Logs = append(e.Logs, ledger.ExportLog{Origin: l.origin, Partner: partner})
	if partner != "" {
		h.partner[partner] = l
	}
	return l
}

// event appends an event to a log, and gives its entry.
func (h *home) event(l *written, kind string, m members) string {
	h.clock++
	full := members{"id": fmt.Sprintf("%08x-0000-4000-8000-%012x", h.random.Uint32(), h.clock), "kind": kind,
		"time": fmt.Sprintf("2026-05-04T%02d:%02d:%02d.%06dZ", h.clock/3600e6%24, h.clock/60e6%60, h.clock/1e6%60, h.clock%1e6)}
	maps.Copy(full, m)
	return h.put(l, must[[]byte](h.t)(ledger.Canonical(full)))
}

// put appends an event as it is.
func (h *home) put(l *written, raw []byte) string {
	var salt [ledger.EventSaltSize]byte
	for i := range 4 {
		binary.BigEndian.PutUint64(salt[8*i:], h.random.Uint64())
	}
	entry := ledger.Entry(salt, raw)
	add := func() error { return l.w.Add(salt, raw) }
	if h.eraseNext {
		add, h.eraseNext = func() error { return l.w.AddErased(entry) }, false
	}
	err := add()
	if err != nil {
		h.t.Fatal(err)
	}
	l.tree.Add(entry[:])
	l.entries = append(l.entries, entry)
	return fmt.Sprintf("%x", entry)
}

// act appends an act that concerns partners: one event in each one's log, one in the main log.
func (h *home) act(kind string, of, shared members, partners ...string) {
	var list []any
	for _, p := range partners {
		if h.partner[p] == nil {
			h.log(p)
		}
		own := maps.Clone(shared)
		own["for"] = p
		list = append(list, members{"partner": p, "entry": h.event(h.partner[p], kind, own)})
	}
	of = maps.Clone(of)
	if len(list) > 0 {
		of["shared"] = list
	}
	h.event(h.main, kind, of)
}

// heads tells the heads of the partners' logs that grew.
func (h *home) heads() {
	var logs []any
	for _, l := range h.epoch().Logs[1:] {
		if p := h.partner[l.Partner]; p.tree.Size() > p.told {
			root := p.tree.Root()
			p.told = p.tree.Size()
			logs = append(logs, members{"partner": l.Partner, "size": p.told, "root": fmt.Sprintf("%x", root[:])})
		}
	}
	if len(logs) > 0 {
		h.event(h.main, ledger.KindHeads, members{"logs": logs})
	}
}

func (h *home) rotate() {
	next, from := h.nextKey(), h.main.tree.Size()
	k := ledger.ExportKey{Key: fmt.Sprintf("%x", []byte(next.Public())), From: from,
		Signature: fmt.Sprintf("%x", h.key.SignStatement(ledger.KeyStatement(h.main.origin, from, next.Public())))}
	h.event(h.main, ledger.KindKey, members{"key": k.Key, "signature": k.Signature})
	e := h.epoch()
	e.Keys, h.key = append(e.Keys, k), next
}

// discontinue ends the epoch and begins another one, signed by the old key unless it is lost.
func (h *home) discontinue(lost bool) {
	var notes []string
	var last []ledger.Checkpoint
	for _, l := range h.closeEpoch() {
		signed := string(h.files[l.dir+"/checkpoint"].Data)
		root := l.tree.Root()
		notes, last = append(notes, signed), append(last, ledger.Checkpoint{Origin: l.origin, Size: l.tree.Size(), Root: root})
	}
	old := h.key
	h.key = h.nextKey()
	signature := ""
	if !lost {
		origin := ledger.Origin(h.x.Home.ID, len(h.x.Epochs)+1, "")
		signature = fmt.Sprintf("%x", old.SignStatement(ledger.DiscontinuityStatement(origin, h.key.Public(), last)))
	}
	h.begin(signature)
	h.event(h.main, ledger.KindDiscontinuity, members{"checkpoints": notes, "key": h.epoch().Keys[0].Key, "signature": signature, "reason": "restored from a backup"})
}

// closeEpoch writes what is not full, and the checkpoints.
func (h *home) closeEpoch() []*written {
	logs := []*written{h.main}
	for _, l := range h.epoch().Logs[1:] {
		logs = append(logs, h.partner[l.Partner])
	}
	for _, l := range logs {
		size, root, err := l.w.Close()
		if err != nil || size != l.tree.Size() || root != l.tree.Root() {
			h.t.Fatal(size, root, err)
		}
		h.files[l.dir+"/checkpoint"] = &fstest.MapFile{Data: must[[]byte](h.t)(ledger.Checkpoint{Origin: l.origin, Size: size, Root: root}.Sign(h.key))}
	}
	return logs
}

func (h *home) feed() *release {
	f := &release{FeedHead: ledger.FeedHead{Feed: uuid(500 + len(h.feeds)), Agreement: uuid(400)}}
	h.feeds = append(h.feeds, f)
	return f
}

// judge is a turn of the applier: n entries come, some leave.
func (h *home) judge(f *release, n int, gone ...int64) { h.turn(f, members{}, n, gone...) }

// stage is a turn that counts from the next flip on.
func (h *home) stage(f *release, n int) { h.turn(f, members{"result": "staged"}, n) }

func (h *home) turn(f *release, m members, n int, gone ...int64) {
	m["about"] = members{"agreement": f.Agreement, "feed": f.Feed}
	head := f.Head + int64(n) + int64(min(1, len(gone))) // leaving takes a place of its own
	if len(gone) > 0 {
		var root ledger.FeedRoot
		for _, seq := range gone {
			i := slices.IndexFunc(f.lines, func(l ledger.FeedLine) bool { return l.Seq == seq })
			f.lines[i].Gone = f.Head + 1
			root.Add(seq, f.commitments[i])
		}
		r := root.Root()
		m["gone"] = members{"count": len(gone), "seqs": entente.Seqs(gone), "root": fmt.Sprintf("%x", r[:])}
	}
	if n > 0 {
		var root ledger.FeedRoot
		from := head - int64(n) + 1
		for seq := from; seq <= head; seq++ {
			salt := append(make([]byte, entente.SaltSize-1), byte(h.random.Uint32()))
			digest := entente.Digest(sha256.Sum256(binary.BigEndian.AppendUint64(nil, h.random.Uint64())))
			c := entente.Commit(salt, digest)
			h.clock++
			f.lines = append(f.lines, ledger.FeedLine{Seq: seq, Added: fmt.Sprintf("2026-05-04T10:00:00.%06dZ", h.clock), Commitment: c.String(),
				Salt: fmt.Sprintf("%x", salt), Digest: digest.String(), ID: "indicator--" + uuid(int(seq)), Version: "2026-01-01T00:00:00.000Z"})
			f.commitments = append(f.commitments, c)
			root.Add(seq, c)
		}
		r := root.Root()
		m["entries"] = members{"from": from, "to": head, "count": n, "root": fmt.Sprintf("%x", r[:])}
	}
	f.Head = head
	h.event(h.main, ledger.KindJudge, m)
}

// deliver delivers what stands in a feed from a number on to a partner.
func (h *home) deliver(f *release, partner string, after int64) {
	var seqs []int64
	var list []entente.Commitment
	for i, l := range f.lines {
		if l.Seq > after && l.Seq <= f.Head && (l.Gone == 0 || l.Gone > f.Head) {
			seqs, list = append(seqs, l.Seq), append(list, f.commitments[i])
		}
	}
	page := func() members {
		return members{"about": members{"agreement": f.Agreement, "feed": f.Feed}, "count": len(seqs), "list": entente.ListDigest(list), "endpoint": "objects"}
	}
	main, own := page(), page()
	main["head"], main["seqs"], own["filter"] = f.Head, entente.Seqs(seqs), "added_after=2026-01-01"
	h.act(ledger.KindDeliver, main, own, partner)
}

// write ends the export: feeds, checkpoints, ledger.json, manifest.
func (h *home) write() fstest.MapFS {
	h.closeEpoch()
	for _, f := range h.feeds {
		var b bytes.Buffer
		line := func(v any) {
			b.Write(must[[]byte](h.t)(ledger.Canonical(v)))
			b.WriteByte('\n')
		}
		line(f.FeedHead)
		for _, l := range f.lines {
			line(l)
		}
		h.files[ledger.FeedFile(f.Feed)] = &fstest.MapFile{Data: b.Bytes()}
	}
	h.files[ledger.ExportFile] = &fstest.MapFile{Data: must[[]byte](h.t)(h.x.Marshal())}
	h.sign()
	return h.files
}

// sign writes the manifest.
func (h *home) sign() {
	hashes := ledger.Hashes{}
	for path, f := range h.files {
		if p := []byte(path); path == ledger.ExportFile || bytes.HasSuffix(p, []byte("/checkpoint")) || bytes.HasPrefix(p, []byte("feeds/")) {
			hashes[path] = sha256.Sum256(f.Data)
		}
	}
	paths := slices.Sorted(maps.Keys(hashes))
	h.files[ledger.ManifestFile] = &fstest.MapFile{Data: must[[]byte](h.t)(ledger.SignManifest(h.key, h.main.origin, paths, hashes))}
}

// small is an export that has a bit of everything.
func small(t testing.TB) *home {
	h := newHome(t)
	a, b := uuid(201), uuid(202)
	f, g := h.feed(), h.feed()
	h.event(h.main, "account-add", members{"by": members{"account": uuid(7), "role": "operator", "local": true}, "reason": "a new colleague"})
	h.act("agreement-propose", members{"terms": members{"hash": fmt.Sprintf("%x", sha256.Sum256(nil)), "version": 1}}, members{"about": members{"agreement": uuid(400)}}, a, b)
	h.judge(f, 3)
	h.deliver(f, a, 0)
	h.heads()
	h.rotate()
	h.judge(f, 2, 2)
	h.deliver(f, a, 1)
	h.deliver(f, b, 0)
	h.event(h.main, ledger.KindFlip, members{"about": members{"agreement": uuid(400)}, "feeds": []any{members{"feed": f.Feed, "head": f.Head, "added": "2026-05-04T10:00:00.000001Z"}}})
	h.heads()
	h.discontinue(false)
	h.judge(g, 1)
	h.judge(f, 0, 1, 3)
	h.deliver(g, b, 0)
	h.heads()
	h.event(h.main, "sign-in-failed", members{"reason": "no such account"})
	return h
}

// tiny is an export that has each kind of file and of signature, and little else.
func tiny(t testing.TB) *home {
	h := newHome(t)
	f := h.feed()
	h.judge(f, 1)
	h.deliver(f, uuid(201), 0)
	h.rotate()
	h.heads()
	h.discontinue(false)
	h.judge(f, 0, 1)
	return h
}
