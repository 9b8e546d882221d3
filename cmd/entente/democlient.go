package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"time"
	"unicode/utf8"

	"entente"
)

const taxiiType = "application/taxii+json;version=2.1"

// demoClient is a TAXII client that shows what it asks and what it gets.
type demoClient struct {
	d    *demo
	http *http.Client
	base string
	auth func(*http.Request)
}

// asClients uses the server over HTTPS, as programs of others would.
func (d *demo) asClients(ctx context.Context, s *served) error {
	pem, err := os.ReadFile(s.cert)
	if err != nil {
		return entente.Wrap(entente.Internal, err, "the certificate cannot be read")
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := demoClient{d: d, base: s.url, http: &http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
	}}
	defer c.http.CloseIdleConnections()
	siem, sensor, stranger := c, c, c
	siem.auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+d.siemToken) }
	sensor.auth = func(r *http.Request) { r.SetBasicAuth("sensor", d.sensorPw) }
	stranger.auth = func(r *http.Request) { r.SetBasicAuth("siem", "a wrong guess") }

	objects := "/api1/collections/phishing/objects/"
	sightings, err := demoData.ReadFile("demodata/sensor.json")
	if err != nil {
		return err
	}
	for _, step := range []struct {
		text string
		who  *demoClient
		asks []demand
	}{
		{"The siem reads over TAXII 2.1. The other collection does not exist for it.", &siem, []demand{
			{"GET", "/taxii2/", nil}, {"GET", "/api1/collections/", nil}, {"GET", objects + "?limit=5", nil},
			{"GET", objects + "?match[type]=indicator", nil}, {"GET", "/api1/collections/cases/", nil},
			{"GET", "/api1/collections/nothing/", nil}}},
		{"The revised indicator has its history.", &siem, []demand{{"GET", objects + string(demoIndicator()) + "/versions/", nil}}},
		{"The sensor reports a sighting. It may write here, and may not read.", &sensor, []demand{{"POST", objects, sightings}, {"GET", objects, nil}}},
		{"A wrong password gets nothing.", &stranger, []demand{{"GET", "/taxii2/", nil}}},
	} {
		d.head(step.text)
		for _, q := range step.asks {
			if err := step.who.show(ctx, q); err != nil {
				return err
			}
		}
	}
	d.say("\nThe second act: Harbour CERT agrees with two organisations, which do not exist\neither, on what each of them gets. What is typed can be typed by you.")
	return d.agree(ctx, c)
}

// demand is one request.
type demand struct {
	method, path string
	body         []byte
}

func (c *demoClient) show(ctx context.Context, q demand) error {
	req, err := http.NewRequestWithContext(ctx, q.method, c.base+q.path, bytes.NewReader(q.body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", taxiiType)
	if q.body != nil {
		req.Header.Set("Content-Type", taxiiType)
	}
	c.auth(req)
	res, err := c.http.Do(req)
	if err != nil {
		return entente.Wrap(entente.Unavailable, err, "the demo's client got no answer: "+err.Error())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	path, answer := q.path, fmt.Sprintf("%d  %s", res.StatusCode, summary(body))
	if !c.d.a.json {
		path = demoUUID.ReplaceAllString(path, "$1…")
	}
	line := fmt.Sprintf("   %-4s %-46s %s", q.method, path, answer)
	if utf8.RuneCountInString(line) > demoWidth {
		line = fmt.Sprintf("   %-4s %s\n        %s", q.method, path, answer)
	}
	c.d.say("%s", line)
	return nil
}

// demoUUID is a UUID in a path. The text shows how it begins.
var demoUUID = regexp.MustCompile(`([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// summary says in a line what a TAXII resource holds.
func summary(body []byte) string {
	var r struct {
		Title       string
		Description string
		APIRoots    []string `json:"api_roots"`
		Collections []struct{ Title string }
		Objects     []json.RawMessage
		Versions    []string
		More        bool
		Status      string
		Success     int `json:"success_count"`
		Total       int `json:"total_count"`
	}
	if json.Unmarshal(body, &r) != nil {
		return plural(len(body), "byte", "bytes")
	}
	switch {
	case len(r.APIRoots) > 0:
		return fmt.Sprintf("API roots %v", r.APIRoots)
	case len(r.Collections) > 0:
		names := ""
		for _, c := range r.Collections {
			names += " " + c.Title
		}
		return plural(len(r.Collections), "collection", "collections") + ":" + names
	case len(r.Objects) > 0:
		text := plural(len(r.Objects), "object", "objects")
		if len(r.Objects) <= 2 {
			for i, o := range r.Objects {
				text += [...]string{": ", ", "}[i] + shorten(title(o), 50)
			}
		}
		if r.More {
			text += ", and more to come"
		}
		return text
	case len(r.Versions) > 0:
		return fmt.Sprintf("versions %v", r.Versions)
	case r.Status != "":
		return fmt.Sprintf("status %s: %d of %d taken", r.Status, r.Success, r.Total)
	}
	return r.Title
}
