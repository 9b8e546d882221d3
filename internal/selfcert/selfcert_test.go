package selfcert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func certificate(t *testing.T, s *Source, err error) *tls.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	at := &clock{time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	s, err := Own(dir, []string{"node.example.net:8443", "192.0.2.7", ":8443", "0.0.0.0:1", "not a host"}, at.now)
	first := certificate(t, s, err)
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "node.example.net", "192.0.2.7"} {
		if err := first.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"key.pem": 0o600, "cert.pem": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want mode %v", name, info.Mode(), err, mode)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v, %v; want two files", left, err)
	}

	// A restart finds the same certificate, unless it lacks a host.
	s, err = Own(dir, []string{"192.0.2.7"}, at.now)
	if again := certificate(t, s, err); !bytes.Equal(again.Certificate[0], first.Certificate[0]) {
		t.Error("a restart made another certificate")
	}
	s, err = Own(dir, []string{"other.example.net"}, at.now)
	other := certificate(t, s, err)
	if other.Leaf.VerifyHostname("other.example.net") != nil || !bytes.Equal(other.Leaf.RawSubjectPublicKeyInfo, first.Leaf.RawSubjectPublicKeyInfo) {
		t.Error("a further host must be in a certificate of the same key")
	}

	// Near its end it is renewed while the source is in use, with the same key.
	at.at = other.Leaf.NotAfter.Add(-renewal - time.Minute)
	if certificate(t, s, nil) != other {
		t.Error("renewed too early")
	}
	at.at = other.Leaf.NotAfter.Add(-renewal + time.Minute)
	renewed := certificate(t, s, nil)
	if renewed == other || !renewed.Leaf.NotAfter.After(other.Leaf.NotAfter) || !bytes.Equal(renewed.Leaf.RawSubjectPublicKeyInfo, first.Leaf.RawSubjectPublicKeyInfo) {
		t.Error("not renewed with the same key")
	}
	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(Fingerprint(renewed)) {
		t.Error(Fingerprint(renewed))
	}
}

// What is there and cannot be read is never replaced; a pair that does not match is.
func TestOwnDamaged(t *testing.T) {
	dir := t.TempDir()
	s, err := Own(dir, nil, nil)
	certificate(t, s, err)
	for _, name := range []string{"key.pem", "cert.pem"} {
		file := filepath.Join(dir, name)
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
			if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Own(dir, nil, nil); err == nil {
				t.Errorf("%s of %q was accepted", name, bad)
			}
			if kept, err := os.ReadFile(file); err != nil || string(kept) != bad {
				t.Errorf("%s of %q was replaced", name, bad)
			}
		}
		if err := os.WriteFile(file, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	s, err = Own(dir, nil, nil)
	c := certificate(t, s, err)
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Errorf("certificate and key do not match: %v, %v", err, c.Leaf.NotAfter)
	}
	if _, err := Own(filepath.Join(dir, "key.pem", "x"), nil, nil); err == nil {
		t.Error("a directory that cannot be made was accepted")
	}
}

// A client that is given the certificate as its authority gets through.
func TestHandshake(t *testing.T) {
	s, err := Own(t.TempDir(), nil, nil)
	c := certificate(t, s, err)
	roots := x509.NewCertPool()
	roots.AddCert(c.Leaf)
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() {
		server := tls.Server(there, &tls.Config{GetCertificate: s.Get})
		done <- server.Handshake()
		there.Close()
	}()
	client := tls.Client(here, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err := client.Handshake(); err != nil {
		t.Error(err)
	}
	here.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFiles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	a, err := Own(dir, nil, nil)
	first := certificate(t, a, err)
	b, err := Own(other, nil, nil)
	second := certificate(t, b, err)

	at := &clock{time.Now()}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	s, err := Files(certFile, keyFile, at.now)
	problems := 0
	s.Report = func(error) { problems++ }
	holds := func(want *tls.Certificate) {
		t.Helper()
		at.at = at.at.Add(pause + time.Second)
		if got := certificate(t, s, err); !bytes.Equal(got.Certificate[0], want.Certificate[0]) {
			t.Errorf("serial %v, want %v", got.Leaf.SerialNumber, want.Leaf.SerialNumber)
		}
	}
	holds(first)
	if err := os.Rename(filepath.Join(other, "cert.pem"), certFile); err != nil {
		t.Fatal(err)
	}
	holds(first) // the pair does not match yet
	if err := os.Rename(filepath.Join(other, "key.pem"), keyFile); err != nil {
		t.Fatal(err)
	}
	holds(second)
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	holds(second)
	if problems != 2 {
		t.Errorf("%d problems were reported, want 2", problems)
	}
	if _, err := Files(certFile, keyFile, nil); err == nil {
		t.Error("a missing key was accepted")
	}
}
