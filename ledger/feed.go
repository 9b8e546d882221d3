package ledger

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"

	"entente"
)

// maxFeedLine bounds a line of a feed, in bytes.
const maxFeedLine = 16 << 10

// FeedHead is the first line of a feed's file.
type FeedHead struct {
	Feed      string `json:"feed"`
	Agreement string `json:"agreement"`
	Head      int64  `json:"head"`
}

// FeedLine is one entry of a release feed. Gone is the position at which it left, 0 if it
// stands. Salt, Digest, ID and Version are missing where its content was erased.
type FeedLine struct {
	Seq        int64  `json:"seq"`
	Added      string `json:"added"`
	Gone       int64  `json:"gone"`
	Commitment string `json:"commitment"`
	Salt       string `json:"salt,omitempty"`
	Digest     string `json:"digest,omitempty"`
	ID         string `json:"id,omitempty"`
	Version    string `json:"version,omitempty"`
}

// feed is what is kept of a feed while the events about it are checked: 49 bytes for each
// entry.
type feed struct {
	FeedHead
	path        string
	seqs        []int64
	gone        []int64
	commitments []entente.Commitment
	told        []bool    // that the entry is gone was told by an event
	covered     int64     // the last number that an event covers
	next        int       // the first line that no event covers
	flipped     int64     // the last head that a flip told
	staged      []*judged // what counts from the next flip on
}

// readFeed reads a feed and the hash of its file.
func readFeed(ctx context.Context, files Files, path string) (f *feed, sum [sha256.Size]byte, err error) {
	file, err := files.Open(ctx, path)
	if err != nil {
		return nil, sum, fileFault("", path, err)
	}
	defer file.Close()
	f = &feed{path: path}
	hash := sha256.New()
	r := bufio.NewReaderSize(io.TeeReader(file, hash), maxFeedLine)
	added := ""
	for n := 1; ; n++ {
		fault := func(format string, args ...any) error {
			return &Fault{File: path, Index: -1, Text: fmt.Sprintf("line %d: ", n) + fmt.Sprintf(format, args...)}
		}
		line, err := r.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0 && n > 1:
			return f, [sha256.Size]byte(hash.Sum(nil)), nil
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, sum, fault("it is longer than %d bytes", maxFeedLine)
		case err == io.EOF:
			return nil, sum, fault("the file ends within it")
		case err != nil:
			return nil, sum, fileFault("", path, err)
		}
		if n == 1 {
			if err := json.Unmarshal(line, &f.FeedHead, json.RejectUnknownMembers(true)); err != nil || FeedFile(f.Feed) != path || f.Head < 0 {
				return nil, sum, fault("it is not the head of this feed: {\"feed\":…,\"agreement\":…,\"head\":N}")
			}
			continue
		}
		var l FeedLine
		if err := json.Unmarshal(line, &l, json.RejectUnknownMembers(true)); err != nil {
			return nil, sum, fault("it is not an entry of a feed")
		}
		if text := f.add(l); text != "" {
			return nil, sum, fault("%s", text)
		}
		if l.Added != "" && l.Added <= added && l.Seq <= f.Head {
			return nil, sum, fault("entry %d was added at %s, but the one before at %s; times ascend", l.Seq, clip(l.Added), added)
		}
		added = l.Added
	}
}

// add takes an entry, and says what is wrong with it.
func (f *feed) add(l FeedLine) string {
	commitment, ok := hexHash(l.Commitment)
	if !ok {
		return "the commitment is not 32 bytes in lower-case hexadecimal"
	}
	if n := len(f.seqs); l.Seq < 1 || n > 0 && l.Seq <= f.seqs[n-1] {
		return fmt.Sprintf("entry %d stands here, where a larger number than that of the line before should", l.Seq)
	}
	if l.Gone != 0 && l.Gone < l.Seq {
		return fmt.Sprintf("entry %d is gone at %d, before it came", l.Seq, l.Gone)
	}
	if l.Salt != "" || l.Digest != "" || l.ID != "" || l.Version != "" {
		var salt [entente.SaltSize]byte
		digest, ok := hexHash(l.Digest)
		if !ok || !unhex(salt[:], l.Salt) {
			return fmt.Sprintf("the digest is not 32 bytes, or the salt not %d, in lower-case hexadecimal", entente.SaltSize)
		}
		if c := entente.Commit(salt[:], entente.Digest(digest)); c != entente.Commitment(commitment) {
			return fmt.Sprintf("the commitment of entry %d is %s, but salt and digest give %s", l.Seq, l.Commitment, c)
		}
	}
	f.seqs, f.gone, f.told = append(f.seqs, l.Seq), append(f.gone, l.Gone), append(f.told, false)
	f.commitments = append(f.commitments, entente.Commitment(commitment))
	return ""
}

// judge holds the entries that an event covers against the feed. What is staged waits: it
// may be given up, and then its numbers are given again.
func (f *feed) judge(j *judged) string {
	if j.Result == "staged" {
		f.staged = append(f.staged, j)
		return ""
	}
	return f.count(j)
}

func (f *feed) count(j *judged) string {
	if e := j.Entries; e.Count != 0 {
		if e.From <= f.covered || e.To < e.From {
			return fmt.Sprintf("it covers the entries %d to %d of feed %s, but those up to %d are covered already", e.From, e.To, f.Feed, f.covered)
		}
		if f.next < len(f.seqs) && f.seqs[f.next] < e.From {
			return fmt.Sprintf("it covers the entries from %d of feed %s on, but no event covers entry %d of %s", e.From, f.Feed, f.seqs[f.next], f.path)
		}
		var root FeedRoot
		for ; f.next < len(f.seqs) && f.seqs[f.next] <= e.To; f.next++ {
			root.Add(f.seqs[f.next], f.commitments[f.next])
		}
		f.covered = e.To
		if got := root.Root(); root.Size() != e.Count || hex.EncodeToString(got[:]) != e.Root {
			return fmt.Sprintf("it covers %d entries, %d to %d, of feed %s with the root %s; %s has %d there, with the root %x", e.Count, e.From, e.To, f.Feed, clip(e.Root), f.path, root.Size(), got[:])
		}
	}
	if g := j.Gone; g.Count != 0 || g.Seqs != "" {
		runs, ok := entente.ParseSeqs(g.Seqs)
		if !ok {
			return fmt.Sprintf("it tells that entries are gone, and %q are no numbers like 1-100,103 that ascend", clip(g.Seqs))
		}
		var root FeedRoot
		for i, text := range f.each(runs) {
			switch {
			case text != "":
				return "it tells that entries are gone, and " + text
			case f.gone[i] == 0:
				return fmt.Sprintf("it tells that entry %d of feed %s is gone; by %s it stands", f.seqs[i], f.Feed, f.path)
			case f.told[i]:
				return fmt.Sprintf("it tells that entry %d of feed %s is gone, which an event told before", f.seqs[i], f.Feed)
			}
			f.told[i] = true
			root.Add(f.seqs[i], f.commitments[i])
		}
		if got := root.Root(); root.Size() != g.Count || hex.EncodeToString(got[:]) != g.Root {
			return fmt.Sprintf("it tells of %d entries of feed %s that are gone, with the root %s; %s has %d of these numbers, with the root %x", g.Count, f.Feed, clip(g.Root), f.path, root.Size(), got[:])
		}
	}
	return ""
}

// deliver holds a delivery against the feed.
func (f *feed) deliver(d *delivered) string {
	runs, ok := entente.ParseSeqs(d.Seqs)
	if !ok {
		return fmt.Sprintf("it delivers entries, and %q are no numbers like 1-100,103 that ascend", clip(d.Seqs))
	}
	h, n := sha256.New(), int64(0)
	for i, text := range f.each(runs) {
		seq := int64(0)
		if text == "" {
			seq = f.seqs[i]
		}
		switch {
		case text != "":
			return "it delivers entries, and " + text
		case seq > d.Head || d.Head > f.Head:
			return fmt.Sprintf("it delivers entry %d of feed %s at the head %d; the head of %s is %d", seq, f.Feed, d.Head, f.path, f.Head)
		case f.gone[i] != 0 && f.gone[i] <= d.Head:
			return fmt.Sprintf("it delivers entry %d of feed %s at the head %d, which had left at %d", seq, f.Feed, d.Head, f.gone[i])
		}
		h.Write(f.commitments[i][:])
		n++
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != d.Count || got != d.List {
		return fmt.Sprintf("it delivers %d entries of feed %s with the list %s; %s has %d of these numbers, with the list %s", d.Count, f.Feed, clip(d.List), f.path, n, got)
	}
	return ""
}

// flip holds the head that a flip tells against the feed.
func (f *feed) flip(head int64) string {
	if head < f.flipped || head > f.Head {
		return fmt.Sprintf("it moves the head of feed %s to %d; it was at %d before, and is at %d in %s", f.Feed, head, f.flipped, f.Head, f.path)
	}
	f.flipped = head
	staged := f.staged
	f.staged = nil
	for _, j := range staged {
		if text := f.count(j); text != "" {
			return "of what was staged before it: " + text
		}
	}
	return ""
}

// rest says what no event told of the feed.
func (f *feed) rest() string {
	if f.next < len(f.seqs) && f.seqs[f.next] <= f.Head {
		return fmt.Sprintf("no judge event covers entry %d", f.seqs[f.next])
	}
	for i, gone := range f.gone {
		if gone != 0 && gone <= f.Head && f.seqs[i] <= f.Head && !f.told[i] {
			return fmt.Sprintf("entry %d is gone at %d, and no judge event tells so", f.seqs[i], gone)
		}
	}
	return "" // a head may be ahead of all entries: a restore moves it on
}

// each goes through the lines of runs, each number of which the feed must have.
func (f *feed) each(runs [][2]int64) func(yield func(i int, fault string) bool) {
	return func(yield func(int, string) bool) {
		for _, run := range runs {
			i, found := slices.BinarySearch(f.seqs, run[0])
			for seq := run[0]; seq <= run[1]; seq++ {
				if !found || i >= len(f.seqs) || f.seqs[i] != seq {
					yield(0, fmt.Sprintf("%s has no entry %d", f.path, seq))
					return
				}
				if !yield(i, "") {
					return
				}
				i++
			}
		}
	}
}
