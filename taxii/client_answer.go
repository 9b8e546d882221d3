package taxii

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"entente"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// errSlow is why a request is given up whose server does not get on.
var errSlow = errors.New("the server is too slow, or does not answer")

// answer is an answer of a server, whose body is read as a stream. Only the time that
// reading waits for the server counts against the server.
type answer struct {
	url    *url.URL
	header http.Header
	status int
	http   io.ReadCloser
	cancel context.CancelCauseFunc

	patience, left time.Duration
	rate           int

	body io.Reader // decompressed and bounded, once open was called
	most int64     // bytes that body may still give
}

// Close ends the answer, read or not.
func (a *answer) Close() error {
	defer a.cancel(nil)
	return a.http.Close()
}

// open prepares reading of at most so many bytes, after decompression. Compression is
// told by its magic number, since some servers do not mark it.
func (a *answer) open(most int64) error {
	head := bufio.NewReaderSize(patient{a}, 32<<10)
	magic, err := head.Peek(2)
	if err != nil && err != io.EOF && len(magic) < 2 {
		return a.broken(err)
	}
	a.body, a.most = head, most
	if len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(head)
		if err != nil {
			return a.broken(err)
		}
		a.body = z
	}
	return nil
}

// Read reads the body. Its errors are of type [entente.Error], io.EOF apart.
func (a *answer) Read(p []byte) (int, error) {
	if a.most <= 0 {
		var one [1]byte
		n, err := io.ReadFull(a.body, one[:])
		switch {
		case n > 0:
			return 0, entente.Errorf(entente.TooLarge, "%s: the answer is longer than is read here", where(a.url))
		case err == io.EOF:
			return 0, io.EOF
		}
		return 0, a.broken(err)
	}
	n, err := a.body.Read(p[:min(int64(len(p)), a.most)])
	a.most -= int64(n)
	if err != nil && err != io.EOF {
		err = a.broken(err)
	}
	return n, err
}

func (a *answer) broken(err error) error {
	if errors.Is(err, errSlow) {
		return entente.Wrap(entente.Unavailable, err, where(a.url)+": the answer does not get on and was given up")
	}
	return entente.Wrap(entente.Unavailable, err, where(a.url)+": the answer broke off: "+clean(err.Error(), 200))
}

// patient reads from the connection and gives up when the server's time has run out.
type patient struct{ *answer }

func (p patient) Read(b []byte) (int, error) {
	began := time.Now()
	late := time.AfterFunc(p.left, func() { p.cancel(errSlow) })
	n, err := p.http.Read(b)
	fired := !late.Stop()
	p.left = min(p.patience, p.left-time.Since(began)+time.Duration(n)*time.Second/time.Duration(p.rate))
	if err != nil && err != io.EOF && fired {
		err = errSlow
	}
	return n, err
}

// whole reads a resource of at most so many bytes. What JSON leaves open is read leniently:
// a server that names a member twice, or writes text that is no UTF-8, can be worked with.
func (a *answer) whole(most int64, resource any) error {
	defer a.Close()
	if err := a.open(most); err != nil {
		return err
	}
	body, err := io.ReadAll(a)
	if err != nil {
		return err
	}
	err = json.Unmarshal(body, resource, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return a.notTAXII(err)
	}
	return nil
}

// notTAXII tells of an answer that is something else, and of what the server calls it.
func (a *answer) notTAXII(err error) error {
	is := a.header.Get("Content-Type")
	text := where(a.url) + ": this is not an answer of TAXII 2.1"
	switch {
	case strings.Contains(is, "version=2.0"):
		text += ": the server speaks TAXII 2.0"
	case is == "":
		text += ", and has no Content-Type"
	case !strings.HasPrefix(strings.ToLower(is), mediaRange):
		text += " but " + quote(is)
	}
	return entente.Wrap(entente.Unprocessable, err, text)
}
