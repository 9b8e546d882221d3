package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"entente"
)

// SeedSize is the length in bytes of the secret that a [Key] is made of.
const SeedSize = ed25519.SeedSize

// The kinds of signature that are understood (C2SP signed-note, tlog-cosignature). Others,
// ML-DSA-44 (0x06) among them, are ignored where they stand among signatures.
const (
	algorithmNote   = 0x01 // Ed25519 over the text of the note
	algorithmCosign = 0x04 // Ed25519 over a time and the text: cosignature/v1
)

// Key is the secret key of one epoch and generation: it signs the checkpoints of all logs
// of the epoch, each under the origin of the log. A witness has a key of its own.
type Key struct{ private ed25519.PrivateKey }

// NewKey makes the key that belongs to a secret seed of [SeedSize] random bytes (RFC 8032
// §5.1.5). Invalid for another length.
func NewKey(seed []byte) (Key, error) {
	if len(seed) != SeedSize {
		return Key{}, entente.Errorf(entente.Invalid, "a ledger key is made of a seed of %d bytes; this one has %d", SeedSize, len(seed))
	}
	return Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// Public is the public half, 32 bytes.
func (k Key) Public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// Verifier checks what the key signs under a name: the origin of a log. Invalid if the
// name is none.
func (k Key) Verifier(name string) (Verifier, error) {
	return NewVerifier(name, k.Public())
}

// signer signs notes under a name.
type signer struct {
	Verifier
	sign func(text []byte) []byte
}

func (s signer) Sign(text []byte) ([]byte, error) { return s.sign(text), nil }

func (k Key) signer(name string) (note.Signer, error) {
	v, err := k.Verifier(name)
	return signer{v, func(text []byte) []byte { return ed25519.Sign(k.private, text) }}, err
}

// Verifier is a public key with the name under which it signs. It is a note.Verifier, and
// comparable only by its text.
type Verifier struct {
	name      string
	algorithm byte
	key       ed25519.PublicKey
}

// NewVerifier makes the verifier of the checkpoints of the log whose origin is name.
// Invalid if name cannot stand in a signed note, or key has not 32 bytes.
func NewVerifier(name string, key ed25519.PublicKey) (Verifier, error) {
	return newVerifier(name, algorithmNote, key)
}

func newVerifier(name string, algorithm byte, key []byte) (Verifier, error) {
	switch {
	case !isName(name):
		return Verifier{}, entente.Errorf(entente.Invalid, "%q cannot be the name of a key: it needs text without spaces and without + (C2SP signed-note)", clip(name))
	case len(key) != ed25519.PublicKeySize:
		return Verifier{}, entente.Errorf(entente.Invalid, "an Ed25519 public key has %d bytes; this one has %d", ed25519.PublicKeySize, len(key))
	}
	return Verifier{name, algorithm, bytes.Clone(key)}, nil
}

// ParseVerifier reads a verifier key, NAME+HASH+BASE64 (C2SP signed-note): an Ed25519 key of
// a log, or of a witness (cosignature/v1). Invalid for anything else, and for a hash that
// does not belong to the key.
func ParseVerifier(text string) (Verifier, error) {
	bad := func(why string) (Verifier, error) {
		return Verifier{}, entente.Errorf(entente.Invalid, "%q is not a verifier key NAME+HASH+BASE64: %s", clip(text), why)
	}
	name, rest, _ := strings.Cut(text, "+")
	hash, encoded, ok := strings.Cut(rest, "+")
	if !ok {
		return bad("it has not three parts")
	}
	key, err := decodeBase64(encoded)
	if err != nil || len(key) == 0 {
		return bad("its third part is not base64")
	}
	if key[0] != algorithmNote && key[0] != algorithmCosign {
		return bad(fmt.Sprintf("its key is of type %d; types %d (Ed25519) and %d (Ed25519 cosignature) are understood", key[0], algorithmNote, algorithmCosign))
	}
	v, err := newVerifier(name, key[0], key[1:])
	if err != nil {
		return Verifier{}, err
	}
	if v.String() != text {
		return bad("its hash is " + clip(hash) + ", but that of the key is " + v.hashText())
	}
	return v, nil
}

// Name is the name under which the key signs, for a log its origin.
func (v Verifier) Name() string { return v.name }

// KeyHash is the number that names the key among signatures (C2SP signed-note).
func (v Verifier) KeyHash() uint32 {
	h := sha256.New()
	h.Write([]byte(v.name + "\n"))
	h.Write([]byte{v.algorithm})
	h.Write(v.key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// Public is the public key, 32 bytes.
func (v Verifier) Public() ed25519.PublicKey { return v.key }

// Cosigns reports whether the key is one that cosigns, a witness's, and not a log's.
func (v Verifier) Cosigns() bool { return v.algorithm == algorithmCosign }

// IsZero reports whether there is no key at all.
func (v Verifier) IsZero() bool { return v.key == nil }

// String is the verifier key, NAME+HASH+BASE64.
func (v Verifier) String() string {
	return v.name + "+" + v.hashText() + "+" + base64.StdEncoding.EncodeToString(append([]byte{v.algorithm}, v.key...))
}

func (v Verifier) hashText() string { return fmt.Sprintf("%08x", v.KeyHash()) }

// Verify reports whether sig is the key's signature of the text of a note.
func (v Verifier) Verify(text, sig []byte) bool {
	if v.algorithm == algorithmCosign {
		time, signature, ok := splitCosignature(sig)
		return ok && ed25519.Verify(v.key, cosigned(text, time), signature)
	}
	return len(v.key) == ed25519.PublicKeySize && ed25519.Verify(v.key, text, sig)
}

// KeyStatement is what the key before signs to make next the key of the log's epoch: from
// the moment that the main log with this origin has this size.
func KeyStatement(origin string, from int64, next ed25519.PublicKey) []byte {
	return fmt.Appendf(nil, "entente/ledger-key/v1\n%s\n%d\n%x\n", origin, from, []byte(next))
}

// SignStatement signs bytes that begin with a line of their own, such as [KeyStatement]
// and [DiscontinuityStatement]: no signature of a note is one of these.
func (k Key) SignStatement(statement []byte) []byte { return ed25519.Sign(k.private, statement) }

func isName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.Contains(s, "+") &&
		strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || unicode.IsSpace(r) }) < 0
}

// decodeBase64 reads base64 that is written in the one way there is: padded, and without
// line ends or stray bits.
func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err == nil && strings.ContainsAny(s, "\r\n") {
		err = strconv.ErrSyntax
	}
	return b, err
}

// clip shortens s for a text, so that hostile input cannot flood a log.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
