package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"entente"
)

// Options of [Verify].
type Options struct {
	// Keys are verifier keys of logs that were got elsewhere. Each must be among the keys
	// of its log's epoch. Without any, the export's own word is taken for whose keys it has.
	Keys []Verifier
	// Seen are checkpoints of these logs that were seen before, signed, and proofs
	// (C2SP tlog-proof): the ledger must continue each. They must be signed by a key of
	// their epoch, or one of Keys.
	Seen [][]byte
	// Each, if there is one, is called with each event, in the order of a log, from one
	// goroutine. An error ends the verification.
	Each func(Entered) error
	// Gone, if there is one, is called so with each entry whose event was erased: it has no event.
	Gone func(Entered) error
	// Policy, if it has a quorum, must be met by the cosignatures of the newest main log's
	// checkpoint. The keys of logs in it play no part.
	Policy Policy
}

// Entered is an event at its place.
type Entered struct {
	Epoch   int
	Partner string // "" for the main log
	Index   int64
	Event   Event
	Raw     []byte // good during the call
	Entry   [EntrySize]byte
}

// Report is what was verified.
type Report struct {
	Home    ExportHome
	Keys    []string         // the verifier keys of the main logs, as the export has them
	Epochs  int              // of these, each but the first begins with a discontinuity
	Logs    int              // of all epochs
	Sizes   map[string]int64 // of each log, by its origin
	Entries int64            // of all logs
	Erased  int64            // entries whose event was erased
	Kinds   map[string]int64 // events of the main logs
	Shared  map[string]int64 // events of the partners' logs, by kind
	Feeds   int
	Lines   int64 // entries of feeds
	Pages   int64 // deliveries that were held against a feed
	// Late are entries of partners' logs that no heads event of the main log vouches for
	// yet: those of the last moments before the export.
	Late int64
	// Witnessed are the cosignatures of the newest main log's checkpoint that the witnesses
	// of the policy made.
	Witnessed []Signature
	// Notes are what is no fault, and should be known: an epoch whose beginning no older
	// key has signed.
	Notes []string
}

// Verify checks a whole export: that every tree is what its entries give, every signature
// right, every event that of its entry, the partners' logs told in the main log, the feeds
// and deliveries covered by events. The first thing that does not fit is a Conflict whose
// cause is a [*Fault]. Other errors are of reading. It keeps some 50 bytes in memory for
// each entry of a feed, and little else that grows.
func Verify(ctx context.Context, files Files, o Options) (Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	v := &verifier{ctx: ctx, files: files, o: o, slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		feeds: map[string]*feed{}, logs: map[string]verified{},
		named: map[named]at{}, unnamed: map[named]at{}, pages: map[named]string{}, erased: map[[EntrySize]byte]at{}, told: map[[EntrySize]byte]bool{}}
	v.report.Kinds, v.report.Shared, v.report.Sizes = map[string]int64{}, map[string]int64{}, map[string]int64{}
	err := v.run()
	cancel()
	v.running.Wait()
	if f := (*Fault)(nil); errors.As(err, &f) {
		err = entente.Errorf(entente.Conflict, "%w", f)
	}
	return v.report, err
}

// at is a place in a log.
type at struct {
	epoch   int
	partner string
	index   int64
	origin  string
}

// named is an entry of a partner's log.
type named struct {
	partner string
	entry   [EntrySize]byte
}

// verified is a log whose tree was found right.
type verified struct {
	place
	root [32]byte
	keys []Verifier
}

type verifier struct {
	ctx    context.Context
	files  Files
	o      Options
	slots  chan struct{} // one for each bundle that is worked on
	x      Export
	hashes Hashes // of the manifest
	feeds  map[string]*feed
	logs   map[string]verified // by origin
	// named are entries of partners' logs that the main log names and that were not read
	// yet, unnamed the other way round.
	named, unnamed map[named]at
	pages          map[named]string         // of deliveries of which one side was read
	erased         map[[EntrySize]byte]at   // entries whose event is not there
	told           map[[EntrySize]byte]bool // entries whose erasure an event tells
	report         Report
	running        sync.WaitGroup
}

func (v *verifier) run() error {
	raw, err := readFile(v.ctx, v.files, ExportFile, maxExport)
	if err != nil {
		return fileFault("", ExportFile, err)
	}
	if v.x, err = ParseExport(raw); err != nil {
		return &Fault{File: ExportFile, Index: -1, Text: entente.PublicText(err)}
	}
	v.report.Home, v.report.Epochs = v.x.Home, len(v.x.Epochs)
	if err := v.keys(); err != nil {
		return err
	}
	paths, err := v.manifest(raw)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if !strings.HasPrefix(path, feedsDir) {
			continue
		}
		f, sum, err := readFeed(v.ctx, v.files, path)
		if err == nil {
			err = v.listed(path, sum)
		}
		if err != nil {
			return err
		}
		v.feeds[f.Feed] = f
		v.report.Feeds++
		v.report.Lines += int64(len(f.seqs))
	}
	for _, e := range v.x.Epochs {
		if err := v.epoch(e); err != nil {
			return err
		}
	}
	if err := v.leftover(); err != nil {
		return err
	}
	for _, path := range paths {
		if name, ok := strings.CutPrefix(path, feedsDir); ok {
			if text := v.feeds[strings.TrimSuffix(name, ".ndjson")].rest(); text != "" {
				return &Fault{File: path, Index: -1, Text: text}
			}
		}
	}
	return v.seen()
}

// keys holds each key that is not the first of an epoch against the one before, and the
// keys that were got elsewhere against those of the export.
func (v *verifier) keys() error {
	fault := func(format string, args ...any) error {
		return &Fault{File: ExportFile, Index: -1, Text: fmt.Sprintf(format, args...)}
	}
	for _, e := range v.x.Epochs {
		origin := e.Logs[0].Origin
		for i, k := range e.Keys {
			v.report.Keys = append(v.report.Keys, e.key(i, origin).String())
			if i == 0 {
				if e.Epoch == 1 && k.Signature != "" {
					return fault("the first key of epoch 1 has a signature; there is no key before it")
				}
				continue
			}
			sig, _ := hex.DecodeString(k.Signature)
			if !ed25519.Verify(e.key(i-1, origin).Public(), KeyStatement(origin, k.From, e.key(i, origin).Public()), sig) {
				return fault("key %d of epoch %d, from size %d, is not signed by the key before it", i, e.Epoch, k.From)
			}
		}
	}
	for _, known := range v.o.Keys {
		found := false
		for _, e := range v.x.Epochs {
			for _, l := range e.Logs {
				found = found || l.Origin == known.Name() && slices.ContainsFunc(e.verifiers(l.Origin), func(k Verifier) bool { return k.String() == known.String() })
			}
		}
		if !found {
			return fault("the key %s, which is known to be that of this ledger, is none of its keys", known)
		}
	}
	return nil
}

// manifest reads the manifest: it must list what no tree holds, and nothing else.
func (v *verifier) manifest(export []byte) (paths []string, err error) {
	signed, err := readFile(v.ctx, v.files, ManifestFile, maxExport)
	if err != nil {
		return nil, fileFault("", ManifestFile, err)
	}
	fault := func(format string, args ...any) error {
		return &Fault{File: ManifestFile, Index: -1, Text: fmt.Sprintf(format, args...)}
	}
	last := v.x.Epochs[len(v.x.Epochs)-1]
	paths, v.hashes, err = openManifest(signed, last.key(len(last.Keys)-1, last.Logs[0].Origin))
	if err != nil {
		return nil, fault("%s", entente.PublicText(err))
	}
	if err := v.listed(ExportFile, sha256.Sum256(export)); err != nil {
		return nil, err
	}
	expected := map[string]bool{ExportFile: true}
	for _, e := range v.x.Epochs {
		for _, l := range e.Logs {
			expected[LogDir(e.Epoch, l.Partner)+"/checkpoint"] = true
		}
	}
	for _, path := range paths {
		name, isFeed := strings.CutPrefix(path, feedsDir)
		if id, ok := strings.CutSuffix(name, ".ndjson"); !expected[path] && (!isFeed || !ok || !entente.IsUUID(id)) {
			return nil, fault("it lists %s, which is no file of this export", clip(path))
		}
	}
	return paths, nil
}

// listed holds the hash of a file against the manifest.
func (v *verifier) listed(path string, sum [sha256.Size]byte) error {
	want, ok := v.hashes[path]
	switch {
	case !ok:
		return &Fault{File: ManifestFile, Index: -1, Text: "it does not list " + path}
	case want != sum:
		return &Fault{File: path, Index: -1, Text: fmt.Sprintf("its SHA-256 is %x; %s has %x", sum, ManifestFile, want)}
	}
	return nil
}

// leftover finds what the main logs and the partners' do not say of each other, and
// erasures that nobody told.
func (v *verifier) leftover() error {
	var first *at
	var what string
	find := func(a at, text string) {
		if first == nil || a.epoch < first.epoch || a.epoch == first.epoch && (a.origin < first.origin || a.origin == first.origin && a.index < first.index) {
			first, what = &a, text
		}
	}
	for n, a := range v.unnamed {
		find(a, fmt.Sprintf("no event of the main log names this entry, %x", n.entry))
	}
	for entry, a := range v.erased {
		if !v.told[entry] {
			find(a, fmt.Sprintf("the event is erased, and no %s event tells so", KindErase))
		}
	}
	if first == nil {
		return nil
	}
	return &Fault{Log: first.origin, Index: first.index, Text: what}
}

// seen holds checkpoints that were seen before against the logs.
func (v *verifier) seen() error {
	for _, signed := range v.o.Seen {
		if p, err := ParseProof(signed); err == nil {
			signed = p.Checkpoint
		}
		text, _, _ := strings.Cut(string(signed), "\n\n")
		claimed, err := ParseCheckpoint(text + "\n")
		if err != nil {
			return entente.Errorf(entente.Invalid, "one of the checkpoints that were seen before cannot be read: %s", entente.PublicText(err))
		}
		l, ok := v.logs[claimed.Origin]
		if !ok {
			return &Fault{Log: claimed.Origin, Index: -1, Text: fmt.Sprintf("the export has no such log; a checkpoint of %d entries of it was seen", claimed.Size)}
		}
		c, _, err := OpenCheckpoint(signed, append(l.keys, v.o.Keys...)...)
		if err != nil {
			return entente.Errorf(entente.Invalid, "the checkpoint of %s at %d entries, which was seen before, is signed by none of its keys: %s", claimed.Origin, claimed.Size, entente.PublicText(err))
		}
		if c.Size > l.size {
			return l.fault(-1, "checkpoint", "the log has %d entries, but a checkpoint of %d was seen: it was cut off or rolled back", l.size, c.Size)
		}
		root, err := RootOf(v.ctx, tileFiles{l.files, l.dir, l.size}, c.Size)
		if err != nil {
			return err
		}
		if root != c.Root {
			return l.fault(-1, "checkpoint", "at %d entries the log has the root %s, but a checkpoint with the root %s was seen: its history was changed", c.Size, root, c.Root)
		}
	}
	return nil
}
