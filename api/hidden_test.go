package api

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"entente"
)

// raw is an answer byte by byte, the date apart.
func (w *world) raw(q request) string {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	w.must(err)
	defer c.Close()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\nAccept: application/taxii+json\r\n", q.method, q.path)
	if q.as != "" {
		head += "Authorization: Bearer " + q.as + "\r\n"
	}
	if q.body != "" {
		head += fmt.Sprintf("Content-Type: application/taxii+json\r\nContent-Length: %d\r\n", len(q.body))
	}
	_, err = c.Write([]byte(head + "\r\n" + q.body))
	w.must(err)
	var b strings.Builder
	_, err = bufio.NewReader(c).WriteTo(&b)
	w.must(err)
	return regexp.MustCompile(`(?m)^Date: .*\r\n`).ReplaceAllString(b.String(), "")
}

// What an account must not see is answered like what does not exist, byte by byte, on
// every endpoint, with every method, with good parameters and bad ones.
func TestUnknownAndForbiddenAreOne(t *testing.T) {
	w := newWorld(t, Config{})
	// Two collections of equal ids' length: one is there, one is not.
	w.post("editor", indicator(1, 0), indicator(1, 1))
	body := `{"objects":[` + indicator(2, 0) + `]}`
	unknown := "00000000-0000-4000-8000-000000000000"
	for _, as := range []string{"stranger", "reader", ""} {
		hidden := w.shelf
		if as == "reader" {
			hidden = w.other
		}
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS"} {
			for _, rest := range []string{"", "manifest/", "objects/", "objects/" + indicatorID(1) + "/", "objects/" + indicatorID(1) + "/versions/", "objects/garbage/", "nothing/"} {
				for _, query := range []string{"", "?limit=0", "?next=AAAA", "?match[version]=all"} {
					ask := func(id string) string {
						q := request{method: method, path: "/api1/collections/" + id + "/" + rest + query, as: as}
						if method == "POST" {
							q.body = body
						}
						return w.raw(q)
					}
					if a, b := ask(hidden), ask(unknown); a != b {
						t.Fatalf("%s %s%s as %q:\n%s\n%s", method, rest, query, as, a, b)
					}
				}
			}
		}
	}
	// By alias and by another account's status just the same.
	st := w.post("editor")
	for _, pair := range [][2]string{
		{"/api1/collections/shelf/", "/api1/collections/chest/"},
		{"/api1/status/" + st.ID + "/", "/api1/status/" + unknown + "/"},
	} {
		a := w.raw(request{method: "GET", path: pair[0], as: "stranger"})
		if b := w.raw(request{method: "GET", path: pair[1], as: "stranger"}); a != b {
			t.Errorf("%s:\n%s\n%s", pair[0], a, b)
		}
	}
}

// Signing in wrongly is answered alike whether the account exists, is disabled or has
// another password.
func TestFailedSignInsAreOne(t *testing.T) {
	w := newWorld(t, Config{})
	hash, err := w.node.HashPassword("correct horse")
	w.must(err)
	do := func(c entente.Command) {
		_, err := w.node.Do(t.Context(), entente.LocalActor(), c)
		w.must(err)
	}
	do(entente.SetPassword{Account: w.readers["reader"], PasswordHash: hash})
	do(entente.SetPassword{Account: w.readers["writer"], PasswordHash: hash})
	do(entente.DisableAccount{Account: w.readers["writer"]})
	ask := func(name, password string) reply {
		r, err := http.NewRequest("GET", w.base+"/taxii2/", nil)
		w.must(err)
		r.SetBasicAuth(name, password)
		return w.send(r)
	}
	if r := ask("reader", "correct horse"); r.status != 200 {
		t.Fatal(r.body)
	}
	want := ask("nobody", "correct horse")
	if want.status != 401 {
		t.Fatal(want.body)
	}
	for _, c := range [][2]string{{"reader", "wrong"}, {"writer", "correct horse"}, {"editor", ""}, {"", ""}, {"Reader", "correct horse"}} {
		if r := ask(c[0], c[1]); r.status != want.status || r.body != want.body || fmt.Sprint(r.header["Www-Authenticate"]) != fmt.Sprint(want.header["Www-Authenticate"]) {
			t.Errorf("%q: %d %s", c, r.status, r.body)
		}
	}
}
