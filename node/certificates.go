package node

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"entente"
)

func pinOf(c *x509.Certificate) entente.Pin { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// maxSubject is the most bytes that are kept of what a certificate calls its holder.
const maxSubject = 256

// ReadCertificate reads the client certificate of a PEM file for [entente.AddCertificate]:
// the first in it, as what follows is the chain. Everything else there is passed over. A
// certificate whose key this node's TLS would refuse is Invalid.
func ReadCertificate(text []byte) (entente.AddCertificate, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return entente.AddCertificate{}, entente.Wrap(entente.Invalid, err, "the certificate cannot be read: "+err.Error())
		}
		if err := checkKey(c); err != nil {
			return entente.AddCertificate{}, err
		}
		subject := strings.ReplaceAll(strings.ToValidUTF8(c.Subject.String(), "\ufffd"), "\x00", "\ufffd")
		if len(subject) > maxSubject {
			subject = strings.ToValidUTF8(subject[:maxSubject], "") + "…"
		}
		return entente.AddCertificate{Key: pinOf(c), Subject: subject, Expires: c.NotAfter.UnixMicro()}, nil
	}
	return entente.AddCertificate{}, entente.Errorf(entente.Invalid, "there is no certificate in it: a file in PEM is wanted, with a line \"-----BEGIN CERTIFICATE-----\"")
}

// checkKey refuses keys with which nobody can sign in, and RSA keys that are too short to
// prove anything.
func checkKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		// The most is what crypto/tls verifies.
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
			return entente.Errorf(entente.Invalid, "the certificate has an RSA key of %d bits; 2048 to 8192 are taken", bits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return entente.Errorf(entente.Invalid, "the certificate has an elliptic key of %d bits; P-256, P-384 and P-521 are taken", bits)
		}
	case ed25519.PublicKey:
	default:
		return entente.Errorf(entente.Invalid, "the certificate's kind of key cannot sign in over TLS; RSA, ECDSA and Ed25519 can")
	}
	return nil
}
