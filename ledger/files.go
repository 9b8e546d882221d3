package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"entente"
)

// Files reads the files of an export, or of a log, by their paths from its directory.
type Files interface {
	// Open opens a file for reading. The error is fs.ErrNotExist where there is none.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
}

// Dir reads files from a file system.
func Dir(fsys fs.FS) Files { return dir{fsys} }

type dir struct{ fsys fs.FS }

func (d dir) Open(_ context.Context, path string) (io.ReadCloser, error) { return d.fsys.Open(path) }

// HTTP reads files below a URL. How long a request may take is for the client and the
// context to say.
func HTTP(client *http.Client, base string) Files {
	return remote{client, strings.TrimSuffix(base, "/")}
}

type remote struct {
	client *http.Client
	base   string
}

func (r remote) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/"+path, nil)
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "this is not the address of a ledger")
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the ledger cannot be reached")
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.Body, nil
	case http.StatusNotFound, http.StatusGone:
		err = fs.ErrNotExist
	default:
		err = entente.Errorf(entente.Unavailable, "%s: status %d", path, resp.StatusCode)
	}
	resp.Body.Close()
	return nil, err
}

// errTooLong is returned for a file that is longer than it can be.
var errTooLong = errors.New("the file is longer than it can be")

// readFile reads a file of limit bytes at most.
func readFile(ctx context.Context, files Files, path string, limit int64) ([]byte, error) {
	f, err := files.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if f, ok := f.(fs.File); ok {
		if info, err := f.Stat(); err == nil {
			b.Grow(int(min(max(info.Size(), 0), limit)) + bytes.MinRead)
		}
	}
	_, err = b.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && int64(b.Len()) > limit {
		err = errTooLong
	}
	return b.Bytes(), err
}

// tileFiles are the tiles of a log of a size, as files.
type tileFiles struct {
	files Files
	dir   string
	size  int64
}

func (t tileFiles) Tile(ctx context.Context, level int, index int64) ([]byte, error) {
	width := min(t.size>>(TileHeight*level)-index*TileWidth, TileWidth)
	if width <= 0 {
		return nil, nil
	}
	p := Path{Of: OfTile, Level: level, Index: index, Width: int(width)}
	b, _, err := readPart(ctx, t.files, t.dir, p, TileSize)
	return b, err
}

// readPart reads a file of a log. Where a partial one is not there, the full one may have
// taken its place (C2SP tlog-tiles): then whole is true, and there is more than asked for.
func readPart(ctx context.Context, files Files, dir string, p Path, limit int64) (b []byte, whole bool, err error) {
	b, err = readFile(ctx, files, below(dir, p.String()), limit)
	if errors.Is(err, fs.ErrNotExist) && p.Width < TileWidth {
		full := p
		full.Width = TileWidth
		if more, fullErr := readFile(ctx, files, below(dir, full.String()), limit); !errors.Is(fullErr, fs.ErrNotExist) {
			return more, true, fullErr
		}
	}
	return b, false, err
}

// below is the path of a file of a log that lies in dir, "" where it has none of its own.
func below(dir, path string) string {
	if dir == "" {
		return path
	}
	return dir + "/" + path
}
