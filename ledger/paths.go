package ledger

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"entente"
)

// Path names a file of a log by what it holds: a tile, a bundle of entries, or the events
// of a bundle.
type Path struct {
	// Of is "tile", "entries" or "events".
	Of    string
	Level int // of a tile, 0 to 63; 0 for the others
	Index int64
	Width int // 1 to TileWidth; less than that is partial
}

// The things that paths lead to.
const (
	OfTile    = "tile"
	OfEntries = "entries"
	OfEvents  = "events"
)

// String is the path below the directory of the log (C2SP tlog-tiles): tile/L/NNN,
// tile/entries/NNN and events/NNN, with .p/W where partial.
func (p Path) String() string {
	n := fmt.Sprintf("%03d", p.Index%1000)
	for rest := p.Index / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	if p.Width < TileWidth {
		n += ".p/" + strconv.Itoa(p.Width)
	}
	switch p.Of {
	case OfEntries:
		return "tile/entries/" + n
	case OfEvents:
		return "events/" + n
	}
	return "tile/" + strconv.Itoa(p.Level) + "/" + n
}

// ParsePath reads what [Path.String] writes, and nothing else. NotFound for another path.
func ParsePath(path string) (Path, error) {
	unknown := entente.Errorf(entente.NotFound, "%q is not the path of a tile, of a bundle of entries or of events (C2SP tlog-tiles)", clip(path))
	p := Path{Of: OfTile, Width: TileWidth}
	rest, tile := strings.CutPrefix(path, "tile/")
	switch {
	case !tile:
		p.Of = OfEvents
		var ok bool
		if rest, ok = strings.CutPrefix(path, "events/"); !ok {
			return Path{}, unknown
		}
	case strings.HasPrefix(rest, "entries/"):
		p.Of, rest = OfEntries, rest[len("entries/"):]
	default:
		level, n, _ := strings.Cut(rest, "/")
		l, err := strconv.ParseUint(level, 10, 6)
		if err != nil {
			return Path{}, unknown
		}
		p.Level, rest = int(l), n
	}
	if n, width, ok := strings.Cut(rest, ".p/"); ok {
		w, err := strconv.ParseUint(width, 10, 8)
		if err != nil || w == 0 {
			return Path{}, unknown
		}
		rest, p.Width = n, int(w)
	}
	digits := strings.ReplaceAll(strings.ReplaceAll(rest, "x", ""), "/", "")
	n, ok := strconv.ParseInt(digits, 10, 64)
	if p.Index = n; ok != nil || n < 0 || p.String() != path {
		return Path{}, unknown
	}
	return p, nil
}

// Paths gives the files that a log of a size has beside its checkpoint: tiles level by level,
// then each bundle of entries with its events.
func Paths(size int64) iter.Seq[Path] {
	return func(yield func(Path) bool) {
		for level, n := 0, size; n > 0; level, n = level+1, n>>TileHeight {
			for i := range fileCount(n) {
				if !yield(Path{OfTile, level, i, fileWidth(n, i)}) {
					return
				}
			}
		}
		for i := range fileCount(size) {
			if !yield(Path{OfEntries, 0, i, fileWidth(size, i)}) || !yield(Path{OfEvents, 0, i, fileWidth(size, i)}) {
				return
			}
		}
	}
}

// files are the paths of one kind that a log of a size has: full ones, and a partial one
// at the end. count says how many, width how wide the one at an index is.
func fileCount(size int64) int64 { return size/TileWidth + min(size%TileWidth, 1) }

func fileWidth(size, index int64) int { return int(min(size-index*TileWidth, TileWidth)) }
