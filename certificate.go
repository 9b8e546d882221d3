package entente

import (
	"encoding/hex"
	"strings"
)

// Pin is the SHA-256 of the public key of an X.509 certificate, as its
// SubjectPublicKeyInfo has it (RFC 5280 §4.1.2.7, RFC 7469 §2.4).
type Pin [32]byte

// String writes the pin as certificates are shown: upper-case hexadecimal in pairs, with colons.
func (p Pin) String() string {
	pairs := make([]string, len(p))
	for i, b := range p {
		pairs[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(pairs, ":")
}

// Certificate is a client certificate that an account signs in with (TAXII 2.1 §8.2). It
// is known by its key alone: no authority has to vouch for it, and nothing in it names
// the account.
type Certificate struct {
	ID      string // UUID
	Account string // the account's id
	Key     Pin    // unique among all accounts
	Subject string // what the certificate calls its holder, to be shown
	Note    string
	Created int64 // microseconds since 1970
	Expires int64 // the end of the certificate that was added, microseconds since 1970
}

// AddCertificate lets an account sign in with a certificate. One with the same key
// replaces the account's former one: that is how a renewed one is made known.
type AddCertificate struct {
	Account string // id
	Key     Pin
	Subject string
	Note    string
	Expires int64 // microseconds since 1970
}

// RemoveCertificate ends signing in with a certificate.
type RemoveCertificate struct {
	Certificate string // id
}

func (AddCertificate) command()    {}
func (RemoveCertificate) command() {}

func decideAddCertificate(c AddCertificate, f Facts) (Change, error) {
	switch {
	case f.Account == nil:
		return Change{}, Errorf(NotFound, "there is no such account")
	case c.Expires <= f.Now:
		return Change{}, Errorf(Invalid, "the certificate expired at %s; nobody could sign in with it", FormatMicros(c.Expires))
	}
	if err := checkText("subject of the certificate", c.Subject, maxDescription); err != nil {
		return Change{}, err
	}
	if err := checkText("note", c.Note, maxDescription); err != nil {
		return Change{}, err
	}
	to := Certificate{ID: f.NewID, Account: f.Account.ID, Key: c.Key, Created: f.Now}
	if have := f.Certificate; have != nil {
		// One key means one account, else nobody could say who signs in.
		if have.Account != f.Account.ID {
			return Change{}, Errorf(Conflict, "another account signs in with this key already; a key belongs to one account")
		}
		to = *have
	}
	to.Subject, to.Note, to.Expires = c.Subject, c.Note, c.Expires
	return Change{Certificate: &to, Receipt: Receipt{ID: to.ID}}, nil
}

func decideRemoveCertificate(c RemoveCertificate, f Facts) (Change, error) {
	if f.Certificate == nil {
		return Change{}, Errorf(NotFound, "there is no certificate %s", clip(c.Certificate))
	}
	return f.byTwo(Change{RemoveCertificate: f.Certificate.ID, Receipt: Receipt{ID: f.Certificate.ID}}, "take the certificate "+f.Certificate.ID)
}
