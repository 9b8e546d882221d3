package taxii

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"entente"
)

// Place is a collection on a server.
type Place struct {
	Root       *url.URL // absolute, of its API root
	Collection string   // id or alias
}

// url is the address of something below the collection.
func (p Place) url(parts ...string) *url.URL {
	return below(p.Root, append([]string{"collections", p.Collection}, parts...)...)
}

// below appends segments to a URL, each escaped, and the slash at the end (§3.1).
func below(u *url.URL, parts ...string) *url.URL {
	path := strings.TrimSuffix(u.EscapedPath(), "/") + "/"
	for _, p := range parts {
		path += url.PathEscape(p) + "/"
	}
	out := &url.URL{Scheme: u.Scheme, Host: u.Host}
	out.Path, out.RawPath = unescaped(path), path
	return out
}

func unescaped(path string) string {
	if p, err := url.PathUnescape(path); err == nil {
		return p
	}
	return path
}

func (c *Client) get(ctx context.Context, u *url.URL, resource any) error {
	a, err := c.do(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	return a.whole(c.cfg.MaxResource, resource)
}

// Discovery asks what the server at a URL offers (§4.1).
func (c *Client) Discovery(ctx context.Context, u *url.URL) (d Discovery, err error) {
	return d, c.get(ctx, u, &d)
}

// APIRoot asks about an API root (§4.2).
func (c *Client) APIRoot(ctx context.Context, root *url.URL) (r APIRoot, err error) {
	return r, c.get(ctx, below(root), &r)
}

// Collections lists the collections of an API root (§5.1).
func (c *Client) Collections(ctx context.Context, root *url.URL) ([]Collection, error) {
	var out Collections
	err := c.get(ctx, below(root, "collections"), &out)
	return out.Collections, err
}

// Collection asks about one collection (§5.2).
func (c *Client) Collection(ctx context.Context, at Place) (out Collection, err error) {
	return out, c.get(ctx, at.url(), &out)
}

// Add posts an envelope (§5.5) and gives the server's status, which may be pending. A
// server that takes it and tells no status is Complete without any count.
func (c *Client) Add(ctx context.Context, at Place, envelope []byte) (Status, error) {
	a, err := c.do(ctx, http.MethodPost, at.url("objects"), envelope)
	if err != nil {
		return Status{}, err
	}
	var st Status
	if err := a.whole(c.cfg.MaxResource, &st); err != nil {
		if entente.KindOf(err) == entente.Unprocessable {
			return Status{Status: Complete}, nil
		}
		return Status{}, err
	}
	return st, nil
}

// Status asks what became of an envelope (§4.3).
func (c *Client) Status(ctx context.Context, root *url.URL, id string) (st Status, err error) {
	return st, c.get(ctx, below(root, "status", id), &st)
}

// Settle asks for a status again, ever more seldom, until it is complete or the time is
// over, and gives the last that was heard. A status that the server does not know is left
// as it was.
func (c *Client) Settle(ctx context.Context, root *url.URL, st Status, within time.Duration) (Status, error) {
	pause := 250 * time.Millisecond
	for st.Status == Pending && st.ID != "" && within > 0 {
		if err := c.cfg.Wait(ctx, pause); err != nil {
			return st, entente.Wrap(entente.Unavailable, err, "stopped")
		}
		within -= pause
		pause = min(2*pause, 10*time.Second)
		now, err := c.Status(ctx, root, st.ID)
		if entente.KindOf(err) == entente.NotFound {
			return st, nil
		}
		if err != nil {
			return st, err
		}
		st = now
	}
	return st, nil
}

// Delete takes an object out of a collection (§5.7); Match may name version and
// spec_version, and nothing else of the selection is used.
func (c *Client) Delete(ctx context.Context, at Place, id string, s Selection) error {
	u := at.url("objects", id)
	u.RawQuery = Selection{Match: s.Match}.query()
	a, err := c.do(ctx, http.MethodDelete, u, nil)
	if err != nil {
		return err
	}
	return a.Close()
}
