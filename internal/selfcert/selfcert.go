// Package selfcert provides the certificate of a TLS server: a self-made one that is
// kept in a directory and renewed with the same key, or files that somebody else renews.
//
// A self-made certificate is trusted by its fingerprint, which people can compare. What
// outlives renewal is the key; a program should pin that.
package selfcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	lifetime = 2 * 365 * 24 * time.Hour
	renewal  = 30 * 24 * time.Hour // before the end
	backdate = 24 * time.Hour      // for clients whose clock is behind
	pause    = 10 * time.Second    // between two looks at what has changed
)

// Source gives the certificate for each TLS handshake. It may be used from many
// goroutines.
type Source struct {
	// Report, if set before the first use, is told why a renewal or a change could not be
	// taken over. The former certificate then holds, and the next attempt is made after a
	// pause of 10 seconds.
	Report func(error)

	now func() time.Time
	// load reads the certificate, or makes it. It is called again when due says so.
	load func(now time.Time) (*tls.Certificate, error)
	due  func(now time.Time, current *tls.Certificate) bool

	mu      sync.Mutex
	current *tls.Certificate
	next    time.Time // not looked after before
}

// Own is the self-made certificate that is kept as dir/cert.pem and dir/key.pem, made if
// they do not exist yet. It is an ECDSA certificate on P-256 for "localhost", 127.0.0.1,
// ::1, this host's name and the hosts given (names or addresses, with or without a port;
// empty and unspecified ones are left out). It lasts two years; it is made anew with the
// same key 30 days before its end, and when it lacks one of the hosts.
//
// A key or certificate that is there and cannot be read is an error: to replace it would
// break the trust of whoever compared the fingerprint. now is the clock, nil for the real one.
func Own(dir string, hosts []string, now func() time.Time) (*Source, error) {
	if now == nil {
		now = time.Now
	}
	names := wanted(hosts)
	s := &Source{now: now}
	s.load = func(at time.Time) (*tls.Certificate, error) { return own(dir, names, at) }
	s.due = func(at time.Time, c *tls.Certificate) bool { return at.After(c.Leaf.NotAfter.Add(-renewal)) }
	_, err := s.Certificate()
	return s, err
}

// Certificate is the one that holds now.
func (s *Source) Certificate() (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.now()
	if s.current != nil && (at.Before(s.next) || !s.due(at, s.current)) {
		return s.current, nil
	}
	s.next = at.Add(pause)
	c, err := s.load(at)
	if err == nil {
		s.current = c
		return c, nil
	}
	if s.current == nil {
		return nil, err
	}
	if s.Report != nil {
		s.Report(err)
	}
	return s.current, nil
}

// Get is for [tls.Config.GetCertificate].
func (s *Source) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.Certificate() }

// Fingerprint is the SHA-256 of the certificate as browsers and openssl show it:
// upper-case hexadecimal in pairs, with colons.
func Fingerprint(c *tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	pairs := slices.Collect(func(yield func(string) bool) {
		for i := 0; i < len(digits) && yield(digits[i:i+2]); i += 2 {
		}
	})
	return strings.Join(pairs, ":")
}

func own(dir string, hosts []string, now time.Time) (*tls.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	key, err := ownKey(keyFile)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(certFile)
	if err == nil {
		c, err := pair(text, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w; move it away to have a new one made", certFile, err)
		}
		if c != nil && now.Before(c.Leaf.NotAfter.Add(-renewal)) && covers(c.Leaf, hosts) {
			return c, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	text, err = issue(key, hosts, now)
	if err != nil {
		return nil, err
	}
	if err := writeFile(certFile, text, 0o644); err != nil {
		return nil, err
	}
	return pair(text, key)
}

// ownKey reads the key, or makes and keeps one.
func ownKey(file string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		return key, writeFile(file, text, 0o600)
	}
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(text); block != nil {
		if held, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := held.(*ecdsa.PrivateKey); ok {
				return key, nil
			}
		}
	}
	return nil, fmt.Errorf("%s holds no key that can be read; restore it, or move it away to have a new one made", file)
}

// pair joins certificate and key, nil if they do not belong together: then the
// certificate is made anew, since two processes may have started at once.
func pair(text []byte, key *ecdsa.PrivateKey) (*tls.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in it")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, nil
	}
	return &tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key, Leaf: leaf}, nil
}

func issue(key *ecdsa.PrivateKey, hosts []string, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)), // RFC 5280 §4.1.2.2: positive
		Subject:               pkix.Name{CommonName: "entente node"},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // so that it can be handed to a client as its own authority
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// wanted lists the hosts of the certificate, each once.
func wanted(hosts []string) []string {
	all := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		hosts = append([]string{name}, hosts...)
	}
	for _, h := range hosts {
		if host, _, err := net.SplitHostPort(h); err == nil {
			h = host
		}
		ip := net.ParseIP(h)
		if h == "" || (ip != nil && ip.IsUnspecified()) || (ip == nil && !hostname(h)) {
			continue
		}
		if !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return all
}

// hostname reports whether s can stand in a certificate as a DNS name.
func hostname(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return len(s) <= 253
}

func covers(leaf *x509.Certificate, hosts []string) bool {
	for _, h := range hosts {
		if leaf.VerifyHostname(h) != nil {
			return false
		}
	}
	return true
}
