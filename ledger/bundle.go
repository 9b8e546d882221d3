package ledger

import (
	"encoding/binary"
	"math"

	"entente"
)

// EncodeBundle writes the entries of a bundle: each with its length in two bytes, the
// higher one first, before it (C2SP tlog-tiles, log entries). Invalid for more than
// [TileWidth] entries, or one of more than 65,535 bytes.
func EncodeBundle(entries [][]byte) ([]byte, error) {
	if len(entries) > TileWidth {
		return nil, entente.Errorf(entente.Invalid, "a bundle has %d entries at most, not %d", TileWidth, len(entries))
	}
	var b []byte
	for i, e := range entries {
		if len(e) > math.MaxUint16 {
			return nil, entente.Errorf(entente.Invalid, "entry %d of a bundle has %d bytes; %d is the most", i, len(e), math.MaxUint16)
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
	}
	return b, nil
}

// DecodeBundle reads the entries of a bundle of a width; they are parts of b. Invalid if
// it has fewer or more, or ends within one.
func DecodeBundle(b []byte, width int) ([][]byte, error) {
	entries := make([][]byte, 0, max(0, min(width, TileWidth)))
	for len(b) > 0 {
		if len(entries) == width {
			return nil, entente.Errorf(entente.Invalid, "the bundle goes on behind its %d entries", width)
		}
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, entente.Errorf(entente.Invalid, "the bundle ends within its entry %d", len(entries))
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		entries = append(entries, b[2:n:n])
		b = b[n:]
	}
	if len(entries) != width {
		return nil, entente.Errorf(entente.Invalid, "the bundle has %d entries; the log's size asks for %d", len(entries), width)
	}
	return entries, nil
}
