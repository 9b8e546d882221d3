package taxii

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"strings"

	"entente"
)

// tls makes the TLS of a client (§8.2.2): 1.2 at least, the server verified.
func (c *ClientConfig) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(c.CA) > 0 {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(c.CA) {
			return nil, entente.Errorf(entente.Invalid, "the authority's file holds no certificate in PEM")
		}
	}
	if len(c.Certificate)+len(c.Key) > 0 {
		own, err := tls.X509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, entente.Wrap(entente.Invalid, err, "the client's certificate and key cannot be used: "+err.Error())
		}
		t.Certificates = []tls.Certificate{own}
	}
	if c.Fingerprint == "" {
		return t, nil
	}
	want, err := ParseFingerprint(c.Fingerprint)
	if err != nil {
		return nil, err
	}
	// The fingerprint is a better proof than authorities and names; with a CA, both hold.
	t.InsecureSkipVerify = len(c.CA) == 0
	t.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return entente.Errorf(entente.Unavailable, "the server shows no certificate")
		}
		leaf := s.PeerCertificates[0]
		for _, der := range [][]byte{leaf.Raw, leaf.RawSubjectPublicKeyInfo} {
			if sum := sha256.Sum256(der); subtle.ConstantTimeCompare(sum[:], want[:]) == 1 {
				return nil
			}
		}
		return entente.Errorf(entente.Unavailable, "the server's certificate is another one than was pinned: its SHA-256 fingerprint is %s. Find out why before you trust it", Fingerprint(leaf.Raw))
	}
	return t, nil
}

// Fingerprint is the SHA-256 of bytes as certificates are shown: upper-case hexadecimal
// in pairs, with colons.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(pairs, ":")
}

// ParseFingerprint reads 64 hexadecimal digits, with or without colons and blanks.
func ParseFingerprint(s string) (out [32]byte, err error) {
	digits := strings.NewReplacer(":", "", " ", "").Replace(strings.TrimPrefix(strings.ToLower(s), "sha256:"))
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(out) {
		return out, entente.Errorf(entente.Invalid, "%q is not a SHA-256 fingerprint of 64 hexadecimal digits", clip(s))
	}
	copy(out[:], b)
	return out, nil
}
