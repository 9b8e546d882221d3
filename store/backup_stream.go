package store

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"entente"
)

// The stream of a backup, once inflated, is a sequence of records, each a letter and what
// belongs to it. Numbers are varints; texts and bytes are their length and themselves.
const (
	recordTable = 'T' // name, count of columns, then per column its name and kind
	recordRow   = 'R' // the values of the row, as the columns say
	recordEnd   = 'E' // of a table: how many rows it had
	recordDone  = 'Z' // nothing comes after
)

// maxPacked bounds one value of a backup, so that a forged length cannot take all memory.
const maxPacked = 1 << 30

// packer writes the stream of a backup.
type packer struct {
	sum *summed
	z   *flate.Writer
	buf []byte // a record being made
	err error  // the first; what is written after it is lost
}

func newPacker(w io.Writer, info BackupInfo) (*packer, error) {
	p := &packer{sum: newSummed(w)}
	if err := p.sum.head(info); err != nil {
		return nil, err
	}
	var err error
	p.z, err = flate.NewWriter(p.sum, flate.BestSpeed)
	return p, err
}

func (p *packer) text(s string) {
	p.buf = append(binary.AppendUvarint(p.buf, uint64(len(s))), s...)
}

func (p *packer) flush() {
	if p.err == nil {
		_, p.err = p.z.Write(p.buf)
	}
	p.buf = p.buf[:0]
}

func (p *packer) table(x table) {
	p.buf = append(p.buf, recordTable)
	p.text(x.name)
	p.buf = binary.AppendUvarint(p.buf, uint64(len(x.columns)))
	for _, c := range x.columns {
		p.text(c.name)
		p.text(c.kind)
	}
	p.flush()
}

func (p *packer) row(x table, values []any) error {
	p.buf = append(p.buf, recordRow)
	for i, c := range x.columns {
		switch v := values[i].(type) {
		case int64:
			p.buf = binary.AppendVarint(p.buf, v)
		case string:
			p.text(v)
		case []byte:
			p.buf = append(binary.AppendUvarint(p.buf, uint64(len(v))), v...)
		}
		if _, number := values[i].(int64); values[i] == nil || number != (c.kind == "bigint") {
			return entente.Errorf(entente.Internal, "the database is damaged: a row of table %s has a value of a wrong kind in column %s (entente doctor)", x.name, c.name)
		}
	}
	p.flush()
	return p.err
}

func (p *packer) endTable(rows int64) {
	p.buf = binary.AppendUvarint(append(p.buf, recordEnd), uint64(rows))
	p.flush()
}

func (p *packer) finish() error {
	p.buf = append(p.buf, recordDone)
	p.flush()
	if err := errors.Join(p.err, p.z.Close()); err != nil {
		return err
	}
	return p.sum.finish()
}

// unpacker reads the stream of a backup.
type unpacker struct{ r *bufio.Reader }

func newUnpacker(r io.Reader) *unpacker {
	return &unpacker{bufio.NewReaderSize(flate.NewReader(bufio.NewReaderSize(r, 1<<18)), 1<<18)}
}

func (u *unpacker) number() (int64, error) {
	n, err := binary.ReadUvarint(u.r)
	if err == nil && n > maxPacked {
		err = fmt.Errorf("a length of %d", n)
	}
	return int64(n), err
}

func (u *unpacker) bytes() ([]byte, error) {
	n, err := u.number()
	if err != nil {
		return nil, err
	}
	// What a length says is believed only as far as there is something behind it.
	b := make([]byte, 0, min(n, 64<<10))
	for int64(len(b)) < n && err == nil {
		b = slices.Grow(b, 1)
		part := b[len(b):min(int64(cap(b)), n)]
		n, e := io.ReadFull(u.r, part)
		b, err = b[:len(b)+n], e
	}
	return b, err
}

func (u *unpacker) text() (string, error) {
	b, err := u.bytes()
	return string(b), err
}

// next gives the table that comes next; false at the end.
func (u *unpacker) next() (table, bool, error) {
	var x table
	letter, err := u.r.ReadByte()
	switch {
	case err != nil:
		return x, false, err
	case letter == recordDone:
		if _, err := u.r.ReadByte(); err != io.EOF {
			return x, false, fmt.Errorf("more after the end: %v", err)
		}
		return x, false, nil
	case letter != recordTable:
		return x, false, fmt.Errorf("a record %q where a table begins", letter)
	}
	if x.name, err = u.text(); err != nil {
		return x, false, err
	}
	n, err := u.number()
	for range n {
		var c column
		if c.name, err = u.text(); err == nil {
			c.kind, err = u.text()
		}
		if err != nil {
			break
		}
		x.columns = append(x.columns, c)
	}
	return x, true, err
}

// row gives the next row of a table and its size; nil after the last.
func (u *unpacker) row(x table, had int64) (values []any, size int, err error) {
	letter, err := u.r.ReadByte()
	if err != nil {
		return nil, 0, err
	}
	if letter == recordEnd {
		n, err := binary.ReadUvarint(u.r)
		if err == nil && n != uint64(had) {
			err = fmt.Errorf("table %s has %d rows and says %d", x.name, had, n)
		}
		return nil, 0, err
	}
	if letter != recordRow {
		return nil, 0, fmt.Errorf("a record %q where a row begins", letter)
	}
	values = make([]any, len(x.columns))
	for i, c := range x.columns {
		switch c.kind {
		case "bigint":
			values[i], err = binary.ReadVarint(u.r)
			size += 8
		case "text":
			var s string
			s, err = u.text()
			values[i], size = s, size+len(s)
		default:
			var b []byte
			b, err = u.bytes()
			values[i], size = b, size+len(b)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return values, size, nil
}
