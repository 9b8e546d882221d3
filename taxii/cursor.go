package taxii

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"entente"
)

// Cursor is where a page ended and what the request was: all that the next page needs.
type Cursor struct {
	Endpoint Endpoint
	Feed     string         // id of the collection or feed, at most 255 bytes
	Filter   entente.Filter // as [ParseQuery] gives it
	Limit    int            // the request's, 0 if it had none
	After    int64          // the position of the page's last entry in its feed
}

// Sealer turns cursors into the opaque text of "next" (§3.5) and back. Texts are
// encrypted, authenticated and self-contained: they hold after a restart and in any
// process with the same secret. Equal cursors give equal texts, so that a retry is
// answered with the same bytes, and the length of a text does not depend on the position
// or on a time, so that it betrays no volume.
//
// The construction is a synthetic IV: the first 16 bytes of HMAC-SHA-256 over the
// plaintext are both the tag and the counter block of AES-256-CTR. It needs no random
// value and is safe to repeat. A Sealer may be used from many goroutines.
type Sealer struct {
	tag   []byte
	block cipher.Block
}

const tagLength = 16

// NewSealer derives the keys from a secret of the node, which never changes.
func NewSealer(secret [32]byte) (*Sealer, error) {
	tag, err := hkdf.Key(sha256.New, secret[:], nil, "entente taxii cursor tag", 32)
	if err != nil {
		return nil, entente.Wrap(entente.Internal, err, "")
	}
	key, err := hkdf.Key(sha256.New, secret[:], nil, "entente taxii cursor key", 32)
	if err != nil {
		return nil, entente.Wrap(entente.Internal, err, "")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, entente.Wrap(entente.Internal, err, "")
	}
	return &Sealer{tag: tag, block: block}, nil
}

// Seal gives the text of a cursor: URL-safe base64 without padding (RFC 4648 §5).
func (s *Sealer) Seal(c Cursor) string {
	plain := encodeCursor(make([]byte, tagLength, 256), c)
	text := plain[tagLength:]
	copy(plain, s.sum(text))
	cipher.NewCTR(s.block, plain[:tagLength]).XORKeyStream(text, text)
	return base64.RawURLEncoding.EncodeToString(plain)
}

// Open reads back what [Sealer.Seal] gave for the same endpoint and feed. Anything else
// is an error of kind Invalid, with one text for every cause: foreign, altered, from
// another endpoint, collection or node.
func (s *Sealer) Open(text string, at Endpoint, feed string) (Cursor, error) {
	bad := entente.Errorf(entente.Invalid, "\"next\" is not a value that this server gave for this request (TAXII 2.1 §3.5)")
	// Strict: otherwise the unused bits of the last character could be changed unnoticed.
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < tagLength {
		return Cursor{}, bad
	}
	plain := sealed[tagLength:]
	cipher.NewCTR(s.block, sealed[:tagLength]).XORKeyStream(plain, plain)
	if !hmac.Equal(sealed[:tagLength], s.sum(plain)) {
		return Cursor{}, bad
	}
	c, ok := decodeCursor(plain)
	if !ok || c.Endpoint != at || c.Feed != feed {
		return Cursor{}, bad
	}
	return c, nil
}

func (s *Sealer) sum(plain []byte) []byte {
	h := hmac.New(sha256.New, s.tag)
	h.Write(plain)
	return h.Sum(nil)[:tagLength]
}
