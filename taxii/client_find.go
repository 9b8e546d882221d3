package taxii

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"entente"
)

// Found is a collection that [Client.Find] found.
type Found struct {
	Place            // its Collection is the id
	About Collection // as the server describes it
	Root  APIRoot    // likewise; without a title if the server did not tell
}

// Find finds a collection from the URL that the client was made for, which may be that of
// the server, of its discovery, of an API root, or of a collection or its objects. What
// is wanted is an id, an alias or a title; "" is the one of the URL, or the only one
// there is. The default API root comes first. Where nothing fits, the error is NotFound
// and names what there is; where several titles do, it is Conflict.
func (c *Client) Find(ctx context.Context, wanted string) (Found, error) {
	root, in, known := splitAddress(c.base)
	if wanted == "" {
		wanted = in
	}
	roots := []*url.URL{root}
	if !known {
		var err error
		if roots, err = c.roots(ctx); err != nil {
			return Found{}, err
		}
	}
	var offers []string
	var failed error
	for _, r := range roots {
		found, offer, err := c.findIn(ctx, r, wanted)
		switch {
		case err == nil && found != nil:
			found.Root, _ = c.APIRoot(ctx, r) // nice to know, not needed
			return *found, nil
		case err != nil && (entente.KindOf(err) == entente.Conflict || len(roots) == 1):
			return Found{}, err
		case err != nil && failed == nil:
			failed = err
		}
		offers = append(offers, offer...)
	}
	switch {
	case len(offers) == 0 && failed != nil:
		return Found{}, failed
	case len(offers) == 0:
		return Found{}, entente.Errorf(entente.NotFound, "%s offers this account no collection", where(c.base))
	case wanted == "":
		return Found{}, entente.Errorf(entente.NotFound, "%s has several collections; name one of: %s", where(c.base), strings.Join(offers, ", "))
	}
	return Found{}, entente.Errorf(entente.NotFound, "%s has no collection with the id, alias or title %s; it has: %s", where(c.base), quote(wanted), strings.Join(offers, ", "))
}

// maxRoots is how many API roots of a server are looked through.
const maxRoots = 100

// maxOffers is how many collections an error lists.
const maxOffers = 20

// findIn looks for a collection in one API root: nil if there is none that fits, with
// what there is.
func (c *Client) findIn(ctx context.Context, root *url.URL, wanted string) (*Found, []string, error) {
	all, err := c.Collections(ctx, root)
	if err != nil && wanted == "" {
		return nil, nil, err
	}
	var fits []Collection
	var offers []string
	for _, k := range all {
		if len(offers) < maxOffers {
			offers = append(offers, fmt.Sprintf("%s (%s)", quote(k.Title), clean(k.ID, 40)))
		}
		switch wanted {
		case k.ID, k.Alias:
			if wanted != "" {
				return &Found{Place: Place{root, k.ID}, About: k}, nil, nil
			}
			fits = append(fits, k)
		case "", k.Title:
			fits = append(fits, k)
		}
	}
	switch {
	case len(fits) == 1:
		return &Found{Place: Place{root, fits[0].ID}, About: fits[0]}, nil, nil
	case len(fits) > 1 && wanted != "":
		return nil, nil, entente.Errorf(entente.Conflict, "several collections have the title %s; name one by its id: %s", quote(wanted), strings.Join(offers, ", "))
	case wanted == "":
		return nil, offers, nil
	}
	// Servers need not list every alias, nor every collection.
	k, direct := c.Collection(ctx, Place{root, wanted})
	if direct == nil && k.ID != "" {
		return &Found{Place: Place{root, k.ID}, About: k}, nil, nil
	}
	if err == nil && direct != nil && entente.KindOf(direct) != entente.NotFound && entente.KindOf(direct) != entente.Invalid {
		err = direct
	}
	return nil, offers, err
}

// splitAddress takes a URL of something in an API root apart. Known reports whether the
// URL tells which part is the root.
func splitAddress(u *url.URL) (root *url.URL, collection string, known bool) {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i := len(parts) - 1; i > 0; i-- {
		if parts[i] != "collections" {
			continue
		}
		if i+1 < len(parts) {
			collection = unescaped(parts[i+1])
		}
		out := &url.URL{Scheme: u.Scheme, Host: u.Host, RawPath: "/" + strings.Join(parts[:i], "/") + "/"}
		out.Path = unescaped(out.RawPath)
		return out, collection, true
	}
	return nil, "", false
}

// roots finds the API roots from the client's URL: one, if that is an API root.
func (c *Client) roots(ctx context.Context) ([]*url.URL, error) {
	at := c.base
	if strings.Trim(at.Path, "/") == "" {
		at = below(c.base, "taxii2")
	}
	// One request tells which of the two it is: the resources have different members.
	var both struct {
		Discovery
		Versions         []string `json:"versions"`
		MaxContentLength int64    `json:"max_content_length"`
	}
	if err := c.get(ctx, below(at), &both); err != nil {
		return nil, err
	}
	if len(both.APIRoots) == 0 && both.Default == "" {
		if len(both.Versions) == 0 && both.MaxContentLength == 0 {
			return nil, entente.Errorf(entente.NotFound, "%s offers this account no API root", where(at))
		}
		return []*url.URL{below(at)}, nil
	}
	var out []*url.URL
	seen := map[string]bool{}
	for _, name := range append([]string{both.Default}, both.APIRoots...) {
		u, err := at.Parse(name)
		if name == "" || err != nil || seen[u.String()] {
			continue
		}
		seen[u.String()] = true
		if out = append(out, u); len(out) == maxRoots {
			break
		}
	}
	return out, nil
}
