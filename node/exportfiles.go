package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"entente"
	"entente/ledger"
	"entente/store"
)

// exportFiles are the files of an export of the ledger, made of the database as one
// transaction sees it when they are asked for. It holds a few bundles at a time, whatever
// the ledger's size. It may be used from many goroutines, of which one reads at a time.
//
// Where the columns of a row do not agree with each other, opening the file is a
// [*ledger.Fault]: an export has each fact once, and would hide that.
type exportFiles struct {
	mu     sync.Mutex
	t      *store.Tx
	export ledger.Export
	key    ledger.Key                 // the last
	logs   map[string]store.LedgerLog // by directory
	feeds  map[string]store.ExportedFeed
	order  []string                       // of all paths that a manifest lists
	sums   ledger.Hashes                  // of these, as far as they are known
	read   map[string][]store.LedgerEntry // bundles whose entries were opened, and not yet their events
	rows   map[int64]store.LedgerRows     // by log
}

// newExportFiles reads what there is. Conflict if there is no ledger yet.
func newExportFiles(ctx context.Context, t *store.Tx) (*exportFiles, error) {
	x := &exportFiles{t: t, logs: map[string]store.LedgerLog{}, feeds: map[string]store.ExportedFeed{}, sums: ledger.Hashes{}, read: map[string][]store.LedgerEntry{}}
	home, err := t.Home(ctx)
	if err != nil {
		return nil, err
	}
	x.export.Home = ledger.ExportHome{ID: home.ID, Name: home.Name}
	logs, err := t.LedgerLogs(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := t.LedgerKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || len(logs) == 0 {
		return nil, entente.Errorf(entente.Conflict, "the ledger has no event yet: whatever is done makes the first")
	}
	if x.rows, err = t.LedgerRows(ctx); err != nil {
		return nil, err
	}
	generation := int64(0)
	for _, k := range keys {
		e := x.epoch(k.Epoch)
		if k.Generation != generation+1 && !(k.Generation == 1 && len(e.Keys) == 0) {
			return nil, rowFault("ledger_key", "key %d of epoch %d stands where key %d should", k.Generation, k.Epoch, generation+1)
		}
		generation = k.Generation
		public, err := publicOf(k)
		if err != nil {
			return nil, rowFault("ledger_key", "key %d of epoch %d is none", k.Generation, k.Epoch)
		}
		if x.key, err = ledger.NewKey(k.Seed); len(k.Seed) > 0 && (err != nil || !bytes.Equal(x.key.Public(), public)) {
			return nil, rowFault("ledger_key", "the secret of key %d of epoch %d is not that of its public key %x", k.Generation, k.Epoch, public)
		}
		e.Keys = append(e.Keys, ledger.ExportKey{Key: hex.EncodeToString(public), From: k.Size, Signature: hex.EncodeToString(k.Endorsed)})
	}
	if last := keys[len(keys)-1]; len(last.Seed) == 0 {
		return nil, rowFault("ledger_key", "the secret of key %d of epoch %d, which signs, is not there; if it is lost for good, declare it: entente ledger renew --lost-key --cause TEXT", last.Generation, last.Epoch)
	}
	for _, l := range logs {
		e := x.epoch(l.Epoch)
		e.Logs = append(e.Logs, ledger.ExportLog{Origin: originOf(home.ID, l.Epoch, l.Organisation), Partner: l.Organisation})
		dir := ledger.LogDir(int(l.Epoch), l.Organisation)
		x.logs[dir] = l
		x.order = append(x.order, dir+"/checkpoint")
	}
	feeds, err := t.ExportedFeeds(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range feeds {
		x.feeds[ledger.FeedFile(f.ID)] = f
		x.order = append(x.order, ledger.FeedFile(f.ID))
	}
	x.order = append([]string{ledger.ExportFile}, x.order...)
	return x, x.whole()
}

func (x *exportFiles) epoch(n int64) *ledger.ExportEpoch {
	for i := range x.export.Epochs {
		if x.export.Epochs[i].Epoch == int(n) {
			return &x.export.Epochs[i]
		}
	}
	x.export.Epochs = append(x.export.Epochs, ledger.ExportEpoch{Epoch: int(n)})
	return &x.export.Epochs[len(x.export.Epochs)-1]
}

// whole holds the number of rows of each log against its size.
func (x *exportFiles) whole() error {
	left := map[int64]store.LedgerRows{}
	for log, r := range x.rows {
		left[log] = r
	}
	for _, dir := range x.order {
		dir, isLog := strings.CutSuffix(dir, "/checkpoint")
		if !isLog {
			continue
		}
		l, tiles := x.logs[dir], int64(0)
		for p := range ledger.Paths(l.Size) {
			if p.Of != ledger.OfTile {
				break
			}
			tiles++
		}
		r := left[l.Num]
		delete(left, l.Num)
		if r.Entries != l.Size || r.Tiles != tiles {
			return &ledger.Fault{Log: x.origin(l), Index: -1, Text: fmt.Sprintf("the database has %d entries of it in %d tiles; its size, %d, asks for %d tiles", r.Entries, r.Tiles, l.Size, tiles)}
		}
	}
	for log, r := range left {
		return rowFault("ledger_entry, ledger_tile", "%d entries and %d tiles belong to the log number %d, which does not exist", r.Entries, r.Tiles, log)
	}
	return nil
}

func (x *exportFiles) origin(l store.LedgerLog) string {
	return originOf(x.export.Home.ID, l.Epoch, l.Organisation)
}

// rowFault is a fault of rows that belong to no log.
func rowFault(table, format string, args ...any) error {
	return &ledger.Fault{File: "table " + table, Index: -1, Text: fmt.Sprintf(format, args...)}
}

// Open is for [ledger.Files].
func (x *exportFiles) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	if f, ok := x.feeds[path]; ok {
		return io.NopCloser(x.feed(ctx, f)), nil
	}
	b, err := x.file(ctx, path)
	return io.NopCloser(bytes.NewReader(b)), err
}

func (x *exportFiles) file(ctx context.Context, path string) ([]byte, error) {
	switch path {
	case ledger.ExportFile:
		return x.export.Marshal()
	case ledger.ManifestFile:
		return x.manifest(ctx)
	}
	epoch, rest, _ := strings.Cut(path, "/")
	partner, rest, _ := strings.Cut(rest, "/")
	l, ok := x.logs[epoch+"/"+partner]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if rest == "checkpoint" {
		return x.checkpoint(l)
	}
	p, err := ledger.ParsePath(rest)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	fault := func(index int64, format string, args ...any) ([]byte, error) {
		return nil, &ledger.Fault{Log: x.origin(l), File: path, Index: index, Text: fmt.Sprintf(format, args...)}
	}
	if p.Of == ledger.OfTile {
		b, err := x.t.LedgerTile(ctx, l.Num, p.Level, p.Index)
		if err == nil && b == nil {
			err = fs.ErrNotExist
		}
		return b, err
	}
	bundle := fmt.Sprint(l.Num, " ", p.Index)
	rows, ok := x.read[bundle]
	if !ok {
		if rows, err = x.t.LedgerEntries(ctx, l.Num, p.Index*ledger.TileWidth, p.Width); err != nil {
			return nil, err
		}
	}
	entries, lines := make([][]byte, len(rows)), []byte(nil)
	for i, e := range rows {
		if want := p.Index*ledger.TileWidth + int64(i); e.Index != want {
			return fault(want, "the entry is missing")
		}
		if entries[i] = e.Entry; p.Of == ledger.OfEntries {
			continue
		}
		if e.Erased() {
			lines = ledger.AppendErasedLine(lines)
			continue
		}
		if text := misplaced(e); text != "" {
			return fault(e.Index, "%s", text)
		}
		lines = ledger.AppendEventLine(lines, [ledger.EventSaltSize]byte(e.Salt), e.Body)
	}
	if p.Of == ledger.OfEvents {
		delete(x.read, bundle)
		return lines, nil
	}
	if len(x.read) > maxBundlesRead { // that nobody asks the events of
		clear(x.read)
	}
	x.read[bundle] = rows
	return ledger.EncodeBundle(entries)
}

const maxBundlesRead = 64

// misplaced says what the columns of an entry's row say otherwise than its event.
func misplaced(e store.LedgerEntry) string {
	if len(e.Salt) != ledger.EventSaltSize {
		return fmt.Sprintf("its salt has %d bytes; a salt has %d", len(e.Salt), ledger.EventSaltSize)
	}
	var of struct{ ID, Kind, Time string }
	if err := json.Unmarshal(e.Body, &of); err != nil {
		return "the event is no JSON"
	}
	if of.ID != e.ID || of.Kind != e.Kind || of.Time != entente.FormatMicros(e.At) {
		return fmt.Sprintf("the event is %s, %s, of %s; its row in the database says %s, %s, of %s", of.ID, of.Kind, of.Time, e.ID, e.Kind, entente.FormatMicros(e.At))
	}
	return ""
}

// textOf is the text of a signed note.
func textOf(note []byte) string {
	text, _, _ := strings.Cut(string(note), "\n\n")
	return text + "\n"
}

// checkpoint is the signed checkpoint of a log.
func (x *exportFiles) checkpoint(l store.LedgerLog) ([]byte, error) {
	c, err := ledger.ParseCheckpoint(textOf(l.Note))
	if err == nil && (c.Size != l.Size || !bytes.Equal(c.Root[:], l.Root)) {
		err = entente.Errorf(entente.Conflict, "it has %d entries and the root %s; its row in the database says %d entries and the root %x", c.Size, c.Root, l.Size, l.Root)
	}
	if err != nil {
		return nil, &ledger.Fault{Log: x.origin(l), File: ledger.LogDir(int(l.Epoch), l.Organisation) + "/checkpoint", Index: -1, Text: entente.PublicText(err)}
	}
	return l.Note, nil
}

// manifest signs the list of what no tree holds. It reads whatever was not read before.
func (x *exportFiles) manifest(ctx context.Context) ([]byte, error) {
	for _, path := range x.order {
		if _, ok := x.sums[path]; ok {
			continue
		}
		f, err := x.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return nil, err
		}
		x.sums[path] = [sha256.Size]byte(h.Sum(nil))
	}
	last := x.export.Epochs[len(x.export.Epochs)-1]
	return ledger.SignManifest(x.key, originOf(x.export.Home.ID, int64(last.Epoch), ""), x.order, x.sums)
}

// feedPage is how many entries of a feed are read at a time.
const feedPage = 1000

// feedReader writes the lines of a feed as they are read.
type feedReader struct {
	ctx  context.Context
	x    *exportFiles
	of   store.ExportedFeed
	at   int64 // the last position that was read
	done bool
	buf  bytes.Buffer
}

func (x *exportFiles) feed(ctx context.Context, f store.ExportedFeed) *feedReader {
	r := &feedReader{ctx: ctx, x: x, of: f}
	line(&r.buf, ledger.FeedHead{Feed: f.ID, Agreement: f.Agreement, Head: f.Head})
	return r
}

func line(to *bytes.Buffer, v any) {
	b, _ := json.Marshal(v) // of texts and numbers, which have a JSON form
	to.Write(b)
	to.WriteByte('\n')
}

func (r *feedReader) Read(p []byte) (int, error) {
	for r.buf.Len() == 0 {
		if r.done {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	return r.buf.Read(p)
}

func (r *feedReader) next() error {
	r.x.mu.Lock()
	lines, err := r.x.t.ExportedLines(r.ctx, r.of.Num, r.at, r.of.Head, feedPage)
	r.x.mu.Unlock()
	if err != nil {
		return err
	}
	for _, l := range lines {
		r.at = l.Seq
		out := ledger.FeedLine{Seq: l.Seq, Added: entente.FormatMicros(l.Added), Gone: l.Gone, Commitment: l.Commitment.String()}
		if !l.Erased {
			out.Salt, out.Digest, out.ID, out.Version = hex.EncodeToString(l.Salt), l.Digest.String(), l.ID, l.Stamp
		}
		line(&r.buf, out)
	}
	r.done = len(lines) < feedPage
	return nil
}
