package entente_test

import (
	"strings"
	"testing"

	"entente"
)

func TestCertificateDecisions(t *testing.T) {
	account := &entente.Account{ID: "a", Name: "siem"}
	mine := &entente.Certificate{ID: "c", Account: "a", Key: entente.Pin{1}, Subject: "CN=old", Created: 3, Expires: 50}
	theirs := &entente.Certificate{ID: "d", Account: "b", Key: entente.Pin{1}}
	add := entente.AddCertificate{Account: "a", Key: entente.Pin{1}, Subject: "CN=siem", Note: "n", Expires: 100}
	reader := entente.Actor{Account: entente.Account{ID: "r"}}
	with := func(f func(*entente.AddCertificate)) entente.AddCertificate {
		c := add
		f(&c)
		return c
	}
	for _, tc := range []struct {
		name    string
		actor   entente.Actor
		cmd     entente.Command
		account *entente.Account
		known   *entente.Certificate
		want    entente.Kind // Partial stands for no error
	}{
		{"add", entente.LocalActor(), add, account, nil, entente.Partial},
		{"add to oneself", reader, add, account, nil, entente.Forbidden},
		{"add to nobody", entente.LocalActor(), add, nil, nil, entente.NotFound},
		{"another's key", entente.LocalActor(), add, account, theirs, entente.Conflict},
		{"expired", entente.LocalActor(), with(func(c *entente.AddCertificate) { c.Expires = 10 }), account, nil, entente.Invalid},
		{"a subject that cannot be kept", entente.LocalActor(), with(func(c *entente.AddCertificate) { c.Subject = "\x00" }), account, nil, entente.Invalid},
		{"a note that cannot be kept", entente.LocalActor(), with(func(c *entente.AddCertificate) { c.Note = "\xff" }), account, nil, entente.Invalid},
		{"remove", entente.LocalActor(), entente.RemoveCertificate{Certificate: "c"}, nil, mine, entente.Partial},
		{"remove one's own", reader, entente.RemoveCertificate{Certificate: "c"}, nil, mine, entente.Forbidden},
		{"remove none", entente.LocalActor(), entente.RemoveCertificate{Certificate: "c"}, nil, nil, entente.NotFound},
	} {
		_, err := entente.Decide(tc.cmd, entente.Facts{Actor: tc.actor, Now: 10, NewID: "new", Account: tc.account, Certificate: tc.known})
		if (err == nil) != (tc.want == entente.Partial) || err != nil && entente.KindOf(err) != tc.want {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	f := entente.Facts{Actor: entente.LocalActor(), Now: 10, NewID: "new", Account: account}
	ch, err := entente.Decide(add, f)
	if want := (entente.Certificate{ID: "new", Account: "a", Key: entente.Pin{1}, Subject: "CN=siem", Note: "n", Created: 10, Expires: 100}); err != nil || *ch.Certificate != want {
		t.Fatalf("%+v, %v", ch.Certificate, err)
	}
	// The same key again is the certificate renewed.
	f.Certificate = mine
	ch, err = entente.Decide(add, f)
	if want := (entente.Certificate{ID: "c", Account: "a", Key: entente.Pin{1}, Subject: "CN=siem", Note: "n", Created: 3, Expires: 100}); err != nil || *ch.Certificate != want || mine.Expires != 50 {
		t.Fatalf("%+v, %v", ch.Certificate, err)
	}
}

func TestPinText(t *testing.T) {
	if got := (entente.Pin{0xab, 1}).String(); !strings.HasPrefix(got, "AB:01:00:") || len(got) != 95 {
		t.Errorf("%q", got)
	}
}
