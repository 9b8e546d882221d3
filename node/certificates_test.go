package node_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"entente"
	"entente/node"
	"entente/store/storetest"
)

// certificate makes a self-made certificate of a key, for a time.
func certificate(t testing.TB, key crypto.Signer, name string, from, until time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func inPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func edKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestReadCertificate(t *testing.T) {
	from, until := time.Unix(1_700_000_000, 0), time.Unix(1_800_000_000, 0)
	p224, err1 := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	p256, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rsa2048, err3 := rsa.GenerateKey(rand.Reader, 2048)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	ed := edKey(t)
	leaf, other := certificate(t, ed, "siem", from, until), certificate(t, edKey(t), "an authority", from, until)
	private, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for name, c := range map[string]struct {
		text []byte
		says string // "" for good
	}{
		"Ed25519":                   {inPEM(leaf), ""},
		"with its chain":            {append(inPEM(leaf), inPEM(other)...), ""},
		"behind its private key":    {append(key, inPEM(leaf)...), ""},
		"behind words":              {append([]byte("Subject: siem\n"), inPEM(leaf)...), ""},
		"nothing":                   {nil, "there is no certificate in it"},
		"a private key":             {key, "there is no certificate in it"},
		"DER":                       {leaf.Raw, "there is no certificate in it"},
		"a certificate that is not": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw[:100]}), "the certificate cannot be read"},
		"P-224":                     {inPEM(certificate(t, p224, "siem", from, until)), "elliptic key of 224 bits"},
	} {
		got, err := node.ReadCertificate(c.text)
		if c.says != "" {
			if entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		want := entente.AddCertificate{Key: sha256.Sum256(leaf.RawSubjectPublicKeyInfo), Subject: "CN=siem", Expires: until.UnixMicro()}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, key := range map[string]crypto.Signer{"P-256": p256, "RSA of 2048 bits": rsa2048} {
		if _, err := node.ReadCertificate(inPEM(certificate(t, key, "siem", from, until))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := node.ReadCertificate([]byte(shortRSA)); entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), "RSA key of 1024 bits") {
		t.Errorf("%+v, %v", got, err)
	}
	long, err := node.ReadCertificate(inPEM(certificate(t, ed, strings.Repeat("ä", 500)+"\x00", from, until)))
	if err != nil || len(long.Subject) > 300 || !utf8.ValidString(long.Subject) || strings.Contains(long.Subject, "\x00") {
		t.Errorf("%q, %v", long.Subject, err)
	}
}

// FuzzReadCertificate holds that whatever a file has, what is read of it can be kept.
func FuzzReadCertificate(f *testing.F) {
	c := certificate(f, edKey(f), "siem", time.Unix(1_700_000_000, 0), time.Unix(1_800_000_000, 0))
	f.Add(inPEM(c))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Add(append(inPEM(certificate(f, edKey(f), "a\x00b\u202e", time.Unix(-1e10, 0), time.Unix(1e11, 0))), inPEM(c)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		add, err := node.ReadCertificate(text)
		if err != nil {
			if entente.KindOf(err) != entente.Invalid {
				t.Fatal(err)
			}
			return
		}
		now := add.Expires - 1
		if _, err := entente.Decide(add, entente.Facts{Actor: entente.LocalActor(), Account: &entente.Account{}, Now: now}); err != nil {
			t.Fatalf("%+v: %v", add, err)
		}
	})
}

// Signing in looks at the key, the account and three dates, each time.
func TestSignInCertificate(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			ctx, local := context.Background(), entente.LocalActor()
			day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
			now := day(10).UnixMicro()
			n, err := node.Open(ctx, storetest.Open(t, newURL(t)), node.Config{Now: func() int64 { return now }})
			if err != nil {
				t.Fatal(err)
			}
			do := func(c entente.Command) string {
				t.Helper()
				r, err := n.Do(ctx, local, c)
				if err != nil {
					t.Fatal(err)
				}
				return r.ID
			}
			account := do(entente.AddAccount{Name: "siem", Service: true})
			key := edKey(t)
			add, err := node.ReadCertificate(inPEM(certificate(t, key, "siem", day(5), day(20))))
			if err != nil {
				t.Fatal(err)
			}
			add.Account = account
			id := do(add)
			signs := func(what string, c *x509.Certificate, want bool) {
				t.Helper()
				a, err := n.SignInCertificate(ctx, c)
				if want != (err == nil) || want && a.Account.ID != account {
					t.Errorf("%s: %+v, %v", what, a, err)
				}
				if _, other := n.SignInToken(ctx, "nothing"); err != nil && err.Error() != other.Error() {
					t.Errorf("%s: %v, and a wrong token is %v", what, err, other)
				}
			}
			same := certificate(t, key, "siem", day(5), day(20))
			signs("its certificate", same, true)
			signs("the same name with another key", certificate(t, edKey(t), "siem", day(5), day(20)), false)
			signs("the key, already expired", certificate(t, key, "siem", day(5), day(9)), false)
			signs("the key, not yet", certificate(t, key, "siem", day(11), day(20)), false)
			signs("the key, under any name", certificate(t, key, "operator", day(5), day(20)), true)
			now = day(20).UnixMicro()
			signs("at its end", same, true)
			now++
			signs("after its end", same, false)
			forged := certificate(t, key, "siem", day(5), day(30))
			signs("after the end of what was added, with dates of its own", forged, false)
			if add, err = node.ReadCertificate(inPEM(forged)); err != nil {
				t.Fatal(err)
			}
			add.Account = account
			if again := do(add); again != id {
				t.Errorf("the renewed certificate is another one")
			}
			signs("renewed", forged, true)
			signs("and the former", same, false)
			do(entente.DisableAccount{Account: account})
			signs("disabled", forged, false)
			do(entente.DisableAccount{Account: account, Enable: true})
			signs("enabled", forged, true)
			do(entente.RemoveCertificate{Certificate: id})
			signs("removed", forged, false)
		})
	}
}

// shortRSA is a certificate as Go no longer makes them.
const shortRSA = `-----BEGIN CERTIFICATE-----
MIIB/DCCAWWgAwIBAgIUR7xaP5U78C2Yo7l4/XzjBYiMGh0wDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEc2llbTAgFw0yNjExMjUxNTE3MjZaGA8yMTI2MTEwMTE1
MTcyNlowDzENMAsGA1UEAwwEc2llbTCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkC
gYEA2NMoMUD5ktZ6+3unDZ++wB7tThU06P7lEmS7OEY49zmIC0ofyeoeNqLsUF6e
9wlTGHotMJT6jT4SlX6WBy0RRdwguk4daR2tDKip+nynrHazC45RnxwTROLJcnWq
54z/tP6oEg3tSDri96GvI4a5dl+Y9aY6GXeV3jx/Yl11em8CAwEAAaNTMFEwHQYD
VR0OBBYEFFgB5htf6B1gebmciYv0b+iuqqVBMB8GA1UdIwQYMBaAFFgB5htf6B1g
ebmciYv0b+iuqqVBMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEA
eprsI0oW2MQTGSxmYC7B6tiK2yZR13KIGErOemt4+VtkPieVRi7ct25CoggVL6hq
AuQgG8AyOp5TGB/zwNfriksnNDWOTGwOJ0xPvJOeDQ5viJ/3RhJYt3eIBOZ51EdB
YZ4Z29feXsQN2Fi2ypuV3a36SqNA2tNfGmCU42oN4HQ=
-----END CERTIFICATE-----
`
