package stix

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// chunk is the least room that a read is given, and what the buffer starts with.
	chunk = 32 << 10
	// maxWindow is the largest zstd window that is accepted, in bytes: what
	// "zstd --ultra -22" and "zstd --long" use. It bounds the memory of a hostile frame.
	maxWindow = 128 << 20
	// maxEmptyReads is how many reads in a row may give nothing.
	maxEmptyReads = 100
)

// source is a window on the input. Offsets are absolute: they count bytes of the
// decompressed input from its beginning. Bytes from keep on stay in the window, up to
// limit: beyond it keep becomes negative, and then only bytes from pos on stay.
type source struct {
	r     io.Reader
	below *tattler
	form  string // "gzip", "zstd", or "" for plain bytes
	total int64  // most bytes to read, 0 for any number
	limit int64  // most bytes to keep

	buf  []byte
	base int64 // offset of buf[0]
	pos  int   // next byte in buf
	keep int64
	err  error // why no more bytes come; io.EOF at a clean end

	lines  int64 // newlines before counted
	counts int64 // offset up to which newlines were counted
}

// tattler remembers how the reader below a decompressor ended, to tell damaged
// compression from a reader that failed.
type tattler struct {
	r   io.Reader
	err error
}

func (t *tattler) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && err != io.EOF {
		t.err = err
	}
	return n, err
}

// open detects compression by its magic number if unpack is set, and skips a byte order mark.
func (s *source) open(unpack bool) {
	s.buf = make([]byte, 0, 2*chunk)
	if unpack {
		s.unpack()
	}
	if s.err != nil {
		return
	}
	for len(s.buf) < 3 && s.more() {
	}
	if bytes.HasPrefix(s.buf, []byte("\xef\xbb\xbf")) {
		s.pos = 3
	}
}

func (s *source) unpack() {
	head := bufio.NewReaderSize(s.r, chunk)
	magic, _ := head.Peek(4)
	s.r = head
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		s.form = "gzip"
		z, err := gzip.NewReader(head)
		if err != nil {
			s.err = fmt.Errorf("gzip: %w", err)
			return
		}
		s.r = z
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		s.form = "zstd"
		// One decoder without goroutines: nothing is left running if the caller stops.
		z, err := zstd.NewReader(head, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			s.err = fmt.Errorf("zstd: %w", err)
			return
		}
		s.r = z
	}
}

var errTotal = errors.New("the input is longer than allowed")

// more reads on; it reports false if nothing further comes, and then err says why.
func (s *source) more() bool {
	if s.err != nil {
		return false
	}
	if s.keep >= 0 && s.offset()-s.keep > s.limit {
		s.keep = -1
	}
	from := s.pos
	if s.keep >= 0 {
		from = min(from, int(s.keep-s.base))
	}
	if cap(s.buf)-len(s.buf) < chunk {
		if from > 0 {
			s.countTo(s.base + int64(from))
			n := copy(s.buf, s.buf[from:])
			s.buf = s.buf[:n]
			s.base += int64(from)
			s.pos -= from
		}
		if cap(s.buf)-len(s.buf) < chunk {
			grown := make([]byte, len(s.buf), 2*cap(s.buf))
			copy(grown, s.buf)
			s.buf = grown
		}
	}
	for range maxEmptyReads {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if err != nil {
			s.err = err
		}
		if s.total > 0 && s.end() > s.total {
			s.buf = s.buf[:max(0, len(s.buf)-int(s.end()-s.total))]
			s.err = errTotal
			n = min(n, len(s.buf)-s.pos)
		}
		if n > 0 {
			return true
		}
		if s.err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// offset is where pos stands in the decompressed input, end where the window ends.
func (s *source) offset() int64 { return s.base + int64(s.pos) }
func (s *source) end() int64    { return s.base + int64(len(s.buf)) }

// bytes is the window from one offset to another; both must lie in it.
func (s *source) bytes(from, to int64) []byte {
	return s.buf[from-s.base : to-s.base : to-s.base]
}

// countTo counts newlines up to an offset in the window.
func (s *source) countTo(to int64) {
	if to > s.counts {
		s.lines += int64(bytes.Count(s.buf[s.counts-s.base:to-s.base], []byte{'\n'}))
		s.counts = to
	}
}

// line is the number of the line at pos, from 1.
func (s *source) line() int64 {
	s.countTo(s.offset())
	return s.lines + 1
}

// space skips white space of JSON (RFC 8259 §2) and gives the byte after it without
// consuming it; false at the end of the input.
func (s *source) space() (byte, bool) {
	for {
		for s.pos < len(s.buf) {
			switch c := s.buf[s.pos]; c {
			case ' ', '\t', '\n', '\r':
				s.pos++
			default:
				return c, true
			}
		}
		if !s.more() {
			return 0, false
		}
	}
}
